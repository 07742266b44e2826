/** The documents of a frontend, collected from files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { storeDocuments } from "../../src/cli/documents.ts";
import { collectDocuments } from "../../src/server/collect_documents.ts";
import { createTestDatabase, rolledBack } from "../support/database.ts";

const schema = `type Query { page(first: Int): PageConnection }
  type PageConnection { nodes: [Page!]! }
  type Page { id: ID, page: PageConnection }`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "landfall-documents-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function collect(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return collectDocuments([folder], schema);
}

test("can come from .graphql files in any folder, with fragments of another file, under the hash of their text", () => {
  const [found, ...others] = collect({
    "a.graphql": "query A { page { nodes { ...B } } }",
    "deep/b.gql": "fragment B on Page { id }",
  });
  expect(others).toEqual([]);
  expect(found).toMatchObject({ id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), operationNames: ["A"] });
  expect(found?.text).toContain("fragment B on Page");
});

test("can come from a manifest, under the ids that it gives", () => {
  const text = "query A { page { nodes { id } } }";
  expect(collect({ "persisted-documents.json": JSON.stringify({ "app:A.1": text }) })).toEqual([
    { id: "app:A.1", operationNames: ["A"], text },
  ]);
});

test.each<[string, Record<string, string>, string]>([
  ["nothing", { "a.txt": "query A { page { nodes { id } } }" }, "wrong_usage"],
  ["what is no GraphQL", { "a.graphql": "query A {" }, "wrong_usage"],
  ["an operation without a name", { "a.graphql": "{ page { nodes { id } } }" }, "wrong_usage"],
  ["a manifest of another kind", { "persisted-documents.json": "[1]" }, "wrong_usage"],
  ["an id with a blank", { "persisted-documents.json": '{"a b": "query A { page { nodes { id } } }"}' }, "wrong_usage"],
  ["a field that the API does not have", { "a.graphql": "query A { pages { id } }" }, "documents_refused"],
  [
    "lists within lists within lists within lists",
    { "a.graphql": `query A { ${"page { nodes { ".repeat(4)} id ${"} } ".repeat(4)} }` },
    "documents_refused",
  ],
])("cannot be %s: %s", (_name, files, reason) => {
  let refused: unknown;
  try {
    collect(files);
  } catch (error) {
    refused = error;
  }
  expect(refused).toMatchObject({ reason });
});

test("cannot be collected from where nothing is: wrong_usage", () => {
  expect(() => collectDocuments([join(folder, "nowhere")], schema)).toThrow(/cannot be read/);
});

test("can be stored twice, and cannot be changed under their id: documents_refused", async () => {
  const database = await createTestDatabase();
  const document = { id: "a", text: "query A { page { nodes { id } } }", operationNames: ["A"] };
  await rolledBack(database.urls.owner, async (client) => {
    expect([...(await storeDocuments(client, [document]))]).toEqual(["a"]);
    expect([...(await storeDocuments(client, [document, { ...document, id: "b" }]))]).toEqual(["b"]);
    await expect(
      storeDocuments(client, [{ ...document, text: "query A { page { nodes { page } } }" }]),
    ).rejects.toMatchObject({ reason: "documents_refused" });
  });
  await database.drop();
});
