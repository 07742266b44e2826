/** `landfall start` as people run it: real processes, an embedded server of its own, everything over HTTP. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { loadConfig } from "../../src/config.ts";
import { createEmptyDatabase } from "../support/database.ts";
import { landfall, type RunningProcess, startByNpm, startLandfall } from "../support/processes.ts";

const { postgresMajor } = loadConfig();
const ready = "Landfall is ready.";
let dataDir: string;
let variables: Record<string, string>;
let started: RunningProcess[] = [];

beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), "landfall-start-"));
  variables = { LANDFALL_DATA_DIR: dataDir, API_PORT: "0", GHL_SANDBOX_PORT: "0", PG_MAJOR: String(postgresMajor) };
});

afterEach(async () => {
  // Where a test failed half way, the next one finds nothing running.
  for (const { child, ended } of started) {
    child.kill("SIGTERM");
    await ended;
  }
  started = [];
});

afterAll(() => {
  const { pgData } = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as { pgData: string };
  rmSync(pgData, { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
});

function start(args: string[] = []): RunningProcess {
  const running = startLandfall(["start", ...args], variables);
  started.push(running);
  return running;
}

/** An address that `start` printed beside this name. */
function printed(running: RunningProcess, name: string): string {
  const [, address] = new RegExp(`^ +${name} +(\\S+)`, "m").exec(running.output()) ?? [];
  if (address === undefined) throw new Error(`${name} was not printed:\n${running.output()}`);
  return address;
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function postmaster(): number {
  const { pgData } = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as { pgData: string };
  return Number.parseInt(readFileSync(join(pgData, "postmaster.pid"), "utf8"), 10);
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) ? !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")) : false;
}

const counts = `select (select count(*) from journeys.touchpoints) as touchpoints, (select count(*) from imports.batches) as batches,
  (select count(*) from tenancy.users) as users, (select count(*) from imports.records) as records`;

let before: Record<string, unknown>[];

test("can start on nothing, sign somebody in, show the stand-in, and stop without a trace", async () => {
  const running = start();
  await running.waitFor(ready);
  await running.waitFor("Ctrl-C stops everything");

  const { tenant, users } = JSON.parse(readFileSync(join(dataDir, "credentials.json"), "utf8"));
  expect(tenant).toBe("sample");
  expect(users.map(({ role }: { role: string }) => role)).toEqual(["admin", "editor", "viewer", "client"]);
  expect(statSync(join(dataDir, "credentials.json")).mode & 0o777).toBe(0o600);
  for (const { password } of users) expect(running.output()).not.toContain(password);

  for (const { email, password } of users) {
    const answer = await fetch(printed(running, "GraphQL API"), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        query:
          "mutation ($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) { token } }",
        variables: { email, password },
      }),
    });
    expect(await answer.json()).toEqual({ data: { signIn: { token: expect.any(String) } } });
  }
  expect((await fetch(printed(running, "GoHighLevel"))).status).toBe(200);
  expect((await fetch(printed(running, "GraphiQL"), { headers: { accept: "text/html" } })).status).toBe(200);

  before = await ask(printed(running, "PostgreSQL"), counts);
  expect(before).toEqual([expect.objectContaining({ batches: "1", users: "4" })]);

  const pid = postmaster();
  running.child.kill("SIGINT");
  expect(await running.ended).toMatchObject({ code: 0 });
  expect(isAlive(pid)).toBe(false);
});

test("can start again with everything that was there, and import nothing twice", async () => {
  const passwords = readFileSync(join(dataDir, "credentials.json"), "utf8");
  const running = start();
  await running.waitFor("Ctrl-C stops everything");
  expect(await ask(printed(running, "PostgreSQL"), counts)).toEqual(before);
  expect(readFileSync(join(dataDir, "credentials.json"), "utf8")).toBe(passwords);

  const second = await landfall(["start"], variables);
  expect(second).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("already running") });
  expect(second.stderr.trim().split("\n")).toHaveLength(1);

  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
});

test("can start after it was killed: the server that it left is adopted", async () => {
  const killed = start(["--no-sample"]);
  await killed.waitFor("Ctrl-C stops everything");
  const pid = postmaster();
  killed.child.kill("SIGKILL");
  await killed.ended;
  expect(isAlive(pid)).toBe(true);

  const running = start(["--no-sample"]);
  await running.waitFor("Ctrl-C stops everything");
  expect(postmaster()).toBe(pid);
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
  expect(isAlive(pid)).toBe(false);
});

test("can go on when its server is killed: API and worker are ready again by themselves", async () => {
  const running = start(["--no-sample"]);
  await running.waitFor("Ctrl-C stops everything");
  const readyz = printed(running, "GraphQL API").replace("/graphql", "/readyz");
  const pid = postmaster();
  process.kill(pid, "SIGKILL");
  while (!existsSync(join(dataDir, "server.json")) || isAlive(pid)) await sleep(20);
  while ((await fetch(readyz)).status !== 200) await sleep(100);
  expect(postmaster()).not.toBe(pid);
  // And the worker works again.
  const url = printed(running, "PostgreSQL");
  await ask(url, "select graphile_worker.add_job('audit/make_partitions', '{}', job_key => 'after')");
  while ((await ask(url, "select from graphile_worker._private_jobs where key = 'after'")).length > 0) await sleep(100);
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
});

test("can be stopped through npm, which does not always pass the signal on", async () => {
  const running = startByNpm(["start", "--no-sample"], variables);
  started.push(running);
  await running.waitFor("Ctrl-C stops everything");
  const pid = postmaster();
  running.child.kill("SIGTERM");
  await running.ended;
  while (isAlive(pid)) await sleep(50);
});

test("can be stopped while it starts, and leaves nothing running", async () => {
  const running = start(["--no-sample"]);
  await running.waitFor("bringing it up to date");
  const pid = postmaster();
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
  expect(running.output()).not.toContain(ready);
  expect(isAlive(pid)).toBe(false);
});

test.each(["API_PORT", "GHL_SANDBOX_PORT"])(
  "cannot use a port that is taken, says so in one line, and leaves nothing running: %s [LF052]",
  async (variable) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    const { code, stdout, stderr } = await landfall(["start", "--no-sample"], {
      ...variables,
      [variable]: String(port),
    });
    other.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.trim().split("\n").at(-1)).toMatch(new RegExp(`Port ${port} is in use.*${variable}`));
    const { pgData } = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as { pgData: string };
    expect(existsSync(join(pgData, "postmaster.pid"))).toBe(false);
  },
);

test("can run API and worker as processes of their own on a server that DATABASE_URL names", async () => {
  const empty = await createEmptyDatabase();
  // As docker-compose.yml has it: only the migrations know the administrator.
  const login = new URL(empty.urls.authenticator);
  login.password = "";
  const own = {
    ...variables,
    DATABASE_URL: login.toString(),
    LANDFALL_SECRET_KEY: empty.secretKey,
    JWT_SECRET: randomBytes(48).toString("base64url"),
    NODE_ENV: "production",
  };
  expect((await landfall(["migrate"], { ...own, DATABASE_OWNER_URL: empty.urls.admin })).code).toBe(0);
  const processes = [
    startLandfall(["api"], own),
    startLandfall(["api"], own),
    startLandfall(["worker"], own),
    startLandfall(["worker"], own),
  ];
  for (const running of processes) await running.waitFor(/is ready/);
  const beats = await empty.query("select count(distinct worker_id) from app_private.worker_heartbeats");
  expect(beats).toEqual([{ count: "2" }]);

  const [api, , worker] = processes as [RunningProcess, RunningProcess, RunningProcess];
  const [, url] = /The API is ready: (\S+)\/graphql/.exec(api.output()) ?? [];
  expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: "ready" });

  for (const running of processes) running.child.kill("SIGTERM");
  for (const running of processes) expect(await running.ended).toMatchObject({ code: 0 });
  expect(worker.output()).not.toMatch(/error/i);
  expect(await empty.query("select * from app_private.worker_heartbeats")).toEqual([]);
  await empty.drop();
});
