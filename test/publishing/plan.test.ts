import { measureSms } from "../../src/publishing/sms.ts";
import { beginStory, type Story, writesOf } from "./story.ts";

const email = { name: "Welcome", type: "email", content: { subject: "Hello", body: "Thank you." } };
const sms = { name: "Nudge", type: "sms", content: { body: "Hi" } };
const trigger = { name: "Start", type: "trigger" };
const wait = { name: "Two days", type: "wait" };
const form = { name: "Ask", type: "form", config: { formId: "form-1" } };

let story: Story;

beforeAll(async () => {
  story = await beginStory();
});

afterAll(() => story.end());

beforeEach(async () => {
  await story.fake("reset", {});
  await story.newClient();
});

async function seedLinks(forms: string[], workflowStatus = "published") {
  const locationId = story.ghlLocationId;
  await story.fake("seed", {
    forms: forms.map((id) => ({ id, locationId, name: `Form ${id}` })),
    pipelines: [{ id: "pipe-1", locationId, name: "Sales", stages: [], showInFunnel: true, showInPieChart: true }],
    workflows: [
      { id: "flow-1", locationId, name: "Flow", status: workflowStatus, version: 1, createdAt: "", updatedAt: "" },
    ],
  });
}

const actionsOf = (plan: Awaited<ReturnType<Story["plan"]>>) =>
  Object.fromEntries(plan.items.map((item) => [`${item.assetKind} ${item.name}`, item.action]));

test("a plan of a draft says what would be made, linked, blocked and done by hand, and writes and calls nothing", async () => {
  const blank = { name: "Blank", type: "email", content: { subject: "S" } };
  const journeyId = await story.writeJourney("Inquiry", [trigger, email, wait, sms, form, blank]);
  const plan = await story.plan(journeyId);
  expect(plan).toMatchObject({ source: "draft", version: null, publishedVersion: null, obstacle: null, removed: [] });
  expect(actionsOf(plan)).toEqual({
    "folder Inquiry": "create",
    "tag Inquiry": "create",
    "manual Start": "by_hand",
    "template Welcome": "create",
    "manual Two days": "by_hand",
    "custom_value Nudge": "create",
    "link Ask": "link",
    "template Blank": "blocked",
  });
  expect(plan.items.find((item) => item.name === "Blank")?.reason).toContain("no text");
  expect(plan.estimatedCalls).toBe(5 + 3 + (3 + 2) + (1 + 2) + 1);
  expect(await story.journal()).toEqual([]);
  expect(
    await story.database.query("select id from publishing.publications where journey_id = $1", [journeyId]),
  ).toEqual([]);
});

test("the plan is of the version under review, and shows what changed since the last publication", async () => {
  const journeyId = await story.writeJourney("Changed", [email, sms]);
  expect(await story.run(await story.publish(journeyId))).toBe("synced");
  await story.call(
    `update journeys.touchpoints set content = '{"subject": "New", "body": "Thank you."}' where journey_id = $1 and type = 'email' returning id`,
    journeyId,
  );
  await story.call("select id from journeys.submit_journey($1)", journeyId);
  await story.call("delete from journeys.touchpoints where journey_id = $1 and type = 'sms' returning id", journeyId);
  const plan = await story.plan(journeyId);
  expect(plan).toMatchObject({ source: "review", version: 2, publishedVersion: 1, removed: [] });
  expect(actionsOf(plan)).toEqual({
    "folder Changed": "unchanged",
    "template Welcome": "update",
    "custom_value Nudge": "unchanged",
  });
  expect(plan.items.find((item) => item.name === "Welcome")?.changes).toEqual([
    { field: "subject", before: "Hello", after: "New" },
  ]);
  await story.call("select id from journeys.withdraw_journey($1)", journeyId);
  const draft = await story.plan(journeyId);
  expect(draft).toMatchObject({
    source: "draft",
    removed: [{ name: "Nudge", remoteName: expect.stringMatching(/^PP /) }],
  });
});

test("the plan says what is in the way of the whole, and what waits to be adopted", async () => {
  const journeyId = await story.writeJourney("Lost", [sms]);
  const publicationId = await story.publish(journeyId);
  await story.fault({ kind: "commit-then-reset", method: "POST" });
  await story.run(publicationId, { timing: { ...(await import("./story.ts")).hasty, settleDelaysMs: [60_000] } });
  expect((await story.plan(journeyId)).items).toMatchObject([{ action: "adopt" }]);
  await story.run(await story.publish(await story.writeJourney("Refused", [sms])), { defaultToken: "pit-nobody" });
  const plan = await story.plan(journeyId);
  expect(plan.obstacle).toContain("Invalid token");
  expect(plan.items).toMatchObject([{ action: "blocked" }]);
  expect(plan.estimatedCalls).toBe(0);
});

test("tag, form, pipeline and workflow: one is made, the others are checked and never touched", async () => {
  await seedLinks(["form-1"]);
  const pipelineId = await story.call(
    "insert into journeys.pipelines (client_id, name, ghl_pipeline_id) values ($1, 'Sales', 'pipe-1') returning id",
    story.clientId,
  );
  const journeyId = await story.writeJourney("Linked", [trigger, form]);
  await story.call(
    `update journeys.journeys set pipeline_id = $2, trigger_config = '{"ghl_workflow_id": "flow-1"}' where id = $1 returning id`,
    journeyId,
    pipelineId,
  );
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId)).toBe("synced");
  const kinds = (await story.items(publicationId)).map((item) => [
    item.asset_kind,
    item.name,
    item.status,
    item.remote_id,
  ]);
  const [tag] = (await story.state()).tags;
  expect(tag?.name).toMatch(/^journey:j-/);
  expect(kinds.sort()).toEqual(
    [
      ["link", "Ask", "synced", "form-1"],
      ["link", "Sales", "synced", "pipe-1"],
      ["link", "Workflow", "synced", "flow-1"],
      ["manual", "Start", "manual", null],
      ["tag", "Linked", "synced", tag?.id],
    ].sort(),
  );
  expect(writesOf(await story.journal())).toEqual([`POST /locations/${story.ghlLocationId}/tags`]);
});

test("a link that is gone or a draft blocks itself alone", async () => {
  await seedLinks([], "draft");
  const journeyId = await story.writeJourney("Broken links", [form, sms]);
  await story.call(
    `update journeys.journeys set trigger_config = '{"ghl_workflow_id": "flow-1"}' where id = $1 returning id`,
    journeyId,
  );
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId)).toBe("partial");
  const items = await story.items(publicationId);
  expect(items.find((item) => item.name === "Ask")).toMatchObject({
    status: "blocked",
    last_error: expect.stringContaining("no form with the id form-1"),
  });
  expect(items.find((item) => item.name === "Workflow")?.last_error).toContain("is a draft");
  expect(items.find((item) => item.name === "Nudge")?.status).toBe("synced");
});

test("a custom value of a person that takes our key is a conflict, and is not overwritten", async () => {
  const journeyId = await story.writeJourney("Taken", [sms, email]);
  const [token] = await story.tokens(journeyId, "Nudge");
  const theirs = {
    id: "theirs",
    locationId: story.ghlLocationId,
    name: `my ${token}`,
    value: "Mine",
    fieldKey: `{{ custom_values.my_${token} }}`,
    listedFrom: 0,
  };
  await story.fake("seed", { customValues: [theirs] });
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId)).toBe("partial");
  expect((await story.items(publicationId)).find((item) => item.name === "Nudge")).toMatchObject({
    status: "conflict",
    last_error: expect.stringContaining("is not ours"),
  });
  expect((await story.state()).customValues).toEqual([theirs]);
});

test("merge fields of custom values that the location has not are named, those that it has are not", async () => {
  const journeyId = await story.writeJourney("Merged", [
    { name: "One", type: "sms", content: { body: "{{custom_values.venue}} {{custom_values.missing}}" } },
  ]);
  const known = {
    id: "v",
    locationId: story.ghlLocationId,
    name: "Venue",
    value: "x",
    fieldKey: "{{ custom_values.venue }}",
    listedFrom: 0,
  };
  await story.fake("seed", { customValues: [known] });
  const publicationId = await story.publish(journeyId);
  await story.run(publicationId);
  const [row] = await story.database.query(
    "select findings from publishing.publication_items where publication_id = $1",
    [publicationId],
  );
  expect(row).toEqual({ findings: [{ kind: "unknown_custom_value", detail: "{{custom_values.missing}}" }] });
});

test("one item can be retried alone", async () => {
  const journeyId = await story.writeJourney("Alone", [sms, { ...sms, name: "Second" }]);
  const publicationId = await story.publish(journeyId);
  const refusal = { kind: "status" as const, status: 422, body: '{"statusCode":422,"message":["name is odd"]}' };
  await story.fault({ ...refusal, method: "POST", count: 2 });
  expect(await story.run(publicationId)).toBe("failed");
  const [item] = await story.database.query<{ id: string }>(
    "select id from publishing.publication_items where publication_id = $1 and name = 'Second'",
    [publicationId],
  );
  await story.call("select id from publishing.retry_publication_item($1)", item?.id);
  expect(await story.run(publicationId)).toBe("partial");
  expect((await story.items(publicationId)).map((row) => row.status)).toEqual(["rejected", "synced"]);
});

describe("taking back", () => {
  test("archives what carries our token, says what stays, and can be published again", async () => {
    const journeyId = await story.writeJourney("Back", [email, { ...email, name: "Renamed" }, sms]);
    const publicationId = await story.publish(journeyId);
    await story.run(publicationId);
    const [token] = await story.tokens(journeyId, "Renamed");
    await story.fake("people", { deed: "rename", name: token, to: "Theirs now" });
    await story.call("select id from publishing.unpublish_journey($1)", journeyId);
    expect(await story.run(publicationId)).toBe("unpublished");
    const { templates, customValues } = await story.state();
    expect(
      templates.filter((row) => row.type === "template").map((row) => [row.name.slice(0, 6), row.archived]),
    ).toEqual([
      ["Back \u00b7", true],
      ["Theirs", false],
    ]);
    expect(customValues).toHaveLength(1);
    expect((await story.history()).at(-1)).toMatchObject({
      operation: "journey_unpublish",
      status: "partial",
      metadata: { archived: 1, left: expect.arrayContaining([{ name: "Theirs now", why: expect.any(String) }]) },
    });
    const [journey] = await story.database.query("select status from journeys.journeys where id = $1", [journeyId]);
    expect(journey).toEqual({ status: "draft" });
    expect(await story.run(await story.publish(journeyId))).toBe("synced");
    const back = (await story.state()).templates.find((row) => row.name.startsWith("Back \u00b7 00"));
    expect(back?.archived).toBe(false);
  });

  test("stops a run that is under way at its next step, and archives what it made", async () => {
    const journeyId = await story.writeJourney("Stopped", [email, { ...email, name: "Second" }]);
    const publicationId = await story.publish(journeyId);
    await story.fault({ kind: "delay", method: "POST", path: "templates$", ms: 200 });
    const running = story.run(publicationId);
    while (!(await story.journal()).some((entry) => entry.method === "POST" && entry.path.endsWith("templates"))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await story.call("select id from publishing.unpublish_journey($1)", journeyId);
    expect(await running).toBe("lease_lost");
    expect(await story.run(publicationId)).toBe("unpublished");
    const live = (await story.state()).templates.filter((row) => row.type === "template" && !row.archived);
    expect(live).toEqual([]);
  });

  test("gives way to a later publication", async () => {
    const journeyId = await story.writeJourney("Overtaken", [email]);
    const first = await story.publish(journeyId);
    await story.run(first);
    await story.call("select id from publishing.unpublish_journey($1)", journeyId);
    const next = await story.publish(journeyId);
    expect(await story.publication(first)).toMatchObject({ status: "superseded" });
    expect(await story.run(first)).toBeNull();
    expect(await story.run(next)).toBe("synced");
    expect((await story.state()).templates.every((row) => !row.archived)).toBe(true);
  });

  test("of what was never published is refused: LF301", async () => {
    const journeyId = await story.writeJourney("Never", [email]);
    await expect(story.call("select id from publishing.unpublish_journey($1)", journeyId)).rejects.toMatchObject({
      code: "LF301",
    });
  });
});

describe("a template on its own", () => {
  async function writeTemplate(status = "approved"): Promise<string> {
    const id = await story.call(
      `insert into journeys.templates (client_id, name, type, content) values ($1, 'Offer', 'email', '{"subject": "S", "body": "B"}') returning id`,
      story.clientId,
    );
    if (status === "approved")
      await story.call("update journeys.templates set status = 'approved' where id = $1 returning id", id);
    return id;
  }

  test("can be synced, outside folders, and again when it changed", async () => {
    const templateId = await writeTemplate();
    const publicationId = await story.call("select id from publishing.sync_template($1)", templateId);
    expect(await story.run(publicationId)).toBe("synced");
    const [made] = (await story.state()).templates;
    expect(made).toMatchObject({ name: expect.stringMatching(/^Offer pp[a-z2-7]{12}$/), parentFolderId: null });
    const [row] = await story.database.query("select * from journeys.templates where id = $1", [templateId]);
    expect(row).toMatchObject({
      sync_status: "synced",
      ghl_template_id: made?.id,
      status: "published",
      last_synced_at: expect.any(Date),
    });
    await story.call(
      `update journeys.templates set content = '{"subject": "T", "body": "B"}' where id = $1 returning id`,
      templateId,
    );
    expect(await story.run(await story.call("select id from publishing.sync_template($1)", templateId))).toBe("synced");
    expect((await story.state()).templates).toMatchObject([{ id: made?.id, subjectLine: "T" }]);
    expect(await story.publication(publicationId)).toMatchObject({ status: "superseded" });
    expect((await story.history()).at(-1)).toMatchObject({ operation: "template_update", status: "success" });
  });

  test("cannot be synced as a draft: LF302", async () => {
    const templateId = await writeTemplate("draft");
    await expect(story.call("select id from publishing.sync_template($1)", templateId)).rejects.toMatchObject({
      code: "LF302",
    });
  });
});

test.each([
  ["Hi there", { encoding: "gsm7", length: 8, segments: 1 }],
  ["x".repeat(161), { encoding: "gsm7", length: 161, segments: 2 }],
  ["\u20ac".repeat(80), { encoding: "gsm7", length: 160, segments: 1 }],
  ["\u{1f600}", { encoding: "ucs2", length: 2, segments: 1 }],
  [`${"x".repeat(70)}\u2019`, { encoding: "ucs2", length: 71, segments: 2 }],
])("an SMS is measured: %#", (text, expected) => {
  expect(measureSms(text)).toEqual(expected);
});
