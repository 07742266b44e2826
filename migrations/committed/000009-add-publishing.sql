--! Previous: sha1:fbf394fa92cd43e6c5916ca8e78d7329814cfc8d
--! Hash: sha1:a93a7903a473c41b187c4fc57ba98f6b4ba5dd6d
--! Message: add publishing

-- Publishing: the outbox towards GoHighLevel. A publication is one approved version on its way into one location; its items say, thing by
-- thing, how it went; remote objects say for ever what in GoHighLevel is ours.
set local lock_timeout = '3s';

create schema publishing;
comment on schema publishing is 'What goes to GoHighLevel: locations, publications and their items, and the objects there that are ours.';
grant usage on schema publishing to :VIEWER, :WORKER;

create type publishing.location_status as enum ('active', 'paused', 'needs_reauth', 'blocked');
create type publishing.publication_status as enum (
  'queued', 'running', 'synced', 'partial', 'blocked', 'deferred', 'failed', 'superseded', 'unpublishing', 'unpublished'
);
create type publishing.asset_kind as enum ('folder', 'template', 'custom_value', 'tag', 'link', 'manual');
create type publishing.item_status as enum (
  'pending', 'intent', 'unknown', 'synced', 'unverified', 'rejected', 'conflict', 'drifted', 'remote_missing', 'manual', 'blocked'
);
grant usage on type publishing.location_status, publishing.publication_status, publishing.asset_kind, publishing.item_status to public;

create table app_private.installations (
  id uuid not null default gen_random_uuid(),
  is_this_one boolean not null default true,
  created_at timestamptz not null default now(),
  constraint installations_pkey primary key (id),
  constraint installations_is_this_one_key unique (is_this_one),
  constraint installations_is_this_one_check check (is_this_one)
);
alter table app_private.installations enable row level security;
alter table app_private.installations force row level security;

create table publishing.locations (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  client_id uuid not null,
  ghl_location_id text not null,
  status publishing.location_status not null default 'active',
  status_reason text,
  paused_until timestamptz,
  token_set_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint locations_pkey primary key (tenant_id, id),
  constraint locations_tenant_id_ghl_location_id_key unique (tenant_id, ghl_location_id),
  constraint locations_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint locations_client_id_fkey foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) on delete cascade,
  constraint locations_ghl_location_id_check check (ghl_location_id ~ '\S'),
  constraint locations_paused_has_end_check check ((status = 'paused') = (paused_until is not null))
);
alter table publishing.locations enable row level security;
alter table publishing.locations force row level security;
create index locations_tenant_id_client_id_idx on publishing.locations (tenant_id, client_id);

create table app_private.location_secrets (
  tenant_id uuid not null,
  location_id uuid not null,
  token_ciphertext text not null,
  updated_at timestamptz not null default now(),
  constraint location_secrets_pkey primary key (tenant_id, location_id),
  constraint location_secrets_location_id_fkey foreign key (tenant_id, location_id) references publishing.locations (tenant_id, id) on delete cascade,
  constraint location_secrets_token_ciphertext_check check (token_ciphertext ~ '^v1:[A-Za-z0-9+/]{40,}={0,2}$')
);
alter table app_private.location_secrets enable row level security;
alter table app_private.location_secrets force row level security;

create table publishing.publications (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  journey_id uuid not null,
  journey_version_id uuid not null,
  location_id uuid,
  requester_id uuid,
  status publishing.publication_status not null default 'queued',
  run_count integer not null default 0,
  items_total integer not null default 0,
  items_synced integer not null default 0,
  items_manual integer not null default 0,
  items_failed integer not null default 0,
  last_error text,
  run_after timestamptz,
  lease_token uuid,
  lease_expires_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint publications_pkey primary key (tenant_id, id),
  constraint publications_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint publications_journey_id_fkey foreign key (tenant_id, journey_id) references journeys.journeys (tenant_id, id) on delete cascade,
  constraint publications_journey_version_id_fkey foreign key (tenant_id, journey_id, journey_version_id)
    references journeys.journey_versions (tenant_id, journey_id, id) on delete cascade,
  constraint publications_location_id_fkey foreign key (tenant_id, location_id) references publishing.locations (tenant_id, id) on delete set null (location_id),
  constraint publications_requester_id_fkey foreign key (requester_id) references tenancy.users (id),
  constraint publications_running_has_lease_check check (
    (status = 'running') = (lease_token is not null) and (lease_token is null) = (lease_expires_at is null)
  ),
  constraint publications_deferred_has_time_check check (status <> 'deferred' or run_after is not null),
  constraint publications_counts_check check (least(run_count, items_total, items_synced, items_manual, items_failed) >= 0)
);
alter table publishing.publications enable row level security;
alter table publishing.publications force row level security;
create index publications_tenant_id_created_at_idx on publishing.publications (tenant_id, created_at desc);
create index publications_tenant_id_journey_id_journey_version_id_idx on publishing.publications (tenant_id, journey_id, journey_version_id);
create index publications_tenant_id_journey_id_created_at_idx on publishing.publications (tenant_id, journey_id, created_at desc);
create index publications_tenant_id_location_id_idx on publishing.publications (tenant_id, location_id, created_at desc);
create index publications_tenant_id_requester_id_idx on publishing.publications (tenant_id, requester_id);
create index publications_requester_id_idx on publishing.publications (requester_id);
-- One run at a time in a location, whatever the queue believes.
create unique index publications_tenant_id_location_id_running_key on publishing.publications (tenant_id, location_id) where status = 'running';
-- What the minute's sweep looks for, across tenants.
create index publications_unfinished_idx on publishing.publications (status, updated_at) where status in ('queued', 'running', 'deferred');

create table publishing.publication_items (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  publication_id uuid not null,
  touchpoint_id uuid,
  asset_kind publishing.asset_kind not null,
  order_index integer,
  name text not null,
  token text not null,
  remote_id text,
  remote_name text,
  desired_hash text not null,
  synced_hash text,
  findings jsonb not null default '[]',
  status publishing.item_status not null,
  attempts integer not null default 0,
  last_error text,
  error_class text,
  trace_id text,
  retry_at timestamptz,
  synced_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint publication_items_pkey primary key (tenant_id, id),
  constraint publication_items_tenant_id_publication_id_token_key unique (tenant_id, publication_id, token),
  constraint publication_items_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint publication_items_publication_id_fkey foreign key (tenant_id, publication_id) references publishing.publications (tenant_id, id) on delete cascade,
  constraint publication_items_touchpoint_id_fkey foreign key (tenant_id, touchpoint_id) references journeys.touchpoints (tenant_id, id) on delete set null (touchpoint_id),
  constraint publication_items_synced_has_hash_check check (
    status <> 'synced' or (synced_hash is not null and synced_hash = desired_hash and synced_at is not null)
  ),
  constraint publication_items_attempts_check check (attempts >= 0),
  constraint publication_items_findings_check check (jsonb_typeof(findings) = 'array')
);
alter table publishing.publication_items enable row level security;
alter table publishing.publication_items force row level security;
create index publication_items_tenant_id_publication_id_idx on publishing.publication_items (tenant_id, publication_id, order_index);
create index publication_items_tenant_id_touchpoint_id_idx on publishing.publication_items (tenant_id, touchpoint_id);

create table publishing.remote_objects (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  location_id uuid not null,
  journey_version_id uuid,
  touchpoint_id uuid,
  asset_kind publishing.asset_kind not null,
  token text not null,
  remote_id text,
  remote_name text,
  synced_hash text,
  create_sent_at timestamptz,
  synced_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint remote_objects_pkey primary key (tenant_id, id),
  constraint remote_objects_tenant_id_location_id_asset_kind_token_key unique (tenant_id, location_id, asset_kind, token),
  constraint remote_objects_tenant_id_location_id_asset_kind_remote_id_key unique (tenant_id, location_id, asset_kind, remote_id),
  constraint remote_objects_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint remote_objects_location_id_fkey foreign key (tenant_id, location_id) references publishing.locations (tenant_id, id) on delete cascade,
  constraint remote_objects_journey_version_id_fkey foreign key (tenant_id, journey_version_id)
    references journeys.journey_versions (tenant_id, id) on delete set null (journey_version_id),
  constraint remote_objects_touchpoint_id_fkey foreign key (tenant_id, touchpoint_id) references journeys.touchpoints (tenant_id, id) on delete set null (touchpoint_id),
  constraint remote_objects_synced_has_remote_id_check check (synced_hash is null or remote_id is not null)
);
alter table publishing.remote_objects enable row level security;
alter table publishing.remote_objects force row level security;
create index remote_objects_tenant_id_journey_version_id_idx on publishing.remote_objects (tenant_id, journey_version_id);
create index remote_objects_tenant_id_touchpoint_id_idx on publishing.remote_objects (tenant_id, touchpoint_id);

--! Included publishing/transitions.sql
-- A location is written to while it is active; the worker puts it aside, a person or the time brings it back.
select app_private.define_machine('location', $$
  -> active: admin, worker
  active -> paused: worker
  active -> needs_reauth: worker
  active -> blocked: worker
  paused -> active: admin, worker
  paused -> needs_reauth: worker
  paused -> blocked: worker
  needs_reauth -> active: admin, worker
  blocked -> active: admin, worker
$$);

-- A publication waits, runs, and ends in one of five ways; from four of them it can go on. A later one of the same journey puts it aside.
select app_private.define_machine('publication', $$
  -> queued: admin
  queued -> running: worker
  running -> synced: worker
  running -> partial: worker
  running -> blocked: worker
  running -> deferred: worker
  running -> failed: worker
  partial -> queued: admin, worker, owner
  blocked -> queued: admin, worker, owner
  deferred -> queued: admin, worker, owner
  failed -> queued: admin, worker, owner
  queued -> superseded: admin, worker
  running -> superseded: worker
  synced -> superseded: admin, worker
  partial -> superseded: admin, worker
  blocked -> superseded: admin, worker
  deferred -> superseded: admin, worker
  failed -> superseded: admin, worker
  synced -> unpublishing: admin
  partial -> unpublishing: admin
  unpublishing -> unpublished: worker
$$);

-- An item is intended before it is sent, and synced only when it was read back.
select app_private.define_machine('publication_item', $$
  -> pending: worker
  -> manual: worker
  -> blocked: worker
  pending -> intent: worker
  pending -> synced: worker
  pending -> rejected: worker
  pending -> unverified: worker
  pending -> remote_missing: worker
  pending -> conflict: worker
  pending -> blocked: worker
  pending -> unknown: worker
  intent -> pending: worker
  intent -> unknown: worker
  intent -> synced: worker
  intent -> unverified: worker
  intent -> rejected: worker
  intent -> remote_missing: worker
  intent -> conflict: worker
  intent -> blocked: worker
  unknown -> intent: worker
  unknown -> pending: worker
  unknown -> synced: worker
  unknown -> unverified: worker
  unknown -> rejected: worker
  unknown -> remote_missing: worker
  unknown -> blocked: worker
  synced -> drifted: worker
  synced -> remote_missing: worker
  unverified -> pending: admin, worker
  rejected -> pending: admin, worker
  conflict -> pending: admin, worker
  drifted -> pending: admin, worker
  remote_missing -> pending: admin, worker
  blocked -> pending: admin, worker
$$);
--! EndIncluded publishing/transitions.sql
--! Included publishing/installations.sql
-- One row, made with the database. Only definers, which run as the owner, may read it.
drop policy if exists select_owner on app_private.installations;
create policy select_owner on app_private.installations for select to :OWNER
  using (true);
drop policy if exists insert_owner on app_private.installations;
create policy insert_owner on app_private.installations for insert to :OWNER
  with check (true);
drop policy if exists update_owner on app_private.installations;
create policy update_owner on app_private.installations for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on app_private.installations;
create policy delete_owner on app_private.installations for delete to :OWNER
  using (true);

create or replace function publishing.installation_id() returns uuid
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$ select i.id from app_private.installations i $$;
comment on function publishing.installation_id() is
  'The id that keeps the tokens of two installations apart. Definer, because the table is private. For the worker.';
grant execute on function publishing.installation_id() to :WORKER;

comment on table app_private.installations is '@class private
Which installation this database is, in one row. Whoever publishes from a copy into the same location gives the copy another id first: update app_private.installations set id = gen_random_uuid().';
--! EndIncluded publishing/installations.sql
--! Included publishing/locations.sql
-- Locations of clients. Nobody writes them by hand: setting a token and publishing do.
drop policy if exists all_tenant on publishing.locations;
create policy all_tenant on publishing.locations as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on publishing.locations;
create policy select_owner on publishing.locations for select to :OWNER
  using (true);
drop policy if exists insert_owner on publishing.locations;
create policy insert_owner on publishing.locations for insert to :OWNER
  with check (true);
drop policy if exists update_owner on publishing.locations;
create policy update_owner on publishing.locations for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on publishing.locations;
create policy delete_owner on publishing.locations for delete to :OWNER
  using (true);
drop policy if exists select_viewer on publishing.locations;
create policy select_viewer on publishing.locations for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on publishing.locations;
create policy select_worker on publishing.locations for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on publishing.locations;
create policy insert_worker on publishing.locations for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on publishing.locations;
create policy update_worker on publishing.locations for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table publishing.locations to :VIEWER;
grant select, insert, update on table publishing.locations to :WORKER;

create or replace trigger _100_stamp_times before update on publishing.locations
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _300_check_birth before insert on publishing.locations
  for each row execute function app_private.tg__check_transition('location', 'status');
create or replace trigger _300_check_transition before update on publishing.locations
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('location', 'status');
create or replace trigger _700_audit_insert after insert on publishing.locations
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on publishing.locations
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on publishing.locations
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type publishing.location_status is 'Whether Landfall may write to a location.';
comment on table publishing.locations is '@class tenant
A client''s place in GoHighLevel, and whether Landfall may write there.';
comment on column publishing.locations.id is 'The row''s id, time-ordered.';
comment on column publishing.locations.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.locations.client_id is 'Whose location it is.';
comment on column publishing.locations.ghl_location_id is 'GoHighLevel''s own id of it.';
comment on column publishing.locations.status is 'active; paused until the day''s calls are given anew; needs_reauth where the token is refused; blocked where a scope, the location or the network is.';
comment on column publishing.locations.status_reason is 'What GoHighLevel said, and what to do about it.';
comment on column publishing.locations.paused_until is 'When a paused one goes on by itself.';
comment on column publishing.locations.token_set_at is 'When its private integration token was last set; null where it has none of its own.';
comment on column publishing.locations.created_at is 'When the row was made.';
comment on column publishing.locations.updated_at is 'When the row was last changed.';
comment on constraint locations_tenant_id_ghl_location_id_key on publishing.locations is 'This GoHighLevel location is known already; each belongs to one client.';
comment on constraint locations_tenant_id_fkey on publishing.locations is 'There is no such tenant.';
comment on constraint locations_client_id_fkey on publishing.locations is 'There is no such client.';
comment on constraint locations_ghl_location_id_check on publishing.locations is 'A location has an id that is not blank.';
comment on constraint locations_paused_has_end_check on publishing.locations is 'A paused location has a time at which it goes on.';
--! EndIncluded publishing/locations.sql
--! Included publishing/location_secrets.sql
-- Tokens, encrypted with a key that the database does not have. Only definers, which run as the owner, may touch them.
drop policy if exists select_owner on app_private.location_secrets;
create policy select_owner on app_private.location_secrets for select to :OWNER
  using (true);
drop policy if exists insert_owner on app_private.location_secrets;
create policy insert_owner on app_private.location_secrets for insert to :OWNER
  with check (true);
drop policy if exists update_owner on app_private.location_secrets;
create policy update_owner on app_private.location_secrets for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on app_private.location_secrets;
create policy delete_owner on app_private.location_secrets for delete to :OWNER
  using (true);

create or replace function publishing.location_token(location_id uuid) returns text
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select s.token_ciphertext
    from app_private.location_secrets s
    where s.tenant_id = app.current_tenant_id() and s.location_id = location_token.location_id
  $$;
comment on function publishing.location_token(uuid) is
  'The encrypted token of a location of this tenant, or null. Definer, because the table is private. For the worker, which has the key.';
grant execute on function publishing.location_token(uuid) to :WORKER;

comment on table app_private.location_secrets is '@class private
The private integration token of each location, encrypted by AES-256-GCM under a key from LANDFALL_SECRET_KEY and bound to its tenant and client.';
--! EndIncluded publishing/location_secrets.sql
--! Included publishing/queue_publication_job.sql
create or replace function app_private.tg_publications__queue_job() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if tg_op = 'UPDATE' and old.status = new.status then
      return null;
    end if;
    if app.current_import_batch_id() is not null then
      return null;
    end if;
    perform app_private.add_publication_job(new);
    return null;
  end
  $$;
comment on function app_private.tg_publications__queue_job() is
  'Wakes the worker for a publication in the transaction that queued it; silent under an import. Definer, because the queue is not for those who publish.';

create or replace function app_private.add_publication_job(publication publishing.publications) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select graphile_worker.add_job(
      'publishing/publish_journey',
      json_build_object('tenantId', publication.tenant_id, 'publicationId', publication.id),
      queue_name => 'publishing/' || coalesce(publication.location_id, publication.journey_id),
      job_key => 'publishing/publish_journey:' || publication.id,
      max_attempts => 10
    )
  $$;
comment on function app_private.add_publication_job(publishing.publications) is
  'One lane per location, so that two publications never write into one at once; one job per publication, however often it is woken. Definer, because the queue is the owner''s.';
--! EndIncluded publishing/queue_publication_job.sql
--! Included publishing/publications.sql
-- Publications. People start, retry and read them; the worker moves them.
drop policy if exists all_tenant on publishing.publications;
create policy all_tenant on publishing.publications as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on publishing.publications;
create policy select_owner on publishing.publications for select to :OWNER
  using (true);
drop policy if exists insert_owner on publishing.publications;
create policy insert_owner on publishing.publications for insert to :OWNER
  with check (true);
drop policy if exists update_owner on publishing.publications;
create policy update_owner on publishing.publications for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on publishing.publications;
create policy delete_owner on publishing.publications for delete to :OWNER
  using (true);
drop policy if exists select_viewer on publishing.publications;
create policy select_viewer on publishing.publications for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on publishing.publications;
create policy select_worker on publishing.publications for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on publishing.publications;
create policy insert_worker on publishing.publications for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on publishing.publications;
create policy update_worker on publishing.publications for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table publishing.publications to :VIEWER;
grant select, insert, update on table publishing.publications to :WORKER;

create or replace trigger _100_stamp_times before update on publishing.publications
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _300_check_birth before insert on publishing.publications
  for each row execute function app_private.tg__check_transition('publication', 'status');
create or replace trigger _300_check_transition before update on publishing.publications
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('publication', 'status');
create or replace trigger _900_queue_publication_job after insert or update of status on publishing.publications
  for each row when (new.status = 'queued') execute function app_private.tg_publications__queue_job();
create or replace trigger _700_audit_insert after insert on publishing.publications
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on publishing.publications
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on publishing.publications
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type publishing.publication_status is 'How far a publication is, or how it ended.';
comment on table publishing.publications is '@class tenant
One approved version of a journey on its way into GoHighLevel, and how far it has come.';
comment on column publishing.publications.id is 'The row''s id, time-ordered.';
comment on column publishing.publications.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.publications.journey_id is 'The journey.';
comment on column publishing.publications.journey_version_id is 'The version that is published: what was approved, whatever the rows say now.';
comment on column publishing.publications.location_id is 'Where to; null while the client has no location.';
comment on column publishing.publications.requester_id is 'Who published it.';
comment on column publishing.publications.status is 'Where it stands; synced means that everything was read back.';
comment on column publishing.publications.run_count is 'How often the worker took it up.';
comment on column publishing.publications.items_total is 'How many things it consists of.';
comment on column publishing.publications.items_synced is 'How many of them GoHighLevel holds as approved.';
comment on column publishing.publications.items_manual is 'How many a person has to set up there.';
comment on column publishing.publications.items_failed is 'How many need somebody to look.';
comment on column publishing.publications.last_error is 'Why it is not synced, and what to do.';
comment on column publishing.publications.run_after is 'When a deferred one goes on by itself.';
comment on column publishing.publications.lease_token is '@behavior -*
Which run may write; a run that lost it commits nothing.';
comment on column publishing.publications.lease_expires_at is '@behavior -*
When a run that says nothing more counts as dead.';
comment on column publishing.publications.started_at is 'When the worker first took it up.';
comment on column publishing.publications.finished_at is 'When it last came to an end.';
comment on column publishing.publications.created_at is 'When the row was made.';
comment on column publishing.publications.updated_at is 'When the row was last changed.';
comment on constraint publications_tenant_id_fkey on publishing.publications is 'There is no such tenant.';
comment on constraint publications_journey_id_fkey on publishing.publications is 'There is no such journey.';
comment on constraint publications_journey_version_id_fkey on publishing.publications is 'There is no such version of this journey.';
comment on constraint publications_location_id_fkey on publishing.publications is 'There is no such location.';
comment on constraint publications_requester_id_fkey on publishing.publications is 'There is no such person.';
comment on constraint publications_running_has_lease_check on publishing.publications is 'A running publication has a lease, and no other has.';
comment on constraint publications_deferred_has_time_check on publishing.publications is 'A deferred publication has a time at which it goes on.';
comment on constraint publications_counts_check on publishing.publications is 'Counts are 0 or more.';
comment on index publishing.publications_tenant_id_location_id_running_key is 'Another publication is being written to this location; this one goes on when it has ended.';
--! EndIncluded publishing/publications.sql
--! Included publishing/publication_items.sql
-- Items of a publication, written by the worker alone.
drop policy if exists all_tenant on publishing.publication_items;
create policy all_tenant on publishing.publication_items as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on publishing.publication_items;
create policy select_owner on publishing.publication_items for select to :OWNER
  using (true);
drop policy if exists insert_owner on publishing.publication_items;
create policy insert_owner on publishing.publication_items for insert to :OWNER
  with check (true);
drop policy if exists update_owner on publishing.publication_items;
create policy update_owner on publishing.publication_items for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on publishing.publication_items;
create policy delete_owner on publishing.publication_items for delete to :OWNER
  using (true);
drop policy if exists select_viewer on publishing.publication_items;
create policy select_viewer on publishing.publication_items for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on publishing.publication_items;
create policy select_worker on publishing.publication_items for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on publishing.publication_items;
create policy insert_worker on publishing.publication_items for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on publishing.publication_items;
create policy update_worker on publishing.publication_items for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table publishing.publication_items to :VIEWER;
grant select, insert, update on table publishing.publication_items to :WORKER;

create or replace trigger _100_stamp_times before update on publishing.publication_items
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _300_check_birth before insert on publishing.publication_items
  for each row execute function app_private.tg__check_transition('publication_item', 'status');
create or replace trigger _300_check_transition before update on publishing.publication_items
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('publication_item', 'status');
create or replace trigger _700_audit_insert after insert on publishing.publication_items
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on publishing.publication_items
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on publishing.publication_items
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type publishing.asset_kind is 'What a thing is in GoHighLevel; manual for what its API cannot make.';
comment on type publishing.item_status is 'How far one thing of a publication is.';
comment on table publishing.publication_items is '@class tenant
One thing of a publication: a folder, a template, a custom value, or a step that a person sets up.';
comment on column publishing.publication_items.id is 'The row''s id, time-ordered.';
comment on column publishing.publication_items.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.publication_items.publication_id is 'The publication it belongs to.';
comment on column publishing.publication_items.touchpoint_id is 'The touchpoint it carries; null for the folder, and where the touchpoint has been deleted since.';
comment on column publishing.publication_items.asset_kind is 'What it is in GoHighLevel; manual for what its API cannot make.';
comment on column publishing.publication_items.order_index is 'The touchpoint''s place in the journey; null for the folder.';
comment on column publishing.publication_items.name is 'The touchpoint''s name, or the journey''s for the folder.';
comment on column publishing.publication_items.token is 'The word in its name by which it is found again in GoHighLevel.';
comment on column publishing.publication_items.remote_id is 'Its id in GoHighLevel.';
comment on column publishing.publication_items.remote_name is 'Its name there.';
comment on column publishing.publication_items.desired_hash is 'SHA-256 of what was approved and is sent.';
comment on column publishing.publication_items.synced_hash is 'SHA-256 of what was last read back.';
comment on column publishing.publication_items.findings is 'What a person should know about the text, an array of {kind, detail}.';
comment on column publishing.publication_items.status is 'Where it stands: intent before a call, unknown where its reply was lost, synced once read back.';
comment on column publishing.publication_items.attempts is 'Calls that failed for a reason that counts.';
comment on column publishing.publication_items.last_error is 'What GoHighLevel said, and what to do.';
comment on column publishing.publication_items.error_class is 'The kind of failure.';
comment on column publishing.publication_items.trace_id is 'GoHighLevel''s id of the last call, for its support.';
comment on column publishing.publication_items.retry_at is 'When it is tried again by itself.';
comment on column publishing.publication_items.synced_at is 'When it was read back as approved.';
comment on column publishing.publication_items.created_at is 'When the row was made.';
comment on column publishing.publication_items.updated_at is 'When the row was last changed.';
comment on constraint publication_items_tenant_id_publication_id_token_key on publishing.publication_items is 'A publication has each thing once.';
comment on constraint publication_items_tenant_id_fkey on publishing.publication_items is 'There is no such tenant.';
comment on constraint publication_items_publication_id_fkey on publishing.publication_items is 'There is no such publication.';
comment on constraint publication_items_touchpoint_id_fkey on publishing.publication_items is 'There is no such touchpoint.';
comment on constraint publication_items_synced_has_hash_check on publishing.publication_items is 'What is synced was read back as it was approved.';
comment on constraint publication_items_attempts_check on publishing.publication_items is 'Attempts are 0 or more.';
comment on constraint publication_items_findings_check on publishing.publication_items is 'Findings are a JSON array.';
--! EndIncluded publishing/publication_items.sql
--! Included publishing/remote_objects.sql
-- What in GoHighLevel is ours. Rows are added and kept, also when the version they came from is gone.
drop policy if exists all_tenant on publishing.remote_objects;
create policy all_tenant on publishing.remote_objects as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on publishing.remote_objects;
create policy select_owner on publishing.remote_objects for select to :OWNER
  using (true);
drop policy if exists insert_owner on publishing.remote_objects;
create policy insert_owner on publishing.remote_objects for insert to :OWNER
  with check (true);
drop policy if exists update_owner on publishing.remote_objects;
create policy update_owner on publishing.remote_objects for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on publishing.remote_objects;
create policy delete_owner on publishing.remote_objects for delete to :OWNER
  using (true);
drop policy if exists select_viewer on publishing.remote_objects;
create policy select_viewer on publishing.remote_objects for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on publishing.remote_objects;
create policy select_worker on publishing.remote_objects for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on publishing.remote_objects;
create policy insert_worker on publishing.remote_objects for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on publishing.remote_objects;
create policy update_worker on publishing.remote_objects for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table publishing.remote_objects to :VIEWER;
grant select, insert, update on table publishing.remote_objects to :WORKER;

create or replace trigger _100_stamp_times before update on publishing.remote_objects
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _700_audit_insert after insert on publishing.remote_objects
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on publishing.remote_objects
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on publishing.remote_objects
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table publishing.remote_objects is '@class tenant
An object in GoHighLevel that Landfall made or adopted, and the approved version that it holds.';
comment on column publishing.remote_objects.id is 'The row''s id, time-ordered.';
comment on column publishing.remote_objects.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.remote_objects.location_id is 'The location that holds it.';
comment on column publishing.remote_objects.journey_version_id is 'The approved version whose text it holds.';
comment on column publishing.remote_objects.touchpoint_id is 'The touchpoint that it carries.';
comment on column publishing.remote_objects.asset_kind is 'What it is.';
comment on column publishing.remote_objects.token is 'The word in its name by which it is found again.';
comment on column publishing.remote_objects.remote_id is 'Its id in GoHighLevel; null until known, and once it was deleted there.';
comment on column publishing.remote_objects.remote_name is 'Its name there; a custom value keeps its first one.';
comment on column publishing.remote_objects.synced_hash is 'SHA-256 of what it was last read back to hold.';
comment on column publishing.remote_objects.create_sent_at is 'When the call that makes it was last sent without its reply being known.';
comment on column publishing.remote_objects.synced_at is 'When it was last read back as approved.';
comment on column publishing.remote_objects.created_at is 'When the row was made.';
comment on column publishing.remote_objects.updated_at is 'When the row was last changed.';
comment on constraint remote_objects_tenant_id_location_id_asset_kind_token_key on publishing.remote_objects is 'This thing is known in the location already.';
comment on constraint remote_objects_tenant_id_location_id_asset_kind_remote_id_key on publishing.remote_objects is 'This object of GoHighLevel is bound to another thing already.';
comment on constraint remote_objects_tenant_id_fkey on publishing.remote_objects is 'There is no such tenant.';
comment on constraint remote_objects_location_id_fkey on publishing.remote_objects is 'There is no such location.';
comment on constraint remote_objects_journey_version_id_fkey on publishing.remote_objects is 'There is no such version.';
comment on constraint remote_objects_touchpoint_id_fkey on publishing.remote_objects is 'There is no such touchpoint.';
comment on constraint remote_objects_synced_has_remote_id_check on publishing.remote_objects is 'What was read back has an id in GoHighLevel.';
--! EndIncluded publishing/remote_objects.sql
--! Included publishing/queue_publication.sql
create or replace function app_private.queue_publication(tenant_id uuid, journey_id uuid, journey_version_id uuid)
  returns publishing.publications
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    client journeys.clients;
    place publishing.locations;
    publication publishing.publications;
  begin
    select c.* into strict client
    from journeys.journeys j
    join journeys.clients c on c.tenant_id = j.tenant_id and c.id = j.client_id
    where j.tenant_id = queue_publication.tenant_id and j.id = queue_publication.journey_id;

    place := app_private.know_location(client);

    -- What has not reached GoHighLevel yet is not sent any more. A run that is under way sees this one and ends by itself.
    update publishing.publications p
    set status = 'superseded', finished_at = now()
    where p.tenant_id = queue_publication.tenant_id
      and p.journey_id = queue_publication.journey_id
      and p.status in ('queued', 'partial', 'blocked', 'deferred', 'failed');

    insert into publishing.publications (tenant_id, journey_id, journey_version_id, location_id, requester_id)
    values (
      queue_publication.tenant_id, queue_publication.journey_id, queue_publication.journey_version_id, place.id, app.current_user_id()
    )
    returning * into publication;
    return publication;
  end
  $$;
comment on function app_private.queue_publication(uuid, uuid, uuid) is
  'Puts a version of a journey on its way and earlier unfinished ones aside. Definer, because publications are written by machines. The job comes by a trigger, in the same transaction.';

create or replace function app_private.know_location(client journeys.clients) returns publishing.locations
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    place publishing.locations;
  begin
    if client.ghl_location_id is null then
      return null;
    end if;
    insert into publishing.locations (tenant_id, client_id, ghl_location_id)
    values (client.tenant_id, client.id, client.ghl_location_id)
    on conflict (tenant_id, ghl_location_id) do nothing;
    select l.* into strict place
    from publishing.locations l
    where l.tenant_id = client.tenant_id and l.ghl_location_id = client.ghl_location_id
    for update;
    if place.client_id <> client.id then
      -- The location changed hands; the token was the other client's.
      delete from app_private.location_secrets s where s.tenant_id = place.tenant_id and s.location_id = place.id;
      update publishing.locations l
      set client_id = client.id, token_set_at = null
      where l.tenant_id = place.tenant_id and l.id = place.id
      returning l.* into place;
    end if;
    return place;
  end
  $$;
comment on function app_private.know_location(journeys.clients) is
  'The location row of a client, made where it is missing; null where the client has none. Definer, because locations are written by machines.';
--! EndIncluded publishing/queue_publication.sql
--! Included journeys/publish_journey.sql
create or replace function journeys.publish_journey(journey_id uuid, version integer default null) returns publishing.publications
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    journey journeys.journeys;
    client journeys.clients;
    approved_version_id uuid;
  begin
    perform app_private.require_role('publish a journey', 'admin');
    journey := app_private.lock_journey('publish a journey', journey_id, version);
    if journey.status <> 'approved' then
      perform app_private.raise_error('LF003', 'journey', journey.status::text, 'published',
        coalesce(nullif(array_to_string(app.allowed_transitions('journey', journey.status::text), ', '), ''), 'nothing'));
    end if;
    select * into client from journeys.clients c where c.tenant_id = journey.tenant_id and c.id = journey.client_id;
    if client.ghl_location_id is null then
      perform app_private.raise_error('LF106', client.name);
    end if;
    select a.journey_version_id into approved_version_id
    from journeys.approvals a
    join journeys.journey_versions v on v.tenant_id = a.tenant_id and v.id = a.journey_version_id
    where a.tenant_id = journey.tenant_id and a.journey_id = journey.id and a.status = 'approved'
    order by v.version desc
    limit 1;
    if not found then
      perform app_private.raise_error('LF108', journey.name);
    end if;
    update journeys.journeys j set status = 'published', published_at = now() where j.tenant_id = journey.tenant_id and j.id = journey.id;
    return app_private.queue_publication(journey.tenant_id, journey.id, approved_version_id);
  end
  $$;
comment on function journeys.publish_journey(uuid, integer) is
  'Publishes the approved version of a journey: never the rows as they stand now. How it goes is on the publication. Definer, because statuses and publications are written by mutations alone.';
grant execute on function journeys.publish_journey(uuid, integer) to :ADMIN;
--! EndIncluded journeys/publish_journey.sql
--! Included publishing/retry_publication.sql
create or replace function publishing.retry_publication(publication_id uuid) returns publishing.publications
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    publication publishing.publications;
    client journeys.clients;
    place publishing.locations;
  begin
    perform app_private.require_role('retry a publication', 'admin');
    select p.* into publication
    from publishing.publications p
    where p.tenant_id = tenant and p.id = retry_publication.publication_id
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'publication', retry_publication.publication_id::text);
    end if;
    select c.* into strict client
    from journeys.journeys j
    join journeys.clients c on c.tenant_id = j.tenant_id and c.id = j.client_id
    where j.tenant_id = tenant and j.id = publication.journey_id;
    place := app_private.know_location(client);

    -- Asking again is a person's word that the location may be tried again.
    update publishing.locations l
    set status = 'active', status_reason = null, paused_until = null
    where l.tenant_id = tenant and l.id = place.id and l.status in ('needs_reauth', 'blocked');

    update publishing.publication_items i
    set
      status = case when i.status in ('unverified', 'rejected', 'conflict', 'drifted', 'remote_missing', 'blocked') then 'pending' else i.status end,
      attempts = 0,
      retry_at = null
    where i.tenant_id = tenant and i.publication_id = publication.id and i.status not in ('synced', 'manual');

    update publishing.publications p
    set status = 'queued', location_id = coalesce(p.location_id, place.id), run_after = null, finished_at = null
    where p.tenant_id = tenant and p.id = publication.id
    returning p.* into publication;
    return publication;
  end
  $$;
comment on function publishing.retry_publication(uuid) is
  'Tries the items of a publication that are not synced again, at once. Definer, because publications are written by machines. For admins.';
grant execute on function publishing.retry_publication(uuid) to :ADMIN;
--! EndIncluded publishing/retry_publication.sql
--! Included publishing/resume_publications.sql
create or replace function publishing.resume_publications(patience interval default '1 minute') returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    publication publishing.publications;
    resumed integer := 0;
  begin
    for publication in
      select p.*
      from publishing.publications p
      where (p.status = 'deferred' and p.run_after <= now())
        or (p.status = 'running' and p.lease_expires_at < now())
        or (p.status = 'queued' and p.updated_at < now() - patience)
      order by p.updated_at
      limit 500
      for update skip locked
    loop
      if publication.status = 'deferred' then
        -- The trigger wakes the worker.
        update publishing.publications p set status = 'queued'
        where p.tenant_id = publication.tenant_id and p.id = publication.id;
      else
        perform app_private.add_publication_job(publication);
      end if;
      resumed := resumed + 1;
    end loop;
    return resumed;
  end
  $$;
comment on function publishing.resume_publications(interval) is
  'Wakes the worker for what is due or was left behind by a dead one, in every tenant, and says how many. Definer, because the worker sees one tenant at a time. For the worker, every minute.';
grant execute on function publishing.resume_publications(interval) to :WORKER;
--! EndIncluded publishing/resume_publications.sql
--! Included publishing/set_location_token.sql
create or replace function app.set_location_token(client_id uuid, token_ciphertext text) returns publishing.locations
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    client journeys.clients;
    place publishing.locations;
  begin
    perform app_private.require_role('set a location''s token', 'admin');
    select c.* into client from journeys.clients c where c.tenant_id = tenant and c.id = set_location_token.client_id;
    if not found then
      perform app_private.raise_error('LF006', 'client', set_location_token.client_id::text);
    end if;
    -- Refused here and not by the constraint, whose message would repeat what was given.
    if token_ciphertext !~ '^v1:[A-Za-z0-9+/]{40,}={0,2}$' then
      perform app_private.raise_error('LF009', 'The token is not encrypted.', 'Set it with the mutation setLocationToken, which encrypts it.');
    end if;
    place := app_private.know_location(client);
    if place.id is null then
      perform app_private.raise_error('LF106', client.name);
    end if;

    insert into app_private.location_secrets as s (tenant_id, location_id, token_ciphertext)
    values (tenant, place.id, set_location_token.token_ciphertext)
    on conflict (tenant_id, location_id) do update set token_ciphertext = excluded.token_ciphertext, updated_at = now();

    update publishing.locations l
    set token_set_at = now(), status = 'active', status_reason = null, paused_until = null
    where l.tenant_id = tenant and l.id = place.id
    returning l.* into place;

    -- What waited for a token goes on by itself.
    update publishing.publications p
    set status = 'queued', location_id = place.id, run_after = null, finished_at = null
    from journeys.journeys j
    where p.tenant_id = tenant
      and p.status = 'blocked'
      and j.tenant_id = tenant and j.id = p.journey_id and j.client_id = client.id
      and (p.location_id is null or p.location_id = place.id);
    return place;
  end
  $$;
comment on function app.set_location_token(uuid, text) is
  'Keeps the encrypted private integration token of a client''s location, and lets what waited for it go on. The API encrypts it before it comes here. Definer, because secrets are private. For admins.';
grant execute on function app.set_location_token(uuid, text) to :ADMIN;
--! EndIncluded publishing/set_location_token.sql

insert into app_private.installations default values;
