--! Previous: sha1:846fcd84f5dca0e9b844bcadfcad16340ff550f7
--! Hash: sha1:88b32cf7f71885e4c01b77f1c1dc7cb09019a950
--! Message: ask once what holds for a transaction

-- What triggers and defaults ask for every row of an import, asked once for its transaction, or answered in less time.
set local lock_timeout = '3s';

--! Included app/ids.sql
-- Time-ordered ids, made by the server where it can (PostgreSQL 18) and the same in SQL where it cannot.
do $$
begin
  if current_setting('server_version_num')::integer >= 180000 then
    -- Without a setting of its own it is taken up into the statement that calls it: it is the default of every row.
    create or replace function app.uuidv7() returns uuid
      language sql volatile parallel safe
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

-- Taken up into the statement that calls it, as app.uuidv7 is: a verification asks for several ids of every record. The hash's bits are
-- set one by one, since an expression that is used twice would stop that. PostgreSQL counts a byte's bits from the lowest: 52 to 55 say
-- version 5, 70 and 71 the variant.
create or replace function app.uuidv5(namespace uuid, name text) returns uuid
  language sql stable strict parallel safe
  return encode(
    set_bit(set_bit(set_bit(set_bit(set_bit(set_bit(
      substring(public.digest(uuid_send(namespace) || convert_to(name, 'UTF8'), 'sha1') from 1 for 16),
      52, 1), 53, 0), 54, 1), 55, 0), 70, 0), 71, 1),
    'hex')::uuid;
comment on function app.uuidv5(uuid, text) is
  'The id that belongs to a name in a namespace (RFC 9562, version 5): the same for the same record of the same source, however often it comes.';

grant execute on function app.uuidv7(), app.uuidv5(uuid, text)
  to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR, :REPORTER, :AUTOMATION;
--! EndIncluded app/ids.sql
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
    claim constant text := current_setting('app.tenant_id', true) || '/' || claimed_batch;
    batch_id uuid;
  begin
    if session_user <> ':WORKER' or claimed_batch is null or claimed_batch = '' then
      return null;
    end if;
    -- Triggers ask for every row; the answer holds for the transaction. Only the worker's login comes here, and it makes the batches.
    if current_setting('app.confirmed_import_batch', true) = claim then
      return claimed_batch::uuid;
    end if;
    if not pg_input_is_valid(claimed_batch, 'uuid') then
      return null;
    end if;
    select b.id into batch_id
    from imports.batches b
    where b.tenant_id = app.current_tenant_id()
      and b.id = claimed_batch::uuid
      and b.status in ('running', 'verifying', 'rolling_back');
    if found then
      perform set_config('app.confirmed_import_batch', claim, true);
    end if;
    return batch_id;
  end
  $$;
comment on function app.current_import_batch_id() is
  'The import batch whose effect this statement is: only for the worker''s login, and only where that batch of this tenant ran or rolled back when the transaction first asked. Definer: reads imports.batches.';
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
      step := regexp_match(line, '^\s*([a-z0-9_]*)\s*->\s*([a-z0-9_]+)\s*:\s*([a-z, ]+)$');
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
    goes_to text;
  begin
    -- Asked first, since an import asks for every row.
    if app.current_import_batch_id() is not null then
      return new;
    end if;
    goes_to := to_jsonb(new) ->> tg_argv[1];
    if tg_op = 'UPDATE' then
      came_from := to_jsonb(old) ->> tg_argv[1];
      if came_from is not distinct from goes_to then
        return new;
      end if;
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
--! Included imports/private.sql
-- The worker's own tables. No row security: COPY is refused under it, nobody but the worker has any right here, and what people may see
-- of a payload goes through imports.records_source_text.
grant usage on schema app_private to :WORKER;
grant select, insert on table app_private.import_payloads to :WORKER;
grant update (fixed_text, holds_refused_text, rows, refusal) on table app_private.import_payloads to :WORKER;
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
comment on table app_private.import_places is '@class private
The place of every ranked row among its siblings, worked out for the whole batch at once.';
comment on table app_private.import_before_images is '@class private
What a row was before a batch changed it.';
comment on table app_private.import_predicted_records is '@class private
Records of which a batch predicted something else than the usual outcome of their collection.';
comment on table app_private.import_gone_rows is '@class private
Rows of a source that a batch did not meet in it any more.';
comment on column app_private.import_gone_rows.is_kept is 'Whether it stays, because people edited it or what belongs to it.';
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
  as $$
  declare
    partition_name constant text := 'import_payloads_' || replace(analyze_imports.batch_id::text, '-', '');
  begin
    if to_regclass('app_private.' || partition_name) is not null then
      -- The texts are not looked at: nothing is searched by them, and taking a sample of them takes long.
      execute format('analyze app_private.%I (batch_id, collection_id, row_id, position)', partition_name);
    end if;
    analyze app_private.import_places, imports.issues,
      imports.records (tenant_id, batch_id, collection_id, row_id, outcome, reason),
      imports.effects (tenant_id, batch_id, row_id, table_name);
  end
  $$;
comment on function app_private.analyze_imports(uuid) is
  'Brings the planner''s statistics of a batch''s payloads and of the ledger up to date. Definer, because only an owner may.';
revoke all on function app_private.analyze_imports(uuid) from public;
grant execute on function app_private.analyze_imports(uuid) to :WORKER;
--! EndIncluded imports/private.sql
