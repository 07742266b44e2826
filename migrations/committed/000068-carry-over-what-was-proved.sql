--! Previous: sha1:3244e1951b3006221a929168f5625f9a101fbe30
--! Hash: sha1:03ae037fa209e25a2472df6565dff738ed31b5a8
--! Message: carry over what was proved

-- What an import has made and proved of a text holds for a later one of the same source, as long as text, row, mapping and verifier are the same.
set local lock_timeout = '3s';

create table app_private.import_fates (
  batch_id uuid not null,
  collection_id uuid not null,
  id integer not null,
  fates jsonb not null,
  constraint import_fates_pkey primary key (batch_id, collection_id, id)
);

alter table app_private.import_payloads add column fates_id integer, add column row_hash bytea, add column is_carried boolean not null default false;
-- An import under way waits for a moment; concurrently it cannot be made of a partitioned table.
-- squawk-ignore require-concurrent-index-creation
create index import_payloads_batch_id_collection_id_judged_idx on app_private.import_payloads (batch_id, collection_id) where not is_carried;
alter table imports.records add column row_hash bytea, add column is_carried boolean not null default false;
alter table imports.collections add column carried bigint not null default 0;
alter table imports.batches add column verifier_hash bytea, add column carried_from_id uuid;
alter table imports.batches add constraint batches_carried_from_id_fkey
  foreign key (tenant_id, carried_from_id) references imports.batches (tenant_id, id) on delete set null (carried_from_id) not valid;
-- A tenant has few imports.
-- squawk-ignore require-concurrent-index-creation
create index batches_tenant_id_carried_from_id_idx on imports.batches (tenant_id, carried_from_id);

--! Included imports/private.sql
-- The worker's own tables. No row security: COPY is refused under it, nobody but the worker has any right here, and what people may see
-- of a payload goes through imports.records_source_text.
grant usage on schema app_private to :WORKER;
grant select, insert on table app_private.import_payloads to :WORKER;
grant update (fixed_text, holds_refused_text, rows, refusal, fates_id, is_carried) on table app_private.import_payloads to :WORKER;
grant select, insert on table app_private.import_fates to :WORKER;
grant select, insert, delete on table app_private.import_places to :WORKER;
grant select, insert on table app_private.import_before_images to :WORKER;
grant select, insert, update, delete on table app_private.import_leases to :WORKER;
grant select, insert, delete on table app_private.import_predicted_records to :WORKER;
grant select, insert, update, delete on table app_private.import_gone_rows to :WORKER;

comment on table app_private.import_payloads is '@class private
Every record that was read: its text exactly as it came, secrets blanked, and the row that the mapping makes of it. The text is never changed; the row is made anew by a replay.';
comment on column app_private.import_payloads.batch_id is 'The batch; one partition for each.';
comment on column app_private.import_payloads.row_id is 'UUIDv5 of source, collection and record id.';
comment on column app_private.import_payloads.position is 'Its turn in the collection, from 1, as it was read.';
comment on column app_private.import_payloads.page is 'The page that it came with.';
comment on column app_private.import_payloads.sha256 is 'SHA-256 of the text as it came, before secrets were blanked.';
comment on column app_private.import_payloads.source_text is 'The record''s JSON text; null where its bytes are no UTF-8.';
comment on column app_private.import_payloads.fixed_text is 'The text with the values that people gave its cells, which counts instead; null where they gave none.';
comment on column app_private.import_payloads.source_bytes is 'The record''s bytes where they are no UTF-8.';
comment on column app_private.import_payloads.holds_refused_text is 'Whether a cell may hold what PostgreSQL''s text refuses: NUL, a lone surrogate.';
comment on column app_private.import_payloads.rows is 'The rows that the mapping makes of it, by table; null where it makes none.';
comment on column app_private.import_payloads.refusal is 'Why it makes none.';
comment on column app_private.import_payloads.fates_id is 'What became of its cells when it landed: a pattern of app_private.import_fates; null where a replay decoded it anew, or there are too many patterns.';
comment on column app_private.import_payloads.row_hash is 'SHA-256 of its row''s imported columns, as the batch that this one carries on from has proved it; null where the text was not known.';
comment on column app_private.import_payloads.is_carried is 'Whether what the batch that this one carries on from has made and proved of the same text still holds.';
comment on table app_private.import_fates is '@class private
The fates that the cells of a record met together when it landed, {field: fate}: once for all records that share them.';
comment on table app_private.import_places is '@class private
The place of every ranked row among its siblings, worked out for the whole batch at once.';
comment on table app_private.import_before_images is '@class private
What a row was before a batch changed it.';
comment on table app_private.import_predicted_records is '@class private
Records of which a batch predicted something else than the usual outcome of their collection.';
comment on table app_private.import_gone_rows is '@class private
Rows of a source that a batch did not meet in it any more.';
comment on column app_private.import_gone_rows.is_kept is 'Whether it stays, because people edited it or what belongs to it, or because something holds on to it.';
comment on column app_private.import_gone_rows.into_row_id is 'The row that it is merged into, and that gets what belongs to it; null where its record is gone.';
comment on table app_private.import_leases is '@class private
Which process works on a batch, and when it last said so.';

create or replace function app_private.make_import_partition(batch_id uuid) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    partition_name constant text := 'import_payloads_' || replace(make_import_partition.batch_id::text, '-', '');
    batch_status imports.batch_status;
  begin
    select b.status into batch_status
    from imports.batches b
    where b.tenant_id = app.current_tenant_id() and b.id = make_import_partition.batch_id;
    if batch_status is null or batch_status not in ('planned', 'running') then
      perform app_private.raise_error('LF201', make_import_partition.batch_id::text, coalesce(batch_status::text, 'not there'));
    end if;
    if to_regclass('app_private.' || partition_name) is null then
      -- Attached and not made as a partition: that would lock out every other import for a moment.
      execute format('create table app_private.%I (like app_private.import_payloads including defaults including constraints)', partition_name);
      execute format('alter table app_private.import_payloads attach partition app_private.%I for values in (%L)', partition_name, make_import_partition.batch_id);
      execute format('comment on table app_private.%I is %L', partition_name, E'@class private\nThe payloads of one batch; read them through app_private.import_payloads.');
    end if;
  end
  $$;
comment on function app_private.make_import_partition(uuid) is
  'Makes room for a batch''s payloads, once. Definer, because making tables is the owner''s; it serves a batch of the current tenant only.';
revoke all on function app_private.make_import_partition(uuid) from public;
grant execute on function app_private.make_import_partition(uuid) to :WORKER;

create or replace function app_private.analyze_imports(batch_id uuid) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    partition_name constant text := 'import_payloads_' || replace(analyze_imports.batch_id::text, '-', '');
  begin
    if to_regclass('app_private.' || partition_name) is not null then
      -- The texts are not looked at: nothing is searched by them, and taking a sample of them takes long.
      execute format('analyze app_private.%I (batch_id, collection_id, row_id, position, is_carried)', partition_name);
    end if;
    analyze app_private.import_places, imports.issues,
      imports.records (tenant_id, batch_id, collection_id, row_id, outcome, reason, is_carried),
      imports.effects (tenant_id, batch_id, row_id, table_name);
  end
  $$;
comment on function app_private.analyze_imports(uuid) is
  'Brings the planner''s statistics of a batch''s payloads and of the ledger up to date. Definer, because only an owner may.';
revoke all on function app_private.analyze_imports(uuid) from public;
grant execute on function app_private.analyze_imports(uuid) to :WORKER;
--! EndIncluded imports/private.sql
--! Included imports/records.sql
-- The outcome of every record: written when it is known, and once more where a replay takes the record up again.
drop policy if exists all_tenant on imports.records;
create policy all_tenant on imports.records as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.records;
create policy select_owner on imports.records for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.records;
create policy insert_owner on imports.records for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.records;
create policy update_owner on imports.records for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.records;
create policy delete_owner on imports.records for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.records;
create policy select_viewer on imports.records for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.records;
create policy select_worker on imports.records for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.records;
create policy insert_worker on imports.records for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on imports.records;
create policy delete_worker on imports.records for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table imports.records to :VIEWER;
grant select, insert, delete on table imports.records to :WORKER;


comment on type imports.record_outcome is 'What became of a record: every one has exactly one outcome.';
comment on table imports.records is '@class tenant
A record of a source in one batch, and its one outcome.';
comment on column imports.records.id is 'The row''s id, time-ordered.';
comment on column imports.records.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.records.batch_id is 'The batch.';
comment on column imports.records.collection_id is 'The collection.';
comment on column imports.records.row_id is 'The id of the row that it is, or would be.';
comment on column imports.records.record_id is 'Its id in the source.';
comment on column imports.records.sha256 is 'SHA-256 of its text as it came.';
comment on column imports.records.outcome is 'What became of it.';
comment on column imports.records.reason is 'Why it was left out, one of the ledger''s words.';
comment on column imports.records.into_row_id is 'The row that it was merged into; null where it stands by itself.';
comment on column imports.records.kept_columns is 'Columns that hold what people wrote since the last import; null where there is none.';
comment on column imports.records.has_conflict is 'Whether the source and people both changed a column since the last import.';
comment on column imports.records.row_hash is 'SHA-256 of the row''s imported columns as the record left them; null where no row was looked at.';
comment on column imports.records.is_carried is 'Whether text and row are as an earlier batch has proved them, so that nothing of it was derived anew.';
comment on column imports.records.created_at is 'When the row was made.';
comment on constraint records_tenant_id_fkey on imports.records is 'There is no such tenant.';
comment on constraint records_tenant_id_batch_id_row_id_key on imports.records is 'This record has its outcome already.';
comment on constraint records_batch_id_fkey on imports.records is 'There is no such batch.';
comment on constraint records_collection_id_fkey on imports.records is 'There is no such collection in the ledger.';
comment on constraint records_left_out_has_reason_check on imports.records is 'A record is left out for a reason only.';
--! EndIncluded imports/records.sql
--! Included imports/collections.sql
-- One collection of a source in one batch: how far it is, and its sums.
drop policy if exists all_tenant on imports.collections;
create policy all_tenant on imports.collections as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.collections;
create policy select_owner on imports.collections for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.collections;
create policy insert_owner on imports.collections for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.collections;
create policy update_owner on imports.collections for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.collections;
create policy delete_owner on imports.collections for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.collections;
create policy select_viewer on imports.collections for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.collections;
create policy select_worker on imports.collections for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.collections;
create policy insert_worker on imports.collections for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.collections;
create policy update_worker on imports.collections for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.collections to :VIEWER;
grant select, insert, update on table imports.collections to :WORKER;

create or replace trigger _100_stamp_times before update on imports.collections
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();

comment on type imports.collection_step is 'How far a collection has come within its batch.';
comment on table imports.collections is '@class tenant
What became of one collection in one batch: landed = inserted + updated + unchanged + quarantined + skipped.';
comment on column imports.collections.id is 'The row''s id, time-ordered.';
comment on column imports.collections.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.collections.batch_id is 'The batch.';
comment on column imports.collections.name is 'Its name in the mapping.';
comment on column imports.collections.source_name is 'Its name in the source.';
comment on column imports.collections.table_name is 'The table that its records go to; null where it is left out.';
comment on column imports.collections.column_names is 'The columns that its records fill, in the order of the effects'' column hashes; a rollback restores these and no others.';
comment on column imports.collections.place is 'Its turn, from 0: what others link to comes first.';
comment on column imports.collections.step is 'How far it is.';
comment on column imports.collections.next_page is 'Where reading goes on; null at the beginning and after the end.';
comment on column imports.collections.chunks_loaded is 'How many chunks are in.';
comment on column imports.collections.landed is 'Records read and kept.';
comment on column imports.collections.carried is 'Records of which nothing was derived anew, because text and row are as an earlier batch has proved them.';
comment on column imports.collections.inserted is 'Records that made a new row.';
comment on column imports.collections.updated is 'Records that changed a row.';
comment on column imports.collections.unchanged is 'Records whose row was as it should be.';
comment on column imports.collections.quarantined is 'Records that wait for a person.';
comment on column imports.collections.skipped is 'Records left out with a reason.';
comment on column imports.collections.deleted is 'Rows removed because their record is gone.';
comment on column imports.collections.conflicts is 'Records of which the source and people both changed a column since the last import, whichever outcome they have.';
comment on column imports.collections.is_settled is 'Whether every record has its outcome; then the sums must balance.';
comment on column imports.collections.created_at is 'When the row was made.';
comment on column imports.collections.updated_at is 'When the row was last changed.';
comment on constraint collections_tenant_id_fkey on imports.collections is 'There is no such tenant.';
comment on constraint collections_tenant_id_batch_id_name_key on imports.collections is 'The batch has this collection already.';
comment on constraint collections_batch_id_fkey on imports.collections is 'There is no such batch.';
comment on constraint collections_settled_balances_check on imports.collections is 'Every record that landed has exactly one outcome.';
--! EndIncluded imports/collections.sql
--! Included imports/batches.sql
-- One run of an import. Its status follows the machine import_batch.
drop policy if exists all_tenant on imports.batches;
create policy all_tenant on imports.batches as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.batches;
create policy select_owner on imports.batches for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.batches;
create policy insert_owner on imports.batches for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.batches;
create policy update_owner on imports.batches for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.batches;
create policy delete_owner on imports.batches for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.batches;
create policy select_viewer on imports.batches for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.batches;
create policy select_worker on imports.batches for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.batches;
create policy insert_worker on imports.batches for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.batches;
create policy update_worker on imports.batches for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.batches to :VIEWER;
grant select, insert, update on table imports.batches to :WORKER;

create or replace trigger _100_stamp_times before update on imports.batches
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _300_check_birth before insert on imports.batches
  for each row execute function app_private.tg__check_transition('import_batch', 'status');
create or replace trigger _300_check_transition before update on imports.batches
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('import_batch', 'status');
create or replace trigger _700_audit_insert after insert on imports.batches
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on imports.batches
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on imports.batches
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type imports.batch_status is 'How far a batch is; incomplete means that the ledger balances and something waits in quarantine.';
comment on type imports.conflict_policy is 'Whose value stays where both sides changed it: nobody''s until a person decides (the row keeps its own), the source''s, or the database''s.';
comment on table imports.batches is '@class tenant
One run of an import, from reading to the proof.';
comment on column imports.batches.id is 'The row''s id, time-ordered.';
comment on column imports.batches.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.batches.source_id is 'Where it reads.';
comment on column imports.batches.status is '@isIndexed
How far it is; incomplete means that the ledger balances but something waits in quarantine.';
comment on column imports.batches.location is 'The folder or address that was read.';
comment on column imports.batches.mapping_hash is 'SHA-256 of the mapping as it was.';
comment on column imports.batches.verifier_hash is 'SHA-256 of the code that proved it; null before verification.';
comment on column imports.batches.carried_from_id is 'The batch whose proof still holds for records that have not changed since, nor their rows; null where everything is derived anew.';
comment on column imports.batches.on_conflict is 'Whose value stays where the source and people both changed a column since the last import; a mapping may say otherwise of single columns.';
comment on column imports.batches.delete_threshold is 'How many percent of a collection''s rows may be gone from the source: beyond, the batch stops and deletes nothing.';
comment on column imports.batches.payloads_forgotten_at is 'When the texts that it read were dropped; null while they are kept.';
comment on column imports.batches.is_verified is 'Whether every check passed; null before verification.';
comment on column imports.batches.message is 'Why it stopped, where it did.';
comment on column imports.batches.way_out is 'What to do then.';
comment on column imports.batches.started_at is 'When work on it began.';
comment on column imports.batches.finished_at is 'When it ended.';
comment on column imports.batches.is_replay_due is 'Whether what waited in quarantine is still to be taken up again.';
comment on column imports.batches.replayed_at is 'When what waited in quarantine was last taken up again.';
comment on column imports.batches.is_after_cutover is 'Whether it was asked for although the source was left behind.';
comment on column imports.batches.checked_at is 'When its checks were last made anew, after its end; null where they are those that it ended with.';
comment on column imports.batches.created_at is 'When the row was made.';
comment on column imports.batches.updated_at is 'When the row was last changed.';
comment on constraint batches_tenant_id_fkey on imports.batches is 'There is no such tenant.';
comment on constraint batches_source_id_fkey on imports.batches is 'There is no such source.';
comment on constraint batches_carried_from_id_fkey on imports.batches is 'There is no such import.';
comment on constraint batches_finished_is_verified_check on imports.batches is 'A batch is complete only when every check has passed.';
comment on constraint batches_delete_threshold_check on imports.batches is 'The threshold of deletions is a percentage from 0 to 100.';
comment on index imports.batches_tenant_id_source_id_open_key is 'Another import of this source is under way; wait for it, or resume it.';
--! EndIncluded imports/batches.sql
--! Included imports/forget_payloads.sql
-- The texts that an import read are personal data as well: they are kept as long as the installation says, what was made of them for ever.
create or replace function app_private.forget_import_payloads(kept_for interval) returns table (batch_id uuid, tenant_id uuid)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  -- Dropping a partition waits for whoever reads payloads, and everybody then waits for it: better another night.
  set lock_timeout = '2s'
  as $$
  declare
    batch record;
  begin
    for batch in
      select b.tenant_id, b.id
      from imports.batches b
      where b.payloads_forgotten_at is null
        and b.status in ('planned', 'completed', 'incomplete', 'failed', 'cancelled', 'rolled_back')
        and coalesce(b.finished_at, b.updated_at) < now() - forget_import_payloads.kept_for
        and not exists (select from app_private.import_leases l where l.batch_id = b.id and l.heartbeat_at > now() - interval '1 minute')
      order by b.id
      for update skip locked
    loop
      begin
        execute format('drop table if exists app_private.%I', 'import_payloads_' || replace(batch.id::text, '-', ''));
      exception
        when lock_not_available then continue;
      end;
      delete from app_private.import_fates f where f.batch_id = batch.id;
      delete from app_private.import_places p where p.batch_id = batch.id;
      delete from app_private.import_predicted_records p where p.batch_id = batch.id;
      delete from app_private.import_gone_rows g where g.batch_id = batch.id;
      update imports.batches b set payloads_forgotten_at = now() where b.tenant_id = batch.tenant_id and b.id = batch.id;
      batch_id := batch.id;
      tenant_id := batch.tenant_id;
      return next;
    end loop;
  end
  $$;
comment on function app_private.forget_import_payloads(interval) is
  'Drops the texts of the imports that ended longer ago than that, whichever tenant they belong to, and names them; a replay or another proof of them is refused from then on. Definer, because dropping tables is the owner''s and the worker sees one tenant at a time.';
revoke all on function app_private.forget_import_payloads(interval) from public;
grant execute on function app_private.forget_import_payloads(interval) to :WORKER;
--! EndIncluded imports/forget_payloads.sql
--! Included tenancy/holdings.sql
-- What a tenant has, table by table: what landfall tenant export writes and landfall tenant delete takes away. A table with a column
-- tenant_id holds what that column says. Of every other table that is neither a tenant's nor for reference this list says it, and a rule
-- of the schema holds it to that: the condition for the rows of the tenant $1, or null where it holds none.
create or replace function app_private.tenant_holdings() returns table (table_name text, condition text)
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    values
      ('tenancy.tenants', 'id = $1'),
      -- People may be in several tenants: export takes those whom rows of the tenant name, deletion those whom no other row does.
      ('tenancy.users', null),
      ('tenancy.operators', null),
      ('tenancy.operator_sessions', null),
      ('audit.operator_deeds', null),
      ('app_private.passwords', null),
      ('app_private.password_resets', null),
      ('app_private.sign_in_failures', null),
      ('app_private.import_payloads', 'batch_id in (select b.id from imports.batches b where b.tenant_id = $1)'),
      ('app_private.import_fates', 'batch_id in (select b.id from imports.batches b where b.tenant_id = $1)'),
      ('app_private.import_places', 'batch_id in (select b.id from imports.batches b where b.tenant_id = $1)'),
      ('app_private.import_before_images', 'batch_id in (select b.id from imports.batches b where b.tenant_id = $1)'),
      ('app_private.import_predicted_records', 'batch_id in (select b.id from imports.batches b where b.tenant_id = $1)'),
      ('app_private.import_gone_rows', 'batch_id in (select b.id from imports.batches b where b.tenant_id = $1)'),
      -- A base that two tenants read has one budget.
      ('app_private.source_budgets',
        'key in (select s.key from imports.sources s where s.tenant_id = $1) and key not in (select s.key from imports.sources s where s.tenant_id <> $1)'),
      ('app_private.webhook_events',
        'ghl_location_id in (select l.ghl_location_id from publishing.locations l where l.tenant_id = $1) and ghl_location_id not in (select l.ghl_location_id from publishing.locations l where l.tenant_id <> $1)'),
      ('app_private.allowances', 'split_part(bucket, '':'', 2) = $1::text'),
      -- Under a keyed hash, so that nobody can tell whose it is.
      ('app_private.call_budgets', null),
      ('app_private.trusted_documents', null),
      ('app_private.installations', null),
      ('app_private.worker_heartbeats', null),
      ('app_private.tenant_deletions', null)
  $$;
comment on function app_private.tenant_holdings() is
  'Which rows of a table are the tenant''s with the id $1, where no column tenant_id says it; null where none are. For landfall tenant export and delete.';

create or replace function app_private.secret_columns() returns table (table_name text, column_name text)
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    values
      ('app_private.location_secrets', 'token_ciphertext'),
      ('app_private.api_key_hashes', 'key_hash'),
      ('app_private.review_link_hashes', 'token_hash'),
      ('app_private.mails', 'sealed_body'),
      ('app_private.idempotency_keys', 'answer')
  $$;
comment on function app_private.secret_columns() is
  'Columns of what a tenant has that are named in an export, and left out of it.';
--! EndIncluded tenancy/holdings.sql
