--! Previous: sha1:0b3af1ce205e095a27be23496dd6d7fe498ad919
--! Hash: sha1:fbf394fa92cd43e6c5916ca8e78d7329814cfc8d
--! Message: account for imports

-- The ledger of imports: which batch brought what from where, what became of every record, and the proof.
set local lock_timeout = '3s';

create schema imports;
comment on schema imports is 'Sources, batches and the ledger: every record of a source ends in exactly one outcome.';
grant usage on schema imports to :VIEWER, :WORKER;

create type imports.batch_status as enum (
  'planned', 'queued', 'running', 'verifying', 'paused', 'completed', 'incomplete', 'failed', 'cancelled', 'rolling_back', 'rolled_back'
);
create type imports.collection_step as enum ('waiting', 'landing', 'landed', 'validated', 'loaded');
create type imports.record_outcome as enum ('inserted', 'updated', 'unchanged', 'quarantined', 'skipped', 'deleted');
create type imports.cell_fate as enum ('exact', 'converted', 'quarantined', 'dropped');
create type imports.field_fate as enum ('mapped', 'derived', 'dropped', 'secret', 'unknown');
create type imports.row_effect as enum ('inserted', 'updated', 'deleted');
create type imports.check_layer as enum ('counts', 'fields', 'references', 'types', 'computed');
grant usage on type
  imports.batch_status, imports.collection_step, imports.record_outcome, imports.cell_fate, imports.field_fate, imports.row_effect,
  imports.check_layer
to public;

create table imports.sources (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  mapping text not null,
  key text not null,
  created_at timestamptz not null default now(),
  constraint sources_pkey primary key (tenant_id, id),
  constraint sources_tenant_id_mapping_key_key unique (tenant_id, mapping, key),
  constraint sources_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id)
);
alter table imports.sources enable row level security;
alter table imports.sources force row level security;

create table imports.batches (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  source_id uuid not null,
  status imports.batch_status not null,
  location text not null,
  mapping_hash bytea not null,
  is_verified boolean,
  message text,
  way_out text,
  started_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint batches_pkey primary key (tenant_id, id),
  constraint batches_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint batches_source_id_fkey foreign key (tenant_id, source_id) references imports.sources (tenant_id, id) on delete cascade,
  constraint batches_finished_is_verified_check check (status not in ('completed', 'incomplete') or is_verified is true)
);
alter table imports.batches enable row level security;
alter table imports.batches force row level security;
create index batches_tenant_id_source_id_created_at_idx on imports.batches (tenant_id, source_id, created_at desc);
create index batches_tenant_id_created_at_idx on imports.batches (tenant_id, created_at desc);
create unique index batches_tenant_id_source_id_open_key on imports.batches (tenant_id, source_id)
  where status in ('queued', 'running', 'verifying', 'paused', 'rolling_back');

create table imports.collections (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  batch_id uuid not null,
  name text not null,
  source_name text not null,
  table_name text,
  place integer not null,
  step imports.collection_step not null default 'waiting',
  next_page text,
  chunks_loaded integer not null default 0,
  landed bigint not null default 0,
  inserted bigint not null default 0,
  updated bigint not null default 0,
  unchanged bigint not null default 0,
  quarantined bigint not null default 0,
  skipped bigint not null default 0,
  deleted bigint not null default 0,
  is_settled boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint collections_pkey primary key (tenant_id, id),
  constraint collections_tenant_id_batch_id_name_key unique (tenant_id, batch_id, name),
  constraint collections_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint collections_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id) on delete cascade,
  constraint collections_settled_balances_check check (not is_settled or landed = inserted + updated + unchanged + quarantined + skipped)
);
alter table imports.collections enable row level security;
alter table imports.collections force row level security;

create table imports.fields (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  collection_id uuid not null,
  name text not null,
  fate imports.field_fate not null,
  column_name text,
  because text,
  exact bigint not null default 0,
  converted bigint not null default 0,
  quarantined bigint not null default 0,
  dropped bigint not null default 0,
  constraint fields_pkey primary key (tenant_id, id),
  constraint fields_tenant_id_collection_id_name_key unique (tenant_id, collection_id, name),
  constraint fields_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint fields_collection_id_fkey foreign key (tenant_id, collection_id) references imports.collections (tenant_id, id) on delete cascade
);
alter table imports.fields enable row level security;
alter table imports.fields force row level security;

create table imports.records (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  batch_id uuid not null,
  collection_id uuid not null,
  row_id uuid not null,
  record_id text not null,
  sha256 bytea not null,
  outcome imports.record_outcome not null,
  reason text,
  created_at timestamptz not null default now(),
  constraint records_pkey primary key (tenant_id, id),
  constraint records_tenant_id_batch_id_row_id_key unique (tenant_id, batch_id, row_id),
  constraint records_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint records_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id) on delete cascade,
  constraint records_collection_id_fkey foreign key (tenant_id, collection_id) references imports.collections (tenant_id, id) on delete cascade,
  constraint records_left_out_has_reason_check check (outcome not in ('quarantined', 'skipped') or reason is not null)
);
alter table imports.records enable row level security;
alter table imports.records force row level security;
create index records_tenant_id_collection_id_idx on imports.records (tenant_id, collection_id);
create index records_tenant_id_row_id_idx on imports.records (tenant_id, row_id, id desc);
create index records_tenant_id_batch_id_left_out_idx on imports.records (tenant_id, batch_id, collection_id) where reason is not null;

create table imports.effects (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  batch_id uuid not null,
  row_id uuid not null,
  table_name text not null,
  effect imports.row_effect not null,
  row_hash bytea not null,
  created_at timestamptz not null default now(),
  constraint effects_pkey primary key (tenant_id, id),
  constraint effects_tenant_id_batch_id_row_id_table_name_key unique (tenant_id, batch_id, row_id, table_name),
  constraint effects_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint effects_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id) on delete cascade
);
alter table imports.effects enable row level security;
alter table imports.effects force row level security;
create index effects_tenant_id_row_id_table_name_idx on imports.effects (tenant_id, row_id, table_name, id desc);

create table imports.issues (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  batch_id uuid not null,
  collection_id uuid not null,
  row_id uuid,
  record_id text,
  field text,
  column_name text,
  fate imports.cell_fate,
  reason text not null,
  original text,
  detail text,
  way_out text not null,
  created_at timestamptz not null default now(),
  constraint issues_pkey primary key (tenant_id, id),
  constraint issues_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint issues_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id) on delete cascade,
  constraint issues_collection_id_fkey foreign key (tenant_id, collection_id) references imports.collections (tenant_id, id) on delete cascade
);
alter table imports.issues enable row level security;
alter table imports.issues force row level security;
create index issues_tenant_id_batch_id_row_id_idx on imports.issues (tenant_id, batch_id, row_id);
create index issues_tenant_id_collection_id_reason_idx on imports.issues (tenant_id, collection_id, reason);

create table imports.checks (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  batch_id uuid not null,
  collection_id uuid,
  layer imports.check_layer not null,
  name text not null,
  expected bigint not null,
  actual bigint not null,
  offending jsonb not null default '[]',
  is_passed boolean not null generated always as (expected = actual) stored,
  created_at timestamptz not null default now(),
  constraint checks_pkey primary key (tenant_id, id),
  constraint checks_tenant_id_batch_id_collection_id_layer_name_key unique nulls not distinct (tenant_id, batch_id, collection_id, layer, name),
  constraint checks_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint checks_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id) on delete cascade,
  constraint checks_collection_id_fkey foreign key (tenant_id, collection_id) references imports.collections (tenant_id, id) on delete cascade,
  constraint checks_offending_check check (jsonb_typeof(offending) = 'array')
);
alter table imports.checks enable row level security;
alter table imports.checks force row level security;
create index checks_tenant_id_collection_id_idx on imports.checks (tenant_id, collection_id);

create table imports.api_calls (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  batch_id uuid not null,
  called_at timestamptz not null,
  request text not null,
  http_status integer,
  milliseconds integer not null,
  problem text,
  constraint api_calls_pkey primary key (tenant_id, id),
  constraint api_calls_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint api_calls_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id) on delete cascade
);
alter table imports.api_calls enable row level security;
alter table imports.api_calls force row level security;
create index api_calls_tenant_id_batch_id_called_at_idx on imports.api_calls (tenant_id, batch_id, called_at);

-- What was read, exactly as it came, and the row that the mapping makes of it. Written once, a partition for each batch, so that
-- forgetting a batch's texts is dropping a table.
create table app_private.import_payloads (
  batch_id uuid not null,
  collection_id uuid not null,
  row_id uuid not null,
  record_id text not null,
  position bigint not null,
  page integer not null,
  sha256 bytea not null,
  source_text text,
  source_bytes bytea,
  holds_refused_text boolean not null,
  rows jsonb,
  refusal text,
  constraint import_payloads_pkey primary key (batch_id, row_id),
  constraint import_payloads_one_source_check check (num_nonnulls(source_text, source_bytes) = 1),
  constraint import_payloads_row_or_refusal_check check (num_nonnulls(rows, refusal) = 1)
) partition by list (batch_id);
create index import_payloads_batch_id_collection_id_position_idx on app_private.import_payloads (batch_id, collection_id, position);

-- Where a ranked row belongs among its siblings, and the chunk that takes all of them at once.
create table app_private.import_places (
  batch_id uuid not null,
  collection_id uuid not null,
  row_id uuid not null,
  chunk integer not null,
  place integer not null,
  constraint import_places_pkey primary key (batch_id, row_id)
);
create index import_places_batch_id_collection_id_chunk_idx on app_private.import_places (batch_id, collection_id, chunk);

-- What a row was before a batch changed it.
create table app_private.import_before_images (
  batch_id uuid not null,
  row_id uuid not null,
  table_name text not null,
  image jsonb not null,
  constraint import_before_images_pkey primary key (batch_id, row_id, table_name)
);

-- Which process works on a batch. It renews its lease as it goes; whoever finds it stale takes the batch over under a new token.
create table app_private.import_leases (
  batch_id uuid not null,
  tenant_id uuid not null,
  token uuid not null,
  heartbeat_at timestamptz not null,
  constraint import_leases_pkey primary key (batch_id),
  constraint import_leases_batch_id_fkey foreign key (tenant_id, batch_id) references imports.batches (tenant_id, id) on delete cascade
);
create index import_leases_tenant_id_batch_id_idx on app_private.import_leases (tenant_id, batch_id);

--! Included imports/machine.sql
-- How a batch goes on. People will ask for pauses, resumption and rollback; everything else is the worker's.
select app_private.define_machine('import_batch', $$
  -> planned: worker
  -> queued: worker
  planned -> queued: worker
  queued -> running: worker
  running -> verifying: worker
  verifying -> completed: worker
  verifying -> incomplete: worker
  verifying -> failed: worker
  running -> paused: worker, admin
  verifying -> paused: worker, admin
  paused -> queued: worker, admin
  queued -> cancelled: worker, admin
  running -> cancelled: worker, admin
  paused -> cancelled: worker, admin
  incomplete -> running: worker
  completed -> rolling_back: worker, admin
  incomplete -> rolling_back: worker, admin
  failed -> rolling_back: worker, admin
  cancelled -> rolling_back: worker, admin
  rolling_back -> rolled_back: worker
$$);
--! EndIncluded imports/machine.sql
--! Included imports/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF201', 'import_batch_not_open', 409, 'The import batch %s takes no payloads: it is %s.', 'Start a new import of this source.'),
  ('LF202', 'mapping_unknown', 404, 'There is no mapping of this name.', 'Choose one of those that the message names.'),
  ('LF203', 'snapshot_missing', 404, 'The snapshot''s folder is not there.', 'Check the path.'),
  ('LF204', 'snapshot_empty', 400, 'The folder is empty.', 'Point to a folder with schema.json and records/.'),
  ('LF205', 'snapshot_foreign', 400, 'The folder holds no snapshot of ours.', 'Point to a folder with schema.json and records/.'),
  ('LF206', 'snapshot_incomplete', 400, 'The snapshot was not written to its end.', 'Take it again.'),
  ('LF207', 'import_busy', 409, 'Another import of this source is under way.', 'Wait for it, then run this one again.'),
  ('LF208', 'import_unknown', 404, 'The tenant has no such import.', 'Without an id, landfall import status tells of the latest.'),
  ('LF209', 'import_collection_missing', 400, 'The source lacks a collection that the mapping reads.', 'Check that it is the right source, and the names of its collections.'),
  ('LF210', 'airtable_base_invalid', 400, 'This is no id of an Airtable base.', 'Write it as airtable:app….'),
  ('LF211', 'airtable_token_refused', 401, 'Airtable does not accept the token.', 'Set AIRTABLE_API_KEY to a personal access token that may read the base.'),
  ('LF212', 'airtable_forbidden', 403, 'Airtable shows this token no such base or table.', 'Check the base''s id, and that the token was given this base.'),
  ('LF213', 'airtable_quota', 429, 'The workspace has used up its API calls of this month.', 'Import from a snapshot, upgrade the plan, or go on next month: what was read is kept.'),
  ('LF214', 'airtable_unreachable', 503, 'Airtable gave no good answer.', 'Check the network, then run the import again: it goes on where it stopped.'),
  ('LF215', 'airtable_answer_unexpected', 502, 'Airtable answered something that is not documented.', 'Check AIRTABLE_ENDPOINT_URL; if it is right, report this.'),
  ('LF216', 'import_paused', 409, 'The import was paused.', 'Mend what the message names, then run it again: it goes on where it stopped.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded imports/errors.sql
--! Included imports/sources.sql
-- Where imports come from: one row for a base, however often and from whichever copy it is read.
drop policy if exists all_tenant on imports.sources;
create policy all_tenant on imports.sources as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.sources;
create policy select_owner on imports.sources for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.sources;
create policy insert_owner on imports.sources for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.sources;
create policy update_owner on imports.sources for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.sources;
create policy delete_owner on imports.sources for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.sources;
create policy select_viewer on imports.sources for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.sources;
create policy select_worker on imports.sources for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.sources;
create policy insert_worker on imports.sources for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.sources to :VIEWER;
grant select, insert on table imports.sources to :WORKER;

create or replace trigger _700_audit_insert after insert on imports.sources
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on imports.sources
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on imports.sources
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table imports.sources is '@class tenant
A legacy store that is imported, and the namespace of the ids that its records get.';
comment on column imports.sources.id is 'The row''s id, time-ordered; every imported row''s id is derived from it.';
comment on column imports.sources.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.sources.mapping is 'The mapping that reads it.';
comment on column imports.sources.key is 'What the source calls itself: airtable:app…; a live base and a snapshot of it share it.';
comment on column imports.sources.created_at is 'When the row was made.';
comment on constraint sources_tenant_id_fkey on imports.sources is 'There is no such tenant.';
comment on constraint sources_tenant_id_mapping_key_key on imports.sources is 'This source is known already.';
--! EndIncluded imports/sources.sql
--! Included imports/batches.sql
-- One run of an import. Its status follows the machine import_batch.
drop policy if exists all_tenant on imports.batches;
create policy all_tenant on imports.batches as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.batches;
create policy select_owner on imports.batches for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.batches;
create policy insert_owner on imports.batches for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.batches;
create policy update_owner on imports.batches for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.batches;
create policy delete_owner on imports.batches for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.batches;
create policy select_viewer on imports.batches for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.batches;
create policy select_worker on imports.batches for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.batches;
create policy insert_worker on imports.batches for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.batches;
create policy update_worker on imports.batches for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.batches to :VIEWER;
grant select, insert, update on table imports.batches to :WORKER;

create or replace trigger _100_stamp_times before update on imports.batches
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _300_check_birth before insert on imports.batches
  for each row execute function app_private.tg__check_transition('import_batch', 'status');
create or replace trigger _300_check_transition before update on imports.batches
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('import_batch', 'status');
create or replace trigger _700_audit_insert after insert on imports.batches
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on imports.batches
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on imports.batches
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type imports.batch_status is 'How far a batch is; incomplete means that the ledger balances and something waits in quarantine.';
comment on table imports.batches is '@class tenant
One run of an import, from reading to the proof.';
comment on column imports.batches.id is 'The row''s id, time-ordered.';
comment on column imports.batches.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.batches.source_id is 'Where it reads.';
comment on column imports.batches.status is '@isIndexed
How far it is; incomplete means that the ledger balances but something waits in quarantine.';
comment on column imports.batches.location is 'The folder or address that was read.';
comment on column imports.batches.mapping_hash is 'SHA-256 of the mapping as it was.';
comment on column imports.batches.is_verified is 'Whether every check passed; null before verification.';
comment on column imports.batches.message is 'Why it stopped, where it did.';
comment on column imports.batches.way_out is 'What to do then.';
comment on column imports.batches.started_at is 'When work on it began.';
comment on column imports.batches.finished_at is 'When it ended.';
comment on column imports.batches.created_at is 'When the row was made.';
comment on column imports.batches.updated_at is 'When the row was last changed.';
comment on constraint batches_tenant_id_fkey on imports.batches is 'There is no such tenant.';
comment on constraint batches_source_id_fkey on imports.batches is 'There is no such source.';
comment on constraint batches_finished_is_verified_check on imports.batches is 'A batch is complete only when every check has passed.';
comment on index imports.batches_tenant_id_source_id_open_key is 'Another import of this source is under way; wait for it, or resume it.';
--! EndIncluded imports/batches.sql
--! Included imports/collections.sql
-- One collection of a source in one batch: how far it is, and its sums.
drop policy if exists all_tenant on imports.collections;
create policy all_tenant on imports.collections as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.collections;
create policy select_owner on imports.collections for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.collections;
create policy insert_owner on imports.collections for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.collections;
create policy update_owner on imports.collections for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.collections;
create policy delete_owner on imports.collections for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.collections;
create policy select_viewer on imports.collections for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.collections;
create policy select_worker on imports.collections for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.collections;
create policy insert_worker on imports.collections for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.collections;
create policy update_worker on imports.collections for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.collections to :VIEWER;
grant select, insert, update on table imports.collections to :WORKER;

create or replace trigger _100_stamp_times before update on imports.collections
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();

comment on type imports.collection_step is 'How far a collection has come within its batch.';
comment on table imports.collections is '@class tenant
What became of one collection in one batch: landed = inserted + updated + unchanged + quarantined + skipped.';
comment on column imports.collections.id is 'The row''s id, time-ordered.';
comment on column imports.collections.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.collections.batch_id is 'The batch.';
comment on column imports.collections.name is 'Its name in the mapping.';
comment on column imports.collections.source_name is 'Its name in the source.';
comment on column imports.collections.table_name is 'The table that its records go to; null where it is left out.';
comment on column imports.collections.place is 'Its turn, from 0: what others link to comes first.';
comment on column imports.collections.step is 'How far it is.';
comment on column imports.collections.next_page is 'Where reading goes on; null at the beginning and after the end.';
comment on column imports.collections.chunks_loaded is 'How many chunks are in.';
comment on column imports.collections.landed is 'Records read and kept.';
comment on column imports.collections.inserted is 'Records that made a new row.';
comment on column imports.collections.updated is 'Records that changed a row.';
comment on column imports.collections.unchanged is 'Records whose row was as it should be.';
comment on column imports.collections.quarantined is 'Records that wait for a person.';
comment on column imports.collections.skipped is 'Records left out with a reason.';
comment on column imports.collections.deleted is 'Rows removed because their record is gone.';
comment on column imports.collections.is_settled is 'Whether every record has its outcome; then the sums must balance.';
comment on column imports.collections.created_at is 'When the row was made.';
comment on column imports.collections.updated_at is 'When the row was last changed.';
comment on constraint collections_tenant_id_fkey on imports.collections is 'There is no such tenant.';
comment on constraint collections_tenant_id_batch_id_name_key on imports.collections is 'The batch has this collection already.';
comment on constraint collections_batch_id_fkey on imports.collections is 'There is no such batch.';
comment on constraint collections_settled_balances_check on imports.collections is 'Every record that landed has exactly one outcome.';
--! EndIncluded imports/collections.sql
--! Included imports/fields.sql
-- Every field of the source and its fate, counted cell by cell.
drop policy if exists all_tenant on imports.fields;
create policy all_tenant on imports.fields as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.fields;
create policy select_owner on imports.fields for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.fields;
create policy insert_owner on imports.fields for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.fields;
create policy update_owner on imports.fields for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.fields;
create policy delete_owner on imports.fields for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.fields;
create policy select_viewer on imports.fields for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.fields;
create policy select_worker on imports.fields for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.fields;
create policy insert_worker on imports.fields for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.fields;
create policy update_worker on imports.fields for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.fields to :VIEWER;
grant select, insert, update on table imports.fields to :WORKER;


comment on type imports.field_fate is 'What the mapping does with a field of the source.';
comment on table imports.fields is '@class tenant
A field of a collection in one batch: its fate, and what became of its cells.';
comment on column imports.fields.id is 'The row''s id, time-ordered.';
comment on column imports.fields.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.fields.collection_id is 'The collection.';
comment on column imports.fields.name is 'The source''s name for it.';
comment on column imports.fields.fate is 'What the mapping says of it; unknown where it says nothing.';
comment on column imports.fields.column_name is 'The column it goes to.';
comment on column imports.fields.because is 'Why it is derived or dropped.';
comment on column imports.fields.exact is 'Cells that can be read back as they were.';
comment on column imports.fields.converted is 'Cells that were put in other words.';
comment on column imports.fields.quarantined is 'Cells that wait for a person.';
comment on column imports.fields.dropped is 'Cells left behind on purpose.';
comment on constraint fields_tenant_id_fkey on imports.fields is 'There is no such tenant.';
comment on constraint fields_tenant_id_collection_id_name_key on imports.fields is 'The collection has this field already.';
comment on constraint fields_collection_id_fkey on imports.fields is 'There is no such collection in the ledger.';
--! EndIncluded imports/fields.sql
--! Included imports/records.sql
-- The outcome of every record: written once, when it is known.
drop policy if exists all_tenant on imports.records;
create policy all_tenant on imports.records as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.records;
create policy select_owner on imports.records for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.records;
create policy insert_owner on imports.records for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.records;
create policy update_owner on imports.records for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.records;
create policy delete_owner on imports.records for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.records;
create policy select_viewer on imports.records for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.records;
create policy select_worker on imports.records for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.records;
create policy insert_worker on imports.records for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.records to :VIEWER;
grant select, insert on table imports.records to :WORKER;


comment on type imports.record_outcome is 'What became of a record: every one has exactly one outcome.';
comment on table imports.records is '@class tenant
A record of a source in one batch, and its one outcome.';
comment on column imports.records.id is 'The row''s id, time-ordered.';
comment on column imports.records.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.records.batch_id is 'The batch.';
comment on column imports.records.collection_id is 'The collection.';
comment on column imports.records.row_id is 'The id of the row that it is, or would be.';
comment on column imports.records.record_id is 'Its id in the source.';
comment on column imports.records.sha256 is 'SHA-256 of its text as it came.';
comment on column imports.records.outcome is 'What became of it.';
comment on column imports.records.reason is 'Why it was left out, one of the ledger''s words.';
comment on column imports.records.created_at is 'When the row was made.';
comment on constraint records_tenant_id_fkey on imports.records is 'There is no such tenant.';
comment on constraint records_tenant_id_batch_id_row_id_key on imports.records is 'This record has its outcome already.';
comment on constraint records_batch_id_fkey on imports.records is 'There is no such batch.';
comment on constraint records_collection_id_fkey on imports.records is 'There is no such collection in the ledger.';
comment on constraint records_left_out_has_reason_check on imports.records is 'A record is left out for a reason only.';
--! EndIncluded imports/records.sql
--! Included imports/effects.sql
-- Every row that a batch wrote, so that it can be told from what people wrote, and taken back.
drop policy if exists all_tenant on imports.effects;
create policy all_tenant on imports.effects as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.effects;
create policy select_owner on imports.effects for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.effects;
create policy insert_owner on imports.effects for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.effects;
create policy update_owner on imports.effects for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.effects;
create policy delete_owner on imports.effects for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.effects;
create policy select_viewer on imports.effects for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.effects;
create policy select_worker on imports.effects for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.effects;
create policy insert_worker on imports.effects for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.effects to :VIEWER;
grant select, insert on table imports.effects to :WORKER;


comment on type imports.row_effect is 'What a batch did to a row.';
comment on table imports.effects is '@class tenant
A row that a batch inserted or changed, with the hash of what it wrote.';
comment on column imports.effects.id is 'The row''s id, time-ordered.';
comment on column imports.effects.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.effects.batch_id is 'The batch.';
comment on column imports.effects.row_id is 'The row.';
comment on column imports.effects.table_name is 'Its table, with the schema.';
comment on column imports.effects.effect is 'What the batch did to it.';
comment on column imports.effects.row_hash is 'SHA-256 of the imported columns as they were written: a row with another hash was edited since.';
comment on column imports.effects.created_at is 'When the row was made.';
comment on constraint effects_tenant_id_fkey on imports.effects is 'There is no such tenant.';
comment on constraint effects_tenant_id_batch_id_row_id_table_name_key on imports.effects is 'The batch has written this row already.';
comment on constraint effects_batch_id_fkey on imports.effects is 'There is no such batch.';
--! EndIncluded imports/effects.sql
--! Included imports/issues.sql
-- What a person should know about a cell, a record or a collection.
drop policy if exists all_tenant on imports.issues;
create policy all_tenant on imports.issues as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.issues;
create policy select_owner on imports.issues for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.issues;
create policy insert_owner on imports.issues for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.issues;
create policy update_owner on imports.issues for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.issues;
create policy delete_owner on imports.issues for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.issues;
create policy select_viewer on imports.issues for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.issues;
create policy select_worker on imports.issues for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.issues;
create policy insert_worker on imports.issues for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.issues to :VIEWER;
grant select, insert on table imports.issues to :WORKER;


comment on type imports.cell_fate is 'What became of a value.';
comment on table imports.issues is '@class tenant
Something in the source that is not as it should be, what became of it, and what to do.';
comment on column imports.issues.id is 'The row''s id, time-ordered.';
comment on column imports.issues.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.issues.batch_id is 'The batch.';
comment on column imports.issues.collection_id is 'The collection.';
comment on column imports.issues.row_id is 'The row that the record is, or would be.';
comment on column imports.issues.record_id is 'The record in the source; null where it is about the collection.';
comment on column imports.issues.field is 'The field; null where it is about the record.';
comment on column imports.issues.column_name is 'The column that the field goes to.';
comment on column imports.issues.fate is 'What became of the cell.';
comment on column imports.issues.reason is 'Which kind of issue it is, one of the ledger''s words.';
comment on column imports.issues.original is 'What the source has, as JSON text.';
comment on column imports.issues.detail is 'The particulars, such as the parent that is missing.';
comment on column imports.issues.way_out is 'What to do about it.';
comment on column imports.issues.created_at is 'When the row was made.';
comment on constraint issues_tenant_id_fkey on imports.issues is 'There is no such tenant.';
comment on constraint issues_batch_id_fkey on imports.issues is 'There is no such batch.';
comment on constraint issues_collection_id_fkey on imports.issues is 'There is no such collection in the ledger.';
--! EndIncluded imports/issues.sql
--! Included imports/checks.sql
-- The proof: what the source says, re-derived from what landed, against what the tables hold.
drop policy if exists all_tenant on imports.checks;
create policy all_tenant on imports.checks as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.checks;
create policy select_owner on imports.checks for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.checks;
create policy insert_owner on imports.checks for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.checks;
create policy update_owner on imports.checks for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.checks;
create policy delete_owner on imports.checks for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.checks;
create policy select_viewer on imports.checks for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.checks;
create policy select_worker on imports.checks for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.checks;
create policy insert_worker on imports.checks for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on imports.checks;
create policy delete_worker on imports.checks for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table imports.checks to :VIEWER;
grant select, insert, delete on table imports.checks to :WORKER;


comment on type imports.check_layer is 'What a check compares.';
comment on table imports.checks is '@class tenant
One check of a batch: what was expected, what was found, and which records differ.';
comment on column imports.checks.id is 'The row''s id, time-ordered.';
comment on column imports.checks.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.checks.batch_id is 'The batch.';
comment on column imports.checks.collection_id is 'The collection; null where it is about the whole batch.';
comment on column imports.checks.layer is 'Which of the five layers it belongs to.';
comment on column imports.checks.name is 'What was compared.';
comment on column imports.checks.expected is 'The number that there should be.';
comment on column imports.checks.actual is 'The number that there is.';
comment on column imports.checks.offending is 'The first records that differ.';
comment on column imports.checks.is_passed is 'Whether the two numbers are equal.';
comment on column imports.checks.created_at is 'When the row was made.';
comment on constraint checks_tenant_id_fkey on imports.checks is 'There is no such tenant.';
comment on constraint checks_tenant_id_batch_id_collection_id_layer_name_key on imports.checks is 'A batch makes each check once.';
comment on constraint checks_batch_id_fkey on imports.checks is 'There is no such batch.';
comment on constraint checks_collection_id_fkey on imports.checks is 'There is no such collection in the ledger.';
comment on constraint checks_offending_check on imports.checks is 'The offending records are a JSON array.';
--! EndIncluded imports/checks.sql
--! Included imports/api_calls.sql
-- Every call that a batch made to its source.
drop policy if exists all_tenant on imports.api_calls;
create policy all_tenant on imports.api_calls as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.api_calls;
create policy select_owner on imports.api_calls for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.api_calls;
create policy insert_owner on imports.api_calls for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.api_calls;
create policy update_owner on imports.api_calls for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.api_calls;
create policy delete_owner on imports.api_calls for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.api_calls;
create policy select_viewer on imports.api_calls for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.api_calls;
create policy select_worker on imports.api_calls for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.api_calls;
create policy insert_worker on imports.api_calls for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));

grant select on table imports.api_calls to :VIEWER;
grant select, insert on table imports.api_calls to :WORKER;


comment on table imports.api_calls is '@class tenant
A call to the source''s API: when, what, and how it went.';
comment on column imports.api_calls.id is 'The row''s id, time-ordered.';
comment on column imports.api_calls.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.api_calls.batch_id is 'The batch.';
comment on column imports.api_calls.called_at is 'When it was sent.';
comment on column imports.api_calls.request is 'Method and path.';
comment on column imports.api_calls.http_status is 'The answer''s status; null where none came.';
comment on column imports.api_calls.milliseconds is 'How long it took.';
comment on column imports.api_calls.problem is 'What went wrong.';
comment on constraint api_calls_tenant_id_fkey on imports.api_calls is 'There is no such tenant.';
comment on constraint api_calls_batch_id_fkey on imports.api_calls is 'There is no such batch.';
--! EndIncluded imports/api_calls.sql
--! Included imports/crosswalk.sql
-- Which row is rec…? And which record is this row? Read it either way.
create or replace view imports.crosswalk with (security_invoker = true) as
  select distinct on (r.tenant_id, r.row_id)
    r.tenant_id,
    b.source_id,
    c.name as collection,
    r.record_id,
    c.table_name,
    r.row_id,
    r.batch_id
  from imports.records r
  join imports.collections c on c.tenant_id = r.tenant_id and c.id = r.collection_id
  join imports.batches b on b.tenant_id = r.tenant_id and b.id = r.batch_id
  where r.outcome in ('inserted', 'updated', 'unchanged')
  order by r.tenant_id, r.row_id, r.id desc;
grant select on imports.crosswalk to :VIEWER, :WORKER;
comment on view imports.crosswalk is 'Every imported row with the record that it came from, as the latest batch left it.';
comment on column imports.crosswalk.source_id is 'The source.';
comment on column imports.crosswalk.collection is 'The collection of the record.';
comment on column imports.crosswalk.record_id is 'The record''s id in the source.';
comment on column imports.crosswalk.table_name is 'The table of the row.';
comment on column imports.crosswalk.row_id is 'The row''s id.';
comment on column imports.crosswalk.batch_id is 'The latest batch that met it.';
--! EndIncluded imports/crosswalk.sql
--! Included imports/private.sql
-- The worker's own tables. No row security: COPY is refused under it, nobody but the worker has any right here, and what people may see
-- of a payload goes through imports.records_source_text.
grant usage on schema app_private to :WORKER;
grant select, insert on table app_private.import_payloads to :WORKER;
grant select, insert, delete on table app_private.import_places to :WORKER;
grant select, insert on table app_private.import_before_images to :WORKER;
grant select, insert, update, delete on table app_private.import_leases to :WORKER;

comment on table app_private.import_payloads is '@class private
Every record that was read: its text exactly as it came, secrets blanked, and the row that the mapping makes of it. Never updated.';
comment on column app_private.import_payloads.batch_id is 'The batch; one partition for each.';
comment on column app_private.import_payloads.row_id is 'UUIDv5 of source, collection and record id.';
comment on column app_private.import_payloads.position is 'Its turn in the collection, from 1, as it was read.';
comment on column app_private.import_payloads.page is 'The page that it came with.';
comment on column app_private.import_payloads.sha256 is 'SHA-256 of the text as it came, before secrets were blanked.';
comment on column app_private.import_payloads.source_text is 'The record''s JSON text; null where its bytes are no UTF-8.';
comment on column app_private.import_payloads.source_bytes is 'The record''s bytes where they are no UTF-8.';
comment on column app_private.import_payloads.holds_refused_text is 'Whether a cell may hold what PostgreSQL''s text refuses: NUL, a lone surrogate.';
comment on column app_private.import_payloads.rows is 'The rows that the mapping makes of it, by table; null where it makes none.';
comment on column app_private.import_payloads.refusal is 'Why it makes none.';
comment on table app_private.import_places is '@class private
The place of every ranked row among its siblings, worked out for the whole batch at once.';
comment on table app_private.import_before_images is '@class private
What a row was before a batch changed it.';
comment on table app_private.import_leases is '@class private
Which process works on a batch, and when it last said so.';

create or replace function app_private.make_import_partition(batch_id uuid) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    partition_name constant text := 'import_payloads_' || replace(make_import_partition.batch_id::text, '-', '');
    batch_status imports.batch_status;
  begin
    select b.status into batch_status
    from imports.batches b
    where b.tenant_id = app.current_tenant_id() and b.id = make_import_partition.batch_id;
    if batch_status is null or batch_status not in ('planned', 'running') then
      perform app_private.raise_error('LF201', make_import_partition.batch_id::text, coalesce(batch_status::text, 'not there'));
    end if;
    if to_regclass('app_private.' || partition_name) is null then
      -- Attached and not made as a partition: that would lock out every other import for a moment.
      execute format('create table app_private.%I (like app_private.import_payloads including defaults including constraints)', partition_name);
      execute format('alter table app_private.import_payloads attach partition app_private.%I for values in (%L)', partition_name, make_import_partition.batch_id);
      execute format('comment on table app_private.%I is %L', partition_name, E'@class private\nThe payloads of one batch; read them through app_private.import_payloads.');
    end if;
  end
  $$;
comment on function app_private.make_import_partition(uuid) is
  'Makes room for a batch''s payloads, once. Definer, because making tables is the owner''s; it serves a batch of the current tenant only.';
revoke all on function app_private.make_import_partition(uuid) from public;
grant execute on function app_private.make_import_partition(uuid) to :WORKER;

create or replace function app_private.analyze_imports(batch_id uuid) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    partition_name constant text := 'import_payloads_' || replace(analyze_imports.batch_id::text, '-', '');
  begin
    if to_regclass('app_private.' || partition_name) is not null then
      execute format('analyze app_private.%I', partition_name);
    end if;
    analyze app_private.import_places, imports.records, imports.effects, imports.issues;
  end
  $$;
comment on function app_private.analyze_imports(uuid) is
  'Brings the planner''s statistics of a batch''s payloads and of the ledger up to date. Definer, because only an owner may.';
revoke all on function app_private.analyze_imports(uuid) from public;
grant execute on function app_private.analyze_imports(uuid) to :WORKER;
--! EndIncluded imports/private.sql
--! Included imports/queue_batches.sql
-- A queued batch has a job, in the same transaction. The batch is the truth and the job its wake-up: a lost or doubled job changes nothing.
create or replace function app_private.queue_import_batch(tenant_id uuid, batch_id uuid) returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$
    select graphile_worker.add_job(
      'imports/run_batch',
      json_build_object('tenantId', tenant_id, 'batchId', batch_id),
      job_key => 'imports/run_batch:' || batch_id
    )
  $$;
comment on function app_private.queue_import_batch(uuid, uuid) is 'Wakes the worker for a batch.';

create or replace function app_private.tg_batches__queue_run() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform app_private.queue_import_batch(new.tenant_id, new.id);
    return null;
  end
  $$;
comment on function app_private.tg_batches__queue_run() is 'Definer, because the queue is not open to whoever queues a batch.';

create or replace trigger _900_queue_run_of_new after insert on imports.batches
  for each row when (new.status = 'queued') execute function app_private.tg_batches__queue_run();
create or replace trigger _900_queue_run after update on imports.batches
  for each row when (new.status = 'queued' and old.status is distinct from new.status) execute function app_private.tg_batches__queue_run();

create or replace function app_private.requeue_import_batches(silent_for interval default '20 seconds') returns setof uuid
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    batch record;
  begin
    for batch in
      select b.tenant_id, b.id
      from imports.batches b
      left join app_private.import_leases l on l.tenant_id = b.tenant_id and l.batch_id = b.id
      where b.status in ('queued', 'running', 'verifying')
        and greatest(b.updated_at, l.heartbeat_at) < clock_timestamp() - silent_for
    loop
      perform app_private.queue_import_batch(batch.tenant_id, batch.id);
      return next batch.id;
    end loop;
  end
  $$;
comment on function app_private.requeue_import_batches(interval) is
  'Wakes the worker for every batch that nobody has worked on for a while, whichever tenant it belongs to, and names them. Definer, because the worker sees one tenant at a time.';
revoke all on function app_private.requeue_import_batches(interval) from public;
grant execute on function app_private.requeue_import_batches(interval) to :WORKER;
--! EndIncluded imports/queue_batches.sql
--! Included imports/source_text.sql
create or replace function imports.records_source_text(record imports.records) returns text
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select coalesce(p.source_text, encode(p.source_bytes, 'escape'))
    from app_private.import_payloads p
    join imports.batches b on b.id = p.batch_id
    where p.batch_id = record.batch_id
      and p.row_id = record.row_id
      and b.tenant_id = app.current_tenant_id()
  $$;
comment on function imports.records_source_text(imports.records) is
  'The record''s text as the source gave it, secrets blanked; null when the batch''s texts were forgotten. Definer, because payloads are private; it looks up the tenant''s own batches only.';
revoke all on function imports.records_source_text(imports.records) from public;
grant execute on function imports.records_source_text(imports.records) to :VIEWER, :WORKER;
--! EndIncluded imports/source_text.sql
--! Included imports/readable_text.sql
-- The verifier reads raw JSON text in SQL. What PostgreSQL's text cannot hold is replaced for its eyes only; such cells wait in quarantine.
create or replace function app_private.readable_json(source_text text) returns jsonb
  language sql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
  as $$
    select regexp_replace(
      regexp_replace(
        source_text,
        '(?<!\\)((?:\\\\)*)\\u(?:0000|[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F]))', '\1\\ufffd', 'g'
      ),
      '(?<!\\u[dD][89abAB][0-9a-fA-F]{2})(?<!\\)((?:\\\\)*)\\u[dD][c-fC-F][0-9a-fA-F]{2}', '\1\\ufffd', 'g'
    )::jsonb
  $$;
comment on function app_private.readable_json(text) is
  'JSON text as jsonb, with the replacement character for NUL and lone surrogates, which jsonb refuses.';
revoke all on function app_private.readable_json(text) from public;
grant execute on function app_private.readable_json(text) to :WORKER;
--! EndIncluded imports/readable_text.sql
