--! Previous: sha1:2fddf8bd2d8466bfe2b5096477eba32e83d7293a
--! Hash: sha1:96dc6ebdc3494a133283178d8a2a0852e26d0c34
--! Message: open by keys

-- Machines call the API by keys, and people may sign in by an identity provider.
set local lock_timeout = '3s';

create table tenancy.api_keys (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  user_id uuid not null,
  session_id uuid not null,
  creator_id uuid not null,
  name text not null,
  role tenancy.membership_role not null,
  hint text not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  constraint api_keys_pkey primary key (tenant_id, id),
  constraint api_keys_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint api_keys_user_id_fkey foreign key (user_id) references tenancy.users (id),
  constraint api_keys_creator_id_fkey foreign key (creator_id) references tenancy.users (id),
  constraint api_keys_session_id_fkey foreign key (tenant_id, session_id) references tenancy.sessions (tenant_id, id),
  constraint api_keys_name_check check (name ~ '\S'),
  constraint api_keys_role_check check (role <> 'client')
);
alter table tenancy.api_keys enable row level security;
alter table tenancy.api_keys force row level security;
create index api_keys_tenant_id_user_id_idx on tenancy.api_keys (tenant_id, user_id);
create index api_keys_tenant_id_session_id_idx on tenancy.api_keys (tenant_id, session_id);
create index api_keys_user_id_idx on tenancy.api_keys (user_id);
create index api_keys_creator_id_idx on tenancy.api_keys (creator_id);

create table app_private.api_key_hashes (
  key_hash bytea not null,
  tenant_id uuid not null,
  api_key_id uuid not null,
  last_used_at timestamptz,
  constraint api_key_hashes_pkey primary key (key_hash),
  constraint api_key_hashes_tenant_id_api_key_id_key unique (tenant_id, api_key_id),
  constraint api_key_hashes_api_key_id_fkey foreign key (tenant_id, api_key_id) references tenancy.api_keys (tenant_id, id) on delete cascade
);

alter table app_private.api_key_hashes enable row level security;
alter table app_private.api_key_hashes force row level security;

--! Included tenancy/api_keys.sql
-- Keys with which machines call the API. A key is a sign-in of somebody who is no person: what holds for sessions holds for it.
drop policy if exists all_tenant on tenancy.api_keys;
create policy all_tenant on tenancy.api_keys as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on tenancy.api_keys;
create policy select_owner on tenancy.api_keys for select to :OWNER
  using (true);
drop policy if exists insert_owner on tenancy.api_keys;
create policy insert_owner on tenancy.api_keys for insert to :OWNER
  with check (true);
drop policy if exists update_owner on tenancy.api_keys;
create policy update_owner on tenancy.api_keys for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on tenancy.api_keys;
create policy delete_owner on tenancy.api_keys for delete to :OWNER
  using (true);
drop policy if exists select_admin on tenancy.api_keys;
create policy select_admin on tenancy.api_keys for select to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));

grant select on table tenancy.api_keys to :ADMIN;

create or replace trigger _700_audit_insert after insert on tenancy.api_keys
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on tenancy.api_keys
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on tenancy.api_keys
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

drop policy if exists select_owner on app_private.api_key_hashes;
create policy select_owner on app_private.api_key_hashes for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.api_key_hashes;
create policy insert_owner on app_private.api_key_hashes for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.api_key_hashes;
create policy update_owner on app_private.api_key_hashes for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.api_key_hashes;
create policy delete_owner on app_private.api_key_hashes for delete to :OWNER using (true);

comment on table app_private.api_key_hashes is '@class private
SHA-256 of each API key, and when it was used last; the key itself is shown once and kept nowhere.';
comment on column app_private.api_key_hashes.last_used_at is 'To the minute.';

comment on table tenancy.api_keys is '@class tenant
A key with which a machine calls the API, in one tenant and one role.';
comment on column tenancy.api_keys.id is 'The row''s id, time-ordered.';
comment on column tenancy.api_keys.tenant_id is 'The tenant that the row belongs to.';
comment on column tenancy.api_keys.user_id is 'Whom the audit names for what the machine does.';
comment on column tenancy.api_keys.session_id is 'The sign-in that the key stands for.';
comment on column tenancy.api_keys.creator_id is 'Who made it.';
comment on column tenancy.api_keys.name is 'What it is for.';
comment on column tenancy.api_keys.role is 'What the machine may do: what a person of this role may.';
comment on column tenancy.api_keys.hint is 'Its first characters, to know it by.';
comment on column tenancy.api_keys.expires_at is 'When it ends by itself.';
comment on column tenancy.api_keys.revoked_at is 'When it was ended early.';
comment on column tenancy.api_keys.created_at is 'When the row was made.';
comment on constraint api_keys_tenant_id_fkey on tenancy.api_keys is 'There is no such tenant.';
comment on constraint api_keys_user_id_fkey on tenancy.api_keys is '@fieldName user
@foreignFieldName apiKeys
There is no such person.';
comment on constraint api_keys_creator_id_fkey on tenancy.api_keys is '@fieldName creator
@foreignFieldName createdApiKeys
There is no such person.';
comment on constraint api_keys_session_id_fkey on tenancy.api_keys is '@behavior -*
There is no such session.';
comment on constraint api_keys_name_check on tenancy.api_keys is 'A key needs a name that says what it is for.';
comment on constraint api_keys_role_check on tenancy.api_keys is 'A key is for a viewer, an editor or an admin.';

create or replace function app.create_api_key(name text, role tenancy.membership_role, expires_at timestamptz, key_hash bytea, hint text)
  returns uuid
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    asker record;
    machine_id uuid;
    session_id uuid;
    api_key_id uuid := app.uuidv7();
  begin
    perform app_private.require_role('make API keys', 'admin');
    select i.tenant_id, i.user_id into asker from app_private.current_identity() i;
    if exists (select from tenancy.api_keys k where k.tenant_id = asker.tenant_id and k.user_id = asker.user_id) then
      perform app_private.raise_error('LF083', 'a key makes no other keys', 'Sign in as a person.');
    end if;
    if create_api_key.expires_at <= now() or create_api_key.expires_at > now() + interval '2 years' then
      perform app_private.raise_error('LF083', 'it must end within two years, and not before now', 'Send another expiresAt.');
    end if;
    insert into tenancy.users (email, name)
    values (api_key_id || '@keys.invalid', trim(create_api_key.name) || ' (API key)')
    returning id into machine_id;
    insert into tenancy.memberships (tenant_id, user_id, role) values (asker.tenant_id, machine_id, create_api_key.role);
    insert into tenancy.sessions (tenant_id, user_id, expires_at, user_agent)
    values (asker.tenant_id, machine_id, create_api_key.expires_at, 'API key')
    returning id into session_id;
    insert into tenancy.api_keys (id, tenant_id, user_id, session_id, creator_id, name, role, hint, expires_at)
    values (api_key_id, asker.tenant_id, machine_id, session_id, asker.user_id, trim(create_api_key.name), create_api_key.role,
      create_api_key.hint, create_api_key.expires_at);
    insert into app_private.api_key_hashes (key_hash, tenant_id, api_key_id) values (create_api_key.key_hash, asker.tenant_id, api_key_id);
    return api_key_id;
  end
  $$;
comment on function app.create_api_key(text, tenancy.membership_role, timestamptz, bytea, text) is
  'Makes a key of which the caller knows the text and the database the hash. Definer: writes people, sessions and a private table. For admins.';

create or replace function tenancy.revoke_api_key(id uuid) returns tenancy.api_keys
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    revoked tenancy.api_keys;
  begin
    perform app_private.require_role('revoke API keys', 'admin');
    update tenancy.api_keys k set revoked_at = coalesce(k.revoked_at, now())
    where k.tenant_id = app.current_tenant_id() and k.id = revoke_api_key.id
    returning k.* into revoked;
    if not found then
      perform app_private.raise_error('LF006', 'API key', revoke_api_key.id::text);
    end if;
    update tenancy.sessions s set revoked_at = now()
    where s.tenant_id = revoked.tenant_id and s.id = revoked.session_id and s.revoked_at is null;
    return revoked;
  end
  $$;
comment on function tenancy.revoke_api_key(uuid) is 'Ends a key, with the next statement. Definer: nobody writes keys or sessions. For admins.';

create or replace function tenancy.api_keys_last_used_at(api_key tenancy.api_keys) returns timestamptz
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select h.last_used_at from app_private.api_key_hashes h
    where h.tenant_id = api_key.tenant_id and h.api_key_id = api_key.id and h.tenant_id = app.current_tenant_id()
  $$;
comment on function tenancy.api_keys_last_used_at(tenancy.api_keys) is 'When the key was used last, to the minute. Definer: reads a private table, of this tenant alone.';

create or replace function app.find_api_key(key_hash bytea, out session_id uuid, out user_id uuid, out tenant_id uuid)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    found_key record;
  begin
    select k.session_id, k.user_id, k.tenant_id, h.last_used_at into found_key
    from app_private.api_key_hashes h
    join tenancy.api_keys k on k.tenant_id = h.tenant_id and k.id = h.api_key_id
    where h.key_hash = find_api_key.key_hash;
    if not found then
      return;
    end if;
    session_id := found_key.session_id;
    user_id := found_key.user_id;
    tenant_id := found_key.tenant_id;
    if coalesce(found_key.last_used_at, '-infinity') < now() - interval '1 minute' then
      update app_private.api_key_hashes h set last_used_at = now() where h.key_hash = find_api_key.key_hash;
    end if;
  end
  $$;
comment on function app.find_api_key(bytea) is
  'The sign-in that a key stands for; whether it still holds is asked like that of every other. Definer: nobody is signed in yet. For the authenticator alone.';

grant execute on function app.create_api_key(text, tenancy.membership_role, timestamptz, bytea, text), tenancy.revoke_api_key(uuid),
  tenancy.api_keys_last_used_at(tenancy.api_keys) to :ADMIN;
grant execute on function app.find_api_key(bytea) to :AUTHENTICATOR;
--! EndIncluded tenancy/api_keys.sql
--! Included tenancy/external_sign_in.sql
create or replace function app.sign_in_external(
  email text, tenant_slug text, lifetime interval, user_agent text, ip_address inet,
  out error_code text, out particular text,
  out session_id uuid, out user_id uuid, out tenant_id uuid, out role text, out expires_at timestamptz
)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    select u.id into user_id from tenancy.users u where u.email = lower(trim(sign_in_external.email)) and u.is_active;
    if not found then
      error_code := 'LF081';
      particular := 'nobody here has its address';
      return;
    end if;
    -- Whoever proves the address needs no password that somebody else made.
    delete from app_private.passwords p where p.user_id = sign_in_external.user_id and p.is_one_time;
    expires_at := date_trunc('second', now() + lifetime);
    select o.error_code, o.particular, o.session_id, o.tenant_id, o.role
    into error_code, particular, session_id, tenant_id, role
    from app_private.open_session(user_id, tenant_slug, expires_at, user_agent, ip_address) o;
  end
  $$;
comment on function app.sign_in_external(text, text, interval, text, inet) is
  'Opens a session for whoever an identity provider vouches for, where they are known here; which role they have is said here and not there. Definer: nobody is signed in yet. For the authenticator alone.';
grant execute on function app.sign_in_external(text, text, interval, text, inet) to :AUTHENTICATOR;
--! EndIncluded tenancy/external_sign_in.sql
