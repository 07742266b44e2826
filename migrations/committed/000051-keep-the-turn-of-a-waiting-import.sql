--! Previous: sha1:190bdec038187ad0a0d494a482257a6389457f06
--! Hash: sha1:5d059af7b031d04dba0e7878bcb537663c70c433
--! Message: keep the turn of a waiting import

-- Whoever wakes the workers for an import once more does not send its job back to the end of the queue.
set local lock_timeout = '3s';

--! Included imports/queue_batches.sql
-- A batch that is queued, replayed or rolled back has a job, in the same transaction. The batch is the truth and the job its wake-up: a lost or doubled job changes nothing.
create or replace function app_private.queue_import_batch(tenant_id uuid, batch_id uuid) returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$
    select graphile_worker.add_job(
      'imports/run_batch',
      json_build_object('tenantId', tenant_id, 'batchId', batch_id),
      job_key => 'imports/run_batch:' || batch_id,
      job_key_mode => 'preserve_run_at'
    )
  $$;
comment on function app_private.queue_import_batch(uuid, uuid) is 'Wakes the worker for a batch. A job that waits already keeps its turn.';

create or replace function app_private.tg_batches__queue_run() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform app_private.queue_import_batch(new.tenant_id, new.id);
    return null;
  end
  $$;
comment on function app_private.tg_batches__queue_run() is 'Definer, because the queue is not open to whoever queues a batch.';

create or replace trigger _900_queue_run_of_new after insert on imports.batches
  for each row when (new.status = 'queued') execute function app_private.tg_batches__queue_run();
create or replace trigger _900_queue_run after update on imports.batches
  for each row when (
    old.status is distinct from new.status
    and (new.status in ('queued', 'rolling_back') or (old.status = 'incomplete' and new.status = 'running'))
  ) execute function app_private.tg_batches__queue_run();

create or replace function app_private.requeue_import_batches(silent_for interval default '20 seconds') returns setof uuid
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch record;
  begin
    for batch in
      select b.tenant_id, b.id
      from imports.batches b
      join tenancy.tenants t on t.id = b.tenant_id and t.is_active
      left join app_private.import_leases l on l.tenant_id = b.tenant_id and l.batch_id = b.id
      where b.status in ('queued', 'running', 'verifying', 'rolling_back')
        and greatest(b.updated_at, l.heartbeat_at) < clock_timestamp() - silent_for
    loop
      perform app_private.queue_import_batch(batch.tenant_id, batch.id);
      return next batch.id;
    end loop;
  end
  $$;
comment on function app_private.requeue_import_batches(interval) is
  'Wakes the worker for every batch that nobody has worked on for a while, whichever active tenant it belongs to, and names them. Definer, because the worker sees one tenant at a time.';
revoke all on function app_private.requeue_import_batches(interval) from public;
grant execute on function app_private.requeue_import_batches(interval) to :WORKER;
--! EndIncluded imports/queue_batches.sql

-- Workers look every fifteen seconds for imports that nobody works on; the task that did so every minute is gone.
select graphile_worker.complete_jobs(array(
  select job.id from graphile_worker.jobs job where job.task_identifier = 'imports/resume_batches'
));
