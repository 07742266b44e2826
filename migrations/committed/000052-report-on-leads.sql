--! Previous: sha1:61c284a0baa235f703b9347c31b31f33f3838561
--! Hash: sha1:3e9ac545aeac2be8bcdee0c5d38f7f7a3fb769ff
--! Message: report on leads

-- What came of the leads, for psql: funnels, costs, replies, who waits, who may be here twice.
set local lock_timeout = '3s';

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

create or replace function app.normalized_name(name text) returns text
  language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  return lower(regexp_replace(btrim(name), '\s+', ' ', 'g'));
comment on function app.normalized_name(text) is 'A name in lower case with single blanks: what two companies, or two people of one, are compared by.';
-- Whoever reads candidates for a merge compares by it.
grant execute on function app.normalized_name(text) to :VIEWER, :AUTOMATION;

-- Whoever writes a row writes its stored columns too.
grant execute on function app.normalized_domain(text), app.normalized_email(text), app.normalized_linkedin_url(text)
  to :EDITOR, :WORKER, :AUTOMATION;
--! EndIncluded leadgen/normalized.sql
--! Included leadgen/duplicate_candidates.sql
-- Rows that look like one: by the keys that two spellings share. Each is a candidate with the oldest of its group that nobody has said to be
-- another.
create or replace view leadgen.duplicate_candidates with (security_invoker) as
  with keys as (
    select c.tenant_id, c.id as company_id, null::uuid as contact_id, c.id, c.created_at, k.reason, k.value
    from leadgen.companies c
    cross join lateral (values
      ('domain'::leadgen.duplicate_reason, c.domain_normalized),
      ('name', app.normalized_name(c.name))
    ) k (reason, value)
    where c.merged_into_id is null and k.value is not null
    union all
    select c.tenant_id, null, c.id, c.id, c.created_at, k.reason, k.value
    from leadgen.contacts c
    cross join lateral (values
      ('linkedin_url'::leadgen.duplicate_reason, c.linkedin_url_normalized),
      ('email', c.email_normalized),
      ('name_and_company', app.normalized_name(c.full_name) || ' ' || c.company_id::text)
    ) k (reason, value)
    where c.merged_into_id is null and k.value is not null
  ),
  apart as (
    select d.tenant_id, p.id, p.other_id
    from leadgen.duplicate_decisions d
    cross join lateral (values
      (coalesce(d.company_id, d.contact_id), coalesce(d.other_company_id, d.other_contact_id)),
      (coalesce(d.other_company_id, d.other_contact_id), coalesce(d.company_id, d.contact_id))
    ) p (id, other_id)
    where d.verdict = 'distinct' and d.undone_at is null
  ),
  grouped as (
    select k.*, first_value(k.id) over (partition by k.tenant_id, k.reason, k.value order by k.created_at, k.id) as oldest_id
    from keys k
  ),
  pairs as (
    select g.tenant_id, g.company_id is not null as is_company, g.oldest_id as id, g.id as other_id, g.reason, g.value
    from grouped g
    where g.id <> g.oldest_id
      and not exists (select from apart a where a.tenant_id = g.tenant_id and a.id = g.oldest_id and a.other_id = g.id)
    union all
    -- Not the same as the oldest, and the same as another perhaps.
    (
      select distinct on (g.tenant_id, g.reason, g.id) g.tenant_id, g.company_id is not null, k.id, g.id, g.reason, g.value
      from grouped g
      join apart a on a.tenant_id = g.tenant_id and a.id = g.oldest_id and a.other_id = g.id
      join keys k on k.tenant_id = g.tenant_id and k.reason = g.reason and k.value = g.value and (k.created_at, k.id) < (g.created_at, g.id)
      where not exists (select from apart b where b.tenant_id = g.tenant_id and b.id = k.id and b.other_id = g.id)
      order by g.tenant_id, g.reason, g.id, k.created_at, k.id
    )
    union all
    -- An import may link a contact to a company that was merged away.
    select distinct d.tenant_id, true, d.company_id, d.other_company_id, 'linked_since_merge'::leadgen.duplicate_reason, d.other_name
    from leadgen.duplicate_decisions d
    join leadgen.contacts c on c.tenant_id = d.tenant_id and c.company_id = d.other_company_id and c.merged_into_id is null
    where d.verdict = 'merged' and d.undone_at is null
  )
  select
    p.tenant_id,
    case when p.is_company then p.id end as company_id, case when p.is_company then p.other_id end as other_company_id,
    case when not p.is_company then p.id end as contact_id, case when not p.is_company then p.other_id end as other_contact_id,
    p.reason, case p.reason when 'name_and_company' then null else p.value end as value
  from pairs p;
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
--! Included reporting/leadgen.sql
-- How leads fare: what came out of each batch and what it has cost, which texts are answered, who waits, and who may be here twice.
create or replace view reporting.batch_funnels with (security_invoker) as
  select
    b.name as batch,
    count(*) filter (where r.is_company)::integer as companies,
    count(*) filter (where r.is_company and r.company_status not in ('new', 'enrichment_failed'))::integer as companies_l1,
    count(*) filter (where r.company_status in ('triage_review', 'needs_review'))::integer as companies_in_review,
    count(*) filter (where r.company_status = 'triage_disqualified')::integer as companies_disqualified,
    count(*) filter (
      where r.company_status in ('triage_passed', 'enrichment_l2_failed', 'enriched_l2', 'error_pushing_lemlist', 'synced')
    )::integer as companies_passed,
    count(*) filter (where r.company_status in ('enriched_l2', 'error_pushing_lemlist', 'synced'))::integer as companies_l2,
    count(*) filter (where r.company_status = 'synced')::integer as companies_synced,
    count(*) filter (
      where r.company_status in ('enrichment_failed', 'enrichment_l2_failed', 'error_pushing_lemlist')
    )::integer as companies_failed,
    count(*) filter (where r.is_contact)::integer as contacts,
    count(*) filter (where r.is_enriched)::integer as contacts_researched,
    count(*) filter (where r.message_status in ('pending_review', 'approved', 'sent', 'replied'))::integer as contacts_drafted,
    count(*) filter (where r.message_status in ('approved', 'sent', 'replied'))::integer as contacts_approved,
    count(*) filter (where r.message_status in ('sent', 'replied'))::integer as contacts_sent,
    count(*) filter (where r.message_status = 'replied')::integer as contacts_replied,
    count(*) filter (where r.message_status = 'no_channel')::integer as contacts_without_channel,
    count(*) filter (where r.message_status = 'generation_failed')::integer as contacts_failed,
    r.batch_id
  from (
    -- A batch without anything in it has a line, too.
    select
      n.tenant_id, n.id as batch_id, false as is_company, null::leadgen.company_status as company_status, false as is_contact,
      false as is_enriched, null::leadgen.contact_message_status as message_status
    from leadgen.batches n
    union all
    select c.tenant_id, c.batch_id, true, c.status, false, false, null
    from leadgen.companies c
    where c.merged_into_id is null
    union all
    select c.tenant_id, i.batch_id, false, null, true, c.is_enriched, c.message_status
    from leadgen.contacts c
    left join leadgen.contact_batches i on i.tenant_id = c.tenant_id and i.contact_id = c.id
    where c.merged_into_id is null
  ) r
  left join leadgen.batches b on b.tenant_id = r.tenant_id and b.id = r.batch_id
  group by r.tenant_id, r.batch_id, b.name
  order by b.name, r.batch_id;
comment on view reporting.batch_funnels is
  'How far the companies and contacts of each batch are: each number counts those who stand at the step or beyond it; the last line, without a name, is those of no batch.';
comment on column reporting.batch_funnels.batch is 'What the batch is called; null for what is in none.';
comment on column reporting.batch_funnels.companies is 'Companies that came with the batch, but for those that were merged into another.';
comment on column reporting.batch_funnels.companies_l1 is 'Of these, those with the first stage of research behind them: neither new nor failed in it.';
comment on column reporting.batch_funnels.companies_in_review is 'Of these, those that wait for a person''s decision: triage_review, and needs_review of old.';
comment on column reporting.batch_funnels.companies_disqualified is 'Of these, those that the triage or a person took out: not B2B, or too small.';
comment on column reporting.batch_funnels.companies_passed is 'Companies that passed the triage, whatever has become of them since.';
comment on column reporting.batch_funnels.companies_l2 is 'Companies with the second stage of research behind them.';
comment on column reporting.batch_funnels.companies_synced is 'Companies that Lemlist has.';
comment on column reporting.batch_funnels.companies_failed is 'Companies at which a stage, or handing over, has failed and nobody has tried again.';
comment on column reporting.batch_funnels.contacts is
  'Contacts that are in the batch; one who is in two batches counts in each. Their companies may have come with another batch.';
comment on column reporting.batch_funnels.contacts_researched is 'Of these, those with the research of persons behind them.';
comment on column reporting.batch_funnels.contacts_drafted is 'Contacts to whom messages were written: they wait for review, or are further.';
comment on column reporting.batch_funnels.contacts_approved is 'Contacts whose messages were approved, or who were sent one without.';
comment on column reporting.batch_funnels.contacts_sent is 'Contacts to whom a message went out.';
comment on column reporting.batch_funnels.contacts_replied is 'Contacts who have answered.';
comment on column reporting.batch_funnels.contacts_without_channel is 'Contacts without an address to write to.';
comment on column reporting.batch_funnels.contacts_failed is 'Contacts to whom writing has failed and nobody has tried again.';
comment on column reporting.batch_funnels.batch_id is 'The batch, to look further by; null for what is in none.';

create or replace view reporting.qualified_lead_costs with (security_invoker) as
  select
    b.name as batch,
    count(*) filter (where r.is_contact)::integer as contacts,
    count(*) filter (where r.is_qualified)::integer as qualified_leads,
    coalesce(sum(r.company_cost_usd), 0) as company_cost_usd,
    coalesce(sum(r.contact_cost_usd), 0) as contact_cost_usd,
    coalesce(sum(r.message_cost_usd), 0) as message_cost_usd,
    coalesce(sum(r.company_cost_usd), 0) + coalesce(sum(r.contact_cost_usd), 0) + coalesce(sum(r.message_cost_usd), 0) as cost_usd,
    round(
      (coalesce(sum(r.company_cost_usd), 0) + coalesce(sum(r.contact_cost_usd), 0) + coalesce(sum(r.message_cost_usd), 0))
        / nullif(count(*) filter (where r.is_qualified), 0),
      6
    ) as cost_per_qualified_lead_usd,
    r.batch_id
  from (
    select
      n.tenant_id, n.id as batch_id, false as is_contact, false as is_qualified,
      null::numeric as company_cost_usd, null::numeric as contact_cost_usd, null::numeric as message_cost_usd
    from leadgen.batches n
    union all
    select c.tenant_id, c.batch_id, false, false, c.enrichment_cost_usd, null, null
    from leadgen.companies c
    where c.merged_into_id is null
    union all
    select
      c.tenant_id, i.batch_id, true,
      c.is_enriched and c.message_status <> 'no_channel' and coalesce(company.status in ('enriched_l2', 'error_pushing_lemlist', 'synced'), false),
      null, c.enrichment_cost_usd, written.cost_usd
    from leadgen.contacts c
    left join leadgen.contact_batches i on i.tenant_id = c.tenant_id and i.contact_id = c.id
    left join leadgen.companies company on company.tenant_id = c.tenant_id and company.id = c.company_id
    left join (
      select m.tenant_id, m.contact_id, sum(m.generation_cost_usd) as cost_usd from leadgen.messages m group by m.tenant_id, m.contact_id
    ) written on written.tenant_id = c.tenant_id and written.contact_id = c.id
    where c.merged_into_id is null
  ) r
  left join leadgen.batches b on b.tenant_id = r.tenant_id and b.id = r.batch_id
  group by r.tenant_id, r.batch_id, b.name
  order by b.name, r.batch_id;
comment on view reporting.qualified_lead_costs is
  'What a qualified lead of each batch has cost: all that was spent on the batch, on those who came to nothing too, by those who may be written to.';
comment on column reporting.qualified_lead_costs.batch is 'What the batch is called; null for what is in none.';
comment on column reporting.qualified_lead_costs.contacts is 'Contacts that are in the batch; one who is in two batches counts in each, with their costs.';
comment on column reporting.qualified_lead_costs.qualified_leads is
  'Contacts whom the pipeline writes to: researched, with a channel, at a company that passed the triage and the second stage of research (enriched_l2 or beyond).';
comment on column reporting.qualified_lead_costs.company_cost_usd is
  'What research about the companies that came with the batch has cost (enrichment_cost_usd, in which both stages are), disqualified and failed ones included.';
comment on column reporting.qualified_lead_costs.contact_cost_usd is 'What research about the contacts has cost (enrichment_cost_usd).';
comment on column reporting.qualified_lead_costs.message_cost_usd is 'What writing to the contacts has cost (generation_cost_usd of their messages).';
comment on column reporting.qualified_lead_costs.cost_usd is
  'The three together. What research assets and activities name as their own cost is not in it: research assets are texts of the same research.';
comment on column reporting.qualified_lead_costs.cost_per_qualified_lead_usd is 'cost_usd by qualified_leads, to six decimals; null where nobody is qualified.';
comment on column reporting.qualified_lead_costs.batch_id is 'The batch, to look further by; null for what is in none.';

create or replace view reporting.reply_rates with (security_invoker) as
  select
    case grouping(m.variant, m.tone, m.language)
      when 0 then 'variant, tone and language' when 3 then 'variant' when 5 then 'tone' when 6 then 'language' else 'all'
    end as compared_by,
    m.variant, m.tone, m.language,
    count(*)::integer as messages,
    count(*) filter (where m.status in ('sent', 'delivered', 'replied'))::integer as sent,
    count(*) filter (where m.status = 'replied')::integer as replied,
    round(
      count(*) filter (where m.status = 'replied')::numeric / nullif(count(*) filter (where m.status in ('sent', 'delivered', 'replied')), 0), 4
    ) as reply_rate
  from leadgen.messages m
  group by m.tenant_id, grouping sets ((m.variant, m.tone, m.language), (m.variant), (m.tone), (m.language), ())
  order by grouping(m.variant, m.tone, m.language) desc, reply_rate desc nulls last, m.variant, m.tone, m.language;
comment on view reporting.reply_rates is
  'How many of the messages that were sent were answered: all together, by variant, by tone, by language, and by the three at once; compared_by says which.';
comment on column reporting.reply_rates.compared_by is
  'What the line compares: all, variant, tone, language, or "variant, tone and language". Add up lines of one kind only.';
comment on column reporting.reply_rates.variant is 'The variant; null where the line compares something else.';
comment on column reporting.reply_rates.tone is 'The tone; null where the line compares something else, and for messages that have none.';
comment on column reporting.reply_rates.language is 'The language; null where the line compares something else.';
comment on column reporting.reply_rates.messages is 'Messages, whatever has become of them.';
comment on column reporting.reply_rates.sent is 'Messages that went out: sent, delivered or answered.';
comment on column reporting.reply_rates.replied is 'Messages that were answered.';
comment on column reporting.reply_rates.reply_rate is 'replied by sent, 0 to 1, to four decimals; null where none was sent.';

create or replace view reporting.stale_contacts with (security_invoker) as
  select
    c.full_name as contact, company.name as company, o.name as owner, c.message_status,
    case c.message_status when 'pending_review' then 'a review' when 'approved' then 'sending' when 'sent' then 'an answer' else 'us' end as waits_for,
    last.event_at as last_event_at, extract(day from now() - last.event_at)::integer as days, c.relationship_status, c.id as contact_id
  from leadgen.contacts c
  left join leadgen.companies company on company.tenant_id = c.tenant_id and company.id = c.company_id
  left join leadgen.owners o on o.tenant_id = c.tenant_id and o.id = c.owner_id
  left join (
    select m.tenant_id, m.contact_id, max(greatest(m.created_at, m.approved_at, m.sent_at, m.delivered_at, m.replied_at)) as at
    from leadgen.messages m
    group by m.tenant_id, m.contact_id
  ) written on written.tenant_id = c.tenant_id and written.contact_id = c.id
  left join (
    select a.tenant_id, a.contact_id, max(a.occurred_at) as at from leadgen.activities a group by a.tenant_id, a.contact_id
  ) seen on seen.tenant_id = c.tenant_id and seen.contact_id = c.id
  left join (
    select p.tenant_id, p.contact_id, max(e.event_at) as at
    from leadgen.crm_event_participants p
    join leadgen.crm_events e on e.tenant_id = p.tenant_id and e.id = p.crm_event_id
    group by p.tenant_id, p.contact_id
  ) met on met.tenant_id = c.tenant_id and met.contact_id = c.id
  left join (
    select p.tenant_id, p.contact_id, max(coalesce(t.completed_date, t.scheduled_date))::timestamptz as at
    from leadgen.task_contacts p
    join leadgen.tasks t on t.tenant_id = p.tenant_id and t.id = p.task_id
    group by p.tenant_id, p.contact_id
  ) planned on planned.tenant_id = c.tenant_id and planned.contact_id = c.id
  cross join lateral (select coalesce(greatest(written.at, seen.at, met.at, planned.at), c.created_at) as event_at) last
  where c.merged_into_id is null and c.message_status in ('pending_review', 'approved', 'sent', 'replied')
    and last.event_at < now() - interval '14 days'
  order by last.event_at, c.id;
comment on view reporting.stale_contacts is
  'Contacts with whom something was begun and nothing has happened for 14 days: no message written, decided, sent or answered, no activity, no event, no task; the longest wait first.';
comment on column reporting.stale_contacts.contact is 'Whom it is about.';
comment on column reporting.stale_contacts.company is 'Where they work.';
comment on column reporting.stale_contacts.owner is 'Who writes to them; null for nobody.';
comment on column reporting.stale_contacts.message_status is 'Where writing to them stands.';
comment on column reporting.stale_contacts.waits_for is 'What comes next: a review of what was drafted, sending what was approved, an answer of theirs, or us, where they have answered.';
comment on column reporting.stale_contacts.last_event_at is
  'When something last happened; an event or a task that is planned counts on its day, so that a contact with a date ahead is not stale. Without anything, when the contact was made.';
comment on column reporting.stale_contacts.days is 'Whole days since.';
comment on column reporting.stale_contacts.relationship_status is 'How we stand with them: with somebody who is dormant or former, the silence may be meant.';
comment on column reporting.stale_contacts.contact_id is 'The contact, to look further by.';

create or replace view reporting.duplicates with (security_invoker) as
  select
    case when d.company_id is null then 'contact' else 'company' end as kind,
    coalesce(company.name, contact.full_name) as name,
    coalesce(other_company.name, other_contact.full_name, max(d.value) filter (where d.reason = 'linked_since_merge')) as other_name,
    array_agg(d.reason order by d.reason) as reasons, array_agg(d.value order by d.reason) filter (where d.value is not null) as shared_values,
    coalesce(d.company_id, d.contact_id) as row_id, coalesce(d.other_company_id, d.other_contact_id) as other_row_id
  from leadgen.duplicate_candidates d
  left join leadgen.companies company on company.tenant_id = d.tenant_id and company.id = d.company_id
  left join leadgen.companies other_company on other_company.tenant_id = d.tenant_id and other_company.id = d.other_company_id
  left join leadgen.contacts contact on contact.tenant_id = d.tenant_id and contact.id = d.contact_id
  left join leadgen.contacts other_contact on other_contact.tenant_id = d.tenant_id and other_contact.id = d.other_contact_id
  group by d.tenant_id, d.company_id, d.other_company_id, d.contact_id, d.other_contact_id,
    company.name, contact.full_name, other_company.name, other_contact.full_name
  order by kind, name, row_id, other_name, other_row_id;
comment on view reporting.duplicates is
  'Pairs of companies and of contacts that look like one and that nobody has decided on, a line each, with all that they share. Decide by mergeLeadgenCompanies, keepLeadgenCompaniesApart and their like for contacts.';
comment on column reporting.duplicates.kind is 'company or contact.';
comment on column reporting.duplicates.name is 'What the older one is called.';
comment on column reporting.duplicates.other_name is 'What the other one is called.';
comment on column reporting.duplicates.reasons is 'Why they look like one, all that applies.';
comment on column reporting.duplicates.shared_values is 'The domain, name, profile or address that they share, in the order of the reasons; a name at one company is not among them.';
comment on column reporting.duplicates.row_id is 'The older one.';
comment on column reporting.duplicates.other_row_id is 'The other one.';

grant select on table
  reporting.batch_funnels, reporting.qualified_lead_costs, reporting.reply_rates, reporting.stale_contacts, reporting.duplicates
to :VIEWER;
--! EndIncluded reporting/leadgen.sql
