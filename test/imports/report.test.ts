import { createPool } from "../../src/database/pools.ts";
import { withIdentity } from "../../src/database/with_identity.ts";
import { renderReport } from "../../src/imports/render_report.ts";
import { runImport } from "../../src/imports/run_import.ts";
import { makePageTickets } from "../../src/server/page_tickets.ts";
import { startTestApi, type TestApi } from "../api/api.ts";
import { copySample, recordOf } from "./importing.ts";

let api: TestApi;
let batchId: string;
let tenantId: string;

const bang = '<script>alert("x")</script>&<img src=//elsewhere.example/x>';

beforeAll(async () => {
  api = await startTestApi();
  const [tenant] = await api.database.query<{ id: string }>("select id from tenancy.tenants where slug = 'harbour'");
  tenantId = (tenant as { id: string }).id;
  const pool = createPool(api.database.urls.worker, { applicationName: "landfall tests", max: 2 });
  const sample = await copySample();
  try {
    await sample.change("Journeys", (records) => {
      const { fields } = recordOf(records, "Journey Name", "Inquiry to Tour");
      Object.assign(fields, { Goal: bang, [bang]: bang });
      return undefined;
    });
    const access = { airtable: { apiKey: undefined, endpointUrl: "http://127.0.0.1:9" } };
    const report = await runImport({ pool, tenantId, mapping: "bloom", from: sample.folder, access });
    expect(report.verified).toBe(true);
    batchId = report.batchId;
  } finally {
    await sample.remove();
    await pool.end();
  }
});

afterAll(() => api.close());

const base = () => `${new URL(api.url).origin}/reports/imports`;
const get = (path: string, token?: string) =>
  fetch(`${base()}${path}`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });

async function codeOf(response: Response): Promise<unknown> {
  const body = (await response.json()) as { errors: { extensions: { code: string } }[] };
  return [response.status, body.errors[0]?.extensions.code];
}

test("can show the report to a viewer as a page, as Markdown and as JSON", async () => {
  const token = await api.signIn("viewer@harbour.test");
  const page = await get(`/${batchId}`, token);
  expect([page.status, page.headers.get("content-type"), page.headers.get("cache-control")]).toEqual([
    200,
    "text/html; charset=utf-8",
    "no-store",
  ]);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  const text = await page.text();
  const order = [
    "Everything is accounted for",
    "records read",
    "What needs a person",
    "Spot checks",
    "Proof",
    "Fields",
  ];
  expect(order.map((part) => text.indexOf(part))).toEqual(
    order.map((part) => text.indexOf(part)).sort((one, other) => one - other),
  );
  expect(text.indexOf(order[0] as string)).toBeGreaterThan(0);
  const markdown = await get(`/${batchId}?format=md`, token);
  expect([markdown.headers.get("content-type"), await markdown.text()]).toEqual([
    "text/markdown; charset=utf-8",
    expect.stringContaining("## What needs a person"),
  ]);
  const json = (await (await get(`/${batchId}?format=json`, token)).json()) as {
    spotChecks: unknown[];
    batchId: string;
  };
  expect(json).toMatchObject({ batchId, verified: true });
  expect(json.spotChecks.length).toBeGreaterThan(8);
});

test("can hold what the source says without running or loading any of it", async () => {
  const token = await api.signIn("viewer@harbour.test");
  const pages = [await (await get(`/${batchId}`, token)).text()];
  const links = [...(pages[0] as string).matchAll(/href="([^"]+)"/g)].map(([, href]) => href as string);
  expect(links.length).toBeGreaterThan(8);
  for (const href of links) pages.push(await (await get(href.replace("/reports/imports", ""), token)).text());
  expect(pages.join("\n")).toContain("&lt;script&gt;");
  for (const text of pages) {
    expect(text).not.toMatch(/<script|<img|<link|<iframe|<object|@import|url\(|\son\w+=/i);
    // The only addresses in attributes are the report's own.
    expect(
      [...text.matchAll(/(?:href|src|action)="([^"]*)"/g)].every(([, href]) => href?.startsWith("/reports/")),
    ).toBe(true);
    expect(text).not.toContain("5f0e7c52");
  }
});

test("can lead from a spot check to the record's text as it came, and to its row", async () => {
  const token = await api.signIn("viewer@harbour.test");
  const text = await (await get(`/${batchId}`, token)).text();
  const [, href] = /href="\/reports\/imports([^"]+)"/.exec(text) ?? [];
  const record = await get(href as string, token);
  expect(record.status).toBe(200);
  expect(await record.text()).toMatch(/Text as it came[\s\S]*createdTime/);
  expect(await codeOf(await get(`/${batchId}/records/none`, token))).toEqual([404, "LF909"]);
});

test("cannot be read without signing in, from another tenant, by a client, or under another id: LF280, LF208", async () => {
  expect(await codeOf(await get(`/${batchId}`))).toEqual([401, "LF280"]);
  expect(await codeOf(await get(`/${batchId}`, await api.signIn("admin@meadow.test")))).toEqual([404, "LF208"]);
  expect(await codeOf(await get(`/${batchId}`, await api.signIn("client@harbour.test")))).toEqual([403, "LF024"]);
  expect(await codeOf(await get("/none", await api.signIn("viewer@harbour.test")))).toEqual([404, "LF208"]);
});

test("can be opened by a link that ends, for one batch and as long as the session lasts: LF281", async () => {
  const token = await api.signIn("viewer@harbour.test");
  const link = async () => {
    const answer = await fetch(`${base()}/${batchId}/link`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
    return ((await answer.json()) as { path: string }).path.replace("/reports/imports", "");
  };
  const path = await link();
  const page = await get(path);
  expect(page.status).toBe(200);
  // The pages that it leads to open by the same ticket.
  const [, href] = /href="\/reports\/imports([^"]+)"/.exec(await page.text()) ?? [];
  expect((await get((href as string).replaceAll("&amp;", "&"))).status).toBe(200);
  expect(await codeOf(await get(path.replace(batchId, tenantId)))).toEqual([401, "LF281"]);
  expect(await codeOf(await get(`${path}x`))).toEqual([401, "LF281"]);
  // A token of the API is no ticket.
  expect(await codeOf(await get(`/${batchId}?ticket=${token}`))).toEqual([401, "LF281"]);
  const [session] = await api.database.query<{ sessionId: string; userId: string }>(
    `select sessions.id as "sessionId", user_id as "userId" from tenancy.sessions order by created_at desc limit 1`,
  );
  const ended = await makePageTickets(api.database.config.jwt.secret).sign(
    { ...(session as { sessionId: string; userId: string }), tenantId, shownId: batchId },
    -60,
  );
  expect(await codeOf(await get(`/${batchId}?ticket=${ended}`))).toEqual([401, "LF281"]);
  await api.database.query("update tenancy.sessions set revoked_at = now()");
  expect(await codeOf(await get(path))).toEqual([401, "LF281"]);
});

test("can be written as a page without a server", async () => {
  const pool = createPool(api.database.urls.worker, { applicationName: "landfall tests", max: 1 });
  try {
    const { text } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
      renderReport(client, tenantId, undefined, "html"),
    );
    expect(text).toContain("select * from imports.records where id = ");
    expect(text).not.toContain("href=");
  } finally {
    await pool.end();
  }
});
