--! Previous: sha1:2e470e61a8079276b39c3ae9c0613c110681a215
--! Hash: sha1:5a86efdfdc64cd6ce9f6eb2df4b717918eec7c55
--! Message: delete what left the source

-- Rows whose record is gone from the source are deleted after a complete reading, within a threshold, and with images to restore them by.
set local lock_timeout = '3s';

alter table imports.batches add column delete_threshold numeric not null default 5;
alter table imports.batches add constraint batches_delete_threshold_check check (delete_threshold between 0 and 100) not valid;

-- Rows of the source that a batch did not meet. What is kept is not deleted, and why is told as an issue.
create table app_private.import_gone_rows (
  batch_id uuid not null,
  row_id uuid not null,
  collection_id uuid not null,
  record_id text not null,
  sha256 bytea not null,
  is_kept boolean not null default false,
  constraint import_gone_rows_pkey primary key (batch_id, row_id)
);
create index import_gone_rows_batch_id_collection_id_idx on app_private.import_gone_rows (batch_id, collection_id);

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
--! Included imports/crosswalk.sql
-- Which row is rec…? And which record is this row? Read it either way.
create or replace view imports.crosswalk with (security_invoker = true) as
  select latest.tenant_id, latest.source_id, latest.collection, latest.record_id, latest.table_name, latest.row_id, latest.batch_id
  from (
    select distinct on (r.tenant_id, r.row_id)
      r.tenant_id,
      b.source_id,
      c.name as collection,
      r.record_id,
      c.table_name,
      r.row_id,
      r.batch_id,
      r.outcome
    from imports.records r
    join imports.collections c on c.tenant_id = r.tenant_id and c.id = r.collection_id
    join imports.batches b on b.tenant_id = r.tenant_id and b.id = r.batch_id
    where r.outcome in ('inserted', 'updated', 'unchanged', 'deleted')
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
comment on column app_private.import_gone_rows.is_kept is 'Whether it stays, because people edited it or what belongs to it.';
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
--! Included imports/delete_rows.sql
-- Deleting what left the source: first an image and an effect of everything that goes or loses a link with it, by the foreign keys as the
-- catalog knows them, then the rows. And the way back.
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

create or replace function app_private.empty_column_hashes(column_hashes bigint[], column_names text[], emptied jsonb) returns bigint[]
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    select array_agg(case when emptied ? known.name then 0 else known.hash end order by known.place)
    from unnest(column_names, column_hashes) with ordinality known (name, hash, place)
    where column_hashes is not null
  $$;
comment on function app_private.empty_column_hashes(bigint[], text[], jsonb) is
  'The hashes of what the source said last, with nothing in place of the links that went.';
revoke all on function app_private.empty_column_hashes(bigint[], text[], jsonb) from public;

create or replace function app_private.keep_images_of_dependants(batch_id uuid, parent regclass, row_ids uuid[]) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  as $$
  declare
    foreign_key record;
    dependants uuid[];
  begin
    for foreign_key in
      select c.conrelid::regclass as child, n.nspname || '.' || r.relname as child_name,
             case c.confdeltype when 'c' then 'deleted' else 'unlinked' end::imports.row_effect as effect,
             n.nspname = 'app_private' or not exists (
               select from pg_attribute a where a.attrelid = c.conrelid and a.attname = 'id' and not a.attisdropped
             ) as is_secret,
             string_agg(format('child.%I = parent.%I', own.attname, other.attname), ' and ' order by k.place) as condition,
             (
               select jsonb_object_agg(emptied.attname, null)
               from pg_attribute emptied
               where emptied.attrelid = c.conrelid and emptied.attnum = any (coalesce(c.confdelsetcols, c.conkey))
             ) as emptied
      from pg_constraint c
      join pg_class r on r.oid = c.conrelid
      join pg_namespace n on n.oid = r.relnamespace
      cross join lateral unnest(c.conkey, c.confkey) with ordinality as k (own_number, other_number, place)
      join pg_attribute own on own.attrelid = c.conrelid and own.attnum = k.own_number
      join pg_attribute other on other.attrelid = c.confrelid and other.attnum = k.other_number
      where c.contype = 'f' and c.confrelid = keep_images_of_dependants.parent and c.confdeltype in ('c', 'n')
      group by c.oid, n.nspname, r.relname
      order by n.nspname, r.relname, c.conname
    loop
      -- Of a secret no image is made: what has one is not deleted by an import.
      if foreign_key.is_secret then
        execute format(
          'select array_agg(parent.id) from %s child join %s parent on %s where parent.tenant_id = $1 and parent.id = any ($2)',
          foreign_key.child, parent, foreign_key.condition
        ) into dependants using app.current_tenant_id(), row_ids;
        if dependants is not null then
          perform app_private.raise_error('LF262', foreign_key.child_name);
        end if;
        continue;
      end if;
      execute format(
        $sql$
        with gone as materialized (
          select child.id, to_jsonb(child) as image, ledger.column_names, last.column_hashes
          from %s child
          join %s parent on %s
          left join lateral (
            select collection.column_names
            from imports.collections collection
            where collection.tenant_id = $1 and collection.batch_id = $3 and collection.table_name = $4
            order by collection.place
            limit 1
          ) ledger on true
          -- What the source said of a row that only loses a link stays known.
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
          where parent.tenant_id = $1 and parent.id = any ($2)
        ),
        images as (
          insert into app_private.import_before_images (batch_id, row_id, table_name, image)
          select $3, gone.id, $4, gone.image from gone
          on conflict do nothing
        ),
        effects as (
          insert into imports.effects as known (tenant_id, batch_id, row_id, table_name, effect, row_hash, column_hashes)
          select $1, $3, gone.id, $4, $5,
            case $5
              when 'deleted' then sha256(convert_to(gone.image::text, 'UTF8'))
              else app_private.hash_imported_columns(gone.image || $6, gone.column_names)
            end,
            app_private.empty_column_hashes(gone.column_hashes, gone.column_names, $6)
          from gone
          on conflict on constraint effects_tenant_id_batch_id_row_id_table_name_key do update
            set effect = case excluded.effect when 'deleted' then excluded.effect else known.effect end,
                row_hash = excluded.row_hash,
                column_hashes = case excluded.effect when 'deleted' then null else excluded.column_hashes end
            -- Of a row that a person edits in this moment the edit must be seen.
            where known.effect <> 'deleted' and (excluded.effect = 'deleted' or known.row_hash = (
              select app_private.hash_imported_columns(gone.image, gone.column_names) from gone where gone.id = excluded.row_id
            ))
          returning known.row_id, known.effect
        )
        select array_agg(effects.row_id) from effects where effects.effect = 'deleted'
        $sql$,
        foreign_key.child, parent, foreign_key.condition
      ) into dependants
      using app.current_tenant_id(), row_ids, batch_id, foreign_key.child_name, foreign_key.effect, foreign_key.emptied;
      if foreign_key.effect = 'deleted' and dependants is not null then
        perform app_private.keep_images_of_dependants(batch_id, foreign_key.child, dependants);
      end if;
    end loop;
  end
  $$;
comment on function app_private.keep_images_of_dependants(uuid, regclass, uuid[]) is
  'Keeps what the foreign keys will delete or unlink with these rows, and records it as effects of the batch. Definer, because dependants may be in tables that the worker does not read; only app_private.delete_imported_rows calls it.';
revoke all on function app_private.keep_images_of_dependants(uuid, regclass, uuid[]) from public;

create or replace function app_private.delete_imported_rows(batch_id uuid, table_name text, row_ids uuid[]) returns bigint
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  as $$
  declare
    deleted bigint;
  begin
    if app.current_import_batch_id() is distinct from delete_imported_rows.batch_id then
      perform app_private.raise_error('LF261', delete_imported_rows.batch_id::text);
    end if;
    execute format(
      $sql$
      with gone as materialized (
        select row.id, to_jsonb(row) as image from %s row where row.tenant_id = $1 and row.id = any ($2)
      ),
      images as (
        insert into app_private.import_before_images (batch_id, row_id, table_name, image)
        select $3, gone.id, $4, gone.image from gone
        on conflict do nothing
      )
      insert into imports.effects (tenant_id, batch_id, row_id, table_name, effect, row_hash)
      select $1, $3, gone.id, $4, 'deleted', sha256(convert_to(gone.image::text, 'UTF8')) from gone
      on conflict on constraint effects_tenant_id_batch_id_row_id_table_name_key do update
        set effect = 'deleted', row_hash = excluded.row_hash, column_hashes = null
      $sql$,
      delete_imported_rows.table_name::regclass
    ) using app.current_tenant_id(), row_ids, delete_imported_rows.batch_id, delete_imported_rows.table_name;
    perform app_private.keep_images_of_dependants(delete_imported_rows.batch_id, delete_imported_rows.table_name::regclass, row_ids);
    execute format('delete from %s row where row.tenant_id = $1 and row.id = any ($2)', delete_imported_rows.table_name::regclass)
      using app.current_tenant_id(), row_ids;
    get diagnostics deleted = row_count;
    return deleted;
  end
  $$;
comment on function app_private.delete_imported_rows(uuid, text, uuid[]) is
  'Deletes rows of the current tenant for the batch at work, after an image and an effect of each and of everything that goes with it; how many. Definer, because dependants may be in tables that the worker does not read.';
revoke all on function app_private.delete_imported_rows(uuid, text, uuid[]) from public;
grant execute on function app_private.delete_imported_rows(uuid, text, uuid[]) to :WORKER;

create or replace function app_private.restore_deleted_rows(batch_id uuid, table_name text, row_ids uuid[]) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
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
      insert into %1$s
      select (jsonb_populate_record(null::%1$s, i.image)).*
      from imports.effects e
      join app_private.import_before_images i on i.batch_id = e.batch_id and i.row_id = e.row_id and i.table_name = e.table_name
      where e.tenant_id = $1 and e.batch_id = $2 and e.table_name = $3 and e.row_id = any ($4) and e.effect = 'deleted'
      $sql$,
      relation
    ) using app.current_tenant_id(), restore_deleted_rows.batch_id, restore_deleted_rows.table_name, row_ids;
    select string_agg(distinct format('%1$I = coalesce(row.%1$I, (was.row).%1$I)', a.attname), ', ') into links
    from pg_constraint c
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (coalesce(c.confdelsetcols, c.conkey))
    where c.contype = 'f' and c.confdeltype = 'n' and c.conrelid = relation;
    if links is not null then
      execute format(
        $sql$
        update %1$s row
        set %2$s
        from (
          select e.row_id, jsonb_populate_record(null::%1$s, i.image) as row
          from imports.effects e
          join app_private.import_before_images i on i.batch_id = e.batch_id and i.row_id = e.row_id and i.table_name = e.table_name
          where e.tenant_id = $1 and e.batch_id = $2 and e.table_name = $3 and e.row_id = any ($4) and e.effect = 'unlinked'
        ) was
        where row.tenant_id = $1 and row.id = was.row_id
        $sql$,
        relation, links
      ) using app.current_tenant_id(), restore_deleted_rows.batch_id, restore_deleted_rows.table_name, row_ids;
    end if;
  end
  $$;
comment on function app_private.restore_deleted_rows(uuid, text, uuid[]) is
  'Makes rows again that the batch at work had deleted, and gives those that had lost a link with them their link back. Definer, because dependants may be in tables that the worker does not write.';
revoke all on function app_private.restore_deleted_rows(uuid, text, uuid[]) from public;
grant execute on function app_private.restore_deleted_rows(uuid, text, uuid[]) to :WORKER;
--! EndIncluded imports/delete_rows.sql
--! Included imports/undoings.sql
-- What a rollback does with every row that its batch wrote: decided for all of them first, then done chunk by chunk.
drop policy if exists all_tenant on imports.undoings;
create policy all_tenant on imports.undoings as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.undoings;
create policy select_owner on imports.undoings for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.undoings;
create policy insert_owner on imports.undoings for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.undoings;
create policy update_owner on imports.undoings for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.undoings;
create policy delete_owner on imports.undoings for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.undoings;
create policy select_viewer on imports.undoings for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.undoings;
create policy select_worker on imports.undoings for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.undoings;
create policy insert_worker on imports.undoings for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.undoings;
create policy update_worker on imports.undoings for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.undoings to :VIEWER;
grant select, insert, update on table imports.undoings to :WORKER;

comment on type imports.undoing_fate is 'What a rollback does with a row.';
comment on table imports.undoings is '@class tenant
A row that a batch wrote, and what its rollback does with it.';
comment on column imports.undoings.id is 'The row''s id, time-ordered.';
comment on column imports.undoings.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.undoings.batch_id is 'The batch that is rolled back.';
comment on column imports.undoings.collection_id is 'The collection that the row came with; of a row of another table, one whose records it went with.';
comment on column imports.undoings.row_id is 'The row.';
comment on column imports.undoings.record_id is 'The record that it came from.';
comment on column imports.undoings.table_name is 'Its table, with the schema.';
comment on column imports.undoings.fate is 'removed: the batch had inserted it; restored: it is as it was before the batch; kept: it stays as it is.';
comment on column imports.undoings.reason is 'Why it is kept: edited_since, deleted_since, made_again, has_dependants, refused_by_table.';
comment on column imports.undoings.detail is 'The particulars, such as the rows that depend on it.';
comment on column imports.undoings.done_at is 'When it was done; null while it is ahead.';
comment on column imports.undoings.created_at is 'When it was decided.';
comment on constraint undoings_tenant_id_fkey on imports.undoings is 'There is no such tenant.';
comment on constraint undoings_tenant_id_batch_id_row_id_table_name_key on imports.undoings is 'It is decided already what the rollback does with this row.';
comment on constraint undoings_batch_id_fkey on imports.undoings is 'There is no such batch.';
comment on constraint undoings_collection_id_fkey on imports.undoings is 'There is no such collection in the ledger.';
comment on constraint undoings_kept_has_reason_check on imports.undoings is 'A row is kept for a reason only.';
--! EndIncluded imports/undoings.sql
--! Included imports/rollback_batch.sql
-- Taking back what a batch brought: what would go, what would stay and why, and the step that begins it.
create or replace function app_private.import_dependants(batch_id uuid, table_name text, row_ids uuid[], kept_ids uuid[])
  returns table (row_id uuid, dependant_table text, dependant_id uuid)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    link record;
  begin
    for link in
      select
        c.conrelid::regclass::text as table_name,
        a.attname as column_name,
        case when exists (select from pg_attribute i where i.attrelid = c.conrelid and i.attname = 'id') then 'd.id' else 'null::uuid' end as id
      from pg_constraint c
      join pg_attribute target on target.attrelid = c.confrelid and target.attname = 'id' and target.attnum = any (c.confkey)
      join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[array_position(c.confkey, target.attnum)]
      where c.contype = 'f' and c.confrelid = to_regclass(import_dependants.table_name) and c.conparentid = 0
    loop
      -- A row of the same batch that goes too, or whose restored text no longer points here, holds nothing back.
      return query execute format(
        $query$
          select d.%1$I, %2$L::text, %3$s
          from %2$s d
          where d.tenant_id = $1 and d.%1$I = any ($2)
            and not exists (
              select
              from imports.effects e
              left join app_private.import_before_images i on i.batch_id = e.batch_id and i.row_id = e.row_id and i.table_name = e.table_name
              where e.tenant_id = $1 and e.batch_id = $3 and e.row_id = %3$s and e.table_name = %2$L and e.row_id <> all ($4)
                and (e.effect = 'inserted' or i.image ->> %1$L is distinct from d.%1$I::text)
            )
        $query$,
        link.column_name, link.table_name, link.id
      ) using app.current_tenant_id(), import_dependants.row_ids, import_dependants.batch_id, import_dependants.kept_ids;
    end loop;
  end
  $$;
comment on function app_private.import_dependants(uuid, text, uuid[], uuid[]) is
  'The rows that refer to these and do not go with the batch. Definer, because they may be in tables that the worker does not read; it looks at the current tenant''s only.';
revoke all on function app_private.import_dependants(uuid, text, uuid[], uuid[]) from public;
grant execute on function app_private.import_dependants(uuid, text, uuid[], uuid[]) to :WORKER;

create or replace function app_private.plan_import_rollback(batch_id uuid)
  returns table (collection_id uuid, row_id uuid, record_id text, table_name text, fate imports.undoing_fate, reason text, detail text)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    line imports.collections;
    dependants record;
    found jsonb;
    -- Why each row is kept, of the collection in hand and of all before it.
    reasons jsonb;
    kept_ids uuid[] := '{}';
    brought_ids uuid[];
  begin
    -- What refers to others comes after them, so it is decided first: a row that stays keeps those that it refers to.
    for line in
      select c.*
      from imports.collections c
      where c.tenant_id = tenant and c.batch_id = plan_import_rollback.batch_id and c.table_name is not null
      order by c.place desc
    loop
      if line.column_names is null then
        perform app_private.raise_error('LF241', line.batch_id::text);
      end if;
      execute format(
        $query$
          select coalesce(jsonb_object_agg(e.row_id, jsonb_build_array(
            case when e.effect = 'deleted' then 'made_again' when r.id is null then 'deleted_since' else 'edited_since' end, null
          )), '{}')
          from imports.effects e
          left join %1$s r on r.tenant_id = e.tenant_id and r.id = e.row_id
          where e.tenant_id = $1 and e.batch_id = $2 and e.table_name = $3
            and case e.effect
              when 'deleted' then r.id is not null
              when 'inserted' then r.id is not null and %2$s <> e.row_hash
              else r.id is null or %2$s <> e.row_hash
            end
        $query$,
        line.table_name,
        (
          select 'sha256(convert_to(jsonb_build_array(' || string_agg(format('r.%I', name.word), ', ' order by name.place) || ')::text, ''UTF8''))'
          from unnest(line.column_names) with ordinality name (word, place)
        )
      ) into reasons using tenant, line.batch_id, line.table_name;
      kept_ids := kept_ids || array(select jsonb_object_keys(reasons)::uuid);
      loop
        select array_agg(e.row_id) into brought_ids
        from imports.effects e
        where e.tenant_id = tenant and e.batch_id = line.batch_id and e.table_name = line.table_name and e.effect = 'inserted'
          and e.row_id <> all (kept_ids);
        exit when brought_ids is null;
        select jsonb_object_agg(held.row_id, jsonb_build_array('has_dependants', held.detail)) into found
        from (
          select counted.row_id, string_agg(counted.rows || ' of ' || counted.dependant_table, ', ' order by counted.dependant_table) as detail
          from (
            select d.row_id, d.dependant_table, count(*) as rows
            from app_private.import_dependants(line.batch_id, line.table_name, brought_ids, kept_ids) d
            group by d.row_id, d.dependant_table
          ) counted
          group by counted.row_id
        ) held;
        exit when found is null;
        reasons := reasons || found;
        kept_ids := kept_ids || array(select jsonb_object_keys(found)::uuid);
      end loop;
      return query
        select
          line.id, e.row_id, r.record_id, e.table_name,
          case when why.value is not null then 'kept' when e.effect = 'inserted' then 'removed' else 'restored' end::imports.undoing_fate,
          why.value ->> 0, why.value ->> 1
        from imports.effects e
        left join imports.records r on r.tenant_id = e.tenant_id and r.batch_id = e.batch_id and r.row_id = e.row_id
        left join jsonb_each(reasons) why on why.key = e.row_id::text
        where e.tenant_id = tenant and e.batch_id = line.batch_id and e.table_name = line.table_name
        order by e.id;
    end loop;
    -- What the foreign keys deleted or unlinked along with records, in tables that no record goes to.
    for dependants in
      select e.table_name, (
        select c.id
        from imports.collections c
        join imports.effects gone on gone.tenant_id = c.tenant_id and gone.batch_id = c.batch_id and gone.table_name = c.table_name
        where c.tenant_id = tenant and c.batch_id = plan_import_rollback.batch_id and gone.effect = 'deleted'
        order by c.place
        limit 1
      ) as collection_id
      from imports.effects e
      where e.tenant_id = tenant and e.batch_id = plan_import_rollback.batch_id
        and not exists (
          select from imports.collections c
          where c.tenant_id = tenant and c.batch_id = plan_import_rollback.batch_id and c.table_name = e.table_name
        )
      group by e.table_name
      order by e.table_name
    loop
      return query execute format(
        $query$
          select $4, e.row_id, null::text, e.table_name,
            case when why.reason is null then 'restored' else 'kept' end::imports.undoing_fate, why.reason, null::text
          from imports.effects e
          left join %1$s r on r.tenant_id = e.tenant_id and r.id = e.row_id
          cross join lateral (
            select case
              when e.effect = 'deleted' then case when r.id is not null then 'made_again' end
              when r.id is null then 'deleted_since'
              when app_private.hash_imported_columns(to_jsonb(r), null) <> e.row_hash then 'edited_since'
            end as reason
          ) why
          where e.tenant_id = $1 and e.batch_id = $2 and e.table_name = $3
          order by e.id
        $query$,
        dependants.table_name
      ) using tenant, plan_import_rollback.batch_id, dependants.table_name, dependants.collection_id;
    end loop;
  end
  $$;
comment on function app_private.plan_import_rollback(uuid) is
  'What a rollback would do with every row that the batch wrote, children first. Definer, because dependants may be anywhere; it looks at the current tenant''s rows only.';
revoke all on function app_private.plan_import_rollback(uuid) from public;
grant execute on function app_private.plan_import_rollback(uuid) to :WORKER;

create or replace function app_private.refuse_overlaid_import(batch_id uuid) returns void
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    overlaying text;
  begin
    select string_agg(distinct later.batch_id::text, ', ') into overlaying
    from imports.effects mine
    join imports.effects later
      on later.tenant_id = mine.tenant_id and later.row_id = mine.row_id and later.table_name = mine.table_name and later.id > mine.id
    where mine.tenant_id = app.current_tenant_id() and mine.batch_id = refuse_overlaid_import.batch_id and later.batch_id <> mine.batch_id
      and not exists (
        select from imports.undoings u
        where u.tenant_id = later.tenant_id and u.batch_id = later.batch_id and u.row_id = later.row_id and u.table_name = later.table_name
          and u.fate <> 'kept'
      );
    if overlaying is not null then
      perform app_private.raise_error('LF240', overlaying);
    end if;
  end
  $$;
comment on function app_private.refuse_overlaid_import(uuid) is
  'Refuses to take a batch back while later ones stand on what it wrote: their before-images are its rows.';
revoke all on function app_private.refuse_overlaid_import(uuid) from public;

create or replace function imports.preview_import_rollback(batch_id uuid)
  returns table (collection text, table_name text, fate imports.undoing_fate, reason text, row_count integer, examples text[])
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    known imports.batches;
  begin
    perform app_private.require_role('see what a rollback would do', 'admin', 'worker');
    select b.* into known from imports.batches b where b.tenant_id = app.current_tenant_id() and b.id = preview_import_rollback.batch_id;
    if not found then
      perform app_private.raise_error('LF006', 'import batch', coalesce(preview_import_rollback.batch_id::text, 'without an id'));
    end if;
    perform app_private.refuse_overlaid_import(known.id);
    return query
      select c.name, p.table_name, p.fate, p.reason, count(*)::integer,
        (array_agg(coalesce(p.record_id, p.row_id::text) || coalesce(': ' || p.detail, '') order by p.record_id))[1:20]
      from app_private.plan_import_rollback(known.id) p
      join imports.collections c on c.tenant_id = known.tenant_id and c.id = p.collection_id
      group by c.place, c.name, p.table_name, p.fate, p.reason
      order by c.place, p.fate, p.reason;
  end
  $$;
comment on function imports.preview_import_rollback(uuid) is
  'What a rollback would do, without doing it: how many rows would be removed, restored or kept and why, with the first twenty records of each. Definer, because dependants may be anywhere. For admins.';
revoke all on function imports.preview_import_rollback(uuid) from public;
grant execute on function imports.preview_import_rollback(uuid) to :ADMIN, :WORKER;

create or replace function imports.rollback_import_batch(batch_id uuid) returns imports.batches
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch imports.batches := app_private.lock_import_batch('take an import back', batch_id);
  begin
    perform app_private.refuse_overlaid_import(batch.id);
    update imports.batches b
    set
      status = 'rolling_back',
      finished_at = null,
      is_verified = null,
      message = 'Rolled back by ' || app_private.current_user_name() || '.',
      way_out = null
    where b.tenant_id = batch.tenant_id and b.id = batch.id
    returning b.* into batch;
    return batch;
  end
  $$;
comment on function imports.rollback_import_batch(uuid) is
  'Takes back what an import brought: inserted rows go, changed rows become what they were, rows that people edited since or that others depend on stay and are named. Definer, because batches are written by machines. For admins.';
revoke all on function imports.rollback_import_batch(uuid) from public;
grant execute on function imports.rollback_import_batch(uuid) to :ADMIN, :WORKER;
--! EndIncluded imports/rollback_batch.sql
