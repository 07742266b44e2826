/** `landfall start`: the first time, again, with what stands in its way, and as processes of their own. */
import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { createEmptyDatabase } from "../support/database.ts";
import { landfall, type RunningProcess, startLandfall } from "../support/processes.ts";
import { ask, isAlive, lastLine, prepareStarting, printed, type Starting } from "./starting.ts";

const ready = "Landfall is ready.";
let starting: Starting;

beforeAll(() => {
  starting = prepareStarting();
});
afterEach(() => starting.stopAll());
afterAll(() => starting.remove());

const counts = `select (select count(*) from journeys.touchpoints) as touchpoints, (select count(*) from imports.batches) as batches,
  (select count(*) from tenancy.users) as users, (select count(*) from imports.records) as records`;

let before: Record<string, unknown>[];

test("can start on nothing, sign somebody in, show the stand-in, and stop without a trace", async () => {
  const running = starting.start();
  await running.waitFor(ready);
  await running.waitFor(lastLine);

  const { tenant, users } = JSON.parse(readFileSync(join(starting.dataDir, "credentials.json"), "utf8"));
  expect(tenant).toBe("sample");
  expect(users.map(({ role }: { role: string }) => role)).toEqual(["admin", "editor", "viewer", "client"]);
  expect(statSync(join(starting.dataDir, "credentials.json")).mode & 0o777).toBe(0o600);
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

  const pid = starting.postmaster();
  running.child.kill("SIGINT");
  expect(await running.ended).toMatchObject({ code: 0 });
  expect(isAlive(pid)).toBe(false);
});

test("can start again with everything that was there, and import nothing twice", async () => {
  const passwords = readFileSync(join(starting.dataDir, "credentials.json"), "utf8");
  const running = starting.start();
  await running.waitFor(lastLine);
  expect(await ask(printed(running, "PostgreSQL"), counts)).toEqual(before);
  expect(readFileSync(join(starting.dataDir, "credentials.json"), "utf8")).toBe(passwords);

  const second = await landfall(["start"], starting.variables);
  expect(second).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("already running") });
  expect(second.stderr.trim().split("\n")).toHaveLength(1);

  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
});

test("can be stopped while it starts, and leaves nothing running", async () => {
  const running = starting.start(["--no-sample"]);
  await running.waitFor("bringing it up to date");
  const pid = starting.postmaster();
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
      ...starting.variables,
      [variable]: String(port),
    });
    other.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.trim().split("\n").at(-1)).toMatch(new RegExp(`Port ${port} is in use.*${variable}`));
    expect(starting.postmaster).toThrow("ENOENT");
  },
);

test("can run API and worker as processes of their own on a server that DATABASE_URL names", async () => {
  const empty = await createEmptyDatabase();
  // As docker-compose.yml has it: only the migrations know the administrator.
  const login = new URL(empty.urls.authenticator);
  login.password = "";
  const own = {
    ...starting.variables,
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
