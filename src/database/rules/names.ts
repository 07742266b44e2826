import type { Rule } from "./rule.ts";

/** What a comment says once its smart tags are taken away. */
const said = (comment: string) =>
  `trim(regexp_replace(coalesce(${comment}, ''), '^@[^\\n]*(\\n|$)', '', 'gn'), E' \\n')`;

/** Names and comments, which are the documentation of the API and the messages to people. */
export const nameRules: readonly Rule[] = [
  {
    name: "names_need_no_quotes",
    why: "A name that must be quoted is written wrongly somewhere.",
    sql: `select n.name as offender
          from (
            select name, name, false from schemas
            union all select s.name || '.' || c.relname, c.relname, false from pg_catalog.pg_class c join schemas s on s.oid = c.relnamespace
            union all select s.name || '.' || c.relname || '.' || a.attname, a.attname, false
              from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid join schemas s on s.oid = c.relnamespace
              where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'c')
            union all select f.name, f.short_name, false from functions f
            union all select f.name || ' ' || x.argument, x.argument, false from functions f cross join lateral unnest((f.row).proargnames) x (argument) where x.argument <> ''
            union all select s.name || '.' || t.typname, t.typname, false from pg_catalog.pg_type t join schemas s on s.oid = t.typnamespace where t.typtype in ('e', 'd')
            union all select s.name || '.' || t.typname || ' ' || e.enumlabel, e.enumlabel, true
              from pg_catalog.pg_enum e join pg_catalog.pg_type t on t.oid = e.enumtypid join schemas s on s.oid = t.typnamespace
            union all select name, short_name, false from constraints
            union all select name, short_name, false from policies
            union all select name, short_name, false from triggers
          ) n (name, word, is_label)
          where n.word !~ '^[a-z_][a-z0-9_]*$'
            or (not n.is_label and n.word = any (array(select k.word from pg_catalog.pg_get_keywords() k where k.catcode in ('R', 'T'))))`,
  },
  {
    name: "schemas_have_comments",
    why: "Every schema says what it is for.",
    sql: `select name as offender from schemas where ${said("pg_catalog.obj_description(oid, 'pg_namespace')")} !~ '\\.$'`,
  },
  {
    name: "tables_have_comments",
    why: "Every table and view says what a row of it is; the API shows it.",
    sql: `select name as offender from tables where ${said("comment")} !~ '\\.$'
          union all
          select s.name || '.' || c.relname from pg_catalog.pg_class c join schemas s on s.oid = c.relnamespace
          where c.relkind = 'v' and ${said("pg_catalog.obj_description(c.oid, 'pg_class')")} !~ '\\.$'`,
  },
  {
    name: "exposed_columns_have_comments",
    why: "The comment of a column is its documentation in the API.",
    sql: `select name as offender from columns
          where is_exposed and ${said("pg_catalog.col_description(table_oid, number)")} !~ '\\.$'`,
  },
  {
    name: "exposed_types_have_comments",
    why: "Enums and composite types are named in the API as tables are.",
    sql: `select s.name || '.' || t.typname as offender
          from pg_catalog.pg_type t
          join schemas s on s.oid = t.typnamespace and s.is_exposed
          left join pg_catalog.pg_class c on c.oid = t.typrelid
          where (t.typtype = 'e' or c.relkind = 'c') and ${said("pg_catalog.obj_description(t.oid, 'pg_type')")} !~ '\\.$'`,
  },
  {
    name: "functions_have_comments",
    why: "Every function says what it does; those of exposed schemas say it to the API's users.",
    sql: `select name as offender from functions where ${said("comment")} !~ '\\.$'`,
  },
  {
    name: "constraints_speak_to_people",
    why: "What a constraint refuses is told to people in the words of its comment: a sentence.",
    sql: `select k.name as offender from constraints k
          where k.is_exposed and k.kind in ('u', 'f', 'c')
            and not (k.kind = 'u' and 'id' = any (k.columns))
            and ${said("pg_catalog.obj_description(k.oid, 'pg_constraint')")} !~ '^[A-Z].*\\.$'
          union all
          select i.name from indexes i
          where i.is_exposed and i.is_unique and not i.is_constraint
            and ${said("pg_catalog.obj_description(i.oid, 'pg_class')")} !~ '^[A-Z].*\\.$'`,
  },
];
