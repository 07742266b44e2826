import { compareSchema } from "../../src/imports/compare_schema.ts";
import { makeDecoder } from "../../src/imports/decode.ts";
import { bloom } from "../../src/imports/mappings/bloom.ts";
import { mappings } from "../../src/imports/mappings/find_mapping.ts";
import { type Collection, mappedFields } from "../../src/imports/mappings/mapping.ts";
import { blankSecrets } from "../../src/imports/pipeline/land.ts";
import { elementSpans, memberSpan, memberSpans, sliceText } from "../../src/imports/sources/json_spans.ts";
import type { SourceSchema } from "../../src/imports/sources/source.ts";

const sourceId = "0198f3a1-0000-7000-8000-000000000001";

/** Every field that the base has been seen with, in any of its four dialects. */
const dialects: Record<string, string[]> = {
  Clients: [
    "Name",
    "Client Name",
    "Location ID",
    "GHL Location ID",
    "PIT Token",
    "Website",
    "Status",
    "Notes",
    "Industry",
    "Contact Email",
    "Pipelines",
    "Journeys",
    "Templates",
    "Sync History",
  ],
  Pipelines: ["Pipeline Name", "Pipeline ID", "Stages", "Is Default", "Client", "Clients", "Journeys"],
  Journeys: [
    "Journey Name",
    "Name",
    "Type",
    "Status",
    "Description",
    "Tags",
    "Client",
    "Pipeline",
    "Touchpoints",
    "Goal",
    "Trigger Config",
    "Version",
    "Sync Status",
    "Last Sync",
    "GHL Workflow ID",
    "Duration",
  ],
  Touchpoints: [
    "Internal Name",
    "Name",
    "Day",
    "Type",
    "Subject",
    "Subject Line",
    "Body Content",
    "Content",
    "GHL Template ID",
    "Template ID",
    "Status",
    "Journey",
    "Order",
    "Versions",
    "Approvals",
    "Templates",
    "Config",
    "Position",
    "PositionX",
    "PositionY",
    "Delay",
    "Delay Unit",
    "Condition",
    "Assignee",
    "Due In",
    "Next Touchpoint",
    "Last Synced",
  ],
  "Email Previews": [
    "Name",
    "Day",
    "Type",
    "Subject",
    "Status",
    "Preview",
    "Client",
    "Last Generated",
    "HTML Size",
    "GHL Template ID",
  ],
  Versions: ["Version Number", "Version", "Subject", "Body Content", "Change Notes", "Change Log", "Touchpoint"],
  Approvals: ["Status", "Comments", "Approved At", "Reviewed At", "Touchpoint"],
  Templates: [
    "Template Name",
    "GHL Template ID",
    "Template Type",
    "Last Synced",
    "Sync Status",
    "Client",
    "Touchpoint",
    "Content",
    "Variables",
    "Status",
  ],
  "Sync History": ["Operation", "Status", "Items Synced", "Errors", "Started At", "Completed At", "Client"],
};

const collectionOf = (name: string) => bloom.collections.find((collection) => collection.name === name) as Collection;

test.each(Object.entries(dialects))("can tell the fate of every field of %s, in every dialect", (name, fields) => {
  const known = Object.entries(collectionOf(name).fields).flatMap(([field, { aliases }]) => [field, ...aliases]);
  expect(fields.filter((field) => !known.includes(field))).toEqual([]);
});

test("cannot give one name to two fields of a collection", () => {
  for (const { name, fields } of bloom.collections) {
    const names = Object.entries(fields).flatMap(([field, { aliases }]) => [field, ...aliases]);
    expect([name, names.filter((field, index) => names.indexOf(field) !== index)]).toEqual([name, []]);
  }
});

const decodeTouchpoint = (fields: Record<string, unknown>) =>
  makeDecoder(
    bloom,
    collectionOf("Touchpoints"),
    sourceId,
  )(
    "recT",
    JSON.stringify({
      id: "recT",
      createdTime: "2026-01-01T00:00:00.000Z",
      fields: { "Internal Name": "One", Type: "Email", Journey: ["recJ"], ...fields },
    }),
  );

test("can read the sync engine's words for the same things", () => {
  const { row } = makeDecoder(
    bloom,
    collectionOf("Touchpoints"),
    sourceId,
  )(
    "recT",
    '{"id":"recT","createdTime":"2026-01-01T00:00:00Z","fields":{"Name":"One","Type":"sms","Content":"Hi","Delay":-2,"Delay Unit":"weeks","PositionX":0,"PositionY":12.5,"Journey":["recJ"]}}',
  );
  expect(row).toMatchObject({
    name: "One",
    type: "sms",
    content: { body: "Hi" },
    config: { delay: -2, delayUnit: "weeks" },
    position: { x: 0, y: 12.5 },
  });
});

test("can lay the subject's own field over a subject inside the body, and tells of the other", () => {
  const { row, issues } = decodeTouchpoint({ Subject: "Outer", "Body Content": '{"subject":"Inner","body":"B"}' });
  expect(row?.content).toEqual({ subject: "Outer", body: "B" });
  expect(issues).toMatchObject([
    { field: "Body Content", fate: "converted", reason: "overridden_member", original: '{"subject":"Inner"}' },
  ]);
});

test("can tell zero, false, nothing and absent apart", () => {
  const zero = decodeTouchpoint({ Day: 0, Order: 0, Subject: "" }).row;
  expect(zero).toMatchObject({ day_offset: 0, source_order: "0", content: { subject: "" } });
  const absent = decodeTouchpoint({}).row;
  expect(absent).toMatchObject({ day_offset: null, source_order: null, content: {}, position: null, config: {} });
});

test("cannot default what it does not understand", () => {
  expect(decodeTouchpoint({ Type: "WhatsApp" })).toMatchObject({ row: null, refusal: "unknown_option" });
  expect(decodeTouchpoint({ Status: "Somewhere" })).toMatchObject({ row: null, refusal: "unknown_option" });
  expect(decodeTouchpoint({ Day: 1.5 })).toMatchObject({
    row: { day_offset: null },
    issues: [{ reason: "not_an_integer", original: "1.5" }],
  });
});

test("can find where a source differs, with the line to add", () => {
  const field = (name: string, kind = "singleLineText", options: string[] | null = null) => ({
    id: name,
    name,
    kind,
    options,
  });
  const schema: SourceSchema = {
    collections: Object.entries(dialects).map(([name]) => ({
      id: name,
      name,
      fields:
        name === "Journeys"
          ? [
              field("Journey Name"),
              field("Name"),
              field("Status", "singleSelect", ["Draft", "On Ice"]),
              field("Goal", "number"),
              field("Client", "multipleRecordLinks"),
              field("Owner", "singleLineText"),
            ]
          : Object.keys(collectionOf(name).fields).map((known) => field(known)),
    })),
  };
  const findings = compareSchema(bloom, schema).filter(({ collection }) => collection === "Journeys");
  expect(findings.map(({ kind, field: name }) => [kind, name])).toEqual([
    ["doubled_field", "Name"],
    ["unknown_option", "Status"],
    ["retyped_field", "Goal"],
    ["unknown_field", "Owner"],
  ]);
  const lines = findings.map(({ wayOut }) => wayOut).join("\n");
  for (const line of ['on_ice: ["On Ice"],', '"Goal": to("goal", decimal()),', '"Owner": to("…", text())']) {
    expect(lines).toContain(line);
  }
});

test("can blank a secret under each of its doubled keys and leave every other byte", () => {
  const bytes = Buffer.from('{ "id":"r", "fields" : {"PIT Token":"pit-one","Name":"Ü", "PIT Token" : "pit-\\"two"} }');
  expect(blankSecrets(bytes, bloom, collectionOf("Clients")).toString()).toBe(
    '{ "id":"r", "fields" : {"PIT Token":"[secret]","Name":"Ü", "PIT Token" : "[secret]"} }',
  );
});

describe("spans of JSON text", () => {
  const bytes = Buffer.from('{"records": [ {"a":"]}\\""}, [1,[2]], -1.5e3 ,null],"offset":"itr/ü","records":[]}');

  test("can find members and elements exactly as they were written", () => {
    const [records] = memberSpans(bytes);
    expect(elementSpans(bytes, records?.value ?? { start: 0, end: 0 }).map((span) => sliceText(bytes, span))).toEqual([
      '{"a":"]}\\""}',
      "[1,[2]]",
      "-1.5e3",
      "null",
    ]);
    expect(sliceText(bytes, memberSpan(bytes, "offset") ?? { start: 0, end: 0 })).toBe('"itr/ü"');
    expect(sliceText(bytes, memberSpan(bytes, "records") ?? { start: 0, end: 0 })).toBe("[]");
  });

  test("cannot take a text that is cut anywhere for a whole one", () => {
    for (let end = 0; end < bytes.length; end += 1) {
      expect(() => memberSpans(bytes.subarray(0, end))).toThrow(SyntaxError);
    }
  });

  test.each(["[1]", '{"a":1,}', '{"a" 1}', "{} x", '{1:"a"}'])("cannot read %s as an object", (text) => {
    expect(() => memberSpans(Buffer.from(text))).toThrow(SyntaxError);
  });
});

describe("two links in a cell that takes one", () => {
  // Whatever the base says of the field: that it prefers a single link is a hint to Airtable's own pages, and cells with several stay.
  const cells = mappings.flatMap((mapping) =>
    mapping.collections.flatMap((known) =>
      known.partOf === null
        ? mappedFields(known)
            .filter(([, { codec }]) => codec.linksTo !== undefined && codec.kinds.includes("multipleRecordLinks"))
            .map(([name, field]) => ({ mapping, known, name, field, what: `${mapping.name}: ${known.name}.${name}` }))
        : [],
    ),
  );

  test("can be found in both mappings", () => expect(cells.length).toBeGreaterThan(15));

  test.each(cells)("wait with both, and no link is chosen: $what", ({ mapping, known, name, field }) => {
    const cell = ["recA0000000000001", "recB0000000000001"];
    const record = JSON.stringify({ id: "recX", createdTime: "2026-01-01T00:00:00.000Z", fields: { [name]: cell } });
    const { row, refusal, issues, fates } = makeDecoder(mapping, known, sourceId)("recX", record);
    expect(fates.get(name)).toBe("quarantined");
    expect(issues.find((issue) => issue.field === name)).toMatchObject({
      fate: "quarantined",
      reason: "too_many_links",
      original: JSON.stringify(cell),
    });
    // The record comes in without it; where its row needs one, it waits itself.
    if (field.isRequired) expect([row, refusal]).toEqual([null, expect.anything()]);
    else expect(row?.[field.column] ?? null).toBeNull();
  });
});
