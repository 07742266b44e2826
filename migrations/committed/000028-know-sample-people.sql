--! Previous: sha1:797e8f61fefd7e22e488df26204d98389dc80ef2
--! Hash: sha1:1e28da5cfdaa22ea3f97464c47910b26eb64f646
--! Message: know sample people

-- A production process refuses to start where the sample people can sign in.
set local lock_timeout = '3s';

--! Included tenancy/sample_people.sql
create or replace function app.has_sample_people() returns boolean
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select exists (
      select from tenancy.users u join app_private.passwords p on p.user_id = u.id
      where u.is_active and u.email ~ '[.@]example$'
    )
  $$;
comment on function app.has_sample_people() is
  'Whether somebody can sign in whose address nobody can own: a sample. A production process refuses to start then. Definer: the logins read no people.';
grant execute on function app.has_sample_people() to :AUTHENTICATOR, :WORKER;
--! EndIncluded tenancy/sample_people.sql
