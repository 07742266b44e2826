import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { withIdentity } from "../../../src/database/with_identity.ts";
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
import { addConversation, addLead, putIn } from "./leads.ts";

let database: TestDatabase;
let logins: Logins;
let people: People;
let login: SqlLogin;
let workflow: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  login = await addSqlLogin(database, people.tenantId, "automation");
  workflow = new pg.Client({ connectionString: login.url });
  await workflow.connect();
});

afterAll(async () => {
  await workflow.end();
  await login.drop();
  await logins.close();
  await database.drop();
});

interface Message {
  status: string;
  subject: string;
  body: string;
  version: number;
  review_notes: string | null;
  reviewer_id: string | null;
  approved_at: Date | null;
  sent_at: Date | null;
  updated_at: Date;
}

const asEditor = async (call: string, ...values: unknown[]) =>
  (await logins.speak<Message>(people.editor, `select * from leadgen.${call}`, values))[0] as Message;
const converse = (drafts?: number) => addConversation(database, logins.speak, people, drafts);
const contactStatus = async (id: string) =>
  (
    await database.query<{ message_status: string }>("select message_status from leadgen.contacts where id = $1", [id])
  )[0]?.message_status;

describe("a draft", () => {
  test("can be approved, which says by whom and when, and does not count as an edit", async () => {
    const { messages } = await converse(1);
    const message = await asEditor("approve_message($1, version => 1)", messages[0]);
    expect(message).toMatchObject({
      status: "approved",
      reviewer_id: people.editor.userId,
      version: 1,
      body: "Good day.",
    });
    expect(message.approved_at).not.toBeNull();
  });

  test("can be edited and approved in one step", async () => {
    const { messages } = await converse(1);
    const message = await asEditor("approve_message($1, subject => 'Your harbour', body => 'Better.')", messages[0]);
    expect(message).toMatchObject({ status: "approved", subject: "Your harbour", body: "Better.", version: 2 });
  });

  test("can be rejected with a note, and not without one LF402", async () => {
    const { messages } = await converse(1);
    for (const note of [null, " "]) {
      expect(await refusal(asEditor("reject_message($1, $2)", messages[0], note))).toMatchObject({ code: "LF402" });
    }
    expect(await asEditor("reject_message($1, ' Too long. ')", messages[0])).toMatchObject({
      status: "rejected",
      review_notes: "Too long.",
      reviewer_id: people.editor.userId,
      approved_at: null,
    });
  });

  test("cannot be approved under a stale version LF005, nor twice LF003, nor by a viewer 42501", async () => {
    const { messages } = await converse(1);
    expect(await refusal(asEditor("approve_message($1, version => 9)", messages[0]))).toMatchObject({
      code: "LF005",
      hint: expect.stringContaining("send version 1."),
    });
    expect(
      await refusal(logins.speak(people.viewer, "select leadgen.approve_message($1)", [messages[0]])),
    ).toMatchObject({ code: "42501" });
    await asEditor("approve_message($1)", messages[0]);
    expect(await refusal(asEditor("approve_message($1, body => 'Again')", messages[0]))).toMatchObject({
      code: "LF003",
      message: "This leadgen message cannot go from approved to approved.",
      hint: "Allowed from here for you: draft, sent.",
    });
  });

  test("cannot be approved from another tenant LF006", async () => {
    const other = await addPeople(database, logins.speak, "meadow");
    const { messages } = await converse(1);
    for (const call of ["approve_message($1)", "reject_message($1, 'No')", "mark_message_sent($1)"]) {
      expect(await refusal(logins.speak(other.admin, `select leadgen.${call}`, [messages[0]]))).toMatchObject({
        code: "LF006",
      });
    }
    expect(await logins.speak(other.admin, "select * from leadgen.approve_messages($1)", [messages])).toEqual([]);
  });

  test("can be told what is longer than its channel takes, and approved all the same", async () => {
    const contactId = await addLead(logins.speak, people.editor, "contacts", { full_name: "Jane" });
    const add = (channel: string, subject: string | null, body: string) =>
      addLead(logins.speak, people.editor, "messages", { contact_id: contactId, channel, subject, body });
    const limits = async (id: string) =>
      (
        await logins.speak<{ limits: string[] }>(
          people.viewer,
          "select leadgen.messages_exceeded_limits(m) as limits from leadgen.messages m where id = $1",
          [id],
        )
      )[0]?.limits;
    expect(await limits(await add("linkedin_connect", null, "x".repeat(300)))).toEqual([]);
    expect(await limits(await add("linkedin_connect", null, "x".repeat(301)))).toEqual([
      "An invitation on LinkedIn has at most 300 characters; this has 301.",
    ]);
    const long = await add("email", "s".repeat(51), "word ".repeat(151));
    expect(await limits(long)).toEqual([
      "A subject has at most 50 characters; this has 51.",
      "The text of an e-mail has at most 150 words; this has 151.",
    ]);
    expect(await asEditor("approve_message($1)", long)).toMatchObject({ status: "approved" });
  });
});

describe("many drafts", () => {
  test("can be approved at once, those that are drafts", async () => {
    const { messages } = await converse(3);
    await asEditor("reject_message($1, 'No')", messages[1]);
    const approved = await logins.speak<{ id: string }>(people.editor, "select id from leadgen.approve_messages($1)", [
      messages,
    ]);
    expect(approved.map(({ id }) => id).sort()).toEqual([messages[0], messages[2]].sort());
  });

  test.each([[[]], [Array.from({ length: 501 }, () => "00000000-0000-7000-8000-000000000001")]])(
    "cannot be none, nor more than 500 LF009",
    async (ids) => {
      expect(await refusal(asEditor("approve_messages($1)", ids))).toMatchObject({ code: "LF009" });
    },
  );
});

describe("a review", () => {
  test.each(["approve_message($1)", "reject_message($1, 'No')"])("by %s can be undone", async (call) => {
    const { messages } = await converse(1);
    await asEditor(call, messages[0]);
    expect(await asEditor("undo_message_review($1)", messages[0])).toMatchObject({
      status: "draft",
      approved_at: null,
      reviewer_id: null,
    });
  });

  test("is of the text that was reviewed: another text is a draft again", async () => {
    const { contactId, messages } = await converse(1);
    await asEditor("approve_message($1)", messages[0]);
    const [edited] = await logins.speak(
      people.editor,
      "update leadgen.messages set body = 'Other.' where id = $1 returning *",
      [messages[0]],
    );
    expect(edited).toMatchObject({ status: "draft", approved_at: null, reviewer_id: null, version: 2 });
    expect(await contactStatus(contactId)).toBe("pending_review");
    const [labelled] = await logins.speak(
      people.editor,
      "update leadgen.messages set label = 'First' where id = $1 returning *",
      [messages[0]],
    );
    expect(labelled).toMatchObject({ status: "draft", label: "First" });
  });

  test("cannot be undone by a workflow that writes another text LF003", async () => {
    const { messages } = await converse(1);
    await asEditor("approve_message($1)", messages[0]);
    expect(
      await refusal(workflow.query("update leadgen.messages set body = 'Other.' where id = $1", [messages[0]])),
    ).toMatchObject({ code: "LF003" });
  });
});

describe("what was sent", () => {
  const send = async () => {
    const conversation = await converse(1);
    await asEditor("approve_message($1)", conversation.messages[0]);
    await asEditor("mark_message_sent($1, '2026-03-01T08:00:00Z')", conversation.messages[0]);
    return conversation;
  };

  test("can say when it was sent, arrived and was answered", async () => {
    const { messages } = await send();
    const { rows } = await workflow.query("select * from leadgen.mark_message_delivered($1)", [messages[0]]);
    expect(rows).toMatchObject([{ status: "delivered", sent_at: new Date("2026-03-01T08:00:00Z") }]);
    expect(await asEditor("mark_message_replied($1)", messages[0])).toMatchObject({ status: "replied" });
  });

  test.each(["subject = 'Other'", "body = 'Other'", "channel = 'call_script'", "sequence_step = 7", "variant = 'b'"])(
    "cannot be changed by %s LF401",
    async (change) => {
      const { messages } = await send();
      const update = `update leadgen.messages set ${change} where id = $1`;
      expect(await refusal(logins.speak(people.admin, update, [messages[0]]))).toMatchObject({
        code: "LF401",
        message: "This message is sent, so what was sent stays as it is.",
      });
      expect(await refusal(database.query(update, [messages[0]]))).toMatchObject({ code: "LF401" });
    },
  );

  test("can be filed all the same", async () => {
    const { messages } = await send();
    const file = "update leadgen.messages set label = 'Spring' where id = $1 returning label";
    expect(await logins.speak(people.editor, file, [messages[0]])).toEqual([{ label: "Spring" }]);
  });

  test("cannot be a draft LF003, nor be undone LF003", async () => {
    const { messages } = await converse(1);
    expect(await refusal(asEditor("mark_message_sent($1)", messages[0]))).toMatchObject({ code: "LF003" });
    const sent = await send();
    expect(await refusal(asEditor("undo_message_review($1)", sent.messages[0]))).toMatchObject({ code: "LF003" });
  });
});

describe("a contact", () => {
  test("can follow their messages: approved with the last draft, back with an undo, sent with the first, replied", async () => {
    const { contactId, messages } = await converse(3);
    await asEditor("approve_message($1)", messages[0]);
    expect(await contactStatus(contactId)).toBe("pending_review");
    await asEditor("reject_message($1, 'No')", messages[1]);
    expect(await contactStatus(contactId)).toBe("pending_review");
    await asEditor("approve_messages($1)", [messages[2]]);
    expect(await contactStatus(contactId)).toBe("approved");
    await asEditor("undo_message_review($1)", messages[2]);
    expect(await contactStatus(contactId)).toBe("pending_review");
    await workflow.query("select leadgen.mark_message_sent($1)", [messages[0]]);
    expect(await contactStatus(contactId)).toBe("sent");
    await workflow.query("select leadgen.mark_message_replied($1)", [messages[0]]);
    expect(await contactStatus(contactId)).toBe("replied");
  });

  test("cannot be approved by rejections alone, nor moved where workflows have them in hand", async () => {
    const { contactId, messages } = await converse(1);
    await asEditor("reject_message($1, 'No')", messages[0]);
    expect(await contactStatus(contactId)).toBe("pending_review");
    const other = await converse(1);
    await putIn(database, "contacts", other.contactId, { message_status: "generating" });
    await asEditor("approve_message($1)", other.messages[0]);
    expect(await contactStatus(other.contactId)).toBe("generating");
  });

  test("can be approved by two who decide the last two drafts at once", async () => {
    const { contactId, messages } = await converse(2);
    let second: Promise<unknown> | undefined;
    await withIdentity(logins.authenticator, people.editor, async (client) => {
      await client.query("select leadgen.approve_message($1)", [messages[0]]);
      second = logins.speak(people.secondEditor, "select leadgen.approve_message($1)", [messages[1]]);
      for (;;) {
        const waiting = await database.query(
          "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        );
        if (waiting.length > 0) break;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    await second;
    expect(await contactStatus(contactId)).toBe("approved");
  });

  test("can be written to anew as long as nothing was approved LF003", async () => {
    const { contactId, messages } = await converse(1);
    const restart = "select message_status from leadgen.restart_messages($1)";
    expect(await logins.speak(people.editor, restart, [contactId])).toEqual([{ message_status: "not_started" }]);
    await putIn(database, "contacts", contactId, { message_status: "pending_review" });
    await asEditor("approve_message($1)", messages[0]);
    expect(await refusal(logins.speak(people.editor, restart, [contactId]))).toMatchObject({
      code: "LF003",
      hint: "Allowed from here for you: pending_review, sent.",
    });
  });
});

describe("a company", () => {
  const companyIn = async (status: string) => {
    const id = await addLead(logins.speak, people.editor, "companies", { name: status });
    await putIn(database, "companies", id, { status });
    return id;
  };
  const move = (call: string, id: string) =>
    logins.speak(people.editor, `select status, triage_notes, version from leadgen.${call}`, [id]);

  test.each([
    ["pass_company($1, ' Fits. ')", "triage_review", { status: "triage_passed", triage_notes: "Fits." }],
    ["pass_company($1)", "needs_review", { status: "triage_passed" }],
    ["disqualify_company($1, 'Too small.', 1)", "triage_review", { status: "triage_disqualified", version: 2 }],
    ["disqualify_company($1)", "enriched", { status: "triage_disqualified" }],
    ["reconsider_company($1)", "triage_disqualified", { status: "triage_review", version: 1 }],
    ["retry_company($1)", "enrichment_failed", { status: "new" }],
    ["retry_company($1)", "enrichment_l2_failed", { status: "triage_passed" }],
    ["retry_company($1)", "error_pushing_lemlist", { status: "enriched_l2" }],
  ])("can be moved by %s from %s", async (call, from, expected) => {
    expect(await move(call, await companyIn(from))).toMatchObject([expected]);
  });

  test.each([
    ["pass_company($1)", "new", "nothing"],
    ["disqualify_company($1)", "synced", "nothing"],
    ["reconsider_company($1)", "triage_passed", "nothing"],
    ["retry_company($1)", "triage_review", "triage_passed, triage_disqualified"],
  ])("cannot be moved by %s from %s LF003", async (call, from, allowed) => {
    expect(await refusal(move(call, await companyIn(from)))).toMatchObject({
      code: "LF003",
      hint: `Allowed from here for you: ${allowed}.`,
    });
  });

  test("cannot be moved under a stale version LF005, by a viewer 42501, or by a workflow 42501", async () => {
    const id = await companyIn("triage_review");
    expect(await refusal(move("pass_company($1, version => 3)", id))).toMatchObject({ code: "LF005" });
    const pass = "select leadgen.pass_company($1)";
    expect(await refusal(logins.speak(people.viewer, pass, [id]))).toMatchObject({ code: "42501" });
    expect(await refusal(workflow.query(pass, [id]))).toMatchObject({ code: "42501" });
  });

  test("can tell what each may do next", async () => {
    const id = await companyIn("triage_review");
    const next =
      "select leadgen.companies_allowed_transitions(c)::text[] as next from leadgen.companies c where id = $1";
    expect(await logins.speak(people.editor, next, [id])).toEqual([{ next: ["triage_passed", "triage_disqualified"] }]);
    expect(await logins.speak(people.viewer, next, [id])).toEqual([{ next: [] }]);
    expect((await workflow.query(next, [id])).rows).toEqual([{ next: [] }]);
  });
});

test.each([
  ['```json\n{"revenue": "€12.5M"}\n```', { revenue: "€12.5M" }],
  ["  ```\n[1, 2]```  ", [1, 2]],
  ['{"plain": true}', { plain: true }],
  ["Acme sells harbour cranes.", null],
  ["```json\n{broken\n```", null],
  ["", null],
])("can read an answer of research as JSON where it is JSON: %s", async (text, expected) => {
  const id = await addLead(logins.speak, people.editor, "companies", { name: "Asked" });
  const asset = await addLead(logins.speak, people.editor, "research_assets", {
    company_id: id,
    name: "What is it?",
    research_data: text,
  });
  expect(
    await logins.speak(
      people.viewer,
      "select leadgen.research_assets_research_json(a) as json from leadgen.research_assets a where id = $1",
      [asset],
    ),
  ).toEqual([{ json: expected }]);
});
