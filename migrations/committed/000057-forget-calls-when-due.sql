--! Previous: sha1:2501873c846b68204a71038093f3bb1bb5399d30
--! Hash: sha1:c010996793dcda53ca5e62391e6b712c6383f261
--! Message: forget calls when due

-- The ledgers of calls, to sources and to GoHighLevel, are kept for a time that the installation chooses.
set local lock_timeout = '3s';

--! Included imports/forget_calls.sql
-- The ledger of calls grows with every import: a line is kept as long as the installation says.
create or replace function app_private.forget_import_calls(kept_for interval, row_limit integer) returns bigint
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    with due as (
      select made.tenant_id, made.id
      from imports.batches b
      cross join lateral (
        select c.tenant_id, c.id
        from imports.api_calls c
        where c.tenant_id = b.tenant_id and c.batch_id = b.id and c.called_at < now() - forget_import_calls.kept_for
        limit forget_import_calls.row_limit
      ) made
      where b.status in ('planned', 'completed', 'incomplete', 'failed', 'cancelled', 'rolled_back')
      limit forget_import_calls.row_limit
    ), forgotten as (
      delete from imports.api_calls c using due where c.tenant_id = due.tenant_id and c.id = due.id returning c.id
    )
    select count(*) from forgotten
  $$;
comment on function app_private.forget_import_calls(interval, integer) is
  'Deletes calls to sources that are older than that, so many rows at most, whichever tenant they belong to, and says how many; those of an import that has not ended stay. Definer, because nobody else deletes them and the worker sees one tenant at a time.';
revoke all on function app_private.forget_import_calls(interval, integer) from public;
grant execute on function app_private.forget_import_calls(interval, integer) to :WORKER;
--! EndIncluded imports/forget_calls.sql
--! Included publishing/forget_calls.sql
-- The ledger of calls grows with every publication and comparison: a line is kept as long as the installation says.
create or replace function app_private.forget_publishing_calls(kept_for interval, row_limit integer) returns bigint
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    with due as (
      select made.tenant_id, made.id
      from publishing.locations l
      cross join lateral (
        select c.tenant_id, c.id
        from publishing.api_calls c
        where c.tenant_id = l.tenant_id and c.location_id = l.id and c.created_at < now() - forget_publishing_calls.kept_for
        limit forget_publishing_calls.row_limit
      ) made
      limit forget_publishing_calls.row_limit
    ), forgotten as (
      delete from publishing.api_calls c using due where c.tenant_id = due.tenant_id and c.id = due.id returning c.id
    )
    select count(*) from forgotten
  $$;
comment on function app_private.forget_publishing_calls(interval, integer) is
  'Deletes calls to GoHighLevel that are older than that, so many rows at most, whichever tenant they belong to, and says how many. Definer, because nobody else deletes them and the worker sees one tenant at a time.';
revoke all on function app_private.forget_publishing_calls(interval, integer) from public;
grant execute on function app_private.forget_publishing_calls(interval, integer) to :WORKER;
--! EndIncluded publishing/forget_calls.sql
