/** What the views about leads say of rows whose right answer is worked out by hand, and to whom. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import type { Identity } from "../../../src/database/with_identity.ts";
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

const views = ["batch_funnels", "qualified_lead_costs", "reply_rates", "stale_contacts", "duplicates"];

let database: TestDatabase;
let logins: Logins;
let people: People;
let foreign: People;
const sqlLogins: SqlLogin[] = [];
const clients: pg.Client[] = [];
let reporter: pg.Client;
let foreignReporter: pg.Client;
let automation: pg.Client;

async function connect(tenantId: string, kind: "reporter" | "automation"): Promise<pg.Client> {
  const login = await addSqlLogin(database, tenantId, kind);
  sqlLogins.push(login);
  const client = new pg.Client({ connectionString: login.url });
  await client.connect();
  clients.push(client);
  return client;
}

/** Rows as they are, behind the rules that would lead to them: every table's columns, and a row a line. */
async function put(table: string, columns: string[], rows: unknown[][], tenantId = people.tenantId): Promise<string[]> {
  const client = new pg.Client({ connectionString: database.urls.admin });
  await client.connect();
  try {
    await client.query("set session_replication_role = replica");
    const ids: string[] = [];
    for (const row of rows) {
      const places = row.map((_, place) => `$${place + 2}`).join(", ");
      const made = await client.query<{ id: string }>(
        `insert into leadgen.${table} (tenant_id, ${columns.join(", ")}) values ($1, ${places}) returning id`,
        [tenantId, ...row],
      );
      ids.push(made.rows[0]?.id as string);
    }
    return ids;
  } finally {
    await client.end();
  }
}

const ago = (days: number) => new Date(Date.now() - days * 86_400_000 - 3_600_000);

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  foreign = await addPeople(database, logins.speak, "meadow");
  reporter = await connect(people.tenantId, "reporter");
  foreignReporter = await connect(foreign.tenantId, "reporter");
  automation = await connect(people.tenantId, "automation");

  const [spring] = await put("batches", ["name"], [["Spring"], ["Empty"]]);
  const company = ["name", "batch_id", "status", "enrichment_cost_usd"];
  const [acme, bolt, coal] = await put("companies", company, [
    ["Acme", spring, "synced", 0.1],
    ["Bolt", spring, "enriched_l2", 0.2],
    ["Coal", spring, "triage_disqualified", 0.05],
    ["Dawn", spring, "new", 0],
    ["Echo", spring, "enrichment_failed", 0.01],
    ["Fire", spring, "triage_review", 0.02],
    ["Gold", spring, "triage_passed", 0.03],
    ["Hill", null, "enriched", 0.04],
  ]);
  await put("companies", [...company, "merged_into_id"], [["Acme Ltd", spring, "synced", 9, acme]]);
  const contact = ["full_name", "company_id", "is_enriched", "message_status", "enrichment_cost_usd", "created_at"];
  const [ada, bob, cleo, dan, eve, finn, gus] = await put("contacts", contact, [
    ["Ada", acme, true, "replied", 0.01, ago(60)],
    ["Bob", acme, true, "sent", 0.01, ago(60)],
    ["Cleo", bolt, true, "pending_review", 0.02, ago(60)],
    ["Dan", bolt, true, "no_channel", 0.02, ago(60)],
    ["Eve", bolt, false, "not_started", 0, ago(60)],
    ["Finn", coal, true, "not_started", 0.01, ago(60)],
    ["Gus", null, true, "approved", 0.005, ago(60)],
  ]);
  const [double] = await put(
    "contacts",
    [...contact, "merged_into_id"],
    [["Ada Double", acme, true, "sent", 9, ago(60), ada]],
  );
  await put(
    "contact_batches",
    ["contact_id", "batch_id"],
    [ada, bob, cleo, dan, eve, finn, double].map((id) => [id, spring]),
  );
  const message = [
    ...["contact_id", "variant", "tone", "language", "status", "generation_cost_usd"],
    ...["created_at", "approved_at", "sent_at", "delivered_at", "replied_at", "channel", "body"],
  ];
  const text = ["email", "Hello"];
  await put("messages", message, [
    [ada, "a", "bold", "en", "replied", 0.00012, ago(50), ago(49), ago(48), ago(47), ago(20), ...text],
    [bob, "a", "bold", "en", "sent", 0.00008, ago(50), ago(49), ago(48), null, null, ...text],
    [bob, "b", null, "de", "delivered", 0.0001, ago(50), ago(49), ago(30), ago(15), null, ...text],
    [cleo, "b", "casual", "nl", "draft", 0.0003, ago(40), null, null, null, null, ...text],
    [gus, "a", "bold", "en", "approved", 0.001, ago(40), ago(16), null, null, null, ...text],
  ]);

  // The other tenant has something in every view.
  const at = foreign.tenantId;
  const [batch] = await put("batches", ["name"], [["Foreign"]], at);
  const [company1] = await put("companies", company, [["Foreign", batch, "enriched_l2", 5]], at);
  await put("companies", company, [["foreign", batch, "new", 5]], at);
  const [written] = await put("contacts", contact, [["Foreign", company1, true, "sent", 5, ago(60)]], at);
  await put("contact_batches", ["contact_id", "batch_id"], [[written, batch]], at);
  await put(
    "messages",
    message,
    [[written, "a", "bold", "cs", "sent", 5, ago(50), ago(49), ago(48), null, null, ...text]],
    at,
  );
});
afterAll(async () => {
  for (const client of clients) await client.end();
  for (const login of sqlLogins) await login.drop();
  await logins.close();
  await database.drop();
});

const report = async (sql: string) => (await reporter.query(sql)).rows;

describe.each(views)("reporting.%s", (view) => {
  const all = `select to_jsonb(v) as row from reporting.${view} v order by 1`;

  test("can be read by a viewer, an editor, an admin and the reporter, who find the same", async () => {
    const found = await report(all);
    for (const who of [people.viewer, people.editor, people.admin]) expect(await logins.speak(who, all)).toEqual(found);
  });

  test("cannot be read by a visitor, a client, an operator, an automation, the worker or the API's login 42501", async () => {
    const { rolePrefix } = database;
    const { userId, sessionId } = people.admin;
    const others: Identity[] = [
      { kind: "visitor", rolePrefix },
      people.reviewer,
      { kind: "operator", rolePrefix, userId, sessionId },
      people.worker,
    ];
    for (const who of others) expect((await refusal(logins.speak(who, all))).code).toBe("42501");
    expect((await refusal(automation.query(all))).code).toBe("42501");
    expect((await refusal(logins.authenticator.query(all))).code).toBe("42501");
  });

  test("cannot show anything of another tenant, whose reporter finds its own and nothing else", async () => {
    const [ours, theirs] = [await report(all), (await foreignReporter.query(all)).rows];
    expect(JSON.stringify(ours)).not.toMatch(/foreign/i);
    expect(theirs.length).toBeGreaterThan(0);
    expect(JSON.stringify(theirs)).not.toMatch(/Acme|Ada|Spring/);
    // An administrator, whom no policy binds, finds the lines of both, none of them made of the rows of two.
    const everything = await database.query(all);
    expect(everything.map((row) => JSON.stringify(row)).sort()).toEqual(
      [...ours, ...theirs].map((row) => JSON.stringify(row)).sort(),
    );
  });

  test("cannot lack a word on a column", async () => {
    expect(
      await report(
        `select a.attname from pg_attribute a where a.attrelid = 'reporting.${view}'::regclass and a.attnum > 0
           and coalesce(col_description(a.attrelid, a.attnum), '') !~ '\\S'`,
      ),
    ).toEqual([]);
  });
});

describe("reporting.batch_funnels", () => {
  test("can count who is at each step or beyond, an empty batch and what is in none included, and nobody who was merged", async () => {
    const rows = await report("select to_jsonb(f) - 'batch_id' as line from reporting.batch_funnels f order by batch");
    const none = {
      companies: 0,
      companies_l1: 0,
      companies_in_review: 0,
      companies_disqualified: 0,
      companies_passed: 0,
      companies_l2: 0,
      companies_synced: 0,
      companies_failed: 0,
      contacts: 0,
      contacts_researched: 0,
      contacts_drafted: 0,
      contacts_approved: 0,
      contacts_sent: 0,
      contacts_replied: 0,
      contacts_without_channel: 0,
      contacts_failed: 0,
    };
    expect(rows.map(({ line }) => line)).toEqual([
      { ...none, batch: "Empty" },
      {
        batch: "Spring",
        companies: 7,
        companies_l1: 5,
        companies_in_review: 1,
        companies_disqualified: 1,
        companies_passed: 3,
        companies_l2: 2,
        companies_synced: 1,
        companies_failed: 1,
        contacts: 6,
        contacts_researched: 5,
        contacts_drafted: 3,
        contacts_approved: 2,
        contacts_sent: 2,
        contacts_replied: 1,
        contacts_without_channel: 1,
        contacts_failed: 0,
      },
      {
        ...none,
        batch: null,
        companies: 1,
        companies_l1: 1,
        contacts: 1,
        contacts_researched: 1,
        contacts_drafted: 1,
        contacts_approved: 1,
      },
    ]);
  });
});

describe("reporting.qualified_lead_costs", () => {
  test("can divide all that was spent by those who may be written to, with every decimal, and has none where nobody is", async () => {
    expect(
      await report(
        `select batch, contacts, qualified_leads, company_cost_usd::float, contact_cost_usd::float, message_cost_usd::float,
           cost_usd::float, cost_per_qualified_lead_usd::float
         from reporting.qualified_lead_costs order by batch`,
      ),
    ).toEqual([
      {
        batch: "Empty",
        contacts: 0,
        qualified_leads: 0,
        company_cost_usd: 0,
        contact_cost_usd: 0,
        message_cost_usd: 0,
        cost_usd: 0,
        cost_per_qualified_lead_usd: null,
      },
      {
        batch: "Spring",
        contacts: 6,
        // Ada, Bob and Cleo: Dan has no channel, nobody looked Eve up, and Finn's company is disqualified.
        qualified_leads: 3,
        company_cost_usd: 0.41,
        contact_cost_usd: 0.07,
        message_cost_usd: 0.0006,
        cost_usd: 0.4806,
        cost_per_qualified_lead_usd: 0.1602,
      },
      {
        batch: null,
        contacts: 1,
        qualified_leads: 0,
        company_cost_usd: 0.04,
        contact_cost_usd: 0.005,
        message_cost_usd: 0.001,
        cost_usd: 0.046,
        cost_per_qualified_lead_usd: null,
      },
    ]);
  });

  test("can count somebody in each of their batches", async () => {
    const [summer] = await put("batches", ["name"], [["Summer"]]);
    const [row] = await database.query<{ id: string }>("select id from leadgen.contacts where full_name = 'Ada'");
    await put("contact_batches", ["contact_id", "batch_id"], [[row?.id, summer]]);
    const [line] = await report(
      "select qualified_leads, cost_usd::float from reporting.qualified_lead_costs where batch = 'Summer'",
    );
    await database.query("delete from leadgen.batches where id = $1", [summer]);
    expect(line).toEqual({ qualified_leads: 1, cost_usd: 0.01012 });
  });
});

describe("reporting.reply_rates", () => {
  test("can compare by variant, tone, language and all of them, a rate being none where nothing was sent", async () => {
    const rows = await report(
      "select compared_by, concat_ws(' ', variant, tone, language) as what, messages, sent, replied, reply_rate::float from reporting.reply_rates",
    );
    expect(rows.map((row) => Object.values(row))).toEqual([
      ["all", "", 5, 3, 1, 0.3333],
      ["language", "en", 3, 2, 1, 0.5],
      ["language", "de", 1, 1, 0, 0],
      ["language", "nl", 1, 0, 0, null],
      ["tone", "bold", 3, 2, 1, 0.5],
      ["tone", "", 1, 1, 0, 0],
      ["tone", "casual", 1, 0, 0, null],
      ["variant", "a", 3, 2, 1, 0.5],
      ["variant", "b", 2, 1, 0, 0],
      ["variant, tone and language", "a bold en", 3, 2, 1, 0.5],
      ["variant, tone and language", "b de", 1, 1, 0, 0],
      ["variant, tone and language", "b casual nl", 1, 0, 0, null],
    ]);
  });
});

describe("reporting.stale_contacts", () => {
  const stale = () =>
    report("select contact, company, waits_for, days from reporting.stale_contacts order by last_event_at");

  test("can list with whom nothing has happened for 14 days, and what they wait for", async () => {
    expect(await stale()).toEqual([
      { contact: "Cleo", company: "Bolt", waits_for: "a review", days: 40 },
      { contact: "Ada", company: "Acme", waits_for: "us", days: 20 },
      { contact: "Gus", company: null, waits_for: "sending", days: 16 },
      { contact: "Bob", company: "Acme", waits_for: "an answer", days: 15 },
    ]);
  });

  test("cannot list whom an activity, an event or a plan concerns, and lists by birth whom nothing does", async () => {
    const id = async (name: string) =>
      (await database.query<{ id: string }>("select id from leadgen.contacts where full_name = $1", [name]))[0]?.id;
    const activities = await put(
      "activities",
      ["contact_id", "name", "occurred_at"],
      [
        [await id("Ada"), "call", ago(13)],
        [await id("Bob"), "call", ago(14.5)],
      ],
    );
    const [event] = await put("crm_events", ["name", "event_at"], [["Demo", ago(-3)]]);
    await put("crm_event_participants", ["crm_event_id", "contact_id"], [[event, await id("Gus")]]);
    const [task] = await put("tasks", ["name", "scheduled_date"], [["Call", ago(-3)]]);
    await put("task_contacts", ["task_id", "contact_id"], [[task, await id("Cleo")]]);
    const [silent] = await put("contacts", ["full_name", "message_status", "created_at"], [["Hal", "sent", ago(60)]]);
    const found = await stale();
    await database.query("delete from leadgen.contacts where id = $1", [silent]);
    await database.query("delete from leadgen.activities where id = any ($1)", [activities]);
    await database.query("delete from leadgen.crm_events where id = $1", [event]);
    await database.query("delete from leadgen.tasks where id = $1", [task]);
    expect(found).toEqual([
      { contact: "Hal", company: null, waits_for: "an answer", days: 60 },
      { contact: "Bob", company: "Acme", waits_for: "an answer", days: 14 },
    ]);
  });
});

describe("reporting.duplicates", () => {
  test("can list a pair once with all that it shares, and no pair that somebody has decided on", async () => {
    const companies = await put(
      "companies",
      ["name", "domain"],
      [
        ["Ink", "ink.example"],
        ["INK", "https://www.ink.example/home"],
        ["Jade", "jade.example"],
        ["Jade Ltd", "jade.example"],
      ],
    );
    const contacts = await put(
      "contacts",
      ["full_name", "email", "linkedin_url", "company_id"],
      [
        ["Ida Ek", "ida@ink.example", "linkedin.com/in/ida", companies[0]],
        ["ida  ek", "IDA@ink.example", "https://se.linkedin.com/in/ida?x", companies[0]],
      ],
    );
    expect(
      await report("select kind, name, other_name, reasons::text[], shared_values from reporting.duplicates"),
    ).toEqual([
      {
        kind: "company",
        name: "Ink",
        other_name: "INK",
        reasons: ["domain", "name"],
        shared_values: ["ink.example", "ink"],
      },
      {
        kind: "company",
        name: "Jade",
        other_name: "Jade Ltd",
        reasons: ["domain"],
        shared_values: ["jade.example"],
      },
      {
        kind: "contact",
        name: "Ida Ek",
        other_name: "ida  ek",
        reasons: ["linkedin_url", "email", "name_and_company"],
        shared_values: ["linkedin.com/in/ida", "ida@ink.example"],
      },
    ]);
    await logins.speak(people.editor, "select leadgen.keep_companies_apart($1, $2)", [companies[2], companies[3]]);
    await logins.speak(people.editor, "select leadgen.merge_contacts($1, $2)", contacts);
    await logins.speak(people.editor, "select leadgen.merge_companies($1, $2)", companies.slice(0, 2));
    expect(await report("select from reporting.duplicates")).toEqual([]);
    // An import that knows nothing of the merge.
    const late = await put("contacts", ["full_name", "company_id"], [["Late", companies[1]]]);
    expect(await report("select name, other_name, reasons::text[] from reporting.duplicates")).toEqual([
      { name: "Ink", other_name: "INK", reasons: ["linked_since_merge"] },
    ]);
    await database.query("delete from leadgen.contacts where id = any ($1)", [[...contacts, ...late]]);
    await database.query("delete from leadgen.companies where id = any ($1)", [companies]);
  });
});
