/** Everybody against every table: what may be done is done, what may not is refused, and of another tenant nothing is found. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createTestDatabase } from "../support/database.ts";
import { type Actor, actorNames, createWorld, type World } from "./actors.ts";
import { readTables } from "./catalog.ts";
import { policiesForEverybody, undeclaredCallers, undeclaredTables } from "./declared.ts";
import { makeProber, type Probe, type Prober, viewProbes } from "./probes.ts";
import { openStage, type Stage } from "./stage.ts";
import { wallActors, withOpenPermissive, withoutRestrictive } from "./walls.ts";

let world: World;
let stage: Stage;
let prober: Prober;

beforeAll(async () => {
  world = await createWorld(await createTestDatabase());
  await world.database.query("analyze");
  stage = await openStage(world);
  prober = makeProber(world, stage.client);
});
afterAll(async () => {
  await stage?.close();
  await world?.drop();
});

const actorOf = (name: string) => world.actors.find((actor) => actor.name === name) as Actor;

/** Everything that does not come out right for somebody. */
async function play(actor: Actor, isPlayed: (probe: Probe) => boolean = () => true): Promise<string[]> {
  const wrong: string[] = [];
  for (const table of world.tables) {
    const probes = (await prober(table, actor)).filter(isPlayed);
    wrong.push(...(await stage.play(actor, probes)).map((text) => `${table.name}: ${text}`));
  }
  return wrong;
}

describe("the declaration", () => {
  test("cannot lack a table, nor name one that is gone", async () => {
    expect(await undeclaredTables(world.database, world.database, world.tables)).toEqual([]);
  });

  test("cannot lack a view or a function that somebody may use, nor say otherwise than the grants", async () => {
    expect(await undeclaredCallers(world.database, world.database)).toEqual([]);
  });

  test("cannot lack the roles of a policy", async () => {
    expect(await policiesForEverybody(world.database)).toEqual([]);
  });

  test("can be tried with each of its actors", () => {
    expect(world.actors.map(({ name }) => name)).toEqual([...actorNames]);
  });
});

describe("the rows", () => {
  test("cannot hang on the plan by which the catalog is read", async () => {
    const read = () =>
      readTables({
        rolePrefix: world.database.rolePrefix,
        query: async <Found extends object>(sql: string) => (await stage.client.query(sql)).rows as Found[],
      });
    const without = (...plans: string[]) =>
      stage.undone(plans.map((plan) => `set local enable_${plan} = off`).join("; "), read);
    const byIndex = await without("seqscan", "bitmapscan", "hashjoin", "sort");
    expect(await without("indexscan", "indexonlyscan", "bitmapscan", "nestloop")).toEqual(byIndex);
  });

  test("can be found in every table, of each tenant", () => {
    const empty = world.tables.filter(
      ({ name, class: kind }) =>
        kind === "tenant" && [world.ours, world.theirs].some((tenant) => (tenant.rows.get(name)?.length ?? 0) < 2),
    );
    expect(empty.map(({ name }) => name)).toEqual([]);
    expect(world.tables.length).toBeGreaterThan(50);
  });

  test("cannot point at what is not there", async () => {
    const orphans: string[] = [];
    for (const { name, references } of world.tables) {
      for (const { columns, target, targetColumns } of references) {
        const [row] = await world.database.query<{ count: number }>(
          `select count(*)::integer as count from ${name} c
           where ${columns.map((column) => `c.${column} is not null`).join(" and ")} and not exists (
             select from ${target} p where ${columns.map((column, place) => `p.${targetColumns[place]} = c.${column}`).join(" and ")}
           )`,
        );
        if (row?.count !== 0) orphans.push(`${name} (${columns.join(", ")})`);
      }
    }
    expect(orphans).toEqual([]);
  });
});

describe.each(actorNames)("as %s", (name) => {
  test("can do what is declared, and nothing else, in every table", async () => {
    expect(await play(actorOf(name))).toEqual([]);
  });

  test("cannot find anything of another tenant in a view", async () => {
    const actor = actorOf(name);
    expect(await stage.play(actor, viewProbes(world, actor))).toEqual([]);
  });

  test("cannot learn anything from the server's own tables, nor count by a sequence", async () => {
    const actor = actorOf(name);
    const sequences = await world.database.query<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c
       where c.relkind = 'S' and c.relowner = '${world.database.rolePrefix}_owner'::regrole`,
    );
    const mayCount = (sequence: string) =>
      actor.word === "owner" || (actor.word === "worker" && sequence.startsWith("graphile_worker."));
    const probes = [
      {
        what: "read the planner's statistics",
        sql: "select from pg_stats s where s::text ~ 'meadow' and s.tablename !~ '^import_'",
        right: actor.word === "owner" ? /^\d+$/ : /^0$/,
      },
      {
        what: "read what others ask",
        sql: "select from pg_stat_activity where usename <> session_user and query !~ '^<insufficient'",
        right: actor.login === null ? /^\d+$/ : /^0$/,
      },
      ...sequences.flatMap((sequence) =>
        [`nextval('${sequence.name}')`, `setval('${sequence.name}', 1)`].map((call) => ({
          what: call,
          sql: `select ${call}`,
          right: mayCount(sequence.name) ? /^(1|42501)$/ : /^42501$/,
        })),
      ),
    ];
    expect(await stage.play(actor, probes)).toEqual([]);
  });
});

describe("each wall between tenants", () => {
  test.each([
    ["the permissive policies, without the restrictive one", withoutRestrictive],
    ["the restrictive policy, with every permissive one open", withOpenPermissive],
  ])("can hold alone: %s", async (_name, change) => {
    await stage.undone(await change(world.database), async () => {
      const wrong: string[] = [];
      for (const actor of wallActors(world)) wrong.push(...(await play(actor, ({ isForeign }) => isForeign === true)));
      expect(wrong).toEqual([]);
    });
  });
});
