/** Tenants with companies, contacts and messages, skewed as real ones are: one large tenant, a few large batches, common and rare values. */
import pg from "pg";

export interface LeadSizes {
  companies: number;
  /** Shares of the tenants, the largest first. */
  tenants: number[];
  batches: number;
}

/** What the documentation speaks of: 100,000 companies, 200,000 contacts and 400,000 messages over five tenants. */
export const largeSizes: LeadSizes = { companies: 100_000, tenants: [0.5, 0.25, 0.15, 0.07, 0.03], batches: 120 };

/**
 * Fills an empty, migrated database: two contacts a company, two messages a contact, with an editor `editor@<slug>.test` in each tenant
 * `bench-1` (the largest) to `bench-<n>`. The same whenever it is made, but for the ids.
 *
 * @param adminUrl connection string of a superuser: triggers are passed over, and what they keep is made at the end
 */
export async function makeLeads(adminUrl: string, sizes: LeadSizes): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query("begin");
    await client.query("set local session_replication_role = replica");
    await client.query("select setseed(0.42)");
    await client.query(
      `create temporary table shares on commit drop as
       select place::integer, share, app.uuidv7() as tenant_id from unnest($1::numeric[]) with ordinality t (share, place)`,
      [sizes.tenants],
    );
    const { rows: indexes } = await client.query<{ name: string; definition: string }>(
      `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
       from pg_index i
       where i.indrelid = any ($1::regclass[]) and not i.indisunique`,
      [tables],
    );
    for (const { name } of indexes) await client.query(`drop index ${name}`);
    for (const statement of statements(sizes)) await client.query(statement);
    for (const { definition } of indexes) await client.query(definition);
    await client.query("commit");
    await client.query("vacuum analyze");
  } finally {
    await client.end();
  }
}

/** Their indexes are made when they are full, which takes a fraction of the time. */
const tables = [
  "leadgen.companies",
  "leadgen.company_tags",
  "leadgen.contacts",
  "leadgen.contact_batches",
  "leadgen.messages",
  "app_private.leadgen_message_ranks",
  "app_private.leadgen_counts",
  "app_private.leadgen_batch_contacts",
];

/** A value out of a list; the smaller the exponent's share, the rarer the last ones. */
const oneOf = (values: string, skew: number, seed = "random()") =>
  `(${values})[1 + floor(power(${seed}, ${skew}) * cardinality(${values}))::integer]`;

const companyStatuses = `array['enriched_l2', 'triage_passed', 'new', 'triage_disqualified', 'synced', 'triage_review', 'enrichment_failed',
  'enrichment_l2_failed', 'enriched', 'error_pushing_lemlist', 'needs_review']::leadgen.company_status[]`;
const tiers = `array['tier_4_bronze', 'tier_3_silver', 'tier_5_copper', 'deprioritize', 'tier_2_gold', null, 'tier_1_platinum']::leadgen.company_tier[]`;
const countries = `array['Germany', 'Netherlands', 'Sweden', 'Denmark', 'Norway', 'Austria', 'Czechia', 'Poland', 'Finland', 'Belgium', 'Switzerland', 'Iceland', 'Malta']`;
const messageStatuses = `array['draft', 'sent', 'delivered', 'approved', 'rejected', 'replied']::leadgen.message_status[]`;
const contactStatuses = `array['not_started', 'pending_review', 'sent', 'approved', 'no_channel', 'replied', 'generation_failed', 'generating']::leadgen.contact_message_status[]`;
const words = `array['Nord', 'Kran', 'Papier', 'Data', 'Fjord', 'Werk', 'Licht', 'Haven', 'Metall', 'Solar', 'Logistik', 'Medizin', 'Agrar', 'Textil', 'Glas',
  'Optik', 'Kabel', 'Pumpen', 'Ventil', 'Robot', 'Holz', 'Stahl', 'Wind', 'Wasser', 'Foto', 'Laser', 'Chemie', 'Farben', 'Möbel', 'Druck', 'Verpack', 'Motor',
  'Getriebe', 'Sensor', 'Mess', 'Regel', 'Klima', 'Heiz', 'Bau', 'Beton', 'Ziegel', 'Dach', 'Fenster', 'Küchen', 'Back', 'Brau', 'Fleisch', 'Fisch']`;
const forms = `array['GmbH', 'AG', 'BV', 'AB', 'AS', 'ApS', 's.r.o.', 'Oy']`;
const people = `array['Jane', 'Jan', 'Astrid', 'Björn', 'Mila', 'Daan', 'Petra', 'Ola', 'Eva', 'Lukas', 'Anna', 'Nils', 'Karin', 'Pavel', 'Sven', 'Maria', 'Piet',
  'Ingrid', 'Tomas', 'Julia', 'Erik', 'Hanna', 'Marek', 'Lotte', 'Peter', 'Sofie', 'Henrik', 'Clara', 'Joris', 'Helga', 'Ivan', 'Greta', 'Otto', 'Silke']`;
const jobs = `array['Head of Operations', 'CTO', 'CEO', 'Engineer', 'Sales Manager', 'Plant Manager', 'Buyer', 'Data Officer']`;

function statements({ companies, batches }: LeadSizes): string[] {
  return [
    `insert into tenancy.tenants (id, slug, name) select tenant_id, 'bench-' || place, 'Bench ' || place from shares`,
    `with people as (
       insert into tenancy.users (email, name) select 'editor@bench-' || place || '.test', 'Editor' from shares returning id, email
     ), members as (
       insert into tenancy.memberships (tenant_id, user_id, role)
       select s.tenant_id, p.id, 'editor' from people p join shares s on p.email = 'editor@bench-' || s.place || '.test' returning tenant_id, user_id
     )
     insert into tenancy.sessions (tenant_id, user_id, expires_at) select tenant_id, user_id, now() + interval '1 day' from members`,
    `insert into leadgen.owners (tenant_id, name) select s.tenant_id, 'Owner ' || n from shares s, generate_series(1, 6) n`,
    `insert into leadgen.batches (tenant_id, name)
     select s.tenant_id, 'batch-' || n from shares s, generate_series(1, greatest(3, round(${batches} * s.share)::integer)) n`,
    `create temporary table lists on commit drop as
     select s.*, row_number() over (order by s.place) as number,
       array(select o.id from leadgen.owners o where o.tenant_id = s.tenant_id order by o.name) as owners,
       array(select b.id from leadgen.batches b where b.tenant_id = s.tenant_id order by b.id) as batches
     from shares s`,
    `insert into leadgen.companies (
       tenant_id, batch_id, owner_id, name, domain, status, tier, hq_country, triage_score, enrichment_cost_usd, summary, triage_notes, updated_at
     )
     select l.tenant_id, ${oneOf("l.batches", 1.5)}, case when random() < 0.9 then ${oneOf("l.owners", 1.4)} end, name, domain, status, ${oneOf(tiers, 1.6)},
       ${oneOf(countries, 2)}, case when status <> 'new' then round((random() * 10)::numeric, 1) end, round((random() * 0.2)::numeric, 5),
       repeat('What they do. ', 20), repeat('Why they were passed. ', 5), now() - random() * interval '200 days'
     from lists l
     cross join lateral generate_series(1, (${companies} * l.share)::integer) n
     cross join lateral (
       select ${oneOf(companyStatuses, 1.8)} as status, ${oneOf(words, 1)} || ${oneOf(words, 1)} || n || ' ' || ${oneOf(forms, 1.5)} as name,
         'company-' || n || '.example' as domain
       where n > 0
     ) made`,
    `create temporary table companies_made on commit drop as
     select c.id, c.tenant_id, c.batch_id, c.owner_id, c.name, row_number() over () as number from leadgen.companies c`,
    `insert into leadgen.company_tags (tenant_id, company_id, category, value)
     select c.tenant_id, c.id, (enum_range(null::leadgen.tag_category))[n], 'Tag ' || (n * 100 + floor(power(random(), 2.5) * 40))
     from companies_made c, generate_series(1, 3) n where random() < 0.8
     on conflict do nothing`,
    `insert into leadgen.contacts (
       tenant_id, company_id, owner_id, full_name, email, job_title, location_country, message_status, contact_score, is_enriched, enrichment_cost_usd,
       error_message, notes, updated_at
     )
     select c.tenant_id, c.id, c.owner_id, ${oneOf(people, 1.2)} || ' ' || initcap(substr(md5(random()::text), 1, 8)), 'person-' || c.number || '-' || n || '@mail.example',
       ${oneOf(jobs, 1)}, ${oneOf(countries, 2)}, case when score is null then 'not_started' else ${oneOf(contactStatuses, 1.6)} end, score,
       score is not null, round((random() * 0.1)::numeric, 5), case when score is null and random() < 0.1 then 'Nothing found.' end,
       repeat('What is known. ', 10), now() - random() * interval '200 days'
     from companies_made c
     cross join generate_series(1, 2) n
     cross join lateral (select case when random() < 0.7 and n > 0 and c.number > 0 then round((random() * 100)::numeric) end as score) made`,
    `create temporary table contacts_made on commit drop as
     select c.id, c.tenant_id, c.owner_id, m.batch_id, c.contact_score from leadgen.contacts c join companies_made m on m.tenant_id = c.tenant_id and m.id = c.company_id`,
    `insert into leadgen.contact_batches (tenant_id, contact_id, batch_id) select tenant_id, id, batch_id from contacts_made where batch_id is not null`,
    `insert into leadgen.messages (tenant_id, contact_id, owner_id, batch_id, channel, sequence_step, variant, subject, body, status, generation_cost_usd, updated_at)
     select c.tenant_id, c.id, c.owner_id, c.batch_id, ${oneOf("enum_range(null::leadgen.message_channel)", 1.3)}, 1 + n / 3, (array['a', 'b']::leadgen.message_variant[])[n],
       'Hello', repeat('Good day, and some more words. ', 15),
       -- The best were written to first: what waits for review is mostly behind them.
       case when c.contact_score > 70 and random() < 0.8 then 'sent' else ${oneOf(messageStatuses, 1.4)} end,
       round((random() * 0.01)::numeric, 6), now() - random() * interval '200 days'
     from contacts_made c, generate_series(1, 2) n`,
    `insert into app_private.leadgen_message_ranks (id, tenant_id, contact_id, owner_id, status, channel, score_rank, sequence_step, variant)
     select m.id, m.tenant_id, m.contact_id, m.owner_id, m.status, m.channel, app.score_rank(c.contact_score), m.sequence_step, m.variant
     from leadgen.messages m join leadgen.contacts c on c.tenant_id = m.tenant_id and c.id = m.contact_id`,
    `insert into app_private.leadgen_counts (tenant_id, subject, grain, batch_id, owner_id, status, tier, row_count, cost_usd, is_compact)
     select a.tenant_id, a.subject, a.grain, a.batch_id, a.owner_id, a.status, a.tier, a.row_count, a.cost_usd, true from app_private.actual_leadgen_counts() a`,
    `insert into app_private.leadgen_batch_contacts select a.* from app_private.actual_leadgen_batch_contacts() a`,
  ];
}
