--! Previous: sha1:6fae735192a3caa7bcdd14174a0149d81ab80123
--! Hash: sha1:5fe31141529619617722c0a5159a7d7d829f6da9
--! Message: add clients journeys and touchpoints

-- The flagship: a client's journeys, each a sequence of touchpoints, with the templates, pipelines and workflows around them.
set local lock_timeout = '3s';

create schema journeys;
comment on schema journeys is 'Clients, their journeys and touchpoints, the versions that are reviewed, and the approvals.';
grant usage on schema journeys to :VIEWER, :CLIENT, :WORKER;

create type journeys.client_status as enum ('onboarding', 'active', 'inactive', 'archived');
create type journeys.journey_category as enum (
  'wedding', 'corporate', 'event', 'inquiry', 'nurture', 'retention', 'reactivation', 'onboarding', 'confirmation', 'follow_up', 'proposal'
);
create type journeys.journey_status as enum ('draft', 'client_review', 'approved', 'published', 'rejected', 'archived');
create type journeys.touchpoint_type as enum ('email', 'sms', 'task', 'wait', 'condition', 'trigger', 'form', 'call', 'note');
create type journeys.touchpoint_status as enum ('draft', 'client_review', 'needs_revision', 'approved', 'published');
create type journeys.template_type as enum ('email', 'sms');
create type journeys.template_status as enum ('draft', 'approved', 'published', 'archived');
create type journeys.template_sync_status as enum ('pending', 'synced', 'failed', 'modified_in_ghl');
create type journeys.workflow_status as enum ('draft', 'active', 'inactive', 'archived');
create type journeys.workflow_action_type as enum (
  'send_email', 'send_sms', 'create_task', 'wait', 'condition', 'add_tag', 'remove_tag', 'notify', 'webhook', 'other'
);
create type journeys.sync_operation as enum (
  'full_sync', 'template_create', 'template_update', 'template_delete', 'journey_publish', 'journey_unpublish'
);
create type journeys.sync_status as enum ('running', 'success', 'partial', 'failed');
grant usage on type
  journeys.client_status, journeys.journey_category, journeys.journey_status, journeys.touchpoint_type, journeys.touchpoint_status,
  journeys.template_type, journeys.template_status, journeys.template_sync_status, journeys.workflow_status,
  journeys.workflow_action_type, journeys.sync_operation, journeys.sync_status
to public;

create table journeys.clients (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  slug text not null,
  name text not null,
  ghl_location_id text,
  industry text,
  website text,
  status journeys.client_status not null default 'onboarding',
  settings jsonb not null default '{}',
  config jsonb not null default '{}',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint clients_pkey primary key (tenant_id, id),
  constraint clients_tenant_id_slug_key unique (tenant_id, slug),
  constraint clients_tenant_id_ghl_location_id_key unique (tenant_id, ghl_location_id),
  constraint clients_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint clients_name_check check (name ~ '\S'),
  constraint clients_slug_check check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint clients_settings_check check (jsonb_typeof(settings) = 'object'),
  constraint clients_config_check check (jsonb_typeof(config) = 'object')
);
alter table journeys.clients enable row level security;
alter table journeys.clients force row level security;
create index clients_tenant_id_name_idx on journeys.clients (tenant_id, name);
create index clients_tenant_id_updated_at_idx on journeys.clients (tenant_id, updated_at desc);

create table tenancy.client_users (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  client_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  constraint client_users_pkey primary key (tenant_id, id),
  constraint client_users_tenant_id_client_id_user_id_key unique (tenant_id, client_id, user_id),
  constraint client_users_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint client_users_client_id_fkey foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) on delete cascade,
  constraint client_users_user_id_fkey foreign key (tenant_id, user_id) references tenancy.memberships (tenant_id, user_id) on delete cascade
);
alter table tenancy.client_users enable row level security;
alter table tenancy.client_users force row level security;
create index client_users_tenant_id_user_id_idx on tenancy.client_users (tenant_id, user_id);

create table journeys.pipelines (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  client_id uuid not null,
  name text not null,
  ghl_pipeline_id text,
  stages jsonb not null default '[]',
  is_default boolean not null default false,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint pipelines_pkey primary key (tenant_id, id),
  constraint pipelines_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint pipelines_client_id_fkey foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) on delete cascade,
  constraint pipelines_name_check check (name ~ '\S'),
  constraint pipelines_stages_check check (jsonb_typeof(stages) = 'array')
);
alter table journeys.pipelines enable row level security;
alter table journeys.pipelines force row level security;
create index pipelines_tenant_id_client_id_name_idx on journeys.pipelines (tenant_id, client_id, name);

create table journeys.journeys (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  client_id uuid not null,
  pipeline_id uuid,
  name text not null,
  slug text not null,
  description text,
  category journeys.journey_category,
  status journeys.journey_status not null default 'draft',
  trigger_config jsonb,
  goal text,
  metadata jsonb not null default '{}',
  published_at timestamptz,
  approved_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint journeys_pkey primary key (tenant_id, id),
  constraint journeys_tenant_id_slug_key unique (tenant_id, slug),
  constraint journeys_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint journeys_client_id_fkey foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) on delete cascade,
  constraint journeys_pipeline_id_fkey foreign key (tenant_id, pipeline_id) references journeys.pipelines (tenant_id, id) on delete set null (pipeline_id),
  constraint journeys_name_check check (name ~ '\S'),
  constraint journeys_slug_check check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint journeys_trigger_config_check check (jsonb_typeof(trigger_config) = 'object'),
  constraint journeys_metadata_check check (jsonb_typeof(metadata) = 'object')
);
alter table journeys.journeys enable row level security;
alter table journeys.journeys force row level security;
create index journeys_tenant_id_client_id_updated_at_idx on journeys.journeys (tenant_id, client_id, updated_at desc);
create index journeys_tenant_id_pipeline_id_idx on journeys.journeys (tenant_id, pipeline_id);
create index journeys_tenant_id_updated_at_idx on journeys.journeys (tenant_id, updated_at desc);
create index journeys_tenant_id_name_idx on journeys.journeys (tenant_id, name);
-- Comparing enums is not leakproof, so under row security only a partial index serves the two lists that people open all day.
create index journeys_tenant_id_client_review_idx on journeys.journeys (tenant_id, updated_at desc) where status = 'client_review';
create index journeys_tenant_id_approved_idx on journeys.journeys (tenant_id, updated_at desc) where status = 'approved';

--! Included journeys/searchable_text.sql
create or replace function app.searchable_text(name text, content jsonb) returns text
  language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  return concat_ws(
    E'\n', name, content ->> 'subject', content ->> 'previewText', content ->> 'greeting',
    left(coalesce(content ->> 'body', content ->> 'text', content ->> 'html'), 20000)
  );
comment on function app.searchable_text(text, jsonb) is
  'What the search looks through in a touchpoint: its name, subject, preview, greeting, and the first 20,000 characters of its body.';
-- Whoever writes a touchpoint writes its index entry too.
grant execute on function app.searchable_text(text, jsonb) to :EDITOR, :WORKER;
--! EndIncluded journeys/searchable_text.sql

create table journeys.touchpoints (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  journey_id uuid not null,
  next_touchpoint_id uuid,
  name text not null,
  type journeys.touchpoint_type not null,
  day_offset integer,
  order_index integer not null,
  source_order numeric,
  content jsonb not null default '{}',
  config jsonb not null default '{}',
  position jsonb,
  ghl_template_id text,
  status journeys.touchpoint_status not null default 'draft',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint touchpoints_pkey primary key (tenant_id, id),
  constraint touchpoints_tenant_id_journey_id_id_key unique (tenant_id, journey_id, id),
  constraint touchpoints_tenant_id_journey_id_order_index_key unique (tenant_id, journey_id, order_index) deferrable initially immediate,
  constraint touchpoints_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint touchpoints_journey_id_fkey foreign key (tenant_id, journey_id) references journeys.journeys (tenant_id, id) on delete cascade,
  constraint touchpoints_next_touchpoint_id_fkey foreign key (tenant_id, journey_id, next_touchpoint_id)
    references journeys.touchpoints (tenant_id, journey_id, id) on delete set null (next_touchpoint_id),
  constraint touchpoints_next_is_another_check check (next_touchpoint_id <> id),
  constraint touchpoints_name_check check (name ~ '\S'),
  constraint touchpoints_order_index_check check (order_index >= 0),
  constraint touchpoints_content_check check (jsonb_typeof(content) = 'object'),
  constraint touchpoints_config_check check (jsonb_typeof(config) = 'object'),
  constraint touchpoints_position_check check (jsonb_typeof(position) = 'object')
);
alter table journeys.touchpoints enable row level security;
alter table journeys.touchpoints force row level security;
create index touchpoints_tenant_id_journey_id_next_touchpoint_id_idx on journeys.touchpoints (tenant_id, journey_id, next_touchpoint_id);
create index touchpoints_tenant_id_ghl_template_id_idx on journeys.touchpoints (tenant_id, ghl_template_id) where ghl_template_id is not null;
create index touchpoints_tenant_id_name_idx on journeys.touchpoints (tenant_id, name);
create index touchpoints_searchable_text_trgm_idx on journeys.touchpoints using gin (app.searchable_text(name, content) public.gin_trgm_ops);
create index touchpoints_searchable_text_words_idx on journeys.touchpoints using gin (to_tsvector('simple', app.searchable_text(name, content)));

create table journeys.touchpoint_versions (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  touchpoint_id uuid not null,
  version integer not null,
  subject text,
  body text,
  change_notes text,
  created_at timestamptz not null default now(),
  constraint touchpoint_versions_pkey primary key (tenant_id, id),
  constraint touchpoint_versions_tenant_id_touchpoint_id_version_key unique (tenant_id, touchpoint_id, version),
  constraint touchpoint_versions_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint touchpoint_versions_touchpoint_id_fkey foreign key (tenant_id, touchpoint_id) references journeys.touchpoints (tenant_id, id) on delete cascade
);
alter table journeys.touchpoint_versions enable row level security;
alter table journeys.touchpoint_versions force row level security;

create table journeys.templates (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  client_id uuid,
  touchpoint_id uuid,
  name text not null,
  type journeys.template_type not null,
  ghl_template_id text,
  content jsonb not null default '{}',
  variables jsonb not null default '[]',
  status journeys.template_status not null default 'draft',
  sync_status journeys.template_sync_status,
  last_synced_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint templates_pkey primary key (tenant_id, id),
  constraint templates_tenant_id_ghl_template_id_key unique (tenant_id, ghl_template_id),
  constraint templates_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint templates_client_id_fkey foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) on delete cascade,
  constraint templates_touchpoint_id_fkey foreign key (tenant_id, touchpoint_id) references journeys.touchpoints (tenant_id, id) on delete set null (touchpoint_id),
  constraint templates_name_check check (name ~ '\S'),
  constraint templates_content_check check (jsonb_typeof(content) = 'object'),
  constraint templates_variables_check check (jsonb_typeof(variables) = 'array')
);
alter table journeys.templates enable row level security;
alter table journeys.templates force row level security;
create index templates_tenant_id_client_id_name_idx on journeys.templates (tenant_id, client_id, name);
create index templates_tenant_id_touchpoint_id_idx on journeys.templates (tenant_id, touchpoint_id);
create index templates_tenant_id_name_idx on journeys.templates (tenant_id, name);

create table journeys.workflows (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  client_id uuid not null,
  name text not null,
  ghl_workflow_id text,
  status journeys.workflow_status not null default 'draft',
  trigger jsonb not null default '{}',
  actions jsonb not null default '[]',
  notes jsonb,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workflows_pkey primary key (tenant_id, id),
  constraint workflows_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint workflows_client_id_fkey foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) on delete cascade,
  constraint workflows_name_check check (name ~ '\S'),
  constraint workflows_trigger_check check (jsonb_typeof(trigger) = 'object'),
  constraint workflows_actions_check check (jsonb_typeof(actions) = 'array'),
  constraint workflows_notes_check check (jsonb_typeof(notes) in ('object', 'array'))
);
alter table journeys.workflows enable row level security;
alter table journeys.workflows force row level security;
create index workflows_tenant_id_client_id_name_idx on journeys.workflows (tenant_id, client_id, name);
create index workflows_tenant_id_ghl_workflow_id_idx on journeys.workflows (tenant_id, ghl_workflow_id) where ghl_workflow_id is not null;

create table journeys.workflow_actions (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  workflow_id uuid not null,
  template_id uuid,
  action_type journeys.workflow_action_type not null,
  delay_minutes integer not null default 0,
  config jsonb not null default '{}',
  order_index integer not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workflow_actions_pkey primary key (tenant_id, id),
  constraint workflow_actions_tenant_id_workflow_id_order_index_key unique (tenant_id, workflow_id, order_index) deferrable initially immediate,
  constraint workflow_actions_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint workflow_actions_workflow_id_fkey foreign key (tenant_id, workflow_id) references journeys.workflows (tenant_id, id) on delete cascade,
  constraint workflow_actions_template_id_fkey foreign key (tenant_id, template_id) references journeys.templates (tenant_id, id) on delete set null (template_id),
  constraint workflow_actions_delay_minutes_check check (delay_minutes >= 0),
  constraint workflow_actions_order_index_check check (order_index >= 0),
  constraint workflow_actions_config_check check (jsonb_typeof(config) = 'object')
);
alter table journeys.workflow_actions enable row level security;
alter table journeys.workflow_actions force row level security;
create index workflow_actions_tenant_id_template_id_idx on journeys.workflow_actions (tenant_id, template_id);

create table journeys.sync_history (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  client_id uuid,
  operation journeys.sync_operation not null,
  status journeys.sync_status not null,
  items_synced integer,
  errors text,
  metadata jsonb not null default '{}',
  started_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz not null default now(),
  constraint sync_history_pkey primary key (tenant_id, id),
  constraint sync_history_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint sync_history_client_id_fkey foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) on delete cascade,
  constraint sync_history_items_synced_check check (items_synced >= 0),
  constraint sync_history_ends_after_start_check check (completed_at >= started_at),
  constraint sync_history_metadata_check check (jsonb_typeof(metadata) = 'object')
);
alter table journeys.sync_history enable row level security;
alter table journeys.sync_history force row level security;
create index sync_history_tenant_id_client_id_created_at_idx on journeys.sync_history (tenant_id, client_id, created_at desc);
create index sync_history_tenant_id_created_at_idx on journeys.sync_history (tenant_id, created_at desc);

--! Included journeys/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF101', 'approval_decided', 409, 'This approval is %s already.', 'Read the journey again; if it should be reviewed once more, submit it once more.'),
  ('LF102', 'self_approval', 403, 'You asked for this approval, so you cannot decide it.', 'Let another person review it, or let an admin set allow_self_approval in the settings of the tenant.'),
  ('LF103', 'empty_journey', 400, 'The journey "%s" has no touchpoints, so there is nothing to review.', 'Add a touchpoint, then submit it.'),
  ('LF104', 'archived', 409, 'The journey "%s" is archived.', 'Restore it with restoreJourney, then change it.'),
  ('LF105', 'incomplete_order', 400, 'The new order does not name every touchpoint of the journey exactly once: %s.', 'Send the ids of all %s touchpoints, each once, first to last.'),
  ('LF106', 'no_location', 400, 'The client "%s" has no GoHighLevel location to publish to.', 'Set ghlLocationId on the client, then publish.'),
  ('LF107', 'comments_missing', 400, 'A refusal says why.', 'Send comments with the decision.'),
  ('LF108', 'nothing_approved', 409, 'No version of the journey "%s" is approved.', 'Take it back with withdrawJourney, submit it with submitJourney, and have it reviewed.'),
  ('LF109', 'nothing_to_withdraw', 409, 'The journey "%s" is %s, so there is nothing to withdraw.', 'Only a journey in client_review or approved can be withdrawn.'),
  ('LF110', 'unsafe_restore', 409, 'Version %s does not hold its touchpoints, so nothing can be restored from it.', 'Choose a later version; this one came from a base that kept none.'),
  ('LF111', 'published_before', 409, 'The journey "%s" has been published, so its versions and approvals are kept.', 'Put it away with archiveJourney.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded journeys/errors.sql
--! Included journeys/transitions.sql
-- Read these as diagrams. An edit of an approved, published or rejected journey takes it back to draft, so editors may take that step.
select app_private.define_machine('journey', $$
  -> draft: editor, admin
  draft -> client_review: editor, admin
  client_review -> approved: client, admin
  client_review -> rejected: client, admin
  client_review -> draft: client, editor, admin
  approved -> published: admin
  approved -> draft: editor, admin
  published -> draft: editor, admin
  rejected -> draft: editor, admin
  draft -> archived: editor, admin
  client_review -> archived: editor, admin
  approved -> archived: editor, admin
  published -> archived: editor, admin
  rejected -> archived: editor, admin
  archived -> draft: editor, admin
$$);

-- A touchpoint follows its journey; the worker notes what has reached GoHighLevel.
select app_private.define_machine('touchpoint', $$
  -> draft: editor, admin
  draft -> client_review: editor, admin
  needs_revision -> client_review: editor, admin
  approved -> client_review: editor, admin
  published -> client_review: editor, admin
  client_review -> approved: client, admin
  client_review -> needs_revision: client, admin
  client_review -> draft: client, editor, admin
  approved -> published: worker
  approved -> draft: editor, admin
  published -> draft: editor, admin
  needs_revision -> draft: editor, admin
$$);

select app_private.define_machine('approval', $$
  -> pending: editor, admin
  pending -> approved: client, admin
  pending -> rejected: client, admin
  pending -> changes_requested: client, admin
  pending -> withdrawn: editor, admin
$$);

select app_private.define_machine('comment_thread', $$
  -> open: client, editor, admin
  open -> resolved: client, editor, admin
  resolved -> open: client, editor, admin
$$);

select app_private.define_machine('change_request', $$
  -> pending_review: client, editor, admin
  pending_review -> in_review: editor, admin
  pending_review -> rejected: editor, admin
  pending_review -> cancelled: client, editor, admin
  in_review -> approved: editor, admin
  in_review -> rejected: editor, admin
  in_review -> cancelled: client, editor, admin
  approved -> implemented: editor, admin
$$);

select app_private.define_machine('client', $$
  -> onboarding: editor, admin
  -> active: editor, admin
  onboarding -> active: editor, admin
  onboarding -> inactive: editor, admin
  onboarding -> archived: editor, admin
  active -> inactive: editor, admin
  active -> archived: editor, admin
  inactive -> active: editor, admin
  inactive -> archived: editor, admin
  archived -> active: editor, admin
$$);

select app_private.define_machine('template', $$
  -> draft: editor, admin
  draft -> approved: editor, admin
  draft -> archived: editor, admin
  approved -> draft: editor, admin
  approved -> published: worker, admin
  approved -> archived: editor, admin
  published -> draft: editor, admin
  published -> archived: editor, admin
  archived -> draft: editor, admin
$$);

select app_private.define_machine('workflow', $$
  -> draft: editor, admin
  -> active: editor, admin
  -> inactive: editor, admin
  draft -> active: editor, admin
  draft -> archived: editor, admin
  active -> inactive: editor, admin
  active -> archived: editor, admin
  inactive -> active: editor, admin
  inactive -> archived: editor, admin
  archived -> inactive: editor, admin
$$);
--! EndIncluded journeys/transitions.sql
--! Included tenancy/client_users.sql
-- Which clients a person with the role client belongs to. Admins say so; the person sees their own.
drop policy if exists all_tenant on tenancy.client_users;
create policy all_tenant on tenancy.client_users as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on tenancy.client_users;
create policy select_owner on tenancy.client_users for select to :OWNER
  using (true);
drop policy if exists insert_owner on tenancy.client_users;
create policy insert_owner on tenancy.client_users for insert to :OWNER
  with check (true);
drop policy if exists update_owner on tenancy.client_users;
create policy update_owner on tenancy.client_users for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on tenancy.client_users;
create policy delete_owner on tenancy.client_users for delete to :OWNER
  using (true);
drop policy if exists select_viewer on tenancy.client_users;
create policy select_viewer on tenancy.client_users for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_client on tenancy.client_users;
create policy select_client on tenancy.client_users for select to :CLIENT
  using (tenant_id = (select app.current_tenant_id()) and user_id = (select app.current_user_id()));
drop policy if exists insert_admin on tenancy.client_users;
create policy insert_admin on tenancy.client_users for insert to :ADMIN
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on tenancy.client_users;
create policy delete_admin on tenancy.client_users for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on tenancy.client_users;
create policy select_worker on tenancy.client_users for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table tenancy.client_users to :VIEWER;
grant select on table tenancy.client_users to :CLIENT;
grant insert (
  client_id, user_id
) on table tenancy.client_users to :ADMIN;
grant delete on table tenancy.client_users to :ADMIN;
grant select on table tenancy.client_users to :WORKER;

create or replace trigger _700_audit_insert after insert on tenancy.client_users
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on tenancy.client_users
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on tenancy.client_users
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table tenancy.client_users is '@class tenant
Ties a person with the role client to a client whose versions they may read and review.';
comment on column tenancy.client_users.id is 'The row''s id, time-ordered.';
comment on column tenancy.client_users.tenant_id is 'The tenant that the row belongs to.';
comment on column tenancy.client_users.client_id is 'The client.';
comment on column tenancy.client_users.user_id is 'The person.';
comment on column tenancy.client_users.created_at is 'When the row was made.';
comment on constraint client_users_tenant_id_client_id_user_id_key on tenancy.client_users is 'This person belongs to the client already.';
comment on constraint client_users_tenant_id_fkey on tenancy.client_users is 'There is no such tenant.';
comment on constraint client_users_client_id_fkey on tenancy.client_users is 'There is no such client.';
comment on constraint client_users_user_id_fkey on tenancy.client_users is '@fieldName membership
@foreignFieldName clientUsers
This person is not in the tenant; add a membership first.';

create or replace function app.current_client_ids() returns uuid[]
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select coalesce(array_agg(cu.client_id), '{}')
    from app_private.current_identity() i
    join tenancy.client_users cu on cu.tenant_id = i.tenant_id and cu.user_id = i.user_id
    where i.app_role = 'client'
  $$;
comment on function app.current_client_ids() is
  'The clients of a person with the role client; empty for everybody else. Definer: reads tenancy.client_users before any policy can.';
grant execute on function app.current_client_ids() to :VIEWER, :CLIENT, :WORKER;
--! EndIncluded tenancy/client_users.sql
--! Included journeys/clients.sql
-- Clients of a tenant. People of a client never see this row: the snapshots that they review name their client.
drop policy if exists all_tenant on journeys.clients;
create policy all_tenant on journeys.clients as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.clients;
create policy select_owner on journeys.clients for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.clients;
create policy insert_owner on journeys.clients for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.clients;
create policy update_owner on journeys.clients for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.clients;
create policy delete_owner on journeys.clients for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.clients;
create policy select_viewer on journeys.clients for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on journeys.clients;
create policy insert_editor on journeys.clients for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on journeys.clients;
create policy update_editor on journeys.clients for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on journeys.clients;
create policy delete_admin on journeys.clients for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on journeys.clients;
create policy select_worker on journeys.clients for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.clients;
create policy insert_worker on journeys.clients for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.clients;
create policy update_worker on journeys.clients for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.clients;
create policy delete_worker on journeys.clients for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.clients to :VIEWER;
grant insert (
  slug, name, ghl_location_id, industry, website, status, settings, config
) on table journeys.clients to :EDITOR;
grant update (
  slug, name, ghl_location_id, industry, website, status, settings, config, version
) on table journeys.clients to :EDITOR;
grant delete on table journeys.clients to :ADMIN;
grant select, insert, update, delete on table journeys.clients to :WORKER;

create or replace trigger _100_stamp_times before update on journeys.clients
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on journeys.clients
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _300_check_birth before insert on journeys.clients
  for each row execute function app_private.tg__check_transition('client', 'status');
create or replace trigger _300_check_transition before update on journeys.clients
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('client', 'status');
create or replace trigger _700_audit_insert after insert on journeys.clients
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.clients
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.clients
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type journeys.client_status is 'Where the relation with a client stands.';
comment on table journeys.clients is '@class tenant
A business that a tenant builds journeys for.';
comment on column journeys.clients.id is 'The row''s id, time-ordered.';
comment on column journeys.clients.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.clients.slug is 'Short name in addresses: lower-case words joined by hyphens, unique in the tenant.';
comment on column journeys.clients.name is 'What people call the business.';
comment on column journeys.clients.ghl_location_id is 'The GoHighLevel location that its journeys are published to.';
comment on column journeys.clients.industry is 'The line of business.';
comment on column journeys.clients.website is 'Its address on the web.';
comment on column journeys.clients.status is '@isIndexed
Where the relation with the client stands.';
comment on column journeys.clients.settings is 'What people may set for this client, an object.';
comment on column journeys.clients.config is 'Further facts as they came from the source, an object: notes.';
comment on column journeys.clients.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column journeys.clients.created_at is 'When the row was made.';
comment on column journeys.clients.updated_at is 'When the row was last changed.';
comment on constraint clients_tenant_id_slug_key on journeys.clients is 'A client with this slug exists; choose another slug.';
comment on constraint clients_tenant_id_ghl_location_id_key on journeys.clients is 'Another client publishes to this GoHighLevel location; each location belongs to one client.';
comment on constraint clients_tenant_id_fkey on journeys.clients is 'There is no such tenant.';
comment on constraint clients_name_check on journeys.clients is 'A client needs a name that is not blank.';
comment on constraint clients_slug_check on journeys.clients is 'A slug is lower-case letters and digits in words joined by single hyphens, for example "rosewood-manor".';
comment on constraint clients_settings_check on journeys.clients is 'The settings of a client are a JSON object.';
comment on constraint clients_config_check on journeys.clients is 'The config of a client is a JSON object.';
--! EndIncluded journeys/clients.sql
--! Included journeys/pipelines.sql
-- Pipelines of a client, as GoHighLevel has them.
drop policy if exists all_tenant on journeys.pipelines;
create policy all_tenant on journeys.pipelines as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.pipelines;
create policy select_owner on journeys.pipelines for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.pipelines;
create policy insert_owner on journeys.pipelines for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.pipelines;
create policy update_owner on journeys.pipelines for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.pipelines;
create policy delete_owner on journeys.pipelines for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.pipelines;
create policy select_viewer on journeys.pipelines for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on journeys.pipelines;
create policy insert_editor on journeys.pipelines for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on journeys.pipelines;
create policy update_editor on journeys.pipelines for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on journeys.pipelines;
create policy delete_editor on journeys.pipelines for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on journeys.pipelines;
create policy select_worker on journeys.pipelines for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.pipelines;
create policy insert_worker on journeys.pipelines for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.pipelines;
create policy update_worker on journeys.pipelines for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.pipelines;
create policy delete_worker on journeys.pipelines for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.pipelines to :VIEWER;
grant insert (
  client_id, name, ghl_pipeline_id, stages, is_default
) on table journeys.pipelines to :EDITOR;
grant update (
  name, ghl_pipeline_id, stages, is_default, version
) on table journeys.pipelines to :EDITOR;
grant delete on table journeys.pipelines to :EDITOR;
grant select, insert, update, delete on table journeys.pipelines to :WORKER;

create or replace trigger _100_stamp_times before update on journeys.pipelines
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on journeys.pipelines
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _700_audit_insert after insert on journeys.pipelines
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.pipelines
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.pipelines
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table journeys.pipelines is '@class tenant
A sales pipeline of a client, with its stages.';
comment on column journeys.pipelines.id is 'The row''s id, time-ordered.';
comment on column journeys.pipelines.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.pipelines.client_id is 'Whose pipeline it is.';
comment on column journeys.pipelines.name is 'What people call it.';
comment on column journeys.pipelines.ghl_pipeline_id is 'Its id in GoHighLevel.';
comment on column journeys.pipelines.stages is 'The stages in order, an array of {id, name, position, showInFunnel, showInPieChart}.';
comment on column journeys.pipelines.is_default is 'True where journeys without a pipeline of their own use it.';
comment on column journeys.pipelines.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column journeys.pipelines.created_at is 'When the row was made.';
comment on column journeys.pipelines.updated_at is 'When the row was last changed.';
comment on constraint pipelines_tenant_id_fkey on journeys.pipelines is 'There is no such tenant.';
comment on constraint pipelines_client_id_fkey on journeys.pipelines is 'There is no such client.';
comment on constraint pipelines_name_check on journeys.pipelines is 'A pipeline needs a name that is not blank.';
comment on constraint pipelines_stages_check on journeys.pipelines is 'The stages of a pipeline are a JSON array.';
--! EndIncluded journeys/pipelines.sql
--! Included journeys/journeys.sql
-- Journeys. Status is moved by named mutations alone; people of a client see versions, never this row.
drop policy if exists all_tenant on journeys.journeys;
create policy all_tenant on journeys.journeys as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.journeys;
create policy select_owner on journeys.journeys for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.journeys;
create policy insert_owner on journeys.journeys for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.journeys;
create policy update_owner on journeys.journeys for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.journeys;
create policy delete_owner on journeys.journeys for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.journeys;
create policy select_viewer on journeys.journeys for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on journeys.journeys;
create policy insert_editor on journeys.journeys for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on journeys.journeys;
create policy update_editor on journeys.journeys for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on journeys.journeys;
create policy delete_editor on journeys.journeys for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on journeys.journeys;
create policy select_worker on journeys.journeys for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.journeys;
create policy insert_worker on journeys.journeys for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.journeys;
create policy update_worker on journeys.journeys for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.journeys;
create policy delete_worker on journeys.journeys for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.journeys to :VIEWER;
grant insert (
  client_id, pipeline_id, name, slug, description, category, trigger_config, goal, metadata
) on table journeys.journeys to :EDITOR;
grant update (
  pipeline_id, name, slug, description, category, trigger_config, goal, metadata, version
) on table journeys.journeys to :EDITOR;
grant delete on table journeys.journeys to :EDITOR;
grant select, insert, update, delete on table journeys.journeys to :WORKER;

create or replace function app_private.slugify(name text) returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select coalesce(nullif(trim(both '-' from regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g')), ''), 'untitled') $$;
comment on function app_private.slugify(text) is 'A name as a slug: lower-case letters and digits, everything else one hyphen.';
grant execute on function app_private.slugify(text) to :WORKER;

create or replace function app_private.tg_journeys__stamp_slug() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    wanted constant text := app_private.slugify(new.name);
    attempt integer := 1;
  begin
    if new.slug is null then
      -- Two of one name at once would choose the same slug; the second waits and sees the first. An import writes alone.
      if app.current_import_batch_id() is null then
        perform pg_advisory_xact_lock(hashtextextended('journeys.journeys.slug ' || wanted, hashtext(new.tenant_id::text)));
      end if;
      new.slug := wanted;
      while exists (select from journeys.journeys j where j.tenant_id = new.tenant_id and j.slug = new.slug) loop
        attempt := attempt + 1;
        new.slug := wanted || '-' || attempt;
      end loop;
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_journeys__stamp_slug() is
  'Makes a slug from the name where none was given. Definer, because it must see every slug of the tenant to avoid it.';

create or replace trigger _100_stamp_times before update on journeys.journeys
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on journeys.journeys
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version('status', 'published_at', 'approved_at');
create or replace trigger _100_stamp_slug before insert on journeys.journeys
  for each row execute function app_private.tg_journeys__stamp_slug();
create or replace trigger _300_check_birth before insert on journeys.journeys
  for each row execute function app_private.tg__check_transition('journey', 'status');
create or replace trigger _300_check_transition before update on journeys.journeys
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('journey', 'status');
create or replace trigger _700_audit_insert after insert on journeys.journeys
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.journeys
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.journeys
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type journeys.journey_category is 'The occasion that a journey is for.';
comment on type journeys.journey_status is 'Where a journey stands on its way from draft to publication.';
comment on table journeys.journeys is '@class tenant
@aggregates on
A sequence of touchpoints that leads somebody from a first contact to a goal.';
comment on column journeys.journeys.id is 'The row''s id, time-ordered.';
comment on column journeys.journeys.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.journeys.client_id is 'Whose journey it is; it never moves to another client.';
comment on column journeys.journeys.pipeline_id is 'The pipeline it works on, if any.';
comment on column journeys.journeys.name is 'What people call it.';
comment on column journeys.journeys.slug is 'Short name in addresses and tags, unique in the tenant; made from the name where none is given.';
comment on column journeys.journeys.description is 'What it is for.';
comment on column journeys.journeys.category is '@isIndexed
The occasion.';
comment on column journeys.journeys.status is '@isIndexed
Where it stands between draft and published; see allowedTransitions.';
comment on column journeys.journeys.trigger_config is 'What starts it, an object.';
comment on column journeys.journeys.goal is 'What it should lead to.';
comment on column journeys.journeys.metadata is 'Further facts, an object: tags.';
comment on column journeys.journeys.published_at is 'When a version of it was last published.';
comment on column journeys.journeys.approved_at is 'When a version of it was last approved.';
comment on column journeys.journeys.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column journeys.journeys.created_at is 'When the row was made.';
comment on column journeys.journeys.updated_at is 'When the row was last changed.';
comment on constraint journeys_tenant_id_slug_key on journeys.journeys is 'A journey with this slug exists; choose another slug.';
comment on constraint journeys_tenant_id_fkey on journeys.journeys is 'There is no such tenant.';
comment on constraint journeys_client_id_fkey on journeys.journeys is 'There is no such client.';
comment on constraint journeys_pipeline_id_fkey on journeys.journeys is 'There is no such pipeline.';
comment on constraint journeys_name_check on journeys.journeys is 'A journey needs a name that is not blank.';
comment on constraint journeys_slug_check on journeys.journeys is 'A slug is lower-case letters and digits in words joined by single hyphens, for example "wedding-inquiry".';
comment on constraint journeys_trigger_config_check on journeys.journeys is 'The trigger of a journey is a JSON object.';
comment on constraint journeys_metadata_check on journeys.journeys is 'The metadata of a journey is a JSON object.';
--! EndIncluded journeys/journeys.sql
--! Included journeys/touchpoints.sql
-- Touchpoints. What publishing and reviewing write (status, ids) nobody else may.
drop policy if exists all_tenant on journeys.touchpoints;
create policy all_tenant on journeys.touchpoints as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.touchpoints;
create policy select_owner on journeys.touchpoints for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.touchpoints;
create policy insert_owner on journeys.touchpoints for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.touchpoints;
create policy update_owner on journeys.touchpoints for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.touchpoints;
create policy delete_owner on journeys.touchpoints for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.touchpoints;
create policy select_viewer on journeys.touchpoints for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on journeys.touchpoints;
create policy insert_editor on journeys.touchpoints for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on journeys.touchpoints;
create policy update_editor on journeys.touchpoints for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on journeys.touchpoints;
create policy delete_editor on journeys.touchpoints for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on journeys.touchpoints;
create policy select_worker on journeys.touchpoints for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.touchpoints;
create policy insert_worker on journeys.touchpoints for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.touchpoints;
create policy update_worker on journeys.touchpoints for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.touchpoints;
create policy delete_worker on journeys.touchpoints for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.touchpoints to :VIEWER;
grant insert (
  journey_id, next_touchpoint_id, name, type, day_offset, order_index, content, config, position
) on table journeys.touchpoints to :EDITOR;
grant update (
  next_touchpoint_id, name, type, day_offset, order_index, content, config, position, version
) on table journeys.touchpoints to :EDITOR;
grant delete on table journeys.touchpoints to :EDITOR;
grant select, insert, update, delete on table journeys.touchpoints to :WORKER;

create or replace function app_private.tg_touchpoints__stamp_order() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    -- Two at once would both find the same last place; the second waits.
    perform from journeys.journeys j where j.tenant_id = new.tenant_id and j.id = new.journey_id for no key update;
    select coalesce(max(t.order_index) + 1, 0) into new.order_index
    from journeys.touchpoints t
    where t.tenant_id = new.tenant_id and t.journey_id = new.journey_id;
    return new;
  end
  $$;
comment on function app_private.tg_touchpoints__stamp_order() is
  'Puts a touchpoint without a place last. Definer, so that it counts every touchpoint of the journey.';

create or replace trigger _100_stamp_times before update on journeys.touchpoints
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on journeys.touchpoints
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version('status', 'ghl_template_id');
create or replace trigger _100_stamp_order before insert on journeys.touchpoints
  for each row when (new.order_index is null) execute function app_private.tg_touchpoints__stamp_order();
create or replace trigger _300_check_birth before insert on journeys.touchpoints
  for each row execute function app_private.tg__check_transition('touchpoint', 'status');
create or replace trigger _300_check_transition before update on journeys.touchpoints
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('touchpoint', 'status');
create or replace trigger _700_audit_insert after insert on journeys.touchpoints
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.touchpoints
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.touchpoints
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type journeys.touchpoint_type is 'What happens at a touchpoint.';
comment on type journeys.touchpoint_status is 'Where a touchpoint stands; it follows its journey.';
comment on table journeys.touchpoints is '@class tenant
@aggregates on
One step of a journey: a message, a task, a wait, a branch.';
comment on column journeys.touchpoints.id is 'The row''s id, time-ordered.';
comment on column journeys.touchpoints.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.touchpoints.journey_id is 'The journey it is a step of.';
comment on column journeys.touchpoints.next_touchpoint_id is 'The step that follows, where the canvas draws an arrow: another touchpoint of the same journey.';
comment on column journeys.touchpoints.name is 'What people call it.';
comment on column journeys.touchpoints.type is '@isIndexed
What kind of step it is.';
comment on column journeys.touchpoints.day_offset is 'The day of the plan, counted from the trigger; negative days come before the event.';
comment on column journeys.touchpoints.order_index is 'Its place in the journey, from 0; unique there. Last where none is given.';
comment on column journeys.touchpoints.source_order is 'The order that the source gave, kept as it was.';
comment on column journeys.touchpoints.content is 'What a reader sees, an object: subject, previewText, greeting, body, cta {text, url}, html, text.';
comment on column journeys.touchpoints.config is 'How the step behaves, an object: delay, condition, assignee.';
comment on column journeys.touchpoints.position is 'Where the canvas draws it, an object {x, y}.';
comment on column journeys.touchpoints.ghl_template_id is 'The template or custom value that holds it in GoHighLevel.';
comment on column journeys.touchpoints.status is '@isIndexed
Where its text stands; it follows the journey.';
comment on column journeys.touchpoints.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column journeys.touchpoints.created_at is 'When the row was made.';
comment on column journeys.touchpoints.updated_at is 'When the row was last changed.';
comment on constraint touchpoints_tenant_id_journey_id_order_index_key on journeys.touchpoints is 'Another touchpoint of the journey has this place; use reorderTouchpoints to move several at once.';
comment on constraint touchpoints_tenant_id_fkey on journeys.touchpoints is 'There is no such tenant.';
comment on constraint touchpoints_journey_id_fkey on journeys.touchpoints is 'There is no such journey.';
comment on constraint touchpoints_next_touchpoint_id_fkey on journeys.touchpoints is '@foreignFieldName previousTouchpoints
The next touchpoint must be a touchpoint of the same journey.';
comment on constraint touchpoints_next_is_another_check on journeys.touchpoints is 'A touchpoint cannot be its own next one.';
comment on constraint touchpoints_name_check on journeys.touchpoints is 'A touchpoint needs a name that is not blank.';
comment on constraint touchpoints_order_index_check on journeys.touchpoints is 'The place of a touchpoint is 0 or more.';
comment on constraint touchpoints_content_check on journeys.touchpoints is 'The content of a touchpoint is a JSON object.';
comment on constraint touchpoints_config_check on journeys.touchpoints is 'The config of a touchpoint is a JSON object.';
comment on constraint touchpoints_position_check on journeys.touchpoints is 'The position of a touchpoint is a JSON object {x, y}.';
--! EndIncluded journeys/touchpoints.sql
--! Included journeys/touchpoint_versions.sql
-- The history of a text as the source kept it: a record, never changed.
drop policy if exists all_tenant on journeys.touchpoint_versions;
create policy all_tenant on journeys.touchpoint_versions as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.touchpoint_versions;
create policy select_owner on journeys.touchpoint_versions for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.touchpoint_versions;
create policy insert_owner on journeys.touchpoint_versions for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.touchpoint_versions;
create policy update_owner on journeys.touchpoint_versions for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.touchpoint_versions;
create policy delete_owner on journeys.touchpoint_versions for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.touchpoint_versions;
create policy select_viewer on journeys.touchpoint_versions for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on journeys.touchpoint_versions;
create policy select_worker on journeys.touchpoint_versions for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.touchpoint_versions;
create policy insert_worker on journeys.touchpoint_versions for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.touchpoint_versions;
create policy update_worker on journeys.touchpoint_versions for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.touchpoint_versions;
create policy delete_worker on journeys.touchpoint_versions for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.touchpoint_versions to :VIEWER;
grant select, insert, update, delete on table journeys.touchpoint_versions to :WORKER;

create or replace trigger _200_refuse_change before update on journeys.touchpoint_versions
  for each row execute function app_private.tg__refuse_change('it is the history of a text');
create or replace trigger _700_audit_insert after insert on journeys.touchpoint_versions
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.touchpoint_versions
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.touchpoint_versions
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table journeys.touchpoint_versions is '@class tenant
An earlier text of a touchpoint, as the base had kept it.';
comment on column journeys.touchpoint_versions.id is 'The row''s id, time-ordered.';
comment on column journeys.touchpoint_versions.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.touchpoint_versions.touchpoint_id is 'Whose text it was.';
comment on column journeys.touchpoint_versions.version is 'Its number, counted per touchpoint.';
comment on column journeys.touchpoint_versions.subject is 'The subject at that time.';
comment on column journeys.touchpoint_versions.body is 'The body at that time, as the source had it.';
comment on column journeys.touchpoint_versions.change_notes is 'What had changed, in the author''s words.';
comment on column journeys.touchpoint_versions.created_at is 'When that text was written down.';
comment on constraint touchpoint_versions_tenant_id_touchpoint_id_version_key on journeys.touchpoint_versions is 'This touchpoint has a text with that number.';
comment on constraint touchpoint_versions_tenant_id_fkey on journeys.touchpoint_versions is 'There is no such tenant.';
comment on constraint touchpoint_versions_touchpoint_id_fkey on journeys.touchpoint_versions is 'There is no such touchpoint.';
--! EndIncluded journeys/touchpoint_versions.sql
--! Included journeys/templates.sql
-- Templates, of a client or of the whole tenant.
drop policy if exists all_tenant on journeys.templates;
create policy all_tenant on journeys.templates as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.templates;
create policy select_owner on journeys.templates for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.templates;
create policy insert_owner on journeys.templates for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.templates;
create policy update_owner on journeys.templates for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.templates;
create policy delete_owner on journeys.templates for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.templates;
create policy select_viewer on journeys.templates for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on journeys.templates;
create policy insert_editor on journeys.templates for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on journeys.templates;
create policy update_editor on journeys.templates for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on journeys.templates;
create policy delete_editor on journeys.templates for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on journeys.templates;
create policy select_worker on journeys.templates for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.templates;
create policy insert_worker on journeys.templates for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.templates;
create policy update_worker on journeys.templates for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.templates;
create policy delete_worker on journeys.templates for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.templates to :VIEWER;
grant insert (
  client_id, touchpoint_id, name, type, content, variables, status
) on table journeys.templates to :EDITOR;
grant update (
  client_id, touchpoint_id, name, type, content, variables, status, version
) on table journeys.templates to :EDITOR;
grant delete on table journeys.templates to :EDITOR;
grant select, insert, update, delete on table journeys.templates to :WORKER;

create or replace trigger _100_stamp_times before update on journeys.templates
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on journeys.templates
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version('ghl_template_id', 'sync_status', 'last_synced_at');
create or replace trigger _300_check_birth before insert on journeys.templates
  for each row execute function app_private.tg__check_transition('template', 'status');
create or replace trigger _300_check_transition before update on journeys.templates
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('template', 'status');
create or replace trigger _700_audit_insert after insert on journeys.templates
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.templates
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.templates
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type journeys.template_type is 'What a template makes.';
comment on type journeys.template_status is 'Where a template stands.';
comment on type journeys.template_sync_status is 'How a template compares with what GoHighLevel has.';
comment on table journeys.templates is '@class tenant
@aggregates on
A reusable e-mail or SMS, and what became of it in GoHighLevel.';
comment on column journeys.templates.id is 'The row''s id, time-ordered.';
comment on column journeys.templates.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.templates.client_id is 'Whose template it is; none where every client may use it.';
comment on column journeys.templates.touchpoint_id is 'The touchpoint that it was made for, if any.';
comment on column journeys.templates.name is 'What people call it.';
comment on column journeys.templates.type is '@isIndexed
E-mail or SMS.';
comment on column journeys.templates.ghl_template_id is 'Its id in GoHighLevel, unique in the tenant.';
comment on column journeys.templates.content is 'What a reader sees, an object like that of a touchpoint.';
comment on column journeys.templates.variables is 'The merge fields that it uses, an array.';
comment on column journeys.templates.status is '@isIndexed
Where it stands.';
comment on column journeys.templates.sync_status is '@isIndexed
How it compares with GoHighLevel.';
comment on column journeys.templates.last_synced_at is 'When it last went there.';
comment on column journeys.templates.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column journeys.templates.created_at is 'When the row was made.';
comment on column journeys.templates.updated_at is 'When the row was last changed.';
comment on constraint templates_tenant_id_ghl_template_id_key on journeys.templates is 'Another template has this GoHighLevel id.';
comment on constraint templates_tenant_id_fkey on journeys.templates is 'There is no such tenant.';
comment on constraint templates_client_id_fkey on journeys.templates is 'There is no such client.';
comment on constraint templates_touchpoint_id_fkey on journeys.templates is 'There is no such touchpoint.';
comment on constraint templates_name_check on journeys.templates is 'A template needs a name that is not blank.';
comment on constraint templates_content_check on journeys.templates is 'The content of a template is a JSON object.';
comment on constraint templates_variables_check on journeys.templates is 'The variables of a template are a JSON array.';
--! EndIncluded journeys/templates.sql
--! Included journeys/workflows.sql
-- Workflows, as they stand in GoHighLevel: its API can list them and not make them.
drop policy if exists all_tenant on journeys.workflows;
create policy all_tenant on journeys.workflows as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.workflows;
create policy select_owner on journeys.workflows for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.workflows;
create policy insert_owner on journeys.workflows for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.workflows;
create policy update_owner on journeys.workflows for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.workflows;
create policy delete_owner on journeys.workflows for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.workflows;
create policy select_viewer on journeys.workflows for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on journeys.workflows;
create policy insert_editor on journeys.workflows for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on journeys.workflows;
create policy update_editor on journeys.workflows for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on journeys.workflows;
create policy delete_editor on journeys.workflows for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on journeys.workflows;
create policy select_worker on journeys.workflows for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.workflows;
create policy insert_worker on journeys.workflows for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.workflows;
create policy update_worker on journeys.workflows for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.workflows;
create policy delete_worker on journeys.workflows for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.workflows to :VIEWER;
grant insert (
  client_id, name, ghl_workflow_id, status, trigger, actions, notes
) on table journeys.workflows to :EDITOR;
grant update (
  name, ghl_workflow_id, status, trigger, actions, notes, version
) on table journeys.workflows to :EDITOR;
grant delete on table journeys.workflows to :EDITOR;
grant select, insert, update, delete on table journeys.workflows to :WORKER;

create or replace trigger _100_stamp_times before update on journeys.workflows
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on journeys.workflows
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _300_check_birth before insert on journeys.workflows
  for each row execute function app_private.tg__check_transition('workflow', 'status');
create or replace trigger _300_check_transition before update on journeys.workflows
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('workflow', 'status');
create or replace trigger _700_audit_insert after insert on journeys.workflows
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.workflows
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.workflows
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type journeys.workflow_status is 'Whether a workflow runs.';
comment on table journeys.workflows is '@class tenant
A workflow of a client in GoHighLevel, linked by id.';
comment on column journeys.workflows.id is 'The row''s id, time-ordered.';
comment on column journeys.workflows.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.workflows.client_id is 'Whose workflow it is.';
comment on column journeys.workflows.name is 'What people call it.';
comment on column journeys.workflows.ghl_workflow_id is 'Its id in GoHighLevel.';
comment on column journeys.workflows.status is '@isIndexed
Whether it runs.';
comment on column journeys.workflows.trigger is 'What starts it, an object.';
comment on column journeys.workflows.actions is 'What it does as the source described it, an array.';
comment on column journeys.workflows.notes is 'Notes, an object or array.';
comment on column journeys.workflows.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column journeys.workflows.created_at is 'When the row was made.';
comment on column journeys.workflows.updated_at is 'When the row was last changed.';
comment on constraint workflows_tenant_id_fkey on journeys.workflows is 'There is no such tenant.';
comment on constraint workflows_client_id_fkey on journeys.workflows is 'There is no such client.';
comment on constraint workflows_name_check on journeys.workflows is 'A workflow needs a name that is not blank.';
comment on constraint workflows_trigger_check on journeys.workflows is 'The trigger of a workflow is a JSON object.';
comment on constraint workflows_actions_check on journeys.workflows is 'The actions of a workflow are a JSON array.';
comment on constraint workflows_notes_check on journeys.workflows is 'The notes of a workflow are a JSON object or array.';
--! EndIncluded journeys/workflows.sql
--! Included journeys/workflow_actions.sql
-- The steps of a workflow, one row each.
drop policy if exists all_tenant on journeys.workflow_actions;
create policy all_tenant on journeys.workflow_actions as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.workflow_actions;
create policy select_owner on journeys.workflow_actions for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.workflow_actions;
create policy insert_owner on journeys.workflow_actions for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.workflow_actions;
create policy update_owner on journeys.workflow_actions for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.workflow_actions;
create policy delete_owner on journeys.workflow_actions for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.workflow_actions;
create policy select_viewer on journeys.workflow_actions for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on journeys.workflow_actions;
create policy insert_editor on journeys.workflow_actions for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on journeys.workflow_actions;
create policy update_editor on journeys.workflow_actions for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on journeys.workflow_actions;
create policy delete_editor on journeys.workflow_actions for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on journeys.workflow_actions;
create policy select_worker on journeys.workflow_actions for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.workflow_actions;
create policy insert_worker on journeys.workflow_actions for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.workflow_actions;
create policy update_worker on journeys.workflow_actions for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.workflow_actions;
create policy delete_worker on journeys.workflow_actions for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.workflow_actions to :VIEWER;
grant insert (
  workflow_id, template_id, action_type, delay_minutes, config, order_index
) on table journeys.workflow_actions to :EDITOR;
grant update (
  template_id, action_type, delay_minutes, config, order_index, version
) on table journeys.workflow_actions to :EDITOR;
grant delete on table journeys.workflow_actions to :EDITOR;
grant select, insert, update, delete on table journeys.workflow_actions to :WORKER;

create or replace trigger _100_stamp_times before update on journeys.workflow_actions
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on journeys.workflow_actions
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _700_audit_insert after insert on journeys.workflow_actions
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.workflow_actions
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.workflow_actions
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type journeys.workflow_action_type is 'What a workflow does at one step.';
comment on table journeys.workflow_actions is '@class tenant
One step of a workflow.';
comment on column journeys.workflow_actions.id is 'The row''s id, time-ordered.';
comment on column journeys.workflow_actions.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.workflow_actions.workflow_id is 'The workflow it is a step of.';
comment on column journeys.workflow_actions.template_id is 'The template it sends, if any.';
comment on column journeys.workflow_actions.action_type is '@isIndexed
What it does.';
comment on column journeys.workflow_actions.delay_minutes is 'How long it waits before it does, in minutes.';
comment on column journeys.workflow_actions.config is 'How it behaves, an object.';
comment on column journeys.workflow_actions.order_index is 'Its place in the workflow, from 0; unique there.';
comment on column journeys.workflow_actions.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column journeys.workflow_actions.created_at is 'When the row was made.';
comment on column journeys.workflow_actions.updated_at is 'When the row was last changed.';
comment on constraint workflow_actions_tenant_id_workflow_id_order_index_key on journeys.workflow_actions is 'Another action of the workflow has this place.';
comment on constraint workflow_actions_tenant_id_fkey on journeys.workflow_actions is 'There is no such tenant.';
comment on constraint workflow_actions_workflow_id_fkey on journeys.workflow_actions is 'There is no such workflow.';
comment on constraint workflow_actions_template_id_fkey on journeys.workflow_actions is 'There is no such template.';
comment on constraint workflow_actions_delay_minutes_check on journeys.workflow_actions is 'A delay is 0 minutes or more.';
comment on constraint workflow_actions_order_index_check on journeys.workflow_actions is 'The place of an action is 0 or more.';
comment on constraint workflow_actions_config_check on journeys.workflow_actions is 'The config of an action is a JSON object.';
--! EndIncluded journeys/workflow_actions.sql
--! Included journeys/sync_history.sql
-- What went to GoHighLevel, one row a run. Publishing writes it, and imports bring its past.
drop policy if exists all_tenant on journeys.sync_history;
create policy all_tenant on journeys.sync_history as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.sync_history;
create policy select_owner on journeys.sync_history for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.sync_history;
create policy insert_owner on journeys.sync_history for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.sync_history;
create policy update_owner on journeys.sync_history for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.sync_history;
create policy delete_owner on journeys.sync_history for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.sync_history;
create policy select_viewer on journeys.sync_history for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on journeys.sync_history;
create policy select_worker on journeys.sync_history for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.sync_history;
create policy insert_worker on journeys.sync_history for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.sync_history;
create policy update_worker on journeys.sync_history for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.sync_history;
create policy delete_worker on journeys.sync_history for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.sync_history to :VIEWER;
grant select, insert, update, delete on table journeys.sync_history to :WORKER;

create or replace trigger _700_audit_insert after insert on journeys.sync_history
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.sync_history
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.sync_history
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type journeys.sync_operation is 'What was synchronised with GoHighLevel.';
comment on type journeys.sync_status is 'How it went.';
comment on table journeys.sync_history is '@class tenant
One run of synchronising with GoHighLevel.';
comment on column journeys.sync_history.id is 'The row''s id, time-ordered.';
comment on column journeys.sync_history.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.sync_history.client_id is 'The client it was for.';
comment on column journeys.sync_history.operation is '@isIndexed
What was done.';
comment on column journeys.sync_history.status is '@isIndexed
How it ended.';
comment on column journeys.sync_history.items_synced is 'How many items arrived.';
comment on column journeys.sync_history.errors is 'What went wrong, in words.';
comment on column journeys.sync_history.metadata is 'Particulars, an object.';
comment on column journeys.sync_history.started_at is 'When it began.';
comment on column journeys.sync_history.completed_at is 'When it ended.';
comment on column journeys.sync_history.created_at is 'When the row was made.';
comment on constraint sync_history_tenant_id_fkey on journeys.sync_history is 'There is no such tenant.';
comment on constraint sync_history_client_id_fkey on journeys.sync_history is 'There is no such client.';
comment on constraint sync_history_items_synced_check on journeys.sync_history is 'The number of items is 0 or more.';
comment on constraint sync_history_ends_after_start_check on journeys.sync_history is 'A run ends after it begins.';
comment on constraint sync_history_metadata_check on journeys.sync_history is 'The metadata of a run is a JSON object.';
--! EndIncluded journeys/sync_history.sql
