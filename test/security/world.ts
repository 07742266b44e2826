/** Two tenants with people, and rows of each in every table there is: made from the catalog, so that a new table is in at once. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { loginPassword, scramVerifier } from "../../src/database/urls.ts";
import type { TestDatabase } from "../support/database.ts";
import { readTables, type Table } from "./catalog.ts";
import { insertRow, type Row, type RowWish, type Values } from "./rows.ts";

export const roles = ["viewer", "client", "editor", "admin"] as const;
export type Role = (typeof roles)[number];

export interface Person {
  userId: string;
  sessionId: string;
}

export interface Tenant {
  id: string;
  slug: string;
  people: Record<Role, Person>;
  /** A reviewer of another client than that of `people.client`. */
  secondReviewer: Person;
  /** The tenant's rows by table, and those of private tables that were made along with them; the generated ones come first. */
  rows: Map<string, Row[]>;
}

export async function createTenant(database: TestDatabase, slug: string): Promise<Tenant> {
  const [made] = await database.query<{ id: string }>(
    "insert into tenancy.tenants (name, slug) values ($1, $1) returning id",
    [slug],
  );
  const id = made?.id as string;
  const people = {} as Tenant["people"];
  for (const role of roles) people[role] = await addPerson(database, id, role, `${role}@${slug}.test`);
  const secondReviewer = await addPerson(database, id, "client", `second-client@${slug}.test`);
  return { id, slug, people, secondReviewer, rows: new Map() };
}

export async function addPerson(database: TestDatabase, tenantId: string, role: Role, email: string): Promise<Person> {
  const [person] = await database.query<{ user_id: string; session_id: string }>(
    `with person as (
       insert into tenancy.users (email, name) values ($2, $2)
       on conflict (email) do update set name = excluded.name returning id
     ), membership as (
       insert into tenancy.memberships (tenant_id, user_id, role) select $1::uuid, id, $3::tenancy.membership_role from person
     )
     insert into tenancy.sessions (tenant_id, user_id, expires_at) select $1::uuid, id, now() + interval '1 day' from person
     returning user_id, id as session_id`,
    [tenantId, email, role],
  );
  return { userId: person?.user_id as string, sessionId: person?.session_id as string };
}

/** Somebody whose password another made: known, and nobody anywhere until they have one of their own. */
export async function addOneTimer(
  database: TestDatabase,
  tenantId: string,
  role: Role,
  email: string,
): Promise<Person> {
  const person = await addPerson(database, tenantId, role, email);
  await database.query(
    `insert into app_private.passwords (user_id, salt, parameters, derived_key_hash, is_one_time) values ($1, '\\x00', '{}', '\\x00', true)`,
    [person.userId],
  );
  return person;
}

/** Somebody who is above the tenants, and a member of none. */
export async function addOperator(database: TestDatabase, email: string): Promise<Person> {
  const [operator] = await database.query<{ user_id: string; session_id: string }>(
    `with person as (
       insert into tenancy.users (email, name) values ($1, $1) returning id
     ), operator as (
       insert into tenancy.operators (user_id) select id from person
     )
     insert into tenancy.operator_sessions (user_id, expires_at) select id, now() + interval '1 day' from person
     returning user_id, id as session_id`,
    [email],
  );
  return { userId: operator?.user_id as string, sessionId: operator?.session_id as string };
}

/** The first row of the tenant in the table. */
export function rowOf(tenant: Tenant, table: string): Row & { id: string } {
  const row = tenant.rows.get(table)?.[0];
  if (row === undefined) throw new Error(`${tenant.slug} has no row in ${table}.`);
  return row as Row & { id: string };
}

/**
 * Gives each of the tenants rows in every table, as the administrator with the triggers off: two that are full, for two clients of the
 * tenant, one that is sparse, and one for each value that a policy compares a column with. The second row of the second tenant has the id
 * of the first row of the first: an id is unique in its tenant alone. Gives the tables, parents first.
 */
export async function fillTenants(database: TestDatabase, tenants: Tenant[]): Promise<Table[]> {
  const tables = await readTables(database);
  const client = new pg.Client({ connectionString: database.urls.admin });
  await client.connect();
  try {
    await client.query("begin");
    // Triggers are off, foreign keys with them: every reference is taken from a row that is there.
    await client.query("set local session_replication_role = replica");
    for (const tenant of tenants) {
      tenant.rows.set("tenancy.tenants", await readRows(client, "tenancy.tenants", `id = '${tenant.id}'`));
      tenant.rows.set("tenancy.users", await peopleOf(client, tenant));
      for (const table of tables) {
        if (tenant.rows.has(table.name) || table.class === "partition") continue;
        if (table.class === "reference")
          tenant.rows.set(table.name, (await readRows(client, table.name, "true")).slice(0, 1));
        else await fillTable(client, table, tenant, tenants[0] as Tenant);
      }
    }
    await client.query("commit");
  } finally {
    await client.end();
  }
  return tables;
}

/** Everybody of the tenant, its client's reviewer and its editor first, and three who belong to no tenant yet. */
async function peopleOf(client: pg.ClientBase, { id, slug, people }: Tenant): Promise<Row[]> {
  await client.query(
    "insert into tenancy.users (email, name) select n || '@' || $1::text || '.test', $1 from generate_series(1, 3) n on conflict do nothing",
    [slug],
  );
  const isMember = `exists (select from tenancy.memberships m where m.user_id = t.id and m.tenant_id = '${id}')`;
  const firstOnes = `array_position(array['${people.client.userId}', '${people.editor.userId}']::uuid[], t.id)`;
  return readRows(
    client,
    "tenancy.users",
    `email like '%@${slug}.test' or ${isMember}`,
    `${firstOnes}, ${isMember} desc, created_at, email`,
  );
}

/**
 * Writes down what is made of the audit trail: a journey that was published, and renamed since, and people who were members. One entry is of
 * a month without a partition.
 */
export async function recordHistory(database: TestDatabase, tenant: Tenant, tables: Table[]): Promise<void> {
  await database.query(
    `insert into audit.changes (tenant_id, table_name, action, row_id, changes, source, login_name, transaction_id, changed_at)
     select $1, 'journeys.journeys', 'update', $2, $3, 'api', 'nobody', '3', at from unnest(array[now(), '1999-01-01Z']) at`,
    [
      tenant.id,
      rowOf(tenant, "journeys.journeys").id,
      { status: ["approved", "published"], name: ["Before", tenant.slug] },
    ],
  );
  // Whom an admin may take back: those of the tenant's own address who are no members.
  await database.query(
    `insert into audit.changes (tenant_id, table_name, action, row_id, changes, source, login_name, transaction_id)
     select $1, 'tenancy.memberships', 'delete', app.uuidv7(), jsonb_build_object('user_id', u.id), 'api', 'nobody', '3'
     from tenancy.users u where u.email like '%@' || $2 || '.test'`,
    [tenant.id, tenant.slug],
  );
  for (const { name, columns } of tables.filter((table) => table.name.startsWith("audit.changes"))) {
    if (columns.some((column) => column.name === "tenant_id")) {
      const rows = await database.query<{ row: Row }>(
        reading(name, `tenant_id = '${tenant.id}'`, "changed_at, t::text"),
      );
      tenant.rows.set(
        name,
        rows.map(({ row }) => row),
      );
    }
  }
}

/** Rows in an order of their own: which of them somebody is given must not hang on a plan. */
const reading = (table: string, condition: string, order = "t::text") =>
  `select to_jsonb(t) as row from ${table} t where ${condition} order by ${order}`;

async function readRows(client: pg.ClientBase, table: string, condition: string, order?: string): Promise<Row[]> {
  const { rows } = await client.query<{ row: Row }>(reading(table, condition, order));
  return rows.map(({ row }) => row);
}

/** What the first rows must hold: so that the worker's login can act for a batch, that two reviewers belong to two clients, and the like. */
function beginnings(table: string, { slug, people, secondReviewer }: Tenant): Values[] {
  if (table === "imports.batches") return [{ status: "running" }];
  // Whoever has a one-time password is nobody until they have one of their own.
  if (table === "app_private.passwords") return [{ is_one_time: "false" }, { is_one_time: "false" }];
  // Two that look the same, and a claim of a contact besides one of a company.
  const twin = { name: `canary-${slug} twin` };
  if (table === "leadgen.companies") return [twin, {}, twin];
  // Somebody who has not answered for long.
  if (table === "leadgen.contacts") return [{}, {}, { message_status: "sent", created_at: "2026-01-01T00:00:00Z" }];
  if (table === "leadgen.claims") return [{}, { stage: "person", company_id: null }];
  if (table === "journeys.journeys") return [{ published_at: "2026-01-01T00:00:00Z" }];
  if (table === "tenancy.client_users")
    return [people.client, secondReviewer].map(({ userId }) => ({ user_id: userId }));
  return [];
}

async function fillTable(client: pg.ClientBase, table: Table, tenant: Tenant, first: Tenant): Promise<void> {
  const hasTenant = table.columns.some(({ name }) => name === "tenant_id");
  const made: Row[] = [];
  const make = async (turn: number, wish: Partial<RowWish>) => {
    const row = await insertRow(client, table, {
      canary: `canary-${tenant.slug}`,
      isFull: true,
      targets: (target) => turned(target === table.name ? made : (tenant.rows.get(target) ?? []), turn),
      ...wish,
      fixed: { ...(hasTenant ? { tenant_id: tenant.id } : {}), ...wish.fixed },
    });
    if (row) made.push(row);
  };
  if (table.name === "app_private.import_payloads") {
    for (const { id } of tenant.rows.get("imports.batches") ?? []) {
      await client.query(
        `create table ${table.name}_${String(id).replaceAll("-", "")} partition of ${table.name} for values in ('${id}')`,
      );
    }
  }
  const [one = {}, another = {}, sparse = {}] = beginnings(table.name, tenant);
  // Payloads are known by their batch alone, whose ids nobody but the worker makes.
  const hasNamesake = tenant !== first && table.key.includes("tenant_id") && table.name !== "imports.batches";
  const namesake = hasNamesake ? first.rows.get(table.name)?.[0]?.id : undefined;
  await make(0, { fixed: one });
  await make(1, { fixed: namesake === undefined ? another : { ...another, id: String(namesake) } });
  await make(0, { isFull: false, fixed: sparse });
  for (const [column, values] of Object.entries(table.comparedWith)) {
    for (const value of values) {
      if (!made.some((row) => row[column] === value)) await make(0, { fixed: { [column]: value } });
    }
  }
  const others = hasTenant ? await readRows(client, table.name, `tenant_id = '${tenant.id}'`) : [];
  const key = (row: Row) => JSON.stringify(table.key.map((name) => row[name]));
  const keys = new Set(made.map(key));
  tenant.rows.set(table.name, [...made, ...others.filter((row) => !keys.has(key(row)))]);
}

const turned = (rows: Row[], turn: number): Row[] => [...rows.slice(turn), ...rows.slice(0, turn)];

export interface Login {
  name: string;
  url: string;
  drop(): Promise<void>;
}

/** A login that speaks SQL, member of a group role; it is pinned to a tenant where one is named. */
export async function createLogin(database: TestDatabase, group: string, tenantId?: string): Promise<Login> {
  const name = `test_login_${randomBytes(6).toString("hex")}`;
  const password = loginPassword(database.secretKey, name);
  await database.query(
    `create role ${name} login password '${scramVerifier(password)}' in role ${database.rolePrefix}_${group}`,
  );
  await database.query(`grant connect on database ${database.name} to ${name}`);
  if (tenantId !== undefined) {
    await database.query("insert into tenancy.sql_logins (tenant_id, login_name, kind) values ($1, $2, $3)", [
      tenantId,
      name,
      group,
    ]);
  }
  const url = new URL(database.urls.admin);
  url.username = name;
  url.password = password;
  return {
    name,
    url: url.toString(),
    async drop() {
      await database.query(`drop owned by ${name}`);
      await database.query(`drop role ${name}`);
    },
  };
}

/** The settings that the API makes for a person. */
export function settingsFor(database: TestDatabase, tenant: Tenant, role: Role): Record<string, string> {
  const { userId, sessionId } = tenant.people[role];
  return {
    role: `${database.rolePrefix}_${role}`,
    "app.tenant_id": tenant.id,
    "app.user_id": userId,
    "app.session_id": sessionId,
  };
}

/** Sets what a session claims, until the transaction ends. */
export async function claim(client: pg.ClientBase, settings: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(settings))
    await client.query("select set_config($1, $2, true)", [name, value]);
}
