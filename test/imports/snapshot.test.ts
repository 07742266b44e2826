import { execFile } from "node:child_process";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { projectDir } from "../../src/config.ts";
import { sampleFolder } from "../../src/imports/run_import.ts";
import { openAirtable } from "../../src/imports/sources/airtable.ts";
import { openSnapshot } from "../../src/imports/sources/snapshot.ts";
import type { Source } from "../../src/imports/sources/source.ts";
import { writeSnapshot } from "../../src/imports/sources/write_snapshot.ts";
import { type AirtableSandbox, startAirtableSandbox } from "../../src/sandbox/airtable/server.ts";

const apiKey = "patTest.of.the.sandbox";
let parent: string;
let out: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "landfall-snapshot-"));
  out = join(parent, "copy");
});

afterEach(() => rm(parent, { recursive: true, force: true }));

const write = (source: Source, changes: Partial<Parameters<typeof writeSnapshot>[0]> = {}) =>
  writeSnapshot({ source, out, isPacked: false, isSchemaOnly: false, ...changes });

/** Every record of a source, by collection. */
async function readRecords(source: Source): Promise<Record<string, string[]>> {
  const records: Record<string, string[]> = {};
  for (const collection of (await source.schema()).collections) {
    records[collection.name] = [];
    for await (const page of source.pages(collection, null)) {
      records[collection.name]?.push(...page.records.map(({ bytes }) => bytes.toString("utf8")));
    }
  }
  return records;
}

describe("of a live base", () => {
  let sandbox: AirtableSandbox;
  let live: Source;

  beforeEach(async () => {
    let now = 0;
    const clock = {
      now: () => now,
      sleep: async (milliseconds: number) => {
        now += milliseconds;
      },
    };
    sandbox = await startAirtableSandbox({ folder: sampleFolder, apiKey, now: clock.now });
    live = openAirtable({ baseId: sandbox.baseId, apiKey, endpointUrl: sandbox.url, clock, retryDelayMs: 1 });
  });

  afterEach(() => sandbox.close());

  test.each([false, true])(
    "can hold every record byte for byte (packed: %s), and is the same source",
    async (isPacked) => {
      const written = await write(live, { isPacked });
      const copy = await openSnapshot(out);
      expect(await readRecords(copy)).toEqual(await readRecords(await openSnapshot(sampleFolder)));
      expect(copy.key).toBe(live.key);
      expect(written.files.find(({ path }) => path.startsWith("records/Touchpoints"))?.records).toBe(61);
      expect(written).toMatchObject({ source: live.key, calls: 10 });
      expect((await stat(out)).mode & 0o077).toBe(0);
      if (isPacked) {
        expect(gunzipSync(await readFile(join(out, "records", "Clients.ndjson.gz"))).toString()).toContain(
          "Harbourlight",
        );
      }
    },
  );

  test("can begin a table again when its offset has expired, and holds no record twice", async () => {
    await sandbox.close();
    await mkdir(join(parent, "many", "records"), { recursive: true });
    const table = { id: "tblMany", name: "Many", fields: [{ id: "fldName", name: "Name", type: "singleLineText" }] };
    await writeFile(join(parent, "many", "schema.json"), JSON.stringify({ baseId: "appMany", tables: [table] }));
    const lines = Array.from(
      { length: 250 },
      (_, index) => `{"id":"rec${String(index).padStart(14, "0")}","fields":{}}`,
    );
    await writeFile(join(parent, "many", "records", "Many.ndjson"), lines.join("\n"));
    sandbox = await startAirtableSandbox({ folder: join(parent, "many"), apiKey });
    sandbox.faults.expireNextOffset();
    await write(openAirtable({ baseId: "appMany", apiKey, endpointUrl: sandbox.url }));
    expect((await readRecords(await openSnapshot(out))).Many).toEqual(lines);
  });

  test("cannot be left behind half-written when the reading breaks off", async () => {
    sandbox.faults.order("none", "none", "quota");
    await expect(write(live)).rejects.toMatchObject({ reason: "airtable_quota" });
    expect(await readdir(parent)).toEqual([]);
  });

  test("can be its schema alone, for lists and CSV exports to lie beside", async () => {
    await write(live, { isSchemaOnly: true });
    expect(await readdir(out)).toEqual(["records", "schema.json"]);
    expect(JSON.parse(await readFile(join(out, "schema.json"), "utf8")).baseId).toBe(sandbox.baseId);
  });
});

test("cannot be written over something: snapshot_exists", async () => {
  const source = await openSnapshot(sampleFolder);
  await write(source);
  await expect(write(source)).rejects.toMatchObject({ reason: "snapshot_exists" });
  await expect(write(source, { out: join(out, "schema.json", "x") })).rejects.toMatchObject({
    reason: "snapshot_unwritable",
  });
});

test("cannot be read when a file was changed, is missing, or the whole was broken off", async () => {
  await write(await openSnapshot(sampleFolder));
  const clients = join(out, "records", "Clients.ndjson");
  const text = await readFile(clients);
  await appendFile(clients, "{}\n");
  await expect(openSnapshot(out)).rejects.toMatchObject({
    reason: "snapshot_changed",
    message: expect.stringContaining("Clients.ndjson"),
  });
  await writeFile(clients, text.toString().replace("Harbourlight", "harbourlight"));
  await expect(openSnapshot(out)).rejects.toMatchObject({ reason: "snapshot_changed" });
  await rm(clients);
  await expect(openSnapshot(out)).rejects.toMatchObject({ reason: "snapshot_incomplete" });
  await writeFile(clients, text);
  await openSnapshot(out);
  const manifest = join(out, "manifest.json");
  await writeFile(manifest, (await readFile(manifest, "utf8")).replace(/"finishedAt": "[^"]*"/, '"finishedAt": null'));
  await expect(openSnapshot(out)).rejects.toMatchObject({
    reason: "snapshot_incomplete",
    message: expect.stringContaining("half-written"),
  });
  await writeFile(manifest, "{}");
  await expect(openSnapshot(out)).rejects.toMatchObject({ reason: "snapshot_foreign" });
});

test("cannot be read when a packed file is cut short: snapshot_incomplete", async () => {
  await write(await openSnapshot(sampleFolder), { isPacked: true });
  await rm(join(out, "manifest.json"));
  const packed = join(out, "records", "Touchpoints.ndjson.gz");
  const bytes = await readFile(packed);
  await writeFile(packed, bytes.subarray(0, bytes.length / 2));
  await expect(readRecords(await openSnapshot(out))).rejects.toMatchObject({ reason: "snapshot_incomplete" });
});

test("can be taken by the command, and its answer names every file", async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(projectDir, "src", "cli", "landfall.ts"), "snapshot", sampleFolder, "--out", out, "--gzip", "--json"],
    { cwd: parent, env: { ...process.env, LANDFALL_DATA_DIR: join(parent, "data") } },
  );
  const answer = JSON.parse(stdout);
  expect(answer).toMatchObject({ folder: out, source: "airtable:appBloomSample001" });
  expect(answer.files.map(({ path }: { path: string }) => path)).toContain("records/Table 1.ndjson.gz");
});

test("can name files by the table's id where its name is no file's", async () => {
  const names = ["a/b", "..", "con", "Same", "same", "x".repeat(201)];
  await mkdir(join(parent, "odd", "records"), { recursive: true });
  const tables = names.map((name, index) => ({ id: `tbl${index}`, name, fields: [] }));
  await writeFile(join(parent, "odd", "schema.json"), JSON.stringify({ tables }));
  for (const { id } of tables) await writeFile(join(parent, "odd", "records", `${id}.ndjson`), `{"id":"rec${id}"}\n`);
  await write(await openSnapshot(join(parent, "odd")));
  expect((await readdir(join(out, "records"))).sort()).toEqual(
    ["tbl0.ndjson", "tbl1.ndjson", "tbl2.ndjson", "Same.ndjson", "tbl4.ndjson", "tbl5.ndjson"].sort(),
  );
});

describe("of lists in JSON files", () => {
  const table = { id: "tblA", name: "A", fields: [{ id: "fldN", name: "Name", type: "singleLineText" }] };
  const list = async (text: string) => {
    await mkdir(join(out, "records"), { recursive: true });
    await writeFile(join(out, "schema.json"), JSON.stringify({ tables: [table] }));
    await writeFile(join(out, "records", "A.json"), text);
    return (await readRecords(await openSnapshot(out))).A;
  };

  test("can be read record for record, byte for byte, however large", async () => {
    const records = Array.from(
      { length: 3_000 },
      (_, index) => `{"id": "rec${index}", "fields": {"Name": "a \\"]}, {${"x".repeat(index % 97)}", "n": 1.10}}`,
    );
    expect(await list(`\uFEFF{"records": [\n${records.join(",\n")}\n]}\n`)).toEqual(records);
    expect(await list('{"records":[]}')).toEqual([]);
  });

  test("cannot be one page of several: snapshot_page_only", async () => {
    await expect(list('{"records":[{"id":"rec1"}],"offset":"itrX/rec2"}')).rejects.toMatchObject({
      reason: "snapshot_page_only",
      message: expect.stringContaining("itrX/rec2"),
    });
  });

  test.each(['{"records":[{"id":"rec1"}', '{"records":[{"id":"rec1"}],', "[]", '{"list":[]}', '{"records":[1]}', ""])(
    "cannot be read from %s: snapshot_incomplete",
    async (text) => {
      await expect(list(text)).rejects.toMatchObject({ reason: "snapshot_incomplete" });
    },
  );
});

describe("of CSV exports", () => {
  const field = (name: string, type: string, options?: object) => ({ id: `fld${name}`, name, type, options });
  const utc = { timeZone: "utc", dateFormat: { name: "iso" }, timeFormat: { name: "24hour" } };
  const parents = {
    id: "tblP",
    name: "Parents",
    primaryFieldId: "fldName",
    fields: [field("Name", "singleLineText")],
  };
  const things = {
    id: "tblT",
    name: "Things",
    primaryFieldId: "fldName",
    fields: [
      field("Name", "singleLineText"),
      field("Text", "multilineText"),
      field("Number", "number"),
      field("Money", "currency", { symbol: "$" }),
      field("Share", "percent"),
      field("Long", "duration"),
      field("Done", "checkbox"),
      field("Day", "date", { dateFormat: { name: "us" } }),
      field("At", "dateTime", utc),
      field("Here", "dateTime", { ...utc, timeZone: "client" }),
      field("Tags", "multipleSelects"),
      field("Parent", "multipleRecordLinks", { linkedTableId: "tblP" }),
      field("Files", "multipleAttachments"),
      field("Created", "createdTime", { result: { type: "dateTime", options: utc } }),
      field("Push", "button"),
    ],
  };
  const header = "Name,Text,Number,Money,Share,Long,Done,Day,At,Here,Tags,Parent,Files,Created";

  const open = async (
    thingsText: string,
    parentsText = 'Name\r\nOne\r\n"Two, with comma"\r\n',
    tables = [parents, things],
  ) => {
    await mkdir(join(out, "records"), { recursive: true });
    await writeFile(join(out, "schema.json"), JSON.stringify({ baseId: "appCsv", tables }));
    await writeFile(join(out, "records", "Things.csv"), thingsText);
    await writeFile(join(out, "records", "Parents.csv"), parentsText);
    return await openSnapshot(out);
  };

  test("can be read in the shape of the API, typed by the schema, and nothing is guessed", async () => {
    const row = [
      "First",
      '"two\r\nlines, ""quoted"""',
      "0",
      '"-$1,234.50"',
      "12.5%",
      "1:30",
      "checked",
      "3/7/2026",
      "2026-03-07 14:05",
      "2026-03-07 14:05",
      '"Red,""Green, dark"""',
      '"One,""Two, with comma"""',
      "plan.pdf (https://example.com/a)",
      "2026-01-02 03:04",
    ];
    const source = await open(`\uFEFF${header}\r\n${row.join(",")}\r\nEmpty${",".repeat(13)}\r\n`);
    expect(source.key).toBe("csv:appCsv");
    const { Things } = await readRecords(source);
    expect(Things?.map((text) => JSON.parse(text))).toEqual([
      {
        id: "First",
        createdTime: "2026-01-02T03:04:00.000Z",
        fields: {
          Name: "First",
          Text: 'two\r\nlines, "quoted"',
          Number: 0,
          Money: -1234.5,
          Share: 0.125,
          Long: 5400,
          Done: true,
          Day: "2026-03-07",
          At: "2026-03-07T14:05:00.000Z",
          Here: "2026-03-07 14:05",
          Tags: ["Red", "Green, dark"],
          Parent: ["One", "Two, with comma"],
          Files: [{ filename: "plan.pdf", url: "https://example.com/a" }],
          Created: "2026-01-02T03:04:00.000Z",
        },
      },
      { id: "Empty", fields: { Name: "Empty" } },
    ]);
  });

  test("can keep the records' ids where a field gives them, and is then the same source as the base", async () => {
    const id = field("Id", "formula", { formula: "RECORD_ID()" });
    const tables = [
      { ...parents, fields: [...parents.fields, id] },
      {
        ...things,
        fields: [
          field("Name", "singleLineText"),
          field("Parent", "multipleRecordLinks", { linkedTableId: "tblP" }),
          id,
        ],
      },
    ];
    const source = await open(
      "Name,Parent,Id\nSame,One,rec1\nSame,Twice,rec2\n",
      "Name,Id\nOne,recP1\nTwice,recP2\nTwice,recP3\n",
      tables as never,
    );
    expect(source.key).toBe("airtable:appCsv");
    expect((await readRecords(source)).Things?.map((text) => JSON.parse(text))).toMatchObject([
      { id: "rec1", fields: { Parent: ["recP1"] } },
      // Which of the two is meant, nobody knows: it points to nothing, and waits.
      { id: "rec2", fields: { Parent: ["Twice"] } },
    ]);
  });

  test("cannot be read where a view hides a field: csv_columns_differ", async () => {
    await expect(open("Name,Text\na,b\n")).rejects.toMatchObject({
      reason: "csv_columns_differ",
      message: expect.stringContaining("Money"),
    });
    await expect(open(`${header},Extra\n`)).rejects.toMatchObject({ message: expect.stringContaining("Extra") });
  });

  test("cannot be read where rows share a name or have none: csv_unidentified", async () => {
    const rest = ",".repeat(13);
    await expect(open(`${header}\na${rest}\na${rest}\n`)).rejects.toMatchObject({ reason: "csv_unidentified" });
    await expect(open(`${header}\n""${rest}\n`)).rejects.toMatchObject({
      reason: "csv_unidentified",
      wayOut: expect.stringContaining("RECORD_ID()"),
    });
  });

  test.each([`${header}\na,b\n`, `${header}\n"a`, `${header}\n"a"b`, ""])(
    "cannot be read when broken: %j",
    async (text) => {
      await expect(open(text)).rejects.toMatchObject({ reason: "csv_broken" });
    },
  );
});
