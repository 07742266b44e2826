import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { projectDir } from "../../../src/config.ts";
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
import { addLead, putIn } from "./leads.ts";

let database: TestDatabase;
let logins: Logins;
let people: People;
let login: SqlLogin;
let workflow: pg.Client;
let batchId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  login = await addSqlLogin(database, people.tenantId, "automation");
  workflow = await connect();
  batchId = await addLead(logins.speak, people.editor, "batches", { name: "batch-2-NL-NORDICS[OPS/FIN]" });
});

afterAll(async () => {
  await workflow.end();
  await login.drop();
  await logins.close();
  await database.drop();
});

beforeEach(async () => {
  await database.query("delete from leadgen.companies");
  await database.query("delete from leadgen.contacts");
  await database.query("delete from leadgen.pipeline_runs");
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: login.url });
  await client.connect();
  return client;
}

interface Row {
  [column: string]: unknown;
}

/** One node of a workflow: one statement by the tenant's SQL login. */
async function node(call: string, ...values: unknown[]): Promise<Row[]> {
  return (await workflow.query<Row>(`select * from leadgen.${call}`, values)).rows;
}

async function only(rows: Promise<Row[]>): Promise<Row> {
  const [row, ...others] = await rows;
  if (row === undefined || others.length > 0)
    throw new Error(`${others.length + (row ? 1 : 0)} rows came instead of one.`);
  return row;
}

const addCompany = (name: string, values: Row = {}) =>
  addLead(logins.speak, people.editor, "companies", { name, batch_id: batchId, ...values });

/** A contact of a company that has been through both stages of research. */
async function addContact(name: string, values: Record<string, string> = {}): Promise<string> {
  const companyId = await addCompany(`Company of ${name}`);
  await putIn(database, "companies", companyId, { status: "enriched_l2" });
  const id = await addLead(logins.speak, people.editor, "contacts", { full_name: name, company_id: companyId });
  if (Object.keys(values).length > 0) await putIn(database, "contacts", id, values);
  return id;
}

async function rowOf(table: string, id: unknown): Promise<Row> {
  return await only(database.query<Row>(`select * from leadgen.${table} where id = $1`, [id]));
}

describe("claims", () => {
  test("give each company to one workflow, the most promising first, and again when the lease has ended", async () => {
    await addCompany("Second", { pre_score: 5 });
    const first = await addCompany("First", { pre_score: 9 });
    const [claimed] = await node("claim_companies('l1', max_count => 1, claimed_by => 'n8n #7')");
    expect(claimed).toMatchObject({ company_id: first, name: "First", stage: "l1", claimed_by: "n8n #7" });
    expect((await node("claim_companies('l1')")).map(({ name }) => name)).toEqual(["Second"]);
    expect(await node("claim_companies('l1')")).toEqual([]);
    await database.query("update leadgen.claims set expires_at = now() - interval '1 second' where company_id = $1", [
      first,
    ]);
    expect((await node("claim_companies('l1')")).map(({ name }) => name)).toEqual(["First"]);
    const late = await refusal(node("record_company_l1($1, 'triage_passed')", claimed?.claim_id));
    expect(late).toMatchObject({ code: "LF414" });
  });

  test("keep to the batch, the owner, the tiers and the stage that were asked for", async () => {
    const owner = await addLead(logins.speak, people.admin, "owners", { name: "Michal" });
    await addCompany("In another batch", { batch_id: null });
    await addCompany("Somebody else's");
    await addCompany("Mine", { owner_id: owner, tier: "tier_2_gold" });
    const mine = "claim_companies('l1', 'batch-2-NL-NORDICS[OPS/FIN]', 'Michal', tiers => $1)";
    expect(await node(mine, ["tier_1_platinum"])).toEqual([]);
    expect(await node("claim_companies('l2')")).toEqual([]);
    expect((await node(mine, ["tier_2_gold"])).map(({ name }) => name)).toEqual(["Mine"]);
    expect(await refusal(node("claim_companies('l1', 'batch-3')"))).toMatchObject({ code: "LF006" });
    expect(await refusal(node("claim_companies('person')"))).toMatchObject({ code: "LF413" });
    expect(await refusal(node("claim_companies('l1', max_count => 0)"))).toMatchObject({ code: "LF413" });
    expect(await refusal(node("claim_contacts('message', lease => '2 days')"))).toMatchObject({ code: "LF413" });
  });

  test("come back after a failure only where failed ones are asked for", async () => {
    const id = await addCompany("Broken");
    const claim = await only(node("claim_companies('l1')"));
    await node("give_back($1, 'the site is down', 0.00012)", claim.claim_id);
    expect(await rowOf("companies", id)).toMatchObject({
      status: "enrichment_failed",
      error_message: "the site is down",
      enrichment_cost_usd: "0.00012",
    });
    expect(await node("claim_companies('l1')")).toEqual([]);
    const again = await only(node("claim_companies('l1', include_failed => true)"));
    await node("give_back($1)", again.claim_id);
    expect(await rowOf("companies", id)).toMatchObject({ status: "enrichment_failed" });
    expect(await database.query("select from leadgen.claims")).toEqual([]);
  });

  test("of a message mean that it is being written, until it is given back", async () => {
    const id = await addContact("Jane Doe", { is_enriched: "true" });
    const claim = await only(node("claim_contacts('message')"));
    expect(claim).toMatchObject({ contact_id: id, message_status: "generating", company_name: "Company of Jane Doe" });
    await node("give_back($1)", claim.claim_id);
    expect(await rowOf("contacts", id)).toMatchObject({ message_status: "not_started" });
    const again = await only(node("claim_contacts('message')"));
    await database.query("update leadgen.claims set expires_at = now()");
    const afterDeath = await only(node("claim_contacts('message')"));
    expect(afterDeath.claim_id).not.toBe(again.claim_id);
    await node("give_back($1, 'the model is overloaded')", afterDeath.claim_id);
    expect(await rowOf("contacts", id)).toMatchObject({ message_status: "generation_failed" });
  });

  test("can be held for longer", async () => {
    await addCompany("Slow");
    const claim = await only(node("claim_companies('l1', lease => '1 minute')"));
    await node("extend_claim($1, '1 hour')", claim.claim_id);
    const [row] = await database.query<{ isLong: boolean }>(
      `select expires_at > now() + interval '50 minutes' as "isLong" from leadgen.claims`,
    );
    expect(row?.isLong).toBe(true);
  });

  test("are not for people, and not for another tenant's login", async () => {
    await addCompany("Ours");
    const claim = await only(node("claim_companies('l1')"));
    const others = await addPeople(database, logins.speak, "quarry");
    const name = `automation_of_quarry_${database.name}`;
    await database.query(`create role ${name} login password '${name}' in role ${database.rolePrefix}_automation`);
    await database.query("insert into tenancy.sql_logins (tenant_id, login_name, kind) values ($1, $2, 'automation')", [
      others.tenantId,
      name,
    ]);
    const url = new URL(login.url);
    url.username = name;
    url.password = name;
    const stranger = new pg.Client({ connectionString: url.toString() });
    await stranger.connect();
    try {
      const theirs = async (call: string) => (await stranger.query(`select * from leadgen.${call}`)).rows;
      await database.query("update leadgen.claims set expires_at = now()");
      expect(await theirs("claim_companies('l1')")).toEqual([]);
      expect(await theirs("claimed_companies")).toEqual([]);
      for (const call of [
        `give_back('${claim.claim_id}')`,
        `extend_claim('${claim.claim_id}')`,
        `record_company_l1('${claim.claim_id}', 'triage_passed')`,
      ]) {
        expect(await refusal(theirs(call))).toMatchObject({ code: "LF414" });
      }
      expect(await refusal(theirs("claim_companies('l1', 'batch-2-NL-NORDICS[OPS/FIN]')"))).toMatchObject({
        code: "LF006",
      });
      expect(await refusal(theirs(`move_company('${claim.company_id}', 'synced')`))).toMatchObject({ code: "LF006" });
    } finally {
      await stranger.end();
      await database.query(`drop role ${name}`);
    }
    for (const who of [people.viewer, people.editor, people.admin]) {
      expect(await refusal(logins.speak(who, "select leadgen.claim_companies('l1')"))).toMatchObject({ code: "42501" });
    }
  });

  test("of ten workflows at once, one of them killed, give everything to exactly one and lose nothing", async () => {
    const total = 60;
    for (let at = 0; at < total; at += 1) await addContact(`Contact ${at}`);
    const recorded: string[] = [];
    const held: string[] = [];

    const claimFour = async (client: pg.Client) =>
      (await client.query<Row>("select * from leadgen.claim_contacts('person', max_count => 4)")).rows;
    async function work(): Promise<void> {
      const client = await connect();
      for (let claimed = await claimFour(client); claimed.length > 0; claimed = await claimFour(client)) {
        for (const { claim_id, contact_id } of claimed) {
          await client.query("select leadgen.record_person($1, '{\"contact_score\": 50}')", [claim_id]);
          recorded.push(String(contact_id));
        }
      }
      await client.end();
    }
    /** Is killed in the midst of the others, with its claims in hand. */
    async function die(): Promise<void> {
      const client = await connect();
      client.on("error", () => undefined);
      const gone = new Promise((resolve) => client.once("end", resolve));
      held.push(...(await claimFour(client)).map(({ contact_id }) => String(contact_id)));
      const [self] = (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows;
      const others = Promise.all(Array.from({ length: 9 }, work));
      await database.query("select pg_terminate_backend($1)", [self?.pid]);
      await Promise.all([gone, others]);
    }
    await die();

    expect(held.length).toBeGreaterThan(0);
    expect(new Set(recorded).size).toBe(recorded.length);
    expect(recorded.filter((id) => held.includes(id))).toEqual([]);
    expect(recorded.length + held.length).toBe(total);
    await database.query("update leadgen.claims set expires_at = now()");
    await work();
    expect(new Set(recorded).size).toBe(total);
    const [left] = await database.query<{ waiting: string }>(
      "select count(*) as waiting from leadgen.contacts where not is_enriched or contact_score <> 50",
    );
    expect(Number(left?.waiting)).toBe(0);
  });
});

describe("results", () => {
  test("of the first stage name columns, labels or values, and tags by category", async () => {
    const id = await addCompany("Rosewood");
    const claim = await only(node("claim_companies('l1')"));
    await node(
      "record_company_l1($1, 'triage_passed', $2, $3, 0.0271)",
      claim.claim_id,
      JSON.stringify({
        tier: "Tier 2 - Gold",
        industry: "manufacturing",
        verified_revenue_eur_m: 62.5,
        hq_city: null,
        triage_score: 0,
      }),
      JSON.stringify({ pain_area: ["Planning", "Planning", " "] }),
    );
    expect(await rowOf("companies", id)).toMatchObject({
      status: "triage_passed",
      tier: "tier_2_gold",
      industry: "manufacturing",
      verified_revenue_eur_m: "62.5",
      triage_score: "0",
      hq_city: null,
      enrichment_cost_usd: "0.0271",
    });
    expect(
      await database.query("select category, value from leadgen.company_tags where company_id = $1", [id]),
    ).toEqual([{ category: "pain_area", value: "Planning" }]);
    expect(await refusal(node("record_company_l1($1, 'triage_passed')", claim.claim_id))).toMatchObject({
      code: "LF414",
    });
  });

  test("that name what nobody knows, or go where nobody may, change nothing", async () => {
    const id = await addCompany("Rosewood");
    const claim = await only(node("claim_companies('l1')"));
    const unknown = await refusal(node("record_company_l1($1, 'triage_passed', '{\"revenue\": 5}')", claim.claim_id));
    expect(unknown).toMatchObject({ code: "LF410", message: expect.stringContaining("revenue") });
    expect(await refusal(node("record_company_l1($1, 'synced')", claim.claim_id))).toMatchObject({ code: "LF003" });
    expect(
      await refusal(node("record_company_l1($1, 'triage_passed', '{\"tier\": \"Best\"}')", claim.claim_id)),
    ).toMatchObject({
      code: "22P02",
    });
    expect(await refusal(node("record_company_l2($1, '{}')", claim.claim_id))).toMatchObject({ code: "LF413" });
    expect(await rowOf("companies", id)).toMatchObject({ status: "new", tier: null });
    expect(await database.query("select from leadgen.claims")).toHaveLength(1);
  });

  test("of the second stage fill what was found and keep the rest", async () => {
    const id = await addCompany("Rosewood");
    await putIn(database, "companies", id, { status: "triage_passed" });
    const claim = await only(node("claim_companies('l2')"));
    await node(
      "record_company_l2($1, $2, cost_usd => 0.05)",
      claim.claim_id,
      JSON.stringify({ pain_hypothesis: "It's O'Brien's; \"quotes\"", quick_wins: [1] }),
    );
    await putIn(database, "companies", id, { status: "triage_passed" });
    const again = await only(node("claim_companies('l2')"));
    await node("record_company_l2($1, $2, cost_usd => 0.01)", again.claim_id, JSON.stringify({ recent_news: "None" }));
    const [research] = await database.query("select * from leadgen.company_enrichment_l2 where company_id = $1", [id]);
    expect(research).toMatchObject({
      pain_hypothesis: "It's O'Brien's; \"quotes\"",
      quick_wins: [1],
      recent_news: "None",
      enrichment_cost_usd: "0.06",
    });
    expect(await rowOf("companies", id)).toMatchObject({ status: "enriched_l2" });
  });

  test("of a message are drafts that wait for review, or nobody to write to", async () => {
    const id = await addContact("Jane Doe", { is_enriched: "true" });
    const claim = await only(node("claim_contacts('message')"));
    const drafts = [
      { channel: "email", subject: "Hello", body: "Good day.", variant: "A" },
      { channel: "linkedin_connect", body: "Hello.", sequence_step: 2, language: "de" },
    ];
    const messages = await node("record_messages($1, $2, 0.00345)", claim.claim_id, JSON.stringify(drafts));
    expect(
      messages.map(({ channel, status, variant, language, generation_cost_usd: cost }) => [
        channel,
        status,
        variant,
        language,
        cost,
      ]),
    ).toEqual([
      ["email", "draft", "a", "en", "0.00345"],
      ["linkedin_connect", "draft", "a", "de", "0"],
    ]);
    expect(await rowOf("contacts", id)).toMatchObject({ message_status: "pending_review" });
    const silent = await addContact("Nobody's", { is_enriched: "true" });
    const other = await only(node("claim_contacts('message')"));
    await node("record_messages($1, '[]')", other.claim_id);
    expect(await rowOf("contacts", silent)).toMatchObject({ message_status: "no_channel" });
  });
});

describe("a run", () => {
  test("counts what there is to do, what is done by anybody at once, and what it costs", async () => {
    for (let at = 0; at < 12; at += 1) await addCompany(`Company ${at}`);
    const run = await only(node("start_pipeline_run('batch-2-NL-NORDICS[OPS/FIN]', execution_id => 'e-1')"));
    expect(run).toMatchObject({
      status: "running",
      total_companies: 12,
      l1_total: 12,
      l2_total: 12,
      total_contacts: 0,
    });
    expect(await only(node("start_pipeline_run('batch-2-NL-NORDICS[OPS/FIN]', execution_id => 'e-1')"))).toMatchObject({
      id: run.id,
    });
    const clients = await Promise.all(Array.from({ length: 4 }, connect));
    await Promise.all(
      clients.map(async (client) => {
        const { rows } = await client.query<Row>(
          "select * from leadgen.claim_companies('l1', max_count => 3, pipeline_run_id => $1)",
          [run.id],
        );
        for (const { claim_id } of rows) {
          await client.query("select leadgen.record_company_l1($1, 'triage_passed', cost_usd => 0.00001)", [claim_id]);
        }
      }),
    );
    await Promise.all(clients.map((client) => client.end()));
    await node("add_pipeline_cost($1, 0.5)", run.id);
    expect(await rowOf("pipeline_runs", run.id)).toMatchObject({ l1_done: 12, l2_done: 0, cost_usd: "0.50012" });
    const [claim] = await node("claim_companies('l2', pipeline_run_id => $1)", run.id);
    expect(claim).toBeDefined();
    expect(await only(node("finish_pipeline_run($1, 'out of money')", run.id))).toMatchObject({
      status: "failed",
      error_message: "out of money",
    });
    expect(await database.query("select from leadgen.claims")).toEqual([]);
    expect(await refusal(node("finish_pipeline_run($1)", run.id))).toMatchObject({ code: "LF003" });
  });
});

describe("activities", () => {
  const events = [
    {
      externalId: "x-1",
      eventType: "connection_accepted",
      timestamp: "2026-03-01T10:00:00Z",
      contactLinkedinUrl: "https://www.linkedin.com/in/jane-doe/?trk=1",
      payload: { a: 1 },
    },
    {
      externalId: "x-2",
      eventType: "message_sent",
      timestamp: "2026-03-01T10:00:00Z",
      contactLinkedinUrl: "linkedin.com/in/jane-doe",
      payload: "text",
    },
    { externalId: "x-3", eventType: "seen", timestamp: "2026-03-02T10:00:00+02:00" },
  ];

  test("come in once, however often they are sent, and know their contact by the page", async () => {
    const jane = await addContact("Jane Doe");
    await database.query(
      "update leadgen.contacts set linkedin_url = 'http://de.linkedin.com/in/Jane-Doe' where id = $1",
      [jane],
    );
    const sent = JSON.stringify(events);
    const first = await node("record_activities($1)", sent);
    expect(first.map(({ external_id, contact_id, type, payload }) => [external_id, contact_id, type, payload])).toEqual(
      [
        ["x-1", jane, "event", { a: 1 }],
        ["x-2", jane, "message", { value: "text" }],
        ["x-3", null, "event", {}],
      ],
    );
    expect(await node("record_activities($1)", sent)).toEqual([]);
    expect(await logins.speak(people.editor, "select from leadgen.record_activities($1)", [sent])).toEqual([]);
    await database.query("delete from leadgen.activities");
  });

  test("add whom nobody knows, once, though two calls come at once", async () => {
    const other = await connect();
    const batches = ["y", "z"].map((name) =>
      JSON.stringify(events.map((event) => ({ ...event, externalId: `${name}${event.externalId}` }))),
    );
    await Promise.all([
      node("record_activities($1)", batches[0]),
      other.query("select leadgen.record_activities($1)", [batches[1]]),
    ]);
    await other.end();
    expect(await database.query("select full_name, contact_source from leadgen.contacts")).toEqual([
      { full_name: "Jane Doe", contact_source: "social" },
    ]);
    await database.query("delete from leadgen.activities");
  });

  test("that lack something are refused together, and say which", async () => {
    const lacking = [...events, { eventType: "seen", timestamp: "2026-03-01T10:00:00Z" }];
    const refused = await refusal(node("record_activities($1)", JSON.stringify(lacking)));
    expect(refused).toMatchObject({ code: "LF415", message: "Event 4 has no externalId." });
    expect(await database.query("select from leadgen.activities")).toEqual([]);
    expect(await refusal(node("record_activities('{}')"))).toMatchObject({ code: "LF411" });
  });
});

describe("docs/n8n.md", () => {
  const text = readFileSync(join(projectDir, "docs/n8n.md"), "utf8");
  const blocks = [...text.matchAll(/^```sql\n([\s\S]*?)^```/gm)].flatMap(([, block = ""]) => block.trim().split("\n"));
  const cells = [...text.matchAll(/```(select [^`]*)```/g)].map(([, statement = ""]) => statement);

  test("has statements", () => expect(blocks.length + cells.length).toBeGreaterThan(20));

  test.each([...blocks, ...cells])("can be run by a workflow's login: %s", async (statement) => {
    await workflow.query("begin");
    try {
      await workflow.query(`prepare statement as ${statement.replace(/;$/, "")}`);
      const values = new Set(statement.match(/\$\d/g)).size;
      // Not carried out, but as far as the rights to every table, column and function are asked for.
      await workflow.query(
        `explain execute statement${values === 0 ? "" : `(${Array(values).fill("null").join(", ")})`}`,
      );
    } finally {
      await workflow.query("rollback");
      await workflow.query("deallocate all");
    }
  });
});
