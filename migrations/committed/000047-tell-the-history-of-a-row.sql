--! Previous: sha1:15b87914487828b845b01c41409790afffe6916f
--! Hash: sha1:c06f6e2f2747cdda22927732a151300779926d4a
--! Message: tell the history of a row

-- What became of a journey, a touchpoint or a client, as a field of it.
set local lock_timeout = '3s';

create type journeys.history_entry as (
  changed_at timestamptz,
  action text,
  source text,
  user_id uuid,
  user_name text,
  import_batch_id uuid,
  changes jsonb
);
grant usage on type journeys.history_entry to public;

--! Included journeys/history.sql
-- What became of a row, as its people read it: the record of changes under their own policies.
comment on type journeys.history_entry is 'One change of a row: when, by whom, through what, and what it changed.';
comment on column journeys.history_entry.changed_at is 'When.';
comment on column journeys.history_entry.action is 'insert, update or delete.';
comment on column journeys.history_entry.source is 'Through what the change came: the API, SQL at a prompt, a job of the worker, an import batch.';
comment on column journeys.history_entry.user_id is 'The person, where one was signed in.';
comment on column journeys.history_entry.user_name is 'What people call them now.';
comment on column journeys.history_entry.import_batch_id is 'The import that did it.';
comment on column journeys.history_entry.changes is 'Of an update {column: [before, after]}.';

create or replace function journeys.journeys_history(journey journeys.journeys) returns setof journeys.history_entry
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select c.changed_at, c.action::text, c.source::text, c.user_id, u.name, c.import_batch_id, c.changes
    from audit.changes c
    left join tenancy.users u on u.id = c.user_id
    where c.tenant_id = journey.tenant_id and c.table_name = 'journeys.journeys' and c.row_id = journey.id
    order by c.changed_at desc, c.id desc
  $$;
comment on function journeys.journeys_history(journeys.journeys) is 'What became of this journey, the latest first.';
grant execute on function journeys.journeys_history(journeys.journeys) to :VIEWER;

create or replace function journeys.touchpoints_history(touchpoint journeys.touchpoints) returns setof journeys.history_entry
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select c.changed_at, c.action::text, c.source::text, c.user_id, u.name, c.import_batch_id, c.changes
    from audit.changes c
    left join tenancy.users u on u.id = c.user_id
    where c.tenant_id = touchpoint.tenant_id and c.table_name = 'journeys.touchpoints' and c.row_id = touchpoint.id
    order by c.changed_at desc, c.id desc
  $$;
comment on function journeys.touchpoints_history(journeys.touchpoints) is 'What became of this touchpoint, the latest first.';
grant execute on function journeys.touchpoints_history(journeys.touchpoints) to :VIEWER;

create or replace function journeys.clients_history(client journeys.clients) returns setof journeys.history_entry
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select c.changed_at, c.action::text, c.source::text, c.user_id, u.name, c.import_batch_id, c.changes
    from audit.changes c
    left join tenancy.users u on u.id = c.user_id
    where c.tenant_id = client.tenant_id and c.table_name = 'journeys.clients' and c.row_id = client.id
    order by c.changed_at desc, c.id desc
  $$;
comment on function journeys.clients_history(journeys.clients) is 'What became of this client, the latest first.';
grant execute on function journeys.clients_history(journeys.clients) to :VIEWER;
--! EndIncluded journeys/history.sql
