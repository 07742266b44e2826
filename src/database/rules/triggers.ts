import type { Rule } from "./rule.ts";

const ledger = {
  offender:
    /imports\.(records|effects|undoings|issues|fields|collections|predictions|plans|checks|api_calls|attachments|cutover_passes|cutover_checks|cutover_edits)( (insert|update|delete))?/,
  because: "The ledger of imports is itself a record; auditing it would write every imported record twice.",
};

/** Triggers, and the state machines that they guard. */
export const triggerRules: readonly Rule[] = [
  {
    name: "triggers_are_named_by_their_turn",
    why: "Triggers run by name: _NNN_verb_what, 100 stamps, 200 guards, 300 state machine, 500 effects, 700 audit, 900 jobs.",
    sql: "select name as offender from triggers where short_name !~ '^_[1-9][0-9]{2}_[a-z]+(_[a-z]+)+$'",
  },
  {
    name: "triggers_are_on",
    why: "A trigger that is off, or on for replicas alone, guards nothing.",
    sql: "select name as offender from triggers where (row).tgenabled <> 'O'",
  },
  {
    name: "tenant_tables_are_audited",
    why: "Every change to a tenant's rows is recorded, by one insert for a statement.",
    wayOut:
      "create trigger _700_audit_insert after insert on … referencing new table as new_rows for each statement execute function app_private.tg__audit(), and likewise for update and delete (journeys/clients.sql is an example).",
    sql: `select t.name || ' ' || v.verb as offender
          from tables t
          cross join (values ('insert'), ('update'), ('delete')) v (verb)
          where t.class = 'tenant' and not exists (
            select from triggers g
            where g.table_oid = t.oid and g.short_name = '_700_audit_' || v.verb and g.function_name = 'tg__audit'
              and g.definition ~* ('after ' || v.verb || ' on') and g.definition ~* 'for each statement'
          )`,
    exceptions: [
      ledger,
      {
        offender: /publishing\.api_calls (insert|update|delete)/,
        because: "It is a record of calls, written once and never changed.",
      },
      { offender: /audit\.changes (insert|update|delete)/, because: "It is the record." },
    ],
  },
  {
    name: "changes_are_stamped",
    why: "updated_at says when, whoever changed the row.",
    sql: `select c.table_name as offender from columns c
          where c.is_exposed and c.short_name = 'updated_at' and not exists (
            select from triggers g where g.table_oid = c.table_oid and g.short_name = '_100_stamp_times' and g.function_name = 'tg__stamp_times'
          )`,
  },
  {
    name: "versions_are_counted",
    why: "Where people edit, a stale version is refused and every change counts up. A version within a key is a number of a thing, and stays.",
    sql: `select c.table_name as offender from columns c
          where c.is_exposed and c.short_name = 'version'
            and not exists (select from constraints k where k.table_oid = c.table_oid and k.kind in ('p', 'u') and 'version' = any (k.columns))
            and not exists (
              select from triggers g where g.table_oid = c.table_oid and g.short_name = '_200_count_version' and g.function_name = 'tg__count_version'
            )`,
  },
  {
    name: "people_edit_what_is_versioned",
    why: "An update that people make is refused where somebody else was faster; that needs a version.",
    sql: `select distinct t.name as offender
          from grants g
          join tables t on t.oid = g.table_oid and t.is_exposed
          join roles r on r.oid = g.grantee and r.word not in ('owner', 'worker')
          where g.privilege = 'update' and not exists (
            select from columns c where c.table_oid = t.oid and c.short_name = 'version' and c.type = 'integer'
              and pg_catalog.has_column_privilege(r.oid, t.oid, c.number, 'update')
          )`,
  },
  {
    name: "statuses_are_held_to_a_machine",
    why: "A status changes by the steps of app.transitions alone, from its birth on.",
    sql: `select c.name || ' ' || w.what as offender
          from columns c
          join pg_catalog.pg_type t on t.oid = c.type_oid and t.typtype = 'e'
          cross join (values ('birth', 'insert'), ('transition', 'update')) w (what, verb)
          where c.is_exposed and c.short_name = 'status' and not exists (
            select from triggers g
            where g.table_oid = c.table_oid and g.short_name = '_300_check_' || w.what and g.function_name = 'tg__check_transition'
              and g.definition ~* ('before ' || w.verb || ' on')
              and g.definition ~ 'tg__check_transition\\(''[a-z_]+'', ''status''\\)'
          )`,
    exceptions: [
      {
        offender: /journeys\.sync_history\.status (birth|transition)/,
        because: "A row of the history is written when a sync ends and says how it went; it takes no steps.",
      },
    ],
  },
  {
    name: "machines_know_every_state",
    why: "The states of a machine are exactly the labels of the status that it guards, and each can be reached.",
    sql: `select distinct g.name || ' ' || coalesce(s.state, 'none') as offender
          from triggers g
          cross join lateral (select regexp_match(g.definition, 'tg__check_transition\\(''([a-z_]+)'', ''([a-z_]+)''\\)') as names) a
          join columns c on c.table_oid = g.table_oid and c.short_name = a.names[2]
          left join lateral (
            select coalesce(labels.state, steps.state) as state
            from (select e.enumlabel::text as state from pg_catalog.pg_enum e where e.enumtypid = c.type_oid) labels
            full join (select distinct x.to_state as state from app.transitions x where x.machine = a.names[1]) steps on steps.state = labels.state
            where labels.state is null or steps.state is null
            union all
            select x.from_state from app.transitions x
            where x.machine = a.names[1] and x.from_state is not null
              and not exists (select from pg_catalog.pg_enum e where e.enumtypid = c.type_oid and e.enumlabel = x.from_state)
          ) s on true
          where g.function_name = 'tg__check_transition' and (a.names is null or s.state is not null)`,
  },
];
