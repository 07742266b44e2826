import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decryptSecret } from "../../src/encryption.ts";
import {
  CreateClientDocument,
  CreateJourneyDocument,
  CreateTouchpointDocument,
  DeleteJourneyDocument,
  JourneyDocument,
  SetLocationTokenDocument,
  SubmitJourneyDocument,
  UpdateClientDocument,
  UpdateJourneyDocument,
} from "../../src/generated/documents/graphql.ts";
import { locationSecretContext } from "../../src/publishing/credentials.ts";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let viewer: string;
let editor: string;
let admin: string;
let stranger: string;
let clientId: string;
let journeyId: string;

async function createClient(token: string, slug: string): Promise<string> {
  const { createClient: answer } = await api.run(CreateClientDocument, { client: { slug, name: slug } }, token);
  return answer?.client?.id ?? "";
}

async function createJourney(token: string, slug: string, of = clientId): Promise<string> {
  const { createJourney: answer } = await api.run(
    CreateJourneyDocument,
    { journey: { clientId: of, slug, name: slug } },
    token,
  );
  return answer?.journey?.id ?? "";
}

beforeAll(async () => {
  api = await startTestApi();
  [viewer, editor, admin, stranger] = [
    await api.signIn("viewer@harbour.test"),
    await api.signIn("editor@harbour.test"),
    await api.signIn("admin@harbour.test"),
    await api.signIn("admin@meadow.test"),
  ];
  clientId = await createClient(admin, "villa");
  journeyId = await createJourney(editor, "welcome");
});
afterAll(() => api.close());

describe("what constraints refuse", () => {
  test("cannot take a slug twice, and is told so in words: LF020", async () => {
    const answer = await api.ask(
      'mutation { createClient(input: { client: { slug: "villa", name: "Villa" } }) { client { id } } }',
      {},
      admin,
    );
    expect(answer.errors[0]?.message).toMatch(/slug.*choose another/i);
    expect(codeOf(answer)).toBe("LF020");
    expect(JSON.stringify(answer)).not.toMatch(/_key|constraint|relation/);
  });

  test("can take the slug of another tenant's client", async () => {
    expect(await createClient(stranger, "villa")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("cannot point at what is not there: LF021", async () => {
    const nowhere = "00000000-0000-7000-8000-000000000000";
    await expect(createJourney(editor, "lost", nowhere)).rejects.toThrow("[LF021]");
  });

  test("cannot point at another tenant's row, and is told the same as for one that is not there: LF021", async () => {
    const theirs = await createClient(stranger, "barn");
    const messages = await Promise.all(
      [theirs, "00000000-0000-7000-8000-000000000000"].map((id) =>
        createJourney(editor, "lost", id).catch((error: Error) => error.message),
      ),
    );
    expect(messages[0]).toBe(messages[1]);
    expect(await api.database.query("select from journeys.clients where id = $1", [theirs])).toHaveLength(1);
  });

  test("cannot break a rule of the table: LF022", async () => {
    await expect(createClient(admin, "Not A Slug")).rejects.toThrow(/slug.*\[LF022\]/i);
  });

  test("cannot put a touchpoint where one is: LF020", async () => {
    const touchpoint = { journeyId, name: "Hello", type: "email" as const, orderIndex: 0, content: {} };
    await api.run(CreateTouchpointDocument, { touchpoint }, editor);
    await expect(api.run(CreateTouchpointDocument, { touchpoint }, editor)).rejects.toThrow("[LF020]");
  });

  test("has words for every constraint that an API role can break", async () => {
    const silent = await api.database.query<{ name: string }>(
      `select n.nspname || '.' || c.relname || '.' || k.conname as name
       from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
       where n.nspname in ('tenancy', 'journeys', 'imports', 'publishing') and k.contype in ('u', 'c', 'f', 'x')
         and k.coninhcount = 0 and obj_description(k.oid, 'pg_constraint') is null
         and exists (
           select from aclexplode(c.relacl) a where a.privilege_type in ('INSERT', 'UPDATE') and a.grantee <> c.relowner
           union all
           select from pg_attribute t, aclexplode(t.attacl) a where t.attrelid = c.oid
         )
         -- Keys that only serve foreign keys contain the primary key, and cannot be broken without breaking it.
         and not (k.contype = 'u' and k.conkey @> (select p.conkey from pg_constraint p where p.conrelid = c.oid and p.contype = 'p'))
       order by 1`,
    );
    expect(silent).toEqual([]);
  });
});

describe("what policies and grants refuse", () => {
  test("cannot see another tenant's row by its id: nothing is there", async () => {
    expect(await api.run(JourneyDocument, { id: journeyId }, stranger)).toEqual({ journey: null });
    expect(await api.run(JourneyDocument, { id: journeyId }, editor)).toMatchObject({ journey: { id: journeyId } });
  });

  test("cannot see another tenant's row by its node id", async () => {
    const { data } = await api.ask(`{ journey(id: "${journeyId}") { nodeId } }`, {}, editor);
    const find = (token: string) =>
      api.ask(
        "query ($nodeId: ID!) { node(nodeId: $nodeId) { ... on Journey { id } } }",
        { nodeId: data.journey.nodeId },
        token,
      );
    expect((await find(stranger)).data).toEqual({ node: null });
    expect((await find(editor)).data).toEqual({ node: { id: journeyId } });
  });

  test.each([
    ["change", (token: string) => api.run(UpdateJourneyDocument, { id: journeyId, patch: { name: "Theirs" } }, token)],
    ["delete", (token: string) => api.run(DeleteJourneyDocument, { id: journeyId }, token)],
    ["submit", (token: string) => api.run(SubmitJourneyDocument, { journeyId }, token)],
  ])("cannot %s another tenant's journey: LF006, and it stays as it was", async (_verb, attempt) => {
    const read = () => api.database.query("select * from journeys.journeys where id = $1", [journeyId]);
    const before = await read();
    await expect(attempt(stranger)).rejects.toThrow("[LF006]");
    expect(await read()).toEqual(before);
  });

  test("cannot change what is not there: LF006", async () => {
    const id = "00000000-0000-7000-8000-000000000000";
    await expect(api.run(UpdateJourneyDocument, { id, patch: { name: "x" } }, editor)).rejects.toThrow("[LF006]");
    await expect(api.run(DeleteJourneyDocument, { id }, editor)).rejects.toThrow("There is no journey of that id");
    const aliased = await api.ask(
      `mutation { gone: deleteJourney(input: { id: "${id}" }) { journey { id } } }`,
      {},
      editor,
    );
    expect(aliased).toMatchObject({
      data: { gone: null },
      errors: [{ path: ["gone"], extensions: { code: "LF006" } }],
    });
  });

  test("cannot write as a viewer: LF024, which says whom to ask", async () => {
    const answer = await api.ask(
      `mutation { updateJourney(input: { id: "${journeyId}", patch: { name: "x" } }) { journey { id } } }`,
      {},
      viewer,
    );
    expect(codeOf(answer)).toBe("LF024");
    expect(answer.errors[0]?.message).toContain("updateJourney");
    expect(answer.errors[0]?.extensions.hint).toMatch(/admin/);
  });

  test("cannot read as a visitor: LF001", async () => {
    expect(codeOf(await api.ask("{ journeys { nodes { id } } }"))).toBe("LF001");
  });

  test("cannot name a tenant in any input: there is no such field", async () => {
    const answer = await api.ask(
      'mutation { createClient(input: { client: { slug: "x", name: "x", tenantId: "x" } }) { client { id } } }',
      {},
      admin,
    );
    expect(codeOf(answer)).toBe("LF900");
  });
});

describe("many at once", () => {
  test("cannot see the other tenant's rows however requests mingle on the connections", async () => {
    const ask = (token: string) => api.ask("{ tenants { nodes { slug } } clients { nodes { slug } } }", {}, token);
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(i % 2 === 0 ? editor : stranger)));
    for (const [i, { data }] of answers.entries()) {
      expect(data.tenants.nodes).toEqual([{ slug: i % 2 === 0 ? "harbour" : "meadow" }]);
      expect(data.clients.nodes.some(({ slug }: { slug: string }) => slug === "barn")).toBe(i % 2 === 1);
    }
  });
});

describe("what the rules of the business refuse", () => {
  test("cannot save over another's change: LF005, which names the current version", async () => {
    const id = await createClient(admin, "contested");
    const first = await api.run(UpdateClientDocument, { id, patch: { name: "First", version: 1 } }, admin);
    expect(first.updateClient?.client?.version).toBe(2);
    const stale = await api.ask(
      `mutation { updateClient(input: { id: "${id}", patch: { name: "Second", version: 1 } }) { client { id } } }`,
      {},
      admin,
    );
    expect(codeOf(stale)).toBe("LF005");
    expect(stale.errors[0]?.message).toContain("the current one is 2");
    expect(stale.errors[0]?.extensions.name).toBe("stale_version");
  });

  test("cannot take a step that is not in the diagram: LF003, which lists those that are", async () => {
    const id = await createJourney(editor, "step");
    const answer = await api.ask(
      `mutation { publishJourney(input: { journeyId: "${id}" }) { publication { id } } }`,
      {},
      admin,
    );
    expect(codeOf(answer)).toBe("LF003");
    expect(answer.errors[0]?.extensions.hint).toContain("client_review");
  });

  test("cannot submit a journey without touchpoints: LF103", async () => {
    const id = await createJourney(editor, "empty");
    await expect(api.run(SubmitJourneyDocument, { journeyId: id }, editor)).rejects.toThrow("[LF103]");
  });

  test("cannot update with an empty patch: LF009", async () => {
    await expect(api.run(UpdateJourneyDocument, { id: journeyId, patch: {} }, editor)).rejects.toThrow("[LF009]");
  });
});

describe("a location's token", () => {
  const token = "pit-0b8a1d7c-52f1-4d2c-9c1e-5f1f0a7b9e11";

  test("can be set by an admin, is stored encrypted, and comes out nowhere", async () => {
    await api.database.query("update journeys.clients set ghl_location_id = 'loc-1' where id = $1", [clientId]);
    const answer = await api.run(SetLocationTokenDocument, { clientId, token }, admin);
    expect(answer.setLocationToken?.location?.tokenSetAt).toMatch(/^\d{4}-/);
    const [row] = await api.database.query<{ tenantId: string; ciphertext: string }>(
      'select tenant_id as "tenantId", token_ciphertext as ciphertext from app_private.location_secrets',
    );
    expect(row?.ciphertext).not.toContain(token);
    const opened = decryptSecret(
      api.database.config,
      row?.ciphertext ?? "",
      locationSecretContext(row?.tenantId ?? "", clientId),
    );
    expect(opened).toBe(token);
    const audit = await api.database.query("select c::text from audit.changes c");
    expect(JSON.stringify(audit)).not.toContain(token);
  });

  test("cannot be set by an editor: LF024", async () => {
    await expect(api.run(SetLocationTokenDocument, { clientId, token }, editor)).rejects.toThrow("[LF024]");
  });

  test("cannot be set for another tenant's client: LF006", async () => {
    await expect(api.run(SetLocationTokenDocument, { clientId, token }, stranger)).rejects.toThrow("[LF006]");
  });

  test("cannot be blank: LF009", async () => {
    await expect(api.run(SetLocationTokenDocument, { clientId, token: "  " }, admin)).rejects.toThrow("[LF009]");
  });
});
