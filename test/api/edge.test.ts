/** What stands before the database: every line is a promise that docs/security.md makes of the edge. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import pg from "pg";
import { projectDir } from "../../src/config.ts";
import { CreateClientDocument, CurrentUserDocument } from "../../src/generated/documents/graphql.ts";
import { logger } from "../../src/log.ts";
import { DEFAULT_BUDGET } from "../../src/server/plugins/budget.ts";
import { type RunningServer, startServer } from "../../src/server/start.ts";
import { landfall } from "../support/processes.ts";
import { codeOf, PASSWORD, startTestApi, type TestApi } from "./api.ts";

/** As in production, but for what it answers: any document. */
let api: TestApi;
/** On the same database: trusted documents alone. */
let trusting: RunningServer;
/** On the same database: few requests, and what a proxy says of an address is believed. */
let strict: RunningServer;
let token: string;

beforeAll(async () => {
  api = await startTestApi({
    change: (config) => ({
      environment: "production",
      api: { ...config.api, corsOrigins: ["https://app.example.test"] },
    }),
    prepare: async (database) => {
      await database.query(`create function tenancy.doze(seconds integer) returns integer language plpgsql volatile as $$
        begin perform pg_sleep(seconds); return seconds; end $$`);
      await database.query(
        "create function tenancy.limit_in_force(name text) returns text language sql stable as $$ select current_setting(name) $$",
      );
      await database.query(
        "grant execute on function tenancy.doze(integer), tenancy.limit_in_force(text) to landfall_viewer",
      );
    },
  });
  const { config, urls } = api.database;
  const start = (change: Partial<typeof config.api>) =>
    startServer({
      config: { ...config, environment: "production", api: { ...config.api, ...change } },
      databaseUrl: urls.authenticator,
      log: logger,
    });
  const few = { ...config.api.rateLimits, user: 5, tenant: 8, sign_in: 2, search: 2, aggregates: 2 };
  trusting = await start({ onlyTrustedDocuments: true });
  strict = await start({ rateLimits: few, trustedProxies: ["loopback"] });
  token = await api.signIn("admin@harbour.test");
});
afterAll(async () => {
  await Promise.all([trusting.close(), strict.close()]);
  await api.close();
});

async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const { data, errors = [] } = (await response.json()) as {
    data?: Record<string, unknown>;
    errors?: { message: string; extensions: Record<string, unknown> }[];
  };
  return { response, status: response.status, data, errors, code: errors[0]?.extensions.code };
}

describe("a schema that is not shown", () => {
  test("cannot be opened by GraphiQL: LF909", async () => {
    expect((await fetch(`${api.url}/`, { headers: { accept: "text/html" } })).status).toBe(404);
  });

  test.each([
    ["__schema", "{ __schema { types { name } } }"],
    ["__type", '{ __type(name: "Journey") { fields { name } } }'],
    ["__schema in a fragment", "{ ...a } fragment a on Query { __schema { queryType { name } } }"],
  ])("cannot be asked for by %s: LF900", async (_name, query) => {
    const answer = await api.ask(query, {}, token);
    expect(codeOf(answer)).toBe("LF900");
    expect(answer.data).toBeUndefined();
  });

  test.each([
    ["a field", "{ journies { totalCount } }", {}],
    ["an argument", "{ clients(frist: 1) { totalCount } }", {}],
    ["a type", "query ($a: Journy) { currentUser { role } }", {}],
    ["an enum's value", "{ journeys(orderBy: NAMES_ASC) { totalCount } }", {}],
    [
      "a variable's value",
      "query ($o: [JourneyOrderBy!]) { journeys(orderBy: $o) { totalCount } }",
      { o: ["NAMES_ASC"] },
    ],
    ["an input's field", 'mutation { createClient(input: { client: { nam: "x" } }) { client { id } } }', {}],
  ])("cannot be guessed by a mistake in %s: LF900 without a suggestion", async (_name, query, variables) => {
    const answer = await api.ask(query, variables, token);
    expect(codeOf(answer)).toBe("LF900");
    expect(JSON.stringify(answer)).not.toMatch(/did you mean/i);
  });
});

describe("trusted documents", () => {
  const text = "query Mine { currentUser { role } }";
  const manifest = join(projectDir, "src/generated/documents/persisted-documents.json");
  const idOf = (document: object) => (document as { __meta__?: { hash: string } }).__meta__?.hash ?? "";

  beforeAll(async () => {
    const { urls, secretKey } = api.database;
    const added = await landfall(["documents", "add", manifest, "--json"], {
      DATABASE_URL: urls.admin,
      LANDFALL_SECRET_KEY: secretKey,
    });
    expect(added).toMatchObject({ code: 0 });
    const { documents } = JSON.parse(added.stdout) as { documents: { isNew: boolean }[] };
    expect(documents.length).toBeGreaterThan(5);
    expect(documents.every(({ isNew }) => isNew)).toBe(true);
  });

  test("can be asked for by id, as the typed documents carry it", async () => {
    const answer = await post(
      trusting.url,
      { documentId: idOf(CurrentUserDocument) },
      { authorization: `Bearer ${token}` },
    );
    expect(answer.data).toMatchObject({ currentUser: { role: "admin" } });
  });

  test("can be asked for as Apollo does, and with variables", async () => {
    const answer = await post(
      trusting.url,
      {
        extensions: { persistedQuery: { version: 1, sha256Hash: idOf(CreateClientDocument) } },
        variables: { client: { name: "Trusted", slug: "trusted" } },
      },
      { authorization: `Bearer ${token}` },
    );
    expect(answer.data).toMatchObject({ createClient: { client: { slug: "trusted" } } });
  });

  test("count before a text that comes along", async () => {
    const answer = await post(trusting.url, {
      documentId: idOf(CurrentUserDocument),
      query: "{ clients { totalCount } }",
    });
    expect(answer.data).toEqual({ currentUser: null });
  });

  test.each([
    ["a text", { query: text }],
    ["an id that nobody stored", { documentId: "sha256:0000" }],
    ["an id that nobody stored, with a text", { documentId: "sha256:0000", query: text }],
    ["an id of another kind", { documentId: "x".repeat(1_000) }],
  ])("cannot be passed over by %s: LF912", async (_name, body) => {
    const answer = await post(trusting.url, body);
    expect([answer.status, answer.code]).toEqual([400, "LF912"]);
  });

  test.each([
    ["neither id nor text", {}],
    ["an id that is no text", { documentId: 7 }],
    ["a list", [{ query: text }]],
  ])("cannot be sent as %s: LF900", async (_name, body) => {
    expect((await post(trusting.url, body)).code).toBe("LF900");
  });

  test("cannot be read or written by the API's login: 42501", async () => {
    const client = new pg.Client({ connectionString: api.database.urls.authenticator });
    await client.connect();
    for (const statement of ["table app_private.trusted_documents", "delete from app_private.trusted_documents"]) {
      await expect(client.query(statement)).rejects.toMatchObject({ code: "42501" });
    }
    await client.end();
  });
});

describe("budgets", () => {
  const nest = (levels: number): string =>
    levels === 0 ? "id" : `id journeys { nodes { ${levels === 1 ? "id" : `client { ${nest(levels - 1)} }`} } }`;

  test.each([
    ["lists within lists within lists within lists", `{ clients { nodes { ${nest(3)} } } }`],
    [
      "100 times 100 times 100 rows",
      "{ clients(first: 100) { nodes { journeys(first: 100) { nodes { touchpoints(first: 100) { nodes { id } } } } } } }",
    ],
    [
      "pages whose size a variable says",
      "query ($n: Int) { clients(first: $n) { nodes { journeys(first: $n) { nodes { touchpoints(first: $n) { nodes { id } } } } } } }",
    ],
    [
      "pages within a page of a function",
      "{ findLeadgenContacts(first: 100) { contacts { messages(first: 100) { nodes { contact { messages(first: 2) { nodes { id } } } } } } } }",
    ],
    [
      "pages within a fragment",
      "{ clients(first: 100) { nodes { ...a } } } fragment a on Client { journeys(last: 100) { nodes { touchpoints(first: 3) { nodes { id } } } } }",
    ],
  ])("cannot ask for %s: LF904", async (_name, query) => {
    const answer = await api.ask(query, {}, token);
    expect(codeOf(answer)).toBe("LF904");
    expect(answer.data).toBeUndefined();
  });

  test("can ask for three levels of pages as they are, and for 100 times 100", async () => {
    for (const query of [
      "{ clients { nodes { journeys { nodes { touchpoints { nodes { id } } } } } } }",
      "{ clients(first: 100) { nodes { journeys(first: 100) { nodes { id } } } } }",
    ]) {
      expect((await api.ask(query, {}, token)).errors).toEqual([]);
    }
  });

  test("cannot make the other rules work first: what is too much is refused before fields are compared with each other", async () => {
    // 20,000 equal fields are 200 million pairs; and none of the wrong names is looked at.
    const answer = await api.ask(`{ ${"nonsense ".repeat(10_000)} ${"clients { totalCount } ".repeat(400)} }`);
    expect(answer.errors.map(({ extensions }) => extensions.code)).toEqual(["LF904"]);
  });

  test("say what they are in the docs", async () => {
    const docs = readFileSync(join(projectDir, "docs/api.md"), "utf8");
    for (const [name, limit] of Object.entries(DEFAULT_BUDGET)) {
      expect(docs).toContain(`| ${name} | ${limit.toLocaleString("en")} |`);
    }
  });
});

/** As graphql-cop and its like ask, in production and where any document is answered. */
describe("scanners", () => {
  const json = { "content-type": "application/json" };
  const ask = (query: string, headers: Record<string, string> = {}, more: object = {}) =>
    fetch(`${api.url}/graphql`, {
      method: "POST",
      headers: { ...json, ...headers },
      body: JSON.stringify({ query, ...more }),
    });
  const send = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
    fetch(`${api.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  const change = 'mutation { signIn(input: { email: "a@b.test", password: "x" }) { token } }';
  const times = (count: number, text: (place: number) => string) =>
    Array.from({ length: count }, (_, place) => text(place)).join(" ");
  const circle = (levels: number): string => (levels === 0 ? "name" : `fields { type { ${circle(levels - 1)} } }`);

  test.each<[string, () => Promise<Response>, number, string]>([
    ["aliases without number", () => ask(`{ ${times(101, (n) => `a${n}: __typename`)} }`), 400, "LF904"],
    ["one field 500 times", () => ask(`{ ${times(500, () => "__typename")} }`), 400, "LF904"],
    ["directives that nobody declared", () => ask(`{ __typename ${times(10, () => "@aa")} }`), 400, "LF904"],
    ["one directive again and again", () => ask(`{ __typename ${times(10, () => "@skip(if: false)")} }`), 400, "LF904"],
    ["a circle through the schema", () => ask(`{ __schema { types { ${circle(8)} } } }`), 400, "LF900"],
    [
      "fragments in a circle",
      () => ask("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"),
      400,
      "LF900",
    ],
    [
      "a batch in a list",
      () => send("POST", "/graphql", json, `[${times(10, () => '{"query":"{__typename}"},')}{}]`),
      400,
      "LF900",
    ],
    ["several operations and no name", () => ask("query a { __typename } query b { __typename }"), 400, "LF900"],
    ["the schema", () => ask("{ __schema { types { name fields { name } } } }"), 400, "LF900"],
    ["a field almost right", () => ask("{ __schemaa { directive } }"), 400, "LF900"],
    ["what breaks", () => ask("qwerty cop { abc }"), 400, "LF900"],
    [
      "a trace",
      () =>
        ask("{ nonsense }", { "apollo-tracing": "1", "x-apollo-tracing": "1", "apollo-query-plan-experimental": "1" }),
      400,
      "LF900",
    ],
    [
      "a trace by an extension",
      () => ask("{ nonsense }", {}, { extensions: { tracing: true, explain: true } }),
      400,
      "LF900",
    ],
    ["an explanation", () => ask("{ nonsense }", { "x-postgraphile-explain": "on" }), 400, "LF900"],
    ["a question by GET", () => send("GET", "/graphql?query={__typename}"), 405, "LF910"],
    ["a change by GET", () => send("GET", `/graphql?query=${encodeURIComponent(change)}`), 405, "LF910"],
    [
      "a change by GET that says it is JSON",
      () => send("GET", `/graphql?query=${encodeURIComponent(change)}`, json),
      405,
      "LF910",
    ],
    ["a change by PUT", () => send("PUT", "/graphql", json, JSON.stringify({ query: change })), 405, "LF910"],
    [
      "a change by another method in a header",
      () => send("GET", `/graphql?query=${encodeURIComponent(change)}`, { "x-http-method-override": "POST" }),
      405,
      "LF910",
    ],
    [
      "a change as a form",
      () =>
        send(
          "POST",
          "/graphql",
          { "content-type": "application/x-www-form-urlencoded" },
          `query=${encodeURIComponent(change)}`,
        ),
      415,
      "LF902",
    ],
    [
      "a change as a text, which needs no leave of the browser",
      () => send("POST", "/graphql", { "content-type": "text/plain;charset=UTF-8" }, JSON.stringify({ query: change })),
      415,
      "LF902",
    ],
    [
      "a change as GraphQL's own type",
      () => send("POST", "/graphql", { "content-type": "application/graphql" }, change),
      415,
      "LF902",
    ],
    [
      "a change without a type",
      () => send("POST", "/graphql", { "content-type": "" }, JSON.stringify({ query: change })),
      415,
      "LF902",
    ],
    [
      "files",
      () =>
        send(
          "POST",
          "/graphql",
          { "content-type": "multipart/form-data; boundary=x" },
          '--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{}\r\n--x--',
        ),
      415,
      "LF902",
    ],
    [
      "a change in the address",
      () => send("POST", `/graphql?query=${encodeURIComponent(change)}`, json, "{}"),
      400,
      "LF900",
    ],
    ...["/", "/graphiql", "/playground", "/altair", "/console", "/voyager", "/ruru-static/ruru.js"].map(
      (path): [string, () => Promise<Response>, number, string] => [
        `a console at ${path}`,
        () => send("GET", path, { accept: "text/html" }),
        404,
        "LF909",
      ],
    ),
  ])("cannot find %s: nothing but a refusal", async (_name, knock, status, code) => {
    const response = await knock();
    const text = await response.text();
    expect([response.status, JSON.parse(text).errors?.[0]?.extensions?.code]).toEqual([status, code]);
    const { data, extensions } = JSON.parse(text) as { data?: unknown; extensions?: unknown };
    expect([data ?? null, extensions]).toEqual([null, undefined]);
    expect(text).not.toMatch(/did you mean|tracing|stacktrace|exception|<html|\.ts\b|node_modules/i);
  });

  test("cannot have an answer that browsers take for a page", async () => {
    const response = await ask("{ __typename }", { accept: "text/html" });
    expect(response.headers.get("content-type")).not.toMatch(/html/);
  });
});

describe("limits of the database", () => {
  test("can be read through the API: they are those of docs/security.md", async () => {
    const read = async (name: string) =>
      (await api.ask("query ($name: String!) { limitInForce(name: $name) }", { name }, token)).data.limitInForce;
    expect({
      statement: await read("statement_timeout"),
      lock: await read("lock_timeout"),
      idle: await read("idle_in_transaction_session_timeout"),
      memory: await read("work_mem"),
    }).toEqual({ statement: "3s", lock: "2s", idle: "15s", memory: "16MB" });
  });

  test("cannot be outslept: LF906", async () => {
    const answer = await api.ask("mutation { doze(input: { seconds: 600 }) { result } }", {}, token);
    expect(codeOf(answer)).toBe("LF906");
  });
});

describe("connections", () => {
  test("cannot be held by headers that never end, nor by silence", async () => {
    const held = ["POST /graphql HTTP/1.1\r\nhost: x\r\n", ""].map(async (beginning) => {
      const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
      await once(socket, "connect");
      socket.write(beginning);
      let heard = "";
      socket.setEncoding("utf8").on("data", (text: string) => {
        heard += text;
      });
      await once(socket, "close");
      return heard;
    });
    for (const heard of await Promise.all(held)) expect(heard).toMatch(/^HTTP\/1.1 408/);
  });

  test("cannot bring without end: whoever sends on is cut off: LF901", async () => {
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(" ".repeat(50_000)));
      },
    });
    const response = await fetch(`${api.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      duplex: "half",
    } as RequestInit);
    expect(response.status).toBe(413);
  });
});

describe("errors", () => {
  test("cannot tell of the inside, whatever is sent", async () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constantFrom(
        "'; select 1 --",
        "\\",
        "\u0000",
        "\ud800",
        "{}",
        "[]",
        "NaN",
        "1e999",
        "00000000-0000-0000-0000-000000000000",
      ),
    );
    const values = fc.oneof(
      texts,
      fc.integer(),
      fc.double(),
      fc.constant(null),
      fc.array(texts, { maxLength: 3 }),
      fc.object(),
    );
    const documents = fc.constantFrom(
      "query ($v: UUID!) { journey(id: $v) { id } }",
      "query ($v: ID!) { node(nodeId: $v) { nodeId } }",
      "query ($v: Cursor) { clients(after: $v) { totalCount } }",
      "query ($v: Int) { clients(first: $v) { totalCount } }",
      "query ($v: String!) { searchTouchpoints(query: $v) { totalCount } }",
      "query ($v: JourneyFilter) { journeys(filter: $v) { totalCount } }",
      "query ($v: Datetime) { journeys(filter: { createdAt: { lessThan: $v } }) { totalCount } }",
      "mutation ($v: String!) { createClient(input: { client: { name: $v, slug: $v } }) { client { id } } }",
      'mutation ($v: JSON) { createTouchpoint(input: { touchpoint: { content: $v, name: "x", journeyId: "00000000-0000-7000-8000-000000000000", type: email } }) { touchpoint { id } } }',
      "mutation ($v: UUID!) { submitJourney(input: { journeyId: $v }) { approval { id } } }",
      "mutation ($v: String!) { signIn(input: { email: $v, password: $v, tenantSlug: $v }) { token } }",
    );
    await fc.assert(
      fc.asyncProperty(documents, values, async (query, v) => {
        const { errors } = await api.ask(query, { v }, token);
        for (const { message, extensions } of errors) {
          expect(extensions.code).toMatch(/^LF/);
          const { hint, details } = extensions;
          // What was sent is quoted back; everything else is ours.
          const ours = JSON.stringify({ message, hint, details }).replaceAll(JSON.stringify(v).slice(1, -1), "");
          expect(ours).not.toMatch(
            /\brelation\b|\bcolumn\b|\bconstraint\b|\bschema\b|\.ts\b|\bat \/|pg_|app_private|[a-z]+_(pkey|fkey|key|check)\b/,
          );
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("other origins", () => {
  const ask = (method: string, origin: string, headers: Record<string, string> = {}) =>
    fetch(`${api.url}/graphql`, { method, headers: { origin, ...headers } });
  const preflight = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
  };

  test("can call where they are listed, by POST, with the headers that are needed and without cookies", async () => {
    const { headers } = await ask("OPTIONS", "https://app.example.test", preflight);
    expect(headers.get("access-control-allow-origin")).toBe("https://app.example.test");
    expect(headers.get("access-control-allow-methods")).toBe("POST");
    expect(headers.get("access-control-allow-headers")).toBe("authorization,content-type,idempotency-key,x-request-id");
    expect(headers.get("access-control-allow-credentials")).toBeNull();
  });

  test.each(["https://evil.example.test", "null", "https://app.example.test.evil.test", "http://app.example.test"])(
    "cannot call from %s",
    async (origin) => {
      for (const method of ["OPTIONS", "POST", "GET"]) {
        const { headers } = await ask(method, origin, method === "OPTIONS" ? preflight : {});
        expect(headers.get("access-control-allow-origin")).toBeNull();
      }
    },
  );

  test("cannot send a cookie that counts: nobody is signed in by one", async () => {
    const answer = await post(
      api.url,
      { query: "{ currentUser { role } }" },
      { cookie: `token=${token}; authorization=Bearer ${token}` },
    );
    expect(answer.data).toEqual({ currentUser: null });
  });
});

describe("rate limits", () => {
  const from = (address: string, bearer?: string) => ({
    "x-forwarded-for": address,
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  });
  const role = { query: "{ currentUser { role } }" };
  const expectRefusal = ({ status, code, response, errors }: Awaited<ReturnType<typeof post>>, what: RegExp) => {
    expect([status, code]).toEqual([429, "LF911"]);
    expect(errors[0]?.message).toMatch(what);
    const seconds = Number(response.headers.get("retry-after"));
    expect(seconds).toBeGreaterThan(0);
    expect(errors[0]?.extensions.hint).toContain(`Wait ${seconds} seconds`);
  };

  test("can be counted on across processes: what another one answered is not answered again", async () => {
    const person = await api.signIn("admin@meadow.test");
    const [user] = await api.database.query<{ id: string }>(
      "select id from tenancy.users where email = 'admin@meadow.test'",
    );
    const elsewhere = () =>
      api.database.query<{ seconds: number | null }>(
        "select retry_after_seconds as seconds from app.spend_allowances($1, '{5}', '{1}')",
        [[`user:${user?.id}`]],
      );
    for (let number = 1; number <= 3; number++) await elsewhere();
    for (let number = 4; number <= 5; number++) {
      expect((await post(strict.url, role, from("198.51.100.1", person))).status).toBe(200);
    }
    expectRefusal(await post(strict.url, role, from("198.51.100.2", person)), /from you/);
    expect((await elsewhere())[0]?.seconds).toBeGreaterThan(0);
  });

  test("can be counted on for a tenant: its people share one allowance", async () => {
    const people = await Promise.all(["viewer", "editor"].map((name) => api.signIn(`${name}@harbour.test`)));
    const answers = [];
    for (let number = 0; number < 9; number++) {
      answers.push(await post(strict.url, role, from("198.51.100.3", people[number % 2])));
    }
    expect(answers.slice(0, 8).every(({ status }) => status === 200)).toBe(true);
    expectRefusal(answers[8] as (typeof answers)[number], /your tenant/);
  });

  test("cannot try many passwords from one address, in one request or in many; other addresses still can", async () => {
    const signIn = `signIn(input: { email: "nobody@harbour.test", password: "${PASSWORD}" }) { token }`;
    expectRefusal(
      await post(strict.url, { query: `mutation { a: ${signIn} b: ${signIn} c: ${signIn} }` }, from("198.51.100.4")),
      /sign-ins/,
    );
    for (const expected of ["LF040", "LF040", "LF911"]) {
      expect((await post(strict.url, { query: `mutation { ${signIn} }` }, from("198.51.100.5"))).code).toBe(expected);
    }
    expect((await post(strict.url, { query: `mutation { ${signIn} }` }, from("198.51.100.6"))).code).toBe("LF040");
  });

  test("count an IPv6 network as one address", async () => {
    const signIn = `mutation { signIn(input: { email: "nobody@harbour.test", password: "x" }) { token } }`;
    const codes = [];
    for (const address of ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:2::3", "2001:db8:1:3::1"]) {
      codes.push((await post(strict.url, { query: signIn }, from(address))).code);
    }
    expect(codes.map((code) => code === "LF911")).toEqual([false, false, true, false]);
  });

  test.each([
    ["searches", '{ searchTouchpoints(query: "x") { totalCount } }'],
    ["aggregates", "{ journeys { aggregates { distinctCount { id } } } }"],
  ])("are stricter for %s", async (what, query) => {
    await api.addPerson("meadow", `${what}@meadow.test`, "viewer");
    await api.database.query("delete from app_private.allowances where bucket ~ '^tenant:'");
    const person = await api.signIn(`${what}@meadow.test`);
    const statuses = [];
    for (let number = 0; number < 3; number++) {
      statuses.push((await post(strict.url, { query }, from("198.51.100.7", person))).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
    expect((await post(strict.url, role, from("198.51.100.7", person))).status).toBe(200);
  });

  test("cannot be passed over by an address that one makes up: without a proxy that is trusted it is not read", async () => {
    await post(api.url, role, from("198.51.100.99"));
    expect(
      await api.database.query("select from app_private.allowances where bucket = 'address:198.51.100.99'"),
    ).toEqual([]);
  });

  test("are forgotten when they are whole again", async () => {
    await api.database.query("delete from app_private.allowances");
    const spend = (bucket: string) =>
      api.database.query("select app.spend_allowances($1, '{1000}', '{1}')", [[bucket]]);
    await api.database.query(
      "insert into app_private.allowances select 'old:' || n, now() - interval '1 minute' from generate_series(1, 4) n",
    );
    await spend("new:1");
    await spend("new:2");
    expect(await api.database.query("select from app_private.allowances where bucket ~ '^old:'")).toEqual([]);
  });

  test("can be waited out", async () => {
    const spend = async () =>
      (
        await api.database.query<{ seconds: number | null }>(
          "select retry_after_seconds as seconds from app.spend_allowances('{waiting:1}', '{2}', '{2}')",
        )
      )[0]?.seconds;
    expect(await spend()).toBeNull();
    expect(await spend()).toBeGreaterThan(55);
    await api.database.query("update app_private.allowances set refilled_at = now() where bucket = 'waiting:1'");
    expect(await spend()).toBeNull();
  });
});
