--! Previous: sha1:21adcebde28534bd9643cba3f556906152623863
--! Hash: sha1:913fe1abfc76839ca8d240ff71b300e5b93456b2
--! Message: put operators above tenants

-- Operators are people above the tenants: they sign in as everybody does, to a session that has no tenant, and make, suspend and reactivate
-- tenants. A tenant is made with its first admin. A suspended one is out with the next statement, whoever speaks for it: the API, an SQL
-- login, the worker. What ran goes on when it is reactivated, and what was done above the tenants is on record.
set local lock_timeout = '3s';

alter table tenancy.tenants
  add column suspended_at timestamptz,
  add column suspension_reason text;

create type audit.operator_deed as enum (
  'tenant_created', 'tenant_suspended', 'tenant_reactivated', 'tenant_exported', 'tenant_deletion_begun', 'tenant_deleted',
  'operator_made', 'operator_removed'
);
grant usage on type audit.operator_deed to public;

create table audit.operator_deeds (
  id uuid not null default app.uuidv7(),
  tenant_id uuid,
  user_id uuid,
  tenant_slug text,
  deed audit.operator_deed not null,
  details jsonb not null default '{}',
  source audit.change_source not null,
  login_name text not null,
  request_id text,
  done_at timestamptz not null default now(),
  constraint operator_deeds_pkey primary key (id),
  constraint operator_deeds_details_check check (jsonb_typeof(details) = 'object')
);
alter table audit.operator_deeds enable row level security;
alter table audit.operator_deeds force row level security;
create index operator_deeds_tenant_id_idx on audit.operator_deeds (tenant_id);

create table tenancy.operators (
  user_id uuid not null,
  created_at timestamptz not null default now(),
  constraint operators_pkey primary key (user_id),
  constraint operators_user_id_fkey foreign key (user_id) references tenancy.users (id) on delete cascade
);
alter table tenancy.operators enable row level security;
alter table tenancy.operators force row level security;

create table tenancy.operator_sessions (
  -- Random and not time-ordered: whoever knows the id and the signing key is this person.
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  user_agent text,
  ip_address inet,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  constraint operator_sessions_pkey primary key (id),
  constraint operator_sessions_user_id_fkey foreign key (user_id) references tenancy.operators (user_id) on delete cascade
);
alter table tenancy.operator_sessions enable row level security;
alter table tenancy.operator_sessions force row level security;
create index operator_sessions_user_id_idx on tenancy.operator_sessions (user_id);

drop function tenancy.create_tenant(text, text, text);

--! Included tenancy/errors.sql
-- What signing in can say, and what is above the tenants: LF032 to LF049.
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF032', 'operator_unknown', 404, 'There is no operator with this address.', 'See who is one: landfall operator list.'),
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
--! Included audit/operator_deeds.sql
-- What is done above the tenants. It stays when the tenant is gone, so it holds names and numbers and nothing of a tenant's.
drop policy if exists select_owner on audit.operator_deeds;
create policy select_owner on audit.operator_deeds for select to :OWNER using (true);
drop policy if exists insert_owner on audit.operator_deeds;
create policy insert_owner on audit.operator_deeds for insert to :OWNER with check (true);

create or replace function app_private.tg_operator_deeds__refuse_change() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform app_private.raise_error('LF007', 'record of a deed', 'do what undoes it, and that is recorded too');
    return null;
  end
  $$;
comment on function app_private.tg_operator_deeds__refuse_change() is
  'Refuses every statement that would alter the record. Definer, to raise our error for whoever tries.';
create or replace trigger _200_refuse_change before update or delete or truncate on audit.operator_deeds
  for each statement execute function app_private.tg_operator_deeds__refuse_change();

create or replace function app_private.record_deed(
  deed audit.operator_deed, tenant_id uuid, tenant_slug text, details jsonb default '{}'
) returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$
    insert into audit.operator_deeds (tenant_id, user_id, tenant_slug, deed, details, source, login_name, request_id)
    select
      record_deed.tenant_id, i.user_id, record_deed.tenant_slug, record_deed.deed, jsonb_strip_nulls(record_deed.details),
      case session_user when ':WORKER' then 'job' when ':AUTHENTICATOR' then 'api' else 'sql' end::audit.change_source,
      session_user, nullif(current_setting('app.request_id', true), '')
    from app_private.current_identity() i
  $$;
comment on function app_private.record_deed(audit.operator_deed, uuid, text, jsonb) is 'Writes down what was done above the tenants, and by whom.';

create or replace function app_private.tg_tenants__record_deed() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if tg_op = 'INSERT' then
      perform app_private.record_deed('tenant_created', new.id, new.slug);
    elsif new.is_active then
      perform app_private.record_deed('tenant_reactivated', new.id, new.slug);
    else
      perform app_private.record_deed('tenant_suspended', new.id, new.slug, jsonb_build_object('reason', new.suspension_reason));
    end if;
    return null;
  end
  $$;
comment on function app_private.tg_tenants__record_deed() is
  'Records that a tenant was made, suspended or reactivated, whoever did it. Definer, because nobody may write the record by hand.';
create or replace trigger _700_record_creation after insert on tenancy.tenants
  for each row execute function app_private.tg_tenants__record_deed();
create or replace trigger _700_record_suspension after update on tenancy.tenants
  for each row when (old.is_active is distinct from new.is_active) execute function app_private.tg_tenants__record_deed();

comment on type audit.operator_deed is 'What can be done above the tenants.';
comment on table audit.operator_deeds is '@class global
What was done above the tenants, by whom and when: tenants made, suspended, reactivated, exported and deleted, operators made and removed. It stays when the tenant is gone.';
comment on column audit.operator_deeds.tenant_id is 'The tenant, which may no longer be there.';
comment on column audit.operator_deeds.user_id is 'The operator; null at the command line.';
comment on column audit.operator_deeds.details is 'Particulars: a reason, counts of rows by table.';
comment on column audit.operator_deeds.source is 'Through what it came: the API, the command line or SQL, a job.';
comment on column audit.operator_deeds.login_name is 'The database login.';
comment on column audit.operator_deeds.request_id is 'The request of the API, as its log names it.';
--! EndIncluded audit/operator_deeds.sql
--! Included tenancy/operators.sql
-- Who is an operator, and their sessions. Made at the command line, read by definers: no role of the API may look.
drop policy if exists select_owner on tenancy.operators;
create policy select_owner on tenancy.operators for select to :OWNER
  using (true);
drop policy if exists insert_owner on tenancy.operators;
create policy insert_owner on tenancy.operators for insert to :OWNER
  with check (true);
drop policy if exists update_owner on tenancy.operators;
create policy update_owner on tenancy.operators for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on tenancy.operators;
create policy delete_owner on tenancy.operators for delete to :OWNER
  using (true);

create or replace function app_private.tg_operators__record_deed() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    operator_id constant uuid := coalesce(new.user_id, old.user_id);
  begin
    perform app_private.record_deed(
      case tg_op when 'INSERT' then 'operator_made' else 'operator_removed' end::audit.operator_deed, null, null,
      jsonb_build_object('user_id', operator_id, 'email', (select u.email from tenancy.users u where u.id = operator_id))
    );
    return null;
  end
  $$;
comment on function app_private.tg_operators__record_deed() is
  'Records who became an operator, or is none any more. Definer, because nobody may write the record by hand.';
create or replace trigger _700_record_making after insert on tenancy.operators
  for each row execute function app_private.tg_operators__record_deed();
create or replace trigger _700_record_removal after delete on tenancy.operators
  for each row execute function app_private.tg_operators__record_deed();

comment on table tenancy.operators is '@class global
A person above the tenants: makes, suspends, reactivates and lists them, and reads no row of any. Removing the row ends their sessions with the next statement.';
comment on column tenancy.operators.user_id is 'The person.';
comment on column tenancy.operators.created_at is 'When the row was made.';
comment on constraint operators_user_id_fkey on tenancy.operators is 'There is no such person.';

drop policy if exists select_owner on tenancy.operator_sessions;
create policy select_owner on tenancy.operator_sessions for select to :OWNER
  using (true);
drop policy if exists insert_owner on tenancy.operator_sessions;
create policy insert_owner on tenancy.operator_sessions for insert to :OWNER
  with check (true);
drop policy if exists update_owner on tenancy.operator_sessions;
create policy update_owner on tenancy.operator_sessions for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on tenancy.operator_sessions;
create policy delete_owner on tenancy.operator_sessions for delete to :OWNER
  using (true);

comment on table tenancy.operator_sessions is '@class global
A sign-in of an operator: like tenancy.sessions, and above the tenants.';
comment on column tenancy.operator_sessions.id is 'The session''s id, random.';
comment on column tenancy.operator_sessions.user_id is 'Whose session it is.';
comment on column tenancy.operator_sessions.user_agent is 'The program that signed in, as it named itself.';
comment on column tenancy.operator_sessions.ip_address is 'Where it signed in from.';
comment on column tenancy.operator_sessions.expires_at is 'When it ends by itself.';
comment on column tenancy.operator_sessions.revoked_at is 'When it was ended early.';
comment on column tenancy.operator_sessions.created_at is 'When the row was made.';
comment on constraint operator_sessions_user_id_fkey on tenancy.operator_sessions is 'This person is no operator.';
--! EndIncluded tenancy/operators.sql
--! Included app/identity.sql
-- Who is asking. Everything that policies, triggers and mutations know about a session comes from here.

create or replace function app_private.name_suspension(tenant_id uuid) returns text
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select t.name || coalesce(' (' || rtrim(t.suspension_reason, '. ') || ')', '')
    from tenancy.tenants t
    where t.id = name_suspension.tenant_id
  $$;
comment on function app_private.name_suspension(uuid) is 'A suspended tenant and the reason, in the words of LF048.';

create or replace function app_private.current_identity(
  out user_id uuid, out tenant_id uuid, out session_id uuid, out app_role text
)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    claimed_role constant text := current_setting('role');
    claimed_session constant text := current_setting('app.session_id', true);
    claimed_tenant constant text := current_setting('app.tenant_id', true);
    is_active boolean;
  begin
    if session_user = ':AUTHENTICATOR' then
      -- The API verified a token and set these; whether they still hold is asked of the tables, for every statement anew.
      if claimed_role = ':VISITOR' or claimed_role = 'none' then
        app_role := 'visitor';
      elsif claimed_role = ':OPERATOR' then
        if pg_input_is_valid(claimed_session, 'uuid') then
          select s.user_id, s.id, 'operator'
          into user_id, session_id, app_role
          from tenancy.operator_sessions s
          join tenancy.operators o on o.user_id = s.user_id
          join tenancy.users u on u.id = s.user_id and u.is_active
          where s.id = claimed_session::uuid
            and s.user_id::text = current_setting('app.user_id', true)
            and s.revoked_at is null
            and s.expires_at > now();
        end if;
      elsif pg_input_is_valid(claimed_session, 'uuid') and pg_input_is_valid(claimed_tenant, 'uuid') then
        select s.user_id, s.tenant_id, s.id, m.role, t.is_active
        into user_id, tenant_id, session_id, app_role, is_active
        from tenancy.sessions s
        join tenancy.memberships m on m.tenant_id = s.tenant_id and m.user_id = s.user_id
        join tenancy.tenants t on t.id = s.tenant_id
        join tenancy.users u on u.id = s.user_id and u.is_active
        where s.tenant_id = claimed_tenant::uuid
          and s.id = claimed_session::uuid
          and s.user_id::text = current_setting('app.user_id', true)
          and s.revoked_at is null
          and s.expires_at > now()
          and claimed_role = ':ROLE_PREFIX' || '_' || m.role;
      end if;
    elsif session_user = ':WORKER' then
      -- A job names its tenant; the worker can act for any, but only for one at a time.
      app_role := 'worker';
      if pg_input_is_valid(claimed_tenant, 'uuid') then
        select t.id, t.is_active into tenant_id, is_active from tenancy.tenants t where t.id = claimed_tenant::uuid;
      end if;
    else
      -- A login with SQL access can set any setting, so none is believed: it is the tenant's that tenancy.sql_logins pins it to.
      select l.tenant_id, l.kind, t.is_active into tenant_id, app_role, is_active
      from tenancy.sql_logins l
      join tenancy.tenants t on t.id = l.tenant_id
      where l.login_name = session_user and l.is_active;
      if not found then
        if claimed_role = ':OPERATOR' then
          app_role := 'operator';
        elsif pg_has_role(session_user, ':OWNER', 'member') then
          app_role := 'owner';
        end if;
      end if;
    end if;
    if not is_active then
      -- Said and not left at no rows, which would look like a tenant that has none.
      perform app_private.raise_error('LF048', app_private.name_suspension(tenant_id));
    end if;
  end
  $$;
comment on function app_private.current_identity() is
  'Definer, because it confirms a claim against tables that the claimant may not read. Nothing it cannot confirm comes out: null denies. Whoever would be somebody, were their tenant not suspended, is told so (LF048).';

create or replace function app.current_tenant_id() returns uuid
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$ select i.tenant_id from app_private.current_identity() i $$;
comment on function app.current_tenant_id() is 'The tenant of this session, or null, which denies. Definer: reads app_private.current_identity().';

create or replace function app.current_user_id() returns uuid
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$ select i.user_id from app_private.current_identity() i $$;
comment on function app.current_user_id() is 'The person of this session, or null. Definer: reads app_private.current_identity().';

create or replace function app.current_session_id() returns uuid
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$ select i.session_id from app_private.current_identity() i $$;
comment on function app.current_session_id() is 'The sign-in of this session, or null. Definer: reads app_private.current_identity().';

create or replace function app.current_app_role() returns text
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$ select i.app_role from app_private.current_identity() i $$;
comment on function app.current_app_role() is
  'visitor, viewer, client, editor, admin, operator, worker, reporter, automation or owner; null for a claim that does not hold. Definer: reads app_private.current_identity().';

grant execute on function app.current_tenant_id(), app.current_user_id(), app.current_session_id(), app.current_app_role()
  to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR, :REPORTER, :AUTOMATION;

create or replace function app_private.require_role(deed text, variadic roles text[]) returns void
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    identity record;
  begin
    select * into identity from app_private.current_identity();
    if identity.tenant_id is null and identity.app_role is distinct from 'owner' then
      perform app_private.raise_error(case when identity.app_role = 'visitor' then 'LF001' else 'LF008' end);
    end if;
    if identity.app_role is null or identity.app_role <> all (roles) then
      perform app_private.raise_error('LF002', 'The role ' || coalesce(identity.app_role, 'nobody'),
        deed, array_to_string(roles, ', '));
    end if;
  end
  $$;
comment on function app_private.require_role(text, text[]) is
  'Refuses whoever is not one of these roles in a tenant; the deed completes the sentence "an editor is not allowed to …". For definers to call first.';

create or replace function app.current_import_batch_id() returns uuid
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    claimed_batch constant text := current_setting('app.import_batch_id', true);
    batch_id uuid;
  begin
    if session_user <> ':WORKER' or not pg_input_is_valid(coalesce(claimed_batch, ''), 'uuid') then
      return null;
    end if;
    select b.id into batch_id
    from imports.batches b
    where b.tenant_id = app.current_tenant_id()
      and b.id = claimed_batch::uuid
      and b.status in ('running', 'verifying', 'rolling_back');
    return batch_id;
  end
  $$;
comment on function app.current_import_batch_id() is
  'The import batch whose effect this statement is: only for the worker''s login, and only while that batch of this tenant runs or rolls back. Definer: reads imports.batches.';
grant execute on function app.current_import_batch_id()
  to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR, :REPORTER, :AUTOMATION;
--! EndIncluded app/identity.sql
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
    where p.tenant_id = new.id and p.status in ('queued', 'running');
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
--! Included tenancy/users.sql
-- People. One person may belong to several tenants; each tenant sees its own people only, and an operator nobody but themselves.
drop policy if exists select_owner on tenancy.users;
create policy select_owner on tenancy.users for select to :OWNER
  using (true);
drop policy if exists insert_owner on tenancy.users;
create policy insert_owner on tenancy.users for insert to :OWNER
  with check (true);
drop policy if exists update_owner on tenancy.users;
create policy update_owner on tenancy.users for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on tenancy.users;
create policy delete_owner on tenancy.users for delete to :OWNER
  using (true);
drop policy if exists select_viewer on tenancy.users;
create policy select_viewer on tenancy.users for select to :VIEWER
  using (id in (select m.user_id from tenancy.memberships m));
drop policy if exists select_client on tenancy.users;
create policy select_client on tenancy.users for select to :CLIENT
  using (id = (select app.current_user_id()));
drop policy if exists select_operator on tenancy.users;
create policy select_operator on tenancy.users for select to :OPERATOR
  using (id = (select app.current_user_id()));
drop policy if exists update_self on tenancy.users;
create policy update_self on tenancy.users for update to :VIEWER, :CLIENT, :OPERATOR
  using (id = (select app.current_user_id()))
  with check (id = (select app.current_user_id()));
drop policy if exists select_worker on tenancy.users;
create policy select_worker on tenancy.users for select to :WORKER
  using (id in (select m.user_id from tenancy.memberships m));

grant select on table tenancy.users to :VIEWER;
grant select on table tenancy.users to :CLIENT;
grant select on table tenancy.users to :OPERATOR;
grant update (name, version) on table tenancy.users to :VIEWER, :CLIENT, :OPERATOR;
grant select on table tenancy.users to :WORKER;

create or replace trigger _100_stamp_times before update on tenancy.users
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on tenancy.users
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();

comment on table tenancy.users is '@class global
A person who can sign in.';
comment on column tenancy.users.id is 'The row''s id, time-ordered.';
comment on column tenancy.users.email is 'The address that they sign in with, in lower case, unique.';
comment on column tenancy.users.name is 'What people call them.';
comment on column tenancy.users.is_active is 'False when they may no longer sign in anywhere.';
comment on column tenancy.users.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column tenancy.users.created_at is 'When the row was made.';
comment on column tenancy.users.updated_at is 'When the row was last changed.';
comment on constraint users_email_key on tenancy.users is 'A person with this e-mail address exists; add a membership for them instead.';
comment on constraint users_email_check on tenancy.users is 'An e-mail address is written in lower case and has the form name@domain.';
comment on constraint users_name_check on tenancy.users is 'A person needs a name that is not blank.';
--! EndIncluded tenancy/users.sql
--! Included tenancy/suspend_tenant.sql
-- Tenants are cut off and let in again by operators, and by the owner at a prompt. What that sets off is done by the triggers on
-- tenancy.tenants, whoever flips is_active.
create or replace function app_private.require_operator(deed text) returns void
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    app_role constant text := coalesce(app.current_app_role(), 'nobody');
  begin
    if app_role = 'visitor' then
      perform app_private.raise_error('LF001');
    elsif app_role not in ('operator', 'owner') then
      perform app_private.raise_error('LF002', 'The role ' || app_role, deed, 'operator');
    end if;
  end
  $$;
comment on function app_private.require_operator(text) is
  'Refuses whoever is neither an operator nor the owner; the deed completes the sentence "an editor is not allowed to …". For definers to call first.';

create or replace function app_private.lock_tenant(slug text) returns tenancy.tenants
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant tenancy.tenants;
  begin
    select t.* into tenant from tenancy.tenants t where t.slug = lower(trim(lock_tenant.slug)) for no key update;
    if not found then
      perform app_private.raise_error('LF066');
    end if;
    return tenant;
  end
  $$;
comment on function app_private.lock_tenant(text) is
  'The tenant with this slug, held until the transaction ends: of two operators at once, one waits for the other.';

create or replace function tenancy.suspend_tenant(slug text, reason text default null) returns tenancy.tenants
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant tenancy.tenants;
  begin
    perform app_private.require_operator('suspend tenants');
    if char_length(reason) > 500 then
      perform app_private.raise_error('LF009', 'The reason is too long.', 'Say it in 500 characters: people read it in an error.');
    end if;
    tenant := app_private.lock_tenant(suspend_tenant.slug);
    update tenancy.tenants t
    set is_active = false, suspension_reason = coalesce(nullif(trim(reason), ''), t.suspension_reason)
    where t.id = tenant.id
    returning t.* into tenant;
    return tenant;
  end
  $$;
comment on function tenancy.suspend_tenant(text, text) is
  'Cuts a tenant off at once: its people, its SQL logins, its jobs. They are told the reason. Nothing is lost, and suspending it again changes the reason. Definer, because an operator sees tenants and writes them only through this. For operators.';
grant execute on function tenancy.suspend_tenant(text, text) to :OPERATOR;

create or replace function tenancy.reactivate_tenant(slug text) returns tenancy.tenants
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant tenancy.tenants;
  begin
    perform app_private.require_operator('reactivate tenants');
    tenant := app_private.lock_tenant(reactivate_tenant.slug);
    update tenancy.tenants t set is_active = true where t.id = tenant.id returning t.* into tenant;
    return tenant;
  end
  $$;
comment on function tenancy.reactivate_tenant(text) is
  'Lets a suspended tenant in again; what was under way goes on. Definer, because an operator sees tenants and writes them only through this. For operators.';
grant execute on function tenancy.reactivate_tenant(text) to :OPERATOR;
--! EndIncluded tenancy/suspend_tenant.sql
--! Included tenancy/sign_in.sql
--! Included tenancy/errors.sql
-- What signing in can say, and what is above the tenants: LF032 to LF049.
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF032', 'operator_unknown', 404, 'There is no operator with this address.', 'See who is one: landfall operator list.'),
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
--! Included app/edge_errors.sql
-- What the API says before or instead of a statement: LF900 to LF929.
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF900', 'invalid_request', 400, 'The API does not understand this request: %s',
    'Send POST /graphql with content-type application/json and a body such as {"query": "{ currentUser { role } }"}; GraphiQL and docs/api.md know every field.'),
  ('LF901', 'request_too_large', 413, 'The request is larger than %s.', 'Send less at once; long texts and images go one at a time.'),
  ('LF902', 'unsupported_content_type', 415, 'The API does not read %s.', 'Send the header "content-type: application/json".'),
  ('LF903', 'page_too_large', 400, 'A page cannot have %s rows.', 'Ask for 0 to %s, and pass pageInfo.endCursor as after for the rows that follow.'),
  ('LF904', 'over_budget', 400, 'One operation cannot ask for that much: %s.', 'Split it into several operations.'),
  ('LF905', 'internal', 500, 'Something went wrong on our side.', 'Try again. If it stays, report the error id %s: the log tells what happened.'),
  ('LF906', 'too_slow', 503, 'This took too long and was stopped.', 'Ask for less: a narrower filter, a smaller page, fewer nested lists.'),
  ('LF907', 'busy', 503, 'Somebody else is changing the same rows.', 'Send it again.'),
  ('LF908', 'unavailable', 503, 'The database cannot be reached.', 'Try again in a few seconds. If it stays, report the error id %s.'),
  ('LF909', 'no_such_route', 404, 'There is nothing at %s.', 'The API is at POST /graphql; /healthz and /readyz tell how it is.'),
  ('LF910', 'method_not_allowed', 405, 'The API does not answer %s here.', 'Send POST /graphql.'),
  ('LF911', 'too_many_requests', 429, 'Too many %s.', 'Wait %s seconds, then send it again.'),
  ('LF912', 'unknown_document', 400, 'This API answers documents that it was told of beforehand, and %s is none of them.',
    'Send the id of one as documentId; landfall documents add tells it of new ones.'),
  ('LF913', 'idempotency_key_reused', 422, 'This idempotency key was sent before, with another request.', 'Make a new key for each change that you want.'),
  ('LF914', 'idempotency_key_unusable', 400, 'An idempotency key cannot be used here: %s.', '%s'),
  ('LF915', 'too_many_subscriptions', 429, 'You have %s open.', 'End one that you no longer need.'),
  ('LF921', 'documents_refused', 400, 'The API would not answer these documents.', 'Correct them; nothing was stored.'),
  ('LF922', 'documents_unknown', 404, 'There is no such document.', 'Those that there are: landfall documents list.'),
  ('LF920', 'unsafe_production', 500, 'This is not safe enough for production.', 'Change what the message names, or set NODE_ENV=development to try things out.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded app/edge_errors.sql
-- Signing in and out. The API derives a key from the password (argon2id); only what is below ever compares it, and no hash comes out.
-- Refusals are returned and not raised, for an exception would roll back the count of failures.

create or replace function app_private.email_hash(email text) returns bytea
  language sql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
  return sha256(convert_to(lower(trim(email)), 'UTF8'));
comment on function app_private.email_hash(text) is 'The key of app_private.sign_in_failures: addresses that nobody owns are not kept in the clear.';

create or replace function app.password_parameters(
  email text, fallback_salt bytea, fallback_parameters jsonb, out salt bytea, out parameters jsonb
)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select coalesce(p.salt, fallback_salt), coalesce(p.parameters, fallback_parameters)
    from (values (lower(trim(email)))) as asked (email)
    left join tenancy.users u on u.email = asked.email and u.is_active
    left join app_private.passwords p on p.user_id = u.id
  $$;
comment on function app.password_parameters(text, bytea, jsonb) is
  'How to derive the key for this address. An unknown one gets what the caller falls back to, the same every time, and cannot be told from a known one. Definer: the table is secret. For the authenticator alone.';

create or replace function app_private.check_password(
  email text, derived_key bytea, out user_id uuid, out is_one_time boolean, out retry_after_seconds integer
)
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    failure app_private.sign_in_failures;
    address_hash constant bytea := app_private.email_hash(email);
  begin
    -- The row is locked until the end of the transaction, so that attempts on one address go one after the other.
    insert into app_private.sign_in_failures as f (email_hash) values (address_hash)
    on conflict (email_hash) do update
      set failed_attempts = case when f.updated_at < now() - interval '1 day' then 0 else f.failed_attempts end
    returning f.* into failure;

    if failure.locked_until > clock_timestamp() then
      retry_after_seconds := ceil(extract(epoch from failure.locked_until - clock_timestamp()));
      return;
    end if;

    select u.id, p.is_one_time into user_id, is_one_time
    from tenancy.users u
    join app_private.passwords p on p.user_id = u.id
    where u.email = lower(trim(check_password.email)) and u.is_active and p.derived_key_hash = sha256(derived_key);

    if found then
      delete from app_private.sign_in_failures f where f.email_hash = address_hash;
      return;
    end if;

    -- Five tries are free; every one after that doubles the wait, from half a minute to an hour.
    update app_private.sign_in_failures f
    set failed_attempts = f.failed_attempts + 1,
      locked_until = case
        when f.failed_attempts + 1 >= 5
        then clock_timestamp() + least(interval '30 seconds' * power(2, least(f.failed_attempts - 4, 20)), interval '1 hour')
      end,
      updated_at = now()
    where f.email_hash = address_hash;

    -- Addresses that were tried and left alone are forgotten, a few at a time.
    delete from app_private.sign_in_failures f
    where f.email_hash in (
      select stale.email_hash from app_private.sign_in_failures stale
      where stale.updated_at < now() - interval '1 day'
      limit 10
      for update skip locked
    );
  end
  $$;
comment on function app_private.check_password(text, bytea) is
  'The person whose key this is; else nothing, and the attempt is counted. Says how long to wait where an address is locked out, and then does not look.';

create or replace function app_private.open_session(
  user_id uuid, tenant_slug text, expires_at timestamptz, user_agent text, ip_address inet,
  out error_code text, out particular text, out session_id uuid, out tenant_id uuid, out role text
)
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    slugs text[];
    suspended_id uuid;
  begin
    select array_agg(t.slug order by t.slug), min(t.id::text)::uuid, min(m.role)::text into slugs, tenant_id, role
    from tenancy.memberships m
    join tenancy.tenants t on t.id = m.tenant_id and t.is_active
    where m.user_id = open_session.user_id and (tenant_slug is null or t.slug = lower(trim(tenant_slug)));
    if slugs is null then
      select t.id into suspended_id
      from tenancy.memberships m
      join tenancy.tenants t on t.id = m.tenant_id
      where m.user_id = open_session.user_id and (tenant_slug is null or t.slug = lower(trim(tenant_slug)))
      order by t.slug
      limit 1;
    end if;

    case
      when suspended_id is not null then
        error_code := 'LF048';
        particular := app_private.name_suspension(suspended_id);
      when slugs is null then
        error_code := 'LF041';
        particular := coalesce('a tenant called ' || tenant_slug, 'any tenant');
      when cardinality(slugs) > 1 then
        error_code := 'LF043';
        particular := array_to_string(slugs, ', ');
      else
        insert into tenancy.sessions (tenant_id, user_id, expires_at, user_agent, ip_address)
        values (open_session.tenant_id, open_session.user_id, open_session.expires_at, left(open_session.user_agent, 500), open_session.ip_address)
        returning id into session_id;
    end case;
  end
  $$;
comment on function app_private.open_session(uuid, text, timestamptz, text, inet) is
  'A session in the tenant named, or in the only one there is; else the code of an error and what it is about.';

create or replace function app.sign_in(
  email text, derived_key bytea, tenant_slug text, lifetime interval, user_agent text, ip_address inet,
  out error_code text, out particular text,
  out session_id uuid, out user_id uuid, out tenant_id uuid, out role text, out expires_at timestamptz, out must_change_password boolean
)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    checked record;
  begin
    select * into checked from app_private.check_password(email, derived_key);
    if checked.retry_after_seconds is not null then
      error_code := 'LF042';
      particular := checked.retry_after_seconds::text;
    elsif checked.user_id is null then
      error_code := 'LF040';
    else
      user_id := checked.user_id;
      must_change_password := checked.is_one_time;
      expires_at := date_trunc('second', now() + lifetime);
      select o.error_code, o.particular, o.session_id, o.tenant_id, o.role
      into error_code, particular, session_id, tenant_id, role
      from app_private.open_session(user_id, tenant_slug, expires_at, user_agent, ip_address) o;
    end if;
  end
  $$;
comment on function app.sign_in(text, bytea, text, interval, text, inet) is
  'Opens a session for whoever derived the right key; else the code of an error. Definer: compares secrets. For the authenticator alone.';

create or replace function app.sign_in_operator(
  email text, derived_key bytea, lifetime interval, user_agent text, ip_address inet,
  out error_code text, out particular text,
  out session_id uuid, out user_id uuid, out expires_at timestamptz, out must_change_password boolean
)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    checked record;
  begin
    select * into checked from app_private.check_password(email, derived_key);
    case
      when checked.retry_after_seconds is not null then
        error_code := 'LF042';
        particular := checked.retry_after_seconds::text;
      when checked.user_id is null then
        error_code := 'LF040';
      when not exists (select from tenancy.operators o where o.user_id = checked.user_id) then
        error_code := 'LF041';
        particular := 'the operators';
      else
        user_id := checked.user_id;
        must_change_password := checked.is_one_time;
        expires_at := date_trunc('second', now() + lifetime);
        insert into tenancy.operator_sessions (user_id, expires_at, user_agent, ip_address)
        values (sign_in_operator.user_id, sign_in_operator.expires_at, left(sign_in_operator.user_agent, 500), sign_in_operator.ip_address)
        returning id into session_id;
    end case;
  end
  $$;
comment on function app.sign_in_operator(text, bytea, interval, text, inet) is
  'Opens a session above the tenants for an operator who derived the right key; else the code of an error. Definer: compares secrets. For the authenticator alone.';

create or replace function app.authorize_session(session_id uuid, user_id uuid, tenant_id uuid) returns text
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select m.role::text
    from tenancy.sessions s
    join tenancy.memberships m on m.tenant_id = s.tenant_id and m.user_id = s.user_id
    join tenancy.tenants t on t.id = s.tenant_id and t.is_active
    join tenancy.users u on u.id = s.user_id and u.is_active
    where s.tenant_id = authorize_session.tenant_id and s.id = authorize_session.session_id
      and s.user_id = authorize_session.user_id and s.revoked_at is null and s.expires_at > now()
    union all
    select 'operator'
    from tenancy.operator_sessions s
    join tenancy.operators o on o.user_id = s.user_id
    join tenancy.users u on u.id = s.user_id and u.is_active
    where authorize_session.tenant_id is null and s.id = authorize_session.session_id
      and s.user_id = authorize_session.user_id and s.revoked_at is null and s.expires_at > now()
  $$;
comment on function app.authorize_session(uuid, uuid, uuid) is
  'The role that a session has right now, or null; without a tenant it is an operator''s. The API asks before every request which role to become. Definer: nobody is signed in yet. For the authenticator alone.';

create or replace function app.explain_refusal(
  session_id uuid, user_id uuid, tenant_id uuid, out error_code text, out particular text
)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if exists (
      select from tenancy.sessions s
      join tenancy.memberships m on m.tenant_id = s.tenant_id and m.user_id = s.user_id
      join tenancy.tenants t on t.id = s.tenant_id and not t.is_active
      join tenancy.users u on u.id = s.user_id and u.is_active
      where s.tenant_id = explain_refusal.tenant_id and s.id = explain_refusal.session_id
        and s.user_id = explain_refusal.user_id and s.revoked_at is null and s.expires_at > now()
    ) then
      error_code := 'LF048';
      particular := app_private.name_suspension(explain_refusal.tenant_id);
    else
      error_code := 'LF046';
    end if;
  end
  $$;
comment on function app.explain_refusal(uuid, uuid, uuid) is
  'Why app.authorize_session gave null: the tenant is suspended, or the session counts no more. Definer: nobody is signed in. For the authenticator alone.';

create or replace function app.sign_out(everywhere boolean) returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    asker record;
    ended integer;
    ended_above integer;
  begin
    select * into asker from app_private.current_identity();
    update tenancy.sessions s
    set revoked_at = now()
    where s.user_id = asker.user_id and s.revoked_at is null and s.expires_at > now()
      and (everywhere or (s.tenant_id = asker.tenant_id and s.id = asker.session_id));
    get diagnostics ended = row_count;
    update tenancy.operator_sessions s
    set revoked_at = now()
    where s.user_id = asker.user_id and s.revoked_at is null and s.expires_at > now()
      and (everywhere or s.id = asker.session_id);
    get diagnostics ended_above = row_count;
    return ended + ended_above;
  end
  $$;
comment on function app.sign_out(boolean) is
  'Ends this session, or every session of this person, and says how many. Definer: people do not write sessions.';

create or replace function app.switch_tenant(
  tenant_slug text, user_agent text, ip_address inet,
  out error_code text, out particular text,
  out session_id uuid, out user_id uuid, out tenant_id uuid, out role text, out expires_at timestamptz
)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    asker record;
  begin
    select i.user_id, i.tenant_id, i.session_id into asker from app_private.current_identity() i;
    select s.user_id, s.expires_at into user_id, expires_at
    from tenancy.sessions s where s.tenant_id = asker.tenant_id and s.id = asker.session_id;
    if not found then
      error_code := 'LF001';
      return;
    end if;
    -- The new session ends when the old one would have: switching is no way to stay signed in for ever.
    select o.error_code, o.particular, o.session_id, o.tenant_id, o.role
    into error_code, particular, session_id, tenant_id, role
    from app_private.open_session(user_id, tenant_slug, expires_at, user_agent, ip_address) o;
    if error_code is null then
      update tenancy.sessions s set revoked_at = now() where s.tenant_id = asker.tenant_id and s.id = asker.session_id;
    end if;
  end
  $$;
comment on function app.switch_tenant(text, text, inet) is
  'Ends this session and opens one in another tenant of this person. Definer: people do not write sessions.';

create or replace function app_private.set_password(
  user_id uuid, salt bytea, parameters jsonb, derived_key bytea, is_one_time boolean
) returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$
    insert into app_private.passwords as p (user_id, salt, parameters, derived_key_hash, is_one_time)
    values (user_id, salt, parameters, sha256(derived_key), is_one_time)
    on conflict (user_id) do update
      set salt = excluded.salt, parameters = excluded.parameters, derived_key_hash = excluded.derived_key_hash,
        is_one_time = excluded.is_one_time, updated_at = now()
  $$;
comment on function app_private.set_password(uuid, bytea, jsonb, bytea, boolean) is
  'Gives a person a password. For the owner, who makes people, and for app.change_password.';

create or replace function app.change_password(
  current_key bytea, salt bytea, parameters jsonb, derived_key bytea, out error_code text, out particular text
)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    asker record;
    checked record;
  begin
    select i.user_id, i.session_id, u.email into asker
    from app_private.current_identity() i
    join tenancy.users u on u.id = i.user_id;
    if not found then
      error_code := 'LF001';
      return;
    end if;
    select * into checked from app_private.check_password(asker.email, current_key);
    if checked.retry_after_seconds is not null then
      error_code := 'LF042';
      particular := checked.retry_after_seconds::text;
    elsif checked.user_id is distinct from asker.user_id then
      error_code := 'LF040';
    else
      perform app_private.set_password(asker.user_id, salt, parameters, derived_key, false);
      -- Whoever knew the old password is out, everywhere but here.
      update tenancy.sessions s
      set revoked_at = now()
      where s.user_id = asker.user_id and s.id <> asker.session_id and s.revoked_at is null and s.expires_at > now();
      update tenancy.operator_sessions s
      set revoked_at = now()
      where s.user_id = asker.user_id and s.id <> asker.session_id and s.revoked_at is null and s.expires_at > now();
    end if;
  end
  $$;
comment on function app.change_password(bytea, bytea, jsonb, bytea) is
  'Replaces the password of this person, who proves the old one, and ends their other sessions. Definer: compares and stores secrets.';

create or replace function app.current_memberships() returns table (tenant_id uuid, tenant_slug text, tenant_name text, role text)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select t.id, t.slug, t.name, m.role::text
    from tenancy.memberships m
    join tenancy.tenants t on t.id = m.tenant_id and t.is_active
    where m.user_id = (select app.current_user_id())
    order by t.slug
    limit 100
  $$;
comment on function app.current_memberships() is
  'The tenants that this person may switch to, with their role in each. Definer: a session sees one tenant, and this looks over its edge.';

grant execute on function app.password_parameters(text, bytea, jsonb), app.sign_in(text, bytea, text, interval, text, inet),
  app.sign_in_operator(text, bytea, interval, text, inet),
  app.authorize_session(uuid, uuid, uuid), app.explain_refusal(uuid, uuid, uuid) to :AUTHENTICATOR;
grant execute on function app.sign_out(boolean), app.switch_tenant(text, text, inet),
  app.change_password(bytea, bytea, jsonb, bytea), app.current_memberships() to :VIEWER, :CLIENT;
grant execute on function app.sign_out(boolean), app.change_password(bytea, bytea, jsonb, bytea) to :OPERATOR;
--! EndIncluded tenancy/sign_in.sql
--! Included tenancy/create_tenant.sql
-- A tenant comes with its first admin, or nobody could let anybody in.
create or replace function app_private.make_tenant(slug text, name text, domain text default null) returns tenancy.tenants
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$
    insert into tenancy.tenants (slug, name, domain)
    values (lower(trim(make_tenant.slug)), trim(make_tenant.name), nullif(trim(make_tenant.domain), ''))
    returning *
  $$;
comment on function app_private.make_tenant(text, text, text) is 'Makes a tenant without people. For the owner at a prompt, and for app.create_tenant.';

create or replace function app_private.find_or_make_user(
  email text, name text, salt bytea, parameters jsonb, derived_key bytea, is_one_time boolean, out user_id uuid, out is_new boolean
)
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    address constant text := lower(trim(find_or_make_user.email));
  begin
    insert into tenancy.users as u (email, name)
    values (address, coalesce(nullif(trim(find_or_make_user.name), ''), address))
    on conflict on constraint users_email_key do nothing
    returning u.id into user_id;
    is_new := found;
    if is_new then
      perform app_private.set_password(user_id, salt, parameters, derived_key, is_one_time);
    else
      select u.id into strict user_id from tenancy.users u where u.email = address;
    end if;
  end
  $$;
comment on function app_private.find_or_make_user(text, text, bytea, jsonb, bytea, boolean) is
  'The person with this address, made with this password where nobody has it; somebody who is known keeps name and password.';

create or replace function app.create_tenant(
  slug text, name text, domain text, admin_email text, admin_name text, salt bytea, parameters jsonb, derived_key bytea,
  out tenant_id uuid, out user_id uuid, out is_new_user boolean
)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform app_private.require_operator('create tenants');
    select t.id into tenant_id from app_private.make_tenant(create_tenant.slug, create_tenant.name, create_tenant.domain) t;
    select u.user_id, u.is_new into user_id, is_new_user
    from app_private.find_or_make_user(admin_email, admin_name, salt, parameters, derived_key, true) u;
    insert into tenancy.memberships (tenant_id, user_id, role) values (create_tenant.tenant_id, create_tenant.user_id, 'admin');
  end
  $$;
comment on function app.create_tenant(text, text, text, text, text, bytea, jsonb, bytea) is
  'Makes a tenant and its first admin, who gets this one-time password where nobody has the address yet. Definer, because an operator sees tenants and writes them only through this. For operators, and for the owner at a prompt.';
grant execute on function app.create_tenant(text, text, text, text, text, bytea, jsonb, bytea) to :OPERATOR;
--! EndIncluded tenancy/create_tenant.sql
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
      join tenancy.tenants t on t.id = b.tenant_id and t.is_active
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
  'Wakes the worker for every batch that nobody has worked on for a while, whichever active tenant it belongs to, and names them. Definer, because the worker sees one tenant at a time.';
revoke all on function app_private.requeue_import_batches(interval) from public;
grant execute on function app_private.requeue_import_batches(interval) to :WORKER;
--! EndIncluded imports/queue_batches.sql
--! Included publishing/resume_publications.sql
create or replace function publishing.resume_publications(patience interval default '1 minute') returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    publication publishing.publications;
    resumed integer := 0;
  begin
    for publication in
      select p.*
      from publishing.publications p
      join tenancy.tenants t on t.id = p.tenant_id and t.is_active
      where (p.status = 'deferred' and p.run_after <= now())
        or (p.status = 'running' and p.lease_expires_at < now())
        or (p.status = 'queued' and p.updated_at < now() - patience)
        or (
          p.status = 'unpublishing' and coalesce(p.lease_expires_at < now(), p.updated_at < now() - patience)
          and coalesce(p.run_after <= now(), true)
        )
      order by p.updated_at
      limit 500
      for update of p skip locked
    loop
      if publication.status = 'deferred' then
        -- The trigger wakes the worker.
        update publishing.publications p set status = 'queued'
        where p.tenant_id = publication.tenant_id and p.id = publication.id;
      else
        perform app_private.add_publication_job(publication);
      end if;
      resumed := resumed + 1;
    end loop;
    return resumed;
  end
  $$;
comment on function publishing.resume_publications(interval) is
  'Wakes the worker for what is due or was left behind by a dead one, in every active tenant, and says how many. Definer, because the worker sees one tenant at a time. For the worker, every minute.';
grant execute on function publishing.resume_publications(interval) to :WORKER;
--! EndIncluded publishing/resume_publications.sql
