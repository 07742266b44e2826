import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import { createClient } from "graphql-ws";
import { createPool } from "../../src/database/pools.ts";
import { logger } from "../../src/log.ts";
import { readErrorCatalog } from "../../src/server/errors.ts";
import { webhooks } from "../../src/server/webhooks.ts";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");

let api: TestApi;
let admin: string;
let journeyId: string;

beforeAll(async () => {
  api = await startTestApi({
    change: (config) => ({
      gohighlevel: {
        ...config.gohighlevel,
        webhookPublicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
      },
    }),
  });
  admin = await api.signIn("admin@harbour.test");
  await api.database.query(
    `update tenancy.tenants set settings = '{"allow_self_approval": true}' where slug = 'harbour'`,
  );
  const made = await api.ask(
    `mutation { createClient(input: { client: { name: "Rosewood", slug: "rosewood", status: ACTIVE, ghlLocationId: "loc1" } }) { client { id } } }`.replace(
      "ACTIVE",
      "active",
    ),
    {},
    admin,
  );
  const clientId = made.data.createClient.client.id;
  const journey = await api.ask(
    `mutation ($clientId: UUID!) { createJourney(input: { journey: { clientId: $clientId, name: "Inquiry", slug: "inquiry" } }) { journey { id } } }`,
    { clientId },
    admin,
  );
  journeyId = journey.data.createJourney.journey.id;
  await api.ask(
    `mutation ($journeyId: UUID!) { createTouchpoint(input: { touchpoint: { journeyId: $journeyId, name: "Hi", type: sms, orderIndex: 0, content: { body: "Hi <b>" } } }) { touchpoint { id } } }`,
    { journeyId },
    admin,
  );
});

afterAll(() => api.close());

const planQuery = `query ($id: UUID!) {
  publicationPlan(journeyId: $id) {
    source version obstacle estimatedCalls
    items { name assetKind action reason findings { kind } changes { field before after } }
    removed { name }
  }
}`;

describe("the plan", () => {
  test("can be read by a viewer before anything is approved", async () => {
    const { data, errors } = await api.ask(planQuery, { id: journeyId }, await api.signIn("viewer@harbour.test"));
    expect(errors).toEqual([]);
    expect(data.publicationPlan).toEqual({
      source: "draft",
      version: null,
      obstacle: null,
      estimatedCalls: 3,
      items: [{ name: "Hi", assetKind: "custom_value", action: "CREATE", reason: null, findings: [], changes: [] }],
      removed: [],
    });
  });

  test("cannot be read by another tenant or by a client's reviewer who was not asked: LF006", async () => {
    for (const email of ["admin@meadow.test", "client@harbour.test"]) {
      expect(codeOf(await api.ask(planQuery, { id: journeyId }, await api.signIn(email)))).toBe("LF006");
    }
  });

  test("cannot be read by a visitor: LF001", async () => {
    expect(codeOf(await api.ask(planQuery, { id: journeyId }))).toBe("LF001");
  });

  test("can be read by the client's reviewer of what they decide on", async () => {
    const [client] = await api.database.query<{ id: string }>(
      "select id from tenancy.users where email = 'client@harbour.test'",
    );
    await api.database.query(
      `insert into tenancy.client_users (tenant_id, client_id, user_id)
       select j.tenant_id, j.client_id, $2 from journeys.journeys j where j.id = $1`,
      [journeyId, client?.id],
    );
    const token = await api.signIn("client@harbour.test");
    expect(codeOf(await api.ask(planQuery, { id: journeyId }, token))).toBe("LF006");
    await api.ask(
      `mutation ($id: UUID!) { submitJourney(input: { journeyId: $id }) { approval { id } } }`,
      { id: journeyId },
      admin,
    );
    const { data } = await api.ask(planQuery, { id: journeyId }, token);
    expect(data.publicationPlan).toMatchObject({ source: "review", version: 1 });
  });
});

describe("the hand-off's page", () => {
  let publicationId: string;

  beforeAll(async () => {
    const approval = await api.ask(`{ approvals { nodes { id } } }`, {}, admin);
    await api.ask(
      `mutation ($id: UUID!) { reviewJourney(input: { approvalId: $id, decision: approve }) { approval { id } } }`,
      { id: approval.data.approvals.nodes[0].id },
      admin,
    );
    const published = await api.ask(
      `mutation ($id: UUID!) { publishJourney(input: { journeyId: $id }) { publication { id } } }`,
      { id: journeyId },
      admin,
    );
    publicationId = published.data.publishJourney.publication.id;
    await api.database.query(
      `insert into publishing.handoff_steps (tenant_id, journey_id, location_id, publication_id, step_key, order_index, title, instruction, reference)
       select p.tenant_id, p.journey_id, p.location_id, p.id, 'workflow', 0, 'Create <the> workflow', 'In GoHighLevel', 'Inquiry'
       from publishing.publications p where p.id = $1`,
      [publicationId],
    );
  });

  const get = (path: string, token?: string) =>
    fetch(api.url + path, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });

  test("can be read by those who may see the publication, escaped, and with its ticks", async () => {
    const { data } = await api.ask(`{ handoffSteps { nodes { id } } }`, {}, admin);
    const ticked = await api.ask(
      `mutation ($id: UUID!) { tickHandoffStep(input: { stepId: $id }) { handoffStep { title } } }`,
      { id: data.handoffSteps.nodes[0].id },
      admin,
    );
    expect(ticked.errors).toEqual([]);
    const response = await get(`/handoff/${publicationId}`, admin);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const page = await response.text();
    expect(page).toContain("Create &lt;the&gt; workflow");
    expect(page).toContain("admin@harbour.test");
    expect(page).toContain("✓");
  });

  test("cannot be read by a visitor, a client's person or another tenant", async () => {
    expect((await get(`/handoff/${publicationId}`)).status).toBe(401);
    for (const email of ["client@harbour.test", "admin@meadow.test"]) {
      expect((await get(`/handoff/${publicationId}`, await api.signIn(email))).status).toBe(404);
    }
    expect((await get("/handoff/nonsense", admin)).status).toBe(404);
  });

  test("can be opened by a link, for this publication alone", async () => {
    const response = await fetch(`${api.url}/handoff/${publicationId}/link`, {
      method: "POST",
      headers: { authorization: `Bearer ${admin}` },
    });
    const { path } = (await response.json()) as { path: string };
    expect((await get(path)).status).toBe(200);
    expect((await get(path.replace(publicationId, journeyId))).status).toBe(401);
  });
});

describe("a publication", () => {
  const watching = `subscription ($id: UUID!) {
    publicationChanged(id: $id) { status itemsTotal publicationItems { nodes { name attempts } } }
  }`;

  function watch(token: string, id: string) {
    const client = createClient({
      url: `${api.url.replace("http", "ws")}/graphql`,
      connectionParams: { authorization: `Bearer ${token}` },
      retryAttempts: 0,
      lazy: true,
    });
    return { client, events: client.iterate<Record<string, unknown>>({ query: watching, variables: { id } }) };
  }

  test("can be watched as it and its items move; a stranger cannot: LF006", async () => {
    const [publication] = await api.database.query<{ id: string }>("select id from publishing.publications");
    const id = publication?.id as string;
    const { client, events } = watch(await api.signIn("viewer@harbour.test"), id);
    const as = (itemsTotal: number, nodes: object[]) => ({
      data: { publicationChanged: { status: "queued", itemsTotal, publicationItems: { nodes } } },
    });
    expect((await events.next()).value).toEqual(as(0, []));
    await api.database.query(
      `set session_replication_role = replica;
       insert into publishing.publication_items (tenant_id, publication_id, asset_kind, name, token, desired_hash, status)
       select tenant_id, id, 'custom_value', 'Hi', 'lf-token', 'hash', 'pending' from publishing.publications;
       set session_replication_role = origin`,
    );
    await api.database.query("update publishing.publications set items_total = 1");
    // The state as it is comes first, and more than once where the database was slow to listen.
    const nextAfter = async (before: object) => {
      for (;;) {
        const { value } = await events.next();
        if (JSON.stringify(value) !== JSON.stringify(before)) return value;
      }
    };
    const begun = as(1, [{ name: "Hi", attempts: 0 }]);
    expect(await nextAfter(as(0, []))).toEqual(begun);
    await api.database.query("update publishing.publication_items set attempts = 1");
    expect(await nextAfter(begun)).toEqual(as(1, [{ name: "Hi", attempts: 1 }]));
    await client.dispose();

    const other = watch(await api.signIn("admin@meadow.test"), id);
    const refused = (await other.events.next()).value as { errors: { extensions: { code: string } }[] };
    expect(refused.errors[0]?.extensions.code).toBe("LF006");
    await other.client.dispose();
  });
});

describe("webhooks", () => {
  let count = 0;

  function event(changes: object = {}): string {
    count += 1;
    const timestamp = new Date().toISOString();
    return JSON.stringify({
      type: "LocationUpdate",
      webhookId: `w${count}`,
      locationId: "loc1",
      timestamp,
      ...changes,
    });
  }

  const signed = (body: string) => sign(null, Buffer.from(body), privateKey).toString("base64");

  async function send(body: string, signature: string | null = signed(body)) {
    const response = await fetch(`${api.url}/webhooks/ghl`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(signature === null ? {} : { "x-ghl-signature": signature }) },
      body,
    });
    const answer = (await response.json()) as { isNew?: boolean; errors?: { extensions: { code: string } }[] };
    return { status: response.status, isNew: answer.isNew, code: answer.errors?.[0]?.extensions.code };
  }

  test("that are signed over the raw body are taken and queued, once", async () => {
    const body = event().replace(":", ": ");
    expect(await send(body)).toMatchObject({ status: 200, isNew: true });
    expect(await send(body)).toMatchObject({ status: 200, isNew: false });
    const jobs = await api.database.query("select key from graphile_worker.jobs where key = $1", [
      `publishing/handle_webhook:w${count}`,
    ]);
    expect(jobs).toHaveLength(1);
  });

  test("cannot come unsigned, signed by others, or changed on the way: LF311", async () => {
    const body = event();
    const other = sign(null, Buffer.from(body), generateKeyPairSync("ed25519").privateKey).toString("base64");
    for (const [sent, signature] of [
      [body, null],
      [body, "nonsense"],
      [body, other],
      [`${body} `, signed(body)],
    ] as const) {
      expect(await send(sent, signature)).toMatchObject({ status: 401, code: "LF311" });
    }
  });

  test("cannot be old, or without an id: LF312", async () => {
    expect(await send(event({ timestamp: "2020-01-01T00:00:00Z" }))).toMatchObject({ status: 400, code: "LF312" });
    expect(await send(event({ webhookId: undefined }))).toMatchObject({ code: "LF312" });
    expect(await send("no json")).toMatchObject({ code: "LF312" });
  });

  test("of an uninstalled app stop its location, of others nothing; a private integration's goes on", async () => {
    const worker = createPool(api.database.urls.worker, { applicationName: "test worker", max: 1 });
    const one = async (text: string, values: unknown[]) => (await worker.query(text, values)).rows[0];
    const handle = async (type: string, locationId: string) => {
      await send(event({ type, locationId }));
      const row = await one("select app_private.handle_webhook($1) as deed", [`w${count}`]);
      expect(await one("select app_private.handle_webhook($1) as deed", [`w${count}`])).toEqual({ deed: "nothing" });
      return row?.deed;
    };
    try {
      const [place] = await api.database.query<{ tenant_id: string; client_id: string }>(
        "select tenant_id, client_id from publishing.locations where ghl_location_id = 'loc1'",
      );
      await worker.query("select set_config('app.tenant_id', $1, false)", [place?.tenant_id]);
      await worker.query(
        "insert into publishing.locations (tenant_id, client_id, ghl_location_id, auth_kind) values ($1, $2, 'loc2', 'oauth')",
        [place?.tenant_id, place?.client_id],
      );
      expect(await handle("OutboundMessage", "loc2")).toBe("nothing");
      expect(await handle("UNINSTALL", "loc1")).toBe("stopped");
      expect(await handle("UNINSTALL", "loc2")).toBe("stopped");
      const places = await api.database.query(
        "select ghl_location_id, status from publishing.locations where ghl_location_id in ('loc1', 'loc2') order by ghl_location_id",
      );
      expect(places.map((row) => row.status)).toEqual(["active", "needs_reauth"]);
    } finally {
      await worker.end();
    }
  });

  test("are not taken where no key is set: LF310", async () => {
    const pool = createPool(api.database.urls.authenticator, { applicationName: "test api", max: 1 });
    const errors = await readErrorCatalog(pool);
    const { path, router } = webhooks({ pool, errors, log: logger, publicKey: undefined });
    const server = express().use(path, router).listen(0, "127.0.0.1");
    try {
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const response = await fetch(`http://127.0.0.1:${port}/webhooks/ghl`, { method: "POST", body: "{}" });
      expect(response.status).toBe(404);
    } finally {
      server.close();
      await pool.end();
    }
  });
});
