--! Previous: sha1:736818813eaf012e471ff4267df9cf68188c3150
--! Hash: sha1:190bdec038187ad0a0d494a482257a6389457f06
--! Message: delete tenants whole

-- What a tenant has can be taken along and taken away: a list of what is whose, and a door for what is never deleted else.
set local lock_timeout = '3s';

alter table tenancy.tenants add column deletion_begun_at timestamptz;

create table app_private.tenant_deletions (
  tenant_id uuid not null,
  user_ids uuid[] not null,
  counts jsonb not null,
  begun_at timestamptz not null default now(),
  constraint tenant_deletions_pkey primary key (tenant_id),
  constraint tenant_deletions_counts_check check (jsonb_typeof(counts) = 'object')
);
alter table app_private.tenant_deletions enable row level security;
alter table app_private.tenant_deletions force row level security;

--! Included tenancy/errors.sql
-- What signing in can say, and what is above the tenants: LF032 to LF049.
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF032', 'operator_unknown', 404, 'There is no operator with this address.', 'See who is one: landfall operator list.'),
  ('LF033', 'login_unknown', 404, 'The tenant has no SQL login of this name.', 'See which it has: landfall login list.'),
  ('LF034', 'login_role_foreign', 409, 'The server has a role of this name that was not made by Landfall.', 'Drop or rename that role first.'),
  ('LF035', 'login_role_used', 409, 'The role of this login cannot be dropped yet.', 'Drop what it owns in the other databases of the server first.'),
  ('LF036', 'tenant_active', 409, 'The tenant %s is active.', 'Suspend it first: landfall tenant suspend %s.'),
  ('LF037', 'tenant_leaving', 409, 'The tenant %s is being deleted.', 'There is no way back: landfall tenant delete goes on with it.'),
  ('LF038', 'export_exists', 409, 'The folder for the export is not empty.', 'Name another one.'),
  ('LF039', 'export_unwritable', 500, 'The export cannot be written.', 'Check the path, the space that is left and your rights.'),
  ('LF040', 'wrong_credentials', 401, 'The e-mail address or the password is wrong.',
    'Check both. An admin of your tenant can have a new password made for you.'),
  ('LF041', 'no_such_membership', 403, 'You do not belong to %s.', 'Sign in to a tenant that you belong to, or ask its admin to add you.'),
  ('LF042', 'too_many_attempts', 429, 'Too many sign-ins with this e-mail address failed.', 'Wait %s seconds, then try again.'),
  ('LF043', 'tenant_unclear', 409, 'You belong to several tenants.', 'Name one as tenantSlug: %s.'),
  ('LF044', 'invalid_token', 401, 'This token is not one of ours.',
    'Sign in with signIn and send its token as "Authorization: Bearer …", or leave the header out.'),
  ('LF045', 'token_expired', 401, 'Your sign-in has expired.', 'Sign in again with signIn.'),
  ('LF046', 'session_ended', 401, 'Your sign-in was ended, or what you may do in this tenant has changed.', 'Sign in again with signIn.'),
  ('LF047', 'weak_password', 400, 'This cannot be a password: it must have between %s and %s characters.',
    'Choose a longer one; a sentence of a few words is easy to remember.'),
  ('LF048', 'tenant_suspended', 403, 'This tenant is suspended: %s.',
    'Ask the operator of this installation to reactivate it. Nothing of it is lost, and what was under way goes on then.'),
  ('LF049', 'password_change_needed', 403, 'Your password was made by somebody else, and opens nothing but the way to one of your own.',
    'Choose a password with changePassword; the token that you have then counts.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded tenancy/errors.sql
--! Included tenancy/delete_tenant.sql
-- The end of a tenant. It is suspended, then marked; from then on it cannot come back, what guards single rows lets go of its rows, and
-- only the owner reaches them. What takes them away is landfall tenant delete.
create or replace function app_private.is_leaving(tenant_id uuid) returns boolean
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select exists (select from tenancy.tenants t where t.id = is_leaving.tenant_id and t.deletion_begun_at is not null) $$;
comment on function app_private.is_leaving(uuid) is 'Whether the tenant is being deleted: then all of it goes, and no guard keeps a row of it.';

drop policy if exists select_owner on app_private.tenant_deletions;
create policy select_owner on app_private.tenant_deletions for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.tenant_deletions;
create policy insert_owner on app_private.tenant_deletions for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.tenant_deletions;
create policy update_owner on app_private.tenant_deletions for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.tenant_deletions;
create policy delete_owner on app_private.tenant_deletions for delete to :OWNER using (true);
comment on table app_private.tenant_deletions is '@class private
Tenants that are being deleted: what they had when that began, and whom they named. The row goes with the tenant.';
comment on column app_private.tenant_deletions.user_ids is 'Everybody whom a row of it named: those whom no other row names go, too.';
comment on column app_private.tenant_deletions.counts is 'Rows by table, files, logins and jobs, for the record.';

create or replace function app_private.begin_tenant_deletion(slug text, user_ids uuid[], counts jsonb) returns tenancy.tenants
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant tenancy.tenants;
  begin
    perform app_private.require_operator('delete tenants');
    -- Whoever is writing a row of it holds a lock on this one: they are waited for, and nobody begins any more.
    select t.* into tenant from tenancy.tenants t where t.slug = begin_tenant_deletion.slug for update;
    if not found then
      perform app_private.raise_error('LF066');
    elsif tenant.is_active then
      perform app_private.raise_error('LF036', tenant.slug, tenant.slug);
    elsif tenant.deletion_begun_at is null then
      update tenancy.tenants t set deletion_begun_at = now() where t.id = tenant.id returning t.* into tenant;
      insert into app_private.tenant_deletions (tenant_id, user_ids, counts)
      values (tenant.id, begin_tenant_deletion.user_ids, begin_tenant_deletion.counts);
      perform app_private.record_deed('tenant_deletion_begun', tenant.id, tenant.slug, begin_tenant_deletion.counts);
    end if;
    return tenant;
  end
  $$;
comment on function app_private.begin_tenant_deletion(text, uuid[], jsonb) is
  'Marks a suspended tenant as leaving, once, and writes down what it has. For landfall tenant delete.';

create or replace function app_private.delete_people(candidates uuid[]) returns integer
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    reference record;
    gone integer;
  begin
    -- Whoever is named by any row that is left stays: a member elsewhere, an operator, the author of something, somebody in another record.
    for reference in
      select k.conrelid::regclass as relation, a.attname as column_name
      from pg_constraint k
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
      where k.contype = 'f' and k.confrelid = 'tenancy.users'::regclass and k.connamespace <> 'app_private'::regnamespace
      union all
      select 'audit.changes'::regclass, 'user_id'
    loop
      execute format('select array(select c.id from unnest($1) c (id) where not exists (select from %s r where r.%I = c.id))',
        reference.relation, reference.column_name)
      into candidates using candidates;
    end loop;
    delete from app_private.sign_in_failures f
    where f.email_hash in (select app_private.email_hash(u.email) from tenancy.users u where u.id = any (candidates));
    delete from app_private.allowances a where split_part(a.bucket, ':', 2) = any (candidates::text[]);
    delete from tenancy.users u where u.id = any (candidates);
    get diagnostics gone = row_count;
    return gone;
  end
  $$;
comment on function app_private.delete_people(uuid[]) is
  'Deletes those of these people whom no row of any table names any more, with their passwords, and says how many.';

create or replace function app_private.finish_tenant_deletion(tenant_id uuid, particulars jsonb) returns jsonb
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant tenancy.tenants;
    deletion app_private.tenant_deletions;
    summary jsonb;
  begin
    perform app_private.require_operator('delete tenants');
    select t.* into strict tenant
    from tenancy.tenants t
    where t.id = finish_tenant_deletion.tenant_id and t.deletion_begun_at is not null
    for update;
    delete from app_private.tenant_deletions d where d.tenant_id = tenant.id returning d.* into strict deletion;
    delete from tenancy.tenants t where t.id = tenant.id;
    summary := deletion.counts || particulars || jsonb_build_object('people', app_private.delete_people(deletion.user_ids));
    perform app_private.record_deed('tenant_deleted', tenant.id, tenant.slug, summary);
    return summary;
  end
  $$;
comment on function app_private.finish_tenant_deletion(uuid, jsonb) is
  'Takes the tenant itself away, and the people whom nobody else names, and records what went. Its foreign keys refuse while a row of it is left. For landfall tenant delete.';
--! EndIncluded tenancy/delete_tenant.sql
--! Included tenancy/holdings.sql
-- What a tenant has, table by table: what landfall tenant export writes and landfall tenant delete takes away. A table with a column
-- tenant_id holds what that column says. Of every other table that is neither a tenant's nor for reference this list says it, and a rule
-- of the schema holds it to that: the condition for the rows of the tenant $1, or null where it holds none.
create or replace function app_private.tenant_holdings() returns table (table_name text, condition text)
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    values
      ('tenancy.tenants', 'id = $1'),
      -- People may be in several tenants: export takes those whom rows of the tenant name, deletion those whom no other row does.
      ('tenancy.users', null),
      ('tenancy.operators', null),
      ('tenancy.operator_sessions', null),
      ('audit.operator_deeds', null),
      ('app_private.passwords', null),
      ('app_private.password_resets', null),
      ('app_private.sign_in_failures', null),
      ('app_private.import_payloads', 'batch_id in (select b.id from imports.batches b where b.tenant_id = $1)'),
      ('app_private.import_places', 'batch_id in (select b.id from imports.batches b where b.tenant_id = $1)'),
      ('app_private.import_before_images', 'batch_id in (select b.id from imports.batches b where b.tenant_id = $1)'),
      ('app_private.import_predicted_records', 'batch_id in (select b.id from imports.batches b where b.tenant_id = $1)'),
      ('app_private.import_gone_rows', 'batch_id in (select b.id from imports.batches b where b.tenant_id = $1)'),
      -- A base that two tenants read has one budget.
      ('app_private.source_budgets',
        'key in (select s.key from imports.sources s where s.tenant_id = $1) and key not in (select s.key from imports.sources s where s.tenant_id <> $1)'),
      ('app_private.webhook_events',
        'ghl_location_id in (select l.ghl_location_id from publishing.locations l where l.tenant_id = $1) and ghl_location_id not in (select l.ghl_location_id from publishing.locations l where l.tenant_id <> $1)'),
      ('app_private.allowances', 'split_part(bucket, '':'', 2) = $1::text'),
      -- Under a keyed hash, so that nobody can tell whose it is.
      ('app_private.call_budgets', null),
      ('app_private.trusted_documents', null),
      ('app_private.installations', null),
      ('app_private.worker_heartbeats', null),
      ('app_private.tenant_deletions', null)
  $$;
comment on function app_private.tenant_holdings() is
  'Which rows of a table are the tenant''s with the id $1, where no column tenant_id says it; null where none are. For landfall tenant export and delete.';

create or replace function app_private.secret_columns() returns table (table_name text, column_name text)
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    values
      ('app_private.location_secrets', 'token_ciphertext'),
      ('app_private.api_key_hashes', 'key_hash'),
      ('app_private.review_link_hashes', 'token_hash'),
      ('app_private.mails', 'sealed_body'),
      ('app_private.idempotency_keys', 'answer')
  $$;
comment on function app_private.secret_columns() is
  'Columns of what a tenant has that are named in an export, and left out of it.';
--! EndIncluded tenancy/holdings.sql
--! Included tenancy/tenants.sql
-- A tenant sees itself; an operator sees and makes all of them, and none of their rows.
drop policy if exists select_owner on tenancy.tenants;
create policy select_owner on tenancy.tenants for select to :OWNER
  using (true);
drop policy if exists insert_owner on tenancy.tenants;
create policy insert_owner on tenancy.tenants for insert to :OWNER
  with check (true);
drop policy if exists update_owner on tenancy.tenants;
create policy update_owner on tenancy.tenants for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on tenancy.tenants;
create policy delete_owner on tenancy.tenants for delete to :OWNER
  using (true);
drop policy if exists select_viewer on tenancy.tenants;
create policy select_viewer on tenancy.tenants for select to :VIEWER
  using (id = (select app.current_tenant_id()));
drop policy if exists select_client on tenancy.tenants;
create policy select_client on tenancy.tenants for select to :CLIENT
  using (id = (select app.current_tenant_id()));
drop policy if exists select_operator on tenancy.tenants;
create policy select_operator on tenancy.tenants for select to :OPERATOR
  using (true);
drop policy if exists update_admin on tenancy.tenants;
create policy update_admin on tenancy.tenants for update to :ADMIN
  using (id = (select app.current_tenant_id()))
  with check (id = (select app.current_tenant_id()));
drop policy if exists select_worker on tenancy.tenants;
create policy select_worker on tenancy.tenants for select to :WORKER
  using (id = (select app.current_tenant_id()));

grant select on table tenancy.tenants to :VIEWER;
grant select on table tenancy.tenants to :CLIENT;
grant select on table tenancy.tenants to :OPERATOR;
grant update (name, domain, settings, version) on table tenancy.tenants to :ADMIN;
grant select on table tenancy.tenants to :WORKER;

create or replace trigger _100_stamp_times before update on tenancy.tenants
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on tenancy.tenants
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();

-- When it was suspended, whoever did it and however.
create or replace function app_private.tg_tenants__stamp_suspension() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if new.is_active and new.deletion_begun_at is not null then
      perform app_private.raise_error('LF037', old.slug);
    end if;
    new.suspended_at := case when not new.is_active then now() end;
    if new.is_active then
      new.suspension_reason := null;
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_tenants__stamp_suspension() is 'Says since when a tenant is suspended; one that is active has no reason to be, and one that is being deleted does not come back. Definer, to raise our error for whoever updates.';
create or replace trigger _110_stamp_suspension before update on tenancy.tenants
  for each row when (old.is_active is distinct from new.is_active) execute function app_private.tg_tenants__stamp_suspension();

-- The API hears it and lets go of the sockets. The channel is the tenant's own, so that nobody else learns of it.
create or replace function app_private.tg_tenants__notify_suspension() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform pg_notify('tenant:' || new.id, 'suspended');
    return null;
  end
  $$;
comment on function app_private.tg_tenants__notify_suspension() is 'Tells the processes that serve people of a tenant that it is suspended.';
create or replace trigger _500_notify_suspension after update on tenancy.tenants
  for each row when (old.is_active and not new.is_active) execute function app_private.tg_tenants__notify_suspension();

-- What stood still goes on: the statuses say what that is, and were left as they were.
create or replace function app_private.tg_tenants__wake_jobs() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform app_private.queue_import_batch(b.tenant_id, b.id)
    from imports.batches b
    where b.tenant_id = new.id and b.status in ('queued', 'running', 'verifying', 'rolling_back');
    perform app_private.add_publication_job(p)
    from publishing.publications p
    where p.tenant_id = new.id and p.status in ('queued', 'running', 'unpublishing');
    return null;
  end
  $$;
comment on function app_private.tg_tenants__wake_jobs() is
  'Wakes the worker for what a tenant had under way when it was suspended. Definer, because the queue is not open to whoever reactivates it.';
create or replace trigger _900_wake_jobs after update on tenancy.tenants
  for each row when (not old.is_active and new.is_active) execute function app_private.tg_tenants__wake_jobs();

comment on table tenancy.tenants is '@class global
A business that lives in this database, apart from every other.';
comment on column tenancy.tenants.id is 'The tenant''s id, time-ordered.';
comment on column tenancy.tenants.name is 'What people call it.';
comment on column tenancy.tenants.slug is 'Its short name in commands and addresses: lower-case words joined by hyphens, unique.';
comment on column tenancy.tenants.domain is 'The internet domain that belongs to it.';
comment on column tenancy.tenants.settings is 'What an admin may set, an object: allow_self_approval lets whoever asked for an approval grant it.';
comment on column tenancy.tenants.is_active is 'False while it is suspended: nobody of it gets in, and nothing of it goes on.';
comment on column tenancy.tenants.suspended_at is 'Since when it is suspended; null while it is active.';
comment on column tenancy.tenants.suspension_reason is 'Why, in the operator''s words; its people and programs are told.';
comment on column tenancy.tenants.deletion_begun_at is 'Since when it is being deleted; there is no way back.';
comment on column tenancy.tenants.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column tenancy.tenants.created_at is 'When the row was made.';
comment on column tenancy.tenants.updated_at is 'When the row was last changed.';
comment on constraint tenants_slug_key on tenancy.tenants is 'A tenant with this slug exists; choose another slug.';
comment on constraint tenants_name_check on tenancy.tenants is 'A tenant needs a name that is not blank.';
comment on constraint tenants_slug_check on tenancy.tenants is 'A slug is lower-case letters and digits in words joined by single hyphens, for example "harbour-weddings".';
comment on constraint tenants_settings_check on tenancy.tenants is 'The settings of a tenant are a JSON object.';
--! EndIncluded tenancy/tenants.sql
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
    if tg_op = 'DELETE' and exists (select from tenancy.tenants t where t.deletion_begun_at is not null) then
      return null;
    end if;
    perform app_private.raise_error('LF007', 'record of a change', 'change the row that it is about, and that is recorded too');
    return null;
  end
  $$;
comment on function app_private.tg_changes__refuse_change() is
  'Refuses every statement that would alter the record, but for the deletion of what a leaving tenant has in it. Definer, to raise our error for whoever tries.';

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
--! Included journeys/return_to_draft.sql
-- Editing what a reader would see takes an approved, published or rejected journey back to draft; the version that was published stays
-- live. Ids and states that publishing writes, and where the canvas draws a step, are nothing that a reader sees.

create or replace function app_private.tg_journeys__return_to_draft() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is not null then
      return new;
    end if;
    if old.status = 'archived' and new.status = 'archived' then
      perform app_private.raise_error('LF104', old.name);
    elsif old.status in ('approved', 'published', 'rejected') and new.status = old.status then
      new.status := 'draft';
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_journeys__return_to_draft() is 'Takes a journey back to draft when what a reader sees of it changes, and refuses to change an archived one. Definer, to raise our error for whoever updates.';
create or replace trigger _250_return_to_draft before update on journeys.journeys
  for each row when (
    (old.name, old.description, old.category, old.goal, old.trigger_config)
      is distinct from (new.name, new.description, new.category, new.goal, new.trigger_config)
  ) execute function app_private.tg_journeys__return_to_draft();

create or replace function app_private.tg_touchpoints__return_to_draft() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is null and new.status = old.status then
      new.status := 'draft';
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_touchpoints__return_to_draft() is 'Takes a touchpoint back to draft when what a reader sees of it changes.';
create or replace trigger _250_return_to_draft before update on journeys.touchpoints
  for each row when (
    old.status <> 'draft'
    and (old.name, old.type, old.day_offset, old.content, old.config, old.next_touchpoint_id)
      is distinct from (new.name, new.type, new.day_offset, new.content, new.config, new.next_touchpoint_id)
  ) execute function app_private.tg_touchpoints__return_to_draft();

create or replace function app_private.tg_touchpoints__return_journey_to_draft() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    changed_journeys uuid[];
    changed_tenant uuid;
    archived_name text;
  begin
    if app.current_import_batch_id() is not null then
      return null;
    end if;
    if tg_op = 'INSERT' then
      select array_agg(distinct n.journey_id), (array_agg(n.tenant_id))[1] into changed_journeys, changed_tenant from new_rows n;
    elsif tg_op = 'DELETE' then
      select array_agg(distinct o.journey_id), (array_agg(o.tenant_id))[1] into changed_journeys, changed_tenant from old_rows o;
      if app_private.is_leaving(changed_tenant) then
        return null;
      end if;
    else
      select array_agg(distinct n.journey_id), (array_agg(n.tenant_id))[1] into changed_journeys, changed_tenant
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      where (n.name, n.type, n.day_offset, n.order_index, n.content, n.config, n.next_touchpoint_id)
        is distinct from (o.name, o.type, o.day_offset, o.order_index, o.content, o.config, o.next_touchpoint_id);
    end if;
    select j.name into archived_name
    from journeys.journeys j
    where j.tenant_id = changed_tenant and j.id = any (changed_journeys) and j.status = 'archived'
    limit 1;
    if found then
      perform app_private.raise_error('LF104', archived_name);
    end if;
    update journeys.journeys j
    set status = 'draft'
    where j.tenant_id = changed_tenant and j.id = any (changed_journeys) and j.status in ('approved', 'published', 'rejected');
    return null;
  end
  $$;
comment on function app_private.tg_touchpoints__return_journey_to_draft() is
  'Takes the journey back to draft when its steps change, and refuses to change those of an archived one. Definer, because nobody may set a status by hand.';
create or replace trigger _500_return_journey_to_draft_insert after insert on journeys.touchpoints
  referencing new table as new_rows for each statement execute function app_private.tg_touchpoints__return_journey_to_draft();
create or replace trigger _500_return_journey_to_draft_update after update on journeys.touchpoints
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg_touchpoints__return_journey_to_draft();
create or replace trigger _500_return_journey_to_draft_delete after delete on journeys.touchpoints
  referencing old table as old_rows for each statement execute function app_private.tg_touchpoints__return_journey_to_draft();
--! EndIncluded journeys/return_to_draft.sql
