/** Cut-overs over the API: an admin begins, switches, checks and reopens, a worker walks; and an import is verified once more. */
import type pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import { runImport } from "../../src/imports/run_import.ts";
import { openFolder, type Store } from "../imports/clean_base.ts";
import { workQueue } from "../support/queue.ts";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let pool: pg.Pool;
let store: Store;
let sourceId: string;
let batchId: string;
let people: Record<"admin" | "editor" | "viewer" | "stranger", string>;

beforeAll(async () => {
  api = await startTestApi();
  pool = createPool(api.database.urls.worker, { applicationName: "landfall tests", max: 6 });
  store = await openFolder();
  people = {
    admin: await api.signIn("admin@harbour.test"),
    editor: await api.signIn("editor@harbour.test"),
    viewer: await api.signIn("viewer@harbour.test"),
    stranger: await api.signIn("admin@meadow.test"),
  };
  const [tenant] = await api.database.query<{ id: string }>("select id from tenancy.tenants where slug = 'harbour'");
  const access = { airtable: { apiKey: undefined, endpointUrl: "" } };
  const request = { pool, tenantId: tenant?.id as string, mapping: "bloom", from: store.from, access };
  ({ batchId } = await runImport(request));
  const [batch] = await api.database.query<{ source_id: string }>("select source_id from imports.batches");
  sourceId = batch?.source_id as string;
});

afterAll(async () => {
  await store.close();
  await pool.end();
  await api.close();
});

/** Only an admin of the tenant may: what the admin gets. */
async function asAdmin(query: string, variables: Record<string, unknown>) {
  for (const [who, code] of [
    ["viewer", "LF024"],
    ["editor", "LF024"],
    ["stranger", "LF006"],
  ] as const) {
    expect([who, codeOf(await api.ask(query, variables, people[who]))]).toEqual([who, code]);
  }
  const { data, errors } = await api.ask(query, variables, people.admin);
  expect(errors).toEqual([]);
  return data;
}

const mutation = (name: string, input: string, output: string) =>
  `mutation ($id: UUID!) { ${name}(input: { ${input} }) { ${output} } }`;

test("can be cut over, checked and reopened by mutations of an admin and the jobs of a worker, and by nobody else: LF024, LF006, LF246", async () => {
  const started = await asAdmin(
    mutation("startImportCutover", "sourceId: $id", "importCutover { id status startedBy }"),
    {
      id: sourceId,
    },
  );
  const { id } = started.startImportCutover.importCutover;
  expect(started.startImportCutover.importCutover).toMatchObject({
    status: "preparing",
    startedBy: "admin@harbour.test",
  });
  await workQueue(api.database, pool);
  const read = `query ($id: UUID!) { importCutover(id: $id) {
    status message finalBatch { status } cutoverPasses { nodes { number kind changes batch { status } planBatch { status } } } } }`;
  expect((await api.ask(read, { id }, people.viewer)).data.importCutover).toMatchObject({
    status: "ready",
    message: null,
    cutoverPasses: { nodes: [{ number: 1, kind: "delta", changes: "0", batch: { status: "completed" } }] },
  });
  expect((await api.ask(read, { id }, people.stranger)).data.importCutover).toBeNull();

  await asAdmin(mutation("switchImportCutover", "cutoverId: $id", "importCutover { status frozenBy }"), { id });
  await workQueue(api.database, pool);
  expect((await api.ask(read, { id }, people.viewer)).data.importCutover).toMatchObject({
    status: "switched",
    finalBatch: { status: "completed" },
  });
  const queue =
    "mutation ($id: UUID!, $after: Boolean) { queueImportBatch(input: { sourceId: $id, afterCutover: $after }) { importBatch { id isAfterCutover } } }";
  expect(codeOf(await api.ask(queue, { id: sourceId }, people.admin))).toBe("LF246");
  const late = (await api.ask(queue, { id: sourceId, after: true }, people.admin)).data.queueImportBatch.importBatch;
  expect(late.isAfterCutover).toBe(true);
  await api.ask(mutation("cancelImportBatch", "batchId: $id", "clientMutationId"), { id: late.id }, people.admin);

  await store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Still here" });
  const asked = await asAdmin(
    mutation("checkImportCutover", "cutoverId: $id", "importCutoverCheck { id finishedAt }"),
    { id },
  );
  expect(asked.checkImportCutover.importCutoverCheck.finishedAt).toBeNull();
  await workQueue(api.database, pool);
  const found = `query ($id: UUID!) { importCutoverCheck(id: $id) {
    created changed deleted message cutoverEdits { nodes { collection kind fields } } } }`;
  expect(
    (await api.ask(found, { id: asked.checkImportCutover.importCutoverCheck.id }, people.viewer)).data
      .importCutoverCheck,
  ).toEqual({
    created: "0",
    changed: "1",
    deleted: "0",
    message: null,
    cutoverEdits: { nodes: [{ collection: "Journeys", kind: "changed", fields: ["Goal"] }] },
  });

  const [journey] = await api.database.query<{ id: string }>(
    "select id from journeys.journeys where name = 'Inquiry to Tour'",
  );
  const updated = await api.ask(
    `mutation ($id: UUID!) { updateJourney(input: { id: $id, patch: { description: "Ours" } }) { clientMutationId } }`,
    { id: journey?.id },
    people.editor,
  );
  expect(updated.errors).toEqual([]);
  const preview = await asAdmin(
    "query ($id: UUID!) { previewImportReopening(cutoverId: $id) { nodes { tableName rowId action columnNames lastChangedBy lastChangedThrough } } }",
    { id },
  );
  expect(preview.previewImportReopening.nodes).toMatchObject([
    {
      tableName: "journeys.journeys",
      rowId: journey?.id,
      action: "update",
      lastChangedBy: "editor@harbour.test",
      lastChangedThrough: "api",
    },
  ]);
  const reopened = await asAdmin(
    mutation("reopenImportCutover", "cutoverId: $id", "importCutover { status endedBy }"),
    { id },
  );
  expect(reopened.reopenImportCutover.importCutover).toEqual({ status: "reopened", endedBy: "admin@harbour.test" });
  const again = await asAdmin(mutation("startImportCutover", "sourceId: $id", "importCutover { id }"), {
    id: sourceId,
  });
  const { id: next } = again.startImportCutover.importCutover;
  expect(next).not.toBe(id);
  const abandoned = await asAdmin(mutation("abandonImportCutover", "cutoverId: $id", "importCutover { status }"), {
    id: next,
  });
  expect(abandoned.abandonImportCutover.importCutover.status).toBe("abandoned");
  await workQueue(api.database, pool);
});

test("can have an import verified once more, and finds its checks made anew; an overtaken one is refused: LF244", async () => {
  const [latest] = await api.database.query<{ id: string }>(
    "select id from imports.batches where status = 'completed' order by created_at desc limit 1",
  );
  // The last one was cancelled: it stands in the way until it is taken back.
  await api.database.query(
    "set session_replication_role = replica; update imports.batches set status = 'rolled_back' where status = 'cancelled'; set session_replication_role = origin",
  );
  const verify = mutation("verifyImportBatch", "batchId: $id", "importBatch { checkedAt }");
  expect(codeOf(await api.ask(verify, { id: batchId }, people.admin))).toBe("LF244");
  const read = "query ($id: UUID!) { importBatch(id: $id) { checkedAt message } }";
  const proof = async () => (await api.ask(read, { id: latest?.id }, people.viewer)).data.importBatch;
  const failing = async () =>
    (
      await api.database.query<{ name: string }>(
        "select name from imports.checks where batch_id = $1 and not is_passed",
        [latest?.id],
      )
    ).map(({ name }) => name);
  await asAdmin(verify, { id: latest?.id });
  await workQueue(api.database, pool);
  expect(await proof()).toEqual({ message: null, checkedAt: expect.any(String) });
  expect(await failing()).toEqual([]);
  await api.database.query(
    "set session_replication_role = replica; update journeys.journeys set goal = 'Bent' where name = 'Winter Tasting'; set session_replication_role = origin",
  );
  await asAdmin(verify, { id: latest?.id });
  await workQueue(api.database, pool);
  expect(await proof()).toMatchObject({ message: expect.stringContaining("checks failed") });
  expect(await failing()).toContain("goal");
  const [kept] = await api.database.query<{ count: number }>(
    "select count(*)::integer as count from imports.checks where batch_id = $1 and name like '%as predicted'",
    [latest?.id],
  );
  expect(kept?.count).toBeGreaterThan(0);
});
