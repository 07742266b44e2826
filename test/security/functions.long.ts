/** Every function, called by everybody: with ids of another tenant or client it does nothing and tells nothing. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { createTestDatabase } from "../support/database.ts";
import { type Actor, createWorld, type World } from "./actors.ts";
import { type CallWish, callOf, type FunctionUnderTest, readFunctions, tableOf } from "./calls.ts";
import type { Table } from "./catalog.ts";
import { functions as callers, functionsBeyondTenants, isAmong } from "./expectations.ts";
import type { Row } from "./rows.ts";
import { openStage, type Stage, withoutIds } from "./stage.ts";
import { wallActors } from "./walls.ts";

/** Functions that need more than rows of any kind to succeed, and where they are seen to. */
const succeedElsewhere: Record<string, string> = {
  "app.create_api_key(text,tenancy.membership_role,timestamp with time zone,bytea,text)": "test/api/api_keys.test.ts",
  "app.create_review_link(uuid,text,text,timestamp with time zone,bytea)": "test/api/review_links.test.ts",
  "app.create_tenant(text,text,text,text,text,bytea,jsonb,bytea)": "test/api/operators.test.ts",
  "audit.forget_changes(interval)": "test/database/audit/audit.test.ts",
  "app_private.merge_imported_rows(uuid,text,uuid,uuid)": "test/imports/merging.long.ts",
  "app_private.plan_import_rollback(uuid)": "test/imports/rollback.long.ts",
  "app_private.record_call(uuid,text,jsonb,jsonb)": "test/publishing/publish.test.ts",
  "imports.fix_import_issue(uuid,jsonb,text)": "test/imports/quarantine.long.ts",
  "imports.merge_import_records(uuid,text)": "test/imports/merging.long.ts",
  "imports.preview_import_rollback(uuid)": "test/imports/rollback.long.ts",
  "imports.replay_import_batch(uuid)": "test/imports/quarantine.long.ts",
  "imports.verify_import_batch(uuid)": "test/api/cutovers.test.ts",
  "journeys.publish_journey(uuid,integer)": "test/publishing/access.test.ts",
  "journeys.restore_journey_version(uuid,integer)": "test/database/journeys/journey_versions.test.ts",
  "journeys.revoke_review_link(uuid)": "test/api/review_links.test.ts",
  "leadgen.claim_contacts(leadgen.pipeline_stage,text,text,leadgen.company_tier[],integer,interval,boolean,uuid,text)":
    "test/database/leadgen/roles.test.ts",
  "leadgen.record_activities(jsonb)": "test/database/leadgen/roles.test.ts",
  "leadgen.record_company_l2(uuid,jsonb,jsonb,numeric)": "test/database/leadgen/roles.test.ts",
  "leadgen.record_leads(jsonb,text,text,leadgen.contact_source)": "test/database/leadgen/roles.test.ts",
  "leadgen.record_messages(uuid,jsonb,numeric)": "test/database/leadgen/roles.test.ts",
  "publishing.accept_remote(uuid)": "test/publishing/reconcile.test.ts",
  "publishing.push_again(uuid)": "test/publishing/reconcile.test.ts",
  "tenancy.reactivate_tenant(text)": "test/tenants/suspension.test.ts",
  "tenancy.revoke_api_key(uuid)": "test/api/api_keys.test.ts",
  "tenancy.suspend_tenant(text,text)": "test/tenants/suspension.test.ts",
};

/** `npm run test:security` calls in every state with every argument, `npm test` in some. */
const most = process.env.LANDFALL_TEST_SECURITY === "all" ? Number.POSITIVE_INFINITY : 24;

/** At most as many as may be, spread evenly. */
function spread<T>(all: T[]): T[] {
  const step = Math.max(1, all.length / most);
  return Array.from({ length: Math.min(all.length, most) }, (_, place) => all[Math.floor(place * step)] as T);
}

let world: World;
let stage: Stage;
let functions: FunctionUnderTest[];

beforeAll(async () => {
  world = await createWorld(await createTestDatabase());
  stage = await openStage(world);
  functions = await readFunctions(world.database);
  await stage.guard(world);
});
afterAll(async () => {
  await stage?.close();
  await world?.drop();
});

const mayCall = (called: FunctionUnderTest, actor: Actor) => isAmong(callers[called.signature] ?? "", actor.word);
const schemaOf = (called: FunctionUnderTest) => called.name.split(".")[0] as string;

/** Arguments that point at tables, ids and whole rows alike. */
function pointers(called: FunctionUnderTest) {
  return called.arguments.filter((argument) => tableOf(argument, schemaOf(called), world.tables));
}

type Owner = "ours" | "theirs" | "nobody";

/** A call whose arguments point at the rows of these owners, one after the other. */
function call(called: FunctionUnderTest, owners: (argument: string) => Owner, turn = 0, place = 0): string {
  const rows = (owner: Owner, table: Table): readonly Row[] =>
    owner === "nobody" ? [] : (world[owner].rows.get(table.name) ?? []);
  // Two arguments of one table point at two rows.
  const taken = new Map<string, number>();
  const wish: CallWish = {
    pick: (table, argument) => {
      const before = taken.get(table.name) ?? 0;
      taken.set(table.name, before + 1);
      return rows(owners(argument), table)[(place + 2 * before) % 3];
    },
    rows: (table, argument) => rows(owners(argument), table),
    turn,
    slug: world.ours.slug,
  };
  return callOf(called, world.tables, wish);
}

/** Statements that bring a row of each tenant into each of the states that the subject of a function can have; the last one back. */
async function statesOf(called: FunctionUnderTest): Promise<(string | null)[]> {
  const subject = pointers(called)
    .map((argument) => tableOf(argument, schemaOf(called), world.tables))
    .find((table) => table?.birth);
  const column = subject?.columns.find(({ name }) => name === subject.birth?.column);
  if (!subject || !column) return [null];
  const rows = [world.ours, world.theirs].map((tenant) => tenant.rows.get(subject.name)?.[0] as Row);
  const bring = (label: (row: Row) => unknown) =>
    `update ${subject.name} set ${column.name} = (case id ${rows.map((row) => `when '${row.id}' then '${label(row)}'`).join(" ")} end)::${column.type}
     where id in (${rows.map(({ id }) => `'${id}'`).join(", ")})`;
  const possible: string[] = [];
  for (const label of column.labels) {
    const sql = bring(() => label);
    const isPossible = await stage
      .undone(`set local session_replication_role = replica; ${sql}`, async () => true)
      .catch(() => false);
    if (isPossible) possible.push(sql);
  }
  return [...possible, bring((row) => row[column.name])];
}

/** What comes of calls, each after its state was brought about. */
function deeds(actor: Actor, calls: { state: string | null; sql: string }[], isUndone: boolean): Promise<string[]> {
  const list = (texts: (string | null)[]) =>
    `array[${texts.map((text) => (text === null ? "null" : pg.escapeLiteral(text))).join(", ")}]::text[]`;
  return stage.as<string[]>(
    actor,
    `probing.deeds(${list(calls.map(({ state }) => state))}, ${list(calls.map(({ sql }) => sql))}, ${isUndone})`,
  );
}

test("cannot be called by anybody who is not declared 42501", async () => {
  const wrong: string[] = [];
  for (const actor of world.actors) {
    if (actor.word === "owner") continue;
    const probes = functions
      .filter((called) => !mayCall(called, actor))
      .map((called) => ({ what: called.signature, sql: call(called, () => "ours"), right: /^42501$/ }));
    wrong.push(...(await stage.play(actor, probes)));
  }
  expect(wrong).toEqual([]);
  expect(functions.length).toBeGreaterThan(70);
});

test("cannot do or tell anything of another tenant's, and can do what they are for with one's own", async () => {
  const wrong: string[] = [];
  const refused = new Map<string, string>();
  for (const called of functions) {
    const states = await statesOf(called);
    const turns = [...Array(Math.max(1, ...called.arguments.map(({ labels }) => labels.length))).keys()];
    let hasSucceeded: boolean = false;
    const callersOf = wallActors(world).filter((some) => some.isConfirmed && mayCall(called, some));
    // One of each role, and everybody in the long form.
    const tried = Number.isFinite(most)
      ? [...new Map(callersOf.map((actor) => [actor.word, actor])).values()]
      : callersOf;
    for (const actor of tried) {
      const own = states.flatMap((state) =>
        turns.flatMap((turn) => [0, 1, 2].map((place) => ({ state, sql: call(called, () => "ours", turn, place) }))),
      );
      for (const told of hasSucceeded ? [] : await deeds(actor, spread(own), true)) {
        const code: string | undefined = /^([0-9A-Z]{5}) \| /.exec(told)?.[1];
        hasSucceeded ||= code === undefined && told !== "";
        if (code !== undefined) refused.set(called.signature, `${actor.name}: ${told}`);
        if (code === "42601") wrong.push(`${called.signature} makes SQL of what it is given: ${told}`);
      }
      wrong.push(...(await trespasses(called, actor, states, turns)));
    }
    if (hasSucceeded) refused.delete(called.signature);
  }
  expect([...new Set(wrong)]).toEqual([]);
  expect([...refused].filter(([signature]) => !(signature in succeedElsewhere))).toEqual([]);
});

/** What a function does or tells when it is given what is not its caller's. */
async function trespasses(
  called: FunctionUnderTest,
  actor: Actor,
  states: (string | null)[],
  turns: number[],
): Promise<string[]> {
  const pointing = pointers(called);
  if (pointing.length === 0 || called.signature in functionsBeyondTenants) return [];
  // All arguments foreign, then each alone; and the same of rows that are not there.
  const names = pointing.map(({ name }) => name);
  const mixtures = [names, ...(names.length > 1 ? names.map((name) => [name]) : [])];
  const last = states.at(-1) ?? null;
  const pairs = states.flatMap((state) =>
    mixtures.flatMap((foreign) => turns.map((turn) => ({ state, foreign, turn }))),
  );
  const calls = [...spread(pairs), { state: last, foreign: names, turn: 0 }].flatMap(({ state, foreign, turn }) =>
    (["theirs", "nobody"] as const).map((owner) => ({
      state,
      sql: call(called, (name) => (foreign.includes(name) ? owner : "ours"), turn),
    })),
  );
  const told = await deeds(actor, calls, false);
  const harm = told.pop();
  const wrong = harm ? [`${called.signature} as ${actor.name} changes ${harm} of the other tenant`] : [];
  const takesIdsAlone = pointing.every(({ type }) => type.startsWith("uuid"));
  for (let place = 0; place < calls.length; place += 2) {
    const [foreign = "", nowhere = ""] = told.slice(place, place + 2);
    const what = `${calls[place]?.sql} as ${actor.name} tells ${foreign}`;
    if (foreign.includes(world.theirs.slug)) wrong.push(what);
    else if (takesIdsAlone && withoutIds(foreign) !== withoutIds(nowhere))
      wrong.push(`${what}, and of what is not there ${nowhere}`);
  }
  return wrong;
}
