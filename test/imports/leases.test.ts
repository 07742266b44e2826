import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { findMapping } from "../../src/imports/mappings/find_mapping.ts";
import { createBatch, inBatch, LeaseLost, takeBatch } from "../../src/imports/pipeline/batch.ts";
import { runBatch } from "../../src/imports/pipeline/run_batch.ts";
import { readReport } from "../../src/imports/report.ts";
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

/** What the imported rows hold, whichever way they came in. */
async function contentHash(): Promise<unknown> {
  const [row] = await importing.database.query(
    `select md5(string_agg(t.row, E'\\n' order by t.row)) as hash from (
       select (to_jsonb(c) - 'updated_at')::text as row from journeys.clients c
       union all select (to_jsonb(j) - 'updated_at')::text from journeys.journeys j
       union all select (to_jsonb(t) - 'updated_at')::text from journeys.touchpoints t
       union all select (to_jsonb(p) - 'updated_at')::text from journeys.templates p
     ) t`,
  );
  return row;
}

/** A process that works on the batch and kills itself when it has told so many times how far it is. */
function startDoomedWorker(batchId: string, steps: number): ChildProcess {
  const script = `
    const { createPool } = await import(${JSON.stringify(new URL("../../src/database/pools.ts", import.meta.url).href)});
    const { runBatch } = await import(${JSON.stringify(new URL("../../src/imports/pipeline/run_batch.ts", import.meta.url).href)});
    const pool = createPool(process.env.WORKER_URL, { applicationName: "doomed", max: 2 });
    let told = 0;
    await runBatch(pool, { airtable: { endpointUrl: "" } }, process.env.TENANT_ID, process.env.BATCH_ID, () => {
      told += 1;
      if (told === Number(process.env.STEPS)) process.kill(process.pid, "SIGKILL");
    });`;
  return spawn(process.execPath, ["--input-type=module", "--eval", script], {
    env: {
      ...process.env,
      WORKER_URL: importing.database.urls.worker,
      TENANT_ID: importing.tenantId,
      BATCH_ID: batchId,
      STEPS: String(steps),
    },
    stdio: "inherit",
  });
}

test.each([1, 4, 9, 11, 14, 17])("can go on after a SIGKILL at step %i, to the same content", async (steps) => {
  const { pool, tenantId, database } = importing;
  const batchId = await queueSample();
  const [, signal] = await once(startDoomedWorker(batchId, steps), "exit");
  expect(signal).toBe("SIGKILL");
  expect(await takeBatch(pool, tenantId, batchId)).toBeNull();

  await database.query("update app_private.import_leases set heartbeat_at = heartbeat_at - interval '1 minute'");
  await database.query(
    "set session_replication_role = replica; update imports.batches set updated_at = now() - interval '1 minute'",
  );
  expect(await pool.query("select app_private.requeue_import_batches() as id")).toMatchObject({
    rows: [{ id: batchId }],
  });
  expect(await runBatch(pool, access, tenantId, batchId)).toBe(true);
  const report = await readReport(pool, tenantId, batchId);
  expect(report).toMatchObject({ status: "incomplete", verified: true });
  expect(report.collections.find(({ name }) => name === "Touchpoints")).toMatchObject({ landed: 61, inserted: 58 });

  // The same base again, undisturbed, into emptied tables.
  const interrupted = await contentHash();
  await database.query("set session_replication_role = replica; truncate journeys.clients cascade");
  const undisturbed = await queueSample();
  expect(undisturbed).not.toBe(batchId);
  await runBatch(pool, access, tenantId, undisturbed);
  expect(await contentHash()).toEqual(interrupted);
});

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

test("cannot run two imports of one source at once: the second joins the first", async () => {
  expect(await queueSample()).toBe(await queueSample());
});

test("can be woken by its job: queueing a batch adds it in the same transaction", async () => {
  const batchId = await queueSample();
  const jobs = await importing.database.query("select task_identifier, key from graphile_worker.jobs");
  expect(jobs).toEqual([{ task_identifier: "imports/run_batch", key: `imports/run_batch:${batchId}` }]);
});
