--! Previous: sha1:414b1497f9d46eb2932d1aea722ab614678c3b9b
--! Hash: sha1:6fae735192a3caa7bcdd14174a0149d81ab80123
--! Message: audit every change

-- Who changed what, through what, and when: append-only, one partition a month.
set local lock_timeout = '3s';

create schema audit;
comment on schema audit is 'The record of every change to a tenant''s rows. It is written by triggers and by nobody else.';
grant usage on schema audit to :VIEWER;

create type audit.change_action as enum ('insert', 'update', 'delete');
create type audit.change_source as enum ('api', 'sql', 'job', 'import');
grant usage on type audit.change_action, audit.change_source to public;

create table audit.changes (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null,
  changed_at timestamptz not null default now(),
  table_name text not null,
  action audit.change_action not null,
  row_id uuid,
  row_count integer not null default 1,
  changes jsonb,
  source audit.change_source not null,
  user_id uuid,
  app_role text,
  login_name text not null,
  session_id uuid,
  import_batch_id uuid,
  job_id text,
  request_id text,
  transaction_id xid8 not null,
  constraint changes_pkey primary key (tenant_id, changed_at, id),
  constraint changes_row_count_check check (row_count > 0),
  constraint changes_import_is_one_row_check check (row_id is not null or import_batch_id is not null)
) partition by range (changed_at);
alter table audit.changes enable row level security;
alter table audit.changes force row level security;
create index changes_tenant_id_table_name_row_id_idx on audit.changes (tenant_id, table_name, row_id);
create index changes_tenant_id_import_batch_id_idx on audit.changes (tenant_id, import_batch_id) where import_batch_id is not null;

-- What no month was made for in time lands here, and nothing is lost.
create table audit.changes_default partition of audit.changes default;
alter table audit.changes_default enable row level security;
alter table audit.changes_default force row level security;

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
drop policy if exists select_viewer on audit.changes;
-- Where a person signed in from is theirs and the admins' to know, as in tenancy.sessions.
create policy select_viewer on audit.changes for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()) and table_name <> 'tenancy.sessions');
drop policy if exists select_admin on audit.changes;
create policy select_admin on audit.changes for select to :ADMIN using (tenant_id = (select app.current_tenant_id()));

grant select on table audit.changes to :VIEWER;

-- No policy admits an update or a delete; whoever tries learns why, and the owner cannot empty the table by mistake either.
create or replace function app_private.tg_changes__refuse_change() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform app_private.raise_error('LF007', 'record of a change', 'change the row that it is about, and that is recorded too');
    return null;
  end
  $$;
comment on function app_private.tg_changes__refuse_change() is
  'Refuses every statement that would alter the record. Definer, to raise our error for whoever tries.';

create or replace trigger _200_refuse_change before update or delete or truncate on audit.changes
  for each statement execute function app_private.tg_changes__refuse_change();

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
      select n.tenant_id, qualified_name, 'update', n.id, difference.columns, change_source, identity.user_id, identity.app_role, session_user, identity.session_id, batch_id, job_id, request_id, pg_current_xact_id()
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      cross join lateral (
        select jsonb_object_agg(after.key, jsonb_build_array(before.value, after.value)) as columns
        from jsonb_each(to_jsonb(n)) after
        join jsonb_each(to_jsonb(o)) before on before.key = after.key
        where before.value is distinct from after.value and after.key not in ('updated_at', 'version')
      ) difference
      where difference.columns is not null;
    else
      insert into audit.changes (tenant_id, table_name, action, row_id, changes, source, user_id, app_role, login_name, session_id, import_batch_id, job_id, request_id, transaction_id)
      select o.tenant_id, qualified_name, 'delete', o.id, to_jsonb(o), change_source, identity.user_id, identity.app_role, session_user, identity.session_id, batch_id, job_id, request_id, pg_current_xact_id()
      from old_rows o;
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
      execute format('comment on table audit.%I is %L', partition_name, E'@class private\nThe entries of one month; read them through audit.changes.');
      return next partition_name;
    end loop;
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
--! EndIncluded audit/make_partitions.sql
--! Included audit/tenancy.sql
-- The tables of tenancy were made before there was a record to write to.
create or replace trigger _700_audit_insert after insert on tenancy.memberships
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on tenancy.memberships
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on tenancy.memberships
  referencing old table as old_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_insert after insert on tenancy.sessions
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on tenancy.sessions
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on tenancy.sessions
  referencing old table as old_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_insert after insert on tenancy.sql_logins
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on tenancy.sql_logins
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on tenancy.sql_logins
  referencing old table as old_rows for each statement execute function app_private.tg__audit();
--! EndIncluded audit/tenancy.sql

select audit.make_partitions();
