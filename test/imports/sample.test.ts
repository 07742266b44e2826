import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reportAsMarkdown } from "../../src/imports/report.ts";
import { importSample, planImport, runImport, sampleFolder } from "../../src/imports/run_import.ts";
import { copySample, type Importing, prepareImporting, readRows, recordOf } from "./importing.ts";

let importing: Importing;

beforeEach(async () => {
  importing = await prepareImporting();
});

afterEach(() => importing.close());

const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

test("can bring the sample in with a report that balances", async () => {
  const report = await importing.run(sampleFolder);
  expect(report).toMatchObject({ status: "incomplete", verified: true });
  for (const { landed, inserted, updated, unchanged, quarantined, skipped } of report.collections) {
    expect(inserted + updated + unchanged + quarantined + skipped).toBe(landed);
  }
  const sums = Object.fromEntries(report.collections.map(({ name, landed, inserted }) => [name, [landed, inserted]]));
  expect(sums).toEqual({
    Clients: [4, 4],
    Pipelines: [5, 5],
    Journeys: [10, 9],
    Touchpoints: [61, 58],
    Versions: [9, 8],
    Approvals: [8, 8],
    Templates: [6, 6],
    "Sync History": [5, 5],
    "Table 1": [3, 0],
  });
  expect(report.checks.every(({ expected, actual }) => expected === actual)).toBe(true);
  expect(await query("select count(*)::integer as count from journeys.touchpoints")).toEqual([{ count: 58 }]);
});

test("can tell of every dirty record what became of it and what to do", async () => {
  const { issues } = await importing.run(sampleFolder);
  expect(
    issues.map(({ collection, field, fate, reason }) => [collection, field, fate, reason].join(" ")).sort(),
  ).toEqual(
    [
      "Clients Location ID converted placeholder",
      "Pipelines Stages quarantined bad_json",
      "Journeys Status converted merged_option",
      "Journeys Client quarantined dangling_link",
      "Touchpoints Internal Name quarantined missing_required",
      "Touchpoints Status quarantined unknown_option",
      "Touchpoints Body Content quarantined refused_text",
      "Touchpoints Journey quarantined parent_quarantined",
      "Versions Touchpoint quarantined parent_quarantined",
      "Templates Touchpoint quarantined dangling_link",
    ].sort(),
  );
  const byReason = (reason: string) => issues.find((issue) => issue.reason === reason);
  expect(byReason("merged_option")?.original).toBe('"Paused"');
  expect(byReason("refused_text")?.original).toContain("Thank you\\u0000 for coming");
  expect(byReason("parent_quarantined")?.detail).toMatch(/^Journeys\/rec\w+ waits in quarantine\.$/);
  expect(issues.every(({ wayOut }) => wayOut.length > 0)).toBe(true);
});

test("can keep what the original script lost: day 0, doubled orders, the order itself, forward links, texts that look like JSON", async () => {
  await importing.run(sampleFolder);
  const touchpoints = await query(
    `select t.name, t.day_offset, t.source_order::integer, t.order_index, t.content ->> 'body' as body, next.name as next
     from journeys.touchpoints t
     join journeys.journeys j on j.id = t.journey_id
     left join journeys.touchpoints next on next.id = t.next_touchpoint_id
     where j.name in ('Inquiry to Tour', 'First Anniversary', 'Site Visit Follow-up')
     order by j.name, t.order_index`,
  );
  expect(touchpoints.find(({ name }) => name === "On the day")).toMatchObject({ day_offset: 0, body: "2026" });
  expect(touchpoints.find(({ name }) => name === "Inquiry received")).toMatchObject({
    day_offset: 0,
    next: "Welcome and brochure",
  });
  const doubled = touchpoints.filter(({ name }) => name === "Call about the quote" || name === "Text if not opened");
  expect(doubled.map(({ source_order, order_index }) => [source_order, order_index])).toEqual([
    [5, 4],
    [5, 5],
  ]);
});

test("cannot find the private integration token anywhere in the database", async () => {
  await importing.run(sampleFolder);
  const tables = await query(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname !~ '^pg_|^information_schema'`,
  );
  for (const { name } of tables) {
    expect([name, await query(`select t::text from ${name} t where t::text like '%5f0e7c52%'`)]).toEqual([name, []]);
  }
  const [payload] = await query(
    "select source_text from app_private.import_payloads where source_text like '%Harbourlight%secret%'",
  );
  expect(payload?.source_text).toContain('"PIT Token":"[secret]"');
});

test("can keep the text of a record byte for byte where it holds no secret", async () => {
  await importing.run(sampleFolder);
  const [, line] = readFileSync(`${sampleFolder}/records/Touchpoints.ndjson`, "utf8").split("\n");
  const [payload] = await query(
    "select source_text, sha256 = sha256(convert_to(source_text, 'UTF8')) as is_hash from app_private.import_payloads where record_id = $1",
    [JSON.parse(line as string).id],
  );
  expect(payload).toEqual({ source_text: line, is_hash: true });
});

test("can run again and write nothing", async () => {
  await importing.run(sampleFolder);
  const before = await readRows(importing.database);
  const audited = await query(
    "select count(*)::integer as count from audit.changes where table_name like 'journeys.%'",
  );
  const report = await importing.run(sampleFolder);
  expect(report.verified).toBe(true);
  expect(report.collections.map(({ inserted, updated }) => inserted + updated)).toEqual(
    report.collections.map(() => 0),
  );
  expect(await readRows(importing.database)).toEqual(before);
  expect(
    await query("select count(*)::integer as count from audit.changes where table_name like 'journeys.%'"),
  ).toEqual(audited);
});

test("can update only what changed in the source, and keep what the row was", async () => {
  const sample = await copySample();
  try {
    await importing.run(sample.folder);
    await sample.change("Journeys", (records) => {
      recordOf(records, "Journey Name", "Inquiry to Tour").fields.Goal = "A tour within a week.";
      return undefined;
    });
    const report = await importing.run(sample.folder);
    expect(report).toMatchObject({ verified: true });
    expect(report.collections.filter(({ updated }) => updated > 0)).toMatchObject([
      { name: "Journeys", updated: 1, unchanged: 8 },
    ]);
    const audited = await query(
      "select table_name, changes from audit.changes where action = 'update' and table_name like 'journeys.%'",
    );
    expect(audited).toEqual([
      {
        table_name: "journeys.journeys",
        changes: { goal: ["A tour in the calendar within ten days of the inquiry.", "A tour within a week."] },
      },
    ]);
    const images = await query("select table_name, image ->> 'goal' as goal from app_private.import_before_images");
    expect(images).toEqual([
      { table_name: "journeys.journeys", goal: "A tour in the calendar within ten days of the inquiry." },
    ]);
  } finally {
    await sample.remove();
  }
});

test("can change the text of an approved journey without taking its approval back, and queues nothing", async () => {
  const sample = await copySample();
  try {
    await importing.run(sample.folder);
    await sample.change("Touchpoints", (records) => {
      recordOf(records, "Internal Name", "Ask for photographs").fields["Body Content"] = "Another text.";
      return undefined;
    });
    const report = await importing.run(sample.folder);
    expect(report).toMatchObject({ verified: true });
    expect(report.collections.filter(({ updated }) => updated > 0)).toMatchObject([
      { name: "Touchpoints", updated: 1 },
    ]);
    expect(await query("select status from journeys.journeys where name = 'After the Wedding'")).toEqual([
      { status: "approved" },
    ]);
    expect(await query("select distinct task_identifier from graphile_worker.jobs")).toEqual([
      { task_identifier: "imports/run_batch" },
    ]);
  } finally {
    await sample.remove();
  }
});

test("can change an earlier text of a touchpoint, though people cannot", async () => {
  const sample = await copySample();
  try {
    await importing.run(sample.folder);
    await sample.change("Versions", (records) => {
      recordOf(records, "Subject", "Open day").fields["Version Number"] = 4;
      return undefined;
    });
    expect(await importing.run(sample.folder)).toMatchObject({ verified: true });
    expect(await query("select version from journeys.touchpoint_versions where subject = 'Open day'")).toEqual([
      { version: 4 },
    ]);
  } finally {
    await sample.remove();
  }
});

test("can set aside the one record that a table refuses, and what hangs on it", async () => {
  await query(
    "alter table journeys.touchpoints add constraint touchpoints_no_calls_check check (name <> 'Welcome and brochure')",
  );
  const report = await importing.run(sampleFolder);
  expect(report).toMatchObject({ status: "incomplete", verified: true });
  expect(
    report.collections.filter(({ quarantined }) => quarantined > 0).map(({ name, quarantined }) => [name, quarantined]),
  ).toEqual([
    ["Journeys", 1],
    ["Touchpoints", 4],
    ["Versions", 3],
  ]);
  expect(report.issues.find(({ reason }) => reason === "refused_by_table")?.detail).toContain(
    "touchpoints_no_calls_check",
  );
  expect(report.issues.filter(({ field }) => field === "Next Touchpoint")).toMatchObject([
    { reason: "parent_quarantined" },
  ]);
});

test("can put a new touchpoint between others, and deletes the row of a record that is gone", async () => {
  const sample = await copySample();
  try {
    await importing.run(sample.folder);
    await sample.change("Touchpoints", (records) => {
      const second = recordOf(records, "Internal Name", "Wait two days");
      const { "Next Touchpoint": _next, ...fields } = second.fields;
      const added = { ...second, id: "recBetweenTheOthers", fields: { ...fields, "Internal Name": "Between", Day: 1 } };
      return [...records.filter(({ fields }) => fields["Internal Name"] !== "Note for the crew"), added];
    });
    await sample.change("Journeys", (records) => {
      const journey = recordOf(records, "Journey Name", "After the Wedding");
      journey.fields.Touchpoints = (journey.fields.Touchpoints as string[]).slice(0, -1);
      return undefined;
    });
    const report = await importing.run(sample.folder);
    expect(report).toMatchObject({ verified: true });
    const rows = await query(
      `select t.name from journeys.touchpoints t join journeys.journeys j on j.id = t.journey_id
       where j.name = 'Inquiry to Tour' order by t.order_index`,
    );
    expect(rows.slice(2, 5)).toEqual([
      { name: "Text: we have your message" },
      { name: "Between" },
      { name: "Wait two days" },
    ]);
    expect(report.collections.find(({ name }) => name === "Touchpoints")).toMatchObject({ deleted: 1 });
    expect(
      await query("select count(*)::integer as count from journeys.touchpoints where name = 'Note for the crew'"),
    ).toEqual([{ count: 0 }]);
  } finally {
    await sample.remove();
  }
});

test("cannot overwrite what people edited since: kept where the source is as it was, a conflict where both changed", async () => {
  const sample = await copySample();
  try {
    await importing.run(sample.folder);
    await query(
      "update journeys.pipelines set name = 'Ours now' where name in ('Wedding enquiries', 'Corporate leads')",
    );
    await sample.change("Pipelines", (records) => {
      recordOf(records, "Pipeline Name", "Corporate leads").fields["Pipeline Name"] = "Conference leads";
      return undefined;
    });
    const report = await importing.run(sample.folder);
    expect(report).toMatchObject({ verified: true });
    expect(report.collections.find(({ name }) => name === "Pipelines")).toMatchObject({
      updated: 0,
      unchanged: 4,
      skipped: 1,
    });
    expect(report.issues.filter(({ reason }) => reason === "edited_since_import")).toHaveLength(1);
    expect(await query("select count(*)::integer as count from journeys.pipelines where name = 'Ours now'")).toEqual([
      { count: 2 },
    ]);
  } finally {
    await sample.remove();
  }
});

test("can bring in what waited once the source is put right, children and all", async () => {
  const sample = await copySample();
  try {
    await importing.run(sample.folder);
    await sample.change("Journeys", (records) => {
      const client = recordOf(records, "Journey Name", "Inquiry to Tour").fields.Client;
      recordOf(records, "Journey Name", "Winter Tasting").fields.Client = client;
      return undefined;
    });
    const report = await importing.run(sample.folder);
    expect(report).toMatchObject({ verified: true });
    expect(report.collections.filter(({ inserted }) => inserted > 0)).toMatchObject([
      { name: "Journeys", inserted: 1, quarantined: 0 },
      { name: "Touchpoints", inserted: 1, quarantined: 2 },
    ]);
  } finally {
    await sample.remove();
  }
});

test("can notice that a record was lost on the way: its other side still lists it", async () => {
  const sample = await copySample();
  try {
    await sample.change("Touchpoints", (records) => records.slice(0, -2));
    const report = await importing.run(sample.folder);
    expect(report).toMatchObject({ status: "failed", verified: false });
    expect(report.checks.filter(({ expected, actual }) => expected !== actual)).toMatchObject([
      { collection: "Journeys", layer: "references", name: "Touchpoints, the other side of Touchpoints.Journey" },
    ]);
  } finally {
    await sample.remove();
  }
});

test("can bring in the other dialects' fields, and the email factory's list", async () => {
  const sample = await copySample();
  try {
    const file = join(sample.folder, "schema.json");
    const schema = JSON.parse(readFileSync(file, "utf8"));
    const add = (table: string, fields: Record<string, string>) => {
      const found = schema.tables.find(({ name }: { name: string }) => name === table);
      found.fields.push(...Object.entries(fields).map(([name, type]) => ({ id: `fld${table}${name}`, name, type })));
    };
    schema.tables.push({ id: "tblPreviews", name: "Email Previews", fields: [] });
    add("Touchpoints", {
      Delay: "number",
      "Delay Unit": "singleSelect",
      PositionX: "number",
      PositionY: "number",
      "Last Synced": "dateTime",
    });
    add("Journeys", { Version: "number", "Last Sync": "dateTime" });
    add("Email Previews", {
      Name: "singleLineText",
      Day: "number",
      Status: "singleSelect",
      Client: "singleLineText",
      "Last Generated": "dateTime",
      Preview: "multipleAttachments",
    });
    writeFileSync(file, JSON.stringify(schema));
    writeFileSync(
      sample.fileOf("Email Previews"),
      '{"id":"recPreview1","createdTime":"2026-03-01T00:00:00.000Z","fields":{"Name":"Day 1 - Welcome","Day":0,"Status":"In Review","Client":"Fernwick Estate","Last Generated":"2026-03-01T10:00:00.120Z","Preview":[{"id":"att1","url":"https://x.example/1"}]}}\n',
    );
    await sample.change("Touchpoints", (records) => {
      const { fields } = recordOf(records, "Internal Name", "Bring a friend");
      Object.assign(fields, {
        Delay: 1.5,
        "Delay Unit": "weeks",
        PositionX: 0,
        PositionY: -12.25,
        "Last Synced": "2026-03-01T10:00:00.100Z",
      });
      return undefined;
    });
    await sample.change("Journeys", (records) => {
      Object.assign(recordOf(records, "Journey Name", "Open Day in May").fields, {
        Version: 3,
        "Last Sync": "2026-03-02T08:00:00Z",
      });
      return undefined;
    });
    const report = await importing.run(sample.folder);
    expect(report).toMatchObject({ status: "incomplete", verified: true });
    expect(await query("select config, position from journeys.touchpoints where name = 'Bring a friend'")).toEqual([
      {
        config: { delay: 1.5, delayUnit: "weeks", lastSyncedAt: "2026-03-01T10:00:00.100Z" },
        position: { x: 0, y: -12.25 },
      },
    ]);
    expect(await query("select metadata from journeys.journeys where name = 'Open Day in May'")).toEqual([
      { metadata: { sourceVersion: 3, lastSyncedAt: "2026-03-02T08:00:00Z" } },
    ]);
    expect(await query("select type, status, content from journeys.templates where name = 'Day 1 - Welcome'")).toEqual([
      {
        type: "email",
        status: "draft",
        content: { day: 0, clientName: "Fernwick Estate", lastGeneratedAt: "2026-03-01T10:00:00.120Z" },
      },
    ]);
  } finally {
    await sample.remove();
  }
});

test("can predict what a run would do, without changing a row", async () => {
  const plan = await planImport(importing.request(sampleFolder));
  expect(plan.findings.map(({ kind, field }) => [kind, field])).toEqual([["unknown_option", "Status"]]);
  expect(await query("select count(*)::integer as count from journeys.clients")).toEqual([{ count: 0 }]);
  const report = await importing.run(sampleFolder);
  expect(plan.collections).toEqual(report.collections);
});

test("can import the sample once, however often it is asked for", async () => {
  const { pool, tenantId } = importing;
  const access = { airtable: { apiKey: undefined, endpointUrl: "" } };
  const first = await importSample({ mapping: "bloom", pool, tenantId, access });
  const second = await importSample({ mapping: "bloom", pool, tenantId, access });
  expect(second.batchId).toBe(first.batchId);
  expect(await query("select count(*)::integer as count from imports.batches")).toEqual([{ count: 1 }]);
});

test("can write the report for people", async () => {
  const markdown = reportAsMarkdown(await runImport(importing.request(sampleFolder)));
  expect(markdown).toContain("| **total** | 111 | 103 | 0 | 0 | 5 | 3 | 0 | 0 |");
  expect(markdown).toContain("## What needs a person");
  expect(markdown).not.toContain("5f0e7c52");
});
