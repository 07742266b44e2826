--! Previous: sha1:f6a048e4e67bdd768378674f330dc8527353b2c3
--! Hash: sha1:225e6ba1a3d836cb7aa8a3688e4fad5913c40f7a
--! Message: pause resume and cancel imports

-- People pause, resume and cancel imports.
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
