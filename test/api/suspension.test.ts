/** What people of a suspended tenant meet at the API, over HTTP and over sockets. */
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { createClient } from "graphql-ws";
import { createPool } from "../../src/database/pools.ts";
import { runImport, sampleFolder } from "../../src/imports/run_import.ts";
import { codeOf, PASSWORD, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let viewer: string;
let stranger: string;
let batchId: string;

beforeAll(async () => {
  api = await startTestApi();
  const pool = createPool(api.database.urls.worker, { applicationName: "landfall tests", max: 4 });
  const [tenant] = await api.database.query<{ id: string }>("select id from tenancy.tenants where slug = 'harbour'");
  const access = { airtable: { apiKey: undefined, endpointUrl: "" } };
  const request = { pool, tenantId: tenant?.id as string, mapping: "bloom", from: sampleFolder, access };
  ({ batchId } = await runImport(request));
  await pool.end();
  viewer = await api.signIn("viewer@harbour.test");
  stranger = await api.signIn("admin@meadow.test");
});
afterEach(() => api.database.query("update tenancy.tenants set is_active = true"));
afterAll(() => api.close());

const suspend = () => api.database.query("select tenancy.suspend_tenant('harbour', 'Write to ops@landfall.test')");
const words = "This tenant is suspended: Harbour (Write to ops@landfall.test).";

test("cannot go on with a token, is told whom to ask, and can with the same one afterwards: LF048", async () => {
  await suspend();
  const refused = await api.ask("{ clients { totalCount } }", {}, viewer);
  expect(refused).toMatchObject({
    status: 403,
    errors: [{ message: words, extensions: { name: "tenant_suspended" } }],
  });
  expect(refused.errors[0]?.extensions.hint).toMatch(/^Ask the operator/);
  expect((await api.ask("{ clients { totalCount } }", {}, stranger)).errors).toEqual([]);
  const file = await fetch(`${api.url}/reports/imports/${batchId}`, { headers: { authorization: `Bearer ${viewer}` } });
  expect(file.status).toBe(403);
  await api.database.query("select tenancy.reactivate_tenant('harbour')");
  expect((await api.ask("{ clients { totalCount } }", {}, viewer)).data.clients.totalCount).toBeGreaterThan(0);
});

test("cannot sign in to it: LF048; with a wrong password one learns nothing: LF040", async () => {
  await suspend();
  const signIn = (password: string, tenantSlug?: string) =>
    api.ask(
      'mutation ($password: String!, $tenantSlug: String) { signIn(input: { email: "viewer@harbour.test", password: $password, tenantSlug: $tenantSlug }) { token } }',
      { password, tenantSlug },
    );
  for (const slug of ["harbour", undefined]) {
    expect(await signIn(PASSWORD, slug)).toMatchObject({ errors: [{ message: words, extensions: { code: "LF048" } }] });
  }
  expect(codeOf(await signIn("a guess", "harbour"))).toBe("LF040");
});

test("can sign in to the other tenant that one belongs to, and cannot switch to the suspended one: LF048", async () => {
  await api.addPerson("harbour", "both@example.test", "viewer");
  await api.addPerson("meadow", "both@example.test", "viewer");
  await suspend();
  const token = await api.signIn("both@example.test");
  const switching = 'mutation { switchTenant(input: { tenantSlug: "harbour" }) { token } }';
  expect(codeOf(await api.ask(switching, {}, token))).toBe("LF048");
  expect((await api.ask("{ currentUser { memberships { tenantSlug } } }", {}, token)).data.currentUser).toEqual({
    memberships: [{ tenantSlug: "meadow" }],
  });
});

test("cannot keep a socket open, and nobody else loses theirs", async () => {
  const ours = openSocket(viewer);
  const theirs = openSocket(stranger);
  const watching = ours.ask(`subscription { importBatchChanged(id: "${batchId}") { status } }`);
  expect(await watching.next()).toMatchObject({ value: { data: { importBatchChanged: { status: "incomplete" } } } });
  expect(await theirs.ask(whoAmI).next()).toMatchObject({ value: { data: { currentUser: { role: "admin" } } } });

  // A notification alone closes nothing: anybody with a login can send one.
  const [tenant] = await api.database.query<{ id: string }>("select id from tenancy.tenants where slug = 'harbour'");
  await api.database.query("select pg_notify($1, 'suspended')", [`tenant:${tenant?.id}`]);
  expect(await ours.ask(whoAmI).next()).toMatchObject({ value: { data: { currentUser: { role: "viewer" } } } });

  await suspend();
  expect(await ours.closed).toEqual({ code: 4403, reason: words });
  await expect(watching.next()).rejects.toMatchObject({ code: 4403 });
  expect(await theirs.ask(whoAmI).next()).toMatchObject({ value: { data: { currentUser: { role: "admin" } } } });

  const late = openSocket(viewer);
  await expect(late.ask(whoAmI).next()).rejects.toMatchObject([{ message: words, extensions: { code: "LF048" } }]);
  for (const { client } of [ours, theirs, late]) await client.dispose();
});

const whoAmI = "{ currentUser { role } }";

/** A socket that stays open until it is closed. */
function openSocket(token: string) {
  let tellClosed: (closing: { code: number; reason: string }) => void;
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    tellClosed = resolve;
  });
  const client = createClient({
    url: `${api.url.replace("http", "ws")}/graphql`,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    lazy: false,
    onNonLazyError: () => undefined,
    on: {
      closed: (event) => {
        const { code, reason } = event as { code: number; reason: string };
        tellClosed({ code, reason });
      },
    },
  });
  return { client, closed, ask: (query: string) => client.iterate({ query }) };
}
