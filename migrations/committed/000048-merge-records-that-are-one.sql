--! Previous: sha1:c06f6e2f2747cdda22927732a151300779926d4a
--! Hash: sha1:38834f7d67132080f7c296758c88ee0e0ffd69ae
--! Message: merge records that are one

-- Two records of a source can be one thing: a person says so, and every import keeps to it.
set local lock_timeout = '3s';

create table imports.merges (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  source_id uuid not null,
  collection text not null,
  record_id text not null,
  row_id uuid not null,
  into_record_id text not null,
  into_row_id uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint merges_pkey primary key (tenant_id, id),
  constraint merges_tenant_id_source_id_collection_record_id_key unique (tenant_id, source_id, collection, record_id),
  constraint merges_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint merges_source_id_fkey foreign key (tenant_id, source_id) references imports.sources (tenant_id, id) on delete cascade,
  constraint merges_is_of_two_check check (row_id <> into_row_id)
);
alter table imports.merges enable row level security;
alter table imports.merges force row level security;

alter table imports.records add column into_row_id uuid;
alter table app_private.import_gone_rows add column into_row_id uuid;

drop function app_private.keep_images_of_dependants(uuid, regclass, uuid[]);
drop function app_private.empty_column_hashes(bigint[], text[], jsonb);

--! Included imports/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF201', 'import_batch_not_open', 409, 'The import batch %s takes no payloads: it is %s.', 'Start a new import of this source.'),
  ('LF202', 'mapping_unknown', 404, 'There is no mapping of this name.', 'Choose one of those that the message names.'),
  ('LF203', 'snapshot_missing', 404, 'The snapshot''s folder is not there.', 'Check the path.'),
  ('LF204', 'snapshot_empty', 400, 'The folder is empty.', 'Point to a folder with schema.json and records/.'),
  ('LF205', 'snapshot_foreign', 400, 'The folder holds no snapshot of ours.', 'Point to a folder with schema.json and records/.'),
  ('LF206', 'snapshot_incomplete', 400, 'The snapshot was not written to its end.', 'Take it again.'),
  ('LF207', 'import_busy', 409, 'Another import of this source is under way.', 'Wait for it, then run this one again.'),
  ('LF208', 'import_unknown', 404, 'The tenant has no such import.', 'Without an id, landfall import status tells of the latest.'),
  ('LF209', 'import_collection_missing', 400, 'The source lacks a collection that the mapping reads.', 'Check that it is the right source, and the names of its collections.'),
  ('LF210', 'airtable_base_invalid', 400, 'This is no id of an Airtable base.', 'Write it as airtable:app….'),
  ('LF211', 'airtable_token_refused', 401, 'Airtable does not accept the token.', 'Set AIRTABLE_API_KEY to a personal access token that may read the base.'),
  ('LF212', 'airtable_forbidden', 403, 'Airtable shows this token no such base or table.', 'Check the base''s id, and that the token was given this base.'),
  ('LF213', 'airtable_quota', 429, 'The workspace has used up its API calls of this month.', 'Import from a snapshot, upgrade the plan, or go on next month: what was read is kept.'),
  ('LF214', 'airtable_unreachable', 503, 'Airtable gave no good answer.', 'Check the network, then run the import again: it goes on where it stopped.'),
  ('LF215', 'airtable_answer_unexpected', 502, 'Airtable answered something that is not documented.', 'Check AIRTABLE_ENDPOINT_URL; if it is right, report this.'),
  ('LF216', 'import_paused', 409, 'The import was paused.', 'Mend what the message names, then run it again: it goes on where it stopped.'),
  ('LF220', 'snapshot_changed', 409, 'A file of the snapshot was changed after it was taken.', 'Bring it back as it was; to import what was edited by hand, delete manifest.json.'),
  ('LF221', 'snapshot_exists', 409, 'The folder for the snapshot is not empty.', 'Name another one.'),
  ('LF222', 'snapshot_unwritable', 500, 'The snapshot cannot be written.', 'Check the path, the space that is left and your rights.'),
  ('LF223', 'snapshot_page_only', 400, 'The file holds one page of a longer list.', 'Save every page into it.'),
  ('LF224', 'csv_broken', 400, 'The file is no whole CSV export.', 'Export the table again.'),
  ('LF225', 'csv_columns_differ', 400, 'The CSV''s columns are not the fields of the table.', 'Export a view that hides no field, or take the field out of schema.json.'),
  ('LF226', 'csv_unidentified', 400, 'The CSV''s rows cannot be told apart.', 'Add a formula field RECORD_ID() and export again, or take a snapshot.'),
  ('LF227', 'import_schema_changed', 409, 'The source''s fields changed while it was read.', 'Check the mapping, then run the import again: it begins anew.'),
  ('LF240', 'import_overlaid', 409, 'A later import has written rows of this one: %s.', 'Roll that one back first; then this one can be taken back.'),
  ('LF241', 'import_columns_unknown', 409, 'The import batch %s was made before Landfall noted which columns an import fills.', 'It cannot be taken back; a newer one can.'),
  ('LF242', 'import_issue_without_cell', 400, 'This issue is not about a cell that can be fixed: %s.', 'Name a mapped field of the record, correct it in the source, or add it to the mapping.'),
  ('LF243', 'import_issue_settled', 409, 'A replay has taken this issue up already.', 'Look at the issues that stand: landfall import issues, or importIssues.'),
  ('LF244', 'import_outdated', 409, 'A later import of this source was made: %s.', 'Fixes hold for every import of the source: replay the latest one.'),
  ('LF245', 'import_table_gone', 409, 'The import batch %s wrote to %s, which is no table any more.', 'It cannot be taken back as a whole; remove what is left of it by hand.'),
  ('LF260', 'import_deletes_too_much', 409, 'More records are gone from the source than may be deleted.', 'Check the source; if they are meant to be gone, run the import again with a higher --delete-threshold.'),
  ('LF261', 'import_batch_not_at_work', 409, 'The import batch %s deletes nothing: it is not at work.', 'Run the import again.'),
  ('LF262', 'import_holds_secret', 409, '%s keeps a secret of it, which an import neither deletes nor copies.', 'Delete the row by hand if it is meant to go.'),
  ('LF263', 'import_location_unknown', 400, 'This source was never read from %s.', 'Import from there once at the command line: landfall import run --from …; then it can be asked for here.'),
  ('LF264', 'import_issue_without_record', 400, 'This issue is not about a record that waits: %s.', 'Name an issue of the record that is to make no row of its own: landfall import issues, or importIssues.'),
  ('LF265', 'import_merge_without_row', 409, '%s has no row of its own to merge into.', 'Name a record that came in; where the two wait for each other, settle that one first, or merge the other way round.'),
  ('LF280', 'report_not_shown', 401, 'This report is shown to those who may see the import.', 'Send a token in the Authorization header, or open a link that POST /reports/imports/<batch>/link gave you.'),
  ('LF281', 'report_link_ended', 401, 'This link to a report has ended, or belongs to another one.', 'Ask for a new link: POST /reports/imports/<batch>/link, with a token in the Authorization header.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded imports/errors.sql
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
comment on constraint effects_tenant_id_fkey on imports.effects is 'There is no such tenant.';
comment on constraint effects_tenant_id_batch_id_row_id_table_name_key on imports.effects is 'The batch has written this row already.';
comment on constraint effects_batch_id_fkey on imports.effects is 'There is no such batch.';
--! EndIncluded imports/effects.sql
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
comment on column imports.records.created_at is 'When the row was made.';
comment on constraint records_tenant_id_fkey on imports.records is 'There is no such tenant.';
comment on constraint records_tenant_id_batch_id_row_id_key on imports.records is 'This record has its outcome already.';
comment on constraint records_batch_id_fkey on imports.records is 'There is no such batch.';
comment on constraint records_collection_id_fkey on imports.records is 'There is no such collection in the ledger.';
comment on constraint records_left_out_has_reason_check on imports.records is 'A record is left out for a reason only.';
--! EndIncluded imports/records.sql
--! Included imports/crosswalk.sql
-- Which row is rec…? And which record is this row? Read it either way.
create or replace view imports.crosswalk with (security_invoker = true) as
  select
    latest.tenant_id, latest.source_id, latest.collection, latest.record_id, latest.table_name,
    coalesce(latest.into_row_id, latest.row_id) as row_id, latest.batch_id, latest.into_row_id is not null as is_merged
  from (
    select distinct on (r.tenant_id, r.row_id)
      r.tenant_id,
      b.source_id,
      c.name as collection,
      r.record_id,
      c.table_name,
      r.row_id,
      r.batch_id,
      r.outcome,
      r.into_row_id
    from imports.records r
    join imports.collections c on c.tenant_id = r.tenant_id and c.id = r.collection_id
    join imports.batches b on b.tenant_id = r.tenant_id and b.id = r.batch_id
    where (r.outcome in ('inserted', 'updated', 'unchanged', 'deleted') or r.into_row_id is not null)
      and not exists (
        select from imports.undoings u
        where u.tenant_id = r.tenant_id and u.batch_id = r.batch_id and u.row_id = r.row_id and u.fate <> 'kept'
      )
    order by r.tenant_id, r.row_id, r.id desc
  ) latest
  where latest.outcome <> 'deleted';
grant select on imports.crosswalk to :VIEWER, :WORKER;
comment on view imports.crosswalk is 'Every imported row with the record that it came from, as the latest batch left it.';
comment on column imports.crosswalk.source_id is 'The source.';
comment on column imports.crosswalk.collection is 'The collection of the record.';
comment on column imports.crosswalk.record_id is 'The record''s id in the source.';
comment on column imports.crosswalk.table_name is 'The table of the row.';
comment on column imports.crosswalk.row_id is 'The row''s id.';
comment on column imports.crosswalk.batch_id is 'The latest batch that met it.';
comment on column imports.crosswalk.is_merged is 'Whether the record makes no row of its own, but was merged into another one.';
--! EndIncluded imports/crosswalk.sql
--! Included imports/private.sql
-- The worker's own tables. No row security: COPY is refused under it, nobody but the worker has any right here, and what people may see
-- of a payload goes through imports.records_source_text.
grant usage on schema app_private to :WORKER;
grant select, insert on table app_private.import_payloads to :WORKER;
grant update (fixed_text, holds_refused_text, rows, refusal) on table app_private.import_payloads to :WORKER;
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
      execute format('analyze app_private.%I (batch_id, collection_id, row_id, position)', partition_name);
    end if;
    analyze app_private.import_places, imports.issues,
      imports.records (tenant_id, batch_id, collection_id, row_id, outcome, reason),
      imports.effects (tenant_id, batch_id, row_id, table_name);
  end
  $$;
comment on function app_private.analyze_imports(uuid) is
  'Brings the planner''s statistics of a batch''s payloads and of the ledger up to date. Definer, because only an owner may.';
revoke all on function app_private.analyze_imports(uuid) from public;
grant execute on function app_private.analyze_imports(uuid) to :WORKER;
--! EndIncluded imports/private.sql
--! Included imports/merges.sql
-- Records that a person has decided to be one row. They hold for every import of the source, as long as it has both.
drop policy if exists all_tenant on imports.merges;
create policy all_tenant on imports.merges as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.merges;
create policy select_owner on imports.merges for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.merges;
create policy insert_owner on imports.merges for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.merges;
create policy update_owner on imports.merges for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.merges;
create policy delete_owner on imports.merges for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.merges;
create policy select_viewer on imports.merges for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.merges;
create policy select_worker on imports.merges for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table imports.merges to :VIEWER;
grant select on table imports.merges to :WORKER;

create or replace trigger _100_stamp_times before update on imports.merges
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _700_audit_insert after insert on imports.merges
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on imports.merges
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on imports.merges
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table imports.merges is '@class tenant
A record that is the same thing as another one of its collection: it makes no row of its own, and what links to it links to the other''s. Who decided it and when is in the audit.';
comment on column imports.merges.id is 'The row''s id, time-ordered.';
comment on column imports.merges.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.merges.source_id is 'The source.';
comment on column imports.merges.collection is 'The collection, by its name in the mapping.';
comment on column imports.merges.record_id is 'The record that makes no row, in the source.';
comment on column imports.merges.row_id is 'The row that it would make.';
comment on column imports.merges.into_record_id is 'The record that it is the same as.';
comment on column imports.merges.into_row_id is 'The row of that one.';
comment on column imports.merges.created_at is 'When the row was made.';
comment on column imports.merges.updated_at is 'When the row was last changed.';
comment on constraint merges_tenant_id_fkey on imports.merges is 'There is no such tenant.';
comment on constraint merges_source_id_fkey on imports.merges is 'There is no such source.';
comment on constraint merges_tenant_id_source_id_collection_record_id_key on imports.merges is 'This record is merged already.';
comment on constraint merges_is_of_two_check on imports.merges is 'A record is not merged into itself.';
--! EndIncluded imports/merges.sql
--! Included imports/merge_records.sql
-- Quarantine: a person says that two records are one, and takes that back.
create or replace function imports.merge_import_records(issue_id uuid, into_record_id text) returns imports.merges
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    issue imports.issues;
    line imports.collections;
    batch imports.batches;
    target imports.records;
    merge imports.merges;
  begin
    perform app_private.require_role('merge records of an import', 'admin', 'worker');
    select i.* into issue from imports.issues i where i.tenant_id = app.current_tenant_id() and i.id = issue_id;
    if not found then
      perform app_private.raise_error('LF006', 'import issue', coalesce(issue_id::text, 'without an id'));
    end if;
    if issue.settled_at is not null then
      perform app_private.raise_error('LF243');
    end if;
    select c.* into strict line from imports.collections c where c.tenant_id = issue.tenant_id and c.id = issue.collection_id;
    if issue.record_id is null or issue.fate is distinct from 'quarantined' or line.table_name is null then
      perform app_private.raise_error('LF264', issue.reason);
    end if;
    select b.* into strict batch from imports.batches b where b.tenant_id = issue.tenant_id and b.id = issue.batch_id;
    select r.* into target
    from imports.records r
    where r.tenant_id = issue.tenant_id and r.batch_id = issue.batch_id and r.collection_id = line.id
      and r.record_id = merge_import_records.into_record_id;
    if not found then
      perform app_private.raise_error('LF006', 'record of ' || line.name, coalesce(merge_import_records.into_record_id, 'without an id'));
    end if;
    if target.row_id = issue.row_id or target.outcome not in ('inserted', 'updated', 'unchanged') or exists (
      select from imports.merges m where m.tenant_id = target.tenant_id and m.row_id = target.row_id
    ) then
      perform app_private.raise_error('LF265', line.name || '/' || target.record_id);
    end if;
    insert into imports.merges (tenant_id, source_id, collection, record_id, row_id, into_record_id, into_row_id)
    values (batch.tenant_id, batch.source_id, line.name, issue.record_id, issue.row_id, target.record_id, target.row_id)
    on conflict on constraint merges_tenant_id_source_id_collection_record_id_key
      do update set into_record_id = excluded.into_record_id, into_row_id = excluded.into_row_id
    returning * into merge;
    -- What was merged into this one goes along.
    update imports.merges m
    set into_record_id = merge.into_record_id, into_row_id = merge.into_row_id
    where m.tenant_id = merge.tenant_id and m.into_row_id = merge.row_id;
    return merge;
  end
  $$;
comment on function imports.merge_import_records(uuid, text) is
  'Says that a record that waits is the same thing as another one of its collection, by that one''s id in the source. It takes effect with a replay, and holds for later imports as long as the source has both. Definer, because the ledger is written by machines. For admins.';
revoke all on function imports.merge_import_records(uuid, text) from public;
grant execute on function imports.merge_import_records(uuid, text) to :ADMIN, :WORKER;

create or replace function imports.withdraw_import_merge(merge_id uuid) returns imports.merges
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    merge imports.merges;
  begin
    perform app_private.require_role('take a merge of records back', 'admin', 'worker');
    delete from imports.merges m
    where m.tenant_id = app.current_tenant_id() and m.id = merge_id
    returning m.* into merge;
    if not found then
      perform app_private.raise_error('LF006', 'import merge', coalesce(merge_id::text, 'without an id'));
    end if;
    return merge;
  end
  $$;
comment on function imports.withdraw_import_merge(uuid) is
  'Takes back that two records are one: with the next import the record comes in by itself again. What the merge has written is taken back by rolling back its batch. Definer, because the ledger is written by machines. For admins.';
revoke all on function imports.withdraw_import_merge(uuid) from public;
grant execute on function imports.withdraw_import_merge(uuid) to :ADMIN, :WORKER;
--! EndIncluded imports/merge_records.sql
--! Included imports/delete_rows.sql
-- Deleting what left the source, and merging what is one: first an image and an effect of everything that goes or has another link then, by
-- the foreign keys as the catalog knows them, then the rows. And the way back.
create or replace function app_private.hash_imported_columns(content jsonb, column_names text[]) returns bytea
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    select sha256(convert_to(
      case
        when column_names is null then content - '{version,updated_at}'::text[]
        else (select jsonb_agg(content -> name.word order by name.place) from unnest(column_names) with ordinality name (word, place))
      end::text,
      'UTF8'
    ))
  $$;
comment on function app_private.hash_imported_columns(jsonb, text[]) is
  'The hash of a row''s imported columns as effects keep it, out of the row as JSON; of a table that no record goes to, of all that stays as it is by itself.';
revoke all on function app_private.hash_imported_columns(jsonb, text[]) from public;

create or replace function app_private.replace_column_hashes(column_hashes bigint[], column_names text[], replaced jsonb) returns bigint[]
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    select array_agg(
      case when replaced ? known.name then coalesce(hashtextextended(replaced ->> known.name, 0), 0) else known.hash end order by known.place
    )
    from unnest(column_names, column_hashes) with ordinality known (name, hash, place)
    where column_hashes is not null
  $$;
comment on function app_private.replace_column_hashes(bigint[], text[], jsonb) is
  'The hashes of what the source said last, with what links hold now in place of what they held.';
revoke all on function app_private.replace_column_hashes(bigint[], text[], jsonb) from public;

create or replace function app_private.keep_images_of_rows(batch_id uuid, child_table regclass, child_name text, row_ids uuid[], effect imports.row_effect, replaced jsonb)
  returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  as $$
  begin
    -- What the batch itself had made is nothing that was there before it.
    if keep_images_of_rows.effect = 'deleted' then
      with unmade as (
        delete from imports.effects e
        where e.tenant_id = app.current_tenant_id() and e.batch_id = keep_images_of_rows.batch_id and e.table_name = child_name
          and e.row_id = any (row_ids) and e.effect = 'inserted'
        returning e.row_id
      ),
      forgotten as (
        delete from app_private.import_before_images i
        using unmade
        where i.batch_id = keep_images_of_rows.batch_id and i.table_name = child_name and i.row_id = unmade.row_id
      )
      select coalesce(array_agg(id), '{}') into row_ids
      from unnest(keep_images_of_rows.row_ids) id
      where not exists (select from unmade where unmade.row_id = id);
    end if;
    execute format(
      $sql$
      with gone as materialized (
        select child.id, to_jsonb(child) as image, ledger.column_names, last.column_hashes
        from %s child
        left join lateral (
          select collection.column_names
          from imports.collections collection
          where collection.tenant_id = $1 and collection.batch_id = $3 and collection.table_name = $4
          order by collection.place
          limit 1
        ) ledger on true
        -- What the source said of a row of which only a link changes stays known.
        left join lateral (
          select effect.column_hashes
          from imports.effects effect
          join imports.collections former
            on former.tenant_id = effect.tenant_id and former.batch_id = effect.batch_id and former.table_name = effect.table_name
           and former.column_names = ledger.column_names
          where effect.tenant_id = $1 and effect.row_id = child.id and effect.table_name = $4 and $5 = 'unlinked'
            and not exists (
              select from imports.undoings undoing
              where undoing.tenant_id = $1 and undoing.batch_id = effect.batch_id and undoing.row_id = child.id and undoing.fate <> 'kept'
            )
          order by effect.id desc
          limit 1
        ) last on true
        where child.tenant_id = $1 and child.id = any ($2)
      ),
      images as (
        insert into app_private.import_before_images (batch_id, row_id, table_name, image)
        select $3, gone.id, $4, gone.image from gone
        on conflict do nothing
      )
      insert into imports.effects as known (tenant_id, batch_id, row_id, table_name, effect, row_hash, column_hashes)
      select $1, $3, gone.id, $4, $5,
        case $5
          when 'deleted' then sha256(convert_to(gone.image::text, 'UTF8'))
          else app_private.hash_imported_columns(gone.image || $6, gone.column_names)
        end,
        app_private.replace_column_hashes(gone.column_hashes, gone.column_names, $6)
      from gone
      on conflict on constraint effects_tenant_id_batch_id_row_id_table_name_key do update
        set effect = case excluded.effect when 'deleted' then excluded.effect else known.effect end,
            row_hash = excluded.row_hash,
            column_hashes = case excluded.effect when 'deleted' then null else excluded.column_hashes end
        -- Of a row that a person edits in this moment the edit must be seen.
        where known.effect <> 'deleted' and (excluded.effect = 'deleted' or known.row_hash = (
          select app_private.hash_imported_columns(gone.image, gone.column_names) from gone where gone.id = excluded.row_id
        ))
      $sql$,
      child_table
    ) using app.current_tenant_id(), row_ids, keep_images_of_rows.batch_id, child_name, keep_images_of_rows.effect, replaced;
  end
  $$;
comment on function app_private.keep_images_of_rows(uuid, regclass, text, uuid[], imports.row_effect, jsonb) is
  'Keeps what rows are before the batch at work deletes them or changes a link of theirs, and records it as its effects. Definer, because they may be in tables that the worker does not read; only the functions beside it call it.';
revoke all on function app_private.keep_images_of_rows(uuid, regclass, text, uuid[], imports.row_effect, jsonb) from public;

create or replace function app_private.links_to(parent regclass) returns table (
  child regclass, child_name text, delete_rule "char", is_secret boolean, condition text, column_name name, emptied jsonb
)
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select c.conrelid::regclass, n.nspname || '.' || r.relname, c.confdeltype,
           n.nspname = 'app_private' or not exists (
             select from pg_attribute a where a.attrelid = c.conrelid and a.attname = 'id' and not a.attisdropped
           ),
           string_agg(format('child.%I = parent.%I', own.attname, other.attname), ' and ' order by k.place),
           max(own.attname) filter (where other.attname = 'id'),
           (
             select jsonb_object_agg(emptied.attname, null)
             from pg_attribute emptied
             where emptied.attrelid = c.conrelid and emptied.attnum = any (coalesce(c.confdelsetcols, c.conkey))
           )
    from pg_constraint c
    join pg_class r on r.oid = c.conrelid
    join pg_namespace n on n.oid = r.relnamespace
    cross join lateral unnest(c.conkey, c.confkey) with ordinality as k (own_number, other_number, place)
    join pg_attribute own on own.attrelid = c.conrelid and own.attnum = k.own_number
    join pg_attribute other on other.attrelid = c.confrelid and other.attnum = k.other_number
    where c.contype = 'f' and c.confrelid = parent and c.conparentid = 0
    group by c.oid, n.nspname, r.relname
    order by n.nspname, r.relname, c.conname
  $$;
comment on function app_private.links_to(regclass) is
  'The foreign keys that refer to a table: from where, by which column, and what becomes of a row when the one that it refers to is deleted.';
revoke all on function app_private.links_to(regclass) from public;

create or replace function app_private.keep_images_of_dependants(batch_id uuid, parent regclass, row_ids uuid[], met_ids uuid[]) returns uuid[]
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    link record;
    dependants uuid[];
  begin
    for link in select * from app_private.links_to(keep_images_of_dependants.parent) l where l.delete_rule in ('c', 'n') loop
      execute format(
        'select array_agg(%1$s) from %2$s child join %3$s parent on %4$s where parent.tenant_id = $1 and parent.id = any ($2) and %1$s <> all ($3)',
        case when link.is_secret then 'parent.id' else 'child.id' end, link.child, parent, link.condition
      ) into dependants using app.current_tenant_id(), row_ids, case when link.is_secret then '{}' else met_ids end;
      continue when dependants is null;
      -- Of a secret no image is made: what has one is not deleted by an import.
      if link.is_secret then
        perform app_private.raise_error('LF262', link.child_name);
      end if;
      perform app_private.keep_images_of_rows(
        batch_id, link.child, link.child_name, dependants,
        case link.delete_rule when 'c' then 'deleted' else 'unlinked' end::imports.row_effect, link.emptied
      );
      if link.delete_rule = 'c' then
        met_ids := app_private.keep_images_of_dependants(batch_id, link.child, dependants, met_ids || dependants);
      end if;
    end loop;
    return met_ids;
  end
  $$;
comment on function app_private.keep_images_of_dependants(uuid, regclass, uuid[], uuid[]) is
  'Keeps what the foreign keys will delete or unlink with these rows, and records it as effects of the batch; gives the rows that go, those that were met before among them. Definer, because dependants may be in tables that the worker does not read; only app_private.delete_imported_rows calls it.';
revoke all on function app_private.keep_images_of_dependants(uuid, regclass, uuid[], uuid[]) from public;

create or replace function app_private.delete_imported_rows(batch_id uuid, table_name text, row_ids uuid[]) returns bigint
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    relation constant regclass := delete_imported_rows.table_name::regclass;
    deleted bigint;
  begin
    if app.current_import_batch_id() is distinct from delete_imported_rows.batch_id then
      perform app_private.raise_error('LF261', delete_imported_rows.batch_id::text);
    end if;
    perform app_private.keep_images_of_rows(delete_imported_rows.batch_id, relation, delete_imported_rows.table_name, row_ids, 'deleted', '{}');
    perform app_private.keep_images_of_dependants(delete_imported_rows.batch_id, relation, row_ids, row_ids);
    execute format('delete from %s row where row.tenant_id = $1 and row.id = any ($2)', relation) using app.current_tenant_id(), row_ids;
    get diagnostics deleted = row_count;
    return deleted;
  end
  $$;
comment on function app_private.delete_imported_rows(uuid, text, uuid[]) is
  'Deletes rows of the current tenant for the batch at work, after an image and an effect of each and of everything that goes with it; how many. Definer, because dependants may be in tables that the worker does not read.';
revoke all on function app_private.delete_imported_rows(uuid, text, uuid[]) from public;
grant execute on function app_private.delete_imported_rows(uuid, text, uuid[]) to :WORKER;

create or replace function app_private.merge_imported_rows(batch_id uuid, table_name text, row_id uuid, into_row_id uuid) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    link record;
    dependants uuid[];
  begin
    if app.current_import_batch_id() is distinct from merge_imported_rows.batch_id then
      perform app_private.raise_error('LF261', merge_imported_rows.batch_id::text);
    end if;
    for link in select * from app_private.links_to(merge_imported_rows.table_name::regclass) loop
      execute format('select array_agg(%s) from %s child where child.tenant_id = $1 and child.%I = $2',
        case when link.is_secret then 'child.tenant_id' else 'child.id' end, link.child, link.column_name
      ) into dependants using app.current_tenant_id(), merge_imported_rows.row_id;
      continue when dependants is null;
      if link.is_secret then
        perform app_private.raise_error('LF262', link.child_name);
      end if;
      perform app_private.keep_images_of_rows(
        merge_imported_rows.batch_id, link.child, link.child_name, dependants, 'unlinked', jsonb_build_object(link.column_name, into_row_id)
      );
      execute format('update %s child set %I = $3 where child.tenant_id = $1 and child.id = any ($2)', link.child, link.column_name)
        using app.current_tenant_id(), dependants, merge_imported_rows.into_row_id;
    end loop;
    perform app_private.delete_imported_rows(merge_imported_rows.batch_id, merge_imported_rows.table_name, array[merge_imported_rows.row_id]);
  end
  $$;
comment on function app_private.merge_imported_rows(uuid, text, uuid, uuid) is
  'Gives everything that belongs to a row of the current tenant to another one, and deletes it, for the batch at work; images and effects of all that are kept. Definer, because dependants may be in tables that the worker does not write.';
revoke all on function app_private.merge_imported_rows(uuid, text, uuid, uuid) from public;
grant execute on function app_private.merge_imported_rows(uuid, text, uuid, uuid) to :WORKER;

create or replace function app_private.restore_deleted_rows(batch_id uuid, table_name text, row_ids uuid[]) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  as $$
  declare
    relation constant regclass := restore_deleted_rows.table_name::regclass;
    links text;
  begin
    if app.current_import_batch_id() is distinct from restore_deleted_rows.batch_id then
      perform app_private.raise_error('LF261', restore_deleted_rows.batch_id::text);
    end if;
    execute format(
      $sql$
      insert into %1$s (%2$s)
      select %3$s
      from imports.effects e
      join app_private.import_before_images i on i.batch_id = e.batch_id and i.row_id = e.row_id and i.table_name = e.table_name
      cross join lateral jsonb_populate_record(null::%1$s, i.image) was
      where e.tenant_id = $1 and e.batch_id = $2 and e.table_name = $3 and e.row_id = any ($4) and e.effect = 'deleted'
      $sql$,
      relation,
      (select string_agg(format('%I', a.attname), ', ' order by a.attnum) from pg_attribute a
       where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''),
      (select string_agg(format('was.%I', a.attname), ', ' order by a.attnum) from pg_attribute a
       where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')
    ) using app.current_tenant_id(), restore_deleted_rows.batch_id, restore_deleted_rows.table_name, row_ids;
    select string_agg(distinct format('%1$I = (was.content).%1$I', a.attname), ', ') into links
    from pg_constraint c
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey) and a.attname <> 'tenant_id'
    where c.contype = 'f' and c.conrelid = relation;
    if links is not null then
      -- A row that somebody edits in this moment keeps what it has.
      execute format(
        $sql$
        update %1$s row
        set %2$s
        from (
          select e.row_id, e.row_hash, jsonb_populate_record(null::%1$s, i.image) as content, (
            select c.column_names
            from imports.collections c
            where c.tenant_id = $1 and c.batch_id = $2 and c.table_name = $3
            order by c.place
            limit 1
          ) as column_names
          from imports.effects e
          join app_private.import_before_images i on i.batch_id = e.batch_id and i.row_id = e.row_id and i.table_name = e.table_name
          where e.tenant_id = $1 and e.batch_id = $2 and e.table_name = $3 and e.row_id = any ($4) and e.effect = 'unlinked'
        ) was
        where row.tenant_id = $1 and row.id = was.row_id and app_private.hash_imported_columns(to_jsonb(row), was.column_names) = was.row_hash
        $sql$,
        relation, links
      ) using app.current_tenant_id(), restore_deleted_rows.batch_id, restore_deleted_rows.table_name, row_ids;
    end if;
  end
  $$;
comment on function app_private.restore_deleted_rows(uuid, text, uuid[]) is
  'Makes rows again that the batch at work had deleted, and gives those that had lost a link with them, or got another, their link back. Definer, because dependants may be in tables that the worker does not write.';
revoke all on function app_private.restore_deleted_rows(uuid, text, uuid[]) from public;
grant execute on function app_private.restore_deleted_rows(uuid, text, uuid[]) to :WORKER;
--! EndIncluded imports/delete_rows.sql
