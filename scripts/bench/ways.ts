/** The ways of bringing rows in that are held against each other. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import { deriveUrls } from "../../src/database/urls.ts";
import { withIdentity } from "../../src/database/with_identity.ts";
import type { Base } from "./bases.ts";
import type { Order, Told } from "./import_once.ts";
import { type Cost, databaseUrl, makeDatabase, measure, rolePrefix, runSql, type Server } from "./server.ts";

/** What a way took for how many rows. */
export interface Measured extends Cost {
  rows: number;
}

export interface Imported extends Measured {
  batchId: string;
  steps: Record<string, number>;
  /** Milliseconds since 1970. */
  landedAt: number;
  peakMegabytes: number;
}

/** A table's rows in a file that the server reads, in the order in which they came. */
interface Exported {
  table: string;
  file: string;
  columns: string;
  rows: number;
}

/** How many rows the slow ways bring in at most: enough to know how long one takes. */
const sampleSize = 10_000;

/** Ours: land, validate, predict, load, and verify every field, in a process of its own. */
export async function importOnce(
  server: Server,
  url: string,
  order: Omit<Order, "workerUrl" | "work">,
): Promise<Imported> {
  const { told, cost } = await workApart(server, url, { ...order, work: "run" }, "completed");
  const [moment] = await runSql<{ at: Date }>(
    url,
    `select changed_at as at from audit.changes
     where row_id = $1 and changes -> 'status' ->> 1 = 'verifying' order by changed_at desc limit 1`,
    [told.batchId],
  );
  const verifyingAt = Number(moment?.at);
  const seconds = (from: number, to: number) => (to - from) / 1_000;
  return {
    ...cost,
    batchId: told.batchId,
    // The start of a process is none of the import.
    seconds: seconds(told.begunAt, told.endedAt),
    rows: told.records,
    steps: {
      land: seconds(told.begunAt, told.landedAt),
      "validate and predict": seconds(told.landedAt, told.loadingAt),
      load: seconds(told.loadingAt, verifyingAt),
      verify: seconds(verifyingAt, told.endedAt),
    },
    landedAt: told.landedAt,
    peakMegabytes: told.peakMegabytes,
  };
}

/** What else is done with an import: it is planned, verified once more, or taken back. */
export async function workOn(server: Server, url: string, order: Omit<Order, "workerUrl">, rows: number) {
  const wanted = { run: "completed", plan: "planned", verify: "verified", "roll back": "rolled_back" }[order.work];
  const { told, cost } = await workApart(server, url, order, wanted);
  return { ...cost, seconds: (told.endedAt - told.begunAt) / 1_000, rows, peakMegabytes: told.peakMegabytes };
}

async function workApart(server: Server, url: string, order: Omit<Order, "workerUrl">, wanted: string) {
  const { worker: workerUrl } = deriveUrls(url, server.secretKey, rolePrefix);
  const { result: told, ...cost } = await measure(
    server,
    order.work,
    async (): Promise<Told> => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "import_once.ts")],
        { env: { ...process.env, BENCH_ORDER: JSON.stringify({ ...order, workerUrl }) } },
      );
      return JSON.parse(stdout);
    },
    ({ cpuSeconds }) => cpuSeconds,
  );
  if (told.status !== wanted) throw new Error(`To ${order.work} ended as ${told.status}: ${told.message}`);
  return { told, cost };
}

/** The rows as an import left them, for the other ways. */
export async function exportRows(url: string, base: Base, folder: string): Promise<Exported[]> {
  const exported: Exported[] = [];
  for (const table of base.tables) {
    const [found] = await runSql<{ columns: string; rows: string }>(
      url,
      `select string_agg(quote_ident(attname), ', ' order by attnum) as columns, (select count(*) from ${table}) as rows
       from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
      [table],
    );
    const { columns = "", rows = "0" } = found ?? {};
    const file = join(folder, `${table}.csv`);
    await runSql(url, `copy (select ${columns} from ${table} order by ctid) to '${file}'`);
    exported.push({ table, file, columns, rows: Number(rows) });
  }
  return exported;
}

/** Bare COPY: the tables with their indexes and foreign keys, but no trigger of ours; the administrator is above the policies. */
export async function copyRows(
  server: Server,
  name: string,
  tenantId: string,
  exported: Exported[],
): Promise<Measured> {
  const url = await makeBare(server, name, tenantId, exported);
  const { result: rows, ...cost } = await measure(server, "COPY", async () => {
    let copied = 0;
    for (const { table, file, columns, rows: own } of exported) {
      await runSql(url, `copy ${table} (${columns}) from '${file}'`);
      copied += own;
    }
    return copied;
  });
  return { ...cost, rows };
}

/**
 * Row by row, as an ORM does it: for each record one insert, prepared once, one round trip and one commit. The table is half full, as it is
 * on the average.
 *
 * @param from the database with the imported rows
 * @param asPeople with what an application does here: a session that is confirmed, policies, triggers and the audit
 */
export async function insertRows(
  server: Server,
  name: string,
  tenantId: string,
  base: Base,
  exported: Exported[],
  from: string,
  asPeople: boolean,
): Promise<Measured> {
  const url = await makeBare(server, name, tenantId, exported);
  const table = base.tables.at(-1) as string;
  const sample = await halfFill(url, table, exported, from);
  if (asPeople) return await insertAsPerson(server, url, tenantId, base, table, sample);
  const names = Object.keys(sample[0] ?? {});
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { result: _result, ...cost } = await measure(server, "row by row", async () => {
      for (const row of sample) await client.query(insertion(table, names, row));
    });
    return { ...cost, rows: sample.length };
  } finally {
    await client.end();
  }
}

async function insertAsPerson(
  server: Server,
  url: string,
  tenantId: string,
  { columnsOfPeople }: Base,
  table: string,
  sample: Record<string, unknown>[],
): Promise<Measured> {
  await runSql(url, `alter table ${table} enable trigger user`);
  const [person] = await runSql<{ user_id: string; session_id: string }>(
    url,
    `with person as (insert into tenancy.users (email, name) values ('bench@example.com', 'Bench') returning id),
     member as (insert into tenancy.memberships (tenant_id, user_id, role) select $1, id, 'admin' from person)
     insert into tenancy.sessions (tenant_id, user_id, expires_at) select $1, id, now() + interval '1 day' from person
     returning user_id, id as session_id`,
    [tenantId],
  );
  const { authenticator } = deriveUrls(url, server.secretKey, rolePrefix);
  const pool = createPool(authenticator, { applicationName: "bench", max: 1 });
  const identity = {
    kind: "user",
    rolePrefix,
    role: "admin",
    userId: person?.user_id as string,
    tenantId,
    sessionId: person?.session_id as string,
  } as const;
  try {
    const { result: _result, ...cost } = await measure(server, "row by row, as a person", async () => {
      for (const row of sample) {
        await withIdentity(pool, identity, (client) => client.query(insertion(table, columnsOfPeople, row)));
      }
    });
    return { ...cost, rows: sample.length };
  } finally {
    await pool.end();
  }
}

function insertion(table: string, names: string[], row: Record<string, unknown>): pg.QueryConfig {
  const places = names.map((_name, index) => `$${index + 1}`);
  return {
    name: table,
    text: `insert into ${table} (${names.join(", ")}) values (${places.join(", ")}) returning *`,
    values: names.map((name) => {
      const value = row[name];
      return typeof value === "object" && value !== null && !(value instanceof Date) ? JSON.stringify(value) : value;
    }),
  };
}

/** Fills all other tables, and the first half of this one; gives the rows after it. Links among them are left to a second pass, as in the seed. */
async function halfFill(
  url: string,
  table: string,
  exported: Exported[],
  from: string,
): Promise<Record<string, unknown>[]> {
  for (const { table: other, file, columns } of exported) {
    if (other !== table) await runSql(url, `copy ${other} (${columns}) from '${file}'`);
  }
  const { file, columns, rows } = exported.find((each) => each.table === table) as Exported;
  const links = await runSql<{ column: string }>(
    url,
    `select quote_ident(a.attname) as column
     from pg_constraint c
     join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[cardinality(c.conkey)]
     where c.conrelid = $1::regclass and c.confrelid = c.conrelid and c.contype = 'f'`,
    [table],
  );
  const unlinked = columns
    .split(", ")
    .map((name) => (links.some(({ column }) => column === name) ? `null as ${name}` : name))
    .join(", ");
  const half = Math.floor(rows / 2);
  await runSql(from, `copy (select ${unlinked} from ${table} order by ctid limit ${half}) to '${file}.half'`);
  await runSql(url, `copy ${table} (${columns}) from '${file}.half'`);
  return await runSql(from, `select ${unlinked} from ${table} order by ctid offset ${half} limit ${sampleSize}`);
}

async function makeBare(server: Server, name: string, tenantId: string, exported: Exported[]): Promise<string> {
  const url = await makeDatabase(server, name);
  await runSql(url, "insert into tenancy.tenants (id, name, slug) values ($1, 'Bench', 'bench')", [tenantId]);
  for (const { table } of exported) await runSql(url, `alter table ${table} disable trigger user`);
  await runSql(databaseUrl(server, name), "checkpoint");
  return url;
}
