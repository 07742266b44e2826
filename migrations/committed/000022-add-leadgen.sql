--! Previous: sha1:1151eb381ff0217f1ea861181d74ba17d92d9ab7
--! Hash: sha1:649fcf0ba04a6fc749573726956f394f49797099
--! Message: add leadgen

-- Companies that may become customers, the people there, and the messages to them. The seed's DDL is the plan; docs/decisions.md lists where
-- it was left, and why.
set local lock_timeout = '3s';

create schema leadgen;
comment on schema leadgen is 'Companies that may become customers, the people there, what research finds out about them, and the messages to them.';
grant usage on schema leadgen to :VIEWER, :WORKER, :AUTOMATION;

--! Included app/transitions.sql
-- Who may read the diagram, and the trigger functions that hold every status to it. Each module lists its own machines.
drop policy if exists select_owner on app.transitions;
create policy select_owner on app.transitions for select to :OWNER using (true);
drop policy if exists insert_owner on app.transitions;
create policy insert_owner on app.transitions for insert to :OWNER with check (true);
drop policy if exists update_owner on app.transitions;
create policy update_owner on app.transitions for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app.transitions;
create policy delete_owner on app.transitions for delete to :OWNER using (true);
drop policy if exists select_everybody on app.transitions;
create policy select_everybody on app.transitions for select
  to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR, :REPORTER, :AUTOMATION using (true);
grant select on table app.transitions to :VISITOR, :VIEWER, :CLIENT, :OPERATOR, :WORKER, :AUTHENTICATOR, :REPORTER, :AUTOMATION;

comment on table app.transitions is '@class reference
Every step that a status may take, and who may take it. Read it as a diagram: select from_state, to_state, roles from app.transitions where machine = ''journey''.';
comment on column app.transitions.machine is 'The thing that has the status, in the singular.';
comment on column app.transitions.from_state is 'Null for the states in which a row may be born.';
comment on column app.transitions.to_state is 'The status after the step.';
comment on column app.transitions.roles is 'The application roles that may take it.';

create or replace function app_private.define_machine(machine text, diagram text) returns void
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    line text;
    step text[];
    kept integer[] := '{}';
    step_id integer;
  begin
    foreach line in array string_to_array(trim(both E' \n' from diagram), E'\n') loop
      step := regexp_match(line, '^\s*([a-z0-9_]*)\s*->\s*([a-z0-9_]+)\s*:\s*([a-z, ]+)$');
      if step is null then
        raise exception 'a step of % reads "%"', machine, line using hint = 'Write it as: from_state -> to_state: role, role';
      end if;
      insert into app.transitions as t (machine, from_state, to_state, roles)
      values (define_machine.machine, nullif(step[1], ''), step[2], regexp_split_to_array(trim(step[3]), ',\s*'))
      on conflict on constraint transitions_machine_from_state_to_state_key do update set roles = excluded.roles
      returning t.id into step_id;
      kept := kept || step_id;
    end loop;
    delete from app.transitions t where t.machine = define_machine.machine and t.id <> all (kept);
  end
  $$;
comment on function app_private.define_machine(text, text) is
  'Makes the steps of one machine exactly those of the diagram, one a line: "from_state -> to_state: role, role"; a birth has no from_state.';

create or replace function app.allowed_transitions(machine text, from_state text) returns text[]
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select coalesce(array_agg(t.to_state order by t.id), '{}')
    from app.transitions t
    where t.machine = allowed_transitions.machine
      and t.from_state is not distinct from allowed_transitions.from_state
      and app.current_app_role() = any (t.roles)
  $$;
comment on function app.allowed_transitions(text, text) is 'The states that the person who asks may move something to from here.';
grant execute on function app.allowed_transitions(text, text) to :VIEWER, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION;

-- For any table: tg__check_transition('machine', 'column') before insert or update. The steps hold for everybody, the owner included.
-- The one exception is the recorded effect of a running import or rollback batch, from the worker's login.
create or replace function app_private.tg__check_transition() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    machine constant text := tg_argv[0];
    came_from text;
    goes_to constant text := to_jsonb(new) ->> tg_argv[1];
  begin
    if tg_op = 'UPDATE' then
      came_from := to_jsonb(old) ->> tg_argv[1];
      if came_from is not distinct from goes_to then
        return new;
      end if;
    end if;
    if app.current_import_batch_id() is not null then
      return new;
    end if;
    if exists (
      select from app.transitions t
      where t.machine = tg_argv[0]
        and t.from_state is not distinct from came_from
        and t.to_state = goes_to
        and app.current_app_role() = any (t.roles)
    ) then
      return new;
    end if;
    if tg_op = 'INSERT' then
      perform app_private.raise_error('LF004', replace(machine, '_', ' '), goes_to,
        coalesce(nullif(array_to_string(app.allowed_transitions(machine, null), ', '), ''), 'nothing, for you'));
    else
      perform app_private.raise_error('LF003', replace(machine, '_', ' '), came_from, goes_to,
        coalesce(nullif(array_to_string(app.allowed_transitions(machine, came_from), ', '), ''), 'nothing'));
    end if;
    return null;
  end
  $$;
comment on function app_private.tg__check_transition() is
  'Definer, because the rules hold for roles that may not read them too. Refuses every step that app.transitions does not list for this role.';
--! EndIncluded app/transitions.sql
--! Included app/triggers.sql
-- Trigger functions for any table.

create or replace function app_private.singular_of(table_name text) returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select regexp_replace(replace(table_name, '_', ' '), 's$', '') $$;
comment on function app_private.singular_of(text) is 'What a row of the table is called in a message: tables are plural nouns.';

-- before update, tg__stamp_times('generated column', …): nobody moves the time of birth, except an import that knows better. A trigger of a table
-- with generated columns cannot ask in its condition whether the row changes; it names them here, for they are made later.
create or replace function app_private.tg__stamp_times() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if tg_nargs > 0 and to_jsonb(new) - tg_argv::text[] = to_jsonb(old) - tg_argv::text[] then
      return new;
    end if;
    if app.current_import_batch_id() is null then
      new.created_at := old.created_at;
    end if;
    new.updated_at := now();
    return new;
  end
  $$;
comment on function app_private.tg__stamp_times() is 'Sets updated_at where the row changes, and keeps created_at as it was.';

-- before update, tg__count_version('column', …): the columns named are written by machines, or generated, and do not count, so that publishing
-- never makes an editor's open form stale.
create or replace function app_private.tg__count_version() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    uncounted constant text[] := tg_argv::text[] || array['version', 'updated_at'];
  begin
    if new.version is distinct from old.version then
      perform app_private.raise_error('LF005', app_private.singular_of(tg_table_name), new.version::text, old.version::text, old.version::text);
    end if;
    if (to_jsonb(new) - uncounted) is distinct from (to_jsonb(old) - uncounted) then
      new.version := old.version + 1;
    end if;
    return new;
  end
  $$;
comment on function app_private.tg__count_version() is
  'Refuses an update that names a version other than the current one; else counts up when a column that people see has changed. Definer, to raise our error for whoever updates.';

-- before update or delete: what is written once stays, unless a batch takes back what a batch wrote.
create or replace function app_private.tg__refuse_change() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is not null then
      return coalesce(new, old);
    end if;
    perform app_private.raise_error('LF007', app_private.singular_of(tg_table_name), tg_argv[0]);
    return null;
  end
  $$;
comment on function app_private.tg__refuse_change() is 'Refuses to change a row that is a record of what was; its argument says what to do instead. Definer, to raise our error for whoever updates.';
--! EndIncluded app/triggers.sql
--! Included audit/record_changes.sql
-- after insert, update or delete, for each statement, with transition tables old_rows and new_rows.
create or replace function app_private.tg__audit() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  -- A table may have a column that is called like one of these; its columns are always named with the table.
  #variable_conflict use_variable
  declare
    identity constant record := app_private.current_identity();
    batch_id constant uuid := app.current_import_batch_id();
    qualified_name constant text := tg_table_schema || '.' || tg_table_name;
    change_source constant audit.change_source := case
      when batch_id is not null then 'import'
      when session_user = ':WORKER' then 'job'
      when session_user = ':AUTHENTICATOR' then 'api'
      else 'sql'
    end;
    request_id constant text := nullif(current_setting('app.request_id', true), '');
    job_id constant text := nullif(current_setting('app.job_id', true), '');
  begin
    if tg_op = 'INSERT' and batch_id is not null then
      insert into audit.changes (tenant_id, table_name, action, row_count, source, app_role, login_name, import_batch_id, job_id, transaction_id)
      select n.tenant_id, qualified_name, 'insert', count(*), change_source, identity.app_role, session_user, batch_id, job_id, pg_current_xact_id()
      from new_rows n
      group by n.tenant_id;
    elsif tg_op = 'INSERT' then
      insert into audit.changes (tenant_id, table_name, action, row_id, source, user_id, app_role, login_name, session_id, job_id, request_id, transaction_id)
      select n.tenant_id, qualified_name, 'insert', n.id, change_source, identity.user_id, identity.app_role, session_user, identity.session_id, job_id, request_id, pg_current_xact_id()
      from new_rows n;
    elsif tg_op = 'UPDATE' then
      insert into audit.changes (tenant_id, table_name, action, row_id, changes, source, user_id, app_role, login_name, session_id, import_batch_id, job_id, request_id, transaction_id)
      select n.tenant_id, qualified_name, 'update', n.id, difference.columns, change_source, identity.user_id, identity.app_role, session_user, identity.session_id, batch_id, job_id, request_id, pg_current_xact_id()
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      cross join lateral (
        select jsonb_object_agg(after.key, jsonb_build_array(before.value, after.value)) as columns
        from jsonb_each(to_jsonb(n)) after
        join jsonb_each(to_jsonb(o)) before on before.key = after.key
        where before.value is distinct from after.value and after.key not in ('updated_at', 'version')
      ) difference
      where difference.columns is not null;
    else
      insert into audit.changes (tenant_id, table_name, action, row_id, changes, source, user_id, app_role, login_name, session_id, import_batch_id, job_id, request_id, transaction_id)
      select o.tenant_id, qualified_name, 'delete', o.id, to_jsonb(o), change_source, identity.user_id, identity.app_role, session_user, identity.session_id, batch_id, job_id, request_id, pg_current_xact_id()
      from old_rows o;
    end if;
    return null;
  end
  $$;
comment on function app_private.tg__audit() is
  'Definer, because nobody may write the record by hand. One insert for a statement, however many rows it changed.';
--! EndIncluded audit/record_changes.sql
--! Included leadgen/normalized.sql
-- What two spellings of one address have in common. Immutable, since stored columns are made by them: a change here is a migration that
-- rewrites those columns.
create or replace function app.normalized_domain(domain text) returns text
  language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  return substring(
    regexp_replace(
      split_part(regexp_replace(regexp_replace(lower(btrim(domain, E' \t\r\n\u00a0')), '^([a-z][a-z0-9+.-]*:)?//', ''), '[/?#].*$', ''), '@', -1),
      '^www[0-9]?\.|\.*(:[0-9]*)?$', '', 'g'
    )
    from '^[^\s.@]+(?:\.[^\s.@]+)+$'
  );
comment on function app.normalized_domain(text) is
  'A domain, an address on the web or an e-mail address as a bare domain in lower case: without scheme, "www.", port and path. Null for what is none.';

create or replace function app.normalized_email(email text) returns text
  language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  return substring(
    lower(btrim(regexp_replace(email, '^.*<([^<>]*)>.*$', '\1'), E' \t\r\n\u00a0'))
    from '^(?:mailto:)?([^\s@<>]+@[^\s@<>.]+(?:\.[^\s@<>.]+)+)$'
  );
comment on function app.normalized_email(text) is 'An e-mail address in lower case, without a name in front of it or "mailto:". Null for what is none.';

create or replace function app.normalized_linkedin_url(url text) returns text
  language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  return 'linkedin.com/' || substring(
    lower(btrim(url, E' \t\r\n\u00a0'))
    from '^(?:https?://)?(?:[a-z0-9-]+\.)*linkedin\.com/+((?:sales|talent)/[^/?#]+/[^/?#,]+|[^/?#]+/[^/?#]+)'
  );
comment on function app.normalized_linkedin_url(text) is
  'A page of LinkedIn in lower case: without scheme, country, language and query. Null for what is none.';

-- Whoever writes a row writes its stored columns too.
grant execute on function app.normalized_domain(text), app.normalized_email(text), app.normalized_linkedin_url(text)
  to :EDITOR, :WORKER, :AUTOMATION;
--! EndIncluded leadgen/normalized.sql

create type leadgen.message_tone as enum ('professional', 'casual', 'bold', 'empathetic');
create type leadgen.language as enum ('en', 'de', 'nl', 'cs');
create type leadgen.company_status as enum (
  'new', 'enrichment_failed', 'enriched', 'needs_review', 'triage_passed', 'triage_review', 'triage_disqualified', 'enrichment_l2_failed',
  'enriched_l2', 'error_pushing_lemlist', 'synced'
);
create type leadgen.company_tier as enum (
  'tier_1_platinum', 'tier_2_gold', 'tier_3_silver', 'tier_4_bronze', 'tier_5_copper', 'deprioritize'
);
create type leadgen.business_model as enum ('b2b', 'b2c', 'marketplace', 'gov', 'non_profit', 'hybrid');
create type leadgen.business_type as enum (
  'manufacturer', 'distributor', 'service_provider', 'saas', 'platform', 'hybrid', 'product_company', 'service_company', 'other'
);
create type leadgen.company_size as enum ('micro', 'startup', 'small', 'smb', 'medium', 'mid_market', 'enterprise');
create type leadgen.ownership_type as enum ('bootstrapped', 'vc_backed', 'pe_backed', 'public', 'family_owned', 'state_owned', 'other');
create type leadgen.geo_region as enum ('dach', 'nordics', 'benelux', 'cee', 'uk_ireland', 'southern_europe', 'us', 'other');
create type leadgen.industry as enum (
  'software_saas', 'it', 'professional_services', 'financial_services', 'healthcare', 'manufacturing', 'retail', 'media', 'energy',
  'telecom', 'transport', 'construction', 'real_estate', 'automotive', 'pharma_biotech', 'agriculture', 'hospitality', 'aerospace_defense',
  'creative_services', 'education', 'public_sector', 'other'
);
create type leadgen.revenue_range as enum ('micro', 'small', 'medium', 'mid_market', 'enterprise');
create type leadgen.buying_stage as enum (
  'unaware', 'problem_aware', 'exploring_ai', 'looking_for_partners', 'in_discussion', 'proposal_sent', 'won', 'lost'
);
create type leadgen.engagement_status as enum ('cold', 'approached', 'prospect', 'customer', 'churned');
create type leadgen.crm_status as enum ('cold', 'scheduled_for_outreach', 'outreach', 'prospect', 'customer', 'churn');
create type leadgen.confidence_level as enum ('low', 'medium', 'high');
create type leadgen.cohort as enum ('a', 'b');
create type leadgen.tag_category as enum (
  'risk_exclusion_flag', 'opportunity_theme', 'trigger_event', 'ai_use_case', 'pain_area', 'opportunity_area', 'strategic_signal'
);
create type leadgen.seniority_level as enum ('c_level', 'vp', 'director', 'manager', 'individual_contributor', 'founder', 'other');
create type leadgen.department as enum (
  'executive', 'engineering', 'product', 'sales', 'marketing', 'customer_success', 'finance', 'hr', 'operations', 'other'
);
create type leadgen.icp_fit as enum ('strong_fit', 'moderate_fit', 'weak_fit', 'unknown');
create type leadgen.relationship_status as enum ('prospect', 'active', 'dormant', 'former', 'partner', 'internal');
create type leadgen.contact_source as enum ('inbound', 'outbound', 'referral', 'event', 'social', 'other');
create type leadgen.contact_message_status as enum (
  'not_started', 'generating', 'generation_failed', 'no_channel', 'pending_review', 'approved', 'sent', 'replied'
);
create type leadgen.campaign_channel as enum ('linkedin', 'email', 'multi');
create type leadgen.message_channel as enum ('linkedin_connect', 'linkedin_message', 'email', 'call_script');
create type leadgen.message_variant as enum ('a', 'b');
create type leadgen.message_status as enum ('draft', 'approved', 'rejected', 'sent', 'delivered', 'replied');
create type leadgen.activity_type as enum ('message', 'event');
create type leadgen.activity_source as enum ('email', 'linkedin', 'call', 'in_person', 'manual');
create type leadgen.crm_event_type as enum ('meeting', 'call', 'email', 'demo', 'follow_up', 'intro', 'note', 'other');
create type leadgen.crm_event_outcome as enum ('scheduled', 'completed', 'postponed', 'cancelled', 'action_required');
create type leadgen.pipeline_run_status as enum ('running', 'completed', 'failed');
grant usage on type
  leadgen.message_tone, leadgen.language, leadgen.company_status, leadgen.company_tier, leadgen.business_model, leadgen.business_type,
  leadgen.company_size, leadgen.ownership_type, leadgen.geo_region, leadgen.industry, leadgen.revenue_range, leadgen.buying_stage,
  leadgen.engagement_status, leadgen.crm_status, leadgen.confidence_level, leadgen.cohort, leadgen.tag_category, leadgen.seniority_level,
  leadgen.department, leadgen.icp_fit, leadgen.relationship_status, leadgen.contact_source, leadgen.contact_message_status,
  leadgen.campaign_channel, leadgen.message_channel, leadgen.message_variant, leadgen.message_status, leadgen.activity_type,
  leadgen.activity_source, leadgen.crm_event_type, leadgen.crm_event_outcome, leadgen.pipeline_run_status
to public;

create table leadgen.labels (
  enum_type text not null,
  value text not null,
  label text not null,
  place integer not null,
  constraint labels_pkey primary key (enum_type, value),
  constraint labels_enum_type_label_key unique (enum_type, label)
);
alter table leadgen.labels enable row level security;
alter table leadgen.labels force row level security;

create table leadgen.owners (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  user_id uuid,
  name text not null,
  email text,
  email_normalized text generated always as (app.normalized_email(email)) stored,
  linkedin_url text,
  signature_block text,
  is_lemlist_configured boolean not null default false,
  lemlist_default_campaign text,
  default_tone leadgen.message_tone,
  default_language leadgen.language not null default 'en',
  is_active boolean not null default true,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint owners_pkey primary key (tenant_id, id),
  constraint owners_tenant_id_user_id_key unique (tenant_id, user_id),
  constraint owners_tenant_id_email_normalized_key unique (tenant_id, email_normalized),
  constraint owners_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint owners_user_id_fkey foreign key (tenant_id, user_id) references tenancy.memberships (tenant_id, user_id) on delete set null (user_id),
  constraint owners_name_check check (name ~ '\S')
);
alter table leadgen.owners enable row level security;
alter table leadgen.owners force row level security;
create index owners_tenant_id_name_idx on leadgen.owners (tenant_id, name);

create table leadgen.batches (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  owner_id uuid,
  name text not null,
  description text,
  is_active boolean not null default true,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint batches_pkey primary key (tenant_id, id),
  constraint batches_tenant_id_name_key unique (tenant_id, name),
  constraint batches_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint batches_owner_id_fkey foreign key (tenant_id, owner_id) references leadgen.owners (tenant_id, id) on delete set null (owner_id),
  constraint batches_name_check check (name ~ '\S')
);
alter table leadgen.batches enable row level security;
alter table leadgen.batches force row level security;
create index batches_tenant_id_owner_id_idx on leadgen.batches (tenant_id, owner_id);

create table leadgen.companies (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  batch_id uuid,
  owner_id uuid,
  merged_into_id uuid,
  name text not null,
  domain text,
  domain_normalized text generated always as (app.normalized_domain(domain)) stored,
  status leadgen.company_status not null default 'new',
  tier leadgen.company_tier,
  business_model leadgen.business_model,
  business_type leadgen.business_type,
  company_size leadgen.company_size,
  ownership_type leadgen.ownership_type,
  geo_region leadgen.geo_region,
  industry leadgen.industry,
  industry_category text,
  revenue_range leadgen.revenue_range,
  buying_stage leadgen.buying_stage,
  engagement_status leadgen.engagement_status,
  crm_status leadgen.crm_status,
  ai_adoption leadgen.confidence_level,
  news_confidence leadgen.confidence_level,
  research_confidence leadgen.confidence_level,
  cohort leadgen.cohort,
  summary text,
  hq_city text,
  hq_country text,
  triage_notes text,
  triage_score numeric,
  pre_score numeric,
  batch_number numeric,
  verified_revenue_eur_m numeric,
  verified_employees numeric,
  enrichment_cost_usd numeric not null default 0,
  is_synced_to_lemlist boolean not null default false,
  error_message text,
  notes text,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint companies_pkey primary key (tenant_id, id),
  constraint companies_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint companies_batch_id_fkey foreign key (tenant_id, batch_id) references leadgen.batches (tenant_id, id) on delete set null (batch_id),
  constraint companies_owner_id_fkey foreign key (tenant_id, owner_id) references leadgen.owners (tenant_id, id) on delete set null (owner_id),
  constraint companies_merged_into_id_fkey foreign key (tenant_id, merged_into_id) references leadgen.companies (tenant_id, id) on delete cascade,
  constraint companies_name_check check (name ~ '\S'),
  constraint companies_merged_into_another_check check (merged_into_id <> id),
  constraint companies_enrichment_cost_usd_check check (enrichment_cost_usd >= 0),
  constraint companies_verified_employees_check check (verified_employees >= 0)
);
alter table leadgen.companies enable row level security;
alter table leadgen.companies force row level security;
create index companies_tenant_id_batch_id_name_idx on leadgen.companies (tenant_id, batch_id, name);
create index companies_tenant_id_owner_id_name_idx on leadgen.companies (tenant_id, owner_id, name);
create index companies_tenant_id_merged_into_id_idx on leadgen.companies (tenant_id, merged_into_id);
create index companies_tenant_id_name_idx on leadgen.companies (tenant_id, name);
create index companies_tenant_id_updated_at_idx on leadgen.companies (tenant_id, updated_at desc);
create index companies_tenant_id_domain_normalized_idx on leadgen.companies (tenant_id, domain_normalized);
-- Comparing enums is not leakproof, so under row security only a partial index serves the stages that are worked on all day.
create index companies_tenant_id_new_idx on leadgen.companies (tenant_id, batch_id) where status in ('new', 'enrichment_failed');
create index companies_tenant_id_triage_review_idx on leadgen.companies (tenant_id, batch_id) where status = 'triage_review';
create index companies_tenant_id_triage_passed_idx on leadgen.companies (tenant_id, batch_id) where status in ('triage_passed', 'enrichment_l2_failed');
create index companies_tenant_id_enriched_l2_idx on leadgen.companies (tenant_id, batch_id) where status = 'enriched_l2';

create table leadgen.company_enrichment_l2 (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  company_id uuid not null,
  company_intel text,
  recent_news text,
  ai_opportunities text,
  pain_hypothesis text,
  relevant_case_study text,
  digital_initiatives text,
  leadership_changes text,
  hiring_signals text,
  key_products text,
  customer_segments text,
  competitors text,
  tech_stack text,
  funding_history text,
  eu_grants text,
  leadership_team text,
  ai_hiring text,
  tech_partnerships text,
  certifications text,
  quick_wins jsonb,
  industry_pain_points text,
  cross_functional_pain text,
  adoption_barriers text,
  competitor_ai_moves text,
  enrichment_cost_usd numeric not null default 0,
  enriched_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint company_enrichment_l2_pkey primary key (tenant_id, id),
  constraint company_enrichment_l2_tenant_id_company_id_key unique (tenant_id, company_id),
  constraint company_enrichment_l2_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint company_enrichment_l2_company_id_fkey foreign key (tenant_id, company_id) references leadgen.companies (tenant_id, id) on delete cascade,
  constraint company_enrichment_l2_enrichment_cost_usd_check check (enrichment_cost_usd >= 0)
);
alter table leadgen.company_enrichment_l2 enable row level security;
alter table leadgen.company_enrichment_l2 force row level security;

create table leadgen.company_tags (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  company_id uuid not null,
  category leadgen.tag_category not null,
  value text not null,
  created_at timestamptz not null default now(),
  constraint company_tags_pkey primary key (tenant_id, id),
  constraint company_tags_tenant_id_company_id_category_value_key unique (tenant_id, company_id, category, value),
  constraint company_tags_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint company_tags_company_id_fkey foreign key (tenant_id, company_id) references leadgen.companies (tenant_id, id) on delete cascade,
  constraint company_tags_value_check check (value ~ '\S')
);
alter table leadgen.company_tags enable row level security;
alter table leadgen.company_tags force row level security;
create index company_tags_tenant_id_value_company_id_idx on leadgen.company_tags (tenant_id, value, company_id);

create table leadgen.contacts (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  company_id uuid,
  owner_id uuid,
  merged_into_id uuid,
  full_name text not null,
  job_title text,
  email text,
  email_normalized text generated always as (app.normalized_email(email)) stored,
  linkedin_url text,
  linkedin_url_normalized text generated always as (app.normalized_linkedin_url(linkedin_url)) stored,
  phone_number text,
  profile_photo_url text,
  seniority_level leadgen.seniority_level,
  department leadgen.department,
  location_city text,
  location_country text,
  icp_fit leadgen.icp_fit not null default 'unknown',
  relationship_status leadgen.relationship_status not null default 'prospect',
  contact_source leadgen.contact_source,
  language leadgen.language not null default 'en',
  message_status leadgen.contact_message_status not null default 'not_started',
  is_ai_champion boolean not null default false,
  ai_champion_score numeric,
  authority_score numeric,
  contact_score numeric,
  enrichment_cost_usd numeric not null default 0,
  is_enriched boolean not null default false,
  is_email_looked_up boolean not null default false,
  is_duplicity_checked boolean not null default false,
  has_duplicity_conflict boolean not null default false,
  duplicity_detail text,
  error_message text,
  notes text,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint contacts_pkey primary key (tenant_id, id),
  constraint contacts_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint contacts_company_id_fkey foreign key (tenant_id, company_id) references leadgen.companies (tenant_id, id) on delete set null (company_id),
  constraint contacts_owner_id_fkey foreign key (tenant_id, owner_id) references leadgen.owners (tenant_id, id) on delete set null (owner_id),
  constraint contacts_merged_into_id_fkey foreign key (tenant_id, merged_into_id) references leadgen.contacts (tenant_id, id) on delete cascade,
  constraint contacts_full_name_check check (full_name ~ '\S'),
  constraint contacts_merged_into_another_check check (merged_into_id <> id),
  constraint contacts_ai_champion_score_check check (ai_champion_score between 0 and 10),
  constraint contacts_authority_score_check check (authority_score between 0 and 10),
  constraint contacts_contact_score_check check (contact_score between 0 and 100),
  constraint contacts_enrichment_cost_usd_check check (enrichment_cost_usd >= 0)
);
alter table leadgen.contacts enable row level security;
alter table leadgen.contacts force row level security;
create index contacts_tenant_id_company_id_full_name_idx on leadgen.contacts (tenant_id, company_id, full_name);
create index contacts_tenant_id_owner_id_full_name_idx on leadgen.contacts (tenant_id, owner_id, full_name);
create index contacts_tenant_id_merged_into_id_idx on leadgen.contacts (tenant_id, merged_into_id);
create index contacts_tenant_id_full_name_idx on leadgen.contacts (tenant_id, full_name);
create index contacts_tenant_id_updated_at_idx on leadgen.contacts (tenant_id, updated_at desc);
create index contacts_tenant_id_email_normalized_idx on leadgen.contacts (tenant_id, email_normalized);
create index contacts_tenant_id_linkedin_url_normalized_idx on leadgen.contacts (tenant_id, linkedin_url_normalized);
-- Scores are numerics, which no index serves under row security but a partial one: the best contacts first, and those who wait for research.
create index contacts_tenant_id_contact_score_idx on leadgen.contacts (tenant_id, contact_score desc) where contact_score is not null;
create index contacts_tenant_id_unenriched_idx on leadgen.contacts (tenant_id, company_id) where not is_enriched;

create table leadgen.contact_batches (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  contact_id uuid not null,
  batch_id uuid not null,
  created_at timestamptz not null default now(),
  constraint contact_batches_pkey primary key (tenant_id, id),
  constraint contact_batches_tenant_id_contact_id_batch_id_key unique (tenant_id, contact_id, batch_id),
  constraint contact_batches_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint contact_batches_contact_id_fkey foreign key (tenant_id, contact_id) references leadgen.contacts (tenant_id, id) on delete cascade,
  constraint contact_batches_batch_id_fkey foreign key (tenant_id, batch_id) references leadgen.batches (tenant_id, id) on delete cascade
);
alter table leadgen.contact_batches enable row level security;
alter table leadgen.contact_batches force row level security;
create index contact_batches_tenant_id_batch_id_contact_id_idx on leadgen.contact_batches (tenant_id, batch_id, contact_id);

create table leadgen.contact_enrichment (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  contact_id uuid not null,
  person_summary text,
  linkedin_profile_summary text,
  earlier_profile_summary text,
  relationship_synthesis text,
  enrichment_cost_usd numeric not null default 0,
  enriched_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint contact_enrichment_pkey primary key (tenant_id, id),
  constraint contact_enrichment_tenant_id_contact_id_key unique (tenant_id, contact_id),
  constraint contact_enrichment_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint contact_enrichment_contact_id_fkey foreign key (tenant_id, contact_id) references leadgen.contacts (tenant_id, id) on delete cascade,
  constraint contact_enrichment_enrichment_cost_usd_check check (enrichment_cost_usd >= 0)
);
alter table leadgen.contact_enrichment enable row level security;
alter table leadgen.contact_enrichment force row level security;

create table leadgen.campaigns (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  owner_id uuid,
  batch_id uuid,
  name text not null,
  lemlist_campaign_id text,
  channel leadgen.campaign_channel,
  is_active boolean not null default true,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint campaigns_pkey primary key (tenant_id, id),
  constraint campaigns_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint campaigns_owner_id_fkey foreign key (tenant_id, owner_id) references leadgen.owners (tenant_id, id) on delete set null (owner_id),
  constraint campaigns_batch_id_fkey foreign key (tenant_id, batch_id) references leadgen.batches (tenant_id, id) on delete set null (batch_id),
  constraint campaigns_name_check check (name ~ '\S')
);
alter table leadgen.campaigns enable row level security;
alter table leadgen.campaigns force row level security;
create index campaigns_tenant_id_owner_id_idx on leadgen.campaigns (tenant_id, owner_id);
create index campaigns_tenant_id_batch_id_idx on leadgen.campaigns (tenant_id, batch_id);
create index campaigns_tenant_id_name_idx on leadgen.campaigns (tenant_id, name);
create index campaigns_tenant_id_lemlist_campaign_id_idx on leadgen.campaigns (tenant_id, lemlist_campaign_id) where lemlist_campaign_id is not null;

create table leadgen.messages (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  contact_id uuid not null,
  owner_id uuid,
  campaign_id uuid,
  batch_id uuid,
  reviewer_id uuid,
  label text,
  channel leadgen.message_channel not null,
  sequence_step integer not null default 1,
  variant leadgen.message_variant not null default 'a',
  subject text,
  body text not null,
  status leadgen.message_status not null default 'draft',
  tone leadgen.message_tone,
  language leadgen.language not null default 'en',
  generation_cost_usd numeric not null default 0,
  review_notes text,
  approved_at timestamptz,
  sent_at timestamptz,
  delivered_at timestamptz,
  replied_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint messages_pkey primary key (tenant_id, id),
  constraint messages_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint messages_contact_id_fkey foreign key (tenant_id, contact_id) references leadgen.contacts (tenant_id, id) on delete cascade,
  constraint messages_owner_id_fkey foreign key (tenant_id, owner_id) references leadgen.owners (tenant_id, id) on delete set null (owner_id),
  constraint messages_campaign_id_fkey foreign key (tenant_id, campaign_id) references leadgen.campaigns (tenant_id, id) on delete set null (campaign_id),
  constraint messages_batch_id_fkey foreign key (tenant_id, batch_id) references leadgen.batches (tenant_id, id) on delete set null (batch_id),
  constraint messages_reviewer_id_fkey foreign key (reviewer_id) references tenancy.users (id),
  constraint messages_body_check check (body ~ '\S'),
  constraint messages_sequence_step_check check (sequence_step >= 1),
  constraint messages_generation_cost_usd_check check (generation_cost_usd >= 0)
);
alter table leadgen.messages enable row level security;
alter table leadgen.messages force row level security;
create index messages_tenant_id_contact_id_sequence_step_idx on leadgen.messages (tenant_id, contact_id, sequence_step);
create index messages_tenant_id_owner_id_updated_at_idx on leadgen.messages (tenant_id, owner_id, updated_at desc);
create index messages_tenant_id_campaign_id_idx on leadgen.messages (tenant_id, campaign_id);
create index messages_tenant_id_batch_id_idx on leadgen.messages (tenant_id, batch_id);
create index messages_reviewer_id_idx on leadgen.messages (reviewer_id);
create index messages_tenant_id_updated_at_idx on leadgen.messages (tenant_id, updated_at desc);
-- Comparing enums is not leakproof, so under row security only a partial index serves the two lists that people open every morning.
create index messages_tenant_id_draft_idx on leadgen.messages (tenant_id, owner_id, contact_id) where status = 'draft';
create index messages_tenant_id_approved_idx on leadgen.messages (tenant_id, owner_id, contact_id) where status = 'approved';

create table leadgen.activities (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  contact_id uuid,
  owner_id uuid,
  batch_id uuid,
  name text not null,
  type leadgen.activity_type,
  source leadgen.activity_source,
  occurred_at timestamptz not null default now(),
  detail text,
  payload jsonb not null default '{}',
  external_id text,
  is_processed boolean not null default false,
  cost_usd numeric not null default 0,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint activities_pkey primary key (tenant_id, id),
  constraint activities_tenant_id_external_id_key unique (tenant_id, external_id),
  constraint activities_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint activities_contact_id_fkey foreign key (tenant_id, contact_id) references leadgen.contacts (tenant_id, id) on delete set null (contact_id),
  constraint activities_owner_id_fkey foreign key (tenant_id, owner_id) references leadgen.owners (tenant_id, id) on delete set null (owner_id),
  constraint activities_batch_id_fkey foreign key (tenant_id, batch_id) references leadgen.batches (tenant_id, id) on delete set null (batch_id),
  constraint activities_name_check check (name ~ '\S'),
  constraint activities_payload_check check (jsonb_typeof(payload) = 'object'),
  constraint activities_cost_usd_check check (cost_usd >= 0)
);
alter table leadgen.activities enable row level security;
alter table leadgen.activities force row level security;
create index activities_tenant_id_contact_id_occurred_at_idx on leadgen.activities (tenant_id, contact_id, occurred_at desc);
create index activities_tenant_id_owner_id_occurred_at_idx on leadgen.activities (tenant_id, owner_id, occurred_at desc);
create index activities_tenant_id_batch_id_idx on leadgen.activities (tenant_id, batch_id);
create index activities_tenant_id_occurred_at_idx on leadgen.activities (tenant_id, occurred_at desc);
create index activities_tenant_id_unprocessed_idx on leadgen.activities (tenant_id, occurred_at) where not is_processed;

create table leadgen.crm_events (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  company_id uuid,
  creator_id uuid,
  name text not null,
  type leadgen.crm_event_type,
  event_at timestamptz,
  company_name text,
  summary text,
  outcome leadgen.crm_event_outcome,
  next_steps text,
  created_by text,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint crm_events_pkey primary key (tenant_id, id),
  constraint crm_events_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint crm_events_company_id_fkey foreign key (tenant_id, company_id) references leadgen.companies (tenant_id, id) on delete set null (company_id),
  constraint crm_events_creator_id_fkey foreign key (tenant_id, creator_id) references leadgen.owners (tenant_id, id) on delete set null (creator_id),
  constraint crm_events_name_check check (name ~ '\S')
);
alter table leadgen.crm_events enable row level security;
alter table leadgen.crm_events force row level security;
create index crm_events_tenant_id_company_id_event_at_idx on leadgen.crm_events (tenant_id, company_id, event_at desc);
create index crm_events_tenant_id_creator_id_idx on leadgen.crm_events (tenant_id, creator_id);
create index crm_events_tenant_id_event_at_idx on leadgen.crm_events (tenant_id, event_at desc);

create table leadgen.crm_event_participants (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  crm_event_id uuid not null,
  contact_id uuid not null,
  created_at timestamptz not null default now(),
  constraint crm_event_participants_pkey primary key (tenant_id, id),
  constraint crm_event_participants_tenant_id_crm_event_id_contact_id_key unique (tenant_id, crm_event_id, contact_id),
  constraint crm_event_participants_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint crm_event_participants_crm_event_id_fkey foreign key (tenant_id, crm_event_id) references leadgen.crm_events (tenant_id, id) on delete cascade,
  constraint crm_event_participants_contact_id_fkey foreign key (tenant_id, contact_id) references leadgen.contacts (tenant_id, id) on delete cascade
);
alter table leadgen.crm_event_participants enable row level security;
alter table leadgen.crm_event_participants force row level security;
create index crm_event_participants_tenant_id_contact_id_crm_event_id_idx on leadgen.crm_event_participants (tenant_id, contact_id, crm_event_id);

create table leadgen.tasks (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  owner_id uuid,
  name text not null,
  detail text,
  owner_name text,
  scheduled_date date,
  completed_date date,
  completion_detail text,
  calendar_id text,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tasks_pkey primary key (tenant_id, id),
  constraint tasks_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint tasks_owner_id_fkey foreign key (tenant_id, owner_id) references leadgen.owners (tenant_id, id) on delete set null (owner_id),
  constraint tasks_name_check check (name ~ '\S')
);
alter table leadgen.tasks enable row level security;
alter table leadgen.tasks force row level security;
create index tasks_tenant_id_owner_id_scheduled_date_idx on leadgen.tasks (tenant_id, owner_id, scheduled_date);
create index tasks_tenant_id_scheduled_date_idx on leadgen.tasks (tenant_id, scheduled_date);
create index tasks_tenant_id_open_idx on leadgen.tasks (tenant_id, owner_id, scheduled_date) where completed_date is null;

create table leadgen.task_contacts (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  task_id uuid not null,
  contact_id uuid not null,
  created_at timestamptz not null default now(),
  constraint task_contacts_pkey primary key (tenant_id, id),
  constraint task_contacts_tenant_id_task_id_contact_id_key unique (tenant_id, task_id, contact_id),
  constraint task_contacts_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint task_contacts_task_id_fkey foreign key (tenant_id, task_id) references leadgen.tasks (tenant_id, id) on delete cascade,
  constraint task_contacts_contact_id_fkey foreign key (tenant_id, contact_id) references leadgen.contacts (tenant_id, id) on delete cascade
);
alter table leadgen.task_contacts enable row level security;
alter table leadgen.task_contacts force row level security;
create index task_contacts_tenant_id_contact_id_task_id_idx on leadgen.task_contacts (tenant_id, contact_id, task_id);

create table leadgen.task_activities (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  task_id uuid not null,
  activity_id uuid not null,
  created_at timestamptz not null default now(),
  constraint task_activities_pkey primary key (tenant_id, id),
  constraint task_activities_tenant_id_task_id_activity_id_key unique (tenant_id, task_id, activity_id),
  constraint task_activities_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint task_activities_task_id_fkey foreign key (tenant_id, task_id) references leadgen.tasks (tenant_id, id) on delete cascade,
  constraint task_activities_activity_id_fkey foreign key (tenant_id, activity_id) references leadgen.activities (tenant_id, id) on delete cascade
);
alter table leadgen.task_activities enable row level security;
alter table leadgen.task_activities force row level security;
create index task_activities_tenant_id_activity_id_task_id_idx on leadgen.task_activities (tenant_id, activity_id, task_id);

create table leadgen.research_assets (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  company_id uuid,
  contact_id uuid,
  name text not null,
  tool_name text,
  tool_config text,
  research_data text,
  cost_usd numeric not null default 0,
  confidence_score numeric,
  quality_score numeric,
  researched_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint research_assets_pkey primary key (tenant_id, id),
  constraint research_assets_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint research_assets_company_id_fkey foreign key (tenant_id, company_id) references leadgen.companies (tenant_id, id) on delete cascade,
  constraint research_assets_contact_id_fkey foreign key (tenant_id, contact_id) references leadgen.contacts (tenant_id, id) on delete cascade,
  constraint research_assets_name_check check (name ~ '\S'),
  constraint research_assets_about_one_check check (num_nonnulls(company_id, contact_id) = 1),
  constraint research_assets_cost_usd_check check (cost_usd >= 0),
  constraint research_assets_confidence_score_check check (confidence_score between 0 and 1),
  constraint research_assets_quality_score_check check (quality_score between 0 and 10)
);
alter table leadgen.research_assets enable row level security;
alter table leadgen.research_assets force row level security;
create index research_assets_tenant_id_company_id_created_at_idx on leadgen.research_assets (tenant_id, company_id, created_at desc);
create index research_assets_tenant_id_contact_id_created_at_idx on leadgen.research_assets (tenant_id, contact_id, created_at desc);

create table leadgen.pipeline_runs (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  batch_id uuid,
  owner_id uuid,
  execution_id text,
  status leadgen.pipeline_run_status not null default 'running',
  total_companies integer not null default 0,
  total_contacts integer not null default 0,
  l1_total integer not null default 0,
  l1_done integer not null default 0,
  l2_total integer not null default 0,
  l2_done integer not null default 0,
  person_total integer not null default 0,
  person_done integer not null default 0,
  cost_usd numeric not null default 0,
  config jsonb not null default '{}',
  error_message text,
  started_at timestamptz not null default now(),
  completed_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint pipeline_runs_pkey primary key (tenant_id, id),
  constraint pipeline_runs_tenant_id_execution_id_key unique (tenant_id, execution_id),
  constraint pipeline_runs_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint pipeline_runs_batch_id_fkey foreign key (tenant_id, batch_id) references leadgen.batches (tenant_id, id) on delete set null (batch_id),
  constraint pipeline_runs_owner_id_fkey foreign key (tenant_id, owner_id) references leadgen.owners (tenant_id, id) on delete set null (owner_id),
  constraint pipeline_runs_counts_check check (least(total_companies, total_contacts, l1_total, l1_done, l2_total, l2_done, person_total, person_done) >= 0),
  constraint pipeline_runs_cost_usd_check check (cost_usd >= 0),
  constraint pipeline_runs_config_check check (jsonb_typeof(config) = 'object'),
  constraint pipeline_runs_ends_after_start_check check (completed_at >= started_at),
  constraint pipeline_runs_ended_has_time_check check ((status = 'running') = (completed_at is null))
);
alter table leadgen.pipeline_runs enable row level security;
alter table leadgen.pipeline_runs force row level security;
create index pipeline_runs_tenant_id_batch_id_started_at_idx on leadgen.pipeline_runs (tenant_id, batch_id, started_at desc);
create index pipeline_runs_tenant_id_owner_id_idx on leadgen.pipeline_runs (tenant_id, owner_id);
create index pipeline_runs_tenant_id_started_at_idx on leadgen.pipeline_runs (tenant_id, started_at desc);
create index pipeline_runs_tenant_id_running_idx on leadgen.pipeline_runs (tenant_id, started_at) where status = 'running';

create table leadgen.history (
  id uuid not null default app.uuidv7(),
  tenant_id uuid not null default app.current_tenant_id(),
  event text not null,
  table_name text,
  entity_id text,
  field_name text,
  old_value text,
  new_value text,
  changed_by text,
  changed_at timestamptz,
  created_at timestamptz not null default now(),
  constraint history_pkey primary key (tenant_id, id),
  constraint history_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id),
  constraint history_event_check check (event ~ '\S')
);
alter table leadgen.history enable row level security;
alter table leadgen.history force row level security;
create index history_tenant_id_changed_at_idx on leadgen.history (tenant_id, changed_at desc);
create index history_tenant_id_entity_id_idx on leadgen.history (tenant_id, entity_id);

--! Included leadgen/owners.sql
-- The members of the team, in whose name companies are approached. Admins say who they are.
drop policy if exists all_tenant on leadgen.owners;
create policy all_tenant on leadgen.owners as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.owners;
create policy select_owner on leadgen.owners for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.owners;
create policy insert_owner on leadgen.owners for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.owners;
create policy update_owner on leadgen.owners for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.owners;
create policy delete_owner on leadgen.owners for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.owners;
create policy select_viewer on leadgen.owners for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.owners;
create policy select_automation on leadgen.owners for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_admin on leadgen.owners;
create policy insert_admin on leadgen.owners for insert to :ADMIN
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_admin on leadgen.owners;
create policy update_admin on leadgen.owners for update to :ADMIN
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on leadgen.owners;
create policy delete_admin on leadgen.owners for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.owners;
create policy select_worker on leadgen.owners for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.owners;
create policy insert_worker on leadgen.owners for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.owners;
create policy update_worker on leadgen.owners for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.owners;
create policy delete_worker on leadgen.owners for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.owners to :VIEWER, :AUTOMATION;
grant insert (
  user_id, name, email, linkedin_url, signature_block, is_lemlist_configured, lemlist_default_campaign,
  default_tone, default_language, is_active
) on table leadgen.owners to :ADMIN;
grant update (
  user_id, name, email, linkedin_url, signature_block, is_lemlist_configured, lemlist_default_campaign,
  default_tone, default_language, is_active, version
) on table leadgen.owners to :ADMIN;
grant delete on table leadgen.owners to :ADMIN;
grant select, insert, update, delete on table leadgen.owners to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.owners
  for each row execute function app_private.tg__stamp_times('email_normalized');
create or replace trigger _200_count_version before update on leadgen.owners
  for each row execute function app_private.tg__count_version('email_normalized');
create or replace trigger _700_audit_insert after insert on leadgen.owners
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.owners
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.owners
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type leadgen.message_tone is 'How a message sounds.';
comment on type leadgen.language is 'The language of a message or of a person, by its ISO 639-1 code.';
comment on table leadgen.owners is '@class tenant
A member of the team who owns companies, contacts and messages.';
comment on column leadgen.owners.id is 'The row''s id, time-ordered.';
comment on column leadgen.owners.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.owners.user_id is 'The person who signs in as this owner, where they do.';
comment on column leadgen.owners.name is 'What people call them; sources that name an owner in words mean this.';
comment on column leadgen.owners.email is 'Their e-mail address, as it was given.';
comment on column leadgen.owners.email_normalized is 'The e-mail address in lower case, without a name or "mailto:"; unique in the tenant.';
comment on column leadgen.owners.linkedin_url is 'Their profile on LinkedIn.';
comment on column leadgen.owners.signature_block is 'What stands under their messages.';
comment on column leadgen.owners.is_lemlist_configured is 'True once Lemlist can send for them.';
comment on column leadgen.owners.lemlist_default_campaign is 'The campaign in Lemlist that takes their messages where none is said.';
comment on column leadgen.owners.default_tone is 'The tone of their messages where none is said.';
comment on column leadgen.owners.default_language is 'The language of their messages where none is said.';
comment on column leadgen.owners.is_active is 'False once they have left.';
comment on column leadgen.owners.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.owners.created_at is 'When the row was made.';
comment on column leadgen.owners.updated_at is 'When the row was last changed.';
comment on constraint owners_tenant_id_user_id_key on leadgen.owners is 'This person is an owner already.';
comment on constraint owners_tenant_id_email_normalized_key on leadgen.owners is 'An owner with this e-mail address exists; use that one.';
comment on constraint owners_tenant_id_fkey on leadgen.owners is 'There is no such tenant.';
comment on constraint owners_user_id_fkey on leadgen.owners is '@fieldName membership
@foreignSingleFieldName leadgenOwner
This person is not in the tenant; add a membership first.';
comment on constraint owners_name_check on leadgen.owners is 'An owner needs a name that is not blank.';
--! EndIncluded leadgen/owners.sql
--! Included leadgen/batches.sql
-- Lists of companies and contacts that are worked on together.
drop policy if exists all_tenant on leadgen.batches;
create policy all_tenant on leadgen.batches as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.batches;
create policy select_owner on leadgen.batches for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.batches;
create policy insert_owner on leadgen.batches for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.batches;
create policy update_owner on leadgen.batches for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.batches;
create policy delete_owner on leadgen.batches for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.batches;
create policy select_viewer on leadgen.batches for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.batches;
create policy select_automation on leadgen.batches for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.batches;
create policy insert_editor on leadgen.batches for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on leadgen.batches;
create policy update_editor on leadgen.batches for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on leadgen.batches;
create policy delete_admin on leadgen.batches for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.batches;
create policy insert_automation on leadgen.batches for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.batches;
create policy select_worker on leadgen.batches for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.batches;
create policy insert_worker on leadgen.batches for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.batches;
create policy update_worker on leadgen.batches for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.batches;
create policy delete_worker on leadgen.batches for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.batches to :VIEWER, :AUTOMATION;
grant insert (
  owner_id, name, description, is_active
) on table leadgen.batches to :EDITOR;
grant update (
  owner_id, name, description, is_active, version
) on table leadgen.batches to :EDITOR;
grant delete on table leadgen.batches to :ADMIN;
grant insert (
  owner_id, name, description
) on table leadgen.batches to :AUTOMATION;
grant select, insert, update, delete on table leadgen.batches to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.batches
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on leadgen.batches
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _700_audit_insert after insert on leadgen.batches
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.batches
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.batches
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table leadgen.batches is '@class tenant
A list of companies and contacts that is worked on together.';
comment on column leadgen.batches.id is 'The row''s id, time-ordered.';
comment on column leadgen.batches.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.batches.owner_id is 'Whose list it is, if it is one person''s.';
comment on column leadgen.batches.name is 'Its name as people write it, unique in the tenant.';
comment on column leadgen.batches.description is 'What it is for.';
comment on column leadgen.batches.is_active is 'False once it is done with.';
comment on column leadgen.batches.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.batches.created_at is 'When the row was made.';
comment on column leadgen.batches.updated_at is 'When the row was last changed.';
comment on constraint batches_tenant_id_name_key on leadgen.batches is 'A batch with this name exists; use that one.';
comment on constraint batches_tenant_id_fkey on leadgen.batches is 'There is no such tenant.';
comment on constraint batches_owner_id_fkey on leadgen.batches is 'There is no such owner.';
comment on constraint batches_name_check on leadgen.batches is 'A batch needs a name that is not blank.';
--! EndIncluded leadgen/batches.sql
--! Included leadgen/companies.sql
-- Companies. Status is moved by named mutations and functions alone; one that was merged into another is seen by nobody but imports.
drop policy if exists all_tenant on leadgen.companies;
create policy all_tenant on leadgen.companies as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.companies;
create policy select_owner on leadgen.companies for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.companies;
create policy insert_owner on leadgen.companies for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.companies;
create policy update_owner on leadgen.companies for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.companies;
create policy delete_owner on leadgen.companies for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.companies;
create policy select_viewer on leadgen.companies for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()) and merged_into_id is null);
drop policy if exists select_automation on leadgen.companies;
create policy select_automation on leadgen.companies for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()) and merged_into_id is null);
drop policy if exists insert_editor on leadgen.companies;
create policy insert_editor on leadgen.companies for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on leadgen.companies;
create policy update_editor on leadgen.companies for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()) and merged_into_id is null)
  with check (tenant_id = (select app.current_tenant_id()) and merged_into_id is null);
drop policy if exists delete_admin on leadgen.companies;
create policy delete_admin on leadgen.companies for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()) and merged_into_id is null);
drop policy if exists insert_automation on leadgen.companies;
create policy insert_automation on leadgen.companies for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_automation on leadgen.companies;
create policy update_automation on leadgen.companies for update to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()) and merged_into_id is null)
  with check (tenant_id = (select app.current_tenant_id()) and merged_into_id is null);
drop policy if exists select_worker on leadgen.companies;
create policy select_worker on leadgen.companies for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.companies;
create policy insert_worker on leadgen.companies for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.companies;
create policy update_worker on leadgen.companies for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.companies;
create policy delete_worker on leadgen.companies for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.companies to :VIEWER, :AUTOMATION;
grant insert (
  batch_id, owner_id, name, domain, tier, business_model, business_type, company_size, ownership_type,
  geo_region, industry, industry_category, revenue_range, buying_stage, engagement_status, crm_status,
  ai_adoption, news_confidence, research_confidence, cohort, summary, hq_city, hq_country, triage_notes,
  triage_score, pre_score, batch_number, verified_revenue_eur_m, verified_employees, notes
) on table leadgen.companies to :EDITOR;
grant update (
  batch_id, owner_id, name, domain, tier, business_model, business_type, company_size, ownership_type,
  geo_region, industry, industry_category, revenue_range, buying_stage, engagement_status, crm_status,
  ai_adoption, news_confidence, research_confidence, cohort, summary, hq_city, hq_country, triage_notes,
  triage_score, pre_score, batch_number, verified_revenue_eur_m, verified_employees, notes, version
) on table leadgen.companies to :EDITOR;
grant delete on table leadgen.companies to :ADMIN;
grant insert (
  batch_id, owner_id, name, domain, tier, business_model, business_type, company_size, ownership_type,
  geo_region, industry, industry_category, revenue_range, buying_stage, engagement_status, crm_status,
  ai_adoption, news_confidence, research_confidence, cohort, summary, hq_city, hq_country, triage_notes,
  triage_score, pre_score, batch_number, verified_revenue_eur_m, verified_employees, notes
) on table leadgen.companies to :AUTOMATION;
grant update (
  domain, tier, business_model, business_type, company_size, ownership_type, geo_region, industry,
  industry_category, revenue_range, buying_stage, engagement_status, crm_status, ai_adoption, news_confidence,
  research_confidence, cohort, summary, hq_city, hq_country, triage_notes, triage_score, pre_score, batch_number,
  verified_revenue_eur_m, verified_employees, enrichment_cost_usd, is_synced_to_lemlist, error_message, version
) on table leadgen.companies to :AUTOMATION;
grant select, insert, update, delete on table leadgen.companies to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.companies
  for each row execute function app_private.tg__stamp_times('domain_normalized');
create or replace trigger _200_count_version before update on leadgen.companies
  for each row execute function app_private.tg__count_version('domain_normalized', 'status', 'enrichment_cost_usd', 'is_synced_to_lemlist', 'error_message', 'merged_into_id');
create or replace trigger _300_check_birth before insert on leadgen.companies
  for each row execute function app_private.tg__check_transition('leadgen_company', 'status');
create or replace trigger _300_check_transition before update on leadgen.companies
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('leadgen_company', 'status');
create or replace trigger _700_audit_insert after insert on leadgen.companies
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.companies
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.companies
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type leadgen.company_status is 'Where a company stands in the pipeline of research.';
comment on type leadgen.company_tier is 'How much is to be expected of a company.';
comment on type leadgen.business_model is 'To whom a company sells.';
comment on type leadgen.business_type is 'What kind of business a company is.';
comment on type leadgen.company_size is 'The size of a company by staff; small and medium belong to a newer scale than the others.';
comment on type leadgen.ownership_type is 'Who owns a company.';
comment on type leadgen.geo_region is 'A region of the market.';
comment on type leadgen.industry is 'The industry of a company.';
comment on type leadgen.revenue_range is 'A range of yearly revenue.';
comment on type leadgen.buying_stage is 'How near a company is to buying.';
comment on type leadgen.engagement_status is 'How far talks with a company are.';
comment on type leadgen.crm_status is 'Where a company stands in the CRM.';
comment on type leadgen.confidence_level is 'How sure something is.';
comment on type leadgen.cohort is 'One of two halves that are compared.';
comment on table leadgen.companies is '@class tenant
@aggregates on
A company that may become a customer, with what the first stage of research found.';
comment on column leadgen.companies.id is 'The row''s id, time-ordered.';
comment on column leadgen.companies.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.companies.batch_id is 'The batch it came with.';
comment on column leadgen.companies.owner_id is 'Who approaches it.';
comment on column leadgen.companies.merged_into_id is '@behavior -*
The company that it was found to be the same as; such a row is kept for imports and shown to nobody.';
comment on column leadgen.companies.name is 'What it is called.';
comment on column leadgen.companies.domain is 'Its address on the web, as it was given.';
comment on column leadgen.companies.domain_normalized is 'The domain in lower case, without scheme, "www." and path: what duplicates are found by.';
comment on column leadgen.companies.status is '@isIndexed
Where it stands on its way from a new row to one that is synchronised; see allowedTransitions.';
comment on column leadgen.companies.tier is '@isIndexed
How much is to be expected of it.';
comment on column leadgen.companies.business_model is '@isIndexed
To whom it sells.';
comment on column leadgen.companies.business_type is '@isIndexed
What kind of business it is.';
comment on column leadgen.companies.company_size is '@isIndexed
Its size by staff.';
comment on column leadgen.companies.ownership_type is '@isIndexed
Who owns it.';
comment on column leadgen.companies.geo_region is '@isIndexed
The region it belongs to.';
comment on column leadgen.companies.industry is '@isIndexed
Its industry, out of a closed list.';
comment on column leadgen.companies.industry_category is 'Its industry in the words of the source.';
comment on column leadgen.companies.revenue_range is '@isIndexed
Its yearly revenue as it was listed.';
comment on column leadgen.companies.buying_stage is '@isIndexed
How near it is to buying.';
comment on column leadgen.companies.engagement_status is '@isIndexed
How far our talks with it are.';
comment on column leadgen.companies.crm_status is '@isIndexed
Where it stands in the CRM, in the CRM''s own words.';
comment on column leadgen.companies.ai_adoption is '@isIndexed
How far its industry has adopted generative AI.';
comment on column leadgen.companies.news_confidence is '@isIndexed
How sure the news about it are.';
comment on column leadgen.companies.research_confidence is '@isIndexed
How sure the research about it is.';
comment on column leadgen.companies.cohort is '@isIndexed
Its half in a comparison of two.';
comment on column leadgen.companies.summary is 'What it does, in a few sentences.';
comment on column leadgen.companies.hq_city is 'Where its head office is: city, sometimes with region and country.';
comment on column leadgen.companies.hq_country is 'The country of its head office.';
comment on column leadgen.companies.triage_notes is 'Why it was passed, held or disqualified.';
comment on column leadgen.companies.triage_score is 'The score of the triage.';
comment on column leadgen.companies.pre_score is 'The score that it came with.';
comment on column leadgen.companies.batch_number is 'Its number within the batch, as the source counts.';
comment on column leadgen.companies.verified_revenue_eur_m is 'Its yearly revenue in millions of euros, as far as research could verify it.';
comment on column leadgen.companies.verified_employees is 'Its staff, as far as research could verify it.';
comment on column leadgen.companies.enrichment_cost_usd is 'What research about it has cost, in US dollars, with every decimal.';
comment on column leadgen.companies.is_synced_to_lemlist is '@isIndexed
True once Lemlist has it.';
comment on column leadgen.companies.error_message is 'What went wrong last, in words.';
comment on column leadgen.companies.notes is 'What people note about it.';
comment on column leadgen.companies.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.companies.created_at is 'When the row was made.';
comment on column leadgen.companies.updated_at is 'When the row was last changed.';
comment on constraint companies_tenant_id_fkey on leadgen.companies is 'There is no such tenant.';
comment on constraint companies_batch_id_fkey on leadgen.companies is 'There is no such batch.';
comment on constraint companies_owner_id_fkey on leadgen.companies is 'There is no such owner.';
comment on constraint companies_merged_into_id_fkey on leadgen.companies is '@behavior -*
There is no such company to be merged into.';
comment on constraint companies_name_check on leadgen.companies is 'A company needs a name that is not blank.';
comment on constraint companies_merged_into_another_check on leadgen.companies is 'A company is merged into another, not into itself.';
comment on constraint companies_enrichment_cost_usd_check on leadgen.companies is 'A cost is 0 or more.';
comment on constraint companies_verified_employees_check on leadgen.companies is 'The staff of a company is 0 or more.';
--! EndIncluded leadgen/companies.sql
--! Included leadgen/company_enrichment_l2.sql
-- What the second stage of research found about a company: long texts, apart from the row that lists read.
drop policy if exists all_tenant on leadgen.company_enrichment_l2;
create policy all_tenant on leadgen.company_enrichment_l2 as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.company_enrichment_l2;
create policy select_owner on leadgen.company_enrichment_l2 for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.company_enrichment_l2;
create policy insert_owner on leadgen.company_enrichment_l2 for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.company_enrichment_l2;
create policy update_owner on leadgen.company_enrichment_l2 for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.company_enrichment_l2;
create policy delete_owner on leadgen.company_enrichment_l2 for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.company_enrichment_l2;
create policy select_viewer on leadgen.company_enrichment_l2 for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.company_enrichment_l2;
create policy select_automation on leadgen.company_enrichment_l2 for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.company_enrichment_l2;
create policy insert_editor on leadgen.company_enrichment_l2 for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on leadgen.company_enrichment_l2;
create policy update_editor on leadgen.company_enrichment_l2 for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on leadgen.company_enrichment_l2;
create policy delete_admin on leadgen.company_enrichment_l2 for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.company_enrichment_l2;
create policy insert_automation on leadgen.company_enrichment_l2 for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_automation on leadgen.company_enrichment_l2;
create policy update_automation on leadgen.company_enrichment_l2 for update to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.company_enrichment_l2;
create policy select_worker on leadgen.company_enrichment_l2 for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.company_enrichment_l2;
create policy insert_worker on leadgen.company_enrichment_l2 for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.company_enrichment_l2;
create policy update_worker on leadgen.company_enrichment_l2 for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.company_enrichment_l2;
create policy delete_worker on leadgen.company_enrichment_l2 for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.company_enrichment_l2 to :VIEWER, :AUTOMATION;
grant insert (
  company_id, company_intel, recent_news, ai_opportunities, pain_hypothesis, relevant_case_study,
  digital_initiatives, leadership_changes, hiring_signals, key_products, customer_segments, competitors,
  tech_stack, funding_history, eu_grants, leadership_team, ai_hiring, tech_partnerships, certifications,
  quick_wins, industry_pain_points, cross_functional_pain, adoption_barriers, competitor_ai_moves
) on table leadgen.company_enrichment_l2 to :EDITOR;
grant update (
  company_intel, recent_news, ai_opportunities, pain_hypothesis, relevant_case_study, digital_initiatives,
  leadership_changes, hiring_signals, key_products, customer_segments, competitors, tech_stack, funding_history,
  eu_grants, leadership_team, ai_hiring, tech_partnerships, certifications, quick_wins, industry_pain_points,
  cross_functional_pain, adoption_barriers, competitor_ai_moves, version
) on table leadgen.company_enrichment_l2 to :EDITOR;
grant delete on table leadgen.company_enrichment_l2 to :ADMIN;
grant insert (
  company_id, company_intel, recent_news, ai_opportunities, pain_hypothesis, relevant_case_study,
  digital_initiatives, leadership_changes, hiring_signals, key_products, customer_segments, competitors,
  tech_stack, funding_history, eu_grants, leadership_team, ai_hiring, tech_partnerships, certifications,
  quick_wins, industry_pain_points, cross_functional_pain, adoption_barriers, competitor_ai_moves,
  enrichment_cost_usd, enriched_at
) on table leadgen.company_enrichment_l2 to :AUTOMATION;
grant update (
  company_intel, recent_news, ai_opportunities, pain_hypothesis, relevant_case_study, digital_initiatives,
  leadership_changes, hiring_signals, key_products, customer_segments, competitors, tech_stack, funding_history,
  eu_grants, leadership_team, ai_hiring, tech_partnerships, certifications, quick_wins, industry_pain_points,
  cross_functional_pain, adoption_barriers, competitor_ai_moves, enrichment_cost_usd, enriched_at, version
) on table leadgen.company_enrichment_l2 to :AUTOMATION;
grant select, insert, update, delete on table leadgen.company_enrichment_l2 to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.company_enrichment_l2
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on leadgen.company_enrichment_l2
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version('enrichment_cost_usd', 'enriched_at');
create or replace trigger _700_audit_insert after insert on leadgen.company_enrichment_l2
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.company_enrichment_l2
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.company_enrichment_l2
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table leadgen.company_enrichment_l2 is '@class tenant
What the second stage of research found about a company, one row for each company that has reached it.';
comment on column leadgen.company_enrichment_l2.id is 'The row''s id, time-ordered.';
comment on column leadgen.company_enrichment_l2.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.company_enrichment_l2.company_id is 'Whom it is about.';
comment on column leadgen.company_enrichment_l2.company_intel is 'What is known about it.';
comment on column leadgen.company_enrichment_l2.recent_news is 'Its recent news.';
comment on column leadgen.company_enrichment_l2.ai_opportunities is 'Where AI would help it.';
comment on column leadgen.company_enrichment_l2.pain_hypothesis is 'What probably hurts it.';
comment on column leadgen.company_enrichment_l2.relevant_case_study is 'The case study that fits it.';
comment on column leadgen.company_enrichment_l2.digital_initiatives is 'Its digital initiatives.';
comment on column leadgen.company_enrichment_l2.leadership_changes is 'Changes in its leadership.';
comment on column leadgen.company_enrichment_l2.hiring_signals is 'What its open positions tell.';
comment on column leadgen.company_enrichment_l2.key_products is 'Its most important products.';
comment on column leadgen.company_enrichment_l2.customer_segments is 'Its customers.';
comment on column leadgen.company_enrichment_l2.competitors is 'Its competitors.';
comment on column leadgen.company_enrichment_l2.tech_stack is 'The technology that it uses.';
comment on column leadgen.company_enrichment_l2.funding_history is 'How it was financed.';
comment on column leadgen.company_enrichment_l2.eu_grants is 'Grants of the European Union to it.';
comment on column leadgen.company_enrichment_l2.leadership_team is 'Its leadership.';
comment on column leadgen.company_enrichment_l2.ai_hiring is 'Its open positions around AI.';
comment on column leadgen.company_enrichment_l2.tech_partnerships is 'Its partners in technology.';
comment on column leadgen.company_enrichment_l2.certifications is 'Its certificates.';
comment on column leadgen.company_enrichment_l2.quick_wins is 'What could be done for it at once, JSON.';
comment on column leadgen.company_enrichment_l2.industry_pain_points is 'What hurts its industry.';
comment on column leadgen.company_enrichment_l2.cross_functional_pain is 'What hurts across its departments.';
comment on column leadgen.company_enrichment_l2.adoption_barriers is 'What keeps it from AI.';
comment on column leadgen.company_enrichment_l2.competitor_ai_moves is 'What its competitors do with AI.';
comment on column leadgen.company_enrichment_l2.enrichment_cost_usd is 'What this stage has cost, in US dollars, with every decimal.';
comment on column leadgen.company_enrichment_l2.enriched_at is 'When this stage ended.';
comment on column leadgen.company_enrichment_l2.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.company_enrichment_l2.created_at is 'When the row was made.';
comment on column leadgen.company_enrichment_l2.updated_at is 'When the row was last changed.';
comment on constraint company_enrichment_l2_tenant_id_company_id_key on leadgen.company_enrichment_l2 is 'This company has its results already; update them.';
comment on constraint company_enrichment_l2_tenant_id_fkey on leadgen.company_enrichment_l2 is 'There is no such tenant.';
comment on constraint company_enrichment_l2_company_id_fkey on leadgen.company_enrichment_l2 is 'There is no such company.';
comment on constraint company_enrichment_l2_enrichment_cost_usd_check on leadgen.company_enrichment_l2 is 'A cost is 0 or more.';
--! EndIncluded leadgen/company_enrichment_l2.sql
--! Included leadgen/company_tags.sql
-- Tags of companies, seven kinds of them.
drop policy if exists all_tenant on leadgen.company_tags;
create policy all_tenant on leadgen.company_tags as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.company_tags;
create policy select_owner on leadgen.company_tags for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.company_tags;
create policy insert_owner on leadgen.company_tags for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.company_tags;
create policy update_owner on leadgen.company_tags for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.company_tags;
create policy delete_owner on leadgen.company_tags for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.company_tags;
create policy select_viewer on leadgen.company_tags for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.company_tags;
create policy select_automation on leadgen.company_tags for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.company_tags;
create policy insert_editor on leadgen.company_tags for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on leadgen.company_tags;
create policy delete_editor on leadgen.company_tags for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.company_tags;
create policy insert_automation on leadgen.company_tags for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_automation on leadgen.company_tags;
create policy delete_automation on leadgen.company_tags for delete to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.company_tags;
create policy select_worker on leadgen.company_tags for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.company_tags;
create policy insert_worker on leadgen.company_tags for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.company_tags;
create policy update_worker on leadgen.company_tags for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.company_tags;
create policy delete_worker on leadgen.company_tags for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.company_tags to :VIEWER, :AUTOMATION;
grant insert (
  company_id, category, value
) on table leadgen.company_tags to :EDITOR;
grant delete on table leadgen.company_tags to :EDITOR;
grant insert (
  company_id, category, value
) on table leadgen.company_tags to :AUTOMATION;
grant delete on table leadgen.company_tags to :AUTOMATION;
grant select, insert, update, delete on table leadgen.company_tags to :WORKER;

create or replace trigger _700_audit_insert after insert on leadgen.company_tags
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.company_tags
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.company_tags
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type leadgen.tag_category is 'What a tag speaks of.';
comment on table leadgen.company_tags is '@class tenant
A tag on a company.';
comment on column leadgen.company_tags.id is 'The row''s id, time-ordered.';
comment on column leadgen.company_tags.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.company_tags.company_id is 'The company.';
comment on column leadgen.company_tags.category is '@isIndexed
What the tag speaks of.';
comment on column leadgen.company_tags.value is 'The tag, as people write it.';
comment on column leadgen.company_tags.created_at is 'When the row was made.';
comment on constraint company_tags_tenant_id_company_id_category_value_key on leadgen.company_tags is 'The company has this tag already.';
comment on constraint company_tags_tenant_id_fkey on leadgen.company_tags is 'There is no such tenant.';
comment on constraint company_tags_company_id_fkey on leadgen.company_tags is 'There is no such company.';
comment on constraint company_tags_value_check on leadgen.company_tags is 'A tag is not blank.';
--! EndIncluded leadgen/company_tags.sql
--! Included leadgen/contacts.sql
-- People at companies. The status of their messages is moved by named mutations and functions alone; one that was merged into another is seen by nobody but imports.
drop policy if exists all_tenant on leadgen.contacts;
create policy all_tenant on leadgen.contacts as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.contacts;
create policy select_owner on leadgen.contacts for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.contacts;
create policy insert_owner on leadgen.contacts for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.contacts;
create policy update_owner on leadgen.contacts for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.contacts;
create policy delete_owner on leadgen.contacts for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.contacts;
create policy select_viewer on leadgen.contacts for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()) and merged_into_id is null);
drop policy if exists select_automation on leadgen.contacts;
create policy select_automation on leadgen.contacts for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()) and merged_into_id is null);
drop policy if exists insert_editor on leadgen.contacts;
create policy insert_editor on leadgen.contacts for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on leadgen.contacts;
create policy update_editor on leadgen.contacts for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()) and merged_into_id is null)
  with check (tenant_id = (select app.current_tenant_id()) and merged_into_id is null);
drop policy if exists delete_admin on leadgen.contacts;
create policy delete_admin on leadgen.contacts for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()) and merged_into_id is null);
drop policy if exists insert_automation on leadgen.contacts;
create policy insert_automation on leadgen.contacts for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_automation on leadgen.contacts;
create policy update_automation on leadgen.contacts for update to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()) and merged_into_id is null)
  with check (tenant_id = (select app.current_tenant_id()) and merged_into_id is null);
drop policy if exists select_worker on leadgen.contacts;
create policy select_worker on leadgen.contacts for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.contacts;
create policy insert_worker on leadgen.contacts for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.contacts;
create policy update_worker on leadgen.contacts for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.contacts;
create policy delete_worker on leadgen.contacts for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.contacts to :VIEWER, :AUTOMATION;
grant insert (
  company_id, owner_id, full_name, job_title, email, linkedin_url, phone_number, profile_photo_url,
  seniority_level, department, location_city, location_country, icp_fit, relationship_status, contact_source,
  language, is_ai_champion, ai_champion_score, authority_score, contact_score, notes
) on table leadgen.contacts to :EDITOR;
grant update (
  company_id, owner_id, full_name, job_title, email, linkedin_url, phone_number, profile_photo_url,
  seniority_level, department, location_city, location_country, icp_fit, relationship_status, contact_source,
  language, is_ai_champion, ai_champion_score, authority_score, contact_score, notes, version
) on table leadgen.contacts to :EDITOR;
grant delete on table leadgen.contacts to :ADMIN;
grant insert (
  company_id, owner_id, full_name, job_title, email, linkedin_url, phone_number, profile_photo_url,
  seniority_level, department, location_city, location_country, icp_fit, relationship_status, contact_source,
  language, is_ai_champion, ai_champion_score, authority_score, contact_score, notes
) on table leadgen.contacts to :AUTOMATION;
grant update (
  job_title, email, linkedin_url, phone_number, profile_photo_url, seniority_level, department, location_city,
  location_country, icp_fit, relationship_status, contact_source, language, is_ai_champion, ai_champion_score,
  authority_score, contact_score, enrichment_cost_usd, is_enriched, is_email_looked_up, is_duplicity_checked,
  has_duplicity_conflict, duplicity_detail, error_message, version
) on table leadgen.contacts to :AUTOMATION;
grant select, insert, update, delete on table leadgen.contacts to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.contacts
  for each row execute function app_private.tg__stamp_times('email_normalized', 'linkedin_url_normalized');
create or replace trigger _200_count_version before update on leadgen.contacts
  for each row execute function app_private.tg__count_version(
    'email_normalized', 'linkedin_url_normalized', 'message_status', 'enrichment_cost_usd', 'is_enriched', 'is_email_looked_up', 'is_duplicity_checked', 'has_duplicity_conflict', 'duplicity_detail', 'error_message', 'merged_into_id'
  );
create or replace trigger _300_check_birth before insert on leadgen.contacts
  for each row execute function app_private.tg__check_transition('leadgen_contact', 'message_status');
create or replace trigger _300_check_transition before update on leadgen.contacts
  for each row when (old.message_status is distinct from new.message_status) execute function app_private.tg__check_transition('leadgen_contact', 'message_status');
create or replace trigger _700_audit_insert after insert on leadgen.contacts
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.contacts
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.contacts
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type leadgen.seniority_level is 'A place in the hierarchy of a company.';
comment on type leadgen.department is 'Where in a company somebody works.';
comment on type leadgen.icp_fit is 'How well a contact fits the ideal customer.';
comment on type leadgen.relationship_status is 'How we stand with a contact.';
comment on type leadgen.contact_source is 'Where a contact came from.';
comment on type leadgen.contact_message_status is 'Where writing to a contact stands.';
comment on table leadgen.contacts is '@class tenant
@aggregates on
A person at a company, with what research found about them.';
comment on column leadgen.contacts.id is 'The row''s id, time-ordered.';
comment on column leadgen.contacts.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.contacts.company_id is 'Where they work.';
comment on column leadgen.contacts.owner_id is 'Who writes to them.';
comment on column leadgen.contacts.merged_into_id is '@behavior -*
The contact that they were found to be the same as; such a row is kept for imports and shown to nobody.';
comment on column leadgen.contacts.full_name is 'Their name as people write it.';
comment on column leadgen.contacts.job_title is 'What they do there.';
comment on column leadgen.contacts.email is 'Their e-mail address, as it was given.';
comment on column leadgen.contacts.email_normalized is 'The e-mail address in lower case, without a name or "mailto:": what duplicates are found by.';
comment on column leadgen.contacts.linkedin_url is 'Their profile on LinkedIn, as it was given.';
comment on column leadgen.contacts.linkedin_url_normalized is 'The profile in lower case, without scheme, country and query: what duplicates are found by.';
comment on column leadgen.contacts.phone_number is 'Their telephone number.';
comment on column leadgen.contacts.profile_photo_url is 'Where their picture is.';
comment on column leadgen.contacts.seniority_level is '@isIndexed
Their place in the hierarchy.';
comment on column leadgen.contacts.department is '@isIndexed
Where they work.';
comment on column leadgen.contacts.location_city is 'The city they live in.';
comment on column leadgen.contacts.location_country is 'The country they live in.';
comment on column leadgen.contacts.icp_fit is '@isIndexed
How well they fit the ideal customer.';
comment on column leadgen.contacts.relationship_status is '@isIndexed
How we stand with them.';
comment on column leadgen.contacts.contact_source is '@isIndexed
Where they came from.';
comment on column leadgen.contacts.language is '@isIndexed
The language they are written to in.';
comment on column leadgen.contacts.message_status is '@isIndexed
Where writing to them stands; see allowedTransitions.';
comment on column leadgen.contacts.is_ai_champion is '@isIndexed
True for somebody who drives AI in the company.';
comment on column leadgen.contacts.ai_champion_score is 'How much they drive it, 0 to 10.';
comment on column leadgen.contacts.authority_score is 'How much they can decide, 0 to 10.';
comment on column leadgen.contacts.contact_score is 'How much it is worth to write to them, 0 to 100.';
comment on column leadgen.contacts.enrichment_cost_usd is 'What research about them has cost, in US dollars, with every decimal.';
comment on column leadgen.contacts.is_enriched is '@isIndexed
True once research about them has ended.';
comment on column leadgen.contacts.is_email_looked_up is 'True once their e-mail address was looked for.';
comment on column leadgen.contacts.is_duplicity_checked is 'True once they were compared with the other contacts.';
comment on column leadgen.contacts.has_duplicity_conflict is '@isIndexed
True where that comparison found somebody.';
comment on column leadgen.contacts.duplicity_detail is 'Whom it found.';
comment on column leadgen.contacts.error_message is 'What went wrong last, in words.';
comment on column leadgen.contacts.notes is 'What people note about them.';
comment on column leadgen.contacts.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.contacts.created_at is 'When the row was made.';
comment on column leadgen.contacts.updated_at is 'When the row was last changed.';
comment on constraint contacts_tenant_id_fkey on leadgen.contacts is 'There is no such tenant.';
comment on constraint contacts_company_id_fkey on leadgen.contacts is 'There is no such company.';
comment on constraint contacts_owner_id_fkey on leadgen.contacts is 'There is no such owner.';
comment on constraint contacts_merged_into_id_fkey on leadgen.contacts is '@behavior -*
There is no such contact to be merged into.';
comment on constraint contacts_full_name_check on leadgen.contacts is 'A contact needs a name that is not blank.';
comment on constraint contacts_merged_into_another_check on leadgen.contacts is 'A contact is merged into another, not into itself.';
comment on constraint contacts_ai_champion_score_check on leadgen.contacts is 'The score of an AI champion is 0 to 10.';
comment on constraint contacts_authority_score_check on leadgen.contacts is 'The score of authority is 0 to 10.';
comment on constraint contacts_contact_score_check on leadgen.contacts is 'The score of a contact is 0 to 100.';
comment on constraint contacts_enrichment_cost_usd_check on leadgen.contacts is 'A cost is 0 or more.';
--! EndIncluded leadgen/contacts.sql
--! Included leadgen/contact_batches.sql
-- The batches of a contact, of which there may be several.
drop policy if exists all_tenant on leadgen.contact_batches;
create policy all_tenant on leadgen.contact_batches as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.contact_batches;
create policy select_owner on leadgen.contact_batches for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.contact_batches;
create policy insert_owner on leadgen.contact_batches for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.contact_batches;
create policy update_owner on leadgen.contact_batches for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.contact_batches;
create policy delete_owner on leadgen.contact_batches for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.contact_batches;
create policy select_viewer on leadgen.contact_batches for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.contact_batches;
create policy select_automation on leadgen.contact_batches for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.contact_batches;
create policy insert_editor on leadgen.contact_batches for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on leadgen.contact_batches;
create policy delete_editor on leadgen.contact_batches for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.contact_batches;
create policy insert_automation on leadgen.contact_batches for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_automation on leadgen.contact_batches;
create policy delete_automation on leadgen.contact_batches for delete to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.contact_batches;
create policy select_worker on leadgen.contact_batches for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.contact_batches;
create policy insert_worker on leadgen.contact_batches for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.contact_batches;
create policy update_worker on leadgen.contact_batches for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.contact_batches;
create policy delete_worker on leadgen.contact_batches for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.contact_batches to :VIEWER, :AUTOMATION;
grant insert (
  contact_id, batch_id
) on table leadgen.contact_batches to :EDITOR;
grant delete on table leadgen.contact_batches to :EDITOR;
grant insert (
  contact_id, batch_id
) on table leadgen.contact_batches to :AUTOMATION;
grant delete on table leadgen.contact_batches to :AUTOMATION;
grant select, insert, update, delete on table leadgen.contact_batches to :WORKER;

create or replace trigger _700_audit_insert after insert on leadgen.contact_batches
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.contact_batches
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.contact_batches
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table leadgen.contact_batches is '@class tenant
Puts a contact into a batch.';
comment on column leadgen.contact_batches.id is 'The row''s id, time-ordered.';
comment on column leadgen.contact_batches.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.contact_batches.contact_id is 'The contact.';
comment on column leadgen.contact_batches.batch_id is 'The batch.';
comment on column leadgen.contact_batches.created_at is 'When the row was made.';
comment on constraint contact_batches_tenant_id_contact_id_batch_id_key on leadgen.contact_batches is 'These two belong together already.';
comment on constraint contact_batches_tenant_id_fkey on leadgen.contact_batches is 'There is no such tenant.';
comment on constraint contact_batches_contact_id_fkey on leadgen.contact_batches is 'There is no such contact.';
comment on constraint contact_batches_batch_id_fkey on leadgen.contact_batches is 'There is no such batch.';
--! EndIncluded leadgen/contact_batches.sql
--! Included leadgen/contact_enrichment.sql
-- What research found about a person: long texts, apart from the row that lists read.
drop policy if exists all_tenant on leadgen.contact_enrichment;
create policy all_tenant on leadgen.contact_enrichment as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.contact_enrichment;
create policy select_owner on leadgen.contact_enrichment for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.contact_enrichment;
create policy insert_owner on leadgen.contact_enrichment for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.contact_enrichment;
create policy update_owner on leadgen.contact_enrichment for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.contact_enrichment;
create policy delete_owner on leadgen.contact_enrichment for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.contact_enrichment;
create policy select_viewer on leadgen.contact_enrichment for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.contact_enrichment;
create policy select_automation on leadgen.contact_enrichment for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.contact_enrichment;
create policy insert_editor on leadgen.contact_enrichment for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on leadgen.contact_enrichment;
create policy update_editor on leadgen.contact_enrichment for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on leadgen.contact_enrichment;
create policy delete_admin on leadgen.contact_enrichment for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.contact_enrichment;
create policy insert_automation on leadgen.contact_enrichment for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_automation on leadgen.contact_enrichment;
create policy update_automation on leadgen.contact_enrichment for update to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.contact_enrichment;
create policy select_worker on leadgen.contact_enrichment for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.contact_enrichment;
create policy insert_worker on leadgen.contact_enrichment for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.contact_enrichment;
create policy update_worker on leadgen.contact_enrichment for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.contact_enrichment;
create policy delete_worker on leadgen.contact_enrichment for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.contact_enrichment to :VIEWER, :AUTOMATION;
grant insert (
  contact_id, person_summary, linkedin_profile_summary, relationship_synthesis
) on table leadgen.contact_enrichment to :EDITOR;
grant update (
  person_summary, linkedin_profile_summary, relationship_synthesis, version
) on table leadgen.contact_enrichment to :EDITOR;
grant delete on table leadgen.contact_enrichment to :ADMIN;
grant insert (
  contact_id, person_summary, linkedin_profile_summary, relationship_synthesis, enrichment_cost_usd, enriched_at
) on table leadgen.contact_enrichment to :AUTOMATION;
grant update (
  person_summary, linkedin_profile_summary, relationship_synthesis, enrichment_cost_usd, enriched_at, version
) on table leadgen.contact_enrichment to :AUTOMATION;
grant select, insert, update, delete on table leadgen.contact_enrichment to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.contact_enrichment
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on leadgen.contact_enrichment
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version('enrichment_cost_usd', 'enriched_at');
create or replace trigger _700_audit_insert after insert on leadgen.contact_enrichment
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.contact_enrichment
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.contact_enrichment
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table leadgen.contact_enrichment is '@class tenant
What research found about a contact, one row for each contact that has reached it.';
comment on column leadgen.contact_enrichment.id is 'The row''s id, time-ordered.';
comment on column leadgen.contact_enrichment.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.contact_enrichment.contact_id is 'Whom it is about.';
comment on column leadgen.contact_enrichment.person_summary is 'Who they are, in a few sentences.';
comment on column leadgen.contact_enrichment.linkedin_profile_summary is 'What their profile on LinkedIn says.';
comment on column leadgen.contact_enrichment.earlier_profile_summary is 'What an earlier version of the research said of that profile; imports bring it, nothing writes it.';
comment on column leadgen.contact_enrichment.relationship_synthesis is 'What connects them with us.';
comment on column leadgen.contact_enrichment.enrichment_cost_usd is 'What this stage has cost, in US dollars, with every decimal.';
comment on column leadgen.contact_enrichment.enriched_at is 'When this stage ended.';
comment on column leadgen.contact_enrichment.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.contact_enrichment.created_at is 'When the row was made.';
comment on column leadgen.contact_enrichment.updated_at is 'When the row was last changed.';
comment on constraint contact_enrichment_tenant_id_contact_id_key on leadgen.contact_enrichment is 'This contact has its results already; update them.';
comment on constraint contact_enrichment_tenant_id_fkey on leadgen.contact_enrichment is 'There is no such tenant.';
comment on constraint contact_enrichment_contact_id_fkey on leadgen.contact_enrichment is 'There is no such contact.';
comment on constraint contact_enrichment_enrichment_cost_usd_check on leadgen.contact_enrichment is 'A cost is 0 or more.';
--! EndIncluded leadgen/contact_enrichment.sql
--! Included leadgen/campaigns.sql
-- Campaigns that send messages.
drop policy if exists all_tenant on leadgen.campaigns;
create policy all_tenant on leadgen.campaigns as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.campaigns;
create policy select_owner on leadgen.campaigns for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.campaigns;
create policy insert_owner on leadgen.campaigns for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.campaigns;
create policy update_owner on leadgen.campaigns for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.campaigns;
create policy delete_owner on leadgen.campaigns for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.campaigns;
create policy select_viewer on leadgen.campaigns for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.campaigns;
create policy select_automation on leadgen.campaigns for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.campaigns;
create policy insert_editor on leadgen.campaigns for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on leadgen.campaigns;
create policy update_editor on leadgen.campaigns for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on leadgen.campaigns;
create policy delete_admin on leadgen.campaigns for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.campaigns;
create policy select_worker on leadgen.campaigns for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.campaigns;
create policy insert_worker on leadgen.campaigns for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.campaigns;
create policy update_worker on leadgen.campaigns for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.campaigns;
create policy delete_worker on leadgen.campaigns for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.campaigns to :VIEWER, :AUTOMATION;
grant insert (
  owner_id, batch_id, name, lemlist_campaign_id, channel, is_active
) on table leadgen.campaigns to :EDITOR;
grant update (
  owner_id, batch_id, name, lemlist_campaign_id, channel, is_active, version
) on table leadgen.campaigns to :EDITOR;
grant delete on table leadgen.campaigns to :ADMIN;
grant select, insert, update, delete on table leadgen.campaigns to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.campaigns
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on leadgen.campaigns
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _700_audit_insert after insert on leadgen.campaigns
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.campaigns
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.campaigns
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type leadgen.campaign_channel is 'Where a campaign sends.';
comment on table leadgen.campaigns is '@class tenant
A campaign that sends messages.';
comment on column leadgen.campaigns.id is 'The row''s id, time-ordered.';
comment on column leadgen.campaigns.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.campaigns.owner_id is 'Who runs it.';
comment on column leadgen.campaigns.batch_id is 'The batch that it is for.';
comment on column leadgen.campaigns.name is 'What people call it.';
comment on column leadgen.campaigns.lemlist_campaign_id is 'Its id in Lemlist.';
comment on column leadgen.campaigns.channel is '@isIndexed
Where it sends.';
comment on column leadgen.campaigns.is_active is 'False while it sends nothing.';
comment on column leadgen.campaigns.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.campaigns.created_at is 'When the row was made.';
comment on column leadgen.campaigns.updated_at is 'When the row was last changed.';
comment on constraint campaigns_tenant_id_fkey on leadgen.campaigns is 'There is no such tenant.';
comment on constraint campaigns_owner_id_fkey on leadgen.campaigns is 'There is no such owner.';
comment on constraint campaigns_batch_id_fkey on leadgen.campaigns is 'There is no such batch.';
comment on constraint campaigns_name_check on leadgen.campaigns is 'A campaign needs a name that is not blank.';
--! EndIncluded leadgen/campaigns.sql
--! Included leadgen/messages.sql
-- Messages to contacts. Status is moved by named mutations alone; what was sent is never changed.
drop policy if exists all_tenant on leadgen.messages;
create policy all_tenant on leadgen.messages as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.messages;
create policy select_owner on leadgen.messages for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.messages;
create policy insert_owner on leadgen.messages for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.messages;
create policy update_owner on leadgen.messages for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.messages;
create policy delete_owner on leadgen.messages for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.messages;
create policy select_viewer on leadgen.messages for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.messages;
create policy select_automation on leadgen.messages for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.messages;
create policy insert_editor on leadgen.messages for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on leadgen.messages;
create policy update_editor on leadgen.messages for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on leadgen.messages;
create policy delete_admin on leadgen.messages for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.messages;
create policy insert_automation on leadgen.messages for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_automation on leadgen.messages;
create policy update_automation on leadgen.messages for update to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.messages;
create policy select_worker on leadgen.messages for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.messages;
create policy insert_worker on leadgen.messages for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.messages;
create policy update_worker on leadgen.messages for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.messages;
create policy delete_worker on leadgen.messages for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.messages to :VIEWER, :AUTOMATION;
grant insert (
  contact_id, owner_id, campaign_id, batch_id, label, channel, sequence_step, variant, subject, body, tone,
  language
) on table leadgen.messages to :EDITOR;
grant update (
  owner_id, campaign_id, batch_id, label, channel, sequence_step, variant, subject, body, tone, language,
  version
) on table leadgen.messages to :EDITOR;
grant delete on table leadgen.messages to :ADMIN;
grant insert (
  contact_id, owner_id, campaign_id, batch_id, label, channel, sequence_step, variant, subject, body, tone,
  language, generation_cost_usd
) on table leadgen.messages to :AUTOMATION;
grant update (
  campaign_id, label, subject, body, tone, language, generation_cost_usd, version
) on table leadgen.messages to :AUTOMATION;
grant select, insert, update, delete on table leadgen.messages to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.messages
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on leadgen.messages
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version(
    'status', 'review_notes', 'reviewer_id', 'approved_at', 'sent_at', 'delivered_at', 'replied_at', 'generation_cost_usd'
  );
create or replace trigger _300_check_birth before insert on leadgen.messages
  for each row execute function app_private.tg__check_transition('leadgen_message', 'status');
create or replace trigger _300_check_transition before update on leadgen.messages
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('leadgen_message', 'status');
create or replace trigger _700_audit_insert after insert on leadgen.messages
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.messages
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.messages
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type leadgen.message_channel is 'How a message is sent.';
comment on type leadgen.message_variant is 'Which of two versions of a message it is.';
comment on type leadgen.message_status is 'Where a message stands between draft and reply.';
comment on table leadgen.messages is '@class tenant
@aggregates on
A message to a contact, drafted by a workflow, reviewed by a person, sent by a campaign or by hand.';
comment on column leadgen.messages.id is 'The row''s id, time-ordered.';
comment on column leadgen.messages.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.messages.contact_id is 'To whom it is.';
comment on column leadgen.messages.owner_id is 'In whose name it is.';
comment on column leadgen.messages.campaign_id is 'The campaign that sends it.';
comment on column leadgen.messages.batch_id is 'The batch that it was written for.';
comment on column leadgen.messages.reviewer_id is 'Who approved or rejected it.';
comment on column leadgen.messages.label is 'What people call it.';
comment on column leadgen.messages.channel is '@isIndexed
How it is sent.';
comment on column leadgen.messages.sequence_step is 'Its place in the sequence to this contact, from 1.';
comment on column leadgen.messages.variant is '@isIndexed
Which of two versions it is.';
comment on column leadgen.messages.subject is 'Its subject, for an e-mail.';
comment on column leadgen.messages.body is 'Its text.';
comment on column leadgen.messages.status is '@isIndexed
Where it stands between draft and reply; see allowedTransitions.';
comment on column leadgen.messages.tone is '@isIndexed
How it sounds.';
comment on column leadgen.messages.language is '@isIndexed
Its language.';
comment on column leadgen.messages.generation_cost_usd is 'What writing it has cost, in US dollars, with every decimal.';
comment on column leadgen.messages.review_notes is 'What the reviewer said.';
comment on column leadgen.messages.approved_at is 'When it was approved.';
comment on column leadgen.messages.sent_at is 'When it was sent.';
comment on column leadgen.messages.delivered_at is 'When it arrived.';
comment on column leadgen.messages.replied_at is 'When the contact answered.';
comment on column leadgen.messages.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.messages.created_at is 'When the row was made.';
comment on column leadgen.messages.updated_at is 'When the row was last changed.';
comment on constraint messages_tenant_id_fkey on leadgen.messages is 'There is no such tenant.';
comment on constraint messages_contact_id_fkey on leadgen.messages is 'There is no such contact.';
comment on constraint messages_owner_id_fkey on leadgen.messages is 'There is no such owner.';
comment on constraint messages_campaign_id_fkey on leadgen.messages is 'There is no such campaign.';
comment on constraint messages_batch_id_fkey on leadgen.messages is 'There is no such batch.';
comment on constraint messages_reviewer_id_fkey on leadgen.messages is 'There is no such person.';
comment on constraint messages_body_check on leadgen.messages is 'A message needs a text that is not blank.';
comment on constraint messages_sequence_step_check on leadgen.messages is 'The steps of a sequence are counted from 1.';
comment on constraint messages_generation_cost_usd_check on leadgen.messages is 'A cost is 0 or more.';
--! EndIncluded leadgen/messages.sql
--! Included leadgen/activities.sql
-- What happened between us and a contact, noted by the browser extension, workflows and people.
drop policy if exists all_tenant on leadgen.activities;
create policy all_tenant on leadgen.activities as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.activities;
create policy select_owner on leadgen.activities for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.activities;
create policy insert_owner on leadgen.activities for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.activities;
create policy update_owner on leadgen.activities for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.activities;
create policy delete_owner on leadgen.activities for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.activities;
create policy select_viewer on leadgen.activities for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.activities;
create policy select_automation on leadgen.activities for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.activities;
create policy insert_editor on leadgen.activities for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on leadgen.activities;
create policy update_editor on leadgen.activities for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on leadgen.activities;
create policy delete_admin on leadgen.activities for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.activities;
create policy insert_automation on leadgen.activities for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_automation on leadgen.activities;
create policy update_automation on leadgen.activities for update to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.activities;
create policy select_worker on leadgen.activities for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.activities;
create policy insert_worker on leadgen.activities for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.activities;
create policy update_worker on leadgen.activities for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.activities;
create policy delete_worker on leadgen.activities for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.activities to :VIEWER, :AUTOMATION;
grant insert (
  contact_id, owner_id, batch_id, name, type, source, occurred_at, detail, payload, external_id
) on table leadgen.activities to :EDITOR;
grant update (
  contact_id, owner_id, batch_id, name, type, source, occurred_at, detail, is_processed, version
) on table leadgen.activities to :EDITOR;
grant delete on table leadgen.activities to :ADMIN;
grant insert (
  contact_id, owner_id, batch_id, name, type, source, occurred_at, detail, payload, external_id, cost_usd
) on table leadgen.activities to :AUTOMATION;
grant update (
  contact_id, is_processed, cost_usd, version
) on table leadgen.activities to :AUTOMATION;
grant select, insert, update, delete on table leadgen.activities to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.activities
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on leadgen.activities
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version('is_processed', 'cost_usd');
create or replace trigger _700_audit_insert after insert on leadgen.activities
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.activities
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.activities
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type leadgen.activity_type is 'Whether an activity was a message or an event.';
comment on type leadgen.activity_source is 'Where an activity happened.';
comment on table leadgen.activities is '@class tenant
Something that happened between us and a contact.';
comment on column leadgen.activities.id is 'The row''s id, time-ordered.';
comment on column leadgen.activities.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.activities.contact_id is 'With whom it happened.';
comment on column leadgen.activities.owner_id is 'Who of us it was.';
comment on column leadgen.activities.batch_id is 'The batch that it belongs to.';
comment on column leadgen.activities.name is 'What happened, in the words of whoever noted it: connection_accepted, message_sent.';
comment on column leadgen.activities.type is '@isIndexed
Whether it was a message or an event.';
comment on column leadgen.activities.source is '@isIndexed
Where it happened.';
comment on column leadgen.activities.occurred_at is 'When it happened.';
comment on column leadgen.activities.detail is 'More about it.';
comment on column leadgen.activities.payload is 'What the extension told with it, an object.';
comment on column leadgen.activities.external_id is 'Its id where it was noted, unique in the tenant: an event that is sent twice is one.';
comment on column leadgen.activities.is_processed is '@isIndexed
True once a workflow has acted on it.';
comment on column leadgen.activities.cost_usd is 'What noting it has cost, in US dollars, with every decimal.';
comment on column leadgen.activities.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.activities.created_at is 'When the row was made.';
comment on column leadgen.activities.updated_at is 'When the row was last changed.';
comment on constraint activities_tenant_id_external_id_key on leadgen.activities is 'This activity was noted already.';
comment on constraint activities_tenant_id_fkey on leadgen.activities is 'There is no such tenant.';
comment on constraint activities_contact_id_fkey on leadgen.activities is 'There is no such contact.';
comment on constraint activities_owner_id_fkey on leadgen.activities is 'There is no such owner.';
comment on constraint activities_batch_id_fkey on leadgen.activities is 'There is no such batch.';
comment on constraint activities_name_check on leadgen.activities is 'An activity says what happened.';
comment on constraint activities_payload_check on leadgen.activities is 'The payload of an activity is a JSON object.';
comment on constraint activities_cost_usd_check on leadgen.activities is 'A cost is 0 or more.';
--! EndIncluded leadgen/activities.sql
--! Included leadgen/crm_events.sql
-- Meetings, calls and demos.
drop policy if exists all_tenant on leadgen.crm_events;
create policy all_tenant on leadgen.crm_events as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.crm_events;
create policy select_owner on leadgen.crm_events for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.crm_events;
create policy insert_owner on leadgen.crm_events for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.crm_events;
create policy update_owner on leadgen.crm_events for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.crm_events;
create policy delete_owner on leadgen.crm_events for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.crm_events;
create policy select_viewer on leadgen.crm_events for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.crm_events;
create policy select_automation on leadgen.crm_events for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.crm_events;
create policy insert_editor on leadgen.crm_events for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on leadgen.crm_events;
create policy update_editor on leadgen.crm_events for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on leadgen.crm_events;
create policy delete_admin on leadgen.crm_events for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.crm_events;
create policy insert_automation on leadgen.crm_events for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.crm_events;
create policy select_worker on leadgen.crm_events for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.crm_events;
create policy insert_worker on leadgen.crm_events for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.crm_events;
create policy update_worker on leadgen.crm_events for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.crm_events;
create policy delete_worker on leadgen.crm_events for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.crm_events to :VIEWER, :AUTOMATION;
grant insert (
  company_id, creator_id, name, type, event_at, company_name, summary, outcome, next_steps, created_by
) on table leadgen.crm_events to :EDITOR;
grant update (
  company_id, creator_id, name, type, event_at, company_name, summary, outcome, next_steps, created_by, version
) on table leadgen.crm_events to :EDITOR;
grant delete on table leadgen.crm_events to :ADMIN;
grant insert (
  company_id, creator_id, name, type, event_at, company_name, summary, outcome, next_steps, created_by
) on table leadgen.crm_events to :AUTOMATION;
grant select, insert, update, delete on table leadgen.crm_events to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.crm_events
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on leadgen.crm_events
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _700_audit_insert after insert on leadgen.crm_events
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.crm_events
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.crm_events
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type leadgen.crm_event_type is 'What kind of event it was.';
comment on type leadgen.crm_event_outcome is 'How an event ended.';
comment on table leadgen.crm_events is '@class tenant
A meeting, call or demo with people of a company.';
comment on column leadgen.crm_events.id is 'The row''s id, time-ordered.';
comment on column leadgen.crm_events.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.crm_events.company_id is 'The company that it was with.';
comment on column leadgen.crm_events.creator_id is 'The owner who arranged it.';
comment on column leadgen.crm_events.name is 'What it was about.';
comment on column leadgen.crm_events.type is '@isIndexed
What kind of event it was.';
comment on column leadgen.crm_events.event_at is 'When it takes or took place.';
comment on column leadgen.crm_events.company_name is 'The company as the source names it; where exactly one company has this name, company is it.';
comment on column leadgen.crm_events.summary is 'What was said.';
comment on column leadgen.crm_events.outcome is '@isIndexed
How it ended.';
comment on column leadgen.crm_events.next_steps is 'What follows from it.';
comment on column leadgen.crm_events.created_by is 'Who arranged it, as the source names them; where exactly one owner has this name, creator is it.';
comment on column leadgen.crm_events.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.crm_events.created_at is 'When the row was made.';
comment on column leadgen.crm_events.updated_at is 'When the row was last changed.';
comment on constraint crm_events_tenant_id_fkey on leadgen.crm_events is 'There is no such tenant.';
comment on constraint crm_events_company_id_fkey on leadgen.crm_events is 'There is no such company.';
comment on constraint crm_events_creator_id_fkey on leadgen.crm_events is 'There is no such owner.';
comment on constraint crm_events_name_check on leadgen.crm_events is 'An event needs a name that is not blank.';
--! EndIncluded leadgen/crm_events.sql
--! Included leadgen/crm_event_participants.sql
-- Who took part in an event.
drop policy if exists all_tenant on leadgen.crm_event_participants;
create policy all_tenant on leadgen.crm_event_participants as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.crm_event_participants;
create policy select_owner on leadgen.crm_event_participants for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.crm_event_participants;
create policy insert_owner on leadgen.crm_event_participants for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.crm_event_participants;
create policy update_owner on leadgen.crm_event_participants for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.crm_event_participants;
create policy delete_owner on leadgen.crm_event_participants for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.crm_event_participants;
create policy select_viewer on leadgen.crm_event_participants for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.crm_event_participants;
create policy select_automation on leadgen.crm_event_participants for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.crm_event_participants;
create policy insert_editor on leadgen.crm_event_participants for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on leadgen.crm_event_participants;
create policy delete_editor on leadgen.crm_event_participants for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.crm_event_participants;
create policy insert_automation on leadgen.crm_event_participants for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_automation on leadgen.crm_event_participants;
create policy delete_automation on leadgen.crm_event_participants for delete to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.crm_event_participants;
create policy select_worker on leadgen.crm_event_participants for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.crm_event_participants;
create policy insert_worker on leadgen.crm_event_participants for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.crm_event_participants;
create policy update_worker on leadgen.crm_event_participants for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.crm_event_participants;
create policy delete_worker on leadgen.crm_event_participants for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.crm_event_participants to :VIEWER, :AUTOMATION;
grant insert (
  crm_event_id, contact_id
) on table leadgen.crm_event_participants to :EDITOR;
grant delete on table leadgen.crm_event_participants to :EDITOR;
grant insert (
  crm_event_id, contact_id
) on table leadgen.crm_event_participants to :AUTOMATION;
grant delete on table leadgen.crm_event_participants to :AUTOMATION;
grant select, insert, update, delete on table leadgen.crm_event_participants to :WORKER;

create or replace trigger _700_audit_insert after insert on leadgen.crm_event_participants
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.crm_event_participants
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.crm_event_participants
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table leadgen.crm_event_participants is '@class tenant
Says that a contact took part in an event.';
comment on column leadgen.crm_event_participants.id is 'The row''s id, time-ordered.';
comment on column leadgen.crm_event_participants.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.crm_event_participants.crm_event_id is 'The event.';
comment on column leadgen.crm_event_participants.contact_id is 'The contact.';
comment on column leadgen.crm_event_participants.created_at is 'When the row was made.';
comment on constraint crm_event_participants_tenant_id_crm_event_id_contact_id_key on leadgen.crm_event_participants is 'These two belong together already.';
comment on constraint crm_event_participants_tenant_id_fkey on leadgen.crm_event_participants is 'There is no such tenant.';
comment on constraint crm_event_participants_crm_event_id_fkey on leadgen.crm_event_participants is 'There is no such event.';
comment on constraint crm_event_participants_contact_id_fkey on leadgen.crm_event_participants is 'There is no such contact.';
--! EndIncluded leadgen/crm_event_participants.sql
--! Included leadgen/tasks.sql
-- What somebody of the team has to do.
drop policy if exists all_tenant on leadgen.tasks;
create policy all_tenant on leadgen.tasks as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.tasks;
create policy select_owner on leadgen.tasks for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.tasks;
create policy insert_owner on leadgen.tasks for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.tasks;
create policy update_owner on leadgen.tasks for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.tasks;
create policy delete_owner on leadgen.tasks for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.tasks;
create policy select_viewer on leadgen.tasks for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.tasks;
create policy select_automation on leadgen.tasks for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.tasks;
create policy insert_editor on leadgen.tasks for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on leadgen.tasks;
create policy update_editor on leadgen.tasks for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on leadgen.tasks;
create policy delete_editor on leadgen.tasks for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.tasks;
create policy insert_automation on leadgen.tasks for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.tasks;
create policy select_worker on leadgen.tasks for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.tasks;
create policy insert_worker on leadgen.tasks for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.tasks;
create policy update_worker on leadgen.tasks for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.tasks;
create policy delete_worker on leadgen.tasks for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.tasks to :VIEWER, :AUTOMATION;
grant insert (
  owner_id, name, detail, owner_name, scheduled_date, completed_date, completion_detail, calendar_id
) on table leadgen.tasks to :EDITOR;
grant update (
  owner_id, name, detail, owner_name, scheduled_date, completed_date, completion_detail, calendar_id, version
) on table leadgen.tasks to :EDITOR;
grant delete on table leadgen.tasks to :EDITOR;
grant insert (
  owner_id, name, detail, owner_name, scheduled_date, completed_date, completion_detail, calendar_id
) on table leadgen.tasks to :AUTOMATION;
grant select, insert, update, delete on table leadgen.tasks to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.tasks
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on leadgen.tasks
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _700_audit_insert after insert on leadgen.tasks
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.tasks
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.tasks
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table leadgen.tasks is '@class tenant
Something that an owner has to do.';
comment on column leadgen.tasks.id is 'The row''s id, time-ordered.';
comment on column leadgen.tasks.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.tasks.owner_id is 'Who has to do it.';
comment on column leadgen.tasks.name is 'What is to be done.';
comment on column leadgen.tasks.detail is 'More about it.';
comment on column leadgen.tasks.owner_name is 'Who has to do it, as the source names them; where exactly one owner has this name, owner is it.';
comment on column leadgen.tasks.scheduled_date is 'The day that it is planned for.';
comment on column leadgen.tasks.completed_date is 'The day that it was done.';
comment on column leadgen.tasks.completion_detail is 'What came of it.';
comment on column leadgen.tasks.calendar_id is 'Its id in the calendar.';
comment on column leadgen.tasks.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.tasks.created_at is 'When the row was made.';
comment on column leadgen.tasks.updated_at is 'When the row was last changed.';
comment on constraint tasks_tenant_id_fkey on leadgen.tasks is 'There is no such tenant.';
comment on constraint tasks_owner_id_fkey on leadgen.tasks is 'There is no such owner.';
comment on constraint tasks_name_check on leadgen.tasks is 'A task says what is to be done.';
--! EndIncluded leadgen/tasks.sql
--! Included leadgen/task_contacts.sql
-- Whom a task is about.
drop policy if exists all_tenant on leadgen.task_contacts;
create policy all_tenant on leadgen.task_contacts as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.task_contacts;
create policy select_owner on leadgen.task_contacts for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.task_contacts;
create policy insert_owner on leadgen.task_contacts for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.task_contacts;
create policy update_owner on leadgen.task_contacts for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.task_contacts;
create policy delete_owner on leadgen.task_contacts for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.task_contacts;
create policy select_viewer on leadgen.task_contacts for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.task_contacts;
create policy select_automation on leadgen.task_contacts for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.task_contacts;
create policy insert_editor on leadgen.task_contacts for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on leadgen.task_contacts;
create policy delete_editor on leadgen.task_contacts for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.task_contacts;
create policy insert_automation on leadgen.task_contacts for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_automation on leadgen.task_contacts;
create policy delete_automation on leadgen.task_contacts for delete to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.task_contacts;
create policy select_worker on leadgen.task_contacts for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.task_contacts;
create policy insert_worker on leadgen.task_contacts for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.task_contacts;
create policy update_worker on leadgen.task_contacts for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.task_contacts;
create policy delete_worker on leadgen.task_contacts for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.task_contacts to :VIEWER, :AUTOMATION;
grant insert (
  task_id, contact_id
) on table leadgen.task_contacts to :EDITOR;
grant delete on table leadgen.task_contacts to :EDITOR;
grant insert (
  task_id, contact_id
) on table leadgen.task_contacts to :AUTOMATION;
grant delete on table leadgen.task_contacts to :AUTOMATION;
grant select, insert, update, delete on table leadgen.task_contacts to :WORKER;

create or replace trigger _700_audit_insert after insert on leadgen.task_contacts
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.task_contacts
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.task_contacts
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table leadgen.task_contacts is '@class tenant
Says that a task is about a contact.';
comment on column leadgen.task_contacts.id is 'The row''s id, time-ordered.';
comment on column leadgen.task_contacts.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.task_contacts.task_id is 'The task.';
comment on column leadgen.task_contacts.contact_id is 'The contact.';
comment on column leadgen.task_contacts.created_at is 'When the row was made.';
comment on constraint task_contacts_tenant_id_task_id_contact_id_key on leadgen.task_contacts is 'These two belong together already.';
comment on constraint task_contacts_tenant_id_fkey on leadgen.task_contacts is 'There is no such tenant.';
comment on constraint task_contacts_task_id_fkey on leadgen.task_contacts is 'There is no such task.';
comment on constraint task_contacts_contact_id_fkey on leadgen.task_contacts is 'There is no such contact.';
--! EndIncluded leadgen/task_contacts.sql
--! Included leadgen/task_activities.sql
-- What a task answers to.
drop policy if exists all_tenant on leadgen.task_activities;
create policy all_tenant on leadgen.task_activities as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.task_activities;
create policy select_owner on leadgen.task_activities for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.task_activities;
create policy insert_owner on leadgen.task_activities for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.task_activities;
create policy update_owner on leadgen.task_activities for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.task_activities;
create policy delete_owner on leadgen.task_activities for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.task_activities;
create policy select_viewer on leadgen.task_activities for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.task_activities;
create policy select_automation on leadgen.task_activities for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.task_activities;
create policy insert_editor on leadgen.task_activities for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_editor on leadgen.task_activities;
create policy delete_editor on leadgen.task_activities for delete to :EDITOR
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.task_activities;
create policy insert_automation on leadgen.task_activities for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_automation on leadgen.task_activities;
create policy delete_automation on leadgen.task_activities for delete to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.task_activities;
create policy select_worker on leadgen.task_activities for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.task_activities;
create policy insert_worker on leadgen.task_activities for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.task_activities;
create policy update_worker on leadgen.task_activities for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.task_activities;
create policy delete_worker on leadgen.task_activities for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.task_activities to :VIEWER, :AUTOMATION;
grant insert (
  task_id, activity_id
) on table leadgen.task_activities to :EDITOR;
grant delete on table leadgen.task_activities to :EDITOR;
grant insert (
  task_id, activity_id
) on table leadgen.task_activities to :AUTOMATION;
grant delete on table leadgen.task_activities to :AUTOMATION;
grant select, insert, update, delete on table leadgen.task_activities to :WORKER;

create or replace trigger _700_audit_insert after insert on leadgen.task_activities
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.task_activities
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.task_activities
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table leadgen.task_activities is '@class tenant
Says that a task answers to an activity.';
comment on column leadgen.task_activities.id is 'The row''s id, time-ordered.';
comment on column leadgen.task_activities.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.task_activities.task_id is 'The task.';
comment on column leadgen.task_activities.activity_id is 'The activity.';
comment on column leadgen.task_activities.created_at is 'When the row was made.';
comment on constraint task_activities_tenant_id_task_id_activity_id_key on leadgen.task_activities is 'These two belong together already.';
comment on constraint task_activities_tenant_id_fkey on leadgen.task_activities is 'There is no such tenant.';
comment on constraint task_activities_task_id_fkey on leadgen.task_activities is 'There is no such task.';
comment on constraint task_activities_activity_id_fkey on leadgen.task_activities is 'There is no such activity.';
--! EndIncluded leadgen/task_activities.sql
--! Included leadgen/research_assets.sql
-- What a research tool answered about a company or a contact.
drop policy if exists all_tenant on leadgen.research_assets;
create policy all_tenant on leadgen.research_assets as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.research_assets;
create policy select_owner on leadgen.research_assets for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.research_assets;
create policy insert_owner on leadgen.research_assets for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.research_assets;
create policy update_owner on leadgen.research_assets for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.research_assets;
create policy delete_owner on leadgen.research_assets for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.research_assets;
create policy select_viewer on leadgen.research_assets for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.research_assets;
create policy select_automation on leadgen.research_assets for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_editor on leadgen.research_assets;
create policy insert_editor on leadgen.research_assets for insert to :EDITOR
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_editor on leadgen.research_assets;
create policy update_editor on leadgen.research_assets for update to :EDITOR
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on leadgen.research_assets;
create policy delete_admin on leadgen.research_assets for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.research_assets;
create policy insert_automation on leadgen.research_assets for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.research_assets;
create policy select_worker on leadgen.research_assets for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.research_assets;
create policy insert_worker on leadgen.research_assets for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.research_assets;
create policy update_worker on leadgen.research_assets for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.research_assets;
create policy delete_worker on leadgen.research_assets for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.research_assets to :VIEWER, :AUTOMATION;
grant insert (
  company_id, contact_id, name, tool_name, tool_config, research_data, cost_usd, confidence_score, quality_score,
  researched_at
) on table leadgen.research_assets to :EDITOR;
grant update (
  name, tool_name, tool_config, research_data, cost_usd, confidence_score, quality_score, researched_at, version
) on table leadgen.research_assets to :EDITOR;
grant delete on table leadgen.research_assets to :ADMIN;
grant insert (
  company_id, contact_id, name, tool_name, tool_config, research_data, cost_usd, confidence_score, quality_score,
  researched_at
) on table leadgen.research_assets to :AUTOMATION;
grant select, insert, update, delete on table leadgen.research_assets to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.research_assets
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on leadgen.research_assets
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version();
create or replace trigger _700_audit_insert after insert on leadgen.research_assets
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.research_assets
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.research_assets
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table leadgen.research_assets is '@class tenant
What a research tool answered about a company or about a contact: about exactly one of them.';
comment on column leadgen.research_assets.id is 'The row''s id, time-ordered.';
comment on column leadgen.research_assets.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.research_assets.company_id is 'The company that it is about.';
comment on column leadgen.research_assets.contact_id is 'The contact that it is about.';
comment on column leadgen.research_assets.name is 'What was asked.';
comment on column leadgen.research_assets.tool_name is 'The tool that answered.';
comment on column leadgen.research_assets.tool_config is 'How the tool was asked.';
comment on column leadgen.research_assets.research_data is 'The answer as the tool gave it: text, or JSON that may stand between ``` fences.';
comment on column leadgen.research_assets.cost_usd is 'What it has cost, in US dollars, with every decimal.';
comment on column leadgen.research_assets.confidence_score is 'How sure the tool was, 0 to 1.';
comment on column leadgen.research_assets.quality_score is 'How good the answer is, 0 to 10.';
comment on column leadgen.research_assets.researched_at is 'When the tool answered.';
comment on column leadgen.research_assets.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.research_assets.created_at is 'When the row was made.';
comment on column leadgen.research_assets.updated_at is 'When the row was last changed.';
comment on constraint research_assets_tenant_id_fkey on leadgen.research_assets is 'There is no such tenant.';
comment on constraint research_assets_company_id_fkey on leadgen.research_assets is 'There is no such company.';
comment on constraint research_assets_contact_id_fkey on leadgen.research_assets is 'There is no such contact.';
comment on constraint research_assets_name_check on leadgen.research_assets is 'An answer says what was asked.';
comment on constraint research_assets_about_one_check on leadgen.research_assets is 'An answer is about a company or about a contact: about exactly one.';
comment on constraint research_assets_cost_usd_check on leadgen.research_assets is 'A cost is 0 or more.';
comment on constraint research_assets_confidence_score_check on leadgen.research_assets is 'Confidence is 0 to 1.';
comment on constraint research_assets_quality_score_check on leadgen.research_assets is 'Quality is 0 to 10.';
--! EndIncluded leadgen/research_assets.sql
--! Included leadgen/pipeline_runs.sql
-- Runs of the pipeline of research, with counters that workers raise.
drop policy if exists all_tenant on leadgen.pipeline_runs;
create policy all_tenant on leadgen.pipeline_runs as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.pipeline_runs;
create policy select_owner on leadgen.pipeline_runs for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.pipeline_runs;
create policy insert_owner on leadgen.pipeline_runs for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.pipeline_runs;
create policy update_owner on leadgen.pipeline_runs for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.pipeline_runs;
create policy delete_owner on leadgen.pipeline_runs for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.pipeline_runs;
create policy select_viewer on leadgen.pipeline_runs for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.pipeline_runs;
create policy select_automation on leadgen.pipeline_runs for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_admin on leadgen.pipeline_runs;
create policy delete_admin on leadgen.pipeline_runs for delete to :ADMIN
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_automation on leadgen.pipeline_runs;
create policy insert_automation on leadgen.pipeline_runs for insert to :AUTOMATION
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_automation on leadgen.pipeline_runs;
create policy update_automation on leadgen.pipeline_runs for update to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.pipeline_runs;
create policy select_worker on leadgen.pipeline_runs for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.pipeline_runs;
create policy insert_worker on leadgen.pipeline_runs for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.pipeline_runs;
create policy update_worker on leadgen.pipeline_runs for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.pipeline_runs;
create policy delete_worker on leadgen.pipeline_runs for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.pipeline_runs to :VIEWER, :AUTOMATION;
grant delete on table leadgen.pipeline_runs to :ADMIN;
grant insert (
  batch_id, owner_id, execution_id, total_companies, total_contacts, l1_total, l2_total, person_total, config
) on table leadgen.pipeline_runs to :AUTOMATION;
grant update (
  total_companies, total_contacts, l1_total, l1_done, l2_total, l2_done, person_total, person_done, cost_usd,
  error_message, config, version
) on table leadgen.pipeline_runs to :AUTOMATION;
grant select, insert, update, delete on table leadgen.pipeline_runs to :WORKER;

create or replace trigger _100_stamp_times before update on leadgen.pipeline_runs
  for each row when (old.* is distinct from new.*) execute function app_private.tg__stamp_times();
create or replace trigger _200_count_version before update on leadgen.pipeline_runs
  for each row when (old.* is distinct from new.*) execute function app_private.tg__count_version(
    'status', 'completed_at', 'config', 'total_companies', 'total_contacts', 'l1_total', 'l1_done', 'l2_total', 'l2_done', 'person_total', 'person_done', 'cost_usd', 'error_message'
  );
create or replace trigger _300_check_birth before insert on leadgen.pipeline_runs
  for each row execute function app_private.tg__check_transition('pipeline_run', 'status');
create or replace trigger _300_check_transition before update on leadgen.pipeline_runs
  for each row when (old.status is distinct from new.status) execute function app_private.tg__check_transition('pipeline_run', 'status');
create or replace trigger _700_audit_insert after insert on leadgen.pipeline_runs
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.pipeline_runs
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.pipeline_runs
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on type leadgen.pipeline_run_status is 'How a run of the pipeline stands.';
comment on table leadgen.pipeline_runs is '@class tenant
A run of the pipeline over a batch: how far it is and what it has cost.';
comment on column leadgen.pipeline_runs.id is 'The row''s id, time-ordered.';
comment on column leadgen.pipeline_runs.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.pipeline_runs.batch_id is 'The batch that it goes over.';
comment on column leadgen.pipeline_runs.owner_id is 'The owner whose contacts it goes over, where it is not everybody''s.';
comment on column leadgen.pipeline_runs.execution_id is 'Its id in the workflow engine, unique in the tenant.';
comment on column leadgen.pipeline_runs.status is '@isIndexed
How it stands; see allowedTransitions.';
comment on column leadgen.pipeline_runs.total_companies is 'How many companies it goes over.';
comment on column leadgen.pipeline_runs.total_contacts is 'How many contacts it goes over.';
comment on column leadgen.pipeline_runs.l1_total is 'How many companies the first stage has to research.';
comment on column leadgen.pipeline_runs.l1_done is 'How many of them it has.';
comment on column leadgen.pipeline_runs.l2_total is 'How many companies the second stage has to research.';
comment on column leadgen.pipeline_runs.l2_done is 'How many of them it has.';
comment on column leadgen.pipeline_runs.person_total is 'How many contacts are to be researched.';
comment on column leadgen.pipeline_runs.person_done is 'How many of them were.';
comment on column leadgen.pipeline_runs.cost_usd is 'What it has cost, in US dollars, with every decimal.';
comment on column leadgen.pipeline_runs.config is 'What it was asked for, an object.';
comment on column leadgen.pipeline_runs.error_message is 'What it failed with, in words.';
comment on column leadgen.pipeline_runs.started_at is 'When it began.';
comment on column leadgen.pipeline_runs.completed_at is 'When it ended.';
comment on column leadgen.pipeline_runs.version is 'Counts every change that people see; send the one that you read with an update, and a stale one is refused.';
comment on column leadgen.pipeline_runs.created_at is 'When the row was made.';
comment on column leadgen.pipeline_runs.updated_at is 'When the row was last changed.';
comment on constraint pipeline_runs_tenant_id_execution_id_key on leadgen.pipeline_runs is 'This execution has a run already.';
comment on constraint pipeline_runs_tenant_id_fkey on leadgen.pipeline_runs is 'There is no such tenant.';
comment on constraint pipeline_runs_batch_id_fkey on leadgen.pipeline_runs is 'There is no such batch.';
comment on constraint pipeline_runs_owner_id_fkey on leadgen.pipeline_runs is 'There is no such owner.';
comment on constraint pipeline_runs_counts_check on leadgen.pipeline_runs is 'The counts of a run are 0 or more.';
comment on constraint pipeline_runs_cost_usd_check on leadgen.pipeline_runs is 'A cost is 0 or more.';
comment on constraint pipeline_runs_config_check on leadgen.pipeline_runs is 'The config of a run is a JSON object.';
comment on constraint pipeline_runs_ends_after_start_check on leadgen.pipeline_runs is 'A run ends after it begins.';
comment on constraint pipeline_runs_ended_has_time_check on leadgen.pipeline_runs is 'A run that has ended says when; one that goes on does not.';
--! EndIncluded leadgen/pipeline_runs.sql
--! Included leadgen/history.sql
-- What the base had noted of its own changes before it came here: a record, never changed. What changes here is in audit.changes.
drop policy if exists all_tenant on leadgen.history;
create policy all_tenant on leadgen.history as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on leadgen.history;
create policy select_owner on leadgen.history for select to :OWNER
  using (true);
drop policy if exists insert_owner on leadgen.history;
create policy insert_owner on leadgen.history for insert to :OWNER
  with check (true);
drop policy if exists update_owner on leadgen.history;
create policy update_owner on leadgen.history for update to :OWNER
  using (true)
  with check (true);
drop policy if exists delete_owner on leadgen.history;
create policy delete_owner on leadgen.history for delete to :OWNER
  using (true);
drop policy if exists select_viewer on leadgen.history;
create policy select_viewer on leadgen.history for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_automation on leadgen.history;
create policy select_automation on leadgen.history for select to :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_worker on leadgen.history;
create policy select_worker on leadgen.history for select to :WORKER
  using (tenant_id = (select app.current_tenant_id()));
drop policy if exists insert_worker on leadgen.history;
create policy insert_worker on leadgen.history for insert to :WORKER
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists update_worker on leadgen.history;
create policy update_worker on leadgen.history for update to :WORKER
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists delete_worker on leadgen.history;
create policy delete_worker on leadgen.history for delete to :WORKER
  using (tenant_id = (select app.current_tenant_id()));

grant select on table leadgen.history to :VIEWER, :AUTOMATION;
grant select, insert, update, delete on table leadgen.history to :WORKER;

create or replace trigger _200_refuse_change before update on leadgen.history
  for each row execute function app_private.tg__refuse_change('it is what the base had noted');
create or replace trigger _700_audit_insert after insert on leadgen.history
  referencing new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_update after update on leadgen.history
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg__audit();
create or replace trigger _700_audit_delete after delete on leadgen.history
  referencing old table as old_rows for each statement execute function app_private.tg__audit();

comment on table leadgen.history is '@class tenant
A change that the base had noted of itself before it came here.';
comment on column leadgen.history.id is 'The row''s id, time-ordered.';
comment on column leadgen.history.tenant_id is 'The tenant that the row belongs to.';
comment on column leadgen.history.event is 'What happened.';
comment on column leadgen.history.table_name is 'The table of the base.';
comment on column leadgen.history.entity_id is 'The record of the base.';
comment on column leadgen.history.field_name is 'The field that changed.';
comment on column leadgen.history.old_value is 'What it said before.';
comment on column leadgen.history.new_value is 'What it said afterwards.';
comment on column leadgen.history.changed_by is 'Who changed it, as the base named them.';
comment on column leadgen.history.changed_at is 'When it changed.';
comment on column leadgen.history.created_at is 'When the row was made.';
comment on constraint history_tenant_id_fkey on leadgen.history is 'There is no such tenant.';
comment on constraint history_event_check on leadgen.history is 'A change says what happened.';
--! EndIncluded leadgen/history.sql
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
  ('pipeline_run_status', 'failed', 'Failed', 3)
on conflict (enum_type, value) do update
  set label = excluded.label, place = excluded.place
  where (labels.label, labels.place) is distinct from (excluded.label, excluded.place);
--! EndIncluded leadgen/labels.sql
--! Included leadgen/transitions.sql
-- Read these as diagrams. Workflows (automation) research and draft; people decide what they found. `enriched` and `needs_review` are from the
-- time before the triage.
select app_private.define_machine('leadgen_company', $$
  -> new: editor, admin, automation
  new -> triage_passed: automation
  new -> triage_review: automation
  new -> triage_disqualified: automation
  new -> enrichment_failed: automation
  new -> enriched: automation
  enrichment_failed -> triage_passed: automation
  enrichment_failed -> triage_review: automation
  enrichment_failed -> triage_disqualified: automation
  enrichment_failed -> new: editor, admin, automation
  enriched -> triage_passed: editor, admin, automation
  enriched -> triage_review: automation
  enriched -> triage_disqualified: editor, admin, automation
  enriched -> needs_review: automation
  needs_review -> triage_passed: editor, admin
  needs_review -> triage_disqualified: editor, admin
  triage_review -> triage_passed: editor, admin
  triage_review -> triage_disqualified: editor, admin
  triage_disqualified -> triage_review: editor, admin
  triage_passed -> enriched_l2: automation
  triage_passed -> enrichment_l2_failed: automation
  enrichment_l2_failed -> enriched_l2: automation
  enrichment_l2_failed -> triage_passed: editor, admin, automation
  enriched_l2 -> synced: automation
  enriched_l2 -> error_pushing_lemlist: automation
  error_pushing_lemlist -> synced: automation
  error_pushing_lemlist -> enriched_l2: editor, admin, automation
$$);

-- A contact follows the review of their messages: see tg_messages__move_contacts.
select app_private.define_machine('leadgen_contact', $$
  -> not_started: editor, admin, automation
  not_started -> generating: editor, admin, automation
  not_started -> no_channel: automation
  no_channel -> not_started: editor, admin, automation
  generating -> pending_review: automation
  generating -> generation_failed: automation
  generating -> no_channel: automation
  generating -> not_started: editor, admin, automation
  generation_failed -> generating: automation
  generation_failed -> not_started: editor, admin, automation
  pending_review -> approved: editor, admin
  pending_review -> sent: editor, admin, automation
  pending_review -> not_started: editor, admin
  approved -> pending_review: editor, admin
  approved -> sent: editor, admin, automation
  sent -> replied: editor, admin, automation
$$);

select app_private.define_machine('leadgen_message', $$
  -> draft: editor, admin, automation
  draft -> approved: editor, admin
  draft -> rejected: editor, admin
  approved -> draft: editor, admin
  rejected -> draft: editor, admin
  approved -> sent: editor, admin, automation
  sent -> delivered: editor, admin, automation
  sent -> replied: editor, admin, automation
  delivered -> replied: editor, admin, automation
$$);

select app_private.define_machine('pipeline_run', $$
  -> running: automation
  running -> completed: automation
  running -> failed: admin, automation
$$);
--! EndIncluded leadgen/transitions.sql
--! Included leadgen/allowed_transitions.sql
-- What whoever asks may do next, as fields of the row.
create or replace function leadgen.companies_allowed_transitions(company leadgen.companies) returns leadgen.company_status[]
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select app.allowed_transitions('leadgen_company', company.status::text)::leadgen.company_status[] $$;
comment on function leadgen.companies_allowed_transitions(leadgen.companies) is
  'The statuses that you may move this company to, each by its named mutation.';
grant execute on function leadgen.companies_allowed_transitions(leadgen.companies) to :VIEWER, :AUTOMATION;

create or replace function leadgen.contacts_allowed_transitions(contact leadgen.contacts) returns leadgen.contact_message_status[]
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select app.allowed_transitions('leadgen_contact', contact.message_status::text)::leadgen.contact_message_status[] $$;
comment on function leadgen.contacts_allowed_transitions(leadgen.contacts) is
  'The statuses that you may move the messages of this contact to.';
grant execute on function leadgen.contacts_allowed_transitions(leadgen.contacts) to :VIEWER, :AUTOMATION;

create or replace function leadgen.messages_allowed_transitions(message leadgen.messages) returns leadgen.message_status[]
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select app.allowed_transitions('leadgen_message', message.status::text)::leadgen.message_status[] $$;
comment on function leadgen.messages_allowed_transitions(leadgen.messages) is
  'The statuses that you may move this message to, each by its named mutation.';
grant execute on function leadgen.messages_allowed_transitions(leadgen.messages) to :VIEWER, :AUTOMATION;

create or replace function leadgen.pipeline_runs_allowed_transitions(run leadgen.pipeline_runs) returns leadgen.pipeline_run_status[]
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select app.allowed_transitions('pipeline_run', run.status::text)::leadgen.pipeline_run_status[] $$;
comment on function leadgen.pipeline_runs_allowed_transitions(leadgen.pipeline_runs) is 'The statuses that you may move this run to.';
grant execute on function leadgen.pipeline_runs_allowed_transitions(leadgen.pipeline_runs) to :VIEWER, :AUTOMATION;
--! EndIncluded leadgen/allowed_transitions.sql
