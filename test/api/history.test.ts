/** What became of a row, as a field of it. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let editor: string;
let clientId: string;
beforeAll(async () => {
  api = await startTestApi();
  editor = await api.signIn("editor@harbour.test");
  const made = await api.ask(
    'mutation { createClient(input: { client: { name: "Rosewood", slug: "rosewood" } }) { client { id } } }',
    {},
    editor,
  );
  clientId = made.data.createClient.client.id;
  for (const name of ["Rosewood Manor", "The Rosewood"]) {
    await api.ask(
      "mutation ($id: UUID!, $name: String!) { updateClient(input: { id: $id, patch: { name: $name } }) { client { id } } }",
      { id: clientId, name },
      editor,
    );
  }
});
afterAll(() => api.close());

const history = (token: string, args = "") =>
  api.ask(
    `query ($id: UUID!) { client(id: $id) { history${args} { nodes { action source userName changes changedAt } } } }`,
    { id: clientId },
    token,
  );

test("can be read by whoever may see the row, the latest first, by page", async () => {
  const viewer = await api.signIn("viewer@harbour.test");
  const { nodes } = (await history(viewer)).data.client.history;
  expect(nodes.map(({ action, source, userName }: Record<string, string>) => [action, source, userName])).toEqual([
    ["update", "api", "editor@harbour.test"],
    ["update", "api", "editor@harbour.test"],
    ["insert", "api", "editor@harbour.test"],
  ]);
  expect(nodes[0].changes.name).toEqual(["Rosewood Manor", "The Rosewood"]);
  expect((await history(viewer, "(first: 1)")).data.client.history.nodes).toHaveLength(1);
  expect(codeOf(await history(viewer, "(first: 101)"))).toBe("LF903");
});

test("cannot be read across tenants, nor by a client's people", async () => {
  expect((await history(await api.signIn("admin@meadow.test"))).data.client).toBeNull();
  const asked = await api.ask(
    "{ clients { nodes { history { nodes { changes } } } } }",
    {},
    await api.signIn("client@harbour.test"),
  );
  expect(JSON.stringify(asked.data ?? null)).not.toContain("Rosewood Manor");
});

test("can be asked of journeys and touchpoints too", async () => {
  const journey = await api.ask(
    "mutation ($j: JourneyInput!) { createJourney(input: { journey: $j }) { journey { id history { nodes { action } } } } }",
    { j: { clientId, name: "Welcome", slug: "welcome" } },
    editor,
  );
  expect(journey.data.createJourney.journey.history.nodes).toEqual([{ action: "insert" }]);
  const touchpoint = await api.ask(
    "mutation ($t: TouchpointInput!) { createTouchpoint(input: { touchpoint: $t }) { touchpoint { history { nodes { action } } } } }",
    { t: { journeyId: journey.data.createJourney.journey.id, name: "Hello", type: "email", orderIndex: 0 } },
    editor,
  );
  expect(touchpoint.data.createTouchpoint.touchpoint.history.nodes).toEqual([{ action: "insert" }]);
});
