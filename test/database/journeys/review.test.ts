import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { withIdentity } from "../../../src/database/with_identity.ts";
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
} from "../../support/people.ts";
import { addDraft, approve, publish, statusOf, submit } from "./drafts.ts";

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

const touchpointStatuses =
  "select array_agg(status::text order by order_index) as statuses from journeys.touchpoints where journey_id = $1";

describe("submitting", () => {
  test("can write a version and a pending approval of it", () =>
    rehearse(database, async (speak) => {
      const { id, steps } = await addDraft(speak, people);
      const [approval] = await speak(people.editor, "select * from journeys.submit_journey($1, ' First take ')", [id]);
      expect(approval).toMatchObject({
        status: "pending",
        journey_id: id,
        client_id: people.clientId,
        requester_id: people.editor.userId,
        is_imported: false,
      });
      const [version] = await speak(people.reviewer, "select * from journeys.journey_versions where id = $1", [
        approval?.journey_version_id,
      ]);
      expect(version).toMatchObject({ version: 1, change_log: "First take", author_id: people.editor.userId });
      expect(version?.submitted_at).toBeInstanceOf(Date);
      expect(Object.keys(version?.snapshot).sort()).toEqual(["client", "journey", "pipeline", "touchpoints"]);
      expect(version?.snapshot.touchpoints.map((step: { id: string }) => step.id)).toEqual(steps);
      expect(version?.snapshot.touchpoints[0]).toEqual({
        id: steps[0],
        name: "Welcome",
        type: "email",
        day_offset: 0,
        order_index: 0,
        config: {},
        position: null,
        next_touchpoint_id: steps[1],
        content: { subject: "Welcome to Rosewood", body: "We are glad that you wrote." },
      });
      expect(await statusOf(speak, people, id)).toBe("client_review");
      expect(await speak(people.viewer, touchpointStatuses, [id])).toEqual([
        { statuses: Array(3).fill("client_review") },
      ]);
    }));

  test("cannot submit what is under review already (LF003)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await submit(speak, people, id);
      expect(await refusal(submit(speak, people, id))).toMatchObject({
        code: "LF003",
        hint: "Allowed from here for you: draft, archived.",
      });
      expect(await speak(people.viewer, "select from journeys.approvals where journey_id = $1", [id])).toHaveLength(1);
    }));

  test("cannot submit a journey without touchpoints (LF103)", () =>
    rehearse(database, async (speak) => {
      const id = idOf(
        await speak(
          people.editor,
          "insert into journeys.journeys (client_id, name) values ($1, 'Empty') returning id",
          [people.clientId],
        ),
      );
      expect(await refusal(submit(speak, people, id))).toMatchObject({
        code: "LF103",
        message: expect.stringContaining('"Empty"'),
      });
    }));

  test("cannot submit what is not there, or belongs to another tenant (LF006)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, foreign);
      expect(await statusOf(speak, foreign, id)).toBe("draft");
      expect(await refusal(submit(speak, people, id))).toMatchObject({ code: "LF006" });
      expect(await refusal(submit(speak, people, people.clientId))).toMatchObject({ code: "LF006" });
    }));

  test.each(["viewer", "reviewer"] as const)("cannot be done by a %s (42501)", (who) =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      expect(await refusal(speak(people[who], "select journeys.submit_journey($1)", [id]))).toMatchObject({
        code: "42501",
      });
    }),
  );

  test("cannot change a version once it is written (LF007)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await submit(speak, people, id);
      expect(
        await refusal(
          speak(people.admin, "update journeys.journey_versions set change_log = 'x' where journey_id = $1", [id]),
        ),
      ).toMatchObject({
        code: "42501",
      });
    }));
});

describe("a version", () => {
  test("cannot be changed by the owner of the tables or the worker either (LF007)", async () => {
    const { id } = await addDraft(logins.speak, people, "Kept");
    await submit(logins.speak, people, id);
    const change = `update journeys.journey_versions set snapshot = snapshot || '{"journey": {}}', change_log = 'x' where journey_id = $1`;
    expect(await refusal(logins.speak(people.worker, change, [id]))).toMatchObject({ code: "LF007" });
    expect(await refusal(database.query(change, [id]))).toMatchObject({ code: "LF007" });
    expect(
      await refusal(
        database.query("update journeys.journey_versions set submitted_at = now() where journey_id = $1", [id]),
      ),
    ).toMatchObject({
      code: "LF007",
    });
  });

  test("can be submitted once where it was only saved, and keeps its number", async () => {
    const { id } = await addDraft(logins.speak, people, "Saved");
    await logins.speak(people.editor, "select journeys.save_journey_version($1)", [id]);
    await database.query("update journeys.journey_versions set submitted_at = now() where journey_id = $1", [id]);
    const [version] = await database.query(
      "select version, submitted_at from journeys.journey_versions where journey_id = $1",
      [id],
    );
    expect(version).toMatchObject({ version: 1, submitted_at: expect.any(Date) });
  });
});

describe("editing during review", () => {
  test("can be done, and does not touch what is under review", () =>
    rehearse(database, async (speak) => {
      const { id, steps } = await addDraft(speak, people);
      const approvalId = await submit(speak, people, id);
      const snapshot =
        "select v.snapshot, v.snapshot_hash from journeys.approvals a join journeys.journey_versions v on v.id = a.journey_version_id where a.id = $1";
      const before = await speak(people.reviewer, snapshot, [approvalId]);
      await speak(people.editor, `update journeys.touchpoints set content = '{"text": "Better"}' where id = $1`, [
        steps[2],
      ]);
      await speak(people.editor, "update journeys.journeys set name = 'Renamed' where id = $1", [id]);
      await speak(
        people.editor,
        "insert into journeys.touchpoints (journey_id, name, type) values ($1, 'Late', 'call')",
        [id],
      );
      expect(await statusOf(speak, people, id)).toBe("client_review");
      expect(await speak(people.reviewer, snapshot, [approvalId])).toEqual(before);

      await speak(people.reviewer, "select journeys.review_journey($1, 'approve')", [approvalId]);
      expect(await statusOf(speak, people, id)).toBe("approved");
      expect(await speak(people.viewer, touchpointStatuses, [id])).toEqual([
        { statuses: ["approved", "approved", "draft", "draft"] },
      ]);
      expect(
        await speak(
          people.viewer,
          "select journeys.journeys_has_unsubmitted_changes(j) as changed from journeys.journeys j where id = $1",
          [id],
        ),
      ).toEqual([{ changed: true }]);
    }));
});

describe("reviewing", () => {
  test("can approve: the decision names who took it, and journey and texts follow", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const approvalId = await submit(speak, people, id);
      const [approval] = await speak(
        people.reviewer,
        "select * from journeys.review_journey($1, 'approve', '  Lovely  ')",
        [approvalId],
      );
      expect(approval).toMatchObject({
        status: "approved",
        reviewer_id: people.reviewer.userId,
        comments: "Lovely",
        reviewed_at: expect.any(Date),
      });
      const [journey] = await speak(
        people.viewer,
        "select status, approved_at, version from journeys.journeys where id = $1",
        [id],
      );
      expect(journey).toEqual({ status: "approved", approved_at: expect.any(Date), version: 1 });
      expect(await speak(people.viewer, touchpointStatuses, [id])).toEqual([{ statuses: Array(3).fill("approved") }]);
    }));

  test.each([
    ["reject", "rejected", "rejected"],
    ["request_changes", "changes_requested", "draft"],
  ])("can %s with comments", (decision, approvalStatus, journeyStatus) =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const approvalId = await submit(speak, people, id);
      const [approval] = await speak(people.admin, "select * from journeys.review_journey($1, $2, 'The tone')", [
        approvalId,
        decision,
      ]);
      expect(approval).toMatchObject({
        status: approvalStatus,
        comments: "The tone",
        reviewer_id: people.admin.userId,
      });
      expect(await statusOf(speak, people, id)).toBe(journeyStatus);
      expect(await speak(people.viewer, touchpointStatuses, [id])).toEqual([
        { statuses: Array(3).fill("needs_revision") },
      ]);
    }),
  );

  test("can submit again after changes were requested, as the next version", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const approvalId = await submit(speak, people, id);
      await speak(people.reviewer, "select journeys.review_journey($1, 'request_changes', 'The tone')", [approvalId]);
      await approve(speak, people, id);
      expect(
        await speak(
          people.reviewer,
          "select version from journeys.journey_versions where journey_id = $1 order by version",
          [id],
        ),
      ).toEqual([{ version: 1 }, { version: 2 }]);
    }));

  test.each(["reject", "request_changes"])("cannot %s without comments (LF107)", (decision) =>
    rehearse(database, async (speak) => {
      const approvalId = await submit(speak, people, (await addDraft(speak, people)).id);
      for (const comments of [null, "", "  \n"]) {
        expect(
          await refusal(
            speak(people.reviewer, "select journeys.review_journey($1, $2, $3)", [approvalId, decision, comments]),
          ),
        ).toMatchObject({ code: "LF107" });
      }
    }),
  );

  test("cannot decide nothing (LF009)", () =>
    rehearse(database, async (speak) => {
      const approvalId = await submit(speak, people, (await addDraft(speak, people)).id);
      expect(
        await refusal(speak(people.reviewer, "select journeys.review_journey($1, null, 'Hm')", [approvalId])),
      ).toMatchObject({ code: "LF009" });
    }));

  test("cannot decide twice (LF101)", () =>
    rehearse(database, async (speak) => {
      const approvalId = await submit(speak, people, (await addDraft(speak, people)).id);
      await speak(people.reviewer, "select journeys.review_journey($1, 'approve')", [approvalId]);
      expect(
        await refusal(speak(people.admin, "select journeys.review_journey($1, 'reject', 'No')", [approvalId])),
      ).toMatchObject({
        code: "LF101",
        message: "This approval is approved already.",
      });
    }));

  test("cannot approve what one has asked for, whatever role one has (LF102)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const approvalId = idOf(await speak(people.admin, "select * from journeys.submit_journey($1)", [id]));
      const decide = (who: Person) =>
        refusal(speak(who, "select journeys.review_journey($1, 'approve')", [approvalId]));
      expect(await decide(people.admin)).toMatchObject({
        code: "LF102",
        hint: expect.stringContaining("allow_self_approval"),
      });
      expect(await decide(people.secondAdmin)).toMatchObject({ code: "passed" });
    }));

  test("can approve what one has asked for where the tenant allows it", async () => {
    const { id } = await addDraft(logins.speak, foreign, "By myself");
    const approvalId = idOf(await logins.speak(foreign.admin, "select * from journeys.submit_journey($1)", [id]));
    const decide = () =>
      refusal(logins.speak(foreign.admin, "select journeys.review_journey($1, 'approve')", [approvalId]));
    for (const setting of [
      '{"allow_self_approval": false}',
      '{"allow_self_approval": "by all means"}',
      '{"allow_self_approval": null}',
    ]) {
      await database.query("update tenancy.tenants set settings = $2 where id = $1", [foreign.tenantId, setting]);
      expect(await decide()).toMatchObject({ code: "LF102" });
    }
    await database.query(`update tenancy.tenants set settings = '{"allow_self_approval": true}' where id = $1`, [
      foreign.tenantId,
    ]);
    expect(await decide()).toMatchObject({ code: "passed" });
  });

  test("cannot be done by people of another client or another tenant (LF006)", () =>
    rehearse(database, async (speak) => {
      const approvalId = await submit(speak, people, (await addDraft(speak, people)).id);
      for (const who of [people.stranger, foreign.reviewer, foreign.admin]) {
        expect(await refusal(speak(who, "select journeys.review_journey($1, 'approve')", [approvalId]))).toMatchObject({
          code: "LF006",
        });
        expect(await speak(who, "select from journeys.approvals where id = $1", [approvalId])).toEqual([]);
      }
      expect(await speak(people.reviewer, "select from journeys.approvals where id = $1", [approvalId])).toHaveLength(
        1,
      );
    }));

  test.each(["viewer", "editor"] as const)("cannot be done by a %s (42501)", (who) =>
    rehearse(database, async (speak) => {
      const approvalId = await submit(speak, people, (await addDraft(speak, people)).id);
      expect(
        await refusal(speak(people[who], "select journeys.review_journey($1, 'approve')", [approvalId])),
      ).toMatchObject({ code: "42501" });
    }),
  );

  test("cannot both decide when two do at once: one wins, the other is told (LF101)", async () => {
    const { id } = await addDraft(logins.speak, people, "Wanted by two");
    const approvalId = await submit(logins.speak, people, id);
    const first = await logins.authenticator.connect();
    let second: ReturnType<typeof refusal> = Promise.resolve({ code: "", message: "" });
    try {
      await first.query("begin");
      await first.query("select set_config(name, value, true) from unnest($1::text[], $2::text[]) s (name, value)", [
        ["role", "app.user_id", "app.tenant_id", "app.session_id"],
        ["landfall_client", people.reviewer.userId, people.tenantId, people.reviewer.sessionId],
      ]);
      await first.query("select journeys.review_journey($1, 'approve')", [approvalId]);
      second = refusal(
        logins.speak(people.secondReviewer, "select journeys.review_journey($1, 'reject', 'No')", [approvalId]),
      );
      await untilSomebodyWaits();
      await first.query("commit");
    } finally {
      first.release();
    }
    expect(await second).toMatchObject({ code: "LF101" });
    expect(await statusOf(logins.speak, people, id)).toBe("approved");
  });
});

describe("two at once", () => {
  test("cannot deadlock where one edits a text of an approved journey and the other withdraws it", async () => {
    const { id, steps } = await addDraft(logins.speak, people, "Pulled at from both sides");
    await approve(logins.speak, people, id);
    // The editor holds the text; whoever withdraws waits for it, and must not hold the journey meanwhile.
    let withdrawal: ReturnType<typeof refusal> | undefined;
    const attempts = { edit: 0, withdrawal: 0 };
    await withIdentity(logins.authenticator, people.editor, async (client) => {
      attempts.edit += 1;
      await client.query("select from journeys.touchpoints where id = $1 for update", [steps[0]]);
      withdrawal ??= refusal(
        withIdentity(logins.authenticator, people.secondEditor, (other) => {
          attempts.withdrawal += 1;
          return other.query("select journeys.withdraw_journey($1)", [id]);
        }),
      );
      await untilSomebodyWaits();
      await client.query(`update journeys.touchpoints set content = '{"subject": "Other"}' where id = $1`, [steps[0]]);
    });
    expect(await withdrawal).toMatchObject({ code: "LF109" });
    expect(attempts).toEqual({ edit: 1, withdrawal: 1 });
    expect(await statusOf(logins.speak, people, id)).toBe("draft");
  });

  test.each<[string, (journeyId: string) => Promise<void>, string, keyof People, string]>([
    ["submit", async () => undefined, "submit_journey", "editor", "client_review"],
    ["publish", (id) => approve(logins.speak, people, id), "publish_journey", "admin", "published"],
    ["archive", async () => undefined, "archive_journey", "editor", "archived"],
  ])("cannot both %s one journey (LF003 or LF104)", async (deed, prepare, name, who, status) => {
    const { id } = await addDraft(logins.speak, people, `Wanted to ${deed} by two`);
    await prepare(id);
    await logins.speak(people.editor, "update journeys.clients set ghl_location_id = 'location' where id = $1", [
      people.clientId,
    ]);
    let second: ReturnType<typeof refusal> | undefined;
    await withIdentity(logins.authenticator, people[who] as Person, async (client) => {
      await client.query(`select journeys.${name}($1)`, [id]);
      second ??= refusal(logins.speak(people.secondAdmin, `select journeys.${name}($1)`, [id]));
      await untilSomebodyWaits();
    });
    expect(await second).toMatchObject({ code: deed === "archive" ? "LF104" : "LF003" });
    expect(await statusOf(logins.speak, people, id)).toBe(status);
  });

  test("can both add a step last", async () => {
    const { id } = await addDraft(logins.speak, people, "Grows from both sides");
    const add =
      "insert into journeys.touchpoints (journey_id, name, type) values ($1, 'More', 'note') returning order_index";
    let second: Promise<{ order_index: number }[]> = Promise.resolve([]);
    const first = await withIdentity(logins.authenticator, people.editor, async (client) => {
      const { rows } = await client.query<{ order_index: number }>(add, [id]);
      second = logins.speak<{ order_index: number }>(people.secondEditor, add, [id]);
      await untilSomebodyWaits();
      return rows;
    });
    expect([...first, ...(await second)]).toEqual([{ order_index: 3 }, { order_index: 4 }]);
  });

  test("can give two journeys of one name their slugs at once", async () => {
    const insert = "insert into journeys.journeys (client_id, name) values ($1, 'Named alike') returning slug";
    let second: Promise<{ slug: string }[]> = Promise.resolve([]);
    const [first] = await withIdentity(logins.authenticator, people.editor, async (client) => {
      const { rows } = await client.query<{ slug: string }>(insert, [people.clientId]);
      second = logins.speak<{ slug: string }>(people.secondEditor, insert, [people.clientId]);
      await untilSomebodyWaits();
      return rows;
    });
    expect([first?.slug, (await second)[0]?.slug]).toEqual(["named-alike", "named-alike-2"]);
  });
});

/** Comes back when a connection of this database waits for a lock. */
async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const waiting = await database.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if (waiting.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("withdrawing, archiving, restoring", () => {
  test("can withdraw a journey from review: the approval is withdrawn and the texts are drafts", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const approvalId = await submit(speak, people, id);
      const [journey] = await speak(people.editor, "select * from journeys.withdraw_journey($1)", [id]);
      expect(journey).toMatchObject({ status: "draft" });
      expect(await speak(people.reviewer, "select status from journeys.approvals where id = $1", [approvalId])).toEqual(
        [{ status: "withdrawn" }],
      );
      expect(await speak(people.viewer, touchpointStatuses, [id])).toEqual([{ statuses: Array(3).fill("draft") }]);
      expect(
        await refusal(speak(people.reviewer, "select journeys.review_journey($1, 'approve')", [approvalId])),
      ).toMatchObject({ code: "LF101" });
    }));

  test("can withdraw an approved journey", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await approve(speak, people, id);
      await speak(people.editor, "select journeys.withdraw_journey($1)", [id]);
      expect(await statusOf(speak, people, id)).toBe("draft");
      expect(await speak(people.viewer, touchpointStatuses, [id])).toEqual([{ statuses: Array(3).fill("draft") }]);
    }));

  test("cannot withdraw a draft (LF109)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      expect(await refusal(speak(people.editor, "select journeys.withdraw_journey($1)", [id]))).toMatchObject({
        code: "LF109",
        message: expect.stringContaining("is draft"),
      });
    }));

  test("can archive a journey under review, which withdraws the question, and restore it", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const approvalId = await submit(speak, people, id);
      await speak(people.editor, "select journeys.archive_journey($1)", [id]);
      expect(await statusOf(speak, people, id)).toBe("archived");
      expect(await speak(people.reviewer, "select status from journeys.approvals where id = $1", [approvalId])).toEqual(
        [{ status: "withdrawn" }],
      );
      await speak(people.editor, "select journeys.restore_journey($1)", [id]);
      expect(await statusOf(speak, people, id)).toBe("draft");
      await approve(speak, people, id);
    }));

  test("cannot archive what is archived (LF104)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await speak(people.editor, "select journeys.archive_journey($1)", [id]);
      expect(await refusal(speak(people.editor, "select journeys.archive_journey($1)", [id]))).toMatchObject({
        code: "LF104",
      });
    }));

  test("can restore a rejected journey, but cannot restore any other (LF003)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const restore = () => refusal(speak(people.editor, "select journeys.restore_journey($1)", [id]));
      expect(await restore()).toMatchObject({
        code: "LF003",
        hint: "Allowed from here for you: client_review, archived.",
      });
      const approvalId = await submit(speak, people, id);
      await speak(people.reviewer, "select journeys.review_journey($1, 'reject', 'No')", [approvalId]);
      expect(await restore()).toMatchObject({ code: "passed" });
      expect(await statusOf(speak, people, id)).toBe("draft");
    }));

  test("cannot edit an archived journey or its touchpoints (LF104)", () =>
    rehearse(database, async (speak) => {
      const { id, steps } = await addDraft(speak, people, "Put away");
      const versionId = idOf(await speak(people.editor, "select * from journeys.save_journey_version($1)", [id]));
      await speak(people.editor, "update journeys.touchpoints set name = 'Since' where id = $1", [steps[0]]);
      await speak(people.editor, "select journeys.archive_journey($1)", [id]);
      const edits: [string, unknown[]][] = [
        ["update journeys.journeys set name = 'x' where id = $1", [id]],
        ["update journeys.touchpoints set name = 'x' where id = $1", [steps[0]]],
        ["insert into journeys.touchpoints (journey_id, name, type) values ($1, 'x', 'note')", [id]],
        ["delete from journeys.touchpoints where id = $1", [steps[0]]],
        ["select journeys.reorder_touchpoints($1, $2)", [id, [...steps].reverse()]],
        ["select journeys.restore_journey_version($1)", [versionId]],
      ];
      for (const [sql, values] of edits) {
        expect({ sql, ...(await refusal(speak(people.editor, sql, values))) }).toMatchObject({
          sql,
          code: "LF104",
          message: 'The journey "Put away" is archived.',
        });
      }
      expect(await speak(people.viewer, "select from journeys.touchpoints where journey_id = $1", [id])).toHaveLength(
        3,
      );
    }));

  test("can delete an archived journey as a whole", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await speak(people.editor, "select journeys.archive_journey($1)", [id]);
      await speak(people.editor, "delete from journeys.journeys where id = $1", [id]);
      expect(await statusOf(speak, people, id)).toBe("absent");
    }));
});

describe("editing what was decided", () => {
  const stages = { approved: approve, published: publish };
  const edits: [string, string][] = [
    [
      "a text",
      `update journeys.touchpoints set content = content || '{"subject": "Other"}' where id = $2 and journey_id = $1`,
    ],
    ["a kind", "update journeys.touchpoints set type = 'call' where id = $2 and journey_id = $1"],
    ["a day", "update journeys.touchpoints set day_offset = 9 where id = $2 and journey_id = $1"],
    ["a link", "update journeys.touchpoints set next_touchpoint_id = null where id = $2 and journey_id = $1"],
    ["a configuration", `update journeys.touchpoints set config = '{"a": 1}' where id = $2 and journey_id = $1`],
  ];
  describe.each(Object.entries(stages))("of a journey that is %s", (_stage, reach) => {
    test.each(edits)("can change %s, which makes drafts of the journey and of the touchpoint alone", (_what, sql) =>
      rehearse(database, async (speak) => {
        const { id, steps } = await addDraft(speak, people);
        await reach(speak, people, id);
        await speak(people.editor, sql, [id, steps[0]]);
        expect(await statusOf(speak, people, id)).toBe("draft");
        expect(await speak(people.viewer, touchpointStatuses, [id])).toEqual([
          { statuses: ["draft", "approved", "approved"] },
        ]);
      }),
    );

    test.each<[string, (id: string, steps: string[]) => [string, unknown[]]]>([
      ["the name", (id) => ["update journeys.journeys set name = 'Other' where id = $1", [id]]],
      ["the goal", (id) => ["update journeys.journeys set goal = 'Other' where id = $1", [id]]],
      ["the order", (id, steps) => ["select journeys.reorder_touchpoints($1, $2)", [id, [...steps].reverse()]]],
      ["the number of steps", (_id, steps) => ["delete from journeys.touchpoints where id = $1", [steps[2]]]],
      [
        "the steps by one more",
        (id) => ["insert into journeys.touchpoints (journey_id, name, type) values ($1, 'More', 'note')", [id]],
      ],
    ])("can change %s, which makes a draft of the journey", (_what, edit) =>
      rehearse(database, async (speak) => {
        const { id, steps } = await addDraft(speak, people);
        await reach(speak, people, id);
        await speak(people.editor, ...edit(id, steps));
        expect(await statusOf(speak, people, id)).toBe("draft");
      }),
    );

    test.each<[string, (id: string, steps: string[]) => [string, unknown[]]]>([
      [
        "where the canvas draws a step",
        (_id, steps) => [`update journeys.touchpoints set position = '{"x": 1, "y": 2}' where id = $1`, [steps[0]]],
      ],
      [
        "the slug and the tags",
        (id) => [`update journeys.journeys set slug = 'elsewhere', metadata = '{"tags": []}' where id = $1`, [id]],
      ],
      [
        "a text to what it is",
        (_id, steps) => ["update journeys.touchpoints set content = content, name = name where id = $1", [steps[0]]],
      ],
    ])("can change %s and leave it where it stands", (_what, edit) =>
      rehearse(database, async (speak) => {
        const { id, steps } = await addDraft(speak, people);
        await reach(speak, people, id);
        const before = await statusOf(speak, people, id);
        await speak(people.editor, ...edit(id, steps));
        expect(await statusOf(speak, people, id)).toBe(before);
        expect(await speak(people.viewer, touchpointStatuses, [id])).toEqual([{ statuses: Array(3).fill("approved") }]);
      }),
    );
  });

  test("can write the ids and states of publishing without making a draft of anything", async () => {
    const { id, steps } = await addDraft(logins.speak, people, "Sent out");
    await publish(logins.speak, people, id);
    await logins.speak(
      people.worker,
      "update journeys.touchpoints set status = 'published', ghl_template_id = 'ghl-' || order_index where journey_id = $1",
      [id],
    );
    expect(await statusOf(logins.speak, people, id)).toBe("published");
    const rows = await logins.speak(
      people.viewer,
      "select status, version, ghl_template_id from journeys.touchpoints where id = $1",
      [steps[0]],
    );
    expect(rows).toEqual([{ status: "published", version: 2, ghl_template_id: "ghl-0" }]);
    await logins.speak(people.editor, "update journeys.touchpoints set name = 'Hello' where id = $1", [steps[0]]);
    expect(await statusOf(logins.speak, people, id)).toBe("draft");
    expect(await logins.speak(people.viewer, touchpointStatuses, [id])).toEqual([
      { statuses: ["draft", "published", "published"] },
    ]);
  });
});

describe("publishing", () => {
  test("can queue the version that was approved, whatever the rows say now", () =>
    rehearse(database, async (speak) => {
      const { id, steps } = await addDraft(speak, people);
      const approvalId = await submit(speak, people, id);
      await speak(people.editor, `update journeys.touchpoints set name = 'Meanwhile' where id = $1`, [steps[0]]);
      const [approval] = await speak(people.reviewer, "select * from journeys.review_journey($1, 'approve')", [
        approvalId,
      ]);
      await speak(people.editor, "update journeys.clients set ghl_location_id = 'here' where id = $1", [
        people.clientId,
      ]);
      const [publication] = await speak(people.admin, "select * from journeys.publish_journey($1)", [id]);
      expect(publication).toMatchObject({
        status: "queued",
        journey_version_id: approval?.journey_version_id,
        requester_id: people.admin.userId,
      });
      expect(await statusOf(speak, people, id)).toBe("published");
    }));

  test("can publish again after an edit: the version approved last, and the one that still waits is put aside", () =>
    rehearse(database, async (speak) => {
      const { id, steps } = await addDraft(speak, people);
      await publish(speak, people, id);
      await speak(people.editor, "update journeys.touchpoints set name = 'Hello' where id = $1", [steps[0]]);
      await approve(speak, people, id);
      await speak(people.admin, "select journeys.publish_journey($1)", [id]);
      const publications = await speak(
        people.viewer,
        `select p.status, v.version from publishing.publications p join journeys.journey_versions v on v.id = p.journey_version_id
          where p.journey_id = $1 order by v.version`,
        [id],
      );
      expect(publications).toEqual([
        { status: "superseded", version: 1 },
        { status: "queued", version: 2 },
      ]);
    }));

  test("cannot publish what is not approved (LF003)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      expect(await refusal(speak(people.admin, "select journeys.publish_journey($1)", [id]))).toMatchObject({
        code: "LF003",
        hint: "Allowed from here for you: client_review, archived.",
      });
    }));

  test("cannot publish what a base called approved without a version to show for it (LF108)", async () => {
    const { id } = await addDraft(logins.speak, people, "Said to be approved");
    await database.query(
      `begin;
       set local session_replication_role = replica;
       update journeys.journeys set status = 'approved' where id = '${id}';
       update journeys.clients set ghl_location_id = 'location' where id = '${people.clientId}';
       commit`,
    );
    expect(await refusal(logins.speak(people.admin, "select journeys.publish_journey($1)", [id]))).toMatchObject({
      code: "LF108",
      message: 'No version of the journey "Said to be approved" is approved.',
    });
    expect(await statusOf(logins.speak, people, id)).toBe("approved");
  });

  test("cannot publish for a client without a location (LF106)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people, "Nowhere", people.otherClientId);
      const approvalId = await submit(speak, people, id);
      await speak(people.stranger, "select journeys.review_journey($1, 'approve')", [approvalId]);
      expect(await refusal(speak(people.admin, "select journeys.publish_journey($1)", [id]))).toMatchObject({
        code: "LF106",
      });
    }));

  test("cannot be done by an editor (42501)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await approve(speak, people, id);
      expect(await refusal(speak(people.editor, "select journeys.publish_journey($1)", [id]))).toMatchObject({
        code: "42501",
      });
    }));
});

describe("deleting", () => {
  test("can delete a draft, and a journey that was only approved", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      await approve(speak, people, id);
      await speak(people.editor, "delete from journeys.journeys where id = $1", [id]);
      expect(await statusOf(speak, people, id)).toBe("absent");
    }));

  test("cannot delete what was published once, alone or with its client (LF111)", () =>
    rehearse(database, async (speak) => {
      const { id, steps } = await addDraft(speak, people);
      await publish(speak, people, id);
      await speak(people.editor, "update journeys.touchpoints set name = 'Hello' where id = $1", [steps[0]]);
      for (const [person, statement, target] of [
        [people.editor, "delete from journeys.journeys where id = $1", id],
        [people.admin, "delete from journeys.clients where id = $1", people.clientId],
      ] as const) {
        expect(await refusal(speak(person, statement, [target]))).toMatchObject({
          code: "LF111",
          hint: "Put it away with archiveJourney.",
        });
      }
      expect(await statusOf(speak, people, id)).toBe("draft");
    }));
});
