--! Previous: sha1:dfdfa23e033a2e59d9f7b4cf5be1835da754fe9b
--! Hash: sha1:0b3af1ce205e095a27be23496dd6d7fe498ad919
--! Message: report to psql

-- What a DBA or an account manager asks in psql. Views only; they run with the rights of whoever asks.
set local lock_timeout = '3s';

create schema reporting;
comment on schema reporting is 'Views for psql: what waits for whom, how long things take, and what has changed.';
grant usage on schema reporting to :VIEWER;

--! Included reporting/journeys.sql
create or replace view reporting.journey_statuses with (security_invoker) as
  select
    c.name as client, j.status, count(*)::integer as journeys,
    min(edited.at)::date as oldest_change, max(edited.at)::date as newest_change,
    round(extract(epoch from avg(now() - edited.at)) / 86400, 1) as average_days_unchanged
  from journeys.journeys j
  cross join lateral (
    select greatest(j.updated_at, max(t.updated_at)) as at
    from journeys.touchpoints t
    where t.tenant_id = j.tenant_id and t.journey_id = j.id
  ) edited
  join journeys.clients c on c.tenant_id = j.tenant_id and c.id = j.client_id
  group by c.id, c.name, j.status
  order by c.name, c.id, j.status;
comment on view reporting.journey_statuses is 'Journeys by client and status, and how long they and their touchpoints have been left alone.';

create or replace view reporting.waiting_approvals with (security_invoker) as
  select
    c.name as client, j.name as journey, v.version, u.name as requested_by, a.created_at as requested_at,
    date_trunc('minute', now() - a.created_at) as waiting_for,
    (
      select string_agg(r.name, ', ' order by r.name)
      from tenancy.client_users cu join tenancy.users r on r.id = cu.user_id
      where cu.tenant_id = a.tenant_id and cu.client_id = a.client_id
    ) as reviewers,
    a.id as approval_id
  from journeys.approvals a
  join journeys.clients c on c.tenant_id = a.tenant_id and c.id = a.client_id
  join journeys.journeys j on j.tenant_id = a.tenant_id and j.id = a.journey_id
  left join journeys.journey_versions v on v.tenant_id = a.tenant_id and v.id = a.journey_version_id
  left join tenancy.users u on u.id = a.requester_id
  where a.status = 'pending'
  order by a.created_at;
comment on view reporting.waiting_approvals is 'Approvals that nobody has decided, for how long, and who could.';

create or replace view reporting.lead_times with (security_invoker) as
  with steps as (
    select ch.tenant_id, ch.row_id, ch.changed_at, ch.changes -> 'status' ->> 1 as status
    from audit.changes ch
    where ch.table_name = 'journeys.journeys' and ch.action = 'update' and ch.changes ? 'status'
  )
  select
    c.name as client, j.name as journey, j.created_at as drafted_at, submitted.at as submitted_at, approved.at as approved_at,
    published.at as published_at, date_trunc('minute', published.at - j.created_at) as draft_to_published,
    date_trunc('minute', approved.at - submitted.at) as in_review
  from journeys.journeys j
  join journeys.clients c on c.tenant_id = j.tenant_id and c.id = j.client_id
  cross join lateral (select min(s.changed_at) as at from steps s where s.tenant_id = j.tenant_id and s.row_id = j.id and s.status = 'published') published
  cross join lateral (select max(s.changed_at) as at from steps s where s.tenant_id = j.tenant_id and s.row_id = j.id and s.status = 'approved' and s.changed_at <= published.at) approved
  cross join lateral (select max(s.changed_at) as at from steps s where s.tenant_id = j.tenant_id and s.row_id = j.id and s.status = 'client_review' and s.changed_at <= approved.at) submitted
  where published.at is not null
  order by published.at desc;
comment on view reporting.lead_times is 'How long each journey took from draft to its first publication, and how much of it in review.';

create or replace view reporting.template_uses with (security_invoker) as
  select
    c.name as client, t.name as template, t.type, t.sync_status, t.last_synced_at, t.ghl_template_id,
    count(tp.id)::integer as touchpoints, count(distinct tp.journey_id)::integer as journeys
  from journeys.templates t
  left join journeys.clients c on c.tenant_id = t.tenant_id and c.id = t.client_id
  left join journeys.touchpoints tp
    on tp.tenant_id = t.tenant_id and (tp.id = t.touchpoint_id or (t.ghl_template_id is not null and tp.ghl_template_id = t.ghl_template_id))
  group by c.name, t.id, t.name, t.type, t.sync_status, t.last_synced_at, t.ghl_template_id
  order by touchpoints desc, t.name;
comment on view reporting.template_uses is 'Templates, and how many touchpoints and journeys use each.';

create or replace view reporting.changes_since_publication with (security_invoker) as
  select
    c.name as client, j.name as journey, j.status, j.published_at, ch.changed_at, ch.table_name, ch.action,
    case ch.table_name when 'journeys.touchpoints' then coalesce(t.name, ch.changes ->> 'name') else j.name end as what,
    case ch.action when 'update' then (
      select string_agg(k, ', ' order by k) from jsonb_object_keys(ch.changes) k
      where k in (
        'name', 'description', 'category', 'goal', 'trigger_config', 'type', 'day_offset', 'order_index', 'content', 'config', 'next_touchpoint_id'
      )
    ) end as columns,
    coalesce(u.name, ch.login_name) as changed_by
  from journeys.journeys j
  join journeys.clients c on c.tenant_id = j.tenant_id and c.id = j.client_id
  -- What is live is a version, so an edit made after it was submitted is not in it, though it may be older than the publication.
  cross join lateral (
    select coalesce(
      (
        select max(v.submitted_at)
        from journeys.approvals a
        join journeys.journey_versions v on v.tenant_id = a.tenant_id and v.id = a.journey_version_id
        where a.tenant_id = j.tenant_id and a.journey_id = j.id and a.status = 'approved' and a.reviewed_at <= j.published_at
      ),
      j.published_at
    ) as taken_at
  ) live
  join audit.changes ch on ch.tenant_id = j.tenant_id and ch.changed_at > live.taken_at
  left join journeys.touchpoints t on t.tenant_id = ch.tenant_id and t.id = ch.row_id and ch.table_name = 'journeys.touchpoints'
  left join tenancy.users u on u.id = ch.user_id
  where j.published_at is not null
    and (
      (ch.table_name = 'journeys.journeys' and ch.row_id = j.id and ch.changes ?| array['name', 'description', 'category', 'goal', 'trigger_config'])
      or (ch.table_name = 'journeys.touchpoints' and t.journey_id = j.id
        and (ch.action = 'insert' or ch.changes ?| array['name', 'type', 'day_offset', 'order_index', 'content', 'config', 'next_touchpoint_id']))
      or (ch.table_name = 'journeys.touchpoints' and ch.action = 'delete' and ch.changes ->> 'journey_id' = j.id::text)
    )
  order by j.name, ch.changed_at;
comment on view reporting.changes_since_publication is 'What a reader would see changed in each journey since the version that was last published was taken.';

grant select on table
  reporting.journey_statuses, reporting.waiting_approvals, reporting.lead_times, reporting.template_uses, reporting.changes_since_publication
to :VIEWER;
--! EndIncluded reporting/journeys.sql
