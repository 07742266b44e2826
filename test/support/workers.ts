/** Workers as processes of their own, as in production, and what becomes of the work of one that dies. */
import { setTimeout as sleep } from "node:timers/promises";
import { isConnectionLost } from "../../src/database/pools.ts";
import { runSql } from "./cluster.ts";
import type { OpenDatabase } from "./database.ts";
import { type RunningProcess, startLandfall } from "./processes.ts";

/** Starts `landfall worker` on a database. Wait for "The worker is ready." where that matters. */
export function startWorker(
  { urls, secretKey, rolePrefix }: OpenDatabase,
  variables: Record<string, string> = {},
): RunningProcess {
  return startLandfall(["worker"], {
    DATABASE_URL: urls.admin,
    LANDFALL_SECRET_KEY: secretKey,
    LANDFALL_ROLE_PREFIX: rolePrefix,
    JWT_SECRET: "a secret of the tests alone, long enough to be one",
    NODE_ENV: "test",
    LOG_LEVEL: "warn",
    ...variables,
  });
}

/** Kills a process by SIGKILL, unless it has ended, and waits until it is gone. */
export async function kill(running: RunningProcess): Promise<void> {
  running.child.kill("SIGKILL");
  await running.ended;
}

/**
 * Asks until the answer is there. A server that comes back after a crash refuses for a moment: so long it is asked again.
 *
 * @param doer the process that is to bring it about: where it ends by itself, nobody waits any longer
 * @returns the first answer that is neither false nor undefined
 */
export async function until<T>(ask: () => Promise<T | false | undefined>, doer?: RunningProcess): Promise<T> {
  let isOver = false;
  doer?.ended.then(() => {
    isOver = true;
  });
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== false && answer !== undefined) return answer;
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
    }
    if (isOver) throw new Error(`The process ended by itself: ${doer?.output()}`);
    await sleep(25);
  }
}

/**
 * Lets the time pass after which whoever works on something counts as dead, and does what the living then do every fifteen seconds or every minute.
 *
 * @returns the import batches that were queued again
 */
export async function declareDead({ urls, query }: OpenDatabase): Promise<string[]> {
  await runSql(
    urls.admin,
    `begin;
     set local session_replication_role = replica;
     update app_private.worker_heartbeats set beat_at = beat_at - interval '1 minute';
     update graphile_worker._private_jobs set locked_at = locked_at - interval '1 minute' where locked_at is not null;
     update app_private.import_leases set heartbeat_at = heartbeat_at - interval '1 minute';
     update imports.batches set updated_at = updated_at - interval '1 minute';
     update publishing.publications set lease_expires_at = lease_expires_at - interval '1 minute' where status = 'running';
     commit`,
  );
  await runSql(urls.worker, "select app.sweep_workers()");
  await runSql(urls.worker, "select publishing.resume_publications()");
  const queued = await query<{ batch_id: string }>("select app_private.requeue_import_batches() as batch_id");
  return queued.map(({ batch_id }) => batch_id);
}
