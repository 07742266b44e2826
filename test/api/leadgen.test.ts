import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let editor: string;
let viewer: string;
let stranger: string;

beforeAll(async () => {
  api = await startTestApi();
  [editor, viewer, stranger] = await Promise.all([
    api.signIn("editor@harbour.test"),
    api.signIn("viewer@harbour.test"),
    api.signIn("admin@meadow.test"),
  ]);
});

afterAll(() => api.close());

async function create(type: string, values: Record<string, unknown>): Promise<string> {
  const input = `Leadgen${type}`;
  const { data, errors } = await api.ask(
    `mutation ($row: ${input}Input!) { create${input}(input: { leadgen${type}: $row }) { leadgen${type} { id } } }`,
    { row: values },
    editor,
  );
  expect(errors).toEqual([]);
  return data[`create${input}`][`leadgen${type}`].id;
}

test("can review a contact's messages: see what is next, edit and approve, reject, undo, approve the rest at once", async () => {
  const contactId = await create("Contact", { fullName: "Jane Doe" });
  const message = { contactId, channel: "email", subject: "Hello", body: "Good day." };
  const ids = [await create("Message", message), await create("Message", { ...message, variant: "b" })];
  const seen = await api.ask(
    `query ($id: UUID!) { leadgenContact(id: $id) { messages(orderBy: ID_ASC) { nodes { status allowedTransitions exceededLimits } } } }`,
    { id: contactId },
    editor,
  );
  const draft = { status: "draft", allowedTransitions: ["approved", "rejected"], exceededLimits: [] };
  expect(seen.data.leadgenContact.messages.nodes).toEqual([draft, draft]);

  const approve = `mutation ($id: UUID!) { approveLeadgenMessage(input: { messageId: $id, body: "Better.", version: 1 })
    { leadgenMessage { status body version reviewer { name } } } }`;
  expect((await api.ask(approve, { id: ids[0] }, editor)).data.approveLeadgenMessage.leadgenMessage).toMatchObject({
    status: "approved",
    body: "Better.",
    version: 2,
    reviewer: { name: expect.any(String) },
  });
  expect(codeOf(await api.ask(approve, { id: ids[0] }, editor))).toBe("LF005");
  expect(codeOf(await api.ask(approve, { id: ids[1] }, viewer))).toBe("LF024");
  expect(codeOf(await api.ask(approve, { id: ids[1] }, stranger))).toBe("LF006");

  const reject = `mutation ($id: UUID!, $note: String!) { rejectLeadgenMessage(input: { messageId: $id, note: $note }) { leadgenMessage { status reviewNotes } } }`;
  expect(codeOf(await api.ask(reject, { id: ids[1], note: "" }, editor))).toBe("LF402");
  await api.ask(reject, { id: ids[1], note: "Too short." }, editor);
  const undo = `mutation ($id: UUID!) { undoLeadgenMessageReview(input: { messageId: $id }) { leadgenMessage { status reviewNotes } } }`;
  expect((await api.ask(undo, { id: ids[1] }, editor)).data.undoLeadgenMessageReview.leadgenMessage).toEqual({
    status: "draft",
    reviewNotes: "Too short.",
  });
  const all = `mutation ($ids: [UUID!]!) { approveLeadgenMessages(input: { messageIds: $ids }) { leadgenMessages { id } } }`;
  expect((await api.ask(all, { ids }, editor)).data.approveLeadgenMessages.leadgenMessages).toEqual([{ id: ids[1] }]);

  const sent = `mutation ($id: UUID!) { markLeadgenMessageSent(input: { messageId: $id }) { leadgenMessage { status } } }`;
  await api.ask(sent, { id: ids[0] }, editor);
  const change = `mutation ($id: UUID!) { updateLeadgenMessage(input: { id: $id, patch: { body: "Later." } }) { leadgenMessage { id } } }`;
  expect(codeOf(await api.ask(change, { id: ids[0] }, editor))).toBe("LF401");
});

test("can find duplicates with both sides, merge them, and take that back", async () => {
  const kept = await create("Company", { name: "Acme", domain: "acme.example" });
  const other = await create("Company", { name: "Acme Ltd", domain: "https://www.acme.example", hqCity: "Bergen" });
  const list = "{ leadgenDuplicateCandidates { nodes { reason value company { name } otherCompany { name } } } }";
  const candidates = async (token: string) => (await api.ask(list, {}, token)).data.leadgenDuplicateCandidates.nodes;
  const candidate = {
    reason: "domain",
    value: "acme.example",
    company: { name: "Acme" },
    otherCompany: { name: "Acme Ltd" },
  };
  expect(await candidates(viewer)).toEqual([candidate]);
  expect(await candidates(stranger)).toEqual([]);

  const merge = `mutation ($kept: UUID!, $other: UUID!) { mergeLeadgenCompanies(input: { companyId: $kept, otherCompanyId: $other })
    { leadgenDuplicateDecision { id verdict otherName company { name hqCity } } } }`;
  expect(codeOf(await api.ask(merge, { kept, other }, viewer))).toBe("LF024");
  const merged = (await api.ask(merge, { kept, other }, editor)).data.mergeLeadgenCompanies.leadgenDuplicateDecision;
  expect(merged).toMatchObject({
    verdict: "merged",
    otherName: "Acme Ltd",
    company: { name: "Acme", hqCity: "Bergen" },
  });
  expect(await candidates(viewer)).toEqual([]);
  const one = "query ($id: UUID!) { leadgenCompany(id: $id) { id } }";
  expect((await api.ask(one, { id: other }, editor)).data.leadgenCompany).toBeNull();

  const undo = `mutation ($id: UUID!) { undoLeadgenDuplicateDecision(input: { duplicateDecisionId: $id }) { leadgenDuplicateDecision { undoneAt } } }`;
  await api.ask(undo, { id: merged.id }, editor);
  expect(await candidates(viewer)).toEqual([candidate]);
});

test("can show what people call a value", async () => {
  const query = `{ leadgenLabel(enumType: "company_tier", value: "tier_2_gold") { label } }`;
  expect((await api.ask(query, {}, viewer)).data.leadgenLabel).toEqual({ label: "Tier 2 - Gold" });
});
