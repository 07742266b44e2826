/** Fixtures hold the current text of every replaceable object: running all of them again must change nothing. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { projectDir } from "../../config.ts";
import { errorMessage } from "../../errors.ts";
import { compilePlaceholders, migrationSettings } from "../migrate.ts";

const migrationsDir = join(projectDir, "migrations");

/** A fixture file, by its path within migrations/fixtures. */
export interface Fixture {
  name: string;
  sql: string;
}

/** Every fixture that a committed migration includes, in the order of its last inclusion: what a migrated database was made by. */
export async function fixturesInOrder(rolePrefix: string): Promise<Fixture[]> {
  const { placeholders } = await migrationSettings(rolePrefix);
  const committed = (await readdir(join(migrationsDir, "committed"))).filter((name) => name.endsWith(".sql")).sort();
  const names = new Set<string>();
  for (const file of committed) {
    const text = await readFile(join(migrationsDir, "committed", file), "utf8");
    for (const [, name] of text.matchAll(/^--! Included (\S+)$/gm)) {
      names.delete(name as string);
      names.add(name as string);
    }
  }
  const fixtures: Fixture[] = [];
  for (const name of names) {
    const text = await readFile(join(migrationsDir, "fixtures", name), "utf8");
    // A fixture that is included by another stands in the list by itself.
    fixtures.push({ name, sql: compilePlaceholders(text.replace(/^--!include .*$/gm, ""), placeholders) });
  }
  return fixtures;
}

/** Fixture files that no committed migration includes. */
export async function unusedFixtures(rolePrefix: string): Promise<string[]> {
  const used = new Set((await fixturesInOrder(rolePrefix)).map(({ name }) => name));
  const files = await readdir(join(migrationsDir, "fixtures"), { recursive: true });
  return files.filter((name) => name.endsWith(".sql") && !used.has(name)).sort();
}

/**
 * Runs every fixture again, in the order of the migrations and in one transaction that is rolled back.
 *
 * @param ownerUrl connection string that acts as the owner of a database that is fully migrated
 * @returns a line for each fixture that fails, or changes a definition; empty where all is as it should be
 */
export async function rerunFixtures(ownerUrl: string, rolePrefix: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: "landfall check" });
  await client.connect();
  try {
    await client.query("begin");
    const fixtures = await fixturesInOrder(rolePrefix);
    const original = await readDefinitions(client);
    await client.query("savepoint original");
    const failures: string[] = [];
    for (const fixture of fixtures) failures.push(...(await runFixture(client, fixture)));
    if (failures.length === 0 && differences(original, await readDefinitions(client)).length === 0) return [];

    // Something differs: once more, looking after each, to say which fixture it is.
    await client.query("rollback to savepoint original");
    const effects: string[] = [];
    let before = original;
    for (const fixture of fixtures) {
      effects.push(...(await runFixture(client, fixture)));
      const after = await readDefinitions(client);
      for (const object of differences(before, after)) {
        effects.push(`migrations/fixtures/${fixture.name} changes ${object}`);
      }
      before = after;
    }
    return effects;
  } finally {
    await client.query("rollback");
    await client.end();
  }
}

/** Nothing, or a line that says why it failed. */
async function runFixture(client: pg.Client, { name, sql }: Fixture): Promise<string[]> {
  await client.query("savepoint before_fixture");
  try {
    await client.query(sql);
    return [];
  } catch (error) {
    await client.query("rollback to savepoint before_fixture");
    return [`migrations/fixtures/${name} cannot run again: ${errorMessage(error)}`];
  }
}

function differences(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((object) => before.get(object) !== after.get(object));
}

/** Every definition in our schemas, by the object's name: text, rights and comment; and the rows that fixtures write. */
async function readDefinitions(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ object: string; definition: string }>(`
    with schemas as (
      select n.oid, n.nspname, n.nspacl from pg_catalog.pg_namespace n
      where n.nspowner = (select r.oid from pg_catalog.pg_roles r where r.rolname = current_user) and n.nspname !~ '^(graphile_|pg_)'
    )
    select 'schema ' || s.nspname as object, pg_catalog.array_to_string(array(select unnest(s.nspacl)::text order by 1), ' ') as definition
    from schemas s
    union all
    select 'function ' || p.oid::regprocedure,
      concat_ws(E'\\n', pg_catalog.pg_get_functiondef(p.oid), array(select unnest(p.proacl)::text order by 1), p.proowner::regrole)
    from pg_catalog.pg_proc p join schemas s on s.oid = p.pronamespace
    union all
    select 'relation ' || c.oid::regclass,
      concat_ws(E'\\n', c.relkind, c.relowner::regrole, c.reloptions, c.relrowsecurity, c.relforcerowsecurity,
        array(select unnest(c.relacl)::text order by 1), case c.relkind when 'v' then pg_catalog.pg_get_viewdef(c.oid) end,
        (select string_agg(concat_ws(' ', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), array(select unnest(a.attacl)::text order by 1)), E'\\n' order by a.attnum)
          from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
    from pg_catalog.pg_class c join schemas s on s.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'S')
    union all
    select 'type ' || t.oid::regtype, array_to_string(array(select unnest(t.typacl)::text order by 1), ' ')
    from pg_catalog.pg_type t join schemas s on s.oid = t.typnamespace where t.typtype in ('e', 'd')
    union all
    select 'policy ' || p.polname || ' on ' || p.polrelid::regclass,
      concat_ws(E'\\n', p.polcmd, p.polpermissive, array(select unnest(p.polroles)::regrole::text order by 1),
        pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
    from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid join schemas s on s.oid = c.relnamespace
    union all
    select 'trigger ' || g.tgname || ' on ' || g.tgrelid::regclass, concat(g.tgenabled, ' ', pg_catalog.pg_get_triggerdef(g.oid))
    from pg_catalog.pg_trigger g join pg_catalog.pg_class c on c.oid = g.tgrelid join schemas s on s.oid = c.relnamespace
    where not g.tgisinternal
    union all
    select 'comment on ' || o.type || ' ' || o.identity, d.description
    from pg_catalog.pg_description d cross join lateral pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) o
    where o.schema in (select nspname from schemas) or (o.type = 'schema' and o.name in (select nspname from schemas))
      or (o.type in ('policy', 'trigger', 'table constraint') and split_part(split_part(o.identity, ' on ', 2), '.', 1) in (select nspname from schemas))
    union all
    select 'error ' || e.code, e::text from app.errors e
    union all
    select 'step of ' || concat_ws(' ', t.machine, t.from_state, '->', t.to_state), t::text from app.transitions t`);
  return new Map(rows.map(({ object, definition }) => [object, definition]));
}
