/** Two tenants with people, and a row of each in every tenant table there is: made from the catalog, so that a new table is in at once. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { loginPassword, scramVerifier } from "../../../src/database/urls.ts";
import type { TestDatabase } from "../../support/database.ts";

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
  /** Table to the row in it. */
  rows: Map<string, Record<string, unknown>>;
}

interface Column {
  name: string;
  type: string;
  isRequired: boolean;
  firstLabel: string | null;
}

interface Table {
  name: string;
  columns: Column[];
  references: { columns: string[]; target: string; targetColumns: string[] }[];
}

/** Values that a check constraint asks for, and references that must stay empty for it. */
const particular: Record<string, Record<string, unknown>> = {
  // Of a journey's version; a template's own has neither of these.
  "publishing.publications": { template_id: null, snapshot: null },
  "audit.changes": { row_id: "00000000-0000-4000-8000-000000000000", transaction_id: "3" },
  "imports.batches": { status: "running" },
  "imports.attachments": { problem: "gone" },
  "imports.predictions": { fate: "inserted" },
  "journeys.approvals": { touchpoint_id: null },
  "journeys.journey_versions": { snapshot: { journey: {}, touchpoints: [] } },
  "journeys.touchpoints": { next_touchpoint_id: null },
  "leadgen.duplicate_decisions": { contact_id: null, other_contact_id: null },
  "leadgen.research_assets": { contact_id: null },
  "publishing.publications": { template_id: null },
};

export async function createTenant(database: TestDatabase, slug: string): Promise<Tenant> {
  const [made] = await database.query<{ id: string }>(
    "insert into tenancy.tenants (name, slug) values ($1, $1) returning id",
    [slug],
  );
  const tenant: Tenant = { id: made?.id as string, slug, people: {} as Tenant["people"], rows: new Map() };
  for (const role of roles) tenant.people[role] = await addPerson(database, tenant.id, role, `${role}@${slug}.test`);
  return tenant;
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

/** Gives each of the tenants a row in every tenant table, parents first, as the administrator with the triggers off. */
export async function fillTenants(database: TestDatabase, tenants: Tenant[]): Promise<string[]> {
  const tables = inOrder(await readTables(database));
  const client = new pg.Client({ connectionString: database.urls.admin });
  await client.connect();
  try {
    // Triggers are off, foreign keys with them: every reference below is taken from a row that is there.
    await client.query("set session_replication_role = replica");
    for (const tenant of tenants) {
      for (const table of tables) tenant.rows.set(table.name, await insertRow(client, table, tenant));
    }
  } finally {
    await client.end();
  }
  return tables.map(({ name }) => name);
}

async function readTables(database: TestDatabase): Promise<Table[]> {
  return database.query<Table & pg.QueryResultRow>(`
    select
      t.oid::regclass::text as name,
      (
        select json_agg(json_build_object(
          'name', a.attname, 'type', format_type(a.atttypid, null), 'isRequired', a.attnotnull and not a.atthasdef and a.attidentity = '',
          'firstLabel', (select e.enumlabel from pg_enum e where e.enumtypid = a.atttypid order by e.enumsortorder limit 1)
        ) order by a.attnum)
        from pg_attribute a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      ) as columns,
      (
        select coalesce(json_agg(json_build_object(
          'target', k.confrelid::regclass::text,
          'columns', (select json_agg(a.attname order by c.place) from unnest(k.conkey) with ordinality c (number, place)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.number),
          'targetColumns', (select json_agg(a.attname order by c.place) from unnest(k.confkey) with ordinality c (number, place)
            join pg_attribute a on a.attrelid = k.confrelid and a.attnum = c.number)
        )), '[]')
        from pg_constraint k where k.conrelid = t.oid and k.contype = 'f'
      ) as references
    from pg_class t
    where t.relkind in ('r', 'p') and obj_description(t.oid, 'pg_class') ~ '@class tenant'
    order by 1`);
}

/** Parents before children; what refers to itself or back is filled in by hand above. */
function inOrder(tables: Table[]): Table[] {
  const ordered: Table[] = [];
  let left = tables;
  while (left.length > 0) {
    const waiting = new Set(left.map(({ name }) => name));
    const ready = left.filter(({ name, references }) =>
      references.every(({ target }) => target === name || !waiting.has(target)),
    );
    if (ready.length === 0) throw new Error(`Tables refer to each other in a circle: ${[...waiting].join(", ")}`);
    ordered.push(...ready);
    left = left.filter((table) => !ready.includes(table));
  }
  return ordered;
}

async function insertRow(client: pg.Client, table: Table, tenant: Tenant): Promise<Record<string, unknown>> {
  const values: Record<string, unknown> = { tenant_id: tenant.id };
  for (const { columns, target, targetColumns } of table.references) {
    columns.forEach((column, place) => {
      const referred = targetColumns[place] as string;
      if (target === "tenancy.tenants") return;
      values[column] ??= target === "tenancy.users" ? tenant.people.admin.userId : tenant.rows.get(target)?.[referred];
    });
  }
  for (const { name, type, isRequired, firstLabel } of table.columns) {
    if (isRequired && values[name] === undefined) values[name] = firstLabel ?? synthesised(type, tenant.slug);
  }
  Object.assign(values, particular[table.name]);
  if (["tenancy.client_users", "tenancy.memberships", "tenancy.sessions"].includes(table.name)) {
    // A person of their own: everybody else has a membership already.
    values.user_id = (await addUser(client, `${table.name}-${tenant.slug}@canary.test`)).id;
  }
  const names = Object.keys(values);
  const { rows } = await client.query(
    `insert into ${table.name} as t (${names.join(", ")}) values (${names.map((_, place) => `$${place + 1}`).join(", ")})
     returning to_jsonb(t) as row`,
    Object.values(values).map((value) =>
      value !== null && typeof value === "object" && !(value instanceof Buffer) ? JSON.stringify(value) : value,
    ),
  );
  return rows[0].row;
}

async function addUser(client: pg.Client, email: string): Promise<{ id: string }> {
  const { rows } = await client.query<{ id: string }>(
    "insert into tenancy.users (email, name) values ($1, $1) returning id",
    [email],
  );
  return rows[0] as { id: string };
}

/** A value that every check constraint of ours takes for its type; texts carry the tenant's name, to be found where they should not be. */
function synthesised(type: string, slug: string): unknown {
  switch (type) {
    case "text":
      return `canary-${slug}`;
    case "bytea":
      return Buffer.from(slug);
    case "jsonb":
      return {};
    case "boolean":
      return false;
    case "uuid":
      return "00000000-0000-4000-8000-000000000001";
    case "timestamp with time zone":
      return "2126-01-01T00:00:00Z";
    default:
      return 1;
  }
}

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
export async function claim(client: pg.Client, settings: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(settings))
    await client.query("select set_config($1, $2, true)", [name, value]);
}
