/** Logins that speak SQL: made once, limited, revoked whole, and cut off with their tenant. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import {
  dropSqlLogin,
  ensureSqlLogin,
  type LoginServer,
  type SqlLoginRequest,
  sqlLoginName,
} from "../../src/database/sql_logins.ts";
import { createTenant, fillTenants, type Tenant } from "../security/world.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { refusal } from "../support/people.ts";
import { workQueue } from "../support/queue.ts";

let database: TestDatabase;
let server: LoginServer;
let ours: Tenant;
let worker: pg.Pool;
const made: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const { urls, secretKey, rolePrefix } = database;
  server = { adminUrl: urls.admin, secretKey, rolePrefix, isEmbedded: true };
  ours = await createTenant(database, "harbour");
  await fillTenants(database, [ours]);
  worker = createPool(urls.worker, { applicationName: "landfall tests", max: 4 });
});
afterAll(async () => {
  for (const name of made) await dropSqlLogin(server, ours.id, name);
  await worker.end();
  await database.drop();
});

async function make(change: Partial<SqlLoginRequest> = {}) {
  const request: SqlLoginRequest = {
    tenantId: ours.id,
    kind: "reporter",
    name: "reports",
    makePassword: () => "made by itself",
    ...change,
  };
  const login = await ensureSqlLogin(server, request);
  made.push(login.loginName);
  return login;
}

function urlOf(loginName: string, password: string): string {
  const url = new URL(database.urls.admin);
  url.username = loginName;
  url.password = password;
  return url.toString();
}

async function connected<T>(url: string, run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  // A connection that is ended by the server says so here.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}

const whoAmI = "select app.current_tenant_id() as tenant, app.current_app_role() as role";

test.each(["reporter", "automation"] as const)("can sign in as a %s, to one tenant, with limits", async (kind) => {
  const { loginName, isNew, password } = await make({ kind, name: `n8n-${kind}` });
  expect({ isNew, password }).toEqual({ isNew: true, password: "made by itself" });
  expect(loginName).toMatch(new RegExp(`^${database.rolePrefix}_${kind}_[0-9a-f]{10}$`));
  await connected(urlOf(loginName, "made by itself"), async (client) => {
    expect((await client.query(whoAmI)).rows).toEqual([{ tenant: ours.id, role: kind }]);
    const { rows } = await client.query<{ name: string; setting: string }>(
      `select name, setting from pg_settings
       where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'default_transaction_read_only', 'temp_file_limit')`,
    );
    const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
    for (const name of [
      "statement_timeout",
      "lock_timeout",
      "idle_in_transaction_session_timeout",
      "temp_file_limit",
    ]) {
      expect(Number(settings[name])).toBeGreaterThan(0);
    }
    expect(settings.default_transaction_read_only).toBe(kind === "reporter" ? "on" : "off");
  });
  expect(
    await database.query("select rolconnlimit > 0 as limited from pg_roles where rolname = $1", [loginName]),
  ).toEqual([{ limited: true }]);
});

test("can be made again without a change, with another password, and after a crash in the middle", async () => {
  const first = await make({ name: "again", description: "Ada's reports" });
  const second = await make({ name: "again" });
  expect(second).toEqual({ loginName: first.loginName, isNew: false, password: undefined });
  expect(
    await database.query("select description from tenancy.sql_logins where login_name = $1", [first.loginName]),
  ).toEqual([{ description: "Ada's reports" }]);
  const third = await make({ name: "again", password: "another one altogether" });
  expect(third).toMatchObject({ isNew: false, password: "another one altogether" });
  await connected(urlOf(first.loginName, "another one altogether"), (client) => client.query(whoAmI));
  await expect(connected(urlOf(first.loginName, "made by itself"), async () => undefined)).rejects.toMatchObject({
    code: "28P01",
  });

  // Pinned and not made; made and not pinned.
  await database.query(`drop role ${first.loginName}`);
  expect(await make({ name: "again" })).toMatchObject({ isNew: false, password: "made by itself" });
  await database.query("delete from tenancy.sql_logins where login_name = $1", [first.loginName]);
  expect(await make({ name: "again" })).toMatchObject({ isNew: true, password: "made by itself" });
});

test("cannot take over a role that may do more: LF034", async () => {
  const loginName = sqlLoginName(database.rolePrefix, { tenantId: ours.id, kind: "reporter", name: "taken" });
  await database.query(`create role ${loginName} login in role ${database.rolePrefix}_admin`);
  try {
    await expect(make({ name: "taken" })).rejects.toMatchObject({ code: "LF034" });
  } finally {
    await database.query("delete from tenancy.sql_logins where login_name = $1", [loginName]);
    await database.query(`drop role ${loginName}`);
  }
});

test("cannot tell of a tenant by its name, which everybody can read", async () => {
  const { loginName } = await make({ name: "secretive" });
  expect(loginName).not.toContain("harbour");
  expect(loginName).not.toContain("secretive");
  const elsewhere = sqlLoginName(database.rolePrefix, {
    tenantId: ours.people.admin.userId,
    kind: "reporter",
    name: "secretive",
  });
  expect(elsewhere).not.toBe(loginName);
});

test("can be revoked whole: its statements, its connection, the role and what it owns", async () => {
  const { loginName } = await make({ name: "leaver" });
  await database.query(`alter large object ${await largeObject()} owner to ${loginName}`);
  await connected(urlOf(loginName, "made by itself"), async (client) => {
    await client.query(whoAmI);
    expect(await dropSqlLogin(server, ours.id, loginName)).toBe(true);
    await expect(client.query(whoAmI)).rejects.toThrow();
  });
  expect(await database.query("select from pg_roles where rolname = $1", [loginName])).toEqual([]);
  expect(await database.query("select from tenancy.sql_logins where login_name = $1", [loginName])).toEqual([]);
  expect(await dropSqlLogin(server, ours.id, loginName)).toBe(false);
});

async function largeObject(): Promise<number> {
  const [row] = await database.query<{ oid: number }>("select lo_create(0) as oid");
  return row?.oid as number;
}

test.each([
  ["its tenant is suspended", "update tenancy.tenants set is_active = $1 where slug = 'harbour'", "LF048"],
  ["it is switched off", "update tenancy.sql_logins set is_active = $1 where name = 'cursor'", undefined],
])("cannot fetch from what it has begun once %s", async (_case, flip, code) => {
  const { loginName } = await make({ name: "cursor" });
  const url = urlOf(loginName, "made by itself");
  await connected(url, async (client) => {
    await client.query("begin");
    await client.query("declare c cursor for select * from imports.records");
    await client.query("fetch 1 from c");
    await database.query(flip, [false]);
    try {
      await workQueue(database, worker);
      await expect(client.query("fetch all from c")).rejects.toThrow();
      const late = connected(url, (again) => again.query("select from journeys.clients"));
      if (code === undefined) expect((await late).rowCount).toBe(0);
      else expect(await refusal(late)).toMatchObject({ code });
    } finally {
      await database.query(flip, [true]);
    }
  });
  await connected(url, async (client) => {
    expect((await client.query("select from journeys.clients")).rowCount).toBeGreaterThan(0);
  });
});
