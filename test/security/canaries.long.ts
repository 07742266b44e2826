/** Random deeds of random people, and two tenants on two connections: no canary of the one in anything that the other is told. */
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import pg from "pg";
import { pino } from "pino";
import { type RunningServer, startServer } from "../../src/server/start.ts";
import { makeTokens } from "../../src/server/tokens.ts";
import { createTestDatabase } from "../support/database.ts";
import { type Actor, createWorld, type World } from "./actors.ts";
import { callOf, type FunctionUnderTest, readFunctions } from "./calls.ts";
import { functions as callers, functionsBeyondTenants, isAmong } from "./expectations.ts";
import { rightsOf } from "./probes.ts";
import { openStage, type Stage } from "./stage.ts";
import type { Tenant } from "./world.ts";

const isAll = process.env.LANDFALL_TEST_SECURITY === "all";

let world: World;
let stage: Stage;
let functions: FunctionUnderTest[];
let server: RunningServer;
const lines: string[] = [];

beforeAll(async () => {
  const database = await createTestDatabase();
  await database.query(`
    create function tenancy.falter(way text) returns integer language plpgsql volatile as $$
      begin
        perform count(*) from journeys.clients;
        if way = 'sleep' then perform pg_sleep(20); end if;
        perform 1 / 0;
        return 0;
      end
    $$;
    grant execute on function tenancy.falter(text) to ${database.rolePrefix}_viewer`);
  world = await createWorld(database);
  stage = await openStage(world);
  await stage.guard(world);
  functions = (await readFunctions(database)).filter(({ signature }) => !(signature in functionsBeyondTenants));
  const { config } = database;
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
    databaseUrl: database.urls.authenticator,
    log,
    connections: 2,
  });
});
afterAll(async () => {
  await server?.close();
  await stage?.close();
  await world?.drop();
});

/** One thing that somebody does, with rows of either tenant. */
interface Deed {
  table: number;
  column: number;
  row: number;
  isOurs: boolean;
  kind: "read" | "read all" | "write" | "point" | "delete" | "call";
}

const deeds: fc.Arbitrary<Deed> = fc.record({
  table: fc.nat(),
  column: fc.nat(),
  row: fc.nat(2),
  isOurs: fc.boolean(),
  kind: fc.constantFrom("read", "read all", "write", "point", "delete", "call"),
});

/** The deed as SQL. */
function statement({ table, column, row, isOurs, kind }: Deed, actor: Actor): string {
  const tenant: Tenant = isOurs ? world.ours : world.theirs;
  if (kind === "call") {
    const callable = functions.filter(({ signature }) => isAmong(callers[signature] ?? "", actor.word));
    const called = callable[table % Math.max(callable.length, 1)];
    if (called === undefined) return "select 1";
    return callOf(called, world.tables, {
      pick: (some) => tenant.rows.get(some.name)?.[row],
      rows: (some) => tenant.rows.get(some.name) ?? [],
      turn: column,
      slug: world.ours.slug,
    });
  }
  const tables = world.tables.filter(
    (some) => ["tenant", "global"].includes(some.class) && rightsOf(some, actor.word).select !== undefined,
  );
  const target = tables[table % tables.length] ?? world.tables[0];
  const columns = target?.columns ?? [];
  const name = columns[column % columns.length]?.name;
  const id = String(tenant.rows.get(target?.name ?? "")?.[row]?.id);
  const reference = target?.references.find(({ columns: pointing }) => pointing.length === 2);
  const parent = reference && tenant.rows.get(reference.target)?.[row]?.id;
  switch (kind) {
    case "read":
      return `select * from ${target?.name} where id::text = '${id}'`;
    case "write":
      return `update ${target?.name} set "${name}" = "${name}" where id::text = '${id}' returning *`;
    case "point":
      return parent ? `update ${target?.name} set ${reference.columns[1]} = '${parent}' returning *` : "select 1";
    case "delete":
      return `delete from ${target?.name} where id::text = '${id}' returning *`;
    default:
      return `select * from ${target?.name}`;
  }
}

/** What a statement tells, of another tenant: ids that were sent along aside. */
const isForeign = (told: string) => told.includes(world.theirs.slug);

test("cannot be told, nor change, anything of another tenant by any sequence of deeds", async () => {
  // The operator lists every tenant, and the owner owns every row.
  const doers = world.actors.filter(({ word }) => word !== "owner" && word !== "operator");
  await fc.assert(
    fc.asyncProperty(
      fc.nat(doers.length - 1),
      fc.array(deeds, { minLength: 1, maxLength: 12 }),
      async (who, sequence) => {
        const actor = doers[who] as Actor;
        const statements = sequence.map((deed) => pg.escapeLiteral(statement(deed, actor))).join(", ");
        const told = await stage.as<string[]>(
          actor,
          `probing.deeds(array_fill(null::text, array[${sequence.length}]), array[${statements}]::text[], false)`,
        );
        const harm = told.pop();
        expect(harm).toBe("");
        expect(told.filter(isForeign)).toEqual([]);
      },
    ),
    { numRuns: isAll ? 10_000 : 100, ...(isAll ? {} : { seed: 7 }) },
  );
});

describe("two tenants on two connections", () => {
  const token = (tenant: Tenant) =>
    makeTokens(world.database.config.jwt.secret).sign(
      { userId: tenant.people.admin.userId, tenantId: tenant.id, sessionId: tenant.people.admin.sessionId },
      new Date(Date.now() + 3_600_000),
    );

  const queries = {
    list: "{ clients(first: 100) { nodes { name slug pipelines { nodes { name } } } } journeys { totalCount nodes { name } } }",
    error: 'mutation { falter(input: { way: "divide" }) { result } }',
    timeout: 'mutation { falter(input: { way: "sleep" }) { result } }',
    invalid: "{ nonsense }",
  };

  test("cannot find a canary of the other in any answer, however requests mingle, break off and fail", async () => {
    const [ours, theirs] = [await token(world.ours), await token(world.theirs)];
    const kinds = Object.keys(queries) as (keyof typeof queries)[];
    const send = async (place: number) => {
      const isOurs = place % 2 === 0;
      // One in ten fails, one in ten breaks off while it sleeps, one in ten is no query.
      const kind = place % 10 === 3 ? "error" : place % 10 === 6 ? "timeout" : place % 10 === 9 ? "invalid" : "list";
      const response = await fetch(`${server.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${isOurs ? ours : theirs}` },
        body: JSON.stringify({ query: queries[kind] }),
        ...(kind === "timeout" ? { signal: AbortSignal.timeout(50) } : {}),
      });
      return { isOurs, kind, text: await response.text() };
    };
    const requests = Array.from({ length: isAll ? 400 : 60 }, (_, place) => place);
    const answers: { isOurs: boolean; kind: string; text: string }[] = [];
    for (let start = 0; start < requests.length; start += 10) {
      const settled = await Promise.allSettled(requests.slice(start, start + 10).map(send));
      answers.push(...settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])));
      // What broke off still holds its connection; nobody waits for it.
      await world.database.query(
        "select pg_cancel_backend(pid) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'",
      );
    }
    const wrong = answers.filter(({ isOurs, text }) => text.includes((isOurs ? world.theirs : world.ours).slug));
    expect(wrong).toEqual([]);
    const told = answers.filter(
      ({ kind, isOurs, text }) => kind === "list" && text.includes((isOurs ? world.ours : world.theirs).slug),
    );
    expect(told.length).toBeGreaterThan(requests.length / 3);
    expect(kinds.filter((kind) => kind !== "timeout" && !answers.some((answer) => answer.kind === kind))).toEqual([]);
    expect(lines.filter((line) => line.includes("canary-"))).toEqual([]);
  });

  test("cannot find a setting of a person on a connection that is given back", async () => {
    const left = await world.database.query(
      "select from pg_stat_activity where datname = current_database() and application_name = 'landfall api' and state = 'idle in transaction'",
    );
    expect(left).toEqual([]);
  });
});
