--! Previous: sha1:d7b449497a7079dff7ef1f06b8e7894b3137174f
--! Hash: sha1:846fcd84f5dca0e9b844bcadfcad16340ff550f7
--! Message: make changes once

-- A change that is sent twice under one key is made once.
set local lock_timeout = '3s';

create table app_private.idempotency_keys (
  tenant_id uuid not null,
  user_id uuid not null,
  key text not null,
  request_hash bytea not null,
  results jsonb,
  answer text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '24 hours',
  constraint idempotency_keys_pkey primary key (tenant_id, user_id, key),
  constraint idempotency_keys_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade,
  constraint idempotency_keys_user_id_fkey foreign key (user_id) references tenancy.users (id) on delete cascade
);
create index idempotency_keys_user_id_idx on app_private.idempotency_keys (user_id);
create index idempotency_keys_expires_at_idx on app_private.idempotency_keys (expires_at);
alter table app_private.idempotency_keys enable row level security;
alter table app_private.idempotency_keys force row level security;

--! Included app/idempotency_keys.sql
-- A change that is sent twice under one key is made once. The key is claimed in the transaction of the change itself, so that there is no
-- moment between the change and the knowledge of it.
drop policy if exists select_owner on app_private.idempotency_keys;
create policy select_owner on app_private.idempotency_keys for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.idempotency_keys;
create policy insert_owner on app_private.idempotency_keys for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.idempotency_keys;
create policy update_owner on app_private.idempotency_keys for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.idempotency_keys;
create policy delete_owner on app_private.idempotency_keys for delete to :OWNER using (true);

comment on table app_private.idempotency_keys is '@class private
Changes that were made under a key, by person and key, for a day: what the change gave, and what was answered.';
comment on column app_private.idempotency_keys.request_hash is 'SHA-256 of the document, the operation''s name and the variables.';
comment on column app_private.idempotency_keys.results is 'What the statements of the change gave: from it the answer is made again where none was kept.';
comment on column app_private.idempotency_keys.answer is 'What was answered, word for word; null while it is on its way, was too long, or was lost with its process.';

create or replace function app.kept_answer(key text, request_hash bytea) returns text
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    kept record;
  begin
    select k.request_hash, k.answer into kept
    from app_private.current_identity() i
    join app_private.idempotency_keys k on k.tenant_id = i.tenant_id and k.user_id = i.user_id
    where k.key = kept_answer.key and k.expires_at > now();
    if kept.request_hash <> kept_answer.request_hash then
      perform app_private.raise_error('LF913');
    end if;
    return kept.answer;
  end
  $$;
comment on function app.kept_answer(text, bytea) is
  'What was answered under this key to this person, or null; LF913 where it was sent with another request. Definer: reads a private table, for the asker alone.';

create or replace function app.claim_key(key text, request_hash bytea, out is_new boolean, out results jsonb)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    asker record;
    kept app_private.idempotency_keys;
  begin
    select i.tenant_id, i.user_id into asker from app_private.current_identity() i where i.user_id is not null;
    if not found then
      perform app_private.raise_error('LF001');
    end if;
    delete from app_private.idempotency_keys k
    where k.tenant_id = asker.tenant_id and k.user_id = asker.user_id and k.key = claim_key.key and k.expires_at <= now();
    -- Others whose day is over go a few at a time.
    delete from app_private.idempotency_keys k
    where (k.tenant_id, k.user_id, k.key) in (
      select stale.tenant_id, stale.user_id, stale.key from app_private.idempotency_keys stale
      where stale.expires_at <= now() order by stale.expires_at limit 10 for update skip locked
    );
    insert into app_private.idempotency_keys (tenant_id, user_id, key, request_hash)
    values (asker.tenant_id, asker.user_id, claim_key.key, claim_key.request_hash)
    on conflict on constraint idempotency_keys_pkey do nothing;
    is_new := found;
    if is_new then
      return;
    end if;
    select * into kept from app_private.idempotency_keys k
    where k.tenant_id = asker.tenant_id and k.user_id = asker.user_id and k.key = claim_key.key;
    if kept.request_hash is distinct from claim_key.request_hash then
      perform app_private.raise_error('LF913');
    end if;
    results := kept.results;
  end
  $$;
comment on function app.claim_key(text, bytea) is
  'Claims a key for the change that this transaction makes; where it was claimed before, gives what that change gave. Whoever comes second waits for the first. Definer: writes a private table, for the asker alone.';

create or replace function app.keep_results(key text, results jsonb) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    update app_private.idempotency_keys k
    set results = keep_results.results
    from app_private.current_identity() i
    where k.tenant_id = i.tenant_id and k.user_id = i.user_id and k.key = keep_results.key and k.results is null
  $$;
comment on function app.keep_results(text, jsonb) is
  'Keeps what a change gave, in its own transaction. Definer: writes a private table, for the asker alone.';

create or replace function app.keep_answer(key text, request_hash bytea, answer text) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    update app_private.idempotency_keys k
    set answer = keep_answer.answer
    from app_private.current_identity() i
    where k.tenant_id = i.tenant_id and k.user_id = i.user_id and k.key = keep_answer.key
      and k.request_hash = keep_answer.request_hash and k.answer is null
  $$;
comment on function app.keep_answer(text, bytea, text) is
  'Keeps what was answered under a key, the first time. Definer: writes a private table, for the asker alone.';

grant execute on function app.kept_answer(text, bytea), app.claim_key(text, bytea), app.keep_results(text, jsonb),
  app.keep_answer(text, bytea, text) to :VIEWER, :CLIENT;
--! EndIncluded app/idempotency_keys.sql
