import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Router } from "express";
import { pino } from "pino";
import { logger } from "../../src/log.ts";
import { currentRequest } from "../../src/server/request.ts";
import { startServer } from "../../src/server/start.ts";
import { createTestDatabase } from "../support/database.ts";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
const lines: string[] = [];
const log = pino(
  {},
  new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  }),
);

beforeAll(async () => {
  const router = Router();
  router.get("/who", (_req, res) => {
    res.json({ caller: currentRequest()?.caller.kind });
  });
  router.get("/broken", () => {
    throw new Error("a secret of the inside");
  });
  api = await startTestApi({
    log,
    routers: [{ path: "/reports", router }],
    prepare: async (database) => {
      await database.query(`create function tenancy.break_down(code text) returns integer language plpgsql volatile as $$
        begin raise exception 'relation secret_table does not exist' using errcode = code; end $$`);
      await database.query("grant execute on function tenancy.break_down(text) to landfall_viewer");
    },
    change: (config) => ({ api: { ...config.api, corsOrigins: ["https://app.example.test"] } }),
  });
});
afterAll(() => api.close());

const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
  fetch(`${api.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: body as string,
  });

interface Refused {
  errors: { message: string; extensions: { code: string; hint: string; requestId: string } }[];
}

async function refusal(response: Response): Promise<[number, string | undefined]> {
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  const { errors } = (await response.json()) as Refused;
  expect(errors[0]?.extensions.hint).toMatch(/\S/);
  expect(errors[0]?.extensions.requestId).toBe(response.headers.get("x-request-id"));
  return [response.status, errors[0]?.extensions.code];
}

const query = JSON.stringify({ query: "{ currentUser { role } }" });

describe("bad requests", () => {
  test.each([
    ["invalid JSON", () => post('{"query": "{ currentUser'), 400, "LF900"],
    ["an empty body", () => post(""), 400, "LF900"],
    ["a body of another shape", () => post('"query"'), 400, "LF900"],
    ["a batch", () => post(`[${query}]`), 400, "LF900"],
    ["a query that is no text", () => post('{"query": 1}'), 400, "LF900"],
    ["10 MB", () => post(JSON.stringify({ query: " ".repeat(10_000_000) })), 413, "LF901"],
    ["more than 100 kB from a visitor", () => post(JSON.stringify({ query: " ".repeat(100_000) })), 413, "LF901"],
    ["a form", () => post("query=x", { "content-type": "application/x-www-form-urlencoded" }), 415, "LF902"],
    ["a text", () => post(query, { "content-type": "text/plain" }), 415, "LF902"],
    ["multipart", () => post("--x", { "content-type": "multipart/form-data; boundary=x" }), 415, "LF902"],
    ["an encoding that nobody knows", () => post(query, { "content-encoding": "rot13" }), 415, "LF902"],
    [
      "a charset that nobody knows",
      () => post(query, { "content-type": "application/json; charset=rot13" }),
      415,
      "LF902",
    ],
    ["GET", () => fetch(`${api.url}/graphql?query={__typename}`), 405, "LF910"],
    ["an address where nothing is", () => fetch(`${api.url}/api/clients`), 404, "LF909"],
    ["GraphiQL outside of development", () => fetch(`${api.url}/`, { headers: { accept: "text/html" } }), 404, "LF909"],
    ["Basic authorization", () => post(query, { authorization: "Basic YTpi" }), 401, "LF044"],
  ])("cannot send %s", async (_name, send, status, code) => {
    expect(await refusal(await send())).toEqual([status, code]);
  });

  test("can send 500 kB when signed in: an e-mail with its images", async () => {
    const token = await api.signIn("editor@harbour.test");
    const response = await post(JSON.stringify({ query: `{ currentUser { role } }${" ".repeat(500_000)}` }), {
      authorization: `Bearer ${token}`,
    });
    expect(response.status).toBe(200);
  });

  test.each([
    ["a syntax error", "{ currentUser {"],
    ["an unknown field", "{ nonsense }"],
    ["a missing argument", "{ journey { id } }"],
    ["a malformed id", '{ journey(id: "x") { id } }'],
  ])("cannot ask with %s: LF900", async (_name, text) => {
    const answer = await api.ask(text);
    expect(codeOf(answer)).toBe("LF900");
    expect(answer.errors[0]?.extensions).toMatchObject({ name: "invalid_request", hint: expect.stringMatching(/\S/) });
  });

  test("cannot send a variable of the wrong kind: LF900", async () => {
    expect(codeOf(await api.ask("query ($id: UUID!) { journey(id: $id) { id } }", { id: "x" }))).toBe("LF900");
  });
});

describe("errors from inside", () => {
  test("cannot see what broke, only an id, under which the log tells it: LF905", async () => {
    const token = await api.signIn("viewer@harbour.test");
    const answer = await api.ask('mutation { breakDown(input: { code: "P0001" }) { result } }', {}, token);
    expect(codeOf(answer)).toBe("LF905");
    const errorId = String(answer.errors[0]?.extensions.errorId);
    expect(answer.errors[0]?.extensions.hint).toContain(errorId);
    expect(JSON.stringify(answer)).not.toMatch(/relation|secret_table|\.ts|P0001/);
    expect(lines.find((line) => line.includes(errorId))).toContain("secret_table");
  });

  test.each([
    ["57014", "LF906"],
    ["40P01", "LF907"],
    ["40001", "LF907"],
    ["55P03", "LF907"],
    ["42501", "LF024"],
    ["XX000", "LF905"],
    ["LF999", "LF999"],
  ])("can tell SQLSTATE %s as %s", async (sqlState, code) => {
    const token = await api.signIn("viewer@harbour.test");
    const answer = await api.ask(
      "mutation ($code: String!) { breakDown(input: { code: $code }) { result } }",
      { code: sqlState },
      token,
    );
    expect(codeOf(answer)).toBe(code);
  });

  test("cannot see what broke in a mounted router: LF905", async () => {
    const response = await fetch(`${api.url}/reports/broken`);
    expect(await refusal(response)).toEqual([500, "LF905"]);
    expect(lines.some((line) => line.includes("a secret of the inside"))).toBe(true);
  });

  test("can know the caller in a mounted router", async () => {
    const token = await api.signIn("viewer@harbour.test");
    const response = await fetch(`${api.url}/reports/who`, { headers: { authorization: `Bearer ${token}` } });
    expect(await response.json()).toEqual({ caller: "user" });
  });
});

describe("the edge", () => {
  test("can follow a request by its id, through answer and log", async () => {
    const response = await post(query, { "x-request-id": "from-the-frontend-1" });
    expect(response.headers.get("x-request-id")).toBe("from-the-frontend-1");
    expect(lines.some((line) => line.includes("from-the-frontend-1"))).toBe(true);
  });

  test("cannot write into the log by a request id", async () => {
    const response = await post(query, { "x-request-id": 'x" injected="' });
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("cannot find a token or a password in the log", async () => {
    const token = await api.signIn("viewer@harbour.test");
    await api.ask("{ currentUser { role } }", {}, token);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("")).not.toContain(token);
    expect(lines.join("")).not.toContain("a harbour without ships");
  });

  test("can be called from a listed origin, cannot from another", async () => {
    const allowed = await post(query, { origin: "https://app.example.test" });
    expect(allowed.headers.get("access-control-allow-origin")).toBe("https://app.example.test");
    const other = await post(query, { origin: "https://evil.example.test" });
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("can rely on the headers of helmet", async () => {
    const response = await post(query);
    expect(response.headers.get("x-powered-by")).toBeNull();
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-security-policy")).toMatch(/default-src/);
  });

  test("can ask for its health", async () => {
    const health = await fetch(`${api.url}/healthz`);
    expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
    const ready = await fetch(`${api.url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { status: "ready", checks: { database: "ok", migrations: "ok" } },
    ]);
  });
});

describe("starting and stopping", () => {
  test("cannot start on a port in use: port_in_use", async () => {
    const config = api.database.config;
    await expect(
      startServer({
        config: { ...config, api: { ...config.api, port: Number(new URL(api.url).port) } },
        databaseUrl: api.database.urls.authenticator,
        log: logger,
      }),
    ).rejects.toMatchObject({ reason: "port_in_use" });
  });

  test("is alive and not ready when the database is gone, answers LF908, and lets go at once", async () => {
    const database = await createTestDatabase();
    const server = await startServer({ config: database.config, databaseUrl: database.urls.authenticator, log });
    await database.drop();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
    const response = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "{ tenants { nodes { id } } }" }),
    });
    const { errors } = (await response.json()) as Refused;
    expect(errors[0]?.extensions.code).toBe("LF908");
    await server.close();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });

  test("can finish what is under way when it closes, and take nothing new", async () => {
    const database = await createTestDatabase();
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const router = Router();
    router.get("/slow", async (_req, res) => {
      entered.resolve();
      await gate.promise;
      res.json({ done: true });
    });
    const server = await startServer({
      config: database.config,
      databaseUrl: database.urls.authenticator,
      log: logger,
      routers: [{ path: "/reports", router }],
    });
    const slow = fetch(`${server.url}/reports/slow`);
    await entered.promise;
    const closed = server.close();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    gate.resolve();
    expect(await (await slow).json()).toEqual({ done: true });
    await closed;
    await database.drop();
  });

  test("can offer GraphiQL in development", async () => {
    const database = await createTestDatabase();
    const server = await startServer({
      config: { ...database.config, environment: "development" },
      databaseUrl: database.urls.authenticator,
      log: logger,
    });
    const response = await fetch(`${server.url}/`, { headers: { accept: "text/html" } });
    expect(response.status).toBe(200);
    expect(await response.text()).toMatch(/graphiql|ruru/i);
    await server.close();
    await database.drop();
  });
});
