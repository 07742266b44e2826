--! Previous: sha1:88b32cf7f71885e4c01b77f1c1dc7cb09019a950
--! Hash: sha1:92de3ad10699acfa764eac79f68c114800688c9b
--! Message: say what a plan expects

-- What a plan found stays with its batch, and a run is held to the plan that was made before it. Both can be asked for over the API.
set local lock_timeout = '3s';

create table imports.plans (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  batch_id uuid not null,
  origin_id uuid,
  passed_over text,
  calls integer,
  reading_minutes numeric,
  working_minutes numeric,
  stops text,
  findings jsonb not null default '[]',
  actual_calls integer,
  actual_minutes numeric,
  created_at timestamptz not null default now(),
  constraint plans_pkey primary key (tenant_id, id),
  constraint plans_tenant_id_batch_id_key unique (tenant_id, batch_id),
  constraint plans_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint plans_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id) on delete cascade,
  constraint plans_origin_id_fkey foreign key (tenant_id, origin_id) references imports.plans (tenant_id, id) on delete set null (origin_id)
);
alter table imports.plans enable row level security;
alter table imports.plans force row level security;
create index plans_tenant_id_origin_id_idx on imports.plans (tenant_id, origin_id);

--! Included imports/plans.sql
-- What a batch is expected to take, and what it was told before it began.
drop policy if exists all_tenant on imports.plans;
create policy all_tenant on imports.plans as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.plans;
create policy select_owner on imports.plans for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.plans;
create policy insert_owner on imports.plans for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.plans;
create policy update_owner on imports.plans for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.plans;
create policy delete_owner on imports.plans for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.plans;
create policy select_viewer on imports.plans for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.plans;
create policy select_worker on imports.plans for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.plans;
create policy insert_worker on imports.plans for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.plans;
create policy update_worker on imports.plans for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.plans to :VIEWER;
grant select, insert, update on table imports.plans to :WORKER;

comment on table imports.plans is '@class tenant
What was foreseen of a batch: by a plan, or by a run before it wrote anything. The outcomes themselves are in the predictions.';
comment on column imports.plans.id is 'The row''s id, time-ordered.';
comment on column imports.plans.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.plans.batch_id is 'The batch that is foreseen.';
comment on column imports.plans.origin_id is 'The earlier plan that the batch is held to; null where it was foreseen by itself.';
comment on column imports.plans.passed_over is 'Why a plan that was made before does not count any more; null where there was none, or it counts.';
comment on column imports.plans.calls is 'How many calls reading the live store takes; null where there is no live store.';
comment on column imports.plans.reading_minutes is 'How long they take at the pace that the store allows.';
comment on column imports.plans.working_minutes is 'How long the database works on a run, about: as long as at the last one for each record, else twice as long as at the plan.';
comment on column imports.plans.stops is 'Why a run stops before it changes anything; null where it does not.';
comment on column imports.plans.findings is 'Where the source and the mapping differ: a list of {kind, collection, field, message, wayOut}.';
comment on column imports.plans.actual_calls is 'How many calls the run made; null before its end, and in a plan.';
comment on column imports.plans.actual_minutes is 'How long the run took, pauses included; null before its end, and in a plan.';
comment on column imports.plans.created_at is 'When the row was made: the plan is ready.';
comment on constraint plans_tenant_id_fkey on imports.plans is 'There is no such tenant.';
comment on constraint plans_batch_id_fkey on imports.plans is 'There is no such batch.';
comment on constraint plans_origin_id_fkey on imports.plans is 'There is no such plan.';
comment on constraint plans_tenant_id_batch_id_key on imports.plans is 'This batch is foreseen already.';
--! EndIncluded imports/plans.sql
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
  ('LF260', 'import_deletes_too_much', 409, 'More records are gone from the source than may be deleted.', 'Check the source; if they are meant to be gone, run the import again with a higher --delete-threshold.'),
  ('LF261', 'import_batch_not_at_work', 409, 'The import batch %s deletes nothing: it is not at work.', 'Run the import again.'),
  ('LF262', 'import_holds_secret', 409, '%s keeps a secret of it, which an import neither deletes nor copies.', 'Delete the row by hand if it is meant to go.'),
  ('LF263', 'import_location_unknown', 400, 'This source was never read from %s.', 'Import from there once at the command line: landfall import run --from …; then it can be asked for here.'),
  ('LF280', 'report_not_shown', 401, 'This report is shown to those who may see the import.', 'Send a token in the Authorization header, or open a link that POST /reports/imports/<batch>/link gave you.'),
  ('LF281', 'report_link_ended', 401, 'This link to a report has ended, or belongs to another one.', 'Ask for a new link: POST /reports/imports/<batch>/link, with a token in the Authorization header.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded imports/errors.sql
--! Included imports/machine.sql
-- How a batch goes on. People ask for plans, imports, pauses, resumption, replay and rollback; everything else is the worker's.
select app_private.define_machine('import_batch', $$
  -> planned: worker, admin
  -> queued: worker, admin
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
--! Included imports/ask_for_batches.sql
-- Asking for an import over the API: of a source that was imported from at the command line before, so that nobody names a folder or a base that is not theirs.
create or replace function app_private.ask_for_import(
  deed text,
  status imports.batch_status,
  source_id uuid,
  on_conflict imports.conflict_policy,
  delete_threshold numeric,
  location text
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
    insert into imports.batches (tenant_id, source_id, status, location, mapping_hash, on_conflict, delete_threshold)
    values (
      known.tenant_id, known.source_id, ask_for_import.status, known.location, known.mapping_hash,
      coalesce(ask_for_import.on_conflict, 'hold'), coalesce(ask_for_import.delete_threshold, 5)
    )
    returning * into batch;
    return batch;
  end
  $$;
comment on function app_private.ask_for_import(text, imports.batch_status, uuid, imports.conflict_policy, numeric, text) is
  'Makes a batch of a source, read from where it was read before; the worker says which mapping it reads it by.';
revoke all on function app_private.ask_for_import(text, imports.batch_status, uuid, imports.conflict_policy, numeric, text) from public;

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
    batch := app_private.ask_for_import('plan an import', 'planned', source_id, on_conflict, delete_threshold, location);
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
  location text default null
) returns imports.batches
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select app_private.ask_for_import('import', 'queued', source_id, on_conflict, delete_threshold, location)
  $$;
comment on function imports.queue_import_batch(uuid, imports.conflict_policy, numeric, text) is
  'Has a source imported again: whose value stays where both sides changed one, and how many percent of a collection may be gone from the source and be deleted here. It is read from where it was read last, or from another of the places where it was read before. Definer, because batches are written by machines. For admins.';
revoke all on function imports.queue_import_batch(uuid, imports.conflict_policy, numeric, text) from public;
grant execute on function imports.queue_import_batch(uuid, imports.conflict_policy, numeric, text) to :ADMIN, :WORKER;
--! EndIncluded imports/ask_for_batches.sql
