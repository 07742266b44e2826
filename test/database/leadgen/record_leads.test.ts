/** Leads of the browser extension: made or found by their keys, each told what became of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import {
  addPeople,
  addSqlLogin,
  type Logins,
  openLogins,
  type People,
  refusal,
  type SqlLogin,
} from "../../support/people.ts";
import { addLead } from "./leads.ts";

let database: TestDatabase;
let logins: Logins;
let people: People;
let foreign: People;
let login: SqlLogin;
let extension: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  foreign = await addPeople(database, logins.speak, "meadow");
  login = await addSqlLogin(database, people.tenantId, "automation");
  extension = await connect();
});
afterAll(async () => {
  await extension.end();
  await login.drop();
  await logins.close();
  await database.drop();
});
beforeEach(async () => {
  for (const table of ["duplicate_decisions", "contacts", "companies", "batches", "owners"]) {
    await database.query(`delete from leadgen.${table}`);
  }
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: login.url });
  await client.connect();
  return client;
}

interface Lead {
  [member: string]: unknown;
}
interface Recorded {
  place: number;
  contact_outcome: string;
  contact_id: string | null;
  company_outcome: string | null;
  company_id: string | null;
  not_taken: Record<string, { sent: string; kept: string | null }>;
  reason: string | null;
}

const call = "select * from leadgen.record_leads($1, batch_name => $2)";
async function record(leads: Lead[], batch: string | null = null): Promise<Recorded[]> {
  return (await extension.query<Recorded>(call, [JSON.stringify(leads), batch])).rows;
}
const outcomes = (rows: Recorded[]) => rows.map((row) => [row.contact_outcome, row.company_outcome]);
const ask = (sql: string, ...values: unknown[]) => logins.speak(people.viewer, sql, values);
const add = (table: string, values: Record<string, unknown>, who = people.editor) =>
  addLead(logins.speak, who, table, values);

const jane: Lead = {
  name: "Jane Doe",
  jobTitle: "CTO",
  linkedinUrl: "https://www.linkedin.com/in/jane-doe/",
  companyName: "Acme",
  companyDomain: "https://acme.example/about",
  industry: "Manufacturing",
  companySize: "Startup (20-49)",
};

test("can make the contact and the company, in a batch that is made for them, for whoever sends", async () => {
  const owner = await add("owners", { name: "Michal", user_id: people.editor.userId }, people.admin);
  const [row] = await logins.speak<Recorded & pg.QueryResultRow>(people.editor, call, [
    JSON.stringify([jane]),
    " Fair ",
  ]);
  expect(row).toEqual({
    place: 1,
    contact_outcome: "created",
    contact_id: expect.any(String),
    company_outcome: "created",
    company_id: expect.any(String),
    not_taken: {},
    reason: null,
  });
  expect(
    await ask(
      `select c.full_name, c.job_title, c.linkedin_url, c.contact_source::text, c.message_status::text, c.owner_id, b.name as batch
       from leadgen.contacts c join leadgen.contact_batches i on i.contact_id = c.id join leadgen.batches b on b.id = i.batch_id
       where c.id = $1 and c.company_id = $2`,
      row?.contact_id,
      row?.company_id,
    ),
  ).toEqual([
    {
      full_name: "Jane Doe",
      job_title: "CTO",
      linkedin_url: "https://www.linkedin.com/in/jane-doe/",
      contact_source: "social",
      message_status: "not_started",
      owner_id: owner,
      batch: "Fair",
    },
  ]);
  expect(
    await ask(
      `select c.name, domain_normalized, industry::text, company_size::text, status::text, c.owner_id, b.name as batch
       from leadgen.companies c join leadgen.batches b on b.id = c.batch_id`,
    ),
  ).toEqual([
    {
      name: "Acme",
      domain_normalized: "acme.example",
      industry: "manufacturing",
      company_size: "startup",
      status: "new",
      owner_id: owner,
      batch: "Fair",
    },
  ]);
});

test("can be sent again and changes nothing", async () => {
  const [first] = await record([jane], "Fair");
  const rows = () =>
    database.query("select to_jsonb(c) from leadgen.contacts c union all select to_jsonb(c) from leadgen.companies c");
  const before = await rows();
  const [second] = await record([jane], "Fair");
  expect(second).toEqual({ ...first, contact_outcome: "found", company_outcome: "found" });
  expect(await rows()).toEqual(before);
  expect(await ask("select from leadgen.contact_batches")).toHaveLength(1);
});

test("can be several of one person in one call: one contact, and each is told", async () => {
  const rows = await record([
    { ...jane, jobTitle: null },
    { name: "Jane D.", linkedinUrl: "http://de.linkedin.com/in/Jane-Doe?trk=x", jobTitle: "CTO" },
    { name: "John", email: "john@acme.example", companyName: "  ACME " },
    { name: "John", companyName: "Acme" },
  ]);
  expect(outcomes(rows)).toEqual([
    ["created", "created"],
    ["updated", null],
    ["created", "found"],
    ["found", "found"],
  ]);
  expect(rows[1]).toMatchObject({
    contact_id: rows[0]?.contact_id,
    not_taken: { name: { sent: "Jane D.", kept: "Jane Doe" } },
  });
  expect(rows[3]?.contact_id).toBe(rows[2]?.contact_id);
  expect(await ask("select full_name, job_title from leadgen.contacts order by 1")).toEqual([
    { full_name: "Jane Doe", job_title: "CTO" },
    { full_name: "John", job_title: null },
  ]);
  expect(await ask("select name from leadgen.companies")).toEqual([{ name: "Acme" }]);
});

test("can be two calls at once: one contact, one company", async () => {
  const others = await Promise.all([connect(), connect(), connect()]);
  const told = await Promise.all(
    others.map(async (client) => (await client.query<Recorded>(call, [JSON.stringify([jane]), "Fair"])).rows[0]),
  );
  for (const client of others) await client.end();
  expect(told.map((row) => row?.contact_outcome).sort()).toEqual(["created", "found", "found"]);
  expect(new Set(told.map((row) => row?.contact_id)).size).toBe(1);
  expect(await ask("select from leadgen.contacts")).toHaveLength(1);
  expect(await ask("select from leadgen.companies")).toHaveLength(1);
  expect(await ask("select from leadgen.batches")).toHaveLength(1);
});

test("cannot meet an event of the same person and make them twice", async () => {
  const other = await connect();
  const event = { externalId: "e", eventType: "seen", timestamp: "2026-03-01", contactLinkedinUrl: jane.linkedinUrl };
  await Promise.all([
    record([jane]),
    other.query("select from leadgen.record_activities($1)", [JSON.stringify([event])]),
  ]);
  await other.end();
  expect(await ask("select full_name from leadgen.contacts")).toEqual([{ full_name: "Jane Doe" }]);
  await database.query("delete from leadgen.activities");
});

describe("who is known already", () => {
  test("can be filled in, overwrites nothing, and is told what was not taken", async () => {
    const other = await add("companies", { name: "Other" });
    const contact = await add("contacts", {
      full_name: "Jane Miller",
      job_title: "CEO",
      email: "jane@acme.example",
      company_id: other,
    });
    const company = await add("companies", { name: "Acme", industry: "retail" });
    const lead = {
      ...jane,
      email: "Jane <JANE@acme.example>",
      phoneNumber: "+47 1",
      companySize: "51-200",
      revenueRange: "a lot",
    };
    expect(await record([lead])).toEqual([
      {
        place: 1,
        contact_outcome: "updated",
        contact_id: contact,
        company_outcome: "updated",
        company_id: company,
        not_taken: {
          name: { sent: "Jane Doe", kept: "Jane Miller" },
          jobTitle: { sent: "CTO", kept: "CEO" },
          companyName: { sent: "Acme", kept: "Other" },
          industry: { sent: "Manufacturing", kept: "retail" },
          companySize: { sent: "51-200", kept: null },
          revenueRange: { sent: "a lot", kept: null },
        },
        reason: null,
      },
    ]);
    expect(
      await ask("select full_name, job_title, phone_number, linkedin_url, company_id from leadgen.contacts"),
    ).toEqual([
      {
        full_name: "Jane Miller",
        job_title: "CEO",
        phone_number: "+47 1",
        linkedin_url: jane.linkedinUrl,
        company_id: other,
      },
    ]);
  });

  test("can be told by name once an event had put them down by their page", async () => {
    const event = { externalId: "e", eventType: "seen", timestamp: "2026-03-01", contactLinkedinUrl: jane.linkedinUrl };
    await extension.query("select from leadgen.record_activities($1)", [JSON.stringify([event])]);
    expect(await ask("select full_name from leadgen.contacts")).toEqual([{ full_name: "Jane Doe" }]);
    const [row] = await record([{ ...jane, name: "Jane Ann Doe" }]);
    expect(row).toMatchObject({ contact_outcome: "updated", not_taken: {} });
    expect(await ask("select full_name from leadgen.contacts")).toEqual([{ full_name: "Jane Ann Doe" }]);
    expect((await record([{ ...jane, name: "J. Doe" }]))[0]?.not_taken).toEqual({
      name: { sent: "J. Doe", kept: "Jane Ann Doe" },
    });
    await database.query("delete from leadgen.activities");
  });

  test("can be somebody else of the same address or name, where the page or the address is another", async () => {
    await add("contacts", {
      full_name: "Office",
      email: "office@acme.example",
      linkedin_url: "linkedin.com/in/office",
    });
    const acme = await add("companies", { name: "Acme", domain: "acme.example" });
    await add("contacts", { full_name: "Jane Doe", company_id: acme, email: "jane@acme.example" });
    const rows = await record([
      { name: "Max", linkedinUrl: "linkedin.com/in/max", email: "office@acme.example" },
      { name: "Jane Doe", companyName: "Acme", email: "jane.doe@acme.example" },
      { name: "Ida", companyName: "Acme", companyDomain: "acme.other" },
    ]);
    expect(outcomes(rows)).toEqual([
      ["created", null],
      ["created", "found"],
      ["created", "created"],
    ]);
    expect(await ask("select reason::text from leadgen.duplicate_candidates order by 1")).toEqual([
      { reason: "email" },
      { reason: "name" },
      { reason: "name_and_company" },
    ]);
  });

  test("can be whoever they were merged into, over two steps, as events are", async () => {
    const [row] = await record([jane]);
    const ids: (string | null | undefined)[] = [row?.contact_id];
    for (const name of ["Second", "Third"]) {
      ids.push(await add("contacts", { full_name: name }));
      await logins.speak(people.editor, "select leadgen.merge_contacts($1, $2)", [ids.at(-1), ids.at(-2)]);
    }
    const company = await add("companies", { name: "Acme Group" });
    await logins.speak(people.editor, "select leadgen.merge_companies($1, $2)", [company, row?.company_id]);
    expect(await record([{ linkedinUrl: jane.linkedinUrl, companyName: "Acme" }])).toMatchObject([
      { contact_outcome: "found", contact_id: ids[2], company_outcome: "found", company_id: company, not_taken: {} },
    ]);
    const event = { externalId: "m", eventType: "seen", timestamp: "2026-03-01", contactLinkedinUrl: jane.linkedinUrl };
    await extension.query("select from leadgen.record_activities($1)", [JSON.stringify([event])]);
    expect(await ask("select contact_id from leadgen.activities")).toEqual([{ contact_id: ids[2] }]);
    await database.query("delete from leadgen.activities");
  });
});

test("cannot be lost: what cannot be recorded is refused with a reason, and the others are recorded", async () => {
  const rows = await record([
    jane,
    { ...jane, linkedInUrl: "typo" },
    { linkedinUrl: "https://example.com/in/jane" },
    { name: "Max" },
    { email: "max@acme.example" },
    { name: "Max", email: "n/a" },
    { name: "Max", linkedinUrl: "linkedin.com/in/max", jobTitle: { de: "Leiter" } },
    { name: "Max", linkedinUrl: "linkedin.com/in/max", companyDomain: "acme.example" },
    { name: "Max", companyName: "Acme", companyDomain: "none" },
    {},
  ] as Lead[]);
  expect(rows.map(({ place, contact_outcome, reason }) => [place, contact_outcome, reason])).toEqual([
    [1, "created", null],
    [2, "refused", "Nobody records linkedInUrl here."],
    [3, "refused", "linkedinUrl is no page of LinkedIn."],
    [4, "refused", "A name alone is nobody: send linkedinUrl, email or companyName with it."],
    [5, "refused", "There is neither linkedinUrl nor name."],
    [6, "refused", "email is no e-mail address."],
    [7, "refused", "jobTitle must be text."],
    [8, "refused", "There is companyDomain and no companyName."],
    [9, "refused", "companyDomain is no domain."],
    [10, "refused", "There is neither linkedinUrl nor name."],
  ]);
  const texts = await extension.query<Recorded>(call, ['["text", null]', null]);
  expect(texts.rows.map(({ reason }) => reason)).toEqual([
    "A lead is an object; this is string.",
    "A lead is an object; this is null.",
  ]);
  expect(await ask("select from leadgen.contacts")).toHaveLength(1);
  expect(await ask("select from leadgen.companies")).toHaveLength(1);
});

test("can keep an industry in other words than ours", async () => {
  await record([{ ...jane, industry: "Software Development" }]);
  expect(await ask("select industry, industry_category from leadgen.companies")).toEqual([
    { industry: null, industry_category: "Software Development" },
  ]);
});

test("cannot be no list LF411, too many LF009, for an owner whom nobody knows LF006", async () => {
  expect(await refusal(extension.query(call, ["{}", null]))).toMatchObject({ code: "LF411" });
  expect(await refusal(extension.query(call, [JSON.stringify(Array(201).fill({})), null]))).toMatchObject({
    code: "LF009",
  });
  expect(await refusal(extension.query("select leadgen.record_leads('[]', owner_name => 'Nobody')"))).toMatchObject({
    code: "LF006",
  });
});

test("cannot be recorded by a viewer, a client or a reporter 42501, and meets nobody of another tenant", async () => {
  const values = [JSON.stringify([jane]), "Fair"];
  for (const who of [people.viewer, people.reviewer]) {
    expect(await refusal(logins.speak(who, call, values))).toMatchObject({ code: "42501" });
  }
  const [theirs] = await logins.speak<Recorded & pg.QueryResultRow>(foreign.editor, call, values);
  const [ours] = await record([{ ...jane, jobTitle: "CEO" }], "Fair");
  expect(outcomes([theirs as Recorded, ours as Recorded])).toEqual([
    ["created", "created"],
    ["created", "created"],
  ]);
  expect(await logins.speak(foreign.viewer, "select job_title from leadgen.contacts")).toEqual([{ job_title: "CTO" }]);
  expect(await ask("select job_title from leadgen.contacts")).toEqual([{ job_title: "CEO" }]);
});
