import type { Rule } from "./rule.ts";

/** Keys, foreign keys and indexes. */
export const keyRules: readonly Rule[] = [
  {
    name: "foreign_keys_carry_the_tenant",
    why: "A foreign key of the pair (tenant_id, x_id) makes a link across tenants impossible, for the worker and for a superuser too.",
    sql: `select k.name as offender
          from constraints k
          where k.kind = 'f'
            and exists (select from columns c where c.table_oid = k.table_oid and c.short_name = 'tenant_id')
            and exists (
              select from pg_catalog.pg_attribute a where a.attrelid = k.target_oid and a.attname = 'tenant_id' and not a.attisdropped
            )
            and not exists (
              select from unnest(k.columns, k.target_columns) pair (ours, theirs) where pair.ours = 'tenant_id' and pair.theirs = 'tenant_id'
            )`,
  },
  {
    name: "foreign_keys_have_an_index",
    why: "Without an index that begins with its columns, deleting or changing the row it refers to reads the whole table under a lock.",
    sql: `select k.name as offender
          from constraints k
          where k.kind = 'f' and not exists (
            select from indexes i
            where i.table_oid = k.table_oid and not i.is_partial and i.method = 'btree'
              and i.columns[1:cardinality(k.columns)] @> k.columns
          )`,
  },
  {
    name: "set_null_names_its_column",
    why: "On a composite key a plain set null would null the tenant too, and fail when a row is deleted.",
    sql: `select name as offender from constraints
          where kind = 'f' and (row).confdeltype in ('n', 'd') and cardinality(columns) > 1 and cardinality(coalesce((row).confdelsetcols, '{}')) <> 1`,
  },
  {
    name: "reference_tables_stand_alone",
    why: "What belongs to everybody cannot depend on what belongs to one tenant.",
    sql: `select k.name as offender from constraints k join tables target on target.oid = k.target_oid
          where k.kind = 'f' and k.class in ('reference', 'global') and target.class = 'tenant'`,
  },
  {
    name: "constraints_are_valid",
    why: "A constraint that was never validated promises something about new rows and nothing about those that are there.",
    sql: `select name as offender from constraints
          where not (row).convalidated or coalesce((to_jsonb(row) ->> 'conenforced')::boolean, true) is false
          union all
          select name from indexes where not ((row).indisvalid and (row).indisready)`,
  },
  {
    name: "unique_keys_lead_with_the_tenant",
    why: "A key that is unique across tenants tells one tenant what another has.",
    sql: "select name as offender from indexes where class = 'tenant' and is_unique and columns[1] <> 'tenant_id'",
    exceptions: [
      {
        offender: /tenancy\.sql_logins sql_logins_login_name_key/,
        because: "A login is a role of the whole server and works for one tenant.",
      },
    ],
  },
  {
    name: "list_indexes_lead_with_the_tenant",
    why: "Every list is one tenant's: an index that does not begin with it serves none under row security.",
    sql: `select i.name as offender from indexes i
          where i.class = 'tenant' and not i.is_unique and i.method = 'btree' and i.columns[1] <> 'tenant_id'
            and not exists (
              select from constraints k join tables target on target.oid = k.target_oid
              where k.table_oid = i.table_oid and k.kind = 'f' and target.class = 'global' and k.columns = i.columns
            )`,
    exceptions: [
      {
        offender: /publishing\.(publications|reconciliations) (publications|reconciliations)_unfinished_idx/,
        because: "The minute's sweep looks across tenants, as the owner.",
      },
    ],
  },
  {
    name: "list_indexes_compare_leakproof_types",
    why: "Under row security an index serves leakproof comparisons alone: not those of enums, numerics, jsonb or arrays, unless the index is partial and the predicate implied.",
    sql: `select i.name as offender
          from indexes i
          join columns c on c.table_oid = i.table_oid and c.short_name = any (i.columns)
          join pg_catalog.pg_type t on t.oid = c.type_oid
          where i.is_exposed and not i.is_unique and not i.is_partial and i.method = 'btree'
            and (t.typtype = 'e' or t.typcategory = 'A' or c.type in ('numeric', 'jsonb', 'tsvector', 'citext'))`,
  },
  {
    name: "indexes_are_not_doubled",
    why: "Two indexes alike cost twice and serve once.",
    sql: `select a.name || ' = ' || b.short_name as offender
          from indexes a join indexes b on b.table_oid = a.table_oid and b.oid > a.oid
          where ((a.row).indkey::text, (a.row).indclass::text, (a.row).indoption::text, coalesce(pg_catalog.pg_get_expr((a.row).indexprs, a.table_oid), ''), coalesce(pg_catalog.pg_get_expr((a.row).indpred, a.table_oid), ''))
            = ((b.row).indkey::text, (b.row).indclass::text, (b.row).indoption::text, coalesce(pg_catalog.pg_get_expr((b.row).indexprs, b.table_oid), ''), coalesce(pg_catalog.pg_get_expr((b.row).indpred, b.table_oid), ''))`,
  },
  {
    name: "keys_are_named_as_postgresql_would",
    why: "The API and the messages to people find a constraint by its name: <table>_<columns>_<suffix>, the tenant's half left out of a foreign key's.",
    sql: `select name as offender from constraints
          where case kind
            when 'p' then short_name <> table_short_name || '_pkey'
            when 'u' then short_name <> left(table_short_name || '_' || array_to_string(columns, '_'), 59) || '_key'
            when 'f' then short_name <> left(table_short_name || '_' || columns[cardinality(columns)], 58) || '_fkey'
            when 'c' then short_name !~ ('^' || table_short_name || '_[a-z0-9_]+_check$')
            else short_name !~ ('^' || table_short_name || '_[a-z0-9_]+_excl$')
          end
          union all
          select name from indexes
          where not is_constraint and short_name !~ ('^' || table_short_name || '_[a-z0-9_]+_' || case when is_unique then 'key' else 'idx' end || '$')`,
  },
];
