--! Previous: sha1:ffb878f57cf57a6766d8f5d9cdb117726dfd7636
--! Hash: sha1:15b87914487828b845b01c41409790afffe6916f
--! Message: tell who watches a run

-- A run of the pipeline can be watched.
set local lock_timeout = '3s';

--! Included leadgen/notify_changes.sql
-- Whoever watches a run is told that it moved: by its id and nothing else, so that what is said of it is read under the reader's policies.
create or replace function app_private.tg_pipeline_runs__notify_change() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform pg_notify('pipeline_run:' || new.id, new.id::text);
    return null;
  end
  $$;
comment on function app_private.tg_pipeline_runs__notify_change() is 'Tells the watchers of a run that it changed.';
revoke all on function app_private.tg_pipeline_runs__notify_change() from public;
create or replace trigger _500_notify_change after update on leadgen.pipeline_runs
  for each row when (old.* is distinct from new.*) execute function app_private.tg_pipeline_runs__notify_change();
--! EndIncluded leadgen/notify_changes.sql
