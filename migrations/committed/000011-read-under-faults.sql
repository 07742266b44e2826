--! Previous: sha1:6accd729bc18557055f45c58e613341651b0461c
--! Hash: sha1:0b39bbbec60deedd11b22c9bdcd09fc47c366e71
--! Message: read under faults

-- What reading a source needs: a budget that all processes share, and a memory of what the source said of itself.
set local lock_timeout = '3s';

create table app_private.source_budgets (
  key text not null,
  turns timestamptz[] not null default '{}',
  frozen_until timestamptz,
  constraint source_budgets_pkey primary key (key)
);
alter table app_private.source_budgets enable row level security;
alter table app_private.source_budgets force row level security;

alter table imports.batches add column source_schema jsonb;

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
--! Included imports/source_budgets.sql
-- How often a source may be asked, counted for all tenants and processes together: the source counts them together, too.
drop policy if exists select_owner on app_private.source_budgets;
create policy select_owner on app_private.source_budgets for select to :OWNER
  using (true);
drop policy if exists insert_owner on app_private.source_budgets;
create policy insert_owner on app_private.source_budgets for insert to :OWNER
  with check (true);
drop policy if exists update_owner on app_private.source_budgets;
create policy update_owner on app_private.source_budgets for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on app_private.source_budgets;
create policy delete_owner on app_private.source_budgets for delete to :OWNER
  using (true);

comment on table app_private.source_budgets is '@class private
When a source was last asked, and until when nobody may ask it.';

create or replace function app_private.take_source_turn(
  source_key text, turns_allowed integer, span interval, out turn timestamptz, out wait_ms integer
)
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    with taken as (
      insert into app_private.source_budgets as budget (key, turns)
      values (take_source_turn.source_key, array[clock_timestamp()])
      on conflict (key) do update
        set turns = (budget.turns || clock_timestamp())[greatest(1, cardinality(budget.turns) - take_source_turn.turns_allowed + 2):]
        where coalesce(budget.frozen_until <= clock_timestamp(), true)
          and coalesce(
            budget.turns[cardinality(budget.turns) - take_source_turn.turns_allowed + 1] + take_source_turn.span <= clock_timestamp(), true
          )
      returning budget.turns[cardinality(budget.turns)] as turn
    ),
    free as (
      select greatest(
          budget.frozen_until, budget.turns[cardinality(budget.turns) - take_source_turn.turns_allowed + 1] + take_source_turn.span
        ) as free_at
      from app_private.source_budgets budget
      where budget.key = take_source_turn.source_key
    )
    select
      (select taken.turn from taken),
      case
        when exists (select from taken) then 0
        else greatest(1, ceil(coalesce((select extract(epoch from free.free_at - clock_timestamp()) from free), 0) * 1000))::integer
      end
  $$;
comment on function app_private.take_source_turn(text, integer, interval) is
  'Takes a turn at a source where no span of time would then hold more than are allowed; else says after how many milliseconds to try again. Definer, because the count is the whole installation''s.';
revoke all on function app_private.take_source_turn(text, integer, interval) from public;
grant execute on function app_private.take_source_turn(text, integer, interval) to :WORKER;

create or replace function app_private.end_source_turn(source_key text, turn timestamptz) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    update app_private.source_budgets b
    set turns = array(
      select t.turn
      from unnest(array_replace(b.turns, end_source_turn.turn, clock_timestamp())) as t (turn)
      order by t.turn
    )
    where b.key = end_source_turn.source_key
  $$;
comment on function app_private.end_source_turn(text, timestamptz) is
  'Counts a turn from its answer on: when exactly the source was reached, it alone knows. Definer, because the count is the whole installation''s.';
revoke all on function app_private.end_source_turn(text, timestamptz) from public;
grant execute on function app_private.end_source_turn(text, timestamptz) to :WORKER;

create or replace function app_private.freeze_source(source_key text, pause interval) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    insert into app_private.source_budgets as budget (key, frozen_until)
    values (freeze_source.source_key, clock_timestamp() + freeze_source.pause)
    on conflict (key) do update set frozen_until = greatest(budget.frozen_until, excluded.frozen_until)
  $$;
comment on function app_private.freeze_source(text, interval) is
  'Lets nobody ask a source for a while. Definer, because the count is the whole installation''s.';
revoke all on function app_private.freeze_source(text, interval) from public;
grant execute on function app_private.freeze_source(text, interval) to :WORKER;
--! EndIncluded imports/source_budgets.sql
--! Included imports/source_schemas.sql
-- What a source said of itself when a batch began to read it: a change under the reader shows, and a renamed field is known by its id.
comment on column imports.batches.source_schema is 'The source''s collections and fields as they were declared when the batch began to read.';
--! EndIncluded imports/source_schemas.sql
