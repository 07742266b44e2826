import { withIdentity } from "../../src/database/with_identity.ts";
import { changedFields, checkCutover } from "../../src/imports/cutovers/check.ts";
import { switchCutover } from "../../src/imports/cutovers/cutover.ts";
import { followCutover, walkCutover } from "../../src/imports/cutovers/walk.ts";
import { collection } from "../../src/imports/mappings/mapping.ts";
import { renderReport } from "../../src/imports/render_report.ts";
import { planImport, sampleFolder } from "../../src/imports/run_import.ts";
import { openSource } from "../../src/imports/sources/open_source.ts";
import { openFolder, openStandIn } from "./clean_base.ts";
import { type CuttingOver, operator, prepareCuttingOver } from "./cutting_over.ts";
import { readRows } from "./importing.ts";

/** Leaving a source behind: the passes, the switch, what the database refuses after it, and what was still edited there. */

let over: CuttingOver;

let isOpen = false;

async function open(store: Parameters<typeof prepareCuttingOver>[0]): Promise<void> {
  over = await prepareCuttingOver(store);
  isOpen = true;
}

afterEach(async () => {
  if (isOpen) await over.close();
  isOpen = false;
});

test("can leave a live base behind, pass by pass, and name what is edited there afterwards", async () => {
  await open(openStandIn);
  // Everything is new: one pass is not enough, and says so.
  const id = await over.start({ passes: 1 });
  await expect(walkCutover(over.request(), id)).rejects.toMatchObject({
    reason: "cutover_source_busy",
    wayOut: expect.stringContaining("--until"),
  });
  expect(await over.read(id)).toMatchObject({
    status: "preparing",
    message: expect.stringContaining("at most 10"),
    startedBy: operator,
  });
  await over.store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Second thoughts" });
  await over.store.edit("Clients", "Name", "Fernwick Estate", { Notes: "Second thoughts" });
  expect(await over.start({ deleteThreshold: 50 })).toBe(id);
  expect(await followCutover(over.request(), id)).toMatchObject({ status: "ready", message: null });
  await over.store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Third thoughts" });
  await over.store.remove("Templates", "Template Name", "Open day reminder");
  await switchCutover(over.request(), id, { operator });
  const switched = await followCutover(over.request(), id);
  expect(switched).toMatchObject({ status: "switched", frozenBy: operator });
  expect(switched.passes.map(({ kind, changes }) => [kind, changes])).toEqual([
    ["delta", 108],
    ["delta", 2],
    ["final", 2],
  ]);
  const finalBatchId = switched.finalBatchId as string;
  expect(
    await over.query(
      `select mapping, status, passes::integer, changes, frozen_by, final_batch_id from reporting.cutovers where cutover_id = $1`,
      [id],
    ),
  ).toMatchObject([
    { mapping: "bloom", status: "switched", passes: 3, changes: ["108", "2", "2"], frozen_by: operator },
  ]);
  expect(
    await over.query(
      "select count(*)::integer as deleted from imports.effects where batch_id = $1 and effect = 'deleted'",
      [finalBatchId],
    ),
  ).toEqual([{ deleted: 1 }]);
  for (const format of ["md", "html", "json"] as const) {
    const { text } = await withIdentity(
      over.importing.pool,
      { kind: "worker", tenantId: over.importing.tenantId },
      (client) => renderReport(client, over.importing.tenantId, finalBatchId, format),
    );
    expect(text).toContain(id);
  }

  // Nobody edited anything: nothing is named. Then three records are, each in its own way, and no other.
  expect(await checkCutover(over.request(), id, { operator })).toMatchObject({
    created: 0,
    changed: 0,
    deleted: 0,
    edits: [],
  });
  const rows = await readRows(over.importing.database);
  const changed = await over.store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Still here" });
  const created = await over.store.create("Clients", { Name: "Somebody new" });
  const deleted = await over.store.remove("Templates", "Template Name", "Open day morning text");
  const check = await checkCutover(over.request(), id, { operator });
  expect(check).toMatchObject({ created: 1, changed: 1, deleted: 1 });
  expect(check.edits.map(({ collection, recordId, kind, fields }) => [collection, recordId, kind, fields])).toEqual([
    ["Clients", created, "created", null],
    ["Journeys", changed, "changed", ["Goal"]],
    ["Templates", deleted, "deleted", null],
  ]);
  expect(await readRows(over.importing.database)).toEqual(rows);
  expect(await over.query("select record_id, kind from reporting.cutover_edits order by record_id")).toEqual(
    [
      { record_id: created, kind: "created" },
      { record_id: changed, kind: "changed" },
      { record_id: deleted, kind: "deleted" },
    ].sort((one, other) => ((one.record_id as string) < (other.record_id as string) ? -1 : 1)),
  );

  // The database itself refuses another import, unless it is asked for by name; a plan changes nothing.
  await expect(over.run()).rejects.toMatchObject({
    code: "LF246",
    hint: expect.stringContaining("--after-cutover"),
  });
  expect(await readRows(over.importing.database)).toEqual(rows);
  await planImport(over.request());
  const late = await over.run({ isAfterCutover: true, deleteThreshold: 50 });
  expect(late).toMatchObject({ status: "completed", verified: true });
  expect(await over.query("select is_after_cutover from imports.batches where id = $1", [late.batchId])).toEqual([
    { is_after_cutover: true },
  ]);
  expect(await checkCutover(over.request(), id, { operator })).toMatchObject({ edits: [], baseBatchId: late.batchId });
});

test("cannot switch without parity, whoever asks the database for it: LF248", async () => {
  await open(openFolder);
  const id = await over.start({ changesAllowed: 1_000 });
  await followCutover(over.request(), id);
  await switchCutover(over.request(), id, { operator });
  let planting: Promise<unknown> | undefined;
  // Between the last pass and its verification a row is bent, behind every trigger.
  await expect(
    walkCutover(over.request(), id, (news) => {
      if (!("pass" in news)) return;
      planting = over.plant("update journeys.journeys set goal = 'Bent' where name = 'Inquiry to Tour'");
    }),
  ).rejects.toMatchObject({ code: "LF248", message: expect.stringMatching(/checks failed/) });
  await planting;
  const stopped = await over.read(id);
  expect(stopped).toMatchObject({
    status: "preparing",
    finalBatchId: null,
    message: expect.stringContaining("failed"),
  });
  const bent = stopped.passes.at(-1)?.batchId;
  expect(
    await over.query("select name from imports.checks where batch_id = $1 and not is_passed and name = 'goal'", [bent]),
  ).toHaveLength(1);
  // Nor by hand: not on that import, and not on none.
  const force = (batchId: unknown) =>
    withIdentity(over.importing.pool, { kind: "worker", tenantId: over.importing.tenantId }, async (client) => {
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
  await over.plant("update journeys.journeys set goal = 'Get a tour booked' where name = 'Inquiry to Tour'");
  await over.store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Get a tour booked" });
  await over.start({ changesAllowed: 1_000 });
  expect(await followCutover(over.request(), id)).toMatchObject({ status: "ready" });
  await switchCutover(over.request(), id, { operator });
  expect(await followCutover(over.request(), id)).toMatchObject({ status: "switched" });
});

test("can tell an edit from what the source computes, and a file from its new address", async () => {
  const source = await openSource(sampleFolder, { airtable: { apiKey: undefined, endpointUrl: "" } });
  const field = (name: string, kind: string) => ({ id: name, name, kind, options: null });
  const meaning = {
    source,
    declared: {
      id: "tblAny",
      name: "Any",
      fields: [
        field("Name", "singleLineText"),
        field("Files", "multipleAttachments"),
        { ...field("Age", "formula"), isComputed: true as const },
      ],
    },
    collection: collection("Any", "journeys.clients", {}),
    cellsIn: "fields",
  };
  const text = (fields: object) => JSON.stringify({ id: "rec1", fields });
  const file = (id: string, url: string) => [{ id, url, filename: "a.png" }];
  const before = text({ Name: "A", Age: 1, Files: file("att1", "https://one.example") });
  const changed = (now: object | null) =>
    changedFields({ recordId: "rec1", before, now: now === null ? null : text(now) }, meaning);
  expect(changed({ Name: "A", Age: 2, Files: file("att1", "https://two.example") })).toEqual([]);
  expect(changed({ Name: "A", Age: 1, Files: file("att2", "https://one.example") })).toEqual(["Files"]);
  expect(changed({ Age: 1 })).toEqual(["Name", "Files"]);
  // Nothing that is kept differs: a secret, or bytes that are no text.
  expect(changed({ Name: "A", Age: 1, Files: file("att1", "https://one.example") })).toBeNull();
  expect(changed(null)).toBeNull();
});
