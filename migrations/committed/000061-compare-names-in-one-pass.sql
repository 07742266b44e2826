--! Previous: sha1:6742ecb15956d5ca8818573d8b31d6cf61cf2de9
--! Hash: sha1:90d04ff118219fcdfa7e59872b84cc67eb5ef09f
--! Message: compare names in one pass

-- Candidates for a merge are read in one pass over companies and contacts.
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

-- Without a path of its own, which it needs not, since its body is read when it is made: so it becomes part of a query that compares many.
create or replace function app.normalized_name(name text) returns text
  language sql immutable parallel safe
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
  with apart as (
    select d.tenant_id, p.id, p.other_id
    from leadgen.duplicate_decisions d
    cross join lateral (values
      (coalesce(d.company_id, d.contact_id), coalesce(d.other_company_id, d.other_contact_id)),
      (coalesce(d.other_company_id, d.other_contact_id), coalesce(d.company_id, d.contact_id))
    ) p (id, other_id)
    where d.verdict = 'distinct' and d.undone_at is null
  ),
  groups as (
    select c.tenant_id, true as is_company, k.reason, k.value, array_agg(c.id order by c.created_at, c.id) as ids
    from leadgen.companies c
    cross join lateral (values
      ('domain'::leadgen.duplicate_reason, c.domain_normalized),
      ('name', app.normalized_name(c.name))
    ) k (reason, value)
    where c.merged_into_id is null and k.value is not null
    group by c.tenant_id, k.reason, k.value
    having count(*) > 1
    union all
    select c.tenant_id, false, k.reason, k.value, array_agg(c.id order by c.created_at, c.id)
    from leadgen.contacts c
    cross join lateral (values
      ('linkedin_url'::leadgen.duplicate_reason, c.linkedin_url_normalized),
      ('email', c.email_normalized),
      ('name_and_company', app.normalized_name(c.full_name) || ' ' || c.company_id::text)
    ) k (reason, value)
    where c.merged_into_id is null and k.value is not null
    group by c.tenant_id, k.reason, k.value
    having count(*) > 1
  ),
  pairs as (
    select g.tenant_id, g.is_company, older.id, other.id as other_id, g.reason, g.value
    from groups g
    cross join lateral unnest(g.ids) with ordinality other (id, place)
    cross join lateral (
      select o.id
      from unnest(g.ids[:other.place - 1]) with ordinality o (id, place)
      where not exists (select from apart a where a.tenant_id = g.tenant_id and a.id = o.id and a.other_id = other.id)
      order by o.place
      limit 1
    ) older
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
