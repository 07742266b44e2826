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
import { addDraft, approve, submit } from "./drafts.ts";

let database: TestDatabase;
let logins: Logins;
let people: People;
let foreign: People;
beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  foreign = await addPeople(database, logins.speak, "meadow");
  await write(people, people.clientId, {
    "The lanterns": { subject: "An evening", body: "Come by the water when the lanterns are lit." },
    "A reminder": { subject: "Lanterns and music", body: "Nothing else." },
    "A date": {
      body: `${"Words before. ".repeat(20)}We speak of unforgettable evenings here. ${"Words after. ".repeat(20)}`,
    },
    Discount: { subject: "Save 100% on_stage C:\\tents", text: "Only this week" },
    Plain: { subject: "Save 1000 on-stage", body: "The sum is written out." },
  });
  await write(people, people.otherClientId, {
    "At the hall": { greeting: "Dear guest", body: "No lanterns at the hall." },
  });
  await write(foreign, foreign.clientId, { "Foreign lanterns": { subject: "lanterns lanterns lanterns" } });
});
afterAll(async () => {
  await logins.close();
  await database.drop();
});

async function write(who: People, clientId: string, texts: Record<string, object>): Promise<void> {
  const id = idOf(
    await logins.speak(
      who.editor,
      "insert into journeys.journeys (client_id, name) values ($1, 'Texts') returning id",
      [clientId],
    ),
  );
  for (const [name, content] of Object.entries(texts)) {
    await logins.speak(
      who.editor,
      "insert into journeys.touchpoints (journey_id, name, type, content) values ($1, $2, 'email', $3)",
      [id, name, content],
    );
  }
}

const search = (
  query: string | null,
  who = people.viewer,
  clientId: string | null = null,
  most: number | null = 50,
  speak: Speak = logins.speak,
) => speak(who, "select * from journeys.search_touchpoints($1, $2, $3)", [query, clientId, most]);
const names = async (...args: Parameters<typeof search>) => (await search(...args)).map(({ name }) => name);

describe("searching touchpoints", () => {
  test("can find words in name, subject, greeting and body, over all journeys of the tenant, best first", async () => {
    expect(await names("lanterns")).toEqual(["The lanterns", "A reminder", "At the hall"]);
    const ranks = (await search("lanterns")).map(({ rank }) => rank);
    expect(ranks).toEqual([...ranks].sort((a, b) => b - a));
    expect(ranks[0]).toBeGreaterThan(ranks[1]);
    expect(await names("dear guest")).toEqual(["At the hall"]);
  });

  test("can find all words wherever they stand, a phrase, and leave a word out", async () => {
    expect(await names("lit water")).toEqual(["The lanterns"]);
    expect(await names('"lanterns are lit"')).toEqual(["The lanterns"]);
    expect(await names('"lit are lanterns"')).toEqual([]);
    expect(await names("lanterns -hall")).toEqual(["The lanterns", "A reminder"]);
  });

  test("can find part of a word, in any case, and show where", async () => {
    const [match, ...more] = await search("FORGETTABLE EVE");
    expect(more).toEqual([]);
    expect(match).toMatchObject({
      name: "A date",
      client_id: people.clientId,
      type: "email",
      tenant_id: people.tenantId,
    });
    expect(match?.snippet).toContain("We speak of un**forgettable eve**nings here.");
    expect(match?.snippet.length).toBeLessThan(160);
  });

  test("can show the words that were found between asterisks", async () => {
    const [match] = await search("lanterns");
    expect(match?.snippet).toContain("Come by the water when the **lanterns**");
  });

  test("can look for the characters that patterns are made of as they are", async () => {
    expect(await names("100%")).toEqual(["Discount"]);
    expect(await names("n_st")).toEqual(["Discount"]);
    expect(await names("C:\\t")).toEqual(["Discount"]);
    expect(await names("%%")).toEqual([]);
    expect(await names("__")).toEqual([]);
    expect(await names("' or ''='")).toEqual([]);
    expect(await names("  1000  ")).toEqual(["Plain"]);
  });

  test("can be limited to a client and to a number", async () => {
    expect(await names("lanterns", people.viewer, people.otherClientId)).toEqual(["At the hall"]);
    expect(await names("lanterns", people.viewer, null, 1)).toEqual(["The lanterns"]);
    expect(await names("lanterns", people.viewer, foreign.clientId)).toEqual([]);
  });

  test("cannot find what belongs to another tenant, which finds it itself", async () => {
    expect(await names("foreign lanterns")).toEqual([]);
    expect(await names("foreign lanterns", foreign.viewer)).toEqual(["Foreign lanterns"]);
    expect(await names("lanterns", foreign.viewer)).toEqual(["Foreign lanterns"]);
  });

  test.each([[""], ["x"], ["  y "], [null]])("cannot look for %j (LF009)", async (query) => {
    expect(await refusal(search(query))).toMatchObject({ code: "LF009", hint: "Type more of the word." });
  });

  test.each([[0], [-1], [101], [null]])("cannot ask for %s results (LF009)", async (most) => {
    expect(await refusal(search("lanterns", people.viewer, null, most))).toMatchObject({
      code: "LF009",
      hint: "Ask for at most 100.",
    });
  });

  test("cannot be done by people of a client (42501)", async () => {
    expect(await refusal(search("lanterns", people.reviewer))).toMatchObject({ code: "42501" });
  });
});

describe("figures", () => {
  test("can count journeys by status and touchpoints by type, of the own tenant", () =>
    rehearse(database, async (speak) => {
      await addDraft(speak, people, "One");
      await submit(speak, people, (await addDraft(speak, people, "Two")).id);
      const { id } = await addDraft(speak, people, "Three");
      await approve(speak, people, id);
      await speak(people.editor, "select journeys.archive_journey($1)", [(await addDraft(speak, people, "Four")).id]);
      await addDraft(speak, people, "Elsewhere", people.otherClientId);
      const [row] = await speak(
        people.viewer,
        `select to_jsonb(journeys.clients_journey_counts(c)) as journeys, to_jsonb(journeys.clients_touchpoint_counts(c)) as touchpoints
           from journeys.clients c where id = $1`,
        [people.clientId],
      );
      expect(row?.journeys).toEqual({
        total: 5,
        draft: 2,
        client_review: 1,
        approved: 1,
        published: 0,
        rejected: 0,
        archived: 1,
      });
      expect(row?.touchpoints).toMatchObject({ total: 17, email: 9, sms: 4, wait: 4, task: 0, note: 0 });
      expect(
        await speak(
          people.viewer,
          "select to_jsonb(journeys.journeys_touchpoint_counts(j)) as counts from journeys.journeys j where id = $1",
          [id],
        ),
      ).toEqual([
        {
          counts: { total: 3, email: 1, sms: 1, wait: 1, task: 0, condition: 0, trigger: 0, form: 0, call: 0, note: 0 },
        },
      ]);
    }));
});

describe("the health of a client", () => {
  const health = async (...runs: [status: string, ended: string | null, created?: string][]) => {
    await database.query("delete from journeys.sync_history where client_id = $1", [people.clientId]);
    for (const [status, ended, created = "2026-06-01"] of runs) {
      await database.query(
        "insert into journeys.sync_history (tenant_id, client_id, operation, status, started_at, created_at) values ($1, $2, 'full_sync', $3, $4, $5)",
        [people.tenantId, people.clientId, status, ended, created],
      );
    }
    const [row] = await logins.speak(
      people.viewer,
      "select (journeys.clients_health(c)).* from journeys.clients c where id = $1",
      [people.clientId],
    );
    return row;
  };

  test("can be told of a client that was never synchronised", async () => {
    expect(await health()).toEqual({
      status: "healthy",
      score: 100,
      recent_syncs: 0,
      recent_failures: 0,
      last_sync_at: null,
      last_success_at: null,
    });
  });

  test.each([
    [[], "healthy", 100, 0],
    [["failed"], "warning", 70, 1],
    [["failed", "failed"], "warning", 60, 2],
    [["failed", "failed", "failed"], "error", 20, 3],
    [["failed", "failed", "failed", "failed", "failed"], "error", 20, 5],
  ])("can be judged by the last five runs with the failures %j", async (failures, status, score, count) => {
    const runs = [...failures, "success", "success", "partial", "success", "success"].slice(0, 5);
    // The sixth and older do not count, and neither does one that still runs.
    const older = ["failed", "failed", "failed"];
    const seen = await health(
      ["running", "2026-06-30"],
      ...[...runs, ...older].map((run, at): [string, string] => [run, `2026-06-${20 - at}`]),
    );
    expect(seen).toMatchObject({
      status,
      score,
      recent_syncs: 5,
      recent_failures: count,
      last_sync_at: new Date("2026-06-20T00:00:00Z"),
    });
  });

  test("can go by when runs ended and not by when their rows came, as those of an import come all at once", async () => {
    const seen = await health(
      ["success", "2026-06-09", "2026-01-01"],
      ["success", "2026-06-08", "2026-01-02"],
      ["success", "2026-06-07", "2026-01-03"],
      ["success", "2026-06-06", "2026-01-04"],
      ["success", "2026-06-05", "2026-01-05"],
      ["failed", "2026-06-01", "2026-01-06"],
    );
    expect(seen).toMatchObject({
      status: "healthy",
      recent_failures: 0,
      last_success_at: new Date("2026-06-09T00:00:00Z"),
    });
  });
});

describe("what one may do next", () => {
  const allowed = async (speak: Speak, who: Parameters<Speak>[0], id: string) =>
    (
      await speak(
        who,
        "select journeys.journeys_allowed_transitions(j)::text[] as steps from journeys.journeys j where id = $1",
        [id],
      )
    )[0]?.steps;

  test("can be asked by each for oneself", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      expect(await allowed(speak, people.viewer, id)).toEqual([]);
      expect(await allowed(speak, people.editor, id)).toEqual(["client_review", "archived"]);
      const approvalId = await submit(speak, people, id);
      expect(await allowed(speak, people.editor, id)).toEqual(["draft", "archived"]);
      expect(await allowed(speak, people.admin, id)).toEqual(["approved", "rejected", "draft", "archived"]);
      const ofApproval = (who: Parameters<Speak>[0]) =>
        speak(
          who,
          "select journeys.approvals_allowed_transitions(a)::text[] as steps from journeys.approvals a where id = $1",
          [approvalId],
        );
      expect(await ofApproval(people.reviewer)).toEqual([{ steps: ["approved", "rejected", "changes_requested"] }]);
      expect(await ofApproval(people.editor)).toEqual([{ steps: ["withdrawn"] }]);
      await speak(people.reviewer, "select journeys.review_journey($1, 'approve')", [approvalId]);
      expect(await allowed(speak, people.editor, id)).toEqual(["draft", "archived"]);
      expect(await allowed(speak, people.admin, id)).toEqual(["published", "draft", "archived"]);
    }));
});

describe("unsubmitted changes", () => {
  const changed = async (speak: Speak, id: string) =>
    (
      await speak(
        people.viewer,
        "select journeys.journeys_has_unsubmitted_changes(j) as changed from journeys.journeys j where id = $1",
        [id],
      )
    )[0]?.changed;

  test("can be told from what was submitted, by what a reader would see", () =>
    rehearse(database, async (speak) => {
      const { id, steps } = await addDraft(speak, people);
      expect(await changed(speak, id)).toBe(true);
      await speak(people.editor, "select journeys.save_journey_version($1)", [id]);
      expect(await changed(speak, id)).toBe(true);
      await submit(speak, people, id);
      expect(await changed(speak, id)).toBe(false);
      await speak(people.editor, `update journeys.touchpoints set position = '{"x": 1}' where id = $1`, [steps[0]]);
      await speak(
        people.editor,
        `update journeys.journeys set metadata = '{"tags": ["x"]}', slug = 'other' where id = $1`,
        [id],
      );
      expect(await changed(speak, id)).toBe(false);
      await speak(people.editor, "update journeys.touchpoints set day_offset = 5 where id = $1", [steps[0]]);
      expect(await changed(speak, id)).toBe(true);
      await speak(people.editor, "update journeys.touchpoints set day_offset = 0 where id = $1", [steps[0]]);
      expect(await changed(speak, id)).toBe(false);
      await speak(people.editor, "select journeys.reorder_touchpoints($1, $2)", [id, [...steps].reverse()]);
      expect(await changed(speak, id)).toBe(true);
    }));

  test("cannot be asked about a journey of another tenant by making up its row", () =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, foreign);
      expect(
        await speak(
          people.viewer,
          `select journeys.journeys_has_unsubmitted_changes(jsonb_populate_record(null::journeys.journeys, $1)) as changed`,
          [{ id, tenant_id: foreign.tenantId }],
        ),
      ).toEqual([{ changed: null }]);
    }));
});
