--! Previous: sha1:38964b3927d519f99a80c937a6c57a03b5d770a4
--! Hash: sha1:f6673ba3e8ae0424e2d483ecb7b8b2286b6f5629
--! Message: keep counts of leads

-- How many companies, contacts and messages there are of what: the numbers beside the dashboard's filters, and a batch's statistics.
set local lock_timeout = '3s';

create type leadgen.count_subject as enum ('companies', 'contacts', 'messages');
create type leadgen.count_facet as enum ('total', 'status', 'tier', 'owner', 'batch');
create type leadgen.row_count as (subject leadgen.count_subject, facet leadgen.count_facet, value text, count integer);
create type leadgen.batch_statistic as (
  tenant_id uuid, status leadgen.company_status, tier leadgen.company_tier, owner_id uuid, companies integer, company_cost_usd numeric,
  contacts integer, contacts_waiting integer, contacts_enriched integer, contacts_failed integer, contact_cost_usd numeric
);
grant usage on type leadgen.count_subject, leadgen.count_facet, leadgen.row_count, leadgen.batch_statistic to public;

create table app_private.leadgen_counts (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null,
  subject leadgen.count_subject not null,
  grain leadgen.count_facet not null,
  batch_id uuid,
  owner_id uuid,
  status text,
  tier text,
  row_count integer not null,
  cost_usd numeric not null,
  is_compact boolean not null default false,
  constraint leadgen_counts_pkey primary key (tenant_id, id),
  constraint leadgen_counts_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id)
);
alter table app_private.leadgen_counts enable row level security;
alter table app_private.leadgen_counts force row level security;
create index leadgen_counts_tenant_id_grain_batch_id_idx on app_private.leadgen_counts (tenant_id, grain, batch_id);
create index leadgen_counts_tenant_id_loose_idx on app_private.leadgen_counts (tenant_id) where not is_compact;

create table app_private.leadgen_batch_contacts (
  id uuid not null,
  tenant_id uuid not null,
  batch_id uuid not null,
  contact_id uuid not null,
  company_id uuid,
  owner_id uuid,
  company_status leadgen.company_status,
  tier leadgen.company_tier,
  message_status leadgen.contact_message_status not null,
  is_enriched boolean not null,
  has_failed boolean not null,
  cost_usd numeric not null,
  constraint leadgen_batch_contacts_pkey primary key (tenant_id, id),
  constraint leadgen_batch_contacts_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id)
);
alter table app_private.leadgen_batch_contacts enable row level security;
alter table app_private.leadgen_batch_contacts force row level security;
create index leadgen_batch_contacts_tenant_id_batch_id_idx on app_private.leadgen_batch_contacts (tenant_id, batch_id)
  include (owner_id, company_status, tier, message_status, is_enriched, has_failed, cost_usd);
create index leadgen_batch_contacts_tenant_id_contact_id_idx on app_private.leadgen_batch_contacts (tenant_id, contact_id);
create index leadgen_batch_contacts_tenant_id_company_id_idx on app_private.leadgen_batch_contacts (tenant_id, company_id);

--! Included leadgen/counts.sql
-- Counts are kept as differences: every statement that changes rows adds what it changed, one row for each cell, and never updates one. So
-- whoever counts sees exactly what they see of the rows themselves, and nobody waits for anybody. A job adds up what has gathered.
drop policy if exists select_owner on app_private.leadgen_counts;
create policy select_owner on app_private.leadgen_counts for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.leadgen_counts;
create policy insert_owner on app_private.leadgen_counts for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.leadgen_counts;
create policy update_owner on app_private.leadgen_counts for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.leadgen_counts;
create policy delete_owner on app_private.leadgen_counts for delete to :OWNER using (true);

comment on table app_private.leadgen_counts is '@class private
How many rows there are, and what they have cost: the sum over all rows here that say the same. In three grains, so that each question reads few of them. Companies and contacts that were merged into others do not count. app_private.leadgen_count_differences() compares them with the rows.';
comment on column app_private.leadgen_counts.tenant_id is 'The tenant whose rows are counted.';
comment on column app_private.leadgen_counts.grain is 'batch: by batch, owner, status and tier; owner: by owner, status and tier; total: by batch and owner.';
comment on column app_private.leadgen_counts.batch_id is 'Of companies and messages; contacts may be in several batches, and are counted there when somebody asks.';
comment on column app_private.leadgen_counts.status is 'A company_status, a contact_message_status or a message_status.';
comment on column app_private.leadgen_counts.tier is 'Of companies.';
comment on column app_private.leadgen_counts.row_count is 'How many rows more, or fewer.';
comment on column app_private.leadgen_counts.cost_usd is 'What they have cost more, or less.';
comment on column app_private.leadgen_counts.is_compact is 'False for what one statement changed, true for what was added up.';

create or replace function app_private.count_grain(without_batch integer, without_status integer) returns leadgen.count_facet
  language sql immutable
  set search_path = pg_catalog, pg_temp
  return case when without_batch = 1 then 'owner' when without_status = 1 then 'total' else 'batch' end::leadgen.count_facet;
comment on function app_private.count_grain(integer, integer) is 'The grain of a count, by what it was not grouped by.';

-- after insert, update or delete, for each statement: tg__count_leads(subject, condition, batch, status, tier, cost), all but the first in
-- SQL over a row.
create or replace function app_private.tg__count_leads() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    changed constant text := case tg_op
      when 'INSERT' then 'select 1 as sign, n.* from new_rows n'
      when 'DELETE' then 'select -1 as sign, o.* from old_rows o'
      else 'select 1 as sign, n.* from new_rows n union all select -1, o.* from old_rows o'
    end;
  begin
    execute format(
      'insert into app_private.leadgen_counts (tenant_id, subject, grain, batch_id, owner_id, status, tier, row_count, cost_usd)
       select tenant_id, %L, app_private.count_grain(grouping(batch_id), grouping(status)), batch_id, owner_id, status, tier, sum(sign), sum(sign * cost_usd)
       from (
         select sign, tenant_id, %s as batch_id, owner_id, (%s)::text as status, (%s)::text as tier, %s as cost_usd
         from (%s) changed
         where %s and tenant_id not in (select t.id from tenancy.tenants t where t.deletion_begun_at is not null)
       ) cell
       group by grouping sets ((tenant_id, batch_id, owner_id, status, tier), (tenant_id, owner_id, status, tier), (tenant_id, batch_id, owner_id))
       having sum(sign) <> 0 or sum(sign * cost_usd) <> 0',
      tg_argv[0], tg_argv[2], tg_argv[3], tg_argv[4], tg_argv[5], changed, tg_argv[1]
    );
    return null;
  end
  $$;
comment on function app_private.tg__count_leads() is
  'Adds to the counts what a statement changed. Definer, because nobody writes counts by hand. What a tenant that is deleted loses is not counted any more.';

create or replace trigger _520_count_inserted after insert on leadgen.companies
  referencing new table as new_rows for each statement
  execute function app_private.tg__count_leads('companies', 'merged_into_id is null', 'batch_id', 'status', 'tier', 'enrichment_cost_usd');
create or replace trigger _520_count_updated after update on leadgen.companies
  referencing old table as old_rows new table as new_rows for each statement
  execute function app_private.tg__count_leads('companies', 'merged_into_id is null', 'batch_id', 'status', 'tier', 'enrichment_cost_usd');
create or replace trigger _520_count_deleted after delete on leadgen.companies
  referencing old table as old_rows for each statement
  execute function app_private.tg__count_leads('companies', 'merged_into_id is null', 'batch_id', 'status', 'tier', 'enrichment_cost_usd');
create or replace trigger _520_count_inserted after insert on leadgen.contacts
  referencing new table as new_rows for each statement
  execute function app_private.tg__count_leads('contacts', 'merged_into_id is null', 'null::uuid', 'message_status', 'null', 'enrichment_cost_usd');
create or replace trigger _520_count_updated after update on leadgen.contacts
  referencing old table as old_rows new table as new_rows for each statement
  execute function app_private.tg__count_leads('contacts', 'merged_into_id is null', 'null::uuid', 'message_status', 'null', 'enrichment_cost_usd');
create or replace trigger _520_count_deleted after delete on leadgen.contacts
  referencing old table as old_rows for each statement
  execute function app_private.tg__count_leads('contacts', 'merged_into_id is null', 'null::uuid', 'message_status', 'null', 'enrichment_cost_usd');
create or replace trigger _520_count_inserted after insert on leadgen.messages
  referencing new table as new_rows for each statement
  execute function app_private.tg__count_leads('messages', 'true', 'batch_id', 'status', 'null', 'generation_cost_usd');
create or replace trigger _520_count_updated after update on leadgen.messages
  referencing old table as old_rows new table as new_rows for each statement
  execute function app_private.tg__count_leads('messages', 'true', 'batch_id', 'status', 'null', 'generation_cost_usd');
create or replace trigger _520_count_deleted after delete on leadgen.messages
  referencing old table as old_rows for each statement
  execute function app_private.tg__count_leads('messages', 'true', 'batch_id', 'status', 'null', 'generation_cost_usd');

create or replace function app_private.compact_leadgen_counts() returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant uuid;
    compacted integer := 0;
  begin
    for tenant in
      select c.tenant_id from app_private.leadgen_counts c where not c.is_compact group by c.tenant_id having count(*) >= 500
    loop
      -- What is added while this runs is not seen by it and stays; of two that run at once the second finds nothing left.
      with taken as (
        delete from app_private.leadgen_counts c where c.tenant_id = tenant returning c.*
      )
      insert into app_private.leadgen_counts (tenant_id, subject, grain, batch_id, owner_id, status, tier, row_count, cost_usd, is_compact)
      select t.tenant_id, t.subject, t.grain, t.batch_id, t.owner_id, t.status, t.tier, sum(t.row_count), sum(t.cost_usd), true
      from taken t
      group by t.tenant_id, t.subject, t.grain, t.batch_id, t.owner_id, t.status, t.tier
      having sum(t.row_count) <> 0 or sum(t.cost_usd) <> 0;
      compacted := compacted + 1;
    end loop;
    return compacted;
  end
  $$;
comment on function app_private.compact_leadgen_counts() is
  'Adds up the counts of tenants where 500 differences or more have gathered, and says of how many. Definer, because nobody else reaches the counts; for the worker, which works for one tenant at a time everywhere else.';
grant execute on function app_private.compact_leadgen_counts() to :WORKER;

create or replace function app_private.actual_leadgen_counts() returns table (
  tenant_id uuid, subject leadgen.count_subject, grain leadgen.count_facet, batch_id uuid, owner_id uuid, status text, tier text, row_count bigint, cost_usd numeric
)
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select r.tenant_id, r.subject, app_private.count_grain(grouping(r.batch_id), grouping(r.status)), r.batch_id, r.owner_id, r.status, r.tier, count(*), sum(r.cost_usd)
    from (
      select c.tenant_id, 'companies'::leadgen.count_subject as subject, c.batch_id, c.owner_id, c.status::text as status, c.tier::text as tier, c.enrichment_cost_usd as cost_usd
      from leadgen.companies c where c.merged_into_id is null
      union all
      select c.tenant_id, 'contacts', null, c.owner_id, c.message_status::text, null, c.enrichment_cost_usd
      from leadgen.contacts c where c.merged_into_id is null
      union all
      select m.tenant_id, 'messages', m.batch_id, m.owner_id, m.status::text, null, m.generation_cost_usd
      from leadgen.messages m
    ) r
    group by grouping sets (
      (r.tenant_id, r.subject, r.batch_id, r.owner_id, r.status, r.tier), (r.tenant_id, r.subject, r.owner_id, r.status, r.tier),
      (r.tenant_id, r.subject, r.batch_id, r.owner_id)
    )
  $$;
comment on function app_private.actual_leadgen_counts() is 'What app_private.leadgen_counts should add up to, counted from the rows.';

create or replace function app_private.leadgen_count_differences() returns table (
  tenant_id uuid, subject leadgen.count_subject, grain leadgen.count_facet, batch_id uuid, owner_id uuid, status text, tier text,
  kept_count bigint, actual_count bigint, kept_cost_usd numeric, actual_cost_usd numeric
)
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select x.tenant_id, x.subject, x.grain, x.batch_id, x.owner_id, x.status, x.tier,
      sum(x.kept_count)::bigint, sum(x.actual_count)::bigint, sum(x.kept_cost_usd), sum(x.actual_cost_usd)
    from (
      select c.tenant_id, c.subject, c.grain, c.batch_id, c.owner_id, c.status, c.tier,
        c.row_count as kept_count, 0 as actual_count, c.cost_usd as kept_cost_usd, 0 as actual_cost_usd
      from app_private.leadgen_counts c
      union all
      select a.tenant_id, a.subject, a.grain, a.batch_id, a.owner_id, a.status, a.tier, 0, a.row_count, 0, a.cost_usd
      from app_private.actual_leadgen_counts() a
    ) x
    group by 1, 2, 3, 4, 5, 6, 7
    having sum(x.kept_count) <> sum(x.actual_count) or sum(x.kept_cost_usd) <> sum(x.actual_cost_usd)
  $$;
comment on function app_private.leadgen_count_differences() is
  'The counts that are not as the rows say; none, unless triggers were switched off. For the owner, in psql.';
--! EndIncluded leadgen/counts.sql
--! Included leadgen/batch_contacts.sql
-- The contacts of each batch with what its statistics ask for, which is in three tables. Kept by triggers on all of them. Whoever puts a contact
-- into a batch or a company holds both against changes until that is committed, so that neither misses the other.
drop policy if exists select_owner on app_private.leadgen_batch_contacts;
create policy select_owner on app_private.leadgen_batch_contacts for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.leadgen_batch_contacts;
create policy insert_owner on app_private.leadgen_batch_contacts for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.leadgen_batch_contacts;
create policy update_owner on app_private.leadgen_batch_contacts for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.leadgen_batch_contacts;
create policy delete_owner on app_private.leadgen_batch_contacts for delete to :OWNER using (true);

comment on table app_private.leadgen_batch_contacts is '@class private
What leadgen.summarize_batch and leadgen.count_rows count of contacts: a row for each of leadgen.contact_batches whose contact was not merged into another. app_private.leadgen_batch_contact_differences() compares them.';
comment on column app_private.leadgen_batch_contacts.id is 'The id in leadgen.contact_batches.';
comment on column app_private.leadgen_batch_contacts.tenant_id is 'The tenant that the contact belongs to.';
comment on column app_private.leadgen_batch_contacts.company_status is 'The status of the contact''s company.';
comment on column app_private.leadgen_batch_contacts.tier is 'The tier of the contact''s company.';
comment on column app_private.leadgen_batch_contacts.has_failed is 'Whether research about the contact failed.';

create or replace function app_private.actual_leadgen_batch_contacts() returns setof app_private.leadgen_batch_contacts
  language sql stable
  begin atomic
    select b.id, b.tenant_id, b.batch_id, b.contact_id, c.company_id, c.owner_id, o.status, o.tier, c.message_status, c.is_enriched,
      not c.is_enriched and c.error_message is not null, c.enrichment_cost_usd
    from leadgen.contact_batches b
    join leadgen.contacts c on c.tenant_id = b.tenant_id and c.id = b.contact_id
    left join leadgen.companies o on o.tenant_id = c.tenant_id and o.id = c.company_id
    where c.merged_into_id is null;
  end;
comment on function app_private.actual_leadgen_batch_contacts() is
  'What app_private.leadgen_batch_contacts should be. Without settings, so that the planner sees through it and reads what is asked for.';

create or replace function app_private.refresh_batch_contacts(tenant_id uuid, contact_ids uuid[]) returns void
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    -- Whoever changes one of these is waited for, and waits for us.
    perform from leadgen.contacts c
    where c.tenant_id = refresh_batch_contacts.tenant_id and c.id = any (contact_ids)
    order by c.id for share;
    perform from leadgen.companies o
    where o.tenant_id = refresh_batch_contacts.tenant_id
      and o.id in (select c.company_id from leadgen.contacts c where c.tenant_id = refresh_batch_contacts.tenant_id and c.id = any (contact_ids))
    order by o.id for share;

    delete from app_private.leadgen_batch_contacts b where b.tenant_id = refresh_batch_contacts.tenant_id and b.contact_id = any (contact_ids);
    insert into app_private.leadgen_batch_contacts
    select a.* from app_private.actual_leadgen_batch_contacts() a
    where a.tenant_id = refresh_batch_contacts.tenant_id and a.contact_id = any (contact_ids);
  end
  $$;
comment on function app_private.refresh_batch_contacts(uuid, uuid[]) is 'Makes the rows of these contacts anew. For definers.';

create or replace function app_private.tg_contact_batches__refresh() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if tg_op <> 'INSERT' then
      delete from app_private.leadgen_batch_contacts b using old_rows o where b.tenant_id = o.tenant_id and b.id = o.id;
    end if;
    if tg_op <> 'DELETE' then
      perform app_private.refresh_batch_contacts(n.tenant_id, array_agg(distinct n.contact_id)) from new_rows n group by n.tenant_id;
    end if;
    return null;
  end
  $$;
comment on function app_private.tg_contact_batches__refresh() is
  'Keeps app_private.leadgen_batch_contacts as contacts come into a batch or leave it. Definer, because nobody writes there by hand.';
create or replace trigger _520_refresh_inserted after insert on leadgen.contact_batches
  referencing new table as new_rows for each statement execute function app_private.tg_contact_batches__refresh();
create or replace trigger _520_refresh_updated after update on leadgen.contact_batches
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg_contact_batches__refresh();
create or replace trigger _520_refresh_deleted after delete on leadgen.contact_batches
  referencing old table as old_rows for each statement execute function app_private.tg_contact_batches__refresh();

create or replace function app_private.tg_contacts__refresh_batches() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    update app_private.leadgen_batch_contacts b
    set owner_id = n.owner_id, message_status = n.message_status, is_enriched = n.is_enriched,
      has_failed = not n.is_enriched and n.error_message is not null, cost_usd = n.enrichment_cost_usd
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where b.tenant_id = n.tenant_id and b.contact_id = n.id
      and (n.owner_id, n.message_status, n.is_enriched, n.error_message is null, n.enrichment_cost_usd)
        is distinct from (o.owner_id, o.message_status, o.is_enriched, o.error_message is null, o.enrichment_cost_usd);
    perform app_private.refresh_batch_contacts(n.tenant_id, array_agg(n.id))
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where (n.company_id, n.merged_into_id) is distinct from (o.company_id, o.merged_into_id)
    group by n.tenant_id;
    return null;
  end
  $$;
comment on function app_private.tg_contacts__refresh_batches() is
  'Keeps app_private.leadgen_batch_contacts as contacts change. Definer, because nobody writes there by hand.';
create or replace trigger _530_refresh_batches after update on leadgen.contacts
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg_contacts__refresh_batches();

create or replace function app_private.tg_companies__refresh_batches() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    update app_private.leadgen_batch_contacts b
    set company_status = n.status, tier = n.tier
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where b.tenant_id = n.tenant_id and b.company_id = n.id and (n.status, n.tier) is distinct from (o.status, o.tier);
    return null;
  end
  $$;
comment on function app_private.tg_companies__refresh_batches() is
  'Keeps app_private.leadgen_batch_contacts as companies change. Definer, because nobody writes there by hand.';
create or replace trigger _530_refresh_batches after update on leadgen.companies
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg_companies__refresh_batches();

create or replace function app_private.leadgen_batch_contact_differences() returns table (tenant_id uuid, id uuid, kept jsonb, actual jsonb)
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select coalesce(a.tenant_id, b.tenant_id), coalesce(a.id, b.id), to_jsonb(b), to_jsonb(a)
    from app_private.actual_leadgen_batch_contacts() a
    full join app_private.leadgen_batch_contacts b on b.tenant_id = a.tenant_id and b.id = a.id
    where to_jsonb(b) is distinct from to_jsonb(a)
  $$;
comment on function app_private.leadgen_batch_contact_differences() is
  'The rows of app_private.leadgen_batch_contacts that are not as the tables say; none, unless triggers were switched off. For the owner, in psql.';
--! EndIncluded leadgen/batch_contacts.sql
--! Included leadgen/count_rows.sql
comment on type leadgen.count_subject is 'What is counted.';
comment on type leadgen.count_facet is 'By what it is counted.';
comment on type leadgen.row_count is 'How many rows there are of something.';
comment on column leadgen.row_count.subject is 'What is counted.';
comment on column leadgen.row_count.facet is 'By what: total for all of them.';
comment on column leadgen.row_count.value is 'The status or the tier as the enum writes it, or the id of the owner or of the batch; null for those that have none, and for the total.';
comment on column leadgen.row_count.count is 'How many there are.';

create or replace function leadgen.count_rows(batch_id uuid default null, owner_id uuid default null) returns setof leadgen.row_count
  language plpgsql stable security definer rows 100
  set search_path = pg_catalog, pg_temp
  -- It is planned for what is asked: conditions on what was left out are gone then. And the tables are everybody's: whatever it costs, only an
  -- index that begins with the tenant may be read.
  set plan_cache_mode = force_custom_plan
  set enable_seqscan = off
  as $$
  declare
    tenant uuid;
  begin
    perform app_private.require_role('count what there is', 'viewer', 'editor', 'admin', 'reporter', 'automation');
    tenant := app.current_tenant_id();
    return query
      with cells as (
        -- By status and tier from the grain that has them; by batch from the one that has nothing else. One batch is in its own grain.
        select c.subject, c.batch_id, c.owner_id, c.status, c.tier, c.row_count, c.grain <> 'total' as has_status, c.grain <> 'owner' as has_batch
        from app_private.leadgen_counts c
        where c.tenant_id = tenant
          and c.grain = any (case when count_rows.batch_id is null then array['owner', 'total'] else array['batch'] end::leadgen.count_facet[])
          and (count_rows.batch_id is null or c.batch_id = count_rows.batch_id)
          and (count_rows.owner_id is null or c.owner_id = count_rows.owner_id)
        union all
        select 'contacts', b.batch_id, b.owner_id, b.message_status::text, null, 1, true, true
        from app_private.leadgen_batch_contacts b
        where count_rows.batch_id is not null and b.tenant_id = tenant and b.batch_id = count_rows.batch_id
          and (count_rows.owner_id is null or b.owner_id = count_rows.owner_id)
      )
      select s.subject, s.facet, s.value, s.row_count::integer
      from (
        select c.subject,
          case 0
            when grouping(c.status) then 'status' when grouping(c.tier) then 'tier' when grouping(c.owner_id) then 'owner'
            when grouping(c.batch_id) then 'batch' else 'total'
          end::leadgen.count_facet as facet,
          coalesce(c.status, c.tier, c.owner_id::text, c.batch_id::text) as value,
          case grouping(c.batch_id)
            when 0 then sum(c.row_count) filter (where c.has_batch) else sum(c.row_count) filter (where c.has_status)
          end as row_count
        from cells c
        group by grouping sets ((c.subject), (c.subject, c.status), (c.subject, c.tier), (c.subject, c.owner_id), (c.subject, c.batch_id))
      ) s
      -- Contacts have their company's tier, and may be in several batches: those are counted where one is named.
      where s.row_count <> 0 and (s.subject = 'companies' or s.facet <> 'tier') and (s.subject <> 'contacts' or s.facet <> 'batch')
      order by s.subject, s.facet, s.row_count desc, s.value;
  end
  $$;
comment on function leadgen.count_rows(uuid, uuid) is
  '@behavior list -connection
@argument batchId Only of this batch; contacts are counted by the batches that they are in.
@argument ownerId Only of this owner.
The numbers beside the filters of the dashboard: companies, contacts and messages by status, tier, owner and batch; of one batch, of one owner, or of all. Contacts are counted by batch where one is named. Definer, because counts over a whole tenant are kept where nobody else reaches them; it names the tenant itself.';
grant execute on function leadgen.count_rows(uuid, uuid) to :VIEWER, :AUTOMATION;
--! EndIncluded leadgen/count_rows.sql
--! Included leadgen/summarize_batch.sql
comment on type leadgen.batch_statistic is '@foreignKey (tenant_id, owner_id) references leadgen.owners (tenant_id, id)|@fieldName owner|@behavior -manyRelation:resource:connection -manyRelation:resource:list
How much of a batch there is of a status, a tier and an owner. Contacts stand with their company''s status and tier, and with their own owner.';
comment on column leadgen.batch_statistic.status is 'The status of the companies; null for contacts without a company.';
comment on column leadgen.batch_statistic.tier is 'The tier of the companies; null for those that have none.';
comment on column leadgen.batch_statistic.owner_id is 'Who approaches them; null where it is nobody yet.';
comment on column leadgen.batch_statistic.companies is 'How many companies of the batch there are.';
comment on column leadgen.batch_statistic.company_cost_usd is 'What research about them has cost, in US dollars.';
comment on column leadgen.batch_statistic.contacts is 'How many contacts of the batch there are.';
comment on column leadgen.batch_statistic.contacts_waiting is 'How many of them were not researched yet, without those that failed.';
comment on column leadgen.batch_statistic.contacts_enriched is 'How many of them were researched.';
comment on column leadgen.batch_statistic.contacts_failed is 'How many of them could not be researched.';
comment on column leadgen.batch_statistic.contact_cost_usd is 'What research about them has cost, in US dollars.';

create or replace function leadgen.summarize_batch(batch_id uuid, owner_id uuid default null) returns setof leadgen.batch_statistic
  language plpgsql stable security definer rows 100
  set search_path = pg_catalog, pg_temp
  -- It is planned for what is asked: conditions on what was left out are gone then. And the tables are everybody's: whatever it costs, only an
  -- index that begins with the tenant may be read.
  set plan_cache_mode = force_custom_plan
  set enable_seqscan = off
  as $$
  declare
    tenant uuid;
  begin
    perform app_private.require_role('summarize a batch', 'viewer', 'editor', 'admin', 'reporter', 'automation');
    tenant := app.current_tenant_id();
    return query
      select tenant, x.status, x.tier, x.owner_id, sum(x.companies)::integer, sum(x.company_cost_usd),
        sum(x.contacts)::integer, sum(x.contacts_waiting)::integer, sum(x.contacts_enriched)::integer, sum(x.contacts_failed)::integer,
        sum(x.contact_cost_usd)
      from (
        select c.status::leadgen.company_status as status, c.tier::leadgen.company_tier as tier, c.owner_id, c.row_count as companies,
          c.cost_usd as company_cost_usd, 0 as contacts, 0 as contacts_waiting, 0 as contacts_enriched, 0 as contacts_failed, 0 as contact_cost_usd
        from app_private.leadgen_counts c
        where c.tenant_id = tenant and c.grain = 'batch' and c.subject = 'companies' and c.batch_id = summarize_batch.batch_id
        union all
        select b.company_status, b.tier, b.owner_id, 0, 0, 1, (not b.is_enriched and not b.has_failed)::integer, b.is_enriched::integer, b.has_failed::integer, b.cost_usd
        from app_private.leadgen_batch_contacts b
        where b.tenant_id = tenant and b.batch_id = summarize_batch.batch_id
      ) x
      where summarize_batch.owner_id is null or x.owner_id = summarize_batch.owner_id
      group by x.status, x.tier, x.owner_id
      having sum(x.companies) <> 0 or sum(x.contacts) <> 0
      order by x.status, x.tier, x.owner_id;
  end
  $$;
comment on function leadgen.summarize_batch(uuid, uuid) is
  '@behavior list -connection
@argument batchId The batch.
@argument ownerId Only of this owner.
A batch by status, tier and owner: how many companies and contacts, how far research is, and what it has cost. Nothing for a batch that is not there. Definer, because its numbers are kept where nobody else reaches them; it names the tenant itself.';
grant execute on function leadgen.summarize_batch(uuid, uuid) to :VIEWER, :AUTOMATION;
--! EndIncluded leadgen/summarize_batch.sql

-- The triggers hold the tables against writes until this is committed: nothing is counted twice or missed.
insert into app_private.leadgen_counts (tenant_id, subject, grain, batch_id, owner_id, status, tier, row_count, cost_usd, is_compact)
select a.tenant_id, a.subject, a.grain, a.batch_id, a.owner_id, a.status, a.tier, a.row_count, a.cost_usd, true
from app_private.actual_leadgen_counts() a;

insert into app_private.leadgen_batch_contacts
select b.* from app_private.actual_leadgen_batch_contacts() b;
