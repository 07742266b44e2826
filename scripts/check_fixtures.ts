/** Proves that the fixtures are what the database holds: running them all again changes no definition. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { compile } from "graphile-migrate";
import pg from "pg";
import { projectDir } from "../src/config.ts";
import { migrationSettings } from "../src/database/migrate.ts";

/** Every definition that a fixture can make, by what it defines. */
const definitionsQuery = `
with schemas as (
  select oid, nspname from pg_namespace
  where nspname in ('app', 'app_private', 'audit', 'tenancy', 'journeys', 'imports', 'publishing', 'reporting')
)
select 'function ' || p.oid::regprocedure as object, pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') || p.proowner::regrole as definition
  from pg_proc p where p.pronamespace in (select oid from schemas) and p.prokind = 'f'
union all
select 'policy ' || policyname || ' on ' || schemaname || '.' || tablename, row(permissive, roles, cmd, qual, with_check)::text
  from pg_policies where schemaname in (select nspname from schemas)
union all
select 'trigger ' || t.tgname || ' on ' || t.tgrelid::regclass, pg_get_triggerdef(t.oid) || t.tgenabled::text
  from pg_trigger t join pg_class c on c.oid = t.tgrelid where c.relnamespace in (select oid from schemas) and not t.tgisinternal
union all
select 'relation ' || c.oid::regclass, row(c.relkind, c.relacl, c.relowner, c.reloptions, c.relrowsecurity, c.relforcerowsecurity,
    case c.relkind when 'v' then pg_get_viewdef(c.oid) end)::text
  from pg_class c where c.relnamespace in (select oid from schemas) and c.relkind in ('r', 'v', 'p')
union all
select 'column ' || a.attrelid::regclass || '.' || a.attname, row(a.attacl, a.atttypid::regtype, a.attnotnull)::text
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  where c.relnamespace in (select oid from schemas) and c.relkind in ('r', 'v', 'p') and a.attnum > 0 and not a.attisdropped
union all
select 'comment ' || d.classoid::regclass || ' ' || pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
  from pg_description d
  where d.classoid in ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_constraint'::regclass, 'pg_type'::regclass, 'pg_namespace'::regclass)
    and d.objoid >= 16384
union all
select 'transition ' || t.machine || ' ' || coalesce(t.from_state, '') || ' ' || t.to_state, t::text from app.transitions t
union all
select 'error ' || e.code, e::text from app.errors e`;

/**
 * Runs every fixture again, each in a transaction of its own.
 *
 * @param ownerUrl connection string of the owner of a migrated database
 * @param rolePrefix first part of its roles' names
 * @returns a line for each fixture that fails, or changes a definition
 */
export async function fixtureEffects(ownerUrl: string, rolePrefix: string): Promise<string[]> {
  const folder = join(projectDir, "migrations", "fixtures");
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".sql")).sort();
  const settings = { ...(await migrationSettings(rolePrefix)), connectionString: ownerUrl };
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const effects: string[] = [];
    let before = await definitions(client);
    for (const file of files) {
      const sql = await compile(settings, `--!include ${file}\n`);
      try {
        await client.query(`begin;\n${sql}\n;commit`);
      } catch (error) {
        await client.query("rollback");
        effects.push(`migrations/fixtures/${file} cannot run again: ${(error as Error).message}`);
      }
      const after = await definitions(client);
      effects.push(...differences(before, after).map((object) => `migrations/fixtures/${file} changes ${object}`));
      before = after;
    }
    return effects;
  } finally {
    await client.end();
  }
}

async function definitions(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ object: string; definition: string }>(definitionsQuery);
  return new Map(rows.map(({ object, definition }) => [object, definition]));
}

function differences(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((object) => before.get(object) !== after.get(object));
}
