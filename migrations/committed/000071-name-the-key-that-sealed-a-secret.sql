--! Previous: sha1:dd10ef10c78986797a66fb0b476d89566495f3f8
--! Hash: sha1:19d2e258f89a2230182bcffbdc7f5b8ae0dbb0c1
--! Message: name the key that sealed a secret

-- What is kept under the secret key says under which one, so that the key can be changed.
set local lock_timeout = '3s';

alter table app_private.location_secrets drop constraint location_secrets_token_ciphertext_check;
alter table app_private.location_secrets
  add constraint location_secrets_token_ciphertext_check
  check (token_ciphertext ~ '^(v1|v2:[A-Za-z0-9_-]{12}):[A-Za-z0-9+/]{40,}={0,2}$') not valid;

--! Included app/key_errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF460', 'previous_key_missing', 400, 'The key before is not given.', 'Set LANDFALL_SECRET_KEY_PREVIOUS to the key that was LANDFALL_SECRET_KEY until now.'),
  ('LF461', 'key_unknown', 400, 'Something is kept under a key that is not given.', 'Set LANDFALL_SECRET_KEY_PREVIOUS to the key that was LANDFALL_SECRET_KEY until now.'),
  ('LF462', 'login_key_unknown', 400, 'The password of one of our logins comes out of neither key.', 'Set LANDFALL_SECRET_KEY_PREVIOUS to the key that the running processes have.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded app/key_errors.sql
--! Included publishing/set_location_token.sql
create or replace function app.set_location_token(client_id uuid, token_ciphertext text, auth_kind publishing.auth_kind default 'pit') returns publishing.locations
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    client journeys.clients;
    place publishing.locations;
  begin
    perform app_private.require_role('set a location''s token', 'admin');
    select c.* into client from journeys.clients c where c.tenant_id = tenant and c.id = set_location_token.client_id;
    if not found then
      perform app_private.raise_error('LF006', 'client', set_location_token.client_id::text);
    end if;
    -- Refused here and not by the constraint, whose message would repeat what was given.
    if token_ciphertext !~ '^(v1|v2:[A-Za-z0-9_-]{12}):[A-Za-z0-9+/]{40,}={0,2}$' then
      perform app_private.raise_error('LF009', 'The token is not encrypted.', 'Set it with the mutation setLocationToken, which encrypts it.');
    end if;
    place := app_private.know_location(client);
    if place.id is null then
      perform app_private.raise_error('LF106', client.name);
    end if;

    insert into app_private.location_secrets as s (tenant_id, location_id, token_ciphertext)
    values (tenant, place.id, set_location_token.token_ciphertext)
    on conflict (tenant_id, location_id) do update set token_ciphertext = excluded.token_ciphertext, refreshing_until = null, updated_at = now();

    update publishing.locations l
    set token_set_at = now(), auth_kind = set_location_token.auth_kind, status = 'active', status_reason = null, paused_until = null
    where l.tenant_id = tenant and l.id = place.id
    returning l.* into place;

    -- What waited for a token goes on by itself.
    update publishing.publications p
    set status = 'queued', location_id = place.id, run_after = null, finished_at = null
    from journeys.journeys j
    where p.tenant_id = tenant
      and p.status = 'blocked'
      and j.tenant_id = tenant and j.id = p.journey_id and j.client_id = client.id
      and (p.location_id is null or p.location_id = place.id);
    return place;
  end
  $$;
comment on function app.set_location_token(uuid, text, publishing.auth_kind) is
  'Keeps the encrypted token of a client''s location, a private integration''s or an OAuth app''s, in place of the one before, and lets what waited for it go on. The API encrypts it before it comes here. Definer, because secrets are private. For admins.';
grant execute on function app.set_location_token(uuid, text, publishing.auth_kind) to :ADMIN;
--! EndIncluded publishing/set_location_token.sql
--! Included tenancy/passwords.sql
-- Only definers, which run as the owner, may touch these two.
drop policy if exists select_owner on app_private.passwords;
create policy select_owner on app_private.passwords for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.passwords;
create policy insert_owner on app_private.passwords for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.passwords;
create policy update_owner on app_private.passwords for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.passwords;
create policy delete_owner on app_private.passwords for delete to :OWNER using (true);

drop policy if exists select_owner on app_private.sign_in_failures;
create policy select_owner on app_private.sign_in_failures for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.sign_in_failures;
create policy insert_owner on app_private.sign_in_failures for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.sign_in_failures;
create policy update_owner on app_private.sign_in_failures for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.sign_in_failures;
create policy delete_owner on app_private.sign_in_failures for delete to :OWNER using (true);

comment on table app_private.passwords is '@class private
What the password of each person became; the password itself never gets here.';
comment on column app_private.passwords.parameters is 'How the API derives the key: the algorithm, its costs, and the id of the secret key that goes in.';
comment on column app_private.passwords.derived_key_hash is 'SHA-256 of the derived key, so that a copy of this table opens nothing.';
comment on column app_private.passwords.is_one_time is 'True until the person has chosen a password of their own.';
comment on table app_private.sign_in_failures is '@class private
Failed sign-ins in a row by address, and until when that address is locked out.';
comment on column app_private.sign_in_failures.email_hash is 'SHA-256 of the address in lower case.';
--! EndIncluded tenancy/passwords.sql
--! Included tenancy/sign_in.sql
--! Included tenancy/errors.sql
-- What signing in can say, and what is above the tenants: LF032 to LF049; who may be a member: LF440.
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
    'Choose a password with changePassword; the token that you have then counts.'),
  ('LF440', 'person_unknown', 404, 'Nobody who was a member of this tenant has the id %s.',
    'Whoever is new is added by their address: landfall user create <email> --tenant <slug> --role <role>.')
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
  ('LF923', 'file_refused', 400, 'This file was made to do harm, or is damaged.', 'Take the snapshot again; do not import a file whose origin you do not know.'),
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
      and not exists (select from app_private.passwords p where p.user_id = s.user_id and p.is_one_time)
    union all
    select 'operator'
    from tenancy.operator_sessions s
    join tenancy.operators o on o.user_id = s.user_id
    join tenancy.users u on u.id = s.user_id and u.is_active
    where authorize_session.tenant_id is null and s.id = authorize_session.session_id
      and s.user_id = authorize_session.user_id and s.revoked_at is null and s.expires_at > now()
      and not exists (select from app_private.passwords p where p.user_id = s.user_id and p.is_one_time)
  $$;
comment on function app.authorize_session(uuid, uuid, uuid) is
  'The role that a session has right now, or null; without a tenant it is an operator''s. The API asks before every request which role to become. Definer: nobody is signed in yet. For the authenticator alone.';

create or replace function app.explain_refusal(
  session_id uuid, user_id uuid, tenant_id uuid, out error_code text, out particular text
)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    found_session record;
  begin
    select t.is_active, p.is_one_time, m.role::text into found_session
    from tenancy.sessions s
    join tenancy.memberships m on m.tenant_id = s.tenant_id and m.user_id = s.user_id
    join tenancy.tenants t on t.id = s.tenant_id
    join tenancy.users u on u.id = s.user_id and u.is_active
    left join app_private.passwords p on p.user_id = s.user_id
    where s.tenant_id = explain_refusal.tenant_id and s.id = explain_refusal.session_id
      and s.user_id = explain_refusal.user_id and s.revoked_at is null and s.expires_at > now()
    union all
    select true, p.is_one_time, 'operator'
    from tenancy.operator_sessions s
    join tenancy.operators o on o.user_id = s.user_id
    join tenancy.users u on u.id = s.user_id and u.is_active
    join app_private.passwords p on p.user_id = s.user_id
    where explain_refusal.tenant_id is null and s.id = explain_refusal.session_id
      and s.user_id = explain_refusal.user_id and s.revoked_at is null and s.expires_at > now();
    case
      when not found then
        error_code := 'LF046';
      when not found_session.is_active then
        error_code := 'LF048';
        particular := app_private.name_suspension(explain_refusal.tenant_id);
      when found_session.is_one_time then
        error_code := 'LF049';
        particular := found_session.role;
      else
        error_code := 'LF046';
    end case;
  end
  $$;
comment on function app.explain_refusal(uuid, uuid, uuid) is
  'Why app.authorize_session gave null: the tenant is suspended, the password is a one-time one (then with the role that may change it), or the session counts no more. Definer: nobody is signed in. For the authenticator alone.';

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

create or replace function app.rederive_password(
  email text, current_key bytea, salt bytea, parameters jsonb, derived_key bytea
) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    update app_private.passwords p
    set salt = rederive_password.salt, parameters = rederive_password.parameters,
      derived_key_hash = sha256(rederive_password.derived_key), updated_at = now()
    from tenancy.users u
    where u.email = lower(trim(rederive_password.email)) and p.user_id = u.id and p.derived_key_hash = sha256(current_key)
  $$;
comment on function app.rederive_password(text, bytea, bytea, jsonb, bytea) is
  'Keeps the same password derived anew, at today''s cost and under today''s key, for whoever has just proved it; tells nothing. Definer: stores secrets. For the authenticator alone.';

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
  app.sign_in_operator(text, bytea, interval, text, inet), app.rederive_password(text, bytea, bytea, jsonb, bytea),
  app.authorize_session(uuid, uuid, uuid), app.explain_refusal(uuid, uuid, uuid) to :AUTHENTICATOR;
grant execute on function app.sign_out(boolean), app.switch_tenant(text, text, inet),
  app.change_password(bytea, bytea, jsonb, bytea), app.current_memberships() to :VIEWER, :CLIENT;
grant execute on function app.sign_out(boolean), app.change_password(bytea, bytea, jsonb, bytea) to :OPERATOR;
--! EndIncluded tenancy/sign_in.sql
