/** A change that is sent twice under one key is made once. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let admin: string;
let editor: string;
beforeAll(async () => {
  api = await startTestApi();
  admin = await api.signIn("admin@harbour.test");
  editor = await api.signIn("editor@harbour.test");
});
afterAll(() => api.close());

const create = `mutation Make($client: ClientInput!) { createClient(input: { client: $client }) { client { id name version } } }`;

async function send(key: string | undefined, query: string, variables: unknown = {}, token = admin) {
  const response = await fetch(`${api.url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${token}`,
      ...(key === undefined ? {} : { "idempotency-key": key }),
    },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: answers are read by tests that know what they asked for
  const { data, errors } = JSON.parse(text) as { data?: any; errors?: { extensions: { code: string } }[] };
  const isReplayed = response.headers.get("idempotency-replayed") === "true";
  return { status: response.status, text, data, code: errors?.[0]?.extensions.code, isReplayed };
}

const client = (slug = `c-${randomUUID()}`) => ({ client: { name: "Once", slug } });
const named = async (slug: string) =>
  (await api.database.query("select from journeys.clients where slug = $1", [slug])).length;
const forget = (key: string) =>
  api.database.query("update app_private.idempotency_keys set answer = null where key = $1", [key]);

test("can send a change again and get the same answer, word for word, though the row has moved on", async () => {
  const key = randomUUID();
  const variables = client();
  const first = await send(key, create, variables);
  expect(first).toMatchObject({ status: 200, isReplayed: false, data: { createClient: { client: { version: 1 } } } });
  await api.database.query("update journeys.clients set name = 'Later' where slug = $1", [variables.client.slug]);
  const second = await send(key, create, { client: { slug: variables.client.slug, name: "Once" } });
  expect(second).toMatchObject({ status: 200, isReplayed: true });
  expect(second.text).toBe(first.text);
  expect(await named(variables.client.slug)).toBe(1);
});

test.each<[string, string, () => Promise<Record<string, unknown>>]>([
  ["a row that is made", create, async () => client()],
  [
    "a row that is changed",
    'mutation ($id: UUID!) { updateClient(input: { id: $id, patch: { name: "Renamed", version: 1 } }) { client { name version } } }',
    async () => ({ id: (await send(undefined, create, client())).data.createClient.client.id }),
  ],
  [
    "a row that is deleted",
    "mutation ($id: UUID!) { deleteClient(input: { id: $id }) { client { name } } }",
    async () => ({ id: (await send(undefined, create, client())).data.createClient.client.id }),
  ],
  [
    "a function",
    'mutation ($id: UUID!) { duplicateJourney(input: { journeyId: $id, name: "Copy" }) { journey { id name status } } }',
    async () => {
      const made = await send(undefined, create, client());
      const journey = await send(
        undefined,
        "mutation ($j: JourneyInput!) { createJourney(input: { journey: $j }) { journey { id } } }",
        { j: { clientId: made.data.createClient.client.id, name: "J", slug: `j-${randomUUID()}` } },
      );
      return { id: journey.data.createJourney.journey.id };
    },
  ],
])(
  "can send %s again though its answer was lost with the process: it is made again, and the change is not",
  async (_what, query, prepare) => {
    const key = randomUUID();
    const variables = await prepare();
    const first = await send(key, query, variables);
    expect(first.code).toBeUndefined();
    const audit = async () =>
      (await api.database.query<{ n: string }>("select count(*) as n from audit.changes"))[0]?.n;
    const changes = await audit();
    await forget(key);
    const second = await send(key, query, variables);
    expect(second).toMatchObject({ isReplayed: false, data: first.data });
    expect(await audit()).toBe(changes);
    expect(await send(key, query, variables)).toMatchObject({ isReplayed: true, data: first.data });
  },
);

test("can be sent by many at once: one change, one answer, and whoever waits too long is told to come again", async () => {
  const key = randomUUID();
  const variables = client();
  const answers = await Promise.all(Array.from({ length: 8 }, () => send(key, create, variables)));
  const made = answers.filter(({ data }) => data?.createClient);
  expect(made.length).toBeGreaterThan(0);
  expect(new Set(made.map(({ data }) => data.createClient.client.id)).size).toBe(1);
  expect(answers.every(({ code }) => code === undefined || code === "LF907" || code === "LF906")).toBe(true);
  expect(await named(variables.client.slug)).toBe(1);
});

test("cannot reuse a key for another request: LF913", async () => {
  const key = randomUUID();
  const variables = client();
  await send(key, create, variables);
  expect(await send(key, create, client())).toMatchObject({ status: 422, code: "LF913" });
  expect(await send(key, create.replace("Make", "Made"), variables)).toMatchObject({ status: 422, code: "LF913" });
});

test("cannot find another person's key: each has their own", async () => {
  const key = randomUUID();
  const [mine, theirs] = [client(), client()];
  await send(key, create, mine);
  expect(await send(key, create, theirs, editor)).toMatchObject({ isReplayed: false, code: undefined });
  expect(await named(theirs.client.slug)).toBe(1);
});

test("can use a key again after a change that was refused: nothing was made", async () => {
  const key = randomUUID();
  const variables = client();
  await send(undefined, create, variables);
  expect((await send(key, create, variables)).code).toBe("LF020");
  expect((await send(key, create, client())).code).toBeUndefined();
});

test("can use a key again when its day is over", async () => {
  const key = randomUUID();
  await send(key, create, client());
  await api.database.query("update app_private.idempotency_keys set expires_at = now() where key = $1", [key]);
  expect((await send(key, create, client())).code).toBeUndefined();
});

test("cannot make two changes under one key: LF914", async () => {
  const [a, b] = [client(), client()];
  const two =
    "mutation ($a: ClientInput!, $b: ClientInput!) { a: createClient(input: { client: $a }) { clientMutationId } b: createClient(input: { client: $b }) { clientMutationId } }";
  expect((await send(randomUUID(), two, { a: a.client, b: b.client })).code).toBe("LF914");
  expect(await named(a.client.slug)).toBe(0);
});

test.each(["", "a b", "x".repeat(201)])('cannot use "%s" as a key: LF914', async (key) => {
  expect((await send(key, create, client())).code).toBe("LF914");
});

describe("what has no key", () => {
  test("can be a query: it is asked again", async () => {
    const key = randomUUID();
    for (const _time of [1, 2])
      expect(await send(key, "{ currentUser { role } }")).toMatchObject({ isReplayed: false });
    expect(await api.database.query("select from app_private.idempotency_keys where key = $1", [key])).toEqual([]);
  });

  test("can be a session: no token is ever kept", async () => {
    const key = randomUUID();
    await api.addPerson("harbour", "keyed@harbour.test", "viewer");
    const token = await api.signIn("keyed@harbour.test");
    expect((await send(key, "mutation { signOut { endedSessions } }", {}, token)).data).toEqual({
      signOut: { endedSessions: 1 },
    });
    expect(await api.database.query("select from app_private.idempotency_keys where key = $1", [key])).toEqual([]);
  });
});
