--! Previous: sha1:90d04ff118219fcdfa7e59872b84cc67eb5ef09f
--! Hash: sha1:6686e371b1cc7fc2b9b8c756dd32ef91f5e4efa9
--! Message: cut over from a source

-- A source is left behind in steps: delta passes, a last pass while nobody edits it, parity, the switch; and afterwards a look at what was still edited there.
set local lock_timeout = '3s';

create type imports.cutover_status as enum ('preparing', 'ready', 'final_pass', 'verifying', 'switched', 'reopened', 'abandoned');
create type imports.cutover_pass_kind as enum ('delta', 'final');
create type imports.cutover_edit_kind as enum ('created', 'changed', 'deleted');

alter table imports.batches add column is_after_cutover boolean not null default false;
alter table imports.batches add column checked_at timestamptz;

create table imports.cutovers (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  source_id uuid not null,
  final_batch_id uuid,
  status imports.cutover_status not null default 'preparing',
  location text not null,
  on_conflict imports.conflict_policy not null default 'hold',
  delete_threshold numeric not null default 5,
  changes_allowed integer not null default 10,
  pass_limit integer not null default 5,
  message text,
  way_out text,
  started_by text not null,
  frozen_by text,
  frozen_at timestamptz,
  switched_at timestamptz,
  ended_by text,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint cutovers_pkey primary key (tenant_id, id),
  constraint cutovers_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint cutovers_source_id_fkey foreign key (tenant_id, source_id) references imports.sources (tenant_id, id) on delete cascade,
  constraint cutovers_final_batch_id_fkey foreign key (tenant_id, final_batch_id) references imports.batches (tenant_id, id)
    on delete set null (final_batch_id),
  constraint cutovers_changes_allowed_check check (changes_allowed >= 0),
  constraint cutovers_delete_threshold_check check (delete_threshold between 0 and 100),
  constraint cutovers_frozen_is_told_check check (status not in ('final_pass', 'verifying', 'switched') or frozen_at is not null),
  constraint cutovers_switched_has_time_check check (status <> 'switched' or switched_at is not null)
);
alter table imports.cutovers enable row level security;
alter table imports.cutovers force row level security;
create index cutovers_tenant_id_source_id_created_at_idx on imports.cutovers (tenant_id, source_id, created_at desc);
create index cutovers_tenant_id_created_at_idx on imports.cutovers (tenant_id, created_at desc);
create index cutovers_tenant_id_final_batch_id_idx on imports.cutovers (tenant_id, final_batch_id);
create unique index cutovers_tenant_id_source_id_open_key on imports.cutovers (tenant_id, source_id)
  where status in ('preparing', 'ready', 'final_pass', 'verifying', 'switched');

create table imports.cutover_passes (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  cutover_id uuid not null,
  plan_batch_id uuid,
  batch_id uuid,
  number integer not null,
  kind imports.cutover_pass_kind not null,
  changes bigint,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint cutover_passes_pkey primary key (tenant_id, id),
  constraint cutover_passes_tenant_id_cutover_id_number_key unique (tenant_id, cutover_id, number),
  constraint cutover_passes_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint cutover_passes_cutover_id_fkey foreign key (tenant_id, cutover_id) references imports.cutovers (tenant_id, id) on delete cascade,
  constraint cutover_passes_plan_batch_id_fkey foreign key (tenant_id, plan_batch_id) references imports.batches (tenant_id, id)
    on delete set null (plan_batch_id),
  constraint cutover_passes_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id)
    on delete set null (batch_id),
  constraint cutover_passes_finished_is_counted_check check ((finished_at is null) = (changes is null))
);
alter table imports.cutover_passes enable row level security;
alter table imports.cutover_passes force row level security;
create index cutover_passes_tenant_id_plan_batch_id_idx on imports.cutover_passes (tenant_id, plan_batch_id);
create index cutover_passes_tenant_id_batch_id_idx on imports.cutover_passes (tenant_id, batch_id);

create table imports.cutover_checks (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  cutover_id uuid not null,
  base_batch_id uuid,
  batch_id uuid,
  location text not null,
  asked_by text not null,
  created bigint,
  changed bigint,
  deleted bigint,
  message text,
  way_out text,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint cutover_checks_pkey primary key (tenant_id, id),
  constraint cutover_checks_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint cutover_checks_cutover_id_fkey foreign key (tenant_id, cutover_id) references imports.cutovers (tenant_id, id) on delete cascade,
  constraint cutover_checks_base_batch_id_fkey foreign key (tenant_id, base_batch_id) references imports.batches (tenant_id, id)
    on delete set null (base_batch_id),
  constraint cutover_checks_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id)
    on delete set null (batch_id),
  constraint cutover_checks_finished_is_counted_check check (finished_at is null or message is not null or num_nonnulls(created, changed, deleted) = 3)
);
alter table imports.cutover_checks enable row level security;
alter table imports.cutover_checks force row level security;
create index cutover_checks_tenant_id_cutover_id_created_at_idx on imports.cutover_checks (tenant_id, cutover_id, created_at desc);
create index cutover_checks_tenant_id_base_batch_id_idx on imports.cutover_checks (tenant_id, base_batch_id);
create index cutover_checks_tenant_id_batch_id_idx on imports.cutover_checks (tenant_id, batch_id);

create table imports.cutover_edits (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  cutover_check_id uuid not null,
  collection text not null,
  record_id text not null,
  row_id uuid not null,
  kind imports.cutover_edit_kind not null,
  fields text[],
  created_at timestamptz not null default now(),
  constraint cutover_edits_pkey primary key (tenant_id, id),
  constraint cutover_edits_tenant_id_cutover_check_id_row_id_key unique (tenant_id, cutover_check_id, row_id),
  constraint cutover_edits_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint cutover_edits_cutover_check_id_fkey foreign key (tenant_id, cutover_check_id) references imports.cutover_checks (tenant_id, id)
    on delete cascade
);
alter table imports.cutover_edits enable row level security;
alter table imports.cutover_edits force row level security;

drop function imports.queue_import_batch(uuid, imports.conflict_policy, numeric, text);
drop function app_private.ask_for_import(text, imports.batch_status, uuid, imports.conflict_policy, numeric, text);

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
  ('LF246', 'import_after_cutover', 409, 'This source was left behind on %s: its records are kept up in Landfall now.', 'To see what was still edited there: landfall cutover check, or checkImportCutover. To import it all the same: --after-cutover, or afterCutover. To use both again: landfall cutover reopen, or reopenImportCutover.'),
  ('LF247', 'import_not_ended', 409, 'The import %s is %s.', 'Verify it when it has ended.'),
  ('LF248', 'cutover_without_parity', 409, 'Parity does not hold: %s.', 'See what differs in the report of that import: landfall import report. Mend it, then walk the cut-over again: landfall cutover, or startImportCutover.'),
  ('LF249', 'cutover_not_ready', 409, 'The cut-over cannot go on.', 'Settle what the message names, then walk it again: landfall cutover, or startImportCutover.'),
  ('LF250', 'cutover_switched', 409, 'This source was cut over on %s.', 'To see what was still edited there: landfall cutover check, or checkImportCutover. To take the switch back: landfall cutover reopen, or reopenImportCutover.'),
  ('LF251', 'cutover_not_switched', 409, 'The cut-over %s is %s: there is no switch to check.', 'Walk it to its end first: landfall cutover, or startImportCutover and switchImportCutover.'),
  ('LF252', 'cutover_unknown', 404, 'The tenant has no such cut-over.', 'See those there are: landfall cutover status. To begin one: landfall cutover --mapping … --from ….'),
  ('LF253', 'cutover_source_busy', 409, 'The source changes faster than the delta passes follow.', 'Walk the cut-over again at a quieter time, or with a higher --until.'),
  ('LF254', 'cutover_source_partial', 409, 'The source is known to lack records: what is gone from it cannot be told.', 'Take the live source, or a whole snapshot of it.'),
  ('LF255', 'cutover_stopped', 409, 'The cut-over stopped.', 'Settle what the message names, then walk it again: landfall cutover, or startImportCutover.'),
  ('LF256', 'import_switched', 409, 'The source of this import was cut over on %s: the business rests on what it brought.', 'Take the switch back first: landfall cutover reopen, or reopenImportCutover; then take the import back.'),
  ('LF260', 'import_deletes_too_much', 409, 'More records are gone from the source than may be deleted.', 'Check the source; if they are meant to be gone, run the import again with a higher --delete-threshold.'),
  ('LF261', 'import_batch_not_at_work', 409, 'The import batch %s deletes nothing: it is not at work.', 'Run the import again.'),
  ('LF262', 'import_holds_secret', 409, '%s keeps a secret of it, which an import neither deletes nor copies.', 'Delete the row by hand if it is meant to go.'),
  ('LF263', 'import_location_unknown', 400, 'This source was never read from %s.', 'Import from there once at the command line: landfall import run --from …; then it can be asked for here.'),
  ('LF264', 'import_issue_without_record', 400, 'This issue is not about a record that waits: %s.', 'Name an issue of the record that is to make no row of its own: landfall import issues, or importIssues.'),
  ('LF265', 'import_merge_without_row', 409, '%s has no row of its own to merge into.', 'Name a record that came in; where the two wait for each other, settle that one first, or merge the other way round.'),
  ('LF266', 'import_payloads_forgotten', 410, 'The texts of the import %s were forgotten on %s: they are kept as long as LANDFALL_TEXTS_KEPT_FOR says.', 'Their hashes, outcomes and issues are kept. To settle what waits, or to prove it anew, import the source again.'),
  ('LF267', 'import_mapping_changed', 409, 'The mapping has changed since the import %s.', 'Import the source again: that is proved by the mapping as it is now.'),
  ('LF280', 'report_not_shown', 401, 'This report is shown to those who may see the import.', 'Send a token in the Authorization header, or open a link that POST /reports/imports/<batch>/link gave you.'),
  ('LF281', 'report_link_ended', 401, 'This link to a report has ended, or belongs to another one.', 'Ask for a new link: POST /reports/imports/<batch>/link, with a token in the Authorization header.'),
  ('LF416', 'file_store_unusable', 503, 'The file store cannot be used at the moment.', 'Try again later; whoever runs Landfall finds what is wrong in the log, under the error id %s.'),
  ('LF417', 'file_damaged', 500, 'A file in the store does not hold what it should.', 'Bring it back from a backup; or delete it there, and the next import of its source fetches it again.'),
  ('LF418', 'files_leaving', 409, 'Files are set aside there for a tenant that is being deleted.', 'Finish that first: landfall tenant delete <slug>.')
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
comment on constraint batches_finished_is_verified_check on imports.batches is 'A batch is complete only when every check has passed.';
comment on constraint batches_delete_threshold_check on imports.batches is 'The threshold of deletions is a percentage from 0 to 100.';
comment on index imports.batches_tenant_id_source_id_open_key is 'Another import of this source is under way; wait for it, or resume it.';
--! EndIncluded imports/batches.sql
--! Included imports/cutover_machine.sql
-- How a cut-over goes on. People begin it, say that nobody edits the source any more, reopen it and give it up; the switch itself is the worker's, and parity's.
select app_private.define_machine('import_cutover', $$
  -> preparing: worker, admin
  preparing -> ready: worker
  ready -> preparing: worker, admin
  ready -> final_pass: worker, admin
  final_pass -> verifying: worker
  final_pass -> preparing: worker
  verifying -> switched: worker
  verifying -> preparing: worker
  switched -> reopened: worker, admin
  preparing -> abandoned: worker, admin
  ready -> abandoned: worker, admin
  final_pass -> abandoned: worker, admin
  verifying -> abandoned: worker, admin
$$);
--! EndIncluded imports/cutover_machine.sql
--! Included imports/cutovers.sql
-- The move of a business off its source: from the first delta pass to the switch, and back where it must be. Its status follows the machine import_cutover.
drop policy if exists all_tenant on imports.cutovers;
create policy all_tenant on imports.cutovers as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.cutovers;
create policy select_owner on imports.cutovers for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.cutovers;
create policy insert_owner on imports.cutovers for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.cutovers;
create policy update_owner on imports.cutovers for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.cutovers;
create policy delete_owner on imports.cutovers for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.cutovers;
create policy select_viewer on imports.cutovers for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.cutovers;
create policy select_worker on imports.cutovers for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.cutovers;
create policy update_worker on imports.cutovers for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.cutovers to :VIEWER;
grant select, update on table imports.cutovers to :WORKER;

create or replace trigger _100_stamp_times before update on imports.cutovers
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _300_check_birth before insert on imports.cutovers
  for each row execute function app_private.tg__check_transition('import_cutover', 'status');
create or replace trigger _300_check_transition before update on imports.cutovers
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('import_cutover', 'status');
create or replace trigger _700_audit_insert after insert on imports.cutovers
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on imports.cutovers
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on imports.cutovers
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type imports.cutover_status is 'How far a cut-over is: delta passes while both systems are in use; ready, when few enough changes remain; the last pass and its verification, while nobody edits the source; switched, reopened, or abandoned before the switch.';
comment on table imports.cutovers is '@class tenant
One attempt to move off a source: delta passes, the last pass, parity, and the switch.';
comment on column imports.cutovers.id is 'The row''s id, time-ordered.';
comment on column imports.cutovers.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.cutovers.source_id is 'The source that is left behind.';
comment on column imports.cutovers.final_batch_id is 'The import of the last pass, whose report is the parity report; null before.';
comment on column imports.cutovers.status is 'How far it is.';
comment on column imports.cutovers.location is 'The folder or address that is read.';
comment on column imports.cutovers.on_conflict is 'Whose value stays where the source and people both changed a column; every pass is told so.';
comment on column imports.cutovers.delete_threshold is 'How many percent of a collection''s rows may be gone from the source in one pass.';
comment on column imports.cutovers.changes_allowed is 'With how many changes or fewer a delta pass is the last of its kind.';
comment on column imports.cutovers.pass_limit is 'The number of the last delta pass that may be made before a person looks.';
comment on column imports.cutovers.message is 'Why it stopped, where it did; null while it goes on.';
comment on column imports.cutovers.way_out is 'What to do then.';
comment on column imports.cutovers.started_by is 'Who began it, or went on with it last.';
comment on column imports.cutovers.frozen_by is 'Who said that nobody edits the source any more.';
comment on column imports.cutovers.frozen_at is 'When that was said: the last pass reads everything after it.';
comment on column imports.cutovers.switched_at is 'When parity held and the switch was marked; from then on the source is not imported any more.';
comment on column imports.cutovers.ended_by is 'Who took the switch back, or gave the cut-over up before it.';
comment on column imports.cutovers.ended_at is 'When that was.';
comment on column imports.cutovers.created_at is 'When the row was made.';
comment on column imports.cutovers.updated_at is 'When the row was last changed.';
comment on constraint cutovers_tenant_id_fkey on imports.cutovers is 'There is no such tenant.';
comment on constraint cutovers_source_id_fkey on imports.cutovers is 'There is no such source.';
comment on constraint cutovers_final_batch_id_fkey on imports.cutovers is 'There is no such batch.';
comment on constraint cutovers_changes_allowed_check on imports.cutovers is 'The changes that may remain are a number from 0.';
comment on constraint cutovers_delete_threshold_check on imports.cutovers is 'The threshold of deletions is a percentage from 0 to 100.';
comment on constraint cutovers_frozen_is_told_check on imports.cutovers is 'The last pass is made when somebody has said that nobody edits the source any more.';
comment on constraint cutovers_switched_has_time_check on imports.cutovers is 'A switch has its time.';
comment on index imports.cutovers_tenant_id_source_id_open_key is 'A cut-over of this source is there already; go on with it, reopen it, or abandon it.';
--! EndIncluded imports/cutovers.sql
--! Included imports/cutover_passes.sql
-- The passes of a cut-over: ordinary imports, each planned and then run.
drop policy if exists all_tenant on imports.cutover_passes;
create policy all_tenant on imports.cutover_passes as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.cutover_passes;
create policy select_owner on imports.cutover_passes for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.cutover_passes;
create policy insert_owner on imports.cutover_passes for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.cutover_passes;
create policy update_owner on imports.cutover_passes for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.cutover_passes;
create policy delete_owner on imports.cutover_passes for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.cutover_passes;
create policy select_viewer on imports.cutover_passes for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.cutover_passes;
create policy select_worker on imports.cutover_passes for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.cutover_passes;
create policy insert_worker on imports.cutover_passes for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.cutover_passes;
create policy update_worker on imports.cutover_passes for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.cutover_passes to :VIEWER;
grant select, insert, update on table imports.cutover_passes to :WORKER;

comment on type imports.cutover_pass_kind is 'A pass while the source is in use, or the last one, after it.';
comment on table imports.cutover_passes is '@class tenant
One pass of a cut-over: a plan, an import, and how much had changed.';
comment on column imports.cutover_passes.id is 'The row''s id, time-ordered.';
comment on column imports.cutover_passes.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.cutover_passes.cutover_id is 'The cut-over.';
comment on column imports.cutover_passes.plan_batch_id is 'The batch of its plan; null before it is planned.';
comment on column imports.cutover_passes.batch_id is 'The batch of its import; null before it is run.';
comment on column imports.cutover_passes.number is 'Its turn, from 1.';
comment on column imports.cutover_passes.kind is 'Whether the source is still in use.';
comment on column imports.cutover_passes.changes is 'How many rows it inserted, updated or deleted; null before its end.';
comment on column imports.cutover_passes.created_at is 'When it began.';
comment on column imports.cutover_passes.finished_at is 'When it ended; null before.';
comment on constraint cutover_passes_tenant_id_fkey on imports.cutover_passes is 'There is no such tenant.';
comment on constraint cutover_passes_cutover_id_fkey on imports.cutover_passes is 'There is no such cut-over.';
comment on constraint cutover_passes_plan_batch_id_fkey on imports.cutover_passes is 'There is no such batch.';
comment on constraint cutover_passes_batch_id_fkey on imports.cutover_passes is 'There is no such batch.';
comment on constraint cutover_passes_tenant_id_cutover_id_number_key on imports.cutover_passes is 'The cut-over has this pass already.';
comment on constraint cutover_passes_finished_is_counted_check on imports.cutover_passes is 'A pass that has ended says how much had changed.';
--! EndIncluded imports/cutover_passes.sql
--! Included imports/cutover_checks.sql
-- Readings of a source after the switch: which of its records are still edited there.
drop policy if exists all_tenant on imports.cutover_checks;
create policy all_tenant on imports.cutover_checks as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.cutover_checks;
create policy select_owner on imports.cutover_checks for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.cutover_checks;
create policy insert_owner on imports.cutover_checks for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.cutover_checks;
create policy update_owner on imports.cutover_checks for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.cutover_checks;
create policy delete_owner on imports.cutover_checks for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.cutover_checks;
create policy select_viewer on imports.cutover_checks for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.cutover_checks;
create policy select_worker on imports.cutover_checks for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.cutover_checks;
create policy update_worker on imports.cutover_checks for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.cutover_checks to :VIEWER;
grant select, update on table imports.cutover_checks to :WORKER;

comment on table imports.cutover_checks is '@class tenant
One reading of a source after the switch, which writes no row of the business: what was still edited there.';
comment on column imports.cutover_checks.id is 'The row''s id, time-ordered.';
comment on column imports.cutover_checks.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.cutover_checks.cutover_id is 'The cut-over.';
comment on column imports.cutover_checks.base_batch_id is 'The import that the source is compared with: the latest, most often that of the last pass.';
comment on column imports.cutover_checks.batch_id is 'The plan that read the source, with what an import would do now; null before.';
comment on column imports.cutover_checks.location is 'The folder or address that is read.';
comment on column imports.cutover_checks.asked_by is 'Who asked for it.';
comment on column imports.cutover_checks.created is 'Records that the source has now and had not; null before the end.';
comment on column imports.cutover_checks.changed is 'Records that say something else; null before the end.';
comment on column imports.cutover_checks.deleted is 'Records that the source has no longer; null before the end.';
comment on column imports.cutover_checks.message is 'Why it could not be made, where it could not.';
comment on column imports.cutover_checks.way_out is 'What to do then.';
comment on column imports.cutover_checks.created_at is 'When it was asked for.';
comment on column imports.cutover_checks.finished_at is 'When it ended; null before.';
comment on constraint cutover_checks_tenant_id_fkey on imports.cutover_checks is 'There is no such tenant.';
comment on constraint cutover_checks_cutover_id_fkey on imports.cutover_checks is 'There is no such cut-over.';
comment on constraint cutover_checks_base_batch_id_fkey on imports.cutover_checks is 'There is no such batch.';
comment on constraint cutover_checks_batch_id_fkey on imports.cutover_checks is 'There is no such batch.';
comment on constraint cutover_checks_finished_is_counted_check on imports.cutover_checks is 'A check that has ended says what it found, or why it found nothing.';
--! EndIncluded imports/cutover_checks.sql
--! Included imports/cutover_edits.sql
-- The records that a check after the switch found edited in the source.
drop policy if exists all_tenant on imports.cutover_edits;
create policy all_tenant on imports.cutover_edits as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.cutover_edits;
create policy select_owner on imports.cutover_edits for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.cutover_edits;
create policy insert_owner on imports.cutover_edits for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.cutover_edits;
create policy update_owner on imports.cutover_edits for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.cutover_edits;
create policy delete_owner on imports.cutover_edits for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.cutover_edits;
create policy select_viewer on imports.cutover_edits for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.cutover_edits;
create policy select_worker on imports.cutover_edits for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.cutover_edits;
create policy insert_worker on imports.cutover_edits for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.cutover_edits to :VIEWER;
grant select, insert on table imports.cutover_edits to :WORKER;

comment on type imports.cutover_edit_kind is 'What was done to a record in the source after the switch.';
comment on table imports.cutover_edits is '@class tenant
A record that was still edited in the source after the switch.';
comment on column imports.cutover_edits.id is 'The row''s id, time-ordered.';
comment on column imports.cutover_edits.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.cutover_edits.cutover_check_id is 'The check that found it.';
comment on column imports.cutover_edits.collection is 'The collection, by its name in the mapping.';
comment on column imports.cutover_edits.record_id is 'The record''s id in the source.';
comment on column imports.cutover_edits.row_id is 'The id of the row that it is here, or would be.';
comment on column imports.cutover_edits.kind is 'What was done to it.';
comment on column imports.cutover_edits.fields is 'The fields that say something else; null where a record was created or deleted, or where the earlier text was forgotten or holds a secret.';
comment on column imports.cutover_edits.created_at is 'When the row was made.';
comment on constraint cutover_edits_tenant_id_fkey on imports.cutover_edits is 'There is no such tenant.';
comment on constraint cutover_edits_cutover_check_id_fkey on imports.cutover_edits is 'There is no such check.';
comment on constraint cutover_edits_tenant_id_cutover_check_id_row_id_key on imports.cutover_edits is 'The check names this record already.';
--! EndIncluded imports/cutover_edits.sql
--! Included imports/guard_cutovers.sql
-- What the database itself keeps to: no switch without parity, and after it no import of the source unless somebody asked for exactly that.
create or replace function app_private.missing_parity(cutover imports.cutovers) returns text
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select case
      when b.id is null then 'the last pass has not been made'
      when b.status <> 'completed' then 'the import ' || b.id || ' of the last pass is ' || b.status
      when b.created_at < missing_parity.cutover.frozen_at then 'the import ' || b.id || ' was begun before the source was left alone'
      when later.id is not null then 'another import of the source was made since: ' || later.id
      when coalesce(checked.made, 0) = 0 then 'the import ' || b.id || ' was not verified'
      when checked.failed > 0 then checked.failed || ' of ' || checked.made || ' checks of the import ' || b.id || ' failed'
    end
    from (select) as always
    left join imports.batches b
      on b.tenant_id = missing_parity.cutover.tenant_id and b.source_id = missing_parity.cutover.source_id
     and b.id = missing_parity.cutover.final_batch_id
    left join lateral (
      select l.id
      from imports.batches l
      where l.tenant_id = b.tenant_id and l.source_id = b.source_id and l.id <> b.id and l.status not in ('planned', 'rolled_back')
        and (l.created_at, l.id) > (b.created_at, b.id)
      order by l.created_at desc, l.id desc
      limit 1
    ) later on true
    left join lateral (
      select count(*) as made, count(*) filter (where not c.is_passed) as failed
      from imports.checks c
      where c.tenant_id = b.tenant_id and c.batch_id = b.id
    ) checked on true
  $$;
comment on function app_private.missing_parity(imports.cutovers) is
  'Why a cut-over''s last pass does not show that the database holds what the source held; null where it does.';
revoke all on function app_private.missing_parity(imports.cutovers) from public;

create or replace function app_private.tg_cutovers__require_parity() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    missing text;
  begin
    -- An import that begins meanwhile waits for this transaction, and then meets the switch.
    perform from imports.sources s where s.tenant_id = new.tenant_id and s.id = new.source_id for update;
    missing := app_private.missing_parity(new);
    if missing is not null then
      perform app_private.raise_error('LF248', missing);
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_cutovers__require_parity() is
  'Definer, because it holds for whoever marks a switch. Refuses a switch that does not rest on a completed, verified import, the latest of its source.';
revoke all on function app_private.tg_cutovers__require_parity() from public;
create or replace trigger _310_require_parity before update on imports.cutovers
  for each row when (old.status is distinct from new.status and new.status = 'switched') execute function app_private.tg_cutovers__require_parity();

create or replace function app_private.tg_batches__refuse_after_cutover() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    switched timestamptz;
  begin
    -- A switch that is about to be marked is waited for.
    perform from imports.sources s where s.tenant_id = new.tenant_id and s.id = new.source_id for key share;
    select c.switched_at into switched
    from imports.cutovers c
    where c.tenant_id = new.tenant_id and c.source_id = new.source_id and c.status = 'switched';
    if found then
      perform app_private.raise_error('LF246', to_char(switched at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'));
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_batches__refuse_after_cutover() is
  'Definer, because it holds for whoever makes a batch. Refuses to import from a source that was left behind, unless the batch says that this is known.';
revoke all on function app_private.tg_batches__refuse_after_cutover() from public;
create or replace trigger _310_refuse_after_cutover before insert on imports.batches
  for each row when (new.status <> 'planned' and not new.is_after_cutover) execute function app_private.tg_batches__refuse_after_cutover();

create or replace function app_private.tg_batches__refuse_rollback_after_cutover() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    switched timestamptz;
  begin
    perform from imports.sources s where s.tenant_id = new.tenant_id and s.id = new.source_id for key share;
    select c.switched_at into switched
    from imports.cutovers c
    where c.tenant_id = new.tenant_id and c.source_id = new.source_id and c.status = 'switched' and c.switched_at >= new.created_at;
    if found then
      perform app_private.raise_error('LF256', to_char(switched at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'));
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_batches__refuse_rollback_after_cutover() is
  'Definer, because it holds for whoever takes a batch back. Refuses to take back what a switch rests on; what was imported after it can be taken back.';
revoke all on function app_private.tg_batches__refuse_rollback_after_cutover() from public;
create or replace trigger _320_refuse_rollback_after_cutover before update on imports.batches
  for each row when (old.status is distinct from new.status and new.status = 'rolling_back')
  execute function app_private.tg_batches__refuse_rollback_after_cutover();
--! EndIncluded imports/guard_cutovers.sql
--! Included imports/walk_cutovers.sql
-- Walking a cut-over. The row is the truth and the job its wake-up: whoever walks it, at the command line or a worker, goes on from what is recorded.
create or replace function app_private.queue_import_cutover(tenant_id uuid, cutover_id uuid) returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$
    select graphile_worker.add_job(
      'imports/walk_cutover',
      json_build_object('tenantId', tenant_id, 'cutoverId', cutover_id),
      job_key => 'imports/walk_cutover:' || cutover_id,
      job_key_mode => 'preserve_run_at'
    )
  $$;
comment on function app_private.queue_import_cutover(uuid, uuid) is 'Wakes the worker for a cut-over. A job that waits already keeps its turn.';
revoke all on function app_private.queue_import_cutover(uuid, uuid) from public;

create or replace function app_private.lock_import_cutover(deed text, cutover_id uuid) returns imports.cutovers
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    cutover imports.cutovers;
  begin
    perform app_private.require_role(deed, 'admin', 'worker');
    select c.* into cutover
    from imports.cutovers c
    where c.tenant_id = app.current_tenant_id() and c.id = lock_import_cutover.cutover_id
    for no key update;
    if not found then
      perform app_private.raise_error('LF006', 'cut-over', coalesce(lock_import_cutover.cutover_id::text, 'without an id'));
    end if;
    return cutover;
  end
  $$;
comment on function app_private.lock_import_cutover(text, uuid) is
  'The cut-over, for whoever may do this with it; nobody else moves it until the transaction ends.';
revoke all on function app_private.lock_import_cutover(text, uuid) from public;

create or replace function imports.start_import_cutover(
  source_id uuid,
  changes_allowed integer default 10,
  passes integer default 5,
  on_conflict imports.conflict_policy default 'hold',
  delete_threshold numeric default 5,
  location text default null
) returns imports.cutovers
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    place text;
    cutover imports.cutovers;
  begin
    perform app_private.require_role('begin a cut-over', 'admin', 'worker');
    -- Two who begin at once: the second goes on with what the first began.
    perform from imports.sources s where s.tenant_id = tenant and s.id = start_import_cutover.source_id for no key update;
    if not found then
      perform app_private.raise_error('LF006', 'import source', coalesce(start_import_cutover.source_id::text, 'without an id'));
    end if;
    if app.current_app_role() = 'worker' and start_import_cutover.location is not null then
      place := start_import_cutover.location;
    else
      select b.location into place
      from imports.batches b
      where b.tenant_id = tenant and b.source_id = start_import_cutover.source_id
        and b.location = coalesce(start_import_cutover.location, b.location)
      order by b.created_at desc, b.id desc
      limit 1;
      if not found then
        perform app_private.raise_error('LF263', coalesce(start_import_cutover.location, 'anywhere'));
      end if;
    end if;
    select c.* into cutover
    from imports.cutovers c
    where c.tenant_id = tenant and c.source_id = start_import_cutover.source_id and c.status not in ('reopened', 'abandoned')
    for no key update;
    if not found then
      insert into imports.cutovers (
        tenant_id, source_id, location, on_conflict, delete_threshold, changes_allowed, pass_limit, started_by
      )
      values (
        tenant, start_import_cutover.source_id, place, coalesce(start_import_cutover.on_conflict, 'hold'),
        coalesce(start_import_cutover.delete_threshold, 5), coalesce(start_import_cutover.changes_allowed, 10),
        coalesce(start_import_cutover.passes, 5), app_private.current_user_name()
      )
      returning * into cutover;
    elsif cutover.status = 'switched' then
      perform app_private.raise_error('LF250', to_char(cutover.switched_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'));
    else
      -- What was ready a while ago may have changed: it is passed over once more.
      update imports.cutovers c
      set
        status = case c.status when 'ready' then 'preparing' else c.status end,
        location = place,
        on_conflict = coalesce(start_import_cutover.on_conflict, 'hold'),
        delete_threshold = coalesce(start_import_cutover.delete_threshold, 5),
        changes_allowed = coalesce(start_import_cutover.changes_allowed, 10),
        pass_limit = coalesce(start_import_cutover.passes, 5) + (
          select count(*) from imports.cutover_passes p
          where p.tenant_id = c.tenant_id and p.cutover_id = c.id and p.finished_at is not null
        ),
        started_by = app_private.current_user_name(),
        message = null,
        way_out = null
      where c.tenant_id = cutover.tenant_id and c.id = cutover.id
      returning c.* into cutover;
    end if;
    perform app_private.queue_import_cutover(cutover.tenant_id, cutover.id);
    return cutover;
  end
  $$;
comment on function imports.start_import_cutover(uuid, integer, integer, imports.conflict_policy, numeric, text) is
  'Begins to move off a source, or goes on with what was begun: delta passes until one brings no more changes than allowed, at most so many; then it is ready for switchImportCutover. It is read from where it was read last, or from another of the places where it was read before. Definer, because cut-overs are written by machines. For admins.';
revoke all on function imports.start_import_cutover(uuid, integer, integer, imports.conflict_policy, numeric, text) from public;
grant execute on function imports.start_import_cutover(uuid, integer, integer, imports.conflict_policy, numeric, text) to :ADMIN, :WORKER;

create or replace function imports.switch_import_cutover(cutover_id uuid) returns imports.cutovers
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    cutover imports.cutovers := app_private.lock_import_cutover('switch a cut-over', cutover_id);
  begin
    update imports.cutovers c
    set
      status = 'final_pass',
      frozen_by = app_private.current_user_name(),
      frozen_at = clock_timestamp(),
      message = null,
      way_out = null
    where c.tenant_id = cutover.tenant_id and c.id = cutover.id
    returning c.* into cutover;
    perform app_private.queue_import_cutover(cutover.tenant_id, cutover.id);
    return cutover;
  end
  $$;
comment on function imports.switch_import_cutover(uuid) is
  'Says that nobody edits the source any more: the last pass is made and verified, and where parity holds the switch is marked. Definer, because cut-overs are written by machines. For admins.';
revoke all on function imports.switch_import_cutover(uuid) from public;
grant execute on function imports.switch_import_cutover(uuid) to :ADMIN, :WORKER;

create or replace function imports.abandon_import_cutover(cutover_id uuid) returns imports.cutovers
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    cutover imports.cutovers := app_private.lock_import_cutover('abandon a cut-over', cutover_id);
  begin
    update imports.cutovers c
    set status = 'abandoned', ended_by = app_private.current_user_name(), ended_at = now(), message = null, way_out = null
    where c.tenant_id = cutover.tenant_id and c.id = cutover.id
    returning c.* into cutover;
    return cutover;
  end
  $$;
comment on function imports.abandon_import_cutover(uuid) is
  'Gives a cut-over up before its switch. What its passes brought stays, and the source can be imported as before. Definer, because cut-overs are written by machines. For admins.';
revoke all on function imports.abandon_import_cutover(uuid) from public;
grant execute on function imports.abandon_import_cutover(uuid) to :ADMIN, :WORKER;

create or replace function imports.preview_import_reopening(cutover_id uuid)
  returns table (
    table_name text, row_id uuid, action text, change_count integer, column_names text[], last_changed_at timestamptz,
    last_changed_by text, last_changed_through text
  )
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    known imports.cutovers;
  begin
    perform app_private.require_role('see what was edited since a switch', 'admin', 'worker');
    select c.* into known
    from imports.cutovers c
    where c.tenant_id = app.current_tenant_id() and c.id = preview_import_reopening.cutover_id;
    if not found then
      perform app_private.raise_error('LF006', 'cut-over', coalesce(preview_import_reopening.cutover_id::text, 'without an id'));
    end if;
    return query
      with edited as materialized (
        select c.id, c.table_name, c.row_id, c.action::text as action, c.changes, c.changed_at, coalesce(u.name, c.login_name) as changed_by,
          c.source::text as source
        from audit.changes c
        left join tenancy.users u on u.id = c.user_id
        where c.tenant_id = known.tenant_id and c.changed_at >= known.switched_at and c.source <> 'import' and c.row_id is not null
          and c.table_name in (
            select l.table_name from imports.collections l where l.tenant_id = known.tenant_id and l.batch_id = known.final_batch_id
          )
      ),
      touched as (
        select e.row_id, array_agg(distinct key.name order by key.name) as column_names
        from edited e
        cross join lateral jsonb_object_keys(e.changes) as key (name)
        where e.action = 'update'
        group by e.row_id
      ),
      latest as (
        select distinct on (e.row_id) e.*, count(*) over (partition by e.row_id) as change_count
        from edited e
        order by e.row_id, e.changed_at desc, e.id desc
      )
      select l.table_name, l.row_id, l.action, l.change_count::integer, t.column_names, l.changed_at, l.changed_by, l.source
      from latest l
      left join touched t on t.row_id = l.row_id
      order by l.table_name, l.changed_at, l.row_id;
  end
  $$;
comment on function imports.preview_import_reopening(uuid) is
  'The rows that were edited here since the switch, by anything but an import, as the audit has them: what was last done, which columns, when, by whom and through what. Definer, because the worker reads no audit. For admins.';
revoke all on function imports.preview_import_reopening(uuid) from public;
grant execute on function imports.preview_import_reopening(uuid) to :ADMIN, :WORKER;

create or replace function imports.reopen_import_cutover(cutover_id uuid) returns imports.cutovers
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    cutover imports.cutovers := app_private.lock_import_cutover('reopen a cut-over', cutover_id);
  begin
    update imports.cutovers c
    set status = 'reopened', ended_by = app_private.current_user_name(), ended_at = now(), message = null, way_out = null
    where c.tenant_id = cutover.tenant_id and c.id = cutover.id
    returning c.* into cutover;
    return cutover;
  end
  $$;
comment on function imports.reopen_import_cutover(uuid) is
  'Takes a switch back: the source can be imported again. No row is touched; what was edited here since stays, and is a conflict where the source changes it too. Definer, because cut-overs are written by machines. For admins.';
revoke all on function imports.reopen_import_cutover(uuid) from public;
grant execute on function imports.reopen_import_cutover(uuid) to :ADMIN, :WORKER;

create or replace function imports.check_import_cutover(cutover_id uuid, location text default null) returns imports.cutover_checks
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    cutover imports.cutovers := app_private.lock_import_cutover('check a cut-over', cutover_id);
    base_id uuid;
    checked imports.cutover_checks;
  begin
    if cutover.status <> 'switched' then
      perform app_private.raise_error('LF251', cutover.id::text, cutover.status::text);
    end if;
    if app.current_app_role() <> 'worker' and check_import_cutover.location is not null and not exists (
      select from imports.batches b
      where b.tenant_id = cutover.tenant_id and b.source_id = cutover.source_id and b.location = check_import_cutover.location
    ) then
      perform app_private.raise_error('LF263', check_import_cutover.location);
    end if;
    select b.id into base_id
    from imports.batches b
    where b.tenant_id = cutover.tenant_id and b.source_id = cutover.source_id and b.status in ('completed', 'incomplete')
    order by b.created_at desc, b.id desc
    limit 1;
    insert into imports.cutover_checks (tenant_id, cutover_id, base_batch_id, location, asked_by)
    values (
      cutover.tenant_id, cutover.id, base_id, coalesce(check_import_cutover.location, cutover.location), app_private.current_user_name()
    )
    returning * into checked;
    perform graphile_worker.add_job(
      'imports/check_cutover',
      json_build_object('tenantId', checked.tenant_id, 'checkId', checked.id),
      job_key => 'imports/check_cutover:' || checked.id
    );
    return checked;
  end
  $$;
comment on function imports.check_import_cutover(uuid, text) is
  'Has a source read once more after the switch, and names the records that were still edited there: in the check''s edits, when it has ended. No row of the business is written. Definer, because cut-overs are written by machines. For admins.';
revoke all on function imports.check_import_cutover(uuid, text) from public;
grant execute on function imports.check_import_cutover(uuid, text) to :ADMIN, :WORKER;
--! EndIncluded imports/walk_cutovers.sql
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

create or replace function app_private.require_latest_texts(batch imports.batches) returns void
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    later_id uuid;
  begin
    if batch.payloads_forgotten_at is not null then
      perform app_private.raise_error('LF266', batch.id::text, to_char(batch.payloads_forgotten_at, 'YYYY-MM-DD'));
    end if;
    select b.id into later_id
    from imports.batches b
    where b.tenant_id = batch.tenant_id and b.source_id = batch.source_id and b.status not in ('planned', 'rolled_back')
      and (b.created_at, b.id) > (batch.created_at, batch.id)
    order by b.created_at desc, b.id desc
    limit 1;
    if later_id is not null then
      perform app_private.raise_error('LF244', later_id::text);
    end if;
  end
  $$;
comment on function app_private.require_latest_texts(imports.batches) is
  'Refuses to work on what an import read, where its texts were forgotten or a later import of the source was made.';
revoke all on function app_private.require_latest_texts(imports.batches) from public;

create or replace function imports.replay_import_batch(batch_id uuid) returns imports.batches
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch imports.batches := app_private.lock_import_batch('replay an import', batch_id);
  begin
    perform app_private.require_latest_texts(batch);
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
--! Included imports/verify_batches.sql
-- Another proof of an import, on request.
create or replace function imports.verify_import_batch(batch_id uuid) returns imports.batches
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch imports.batches := app_private.lock_import_batch('verify an import', batch_id);
  begin
    if batch.status not in ('completed', 'incomplete', 'failed') then
      perform app_private.raise_error('LF247', batch.id::text, batch.status::text);
    end if;
    perform app_private.require_latest_texts(batch);
    perform graphile_worker.add_job(
      'imports/verify_batch',
      json_build_object('tenantId', batch.tenant_id, 'batchId', batch.id),
      job_key => 'imports/verify_batch:' || batch.id
    );
    return batch;
  end
  $$;
comment on function imports.verify_import_batch(uuid) is
  'Has an import proved once more, as the database stands now: its checks are made anew, and checkedAt says when. It writes no row of the business. Definer, because batches are written by machines. For admins.';
revoke all on function imports.verify_import_batch(uuid) from public;
grant execute on function imports.verify_import_batch(uuid) to :ADMIN, :WORKER;
--! EndIncluded imports/verify_batches.sql
--! Included imports/ask_for_batches.sql
-- Asking for an import over the API: of a source that was imported from at the command line before, so that nobody names a folder or a base that is not theirs.
create or replace function app_private.ask_for_import(
  deed text,
  status imports.batch_status,
  source_id uuid,
  on_conflict imports.conflict_policy,
  delete_threshold numeric,
  location text,
  after_cutover boolean
) returns imports.batches
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    known imports.batches;
    batch imports.batches;
  begin
    perform app_private.require_role(deed, 'admin', 'worker');
    select b.* into known
    from imports.batches b
    where b.tenant_id = app.current_tenant_id() and b.source_id = ask_for_import.source_id
      and b.location = coalesce(ask_for_import.location, b.location)
    order by b.created_at desc, b.id desc
    limit 1;
    if not found then
      if ask_for_import.location is not null and exists (
        select from imports.sources s where s.tenant_id = app.current_tenant_id() and s.id = ask_for_import.source_id
      ) then
        perform app_private.raise_error('LF263', ask_for_import.location);
      end if;
      perform app_private.raise_error('LF006', 'import source', coalesce(ask_for_import.source_id::text, 'without an id'));
    end if;
    insert into imports.batches (tenant_id, source_id, status, location, mapping_hash, on_conflict, delete_threshold, is_after_cutover)
    values (
      known.tenant_id, known.source_id, ask_for_import.status, known.location, known.mapping_hash,
      coalesce(ask_for_import.on_conflict, 'hold'), coalesce(ask_for_import.delete_threshold, 5), coalesce(ask_for_import.after_cutover, false)
    )
    returning * into batch;
    return batch;
  end
  $$;
comment on function app_private.ask_for_import(text, imports.batch_status, uuid, imports.conflict_policy, numeric, text, boolean) is
  'Makes a batch of a source, read from where it was read before; the worker says which mapping it reads it by.';
revoke all on function app_private.ask_for_import(text, imports.batch_status, uuid, imports.conflict_policy, numeric, text, boolean) from public;

create or replace function imports.plan_import_batch(
  source_id uuid,
  on_conflict imports.conflict_policy default 'hold',
  delete_threshold numeric default 5,
  location text default null
) returns imports.batches
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch imports.batches;
  begin
    batch := app_private.ask_for_import('plan an import', 'planned', source_id, on_conflict, delete_threshold, location, false);
    perform app_private.queue_import_batch(batch.tenant_id, batch.id);
    return batch;
  end
  $$;
comment on function imports.plan_import_batch(uuid, imports.conflict_policy, numeric, text) is
  'Has a source read to its end and says what an import would do, without changing a row: the batch''s predictions, and its plan once it is ready. It is read from where it was read last, or from another of the places where it was read before. Definer, because batches are written by machines. For admins.';
revoke all on function imports.plan_import_batch(uuid, imports.conflict_policy, numeric, text) from public;
grant execute on function imports.plan_import_batch(uuid, imports.conflict_policy, numeric, text) to :ADMIN, :WORKER;

create or replace function imports.queue_import_batch(
  source_id uuid,
  on_conflict imports.conflict_policy default 'hold',
  delete_threshold numeric default 5,
  location text default null,
  after_cutover boolean default false
) returns imports.batches
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select app_private.ask_for_import('import', 'queued', source_id, on_conflict, delete_threshold, location, after_cutover)
  $$;
comment on function imports.queue_import_batch(uuid, imports.conflict_policy, numeric, text, boolean) is
  'Has a source imported again: whose value stays where both sides changed one, and how many percent of a collection may be gone from the source and be deleted here. It is read from where it was read last, or from another of the places where it was read before. A source that was left behind by a cut-over is refused, unless afterCutover says that this is known. Definer, because batches are written by machines. For admins.';
revoke all on function imports.queue_import_batch(uuid, imports.conflict_policy, numeric, text, boolean) from public;
grant execute on function imports.queue_import_batch(uuid, imports.conflict_policy, numeric, text, boolean) to :ADMIN, :WORKER;
--! EndIncluded imports/ask_for_batches.sql
--! Included reporting/cutovers.sql
create or replace view reporting.cutovers with (security_invoker) as
  select
    s.mapping, s.key as source, c.id as cutover_id, c.status, walked.passes, walked.changes, c.changes_allowed, c.started_by, c.created_at as started_at,
    c.frozen_by, c.frozen_at, c.switched_at, c.ended_by, c.ended_at, c.final_batch_id,
    checked.finished_at as checked_at, checked.created as created_since, checked.changed as changed_since, checked.deleted as deleted_since,
    coalesce(c.message, checked.message) as message, case when c.message is null then checked.way_out else c.way_out end as way_out
  from imports.cutovers c
  join imports.sources s on s.tenant_id = c.tenant_id and s.id = c.source_id
  cross join lateral (
    select count(*) as passes, array_agg(p.changes order by p.number) as changes
    from imports.cutover_passes p
    where p.tenant_id = c.tenant_id and p.cutover_id = c.id
  ) walked
  left join lateral (
    select k.finished_at, k.created, k.changed, k.deleted, k.message, k.way_out
    from imports.cutover_checks k
    where k.tenant_id = c.tenant_id and k.cutover_id = c.id
    order by k.created_at desc, k.id desc
    limit 1
  ) checked on true
  order by c.created_at desc, c.id;
comment on view reporting.cutovers is 'Every cut-over: how far it is, how much each pass changed, who switched and when, and what the latest check found edited in the source since.';

create or replace view reporting.cutover_edits with (security_invoker) as
  select
    s.mapping, s.key as source, k.cutover_id, k.finished_at as checked_at, e.collection, e.record_id, e.row_id, e.kind, e.fields
  from (
    select distinct on (l.tenant_id, l.cutover_id) l.*
    from imports.cutover_checks l
    where l.created is not null
    order by l.tenant_id, l.cutover_id, l.created_at desc, l.id desc
  ) k
  join imports.cutovers c on c.tenant_id = k.tenant_id and c.id = k.cutover_id
  join imports.sources s on s.tenant_id = c.tenant_id and s.id = c.source_id
  join imports.cutover_edits e on e.tenant_id = k.tenant_id and e.cutover_check_id = k.id
  order by k.finished_at desc, e.collection, e.kind, e.record_id;
comment on view reporting.cutover_edits is 'The records that were still edited in a source after its switch, as the latest check of each cut-over found them.';

grant select on table reporting.cutovers, reporting.cutover_edits to :VIEWER;
--! EndIncluded reporting/cutovers.sql
--! Included tenancy/tenants.sql
-- A tenant sees itself; an operator sees and makes all of them, and none of their rows.
drop policy if exists select_owner on tenancy.tenants;
create policy select_owner on tenancy.tenants for select to :OWNER
  using (true);
drop policy if exists insert_owner on tenancy.tenants;
create policy insert_owner on tenancy.tenants for insert to :OWNER
  with check (true);
drop policy if exists update_owner on tenancy.tenants;
create policy update_owner on tenancy.tenants for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on tenancy.tenants;
create policy delete_owner on tenancy.tenants for delete to :OWNER
  using (true);
drop policy if exists select_viewer on tenancy.tenants;
create policy select_viewer on tenancy.tenants for select to :VIEWER
  using (id = (select app.current_tenant_id()));
drop policy if exists select_client on tenancy.tenants;
create policy select_client on tenancy.tenants for select to :CLIENT
  using (id = (select app.current_tenant_id()));
drop policy if exists select_operator on tenancy.tenants;
create policy select_operator on tenancy.tenants for select to :OPERATOR
  using (true);
drop policy if exists update_admin on tenancy.tenants;
create policy update_admin on tenancy.tenants for update to :ADMIN
  using (id = (select app.current_tenant_id()))
  with check (id = (select app.current_tenant_id()));
drop policy if exists select_worker on tenancy.tenants;
create policy select_worker on tenancy.tenants for select to :WORKER
  using (id = (select app.current_tenant_id()));

grant select on table tenancy.tenants to :VIEWER;
grant select on table tenancy.tenants to :CLIENT;
grant select on table tenancy.tenants to :OPERATOR;
grant update (name, domain, settings, version) on table tenancy.tenants to :ADMIN;
grant select on table tenancy.tenants to :WORKER;

create or replace trigger _100_stamp_times before update on tenancy.tenants
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on tenancy.tenants
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();

-- When it was suspended, whoever did it and however.
create or replace function app_private.tg_tenants__stamp_suspension() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if new.is_active and new.deletion_begun_at is not null then
      perform app_private.raise_error('LF037', old.slug);
    end if;
    new.suspended_at := case when not new.is_active then now() end;
    if new.is_active then
      new.suspension_reason := null;
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_tenants__stamp_suspension() is 'Says since when a tenant is suspended; one that is active has no reason to be, and one that is being deleted does not come back. Definer, to raise our error for whoever updates.';
create or replace trigger _110_stamp_suspension before update on tenancy.tenants
  for each row when (old.is_active is distinct from new.is_active) execute function app_private.tg_tenants__stamp_suspension();

-- The API hears it and lets go of the sockets. The channel is the tenant's own, so that nobody else learns of it.
create or replace function app_private.tg_tenants__notify_suspension() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform pg_notify('tenant:' || new.id, 'suspended');
    return null;
  end
  $$;
comment on function app_private.tg_tenants__notify_suspension() is 'Tells the processes that serve people of a tenant that it is suspended.';
create or replace trigger _500_notify_suspension after update on tenancy.tenants
  for each row when (old.is_active and not new.is_active) execute function app_private.tg_tenants__notify_suspension();

-- What stood still goes on: the statuses say what that is, and were left as they were.
create or replace function app_private.tg_tenants__wake_jobs() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform app_private.queue_import_batch(b.tenant_id, b.id)
    from imports.batches b
    where b.tenant_id = new.id and b.status in ('queued', 'running', 'verifying', 'rolling_back');
    perform app_private.queue_import_cutover(c.tenant_id, c.id)
    from imports.cutovers c
    where c.tenant_id = new.id and c.status in ('preparing', 'final_pass', 'verifying') and c.message is null;
    perform app_private.add_publication_job(p)
    from publishing.publications p
    where p.tenant_id = new.id and p.status in ('queued', 'running', 'unpublishing');
    return null;
  end
  $$;
comment on function app_private.tg_tenants__wake_jobs() is
  'Wakes the worker for what a tenant had under way when it was suspended. Definer, because the queue is not open to whoever reactivates it.';
create or replace trigger _900_wake_jobs after update on tenancy.tenants
  for each row when (not old.is_active and new.is_active) execute function app_private.tg_tenants__wake_jobs();

comment on table tenancy.tenants is '@class global
A business that lives in this database, apart from every other.';
comment on column tenancy.tenants.id is 'The tenant''s id, time-ordered.';
comment on column tenancy.tenants.name is 'What people call it.';
comment on column tenancy.tenants.slug is 'Its short name in commands and addresses: lower-case words joined by hyphens, unique.';
comment on column tenancy.tenants.domain is 'The internet domain that belongs to it.';
comment on column tenancy.tenants.settings is 'What an admin may set, an object: allow_self_approval lets whoever asked for an approval grant it.';
comment on column tenancy.tenants.is_active is 'False while it is suspended: nobody of it gets in, and nothing of it goes on.';
comment on column tenancy.tenants.suspended_at is 'Since when it is suspended; null while it is active.';
comment on column tenancy.tenants.suspension_reason is 'Why, in the operator''s words; its people and programs are told.';
comment on column tenancy.tenants.deletion_begun_at is 'Since when it is being deleted; there is no way back.';
comment on column tenancy.tenants.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column tenancy.tenants.created_at is 'When the row was made.';
comment on column tenancy.tenants.updated_at is 'When the row was last changed.';
comment on constraint tenants_slug_key on tenancy.tenants is 'A tenant with this slug exists; choose another slug.';
comment on constraint tenants_name_check on tenancy.tenants is 'A tenant needs a name that is not blank.';
comment on constraint tenants_slug_check on tenancy.tenants is 'A slug is lower-case letters and digits in words joined by single hyphens, for example "harbour-weddings".';
comment on constraint tenants_settings_check on tenancy.tenants is 'The settings of a tenant are a JSON object.';
--! EndIncluded tenancy/tenants.sql
