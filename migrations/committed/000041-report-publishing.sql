--! Previous: sha1:db66d2ef7260bf78747802e0dc8e472c13c703bf
--! Hash: sha1:0badeae95bbd5d556b9d6d794f67b839e5a4a210
--! Message: report publishing

-- How publishing stands, for psql; and the command line may retry and compare.
set local lock_timeout = '3s';

--! Included publishing/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF301', 'nothing_published', 409, 'Nothing of %s is in GoHighLevel, or on its way there.', 'Publish it first.'),
  ('LF302', 'template_not_approved', 409, 'The template "%s" is %s.', 'Only an approved template goes to GoHighLevel: approve it first.'),
  ('LF303', 'template_without_client', 400, 'The template "%s" belongs to no client, so there is no location to bring it to.', 'Name the client: syncTemplate takes clientId.'),
  ('LF304', 'unreadable_version', 409, '%s', 'Mend what the message names and submit the journey again.'),
  ('LF305', 'finding_decided', 409, 'This finding is %s already.', 'Compare the location again to see what is there now.'),
  ('LF306', 'finding_does_not_suit', 400, 'This finding is %s, and that can only be done with one that is: %s.', 'Choose another of acceptRemote, pushAgain and forgetRemote.'),
  ('LF307', 'finding_without_touchpoint', 409, 'The object belongs to no touchpoint, so there is nothing to take its text over into.', 'Push it again, or forget it.'),
  ('LF308', 'publishing_unknown', 404, 'There is nothing of this name.', 'Give its slug or its id.'),
  ('LF310', 'webhook_not_expected', 404, 'This installation takes no webhooks.', 'Set GHL_WEBHOOK_PUBLIC_KEY to the key that GoHighLevel signs with.'),
  ('LF311', 'webhook_not_genuine', 401, 'This is not signed by GoHighLevel.', 'Check GHL_WEBHOOK_PUBLIC_KEY; only X-GHL-Signature counts.'),
  ('LF312', 'webhook_unreadable', 400, 'This is no webhook that can be read, or it is too old.', 'GoHighLevel sends JSON with type, webhookId and timestamp, within five minutes.'),
  ('LF320', 'handoff_not_shown', 401, 'This list is shown to those who may see the publication.', 'Send a token in the Authorization header, or open a link that POST /handoff/<publication>/link gave you.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded publishing/errors.sql
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
    perform app_private.require_role('retry a publication', 'admin', 'worker');
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
  'Tries the items of a publication that are not synced again, at once. Definer, because publications are written by machines. For admins, and the command line.';
grant execute on function publishing.retry_publication(uuid) to :ADMIN, :WORKER;

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
    perform app_private.require_role('compare a location', 'admin', 'worker');
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
  'Compares all that we have in a client''s location with what was approved: what differs is shown as findings, and nothing is changed there. Definer, because comparisons are written by machines. For admins, and the command line.';
grant execute on function publishing.reconcile_location(uuid) to :ADMIN, :WORKER;

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
--! Included reporting/publishing.sql
create or replace view reporting.publication_status with (security_invoker) as
  select
    c.name as client, coalesce(j.name, t.name) as journey_or_template, v.version, p.status, p.items_total as items, p.items_synced as synced,
    p.items_manual as by_hand, p.items_failed as failed,
    (
      select count(*)::integer
      from publishing.handoff_steps s
      where s.tenant_id = p.tenant_id and s.publication_id = p.id and s.retired_at is null
        and not exists (select from publishing.handoff_ticks k where k.tenant_id = s.tenant_id and k.step_id = s.id)
    ) as steps_to_do,
    p.last_error, u.name as asked_by, p.created_at as asked_at, p.finished_at, p.run_after, p.id as publication_id
  from publishing.publications p
  left join publishing.locations l on l.tenant_id = p.tenant_id and l.id = p.location_id
  left join journeys.clients c on c.tenant_id = l.tenant_id and c.id = l.client_id
  left join journeys.journeys j on j.tenant_id = p.tenant_id and j.id = p.journey_id
  left join journeys.templates t on t.tenant_id = p.tenant_id and t.id = p.template_id
  left join journeys.journey_versions v on v.tenant_id = p.tenant_id and v.id = p.journey_version_id
  left join tenancy.users u on u.id = p.requester_id
  where p.status <> 'superseded'
  order by p.created_at desc;
comment on view reporting.publication_status is 'Every publication that counts: how far it is, what failed, and what a person still has to wire up.';

create or replace view reporting.sync_health with (security_invoker) as
  select
    c.name as client, l.ghl_location_id, l.status, l.status_reason, l.first_failed_at as unanswered_since, l.retry_at, l.paused_until,
    (
      select count(*)::integer from publishing.remote_objects o
      where o.tenant_id = l.tenant_id and o.location_id = l.id and o.remote_id is not null and o.archived_at is null and o.forgotten_at is null
    ) as objects,
    coalesce(found.drifted, 0) as drifted, coalesce(found.missing, 0) as missing, coalesce(found.orphaned, 0) as orphaned,
    coalesce(found.duplicated, 0) as duplicated, compared.finished_at as compared_at,
    calls.total as calls_of_a_day, calls.failed as failed_calls, calls.refused as calls_too_many, calls.daily_remaining
  from publishing.locations l
  join journeys.clients c on c.tenant_id = l.tenant_id and c.id = l.client_id
  left join lateral (
    select
      count(*) filter (where f.kind = 'drifted')::integer as drifted, count(*) filter (where f.kind = 'missing')::integer as missing,
      count(*) filter (where f.kind = 'orphaned')::integer as orphaned, count(*) filter (where f.kind = 'duplicated')::integer as duplicated
    from publishing.remote_findings f
    where f.tenant_id = l.tenant_id and f.location_id = l.id and f.status = 'open'
  ) found on true
  left join lateral (
    select max(r.finished_at) as finished_at
    from publishing.reconciliations r
    where r.tenant_id = l.tenant_id and r.location_id = l.id and r.status = 'completed'
  ) compared on true
  left join lateral (
    select
      count(*)::integer as total, count(*) filter (where a.error_class is not null)::integer as failed,
      count(*) filter (where a.http_status = 429)::integer as refused,
      (array_agg(a.daily_remaining order by a.created_at desc) filter (where a.daily_remaining is not null))[1] as daily_remaining
    from publishing.api_calls a
    where a.tenant_id = l.tenant_id and a.location_id = l.id and a.created_at > now() - interval '1 day'
  ) calls on true
  order by c.name, l.ghl_location_id;
comment on view reporting.sync_health is 'Each location: whether it may be written to, what differs there from what was approved, and how its calls of the last day went.';

grant select on table reporting.publication_status, reporting.sync_health to :VIEWER;
--! EndIncluded reporting/publishing.sql
