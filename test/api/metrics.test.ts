/** What Prometheus is told: who may ask, what is counted, and that no tenant's word is in it. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { areMetricsServed } from "../../src/server/metrics.ts";
import { rolledBack } from "../support/database.ts";
import { startTestApi, type TestApi } from "./api.ts";

const metricsToken = "for-prometheus-alone-and-for-nobody-else";
const canary = "Quicksilver";

let api: TestApi;
let numbers: Map<string, number>;
let text: string;
beforeAll(async () => {
  api = await startTestApi({ change: () => ({ metricsToken }) });
  await prepare(api);
  const token = await api.signIn("admin@harbour.test");
  await api.ask(`query ${canary}Query { journeys(first: 1) { nodes { name } } }`, {}, token);
  await api.ask(`query ${canary}Wrong { noSuchField${canary} }`, {}, token);
  await send(api, { documentId: "app:Journeys.1" }, token);
  await send(api, { documentId: "app:Journeys.1" }, token);
  await send(api, { documentId: `app:${canary}.1` }, token);
  text = await (await scrape(api, `Bearer ${metricsToken}`)).text();
  numbers = read(text);
});
afterAll(() => api.close());

function scrape(of: TestApi, authorization?: string): Promise<Response> {
  return fetch(`${of.url}/metrics`, authorization === undefined ? {} : { headers: { authorization } });
}

function send(of: TestApi, body: object, token: string): Promise<Response> {
  return fetch(`${of.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
}

/** `name{labels}` and what it says. */
function read(metrics: string): Map<string, number> {
  return new Map(
    metrics
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}

/** Something of every kind that is counted, with the canary wherever a tenant writes. */
async function prepare({ database }: TestApi): Promise<void> {
  await database.query(
    `insert into app_private.trusted_documents (document_id, operation_names, document)
     values ('app:Journeys.1', '{Journeys}', 'query Journeys { journeys(first: 1) { nodes { id } } }')`,
  );
  await database.query("update tenancy.tenants set name = $1 where slug = 'harbour'", [canary]);
  await database.query(
    `do $$
     declare
       tenant uuid := (select id from tenancy.tenants where slug = 'harbour');
     begin
       set local session_replication_role = replica;
       insert into publishing.publications (tenant_id, journey_id, journey_version_id, status, last_error)
       values (tenant, app.uuidv7(), app.uuidv7(), 'failed', '${canary}'), (tenant, app.uuidv7(), app.uuidv7(), 'failed', '${canary}'),
         (tenant, app.uuidv7(), app.uuidv7(), 'synced', null);
       insert into imports.batches (tenant_id, source_id, status, location, mapping_hash, message)
       values (tenant, app.uuidv7(), 'failed', '${canary}', '\\x00', '${canary}');
       insert into publishing.locations (tenant_id, client_id, ghl_location_id, status, status_reason)
       values (tenant, app.uuidv7(), '${canary}', 'needs_reauth', '${canary}');
       insert into app_private.call_budgets (key, daily_limit, daily_remaining, daily_reset_at)
       values (repeat('a', 64), 200, 50, now() + interval '1 hour'), (repeat('b', 64), 200, 0, now() - interval '1 hour');
       perform graphile_worker.add_job('publishing/publish_journey', json_build_object('tenantId', '${canary}'), '${canary}', now() - interval '10 minutes');
       perform graphile_worker.add_job('mail/send_mails', json_build_object('text', '${canary}'), run_at => now() + interval '1 hour');
       perform app.beat('worker', 'pool');
       -- However long these tests take, it lives.
       update app_private.worker_heartbeats set beat_at = now() + interval '1 hour';
     end
     $$`,
  );
}

test("can be read with the token, and by nobody without it [LF026]", async () => {
  for (const wrong of [undefined, "Bearer ", `Bearer ${metricsToken}x`, `Basic ${metricsToken}`, metricsToken]) {
    const response = await scrape(api, wrong);
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 401,
      body: { errors: [{ extensions: { code: "LF026" } }] },
    });
  }
  const right = await scrape(api, `Bearer ${metricsToken}`);
  expect(right.headers.get("content-type")).toMatch(/^text\/plain; version=/);
});

test("can count requests by what a trusted document calls itself, and every other one together", () => {
  const counted = [...numbers].filter(([name]) => name.startsWith("landfall_requests_total"));
  expect(Object.fromEntries(counted)).toEqual({
    'landfall_requests_total{operation="Journeys",outcome="ok"}': 2,
    // A sign-in, and a query that nobody stored.
    'landfall_requests_total{operation="other",outcome="ok"}': 2,
    'landfall_requests_total{operation="other",outcome="refused"}': 2,
  });
  expect(numbers.get('landfall_request_duration_seconds_count{operation="Journeys"}')).toBe(2);
});

test("can tell how queue, workers, imports, publications, limits and connections stand", () => {
  expect(Object.fromEntries(numbers)).toMatchObject({
    landfall_database_up: 1,
    landfall_workers_alive: 1,
    'landfall_queue_jobs{task="publishing/publish_journey",state="waiting"}': 1,
    'landfall_queue_jobs{task="mail/send_mails",state="scheduled"}': 1,
    'landfall_import_batches{status="failed"}': 1,
    'landfall_publications{status="failed"}': 2,
    'landfall_ghl_locations{status="needs_reauth"}': 1,
    'landfall_ghl_daily_calls_left_ratio{bucket="aaaaaaaaaaaa"}': 0.25,
    'landfall_ghl_daily_calls_left_ratio{bucket="bbbbbbbbbbbb"}': 1,
    'landfall_database_connections{state="waiting"}': 0,
  });
  const age = numbers.get('landfall_queue_oldest_job_seconds{task="publishing/publish_journey"}');
  expect(age).toBeGreaterThanOrEqual(600);
  expect(numbers.has('landfall_publications{status="synced"}')).toBe(false);
});

test("cannot tell a word that a tenant wrote, an id of a row, or a key", () => {
  expect(text.toLowerCase()).not.toContain(canary.toLowerCase());
  expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-|a{13}|harbour|@/);
});

test("can be asked often: the database is asked once in a while", async () => {
  await api.database.query("select graphile_worker.add_job('mail/send_mails')");
  const again = read(await (await scrape(api, `Bearer ${metricsToken}`)).text());
  expect(again.get('landfall_queue_jobs{task="mail/send_mails",state="waiting"}')).toBeUndefined();
});

test("can say that the database tells nothing, and then shows no number of it", async () => {
  const open = await startTestApi();
  await open.database.query(
    `revoke execute on function app.read_metrics() from ${open.database.rolePrefix}_authenticator`,
  );
  const told = read(await (await scrape(open)).text());
  await open.close();
  expect(told.get("landfall_database_up")).toBe(0);
  expect([...told.keys()].filter((name) => /^landfall_(queue|workers|publications|import)/.test(name))).toEqual([]);
});

test("cannot be read in production without a token [LF909]", async () => {
  const closed = await startTestApi({ change: () => ({ environment: "production" }) });
  const response = await scrape(closed);
  const answer = { status: response.status, body: await response.json() };
  await closed.close();
  expect(answer).toMatchObject({ status: 404, body: { errors: [{ extensions: { code: "LF909" } }] } });
});

test.each([
  ["production", "127.0.0.1", undefined, false],
  ["production", "0.0.0.0", metricsToken, true],
  ["development", "0.0.0.0", undefined, false],
  ["development", "192.168.1.4", undefined, false],
  ["development", "127.0.0.1", undefined, true],
  ["development", "::1", undefined, true],
] as const)(
  "in %s on %s with the token %s it is said whether they are shown: %s",
  (environment, host, token, isShown) => {
    const { api: network } = api.database.config;
    expect(areMetricsServed({ environment, api: { ...network, host }, metricsToken: token })).toBe(isShown);
  },
);

test("nobody but the API's login may read the numbers", async () => {
  const { urls } = api.database;
  for (const sql of ["select * from app.read_metrics()", "select * from app.read_health()"]) {
    await expect(rolledBack(urls.worker, (client) => client.query(sql))).rejects.toMatchObject({ code: "42501" });
    for (const role of ["visitor", "viewer", "admin", "client", "operator"]) {
      await expect(
        rolledBack(urls.authenticator, async (client) => {
          await client.query(`set local role ${api.database.rolePrefix}_${role}`);
          await client.query(sql);
        }),
      ).rejects.toMatchObject({ code: "42501" });
    }
  }
});

test("can be ready, and is not while the database lacks a migration or the queue; that no worker lives is told", async () => {
  const { database, url } = api;
  const ready = async () => {
    const response = await fetch(`${url}/readyz`);
    return { status: response.status, checks: ((await response.json()) as { checks: object }).checks };
  };
  expect(await ready()).toEqual({ status: 200, checks: { database: "ok", migrations: "ok", queue: "ok" } });
  await database.query("update app_private.worker_heartbeats set beat_at = now() - interval '5 minutes'");
  expect(await ready()).toEqual({
    status: 200,
    checks: { database: "ok", migrations: "ok", queue: expect.stringMatching(/^No worker was heard of for 30\d s/) },
  });
  await database.query("delete from app_private.worker_heartbeats");
  expect((await ready()).checks).toMatchObject({ queue: expect.stringMatching(/^No worker runs/) });
  const [newest] = await database.query(
    "delete from graphile_migrate.migrations where filename = (select max(filename) from graphile_migrate.migrations) returning *",
  );
  expect(await ready()).toMatchObject({
    status: 503,
    checks: { migrations: expect.stringMatching(/landfall migrate/) },
  });
  await database.query(
    "insert into graphile_migrate.migrations (hash, previous_hash, filename) values ($1, $2, '999999.sql')",
    [newest?.hash, newest?.previous_hash],
  );
  expect(await ready()).toMatchObject({ status: 200, checks: { migrations: "ok" } });
  await database.query("drop function app.read_health()");
  expect(await ready()).toMatchObject({
    status: 503,
    checks: { database: "ok", migrations: expect.stringMatching(/pending/) },
  });
});
