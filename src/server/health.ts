import { Router } from "express";
import type pg from "pg";
import { committedMigrations } from "../database/migrate.ts";
import { errorCode } from "../errors.ts";

/** How long the database may take to say how it is, in milliseconds. */
const PATIENCE = 2_000;

/** Workers say every ten seconds that they live; whoever was silent for longer than this is taken for dead. */
const LONGEST_SILENCE = 30;

interface Health {
  newest_migration: string | null;
  is_queue_there: boolean;
  last_beat_seconds: number | null;
}

/** What `/readyz` says of each part: `ok`, or what is the matter. */
interface Checks {
  database: string;
  migrations: string;
  queue: string;
}

async function readHealth(pool: pg.Pool): Promise<Health> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE} ms`)), PATIENCE);
  });
  try {
    const answer = pool.query<Health>("select * from app.read_health()");
    const { rows } = await Promise.race([answer, tooLate]);
    return rows[0] as Health;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * `/healthz`: the process answers. `/readyz`: it can do its work: the database answers within two seconds, has every migration that this process
 * was written for, and has a queue. That no worker lives is told, too, and takes no API out of service: people can read and write all the
 * same, and their jobs wait.
 *
 * @param pool connections as the authenticator
 */
export function healthRouter(pool: pg.Pool): Router {
  const router = Router();
  router.get("/healthz", (_req, res) => {
    res.json({ status: "ok" });
  });
  router.get("/readyz", async (req, res) => {
    const checks = await examine(pool, (error) => req.log.warn({ err: error }, "not ready"));
    const isReady = checks.database === "ok" && checks.migrations === "ok" && !checks.queue.startsWith("The queue");
    res.status(isReady ? 200 : 503).json({ status: isReady ? "ready" : "unavailable", checks });
  });
  return router;
}

async function examine(pool: pg.Pool, tell: (error: unknown) => void): Promise<Checks> {
  try {
    const health = await readHealth(pool);
    return { database: "ok", migrations: await checkMigrations(health), queue: checkQueue(health) };
  } catch (error) {
    tell(error);
    const unknown = "Nobody knows while the database does not answer.";
    // A database from before the function has it made by a migration.
    return errorCode(error) === "42883"
      ? { database: "ok", migrations: pending, queue: unknown }
      : { database: "The database does not answer: see the log.", migrations: unknown, queue: unknown };
  }
}

const pending = "Migrations are pending: run `landfall migrate`.";

/** A newer database serves an older process, too, while one takes over from the other. */
async function checkMigrations({ newest_migration: newest }: Health): Promise<string> {
  const wanted = (await committedMigrations()).at(-1) ?? "";
  return (newest ?? "") >= wanted ? "ok" : pending;
}

function checkQueue({ is_queue_there: isThere, last_beat_seconds: silence }: Health): string {
  if (!isThere) return "The queue is missing: run `landfall migrate`.";
  if (silence === null) return "No worker runs: jobs wait. Start one: `landfall worker`.";
  return silence <= LONGEST_SILENCE
    ? "ok"
    : `No worker was heard of for ${Math.round(silence)} s: jobs wait. Start one: \`landfall worker\`.`;
}
