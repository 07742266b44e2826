--! Previous: sha1:8a9a71aa2bc4f0d8a446b412b448486a144e0878
--! Hash: sha1:2e470e61a8079276b39c3ae9c0613c110681a215
--! Message: hold imports to their prediction

-- What a batch will do is predicted before it does it, by other code than what does it, and held against what happened.
set local lock_timeout = '3s';

create table imports.predictions (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  collection_id uuid not null,
  field text,
  fate text not null,
  predicted bigint not null,
  actual bigint,
  is_usual boolean not null default false,
  constraint predictions_pkey primary key (tenant_id, id),
  constraint predictions_tenant_id_collection_id_field_fate_key unique nulls not distinct (tenant_id, collection_id, field, fate),
  constraint predictions_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint predictions_collection_id_fkey foreign key (tenant_id, collection_id) references imports.collections (tenant_id, id) on delete cascade,
  constraint predictions_fate_check check (
    fate in ('inserted', 'updated', 'unchanged', 'quarantined', 'skipped', 'deleted', 'conflicts') and field is null
    or fate in ('exact', 'converted', 'quarantined', 'dropped') and field is not null
  )
);
alter table imports.predictions enable row level security;
alter table imports.predictions force row level security;

-- The records of which something else than the usual was predicted: with them, a difference can be named.
create table app_private.import_predicted_records (
  batch_id uuid not null,
  row_id uuid not null,
  collection_id uuid not null,
  outcome imports.record_outcome not null,
  has_conflict boolean not null,
  constraint import_predicted_records_pkey primary key (batch_id, row_id)
);

--! Included imports/predictions.sql
-- What a batch was expected to do, counted, and what it did.
drop policy if exists all_tenant on imports.predictions;
create policy all_tenant on imports.predictions as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on imports.predictions;
create policy select_owner on imports.predictions for select to :OWNER
  using (true);
drop policy if exists insert_owner on imports.predictions;
create policy insert_owner on imports.predictions for insert to :OWNER
  with check (true);
drop policy if exists update_owner on imports.predictions;
create policy update_owner on imports.predictions for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on imports.predictions;
create policy delete_owner on imports.predictions for delete to :OWNER
  using (true);
drop policy if exists select_viewer on imports.predictions;
create policy select_viewer on imports.predictions for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on imports.predictions;
create policy select_worker on imports.predictions for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on imports.predictions;
create policy insert_worker on imports.predictions for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on imports.predictions;
create policy update_worker on imports.predictions for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on imports.predictions;
create policy delete_worker on imports.predictions for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table imports.predictions to :VIEWER;
grant select, insert, update, delete on table imports.predictions to :WORKER;


comment on table imports.predictions is '@class tenant
How many records or cells of a collection were predicted to end in one way, and how many did.';
comment on column imports.predictions.id is 'The row''s id, time-ordered.';
comment on column imports.predictions.tenant_id is 'The tenant that the row belongs to.';
comment on column imports.predictions.collection_id is 'The collection.';
comment on column imports.predictions.field is 'The field whose cells are counted; null where records are.';
comment on column imports.predictions.fate is 'The outcome of the records, conflicts, or the fate of the cells.';
comment on column imports.predictions.predicted is 'How many were predicted before anything was written.';
comment on column imports.predictions.actual is 'How many there were; null before the end of the batch, and in a plan.';
comment on column imports.predictions.is_usual is 'Whether it is what was predicted of every record that is not listed by itself.';
comment on constraint predictions_tenant_id_fkey on imports.predictions is 'There is no such tenant.';
comment on constraint predictions_collection_id_fkey on imports.predictions is 'There is no such collection in the ledger.';
comment on constraint predictions_tenant_id_collection_id_field_fate_key on imports.predictions is 'Each outcome of a collection is predicted once.';
comment on constraint predictions_fate_check on imports.predictions is 'Records have outcomes, and cells have fates.';
--! EndIncluded imports/predictions.sql
