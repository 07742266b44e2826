import { argon2, hkdfSync, randomBytes } from "node:crypto";
import { isDeepStrictEqual, promisify } from "node:util";
import { z } from "zod";
import { findKey, keyIdOf, type SecretKeys } from "../keys.ts";

const derive = promisify(argon2);

/** Shortest password that is taken; length is what makes a password strong (NIST SP 800-63B). */
export const MIN_PASSWORD_LENGTH = 12;

/** Longest one, in characters: more is no stronger and costs time. */
export const MAX_PASSWORD_LENGTH = 1_000;

/** How a password was derived: kept beside its hash, so that the cost can rise and the key change without locking anybody out. */
export const passwordParametersSchema = z.object({
  algorithm: z.literal("argon2id"),
  memoryKib: z.int(),
  passes: z.int(),
  parallelism: z.int(),
  /** Of the secret key that went in; missing where it was derived before keys had ids. */
  keyId: z.string().optional(),
});

export type PasswordParameters = z.infer<typeof passwordParametersSchema>;

/** OWASP's second choice for argon2id: 19 MiB, two passes, one lane. */
export const CURRENT_PARAMETERS: PasswordParameters = {
  algorithm: "argon2id",
  memoryKib: 19 * 1_024,
  passes: 2,
  parallelism: 1,
};

/** A password as the database takes it: it stores and compares a hash of `derived` and hands neither out. */
export interface DerivedPassword {
  salt: Buffer;
  parameters: PasswordParameters;
  derived: Buffer;
}

/**
 * Derives 32 bytes from a password with argon2id. The secret key goes in as pepper, so that the database alone does not suffice to
 * guess passwords.
 *
 * @param password as typed; normalised to NFKC, so that it does not depend on the keyboard
 * @param salt at least 16 bytes
 * @param parameters cost
 * @param keys the one that the parameters name goes in; where it is not given, the current one, and what is derived is nobody's
 */
export function derivePassword(
  password: string,
  salt: Uint8Array,
  parameters: PasswordParameters,
  keys: SecretKeys,
): Promise<Buffer> {
  const named = parameters.keyId === undefined ? undefined : findKey(keys, parameters.keyId);
  return derive(parameters.algorithm, {
    message: password.normalize("NFKC"),
    nonce: salt,
    memory: parameters.memoryKib,
    passes: parameters.passes,
    parallelism: parameters.parallelism,
    tagLength: 32,
    secret: new Uint8Array(hkdfSync("sha256", named ?? keys.secretKey, "landfall password pepper", "argon2id", 32)),
  });
}

/**
 * A new password, ready for app.change_password and its like.
 *
 * @param password as typed; checking its strength is the caller's affair
 * @param secretKey LANDFALL_SECRET_KEY
 */
export async function newPassword(password: string, secretKey: string): Promise<DerivedPassword> {
  const salt = randomBytes(16);
  const parameters = { ...CURRENT_PARAMETERS, keyId: keyIdOf(secretKey) };
  return { salt, parameters, derived: await derivePassword(password, salt, parameters, { secretKey }) };
}

/** Whether a password would be derived otherwise today: at another cost, or under another key. */
export function isOutdated(parameters: PasswordParameters, secretKey: string): boolean {
  return !isDeepStrictEqual(parameters, { ...CURRENT_PARAMETERS, keyId: keyIdOf(secretKey) });
}

/** A password that is easy to read out and hard to guess: four groups of five characters, 100 bits. */
export function oneTimePassword(): string {
  const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
  const characters = [...randomBytes(20)].map((byte) => alphabet[byte % 32]);
  return [0, 5, 10, 15].map((from) => characters.slice(from, from + 5).join("")).join("-");
}
