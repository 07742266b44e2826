/** A worker that lives says so; what a dead one held is freed by the others. */
import { hostname } from "node:os";
import type pg from "pg";
import { errorMessage } from "../errors.ts";
import { childLogger } from "../log.ts";

const log = childLogger({ area: "worker" });

/**
 * How often a worker says that it lives, and how often it looks for what nobody works on any more, in milliseconds. The database frees the jobs of
 * a worker that was silent for 30 s, and wakes the others for an import that was silent for 20 s: both within a minute (tested).
 */
export const beatEvery = 10_000;
export const sweepEvery = 15_000;

export interface Heartbeat {
  /** Says that the worker is gone, so that nobody waits for it. */
  stop(): Promise<void>;
}

/**
 * Beats and sweeps for one pool of workers until it is stopped. Together with graphile-worker's own retries a dead worker's jobs and
 * queues are free again within a minute.
 *
 * @param pool connections as the worker's login
 * @param poolId graphile-worker's id of the pool, which its jobs are locked by
 */
export async function startHeartbeat(pool: pg.Pool, poolId: string): Promise<Heartbeat> {
  const workerId = `${hostname()}:${process.pid}`;
  const beat = () => ask(pool, "select app.beat($1, $2)", [workerId, poolId]);
  const sweep = async () => {
    const freed = await ask(pool, "select freed_pool_id from app.sweep_workers() as freed_pool_id", []);
    for (const { freed_pool_id } of freed) log.warn({ poolId: freed_pool_id }, "freed what a dead worker held");
    const woken = await ask(pool, "select app_private.requeue_import_batches() as batch_id", []);
    for (const { batch_id } of woken)
      log.warn({ batchId: batch_id }, "nobody worked on an import batch; queued it again");
  };
  await beat();
  const beating = setInterval(beat, beatEvery);
  const sweeping = setInterval(sweep, sweepEvery);
  return {
    async stop() {
      clearInterval(beating);
      clearInterval(sweeping);
      await ask(pool, "select app.end_beats($1)", [poolId]);
    },
  };
}

/** A beat that fails (the server restarts) is logged; the next one follows by itself. */
async function ask(pool: pg.Pool, sql: string, values: unknown[]): Promise<Record<string, unknown>[]> {
  try {
    return (await pool.query(sql, values)).rows;
  } catch (error) {
    log.warn({ error: errorMessage(error) }, "a heartbeat did not reach the database");
    return [];
  }
}
