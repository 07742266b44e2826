/** Where each process connects, and as whom. */
import { createHash, createHmac, hkdfSync, pbkdf2Sync, randomBytes } from "node:crypto";

export type DatabaseUrls = {
  /** An administrator with CREATEROLE who may become the owner; used by migrations and by the commands of the operator. */
  admin: string;
  /** The same login, acting as the owner of every object: what migrations connect with. */
  owner: string;
  /** The API's login: nobody until it becomes an application role. */
  authenticator: string;
  /** The queue's login: bound by row-level security, acts for the tenant named in its job. */
  worker: string;
};

/**
 * Derives every connection string from an administrator's alone. The passwords of the two logins come out of the secret key by HKDF, so
 * that `landfall migrate` and the processes agree on them without a file or a second variable.
 */
export function deriveUrls(adminUrl: string, secretKey: string, rolePrefix: string): DatabaseUrls {
  return {
    admin: adminUrl,
    owner: withRole(adminUrl, `${rolePrefix}_owner`),
    authenticator: withLogin(adminUrl, `${rolePrefix}_authenticator`, secretKey),
    worker: withLogin(adminUrl, `${rolePrefix}_worker`, secretKey),
  };
}

/** The password of one of our logins: 32 bytes of HKDF-SHA256 over the secret key, base64url. */
export function loginPassword(secretKey: string, login: string): string {
  return Buffer.from(hkdfSync("sha256", secretKey, "landfall login", login, 32)).toString("base64url");
}

/**
 * A password as PostgreSQL stores it (RFC 5803, `SCRAM-SHA-256$iterations:salt$stored:server`), so that the password itself never
 * reaches the server and cannot end up in its log.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16), iterations = 4096): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(hmac("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${stored}:${hmac("Server Key").toString("base64")}`;
}

/**
 * The ways in for a login whose password may be of either key while the key is changed: as given, and with the password that comes out of
 * the other key.
 */
export function waysIn(url: string, previousSecretKey: string | undefined): [string, ...string[]] {
  const { username } = new URL(url);
  return previousSecretKey === undefined ? [url] : [url, withLogin(url, username, previousSecretKey)];
}

function withRole(url: string, role: string): string {
  const parsed = new URL(url);
  parsed.searchParams.set("options", `-c role=${role}`);
  // pg decodes %20 and not "+", which is how URLSearchParams writes a blank.
  return parsed.toString().replace(/\+/g, "%20");
}

function withLogin(url: string, login: string, secretKey: string): string {
  const parsed = new URL(url);
  parsed.username = login;
  parsed.password = loginPassword(secretKey, login);
  return parsed.toString();
}
