--! Previous: sha1:413bc28e770905700c440099a79d9336380fa924
--! Hash: sha1:3eb0c935bb78d7309f831c3620ce4418838ca438
--! Message: take back who was a member

-- An admin makes nobody a member by an id alone.
set local lock_timeout = '3s';

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
create or replace function app_private.tg_memberships__check_known() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_app_role() = 'admin' and not exists (
      select from audit.changes c
      where c.tenant_id = new.tenant_id and c.table_name = 'tenancy.memberships' and c.action = 'delete' and c.changes ->> 'user_id' = new.user_id::text
    ) and not exists (
      -- Who belongs here is told so by the key.
      select from tenancy.memberships m where m.tenant_id = new.tenant_id and m.user_id = new.user_id
    ) then
      perform app_private.raise_error('LF440', new.user_id::text);
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_memberships__check_known() is
  'Lets an admin take back who was a member once, and nobody whom only other tenants know: an id is no invitation, and a member''s name and address can be read. Definer, because the record is asked beyond what an admin may read, and to raise our error.';
create or replace trigger _200_check_known before insert on tenancy.memberships
  for each row execute function app_private.tg_memberships__check_known();

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
