--! Previous: sha1:3a0499e9126ac0b08ef47b93389b5162430cf611
--! Hash: sha1:b86266cf236ff216d50e170d1c172cfb4494d8af
--! Message: merge duplicates by hand

-- Rows that look like one are told, and merged by people alone, so that it can be taken back.
set local lock_timeout = '3s';

create type leadgen.duplicate_reason as enum ('domain', 'name', 'linkedin_url', 'email', 'name_and_company', 'linked_since_merge');
create type leadgen.duplicate_verdict as enum ('merged', 'distinct');
grant usage on type leadgen.duplicate_reason, leadgen.duplicate_verdict to public;

create table leadgen.duplicate_decisions (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  company_id uuid,
  other_company_id uuid,
  contact_id uuid,
  other_contact_id uuid,
  decider_id uuid,
  undoer_id uuid,
  verdict leadgen.duplicate_verdict not null,
  other_name text not null,
  moved jsonb not null default '{}',
  undone_at timestamptz,
  created_at timestamptz not null default now(),
  constraint duplicate_decisions_pkey primary key (tenant_id, id),
  constraint duplicate_decisions_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint duplicate_decisions_company_id_fkey foreign key (tenant_id, company_id) references leadgen.companies (tenant_id, id) on delete cascade,
  constraint duplicate_decisions_other_company_id_fkey foreign key (tenant_id, other_company_id) references leadgen.companies (tenant_id, id) on delete cascade,
  constraint duplicate_decisions_contact_id_fkey foreign key (tenant_id, contact_id) references leadgen.contacts (tenant_id, id) on delete cascade,
  constraint duplicate_decisions_other_contact_id_fkey foreign key (tenant_id, other_contact_id) references leadgen.contacts (tenant_id, id) on delete cascade,
  constraint duplicate_decisions_decider_id_fkey foreign key (decider_id) references tenancy.users (id),
  constraint duplicate_decisions_undoer_id_fkey foreign key (undoer_id) references tenancy.users (id),
  constraint duplicate_decisions_about_one_pair_check check (
    num_nonnulls(company_id, other_company_id, contact_id, other_contact_id) = 2 and num_nonnulls(company_id, other_company_id) in (0, 2)
  ),
  constraint duplicate_decisions_moved_check check (jsonb_typeof(moved) = 'object')
);
alter table leadgen.duplicate_decisions enable row level security;
alter table leadgen.duplicate_decisions force row level security;
create index duplicate_decisions_tenant_id_company_id_created_at_idx on leadgen.duplicate_decisions (tenant_id, company_id, created_at desc);
create index duplicate_decisions_tenant_id_other_company_id_idx on leadgen.duplicate_decisions (tenant_id, other_company_id);
create index duplicate_decisions_tenant_id_contact_id_created_at_idx on leadgen.duplicate_decisions (tenant_id, contact_id, created_at desc);
create index duplicate_decisions_tenant_id_other_contact_id_idx on leadgen.duplicate_decisions (tenant_id, other_contact_id);
create index duplicate_decisions_decider_id_idx on leadgen.duplicate_decisions (decider_id);
create index duplicate_decisions_undoer_id_idx on leadgen.duplicate_decisions (undoer_id);
create index duplicate_decisions_tenant_id_created_at_idx on leadgen.duplicate_decisions (tenant_id, created_at desc);

--! Included leadgen/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF401', 'message_sent', 409, 'This message is %s, so what was sent stays as it is.', 'Write another message to the contact.'),
  ('LF402', 'note_missing', 400, 'A rejection says why.', 'Send a note with it.'),
  ('LF403', 'same_row', 400, 'This is one %s, named twice.', 'Name the other one.'),
  ('LF404', 'merged_elsewhere', 409, 'This %s was merged already.', 'Undo that merge with undoLeadgenDuplicateDecision, or choose the one that was kept.'),
  ('LF405', 'undone_already', 409, 'This decision was taken back already.', 'Decide anew.'),
  ('LF406', 'merged_since', 409, 'The %s that was kept has been merged into another since.', 'Undo that merge first.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded leadgen/errors.sql
--! Included leadgen/keep_sent_messages.sql
-- What was sent is never changed, and a review is of the text that was reviewed.
create or replace function app_private.tg_messages__keep_sent() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is null then
      perform app_private.raise_error('LF401', old.status::text);
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_messages__keep_sent() is
  'Refuses to change what was sent; an import corrects what it brought. Definer, to raise our error for whoever updates.';
create or replace trigger _200_keep_sent before update on leadgen.messages
  for each row when (
    old.status in ('sent', 'delivered', 'replied')
    and (old.channel, old.sequence_step, old.variant, old.subject, old.body, old.language)
      is distinct from (new.channel, new.sequence_step, new.variant, new.subject, new.body, new.language)
  ) execute function app_private.tg_messages__keep_sent();

create or replace function app_private.tg_messages__return_to_draft() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is null then
      new.status := 'draft';
      new.approved_at := null;
      new.reviewer_id := null;
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_messages__return_to_draft() is 'Takes a reviewed message back to draft when its text changes.';
create or replace trigger _250_return_to_draft before update on leadgen.messages
  for each row when (
    old.status in ('approved', 'rejected') and new.status = old.status
    and (old.channel, old.subject, old.body, old.language) is distinct from (new.channel, new.subject, new.body, new.language)
  ) execute function app_private.tg_messages__return_to_draft();
--! EndIncluded leadgen/keep_sent_messages.sql
--! Included leadgen/duplicate_decisions.sql
-- What people have decided about rows that look like one: written by the mutations alone.
drop policy if exists all_tenant on leadgen.duplicate_decisions;
create policy all_tenant on leadgen.duplicate_decisions as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.duplicate_decisions;
create policy select_owner on leadgen.duplicate_decisions for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.duplicate_decisions;
create policy insert_owner on leadgen.duplicate_decisions for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.duplicate_decisions;
create policy update_owner on leadgen.duplicate_decisions for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.duplicate_decisions;
create policy delete_owner on leadgen.duplicate_decisions for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.duplicate_decisions;
create policy select_viewer on leadgen.duplicate_decisions for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.duplicate_decisions;
create policy select_automation on leadgen.duplicate_decisions for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.duplicate_decisions to :VIEWER, :AUTOMATION;

create or replace trigger _700_audit_insert after insert on leadgen.duplicate_decisions
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.duplicate_decisions
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.duplicate_decisions
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type leadgen.duplicate_verdict is 'What somebody decided about two rows that look like one.';
comment on table leadgen.duplicate_decisions is '@class tenant
What somebody decided about two rows that look like one: that they are the same and were merged, or that they are not.';
comment on column leadgen.duplicate_decisions.id is 'The row''s id, time-ordered.';
comment on column leadgen.duplicate_decisions.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.duplicate_decisions.company_id is 'The company that was kept.';
comment on column leadgen.duplicate_decisions.other_company_id is '@behavior -*
The company that was merged into it, or is another.';
comment on column leadgen.duplicate_decisions.contact_id is 'The contact that was kept.';
comment on column leadgen.duplicate_decisions.other_contact_id is '@behavior -*
The contact that was merged into it, or is another.';
comment on column leadgen.duplicate_decisions.decider_id is 'Who decided.';
comment on column leadgen.duplicate_decisions.undoer_id is 'Who took it back.';
comment on column leadgen.duplicate_decisions.verdict is '@isIndexed
Merged, or distinct.';
comment on column leadgen.duplicate_decisions.other_name is 'What the other one was called.';
comment on column leadgen.duplicate_decisions.moved is 'What a merge moved and filled, an object: table to ids, and columns with what they said before and after.';
comment on column leadgen.duplicate_decisions.undone_at is 'When it was taken back.';
comment on column leadgen.duplicate_decisions.created_at is 'When it was decided.';
comment on constraint duplicate_decisions_tenant_id_fkey on leadgen.duplicate_decisions is 'There is no such tenant.';
comment on constraint duplicate_decisions_company_id_fkey on leadgen.duplicate_decisions is 'There is no such company.';
comment on constraint duplicate_decisions_other_company_id_fkey on leadgen.duplicate_decisions is '@behavior -*
There is no such company.';
comment on constraint duplicate_decisions_contact_id_fkey on leadgen.duplicate_decisions is 'There is no such contact.';
comment on constraint duplicate_decisions_other_contact_id_fkey on leadgen.duplicate_decisions is '@behavior -*
There is no such contact.';
comment on constraint duplicate_decisions_decider_id_fkey on leadgen.duplicate_decisions is 'There is no such person.';
comment on constraint duplicate_decisions_undoer_id_fkey on leadgen.duplicate_decisions is 'There is no such person.';
comment on constraint duplicate_decisions_about_one_pair_check on leadgen.duplicate_decisions is 'A decision is about two companies or about two contacts.';
comment on constraint duplicate_decisions_moved_check on leadgen.duplicate_decisions is 'What was moved is a JSON object.';
--! EndIncluded leadgen/duplicate_decisions.sql
--! Included leadgen/duplicate_candidates.sql
-- Rows that look like one: by the keys that two spellings share. The oldest of a group is the one to keep; each other one is a candidate.
create or replace view leadgen.duplicate_candidates with (security_invoker) as
  with company_keys as (
    select c.tenant_id, c.id, c.created_at, k.reason, k.value
    from leadgen.companies c
    cross join lateral (values
      ('domain'::leadgen.duplicate_reason, c.domain_normalized),
      ('name', lower(regexp_replace(btrim(c.name), '\s+', ' ', 'g')))
    ) k (reason, value)
    where c.merged_into_id is null and k.value is not null
  ),
  contact_keys as (
    select c.tenant_id, c.id, c.created_at, k.reason, k.value
    from leadgen.contacts c
    cross join lateral (values
      ('linkedin_url'::leadgen.duplicate_reason, c.linkedin_url_normalized),
      ('email', c.email_normalized),
      ('name_and_company', lower(regexp_replace(btrim(c.full_name), '\s+', ' ', 'g')) || ' ' || c.company_id::text)
    ) k (reason, value)
    where c.merged_into_id is null and k.value is not null
  ),
  pairs as (
    select k.tenant_id, k.reason, k.value, null::uuid as contact_id, null::uuid as other_contact_id,
      first_value(k.id) over (partition by k.tenant_id, k.reason, k.value order by k.created_at, k.id) as company_id, k.id as other_company_id
    from company_keys k
    union all
    select k.tenant_id, k.reason, k.value,
      first_value(k.id) over (partition by k.tenant_id, k.reason, k.value order by k.created_at, k.id), k.id, null, null
    from contact_keys k
    union all
    -- An import may link a contact to a company that was merged away.
    select distinct d.tenant_id, 'linked_since_merge'::leadgen.duplicate_reason, d.other_name, null::uuid, null::uuid, d.company_id, d.other_company_id
    from leadgen.duplicate_decisions d
    join leadgen.contacts c on c.tenant_id = d.tenant_id and c.company_id = d.other_company_id and c.merged_into_id is null
    where d.verdict = 'merged' and d.undone_at is null
  )
  select
    p.tenant_id, p.company_id, p.other_company_id, p.contact_id, p.other_contact_id, p.reason,
    case p.reason when 'name_and_company' then null else p.value end as value
  from pairs p
  where coalesce(p.company_id, p.contact_id) <> coalesce(p.other_company_id, p.other_contact_id)
    and not exists (
      select from leadgen.duplicate_decisions d
      where d.tenant_id = p.tenant_id and d.verdict = 'distinct' and d.undone_at is null
        and (
          (d.company_id, d.other_company_id) in ((p.company_id, p.other_company_id), (p.other_company_id, p.company_id))
          or (d.contact_id, d.other_contact_id) in ((p.contact_id, p.other_contact_id), (p.other_contact_id, p.contact_id))
        )
    );
grant select on table leadgen.duplicate_candidates to :VIEWER, :AUTOMATION;

comment on type leadgen.duplicate_reason is 'Why two rows look like one.';
comment on view leadgen.duplicate_candidates is '@foreignKey (tenant_id, company_id) references leadgen.companies (tenant_id, id)|@fieldName company|@behavior -manyRelation:resource:connection -manyRelation:resource:list
@foreignKey (tenant_id, other_company_id) references leadgen.companies (tenant_id, id)|@fieldName otherCompany|@behavior -manyRelation:resource:connection -manyRelation:resource:list
@foreignKey (tenant_id, contact_id) references leadgen.contacts (tenant_id, id)|@fieldName contact|@behavior -manyRelation:resource:connection -manyRelation:resource:list
@foreignKey (tenant_id, other_contact_id) references leadgen.contacts (tenant_id, id)|@fieldName otherContact|@behavior -manyRelation:resource:connection -manyRelation:resource:list
Two companies or two contacts that look like one, and what they share. The first is the older one. Nothing is merged by itself: see mergeLeadgenCompanies and keepLeadgenCompaniesApart.';
comment on column leadgen.duplicate_candidates.company_id is 'The older company.';
comment on column leadgen.duplicate_candidates.other_company_id is 'The other company.';
comment on column leadgen.duplicate_candidates.contact_id is 'The older contact.';
comment on column leadgen.duplicate_candidates.other_contact_id is 'The other contact.';
comment on column leadgen.duplicate_candidates.reason is 'Why they look like one.';
comment on column leadgen.duplicate_candidates.value is 'What they share.';
--! EndIncluded leadgen/duplicate_candidates.sql
--! Included leadgen/merge_duplicates.sql
-- Merging is a person's deed and can be taken back: the other row stays, hidden behind the kept one; what belonged to it moves over, and
-- what the kept one lacks is filled in. The decision remembers every row and every value.

create or replace function app_private.hold_pair(
  table_name text, kept_id uuid, other_id uuid, out tenant_id uuid, out other_name text, out is_merged boolean
)
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    thing constant text := app_private.singular_of(table_name);
    kept_merged_into uuid;
    other_merged_into uuid;
    found_rows integer := 0;
    held record;
  begin
    perform app_private.require_role('decide about duplicates', 'editor', 'admin');
    if kept_id = other_id then
      perform app_private.raise_error('LF403', thing);
    end if;
    for held in
      execute format(
        'select t.id, t.tenant_id, t.merged_into_id, t.%I as name from leadgen.%I t where t.tenant_id = $1 and t.id in ($2, $3) order by t.id for update',
        case table_name when 'contacts' then 'full_name' else 'name' end, table_name)
      using app.current_tenant_id(), kept_id, other_id
    loop
      found_rows := found_rows + 1;
      tenant_id := held.tenant_id;
      if held.id = kept_id then
        kept_merged_into := held.merged_into_id;
      else
        other_merged_into := held.merged_into_id;
        other_name := held.name;
      end if;
    end loop;
    if found_rows < 2 or kept_merged_into is not null then
      perform app_private.raise_error('LF006', thing,
        case when kept_merged_into is not null or other_name is not null then kept_id else other_id end::text);
    end if;
    is_merged := other_merged_into is not null;
    if is_merged and other_merged_into <> kept_id then
      perform app_private.raise_error('LF404', thing);
    end if;
  end
  $$;
comment on function app_private.hold_pair(text, uuid, uuid) is
  'Locks two companies or contacts of this tenant for a decision about them. Refuses unknown ids, one row twice, and what was merged into a third. For definers.';

create or replace function app_private.move_rows(table_name text, column_name text, unique_with text[], tenant_id uuid, from_id uuid, to_id uuid)
  returns uuid[]
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    moved uuid[];
    clash text := '';
  begin
    if unique_with is not null then
      clash := format(
        ' and not exists (select from leadgen.%1$I k where k.tenant_id = r.tenant_id and k.%2$I = $3%3$s)', table_name, column_name,
        (select coalesce(string_agg(format(' and k.%1$I = r.%1$I', u.name), ''), '') from unnest(unique_with) u (name)));
    end if;
    execute format(
      'with moving as (update leadgen.%1$I r set %2$I = $3 where r.tenant_id = $1 and r.%2$I = $2%3$s returning r.id) select array_agg(id) from moving',
      table_name, column_name, clash)
    into moved using tenant_id, from_id, to_id;
    return moved;
  end
  $$;
comment on function app_private.move_rows(text, text, text[], uuid, uuid, uuid) is
  'Moves the rows of a table from one company or contact to another, but for those that it has already: unique_with are the columns that no two of its rows share. Gives the ids. For definers.';

create or replace function app_private.children_of(table_name text) returns table (child text, column_name text, unique_with text[])
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    select c.child, c.column_name, c.unique_with
    from (values
      ('companies', 'contacts', 'company_id', null::text[]),
      ('companies', 'crm_events', 'company_id', null),
      ('companies', 'research_assets', 'company_id', null),
      ('companies', 'company_tags', 'company_id', array['category', 'value']),
      ('companies', 'company_enrichment_l2', 'company_id', '{}'),
      ('contacts', 'messages', 'contact_id', null),
      ('contacts', 'activities', 'contact_id', null),
      ('contacts', 'research_assets', 'contact_id', null),
      ('contacts', 'contact_batches', 'contact_id', array['batch_id']),
      ('contacts', 'crm_event_participants', 'contact_id', array['crm_event_id']),
      ('contacts', 'task_contacts', 'contact_id', array['task_id']),
      ('contacts', 'contact_enrichment', 'contact_id', '{}')
    ) c (parent, child, column_name, unique_with)
    where c.parent = table_name
  $$;
comment on function app_private.children_of(text) is 'What belongs to a company or a contact and goes with it in a merge.';

create or replace function app_private.fillable_columns(table_name text) returns text[]
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select array_agg(a.attname::text order by a.attnum)
    from pg_attribute a
    where a.attrelid = ('leadgen.' || table_name)::regclass and a.attnum > 0 and not a.attisdropped and not a.attnotnull and a.attgenerated = ''
      and a.attname not in ('merged_into_id', 'error_message')
  $$;
comment on function app_private.fillable_columns(text) is 'The columns of companies or contacts that may be empty, and that a merge fills.';

create or replace function app_private.write_columns(table_name text, tenant_id uuid, id uuid, patch jsonb) returns void
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    columns constant text := (select string_agg(format('%I', p.key), ', ' order by p.key) from jsonb_each(patch) p);
  begin
    if columns is not null then
      execute format(
        'update leadgen.%1$I t set (%2$s) = (select %2$s from jsonb_populate_record(null::leadgen.%1$I, $3)) where t.tenant_id = $1 and t.id = $2',
        table_name, columns)
      using tenant_id, id, patch;
    end if;
  end
  $$;
comment on function app_private.write_columns(text, uuid, uuid, jsonb) is 'Writes the members of an object into the columns of a company or contact. For definers.';

create or replace function app_private.merge_pair(table_name text, kept_id uuid, other_id uuid) returns leadgen.duplicate_decisions
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    pair constant record := app_private.hold_pair(table_name, kept_id, other_id);
    decided leadgen.duplicate_decisions;
    child record;
    ids uuid[];
    rows_moved jsonb := '{}';
    kept jsonb;
    other jsonb;
    fill jsonb;
  begin
    execute format('select (select to_jsonb(t) from leadgen.%1$I t where t.tenant_id = $1 and t.id = $2), (select to_jsonb(t) from leadgen.%1$I t where t.tenant_id = $1 and t.id = $3)', table_name)
    into kept, other using pair.tenant_id, kept_id, other_id;
    for child in select * from app_private.children_of(table_name) loop
      ids := app_private.move_rows(child.child, child.column_name, child.unique_with, pair.tenant_id, other_id, kept_id);
      if ids is not null then
        rows_moved := rows_moved || jsonb_build_object(child.child, ids);
      end if;
    end loop;

    -- Merged once already: this takes along what imports have linked to the other one since.
    select * into decided
    from leadgen.duplicate_decisions d
    where d.tenant_id = pair.tenant_id and d.verdict = 'merged' and d.undone_at is null
      and coalesce(d.company_id, d.contact_id) = kept_id and coalesce(d.other_company_id, d.other_contact_id) = other_id
    for update;
    if found then
      update leadgen.duplicate_decisions d
      set moved = (
        select d.moved || coalesce(jsonb_object_agg(m.key, coalesce(d.moved -> m.key, '[]') || m.value), '{}') from jsonb_each(rows_moved) m
      )
      where d.tenant_id = decided.tenant_id and d.id = decided.id
      returning * into decided;
      return decided;
    end if;

    select coalesce(jsonb_object_agg(c.name, other -> c.name), '{}') into fill
    from unnest(app_private.fillable_columns(table_name)) c (name)
    where kept -> c.name = 'null' and other -> c.name <> 'null'
      -- Nobody works for a company through themselves.
      and other ->> c.name is distinct from kept_id::text;
    fill := fill || jsonb_build_object('enrichment_cost_usd', (kept ->> 'enrichment_cost_usd')::numeric + (other ->> 'enrichment_cost_usd')::numeric);
    perform app_private.write_columns(table_name, pair.tenant_id, kept_id, fill);
    perform app_private.write_columns(table_name, pair.tenant_id, other_id, jsonb_build_object('merged_into_id', kept_id));

    insert into leadgen.duplicate_decisions
      (tenant_id, company_id, other_company_id, contact_id, other_contact_id, decider_id, verdict, other_name, moved)
    select
      pair.tenant_id,
      case table_name when 'companies' then kept_id end, case table_name when 'companies' then other_id end,
      case table_name when 'contacts' then kept_id end, case table_name when 'contacts' then other_id end,
      app.current_user_id(), 'merged', pair.other_name,
      rows_moved || jsonb_build_object('filled', (
        select jsonb_object_agg(f.key, jsonb_build_array(kept -> f.key, f.value)) from jsonb_each(fill) f
      ))
    returning * into decided;
    return decided;
  end
  $$;
comment on function app_private.merge_pair(text, uuid, uuid) is
  'Merges the second company or contact into the first. Called again, it takes along what was linked to the second one since. For definers.';

create or replace function leadgen.merge_companies(company_id uuid, other_company_id uuid) returns leadgen.duplicate_decisions
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$ select app_private.merge_pair('companies', company_id, other_company_id) $$;
comment on function leadgen.merge_companies(uuid, uuid) is
  'Merges another company into this one: its contacts, tags, events and research move over, what this one lacks is filled in, and the other one is hidden. undoLeadgenDuplicateDecision takes it back. Definer, because rows are hidden by mutations alone.';
grant execute on function leadgen.merge_companies(uuid, uuid) to :EDITOR;

create or replace function leadgen.merge_contacts(contact_id uuid, other_contact_id uuid) returns leadgen.duplicate_decisions
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$ select app_private.merge_pair('contacts', contact_id, other_contact_id) $$;
comment on function leadgen.merge_contacts(uuid, uuid) is
  'Merges another contact into this one: their messages, activities, batches and tasks move over, what this one lacks is filled in, and the other one is hidden. undoLeadgenDuplicateDecision takes it back. Definer, because rows are hidden by mutations alone.';
grant execute on function leadgen.merge_contacts(uuid, uuid) to :EDITOR;

create or replace function app_private.keep_apart(table_name text, one_id uuid, other_id uuid) returns leadgen.duplicate_decisions
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    pair constant record := app_private.hold_pair(table_name, one_id, other_id);
    decided leadgen.duplicate_decisions;
  begin
    if pair.is_merged then
      perform app_private.raise_error('LF404', app_private.singular_of(table_name));
    end if;
    select * into decided
    from leadgen.duplicate_decisions d
    where d.tenant_id = pair.tenant_id and d.verdict = 'distinct' and d.undone_at is null
      and coalesce(d.company_id, d.contact_id) in (one_id, other_id) and coalesce(d.other_company_id, d.other_contact_id) in (one_id, other_id);
    if not found then
      insert into leadgen.duplicate_decisions
        (tenant_id, company_id, other_company_id, contact_id, other_contact_id, decider_id, verdict, other_name)
      select
        pair.tenant_id,
        case table_name when 'companies' then one_id end, case table_name when 'companies' then other_id end,
        case table_name when 'contacts' then one_id end, case table_name when 'contacts' then other_id end,
        app.current_user_id(), 'distinct', pair.other_name
      returning * into decided;
    end if;
    return decided;
  end
  $$;
comment on function app_private.keep_apart(text, uuid, uuid) is 'Notes that two companies or contacts are not the same. For definers.';

create or replace function leadgen.keep_companies_apart(company_id uuid, other_company_id uuid) returns leadgen.duplicate_decisions
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$ select app_private.keep_apart('companies', company_id, other_company_id) $$;
comment on function leadgen.keep_companies_apart(uuid, uuid) is
  'Notes that two companies are not the same: they are no candidates any more. Definer, because decisions are written by mutations alone.';
grant execute on function leadgen.keep_companies_apart(uuid, uuid) to :EDITOR;

create or replace function leadgen.keep_contacts_apart(contact_id uuid, other_contact_id uuid) returns leadgen.duplicate_decisions
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$ select app_private.keep_apart('contacts', contact_id, other_contact_id) $$;
comment on function leadgen.keep_contacts_apart(uuid, uuid) is
  'Notes that two contacts are not the same: they are no candidates any more. Definer, because decisions are written by mutations alone.';
grant execute on function leadgen.keep_contacts_apart(uuid, uuid) to :EDITOR;

create or replace function leadgen.undo_duplicate_decision(duplicate_decision_id uuid) returns leadgen.duplicate_decisions
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    decided leadgen.duplicate_decisions;
    table_name text;
    kept_id uuid;
    other_id uuid;
    kept jsonb;
    child record;
    patch jsonb;
  begin
    perform app_private.require_role('undo a decision about duplicates', 'editor', 'admin');
    select * into decided
    from leadgen.duplicate_decisions d
    where d.tenant_id = app.current_tenant_id() and d.id = duplicate_decision_id
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'decision', duplicate_decision_id::text);
    end if;
    if decided.undone_at is not null then
      perform app_private.raise_error('LF405');
    end if;
    if decided.verdict = 'merged' then
      table_name := case when decided.company_id is null then 'contacts' else 'companies' end;
      kept_id := coalesce(decided.company_id, decided.contact_id);
      other_id := coalesce(decided.other_company_id, decided.other_contact_id);
      execute format('select to_jsonb(t) from leadgen.%I t where t.tenant_id = $1 and t.id = $2 for update', table_name)
      into kept using decided.tenant_id, kept_id;
      if kept ->> 'merged_into_id' is not null then
        perform app_private.raise_error('LF406', app_private.singular_of(table_name));
      end if;
      -- What has moved on since stays where it is.
      for child in select * from app_private.children_of(table_name) loop
        execute format('update leadgen.%1$I r set %2$I = $1 where r.tenant_id = $2 and r.%2$I = $3 and r.id in (select m.value::uuid from jsonb_array_elements_text($4) m)', child.child, child.column_name)
        using other_id, decided.tenant_id, kept_id, coalesce(decided.moved -> child.child, '[]');
      end loop;
      -- What somebody has written over since stays as they wrote it; costs that were added since stay added.
      select jsonb_object_agg(
        f.key,
        case f.key when 'enrichment_cost_usd'
          then to_jsonb(trim_scale((kept ->> f.key)::numeric - (f.value ->> 1)::numeric + (f.value ->> 0)::numeric)) else f.value -> 0 end
      ) into patch
      from jsonb_each(decided.moved -> 'filled') f
      where f.key = 'enrichment_cost_usd' or kept -> f.key = f.value -> 1;
      perform app_private.write_columns(table_name, decided.tenant_id, kept_id, patch);
      perform app_private.write_columns(table_name, decided.tenant_id, other_id, '{"merged_into_id": null}');
    end if;
    update leadgen.duplicate_decisions d set undone_at = now(), undoer_id = app.current_user_id()
    where d.tenant_id = decided.tenant_id and d.id = decided.id
    returning * into decided;
    return decided;
  end
  $$;
comment on function leadgen.undo_duplicate_decision(uuid) is
  'Takes a merge back: both rows are there again, each with what belonged to it; what people have moved or written over since stays. Or lets two that were kept apart be candidates again. Definer, because rows are shown again by mutations alone.';
grant execute on function leadgen.undo_duplicate_decision(uuid) to :EDITOR;
--! EndIncluded leadgen/merge_duplicates.sql
--! Included leadgen/labels.sql
-- What people call the values of the enums: the words of the base, which frontends and reports show.
drop policy if exists select_owner on leadgen.labels;
create policy select_owner on leadgen.labels for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.labels;
create policy insert_owner on leadgen.labels for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.labels;
create policy update_owner on leadgen.labels for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.labels;
create policy delete_owner on leadgen.labels for delete to :OWNER
  using (true);
drop policy if exists select_everybody on leadgen.labels;
create policy select_everybody on leadgen.labels for select to :VIEWER, :WORKER, :AUTOMATION
  using (true);

grant select on table leadgen.labels to :VIEWER, :WORKER, :AUTOMATION;

comment on table leadgen.labels is '@class reference
What people call a value of an enum: the words of the base, which frontends and reports show.';
comment on column leadgen.labels.enum_type is 'The enum, without its schema.';
comment on column leadgen.labels.value is 'The value, as the database has it.';
comment on column leadgen.labels.label is 'What people call it.';
comment on column leadgen.labels.place is 'Its place in the list, from 1.';
comment on constraint labels_enum_type_label_key on leadgen.labels is 'Two values of one enum cannot be called the same.';

insert into leadgen.labels (enum_type, value, label, place) values
  ('message_tone', 'professional', 'Professional', 1),
  ('message_tone', 'casual', 'Casual', 2),
  ('message_tone', 'bold', 'Bold', 3),
  ('message_tone', 'empathetic', 'Empathetic', 4),
  ('language', 'en', 'EN', 1),
  ('language', 'de', 'DE', 2),
  ('language', 'nl', 'NL', 3),
  ('language', 'cs', 'CS', 4),
  ('company_status', 'new', 'New', 1),
  ('company_status', 'enrichment_failed', 'Enrichment Failed', 2),
  ('company_status', 'enriched', 'Enriched', 3),
  ('company_status', 'needs_review', 'Needs Review', 4),
  ('company_status', 'triage_passed', 'Triage: Passed', 5),
  ('company_status', 'triage_review', 'Triage: Review', 6),
  ('company_status', 'triage_disqualified', 'Triage: Disqualified', 7),
  ('company_status', 'enrichment_l2_failed', 'Enrichment L2 Failed', 8),
  ('company_status', 'enriched_l2', 'Enriched L2', 9),
  ('company_status', 'error_pushing_lemlist', 'Error pushing to Lemlist', 10),
  ('company_status', 'synced', 'Synced', 11),
  ('company_tier', 'tier_1_platinum', 'Tier 1 - Platinum', 1),
  ('company_tier', 'tier_2_gold', 'Tier 2 - Gold', 2),
  ('company_tier', 'tier_3_silver', 'Tier 3 - Silver', 3),
  ('company_tier', 'tier_4_bronze', 'Tier 4 - Bronze', 4),
  ('company_tier', 'tier_5_copper', 'Tier 5 - Copper', 5),
  ('company_tier', 'deprioritize', 'Deprioritize', 6),
  ('business_model', 'b2b', 'B2B', 1),
  ('business_model', 'b2c', 'B2C', 2),
  ('business_model', 'marketplace', 'Marketplace', 3),
  ('business_model', 'gov', 'Gov', 4),
  ('business_model', 'non_profit', 'Non-profit', 5),
  ('business_model', 'hybrid', 'Hybrid (B2B/B2C)', 6),
  ('business_type', 'manufacturer', 'Manufacturer', 1),
  ('business_type', 'distributor', 'Distributor', 2),
  ('business_type', 'service_provider', 'Service provider', 3),
  ('business_type', 'saas', 'SaaS', 4),
  ('business_type', 'platform', 'Platform', 5),
  ('business_type', 'hybrid', 'Hybrid', 6),
  ('business_type', 'product_company', 'Product company', 7),
  ('business_type', 'service_company', 'Service company', 8),
  ('business_type', 'other', 'Other', 9),
  ('company_size', 'micro', 'Micro (<20)', 1),
  ('company_size', 'startup', 'Startup (20-49)', 2),
  ('company_size', 'small', 'Small', 3),
  ('company_size', 'smb', 'SMB (50-199)', 4),
  ('company_size', 'medium', 'Medium', 5),
  ('company_size', 'mid_market', 'Mid-market (200-1999)', 6),
  ('company_size', 'enterprise', 'Enterprise (2000+)', 7),
  ('ownership_type', 'bootstrapped', 'Bootstrapped', 1),
  ('ownership_type', 'vc_backed', 'VC-backed', 2),
  ('ownership_type', 'pe_backed', 'PE-backed', 3),
  ('ownership_type', 'public', 'Public', 4),
  ('ownership_type', 'family_owned', 'Family-owned', 5),
  ('ownership_type', 'state_owned', 'State-owned', 6),
  ('ownership_type', 'other', 'Other', 7),
  ('geo_region', 'dach', 'DACH', 1),
  ('geo_region', 'nordics', 'Nordics', 2),
  ('geo_region', 'benelux', 'Benelux', 3),
  ('geo_region', 'cee', 'CEE', 4),
  ('geo_region', 'uk_ireland', 'UK & Ireland', 5),
  ('geo_region', 'southern_europe', 'Southern Europe', 6),
  ('geo_region', 'us', 'US', 7),
  ('geo_region', 'other', 'Other', 8),
  ('industry', 'software_saas', 'Software & SaaS', 1),
  ('industry', 'it', 'Information Technology', 2),
  ('industry', 'professional_services', 'Professional Services', 3),
  ('industry', 'financial_services', 'Financial Services', 4),
  ('industry', 'healthcare', 'Healthcare & Life Sciences', 5),
  ('industry', 'manufacturing', 'Manufacturing', 6),
  ('industry', 'retail', 'Retail & E-Commerce', 7),
  ('industry', 'media', 'Media & Entertainment', 8),
  ('industry', 'energy', 'Energy & Utilities', 9),
  ('industry', 'telecom', 'Telecommunications', 10),
  ('industry', 'transport', 'Transportation & Logistics', 11),
  ('industry', 'construction', 'Construction & Real Estate', 12),
  ('industry', 'real_estate', 'Real Estate', 13),
  ('industry', 'automotive', 'Automotive', 14),
  ('industry', 'pharma_biotech', 'Pharma & Biotech', 15),
  ('industry', 'agriculture', 'Agriculture', 16),
  ('industry', 'hospitality', 'Hospitality', 17),
  ('industry', 'aerospace_defense', 'Aerospace & Defense', 18),
  ('industry', 'creative_services', 'Creative Services', 19),
  ('industry', 'education', 'Education', 20),
  ('industry', 'public_sector', 'Public Sector', 21),
  ('industry', 'other', 'Other', 22),
  ('revenue_range', 'micro', 'Micro (<€2M)', 1),
  ('revenue_range', 'small', 'Small (€2M-€10M)', 2),
  ('revenue_range', 'medium', 'Medium (€10M-€50M)', 3),
  ('revenue_range', 'mid_market', 'Mid-market (€50M-€500M)', 4),
  ('revenue_range', 'enterprise', 'Enterprise (€500M+)', 5),
  ('buying_stage', 'unaware', 'Unaware', 1),
  ('buying_stage', 'problem_aware', 'Problem-aware', 2),
  ('buying_stage', 'exploring_ai', 'Exploring AI', 3),
  ('buying_stage', 'looking_for_partners', 'Looking for Partners', 4),
  ('buying_stage', 'in_discussion', 'In Discussion', 5),
  ('buying_stage', 'proposal_sent', 'Proposal Sent', 6),
  ('buying_stage', 'won', 'Won', 7),
  ('buying_stage', 'lost', 'Lost', 8),
  ('engagement_status', 'cold', 'Cold', 1),
  ('engagement_status', 'approached', 'Approached', 2),
  ('engagement_status', 'prospect', 'Prospect', 3),
  ('engagement_status', 'customer', 'Customer', 4),
  ('engagement_status', 'churned', 'Churned', 5),
  ('crm_status', 'cold', 'Cold', 1),
  ('crm_status', 'scheduled_for_outreach', 'Scheduled for Outreach', 2),
  ('crm_status', 'outreach', 'Outreach', 3),
  ('crm_status', 'prospect', 'Prospect', 4),
  ('crm_status', 'customer', 'Customer', 5),
  ('crm_status', 'churn', 'Churn', 6),
  ('confidence_level', 'low', 'Low', 1),
  ('confidence_level', 'medium', 'Medium', 2),
  ('confidence_level', 'high', 'High', 3),
  ('cohort', 'a', 'A', 1),
  ('cohort', 'b', 'B', 2),
  ('tag_category', 'risk_exclusion_flag', 'Risk / Exclusion Flags', 1),
  ('tag_category', 'opportunity_theme', 'Primary Opportunity Theme(s)', 2),
  ('tag_category', 'trigger_event', 'Recent Trigger Events', 3),
  ('tag_category', 'ai_use_case', 'AI Use Cases (Tags)', 4),
  ('tag_category', 'pain_area', 'Primary Pain Areas', 5),
  ('tag_category', 'opportunity_area', 'Opportunity Areas (High Value)', 6),
  ('tag_category', 'strategic_signal', 'Strategic Signals (Recent)', 7),
  ('seniority_level', 'c_level', 'C-Level', 1),
  ('seniority_level', 'vp', 'VP', 2),
  ('seniority_level', 'director', 'Director', 3),
  ('seniority_level', 'manager', 'Manager', 4),
  ('seniority_level', 'individual_contributor', 'Individual Contributor', 5),
  ('seniority_level', 'founder', 'Founder', 6),
  ('seniority_level', 'other', 'Other', 7),
  ('department', 'executive', 'Executive', 1),
  ('department', 'engineering', 'Engineering', 2),
  ('department', 'product', 'Product', 3),
  ('department', 'sales', 'Sales', 4),
  ('department', 'marketing', 'Marketing', 5),
  ('department', 'customer_success', 'Customer Success', 6),
  ('department', 'finance', 'Finance', 7),
  ('department', 'hr', 'HR', 8),
  ('department', 'operations', 'Operations', 9),
  ('department', 'other', 'Other', 10),
  ('icp_fit', 'strong_fit', 'Strong Fit', 1),
  ('icp_fit', 'moderate_fit', 'Moderate Fit', 2),
  ('icp_fit', 'weak_fit', 'Weak Fit', 3),
  ('icp_fit', 'unknown', 'Unknown', 4),
  ('relationship_status', 'prospect', 'Prospect', 1),
  ('relationship_status', 'active', 'Active', 2),
  ('relationship_status', 'dormant', 'Dormant', 3),
  ('relationship_status', 'former', 'Former', 4),
  ('relationship_status', 'partner', 'Partner', 5),
  ('relationship_status', 'internal', 'Internal', 6),
  ('contact_source', 'inbound', 'Inbound', 1),
  ('contact_source', 'outbound', 'Outbound', 2),
  ('contact_source', 'referral', 'Referral', 3),
  ('contact_source', 'event', 'Event', 4),
  ('contact_source', 'social', 'Social', 5),
  ('contact_source', 'other', 'Other', 6),
  ('contact_message_status', 'not_started', 'Not started', 1),
  ('contact_message_status', 'generating', 'Generating', 2),
  ('contact_message_status', 'generation_failed', 'Generation failed', 3),
  ('contact_message_status', 'no_channel', 'No channel', 4),
  ('contact_message_status', 'pending_review', 'Pending review', 5),
  ('contact_message_status', 'approved', 'Approved', 6),
  ('contact_message_status', 'sent', 'Sent', 7),
  ('contact_message_status', 'replied', 'Replied', 8),
  ('campaign_channel', 'linkedin', 'LinkedIn', 1),
  ('campaign_channel', 'email', 'Email', 2),
  ('campaign_channel', 'multi', 'Multi', 3),
  ('message_channel', 'linkedin_connect', 'LinkedIn connect', 1),
  ('message_channel', 'linkedin_message', 'LinkedIn message', 2),
  ('message_channel', 'email', 'Email', 3),
  ('message_channel', 'call_script', 'Call script', 4),
  ('message_variant', 'a', 'A', 1),
  ('message_variant', 'b', 'B', 2),
  ('message_status', 'draft', 'Draft', 1),
  ('message_status', 'approved', 'Approved', 2),
  ('message_status', 'rejected', 'Rejected', 3),
  ('message_status', 'sent', 'Sent', 4),
  ('message_status', 'delivered', 'Delivered', 5),
  ('message_status', 'replied', 'Replied', 6),
  ('activity_type', 'message', 'Message', 1),
  ('activity_type', 'event', 'Event', 2),
  ('activity_source', 'email', 'Email', 1),
  ('activity_source', 'linkedin', 'LinkedIn', 2),
  ('activity_source', 'call', 'Call', 3),
  ('activity_source', 'in_person', 'In-person', 4),
  ('activity_source', 'manual', 'Manual', 5),
  ('crm_event_type', 'meeting', 'Meeting', 1),
  ('crm_event_type', 'call', 'Call', 2),
  ('crm_event_type', 'email', 'Email', 3),
  ('crm_event_type', 'demo', 'Demo', 4),
  ('crm_event_type', 'follow_up', 'Follow-up', 5),
  ('crm_event_type', 'intro', 'Intro', 6),
  ('crm_event_type', 'note', 'Note', 7),
  ('crm_event_type', 'other', 'Other', 8),
  ('crm_event_outcome', 'scheduled', 'Scheduled', 1),
  ('crm_event_outcome', 'completed', 'Completed', 2),
  ('crm_event_outcome', 'postponed', 'Postponed', 3),
  ('crm_event_outcome', 'cancelled', 'Cancelled', 4),
  ('crm_event_outcome', 'action_required', 'Action required', 5),
  ('pipeline_run_status', 'running', 'Running', 1),
  ('pipeline_run_status', 'completed', 'Completed', 2),
  ('pipeline_run_status', 'failed', 'Failed', 3),
  ('duplicate_reason', 'domain', 'Same domain', 1),
  ('duplicate_reason', 'name', 'Same name', 2),
  ('duplicate_reason', 'linkedin_url', 'Same LinkedIn profile', 3),
  ('duplicate_reason', 'email', 'Same e-mail address', 4),
  ('duplicate_reason', 'name_and_company', 'Same name at the same company', 5),
  ('duplicate_reason', 'linked_since_merge', 'Linked since the merge', 6),
  ('duplicate_verdict', 'merged', 'Merged', 1),
  ('duplicate_verdict', 'distinct', 'Distinct', 2)
on conflict (enum_type, value) do update
  set label = excluded.label, place = excluded.place
  where (labels.label, labels.place) is distinct from (excluded.label, excluded.place);
--! EndIncluded leadgen/labels.sql
