/**
 * Measures imports: `npm run bench:import`. On one machine, in one run, on the same rows: bare COPY into the same tables with their indexes
 * and foreign keys, the row-by-row way, our whole pipeline from a snapshot, and the same source once more. `-- --million` adds the largest
 * size, `-- --sizes 10000` chooses others. A server of its own is started for it, as durable as a real one, and thrown away.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import pg from "pg";
import { loadConfig } from "../src/config.ts";
import { startEmbedded } from "../src/database/embedded.ts";
import { migrate } from "../src/database/migrate.ts";
import { createPool } from "../src/database/pools.ts";
import { deriveUrls } from "../src/database/urls.ts";
import { runImport, sampleFolder } from "../src/imports/run_import.ts";
import { localSecrets } from "../src/secrets.ts";
import { generateBase } from "./generate_base.ts";

const rolePrefix = "bench";
const tables = ["clients", "pipelines", "journeys", "touchpoints"].map((name) => `journeys.${name}`);
/** The row-by-row way is measured on so many rows at most: its speed does not depend on how many follow. */
const rowByRowSize = 20_000;

interface Measured {
  rows: number;
  seconds: number;
  walBytes: number;
}

interface Server {
  adminUrl: string;
  secretKey: string;
}

const options = new Command("npm run bench:import --")
  .description("Measure imports against COPY and against inserting row by row.")
  .option("--sizes <numbers>", "how many touchpoints, separated by commas", "10000,100000")
  .option("--million", "a million touchpoints, too")
  .option("--keep <folder>", "keep the generated bases here, and use those that are there")
  .parse()
  .opts<{ sizes: string; million?: boolean; keep?: string }>();

const sizes = [...options.sizes.split(",").map(Number), ...(options.million ? [1_000_000] : [])];
const folder = mkdtempSync(join(tmpdir(), "landfall-bench-"));
/** Written and read by the server, which runs as a user of its own. */
const rowsFolder = join(folder, "rows");
chmodSync(folder, 0o755);
mkdirSync(rowsFolder);
chmodSync(rowsFolder, 0o777);
const { postgresMajor } = loadConfig();
const embedded = await startEmbedded({ dataDir: join(folder, "server"), major: postgresMajor });
try {
  const server = { adminUrl: embedded.adminUrl, secretKey: localSecrets(join(folder, "server")).secretKey };
  await runSql(databaseUrl(server, "landfall"), "create database template_bench");
  const template = databaseUrl(server, "template_bench");
  await migrate({ adminUrl: template, rolePrefix, secretKey: server.secretKey, log: () => {} });
  for (const size of sizes) await measure(server, size);
} finally {
  await embedded.stop();
  rmSync(embedded.pgData, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}

async function measure(server: Server, size: number): Promise<void> {
  const base = join(options.keep ?? folder, `base-${size}`);
  await generateBase(base, size, sampleFolder);
  tell(`\n${size.toLocaleString("en")} touchpoints`);

  const ours = await makeDatabase(server, `ours_${size}`);
  const [tenant] = await runSql<{ id: string }>(
    ours,
    "insert into tenancy.tenants (name, slug) values ('Bench', 'bench') returning id",
  );
  const tenantId = tenant?.id as string;
  const first = await importOnce(server, ours, tenantId, base);
  const again = await importOnce(server, ours, tenantId, base);

  const files = await exportRows(ours);
  const copied = await copyRows(await makeDatabase(server, `copied_${size}`), tenantId, files);
  const inserted = await insertRows(await makeDatabase(server, `inserted_${size}`), tenantId, ours);

  const rate = ({ rows, seconds }: Measured) => rows / seconds;
  const line = (name: string, measured: Measured, rest = "") =>
    tell(
      `  ${name.padEnd(28)} ${Math.round(rate(measured)).toLocaleString("en").padStart(9)} rows/s ${measured.seconds.toFixed(1).padStart(8)} s ${(measured.walBytes / 1e6).toFixed(0).padStart(7)} MB WAL  ${rest}`,
    );
  line("bare COPY", copied);
  line(`row by row (${inserted.rows.toLocaleString("en")} rows)`, inserted);
  line(
    "whole pipeline",
    first,
    `${(rate(first) / rate(copied)).toFixed(2)} of COPY, ${(rate(first) / rate(inserted)).toFixed(1)} x row by row`,
  );
  for (const [name, seconds] of Object.entries(first.steps)) {
    tell(
      `    ${name.padEnd(26)} ${seconds.toFixed(1).padStart(26)} s ${((100 * seconds) / first.seconds).toFixed(0).padStart(6)} %`,
    );
  }
  line("unchanged, once more", again, `${(first.seconds / again.seconds).toFixed(1)} x faster`);
  for (const [name, seconds] of Object.entries(again.steps)) {
    tell(
      `    ${name.padEnd(26)} ${seconds.toFixed(1).padStart(26)} s ${((100 * seconds) / again.seconds).toFixed(0).padStart(6)} %`,
    );
  }
  tell(`  peak memory of the importing process: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`);
  for (const name of ["ours", "copied", "inserted"]) {
    await runSql(databaseUrl(server, "landfall"), `drop database ${name}_${size} with (force)`);
  }
}

/** Our way: land, validate, load, and verify every field. */
async function importOnce(
  server: Server,
  url: string,
  tenantId: string,
  base: string,
): Promise<Measured & { steps: Record<string, number> }> {
  const pool = createPool(deriveUrls(url, server.secretKey, rolePrefix).worker, { applicationName: "bench", max: 4 });
  const landedAt = { last: Date.now() };
  try {
    const wal = await walPosition(url);
    const begun = Date.now();
    const report = await runImport({
      pool,
      tenantId,
      mapping: "bloom",
      from: base,
      access: { airtable: { apiKey: undefined, endpointUrl: "http://127.0.0.1:9" } },
      onProgress: (step) => {
        if (step === "land") landedAt.last = Date.now();
      },
    });
    const ended = Date.now();
    if (report.status !== "completed") throw new Error(`The import ended as ${report.status}: ${report.message}`);
    const [moment] = await runSql<{ at: Date }>(
      url,
      `select changed_at as at from audit.changes
       where row_id = '${report.batchId}' and changes -> 'status' ->> 1 = 'verifying' order by changed_at desc limit 1`,
    );
    const verifyingAt = Number(moment?.at);
    const rows = report.collections.reduce((sum, { landed }) => sum + landed, 0);
    const seconds = (from: number, to: number) => (to - from) / 1_000;
    return {
      rows,
      seconds: seconds(begun, ended),
      walBytes: await walSince(url, wal),
      steps: {
        land: seconds(begun, landedAt.last),
        "validate and load": seconds(landedAt.last, verifyingAt),
        verify: seconds(verifyingAt, ended),
      },
    };
  } finally {
    await pool.end();
  }
}

/** The rows as they are now in the tables, in the order in which they came. */
async function exportRows(url: string): Promise<Map<string, { file: string; columns: string; rows: number }>> {
  const files = new Map<string, { file: string; columns: string; rows: number }>();
  for (const table of tables) {
    const found = await runSql<{ columns: string; rows: string }>(
      url,
      `select string_agg(attname, ', ' order by attnum) as columns, (select count(*) from ${table}) as rows
       from pg_attribute where attrelid = '${table}'::regclass and attnum > 0 and not attisdropped`,
    );
    const { columns = "", rows = "0" } = found[0] ?? {};
    const file = join(rowsFolder, `${table}-${Date.now()}.csv`);
    await runSql(url, `copy (select ${columns} from ${table} order by ctid) to '${file}'`);
    files.set(table, { file, columns, rows: Number(rows) });
  }
  return files;
}

async function copyRows(
  url: string,
  tenantId: string,
  files: Map<string, { file: string; columns: string; rows: number }>,
): Promise<Measured> {
  await prepareBare(url, tenantId);
  const wal = await walPosition(url);
  const begun = Date.now();
  let rows = 0;
  for (const [table, { file, columns, rows: own }] of files) {
    await runSql(url, `copy ${table} (${columns}) from '${file}'`);
    rows += own;
  }
  return { rows, seconds: (Date.now() - begun) / 1_000, walBytes: await walSince(url, wal) };
}

/** One insert, one commit, one round trip for each record. */
async function insertRows(url: string, tenantId: string, from: string): Promise<Measured> {
  await prepareBare(url, tenantId);
  const reader = new pg.Client({ connectionString: from });
  const writer = new pg.Client({ connectionString: url });
  await reader.connect();
  await writer.connect();
  try {
    const taken: { table: string; rows: Record<string, unknown>[] }[] = [];
    for (const table of tables) {
      const { rows } = await reader.query(`select * from ${table} order by ctid limit ${rowByRowSize}`);
      taken.push({ table, rows });
    }
    const known = new Set(taken.flatMap(({ rows }) => rows.map(({ id }) => id)));
    const wal = await walPosition(url);
    const begun = Date.now();
    let count = 0;
    for (const { table, rows } of taken) {
      for (const row of rows) {
        // A touchpoint links forward to one that is not there yet; the seed leaves such links to a second pass.
        if (table.endsWith("touchpoints")) row.next_touchpoint_id = null;
        if ("journey_id" in row && !known.has(row.journey_id)) continue;
        const names = Object.keys(row);
        await writer.query({
          name: table,
          text: `insert into ${table} (${names.join(", ")}) values (${names.map((_name, index) => `$${index + 1}`).join(", ")}) returning id`,
          values: names.map((name) =>
            typeof row[name] === "object" && row[name] !== null && !(row[name] instanceof Date)
              ? JSON.stringify(row[name])
              : row[name],
          ),
        });
        count += 1;
      }
    }
    return { rows: count, seconds: (Date.now() - begun) / 1_000, walBytes: await walSince(url, wal) };
  } finally {
    await reader.end();
    await writer.end();
  }
}

/** Tables as they are, with indexes and foreign keys, but without our triggers; the administrator is above the policies. */
async function prepareBare(url: string, tenantId: string): Promise<void> {
  await runSql(url, `insert into tenancy.tenants (id, name, slug) values ('${tenantId}', 'Bench', 'bench')`);
  for (const table of tables) await runSql(url, `alter table ${table} disable trigger user`);
}

async function makeDatabase(server: Server, name: string): Promise<string> {
  await runSql(databaseUrl(server, "landfall"), `create database ${name} template template_bench`);
  const url = databaseUrl(server, name);
  await runSql(url, "checkpoint");
  return url;
}

function databaseUrl({ adminUrl }: Server, name: string): string {
  return adminUrl.replace(/\/[^/]*$/, `/${name}`);
}

async function walPosition(url: string): Promise<string> {
  return (await runSql<{ lsn: string }>(url, "select pg_current_wal_insert_lsn() as lsn"))[0]?.lsn as string;
}

async function walSince(url: string, lsn: string): Promise<number> {
  const [found] = await runSql<{ bytes: string }>(
    url,
    `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '${lsn}') as bytes`,
  );
  return Number(found?.bytes);
}

async function runSql<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}
