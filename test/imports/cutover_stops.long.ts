import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkCutover } from "../../src/imports/cutovers/check.ts";
import {
  abandonCutover,
  previewReopening,
  readCutover,
  reopenCutover,
  switchCutover,
} from "../../src/imports/cutovers/cutover.ts";
import { walkCutover } from "../../src/imports/cutovers/walk.ts";
import { runImport } from "../../src/imports/run_import.ts";
import { beginRollback, pauseBatch } from "../../src/imports/steer_batch.ts";
import { openFolder } from "./clean_base.ts";
import { type CuttingOver, operator, prepareCuttingOver } from "./cutting_over.ts";

/** Where leaving a source behind stops, and the way back. */

let over: CuttingOver;

beforeEach(async () => {
  over = await prepareCuttingOver(openFolder);
});

afterEach(() => over.close());

test("cannot begin while something waits, in quarantine or as a conflict, nor beside a paused import: LF249", async () => {
  await over.store.edit("Pipelines", "Pipeline Name", "Wedding enquiries", { Stages: "[broken" });
  const first = await over.run();
  expect(first.status).toBe("incomplete");
  const id = await over.start();
  await expect(walkCutover(over.request(), id)).rejects.toMatchObject({
    code: "LF249",
    message: expect.stringMatching(new RegExp(`${first.batchId} waits \\(records with something in quarantine: 1`)),
    wayOut: expect.stringContaining(`landfall import replay ${first.batchId}`),
  });
  await over.store.edit("Pipelines", "Pipeline Name", "Wedding enquiries", { Stages: "[]" });
  await over.query("update journeys.journeys set goal = 'Ours' where name = 'Inquiry to Tour'");
  await over.store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Theirs" });
  await over.run();
  await expect(walkCutover(over.request(), id)).rejects.toMatchObject({
    code: "LF249",
    message: expect.stringContaining("a conflict that nobody has decided: 1"),
  });
  let pausedId = "";
  const paused = runImport({
    ...over.request({ onConflict: "source_wins" }),
    onProgress: (step) => {
      if (step !== "land" || pausedId !== "") return;
      pausedId = "asked";
      void over
        .query("select id from imports.batches where status = 'running'")
        .then(([batch]) => pauseBatch(over.importing.pool, over.importing.tenantId, batch?.id as string));
    },
  });
  await expect(paused).rejects.toMatchObject({ reason: "import_paused" });
  await expect(walkCutover(over.request(), id)).rejects.toMatchObject({
    code: "LF249",
    message: expect.stringContaining("is paused"),
    wayOut: expect.stringContaining("landfall import resume"),
  });
  await abandonCutover(over.request(), id, { operator });
  expect(await readCutover(over.importing.pool, over.importing.tenantId)).toMatchObject({
    status: "abandoned",
    endedBy: operator,
  });
});

test("can take the switch back, names what was edited here since, and then import and cut over again", async () => {
  const id = await over.walkToSwitch();
  await expect(over.start()).rejects.toMatchObject({ code: "LF250" });

  // A secret is kept nowhere: that it is another one is seen by the hash. Of a text that was forgotten, too.
  const client = await over.store.edit("Clients", "Name", "Harbourlight Weddings", { "PIT Token": "pit-another" });
  const changed = await over.store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Type: "Corporate" });
  const edits = async () =>
    (await checkCutover(over.request(), id, { operator })).edits.map(({ recordId, kind, fields }) => [
      recordId,
      kind,
      fields,
    ]);
  expect(await edits()).toEqual([
    [client, "changed", null],
    [changed, "changed", ["Type"]],
  ]);
  await over.importing.pool.query("select app_private.forget_import_payloads('0 s')");
  expect(await edits()).toEqual([
    [client, "changed", null],
    [changed, "changed", null],
  ]);
  await over.store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Type: "Wedding" });

  // What the switch rests on is not taken back under it.
  const { finalBatchId } = await over.read(id);
  const rollback = () => beginRollback(over.importing.pool, over.importing.tenantId, finalBatchId as string);
  await expect(rollback()).rejects.toMatchObject({ code: "LF256" });
  const [journey] = await over.query(
    "update journeys.journeys set goal = 'Ours' where name = 'Inquiry to Tour' returning id",
  );
  const [template] = await over.query("delete from journeys.templates where name = 'Open day reminder' returning id");
  expect(await previewReopening(over.request(), id)).toMatchObject([
    { table: "journeys.journeys", rowId: journey?.id, action: "update", columns: expect.arrayContaining(["goal"]) },
    { table: "journeys.templates", rowId: template?.id, action: "delete", columns: null },
  ]);
  await reopenCutover(over.request(), id, { operator });
  expect(await over.read(id)).toMatchObject({
    status: "reopened",
    endedBy: operator,
  });
  await expect(checkCutover(over.request(), id, { operator })).rejects.toMatchObject({ code: "LF251" });
  await over.store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Description: "From there" });
  expect(await over.run()).toMatchObject({ status: "completed", verified: true });
  expect(await over.query("select goal, description from journeys.journeys where id = $1", [journey?.id])).toEqual([
    { goal: "Ours", description: "From there" },
  ]);
  expect(await over.start()).not.toBe(id);
});

test("can go on with a higher threshold, be walked by two as by one, and be abandoned meanwhile", async () => {
  await over.run();
  await over.store.remove("Templates", "Template Name", "Open day reminder");
  const id = await over.start();
  await expect(walkCutover(over.request(), id)).rejects.toMatchObject({
    reason: "import_deletes_too_much",
    wayOut: expect.stringContaining("--delete-threshold"),
  });
  expect(await over.start({ deleteThreshold: 50 })).toBe(id);
  const walks = await Promise.all([walkCutover(over.request(), id), walkCutover(over.request(), id)]);
  expect(walks.sort()).toEqual([false, true]);
  await switchCutover(over.request(), id, { operator });
  let abandoning: Promise<void> | undefined;
  await walkCutover(over.request(), id, () => {
    abandoning ??= abandonCutover(over.request(), id, { operator });
  });
  await abandoning;
  expect(await over.read(id)).toMatchObject({
    status: "abandoned",
    switchedAt: null,
  });
});

test("cannot rest on a source that is known to lack records: LF254", async () => {
  await writeFile(join(over.store.from, "manifest.json"), JSON.stringify({ isPartial: true }));
  await expect(walkCutover(over.request(), await over.start())).rejects.toMatchObject({ code: "LF254" });
});

test("can be woken with its tenant, where it was under way", async () => {
  const id = await over.start();
  const jobs = () =>
    over.query("select task_identifier, key from graphile_worker.jobs where task_identifier = 'imports/walk_cutover'");
  const job = { task_identifier: "imports/walk_cutover", key: `imports/walk_cutover:${id}` };
  expect(await jobs()).toEqual([job]);
  const suspend = (isActive: boolean) => over.query("update tenancy.tenants set is_active = $1", [isActive]);
  await over.query("delete from graphile_worker._private_jobs");
  await suspend(false);
  await suspend(true);
  expect(await jobs()).toEqual([job]);
  await abandonCutover(over.request(), id, { operator });
  await over.query("delete from graphile_worker._private_jobs");
  await suspend(false);
  await suspend(true);
  expect(await jobs()).toEqual([]);
});
