--! Previous: sha1:085df9b6fefecf1091589023ba423765c886d2d6
--! Hash: sha1:c66e3726e94be0fcc11f2bcfb6f9032567afaf11
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
