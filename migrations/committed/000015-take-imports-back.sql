--! Previous: sha1:225e6ba1a3d836cb7aa8a3688e4fad5913c40f7a
--! Hash: sha1:22afad77dc74fc30043f4e0ab93cc44907e07ab5
--! Message: take imports back

-- An import can be taken back: every row that it wrote, with what becomes of it.
set local lock_timeout = '3s';

alter type imports.check_layer add value 'rollback' after 'computed';
create type imports.undoing_fate as enum ('removed', 'restored', 'kept');
grant usage on type imports.undoing_fate to public;

alter table imports.collections add column column_names text[];

create table imports.undoings (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  batch_id uuid not null,
  collection_id uuid not null,
  row_id uuid not null,
  record_id text,
  table_name text not null,
  fate imports.undoing_fate not null,
  reason text,
  detail text,
  done_at timestamptz,
  created_at timestamptz not null default now(),
  constraint undoings_pkey primary key (tenant_id, id),
  constraint undoings_tenant_id_batch_id_row_id_table_name_key unique (tenant_id, batch_id, row_id, table_name),
  constraint undoings_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint undoings_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id) on delete cascade,
  constraint undoings_collection_id_fkey foreign key (tenant_id, collection_id) references imports.collections (tenant_id, id) on delete cascade,
  constraint undoings_kept_has_reason_check check ((fate = 'kept') = (reason is not null))
);
alter table imports.undoings enable row level security;
alter table imports.undoings force row level security;
create index undoings_tenant_id_collection_id_id_idx on imports.undoings (tenant_id, collection_id, id);

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
comment on column imports.collections.column_names is 'The columns that its records fill; a rollback restores these and no others.';
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
comment on column imports.collections.is_settled is 'Whether every record has its outcome; then the sums must balance.';
comment on column imports.collections.created_at is 'When the row was made.';
comment on column imports.collections.updated_at is 'When the row was last changed.';
comment on constraint collections_tenant_id_fkey on imports.collections is 'There is no such tenant.';
comment on constraint collections_tenant_id_batch_id_name_key on imports.collections is 'The batch has this collection already.';
comment on constraint collections_batch_id_fkey on imports.collections is 'There is no such batch.';
comment on constraint collections_settled_balances_check on imports.collections is 'Every record that landed has exactly one outcome.';
--! EndIncluded imports/collections.sql
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
comment on column imports.undoings.collection_id is 'The collection that the row came with.';
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
--! Included imports/queue_batches.sql
-- A batch that is queued, replayed or rolled back has a job, in the same transaction. The batch is the truth and the job its wake-up: a lost or doubled job changes nothing.
create or replace function app_private.queue_import_batch(tenant_id uuid, batch_id uuid) returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$
    select graphile_worker.add_job(
      'imports/run_batch',
      json_build_object('tenantId', tenant_id, 'batchId', batch_id),
      job_key => 'imports/run_batch:' || batch_id
    )
  $$;
comment on function app_private.queue_import_batch(uuid, uuid) is 'Wakes the worker for a batch.';

create or replace function app_private.tg_batches__queue_run() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform app_private.queue_import_batch(new.tenant_id, new.id);
    return null;
  end
  $$;
comment on function app_private.tg_batches__queue_run() is 'Definer, because the queue is not open to whoever queues a batch.';

create or replace trigger _900_queue_run_of_new after insert on imports.batches
  for each row when (new.status = 'queued') execute function app_private.tg_batches__queue_run();
create or replace trigger _900_queue_run after update on imports.batches
  for each row when (
    old.status is distinct from new.status
    and (new.status in ('queued', 'rolling_back') or (old.status = 'incomplete' and new.status = 'running'))
  ) execute function app_private.tg_batches__queue_run();

create or replace function app_private.requeue_import_batches(silent_for interval default '20 seconds') returns setof uuid
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch record;
  begin
    for batch in
      select b.tenant_id, b.id
      from imports.batches b
      left join app_private.import_leases l on l.tenant_id = b.tenant_id and l.batch_id = b.id
      where b.status in ('queued', 'running', 'verifying', 'rolling_back')
        and greatest(b.updated_at, l.heartbeat_at) < clock_timestamp() - silent_for
    loop
      perform app_private.queue_import_batch(batch.tenant_id, batch.id);
      return next batch.id;
    end loop;
  end
  $$;
comment on function app_private.requeue_import_batches(interval) is
  'Wakes the worker for every batch that nobody has worked on for a while, whichever tenant it belongs to, and names them. Definer, because the worker sees one tenant at a time.';
revoke all on function app_private.requeue_import_batches(interval) from public;
grant execute on function app_private.requeue_import_batches(interval) to :WORKER;
--! EndIncluded imports/queue_batches.sql
--! Included imports/crosswalk.sql
-- Which row is rec…? And which record is this row? Read it either way.
create or replace view imports.crosswalk with (security_invoker = true) as
  select distinct on (r.tenant_id, r.row_id)
    r.tenant_id,
    b.source_id,
    c.name as collection,
    r.record_id,
    c.table_name,
    r.row_id,
    r.batch_id
  from imports.records r
  join imports.collections c on c.tenant_id = r.tenant_id and c.id = r.collection_id
  join imports.batches b on b.tenant_id = r.tenant_id and b.id = r.batch_id
  where r.outcome in ('inserted', 'updated', 'unchanged')
    and not exists (
      select from imports.undoings u
      where u.tenant_id = r.tenant_id and u.batch_id = r.batch_id and u.row_id = r.row_id and u.fate <> 'kept'
    )
  order by r.tenant_id, r.row_id, r.id desc;
grant select on imports.crosswalk to :VIEWER, :WORKER;
comment on view imports.crosswalk is 'Every imported row with the record that it came from, as the latest batch left it.';
comment on column imports.crosswalk.source_id is 'The source.';
comment on column imports.crosswalk.collection is 'The collection of the record.';
comment on column imports.crosswalk.record_id is 'The record''s id in the source.';
comment on column imports.crosswalk.table_name is 'The table of the row.';
comment on column imports.crosswalk.row_id is 'The row''s id.';
comment on column imports.crosswalk.batch_id is 'The latest batch that met it.';
--! EndIncluded imports/crosswalk.sql
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
              when 'updated' then r.id is null or %2$s <> e.row_hash
              else r.id is not null and %2$s <> e.row_hash
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
