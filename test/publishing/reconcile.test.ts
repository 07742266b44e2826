import { beginStory, type Step, type Story, writesOf } from "./story.ts";

const email = { name: "Welcome", type: "email", content: { subject: "Hello", body: "Thank you." } };
const sms = { name: "Nudge", type: "sms", content: { body: "Hi" } };
const trigger = { name: "Start", type: "trigger" };

let story: Story;

beforeAll(async () => {
  story = await beginStory();
});

afterAll(() => story.end());

beforeEach(async () => {
  await story.fake("reset", {});
  await story.newClient();
});

async function publish(
  name: string,
  steps: Step[] = [email, sms],
): Promise<{ journeyId: string; publicationId: string }> {
  const journeyId = await story.writeJourney(name, steps);
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId)).toBe("synced");
  return { journeyId, publicationId };
}

async function statuses(publicationId: string) {
  return Object.fromEntries((await story.items(publicationId)).map((item) => [item.name, item.status]));
}

const decide = (verb: string, findingId: string | undefined) =>
  story.call(`select id from publishing.${verb}($1)`, findingId);

test("what nobody touched gives no finding, no write, and one read for twenty objects", async () => {
  const steps = Array.from({ length: 30 }, (_, number) => ({ ...email, name: `Email ${number}` }));
  await publish("Quiet", [...steps, sms, trigger]);
  const before = (await story.journal()).length;
  const { result, findings, row } = await story.reconcile();
  expect(result).toBe("completed");
  expect(findings).toEqual([]);
  expect(row).toMatchObject({ status: "completed", objects_total: 33, drifted_total: 0, missing_total: 0 });
  const calls = (await story.journal()).slice(before);
  expect(calls.every((call) => call.method === "GET")).toBe(true);
  // The root and its folders, two pages of our folder, custom values, tags.
  expect(calls).toHaveLength(6);
});

test("an edit in GoHighLevel is drift: it is shown field by field, and left as it is", async () => {
  const { publicationId } = await publish("Drift");
  await story.fake("people", { deed: "edit", name: "Welcome", subjectLine: "Theirs", value: "Ho" });
  await story.fake("people", { deed: "edit", name: "PP", value: "Ho" });
  const before = (await story.journal()).length;
  const { findings, row } = await story.reconcile();
  expect(row).toMatchObject({ drifted_total: 2 });
  expect(findings.map((finding) => [finding.asset_kind, finding.differences])).toEqual([
    ["template", [{ field: "subject", ours: "Hello", theirs: "Theirs" }]],
    ["custom_value", [{ field: "text", ours: "Hi", theirs: "Ho" }]],
  ]);
  expect(writesOf((await story.journal()).slice(before))).toEqual([]);
  expect(await statuses(publicationId)).toEqual({ Drift: "synced", Welcome: "drifted", Nudge: "drifted" });
  expect(await story.publication(publicationId)).toMatchObject({ items_failed: 2, items_synced: 1 });
  // Asked again, it is the same finding.
  const again = await story.reconcile();
  expect(again.findings.map((finding) => finding.id)).toEqual(findings.map((finding) => finding.id));
});

test("drift that a person takes back is settled by itself", async () => {
  const { publicationId } = await publish("Undone");
  await story.fake("people", { deed: "edit", name: "Welcome", subjectLine: "Theirs" });
  await story.reconcile();
  await story.fake("people", { deed: "edit", name: "Welcome", subjectLine: "Hello" });
  expect((await story.reconcile()).findings).toEqual([]);
  expect(await statuses(publicationId)).toMatchObject({ Welcome: "synced" });
});

test("drift can be taken over into a draft, and is not asked about again", async () => {
  const { journeyId } = await publish("Accepted");
  await story.fake("people", { deed: "edit", name: "Welcome", subjectLine: "Theirs", editorContent: "<p>Other</p>" });
  const { findings } = await story.reconcile();
  await decide("accept_remote", findings[0]?.id);
  const [touchpoint] = await story.database.query(
    "select content, status from journeys.touchpoints where journey_id = $1 and type = 'email'",
    [journeyId],
  );
  expect(touchpoint).toEqual({
    content: { subject: "Theirs", body: "Thank you.", html: "<p>Other</p>" },
    status: "draft",
  });
  const [journey] = await story.database.query("select status from journeys.journeys where id = $1", [journeyId]);
  expect(journey).toEqual({ status: "draft" });
  expect((await story.reconcile()).findings).toEqual([]);
  await expect(decide("accept_remote", findings[0]?.id)).rejects.toMatchObject({ code: "LF305" });
  expect(await story.run(await story.publish(journeyId))).toBe("synced");
  expect((await story.reconcile()).findings).toEqual([]);
});

test("what was approved can be pushed again, over an edit and in place of what was deleted", async () => {
  const { publicationId } = await publish("Pushed");
  await story.fake("people", { deed: "edit", name: "PP", value: "Ho" });
  await story.fake("people", { deed: "delete", name: "Welcome" });
  const { findings, row } = await story.reconcile();
  expect(row).toMatchObject({ drifted_total: 1, missing_total: 1 });
  expect(await statuses(publicationId)).toMatchObject({ Welcome: "remote_missing", Nudge: "drifted" });
  for (const finding of findings) await decide("push_again", finding.id);
  expect(await story.publication(publicationId)).toMatchObject({ status: "queued" });
  expect(await story.run(publicationId)).toBe("synced");
  const { templates, customValues } = await story.state();
  expect(templates.filter((row) => row.type === "template")).toHaveLength(1);
  expect(customValues).toMatchObject([{ value: "Hi" }]);
  expect((await story.reconcile()).findings).toEqual([]);
});

test("an object can be left to whoever changed it", async () => {
  await publish("Forgotten");
  await story.fake("people", { deed: "edit", name: "Welcome", subjectLine: "Theirs" });
  const { findings } = await story.reconcile();
  await decide("forget_remote", findings[0]?.id);
  await story.fake("people", { deed: "edit", name: "Welcome", subjectLine: "Theirs again" });
  const { findings: later, row } = await story.reconcile();
  expect(later).toEqual([]);
  expect(row).toMatchObject({ objects_total: 2 });
});

test("a copy is a duplicate and a foreign token an orphan: both are shown and never touched", async () => {
  await publish("Copied");
  await story.fake("people", { deed: "duplicate", name: "Welcome" });
  const state = await story.state();
  const [ours] = state.templates;
  await story.fake("seed", {
    ...state,
    templates: [
      ...state.templates,
      {
        ...ours,
        id: "aaaaaaaaaaaaaaaaaaaaaaaa",
        type: "template",
        name: "Elsewhere ppaaaaaaaaaaaa",
        parentFolderId: null,
      },
      { ...ours, id: "bbbbbbbbbbbbbbbbbbbbbbbb", type: "template", name: "A person's own", parentFolderId: null },
    ],
  });
  const before = await story.state();
  const { findings } = await story.reconcile();
  expect(findings.map((finding) => [finding.kind, finding.remote_name])).toEqual([
    ["orphaned", "Elsewhere ppaaaaaaaaaaaa"],
    ["duplicated", expect.stringMatching(/^Copied · 00 Welcome/)],
  ]);
  expect(await story.state()).toEqual(before);
  await expect(decide("accept_remote", findings[0]?.id)).rejects.toMatchObject({ code: "LF306" });
  for (const finding of findings) await decide("forget_remote", finding.id);
  expect((await story.reconcile()).findings).toEqual([]);
});

test("what a restored database does not know is found by its token, and adopted when it is published again", async () => {
  const { journeyId } = await publish("Undone", [email, sms]);
  const published = await story.state();
  // As after a restore to a moment before the publication: the journey is approved, and nothing of it is known to be there.
  await story.forgetPublications();
  const { findings, row } = await story.reconcile();
  expect(row).toMatchObject({ status: "completed", objects_total: 0, orphaned_total: 3 });
  expect(findings.map((finding) => [finding.kind, finding.asset_kind]).sort()).toEqual([
    ["orphaned", "custom_value"],
    ["orphaned", "folder"],
    ["orphaned", "template"],
  ]);
  expect(await story.run(await story.call("select id from journeys.publish_journey($1)", journeyId))).toBe("synced");
  const { templates, customValues } = await story.state();
  expect(templates.map(({ id }) => id)).toEqual(published.templates.map(({ id }) => id));
  expect(customValues.map(({ id }) => id)).toEqual(published.customValues.map(({ id }) => id));
  expect((await story.reconcile()).findings).toEqual([]);
});

test("a template that was put away there is drift, and one that was renamed is found by its id", async () => {
  await publish("Moved", [email, { ...email, name: "Second" }]);
  const state = await story.state();
  const templates = state.templates.map((row) => (row.name.includes("Second") ? { ...row, archived: true } : row));
  await story.fake("seed", { ...state, templates });
  await story.fake("people", { deed: "rename", name: "Welcome", to: "Other name" });
  const { findings } = await story.reconcile();
  expect(findings.map((finding) => finding.differences)).toEqual([
    [{ field: "name", ours: expect.stringContaining("Welcome"), theirs: "Other name" }],
    [{ field: "archived", ours: "false", theirs: "true" }],
  ]);
});

test("GoHighLevel being away puts a comparison off, a dead token ends it with a way out", async () => {
  await publish("Away");
  await story.fault({ kind: "maintenance" });
  expect((await story.reconcile()).result).toBe("deferred");
  const [{ id } = { id: "" }] = await story.database.query<{ id: string }>(
    "select id from publishing.reconciliations where status = 'deferred'",
    [],
  );
  await story.database.query("update publishing.reconciliations set run_after = now() where id = $1", [id]);
  await story.worker.query("select app_private.resume_reconciliations()");
  expect((await story.reconcile({ defaultToken: "pit-nobody" })).result).toBe("failed");
  expect(await story.location()).toMatchObject({ status: "needs_reauth" });
  expect((await story.reconcile()).row).toMatchObject({
    status: "failed",
    last_error: expect.stringContaining("Invalid token"),
  });
});

test("every night each location that holds something of ours is compared, once", async () => {
  await publish("Nightly");
  const [{ queued } = { queued: 0 }] = (
    await story.worker.query<{ queued: number }>("select app_private.queue_reconciliations() as queued")
  ).rows;
  expect(queued).toBeGreaterThan(0);
  const { rows } = await story.worker.query("select app_private.queue_reconciliations() as queued");
  expect(rows).toEqual([{ queued: 0 }]);
});
