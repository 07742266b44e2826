/** Every application role against every tenant table: nothing of another tenant can be seen, locked, taken, changed or removed. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type pg from "pg";
import { errorCode, errorMessage } from "../../../src/errors.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../../support/database.ts";
import { claim, createLogin, createTenant, fillTenants, type Login, settingsFor, type Tenant } from "./world.ts";

let database: TestDatabase;
let ours: Tenant;
let theirs: Tenant;
let tables: string[];
/** A role without usage of a schema cannot even resolve the names in it. */
let oids: Map<string, string>;
let reporter: Login;
let automation: Login;
let operator: Login;

beforeAll(async () => {
  database = await createTestDatabase();
  ours = await createTenant(database, "harbour");
  theirs = await createTenant(database, "meadow");
  tables = await fillTenants(database, [ours, theirs]);
  const found = await database.query<{ name: string; oid: string }>(
    "select name, name::regclass::oid as oid from unnest($1::text[]) name",
    [tables],
  );
  oids = new Map(found.map(({ name, oid }) => [name, oid]));
  reporter = await createLogin(database, "reporter", ours.id);
  automation = await createLogin(database, "automation", ours.id);
  operator = await createLogin(database, "operator");
});
afterAll(async () => {
  for (const login of [reporter, automation, operator]) await login.drop();
  await database.drop();
});

/** Everything that a session can claim to be of ours, and one thing that it is not: theirs. */
const identities: Record<string, () => { url: string; settings: Record<string, string> }> = {
  visitor: () => ({ url: database.urls.authenticator, settings: { role: `${database.rolePrefix}_visitor` } }),
  viewer: () => ({ url: database.urls.authenticator, settings: settingsFor(database, ours, "viewer") }),
  client: () => ({ url: database.urls.authenticator, settings: settingsFor(database, ours, "client") }),
  editor: () => ({ url: database.urls.authenticator, settings: settingsFor(database, ours, "editor") }),
  admin: () => ({ url: database.urls.authenticator, settings: settingsFor(database, ours, "admin") }),
  operator: () => ({ url: operator.url, settings: { role: `${database.rolePrefix}_operator` } }),
  "the API's login itself": () => ({ url: database.urls.authenticator, settings: {} }),
  worker: () => ({ url: database.urls.worker, settings: { "app.tenant_id": ours.id } }),
  "worker under an import": () => ({
    url: database.urls.worker,
    settings: { "app.tenant_id": ours.id, "app.import_batch_id": ours.rows.get("imports.batches")?.id as string },
  }),
  reporter: () => ({ url: reporter.url, settings: {} }),
  automation: () => ({ url: automation.url, settings: {} }),
};

/** Rows that a statement reached, or the code of what refused it. */
async function outcome(client: pg.Client, sql: string, values: unknown[]): Promise<number | string> {
  await client.query("savepoint before");
  try {
    return (await client.query(sql, values)).rowCount ?? 0;
  } catch (error) {
    return errorCode(error) ?? errorMessage(error);
  } finally {
    await client.query("rollback to savepoint before");
  }
}

/** A column of a table that this session may change, or its id where there is none. */
async function changeableColumn(client: pg.Client, table: string): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `select a.attname as name from pg_attribute a
     where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
       and a.attname <> 'tenant_id' and has_column_privilege(a.attrelid, a.attnum, 'update')
     order by a.attname = 'version', a.attnum limit 1`,
    [oids.get(table)],
  );
  return rows[0]?.name ?? "id";
}

async function fingerprint(table: string): Promise<string> {
  const [row] = await database.query<{ hash: string }>(
    `select count(*) || md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as hash from ${table} t where t.tenant_id = $1`,
    [theirs.id],
  );
  return row?.hash as string;
}

test("can find a row of each tenant in every tenant table", async () => {
  const empty: string[] = [];
  for (const table of tables) {
    const [row] = await database.query<{ tenants: number }>(
      `select count(distinct tenant_id)::integer as tenants from ${table} where tenant_id in ($1, $2)`,
      [ours.id, theirs.id],
    );
    if (row?.tenants !== 2) empty.push(table);
  }
  expect(empty).toEqual([]);
  expect(tables.length).toBeGreaterThan(30);
});

describe.each(Object.keys(identities))("as %s", (name) => {
  test("cannot see or touch a row of another tenant 42501", async () => {
    const breaches: string[] = [];
    const before = new Map<string, string>();
    for (const table of tables) before.set(table, await fingerprint(table));
    const identity = (identities[name] as (typeof identities)[string])();
    await rolledBack(identity.url, async (client) => {
      await claim(client, identity.settings);
      for (const table of tables) {
        const { id } = theirs.rows.get(table) as { id: string };
        const column = await changeableColumn(client, table);
        const copy = { ...theirs.rows.get(table), id: "00000000-0000-4000-8000-00000000000f" };
        const key = [theirs.id, id];
        const probes: Record<string, number | string> = {
          select: await outcome(client, `select id from ${table} where tenant_id = $1 and id = $2`, key),
          "select by id": await outcome(client, `select id from ${table} where id = $1`, [id]),
          lock: await outcome(client, `select id from ${table} where tenant_id = $1 and id = $2 for update`, key),
          insert: await outcome(
            client,
            `insert into ${table} (tenant_id, id) select r.tenant_id, r.id from jsonb_populate_record(null::${table}, $1) r`,
            [JSON.stringify(copy)],
          ),
          update: await outcome(
            client,
            `update ${table} set ${column} = ${column} where tenant_id = $1 and id = $2`,
            key,
          ),
          "give away": await outcome(client, `update ${table} set tenant_id = $1`, [theirs.id]),
          delete: await outcome(client, `delete from ${table} where tenant_id = $1 and id = $2`, key),
          truncate: await outcome(client, `truncate ${table} cascade`, []),
        };
        for (const [probe, result] of Object.entries(probes)) {
          // A state that cannot be, or a record that never changes, is refused before the policy is asked.
          const isRefused =
            /^(42501|LF004|LF007)$/.test(String(result)) ||
            (result === 0 && probe !== "insert" && probe !== "truncate");
          if (!isRefused) breaches.push(`${table} ${probe}: ${result}`);
        }
      }
    });
    for (const table of tables) {
      if ((await fingerprint(table)) !== before.get(table)) breaches.push(`${table} has changed`);
    }
    expect(breaches).toEqual([]);
  });
});

test.each(["viewer", "admin", "worker", "reporter"])("can read the own tenant's rows as %s", async (name) => {
  const identity = (identities[name] as (typeof identities)[string])();
  await rolledBack(identity.url, async (client) => {
    await claim(client, identity.settings);
    const unseen: string[] = [];
    for (const table of tables) {
      const { id } = ours.rows.get(table) as { id: string };
      const result = await outcome(client, `select id from ${table} where tenant_id = $1 and id = $2`, [ours.id, id]);
      // Sessions are each person's own; what is not granted is refused by the grant.
      if (result !== 1 && result !== "42501" && table !== "tenancy.sessions") unseen.push(`${table}: ${result}`);
    }
    expect(unseen).toEqual([]);
    const { rows } = await client.query("select count(*)::integer as clients from journeys.clients");
    expect(rows).toEqual([{ clients: 1 }]);
  });
});

test.each(["viewer", "client", "editor", "admin", "worker", "reporter", "automation", "visitor", "operator"])(
  "cannot find anything of another tenant in a view as %s",
  async (name) => {
    const views = await database.query<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c
       where c.relkind = 'v' and c.relowner = '${database.rolePrefix}_owner'::regrole and c.relnamespace::regnamespace::text !~ '^graphile'`,
    );
    expect(views.length).toBeGreaterThan(3);
    const identity = (identities[name] as (typeof identities)[string])();
    await rolledBack(identity.url, async (client) => {
      await claim(client, identity.settings);
      const breaches: string[] = [];
      for (const view of views) {
        await client.query("savepoint before");
        try {
          const { rows } = await client.query<{ text: string }>(`select v::text as text from ${view.name} v`);
          if (rows.some(({ text }) => text.includes("meadow") || text.includes(theirs.id))) breaches.push(view.name);
        } catch (error) {
          if (errorCode(error) !== "42501") throw error;
        }
        await client.query("rollback to savepoint before");
      }
      expect(breaches).toEqual([]);
    });
  },
);

test.each(["viewer", "client", "editor", "admin", "worker", "reporter", "automation", "visitor"])(
  "cannot find another tenant, or its people, as %s",
  async (name) => {
    const identity = (identities[name] as (typeof identities)[string])();
    await rolledBack(identity.url, async (client) => {
      await claim(client, identity.settings);
      for (const table of ["tenancy.tenants", "tenancy.users"]) {
        const found = await outcome(client, `select from ${table} t where t::text ~ 'meadow'`, []);
        expect([0, "42501"]).toContain(found);
      }
    });
    expect(await database.query("select from tenancy.users u where u::text ~ 'meadow'")).not.toHaveLength(0);
  },
);

test("cannot link a row to another tenant's, as the worker 23503", async () => {
  const { id } = theirs.rows.get("journeys.clients") as { id: string };
  await rolledBack(database.urls.worker, async (client) => {
    await claim(client, { "app.tenant_id": ours.id });
    await expect(
      client.query("insert into journeys.pipelines (client_id, name) values ($1, 'Sales')", [id]),
    ).rejects.toMatchObject({ code: "23503" });
  });
  expect(await database.query("select from journeys.clients where id = $1", [id])).toHaveLength(1);
});

test("cannot link a row to another tenant's, as a superuser 23503", async () => {
  const { id } = theirs.rows.get("journeys.clients") as { id: string };
  await expect(
    database.query("insert into journeys.pipelines (tenant_id, client_id, name) values ($1, $2, 'Sales')", [
      ours.id,
      id,
    ]),
  ).rejects.toMatchObject({ code: "23503" });
});

test("can use a value that another tenant has", async () => {
  const { slug } = theirs.rows.get("journeys.clients") as { slug: string };
  await rolledBack(database.urls.authenticator, async (client) => {
    await claim(client, settingsFor(database, ours, "admin"));
    const { rowCount } = await client.query("insert into journeys.clients (name, slug) values ('Ours', $1)", [slug]);
    expect(rowCount).toBe(1);
  });
});
