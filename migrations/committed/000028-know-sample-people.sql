--! Previous: sha1:e59076633c0d77da93ce8c41b1365d869e52b661
--! Hash: sha1:78b2db49ed51d9d4a03f08589b8e5570b8333ce9
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
