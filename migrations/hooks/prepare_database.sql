-- What a database needs before the first migration, run by its owner every time. Safe to repeat.
-- Trigram search, of one tenant's rows alone where the tenant is in the same index, and SHA-1 for name-based ids. They are trusted
-- extensions: no superuser is needed.
create extension if not exists pg_trgm with schema public;
create extension if not exists btree_gin with schema public;
create extension if not exists pgcrypto with schema public;

-- Nobody but us makes anything here, and no function can be called by everybody unless a grant says so.
revoke all on schema public from public;
grant usage on schema public to :OWNER, :VIEWER, :CLIENT, :WORKER;
alter default privileges for role :OWNER revoke execute on functions from public;
alter default privileges for role :OWNER revoke usage on types from public;
