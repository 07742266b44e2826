/** A login that speaks SQL and means ill: whatever it sets, makes or asks for, it stays who it is and sees what it saw. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { dropSqlLogin, ensureSqlLogin, type LoginServer, type SqlLoginKind } from "../../src/database/sql_logins.ts";
import { errorCode } from "../../src/errors.ts";
import { createTenant, fillTenants, rowOf, type Tenant } from "../security/world.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let server: LoginServer;
let ours: Tenant;
let theirs: Tenant;
const kinds: SqlLoginKind[] = ["reporter", "automation"];
let logins: Record<SqlLoginKind, { name: string; url: string }>;
/** A session of somebody else's, in the middle of something of theirs. */
let victim: pg.Client;
let victimPid: number;
let fingerprint: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  const { urls, secretKey, rolePrefix } = database;
  server = { adminUrl: urls.admin, secretKey, rolePrefix, isEmbedded: true };
  ours = await createTenant(database, "harbour");
  theirs = await createTenant(database, "meadow");
  await fillTenants(database, [ours, theirs]);
  logins = { reporter: await makeLogin("reporter"), automation: await makeLogin("automation") };
  victim = new pg.Client({ connectionString: urls.authenticator });
  await victim.connect();
  victimPid = (await victim.query("select pg_backend_pid() as pid, 'meadow'")).rows[0].pid;
  fingerprint = await takeFingerprint();
});
afterAll(async () => {
  await victim.end();
  for (const { name } of Object.values(logins)) await dropSqlLogin(server, ours.id, name);
  await database.drop();
});

async function makeLogin(kind: SqlLoginKind) {
  const password = randomUUID();
  const { loginName } = await ensureSqlLogin(server, {
    tenantId: ours.id,
    kind,
    name: "hostile",
    password,
    makePassword: () => password,
  });
  const url = new URL(database.urls.admin);
  url.username = loginName;
  url.password = password;
  return { name: loginName, url: url.toString() };
}

/** Everything in every tenant table, what there is in this database, and what our roles and these logins are: other tests make roles, too. */
async function takeFingerprint(): Promise<Record<string, string>> {
  const tables = await database.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c
     where c.relkind in ('r', 'p') and not c.relispartition and obj_description(c.oid, 'pg_class') ~ '@class (tenant|global)' order by 1`,
  );
  const { rolePrefix } = database;
  const words = ["owner", "authenticator", "visitor", "viewer", "editor", "admin", "client", "operator", "worker"];
  const roles = [...words, ...kinds].map((word) => `${rolePrefix}_${word}`);
  const names = [...roles, ...Object.values(logins).map(({ name }) => name)].map((name) => `'${name}'`).join(", ");
  const parts: [string, string][] = [
    ...tables.map(({ name }): [string, string] => [name, `select t::text as row from ${name} t`]),
    [
      "roles",
      `select r::text as row from (select rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls from pg_roles where rolname in (${names})) r`,
    ],
    [
      "memberships",
      `select m::text as row from (select roleid::regrole, member::regrole, admin_option, inherit_option, set_option from pg_auth_members where member::regrole::text in (${names})) m`,
    ],
    [
      "objects",
      "select count(*)::text as row from pg_class union all select count(*)::text from pg_proc union all select count(*)::text from pg_namespace",
    ],
    ["large objects", "select oid::text as row from pg_largeobject_metadata"],
  ];
  const fingerprints: Record<string, string> = {};
  for (const [name, rows] of parts) {
    const [row] = await database.query<{ hash: string }>(
      `select count(*) || ' ' || md5(coalesce(string_agg(r.row, '|' order by r.row), '')) as hash from (${rows}) r`,
    );
    fingerprints[name] = row?.hash as string;
  }
  return fingerprints;
}

interface Attack {
  /** Statements, one after the other, in one session; the settings that they leave are there when the loot is counted. */
  sql: string | (() => string);
  /** The code that refuses the last of them, or two of which one does; where nothing is said it is let through and gains nothing. */
  refused?: string;
}

const role = (word: string) => `${database.rolePrefix}_${word}`;
const claimTheirs = () =>
  [
    ["app.tenant_id", theirs.id],
    ["app.user_id", theirs.people.admin.userId],
    ["app.session_id", theirs.people.admin.sessionId],
    ["app.import_batch_id", rowOf(theirs, "imports.batches").id],
  ]
    .map(([name, value]) => `set ${name} = '${value}'`)
    .join("; ");

const denied = "42501";
const attacks: Record<string, Attack> = {
  // To be somebody else.
  ...Object.fromEntries(
    ["visitor", "viewer", "editor", "admin", "client", "operator", "worker", "authenticator", "owner"].map((word) => [
      `set role ${word}`,
      { sql: () => `set role ${role(word)}`, refused: denied },
    ]),
  ),
  "set role to a superuser": { sql: "set role postgres", refused: denied },
  "set role by a function": { sql: () => `select set_config('role', '${role("admin")}', false)`, refused: denied },
  "set role in an anonymous block": {
    sql: () => `do $$ begin execute 'set role ${role("owner")}'; end $$`,
    refused: denied,
  },
  "set session authorization": { sql: () => `set session authorization ${role("worker")}`, refused: denied },
  "no role": { sql: "set role none" },
  "every setting of another tenant": { sql: claimTheirs },
  "the settings of another tenant, and the API's role by name": {
    sql: () => `${claimTheirs()}; select set_config('app.role', '${role("admin")}', false)`,
  },
  "grant oneself a role": { sql: () => `grant ${role("admin")} to current_user`, refused: denied },
  "make oneself a superuser": { sql: "alter role current_user superuser", refused: denied },
  "pass over row security": { sql: "alter role current_user bypassrls", refused: denied },
  "make a role": { sql: "create role mine superuser", refused: denied },
  "change the worker's password": { sql: () => `alter role ${role("worker")} password 'mine'`, refused: denied },
  "a role of one's own choice at sign-in": { sql: () => `alter role current_user set role = '${role("admin")}'` },
  "settings of one's own choice at sign-in": {
    sql: () => `alter role current_user set app.tenant_id = '${theirs.id}'`,
  },
  // To switch protection off.
  "row security off": { sql: "set row_security = off; select from journeys.clients", refused: denied },
  "triggers and keys off": { sql: "set session_replication_role = replica", refused: denied },
  "alter system": { sql: "alter system set row_security = off", refused: denied },
  "disable row level security": { sql: "alter table journeys.clients disable row level security", refused: denied },
  "a policy of one's own": { sql: "create policy mine on journeys.clients using (true)", refused: denied },
  "drop a policy": { sql: "drop policy all_tenant on journeys.clients", refused: denied },
  "drop a table": { sql: "drop table journeys.clients", refused: denied },
  truncate: { sql: "truncate journeys.clients cascade", refused: denied },
  "grant oneself a table": { sql: "grant all on app_private.passwords to current_user", refused: denied },
  "own what is another's": { sql: () => `reassign owned by ${role("owner")} to current_user`, refused: denied },
  "default privileges": {
    sql: () => `alter default privileges for role ${role("owner")} grant all on tables to public`,
    refused: denied,
  },
  "replace a helper": {
    sql: "create or replace function app.current_tenant_id() returns uuid language sql as $$ select null::uuid $$",
    refused: denied,
  },
  "alter a helper": { sql: "alter function app.current_tenant_id() security invoker", refused: denied },
  "a lock that shuts others out": {
    sql: "begin; lock table journeys.clients in access exclusive mode",
    refused: denied,
  },
  // To put something in the way.
  "a search path of one's own": { sql: "set search_path = pg_temp, public, pg_catalog, journeys" },
  "a temporary table": { sql: "create temporary table tenants (id uuid)", refused: denied },
  "a temporary view": { sql: "create temporary view clients as select 1", refused: denied },
  "a temporary function": {
    sql: "create function pg_temp.current_tenant_id() returns uuid language sql as $$ select null::uuid $$",
    refused: denied,
  },
  "select into": { sql: "select 1 as one into temporary mine", refused: denied },
  "a schema": { sql: "create schema mine", refused: denied },
  "a table in public": { sql: "create table public.mine ()", refused: denied },
  "a function in public": {
    sql: "create function public.mine() returns int language sql as 'select 1'",
    refused: denied,
  },
  "a function in a module": {
    sql: "create function journeys.mine() returns int language sql as 'select 1'",
    refused: denied,
  },
  "a leaky operator": {
    sql: "create operator public.=== (leftarg = text, rightarg = text, function = texteq)",
    refused: denied,
  },
  "a cast": { sql: "create cast (text as integer) with inout", refused: "42501" },
  "a trigger": {
    sql: "create trigger mine before insert on journeys.clients for each row execute function suppress_redundant_updates_trigger()",
    refused: denied,
  },
  "an event trigger": {
    sql: "create event trigger mine on ddl_command_end execute function pg_event_trigger_ddl_commands()",
    refused: denied,
  },
  "a rule": { sql: "create rule mine as on insert to journeys.clients do instead nothing", refused: denied },
  "a publication": { sql: "create publication mine for all tables", refused: denied },
  "a subscription": { sql: "create subscription mine connection 'dbname=postgres' publication mine", refused: denied },
  "a database": { sql: "create database mine", refused: denied },
  "a tablespace": { sql: "create tablespace mine location '/tmp'", refused: denied },
  "an extension": { sql: "create extension dblink", refused: denied },
  "another server": { sql: "create server mine foreign data wrapper mine", refused: "42704" },
  "a language": { sql: "create language plpython3u", refused: denied },
  "a library": { sql: "load '$libdir/dblink'", refused: denied },
  // To get at files, programs and other databases.
  "read a file": { sql: "select pg_read_file('/etc/passwd')", refused: denied },
  "read a file's bytes": { sql: "select pg_read_binary_file('postgresql.conf')", refused: denied },
  "list a folder": { sql: "select pg_ls_dir('.')", refused: denied },
  "list the log": { sql: "select pg_ls_logdir()", refused: denied },
  "copy from a file": { sql: "copy journeys.clients (name) from '/etc/passwd'", refused: denied },
  "copy to a file": { sql: "copy (select 1) to '/tmp/landfall-hostile'", refused: denied },
  "copy to a program": { sql: "copy (select 1) to program 'id'", refused: denied },
  "copy from a program": { sql: "copy journeys.clients (name) from program 'id'", refused: denied },
  dblink: { sql: "select dblink_connect('host=127.0.0.1 dbname=postgres')", refused: "42883" },
  "import a file as a large object": { sql: "select lo_import('/etc/passwd')", refused: denied },
  "export a large object": { sql: "select lo_export(1, '/tmp/landfall-hostile')", refused: denied },
  "a large object": { sql: "select lo_create(0)", refused: denied },
  "a large object with bytes": { sql: "select lo_from_bytea(0, 'mine')", refused: denied },
  "a large object by its old name": { sql: "select lo_creat(-1)", refused: denied },
  // To read what is the server's.
  "passwords of roles": { sql: "select rolpassword from pg_authid", refused: denied },
  "the shadow": { sql: "select passwd from pg_shadow", refused: denied },
  "who may connect": { sql: "select * from pg_hba_file_rules", refused: denied },
  secrets: { sql: "select * from app_private.location_secrets", refused: denied },
  "derived passwords": { sql: "select * from app_private.passwords", refused: denied },
  "payloads of imports": { sql: "select * from app_private.import_payloads", refused: denied },
  "the queue": { sql: "select * from graphile_worker._private_jobs", refused: denied },
  "what is done above the tenants": { sql: "select * from audit.operator_deeds", refused: denied },
  "statistics of columns": {
    sql: "select 1 / (count(*) = 0)::integer from pg_stats where schemaname in ('tenancy', 'journeys', 'imports', 'leadgen', 'publishing')",
  },
  "what others are doing": {
    sql: () =>
      `select 1 / (query = '<insufficient privilege>')::integer from pg_stat_activity where pid = ${victimPid}`,
  },
  // To call what is for others.
  "a job": { sql: "select graphile_worker.add_job('tenancy/cut_off_logins', '{}')", refused: denied },
  "sign in": { sql: "select app.sign_in('a@b.test', '', null, '1 day', null, null)", refused: denied },
  "become an operator": { sql: "select app.sign_in_operator('a@b.test', '', '1 day', null, null)", refused: denied },
  "what a password is derived by": { sql: "select app.password_parameters('a@b.test', '', '{}')", refused: denied },
  "which role a session has": {
    sql: () => `select app.authorize_session('${randomUUID()}', '${randomUUID()}', '${theirs.id}')`,
    refused: denied,
  },
  "suspend a tenant": { sql: "select tenancy.suspend_tenant('meadow')", refused: denied },
  "make a tenant": {
    sql: "select app.create_tenant('mine', 'Mine', null, 'a@b.test', null, '', '{}', '')",
    refused: denied,
  },
  "wake everything": { sql: "select publishing.resume_publications()", refused: denied },
  "an internal": { sql: "select app_private.current_identity()", refused: denied },
  "an internal, and an operator": {
    sql: () =>
      `${claimTheirs()}; select app_private.set_password('${theirs.people.admin.userId}', '', '{}', '', false)`,
    refused: denied,
  },
  // To disturb.
  "end another's session": { sql: () => `select pg_terminate_backend(${victimPid})`, refused: denied },
  "cancel another's statement": { sql: () => `select pg_cancel_backend(${victimPid})`, refused: denied },
  "reload the configuration": { sql: "select pg_reload_conf()", refused: denied },
  "a checkpoint": { sql: "checkpoint", refused: denied },
  "a replication slot": { sql: "select pg_create_logical_replication_slot('mine', 'test_decoding')", refused: denied },
  "switch the log": { sql: "select pg_switch_wal()", refused: denied },
  "listen to another tenant": { sql: () => `listen "tenant:${theirs.id}"; listen "jobs:insert"` },
  "notify another tenant": { sql: () => `notify "tenant:${theirs.id}", 'suspended'; notify "jobs:insert"` },
  "advisory locks": { sql: "select pg_advisory_lock(1); select pg_advisory_lock(hashtext('journeys.journeys.slug'))" },
  // To ask twice.
  "a statement prepared before the settings": {
    sql: () => `prepare loot as select count(*) from journeys.clients; ${claimTheirs()}; execute loot`,
  },
  "a cursor that is held": {
    sql: () =>
      `declare loot cursor with hold for select * from journeys.clients; ${claimTheirs()}; fetch all from loot`,
  },
  "an error that speaks": {
    sql: "select name::integer from journeys.clients where slug like 'canary-meadow%' or name like 'canary-meadow%'",
  },
  "an error at another's row": {
    sql: "select 1 / (case when name like '%meadow%' then 0 else 1 end) from journeys.clients",
  },
  "a transaction snapshot of another's": {
    sql: "begin isolation level repeatable read; set transaction snapshot '00000003-0000001B-1'",
    refused: "42704 or 22023",
  },
  "rows by ctid": { sql: "select from journeys.clients where ctid = '(0,2)'" },
  "a sample": { sql: "select * from journeys.clients tablesample system (100)" },
};

describe.each(kinds)("as a %s", (kind) => {
  test.each(Object.keys(attacks))("cannot gain by: %s", async (name) => {
    const { sql, refused } = attacks[name] as Attack;
    const text = typeof sql === "string" ? sql : sql();
    await connected(logins[kind].url, async (client) => {
      // The limits that a session begins with are its own to lift.
      await client.query("set statement_timeout = 0; set lock_timeout = 0; set default_transaction_read_only = off");
      const outcome = await client.query(text).then(
        () => "passed",
        (error: Error) => {
          expect(error.message).not.toContain("meadow");
          return errorCode(error);
        },
      );
      // What it may not even name is refused too.
      if (refused === undefined) expect(["passed", denied]).toContain(outcome);
      else expect(refused.split(" or ")).toContain(outcome);
      await client.query("rollback");
      await expectNobodyElse(client, kind);
      if (outcome === "passed") await expectNoLoot(client, kind);
    });
    if (!text.startsWith("alter role current_user set")) return;
    // What it left for the next sign-in.
    await connected(logins[kind].url, async (client) => {
      await expectNobodyElse(client, kind);
      await expectNoLoot(client, kind);
    });
    await database.query(`alter role ${logins[kind].name} reset all`);
  });

  test("cannot connect to another database of the server: 42501", async () => {
    for (const name of ["postgres", "template1"]) {
      const url = logins[kind].url.replace(/\/[^/]*$/, `/${name}`);
      await expect(connected(url, async () => undefined)).rejects.toMatchObject({ code: denied });
    }
  });
});

test("cannot have changed a row, a role or an object, all of that together", async () => {
  expect(await takeFingerprint()).toEqual(fingerprint);
  expect((await victim.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
});

async function connected<T>(url: string, run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}

/** It is who it was. */
async function expectNobodyElse(client: pg.Client, kind: SqlLoginKind): Promise<void> {
  const [role] = (await client.query<{ name: string }>("select current_setting('role') as name")).rows;
  // Whoever gave up their rights sees less than nothing; who they are stays.
  if (role?.name === "none") {
    const { rows } = await client.query(
      "select session_user::text as login, pg_has_role(session_user, $1, 'usage') as may",
      [`${database.rolePrefix}_${kind}`],
    );
    expect(rows).toEqual([{ login: logins[kind].name, may: true }]);
  }
  const { rows } = await client.query(
    "select app.current_tenant_id() as tenant, app.current_app_role() as role, app.current_user_id() as person, app.current_import_batch_id() as batch",
  );
  expect(rows).toEqual([{ tenant: ours.id, role: kind, person: null, batch: null }]);
}

/** It sees nothing of the other tenant in anything that it may read. */
async function expectNoLoot(client: pg.Client, kind: SqlLoginKind): Promise<void> {
  const readable = await client.query<{ name: string }>(
    `select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v') and not c.relispartition and n.nspname !~ '^(pg_|information_schema)'
       and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')`,
  );
  expect(readable.rows.length).toBeGreaterThan(kind === "reporter" ? 40 : 0);
  const parts = readable.rows.map(
    ({ name }) =>
      `select '${name}' as place from ${name} loot where loot::text ~ 'meadow' or loot::text ~ '${theirs.id}'`,
  );
  expect((await client.query(parts.join(" union all "))).rows).toEqual([]);
}
