--! Previous: sha1:f8adb5ac4acb59aa5263fa60db6465640702d57a
--! Hash: sha1:8d82c0a8a82084c75fc964fbe8593c3f0847b5eb
--! Message: forget old changes

-- The record of changes is complete, refuses to be rewritten by whichever name it is called, and is kept as long as is said.
set local lock_timeout = '3s';

--! Included audit/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF463', 'audit_kept_too_short', 400, 'The record of changes is kept for 30 days at least.', 'Set LANDFALL_AUDIT_KEPT_FOR to 30d or more, or leave it out to keep everything.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded audit/errors.sql
--! Included audit/changes.sql
-- People read their tenant's record, nobody changes it. Grants are on the parent alone: a partition is reached through it.
drop policy if exists all_tenant on audit.changes;
create policy all_tenant on audit.changes as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on audit.changes;
create policy select_owner on audit.changes for select to :OWNER using (true);
drop policy if exists insert_owner on audit.changes;
create policy insert_owner on audit.changes for insert to :OWNER with check (true);
-- The one door: what a tenant that is being deleted leaves behind. audit.operator_deeds says who opened it.
drop policy if exists delete_owner on audit.changes;
create policy delete_owner on audit.changes for delete to :OWNER
  using (tenant_id in (select t.id from tenancy.tenants t where t.deletion_begun_at is not null));
-- And one through which values leave, and nothing comes in: app_private.blank_changes, where a person is erased. The triggers below keep it.
drop policy if exists update_owner on audit.changes;
create policy update_owner on audit.changes for update to :OWNER using (true) with check (true);
drop policy if exists select_viewer on audit.changes;
-- Where a person signed in from is theirs and the admins' to know, as in tenancy.sessions.
create policy select_viewer on audit.changes for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()) and table_name <> 'tenancy.sessions');
drop policy if exists select_admin on audit.changes;
create policy select_admin on audit.changes for select to :ADMIN using (tenant_id = (select app.current_tenant_id()));

grant select on table audit.changes to :VIEWER;

-- Whoever tries to alter it learns why not, and the owner cannot empty the table by mistake either.
create or replace function app_private.tg_changes__refuse_change() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if tg_op = 'DELETE' and (
      -- Said by the functions that bring entries into their month, and that forget old ones.
      current_setting('app.moves_changes', true) = 'on'
      or exists (select from tenancy.tenants t where t.deletion_begun_at is not null)
    ) then
      return null;
    end if;
    if tg_op = 'UPDATE' and current_setting('app.blanks_changes', true) = 'on' then
      return null;
    end if;
    perform app_private.raise_error('LF007', 'record of a change', 'change the row that it is about, and that is recorded too');
    return null;
  end
  $$;
comment on function app_private.tg_changes__refuse_change() is
  'Refuses every statement that would alter the record, but for the deletion of what a leaving tenant has in it and of what has had its time, and for the blanking of values. Definer, to raise our error for whoever tries.';

create or replace trigger _200_refuse_change before update or delete or truncate on audit.changes
  for each statement execute function app_private.tg_changes__refuse_change();

-- After the policy, for those whom no policy binds: not a row of a tenant that stays goes through the door.
create or replace function app_private.tg_changes__refuse_deletion() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if exists (
      select from old_rows o
      where not exists (select from tenancy.tenants t where t.id = o.tenant_id and t.deletion_begun_at is not null)
    ) then
      perform app_private.raise_error('LF007', 'record of a change', 'change the row that it is about, and that is recorded too');
    end if;
    return null;
  end
  $$;
comment on function app_private.tg_changes__refuse_deletion() is
  'Refuses to delete the record of a tenant that is not being deleted. Definer, to raise our error for whoever tries.';
create or replace trigger _210_refuse_deletion after delete on audit.changes
  referencing old table as old_rows for each statement execute function app_private.tg_changes__refuse_deletion();

create or replace function app_private.without_values(changes jsonb) returns jsonb
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select jsonb_object_agg(value.key, null) from jsonb_each(changes) value $$;
comment on function app_private.without_values(jsonb) is 'Which columns an entry of the record is about, without what they said.';

-- After the policy, for those whom no policy binds: an entry can lose its values, and nothing else can become of it.
create or replace function app_private.tg_changes__refuse_rewriting() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if exists (
      select from old_rows o
      full join new_rows n on n.tenant_id = o.tenant_id and n.changed_at = o.changed_at and n.id = o.id
      where to_jsonb(n) is distinct from jsonb_set(to_jsonb(o), '{changes}', coalesce(app_private.without_values(o.changes), 'null'))
    ) then
      perform app_private.raise_error('LF007', 'record of a change', 'change the row that it is about, and that is recorded too');
    end if;
    return null;
  end
  $$;
comment on function app_private.tg_changes__refuse_rewriting() is
  'Refuses to make anything of an entry but the same one without values. Definer, to raise our error for whoever tries.';
create or replace trigger _210_refuse_rewriting after update on audit.changes
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg_changes__refuse_rewriting();

create or replace function app_private.blank_changes(tenant_id uuid, entry_ids uuid[]) returns integer
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    blanked integer;
  begin
    perform set_config('app.blanks_changes', 'on', true);
    update audit.changes c
    set changes = app_private.without_values(c.changes)
    where c.tenant_id = blank_changes.tenant_id and c.id = any (blank_changes.entry_ids) and c.changes is not null;
    get diagnostics blanked = row_count;
    perform set_config('app.blanks_changes', 'off', true);
    return blanked;
  end
  $$;
comment on function app_private.blank_changes(uuid, uuid[]) is
  'Takes the values out of these entries of the record, and says of how many; who did what to which columns, and when, stays. For the erasure of people.';

comment on table audit.changes is '@class tenant
Every change to a tenant''s rows: updates with the columns that changed, deletes with the old row, inserts without values. The inserts of an import are one entry for a statement; its ledger has the rows.';
comment on column audit.changes.table_name is 'Schema and table.';
comment on column audit.changes.row_id is 'The row; null for the inserts of an import.';
comment on column audit.changes.row_count is 'How many rows the entry stands for.';
comment on column audit.changes.changes is 'Of an update {column: [before, after]}, of a delete the old row.';
comment on column audit.changes.source is 'Through what the change came: the API, SQL at a prompt, a job of the worker, an import batch.';
comment on column audit.changes.user_id is 'The person, where one was signed in.';
comment on column audit.changes.login_name is 'The database login.';
comment on column audit.changes.request_id is 'The request of the API, as its log names it.';
comment on table audit.changes_default is '@class private
The entries for which no month was made in time.';
--! EndIncluded audit/changes.sql
--! Included audit/record_changes.sql
-- after insert, update or delete, for each statement, with transition tables old_rows and new_rows.
create or replace function app_private.tg__audit() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  -- A table may have a column that is called like one of these; its columns are always named with the table.
  #variable_conflict use_variable
  declare
    identity constant record := app_private.current_identity();
    batch_id constant uuid := app.current_import_batch_id();
    qualified_name constant text := tg_table_schema || '.' || tg_table_name;
    change_source constant audit.change_source := case
      when batch_id is not null then 'import'
      when session_user = ':WORKER' then 'job'
      when session_user = ':AUTHENTICATOR' then 'api'
      else 'sql'
    end;
    request_id constant text := nullif(current_setting('app.request_id', true), '');
    job_id constant text := nullif(current_setting('app.job_id', true), '');
  begin
    if tg_op = 'INSERT' and batch_id is not null then
      insert into audit.changes (tenant_id, table_name, action, row_count, source, app_role, login_name, import_batch_id, job_id, transaction_id)
      select n.tenant_id, qualified_name, 'insert', count(*), change_source, identity.app_role, session_user, batch_id, job_id, pg_current_xact_id()
      from new_rows n
      group by n.tenant_id;
    elsif tg_op = 'INSERT' then
      insert into audit.changes (tenant_id, table_name, action, row_id, source, user_id, app_role, login_name, session_id, job_id, request_id, transaction_id)
      select n.tenant_id, qualified_name, 'insert', n.id, change_source, identity.user_id, identity.app_role, session_user, identity.session_id, job_id, request_id, pg_current_xact_id()
      from new_rows n;
    elsif tg_op = 'UPDATE' then
      insert into audit.changes (tenant_id, table_name, action, row_id, changes, source, user_id, app_role, login_name, session_id, import_batch_id, job_id, request_id, transaction_id)
      select coalesce(n.tenant_id, o.tenant_id), qualified_name,
        (case when o.id is null then 'insert' when n.id is null then 'delete' else 'update' end)::audit.change_action,
        coalesce(n.id, o.id), case when n.id is null then to_jsonb(o) else difference.columns end, change_source, identity.user_id, identity.app_role, session_user, identity.session_id, batch_id, job_id, request_id, pg_current_xact_id()
      from new_rows n
      -- A row whose key changed has gone, and another has come.
      full join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      cross join lateral (
        select jsonb_object_agg(after.key, jsonb_build_array(before.value, after.value)) as columns
        from jsonb_each(to_jsonb(n)) after
        join jsonb_each(to_jsonb(o)) before on before.key = after.key
        where before.value is distinct from after.value and after.key not in ('updated_at', 'version')
      ) difference
      where difference.columns is not null or o.id is null or n.id is null;
    else
      insert into audit.changes (tenant_id, table_name, action, row_id, changes, source, user_id, app_role, login_name, session_id, import_batch_id, job_id, request_id, transaction_id)
      select o.tenant_id, qualified_name, 'delete', o.id, to_jsonb(o), change_source, identity.user_id, identity.app_role, session_user, identity.session_id, batch_id, job_id, request_id, pg_current_xact_id()
      from old_rows o
      -- Of a tenant that is being deleted the record goes, too; audit.operator_deeds keeps what was done.
      where not exists (select from tenancy.tenants t where t.id = o.tenant_id and t.deletion_begun_at is not null);
    end if;
    return null;
  end
  $$;
comment on function app_private.tg__audit() is
  'Definer, because nobody may write the record by hand. One insert for a statement, however many rows it changed.';
--! EndIncluded audit/record_changes.sql
--! Included audit/make_partitions.sql
create or replace function audit.make_partitions(months_ahead integer default 3) returns setof text
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    month date;
    partition_name text;
  begin
    perform set_config('app.moves_changes', 'on', true);
    for month in
      select m::date
      from generate_series(date_trunc('month', now() at time zone 'UTC'), date_trunc('month', now() at time zone 'UTC') + make_interval(months => months_ahead), '1 month') m
    loop
      partition_name := 'changes_' || to_char(month, 'YYYY_MM');
      continue when to_regclass('audit.' || partition_name) is not null;
      -- Rows that the default partition took for this month would block the new one: they move over with it.
      execute format('create table audit.%I (like audit.changes including defaults including constraints)', partition_name);
      execute format('alter table audit.%I enable row level security', partition_name);
      execute format('alter table audit.%I force row level security', partition_name);
      execute format('create policy select_owner on audit.%I for select to :OWNER using (true)', partition_name);
      execute format('create policy insert_owner on audit.%I for insert to :OWNER with check (true)', partition_name);
      execute format(
        'with moved as (delete from audit.changes_default where changed_at >= %1$L and changed_at < %2$L returning *) insert into audit.%3$I select * from moved',
        month::timestamp at time zone 'UTC', (month + interval '1 month')::timestamp at time zone 'UTC', partition_name);
      execute format('alter table audit.changes attach partition audit.%I for values from (%L) to (%L)', partition_name,
        month::timestamp at time zone 'UTC', (month + interval '1 month')::timestamp at time zone 'UTC');
      execute format(
        'create trigger _200_refuse_change before update or delete or truncate on audit.%I for each statement execute function app_private.tg_changes__refuse_change()',
        partition_name);
      execute format('comment on table audit.%I is %L', partition_name, E'@class private\nThe entries of one month; read them through audit.changes.');
      return next partition_name;
    end loop;
    perform set_config('app.moves_changes', 'off', true);
  end
  $$;
comment on function audit.make_partitions(integer) is
  'Makes the partitions of this month and the ones ahead where they are missing, and names those it made. Definer, because making tables is the owner''s. The worker calls it every night.';
grant usage on schema audit to :WORKER;
grant execute on function audit.make_partitions(integer) to :WORKER;

drop policy if exists select_owner on audit.changes_default;
create policy select_owner on audit.changes_default for select to :OWNER using (true);
drop policy if exists insert_owner on audit.changes_default;
create policy insert_owner on audit.changes_default for insert to :OWNER with check (true);
drop policy if exists delete_owner on audit.changes_default;
create policy delete_owner on audit.changes_default for delete to :OWNER using (true);
-- Its entries move on into their month, or are forgotten: by the functions that do that alone.
create or replace trigger _200_refuse_change before update or delete or truncate on audit.changes_default
  for each statement execute function app_private.tg_changes__refuse_change();
--! EndIncluded audit/make_partitions.sql
--! Included audit/forget_changes.sql
create or replace function audit.forget_changes(kept_for interval) returns table (partition_name text, entries bigint)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  set lock_timeout = '3s'
  as $$
  declare
    forgotten_before constant timestamptz := now() - kept_for;
    month date;
  begin
    -- Whoever works as the worker must not be able to wipe out what has just been done.
    if kept_for is null or kept_for < interval '30 days' then
      perform app_private.raise_error('LF463');
    end if;
    for partition_name, month in
      select c.relname, to_date(right(c.relname, 7), 'YYYY_MM')
      from pg_inherits i
      join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'audit.changes'::regclass and c.relname ~ '^changes_\d{4}_\d{2}$'
      order by c.relname
    loop
      -- A month goes when its last entry is old enough.
      exit when (month + interval '1 month')::timestamp at time zone 'UTC' > forgotten_before;
      execute format('select count(*) from audit.%I', partition_name) into entries;
      execute format('drop table audit.%I', partition_name);
      perform app_private.record_deed('changes_forgotten', null, null, jsonb_build_object('month', to_char(month, 'YYYY-MM'), 'entries', entries));
      return next;
    end loop;
    partition_name := 'changes_default';
    perform set_config('app.moves_changes', 'on', true);
    delete from audit.changes_default d where d.changed_at < forgotten_before;
    get diagnostics entries = row_count;
    perform set_config('app.moves_changes', 'off', true);
    if entries > 0 then
      perform app_private.record_deed('changes_forgotten', null, null, jsonb_build_object('before', forgotten_before, 'entries', entries));
      return next;
    end if;
  end
  $$;
comment on function audit.forget_changes(interval) is
  'Drops the months of the record that ended longer ago than said, 30 days at least, writes that down among the deeds, and names what went. It waits 3 s for whoever reads the record, and is tried again. Definer, because dropping tables is the owner''s. The worker calls it every night, where LANDFALL_AUDIT_KEPT_FOR is set.';
grant execute on function audit.forget_changes(interval) to :WORKER;
--! EndIncluded audit/forget_changes.sql

do $$
declare
  partition_name text;
begin
  for partition_name in
    select c.relname
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'audit.changes'::regclass and c.relname ~ '^changes_\d{4}_\d{2}$'
  loop
    execute format(
      'create or replace trigger _200_refuse_change before update or delete or truncate on audit.%I for each statement execute function app_private.tg_changes__refuse_change()',
      partition_name);
  end loop;
end
$$;
