import { withIdentity } from "../../src/database/with_identity.ts";
import { checkCutover } from "../../src/imports/cutovers/check.ts";
import {
  abandonCutover,
  type CutoverOptions,
  previewReopening,
  readCutover,
  reopenCutover,
  startCutover,
  switchCutover,
} from "../../src/imports/cutovers/cutover.ts";
import { followCutover, type WalkProgress, walkCutover } from "../../src/imports/cutovers/walk.ts";
import { renderReport } from "../../src/imports/render_report.ts";
import { type Following, planImport, runImport } from "../../src/imports/run_import.ts";
import { pauseBatch } from "../../src/imports/steer_batch.ts";
import { cleanSample, openFolder, openStandIn, type Store } from "./clean_base.ts";
import { type Importing, prepareImporting, readRows } from "./importing.ts";

/** Leaving a source behind: the passes, the switch, what the database refuses after it, and the way back. */

let importing: Importing;
let store: Store;

beforeEach(async () => {
  importing = await prepareImporting();
});

afterEach(async () => {
  await store.close();
  await importing.close();
});

const operator = "somebody@here";
const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

const following = (): Following => importing.request(store.from, store.changes);

const start = (options: Partial<CutoverOptions> = {}) =>
  startCutover(following(), {
    mapping: "bloom",
    from: store.from,
    onConflict: "hold",
    deleteThreshold: 5,
    changesAllowed: 10,
    passes: 5,
    operator,
    ...options,
  });

/** From the beginning to the switch. */
async function walkToSwitch(onWalk?: WalkProgress): Promise<string> {
  const id = await start({ changesAllowed: 1_000 });
  expect(await followCutover(following(), id)).toMatchObject({ status: "ready" });
  await switchCutover(following(), id, { operator });
  expect(await followCutover(following(), id, onWalk)).toMatchObject({ status: "switched" });
  return id;
}

const plant = (sql: string) =>
  query(`set session_replication_role = replica; ${sql}; set session_replication_role = origin`);

test("can leave a live base behind, pass by pass, and name what is edited there afterwards", async () => {
  store = await openStandIn();
  // Everything is new: one pass is not enough, and says so.
  const id = await start({ passes: 1 });
  await expect(walkCutover(following(), id)).rejects.toMatchObject({
    reason: "cutover_source_busy",
    wayOut: expect.stringContaining("--until"),
  });
  expect(await readCutover(importing.pool, importing.tenantId, id)).toMatchObject({
    status: "preparing",
    message: expect.stringContaining("at most 10"),
    startedBy: operator,
  });
  await store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Second thoughts" });
  await store.edit("Clients", "Name", "Fernwick Estate", { Notes: "Second thoughts" });
  expect(await start({ deleteThreshold: 50 })).toBe(id);
  expect(await followCutover(following(), id)).toMatchObject({ status: "ready", message: null });
  await store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Third thoughts" });
  await store.remove("Templates", "Template Name", "Open day reminder");
  await switchCutover(following(), id, { operator });
  const switched = await followCutover(following(), id);
  expect(switched).toMatchObject({ status: "switched", frozenBy: operator });
  expect(switched.passes.map(({ kind, changes }) => [kind, changes])).toEqual([
    ["delta", 108],
    ["delta", 2],
    ["final", 2],
  ]);
  const finalBatchId = switched.finalBatchId as string;
  expect(
    await query(
      `select mapping, status, passes::integer, changes, frozen_by, final_batch_id from reporting.cutovers where cutover_id = $1`,
      [id],
    ),
  ).toMatchObject([
    { mapping: "bloom", status: "switched", passes: 3, changes: ["108", "2", "2"], frozen_by: operator },
  ]);
  expect(
    await query("select count(*)::integer as deleted from imports.effects where batch_id = $1 and effect = 'deleted'", [
      finalBatchId,
    ]),
  ).toEqual([{ deleted: 1 }]);
  for (const format of ["md", "html", "json"] as const) {
    const { text } = await withIdentity(importing.pool, { kind: "worker", tenantId: importing.tenantId }, (client) =>
      renderReport(client, importing.tenantId, finalBatchId, format),
    );
    expect(text).toContain(id);
  }

  // Nobody edited anything: nothing is named. Then three records are, each in its own way, and no other.
  expect(await checkCutover(following(), id, { operator })).toMatchObject({
    created: 0,
    changed: 0,
    deleted: 0,
    edits: [],
  });
  const rows = await readRows(importing.database);
  const changed = await store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Still here" });
  const created = await store.create("Clients", { Name: "Somebody new" });
  const deleted = await store.remove("Templates", "Template Name", "Open day morning text");
  const check = await checkCutover(following(), id, { operator });
  expect(check).toMatchObject({ created: 1, changed: 1, deleted: 1 });
  expect(check.edits.map(({ collection, recordId, kind, fields }) => [collection, recordId, kind, fields])).toEqual([
    ["Clients", created, "created", null],
    ["Journeys", changed, "changed", ["Goal"]],
    ["Templates", deleted, "deleted", null],
  ]);
  expect(await readRows(importing.database)).toEqual(rows);
  expect(await query("select record_id, kind from reporting.cutover_edits order by record_id")).toEqual(
    [
      { record_id: created, kind: "created" },
      { record_id: changed, kind: "changed" },
      { record_id: deleted, kind: "deleted" },
    ].sort((one, other) => ((one.record_id as string) < (other.record_id as string) ? -1 : 1)),
  );

  // The database itself refuses another import, unless it is asked for by name; a plan changes nothing.
  await expect(runImport(importing.request(store.from, store.changes))).rejects.toMatchObject({
    code: "LF246",
    hint: expect.stringContaining("--after-cutover"),
  });
  expect(await readRows(importing.database)).toEqual(rows);
  await planImport(importing.request(store.from, store.changes));
  const late = await runImport(
    importing.request(store.from, { ...store.changes, options: { isAfterCutover: true, deleteThreshold: 50 } }),
  );
  expect(late).toMatchObject({ status: "completed", verified: true });
  expect(await query("select is_after_cutover from imports.batches where id = $1", [late.batchId])).toEqual([
    { is_after_cutover: true },
  ]);
  expect(await checkCutover(following(), id, { operator })).toMatchObject({ edits: [], baseBatchId: late.batchId });
});

test("cannot begin while something waits, in quarantine or as a conflict, nor beside a paused import: LF249", async () => {
  store = await openFolder();
  await store.edit("Pipelines", "Pipeline Name", "Wedding enquiries", { Stages: "[broken" });
  const first = await runImport(importing.request(store.from));
  expect(first.status).toBe("incomplete");
  const id = await start();
  await expect(walkCutover(following(), id)).rejects.toMatchObject({
    code: "LF249",
    message: expect.stringMatching(new RegExp(`${first.batchId} waits: 1 records with something in quarantine`)),
    wayOut: expect.stringContaining(`landfall import replay ${first.batchId}`),
  });
  await store.edit("Pipelines", "Pipeline Name", "Wedding enquiries", { Stages: "[]" });
  await query("update journeys.journeys set goal = 'Ours' where name = 'Inquiry to Tour'");
  await store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Theirs" });
  await runImport(importing.request(store.from));
  await expect(walkCutover(following(), id)).rejects.toMatchObject({
    code: "LF249",
    message: expect.stringContaining("1 with a conflict"),
  });
  let pausedId = "";
  const paused = runImport(
    importing.request(store.from, {
      options: { onConflict: "source_wins" },
      onProgress: (step) => {
        if (step !== "land" || pausedId !== "") return;
        pausedId = "asked";
        void query("select id from imports.batches where status = 'running'").then(([batch]) =>
          pauseBatch(importing.pool, importing.tenantId, batch?.id as string),
        );
      },
    }),
  );
  await expect(paused).rejects.toMatchObject({ reason: "import_paused" });
  await expect(walkCutover(following(), id)).rejects.toMatchObject({
    code: "LF249",
    message: expect.stringContaining("is paused"),
    wayOut: expect.stringContaining("landfall import resume"),
  });
  await abandonCutover(following(), id, { operator });
  expect(await readCutover(importing.pool, importing.tenantId)).toMatchObject({
    status: "abandoned",
    endedBy: operator,
  });
});

test("cannot switch without parity, whoever asks the database for it: LF248", async () => {
  store = await openFolder();
  const id = await start({ changesAllowed: 1_000 });
  await followCutover(following(), id);
  await switchCutover(following(), id, { operator });
  let planting: Promise<unknown> | undefined;
  // Between the last pass and its verification a row is bent, behind every trigger.
  await expect(
    walkCutover(following(), id, (news) => {
      if (!("pass" in news)) return;
      planting = plant("update journeys.journeys set goal = 'Bent' where name = 'Inquiry to Tour'");
    }),
  ).rejects.toMatchObject({ code: "LF248", message: expect.stringMatching(/checks failed/) });
  await planting;
  const stopped = await readCutover(importing.pool, importing.tenantId, id);
  expect(stopped).toMatchObject({
    status: "preparing",
    finalBatchId: null,
    message: expect.stringContaining("failed"),
  });
  const bent = stopped.passes.at(-1)?.batchId;
  expect(
    await query("select name from imports.checks where batch_id = $1 and not is_passed and name = 'goal'", [bent]),
  ).toHaveLength(1);
  // Nor by hand: not on that import, and not on none.
  const force = (batchId: unknown) =>
    withIdentity(importing.pool, { kind: "worker", tenantId: importing.tenantId }, async (client) => {
      for (const status of ["ready", "final_pass", "verifying", "switched"]) {
        await client.query(
          "update imports.cutovers set status = $2, final_batch_id = $3, switched_at = now() where id = $1",
          [id, status, batchId],
        );
      }
    });
  await expect(force(bent)).rejects.toMatchObject({ code: "LF248", message: expect.stringContaining("checks") });
  await expect(force(null)).rejects.toMatchObject({ code: "LF248", message: expect.stringContaining("not been made") });
  // Mended, it goes on from there.
  await plant("update journeys.journeys set goal = 'Get a tour booked' where name = 'Inquiry to Tour'");
  await store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Get a tour booked" });
  await start({ changesAllowed: 1_000 });
  expect(await followCutover(following(), id)).toMatchObject({ status: "ready" });
  await switchCutover(following(), id, { operator });
  expect(await followCutover(following(), id)).toMatchObject({ status: "switched" });
});

test("can take the switch back, names what was edited here since, and then import and cut over again", async () => {
  store = await openFolder();
  const id = await walkToSwitch();
  await expect(start()).rejects.toMatchObject({ code: "LF250" });
  const [journey] = await query(
    "update journeys.journeys set goal = 'Ours' where name = 'Inquiry to Tour' returning id",
  );
  const [template] = await query("delete from journeys.templates where name = 'Open day reminder' returning id");
  const edits = await previewReopening(following(), id);
  expect(edits).toMatchObject([
    { table: "journeys.journeys", rowId: journey?.id, action: "update", columns: expect.arrayContaining(["goal"]) },
    { table: "journeys.templates", rowId: template?.id, action: "delete", columns: null },
  ]);
  await reopenCutover(following(), id, { operator });
  expect(await readCutover(importing.pool, importing.tenantId, id)).toMatchObject({
    status: "reopened",
    endedBy: operator,
  });
  await expect(checkCutover(following(), id, { operator })).rejects.toMatchObject({ code: "LF251" });
  await store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Description: "From there" });
  expect(await runImport(importing.request(store.from))).toMatchObject({ status: "completed", verified: true });
  expect(await query("select goal, description from journeys.journeys where id = $1", [journey?.id])).toEqual([
    { goal: "Ours", description: "From there" },
  ]);
  expect(await start()).not.toBe(id);
});

test("can be abandoned while it is walked; two who walk it at once are one", async () => {
  store = await openFolder();
  const id = await start({ changesAllowed: 1_000 });
  const walks = await Promise.all([walkCutover(following(), id), walkCutover(following(), id)]);
  expect(walks.sort()).toEqual([false, true]);
  await switchCutover(following(), id, { operator });
  let abandoning: Promise<void> | undefined;
  await walkCutover(following(), id, () => {
    abandoning ??= abandonCutover(following(), id, { operator });
  });
  await abandoning;
  expect(await readCutover(importing.pool, importing.tenantId, id)).toMatchObject({
    status: "abandoned",
    switchedAt: null,
  });
});

test("cannot rest on a source that is known to lack records: LF254", async () => {
  const sample = await cleanSample();
  store = { ...(await openFolder()), from: sample.folder, close: sample.remove };
  await sample.change("Sync History", () => undefined);
  const { writeFile } = await import("node:fs/promises");
  await writeFile(`${sample.folder}/manifest.json`, JSON.stringify({ isPartial: true }));
  const id = await start();
  await expect(walkCutover(following(), id)).rejects.toMatchObject({ code: "LF254" });
});
