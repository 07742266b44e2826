--! Previous: sha1:c010996793dcda53ca5e62391e6b712c6383f261
--! Hash: sha1:afeceaabe557ddaca4d5e721f427def338516e79
--! Message: tell who watches a publication

-- A publication can be watched.
set local lock_timeout = '3s';

--! Included publishing/notify_changes.sql
-- Whoever watches a publication is told that it moved: by its id and nothing else, so that what is said of it is read under the reader's policies.
create or replace function app_private.tg_publications__notify_change() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform pg_notify('publication:' || new.id, new.id::text);
    return null;
  end
  $$;
comment on function app_private.tg_publications__notify_change() is 'Tells the watchers of a publication that it changed.';
revoke all on function app_private.tg_publications__notify_change() from public;
create or replace trigger _500_notify_change after update on publishing.publications
  for each row when (old.* is distinct from new.*) execute function app_private.tg_publications__notify_change();

create or replace function app_private.tg_publication_items__notify_change() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform pg_notify('publication:' || new.publication_id, new.publication_id::text);
    return null;
  end
  $$;
comment on function app_private.tg_publication_items__notify_change() is 'Tells the watchers of a publication that one of its items moved on.';
revoke all on function app_private.tg_publication_items__notify_change() from public;
create or replace trigger _500_notify_change after update on publishing.publication_items
  for each row when (old.* is distinct from new.*) execute function app_private.tg_publication_items__notify_change();
--! EndIncluded publishing/notify_changes.sql
