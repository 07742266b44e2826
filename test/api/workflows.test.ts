import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createClient } from "graphql-ws";
import pg from "pg";
import { addSqlLogin, type SqlLogin } from "../support/people.ts";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let login: SqlLogin;
let workflow: pg.Client;

beforeAll(async () => {
  api = await startTestApi();
  const [tenant] = await api.database.query<{ id: string }>("select id from tenancy.tenants where slug = 'harbour'");
  login = await addSqlLogin(api.database, tenant?.id as string, "automation");
  workflow = new pg.Client({ connectionString: login.url });
  await workflow.connect();
});

afterAll(async () => {
  await workflow.end();
  await login.drop();
  await api.close();
});

const watching = "subscription ($id: UUID!) { leadgenPipelineRunChanged(id: $id) { status l1Done costUsd } }";

function watch(token: string, id: string) {
  const client = createClient({
    url: `${api.url.replace("http", "ws")}/graphql`,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    lazy: true,
  });
  return { client, events: client.iterate<Record<string, unknown>>({ query: watching, variables: { id } }) };
}

test("can watch a run that a workflow works on by SQL; a stranger cannot: LF006", async () => {
  const { rows } = await workflow.query<{ id: string }>("select id from leadgen.start_pipeline_run()");
  const id = rows[0]?.id as string;
  const { client, events } = watch(await api.signIn("viewer@harbour.test"), id);
  const as = (status: string, costUsd: string) => ({
    data: { leadgenPipelineRunChanged: { status, l1Done: 0, costUsd } },
  });
  expect((await events.next()).value).toEqual(as("running", "0"));
  await workflow.query("select leadgen.add_pipeline_cost($1, 0.00025)", [id]);
  // The state as it is comes first, and more than once where the database was slow to listen.
  let seen = await events.next();
  while (JSON.stringify(seen.value) === JSON.stringify(as("running", "0"))) seen = await events.next();
  expect(seen.value).toEqual(as("running", "0.00025"));
  await workflow.query("select leadgen.finish_pipeline_run($1)", [id]);
  expect((await events.next()).value).toEqual(as("completed", "0.00025"));
  await client.dispose();

  const other = watch(await api.signIn("admin@meadow.test"), id);
  const refused = (await other.events.next()).value as { errors: { extensions: { code: string } }[] };
  expect(refused.errors[0]?.extensions.code).toBe("LF006");
  await other.client.dispose();
});

test("can send the events of the extension in one mutation, once", async () => {
  const editor = await api.signIn("editor@harbour.test");
  const record = `mutation ($events: JSON!) { recordLeadgenActivities(input: { events: $events }) { leadgenActivities { externalId contact { fullName } } } }`;
  const events = [
    {
      externalId: "api-1",
      eventType: "connection_accepted",
      timestamp: "2026-03-01T10:00:00Z",
      contactLinkedinUrl: "https://www.linkedin.com/in/jane-doe",
    },
  ];
  const first = await api.ask(record, { events }, editor);
  expect(first.data.recordLeadgenActivities.leadgenActivities).toEqual([
    { externalId: "api-1", contact: { fullName: "Jane Doe" } },
  ]);
  expect((await api.ask(record, { events }, editor)).data.recordLeadgenActivities.leadgenActivities).toEqual([]);
  expect(codeOf(await api.ask(record, { events: [{}] }, editor))).toBe("LF415");
});

test("can send the leads of the extension in one mutation, and is told of each what became of it", async () => {
  const editor = await api.signIn("editor@harbour.test");
  const record = `mutation ($leads: JSON!) { recordLeadgenLeads(input: { leads: $leads, batchName: "Fair" }) {
    leadgenRecordedLeads { place contactOutcome companyOutcome notTaken reason } } }`;
  const leads = [{ name: "Ada Byron", linkedinUrl: "linkedin.com/in/ada-byron", companyName: "Engines" }, {}];
  const told = async () => (await api.ask(record, { leads }, editor)).data.recordLeadgenLeads.leadgenRecordedLeads;
  const refused = {
    place: 2,
    contactOutcome: "refused",
    companyOutcome: null,
    notTaken: {},
    reason: "There is neither linkedinUrl nor name.",
  };
  expect(await told()).toEqual([
    { place: 1, contactOutcome: "created", companyOutcome: "created", notTaken: {}, reason: null },
    refused,
  ]);
  expect(await told()).toEqual([
    { place: 1, contactOutcome: "found", companyOutcome: "found", notTaken: {}, reason: null },
    refused,
  ]);
  const viewer = await api.signIn("viewer@harbour.test");
  expect(codeOf(await api.ask(record, { leads }, viewer))).toBe("LF024");
});
