--! Previous: sha1:5fe31141529619617722c0a5159a7d7d829f6da9
--! Hash: sha1:f3feedb752c58908035446d2c682cbe220a24a7d
--! Message: add versions and approvals

-- What is reviewed is a version: a snapshot that never changes. The decision is on it, and what is published is it.
set local lock_timeout = '3s';

create type journeys.approval_status as enum ('pending', 'approved', 'rejected', 'changes_requested', 'withdrawn');
create type journeys.review_decision as enum ('approve', 'reject', 'request_changes');
create type journeys.thread_status as enum ('open', 'resolved');
create type journeys.change_request_type as enum ('content_change', 'new_touchpoint', 'delete_touchpoint', 'brand_update', 'other');
create type journeys.change_request_priority as enum ('low', 'medium', 'high', 'urgent');
create type journeys.change_request_status as enum ('pending_review', 'in_review', 'approved', 'implemented', 'rejected', 'cancelled');
grant usage on type
  journeys.approval_status, journeys.review_decision, journeys.thread_status, journeys.change_request_type,
  journeys.change_request_priority, journeys.change_request_status
to public;

create type journeys.difference_kind as enum ('added', 'removed', 'changed');
create type journeys.field_difference as (field text, before jsonb, after jsonb);
create type journeys.touchpoint_difference as (
  kind journeys.difference_kind, touchpoint_id uuid, name text, order_index integer, fields journeys.field_difference[]
);
grant usage on type journeys.difference_kind, journeys.field_difference, journeys.touchpoint_difference to public;

create table journeys.journey_versions (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  journey_id uuid not null,
  client_id uuid not null,
  author_id uuid,
  version integer not null,
  snapshot jsonb not null,
  snapshot_hash bytea not null,
  created_by text,
  change_log text,
  submitted_at timestamptz,
  created_at timestamptz not null default now(),
  constraint journey_versions_pkey primary key (tenant_id, id),
  constraint journey_versions_tenant_id_journey_id_id_key unique (tenant_id, journey_id, id),
  constraint journey_versions_tenant_id_journey_id_version_key unique (tenant_id, journey_id, version),
  constraint journey_versions_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint journey_versions_journey_id_fkey foreign key (tenant_id, journey_id) references journeys.journeys (tenant_id, id) on delete cascade,
  constraint journey_versions_client_id_fkey foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) on delete cascade,
  constraint journey_versions_author_id_fkey foreign key (author_id) references tenancy.users (id),
  constraint journey_versions_version_check check (version > 0),
  constraint journey_versions_snapshot_check check (
    jsonb_typeof(snapshot) = 'object'
    and jsonb_typeof(snapshot -> 'journey') is not distinct from 'object'
    and jsonb_typeof(snapshot -> 'touchpoints') is not distinct from 'array'
  )
);
alter table journeys.journey_versions enable row level security;
alter table journeys.journey_versions force row level security;
create index journey_versions_tenant_id_client_id_idx on journeys.journey_versions (tenant_id, client_id);
create index journey_versions_author_id_idx on journeys.journey_versions (author_id);
create index journey_versions_tenant_id_author_id_idx on journeys.journey_versions (tenant_id, author_id);

create table journeys.approvals (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  client_id uuid not null,
  journey_id uuid not null,
  journey_version_id uuid,
  touchpoint_id uuid,
  requester_id uuid,
  reviewer_id uuid,
  status journeys.approval_status not null default 'pending',
  comments text,
  requested_by text,
  reviewed_by text,
  reviewed_at timestamptz,
  is_imported boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint approvals_pkey primary key (tenant_id, id),
  constraint approvals_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint approvals_client_id_fkey foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) on delete cascade,
  constraint approvals_journey_id_fkey foreign key (tenant_id, journey_id) references journeys.journeys (tenant_id, id) on delete cascade,
  constraint approvals_journey_version_id_fkey foreign key (tenant_id, journey_id, journey_version_id)
    references journeys.journey_versions (tenant_id, journey_id, id) on delete cascade,
  constraint approvals_touchpoint_id_fkey foreign key (tenant_id, journey_id, touchpoint_id)
    references journeys.touchpoints (tenant_id, journey_id, id) on delete cascade,
  constraint approvals_requester_id_fkey foreign key (requester_id) references tenancy.users (id),
  constraint approvals_reviewer_id_fkey foreign key (reviewer_id) references tenancy.users (id),
  constraint approvals_on_version_or_touchpoint_check check (num_nonnulls(journey_version_id, touchpoint_id) = 1),
  constraint approvals_on_touchpoint_is_imported_check check (touchpoint_id is null or is_imported),
  constraint approvals_decided_has_reviewer_check check (
    is_imported or status in ('pending', 'withdrawn') or (reviewer_id is not null and reviewed_at is not null)
  ),
  constraint approvals_refused_has_comments_check check (is_imported or status not in ('rejected', 'changes_requested') or coalesce(comments, '') ~ '\S')
);
alter table journeys.approvals enable row level security;
alter table journeys.approvals force row level security;
create unique index approvals_tenant_id_journey_id_pending_key on journeys.approvals (tenant_id, journey_id) where status = 'pending' and not is_imported;
create index approvals_tenant_id_pending_idx on journeys.approvals (tenant_id, created_at) where status = 'pending';
create index approvals_tenant_id_client_id_idx on journeys.approvals (tenant_id, client_id, created_at desc);
create index approvals_tenant_id_journey_id_journey_version_id_idx on journeys.approvals (tenant_id, journey_id, journey_version_id);
create index approvals_tenant_id_journey_id_touchpoint_id_idx on journeys.approvals (tenant_id, journey_id, touchpoint_id);
create index approvals_requester_id_idx on journeys.approvals (requester_id);
create index approvals_reviewer_id_idx on journeys.approvals (reviewer_id);

create table journeys.comment_threads (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  client_id uuid not null,
  journey_id uuid not null,
  journey_version_id uuid,
  touchpoint_id uuid,
  author_id uuid,
  status journeys.thread_status not null default 'open',
  position jsonb,
  is_visible_to_client boolean not null default false,
  resolved_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint comment_threads_pkey primary key (tenant_id, id),
  constraint comment_threads_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint comment_threads_client_id_fkey foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) on delete cascade,
  constraint comment_threads_journey_id_fkey foreign key (tenant_id, journey_id) references journeys.journeys (tenant_id, id) on delete cascade,
  constraint comment_threads_journey_version_id_fkey foreign key (tenant_id, journey_id, journey_version_id)
    references journeys.journey_versions (tenant_id, journey_id, id) on delete cascade,
  constraint comment_threads_touchpoint_id_fkey foreign key (tenant_id, journey_id, touchpoint_id)
    references journeys.touchpoints (tenant_id, journey_id, id) on delete set null (touchpoint_id),
  constraint comment_threads_author_id_fkey foreign key (author_id) references tenancy.users (id),
  constraint comment_threads_resolved_has_time_check check ((status = 'resolved') = (resolved_at is not null)),
  constraint comment_threads_position_check check (jsonb_typeof(position) = 'object')
);
alter table journeys.comment_threads enable row level security;
alter table journeys.comment_threads force row level security;
create index comment_threads_tenant_id_journey_id_touchpoint_id_idx on journeys.comment_threads (tenant_id, journey_id, touchpoint_id);
create index comment_threads_tenant_id_journey_id_journey_version_id_idx on journeys.comment_threads (tenant_id, journey_id, journey_version_id);
create index comment_threads_tenant_id_client_id_idx on journeys.comment_threads (tenant_id, client_id);
create index comment_threads_author_id_idx on journeys.comment_threads (author_id);

create table journeys.comments (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  comment_thread_id uuid not null,
  author_id uuid,
  body text not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint comments_pkey primary key (tenant_id, id),
  constraint comments_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint comments_comment_thread_id_fkey foreign key (tenant_id, comment_thread_id) references journeys.comment_threads (tenant_id, id) on delete cascade,
  constraint comments_author_id_fkey foreign key (author_id) references tenancy.users (id),
  constraint comments_body_check check (body ~ '\S')
);
alter table journeys.comments enable row level security;
alter table journeys.comments force row level security;
create index comments_tenant_id_comment_thread_id_created_at_idx on journeys.comments (tenant_id, comment_thread_id, created_at);
create index comments_author_id_idx on journeys.comments (author_id);

create table journeys.change_requests (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  client_id uuid not null,
  journey_id uuid,
  touchpoint_id uuid,
  requester_id uuid,
  handler_id uuid,
  type journeys.change_request_type not null,
  priority journeys.change_request_priority not null default 'medium',
  status journeys.change_request_status not null default 'pending_review',
  title text not null,
  description text,
  response text,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint change_requests_pkey primary key (tenant_id, id),
  constraint change_requests_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint change_requests_client_id_fkey foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) on delete cascade,
  constraint change_requests_journey_id_fkey foreign key (tenant_id, journey_id) references journeys.journeys (tenant_id, id) on delete set null (journey_id),
  constraint change_requests_touchpoint_id_fkey foreign key (tenant_id, touchpoint_id) references journeys.touchpoints (tenant_id, id) on delete set null (touchpoint_id),
  constraint change_requests_requester_id_fkey foreign key (requester_id) references tenancy.users (id),
  constraint change_requests_handler_id_fkey foreign key (handler_id) references tenancy.users (id),
  constraint change_requests_title_check check (title ~ '\S')
);
alter table journeys.change_requests enable row level security;
alter table journeys.change_requests force row level security;
create index change_requests_tenant_id_client_id_created_at_idx on journeys.change_requests (tenant_id, client_id, created_at desc);
create index change_requests_tenant_id_open_idx on journeys.change_requests (tenant_id, created_at) where status in ('pending_review', 'in_review');
create index change_requests_tenant_id_journey_id_idx on journeys.change_requests (tenant_id, journey_id);
create index change_requests_tenant_id_touchpoint_id_idx on journeys.change_requests (tenant_id, touchpoint_id);
create index change_requests_requester_id_idx on journeys.change_requests (requester_id);
create index change_requests_handler_id_idx on journeys.change_requests (handler_id);

--! Included journeys/snapshots.sql
-- What a version holds, and how it is made, compared and kept.

create or replace function app_private.compose_snapshot(tenant_id uuid, journey_id uuid) returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select jsonb_build_object(
      'journey', jsonb_build_object(
        'id', j.id, 'name', j.name, 'slug', j.slug, 'description', j.description, 'category', j.category, 'goal', j.goal,
        'trigger_config', j.trigger_config, 'metadata', j.metadata
      ),
      'client', jsonb_build_object('id', c.id, 'name', c.name, 'slug', c.slug),
      'pipeline', case when p.id is not null then jsonb_build_object('id', p.id, 'name', p.name, 'ghl_pipeline_id', p.ghl_pipeline_id) end,
      'touchpoints', coalesce(
        (
          select jsonb_agg(
            jsonb_build_object(
              'id', t.id, 'name', t.name, 'type', t.type, 'day_offset', t.day_offset, 'order_index', t.order_index, 'content', t.content,
              'config', t.config, 'position', t.position, 'next_touchpoint_id', t.next_touchpoint_id
            )
            order by t.order_index
          )
          from journeys.touchpoints t
          where t.tenant_id = j.tenant_id and t.journey_id = j.id
        ),
        '[]'
      )
    )
    from journeys.journeys j
    join journeys.clients c on c.tenant_id = j.tenant_id and c.id = j.client_id
    left join journeys.pipelines p on p.tenant_id = j.tenant_id and p.id = j.pipeline_id
    where j.tenant_id = compose_snapshot.tenant_id and j.id = compose_snapshot.journey_id
  $$;
comment on function app_private.compose_snapshot(uuid, uuid) is 'A journey with its touchpoints as they are now, in the form that a version keeps.';

create or replace function app_private.hash_snapshot(snapshot jsonb) returns bytea
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    -- Where the canvas draws a step is nothing that a reader sees; jsonb writes its keys in one order, so equal means equal.
    select sha256(convert_to(
      jsonb_build_object(
        'journey', (snapshot -> 'journey') - 'slug' - 'metadata',
        'touchpoints', (
          select coalesce(jsonb_agg(t.value - 'position' order by t.ordinality), '[]')
          from jsonb_array_elements(snapshot -> 'touchpoints') with ordinality t
        )
      )::text, 'UTF8'))
  $$;
comment on function app_private.hash_snapshot(jsonb) is 'SHA-256 of what a reader of the version would see.';

create or replace function app_private.tg_journey_versions__stamp_snapshot() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if new.client_id is null then
      select j.client_id into new.client_id from journeys.journeys j where j.tenant_id = new.tenant_id and j.id = new.journey_id;
    end if;
    if jsonb_typeof(new.snapshot -> 'touchpoints') = 'array' then
      new.snapshot_hash := app_private.hash_snapshot(new.snapshot);
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_journey_versions__stamp_snapshot() is 'Sets the client of the journey and the hash of the snapshot. Definer, because it reads the journey whoever inserts.';

create or replace function app_private.tg_journey_versions__refuse_change() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is null
      and (old.submitted_at is not null or (to_jsonb(new) - 'submitted_at') is distinct from (to_jsonb(old) - 'submitted_at'))
    then
      perform app_private.raise_error('LF007', 'version of a journey', 'save or submit the journey as it is now');
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_journey_versions__refuse_change() is 'A version never changes; it can only be submitted, once. Definer, to raise our error for whoever updates.';

create or replace function app_private.insert_version(tenant_id uuid, journey_id uuid, change_log text, is_submitted boolean)
  returns journeys.journey_versions
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$
    insert into journeys.journey_versions (tenant_id, journey_id, client_id, author_id, version, snapshot, change_log, submitted_at)
    select
      j.tenant_id, j.id, j.client_id, app.current_user_id(),
      1 + coalesce((select max(v.version) from journeys.journey_versions v where v.tenant_id = j.tenant_id and v.journey_id = j.id), 0),
      app_private.compose_snapshot(j.tenant_id, j.id),
      nullif(trim(insert_version.change_log), ''),
      case when is_submitted then now() end
    from journeys.journeys j
    where j.tenant_id = insert_version.tenant_id and j.id = insert_version.journey_id
    returning *
  $$;
comment on function app_private.insert_version(uuid, uuid, text, boolean) is
  'Makes the next version of a journey out of its rows as they are; the caller holds the lock on the journey.';

create or replace function app_private.hold_journey(tenant_id uuid, journey_id uuid) returns journeys.journeys
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    journey journeys.journeys;
  begin
    -- Whoever edits a touchpoint holds it first and reaches for the journey afterwards, so everybody does: two who lock in one order
    -- cannot deadlock. New touchpoints wait for the journey by their foreign key.
    perform from journeys.touchpoints t
    where t.tenant_id = hold_journey.tenant_id and t.journey_id = hold_journey.journey_id
    order by t.id
    for no key update;
    select * into journey
    from journeys.journeys j
    where j.tenant_id = hold_journey.tenant_id and j.id = hold_journey.journey_id
    for update;
    return journey;
  end
  $$;
comment on function app_private.hold_journey(uuid, uuid) is 'The journey, locked with its touchpoints until the transaction ends; null where there is none. For definers.';

create or replace function app_private.lock_journey(deed text, journey_id uuid, version integer) returns journeys.journeys
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    journey journeys.journeys;
  begin
    perform app_private.require_role(deed, 'editor', 'admin');
    journey := app_private.hold_journey(app.current_tenant_id(), lock_journey.journey_id);
    if journey.id is null then
      perform app_private.raise_error('LF006', 'journey', journey_id::text);
    end if;
    if version is not null and version <> journey.version then
      perform app_private.raise_error('LF005', 'journey', version::text, journey.version::text, journey.version::text);
    end if;
    return journey;
  end
  $$;
comment on function app_private.lock_journey(text, uuid, integer) is
  'The journey of this tenant, locked for an editor''s deed. Refuses other roles, unknown ids and stale versions. For definers.';

create or replace function app_private.tg__stamp_client() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    select j.client_id into new.client_id from journeys.journeys j where j.tenant_id = new.tenant_id and j.id = new.journey_id;
    return new;
  end
  $$;
comment on function app_private.tg__stamp_client() is 'Sets the client of the row''s journey. Definer, because it reads the journey whoever inserts.';
--! EndIncluded journeys/snapshots.sql
--! Included journeys/journey_versions.sql
-- Versions: a snapshot that never changes. People of a client read those that were submitted to them.
drop policy if exists all_tenant on journeys.journey_versions;
create policy all_tenant on journeys.journey_versions as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.journey_versions;
create policy select_owner on journeys.journey_versions for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.journey_versions;
create policy insert_owner on journeys.journey_versions for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.journey_versions;
create policy update_owner on journeys.journey_versions for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.journey_versions;
create policy delete_owner on journeys.journey_versions for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.journey_versions;
create policy select_viewer on journeys.journey_versions for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_client on journeys.journey_versions;
create policy select_client on journeys.journey_versions for select to :CLIENT
  using (tenant_id = (select app.current_tenant_id()) and client_id = any ((select app.current_client_ids())::uuid[]) and submitted_at is not null);
drop policy if exists select_worker on journeys.journey_versions;
create policy select_worker on journeys.journey_versions for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.journey_versions;
create policy insert_worker on journeys.journey_versions for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.journey_versions;
create policy update_worker on journeys.journey_versions for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.journey_versions;
create policy delete_worker on journeys.journey_versions for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.journey_versions to :VIEWER;
grant select on table journeys.journey_versions to :CLIENT;
grant select, insert, update, delete on table journeys.journey_versions to :WORKER;

create or replace trigger _100_stamp_snapshot before insert on journeys.journey_versions
  for each row execute function app_private.tg_journey_versions__stamp_snapshot();
create or replace trigger _200_refuse_change before update on journeys.journey_versions
  for each row execute function app_private.tg_journey_versions__refuse_change();
create or replace trigger _700_audit_insert after insert on journeys.journey_versions
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.journey_versions
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.journey_versions
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table journeys.journey_versions is '@class tenant
A journey with its touchpoints as they were at one moment. Reviews decide on it, publishing sends it.';
comment on column journeys.journey_versions.id is 'The row''s id, time-ordered.';
comment on column journeys.journey_versions.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.journey_versions.journey_id is 'The journey it is a version of.';
comment on column journeys.journey_versions.client_id is 'The journey''s client.';
comment on column journeys.journey_versions.author_id is 'Who made it.';
comment on column journeys.journey_versions.version is 'Its number, counted per journey from 1.';
comment on column journeys.journey_versions.snapshot is 'The journey, its client and its touchpoints in order, an object {journey, client, pipeline, touchpoints}.';
comment on column journeys.journey_versions.snapshot_hash is '@behavior -*
SHA-256 of what a reader would see; two versions that read alike have the same.';
comment on column journeys.journey_versions.created_by is 'Who made it, as the source named them.';
comment on column journeys.journey_versions.change_log is 'What has changed, in the author''s words.';
comment on column journeys.journey_versions.submitted_at is 'When it was first submitted for review; null for a version that was only saved.';
comment on column journeys.journey_versions.created_at is 'When the row was made.';
comment on constraint journey_versions_tenant_id_journey_id_version_key on journeys.journey_versions is 'This journey has a version with that number.';
comment on constraint journey_versions_tenant_id_fkey on journeys.journey_versions is 'There is no such tenant.';
comment on constraint journey_versions_journey_id_fkey on journeys.journey_versions is 'There is no such journey.';
comment on constraint journey_versions_client_id_fkey on journeys.journey_versions is 'There is no such client.';
comment on constraint journey_versions_author_id_fkey on journeys.journey_versions is 'There is no such person.';
comment on constraint journey_versions_version_check on journeys.journey_versions is 'Versions count from 1.';
comment on constraint journey_versions_snapshot_check on journeys.journey_versions is 'A snapshot is an object {journey, touchpoints}.';
--! EndIncluded journeys/journey_versions.sql
--! Included journeys/approvals.sql
-- Approvals. Born by submitJourney, decided by reviewJourney; people of a client see those of their versions.
drop policy if exists all_tenant on journeys.approvals;
create policy all_tenant on journeys.approvals as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.approvals;
create policy select_owner on journeys.approvals for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.approvals;
create policy insert_owner on journeys.approvals for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.approvals;
create policy update_owner on journeys.approvals for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.approvals;
create policy delete_owner on journeys.approvals for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.approvals;
create policy select_viewer on journeys.approvals for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_client on journeys.approvals;
create policy select_client on journeys.approvals for select to :CLIENT
  using (tenant_id = (select app.current_tenant_id()) and client_id = any ((select app.current_client_ids())::uuid[]) and journey_version_id is not null);
drop policy if exists select_worker on journeys.approvals;
create policy select_worker on journeys.approvals for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.approvals;
create policy insert_worker on journeys.approvals for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.approvals;
create policy update_worker on journeys.approvals for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.approvals;
create policy delete_worker on journeys.approvals for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.approvals to :VIEWER;
grant select on table journeys.approvals to :CLIENT;
grant select, insert, update, delete on table journeys.approvals to :WORKER;

create or replace trigger _100_stamp_times before update on journeys.approvals
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _100_stamp_client before insert on journeys.approvals
  for each row when (new.client_id is null) execute function app_private.tg__stamp_client();
create or replace trigger _300_check_birth before insert on journeys.approvals
  for each row execute function app_private.tg__check_transition('approval', 'status');
create or replace trigger _300_check_transition before update on journeys.approvals
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('approval', 'status');
create or replace trigger _700_audit_insert after insert on journeys.approvals
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.approvals
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.approvals
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type journeys.approval_status is 'Where an approval stands: pending until somebody decides or takes it back.';
comment on type journeys.review_decision is 'What a reviewer says of a version.';
comment on table journeys.approvals is '@class tenant
The question whether a version may be published, and its answer.';
comment on column journeys.approvals.id is 'The row''s id, time-ordered.';
comment on column journeys.approvals.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.approvals.client_id is 'The journey''s client.';
comment on column journeys.approvals.journey_id is 'The journey.';
comment on column journeys.approvals.journey_version_id is 'The version that is decided on.';
comment on column journeys.approvals.touchpoint_id is 'The touchpoint that was decided on, for approvals that came from a base that approved touchpoints.';
comment on column journeys.approvals.requester_id is 'Who asked.';
comment on column journeys.approvals.reviewer_id is 'Who decided.';
comment on column journeys.approvals.status is '@isIndexed
How it stands.';
comment on column journeys.approvals.comments is 'What the reviewer said; required for a refusal.';
comment on column journeys.approvals.requested_by is 'Who asked, as the source named them.';
comment on column journeys.approvals.reviewed_by is 'Who decided, as the source named them.';
comment on column journeys.approvals.reviewed_at is 'When it was decided.';
comment on column journeys.approvals.is_imported is 'True for the record of a decision that was taken elsewhere.';
comment on column journeys.approvals.created_at is 'When the row was made.';
comment on column journeys.approvals.updated_at is 'When the row was last changed.';
comment on index journeys.approvals_tenant_id_journey_id_pending_key is 'This journey has an approval that waits already.';
comment on constraint approvals_tenant_id_fkey on journeys.approvals is 'There is no such tenant.';
comment on constraint approvals_client_id_fkey on journeys.approvals is 'There is no such client.';
comment on constraint approvals_journey_id_fkey on journeys.approvals is 'There is no such journey.';
comment on constraint approvals_journey_version_id_fkey on journeys.approvals is 'The version must be one of the same journey.';
comment on constraint approvals_touchpoint_id_fkey on journeys.approvals is 'The touchpoint must be one of the same journey.';
comment on constraint approvals_requester_id_fkey on journeys.approvals is 'There is no such person.';
comment on constraint approvals_reviewer_id_fkey on journeys.approvals is 'There is no such person.';
comment on constraint approvals_on_version_or_touchpoint_check on journeys.approvals is 'An approval is on a version or, imported, on a touchpoint: on exactly one.';
comment on constraint approvals_on_touchpoint_is_imported_check on journeys.approvals is 'Only imported approvals are on a touchpoint.';
comment on constraint approvals_decided_has_reviewer_check on journeys.approvals is 'A decision names who took it and when.';
comment on constraint approvals_refused_has_comments_check on journeys.approvals is 'A refusal says why: send comments.';
--! EndIncluded journeys/approvals.sql
--! Included journeys/comment_threads.sql
-- Threads of comments. Editors see all, people of a client those that are meant for them.
drop policy if exists all_tenant on journeys.comment_threads;
create policy all_tenant on journeys.comment_threads as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.comment_threads;
create policy select_owner on journeys.comment_threads for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.comment_threads;
create policy insert_owner on journeys.comment_threads for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.comment_threads;
create policy update_owner on journeys.comment_threads for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.comment_threads;
create policy delete_owner on journeys.comment_threads for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.comment_threads;
create policy select_viewer on journeys.comment_threads for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_client on journeys.comment_threads;
create policy select_client on journeys.comment_threads for select to :CLIENT
  using (tenant_id = (select app.current_tenant_id()) and client_id = any ((select app.current_client_ids())::uuid[]) and is_visible_to_client);
drop policy if exists update_editor on journeys.comment_threads;
create policy update_editor on journeys.comment_threads for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on journeys.comment_threads;
create policy delete_editor on journeys.comment_threads for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on journeys.comment_threads;
create policy select_worker on journeys.comment_threads for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.comment_threads;
create policy insert_worker on journeys.comment_threads for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.comment_threads;
create policy update_worker on journeys.comment_threads for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.comment_threads;
create policy delete_worker on journeys.comment_threads for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.comment_threads to :VIEWER;
grant select on table journeys.comment_threads to :CLIENT;
grant update (
  position, is_visible_to_client, version
) on table journeys.comment_threads to :EDITOR;
grant delete on table journeys.comment_threads to :EDITOR;
grant select, insert, update, delete on table journeys.comment_threads to :WORKER;

create or replace trigger _100_stamp_times before update on journeys.comment_threads
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _100_stamp_client before insert on journeys.comment_threads
  for each row when (new.client_id is null) execute function app_private.tg__stamp_client();
create or replace trigger _200_count_version before update on journeys.comment_threads
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _300_check_birth before insert on journeys.comment_threads
  for each row execute function app_private.tg__check_transition('comment_thread', 'status');
create or replace trigger _300_check_transition before update on journeys.comment_threads
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('comment_thread', 'status');
create or replace trigger _700_audit_insert after insert on journeys.comment_threads
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.comment_threads
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.comment_threads
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type journeys.thread_status is 'Whether a conversation goes on.';
comment on table journeys.comment_threads is '@class tenant
A conversation about a journey, or about one of its touchpoints.';
comment on column journeys.comment_threads.id is 'The row''s id, time-ordered.';
comment on column journeys.comment_threads.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.comment_threads.client_id is 'The journey''s client.';
comment on column journeys.comment_threads.journey_id is 'The journey.';
comment on column journeys.comment_threads.journey_version_id is 'The version that was read, if one was.';
comment on column journeys.comment_threads.touchpoint_id is 'The touchpoint it is about, if about one.';
comment on column journeys.comment_threads.author_id is 'Who began it.';
comment on column journeys.comment_threads.status is '@isIndexed
Open or resolved.';
comment on column journeys.comment_threads.position is 'Where on the canvas it is pinned, an object {x, y}.';
comment on column journeys.comment_threads.is_visible_to_client is 'True where the client''s people may read and answer.';
comment on column journeys.comment_threads.resolved_at is 'When it was resolved.';
comment on column journeys.comment_threads.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column journeys.comment_threads.created_at is 'When the row was made.';
comment on column journeys.comment_threads.updated_at is 'When the row was last changed.';
comment on constraint comment_threads_tenant_id_fkey on journeys.comment_threads is 'There is no such tenant.';
comment on constraint comment_threads_client_id_fkey on journeys.comment_threads is 'There is no such client.';
comment on constraint comment_threads_journey_id_fkey on journeys.comment_threads is 'There is no such journey.';
comment on constraint comment_threads_journey_version_id_fkey on journeys.comment_threads is 'The version must be one of the same journey.';
comment on constraint comment_threads_touchpoint_id_fkey on journeys.comment_threads is 'The touchpoint must be one of the same journey.';
comment on constraint comment_threads_author_id_fkey on journeys.comment_threads is 'There is no such person.';
comment on constraint comment_threads_resolved_has_time_check on journeys.comment_threads is 'A resolved thread says when it was resolved.';
comment on constraint comment_threads_position_check on journeys.comment_threads is 'The position of a thread is a JSON object {x, y}.';
--! EndIncluded journeys/comment_threads.sql
--! Included journeys/comments.sql
-- Comments. Whoever sees the thread sees them; authors may change their own.
drop policy if exists all_tenant on journeys.comments;
create policy all_tenant on journeys.comments as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.comments;
create policy select_owner on journeys.comments for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.comments;
create policy insert_owner on journeys.comments for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.comments;
create policy update_owner on journeys.comments for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.comments;
create policy delete_owner on journeys.comments for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.comments;
create policy select_viewer on journeys.comments for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_client on journeys.comments;
create policy select_client on journeys.comments for select to :CLIENT
  using (tenant_id = (select app.current_tenant_id()) and comment_thread_id in (select t.id from journeys.comment_threads t));
drop policy if exists select_worker on journeys.comments;
create policy select_worker on journeys.comments for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.comments;
create policy insert_worker on journeys.comments for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.comments;
create policy update_worker on journeys.comments for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.comments;
create policy delete_worker on journeys.comments for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_author on journeys.comments;
create policy update_author on journeys.comments for update to :EDITOR, :CLIENT
  using (tenant_id = (select app.current_tenant_id()) and author_id = (select app.current_user_id()))
  with check (tenant_id = (select app.current_tenant_id()) and author_id = (select app.current_user_id()));
drop policy if exists delete_author on journeys.comments;
create policy delete_author on journeys.comments for delete to :EDITOR, :CLIENT
  using (tenant_id = (select app.current_tenant_id()) and author_id = (select app.current_user_id()));

grant select on table journeys.comments to :VIEWER;
grant select on table journeys.comments to :CLIENT;
grant select, insert, update, delete on table journeys.comments to :WORKER;
grant update (body, version) on table journeys.comments to :EDITOR, :CLIENT;
grant delete on table journeys.comments to :EDITOR, :CLIENT;

create or replace trigger _100_stamp_times before update on journeys.comments
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on journeys.comments
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _700_audit_insert after insert on journeys.comments
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.comments
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.comments
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table journeys.comments is '@class tenant
One contribution to a thread.';
comment on column journeys.comments.id is 'The row''s id, time-ordered.';
comment on column journeys.comments.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.comments.comment_thread_id is 'The thread.';
comment on column journeys.comments.author_id is 'Who wrote it.';
comment on column journeys.comments.body is 'What they wrote.';
comment on column journeys.comments.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column journeys.comments.created_at is 'When the row was made.';
comment on column journeys.comments.updated_at is 'When the row was last changed.';
comment on constraint comments_tenant_id_fkey on journeys.comments is 'There is no such tenant.';
comment on constraint comments_comment_thread_id_fkey on journeys.comments is 'There is no such thread.';
comment on constraint comments_author_id_fkey on journeys.comments is 'There is no such person.';
comment on constraint comments_body_check on journeys.comments is 'A comment is not blank.';
--! EndIncluded journeys/comments.sql
--! Included journeys/change_requests.sql
-- Change requests. People of a client ask, editors answer.
drop policy if exists all_tenant on journeys.change_requests;
create policy all_tenant on journeys.change_requests as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.change_requests;
create policy select_owner on journeys.change_requests for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.change_requests;
create policy insert_owner on journeys.change_requests for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.change_requests;
create policy update_owner on journeys.change_requests for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.change_requests;
create policy delete_owner on journeys.change_requests for delete to :OWNER
  using (true);
drop policy if exists select_viewer on journeys.change_requests;
create policy select_viewer on journeys.change_requests for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_client on journeys.change_requests;
create policy select_client on journeys.change_requests for select to :CLIENT
  using (tenant_id = (select app.current_tenant_id()) and client_id = any ((select app.current_client_ids())::uuid[]));
drop policy if exists update_editor on journeys.change_requests;
create policy update_editor on journeys.change_requests for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on journeys.change_requests;
create policy select_worker on journeys.change_requests for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on journeys.change_requests;
create policy insert_worker on journeys.change_requests for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on journeys.change_requests;
create policy update_worker on journeys.change_requests for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on journeys.change_requests;
create policy delete_worker on journeys.change_requests for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.change_requests to :VIEWER;
grant select on table journeys.change_requests to :CLIENT;
grant update (
  title, description, priority, version
) on table journeys.change_requests to :EDITOR;
grant select, insert, update, delete on table journeys.change_requests to :WORKER;

create or replace trigger _100_stamp_times before update on journeys.change_requests
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on journeys.change_requests
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _300_check_birth before insert on journeys.change_requests
  for each row execute function app_private.tg__check_transition('change_request', 'status');
create or replace trigger _300_check_transition before update on journeys.change_requests
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('change_request', 'status');
create or replace trigger _700_audit_insert after insert on journeys.change_requests
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.change_requests
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.change_requests
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type journeys.change_request_type is 'What should be changed.';
comment on type journeys.change_request_priority is 'How soon it should be.';
comment on type journeys.change_request_status is 'How far a request has come.';
comment on table journeys.change_requests is '@class tenant
What a client wants changed, and what became of it.';
comment on column journeys.change_requests.id is 'The row''s id, time-ordered.';
comment on column journeys.change_requests.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.change_requests.client_id is 'Who wants it.';
comment on column journeys.change_requests.journey_id is 'The journey it is about, if about one.';
comment on column journeys.change_requests.touchpoint_id is 'The touchpoint it is about, if about one.';
comment on column journeys.change_requests.requester_id is 'Who asked.';
comment on column journeys.change_requests.handler_id is 'Who took it on.';
comment on column journeys.change_requests.type is '@isIndexed
What kind of change it is.';
comment on column journeys.change_requests.priority is '@isIndexed
How urgent it is.';
comment on column journeys.change_requests.status is '@isIndexed
Where it stands.';
comment on column journeys.change_requests.title is 'The wish in a few words.';
comment on column journeys.change_requests.description is 'The wish in full.';
comment on column journeys.change_requests.response is 'What was answered.';
comment on column journeys.change_requests.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column journeys.change_requests.created_at is 'When the row was made.';
comment on column journeys.change_requests.updated_at is 'When the row was last changed.';
comment on constraint change_requests_tenant_id_fkey on journeys.change_requests is 'There is no such tenant.';
comment on constraint change_requests_client_id_fkey on journeys.change_requests is 'There is no such client.';
comment on constraint change_requests_journey_id_fkey on journeys.change_requests is 'There is no such journey.';
comment on constraint change_requests_touchpoint_id_fkey on journeys.change_requests is 'There is no such touchpoint.';
comment on constraint change_requests_requester_id_fkey on journeys.change_requests is 'There is no such person.';
comment on constraint change_requests_handler_id_fkey on journeys.change_requests is 'There is no such person.';
comment on constraint change_requests_title_check on journeys.change_requests is 'A change request needs a title that is not blank.';
--! EndIncluded journeys/change_requests.sql
--! Included journeys/return_to_draft.sql
-- Editing what a reader would see takes an approved, published or rejected journey back to draft; the version that was published stays
-- live. Ids and states that publishing writes, and where the canvas draws a step, are nothing that a reader sees.

create or replace function app_private.tg_journeys__return_to_draft() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is not null then
      return new;
    end if;
    if old.status = 'archived' and new.status = 'archived' then
      perform app_private.raise_error('LF104', old.name);
    elsif old.status in ('approved', 'published', 'rejected') and new.status = old.status then
      new.status := 'draft';
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_journeys__return_to_draft() is 'Takes a journey back to draft when what a reader sees of it changes, and refuses to change an archived one. Definer, to raise our error for whoever updates.';
create or replace trigger _250_return_to_draft before update on journeys.journeys
  for each row when (
    (old.name, old.description, old.category, old.goal, old.trigger_config)
      is distinct from (new.name, new.description, new.category, new.goal, new.trigger_config)
  ) execute function app_private.tg_journeys__return_to_draft();

create or replace function app_private.tg_touchpoints__return_to_draft() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is null and new.status = old.status then
      new.status := 'draft';
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_touchpoints__return_to_draft() is 'Takes a touchpoint back to draft when what a reader sees of it changes.';
create or replace trigger _250_return_to_draft before update on journeys.touchpoints
  for each row when (
    old.status <> 'draft'
    and (old.name, old.type, old.day_offset, old.content, old.config, old.next_touchpoint_id)
      is distinct from (new.name, new.type, new.day_offset, new.content, new.config, new.next_touchpoint_id)
  ) execute function app_private.tg_touchpoints__return_to_draft();

create or replace function app_private.tg_touchpoints__return_journey_to_draft() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    changed_journeys uuid[];
    changed_tenant uuid;
    archived_name text;
  begin
    if app.current_import_batch_id() is not null then
      return null;
    end if;
    if tg_op = 'INSERT' then
      select array_agg(distinct n.journey_id), (array_agg(n.tenant_id))[1] into changed_journeys, changed_tenant from new_rows n;
    elsif tg_op = 'DELETE' then
      select array_agg(distinct o.journey_id), (array_agg(o.tenant_id))[1] into changed_journeys, changed_tenant from old_rows o;
    else
      select array_agg(distinct n.journey_id), (array_agg(n.tenant_id))[1] into changed_journeys, changed_tenant
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      where (n.name, n.type, n.day_offset, n.order_index, n.content, n.config, n.next_touchpoint_id)
        is distinct from (o.name, o.type, o.day_offset, o.order_index, o.content, o.config, o.next_touchpoint_id);
    end if;
    select j.name into archived_name
    from journeys.journeys j
    where j.tenant_id = changed_tenant and j.id = any (changed_journeys) and j.status = 'archived'
    limit 1;
    if found then
      perform app_private.raise_error('LF104', archived_name);
    end if;
    update journeys.journeys j
    set status = 'draft'
    where j.tenant_id = changed_tenant and j.id = any (changed_journeys) and j.status in ('approved', 'published', 'rejected');
    return null;
  end
  $$;
comment on function app_private.tg_touchpoints__return_journey_to_draft() is
  'Takes the journey back to draft when its steps change, and refuses to change those of an archived one. Definer, because nobody may set a status by hand.';
create or replace trigger _500_return_journey_to_draft_insert after insert on journeys.touchpoints
  referencing new table as new_rows for each statement execute function app_private.tg_touchpoints__return_journey_to_draft();
create or replace trigger _500_return_journey_to_draft_update after update on journeys.touchpoints
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg_touchpoints__return_journey_to_draft();
create or replace trigger _500_return_journey_to_draft_delete after delete on journeys.touchpoints
  referencing old table as old_rows for each statement execute function app_private.tg_touchpoints__return_journey_to_draft();
--! EndIncluded journeys/return_to_draft.sql
--! Included journeys/keep_published.sql
-- What was published once has versions, approvals and objects in GoHighLevel that speak of it: people archive it. The owner may still
-- delete, and a batch may take back what it brought.
create or replace function app_private.tg_journeys__keep_published() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is null and app.current_app_role() is distinct from 'owner' then
      perform app_private.raise_error('LF111', old.name);
    end if;
    return old;
  end
  $$;
comment on function app_private.tg_journeys__keep_published() is
  'Refuses to delete a journey that was published, alone or with its client. Definer, to raise our error for whoever deletes.';
create or replace trigger _200_keep_published before delete on journeys.journeys
  for each row when (old.published_at is not null or old.status = 'published') execute function app_private.tg_journeys__keep_published();
--! EndIncluded journeys/keep_published.sql
--! Included journeys/submit_journey.sql
create or replace function journeys.submit_journey(journey_id uuid, change_log text default null, version integer default null)
  returns journeys.approvals
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    journey journeys.journeys := app_private.lock_journey('submit a journey', journey_id, version);
    submitted journeys.journey_versions;
    approval journeys.approvals;
  begin
    if not exists (select from journeys.touchpoints t where t.tenant_id = journey.tenant_id and t.journey_id = journey.id) then
      perform app_private.raise_error('LF103', journey.name);
    end if;
    -- Staying where it is would pass every trigger, and is no step.
    if journey.status = 'client_review' then
      perform app_private.raise_error('LF003', 'journey', 'client_review', 'client_review',
        array_to_string(app.allowed_transitions('journey', 'client_review'), ', '));
    end if;
    update journeys.journeys j set status = 'client_review' where j.tenant_id = journey.tenant_id and j.id = journey.id;
    update journeys.touchpoints t set status = 'client_review'
    where t.tenant_id = journey.tenant_id and t.journey_id = journey.id and t.status <> 'client_review';
    submitted := app_private.insert_version(journey.tenant_id, journey.id, change_log, true);
    insert into journeys.approvals (tenant_id, client_id, journey_id, journey_version_id, requester_id)
    values (journey.tenant_id, journey.client_id, journey.id, submitted.id, app.current_user_id())
    returning * into approval;
    return approval;
  end
  $$;
comment on function journeys.submit_journey(uuid, text, integer) is
  'Submits a draft for review: writes a version and a pending approval of it. Definer, because versions, approvals and statuses are written by mutations alone.';
grant execute on function journeys.submit_journey(uuid, text, integer) to :EDITOR;
--! EndIncluded journeys/submit_journey.sql
--! Included journeys/withdraw_journey.sql
create or replace function app_private.withdraw_pending_approval(tenant_id uuid, journey_id uuid) returns journeys.approvals
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$
    update journeys.approvals a set status = 'withdrawn'
    where a.tenant_id = withdraw_pending_approval.tenant_id and a.journey_id = withdraw_pending_approval.journey_id
      and a.status = 'pending' and not a.is_imported
    returning *
  $$;
comment on function app_private.withdraw_pending_approval(uuid, uuid) is 'Takes back the question whether a version may be published, where one waits.';

create or replace function journeys.withdraw_journey(journey_id uuid, version integer default null) returns journeys.journeys
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    journey journeys.journeys := app_private.lock_journey('withdraw a journey', journey_id, version);
  begin
    if journey.status not in ('client_review', 'approved') then
      perform app_private.raise_error('LF109', journey.name, journey.status::text);
    end if;
    perform app_private.withdraw_pending_approval(journey.tenant_id, journey.id);
    update journeys.touchpoints t set status = 'draft'
    where t.tenant_id = journey.tenant_id and t.journey_id = journey.id and t.status in ('client_review', 'approved');
    update journeys.journeys j set status = 'draft' where j.tenant_id = journey.tenant_id and j.id = journey.id returning * into journey;
    return journey;
  end
  $$;
comment on function journeys.withdraw_journey(uuid, integer) is
  'Takes a journey back from review, or an approved one from publishing. Definer, because statuses are written by mutations alone.';
grant execute on function journeys.withdraw_journey(uuid, integer) to :EDITOR;
--! EndIncluded journeys/withdraw_journey.sql
--! Included journeys/review_journey.sql
create or replace function journeys.review_journey(approval_id uuid, decision journeys.review_decision, comments text default null)
  returns journeys.approvals
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    approval journeys.approvals;
    is_self_approval_allowed boolean;
    decided constant journeys.approval_status := case decision
      when 'approve' then 'approved' when 'reject' then 'rejected' else 'changes_requested' end;
  begin
    perform app_private.require_role('review a journey', 'client', 'admin');
    if decision is null then
      perform app_private.raise_error('LF009', 'A review decides something.', 'Send approve, reject or request_changes.');
    end if;
    select * into approval
    from journeys.approvals a
    where a.tenant_id = app.current_tenant_id()
      and a.id = approval_id
      and a.journey_version_id is not null
      and (app.current_app_role() <> 'client' or a.client_id = any (app.current_client_ids()));
    -- The journey before its approval, as everywhere; what was decided while we waited is read again.
    perform app_private.hold_journey(approval.tenant_id, approval.journey_id);
    select * into approval
    from journeys.approvals a
    where a.tenant_id = approval.tenant_id and a.id = approval.id
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'approval', approval_id::text);
    end if;
    if approval.status <> 'pending' then
      perform app_private.raise_error('LF101', approval.status::text);
    end if;
    select t.settings @> '{"allow_self_approval": true}' into is_self_approval_allowed
    from tenancy.tenants t where t.id = approval.tenant_id;
    if approval.requester_id = app.current_user_id() and not is_self_approval_allowed then
      perform app_private.raise_error('LF102');
    end if;
    if decision <> 'approve' and coalesce(review_journey.comments, '') !~ '\S' then
      perform app_private.raise_error('LF107');
    end if;

    update journeys.approvals a
    set status = decided, comments = nullif(trim(review_journey.comments), ''), reviewer_id = app.current_user_id(), reviewed_at = now()
    where a.tenant_id = approval.tenant_id and a.id = approval.id
    returning * into approval;

    -- Only the texts that were under review: what was edited meanwhile is a draft, and stays one.
    update journeys.touchpoints t
    set status = case decision when 'approve' then 'approved'::journeys.touchpoint_status else 'needs_revision' end
    where t.tenant_id = approval.tenant_id and t.journey_id = approval.journey_id and t.status = 'client_review';

    update journeys.journeys j
    set
      status = case decision when 'approve' then 'approved'::journeys.journey_status when 'reject' then 'rejected' else 'draft' end,
      approved_at = case decision when 'approve' then now() else j.approved_at end
    where j.tenant_id = approval.tenant_id and j.id = approval.journey_id;
    return approval;
  end
  $$;
comment on function journeys.review_journey(uuid, journeys.review_decision, text) is
  'Decides a pending approval: approve, reject, or request changes with a comment. One reviewer wins, the other is told. Definer, because people of a client see no working rows.';
grant execute on function journeys.review_journey(uuid, journeys.review_decision, text) to :CLIENT, :ADMIN;
--! EndIncluded journeys/review_journey.sql
--! Included journeys/archive_journey.sql
create or replace function journeys.archive_journey(journey_id uuid, version integer default null) returns journeys.journeys
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    journey journeys.journeys := app_private.lock_journey('archive a journey', journey_id, version);
  begin
    if journey.status = 'archived' then
      perform app_private.raise_error('LF104', journey.name);
    end if;
    perform app_private.withdraw_pending_approval(journey.tenant_id, journey.id);
    update journeys.touchpoints t set status = 'draft'
    where t.tenant_id = journey.tenant_id and t.journey_id = journey.id and t.status = 'client_review';
    update journeys.journeys j set status = 'archived' where j.tenant_id = journey.tenant_id and j.id = journey.id returning * into journey;
    return journey;
  end
  $$;
comment on function journeys.archive_journey(uuid, integer) is
  'Puts a journey away; what waits for approval is withdrawn, what is live in GoHighLevel stays there. Definer, because statuses are written by mutations alone.';
grant execute on function journeys.archive_journey(uuid, integer) to :EDITOR;
--! EndIncluded journeys/archive_journey.sql
--! Included journeys/restore_journey.sql
create or replace function journeys.restore_journey(journey_id uuid, version integer default null) returns journeys.journeys
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    journey journeys.journeys := app_private.lock_journey('restore a journey', journey_id, version);
  begin
    if journey.status not in ('archived', 'rejected') then
      perform app_private.raise_error('LF003', 'journey', journey.status::text, 'draft by restoring',
        coalesce(nullif(array_to_string(app.allowed_transitions('journey', journey.status::text), ', '), ''), 'nothing'));
    end if;
    update journeys.journeys j set status = 'draft' where j.tenant_id = journey.tenant_id and j.id = journey.id returning * into journey;
    return journey;
  end
  $$;
comment on function journeys.restore_journey(uuid, integer) is
  'Makes a draft of an archived or rejected journey. Definer, because statuses are written by mutations alone.';
grant execute on function journeys.restore_journey(uuid, integer) to :EDITOR;
--! EndIncluded journeys/restore_journey.sql
--! Included journeys/save_journey_version.sql
create or replace function journeys.save_journey_version(journey_id uuid, change_log text default null, version integer default null)
  returns journeys.journey_versions
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    journey journeys.journeys := app_private.lock_journey('save a version', journey_id, version);
  begin
    return app_private.insert_version(journey.tenant_id, journey.id, change_log, false);
  end
  $$;
comment on function journeys.save_journey_version(uuid, text, integer) is
  'Keeps the journey as it is now as a version, without submitting it. Definer, because versions are written by mutations alone.';
grant execute on function journeys.save_journey_version(uuid, text, integer) to :EDITOR;
--! EndIncluded journeys/save_journey_version.sql
--! Included journeys/restore_journey_version.sql
create or replace function journeys.restore_journey_version(journey_version_id uuid, version integer default null) returns journeys.journeys
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    restored journeys.journey_versions;
    journey journeys.journeys;
  begin
    perform app_private.require_role('restore a version', 'editor', 'admin');
    select * into restored
    from journeys.journey_versions v
    where v.tenant_id = app.current_tenant_id() and v.id = journey_version_id;
    if not found then
      perform app_private.raise_error('LF006', 'version of a journey', journey_version_id::text);
    end if;
    journey := app_private.lock_journey('restore a version', restored.journey_id, version);
    if jsonb_array_length(restored.snapshot -> 'touchpoints') = 0 then
      perform app_private.raise_error('LF110', restored.version::text);
    end if;

    -- Rows keep their ids, so their GoHighLevel templates stay theirs; places are exchanged within one statement's reach.
    set constraints journeys.touchpoints_tenant_id_journey_id_order_index_key deferred;
    delete from journeys.touchpoints t
    where t.tenant_id = journey.tenant_id and t.journey_id = journey.id
      and not exists (select from jsonb_array_elements(restored.snapshot -> 'touchpoints') s where (s ->> 'id')::uuid = t.id);
    insert into journeys.touchpoints as t (tenant_id, journey_id, id, name, type, day_offset, order_index, content, config, position)
    select
      journey.tenant_id, journey.id, s.id, s.name, s.type, s.day_offset, s.order_index, coalesce(s.content, '{}'), coalesce(s.config, '{}'), s.position
    from jsonb_to_recordset(restored.snapshot -> 'touchpoints') s (
      id uuid, name text, type journeys.touchpoint_type, day_offset integer, order_index integer, content jsonb, config jsonb, position jsonb
    )
    on conflict (tenant_id, id) do update
      set name = excluded.name, type = excluded.type, day_offset = excluded.day_offset, order_index = excluded.order_index,
        content = excluded.content, config = excluded.config, position = excluded.position
      where t.journey_id = excluded.journey_id
        and (t.name, t.type, t.day_offset, t.order_index, t.content, t.config, t.position)
          is distinct from (excluded.name, excluded.type, excluded.day_offset, excluded.order_index, excluded.content, excluded.config, excluded.position);
    update journeys.touchpoints t
    set next_touchpoint_id = s.next_touchpoint_id
    from jsonb_to_recordset(restored.snapshot -> 'touchpoints') s (id uuid, next_touchpoint_id uuid)
    where t.tenant_id = journey.tenant_id and t.journey_id = journey.id and t.id = s.id
      and t.next_touchpoint_id is distinct from s.next_touchpoint_id;
    set constraints journeys.touchpoints_tenant_id_journey_id_order_index_key immediate;

    update journeys.journeys j
    set name = s.name, description = s.description, category = s.category, goal = s.goal, trigger_config = s.trigger_config
    from jsonb_to_record(restored.snapshot -> 'journey') s (
      name text, description text, category journeys.journey_category, goal text, trigger_config jsonb
    )
    where j.tenant_id = journey.tenant_id and j.id = journey.id
      and (j.name, j.description, j.category, j.goal, j.trigger_config)
        is distinct from (s.name, s.description, s.category, s.goal, s.trigger_config);
    select * into journey from journeys.journeys j where j.tenant_id = journey.tenant_id and j.id = journey.id;
    return journey;
  end
  $$;
comment on function journeys.restore_journey_version(uuid, integer) is
  'Makes the working rows of a journey those of an earlier version. Definer, because touchpoints come back under the ids that they had.';
grant execute on function journeys.restore_journey_version(uuid, integer) to :EDITOR;
--! EndIncluded journeys/restore_journey_version.sql
--! Included journeys/duplicate_journey.sql
create or replace function journeys.duplicate_journey(journey_id uuid, name text default null, client_id uuid default null) returns journeys.journeys
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    original journeys.journeys := app_private.lock_journey('duplicate a journey', journey_id, null);
    target_client_id constant uuid := coalesce(duplicate_journey.client_id, original.client_id);
    copy journeys.journeys;
  begin
    if not exists (select from journeys.clients c where c.tenant_id = original.tenant_id and c.id = target_client_id) then
      perform app_private.raise_error('LF006', 'client', target_client_id::text);
    end if;
    insert into journeys.journeys (tenant_id, client_id, pipeline_id, name, description, category, trigger_config, goal, metadata)
    values (
      original.tenant_id, target_client_id,
      -- A pipeline belongs to its client and does not follow the copy elsewhere.
      case when target_client_id = original.client_id then original.pipeline_id end,
      coalesce(nullif(trim(duplicate_journey.name), ''), original.name || ' (copy)'),
      original.description, original.category, original.trigger_config, original.goal,
      original.metadata || jsonb_build_object('duplicated_from', original.id)
    )
    returning * into copy;
    with steps as (
      select t.*, app.uuidv7() as copy_id
      from journeys.touchpoints t
      where t.tenant_id = original.tenant_id and t.journey_id = original.id
    )
    insert into journeys.touchpoints (tenant_id, journey_id, id, next_touchpoint_id, name, type, day_offset, order_index, content, config, position)
    select s.tenant_id, copy.id, s.copy_id, n.copy_id, s.name, s.type, s.day_offset, s.order_index, s.content, s.config, s.position
    from steps s
    left join steps n on n.id = s.next_touchpoint_id
    order by s.order_index;
    return copy;
  end
  $$;
comment on function journeys.duplicate_journey(uuid, text, uuid) is
  'Copies a journey with its touchpoints into a new draft, for the same client or another. Definer, because it reads and writes the two as one deed.';
grant execute on function journeys.duplicate_journey(uuid, text, uuid) to :EDITOR;
--! EndIncluded journeys/duplicate_journey.sql
--! Included journeys/reorder_touchpoints.sql
create or replace function journeys.reorder_touchpoints(journey_id uuid, touchpoint_ids uuid[], version integer default null)
  returns setof journeys.touchpoints
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    journey journeys.journeys := app_private.lock_journey('reorder touchpoints', journey_id, version);
    present integer;
    wanted constant uuid[] := coalesce(touchpoint_ids, '{}');
    problem text;
  begin
    select count(*) into present from journeys.touchpoints t where t.tenant_id = journey.tenant_id and t.journey_id = journey.id;
    select coalesce(
      (select 'twice ' || id from unnest(wanted) id group by id having count(*) > 1 limit 1),
      (
        select 'not of this journey ' || coalesce(id::text, 'null')
        from unnest(wanted) as given (id)
        where not exists (
          select from journeys.touchpoints t where t.tenant_id = journey.tenant_id and t.journey_id = journey.id and t.id = given.id
        )
        limit 1
      ),
      (
        select 'missing ' || t.id
        from journeys.touchpoints t
        where t.tenant_id = journey.tenant_id and t.journey_id = journey.id and t.id <> all (wanted)
        limit 1
      )
    ) into problem;
    if problem is not null then
      perform app_private.raise_error('LF105', problem, present::text);
    end if;
    set constraints journeys.touchpoints_tenant_id_journey_id_order_index_key deferred;
    update journeys.touchpoints t
    set order_index = place.ordinality - 1
    from unnest(wanted) with ordinality place (id, ordinality)
    where t.tenant_id = journey.tenant_id and t.journey_id = journey.id and t.id = place.id and t.order_index <> place.ordinality - 1;
    set constraints journeys.touchpoints_tenant_id_journey_id_order_index_key immediate;
    return query
      select * from journeys.touchpoints t where t.tenant_id = journey.tenant_id and t.journey_id = journey.id order by t.order_index;
  end
  $$;
comment on function journeys.reorder_touchpoints(uuid, uuid[], integer) is
  'Puts the touchpoints of a journey into the order of the ids given, all of them in one step. Definer, because it holds the journey while it does.';
grant execute on function journeys.reorder_touchpoints(uuid, uuid[], integer) to :EDITOR;
--! EndIncluded journeys/reorder_touchpoints.sql
--! Included journeys/diff_journey_versions.sql
comment on type journeys.difference_kind is 'What became of a touchpoint between two versions.';
comment on type journeys.field_difference is 'One field before and after.';
comment on type journeys.touchpoint_difference is 'What became of one touchpoint between two versions.';
comment on column journeys.touchpoint_difference.kind is 'Added, removed or changed.';
comment on column journeys.touchpoint_difference.touchpoint_id is 'The touchpoint.';
comment on column journeys.touchpoint_difference.name is 'Its name in the later version, or in the earlier one where it was removed.';
comment on column journeys.touchpoint_difference.order_index is 'Its place likewise.';
comment on column journeys.touchpoint_difference.fields is 'The fields that differ; content and config are compared key by key, as content.subject.';

create or replace function app_private.flatten_touchpoint(touchpoint jsonb) returns table (field text, value jsonb)
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    select t.key, nullif(t.value, 'null')
    from jsonb_each(touchpoint) t
    where t.key not in ('id', 'position') and not (t.key in ('content', 'config') and jsonb_typeof(t.value) = 'object')
    union all
    select t.key || '.' || inner_field.key, nullif(inner_field.value, 'null')
    from jsonb_each(touchpoint) t
    -- What a base called content may be a bare text; it is one field then.
    cross join lateral jsonb_each(case when jsonb_typeof(t.value) = 'object' then t.value end) inner_field
    where t.key in ('content', 'config')
  $$;
comment on function app_private.flatten_touchpoint(jsonb) is 'A touchpoint of a snapshot as fields, its content and config one key a field.';

create or replace function app_private.diff_snapshots(before jsonb, after jsonb) returns setof journeys.touchpoint_difference
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    with earlier as (
      select s.value ->> 'id' as id, s.value from jsonb_array_elements(before -> 'touchpoints') s
    ), later as (
      select s.value ->> 'id' as id, s.value from jsonb_array_elements(after -> 'touchpoints') s
    ), paired as (
      select coalesce(l.id, e.id)::uuid as id, e.value as before, l.value as after from earlier e full join later l on l.id = e.id
    )
    select
      case when p.before is null then 'added' when p.after is null then 'removed' else 'changed' end::journeys.difference_kind,
      p.id,
      coalesce(p.after, p.before) ->> 'name',
      (coalesce(p.after, p.before) ->> 'order_index')::integer,
      differences.fields
    from paired p
    cross join lateral (
      select array_agg(row (f.field, f.before, f.after)::journeys.field_difference order by f.field) as fields
      from (
        select coalesce(b.field, a.field) as field, b.value as before, a.value as after
        from app_private.flatten_touchpoint(p.before) b
        full join app_private.flatten_touchpoint(p.after) a on a.field = b.field
        where b.value is distinct from a.value
      ) f
    ) differences
    where differences.fields is not null
    order by 4, 2
  $$;
comment on function app_private.diff_snapshots(jsonb, jsonb) is 'The touchpoints that differ between two snapshots, with the fields that do.';

create or replace function app_private.visible_version(version_id uuid) returns journeys.journey_versions
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    found_version journeys.journey_versions;
  begin
    select * into found_version
    from journeys.journey_versions v
    where v.tenant_id = app.current_tenant_id()
      and v.id = version_id
      and (app.current_app_role() <> 'client' or (v.submitted_at is not null and v.client_id = any (app.current_client_ids())));
    if not found then
      perform app_private.raise_error('LF006', 'version of a journey', version_id::text);
    end if;
    return found_version;
  end
  $$;
comment on function app_private.visible_version(uuid) is 'A version that this session may see, or the error that there is none. For definers.';

create or replace function journeys.diff_journey_versions(from_version_id uuid, to_version_id uuid default null)
  returns setof journeys.touchpoint_difference
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    earlier journeys.journey_versions;
    later journeys.journey_versions;
    later_snapshot jsonb;
  begin
    perform app_private.require_role('compare versions', 'viewer', 'client', 'editor', 'admin', 'reporter');
    earlier := app_private.visible_version(from_version_id);
    if to_version_id is not null then
      later := app_private.visible_version(to_version_id);
      later_snapshot := later.snapshot;
      if later.journey_id <> earlier.journey_id then
        perform app_private.raise_error('LF009', 'The two versions belong to different journeys.', 'Compare versions of one journey.');
      end if;
    elsif app.current_app_role() = 'client' then
      perform app_private.raise_error('LF002', 'The role client', 'compare a version with the working rows', 'viewer, editor, admin');
    else
      later_snapshot := app_private.compose_snapshot(earlier.tenant_id, earlier.journey_id);
    end if;
    return query select * from app_private.diff_snapshots(earlier.snapshot, later_snapshot);
  end
  $$;
comment on function journeys.diff_journey_versions(uuid, uuid) is
  'What changed between two versions of a journey, or between a version and the journey as it is now. Definer, because people of a client compare versions and see no rows.';
grant execute on function journeys.diff_journey_versions(uuid, uuid) to :VIEWER, :CLIENT;
--! EndIncluded journeys/diff_journey_versions.sql
--! Included journeys/change_request_steps.sql
create or replace function journeys.create_change_request(
  client_id uuid, type journeys.change_request_type, title text, description text default null,
  priority journeys.change_request_priority default 'medium', journey_id uuid default null, touchpoint_id uuid default null
) returns journeys.change_requests
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    is_client constant boolean := app.current_app_role() = 'client';
    request journeys.change_requests;
  begin
    perform app_private.require_role('ask for a change', 'client', 'editor', 'admin');
    if is_client and create_change_request.client_id <> all (app.current_client_ids()) then
      perform app_private.raise_error('LF006', 'client', create_change_request.client_id::text);
    end if;
    if create_change_request.journey_id is not null and not exists (
      select from journeys.journeys j
      where j.tenant_id = app.current_tenant_id() and j.id = create_change_request.journey_id and j.client_id = create_change_request.client_id
        and (not is_client or exists (
          select from journeys.journey_versions v where v.tenant_id = j.tenant_id and v.journey_id = j.id and v.submitted_at is not null
        ))
    ) then
      perform app_private.raise_error('LF006', 'journey', create_change_request.journey_id::text);
    end if;
    if create_change_request.touchpoint_id is not null and not exists (
      select from journeys.touchpoints t
      where t.tenant_id = app.current_tenant_id() and t.id = create_change_request.touchpoint_id
        and t.journey_id = create_change_request.journey_id
    ) then
      perform app_private.raise_error('LF006', 'touchpoint of that journey', create_change_request.touchpoint_id::text);
    end if;
    insert into journeys.change_requests (tenant_id, client_id, journey_id, touchpoint_id, requester_id, type, priority, title, description)
    values (
      app.current_tenant_id(), create_change_request.client_id, create_change_request.journey_id, create_change_request.touchpoint_id,
      app.current_user_id(), create_change_request.type, create_change_request.priority, create_change_request.title,
      create_change_request.description
    )
    returning * into request;
    return request;
  end
  $$;
comment on function journeys.create_change_request(uuid, journeys.change_request_type, text, text, journeys.change_request_priority, uuid, uuid) is
  'Asks for a change. Definer, because people of a client ask about journeys whose rows they do not see.';
grant execute on function journeys.create_change_request(uuid, journeys.change_request_type, text, text, journeys.change_request_priority, uuid, uuid)
  to :CLIENT, :EDITOR;

create or replace function journeys.move_change_request(
  change_request_id uuid, status journeys.change_request_status, response text default null, version integer default null
) returns journeys.change_requests
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    is_client constant boolean := app.current_app_role() = 'client';
    request journeys.change_requests;
  begin
    perform app_private.require_role('move a change request', 'client', 'editor', 'admin');
    select * into request
    from journeys.change_requests r
    where r.tenant_id = app.current_tenant_id() and r.id = change_request_id
      and (not is_client or r.client_id = any (app.current_client_ids()))
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'change request', change_request_id::text);
    end if;
    if move_change_request.version is not null and move_change_request.version <> request.version then
      perform app_private.raise_error('LF005', 'change request', move_change_request.version::text, request.version::text, request.version::text);
    end if;
    if is_client and move_change_request.response ~ '\S' then
      perform app_private.raise_error('LF002', 'The role client', 'answer a change request', 'editor, admin');
    end if;
    -- Staying where it is would pass every trigger, and is no step.
    if move_change_request.status = request.status then
      perform app_private.raise_error('LF003', 'change request', request.status::text, request.status::text,
        coalesce(nullif(array_to_string(app.allowed_transitions('change_request', request.status::text), ', '), ''), 'nothing'));
    end if;
    update journeys.change_requests r
    set
      status = move_change_request.status,
      response = coalesce(nullif(trim(move_change_request.response), ''), r.response),
      handler_id = case when is_client then r.handler_id else app.current_user_id() end
    where r.tenant_id = request.tenant_id and r.id = request.id
    returning * into request;
    return request;
  end
  $$;
comment on function journeys.move_change_request(uuid, journeys.change_request_status, text, integer) is
  'Takes a change request a step further, with an answer. Definer, because statuses are written by mutations alone.';
grant execute on function journeys.move_change_request(uuid, journeys.change_request_status, text, integer) to :CLIENT, :EDITOR;
--! EndIncluded journeys/change_request_steps.sql
--! Included journeys/comment_steps.sql
create or replace function journeys.start_comment_thread(
  journey_id uuid, body text, touchpoint_id uuid default null, journey_version_id uuid default null, canvas_position jsonb default null,
  is_visible_to_client boolean default false
) returns journeys.comment_threads
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    is_client constant boolean := app.current_app_role() = 'client';
    thread journeys.comment_threads;
    target_client_id uuid;
  begin
    perform app_private.require_role('start a thread', 'client', 'editor', 'admin');
    -- People of a client speak about versions that were submitted to them.
    select j.client_id into target_client_id
    from journeys.journeys j
    where j.tenant_id = app.current_tenant_id() and j.id = start_comment_thread.journey_id
      and (not is_client or (j.client_id = any (app.current_client_ids()) and exists (
        select from journeys.journey_versions v where v.tenant_id = j.tenant_id and v.journey_id = j.id and v.submitted_at is not null
      )));
    if not found then
      perform app_private.raise_error('LF006', 'journey', start_comment_thread.journey_id::text);
    end if;
    if start_comment_thread.journey_version_id is not null then
      perform app_private.visible_version(start_comment_thread.journey_version_id);
    end if;
    insert into journeys.comment_threads (tenant_id, client_id, journey_id, journey_version_id, touchpoint_id, author_id, position, is_visible_to_client)
    values (
      app.current_tenant_id(), target_client_id, start_comment_thread.journey_id, start_comment_thread.journey_version_id,
      start_comment_thread.touchpoint_id, app.current_user_id(), start_comment_thread.canvas_position,
      is_client or start_comment_thread.is_visible_to_client
    )
    returning * into thread;
    insert into journeys.comments (tenant_id, comment_thread_id, author_id, body)
    values (thread.tenant_id, thread.id, app.current_user_id(), start_comment_thread.body);
    return thread;
  end
  $$;
comment on function journeys.start_comment_thread(uuid, text, uuid, uuid, jsonb, boolean) is
  'Starts a conversation about a journey or a touchpoint with its first comment. Definer, because thread and comment are one deed, and people of a client see no working rows.';
grant execute on function journeys.start_comment_thread(uuid, text, uuid, uuid, jsonb, boolean) to :CLIENT, :EDITOR;

create or replace function app_private.visible_thread(deed text, comment_thread_id uuid) returns journeys.comment_threads
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    thread journeys.comment_threads;
  begin
    perform app_private.require_role(deed, 'client', 'editor', 'admin');
    select * into thread
    from journeys.comment_threads t
    where t.tenant_id = app.current_tenant_id() and t.id = visible_thread.comment_thread_id
      and (app.current_app_role() <> 'client' or (t.is_visible_to_client and t.client_id = any (app.current_client_ids())))
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'thread', comment_thread_id::text);
    end if;
    return thread;
  end
  $$;
comment on function app_private.visible_thread(text, uuid) is 'A thread that this session may take part in, locked, or the error that there is none. For definers.';

create or replace function journeys.add_comment(comment_thread_id uuid, body text) returns journeys.comments
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    thread constant journeys.comment_threads := app_private.visible_thread('comment', comment_thread_id);
    added journeys.comments;
  begin
    insert into journeys.comments (tenant_id, comment_thread_id, author_id, body)
    values (thread.tenant_id, thread.id, app.current_user_id(), add_comment.body)
    returning * into added;
    return added;
  end
  $$;
comment on function journeys.add_comment(uuid, text) is 'Adds to a conversation. Definer, because who may is decided by the thread.';
grant execute on function journeys.add_comment(uuid, text) to :CLIENT, :EDITOR;

create or replace function journeys.resolve_comment_thread(comment_thread_id uuid) returns journeys.comment_threads
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    thread journeys.comment_threads := app_private.visible_thread('resolve a thread', comment_thread_id);
  begin
    update journeys.comment_threads t set status = 'resolved', resolved_at = coalesce(t.resolved_at, now())
    where t.tenant_id = thread.tenant_id and t.id = thread.id
    returning * into thread;
    return thread;
  end
  $$;
comment on function journeys.resolve_comment_thread(uuid) is 'Closes a conversation. Definer, because statuses are written by mutations alone.';
grant execute on function journeys.resolve_comment_thread(uuid) to :CLIENT, :EDITOR;

create or replace function journeys.reopen_comment_thread(comment_thread_id uuid) returns journeys.comment_threads
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    thread journeys.comment_threads := app_private.visible_thread('reopen a thread', comment_thread_id);
  begin
    update journeys.comment_threads t set status = 'open', resolved_at = null
    where t.tenant_id = thread.tenant_id and t.id = thread.id
    returning * into thread;
    return thread;
  end
  $$;
comment on function journeys.reopen_comment_thread(uuid) is 'Opens a conversation again. Definer, because statuses are written by mutations alone.';
grant execute on function journeys.reopen_comment_thread(uuid) to :CLIENT, :EDITOR;
--! EndIncluded journeys/comment_steps.sql
--! Included journeys/allowed_transitions.sql
-- What whoever asks may do next, as fields of the row.
create or replace function journeys.journeys_allowed_transitions(journey journeys.journeys) returns journeys.journey_status[]
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select app.allowed_transitions('journey', journey.status::text)::journeys.journey_status[] $$;
comment on function journeys.journeys_allowed_transitions(journeys.journeys) is 'The statuses that you may move this journey to, each by its named mutation.';
grant execute on function journeys.journeys_allowed_transitions(journeys.journeys) to :VIEWER;

create or replace function journeys.approvals_allowed_transitions(approval journeys.approvals) returns journeys.approval_status[]
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select app.allowed_transitions('approval', approval.status::text)::journeys.approval_status[] $$;
comment on function journeys.approvals_allowed_transitions(journeys.approvals) is 'The statuses that you may move this approval to.';
grant execute on function journeys.approvals_allowed_transitions(journeys.approvals) to :VIEWER, :CLIENT;

create or replace function journeys.change_requests_allowed_transitions(request journeys.change_requests) returns journeys.change_request_status[]
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select app.allowed_transitions('change_request', request.status::text)::journeys.change_request_status[] $$;
comment on function journeys.change_requests_allowed_transitions(journeys.change_requests) is 'The statuses that you may move this request to.';
grant execute on function journeys.change_requests_allowed_transitions(journeys.change_requests) to :VIEWER, :CLIENT;

create or replace function journeys.journeys_has_unsubmitted_changes(journey journeys.journeys) returns boolean
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select coalesce(
      (
        select v.snapshot_hash <> app_private.hash_snapshot(app_private.compose_snapshot(journey.tenant_id, journey.id))
        from journeys.journey_versions v
        where v.tenant_id = journey.tenant_id and v.journey_id = journey.id and v.submitted_at is not null
        order by v.version desc
        limit 1
      ),
      true
    )
    where journey.tenant_id = app.current_tenant_id()
  $$;
comment on function journeys.journeys_has_unsubmitted_changes(journeys.journeys) is
  'True where what a reader would see differs from the version that was last submitted. Definer, because the comparison is made of private functions.';
grant execute on function journeys.journeys_has_unsubmitted_changes(journeys.journeys) to :VIEWER;
--! EndIncluded journeys/allowed_transitions.sql
