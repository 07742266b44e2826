import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import {
  addPeople,
  idOf,
  type Logins,
  openLogins,
  type People,
  type Person,
  refusal,
  rehearse,
  type Speak,
} from "../../support/people.ts";
import { addDraft, submit } from "./drafts.ts";

let database: TestDatabase;
let logins: Logins;
let people: People;
let foreign: People;
beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  foreign = await addPeople(database, logins.speak, "meadow");
});
afterAll(async () => {
  await logins.close();
  await database.drop();
});

describe("comments", () => {
  const start = (speak: Speak, who: Person, journeyId: string, isVisible = false, versionId: string | null = null) =>
    speak(who, "select * from journeys.start_comment_thread($1, 'Is this right?', null, $3, null, $2)", [
      journeyId,
      isVisible,
      versionId,
    ]);
  const threads = async (speak: Speak, who: Person, journeyId: string) =>
    (await speak(who, "select id from journeys.comment_threads where journey_id = $1 order by id", [journeyId])).map(
      ({ id }) => id,
    );
  const bodies = async (speak: Speak, who: Person, threadId: string) =>
    (await speak(who, "select body from journeys.comments where comment_thread_id = $1 order by id", [threadId])).map(
      ({ body }) => body,
    );

  test("can start a thread on a step and a place, with its first comment", () =>
    rehearse(database, async (speak) => {
      const { id, steps } = await addDraft(speak, people);
      const [thread] = await speak(
        people.editor,
        `select * from journeys.start_comment_thread($1, 'Is this right?', $2, null, '{"x": 1, "y": 2}')`,
        [id, steps[0]],
      );
      expect(thread).toMatchObject({
        journey_id: id,
        touchpoint_id: steps[0],
        client_id: people.clientId,
        author_id: people.editor.userId,
        status: "open",
        position: { x: 1, y: 2 },
        is_visible_to_client: false,
        resolved_at: null,
      });
      expect(await bodies(speak, people.viewer, thread?.id)).toEqual(["Is this right?"]);
    }));

  test("can be kept among the tenant's people, or shown to the client's", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await submit(speak, people, id);
      const inside = idOf(await start(speak, people.editor, id));
      const shown = idOf(await start(speak, people.editor, id, true));
      expect(await threads(speak, people.viewer, id)).toEqual([inside, shown]);
      expect(await threads(speak, people.reviewer, id)).toEqual([shown]);
      expect(await bodies(speak, people.reviewer, shown)).toEqual(["Is this right?"]);
      expect(await bodies(speak, people.reviewer, inside)).toEqual([]);
      expect(await bodies(speak, people.viewer, inside)).toEqual(["Is this right?"]);
      for (const who of [people.stranger, foreign.admin]) {
        expect(await threads(speak, who, id)).toEqual([]);
        expect(await bodies(speak, who, shown)).toEqual([]);
      }
      await speak(people.editor, "update journeys.comment_threads set is_visible_to_client = true where id = $1", [
        inside,
      ]);
      expect(await threads(speak, people.reviewer, id)).toEqual([inside, shown]);
    }));

  test("can be started by people of the client, who see what they said whatever they send", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await submit(speak, people, id);
      const [thread] = await start(speak, people.reviewer, id, false);
      expect(thread).toMatchObject({ is_visible_to_client: true, author_id: people.reviewer.userId });
      expect(await threads(speak, people.secondReviewer, id)).toEqual([thread?.id]);
    }));

  test("cannot be started by people of the client on what was never submitted to them (LF006)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      expect(await refusal(start(speak, people.reviewer, id))).toMatchObject({ code: "LF006" });
      await submit(speak, people, id);
      const saved = idOf(await speak(people.editor, "select * from journeys.save_journey_version($1)", [id]));
      expect(await refusal(start(speak, people.reviewer, id, true, saved))).toMatchObject({ code: "LF006" });
      expect(await refusal(start(speak, people.editor, id, true, saved))).toMatchObject({ code: "passed" });
      expect(await refusal(start(speak, people.stranger, id))).toMatchObject({ code: "LF006" });
      expect(await refusal(start(speak, foreign.editor, id))).toMatchObject({ code: "LF006" });
    }));

  test("cannot be about a step or a version of another journey (23503)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const other = await addDraft(speak, people);
      const version = idOf(await speak(people.editor, "select * from journeys.save_journey_version($1)", [other.id]));
      expect(
        await refusal(speak(people.editor, "select journeys.start_comment_thread($1, 'Hm', $2)", [id, other.steps[0]])),
      ).toMatchObject({
        code: "23503",
        constraint: "comment_threads_touchpoint_id_fkey",
      });
      expect(await refusal(start(speak, people.editor, id, false, version))).toMatchObject({
        code: "23503",
        constraint: "comment_threads_journey_version_id_fkey",
      });
    }));

  test("can be answered, resolved and opened again from both sides", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await submit(speak, people, id);
      const threadId = idOf(await start(speak, people.editor, id, true));
      await speak(people.reviewer, "select journeys.add_comment($1, 'It is.')", [threadId]);
      expect(await bodies(speak, people.viewer, threadId)).toEqual(["Is this right?", "It is."]);
      const [resolved] = await speak(people.reviewer, "select * from journeys.resolve_comment_thread($1)", [threadId]);
      expect(resolved).toMatchObject({ status: "resolved", resolved_at: expect.any(Date) });
      const [again] = await speak(people.editor, "select * from journeys.resolve_comment_thread($1)", [threadId]);
      expect(again?.resolved_at).toEqual(resolved?.resolved_at);
      expect(
        (await speak(people.editor, "select * from journeys.reopen_comment_thread($1)", [threadId]))[0],
      ).toMatchObject({ status: "open", resolved_at: null });
    }));

  test("cannot be added to a thread that one does not see, nor resolve it (LF006)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await submit(speak, people, id);
      const threadId = idOf(await start(speak, people.editor, id));
      for (const who of [people.reviewer, people.stranger, foreign.editor]) {
        for (const deed of ["add_comment($1, 'Hm')", "resolve_comment_thread($1)", "reopen_comment_thread($1)"]) {
          expect({ deed, ...(await refusal(speak(who, `select journeys.${deed}`, [threadId]))) }).toMatchObject({
            deed,
            code: "LF006",
          });
        }
      }
      expect(await bodies(speak, people.viewer, threadId)).toEqual(["Is this right?"]);
    }));

  test("cannot be blank (23514)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const threadId = idOf(await start(speak, people.editor, id));
      expect(await refusal(speak(people.editor, "select journeys.add_comment($1, ' ')", [threadId]))).toMatchObject({
        code: "23514",
        constraint: "comments_body_check",
      });
      expect(await refusal(speak(people.editor, "select journeys.start_comment_thread($1, '')", [id]))).toMatchObject({
        code: "23514",
      });
      expect(await threads(speak, people.viewer, id)).toEqual([threadId]);
    }));

  test("cannot be changed or deleted by anybody but their author", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await submit(speak, people, id);
      const threadId = idOf(await start(speak, people.editor, id, true));
      const commentId = idOf(
        await speak(people.reviewer, "select * from journeys.add_comment($1, 'It is.')", [threadId]),
      );
      const change = (who: Person) =>
        speak(who, "update journeys.comments set body = body || ' Really.' where id = $1 returning id", [commentId]);
      const remove = (who: Person) =>
        speak(who, "delete from journeys.comments where id = $1 returning id", [commentId]);
      for (const who of [people.editor, people.admin, people.secondReviewer, people.stranger, foreign.admin]) {
        expect(await change(who)).toEqual([]);
        expect(await remove(who)).toEqual([]);
      }
      expect(await change(people.reviewer)).toHaveLength(1);
      expect(await bodies(speak, people.viewer, threadId)).toContain("It is. Really.");
      expect(
        await refusal(
          speak(people.reviewer, "update journeys.comments set author_id = $2 where id = $1", [
            commentId,
            people.editor.userId,
          ]),
        ),
      ).toMatchObject({
        code: "42501",
      });
      expect(await remove(people.reviewer)).toHaveLength(1);
    }));

  test("cannot be written by a viewer (42501)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      expect(await refusal(start(speak, people.viewer, id))).toMatchObject({ code: "42501" });
    }));

  test("can outlive the step that they were about", () =>
    rehearse(database, async (speak) => {
      const { id, steps } = await addDraft(speak, people);
      const threadId = idOf(
        await speak(people.editor, "select * from journeys.start_comment_thread($1, 'Hm', $2)", [id, steps[0]]),
      );
      await speak(people.editor, "delete from journeys.touchpoints where id = $1", [steps[0]]);
      expect(
        await speak(people.viewer, "select touchpoint_id, journey_id from journeys.comment_threads where id = $1", [
          threadId,
        ]),
      ).toEqual([{ touchpoint_id: null, journey_id: id }]);
    }));
});

describe("change requests", () => {
  const ask = (
    speak: Speak,
    who: Person,
    clientId = people.clientId,
    journeyId: string | null = null,
    touchpointId: string | null = null,
  ) =>
    speak(
      who,
      "select * from journeys.create_change_request($1, 'content_change', 'Softer', 'The tone', 'high', $2, $3)",
      [clientId, journeyId, touchpointId],
    );
  const move = (speak: Speak, who: Person, id: string, status: string | null, response: string | null = null) =>
    speak(who, "select * from journeys.move_change_request($1, $2, $3)", [id, status, response]);

  test("can go from the client's wish to its fulfilment", () =>
    rehearse(database, async (speak) => {
      const { id, steps } = await addDraft(speak, people);
      await submit(speak, people, id);
      const [request] = await ask(speak, people.reviewer, people.clientId, id, steps[0]);
      expect(request).toMatchObject({
        status: "pending_review",
        priority: "high",
        type: "content_change",
        requester_id: people.reviewer.userId,
        journey_id: id,
        touchpoint_id: steps[0],
        handler_id: null,
      });
      await move(speak, people.editor, request?.id, "in_review", "We look at it.");
      await move(speak, people.editor, request?.id, "approved");
      const [done] = await move(speak, people.secondEditor, request?.id, "implemented", "Done.");
      expect(done).toMatchObject({
        status: "implemented",
        response: "Done.",
        handler_id: people.secondEditor.userId,
        version: 4,
      });
      expect(
        await speak(people.reviewer, "select status, response from journeys.change_requests where id = $1", [
          request?.id,
        ]),
      ).toEqual([{ status: "implemented", response: "Done." }]);
    }));

  test("can be cancelled by the client, who cannot take any other step (LF003)", () =>
    rehearse(database, async (speak) => {
      const requestId = idOf(await ask(speak, people.reviewer));
      for (const status of ["in_review", "approved", "implemented", "rejected"]) {
        expect(await refusal(move(speak, people.reviewer, requestId, status))).toMatchObject({
          code: "LF003",
          hint: "Allowed from here for you: cancelled.",
        });
      }
      expect((await move(speak, people.reviewer, requestId, "cancelled"))[0]).toMatchObject({
        status: "cancelled",
        handler_id: null,
      });
      expect(await refusal(move(speak, people.editor, requestId, "in_review"))).toMatchObject({
        code: "LF003",
        hint: "Allowed from here for you: nothing.",
      });
    }));

  test("cannot be answered by the client in the tenant's name (LF002)", () =>
    rehearse(database, async (speak) => {
      const requestId = idOf(await ask(speak, people.reviewer));
      await move(speak, people.editor, requestId, "in_review", "We look at it.");
      expect(await refusal(move(speak, people.reviewer, requestId, "cancelled", "We refuse."))).toMatchObject({
        code: "LF002",
      });
      expect(await refusal(move(speak, people.reviewer, requestId, "in_review", "We refuse."))).toMatchObject({
        code: "LF002",
      });
      expect(
        await speak(people.viewer, "select response from journeys.change_requests where id = $1", [requestId]),
      ).toEqual([{ response: "We look at it." }]);
    }));

  test("cannot stay where they are and call it a step (LF003)", () =>
    rehearse(database, async (speak) => {
      const requestId = idOf(await ask(speak, people.reviewer));
      expect(await refusal(move(speak, people.editor, requestId, "pending_review"))).toMatchObject({
        code: "LF003",
        hint: "Allowed from here for you: in_review, rejected, cancelled.",
      });
    }));

  test("cannot be made for another client, or about another client's journey (LF006)", () =>
    rehearse(database, async (speak) => {
      const { id, steps } = await addDraft(speak, people, "Theirs", people.otherClientId);
      const approvalId = await submit(speak, people, id);
      expect(approvalId).toBeDefined();
      expect(await refusal(ask(speak, people.reviewer, people.otherClientId))).toMatchObject({ code: "LF006" });
      expect(await refusal(ask(speak, people.reviewer, people.clientId, id))).toMatchObject({ code: "LF006" });
      expect(await refusal(ask(speak, people.editor, people.clientId, id))).toMatchObject({ code: "LF006" });
      expect(await refusal(ask(speak, people.editor, people.clientId, null, steps[0]))).toMatchObject({
        code: "LF006",
      });
      expect(await refusal(ask(speak, people.stranger, people.otherClientId, id, steps[0]))).toMatchObject({
        code: "passed",
      });
      expect(await refusal(ask(speak, people.editor, foreign.clientId))).toMatchObject({
        code: "23503",
        constraint: "change_requests_client_id_fkey",
      });
    }));

  test("cannot be made by people of the client about what was never submitted to them (LF006)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      expect(await refusal(ask(speak, people.reviewer, people.clientId, id))).toMatchObject({ code: "LF006" });
      expect(await refusal(ask(speak, people.editor, people.clientId, id))).toMatchObject({ code: "passed" });
    }));

  test("cannot be seen or moved by people of another client or tenant (LF006)", () =>
    rehearse(database, async (speak) => {
      const requestId = idOf(await ask(speak, people.reviewer));
      for (const who of [people.stranger, foreign.reviewer, foreign.editor]) {
        expect(await speak(who, "select from journeys.change_requests where id = $1", [requestId])).toEqual([]);
        expect(await refusal(move(speak, who, requestId, "cancelled"))).toMatchObject({ code: "LF006" });
      }
      expect(
        await speak(people.secondReviewer, "select from journeys.change_requests where id = $1", [requestId]),
      ).toHaveLength(1);
    }));

  test("can be reworded by an editor, and cannot by a viewer or the client (42501)", () =>
    rehearse(database, async (speak) => {
      const requestId = idOf(await ask(speak, people.reviewer));
      const reword = (who: Person) =>
        refusal(
          speak(who, "update journeys.change_requests set title = 'Warmer', version = 1 where id = $1", [requestId]),
        );
      expect(await reword(people.viewer)).toMatchObject({ code: "42501" });
      expect(await reword(people.reviewer)).toMatchObject({ code: "42501" });
      expect(await reword(people.editor)).toMatchObject({ code: "passed" });
      expect(
        await refusal(
          speak(people.editor, "update journeys.change_requests set status = 'approved' where id = $1", [requestId]),
        ),
      ).toMatchObject({ code: "42501" });
    }));
});
