import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planImport, runImport } from "../../src/imports/run_import.ts";
import { openSource } from "../../src/imports/sources/open_source.ts";
import { copySample, type Importing, prepareImporting } from "./importing.ts";

const access = { airtable: { apiKey: undefined, endpointUrl: "http://127.0.0.1:9" } };

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "landfall-bad-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test("cannot read a folder that is missing: snapshot_missing", async () => {
  await expect(openSource(join(folder, "nowhere"), access)).rejects.toMatchObject({ reason: "snapshot_missing" });
});

test("cannot read an empty folder: snapshot_empty", async () => {
  await expect(openSource(folder, access)).rejects.toMatchObject({ reason: "snapshot_empty" });
});

test("cannot read a folder that is not ours: snapshot_foreign", async () => {
  await writeFile(join(folder, "notes.txt"), "hello");
  await expect(openSource(folder, access)).rejects.toMatchObject({ reason: "snapshot_foreign" });
  await writeFile(join(folder, "schema.json"), '{"tables": "none"}');
  await expect(openSource(folder, access)).rejects.toMatchObject({ reason: "snapshot_foreign" });
});

test("cannot read a half-written snapshot: snapshot_incomplete", async () => {
  const table = { id: "tblA", name: "A", fields: [] };
  await writeFile(join(folder, "schema.json"), JSON.stringify({ tables: [table] }));
  await expect(openSource(folder, access)).rejects.toMatchObject({
    reason: "snapshot_incomplete",
    message: expect.stringContaining("A"),
  });
  await mkdir(join(folder, "records"));
  await writeFile(join(folder, "records", "A.ndjson"), '{"id":"recA","fields":{}}\n{"id":"recB","fie');
  const source = await openSource(folder, access);
  const [collection] = (await source.schema()).collections;
  await expect(
    source
      .pages(collection as NonNullable<typeof collection>, null)
      [Symbol.asyncIterator]()
      .next(),
  ).rejects.toMatchObject({
    reason: "snapshot_incomplete",
    message: expect.stringContaining("Record 2"),
  });
});

test("cannot read a base without a token or with a wrong id: airtable_token, airtable_base", async () => {
  await expect(openSource("airtable:appBase", access)).rejects.toMatchObject({ reason: "airtable_token_refused" });
  await expect(openSource("airtable:oops", access)).rejects.toMatchObject({ reason: "airtable_base_invalid" });
});

describe("with a database", () => {
  let importing: Importing;

  beforeAll(async () => {
    importing = await prepareImporting();
  });

  afterAll(() => importing.close());

  test("cannot import a base without one of the tables, and nothing is written: import_collection_missing", async () => {
    const sample = await copySample();
    try {
      const file = join(sample.folder, "schema.json");
      const schema = JSON.parse(await readFile(file, "utf8"));
      schema.tables = schema.tables.filter(({ name }: { name: string }) => name !== "Pipelines");
      await writeFile(file, JSON.stringify(schema));
      await expect(importing.run(sample.folder)).rejects.toMatchObject({
        reason: "import_collection_missing",
        message: expect.stringContaining("Pipelines"),
      });
      expect(await importing.database.query("select from imports.batches")).toEqual([]);
    } finally {
      await sample.remove();
    }
  });

  test("cannot import by a mapping that is not there: mapping_unknown", async () => {
    await expect(runImport(importing.request(folder, { mapping: "blume" }))).rejects.toMatchObject({
      reason: "mapping_unknown",
      wayOut: expect.stringContaining("bloom"),
    });
  });

  test("can quarantine what the mapping does not know, and reports it with the line to add", async () => {
    const sample = await copySample();
    try {
      const file = join(sample.folder, "schema.json");
      const schema = JSON.parse(await readFile(file, "utf8"));
      const clients = schema.tables.find(({ name }: { name: string }) => name === "Clients");
      clients.fields.push({ id: "fldMood", name: "Mood", type: "number" });
      schema.tables.push({
        id: "tblNew",
        name: "Vendors",
        fields: [{ id: "fldV", name: "Name", type: "singleLineText" }],
      });
      await writeFile(file, JSON.stringify(schema));
      await writeFile(
        sample.fileOf("Vendors"),
        '{"id":"recVendor","createdTime":"2026-01-01T00:00:00.000Z","fields":{"Name":"Flowers"}}\n',
      );
      await sample.change("Clients", (records) => {
        for (const record of records) record.fields.Mood = 0;
        return undefined;
      });
      const plan = await planImport(importing.request(sample.folder));
      expect(plan.findings).toContainEqual(
        expect.objectContaining({
          kind: "unknown_field",
          field: "Mood",
          wayOut: expect.stringContaining('"Mood": to("…", decimal())'),
        }),
      );
      expect(plan.findings).toContainEqual(
        expect.objectContaining({ kind: "unknown_collection", collection: "Vendors" }),
      );
      const report = await importing.run(sample.folder);
      expect(report).toMatchObject({ status: "incomplete", verified: true });
      expect(report.collections.find(({ name }) => name === "Vendors")).toMatchObject({ landed: 1, quarantined: 1 });
      expect(report.issues.find(({ reason }) => reason === "unknown_field")).toMatchObject({
        field: "Mood",
        detail: "4 cells hold a value.",
      });
    } finally {
      await sample.remove();
    }
  });
});
