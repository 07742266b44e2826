/** `GET /metrics`, for Prometheus: what this process does, and how the installation stands. Nothing in it was written by a tenant. */
import { createHash, timingSafeEqual } from "node:crypto";
import { type RequestHandler, Router } from "express";
import type pg from "pg";
import type { Logger } from "pino";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Config } from "../config.ts";
import { listBackups } from "../database/backups/backup_folder.ts";
import { embeddedPlaces } from "../database/backups/embedded_backups.ts";
import { readPlace } from "../database/embedded.ts";
import { errorMessage } from "../errors.ts";

/** How a request ended: answered, refused for a reason that its sender can mend, or failed for one of ours. */
export type Outcome = "ok" | "refused" | "failed";

/** What is counted of a request that is being answered. */
export interface Tally {
  operation: string;
  outcome: Outcome;
}

export interface Metrics {
  /** Answers `/metrics`, where it may be answered at all. */
  router: Router;
  /** Counts requests under the name that `nameOperation` gives them, or under this one. */
  count(operation?: string): RequestHandler;
  /** Names the operation of a trusted document; every other one is counted as `other`. */
  nameOperation(tally: Tally, name: string | undefined): void;
}

/** Numbers of the database are read once in so many milliseconds, however many ask. */
const READ_EVERY = 15_000;

/** More names than this are counted together: a label of Prometheus is a time series for ever. */
const MOST_NAMES = 300;

/** What `app.read_metrics` gives, by name: the labels that each has, and what it says. */
const databaseGauges: Record<string, { labels: string[]; help: string }> = {
  queue_jobs: { labels: ["task", "state"], help: "Jobs of the queue: waiting, running, scheduled, given_up" },
  queue_oldest_job_seconds: { labels: ["task"], help: "How long the oldest waiting job has been due" },
  workers_alive: { labels: [], help: "Workers that were heard of within 30 seconds" },
  import_batches: { labels: ["status"], help: "Imports that are under way, or that somebody has to look at" },
  publications: { labels: ["status"], help: "Publications that are under way, or that somebody has to look at" },
  ghl_locations: { labels: ["status"], help: "Locations in GoHighLevel, by whether they may be called" },
  ghl_findings_open: { labels: [], help: "Differences from GoHighLevel that nobody has decided on" },
  mails_waiting: { labels: [], help: "Mails that are not sent yet" },
  ghl_daily_calls_left_ratio: { labels: ["bucket"], help: "Calls left of the day, 0 to 1, of the 20 shortest" },
  ghl_burst_calls_left_ratio: { labels: ["bucket"], help: "Calls left of the moment, 0 to 1, of the 20 shortest" },
  archive_failing: { labels: [], help: "1 where the last attempt to archive the write-ahead log failed" },
};

/**
 * @param pool connections as the authenticator
 * @param refuse answers whoever may not see them
 */
export function makeMetrics(
  config: Config,
  pool: pg.Pool,
  log: Logger,
  refuse: (res: Parameters<RequestHandler>[1]) => void,
): Metrics {
  const register = new Registry();
  const requests = new Counter({
    name: "landfall_requests_total",
    help: "Requests by operation and outcome",
    labelNames: ["operation", "outcome"],
    registers: [register],
  });
  const durations = new Histogram({
    name: "landfall_request_duration_seconds",
    help: "How long requests took",
    labelNames: ["operation"],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [register],
  });
  const names = new Set<string>();
  return {
    router: areMetricsServed(config) ? metricsRouter(config, register, pool, log, refuse) : Router(),
    count: (operation = "other") => {
      return (_req, res, next) => {
        const tally: Tally = { operation, outcome: "ok" };
        res.locals.tally = tally;
        const end = durations.startTimer();
        res.once("close", () => {
          const byStatus = res.statusCode >= 500 ? "failed" : res.statusCode >= 400 ? "refused" : "ok";
          const outcome = tally.outcome === "ok" ? byStatus : tally.outcome;
          requests.inc({ operation: tally.operation, outcome });
          end({ operation: tally.operation });
        });
        next();
      };
    },
    nameOperation(tally, name) {
      if (name === undefined || (names.size >= MOST_NAMES && !names.has(name))) return;
      names.add(name);
      tally.operation = name;
    },
  };
}

/** Without a token they are shown to this machine alone, and in production to nobody: a proxy on this machine would show them to all. */
export function areMetricsServed({
  metricsToken,
  environment,
  api,
}: Pick<Config, "metricsToken" | "environment" | "api">): boolean {
  const isLocal = api.host === "localhost" || api.host === "::1" || api.host.startsWith("127.");
  return metricsToken !== undefined || (environment !== "production" && isLocal);
}

function metricsRouter(
  config: Config,
  register: Registry,
  pool: pg.Pool,
  log: Logger,
  refuse: (res: Parameters<RequestHandler>[1]) => void,
): Router {
  collectDefaultMetrics({ register });
  watchPool(register, pool);
  const readInstallation = watchInstallation(config, register, pool, log);
  const router = Router();
  router.get("/metrics", async (req, res) => {
    if (config.metricsToken !== undefined && !isToken(req.headers.authorization, config.metricsToken)) {
      res.setHeader("www-authenticate", 'Bearer realm="landfall metrics"');
      return refuse(res);
    }
    await readInstallation();
    res
      .type(register.contentType)
      .setHeader("cache-control", "no-store")
      .send(await register.metrics());
  });
  return router;
}

/** Compares hashes, which are of one length and take one time. */
function isToken(header: string | undefined, token: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(header ?? ""), hash(`Bearer ${token}`));
}

function watchPool(register: Registry, pool: pg.Pool): void {
  new Gauge({
    name: "landfall_database_connections",
    help: "Connections of this process to the database: total, idle, and requests that wait for one",
    labelNames: ["state"],
    registers: [register],
    collect() {
      this.set({ state: "total" }, pool.totalCount);
      this.set({ state: "idle" }, pool.idleCount);
      this.set({ state: "waiting" }, pool.waitingCount);
    },
  });
}

/** Reads what the database and the folder of backups say; where they say nothing, no old number is left standing. */
function watchInstallation(config: Config, register: Registry, pool: pg.Pool, log: Logger): () => Promise<void> {
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `landfall_${name}`, help, labelNames, registers: [register] });
  const isUp = gauge("database_up", "1 where the database answers");
  const backupAge = gauge("backup_age_seconds", "Age of the embedded server's newest backup");
  const gauges = new Map(
    Object.entries(databaseGauges).map(([name, { help, labels }]) => [name, gauge(name, help, labels)]),
  );
  const read = async () => {
    for (const one of [...gauges.values(), backupAge]) {
      one.reset();
      // One without labels is nought after that, which would be a lie, too.
      one.remove({});
    }
    try {
      const { rows } = await pool.query<{ metric: string; labels: Record<string, string>; value: number }>(
        "select metric, labels, value from app.read_metrics()",
      );
      for (const { metric, labels, value } of rows) gauges.get(metric)?.set(labels, value);
      isUp.set(1);
    } catch (error) {
      isUp.set(0);
      log.warn({ error: errorMessage(error) }, "the database does not tell its metrics");
    }
    const newest = await newestBackup(config);
    if (newest !== undefined) backupAge.set((Date.now() - newest.getTime()) / 1_000);
  };
  let latest: { at: number; reading: Promise<void> } | undefined;
  return () => {
    if (latest === undefined || Date.now() - latest.at > READ_EVERY) latest = { at: Date.now(), reading: read() };
    return latest.reading;
  };
}

async function newestBackup(config: Config): Promise<Date | undefined> {
  if (config.database.url !== undefined || readPlace(config.dataDir) === undefined) return undefined;
  const backups = await listBackups(embeddedPlaces(config).dir);
  const newest = backups.at(-1);
  return newest && new Date(newest.finishedAt);
}
