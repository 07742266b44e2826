--! Previous: sha1:41ea471ee1d760390cb5a22e63a0c0037c40575d
--! Hash: sha1:d5b98b692531a0f9d3b815cb73ac57fe4cc755e9
--! Message: claim work for workflows

-- What workflows do, a line each: claim companies and contacts that wait for a stage, give back what did not work out, record what was found,
-- keep count of a run. docs/n8n.md shows them all.
set local lock_timeout = '3s';

create type leadgen.pipeline_stage as enum ('l1', 'l2', 'person', 'message');
grant usage on type leadgen.pipeline_stage to public;

create table leadgen.claims (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  stage leadgen.pipeline_stage not null,
  company_id uuid,
  contact_id uuid,
  pipeline_run_id uuid,
  claimed_by text not null,
  claimed_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint claims_pkey primary key (tenant_id, id),
  constraint claims_tenant_id_company_id_stage_key unique (tenant_id, company_id, stage),
  constraint claims_tenant_id_contact_id_stage_key unique (tenant_id, contact_id, stage),
  constraint claims_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint claims_company_id_fkey foreign key (tenant_id, company_id) references leadgen.companies (tenant_id, id) on delete cascade,
  constraint claims_contact_id_fkey foreign key (tenant_id, contact_id) references leadgen.contacts (tenant_id, id) on delete cascade,
  constraint claims_pipeline_run_id_fkey foreign key (tenant_id, pipeline_run_id)
    references leadgen.pipeline_runs (tenant_id, id) on delete set null (pipeline_run_id),
  constraint claims_subject_check check (
    case when stage in ('l1', 'l2') then company_id is not null and contact_id is null else contact_id is not null and company_id is null end
  )
);
alter table leadgen.claims enable row level security;
alter table leadgen.claims force row level security;
create index claims_tenant_id_pipeline_run_id_idx on leadgen.claims (tenant_id, pipeline_run_id);
create index claims_tenant_id_expires_at_idx on leadgen.claims (tenant_id, expires_at);

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
  ('duplicate_verdict', 'distinct', 'Distinct', 2)
on conflict (enum_type, value) do update
  set label = excluded.label, place = excluded.place
  where (labels.label, labels.place) is distinct from (excluded.label, excluded.place);
--! EndIncluded leadgen/labels.sql
--! Included leadgen/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF401', 'message_sent', 409, 'This message is %s, so what was sent stays as it is.', 'Write another message to the contact.'),
  ('LF402', 'note_missing', 400, 'A rejection says why.', 'Send a note with it.'),
  ('LF403', 'same_row', 400, 'This is one %s, named twice.', 'Name the other one.'),
  ('LF404', 'merged_elsewhere', 409, 'This %s was merged already.', 'Undo that merge with undoLeadgenDuplicateDecision, or choose the one that was kept.'),
  ('LF405', 'undone_already', 409, 'This decision was taken back already.', 'Decide anew.'),
  ('LF406', 'merged_since', 409, 'The %s that was kept has been merged into another since.', 'Undo that merge first.'),
  ('LF410', 'unknown_result', 400, 'A result names what nobody records here: %s.', 'Name columns only: %s.'),
  ('LF411', 'result_not_an_object', 400, 'A result is a JSON object, a list of messages or events a JSON array; this is %s.', 'Send it as such.'),
  ('LF412', 'owner_unclear', 409, '%s is the name of %s owners.', 'Give them different names, or leave the name out.'),
  ('LF413', 'claim_impossible', 400, 'Nothing can be claimed or recorded like this: %s.', '%s'),
  ('LF414', 'claim_ended', 409, 'Nobody holds the claim %s: its result was recorded, it was given back, or its lease ended and another workflow has it.',
    'Claim again, and extend_claim where the work takes longer than the lease.'),
  ('LF415', 'event_incomplete', 400, 'Event %s has no %s.', 'Every event needs externalId, eventType and timestamp.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded leadgen/errors.sql
--! Included leadgen/claims.sql
-- Who works on what: a lease, so that what a killed workflow held is free again by itself. Written by the functions of claim_work.sql and
-- record_results.sql alone.
drop policy if exists all_tenant on leadgen.claims;
create policy all_tenant on leadgen.claims as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.claims;
create policy select_owner on leadgen.claims for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.claims;
create policy insert_owner on leadgen.claims for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.claims;
create policy update_owner on leadgen.claims for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.claims;
create policy delete_owner on leadgen.claims for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.claims;
create policy select_viewer on leadgen.claims for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.claims;
create policy select_automation on leadgen.claims for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.claims to :VIEWER, :AUTOMATION;

create or replace trigger _700_audit_insert after insert on leadgen.claims
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.claims
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.claims
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type leadgen.pipeline_stage is 'A stage of the pipeline: two of research about a company, one about a person, one that writes messages.';
comment on table leadgen.claims is '@class tenant
Something that a workflow works on. It is free again when it is recorded or given back, or when the lease ends.';
comment on column leadgen.claims.id is 'The row''s id, time-ordered.';
comment on column leadgen.claims.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.claims.stage is '@isIndexed
For which stage.';
comment on column leadgen.claims.company_id is 'The company, for the stages l1 and l2.';
comment on column leadgen.claims.contact_id is 'The contact, for the stages person and message.';
comment on column leadgen.claims.pipeline_run_id is 'The run that it is part of.';
comment on column leadgen.claims.claimed_by is 'The login, or whoever the workflow says it is.';
comment on column leadgen.claims.claimed_at is 'Since when.';
comment on column leadgen.claims.expires_at is 'When it is free again.';
comment on constraint claims_tenant_id_company_id_stage_key on leadgen.claims is 'Somebody works on this company already.';
comment on constraint claims_tenant_id_contact_id_stage_key on leadgen.claims is 'Somebody works on this contact already.';
comment on constraint claims_tenant_id_fkey on leadgen.claims is 'There is no such tenant.';
comment on constraint claims_company_id_fkey on leadgen.claims is 'There is no such company.';
comment on constraint claims_contact_id_fkey on leadgen.claims is 'There is no such contact.';
comment on constraint claims_pipeline_run_id_fkey on leadgen.claims is 'There is no such run.';
comment on constraint claims_subject_check on leadgen.claims is 'Companies are claimed for l1 and l2, contacts for person and message.';
--! EndIncluded leadgen/claims.sql
--! Included leadgen/read_results.sql
-- What a workflow found comes as one JSON object: its keys are columns, its values those that the database has or what people call them. A key
-- that nobody knows is refused and not lost; one that is not there leaves its column as it is; null empties it.
create or replace function app_private.read_result(target regclass, known text[], result jsonb) returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    unknown text;
  begin
    if jsonb_typeof(result) is distinct from 'object' then
      perform app_private.raise_error('LF411', coalesce(jsonb_typeof(result), 'null'));
    end if;
    select string_agg(given.key, ', ' order by given.key) into unknown from jsonb_object_keys(result) as given (key) where given.key <> all (known);
    if unknown is not null then
      perform app_private.raise_error('LF410', unknown, array_to_string(known, ', '));
    end if;
    return (
      select coalesce(jsonb_object_agg(given.key, coalesce(to_jsonb(label.value), given.value)), '{}')
      from jsonb_each(result) as given (key, value)
      join pg_attribute column_ on column_.attrelid = target and column_.attname = given.key
      join pg_type type on type.oid = column_.atttypid
      left join leadgen.labels label on type.typtype = 'e' and label.enum_type = type.typname and label.label = given.value #>> '{}'
    );
  end
  $$;
comment on function app_private.read_result(regclass, text[], jsonb) is
  'A result as columns of the table: labels of enums as their values. Refuses what is no object, and keys other than the known. For definers.';

create or replace function app_private.replace_company_tags(company_id uuid, tags jsonb) returns void
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    given record;
  begin
    if tags is null then
      return;
    end if;
    if jsonb_typeof(tags) <> 'object' then
      perform app_private.raise_error('LF411', jsonb_typeof(tags));
    end if;
    for given in
      select coalesce(label.value, tag.key)::leadgen.tag_category as category,
        array(select distinct btrim(word) from jsonb_array_elements_text(tag.value) word where word ~ '\S') as words
      from jsonb_each(tags) tag
      left join leadgen.labels label on label.enum_type = 'tag_category' and label.label = tag.key
    loop
      delete from leadgen.company_tags t
      where t.tenant_id = app.current_tenant_id() and t.company_id = replace_company_tags.company_id
        and t.category = given.category and t.value <> all (given.words);
      insert into leadgen.company_tags (company_id, category, value)
      select replace_company_tags.company_id, given.category, word from unnest(given.words) word
      on conflict on constraint company_tags_tenant_id_company_id_category_value_key do nothing;
    end loop;
  end
  $$;
comment on function app_private.replace_company_tags(uuid, jsonb) is
  'Makes the tags of each category that is given exactly those: {"pain_area": ["…"]}. For definers.';
--! EndIncluded leadgen/read_results.sql
--! Included leadgen/pipeline_run_steps.sql
-- The life of a run. Its counters are raised by one statement each, so that any number of workflows may raise them at once.
create or replace function app_private.batch_named(name text) returns uuid
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    found_id uuid;
  begin
    select b.id into found_id from leadgen.batches b where b.tenant_id = app.current_tenant_id() and b.name = batch_named.name;
    if found_id is null and name is not null then
      perform app_private.raise_error('LF006', 'batch', name);
    end if;
    return found_id;
  end
  $$;
comment on function app_private.batch_named(text) is 'The batch of this tenant with this name, null for null. Refuses a name that none has. For definers.';

create or replace function app_private.owner_named(name text) returns uuid
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    found_ids uuid[];
  begin
    select array_agg(o.id) into found_ids from leadgen.owners o where o.tenant_id = app.current_tenant_id() and o.name = owner_named.name;
    if found_ids is null and name is not null then
      perform app_private.raise_error('LF006', 'owner', name);
    end if;
    if cardinality(found_ids) > 1 then
      perform app_private.raise_error('LF412', name, cardinality(found_ids)::text);
    end if;
    return found_ids[1];
  end
  $$;
comment on function app_private.owner_named(text) is
  'The owner of this tenant with this name, null for null. Refuses a name that none has, or several have. For definers.';

create or replace function leadgen.start_pipeline_run(
  batch_name text default null, owner_name text default null, execution_id text default null, config jsonb default '{}'
) returns leadgen.pipeline_runs
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    run leadgen.pipeline_runs;
    tenant constant uuid := app.current_tenant_id();
    batch uuid;
    owner uuid;
  begin
    perform app_private.require_role('start a run of the pipeline', 'automation');
    batch := app_private.batch_named(batch_name);
    owner := app_private.owner_named(owner_name);
    insert into leadgen.pipeline_runs as r (tenant_id, batch_id, owner_id, execution_id, config, total_companies, l1_total, l2_total, total_contacts, person_total)
    select tenant, batch, owner, start_pipeline_run.execution_id, coalesce(start_pipeline_run.config, '{}'),
      companies.all_of_them, companies.l1, companies.l2, contacts.all_of_them, contacts.person
    from (
      select count(*) as all_of_them,
        count(*) filter (where c.status in ('new', 'enrichment_failed')) as l1,
        count(*) filter (where c.status in ('new', 'enrichment_failed', 'triage_passed', 'enrichment_l2_failed')) as l2
      from leadgen.companies c
      where c.tenant_id = tenant and c.merged_into_id is null and (batch is null or c.batch_id = batch) and (owner is null or c.owner_id = owner)
    ) companies
    cross join (
      select count(*) as all_of_them, count(*) filter (where not c.is_enriched) as person
      from leadgen.contacts c
      where c.tenant_id = tenant and c.merged_into_id is null and (owner is null or c.owner_id = owner)
        and (batch is null or exists (select from leadgen.contact_batches b where b.tenant_id = tenant and b.batch_id = batch and b.contact_id = c.id))
    ) contacts
    on conflict on constraint pipeline_runs_tenant_id_execution_id_key do nothing
    returning r.* into run;
    if not found then
      select * into run from leadgen.pipeline_runs r where r.tenant_id = tenant and r.execution_id = start_pipeline_run.execution_id;
    end if;
    return run;
  end
  $$;
comment on function leadgen.start_pipeline_run(text, text, text, jsonb) is
  'Starts a run over a batch, an owner''s part of it, or everything; the same execution_id again gives the same run. l2_total counts what may come out of the first stage too. Definer, because counts and statuses are written by functions alone.';
grant execute on function leadgen.start_pipeline_run(text, text, text, jsonb) to :AUTOMATION;

create or replace function app_private.advance_pipeline_run(pipeline_run_id uuid, stage leadgen.pipeline_stage, cost_usd numeric) returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
  as $$
    update leadgen.pipeline_runs r
    set l1_done = r.l1_done + (stage is not distinct from 'l1')::integer,
        l2_done = r.l2_done + (stage is not distinct from 'l2')::integer,
        person_done = r.person_done + (stage is not distinct from 'person')::integer,
        cost_usd = r.cost_usd + coalesce(advance_pipeline_run.cost_usd, 0)
    where r.tenant_id = app.current_tenant_id() and r.id = advance_pipeline_run.pipeline_run_id
  $$;
comment on function app_private.advance_pipeline_run(uuid, leadgen.pipeline_stage, numeric) is
  'Counts one thing done in a stage, none where the stage is null, and what it has cost. For definers.';

create or replace function leadgen.add_pipeline_cost(pipeline_run_id uuid, cost_usd numeric, company_id uuid default null, contact_id uuid default null)
  returns leadgen.pipeline_runs
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    run leadgen.pipeline_runs;
    tenant constant uuid := app.current_tenant_id();
  begin
    perform app_private.require_role('add a cost', 'automation');
    if company_id is not null then
      update leadgen.companies c set enrichment_cost_usd = c.enrichment_cost_usd + add_pipeline_cost.cost_usd
      where c.tenant_id = tenant and c.id = add_pipeline_cost.company_id;
      if not found then
        perform app_private.raise_error('LF006', 'company', company_id::text);
      end if;
    end if;
    if contact_id is not null then
      update leadgen.contacts c set enrichment_cost_usd = c.enrichment_cost_usd + add_pipeline_cost.cost_usd
      where c.tenant_id = tenant and c.id = add_pipeline_cost.contact_id;
      if not found then
        perform app_private.raise_error('LF006', 'contact', contact_id::text);
      end if;
    end if;
    perform app_private.advance_pipeline_run(pipeline_run_id, null, cost_usd);
    select * into run from leadgen.pipeline_runs r where r.tenant_id = tenant and r.id = add_pipeline_cost.pipeline_run_id;
    if not found and pipeline_run_id is not null then
      perform app_private.raise_error('LF006', 'run', pipeline_run_id::text);
    end if;
    return run;
  end
  $$;
comment on function leadgen.add_pipeline_cost(uuid, numeric, uuid, uuid) is
  'Adds to what a run has cost, in US dollars with every decimal, and to what its company or contact has. Definer, because costs are written by functions alone.';
grant execute on function leadgen.add_pipeline_cost(uuid, numeric, uuid, uuid) to :AUTOMATION;

create or replace function leadgen.finish_pipeline_run(pipeline_run_id uuid, error_message text default null) returns leadgen.pipeline_runs
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    run leadgen.pipeline_runs;
  begin
    perform app_private.require_role('finish a run of the pipeline', 'automation', 'admin');
    select * into run
    from leadgen.pipeline_runs r
    where r.tenant_id = app.current_tenant_id() and r.id = finish_pipeline_run.pipeline_run_id
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'run', pipeline_run_id::text);
    end if;
    update leadgen.pipeline_runs r
    set status = case when finish_pipeline_run.error_message is null then 'completed' else 'failed' end::leadgen.pipeline_run_status,
        error_message = finish_pipeline_run.error_message, completed_at = coalesce(r.completed_at, clock_timestamp())
    where r.tenant_id = run.tenant_id and r.id = run.id
    returning * into run;
    -- What it still held is free for the next.
    delete from leadgen.claims c where c.tenant_id = run.tenant_id and c.pipeline_run_id = run.id;
    return run;
  end
  $$;
comment on function leadgen.finish_pipeline_run(uuid, text) is
  'Ends a run: completed, or failed with what went wrong; what it held is free again. Definer, because statuses are written by functions alone.';
grant execute on function leadgen.finish_pipeline_run(uuid, text) to :AUTOMATION, :ADMIN;
--! EndIncluded leadgen/pipeline_run_steps.sql
--! Included leadgen/claim_work.sql
-- Claims. A row that somebody else is just taking is passed over (skip locked); one that was taken between the look and the grasp is caught by
-- the claim's key, so that nothing is ever claimed twice. Views show what is claimed, and what may be.
create or replace view leadgen.claimed_companies with (security_invoker = true) as
select claim.id as claim_id, claim.stage, claim.pipeline_run_id, claim.claimed_by, claim.claimed_at, claim.expires_at,
  company.id as company_id, company.name, company.domain, company.status, company.tier, company.batch_id, company.owner_id, company.industry,
  company.hq_city, company.hq_country, company.company_size, company.revenue_range, company.verified_revenue_eur_m, company.verified_employees,
  company.summary, company.notes
from leadgen.claims claim
join leadgen.companies company on company.tenant_id = claim.tenant_id and company.id = claim.company_id;
comment on view leadgen.claimed_companies is 'Companies that workflows work on, with what they need to know.';
grant select on table leadgen.claimed_companies to :AUTOMATION;

create or replace view leadgen.claimed_contacts with (security_invoker = true) as
select claim.id as claim_id, claim.stage, claim.pipeline_run_id, claim.claimed_by, claim.claimed_at, claim.expires_at,
  contact.id as contact_id, contact.full_name, contact.job_title, contact.email, contact.linkedin_url, contact.language, contact.location_country,
  contact.contact_score, contact.is_ai_champion, contact.icp_fit, contact.message_status, contact.owner_id, contact.company_id,
  company.name as company_name, company.domain as company_domain, company.tier as company_tier, company.summary as company_summary,
  research.pain_hypothesis, research.relevant_case_study, research.recent_news, person.person_summary, person.relationship_synthesis
from leadgen.claims claim
join leadgen.contacts contact on contact.tenant_id = claim.tenant_id and contact.id = claim.contact_id
left join leadgen.companies company on company.tenant_id = contact.tenant_id and company.id = contact.company_id
left join leadgen.company_enrichment_l2 research on research.tenant_id = company.tenant_id and research.company_id = company.id
left join leadgen.contact_enrichment person on person.tenant_id = contact.tenant_id and person.contact_id = contact.id;
comment on view leadgen.claimed_contacts is 'Contacts that workflows work on, with what they need to know of the person and the company.';
grant select on table leadgen.claimed_contacts to :AUTOMATION;

create or replace function app_private.check_lease(max_count integer, lease interval) returns void
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if max_count is null or max_count not between 1 and 1000 then
      perform app_private.raise_error('LF413', 'max_count is ' || coalesce(max_count::text, 'null'), 'Ask for 1 to 1000 at a time.');
    end if;
    if lease is null or lease not between interval '10 seconds' and interval '1 day' then
      perform app_private.raise_error('LF413', 'lease is ' || coalesce(lease::text, 'null'), 'Say how long a workflow needs at most: 10 seconds to 1 day.');
    end if;
  end
  $$;
comment on function app_private.check_lease(integer, interval) is 'Refuses to claim nothing, everything, or for ever. For definers.';

create or replace function leadgen.claim_companies(
  stage leadgen.pipeline_stage, batch_name text default null, owner_name text default null, tiers leadgen.company_tier[] default null,
  max_count integer default 10, lease interval default '10 minutes', include_failed boolean default false, pipeline_run_id uuid default null,
  claimed_by text default null
) returns setof leadgen.claimed_companies
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    batch uuid;
    owner uuid;
    claimed uuid[];
    waiting constant leadgen.company_status[] := case stage when 'l1' then array['new'] when 'l2' then array['triage_passed'] end;
    failed constant leadgen.company_status[] := case stage when 'l1' then array['enrichment_failed'] when 'l2' then array['enrichment_l2_failed'] end;
  begin
    perform app_private.require_role('claim companies', 'automation');
    perform app_private.check_lease(max_count, lease);
    if waiting is null then
      perform app_private.raise_error('LF413', 'the stage is ' || coalesce(stage::text, 'null'), 'Companies are claimed for l1 and l2; claim_contacts claims for person and message.');
    end if;
    batch := app_private.batch_named(batch_name);
    owner := app_private.owner_named(owner_name);
    with free as (
      select c.id
      from leadgen.companies c
      where c.tenant_id = tenant and c.merged_into_id is null
        and (c.status = any (waiting) or include_failed and c.status = any (failed))
        and (batch is null or c.batch_id = batch)
        and (owner is null or c.owner_id = owner)
        and (tiers is null or c.tier = any (tiers))
        and not exists (
          select from leadgen.claims l
          where l.tenant_id = tenant and l.company_id = c.id and l.stage = claim_companies.stage and l.expires_at > now()
        )
      order by c.pre_score desc nulls last, c.id
      limit max_count
      for no key update skip locked
    ), taken as (
      insert into leadgen.claims as l (tenant_id, stage, company_id, pipeline_run_id, claimed_by, expires_at)
      select tenant, claim_companies.stage, free.id, claim_companies.pipeline_run_id, coalesce(claim_companies.claimed_by, session_user), now() + lease
      from free
      on conflict on constraint claims_tenant_id_company_id_stage_key do update
        set id = excluded.id, pipeline_run_id = excluded.pipeline_run_id, claimed_by = excluded.claimed_by, claimed_at = now(), expires_at = excluded.expires_at
        where l.expires_at <= now()
      returning l.id
    )
    select array_agg(taken.id) into claimed from taken;
    return query
      select v.* from leadgen.claimed_companies v join leadgen.claims l on l.tenant_id = tenant and l.id = v.claim_id
      where l.id = any (claimed) order by v.claim_id;
  end
  $$;
comment on function leadgen.claim_companies(leadgen.pipeline_stage, text, text, leadgen.company_tier[], integer, interval, boolean, uuid, text) is
  'Claims up to max_count companies that wait for research (l1: new; l2: triage_passed), for the length of the lease; those that failed only where include_failed says so. Nobody else gets them meanwhile. Definer, because claims are written by functions alone.';
grant execute on function leadgen.claim_companies(leadgen.pipeline_stage, text, text, leadgen.company_tier[], integer, interval, boolean, uuid, text) to :AUTOMATION;

create or replace function leadgen.claim_contacts(
  stage leadgen.pipeline_stage, batch_name text default null, owner_name text default null, tiers leadgen.company_tier[] default null,
  max_count integer default 10, lease interval default '10 minutes', include_failed boolean default false, pipeline_run_id uuid default null,
  claimed_by text default null
) returns setof leadgen.claimed_contacts
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    tenant constant uuid := app.current_tenant_id();
    batch uuid;
    owner uuid;
    claimed uuid[];
  begin
    perform app_private.require_role('claim contacts', 'automation');
    perform app_private.check_lease(max_count, lease);
    if stage is null or stage not in ('person', 'message') then
      perform app_private.raise_error('LF413', 'the stage is ' || coalesce(stage::text, 'null'), 'Contacts are claimed for person and message; claim_companies claims for l1 and l2.');
    end if;
    batch := app_private.batch_named(batch_name);
    owner := app_private.owner_named(owner_name);
    with free as (
      select c.id
      from leadgen.contacts c
      join leadgen.companies company on company.tenant_id = c.tenant_id and company.id = c.company_id
      where c.tenant_id = tenant and c.merged_into_id is null and company.status = 'enriched_l2'
        and case stage
          when 'person' then not c.is_enriched and (include_failed or c.error_message is null)
          -- One that is being written to and that nobody holds was held by a workflow that is gone.
          else c.is_enriched and (c.message_status in ('not_started', 'generating') or include_failed and c.message_status = 'generation_failed')
        end
        and (batch is null or exists (select from leadgen.contact_batches b where b.tenant_id = tenant and b.batch_id = batch and b.contact_id = c.id))
        and (owner is null or c.owner_id = owner)
        and (tiers is null or company.tier = any (tiers))
        and not exists (
          select from leadgen.claims l
          where l.tenant_id = tenant and l.contact_id = c.id and l.stage = claim_contacts.stage and l.expires_at > now()
        )
      order by c.contact_score desc nulls last, c.id
      limit max_count
      for no key update of c skip locked
    ), taken as (
      insert into leadgen.claims as l (tenant_id, stage, contact_id, pipeline_run_id, claimed_by, expires_at)
      select tenant, claim_contacts.stage, free.id, claim_contacts.pipeline_run_id, coalesce(claim_contacts.claimed_by, session_user), now() + lease
      from free
      on conflict on constraint claims_tenant_id_contact_id_stage_key do update
        set id = excluded.id, pipeline_run_id = excluded.pipeline_run_id, claimed_by = excluded.claimed_by, claimed_at = now(), expires_at = excluded.expires_at
        where l.expires_at <= now()
      returning l.id, l.contact_id
    ), writing as (
      update leadgen.contacts c set message_status = 'generating', error_message = null
      from taken
      where stage = 'message' and c.tenant_id = tenant and c.id = taken.contact_id
    )
    select array_agg(taken.id) into claimed from taken;
    return query
      select v.* from leadgen.claimed_contacts v join leadgen.claims l on l.tenant_id = tenant and l.id = v.claim_id
      where l.id = any (claimed) order by v.contact_score desc nulls last, v.claim_id;
  end
  $$;
comment on function leadgen.claim_contacts(leadgen.pipeline_stage, text, text, leadgen.company_tier[], integer, interval, boolean, uuid, text) is
  'Claims up to max_count contacts of companies in enriched_l2, the best scores first: for person those who were not researched, for message those who were and have no messages yet (they are generating from then on). Those that failed only where include_failed says so. Definer, because claims are written by functions alone.';
grant execute on function leadgen.claim_contacts(leadgen.pipeline_stage, text, text, leadgen.company_tier[], integer, interval, boolean, uuid, text) to :AUTOMATION;

create or replace function app_private.hold_claim(claim_id uuid, variadic stages leadgen.pipeline_stage[]) returns leadgen.claims
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    claim leadgen.claims;
  begin
    perform app_private.require_role('record what a workflow found', 'automation');
    select * into claim
    from leadgen.claims c
    where c.tenant_id = app.current_tenant_id() and c.id = hold_claim.claim_id
    for update;
    if not found then
      perform app_private.raise_error('LF414', coalesce(claim_id::text, 'null'));
    end if;
    if claim.stage <> all (stages) then
      perform app_private.raise_error('LF413', 'the claim is for ' || claim.stage, 'Record it by the function of its stage.');
    end if;
    return claim;
  end
  $$;
comment on function app_private.hold_claim(uuid, leadgen.pipeline_stage[]) is
  'The claim, locked. Refuses one that was recorded, given back, or taken over by another workflow when its lease had ended: a late answer changes nothing. For definers.';

create or replace function leadgen.extend_claim(claim_id uuid, lease interval default '10 minutes') returns timestamptz
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    claim leadgen.claims := app_private.hold_claim(claim_id, 'l1', 'l2', 'person', 'message');
  begin
    perform app_private.check_lease(1, lease);
    update leadgen.claims c set expires_at = now() + lease
    where c.tenant_id = claim.tenant_id and c.id = claim.id
    returning c.expires_at into claim.expires_at;
    return claim.expires_at;
  end
  $$;
comment on function leadgen.extend_claim(uuid, interval) is 'Holds on to a claim for longer, from now. Definer, because claims are written by functions alone.';
grant execute on function leadgen.extend_claim(uuid, interval) to :AUTOMATION;

create or replace function leadgen.give_back(claim_id uuid, error_message text default null, cost_usd numeric default 0) returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    claim leadgen.claims := app_private.hold_claim(claim_id, 'l1', 'l2', 'person', 'message');
  begin
    if claim.company_id is not null then
      update leadgen.companies c
      set status = case
            when give_back.error_message is null or c.status not in ('new', 'triage_passed') then c.status
            when claim.stage = 'l1' then 'enrichment_failed' else 'enrichment_l2_failed'
          end::leadgen.company_status,
          error_message = coalesce(give_back.error_message, c.error_message),
          enrichment_cost_usd = c.enrichment_cost_usd + coalesce(give_back.cost_usd, 0)
      where c.tenant_id = claim.tenant_id and c.id = claim.company_id;
    else
      update leadgen.contacts c
      set message_status = case
            when claim.stage = 'person' or c.message_status <> 'generating' then c.message_status
            when give_back.error_message is null then 'not_started' else 'generation_failed'
          end::leadgen.contact_message_status,
          error_message = coalesce(give_back.error_message, c.error_message),
          enrichment_cost_usd = c.enrichment_cost_usd + coalesce(give_back.cost_usd, 0)
      where c.tenant_id = claim.tenant_id and c.id = claim.contact_id;
    end if;
    perform app_private.advance_pipeline_run(claim.pipeline_run_id, null, give_back.cost_usd);
    delete from leadgen.claims c where c.tenant_id = claim.tenant_id and c.id = claim.id;
  end
  $$;
comment on function leadgen.give_back(uuid, text, numeric) is
  'Gives a claim back: as it was, or, with an error, failed, so that only include_failed takes it up again. Definer, because statuses are written by functions alone.';
grant execute on function leadgen.give_back(uuid, text, numeric) to :AUTOMATION;

create or replace function leadgen.move_company(company_id uuid, to_status leadgen.company_status, error_message text default null) returns leadgen.companies
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    company leadgen.companies;
  begin
    perform app_private.require_role('move a company', 'automation');
    update leadgen.companies c
    set status = to_status, error_message = move_company.error_message, is_synced_to_lemlist = c.is_synced_to_lemlist or to_status = 'synced'
    where c.tenant_id = app.current_tenant_id() and c.id = move_company.company_id and c.merged_into_id is null
    returning * into company;
    if not found then
      perform app_private.raise_error('LF006', 'company', company_id::text);
    end if;
    return company;
  end
  $$;
comment on function leadgen.move_company(uuid, leadgen.company_status, text) is
  'Takes a company a step that app.transitions allows workflows, such as to synced. Definer, because statuses are written by functions alone.';
grant execute on function leadgen.move_company(uuid, leadgen.company_status, text) to :AUTOMATION;
--! EndIncluded leadgen/claim_work.sql
--! Included leadgen/record_results.sql
-- What a stage found. A result counts only while its claim is held, so that a workflow that comes too late overwrites nothing.
create or replace function leadgen.record_company_l1(
  claim_id uuid, outcome leadgen.company_status, result jsonb default '{}', tags jsonb default null, cost_usd numeric default 0
) returns leadgen.companies
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    claim leadgen.claims := app_private.hold_claim(claim_id, 'l1');
    company leadgen.companies;
  begin
    select * into company from leadgen.companies c where c.tenant_id = claim.tenant_id and c.id = claim.company_id for no key update;
    company := jsonb_populate_record(company, app_private.read_result('leadgen.companies', array[
      'domain', 'tier', 'business_model', 'business_type', 'company_size', 'ownership_type', 'geo_region', 'industry', 'industry_category',
      'revenue_range', 'buying_stage', 'ai_adoption', 'news_confidence', 'research_confidence', 'cohort', 'summary', 'hq_city', 'hq_country',
      'triage_notes', 'triage_score', 'pre_score', 'verified_revenue_eur_m', 'verified_employees'
    ], result));
    update leadgen.companies c
    set domain = company.domain, tier = company.tier, business_model = company.business_model, business_type = company.business_type,
        company_size = company.company_size, ownership_type = company.ownership_type, geo_region = company.geo_region, industry = company.industry,
        industry_category = company.industry_category, revenue_range = company.revenue_range, buying_stage = company.buying_stage,
        ai_adoption = company.ai_adoption, news_confidence = company.news_confidence, research_confidence = company.research_confidence,
        cohort = company.cohort, summary = company.summary, hq_city = company.hq_city, hq_country = company.hq_country,
        triage_notes = company.triage_notes, triage_score = company.triage_score, pre_score = company.pre_score,
        verified_revenue_eur_m = company.verified_revenue_eur_m, verified_employees = company.verified_employees,
        status = outcome, error_message = null, enrichment_cost_usd = c.enrichment_cost_usd + coalesce(record_company_l1.cost_usd, 0)
    where c.tenant_id = claim.tenant_id and c.id = claim.company_id
    returning * into company;
    perform app_private.replace_company_tags(company.id, tags);
    perform app_private.advance_pipeline_run(claim.pipeline_run_id, 'l1', record_company_l1.cost_usd);
    delete from leadgen.claims c where c.tenant_id = claim.tenant_id and c.id = claim.id;
    return company;
  end
  $$;
comment on function leadgen.record_company_l1(uuid, leadgen.company_status, jsonb, jsonb, numeric) is
  'Records the first stage of research of a claimed company: columns by name, tags by category, and where it goes: triage_passed, triage_review or triage_disqualified. Definer, because statuses are written by functions alone.';
grant execute on function leadgen.record_company_l1(uuid, leadgen.company_status, jsonb, jsonb, numeric) to :AUTOMATION;

create or replace function leadgen.record_company_l2(claim_id uuid, result jsonb, tags jsonb default null, cost_usd numeric default 0) returns leadgen.companies
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    claim leadgen.claims := app_private.hold_claim(claim_id, 'l2');
    company leadgen.companies;
    found_out leadgen.company_enrichment_l2;
  begin
    insert into leadgen.company_enrichment_l2 (tenant_id, company_id) values (claim.tenant_id, claim.company_id)
    on conflict on constraint company_enrichment_l2_tenant_id_company_id_key do nothing;
    select * into found_out from leadgen.company_enrichment_l2 e where e.tenant_id = claim.tenant_id and e.company_id = claim.company_id for update;
    found_out := jsonb_populate_record(found_out, app_private.read_result('leadgen.company_enrichment_l2', array[
      'company_intel', 'recent_news', 'ai_opportunities', 'pain_hypothesis', 'relevant_case_study', 'digital_initiatives', 'leadership_changes',
      'hiring_signals', 'key_products', 'customer_segments', 'competitors', 'tech_stack', 'funding_history', 'eu_grants', 'leadership_team',
      'ai_hiring', 'tech_partnerships', 'certifications', 'quick_wins', 'industry_pain_points', 'cross_functional_pain', 'adoption_barriers',
      'competitor_ai_moves'
    ], result));
    update leadgen.company_enrichment_l2 e
    set company_intel = found_out.company_intel, recent_news = found_out.recent_news, ai_opportunities = found_out.ai_opportunities,
        pain_hypothesis = found_out.pain_hypothesis, relevant_case_study = found_out.relevant_case_study,
        digital_initiatives = found_out.digital_initiatives, leadership_changes = found_out.leadership_changes,
        hiring_signals = found_out.hiring_signals, key_products = found_out.key_products, customer_segments = found_out.customer_segments,
        competitors = found_out.competitors, tech_stack = found_out.tech_stack, funding_history = found_out.funding_history,
        eu_grants = found_out.eu_grants, leadership_team = found_out.leadership_team, ai_hiring = found_out.ai_hiring,
        tech_partnerships = found_out.tech_partnerships, certifications = found_out.certifications, quick_wins = found_out.quick_wins,
        industry_pain_points = found_out.industry_pain_points, cross_functional_pain = found_out.cross_functional_pain,
        adoption_barriers = found_out.adoption_barriers, competitor_ai_moves = found_out.competitor_ai_moves,
        enriched_at = now(), enrichment_cost_usd = e.enrichment_cost_usd + coalesce(record_company_l2.cost_usd, 0)
    where e.tenant_id = claim.tenant_id and e.id = found_out.id;
    update leadgen.companies c
    set status = 'enriched_l2', error_message = null, enrichment_cost_usd = c.enrichment_cost_usd + coalesce(record_company_l2.cost_usd, 0)
    where c.tenant_id = claim.tenant_id and c.id = claim.company_id
    returning * into company;
    perform app_private.replace_company_tags(company.id, tags);
    perform app_private.advance_pipeline_run(claim.pipeline_run_id, 'l2', record_company_l2.cost_usd);
    delete from leadgen.claims c where c.tenant_id = claim.tenant_id and c.id = claim.id;
    return company;
  end
  $$;
comment on function leadgen.record_company_l2(uuid, jsonb, jsonb, numeric) is
  'Records the second stage of research of a claimed company, which is enriched_l2 from then on. Definer, because statuses are written by functions alone.';
grant execute on function leadgen.record_company_l2(uuid, jsonb, jsonb, numeric) to :AUTOMATION;

create or replace function leadgen.record_person(claim_id uuid, result jsonb, summaries jsonb default '{}', cost_usd numeric default 0) returns leadgen.contacts
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    claim leadgen.claims := app_private.hold_claim(claim_id, 'person');
    contact leadgen.contacts;
    found_out leadgen.contact_enrichment;
  begin
    select * into contact from leadgen.contacts c where c.tenant_id = claim.tenant_id and c.id = claim.contact_id for no key update;
    contact := jsonb_populate_record(contact, app_private.read_result('leadgen.contacts', array[
      'job_title', 'email', 'linkedin_url', 'phone_number', 'profile_photo_url', 'seniority_level', 'department', 'location_city',
      'location_country', 'icp_fit', 'relationship_status', 'language', 'is_ai_champion', 'ai_champion_score', 'authority_score', 'contact_score',
      'is_email_looked_up', 'is_duplicity_checked', 'has_duplicity_conflict', 'duplicity_detail'
    ], result));
    insert into leadgen.contact_enrichment (tenant_id, contact_id) values (claim.tenant_id, claim.contact_id)
    on conflict on constraint contact_enrichment_tenant_id_contact_id_key do nothing;
    select * into found_out from leadgen.contact_enrichment e where e.tenant_id = claim.tenant_id and e.contact_id = claim.contact_id for update;
    found_out := jsonb_populate_record(found_out, app_private.read_result('leadgen.contact_enrichment', array[
      'person_summary', 'linkedin_profile_summary', 'relationship_synthesis'
    ], summaries));
    update leadgen.contact_enrichment e
    set person_summary = found_out.person_summary, linkedin_profile_summary = found_out.linkedin_profile_summary,
        relationship_synthesis = found_out.relationship_synthesis, enriched_at = now(),
        enrichment_cost_usd = e.enrichment_cost_usd + coalesce(record_person.cost_usd, 0)
    where e.tenant_id = claim.tenant_id and e.id = found_out.id;
    update leadgen.contacts c
    set job_title = contact.job_title, email = contact.email, linkedin_url = contact.linkedin_url, phone_number = contact.phone_number,
        profile_photo_url = contact.profile_photo_url, seniority_level = contact.seniority_level, department = contact.department,
        location_city = contact.location_city, location_country = contact.location_country, icp_fit = contact.icp_fit,
        relationship_status = contact.relationship_status, language = contact.language, is_ai_champion = contact.is_ai_champion,
        ai_champion_score = contact.ai_champion_score, authority_score = contact.authority_score, contact_score = contact.contact_score,
        is_email_looked_up = contact.is_email_looked_up, is_duplicity_checked = contact.is_duplicity_checked,
        has_duplicity_conflict = contact.has_duplicity_conflict, duplicity_detail = contact.duplicity_detail,
        is_enriched = true, error_message = null, enrichment_cost_usd = c.enrichment_cost_usd + coalesce(record_person.cost_usd, 0)
    where c.tenant_id = claim.tenant_id and c.id = claim.contact_id
    returning * into contact;
    perform app_private.advance_pipeline_run(claim.pipeline_run_id, 'person', record_person.cost_usd);
    delete from leadgen.claims c where c.tenant_id = claim.tenant_id and c.id = claim.id;
    return contact;
  end
  $$;
comment on function leadgen.record_person(uuid, jsonb, jsonb, numeric) is
  'Records the research of a claimed contact: columns of the contact by name, summaries of the person beside them. Definer, because claims are written by functions alone.';
grant execute on function leadgen.record_person(uuid, jsonb, jsonb, numeric) to :AUTOMATION;

create or replace function leadgen.record_messages(claim_id uuid, messages jsonb, cost_usd numeric default 0) returns setof leadgen.messages
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    claim leadgen.claims := app_private.hold_claim(claim_id, 'message');
    contact leadgen.contacts;
    given jsonb;
    message leadgen.messages;
    is_first boolean := true;
  begin
    if jsonb_typeof(messages) is distinct from 'array' then
      perform app_private.raise_error('LF411', coalesce(jsonb_typeof(messages), 'null'));
    end if;
    select * into contact from leadgen.contacts c where c.tenant_id = claim.tenant_id and c.id = claim.contact_id for no key update;
    for given in select value from jsonb_array_elements(messages) loop
      message := jsonb_populate_record(null::leadgen.messages, app_private.read_result('leadgen.messages', array[
        'campaign_id', 'batch_id', 'label', 'channel', 'sequence_step', 'variant', 'subject', 'body', 'tone', 'language'
      ], given));
      insert into leadgen.messages (
        tenant_id, contact_id, owner_id, campaign_id, batch_id, label, channel, sequence_step, variant, subject, body, tone, language, generation_cost_usd
      ) values (
        claim.tenant_id, contact.id, contact.owner_id, message.campaign_id, message.batch_id, message.label, message.channel,
        coalesce(message.sequence_step, 1), coalesce(message.variant, 'a'), message.subject, message.body, message.tone,
        coalesce(message.language, contact.language),
        -- What the call has cost, it has cost once.
        case when is_first then coalesce(record_messages.cost_usd, 0) else 0 end
      ) returning * into message;
      is_first := false;
      return next message;
    end loop;
    update leadgen.contacts c
    set message_status = case when is_first then 'no_channel' else 'pending_review' end::leadgen.contact_message_status, error_message = null
    where c.tenant_id = claim.tenant_id and c.id = claim.contact_id;
    perform app_private.advance_pipeline_run(claim.pipeline_run_id, 'message', record_messages.cost_usd);
    delete from leadgen.claims c where c.tenant_id = claim.tenant_id and c.id = claim.id;
  end
  $$;
comment on function leadgen.record_messages(uuid, jsonb, numeric) is
  'Writes the drafts to a claimed contact, who waits for review from then on; an empty list says that there is no channel. Definer, because statuses are written by functions alone.';
grant execute on function leadgen.record_messages(uuid, jsonb, numeric) to :AUTOMATION;
--! EndIncluded leadgen/record_results.sql
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

    -- Whom nobody knows yet is put down by the address of their page, until somebody says who it is. Two calls at once wait for each other,
    -- or both would put them down.
    perform pg_advisory_xact_lock(hashtextextended('leadgen.record_activities/' || tenant, 0));
    insert into leadgen.contacts (tenant_id, full_name, linkedin_url, contact_source)
    select tenant, coalesce(nullif(initcap(replace(regexp_replace(unknown.page, '^.*/', ''), '-', ' ')), ''), unknown.page), unknown.url, 'social'
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
        select coalesce(c.merged_into_id, c.id) as id, c.owner_id
        from leadgen.contacts c
        where c.tenant_id = tenant and c.linkedin_url_normalized = app.normalized_linkedin_url(event ->> 'contactLinkedinUrl')
        order by c.merged_into_id nulls first, c.id
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
