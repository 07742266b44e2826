/** The queue, worked on in this process. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Logger, runOnce } from "graphile-worker";
import type pg from "pg";
import { projectDir } from "../../src/config.ts";
import { openFileStore } from "../../src/imports/files/open_file_store.ts";
import { provideContext } from "../../src/worker/context.ts";
import type { TestDatabase } from "./database.ts";

/**
 * Works on every job that waits, as a worker does, and comes back when none is left.
 *
 * @param pool connections as the worker's login
 */
export async function workQueue(database: TestDatabase, pool: pg.Pool): Promise<void> {
  const { config } = database;
  provideContext({ config, pool, files: await openFileStore(config.files) });
  await runOnce({
    pgPool: pool,
    taskDirectory: join(projectDir, "tasks"),
    logger: new Logger(() => () => undefined),
    noPreparedStatements: true,
  });
  // It comes back before the last job is taken off the queue.
  for (;;) {
    const locked = await database.query("select from graphile_worker.jobs where locked_at is not null");
    if (locked.length === 0) return;
    await sleep(10);
  }
}
