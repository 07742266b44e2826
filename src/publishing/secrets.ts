import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { fail } from "../errors.ts";

const prefix = "v1:";
const ivBytes = 12;
const tagBytes = 16;

function keyFrom(secretKey: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secretKey, "", "landfall publishing secrets v1", 32));
}

/** What a location's token is bound to, so that its ciphertext opens in no other row. */
export function locationSecretContext(tenantId: string, clientId: string): string {
  return `location-token:${tenantId}:${clientId}`;
}

/**
 * Encrypts a secret for storage by AES-256-GCM, under a key derived from LANDFALL_SECRET_KEY by HKDF.
 *
 * @param secretKey the installation's secret key
 * @param plaintext the secret
 * @param context what the secret belongs to; the same must be given to open it
 * @returns text of the form `v1:<base64 of iv, tag and ciphertext>`
 */
export function encryptSecret(secretKey: string, plaintext: string, context: string): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", keyFrom(secretKey), iv).setAAD(Buffer.from(context));
  const sealed = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final()]);
  return prefix + Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64");
}

/**
 * Opens what `encryptSecret` closed.
 *
 * @throws LandfallError `secret_unreadable` where the key or the context is another, or the text is not one of ours
 */
export function decryptSecret(secretKey: string, ciphertext: string, context: string): string {
  const bytes = Buffer.from(ciphertext.slice(prefix.length), "base64");
  const iv = bytes.subarray(0, ivBytes);
  const tag = bytes.subarray(ivBytes, ivBytes + tagBytes);
  try {
    if (!ciphertext.startsWith(prefix)) throw new Error("unknown format");
    const decipher = createDecipheriv("aes-256-gcm", keyFrom(secretKey), iv, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(context)).setAuthTag(tag);
    return decipher.update(bytes.subarray(ivBytes + tagBytes), undefined, "utf8") + decipher.final("utf8");
  } catch (error) {
    return fail(
      "secret_unreadable",
      "A stored token cannot be opened with this LANDFALL_SECRET_KEY.",
      "Set LANDFALL_SECRET_KEY to the key with which it was stored, or set the client's token anew.",
      error,
    );
  }
}
