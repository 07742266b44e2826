--! Previous: sha1:6accd729bc18557055f45c58e613341651b0461c
--! Hash: sha1:91c0c1d5c29c05d5d6a1e7fa247ceabe82d68fe2
--! Message: pause resume and cancel imports

-- People pause, resume and cancel imports; what a batch says of itself is readable in psql.
set local lock_timeout = '3s';

--! Included imports/pause_batches.sql
-- What a person does with a batch under way: pause it, let it go on, give it up. The worker lets go at the next chunk.
create or replace function app_private.lock_import_batch(deed text, batch_id uuid) returns imports.batches
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch imports.batches;
  begin
    perform app_private.require_role(deed, 'admin', 'worker');
    select b.* into batch
    from imports.batches b
    where b.tenant_id = app.current_tenant_id() and b.id = lock_import_batch.batch_id
    for no key update;
    if not found then
      perform app_private.raise_error('LF006', 'import batch', coalesce(lock_import_batch.batch_id::text, 'without an id'));
    end if;
    return batch;
  end
  $$;
comment on function app_private.lock_import_batch(text, uuid) is
  'The batch, for whoever may do this with it; nobody else moves it until the transaction ends.';
revoke all on function app_private.lock_import_batch(text, uuid) from public;

create or replace function app_private.current_user_name() returns text
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select coalesce((select u.name from tenancy.users u where u.id = app.current_user_id()), 'somebody at the command line') $$;
comment on function app_private.current_user_name() is 'Who does this, for a message.';
revoke all on function app_private.current_user_name() from public;

create or replace function imports.pause_import_batch(batch_id uuid) returns imports.batches
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch imports.batches := app_private.lock_import_batch('pause an import', batch_id);
  begin
    update imports.batches b
    set
      status = 'paused',
      message = 'Paused by ' || app_private.current_user_name() || '.',
      way_out = 'Let it go on where it stopped: resumeImportBatch, or landfall import resume ' || b.id || '.'
    where b.tenant_id = batch.tenant_id and b.id = batch.id
    returning b.* into batch;
    return batch;
  end
  $$;
comment on function imports.pause_import_batch(uuid) is
  'Stops an import after the chunk in hand; it keeps its place. Definer, because batches are written by machines. For admins.';
revoke all on function imports.pause_import_batch(uuid) from public;
grant execute on function imports.pause_import_batch(uuid) to :ADMIN, :WORKER;

create or replace function imports.resume_import_batch(batch_id uuid) returns imports.batches
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch imports.batches := app_private.lock_import_batch('resume an import', batch_id);
  begin
    update imports.batches b
    set status = 'queued', message = null, way_out = null
    where b.tenant_id = batch.tenant_id and b.id = batch.id
    returning b.* into batch;
    return batch;
  end
  $$;
comment on function imports.resume_import_batch(uuid) is
  'Lets a paused import go on at its last checkpoint. Definer, because batches are written by machines. For admins.';
revoke all on function imports.resume_import_batch(uuid) from public;
grant execute on function imports.resume_import_batch(uuid) to :ADMIN, :WORKER;

create or replace function imports.cancel_import_batch(batch_id uuid) returns imports.batches
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch imports.batches := app_private.lock_import_batch('cancel an import', batch_id);
  begin
    update imports.batches b
    set
      status = 'cancelled',
      finished_at = now(),
      message = 'Cancelled by ' || app_private.current_user_name() || '.',
      way_out = 'What had come in stays; to take it back: rollbackImportBatch, or landfall import rollback ' || b.id || '. To import anew: landfall import run.'
    where b.tenant_id = batch.tenant_id and b.id = batch.id
    returning b.* into batch;
    return batch;
  end
  $$;
comment on function imports.cancel_import_batch(uuid) is
  'Gives an import up after the chunk in hand. What it brought stays until it is rolled back. Definer, because batches are written by machines. For admins.';
revoke all on function imports.cancel_import_batch(uuid) from public;
grant execute on function imports.cancel_import_batch(uuid) to :ADMIN, :WORKER;
--! EndIncluded imports/pause_batches.sql
--! Included reporting/imports.sql
create or replace view reporting.import_progress with (security_invoker) as
  select
    s.mapping, s.key as source, b.id as batch_id, b.status, c.name as collection, c.step, c.landed,
    c.landed - settled.records as in_hand, c.chunks_loaded,
    date_trunc('second', coalesce(b.finished_at, now()) - b.started_at) as running_for,
    case when extract(epoch from coalesce(b.finished_at, now()) - b.started_at) > 0
      then round(settled.records / extract(epoch from coalesce(b.finished_at, now()) - b.started_at)) end as records_per_second,
    b.message, b.way_out
  from imports.batches b
  join imports.sources s on s.tenant_id = b.tenant_id and s.id = b.source_id
  join imports.collections c on c.tenant_id = b.tenant_id and c.batch_id = b.id
  cross join lateral (
    select count(*) as records from imports.records r where r.tenant_id = c.tenant_id and r.collection_id = c.id
  ) settled
  order by b.created_at desc, b.id, c.place;
comment on view reporting.import_progress is 'How far every collection of every import is: read, still in hand, and how fast; the latest import first.';

create or replace view reporting.import_outcomes with (security_invoker) as
  select
    s.mapping, s.key as source, b.id as batch_id, b.status, b.is_verified, c.name as collection, c.table_name, c.landed,
    count(*) filter (where r.outcome = 'inserted') as inserted,
    count(*) filter (where r.outcome = 'updated') as updated,
    count(*) filter (where r.outcome = 'unchanged') as unchanged,
    count(*) filter (where r.outcome = 'quarantined') as quarantined,
    count(*) filter (where r.outcome = 'skipped') as skipped,
    count(*) filter (where r.outcome = 'deleted') as deleted,
    c.landed - count(r.id) filter (where r.outcome <> 'deleted') as without_outcome
  from imports.batches b
  join imports.sources s on s.tenant_id = b.tenant_id and s.id = b.source_id
  join imports.collections c on c.tenant_id = b.tenant_id and c.batch_id = b.id
  left join imports.records r on r.tenant_id = c.tenant_id and r.collection_id = c.id
  group by s.mapping, s.key, b.id, b.status, b.is_verified, b.created_at, c.id, c.name, c.table_name, c.landed, c.place
  order by b.created_at desc, b.id, c.place;
comment on view reporting.import_outcomes is 'What became of the records of every import, counted from the ledger itself; without_outcome is 0 where everything is accounted for.';

create or replace view reporting.import_issues with (security_invoker) as
  select
    s.mapping, s.key as source, b.id as batch_id, b.status, c.name as collection, i.reason, i.fate, i.field,
    count(*) as issues, min(i.record_id) as first_record, (array_agg(i.original order by i.id))[1] as first_original,
    (array_agg(i.detail order by i.id))[1] as first_detail, i.way_out
  from imports.issues i
  join imports.batches b on b.tenant_id = i.tenant_id and b.id = i.batch_id
  join imports.sources s on s.tenant_id = b.tenant_id and s.id = b.source_id
  join imports.collections c on c.tenant_id = i.tenant_id and c.id = i.collection_id
  group by s.mapping, s.key, b.id, b.status, b.created_at, c.name, c.place, i.reason, i.fate, i.field, i.way_out
  order by b.created_at desc, b.id, c.place, issues desc, i.reason, i.field;
comment on view reporting.import_issues is 'What is not as it should be in the sources, by kind, with an example and what to do.';

grant select on table reporting.import_progress, reporting.import_outcomes, reporting.import_issues to :VIEWER;
--! EndIncluded reporting/imports.sql
