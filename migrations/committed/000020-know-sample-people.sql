--! Previous: sha1:27fe33ee534d8a145c253e54e20133df59ebc813
--! Hash: sha1:fb77a03d96ffef37bb4519babb76dc90c6357917
--! Message: know sample people

-- A production process refuses to start where the sample people can sign in.
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
