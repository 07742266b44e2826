--! Previous: sha1:22afad77dc74fc30043f4e0ab93cc44907e07ab5
--! Hash: sha1:3a5cd5b25dc0f6c1349eb3878beb77e4b2257450
--! Message: fix and replay quarantine

-- What waits in quarantine can be put right and taken up again.
set local lock_timeout = '3s';

alter table imports.batches
  add column is_replay_due boolean not null default false,
  add column replayed_at timestamptz;
alter table imports.issues add column settled_at timestamptz;
alter table app_private.import_payloads add column fixed_text text;

create table imports.fixes (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  source_id uuid not null,
  collection text not null,
  record_id text not null,
  field text not null,
  original text,
  value jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint fixes_pkey primary key (tenant_id, id),
  constraint fixes_tenant_id_source_id_collection_record_id_field_key unique (tenant_id, source_id, collection, record_id, field),
  constraint fixes_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint fixes_source_id_fkey foreign key (tenant_id, source_id) references imports.sources (tenant_id, id) on delete cascade
);
alter table imports.fixes enable row level security;
alter table imports.fixes force row level security;

--! Included imports/machine.sql
-- How a batch goes on. People ask for pauses, resumption, replay and rollback; everything else is the worker's.
select app_private.define_machine('import_batch', $$
  -> planned: worker
  -> queued: worker
  planned -> queued: worker
  queued -> running: worker
  running -> verifying: worker
  verifying -> completed: worker
  verifying -> incomplete: worker
  verifying -> failed: worker
  running -> paused: worker, admin
  verifying -> paused: worker, admin
  paused -> queued: worker, admin
  queued -> cancelled: worker, admin
  running -> cancelled: worker, admin
  paused -> cancelled: worker, admin
  incomplete -> running: worker, admin
  completed -> rolling_back: worker, admin
  incomplete -> rolling_back: worker, admin
  failed -> rolling_back: worker, admin
  cancelled -> rolling_back: worker, admin
  rolling_back -> rolled_back: worker
$$);
--! EndIncluded imports/machine.sql
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
  ('LF280', 'report_not_shown', 401, 'This report is shown to those who may see the import.', 'Send a token in the Authorization header, or open a link that POST /reports/imports/<batch>/link gave you.'),
  ('LF281', 'report_link_ended', 401, 'This link to a report has ended, or belongs to another one.', 'Ask for a new link: POST /reports/imports/<batch>/link, with a token in the Authorization header.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded imports/errors.sql
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
comment on table imports.batches is '@class tenant
One run of an import, from reading to the proof.';
comment on column imports.batches.id is 'The row''s id, time-ordered.';
comment on column imports.batches.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.batches.source_id is 'Where it reads.';
comment on column imports.batches.status is '@isIndexed
How far it is; incomplete means that the ledger balances but something waits in quarantine.';
comment on column imports.batches.location is 'The folder or address that was read.';
comment on column imports.batches.mapping_hash is 'SHA-256 of the mapping as it was.';
comment on column imports.batches.is_verified is 'Whether every check passed; null before verification.';
comment on column imports.batches.message is 'Why it stopped, where it did.';
comment on column imports.batches.way_out is 'What to do then.';
comment on column imports.batches.started_at is 'When work on it began.';
comment on column imports.batches.finished_at is 'When it ended.';
comment on column imports.batches.is_replay_due is 'Whether what waited in quarantine is still to be taken up again.';
comment on column imports.batches.replayed_at is 'When what waited in quarantine was last taken up again.';
comment on column imports.batches.created_at is 'When the row was made.';
comment on column imports.batches.updated_at is 'When the row was last changed.';
comment on constraint batches_tenant_id_fkey on imports.batches is 'There is no such tenant.';
comment on constraint batches_source_id_fkey on imports.batches is 'There is no such source.';
comment on constraint batches_finished_is_verified_check on imports.batches is 'A batch is complete only when every check has passed.';
comment on index imports.batches_tenant_id_source_id_open_key is 'Another import of this source is under way; wait for it, or resume it.';
--! EndIncluded imports/batches.sql
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


comment on type imports.row_effect is 'What a batch did to a row.';
comment on table imports.effects is '@class tenant
A row that a batch inserted or changed, with the hash of what it wrote.';
comment on column imports.effects.id is 'The row''s id, time-ordered.';
comment on column imports.effects.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.effects.batch_id is 'The batch.';
comment on column imports.effects.row_id is 'The row.';
comment on column imports.effects.table_name is 'Its table, with the schema.';
comment on column imports.effects.effect is 'What the batch did to it.';
comment on column imports.effects.row_hash is 'SHA-256 of the imported columns as they were written: a row with another hash was edited since.';
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
comment on column imports.issues.detail is 'The particulars, such as the parent that is missing.';
comment on column imports.issues.way_out is 'What to do about it.';
comment on column imports.issues.settled_at is 'When a replay took it up: what is still wrong was told anew then. Null while it stands.';
comment on column imports.issues.created_at is 'When the row was made.';
comment on constraint issues_tenant_id_fkey on imports.issues is 'There is no such tenant.';
comment on constraint issues_batch_id_fkey on imports.issues is 'There is no such batch.';
comment on constraint issues_collection_id_fkey on imports.issues is 'There is no such collection in the ledger.';
--! EndIncluded imports/issues.sql
--! Included imports/fixes.sql
-- Cells that a person has put right. They hold for every import of the source, as long as it still says there what it said.
drop policy if exists all_tenant on imports.fixes;
create policy all_tenant on imports.fixes as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.fixes;
create policy select_owner on imports.fixes for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.fixes;
create policy insert_owner on imports.fixes for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.fixes;
create policy update_owner on imports.fixes for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.fixes;
create policy delete_owner on imports.fixes for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.fixes;
create policy select_viewer on imports.fixes for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.fixes;
create policy select_worker on imports.fixes for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.fixes;
create policy update_worker on imports.fixes for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.fixes to :VIEWER;
grant select, update on table imports.fixes to :WORKER;

create or replace trigger _100_stamp_times before update on imports.fixes
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _700_audit_insert after insert on imports.fixes
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on imports.fixes
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on imports.fixes
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table imports.fixes is '@class tenant
A value that a person gave a cell of a record, in place of one that waits in quarantine. Who and when is in the audit.';
comment on column imports.fixes.id is 'The row''s id, time-ordered.';
comment on column imports.fixes.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.fixes.source_id is 'The source.';
comment on column imports.fixes.collection is 'The collection, by its name in the mapping.';
comment on column imports.fixes.record_id is 'The record in the source.';
comment on column imports.fixes.field is 'The field, as the source names it.';
comment on column imports.fixes.original is 'What the source has there, as JSON text; where it says something else by now, the fix no longer holds.';
comment on column imports.fixes.value is 'What counts instead, as the source would write it; null empties the cell.';
comment on column imports.fixes.created_at is 'When the row was made.';
comment on column imports.fixes.updated_at is 'When the row was last changed.';
comment on constraint fixes_tenant_id_fkey on imports.fixes is 'There is no such tenant.';
comment on constraint fixes_source_id_fkey on imports.fixes is 'There is no such source.';
comment on constraint fixes_tenant_id_source_id_collection_record_id_field_key on imports.fixes is 'This cell is fixed already.';
--! EndIncluded imports/fixes.sql
--! Included imports/private.sql
-- The worker's own tables. No row security: COPY is refused under it, nobody but the worker has any right here, and what people may see
-- of a payload goes through imports.records_source_text.
grant usage on schema app_private to :WORKER;
grant select, insert on table app_private.import_payloads to :WORKER;
grant update (fixed_text, holds_refused_text, rows, refusal) on table app_private.import_payloads to :WORKER;
grant select, insert, delete on table app_private.import_places to :WORKER;
grant select, insert on table app_private.import_before_images to :WORKER;
grant select, insert, update, delete on table app_private.import_leases to :WORKER;

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
      execute format('analyze app_private.%I', partition_name);
    end if;
    analyze app_private.import_places, imports.records, imports.effects, imports.issues;
  end
  $$;
comment on function app_private.analyze_imports(uuid) is
  'Brings the planner''s statistics of a batch''s payloads and of the ledger up to date. Definer, because only an owner may.';
revoke all on function app_private.analyze_imports(uuid) from public;
grant execute on function app_private.analyze_imports(uuid) to :WORKER;
--! EndIncluded imports/private.sql
--! Included imports/fix_issue.sql
-- Quarantine: a person puts a cell right, and what waits is taken up again, out of the ledger.
create or replace function imports.fix_import_issue(issue_id uuid, value jsonb, field text default null) returns imports.fixes
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    issue imports.issues;
    line imports.collections;
    cell text;
    fix imports.fixes;
  begin
    perform app_private.require_role('fix a cell of an import', 'admin', 'worker');
    select i.* into issue from imports.issues i where i.tenant_id = app.current_tenant_id() and i.id = issue_id;
    if not found then
      perform app_private.raise_error('LF006', 'import issue', coalesce(issue_id::text, 'without an id'));
    end if;
    if issue.settled_at is not null then
      perform app_private.raise_error('LF243');
    end if;
    cell := coalesce(fix_import_issue.field, issue.field);
    if cell is null or issue.record_id is null or exists (
      select from imports.fields f
      where f.tenant_id = issue.tenant_id and f.collection_id = issue.collection_id and f.name = cell and f.fate <> 'mapped'
    ) then
      perform app_private.raise_error('LF242', coalesce(cell, issue.reason));
    end if;
    select c.* into strict line from imports.collections c where c.tenant_id = issue.tenant_id and c.id = issue.collection_id;
    insert into imports.fixes (tenant_id, source_id, collection, record_id, field, original, value)
    select issue.tenant_id, b.source_id, line.name, issue.record_id, cell,
      case when cell = issue.field then coalesce(issue.original, 'null') end, coalesce(fix_import_issue.value, 'null')
    from imports.batches b
    where b.tenant_id = issue.tenant_id and b.id = issue.batch_id
    on conflict on constraint fixes_tenant_id_source_id_collection_record_id_field_key
      do update set original = excluded.original, value = excluded.value
    returning * into fix;
    return fix;
  end
  $$;
comment on function imports.fix_import_issue(uuid, jsonb, text) is
  'Gives a cell the value that counts instead of the source''s, written as the source would; the original stays in the ledger. It takes effect with a replay, and holds for later imports. Name the field where the issue names none. Definer, because the ledger is written by machines. For admins.';
revoke all on function imports.fix_import_issue(uuid, jsonb, text) from public;
grant execute on function imports.fix_import_issue(uuid, jsonb, text) to :ADMIN, :WORKER;

create or replace function imports.replay_import_batch(batch_id uuid) returns imports.batches
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch imports.batches := app_private.lock_import_batch('replay an import', batch_id);
    later_id uuid;
  begin
    select b.id into later_id
    from imports.batches b
    where b.tenant_id = batch.tenant_id and b.source_id = batch.source_id and b.status not in ('planned', 'rolled_back')
      and (b.created_at, b.id) > (batch.created_at, batch.id)
    order by b.created_at desc, b.id desc
    limit 1;
    if later_id is not null then
      perform app_private.raise_error('LF244', later_id::text);
    end if;
    update imports.batches b
    set status = 'running', is_replay_due = true, replayed_at = clock_timestamp(), finished_at = null, message = null, way_out = null
    where b.tenant_id = batch.tenant_id and b.id = batch.id
    returning b.* into batch;
    return batch;
  end
  $$;
comment on function imports.replay_import_batch(uuid) is
  'Takes up what waits in quarantine again, with the fixes and the mapping as they are now, without a call to the source. Definer, because batches are written by machines. For admins.';
revoke all on function imports.replay_import_batch(uuid) from public;
grant execute on function imports.replay_import_batch(uuid) to :ADMIN, :WORKER;
--! EndIncluded imports/fix_issue.sql
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
    select count(*) as records from imports.records r where r.tenant_id = c.tenant_id and r.collection_id = c.id
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
    c.landed - count(r.id) filter (where r.outcome <> 'deleted') as without_outcome
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
