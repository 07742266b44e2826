--! Previous: sha1:1e28da5cfdaa22ea3f97464c47910b26eb64f646
--! Hash: sha1:9c93f9c4164390782308e17a85b74ebf62620d6a
--! Message: plan publish and take back

-- A publication can be planned, be of a template on its own, let others go first, and be taken back.
set local lock_timeout = '3s';

-- A publication without a journey is new; who reads one with a journey finds it as before.
-- squawk-ignore ban-drop-not-null
alter table publishing.publications alter column journey_id drop not null;
-- squawk-ignore ban-drop-not-null
alter table publishing.publications alter column journey_version_id drop not null;
alter table publishing.publications
  add column template_id uuid,
  add column snapshot jsonb;
alter table publishing.publications
  add constraint publications_template_id_fkey foreign key (tenant_id, template_id) references journeys.templates (tenant_id, id) on delete cascade not valid,
  add constraint publications_is_journey_or_template_check check (
    num_nonnulls(journey_id, template_id) = 1 and (journey_id is null) = (journey_version_id is null)
    and (template_id is null) = (snapshot is null)
  ) not valid;
-- Publications are what people ask for, a few thousand rows: their indexes are made in a moment, and lock_timeout bounds the wait for it.
-- squawk-ignore require-concurrent-index-creation
create index publications_tenant_id_template_id_created_at_idx on publishing.publications (tenant_id, template_id, created_at desc);

alter table publishing.publications drop constraint publications_running_has_lease_check;
alter table publishing.publications
  add constraint publications_running_has_lease_check check (
    (status <> 'running' or lease_token is not null) and (lease_token is null or status in ('running', 'unpublishing'))
    and (lease_token is null) = (lease_expires_at is null)
  ) not valid;
-- One run at a time in a location, whatever the queue believes.
-- squawk-ignore require-concurrent-index-creation
create unique index publications_tenant_id_location_id_leased_key on publishing.publications (tenant_id, location_id) where lease_token is not null;
-- squawk-ignore require-concurrent-index-deletion
drop index publishing.publications_tenant_id_location_id_running_key;
-- squawk-ignore require-concurrent-index-deletion
drop index publishing.publications_unfinished_idx;
-- squawk-ignore require-concurrent-index-creation
create index publications_unfinished_idx on publishing.publications (status, updated_at)
  where status in ('queued', 'running', 'deferred', 'unpublishing');

alter table publishing.remote_objects add column archived_at timestamptz;

--! Included publishing/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF301', 'nothing_published', 409, 'Nothing of %s is in GoHighLevel, or on its way there.', 'Publish it first.'),
  ('LF302', 'template_not_approved', 409, 'The template "%s" is %s.', 'Only an approved template goes to GoHighLevel: approve it first.'),
  ('LF303', 'template_without_client', 400, 'The template "%s" belongs to no client, so there is no location to bring it to.', 'Name the client: syncTemplate takes clientId.'),
  ('LF304', 'unreadable_version', 409, '%s', 'Mend what the message names and submit the journey again.')
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

-- A publication waits, runs, and ends in one of five ways; from four of them it can go on. A later one of the same journey puts it aside;
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
  remote_missing -> pending: admin, worker
  blocked -> pending: admin, worker
$$);
--! EndIncluded publishing/transitions.sql
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
  for each row when (new.status in ('queued', 'unpublishing')) execute function app_private.tg_publications__queue_job();
create or replace trigger _700_audit_insert after insert on publishing.publications
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on publishing.publications
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on publishing.publications
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type publishing.publication_status is 'How far a publication is, or how it ended.';
comment on table publishing.publications is '@class tenant
One approved version of a journey, or a template on its own, on its way into GoHighLevel, and how far it has come.';
comment on column publishing.publications.id is 'The row''s id, time-ordered.';
comment on column publishing.publications.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.publications.journey_id is 'The journey; null where a template is published on its own.';
comment on column publishing.publications.journey_version_id is 'The version that is published: what was approved, whatever the rows say now.';
comment on column publishing.publications.template_id is 'The template that is published on its own, if it is one.';
comment on column publishing.publications.snapshot is '@behavior -*
What that template held when it was asked for.';
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
comment on constraint publications_template_id_fkey on publishing.publications is 'There is no such template.';
comment on constraint publications_is_journey_or_template_check on publishing.publications is 'A publication is of a journey''s version or of a template''s text.';
comment on constraint publications_running_has_lease_check on publishing.publications is 'A running publication has a lease, one that is taken back may have one, and no other has.';
comment on constraint publications_deferred_has_time_check on publishing.publications is 'A deferred publication has a time at which it goes on.';
comment on constraint publications_counts_check on publishing.publications is 'Counts are 0 or more.';
comment on index publishing.publications_tenant_id_location_id_leased_key is 'Another publication is being written to this location; this one goes on when it has ended.';
--! EndIncluded publishing/publications.sql
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
      and (p.status in ('queued', 'partial', 'blocked', 'deferred', 'failed') or (p.status = 'unpublishing' and p.lease_token is null));

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
      join tenancy.tenants t on t.id = p.tenant_id and t.is_active
      where (p.status = 'deferred' and p.run_after <= now())
        or (p.status = 'running' and p.lease_expires_at < now())
        or (p.status = 'queued' and p.updated_at < now() - patience)
        or (
          p.status = 'unpublishing' and coalesce(p.lease_expires_at < now(), p.updated_at < now() - patience)
          and coalesce(p.run_after <= now(), true)
        )
      order by p.updated_at
      limit 500
      for update of p skip locked
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
  'Wakes the worker for what is due or was left behind by a dead one, in every active tenant, and says how many. Definer, because the worker sees one tenant at a time. For the worker, every minute.';
grant execute on function publishing.resume_publications(interval) to :WORKER;
--! EndIncluded publishing/resume_publications.sql
--! Included publishing/retry_publication.sql
create or replace function publishing.retry_publication(publication_id uuid) returns publishing.publications
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    publication publishing.publications;
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
    place := app_private.place_of_publication(publication);

    -- Asking again is a person's word that the location may be tried again.
    update publishing.locations l
    set
      status = case when l.status in ('needs_reauth', 'blocked') then 'active' else l.status end,
      status_reason = case when l.status in ('needs_reauth', 'blocked') then null else l.status_reason end,
      retry_at = null
    where l.tenant_id = tenant and l.id = place.id and (l.status in ('needs_reauth', 'blocked') or l.retry_at is not null);

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

create or replace function app_private.place_of_publication(publication publishing.publications) returns publishing.locations
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    client journeys.clients;
    place publishing.locations;
  begin
    select c.* into client
    from journeys.journeys j
    join journeys.clients c on c.tenant_id = j.tenant_id and c.id = j.client_id
    where j.tenant_id = publication.tenant_id and j.id = publication.journey_id;
    if found then
      return app_private.know_location(client);
    end if;
    select l.* into place
    from publishing.locations l
    where l.tenant_id = publication.tenant_id and l.id = publication.location_id;
    return place;
  end
  $$;
comment on function app_private.place_of_publication(publishing.publications) is
  'Where a publication goes: the location that the journey''s client has now, or for a template the one that it was asked for. Definer, because locations are written by machines.';
revoke all on function app_private.place_of_publication(publishing.publications) from public;

create or replace function publishing.retry_publication_item(item_id uuid) returns publishing.publication_items
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    item publishing.publication_items;
  begin
    perform app_private.require_role('retry an item of a publication', 'admin');
    -- Whoever moves items holds the publication first.
    perform from publishing.publications p
    where p.tenant_id = tenant and p.id = (
      select i.publication_id from publishing.publication_items i where i.tenant_id = tenant and i.id = retry_publication_item.item_id
    )
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'item of a publication', retry_publication_item.item_id::text);
    end if;
    update publishing.publication_items i
    set status = case when i.status in ('intent', 'unknown') then i.status else 'pending' end, attempts = 0, retry_at = null
    where i.tenant_id = tenant and i.id = retry_publication_item.item_id
    returning i.* into item;
    update publishing.publications p
    set status = 'queued', run_after = null, finished_at = null
    where p.tenant_id = tenant and p.id = item.publication_id and p.status not in ('queued', 'running');
    return item;
  end
  $$;
comment on function publishing.retry_publication_item(uuid) is
  'Tries one item of a publication again, at once, and leaves the others as they are. Definer, because publications are written by machines. For admins.';
grant execute on function publishing.retry_publication_item(uuid) to :ADMIN;
--! EndIncluded publishing/retry_publication.sql
--! Included publishing/unpublish_journey.sql
create or replace function publishing.unpublish_journey(journey_id uuid) returns publishing.publications
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    journey journeys.journeys;
    publication publishing.publications;
  begin
    perform app_private.require_role('unpublish a journey', 'admin');
    journey := app_private.lock_journey('unpublish a journey', unpublish_journey.journey_id, null);
    update publishing.publications p
    set status = 'unpublishing', run_after = null, finished_at = null
    where p.tenant_id = tenant and p.id = (
      select latest.id
      from publishing.publications latest
      where latest.tenant_id = tenant and latest.journey_id = journey.id and latest.status not in ('superseded', 'unpublishing', 'unpublished')
      order by latest.id desc
      limit 1
    )
    returning p.* into publication;
    if not found then
      perform app_private.raise_error('LF301', 'the journey "' || journey.name || '"');
    end if;
    update journeys.touchpoints t set status = 'draft'
    where t.tenant_id = tenant and t.journey_id = journey.id and t.status = 'published';
    update journeys.journeys j set status = 'draft'
    where j.tenant_id = tenant and j.id = journey.id and j.status = 'published';
    return publication;
  end
  $$;
comment on function publishing.unpublish_journey(uuid) is
  'Takes a journey back from GoHighLevel: archives there what carries our token, and stops what is still on its way. Custom values, tags and the folder cannot be archived through its API and stay. Definer, because publications are written by machines. For admins.';
grant execute on function publishing.unpublish_journey(uuid) to :ADMIN;
--! EndIncluded publishing/unpublish_journey.sql
--! Included publishing/sync_template.sql
create or replace function publishing.sync_template(template_id uuid, client_id uuid default null) returns publishing.publications
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    template journeys.templates;
    client journeys.clients;
    place publishing.locations;
    publication publishing.publications;
  begin
    perform app_private.require_role('bring a template to GoHighLevel', 'admin');
    select t.* into template
    from journeys.templates t
    where t.tenant_id = tenant and t.id = sync_template.template_id
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'template', sync_template.template_id::text);
    end if;
    if template.status not in ('approved', 'published') then
      perform app_private.raise_error('LF302', template.name, template.status::text);
    end if;
    if coalesce(template.client_id, sync_template.client_id) is null then
      perform app_private.raise_error('LF303', template.name);
    end if;
    select c.* into client
    from journeys.clients c
    where c.tenant_id = tenant and c.id = coalesce(template.client_id, sync_template.client_id);
    if not found then
      perform app_private.raise_error('LF006', 'client', sync_template.client_id::text);
    end if;
    place := app_private.know_location(client);
    if place.id is null then
      perform app_private.raise_error('LF106', client.name);
    end if;

    update publishing.publications p
    set status = 'superseded', finished_at = now()
    where p.tenant_id = tenant and p.template_id = template.id and p.status in ('queued', 'partial', 'blocked', 'deferred', 'failed');
    insert into publishing.publications (tenant_id, template_id, snapshot, location_id, requester_id)
    values (
      tenant, template.id,
      jsonb_build_object(
        'is_template', true,
        'journey', jsonb_build_object(
          'id', template.id, 'name', template.name,
          'slug', coalesce(nullif(trim(both '-' from regexp_replace(lower(template.name), '[^a-z0-9]+', '-', 'g')), ''), 'template')
        ),
        'touchpoints', jsonb_build_array(jsonb_build_object(
          'id', template.id, 'name', template.name, 'type', template.type, 'order_index', 0, 'content', template.content
        ))
      ),
      place.id, app.current_user_id()
    )
    returning * into publication;
    update journeys.templates t set sync_status = 'pending' where t.tenant_id = tenant and t.id = template.id;
    return publication;
  end
  $$;
comment on function publishing.sync_template(uuid, uuid) is
  'Brings an approved template to its client''s location, or to that of the client named, as it is now. How it goes is on the publication; the template says when it was last synced. Definer, because publications are written by machines. For admins.';
grant execute on function publishing.sync_template(uuid, uuid) to :ADMIN;
--! EndIncluded publishing/sync_template.sql
--! Included publishing/plan_source.sql
create or replace function app.plan_source(journey_id uuid) returns jsonb
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    journey journeys.journeys;
    client journeys.clients;
    place publishing.locations;
    reviewed record;
  begin
    select j.* into journey
    from journeys.journeys j
    where j.tenant_id = tenant and j.id = plan_source.journey_id
      and (
        app.current_app_role() in ('viewer', 'editor', 'admin', 'worker')
        or (app.current_app_role() = 'client' and j.client_id = any (app.current_client_ids()))
      );
    if not found then
      perform app_private.raise_error('LF006', 'journey', plan_source.journey_id::text);
    end if;
    select c.* into strict client from journeys.clients c where c.tenant_id = tenant and c.id = journey.client_id;
    select l.* into place
    from publishing.locations l
    where l.tenant_id = tenant and l.ghl_location_id = client.ghl_location_id and l.client_id = client.id;
    -- What waits for a decision comes first: the plan is for whoever decides. Then what was approved, then the rows as they are.
    select v.version, v.snapshot, case a.status when 'pending' then 'review' else 'approved' end as source into reviewed
    from journeys.approvals a
    join journeys.journey_versions v on v.tenant_id = a.tenant_id and v.id = a.journey_version_id
    where a.tenant_id = tenant and a.journey_id = journey.id and not a.is_imported
      and (a.status = 'pending' or (a.status = 'approved' and journey.status in ('approved', 'published')))
    order by (a.status = 'pending') desc, v.version desc
    limit 1;
    if reviewed.snapshot is null and app.current_app_role() = 'client' then
      -- A client's people read submitted versions, never working rows.
      perform app_private.raise_error('LF006', 'version of the journey', plan_source.journey_id::text);
    end if;

    return jsonb_build_object(
      'installation_id', (select i.id from app_private.installations i),
      'client', jsonb_build_object('id', client.id, 'name', client.name, 'ghl_location_id', client.ghl_location_id),
      'location', case when place.id is not null then
        jsonb_build_object('id', place.id, 'status', place.status, 'status_reason', place.status_reason) end,
      'source', coalesce(reviewed.source, 'draft'),
      'version', reviewed.version,
      'snapshot', coalesce(reviewed.snapshot, app_private.compose_snapshot(tenant, journey.id)),
      'published', (
        select jsonb_build_object('version', v.version, 'snapshot', v.snapshot, 'at', p.finished_at)
        from publishing.publications p
        join journeys.journey_versions v on v.tenant_id = p.tenant_id and v.id = p.journey_version_id
        where p.tenant_id = tenant and p.journey_id = journey.id and p.items_synced > 0 and p.status <> 'unpublished'
        order by p.id desc
        limit 1
      ),
      'objects', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'token', r.token, 'asset_kind', r.asset_kind, 'remote_id', r.remote_id, 'remote_name', r.remote_name, 'synced_hash', r.synced_hash,
          'is_begun', r.create_sent_at is not null, 'is_archived', r.archived_at is not null
        )), '[]')
        from publishing.remote_objects r
        where r.tenant_id = tenant and r.location_id = place.id
          and exists (
            select from publishing.publication_items i
            join publishing.publications p on p.tenant_id = i.tenant_id and p.id = i.publication_id
            where i.tenant_id = tenant and p.journey_id = journey.id and i.token = r.token
          )
      )
    );
  end
  $$;
comment on function app.plan_source(uuid) is
  'All that the plan of a publication is made of, read in one statement: the version, what is published, and what of it is in GoHighLevel. Definer, so that a client''s reviewer sees the plan of what they decide on and nothing else of publishing.';
revoke all on function app.plan_source(uuid) from public;
grant execute on function app.plan_source(uuid) to :VIEWER, :CLIENT, :WORKER;
--! EndIncluded publishing/plan_source.sql
--! Included publishing/waiting_publications.sql
create or replace function app_private.publications_wait() returns boolean
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$ select exists (select from publishing.publications p where p.status = 'queued') $$;
comment on function app_private.publications_wait() is
  'Whether any publication of any tenant waits for a worker. Definer, because the worker sees one tenant at a time.';
revoke all on function app_private.publications_wait() from public;
grant execute on function app_private.publications_wait() to :WORKER;
--! EndIncluded publishing/waiting_publications.sql
