--! Previous: sha1:649fcf0ba04a6fc749573726956f394f49797099
--! Hash: sha1:344e06a487c464623a663563e74d356bf27adb3b
--! Message: record calls and share limits

-- Every call to GoHighLevel leaves a line, all processes share one budget of calls for each token and location, and a location that does
-- not answer is left alone for a while.
set local lock_timeout = '3s';

create type publishing.call_phase as enum ('search', 'create', 'update', 'verify', 'archive', 'link', 'reconcile', 'plan', 'authorize');
create type publishing.auth_kind as enum ('pit', 'oauth');
grant usage on type publishing.call_phase, publishing.auth_kind to public;

alter table publishing.locations
  add column auth_kind publishing.auth_kind not null default 'pit',
  add column failure_streak integer not null default 0,
  add column first_failed_at timestamptz,
  add column retry_at timestamptz,
  add constraint locations_failure_streak_check check (failure_streak >= 0) not valid,
  add constraint locations_failing_has_start_check check ((failure_streak = 0) = (first_failed_at is null)) not valid;

alter table app_private.location_secrets add column refreshing_until timestamptz;

create table publishing.api_calls (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  location_id uuid not null,
  publication_id uuid,
  item_id uuid,
  phase publishing.call_phase not null,
  method text not null,
  path text not null,
  http_status integer,
  error_class text,
  trace_id text,
  milliseconds integer not null,
  rate_max integer,
  rate_remaining integer,
  daily_remaining integer,
  created_at timestamptz not null default now(),
  constraint api_calls_pkey primary key (tenant_id, id),
  constraint api_calls_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint api_calls_location_id_fkey foreign key (tenant_id, location_id) references publishing.locations (tenant_id, id) on delete cascade,
  constraint api_calls_publication_id_fkey foreign key (tenant_id, publication_id)
    references publishing.publications (tenant_id, id) on delete set null (publication_id),
  constraint api_calls_item_id_fkey foreign key (tenant_id, item_id) references publishing.publication_items (tenant_id, id) on delete set null (item_id),
  constraint api_calls_milliseconds_check check (milliseconds >= 0)
);
alter table publishing.api_calls enable row level security;
alter table publishing.api_calls force row level security;
create index api_calls_tenant_id_location_id_created_at_idx on publishing.api_calls (tenant_id, location_id, created_at desc);
create index api_calls_tenant_id_publication_id_created_at_idx on publishing.api_calls (tenant_id, publication_id, created_at desc);
create index api_calls_tenant_id_item_id_created_at_idx on publishing.api_calls (tenant_id, item_id, created_at desc);

create table app_private.call_budgets (
  key text not null,
  max_calls integer not null default 25,
  interval_ms integer not null default 10000,
  turns double precision not null default 1,
  refilled_at timestamptz not null default clock_timestamp(),
  frozen_until timestamptz,
  daily_limit integer,
  daily_remaining integer,
  daily_reset_at timestamptz,
  constraint call_budgets_pkey primary key (key),
  constraint call_budgets_max_calls_check check (max_calls > 0 and interval_ms > 0)
);
alter table app_private.call_budgets enable row level security;
alter table app_private.call_budgets force row level security;

--! Included publishing/locations.sql
-- Locations of clients. Nobody writes them by hand: setting a token and publishing do.
drop policy if exists all_tenant on publishing.locations;
create policy all_tenant on publishing.locations as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on publishing.locations;
create policy select_owner on publishing.locations for select to :OWNER
  using (true);
drop policy if exists insert_owner on publishing.locations;
create policy insert_owner on publishing.locations for insert to :OWNER
  with check (true);
drop policy if exists update_owner on publishing.locations;
create policy update_owner on publishing.locations for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on publishing.locations;
create policy delete_owner on publishing.locations for delete to :OWNER
  using (true);
drop policy if exists select_viewer on publishing.locations;
create policy select_viewer on publishing.locations for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on publishing.locations;
create policy select_worker on publishing.locations for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on publishing.locations;
create policy insert_worker on publishing.locations for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on publishing.locations;
create policy update_worker on publishing.locations for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table publishing.locations to :VIEWER;
grant select, insert, update on table publishing.locations to :WORKER;

create or replace trigger _100_stamp_times before update on publishing.locations
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _300_check_birth before insert on publishing.locations
  for each row execute function app_private.tg__check_transition('location', 'status');
create or replace trigger _300_check_transition before update on publishing.locations
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('location', 'status');
create or replace trigger _700_audit_insert after insert on publishing.locations
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on publishing.locations
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on publishing.locations
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type publishing.auth_kind is 'A private integration token, or an OAuth app''s.';
comment on type publishing.location_status is 'Whether Landfall may write to a location.';
comment on table publishing.locations is '@class tenant
A client''s place in GoHighLevel, and whether Landfall may write there.';
comment on column publishing.locations.id is 'The row''s id, time-ordered.';
comment on column publishing.locations.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.locations.client_id is 'Whose location it is.';
comment on column publishing.locations.ghl_location_id is 'GoHighLevel''s own id of it.';
comment on column publishing.locations.status is 'active; paused until the day''s calls are given anew; needs_reauth where the token is refused; blocked where a scope, the location or the network is.';
comment on column publishing.locations.status_reason is 'What GoHighLevel said, and what to do about it.';
comment on column publishing.locations.paused_until is 'When a paused one goes on by itself.';
comment on column publishing.locations.token_set_at is 'When its private integration token was last set; null where it has none of its own.';
comment on column publishing.locations.auth_kind is 'How its token was come by: a private integration token, or an OAuth app''s, which is renewed by itself.';
comment on column publishing.locations.failure_streak is 'Calls in a row that got no answer.';
comment on column publishing.locations.first_failed_at is 'Since when no call gets an answer.';
comment on column publishing.locations.retry_at is 'Until when it is left alone because it does not answer.';
comment on column publishing.locations.created_at is 'When the row was made.';
comment on column publishing.locations.updated_at is 'When the row was last changed.';
comment on constraint locations_tenant_id_ghl_location_id_key on publishing.locations is 'This GoHighLevel location is known already; each belongs to one client.';
comment on constraint locations_tenant_id_fkey on publishing.locations is 'There is no such tenant.';
comment on constraint locations_client_id_fkey on publishing.locations is 'There is no such client.';
comment on constraint locations_ghl_location_id_check on publishing.locations is 'A location has an id that is not blank.';
comment on constraint locations_paused_has_end_check on publishing.locations is 'A paused location has a time at which it goes on.';
comment on constraint locations_failure_streak_check on publishing.locations is 'A streak is 0 or more.';
comment on constraint locations_failing_has_start_check on publishing.locations is 'A location that does not answer has a time since when.';
--! EndIncluded publishing/locations.sql
--! Included publishing/api_calls.sql
-- Every call to GoHighLevel, without what was sent and without a secret. Written once, by the worker.
drop policy if exists all_tenant on publishing.api_calls;
create policy all_tenant on publishing.api_calls as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on publishing.api_calls;
create policy select_owner on publishing.api_calls for select to :OWNER
  using (true);
drop policy if exists insert_owner on publishing.api_calls;
create policy insert_owner on publishing.api_calls for insert to :OWNER
  with check (true);
drop policy if exists update_owner on publishing.api_calls;
create policy update_owner on publishing.api_calls for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on publishing.api_calls;
create policy delete_owner on publishing.api_calls for delete to :OWNER
  using (true);
drop policy if exists select_viewer on publishing.api_calls;
create policy select_viewer on publishing.api_calls for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on publishing.api_calls;
create policy select_worker on publishing.api_calls for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on publishing.api_calls;
create policy insert_worker on publishing.api_calls for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table publishing.api_calls to :VIEWER;
grant select, insert on table publishing.api_calls to :WORKER;

comment on type publishing.call_phase is 'What a call to GoHighLevel is for.';
comment on table publishing.api_calls is '@class tenant
A call to GoHighLevel: when, what for, and how it went; never what was sent.';
comment on column publishing.api_calls.id is 'The row''s id, time-ordered.';
comment on column publishing.api_calls.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.api_calls.location_id is 'The location that it was made for.';
comment on column publishing.api_calls.publication_id is 'The publication that it served.';
comment on column publishing.api_calls.item_id is 'The item that it served.';
comment on column publishing.api_calls.phase is 'What it was for.';
comment on column publishing.api_calls.method is 'The HTTP method.';
comment on column publishing.api_calls.path is 'The path, without its query.';
comment on column publishing.api_calls.http_status is 'The answer''s status; null where none came.';
comment on column publishing.api_calls.error_class is 'The kind of failure; null for a success.';
comment on column publishing.api_calls.trace_id is 'GoHighLevel''s id of the call, for its support.';
comment on column publishing.api_calls.milliseconds is 'How long it took.';
comment on column publishing.api_calls.rate_max is 'Calls that GoHighLevel allows in a window, as it said.';
comment on column publishing.api_calls.rate_remaining is 'Calls left in the window, as it said.';
comment on column publishing.api_calls.daily_remaining is 'Calls left of the day, as it said.';
comment on column publishing.api_calls.created_at is 'When its end was written down.';
comment on constraint api_calls_tenant_id_fkey on publishing.api_calls is 'There is no such tenant.';
comment on constraint api_calls_location_id_fkey on publishing.api_calls is 'There is no such location.';
comment on constraint api_calls_publication_id_fkey on publishing.api_calls is 'There is no such publication.';
comment on constraint api_calls_item_id_fkey on publishing.api_calls is 'There is no such item.';
comment on constraint api_calls_milliseconds_check on publishing.api_calls is 'A call takes 0 milliseconds or more.';
--! EndIncluded publishing/api_calls.sql
--! Included publishing/call_budgets.sql
-- How often a location may be called with a token, counted for all tenants and processes together: GoHighLevel counts them together, too.
drop policy if exists select_owner on app_private.call_budgets;
create policy select_owner on app_private.call_budgets for select to :OWNER
  using (true);
drop policy if exists insert_owner on app_private.call_budgets;
create policy insert_owner on app_private.call_budgets for insert to :OWNER
  with check (true);
drop policy if exists update_owner on app_private.call_budgets;
create policy update_owner on app_private.call_budgets for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on app_private.call_budgets;
create policy delete_owner on app_private.call_budgets for delete to :OWNER
  using (true);

comment on table app_private.call_budgets is '@class private
A token bucket for each (token, location), under a keyed hash of both: how many calls may go now, and how many are left of the day. Limits are learnt from answers; a trial account''s are assumed before the first.';

create or replace function app_private.take_call(
  location_id uuid, budget_key text, patience_ms integer, out obstacle text, out reason text, out wait_ms integer
)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    moment constant timestamptz := clock_timestamp();
    place publishing.locations;
    budget app_private.call_budgets;
    -- Three quarters of what is allowed, spread over the window, and three twentieths at once: never more than 90 in 100 in any window,
    -- wherever GoHighLevel's window begins.
    calls_per_ms double precision;
  begin
    select l.* into place
    from publishing.locations l
    where l.tenant_id = app.current_tenant_id() and l.id = take_call.location_id;
    if place.status <> 'active' and coalesce(place.paused_until > moment, true) then
      obstacle := place.status;
      reason := place.status_reason;
      wait_ms := ceil(extract(epoch from place.paused_until - moment) * 1000);
      return;
    end if;
    if place.retry_at > moment then
      obstacle := 'circuit';
      reason := 'GoHighLevel does not answer for this location. It is tried again by itself.';
      wait_ms := ceil(extract(epoch from place.retry_at - moment) * 1000);
      return;
    end if;

    insert into app_private.call_budgets (key) values (take_call.budget_key) on conflict (key) do nothing;
    select b.* into strict budget from app_private.call_budgets b where b.key = take_call.budget_key for update;
    if budget.daily_reset_at <= moment then
      budget.daily_remaining := null;
    end if;
    if budget.daily_remaining <= least(1000, budget.daily_limit / 10) then
      obstacle := 'daily';
      reason := 'The location''s calls of today are used up but for a reserve. It goes on by itself.';
      wait_ms := ceil(extract(epoch from budget.daily_reset_at - moment) * 1000);
      return;
    end if;

    calls_per_ms := 0.75 * budget.max_calls / budget.interval_ms;
    budget.turns := least(
      greatest(1, budget.max_calls * 0.15),
      budget.turns + extract(epoch from moment - budget.refilled_at) * 1000 * calls_per_ms
    ) - 1;
    wait_ms := ceil(greatest(0, -budget.turns / calls_per_ms, extract(epoch from budget.frozen_until - moment) * 1000));
    if wait_ms > patience_ms then
      obstacle := 'busy';
      reason := 'The location''s calls are used up for the moment. It goes on by itself.';
      return;
    end if;
    update app_private.call_budgets b
    set turns = budget.turns, refilled_at = moment, daily_remaining = budget.daily_remaining - 1
    where b.key = take_call.budget_key;
  end
  $$;
comment on function app_private.take_call(uuid, text, integer) is
  'Takes a turn to call a location: after how many milliseconds it may go, or what keeps it from going and for how long. Turns are given in the order in which they are asked for. Definer, because the count is the whole installation''s.';
revoke all on function app_private.take_call(uuid, text, integer) from public;
grant execute on function app_private.take_call(uuid, text, integer) to :WORKER;
--! EndIncluded publishing/call_budgets.sql
--! Included publishing/record_call.sql
create or replace function app_private.learn_limits(budget_key text, rate jsonb, is_refused boolean) returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$
    update app_private.call_budgets b
    set
      max_calls = coalesce(nullif((rate ->> 'max')::integer, 0), b.max_calls),
      interval_ms = coalesce(nullif((rate ->> 'intervalMs')::integer, 0), b.interval_ms),
      daily_limit = coalesce((rate ->> 'dailyLimit')::integer, b.daily_limit),
      daily_remaining = coalesce((rate ->> 'dailyRemaining')::integer, b.daily_remaining),
      daily_reset_at = case
        when rate ->> 'dailyRemaining' is null then b.daily_reset_at
        else clock_timestamp() + make_interval(secs => coalesce((rate ->> 'dailyResetMs')::double precision, 3600000) / 1000)
      end,
      -- Others call with the same token: when little is left of a window, it is theirs.
      frozen_until = case
        when is_refused or (rate ->> 'remaining')::integer < (rate ->> 'max')::integer / 10.0 then
          greatest(
            b.frozen_until,
            clock_timestamp()
              + make_interval(secs => coalesce((rate ->> 'retryAfterMs')::double precision, (rate ->> 'intervalMs')::double precision, b.interval_ms) / 1000)
          )
        else b.frozen_until
      end
    where b.key = learn_limits.budget_key
  $$;
comment on function app_private.learn_limits(text, jsonb, boolean) is
  'Takes over what the rate headers of an answer say. What they do not say stays as it was.';

create or replace function app_private.record_call(
  location_id uuid, budget_key text, call jsonb, breaker jsonb, out circuit_wait_ms double precision, out failing_for_ms double precision
)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    failure constant text := call ->> 'errorClass';
    is_unanswered constant boolean := failure in ('transient', 'ambiguous');
    place publishing.locations;
  begin
    insert into publishing.api_calls (
      tenant_id, location_id, publication_id, item_id, phase, method, path, http_status, error_class, trace_id, milliseconds, rate_max,
      rate_remaining, daily_remaining
    )
    values (
      tenant, record_call.location_id, (call ->> 'publicationId')::uuid, (call ->> 'itemId')::uuid,
      (call ->> 'phase')::publishing.call_phase, call ->> 'method', call ->> 'path', (call ->> 'status')::integer, failure, call ->> 'traceId',
      (call ->> 'ms')::integer, (call -> 'rate' ->> 'max')::integer, (call -> 'rate' ->> 'remaining')::integer,
      (call -> 'rate' ->> 'dailyRemaining')::integer
    );
    perform app_private.learn_limits(record_call.budget_key, call -> 'rate', coalesce(failure = 'rate_burst', false));

    if is_unanswered then
      update publishing.locations l
      set
        failure_streak = l.failure_streak + 1,
        first_failed_at = coalesce(l.first_failed_at, now()),
        retry_at = case
          when l.failure_streak + 1 < (breaker ->> 'failures')::integer then null
          else now() + make_interval(secs => least(
            (breaker ->> 'longestMs')::double precision,
            (breaker ->> 'openMs')::double precision * 2.0 ^ least(20, l.failure_streak + 1 - (breaker ->> 'failures')::integer)
          ) / 1000)
        end
      where l.tenant_id = tenant and l.id = record_call.location_id
      returning l.* into place;
      circuit_wait_ms := extract(epoch from place.retry_at - now()) * 1000;
      failing_for_ms := extract(epoch from now() - place.first_failed_at) * 1000;
    else
      update publishing.locations l
      set failure_streak = 0, first_failed_at = null, retry_at = null
      where l.tenant_id = tenant and l.id = record_call.location_id and l.failure_streak > 0;
    end if;
  end
  $$;
comment on function app_private.record_call(uuid, text, jsonb, jsonb) is
  'Writes a call down, learns the limits from its answer, and opens or closes the location''s circuit: in a transaction of its own, so that no later failure takes the line back. Definer, because the budgets are private.';
revoke all on function app_private.record_call(uuid, text, jsonb, jsonb) from public;
grant execute on function app_private.record_call(uuid, text, jsonb, jsonb) to :WORKER;
--! EndIncluded publishing/record_call.sql
drop function app.set_location_token(uuid, text);
--! Included publishing/set_location_token.sql
create or replace function app.set_location_token(client_id uuid, token_ciphertext text, auth_kind publishing.auth_kind default 'pit') returns publishing.locations
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    client journeys.clients;
    place publishing.locations;
  begin
    perform app_private.require_role('set a location''s token', 'admin');
    select c.* into client from journeys.clients c where c.tenant_id = tenant and c.id = set_location_token.client_id;
    if not found then
      perform app_private.raise_error('LF006', 'client', set_location_token.client_id::text);
    end if;
    -- Refused here and not by the constraint, whose message would repeat what was given.
    if token_ciphertext !~ '^v1:[A-Za-z0-9+/]{40,}={0,2}$' then
      perform app_private.raise_error('LF009', 'The token is not encrypted.', 'Set it with the mutation setLocationToken, which encrypts it.');
    end if;
    place := app_private.know_location(client);
    if place.id is null then
      perform app_private.raise_error('LF106', client.name);
    end if;

    insert into app_private.location_secrets as s (tenant_id, location_id, token_ciphertext)
    values (tenant, place.id, set_location_token.token_ciphertext)
    on conflict (tenant_id, location_id) do update set token_ciphertext = excluded.token_ciphertext, refreshing_until = null, updated_at = now();

    update publishing.locations l
    set token_set_at = now(), auth_kind = set_location_token.auth_kind, status = 'active', status_reason = null, paused_until = null
    where l.tenant_id = tenant and l.id = place.id
    returning l.* into place;

    -- What waited for a token goes on by itself.
    update publishing.publications p
    set status = 'queued', location_id = place.id, run_after = null, finished_at = null
    from journeys.journeys j
    where p.tenant_id = tenant
      and p.status = 'blocked'
      and j.tenant_id = tenant and j.id = p.journey_id and j.client_id = client.id
      and (p.location_id is null or p.location_id = place.id);
    return place;
  end
  $$;
comment on function app.set_location_token(uuid, text, publishing.auth_kind) is
  'Keeps the encrypted token of a client''s location, a private integration''s or an OAuth app''s, in place of the one before, and lets what waited for it go on. The API encrypts it before it comes here. Definer, because secrets are private. For admins.';
grant execute on function app.set_location_token(uuid, text, publishing.auth_kind) to :ADMIN;
--! EndIncluded publishing/set_location_token.sql
--! Included publishing/location_secrets.sql
-- Tokens, encrypted with a key that the database does not have. Only definers, which run as the owner, may touch them.
drop policy if exists select_owner on app_private.location_secrets;
create policy select_owner on app_private.location_secrets for select to :OWNER
  using (true);
drop policy if exists insert_owner on app_private.location_secrets;
create policy insert_owner on app_private.location_secrets for insert to :OWNER
  with check (true);
drop policy if exists update_owner on app_private.location_secrets;
create policy update_owner on app_private.location_secrets for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on app_private.location_secrets;
create policy delete_owner on app_private.location_secrets for delete to :OWNER
  using (true);

create or replace function publishing.location_token(location_id uuid) returns text
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select s.token_ciphertext
    from app_private.location_secrets s
    where s.tenant_id = app.current_tenant_id() and s.location_id = location_token.location_id
  $$;
comment on function publishing.location_token(uuid) is
  'The encrypted token of a location of this tenant, or null. Definer, because the table is private. For the worker, which has the key.';
grant execute on function publishing.location_token(uuid) to :WORKER;

create or replace function app_private.begin_token_refresh(location_id uuid, seen_ciphertext text, lease interval, out step text, out token_ciphertext text)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    secret app_private.location_secrets;
  begin
    select s.* into secret
    from app_private.location_secrets s
    where s.tenant_id = app.current_tenant_id() and s.location_id = begin_token_refresh.location_id
    for update;
    token_ciphertext := secret.token_ciphertext;
    if secret.token_ciphertext is distinct from seen_ciphertext then
      step := 'renewed';
    elsif secret.refreshing_until > now() then
      step := 'wait';
    else
      update app_private.location_secrets s
      set refreshing_until = now() + lease
      where s.tenant_id = secret.tenant_id and s.location_id = secret.location_id;
      step := 'refresh';
    end if;
  end
  $$;
comment on function app_private.begin_token_refresh(uuid, text, interval) is
  'Under the row''s lock: one of all workers is told to refresh the pair, the others to wait, and whoever comes late gets the new one. No call is made while the lock is held. Definer, because the table is private.';
revoke all on function app_private.begin_token_refresh(uuid, text, interval) from public;
grant execute on function app_private.begin_token_refresh(uuid, text, interval) to :WORKER;

create or replace function app_private.end_token_refresh(location_id uuid, seen_ciphertext text, new_ciphertext text) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    update app_private.location_secrets s
    set token_ciphertext = coalesce(end_token_refresh.new_ciphertext, s.token_ciphertext), refreshing_until = null, updated_at = now()
    where s.tenant_id = app.current_tenant_id() and s.location_id = end_token_refresh.location_id
      and s.token_ciphertext = end_token_refresh.seen_ciphertext
  $$;
comment on function app_private.end_token_refresh(uuid, text, text) is
  'Keeps the new pair, before its first use; null where there is none. A token that a person has set in the meantime stays. Definer, because the table is private.';
revoke all on function app_private.end_token_refresh(uuid, text, text) from public;
grant execute on function app_private.end_token_refresh(uuid, text, text) to :WORKER;

comment on table app_private.location_secrets is '@class private
The token of each location, a private integration''s or an OAuth app''s with its refresh token, encrypted by AES-256-GCM under a key from LANDFALL_SECRET_KEY and bound to its tenant and client.';
--! EndIncluded publishing/location_secrets.sql
