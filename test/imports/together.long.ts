import { beginReplay } from "../../src/imports/quarantine.ts";
import { followBatch, runImport } from "../../src/imports/run_import.ts";
import { beginRollback, readRollback } from "../../src/imports/steer_batch.ts";
import { copySample, type Importing, prepareImporting, recordOf } from "./importing.ts";

/** Imports again, deletions, replays and rollbacks, one after the other. */

const access = { airtable: { apiKey: undefined, endpointUrl: "" } };

let importing: Importing;
let sample: Awaited<ReturnType<typeof copySample>>;

beforeEach(async () => {
  importing = await prepareImporting();
  sample = await copySample();
  await importing.run(sample.folder);
});

afterEach(async () => {
  await sample.remove();
  await importing.close();
});

const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

const runAgain = (options: Parameters<typeof importing.request>[1] = {}) =>
  runImport(importing.request(sample.folder, options));

async function rollBack(batchId: string) {
  const { pool, tenantId } = importing;
  await beginRollback(pool, tenantId, batchId);
  const report = await followBatch({ pool, tenantId, access }, batchId);
  return { report, rollback: await readRollback(pool, tenantId, batchId) };
}

const tables = [
  "clients",
  "pipelines",
  "journeys",
  "touchpoints",
  "touchpoint_versions",
  "journey_versions",
  "approvals",
  "templates",
  "comment_threads",
  "comments",
  "sync_history",
];

/** Every row, but for what never goes back: the count of versions and the time of the last change. */
async function contents(): Promise<string[]> {
  const selects = tables.map((table) => {
    const row = table.endsWith("_versions") ? "to_jsonb(t)" : "to_jsonb(t) - 'updated_at' - 'version'";
    return `select '${table} ' || (${row})::text as row from journeys.${table} t`;
  });
  const rows = await query(`select row from (${selects.join(" union all ")}) rows order by row`);
  return rows.map(({ row }) => String(row));
}

/** Takes a touchpoint out of the base, and the links to it. */
async function takeOut(name: string): Promise<void> {
  let gone = "";
  await sample.change("Touchpoints", (records) => {
    gone = recordOf(records, "Internal Name", name).id;
    return records.filter(({ id }) => id !== gone);
  });
  for (const table of ["Touchpoints", "Journeys", "Versions", "Approvals", "Templates"]) {
    await sample.change(table, (records) => {
      for (const { fields } of records) {
        for (const [field, cell] of Object.entries(fields)) {
          if (!Array.isArray(cell) || !cell.includes(gone)) continue;
          const rest = cell.filter((linked) => linked !== gone);
          if (rest.length === 0) delete fields[field];
          else fields[field] = rest;
        }
      }
      return undefined;
    });
  }
}

/** What people and the application have beside a touchpoint, in tables that no record goes to. */
async function addDependants(name: string): Promise<void> {
  await query(
    `set session_replication_role = replica;
     with touchpoint as (
       select t.tenant_id, t.id, t.journey_id, j.client_id
       from journeys.touchpoints t join journeys.journeys j on j.id = t.journey_id where t.name = '${name}'
     ),
     version as (
       insert into journeys.touchpoint_versions (tenant_id, touchpoint_id, version, subject)
       select tenant_id, id, 99, 'By hand' from touchpoint
     ),
     snapshot as (
       insert into journeys.journey_versions (tenant_id, journey_id, client_id, version, snapshot, snapshot_hash)
       select tenant_id, journey_id, client_id, 7, '{"journey": {}, "touchpoints": []}', app_private.hash_snapshot('{"journey": {}, "touchpoints": []}') from touchpoint returning tenant_id, journey_id, client_id, id
     ),
     thread as (
       insert into journeys.comment_threads (tenant_id, client_id, journey_id, journey_version_id, touchpoint_id)
       select s.tenant_id, s.client_id, s.journey_id, s.id, t.id from snapshot s join touchpoint t on true returning tenant_id, id
     )
     insert into journeys.comments (tenant_id, comment_thread_id, body) select tenant_id, id, 'Nice.' from thread;
     set session_replication_role = origin`,
  );
}

test("can take an import back that has deleted rows, with what went along and the links and places of what stayed", async () => {
  await addDependants("Welcome and brochure");
  const before = await contents();
  await takeOut("Welcome and brochure");
  const report = await runAgain();
  expect(report).toMatchObject({ verified: true });
  expect(report.collections.find(({ name }) => name === "Touchpoints")).toMatchObject({ deleted: 1 });
  expect(await contents()).not.toEqual(before);
  const undone = await rollBack(report.batchId);
  expect(undone.rollback.filter(({ fate }) => fate === "kept")).toEqual([]);
  expect(undone.report).toMatchObject({ status: "rolled_back", verified: true });
  expect(await contents()).toEqual(before);
  // The record is known again, so that the next import deletes its row again.
  expect(await runAgain()).toMatchObject({
    verified: true,
    collections: expect.arrayContaining([expect.objectContaining({ name: "Touchpoints", deleted: 1 })]),
  });
});

test("can take an import back that has deleted a client and everything of it", async () => {
  await addDependants("Welcome and brochure");
  const before = await contents();
  await sample.change("Clients", (records) => records.filter(({ fields }) => fields.Name !== "Fernwick Estate"));
  const report = await runAgain({ options: { deleteThreshold: 100 } });
  expect(report.collections.find(({ name }) => name === "Clients")).toMatchObject({ deleted: 1 });
  const undone = await rollBack(report.batchId);
  expect(undone.rollback.filter(({ fate }) => fate === "kept")).toEqual([]);
  expect(undone.report).toMatchObject({ status: "rolled_back", verified: true });
  expect(await contents()).toEqual(before);
});

test("cannot take what was rolled back for what the source said last", async () => {
  const rename = (name: string) =>
    sample.change("Clients", (records) => {
      for (const { fields } of records) if (String(fields.Name).startsWith("Fernwick")) fields.Name = name;
      return undefined;
    });
  await rename("Fernwick Park");
  const second = await runAgain();
  await rollBack(second.batchId);
  await rename("Fernwick Hall");
  const third = await runAgain();
  expect(third.collections.find(({ name }) => name === "Clients")).toMatchObject({ updated: 1, conflicts: 0 });
  expect(third).toMatchObject({ verified: true });
  expect(await query("select from journeys.clients where name = 'Fernwick Hall'")).toHaveLength(1);
});

test("can settle a conflict by hand and replay: the replay is predicted, and leaves the other records as they were", async () => {
  await query("update journeys.clients set name = 'Ours' where name = 'Fernwick Estate'");
  await sample.change("Clients", (records) => {
    recordOf(records, "Name", "Fernwick Estate").fields.Name = "Theirs";
    return undefined;
  });
  const held = await runAgain();
  expect(held.issues.filter(({ reason }) => reason === "edited_since_import")).toHaveLength(1);
  const clients = held.collections.find(({ name }) => name === "Clients");
  await query("update journeys.clients set name = 'Theirs' where name = 'Ours'");
  await beginReplay(importing.pool, importing.tenantId, held.batchId);
  const replayed = await followBatch({ pool: importing.pool, tenantId: importing.tenantId, access }, held.batchId);
  expect(replayed).toMatchObject({ verified: true });
  expect(replayed.issues.filter(({ reason }) => reason === "edited_since_import")).toEqual([]);
  expect(replayed.collections.find(({ name }) => name === "Clients")).toMatchObject({
    conflicts: 0,
    skipped: (clients?.skipped ?? 0) - 1,
    unchanged: (clients?.unchanged ?? 0) + 1,
  });
  expect(
    replayed.checks.filter(({ name, expected, actual }) => name.includes("as predicted") && expected !== actual),
  ).toEqual([]);
});
