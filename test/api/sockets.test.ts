/** Subscriptions come over sockets, and sockets have limits. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Client, CloseCode, createClient, GRAPHQL_TRANSPORT_WS_PROTOCOL } from "graphql-ws";
import { WebSocket } from "ws";
import { SignOutDocument } from "../../src/generated/documents/graphql.ts";
import { MAX_MESSAGE_BYTES, MAX_SOCKETS, MAX_SUBSCRIPTIONS } from "../../src/server/sockets.ts";
import { startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({
    timing: { checkEvery: 100, pingEvery: 1_000 },
    change: (config) => ({ api: { ...config.api, rateLimits: { ...config.api.rateLimits, search: 1 } } }),
  });
});
afterAll(() => api.close());

const address = () => `${api.url.replace("http", "ws")}/graphql`;

function connect(token?: string): Client {
  return createClient({
    url: address(),
    webSocketImpl: WebSocket,
    connectionParams: token === undefined ? {} : { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    lazy: false,
    onNonLazyError: () => undefined,
  });
}

/** The code with which the server closes a client's socket. */
function closing(client: Client): Promise<number> {
  return new Promise((resolve) => {
    client.on("closed", (event) => resolve((event as { code: number }).code));
  });
}

const connected = (client: Client) => new Promise((resolve) => client.on("connected", resolve));

/** The first answer to an operation. */
async function first(client: Client, query: string, variables: Record<string, unknown> = {}) {
  const { value } = await client
    .iterate({ query, variables })
    .next()
    .catch((errors: unknown) => ({ value: { errors } }));
  return value as { data?: unknown; errors?: { extensions: { code: string; hint: string } }[] };
}

/** A socket without a client, to send what no client sends. */
async function raw(protocol = GRAPHQL_TRANSPORT_WS_PROTOCOL, path = ""): Promise<WebSocket> {
  const socket = new WebSocket(`${address()}${path}`, protocol);
  await once(socket, "open");
  return socket;
}

async function closed(socket: WebSocket): Promise<number> {
  const [code] = (await once(socket, "close")) as [number];
  return code;
}

test.each([
  ["signs out", (_id: string, token: string) => api.run(SignOutDocument, {}, token)],
  [
    "is no longer of the tenant",
    (id: string) => api.database.query("delete from tenancy.memberships where user_id = $1", [id]),
  ],
  [
    "has a session that is over",
    (id: string) => api.database.query("update tenancy.sessions set expires_at = now() where user_id = $1", [id]),
  ],
  ["is disabled", (id: string) => api.database.query("update tenancy.users set is_active = false where id = $1", [id])],
])("cannot keep a socket open who %s: 4401", async (_what, end) => {
  const email = `socket${Math.random()}@harbour.test`;
  const id = await api.addPerson("harbour", email, "viewer");
  const token = await api.signIn(email);
  const client = connect(token);
  const code = closing(client);
  await connected(client);
  expect((await first(client, "{ currentUser { role } }")).data).toEqual({ currentUser: { role: "viewer" } });
  await end(id, token);
  expect(await code).toBe(CloseCode.Unauthorized);
});

test("cannot have more sockets than so many, each person for themselves: 4429", async () => {
  const [viewer, editor] = [await api.signIn("viewer@harbour.test"), await api.signIn("editor@harbour.test")];
  const clients: Client[] = [];
  for (let count = 1; count <= MAX_SOCKETS; count++) {
    const client = connect(viewer);
    clients.push(client);
    await connected(client);
  }
  const tooMany = connect(viewer);
  expect(await closing(tooMany)).toBe(4429);
  const other = connect(editor);
  await connected(other);
  await Promise.all([...clients, tooMany, other].map((client) => client.dispose()));
});

test("cannot have more subscriptions on a socket than so many: LF915", async () => {
  const socket = await raw();
  const answers: { id?: string; type: string; payload?: { extensions: { code: string } }[] }[] = [];
  socket.on("message", (text) => answers.push(JSON.parse(String(text))));
  const send = (message: object) => socket.send(JSON.stringify(message));
  send({ type: "connection_init", payload: { authorization: `Bearer ${await api.signIn("admin@harbour.test")}` } });
  while (answers.length === 0) await once(socket, "message");
  // An import that never began: its state machine is not what this is about.
  const batchId = randomUUID();
  await api.database.query(
    `begin; set local session_replication_role = replica;
     insert into imports.batches (id, tenant_id, source_id, status, location, mapping_hash)
     select '${batchId}', id, id, 'planned', 'nowhere', '' from tenancy.tenants where slug = 'harbour';
     commit`,
  );
  const query = `subscription { importBatchChanged(id: "${batchId}") { id } }`;
  for (let id = 1; id <= MAX_SUBSCRIPTIONS + 1; id++) send({ id: String(id), type: "subscribe", payload: { query } });
  const refused = () => answers.find(({ type }) => type === "error");
  while (refused() === undefined) await once(socket, "message");
  expect(refused()).toMatchObject({ payload: [{ extensions: { code: "LF915" } }] });
  socket.terminate();
});

test("cannot ask more often than over HTTP: LF911", async () => {
  const client = connect(await api.signIn("editor@harbour.test"));
  const search = '{ searchTouchpoints(query: "harbour") { totalCount } }';
  expect((await first(client, search)).errors).toBeUndefined();
  expect((await first(client, search)).errors?.[0]?.extensions).toMatchObject({
    code: "LF911",
    hint: expect.stringMatching(/^Wait \d+ seconds/),
  });
  await client.dispose();
});

test("cannot ask for more at once than over HTTP: LF904", async () => {
  const client = connect(await api.signIn("editor@harbour.test"));
  const answer = await first(client, `{ ${"currentUser { role } ".repeat(11)} }`);
  expect(answer.errors?.[0]?.extensions.code).toBe("LF904");
  await client.dispose();
});

test("cannot send a message of any length: 1009", async () => {
  const socket = await raw();
  socket.send("x".repeat(MAX_MESSAGE_BYTES + 1));
  expect(await closed(socket)).toBe(1009);
});

test.each([
  ["what is no message of the protocol", "nonsense", CloseCode.BadRequest],
  [
    "a subscription before saying who one is",
    '{"id":"1","type":"subscribe","payload":{"query":"{ __typename }"}}',
    4401,
  ],
])("cannot send %s: the socket is closed", async (_what, text, code) => {
  const socket = await raw();
  socket.send(text);
  expect(await closed(socket)).toBe(code);
});

test("cannot keep quiet: a socket that says nothing is closed: 4408", async () => {
  expect(await closed(await raw())).toBe(CloseCode.ConnectionInitialisationTimeout);
});

test("cannot speak another protocol: 4406; nor come by another path", async () => {
  expect(await closed(await raw("graphql-ws"))).toBe(CloseCode.SubprotocolNotAcceptable);
  const elsewhere = new WebSocket(`${api.url.replace("http", "ws")}/elsewhere`, GRAPHQL_TRANSPORT_WS_PROTOCOL);
  const [error] = (await once(elsewhere, "error")) as [Error];
  expect(error.message).toMatch(/socket hang up|ECONNRESET/);
});

test("can be told of by pings: a socket is asked whether it is there", async () => {
  const socket = await raw();
  socket.send('{"type":"connection_init"}');
  await once(socket, "ping");
  socket.terminate();
});
