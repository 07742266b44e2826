--! Previous: sha1:c8e034727dafa39b1c5eb24e6c403b6c406c3db3
--! Hash: sha1:6742ecb15956d5ca8818573d8b31d6cf61cf2de9
--! Message: let mutations make members

-- A key and a link to a review are new people, whom a mutation of an admin makes members.
set local lock_timeout = '3s';

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
    if not exists (
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
-- What mutations make runs as the owner: a machine's key is a new person.
create or replace trigger _200_check_known before insert on tenancy.memberships
  for each row when (current_user = ':ADMIN') execute function app_private.tg_memberships__check_known();

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
