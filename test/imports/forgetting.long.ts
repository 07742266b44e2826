import { proveAgain } from "../../src/imports/prove_again.ts";
import { beginReplay } from "../../src/imports/quarantine.ts";
import { readReport, reportAsMarkdown } from "../../src/imports/report.ts";
import { followBatch, planImport, sampleFolder } from "../../src/imports/run_import.ts";
import { beginRollback } from "../../src/imports/steer_batch.ts";
import { type Importing, prepareImporting } from "./importing.ts";

/** Another proof of an import, and what is left of it when its texts are forgotten. */

const access = { airtable: { apiKey: undefined, endpointUrl: "" } };

let importing: Importing;

beforeEach(async () => {
  importing = await prepareImporting();
});

afterEach(() => importing.close());

const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

const forget = async (keptFor: string) =>
  (
    await importing.pool.query<{ batch_id: string }>("select batch_id from app_private.forget_import_payloads($1)", [
      keptFor,
    ])
  ).rows.map(({ batch_id }) => batch_id);

const partitions = async () =>
  (
    await query(
      "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'app_private.import_payloads'::regclass",
    )
  ).length;

test("can prove an import again, and finds what changed without a trace; an overtaken one is refused: LF244", async () => {
  const { pool, tenantId } = importing;
  const { batchId } = await importing.run(sampleFolder);
  const checks = await proveAgain(pool, tenantId, batchId);
  expect(checks.filter(({ expected, actual }) => expected !== actual)).toEqual([]);
  expect(checks.length).toBeGreaterThan(100);
  await query(
    "set session_replication_role = replica; update journeys.journeys set goal = 'Bent' where name = 'Inquiry to Tour'; set session_replication_role = origin",
  );
  const again = await proveAgain(pool, tenantId, batchId);
  expect(again.filter(({ expected, actual }) => expected !== actual).map(({ name }) => name)).toContain("goal");
  const { batchId: later } = await importing.run(sampleFolder);
  await expect(proveAgain(pool, tenantId, batchId)).rejects.toMatchObject({
    code: "LF244",
    message: expect.stringContaining(later),
  });
});

test("can forget the texts of an import when they are due, and nothing else; a replay and a proof say so: LF266", async () => {
  const { pool, tenantId } = importing;
  const plan = await planImport(importing.request(sampleFolder));
  const { batchId } = await importing.run(sampleFolder);
  expect(await forget("1 day")).toEqual([]);
  expect(await partitions()).toBe(2);
  const records = await query("select count(*) from imports.records where batch_id = $1", [batchId]);
  const issues = await query("select count(*) from imports.issues where batch_id = $1", [batchId]);
  expect(await forget("0 seconds")).toEqual([plan.batchId, batchId]);
  expect(await partitions()).toBe(0);
  expect(await query("select count(*) from imports.records where batch_id = $1", [batchId])).toEqual(records);
  expect(await query("select count(*) from imports.issues where batch_id = $1", [batchId])).toEqual(issues);
  expect(
    await query("select from app_private.import_places union all select from app_private.import_predicted_records"),
  ).toEqual([]);
  await expect(beginReplay(pool, tenantId, batchId)).rejects.toMatchObject({ code: "LF266" });
  await expect(proveAgain(pool, tenantId, batchId)).rejects.toMatchObject({ code: "LF266" });
  const report = await readReport(pool, tenantId, batchId);
  expect(reportAsMarkdown(report)).toContain("were forgotten");
  // They are forgotten once; the next import finds its rows as before, and a rollback needs none of them.
  expect(await forget("0 seconds")).toEqual([]);
  const again = await importing.run(sampleFolder);
  expect(again).toMatchObject({ verified: true });
  expect(again.collections.every(({ inserted, updated, conflicts }) => inserted + updated + conflicts === 0)).toBe(
    true,
  );
  await forget("0 seconds");
  for (const id of [again.batchId, batchId]) {
    await beginRollback(pool, tenantId, id);
    expect(await followBatch({ pool, tenantId, access }, id)).toMatchObject({ status: "rolled_back", verified: true });
  }
  expect(await query("select from journeys.journeys")).toEqual([]);
});

test("cannot forget the texts of an import under way, nor wait for whoever reads them", async () => {
  const { database } = importing;
  const { batchId } = await importing.run(sampleFolder);
  await query("set session_replication_role = replica; update imports.batches set status = 'paused'");
  expect(await forget("0 seconds")).toEqual([]);
  await query("set session_replication_role = replica; update imports.batches set status = 'incomplete'");
  const reader = await importing.pool.connect();
  await reader.query("begin; select count(*) from app_private.import_payloads");
  expect(await forget("0 seconds")).toEqual([]);
  await reader.query("rollback");
  reader.release();
  expect(await forget("0 seconds")).toEqual([batchId]);
  expect(await database.query("select payloads_forgotten_at is not null as is_forgotten from imports.batches")).toEqual(
    [{ is_forgotten: true }],
  );
});
