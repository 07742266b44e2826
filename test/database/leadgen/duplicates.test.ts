import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { addPeople, addSqlLogin, type Logins, openLogins, type People, refusal } from "../../support/people.ts";
import { addLead, putIn } from "./leads.ts";

let database: TestDatabase;
let logins: Logins;
let people: People;

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
});

afterAll(async () => {
  await logins.close();
  await database.drop();
});

let count = 0;
beforeEach(async () => {
  people = await addPeople(database, logins.speak, `tenant-${++count}`);
});

const ask = <Row extends pg.QueryResultRow>(sql: string, ...values: unknown[]) =>
  logins.speak<Row>(people.editor, sql, values);
const add = (table: string, values: Record<string, unknown>, who = people.editor) =>
  addLead(logins.speak, who, table, values);
const decide = async (call: string, ...values: unknown[]) =>
  (
    await ask<{ id: string; moved: Record<string, unknown>; verdict: string; undone_at: Date | null }>(
      `select * from leadgen.${call}`,
      ...values,
    )
  )[0];
const candidates = () =>
  ask(
    `select reason::text, value, coalesce(c.name, p.full_name) as kept, coalesce(oc.name, op.full_name) as other
     from leadgen.duplicate_candidates d
     left join leadgen.companies c on c.id = d.company_id left join leadgen.companies oc on oc.id = d.other_company_id
     left join leadgen.contacts p on p.id = d.contact_id left join leadgen.contacts op on op.id = d.other_contact_id
     order by 1, 3, 4`,
  );
/** Everything of leadgen that a merge can touch, but for what counts and stamps. */
async function contents(): Promise<string[]> {
  const tables = await database.query<{ name: string }>(
    "select oid::regclass::text as name from pg_class where relnamespace = 'leadgen'::regnamespace and relkind = 'r' and relname not in ('labels', 'duplicate_decisions') order by 1",
  );
  const rows: string[] = [];
  for (const { name } of tables) {
    const found = await database.query<{ row: unknown }>(
      `select to_jsonb(t) - array['version', 'updated_at'] as row from ${name} t where tenant_id = $1 order by id`,
      [people.tenantId],
    );
    rows.push(...found.map(({ row }) => `${name} ${JSON.stringify(row)}`));
  }
  return rows;
}

test("can be told by what two spellings share, the older one first, and in one's own tenant alone", async () => {
  await add("companies", { name: "Acme", domain: "https://www.acme.example/" });
  const younger = await add("companies", { name: "ACME  Ltd", domain: "acme.example" });
  await add("companies", { name: " acme", domain: "other.example" });
  await add("contacts", { full_name: "Jane Doe", linkedin_url: "linkedin.com/in/jane", email: "JANE@acme.example" });
  await add("contacts", {
    full_name: "J. Doe",
    linkedin_url: "https://de.linkedin.com/in/Jane/",
    email: "Jane <jane@acme.example>",
  });
  await add("contacts", { full_name: "Max Muster", company_id: younger });
  await add("contacts", { full_name: "max  muster", company_id: younger });
  await add("contacts", { full_name: "Max Muster" });
  const other = await addPeople(database, logins.speak, `other-${count}`);
  await add("companies", { name: "Acme", domain: "acme.example" }, other.editor);
  expect(await candidates()).toEqual([
    { reason: "domain", value: "acme.example", kept: "Acme", other: "ACME  Ltd" },
    { reason: "email", value: "jane@acme.example", kept: "Jane Doe", other: "J. Doe" },
    { reason: "linkedin_url", value: "linkedin.com/in/jane", kept: "Jane Doe", other: "J. Doe" },
    { reason: "name", value: "acme", kept: "Acme", other: " acme" },
    { reason: "name_and_company", value: null, kept: "Max Muster", other: "max  muster" },
  ]);
});

describe("two companies", () => {
  async function addPair() {
    const batch = await add("batches", { name: "Spring" });
    const kept = await add("companies", { name: "Acme", domain: "acme.example", notes: "Ours" });
    const other = await add("companies", {
      name: "Acme Ltd",
      domain: "www.acme.example",
      batch_id: batch,
      hq_city: "Bergen",
      notes: "Theirs",
    });
    await putIn(database, "companies", kept, { enrichment_cost_usd: "0.02" });
    await putIn(database, "companies", other, { enrichment_cost_usd: "0.00012", status: "triage_passed" });
    const contact = await add("contacts", { full_name: "Jane", company_id: other });
    for (const [company, value] of [
      [kept, "Fleet"],
      [other, "Fleet"],
      [other, "Paper"],
    ]) {
      await add("company_tags", { company_id: company, category: "pain_area", value });
    }
    await add("company_enrichment_l2", { company_id: other, tech_stack: "Java" });
    await add("research_assets", { company_id: other, name: "Who?" });
    return { kept, other, contact };
  }

  test("can be merged: what belongs to the other moves over, what is missing is filled in, and the other is seen no more", async () => {
    const { kept, other, contact } = await addPair();
    expect(await decide("merge_companies($1, $2)", kept, other)).toMatchObject({
      verdict: "merged",
      moved: {
        contacts: [contact],
        company_tags: [expect.any(String)],
        company_enrichment_l2: [expect.any(String)],
        research_assets: [expect.any(String)],
        filled: { hq_city: [null, "Bergen"], enrichment_cost_usd: [0.02, 0.02012] },
      },
    });
    expect(
      await ask("select name, status::text, domain, hq_city, notes, enrichment_cost_usd from leadgen.companies"),
    ).toEqual([
      {
        name: "Acme",
        status: "new",
        domain: "acme.example",
        hq_city: "Bergen",
        notes: "Ours",
        enrichment_cost_usd: "0.02012",
      },
    ]);
    expect(await ask("select value from leadgen.company_tags where company_id = $1 order by 1", kept)).toEqual([
      { value: "Fleet" },
      { value: "Paper" },
    ]);
    expect(await candidates()).toEqual([]);
  });

  test("can be told apart again: undone, everything is as it was", async () => {
    const { kept, other } = await addPair();
    const before = await contents();
    const decision = await decide("merge_companies($1, $2)", kept, other);
    expect(await contents()).not.toEqual(before);
    expect(await decide("undo_duplicate_decision($1)", decision?.id)).toMatchObject({ undone_at: expect.any(Date) });
    expect(await contents()).toEqual(before);
    expect(await refusal(decide("undo_duplicate_decision($1)", decision?.id))).toMatchObject({ code: "LF405" });
  });

  test("can be told apart again with what people have written since left as they wrote it", async () => {
    const { kept, other, contact } = await addPair();
    const third = await add("companies", { name: "Third" });
    const decision = await decide("merge_companies($1, $2)", kept, other);
    await ask("update leadgen.companies set hq_city = 'Oslo' where id = $1", kept);
    await ask("update leadgen.contacts set company_id = $2 where id = $1", contact, third);
    await database.query("update leadgen.companies set enrichment_cost_usd = enrichment_cost_usd + 1 where id = $1", [
      kept,
    ]);
    await decide("undo_duplicate_decision($1)", decision?.id);
    expect(
      await ask("select hq_city, batch_id, enrichment_cost_usd from leadgen.companies where id = $1", kept),
    ).toEqual([{ hq_city: "Oslo", batch_id: null, enrichment_cost_usd: "1.02" }]);
    expect(await ask("select company_id from leadgen.contacts where id = $1", contact)).toEqual([
      { company_id: third },
    ]);
  });

  test("can be merged once more for what an import has linked to the other since", async () => {
    const { kept, other } = await addPair();
    const decision = await decide("merge_companies($1, $2)", kept, other);
    const late = await add("contacts", { full_name: "Late" });
    await putIn(database, "contacts", late, { company_id: other });
    expect(await candidates()).toMatchObject([
      { reason: "linked_since_merge", value: "Acme Ltd", kept: "Acme", other: null },
    ]);
    expect(await decide("merge_companies($1, $2)", kept, other)).toMatchObject({ id: decision?.id });
    expect(await ask("select company_id from leadgen.contacts where id = $1", late)).toEqual([{ company_id: kept }]);
    await decide("undo_duplicate_decision($1)", decision?.id);
    expect(await ask("select company_id from leadgen.contacts where id = $1", late)).toEqual([{ company_id: other }]);
  });

  test("can be kept apart: no candidates any more, until that is undone", async () => {
    const { kept, other } = await addPair();
    expect(await candidates()).toHaveLength(1);
    const decision = await decide("keep_companies_apart($1, $2)", other, kept);
    expect(await decide("keep_companies_apart($1, $2)", kept, other)).toMatchObject({ id: decision?.id });
    expect(await candidates()).toEqual([]);
    await decide("undo_duplicate_decision($1)", decision?.id);
    expect(await candidates()).toHaveLength(1);
  });

  test("can be merged with research about both: what the kept one's lacks is filled in, and undone both are as they were", async () => {
    const { kept, other } = await addPair();
    const research = await add("company_enrichment_l2", {
      company_id: kept,
      recent_news: "Ours",
      quick_wins: { first: 1 },
    });
    await database.query(
      `update leadgen.company_enrichment_l2 set enrichment_cost_usd = case id when $1 then 0.5 else 0.00025 end,
         recent_news = coalesce(recent_news, 'Theirs'), enriched_at = case id when $1 then null else timestamptz '2026-01-01Z' end`,
      [research],
    );
    const before = await contents();
    const read =
      "select recent_news, tech_stack, quick_wins, enriched_at, enrichment_cost_usd from leadgen.company_enrichment_l2 where company_id = $1";
    const decision = await decide("merge_companies($1, $2)", kept, other);
    expect(decision?.moved.company_enrichment_l2).toBeUndefined();
    const merged = {
      recent_news: "Ours",
      tech_stack: "Java",
      quick_wins: { first: 1 },
      enriched_at: new Date("2026-01-01Z"),
      enrichment_cost_usd: "0.50025",
    };
    expect(await ask(read, kept)).toEqual([merged]);
    // Merged once more, what it costs is not added once more.
    await decide("merge_companies($1, $2)", kept, other);
    expect(await ask(read, kept)).toEqual([merged]);
    await decide("undo_duplicate_decision($1)", decision?.id);
    expect(await contents()).toEqual(before);
  });

  test("can be told apart again with research that was written over since", async () => {
    const { kept, other } = await addPair();
    await add("company_enrichment_l2", { company_id: kept, recent_news: "Ours" });
    await ask("update leadgen.company_enrichment_l2 set competitors = 'Bolt' where company_id = $1", other);
    const decision = await decide("merge_companies($1, $2)", kept, other);
    await ask("update leadgen.company_enrichment_l2 set tech_stack = 'Rust' where company_id = $1", kept);
    await decide("undo_duplicate_decision($1)", decision?.id);
    expect(
      await ask(
        "select company_id, recent_news, tech_stack, competitors from leadgen.company_enrichment_l2 order by recent_news",
      ),
    ).toEqual([
      { company_id: kept, recent_news: "Ours", tech_stack: "Rust", competitors: null },
      { company_id: other, recent_news: null, tech_stack: "Java", competitors: "Bolt" },
    ]);
  });

  test("can be told apart again though the other has been given the same tag and other research since", async () => {
    const { kept, other } = await addPair();
    const decision = await decide("merge_companies($1, $2)", kept, other);
    const late = await database.query<{ id: string }>(
      `with tag as (insert into leadgen.company_tags (tenant_id, company_id, category, value) values ($1, $2, 'pain_area', 'Paper'))
       insert into leadgen.company_enrichment_l2 (tenant_id, company_id, tech_stack) values ($1, $2, 'Go') returning id`,
      [people.tenantId, other],
    );
    await decide("undo_duplicate_decision($1)", decision?.id);
    expect(
      await ask("select id = $1 as late, company_id from leadgen.company_enrichment_l2 order by 1", late[0]?.id),
    ).toEqual([
      { late: false, company_id: kept },
      { late: true, company_id: other },
    ]);
    expect(
      await ask(
        "select company_id, value from leadgen.company_tags where value = 'Paper' order by company_id = $1",
        other,
      ),
    ).toEqual([
      { company_id: kept, value: "Paper" },
      { company_id: other, value: "Paper" },
    ]);
  });

  test("cannot be worked on as the other once they are merged LF414", async () => {
    const { kept, other } = await addPair();
    const login = await addSqlLogin(database, people.tenantId, "automation");
    const workflow = new pg.Client({ connectionString: login.url });
    await workflow.connect();
    const claims = await workflow.query<{ claim_id: string; company_id: string }>(
      "select * from leadgen.claim_companies('l2')",
    );
    expect(claims.rows.map(({ company_id }) => company_id)).toEqual([other]);
    await decide("merge_companies($1, $2)", kept, other);
    expect(
      await refusal(workflow.query("select leadgen.record_company_l2($1, '{}')", [claims.rows[0]?.claim_id])),
    ).toMatchObject({ code: "LF414" });
    await workflow.end();
    await login.drop();
  });

  test("can be candidates still where each was kept apart from the oldest", async () => {
    const [oldest, second, third] = [
      await add("companies", { name: "Group", domain: "acme.example" }),
      await add("companies", { name: "Norway", domain: "acme.example" }),
      await add("companies", { name: "Norge", domain: "acme.example" }),
    ];
    const domain = { reason: "domain", value: "acme.example" };
    expect(await candidates()).toEqual([
      { ...domain, kept: "Group", other: "Norge" },
      { ...domain, kept: "Group", other: "Norway" },
    ]);
    await decide("keep_companies_apart($1, $2)", third, oldest);
    expect(await candidates()).toEqual([
      { ...domain, kept: "Group", other: "Norway" },
      { ...domain, kept: "Norway", other: "Norge" },
    ]);
    await decide("keep_companies_apart($1, $2)", oldest, second);
    expect(await candidates()).toEqual([{ ...domain, kept: "Norway", other: "Norge" }]);
    await decide("keep_companies_apart($1, $2)", second, third);
    expect(await candidates()).toEqual([]);
  });

  test("cannot be one LF403, unknown LF006, merged into a third LF404, or undone below another merge LF406", async () => {
    const { kept, other } = await addPair();
    const third = await add("companies", { name: "Third" });
    expect(await refusal(decide("merge_companies($1, $1)", kept))).toMatchObject({
      code: "LF403",
      message: "This is one company, named twice.",
    });
    expect(await refusal(decide("merge_companies($1, $2)", kept, people.tenantId))).toMatchObject({ code: "LF006" });
    const decision = await decide("merge_companies($1, $2)", kept, other);
    expect(await refusal(decide("merge_companies($1, $2)", third, other))).toMatchObject({ code: "LF404" });
    expect(await refusal(decide("merge_companies($1, $2)", other, third))).toMatchObject({ code: "LF006" });
    expect(await refusal(decide("keep_companies_apart($1, $2)", kept, other))).toMatchObject({ code: "LF404" });
    await decide("merge_companies($1, $2)", third, kept);
    expect(await refusal(decide("undo_duplicate_decision($1)", decision?.id))).toMatchObject({ code: "LF406" });
  });

  test("cannot be merged by a viewer 42501, nor by another tenant LF006", async () => {
    const { kept, other } = await addPair();
    const merge = "select leadgen.merge_companies($1, $2)";
    expect(await refusal(logins.speak(people.viewer, merge, [kept, other]))).toMatchObject({ code: "42501" });
    const strangers = await addPeople(database, logins.speak, `strangers-${count}`);
    expect(await refusal(logins.speak(strangers.admin, merge, [kept, other]))).toMatchObject({ code: "LF006" });
    expect(await ask("select id from leadgen.companies")).toHaveLength(2);
  });
});

describe("two contacts", () => {
  test("can be merged with their sent messages, activities, batches and tasks, and told apart again", async () => {
    const [spring, summer] = [await add("batches", { name: "Spring" }), await add("batches", { name: "Summer" })];
    const kept = await add("contacts", { full_name: "Jane Doe", email: "jane@acme.example" });
    const other = await add("contacts", {
      full_name: "Jane",
      email: "JANE@acme.example",
      job_title: "CTO",
      contact_score: 0,
    });
    for (const [contact, batch] of [
      [kept, spring],
      [other, spring],
      [other, summer],
    ]) {
      await add("contact_batches", { contact_id: contact, batch_id: batch });
    }
    const message = await add("messages", { contact_id: other, channel: "email", body: "Hello" });
    await putIn(database, "messages", message, { status: "sent", sent_at: "2026-01-01" });
    await add("activities", { contact_id: other, name: "message_sent", external_id: "x-1" });
    await add("contact_enrichment", { contact_id: kept, person_summary: "Engineer" });
    await add("contact_enrichment", {
      contact_id: other,
      person_summary: "Manager",
      relationship_synthesis: "Met in Oslo",
    });
    const task = await add("tasks", { name: "Call" });
    await add("task_contacts", { task_id: task, contact_id: other });
    const before = await contents();

    const decision = await decide("merge_contacts($1, $2)", kept, other);
    expect(decision?.moved).toMatchObject({
      messages: [message],
      activities: [expect.any(String)],
      contact_batches: [expect.any(String)],
      task_contacts: [expect.any(String)],
      filled: { job_title: [null, "CTO"], contact_score: [null, 0] },
      filled_research: {
        contact_enrichment: { relationship_synthesis: [null, "Met in Oslo"], enrichment_cost_usd: [0, 0] },
      },
    });
    expect(decision?.moved.contact_enrichment).toBeUndefined();
    expect(
      await ask(
        "select person_summary, relationship_synthesis from leadgen.contact_enrichment where contact_id = $1",
        kept,
      ),
    ).toEqual([{ person_summary: "Engineer", relationship_synthesis: "Met in Oslo" }]);
    expect(await ask("select full_name, job_title, contact_score from leadgen.contacts")).toEqual([
      { full_name: "Jane Doe", job_title: "CTO", contact_score: "0" },
    ]);
    expect(await candidates()).toEqual([]);
    await decide("undo_duplicate_decision($1)", decision?.id);
    expect(await contents()).toEqual(before);
  });

  test("can be kept apart", async () => {
    const one = await add("contacts", { full_name: "Jane", email: "office@acme.example" });
    const two = await add("contacts", { full_name: "John", email: "office@acme.example" });
    expect(await candidates()).toHaveLength(1);
    await decide("keep_contacts_apart($1, $2)", one, two);
    expect(await candidates()).toEqual([]);
  });
});
