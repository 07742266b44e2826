--! Previous: sha1:a7ec9f275d6d3d25f9cb02022804d2b0bead805b
--! Hash: sha1:414b1497f9d46eb2932d1aea722ab614678c3b9b
--! Message: add tenancy

-- Who there is: tenants, people, which role a person has in which tenant, sessions, and logins that speak SQL.
set local lock_timeout = '3s';

create schema tenancy;
comment on schema tenancy is 'Tenants, people, their roles and their sessions.';
grant usage on schema tenancy to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR;

create type tenancy.membership_role as enum ('viewer', 'client', 'editor', 'admin');
comment on type tenancy.membership_role is 'What a person is in a tenant: a viewer reads, a client reviews what concerns them, an editor writes, an admin also publishes.';
create type tenancy.sql_login_kind as enum ('reporter', 'automation');
comment on type tenancy.sql_login_kind is 'What a login with direct SQL access is for: a reporter reads, an automation works through functions.';
grant usage on type tenancy.membership_role, tenancy.sql_login_kind to public;

create table tenancy.tenants (
  id uuid not null default app.uuidv7(),
  name text not null,
  slug text not null,
  domain text,
  settings jsonb not null default '{}',
  is_active boolean not null default true,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tenants_pkey primary key (id),
  constraint tenants_slug_key unique (slug),
  constraint tenants_name_check check (name ~ '\S'),
  constraint tenants_slug_check check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint tenants_settings_check check (jsonb_typeof(settings) = 'object')
);
alter table tenancy.tenants enable row level security;
alter table tenancy.tenants force row level security;

create table tenancy.users (
  id uuid not null default app.uuidv7(),
  email text not null,
  name text not null,
  is_active boolean not null default true,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint users_pkey primary key (id),
  constraint users_email_key unique (email),
  constraint users_email_check check (email = lower(email) and email ~ '^[^\s@]+@[^\s@]+\.[^\s@]+$'),
  constraint users_name_check check (name ~ '\S')
);
alter table tenancy.users enable row level security;
alter table tenancy.users force row level security;

create table tenancy.memberships (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  user_id uuid not null,
  role tenancy.membership_role not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint memberships_pkey primary key (tenant_id, id),
  constraint memberships_tenant_id_user_id_key unique (tenant_id, user_id),
  constraint memberships_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint memberships_user_id_fkey foreign key (user_id) references tenancy.users (id) on delete cascade
);
alter table tenancy.memberships enable row level security;
alter table tenancy.memberships force row level security;
create index memberships_user_id_idx on tenancy.memberships (user_id);

create table tenancy.sessions (
  -- Random and not time-ordered: whoever knows the id and the signing key is this person.
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null default app.current_tenant_id(),
  user_id uuid not null,
  user_agent text,
  ip_address inet,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  constraint sessions_pkey primary key (tenant_id, id),
  constraint sessions_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint sessions_user_id_fkey foreign key (user_id) references tenancy.users (id) on delete cascade
);
alter table tenancy.sessions enable row level security;
alter table tenancy.sessions force row level security;
create index sessions_tenant_id_user_id_idx on tenancy.sessions (tenant_id, user_id);
create index sessions_user_id_idx on tenancy.sessions (user_id);

create table tenancy.sql_logins (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  login_name text not null,
  kind tenancy.sql_login_kind not null,
  description text,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint sql_logins_pkey primary key (tenant_id, id),
  constraint sql_logins_login_name_key unique (login_name),
  constraint sql_logins_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id)
);
alter table tenancy.sql_logins enable row level security;
alter table tenancy.sql_logins force row level security;

-- What a password became. The API derives with these parameters; only a definer compares.
create table app_private.passwords (
  user_id uuid not null,
  salt bytea not null,
  parameters jsonb not null,
  derived_key_hash bytea not null,
  is_one_time boolean not null default false,
  updated_at timestamptz not null default now(),
  constraint passwords_pkey primary key (user_id),
  constraint passwords_user_id_fkey foreign key (user_id) references tenancy.users (id) on delete cascade,
  constraint passwords_parameters_check check (jsonb_typeof(parameters) = 'object')
);
alter table app_private.passwords enable row level security;
alter table app_private.passwords force row level security;

-- Failures are counted by address and not by person: an address that nobody has an account for is locked out like any other,
-- or the lock itself would tell who has one.
create table app_private.sign_in_failures (
  email_hash bytea not null,
  failed_attempts integer not null default 0,
  locked_until timestamptz,
  updated_at timestamptz not null default now(),
  constraint sign_in_failures_pkey primary key (email_hash)
);
alter table app_private.sign_in_failures enable row level security;
alter table app_private.sign_in_failures force row level security;

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

comment on table tenancy.tenants is '@class global
A business that lives in this database, apart from every other.';
comment on column tenancy.tenants.id is 'The tenant''s id, time-ordered.';
comment on column tenancy.tenants.name is 'What people call it.';
comment on column tenancy.tenants.slug is 'Its short name in commands and addresses: lower-case words joined by hyphens, unique.';
comment on column tenancy.tenants.domain is 'The internet domain that belongs to it.';
comment on column tenancy.tenants.settings is 'What an admin may set, an object: allow_self_approval lets whoever asked for an approval grant it.';
comment on column tenancy.tenants.is_active is 'False while it is suspended: nobody of it gets in.';
comment on column tenancy.tenants.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column tenancy.tenants.created_at is 'When the row was made.';
comment on column tenancy.tenants.updated_at is 'When the row was last changed.';
comment on constraint tenants_slug_key on tenancy.tenants is 'A tenant with this slug exists; choose another slug.';
comment on constraint tenants_name_check on tenancy.tenants is 'A tenant needs a name that is not blank.';
comment on constraint tenants_slug_check on tenancy.tenants is 'A slug is lower-case letters and digits in words joined by single hyphens, for example "harbour-weddings".';
comment on constraint tenants_settings_check on tenancy.tenants is 'The settings of a tenant are a JSON object.';
--! EndIncluded tenancy/tenants.sql
--! Included tenancy/users.sql
-- People. One person may belong to several tenants; each tenant sees its own people only.
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
drop policy if exists update_self on tenancy.users;
create policy update_self on tenancy.users for update to :VIEWER, :CLIENT
  using (id = (select app.current_user_id()))
  with check (id = (select app.current_user_id()));
drop policy if exists select_worker on tenancy.users;
create policy select_worker on tenancy.users for select to :WORKER
  using (id in (select m.user_id from tenancy.memberships m));

grant select on table tenancy.users to :VIEWER;
grant select on table tenancy.users to :CLIENT;
grant update (name, version) on table tenancy.users to :VIEWER, :CLIENT;
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
--! Included tenancy/memberships.sql
-- Which role a person has in a tenant. Only this table says so; a token never does.
drop policy if exists all_tenant on tenancy.memberships;
create policy all_tenant on tenancy.memberships as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on tenancy.memberships;
create policy select_owner on tenancy.memberships for select to :OWNER
  using (true);
drop policy if exists insert_owner on tenancy.memberships;
create policy insert_owner on tenancy.memberships for insert to :OWNER
  with check (true);
drop policy if exists update_owner on tenancy.memberships;
create policy update_owner on tenancy.memberships for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on tenancy.memberships;
create policy delete_owner on tenancy.memberships for delete to :OWNER
  using (true);
drop policy if exists select_viewer on tenancy.memberships;
create policy select_viewer on tenancy.memberships for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_client on tenancy.memberships;
create policy select_client on tenancy.memberships for select to :CLIENT
  using (tenant_id = (select app.current_tenant_id()) and user_id = (select app.current_user_id()));
drop policy if exists insert_admin on tenancy.memberships;
create policy insert_admin on tenancy.memberships for insert to :ADMIN
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_admin on tenancy.memberships;
create policy update_admin on tenancy.memberships for update to :ADMIN
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on tenancy.memberships;
create policy delete_admin on tenancy.memberships for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on tenancy.memberships;
create policy select_worker on tenancy.memberships for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table tenancy.memberships to :VIEWER;
grant select on table tenancy.memberships to :CLIENT;
grant insert (
  user_id, role
) on table tenancy.memberships to :ADMIN;
grant update (
  role, version
) on table tenancy.memberships to :ADMIN;
grant delete on table tenancy.memberships to :ADMIN;
grant select on table tenancy.memberships to :WORKER;

create or replace trigger _100_stamp_times before update on tenancy.memberships
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on tenancy.memberships
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();

comment on table tenancy.memberships is '@class tenant
The role of a person in a tenant. Removing it, or changing the role, takes effect with the next statement.';
comment on column tenancy.memberships.id is 'The row''s id, time-ordered.';
comment on column tenancy.memberships.tenant_id is 'The tenant that the row belongs to.';
comment on column tenancy.memberships.user_id is 'The person.';
comment on column tenancy.memberships.role is 'What they are here.';
comment on column tenancy.memberships.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column tenancy.memberships.created_at is 'When the row was made.';
comment on column tenancy.memberships.updated_at is 'When the row was last changed.';
comment on constraint memberships_tenant_id_user_id_key on tenancy.memberships is 'This person belongs to the tenant already; change their role instead.';
comment on constraint memberships_tenant_id_fkey on tenancy.memberships is 'There is no such tenant.';
comment on constraint memberships_user_id_fkey on tenancy.memberships is 'There is no such person.';
--! EndIncluded tenancy/memberships.sql
--! Included tenancy/sessions.sql
-- A session has one tenant; switching gives a new one. Everybody sees their own.
drop policy if exists all_tenant on tenancy.sessions;
create policy all_tenant on tenancy.sessions as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on tenancy.sessions;
create policy select_owner on tenancy.sessions for select to :OWNER
  using (true);
drop policy if exists insert_owner on tenancy.sessions;
create policy insert_owner on tenancy.sessions for insert to :OWNER
  with check (true);
drop policy if exists update_owner on tenancy.sessions;
create policy update_owner on tenancy.sessions for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on tenancy.sessions;
create policy delete_owner on tenancy.sessions for delete to :OWNER
  using (true);
drop policy if exists select_viewer on tenancy.sessions;
create policy select_viewer on tenancy.sessions for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()) and user_id = (select app.current_user_id()));
drop policy if exists select_client on tenancy.sessions;
create policy select_client on tenancy.sessions for select to :CLIENT
  using (tenant_id = (select app.current_tenant_id()) and user_id = (select app.current_user_id()));

grant select on table tenancy.sessions to :VIEWER;
grant select on table tenancy.sessions to :CLIENT;


comment on table tenancy.sessions is '@class tenant
A sign-in: from when, until when, and whether it has been revoked.';
comment on column tenancy.sessions.id is 'The session''s id, random.';
comment on column tenancy.sessions.tenant_id is 'The tenant that the row belongs to.';
comment on column tenancy.sessions.user_id is 'Whose session it is.';
comment on column tenancy.sessions.user_agent is 'The program that signed in, as it named itself.';
comment on column tenancy.sessions.ip_address is 'Where it signed in from.';
comment on column tenancy.sessions.expires_at is 'When it ends by itself.';
comment on column tenancy.sessions.revoked_at is 'When it was ended early.';
comment on column tenancy.sessions.created_at is 'When the row was made.';
comment on constraint sessions_tenant_id_fkey on tenancy.sessions is 'There is no such tenant.';
comment on constraint sessions_user_id_fkey on tenancy.sessions is 'There is no such person.';
--! EndIncluded tenancy/sessions.sql
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

comment on table tenancy.sql_logins is '@class tenant
A database login that works for one tenant.';
comment on column tenancy.sql_logins.id is 'The row''s id, time-ordered.';
comment on column tenancy.sql_logins.tenant_id is 'The tenant that the row belongs to.';
comment on column tenancy.sql_logins.login_name is 'The name of the database role, unique on the server.';
comment on column tenancy.sql_logins.kind is 'What it is for.';
comment on column tenancy.sql_logins.description is 'Who uses it, and for what.';
comment on column tenancy.sql_logins.is_active is 'False while it may see nothing.';
comment on column tenancy.sql_logins.created_at is 'When the row was made.';
comment on column tenancy.sql_logins.updated_at is 'When the row was last changed.';
comment on constraint sql_logins_login_name_key on tenancy.sql_logins is 'This login works for a tenant already.';
comment on constraint sql_logins_tenant_id_fkey on tenancy.sql_logins is 'There is no such tenant.';
--! EndIncluded tenancy/sql_logins.sql
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
comment on column app_private.passwords.parameters is 'How the API derives the key: the algorithm, its version and costs.';
comment on column app_private.passwords.derived_key_hash is 'SHA-256 of the derived key, so that a copy of this table opens nothing.';
comment on column app_private.passwords.is_one_time is 'True until the person has chosen a password of their own.';
comment on table app_private.sign_in_failures is '@class private
Failed sign-ins in a row by address, and until when that address is locked out.';
comment on column app_private.sign_in_failures.email_hash is 'SHA-256 of the address in lower case.';
--! EndIncluded tenancy/passwords.sql
--! Included tenancy/sign_in.sql
--! Included tenancy/errors.sql
-- What signing in can say: LF040 to LF049.
insert into app.errors (code, name, http_status, message, way_out) values
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
    'Choose a longer one; a sentence of a few words is easy to remember.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded tenancy/errors.sql
--! Included app/edge_errors.sql
-- What the API says before or instead of a statement: LF900 to LF919.
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
  ('LF910', 'method_not_allowed', 405, 'The API does not answer %s here.', 'Send POST /graphql.')
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
  begin
    select array_agg(t.slug order by t.slug), min(t.id::text)::uuid, min(m.role)::text into slugs, tenant_id, role
    from tenancy.memberships m
    join tenancy.tenants t on t.id = m.tenant_id and t.is_active
    where m.user_id = open_session.user_id and (tenant_slug is null or t.slug = lower(trim(tenant_slug)));

    case
      when slugs is null then
        error_code := 'LF041';
        particular := coalesce('an active tenant called ' || tenant_slug, 'any active tenant');
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
  $$;
comment on function app.authorize_session(uuid, uuid, uuid) is
  'The role that a session has right now, or null. The API asks before every request which role to become. Definer: nobody is signed in yet. For the authenticator alone.';

create or replace function app.sign_out(everywhere boolean) returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    asker record;
    ended integer;
  begin
    select * into asker from app_private.current_identity();
    update tenancy.sessions s
    set revoked_at = now()
    where s.user_id = asker.user_id and s.revoked_at is null and s.expires_at > now()
      and (everywhere or (s.tenant_id = asker.tenant_id and s.id = asker.session_id));
    get diagnostics ended = row_count;
    return ended;
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
  app.authorize_session(uuid, uuid, uuid) to :AUTHENTICATOR;
grant execute on function app.sign_out(boolean), app.switch_tenant(text, text, inet),
  app.change_password(bytea, bytea, jsonb, bytea), app.current_memberships() to :VIEWER, :CLIENT;
--! EndIncluded tenancy/sign_in.sql
--! Included tenancy/create_tenant.sql
create or replace function tenancy.create_tenant(slug text, name text, domain text default null) returns tenancy.tenants
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant tenancy.tenants;
  begin
    if coalesce(app.current_app_role(), 'nobody') not in ('operator', 'owner') then
      perform app_private.raise_error('LF002', 'The role ' || coalesce(app.current_app_role(), 'nobody'), 'create tenants', 'operator');
    end if;
    insert into tenancy.tenants (slug, name, domain)
    values (lower(trim(create_tenant.slug)), trim(create_tenant.name), nullif(trim(create_tenant.domain), ''))
    returning * into tenant;
    return tenant;
  end
  $$;
comment on function tenancy.create_tenant(text, text, text) is
  'Makes a tenant. Definer, because an operator sees tenants and writes them only through this. For operators, and for the owner at a prompt.';
grant execute on function tenancy.create_tenant(text, text, text) to :OPERATOR;
--! EndIncluded tenancy/create_tenant.sql
