--! Previous: sha1:0b39bbbec60deedd11b22c9bdcd09fc47c366e71
--! Hash: sha1:f44feb4475f3c4567a27bed9da07f1028081daf5
--! Message: keep attachments

-- The files that hang on records: copied while their addresses live, kept by the hash of what they hold.
set local lock_timeout = '3s';

create table imports.attachments (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  batch_id uuid not null,
  collection_id uuid not null,
  row_id uuid not null,
  record_id text not null,
  field text not null,
  file_id text not null,
  file_name text not null,
  media_type text,
  byte_size bigint,
  sha256 bytea,
  problem text,
  created_at timestamptz not null default now(),
  constraint attachments_pkey primary key (tenant_id, id),
  constraint attachments_tenant_id_batch_id_row_id_field_file_id_key unique (tenant_id, batch_id, row_id, field, file_id),
  constraint attachments_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint attachments_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id) on delete cascade,
  constraint attachments_collection_id_fkey foreign key (tenant_id, collection_id) references imports.collections (tenant_id, id) on delete cascade,
  constraint attachments_copied_or_problem_check check (num_nonnulls(sha256, problem) = 1)
);
alter table imports.attachments enable row level security;
alter table imports.attachments force row level security;
create index attachments_tenant_id_row_id_idx on imports.attachments (tenant_id, row_id, id desc);
create index attachments_tenant_id_collection_id_idx on imports.attachments (tenant_id, collection_id);
create index attachments_tenant_id_file_id_idx on imports.attachments (tenant_id, file_id) where sha256 is not null;

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
--! Included imports/attachments.sql
-- The files of records: where each hangs, and the hash under which the file store keeps it. The bytes are not in the database.
drop policy if exists all_tenant on imports.attachments;
create policy all_tenant on imports.attachments as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.attachments;
create policy select_owner on imports.attachments for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.attachments;
create policy insert_owner on imports.attachments for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.attachments;
create policy update_owner on imports.attachments for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.attachments;
create policy delete_owner on imports.attachments for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.attachments;
create policy select_viewer on imports.attachments for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.attachments;
create policy select_worker on imports.attachments for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.attachments;
create policy insert_worker on imports.attachments for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.attachments to :VIEWER;
grant select, insert on table imports.attachments to :WORKER;


comment on table imports.attachments is '@class tenant
A file that hangs on a record in one batch: kept in the file store under its hash, or what kept it from being copied.';
comment on column imports.attachments.id is 'The row''s id, time-ordered.';
comment on column imports.attachments.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.attachments.batch_id is 'The batch.';
comment on column imports.attachments.collection_id is 'The collection.';
comment on column imports.attachments.row_id is 'The id of the row that its record is, or would be.';
comment on column imports.attachments.record_id is 'The id of its record in the source.';
comment on column imports.attachments.field is 'The field that it hangs on.';
comment on column imports.attachments.file_id is 'Its own id in the source.';
comment on column imports.attachments.file_name is 'What the source calls the file. A word for people, and no path.';
comment on column imports.attachments.media_type is 'What kind of file the source says it is.';
comment on column imports.attachments.byte_size is 'How many bytes it has; where it was not copied, how many the source says.';
comment on column imports.attachments.sha256 is 'SHA-256 of its bytes, by which the file store knows it.';
comment on column imports.attachments.problem is 'Why it was not copied.';
comment on column imports.attachments.created_at is 'When the row was made.';
comment on constraint attachments_tenant_id_fkey on imports.attachments is 'There is no such tenant.';
comment on constraint attachments_batch_id_fkey on imports.attachments is 'There is no such batch.';
comment on constraint attachments_collection_id_fkey on imports.attachments is 'There is no such collection in the ledger.';
comment on constraint attachments_tenant_id_batch_id_row_id_field_file_id_key on imports.attachments is 'The batch has this file already.';
comment on constraint attachments_copied_or_problem_check on imports.attachments is 'A file is copied, or something kept it from being copied.';
--! EndIncluded imports/attachments.sql
