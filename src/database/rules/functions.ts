import type { Rule } from "./rule.ts";

/** Functions: as whom they run, and for whom. */
export const functionRules: readonly Rule[] = [
  {
    name: "functions_pin_their_search_path",
    why: "Whoever can choose the search path of a definer chooses what its words mean; pg_temp stands last, or temporary objects come first. A body in the standard's form has its words bound when it is made, and needs none where it runs as its caller.",
    wayOut: "set search_path = pg_catalog, pg_temp, and every name in the body with its schema.",
    sql: `select f.name as offender from functions f
          where (f.is_definer or (f.row).prosqlbody is null) and not coalesce((f.row).proconfig, '{}') @> array['search_path=pg_catalog, pg_temp']`,
  },
  {
    name: "functions_are_not_for_everybody",
    why: "PostgreSQL gives every new function to public; each of ours is for the roles that a grant names.",
    wayOut: "grant execute on function … to :VIEWER, or whoever it is for; and take back what public has.",
    sql: `select f.name as offender from functions f
          where (f.row).proacl is null or exists (select from pg_catalog.aclexplode((f.row).proacl) a where a.grantee = 0)`,
  },
  {
    name: "exposed_functions_are_for_somebody",
    why: "A function of an exposed schema that nobody may call belongs into app_private, or lacks its grant.",
    wayOut: "grant execute on function … to :VIEWER, or whoever it is for.",
    sql: `select f.name as offender from functions f
          where f.is_exposed and not exists (
            select from pg_catalog.aclexplode((f.row).proacl) a join roles r on r.oid = a.grantee where r.is_application
          )`,
  },
  {
    name: "definers_say_why",
    why: "A definer passes over the policies of whoever calls it; its comment says Definer, and why it must be one.",
    wayOut: "comment on function … is 'What it does. Definer, because ….', or security invoker.",
    sql: "select name as offender from functions where is_definer and coalesce(comment, '') !~* '\\mdefiner'",
  },
  {
    name: "functions_leave_no_settings_behind",
    why: "A setting that outlives its transaction goes with the pooled connection to the next person.",
    wayOut: "set_config(…, …, true).",
    sql: `select name as offender from functions
          where definition ~* 'set_config\\s*\\([^;]*,\\s*false\\s*\\)'
            or definition ~* '[;\\s]set\\s+(session\\M|role\\M|app\\.)'`,
  },
  {
    name: "functions_for_people_stay_out_of_app_private",
    why: "No person's role may look into app_private, so whatever reaches in there as its caller fails for them.",
    sql: `select f.name as offender from functions f
          where not f.is_definer and f.schema_name <> 'app_private' and f.definition ~ '\\mapp_private\\.'
            and exists (
              select from pg_catalog.aclexplode((f.row).proacl) a join roles r on r.oid = a.grantee where r.is_application and r.word <> 'worker'
            )
          union all
          select f.name from functions f
          where f.is_trigger and not f.is_definer and f.definition ~ '\\mapp_private\\.(?!tg_)'`,
  },
  {
    name: "trigger_functions_are_named_for_their_table",
    why: "tg__verb serves any table, tg_<table>__verb one; both live in app_private.",
    sql: `select name as offender from functions
          where (is_trigger and (schema_name <> 'app_private' or short_name !~ '^tg_([a-z]+(_[a-z]+)*_)?_[a-z]+(_[a-z]+)*$'))
            or (not is_trigger and short_name ~ '^tg_')`,
  },
];
