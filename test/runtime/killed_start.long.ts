/** `landfall start` when it, or its server, is killed or stopped in ways that pass no signal on. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { ask, isAlive, lastLine, prepareStarting, printed, type Starting } from "./starting.ts";

let starting: Starting;

beforeAll(() => {
  starting = prepareStarting();
});
afterEach(() => starting.stopAll());
afterAll(() => starting.remove());

test("can start after it was killed: the server that it left is adopted", async () => {
  const killed = starting.start(["--no-sample"]);
  await killed.waitFor(lastLine);
  const pid = starting.postmaster();
  killed.child.kill("SIGKILL");
  await killed.ended;
  expect(isAlive(pid)).toBe(true);

  const running = starting.start(["--no-sample"]);
  await running.waitFor(lastLine);
  expect(starting.postmaster()).toBe(pid);
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
  expect(isAlive(pid)).toBe(false);
});

test("can go on when its server is killed: API and worker are ready again by themselves", async () => {
  const running = starting.start(["--no-sample"]);
  await running.waitFor(lastLine);
  const readyz = printed(running, "GraphQL API").replace("/graphql", "/readyz");
  const pid = starting.postmaster();
  process.kill(pid, "SIGKILL");
  while (!existsSync(join(starting.dataDir, "server.json")) || isAlive(pid)) await sleep(20);
  while ((await fetch(readyz)).status !== 200) await sleep(100);
  expect(starting.postmaster()).not.toBe(pid);
  // And the worker works again.
  const url = printed(running, "PostgreSQL");
  await ask(url, "select graphile_worker.add_job('audit/make_partitions', '{}', job_key => 'after')");
  while ((await ask(url, "select from graphile_worker._private_jobs where key = 'after'")).length > 0) await sleep(100);
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
});

test("can be stopped through npm, which does not always pass the signal on", async () => {
  const running = starting.startByNpm(["--no-sample"]);
  await running.waitFor(lastLine);
  const pid = starting.postmaster();
  running.child.kill("SIGTERM");
  await running.ended;
  while (isAlive(pid)) await sleep(50);
});
