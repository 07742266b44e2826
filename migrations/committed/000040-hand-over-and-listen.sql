--! Previous: sha1:3e06615bcc00c5324bc8776c2502862cc483a1ad
--! Hash: sha1:db66d2ef7260bf78747802e0dc8e472c13c703bf
--! Message: hand over and listen

-- What GoHighLevel's API cannot do is a list that people tick off; what GoHighLevel tells of its own accord is heard.
set local lock_timeout = '3s';

alter table publishing.remote_objects add column remote_key text;

create table publishing.handoff_steps (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  journey_id uuid not null,
  location_id uuid not null,
  publication_id uuid,
  touchpoint_id uuid,
  step_key text not null,
  order_index integer not null,
  title text not null,
  instruction text not null,
  reference text,
  retired_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint handoff_steps_pkey primary key (tenant_id, id),
  constraint handoff_steps_tenant_id_journey_id_location_id_step_key_key unique (tenant_id, journey_id, location_id, step_key),
  constraint handoff_steps_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint handoff_steps_journey_id_fkey foreign key (tenant_id, journey_id) references journeys.journeys (tenant_id, id) on delete cascade,
  constraint handoff_steps_location_id_fkey foreign key (tenant_id, location_id) references publishing.locations (tenant_id, id) on delete cascade,
  constraint handoff_steps_publication_id_fkey foreign key (tenant_id, publication_id)
    references publishing.publications (tenant_id, id) on delete set null (publication_id),
  constraint handoff_steps_touchpoint_id_fkey foreign key (tenant_id, touchpoint_id)
    references journeys.touchpoints (tenant_id, id) on delete set null (touchpoint_id)
);
alter table publishing.handoff_steps enable row level security;
alter table publishing.handoff_steps force row level security;
create index handoff_steps_tenant_id_publication_id_order_index_idx on publishing.handoff_steps (tenant_id, publication_id, order_index);
create index handoff_steps_tenant_id_location_id_idx on publishing.handoff_steps (tenant_id, location_id);
create index handoff_steps_tenant_id_touchpoint_id_idx on publishing.handoff_steps (tenant_id, touchpoint_id);

create table publishing.handoff_ticks (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  step_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  constraint handoff_ticks_pkey primary key (tenant_id, id),
  constraint handoff_ticks_tenant_id_step_id_user_id_key unique (tenant_id, step_id, user_id),
  constraint handoff_ticks_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint handoff_ticks_step_id_fkey foreign key (tenant_id, step_id) references publishing.handoff_steps (tenant_id, id) on delete cascade,
  constraint handoff_ticks_user_id_fkey foreign key (user_id) references tenancy.users (id)
);
alter table publishing.handoff_ticks enable row level security;
alter table publishing.handoff_ticks force row level security;
create index handoff_ticks_tenant_id_user_id_idx on publishing.handoff_ticks (tenant_id, user_id);
create index handoff_ticks_user_id_idx on publishing.handoff_ticks (user_id);

create table app_private.webhook_events (
  id text not null,
  kind text not null,
  ghl_location_id text,
  received_at timestamptz not null default now(),
  handled_at timestamptz,
  constraint webhook_events_pkey primary key (id)
);
alter table app_private.webhook_events enable row level security;
alter table app_private.webhook_events force row level security;

--! Included publishing/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF301', 'nothing_published', 409, 'Nothing of %s is in GoHighLevel, or on its way there.', 'Publish it first.'),
  ('LF302', 'template_not_approved', 409, 'The template "%s" is %s.', 'Only an approved template goes to GoHighLevel: approve it first.'),
  ('LF303', 'template_without_client', 400, 'The template "%s" belongs to no client, so there is no location to bring it to.', 'Name the client: syncTemplate takes clientId.'),
  ('LF304', 'unreadable_version', 409, '%s', 'Mend what the message names and submit the journey again.'),
  ('LF305', 'finding_decided', 409, 'This finding is %s already.', 'Compare the location again to see what is there now.'),
  ('LF306', 'finding_does_not_suit', 400, 'This finding is %s, and that can only be done with one that is: %s.', 'Choose another of acceptRemote, pushAgain and forgetRemote.'),
  ('LF307', 'finding_without_touchpoint', 409, 'The object belongs to no touchpoint, so there is nothing to take its text over into.', 'Push it again, or forget it.'),
  ('LF308', 'publishing_unknown', 404, 'There is nothing of this name.', 'Give its slug or its id.'),
  ('LF310', 'webhook_not_expected', 404, 'This installation takes no webhooks.', 'Set GHL_WEBHOOK_PUBLIC_KEY to the key that GoHighLevel signs with.'),
  ('LF311', 'webhook_not_genuine', 401, 'This is not signed by GoHighLevel.', 'Check GHL_WEBHOOK_PUBLIC_KEY; only X-GHL-Signature counts.'),
  ('LF312', 'webhook_unreadable', 400, 'This is no webhook that can be read, or it is too old.', 'GoHighLevel sends JSON with type, webhookId and timestamp, within five minutes.'),
  ('LF320', 'handoff_not_shown', 401, 'This list is shown to those who may see the publication.', 'Send a token in the Authorization header, or open a link that POST /handoff/<publication>/link gave you.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded publishing/errors.sql
--! Included publishing/remote_objects.sql
-- What in GoHighLevel is ours. Rows are added and kept, also when the version they came from is gone.
drop policy if exists all_tenant on publishing.remote_objects;
create policy all_tenant on publishing.remote_objects as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on publishing.remote_objects;
create policy select_owner on publishing.remote_objects for select to :OWNER
  using (true);
drop policy if exists insert_owner on publishing.remote_objects;
create policy insert_owner on publishing.remote_objects for insert to :OWNER
  with check (true);
drop policy if exists update_owner on publishing.remote_objects;
create policy update_owner on publishing.remote_objects for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on publishing.remote_objects;
create policy delete_owner on publishing.remote_objects for delete to :OWNER
  using (true);
drop policy if exists select_viewer on publishing.remote_objects;
create policy select_viewer on publishing.remote_objects for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on publishing.remote_objects;
create policy select_worker on publishing.remote_objects for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on publishing.remote_objects;
create policy insert_worker on publishing.remote_objects for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on publishing.remote_objects;
create policy update_worker on publishing.remote_objects for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table publishing.remote_objects to :VIEWER;
grant select, insert, update on table publishing.remote_objects to :WORKER;

create or replace trigger _100_stamp_times before update on publishing.remote_objects
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _700_audit_insert after insert on publishing.remote_objects
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on publishing.remote_objects
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on publishing.remote_objects
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table publishing.remote_objects is '@class tenant
An object in GoHighLevel that Landfall made or adopted, and the approved version that it holds.';
comment on column publishing.remote_objects.id is 'The row''s id, time-ordered.';
comment on column publishing.remote_objects.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.remote_objects.location_id is 'The location that holds it.';
comment on column publishing.remote_objects.journey_version_id is 'The approved version whose text it holds.';
comment on column publishing.remote_objects.touchpoint_id is 'The touchpoint that it carries.';
comment on column publishing.remote_objects.asset_kind is 'What it is.';
comment on column publishing.remote_objects.token is 'The word in its name by which it is found again.';
comment on column publishing.remote_objects.remote_id is 'Its id in GoHighLevel; null until known, and once it was deleted there.';
comment on column publishing.remote_objects.remote_name is 'Its name there; a custom value keeps its first one.';
comment on column publishing.remote_objects.synced_hash is 'SHA-256 of what it was last read back to hold.';
comment on column publishing.remote_objects.create_sent_at is 'When the call that makes it was last sent without its reply being known.';
comment on column publishing.remote_objects.remote_key is 'The merge field under which messages address it, where it has one.';
comment on column publishing.remote_objects.remote_hash is 'SHA-256 of everything that was read back, as GoHighLevel holds it: what differs from it later was changed there.';
comment on column publishing.remote_objects.remote_updated_at is 'When it was last changed there, as GoHighLevel said when it was read back.';
comment on column publishing.remote_objects.forgotten_at is 'When a person said that it is not ours any more; it is compared again once it is published again.';
comment on column publishing.remote_objects.archived_at is 'When it was put away there; null while it is in use.';
comment on column publishing.remote_objects.synced_at is 'When it was last read back as approved.';
comment on column publishing.remote_objects.created_at is 'When the row was made.';
comment on column publishing.remote_objects.updated_at is 'When the row was last changed.';
comment on constraint remote_objects_tenant_id_location_id_asset_kind_token_key on publishing.remote_objects is 'This thing is known in the location already.';
comment on constraint remote_objects_tenant_id_location_id_asset_kind_remote_id_key on publishing.remote_objects is 'This object of GoHighLevel is bound to another thing already.';
comment on constraint remote_objects_tenant_id_fkey on publishing.remote_objects is 'There is no such tenant.';
comment on constraint remote_objects_location_id_fkey on publishing.remote_objects is 'There is no such location.';
comment on constraint remote_objects_journey_version_id_fkey on publishing.remote_objects is 'There is no such version.';
comment on constraint remote_objects_touchpoint_id_fkey on publishing.remote_objects is 'There is no such touchpoint.';
comment on constraint remote_objects_synced_has_remote_id_check on publishing.remote_objects is 'What was read back has an id in GoHighLevel.';
--! EndIncluded publishing/remote_objects.sql
--! Included publishing/handoff_steps.sql
-- What a person sets up in GoHighLevel, step by step. Written by the worker with each publication.
drop policy if exists all_tenant on publishing.handoff_steps;
create policy all_tenant on publishing.handoff_steps as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on publishing.handoff_steps;
create policy select_owner on publishing.handoff_steps for select to :OWNER
  using (true);
drop policy if exists insert_owner on publishing.handoff_steps;
create policy insert_owner on publishing.handoff_steps for insert to :OWNER
  with check (true);
drop policy if exists update_owner on publishing.handoff_steps;
create policy update_owner on publishing.handoff_steps for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on publishing.handoff_steps;
create policy delete_owner on publishing.handoff_steps for delete to :OWNER
  using (true);
drop policy if exists select_viewer on publishing.handoff_steps;
create policy select_viewer on publishing.handoff_steps for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on publishing.handoff_steps;
create policy select_worker on publishing.handoff_steps for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on publishing.handoff_steps;
create policy insert_worker on publishing.handoff_steps for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on publishing.handoff_steps;
create policy update_worker on publishing.handoff_steps for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table publishing.handoff_steps to :VIEWER;
grant select, insert, update on table publishing.handoff_steps to :WORKER;

create or replace trigger _100_stamp_times before update on publishing.handoff_steps
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _700_audit_insert after insert on publishing.handoff_steps
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on publishing.handoff_steps
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on publishing.handoff_steps
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table publishing.handoff_steps is '@class tenant
A step of the hand-off: something that GoHighLevel''s API cannot do and a person does there.';
comment on column publishing.handoff_steps.id is 'The row''s id, time-ordered.';
comment on column publishing.handoff_steps.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.handoff_steps.journey_id is 'The journey.';
comment on column publishing.handoff_steps.location_id is 'The location in which it is to be done.';
comment on column publishing.handoff_steps.publication_id is 'The publication that last wrote it.';
comment on column publishing.handoff_steps.touchpoint_id is 'The touchpoint that it wires up; null for what belongs to the whole journey.';
comment on column publishing.handoff_steps.step_key is 'What the step is about, the same in every publication.';
comment on column publishing.handoff_steps.order_index is 'Its place in the list.';
comment on column publishing.handoff_steps.title is 'What to do, in a line.';
comment on column publishing.handoff_steps.instruction is 'How to do it.';
comment on column publishing.handoff_steps.reference is 'What to choose or to insert there, to be copied.';
comment on column publishing.handoff_steps.retired_at is 'When it stopped being part of the journey; null while it is.';
comment on column publishing.handoff_steps.created_at is 'When the row was made.';
comment on column publishing.handoff_steps.updated_at is 'When the row was last changed.';
comment on constraint handoff_steps_tenant_id_journey_id_location_id_step_key_key on publishing.handoff_steps is 'The hand-off has each step once.';
comment on constraint handoff_steps_tenant_id_fkey on publishing.handoff_steps is 'There is no such tenant.';
comment on constraint handoff_steps_journey_id_fkey on publishing.handoff_steps is 'There is no such journey.';
comment on constraint handoff_steps_location_id_fkey on publishing.handoff_steps is 'There is no such location.';
comment on constraint handoff_steps_publication_id_fkey on publishing.handoff_steps is 'There is no such publication.';
comment on constraint handoff_steps_touchpoint_id_fkey on publishing.handoff_steps is 'There is no such touchpoint.';
--! EndIncluded publishing/handoff_steps.sql
--! Included publishing/handoff_ticks.sql
-- Who has done which step of a hand-off. People tick; the worker takes ticks away when a step has changed.
drop policy if exists all_tenant on publishing.handoff_ticks;
create policy all_tenant on publishing.handoff_ticks as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on publishing.handoff_ticks;
create policy select_owner on publishing.handoff_ticks for select to :OWNER
  using (true);
drop policy if exists insert_owner on publishing.handoff_ticks;
create policy insert_owner on publishing.handoff_ticks for insert to :OWNER
  with check (true);
drop policy if exists update_owner on publishing.handoff_ticks;
create policy update_owner on publishing.handoff_ticks for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on publishing.handoff_ticks;
create policy delete_owner on publishing.handoff_ticks for delete to :OWNER
  using (true);
drop policy if exists select_viewer on publishing.handoff_ticks;
create policy select_viewer on publishing.handoff_ticks for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on publishing.handoff_ticks;
create policy select_worker on publishing.handoff_ticks for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on publishing.handoff_ticks;
create policy delete_worker on publishing.handoff_ticks for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table publishing.handoff_ticks to :VIEWER;
grant select, delete on table publishing.handoff_ticks to :WORKER;

create or replace trigger _700_audit_insert after insert on publishing.handoff_ticks
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on publishing.handoff_ticks
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on publishing.handoff_ticks
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table publishing.handoff_ticks is '@class tenant
A person''s word that a step of the hand-off is done.';
comment on column publishing.handoff_ticks.id is 'The row''s id, time-ordered.';
comment on column publishing.handoff_ticks.tenant_id is 'The tenant that the row belongs to.';
comment on column publishing.handoff_ticks.step_id is 'The step.';
comment on column publishing.handoff_ticks.user_id is 'Who did it.';
comment on column publishing.handoff_ticks.created_at is 'When.';
comment on constraint handoff_ticks_tenant_id_step_id_user_id_key on publishing.handoff_ticks is 'This person has ticked this step already.';
comment on constraint handoff_ticks_tenant_id_fkey on publishing.handoff_ticks is 'There is no such tenant.';
comment on constraint handoff_ticks_step_id_fkey on publishing.handoff_ticks is 'There is no such step.';
comment on constraint handoff_ticks_user_id_fkey on publishing.handoff_ticks is 'There is no such person.';

create or replace function publishing.tick_handoff_step(step_id uuid) returns publishing.handoff_steps
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    step publishing.handoff_steps;
  begin
    perform app_private.require_role('tick a step of the hand-off', 'editor', 'admin');
    select s.* into step
    from publishing.handoff_steps s
    where s.tenant_id = app.current_tenant_id() and s.id = tick_handoff_step.step_id and s.retired_at is null
    for share;
    if not found then
      perform app_private.raise_error('LF006', 'step of a hand-off', tick_handoff_step.step_id::text);
    end if;
    insert into publishing.handoff_ticks (tenant_id, step_id, user_id)
    values (step.tenant_id, step.id, app.current_user_id())
    on conflict on constraint handoff_ticks_tenant_id_step_id_user_id_key do nothing;
    return step;
  end
  $$;
comment on function publishing.tick_handoff_step(uuid) is
  'Says that you have done a step of the hand-off. Definer, so that a tick is always one''s own. For editors.';
grant execute on function publishing.tick_handoff_step(uuid) to :EDITOR;

create or replace function publishing.untick_handoff_step(step_id uuid) returns publishing.handoff_steps
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    step publishing.handoff_steps;
  begin
    perform app_private.require_role('untick a step of the hand-off', 'editor', 'admin');
    select s.* into step
    from publishing.handoff_steps s
    where s.tenant_id = app.current_tenant_id() and s.id = untick_handoff_step.step_id;
    if not found then
      perform app_private.raise_error('LF006', 'step of a hand-off', untick_handoff_step.step_id::text);
    end if;
    delete from publishing.handoff_ticks t
    where t.tenant_id = step.tenant_id and t.step_id = step.id and t.user_id = app.current_user_id();
    return step;
  end
  $$;
comment on function publishing.untick_handoff_step(uuid) is
  'Takes your tick of a step back; others'' stay. Definer, so that a tick is always one''s own. For editors.';
grant execute on function publishing.untick_handoff_step(uuid) to :EDITOR;
--! EndIncluded publishing/handoff_ticks.sql
--! Included publishing/webhook_events.sql
-- What GoHighLevel told us of its own accord, each once.
drop policy if exists select_owner on app_private.webhook_events;
create policy select_owner on app_private.webhook_events for select to :OWNER
  using (true);
drop policy if exists insert_owner on app_private.webhook_events;
create policy insert_owner on app_private.webhook_events for insert to :OWNER
  with check (true);
drop policy if exists update_owner on app_private.webhook_events;
create policy update_owner on app_private.webhook_events for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on app_private.webhook_events;
create policy delete_owner on app_private.webhook_events for delete to :OWNER
  using (true);

comment on table app_private.webhook_events is '@class private
The webhooks that were received and found genuine: their ids, so that none counts twice, and what they were about; not what they held. Kept for thirty days.';

create or replace function app.receive_webhook(webhook_id text, kind text, ghl_location_id text) returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    insert into app_private.webhook_events (id, kind, ghl_location_id)
    values (receive_webhook.webhook_id, receive_webhook.kind, receive_webhook.ghl_location_id)
    on conflict on constraint webhook_events_pkey do nothing;
    if not found then
      return false;
    end if;
    perform graphile_worker.add_job(
      'publishing/handle_webhook', json_build_object('webhookId', webhook_id), job_key => 'publishing/handle_webhook:' || webhook_id, max_attempts => 10
    );
    return true;
  end
  $$;
comment on function app.receive_webhook(text, text, text) is
  'Keeps a webhook whose signature was checked, and wakes the worker for it; false for one that is known already. Definer, because nobody is signed in and the table is private.';
revoke all on function app.receive_webhook(text, text, text) from public;
grant execute on function app.receive_webhook(text, text, text) to :AUTHENTICATOR;

create or replace function app_private.handle_webhook(webhook_id text) returns text
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    event app_private.webhook_events;
    deed text := 'nothing';
  begin
    delete from app_private.webhook_events e where e.received_at < now() - interval '30 days';
    select e.* into event
    from app_private.webhook_events e
    where e.id = handle_webhook.webhook_id and e.handled_at is null
    for update;
    if not found then
      return deed;
    end if;
    if event.kind in ('UNINSTALL', 'AppUninstall') then
      update publishing.locations l
      set
        status = 'needs_reauth', paused_until = null,
        status_reason = 'The app was uninstalled in GoHighLevel. Install it again and connect the location with setLocationOauth.'
      where l.ghl_location_id = event.ghl_location_id and l.auth_kind = 'oauth' and l.status in ('active', 'paused');
      deed := 'stopped';
    elsif event.kind = 'LocationUpdate' then
      insert into publishing.reconciliations (tenant_id, location_id)
      select l.tenant_id, l.id
      from publishing.locations l
      where l.ghl_location_id = event.ghl_location_id and l.status = 'active'
        and exists (
          select from publishing.remote_objects o where o.tenant_id = l.tenant_id and o.location_id = l.id and o.remote_id is not null
        )
        and not exists (
          select from publishing.reconciliations r
          where r.tenant_id = l.tenant_id and r.location_id = l.id and r.status in ('queued', 'running', 'deferred')
        );
      deed := 'compared';
    end if;
    update app_private.webhook_events e set handled_at = now() where e.id = event.id;
    return deed;
  end
  $$;
comment on function app_private.handle_webhook(text) is
  'Does what follows from a webhook: an uninstalled app stops its locations, a changed location is compared. Nothing depends on webhooks: the next call and the night find the same. Definer, because a webhook names no tenant.';
revoke all on function app_private.handle_webhook(text) from public;
grant execute on function app_private.handle_webhook(text) to :WORKER;
--! EndIncluded publishing/webhook_events.sql
