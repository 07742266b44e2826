import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as codecs from "../../src/imports/codecs.ts";
import { makeDecoder } from "../../src/imports/decode.ts";
import { rowId } from "../../src/imports/identity.ts";
import { collection, type Mapping, to } from "../../src/imports/mappings/mapping.ts";
import type { BatchReport } from "../../src/imports/report.ts";
import { copySample, type Importing, prepareImporting, recordOf } from "./importing.ts";

/**
 * What Airtable's data really holds, item by item, each with its one outcome: first through the whole pipeline into the tables, then what
 * the sample's mapping has no column for through the decoder, then the schema's own surprises.
 */

type Table = "Clients" | "Pipelines" | "Journeys" | "Touchpoints" | "Templates";

interface Case {
  item: string;
  table: Table;
  field: string;
  /** JSON text of the cell; null where the record does not have it. */
  cell: string | null;
  /** SQL over the row. */
  sql: string;
  /** What it gives, as text; undefined where the record stays out. */
  value?: string | null;
  /** Why the cell, or the record, waits or was converted; undefined where it came in as it is. */
  reason?: string;
}

const text = (item: string, cell: string | null, value: string | null, reason?: string): Case => ({
  item,
  table: "Journeys",
  field: "Goal",
  cell,
  sql: "goal",
  value,
  reason,
});
const whole = (item: string, cell: string | null, value: string | null, reason?: string): Case => ({
  item,
  table: "Touchpoints",
  field: "Day",
  cell,
  sql: "day_offset::text",
  value,
  reason,
});
const number = (item: string, cell: string | null, value: string | null, reason?: string): Case => ({
  item,
  table: "Touchpoints",
  field: "Order",
  cell,
  sql: "source_order::text",
  value,
  reason,
});
const time = (item: string, cell: string | null, value: string | null, reason?: string): Case => ({
  item,
  table: "Templates",
  field: "Last Synced",
  cell,
  sql: "(last_synced_at at time zone 'UTC')::text",
  value,
  reason,
});
const check = (item: string, cell: string | null, value: string): Case => ({
  item,
  table: "Pipelines",
  field: "Is Default",
  cell,
  sql: "is_default::text",
  value,
});
const tags = (item: string, cell: string | null, value: string | null, reason?: string): Case => ({
  item,
  table: "Journeys",
  field: "Tags",
  cell,
  sql: "metadata ->> 'tags'",
  value,
  reason,
});
const option = (item: string, cell: string | null, value: string | null, reason?: string): Case => ({
  item,
  table: "Journeys",
  field: "Type",
  cell,
  sql: "category::text",
  value,
  reason,
});
const link = (item: string, cell: string | null, value: string | null, reason?: string): Case => ({
  item,
  table: "Journeys",
  field: "Pipeline",
  cell,
  sql: "(select p.name from journeys.pipelines p where p.id = pipeline_id)",
  value,
  reason,
});

const long = "x".repeat(100_000);
const json = JSON.stringify;

const cases: Case[] = [
  whole("c1-1 zero is a number", "0", "0"),
  number("c1-1 zero, however it is written", "0.00", "0"),
  check("c1-1 false is said", "false", "false"),
  check("c1-1 true", "true", "true"),
  text("c1-1 an empty text is a text", '""', ""),
  text("c1-1 blanks are a text", '"  "', "  "),
  text("c1-2 nothing is nothing", null, null),
  text("c1-2 null is nothing", "null", null),
  whole("c1-2 no number is no zero", null, null),
  check("c1-2 an unchecked checkbox is omitted", null, "false"),
  tags("c1-2 no tags", null, null),
  tags("c1-2 an empty list", "[]", "[]"),
  {
    ...text("c1-4 a primary field that is null", "null", null, "missing_required"),
    field: "Journey Name",
    value: undefined,
  },
  {
    ...text("c1-4 a primary field that is blank", '" "', null, "missing_required"),
    field: "Journey Name",
    value: undefined,
  },
  text("c1-5 a formula's error", '{"error":"#ERROR!"}', null, "wrong_type"),
  whole("c1-5 not a number", '{"specialValue":"NaN"}', null, "not_a_number"),
  number("c1-5 infinity", '{"specialValue":"Infinity"}', null, "not_a_number"),
  number("c1-5 minus infinity", '{"specialValue":"-Infinity"}', null, "not_a_number"),
  tags("c1-5 an error within a list", '["a",{"error":"#ERROR!"}]', null, "wrong_type"),
  number("c1-6 a number that comes as a list", "[1]", null, "not_a_number"),
  number("c1-6 a number that comes as a text", '"12"', null, "not_a_number"),
  text("c1-7 a lookup of objects", '[{"id":"usr1"}]', null, "wrong_type"),
  tags("c1-7 a lookup with null in it", '["a",null]', null, "wrong_type"),
  link("c1-8 a link to nothing", '["recDoesNotExist0"]', null, "dangling_link"),
  link("c1-8 a link to a record of another table", '["CLIENT"]', null, "dangling_link"),
  link("c1-8 two links where one is meant", '["PIPELINE","recDoesNotExist0"]', null, "too_many_links"),
  link("c1-8 the same link twice", '["PIPELINE","PIPELINE"]', null, "too_many_links"),
  link("c1-8 an empty link", "[]", null),
  link("c1-8 a link that is a text", '"PIPELINE"', null, "wrong_type"),
  {
    ...whole("c1-8 a link to itself", '["SELF"]', null, "link_elsewhere"),
    field: "Next Touchpoint",
    sql: "next_touchpoint_id::text",
  },
  option("c1-10 an option that nobody declared", '"Funeral"', null, "unknown_option"),
  option("c1-10 an option in another case", '"wedding"', null, "unknown_option"),
  option("c1-10 an option with a blank behind it", '"Wedding "', null, "unknown_option"),
  option("c1-10 an empty option", '""', null, "unknown_option"),
  option("c1-10 an option of two spellings", '"Follow Up"', "follow_up", "merged_option"),
  tags(
    "c1-10 names with commas, quotes, lines and signs",
    '["a, b","\\"q\\"","x\\ny","🎈","שלום"]',
    json(["a, b", '"q"', "x\ny", "🎈", "שלום"]).replaceAll(",", ", ").replace("a,  b", "a, b"),
  ),
  time("c1-11 the year 0", '"0000-01-01T00:00:00.000Z"', null, "not_a_time"),
  time("c1-11 a year before 1000", '"0999-12-31T23:59:59.000Z"', "0999-12-31 23:59:59"),
  time("c1-11 a year of five digits", '"+020230-01-01T00:00:00.000Z"', null, "not_a_time"),
  time("c1-11 a day where a time is meant", '"2026-03-14"', null, "not_a_time"),
  time("c1-11 milliseconds and zone", '"2026-03-14T10:12:00.123+05:30"', "2026-03-14 04:42:00.123"),
  time("c1-11 a day that the month has not", '"2026-02-30T00:00:00.000Z"', null, "not_a_time"),
  number("c1-12 a fraction of a second", "0.5", "0.5"),
  number("c1-12 a negative duration", "-90", "-90"),
  number("c1-12 a duration beyond every interval", "86399999913600.25", "86399999913600.25"),
  number("c1-13 more decimals than are shown", "0.123456789012345678901", "0.123456789012345678901"),
  number("c1-13 more than 2^53", "9007199254740993", "9007199254740993"),
  number("c1-13 an exponent", "1.5e-7", "0.00000015"),
  whole("c1-13 a decimal where a whole number is meant", "1.5", null, "not_an_integer"),
  whole("c1-13 a whole number of more than 32 bits", "2147483648", null, "not_an_integer"),
  whole("c1-13 infinite by exponent", "1e400", null, "not_an_integer"),
  number("c1-14 a fraction of a percent", "0.075", "0.075"),
  text(
    "c1-16 a mention",
    '"<airtable:mention id=\\"men1\\">@Alex</airtable:mention>"',
    '<airtable:mention id="men1">@Alex</airtable:mention>',
  ),
  text("c1-16 lines of Windows", '"a\\r\\nb"', "a\r\nb"),
  text("c1-16 a hundred thousand characters", json(long), long),
  text("c1-16 NUL", '"a\\u0000b"', null, "refused_text"),
  text("c1-16 half a surrogate", '"a\\ud800b"', null, "refused_text"),
  text("c1-16 a whole surrogate pair", '"\\ud83c\\udf88"', "🎈"),
  text("c1-16 a backslash that makes no NUL", '"\\\\u0000"', "\\u0000"),
  text("c1-16 composed", '"\\u00e9"', "\u00e9"),
  text("c1-16 decomposed", '"e\\u0301"', "e\u0301"),
  {
    ...text("c1-17 an e-mail that is none", '"not an e-mail"', "not an e-mail"),
    table: "Clients",
    field: "Contact Email",
    sql: "config ->> 'contactEmail'",
  },
  {
    ...text("c1-17 an address that is none", '"ht!tp:/x"', "ht!tp:/x"),
    table: "Clients",
    field: "Website",
    sql: "website",
  },
  text("c1-18 a collaborator without an e-mail", '{"id":"usr1"}', null, "wrong_type"),
  text("c1-18 a barcode", '{"text":"123"}', null, "wrong_type"),
  text("c1-18 a button", '{"label":"Open","url":null}', null, "wrong_type"),
  text("c1-18 a failed answer of an AI field", '{"state":"error","errorType":"emptyDependency"}', null, "wrong_type"),
];

let importing: Importing;
let sample: Awaited<ReturnType<typeof copySample>>;
let report: BatchReport;
const ids = new Map<Case, string>();

const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

/** A record that is right in everything but the cell in question, as JSON text. */
function recordText(example: Case, id: string, links: Record<string, string>): string {
  const fields: Record<Table, Record<string, unknown>> = {
    Clients: { Name: id },
    Pipelines: { "Pipeline Name": id, Client: [links.CLIENT] },
    Journeys: { "Journey Name": id, Client: [links.CLIENT] },
    Touchpoints: { "Internal Name": id, Type: "Email", Journey: [links.JOURNEY] },
    Templates: { "Template Name": id, "Template Type": "Email" },
  };
  const { [example.field]: _replaced, ...rest } = fields[example.table];
  const cells = Object.entries(rest).map(([name, value]) => `${json(name)}:${json(value)}`);
  if (example.cell !== null) {
    const cell = example.cell.replaceAll(/"(SELF|CLIENT|PIPELINE)"/g, (_all, name) =>
      json({ ...links, SELF: id }[name as string]),
    );
    cells.push(`${json(example.field)}:${cell}`);
  }
  return `{"id":${json(id)},"createdTime":"2026-01-01T00:00:00.000Z","fields":{${cells.join(",")}}}\n`;
}

/** Names that a careless importer folds into one another, or into its own columns. */
const strangeNames = [
  " Goal",
  "goal",
  "a.b",
  'say "hi"',
  "100%",
  "🎈",
  "...",
  "select",
  "id",
  "tenant_id",
  "__proto__",
  "constructor",
  `${"n".repeat(70)}1`,
  `${"n".repeat(70)}2`,
];

beforeAll(async () => {
  importing = await prepareImporting();
  sample = await copySample();
  const links: Record<string, string> = {};
  for (const [key, table] of [
    ["CLIENT", "Clients"],
    ["PIPELINE", "Pipelines"],
  ] as const) {
    await sample.change(table, (records) => {
      links[key] = records[0]?.id as string;
      return undefined;
    });
  }
  await sample.change("Journeys", (records) => {
    links.JOURNEY = recordOf(records, "Journey Name", "First Anniversary").id;
    for (const { fields } of records) delete fields.Touchpoints;
    return undefined;
  });
  for (const [index, example] of cases.entries()) {
    const id = `recDirty${String(index).padStart(9, "0")}`;
    ids.set(example, id);
    await appendFile(sample.fileOf(example.table), recordText(example, id, links));
  }
  // c1-3, c1-6, c1-18, c2-19: an empty record, a record twice, fields of kinds and names that nobody foresaw.
  await appendFile(
    sample.fileOf("Clients"),
    '{"id":"recEmpty000000000","createdTime":"2026-01-01T00:00:00.000Z","fields":{}}\n',
  );
  const strange = strangeNames.map((name, index) => `${json(name)}:${index}`).join(",");
  await appendFile(
    sample.fileOf("Clients"),
    `{"id":"recStrange0000000","createdTime":"2026-01-01T00:00:00.000Z","fields":{"Name":"Strange",${strange},"Name":"Strange"}}\n`,
  );
  const file = join(sample.folder, "schema.json");
  const schema = JSON.parse(await readFile(file, "utf8"));
  const clients = schema.tables.find(({ name }: { name: string }) => name === "Clients");
  clients.fields.push(...strangeNames.map((name, index) => ({ id: `fldStrange${index}`, name, type: "hologram" })));
  await writeFile(file, JSON.stringify(schema));
  report = await importing.run(sample.folder);
});

afterAll(async () => {
  await sample.remove();
  await importing.close();
});

test("can account for all of it: the sums balance and every check passes", () => {
  expect(report.checks.filter(({ expected, actual }) => expected !== actual)).toEqual([]);
  expect(report).toMatchObject({ status: "incomplete", verified: true });
  for (const { landed, inserted, updated, unchanged, quarantined, skipped } of report.collections) {
    expect(inserted + updated + unchanged + quarantined + skipped).toBe(landed);
  }
});

const tableNames: Record<Table, string> = {
  Clients: "journeys.clients",
  Pipelines: "journeys.pipelines",
  Journeys: "journeys.journeys",
  Touchpoints: "journeys.touchpoints",
  Templates: "journeys.templates",
};

test.each(cases.map((example) => [example.item, example] as const))(
  "can give its one outcome to %s",
  async (_item, example) => {
    const id = ids.get(example) as string;
    const issues = await query("select reason, fate, original from imports.issues where record_id = $1", [id]);
    expect(issues.map(({ reason }) => reason)).toEqual(example.reason === undefined ? [] : [example.reason]);
    const [record] = await query("select outcome, row_id from imports.records where record_id = $1", [id]);
    if (example.value === undefined) {
      expect(record).toMatchObject({ outcome: "quarantined" });
      return;
    }
    expect(record).toMatchObject({ outcome: "inserted" });
    const [row] = await query(`select ${example.sql} as value from ${tableNames[example.table]} where id = $1`, [
      record?.row_id,
    ]);
    expect(row).toEqual({ value: example.value });
  },
);

test("can keep the original of everything that waits, digit for digit", async () => {
  for (const example of cases) {
    if (example.reason === undefined || example.cell === null || example.cell === "null") continue;
    if (/SELF|CLIENT|PIPELINE|\\u0000|\\ud800|e400/.test(example.cell)) continue;
    const [issue] = await query(
      "select original::jsonb = $2::jsonb as is_same from imports.issues where record_id = $1",
      [ids.get(example), example.cell],
    );
    expect([example.item, issue]).toEqual([example.item, { is_same: true }]);
  }
});

test("can quarantine a completely empty record, which is a record (c1-3)", async () => {
  expect(await query("select outcome, reason from imports.records where record_id = 'recEmpty000000000'")).toEqual([
    { outcome: "quarantined", reason: "missing_required" },
  ]);
});

test("can keep fields of strange names and unknown kinds apart, each with its value (c1-18, c2-19)", async () => {
  const fields = await query(
    `select field.name, field.fate, field.quarantined::integer as cells from imports.fields field
     join imports.collections c on c.tenant_id = field.tenant_id and c.id = field.collection_id
     where c.name = 'Clients' and field.fate = 'unknown'`,
  );
  expect(fields).toHaveLength(strangeNames.length);
  for (const name of strangeNames) expect(fields).toContainEqual({ name, fate: "unknown", cells: 1 });
  expect(await query("select name from journeys.clients where name = 'Strange'")).toEqual([{ name: "Strange" }]);
});

test("can tell equal record ids of two bases apart (c1-9)", () => {
  expect(rowId("0198f3a1-0000-7000-8000-000000000001", "Clients", "recA")).not.toBe(
    rowId("0198f3a1-0000-7000-8000-000000000002", "Clients", "recA"),
  );
});

test("can run again over all of it and write nothing", async () => {
  const again = await importing.run(sample.folder);
  expect(again).toMatchObject({ verified: true });
  expect(
    again.collections.every(
      ({ inserted, updated, deleted, conflicts }) => inserted + updated + deleted + conflicts === 0,
    ),
  ).toBe(true);
});

describe("of kinds that the sample has no column for", () => {
  const mapping: Mapping = {
    name: "kinds",
    title: "Kinds",
    cellsIn: "fields",
    collections: [
      collection("Things", "public.things", {
        Day: to("day", codecs.date()),
        Amount: to("amount", codecs.decimal()),
        Names: to("names", codecs.nameList()),
      }),
    ],
  };
  const decode = makeDecoder(
    mapping,
    mapping.collections[0] as (typeof mapping.collections)[0],
    "0198f3a1-0000-7000-8000-000000000001",
  );

  test.each([
    ["c1-11 a day", "Day", '"2026-02-28"', "2026-02-28", undefined],
    ["c1-11 the year 0", "Day", '"0000-01-01"', null, "not_a_date"],
    ["c1-11 a year of five digits", "Day", '"+020230-01-01"', null, "not_a_date"],
    ["c1-11 a time where a day is meant", "Day", '"2026-02-28T10:00:00.000Z"', null, "not_a_date"],
    ["c1-13 a currency with all its decimals", "Amount", "19.999999", "19.999999", undefined],
    ["c1-14 no rating is not zero", "Amount", null, null, undefined],
    ["c1-14 zero is a rating", "Amount", "0", "0", undefined],
  ])("can give its one outcome to %s", (_item, field, cell, value, reason) => {
    const cells = cell === null ? "{}" : `{${json(field)}:${cell}}`;
    const { row, issues } = decode("recA", `{"id":"recA","fields":${cells}}`);
    expect(row?.[field.toLowerCase()] ?? null).toBe(value);
    expect(issues.map((issue) => issue.reason)).toEqual(reason === undefined ? [] : [reason]);
  });
});
