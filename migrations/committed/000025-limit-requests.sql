--! Previous: sha1:e524b07140d61643ccd31a8881568ab5f40d18b8
--! Hash: sha1:21adcebde28534bd9643cba3f556906152623863
--! Message: limit requests

-- How often somebody may ask.
set local lock_timeout = '3s';

-- The table's rows change with every request; room on each page keeps the changes there.
create unlogged table app_private.allowances (
  bucket text not null,
  refilled_at timestamptz not null,
  constraint allowances_pkey primary key (bucket)
) with (fillfactor = 50);
alter table app_private.allowances enable row level security;
alter table app_private.allowances force row level security;

--! Included app/edge_errors.sql
-- What the API says before or instead of a statement: LF900 to LF929.
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF900', 'invalid_request', 400, 'The API does not understand this request: %s',
    'Send POST /graphql with content-type application/json and a body such as {"query": "{ currentUser { role } }"}; GraphiQL and docs/api.md know every field.'),
  ('LF901', 'request_too_large', 413, 'The request is larger than %s.', 'Send less at once; long texts and images go one at a time.'),
  ('LF902', 'unsupported_content_type', 415, 'The API does not read %s.', 'Send the header "content-type: application/json".'),
  ('LF903', 'page_too_large', 400, 'A page cannot have %s rows.', 'Ask for 0 to %s, and pass pageInfo.endCursor as after for the rows that follow.'),
  ('LF904', 'over_budget', 400, 'One operation cannot ask for that much: %s.', 'Split it into several operations.'),
  ('LF905', 'internal', 500, 'Something went wrong on our side.', 'Try again. If it stays, report the error id %s: the log tells what happened.'),
  ('LF906', 'too_slow', 503, 'This took too long and was stopped.', 'Ask for less: a narrower filter, a smaller page, fewer nested lists.'),
  ('LF907', 'busy', 503, 'Somebody else is changing the same rows.', 'Send it again.'),
  ('LF908', 'unavailable', 503, 'The database cannot be reached.', 'Try again in a few seconds. If it stays, report the error id %s.'),
  ('LF909', 'no_such_route', 404, 'There is nothing at %s.', 'The API is at POST /graphql; /healthz and /readyz tell how it is.'),
  ('LF910', 'method_not_allowed', 405, 'The API does not answer %s here.', 'Send POST /graphql.'),
  ('LF911', 'too_many_requests', 429, 'Too many %s.', 'Wait %s seconds, then send it again.'),
  ('LF912', 'unknown_document', 400, 'This API answers documents that it was told of beforehand, and %s is none of them.',
    'Send the id of one as documentId; landfall documents add tells it of new ones.'),
  ('LF913', 'idempotency_key_reused', 422, 'This idempotency key was sent before, with another request.', 'Make a new key for each change that you want.'),
  ('LF914', 'idempotency_key_unusable', 400, 'An idempotency key cannot be used here: %s.', '%s'),
  ('LF915', 'too_many_subscriptions', 429, 'You have %s open.', 'End one that you no longer need.'),
  ('LF921', 'documents_refused', 400, 'The API would not answer these documents.', 'Correct them; nothing was stored.'),
  ('LF922', 'documents_unknown', 404, 'There is no such document.', 'Those that there are: landfall documents list.'),
  ('LF920', 'unsafe_production', 500, 'This is not safe enough for production.', 'Change what the message names, or set NODE_ENV=development to try things out.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded app/edge_errors.sql
--! Included app/allowances.sql
-- How much somebody may still ask for. Counted here and not in a process, so that it holds however many of them run.
drop policy if exists select_owner on app_private.allowances;
create policy select_owner on app_private.allowances for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.allowances;
create policy insert_owner on app_private.allowances for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.allowances;
create policy update_owner on app_private.allowances for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.allowances;
create policy delete_owner on app_private.allowances for delete to :OWNER using (true);

comment on table app_private.allowances is '@class private
Who has asked lately: by person, tenant, address, and kind of request. Not logged: after a crash everybody begins anew.';
comment on column app_private.allowances.bucket is 'Whose allowance, and for what: user:<id>, tenant:<id>, address:<address>, sign_in:<address>, search:<id>, aggregates:<id>.';
comment on column app_private.allowances.refilled_at is 'When the allowance is whole again; a minute from now it is used up.';

create or replace function app.spend_allowances(
  buckets text[], per_minute integer[], costs integer[], out refused_bucket text, out retry_after_seconds integer
)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    spent record;
    is_new boolean;
    step interval;
    asked_at constant timestamptz := clock_timestamp();
  begin
    -- In the order of their names, so that two requests never wait for each other in a circle.
    for spent in
      select b.bucket, b.per_minute, b.cost from unnest(buckets, per_minute, costs) as b (bucket, per_minute, cost) order by b.bucket
    loop
      step := interval '1 minute' * spent.cost / spent.per_minute;
      insert into app_private.allowances as a (bucket, refilled_at)
      select spent.bucket, asked_at + step where step <= interval '1 minute'
      on conflict on constraint allowances_pkey do update
        set refilled_at = greatest(a.refilled_at, asked_at) + step
        where greatest(a.refilled_at, asked_at) + step <= asked_at + interval '1 minute'
      returning a.xmax = 0 into is_new;
      if not found then
        refused_bucket := spent.bucket;
        -- What costs more than a whole minute's allowance is never answered, and is told to wait a minute.
        select least(ceil(extract(epoch from max(a.refilled_at) + step - interval '1 minute' - asked_at)), 60) into retry_after_seconds
        from app_private.allowances a where a.bucket = spent.bucket;
        return;
      end if;
      if is_new then
        -- For each that comes, two that are whole again are forgotten: the table holds whoever asked lately.
        delete from app_private.allowances a
        where a.bucket in (
          select whole.bucket from app_private.allowances whole where whole.refilled_at < asked_at limit 2 for update skip locked
        );
      end if;
    end loop;
  end
  $$;
comment on function app.spend_allowances(text[], integer[], integer[]) is
  'Takes what a request costs off each allowance, of so many in a minute; what is not used adds up for a minute. Says which is used up, and for how long. Definer: counts for everybody. For the authenticator alone.';
grant execute on function app.spend_allowances(text[], integer[], integer[]) to :AUTHENTICATOR;
--! EndIncluded app/allowances.sql
