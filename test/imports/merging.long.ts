import { beginReplay, listIssues, listMerges, mergeRecords, withdrawMerge } from "../../src/imports/quarantine.ts";
import type { BatchReport } from "../../src/imports/report.ts";
import { followBatch, planImport, runImport } from "../../src/imports/run_import.ts";
import { beginRollback } from "../../src/imports/steer_batch.ts";
import { copySample, type Importing, prepareImporting, readRows, recordOf } from "./importing.ts";

/** Two records that are one thing: what becomes of their rows, of what belongs to them, and of the proof. */

const access = { airtable: { apiKey: undefined, endpointUrl: "" } };
const harbourlight = "rec3UfuyBkwh3ZgoN";
const fernwick = "recFh4LJlHqj8QcIG";

let importing: Importing;
let sample: Awaited<ReturnType<typeof copySample>>;

beforeEach(async () => {
  importing = await prepareImporting();
  sample = await copySample();
  await sample.change("Clients", (records) => {
    const { fields } = recordOf(records, "Name", "Fernwick Estate");
    fields["Location ID"] = recordOf(records, "Name", "Harbourlight Weddings").fields["Location ID"];
    return undefined;
  });
});

afterEach(async () => {
  await sample.remove();
  await importing.close();
});

const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

async function issueOf(batchId: string, recordId: string): Promise<string> {
  const { pool, tenantId } = importing;
  const { issues } = await listIssues(pool, tenantId, batchId, { isWhole: false, limit: 200 });
  const issue = issues.find((known) => known.recordId === recordId && known.fate === "quarantined");
  if (issue === undefined) throw new Error(`Nothing of ${recordId} waits`);
  return issue.id;
}

async function replay(batchId: string): Promise<BatchReport> {
  const { pool, tenantId } = importing;
  await beginReplay(pool, tenantId, batchId);
  return await followBatch({ pool, tenantId, access }, batchId);
}

async function rollBack(batchId: string): Promise<BatchReport> {
  const { pool, tenantId } = importing;
  await beginRollback(pool, tenantId, batchId);
  return await followBatch({ pool, tenantId, access }, batchId);
}

const rowOf = async (recordId: string) =>
  (await query("select row_id, is_merged from imports.crosswalk where record_id = $1", [recordId]))[0];

const journeysOf = async (clientId: unknown) =>
  Number((await query("select count(*) from journeys.journeys where client_id = $1", [clientId]))[0]?.count);

const clientsIn = (report: BatchReport) => report.collections.find(({ name }) => name === "Clients");

/** Every row, but for what never goes back. */
async function contents(): Promise<string[]> {
  const tables = [
    "clients",
    "pipelines",
    "journeys",
    "touchpoints",
    "templates",
    "sync_history",
    "comment_threads",
    "approvals",
  ];
  const selects = tables.map(
    (table) => `select '${table} ' || (to_jsonb(t) - 'updated_at' - 'version')::text as row from journeys.${table} t`,
  );
  return (await query(`select row from (${selects.join(" union all ")}) rows order by row`)).map(({ row }) =>
    String(row),
  );
}

test("can merge two records out of the ledger: one row, everything of both, every cell with a fate, for later imports too", async () => {
  const { pool, tenantId } = importing;
  const first = await importing.run(sample.folder);
  const into = (await rowOf(harbourlight))?.row_id;
  const before = await rowOf(fernwick);
  expect(await journeysOf(into)).toBe(3);
  const merge = await mergeRecords(pool, tenantId, await issueOf(first.batchId, fernwick), harbourlight);
  expect(merge).toMatchObject({ collection: "Clients", recordId: fernwick, intoRecordId: harbourlight });
  const report = await replay(first.batchId);
  expect(report).toMatchObject({ verified: true });
  expect(clientsIn(report)).toMatchObject({ landed: 4, inserted: 3, skipped: 1, quarantined: 0 });
  expect(await query("select from journeys.clients where id = $1", [before?.row_id])).toEqual([]);
  expect(await rowOf(fernwick)).toEqual({ row_id: into, is_merged: true });
  expect(await journeysOf(into)).toBe(6);
  expect(report.issues.filter(({ reason }) => reason === "merged")).toMatchObject([
    { recordId: fernwick, detail: `It is the same as Clients/${harbourlight}.` },
  ]);
  // What its own cells said is kept, beside what counts.
  expect(report.issues.find(({ reason, field }) => reason === "merged_cell" && field === "Name")).toMatchObject({
    fate: "dropped",
    original: '"Fernwick Estate"',
    existing: '"Harbourlight Weddings"',
  });
  expect(await query("select reason, outcome from imports.records where record_id = $1", [fernwick])).toEqual([
    { reason: "merged", outcome: "skipped" },
  ]);

  // It holds for the next import, which has nothing to write, and is planned so.
  const rows = await readRows(importing.database);
  const plan = await planImport(importing.request(sample.folder));
  const again = await importing.run(sample.folder);
  expect(again).toMatchObject({ verified: true });
  expect(plan.collections).toEqual(again.collections);
  expect(again.collections.every(({ inserted, updated, deleted }) => inserted + updated + deleted === 0)).toBe(true);
  expect(await readRows(importing.database)).toEqual(rows);

  // Taken back, the record comes in by itself again.
  expect(await listMerges(pool, tenantId)).toHaveLength(1);
  await withdrawMerge(pool, tenantId, merge.id);
  const apart = await importing.run(sample.folder);
  expect(apart).toMatchObject({ verified: true });
  expect(clientsIn(apart)).toMatchObject({ inserted: 1 });
  expect(await rowOf(fernwick)).toEqual({ row_id: before?.row_id, is_merged: false });
  expect(await journeysOf(before?.row_id)).toBe(3);
});

test("can give the one row what people made under the other, and take it all back", async () => {
  const { pool, tenantId } = importing;
  await importing.run(sample.folder);
  const before = await rowOf(fernwick);
  const into = await rowOf(harbourlight);
  await query("insert into journeys.pipelines (tenant_id, client_id, name) values ($1, $2, 'By hand')", [
    tenantId,
    before?.row_id,
  ]);
  const second = await importing.run(sample.folder);
  const was = await contents();
  await mergeRecords(pool, tenantId, await issueOf(second.batchId, fernwick), harbourlight);
  const merged = await replay(second.batchId);
  expect(merged).toMatchObject({ verified: true });
  expect(await query("select client_id from journeys.pipelines where name = 'By hand'")).toEqual([
    { client_id: into?.row_id },
  ]);
  expect(merged.removed).toEqual([{ table: "journeys.clients", rows: 1 }]);
  expect(await rollBack(second.batchId)).toMatchObject({ status: "rolled_back", verified: true, message: null });
  expect(await contents()).toEqual(was);
  expect(await rowOf(fernwick)).toEqual(before);
});

test("can take back the batch that brought both records and merged them", async () => {
  const { pool, tenantId } = importing;
  const { batchId } = await importing.run(sample.folder);
  await mergeRecords(pool, tenantId, await issueOf(batchId, fernwick), harbourlight);
  await replay(batchId);
  expect(await rollBack(batchId)).toMatchObject({ status: "rolled_back", verified: true, message: null });
  expect(await contents()).toEqual([]);
});

test("can merge ranked records: the others close ranks, and the value that the one held is free for the other", async () => {
  const { pool, tenantId } = importing;
  await sample.change("Touchpoints", (records) => {
    recordOf(records, "Internal Name", "Inquiry received").fields.Day = 0.5;
    return undefined;
  });
  await sample.change("Clients", (records) => {
    recordOf(records, "Name", "Harbourlight Weddings").fields.Website = { broken: true };
    return undefined;
  });
  const { batchId } = await importing.run(sample.folder);
  const ids = await query(
    "select c.record_id from imports.crosswalk c join journeys.touchpoints t on t.id = c.row_id where t.name in ('Inquiry received', 'Welcome and brochure') order by t.name",
  );
  const [received, welcome] = ids.map(({ record_id }) => String(record_id));
  await mergeRecords(pool, tenantId, await issueOf(batchId, received as string), welcome as string);
  // Harbourlight has the value that Fernwick claims as well, and is the one to go.
  await mergeRecords(pool, tenantId, await issueOf(batchId, harbourlight), fernwick);
  const report = await replay(batchId);
  expect(report).toMatchObject({ verified: true });
  const places = await query(
    `select t.order_index from journeys.touchpoints t join journeys.journeys j on j.id = t.journey_id
     where j.name = 'Inquiry to Tour' order by t.order_index`,
  );
  expect(places.map(({ order_index }) => order_index)).toEqual(places.map((_place, index) => index));
  expect(await query("select ghl_location_id from journeys.clients where name = 'Fernwick Estate'")).toEqual([
    { ghl_location_id: "hLq8ZtV2nRw5KcYx7PdM" },
  ]);
});

test("can merge at the first import again, with no row to remove", async () => {
  const { pool, tenantId } = importing;
  const first = await importing.run(sample.folder);
  await mergeRecords(pool, tenantId, await issueOf(first.batchId, fernwick), harbourlight);
  await rollBack(first.batchId);
  const report = await runImport(importing.request(sample.folder));
  expect(report).toMatchObject({ verified: true });
  expect(clientsIn(report)).toMatchObject({ landed: 4, inserted: 3, skipped: 1 });
  expect(await journeysOf((await rowOf(harbourlight))?.row_id)).toBe(6);
});

test("cannot merge what does not wait, into what is not there, waits itself or is merged: LF006, LF264, LF265", async () => {
  const { pool, tenantId } = importing;
  await sample.change("Clients", (records) => {
    delete recordOf(records, "Name", "The Old Mill at Brackley").fields.Name;
    return undefined;
  });
  const { batchId } = await importing.run(sample.folder);
  const issue = await issueOf(batchId, fernwick);
  const refusal = (issueId: string, into: string) =>
    mergeRecords(pool, tenantId, issueId, into).then(
      () => "none",
      ({ code }) => code,
    );
  expect(await refusal(issue, "recNobody")).toBe("LF006");
  expect(await refusal(issue, fernwick)).toBe("LF265");
  expect(await refusal(issue, "recoG5KbCDFJs5MmT")).toBe("LF265");
  const { issues } = await listIssues(pool, tenantId, batchId, { isWhole: false, limit: 200 });
  const converted = issues.find(({ fate }) => fate === "converted");
  expect(await refusal(converted?.id as string, harbourlight)).toBe("LF264");
  await mergeRecords(pool, tenantId, await issueOf(batchId, "recoG5KbCDFJs5MmT"), fernwick);
  // What was merged into the one goes along into the other.
  await mergeRecords(pool, tenantId, issue, harbourlight);
  expect((await listMerges(pool, tenantId)).map(({ intoRecordId }) => intoRecordId)).toEqual([
    harbourlight,
    harbourlight,
  ]);
  expect(await replay(batchId)).toMatchObject({ verified: true });
  await expect(withdrawMerge(pool, tenantId, "00000000-0000-4000-8000-000000000000")).rejects.toMatchObject({
    code: "LF006",
  });
});
