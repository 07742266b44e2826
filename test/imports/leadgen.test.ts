import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { compareSchema } from "../../src/imports/compare_schema.ts";
import { findMapping } from "../../src/imports/mappings/find_mapping.ts";
import * as options from "../../src/imports/mappings/leadgen/options.ts";
import { type Collection, mappedFields } from "../../src/imports/mappings/mapping.ts";
import { openLedger } from "../../src/imports/pipeline/collections.ts";
import { verify } from "../../src/imports/pipeline/verify.ts";
import { beginReplay, fixIssue, listIssues } from "../../src/imports/quarantine.ts";
import type { BatchReport } from "../../src/imports/report.ts";
import { followBatch, importSample, planImport, runImport, sampleFolderOf } from "../../src/imports/run_import.ts";
import { openSource } from "../../src/imports/sources/open_source.ts";
import { beginRollback, readRollback } from "../../src/imports/steer_batch.ts";
import { addPerson, openLogins } from "../support/people.ts";
import { copySample, type Importing, prepareImporting, recordOf } from "./importing.ts";
import { reopenBatch } from "./verifying.ts";

const access = { airtable: { apiKey: undefined, endpointUrl: "" } };
const folder = sampleFolderOf("leadgen");
const mapping = findMapping("leadgen");
const tables = [...new Set(mapping.collections.map(({ table }) => table as string))];

const sums = ({ collections }: BatchReport) =>
  Object.fromEntries(
    collections.map(({ name, landed, inserted, quarantined }) => [name, [landed, inserted, quarantined]]),
  );

/** Everything in the tables of leadgen, with the physical version of every row where that is asked for. */
async function contents({ database }: Importing, version = ""): Promise<string[]> {
  const selects = tables.map(
    (table) => `select '${table} ' ${version} || (to_jsonb(t) - 'updated_at' - 'version')::text as row from ${table} t`,
  );
  const rows = await database.query<{ row: string }>(`${selects.join(" union all ")} order by row`);
  return rows.map(({ row }) => row);
}

async function asEditor({ database, tenantId }: Importing, sql: string): Promise<void> {
  const logins = openLogins(database);
  try {
    await logins.speak(await addPerson(database, tenantId, "editor@harbour.test", "editor"), sql);
  } finally {
    await logins.close();
  }
}

async function withImporting(
  work: (importing: Importing, sample: Awaited<ReturnType<typeof copySample>>) => Promise<void>,
) {
  const importing = await prepareImporting("leadgen");
  const sample = await copySample("leadgen");
  try {
    await work(importing, sample);
  } finally {
    await sample.remove();
    await importing.close();
  }
}

describe("the mapping", () => {
  const collectionOf = (name: string) => mapping.collections.find((known) => known.name === name) as Collection;

  test("can tell the fate of all 216 fields of the ten tables", async () => {
    const schema = await (await openSource(folder, access)).schema();
    expect(schema.collections.map(({ name, fields }) => [name, fields.length])).toEqual([
      ["Companies", 73],
      ["Contacts", 56],
      ["Messages", 17],
      ["Owners", 13],
      ["Activity", 13],
      ["CRM Events", 10],
      ["research_directory", 10],
      ["Tasks", 9],
      ["audit_log", 8],
      ["Campaigns", 7],
    ]);
    for (const { name, fields } of schema.collections) {
      const known = Object.keys(collectionOf(name).fields);
      expect([name, fields.filter((field) => !known.includes(field.name))]).toEqual([name, []]);
    }
    const findings = compareSchema(mapping, schema).map(({ kind, field, message }) => `${kind} ${field} ${message}`);
    expect(findings).toEqual([
      expect.stringMatching(/^unknown_option Status .*"On hold"/),
      expect.stringMatching(/^unknown_option Tier .*"Tier 0 - Diamond"/),
      expect.stringMatching(/^unknown_option Industry \(Enum\) .*"Shipbuilding"/),
      expect.stringMatching(/^unknown_option message_status .*"paused"/),
    ]);
  });

  test("can bring every field of a part from a field of its parent, and no other", () => {
    for (const { name, partOf, fields } of mapping.collections) {
      if (partOf?.kind !== "split") continue;
      const parent = Object.entries(collectionOf(partOf.collection).fields);
      const given = parent.flatMap(([field, fate]) => (fate.fate === "part" && fate.part === name ? [field] : []));
      const own = mappedFields(collectionOf(name)).flatMap(([field, { isBeside }]) => (isBeside ? [] : [field]));
      expect(own.filter((field) => field !== partOf.owner).sort()).toEqual(given.sort());
      expect(Object.keys(fields)).toContain(partOf.owner);
    }
  });

  test("can hear of a field that is retyped or new in a part's parent", async () => {
    const schema = await (await openSource(folder, access)).schema();
    const companies = schema.collections.find(({ name }) => name === "Companies");
    for (const field of companies?.fields ?? []) {
      if (field.name === "Tech Stack") field.kind = "number";
      if (field.name === "Primary Pain Areas") field.kind = "singleLineText";
      if (field.name === "Competitors") field.name = "Rivals";
    }
    expect(
      compareSchema(mapping, schema).flatMap(({ kind, collection, field }) =>
        kind === "unknown_option" ? [] : [`${kind} ${collection}.${field}`],
      ),
    ).toEqual([
      "retyped_field Companies.Primary Pain Areas",
      "unknown_field Companies.Rivals",
      "retyped_field Companies → research.Tech Stack",
    ]);
  });
});

/** What is wrong, and the check that must say so. */
const planted: { sql: string; by: string }[] = [
  {
    sql: "update leadgen.companies set enrichment_cost_usd = round(enrichment_cost_usd, 4) where name = 'Fjordkran AS'",
    by: "Companies: enrichment_cost_usd",
  },
  {
    sql: "update leadgen.companies set batch_id = (select id from leadgen.batches where name = 'batch-3 CEE') where name = 'Papierwerk Nord GmbH'",
    by: "Companies: batch_name → Batches by name, from the record to the row",
  },
  {
    sql: "update leadgen.companies set tier = 'deprioritize' where name = 'Datalager BV'",
    by: "Companies: Tier (leadgen.company_tier) and back",
  },
  { sql: "update leadgen.batches set name = 'batch-3' where name = 'batch-3 CEE'", by: "Batches by name: name" },
  { sql: "update leadgen.contacts set contact_score = null where full_name = 'Jorn'", by: "Contacts: contact_score" },
  {
    sql: "update leadgen.contacts set owner_id = (select id from leadgen.owners where name = 'Mila') where full_name = 'Astrid Lunde'",
    by: "Contacts: Contact of, dropped, and where it is said",
  },
  {
    sql: "update leadgen.company_enrichment_l2 set tech_stack = null where tech_stack = 'Spreadsheets'",
    by: "Companies → research: tech_stack",
  },
  {
    sql: "delete from leadgen.company_tags where value = 'Pricing'",
    by: "Companies → tags: records brought in and rows",
  },
  {
    sql: "update leadgen.company_tags set category = 'ai_use_case' where value = 'Service desk'",
    by: "Companies → tags: category",
  },
  {
    sql: "insert into leadgen.company_tags (tenant_id, company_id, category, value) select tenant_id, company_id, category, 'Made up' from leadgen.company_tags limit 1",
    by: "Companies → tags: rows in the table and rows that somebody made",
  },
  {
    sql: `update app_private.import_payloads set source_text = replace(source_text, 'Manual reporting', 'Manual Reporting') where source_text like '%"Tag":"Manual reporting"%'`,
    by: "Companies → tags: cells and the records made of them",
  },
  {
    sql: "delete from leadgen.contact_batches cb using leadgen.contacts c where c.id = cb.contact_id and c.full_name = 'Astrid Lunde'",
    by: "Contacts → batches: records brought in and rows",
  },
  {
    sql: "update leadgen.messages set body = body || ' indeed' where label = 'Astrid connect A'",
    by: "Contacts: LinkedIn Connect Msg, dropped, and where it is said",
  },
  {
    sql: "update leadgen.crm_events set company_id = (select id from leadgen.companies where name = 'Fjordkran') where name = 'First talk'",
    by: "CRM Events: company_id",
  },
  { sql: "update leadgen.tasks set owner_id = null where name = 'Call Daan'", by: "Tasks: owner_id" },
  {
    sql: "update leadgen.crm_event_participants set contact_id = (select id from leadgen.contacts where full_name = 'Björn') where contact_id = (select id from leadgen.contacts where full_name = 'Jorn')",
    by: "CRM Events → participants: Contact → Contacts, from the row to the record",
  },
  {
    sql: "update leadgen.companies set verified_revenue_eur_m = 90 where name = 'Fjordkran AS'",
    by: "Companies: Revenue per Employee, as the source has it",
  },
  { sql: "update leadgen.history set new_value = 'synced' where new_value = 'sent'", by: "audit_log: new_value" },
];

describe("the sample base", () => {
  let importing: Importing;
  let report: BatchReport;
  const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

  beforeAll(async () => {
    importing = await prepareImporting("leadgen");
    const plan = await planImport(importing.request(folder));
    expect(await contents(importing)).toEqual([]);
    report = await importSample({ ...importing.request(folder) });
    expect(sums({ ...report, collections: plan.collections })).toEqual(sums(report));
  });

  afterAll(() => importing.close());

  test("can be brought in with a report that balances, verified in all five layers", () => {
    expect(report).toMatchObject({ status: "incomplete", verified: true });
    for (const { landed, inserted, updated, unchanged, quarantined, skipped } of report.collections) {
      expect(inserted + updated + unchanged + quarantined + skipped).toBe(landed);
    }
    expect(sums(report)).toEqual({
      Owners: [3, 3, 0],
      "Batches by name": [5, 5, 0],
      Companies: [10, 8, 2],
      "Companies → research": [4, 3, 1],
      "Companies → tags": [10, 9, 1],
      Contacts: [12, 11, 1],
      "Contacts → research": [4, 4, 0],
      "Contacts → batches": [12, 11, 1],
      Campaigns: [2, 2, 0],
      Messages: [12, 8, 4],
      Activity: [7, 7, 0],
      "CRM Events": [4, 4, 0],
      "CRM Events → participants": [5, 4, 1],
      Tasks: [3, 3, 0],
      "Tasks → contacts": [3, 3, 0],
      "Tasks → activities": [3, 3, 0],
      research_directory: [6, 3, 3],
      audit_log: [10, 10, 0],
    });
    const layers = new Set(report.checks.map(({ layer }) => layer));
    for (const layer of ["counts", "fields", "references", "types", "computed"]) expect(layers).toContain(layer);
    expect(report.checks.filter(({ expected, actual }) => expected !== actual)).toEqual([]);
  });

  test("can tell of everything dirty what became of it", () => {
    const told = report.issues.map(({ collection, field, fate, reason }) => `${collection}.${field} ${fate} ${reason}`);
    expect(told.sort()).toEqual(
      [
        "Activity.external_id quarantined duplicate_value",
        "Activity.source converted merged_option",
        "CRM Events → participants.Contact quarantined parent_quarantined",
        "CRM Events.Company quarantined ambiguous_name",
        "CRM Events.Company quarantined unknown_name",
        "CRM Events.Created By quarantined unknown_name",
        "Companies → research.Company quarantined parent_quarantined",
        "Companies → research.Quick Wins (JSON) quarantined bad_json",
        "Companies → tags.Company quarantined parent_quarantined",
        "Companies.Account Owner Link quarantined too_many_links",
        "Companies.Account Owner quarantined found_nowhere_else",
        "Companies.Account Owner quarantined found_nowhere_else",
        "Companies.Company quarantined missing_required",
        "Companies.Industry (Enum) quarantined unknown_option",
        "Companies.Notes quarantined refused_text",
        "Companies.Status quarantined unknown_option",
        "Companies.Tier quarantined unknown_option",
        "Companies.Verified Employees quarantined not_a_number",
        "Companies.Verified Employees quarantined not_a_number",
        "Companies.Verified Employees quarantined not_a_number",
        "Companies.Verified Revenue (€M) quarantined not_a_number",
        "Contacts → batches.Contact quarantined parent_quarantined",
        "Contacts.Authority Score quarantined out_of_range",
        "Contacts.Call Script quarantined found_nowhere_else",
        "Contacts.Company quarantined dangling_link",
        "Contacts.Company quarantined parent_quarantined",
        "Contacts.Company quarantined too_many_links",
        "Contacts.Contact Score quarantined out_of_range",
        "Contacts.Contact of quarantined found_nowhere_else",
        "Contacts.Email Body 1 quarantined found_nowhere_else",
        "Contacts.Enrichment Status quarantined found_nowhere_else",
        "Contacts.Icebreaker quarantined found_nowhere_else",
        "Contacts.Notes quarantined refused_text",
        "Contacts.message_status quarantined unknown_option",
        "Messages.Contact quarantined dangling_link",
        "Messages.Contact quarantined parent_quarantined",
        "Messages.body quarantined missing_required",
        "Messages.channel quarantined missing_required",
        "Messages.sequence_step quarantined out_of_range",
        "Tasks.Owner quarantined unknown_name",
        "research_directory.Companies quarantined too_many_links",
        "research_directory.null quarantined refused_by_table",
        "research_directory.null quarantined refused_by_table",
        "research_directory.null quarantined refused_by_table",
        "research_directory.quality_score quarantined out_of_range",
      ].sort(),
    );
    expect(report.issues.every(({ wayOut }) => wayOut.length > 0)).toBe(true);
    const legacy = report.issues.find(({ field }) => field === "Email Body 1");
    expect(legacy?.original).toBe('"Guten Tag Frau Vossberg, dieser Text steht nirgends sonst."');
  });

  test("can keep what the original script lost: decimals, zeros, unchecked boxes, both batches, the texts of research", async () => {
    expect(
      await query(
        `select c.name, c.tier::text, c.hq_city, c.triage_score, c.verified_revenue_eur_m, c.verified_employees, c.enrichment_cost_usd,
                c.is_synced_to_lemlist, b.name as batch, o.name as owner, c.created_at
         from leadgen.companies c left join leadgen.batches b on b.id = c.batch_id left join leadgen.owners o on o.id = c.owner_id
         where c.name in ('Fjordkran AS', 'Papierwerk Nord GmbH') order by 1`,
      ),
    ).toEqual([
      {
        name: "Fjordkran AS",
        tier: "tier_2_gold",
        hq_city: "Bergen, Vestland, Norway",
        triage_score: "8.5",
        verified_revenue_eur_m: "92.345678",
        verified_employees: "410",
        enrichment_cost_usd: "0.087123",
        is_synced_to_lemlist: true,
        batch: "batch-1",
        owner: "Ingrid Solberg",
        created_at: new Date("2026-01-01T08:00:00.000Z"),
      },
      {
        name: "Papierwerk Nord GmbH",
        tier: "tier_3_silver",
        hq_city: "Kiel",
        triage_score: "0",
        verified_revenue_eur_m: "22.5",
        verified_employees: "0",
        enrichment_cost_usd: "0.0123",
        is_synced_to_lemlist: false,
        batch: "batch-2-NL-NORDICS[OPS/FIN]",
        owner: null,
        created_at: new Date("2026-01-01T08:02:14.000Z"),
      },
    ]);
    expect(
      await query(
        `select c.full_name, c.icp_fit::text, c.relationship_status::text, c.language::text, c.message_status::text, c.is_ai_champion,
                c.ai_champion_score, c.contact_score, array(select b.name from leadgen.contact_batches cb join leadgen.batches b on b.id = cb.batch_id
                where cb.contact_id = c.id order by 1) as batches
         from leadgen.contacts c where c.full_name in ('Astrid Lunde', 'Jorn', 'Björn') order by 1`,
      ),
    ).toMatchObject([
      { full_name: "Astrid Lunde", batches: ["batch-1", "batch-2-NL-NORDICS[OPS/FIN]"], contact_score: "92" },
      {
        full_name: "Björn",
        icp_fit: "unknown",
        relationship_status: "prospect",
        language: "en",
        message_status: "not_started",
      },
      { full_name: "Jorn", is_ai_champion: false, ai_champion_score: "0", contact_score: "0", batches: ["batch-1"] },
    ]);
    expect(
      await query(
        `select c.name, e.tech_stack, e.company_intel is null as is_thin, e.quick_wins
         from leadgen.company_enrichment_l2 e join leadgen.companies c on c.id = e.company_id order by 1`,
      ),
    ).toEqual([
      { name: "Datalager BV", tech_stack: null, is_thin: true, quick_wins: null },
      {
        name: "Fjordkran AS",
        tech_stack: "ERP of its own; no cloud",
        is_thin: false,
        quick_wins: [{ win: "Read service reports", effort: "low" }],
      },
      { name: "Papierwerk Nord GmbH", tech_stack: "Spreadsheets", is_thin: true, quick_wins: null },
    ]);
    expect(
      await query(
        `select a.name, a.confidence_score, a.quality_score, leadgen.research_assets_research_json(a) ->> 'employees' as employees
         from leadgen.research_assets a order by 1`,
      ),
    ).toEqual([
      { name: "Astrid Lunde: person research", confidence_score: "0.6", quality_score: "0", employees: null },
      { name: "Datalager: sizing", confidence_score: "0.3", quality_score: null, employees: "1,500+" },
      { name: "Fjordkran: company research", confidence_score: "0.9", quality_score: "6.5", employees: "410" },
    ]);
    expect(
      await query("select event, entity_id, changed_by from leadgen.history where event <> 'update' order by 1"),
    ).toEqual([
      { event: "create", entity_id: expect.stringMatching(/^rec/), changed_by: "extension" },
      { event: "delete", entity_id: "recDELETEDLONGAGO", changed_by: "Tomas Beran" },
      { event: "login", entity_id: null, changed_by: "Tomas Beran" },
    ]);
  });

  test("can be shown in the base's own words: every option is what people call its value", async () => {
    const labels = await query("select enum_type, value, label from leadgen.labels");
    const called = new Map(labels.map(({ enum_type, value, label }) => [`${enum_type} ${value}`, label]));
    const wrong = Object.entries(options).flatMap(([name, values]) => {
      const type = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      // Where workflows write, the base shows the values themselves.
      return Object.entries(values).flatMap(([value, [word]]) =>
        word === value || called.get(`${type} ${value}`)?.toString().toLowerCase() === word?.toLowerCase()
          ? []
          : [`${type} ${value}`],
      );
    });
    expect(wrong).toEqual([]);
    expect(called.size).toBeGreaterThan(150);
  });

  test("can find companies and owners by name, and leaves alone what it cannot", async () => {
    expect(
      await query(
        `select e.name, e.company_name, c.name as company, o.name as creator
         from leadgen.crm_events e left join leadgen.companies c on c.id = e.company_id left join leadgen.owners o on o.id = e.creator_id
         order by 1`,
      ),
    ).toEqual([
      { name: "Call about prices", company_name: null, company: null, creator: null },
      { name: "Demo", company_name: "datalager bv ", company: "Datalager BV", creator: "Tomas Beran" },
      { name: "Fair", company_name: null, company: null, creator: null },
      { name: "First talk", company_name: "Fjordkran AS", company: "Fjordkran AS", creator: "Ingrid Solberg" },
    ]);
  });

  test("can tell the duplicates that came in, and merges none", async () => {
    expect(
      await query(
        `select d.reason::text, coalesce(c.name, p.full_name) as kept, coalesce(oc.name, op.full_name) as other
         from leadgen.duplicate_candidates d
         left join leadgen.companies c on c.id = d.company_id left join leadgen.companies oc on oc.id = d.other_company_id
         left join leadgen.contacts p on p.id = d.contact_id left join leadgen.contacts op on op.id = d.other_contact_id
         order by 1`,
      ),
    ).toEqual([
      { reason: "domain", kept: "Fjordkran AS", other: "Fjordkran" },
      { reason: "email", kept: "Astrid Lunde", other: "A. Lunde" },
      { reason: "linkedin_url", kept: "Astrid Lunde", other: "A. Lunde" },
      { reason: "name", kept: "Kystvarme", other: "KYSTVARME " },
    ]);
  });

  test("can be imported a second time without a write", async () => {
    const before = await contents(importing, "|| xmin || ' '");
    const again = await importing.run(folder);
    expect(again).toMatchObject({ status: "incomplete", verified: true });
    expect(again.collections.map(({ inserted, updated, deleted }) => inserted + updated + deleted)).toEqual(
      again.collections.map(() => 0),
    );
    expect(await contents(importing, "|| xmin || ' '")).toEqual(before);
  });

  test("can be verified again, and every error that is planted is named", async () => {
    const batch = await reopenBatch(importing, report.batchId, folder, mapping);
    const ledger = await openLedger(batch);
    expect(await verify(batch, ledger)).toBe(true);
    await query("create schema saved");
    for (const table of tables) await query(`create table saved.${table.replace(".", "_")} as select * from ${table}`);
    await query("create table saved.payloads as select * from app_private.import_payloads");
    const unguarded = (statement: string) =>
      query(`do $body$ begin set local session_replication_role = replica; ${statement}; end $body$`);
    for (const { sql } of planted) await unguarded(sql);

    expect(await verify(batch, ledger)).toBe(false);
    const failed = await query(
      `select line.name || ': ' || failing.name as name
       from imports.checks failing join imports.collections line on line.id = failing.collection_id
       where failing.batch_id = $1 and not failing.is_passed`,
      [report.batchId],
    );
    const names = failed.map(({ name }) => name);
    expect(planted.filter(({ by }) => !names.includes(by))).toEqual([]);

    for (const table of tables) {
      const [own] = await query(
        "select string_agg(attname, ', ' order by attnum) as columns from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''",
        [table],
      );
      await unguarded(
        `delete from ${table}; insert into ${table} (${own?.columns}) select ${own?.columns} from saved.${table.replace(".", "_")}`,
      );
    }
    await unguarded(
      "delete from app_private.import_payloads; insert into app_private.import_payloads select * from saved.payloads",
    );
    expect(await verify(batch, ledger)).toBe(true);
  });
});

test("can follow the source, tags and links and all, and take back each import to the hash", () =>
  withImporting(async (importing, sample) => {
    const { pool, tenantId } = importing;
    const takeBack = async (batchId: string) => {
      await beginRollback(pool, tenantId, batchId);
      expect(await followBatch({ pool, tenantId, access }, batchId)).toMatchObject({
        status: "rolled_back",
        verified: true,
      });
      expect((await readRollback(pool, tenantId, batchId)).filter(({ fate }) => fate === "kept")).toEqual([]);
    };
    await asEditor(importing, "insert into leadgen.companies (name, domain) values ('By hand', 'by-hand.example')");
    const empty = await contents(importing);
    const first = await importing.run(sample.folder);
    const before = await contents(importing);

    await sample.change("Companies", (records) => {
      const { fields } = recordOf(records, "Company", "Fjordkran AS");
      Object.assign(fields, {
        "Primary Pain Areas": ["Hiring", "Night shifts"],
        "Tech Stack": "Cloud",
        batch_name: "batch-9",
      });
      const paper = recordOf(records, "Company", "Papierwerk Nord GmbH").fields;
      delete paper["Tech Stack"];
      delete paper.Certifications;
      return undefined;
    });
    await sample.change("Contacts", (records) => {
      recordOf(records, "Full Name", "Astrid Lunde").fields.batch_name = ["batch-1"];
      for (const { fields } of records)
        if (["Signe Dahl", "Rasmus Holt"].includes(String(fields["Full Name"]))) delete fields.Owner;
      return undefined;
    });
    await sample.change("Owners", (records) => records.filter(({ fields }) => fields.Name !== "Mila"));
    const request = importing.request(sample.folder, { options: { deleteThreshold: 50 } });
    const second = await runImport(request);
    expect(second.checks.filter(({ expected, actual }) => expected !== actual)).toEqual([]);
    expect(second).toMatchObject({ status: "incomplete", verified: true });
    const moved = second.collections.flatMap(({ name, inserted, updated, deleted }) =>
      inserted + updated + deleted > 0 ? [[name, inserted, updated, deleted]] : [],
    );
    expect(moved).toEqual([
      ["Owners", 0, 0, 1],
      ["Batches by name", 1, 0, 0],
      ["Companies", 0, 1, 0],
      ["Companies → research", 0, 1, 1],
      ["Companies → tags", 1, 0, 1],
      ["Contacts", 0, 2, 0],
      ["Contacts → batches", 0, 0, 1],
    ]);
    await takeBack(second.batchId);
    expect(await contents(importing)).toEqual(before);
    await takeBack(first.batchId);
    expect(await contents(importing)).toEqual(empty);
  }));

test("can settle what waits: names, a cell that becomes records, a text that a person has copied; batches as text", () =>
  withImporting(async (importing, sample) => {
    const { pool, tenantId, database } = importing;
    await sample.change("Companies", (records) => {
      recordOf(records, "Company", "Mostecká logistika").fields["Primary Pain Areas"] = "Manual reporting";
      return undefined;
    });
    const file = join(sample.folder, "schema.json");
    const schema = JSON.parse(readFileSync(file, "utf8"));
    const contacts = schema.tables.find(({ name }: { name: string }) => name === "Contacts");
    const batchName = contacts.fields.find(({ name }: { name: string }) => name === "batch_name");
    Object.assign(batchName, { type: "singleLineText", options: undefined });
    writeFileSync(file, JSON.stringify(schema));
    await sample.change("Contacts", (records) => {
      for (const { fields } of records)
        if (Array.isArray(fields.batch_name)) fields.batch_name = ` ${fields.batch_name[0]}`;
      return undefined;
    });
    const first = await importing.run(sample.folder);
    const { batchId } = first;
    expect(sums(first)["Contacts → batches"]).toEqual([11, 10, 1]);

    const { issues } = await listIssues(pool, tenantId, batchId, { isWhole: false, limit: 200 });
    const fix = async (field: string, reason: string, value: unknown) => {
      const issue = issues.find((known) => known.field === field && known.reason === reason);
      await fixIssue(pool, tenantId, issue?.id as string, value);
    };
    await fix("Company", "unknown_name", "Papierwerk Nord GmbH");
    await fix("Owner", "unknown_name", "Mila");
    await fix("Status", "unknown_option", "New");
    await fix("Primary Pain Areas", "wrong_type", ["Manual reporting", "Night shifts"]);
    await fix("Quick Wins (JSON)", "bad_json", '{"wins": []}');
    await asEditor(
      importing,
      "insert into leadgen.messages (contact_id, channel, body) select id, 'email', 'Guten Tag Frau Vossberg,  dieser Text steht nirgends sonst.' from leadgen.contacts where full_name = 'Petra Vossberg'",
    );
    await beginReplay(pool, tenantId, batchId);
    const report = await followBatch({ pool, tenantId, access }, batchId);
    expect(report.checks.filter(({ expected, actual }) => expected !== actual)).toEqual([]);
    expect(report).toMatchObject({ status: "incomplete", verified: true });
    const left = report.issues.map(({ collection, field, reason }) => `${collection}.${field} ${reason}`);
    for (const settled of [
      "Tasks.Owner unknown_name",
      "Contacts.Email Body 1 found_nowhere_else",
      "Companies.Primary Pain Areas wrong_type",
      "Companies.Status unknown_option",
      "Companies → research.Quick Wins (JSON) bad_json",
    ]) {
      expect(left).not.toContain(settled);
    }
    expect(left).toContain("Contacts.Icebreaker found_nowhere_else");
    expect(
      await database.query(
        `select t.value from leadgen.company_tags t join leadgen.companies c on c.id = t.company_id
         where c.name in ('Mostecká logistika', 'Vinterlys AB') order by 1`,
      ),
    ).toEqual([{ value: "Funding round" }, { value: "Manual reporting" }, { value: "Night shifts" }]);
  }));

test("cannot lose a record of the base unnoticed", () =>
  withImporting(async (importing, sample) => {
    await sample.change("Messages", (records) => records.filter(({ fields }) => fields.label !== "Astrid connect A"));
    const report = await importing.run(sample.folder);
    expect(report).toMatchObject({ status: "failed", verified: false });
    expect(
      report.checks
        .filter(({ expected, actual }) => expected !== actual)
        .map(({ collection, name }) => `${collection}: ${name}`),
    ).toEqual(
      expect.arrayContaining([
        "Contacts: Messages, the other side of Messages.Contact",
        "Contacts: Message Count, as the source has it",
      ]),
    );
    expect(report.issues).toContainEqual(
      expect.objectContaining({ field: "LinkedIn Connect Msg", reason: "found_nowhere_else" }),
    );
  }));
