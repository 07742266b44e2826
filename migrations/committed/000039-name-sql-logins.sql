--! Previous: sha1:d5b98b692531a0f9d3b815cb73ac57fe4cc755e9
--! Hash: sha1:3e06615bcc00c5324bc8776c2502862cc483a1ad
--! Message: name sql logins

-- SQL logins have a name that people call them by, and lose their connections when they are switched off or their tenant is suspended.
set local lock_timeout = '3s';

alter table tenancy.sql_logins add column name text;

--! Included tenancy/errors.sql
-- What signing in can say, and what is above the tenants: LF032 to LF049.
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF032', 'operator_unknown', 404, 'There is no operator with this address.', 'See who is one: landfall operator list.'),
  ('LF033', 'login_unknown', 404, 'The tenant has no SQL login of this name.', 'See which it has: landfall login list.'),
  ('LF034', 'login_role_foreign', 409, 'The server has a role of this name that was not made by Landfall.', 'Drop or rename that role first.'),
  ('LF035', 'login_role_used', 409, 'The role of this login cannot be dropped yet.', 'Drop what it owns in the other databases of the server first.'),
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
    'Ask the operator of this installation to reactivate it. Nothing of it is lost, and what was under way goes on then.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded tenancy/errors.sql
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
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    new.suspended_at := case when not new.is_active then now() end;
    if new.is_active then
      new.suspension_reason := null;
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_tenants__stamp_suspension() is 'Says since when a tenant is suspended; a tenant that is active has no reason to be.';
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
comment on column tenancy.tenants.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column tenancy.tenants.created_at is 'When the row was made.';
comment on column tenancy.tenants.updated_at is 'When the row was last changed.';
comment on constraint tenants_slug_key on tenancy.tenants is 'A tenant with this slug exists; choose another slug.';
comment on constraint tenants_name_check on tenancy.tenants is 'A tenant needs a name that is not blank.';
comment on constraint tenants_slug_check on tenancy.tenants is 'A slug is lower-case letters and digits in words joined by single hyphens, for example "harbour-weddings".';
comment on constraint tenants_settings_check on tenancy.tenants is 'The settings of a tenant are a JSON object.';
--! EndIncluded tenancy/tenants.sql
--! Included tenancy/sql_logins.sql
-- Logins that speak SQL can set any setting they like, so who they are is written down here and nowhere else.
drop policy if exists all_tenant on tenancy.sql_logins;
create policy all_tenant on tenancy.sql_logins as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on tenancy.sql_logins;
create policy select_owner on tenancy.sql_logins for select to :OWNER
  using (true);
drop policy if exists insert_owner on tenancy.sql_logins;
create policy insert_owner on tenancy.sql_logins for insert to :OWNER
  with check (true);
drop policy if exists update_owner on tenancy.sql_logins;
create policy update_owner on tenancy.sql_logins for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on tenancy.sql_logins;
create policy delete_owner on tenancy.sql_logins for delete to :OWNER
  using (true);
drop policy if exists select_admin on tenancy.sql_logins;
create policy select_admin on tenancy.sql_logins for select to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));

grant select on table tenancy.sql_logins to :ADMIN;

create or replace trigger _100_stamp_times before update on tenancy.sql_logins
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();

-- A connection that is open may still fetch from what it has begun: the worker ends it.
create or replace function app_private.suspended_backends() returns table (pid integer)
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select a.pid
    from pg_stat_activity a
    join tenancy.sql_logins l on l.login_name = a.usename
    join tenancy.tenants t on t.id = l.tenant_id
    where a.datname = current_database() and not (t.is_active and l.is_active)
  $$;
comment on function app_private.suspended_backends() is
  'The connections of SQL logins that are switched off, or whose tenant is suspended, in every tenant. Definer, because the worker sees one tenant at a time.';
grant execute on function app_private.suspended_backends() to :WORKER;

create or replace function app_private.tg__cut_off_logins() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    switched_off constant uuid := coalesce(to_jsonb(new) ->> 'tenant_id', new.id::text);
  begin
    if exists (select from tenancy.sql_logins l where l.tenant_id = switched_off) then
      perform graphile_worker.add_job(
        'tenancy/cut_off_logins',
        json_build_object('tenantId', switched_off),
        job_key => 'tenancy/cut_off_logins:' || switched_off
      );
    end if;
    return null;
  end
  $$;
comment on function app_private.tg__cut_off_logins() is
  'Wakes the worker to end the connections of SQL logins, of a tenant or a row of tenancy.sql_logins that was switched off. Definer, because the queue is not open to whoever does that.';
create or replace trigger _900_cut_off_logins after update on tenancy.sql_logins
  for each row when (old.is_active and not new.is_active) execute function app_private.tg__cut_off_logins();
create or replace trigger _900_cut_off_logins after update on tenancy.tenants
  for each row when (old.is_active and not new.is_active) execute function app_private.tg__cut_off_logins();

comment on table tenancy.sql_logins is '@class tenant
A database login that works for one tenant.';
comment on column tenancy.sql_logins.id is 'The row''s id, time-ordered.';
comment on column tenancy.sql_logins.tenant_id is 'The tenant that the row belongs to.';
comment on column tenancy.sql_logins.login_name is 'The name of the database role, unique on the server. It tells nothing of the tenant, for every login can read the names of all roles.';
comment on column tenancy.sql_logins.kind is 'What it is for.';
comment on column tenancy.sql_logins.name is 'What people call it; null where it was made by hand.';
comment on column tenancy.sql_logins.description is 'Who uses it, and for what.';
comment on column tenancy.sql_logins.is_active is 'False while it may see nothing.';
comment on column tenancy.sql_logins.created_at is 'When the row was made.';
comment on column tenancy.sql_logins.updated_at is 'When the row was last changed.';
comment on constraint sql_logins_login_name_key on tenancy.sql_logins is 'This login works for a tenant already.';
comment on constraint sql_logins_tenant_id_fkey on tenancy.sql_logins is 'There is no such tenant.';
--! EndIncluded tenancy/sql_logins.sql
