--! Previous: sha1:f3feedb752c58908035446d2c682cbe220a24a7d
--! Hash: sha1:dfdfa23e033a2e59d9f7b4cf5be1835da754fe9b
--! Message: search and count journeys

-- What people ask of many journeys at once: search, figures, and how a client's synchronisation has been doing.
set local lock_timeout = '3s';

create type journeys.touchpoint_match as (
  tenant_id uuid, touchpoint_id uuid, journey_id uuid, client_id uuid, name text, type journeys.touchpoint_type, rank real, snippet text
);
create type journeys.journey_counts as (
  total integer, draft integer, client_review integer, approved integer, published integer, rejected integer, archived integer
);
create type journeys.touchpoint_counts as (
  total integer, email integer, sms integer, task integer, wait integer, condition integer, trigger integer, form integer, call integer, note integer
);
create type journeys.client_health_status as enum ('healthy', 'warning', 'error');
create type journeys.client_health as (
  status journeys.client_health_status, score integer, recent_syncs integer, recent_failures integer, last_sync_at timestamptz, last_success_at timestamptz
);
grant usage on type
  journeys.touchpoint_match, journeys.journey_counts, journeys.touchpoint_counts, journeys.client_health_status, journeys.client_health
to public;

--! Included journeys/search_touchpoints.sql
comment on type journeys.touchpoint_match is '@foreignKey (tenant_id, touchpoint_id) references journeys.touchpoints (tenant_id, id)|@fieldName touchpoint|@behavior -manyRelation:resource:connection -manyRelation:resource:list
@foreignKey (tenant_id, journey_id) references journeys.journeys (tenant_id, id)|@fieldName journey|@behavior -manyRelation:resource:connection -manyRelation:resource:list
A touchpoint that a search found.';
comment on column journeys.touchpoint_match.touchpoint_id is 'The touchpoint.';
comment on column journeys.touchpoint_match.journey_id is 'Its journey.';
comment on column journeys.touchpoint_match.client_id is 'The journey''s client.';
comment on column journeys.touchpoint_match.name is 'Its name.';
comment on column journeys.touchpoint_match.type is 'What kind of step it is.';
comment on column journeys.touchpoint_match.rank is 'How well it matches; the best come first.';
comment on column journeys.touchpoint_match.snippet is 'Where it matches, with the words found between ** and **.';

create or replace function app_private.mark_part(text text, part text) returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    select case
      when place.at = 0 then left(text, 120)
      else
        substring(text from place.start for place.at - place.start)
        || '**' || substring(text from place.at for length(part)) || '**'
        || substring(text from place.at + length(part) for 60)
    end
    from (select strpos(lower(text), lower(part)) as at, greatest(strpos(lower(text), lower(part)) - 60, 1) as start) place
  $$;
comment on function app_private.mark_part(text, text) is
  'The surroundings of the first place where a text contains a part of a word, the part between ** and **.';

create or replace function journeys.search_touchpoints(query text, client_id uuid default null, most integer default 50)
  returns setof journeys.touchpoint_match
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    part constant text := btrim(query, E' \t\r\n');
    words constant tsquery := websearch_to_tsquery('simple', part);
    pattern constant text := '%' || regexp_replace(part, '([\\%_])', '\\\1', 'g') || '%';
  begin
    perform app_private.require_role('search', 'viewer', 'editor', 'admin', 'reporter');
    if query is null or query !~ '\S\s*\S' then
      perform app_private.raise_error('LF009', 'A search needs at least two characters.', 'Type more of the word.');
    end if;
    if most is null or most not between 1 and 100 then
      perform app_private.raise_error('LF009', 'A search gives 1 to 100 results, not ' || coalesce(most::text, 'all') || '.', 'Ask for at most 100.');
    end if;
    return query
      with found as (
        select t.tenant_id, t.id, t.journey_id, j.client_id, t.name, t.type, app.searchable_text(t.name, t.content) as text
        from journeys.touchpoints t
        join journeys.journeys j on j.tenant_id = t.tenant_id and j.id = t.journey_id
        where t.tenant_id = app.current_tenant_id()
          and (search_touchpoints.client_id is null or j.client_id = search_touchpoints.client_id)
          and (
            to_tsvector('simple', app.searchable_text(t.name, t.content)) @@ words
            or app.searchable_text(t.name, t.content) ilike pattern
          )
      )
      select
        f.tenant_id, f.id, f.journey_id, f.client_id, f.name, f.type,
        (ts_rank(to_tsvector('simple', f.text), words) + public.word_similarity(part, f.name))::real as rank,
        case
          when to_tsvector('simple', f.text) @@ words
            then ts_headline('simple', f.text, words, 'StartSel=**, StopSel=**, MaxWords=24, MinWords=8, MaxFragments=2')
          else app_private.mark_part(f.text, part)
        end
      from found f
      order by rank desc, f.name, f.id
      limit most;
  end
  $$;
comment on function journeys.search_touchpoints(text, uuid, integer) is
  'Finds touchpoints by words or part of a word in name, subject, preview, greeting and body, over all journeys of the tenant or of one client; best first. Definer, because full text and trigrams do not use their indexes under row security; it names the tenant itself.';
grant execute on function journeys.search_touchpoints(text, uuid, integer) to :VIEWER;
--! EndIncluded journeys/search_touchpoints.sql
--! Included journeys/counts.sql
comment on type journeys.journey_counts is 'How many journeys there are, by status.';
comment on type journeys.touchpoint_counts is 'How many touchpoints there are, by type.';

create or replace function journeys.clients_journey_counts(client journeys.clients) returns journeys.journey_counts
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select row (
      count(*), count(*) filter (where j.status = 'draft'), count(*) filter (where j.status = 'client_review'),
      count(*) filter (where j.status = 'approved'), count(*) filter (where j.status = 'published'),
      count(*) filter (where j.status = 'rejected'), count(*) filter (where j.status = 'archived')
    )::journeys.journey_counts
    from journeys.journeys j
    where j.tenant_id = client.tenant_id and j.client_id = client.id
  $$;
comment on function journeys.clients_journey_counts(journeys.clients) is 'The client''s journeys by status.';
grant execute on function journeys.clients_journey_counts(journeys.clients) to :VIEWER;

create or replace function journeys.clients_touchpoint_counts(client journeys.clients) returns journeys.touchpoint_counts
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select row (
      count(*), count(*) filter (where t.type = 'email'), count(*) filter (where t.type = 'sms'), count(*) filter (where t.type = 'task'),
      count(*) filter (where t.type = 'wait'), count(*) filter (where t.type = 'condition'), count(*) filter (where t.type = 'trigger'),
      count(*) filter (where t.type = 'form'), count(*) filter (where t.type = 'call'), count(*) filter (where t.type = 'note')
    )::journeys.touchpoint_counts
    from journeys.journeys j
    join journeys.touchpoints t on t.tenant_id = j.tenant_id and t.journey_id = j.id
    where j.tenant_id = client.tenant_id and j.client_id = client.id
  $$;
comment on function journeys.clients_touchpoint_counts(journeys.clients) is 'The touchpoints of the client''s journeys by type.';
grant execute on function journeys.clients_touchpoint_counts(journeys.clients) to :VIEWER;

create or replace function journeys.journeys_touchpoint_counts(journey journeys.journeys) returns journeys.touchpoint_counts
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select row (
      count(*), count(*) filter (where t.type = 'email'), count(*) filter (where t.type = 'sms'), count(*) filter (where t.type = 'task'),
      count(*) filter (where t.type = 'wait'), count(*) filter (where t.type = 'condition'), count(*) filter (where t.type = 'trigger'),
      count(*) filter (where t.type = 'form'), count(*) filter (where t.type = 'call'), count(*) filter (where t.type = 'note')
    )::journeys.touchpoint_counts
    from journeys.touchpoints t
    where t.tenant_id = journey.tenant_id and t.journey_id = journey.id
  $$;
comment on function journeys.journeys_touchpoint_counts(journeys.journeys) is 'The touchpoints of the journey by type.';
grant execute on function journeys.journeys_touchpoint_counts(journeys.journeys) to :VIEWER;
--! EndIncluded journeys/counts.sql
--! Included journeys/client_health.sql
comment on type journeys.client_health_status is 'How well synchronising goes.';
comment on type journeys.client_health is 'How synchronising a client with GoHighLevel has been going, over its last five runs.';
comment on column journeys.client_health.status is 'Error after three failures, warning after one, else healthy.';
comment on column journeys.client_health.score is '100, less 10 for each failure (30 at most), less 20 for a warning or 50 for an error.';
comment on column journeys.client_health.recent_syncs is 'How many runs were looked at, five at most.';
comment on column journeys.client_health.recent_failures is 'How many of them failed.';
comment on column journeys.client_health.last_sync_at is 'When the last run was.';
comment on column journeys.client_health.last_success_at is 'When the last run that succeeded was.';

create or replace function journeys.clients_health(client journeys.clients) returns journeys.client_health
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    with recent as (
      select h.status, coalesce(h.completed_at, h.started_at, h.created_at) as ended_at
      from journeys.sync_history h
      where h.tenant_id = client.tenant_id and h.client_id = client.id and h.status <> 'running'
      order by ended_at desc, h.id desc
      limit 5
    ), counted as (
      select count(*)::integer as syncs, (count(*) filter (where status = 'failed'))::integer as failures, max(ended_at) as last_sync_at from recent
    ), judged as (
      select *, case when failures >= 3 then 'error' when failures >= 1 then 'warning' else 'healthy' end::journeys.client_health_status as status
      from counted
    )
    select row (
      status,
      100 - least(failures * 10, 30) - case status when 'error' then 50 when 'warning' then 20 else 0 end,
      syncs, failures, last_sync_at,
      (
        select max(coalesce(h.completed_at, h.started_at, h.created_at))
        from journeys.sync_history h
        where h.tenant_id = client.tenant_id and h.client_id = client.id and h.status = 'success'
      )
    )::journeys.client_health
    from judged
  $$;
comment on function journeys.clients_health(journeys.clients) is 'How synchronising the client with GoHighLevel has been going.';
grant execute on function journeys.clients_health(journeys.clients) to :VIEWER;
--! EndIncluded journeys/client_health.sql
