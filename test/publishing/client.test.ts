import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Client, type ClientOptions, createClient } from "../../src/publishing/client.ts";
import { classifyRejection, decisions } from "../../src/publishing/outcomes.ts";
import type { FaultInput } from "../../src/sandbox/gohighlevel/faults.ts";
import { type Sandbox, startGohighlevelSandbox } from "../../src/sandbox/gohighlevel/server.ts";

const token = "pit-canary-5e1f";
const locationId = "ve9EPM428h8vShlRW1KT";
const fields = {
  name: "One ppabc",
  subjectLine: "S",
  previewText: "P",
  editorType: "html" as const,
  editorContent: "<p>1</p>",
};

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startGohighlevelSandbox({ tokens: [{ token, locationIds: [locationId] }] });
});

afterEach(() => sandbox.close());

function client(options: Partial<ClientOptions> = {}): Client {
  return createClient({
    baseUrl: sandbox.url,
    token,
    locationId,
    userAgent: "Landfall/0.1 (+https://example.com)",
    timeoutMs: 5_000,
    ...options,
  });
}

async function fault(...faults: FaultInput[]) {
  const response = await fetch(`${sandbox.url}/__fake/faults`, { method: "POST", body: JSON.stringify(faults) });
  expect(response.status).toBe(200);
}

test("can create a folder and a template in it, find it, change it, and read it back", async () => {
  const folder = await client().createFolder("Inquiry ppf");
  if (folder.class !== "done") throw new Error(folder.messages.join());
  const made = await client().createTemplate(fields, folder.data.id);
  if (made.class !== "done") throw new Error(made.messages.join());
  expect(made).toMatchObject({ status: 201, traceId: expect.any(String), rate: { max: 100, intervalMs: 10_000 } });
  const found = await client().listTemplates({ offset: 0, archived: false, include: "all", search: "ppabc" });
  expect(found).toMatchObject({ class: "done", data: { total: 1, items: [{ id: made.data.id, name: fields.name }] } });
  await client().updateTemplate(made.data.id, { ...fields, editorContent: "<p>2</p>" });
  const read = await client().getTemplate(made.data.id);
  if (read.class !== "done") throw new Error(read.messages.join());
  expect(read.data).toMatchObject({ subject: "S", previewText: "P", parentFolderId: folder.data.id });
  const content = await client().getContent(read.data.editorContentUrl ?? "");
  expect(content).toMatchObject({ class: "done", data: expect.stringContaining("<p>2</p>") });
});

test("can create, change and read a custom value", async () => {
  const made = await client().createCustomValue({ name: "N", value: "1" });
  if (made.class !== "done") throw new Error(made.messages.join());
  await client().updateCustomValue(made.data.customValue.id, { name: "N", value: "2" });
  expect(await client().getCustomValue(made.data.customValue.id)).toMatchObject({
    data: { customValue: { value: "2" } },
  });
  expect(await client().listCustomValues()).toMatchObject({ data: { customValues: [{ name: "N", value: "2" }] } });
});

describe("what an answer means", () => {
  const json = { isJson: true, dailyRemaining: 1_000 };
  test.each([
    [422, ["property x should not exist"], "rejected", "rejected"],
    [400, ["Bad Request"], "rejected", "rejected"],
    [401, ["Invalid token: access token is invalid"], "auth", "auth"],
    [401, ["The token is not authorized for this scope."], "config", "config"],
    [401, ["Token's user type mismatch!"], "config", "config"],
    [401, ["This authClass type is not allowed to access this scope"], "config", "config"],
    [403, ["The token does not have access to this location."], "config", "config"],
    [404, ["Cannot POST /emails/locations/x/templates"], "contract", "contract"],
    [404, ["Template Not Found"], "gone", "gone"],
    [409, ["conflict"], "rejected", "rejected"],
    [429, ["Too Many Requests"], "rate_burst", "rate_burst"],
    [500, ["Internal Server Error"], "ambiguous", "transient"],
    [503, [], "ambiguous", "transient"],
    [302, [], "contract", "contract"],
  ] as const)("%i %j is %s for a create and %s for the rest", (status, messages, onCreate, otherwise) => {
    expect(classifyRejection({ status, messages: [...messages], ...json }, true)).toBe(onCreate);
    expect(classifyRejection({ status, messages: [...messages], ...json }, false)).toBe(otherwise);
  });

  test("429 with nothing left of the day is the daily limit", () => {
    expect(classifyRejection({ status: 429, messages: [], isJson: true, dailyRemaining: 0 }, true)).toBe("rate_daily");
  });

  test("403 as a page is the edge", () => {
    expect(
      classifyRejection({ status: 403, messages: ["error code: 1010"], isJson: false, dailyRemaining: null }, true),
    ).toBe("edge");
  });

  test("every class says what to do, and only what waits for time or a person costs no attempt", () => {
    for (const decision of Object.values(decisions)) expect(decision.wayOut).toMatch(/\S/);
    const free = Object.entries(decisions).filter(([, decision]) => !decision.countsAttempt);
    expect(free.map(([name]) => name)).toEqual(["auth", "config", "edge", "contract", "rate_burst", "rate_daily"]);
  });
});

describe("no end of a call throws", () => {
  test.each([
    ["commit-then-reset", "ambiguous"],
    ["reset-before-commit", "ambiguous"],
    ["invalid-json", "ambiguous"],
    ["without-id", "ambiguous"],
    ["commit-then-status", "ambiguous"],
    ["422-but-created", "rejected"],
  ] as const)("%s on a create is %s", async (kind, expected) => {
    await fault({ kind, method: "POST" });
    expect(await client().createTemplate(fields, null)).toMatchObject({ class: expected });
  });

  test("no answer in time is ambiguous for a create and transient for a reading", async () => {
    await fault({ kind: "hang-before-commit", count: 2 });
    const hasty = client({ timeoutMs: 50 });
    expect(await hasty.createTemplate(fields, null)).toMatchObject({
      class: "ambiguous",
      status: null,
      messages: ["no answer within the time limit"],
    });
    expect(await hasty.listCustomValues()).toMatchObject({ class: "transient" });
  });

  test("nobody there is transient for a reading", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const outcome = await client({ baseUrl: `http://127.0.0.1:${port}` }).listCustomValues();
    expect(outcome).toMatchObject({ class: "transient", messages: ["the connection failed: ECONNREFUSED"] });
  });

  test.each([
    ["Nest's list", '{"statusCode":422,"message":["a","b"],"traceId":"t"}', ["a", "b"]],
    ["Nest's text", '{"statusCode":400,"message":"a"}', ["a"]],
    ["version 3's envelope", '{"error":{"code":"X","message":"a"}}', ["a"]],
    ["OAuth's pair", '{"error":"invalid_grant","error_description":"b"}', ["invalid_grant", "b"]],
    ["a page", "<html>error code: 1010</html>", ["<html>error code: 1010</html>"]],
    ["nothing", "", []],
  ])("can read the messages of %s", async (_, body, messages) => {
    await fault({ kind: "status", status: 422, body });
    expect(await client().listCustomValues()).toMatchObject({ class: "rejected", messages });
  });
});

test("the daily reset is read as a duration or as a time, and never as more than a day", async () => {
  const resets = async (header: string) => {
    await fault({
      kind: "status",
      status: 429,
      headers: { "X-RateLimit-Daily-Remaining": "0", "X-RateLimit-Daily-Reset": header },
    });
    return (await client().listCustomValues()).rate.dailyResetMs;
  };
  expect(await resets("60000")).toBe(60_000);
  expect(await resets(String(Date.now() + 3_600_000))).toBeGreaterThan(3_500_000);
  expect(await resets("999999999999")).toBe(86_400_000);
  expect(await resets("-5")).toBe(0);
  expect(await resets("soon")).toBeNull();
});

test("cannot be led to fetch content from elsewhere without https", async () => {
  expect(await client().getContent("http://169.254.169.254/latest")).toMatchObject({ class: "rejected", status: null });
  expect(await client().getContent("file:///etc/passwd")).toMatchObject({ class: "rejected", status: null });
});

test("no outcome holds the token", async () => {
  await fault({ kind: "status", status: 500, count: 1 }, { kind: "commit-then-reset", count: 1 });
  const outcomes = [
    await client().createTemplate(fields, null),
    await client().createTemplate(fields, null),
    await client({ locationId: "another" }).listCustomValues(),
    await client().listCustomValues(),
  ];
  expect(outcomes.map((outcome) => outcome.class)).toEqual(["ambiguous", "ambiguous", "config", "done"]);
  expect(JSON.stringify(outcomes)).not.toContain("canary");
});
