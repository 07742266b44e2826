--! Previous: sha1:a93a7903a473c41b187c4fc57ba98f6b4ba5dd6d
--! Hash: sha1:6accd729bc18557055f45c58e613341651b0461c
--! Message: watch the workers

-- Which workers live. What a dead one held is free again within a minute, and not after the queue's four hours.
set local lock_timeout = '3s';

create table app_private.worker_heartbeats (
  pool_id text not null,
  worker_id text not null,
  started_at timestamptz not null default now(),
  beat_at timestamptz not null default now(),
  constraint worker_heartbeats_pkey primary key (pool_id)
);
alter table app_private.worker_heartbeats enable row level security;
alter table app_private.worker_heartbeats force row level security;

--! Included app/worker_heartbeats.sql
drop policy if exists select_owner on app_private.worker_heartbeats;
create policy select_owner on app_private.worker_heartbeats for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.worker_heartbeats;
create policy insert_owner on app_private.worker_heartbeats for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.worker_heartbeats;
create policy update_owner on app_private.worker_heartbeats for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.worker_heartbeats;
create policy delete_owner on app_private.worker_heartbeats for delete to :OWNER using (true);

comment on table app_private.worker_heartbeats is '@class private
The workers that live, and when each was last heard of.';
comment on column app_private.worker_heartbeats.pool_id is 'The name under which the queue locks jobs for it.';
comment on column app_private.worker_heartbeats.worker_id is 'Host and process.';

create or replace function app.beat(worker_id text, pool_id text) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    insert into app_private.worker_heartbeats as h (pool_id, worker_id) values (beat.pool_id, beat.worker_id)
    on conflict on constraint worker_heartbeats_pkey do update set beat_at = now()
  $$;
comment on function app.beat(text, text) is 'A worker says that it lives. Definer, because it writes what workers may not write of each other.';

create or replace function app.end_beats(pool_id text) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$ delete from app_private.worker_heartbeats h where h.pool_id = end_beats.pool_id $$;
comment on function app.end_beats(text) is 'A worker says that it stops. Definer like app.beat.';

create or replace function app.sweep_workers(silence interval default '30 seconds') returns setof text
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    dead text[];
  begin
    delete from app_private.worker_heartbeats h where h.beat_at < now() - silence;
    -- Dead is whoever holds a job and has not been heard of, whether or not there was ever a beat.
    select array_agg(distinct j.locked_by) into dead
    from graphile_worker._private_jobs j
    where j.locked_at < now() - silence
      and not exists (select from app_private.worker_heartbeats h where h.pool_id = j.locked_by);
    if dead is not null then
      perform graphile_worker.force_unlock_workers(dead);
    end if;
    return query select unnest(dead);
  end
  $$;
comment on function app.sweep_workers(interval) is
  'Frees the jobs and queues of workers that have been silent for so long, and names them. Definer, because it touches what others hold.';

grant execute on function app.beat(text, text), app.end_beats(text), app.sweep_workers(interval) to :WORKER;
--! EndIncluded app/worker_heartbeats.sql
