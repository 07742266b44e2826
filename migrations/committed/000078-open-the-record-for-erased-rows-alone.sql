--! Previous: sha1:d1ab7a5a5e38d62654f9be7d26163c2491783ab9
--! Hash: sha1:c87153ec62210710e2ce5a6fc1bc26f23e77055c
--! Message: open the record for erased rows alone

-- The owner may take values out of the entries of erased rows, and sees no other entry as one that it may change.
set local lock_timeout = '3s';

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
-- And one through which values leave, and nothing comes in: app_private.blank_changes, where a person is erased.
drop policy if exists update_owner on audit.changes;
create policy update_owner on audit.changes for update to :OWNER
  using ((tenant_id, row_id) in (select e.tenant_id, e.row_id from app_private.erased_rows e))
  with check ((tenant_id, row_id) in (select e.tenant_id, e.row_id from app_private.erased_rows e));
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
    opened uuid[];
  begin
    with told as (
      insert into app_private.erased_rows (tenant_id, row_id)
      select distinct c.tenant_id, c.row_id from audit.changes c
      where c.tenant_id = blank_changes.tenant_id and c.id = any (blank_changes.entry_ids) and c.row_id is not null
      on conflict on constraint erased_rows_pkey do nothing
      returning row_id
    )
    select array_agg(told.row_id) into opened from told;
    perform set_config('app.blanks_changes', 'on', true);
    update audit.changes c
    set changes = app_private.without_values(c.changes)
    where c.tenant_id = blank_changes.tenant_id and c.id = any (blank_changes.entry_ids) and c.changes is not null;
    get diagnostics blanked = row_count;
    perform set_config('app.blanks_changes', 'off', true);
    -- Whose rows these are the erasure says itself.
    delete from app_private.erased_rows e where e.tenant_id = blank_changes.tenant_id and e.row_id = any (opened);
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
