import { compareSchemas } from "../../src/imports/pipeline/schema_changes.ts";
import { planImport, runImport, sampleFolder } from "../../src/imports/run_import.ts";
import type { SourceSchema } from "../../src/imports/sources/source.ts";
import { type AirtableSandbox, startAirtableSandbox } from "../../src/sandbox/airtable/server.ts";
import { type Importing, prepareImporting } from "./importing.ts";

const apiKey = "patTest.of.the.sandbox";
let importing: Importing;
let sandbox: AirtableSandbox;
let now = 0;
const clock = {
  now: () => now,
  sleep: async (milliseconds: number) => {
    now += milliseconds;
  },
};

beforeEach(async () => {
  importing = await prepareImporting();
  sandbox = await startAirtableSandbox({ folder: sampleFolder, apiKey, now: clock.now });
});

afterEach(async () => {
  await sandbox.close();
  await importing.close();
});

type Field = AirtableSandbox["base"]["tables"][number]["schema"]["fields"][number];

const request = (onLanded?: (collection: string) => void) =>
  importing.request(`airtable:${sandbox.baseId}`, {
    access: { airtable: { apiKey, endpointUrl: sandbox.url }, clock, retryDelayMs: 1 },
    onProgress: (step, collection) => {
      if (step === "land") onLanded?.(collection);
    },
  });

function changeFields(table: string, change: (fields: Field[]) => Field[]): void {
  const found = sandbox.base.tables.find(({ name }) => name === table);
  if (found === undefined) throw new Error(`The sample has no ${table}`);
  found.schema.fields = change(found.schema.fields);
}

const rename = (from: string, to: string) => (fields: Field[]) =>
  fields.map((field) => (field.name === from ? { ...field, name: to } : field));

test("cannot load what was read before and after a field was renamed: import_schema_changed", async () => {
  const report = await runImport(
    request((collection) => {
      if (collection === "Pipelines") changeFields("Clients", rename("Website", "Homepage"));
    }),
  );
  expect(report).toMatchObject({
    status: "cancelled",
    message: expect.stringContaining("Clients.Website is called Homepage now."),
    wayOut: expect.stringContaining("begins anew"),
  });
  expect(await importing.database.query("select from journeys.clients")).toHaveLength(0);
  changeFields("Clients", rename("Homepage", "Website"));
  expect(await runImport(request())).toMatchObject({ status: "incomplete", verified: true });
});

test("can go on when a field or an option was added, and says so", async () => {
  const report = await runImport(
    request((collection) => {
      if (collection !== "Pipelines") return;
      changeFields("Clients", (fields) => [
        ...fields.filter(({ name }) => name !== "New"),
        { id: "fldNew", name: "New", type: "number" },
      ]);
    }),
  );
  expect(report).toMatchObject({ status: "incomplete", verified: true });
  expect(report.issues.find(({ reason }) => reason === "schema_changed")).toMatchObject({
    collection: "Clients",
    field: "New",
    detail: "Clients.New is new.",
  });
});

test("can name a field that was renamed since the last import, with the line to add", async () => {
  await runImport(request());
  changeFields("Journeys", rename("Goal", "Purpose"));
  const { findings } = await planImport(request());
  expect(findings.filter(({ kind }) => kind === "renamed_field")).toEqual([
    {
      kind: "renamed_field",
      collection: "Journeys",
      field: "Purpose",
      message:
        "Purpose was called Goal when it was last imported; under the new name its values will wait in quarantine.",
      wayOut: 'Add to Goal: aliases: ["Purpose"].',
    },
  ]);
  const journeys = sandbox.base.tables.find(({ name }) => name === "Journeys");
  if (journeys !== undefined) journeys.schema.name = "Paths";
  await expect(planImport(request())).rejects.toMatchObject({
    reason: "import_collection_missing",
    message: expect.stringContaining("Journeys is called Paths now."),
  });
});

test("can tell every kind of change", () => {
  const field = (id: string, name: string, kind = "text", options: string[] | null = null) => ({
    id,
    name,
    kind,
    options,
  });
  const before: SourceSchema = {
    collections: [
      { id: "t1", name: "One", fields: [field("f1", "A"), field("f2", "B"), field("f3", "C", "select", ["x"])] },
      { id: "t2", name: "Two", fields: [] },
      { id: "t3", name: "Three", fields: [] },
    ],
  };
  const after: SourceSchema = {
    collections: [
      {
        id: "t1",
        name: "One",
        fields: [field("f1", "A", "number"), field("f3", "C", "select", ["x", "y"]), field("f4", "D")],
      },
      { id: "t2", name: "Zwei", fields: [] },
      { id: "t4", name: "Four", fields: [] },
    ],
  };
  expect(compareSchemas(before, after).map(({ message, isBreaking }) => [message, isBreaking])).toEqual([
    ["One.A is number now and was text.", true],
    ["One.B is gone.", true],
    ["One.C has a new option: y.", false],
    ["One.D is new.", false],
    ["Two is called Zwei now.", true],
    ["Three is gone.", true],
    ["Four is new.", false],
  ]);
  expect(compareSchemas(before, before)).toEqual([]);
});

test("can keep the calls that led to a stop", async () => {
  sandbox.faults.order("none", "none", "none", "quota");
  await expect(runImport(request())).rejects.toMatchObject({
    reason: "import_paused",
    message: expect.stringContaining("used up"),
  });
  expect(
    await importing.database.query(
      "select request, http_status, problem, called_at is not null and milliseconds >= 0 as is_timed from imports.api_calls order by id desc limit 1",
    ),
  ).toEqual([
    {
      request: expect.stringMatching(/^GET \/v0\/appBloomSample001\/tbl\w+\?pageSize=100$/),
      http_status: 429,
      problem: "PUBLIC_API_BILLING_LIMIT_EXCEEDED",
      is_timed: true,
    },
  ]);
});
