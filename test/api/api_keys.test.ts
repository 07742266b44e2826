/** Keys with which machines call the API. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let admin: string;
beforeAll(async () => {
  api = await startTestApi();
  admin = await api.signIn("admin@harbour.test");
});
afterAll(() => api.close());

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
const make = (role: string, token = admin, expiresAt = inAnHour(), name = "n8n") =>
  api.ask(
    `mutation ($name: String!, $role: MembershipRole!, $expiresAt: Datetime!) {
       createApiKey(input: { name: $name, role: $role, expiresAt: $expiresAt }) {
         key apiKey { id name role hint expiresAt lastUsedAt user { name } creator { email } }
       }
     }`,
    { name, role, expiresAt },
    token,
  );
const made = async (role: string) => (await make(role)).data.createApiKey as { key: string; apiKey: { id: string } };
const role = "{ currentUser { role } }";

test("can be made by an admin, shown once, and used where people send their token", async () => {
  const { data } = await make("viewer");
  const { key, apiKey } = data.createApiKey;
  expect(key).toMatch(/^lfk_[\w-]{43}$/);
  expect(apiKey).toMatchObject({
    name: "n8n",
    role: "viewer",
    hint: key.slice(0, 10),
    lastUsedAt: null,
    user: { name: "n8n (API key)" },
    creator: { email: "admin@harbour.test" },
  });
  expect((await api.ask(role, {}, key)).data).toEqual({ currentUser: { role: "viewer" } });
  const listed = await api.ask("{ apiKeys { nodes { id lastUsedAt } } }", {}, admin);
  expect(listed.data.apiKeys.nodes.find(({ id }: { id: string }) => id === apiKey.id).lastUsedAt).not.toBeNull();
});

test("cannot be found in the database: it keeps a hash, and the audit no more", async () => {
  const { key } = await made("viewer");
  const [row] = await api.database.query<{ all: string }>(
    `select concat((select string_agg(k::text, ' ') from tenancy.api_keys k), (select string_agg(h::text, ' ') from app_private.api_key_hashes h),
       (select string_agg(c::text, ' ') from audit.changes c), (select string_agg(s::text, ' ') from tenancy.sessions s)) as all`,
  );
  expect(row?.all).not.toContain(key.slice(11));
});

test("can do what its role may in its tenant, by the name of the machine, and nothing more", async () => {
  const { key, apiKey } = await made("editor");
  const slug = `k-${randomUUID()}`;
  const create = `mutation { createClient(input: { client: { name: "By a machine", slug: "${slug}" } }) { client { id } } }`;
  expect((await api.ask(create, {}, key)).errors).toEqual([]);
  const recorded = await api.database.query(
    `select u.name from audit.changes c join tenancy.users u on u.id = c.user_id where c.row_id =
       (select id from journeys.clients where slug = $1)`,
    [slug],
  );
  expect(recorded).toEqual([{ name: "n8n (API key)" }]);
  expect((await api.ask("{ apiKeys { totalCount } }", {}, key)).errors).not.toEqual([]);
  const stranger = await api.signIn("admin@meadow.test");
  const listed = await api.ask("{ apiKeys { nodes { id } } }", {}, stranger);
  expect(listed.data.apiKeys.nodes).toEqual([]);
  const revoke = `mutation { revokeApiKey(input: { id: "${apiKey.id}" }) { apiKey { id } } }`;
  expect(codeOf(await api.ask(revoke, {}, stranger))).toBe("LF006");
});

test("cannot be used once it is revoked, with the next statement: LF046", async () => {
  const { key, apiKey } = await made("editor");
  const revoke = `mutation { revokeApiKey(input: { id: "${apiKey.id}" }) { apiKey { revokedAt } } }`;
  expect((await api.ask(revoke, {}, admin)).data.revokeApiKey.apiKey.revokedAt).not.toBeNull();
  const answer = await api.ask(role, {}, key);
  expect([answer.status, codeOf(answer)]).toEqual([401, "LF046"]);
});

test.each([
  [
    "its time is over",
    "update tenancy.sessions s set expires_at = now() from tenancy.api_keys k where s.id = k.session_id",
  ],
  [
    "its membership is removed",
    "delete from tenancy.memberships m using tenancy.api_keys k where m.user_id = k.user_id",
  ],
])("cannot be used when %s: LF046", async (_when, sql) => {
  const { key } = await made("viewer");
  await api.database.query(sql);
  expect(codeOf(await api.ask(role, {}, key))).toBe("LF046");
});

test.each([
  ["one that nobody made", () => `lfk_${"x".repeat(43)}`],
  ["a cut one", () => "lfk_x"],
  ["one with more behind it", () => `lfk_${"x".repeat(60)}`],
])("cannot be %s: LF044", async (_what, key) => {
  const answer = await api.ask(role, {}, key());
  expect([answer.status, codeOf(answer)]).toEqual([401, "LF044"]);
});

test.each(["viewer", "editor", "client"])("cannot be made or seen by a %s: LF024", async (who) => {
  const token = await api.signIn(`${who}@harbour.test`);
  expect(codeOf(await make("viewer", token))).toBe("LF024");
});

test.each<[string, () => Promise<Awaited<ReturnType<typeof make>>>, string]>([
  ["by another key", async () => make("viewer", (await made("admin")).key), "LF083"],
  ["for the past", () => make("viewer", admin, new Date(0).toISOString()), "LF083"],
  ["for ever", () => make("viewer", admin, "2999-01-01T00:00:00Z"), "LF083"],
  ["for a client", () => make("client"), "LF022"],
  ["without a name", () => make("viewer", admin, inAnHour(), " "), "LF022"],
  ["by a visitor", () => make("viewer", ""), "LF001"],
])("cannot be made %s", async (_how, attempt, code) => {
  expect(codeOf(await attempt())).toBe(code);
});
