/** Everything that keeps tenants apart, broken in turn: each a statement after which some test must fail. */
import type { TestDatabase } from "../support/database.ts";
import { inherits, type Word } from "./expectations.ts";

export interface Mutant {
  /** What was done, the same words for the same doing. */
  kind: string;
  /** To what. */
  target: string;
  sql: string;
  /** The table whose rows it exposes or hides; null where it is a view, a function or a schema. */
  table: string | null;
  /** The roles that would notice first. */
  words: Word[];
  /** The verb that it changes; null where it is all of them. */
  verb: string | null;
  /** The column whose grant it takes back; null where it is anything else. */
  column: string | null;
  /** The rule of the schema that forbids it, where attempts may find nothing different. */
  rule: string | null;
  /** The wall that stands before the one that was broken, to be taken down to look behind it. */
  otherWall: "restrictive" | "permissive" | null;
}

interface Policy {
  table: string;
  name: string;
  class: string | null;
  command: string;
  permissive: boolean;
  words: Word[];
  using: string | null;
  check: string | null;
}

/** Every mutant of this database. */
export async function listMutants(database: TestDatabase): Promise<Mutant[]> {
  return [
    ...(await policyMutants(database)),
    ...(await tableMutants(database)),
    ...(await grantMutants(database)),
    ...(await viewAndFunctionMutants(database)),
  ];
}

const mutant = (kind: string, target: string, sql: string): Mutant => ({
  ...{ kind, target, sql, table: null, words: [], verb: null, column: null, rule: null, otherWall: null },
});

const ours = (prefix: string) =>
  `((n.nspowner = '${prefix}_owner'::regrole and n.nspname !~ '^(graphile_|pg_)') or n.nspname = 'graphile_worker')`;

async function policyMutants(database: TestDatabase): Promise<Mutant[]> {
  const role = (word: string) => `${database.rolePrefix}_${word}`;
  const policies = await database.query<Policy>(`
    select p.polrelid::regclass::text as table, p.polname::text as name, substring(obj_description(p.polrelid, 'pg_class') from '@class ([a-z]+)') as class,
      case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command,
      p.polpermissive as permissive, pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check,
      array(select substring(r.rolname from '^${database.rolePrefix}_(.*)$') from pg_roles r where r.oid = any (p.polroles) order by 1) as words
    from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
    where ${ours(database.rolePrefix)}
    order by 1, 2`);
  return policies.flatMap((policy) => {
    const { table, name, words, using, check, permissive, command } = policy;
    const change = (kind: string, sql: string, more: Partial<Mutant> = {}): Mutant => ({
      ...mutant(`${permissive ? "a permissive" : "the restrictive"} policy ${kind}`, `${table} ${name}`, sql),
      table,
      words,
      verb: command === "all" ? null : command,
      rule: permissive ? null : "restrictive_policies_compare_the_tenant",
      otherWall: policy.class !== "tenant" ? null : permissive ? "restrictive" : "permissive",
      ...more,
    });
    const alter = (clauses: string) => `alter policy ${name} on ${table} ${clauses}`;
    const mutants = [
      change("is dropped", `drop policy ${name} on ${table}`),
      change("is for public", alter("to public"), { rule: "policies_name_their_roles" }),
    ];
    for (const [clause, text] of Object.entries({ using, "with check": check })) {
      if (text === null || text === "true") continue;
      mutants.push(change(`has ${clause} (true)`, alter(`${clause} (true)`)));
      const conjuncts = splitConjunction(text);
      for (const [place, conjunct] of conjuncts.entries()) {
        if (conjuncts.length === 1) continue;
        const rest = conjuncts.filter((_, other) => other !== place).join(" and ");
        const what = /^\(*(tenant_id|id) = /.test(conjunct) ? "the tenant" : "a condition";
        mutants.push(change(`has ${clause} without ${what}`, alter(`${clause} (${rest})`)));
      }
    }
    for (const word of words) {
      const rest = words.filter((other) => other !== word);
      if (rest.length === 0 || holds(rest, inherits[word])) continue;
      mutants.push(
        change("lacks a role", alter(`to ${rest.map(role).join(", ")}`), {
          words: [word],
          rule: "restrictive_policies_name_every_application_role",
        }),
      );
    }
    if (!permissive) {
      const again = `create policy ${name} on ${table} for ${command} to ${words.map(role).join(", ")} using (${using}) with check (${check})`;
      mutants.push(change("is permissive", `drop policy ${name} on ${table}; ${again}`));
    }
    return mutants;
  });
}

/** Whether a role, or one that it inherits, is among these: it has what it inherits, so that taking it out of them changes nothing. */
export function holds(words: readonly string[], word: Word | undefined): boolean {
  return word !== undefined && (words.includes(word) || holds(words, inherits[word]));
}

/** The parts that AND joins at the top of an expression as the server prints it. */
function splitConjunction(text: string): string[] {
  const inner = isWrapped(text) ? text.slice(1, -1) : text;
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < inner.length; at++) {
    if (inner[at] === "(") depth += 1;
    else if (inner[at] === ")") depth -= 1;
    else if (depth === 0 && inner.startsWith(" AND ", at)) {
      parts.push(inner.slice(start, at));
      start = at + 5;
    }
  }
  return [...parts, inner.slice(start)];
}

function isWrapped(text: string): boolean {
  if (!text.startsWith("(")) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "(") depth += 1;
    if (text[at] === ")") depth -= 1;
    if (depth === 0) return at === text.length - 1;
  }
  return false;
}

async function tableMutants(database: TestDatabase): Promise<Mutant[]> {
  const tables = await database.query<{ table: string; forced: boolean }>(`
    select c.oid::regclass::text as table, c.relforcerowsecurity as forced
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and c.relrowsecurity and ${ours(database.rolePrefix)} and n.nspname <> 'graphile_worker'
    order by 1`);
  return tables.flatMap(({ table, forced }) => {
    const change = (kind: string, sql: string) => ({
      ...mutant(kind, table, sql),
      table,
      rule: "tables_force_row_security",
    });
    return [
      change("row security is off", `alter table ${table} disable row level security`),
      ...(forced ? [change("row security is not forced", `alter table ${table} no force row level security`)] : []),
    ];
  });
}

const verbs = ["select", "insert", "update", "delete"];

async function grantMutants(database: TestDatabase): Promise<Mutant[]> {
  const role = (word: string) => `${database.rolePrefix}_${word}`;
  const grants = await database.query<{ table: string; word: Word; verb: string; column: string | null }>(`
    select g.table, substring(g.grantee::regrole::text from '^${database.rolePrefix}_(.*)$') as word, lower(g.privilege_type) as verb, g.column
    from (
      select c.oid::regclass::text as table, a.grantee, a.privilege_type, null::text as column
      from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join aclexplode(c.relacl) a
      where c.relkind in ('r', 'p') and ${ours(database.rolePrefix)} and (n.nspname <> 'graphile_worker' or c.relname ~ '^_private')
      union all
      select c.oid::regclass::text, a.grantee, a.privilege_type, t.attname
      from pg_attribute t join pg_class c on c.oid = t.attrelid join pg_namespace n on n.oid = c.relnamespace cross join aclexplode(t.attacl) a
      where c.relkind in ('r', 'p') and ${ours(database.rolePrefix)}
    ) g
    where g.grantee <> '${role("owner")}'::regrole
    order by 1, 2, 3, 4`);
  const has = new Map<string, Word[]>();
  for (const { table, verb, column, word } of grants) {
    const key = `${table} ${verb} ${column ?? ""}`;
    has.set(key, [...(has.get(key) ?? []), word]);
  }
  const taken = grants
    .filter(
      ({ table, verb, column, word }) => !holds(has.get(`${table} ${verb} ${column ?? ""}`) ?? [], inherits[word]),
    )
    .map(({ table, verb, column, word }): Mutant => {
      const what = column === null ? verb : `${verb} (${column})`;
      const kind = column === null ? "a grant is taken back" : "a column's grant is taken back";
      const sql = `revoke ${what} on table ${table} from ${role(word)}`;
      return { ...mutant(kind, `${table} ${what} ${word}`, sql), table, words: [word], verb, column };
    });
  const tables = await database.query<{ table: string; words: Word[] }>(`
    select c.oid::regclass::text as table,
      array(select w.word from unnest(array['visitor','viewer','editor','admin','client','operator','worker','reporter','automation','authenticator']) w (word)
        where has_schema_privilege('${database.rolePrefix}_' || w.word, n.oid, 'usage')) as words
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition and ${ours(database.rolePrefix)}
      and (n.nspname <> 'graphile_worker' or c.relname ~ '^_private')
    order by 1`);
  const given = tables.flatMap(({ table, words }) =>
    words.flatMap((word) =>
      verbs
        .filter((verb) => !holds(has.get(`${table} ${verb} `) ?? [], word))
        .map((verb): Mutant => {
          const sql = `grant ${verb} on table ${table} to ${role(word)}`;
          const kind = "a grant is given that nobody planned";
          return {
            ...mutant(kind, `${table} ${verb} ${word}`, sql),
            table,
            words: [word],
            verb,
            rule: "grants_have_policies",
          };
        }),
    ),
  );
  return [...taken, ...given];
}

async function viewAndFunctionMutants(database: TestDatabase): Promise<Mutant[]> {
  const found = await database.query<{ kind: string; target: string; sql: string; word: Word | null }>(`
    with words (oid, word) as (
      select r.oid, substring(r.rolname from '^${database.rolePrefix}_(.*)$') from pg_roles r where r.rolname ~ '^${database.rolePrefix}_'
    ),
    objects (kind, name, acl, owner) as (
      select 'function', p.oid::regprocedure::text, p.proacl, p.proowner from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspowner = '${database.rolePrefix}_owner'::regrole and n.nspname !~ '^(graphile_|pg_)'
      union all
      select 'table', c.oid::regclass::text, c.relacl, c.relowner from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'v' and n.nspowner = '${database.rolePrefix}_owner'::regrole and n.nspname !~ '^(graphile_|pg_)'
      union all
      select 'schema', n.nspname::text, n.nspacl, n.nspowner from pg_namespace n where ${ours(database.rolePrefix)}
    )
    select 'a view runs as its owner' as kind, o.name as target, format('alter view %s set (security_invoker = false)', o.name) as sql, null as word
    from objects o where o.kind = 'table'
    union all
    select case o.kind when 'table' then 'a view' else 'a ' || o.kind end || '''s grant is taken back', o.name || ' ' || w.word,
      format('revoke %s on %s %s from %s', lower(a.privilege_type), o.kind, o.name, w.oid::regrole), w.word
    from objects o cross join aclexplode(o.acl) a join words w on w.oid = a.grantee and a.grantee <> o.owner
    union all
    select case o.kind when 'table' then 'a view' else 'a function' end || ' is for public', o.name,
      format('grant %s on %s %s to public', case o.kind when 'table' then 'select' else 'execute' end, o.kind, o.name), null
    from objects o where o.kind <> 'schema'
    order by 1, 2`);
  const has = new Map<string, Word[]>();
  const key = ({ kind, target }: { kind: string; target: string }) => `${kind} ${target.split(" ")[0]}`;
  for (const one of found) if (one.word) has.set(key(one), [...(has.get(key(one)) ?? []), one.word]);
  return found
    .filter((one) => one.word === null || !holds(has.get(key(one)) ?? [], inherits[one.word]))
    .map(({ kind, target, sql, word }) => ({ ...mutant(kind, target, sql), words: word ? [word] : [] }));
}
