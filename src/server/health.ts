import { Router } from "express";
import type pg from "pg";

/** How long the database may take to say that it is there, in milliseconds. */
const PATIENCE = 2_000;

async function checkDatabase(pool: pg.Pool): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE} ms`)), PATIENCE);
  });
  try {
    await Promise.race([pool.query("select 1"), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * `/healthz`: the process answers. `/readyz`: it can do its work, that is, the database answers within two seconds.
 *
 * @param pool connections as the authenticator
 */
export function healthRouter(pool: pg.Pool): Router {
  const router = Router();
  router.get("/healthz", (_req, res) => {
    res.json({ status: "ok" });
  });
  router.get("/readyz", async (req, res) => {
    try {
      await checkDatabase(pool);
      res.json({ status: "ready", checks: { database: "ok" } });
    } catch (error) {
      req.log.warn({ err: error }, "not ready");
      res
        .status(503)
        .json({ status: "unavailable", checks: { database: "The database does not answer: see the log." } });
    }
  });
  return router;
}
