--! Previous: sha1:164cbd5f9f57597ceabfd5ba9c27569662d7878c
--! Hash: sha1:413bc28e770905700c440099a79d9336380fa924
--! Message: fill research in a merge

-- A merge fills the research about the kept row, too, and is undone whatever has come since.
set local lock_timeout = '3s';

drop function app_private.move_rows(text, text, text[], uuid, uuid, uuid);

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
comment on column leadgen.duplicate_decisions.moved is 'What a merge moved and filled, an object: table to ids, and columns with what they said before and after, those of the company or contact in filled, those of its research in filled_research.';
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

create or replace function app_private.move_rows(
  table_name text, column_name text, unique_with text[], tenant_id uuid, from_id uuid, to_id uuid, ids uuid[] default null
) returns uuid[]
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
      'with moving as (update leadgen.%1$I r set %2$I = $3 where r.tenant_id = $1 and r.%2$I = $2 and ($4 is null or r.id = any ($4))%3$s returning r.id) select array_agg(id) from moving',
      table_name, column_name, clash)
    into moved using tenant_id, from_id, to_id, ids;
    return moved;
  end
  $$;
comment on function app_private.move_rows(text, text, text[], uuid, uuid, uuid, uuid[]) is
  'Moves the rows of a table from one company or contact to another, all of them or those with these ids, but for those that it has already: unique_with are the columns that no two of its rows share. Gives the ids. For definers.';

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
comment on function app_private.fillable_columns(text) is 'The columns of a table that may be empty, and that a merge fills.';

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

create or replace function app_private.fill_row(table_name text, key_column text, tenant_id uuid, kept_id uuid, other_id uuid) returns jsonb
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    kept jsonb;
    other jsonb;
    fill jsonb;
  begin
    execute format(
      'select (select to_jsonb(t) from leadgen.%1$I t where t.tenant_id = $1 and t.%2$I = $2), (select to_jsonb(t) from leadgen.%1$I t where t.tenant_id = $1 and t.%2$I = $3)',
      table_name, key_column)
    into kept, other using tenant_id, kept_id, other_id;
    if kept is null or other is null then
      return null;
    end if;
    select coalesce(jsonb_object_agg(c.name, other -> c.name), '{}') into fill
    from unnest(app_private.fillable_columns(table_name)) c (name)
    where kept -> c.name = 'null' and other -> c.name <> 'null'
      -- Nobody works for a company through themselves.
      and other ->> c.name is distinct from kept_id::text;
    fill := fill || jsonb_build_object('enrichment_cost_usd', (kept ->> 'enrichment_cost_usd')::numeric + (other ->> 'enrichment_cost_usd')::numeric);
    perform app_private.write_columns(table_name, tenant_id, (kept ->> 'id')::uuid, fill);
    return (select jsonb_object_agg(f.key, jsonb_build_array(kept -> f.key, f.value)) from jsonb_each(fill) f);
  end
  $$;
comment on function app_private.fill_row(text, text, uuid, uuid, uuid) is
  'Fills what one row lacks from the other, costs added up, the rows being those whose key is the kept and the other company or contact. Gives what each column said before and says now; null where there are not two rows. For definers.';

create or replace function app_private.empty_row(table_name text, key_column text, tenant_id uuid, kept_id uuid, filled jsonb) returns void
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    kept jsonb;
    patch jsonb;
  begin
    execute format('select to_jsonb(t) from leadgen.%1$I t where t.tenant_id = $1 and t.%2$I = $2 for update', table_name, key_column)
    into kept using tenant_id, kept_id;
    -- What somebody has written over since stays as they wrote it; costs that were added since stay added.
    select jsonb_object_agg(
      f.key,
      case f.key when 'enrichment_cost_usd'
        then to_jsonb(trim_scale((kept ->> f.key)::numeric - (f.value ->> 1)::numeric + (f.value ->> 0)::numeric)) else f.value -> 0 end
    ) into patch
    from jsonb_each(filled) f
    where f.key = 'enrichment_cost_usd' or kept -> f.key = f.value -> 1;
    if kept is not null then
      perform app_private.write_columns(table_name, tenant_id, (kept ->> 'id')::uuid, patch);
    end if;
  end
  $$;
comment on function app_private.empty_row(text, text, uuid, uuid, jsonb) is 'Takes back what fill_row has filled, by what it gave. For definers.';

create or replace function app_private.merge_pair(table_name text, kept_id uuid, other_id uuid) returns leadgen.duplicate_decisions
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    pair constant record := app_private.hold_pair(table_name, kept_id, other_id);
    decided leadgen.duplicate_decisions;
    child record;
    ids uuid[];
    filled jsonb;
    rows_moved jsonb := '{}';
    research_filled jsonb := '{}';
  begin
    select * into decided
    from leadgen.duplicate_decisions d
    where d.tenant_id = pair.tenant_id and d.verdict = 'merged' and d.undone_at is null
      and coalesce(d.company_id, d.contact_id) = kept_id and coalesce(d.other_company_id, d.other_contact_id) = other_id
    for update;
    for child in select * from app_private.children_of(table_name) loop
      ids := app_private.move_rows(child.child, child.column_name, child.unique_with, pair.tenant_id, other_id, kept_id);
      if ids is not null then
        rows_moved := rows_moved || jsonb_build_object(child.child, ids);
      end if;
      -- Of what there is one for each, the other one's stays where it is, and what it knows besides is filled in, once.
      if child.unique_with = '{}' and not coalesce(decided.moved -> 'filled_research' ? child.child, false) then
        filled := app_private.fill_row(child.child, child.column_name, pair.tenant_id, kept_id, other_id);
        if filled is not null then
          research_filled := research_filled || jsonb_build_object(child.child, filled);
        end if;
      end if;
    end loop;
    -- A workflow that works on the other one would record what nobody sees.
    delete from leadgen.claims c where c.tenant_id = pair.tenant_id and other_id in (c.company_id, c.contact_id);

    -- Merged once already: this takes along what imports have linked to the other one since.
    if decided.id is not null then
      update leadgen.duplicate_decisions d
      set moved = (
        select d.moved || coalesce(jsonb_object_agg(m.key, coalesce(d.moved -> m.key, '[]') || m.value), '{}')
          || jsonb_build_object('filled_research', coalesce(d.moved -> 'filled_research', '{}') || research_filled)
        from jsonb_each(rows_moved) m
      )
      where d.tenant_id = decided.tenant_id and d.id = decided.id
      returning * into decided;
      return decided;
    end if;

    filled := app_private.fill_row(table_name, 'id', pair.tenant_id, kept_id, other_id);
    perform app_private.write_columns(table_name, pair.tenant_id, other_id, jsonb_build_object('merged_into_id', kept_id));
    insert into leadgen.duplicate_decisions
      (tenant_id, company_id, other_company_id, contact_id, other_contact_id, decider_id, verdict, other_name, moved)
    select
      pair.tenant_id,
      case table_name when 'companies' then kept_id end, case table_name when 'companies' then other_id end,
      case table_name when 'contacts' then kept_id end, case table_name when 'contacts' then other_id end,
      app.current_user_id(), 'merged', pair.other_name,
      rows_moved || jsonb_build_object('filled', filled, 'filled_research', research_filled)
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
        perform app_private.empty_row(
          child.child, child.column_name, decided.tenant_id, kept_id, decided.moved -> 'filled_research' -> child.child);
        perform app_private.move_rows(
          child.child, child.column_name, child.unique_with, decided.tenant_id, kept_id, other_id,
          array(select m.value::uuid from jsonb_array_elements_text(decided.moved -> child.child) m));
      end loop;
      perform app_private.empty_row(table_name, 'id', decided.tenant_id, kept_id, decided.moved -> 'filled');
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
