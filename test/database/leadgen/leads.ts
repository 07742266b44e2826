/** Companies, contacts and messages to try things on. */
import type { Identity } from "../../../src/database/with_identity.ts";
import type { TestDatabase } from "../../support/database.ts";
import { idOf, type People, type Speak } from "../../support/people.ts";

/** Adds a row to a table of leadgen, as an editor where nobody else is named. */
export async function addLead(
  speak: Speak,
  who: Identity,
  table: string,
  values: Record<string, unknown>,
): Promise<string> {
  const names = Object.keys(values);
  const places = names.map((_, at) => `$${at + 1}`).join(", ");
  return idOf(
    await speak(
      who,
      `insert into leadgen.${table} (${names.join(", ")}) values (${places}) returning id`,
      Object.values(values),
    ),
  );
}

export interface Conversation {
  contactId: string;
  /** As many as were asked for: e-mails in draft. */
  messages: string[];
}

/** A contact whose messages wait for review. */
export async function addConversation(
  database: TestDatabase,
  speak: Speak,
  people: People,
  drafts = 2,
): Promise<Conversation> {
  const contactId = await addLead(speak, people.editor, "contacts", { full_name: "Jane Doe" });
  const messages: string[] = [];
  for (let step = 1; step <= drafts; step += 1) {
    const values = {
      contact_id: contactId,
      channel: "email",
      sequence_step: step,
      subject: "Hello",
      body: "Good day.",
    };
    messages.push(await addLead(speak, people.editor, "messages", values));
  }
  await putIn(database, "contacts", contactId, { message_status: "pending_review" });
  return { contactId, messages };
}

/** Puts a row into a state behind the triggers: where the way there is not what is tried. */
export async function putIn(
  database: TestDatabase,
  table: string,
  id: string,
  values: Record<string, string>,
): Promise<void> {
  const changes = Object.entries(values).map(([column, value]) => `${column} = '${value}'`);
  await database.query(
    `do $$ begin set local session_replication_role = replica; update leadgen.${table} set ${changes.join(", ")} where id = '${id}'; end $$`,
  );
}
