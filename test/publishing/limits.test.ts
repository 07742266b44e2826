import { randomUUID } from "node:crypto";
import { locationSecretContext, sealPair } from "../../src/publishing/credentials.ts";
import { beginStory, hasty, type Story } from "./story.ts";

const app = { clientId: "app", clientSecret: "oauth-secret-canary" };
const sms = { name: "Nudge", type: "sms", content: { body: "Hi" } };
const email = { name: "Welcome", type: "email", content: { subject: "Hello", body: "Thank you." } };

let story: Story;

beforeAll(async () => {
  story = await beginStory({ apps: [app], tokens: [{ token: "pit-sandbox-00000000-0000-4000-8000-000000000000" }] });
});

afterAll(() => story.end());

beforeEach(async () => {
  await story.fake("reset", {});
  await story.newClient();
});

async function asWorker<Row>(sql: string, values: unknown[]): Promise<Row[]> {
  const client = await story.worker.connect();
  try {
    await client.query("begin");
    await client.query("select set_config('app.tenant_id', $1, true)", [story.tenantId]);
    const { rows } = await client.query(sql, values);
    await client.query("commit");
    return rows as Row[];
  } finally {
    client.release();
  }
}

/** The location's row, known without publishing anything. */
async function locationId(): Promise<string> {
  const [row] = await asWorker<{ id: string }>(
    "insert into publishing.locations (tenant_id, client_id, ghl_location_id) values ($1, $2, $3) returning id",
    [story.tenantId, story.clientId, story.ghlLocationId],
  );
  return row?.id ?? "";
}

type Turn = { obstacle: string | null; wait_ms: number };

describe("the budget of calls", () => {
  let place: string;
  let key: string;

  beforeEach(async () => {
    place = await locationId();
    key = randomUUID();
  });

  /** So many turns asked for at once. */
  const take = (count = 1, patienceMs = 1_000_000) =>
    asWorker<Turn>(
      "select turn.* from generate_series(1, $4) cross join lateral app_private.take_call($1, $2, $3 + 0 * generate_series) turn",
      [place, key, patienceMs, count],
    );

  async function learn(rate: object, errorClass: string | null = null) {
    const call = { phase: "search", method: "GET", path: "/x", status: 200, ms: 1, rate, errorClass };
    const breaker = { failures: 3, openMs: 10_000, longestMs: 30_000 };
    const [row] = await asWorker<{ circuit_wait_ms: number | null }>(
      "select * from app_private.record_call($1, $2, $3, $4)",
      [place, key, JSON.stringify(call), JSON.stringify(breaker)],
    );
    return row?.circuit_wait_ms ?? null;
  }

  test("spreads what it gives, so that no window holds more than nine tenths of what is allowed", async () => {
    await take();
    await learn({
      max: 100,
      intervalMs: 10_000,
      remaining: 99,
      dailyLimit: 200_000,
      dailyRemaining: 199_999,
      dailyResetMs: 1e6,
    });
    await story.database.query("update app_private.call_budgets set turns = 15 where key = $1", [key]);
    const waits = (await take(90)).map((turn) => turn.wait_ms);
    expect(waits.filter((ms) => ms === 0).length).toBeGreaterThanOrEqual(15);
    for (let start = 0; start < waits.length; start += 1) {
      const first = waits[start] ?? 0;
      const inWindow = waits.filter((ms) => ms >= first && ms < first + 10_000).length;
      expect(inWindow).toBeLessThanOrEqual(90);
    }
    expect(Math.max(...waits)).toBeGreaterThan(9_000);
  });

  test("assumes a trial account's limits until it has learnt others", async () => {
    const waits = (await take(6)).map((turn) => turn.wait_ms);
    expect(waits[0]).toBeLessThan(10);
    expect(waits.at(-1)).toBeGreaterThan(2_000);
  });

  test("gives no turn that is further away than the caller is patient, and takes none for it", async () => {
    await take();
    const [refused] = await take(1, 100);
    expect(refused).toMatchObject({ obstacle: "busy" });
    const [again] = await take(1, 100);
    expect(again?.wait_ms).toBeLessThanOrEqual(refused?.wait_ms ?? 0);
  });

  test("keeps a reserve of the day for others, and goes on after the reset", async () => {
    await take();
    await learn({
      max: 100,
      remaining: 50,
      intervalMs: 10_000,
      dailyLimit: 5_000,
      dailyRemaining: 500,
      dailyResetMs: 3_600_000,
    });
    const [refused] = await take();
    expect(refused).toMatchObject({ obstacle: "daily" });
    expect(refused?.wait_ms).toBeGreaterThan(3_000_000);
    await story.database.query("update app_private.call_budgets set daily_reset_at = now() where key = $1", [key]);
    expect((await take())[0]).toMatchObject({ obstacle: null });
  });

  test("leaves what little is left of a window to others", async () => {
    await take();
    await learn({ max: 100, remaining: 9, intervalMs: 10_000 });
    expect((await take())[0]?.wait_ms).toBeGreaterThan(8_000);
  });

  test("opens the circuit after calls without an answer, longer each time, and closes it with the first answer", async () => {
    await take();
    expect(await learn({}, "transient")).toBeNull();
    expect(await learn({}, "ambiguous")).toBeNull();
    expect(await learn({}, "transient")).toBeCloseTo(10_000, -2);
    expect((await take())[0]).toMatchObject({ obstacle: "circuit" });
    expect(await learn({}, "transient")).toBeCloseTo(20_000, -2);
    expect(await learn({}, "transient")).toBeCloseTo(30_000, -2);
    expect(await story.location()).toMatchObject({ failure_streak: 5, first_failed_at: expect.any(Date) });
    await learn({});
    expect(await story.location()).toMatchObject({ failure_streak: 0, first_failed_at: null, retry_at: null });
    expect((await take())[0]).toMatchObject({ obstacle: null });
  });

  test("gives no turn while the location is paused or waits for a person", async () => {
    await asWorker(
      "update publishing.locations set status = 'paused', paused_until = now() + interval '1 h' where id = $1",
      [place],
    );
    expect((await take())[0]).toMatchObject({ obstacle: "paused" });
    await asWorker(
      "update publishing.locations set status = 'blocked', status_reason = 'scope', paused_until = null where id = $1",
      [place],
    );
    expect((await take())[0]).toMatchObject({ obstacle: "blocked", reason: "scope", wait_ms: null });
  });
});

test("every call is written down with its phase, end and limits, and without what was sent", async () => {
  const journeyId = await story.writeJourney("Recorded", [email]);
  const publicationId = await story.publish(journeyId);
  await story.fault(
    { kind: "status", status: 503, method: "PATCH" },
    { kind: "content-dropped", method: "POST", path: "templates$" },
  );
  expect(await story.run(publicationId)).toBe("synced");
  const calls = await story.calls(publicationId);
  expect(calls.map((call) => call.phase)).toEqual([
    ...["search", "search", "create", "search", "search"],
    ...["search", "search", "search", "create", "verify", "update"],
    ...["update", "verify"],
  ]);
  expect(calls.find((call) => call.http_status === 503)).toMatchObject({
    phase: "update",
    method: "PATCH",
    error_class: "transient",
    path: expect.stringMatching(/templates\/[0-9a-f]{24}$/),
  });
  expect(calls[0]).toMatchObject({ rate_max: 100_000, trace_id: expect.any(String), error_class: null });
  expect(JSON.stringify(calls)).not.toContain("Thank you");
  const journal = await story.journal();
  expect(calls.map((call) => call.trace_id).filter((id) => id !== null)).toEqual(
    journal.filter((entry) => entry.fault !== "status").map((entry) => entry.traceId),
  );
});

test("a location that answers nobody is left alone, costs no attempt, and goes on by itself", async () => {
  const timing = { ...hasty, breakerFailures: 2, breakerOpenMs: 60_000, longestWaitMs: 1_000 };
  const journeyId = await story.writeJourney("Down", [sms]);
  const publicationId = await story.publish(journeyId);
  await story.fault({ kind: "maintenance", count: 30 });
  expect(await story.run(publicationId, { timing })).toBe("deferred");
  expect((await story.journal()).length).toBe(2);
  for (let round = 0; round < 2; round += 1) {
    await story.wake(publicationId);
    expect(await story.run(publicationId, { timing })).toBe("deferred");
  }
  expect((await story.journal()).length).toBe(4);
  expect((await story.items(publicationId))[0]).toMatchObject({ status: "pending", attempts: 1 });
  expect(await story.location()).toMatchObject({ failure_streak: 4, status: "active" });
  await fetch(`${story.sandbox.url}/__fake/faults`, { method: "DELETE" });
  await story.wake(publicationId);
  expect(await story.run(publicationId, { timing })).toBe("synced");
});

describe("a location of an OAuth app", () => {
  const refreshToken = "oauth-refresh-canary";

  async function connect(expiresAt = 0) {
    await story.token({ token: "oauth-access-canary", kind: "oauth", refreshToken, state: "active" });
    const context = locationSecretContext(story.tenantId, story.clientId);
    const pair = {
      oauthClientId: app.clientId,
      oauthClientSecret: app.clientSecret,
      accessToken: "oauth-access-canary",
      refreshToken,
      expiresAt,
    };
    const sealed = sealPair(story.database.secretKey, pair, context);
    await story.asAdmin((client) =>
      client.query("select app.set_location_token($1, $2, 'oauth')", [story.clientId, sealed]),
    );
  }

  const refreshes = async () => (await story.journal()).filter((entry) => entry.path === "/oauth/token").length;

  test("is renewed before its token ends, once for all workers, and goes on", async () => {
    await connect();
    const ids = [];
    for (const name of ["One", "Two"]) ids.push(await story.publish(await story.writeJourney(name, [sms])));
    expect(await story.run(ids[0] as string)).toBe("synced");
    expect(await story.run(ids[1] as string)).toBe("synced");
    expect(await refreshes()).toBe(1);
    expect(await story.location()).toMatchObject({ auth_kind: "oauth", status: "active" });
  });

  test("is renewed once when GoHighLevel refuses its token in the middle", async () => {
    await connect(Date.now() + 86_000_000);
    const publicationId = await story.publish(await story.writeJourney("Expired", [sms, email]));
    await story.fault({ kind: "deed", method: "POST", deed: { deed: "expire-token", token: "oauth-access-canary" } });
    expect(await story.run(publicationId)).toBe("synced");
    expect(await refreshes()).toBe(1);
    expect((await story.state()).customValues).toHaveLength(1);
  });

  test("whose refresh token is dead waits for a person, with no attempt spent, and goes on when connected anew", async () => {
    await connect();
    // The reply to the renewal is lost: the old pair is used up, the new one unknown.
    await story.fault({ kind: "commit-then-reset", path: "oauth/token" });
    const publicationId = await story.publish(await story.writeJourney("Lost", [sms]));
    expect(await story.run(publicationId)).toBe("deferred");
    await story.wake(publicationId);
    expect(await story.run(publicationId)).toBe("blocked");
    expect(await story.location()).toMatchObject({
      status: "needs_reauth",
      status_reason: expect.stringContaining("setLocationOauth"),
    });
    expect((await story.items(publicationId))[0]).toMatchObject({ status: "pending", attempts: 0 });
    await connect();
    expect(await story.publication(publicationId)).toMatchObject({ status: "queued" });
    expect(await story.run(publicationId)).toBe("synced");
  });
});
