/** Journeys to try things on. */
import { idOf, type People, type Speak } from "../../support/people.ts";

export interface Draft {
  id: string;
  /** The touchpoints, first to last: a welcome by e-mail, a wait, a reminder by SMS; each leads to the next. */
  steps: string[];
}

/** Writes a journey of three steps as an editor. */
export async function addDraft(
  speak: Speak,
  people: People,
  name = "Wedding inquiry",
  clientId = people.clientId,
): Promise<Draft> {
  const id = idOf(
    await speak(
      people.editor,
      "insert into journeys.journeys (client_id, name, slug) values ($1, $2, null) returning id",
      [clientId, name],
    ),
  );
  const rows = await speak<{ id: string; order_index: number }>(
    people.editor,
    `insert into journeys.touchpoints (journey_id, name, type, day_offset, order_index, content)
     values
       ($1, 'Welcome', 'email', 0, 0, '{"subject": "Welcome to Rosewood", "body": "We are glad that you wrote."}'),
       ($1, 'Pause', 'wait', 1, 1, '{}'),
       ($1, 'Reminder', 'sms', 2, 2, '{"text": "Have you found a date?"}')
     returning id, order_index`,
    [id],
  );
  const steps = rows.sort((a, b) => a.order_index - b.order_index).map((row) => row.id);
  await speak(
    people.editor,
    "update journeys.touchpoints t set next_touchpoint_id = link.next from unnest($1::uuid[], $2::uuid[]) link (id, next) where t.id = link.id",
    [steps.slice(0, -1), steps.slice(1)],
  );
  return { id, steps };
}

/** Submits a journey as its editor and gives the approval's id. */
export async function submit(speak: Speak, people: People, journeyId: string): Promise<string> {
  return idOf(await speak(people.editor, "select * from journeys.submit_journey($1)", [journeyId]));
}

/** Submits a journey, and has the client's reviewer approve it. */
export async function approve(speak: Speak, people: People, journeyId: string): Promise<void> {
  const approvalId = await submit(speak, people, journeyId);
  await speak(people.reviewer, "select journeys.review_journey($1, 'approve')", [approvalId]);
}

/** Submits, approves and publishes a journey, whose client is given a location. */
export async function publish(speak: Speak, people: People, journeyId: string): Promise<void> {
  await approve(speak, people, journeyId);
  await speak(people.editor, "update journeys.clients set ghl_location_id = 'location-' || slug where id = $1", [
    people.clientId,
  ]);
  await speak(people.admin, "select journeys.publish_journey($1)", [journeyId]);
}

export async function statusOf(speak: Speak, people: People, journeyId: string): Promise<string> {
  const [row] = await speak<{ status: string }>(people.viewer, "select status from journeys.journeys where id = $1", [
    journeyId,
  ]);
  return row?.status ?? "absent";
}
