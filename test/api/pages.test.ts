import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { buildSchema, isObjectType } from "postgraphile/graphql";
import { projectDir } from "../../src/config.ts";
import { CreateClientDocument, CreateJourneyDocument } from "../../src/generated/documents/graphql.ts";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

const schema = buildSchema(readFileSync(join(projectDir, "src/generated/schema.graphql"), "utf8"));
const connections = Object.values(schema.getTypeMap())
  .filter(isObjectType)
  .flatMap((type) =>
    Object.values(type.getFields())
      .filter((field) => /Connection!?$/.test(String(field.type)))
      .map((field) => ({ type: type.name, field })),
  );
const rootConnections = connections.filter(({ type }) => type === "Query");

let api: TestApi;
let token: string;

beforeAll(async () => {
  api = await startTestApi();
  token = await api.signIn("admin@harbour.test");
  const create = async (index: number) => {
    const client = { slug: `client-${index}`, name: `Client ${index}` };
    const { createClient } = await api.run(CreateClientDocument, { client }, token);
    return createClient?.client?.id ?? "";
  };
  const clientId = await create(1);
  for (let index = 2; index <= 120; index++) await create(index);
  for (let index = 1; index <= 40; index++) {
    const journey = { clientId, slug: `journey-${index}`, name: `Journey ${index}` };
    await api.run(CreateJourneyDocument, { journey }, token);
  }
});
afterAll(() => api.close());

describe("pages", () => {
  test("can have 25 rows unless asked, 100 when asked, and lead to the next", async () => {
    const count = async (args: string) =>
      (await api.ask(`{ clients${args} { nodes { id } pageInfo { hasNextPage endCursor } totalCount } }`, {}, token))
        .data.clients;
    expect((await count("")).nodes).toHaveLength(25);
    expect((await count("(last: 30)")).nodes).toHaveLength(30);
    const first = await count("(first: 100)");
    expect(first.nodes).toHaveLength(100);
    expect(first).toMatchObject({ totalCount: 120, pageInfo: { hasNextPage: true } });
    expect((await count(`(first: 100, after: "${first.pageInfo.endCursor}")`)).nodes).toHaveLength(20);
  });

  test("can have 25 rows inside of others too", async () => {
    const { data } = await api.ask(
      '{ clientBySlug(slug: "client-1") { journeys { nodes { id } totalCount } } }',
      {},
      token,
    );
    expect(data.clientBySlug.journeys).toMatchObject({ totalCount: 40 });
    expect(data.clientBySlug.journeys.nodes).toHaveLength(25);
  });

  test("cannot be larger, nor negative, by variable or nested: LF903", async () => {
    expect(codeOf(await api.ask("query ($n: Int) { clients(first: $n) { nodes { id } } }", { n: 101 }, token))).toBe(
      "LF903",
    );
    expect(codeOf(await api.ask("query ($n: Int) { clients(last: $n) { nodes { id } } }", { n: 101 }, token))).toBe(
      "LF903",
    );
    expect(codeOf(await api.ask("{ clients(first: -1) { nodes { id } } }", {}, token))).toBe("LF903");
    const nested = await api.ask(
      '{ clientBySlug(slug: "client-1") { journeys(first: 101) { nodes { id } } } }',
      {},
      token,
    );
    expect(codeOf(nested)).toBe("LF903");
  });

  test.each(rootConnections.map(({ field }) => [field.name, field] as const))(
    "%s keeps to the limit: LF903",
    async (name, field) => {
      const required = field.args.filter((arg) => String(arg.type).endsWith("!") && arg.defaultValue === undefined);
      const values = required.map(
        (arg) => `${arg.name}: ${String(arg.type) === "UUID!" ? '"00000000-0000-7000-8000-000000000000"' : '"x"'}`,
      );
      const answer = await api.ask(
        `{ ${name}(${[...values, "first: 101"].join(", ")}) { totalCount nodes { __typename } } }`,
        {},
        token,
      );
      expect(answer.errors.map((error) => error.extensions.code)).toContain("LF903");
    },
  );

  test("says its limits in every connection of the schema", () => {
    expect(connections.length).toBeGreaterThan(50);
    for (const { type, field } of connections) {
      const first = field.args.find((arg) => arg.name === "first");
      expect(`${type}.${field.name}: ${first?.description}`).toMatch(/25 unless asked, 100 at most/);
    }
  });
});

describe("budgets", () => {
  const repeat = (count: number, text: (index: number) => string) =>
    Array.from({ length: count }, (_, i) => text(i)).join(" ");
  const nest = (depth: number, text = "__typename"): string =>
    depth === 0 ? text : nest(depth - 1, `client { journeys { nodes { ${text} } } }`);

  test.each([
    ["16 aliases", `{ ${repeat(16, (i) => `a${i}: __typename`)} }`],
    ["500 aliases", `{ ${repeat(500, (i) => `a${i}: __typename`)} }`],
    ["11 root fields", `{ ${repeat(11, () => "clients { totalCount }")} }`],
    ["6 directives", `{ clients ${repeat(6, () => "@include(if: true)")} { totalCount } }`],
    ["301 fields", `{ clients { nodes { ${repeat(300, () => "id")} } } }`],
    ["depth 11", `{ journeys { nodes { ${nest(3)} } } }`],
    [
      "fields multiplied by fragments",
      `query { clients { nodes { ...a } } } fragment a on Client { ${repeat(10, () => "...b")} }
       fragment b on Client { ${repeat(10, () => "...c")} } fragment c on Client { id name slug status }`,
    ],
  ])("cannot ask with %s: LF904", async (_name, query) => {
    expect((await api.ask(query, {}, token)).errors.map((error) => error.extensions.code)).toContain("LF904");
  });

  test("can introspect as GraphiQL does", async () => {
    const { getIntrospectionQuery } = await import("postgraphile/graphql");
    expect((await api.ask(getIntrospectionQuery(), {}, token)).errors).toEqual([]);
  });
});
