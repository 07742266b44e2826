/** Start-up of graphile-worker: tasks, crontab, heartbeat, and a new beginning where the database was away for long. */
import { EventEmitter } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Logger, type Runner, run, type WorkerEvents } from "graphile-worker";
import type pg from "pg";
import { type Config, projectDir } from "../config.ts";
import { createPool } from "../database/pools.ts";
import { errorMessage } from "../errors.ts";
import { openFileStore } from "../imports/files/open_file_store.ts";
import { childLogger } from "../log.ts";
import { provideContext } from "./context.ts";
import { startHeartbeat } from "./heartbeat.ts";

const log = childLogger({ area: "worker" });

export interface WorkerOptions {
  config: Config;
  /** Connection string of the worker's login, direct (it listens). */
  url: string;
}

export interface RunningWorker {
  /** Lets the jobs in hand finish, five seconds at most before they are told to stop, and waits for that. */
  stop(): Promise<void>;
}

/**
 * Starts a worker in this process: every file in tasks/ is a task, `src/worker/crontab` says what recurs.
 *
 * @throws whatever keeps it from its first start: the database is away, the file store cannot be used, a task file is broken
 */
export async function startWorker({ config, url }: WorkerOptions): Promise<RunningWorker> {
  const files = await openFileStore(config.files);
  await files.tryOut("change");
  // Besides one connection for each job: listening, heartbeats, and the transactions that tasks open.
  const pool = createPool(url, {
    applicationName: "landfall worker",
    max: config.worker.concurrency * 2 + 4,
    previousSecretKey: config.previousSecretKey,
  });
  provideContext({ config, pool, files });
  let isStopping = false;
  let current: StartedRunner;
  try {
    current = await startRunner(pool, config.worker.concurrency);
  } catch (error) {
    await pool.end();
    throw error;
  }

  // graphile-worker gives up after some failures in a row, for instance while the server is away for half a minute.
  const supervising = (async () => {
    while (!isStopping) {
      await current.ended;
      for (let wait = 500; !isStopping; wait = Math.min(wait * 2, 10_000)) {
        log.warn("the worker stopped; starting it again");
        await sleep(wait);
        try {
          current = await startRunner(pool, config.worker.concurrency);
          break;
        } catch (error) {
          log.warn({ error: errorMessage(error) }, "the worker does not start");
        }
      }
    }
  })();

  return {
    async stop() {
      isStopping = true;
      await current.stop();
      await supervising;
      await pool.end();
    },
  };
}

interface StartedRunner {
  stop(): Promise<void>;
  ended: Promise<void>;
}

/**
 * What became of jobs is written down in batches. Without, graphile-worker waits for no answer, and where the server was killed under a job, the
 * rejection that nobody waits for ends this process.
 */
const reporting: GraphileConfig.Preset = { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } };

async function startRunner(pool: pg.Pool, concurrency: number): Promise<StartedRunner> {
  const events: WorkerEvents = new EventEmitter();
  // Its id and not the pool itself: a pool is a promise of its own end.
  const poolId = new Promise<string>((resolve) => {
    events.once("pool:create", ({ workerPool }) => resolve(workerPool.id));
  });
  const runner: Runner = await run({
    pgPool: pool,
    taskDirectory: join(projectDir, "tasks"),
    crontabFile: join(projectDir, "src", "worker", "crontab"),
    concurrency,
    noHandleSignals: true,
    events,
    logger: workerLogger(),
    preset: reporting,
  });
  // Caught at once: it may fail while the first heartbeat is under way.
  const over = runner.promise.catch((error) => log.error({ error: errorMessage(error) }, "the worker failed"));
  const heartbeat = await startHeartbeat(pool, await poolId);
  const ended = over.then(() => heartbeat.stop());
  return {
    ended,
    async stop() {
      // Where it has just stopped by itself there is nothing left to do.
      await runner.stop().catch((error) => log.debug({ error: errorMessage(error) }, "the worker had stopped"));
      await ended;
    },
  };
}

/** graphile-worker's lines in our log, with what they are about as fields. */
function workerLogger(): Logger {
  const levels = { error: "error", warning: "warn", info: "info", debug: "debug" } as const;
  return new Logger((scope) => (level, message) => {
    log[levels[level]]({ task: scope.taskIdentifier, jobId: scope.jobId }, message);
  });
}
