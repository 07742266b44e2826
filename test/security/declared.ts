/** What the catalog has and expectations.ts does not say, or says otherwise: each with what to write. */
import type { TestDatabase } from "../support/database.ts";
import type { Table } from "./catalog.ts";
import { functions, tables, views } from "./expectations.ts";

/** Somebody with `query`: the test's database, or a connection within a transaction. */
export interface Reader {
  query<Row extends object>(sql: string): Promise<Row[]>;
}

/** Every table that is not declared, with a line to begin from, and every declaration that has lost its table. */
export async function undeclaredTables(reader: Reader, { rolePrefix }: TestDatabase, all: Table[]): Promise<string[]> {
  const declared = new Set(Object.keys(tables));
  const problems: string[] = [];
  for (const { name, class: kind } of all) {
    if (kind === "partition" || declared.delete(name)) continue;
    problems.push(
      `${name} is not in test/security/expectations.ts: say what each role may do with its rows. As the grants stand: ${await fromGrants(reader, rolePrefix, name)}`,
    );
  }
  for (const name of declared)
    problems.push(`${name} is in test/security/expectations.ts and nowhere else: take it out.`);
  return problems;
}

async function fromGrants(reader: Reader, rolePrefix: string, table: string): Promise<string> {
  const granted = await reader.query<{ word: string; verb: string; columns: string }>(`
    select substring(g.grantee::regrole::text from '^${rolePrefix}_(.*)$') as word, lower(g.privilege_type) as verb,
      coalesce(string_agg(g.attname, ' ' order by g.attname), '*') as columns
    from (
      select a.grantee, a.privilege_type, null::name as attname from pg_class c, aclexplode(c.relacl) a where c.oid = '${table}'::regclass
      union all
      select a.grantee, a.privilege_type, t.attname from pg_attribute t, aclexplode(t.attacl) a where t.attrelid = '${table}'::regclass
    ) g
    where g.grantee <> '${rolePrefix}_owner'::regrole
    group by g.grantee, g.privilege_type order by 1, 2`);
  const byWord = new Map<string, string[]>();
  for (const { word, verb, columns } of granted) {
    const right = { insert: `insert: "${columns}"`, update: `update: ["${columns}", every]` }[verb] ?? `${verb}: every`;
    byWord.set(word, [...(byWord.get(word) ?? []), right]);
  }
  const rights = [...byWord].map(([word, verbs]) => `${word}: { ${verbs.join(", ")} }`);
  return `"${table}": { kind: "…", rights: { ${[...rights, "owner"].join(", ")} } },`;
}

/** Every policy of the database that is for everybody, graphile-worker's tables included. */
export async function policiesForEverybody(reader: Reader): Promise<string[]> {
  const rows = await reader.query<{ policy: string }>(
    "select polname || ' on ' || polrelid::regclass as policy from pg_policy where 0 = any (polroles)",
  );
  return rows.map(({ policy }) => `${policy} is for everybody: name its roles.`);
}

/** Every view and function whose callers are not those that are declared. */
export async function undeclaredCallers(reader: Reader, { rolePrefix }: TestDatabase): Promise<string[]> {
  const found = await reader.query<{ name: string; kind: "view" | "function"; callers: string }>(`
    select o.name, o.kind, coalesce((
      select string_agg(coalesce(substring(r.rolname from '^${rolePrefix}_(.*)$'), r.rolname, 'public'), ' ' order by r.rolname)
      from aclexplode(o.acl) a left join pg_roles r on r.oid = a.grantee
      where a.grantee <> '${rolePrefix}_owner'::regrole and a.privilege_type in ('SELECT', 'EXECUTE')
        and (a.grantee = 0 or has_schema_privilege(a.grantee, n.oid, 'usage'))
    ), '') as callers
    from (
      select c.oid::regclass::text as name, 'view' as kind, c.relacl as acl, c.relnamespace as schema from pg_class c where c.relkind in ('v', 'm')
      union all
      select p.oid::regprocedure::text, 'function', coalesce(p.proacl, acldefault('f', p.proowner)), p.pronamespace from pg_proc p
    ) o
    join pg_namespace n on n.oid = o.schema
    where n.nspowner = '${rolePrefix}_owner'::regrole and n.nspname !~ '^(graphile_|pg_)'
    order by 2, 1`);
  const declared = { view: new Map(Object.entries(views)), function: new Map(Object.entries(functions)) };
  const sorted = (words: string) => words.split(" ").filter(Boolean).sort().join(" ");
  const problems: string[] = [];
  for (const { name, kind, callers } of found) {
    const expected = declared[kind].get(name);
    declared[kind].delete(name);
    if (sorted(expected ?? "") === sorted(callers) && (kind === "function" || expected !== undefined)) continue;
    problems.push(
      `${name} is ${kind === "view" ? "read" : "called"} by ${callers || "nobody"}, and ${
        expected === undefined
          ? "is not in test/security/expectations.ts"
          : `by ${expected} in test/security/expectations.ts`
      }: take the grant back, or write "${name}": "${callers}",`,
    );
  }
  for (const name of [...declared.view.keys(), ...declared.function.keys()]) {
    problems.push(`${name} is in test/security/expectations.ts and nowhere else: take it out.`);
  }
  return problems;
}
