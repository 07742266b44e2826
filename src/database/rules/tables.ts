import type { Rule } from "./rule.ts";

/** The text of a list in app_private, which everybody may read in the catalog, and nobody but the owner run. */
const source = (name: string) =>
  `(select p.prosrc from pg_catalog.pg_proc p where p.proname = '${name}' and p.pronamespace = (select s.oid from pg_catalog.pg_namespace s where s.nspname = 'app_private'))`;

/** What a table is, and the columns that it has. */
export const tableRules: readonly Rule[] = [
  {
    name: "tables_declare_a_class",
    why: "Which rules a table obeys follows from its class, so each says in its comment whether it is tenant, reference, global or private.",
    wayOut: "comment on table … is E'@class tenant\\nWhat a row is.', or reference, global, private instead of tenant.",
    sql: `select name as offender from tables
          where class is null or class not in ('tenant', 'reference', 'global', 'private')
            or (class = 'private' and is_exposed)`,
  },
  {
    name: "tables_force_row_security",
    why: "Without row security a grant opens every tenant's rows; without force the owner's definers pass over it.",
    wayOut:
      "alter table … enable row level security; alter table … force row level security; then policies for the owner and for each role (journeys/clients.sql is an example).",
    sql: "select name as offender from tables where not has_row_security",
    exceptions: [
      {
        offender:
          /app_private\.import_(payloads(_[0-9a-f]{32})?|fates|places|predicted_records|gone_rows|before_images|leases)/,
        because:
          "COPY is refused under row security; nobody but the worker has any right here, and no person reaches the schema.",
      },
    ],
  },
  {
    name: "tenant_tables_are_keyed_by_tenant_and_id",
    why: "A key that begins with the tenant makes every composite foreign key possible, and with them no link can cross tenants.",
    wayOut: "constraint …_pkey primary key (tenant_id, id), and tenant_id first in every other key.",
    sql: `select t.name as offender from tables t
          where t.class = 'tenant' and not exists (
            select from constraints k where k.table_oid = t.oid and k.kind = 'p' and k.columns = array['tenant_id', 'id']
          )`,
    exceptions: [
      {
        offender: /audit\.changes/,
        because: "The key of a partitioned table must hold the column that it is partitioned by.",
      },
    ],
  },
  {
    name: "tenant_tables_name_their_tenant",
    why: "Rows of a tenant say whose they are, by a uuid that is never null and that people need not send.",
    wayOut: "tenant_id uuid not null default app.current_tenant_id().",
    sql: `select t.name as offender from tables t
          where t.class = 'tenant' and not exists (
            select from columns c
            where c.table_oid = t.oid and c.short_name = 'tenant_id' and c.type = 'uuid' and c.not_null
              and c.default_text = 'app.current_tenant_id()'
          )`,
    exceptions: [
      { offender: /audit\.changes/, because: "Only a trigger writes it, with the tenant of the row that changed." },
    ],
  },
  {
    name: "tenant_tables_refer_to_tenants",
    why: "A row of a tenant that is not there could be seen by nobody and deleted by nobody.",
    wayOut:
      "constraint …_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id), or a foreign key of columns that are never null to another table of the tenant's, which does.",
    sql: `select t.name as offender from tables t
          where t.class = 'tenant' and not exists (
            select from constraints k
            where k.table_oid = t.oid and k.kind = 'f' and k.columns = array['tenant_id'] and k.target_oid = to_regclass('tenancy.tenants')
          )
          and not exists (
            select from constraints k
            join tables target on target.oid = k.target_oid
            where k.table_oid = t.oid and k.kind = 'f' and 'tenant_id' = any (k.columns) and target.class = 'tenant' and target.oid <> t.oid
              and not exists (
                select from columns c where c.table_oid = t.oid and c.short_name = any (k.columns) and not c.not_null
              )
          )`,
    exceptions: [
      {
        offender: /audit\.changes/,
        because: "The record outlives what it is about, and is written by triggers that have the tenant from a row.",
      },
    ],
  },
  {
    name: "tables_with_a_tenant_are_tenant_tables",
    why: "A column tenant_id in a table of another class is a tenant's data without the tenant's protection.",
    wayOut: "@class tenant in the comment, and what that class asks for.",
    sql: `select c.table_name as offender from columns c
          where c.short_name = 'tenant_id' and c.is_exposed and c.class is distinct from 'tenant'`,
  },
  {
    name: "tables_say_what_a_tenant_has",
    why: "What is not known to be a tenant's is in no export, and stays when the tenant is deleted: app_private.tenant_holdings() lists every global and private table without a tenant_id.",
    sql: `select t.name as offender from tables t
          where t.class in ('global', 'private') and not t.is_partition
            and not exists (select from columns c where c.table_oid = t.oid and c.short_name = 'tenant_id')
            and strpos(${source("tenant_holdings")}, '(' || quote_literal(t.name) || ',') = 0
          union all
          select listed.name[1]
          from regexp_matches(${source("tenant_holdings")}, '\\(''([a-z_.0-9]+)'',', 'g') listed (name)
          where split_part(listed.name[1], '.', 1) in (select s.name from schemas s)
            and listed.name[1] not in (select t.name from tables t)`,
  },
  {
    name: "secrets_are_named",
    why: "A column that is named like a secret is left out of exports by app_private.secret_columns(), or is none and stands here with the reason.",
    sql: `select c.name as offender from columns c
          where c.short_name ~ '(secret|password|token|cipher|credential|api_key|key_hash|sealed)' and c.type in ('text', 'bytea', 'uuid', 'jsonb')
            and c.table_name !~ '_[0-9a-f]{32}$'
            and (
              exists (select from columns t where t.table_oid = c.table_oid and t.short_name = 'tenant_id')
              or substring(${source("tenant_holdings")} from strpos(${source("tenant_holdings")}, '(' || quote_literal(c.table_name) || ','))
                 !~ ('^\\(' || quote_literal(c.table_name) || ', null\\)|^\\s')
            )
            and strpos(${source("secret_columns")}, '(' || quote_literal(c.table_name) || ', ' || quote_literal(c.short_name) || ')') = 0`,
    exceptions: [
      {
        offender: /(app_private|publishing)\.\w+\.(lease_token|token)/,
        because: "A lease's number, or the mark in the name of an object in GoHighLevel, which everybody sees there.",
      },
      { offender: /app_private\.api_key_hashes\.api_key_id/, because: "It is the id of the key's row." },
    ],
  },
  {
    name: "ids_are_uuids",
    why: "Counted ids tell strangers how much there is, and cannot be made before the row is.",
    sql: "select name as offender from columns where short_name = 'id' and is_exposed and type <> 'uuid'",
  },
  {
    name: "columns_have_plain_types",
    why: "Text without a length, timestamptz, jsonb and identity columns; the others surprise, or differ from server to server.",
    sql: `select name || ' ' || type as offender from columns
          where type in ('character varying', 'character', 'citext', 'json', 'xml', 'money', 'timestamp without time zone', 'time with time zone')
            or default_text ~ 'nextval\\('
          union all
          select s.name || '.' || t.typname || '.' || a.attname || ' ' || pg_catalog.format_type(a.atttypid, null)
          from pg_catalog.pg_type t
          join schemas s on s.oid = t.typnamespace
          join pg_catalog.pg_class c on c.oid = t.typrelid and c.relkind = 'c'
          join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0
          where pg_catalog.format_type(a.atttypid, null) in ('character varying', 'character', 'citext', 'json', 'timestamp without time zone')`,
  },
  {
    name: "booleans_are_questions",
    why: "is_ and has_ read as what they ask.",
    sql: "select name as offender from columns where type = 'boolean' and short_name !~ '^(is|has|holds|allows)_'",
  },
  {
    name: "times_say_when",
    why: "…_at is a moment that was, …_until and …_after one that will be.",
    sql: "select name as offender from columns where type = 'timestamp with time zone' and short_name !~ '_(at|until|after)$'",
  },
  {
    name: "tables_are_all_there_is",
    why: "Materialized views and foreign tables know no row security, rules rewrite what they were not meant for, and partitions of partitions cannot be spread.",
    wayOut: "a table that a function fills, or a view with security_invoker, instead.",
    sql: `select s.name || '.' || c.relname as offender
          from pg_catalog.pg_class c join schemas s on s.oid = c.relnamespace
          where c.relkind in ('m', 'f') or (c.relkind = 'p' and c.relispartition)
          union all
          select s.name || '.' || c.relname || ' rule ' || r.rulename
          from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class join schemas s on s.oid = c.relnamespace
          where r.rulename <> '_RETURN'`,
  },
  {
    name: "views_run_as_whoever_asks",
    why: "A view without security_invoker reads with its owner's rights, past every policy of the people.",
    wayOut: "create view … with (security_invoker = true) as ….",
    sql: `select s.name || '.' || c.relname as offender
          from pg_catalog.pg_class c join schemas s on s.oid = c.relnamespace
          where c.relkind = 'v'
            and not coalesce(lower(substring(array_to_string(c.reloptions, ',') from 'security_invoker=(\\w+)')) in ('true', 'on', '1', 'yes'), false)`,
  },
];
