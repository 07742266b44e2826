/** Secrets as the database keeps them: sealed under the installation's key, each bound to what it belongs to. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { fail } from "./errors.ts";
import { findKey, keyIdOf, type SecretKeys } from "./keys.ts";

const ivBytes = 12;
const tagBytes = 16;

/** `v2:<key id>:<base64 of iv, tag and ciphertext>`; before keys had ids, `v1:<base64>`. */
const envelope = /^(?:v1|v2:(?<keyId>[\w-]{12})):(?<sealed>[A-Za-z0-9+/]+={0,2})$/;

function keyFrom(secretKey: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secretKey, "", "landfall publishing secrets v1", 32));
}

/**
 * Encrypts a secret for storage by AES-256-GCM, under a key derived from LANDFALL_SECRET_KEY by HKDF.
 *
 * @param secretKey the installation's secret key
 * @param plaintext the secret
 * @param context what the secret belongs to; the same must be given to open it
 * @returns text of the form `v2:<key id>:<base64 of iv, tag and ciphertext>`
 */
export function encryptSecret(secretKey: string, plaintext: string, context: string): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", keyFrom(secretKey), iv).setAAD(Buffer.from(context));
  const sealed = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final()]);
  return `v2:${keyIdOf(secretKey)}:${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64")}`;
}

/**
 * Opens what `encryptSecret` closed, under the key that it names.
 *
 * @throws LandfallError `secret_unreadable` where that key is not given, the context is another, or the text is not one of ours
 */
export function decryptSecret(keys: SecretKeys, ciphertext: string, context: string): string {
  const { keyId, sealed } = envelope.exec(ciphertext)?.groups ?? {};
  const named = keyId === undefined ? [keys.secretKey, keys.previousSecretKey] : [findKey(keys, keyId)];
  let cause: unknown;
  for (const key of named) {
    if (key === undefined || sealed === undefined) continue;
    try {
      return open(key, Buffer.from(sealed, "base64"), context);
    } catch (error) {
      cause = error;
    }
  }
  return fail(
    "secret_unreadable",
    "A stored secret cannot be opened with this LANDFALL_SECRET_KEY.",
    "Set LANDFALL_SECRET_KEY, or LANDFALL_SECRET_KEY_PREVIOUS, to the key with which it was stored, or set the client's token anew.",
    cause,
  );
}

function open(key: string, bytes: Buffer, context: string): string {
  const decipher = createDecipheriv("aes-256-gcm", keyFrom(key), bytes.subarray(0, ivBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
  return decipher.update(bytes.subarray(ivBytes + tagBytes), undefined, "utf8") + decipher.final("utf8");
}
