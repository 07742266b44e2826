/**
 * Measures publishing: `npm run bench:publish`. A thousand touchpoints over twenty locations go to the stand-in under GoHighLevel's limits, all
 * locations at once, on a server of their own that is thrown away. The time is compared with the one that the limits allow, in the same run;
 * then all is published again with nothing changed.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import pg from "pg";
import { pino } from "pino";
import { loadConfig } from "../src/config.ts";
import { startEmbedded } from "../src/database/embedded.ts";
import { migrate } from "../src/database/migrate.ts";
import { createPool } from "../src/database/pools.ts";
import { deriveUrls } from "../src/database/urls.ts";
import { type Identity, withIdentity } from "../src/database/with_identity.ts";
import { type PublishOptions, publishJourney } from "../src/publishing/publish.ts";
import { defaultTiming } from "../src/publishing/timing.ts";
import type { JournalEntry } from "../src/sandbox/gohighlevel/journal.ts";
import { startGohighlevelSandbox } from "../src/sandbox/gohighlevel/server.ts";
import { sandboxToken } from "../src/sandbox/gohighlevel/tokens.ts";

const rolePrefix = "bench";
const limits = { max: 100, intervalMs: 10_000, daily: 200_000 };
/** What publishing takes of a window at once, and what over its length: see app_private.take_call. */
const shareAtOnce = 0.15;
const shareSpread = 0.75;

const { touchpoints, locations } = new Command("npm run bench:publish --")
  .option("--touchpoints <number>", "how many in all", Number, 1_000)
  .option("--locations <number>", "over how many locations", Number, 20)
  .parse()
  .opts<{ touchpoints: number; locations: number }>();

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

const folder = mkdtempSync(join(tmpdir(), "landfall-bench-"));
const secretKey = randomBytes(32).toString("hex");
const server = await startEmbedded({ dataDir: join(folder, "server"), major: loadConfig().postgresMajor });
const sandbox = await startGohighlevelSandbox({ limits });
try {
  await migrate({ adminUrl: server.adminUrl, rolePrefix, secretKey, log: () => {} });
  const urls = deriveUrls(server.adminUrl, secretKey, rolePrefix);
  const { admin, places } = await prepare(server.adminUrl, urls.authenticator);
  const pool = createPool(urls.worker, { applicationName: "bench worker", max: locations + 4 });
  const options: PublishOptions = {
    pool,
    log: pino({ level: "silent" }),
    secretKey,
    baseUrl: sandbox.url,
    defaultToken: sandboxToken,
    userAgent: "Landfall-bench/1",
    timing: { ...defaultTiming, turnMs: Number.POSITIVE_INFINITY },
    signal: new AbortController().signal,
  };
  const { tenantId } = admin;

  async function publishAll(): Promise<{ seconds: number[]; results: unknown[] }> {
    const publications = await queueAll(urls.authenticator, admin, places);
    const started = performance.now();
    const seconds: number[] = [];
    const results = await Promise.all(
      publications.map(async (publicationId) => {
        const result = await publishJourney(options, { tenantId, publicationId });
        seconds.push((performance.now() - started) / 1_000);
        return result;
      }),
    );
    return { seconds, results };
  }

  async function countCalls(): Promise<{ total: number; most: number; refused: number; writes: number }> {
    const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
      client.query<{ calls: number; refused: number; writes: number }>(
        `select count(*)::integer as calls, count(*) filter (where http_status = 429)::integer as refused,
           count(*) filter (where method <> 'GET')::integer as writes
         from publishing.api_calls group by location_id`,
      ),
    );
    return {
      total: rows.reduce((sum, row) => sum + row.calls, 0),
      most: Math.max(0, ...rows.map((row) => row.calls)),
      refused: rows.reduce((sum, row) => sum + row.refused, 0),
      writes: rows.reduce((sum, row) => sum + row.writes, 0),
    };
  }

  global.gc?.();
  const memoryBefore = process.memoryUsage().rss;
  const { seconds, results } = await publishAll();
  const first = await countCalls();
  const synced = results.filter((result) => result === "synced").length;
  const atOnce = limits.max * shareAtOnce;
  const theoretical = Math.max(0, first.most - atOnce) / ((limits.max * shareSpread) / (limits.intervalMs / 1_000));
  const slowest = Math.max(...seconds);
  const journal = (await (await fetch(`${sandbox.url}/__fake/journal`)).json()) as JournalEntry[];
  say(
    `${touchpoints} touchpoints, ${locations} locations: ${synced} of ${locations} synced with ${first.total} calls.`,
  );
  say(
    `Time: ${slowest.toFixed(1)} s, ${(slowest / theoretical).toFixed(2)} of what ${shareAtOnce + shareSpread} of the limits allow (${theoretical.toFixed(1)} s for ${first.most} calls of one location).`,
  );
  say(
    `Refused with 429: ${first.refused}; in the last ${journal.length} calls: ${journal.filter((entry) => entry.status === 429).length}.`,
  );
  say(
    `Fairness: the first location was done after ${(Math.min(...seconds) / slowest).toFixed(2)} of the last one's time.`,
  );
  say(
    `Memory: ${Math.round((process.memoryUsage().rss - memoryBefore) / 1e6)} MB more than before, the stand-in's included.`,
  );
  const again = await publishAll();
  const second = await countCalls();
  say(
    `Again with nothing changed: ${again.results.filter((result) => result === "synced").length} synced, ${second.writes - first.writes} writes, ${second.total - first.total} reads.`,
  );
  await pool.end();
} finally {
  await sandbox.close();
  await server.stop();
  rmSync(server.pgData, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}
