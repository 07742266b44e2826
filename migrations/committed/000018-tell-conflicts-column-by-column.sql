--! Previous: sha1:f53b240e0df2265681533e086f70ba570d8ece5d
--! Hash: sha1:8a9a71aa2bc4f0d8a446b412b448486a144e0878
--! Message: tell conflicts column by column

-- What people edited and what the source changed are told apart column by column, and a policy says whose value stays.
set local lock_timeout = '3s';

create type imports.conflict_policy as enum ('hold', 'source_wins', 'database_wins');
grant usage on type imports.conflict_policy to public;
alter type imports.row_effect add value 'unlinked' after 'deleted';

alter table imports.batches add column on_conflict imports.conflict_policy not null default 'hold';
alter table imports.collections add column conflicts bigint not null default 0;
alter table imports.records add column kept_columns text[], add column has_conflict boolean not null default false;
alter table imports.effects add column column_hashes bigint[];
alter table imports.issues add column existing_value text;

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
comment on column imports.records.kept_columns is 'Columns that hold what people wrote since the last import; null where there is none.';
comment on column imports.records.has_conflict is 'Whether the source and people both changed a column since the last import.';
comment on column imports.records.created_at is 'When the row was made.';
comment on constraint records_tenant_id_fkey on imports.records is 'There is no such tenant.';
comment on constraint records_tenant_id_batch_id_row_id_key on imports.records is 'This record has its outcome already.';
comment on constraint records_batch_id_fkey on imports.records is 'There is no such batch.';
comment on constraint records_collection_id_fkey on imports.records is 'There is no such collection in the ledger.';
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


comment on type imports.row_effect is 'What a batch did to a row; unlinked means that it lost a link with a row that was deleted, and nothing else.';
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
comment on constraint effects_tenant_id_fkey on imports.effects is 'There is no such tenant.';
comment on constraint effects_tenant_id_batch_id_row_id_table_name_key on imports.effects is 'The batch has written this row already.';
comment on constraint effects_batch_id_fkey on imports.effects is 'There is no such batch.';
--! EndIncluded imports/effects.sql
--! Included imports/issues.sql
-- What a person should know about a cell, a record or a collection.
drop policy if exists all_tenant on imports.issues;
create policy all_tenant on imports.issues as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.issues;
create policy select_owner on imports.issues for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.issues;
create policy insert_owner on imports.issues for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.issues;
create policy update_owner on imports.issues for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.issues;
create policy delete_owner on imports.issues for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.issues;
create policy select_viewer on imports.issues for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.issues;
create policy select_worker on imports.issues for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.issues;
create policy insert_worker on imports.issues for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.issues;
create policy update_worker on imports.issues for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.issues to :VIEWER;
grant select, insert, update on table imports.issues to :WORKER;


comment on type imports.cell_fate is 'What became of a value.';
comment on table imports.issues is '@class tenant
Something in the source that is not as it should be, what became of it, and what to do.';
comment on column imports.issues.id is 'The row''s id, time-ordered.';
comment on column imports.issues.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.issues.batch_id is 'The batch.';
comment on column imports.issues.collection_id is 'The collection.';
comment on column imports.issues.row_id is 'The row that the record is, or would be.';
comment on column imports.issues.record_id is 'The record in the source; null where it is about the collection.';
comment on column imports.issues.field is 'The field; null where it is about the record.';
comment on column imports.issues.column_name is 'The column that the field goes to.';
comment on column imports.issues.fate is 'What became of the cell.';
comment on column imports.issues.reason is 'Which kind of issue it is, one of the ledger''s words.';
comment on column imports.issues.original is 'What the source has, as JSON text.';
comment on column imports.issues.existing_value is 'JSON text of what the row holds, where that is not what the source says.';
comment on column imports.issues.detail is 'The particulars, such as the parent that is missing.';
comment on column imports.issues.way_out is 'What to do about it.';
comment on column imports.issues.settled_at is 'When a replay took it up: what is still wrong was told anew then. Null while it stands.';
comment on column imports.issues.created_at is 'When the row was made.';
comment on constraint issues_tenant_id_fkey on imports.issues is 'There is no such tenant.';
comment on constraint issues_batch_id_fkey on imports.issues is 'There is no such batch.';
comment on constraint issues_collection_id_fkey on imports.issues is 'There is no such collection in the ledger.';
--! EndIncluded imports/issues.sql
--! Included reporting/imports.sql
create or replace view reporting.import_progress with (security_invoker) as
  select
    s.mapping, s.key as source, b.id as batch_id, b.status, c.name as collection, c.step, c.landed,
    c.landed - settled.records as in_hand, c.chunks_loaded,
    date_trunc('second', coalesce(b.finished_at, now()) - b.started_at) as running_for,
    case when extract(epoch from coalesce(b.finished_at, now()) - b.started_at) > 0
      then round(settled.records / extract(epoch from coalesce(b.finished_at, now()) - b.started_at)) end as records_per_second,
    b.message, b.way_out
  from imports.batches b
  join imports.sources s on s.tenant_id = b.tenant_id and s.id = b.source_id
  join imports.collections c on c.tenant_id = b.tenant_id and c.batch_id = b.id
  cross join lateral (
    select count(*) as records from imports.records r where r.tenant_id = c.tenant_id and r.collection_id = c.id and r.outcome <> 'deleted'
  ) settled
  order by b.created_at desc, b.id, c.place;
comment on view reporting.import_progress is 'How far every collection of every import is: read, still in hand, and how fast; the latest import first.';

create or replace view reporting.import_outcomes with (security_invoker) as
  select
    s.mapping, s.key as source, b.id as batch_id, b.status, b.is_verified, c.name as collection, c.table_name, c.landed,
    count(*) filter (where r.outcome = 'inserted') as inserted,
    count(*) filter (where r.outcome = 'updated') as updated,
    count(*) filter (where r.outcome = 'unchanged') as unchanged,
    count(*) filter (where r.outcome = 'quarantined') as quarantined,
    count(*) filter (where r.outcome = 'skipped') as skipped,
    count(*) filter (where r.outcome = 'deleted') as deleted,
    c.landed - count(r.id) filter (where r.outcome <> 'deleted') as without_outcome,
    count(*) filter (where r.has_conflict) as conflicts
  from imports.batches b
  join imports.sources s on s.tenant_id = b.tenant_id and s.id = b.source_id
  join imports.collections c on c.tenant_id = b.tenant_id and c.batch_id = b.id
  left join imports.records r on r.tenant_id = c.tenant_id and r.collection_id = c.id
  group by s.mapping, s.key, b.id, b.status, b.is_verified, b.created_at, c.id, c.name, c.table_name, c.landed, c.place
  order by b.created_at desc, b.id, c.place;
comment on view reporting.import_outcomes is 'What became of the records of every import, counted from the ledger itself; without_outcome is 0 where everything is accounted for.';

create or replace view reporting.import_issues with (security_invoker) as
  select
    s.mapping, s.key as source, b.id as batch_id, b.status, c.name as collection, i.reason, i.fate, i.field,
    count(*) as issues, min(i.record_id) as first_record, (array_agg(i.original order by i.id))[1] as first_original,
    (array_agg(i.detail order by i.id))[1] as first_detail, i.way_out
  from imports.issues i
  join imports.batches b on b.tenant_id = i.tenant_id and b.id = i.batch_id
  join imports.sources s on s.tenant_id = b.tenant_id and s.id = b.source_id
  join imports.collections c on c.tenant_id = i.tenant_id and c.id = i.collection_id
  where i.settled_at is null
  group by s.mapping, s.key, b.id, b.status, b.created_at, c.name, c.place, i.reason, i.fate, i.field, i.way_out
  order by b.created_at desc, b.id, c.place, issues desc, i.reason, i.field;
comment on view reporting.import_issues is 'What is not as it should be in the sources and stands, by kind, with an example and what to do.';

grant select on table reporting.import_progress, reporting.import_outcomes, reporting.import_issues to :VIEWER;
--! EndIncluded reporting/imports.sql
