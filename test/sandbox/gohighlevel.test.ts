import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Sandbox, type SandboxOptions, startGohighlevelSandbox } from "../../src/sandbox/gohighlevel/server.ts";

const token = "pit-test";
const location = "ve9EPM428h8vShlRW1KT";
const templates = `/emails/locations/${location}/templates`;

let sandbox: Sandbox;

async function start(options: SandboxOptions = {}) {
  sandbox = await startGohighlevelSandbox({ tokens: [{ token, locationIds: [location] }], ...options });
}

afterEach(() => sandbox.close());

type Request = { method?: string; headers?: Record<string, string | undefined>; body?: unknown; signal?: AbortSignal };

async function call(path: string, { method = "GET", headers = {}, body, signal }: Request = {}) {
  const sent = { "User-Agent": "landfall-test/1", Version: "v3", Authorization: `Bearer ${token}`, ...headers };
  const response = await fetch(sandbox.url + path, {
    method,
    headers: Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : null };
}

async function create(name: string, extra: object = {}): Promise<string> {
  const made = await call(templates, { method: "POST", body: { name, editorType: "html", ...extra } });
  expect(made.status).toBe(201);
  return made.json.id;
}

async function names(query: string): Promise<string[]> {
  const { json } = await call(`${templates}?${query}`);
  return json.items.map((item: { name: string }) => item.name);
}

async function fault(...faults: object[]) {
  expect((await call("/__fake/faults", { method: "POST", body: faults })).status).toBe(200);
}

describe("what is checked, in GoHighLevel's order", () => {
  beforeEach(() => start({ limits: { max: 3, intervalMs: 60_000, daily: 100 } }));

  // Each request breaks every rule below its own too, so an answer proves that its rule is asked first.
  const wrongEverywhere = { Version: undefined, Authorization: undefined };

  test("cannot call with a library's default agent: 403 from the edge, in HTML", async () => {
    const answer = await call(templates, { headers: { ...wrongEverywhere, "User-Agent": "node" } });
    expect(answer.status).toBe(403);
    expect(answer.headers.get("content-type")).toContain("text/html");
    expect(answer.text).toContain("1010");
  });

  test("cannot call without a version: 401", async () => {
    const answer = await call(templates, { headers: wrongEverywhere });
    expect([answer.status, answer.json.message]).toEqual([401, "version header was not found."]);
  });

  test("cannot call with an unknown version: 400", async () => {
    const answer = await call(templates, { headers: { Version: "v9", Authorization: undefined } });
    expect([answer.status, answer.json.message]).toEqual([400, "Invalid API version segment 'v9' at position 0"]);
  });

  test("cannot call without a known token: 401", async () => {
    const elsewhere = "/emails/locations/other/nothing";
    for (const authorization of [undefined, "Bearer nobody"]) {
      const answer = await call(elsewhere, { headers: { Authorization: authorization } });
      expect([answer.status, answer.json.message]).toEqual([401, "Invalid token: access token is invalid"]);
    }
  });

  test("cannot call another location: 403, before its path is looked at", async () => {
    const answer = await call("/emails/locations/other/nothing");
    expect([answer.status, answer.json.message]).toEqual([403, "The token does not have access to this location."]);
  });

  test("cannot call more often than the limit allows: 429, before the path is looked at", async () => {
    for (const remaining of ["2", "1", "0"]) {
      const answer = await call(templates);
      expect(answer.headers.get("x-ratelimit-remaining")).toBe(remaining);
    }
    const refused = await call(`${templates}/x/nothing`);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("x-ratelimit-max")).toBe("3");
    expect(refused.headers.get("x-ratelimit-interval-milliseconds")).toBe("60000");
    expect(refused.headers.get("x-ratelimit-daily-remaining")).toBe("97");
    await call("/__fake/clock", { method: "POST", body: { advanceMs: 60_000 } });
    expect((await call(templates)).status).toBe(200);
  });

  test("cannot reach the templates of version 3 under another version: 404 of the gateway", async () => {
    const answer = await call(templates, { headers: { Version: "2021-07-28" } });
    expect([answer.status, answer.json.message]).toEqual([404, `Cannot GET ${templates}`]);
  });

  test("cannot create a workflow: 404 of the gateway", async () => {
    const answer = await call("/workflows/", { method: "POST", body: {} });
    expect([answer.status, answer.json.message]).toEqual([404, "Cannot POST /workflows/"]);
  });

  test("cannot send a body that does not fit: 422 with every message", async () => {
    const answer = await call(templates, { method: "POST", body: { editorType: "markdown", subject: "Hello" } });
    expect(answer.status).toBe(422);
    expect(answer.json.message).toEqual([
      "name should not be empty",
      "editorType must be one of the following values: html, text, builder",
      "property subject should not exist",
    ]);
  });

  test("cannot use a parameter that does not belong: 422", async () => {
    const answer = await call(`${templates}?locationId=${location}`);
    expect([answer.status, answer.json.message]).toEqual([422, ["property locationId should not exist"]]);
  });
});

test("cannot use an endpoint outside the token's scopes or class: 401", async () => {
  await start({
    tokens: [
      { token, scopes: ["emails/templates.readonly"] },
      { token: "agency", class: "agency" },
    ],
  });
  const scope = await call(templates, { method: "POST", body: {} });
  expect([scope.status, scope.json.message]).toEqual([401, "The token is not authorized for this scope."]);
  const agency = await call(templates, { headers: { Authorization: "Bearer agency" } });
  expect([agency.status, agency.json.message]).toEqual([401, "Token's user type mismatch!"]);
});

describe("email templates", () => {
  beforeEach(() => start());

  test("can be created in a folder, read back, and fetched with what GoHighLevel adds", async () => {
    const folder = await call(`${templates}/folders`, { method: "POST", body: { name: "Inquiry" } });
    expect(folder.status).toBe(201);
    const id = await create("One", {
      editorContent: "<p>Hello {{contact.first_name}}</p>",
      subjectLine: "Welcome",
      previewText: "Soon",
      parentFolderId: folder.json.id,
    });
    const { json } = await call(`${templates}/${id}`);
    expect(json).toMatchObject({
      subject: "Welcome",
      previewText: "Soon",
      deleted: false,
      parentFolderId: folder.json.id,
    });
    const content = await (await fetch(json.editorContentUrl)).text();
    expect(content).toBe("<p>Hello {{contact.first_name}}</p>\n<!-- outlook-fixes-applied -->");
  });

  test("can bear the same name twice", async () => {
    expect(await create("Same")).not.toBe(await create("Same"));
  });

  test("are listed one folder level at a time; search finds them on every level and folders on none", async () => {
    const folder = await call(`${templates}/folders`, { method: "POST", body: { name: "Folder ppa" } });
    await create("Inside ppa", { parentFolderId: folder.json.id });
    await create("Outside");
    expect(await names("limit=20")).toEqual(expect.arrayContaining(["Folder ppa", "Outside"]));
    expect(await names("limit=20")).toHaveLength(2);
    expect(await names(`folderId=${folder.json.id}`)).toEqual(["Inside ppa"]);
    expect(await names("search=PPA")).toEqual(["Inside ppa"]);
    expect(await names("include=folders")).toEqual(["Folder ppa"]);
    expect(await names(`parentFolderId=${folder.json.id}`)).toHaveLength(2);
  });

  test("are listed at most twenty at a time, archived ones apart", async () => {
    for (let number = 1; number <= 21; number += 1) await create(`Number ${number}`);
    const page = await call(`${templates}?limit=20`);
    expect([page.json.items.length, page.json.total]).toEqual([20, 21]);
    expect(await names("limit=20&offset=20")).toHaveLength(1);
    expect((await call(`${templates}?limit=21`)).json.message).toEqual(["limit must not be greater than 20"]);
    const id = await create("Old");
    await call(`${templates}/${id}`, { method: "PATCH", body: { archived: true } });
    expect(await names("archived=true")).toEqual(["Old"]);
    expect(await names("search=Old")).toEqual([]);
  });

  test("lose what an update does not name, as has been seen", async () => {
    const id = await create("One", { subjectLine: "Welcome", editorContent: "<p>1</p>" });
    await call(`${templates}/${id}`, { method: "PATCH", body: { name: "Two" } });
    expect((await call(`${templates}/${id}`)).json).toMatchObject({ name: "Two", subject: "" });
  });

  test("cannot get content without its type: 422", async () => {
    const id = await create("One");
    const answer = await call(`${templates}/${id}`, { method: "PATCH", body: { editorContent: "<p>2</p>" } });
    expect([answer.status, answer.json.message]).toEqual([
      422,
      ["editorContent and editorType must be provided together"],
    ]);
  });

  test("cannot be made by the builder: 500 and a half-made template", async () => {
    const answer = await call(templates, {
      method: "POST",
      body: { name: "Half", editorType: "builder", editorContent: "{}" },
    });
    expect(answer.status).toBe(500);
    expect(await names("search=Half")).toEqual(["Half"]);
  });

  test("cannot be found once deleted: 404 with code 5005", async () => {
    const id = await create("One");
    expect((await call(`${templates}/${id}`, { method: "DELETE" })).json.deleted).toBe(true);
    const answer = await call(`${templates}/${id}`);
    expect([answer.status, answer.json.code]).toEqual([404, 5005]);
  });
});

test("custom values can be created, listed, changed and deleted; the key keeps the first name", async () => {
  await start();
  const path = `/locations/${location}/customValues`;
  const headers = { Version: "2021-07-28" };
  const made = await call(path, { method: "POST", headers, body: { name: "PP inquiry 03 SMS", value: "Hi" } });
  expect(made.status).toBe(201);
  const { id, fieldKey } = made.json.customValue;
  expect(fieldKey).toBe("{{ custom_values.pp_inquiry_03_sms }}");
  await call(`${path}/${id}`, { method: "PUT", headers, body: { name: "Other", value: "Ho" } });
  const listed = await call(path, { headers });
  expect(listed.json.customValues).toEqual([{ id, name: "Other", fieldKey, value: "Ho", locationId: location }]);
  expect((await call(`${path}/${id}`, { method: "PUT", headers, body: { name: "Other" } })).json.message).toEqual([
    "value should not be empty",
  ]);
  expect((await call(`${path}/${id}`, { method: "DELETE", headers })).status).toBe(200);
  expect((await call(`${path}/${id}`, { headers })).status).toBe(404);
});

test("tags are lower-cased and unique; workflows, pipelines, forms and the location can be read", async () => {
  await start();
  await call("/__fake/seed", {
    method: "POST",
    body: {
      locations: [{ id: location, name: "Bloom", timezone: "UTC" }],
      workflows: [
        { id: "w", locationId: location, name: "W", status: "draft", version: 1, createdAt: "", updatedAt: "" },
      ],
      forms: [{ id: "f", locationId: location, name: "F" }],
    },
  });
  const tags = `/locations/${location}/tags`;
  expect((await call(tags, { method: "POST", body: { name: "Journey:A" } })).json.tag.name).toBe("journey:a");
  expect((await call(tags, { method: "POST", body: { name: "journey:A" } })).json.message).toBe(
    "The tag name is already exist.",
  );
  expect((await call(`/workflows/?locationId=${location}`)).json.workflows).toHaveLength(1);
  expect((await call(`/opportunities/pipelines?locationId=${location}`)).json.pipelines).toEqual([]);
  expect((await call(`/forms/?locationId=${location}`)).json.total).toBe(1);
  expect((await call(`/locations/${location}`)).json.location.name).toBe("Bloom");
});

describe("faults", () => {
  beforeEach(() => start());

  test("can commit and then say nothing, or cut the line", async () => {
    await fault({ kind: "commit-then-hang", method: "POST" }, { kind: "commit-then-reset", method: "POST" });
    const body = { name: "Quiet", editorType: "html" };
    await expect(call(templates, { method: "POST", body, signal: AbortSignal.timeout(100) })).rejects.toThrow();
    await expect(call(templates, { method: "POST", body })).rejects.toThrow();
    expect(await names("search=Quiet")).toHaveLength(2);
    const { json } = await call("/__fake/journal");
    expect(json.slice(0, 2)).toMatchObject([
      { fault: "commit-then-hang", committed: true, status: null },
      { fault: "commit-then-reset", committed: true, status: null },
    ]);
  });

  test("can refuse what was created, or create without content", async () => {
    await fault({ kind: "422-but-created", method: "POST" }, { kind: "content-dropped", method: "POST" });
    const body = { name: "Odd", editorType: "html", editorContent: "<p>1</p>", subjectLine: "S" };
    expect((await call(templates, { method: "POST", body })).status).toBe(422);
    const made = await call(templates, { method: "POST", body });
    expect([made.status, made.json.subjectLine]).toEqual([201, "S"]);
    expect((await call(`${templates}/${made.json.id}`)).json.subject).toBe("");
    expect(await names("search=Odd")).toHaveLength(2);
  });

  test("can answer in pieces, or without an id", async () => {
    await fault({ kind: "invalid-json", method: "POST" }, { kind: "without-id", method: "POST" });
    const body = { name: "Piece", editorType: "html" };
    await expect(call(templates, { method: "POST", body })).rejects.toThrow(SyntaxError);
    expect((await call(templates, { method: "POST", body })).json.id).toBeUndefined();
  });

  test("can hide a new template from lists until its time", async () => {
    await fault({ kind: "list-lag", method: "POST", ms: 60_000 });
    const id = await create("Late");
    expect(await names("search=Late")).toEqual([]);
    expect((await call(`${templates}/${id}`)).status).toBe(200);
    await call("/__fake/clock", { method: "POST", body: { advanceMs: 60_000 } });
    expect(await names("search=Late")).toEqual(["Late"]);
  });

  test("can be counted: pass some calls, then hit some", async () => {
    await fault({
      kind: "status",
      status: 503,
      path: "templates$",
      skip: 1,
      count: 2,
      body: "<html>",
      contentType: "text/html",
    });
    const statuses = [];
    for (let number = 0; number < 4; number += 1) statuses.push((await call(templates)).status);
    expect(statuses).toEqual([200, 503, 503, 200]);
  });
});

describe("the builder of before version 3", () => {
  const headers = { Version: "2021-07-28" };
  beforeEach(() => start());

  test("loses the name and the content it is sent, and is filled by a second call", async () => {
    const body = { locationId: location, type: "html", name: "Mine", html: "<p>1</p>" };
    const made = await call("/emails/builder", { method: "POST", headers, body });
    expect([made.status, made.json.redirect]).toEqual([201, made.json.id]);
    expect(await names("search=Mine")).toEqual([]);
    expect(await names("search=New Template")).toEqual(["New Template"]);
    const id = made.json.id as string;
    const data = {
      locationId: location,
      templateId: id,
      updatedBy: "u",
      dnd: {},
      html: "<p>2</p>",
      editorType: "html",
    };
    expect((await call("/emails/builder/data", { method: "POST", headers, body: data })).status).toBe(201);
    expect((await call(`/storage/email-templates/${id}.html`)).text).toContain("<p>2</p>");
    const patch = { locationId: location, name: "Renamed" };
    expect((await call(`/emails/builder/${id}`, { method: "PATCH", headers, body: patch })).status).toBe(200);
    const listed = await call(`/emails/builder?locationId=${location}`, { headers });
    expect(listed.json).toMatchObject({ builders: [{ id, name: "Renamed" }], total: [{ total: 1 }] });
    expect((await call(`${templates}/${id}`)).json.name).toBe("Renamed");
    expect((await call(`/emails/builder/${location}/${id}`, { method: "DELETE", headers })).status).toBe(200);
    expect((await call(`${templates}/${id}`)).status).toBe(404);
  });

  test("insists on importProvider where it is told to follow its specification", async () => {
    await call("/__fake/switches", { method: "POST", body: { importProvider: "required" } });
    const body = { locationId: location, type: "html" };
    expect((await call("/emails/builder", { method: "POST", headers, body })).status).toBe(422);
  });
});

test("snippets can be listed and deleted, and written with no token at all: 401", async () => {
  await start();
  const path = `/locations/${location}/templates`;
  const dateAdded = "2026-01-01T00:00:00.000Z";
  const snippet = { id: "s1", locationId: location, name: "Hi", type: "sms", body: "Hi there", dateAdded };
  await call("/__fake/seed", { method: "POST", body: { snippets: [snippet] } });
  const listed = await call(`${path}?originId=${location}&type=sms`);
  expect(listed.json).toMatchObject({ totalCount: 1, templates: [{ id: "s1", template: { body: "Hi there" } }] });
  for (const [method, end] of [
    ["POST", ""],
    ["PUT", "/s1"],
  ]) {
    const refused = await call(path + end, { method: method as string, body: { name: "x" } });
    expect([refused.status, refused.json.message]).toEqual([401, "The token is not authorized for this scope."]);
  }
  expect((await call(`${path}/s1`, { method: "DELETE" })).status).toBe(200);
  expect((await call(`${path}?originId=${location}`)).json.totalCount).toBe(0);
});

describe("OAuth", () => {
  const app = { clientId: "app", clientSecret: "shh" };
  const company = { token: "company", kind: "oauth", class: "agency", refreshToken: "r0" } as const;

  beforeEach(() =>
    start({
      tokens: [{ token: "a1", kind: "oauth", refreshToken: "r1", locationIds: [location] }, company],
      apps: [app],
    }),
  );

  async function refresh(refreshToken: string, secret = app.clientSecret) {
    return call("/oauth/token", {
      method: "POST",
      body: { clientId: app.clientId, clientSecret: secret, grantType: "refresh_token", refreshToken },
    });
  }

  test("rotates: a refresh token gives one new pair and then nothing more", async () => {
    const first = await refresh("r1");
    expect(first.json).toMatchObject({ expiresIn: 86_399, locationId: location });
    const headers = { Authorization: `Bearer ${first.json.accessToken}` };
    expect((await call(templates, { headers })).status).toBe(200);
    const again = await refresh("r1");
    expect([again.status, again.json.error]).toEqual([400, "invalid_grant"]);
    expect((await refresh(first.json.refreshToken)).status).toBe(200);
    expect((await refresh("r0", "wrong")).json.error).toBe("invalid_client");
  });

  test("looks at a code before the credentials: 401", async () => {
    const body = { clientId: "nobody", clientSecret: "x", grantType: "authorization_code", code: "c" };
    const answer = await call("/oauth/token", { method: "POST", body });
    expect([answer.status, answer.json]).toEqual([
      401,
      { error: "UnAuthorized!", error_description: "Authorization code not found" },
    ]);
  });

  test("speaks forms and snake_case before version 3", async () => {
    const form = new URLSearchParams({
      client_id: app.clientId,
      client_secret: app.clientSecret,
      grant_type: "refresh_token",
      refresh_token: "r1",
    });
    const response = await fetch(`${sandbox.url}/oauth/token`, {
      method: "POST",
      headers: { "User-Agent": "landfall-test/1" },
      body: form,
    });
    expect(await response.json()).toMatchObject({ token_type: "Bearer", access_token: expect.any(String) });
  });

  test("gives an agency's app a token of one location, which the agency's own token is not", async () => {
    const headers = { Authorization: "Bearer company" };
    const refused = await call(templates, { headers });
    expect(refused.json.message).toBe("This authClass type is not allowed to access this scope.");
    const body = { companyId: "c", locationId: location };
    const made = await call("/oauth/locationToken", { method: "POST", headers, body });
    expect((await call(templates, { headers: { Authorization: `Bearer ${made.json.accessToken}` } })).status).toBe(200);
  });

  test("cannot use a token after its time: 401", async () => {
    const { json } = await refresh("r1");
    await call("/__fake/clock", { method: "POST", body: { advanceMs: 86_400_000 } });
    expect((await call(templates, { headers: { Authorization: `Bearer ${json.accessToken}` } })).status).toBe(401);
  });
});

describe("switches and people", () => {
  beforeEach(() => start());
  const set = (body: object) => call("/__fake/switches", { method: "POST", body });
  const people = (body: object) => call("/__fake/people", { method: "POST", body });

  test("can follow the other report where two disagree", async () => {
    await set({ listLimit: 50, partialUpdate: "keep", searchFolders: true, unknownVersion: 401 });
    expect((await call(`${templates}?limit=50`)).status).toBe(200);
    const id = await create("Kept", { subjectLine: "S" });
    await call(`${templates}/${id}`, { method: "PATCH", body: { name: "Kept too" } });
    expect((await call(`${templates}/${id}`)).json.subject).toBe("S");
    await call(`${templates}/folders`, { method: "POST", body: { name: "Kept folder" } });
    expect((await names("search=Kept")).sort()).toEqual(["Kept folder", "Kept too"]);
    expect((await call(templates, { headers: { Version: "v9" } })).status).toBe(401);
  });

  test("can refuse a second custom value of one name", async () => {
    const path = `/locations/${location}/customValues`;
    const make = () =>
      call(path, { method: "POST", headers: { Version: "2021-07-28" }, body: { name: "N", value: "" } });
    await make();
    expect((await make()).status).toBe(201);
    await set({ duplicateCustomValues: "refuse" });
    expect((await make()).status).toBe(400);
  });

  test("can refuse a call too many in other forms, and count an account together", async () => {
    await call("/__fake/limits", {
      method: "POST",
      body: { max: 1, intervalMs: 60_000, daily: 9, counted: "account" },
    });
    await set({ rateBody: "html", retryAfter: true, dailyReset: "epoch" });
    expect((await call(templates)).status).toBe(200);
    const refused = await call(templates);
    expect([refused.status, refused.headers.get("retry-after"), refused.text]).toEqual([
      429,
      "60",
      expect.stringContaining("<html>"),
    ]);
    expect(Number(refused.headers.get("x-ratelimit-daily-reset"))).toBeGreaterThan(1e12);
  });

  test("can edit, rename, duplicate and delete behind our back, on their own or as a call arrives", async () => {
    const id = await create("Ours", { subjectLine: "S" });
    await people({ deed: "edit", name: "Ours", subjectLine: "Theirs" });
    expect((await call(`${templates}/${id}`)).json.subject).toBe("Theirs");
    await people({ deed: "duplicate", name: "Ours" });
    expect(await names("search=Ours")).toHaveLength(2);
    await people({ deed: "rename", name: "Ours", to: "Other" });
    expect(await names("search=Other")).toHaveLength(2);
    await fault({ kind: "deed", method: "GET", deed: { deed: "delete", name: "Other" } });
    expect(await names("search=Other")).toEqual([]);
  });

  test("can take a token's scopes, locations and life away", async () => {
    await people({ deed: "shrink-scope", token, scopes: [] });
    expect((await call(templates)).json.message).toBe("The token is not authorized for this scope.");
    await people({ deed: "shrink-scope", token, scopes: ["emails/templates.readonly"] });
    await people({ deed: "close-location", token });
    expect((await call(templates)).status).toBe(403);
    await people({ deed: "revoke-token", token });
    expect((await call(templates)).status).toBe(401);
  });

  test("draw the same faults for the same seed", async () => {
    const statuses = async () => {
      await call("/__fake/reset", { method: "POST", body: {} });
      await call("/__fake/random", { method: "POST", body: { seed: 7 } });
      await fault({ kind: "maintenance", probability: 0.5, count: 1_000 });
      const seen = [];
      for (let number = 0; number < 20; number += 1) seen.push((await call(templates)).status);
      return seen;
    };
    const first = await statuses();
    expect(new Set(first)).toEqual(new Set([200, 503]));
    expect(await statuses()).toEqual(first);
  });

  test("can answer slowly, byte by byte, and point elsewhere", async () => {
    await fault({ kind: "slow-drip", ms: 20 }, { kind: "redirect" });
    expect((await call(templates)).json.total).toBe(0);
    const response = await fetch(sandbox.url + templates, {
      redirect: "manual",
      headers: { "User-Agent": "t/1", Version: "v3", Authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(302);
  });
});

test("what was answered is still there after a restart", async () => {
  const folder = await mkdtemp(join(tmpdir(), "landfall-sandbox-"));
  const dataFile = join(folder, "gohighlevel.json");
  try {
    await start({ dataFile });
    await create("Kept");
    await sandbox.close();
    expect(await readFile(dataFile, "utf8")).not.toContain(token);
    await start({ dataFile });
    expect(await names("search=Kept")).toEqual(["Kept"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the page shows what there is, escaped, and stored HTML may run nothing", async () => {
  await start();
  const id = await create("<script>alert(1)</script>", { editorContent: "<script>alert(2)</script>" });
  const page = await call("/");
  expect(page.headers.get("content-type")).toContain("text/html");
  expect(page.text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  expect(page.text).not.toContain("<script>");
  const stored = await call(`/storage/email-templates/${id}.html`);
  expect(stored.headers.get("content-security-policy")).toContain("sandbox");
});
