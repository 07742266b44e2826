--! Previous: sha1:18258722ad2b6b6c971cbece5bfec5df5481dda4
--! Hash: sha1:4a1fdc4f35fddefe8e3deb6beb61281c79e6861c
--! Message: find dependants by the whole key

-- What refers to a row is found by every column of its foreign key: by its id alone no index leads there, and each thousand rows that were
-- taken back read the whole of the tenant's. And a rollback has statistics of what it has decided, as an import has of what has landed.
set local lock_timeout = '3s';

--! Included imports/private.sql
-- The worker's own tables. No row security: COPY is refused under it, nobody but the worker has any right here, and what people may see
-- of a payload goes through imports.records_source_text.
grant usage on schema app_private to :WORKER;
grant select, insert on table app_private.import_payloads to :WORKER;
grant update (fixed_text, holds_refused_text, rows, refusal, fates_id, is_carried) on table app_private.import_payloads to :WORKER;
grant select, insert on table app_private.import_fates to :WORKER;
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
comment on column app_private.import_payloads.fates_id is 'What became of its cells when it landed: a pattern of app_private.import_fates; null where a replay decoded it anew, or there are too many patterns.';
comment on column app_private.import_payloads.row_hash is 'SHA-256 of its row''s imported columns, as the batch that this one carries on from has proved it; null where the text was not known.';
comment on column app_private.import_payloads.is_carried is 'Whether what the batch that this one carries on from has made and proved of the same text still holds.';
comment on table app_private.import_fates is '@class private
The fates that the cells of a record met together when it landed, {field: fate}: once for all records that share them.';
comment on table app_private.import_places is '@class private
The place of every ranked row among its siblings, worked out for the whole batch at once.';
comment on table app_private.import_before_images is '@class private
What a row was before a batch changed it.';
comment on table app_private.import_predicted_records is '@class private
Records of which a batch predicted something else than the usual outcome of their collection.';
comment on table app_private.import_gone_rows is '@class private
Rows of a source that a batch did not meet in it any more.';
comment on column app_private.import_gone_rows.is_kept is 'Whether it stays, because people edited it or what belongs to it, or because something holds on to it.';
comment on column app_private.import_gone_rows.into_row_id is 'The row that it is merged into, and that gets what belongs to it; null where its record is gone.';
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
  -- A few thousand rows say enough of keys and outcomes; more would have most of the texts read.
  set default_statistics_target = 10
  as $$
  declare
    partition_name constant text := 'import_payloads_' || replace(analyze_imports.batch_id::text, '-', '');
  begin
    if to_regclass('app_private.' || partition_name) is not null then
      -- The texts are not looked at: nothing is searched by them, and taking a sample of them takes long.
      execute format('analyze app_private.%I (batch_id, collection_id, row_id, position, is_carried)', partition_name);
    end if;
    analyze app_private.import_places, imports.issues,
      imports.records (tenant_id, batch_id, collection_id, row_id, outcome, reason, is_carried),
      imports.effects (tenant_id, batch_id, row_id, table_name),
      imports.undoings (tenant_id, batch_id, collection_id, row_id, table_name, fate, done_at),
      app_private.import_before_images (batch_id, row_id, table_name);
  end
  $$;
comment on function app_private.analyze_imports(uuid) is
  'Brings the planner''s statistics of a batch''s payloads and of the ledger up to date. Definer, because only an owner may.';
revoke all on function app_private.analyze_imports(uuid) from public;
grant execute on function app_private.analyze_imports(uuid) to :WORKER;
--! EndIncluded imports/private.sql
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
        min(own.attname) filter (where target.attname = 'id') as column_name,
        -- Every column of the key, so that its index finds them.
        string_agg(format('d.%I = t.%I', own.attname, target.attname), ' and ') as condition,
        case when exists (select from pg_attribute i where i.attrelid = c.conrelid and i.attname = 'id') then 'd.id' else 'null::uuid' end as id
      from pg_constraint c
      cross join lateral unnest(c.conkey, c.confkey) as pair (own, target)
      join pg_attribute own on own.attrelid = c.conrelid and own.attnum = pair.own
      join pg_attribute target on target.attrelid = c.confrelid and target.attnum = pair.target
      where c.contype = 'f' and c.confrelid = to_regclass(import_dependants.table_name) and c.conparentid = 0
      group by c.oid, c.conrelid
      having bool_or(target.attname = 'id')
    loop
      -- A row of the same batch that goes too, or whose restored text no longer points here, holds nothing back.
      return query execute format(
        $query$
          select d.%1$I, %2$L::text, %3$s
          from %4$s t
          join %2$s d on %5$s
          where t.tenant_id = $1 and t.id = any ($2)
            and not exists (
              select
              from imports.effects e
              left join app_private.import_before_images i on i.batch_id = e.batch_id and i.row_id = e.row_id and i.table_name = e.table_name
              where e.tenant_id = $1 and e.batch_id = $3 and e.row_id = %3$s and e.table_name = %2$L and e.row_id <> all ($4)
                and (e.effect = 'inserted' or i.image ->> %1$L is distinct from d.%1$I::text)
            )
        $query$,
        link.column_name, link.table_name, link.id, to_regclass(import_dependants.table_name), link.condition
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
