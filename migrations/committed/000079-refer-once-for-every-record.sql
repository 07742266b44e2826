--! Previous: sha1:c87153ec62210710e2ce5a6fc1bc26f23e77055c
--! Hash: sha1:a3ffadf3e8c05babd8c327513301210bd39d969e
--! Message: refer once for every record

-- Each foreign key of a table that has a row for every record is looked up for every record. What an outcome belongs to is said by one: its
-- collection, which is its batch's, which is its tenant's. Of an effect the batch says whose it is.
set local lock_timeout = '3s';

-- A batch has some ten collections.
-- squawk-ignore disallowed-unique-constraint, constraint-missing-not-valid
alter table imports.collections add constraint collections_tenant_id_batch_id_id_key unique (tenant_id, batch_id, id);

-- While it is made imports wait, and nobody else does: people never write outcomes.
-- squawk-ignore require-concurrent-index-creation
create index records_tenant_id_collection_id_batch_id_idx on imports.records (tenant_id, collection_id, batch_id);
-- squawk-ignore require-concurrent-index-deletion
drop index imports.records_tenant_id_collection_id_idx;

alter table imports.records drop constraint records_collection_id_fkey;
alter table imports.records
  add constraint records_collection_id_fkey foreign key (tenant_id, batch_id, collection_id)
    references imports.collections (tenant_id, batch_id, id) on delete cascade not valid;
alter table imports.records drop constraint records_batch_id_fkey, drop constraint records_tenant_id_fkey;
alter table imports.effects drop constraint effects_tenant_id_fkey;

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
comment on constraint collections_tenant_id_batch_id_id_key on imports.collections is 'The collection is in the batch already.';
comment on constraint collections_tenant_id_batch_id_name_key on imports.collections is 'The batch has this collection already.';
comment on constraint collections_batch_id_fkey on imports.collections is 'There is no such batch.';
comment on constraint collections_settled_balances_check on imports.collections is 'Every record that landed has exactly one outcome.';
--! EndIncluded imports/collections.sql
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
@foreignKey (tenant_id, batch_id) references imports.batches (tenant_id, id)|@fieldName batch|@foreignFieldName records
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
comment on constraint records_tenant_id_batch_id_row_id_key on imports.records is 'This record has its outcome already.';
comment on constraint records_collection_id_fkey on imports.records is 'There is no such collection in the ledger of the batch.';
comment on constraint records_left_out_has_reason_check on imports.records is 'A record is left out for a reason only.';
--! EndIncluded imports/records.sql
--! Included imports/effects.sql
-- Every row that a batch wrote, so that it can be told from what people wrote, and taken back.
drop policy if exists all_tenant on imports.effects;
create policy all_tenant on imports.effects as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.effects;
create policy select_owner on imports.effects for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.effects;
create policy insert_owner on imports.effects for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.effects;
create policy update_owner on imports.effects for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.effects;
create policy delete_owner on imports.effects for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.effects;
create policy select_viewer on imports.effects for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.effects;
create policy select_worker on imports.effects for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.effects;
create policy insert_worker on imports.effects for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.effects;
create policy update_worker on imports.effects for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.effects to :VIEWER;
grant select, insert, update on table imports.effects to :WORKER;


comment on type imports.row_effect is 'What a batch did to a row; unlinked means that it lost a link with a row that was deleted, or got another with one that was merged, and nothing else.';
comment on table imports.effects is '@class tenant
A row that a batch wrote or deleted, with the hash of what it left.';
comment on column imports.effects.id is 'The row''s id, time-ordered.';
comment on column imports.effects.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.effects.batch_id is 'The batch.';
comment on column imports.effects.row_id is 'The row.';
comment on column imports.effects.table_name is 'Its table, with the schema.';
comment on column imports.effects.effect is 'What the batch did to it.';
comment on column imports.effects.row_hash is 'SHA-256 of the imported columns as they were written: a row with another hash was edited since.';
comment on column imports.effects.column_hashes is 'For each column of the collection, a hash of what the source said last: what the next import tells edits of people from changes of the source by.';
comment on column imports.effects.created_at is 'When the row was made.';
comment on constraint effects_tenant_id_batch_id_row_id_table_name_key on imports.effects is 'The batch has written this row already.';
comment on constraint effects_batch_id_fkey on imports.effects is 'There is no such batch.';
--! EndIncluded imports/effects.sql
