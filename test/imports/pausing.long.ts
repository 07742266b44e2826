import { tmpdir } from "node:os";
import { findMapping } from "../../src/imports/mappings/find_mapping.ts";
import { createBatch } from "../../src/imports/pipeline/batch.ts";
import { runBatch } from "../../src/imports/pipeline/run_batch.ts";
import { readReport } from "../../src/imports/report.ts";
import { followBatch, sampleFolder } from "../../src/imports/run_import.ts";
import { openSource } from "../../src/imports/sources/open_source.ts";
import { cancelBatch, pauseBatch, resumeBatch } from "../../src/imports/steer_batch.ts";
import { standAt } from "../faults/boundaries.ts";
import { addPeople, openLogins, refusal } from "../support/people.ts";
import { type Importing, prepareImporting, readRows } from "./importing.ts";

const access = { airtable: { apiKey: undefined, endpointUrl: "" } };

let importing: Importing;

beforeEach(async () => {
  importing = await prepareImporting();
});

afterEach(() => importing.close());

async function queueSample(): Promise<string> {
  const { pool, tenantId } = importing;
  return await createBatch(pool, tenantId, findMapping("bloom"), await openSource(sampleFolder, access), "queued");
}

/** Works on the batch, and does something once so many steps were told. */
async function workUntil(batchId: string, steps: number, deed: () => Promise<unknown>): Promise<boolean> {
  const { pool, tenantId } = importing;
  let told = 0;
  let done: Promise<unknown> = Promise.resolve();
  const worked = await runBatch(pool, access, tenantId, batchId, () => {
    told += 1;
    if (told === steps) done = deed();
  });
  await done;
  return worked;
}

test.each([2, 11, 15])("can pause at step %i, and go on to the same rows as an undisturbed run", async (steps) => {
  const { pool, tenantId, database } = importing;
  const batchId = await queueSample();
  await workUntil(batchId, steps, () => pauseBatch(pool, tenantId, batchId));
  const paused = await readReport(pool, tenantId, batchId);
  expect(paused).toMatchObject({ status: "paused", message: "Paused by somebody at the command line." });
  expect(paused.wayOut).toContain(`landfall import resume ${batchId}`);
  expect(await database.query("select from app_private.import_leases")).toEqual([]);
  expect(await runBatch(pool, access, tenantId, batchId)).toBe(false);

  expect(await resumeBatch(pool, tenantId, batchId)).toMatchObject({ status: "queued", message: null });
  expect(await followBatch({ pool, tenantId, access }, batchId)).toMatchObject({
    status: "incomplete",
    verified: true,
  });
  const rows = (await readRows(database)).length;
  const again = await importing.run(sampleFolder);
  expect(again.collections.map(({ inserted, updated }) => inserted + updated)).toEqual(again.collections.map(() => 0));
  expect(rows).toBe(103);
});

test.each([0, 2, 11])(
  "leaves room on the database's disk: pauses where it runs short at step %i, says so, and goes on once there is enough [LF057]",
  async (steps) => {
    const { pool, tenantId } = importing;
    const disk = { folder: tmpdir(), reserve: steps === 0 ? Number.MAX_SAFE_INTEGER : 0 };
    const batchId = await queueSample();
    let told = 0;
    await runBatch(pool, { ...access, disk }, tenantId, batchId, () => {
      told += 1;
      if (told === steps) disk.reserve = Number.MAX_SAFE_INTEGER;
    });
    const paused = await readReport(pool, tenantId, batchId);
    expect(paused).toMatchObject({
      status: "paused",
      message: expect.stringMatching(/^Imports leave .+ of the database's disk to everything else, and .+ are free\.$/),
      wayOut: expect.stringMatching(/^Free some space there, or set LANDFALL_DISK_RESERVE/),
    });
    disk.reserve = 0;
    await resumeBatch(pool, tenantId, batchId);
    expect(await followBatch({ pool, tenantId, access: { ...access, disk } }, batchId)).toMatchObject({
      status: "incomplete",
      verified: true,
    });
  },
);

/** Where a chunk is about to write its rows: the batch's status was looked at, and no trigger has asked yet on whose behalf it writes. */
const inHand = { on: "insert on journeys.touchpoints", level: "statement", when: "true" } as const;

test("can pause while a chunk is in hand: the chunk comes in whole, and no further one", async () => {
  const { pool, tenantId, database } = importing;
  const batchId = await queueSample();
  const standing = await standAt(database, inHand);
  const working = runBatch(pool, access, tenantId, batchId);
  await standing.reached();
  await pauseBatch(pool, tenantId, batchId);
  await standing.release();
  expect(await working).toBe(false);
  expect(await readReport(pool, tenantId, batchId)).toMatchObject({
    status: "paused",
    message: "Paused by somebody at the command line.",
  });
  expect(
    await database.query("select chunks_loaded, step from imports.collections where name = 'Touchpoints'"),
  ).toEqual([{ chunks_loaded: 1, step: "validated" }]);
  expect(await database.query("select from journeys.touchpoints")).toHaveLength(58);
  expect(await database.query("select from app_private.import_leases")).toEqual([]);
});

test("can be resumed while the chunk at which it was paused is still in hand: whoever has it goes on", async () => {
  const { pool, tenantId, database } = importing;
  const batchId = await queueSample();
  const standing = await standAt(database, inHand);
  const working = runBatch(pool, access, tenantId, batchId);
  await standing.reached();
  await pauseBatch(pool, tenantId, batchId);
  await resumeBatch(pool, tenantId, batchId);
  // The job that the resumption woke finds the batch in hand.
  expect(await runBatch(pool, access, tenantId, batchId)).toBe(false);
  await standing.release();
  expect(await working).toBe(true);
  expect(await readReport(pool, tenantId, batchId)).toMatchObject({ status: "incomplete", verified: true });
});

test("can be resumed before an error in the chunk in hand would pause it: whoever has it tries again", async () => {
  const { pool, tenantId, database } = importing;
  const batchId = await queueSample();
  const standing = await standAt(database, inHand);
  await database.query(
    `create sequence standing.turns;
     create function standing.refuse_once() returns trigger language plpgsql security definer as $$
       begin
         if nextval('standing.turns') = 1 then
           raise 'out of order';
         end if;
         return null;
       end
     $$;
     create trigger zzzz_refuse_once before insert on journeys.touchpoints execute function standing.refuse_once()`,
  );
  const working = runBatch(pool, access, tenantId, batchId);
  await standing.reached();
  await pauseBatch(pool, tenantId, batchId);
  await resumeBatch(pool, tenantId, batchId);
  await standing.release();
  expect(await working).toBe(true);
  expect(await readReport(pool, tenantId, batchId)).toMatchObject({ status: "incomplete", verified: true });
});

test("can cancel, and what came in is told and stays", async () => {
  const { pool, tenantId, database } = importing;
  const batchId = await queueSample();
  await workUntil(batchId, 12, () => cancelBatch(pool, tenantId, batchId));
  const report = await readReport(pool, tenantId, batchId);
  expect(report).toMatchObject({ status: "cancelled", finishedAt: expect.any(Date) });
  expect(report.wayOut).toContain("rollback");
  expect(await runBatch(pool, access, tenantId, batchId)).toBe(false);
  expect(await database.query("select from journeys.clients")).not.toEqual([]);
  expect(await database.query("select from journeys.sync_history")).toEqual([]);
  // The source is free again.
  expect(await importing.run(sampleFolder)).toMatchObject({ status: "incomplete", verified: true });
});

test("cannot pause or resume what is not under way: LF003", async () => {
  const { pool, tenantId } = importing;
  const { batchId } = await importing.run(sampleFolder);
  await expect(pauseBatch(pool, tenantId, batchId)).rejects.toMatchObject({ code: "LF003" });
  await expect(resumeBatch(pool, tenantId, batchId)).rejects.toMatchObject({ code: "LF003" });
  await expect(cancelBatch(pool, tenantId, batchId)).rejects.toMatchObject({ code: "LF003" });
});

test("can be paused by an admin of the tenant; by nobody else: LF006, 42501", async () => {
  const { database } = importing;
  const logins = openLogins(database);
  try {
    const ours = await addPeople(database, logins.speak, "ours");
    const theirs = await addPeople(database, logins.speak, "theirs");
    const source = await openSource(sampleFolder, access);
    const batchId = await createBatch(logins.worker, ours.tenantId, findMapping("bloom"), source, "queued");
    const cancel = "select (imports.cancel_import_batch($1)).message";
    expect(await refusal(logins.speak(theirs.admin, cancel, [batchId]))).toMatchObject({ code: "LF006" });
    expect(await refusal(logins.speak(ours.editor, cancel, [batchId]))).toMatchObject({ code: "42501" });
    expect(await logins.speak(ours.admin, cancel, [batchId])).toEqual([{ message: "Cancelled by admin." }]);
  } finally {
    await logins.close();
  }
});

test("can be followed in psql: progress, outcomes, issues", async () => {
  const { database } = importing;
  const report = await importing.run(sampleFolder);
  const outcomes = await database.query(
    `select collection as name, landed::integer, inserted::integer, updated::integer, unchanged::integer, quarantined::integer,
            skipped::integer, deleted::integer, conflicts::integer, without_outcome::integer from reporting.import_outcomes`,
  );
  expect(outcomes).toEqual(report.collections.map((collection) => ({ ...collection, without_outcome: 0 })));
  const progress = await database.query<{ step: string; in_hand: string }>("select * from reporting.import_progress");
  expect(progress.map(({ step, in_hand }) => [step, Number(in_hand)])).toEqual(progress.map(() => ["loaded", 0]));
  const [counted] = await database.query("select sum(issues)::integer as issues from reporting.import_issues");
  expect(counted).toEqual({ issues: report.issueCount });
});
