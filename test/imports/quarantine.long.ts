import { rm } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { decodeFixed } from "../../src/imports/fixes.ts";
import { runBatch } from "../../src/imports/pipeline/run_batch.ts";
import { beginReplay, fixIssue, listIssues } from "../../src/imports/quarantine.ts";
import { type BatchReport, readReport } from "../../src/imports/report.ts";
import { followBatch, runImport, sampleFolder } from "../../src/imports/run_import.ts";
import { beginRollback } from "../../src/imports/steer_batch.ts";
import { addPerson, openLogins } from "../support/people.ts";
import { copySample, type Importing, prepareImporting, recordOf, type SampleRecord } from "./importing.ts";

const access = { airtable: { apiKey: undefined, endpointUrl: "" } };

let importing: Importing;

beforeEach(async () => {
  importing = await prepareImporting();
});

afterEach(() => importing.close());

const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

async function issueOf(batchId: string, reason: string, collection?: string) {
  const { pool, tenantId } = importing;
  const { issues } = await listIssues(pool, tenantId, batchId, { isWhole: false, limit: 100 });
  const issue = issues.find(
    (known) => known.reason === reason && (collection ?? known.collection) === known.collection,
  );
  if (issue === undefined) throw new Error(`No issue says ${reason}`);
  return issue;
}

async function replay(batchId: string): Promise<BatchReport> {
  const { pool, tenantId } = importing;
  await beginReplay(pool, tenantId, batchId);
  return await followBatch({ pool, tenantId, access }, batchId);
}

function balances(report: BatchReport): void {
  for (const { landed, inserted, updated, unchanged, quarantined, skipped } of report.collections) {
    expect(inserted + updated + unchanged + quarantined + skipped).toBe(landed);
  }
}

async function clientId(): Promise<string> {
  const [known] = await query(
    "select record_id from imports.crosswalk where collection = 'Clients' order by record_id limit 1",
  );
  return known?.record_id as string;
}

test("can settle a parent by hand, and its children come in with it, out of the ledger alone", async () => {
  const { pool, tenantId } = importing;
  const sample = await copySample();
  const first = await importing.run(sample.folder);
  // From here on there is no source.
  await rm(sample.folder, { recursive: true });
  const dangling = await issueOf(first.batchId, "dangling_link", "Journeys");
  await fixIssue(pool, tenantId, dangling.id, [await clientId()]);
  const report = await replay(first.batchId);
  expect(report).toMatchObject({ batchId: first.batchId, status: "incomplete", verified: true });
  balances(report);
  const inserted = Object.fromEntries(report.collections.map((collection) => [collection.name, collection.inserted]));
  expect(inserted).toMatchObject({ Journeys: 10, Versions: 8 });
  expect(inserted.Touchpoints).toBeGreaterThan(58);
  expect(report.issues.filter(({ reason }) => reason === "parent_quarantined")).toEqual([
    expect.objectContaining({ collection: "Versions" }),
  ]);
  expect(report.issues.find(({ reason }) => reason === "fixed_by_hand")).toMatchObject({
    collection: "Journeys",
    recordId: dangling.recordId,
    field: "Client",
    fate: "converted",
  });
  // The original stays: in the text that landed, and in the issue that was settled.
  const [payload] = await query(
    "select source_text, fixed_text from app_private.import_payloads where record_id = $1",
    [dangling.recordId],
  );
  expect(payload?.source_text).toContain(JSON.parse(dangling.original ?? "[]")[0]);
  expect(payload?.fixed_text).toContain(await clientId());
  expect(
    await query("select original from imports.issues where id = $1 and settled_at is not null", [dangling.id]),
  ).toEqual([{ original: dangling.original }]);
  await sample.remove();
});

test("can fix every cell of the sample, in the right order and with counts that add up", async () => {
  const { pool, tenantId } = importing;
  const first = await importing.run(sampleFolder);
  const { batchId } = first;
  const fix = async (reason: string, value: unknown, collection?: string) =>
    fixIssue(pool, tenantId, (await issueOf(batchId, reason, collection)).id, value);
  await fix("dangling_link", [await clientId()], "Journeys");
  await fix("dangling_link", null, "Templates");
  await fix("bad_json", "[]");
  await fix("missing_required", "Named at last");
  await fix("unknown_option", "Draft");
  await fix("refused_text", "Thank you for coming");
  const report = await replay(batchId);
  balances(report);
  expect(report.issues.filter(({ fate }) => fate === "quarantined")).toEqual([]);
  expect(report).toMatchObject({ status: "completed", verified: true });
  expect(report.collections.map(({ quarantined }) => quarantined)).toEqual(report.collections.map(() => 0));
  expect(
    await query(
      "select content ->> 'body' as body from journeys.touchpoints where content ->> 'body' like 'Thank you%'",
    ),
  ).toContainEqual({
    body: "Thank you for coming",
  });
  // Every cell that there was has a fate still: what left one count is in another.
  const cells = (from: BatchReport) =>
    from.fields.map(({ collection, name, exact, converted, quarantined, dropped }) => [
      collection,
      name,
      exact + converted + quarantined + dropped,
    ]);
  expect(cells(report)).toEqual(cells(first));
  expect(report.fields.filter(({ quarantined }) => quarantined > 0)).toEqual([]);
  // Ranked among its siblings as if it had come with them.
  expect(
    await query(
      `select journey_id from journeys.touchpoints group by journey_id
       having array_agg(order_index order by day_offset, source_order, created_at, id) <> array_agg(order_index order by order_index)`,
    ),
  ).toEqual([]);
  // The fixes hold for the next import, which has nothing to write.
  const again = await importing.run(sampleFolder);
  expect(again).toMatchObject({ status: "completed", verified: true });
  expect(again.collections.map(({ inserted, updated }) => inserted + updated)).toEqual(again.collections.map(() => 0));
});

test("can pass a fix over once the source says something else", async () => {
  const { pool, tenantId } = importing;
  const { batchId } = await importing.run(sampleFolder);
  const issue = await issueOf(batchId, "unknown_option");
  await fixIssue(pool, tenantId, issue.id, "Draft");
  const sample = await copySample();
  try {
    await sample.change("Touchpoints", (records: SampleRecord[]) => {
      recordOf(records, "Status", JSON.parse(issue.original ?? "")).fields.Status = "Published";
      return undefined;
    });
    await importing.run(sample.folder);
    const [row] = await query(
      "select t.status from journeys.touchpoints t join imports.crosswalk c on c.row_id = t.id where c.record_id = $1",
      [issue.recordId],
    );
    expect(row).toEqual({ status: "published" });
  } finally {
    await sample.remove();
  }
});

test("can replay while people work: what they edited stays theirs, and the proof holds", async () => {
  const { pool, tenantId, database } = importing;
  const { batchId } = await importing.run(sampleFolder);
  const logins = openLogins(database);
  const editor = await addPerson(database, tenantId, "editor@harbour.test", "editor");
  await logins.speak(editor, "update journeys.touchpoints set name = 'Mine now' where name = 'Inquiry received'");
  await logins.close();
  await fixIssue(pool, tenantId, (await issueOf(batchId, "missing_required")).id, "Named at last");
  const report = await replay(batchId);
  expect(report).toMatchObject({ status: "incomplete", verified: true });
  balances(report);
  expect(await query("select from journeys.touchpoints where name in ('Mine now', 'Named at last')")).toHaveLength(2);
});

test("can replay what people deleted meanwhile: it stays deleted, and the counts hold", async () => {
  const { pool, tenantId } = importing;
  const sample = await copySample();
  await importing.run(sample.folder);
  await sample.change("Touchpoints", (records) => {
    Object.assign(recordOf(records, "Internal Name", "Inquiry received").fields, { Subject: "Changed", Day: 1.5 });
    return undefined;
  });
  const { batchId } = await importing.run(sample.folder);
  const [row] = await query("select id from journeys.touchpoints where name = 'Inquiry received'");
  expect(
    await query("select effect from imports.effects where row_id = $1 and batch_id = $2", [row?.id, batchId]),
  ).toEqual([{ effect: "updated" }]);
  await query("delete from journeys.touchpoints where id = $1", [row?.id]);
  await fixIssue(pool, tenantId, (await issueOf(batchId, "not_an_integer")).id, 0);
  const report = await replay(batchId);
  expect(report).toMatchObject({ verified: true });
  balances(report);
  expect(
    await query("select outcome, reason from imports.records where row_id = $1 and batch_id = $2", [row?.id, batchId]),
  ).toEqual([{ outcome: "skipped", reason: "deleted_here" }]);
  expect(await query("select from journeys.touchpoints where id = $1", [row?.id])).toEqual([]);
  await sample.remove();
});

test("can make a row again by a replay where the source wins: it was there before the batch, and counts as updated", async () => {
  const { pool, tenantId } = importing;
  const sample = await copySample();
  await importing.run(sample.folder);
  await sample.change("Touchpoints", (records) => {
    Object.assign(recordOf(records, "Internal Name", "Inquiry received").fields, { Subject: "Changed", Day: 1.5 });
    return undefined;
  });
  const { batchId } = await runImport(importing.request(sample.folder, { options: { onConflict: "source_wins" } }));
  const [row] = await query("select id from journeys.touchpoints where name = 'Inquiry received'");
  await query("delete from journeys.touchpoints where id = $1", [row?.id]);
  await fixIssue(pool, tenantId, (await issueOf(batchId, "not_an_integer")).id, 0);
  const report = await replay(batchId);
  expect(report).toMatchObject({ verified: true });
  balances(report);
  expect(
    await query("select outcome from imports.records where row_id = $1 and batch_id = $2", [row?.id, batchId]),
  ).toEqual([{ outcome: "updated" }]);
  await beginRollback(pool, tenantId, batchId);
  expect(await followBatch({ pool, tenantId, access }, batchId)).toMatchObject({
    status: "rolled_back",
    verified: true,
  });
  await sample.remove();
});

test("can fix the column that a slug was made of: the row keeps its slug, and the proof holds", async () => {
  const { pool, tenantId } = importing;
  const sample = await copySample();
  await sample.change("Journeys", (records) => {
    recordOf(records, "Journey Name", "Inquiry to Tour").fields["Trigger Config"] = "{broken";
    return undefined;
  });
  const { batchId } = await importing.run(sample.folder);
  const [journey] = await query("select slug from journeys.journeys where name = 'Inquiry to Tour'");
  await fixIssue(pool, tenantId, (await issueOf(batchId, "bad_json", "Journeys")).id, "Another name", "Journey Name");
  const report = await replay(batchId);
  expect(report).toMatchObject({ verified: true });
  balances(report);
  expect(await query("select slug from journeys.journeys where name = 'Another name'")).toEqual([journey]);
  await sample.remove();
});

test("can be taken back after a replay", async () => {
  const { pool, tenantId } = importing;
  const { batchId } = await importing.run(sampleFolder);
  await fixIssue(pool, tenantId, (await issueOf(batchId, "missing_required")).id, "Named at last");
  await replay(batchId);
  await beginRollback(pool, tenantId, batchId);
  await runBatch(pool, access, tenantId, batchId);
  expect(await readReport(pool, tenantId, batchId)).toMatchObject({ status: "rolled_back", verified: true });
  expect(await query("select from journeys.touchpoints")).toEqual([]);
});

test("cannot fix what is no cell, what is settled, nor replay what a later import has overtaken: LF242, LF243, LF244", async () => {
  const { pool, tenantId } = importing;
  const { batchId } = await importing.run(sampleFolder);
  const issue = await issueOf(batchId, "missing_required");
  await expect(fixIssue(pool, tenantId, issue.id, "x", "PIT Token")).resolves.toBeDefined();
  const [client] = await query("select id from imports.issues where reason = 'placeholder'");
  await expect(fixIssue(pool, tenantId, client?.id as string, "x", "PIT Token")).rejects.toMatchObject({
    code: "LF242",
  });
  await replay(batchId);
  await expect(fixIssue(pool, tenantId, issue.id, "x")).rejects.toMatchObject({ code: "LF243" });
  await importing.run(sampleFolder);
  await expect(beginReplay(pool, tenantId, batchId)).rejects.toMatchObject({ code: "LF244" });
});

const decode = (_id: string, text: string) => ({
  row: JSON.parse(text),
  refusal: null,
  issues: [],
  fates: new Map<string, "exact">(),
});

test.each([
  ['{"id":"r","fields":{"A":1,"B":2}}', "A", '{"id":"r","fields":{"A":"x","B":2}}'],
  ['{"id":"r","fields":{"A":1,"A":2}}', "A", '{"id":"r","fields":{"A":"x","A":"x"}}'],
  ['{"id":"r","fields":{"B": 2}}', "A", '{"id":"r","fields":{"A":"x","B": 2}}'],
  ['{"id":"r","fields":{}}', "A", '{"id":"r","fields":{"A":"x"}}'],
  ['{"id":"r"}', "A", '{"fields":{"A":"x"},"id":"r"}'],
  ["{}", "A", '{"fields":{"A":"x"}}'],
])("can put a value into %s at %s and leave every other byte", (text, field, expected) => {
  expect(decodeFixed(decode, "r", text, "fields", [{ field, original: null, value: '"x"' }]).fixedText).toBe(expected);
});
