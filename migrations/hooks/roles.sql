-- The roles of an installation. Run by `landfall migrate` as the administrator before every migration, since roles belong to the server
-- and not to a database. Safe to repeat. Passwords of the two logins are set by the same command, as SCRAM verifiers.
do $$
declare
  role_name text;
begin
  foreach role_name in array array[
    ':OWNER', ':AUTHENTICATOR', ':VISITOR', ':VIEWER', ':EDITOR', ':ADMIN', ':CLIENT', ':OPERATOR', ':WORKER', ':REPORTER', ':AUTOMATION'
  ] loop
    if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
      begin
        execute format('create role %I nologin', role_name);
      exception when duplicate_object or unique_violation then
        null; -- another installation on this server made it in the same moment
      end;
    end if;
  end loop;

  -- An administrator without superuser may become the owner only by membership.
  if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    execute format('grant %I to %I with set true, inherit false', ':OWNER', current_user);
  end if;
end
$$;

alter role :OWNER nologin;
alter role :AUTHENTICATOR login noinherit;
alter role :WORKER login;

-- A viewer reads, an editor also writes, an admin also publishes.
grant :VIEWER to :EDITOR with inherit true, set false;
grant :EDITOR to :ADMIN with inherit true, set false;

-- A reporter reads what a viewer of its tenant reads.
grant :VIEWER to :REPORTER with inherit true, set false;

-- What the API may become; noinherit, so that it is nobody until it does.
grant :VISITOR to :AUTHENTICATOR with inherit false, set true;
grant :VIEWER to :AUTHENTICATOR with inherit false, set true;
grant :EDITOR to :AUTHENTICATOR with inherit false, set true;
grant :ADMIN to :AUTHENTICATOR with inherit false, set true;
grant :CLIENT to :AUTHENTICATOR with inherit false, set true;
grant :OPERATOR to :AUTHENTICATOR with inherit false, set true;

-- The owner may act as an application role on purpose, and never by inheritance: its own policies must not be theirs.
grant :VISITOR to :OWNER with inherit false, set true;
grant :VIEWER to :OWNER with inherit false, set true;
grant :EDITOR to :OWNER with inherit false, set true;
grant :ADMIN to :OWNER with inherit false, set true;
grant :CLIENT to :OWNER with inherit false, set true;
grant :OPERATOR to :OWNER with inherit false, set true;

-- Limits that hold under `set role`, since they belong to the login. Waiting for a lock ends before the statement would, so that its
-- error says what it waited for.
alter role :AUTHENTICATOR set statement_timeout = '3s';
alter role :AUTHENTICATOR set lock_timeout = '2s';
alter role :AUTHENTICATOR set idle_in_transaction_session_timeout = '15s';
alter role :AUTHENTICATOR set work_mem = '16MB';
alter role :WORKER set lock_timeout = '30s';
-- What a worker holds that falls silent in the middle of a transaction is free again as soon as its lease has run out.
alter role :WORKER set idle_in_transaction_session_timeout = '20s';
do $$
begin
  if current_setting('server_version_num')::integer >= 170000 then
    alter role :AUTHENTICATOR set transaction_timeout = '30s';
  end if;
  -- Only a superuser may say this, or whom one has allowed to.
  if has_parameter_privilege(current_user, 'temp_file_limit', 'set') then
    alter role :AUTHENTICATOR set temp_file_limit = '256MB';
  end if;
  -- Large objects know no policy, and everybody may make them: a login that speaks SQL could fill the disk.
  if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    revoke execute on function pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid), pg_catalog.lo_from_bytea(oid, bytea) from public;
  end if;
  -- The worker ends the connections of a suspended tenant's logins. Where the server does not let us say so, their statements are refused
  -- all the same, and `landfall tenant suspend` ends them.
  begin
    grant pg_signal_backend to :WORKER with inherit true, set false;
  exception when insufficient_privilege then
    null;
  end;
end
$$;
