--! Previous: sha1:b339ae2676a2f9250a3253127ae7b9a031747290
--! Hash: sha1:3244e1951b3006221a929168f5625f9a101fbe30
--! Message: tell how the installation is

-- Counts of what somebody has to look at must not read what is well and over. Both are made on tables that are in use: whoever waits for them
-- waits three seconds at most.
set local lock_timeout = '3s';

-- squawk-ignore require-concurrent-index-creation
create index batches_tenant_id_status_idx on imports.batches (tenant_id, status) where status not in ('completed', 'cancelled', 'rolled_back');
-- squawk-ignore require-concurrent-index-creation
create index publications_tenant_id_status_idx on publishing.publications (tenant_id, status) where status not in ('synced', 'superseded', 'unpublished');

--! Included app/metrics_errors.sql
-- What the edge says to whoever asks for the metrics without being allowed to.
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF026', 'metrics_refused', 401, 'The metrics are for whoever has their token.', 'Send Authorization: Bearer and what LANDFALL_METRICS_TOKEN is set to.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded app/metrics_errors.sql
--! Included app/metrics.sql
-- What the installation tells of itself to whoever watches it: numbers over all tenants, and nothing that a tenant wrote.
create or replace function app.read_metrics() returns table (metric text, labels jsonb, value double precision)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    with jobs as (
      select t.identifier as task, j.run_at,
        case
          when j.attempts >= j.max_attempts then 'given_up'
          when j.locked_at is not null then 'running'
          when j.run_at > now() then 'scheduled'
          else 'waiting'
        end as state
      from graphile_worker._private_jobs j
      join graphile_worker._private_tasks t on t.id = j.task_id
    )
    select 'queue_jobs', jsonb_build_object('task', j.task, 'state', j.state), count(*)
    from jobs j group by j.task, j.state
    union all
    select 'queue_oldest_job_seconds', jsonb_build_object('task', j.task), extract(epoch from now() - min(j.run_at))
    from jobs j where j.state = 'waiting' group by j.task
    union all
    select 'workers_alive', '{}', count(*)
    from app_private.worker_heartbeats h where h.beat_at > now() - interval '30 seconds'
    union all
    select 'import_batches', jsonb_build_object('status', b.status), count(*)
    from imports.batches b where b.status not in ('completed', 'cancelled', 'rolled_back') group by b.status
    union all
    select 'publications', jsonb_build_object('status', p.status), count(*)
    from publishing.publications p where p.status not in ('synced', 'superseded', 'unpublished') group by p.status
    union all
    select 'ghl_locations', jsonb_build_object('status', l.status), count(*)
    from publishing.locations l group by l.status
    union all
    select 'ghl_findings_open', '{}', count(*)
    from publishing.remote_findings f where f.status = 'open'
    union all
    select 'mails_waiting', '{}', count(*)
    from app_private.mails m where m.status = 'pending'
    union all
    -- The fewest first: where there are hundreds of locations, those that will be short are shown.
    (
      select 'ghl_daily_calls_left_ratio', jsonb_build_object('bucket', left(b.key, 12)),
        case when b.daily_reset_at <= now() then 1 else b.daily_remaining::double precision / nullif(b.daily_limit, 0) end as ratio
      from app_private.call_budgets b
      where b.daily_remaining is not null and b.daily_limit > 0
      order by ratio
      limit 20
    )
    union all
    (
      select 'ghl_burst_calls_left_ratio', jsonb_build_object('bucket', left(b.key, 12)),
        case
          when b.frozen_until > now() then 0
          else greatest(0, least(1, (
            b.turns + extract(epoch from now() - b.refilled_at) * 1000 * 0.75 * b.max_calls / b.interval_ms
          ) / greatest(1, b.max_calls * 0.15)))
        end as ratio
      from app_private.call_budgets b
      where b.refilled_at > now() - interval '1 day'
      order by ratio
      limit 20
    )
    union all
    select 'archive_failing', '{}', (a.last_failed_time > coalesce(a.last_archived_time, '-infinity'))::integer
    from pg_stat_archiver a where a.last_failed_time is not null or a.last_archived_time is not null
  $$;
comment on function app.read_metrics() is
  'What GET /metrics shows of the database: counts by state, ages, and what is left of rate limits under the beginning of a keyed hash. Definer: the numbers are those of all tenants, and nobody may read their rows. For the authenticator alone.';
grant execute on function app.read_metrics() to :AUTHENTICATOR;

create or replace function app.read_health(
  out newest_migration text, out is_queue_there boolean, out last_beat_seconds double precision
)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select
      (select max(m.filename) from graphile_migrate.migrations m),
      to_regclass('graphile_worker._private_jobs') is not null,
      (select extract(epoch from now() - max(h.beat_at)) from app_private.worker_heartbeats h)
  $$;
comment on function app.read_health() is
  'What GET /readyz asks: the newest migration, whether the queue is there, and how long ago a worker was heard of; null where none is. Definer: the API may not read these tables. For the authenticator alone.';
grant execute on function app.read_health() to :AUTHENTICATOR;
--! EndIncluded app/metrics.sql
