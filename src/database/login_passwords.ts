/** The passwords of the API's and the worker's logins, which come out of the secret key. */
import pg from "pg";
import { errorCode, fail } from "../errors.ts";
import type { SecretKeys } from "../keys.ts";
import type { LoginServer } from "./sql_logins.ts";
import { deriveUrls, loginPassword, scramVerifier } from "./urls.ts";

type Prefixed = Pick<LoginServer, "rolePrefix" | "secretKey">;

/**
 * Sets the passwords of both logins as the secret key gives them.
 *
 * @param client an administrator's
 */
export async function setLoginPasswords(client: pg.Client, { rolePrefix, secretKey }: Prefixed): Promise<void> {
  const logins = [`${rolePrefix}_authenticator`, `${rolePrefix}_worker`];
  await client.query(logins.map((login) => alterPassword(login, loginPassword(secretKey, login))).join("; "));
}

/** The statement that sets a password; the password itself is not in it. */
export function alterPassword(login: string, password: string): string {
  return `alter role ${pg.escapeIdentifier(login)} password ${pg.escapeLiteral(scramVerifier(password))}`;
}

/** A login, and which key its password came from. */
export interface RotatedLogin {
  login: string;
  before: "current" | "previous";
}

/**
 * Gives both logins the passwords of the secret key, at once. Connections that are open stay; who knows both keys goes on connecting.
 *
 * @throws LandfallError `previous_key_missing` where a login would be cut off without the other key, `login_key_unknown` where its password
 *   comes out of neither
 */
export async function rotateLogins(
  server: Pick<LoginServer, "adminUrl" | "rolePrefix"> & SecretKeys,
): Promise<RotatedLogin[]> {
  const rotated: RotatedLogin[] = [];
  const { adminUrl, rolePrefix, secretKey, previousSecretKey } = server;
  for (const kind of ["authenticator", "worker"] as const) {
    const login = `${rolePrefix}_${kind}`;
    const opens = (key: string) => isLetIn(deriveUrls(adminUrl, key, rolePrefix)[kind]);
    if (await opens(secretKey)) rotated.push({ login, before: "current" });
    else if (previousSecretKey === undefined) refuseWithoutPrevious();
    else if (await opens(previousSecretKey)) rotated.push({ login, before: "previous" });
    else {
      fail(
        "login_key_unknown",
        `The password of ${login} comes neither out of LANDFALL_SECRET_KEY nor out of LANDFALL_SECRET_KEY_PREVIOUS.`,
        "Set LANDFALL_SECRET_KEY_PREVIOUS to the key that the running processes have. Where you set the password yourself, change it there.",
      );
    }
  }
  const client = new pg.Client({ connectionString: adminUrl, application_name: "landfall login" });
  await client.connect();
  try {
    await setLoginPasswords(client, server);
  } finally {
    await client.end();
  }
  return rotated;
}

/** @throws LandfallError `previous_key_missing` */
export function refuseWithoutPrevious(): never {
  return fail(
    "previous_key_missing",
    "LANDFALL_SECRET_KEY_PREVIOUS is not set.",
    "Give every process both keys first: the new one as LANDFALL_SECRET_KEY, the one before as LANDFALL_SECRET_KEY_PREVIOUS.",
  );
}

async function isLetIn(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, application_name: "landfall login" });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch (error) {
    if (errorCode(error) === "28P01") return false;
    throw error;
  }
}
