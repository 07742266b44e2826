--! Previous: sha1:3a5cd5b25dc0f6c1349eb3878beb77e4b2257450
--! Hash: sha1:f53b240e0df2265681533e086f70ba570d8ece5d
--! Message: tell who watches an import

-- A batch says that it moved, to whoever watches it.
set local lock_timeout = '3s';

--! Included imports/notify_changes.sql
-- Whoever watches a batch is told that it moved: by its id and nothing else, so that what is said of it is read under the reader's policies.
create or replace function app_private.tg_batches__notify_change() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform pg_notify('import_batch:' || new.id, new.id::text);
    return null;
  end
  $$;
comment on function app_private.tg_batches__notify_change() is 'Tells the watchers of a batch that it changed.';
revoke all on function app_private.tg_batches__notify_change() from public;
create or replace trigger _500_notify_change after update on imports.batches
  for each row when (old.* is distinct from new.*) execute function app_private.tg_batches__notify_change();

create or replace function app_private.tg_collections__notify_change() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform pg_notify('import_batch:' || new.batch_id, new.batch_id::text);
    return null;
  end
  $$;
comment on function app_private.tg_collections__notify_change() is 'Tells the watchers of a batch that one of its collections moved on.';
revoke all on function app_private.tg_collections__notify_change() from public;
create or replace trigger _500_notify_change after update on imports.collections
  for each row when (old.* is distinct from new.*) execute function app_private.tg_collections__notify_change();
--! EndIncluded imports/notify_changes.sql
