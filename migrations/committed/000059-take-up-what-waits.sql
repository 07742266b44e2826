--! Previous: sha1:afeceaabe557ddaca4d5e721f427def338516e79
--! Hash: sha1:c8e034727dafa39b1c5eb24e6c403b6c406c3db3
--! Message: take up what waits

-- A worker that serves one location looks for others that wait.
set local lock_timeout = '3s';

--! Included publishing/waiting_publications.sql
create or replace function app_private.publications_wait() returns boolean
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$ select exists (select from publishing.publications p where p.status = 'queued') $$;
comment on function app_private.publications_wait() is
  'Whether any publication of any tenant waits for a worker. Definer, because the worker sees one tenant at a time.';
revoke all on function app_private.publications_wait() from public;
grant execute on function app_private.publications_wait() to :WORKER;

create or replace function app_private.waiting_publications(most integer) returns table (tenant_id uuid, publication_id uuid)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select p.tenant_id, p.id
    from publishing.publications p
    join tenancy.tenants t on t.id = p.tenant_id and t.is_active
    where p.status = 'queued'
      and not exists (
        select from publishing.publications other
        where other.tenant_id = p.tenant_id and other.location_id = p.location_id and other.id <> p.id
          and (other.lease_token is not null or (other.status = 'queued' and (other.updated_at, other.id) < (p.updated_at, p.id)))
      )
    order by p.updated_at, p.id
    limit most
  $$;
comment on function app_private.waiting_publications(integer) is
  'The publications that can be taken up now, of all tenants, the longest waiting first, one for each location that nobody writes to. Definer, because the worker sees one tenant at a time.';
revoke all on function app_private.waiting_publications(integer) from public;
grant execute on function app_private.waiting_publications(integer) to :WORKER;
--! EndIncluded publishing/waiting_publications.sql
