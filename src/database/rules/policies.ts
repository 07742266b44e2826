import type { Rule } from "./rule.ts";

/** Who may see and write which rows. */
export const policyRules: readonly Rule[] = [
  {
    name: "tenant_tables_have_one_restrictive_policy",
    why: "One restrictive policy, all_tenant, is joined to every other by AND: no permissive policy can open another tenant.",
    wayOut:
      "create policy all_tenant on … as restrictive to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id())).",
    sql: `select t.name as offender from tables t
          where t.class = 'tenant'
            and (select array_agg(p.short_name || ' for ' || p.command) from policies p where p.table_oid = t.oid and not p.is_permissive)
              is distinct from array['all_tenant for all']`,
  },
  {
    name: "restrictive_policies_name_every_application_role",
    why: "A role that is left out is bound by nothing; the owner is never named, for a helper that reads a table must not reach that table's policy again.",
    wayOut: "to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION.",
    sql: `select p.name as offender from policies p
          where not p.is_permissive
            and array(select unnest(p.role_oids) order by 1) is distinct from array(select r.oid from roles r where r.is_application order by 1)`,
  },
  {
    name: "restrictive_policies_compare_the_tenant",
    why: "The tenant's policy is the plain comparison that an index serves, for what is read and for what is written.",
    wayOut:
      "using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id())).",
    sql: `select p.name as offender from policies p
          where not p.is_permissive
            and (
              p.using_text is distinct from '(tenant_id = ( SELECT app.current_tenant_id() AS current_tenant_id))'
              or p.check_text is distinct from p.using_text
            )`,
  },
  {
    name: "tables_have_policies_for_the_owner",
    why: "Definers and migrations run as the owner under forced policies: without these, validation of a foreign key and a backfill see no rows and pass over anything.",
    wayOut:
      "create policy select_owner on … for select to :OWNER using (true), and likewise insert_owner, update_owner and delete_owner.",
    sql: `select t.name || ' ' || c.command as offender
          from tables t
          cross join (values ('select'), ('insert'), ('update'), ('delete')) c (command)
          where t.has_row_security and not exists (
            select from policies p
            where p.table_oid = t.oid and p.is_permissive and p.command = c.command and p.short_name = c.command || '_owner'
              and p.role_oids = array(select r.oid from roles r where r.word = 'owner')
              and coalesce(p.using_text, 'true') = 'true' and coalesce(p.check_text, 'true') = 'true'
          )`,
    exceptions: [
      {
        offender: /audit\.changes(_default|_\d{4}_\d{2})? (update|delete)/,
        because:
          "The record is append-only, for the owner too; only the default partition is emptied into the months, and what a tenant that is deleted leaves may go.",
      },
      {
        offender: /audit\.operator_deeds (update|delete)/,
        because: "The record of what is done above the tenants is append-only, for the owner too.",
      },
    ],
  },
  {
    name: "permissive_policies_are_for_one_command",
    why: "A policy for all commands gives rights that nobody asked for, and hides which.",
    wayOut: "for select, insert, update or delete, one policy each.",
    sql: "select name as offender from policies where is_permissive and command = 'all'",
  },
  {
    name: "policies_are_named_for_what_they_do",
    why: "The name says the command and who: <command>_<who>, the role's own word where it is for one role.",
    sql: `select p.name as offender from policies p
          where p.short_name !~ ('^' || p.command || '_[a-z]+(_[a-z]+)*$')
            or (
              cardinality(p.role_oids) = 1
              and exists (
                select from roles r, roles named
                where r.oid = p.role_oids[1] and p.short_name = p.command || '_' || named.word and named.word <> r.word
              )
            )`,
  },
  {
    name: "policies_name_their_roles",
    why: "A policy to public is a policy for logins that nobody thought of.",
    wayOut: "to :VIEWER, or whoever it is for.",
    sql: "select name as offender from policies where 0 = any (role_oids)",
  },
  {
    name: "grants_have_policies",
    why: "A verb that is granted and that no policy admits is a grant that does nothing, or a policy that was forgotten.",
    wayOut:
      "create policy <command>_<who> on … for <command> to <who> using (tenant_id = (select app.current_tenant_id())), or take the grant back.",
    sql: `select distinct t.name || ' ' || g.privilege || ' ' || r.name as offender
          from grants g
          join tables t on t.oid = g.table_oid and t.has_row_security
          join roles r on r.oid = g.grantee and r.word <> 'owner'
          where g.privilege in ('select', 'insert', 'update', 'delete') and not exists (
            select from policies p
            where p.table_oid = t.oid and p.is_permissive and p.command in (g.privilege, 'all')
              and exists (select from unnest(p.role_oids) o (oid) where o.oid = 0 or pg_catalog.pg_has_role(r.oid, o.oid, 'usage'))
          )`,
  },
  {
    name: "policies_have_grants",
    why: "A policy for a role without the verb waits for a grant that somebody gives for another reason.",
    wayOut: "grant <command> on table … to <who>, or drop the policy.",
    sql: `select p.name || ' ' || r.name as offender
          from policies p
          cross join lateral unnest(p.role_oids) o (oid)
          join roles r on r.oid = o.oid and r.word <> 'owner'
          where p.is_permissive and p.command <> 'all'
            and case p.command
              when 'delete' then not pg_catalog.has_table_privilege(r.oid, p.table_oid, 'delete')
              else not pg_catalog.has_any_column_privilege(r.oid, p.table_oid, p.command)
            end`,
  },
  {
    name: "updates_are_checked_before_and_after",
    why: "using decides which rows may be changed, with check what they may become; an update needs both.",
    wayOut: "both using and with check.",
    sql: "select name as offender from policies where command = 'update' and (using_text is null or check_text is null)",
  },
  {
    name: "policies_name_the_tenant",
    why: "Each permissive policy holds without the restrictive one, and gives the index that begins with the tenant something to serve.",
    wayOut: "tenant_id = (select app.current_tenant_id()) and what else must hold.",
    sql: `select p.name as offender from policies p
          cross join lateral (values (p.using_text), (p.check_text)) e (text)
          where p.is_permissive and p.class = 'tenant' and p.role_oids <> array(select r.oid from roles r where r.word = 'owner')
            and e.text <> 'true'
            and e.text !~ 'tenant_id = (\\( *SELECT )?app\\.current_tenant_id\\(\\)'`,
  },
  {
    name: "updates_stay_where_they_were",
    why: "A row that may be changed may become only what could be changed again: another check lets it slip into another's hands.",
    sql: "select name as offender from policies where command = 'update' and check_text is not null and check_text is distinct from using_text",
  },
  {
    name: "policies_for_people_say_which_rows",
    why: "True admits every row: for whoever is not the owner that is right only where the rows are for everybody.",
    sql: `select p.name as offender from policies p
          where 'true' in (p.using_text, p.check_text)
            and p.role_oids <> array(select r.oid from roles r where r.word = 'owner')
            and not (p.command = 'select' and p.class = 'reference')`,
    exceptions: [
      {
        offender: /tenancy\.tenants select_operator/,
        because: "An operator lists all tenants, and reads the rows of none.",
      },
    ],
  },
  {
    name: "policies_ask_once_per_statement",
    why: "A helper inside (select …) is called once; outside it is called for every row, a thousand times slower, and so is a function of a row's columns.",
    wayOut: "(select app.current_user_id()), in brackets and with select.",
    sql: `select p.name as offender from policies p
          where regexp_replace(
            concat_ws(' ', p.using_text, p.check_text), '\\( *SELECT app\\.current_[a-z_]+\\(\\) AS current_[a-z_]+\\)', '', 'g'
          ) ~ '[a-z_]\\('`,
  },
  {
    name: "people_write_by_column",
    why: "A grant of insert or update on a whole table opens every column that it will ever have: the tenant, the times, the states.",
    wayOut:
      "grant insert (name, …) on table … to :EDITOR: each column that people may write, and neither id nor tenant_id nor times.",
    sql: `select distinct g.name || ' ' || g.privilege || ' ' || r.name as offender
          from grants g
          join tables t on t.oid = g.table_oid
          join roles r on r.oid = g.grantee and r.word not in ('owner', 'worker')
          where g.privilege in ('insert', 'update')
            and (not g.is_on_column or g.name ~ '\\.(id|tenant_id|created_at|updated_at)$')`,
  },
  {
    name: "secrets_are_for_definers",
    why: "What app_private holds comes out through functions that check, and through nothing else.",
    wayOut: "a function that checks and runs as a definer; take the grant back.",
    sql: `select g.name || ' ' || g.privilege || ' ' || coalesce(r.name, 'public') as offender
          from grants g
          join tables t on t.oid = g.table_oid and t.name ~ '^app_private\\.'
          left join roles r on r.oid = g.grantee
          where r.word is distinct from 'owner'`,
    exceptions: [
      {
        offender: /app_private\.import_\S+ (select|insert|update|delete) \S+_worker/,
        because: "The worker lands payloads here by COPY; no person has any right to them.",
      },
    ],
  },
];
