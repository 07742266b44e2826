/** The record is complete: every column of every table of a tenant is changed once, and found there from what to what. */
import pg from "pg";
import type { Column, Table } from "../../security/catalog.ts";
import { createTenant, fillTenants, rowOf, type Tenant } from "../../security/world.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";

/** Columns that the record leaves out, and why; keys are below. Tables that are not in it at all are the rule `tenant_tables_are_audited`'s to declare. */
const leftOut: Record<string, string> = {
  version: "counts the changes, and says nothing of them",
  updated_at: "says when, as the entry does",
};

let database: TestDatabase;
let tenant: Tenant;
let tables: Table[];
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  tenant = await createTenant(database, "harbour");
  const audited = await database.query<{ name: string }>(
    "select tgrelid::regclass::text as name from pg_trigger where tgname = '_700_audit_update'",
  );
  tables = (await fillTenants(database, [tenant])).filter(({ name }) => audited.some((table) => table.name === name));
  client = new pg.Client({ connectionString: database.urls.admin });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/** What makes another value of a column's type. */
const others: Record<string, string> = {
  text: "coalesce($, '') || '~'",
  "text[]": "coalesce($, '{}') || '~'::text",
  "uuid[]": "coalesce($, '{}') || app.uuidv7()",
  boolean: "not coalesce($, false)",
  smallint: "coalesce($, 0) + 1",
  integer: "coalesce($, 0) + 1",
  bigint: "coalesce($, 0) + 1",
  numeric: "coalesce($, 0) + 1",
  "double precision": "coalesce($, 0) + 1",
  uuid: "app.uuidv7()",
  bytea: "coalesce($, '') || '\\x01'",
  jsonb: "jsonb_build_object('was', $)",
  inet: "coalesce($, '192.0.2.1') + 1",
  interval: "coalesce($, '0') + interval '1 hour'",
  date: "coalesce($, current_date) + 1",
  "timestamp with time zone": "coalesce($, now()) + interval '1 hour'",
};

function otherValue({ name, type, labels }: Column): string {
  const column = pg.escapeIdentifier(name);
  const made =
    labels.length > 0
      ? `(select label from unnest(enum_range(null::${type})) label where label is distinct from $ limit 1)`
      : others[type];
  if (made === undefined) throw new Error(`${name}: say how another ${type} is made.`);
  return made.replaceAll("$", column);
}

/** Leaves of a table what holds the values and what records them, until the transaction ends: the record must not lean on what else is refused. */
async function strip(table: Table): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('alter table %s drop constraint if exists %I cascade', conrelid::regclass, conname) as statement
     from pg_constraint where (conrelid = $1::oid and contype in ('c', 'u', 'x')) or (contype = 'f' and $1::oid in (conrelid, confrelid))
     union all
     select format('drop index if exists %s', i.indexrelid::regclass)
     from pg_index i where i.indrelid = $1::oid and i.indisunique
       and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`,
    [table.oid],
  );
  for (const { statement } of rows) await client.query(statement);
  await client.query(`alter table ${table.name} disable trigger user`);
  await client.query(`alter table ${table.name} enable trigger _700_audit_update`);
}

/** What is wrong with the record of a column's change; undefined where it is as it should be. */
async function changeAndFind(table: Table, column: Column, id: string): Promise<string | undefined> {
  const name = `${table.name}.${column.name}`;
  const { rows } = await client.query<{ before: unknown; after: unknown; found: Record<string, unknown> | null }>(
    `with before as (select to_jsonb(t) -> $3 as value from ${table.name} t where tenant_id = $1 and id = $2),
     changed as (
       update ${table.name} set ${pg.escapeIdentifier(column.name)} = ${otherValue(column)} where tenant_id = $1 and id = $2
       returning to_jsonb(${table.name.split(".")[1]}) -> $3 as value
     ) select before.value as before, changed.value as after from before, changed`,
    [tenant.id, id, column.name],
  );
  const { rows: entries } = await client.query<{ changes: Record<string, unknown> }>(
    `select changes from audit.changes
     where transaction_id = pg_current_xact_id() and table_name = $1 and row_id = $2 order by id desc limit 1`,
    [table.name, id],
  );
  const { before, after } = rows[0] ?? {};
  const isFound = JSON.stringify(entries[0]?.changes[column.name]) === JSON.stringify([before ?? null, after]);
  if (column.name in leftOut) return isFound ? `${name} is in the record: take it off the list` : undefined;
  return isFound ? undefined : `${name} is not in the record: ${JSON.stringify(entries[0]?.changes)}`;
}

test("every column of every table of a tenant is in the record when it changes, from what to what", async () => {
  expect(tables.length).toBeGreaterThan(50);
  const wrong: (string | undefined)[] = [];
  let columns = 0;
  for (const table of tables) {
    const { id } = rowOf(tenant, table.name);
    await client.query("begin");
    await strip(table);
    for (const column of table.columns.filter(({ name }) => !table.key.includes(name))) {
      wrong.push(await changeAndFind(table, column, id));
      columns += 1;
    }
    await client.query("rollback");
  }
  expect(wrong.filter(Boolean)).toEqual([]);
  expect(columns).toBeGreaterThan(500);
});

test("a row whose key changes has gone in the record, and another has come", async () => {
  const wrong: string[] = [];
  for (const table of tables) {
    const { id } = rowOf(tenant, table.name);
    await client.query("begin");
    await strip(table);
    const { rows } = await client.query<{ row: unknown; id: string }>(
      `with before as (select to_jsonb(t) as row from ${table.name} t where tenant_id = $1 and id = $2),
       changed as (update ${table.name} set id = app.uuidv7() where tenant_id = $1 and id = $2 returning id)
       select before.row, changed.id from before, changed`,
      [tenant.id, id],
    );
    const { rows: entries } = await client.query(
      `select action, row_id as id, changes from audit.changes where transaction_id = pg_current_xact_id() and table_name = $1
       order by action = 'insert'`,
      [table.name],
    );
    await client.query("rollback");
    const expected = [
      { action: "delete", id, changes: rows[0]?.row },
      { action: "insert", id: rows[0]?.id, changes: null },
    ];
    if (JSON.stringify(entries) !== JSON.stringify(expected)) wrong.push(`${table.name}: ${JSON.stringify(entries)}`);
  }
  expect(wrong).toEqual([]);
});
