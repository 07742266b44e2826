--! Previous: sha1:92de3ad10699acfa764eac79f68c114800688c9b
--! Hash: sha1:41ea471ee1d760390cb5a22e63a0c0037c40575d
--! Message: make rows again without generated columns

-- A table makes its generated columns itself, also of a row that a rollback makes again.
set local lock_timeout = '3s';

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
      insert into %1$s (%2$s)
      select %3$s
      from imports.effects e
      join app_private.import_before_images i on i.batch_id = e.batch_id and i.row_id = e.row_id and i.table_name = e.table_name
      cross join lateral jsonb_populate_record(null::%1$s, i.image) was
      where e.tenant_id = $1 and e.batch_id = $2 and e.table_name = $3 and e.row_id = any ($4) and e.effect = 'deleted'
      $sql$,
      relation,
      (select string_agg(format('%I', a.attname), ', ' order by a.attnum) from pg_attribute a
       where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''),
      (select string_agg(format('was.%I', a.attname), ', ' order by a.attnum) from pg_attribute a
       where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')
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
