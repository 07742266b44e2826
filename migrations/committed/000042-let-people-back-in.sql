--! Previous: sha1:0badeae95bbd5d556b9d6d794f67b839e5a4a210
--! Hash: sha1:2fddf8bd2d8466bfe2b5096477eba32e83d7293a
--! Message: let people back in

-- A password that somebody else made opens nothing but the way to one's own, and a forgotten one is replaced by a token in a mail. What
-- somebody must hear is written in the transaction that it is about, and mailed afterwards.
set local lock_timeout = '3s';

create table app_private.mails (
  id uuid not null default app.uuidv7(),
  tenant_id uuid,
  user_id uuid,
  kind text not null,
  recipient text not null,
  subject text not null,
  body text,
  sealed_body text,
  status text not null,
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  leased_until timestamptz,
  last_error text,
  sent_at timestamptz,
  created_at timestamptz not null default now(),
  constraint mails_pkey primary key (id),
  constraint mails_status_check check (status in ('pending', 'sent', 'failed', 'dropped')),
  constraint mails_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
  constraint mails_user_id_fkey foreign key (user_id) references tenancy.users (id) on delete cascade
);
create index mails_due_at_idx on app_private.mails (due_at) where status = 'pending';
create index mails_tenant_id_idx on app_private.mails (tenant_id);
create index mails_user_id_idx on app_private.mails (user_id);
alter table app_private.mails enable row level security;
alter table app_private.mails force row level security;

create table app_private.password_resets (
  token_hash bytea not null,
  user_id uuid,
  used_at timestamptz,
  expires_at timestamptz not null default now() + interval '1 hour',
  created_at timestamptz not null default now(),
  constraint password_resets_pkey primary key (token_hash),
  constraint password_resets_user_id_fkey foreign key (user_id) references tenancy.users (id) on delete cascade
);
create index password_resets_user_id_idx on app_private.password_resets (user_id);
alter table app_private.password_resets enable row level security;
alter table app_private.password_resets force row level security;

create type tenancy.notification_kind as enum ('approval_requested', 'approval_decided', 'publication_failed');
grant usage on type tenancy.notification_kind to public;
alter table tenancy.users add column muted_notifications tenancy.notification_kind[] not null default '{}';

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
    'Ask the operator of this installation to reactivate it. Nothing of it is lost, and what was under way goes on then.'),
  ('LF049', 'password_change_needed', 403, 'Your password was made by somebody else, and opens nothing but the way to one of your own.',
    'Choose a password with changePassword; the token that you have then counts.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded tenancy/errors.sql
--! Included tenancy/account_errors.sql
-- What the ways into an account say: LF080 to LF099.
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF080', 'reset_link_ended', 403, 'This way to a new password has ended.', 'Ask for another mail with requestPasswordReset; each works once, for an hour.'),
  ('LF081', 'external_token_refused', 401, 'The token of your identity provider does not count here: %s.', 'Sign in there again; if it stays, ask an admin whether your address is known here.'),
  ('LF082', 'no_external_issuer', 404, 'No identity provider is set up.', 'Sign in with signIn, or let the operator set OIDC_ISSUER.'),
  ('LF083', 'api_key_invalid', 400, 'This cannot be an API key: %s.', '%s'),
  ('LF084', 'review_link_ended', 403, 'This link to a review has ended.', 'Ask whoever sent it for another one.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded tenancy/account_errors.sql
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
    has_one_time_password boolean;
  begin
    if session_user = ':AUTHENTICATOR' then
      -- The API verified a token and set these; whether they still hold is asked of the tables, for every statement anew.
      if claimed_role = ':VISITOR' or claimed_role = 'none' then
        app_role := 'visitor';
      elsif claimed_role = ':OPERATOR' then
        if pg_input_is_valid(claimed_session, 'uuid') then
          select s.user_id, s.id, 'operator', p.is_one_time
          into user_id, session_id, app_role, has_one_time_password
          from tenancy.operator_sessions s
          join tenancy.operators o on o.user_id = s.user_id
          join tenancy.users u on u.id = s.user_id and u.is_active
          left join app_private.passwords p on p.user_id = s.user_id
          where s.id = claimed_session::uuid
            and s.user_id::text = current_setting('app.user_id', true)
            and s.revoked_at is null
            and s.expires_at > now();
        end if;
      elsif pg_input_is_valid(claimed_session, 'uuid') and pg_input_is_valid(claimed_tenant, 'uuid') then
        select s.user_id, s.tenant_id, s.id, m.role, t.is_active, p.is_one_time
        into user_id, tenant_id, session_id, app_role, is_active, has_one_time_password
        from tenancy.sessions s
        join tenancy.memberships m on m.tenant_id = s.tenant_id and m.user_id = s.user_id
        join tenancy.tenants t on t.id = s.tenant_id
        join tenancy.users u on u.id = s.user_id and u.is_active
        left join app_private.passwords p on p.user_id = s.user_id
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
    if has_one_time_password then
      -- A password that somebody else made opens nothing but the way to one's own: the person is known, and is nobody anywhere.
      tenant_id := null;
      app_role := null;
      return;
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
--! Included tenancy/sign_in.sql
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
    'Ask the operator of this installation to reactivate it. Nothing of it is lost, and what was under way goes on then.'),
  ('LF049', 'password_change_needed', 403, 'Your password was made by somebody else, and opens nothing but the way to one of your own.',
    'Choose a password with changePassword; the token that you have then counts.')
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
-- Also where they are of no tenant yet, having a password that somebody else made.
drop policy if exists select_self on tenancy.users;
create policy select_self on tenancy.users for select to :VIEWER
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
grant update (name, muted_notifications, version) on table tenancy.users to :VIEWER, :CLIENT, :OPERATOR;
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
comment on column tenancy.users.muted_notifications is 'What they do not want to be told of by mail.';
comment on column tenancy.users.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column tenancy.users.created_at is 'When the row was made.';
comment on column tenancy.users.updated_at is 'When the row was last changed.';
comment on constraint users_email_key on tenancy.users is 'A person with this e-mail address exists; add a membership for them instead.';
comment on constraint users_email_check on tenancy.users is 'An e-mail address is written in lower case and has the form name@domain.';
comment on constraint users_name_check on tenancy.users is 'A person needs a name that is not blank.';
--! EndIncluded tenancy/users.sql
--! Included app/mails.sql
-- The outbox: what somebody must hear is written in the transaction that it is about, and sent by the worker afterwards.
drop policy if exists select_owner on app_private.mails;
create policy select_owner on app_private.mails for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.mails;
create policy insert_owner on app_private.mails for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.mails;
create policy update_owner on app_private.mails for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.mails;
create policy delete_owner on app_private.mails for delete to :OWNER using (true);

comment on table app_private.mails is '@class private
Mails that are to be sent, were sent, or could not be.';
comment on column app_private.mails.kind is 'What it is about: password_reset, approval_requested, approval_decided or publication_failed.';
comment on column app_private.mails.body is 'The text; null where it holds a secret.';
comment on column app_private.mails.sealed_body is 'The text under LANDFALL_SECRET_KEY, where it holds a secret; emptied when it was sent.';
comment on column app_private.mails.status is 'pending, sent, failed (given up), or dropped: made to look the same as a mail, for nobody.';
comment on column app_private.mails.leased_until is 'A worker has it in hand until then; a dead one''s is taken up again.';

create or replace function app_private.queue_mail(
  tenant_id uuid, user_id uuid, kind text, recipient text, subject text, body text, sealed_body text
) returns void
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    insert into app_private.mails (tenant_id, user_id, kind, recipient, subject, body, sealed_body, status)
    values (queue_mail.tenant_id, queue_mail.user_id, queue_mail.kind, coalesce(queue_mail.recipient, ''), queue_mail.subject,
      queue_mail.body, case when queue_mail.recipient is not null then queue_mail.sealed_body end,
      case when queue_mail.recipient is null then 'dropped' else 'pending' end);
    -- One job wakes the worker for all that wait; every minute the crontab does the same.
    perform graphile_worker.add_job('mail/send_mails', '{}'::json, job_key => 'mail/send_mails', max_attempts => 3);
  end
  $$;
comment on function app_private.queue_mail(uuid, uuid, text, text, text, text, text) is
  'Puts a mail into the outbox and wakes the worker, in this transaction. For definers.';

create or replace function app_private.claim_mails(most integer) returns setof app_private.mails
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    update app_private.mails m
    set attempts = m.attempts + 1, leased_until = now() + interval '5 minutes'
    where m.id in (
      select due.id from app_private.mails due
      where due.status = 'pending' and due.due_at <= now() and coalesce(due.leased_until, '-infinity') < now()
      order by due.due_at
      limit claim_mails.most
      for update skip locked
    )
    returning m.*
  $$;
comment on function app_private.claim_mails(integer) is
  'Takes mails in hand for five minutes, each for one worker. Definer: the outbox belongs to no tenant. For the worker.';

create or replace function app_private.settle_mail(id uuid, problem text) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    update app_private.mails m
    set leased_until = null,
      last_error = left(settle_mail.problem, 500),
      status = case when settle_mail.problem is null then 'sent' when m.attempts >= 8 then 'failed' else 'pending' end,
      sent_at = case when settle_mail.problem is null then now() end,
      sealed_body = case when settle_mail.problem is not null and m.attempts < 8 then m.sealed_body end,
      due_at = now() + interval '1 minute' * power(2, m.attempts - 1)
    where m.id = settle_mail.id and m.status = 'pending'
  $$;
comment on function app_private.settle_mail(uuid, text) is
  'A mail was sent, or a problem kept it: it is tried again after one minute, two, four, eight times in all. Definer: the outbox belongs to no tenant. For the worker.';

grant execute on function app_private.claim_mails(integer), app_private.settle_mail(uuid, text) to :WORKER;
--! EndIncluded app/mails.sql
--! Included tenancy/password_resets.sql
-- The way back in for whoever forgot their password: a token that was mailed to them, once, for an hour.
drop policy if exists select_owner on app_private.password_resets;
create policy select_owner on app_private.password_resets for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.password_resets;
create policy insert_owner on app_private.password_resets for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.password_resets;
create policy update_owner on app_private.password_resets for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.password_resets;
create policy delete_owner on app_private.password_resets for delete to :OWNER using (true);

comment on table app_private.password_resets is '@class private
Tokens with which a password is chosen anew, hashed. One that was asked for an address that nobody has is kept like the others, for nobody.';
comment on column app_private.password_resets.token_hash is 'SHA-256 of the token; the token itself is in the mail and nowhere else.';
comment on column app_private.password_resets.user_id is 'Whose password it opens; null for nobody''s.';

create or replace function app.request_password_reset(email text, token_hash bytea, subject text, sealed_body text) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    person record;
  begin
    select u.id, u.email into person
    from (values (lower(trim(request_password_reset.email)))) as asked (email)
    left join tenancy.users u on u.email = asked.email and u.is_active
      -- Three in an hour are enough; a fourth is dropped, and looks the same.
      and (
        select count(*) < 3 from app_private.password_resets r
        where r.user_id = u.id and r.created_at > now() - interval '1 hour'
      );
    insert into app_private.password_resets (token_hash, user_id) values (request_password_reset.token_hash, person.id);
    perform app_private.queue_mail(null, person.id, 'password_reset', person.email, subject, null, sealed_body);
    delete from app_private.password_resets r
    where r.token_hash in (
      select stale.token_hash from app_private.password_resets stale
      where stale.expires_at < now() - interval '1 day' limit 10 for update skip locked
    );
  end
  $$;
comment on function app.request_password_reset(text, bytea, text, text) is
  'Mails a token to this address, where somebody has it; else does the same work for nobody. Definer: nobody is signed in. For the authenticator alone.';

create or replace function app.reset_password(token_hash bytea, salt bytea, parameters jsonb, derived_key bytea) returns text
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    person record;
  begin
    update app_private.password_resets r
    set used_at = now()
    from tenancy.users u
    where r.token_hash = reset_password.token_hash and r.used_at is null and r.expires_at > now()
      and u.id = r.user_id and u.is_active
    returning u.id, u.email into person;
    if not found then
      return 'LF080';
    end if;
    perform app_private.set_password(person.id, salt, parameters, derived_key, false);
    -- Other mails that lie about open nothing any more, nor does a session of whoever knew the old password.
    update app_private.password_resets r set used_at = now() where r.user_id = person.id and r.used_at is null;
    update tenancy.sessions s set revoked_at = now() where s.user_id = person.id and s.revoked_at is null and s.expires_at > now();
    update tenancy.operator_sessions s set revoked_at = now() where s.user_id = person.id and s.revoked_at is null and s.expires_at > now();
    delete from app_private.sign_in_failures f where f.email_hash = app_private.email_hash(person.email);
    return null;
  end
  $$;
comment on function app.reset_password(bytea, bytea, jsonb, bytea) is
  'Sets the password of whoever the token was mailed to, once, and ends their sessions; else the code of an error. Definer: nobody is signed in. For the authenticator alone.';

grant execute on function app.request_password_reset(text, bytea, text, text), app.reset_password(bytea, bytea, jsonb, bytea) to :AUTHENTICATOR;
--! EndIncluded tenancy/password_resets.sql
--! Included tenancy/notifications.sql
-- Who hears of what: the reviewer what awaits them, whoever asked what was decided, the admins what failed to publish.
create or replace function app_private.notify_people(tenant_id uuid, user_ids uuid[], kind tenancy.notification_kind, subject text, body text)
  returns void
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    person record;
  begin
    for person in
      select u.id, u.email
      from tenancy.users u
      join tenancy.memberships m on m.tenant_id = notify_people.tenant_id and m.user_id = u.id
      where u.id = any (user_ids) and u.is_active and notify_people.kind <> all (u.muted_notifications)
        and u.id is distinct from app.current_user_id()
      order by u.id
    loop
      perform app_private.queue_mail(notify_people.tenant_id, person.id, kind::text, person.email, subject, body, null);
    end loop;
  end
  $$;
comment on function app_private.notify_people(uuid, uuid[], tenancy.notification_kind, text, text) is
  'A mail to each of these people of a tenant who wants to hear of such things, but not to whoever did it. For trigger functions.';

create or replace function app_private.tg_approvals__notify_people() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    journey record;
  begin
    if app.current_import_batch_id() is not null or (tg_op = 'UPDATE' and old.status = new.status) then
      return null;
    end if;
    select j.name, c.name as client into journey
    from journeys.journeys j join journeys.clients c on c.tenant_id = j.tenant_id and c.id = j.client_id
    where j.tenant_id = new.tenant_id and j.id = new.journey_id;
    if new.status = 'pending' then
      perform app_private.notify_people(
        new.tenant_id,
        array(select cu.user_id from tenancy.client_users cu where cu.tenant_id = new.tenant_id and cu.client_id = new.client_id),
        'approval_requested',
        format('"%s" awaits your review', journey.name),
        format(E'The journey "%s" of %s awaits your review.\n\nSign in to read it, and approve it or say what should change.\n', journey.name, journey.client)
      );
    elsif new.status <> 'withdrawn' then
      perform app_private.notify_people(
        new.tenant_id,
        array[new.requester_id],
        'approval_decided',
        format('"%s": %s', journey.name, replace(new.status::text, '_', ' ')),
        format(E'The review of the journey "%s" of %s ended: %s.\n%s', journey.name, journey.client, replace(new.status::text, '_', ' '),
          coalesce(E'\n' || new.comments || E'\n', ''))
      );
    end if;
    return null;
  end
  $$;
comment on function app_private.tg_approvals__notify_people() is
  'The client''s people hear that something awaits them, whoever asked what was decided; silent under an import. Definer, because the outbox is not for those who review.';

create or replace function app_private.tg_publications__notify_people() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    journey_name text;
  begin
    if app.current_import_batch_id() is not null or old.status = new.status or new.status not in ('failed', 'blocked') then
      return null;
    end if;
    select j.name into journey_name from journeys.journeys j where j.tenant_id = new.tenant_id and j.id = new.journey_id;
    perform app_private.notify_people(
      new.tenant_id,
      array(select m.user_id from tenancy.memberships m where m.tenant_id = new.tenant_id and m.role = 'admin')
        || array_remove(array[new.requester_id], null),
      'publication_failed',
      format('"%s" was not published', journey_name),
      format(E'Publishing the journey "%s" ended as %s.\n%s\nSee its publication items, mend what they say, and try again.\n', journey_name,
        new.status, coalesce(E'\n' || new.last_error || E'\n', ''))
    );
    return null;
  end
  $$;
comment on function app_private.tg_publications__notify_people() is
  'The admins, and whoever asked, hear of what was not published; silent under an import. Definer, because the outbox is not for the worker to write.';

create or replace trigger _500_notify_people after insert or update on journeys.approvals
  for each row execute function app_private.tg_approvals__notify_people();
create or replace trigger _500_notify_people after update on publishing.publications
  for each row execute function app_private.tg_publications__notify_people();
comment on type tenancy.notification_kind is 'What people are told of by mail: an approval that awaits them, one that was decided, a publication that failed.';
--! EndIncluded tenancy/notifications.sql
