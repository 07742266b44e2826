/** The same source again: what an earlier import has proved is carried over as long as nothing that it depends on has changed. */
import { proveAgain } from "../../src/imports/prove_again.ts";
import type { BatchReport } from "../../src/imports/report.ts";
import { planImport } from "../../src/imports/run_import.ts";
import { copySample, type Importing, prepareImporting, readRows, recordOf } from "./importing.ts";

let importing: Importing;
let sample: Awaited<ReturnType<typeof copySample>>;
let first: BatchReport;

beforeEach(async () => {
  importing = await prepareImporting();
  sample = await copySample();
  first = await importing.run(sample.folder);
});

afterEach(async () => {
  await sample.remove();
  await importing.close();
});

const query = <Row extends Record<string, unknown>>(sql: string, values?: unknown[]) =>
  importing.database.query<Row>(sql, values);

/** The records of a batch of which nothing is told and that were not carried over all the same, by collection. */
async function judgedAnew(batchId: string): Promise<Record<string, string[]>> {
  const rows = await query<{ name: string; records: string[] }>(
    `select collection.name, array_agg(record.record_id order by record.record_id) as records
     from imports.collections collection
     join imports.records record on record.collection_id = collection.id
     where collection.batch_id = $1 and not record.is_carried and record.outcome in ('inserted', 'updated', 'unchanged')
       and not exists (select from imports.issues issue where issue.batch_id = $1 and issue.row_id = record.row_id)
     group by collection.name`,
    [batchId],
  );
  return Object.fromEntries(rows.map(({ name, records }) => [name, records]));
}

const idOf = async (table: string, field: string, value: string): Promise<string> => {
  let id = "";
  await sample.change(table, (records) => {
    id = recordOf(records, field, value).id;
    return undefined;
  });
  return id;
};

test("can carry over all that has not changed, and say of which import, without writing a row", async () => {
  const rows = await readRows(importing.database);
  const again = await importing.run(sample.folder);
  expect(again).toMatchObject({ status: first.status, verified: true });
  expect(await readRows(importing.database)).toEqual(rows);
  for (const { name, landed } of again.collections) {
    const carried = again.checks.find(
      (check) => check.collection === name && check.name.startsWith(`carried over from ${first.batchId}`),
    );
    const anew = again.checks.find((check) => check.collection === name && check.name === "records derived anew");
    if (carried === undefined) continue;
    expect(carried.actual + (anew?.actual ?? 0)).toBe(landed);
    expect(carried.actual).toBeGreaterThan(0);
  }
  // The fields' counts are those of the import that read all cells.
  expect(again.fields).toEqual(first.fields);
  // Asked to, the verifier derives everything anew all the same.
  const proved = await proveAgain(importing.pool, importing.tenantId, again.batchId);
  expect(proved.filter(({ expected, actual }) => expected !== actual)).toEqual([]);
  expect(proved.some(({ name }) => name.startsWith("carried over"))).toBe(false);
});

test("can judge what has changed in the source, and what was held against it, and carry the rest over", async () => {
  const always = await judgedAnew((await importing.run(sample.folder)).batchId);
  await sample.change("Journeys", (records) => {
    recordOf(records, "Journey Name", "Inquiry to Tour").fields.Goal = "Another goal";
    return undefined;
  });
  const again = await importing.run(sample.folder);
  expect(again).toMatchObject({ verified: true });
  expect(again.collections.find(({ name }) => name === "Journeys")).toMatchObject({ updated: 1 });
  const anew = await judgedAnew(again.batchId);
  const changed = await idOf("Journeys", "Journey Name", "Inquiry to Tour");
  expect(anew.Journeys?.filter((id) => !always.Journeys?.includes(id))).toEqual([changed]);
  expect(anew.Touchpoints).toEqual(always.Touchpoints);
});

test("can judge a row that people have edited, and its siblings", async () => {
  await query(
    `update journeys.touchpoints set name = name || ' (ours)'
     where journey_id = (select id from journeys.journeys where name = 'Inquiry to Tour') and order_index = 0`,
  );
  const again = await importing.run(sample.folder);
  expect(again).toMatchObject({ verified: true });
  const siblings = await query<{ record_id: string }>(
    `select record.record_id from imports.records record
     join journeys.touchpoints touchpoint on touchpoint.id = record.row_id
     where record.batch_id = $1 and not record.is_carried and touchpoint.journey_id = (select id from journeys.journeys where name = 'Inquiry to Tour')`,
    [again.batchId],
  );
  const [all] = await query<{ count: number }>(
    "select count(*)::integer as count from journeys.touchpoints where journey_id = (select id from journeys.journeys where name = 'Inquiry to Tour')",
  );
  expect(siblings).toHaveLength(all?.count ?? 0);
  const [kept] = await query<{ kept_columns: string[] }>(
    "select kept_columns from imports.records where batch_id = $1 and kept_columns is not null",
    [again.batchId],
  );
  expect(kept?.kept_columns).toEqual(["name"]);
});

test("can judge a row that was damaged without a trace", async () => {
  const [damaged] = await query<{ id: string }>(
    `with quiet as (select set_config('session_replication_role', 'replica', true))
     update journeys.journeys set description = 'damaged' from quiet where name = 'Inquiry to Tour' returning id`,
  );
  const again = await importing.run(sample.folder);
  const [record] = await query<{ is_carried: boolean }>(
    "select is_carried from imports.records where batch_id = $1 and row_id = $2",
    [again.batchId, damaged?.id],
  );
  expect(record).toEqual({ is_carried: false });
});

test("can judge a row that people changed and changed back", async () => {
  const [row] = await query<{ id: string }>("select id from journeys.journeys where name = 'Inquiry to Tour'");
  await query("update journeys.journeys set goal = goal || '!' where id = $1", [row?.id]);
  await query("update journeys.journeys set goal = left(goal, -1) where id = $1", [row?.id]);
  const again = await importing.run(sample.folder);
  expect(again).toMatchObject({ verified: true });
  const [record] = await query<{ is_carried: boolean }>(
    "select is_carried from imports.records where batch_id = $1 and row_id = $2",
    [again.batchId, row?.id],
  );
  expect(record).toEqual({ is_carried: false });
});

test("cannot carry anything over from a proof of other code, or an import that was taken back", async () => {
  await query("update imports.batches set verifier_hash = sha256(verifier_hash) where id = $1", [first.batchId]);
  const again = await importing.run(sample.folder);
  expect(again).toMatchObject({ verified: true });
  const carriedFrom = (batchId: string) =>
    query<{ carried_from_id: string | null }>("select carried_from_id from imports.batches where id = $1", [batchId]);
  expect(await carriedFrom(again.batchId)).toEqual([{ carried_from_id: null }]);
  expect(again.checks.some(({ name }) => name.startsWith("carried over"))).toBe(false);
  const third = await importing.run(sample.folder);
  expect(await carriedFrom(third.batchId)).toEqual([{ carried_from_id: again.batchId }]);
});

test("can plan by what was proved before, and keep to the plan", async () => {
  await sample.change("Clients", (records) => {
    (records[0] as (typeof records)[number]).fields.Industry = "Gardens";
    return undefined;
  });
  await planImport(importing.request(sample.folder));
  const again = await importing.run(sample.folder);
  expect(again).toMatchObject({ verified: true });
  expect(again.plan?.plannedBatchId).not.toBeNull();
  expect(again.collections.find(({ name }) => name === "Clients")).toMatchObject({ updated: 1 });
});

test("can go on where it stopped, though people have edited meanwhile what was carried over", async () => {
  await query(`
    create function public.fault() returns trigger language plpgsql as $$ begin
      if exists (select from imports.collections where id = new.collection_id and name = 'Touchpoints') then raise 'stopped'; end if;
      return new;
    end $$;
    create trigger fault before insert on imports.records for each row when (new.is_carried) execute function public.fault()`);
  await expect(importing.run(sample.folder)).rejects.toMatchObject({ reason: "import_paused" });
  await query("drop function public.fault() cascade");
  await query("update journeys.clients set industry = 'Ours' where name = 'Harbourlight Weddings'");
  await query("update journeys.journeys set goal = 'Ours' where name = 'Inquiry to Tour'");
  await query("update journeys.touchpoints set name = 'Ours' where name = 'Welcome and brochure'");
  expect(await importing.run(sample.folder)).toMatchObject({ verified: true });
  expect(await query("select name from journeys.touchpoints where name = 'Ours'")).toHaveLength(1);
});
