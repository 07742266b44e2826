import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import {
  addPeople,
  idOf,
  type Logins,
  openLogins,
  type People,
  refusal,
  rehearse,
  type Speak,
} from "../../support/people.ts";
import { addDraft, approve, statusOf, submit } from "./drafts.ts";

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

const save = async (speak: Speak, journeyId: string) =>
  idOf(await speak(people.editor, "select * from journeys.save_journey_version($1)", [journeyId]));

const steps = (speak: Speak, journeyId: string) =>
  speak(
    people.viewer,
    "select id, name, type, day_offset, order_index, content, config, position, next_touchpoint_id from journeys.touchpoints where journey_id = $1 order by order_index",
    [journeyId],
  );

describe("saving a version", () => {
  test("can keep the journey as it is without submitting it", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const [version] = await speak(people.editor, "select * from journeys.save_journey_version($1, 'Before lunch')", [
        id,
      ]);
      expect(version).toMatchObject({
        version: 1,
        change_log: "Before lunch",
        submitted_at: null,
        author_id: people.editor.userId,
      });
      expect(await statusOf(speak, people, id)).toBe("draft");
      expect(await speak(people.reviewer, "select from journeys.journey_versions where journey_id = $1", [id])).toEqual(
        [],
      );
    }));

  test("can tell two versions that read alike by their hash, wherever the canvas draws them", () =>
    rehearse(database, async (speak) => {
      const { id, steps: ids } = await addDraft(speak, people);
      await save(speak, id);
      await speak(people.editor, `update journeys.touchpoints set position = '{"x": 1}' where id = $1`, [ids[0]]);
      await save(speak, id);
      await speak(people.editor, `update journeys.touchpoints set name = 'Hello' where id = $1`, [ids[0]]);
      await save(speak, id);
      const versions = await speak(
        people.viewer,
        "select encode(snapshot_hash, 'hex') as hash from journeys.journey_versions where journey_id = $1 order by version",
        [id],
      );
      const [first, second, third] = versions.map(({ hash }) => hash);
      expect(second).toBe(first);
      expect(third).not.toBe(first);
    }));

  test("cannot be done by a viewer (42501)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      expect(await refusal(speak(people.viewer, "select journeys.save_journey_version($1)", [id]))).toMatchObject({
        code: "42501",
      });
    }));
});

describe("restoring a version", () => {
  test("can bring back texts, order, steps that were deleted and links, and take away steps that were added", () =>
    rehearse(database, async (speak) => {
      const { id, steps: ids } = await addDraft(speak, people);
      const versionId = await save(speak, id);
      const before = await steps(speak, id);

      await speak(people.editor, "delete from journeys.touchpoints where id = $1", [ids[1]]);
      await speak(
        people.editor,
        `update journeys.touchpoints set content = '{"subject": "Hi"}', day_offset = null where id = $1`,
        [ids[0]],
      );
      const added = idOf(
        await speak(
          people.editor,
          "insert into journeys.touchpoints (journey_id, name, type) values ($1, 'Later', 'call') returning id",
          [id],
        ),
      );
      await speak(people.editor, "update journeys.touchpoints set next_touchpoint_id = $2 where id = $1", [
        ids[0],
        added,
      ]);
      await speak(people.editor, "select journeys.reorder_touchpoints($1, $2)", [id, [added, ids[2], ids[0]]]);
      await speak(people.editor, "update journeys.journeys set name = 'Renamed', goal = 'Other' where id = $1", [id]);
      expect((await steps(speak, id)).map(({ name }) => name)).toEqual(["Later", "Reminder", "Welcome"]);

      const [journey] = await speak(people.editor, "select * from journeys.restore_journey_version($1)", [versionId]);
      expect(journey).toMatchObject({ id, name: "Wedding inquiry", goal: null });
      expect(await steps(speak, id)).toEqual(before);
    }));

  test("can exchange places without a gap between them", () =>
    rehearse(database, async (speak) => {
      const { id, steps: ids } = await addDraft(speak, people);
      const versionId = await save(speak, id);
      await speak(people.editor, "select journeys.reorder_touchpoints($1, $2)", [id, [...ids].reverse()]);
      await speak(people.editor, "select journeys.restore_journey_version($1)", [versionId]);
      expect((await steps(speak, id)).map((step) => step.id)).toEqual(ids);
    }));

  test("can be restored from its own state without a trace", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const versionId = await save(speak, id);
      const rows = () =>
        speak(
          people.viewer,
          "select id, version, updated_at from journeys.touchpoints where journey_id = $1 order by id",
          [id],
        );
      const before = await rows();
      await speak(people.editor, "select journeys.restore_journey_version($1)", [versionId]);
      expect(await rows()).toEqual(before);
    }));

  test("can keep the GoHighLevel ids of the steps that stay, and makes a draft of an approved journey", async () => {
    const { id, steps: ids } = await addDraft(logins.speak, people, "Sent before");
    const versionId = await save(logins.speak, id);
    await logins.speak(
      people.worker,
      "update journeys.touchpoints set ghl_template_id = 'ghl-' || order_index where journey_id = $1",
      [id],
    );
    await logins.speak(people.editor, "update journeys.touchpoints set name = 'Hello' where id = $1", [ids[0]]);
    await approve(logins.speak, people, id);
    await logins.speak(people.editor, "select journeys.restore_journey_version($1)", [versionId]);
    expect(await statusOf(logins.speak, people, id)).toBe("draft");
    expect(
      await logins.speak(people.viewer, "select name, ghl_template_id from journeys.touchpoints where id = $1", [
        ids[0],
      ]),
    ).toEqual([{ name: "Welcome", ghl_template_id: "ghl-0" }]);
  });

  test("cannot restore from a version that holds no touchpoints (LF110)", () =>
    rehearse(database, async (speak) => {
      const { id, steps: ids } = await addDraft(speak, people);
      await speak(people.editor, "delete from journeys.touchpoints where journey_id = $1", [id]);
      const empty = await save(speak, id);
      await speak(
        people.editor,
        "insert into journeys.touchpoints (journey_id, name, type) values ($1, 'Written since', 'note')",
        [id],
      );
      expect(ids).toHaveLength(3);
      expect(await refusal(speak(people.editor, "select journeys.restore_journey_version($1)", [empty]))).toMatchObject(
        { code: "LF110" },
      );
      expect(await steps(speak, id)).toHaveLength(1);
    }));

  test("cannot restore a version of another tenant (LF006)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const versionId = await save(speak, id);
      expect(
        await refusal(speak(foreign.editor, "select journeys.restore_journey_version($1)", [versionId])),
      ).toMatchObject({ code: "LF006" });
    }));
});

describe("comparing versions", () => {
  test("can list what was added, removed and changed, field by field", () =>
    rehearse(database, async (speak) => {
      const { id, steps: ids } = await addDraft(speak, people);
      const from = await save(speak, id);
      await speak(
        people.editor,
        `update journeys.touchpoints set name = 'Hello', day_offset = 3, config = '{"trackOpens": true}', position = '{"x": 9}',
                content = '{"subject": "Hello from Rosewood", "cta": {"text": "Reply", "url": "https://rosewood.test"}}' where id = $1`,
        [ids[0]],
      );
      await speak(people.editor, "delete from journeys.touchpoints where id = $1", [ids[1]]);
      const added = idOf(
        await speak(
          people.editor,
          "insert into journeys.touchpoints (journey_id, name, type) values ($1, 'Call', 'call') returning id",
          [id],
        ),
      );
      const to = await save(speak, id);
      const [changed, removed, addition, ...more] = await speak(
        people.viewer,
        "select kind, touchpoint_id, name, order_index, to_jsonb(fields) as fields from journeys.diff_journey_versions($1, $2)",
        [from, to],
      );
      expect(more).toEqual([]);
      expect(changed).toEqual({
        kind: "changed",
        touchpoint_id: ids[0],
        name: "Hello",
        order_index: 0,
        fields: [
          { field: "config.trackOpens", before: null, after: true },
          { field: "content.body", before: "We are glad that you wrote.", after: null },
          { field: "content.cta", before: null, after: { text: "Reply", url: "https://rosewood.test" } },
          { field: "content.subject", before: "Welcome to Rosewood", after: "Hello from Rosewood" },
          { field: "day_offset", before: 0, after: 3 },
          { field: "name", before: "Welcome", after: "Hello" },
          { field: "next_touchpoint_id", before: ids[1], after: null },
        ],
      });
      expect(removed).toMatchObject({ kind: "removed", touchpoint_id: ids[1], name: "Pause", order_index: 1 });
      expect(addition).toMatchObject({ kind: "added", touchpoint_id: added, name: "Call", order_index: 3 });
      expect(addition?.fields).toContainEqual({ field: "type", before: null, after: "call" });
      // The other way round, what was added is removed.
      const back = await speak(people.viewer, "select kind from journeys.diff_journey_versions($1, $2)", [to, from]);
      expect(back.map(({ kind }) => kind)).toEqual(["changed", "added", "removed"]);
      expect(await speak(people.viewer, "select from journeys.diff_journey_versions($1, $1)", [from])).toEqual([]);
    }));

  test("can compare with the journey as it is now", () =>
    rehearse(database, async (speak) => {
      const { id, steps: ids } = await addDraft(speak, people);
      const from = await save(speak, id);
      await speak(people.editor, `update journeys.touchpoints set content = '{"text": "Found one?"}' where id = $1`, [
        ids[2],
      ]);
      expect(
        await speak(people.viewer, "select name, to_jsonb(fields) as fields from journeys.diff_journey_versions($1)", [
          from,
        ]),
      ).toEqual([
        {
          name: "Reminder",
          fields: [{ field: "content.text", before: "Have you found a date?", after: "Found one?" }],
        },
      ]);
    }));

  test("can compare a version whose content is a bare text, as a base may have it", async () => {
    const { id } = await addDraft(logins.speak, people, "From a base");
    const make = (number: number, content: unknown) =>
      logins.speak(
        people.worker,
        `insert into journeys.journey_versions (journey_id, version, snapshot, snapshot_hash)
         values ($1, $2, $3, '') returning id`,
        [id, number, { journey: {}, touchpoints: [{ id, name: "Text", order_index: 0, content }] }],
      );
    const from = idOf(await make(1, "plain"));
    const to = idOf(await make(2, { body: "rich" }));
    const none = idOf(await make(3, null));
    const diff = (a: string, b: string) =>
      logins.speak(people.viewer, "select to_jsonb(fields) as fields from journeys.diff_journey_versions($1, $2)", [
        a,
        b,
      ]);
    expect(await diff(from, to)).toEqual([
      {
        fields: [
          { field: "content", before: "plain", after: null },
          { field: "content.body", before: null, after: "rich" },
        ],
      },
    ]);
    expect(await diff(from, none)).toEqual([{ fields: [{ field: "content", before: "plain", after: null }] }]);
  });

  test("can be done by people of the client between versions that were submitted to them", () =>
    rehearse(database, async (speak) => {
      const { id, steps: ids } = await addDraft(speak, people);
      await submit(speak, people, id);
      await speak(people.editor, "select journeys.withdraw_journey($1)", [id]);
      await speak(people.editor, "update journeys.touchpoints set name = 'Hello' where id = $1", [ids[0]]);
      const hidden = await save(speak, id);
      await submit(speak, people, id);
      const seen = await speak(
        people.reviewer,
        "select id from journeys.journey_versions where journey_id = $1 order by version",
        [id],
      );
      expect(seen).toHaveLength(2);
      const diff = (who = people.reviewer, from = seen[0]?.id, to = seen[1]?.id) =>
        speak(who, "select kind, name from journeys.diff_journey_versions($1, $2)", [from, to]);
      expect(await diff()).toEqual([{ kind: "changed", name: "Hello" }]);
      expect(await refusal(diff(people.reviewer, hidden))).toMatchObject({ code: "LF006" });
      expect(await refusal(diff(people.reviewer, seen[0]?.id, null))).toMatchObject({ code: "LF002" });
      expect(await refusal(diff(people.stranger))).toMatchObject({ code: "LF006" });
      expect(await refusal(diff(foreign.viewer))).toMatchObject({ code: "LF006" });
    }));

  test("cannot compare versions of two journeys (LF009)", () =>
    rehearse(database, async (speak) => {
      const one = await save(speak, (await addDraft(speak, people)).id);
      const other = await save(speak, (await addDraft(speak, people)).id);
      expect(
        await refusal(speak(people.viewer, "select journeys.diff_journey_versions($1, $2)", [one, other])),
      ).toMatchObject({ code: "LF009" });
    }));
});

describe("duplicating", () => {
  test("can copy a journey for the same client: a draft with steps, links and a slug of its own", () =>
    rehearse(database, async (speak) => {
      const { id, steps: ids } = await addDraft(speak, people);
      const pipelineId = idOf(
        await speak(
          people.editor,
          "insert into journeys.pipelines (client_id, name) values ($1, 'Sales') returning id",
          [people.clientId],
        ),
      );
      await speak(
        people.editor,
        `update journeys.journeys set pipeline_id = $2, metadata = '{"tags": ["a"]}' where id = $1`,
        [id, pipelineId],
      );
      await approve(speak, people, id);
      const [copy] = await speak(people.editor, "select * from journeys.duplicate_journey($1)", [id]);
      expect(copy).toMatchObject({
        name: "Wedding inquiry (copy)",
        slug: "wedding-inquiry-copy",
        status: "draft",
        client_id: people.clientId,
        pipeline_id: pipelineId,
        metadata: { tags: ["a"], duplicated_from: id },
        version: 1,
        approved_at: null,
      });
      const original = await steps(speak, id);
      const copied = await steps(speak, copy?.id);
      expect(copied.map(({ id: _, next_touchpoint_id: __, ...rest }) => rest)).toEqual(
        original.map(({ id: _, next_touchpoint_id: __, ...rest }) => rest),
      );
      expect(copied.map((step) => step.next_touchpoint_id)).toEqual([copied[1]?.id, copied[2]?.id, null]);
      expect(copied.filter((step) => ids.includes(step.id))).toEqual([]);
      expect(
        await speak(
          people.viewer,
          "select distinct status, ghl_template_id from journeys.touchpoints where journey_id = $1",
          [copy?.id],
        ),
      ).toEqual([{ status: "draft", ghl_template_id: null }]);
      const [again] = await speak(people.editor, "select * from journeys.duplicate_journey($1)", [id]);
      expect(again?.slug).toBe("wedding-inquiry-copy-2");
      expect(await statusOf(speak, people, id)).toBe("approved");
    }));

  test("can copy a journey for another client under another name, without the pipeline", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const pipelineId = idOf(
        await speak(
          people.editor,
          "insert into journeys.pipelines (client_id, name) values ($1, 'Sales') returning id",
          [people.clientId],
        ),
      );
      await speak(people.editor, "update journeys.journeys set pipeline_id = $2 where id = $1", [id, pipelineId]);
      const [copy] = await speak(people.editor, "select * from journeys.duplicate_journey($1, ' For the hall ', $2)", [
        id,
        people.otherClientId,
      ]);
      expect(copy).toMatchObject({ name: "For the hall", client_id: people.otherClientId, pipeline_id: null });
      expect(await steps(speak, copy?.id)).toHaveLength(3);
    }));

  test("cannot copy to a client of another tenant, nor from one (LF006)", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      const duplicate = (who: People, clientId: string | null) =>
        refusal(speak(who.editor, "select journeys.duplicate_journey($1, null, $2)", [id, clientId]));
      expect(await duplicate(people, foreign.clientId)).toMatchObject({
        code: "LF006",
        message: expect.stringContaining(foreign.clientId),
      });
      expect(await duplicate(foreign, null)).toMatchObject({ code: "LF006", message: expect.stringContaining(id) });
    }));
});

describe("reordering", () => {
  const reorder = (speak: Speak, id: string, ids: (string | null | undefined)[] | null) =>
    speak(people.editor, "select id from journeys.reorder_touchpoints($1, $2)", [id, ids]);

  test("can put all touchpoints into any order in one call", () =>
    rehearse(database, async (speak) => {
      const {
        id,
        steps: [a, b, c],
      } = await addDraft(speak, people);
      for (const order of [
        [c, a, b],
        [b, a, c],
        [c, b, a],
        [a, b, c],
      ]) {
        expect((await reorder(speak, id, order)).map((row) => row.id)).toEqual(order);
        expect((await steps(speak, id)).map((step) => [step.id, step.order_index])).toEqual(
          order.map((step, at) => [step, at]),
        );
      }
    }));

  test("can leave the steps that stay in place uncounted", () =>
    rehearse(database, async (speak) => {
      const {
        id,
        steps: [a, b, c],
      } = await addDraft(speak, people);
      await reorder(speak, id, [b, a, c]);
      const counts = await speak(
        people.viewer,
        "select version from journeys.touchpoints where journey_id = $1 order by order_index",
        [id],
      );
      expect(counts).toEqual([{ version: 3 }, { version: 3 }, { version: 1 }]);
    }));

  test("cannot leave one out, name one twice, or name one of another journey (LF105)", () =>
    rehearse(database, async (speak) => {
      const {
        id,
        steps: [a, b, c],
      } = await addDraft(speak, people);
      const other = await addDraft(speak, people);
      const cases: [(string | null | undefined)[] | null, string][] = [
        [[a, b], `missing ${c}`],
        [[], "missing"],
        [null, "missing"],
        [[a, b, c, a], `twice ${a}`],
        [[a, b, c, other.steps[0]], `not of this journey ${other.steps[0]}`],
        [[a, b, other.steps[0]], `not of this journey ${other.steps[0]}`],
        [[a, b, c, null], "not of this journey null"],
      ];
      for (const [order, problem] of cases) {
        expect({ order, ...(await refusal(reorder(speak, id, order))) }).toMatchObject({
          order,
          code: "LF105",
          message: expect.stringContaining(problem),
          hint: expect.stringContaining("all 3 touchpoints"),
        });
      }
      expect((await steps(speak, id)).map((step) => step.id)).toEqual([a, b, c]);
    }));
});
