/**
 * Every function and view of leadgen, called with what it is for by every role, and with the same by another tenant's. Who may call what is
 * declared in test/security/expectations.ts; a function that is not here fails the suite.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { type Identity, settingsOf } from "../../../src/database/with_identity.ts";
import { functions as callers, isAmong, views as readers, type Word } from "../../security/expectations.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import {
  addPeople,
  addSqlLogin,
  idOf,
  type Logins,
  openLogins,
  type People,
  type SqlLogin,
} from "../../support/people.ts";

/** Rows of one tenant, each in the state that a function asks for, by what they are. */
type Rows = Record<(typeof names)[number], string>;

const names = [
  ...["batch", "owner", "fresh", "passed", "reviewed", "disqualified", "failed", "researched", "twin", "otherTwin"],
  ...["person", "ready", "answering", "double", "otherDouble", "draft", "approved", "sent", "asset", "run", "decision"],
  ...["l1Claim", "l2Claim", "personClaim", "messageClaim"],
] as const;

interface Deed {
  /** A statement, its values named by the rows that they point at, or given as they are. */
  sql: string;
  values: ((rows: Rows) => unknown)[];
  /** What another tenant is told: a code, "nothing", or "its own" where the call makes or finds rows of whoever calls. */
  elsewhere: string;
}

const deed = (sql: string, values: Deed["values"], elsewhere: string): Deed => ({ sql, values, elsewhere });
const call = (sql: string, values: Deed["values"], elsewhere = "LF006") =>
  deed(`select * from leadgen.${sql}`, values, elsewhere);
const of = (name: keyof Rows) => (rows: Rows) => rows[name];
/** A computed column, which is asked of a row that the caller finds by itself. */
const column = (name: string, table: string, row: keyof Rows) =>
  deed(`select leadgen.${name}(t) from leadgen.${table} t where id = $1`, [of(row)], "nothing");
const page = "https://www.linkedin.com/in/double";

const deeds: Record<string, Deed> = {
  "leadgen.add_pipeline_cost(uuid,numeric,uuid,uuid)": call("add_pipeline_cost($1, 0.1, $2, $3)", [
    of("run"),
    of("fresh"),
    of("person"),
  ]),
  "leadgen.approve_message(uuid,text,text,integer)": call("approve_message($1)", [of("draft")]),
  "leadgen.approve_messages(uuid[])": call("approve_messages($1)", [(rows) => [rows.draft]], "nothing"),
  "leadgen.claim_companies(leadgen.pipeline_stage,text,text,leadgen.company_tier[],integer,interval,boolean,uuid,text)":
    call("claim_companies('l1', max_count => 100, include_failed => true)", [], "nothing"),
  "leadgen.claim_contacts(leadgen.pipeline_stage,text,text,leadgen.company_tier[],integer,interval,boolean,uuid,text)":
    call("claim_contacts('person', max_count => 100, include_failed => true)", [], "nothing"),
  "leadgen.companies_allowed_transitions(leadgen.companies)": column(
    "companies_allowed_transitions",
    "companies",
    "fresh",
  ),
  "leadgen.contacts_allowed_transitions(leadgen.contacts)": column(
    "contacts_allowed_transitions",
    "contacts",
    "person",
  ),
  "leadgen.count_rows(uuid,uuid)": call("count_rows($1)", [of("batch")], "nothing"),
  "leadgen.disqualify_company(uuid,text,integer)": call("disqualify_company($1)", [of("reviewed")]),
  "leadgen.extend_claim(uuid,interval)": call("extend_claim($1)", [of("l1Claim")], "LF414"),
  "leadgen.find_companies(text,leadgen.company_status[],leadgen.company_tier[],uuid,uuid,text,text,numeric,numeric,leadgen.company_order,integer,text)":
    call("find_companies('Twin', owner_id => $1, batch_id => $2)", [of("owner"), of("batch")], "its own"),
  "leadgen.find_contacts(text,leadgen.contact_message_status[],leadgen.company_tier[],uuid,uuid,uuid,text,text,numeric,numeric,leadgen.contact_order,integer,text)":
    call("find_contacts('Double', owner_id => $1, company_id => $2)", [of("owner"), of("researched")], "its own"),
  "leadgen.find_messages(leadgen.message_status,uuid,leadgen.message_channel,integer,text)": call(
    "find_messages('sent')",
    [],
    "its own",
  ),
  "leadgen.finish_pipeline_run(uuid,text)": call("finish_pipeline_run($1, 'It broke.')", [of("run")]),
  "leadgen.give_back(uuid,text,numeric)": call("give_back($1, 'It broke.')", [of("l1Claim")], "LF414"),
  "leadgen.keep_companies_apart(uuid,uuid)": call("keep_companies_apart($1, $2)", [of("twin"), of("otherTwin")]),
  "leadgen.keep_contacts_apart(uuid,uuid)": call("keep_contacts_apart($1, $2)", [of("double"), of("otherDouble")]),
  "leadgen.mark_message_delivered(uuid,timestamp with time zone)": call("mark_message_delivered($1)", [of("sent")]),
  "leadgen.mark_message_replied(uuid,timestamp with time zone)": call("mark_message_replied($1)", [of("sent")]),
  "leadgen.mark_message_sent(uuid,timestamp with time zone)": call("mark_message_sent($1)", [of("approved")]),
  "leadgen.merge_companies(uuid,uuid)": call("merge_companies($1, $2)", [of("twin"), of("otherTwin")]),
  "leadgen.merge_contacts(uuid,uuid)": call("merge_contacts($1, $2)", [of("double"), of("otherDouble")]),
  "leadgen.messages_allowed_transitions(leadgen.messages)": column("messages_allowed_transitions", "messages", "draft"),
  "leadgen.messages_exceeded_limits(leadgen.messages)": column("messages_exceeded_limits", "messages", "draft"),
  "leadgen.move_company(uuid,leadgen.company_status,text)": call("move_company($1, 'synced')", [of("researched")]),
  "leadgen.pass_company(uuid,text,integer)": call("pass_company($1)", [of("reviewed")]),
  "leadgen.pipeline_runs_allowed_transitions(leadgen.pipeline_runs)": column(
    "pipeline_runs_allowed_transitions",
    "pipeline_runs",
    "run",
  ),
  "leadgen.reconsider_company(uuid,text,integer)": call("reconsider_company($1)", [of("disqualified")]),
  "leadgen.record_activities(jsonb)": call(
    "record_activities($1)",
    [
      () =>
        JSON.stringify([
          { externalId: "e-1", eventType: "seen", timestamp: "2026-01-01", contactLinkedinUrl: page },
          { externalId: "known", eventType: "seen", timestamp: "2026-01-01", contactLinkedinUrl: page },
        ]),
    ],
    "its own",
  ),
  "leadgen.record_company_l1(uuid,leadgen.company_status,jsonb,jsonb,numeric)": call(
    "record_company_l1($1, 'triage_passed')",
    [of("l1Claim")],
    "LF414",
  ),
  "leadgen.record_company_l2(uuid,jsonb,jsonb,numeric)": call("record_company_l2($1, '{}')", [of("l2Claim")], "LF414"),
  "leadgen.record_leads(jsonb,text,text,leadgen.contact_source)": call(
    "record_leads($1, 'Spring', 'Mila')",
    [() => JSON.stringify([{ name: "Twice", linkedinUrl: page, companyName: "Twin" }])],
    "its own",
  ),
  "leadgen.record_messages(uuid,jsonb,numeric)": call(
    "record_messages($1, $2)",
    [of("messageClaim"), () => JSON.stringify([{ channel: "email", body: "Hello" }])],
    "LF414",
  ),
  "leadgen.record_person(uuid,jsonb,jsonb,numeric)": call("record_person($1, '{}')", [of("personClaim")], "LF414"),
  "leadgen.reject_message(uuid,text,integer)": call("reject_message($1, 'No.')", [of("draft")]),
  "leadgen.research_assets_research_json(leadgen.research_assets)": column(
    "research_assets_research_json",
    "research_assets",
    "asset",
  ),
  "leadgen.restart_messages(uuid,integer)": call("restart_messages($1)", [of("answering")]),
  "leadgen.retry_company(uuid,integer)": call("retry_company($1)", [of("failed")]),
  "leadgen.start_pipeline_run(text,text,text,jsonb)": call(
    "start_pipeline_run('Spring', 'Mila', 'known')",
    [],
    "its own",
  ),
  "leadgen.summarize_batch(uuid,uuid)": call("summarize_batch($1)", [of("batch")], "nothing"),
  "leadgen.undo_duplicate_decision(uuid)": call("undo_duplicate_decision($1)", [of("decision")]),
  "leadgen.undo_message_review(uuid,integer)": call("undo_message_review($1)", [of("approved")]),
};

const views = ["leadgen.claimed_companies", "leadgen.claimed_contacts", "leadgen.duplicate_candidates"];

let database: TestDatabase;
let logins: Logins;
let people: People;
let foreign: People;
let rows: Rows;
const sqlLogins: SqlLogin[] = [];
const opened: pg.Client[] = [];

/** Everybody of a tenant: whose grants they have, on whose connection, and what they set. */
interface Actor {
  name: string;
  word: Word;
  client: pg.Client;
  settings: Record<string, string>;
}
let ours: Actor[];
let theirs: Actor[];

async function open(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  opened.push(client);
  return client;
}

async function actorsOf({ tenantId, viewer, editor, admin, reviewer, worker }: People): Promise<Actor[]> {
  const [api, ofWorker] = [await open(database.urls.authenticator), await open(database.urls.worker)];
  const { rolePrefix } = database;
  const identities: [Word, Identity, pg.Client][] = [
    ["visitor", { kind: "visitor", rolePrefix }, api],
    ["viewer", viewer, api],
    ["editor", editor, api],
    ["admin", admin, api],
    ["client", reviewer, api],
    ["operator", { kind: "operator", rolePrefix, userId: admin.userId, sessionId: admin.sessionId }, api],
    ["worker", worker, ofWorker],
  ];
  const actors = identities.map(([word, identity, client]) => ({
    name: word,
    word,
    client,
    settings: settingsOf(identity),
  }));
  for (const word of ["reporter", "automation"] as const) {
    const login = await addSqlLogin(database, tenantId, word);
    sqlLogins.push(login);
    actors.push({ name: word, word, client: await open(login.url), settings: {} });
  }
  return [...actors, { name: "the API's login itself", word: "authenticator", client: api, settings: {} }];
}

/** What comes of a statement: its rows, or the code of what refuses it. It stays only where it is to. */
async function play({ client, settings }: Actor, sql: string, values: unknown[], isKept = false) {
  await client.query("begin");
  try {
    for (const [name, value] of Object.entries(settings)) {
      await client.query("select set_config($1, $2, true)", [name, value]);
    }
    const result = (await client.query(sql, values)).rows;
    await client.query(isKept ? "commit" : "rollback");
    return result;
  } catch (error) {
    await client.query("rollback");
    return (error as pg.DatabaseError).code as string;
  }
}

/** Rows of ours as they stand, all of leadgen. */
async function contents(): Promise<string[]> {
  const tables = await database.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
     where c.relnamespace = 'leadgen'::regnamespace and c.relkind = 'r' order by 1`,
  );
  const all = tables.map(({ name }) => `select '${name} ' || t::text as row from ${name} t where tenant_id = $1`);
  const found = await database.query<{ row: string }>(`${all.join(" union all ")} order by 1`, [people.tenantId]);
  return found.map(({ row }) => row);
}

/** One row in every state, put there behind the rules; and in the other tenant what has the same name and is not the same. */
async function fill(): Promise<Rows> {
  const client = await open(database.urls.admin);
  const put = async (table: string, values: Record<string, unknown>, tenantId = people.tenantId) => {
    const all = { tenant_id: tenantId, ...values };
    const places = Object.keys(all).map((_, at) => `$${at + 1}`);
    return idOf(
      (
        await client.query(
          `insert into leadgen.${table} (${Object.keys(all).join(", ")}) values (${places.join(", ")}) returning id`,
          Object.values(all),
        )
      ).rows,
    );
  };
  await client.query("set session_replication_role = replica");
  await put("batches", { name: "Spring" }, foreign.tenantId);
  await put("owners", { name: "Mila" }, foreign.tenantId);
  const batch = await put("batches", { name: "Spring" });
  const owner = await put("owners", { name: "Mila" });
  const company = (name: string, status: string) =>
    put("companies", { name, status, batch_id: batch, owner_id: owner, domain: `${name}.example` });
  // What the triggers would have counted.
  await client.query(
    `insert into app_private.leadgen_counts (tenant_id, subject, grain, batch_id, status, row_count, cost_usd)
     values ($1, 'companies', 'batch', $2, 'new', 2, 0)`,
    [people.tenantId, batch],
  );
  const twin = await company("Twin", "new");
  const researched = await company("Researched", "enriched_l2");
  const contact = (name: string, message_status: string, is_enriched: boolean, more = {}) =>
    put("contacts", { full_name: name, message_status, is_enriched, company_id: researched, owner_id: owner, ...more });
  const double = await contact("Double", "not_started", true, { linkedin_url: page });
  const answering = await contact("Answering", "pending_review", true);
  const person = await contact("Person", "not_started", false);
  const ready = await contact("Ready", "generating", true);
  const message = (status: string) =>
    put("messages", { contact_id: answering, channel: "email", body: "Hello", status, approved_at: new Date() });
  const claim = (stage: string, values: Record<string, string>) =>
    put("claims", { stage, claimed_by: "somebody", expires_at: new Date(Date.now() + 3_600_000), ...values });
  const [fresh, passed] = [await company("Fresh", "new"), await company("Passed", "triage_passed")];
  const merged = await put("companies", { name: "Merged", merged_into_id: twin });
  await put("activities", { name: "seen", external_id: "known" });
  await contact("Unclaimed", "not_started", false);
  return {
    ...{ batch, owner, fresh, passed, researched, twin, double, answering, person, ready },
    reviewed: await company("Reviewed", "triage_review"),
    disqualified: await company("Disqualified", "triage_disqualified"),
    failed: await company("Failed", "enrichment_failed"),
    otherTwin: await put("companies", { name: "Twin", domain: "twin.example" }),
    otherDouble: await contact("Double", "not_started", true, { linkedin_url: page }),
    draft: await message("draft"),
    approved: await message("approved"),
    sent: await message("sent"),
    asset: await put("research_assets", { company_id: researched, name: "Asset", research_data: "{}" }),
    run: await put("pipeline_runs", { execution_id: "known" }),
    decision: await put("duplicate_decisions", {
      ...{ company_id: twin, other_company_id: merged, verdict: "merged", other_name: "Merged" },
      moved: JSON.stringify({ filled: { hq_city: [null, "Bergen"], enrichment_cost_usd: [0, 0] } }),
    }),
    l1Claim: await claim("l1", { company_id: fresh }),
    l2Claim: await claim("l2", { company_id: passed }),
    personClaim: await claim("person", { contact_id: person }),
    messageClaim: await claim("message", { contact_id: ready }),
  };
}

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  foreign = await addPeople(database, logins.speak, "meadow");
  rows = await fill();
  ours = await actorsOf(people);
  // A workflow of the other tenant that says that it is of ours, besides.
  theirs = await actorsOf(foreign);
  const automation = theirs.find(({ word }) => word === "automation") as Actor;
  const claimed = { "app.tenant_id": people.tenantId, "app.user_id": people.admin.userId };
  theirs.push({ ...automation, name: "automation that names our tenant", settings: claimed });
});
afterAll(async () => {
  for (const client of opened) await client.end();
  for (const login of sqlLogins) await login.drop();
  await logins.close();
  await database.drop();
});

test("cannot lack a function or a view that somebody may use", async () => {
  const found = await database.query<{ name: string }>(
    `select p.oid::regprocedure::text as name from pg_proc p
     where p.pronamespace = 'leadgen'::regnamespace and p.prorettype <> 'trigger'::regtype
     union all
     select c.oid::regclass::text from pg_class c where c.relnamespace = 'leadgen'::regnamespace and c.relkind = 'v'`,
  );
  const there = new Set(found.map(({ name }) => name));
  const declared = new Set([...Object.keys(deeds), ...views]);
  expect([
    ...[...there.difference(declared)].map(
      (name) =>
        `${name} is called by nobody here: write what it is for into \`deeds\`, "${name}": call("…", [of("…")], "what another tenant is told"), or into \`views\`.`,
    ),
    ...[...declared.difference(there)].map((name) => `${name} is tried here and is nowhere else: take it out.`),
  ]).toEqual([]);
});

const told = (outcome: unknown[] | string) =>
  typeof outcome === "string" ? outcome : outcome.length > 0 ? "done" : "nothing";

describe.each(Object.entries(deeds))("%s", (signature, { sql, values, elsewhere }) => {
  test("can be called by whom it is for, and by nobody else 42501", async () => {
    const outcomes: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const actor of ours) {
      outcomes[actor.name] = told(
        await play(
          actor,
          sql,
          values.map((value) => value(rows)),
        ),
      );
      expected[actor.name] = isAmong(callers[signature] ?? "", actor.word) ? "done" : "42501";
    }
    expect(outcomes).toEqual(expected);
  });

  test(`cannot reach anything of ours from another tenant: ${elsewhere}`, async () => {
    const before = await contents();
    const ids = [people.tenantId, ...Object.values(rows)];
    const outcomes: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const actor of theirs) {
      const mayCall = isAmong(callers[signature] ?? "", actor.word);
      // Kept, so that what it may have done to ours can be seen.
      const outcome = await play(
        actor,
        sql,
        values.map((value) => value(rows)),
        mayCall,
      );
      // What was sent twice is found the second time.
      outcomes[actor.name] = elsewhere === "its own" && told(outcome) === "nothing" ? "done" : told(outcome);
      expected[actor.name] = mayCall ? elsewhere.replace("its own", "done") : "42501";
      expect(ids.filter((id) => JSON.stringify(outcome).includes(id))).toEqual([]);
    }
    expect(outcomes).toEqual(expected);
    expect(await contents()).toEqual(before);
  });
});

describe.each(views)("%s", (view) => {
  test("can be read by whom it is for, and by nobody else 42501; from another tenant it shows nothing", async () => {
    const outcomes: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const [whose, actors] of Object.entries({ ours, theirs })) {
      for (const actor of actors) {
        const name = `${whose}: ${actor.name}`;
        outcomes[name] = told(await play(actor, `select * from ${view}`, []));
        const mayRead = isAmong(readers[view] ?? "", actor.word);
        expected[name] = mayRead ? (whose === "ours" ? "done" : "nothing") : "42501";
      }
    }
    expect(outcomes).toEqual(expected);
  });
});
