--! Previous: sha1:f6673ba3e8ae0424e2d483ecb7b8b2286b6f5629
--! Hash: sha1:63c0898de0670cfeb780c631fd421b8ca985372e
--! Message: find companies and contacts

-- The lists of companies and contacts, by any filters together. Each index here is made in a moment while a tenant has tens of thousands of
-- rows, and lock_timeout bounds the wait for it.
set local lock_timeout = '3s';

create type leadgen.company_order as enum ('name', 'triage_score', 'updated_at');
create type leadgen.contact_order as enum ('contact_score', 'full_name', 'updated_at');
create type leadgen.company_page as (companies leadgen.companies[], has_next_page boolean, end_cursor text);
create type leadgen.contact_page as (contacts leadgen.contacts[], has_next_page boolean, end_cursor text);
grant usage on type leadgen.company_order, leadgen.contact_order, leadgen.company_page, leadgen.contact_page to public;

--! Included leadgen/searchable_leads.sql
-- What a search looks through. Immutable, since indexes are made of it, and without settings, so that the planner sees through it: a change
-- here is a migration that makes those indexes again.
create or replace function app.searchable_company(name text, domain text) returns text
  language sql immutable parallel safe
  return name || coalesce(E'\n' || domain, '');
comment on function app.searchable_company(text, text) is 'What a search looks through in a company: its name and its domain.';

create or replace function app.searchable_contact(full_name text, email text, job_title text) returns text
  language sql immutable parallel safe
  return full_name || coalesce(E'\n' || email, '') || coalesce(E'\n' || job_title, '');
comment on function app.searchable_contact(text, text, text) is 'What a search looks through in a contact: their name, address and job.';

-- Whoever writes a row writes its index entry too.
grant execute on function app.searchable_company(text, text), app.searchable_contact(text, text, text) to :EDITOR, :WORKER, :AUTOMATION;

create or replace function app_private.search_pattern(search text) returns text
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    part constant text := btrim(search, E' \t\r\n');
  begin
    if part is null or part = '' then
      return null;
    end if;
    -- Trigrams of a shorter one do not exist, and it would be compared with everything.
    if part !~ '[[:alnum:]]{3}' then
      perform app_private.raise_error('LF009', 'A search needs three letters or digits in a row.', 'Type more of the word.');
    end if;
    return '%' || regexp_replace(part, '([\\%_])', '\\\1', 'g') || '%';
  end
  $$;
comment on function app_private.search_pattern(text) is
  'A part of a word as a pattern for ilike; null where there is nothing to search for. For definers.';
--! EndIncluded leadgen/searchable_leads.sql

-- Partial, for what was merged is in no list; so definers, who say so, use them. They hold what other filters and orders ask for, so that the
-- rows of one filter are looked through without the table.
-- squawk-ignore require-concurrent-index-creation
create index companies_tenant_id_status_name_idx on leadgen.companies (tenant_id, status, name)
  include (id, tier, owner_id, batch_id, hq_country, triage_score, updated_at) where merged_into_id is null;
-- squawk-ignore require-concurrent-index-creation
create index companies_tenant_id_tier_name_idx on leadgen.companies (tenant_id, tier, name)
  include (id, status, owner_id, batch_id, hq_country, triage_score, updated_at) where merged_into_id is null;
-- squawk-ignore require-concurrent-index-creation
create index companies_tenant_id_hq_country_name_idx on leadgen.companies (tenant_id, hq_country, name)
  include (id, status, tier, owner_id, batch_id, triage_score, updated_at) where merged_into_id is null;
-- squawk-ignore require-concurrent-index-creation
create index companies_tenant_id_status_score_rank_idx on leadgen.companies (tenant_id, status, app.score_rank(triage_score), id) where merged_into_id is null;
-- squawk-ignore require-concurrent-index-creation
create index companies_tenant_id_score_rank_idx on leadgen.companies (tenant_id, app.score_rank(triage_score), id) where merged_into_id is null;
-- squawk-ignore require-concurrent-index-creation
create index companies_searchable_text_idx on leadgen.companies
  using gin (tenant_id, app.searchable_company(name, domain) public.gin_trgm_ops) with (fastupdate = off) where merged_into_id is null;
-- squawk-ignore require-concurrent-index-creation
create index contacts_tenant_id_score_rank_idx on leadgen.contacts (tenant_id, app.score_rank(contact_score), id) where merged_into_id is null;
-- squawk-ignore require-concurrent-index-creation
create index contacts_tenant_id_message_status_score_rank_idx on leadgen.contacts (tenant_id, message_status, app.score_rank(contact_score), id)
  include (company_id, owner_id, location_country, contact_score, full_name, updated_at) where merged_into_id is null;
-- squawk-ignore require-concurrent-index-creation
create index contacts_tenant_id_owner_id_score_rank_idx on leadgen.contacts (tenant_id, owner_id, app.score_rank(contact_score), id)
  include (company_id, message_status, location_country, contact_score, full_name, updated_at) where merged_into_id is null;
-- squawk-ignore require-concurrent-index-creation
create index contacts_tenant_id_location_country_score_rank_idx on leadgen.contacts (tenant_id, location_country, app.score_rank(contact_score), id)
  include (company_id, owner_id, message_status, contact_score, full_name, updated_at) where merged_into_id is null;
-- squawk-ignore require-concurrent-index-creation
create index contacts_searchable_text_idx on leadgen.contacts
  using gin (tenant_id, app.searchable_contact(full_name, email, job_title) public.gin_trgm_ops) with (fastupdate = off) where merged_into_id is null;

--! Included leadgen/page_of_leads.sql
-- A page of companies or contacts by any filters together. A filter that one index serves in this order is read from it. With others, the
-- 400 rows that come next are looked through, and then as many as a page seems to need, up to six thousand; where they do not fill it,
-- everything that the filters find is put in order. So neither a rare value nor filters that exclude each other read a tenant from end to end:
-- what is read are those rows and the ones of the narrowest filter. The conditions come from find_companies and find_contacts, every value in
-- them quoted.
create or replace function app_private.page_of_leads(
  relation regclass, tenant_id uuid, key text, key_type text, direction text, lead text, lead_column text, filters text, sets text, finding text[],
  behind text[], first integer, out ids uuid[], out keys text[]
)
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    rows_there constant text := format('%s c where c.tenant_id = %L and c.merged_into_id is null', relation, tenant_id);
    rows_behind constant text := case
      when behind is null then ''
      else format(' and (%s, c.id) %s (%L::%s, %L::uuid)', key, case direction when 'asc' then '>' else '<' end, behind[1], key_type, behind[2])
    end;
    in_order constant text := format('order by key %1$s, id %1$s limit ', direction);
    -- Comparing enums is not leakproof, so the planner does not take such a lead for one value, and the order must begin with it.
    in_lead_order constant text := format('order by %2$s key %1$s, c.id %1$s limit ', direction, lead_column || ',');
    page constant text := format('select array_agg(r.id order by r.key %1$s, r.id %1$s), array_agg(r.key::text order by r.key %1$s, r.id %1$s) from ', direction);
    looked_at integer := 400;
  begin
    if filters = lead then
      execute concat(page, '(select c.id, ', key, ' as key from ', rows_there, lead, rows_behind, ' ', in_lead_order, first + 1, ') r') into ids, keys;
      return;
    end if;
    loop
      execute concat(
        'with next as materialized (select c.*, ', key, ' as key from ', rows_there, lead, rows_behind, ' ', in_lead_order, looked_at, ') ',
        page, '(select c.id, c.key from next c where true', filters, ' ', in_order, first + 1, ') r'
      ) into ids, keys;
      if cardinality(ids) > first then
        return;
      end if;
      exit when looked_at > 400 or coalesce(cardinality(ids), 0) * 12 <= first;
      looked_at := 520 * (first + 1) / cardinality(ids);
    end loop;
    execute concat(
      'with ', sets, 'found as materialized (',
      (select string_agg(concat('select c.id, ', key, ' as key from ', rows_there, way, rows_behind), ' union ') from unnest(finding) way), ') ',
      page, '(select f.id, f.key from found f ', in_order, first + 1, ') r'
    ) into ids, keys;
  end
  $$;
comment on function app_private.page_of_leads(regclass, uuid, text, text, text, text, text, text, text, text[], text[], integer) is
  'The ids of a page and of one row more, if there is one, and what they are sorted by. The lead is what an index begins with in this order; filters are all conditions as they are asked of a row in hand; finding are the ways in which rows are found by them, out of sets. For definers.';
--! EndIncluded leadgen/page_of_leads.sql
--! Included leadgen/find_companies.sql
comment on type leadgen.company_order is 'How companies are sorted: by name, by triage score from the best, by the last change from the newest.';
comment on type leadgen.company_page is 'A page of companies.';
comment on column leadgen.company_page.companies is 'The companies, in the order that was asked for.';
comment on column leadgen.company_page.has_next_page is 'Whether there are more behind these.';
comment on column leadgen.company_page.end_cursor is 'Where this page ends: send it as after, with the same order, for the next one.';

create or replace function leadgen.find_companies(
  search text default null, statuses leadgen.company_status[] default null, tiers leadgen.company_tier[] default null, owner_id uuid default null,
  batch_id uuid default null, tag text default null, country text default null, min_triage_score numeric default null,
  max_triage_score numeric default null, order_by leadgen.company_order default 'name', first integer default 25, after text default null
) returns leadgen.company_page
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  -- The tables are everybody's: whatever it costs, only an index that begins with the tenant may be read.
  set enable_seqscan = off
  as $$
  declare
    tenant uuid;
    pattern text;
    behind text[];
    list constant text := 'companies by ' || order_by;
    key constant text := case order_by when 'name' then 'c.name' when 'triage_score' then 'app.score_rank(c.triage_score)' else 'c.updated_at' end;
    key_type constant text := case order_by when 'name' then 'text' when 'triage_score' then 'numeric' else 'timestamptz' end;
    of_status constant text := case
      when cardinality(statuses) = 1 then format(' and c.status = %L', statuses[1]) else format(' and c.status = any (%L)', statuses)
    end;
    of_tier constant text := case
      when cardinality(tiers) = 1 then format(' and c.tier = %L', tiers[1]) else format(' and c.tier = any (%L)', tiers)
    end;
    of_owner constant text := format(' and c.owner_id = %L', owner_id);
    of_batch constant text := format(' and c.batch_id = %L', batch_id);
    in_country constant text := format(' and c.hq_country = %L', country);
    of_score constant text := concat(
      case when min_triage_score is not null then format(' and app.score_rank(c.triage_score) <= app.score_rank(%L)', min_triage_score) end,
      case when max_triage_score is not null then format(' and app.score_rank(c.triage_score) >= app.score_rank(%L) and c.triage_score is not null', max_triage_score) end
    );
    lead text;
    filters text;
    found record;
    page leadgen.company_page;
  begin
    perform app_private.require_role('read companies', 'viewer', 'editor', 'admin', 'reporter', 'automation');
    perform app_private.check_page_size(first);
    tenant := app.current_tenant_id();
    pattern := app_private.search_pattern(search);
    behind := app_private.read_cursor(after, list, key_type, 'uuid');
    lead := case
      when order_by = 'name' and batch_id is not null then of_batch
      when order_by = 'name' and owner_id is not null then of_owner
      when order_by in ('name', 'triage_score') and cardinality(statuses) = 1 then of_status
      when order_by = 'name' and cardinality(tiers) = 1 then of_tier
      when order_by = 'name' and country is not null then in_country
      else ''
    end || case when order_by = 'triage_score' then of_score else '' end;
    filters := concat(
      case when batch_id is not null then of_batch end,
      case when owner_id is not null then of_owner end,
      case when statuses is not null then of_status end,
      case when tiers is not null then of_tier end,
      case when country is not null then in_country end,
      of_score,
      case when pattern is not null then format(' and app.searchable_company(c.name, c.domain) ilike %L', pattern) end
    );
    select * into found
    from app_private.page_of_leads(
      'leadgen.companies', tenant, key, key_type, case order_by when 'updated_at' then 'desc' else 'asc' end,
      lead, case when lead like ' and c.status %' then 'c.status' when lead like ' and c.tier %' then 'c.tier' end,
      filters || case when tag is null then '' else format(
        ' and (select true from leadgen.company_tags t where t.tenant_id = %L and t.company_id = c.id and t.value = %L limit 1)', tenant, tag
      ) end,
      case when tag is not null then format(
        'tagged as materialized (select t.company_id as id from leadgen.company_tags t where t.tenant_id = %L and t.value = %L), ', tenant, tag
      ) end,
      array[filters || case when tag is null then '' else ' and c.id in (select t.id from tagged t)' end],
      behind, first
    );
    page.has_next_page := coalesce(cardinality(found.ids), 0) > first;
    page.companies := array(
      select c
      from unnest(found.ids[:first]) with ordinality place (id, number)
      join leadgen.companies c on c.tenant_id = tenant and c.id = place.id
      order by place.number
    );
    if cardinality(page.companies) > 0 then
      page.end_cursor := app_private.write_cursor(list, found.keys[cardinality(page.companies)], found.ids[cardinality(page.companies)]::text);
    end if;
    return page;
  end
  $$;
comment on function leadgen.find_companies(
  text, leadgen.company_status[], leadgen.company_tier[], uuid, uuid, text, text, numeric, numeric, leadgen.company_order, integer, text
) is
  '@argument search A part of the name or the domain, with three letters or digits in a row at least.
@argument statuses Any of these statuses.
@argument tiers Any of these tiers.
@argument ownerId Only this owner''s.
@argument batchId Only of this batch.
@argument tag Only those with this tag, of whatever category.
@argument country Only with their head office here, as it is written.
@argument minTriageScore A triage score of this or more; those without one are left out.
@argument maxTriageScore A triage score of this or less; those without one are left out.
@argument orderBy By name unless asked.
@argument first So many rows: 25 unless asked, 100 at most.
@argument after The endCursor of the page before, which must have been asked in the same order.
Companies by any filters together: part of the name or the domain, statuses, tiers, owner, batch, tag, country, triage score from and to. Definer, because enums, scores and trigrams use no index under row security; it names the tenant itself.';
grant execute on function leadgen.find_companies(
  text, leadgen.company_status[], leadgen.company_tier[], uuid, uuid, text, text, numeric, numeric, leadgen.company_order, integer, text
) to :VIEWER, :AUTOMATION;
--! EndIncluded leadgen/find_companies.sql
--! Included leadgen/find_contacts.sql
comment on type leadgen.contact_order is 'How contacts are sorted: by score from the best, by name, by the last change from the newest.';
comment on type leadgen.contact_page is 'A page of contacts.';
comment on column leadgen.contact_page.contacts is 'The contacts, in the order that was asked for.';
comment on column leadgen.contact_page.has_next_page is 'Whether there are more behind these.';
comment on column leadgen.contact_page.end_cursor is 'Where this page ends: send it as after, with the same order, for the next one.';

create or replace function leadgen.find_contacts(
  search text default null, message_statuses leadgen.contact_message_status[] default null, tiers leadgen.company_tier[] default null,
  owner_id uuid default null, batch_id uuid default null, company_id uuid default null, tag text default null, country text default null,
  min_contact_score numeric default null, max_contact_score numeric default null, order_by leadgen.contact_order default 'contact_score',
  first integer default 25, after text default null
) returns leadgen.contact_page
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  -- The tables are everybody's: whatever it costs, only an index that begins with the tenant may be read.
  set enable_seqscan = off
  as $$
  declare
    tenant uuid;
    pattern text;
    behind text[];
    list constant text := 'contacts by ' || order_by;
    key constant text := case order_by when 'full_name' then 'c.full_name' when 'contact_score' then 'app.score_rank(c.contact_score)' else 'c.updated_at' end;
    key_type constant text := case order_by when 'full_name' then 'text' when 'contact_score' then 'numeric' else 'timestamptz' end;
    of_status constant text := case
      when cardinality(message_statuses) = 1 then format(' and c.message_status = %L', message_statuses[1])
      else format(' and c.message_status = any (%L)', message_statuses)
    end;
    of_owner constant text := format(' and c.owner_id = %L', owner_id);
    of_company constant text := format(' and c.company_id = %L', company_id);
    in_country constant text := format(' and c.location_country = %L', country);
    of_score constant text := concat(
      case when min_contact_score is not null then format(' and app.score_rank(c.contact_score) <= app.score_rank(%L)', min_contact_score) end,
      case when max_contact_score is not null then format(' and app.score_rank(c.contact_score) >= app.score_rank(%L) and c.contact_score is not null', max_contact_score) end
    );
    lead text;
    filters text;
    matches text;
    found_by text;
    is_narrow boolean;
    found record;
    page leadgen.contact_page;
  begin
    perform app_private.require_role('read contacts', 'viewer', 'editor', 'admin', 'reporter', 'automation');
    perform app_private.check_page_size(first);
    tenant := app.current_tenant_id();
    pattern := app_private.search_pattern(search);
    behind := app_private.read_cursor(after, list, key_type, 'uuid');
    lead := case
      when order_by = 'full_name' and company_id is not null then of_company
      when order_by in ('contact_score', 'full_name') and owner_id is not null then of_owner
      when order_by = 'contact_score' and cardinality(message_statuses) = 1 then of_status
      when order_by = 'contact_score' and country is not null then in_country
      else ''
    end || case when order_by = 'contact_score' then of_score else '' end;
    filters := concat(
      case when owner_id is not null then of_owner end,
      case when message_statuses is not null then of_status end,
      case when country is not null then in_country end,
      case when company_id is not null then of_company end,
      of_score
    );
    matches := case when pattern is not null then format(
      ' and (app.searchable_contact(c.full_name, c.email, c.job_title) ilike %2$L or (
        select app.searchable_company(o.name, o.domain) from leadgen.companies o
        where o.tenant_id = %1$L and o.id = c.company_id and o.merged_into_id is null
      ) ilike %2$L)', tenant, pattern
    ) end;
    -- Where another filter leaves few rows, each of them is asked; else those that match are found first.
    is_narrow := company_id is not null
      or num_nonnulls(owner_id, batch_id, tag, country, tiers) >= 2
      or batch_id is not null and not exists (
        select from leadgen.contact_batches b where b.tenant_id = tenant and b.batch_id = find_contacts.batch_id offset 1000
      )
      or tag is not null and not exists (
        select from leadgen.company_tags t where t.tenant_id = tenant and t.value = find_contacts.tag offset 500
      );
    found_by := concat(
      filters,
      case when batch_id is not null then ' and c.id in (select b.id from batched b)' end,
      case when tiers is not null then ' and c.company_id in (select t.id from tiered t)' end,
      case when tag is not null then ' and c.company_id in (select t.id from tagged t)' end
    );
    select * into found
    from app_private.page_of_leads(
      'leadgen.contacts', tenant, key, key_type, case order_by when 'updated_at' then 'desc' else 'asc' end, lead,
      case when lead like ' and c.message_status %' then 'c.message_status' end,
      concat(
        filters,
        case when batch_id is not null then format(
          ' and (select true from leadgen.contact_batches b where b.tenant_id = %L and b.contact_id = c.id and b.batch_id = %L)', tenant, batch_id
        ) end,
        case when tiers is not null then format(
          ' and (select o.tier = any (%2$L) from leadgen.companies o where o.tenant_id = %1$L and o.id = c.company_id and o.merged_into_id is null)', tenant, tiers
        ) end,
        case when tag is not null then format(
          ' and (select true from leadgen.company_tags t where t.tenant_id = %L and t.company_id = c.company_id and t.value = %L limit 1)', tenant, tag
        ) end,
        matches
      ),
      concat(
        case when batch_id is not null then format(
          'batched as materialized (select b.contact_id as id from leadgen.contact_batches b where b.tenant_id = %L and b.batch_id = %L), ', tenant, batch_id
        ) end,
        case when tiers is not null then format(
          'tiered as materialized (select o.id from leadgen.companies o where o.tenant_id = %L and o.tier = any (%L) and o.merged_into_id is null), ', tenant, tiers
        ) end,
        case when tag is not null then format(
          'tagged as materialized (select t.company_id as id from leadgen.company_tags t where t.tenant_id = %L and t.value = %L), ', tenant, tag
        ) end,
        case when pattern is not null and not is_narrow then format(
          'matching as materialized (
            select o.id from leadgen.companies o
            where o.tenant_id = %L and o.merged_into_id is null and app.searchable_company(o.name, o.domain) ilike %L
          ), ', tenant, pattern
        ) end
      ),
      case
        when pattern is null then array[found_by]
        when is_narrow then array[found_by || matches]
        else array[
          found_by || format(' and app.searchable_contact(c.full_name, c.email, c.job_title) ilike %L', pattern),
          found_by || ' and c.company_id in (select m.id from matching m)'
        ]
      end,
      behind, first
    );
    page.has_next_page := coalesce(cardinality(found.ids), 0) > first;
    page.contacts := array(
      select c
      from unnest(found.ids[:first]) with ordinality place (id, number)
      join leadgen.contacts c on c.tenant_id = tenant and c.id = place.id
      order by place.number
    );
    if cardinality(page.contacts) > 0 then
      page.end_cursor := app_private.write_cursor(list, found.keys[cardinality(page.contacts)], found.ids[cardinality(page.contacts)]::text);
    end if;
    return page;
  end
  $$;
comment on function leadgen.find_contacts(
  text, leadgen.contact_message_status[], leadgen.company_tier[], uuid, uuid, uuid, text, text, numeric, numeric, leadgen.contact_order, integer, text
) is
  '@argument search A part of the name, the address, the job, or of the company''s name or domain, with three letters or digits in a row at least.
@argument messageStatuses Writing to them stands at any of these.
@argument tiers Their company is of any of these tiers.
@argument ownerId Only whom this owner writes to.
@argument batchId Only in this batch.
@argument companyId Only at this company.
@argument tag Their company has this tag, of whatever category.
@argument country Only who live here, as it is written.
@argument minContactScore A contact score of this or more; those without one are left out.
@argument maxContactScore A contact score of this or less; those without one are left out.
@argument orderBy By score, the best first, unless asked.
@argument first So many rows: 25 unless asked, 100 at most.
@argument after The endCursor of the page before, which must have been asked in the same order.
Contacts by any filters together: part of the name, the address, the job or the company''s name, message statuses, tiers of the company, owner, batch, company, tag of the company, country, contact score from and to. Definer, because enums, scores and trigrams use no index under row security; it names the tenant itself.';
grant execute on function leadgen.find_contacts(
  text, leadgen.contact_message_status[], leadgen.company_tier[], uuid, uuid, uuid, text, text, numeric, numeric, leadgen.contact_order, integer, text
) to :VIEWER, :AUTOMATION;
--! EndIncluded leadgen/find_contacts.sql
