--! Previous: sha1:3e9ac545aeac2be8bcdee0c5d38f7f7a3fb769ff
--! Hash: sha1:164cbd5f9f57597ceabfd5ba9c27569662d7878c
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
  ('pipeline_stage', 'l1', 'Company research, first stage', 1),
  ('pipeline_stage', 'l2', 'Company research, second stage', 2),
  ('pipeline_stage', 'person', 'Person research', 3),
  ('pipeline_stage', 'message', 'Messages', 4),
  ('duplicate_reason', 'domain', 'Same domain', 1),
  ('duplicate_reason', 'name', 'Same name', 2),
  ('duplicate_reason', 'linkedin_url', 'Same LinkedIn profile', 3),
  ('duplicate_reason', 'email', 'Same e-mail address', 4),
  ('duplicate_reason', 'name_and_company', 'Same name at the same company', 5),
  ('duplicate_reason', 'linked_since_merge', 'Linked since the merge', 6),
  ('duplicate_verdict', 'merged', 'Merged', 1),
  ('duplicate_verdict', 'distinct', 'Distinct', 2),
  ('lead_outcome', 'created', 'Created', 1),
  ('lead_outcome', 'updated', 'Updated', 2),
  ('lead_outcome', 'found', 'Found', 3),
  ('lead_outcome', 'refused', 'Refused', 4)
on conflict (enum_type, value) do update
  set label = excluded.label, place = excluded.place
  where (labels.label, labels.place) is distinct from (excluded.label, excluded.place);
--! EndIncluded leadgen/labels.sql
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

create or replace function app_private.company_of_lead(tenant_id uuid, lead jsonb, named uuid[]) returns uuid
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select kept.id
    from (select app.normalized_domain(lead ->> 'companyDomain') as domain) sent
    cross join lateral (
      select 1 as rank, c.merged_into_id, c.created_at, c.id
      from leadgen.companies c
      where c.tenant_id = company_of_lead.tenant_id and c.domain_normalized = sent.domain
      union all
      select 2, c.merged_into_id, c.created_at, c.id
      from leadgen.companies c
      where c.tenant_id = company_of_lead.tenant_id and c.id = any (named)
    ) known
    join leadgen.companies kept
      on kept.tenant_id = company_of_lead.tenant_id and kept.id = app_private.kept_row('companies', company_of_lead.tenant_id, known.id)
    -- One of another domain is another company of the same name.
    where known.rank = 1 or kept.domain_normalized is null or sent.domain is null
    order by known.rank, known.merged_into_id nulls first, known.created_at, known.id
    limit 1
  $$;
comment on function app_private.company_of_lead(uuid, jsonb, uuid[]) is
  'The company that a lead names: by its domain, else one of those of its name (named). For definers.';

create or replace function app_private.contact_of_lead(tenant_id uuid, lead jsonb, company_id uuid) returns uuid
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select kept.id
    from (
      select app.normalized_linkedin_url(lead ->> 'linkedinUrl') as page, app.normalized_email(lead ->> 'email') as email
    ) sent
    cross join lateral (
      select 1 as rank, c.merged_into_id, c.created_at, c.id
      from leadgen.contacts c
      where c.tenant_id = contact_of_lead.tenant_id and c.linkedin_url_normalized = sent.page
      union all
      select 2, c.merged_into_id, c.created_at, c.id
      from leadgen.contacts c
      where c.tenant_id = contact_of_lead.tenant_id and c.email_normalized = sent.email
      union all
      select 3, c.merged_into_id, c.created_at, c.id
      from leadgen.contacts c
      where c.tenant_id = contact_of_lead.tenant_id and c.company_id = contact_of_lead.company_id
        and app.normalized_name(c.full_name) = app.normalized_name(lead ->> 'name')
    ) known
    join leadgen.contacts kept
      on kept.tenant_id = contact_of_lead.tenant_id and kept.id = app_private.kept_row('contacts', contact_of_lead.tenant_id, known.id)
    -- Somebody of another page is somebody else, and of another address, where only the name is the same.
    where known.rank = 1
      or (sent.page is null or kept.linkedin_url_normalized is null or kept.linkedin_url_normalized = sent.page)
        and (known.rank = 2 or sent.email is null or kept.email_normalized is null or kept.email_normalized = sent.email)
    order by known.rank, known.merged_into_id nulls first, known.created_at, known.id
    limit 1
  $$;
comment on function app_private.contact_of_lead(uuid, jsonb, uuid) is
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
    if jsonb_array_length(leads) > 200 then
      perform app_private.raise_error('LF009', 'One call records at most 200 leads.', 'Send them in several calls.');
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
          tenant, lead, array(select n.id::uuid from jsonb_array_elements_text(names -> company_name) n (id)));
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

      recorded.contact_id := app_private.contact_of_lead(tenant, lead, recorded.company_id);
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
