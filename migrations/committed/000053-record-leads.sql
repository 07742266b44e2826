--! Previous: sha1:3e9ac545aeac2be8bcdee0c5d38f7f7a3fb769ff
--! Hash: sha1:fa8d7ff1d4d7eddbe4de5d0c4f026bb55e4120e1
--! Message: record leads

-- Leads of the browser extension, with what became of each.
set local lock_timeout = '3s';

create type leadgen.lead_outcome as enum ('created', 'updated', 'found', 'refused');
create type leadgen.recorded_lead as (
  place integer,
  contact_outcome leadgen.lead_outcome,
  contact_id uuid,
  company_outcome leadgen.lead_outcome,
  company_id uuid,
  not_taken jsonb,
  reason text
);
grant usage on type leadgen.lead_outcome, leadgen.recorded_lead to public;

--! Included leadgen/known_rows.sql
-- Whom we know already, for what takes in people and companies from outside.
create or replace function app_private.kept_row(table_name text, tenant_id uuid, id uuid) returns uuid
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    kept_id uuid := id;
    next_id uuid;
  begin
    loop
      execute format('select t.merged_into_id from leadgen.%I t where t.tenant_id = $1 and t.id = $2', table_name)
      into next_id using tenant_id, kept_id;
      exit when next_id is null;
      kept_id := next_id;
    end loop;
    return kept_id;
  end
  $$;
comment on function app_private.kept_row(text, uuid, uuid) is
  'The company or contact that one was merged into in the end; itself where it was not. For definers.';

create or replace function app_private.hold_new_contacts() returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$ select pg_advisory_xact_lock(hashtextextended('leadgen.contacts/' || app.current_tenant_id(), 0)) $$;
comment on function app_private.hold_new_contacts() is
  'Lets one call at a time put down people and companies whom this tenant does not know: two at once would both put them down. For definers.';

create or replace function app_private.name_of_page(page text) returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select coalesce(nullif(initcap(replace(regexp_replace(page, '^.*/', ''), '-', ' ')), ''), page) $$;
comment on function app_private.name_of_page(text) is 'What somebody is called of whom only the address of their page is known.';
--! EndIncluded leadgen/known_rows.sql
--! Included leadgen/record_activities.sql
-- What the browser extension saw on LinkedIn: many events in one call, each once, however often it is sent.
create or replace function leadgen.record_activities(events jsonb) returns setof leadgen.activities
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    lacking record;
  begin
    perform app_private.require_role('record activities', 'editor', 'admin', 'automation');
    if jsonb_typeof(events) is distinct from 'array' then
      perform app_private.raise_error('LF411', coalesce(jsonb_typeof(events), 'null'));
    end if;
    select given.place, case
        when coalesce(given.event ->> 'externalId', '') !~ '\S' then 'externalId'
        when coalesce(given.event ->> 'eventType', '') !~ '\S' then 'eventType'
        when not pg_input_is_valid(coalesce(given.event ->> 'timestamp', ''), 'timestamptz') then 'timestamp'
      end as member into lacking
    from jsonb_array_elements(events) with ordinality as given (event, place)
    where coalesce(given.event ->> 'externalId', '') !~ '\S' or coalesce(given.event ->> 'eventType', '') !~ '\S'
      or not pg_input_is_valid(coalesce(given.event ->> 'timestamp', ''), 'timestamptz')
    order by given.place
    limit 1;
    if found then
      perform app_private.raise_error('LF415', lacking.place::text, lacking.member);
    end if;

    -- Whom nobody knows yet is put down by the address of their page, until somebody says who it is.
    perform app_private.hold_new_contacts();
    insert into leadgen.contacts (tenant_id, full_name, linkedin_url, contact_source)
    select tenant, app_private.name_of_page(unknown.page), unknown.url, 'social'
    from (
      select app.normalized_linkedin_url(event ->> 'contactLinkedinUrl') as page, min(event ->> 'contactLinkedinUrl') as url
      from jsonb_array_elements(events) event
      group by 1
    ) unknown
    where unknown.page is not null
      and not exists (select from leadgen.contacts c where c.tenant_id = tenant and c.linkedin_url_normalized = unknown.page);

    return query
      insert into leadgen.activities as a (tenant_id, contact_id, owner_id, name, type, source, occurred_at, payload, external_id)
      select tenant, contact.id, contact.owner_id, event ->> 'eventType',
        case when event ->> 'eventType' like 'message%' then 'message' else 'event' end::leadgen.activity_type, 'linkedin',
        (event ->> 'timestamp')::timestamptz,
        case when jsonb_typeof(event -> 'payload') = 'object' then event -> 'payload'
          when coalesce(jsonb_typeof(event -> 'payload'), 'null') = 'null' then '{}' else jsonb_build_object('value', event -> 'payload') end,
        event ->> 'externalId'
      from jsonb_array_elements(events) with ordinality as given (event, place)
      left join lateral (
        select kept.id, kept.owner_id
        from leadgen.contacts c
        join leadgen.contacts kept on kept.tenant_id = tenant and kept.id = app_private.kept_row('contacts', tenant, c.id)
        where c.tenant_id = tenant and c.linkedin_url_normalized = app.normalized_linkedin_url(event ->> 'contactLinkedinUrl')
        order by c.merged_into_id nulls first, c.created_at, c.id
        limit 1
      ) contact on true
      order by given.place
      on conflict on constraint activities_tenant_id_external_id_key do nothing
      returning a.*;
  end
  $$;
comment on function leadgen.record_activities(jsonb) is
  'Records events of the browser extension, a list of {externalId, eventType, timestamp, contactLinkedinUrl, payload}, and gives those that were new: an externalId that is there already is passed over. Whom nobody knows is added by the address of their page. Definer, because many rows are written as one.';
grant execute on function leadgen.record_activities(jsonb) to :EDITOR, :AUTOMATION;
--! EndIncluded leadgen/record_activities.sql
--! Included leadgen/record_leads.sql
-- What the browser extension found on LinkedIn: people and where they work, many in one call, each once, however often they are sent.
comment on type leadgen.lead_outcome is 'What became of a company or a contact that was sent.';
comment on type leadgen.recorded_lead is 'What became of one lead of a call.';
comment on column leadgen.recorded_lead.place is 'Its place in the list that was sent, from 1.';
comment on column leadgen.recorded_lead.contact_outcome is
  'created; updated, where something that was empty was filled; found, where all of it was known; refused, with a reason.';
comment on column leadgen.recorded_lead.contact_id is 'The contact; null where the lead was refused.';
comment on column leadgen.recorded_lead.company_outcome is 'The same of the company; null where the lead names none, or was refused.';
comment on column leadgen.recorded_lead.company_id is 'The company that the lead names; null where it names none, or was refused.';
comment on column leadgen.recorded_lead.not_taken is
  'What was sent and not written, an object: member to {sent, kept}. kept is what was there already and stays; null where the value has no such word.';
comment on column leadgen.recorded_lead.reason is 'Why it was refused, in a sentence; nothing of it was written then.';

create or replace function app_private.refusal_of_lead(lead jsonb) returns text
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select case
      when jsonb_typeof(lead) <> 'object' then format('A lead is an object; this is %s.', jsonb_typeof(lead))
      when members.unknown is not null then format('Nobody records %s here.', members.unknown)
      when members.untold is not null then format('%s must be text.', members.untold)
      when lead ->> 'linkedinUrl' ~ '\S' and app.normalized_linkedin_url(lead ->> 'linkedinUrl') is null
        then 'linkedinUrl is no page of LinkedIn.'
      when lead ->> 'email' ~ '\S' and app.normalized_email(lead ->> 'email') is null then 'email is no e-mail address.'
      when lead ->> 'companyDomain' ~ '\S' and app.normalized_domain(lead ->> 'companyDomain') is null then 'companyDomain is no domain.'
      when coalesce(lead ->> 'companyName', '') !~ '\S' and members.of_company is not null
        then format('There is %s and no companyName.', members.of_company)
      when coalesce(lead ->> 'linkedinUrl', '') !~ '\S' and coalesce(lead ->> 'name', '') !~ '\S' then 'There is neither linkedinUrl nor name.'
      when coalesce(lead ->> 'linkedinUrl', '') !~ '\S' and coalesce(lead ->> 'email', '') !~ '\S' and coalesce(lead ->> 'companyName', '') !~ '\S'
        then 'A name alone is nobody: send linkedinUrl, email or companyName with it.'
    end
    from (
      select
        string_agg(m.key, ', ' order by m.key) filter (where m.key <> all (array[
          'name', 'jobTitle', 'linkedinUrl', 'email', 'phoneNumber', 'profilePhotoUrl', 'locationCity', 'locationCountry',
          'companyName', 'companyDomain', 'industry', 'companySize', 'revenueRange'
        ])) as unknown,
        string_agg(m.key, ', ' order by m.key) filter (where jsonb_typeof(m.value) not in ('string', 'null')) as untold,
        string_agg(m.key, ', ' order by m.key) filter (
          where m.key in ('companyDomain', 'industry', 'companySize', 'revenueRange') and m.value #>> '{}' ~ '\S'
        ) as of_company
      from jsonb_each(case jsonb_typeof(lead) when 'object' then lead else '{}' end) m
    ) members
  $$;
comment on function app_private.refusal_of_lead(jsonb) is 'Why a lead cannot be recorded, in a sentence; null where it can. For definers.';

create or replace function app_private.take_in(table_name text, tenant_id uuid, id uuid, lead jsonb, members jsonb, words jsonb)
  returns table (has_filled boolean, not_taken jsonb)
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    there jsonb;
    patch jsonb;
  begin
    execute format('select to_jsonb(t) from leadgen.%I t where t.tenant_id = $1 and t.id = $2 for no key update', table_name)
    into there using tenant_id, id;
    select
      coalesce(jsonb_object_agg(sent.column_name, sent.word) filter (where there ->> sent.column_name is null), '{}'),
      coalesce(
        jsonb_object_agg(sent.member, jsonb_build_object('sent', lead -> sent.member, 'kept', there -> sent.column_name))
          filter (where app_private.is_said_otherwise(sent.column_name, sent.word, there ->> sent.column_name)),
        '{}')
    into patch, not_taken
    from (
      select m.key as member, m.value as column_name, btrim(coalesce(words, lead) ->> m.key) as word
      from jsonb_each_text(members) m
      where coalesce(words, lead) ->> m.key ~ '\S'
    ) sent;
    perform app_private.write_columns(table_name, tenant_id, id, patch);
    has_filled := patch <> '{}';
    return next;
  end
  $$;
comment on function app_private.take_in(text, uuid, uuid, jsonb, jsonb, jsonb) is
  'Fills what is empty in a company or contact from a lead (members: of the lead to columns; words: their values, where these are other than the lead''s), and tells what the row says otherwise. For definers.';

create or replace function app_private.is_said_otherwise(column_name text, sent text, kept text) returns boolean
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    select case column_name
      when 'linkedin_url' then app.normalized_linkedin_url(sent) is distinct from app.normalized_linkedin_url(kept)
      when 'email' then app.normalized_email(sent) is distinct from app.normalized_email(kept)
      when 'domain' then app.normalized_domain(sent) is distinct from app.normalized_domain(kept)
      else sent <> btrim(kept)
    end and kept is not null
  $$;
comment on function app_private.is_said_otherwise(text, text, text) is
  'Whether a row says something else than was sent: addresses are compared as they are normalised. For definers.';

create or replace function app_private.value_called(enum_type text, word text) returns text
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select l.value
    from leadgen.labels l
    where l.enum_type = value_called.enum_type and lower(btrim(word)) in (l.value, lower(l.label))
    order by l.place
    limit 1
  $$;
comment on function app_private.value_called(text, text) is 'The value of an enum that a word is, or that people call so; null where there is none. For definers.';

create or replace function app_private.company_of_lead(lead jsonb, named uuid[]) returns uuid
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select kept.id
    from leadgen.companies c
    join leadgen.companies kept on kept.tenant_id = c.tenant_id and kept.id = app_private.kept_row('companies', c.tenant_id, c.id)
    cross join (select app.normalized_domain(lead ->> 'companyDomain') as sent) domain
    where c.tenant_id = app.current_tenant_id()
      and (
        c.domain_normalized = domain.sent
        -- One of another domain is another company of the same name.
        or c.id = any (named) and (kept.domain_normalized is null or domain.sent is null)
      )
    order by c.domain_normalized is not distinct from domain.sent desc, c.merged_into_id nulls first, c.created_at, c.id
    limit 1
  $$;
comment on function app_private.company_of_lead(jsonb, uuid[]) is
  'The company that a lead names: by its domain, else one of those of its name (named). For definers.';

create or replace function app_private.contact_of_lead(lead jsonb, company_id uuid) returns uuid
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select found.id
    from (
      select app.normalized_linkedin_url(lead ->> 'linkedinUrl') as page, app.normalized_email(lead ->> 'email') as email
    ) sent
    cross join lateral (
      select 1 as rank, c.merged_into_id, c.created_at, c.id as named_id
      from leadgen.contacts c
      where c.tenant_id = app.current_tenant_id() and c.linkedin_url_normalized = sent.page
      union all
      select 2, c.merged_into_id, c.created_at, c.id
      from leadgen.contacts c
      where c.tenant_id = app.current_tenant_id() and c.email_normalized = sent.email
      union all
      select 3, c.merged_into_id, c.created_at, c.id
      from leadgen.contacts c
      where c.tenant_id = app.current_tenant_id() and c.company_id = contact_of_lead.company_id
        and app.normalized_name(c.full_name) = app.normalized_name(lead ->> 'name')
    ) known
    join leadgen.contacts found
      on found.tenant_id = app.current_tenant_id() and found.id = app_private.kept_row('contacts', app.current_tenant_id(), known.named_id)
    -- Somebody of another page is somebody else, and of another address, where only the name is the same.
    where known.rank = 1
      or (sent.page is null or found.linkedin_url_normalized is null or found.linkedin_url_normalized = sent.page)
        and (known.rank = 2 or sent.email is null or found.email_normalized is null or found.email_normalized = sent.email)
    order by known.rank, known.merged_into_id nulls first, known.created_at, known.named_id
    limit 1
  $$;
comment on function app_private.contact_of_lead(jsonb, uuid) is
  'The contact that a lead is about: by the page on LinkedIn, else the e-mail address, else the name at the company. For definers.';

create or replace function leadgen.record_leads(
  leads jsonb, batch_name text default null, owner_name text default null, contact_source leadgen.contact_source default 'social'
) returns setof leadgen.recorded_lead
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    batch uuid;
    owner uuid;
    names jsonb;
    given record;
    lead jsonb;
    company_name text;
    recorded leadgen.recorded_lead;
    taken record;
    words jsonb;
    works_for uuid;
  begin
    perform app_private.require_role('record leads', 'editor', 'admin', 'automation');
    if jsonb_typeof(leads) is distinct from 'array' then
      perform app_private.raise_error('LF411', coalesce(jsonb_typeof(leads), 'null'));
    end if;
    if jsonb_array_length(leads) > 500 then
      perform app_private.raise_error('LF009', 'One call records at most 500 leads.', 'Send them in several calls.');
    end if;
    owner := coalesce(
      app_private.owner_named(owner_name),
      (select o.id from leadgen.owners o where o.tenant_id = tenant and o.user_id = app.current_user_id() order by o.id limit 1));
    perform app_private.hold_new_contacts();
    if batch_name ~ '\S' then
      insert into leadgen.batches (tenant_id, name, owner_id) values (tenant, btrim(batch_name), owner)
      on conflict on constraint batches_tenant_id_name_key do nothing
      returning id into batch;
      batch := coalesce(batch, app_private.batch_named(btrim(batch_name)));
    end if;

    -- The companies that are called as those that were sent, looked up once: names to ids.
    select coalesce(jsonb_object_agg(known.name, known.ids), '{}') into names
    from (
      select sent.name, jsonb_agg(c.id order by c.created_at, c.id) as ids
      from (
        select distinct app.normalized_name(l.lead ->> 'companyName') as name
        from jsonb_array_elements(leads) l (lead)
        where app_private.refusal_of_lead(l.lead) is null and l.lead ->> 'companyName' ~ '\S'
      ) sent
      join leadgen.companies c on c.tenant_id = tenant and app.normalized_name(c.name) = sent.name
      group by sent.name
    ) known;

    for given in select l.value, l.place from jsonb_array_elements(leads) with ordinality l (value, place) loop
      lead := given.value;
      recorded := null;
      recorded.place := given.place;
      recorded.not_taken := '{}';
      recorded.reason := app_private.refusal_of_lead(lead);
      if recorded.reason is not null then
        recorded.contact_outcome := 'refused';
        return next recorded;
        continue;
      end if;

      if lead ->> 'companyName' ~ '\S' then
        company_name := app.normalized_name(lead ->> 'companyName');
        recorded.company_id := app_private.company_of_lead(
          lead, array(select n.id::uuid from jsonb_array_elements_text(names -> company_name) n (id)));
        recorded.company_outcome := 'found';
        if recorded.company_id is null then
          insert into leadgen.companies (tenant_id, name, batch_id, owner_id) values (tenant, btrim(lead ->> 'companyName'), batch, owner)
          returning id into recorded.company_id;
          recorded.company_outcome := 'created';
          names := names || jsonb_build_object(company_name, coalesce(names -> company_name, '[]') || to_jsonb(recorded.company_id));
        end if;
        -- An industry in other words than ours is kept in those.
        words := lead || jsonb_build_object(
          'companySize', app_private.value_called('company_size', lead ->> 'companySize'),
          'revenueRange', app_private.value_called('revenue_range', lead ->> 'revenueRange'),
          'industry', coalesce(app_private.value_called('industry', lead ->> 'industry'), lead ->> 'industry'));
        select t.* into taken
        from app_private.take_in(
          'companies', tenant, recorded.company_id, lead,
          jsonb_build_object(
            'companyDomain', 'domain', 'companySize', 'company_size', 'revenueRange', 'revenue_range',
            'industry', case when app_private.value_called('industry', lead ->> 'industry') is null then 'industry_category' else 'industry' end),
          words
        ) t;
        recorded.not_taken := taken.not_taken || (
          select coalesce(jsonb_object_agg(m.name, jsonb_build_object('sent', lead -> m.name, 'kept', null)), '{}')
          from unnest(array['companySize', 'revenueRange']) m (name)
          where lead ->> m.name ~ '\S' and words ->> m.name is null
        );
        if taken.has_filled and recorded.company_outcome = 'found' then
          recorded.company_outcome := 'updated';
        end if;
      end if;

      recorded.contact_id := app_private.contact_of_lead(lead, recorded.company_id);
      recorded.contact_outcome := 'found';
      if recorded.contact_id is null then
        insert into leadgen.contacts (tenant_id, full_name, owner_id, contact_source)
        values (
          tenant, coalesce(nullif(btrim(lead ->> 'name'), ''), app_private.name_of_page(app.normalized_linkedin_url(lead ->> 'linkedinUrl'))),
          owner, record_leads.contact_source
        )
        returning id into recorded.contact_id;
        recorded.contact_outcome := 'created';
      end if;
      -- Somebody of whom nothing was known but the address of their page has a name now.
      update leadgen.contacts c set full_name = btrim(lead ->> 'name')
      where c.tenant_id = tenant and c.id = recorded.contact_id and lead ->> 'name' ~ '\S' and c.full_name <> btrim(lead ->> 'name')
        and c.full_name = app_private.name_of_page(c.linkedin_url_normalized)
        and c.company_id is null and c.owner_id is null and c.job_title is null and c.email is null and c.phone_number is null;
      if found then
        recorded.contact_outcome := 'updated';
      end if;
      select app_private.kept_row('companies', tenant, c.company_id) into works_for
      from leadgen.contacts c
      where c.tenant_id = tenant and c.id = recorded.contact_id;
      words := case when works_for is distinct from recorded.company_id then jsonb_build_object('companyName', recorded.company_id) else '{}' end;
      select t.* into taken
      from app_private.take_in(
        'contacts', tenant, recorded.contact_id, lead,
        '{"name": "full_name", "jobTitle": "job_title", "linkedinUrl": "linkedin_url", "email": "email", "phoneNumber": "phone_number",
          "profilePhotoUrl": "profile_photo_url", "locationCity": "location_city", "locationCountry": "location_country",
          "companyName": "company_id"}',
        lead - 'companyName' || words
      ) t;
      if taken.not_taken ? 'companyName' then
        taken.not_taken := jsonb_set(taken.not_taken, '{companyName,kept}', (
          select to_jsonb(c.name) from leadgen.companies c where c.tenant_id = tenant and c.id = works_for
        ));
      end if;
      recorded.not_taken := recorded.not_taken || taken.not_taken;
      if batch is not null then
        insert into leadgen.contact_batches (tenant_id, contact_id, batch_id) values (tenant, recorded.contact_id, batch)
        on conflict on constraint contact_batches_tenant_id_contact_id_batch_id_key do nothing;
        taken.has_filled := taken.has_filled or found;
      end if;
      if taken.has_filled and recorded.contact_outcome = 'found' then
        recorded.contact_outcome := 'updated';
      end if;
      return next recorded;
    end loop;
  end
  $$;
comment on function leadgen.record_leads(jsonb, text, text, leadgen.contact_source) is
  'Records leads of the browser extension, a list of {name, jobTitle, linkedinUrl, email, phoneNumber, profilePhotoUrl, locationCity, locationCountry, companyName, companyDomain, industry, companySize, revenueRange}: makes or finds the contact and the company of each, fills what they lack, overwrites nothing, and tells of each what it did. The batch is made where there is none of this name. Definer, because many rows are written as one.';
grant execute on function leadgen.record_leads(jsonb, text, text, leadgen.contact_source) to :EDITOR, :AUTOMATION;
--! EndIncluded leadgen/record_leads.sql
