/** The installation's secret key, and the one beside it while it is changed. */
import { createHash } from "node:crypto";

/** What opens what is kept under a key: a Config is one. */
export interface SecretKeys {
  /** LANDFALL_SECRET_KEY: seals, derives, and opens. */
  secretKey: string;
  /** LANDFALL_SECRET_KEY_PREVIOUS: opens what it sealed and derives what it derived, and nothing new. */
  previousSecretKey?: string | undefined;
}

/** By what a key is known beside what it keeps: it tells nothing of the key. */
export function keyIdOf(secretKey: string): string {
  return createHash("sha256").update("landfall secret key id").update(secretKey).digest("base64url").slice(0, 12);
}

/** The key of this id, where it is given. */
export function findKey({ secretKey, previousSecretKey }: SecretKeys, keyId: string): string | undefined {
  return [secretKey, previousSecretKey].find((key) => key !== undefined && keyIdOf(key) === keyId);
}
