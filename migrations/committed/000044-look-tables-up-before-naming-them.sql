--! Previous: sha1:96dc6ebdc3494a133283178d8a2a0852e26d0c34
--! Hash: sha1:c3e10c4f7736c19ce56c51844e014adeb65949f5
--! Message: look tables up before naming them

-- The plan of a rollback built its query with a table's name as it stood in the ledger, which the worker's login writes: a name that was SQL
-- would have run as the owner. The name is looked up first now, and what is no table is refused.
set local lock_timeout = '3s';

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
  ('LF280', 'report_not_shown', 401, 'This report is shown to those who may see the import.', 'Send a token in the Authorization header, or open a link that POST /reports/imports/<batch>/link gave you.'),
  ('LF281', 'report_link_ended', 401, 'This link to a report has ended, or belongs to another one.', 'Ask for a new link: POST /reports/imports/<batch>/link, with a token in the Authorization header.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded imports/errors.sql
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
      -- The name is looked up before it becomes part of a statement: whoever writes the ledger writes no SQL.
      if to_regclass(line.table_name) is null then
        perform app_private.raise_error('LF245', line.batch_id::text, line.table_name);
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
        to_regclass(line.table_name),
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
