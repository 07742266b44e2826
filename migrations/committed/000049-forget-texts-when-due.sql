--! Previous: sha1:38834f7d67132080f7c296758c88ee0e0ffd69ae
--! Hash: sha1:736818813eaf012e471ff4267df9cf68188c3150
--! Message: forget texts when due

-- The texts of an import are kept for a time that the installation chooses; hashes, outcomes and issues for ever.
set local lock_timeout = '3s';

alter table imports.batches add column payloads_forgotten_at timestamptz;

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
  ('LF266', 'import_payloads_forgotten', 410, 'The texts of the import %s were forgotten on %s: they are kept as long as LANDFALL_TEXTS_KEPT_FOR says.', 'Their hashes, outcomes and issues are kept. To settle what waits, or to prove it anew, import the source again.'),
  ('LF267', 'import_mapping_changed', 409, 'The mapping has changed since the import %s.', 'Import the source again: that is proved by the mapping as it is now.'),
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
comment on column imports.batches.created_at is 'When the row was made.';
comment on column imports.batches.updated_at is 'When the row was last changed.';
comment on constraint batches_tenant_id_fkey on imports.batches is 'There is no such tenant.';
comment on constraint batches_source_id_fkey on imports.batches is 'There is no such source.';
comment on constraint batches_finished_is_verified_check on imports.batches is 'A batch is complete only when every check has passed.';
comment on constraint batches_delete_threshold_check on imports.batches is 'The threshold of deletions is a percentage from 0 to 100.';
comment on index imports.batches_tenant_id_source_id_open_key is 'Another import of this source is under way; wait for it, or resume it.';
--! EndIncluded imports/batches.sql
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
