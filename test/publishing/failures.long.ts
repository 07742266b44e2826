/** The forty failures that publishing survives, by their numbers. Each ends in the audit; where the row has a process die, one does. */
import { pino } from "pino";
import { encryptSecret } from "../../src/encryption.ts";
import { locationSecretContext, sealPair } from "../../src/publishing/credentials.ts";
import type { Timing } from "../../src/publishing/timing.ts";
import type { FaultInput } from "../../src/sandbox/gohighlevel/faults.ts";
import { startWorker, until } from "../support/workers.ts";
import { type AuditOptions, audit as auditStory } from "./audit.ts";
import { beginStory, hasty, type Step, type Story, writesOf } from "./story.ts";
import { startWorkerProcess, type WorkerProcess } from "./worker_processes.ts";

const token = "pit-canary-5f1c9a7e";
const app = { clientId: "oauth-app", clientSecret: "oauth-secret-canary" };
const refreshToken = "oauth-refresh-canary";
const accessToken = "oauth-access-canary";
const canaries = [token, app.clientSecret, refreshToken, accessToken, "pit-canary-second"];
const lines: string[] = [];

const email: Step = {
  name: "Welcome",
  type: "email",
  content: { subject: "Hello {{first_name}}", body: "Thank you." },
};
const second: Step = { name: "Second", type: "email", content: { subject: "Still there?", html: "<p>Hi</p>" } };
const sms: Step = { name: "Nudge", type: "sms", content: { body: "Hi" } };

let story: Story;
let processes: WorkerProcess[] = [];

beforeAll(async () => {
  const log = pino({ level: "trace" }, { write: (line: string) => lines.push(line) });
  story = await beginStory({ tokens: [{ token }], apps: [app] }, { log, token });
});

afterAll(() => story.end());

beforeEach(async () => {
  await story.fake("reset", {});
  await story.token({ token });
  await story.newClient();
});

afterEach(async () => {
  for (const process of processes) await process.kill("SIGKILL");
  processes = [];
});

const audit = (options: AuditOptions = {}) => auditStory(story, { canaries, lines, ...options });

async function begin(name: string, steps: Step[] = [email, sms]) {
  const journeyId = await story.writeJourney(name, steps);
  return { journeyId, publicationId: await story.publish(journeyId) };
}

async function statuses(publicationId: string) {
  return (await story.items(publicationId)).map((item) => item.status);
}

const edit = (journeyId: string, subject: string) =>
  story.call(
    `update journeys.touchpoints set content = content || jsonb_build_object('subject', $2::text) where journey_id = $1 and type = 'email' returning id`,
    journeyId,
    subject,
  );
const retry = (publicationId: string) => story.call("select id from publishing.retry_publication($1)", publicationId);
const liveTemplates = async () =>
  (await story.state()).templates.filter((row) => row.type === "template" && !row.archived);

test("1: everything arrives and is read back; a second time nothing is written", async () => {
  const { journeyId, publicationId } = await begin("One", [email, second, sms]);
  expect(await story.run(publicationId)).toBe("synced");
  const before = (await story.journal()).length;
  await story.call("update journeys.journeys set goal = 'More' where id = $1 returning id", journeyId);
  expect(await story.run(await story.publish(journeyId))).toBe("synced");
  expect(writesOf((await story.journal()).slice(before))).toEqual([]);
  await audit();
});

test.each<[string, FaultInput[]]>([
  ["5: a reply is lost after the commit", [{ kind: "commit-then-reset", method: "POST", count: 3 }]],
  [
    "8: a 500 leaves a half-made template",
    [{ kind: "commit-then-status", status: 500, dropsContent: true, method: "POST", path: "templates$" }],
  ],
  ["11: a 201 has no JSON", [{ kind: "invalid-json", method: "POST", count: 3 }]],
  ["11: a 201 has no id", [{ kind: "without-id", method: "POST", count: 3 }]],
  ["28: the folder's reply is lost", [{ kind: "commit-then-hang", method: "POST", path: "folders$" }]],
  ["10: a 201 drops the content", [{ kind: "content-dropped", method: "POST", path: "templates$" }]],
  [
    "31: the edge answers 5xx with a page",
    [{ kind: "status", status: 502, body: "<html>bad gateway</html>", contentType: "text/html", count: 2 }],
  ],
  ["an answer comes byte by byte, or points elsewhere slowly", [{ kind: "slow-drip", ms: 100, count: 2 }]],
])("%s: one of each, synced", async (_, faults) => {
  const { publicationId } = await begin("Lost");
  await story.fault(...faults);
  expect(await story.run(publicationId)).toBe("synced");
  expect(await statuses(publicationId)).toEqual(["synced", "synced", "synced"]);
  await audit();
});

/** A run in a process of its own, which can be stopped at any moment. */
function runProcess(publicationId: string, timing: Partial<Timing> = {}) {
  const { database, sandbox, tenantId } = story;
  const process = startWorkerProcess({
    workerUrl: database.urls.worker,
    secretKey: database.secretKey,
    baseUrl: sandbox.url,
    token,
    timing: { ...hasty, callTimeoutMs: 20_000, ...timing },
    tenantId,
    publicationId,
  });
  processes.push(process);
  return process;
}

async function declareDead(publicationId: string): Promise<void> {
  await story.database.query(
    "update publishing.publications set lease_expires_at = now() - interval '1 s' where id = $1 and status = 'running'",
    [publicationId],
  );
}

const hasArrived = async (method: string, path: RegExp) =>
  (await story.journal()).some((entry) => entry.method === method && path.test(entry.path));
const created = async () => (await story.journal()).filter((entry) => entry.method === "POST" && entry.committed);

test("2: killed between the intent and the call, the next run searches, finds nothing, and makes it once", async () => {
  const { publicationId } = await begin("Intended", [sms]);
  // The turn comes after the intent is committed and before the call: there the run is held.
  await story.database.query(`create function public.hold() returns trigger language plpgsql as $$
    begin
      if exists (select from publishing.publication_items where status = 'intent') then perform pg_sleep(60); end if;
      return new;
    end $$`);
  await story.database.query(
    "create trigger hold before update of turns on app_private.call_budgets for each row execute function public.hold()",
  );
  const held = "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
  const first = runProcess(publicationId);
  await until(async () => (await story.database.query(held)).length > 0);
  await first.kill("SIGKILL");
  await story.database.query(`select pg_terminate_backend(pid) from (${held}) as held`);
  await story.database.query("drop trigger hold on app_private.call_budgets");
  await story.database.query("drop function public.hold()");
  expect(await statuses(publicationId)).toEqual(["intent"]);
  expect(await created()).toEqual([]);
  const before = (await story.journal()).length;
  await declareDead(publicationId);
  expect(await story.run(publicationId)).toBe("synced");
  const methods = (await story.journal()).slice(before).map((entry) => entry.method);
  expect(methods.slice(0, methods.indexOf("POST"))).toContain("GET");
  expect(methods.filter((method) => method === "POST")).toHaveLength(1);
  await audit();
});

test.each([
  ["3 and 28", "the folder", /folders$/],
  ["3", "a template", /templates$/],
  ["3", "a custom value", /customValues$/],
])("%s: killed after GoHighLevel made %s and before it was known here, the next run adopts it", async (_, __, path) => {
  const { publicationId } = await begin("Killed");
  await story.fault({ kind: "commit-then-hang", method: "POST", path: path.source });
  const first = runProcess(publicationId);
  await until(async () => (await created()).some((entry) => path.test(entry.path)));
  await first.kill("SIGKILL");
  await declareDead(publicationId);
  expect(await story.run(publicationId)).toBe("synced");
  expect(await created()).toHaveLength(3);
  await audit();
});

test("4: killed between the id and the reading back, the next run reads it back and makes nothing", async () => {
  const { publicationId } = await begin("Unread", [email]);
  await story.fault({ kind: "hang-before-commit", method: "GET", path: "templates/[0-9a-f]{24}$" });
  const first = runProcess(publicationId);
  await until(() => hasArrived("GET", /templates\/[0-9a-f]{24}$/));
  await first.kill("SIGKILL");
  const before = (await story.journal()).length;
  await declareDead(publicationId);
  expect(await story.run(publicationId)).toBe("synced");
  expect(writesOf((await story.journal()).slice(before))).toEqual([]);
  await audit();
});

test.each<[string, FaultInput]>([
  ["ends its call", { kind: "delay", ms: 400 }],
  ["gives up a call that does not end", { kind: "commit-then-hang" }],
])("33: a worker that is told to stop %s, and the next one goes on", async (_, fault) => {
  const { publicationId } = await begin("Deployed", [email, second, sms]);
  await story.fault({ ...fault, method: "POST", path: "templates$" });
  const first = startWorker(story.database, { GHL_BASE_URL: story.sandbox.url, GHL_API_KEY: token });
  await until(() => hasArrived("POST", /templates$/), first);
  first.child.kill("SIGTERM");
  expect((await first.ended).code).toBe(0);
  expect(await story.publication(publicationId)).toMatchObject({ lease_token: null });
  await story.database.query("update publishing.publication_items set retry_at = null where publication_id = $1", [
    publicationId,
  ]);
  await story.wake(publicationId);
  // What it had time for is done already.
  expect([null, "synced"]).toContain(await story.run(publicationId));
  expect(await story.publication(publicationId)).toMatchObject({ status: "synced", items_failed: 0 });
  await audit();
});

test("6: what lands after all patience is one transient duplicate, put away", async () => {
  const { publicationId } = await begin("Late", [email]);
  await story.fault(
    { kind: "late-commit", method: "POST", path: "templates$", ms: 1_500 },
    { kind: "delay", method: "POST", path: "templates$", ms: 900 },
  );
  expect(await story.run(publicationId, { timing: { ...hasty, callTimeoutMs: 1_000, settleDelaysMs: [20] } })).toBe(
    "synced",
  );
  expect(await liveTemplates()).toHaveLength(1);
  expect((await story.history()).at(-1)).toMatchObject({ metadata: { duplicatesArchived: 1 } });
  await audit({ transientDuplicates: 1 });
});

test("7: a search that lags behind is waited for", async () => {
  const { publicationId } = await begin("Lag", [email]);
  const empty = { status: 200, body: '{"items":[],"total":0}' };
  await story.fault(
    { kind: "commit-then-reset", method: "POST", path: "templates$" },
    // The lists before the creation tell the truth, those of the first look after it do not.
    { kind: "status", method: "GET", path: "templates$", skip: 7, count: 3, ...empty },
  );
  const timing = { ...hasty, settleDelaysMs: [20, 40, 3_000], longestWaitMs: 5_000 };
  expect(await story.run(publicationId, { timing })).toBe("synced");
  await audit();
});

test("9: what was refused and made all the same is ours, and not made again", async () => {
  const { publicationId } = await begin("Refused", [email]);
  await story.fault({ kind: "422-but-created", method: "POST", path: "templates$" });
  expect(await story.run(publicationId)).toBe("partial");
  expect(await statuses(publicationId)).toEqual(["synced", "rejected"]);
  await retry(publicationId);
  expect(await story.run(publicationId)).toBe("synced");
  await audit();
});

test("10: content that is dropped every time is unverified and never synced", async () => {
  const { publicationId } = await begin("Dropped", [email]);
  await story.fault(
    { kind: "content-dropped", method: "POST", path: "templates$" },
    { kind: "content-dropped", method: "PATCH", count: 9 },
  );
  expect(await story.run(publicationId)).toBe("partial");
  expect(await statuses(publicationId)).toEqual(["synced", "unverified"]);
  await audit();
});

test("12: a burst limit costs a wait, no attempt, and the order stays", async () => {
  const steps = Array.from({ length: 10 }, (_, number) => ({ ...sms, name: `SMS ${number}` }));
  const { publicationId } = await begin("Burst", steps);
  const headers = { "X-RateLimit-Interval-Milliseconds": "40", "X-RateLimit-Daily-Remaining": "5000" };
  await story.fault({ kind: "status", status: 429, headers, method: "POST", skip: 2, count: 2 });
  expect(await story.run(publicationId)).toBe("synced");
  expect((await story.items(publicationId)).map((item) => item.attempts)).toEqual(Array(10).fill(1));
  const made = (await story.state()).customValues.map((value) => /PP j-\w+ (\d+)/.exec(value.name)?.[1]);
  expect(made).toEqual(made.toSorted());
  await audit();
});

test("13 and 38: a daily limit stops this location until a reset that makes sense; others go on", async () => {
  await story.fake("switches", { dailyReset: "nonsense" });
  const { publicationId } = await begin("Daily", [sms]);
  const place = story.ghlLocationId;
  await story.fault({
    kind: "status",
    status: 429,
    locationId: place,
    count: 100,
    headers: { "X-RateLimit-Daily-Remaining": "0", "X-RateLimit-Daily-Reset": "99999999999" },
  });
  expect(await story.run(publicationId)).toBe("deferred");
  const calls = (await story.journal()).length;
  expect(await story.location()).toMatchObject({ status: "paused" });
  const [{ hours } = { hours: 0 }] = await story.database.query<{ hours: number }>(
    "select extract(epoch from paused_until - now())::float8 / 3600 as hours from publishing.locations where ghl_location_id = $1",
    [place],
  );
  expect(hours).toBeGreaterThan(0);
  expect(hours).toBeLessThanOrEqual(24);
  // Nothing is called while it is paused, whoever tries.
  await story.database.query("update publishing.publications set run_after = now() where id = $1", [publicationId]);
  await story.worker.query("select publishing.resume_publications()");
  expect(await story.run(publicationId)).toBe("deferred");
  expect((await story.journal()).length).toBe(calls);
  await story.newClient();
  expect(await story.run((await begin("Elsewhere", [sms])).publicationId)).toBe("synced");
  await audit();
});

test("14: two workers, a doubled job and a doubled click make one of each", async () => {
  const { journeyId, publicationId } = await begin("Twice");
  await expect(story.call("select id from journeys.publish_journey($1)", journeyId)).rejects.toMatchObject({
    code: "LF003",
  });
  const results = await Promise.all([story.run(publicationId), story.run(publicationId), story.run(publicationId)]);
  expect(results.filter((result) => result === "synced")).toHaveLength(1);
  expect(await story.run(publicationId)).toBeNull();
  await audit();
});

test("15: a second version while the first is on its way wins, and the first never lands after it", async () => {
  const { journeyId, publicationId: first } = await begin("Fenced", [email, second]);
  await story.fault({ kind: "delay", method: "POST", path: "folders$", ms: 150 });
  const running = story.run(first);
  while ((await story.publication(first)).status !== "running") await new Promise((resolve) => setTimeout(resolve, 5));
  await edit(journeyId, "Version two");
  const next = await story.publish(journeyId);
  expect(await running).toBe("superseded");
  expect(await story.run(next)).toBe("synced");
  expect(await story.run(first)).toBeNull();
  expect((await liveTemplates()).map((row) => row.subjectLine)).toEqual(["Version two", "Version two"]);
  await audit();
});

test("16: taken back under way, it stops at the next step and what it made is put away", async () => {
  const { journeyId, publicationId } = await begin("Retracted", [email, second]);
  await story.fault({ kind: "delay", method: "POST", path: "templates$", ms: 150 });
  const running = story.run(publicationId);
  while (!(await story.journal()).some((entry) => entry.path.endsWith("templates") && entry.method === "POST")) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await story.call("select id from publishing.unpublish_journey($1)", journeyId);
  expect(await running).toBe("lease_lost");
  expect(await story.run(publicationId)).toBe("unpublished");
  expect(await liveTemplates()).toEqual([]);
  expect((await story.history()).at(-1)).toMatchObject({ operation: "journey_unpublish", metadata: { archived: 1 } });
  await audit();
});

async function connect(expiresAt: number): Promise<void> {
  await story.token({ token: accessToken, kind: "oauth", refreshToken });
  const pair = {
    oauthClientId: app.clientId,
    oauthClientSecret: app.clientSecret,
    accessToken,
    refreshToken,
    expiresAt,
  };
  const sealed = sealPair(story.database.secretKey, pair, locationSecretContext(story.tenantId, story.clientId));
  await story.call("select id from app.set_location_token($1, $2, 'oauth')", story.clientId, sealed);
}

test("17: a token that ends under way is renewed once, and the run goes on", async () => {
  await connect(Date.now() + 86_000_000);
  const { publicationId } = await begin("Expired");
  await story.fault({
    kind: "deed",
    method: "POST",
    path: "templates$",
    deed: { deed: "expire-token", token: accessToken },
  });
  expect(await story.run(publicationId)).toBe("synced");
  expect((await story.journal()).filter((entry) => entry.path === "/oauth/token")).toHaveLength(1);
  await audit();
});

test("18: a renewal whose reply is lost waits for a person, with no attempt spent", async () => {
  await connect(0);
  const { publicationId } = await begin("Lost renewal");
  await story.fault({ kind: "commit-then-reset", path: "oauth/token" });
  expect(await story.run(publicationId)).toBe("deferred");
  await story.wake(publicationId);
  expect(await story.run(publicationId)).toBe("blocked");
  expect(await story.location()).toMatchObject({ status: "needs_reauth" });
  await connect(0);
  expect(await story.run(publicationId)).toBe("synced");
  expect((await story.items(publicationId)).map((item) => item.attempts)).toEqual([1, 1, 1]);
  await audit();
});

test("19: a revoked token is tried once, and goes on with a new one", async () => {
  const { publicationId } = await begin("Revoked");
  await story.fault({ kind: "deed", method: "POST", path: "templates$", deed: { deed: "revoke-token", token } });
  expect(await story.run(publicationId)).toBe("blocked");
  expect((await story.journal()).filter((entry) => entry.status === 401)).toHaveLength(1);
  await story.token({ token: "pit-canary-second" });
  const context = locationSecretContext(story.tenantId, story.clientId);
  const sealed = encryptSecret(story.database.secretKey, "pit-canary-second", context);
  await story.call("select id from app.set_location_token($1, $2)", story.clientId, sealed);
  expect(await story.run(publicationId)).toBe("synced");
  await audit();
});

test.each<[string, FaultInput, string, number]>([
  [
    "20: a missing scope",
    { kind: "deed", deed: { deed: "shrink-scope", token, scopes: ["emails/templates.readonly"] }, method: "POST" },
    "It needs the scope emails/templates.write",
    3,
  ],
  [
    "21: a location that is not the token's",
    { kind: "deed", deed: { deed: "close-location", token } },
    "does not have access",
    1,
  ],
  [
    "22: a path that GoHighLevel does not know",
    { kind: "status", status: 404, body: '{"message":"Cannot GET /emails"}' },
    "does not know this path",
    1,
  ],
  [
    "31: the edge",
    { kind: "status", status: 403, body: "error code: 1010", contentType: "text/html" },
    "error code: 1010. GoHighLevel's edge turned the call away",
    1,
  ],
])("%s blocks the location after one call, and says what to do", async (_, fault, reason, calls) => {
  const { publicationId } = await begin("Blocked");
  await story.fault(fault);
  const before = lines.length;
  expect(await story.run(publicationId)).toBe("blocked");
  expect(await story.journal()).toHaveLength(calls);
  expect((await story.journal()).filter((entry) => entry.committed)).toEqual([]);
  // An alarm, not a warning.
  expect(lines.slice(before).filter((line) => JSON.parse(line).level === 50)).toHaveLength(1);
  expect(await story.location()).toMatchObject({ status: "blocked", status_reason: expect.stringContaining(reason) });
  expect(await story.run(publicationId)).toBeNull();
  await story.token({ token });
  await retry(publicationId);
  expect(await story.run(publicationId)).toBe("synced");
  await audit();
});

test("23: a template that a person deleted is missing, and made again only on a person's word", async () => {
  const { publicationId } = await begin("Deleted");
  await story.run(publicationId);
  const [old] = await liveTemplates();
  await story.fake("people", { deed: "delete", name: "Welcome" });
  const { findings } = await story.reconcile();
  expect(findings).toMatchObject([{ kind: "missing" }]);
  expect(await liveTemplates()).toEqual([]);
  await story.call("select id from publishing.push_again($1)", findings[0]?.id);
  expect(await story.run(publicationId)).toBe("synced");
  const [made] = await liveTemplates();
  expect((await story.items(publicationId)).map((item) => item.remote_id)).toContain(made?.id);
  const known = await story.database.query<{ ids: string[] }>(
    "select changes -> 'remote_id' as ids from audit.changes where table_name = 'publishing.remote_objects' and changes -> 'remote_id' ->> 0 = $1",
    [old?.id],
  );
  expect(known).toHaveLength(1);
  await audit({ transientDuplicates: 1 });
});

test("24: an edit or a new name by a person is drift, and overwritten only when published again", async () => {
  const { journeyId, publicationId } = await begin("Edited", [email]);
  await story.run(publicationId);
  await story.fake("people", { deed: "edit", name: "Welcome", subjectLine: "Theirs" });
  await story.fake("people", { deed: "rename", name: "Welcome", to: "Renamed" });
  expect((await story.reconcile()).findings).toMatchObject([{ kind: "drifted" }]);
  expect((await liveTemplates())[0]?.subjectLine).toBe("Theirs");
  await edit(journeyId, "Ours again");
  expect(await story.run(await story.publish(journeyId))).toBe("synced");
  expect(await liveTemplates()).toMatchObject([
    { subjectLine: "Ours again", name: expect.stringContaining("Welcome") },
  ]);
  await audit();
});

test("25: of two with our token the one that we know stays ours, the other is shown and left alone", async () => {
  const { journeyId, publicationId } = await begin("Copied", [email]);
  await story.run(publicationId);
  await story.fake("people", { deed: "duplicate", name: "Welcome" });
  expect((await story.reconcile()).findings).toMatchObject([{ kind: "duplicated" }]);
  await edit(journeyId, "New");
  expect(await story.run(await story.publish(journeyId))).toBe("synced");
  expect((await liveTemplates()).map((row) => row.subjectLine).sort()).toEqual(["Hello {{contact.first_name}}", "New"]);
  await audit({ byPeople: 1 });
});

const now = "2026-11-20T00:00:00.000Z";

test.each<[string, Step, object, string]>([
  ["a form that is gone", { name: "Ask", type: "form", config: { formId: "gone" } }, {}, "no form with the id gone"],
  ["a workflow that is gone", second, { ghl_workflow_id: "gone" }, "no workflow with the id gone"],
  ["a workflow that is a draft", second, { ghl_workflow_id: "draft" }, "is a draft"],
])("26: %s blocks itself, with a clear word, and nothing else", async (_, step, trigger, word) => {
  const journeyId = await story.writeJourney("Linked", [step, sms]);
  await story.call(
    "update journeys.journeys set trigger_config = $2 where id = $1 returning id",
    journeyId,
    JSON.stringify(trigger),
  );
  const locationId = story.ghlLocationId;
  const workflow = {
    id: "draft",
    locationId,
    name: "Later",
    status: "draft",
    version: 1,
    createdAt: now,
    updatedAt: now,
  };
  await story.fake("seed", { workflows: [workflow] });
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId)).toBe("partial");
  const items = await story.items(publicationId);
  const blocked = items.filter((item) => item.status !== "synced");
  expect(blocked).toMatchObject([{ asset_kind: "link", status: "blocked", last_error: expect.stringContaining(word) }]);
  expect(writesOf(await story.journal()).some((write) => /forms|workflows/.test(write))).toBe(false);
  await audit();
});

test("27: one refused of ten leaves nine, and is retried alone", async () => {
  const steps = Array.from({ length: 10 }, (_, number) => ({ ...sms, name: `SMS ${number}` }));
  const { publicationId } = await begin("Nine", steps);
  await story.fault({ kind: "status", status: 422, body: '{"message":["no"]}', method: "POST", skip: 4 });
  expect(await story.run(publicationId)).toBe("partial");
  expect(await story.publication(publicationId)).toMatchObject({ items_synced: 9, items_failed: 1 });
  const before = (await story.journal()).length;
  await retry(publicationId);
  expect(await story.run(publicationId)).toBe("synced");
  expect(writesOf((await story.journal()).slice(before))).toHaveLength(1);
  await audit();
});

test("29: a custom value of a person that takes our key is not overwritten", async () => {
  const journeyId = await story.writeJourney("Taken", [sms]);
  const [ours] = await story.tokens(journeyId, "Nudge");
  const theirs = {
    id: "theirs",
    locationId: story.ghlLocationId,
    name: `my ${ours}`,
    value: "Mine",
    fieldKey: "",
    listedFrom: 0,
  };
  await story.fake("seed", { customValues: [theirs] });
  const publicationId = await story.publish(journeyId);
  expect(await story.run(publicationId)).toBe("failed");
  expect(await statuses(publicationId)).toEqual(["conflict"]);
  expect((await story.state()).customValues).toEqual([theirs]);
  await audit();
});

test("30: GoHighLevel away for long is left alone, and recovers unattended", async () => {
  const { publicationId } = await begin("Away");
  await story.fault({ kind: "maintenance", count: 1_000 });
  const timing = { ...hasty, breakerFailures: 2, breakerOpenMs: 60_000, alarmAfterMs: -1 };
  for (let round = 0; round < 3; round += 1) {
    expect(await story.run(publicationId, { timing })).toBe("deferred");
    await story.wake(publicationId);
  }
  expect((await story.journal()).length).toBe(4);
  expect(lines.some((line) => line.includes("has not answered for a location for long"))).toBe(true);
  await fetch(`${story.sandbox.url}/__fake/faults`, { method: "DELETE" });
  expect(await story.run(publicationId)).toBe("synced");
  await audit();
});

test("32: the database's connection lost between answer and commit is found again", async () => {
  const { publicationId } = await begin("Restarted", [email]);
  await story.fault({ kind: "delay", method: "POST", path: "templates$", ms: 150 });
  const running = story.run(publicationId).catch((error: Error) => error);
  while (!(await story.journal()).some((entry) => entry.path.endsWith("templates") && entry.method === "POST")) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // New connections are refused until the answer has come.
  await story.database.query("update publishing.publications set lease_token = gen_random_uuid() where id = $1", [
    publicationId,
  ]);
  await story.database.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test worker'",
  );
  await running;
  await story.database.query(
    "update publishing.publications set lease_expires_at = now() - interval '1 s' where id = $1",
    [publicationId],
  );
  expect(await story.run(publicationId)).toBe("synced");
  await audit();
});

test("34: attempts that are used up are visible with their cause and trace, and retried by one word", async () => {
  const { publicationId } = await begin("Exhausted", [sms]);
  await story.fault({ kind: "status", status: 503, body: '{"message":"Unavailable","traceId":"trace-1"}', count: 4 });
  expect(await story.run(publicationId)).toBe("failed");
  const [item] = await story.database.query(
    "select status, attempts, last_error, error_class, trace_id from publishing.publication_items where publication_id = $1",
    [publicationId],
  );
  expect(item).toMatchObject({
    attempts: 4,
    error_class: "transient",
    trace_id: "trace-1",
    last_error: expect.stringContaining("Unavailable"),
  });
  await retry(publicationId);
  expect(await story.run(publicationId)).toBe("synced");
  await audit();
});

test("35: an error while the error is written down loses neither the call nor the item", async () => {
  const { publicationId } = await begin("Broken record", [sms]);
  await story.database.query(`create function public.refuse_once() returns trigger language plpgsql as $$
    begin if new.error_class = 'rejected' then raise exception 'the disk is full'; end if; return new; end $$`);
  await story.database.query(
    "create trigger refuse_once before update on publishing.publication_items for each row execute function public.refuse_once()",
  );
  await story.fault({ kind: "status", status: 422, body: '{"message":["no"]}', method: "POST" });
  await expect(story.run(publicationId)).rejects.toThrow("the disk is full");
  await story.database.query("drop trigger refuse_once on publishing.publication_items");
  await story.database.query("drop function public.refuse_once()");
  expect((await story.calls(publicationId)).some((call) => call.error_class === "rejected")).toBe(true);
  await story.database.query(
    "update publishing.publications set lease_expires_at = now() - interval '1 s' where id = $1",
    [publicationId],
  );
  expect(await story.run(publicationId)).toBe("synced");
  await audit();
});

test("36: emoji, merge fields, 300 kB of HTML and plain text go there and back", async () => {
  const long = {
    name: "Long",
    type: "email",
    content: { subject: "\u{1f600} {{contact.firstName}}", html: `<p>${"\u00e4 ".repeat(150_000)}</p>` },
  };
  const body = "One\nline\n\nParagraph <3 {{custom_values.nowhere}}";
  const plain = { name: "Plain", type: "email", content: { subject: "Two\nlines", body } };
  const { publicationId } = await begin("Content", [long, plain]);
  expect(await story.run(publicationId)).toBe("synced");
  const templates = await liveTemplates();
  expect(templates.find((row) => row.name.includes("Long"))?.subjectLine).toBe("\u{1f600} {{contact.first_name}}");
  expect(templates.find((row) => row.name.includes("Plain"))?.editorContent).toContain(
    "<p>One<br>\nline</p>\n<p>Paragraph &lt;3 {{custom_values.nowhere}}</p>",
  );
  const [flagged] = await story.database.query(
    "select findings from publishing.publication_items where publication_id = $1 and name = 'Plain'",
    [publicationId],
  );
  expect(flagged).toEqual({ findings: [{ kind: "unknown_custom_value", detail: "{{custom_values.nowhere}}" }] });
  await audit();
});

test("37: several locations at once stay each within its limit, and none waits for another", async () => {
  const limit = { max: 20, intervalMs: 500 };
  await story.fake("limits", { ...limit, daily: 100_000 });
  const publications: string[] = [];
  for (let number = 0; number < 4; number += 1) {
    await story.newClient();
    const steps = Array.from({ length: 8 }, (_, index) => ({ ...sms, name: `SMS ${index}` }));
    publications.push((await begin(`Many ${number}`, steps)).publicationId);
  }
  expect(await Promise.all(publications.map((id) => story.run(id)))).toEqual(Array(4).fill("synced"));
  expect((await story.journal()).filter((entry) => entry.status === 429)).toEqual([]);
  await audit({ limit });
});

test("a long run lets others go first, and goes on", async () => {
  const { publicationId } = await begin("Long", [email, second]);
  await story.newClient();
  const { publicationId: waiting } = await begin("Waiting", [sms]);
  const timing = { ...hasty, turnMs: 0 };
  expect(await story.run(publicationId, { timing })).toBe("queued");
  expect(await story.run(waiting)).toBe("synced");
  await story.database
    .query("update publishing.publications set status = 'superseded' where status = 'queued' and id <> $1", [
      publicationId,
    ])
    .catch(() => undefined);
  expect(await story.run(publicationId)).toBe("synced");
  await audit();
});

test("39 and 40: for every object it can be said who approved what, when, and by which calls; and no secret is anywhere", async () => {
  const { publicationId } = await begin("Audited");
  expect(await story.run(publicationId)).toBe("synced");
  const rows = await story.database.query(
    `select i.asset_kind, v.version, o.synced_hash, u.name as approved_by, a.reviewed_at,
       array(select c.method || ' ' || c.http_status from publishing.api_calls c where c.tenant_id = i.tenant_id and c.item_id = i.id and c.method <> 'GET') as writes,
       (select max(c.trace_id) from publishing.api_calls c where c.tenant_id = i.tenant_id and c.item_id = i.id) as trace_id
     from publishing.remote_objects o
     join journeys.journey_versions v on v.tenant_id = o.tenant_id and v.id = o.journey_version_id
     join journeys.approvals a on a.tenant_id = v.tenant_id and a.journey_version_id = v.id and a.status = 'approved'
     join tenancy.users u on u.id = a.reviewer_id
     join publishing.publication_items i on i.tenant_id = o.tenant_id and i.token = o.token
     where i.publication_id = $1`,
    [publicationId],
  );
  expect(rows).toHaveLength(3);
  for (const row of rows) {
    expect(row).toMatchObject({
      version: 1,
      approved_by: "Ada",
      reviewed_at: expect.any(Date),
      synced_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      writes: ["POST 201"],
      // Not every answer of GoHighLevel names the call.
      ...(row.asset_kind === "template" ? { trace_id: expect.any(String) } : {}),
    });
  }
  expect(lines.length).toBeGreaterThan(0);
  await audit();
});
