--! Previous: sha1:98f5b5f71e57bbaad111a9989dd987226abcca93
--! Hash: sha1:dd10ef10c78986797a66fb0b476d89566495f3f8
--! Message: say what keeps a migration

-- A migration that somebody else's lock keeps from going on says so by a code.
set local lock_timeout = '1s';

--! Included app/migration_errors.sql
-- What a migration runs into while others use the database: LF490 to LF499.
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF490', 'migration_blocked', 503, 'The migration waits for a lock that another session holds.',
    'Wait until that session is done, or end it with pg_terminate_backend, then run landfall migrate again: it goes on where it stopped.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded app/migration_errors.sql
