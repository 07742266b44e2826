/** A tenant in a database of its own, and imports into it: the same calls that the command makes. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import type { BatchReport } from "../../src/imports/report.ts";
import { type ImportRequest, runImport, sampleFolderOf } from "../../src/imports/run_import.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

export interface Importing {
  database: TestDatabase;
  pool: pg.Pool;
  tenantId: string;
  request(from: string, changes?: Partial<ImportRequest>): ImportRequest;
  run(from: string): Promise<BatchReport>;
  close(): Promise<void>;
}

export async function prepareImporting(mapping = "bloom"): Promise<Importing> {
  const database = await createTestDatabase();
  const [tenant] = await database.query<{ id: string }>(
    "insert into tenancy.tenants (name, slug) values ('Harbour', 'harbour') returning id",
  );
  const tenantId = (tenant as { id: string }).id;
  const pool = createPool(database.urls.worker, { applicationName: "landfall tests", max: 4 });
  const request: Importing["request"] = (from, changes) => ({
    pool,
    tenantId,
    mapping,
    from,
    access: { airtable: { apiKey: undefined, endpointUrl: "http://127.0.0.1:9" } },
    ...changes,
  });
  return {
    database,
    pool,
    tenantId,
    request,
    run: (from) => runImport(request(from)),
    async close() {
      await pool.end();
      await database.drop();
    },
  };
}

export interface SampleRecord {
  id: string;
  createdTime: string;
  fields: Record<string, unknown>;
}

/** A copy of the sample base of a mapping in a folder of its own, to be changed by a test. */
export async function copySample(mapping = "bloom") {
  const parent = await mkdtemp(join(tmpdir(), "landfall-sample-"));
  const folder = join(parent, mapping);
  await cp(sampleFolderOf(mapping), folder, { recursive: true });
  const fileOf = (table: string) => join(folder, "records", `${table}.ndjson`);
  return {
    folder,
    fileOf,
    /** Changes the records of a table; what `change` returns takes their place. */
    async change(table: string, change: (records: SampleRecord[]) => SampleRecord[] | undefined): Promise<void> {
      const text = await readFile(fileOf(table), "utf8");
      const records = text
        .split("\n")
        .filter((line) => line !== "")
        .map((line): SampleRecord => JSON.parse(line));
      const changed = change(records) ?? records;
      await writeFile(fileOf(table), changed.map((record) => `${JSON.stringify(record)}\n`).join(""));
    },
    remove: () => rm(parent, { recursive: true, force: true }),
  };
}

/** The record of a table by the value of one of its fields. */
export function recordOf(records: SampleRecord[], field: string, value: unknown): SampleRecord {
  const found = records.find((record) => record.fields[field] === value);
  if (found === undefined) throw new Error(`No record has ${field} = ${value}`);
  return found;
}

/** Everything in the tables of the journeys, with the physical version of every row: unchanged means not written. */
export async function readRows(database: TestDatabase): Promise<string[]> {
  const tables = [
    "clients",
    "pipelines",
    "journeys",
    "touchpoints",
    "touchpoint_versions",
    "approvals",
    "templates",
    "sync_history",
  ];
  const selects = tables.map(
    (table) => `select '${table} ' || xmin || ' ' || to_jsonb(t)::text as row from journeys.${table} t`,
  );
  const rows = await database.query<{ row: string }>(`${selects.join(" union all ")} order by row`);
  return rows.map(({ row }) => row);
}
