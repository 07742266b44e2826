import type { Rule } from "./rule.ts";

/** The roles of an installation, and what they hold. */
export const roleRules: readonly Rule[] = [
  {
    name: "roles_pass_over_nothing",
    why: "A superuser or bypassrls role sees every tenant; roles and databases are the administrator's to make.",
    sql: `select r.name as offender from roles r join pg_catalog.pg_roles p on p.oid = r.oid
          where p.rolsuper or p.rolbypassrls or p.rolcreaterole or p.rolcreatedb or p.rolreplication`,
  },
  {
    name: "only_two_roles_sign_in",
    why: "The API's login and the queue's; everybody else is a role that these become, or a login of its own that is pinned to a tenant.",
    sql: `select r.name as offender from roles r join pg_catalog.pg_roles p on p.oid = r.oid
          where p.rolcanlogin is distinct from (r.word in ('authenticator', 'worker'))`,
  },
  {
    name: "authenticator_is_nobody",
    why: "Until it becomes somebody, the API's login has no rights but to ask who may sign in.",
    sql: `select r.name as offender from roles r join pg_catalog.pg_roles p on p.oid = r.oid
          where r.word = 'authenticator' and p.rolinherit`,
  },
  {
    name: "memberships_are_as_designed",
    why: "A membership that nobody planned is a right that nobody sees.",
    sql: `select member.name || ' in ' || p.rolname as offender
          from pg_catalog.pg_auth_members m
          join roles member on member.oid = m.member
          join pg_catalog.pg_roles p on p.oid = m.roleid
          left join roles r on r.oid = m.roleid
          where m.admin_option or not coalesce(
            case
              when member.word = 'worker' then p.rolname = 'pg_signal_backend' and m.inherit_option and not m.set_option
              when member.word in ('authenticator', 'owner')
                then r.word in ('visitor', 'viewer', 'editor', 'admin', 'client', 'operator') and m.set_option and not m.inherit_option
              else (member.word, r.word) in (('editor', 'viewer'), ('admin', 'editor'), ('reporter', 'viewer')) and m.inherit_option and not m.set_option
            end, false)`,
  },
  {
    name: "objects_belong_to_the_owner",
    why: "Whoever owns a table can switch its row security off.",
    sql: `select s.name || '.' || c.relname as offender
          from pg_catalog.pg_class c join schemas s on s.oid = c.relnamespace
          where c.relowner <> (select r.oid from roles r where r.word = 'owner')
          union all
          select f.name from functions f where (f.row).proowner <> (select r.oid from roles r where r.word = 'owner')
          union all
          select s.name || '.' || t.typname from pg_catalog.pg_type t join schemas s on s.oid = t.typnamespace
          where t.typowner <> (select r.oid from roles r where r.word = 'owner')`,
  },
  {
    name: "application_roles_own_nothing",
    why: "An owner passes over grants, and over policies that are not forced.",
    sql: `select r.name || ' ' || d.classid::regclass || ' ' || d.objid as offender
          from pg_catalog.pg_shdepend d
          join roles r on r.oid = d.refobjid and r.word <> 'owner'
          where d.refclassid = 'pg_catalog.pg_authid'::regclass and d.deptype = 'o'
            and d.dbid in (0, (select b.oid from pg_catalog.pg_database b where b.datname = current_database()))`,
  },
  {
    name: "application_roles_make_nothing",
    why: "Who can make an object can put it in the way of another.",
    sql: `select r.name || ' ' || n.nspname as offender
          from roles r cross join pg_catalog.pg_namespace n
          where r.word <> 'owner' and n.nspname !~ '^pg_(toast|temp)' and pg_catalog.has_schema_privilege(r.oid, n.oid, 'create')
          union all
          select r.name || ' ' || p.privilege || ' on the database'
          from roles r cross join (values ('create'), ('temporary')) p (privilege)
          where r.word <> 'owner' and pg_catalog.has_database_privilege(r.oid, current_database(), p.privilege)`,
  },
  {
    name: "privileges_are_on_rows",
    why: "Truncate, references, trigger and maintain know no policy, and a sequence tells how much others have.",
    sql: `select g.name || ' ' || g.privilege || ' ' || coalesce(r.name, 'public') as offender
          from grants g left join roles r on r.oid = g.grantee
          where r.word is distinct from 'owner' and g.privilege not in ('select', 'insert', 'update', 'delete')`,
  },
  {
    name: "nothing_is_for_public",
    why: "Public is every login that the server will ever have.",
    sql: `select name || ' ' || privilege as offender from grants where grantee = 0
          union all
          select s.name || ' ' || lower(a.privilege_type)
          from schemas s join pg_catalog.pg_namespace n on n.oid = s.oid cross join lateral pg_catalog.aclexplode(n.nspacl) a
          where a.grantee = 0`,
  },
  {
    name: "privileges_are_not_passed_on",
    why: "Only the owner gives rights.",
    sql: `select g.name || ' ' || g.privilege as offender from grants g
          where g.is_grantable and g.grantee <> (select r.oid from roles r where r.word = 'owner')
          union all
          select f.name from functions f cross join lateral pg_catalog.aclexplode((f.row).proacl) a
          where a.is_grantable and a.grantee <> (select r.oid from roles r where r.word = 'owner')`,
  },
  {
    name: "app_private_is_closed_to_people",
    why: "Without usage on the schema nothing in it can be named, whatever else is granted by mistake.",
    sql: `select r.name as offender from roles r join schemas s on s.name = 'app_private'
          where r.word not in ('owner', 'worker') and pg_catalog.has_schema_privilege(r.oid, s.oid, 'usage')`,
  },
  {
    name: "new_functions_are_for_nobody",
    why: "Default privileges take every new function from public, so that forgetting a revoke opens nothing.",
    sql: `select r.name as offender from roles r
          where r.word = 'owner' and not exists (
            select from pg_catalog.pg_default_acl d
            where d.defaclrole = r.oid and d.defaclnamespace = 0 and d.defaclobjtype = 'f'
              and not exists (select from pg_catalog.aclexplode(d.defaclacl) a where a.grantee = 0)
          )`,
  },
  {
    name: "extensions_are_trusted_ones",
    why: "uuid-ossp and citext are what app.uuidv5 and lower-case text replace; others are the server's own affair.",
    sql: "select extname::text as offender from pg_catalog.pg_extension where extname in ('uuid-ossp', 'citext')",
  },
  {
    name: "server_is_patched",
    why: "CVE-2024-10976 and CVE-2025-8713 let row security be passed over: 16.10, 17.6 or any 18 have the fixes.",
    sql: `select 'PostgreSQL ' || v.number / 10000 || '.' || v.number % 10000 as offender
          from (select pg_catalog.current_setting('server_version_num')::integer as number) v
          where v.number < 160010 or v.number between 170000 and 170005`,
  },
];
