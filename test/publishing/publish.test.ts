import { pino } from "pino";
import { beginStory, hasty, type Story, writesOf } from "./story.ts";

const email = {
  name: "Welcome",
  type: "email",
  content: { subject: "Hello {{first_name}}", body: "Thank you.\n\nSoon." },
};
const second = {
  name: "Reminder",
  type: "email",
  content: { subject: "Still there?", html: "<p>Hi {{contact.firstName}}</p>" },
};
const sms = { name: "Nudge", type: "sms", content: { body: "Hi {{first_name}}" } };
const wait = { name: "Two days", type: "wait" };

let story: Story;

beforeAll(async () => {
  story = await beginStory();
});

afterAll(() => story.end());

beforeEach(async () => {
  await story.fake("reset", {});
  await story.newClient();
});

/** The audit that every scenario ends with: one object per token, none of them archived by us, unless said otherwise. */
async function expectOneEach(expected: { templates: number; folders: number; values: number }) {
  const { templates, customValues } = await story.state();
  const live = templates.filter((template) => !template.archived);
  const tokens = live.map((template) => /pp[a-z2-7]{12}$/.exec(template.name)?.[0]);
  expect(new Set(tokens).size).toBe(tokens.length);
  expect({
    templates: live.filter((template) => template.type === "template").length,
    folders: live.filter((template) => template.type === "folder").length,
    values: customValues.length,
  }).toEqual(expected);
}

async function statuses(publicationId: string) {
  return (await story.items(publicationId)).map((item) => item.status);
}

test("can publish: folder, templates and custom values arrive, are read back, and land on the touchpoints", async () => {
  const journeyId = await story.writeJourney("Inquiry", [email, wait, sms, second]);
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId)).toBe("synced");
  await expectOneEach({ templates: 2, folders: 1, values: 1 });

  const { templates, customValues } = await story.state();
  const folder = templates.find((template) => template.type === "folder");
  const welcome = templates.find((template) => template.name.startsWith("Inquiry · 00 Welcome pp"));
  expect(welcome).toMatchObject({
    subjectLine: "Hello {{contact.first_name}}",
    parentFolderId: folder?.id,
    editorContent: expect.stringMatching(
      /^<p>Thank you\.<\/p>\n<p>Soon\.<\/p>\n<!-- pp:pp[a-z2-7]{12}:[0-9a-f]{8} -->$/,
    ),
  });
  expect(customValues).toMatchObject([{ value: "Hi {{contact.first_name}}" }]);

  expect(await story.items(publicationId)).toMatchObject([
    { asset_kind: "folder", status: "synced", remote_id: folder?.id },
    { name: "Welcome", asset_kind: "template", status: "synced", remote_id: welcome?.id },
    { name: "Two days", asset_kind: "manual", status: "manual", remote_id: null },
    { name: "Nudge", asset_kind: "custom_value", status: "synced", remote_id: customValues[0]?.id },
    { name: "Reminder", asset_kind: "template", status: "synced" },
  ]);
  expect(await story.publication(publicationId)).toMatchObject({
    status: "synced",
    run_count: 1,
    items_total: 5,
    items_synced: 4,
    items_manual: 1,
    items_failed: 0,
    last_error: null,
    lease_token: null,
  });
  const touchpoints = await story.database.query(
    "select name, ghl_template_id, status from journeys.touchpoints where journey_id = $1 order by order_index",
    [journeyId],
  );
  expect(touchpoints).toMatchObject([
    { ghl_template_id: welcome?.id, status: "published" },
    { name: "Two days", ghl_template_id: null, status: "approved" },
    { ghl_template_id: customValues[0]?.id, status: "published" },
    { status: "published" },
  ]);
  const [journey] = await story.database.query("select status from journeys.journeys where id = $1", [journeyId]);
  expect(journey).toEqual({ status: "published" });
  expect((await story.history()).at(-1)).toMatchObject({
    operation: "journey_publish",
    status: "success",
    items_synced: 4,
    errors: null,
    metadata: { publicationId, journeyId, outcome: "synced" },
  });
});

test("a second publication of unchanged text makes no call at all", async () => {
  const journeyId = await story.writeJourney("Same", [email, sms]);
  await story.run(await story.publish(journeyId));
  const calls = (await story.journal()).length;
  await story.asAdmin((client) =>
    client.query("update journeys.journeys set goal = 'More' where id = $1", [journeyId]),
  );
  const again = await story.publish(journeyId);
  expect(await story.run(again)).toBe("synced");
  expect((await story.journal()).length).toBe(calls);
  expect(await statuses(again)).toEqual(["synced", "synced", "synced"]);
});

test("a changed text updates the same template, and puts the earlier publication aside", async () => {
  const journeyId = await story.writeJourney("Edited", [email]);
  const first = await story.publish(journeyId);
  await story.run(first);
  const before = (await story.journal()).length;
  await story.asAdmin((client) =>
    client.query(`update journeys.touchpoints set content = content || '{"subject": "New"}' where journey_id = $1`, [
      journeyId,
    ]),
  );
  const next = await story.publish(journeyId);
  expect(await story.run(next)).toBe("synced");
  await expectOneEach({ templates: 1, folders: 1, values: 0 });
  expect(writesOf((await story.journal()).slice(before))).toEqual([
    `PATCH /emails/locations/${story.ghlLocationId}/templates/:id`,
  ]);
  expect((await story.state()).templates.find((row) => row.type === "template")?.subjectLine).toBe("New");
  expect(await story.publication(first)).toMatchObject({ status: "superseded" });
});

test("a renamed journey keeps its custom values' names, which messages refer to", async () => {
  const journeyId = await story.writeJourney("Old name", [sms]);
  await story.run(await story.publish(journeyId));
  const [{ name } = { name: "" }] = (await story.state()).customValues;
  await story.asAdmin(async (client) => {
    await client.query("update journeys.journeys set name = 'New', slug = 'new-name' where id = $1", [journeyId]);
    await client.query(`update journeys.touchpoints set content = '{"body": "New"}' where journey_id = $1`, [
      journeyId,
    ]);
  });
  expect(await story.run(await story.publish(journeyId))).toBe("synced");
  expect((await story.state()).customValues).toMatchObject([{ name, value: "New" }]);
});

describe("a reply that is lost", () => {
  test.each([
    ["commit-then-reset", "POST"],
    ["commit-then-hang", "POST"],
    ["commit-then-status", "POST"],
    ["invalid-json", "POST"],
    ["without-id", "POST"],
    ["reset-before-commit", "POST"],
    ["commit-then-reset", "GET"],
    ["commit-then-status", "GET"],
  ] as const)("leaves one object of each: %s on every %s", async (kind, method) => {
    const journeyId = await story.writeJourney("Lost", [email, sms]);
    const publicationId = await story.publish(journeyId);
    const paths = ["folders$", "templates$", "customValues$"];
    await story.fault(
      ...paths.map((path) => ({
        kind,
        method,
        path: method === "GET" ? `${path.replace("folders", "templates")}` : path,
      })),
    );
    expect(await story.run(publicationId)).toBe("synced");
    await expectOneEach({ templates: 1, folders: 1, values: 1 });
    expect(await statuses(publicationId)).toEqual(["synced", "synced", "synced"]);
  });

  test("is waited for: a list that lags behind makes no second object", async () => {
    const journeyId = await story.writeJourney("Lag", [sms]);
    const publicationId = await story.publish(journeyId);
    // The look before the creation tells the truth, the first one after it does not.
    const lagging = { status: 200, body: '{"customValues":[]}' };
    await story.fault(
      { kind: "commit-then-reset", method: "POST" },
      { kind: "status", method: "GET", path: "customValues$", skip: 1, ...lagging },
    );
    const timing = { ...hasty, settleDelaysMs: [20, 40, 3_000], longestWaitMs: 5_000 };
    expect(await story.run(publicationId, { timing })).toBe("synced");
    await expectOneEach({ templates: 0, folders: 0, values: 1 });
  });

  test("that comes through after all patience leaves one transient duplicate, put away", async () => {
    const journeyId = await story.writeJourney("Late", [email]);
    const publicationId = await story.publish(journeyId);
    // The first creation arrives after its look, and before the second one, which is slow, is answered.
    await story.fault(
      { kind: "late-commit", method: "POST", path: "templates$", ms: 1_500 },
      { kind: "delay", method: "POST", path: "templates$", ms: 900 },
    );
    const timing = { ...hasty, callTimeoutMs: 1_000, settleDelaysMs: [20] };
    expect(await story.run(publicationId, { timing })).toBe("synced");
    const { templates } = await story.state();
    const ours = templates.filter((template) => template.type === "template");
    expect(ours.map((template) => template.archived).sort()).toEqual([false, true]);
    const [item] = (await story.items(publicationId)).filter((row) => row.asset_kind === "template");
    expect(ours.find((template) => !template.archived)?.id).toBe(item?.remote_id);
    expect((await story.history()).at(-1)).toMatchObject({ metadata: { duplicatesArchived: 1 } });
  });
});

test("content that was dropped is sent again until it is there", async () => {
  const journeyId = await story.writeJourney("Dropped", [email]);
  const publicationId = await story.publish(journeyId);
  await story.fault({ kind: "content-dropped", method: "POST", path: "templates$" });
  expect(await story.run(publicationId)).toBe("synced");
  expect((await story.state()).templates.find((row) => row.type === "template")?.editorContent).toContain("Thank you.");
});

test("content that is dropped every time is unverified, and never synced", async () => {
  const journeyId = await story.writeJourney("Dropped always", [email, sms]);
  const publicationId = await story.publish(journeyId);
  await story.fault(
    { kind: "content-dropped", method: "POST", path: "templates$", count: 10 },
    { kind: "content-dropped", method: "PATCH", count: 10 },
  );
  expect(await story.run(publicationId)).toBe("partial");
  expect(await statuses(publicationId)).toEqual(["synced", "unverified", "synced"]);
  await expectOneEach({ templates: 1, folders: 1, values: 1 });
});

test("one refused item does not stop the others, and can be retried alone", async () => {
  const journeyId = await story.writeJourney("Refused", [email, second, sms]);
  const publicationId = await story.publish(journeyId);
  const refusal = { kind: "status" as const, status: 422, body: '{"statusCode":422,"message":["name is odd"]}' };
  await story.fault({ ...refusal, method: "POST", path: "templates$" });
  expect(await story.run(publicationId)).toBe("partial");
  expect(await story.items(publicationId)).toMatchObject([
    { status: "synced" },
    { status: "rejected", error_class: "rejected", last_error: expect.stringContaining("name is odd"), attempts: 1 },
    { status: "synced" },
    { status: "synced" },
  ]);
  const before = (await story.journal()).length;
  await story.asAdmin((client) => client.query("select publishing.retry_publication($1)", [publicationId]));
  expect(await story.run(publicationId)).toBe("synced");
  expect(writesOf((await story.journal()).slice(before))).toEqual([
    `POST /emails/locations/${story.ghlLocationId}/templates`,
  ]);
  await expectOneEach({ templates: 2, folders: 1, values: 1 });
});

test("what was refused and made all the same is ours, and not made again", async () => {
  const journeyId = await story.writeJourney("Refused and made", [email]);
  const publicationId = await story.publish(journeyId);
  await story.fault({ kind: "422-but-created", method: "POST", path: "templates$" });
  expect(await story.run(publicationId)).toBe("partial");
  const [, item] = await story.items(publicationId);
  expect(item).toMatchObject({ status: "rejected", remote_id: expect.any(String) });
  await story.asAdmin((client) => client.query("select publishing.retry_publication($1)", [publicationId]));
  expect(await story.run(publicationId)).toBe("synced");
  await expectOneEach({ templates: 1, folders: 1, values: 0 });
});

test("a template deleted there is missing; a retry makes it anew and keeps the old id in the history", async () => {
  const journeyId = await story.writeJourney("Deleted", [email]);
  await story.run(await story.publish(journeyId));
  const old = (await story.state()).templates.find((row) => row.type === "template")?.id ?? "";
  await fetch(`${story.sandbox.url}/emails/locations/${story.ghlLocationId}/templates/${old}`, {
    method: "DELETE",
    headers: {
      "User-Agent": "person/1",
      Version: "v3",
      Authorization: "Bearer pit-sandbox-00000000-0000-4000-8000-000000000000",
    },
  });
  await story.asAdmin((client) =>
    client.query(`update journeys.touchpoints set content = content || '{"subject": "New"}' where journey_id = $1`, [
      journeyId,
    ]),
  );
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId)).toBe("partial");
  expect((await story.items(publicationId))[1]).toMatchObject({ status: "remote_missing", error_class: "gone" });
  await story.asAdmin((client) => client.query("select publishing.retry_publication($1)", [publicationId]));
  expect(await story.run(publicationId)).toBe("synced");
  await expectOneEach({ templates: 1, folders: 1, values: 0 });
  const ids = await story.database.query<{ remote_id: string }>(
    "select distinct remote_id from publishing.publication_items where name = 'Welcome' and publication_id in (select id from publishing.publications where journey_id = $1)",
    [journeyId],
  );
  expect(ids.map((row) => row.remote_id)).toContain(old);
  expect(ids).toHaveLength(2);
});

test("a folder deleted there is missing; a retry makes it anew for what is to go into it", async () => {
  const journeyId = await story.writeJourney("Folder gone", [email]);
  await story.run(await story.publish(journeyId));
  const state = await story.state();
  await story.fake("seed", { ...state, templates: state.templates.filter((row) => row.type !== "folder") });
  await story.asAdmin((client) =>
    client.query(
      `insert into journeys.touchpoints (journey_id, name, type, order_index, content)
       values ($1, 'Second', 'email', 1, '{"subject": "2", "body": "2"}'), ($1, 'Third', 'email', 2, '{"subject": "3", "body": "3"}')`,
      [journeyId],
    ),
  );
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId)).toBe("partial");
  expect(await statuses(publicationId)).toEqual(["remote_missing", "synced", "remote_missing", "blocked"]);
  await story.asAdmin((client) => client.query("select publishing.retry_publication($1)", [publicationId]));
  expect(await story.run(publicationId)).toBe("synced");
  await expectOneEach({ templates: 3, folders: 1, values: 0 });
});

test("an unknown merge field goes out as it is, and is named on the item", async () => {
  const journeyId = await story.writeJourney("Findings", [
    { name: "Odd", type: "sms", content: { body: "Hi {{venue}}" } },
  ]);
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId)).toBe("synced");
  const found = await story.database.query(
    "select findings from publishing.publication_items where publication_id = $1",
    [publicationId],
  );
  expect(found).toEqual([{ findings: [{ kind: "unknown_merge_field", detail: "{{venue}}" }] }]);
});

test("a location's token appears in no row, no job and no line of the log", async () => {
  const canary = "pit-canary-90210";
  const lines: string[] = [];
  const log = pino({ level: "trace" }, { write: (line: string) => lines.push(line) });
  const journeyId = await story.writeJourney("Secret", [email, sms]);
  const publicationId = await story.publish(journeyId);
  await story.fault({ kind: "status", status: 503 }, { kind: "status", status: 500, method: "POST" });
  expect(await story.run(publicationId, { defaultToken: canary, log })).toBe("blocked");
  expect(lines).not.toHaveLength(0);
  const tables = [
    "publishing.locations",
    "publishing.publications",
    "publishing.publication_items",
    "publishing.remote_objects",
    "journeys.sync_history",
    "audit.changes",
    "graphile_worker._private_jobs",
  ];
  for (const table of tables) {
    const rows = await story.database.query(`select to_jsonb(t)::text as row from ${table} t`);
    expect(rows).not.toHaveLength(0);
    expect(JSON.stringify(rows)).not.toContain(canary);
  }
  expect(lines.join("")).not.toContain(canary);
});

test("a burst limit costs no attempt and loses nothing", async () => {
  const journeyId = await story.writeJourney("Burst", [email, second, sms]);
  const publicationId = await story.publish(journeyId);
  const headers = { "X-RateLimit-Interval-Milliseconds": "50", "X-RateLimit-Daily-Remaining": "5000" };
  await story.fault({ kind: "status", status: 429, headers, skip: 2, count: 3 });
  expect(await story.run(publicationId)).toBe("synced");
  expect((await story.items(publicationId)).map((item) => item.attempts)).toEqual([1, 1, 1, 1]);
  await expectOneEach({ templates: 2, folders: 1, values: 1 });
});

test("the daily limit puts the location aside until the reset, and is picked up by itself", async () => {
  const journeyId = await story.writeJourney("Daily", [sms]);
  const publicationId = await story.publish(journeyId);
  const headers = { "X-RateLimit-Daily-Remaining": "0", "X-RateLimit-Daily-Reset": "1000" };
  await story.fault({ kind: "status", status: 429, headers, method: "POST" });
  expect(await story.run(publicationId)).toBe("deferred");
  expect(await story.location()).toMatchObject({ status: "paused", paused_until: expect.any(Date) });
  expect((await story.items(publicationId))[0]).toMatchObject({ status: "pending", attempts: 0 });
  await story.database.query("update publishing.publications set run_after = now() - interval '1 s' where id = $1", [
    publicationId,
  ]);
  await story.database.query(
    "update publishing.locations set paused_until = now() - interval '1 s' where status = 'paused'",
    [],
  );
  await story.worker.query("select publishing.resume_publications()");
  expect(await story.publication(publicationId)).toMatchObject({ status: "queued" });
  expect(await story.run(publicationId)).toBe("synced");
  expect(await story.location()).toMatchObject({ status: "active", paused_until: null });
});

test("a refused token stops the location after one call; setting a new one goes on by itself", async () => {
  const journeyId = await story.writeJourney("Revoked", [email, sms]);
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId, { defaultToken: "pit-revoked" })).toBe("blocked");
  expect(await story.journal()).toHaveLength(1);
  expect(await story.location()).toMatchObject({
    status: "needs_reauth",
    status_reason: expect.stringContaining("Invalid token"),
  });
  expect(await story.publication(publicationId)).toMatchObject({
    status: "blocked",
    last_error: expect.stringContaining("private integration token"),
  });

  const { encryptSecret } = await import("../../src/encryption.ts");
  const { locationSecretContext } = await import("../../src/publishing/credentials.ts");
  const sealed = encryptSecret(
    story.database.secretKey,
    "pit-sandbox-00000000-0000-4000-8000-000000000000",
    locationSecretContext(story.tenantId, story.clientId),
  );
  await story.asAdmin((client) => client.query("select app.set_location_token($1, $2)", [story.clientId, sealed]));
  expect(await story.location()).toMatchObject({ status: "active", token_set_at: expect.any(Date) });
  expect(await story.publication(publicationId)).toMatchObject({ status: "queued" });
  expect(await story.run(publicationId, { defaultToken: "pit-revoked" })).toBe("synced");
});

test("no token at all blocks without a call", async () => {
  const journeyId = await story.writeJourney("No token", [sms]);
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId, { defaultToken: null })).toBe("blocked");
  expect(await story.journal()).toEqual([]);
  await story.asAdmin((client) => client.query("select publishing.retry_publication($1)", [publicationId]));
  expect(await story.run(publicationId)).toBe("synced");
});

test("an empty email is blocked, the others go", async () => {
  const journeyId = await story.writeJourney("Empty", [
    { name: "Blank", type: "email", content: { subject: "S" } },
    sms,
  ]);
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId)).toBe("partial");
  expect(await story.items(publicationId)).toMatchObject([
    { status: "synced" },
    { status: "blocked", last_error: expect.stringContaining("no text") },
    { status: "synced" },
  ]);
});

test("GoHighLevel away for too long ends as failed, with a way out, and a retry brings it over", async () => {
  const journeyId = await story.writeJourney("Away", [sms]);
  const publicationId = await story.publish(journeyId);
  await story.fault({ kind: "status", status: 503, body: "<html>down</html>", contentType: "text/html", count: 4 });
  expect(await story.run(publicationId)).toBe("failed");
  expect((await story.items(publicationId))[0]).toMatchObject({
    status: "pending",
    attempts: 4,
    last_error: expect.stringContaining("503"),
  });
  await story.asAdmin((client) => client.query("select publishing.retry_publication($1)", [publicationId]));
  expect(await story.run(publicationId)).toBe("synced");
});

test("a wait that is too long to sit out defers the publication", async () => {
  const journeyId = await story.writeJourney("Patience", [sms]);
  const publicationId = await story.publish(journeyId);
  await story.fault({ kind: "status", status: 503, headers: { "Retry-After": "60" } });
  expect(await story.run(publicationId)).toBe("deferred");
  expect(await story.publication(publicationId)).toMatchObject({ status: "deferred", run_after: expect.any(Date) });
  expect(await story.worker.query("select publishing.resume_publications() as resumed")).toMatchObject({
    rows: [{ resumed: 0 }],
  });
});

test("of two runs at once one gets the publication, and each thing is made once", async () => {
  const journeyId = await story.writeJourney("Twice", [email, second, sms]);
  const publicationId = await story.publish(journeyId);
  const results = await Promise.all([story.run(publicationId), story.run(publicationId)]);
  expect(results.sort()).toEqual([null, "synced"].sort());
  await expectOneEach({ templates: 2, folders: 1, values: 1 });
});

test("a run whose lease was taken over commits nothing more", async () => {
  const journeyId = await story.writeJourney("Zombie", [sms]);
  const publicationId = await story.publish(journeyId);
  await story.fault({ kind: "delay", method: "POST", ms: 150 });
  // As in earnest, doubt lasts longer than a call.
  const timing = { ...hasty, settleDelaysMs: [20, 2_000] };
  const zombie = story.run(publicationId, { timing });
  while ((await story.journal()).every((entry) => entry.method !== "POST"))
    await new Promise((resolve) => setTimeout(resolve, 5));
  await story.database.query(
    "update publishing.publications set lease_expires_at = now() - interval '1 s' where id = $1",
    [publicationId],
  );
  const heir = story.run(publicationId, { timing });
  expect(await Promise.all([zombie, heir])).toEqual(["lease_lost", "synced"]);
  await expectOneEach({ templates: 0, folders: 0, values: 1 });
});

test("a newer publication overtakes one that is under way", async () => {
  const journeyId = await story.writeJourney("Overtaken", [email, second]);
  const first = await story.publish(journeyId);
  await story.fault({ kind: "delay", method: "POST", path: "folders$", ms: 200 });
  const running = story.run(first);
  while ((await story.publication(first)).status !== "running") await new Promise((resolve) => setTimeout(resolve, 5));
  await story.asAdmin((client) =>
    client.query(`update journeys.touchpoints set content = content || '{"subject": "Newer"}' where journey_id = $1`, [
      journeyId,
    ]),
  );
  const next = await story.publish(journeyId);
  expect(await running).toBe("superseded");
  expect(await story.run(next)).toBe("synced");
  await expectOneEach({ templates: 2, folders: 1, values: 0 });
  expect(
    (await story.state()).templates.filter((row) => row.type === "template").map((row) => row.subjectLine),
  ).toEqual(["Newer", "Newer"]);
});

test("a stopped worker leaves the rest for later", async () => {
  const journeyId = await story.writeJourney("Stopped", [email, sms]);
  const publicationId = await story.publish(journeyId);
  const stopping = new AbortController();
  stopping.abort();
  expect(await story.run(publicationId, { signal: stopping.signal })).toBe("deferred");
  await story.worker.query("select publishing.resume_publications()");
  expect(await story.run(publicationId)).toBe("synced");
});

test("the job is queued with the publication, once, in the location's lane, and holds no secret", async () => {
  const journeyId = await story.writeJourney("Queued", [sms]);
  const publicationId = await story.publish(journeyId);
  const { id: locationId } = await story.location();
  const jobs = await story.database.query(
    `select j.key, j.task_identifier, j.queue_name, p.payload
     from graphile_worker.jobs j join graphile_worker._private_jobs p on p.id = j.id
     where j.key = $1`,
    [`publishing/publish_journey:${publicationId}`],
  );
  expect(jobs).toEqual([
    {
      key: `publishing/publish_journey:${publicationId}`,
      task_identifier: "publishing/publish_journey",
      queue_name: `publishing/${locationId}`,
      payload: { tenantId: story.tenantId, publicationId },
    },
  ]);
});

test("one job serves every location that waits, and none of them waits for another", async () => {
  const slow = await story.publish(await story.writeJourney("Slow", [sms]));
  const slowPlace = story.ghlLocationId;
  const others: string[] = [];
  for (const name of ["Second", "Third"]) {
    await story.newClient();
    others.push(await story.publish(await story.writeJourney(name, [sms])));
  }
  // Another journey of a location that waits already comes after the first.
  const behind = await story.publish(await story.writeJourney("Behind", [sms]));
  const { rows: waiting } = await story.worker.query("select * from app_private.waiting_publications(100)");
  const ids = waiting.map((row) => row.publication_id);
  expect(ids).toEqual(expect.arrayContaining([slow, ...others]));
  expect(ids).not.toContain(behind);
  await story.fault({ kind: "delay", method: "POST", locationId: slowPlace, ms: 250 });
  await story.runBeside(slow);
  const ended = await story.database.query<{ id: string; status: string }>(
    "select id, status from publishing.publications where id = any ($1) order by finished_at",
    [[slow, ...others]],
  );
  expect(ended.map((row) => row.status)).toEqual(["synced", "synced", "synced"]);
  expect(ended.at(-1)?.id).toBe(slow);
});
