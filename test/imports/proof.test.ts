import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decimal, integer, text } from "../../src/imports/codecs.ts";
import { bloom } from "../../src/imports/mappings/bloom.ts";
import { countOf, formula, type Mapping, rollupOf } from "../../src/imports/mappings/mapping.ts";
import { openLedger } from "../../src/imports/pipeline/collections.ts";
import { verify } from "../../src/imports/pipeline/verify.ts";
import { sampleFolder } from "../../src/imports/run_import.ts";
import { copySample, type Importing, prepareImporting } from "./importing.ts";
import { reopenBatch } from "./verifying.ts";

let importing: Importing;

beforeEach(async () => {
  importing = await prepareImporting();
});

afterEach(() => importing.close());

const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

test("can compare in all five layers, and something in each", async () => {
  const { checks } = await importing.run(sampleFolder);
  const sums = new Map<string, number>();
  for (const { layer, expected } of checks) sums.set(layer, (sums.get(layer) ?? 0) + expected);
  expect([...sums.keys()].sort()).toEqual(["computed", "counts", "fields", "references", "types"]);
  expect(Math.min(...sums.values())).toBeGreaterThan(50);
  const types = checks.filter(({ layer, expected }) => layer === "types" && expected > 0).map(({ name }) => name);
  expect(types).toEqual(
    expect.arrayContaining([
      "Items Synced (integer) and back",
      "Order (numeric) and back",
      "Is Default (boolean) and back",
      "Started At (timestamptz) and back",
      "Tags (jsonb) and back",
      "Trigger Config (jsonb) and back",
      "Status (journeys.journey_status) and back",
      "Body Content (jsonb) and back",
    ]),
  );
});

/** Bloom's mapping with fields that the source computes. */
function withComputed(changes: Record<string, Mapping["collections"][number]["fields"]>): Mapping {
  return {
    ...bloom,
    collections: bloom.collections.map((collection) => ({
      ...collection,
      fields: { ...collection.fields, ...changes[collection.name] },
    })),
  };
}

test("can hold what the source computed against what SQL computes: counts, rollups, formulas", async () => {
  const sample = await copySample();
  try {
    const file = join(sample.folder, "schema.json");
    const schema = JSON.parse(readFileSync(file, "utf8"));
    const journeys = schema.tables.find(({ name }: { name: string }) => name === "Journeys");
    for (const [name, type] of [
      ["Steps", "count"],
      ["Last Day", "rollup"],
      ["Shout", "formula"],
    ]) {
      journeys.fields.push({ id: `fld${name}`, name, type });
    }
    writeFileSync(file, JSON.stringify(schema));
    const days = new Map<string, number[]>();
    await sample.change("Touchpoints", (records) => {
      for (const { fields } of records) {
        const [journey = ""] = (fields.Journey as string[] | undefined) ?? [];
        days.set(journey, [...(days.get(journey) ?? []), Number(fields.Day ?? -1)]);
      }
      return undefined;
    });
    await sample.change("Journeys", (records) => {
      for (const { id, fields } of records) {
        const own = days.get(id) ?? [];
        Object.assign(fields, { Steps: own.length, Shout: String(fields["Journey Name"]).toUpperCase() });
        if (own.some((day) => day >= 0)) fields["Last Day"] = Math.max(...own);
      }
      // What Airtable says where a formula cannot be worked out.
      Object.assign(records[0]?.fields ?? {}, { Shout: { error: "#ERROR!" } });
      return undefined;
    });
    const { batchId } = await importing.run(sample.folder);
    const mapping = withComputed({
      Journeys: {
        Steps: countOf("Touchpoints", "Journey"),
        "Last Day": rollupOf("Touchpoints", "Journey", decimal(), "max(row.day_offset)"),
        Shout: formula(text(), "upper(row.name)"),
      },
    });
    const batch = await reopenBatch(importing, batchId, sample.folder, mapping);
    const ledger = await openLedger(batch);
    expect(await verify(batch, ledger)).toBe(true);
    const checks = () =>
      query(
        `select name, expected::integer, actual::integer, jsonb_array_length(offending) as offending from imports.checks
         where name like '%as the source has it' order by name`,
      );
    // Of ten journeys one waits, and two have touchpoints that wait: their numbers speak of more than came in.
    expect(await checks()).toEqual([
      { name: "Last Day, as the source has it", expected: 7, actual: 7, offending: 0 },
      { name: "Shout, as the source has it", expected: 8, actual: 8, offending: 0 },
      { name: "Steps, as the source has it", expected: 7, actual: 7, offending: 0 },
    ]);
    await query(
      `with leave as (select set_config('session_replication_role', 'replica', true))
       update journeys.touchpoints set day_offset = 99 from leave where name = 'Open day'
         or id = (select id from journeys.touchpoints where journey_id = (select id from journeys.journeys where name = 'Open Day in May') limit 1)`,
    );
    expect(await verify(batch, ledger)).toBe(false);
    expect((await checks())[0]).toMatchObject({ expected: 7, actual: 6, offending: 1 });
    const wrong = withComputed({
      Journeys: { Steps: countOf("Approvals", "Touchpoint"), Shout: formula(integer(), "1") },
    });
    const misled = { ...batch, mapping: wrong };
    expect(await verify(misled, await openLedger(misled))).toBe(false);
  } finally {
    await sample.remove();
  }
});

test("can tell an edit on record from a change without a trace", async () => {
  const { batchId } = await importing.run(sampleFolder);
  const batch = await reopenBatch(importing, batchId, sampleFolder);
  const ledger = await openLedger(batch);
  await query("update journeys.journeys set goal = 'Ours now' where name = 'Inquiry to Tour'");
  await query("insert into journeys.sync_history (tenant_id, operation, status) values ($1, 'full_sync', 'success')", [
    importing.tenantId,
  ]);
  await query("delete from journeys.sync_history where items_synced = 2");
  expect(await verify(batch, ledger)).toBe(true);
  await query(
    `with leave as (select set_config('session_replication_role', 'replica', true))
     update journeys.journeys set goal = 'Without a trace' from leave where name = 'Winter Weddings'
       or id = (select id from journeys.journeys where name <> 'Inquiry to Tour' order by name limit 1)`,
  );
  expect(await verify(batch, ledger)).toBe(false);
  expect(await query("select name, offending from imports.checks where not is_passed and layer = 'fields'")).toEqual([
    { name: "goal", offending: [expect.stringMatching(/^rec/)] },
  ]);
});

test("can say so where a kept text cannot be read any more, instead of stopping", async () => {
  const { batchId } = await importing.run(sampleFolder);
  const batch = await reopenBatch(importing, batchId, sampleFolder);
  await query(
    "update app_private.import_payloads set source_text = left(source_text, -1) where record_id = (select record_id from imports.records where outcome = 'inserted' limit 1)",
  );
  expect(await verify(batch, await openLedger(batch))).toBe(false);
  const [check] = await query("select offending from imports.checks where name = 'what checkRecords reads'");
  expect(JSON.stringify(check)).toContain("invalid input syntax for type json");
});

test("cannot keep a time that PostgreSQL would round: it waits", async () => {
  const sample = await copySample();
  try {
    await sample.change("Sync History", (records) => {
      Object.assign(records[0]?.fields ?? {}, { "Started At": "2026-01-01T10:00:00.1234567Z" });
      Object.assign(records[1]?.fields ?? {}, { "Started At": "2026-01-01T10:00:00.123456000Z" });
      return undefined;
    });
    const report = await importing.run(sample.folder);
    expect(report).toMatchObject({ status: "incomplete", verified: true });
    expect(report.issues.filter(({ reason }) => reason === "too_fine_a_time")).toMatchObject([
      { field: "Started At", fate: "quarantined", original: '"2026-01-01T10:00:00.1234567Z"' },
    ]);
  } finally {
    await sample.remove();
  }
});
