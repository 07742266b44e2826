/** The documents of the lead lists, asked as everybody. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  LeadgenBatchStatisticsDocument,
  LeadgenCompaniesDocument,
  type LeadgenCompaniesQueryVariables,
  LeadgenContactsDocument,
  LeadgenCountsDocument,
  type LeadgenCountsQueryVariables,
  LeadgenMessagesDocument,
  SignInDocument,
} from "../../src/generated/documents/graphql.ts";
import { addPerson, idOf, type Logins, openLogins } from "../support/people.ts";
import { PASSWORD, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
const tokens = { viewer: "", editor: "", admin: "", client: "", operator: "", stranger: "" };
const batches = { harbour: "", meadow: "" };

beforeAll(async () => {
  api = await startTestApi();
  for (const role of ["viewer", "editor", "admin", "client"] as const) {
    tokens[role] = await api.signIn(`${role}@harbour.test`);
  }
  tokens.stranger = await api.signIn("admin@meadow.test");
  tokens.operator = await signInOperator();
  const logins = openLogins(api.database);
  for (const slug of ["harbour", "meadow"] as const) batches[slug] = await addLeads(logins, slug);
  await logins.close();
});

afterAll(() => api.close());

async function signInOperator(): Promise<string> {
  const id = await api.addPerson("meadow", "ops@landfall.test", "viewer");
  await api.database.query("insert into tenancy.operators (user_id) values ($1)", [id]);
  const { signIn } = await api.run(SignInDocument, {
    email: "ops@landfall.test",
    password: PASSWORD,
    asOperator: true,
  });
  return signIn?.token ?? "";
}

/** Three companies with a contact each; two messages to the best contact and one to each of the others. Gives the batch of them all. */
async function addLeads(logins: Logins, slug: string): Promise<string> {
  const [tenant] = await api.database.query<{ id: string }>("select id from tenancy.tenants where slug = $1", [slug]);
  const editor = await addPerson(api.database, tenant?.id ?? "", `other-editor@${slug}.test`, "editor");
  const batchId = idOf(await logins.speak(editor, "insert into leadgen.batches (name) values ('spring') returning id"));
  await logins.speak(
    editor,
    `with company as (
       insert into leadgen.companies (batch_id, name, domain, tier, hq_country, triage_score)
       select $1, c.name, lower(c.name) || '.example', c.tier::leadgen.company_tier, 'Norway', c.score
       from (values ('Fjordkran', 'tier_1_platinum', 9), ('Papierwerk', 'tier_2_gold', 7.5), ('Datalager', null, null)) c (name, tier, score)
       returning *
     ), tag as (
       insert into leadgen.company_tags (company_id, category, value)
       select id, 'pain_area', 'Planning' from company where name = 'Fjordkran'
     ), contact as (
       insert into leadgen.contacts (company_id, full_name, contact_score)
       select c.id, 'Contact of ' || c.name, case c.name when 'Fjordkran' then 20 when 'Papierwerk' then 80 end from company c
       returning *
     ), placed as (
       insert into leadgen.contact_batches (contact_id, batch_id) select id, $1 from contact
     )
     insert into leadgen.messages (contact_id, batch_id, channel, variant, body)
     select id, $1, 'email', v.variant::leadgen.message_variant, 'Good day, ' || full_name
     from contact, (values ('a'), ('b')) v (variant)
     where contact_score = 80 or v.variant = 'a'`,
    [batchId],
  );
  await api.database.query("update leadgen.companies set enrichment_cost_usd = 0.05 where batch_id = $1", [batchId]);
  await api.database.query("update leadgen.contacts set enrichment_cost_usd = 0.01 where tenant_id = $1", [tenant?.id]);
  return batchId;
}

const ofTheBest = "Contact of Papierwerk";

describe.each(["viewer", "editor", "admin"] as const)("%s", (role) => {
  test("can read the messages that wait, the best contacts' first, page by page, with contact and company", async () => {
    const first = await api.run(LeadgenMessagesDocument, { status: "draft", first: 2 }, tokens[role]);
    const page = first.findLeadgenMessages;
    expect(page?.messages?.map((m) => [m?.contact?.fullName, m?.variant])).toEqual([
      [ofTheBest, "a"],
      [ofTheBest, "b"],
    ]);
    expect(page?.messages?.[0]?.contact?.company).toMatchObject({ name: "Papierwerk", tier: "tier_2_gold" });
    expect(page?.hasNextPage).toBe(true);
    const rest = await api.run(LeadgenMessagesDocument, { status: "draft", after: page?.endCursor }, tokens[role]);
    expect(rest.findLeadgenMessages?.messages?.map((m) => m?.contact?.fullName)).toEqual([
      "Contact of Fjordkran",
      "Contact of Datalager",
    ]);
    expect(rest.findLeadgenMessages?.hasNextPage).toBe(false);
  });

  test("can find companies and contacts by filters, in order, page by page", async () => {
    const names = async (variables: LeadgenCompaniesQueryVariables) =>
      (await api.run(LeadgenCompaniesDocument, variables, tokens[role])).findLeadgenCompanies?.companies?.map(
        (company) => company?.name,
      );
    expect(await names({})).toEqual(["Datalager", "Fjordkran", "Papierwerk"]);
    expect(await names({ orderBy: "triage_score" })).toEqual(["Fjordkran", "Papierwerk", "Datalager"]);
    expect(await names({ tag: "Planning", country: "Norway", statuses: ["new"], batchId: batches.harbour })).toEqual([
      "Fjordkran",
    ]);
    expect(await names({ tiers: ["tier_1_platinum", "tier_2_gold"], maxTriageScore: "8" })).toEqual(["Papierwerk"]);
    expect(await names({ search: "JORD" })).toEqual(["Fjordkran"]);
    expect(await names({ tag: "Planning", tiers: ["tier_2_gold"] })).toEqual([]);

    const first = await api.run(LeadgenContactsDocument, { batchId: batches.harbour, first: 2 }, tokens[role]);
    const page = first.findLeadgenContacts;
    expect(page?.contacts?.map((c) => c?.company?.name)).toEqual(["Papierwerk", "Fjordkran"]);
    const rest = await api.run(
      LeadgenContactsDocument,
      { batchId: batches.harbour, first: 2, after: page?.endCursor },
      tokens[role],
    );
    expect(rest.findLeadgenContacts).toMatchObject({
      contacts: [{ contactScore: null, company: { name: "Datalager" } }],
      hasNextPage: false,
    });
    const found = await api.run(
      LeadgenContactsDocument,
      { search: "papierwerk.ex", minContactScore: "50" },
      tokens[role],
    );
    expect(found.findLeadgenContacts?.contacts?.map((c) => c?.fullName)).toEqual([ofTheBest]);
  });

  test("can read a batch's statistics and the counts beside the filters", async () => {
    const { summarizeLeadgenBatch: cells } = await api.run(
      LeadgenBatchStatisticsDocument,
      { batchId: batches.harbour },
      tokens[role],
    );
    expect(cells).toHaveLength(3);
    expect(cells?.find((cell) => cell.tier === "tier_1_platinum")).toMatchObject({
      status: "new",
      ownerId: null,
      companies: 1,
      companyCostUsd: "0.05",
      contacts: 1,
      contactsWaiting: 1,
      contactCostUsd: "0.01",
    });
    const counts = async (variables: LeadgenCountsQueryVariables) =>
      (await api.run(LeadgenCountsDocument, variables, tokens[role])).countLeadgenRows?.map((row) =>
        [row.subject, row.facet, row.value, row.count].join(" "),
      );
    const all = await counts({});
    expect(all).toEqual(
      expect.arrayContaining([
        "companies total  3",
        "companies tier tier_2_gold 1",
        "contacts status not_started 3",
        "messages status draft 4",
        `messages batch ${batches.harbour} 4`,
      ]),
    );
    expect(await counts({ batchId: batches.harbour })).toEqual(expect.arrayContaining(["contacts total  3"]));
  });
});

test.each(["client", "operator"] as const)("%s cannot read any of them: refused", async (role) => {
  const batchId = batches.harbour;
  for (const ask of [
    () => api.run(LeadgenMessagesDocument, {}, tokens[role]),
    () => api.run(LeadgenCompaniesDocument, {}, tokens[role]),
    () => api.run(LeadgenContactsDocument, {}, tokens[role]),
    () => api.run(LeadgenCountsDocument, {}, tokens[role]),
    () => api.run(LeadgenBatchStatisticsDocument, { batchId }, tokens[role]),
  ]) {
    await expect(ask()).rejects.toThrow(/\[LF0/);
  }
});

test("the admin of another tenant cannot see rows of this one, whatever ids they send", async () => {
  const batchId = batches.harbour;
  const token = tokens.stranger;
  const own = await api.run(LeadgenBatchStatisticsDocument, { batchId: batches.meadow }, token);
  expect(own.summarizeLeadgenBatch).toHaveLength(3);
  expect((await api.run(LeadgenBatchStatisticsDocument, { batchId }, token)).summarizeLeadgenBatch).toEqual([]);
  expect((await api.run(LeadgenCountsDocument, { batchId }, token)).countLeadgenRows).toEqual([]);
  expect((await api.run(LeadgenCompaniesDocument, { batchId }, token)).findLeadgenCompanies?.companies).toEqual([]);
  expect((await api.run(LeadgenContactsDocument, { batchId }, token)).findLeadgenContacts?.contacts).toEqual([]);
  const counts = await api.run(LeadgenCountsDocument, {}, token);
  expect(counts.countLeadgenRows?.find((row) => row.subject === "companies" && row.facet === "total")?.count).toBe(3);
  expect((await api.run(LeadgenMessagesDocument, {}, token)).findLeadgenMessages?.messages).toHaveLength(4);
});
