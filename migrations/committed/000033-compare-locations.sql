--! Previous: sha1:b86266cf236ff216d50e170d1c172cfb4494d8af
--! Hash: sha1:d7b449497a7079dff7ef1f06b8e7894b3137174f
--! Message: compare locations

-- What we have in a location is compared with what was approved, every night and on demand; what differs waits for a person.
set local lock_timeout = '3s';

create type publishing.reconciliation_status as enum ('queued', 'running', 'completed', 'deferred', 'failed');
create type publishing.finding_kind as enum ('drifted', 'missing', 'orphaned', 'duplicated');
create type publishing.finding_status as enum ('open', 'accepted', 'pushed', 'forgotten', 'settled');
grant usage on type publishing.reconciliation_status, publishing.finding_kind, publishing.finding_status to public;

alter table publishing.remote_objects
  add column remote_hash text,
  add column remote_updated_at timestamptz,
  add column forgotten_at timestamptz;

create table publishing.reconciliations (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  location_id uuid not null,
  requester_id uuid,
  status publishing.reconciliation_status not null default 'queued',
  objects_total integer not null default 0,
  drifted_total integer not null default 0,
  missing_total integer not null default 0,
  orphaned_total integer not null default 0,
  duplicated_total integer not null default 0,
  last_error text,
  run_after timestamptz,
  lease_token uuid,
  lease_expires_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint reconciliations_pkey primary key (tenant_id, id),
  constraint reconciliations_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint reconciliations_location_id_fkey foreign key (tenant_id, location_id) references publishing.locations (tenant_id, id) on delete cascade,
  constraint reconciliations_requester_id_fkey foreign key (requester_id) references tenancy.users (id),
  constraint reconciliations_running_has_lease_check check (
    (status = 'running') = (lease_token is not null) and (lease_token is null) = (lease_expires_at is null)
  ),
  constraint reconciliations_counts_check check (
    least(objects_total, drifted_total, missing_total, orphaned_total, duplicated_total) >= 0
  )
);
alter table publishing.reconciliations enable row level security;
alter table publishing.reconciliations force row level security;
create index reconciliations_tenant_id_location_id_created_at_idx on publishing.reconciliations (tenant_id, location_id, created_at desc);
create index reconciliations_tenant_id_requester_id_idx on publishing.reconciliations (tenant_id, requester_id);
create index reconciliations_requester_id_idx on publishing.reconciliations (requester_id);
create unique index reconciliations_tenant_id_location_id_open_key on publishing.reconciliations (tenant_id, location_id)
  where status in ('queued', 'running', 'deferred');
-- What the minute's sweep looks for, across tenants.
create index reconciliations_unfinished_idx on publishing.reconciliations (status, updated_at) where status in ('queued', 'running', 'deferred');

create table publishing.remote_findings (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  location_id uuid not null,
  reconciliation_id uuid,
  remote_object_id uuid,
  touchpoint_id uuid,
  decider_id uuid,
  kind publishing.finding_kind not null,
  asset_kind publishing.asset_kind not null,
  token text not null,
  remote_id text not null,
  remote_name text,
  differences jsonb not null default '[]',
  status publishing.finding_status not null default 'open',
  decided_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint remote_findings_pkey primary key (tenant_id, id),
  constraint remote_findings_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint remote_findings_location_id_fkey foreign key (tenant_id, location_id) references publishing.locations (tenant_id, id) on delete cascade,
  constraint remote_findings_reconciliation_id_fkey foreign key (tenant_id, reconciliation_id)
    references publishing.reconciliations (tenant_id, id) on delete set null (reconciliation_id),
  constraint remote_findings_remote_object_id_fkey foreign key (tenant_id, remote_object_id)
    references publishing.remote_objects (tenant_id, id) on delete cascade,
  constraint remote_findings_touchpoint_id_fkey foreign key (tenant_id, touchpoint_id)
    references journeys.touchpoints (tenant_id, id) on delete set null (touchpoint_id),
  constraint remote_findings_decider_id_fkey foreign key (decider_id) references tenancy.users (id),
  constraint remote_findings_differences_check check (jsonb_typeof(differences) = 'array'),
  constraint remote_findings_decided_has_time_check check (status = 'open' or decided_at is not null)
);
alter table publishing.remote_findings enable row level security;
alter table publishing.remote_findings force row level security;
create index remote_findings_tenant_id_location_id_created_at_idx on publishing.remote_findings (tenant_id, location_id, created_at desc);
create index remote_findings_tenant_id_reconciliation_id_idx on publishing.remote_findings (tenant_id, reconciliation_id);
create index remote_findings_tenant_id_remote_object_id_idx on publishing.remote_findings (tenant_id, remote_object_id);
create index remote_findings_tenant_id_touchpoint_id_idx on publishing.remote_findings (tenant_id, touchpoint_id);
create index remote_findings_tenant_id_decider_id_idx on publishing.remote_findings (tenant_id, decider_id);
create index remote_findings_decider_id_idx on publishing.remote_findings (decider_id);
create unique index remote_findings_open_key on publishing.remote_findings (tenant_id, location_id, kind, remote_id, token) where status = 'open';

--! Included publishing/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF301', 'nothing_published', 409, 'Nothing of %s is in GoHighLevel, or on its way there.', 'Publish it first.'),
  ('LF302', 'template_not_approved', 409, 'The template "%s" is %s.', 'Only an approved template goes to GoHighLevel: approve it first.'),
  ('LF303', 'template_without_client', 400, 'The template "%s" belongs to no client, so there is no location to bring it to.', 'Name the client: syncTemplate takes clientId.'),
  ('LF304', 'unreadable_version', 409, '%s', 'Mend what the message names and submit the journey again.'),
  ('LF305', 'finding_decided', 409, 'This finding is %s already.', 'Compare the location again to see what is there now.'),
  ('LF306', 'finding_does_not_suit', 400, 'This finding is %s, and that can only be done with one that is: %s.', 'Choose another of acceptRemote, pushAgain and forgetRemote.'),
  ('LF307', 'finding_without_touchpoint', 409, 'The object belongs to no touchpoint, so there is nothing to take its text over into.', 'Push it again, or forget it.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded publishing/errors.sql
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

-- A publication waits, runs, and ends in one of five ways; from each it can go on. A later one of the same journey puts it aside;
-- a long one lets others go first; and from everywhere but its end it can be taken back.
select app_private.define_machine('publication', $$
  -> queued: admin
  queued -> running: worker
  running -> synced: worker
  running -> partial: worker
  running -> blocked: worker
  running -> deferred: worker
  running -> failed: worker
  running -> queued: worker
  partial -> queued: admin, worker, owner
  blocked -> queued: admin, worker, owner
  deferred -> queued: admin, worker, owner
  failed -> queued: admin, worker, owner
  queued -> superseded: admin, worker
  running -> superseded: worker
  synced -> queued: admin
  synced -> superseded: admin, worker
  partial -> superseded: admin, worker
  blocked -> superseded: admin, worker
  deferred -> superseded: admin, worker
  failed -> superseded: admin, worker
  queued -> unpublishing: admin
  running -> unpublishing: admin
  blocked -> unpublishing: admin
  deferred -> unpublishing: admin
  failed -> unpublishing: admin
  synced -> unpublishing: admin
  partial -> unpublishing: admin
  unpublishing -> unpublished: worker
  unpublishing -> superseded: admin, worker
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
  drifted -> synced: worker
  remote_missing -> pending: admin, worker
  remote_missing -> synced: worker
  blocked -> pending: admin, worker
$$);
--! EndIncluded publishing/transitions.sql
--! Included publishing/reconciliation_transitions.sql
-- A comparison waits, runs and ends; a finding is open until a person decides or it is over by itself.
select app_private.define_machine('reconciliation', $$
  -> queued: admin, worker
  queued -> running: worker
  running -> completed: worker
  running -> deferred: worker
  running -> failed: worker
  deferred -> queued: admin, worker
$$);

select app_private.define_machine('remote_finding', $$
  -> open: worker
  open -> accepted: editor, admin
  open -> pushed: admin
  open -> forgotten: admin
  open -> settled: worker
$$);
--! EndIncluded publishing/reconciliation_transitions.sql
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
comment on column publishing.remote_objects.remote_hash is 'SHA-256 of everything that was read back, as GoHighLevel holds it: what differs from it later was changed there.';
comment on column publishing.remote_objects.remote_updated_at is 'When it was last changed there, as GoHighLevel said when it was read back.';
comment on column publishing.remote_objects.forgotten_at is 'When a person said that it is not ours any more; it is compared again once it is published again.';
comment on column publishing.remote_objects.archived_at is 'When it was put away there; null while it is in use.';
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
--! Included publishing/reconcile_location.sql
create or replace function app_private.tg_reconciliations__queue_job() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if tg_op = 'UPDATE' and old.status = new.status then
      return null;
    end if;
    perform graphile_worker.add_job(
      'publishing/reconcile_location',
      json_build_object('tenantId', new.tenant_id, 'reconciliationId', new.id),
      queue_name => 'publishing/' || new.location_id,
      job_key => 'publishing/reconcile_location:' || new.id,
      max_attempts => 10
    );
    return null;
  end
  $$;
comment on function app_private.tg_reconciliations__queue_job() is
  'Wakes the worker for a comparison, in the lane of the location, so that nothing is published there meanwhile. Definer, because the queue is not for those who ask.';

create or replace function publishing.reconcile_location(client_id uuid) returns publishing.reconciliations
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    client journeys.clients;
    place publishing.locations;
    reconciliation publishing.reconciliations;
  begin
    perform app_private.require_role('compare a location', 'admin');
    select c.* into client from journeys.clients c where c.tenant_id = tenant and c.id = reconcile_location.client_id;
    if not found then
      perform app_private.raise_error('LF006', 'client', reconcile_location.client_id::text);
    end if;
    place := app_private.know_location(client);
    if place.id is null then
      perform app_private.raise_error('LF106', client.name);
    end if;
    -- know_location holds the location's row, so two who ask at once come one after the other.
    select r.* into reconciliation
    from publishing.reconciliations r
    where r.tenant_id = tenant and r.location_id = place.id and r.status in ('queued', 'running', 'deferred');
    if not found then
      insert into publishing.reconciliations (tenant_id, location_id, requester_id)
      values (tenant, place.id, app.current_user_id())
      returning * into reconciliation;
    end if;
    return reconciliation;
  end
  $$;
comment on function publishing.reconcile_location(uuid) is
  'Compares all that we have in a client''s location with what was approved: what differs is shown as findings, and nothing is changed there. Definer, because comparisons are written by machines. For admins.';
grant execute on function publishing.reconcile_location(uuid) to :ADMIN;

create or replace function app_private.queue_reconciliations() returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    queued integer;
  begin
    insert into publishing.reconciliations (tenant_id, location_id)
    select l.tenant_id, l.id
    from publishing.locations l
    where l.status in ('active', 'paused')
      and exists (
        select from publishing.remote_objects o
        where o.tenant_id = l.tenant_id and o.location_id = l.id and o.remote_id is not null and o.forgotten_at is null
      )
      and not exists (
        select from publishing.reconciliations r
        where r.tenant_id = l.tenant_id and r.location_id = l.id and r.status in ('queued', 'running', 'deferred')
      );
    get diagnostics queued = row_count;
    return queued;
  end
  $$;
comment on function app_private.queue_reconciliations() is
  'Has every location compared that holds something of ours, and says how many. Definer, because the worker sees one tenant at a time. For the worker, every night.';
revoke all on function app_private.queue_reconciliations() from public;
grant execute on function app_private.queue_reconciliations() to :WORKER;

create or replace function app_private.resume_reconciliations(patience interval default '1 minute') returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    resumed integer;
  begin
    update publishing.reconciliations r
    set status = 'queued', run_after = null
    where r.status = 'deferred' and r.run_after <= now();
    get diagnostics resumed = row_count;
    -- A dead one's lease ends; its job, if it is lost, is made again.
    perform graphile_worker.add_job(
      'publishing/reconcile_location',
      json_build_object('tenantId', r.tenant_id, 'reconciliationId', r.id),
      queue_name => 'publishing/' || r.location_id,
      job_key => 'publishing/reconcile_location:' || r.id,
      max_attempts => 10
    )
    from publishing.reconciliations r
    where (r.status = 'running' and r.lease_expires_at < now()) or (r.status = 'queued' and r.updated_at < now() - patience);
    return resumed;
  end
  $$;
comment on function app_private.resume_reconciliations(interval) is
  'Wakes the worker for comparisons that are due or were left behind, in every tenant, and says how many were due. Definer, because the worker sees one tenant at a time. For the worker, every minute.';
revoke all on function app_private.resume_reconciliations(interval) from public;
grant execute on function app_private.resume_reconciliations(interval) to :WORKER;
--! EndIncluded publishing/reconcile_location.sql
--! Included publishing/reconciliations.sql
-- Comparisons of a location with what we know of it. People ask for them and the night does; the worker makes them.
drop policy if exists all_tenant on publishing.reconciliations;
create policy all_tenant on publishing.reconciliations as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on publishing.reconciliations;
create policy select_owner on publishing.reconciliations for select to :OWNER
  using (true);
drop policy if exists insert_owner on publishing.reconciliations;
create policy insert_owner on publishing.reconciliations for insert to :OWNER
  with check (true);
drop policy if exists update_owner on publishing.reconciliations;
create policy update_owner on publishing.reconciliations for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on publishing.reconciliations;
create policy delete_owner on publishing.reconciliations for delete to :OWNER
  using (true);
drop policy if exists select_viewer on publishing.reconciliations;
create policy select_viewer on publishing.reconciliations for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on publishing.reconciliations;
create policy select_worker on publishing.reconciliations for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on publishing.reconciliations;
create policy insert_worker on publishing.reconciliations for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on publishing.reconciliations;
create policy update_worker on publishing.reconciliations for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table publishing.reconciliations to :VIEWER;
grant select, insert, update on table publishing.reconciliations to :WORKER;

create or replace trigger _100_stamp_times before update on publishing.reconciliations
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _300_check_birth before insert on publishing.reconciliations
  for each row execute function app_private.tg__check_transition('reconciliation', 'status');
create or replace trigger _300_check_transition before update on publishing.reconciliations
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('reconciliation', 'status');
create or replace trigger _700_audit_insert after insert on publishing.reconciliations
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on publishing.reconciliations
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on publishing.reconciliations
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

create or replace trigger _900_queue_reconciliation_job after insert or update of status on publishing.reconciliations
  for each row when (new.status = 'queued') execute function app_private.tg_reconciliations__queue_job();

comment on type publishing.reconciliation_status is 'How far a comparison is, or how it ended.';
comment on table publishing.reconciliations is '@class tenant
A comparison of what GoHighLevel holds in a location with what was approved and read back.';
comment on column publishing.reconciliations.id is 'The row''s id, time-ordered.';
comment on column publishing.reconciliations.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.reconciliations.location_id is 'The location that is compared.';
comment on column publishing.reconciliations.requester_id is 'Who asked for it; null for the nights.';
comment on column publishing.reconciliations.status is 'Where it stands.';
comment on column publishing.reconciliations.objects_total is 'How many objects of ours were compared.';
comment on column publishing.reconciliations.drifted_total is 'How many of them hold something else.';
comment on column publishing.reconciliations.missing_total is 'How many of them are gone.';
comment on column publishing.reconciliations.orphaned_total is 'How many objects bear a token that is not known here.';
comment on column publishing.reconciliations.duplicated_total is 'How many bear a token that another object of ours has.';
comment on column publishing.reconciliations.last_error is 'Why it is not done, and what to do.';
comment on column publishing.reconciliations.run_after is 'When a deferred one goes on by itself.';
comment on column publishing.reconciliations.lease_token is '@behavior -*
Which run may write.';
comment on column publishing.reconciliations.lease_expires_at is '@behavior -*
When a run that says nothing more counts as dead.';
comment on column publishing.reconciliations.started_at is 'When the worker took it up.';
comment on column publishing.reconciliations.finished_at is 'When it came to an end.';
comment on column publishing.reconciliations.created_at is 'When the row was made.';
comment on column publishing.reconciliations.updated_at is 'When the row was last changed.';
comment on constraint reconciliations_tenant_id_fkey on publishing.reconciliations is 'There is no such tenant.';
comment on constraint reconciliations_location_id_fkey on publishing.reconciliations is 'There is no such location.';
comment on constraint reconciliations_requester_id_fkey on publishing.reconciliations is 'There is no such person.';
comment on constraint reconciliations_running_has_lease_check on publishing.reconciliations is 'A running comparison has a lease, and no other has.';
comment on constraint reconciliations_counts_check on publishing.reconciliations is 'Counts are 0 or more.';
comment on index publishing.reconciliations_tenant_id_location_id_open_key is 'This location is being compared already.';
--! EndIncluded publishing/reconciliations.sql
--! Included publishing/remote_findings.sql
-- What a comparison found. A person decides what becomes of it; the worker only notes that it is over.
drop policy if exists all_tenant on publishing.remote_findings;
create policy all_tenant on publishing.remote_findings as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on publishing.remote_findings;
create policy select_owner on publishing.remote_findings for select to :OWNER
  using (true);
drop policy if exists insert_owner on publishing.remote_findings;
create policy insert_owner on publishing.remote_findings for insert to :OWNER
  with check (true);
drop policy if exists update_owner on publishing.remote_findings;
create policy update_owner on publishing.remote_findings for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on publishing.remote_findings;
create policy delete_owner on publishing.remote_findings for delete to :OWNER
  using (true);
drop policy if exists select_viewer on publishing.remote_findings;
create policy select_viewer on publishing.remote_findings for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on publishing.remote_findings;
create policy select_worker on publishing.remote_findings for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on publishing.remote_findings;
create policy insert_worker on publishing.remote_findings for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on publishing.remote_findings;
create policy update_worker on publishing.remote_findings for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table publishing.remote_findings to :VIEWER;
grant select, insert, update on table publishing.remote_findings to :WORKER;

create or replace trigger _100_stamp_times before update on publishing.remote_findings
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _300_check_birth before insert on publishing.remote_findings
  for each row execute function app_private.tg__check_transition('remote_finding', 'status');
create or replace trigger _300_check_transition before update on publishing.remote_findings
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('remote_finding', 'status');
create or replace trigger _700_audit_insert after insert on publishing.remote_findings
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on publishing.remote_findings
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on publishing.remote_findings
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type publishing.finding_kind is 'What is not as it should be in GoHighLevel.';
comment on type publishing.finding_status is 'What was decided about a finding.';
comment on table publishing.remote_findings is '@class tenant
Something in GoHighLevel that is not as we left it. Nothing is overwritten or deleted there without a person''s word.';
comment on column publishing.remote_findings.id is 'The row''s id, time-ordered.';
comment on column publishing.remote_findings.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.remote_findings.location_id is 'The location.';
comment on column publishing.remote_findings.reconciliation_id is 'The comparison that last saw it.';
comment on column publishing.remote_findings.remote_object_id is 'The object of ours that it is about; null for an orphan.';
comment on column publishing.remote_findings.touchpoint_id is 'The touchpoint that the object carries.';
comment on column publishing.remote_findings.kind is 'drifted: it holds something else; missing: it is gone; orphaned: it bears a token that is not known here; duplicated: another object bears its token.';
comment on column publishing.remote_findings.asset_kind is 'What the object is.';
comment on column publishing.remote_findings.token is 'The word in its name.';
comment on column publishing.remote_findings.remote_id is 'Its id in GoHighLevel.';
comment on column publishing.remote_findings.remote_name is 'Its name there.';
comment on column publishing.remote_findings.differences is 'What differs, an array of {field, ours, theirs}.';
comment on column publishing.remote_findings.status is 'open until a person decides; settled where it ended by itself.';
comment on column publishing.remote_findings.decider_id is 'Who decided.';
comment on column publishing.remote_findings.decided_at is 'When.';
comment on column publishing.remote_findings.created_at is 'When it was first seen.';
comment on column publishing.remote_findings.updated_at is 'When the row was last changed.';
comment on constraint remote_findings_tenant_id_fkey on publishing.remote_findings is 'There is no such tenant.';
comment on constraint remote_findings_location_id_fkey on publishing.remote_findings is 'There is no such location.';
comment on constraint remote_findings_reconciliation_id_fkey on publishing.remote_findings is 'There is no such comparison.';
comment on constraint remote_findings_remote_object_id_fkey on publishing.remote_findings is 'There is no such object.';
comment on constraint remote_findings_touchpoint_id_fkey on publishing.remote_findings is 'There is no such touchpoint.';
comment on constraint remote_findings_decider_id_fkey on publishing.remote_findings is 'There is no such person.';
comment on constraint remote_findings_differences_check on publishing.remote_findings is 'Differences are a JSON array.';
comment on constraint remote_findings_decided_has_time_check on publishing.remote_findings is 'A decision has a time.';
comment on index publishing.remote_findings_open_key is 'This is known already, and open.';
--! EndIncluded publishing/remote_findings.sql
--! Included publishing/decide_findings.sql
create or replace function app_private.hold_finding(deed text, finding_id uuid, kinds publishing.finding_kind[], variadic roles text[]) returns publishing.remote_findings
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    finding publishing.remote_findings;
  begin
    perform app_private.require_role(deed, variadic roles);
    select f.* into finding
    from publishing.remote_findings f
    where f.tenant_id = app.current_tenant_id() and f.id = hold_finding.finding_id
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'finding', hold_finding.finding_id::text);
    end if;
    if finding.status <> 'open' then
      perform app_private.raise_error('LF305', finding.status::text);
    end if;
    if finding.kind <> all (kinds) then
      perform app_private.raise_error('LF306', finding.kind::text, array_to_string(kinds, ', '));
    end if;
    return finding;
  end
  $$;
comment on function app_private.hold_finding(text, uuid, publishing.finding_kind[], text[]) is
  'An open finding of this tenant, locked for a decision. Refuses other roles, unknown ids, decided ones, and kinds that the decision does not suit. For definers.';
revoke all on function app_private.hold_finding(text, uuid, publishing.finding_kind[], text[]) from public;

create or replace function publishing.accept_remote(finding_id uuid) returns publishing.remote_findings
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    finding publishing.remote_findings := app_private.hold_finding('take over what GoHighLevel holds', finding_id, '{drifted}', 'editor', 'admin');
    theirs jsonb;
  begin
    if finding.touchpoint_id is null then
      perform app_private.raise_error('LF307');
    end if;
    select jsonb_object_agg(d.value ->> 'field', d.value -> 'theirs') into theirs
    from jsonb_array_elements(finding.differences) d;
    update journeys.touchpoints t
    set content = t.content
      || case when theirs ? 'subject' then jsonb_build_object('subject', theirs -> 'subject') else '{}' end
      || case when theirs ? 'preview' then jsonb_build_object('previewText', theirs -> 'preview') else '{}' end
      || case when theirs ? 'body' then jsonb_build_object('html', theirs -> 'body') else '{}' end
      || case
        when not theirs ? 'text' then '{}'
        when t.content ? 'text' then jsonb_build_object('text', theirs -> 'text')
        else jsonb_build_object('body', theirs -> 'text')
      end
    where t.tenant_id = finding.tenant_id and t.id = finding.touchpoint_id;
    update publishing.remote_findings f
    set status = 'accepted', decider_id = app.current_user_id(), decided_at = now()
    where f.tenant_id = finding.tenant_id and f.id = finding.id
    returning f.* into finding;
    return finding;
  end
  $$;
comment on function publishing.accept_remote(uuid) is
  'Takes what GoHighLevel holds into the touchpoint, as a draft that is reviewed like any other. Nothing is changed there. Definer, because findings are written by machines. For editors.';
grant execute on function publishing.accept_remote(uuid) to :EDITOR;

create or replace function publishing.push_again(finding_id uuid) returns publishing.remote_findings
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    finding publishing.remote_findings := app_private.hold_finding('bring an object to GoHighLevel again', finding_id, '{drifted,missing}', 'admin');
    item publishing.publication_items;
  begin
    select i.* into item
    from publishing.publication_items i
    join publishing.publications p on p.tenant_id = i.tenant_id and p.id = i.publication_id
    where i.tenant_id = finding.tenant_id and i.token = finding.token and p.location_id = finding.location_id
      and p.status in ('synced', 'partial', 'blocked', 'deferred', 'failed', 'queued')
    order by p.id desc
    limit 1
    for update of p, i;
    if not found then
      perform app_private.raise_error('LF301', 'what this finding is about');
    end if;
    update publishing.remote_objects o
    set
      synced_hash = null,
      remote_id = case when finding.kind = 'missing' then null else o.remote_id end
    where o.tenant_id = finding.tenant_id and o.id = finding.remote_object_id;
    update publishing.publication_items i
    set status = 'pending', attempts = 0, retry_at = null
    where i.tenant_id = item.tenant_id and i.id = item.id and i.status not in ('pending', 'intent', 'unknown');
    update publishing.publications p
    set status = 'queued', run_after = null, finished_at = null
    where p.tenant_id = item.tenant_id and p.id = item.publication_id and p.status <> 'queued';
    update publishing.remote_findings f
    set status = 'pushed', decider_id = app.current_user_id(), decided_at = now()
    where f.tenant_id = finding.tenant_id and f.id = finding.id
    returning f.* into finding;
    return finding;
  end
  $$;
comment on function publishing.push_again(uuid) is
  'Brings what was approved to GoHighLevel again, over what a person changed there or in place of what they deleted. Definer, because publications are written by machines. For admins.';
grant execute on function publishing.push_again(uuid) to :ADMIN;

create or replace function publishing.forget_remote(finding_id uuid) returns publishing.remote_findings
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    finding publishing.remote_findings := app_private.hold_finding('forget an object in GoHighLevel', finding_id, '{drifted,missing,orphaned,duplicated}', 'admin');
  begin
    update publishing.remote_objects o
    set
      forgotten_at = now(), synced_hash = null,
      remote_id = case when finding.kind = 'missing' then null else o.remote_id end
    where o.tenant_id = finding.tenant_id and o.id = finding.remote_object_id and finding.kind in ('drifted', 'missing');
    update publishing.remote_findings f
    set status = 'forgotten', decider_id = app.current_user_id(), decided_at = now()
    where f.tenant_id = finding.tenant_id and f.id = finding.id
    returning f.* into finding;
    return finding;
  end
  $$;
comment on function publishing.forget_remote(uuid) is
  'Leaves an object in GoHighLevel to whoever changed it: it is not compared any more until it is published again. Definer, because findings are written by machines. For admins.';
grant execute on function publishing.forget_remote(uuid) to :ADMIN;
--! EndIncluded publishing/decide_findings.sql
