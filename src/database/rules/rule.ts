/** Rules of the schema as queries over the catalog: what a query can check is checked, not remembered. */

export interface Rule {
  /** What holds, as words joined by underscores. */
  name: string;
  /** Why it must hold, in a sentence. */
  why: string;
  /** What to write, where a name does not say it already: "…" stands for what breaks the rule. */
  wayOut?: string;
  /** Lists what breaks it in a column `offender`; stands behind the common table expressions of `catalog`. */
  sql: string;
  /** What may break it, and why it may. */
  exceptions?: readonly Exception[];
}

export interface Exception {
  /** Matches the whole offender. */
  offender: RegExp;
  because: string;
}

/** A rule that does not hold, and what breaks it. */
export interface Finding {
  rule: Rule;
  offenders: string[];
}

export interface RuleOptions {
  /** Start of every role's name. */
  rolePrefix: string;
  /** Look at these schemas alone; all that the owner made where nothing is said. */
  schemas?: readonly string[];
  /** List what an exception allows as well. */
  ignoreExceptions?: boolean;
}

/** Anything that runs a statement: a client or a pool of `pg`. */
export interface Queryable {
  query(sql: string, values: unknown[]): Promise<{ rows: { offender: string }[] }>;
}

/**
 * The rules that do not hold in the database of this connection, which may be anybody's: the catalog is open to all.
 *
 * @param rules those of `allRules`, or some of them
 */
export async function findOffenders(
  client: Queryable,
  rules: readonly Rule[],
  options: RuleOptions,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const rule of rules) {
    const { rows } = await client.query(`${catalog}\n${rule.sql}`, [options.rolePrefix, options.schemas ?? null]);
    const allowed = options.ignoreExceptions ? [] : (rule.exceptions ?? []);
    const offenders = rows
      .map(({ offender }) => offender)
      .filter((offender) => !allowed.some((exception) => matchesWhole(exception.offender, offender)));
    if (offenders.length > 0) findings.push({ rule, offenders: [...new Set(offenders)].sort() });
  }
  return findings;
}

/** A finding in words: the rule, what breaks it, why it matters and what to write. */
export function wordFinding({ rule: { name, why, wayOut }, offenders }: Finding): string {
  return [`${name}: ${offenders.join(", ")}. ${why}`, ...(wayOut === undefined ? [] : [`Write: ${wayOut}`])].join(" ");
}

export function matchesWhole(pattern: RegExp, text: string): boolean {
  return new RegExp(`^(?:${pattern.source})$`).test(text);
}

/**
 * The catalog in our words, before every rule's query. $1 is the prefix of the roles, $2 the schemas to look at or null.
 * Schemas are ours when the owner made them; those of graphile-worker and graphile-migrate keep to their own rules.
 */
const catalog = `
with
  roles (oid, name, word, is_application) as (
    select r.oid, r.rolname::text, w.word, w.word not in ('owner', 'authenticator')
    from unnest(array[
      'owner', 'authenticator', 'visitor', 'viewer', 'editor', 'admin', 'client', 'operator', 'worker', 'reporter', 'automation'
    ]) w (word)
    join pg_catalog.pg_roles r on r.rolname = $1::text || '_' || w.word
  ),
  schemas (oid, name, is_exposed) as (
    select n.oid, n.nspname::text, n.nspname <> all (array['app', 'app_private', 'audit', 'reporting'])
    from pg_catalog.pg_namespace n
    where n.nspowner = (select r.oid from roles r where r.word = 'owner')
      and n.nspname !~ '^(graphile_|pg_)'
      and ($2::text[] is null or n.nspname = any ($2))
  ),
  tables (oid, name, short_name, is_exposed, is_partition, class, comment, has_row_security) as (
    select
      c.oid, s.name || '.' || c.relname, c.relname::text, s.is_exposed, c.relispartition,
      substring(d.comment from '@class ([a-z]+)'), d.comment, c.relrowsecurity and c.relforcerowsecurity
    from pg_catalog.pg_class c
    join schemas s on s.oid = c.relnamespace
    cross join lateral pg_catalog.obj_description(c.oid, 'pg_class') d (comment)
    where c.relkind in ('r', 'p')
  ),
  columns (table_oid, table_name, number, name, short_name, type_oid, type, not_null, default_text, class, is_exposed) as (
    select
      a.attrelid, t.name, a.attnum, t.name || '.' || a.attname, a.attname::text, a.atttypid,
      pg_catalog.format_type(a.atttypid, null), a.attnotnull, pg_catalog.pg_get_expr(d.adbin, d.adrelid), t.class, t.is_exposed
    from pg_catalog.pg_attribute a
    join tables t on t.oid = a.attrelid
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped
  ),
  constraints (oid, table_oid, table_name, table_short_name, class, is_exposed, name, short_name, kind, columns, target_oid, target_columns, row) as (
    select
      c.oid, t.oid, t.name, t.short_name, t.class, t.is_exposed, t.name || ' ' || c.conname, c.conname::text, c.contype::text,
      array(select a.attname::text from unnest(c.conkey) with ordinality k (number, place)
        join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number order by k.place),
      c.confrelid,
      array(select a.attname::text from unnest(c.confkey) with ordinality k (number, place)
        join pg_catalog.pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.number order by k.place),
      c
    from pg_catalog.pg_constraint c
    join tables t on t.oid = c.conrelid
    where c.contype in ('p', 'u', 'f', 'c', 'x') and not t.is_partition
  ),
  indexes (oid, table_oid, table_name, table_short_name, class, is_exposed, name, short_name, method, is_unique, is_partial, is_constraint, columns, row) as (
    select
      i.indexrelid, t.oid, t.name, t.short_name, t.class, t.is_exposed, t.name || ' ' || c.relname, c.relname::text, m.amname::text,
      i.indisunique, i.indpred is not null,
      exists (select from pg_catalog.pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')),
      array(select coalesce(a.attname::text, 'an expression') from unnest(i.indkey::smallint[]) with ordinality k (number, place)
        left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
        where k.place <= i.indnkeyatts order by k.place),
      i
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    join pg_catalog.pg_am m on m.oid = c.relam
    join tables t on t.oid = i.indrelid
    where not t.is_partition
  ),
  policies (table_oid, table_name, class, name, short_name, command, is_permissive, role_oids, using_text, check_text) as (
    select
      t.oid, t.name, t.class, t.name || ' ' || p.polname, p.polname::text,
      case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
      p.polpermissive, p.polroles, pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
    from pg_catalog.pg_policy p
    join tables t on t.oid = p.polrelid
  ),
  functions (oid, name, short_name, schema_name, is_exposed, is_definer, is_trigger, comment, definition, row) as (
    select
      p.oid, s.name || '.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', p.proname::text, s.name,
      s.is_exposed, p.prosecdef, p.prorettype = 'trigger'::regtype, pg_catalog.obj_description(p.oid, 'pg_proc'),
      case when p.prokind in ('f', 'p') then pg_catalog.pg_get_functiondef(p.oid) end, p
    from pg_catalog.pg_proc p
    join schemas s on s.oid = p.pronamespace
  ),
  triggers (oid, table_oid, table_name, class, name, short_name, function_name, definition, row) as (
    select
      g.oid, t.oid, t.name, t.class, t.name || ' ' || g.tgname, g.tgname::text, p.proname::text, pg_catalog.pg_get_triggerdef(g.oid), g
    from pg_catalog.pg_trigger g
    join tables t on t.oid = g.tgrelid
    join pg_catalog.pg_proc p on p.oid = g.tgfoid
    where not g.tgisinternal and not t.is_partition
  ),
  grants (name, table_oid, grantee, privilege, is_grantable, is_on_column) as (
    -- Direct grants on tables, views, sequences and their columns.
    select s.name || '.' || c.relname, c.oid, a.grantee, lower(a.privilege_type), a.is_grantable, false
    from pg_catalog.pg_class c
    join schemas s on s.oid = c.relnamespace
    cross join lateral pg_catalog.aclexplode(c.relacl) a
    union all
    select s.name || '.' || c.relname || '.' || t.attname, c.oid, a.grantee, lower(a.privilege_type), a.is_grantable, true
    from pg_catalog.pg_attribute t
    join pg_catalog.pg_class c on c.oid = t.attrelid
    join schemas s on s.oid = c.relnamespace
    cross join lateral pg_catalog.aclexplode(t.attacl) a
  )`;
