/**
 * Measures publishing: `npm run bench:publish`. A thousand touchpoints over twenty locations go to the stand-in under GoHighLevel's limits,
 * through the queue and a worker in a process of its own, on a server that is thrown away. The time is compared with the ones that the limits
 * allow, in the same run; then all is published again with nothing changed. Ends with 1 where something is wrong, and not where it is slow.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import pg from "pg";
import { loadConfig, sandboxToken } from "../src/config.ts";
import { startEmbedded } from "../src/database/embedded.ts";
import { migrate } from "../src/database/migrate.ts";
import { createPool } from "../src/database/pools.ts";
import { deriveUrls } from "../src/database/urls.ts";
import { type Identity, withIdentity } from "../src/database/with_identity.ts";
import { startGohighlevelSandbox } from "../src/sandbox/gohighlevel/server.ts";
import type { State } from "../src/sandbox/gohighlevel/state.ts";
import { localSecrets } from "../src/secrets.ts";
import type { Used } from "./bench/publish_worker.ts";
import { rolePrefix, runSql, serverCpuSeconds } from "./bench/server.ts";

/** What publishing takes of a window at once, and what over its length; the rest is for others: see app_private.take_call. */
const shareAtOnce = 0.15;
const shareSpread = 0.75;

const options = new Command("npm run bench:publish --")
  .description("Measure publishing against the limits of GoHighLevel.")
  .option("--touchpoints <number>", "how many in all", Number, 1_000)
  .option("--locations <number>", "over how many locations", Number, 20)
  .option("--limit <number>", "how many calls GoHighLevel allows each of them in ten seconds", Number, 100)
  .option("--latency <milliseconds>", "how long the stand-in takes to answer, typically", Number, 0)
  .option("--profile <folder>", "leave a profile of the worker's processor time there")
  .parse()
  .opts<{ touchpoints: number; locations: number; limit: number; latency: number; profile?: string }>();
const { touchpoints, locations } = options;
const limits = { max: options.limit, intervalMs: 10_000, daily: 200_000 };

const say = (line: string) => process.stdout.write(`${line}\n`);

type Place = { journeyId: string; ghlLocationId: string };

async function prepare(
  adminUrl: string,
  authenticatorUrl: string,
): Promise<{ admin: Extract<Identity, { kind: "user" }>; places: Place[] }> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  const one = async (sql: string, values: unknown[] = []) =>
    (await client.query<{ id: string }>(sql, values)).rows[0]?.id ?? "";
  const tenantId = await one(
    `insert into tenancy.tenants (name, slug, settings) values ('Bench', 'bench', '{"allow_self_approval": true}') returning id`,
  );
  const userId = await one(
    "insert into tenancy.users (email, name) values ('bench@example.com', 'Bench') returning id",
  );
  await one("insert into tenancy.memberships (tenant_id, user_id, role) values ($1, $2, 'admin')", [tenantId, userId]);
  const sessionId = await one(
    "insert into tenancy.sessions (tenant_id, user_id, expires_at) values ($1, $2, now() + interval '1 day') returning id",
    [tenantId, userId],
  );
  await client.end();
  const admin = { kind: "user" as const, rolePrefix, role: "admin" as const, userId, tenantId, sessionId };
  const pool = createPool(authenticatorUrl, { applicationName: "bench api", max: 2 });
  const each = Math.ceil(touchpoints / locations);
  const places: Place[] = [];
  for (let number = 0; number < locations; number += 1) {
    const ghlLocationId = `bench${String(number).padStart(3, "0")}`;
    const journeyId = await withIdentity(pool, admin, async (asAdmin) => {
      const { rows: clients } = await asAdmin.query<{ id: string }>(
        "insert into journeys.clients (slug, name, status, ghl_location_id) values ($1, $1, 'active', $1) returning id",
        [ghlLocationId],
      );
      const { rows } = await asAdmin.query<{ id: string }>(
        "insert into journeys.journeys (client_id, name, slug) values ($1, 'Bench', $2) returning id",
        [clients[0]?.id, ghlLocationId],
      );
      await asAdmin.query(
        `insert into journeys.touchpoints (journey_id, name, type, order_index, content)
         select $1, 'Step ' || n, case when n % 4 = 0 then 'sms' else 'email' end::journeys.touchpoint_type, n,
           jsonb_build_object('subject', 'Subject ' || n, 'body', repeat('Some words. ', 50))
         from generate_series(0, $2::integer - 1) n`,
        [rows[0]?.id, each],
      );
      return rows[0]?.id ?? "";
    });
    places.push({ journeyId, ghlLocationId });
  }
  await pool.end();
  return { admin, places };
}

async function queueAll(authenticatorUrl: string, admin: Identity, places: Place[]): Promise<string[]> {
  const pool = createPool(authenticatorUrl, { applicationName: "bench api", max: 2 });
  const publications: string[] = [];
  for (const { journeyId } of places) {
    const call = async (sql: string, value: string) =>
      withIdentity(pool, admin, async (client) => (await client.query<{ id: string }>(sql, [value])).rows[0]?.id ?? "");
    // The goal goes nowhere: the version is new, and what is sent of it is the same.
    await call("update journeys.journeys set goal = gen_random_uuid()::text where id = $1 returning id", journeyId);
    const approvalId = await call("select id from journeys.submit_journey($1)", journeyId);
    await call("select id from journeys.review_journey($1, 'approve')", approvalId);
    publications.push(await call("select id from journeys.publish_journey($1)", journeyId));
  }
  await pool.end();
  return publications;
}

/** The worker's process; `used` asks it what it has used so far. */
async function startWorkerProcess(variables: Record<string, string>) {
  const profile = options.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${options.profile}`];
  const child = spawn(
    process.execPath,
    ["--expose-gc", ...profile, join(import.meta.dirname, "bench", "publish_worker.ts")],
    { env: { ...process.env, LOG_LEVEL: "warn", ...variables }, stdio: ["pipe", "pipe", "inherit"] },
  );
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ended = once(child, "exit");
  async function used(): Promise<Used> {
    child.stdin.write("\n");
    const { value, done } = await lines.next();
    if (done) throw new Error("The worker ended by itself.");
    return JSON.parse(value);
  }
  async function stop(): Promise<void> {
    child.stdin.end();
    await ended;
  }
  return { used, stop };
}

type Round = {
  synced: number;
  itemsSynced: number;
  /** Seconds from when the first was taken up: when the last was, when the first and the last had ended. */
  lastBegun: number;
  firstEnded: number;
  lastEnded: number;
  calls: number;
  mostCalls: number;
  writes: number;
  refused: number;
  /** The longest time, in seconds, in which nothing was called for a location that had not ended. */
  longestGap: number;
};

const folder = mkdtempSync(join(tmpdir(), "landfall-bench-"));
const embedded = await startEmbedded({ dataDir: join(folder, "server"), major: loadConfig().postgresMajor });
const sandbox = await startGohighlevelSandbox({ limits, switches: { latencyMs: options.latency } });
const broken: string[] = [];

/** One target, as met or not; one that is about being right counts for the exit code. */
function judge(isMet: boolean, target: string, isOfTime = false): void {
  say(`${isMet ? "PASS" : "FAIL"}  ${target}`);
  if (!isMet && !isOfTime) broken.push(target);
}

try {
  const { secretKey } = localSecrets(join(folder, "server"));
  const { adminUrl } = embedded;
  await migrate({ adminUrl, rolePrefix, secretKey, log: () => {} });
  const urls = deriveUrls(adminUrl, secretKey, rolePrefix);
  const { admin, places } = await prepare(adminUrl, urls.authenticator);

  /** Waits until all have ended, and says how it went. */
  async function follow(publications: string[]): Promise<Round> {
    for (;;) {
      const [row] = await runSql<{ open: number }>(
        adminUrl,
        "select count(*)::integer as open from publishing.publications where id = any ($1) and finished_at is null",
        [publications],
      );
      if (row?.open === 0) break;
      await sleep(250);
    }
    const [round] = await runSql<Round>(
      adminUrl,
      `with these as (
         select p.*, min(p.started_at) over () as began from publishing.publications p where p.id = any ($1)
       ), calls as (
         select c.*, extract(epoch from c.created_at - lag(c.created_at) over (partition by c.publication_id order by c.id)) as gap
         from publishing.api_calls c join these p on p.id = c.publication_id
       ), of_location as (
         select count(*)::integer as calls from calls group by location_id
       )
       select count(*) filter (where p.status = 'synced')::integer as synced, sum(p.items_synced)::integer as "itemsSynced",
         extract(epoch from max(p.started_at) - min(p.began))::float8 as "lastBegun",
         extract(epoch from min(p.finished_at) - min(p.began))::float8 as "firstEnded",
         extract(epoch from max(p.finished_at) - min(p.began))::float8 as "lastEnded",
         (select count(*)::integer from calls) as calls, (select coalesce(max(calls), 0) from of_location) as "mostCalls",
         (select count(*) filter (where method <> 'GET')::integer from calls) as writes,
         (select count(*) filter (where http_status = 429)::integer from calls) as refused,
         (select coalesce(max(gap), 0)::float8 from calls) as "longestGap"
       from these p`,
      [publications],
    );
    if (round === undefined) throw new Error("Nothing was published.");
    return round;
  }

  const publications = await queueAll(urls.authenticator, admin, places);
  const server = { embedded, secretKey };
  const before = { server: serverCpuSeconds(server), own: process.cpuUsage() };
  const worker = await startWorkerProcess({
    BENCH_WORKER_URL: urls.worker,
    DATABASE_URL: adminUrl,
    LANDFALL_SECRET_KEY: secretKey,
    LANDFALL_ROLE_PREFIX: rolePrefix,
    JWT_SECRET: "a secret of the bench alone, long enough to be one",
    GHL_BASE_URL: sandbox.url,
    GHL_API_KEY: sandboxToken,
  });
  const first = await follow(publications);
  const serverCpu = (serverCpuSeconds(server) ?? Number.NaN) - (before.server ?? Number.NaN);
  const { user, system } = process.cpuUsage(before.own);
  const usedOnce = await worker.used();

  const again = await follow(await queueAll(urls.authenticator, admin, places));
  const usedTwice = await worker.used();
  await worker.stop();

  const { max, intervalMs } = limits;
  const interval = intervalMs / 1_000;
  /** As fast as the limits are: so many calls in each window, evenly. */
  const atLimit = (first.mostCalls / max) * interval;
  /** As fast as publishing allows itself to be: a part of the window at once, then its share of the rate. */
  const atShare = (Math.max(0, first.mostCalls - max * shareAtOnce) / (max * shareSpread)) * interval;
  const state = (await (await fetch(`${sandbox.url}/__fake/state`)).json()) as State;
  const objects = [...state.templates, ...state.customValues].map((row) => /pp[a-z2-7]{12}$/.exec(row.name)?.[0]);
  const each = Math.ceil(touchpoints / locations);

  say(`${each * locations} touchpoints over ${locations} locations, ${max} calls in ${interval} s for each of them.`);
  say(`Calls: ${first.calls}, ${first.mostCalls} for one location; ${first.writes} of them write.`);
  say(
    `Time by the whole limits: ${atLimit.toFixed(1)} s. By the share that publishing takes: ${atShare.toFixed(1)} s.`,
  );
  say(
    `Time measured: ${first.lastEnded.toFixed(1)} s, ${(first.lastEnded / atLimit).toFixed(2)} of the limits' and ${(first.lastEnded / atShare).toFixed(2)} of the share's.`,
  );
  say(
    `Processor time: worker ${usedOnce.cpuSeconds.toFixed(1)} s with its start, server ${serverCpu.toFixed(1)} s, stand-in ${((user + system) / 1e6).toFixed(1)} s.`,
  );
  say(
    `Locations: the last began after ${first.lastBegun.toFixed(1)} s, the first ended after ${first.firstEnded.toFixed(1)} s; the longest pause of one was ${first.longestGap.toFixed(1)} s.`,
  );
  say(
    `Memory of the worker: ${usedOnce.heapMegabytes.toFixed(0)} MB of heap after the first round, ${usedTwice.heapMegabytes.toFixed(0)} MB after the second, ${usedTwice.peakMegabytes.toFixed(0)} MB resident at most.`,
  );
  say(
    `Again with nothing changed: ${again.lastEnded.toFixed(1)} s, ${again.writes} writes, ${again.calls - again.writes} reads.`,
  );
  say("");
  judge(first.synced === locations && again.synced === locations, "every publication is synced, twice");
  judge(
    objects.length === new Set(objects).size && objects.length === each * locations + locations,
    `GoHighLevel holds ${each * locations} objects and ${locations} folders, each once`,
  );
  judge(first.refused + again.refused === 0, "no call is refused with 429");
  judge(again.writes === 0, "a republish with nothing changed writes nothing");
  judge((again.calls - again.writes) * 20 <= again.itemsSynced, "and reads at most once for 20 objects");
  judge(first.lastEnded <= 1.15 * atShare, "within 15 % of the time that the share allows", true);
  judge(first.longestGap <= interval, "no location waits longer than a window", true);
  judge(usedTwice.heapMegabytes <= 1.2 * usedOnce.heapMegabytes, "memory is flat", true);
} finally {
  await sandbox.close();
  await embedded.stop();
  rmSync(embedded.pgData, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}
if (broken.length > 0) process.exitCode = 1;
