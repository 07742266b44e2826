/**
 * The server is away, as in a failover: every connection is reset and none is to be had, for LANDFALL_TEST_OUTAGE seconds (60). API and worker stay
 * the processes that they are, and go on by themselves.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import type { RunningProcess } from "../support/processes.ts";
import { kill, startWorker, until } from "../support/workers.ts";
import { type ApiProcess, startApi, startCrowd } from "./api_process.ts";
import { addCrowd, passingCodes } from "./crowd.ts";
import { openWay, type Way } from "./way.ts";

const outage = Number(process.env.LANDFALL_TEST_OUTAGE ?? 60) * 1_000;

let database: TestDatabase;
let way: Way;
let api: ApiProcess;
let worker: RunningProcess;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.query("insert into tenancy.tenants (slug, name) values ('harbour', 'Harbour')");
  way = await openWay(database.urls.admin);
  const beyond = { ...database, urls: way.through(database.urls) };
  worker = startWorker(beyond);
  await worker.waitFor("The worker is ready.");
  api = await startApi(beyond);
});
afterAll(async () => {
  await kill(worker);
  await kill(api);
  await way.cut();
  await database.drop();
});

const addJob = (key: string) =>
  database.query("select graphile_worker.add_job('audit/make_partitions', '{}', job_key => $1)", [key]);

async function untilDone(key: string): Promise<void> {
  await until(
    async () => (await database.query("select from graphile_worker._private_jobs where key = $1", [key])).length === 0,
    worker,
  );
}

const readiness = async () => (await fetch(`${api.url}/readyz`)).status;

test("can be without a server for a minute: everybody is told to come again, and nothing must be started anew", async () => {
  await addJob("before");
  await untilDone("before");
  const crowd = startCrowd(() => api.url, await addCrowd(database, "harbour", "editor", 20));
  await until(async () => crowd.made.length >= 50, api);

  await way.cut();
  await addJob("meanwhile");
  await until(async () => (await readiness()) === 503, api);
  expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
  await sleep(outage);
  expect([api.child.exitCode, worker.child.exitCode]).toEqual([null, null]);
  const made = crowd.made.length;

  await way.mend();
  await until(async () => (await readiness()) === 200, api);
  await until(async () => crowd.made.length >= made + 50, api);
  await crowd.stop();
  await untilDone("meanwhile");
  // Whoever listened before listens again, or looks by itself.
  await addJob("after");
  await untilDone("after");

  expect([...crowd.codes].filter((code) => !passingCodes.includes(code))).toEqual([]);
  expect(crowd.unheard()).toBe(0);
  const rows = await database.query<{ slug: string }>("select slug from journeys.clients");
  expect(rows.map(({ slug }) => slug).sort()).toEqual(crowd.made.map(({ slug }) => slug).sort());
});
