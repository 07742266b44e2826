import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { type Client, createClient } from "graphql-ws";
import type pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import { runBatch } from "../../src/imports/pipeline/run_batch.ts";
import { runImport, sampleFolder } from "../../src/imports/run_import.ts";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

const access = { airtable: { apiKey: undefined, endpointUrl: "" } };

let api: TestApi;
let pool: pg.Pool;
let tenantId: string;
let admin: string;
let viewer: string;
let stranger: string;
let batchId: string;

beforeAll(async () => {
  api = await startTestApi();
  pool = createPool(api.database.urls.worker, { applicationName: "landfall tests", max: 4 });
  admin = await api.signIn("admin@harbour.test");
  viewer = await api.signIn("viewer@harbour.test");
  stranger = await api.signIn("admin@meadow.test");
  const [tenant] = await api.database.query<{ id: string }>("select id from tenancy.tenants where slug = 'harbour'");
  tenantId = tenant?.id as string;
});

beforeEach(async () => {
  ({ batchId } = await runImport({ pool, tenantId, mapping: "bloom", from: sampleFolder, access }));
});

afterAll(async () => {
  await pool.end();
  await api.close();
});

function connect(token: string | undefined): Client {
  return createClient({
    url: `${api.url.replace("http", "ws")}/graphql`,
    connectionParams: token === undefined ? {} : { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    lazy: true,
  });
}

const watching = "subscription ($id: UUID!) { importBatchChanged(id: $id) { id status } }";

test("can fix, replay and take back an import by mutations; a viewer and a stranger cannot: LF024, LF006", async () => {
  const listed = await api.ask(
    `query ($id: UUID!) { importIssues(filter: { batchId: { equalTo: $id } }, first: 100) { nodes { id reason original wayOut settledAt } } }`,
    { id: batchId },
    viewer,
  );
  const issue = listed.data.importIssues.nodes.find(({ reason }: { reason: string }) => reason === "missing_required");
  const fix = `mutation ($id: UUID!) { fixImportIssue(input: { issueId: $id, value: "Named at last" }) { importFix { field value } } }`;
  expect(codeOf(await api.ask(fix, { id: issue.id }, viewer))).toBe("LF024");
  expect(codeOf(await api.ask(fix, { id: issue.id }, stranger))).toBe("LF006");
  const fixed = await api.ask(fix, { id: issue.id }, admin);
  expect(fixed.data.fixImportIssue.importFix).toEqual({ field: "Internal Name", value: "Named at last" });

  const merge = `mutation ($id: UUID!, $into: String!) { mergeImportRecords(input: { issueId: $id, intoRecordId: $into })
    { importMerge { id recordId intoRecordId } } }`;
  const other = await api.ask(
    `query ($id: UUID!) { importCollectionByBatchIdAndName(batchId: $id, name: "Touchpoints") { records(first: 1, orderBy: ID_DESC) { nodes { recordId } } } }`,
    { id: batchId },
    viewer,
  );
  const into = other.data.importCollectionByBatchIdAndName.records.nodes[0].recordId;
  expect(codeOf(await api.ask(merge, { id: issue.id, into }, viewer))).toBe("LF024");
  expect(codeOf(await api.ask(merge, { id: issue.id, into }, stranger))).toBe("LF006");
  const merged = (await api.ask(merge, { id: issue.id, into }, admin)).data.mergeImportRecords.importMerge;
  expect(merged).toMatchObject({ intoRecordId: into });
  const withdraw = `mutation ($id: UUID!) { withdrawImportMerge(input: { mergeId: $id }) { importMerge { recordId } } }`;
  expect(codeOf(await api.ask(withdraw, { id: merged.id }, viewer))).toBe("LF024");
  expect((await api.ask(withdraw, { id: merged.id }, admin)).errors).toEqual([]);
  expect(codeOf(await api.ask(withdraw, { id: merged.id }, admin))).toBe("LF006");

  const replay = `mutation ($id: UUID!) { replayImportBatch(input: { batchId: $id }) { importBatch { status } } }`;
  expect((await api.ask(replay, { id: batchId }, admin)).data.replayImportBatch.importBatch.status).toBe("running");
  await runBatch(pool, access, tenantId, batchId);

  const preview = `query ($id: UUID!) { previewImportRollback(batchId: $id) { nodes { collection fate rowCount } } }`;
  expect(codeOf(await api.ask(preview, { id: batchId }, viewer))).toBe("LF024");
  expect((await api.ask(preview, { id: batchId }, admin)).data.previewImportRollback.nodes).toContainEqual({
    collection: "Clients",
    fate: "removed",
    rowCount: 4,
  });
  const rollback = `mutation ($id: UUID!) { rollbackImportBatch(input: { batchId: $id }) { importBatch { status message } } }`;
  expect(codeOf(await api.ask(rollback, { id: batchId }, stranger))).toBe("LF006");
  const begun = await api.ask(rollback, { id: batchId }, admin);
  expect(begun.data.rollbackImportBatch.importBatch).toMatchObject({ status: "rolling_back" });
  await runBatch(pool, access, tenantId, batchId);
  const pause = `mutation ($id: UUID!) { pauseImportBatch(input: { batchId: $id }) { importBatch { status } } }`;
  expect(codeOf(await api.ask(pause, { id: batchId }, admin))).toBe("LF003");
});

test("can plan and import a source again by mutations, with a policy and a threshold; a viewer and a stranger cannot: LF024, LF006, LF263", async () => {
  const [source] = await api.database.query<{ id: string }>(
    "select source_id as id from imports.batches where id = $1",
    [batchId],
  );
  const plan = `mutation ($id: UUID!, $from: String) { planImportBatch(input: { sourceId: $id, onConflict: source_wins, location: $from })
    { importBatch { id status onConflict deleteThreshold } } }`;
  expect(codeOf(await api.ask(plan, { id: source?.id }, viewer))).toBe("LF024");
  expect(codeOf(await api.ask(plan, { id: source?.id }, stranger))).toBe("LF006");
  expect(codeOf(await api.ask(plan, { id: source?.id, from: "/etc" }, admin))).toBe("LF263");
  const asked = await api.ask(plan, { id: source?.id, from: sampleFolder }, admin);
  const planned = asked.data.planImportBatch.importBatch;
  expect(planned).toMatchObject({ status: "planned", onConflict: "source_wins", deleteThreshold: "5" });
  const read = `query ($id: UUID!) { importBatch(id: $id) { status plan { calls stops findings } collections { nodes { name predictions { nodes { fate predicted } } } } } }`;
  expect((await api.ask(read, { id: planned.id }, viewer)).data.importBatch.plan).toBeNull();
  await runBatch(pool, access, tenantId, planned.id);
  const ready = (await api.ask(read, { id: planned.id }, viewer)).data.importBatch;
  expect(ready).toMatchObject({ status: "planned", plan: { calls: 11, stops: null } });
  expect(ready.plan.findings).toMatchObject([{ kind: "unknown_option", field: "Status" }]);
  expect(ready.collections.nodes[0].predictions.nodes).toContainEqual({ fate: "unchanged", predicted: "4" });
  // The job comes again: there is nothing left to do.
  expect(await runBatch(pool, access, tenantId, planned.id)).toBe(false);

  const queue = `mutation ($id: UUID!, $threshold: BigFloat) { queueImportBatch(input: { sourceId: $id, onConflict: source_wins, deleteThreshold: $threshold })
    { importBatch { id status } } }`;
  expect(codeOf(await api.ask(queue, { id: source?.id }, stranger))).toBe("LF006");
  expect((await api.ask(queue, { id: source?.id, threshold: "101" }, admin)).errors).toHaveLength(1);
  const queued = (await api.ask(queue, { id: source?.id, threshold: "7.5" }, admin)).data.queueImportBatch.importBatch;
  expect(queued.status).toBe("queued");
  expect((await api.ask(queue, { id: source?.id }, admin)).errors).toMatchObject([
    { message: expect.stringContaining("Another import of this source is under way") },
  ]);
  await runBatch(pool, access, tenantId, queued.id);
  const ended = await api.ask(
    "query ($id: UUID!) { importBatch(id: $id) { status deleteThreshold plan { origin { batch { id } } } } }",
    { id: queued.id },
    viewer,
  );
  // With another threshold it is not what was planned.
  expect(ended.data.importBatch).toEqual({ status: "incomplete", deleteThreshold: "7.5", plan: { origin: null } });
});

test("can watch an import move over a socket, under the policies for every event", async () => {
  const client = connect(viewer);
  const events = client.iterate<{ importBatchChanged: { status: string } | null }>({
    query: watching,
    variables: { id: batchId },
  });
  const next = async () => (await events.next()).value;
  // The state as it is comes first, and more than once where the database was slow to listen.
  const nextAfter = async (status: string) => {
    for (;;) {
      const value = await next();
      if (value?.data?.importBatchChanged?.status !== status) return value;
    }
  };
  expect(await next()).toEqual({ data: { importBatchChanged: { id: batchId, status: "incomplete" } } });
  await api.ask(
    "mutation ($id: UUID!) { rollbackImportBatch(input: { batchId: $id }) { clientMutationId } }",
    { id: batchId },
    admin,
  );
  expect(await nextAfter("incomplete")).toEqual({
    data: { importBatchChanged: { id: batchId, status: "rolling_back" } },
  });
  await runBatch(pool, access, tenantId, batchId);
  expect(await nextAfter("rolling_back")).toEqual({
    data: { importBatchChanged: { id: batchId, status: "rolled_back" } },
  });

  // Who was removed from the tenant hears that something moved, and sees nothing of it.
  await api.database.query(
    "delete from tenancy.memberships m using tenancy.users u where u.id = m.user_id and u.email = 'viewer@harbour.test'",
  );
  await api.database.query("select pg_notify('import_batch:' || $1, $1)", [batchId]);
  expect(await nextAfter("rolled_back")).toEqual({ data: { importBatchChanged: null } });
  await client.dispose();
});

test.each([
  ["somebody of another tenant", () => stranger, "LF006"],
  ["somebody whose token does not count", () => "not.a.token", "LF044"],
])("cannot watch as %s", async (_who, token, code) => {
  const client = connect(token());
  const events = client.iterate({ query: watching, variables: { id: batchId } });
  const answer = await events.next().then(
    ({ value }) => value?.errors,
    (errors: unknown) => errors,
  );
  expect(answer).toMatchObject([{ extensions: { code } }]);
  await client.dispose();
});
