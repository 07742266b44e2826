import { followBatch, sampleFolder } from "../../src/imports/run_import.ts";
import { beginRollback, previewRollback, readRollback } from "../../src/imports/steer_batch.ts";
import { addPerson, type Logins, openLogins, type Person } from "../support/people.ts";
import { copySample, type Importing, prepareImporting, recordOf } from "./importing.ts";

const access = { airtable: { apiKey: undefined, endpointUrl: "" } };

let importing: Importing;
let logins: Logins;
let editor: Person;

beforeEach(async () => {
  importing = await prepareImporting();
  logins = openLogins(importing.database);
  editor = await addPerson(importing.database, importing.tenantId, "editor@harbour.test", "editor");
});

afterEach(async () => {
  await logins.close();
  await importing.close();
});

const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

/** Everything that an import may touch, but for what never goes back: the count of versions and the time of the last change. */
async function contentHash(): Promise<unknown> {
  const tables = ["clients", "pipelines", "journeys", "touchpoints", "approvals", "templates", "sync_history"];
  const selects = [
    ...tables.map(
      (table) => `select '${table} ' || (to_jsonb(t) - 'updated_at' - 'version')::text as row from journeys.${table} t`,
    ),
    "select 'touchpoint_versions ' || to_jsonb(t)::text from journeys.touchpoint_versions t",
  ];
  return await query(
    `select count(*), md5(string_agg(row, E'\\n' order by row)) from (${selects.join(" union all ")}) rows`,
  );
}

async function rollBack(batchId: string) {
  const { pool, tenantId } = importing;
  await beginRollback(pool, tenantId, batchId);
  const report = await followBatch({ pool, tenantId, access }, batchId);
  return { report, rollback: await readRollback(pool, tenantId, batchId) };
}

/** A second state of the sample: texts changed, steps linked anew, one added, one moved. */
async function importChanged() {
  const sample = await copySample();
  try {
    await sample.change("Clients", (records) => {
      recordOf(records, "Name", "Fernwick Estate").fields.Name = "Fernwick Park";
      return undefined;
    });
    await sample.change("Touchpoints", (records) => {
      const first = recordOf(records, "Internal Name", "Inquiry received");
      const added = {
        id: "recAddedLater0001",
        createdTime: "2026-05-01T08:00:00.000Z",
        fields: { ...first.fields, "Internal Name": "Added later", Order: 0.5, "Next Touchpoint": [first.id] },
      };
      first.fields["Next Touchpoint"] = [added.id];
      first.fields.Day = 3;
      return [...records, added];
    });
    return await importing.run(sample.folder);
  } finally {
    await sample.remove();
  }
}

test("can take back a first import: every table holds what it held before, and the ledger remembers", async () => {
  await logins.speak(editor, "insert into journeys.clients (name, slug) values ('By hand', 'by-hand')");
  const before = await contentHash();
  const { batchId } = await importing.run(sampleFolder);
  const preview = await previewRollback(importing.pool, importing.tenantId, batchId);
  const { report, rollback } = await rollBack(batchId);
  expect(rollback).toEqual(preview);
  expect(rollback.map(({ collection, fate, rows }) => [collection, fate, rows])).toEqual([
    ["Clients", "removed", 4],
    ["Pipelines", "removed", 5],
    ["Journeys", "removed", 9],
    ["Touchpoints", "removed", 58],
    ["Versions", "removed", 8],
    ["Approvals", "removed", 8],
    ["Templates", "removed", 6],
    ["Sync History", "removed", 5],
  ]);
  expect(report).toMatchObject({ status: "rolled_back", verified: true, message: null });
  expect(report.checks.filter(({ layer }) => layer === "rollback")).toHaveLength(16);
  expect(await contentHash()).toEqual(before);
  expect(await query("select from imports.crosswalk")).toEqual([]);
  expect(await query("select from imports.records")).toHaveLength(111);
});

test("can take back a second import to what the first one made, and import it once more", async () => {
  await importing.run(sampleFolder);
  const before = await contentHash();
  const second = await importChanged();
  expect(second.collections.find(({ name }) => name === "Touchpoints")).toMatchObject({ inserted: 1 });
  const after = await contentHash();
  const { report } = await rollBack(second.batchId);
  expect(report).toMatchObject({ status: "rolled_back", verified: true });
  expect(await contentHash()).toEqual(before);
  // Nothing counts as edited by people after that.
  const again = await importing.run(sampleFolder);
  expect(again.collections.map(({ updated, skipped }) => updated + skipped)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 3]);
  const third = await importChanged();
  expect(third.issues.filter(({ reason }) => reason === "edited_since_import")).toEqual([]);
  expect(await contentHash()).toEqual(after);
});

test("cannot take an import back on which a later one stands: LF240; then the later one first", async () => {
  const first = await importing.run(sampleFolder);
  const second = await importChanged();
  const { pool, tenantId } = importing;
  await expect(previewRollback(pool, tenantId, first.batchId)).rejects.toMatchObject({ code: "LF240" });
  await expect(beginRollback(pool, tenantId, first.batchId)).rejects.toMatchObject({
    code: "LF240",
    message: expect.stringContaining(second.batchId),
  });
  await rollBack(second.batchId);
  expect((await rollBack(first.batchId)).report).toMatchObject({ status: "rolled_back", verified: true });
  expect(await query("select from journeys.clients")).toEqual([]);
});

test("can keep what people edited since and what they built on it, names it, and takes back the rest", async () => {
  const { batchId } = await importing.run(sampleFolder);
  const edit = (statement: string) => logins.speak(editor, statement);
  await edit("update journeys.touchpoints set name = 'Mine now' where name = 'Inquiry received'");
  await edit(
    `insert into journeys.touchpoints (journey_id, name, type)
     select id, 'Added by hand', 'note' from journeys.journeys where name = 'After the Wedding'`,
  );
  await edit("delete from journeys.pipelines where name = 'Corporate leads'");
  const preview = await previewRollback(importing.pool, importing.tenantId, batchId);
  const { report, rollback } = await rollBack(batchId);
  expect(rollback).toEqual(preview);
  const kept = rollback.filter(({ fate }) => fate === "kept");
  expect(kept.map(({ collection, reason }) => [collection, reason])).toEqual(
    expect.arrayContaining([
      ["Clients", "has_dependants"],
      ["Journeys", "has_dependants"],
      ["Touchpoints", "edited_since"],
      ["Touchpoints", "has_dependants"],
    ]),
  );
  expect(kept.find(({ reason }) => reason === "has_dependants")?.examples.join()).toMatch(/\d of journeys\.\w+/);
  expect(report).toMatchObject({ status: "rolled_back", verified: true });
  expect(report.message).toMatch(/^\d+ rows were kept\.$/);
  const [edited] = await query(
    `select t.name, next.name as next from journeys.touchpoints t join journeys.touchpoints next on next.id = t.next_touchpoint_id
     where t.name = 'Mine now'`,
  );
  expect(edited).toEqual({ name: "Mine now", next: "Welcome and brochure" });
  expect(await query("select from journeys.touchpoints where name = 'Added by hand'")).toHaveLength(1);
  expect(await query("select from journeys.sync_history")).toEqual([]);
});

test("can make rows again that the batch had deleted, parents before children", async () => {
  await importing.run(sampleFolder);
  const before = await contentHash();
  const { batchId } = await importing.run(sampleFolder);
  const gone = [
    [
      "journeys.touchpoints",
      "select t.* from journeys.touchpoints t join journeys.touchpoint_versions v on v.touchpoint_id = t.id",
    ],
    ["journeys.touchpoint_versions", "select v.* from journeys.touchpoint_versions v"],
  ];
  for (const [table, rows] of gone) {
    await query(
      `with gone as (select distinct on (g.id) g.* from (${rows}) g),
       images as (insert into app_private.import_before_images select $1::uuid, id, $2, to_jsonb(gone) from gone)
       insert into imports.effects (tenant_id, batch_id, row_id, table_name, effect, row_hash) select tenant_id, $1, id, $2, 'deleted', '' from gone`,
      [batchId, table],
    );
  }
  await importing.database.query(
    `set session_replication_role = replica;
     delete from journeys.touchpoints where id in (select touchpoint_id from journeys.touchpoint_versions);
     delete from journeys.touchpoint_versions;
     set session_replication_role = origin`,
  );
  const { report, rollback } = await rollBack(batchId);
  expect(report).toMatchObject({ status: "rolled_back", verified: true });
  expect(rollback.map(({ collection, fate }) => [collection, fate])).toEqual([
    ["Touchpoints", "restored"],
    ["Versions", "restored"],
  ]);
  expect(await contentHash()).toEqual(before);
});

test("can find a row that came back wrong", async () => {
  await importing.run(sampleFolder);
  const { batchId } = await importChanged();
  await query(
    `update app_private.import_before_images set image = image || '{"name": "Wrong"}' where table_name = 'journeys.clients';
     create function public.bend() returns trigger language plpgsql as $$ begin new.industry := 'bent'; return new; end $$;
     create trigger _150_bend before update on journeys.clients for each row execute function public.bend()`,
  );
  const { report } = await rollBack(batchId);
  expect(report).toMatchObject({ status: "rolled_back", verified: false });
  expect(report.checks.filter(({ expected, actual }) => expected !== actual)).toMatchObject([
    { layer: "rollback", name: "content hash of journeys.clients", offending: [expect.stringMatching(/^rec/)] },
  ]);
});
