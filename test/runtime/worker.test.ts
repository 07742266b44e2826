import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { parseCrontab } from "graphile-worker";
import pg from "pg";
import { projectDir } from "../../src/config.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import type { RunningProcess } from "../support/processes.ts";
import { kill, startWorker, until } from "../support/workers.ts";

let database: TestDatabase;
let workers: RunningProcess[];

beforeEach(async () => {
  workers = [];
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const { child, ended } of workers) {
    child.kill("SIGTERM");
    await ended;
  }
  await database.drop();
});

async function start(): Promise<RunningProcess> {
  const worker = startWorker(database);
  workers.push(worker);
  await worker.waitFor("The worker is ready.");
  return worker;
}

/** Asks until the answer is yes. */
async function untilIs(sql: string): Promise<void> {
  await until(async () => (await database.query<{ yes: boolean }>(`select (${sql}) as yes`))[0]?.yes);
}

/** The newest partition of the audit is what the nightly task makes again. */
const latestPartition = "'audit.changes_' || to_char(now() at time zone 'UTC' + interval '3 months', 'YYYY_MM')";
const dropLatestPartition = `do $$ begin execute 'drop table ' || ${latestPartition}; end $$`;

test("can run a job that was queued, as its login, and say that it lives", async () => {
  await start();
  const [beat] = await database.query(
    "select worker_id, beat_at >= started_at as beats from app_private.worker_heartbeats",
  );
  expect(beat).toEqual({ worker_id: expect.stringMatching(/:\d+$/), beats: true });
  const sessions = await database.query(
    "select distinct usename from pg_stat_activity where application_name = 'landfall worker' and datname = current_database()",
  );
  expect(sessions).toEqual([{ usename: "landfall_worker" }]);

  await database.query(dropLatestPartition);
  await database.query("select graphile_worker.add_job('audit/make_partitions', '{}', job_key => 'made')");
  await untilIs("not exists (select from graphile_worker._private_jobs where key = 'made')");
  expect(await database.query(`select to_regclass(${latestPartition}) is not null as is_there`)).toEqual([
    { is_there: true },
  ]);
});

test("can leave what a killed worker held to the next one, which does it once the sweep has freed it", async () => {
  await database.query(dropLatestPartition);
  const holder = new pg.Client({ connectionString: database.urls.admin });
  await holder.connect();
  await holder.query("begin; lock table audit.changes in access exclusive mode");

  const killed = await start();
  await database.query("select graphile_worker.add_job('audit/make_partitions', '{}', job_key => 'held')");
  await untilIs("exists (select from graphile_worker._private_jobs where key = 'held' and locked_by is not null)");
  await kill(killed);
  await holder.query("rollback");
  await holder.end();

  const [locked] = await database.query<{ locked_by: string }>(
    "select locked_by from graphile_worker._private_jobs where key = 'held'",
  );
  const worker = new pg.Client({ connectionString: database.urls.worker });
  await worker.connect();
  expect((await worker.query("select app.sweep_workers() as freed")).rows).toEqual([]);
  expect((await worker.query("select app.sweep_workers('0 seconds') as freed")).rows).toEqual([
    { freed: locked?.locked_by },
  ]);
  await worker.end();

  await start();
  await untilIs("not exists (select from graphile_worker._private_jobs where key = 'held')");
});

test("can be stopped by a signal: it says that it is gone", async () => {
  const worker = await start();
  worker.child.kill("SIGTERM");
  expect((await worker.ended).code).toBe(0);
  expect(await database.query("select * from app_private.worker_heartbeats")).toEqual([]);
});

test("can read its crontab: every line is a task of tasks/ and has a name of its own", () => {
  const items = parseCrontab(readFileSync(join(projectDir, "src", "worker", "crontab"), "utf8"));
  const files = readdirSync(join(projectDir, "tasks"), { recursive: true }).map(String);
  for (const { task } of items) expect(files).toContain(`${task}.ts`);
  const names = items.map(({ identifier }) => identifier);
  expect(new Set(names).size).toBe(names.length);
  for (const { identifier, task } of items) expect(identifier).not.toBe(task);
});

test("can find in tasks/ nothing but tasks, named by area and deed", () => {
  const files = readdirSync(join(projectDir, "tasks"), { recursive: true }).map(String);
  for (const file of files.filter((name) => name.includes("."))) expect(file).toMatch(/^[a-z]+\/[a-z]+(_[a-z]+)+\.ts$/);
});
