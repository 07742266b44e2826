/** Lets the tests loose on a mutant: the matrix first, then behind the other wall, then the declaration and the rules of the schema. */
import { createHash } from "node:crypto";
import { functionRules } from "../../src/database/rules/functions.ts";
import { policyRules } from "../../src/database/rules/policies.ts";
import { roleRules } from "../../src/database/rules/roles.ts";
import { findOffenders, type Queryable, type Rule } from "../../src/database/rules/rule.ts";
import { tableRules } from "../../src/database/rules/tables.ts";
import type { Actor, World } from "./actors.ts";
import { policiesForEverybody, undeclaredCallers } from "./declared.ts";
import { holds, type Mutant } from "./mutants.ts";
import { type Probe, type Prober, viewProbes } from "./probes.ts";
import type { Stage } from "./stage.ts";
import { wallActors } from "./walls.ts";

/** What noticed a mutant: an attempt that came out otherwise, or a rule of the schema alone. */
export type Catcher = { by: "attempt" | "rule"; what: string } | undefined;

/** The schema of something, or the schema itself. */
const schemaOf = (target: string) => target.split(/[. ]/)[0] as string;

/** The rules that speak of who may do what. */
const accessRules = [...tableRules, ...policyRules, ...functionRules, ...roleRules];

type IsAmongThem = (actor: Actor) => boolean;

export type Hunt = (mutant: Mutant) => Promise<Catcher>;

export async function makeHunt(world: World, stage: Stage, prober: Prober): Promise<Hunt> {
  const { rolePrefix } = world.database;
  const probes = new Map<string, Promise<Probe[]>>();
  const byName = new Map(world.tables.map((table) => [table.name, table]));
  const dependants = await readDependants();
  // Of the claims that do not hold one will do, and whoever is known nevertheless: the matrix tries them all.
  const hunters = world.actors.filter(
    ({ isConfirmed, userId, name }) => isConfirmed || userId !== null || name === "admin without a tenant",
  );
  const reader = {
    query: async <Row extends object>(sql: string) => (await stage.client.query<Row & object>(sql)).rows as Row[],
  };
  // Planning each rule once is what makes asking them often quick.
  await stage.client.query("set local plan_cache_mode = force_generic_plan");
  const prepared: Queryable = {
    query: (text, values) =>
      stage.client.query({ name: createHash("sha256").update(text).digest("hex").slice(0, 60), text, values }),
  };

  function probesOf(table: string, actor: Actor): Promise<Probe[]> {
    const key = `${table} ${actor.name}`;
    const known = byName.get(table);
    const made = probes.get(key) ?? (known ? prober(known, actor) : Promise.resolve([]));
    probes.set(key, made);
    return made;
  }

  /** Tables whose policies ask another table. */
  async function readDependants(): Promise<Map<string, string[]>> {
    const rows = await world.database.query<{ asked: string; asking: string }>(`
      select distinct d.refobjid::regclass::text as asked, p.polrelid::regclass::text as asking
      from pg_depend d join pg_policy p on p.oid = d.objid and d.classid = 'pg_policy'::regclass
      where d.refclassid = 'pg_class'::regclass and d.refobjid <> p.polrelid`);
    return new Map(
      [...Map.groupBy(rows, ({ asked }) => asked)].map(([asked, found]) => [asked, found.map(({ asking }) => asking)]),
    );
  }

  async function firstWrong(tables: string[], actors: Actor[], isTried: (probe: Probe) => boolean): Promise<Catcher> {
    for (const table of tables) {
      for (const actor of actors) {
        const tried = (await probesOf(table, actor)).filter(isTried);
        const [wrong] = tried.length === 0 ? [] : await stage.play(actor, tried);
        if (wrong) return { by: "attempt", what: wrong };
      }
    }
    return undefined;
  }

  /** Those whose claim holds before those whose does not. */
  function likeliestFirst(actors: Actor[]): Actor[] {
    return [...actors].sort((one, other) => Number(other.isConfirmed) - Number(one.isConfirmed));
  }

  /** Statements that take the other wall down, for one table. */
  async function takeDown(table: string, wall: "restrictive" | "permissive"): Promise<string> {
    const { rows } = await stage.client.query<{ sql: string }>(
      wall === "restrictive"
        ? `select format('drop policy %I on %s', p.polname, p.polrelid::regclass) as sql from pg_policy p
           where not p.polpermissive and p.polrelid = '${table}'::regclass`
        : `select concat_ws(' ', format('alter policy %I on %s', p.polname, p.polrelid::regclass),
             case when p.polqual is not null then 'using (true)' end, case when p.polwithcheck is not null then 'with check (true)' end) as sql
           from pg_policy p where p.polpermissive and p.polname !~ '(_owner|^all_tenant)$' and p.polrelid = '${table}'::regclass`,
    );
    return ["select", ...rows.map(({ sql }) => sql)].join("; ");
  }

  // One schema alone breaks some rules of its own, for what it refers to is out of sight: what counts is what comes on top.
  const unbroken = new Map<string, Set<string>>();

  async function offendersIn(schema: string, rules: readonly Rule[]): Promise<string[]> {
    const findings = await findOffenders(prepared, rules, { rolePrefix, schemas: [schema] });
    return findings.flatMap(({ rule, offenders }) => offenders.map((offender) => `${rule.name}: ${offender}`));
  }

  async function ruleAgainst({ target, rule }: Mutant): Promise<Catcher> {
    const likeliest = accessRules.filter(({ name }) => name === rule);
    const others = accessRules.filter(({ name }) => name !== rule);
    for (const rules of [likeliest, others]) {
      const offenders = rules.length === 0 ? [] : await offendersIn(schemaOf(target), rules);
      const what = offenders.find((offender) => !unbroken.get(schemaOf(target))?.has(offender));
      if (what !== undefined) return { by: "rule", what };
    }
    const [open] = await policiesForEverybody(reader);
    return open === undefined ? undefined : { by: "rule", what: open };
  }

  /** What these actors notice: of a column's grant, by probes that name the column; of anything else, by all that speak of its verb. */
  async function attempt(
    { table, verb, column, otherWall, target }: Mutant,
    isAmongThem: IsAmongThem,
  ): Promise<Catcher> {
    const them = likeliestFirst(hunters.filter(isAmongThem));
    if (table === null) {
      const [undeclared] = await undeclaredCallers(reader, world.database);
      if (undeclared) return { by: "attempt", what: undeclared };
      const within = world.tables.map(({ name }) => name).filter((name) => name.startsWith(`${target.split(" ")[0]}.`));
      return (await firstInViews(them)) ?? firstWrong(within, them, () => true);
    }
    const names = ({ what }: Probe) => what === `${verb} ${column}` || what === `${verb} own`;
    const named = column === null ? undefined : await firstWrong([table], them, names);
    if (named) return named;
    // To lock a row, or to give it away, takes several verbs.
    const concerns = ({ what }: Probe) =>
      verb === null || what.startsWith(verb) || !/^(select|insert|update|delete)/.test(what);
    const caught = await firstWrong([table, ...(dependants.get(table) ?? [])], them, concerns);
    if (caught || otherWall === null) return caught;
    return stage.undone(await takeDown(table, otherWall), () =>
      firstWrong(
        [table],
        likeliestFirst(wallActors(world).filter(isAmongThem)),
        (probe) => probe.isForeign === true && concerns(probe),
      ),
    );
  }

  async function firstInViews(actors: Actor[]): Promise<Catcher> {
    for (const actor of actors) {
      const [what] = await stage.play(actor, viewProbes(world, actor));
      if (what) return { by: "attempt", what };
    }
    return undefined;
  }

  return async (mutant) => {
    const schema = schemaOf(mutant.target);
    if (!unbroken.has(schema)) unbroken.set(schema, new Set(await offendersIn(schema, accessRules)));
    const { words } = mutant;
    const isLikely = ({ word }: Actor) => words.length === 0 || holds(words, word);
    // Whoever it is about, then the rules, then everybody else: nothing is left out, and hardly ever is it everybody's turn.
    return stage.undone(
      mutant.sql,
      async () =>
        (await attempt(mutant, isLikely)) ??
        (await ruleAgainst(mutant)) ??
        (words.length === 0 ? undefined : attempt(mutant, (actor) => !isLikely(actor))),
    );
  };
}
