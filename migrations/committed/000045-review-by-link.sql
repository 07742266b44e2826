--! Previous: sha1:c3e10c4f7736c19ce56c51844e014adeb65949f5
--! Hash: sha1:ffb878f57cf57a6766d8f5d9cdb117726dfd7636
--! Message: review by link

-- A client's reviewer decides one approval by a link, without an account.
set local lock_timeout = '3s';

create table journeys.review_links (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  approval_id uuid not null,
  reviewer_id uuid not null,
  session_id uuid not null,
  creator_id uuid not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  constraint review_links_pkey primary key (tenant_id, id),
  constraint review_links_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint review_links_approval_id_fkey foreign key (tenant_id, approval_id) references journeys.approvals (tenant_id, id) on delete cascade,
  constraint review_links_reviewer_id_fkey foreign key (reviewer_id) references tenancy.users (id),
  constraint review_links_creator_id_fkey foreign key (creator_id) references tenancy.users (id),
  constraint review_links_session_id_fkey foreign key (tenant_id, session_id) references tenancy.sessions (tenant_id, id)
);
alter table journeys.review_links enable row level security;
alter table journeys.review_links force row level security;
create index review_links_tenant_id_approval_id_idx on journeys.review_links (tenant_id, approval_id);
create index review_links_tenant_id_session_id_idx on journeys.review_links (tenant_id, session_id);
create index review_links_reviewer_id_idx on journeys.review_links (reviewer_id);
create index review_links_creator_id_idx on journeys.review_links (creator_id);

create table app_private.review_link_hashes (
  token_hash bytea not null,
  tenant_id uuid not null,
  review_link_id uuid not null,
  constraint review_link_hashes_pkey primary key (token_hash),
  constraint review_link_hashes_tenant_id_review_link_id_key unique (tenant_id, review_link_id),
  constraint review_link_hashes_review_link_id_fkey foreign key (tenant_id, review_link_id)
    references journeys.review_links (tenant_id, id) on delete cascade
);
alter table app_private.review_link_hashes enable row level security;
alter table app_private.review_link_hashes force row level security;

--! Included journeys/review_links.sql
-- Links with which a client's reviewer decides one approval without an account: what holds for sessions holds for them.
drop policy if exists all_tenant on journeys.review_links;
create policy all_tenant on journeys.review_links as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on journeys.review_links;
create policy select_owner on journeys.review_links for select to :OWNER
  using (true);
drop policy if exists insert_owner on journeys.review_links;
create policy insert_owner on journeys.review_links for insert to :OWNER
  with check (true);
drop policy if exists update_owner on journeys.review_links;
create policy update_owner on journeys.review_links for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on journeys.review_links;
create policy delete_owner on journeys.review_links for delete to :OWNER
  using (true);
drop policy if exists select_editor on journeys.review_links;
create policy select_editor on journeys.review_links for select to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));

grant select on table journeys.review_links to :EDITOR;

create or replace trigger _700_audit_insert after insert on journeys.review_links
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on journeys.review_links
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on journeys.review_links
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

drop policy if exists select_owner on app_private.review_link_hashes;
create policy select_owner on app_private.review_link_hashes for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.review_link_hashes;
create policy insert_owner on app_private.review_link_hashes for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.review_link_hashes;
create policy update_owner on app_private.review_link_hashes for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.review_link_hashes;
create policy delete_owner on app_private.review_link_hashes for delete to :OWNER using (true);

comment on table app_private.review_link_hashes is '@class private
SHA-256 of the token in each link to a review; the token itself is shown once and kept nowhere.';

comment on table journeys.review_links is '@class tenant
A link with which one reviewer of a client decides one approval, without an account.';
comment on column journeys.review_links.id is 'The row''s id, time-ordered.';
comment on column journeys.review_links.tenant_id is 'The tenant that the row belongs to.';
comment on column journeys.review_links.approval_id is 'The one approval that it opens.';
comment on column journeys.review_links.reviewer_id is 'Who decides by it; the audit names them.';
comment on column journeys.review_links.session_id is 'The sign-in that the link stands for.';
comment on column journeys.review_links.creator_id is 'Who made it.';
comment on column journeys.review_links.expires_at is 'When it ends by itself.';
comment on column journeys.review_links.revoked_at is 'When it was ended early.';
comment on column journeys.review_links.created_at is 'When the row was made.';
comment on constraint review_links_tenant_id_fkey on journeys.review_links is 'There is no such tenant.';
comment on constraint review_links_approval_id_fkey on journeys.review_links is 'There is no such approval.';
comment on constraint review_links_reviewer_id_fkey on journeys.review_links is '@fieldName reviewer
@foreignFieldName reviewLinksByReviewer
There is no such person.';
comment on constraint review_links_creator_id_fkey on journeys.review_links is '@fieldName creator
@foreignFieldName createdReviewLinks
There is no such person.';
comment on constraint review_links_session_id_fkey on journeys.review_links is '@behavior -*
There is no such session.';

create or replace function app.create_review_link(approval_id uuid, email text, name text, expires_at timestamptz, token_hash bytea)
  returns uuid
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    asker record;
    approval journeys.approvals;
    address constant text := lower(trim(create_review_link.email));
    reviewer_id uuid;
    session_id uuid;
    known_role tenancy.membership_role;
    link_id uuid;
  begin
    perform app_private.require_role('make links to a review', 'editor', 'admin');
    select i.tenant_id, i.user_id into asker from app_private.current_identity() i;
    select * into approval from journeys.approvals a
    where a.tenant_id = asker.tenant_id and a.id = create_review_link.approval_id and a.journey_version_id is not null;
    if not found then
      perform app_private.raise_error('LF006', 'approval', create_review_link.approval_id::text);
    end if;
    if approval.status <> 'pending' then
      perform app_private.raise_error('LF101', approval.status::text);
    end if;
    if create_review_link.expires_at <= now() or create_review_link.expires_at > now() + interval '60 days' then
      perform app_private.raise_error('LF009', 'A link to a review ends within sixty days, and not before now.', 'Send another expiresAt.');
    end if;
    insert into tenancy.users (email, name) values (address, trim(create_review_link.name))
    on conflict on constraint users_email_key do nothing;
    select u.id, m.role into reviewer_id, known_role
    from tenancy.users u
    left join tenancy.memberships m on m.tenant_id = asker.tenant_id and m.user_id = u.id
    where u.email = address;
    if known_role <> 'client' then
      perform app_private.raise_error('LF009', 'This person belongs to your tenant already, as ' || known_role || '.', 'Let them sign in.');
    end if;
    insert into tenancy.memberships (tenant_id, user_id, role) values (asker.tenant_id, reviewer_id, 'client')
    on conflict on constraint memberships_tenant_id_user_id_key do nothing;
    insert into tenancy.client_users (tenant_id, client_id, user_id) values (asker.tenant_id, approval.client_id, reviewer_id)
    on conflict on constraint client_users_tenant_id_client_id_user_id_key do nothing;
    insert into tenancy.sessions (tenant_id, user_id, expires_at, user_agent)
    values (asker.tenant_id, reviewer_id, create_review_link.expires_at, 'link to a review')
    returning id into session_id;
    insert into journeys.review_links (tenant_id, approval_id, reviewer_id, session_id, creator_id, expires_at)
    values (asker.tenant_id, approval.id, reviewer_id, session_id, asker.user_id, create_review_link.expires_at)
    returning id into link_id;
    insert into app_private.review_link_hashes (token_hash, tenant_id, review_link_id)
    values (create_review_link.token_hash, asker.tenant_id, link_id);
    return link_id;
  end
  $$;
comment on function app.create_review_link(uuid, text, text, timestamptz, bytea) is
  'Makes a link to a pending approval for a reviewer of its client, who is made known where they are not. Definer: writes people, sessions and a private table. For editors and admins.';

create or replace function journeys.revoke_review_link(id uuid) returns journeys.review_links
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    revoked journeys.review_links;
  begin
    perform app_private.require_role('revoke links to a review', 'editor', 'admin');
    update journeys.review_links l set revoked_at = coalesce(l.revoked_at, now())
    where l.tenant_id = app.current_tenant_id() and l.id = revoke_review_link.id
    returning l.* into revoked;
    if not found then
      perform app_private.raise_error('LF006', 'link to a review', revoke_review_link.id::text);
    end if;
    update tenancy.sessions s set revoked_at = now()
    where s.tenant_id = revoked.tenant_id and s.id = revoked.session_id and s.revoked_at is null;
    return revoked;
  end
  $$;
comment on function journeys.revoke_review_link(uuid) is 'Ends a link to a review, with the next statement. Definer: nobody writes links or sessions. For editors and admins.';

create or replace function app.find_review_link(
  token_hash bytea, out session_id uuid, out user_id uuid, out tenant_id uuid, out approval_id uuid
)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select l.session_id, l.reviewer_id, l.tenant_id, l.approval_id
    from app_private.review_link_hashes h
    join journeys.review_links l on l.tenant_id = h.tenant_id and l.id = h.review_link_id
    where h.token_hash = find_review_link.token_hash
  $$;
comment on function app.find_review_link(bytea) is
  'The sign-in that a link stands for, and the one approval that it opens; whether it still holds is asked like that of every other. Definer: nobody is signed in. For the authenticator alone.';

grant execute on function app.create_review_link(uuid, text, text, timestamptz, bytea), journeys.revoke_review_link(uuid) to :EDITOR;
grant execute on function app.find_review_link(bytea) to :AUTHENTICATOR;
--! EndIncluded journeys/review_links.sql
