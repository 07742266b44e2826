import { cloneTestDatabase } from "../support/database.ts";
import { kill, startWorker, until } from "../support/workers.ts";
import { boundary, failAt } from "./boundaries.ts";
import { findHalves, makeBase, prepareImport, readContent, untilEnded } from "./crashing.ts";

test("can meet a full disk in the middle of an import, wait with the batch as it is, and go on once there is room", async () => {
  const base = await makeBase();
  const prepared = await prepareImport(base);
  const database = await cloneTestDatabase(prepared.database);
  const worker = startWorker(database);
  try {
    const { mend } = await failAt(database, boundary("in the middle of loading a chunk"));
    const job = await until(async () => {
      const [row] = await database.query<{ last_error: string | null }>("select last_error from graphile_worker.jobs");
      return row?.last_error ?? undefined;
    }, worker);
    expect(job).toContain("No space left on device");
    expect(
      await database.query("select status, message from imports.batches where id = $1", [prepared.batchId]),
    ).toEqual([{ status: "running", message: null }]);
    expect(await database.query("select from app_private.import_leases")).toEqual([]);
    expect(await findHalves(database)).toEqual([]);

    await mend();
    await database.query("update graphile_worker._private_jobs set run_at = now()");
    await database.query("select pg_notify('jobs:insert', '')");
    await untilEnded(database, prepared.batchId, "import", worker);
    expect(await readContent(database)).toEqual(prepared.content);
  } finally {
    await kill(worker);
    await database.drop();
    await prepared.database.drop();
    await base.remove();
  }
});
