/** A small schema that obeys every rule, and for every rule the statement that breaks it and no other. */

/** Made by the owner; `:VIEWER` and its like stand for the roles. */
export const specimen = `
create schema specimen;
comment on schema specimen is 'Plans and their steps, for trying the rules on.';
grant usage on schema specimen to :VIEWER, :WORKER;

create type specimen.plan_status as enum ('open', 'done');
comment on type specimen.plan_status is 'How far a plan is.';
select app_private.define_machine('specimen_plan', $$
  -> open: editor
  open -> done: editor
$$);

create table specimen.plans (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  author_id uuid,
  title text not null,
  status specimen.plan_status not null default 'open',
  is_secret boolean not null default false,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint plans_pkey primary key (tenant_id, id),
  constraint plans_tenant_id_title_key unique (tenant_id, title),
  constraint plans_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint plans_author_id_fkey foreign key (author_id) references tenancy.users (id),
  constraint plans_title_check check (title ~ '\\S')
);
alter table specimen.plans enable row level security;
alter table specimen.plans force row level security;
create index plans_author_id_idx on specimen.plans (author_id);
create index plans_tenant_id_updated_at_idx on specimen.plans (tenant_id, updated_at desc);
create unique index plans_tenant_id_author_id_key on specimen.plans (tenant_id, author_id) where status = 'open';

create table specimen.steps (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  plan_id uuid,
  constraint steps_pkey primary key (tenant_id, id),
  constraint steps_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint steps_plan_id_fkey foreign key (tenant_id, plan_id) references specimen.plans (tenant_id, id) on delete set null (plan_id)
);
alter table specimen.steps enable row level security;
alter table specimen.steps force row level security;
create index steps_tenant_id_plan_id_idx on specimen.steps (tenant_id, plan_id);

create table specimen.kinds (
  name text not null,
  constraint kinds_pkey primary key (name)
);
alter table specimen.kinds enable row level security;
alter table specimen.kinds force row level security;

create policy all_tenant on specimen.plans as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id()));
create policy select_owner on specimen.plans for select to :OWNER using (true);
create policy insert_owner on specimen.plans for insert to :OWNER with check (true);
create policy update_owner on specimen.plans for update to :OWNER using (true) with check (true);
create policy delete_owner on specimen.plans for delete to :OWNER using (true);
create policy select_viewer on specimen.plans for select to :VIEWER using (tenant_id = (select app.current_tenant_id()));
create policy update_editor on specimen.plans for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id()));
grant select on table specimen.plans to :VIEWER;
grant update (title, version) on table specimen.plans to :EDITOR;

create policy all_tenant on specimen.steps as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id())) with check (tenant_id = (select app.current_tenant_id()));
create policy select_owner on specimen.steps for select to :OWNER using (true);
create policy insert_owner on specimen.steps for insert to :OWNER with check (true);
create policy update_owner on specimen.steps for update to :OWNER using (true) with check (true);
create policy delete_owner on specimen.steps for delete to :OWNER using (true);

create policy select_owner on specimen.kinds for select to :OWNER using (true);
create policy insert_owner on specimen.kinds for insert to :OWNER with check (true);
create policy update_owner on specimen.kinds for update to :OWNER using (true) with check (true);
create policy delete_owner on specimen.kinds for delete to :OWNER using (true);
create policy select_viewer on specimen.kinds for select to :VIEWER using (true);
grant select on table specimen.kinds to :VIEWER;

create trigger _100_stamp_times before update on specimen.plans
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create trigger _200_count_version before update on specimen.plans
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create trigger _300_check_birth before insert on specimen.plans
  for each row execute function app_private.tg__check_transition('specimen_plan', 'status');
create trigger _300_check_transition before update on specimen.plans
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('specimen_plan', 'status');
create trigger _700_audit_insert after insert on specimen.plans
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create trigger _700_audit_update after update on specimen.plans
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create trigger _700_audit_delete after delete on specimen.plans
  referencing old table as old_rows for each statement execute function app_private.tg__audit();
create trigger _700_audit_insert after insert on specimen.steps
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create trigger _700_audit_update after update on specimen.steps
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create trigger _700_audit_delete after delete on specimen.steps
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table specimen.plans is E'@class tenant\\nSomething that is to be done.';
comment on column specimen.plans.id is 'The row''s id.';
comment on column specimen.plans.tenant_id is 'The tenant.';
comment on column specimen.plans.author_id is 'Who made it.';
comment on column specimen.plans.title is 'What people call it.';
comment on column specimen.plans.status is E'@isIndexed\\nHow far it is.';
comment on column specimen.plans.is_secret is 'Whether it is one.';
comment on column specimen.plans.version is 'Counts every change.';
comment on column specimen.plans.created_at is 'When it was made.';
comment on column specimen.plans.updated_at is 'When it was changed.';
comment on constraint plans_tenant_id_title_key on specimen.plans is 'A plan with this title exists; choose another.';
comment on constraint plans_tenant_id_fkey on specimen.plans is 'There is no such tenant.';
comment on constraint plans_author_id_fkey on specimen.plans is 'There is no such person.';
comment on constraint plans_title_check on specimen.plans is 'A plan needs a title.';
comment on index specimen.plans_tenant_id_author_id_key is 'This person has an open plan already.';
comment on table specimen.steps is E'@class tenant\\nA part of a plan.';
comment on column specimen.steps.id is 'The row''s id.';
comment on column specimen.steps.tenant_id is 'The tenant.';
comment on column specimen.steps.plan_id is 'The plan.';
comment on constraint steps_tenant_id_fkey on specimen.steps is 'There is no such tenant.';
comment on constraint steps_plan_id_fkey on specimen.steps is 'There is no such plan.';
comment on table specimen.kinds is E'@class reference\\nKinds of plans, the same for everybody.';
comment on column specimen.kinds.name is 'What the kind is called.';

create view specimen.open_plans with (security_invoker) as select p.tenant_id, p.id from specimen.plans p where p.status = 'open';
comment on view specimen.open_plans is 'Plans that are not done.';
grant select on table specimen.open_plans to :VIEWER;

create function specimen.count_plans() returns bigint language sql stable security definer set search_path = pg_catalog, pg_temp
  as 'select count(*) from specimen.plans p where p.tenant_id = app.current_tenant_id()';
comment on function specimen.count_plans() is 'How many plans there are. Definer, to show one.';
grant execute on function specimen.count_plans() to :VIEWER;
`;

/** How a rule is broken: by a statement of the owner's (which may break others on the way), or by looking at another server. */
export type Breaker = string | { pretending: [string, string] };

const definer = "language sql security definer set search_path = pg_catalog, pg_temp as 'select 1'";
const invoker = "language sql set search_path = pg_catalog, pg_temp";

/** Rule name to what breaks that rule. A statement that the owner may not run begins with `set role none`. */
export const breakers: Record<string, Breaker> = {
  // tables
  tables_declare_a_class: "comment on table specimen.kinds is 'Kinds of plans, the same for everybody.'",
  tables_force_row_security: "alter table specimen.plans no force row level security",
  tenant_tables_are_keyed_by_tenant_and_id:
    "alter table specimen.steps drop constraint steps_pkey, add constraint steps_pkey primary key (tenant_id, plan_id, id)",
  tenant_tables_name_their_tenant: "alter table specimen.steps alter column tenant_id drop default",
  tenant_tables_refer_to_tenants: "alter table specimen.steps drop constraint steps_tenant_id_fkey",
  tables_with_a_tenant_are_tenant_tables: `alter table specimen.kinds add column tenant_id uuid;
    comment on column specimen.kinds.tenant_id is 'The tenant.'`,
  tables_say_what_a_tenant_has: `create or replace function app_private.tenant_holdings() returns table (table_name text, condition text)
      language sql immutable set search_path = pg_catalog, pg_temp
      as $$ select h.table_name, 'id = $1' from (values ('tenancy.tenants')) h (table_name) $$`,
  secrets_are_named: `alter table specimen.plans add column api_key text;
    comment on column specimen.plans.api_key is 'What opens it.'`,
  ids_are_uuids: `alter table specimen.kinds add column id bigint generated always as identity;
    comment on column specimen.kinds.id is 'The row''s id.'`,
  columns_have_plain_types: "alter table specimen.plans alter column title type varchar(80)",
  booleans_are_questions: "alter table specimen.plans rename column is_secret to secret",
  times_say_when:
    "alter table specimen.plans add column due timestamptz; comment on column specimen.plans.due is 'When it is due.'",
  tables_are_all_there_is: "create materialized view specimen.plan_titles as select 1 as one",
  views_run_as_whoever_asks: "alter view specimen.open_plans set (security_invoker = false)",
  // policies
  tenant_tables_have_one_restrictive_policy: "drop policy all_tenant on specimen.plans",
  restrictive_policies_name_every_application_role:
    "alter policy all_tenant on specimen.plans to :VIEWER, :EDITOR, :ADMIN, :WORKER",
  restrictive_policies_compare_the_tenant:
    "alter policy all_tenant on specimen.plans using (tenant_id = (select app.current_tenant_id()) or is_secret)",
  tables_have_policies_for_the_owner: "drop policy insert_owner on specimen.steps",
  permissive_policies_are_for_one_command: `drop policy select_viewer on specimen.plans;
    create policy all_viewer on specimen.plans to :VIEWER using (tenant_id = (select app.current_tenant_id()))`,
  policies_are_named_for_what_they_do: "alter policy select_viewer on specimen.plans rename to select_editor",
  policies_name_their_roles: "alter policy select_viewer on specimen.plans to public",
  grants_have_policies: "grant delete on table specimen.plans to :EDITOR",
  policies_have_grants: "revoke update (title, version) on table specimen.plans from :EDITOR",
  updates_are_checked_before_and_after: `drop policy update_editor on specimen.plans;
    create policy update_editor on specimen.plans for update to :EDITOR using (tenant_id = (select app.current_tenant_id()))`,
  policies_name_the_tenant: "alter policy select_viewer on specimen.plans using (not is_secret)",
  updates_stay_where_they_were: `drop policy update_editor on specimen.plans;
    create policy update_editor on specimen.plans for update to :EDITOR
      using (tenant_id = (select app.current_tenant_id()) and not is_secret) with check (tenant_id = (select app.current_tenant_id()))`,
  policies_for_people_say_which_rows: "alter policy select_viewer on specimen.plans using (true)",
  policies_ask_once_per_statement:
    "alter policy select_viewer on specimen.plans using (tenant_id = app.current_tenant_id())",
  people_write_by_column: "grant update on table specimen.plans to :EDITOR",
  secrets_are_for_definers: "grant select on table app_private.import_places to :VIEWER",
  // keys
  foreign_keys_carry_the_tenant: `alter table specimen.steps add column plan_tenant_id uuid, drop constraint steps_plan_id_fkey,
      add constraint steps_plan_id_fkey foreign key (plan_tenant_id, plan_id) references specimen.plans (tenant_id, id)`,
  foreign_keys_have_an_index: "drop index specimen.plans_author_id_idx",
  set_null_names_its_column: `alter table specimen.steps drop constraint steps_plan_id_fkey,
      add constraint steps_plan_id_fkey foreign key (tenant_id, plan_id) references specimen.plans (tenant_id, id) on delete set null;
    comment on constraint steps_plan_id_fkey on specimen.steps is 'There is no such plan.'`,
  reference_tables_stand_alone: `alter table specimen.plans add constraint plans_tenant_id_id_title_key unique (tenant_id, id, title);
    alter table specimen.kinds add column x uuid, add column y uuid,
      add constraint kinds_y_fkey foreign key (x, y) references specimen.plans (tenant_id, id);
    create index kinds_x_y_idx on specimen.kinds (x, y);
    comment on column specimen.kinds.x is 'A tenant.'; comment on column specimen.kinds.y is 'A plan.';
    comment on constraint kinds_y_fkey on specimen.kinds is 'There is no such plan.'`,
  constraints_are_valid: `alter table specimen.plans drop constraint plans_title_check, add constraint plans_title_check check (title <> '') not valid;
    comment on constraint plans_title_check on specimen.plans is 'A plan needs a title.'`,
  unique_keys_lead_with_the_tenant: `create unique index plans_title_key on specimen.plans (title);
    comment on index specimen.plans_title_key is 'A plan with this title exists.'`,
  list_indexes_lead_with_the_tenant: "create index plans_updated_at_idx on specimen.plans (updated_at)",
  list_indexes_compare_leakproof_types: "create index plans_tenant_id_status_idx on specimen.plans (tenant_id, status)",
  indexes_are_not_doubled: "create index plans_author_idx on specimen.plans (author_id)",
  keys_are_named_as_postgresql_would:
    "alter table specimen.plans rename constraint plans_author_id_fkey to plans_author_fkey",
  // functions
  functions_pin_their_search_path: "alter function specimen.count_plans() reset search_path",
  functions_are_not_for_everybody: "grant execute on function specimen.count_plans() to public",
  exposed_functions_are_for_somebody: "revoke execute on function specimen.count_plans() from :VIEWER",
  definers_say_why: "comment on function specimen.count_plans() is 'How many plans there are.'",
  functions_leave_no_settings_behind: `create function specimen.switch() returns text ${invoker}
      as $$ select set_config('app.tenant_id', '', false) $$;
    comment on function specimen.switch() is 'Switches.'; grant execute on function specimen.switch() to :VIEWER`,
  functions_for_people_stay_out_of_app_private: `create function specimen.peek() returns bigint ${invoker}
      as $$ select count(*) from app_private.passwords $$;
    comment on function specimen.peek() is 'Peeks.'; grant execute on function specimen.peek() to :VIEWER`,
  trigger_functions_are_named_for_their_table: `create function specimen.tg_plans() returns integer ${definer};
    comment on function specimen.tg_plans() is 'Definer, to show one.'; grant execute on function specimen.tg_plans() to :VIEWER`,
  // triggers
  triggers_are_named_by_their_turn: `create trigger stamp before insert on specimen.steps
    for each row execute function app_private.tg__stamp_times()`,
  triggers_are_on: "alter table specimen.plans disable trigger _700_audit_insert",
  tenant_tables_are_audited: "drop trigger _700_audit_delete on specimen.steps",
  changes_are_stamped: "drop trigger _100_stamp_times on specimen.plans",
  versions_are_counted: "drop trigger _200_count_version on specimen.plans",
  people_edit_what_is_versioned: "revoke update (version) on table specimen.plans from :EDITOR",
  statuses_are_held_to_a_machine: "drop trigger _300_check_birth on specimen.plans",
  machines_know_every_state: "delete from app.transitions where machine = 'specimen_plan' and to_state = 'done'",
  // names
  names_need_no_quotes: 'alter view specimen.open_plans rename to "openPlans"',
  schemas_have_comments: "comment on schema specimen is null",
  tables_have_comments: "comment on table specimen.steps is '@class tenant'",
  exposed_columns_have_comments: "comment on column specimen.plans.status is '@isIndexed'",
  exposed_types_have_comments: "comment on type specimen.plan_status is null",
  functions_have_comments: "comment on function specimen.count_plans() is 'Definer'",
  constraints_speak_to_people: "comment on constraint plans_title_check on specimen.plans is 'title missing'",
  // roles
  roles_pass_over_nothing: "set role none; alter role :VIEWER bypassrls",
  only_two_roles_sign_in: "set role none; alter role :VIEWER login",
  authenticator_is_nobody: "set role none; alter role :AUTHENTICATOR inherit",
  memberships_are_as_designed: "set role none; grant :OWNER to :WORKER with set false, inherit false",
  objects_belong_to_the_owner: `set role none; create view specimen.strange with (security_invoker) as select 1 as one;
    comment on view specimen.strange is 'Not the owner''s.'`,
  application_roles_own_nothing:
    "set role none; create type public.of_a_viewer as enum (); alter type public.of_a_viewer owner to :VIEWER",
  application_roles_make_nothing: "grant create on schema specimen to :EDITOR",
  privileges_are_on_rows: "grant truncate on table specimen.plans to :ADMIN",
  nothing_is_for_public: "grant select on table specimen.open_plans to public",
  privileges_are_not_passed_on: "grant select on table specimen.plans to :VIEWER with grant option",
  app_private_is_closed_to_people: "grant usage on schema app_private to :ADMIN",
  new_functions_are_for_nobody: "alter default privileges for role :OWNER grant execute on functions to public",
  extensions_are_trusted_ones: "set role none; create extension citext with schema public",
  server_is_patched: { pretending: ["pg_catalog.current_setting('server_version_num')", "'170005'"] },
};
