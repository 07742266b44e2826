--! Previous: sha1:5c9b31add9b1c701c110d5be40386dc08444949a
--! Hash: sha1:8508c99195eb870bfae3aaab8eda21f6eb47af5c
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
  ('LF260', 'import_deletes_too_much', 409, 'More records are gone from the source than may be deleted.', 'Check the source; if they are meant to be gone, run the import again with a higher --delete-threshold.'),
  ('LF261', 'import_batch_not_at_work', 409, 'The import batch %s deletes nothing: it is not at work.', 'Run the import again.'),
  ('LF262', 'import_holds_secret', 409, '%s keeps a secret of it, which an import neither deletes nor copies.', 'Delete the row by hand if it is meant to go.')
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
grant select, insert, delete on table app_private.import_places to :WORKER;
grant select, insert on table app_private.import_before_images to :WORKER;
grant select, insert, update, delete on table app_private.import_leases to :WORKER;
grant select, insert on table app_private.import_predicted_records to :WORKER;
grant select, insert, update, delete on table app_private.import_gone_rows to :WORKER;

comment on table app_private.import_payloads is '@class private
Every record that was read: its text exactly as it came, secrets blanked, and the row that the mapping makes of it. Never updated.';
comment on column app_private.import_payloads.batch_id is 'The batch; one partition for each.';
comment on column app_private.import_payloads.row_id is 'UUIDv5 of source, collection and record id.';
comment on column app_private.import_payloads.position is 'Its turn in the collection, from 1, as it was read.';
comment on column app_private.import_payloads.page is 'The page that it came with.';
comment on column app_private.import_payloads.sha256 is 'SHA-256 of the text as it came, before secrets were blanked.';
comment on column app_private.import_payloads.source_text is 'The record''s JSON text; null where its bytes are no UTF-8.';
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
-- catalog knows them, then the rows.
create or replace function app_private.keep_images_of_dependants(batch_id uuid, parent regclass, row_ids uuid[]) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    foreign_key record;
    effect imports.row_effect;
    dependants uuid[];
  begin
    for foreign_key in
      select c.conrelid::regclass as child, n.nspname || '.' || r.relname as child_name, c.confdeltype = 'c' as is_cascade,
             n.nspname = 'app_private' or not exists (
               select from pg_attribute a where a.attrelid = c.conrelid and a.attname = 'id' and not a.attisdropped
             ) as is_secret,
             string_agg(format('child.%I = parent.%I', own.attname, other.attname), ' and ' order by k.place) as condition
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
      effect := case when foreign_key.is_cascade then 'deleted' else 'updated' end;
      execute format(
        $sql$
        with gone as materialized (
          select child.id, to_jsonb(child) as image
          from %s child
          join %s parent on %s
          where parent.tenant_id = $1 and parent.id = any ($2)
        ),
        images as (
          insert into app_private.import_before_images (batch_id, row_id, table_name, image)
          select $3, gone.id, $4, gone.image from gone
          on conflict do nothing
        ),
        effects as (
          insert into imports.effects as known (tenant_id, batch_id, row_id, table_name, effect, row_hash)
          select $1, $3, gone.id, $4, $5, sha256(convert_to(gone.image::text, 'UTF8')) from gone
          on conflict on constraint effects_tenant_id_batch_id_row_id_table_name_key do update
            set effect = 'deleted', row_hash = excluded.row_hash, column_hashes = null
            where excluded.effect = 'deleted' and known.effect <> 'deleted'
          returning known.row_id, known.effect
        )
        select array_agg(effects.row_id) from effects where effects.effect = 'deleted'
        $sql$,
        foreign_key.child, parent, foreign_key.condition
      ) into dependants using app.current_tenant_id(), row_ids, batch_id, foreign_key.child_name, effect;
      if foreign_key.is_cascade and dependants is not null then
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
    line imports.collections;
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
    -- What lost a link is now as it is: a later edit must be told from that.
    for line in
      select c.*
      from imports.collections c
      where c.tenant_id = app.current_tenant_id() and c.batch_id = delete_imported_rows.batch_id and c.columns is not null
    loop
      execute format(
        $sql$
        update imports.effects effect
        set row_hash = sha256(convert_to(jsonb_build_array(%s)::text, 'UTF8'))
        from %s row
        where effect.tenant_id = $1 and effect.batch_id = $2 and effect.table_name = $3 and effect.effect = 'updated'
          and effect.column_hashes is null and row.tenant_id = effect.tenant_id and row.id = effect.row_id
        $sql$,
        (select string_agg(format('row.%I', name.word), ', ' order by name.place) from unnest(line.columns) with ordinality as name (word, place)),
        line.table_name::regclass
      ) using app.current_tenant_id(), delete_imported_rows.batch_id, line.table_name;
    end loop;
    return deleted;
  end
  $$;
comment on function app_private.delete_imported_rows(uuid, text, uuid[]) is
  'Deletes rows of the current tenant for the batch at work, after an image and an effect of each and of everything that goes with it; how many. Definer, because dependants may be in tables that the worker does not read.';
revoke all on function app_private.delete_imported_rows(uuid, text, uuid[]) from public;
grant execute on function app_private.delete_imported_rows(uuid, text, uuid[]) to :WORKER;
--! EndIncluded imports/delete_rows.sql
