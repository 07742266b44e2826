import { findMapping } from "../../src/imports/mappings/find_mapping.ts";
import { createBatch, inBatch, LeaseLost, takeBatch } from "../../src/imports/pipeline/batch.ts";
import { sampleFolder } from "../../src/imports/run_import.ts";
import { openSource } from "../../src/imports/sources/open_source.ts";
import { type Importing, prepareImporting } from "./importing.ts";

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

test("cannot commit once another process has taken the batch over", async () => {
  const { pool, tenantId, database } = importing;
  const batchId = await queueSample();
  const first = await takeBatch(pool, tenantId, batchId);
  expect(await takeBatch(pool, tenantId, batchId)).toBeNull();
  await database.query("update app_private.import_leases set heartbeat_at = heartbeat_at - interval '1 minute'");
  const second = await takeBatch(pool, tenantId, batchId);
  const write = (leaseToken: string | undefined) =>
    inBatch({ id: batchId, tenantId, pool, leaseToken: leaseToken as string }, (client) => client.query("select 1"));
  await expect(write(first?.leaseToken)).rejects.toThrow(LeaseLost);
  await expect(write(second?.leaseToken)).resolves.toBeDefined();
});

test("cannot take a batch over from a transaction that has it in hand, nor wait for it, however long it is silent", async () => {
  const { pool, tenantId, database } = importing;
  const batchId = await queueSample();
  const first = await takeBatch(pool, tenantId, batchId);
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const lease = { id: batchId, tenantId, pool, leaseToken: first?.leaseToken as string };
  const working = inBatch(lease, async () => {
    entered.resolve();
    await gate.promise;
  });
  await entered.promise;
  await database.query("update app_private.import_leases set heartbeat_at = heartbeat_at - interval '1 minute'");
  expect(await takeBatch(pool, tenantId, batchId)).toBeNull();
  gate.resolve();
  await working;
  expect(await takeBatch(pool, tenantId, batchId)).toMatchObject({ status: "running" });
});

test("cannot lose its turn when it is woken once more", async () => {
  const batchId = await queueSample();
  const [before] = await importing.database.query("select run_at from graphile_worker.jobs");
  expect((await importing.pool.query("select app_private.requeue_import_batches('0 seconds') as id")).rows).toEqual([
    { id: batchId },
  ]);
  expect(await importing.database.query("select run_at from graphile_worker.jobs")).toEqual([before]);
});

test("cannot run two imports of one source at once: the second joins the first", async () => {
  expect(await queueSample()).toBe(await queueSample());
});

test("can be woken by its job: queueing a batch adds it in the same transaction", async () => {
  const batchId = await queueSample();
  const jobs = await importing.database.query("select task_identifier, key from graphile_worker.jobs");
  expect(jobs).toEqual([{ task_identifier: "imports/run_batch", key: `imports/run_batch:${batchId}` }]);
});
