/** The matrix again through GraphQL, from introspection: every list, lookup, relation, filter, order, aggregate and mutation there is. */
import { randomUUID } from "node:crypto";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import {
  buildClientSchema,
  type GraphQLEnumType,
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type GraphQLType,
  getIntrospectionQuery,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from "postgraphile/graphql";
import { type RunningServer, startServer } from "../../src/server/start.ts";
import { makeTokens } from "../../src/server/tokens.ts";
import { createTestDatabase } from "../support/database.ts";
import { type Actor, createWorld, type World } from "./actors.ts";
import { singularOf, tableOf } from "./calls.ts";
import type { Table } from "./catalog.ts";
import { rightsOf } from "./probes.ts";
import type { Row } from "./rows.ts";
import { openStage, type Stage, withoutIds } from "./stage.ts";

/** `npm run test:security` asks as everybody and in every order; `npm test` as those who see most and least. */
const isAll = process.env.LANDFALL_TEST_SECURITY === "all";

/** Who speaks GraphQL, by the names of actors.ts. */
const speakers = isAll
  ? [
      "viewer",
      "editor",
      "admin",
      "client",
      "client of another client, and elsewhere",
      "editor who is one elsewhere",
      "visitor",
    ]
  : ["admin", "client of another client, and elsewhere"];

let world: World;
let stage: Stage;
let server: RunningServer;
let schema: GraphQLSchema;
let lists: List[];
const lines: string[] = [];

/** A list at the root, and the table that it shows. */
interface List {
  field: GraphQLField<unknown, unknown>;
  node: GraphQLObjectType;
  table: Table;
}

interface Answer {
  data: Record<string, unknown> | null;
  errors?: { message: string; extensions: { code: string } }[];
}

beforeAll(async () => {
  world = await createWorld(await createTestDatabase());
  const { config } = world.database;
  const log = pino(
    {},
    new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    }),
  );
  const rateLimits = Object.fromEntries(Object.keys(config.api.rateLimits).map((name) => [name, 1_000_000]));
  server = await startServer({
    config: { ...config, api: { ...config.api, rateLimits: rateLimits as typeof config.api.rateLimits } },
    databaseUrl: world.database.urls.authenticator,
    log,
  });
  stage = await openStage(world);
  await stage.guard(world);
  const introspection = await ask(actorOf("viewer"), getIntrospectionQuery());
  schema = buildClientSchema(introspection.data as never);
  lists = findLists();
});
afterAll(async () => {
  await server?.close();
  await stage?.close();
  await world?.drop();
});

const actorOf = (name: string) => world.actors.find((actor) => actor.name === name) as Actor;

async function ask(actor: Actor, query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
  const { "app.user_id": userId, "app.tenant_id": tenantId, "app.session_id": sessionId } = actor.settings;
  const token =
    userId && tenantId && sessionId
      ? await makeTokens(world.database.config.jwt.secret).sign(
          { userId, tenantId, sessionId },
          new Date(Date.now() + 3_600_000),
        )
      : undefined;
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answer;
}

const pascal = (text: string) => text.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
const columnOf = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
/** The type of a field, without what says that it is a list, or never null. */
function typeOf<T extends GraphQLNamedType>(field: { type: GraphQLType } | undefined): T {
  return getNamedType(field?.type as GraphQLType) as T;
}

const argument = (field: GraphQLField<unknown, unknown>, name: string) => field.args.find((arg) => arg.name === name);
const fieldsOf = (type: GraphQLObjectType) => Object.values(type.getFields());
const isFree = (field: GraphQLField<unknown, unknown>) =>
  field.args.every(({ type, defaultValue }) => !isNonNullType(type) || defaultValue !== undefined);

/** Types of these modules carry their name; those of the others do not. */
const prefixed = ["leadgen", "crm", "engagement", "gtm", "imports"];

/** The table that a type shows: it is called after it. */
function tableOfType(name: string): Table | undefined {
  return world.tables.find((table) => {
    const [module = "", plural = ""] = table.name.split(".");
    const prefix = prefixed.includes(module) ? pascal(singularOf(module)) : "";
    return ["tenant", "global"].includes(table.class) && name === prefix + pascal(singularOf(plural));
  });
}

function findLists(): List[] {
  return fieldsOf(schema.getQueryType() as GraphQLObjectType).flatMap((field) => {
    const connection = getNamedType(field.type);
    if (!isObjectType(connection) || !connection.name.endsWith("Connection") || !isFree(field)) return [];
    const node = typeOf<GraphQLObjectType>(connection.getFields().nodes);
    const table = tableOfType(node.name);
    return table && argument(field, "filter") && "id" in node.getFields() ? [{ field, node, table }] : [];
  });
}

/** What an actor sees of a table: by its own rows. */
function visible(actor: Actor, table: Table): Row[] {
  const { select, beyondTenants } = rightsOf(table, actor.word);
  if (select === undefined) return [];
  return (world.ours.rows.get(table.name) ?? []).filter((row) => beyondTenants || select(row, actor));
}

const idsOf = (rows: readonly Row[]) => rows.map(({ id }) => String(id)).sort();

/** Leaf fields that can be asked without arguments; functions of the row among them. */
const leaves = (type: GraphQLObjectType) =>
  fieldsOf(type)
    .filter((field) => isLeafType(getNamedType(field.type)) && isFree(field) && field.name !== "nodeId")
    .map(({ name }) => name);

const chunks = <T>(all: T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, place) => all.slice(place * size, (place + 1) * size));

/** Everything of the other tenant's in a text: its name, and ids that are nobody's but its. */
function foreignIn(value: unknown): string[] {
  const text = JSON.stringify(value);
  return text.includes(world.theirs.slug)
    ? [text.slice(Math.max(0, text.indexOf(world.theirs.slug) - 200)).slice(0, 400)]
    : [];
}

/** The answer to several root fields at once. */
async function askAll(actor: Actor, fields: string[]): Promise<{ wrong: string[]; data: Record<string, unknown> }> {
  const wrong: string[] = [];
  const data: Record<string, unknown> = {};
  for (const [turn, some] of chunks(fields, 8).entries()) {
    const query = `{ ${some.map((text, place) => `f${turn * 8 + place}: ${text}`).join(" ")} }`;
    const answer = await ask(actor, query);
    Object.assign(data, answer.data ?? {});
    wrong.push(...foreignIn(answer));
    for (const error of answer.errors ?? [])
      if (!/^LF(001|024)$/.test(error.extensions.code)) wrong.push(`${error.message} of ${query.slice(0, 300)}`);
  }
  return { wrong, data };
}

/** The ids of a list's nodes, as far as there is a list. */
const listed = (answer: unknown): string[] | undefined =>
  (answer as { nodes?: { id: string }[] } | null)?.nodes?.map(({ id }) => id).sort();

test("can be found for every table that people may read", () => {
  const readable = world.tables.filter(
    (table) =>
      table.key.includes("id") &&
      /^(tenancy|journeys|leadgen|crm|engagement|gtm|imports|publishing)\./.test(table.name) &&
      (["viewer", "admin", "client"] as const).some((word) => rightsOf(table, word).select !== undefined),
  );
  const shown = new Set(lists.map(({ table }) => table.name));
  expect(readable.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
  expect(lists.length).toBeGreaterThan(40);
});

describe.each(speakers)("as %s", (name) => {
  test("cannot list, count, order or filter but one's own rows", async () => {
    const actor = actorOf(name);
    const wrong: string[] = [];
    for (const { field, node, table } of lists) {
      const own = idsOf(visible(actor, table));
      const orders = typeOf<GraphQLEnumType>(argument(field, "orderBy"));
      const filter = typeOf<GraphQLInputObjectType>(argument(field, "filter"));
      const foreign = world.theirs.rows.get(table.name)?.[0] ?? {};
      const asked = [`${field.name}(first: 100) { totalCount nodes { ${leaves(node).join(" ")} } }`];
      for (const order of orders?.getValues().slice(isAll ? 0 : -1) ?? [])
        asked.push(`${field.name}(first: 100, orderBy: ${order.name}) { nodes { id } }`);
      const all = asked.length;
      for (const condition of conditions(filter, foreign).slice(0, isAll ? undefined : 4))
        asked.push(`${field.name}(first: 100, filter: ${condition}) { totalCount nodes { id } }`);
      const answer = await askAll(actor, asked);
      wrong.push(...answer.wrong);
      asked.forEach((text, place) => {
        const found = listed(answer.data[`f${place}`]);
        if (found === undefined && own.length === 0) return;
        const isRight =
          place < all ? JSON.stringify(found) === JSON.stringify(own) : found?.every((id) => own.includes(id));
        if (!isRight) wrong.push(`${text.slice(0, 120)} finds ${found}, and ${own} are its own`);
      });
      const [first] = Object.values(answer.data) as { totalCount?: number }[];
      if (first?.totalCount !== undefined && first.totalCount !== own.length)
        wrong.push(`${field.name} counts ${first.totalCount} of ${own.length}`);
    }
    expect([...new Set(wrong)]).toEqual([]);
  });

  test("cannot reach anything foreign by a relation, nor add it up", async () => {
    const actor = actorOf(name);
    const wrong: string[] = [];
    for (const { field, node } of lists) {
      const related = fieldsOf(node)
        .filter((relation) => isObjectType(getNamedType(relation.type)) && isFree(relation))
        .map((relation) => ({ relation, type: getNamedType(relation.type) as GraphQLObjectType }));
      const asked = related.map(({ relation, type }) => {
        const isList = type.name.endsWith("Connection");
        const shown = isList ? typeOf<GraphQLObjectType>(type.getFields().nodes) : type;
        const inner = leaves(shown).slice(0, 60).join(" ") || "__typename";
        const selection = isList
          ? `(first: 25) { totalCount nodes { ${inner} } }`
          : isListType(unwrapped(relation))
            ? ` { ${inner} }`
            : ` { ${inner} }`;
        return `${field.name}(first: 25) { nodes { id ${relation.name}${selection} } }`;
      });
      const connection = typeOf<GraphQLObjectType>(field);
      const aggregates = connection.getFields().aggregates;
      if (aggregates) {
        const distinct = typeOf<GraphQLObjectType>(aggregates).getFields().distinctCount;
        const counted = distinct ? leaves(typeOf(distinct)) : [];
        if (counted.length > 0) asked.push(`${field.name} { aggregates { distinctCount { ${counted.join(" ")} } } }`);
      }
      const grouped = connection.getFields().groupedAggregates;
      const groupBy = grouped && typeOf<GraphQLEnumType>(argument(grouped, "groupBy"));
      for (const { name: by } of groupBy?.getValues().slice(0, 6) ?? [])
        asked.push(`${field.name} { groupedAggregates(groupBy: [${by}]) { keys } }`);
      for (const some of chunks(asked, 4)) {
        const answer = await askAll(actor, some);
        wrong.push(...answer.wrong);
      }
    }
    expect([...new Set(wrong)]).toEqual([]);
  });

  test("cannot look anything foreign up, by a key or by a node id", async () => {
    const actor = actorOf(name);
    const asked: string[] = [];
    const stranger = { ...actorOf("admin"), settings: theirAdmin() };
    for (const { field, node, table } of lists) {
      const [foreign] = world.theirs.rows.get(table.name) ?? [];
      if (!foreign || actor.settings["app.tenant_id"] === undefined) continue;
      asked.push(...lookups(node).flatMap((lookup) => lookup(foreign) ?? []));
      const { data } = await ask(stranger, `{ ${field.name}(first: 100) { nodes { id nodeId } } }`);
      const found = (data?.[field.name] as { nodes?: { id: string; nodeId: string }[] } | undefined)?.nodes?.find(
        ({ id }) => id === foreign.id,
      );
      if (found) asked.push(`node(nodeId: "${found.nodeId}") { __typename }`);
    }
    const { wrong, data } = await askAll(actor, asked);
    asked.forEach((text, place) => {
      if (data[`f${place}`]) wrong.push(`${text.slice(0, 120)} finds ${JSON.stringify(data[`f${place}`])}`);
    });
    expect(wrong).toEqual([]);
  });
});

describe("mutations", () => {
  test.each(["editor", "admin", "client"])("cannot touch or point at anything foreign, as %s", async (name) => {
    const actor = actorOf(name);
    const wrong: string[] = [];
    let asked = 0;
    for (const field of fieldsOf(schema.getMutationType() as GraphQLObjectType)) {
      for (const isWhole of [true, false]) {
        const foreign = mutationOf(field, "theirs", isWhole);
        const nowhere = mutationOf(field, "nobody", isWhole);
        if (foreign === undefined || nowhere === undefined) continue;
        asked += 1;
        const answers = [await ask(actor, foreign), await ask(actor, nowhere)];
        const told = answers.map(({ data, errors }) =>
          data?.[field.name] ? "done" : withoutIds(errors?.[0]?.message),
        );
        // What takes a list may pass over what is not there; that nothing changed is asked at the end.
        if (told[0] !== told[1]) wrong.push(`${foreign} is told "${told[0]}", and of what is not there "${told[1]}"`);
        wrong.push(...foreignIn(answers[0]));
      }
    }
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(60);
    expect(await stage.client.query("select probing.harm() as harm")).toMatchObject({ rows: [{ harm: null }] });
  });

  test("cannot leave anything foreign in the log", () => {
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => line.includes(world.theirs.slug))).toEqual([]);
  });
});

/**
 * A mutation whose ids are all of this owner, or, where it is not whole, all but the row's own; undefined where it takes no ids, or where
 * that leaves nothing foreign.
 */
function mutationOf(
  field: GraphQLField<unknown, unknown>,
  owner: "theirs" | "nobody",
  isWhole: boolean,
): string | undefined {
  const table = fieldsOf(typeOf(field))
    .map((result) => tableOfType(typeOf(result).name))
    .find((some) => some !== undefined);
  const [schemaName = ""] = table?.name.split(".") ?? [];
  let pointed = 0;
  const taken = new Map<string, number>();
  const pick = (column: string): string => {
    const target =
      column === "id"
        ? table
        : tableOf({ name: column, type: "uuid", labels: [], isOptional: false }, schemaName, world.tables);
    if (column === "id" && !isWhole) return String(world.ours.rows.get(target?.name ?? "")?.[0]?.id ?? randomUUID());
    // People are nobody's: an admin may make a member of whoever's id they know.
    if (target?.class === "global") return randomUUID();
    pointed += 1;
    const before = taken.get(target?.name ?? "") ?? 0;
    taken.set(target?.name ?? "", before + 1);
    // Two ids of one table are those of two rows; the second row has the id of one of ours.
    const row = owner === "theirs" && target ? world.theirs.rows.get(target.name)?.[(2 * before) % 3] : undefined;
    return String(row?.id ?? randomUUID());
  };
  const written = (type: GraphQLInputType, column: string): string | undefined => {
    const isRequired = isNonNullType(type);
    const inner = isRequired ? type.ofType : type;
    if (isListType(inner)) {
      const item = written(inner.ofType, column);
      return item === undefined ? (isRequired ? "[]" : undefined) : `[${item}]`;
    }
    const named = getNamedType(inner);
    if (isInputObjectType(named)) {
      const inside = Object.values(named.getFields()).flatMap((some) => {
        const value = written(some.type, columnOf(some.name));
        return value === undefined ? [] : [`${some.name}: ${value}`];
      });
      return `{ ${inside.join(", ")} }`;
    }
    if (named.name === "UUID") return JSON.stringify(pick(column));
    if (!isRequired) return undefined;
    if (isEnumType(named)) return named.getValues()[0]?.name;
    const values: Record<string, string> = {
      Int: "1",
      Float: "1",
      Boolean: "true",
      JSON: "{}",
      Datetime: '"2126-01-01T00:00:00Z"',
    };
    return values[named.name] ?? '"a-text"';
  };
  const args = field.args.map((arg) => `${arg.name}: ${written(arg.type, arg.name)}`);
  return pointed === 0 ? undefined : `mutation { ${field.name}(${args.join(", ")}) { __typename } }`;
}

function unwrapped(field: GraphQLField<unknown, unknown>) {
  return isNonNullType(field.type) ? field.type.ofType : field.type;
}

function theirAdmin(): Record<string, string> {
  const { userId, sessionId } = world.theirs.people.admin;
  return { role: "", "app.tenant_id": world.theirs.id, "app.user_id": userId, "app.session_id": sessionId };
}

/** `{ slug: { equalTo: "…" } }` with what a foreign row holds, and its opposite. */
function conditions(filter: GraphQLInputObjectType, foreign: Row): string[] {
  return Object.values(filter.getFields()).flatMap((field) => {
    const operators = getNamedType(field.type);
    const column = columnOf(field.name);
    if (!isInputObjectType(operators) || !("equalTo" in operators.getFields()) || foreign[column] === undefined)
      return [];
    const value = inputOf(typeOf(operators.getFields().equalTo), foreign[column]);
    return value === undefined
      ? []
      : [`{ ${field.name}: { equalTo: ${value} } }`, `{ ${field.name}: { notEqualTo: ${value} } }`];
  });
}

/** A value of a row as GraphQL writes it. */
function inputOf(type: GraphQLInputType, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (isEnumType(type)) return type.getValues().find(({ name }) => name.toLowerCase() === value)?.name;
  return /^(Int|Float|Boolean)$/.test(String(type)) ? String(value) : JSON.stringify(String(value));
}

/** The fields at the root that look up one row of this type by a key: each as a function of the row. */
function lookups(node: GraphQLObjectType): ((row: Row) => string | undefined)[] {
  return fieldsOf(schema.getQueryType() as GraphQLObjectType)
    .filter(
      (field) =>
        getNamedType(field.type) === node &&
        field.args.length > 0 &&
        field.args.every(({ type }) => isNonNullType(type) && isLeafType(type.ofType)),
    )
    .map((field) => (row) => {
      const args = field.args.map(({ name, type }) => {
        const value = inputOf(getNamedType(type) as GraphQLInputType, row[columnOf(name)]);
        return value === undefined ? undefined : `${name}: ${value}`;
      });
      return args.includes(undefined) ? undefined : `${field.name}(${args.join(", ")}) { __typename }`;
    });
}
