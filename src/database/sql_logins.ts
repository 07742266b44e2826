/** Logins that speak SQL for one tenant: a role of the server, and the row of tenancy.sql_logins that pins it. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { errorCode, errorMessage, fail } from "../errors.ts";
import { deriveUrls, scramVerifier } from "./urls.ts";

export const sqlLoginKinds = ["reporter", "automation"] as const;
export type SqlLoginKind = (typeof sqlLoginKinds)[number];

/** Where logins are made: an administrator's connection, and what names and passwords are made of. */
export interface LoginServer {
  /** Connection string of an administrator, who may make roles. */
  adminUrl: string;
  secretKey: string;
  rolePrefix: string;
  /** Whether the server is Landfall's own, embedded one. */
  isEmbedded: boolean;
}

export interface SqlLoginRequest {
  tenantId: string;
  kind: SqlLoginKind;
  /** What people call it: with the tenant and the kind it is the login's identity. */
  name: string;
  description?: string | undefined;
  /** Set it, whatever it was; where nothing is said, the password of a login that is there stays. */
  password?: string | undefined;
  /** Gives the password of a login that has none yet. */
  makePassword(): string;
}

/** The login of `landfall psql` in each tenant, whose password comes out of the secret key. */
export const psqlLogin = { kind: "reporter", name: "psql" } as const;

export interface SqlLogin {
  loginName: string;
  /** Whether it was made now. */
  isNew: boolean;
  /** The password where it was set now. */
  password: string | undefined;
}

/**
 * What a login begins its sessions with. A session may set all of these but the last two otherwise, so they keep the careless from harm and
 * not the ill-meaning.
 */
const limits: Record<SqlLoginKind, { settings: Record<string, string>; connections: number; tempFiles: string }> = {
  reporter: {
    settings: {
      default_transaction_read_only: "on",
      statement_timeout: "2min",
      lock_timeout: "5s",
      idle_in_transaction_session_timeout: "5min",
    },
    connections: 5,
    tempFiles: "1GB",
  },
  automation: {
    settings: { statement_timeout: "30s", lock_timeout: "5s", idle_in_transaction_session_timeout: "1min" },
    connections: 20,
    tempFiles: "256MB",
  },
};

/**
 * The name of a login's role. Every login of the server can read the names of all roles, so it tells nothing of the tenant; it is always
 * the same one, so that making it twice is making it once; and it begins with our prefix, so that it is never somebody else's role.
 */
export function sqlLoginName(
  rolePrefix: string,
  { tenantId, kind, name }: Pick<SqlLoginRequest, "tenantId" | "kind" | "name">,
): string {
  const hash = createHash("sha256").update(`${tenantId} ${kind} ${name}`).digest("hex");
  return `${rolePrefix}_${kind}_${hash.slice(0, 10)}`;
}

/**
 * Makes a login for a tenant where it is missing, and brings what it may do up to date. Safe to repeat, and after a crash in the middle.
 *
 * @throws LandfallError `login_role_foreign` where the server has a role of its name that may do more than such a login
 */
export async function ensureSqlLogin(server: LoginServer, request: SqlLoginRequest): Promise<SqlLogin> {
  const loginName = sqlLoginName(server.rolePrefix, request);
  const isPinned = await pinLogin(server, request, loginName);
  return await withClient(server.adminUrl, async (client) => {
    const isThere = await hasRole(client, server, request.kind, loginName);
    const password = request.password ?? (isPinned && isThere ? undefined : request.makePassword());
    const name = pg.escapeIdentifier(loginName);
    const group = pg.escapeIdentifier(`${server.rolePrefix}_${request.kind}`);
    const { settings, connections, tempFiles } = limits[request.kind];
    const { rows } = await client.query<{ may: boolean }>(
      "select has_parameter_privilege(current_user, 'temp_file_limit', 'set') as may",
    );
    const all = { ...settings, ...(rows[0]?.may ? { temp_file_limit: tempFiles } : {}) };
    await retrying(() =>
      client.query(
        [
          ...(isThere ? [] : [`create role ${name}`]),
          `alter role ${name} login connection limit ${connections}`,
          ...(password === undefined
            ? []
            : [`alter role ${name} password ${pg.escapeLiteral(scramVerifier(password))}`]),
          ...Object.entries(all).map(([key, value]) => `alter role ${name} set ${key} = ${pg.escapeLiteral(value)}`),
          `grant ${group} to ${name} with inherit true, set true`,
          // Our own server has no other database for them: in `postgres` they could make things, and get in the way.
          ...(server.isEmbedded ? ["revoke all on database postgres, template1 from public"] : []),
        ].join(";\n"),
      ),
    );
    return { loginName, isNew: !isPinned, password };
  });
}

/**
 * Takes a login away: its row first, so that no statement of it counts any more, then its connections, what it owns, and the role.
 *
 * @returns whether there was one
 */
export async function dropSqlLogin(server: LoginServer, tenantId: string, loginName: string): Promise<boolean> {
  const isPinned = await withClient(ownerUrl(server), async (client) => {
    const { rowCount } = await client.query("delete from tenancy.sql_logins where tenant_id = $1 and login_name = $2", [
      tenantId,
      loginName,
    ]);
    return rowCount === 1;
  });
  const isDropped = await dropRole(server, loginName);
  return isPinned || isDropped;
}

/** Drops the role of a login, whether or not it is pinned still. */
export async function dropRole(server: LoginServer, loginName: string): Promise<boolean> {
  return await withClient(server.adminUrl, async (client) => {
    const { rowCount } = await client.query("select from pg_catalog.pg_roles where rolname = $1", [loginName]);
    if (rowCount === 0) return false;
    const name = pg.escapeIdentifier(loginName);
    await retrying(() => client.query(`alter role ${name} nologin; grant ${name} to current_user with inherit true`));
    await client.query("select pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where usename = $1", [
      loginName,
    ]);
    try {
      await retrying(() => client.query(`drop owned by ${name}; drop role ${name}`));
    } catch (error) {
      if (errorCode(error) !== "2BP01") throw error;
      fail(
        "login_role_used",
        `The role ${loginName} can no longer sign in, and cannot be dropped: ${errorMessage(error)}.`,
        `In the other databases of the server: drop owned by ${loginName}. Then revoke it again.`,
        error,
      );
    }
    return true;
  });
}

/** Whether it was pinned before. */
async function pinLogin(server: LoginServer, request: SqlLoginRequest, loginName: string): Promise<boolean> {
  const { tenantId, kind, name, description } = request;
  return await withClient(ownerUrl(server), async (client) => {
    const { rowCount } = await client.query(
      `insert into tenancy.sql_logins (tenant_id, login_name, kind, name, description) values ($1, $2, $3, $4, $5)
       on conflict on constraint sql_logins_login_name_key do nothing`,
      [tenantId, loginName, kind, name, description],
    );
    if (rowCount === 1) return false;
    await client.query(
      `update tenancy.sql_logins set is_active = true, description = coalesce($3, description)
       where tenant_id = $1 and login_name = $2`,
      [tenantId, loginName, description],
    );
    return true;
  });
}

/** Whether the role is there; one that could do more than such a login is left alone. */
async function hasRole(
  client: pg.Client,
  { rolePrefix }: LoginServer,
  kind: SqlLoginKind,
  loginName: string,
): Promise<boolean> {
  const { rows } = await client.query<{ is_plain: boolean; groups: string[] }>(
    `select not (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication) as is_plain,
       array(select g.rolname::text from pg_catalog.pg_auth_members m join pg_catalog.pg_roles g on g.oid = m.roleid where m.member = r.oid) as groups
     from pg_catalog.pg_roles r where rolname = $1`,
    [loginName],
  );
  const [role] = rows;
  if (role === undefined) return false;
  if (!role.is_plain || role.groups.some((group) => group !== `${rolePrefix}_${kind}`)) {
    fail(
      "login_role_foreign",
      `The server has a role ${loginName} that may do more than a ${kind}.`,
      "Drop or rename that role first: it was not made by Landfall.",
    );
  }
  return true;
}

function ownerUrl({ adminUrl, secretKey, rolePrefix }: LoginServer): string {
  return deriveUrls(adminUrl, secretKey, rolePrefix).owner;
}

async function withClient<T>(url: string, run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: "landfall login" });
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}

/** Roles are shared by every database of the server, so two at once can collide on them. */
async function retrying<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt === 10 || !/tuple concurrently (updated|deleted)/.test(errorMessage(error))) throw error;
      await sleep(20 * attempt);
    }
  }
}
