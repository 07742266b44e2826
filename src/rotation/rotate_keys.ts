/** What is kept under the secret key, and how it comes under another one. */
import pg from "pg";
import { alterPassword } from "../database/login_passwords.ts";
import { psqlLogin } from "../database/sql_logins.ts";
import { loginPassword } from "../database/urls.ts";
import { decryptSecret, encryptSecret } from "../encryption.ts";
import { fail } from "../errors.ts";
import { keyIdOf, type SecretKeys } from "../keys.ts";
import { mailSecretContext } from "../mail/send_mails.ts";
import { locationSecretContext } from "../publishing/credentials.ts";

/** A table with something sealed: its key first, then what each row's ciphertext is bound to. */
interface SealedColumn {
  what: SealedKind;
  table: string;
  key: readonly string[];
  column: string;
  /** Whether a row may be changed now. */
  isFree: string;
  /** The client of a location, where the ciphertext is bound to one. */
  clientId: string;
  context(row: Record<string, string>): string;
}

const sealedKinds = ["location tokens", "mails"] as const;
type SealedKind = (typeof sealedKinds)[number];

const sealedColumns: readonly SealedColumn[] = [
  {
    what: "location tokens",
    table: "app_private.location_secrets",
    key: ["tenant_id", "location_id"],
    column: "token_ciphertext",
    // A pair that is being renewed is kept by the ciphertext that it was read from.
    isFree: "coalesce(s.refreshing_until, '-infinity') < now()",
    clientId:
      "(select l.client_id from publishing.locations l where l.tenant_id = s.tenant_id and l.id = s.location_id)",
    context: ({ tenant_id = "", client_id = "" }) => locationSecretContext(tenant_id, client_id),
  },
  {
    what: "mails",
    table: "app_private.mails",
    key: ["id"],
    column: "sealed_body",
    isFree: "true",
    clientId: "null",
    context: () => mailSecretContext,
  },
];

/** How many of a kind are kept under which key. */
export interface KeyUse {
  what: SealedKind | "passwords";
  current: number;
  previous: number;
  /** From before keys had ids: under the current key or the previous one. */
  unnamed: number;
  /** Under keys that are not given. */
  other: number;
}

/** Rows in a transaction. */
const batchRows = 100;

/**
 * Counts what is kept under which key.
 *
 * @param client connected as the owner of the tables
 */
export async function readKeyUse(client: pg.ClientBase, keys: SecretKeys): Promise<KeyUse[]> {
  const named = sealedColumns.map(
    ({ what, table, column }) =>
      `select ${pg.escapeLiteral(what)}, case when ${column} like 'v2:%' then split_part(${column}, ':', 2) end
       from ${table} where ${column} is not null`,
  );
  const { rows } = await client.query<KeyUse>(
    `with kept (what, key_id) as (
       ${named.join(" union all ")}
       union all select 'passwords', parameters ->> 'keyId' from app_private.passwords
     )
     select kind.what,
       count(*) filter (where k.key_id = $2)::integer as current,
       count(*) filter (where k.key_id = $3)::integer as previous,
       count(*) filter (where k.what is not null and k.key_id is null)::integer as unnamed,
       count(*) filter (where k.key_id not in ($2, coalesce($3, '')))::integer as other
     from unnest($1::text[]) with ordinality as kind (what, place)
     left join kept k on k.what = kind.what
     group by kind.what, kind.place
     order by kind.place`,
    [[...sealedKinds, "passwords"], keyIdOf(keys.secretKey), keys.previousSecretKey && keyIdOf(keys.previousSecretKey)],
  );
  return rows;
}

/**
 * Refuses to change the key where something could not be brought along: a secret under a key that is not given, or passwords, unless
 * they are to be left behind.
 *
 * @throws LandfallError `key_unknown`
 */
export function refuseUnknownKeys(uses: readonly KeyUse[], leavesPasswords: boolean): void {
  const lost = uses.filter(({ what, other }) => other > 0 && !(what === "passwords" && leavesPasswords));
  if (lost.length === 0) return;
  const isPasswordsAlone = lost.every(({ what }) => what === "passwords");
  fail(
    "key_unknown",
    `${lost.map(({ what, other }) => `${other} ${what}`).join(" and ")} are kept under a key that is neither LANDFALL_SECRET_KEY nor LANDFALL_SECRET_KEY_PREVIOUS.`,
    isPasswordsAlone
      ? "Set LANDFALL_SECRET_KEY_PREVIOUS to the key before. Where that is it, these people have not signed in since an earlier change: add --leave-passwords, and they choose new ones by mail."
      : "Set LANDFALL_SECRET_KEY_PREVIOUS to the key before. Where it is lost, set the locations' tokens anew with setLocationToken.",
  );
}

/**
 * Brings everything that is sealed under the current key, in transactions of their own: broken off, it goes on where it was.
 *
 * @param client connected as the owner of the tables
 * @param onProgress told how many of a kind are done
 * @returns how many of each kind were brought along
 * @throws LandfallError `secret_unreadable` for one from before keys had ids that neither key opens
 */
export async function reseal(
  client: pg.ClientBase,
  keys: SecretKeys,
  onProgress: (what: SealedKind, done: number) => void = () => undefined,
): Promise<Record<SealedKind, number>> {
  const resealed = { "location tokens": 0, mails: 0 };
  for (const sealed of sealedColumns) {
    for (let rows = batchRows; rows === batchRows; ) {
      rows = await resealBatch(client, keys, sealed);
      resealed[sealed.what] += rows;
      onProgress(sealed.what, resealed[sealed.what]);
    }
  }
  return resealed;
}

async function resealBatch(client: pg.ClientBase, keys: SecretKeys, sealed: SealedColumn): Promise<number> {
  const { table, column, key, isFree, clientId, context } = sealed;
  const columns = key.map((name) => `s.${name}`).join(", ");
  await client.query("begin");
  try {
    const { rows } = await client.query<Record<string, string>>(
      `select ${columns}, ${clientId} as client_id, s.${column} as sealed
       from ${table} s
       where s.${column} is not null and s.${column} not like $1 and ${isFree}
       order by ${columns}
       limit ${batchRows}
       for update of s skip locked`,
      [`v2:${keyIdOf(keys.secretKey).replace(/_/g, "\\_")}:%`],
    );
    for (const row of rows) {
      const bound = context(row);
      const fresh = encryptSecret(keys.secretKey, decryptSecret(keys, row.sealed ?? "", bound), bound);
      await client.query(
        `update ${table} set ${column} = $1 where ${key.map((name, index) => `${name} = $${index + 2}`).join(" and ")}`,
        [fresh, ...key.map((name) => row[name])],
      );
    }
    await client.query("commit");
    return rows.length;
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}

/**
 * Gives the logins of `landfall psql` the passwords of the current key: with those of the other one nobody reads on.
 *
 * @param admin an administrator's connection, who may alter roles
 * @param owner the owner's, who reads which there are
 */
export async function rotatePsqlLogins(
  admin: pg.ClientBase,
  owner: pg.ClientBase,
  { secretKey }: SecretKeys,
): Promise<number> {
  const { rows } = await owner.query<{ login: string }>(
    `select l.login_name as login from tenancy.sql_logins l
     join pg_catalog.pg_roles r on r.rolname = l.login_name
     where l.name = $1 and l.kind = $2::tenancy.sql_login_kind`,
    [psqlLogin.name, psqlLogin.kind],
  );
  for (const { login } of rows) await admin.query(alterPassword(login, loginPassword(secretKey, login)));
  return rows.length;
}
