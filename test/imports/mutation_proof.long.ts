/**
 * The verifier is verified. Errors of every kind are planted in a scratch base, one at a time and behind every trigger and constraint, and
 * each must be found: in an import that changed rows, and in one that found nothing changed and has carried over what was proved before.
 * `npm test` plants a part of them, `npm run test:mutations` all.
 */
import type { Batch } from "../../src/imports/pipeline/batch.ts";
import { type LedgerCollection, openLedger } from "../../src/imports/pipeline/collections.ts";
import { verify } from "../../src/imports/pipeline/verify.ts";
import { copySample, type Importing, prepareImporting, recordOf, type SampleRecord } from "./importing.ts";
import { type PlantedError, plantableErrors } from "./planting.ts";
import { reopenBatch } from "./verifying.ts";

const plantsAll = process.env.LANDFALL_TEST_MUTATIONS === "all";
const partSize = 12;

/** What the second run finds changed, so that the batch has rows of every outcome. */
const changes: Record<string, (record: SampleRecord) => void> = {
  Clients: ({ fields }) => Object.assign(fields, { Industry: "Gardens" }),
  Pipelines: ({ fields }) => Object.assign(fields, { "Is Default": fields["Is Default"] !== true }),
  Journeys: ({ fields }) => Object.assign(fields, { Goal: "Another goal", Tags: ["first", "second", "third"] }),
  Touchpoints: ({ fields }) =>
    Object.assign(fields, { Subject: "Another subject", Config: '{"delay": 12.5, "unit": "hours"}' }),
  Versions: ({ fields }) => Object.assign(fields, { "Change Notes": "Other notes" }),
  Approvals: ({ fields }) => Object.assign(fields, { Comments: "Another comment" }),
  Templates: ({ fields }) => Object.assign(fields, { "Last Synced": "2026-03-01T10:00:00.125Z" }),
  "Sync History": ({ fields }) => Object.assign(fields, { Errors: "Another error" }),
};

describe.each(["that changed rows", "that found nothing changed"])("an import %s", (what) => {
  const isUnchanged = what === "that found nothing changed";
  let importing: Importing;
  let sample: Awaited<ReturnType<typeof copySample>>;
  let batch: Batch;
  let ledger: LedgerCollection[];

  const query = <Row extends Record<string, unknown>>(sql: string, values?: unknown[]) =>
    importing.database.query<Row>(sql, values);

  beforeAll(async () => {
    importing = await prepareImporting();
    sample = await copySample();
    const removed = new Map<string, SampleRecord[]>();
    await sample.change("Touchpoints", (records) => {
      Object.assign(recordOf(records, "Internal Name", "Thank you").fields, { Order: 2.75 });
      return undefined;
    });
    for (const table of Object.keys(changes)) {
      await sample.change(table, (records) => {
        removed.set(table, records);
        return ["Touchpoints", "Versions", "Approvals", "Sync History"].includes(table)
          ? records.slice(0, -2)
          : undefined;
      });
    }
    await importing.run(sample.folder);
    for (const [table, change] of Object.entries(changes)) {
      await sample.change(table, () => {
        const records = removed.get(table) ?? [];
        for (const [index, record] of records.entries()) if (index % 3 === 0) change(record);
        return records;
      });
    }
    let report = await importing.run(sample.folder);
    expect(report).toMatchObject({ status: "incomplete", verified: true });
    if (isUnchanged) {
      report = await importing.run(sample.folder);
      const [carried] = await query<{ carried: number }>(
        "select sum(carried)::integer as carried from imports.collections where batch_id = $1 and table_name is not null",
        [report.batchId],
      );
      expect(carried?.carried).toBeGreaterThan(0);
    }
    batch = await reopenBatch(importing, report.batchId, sample.folder);
    ledger = await openLedger(batch);
    await makeScratch();
  }, 120_000);

  afterAll(async () => {
    await sample.remove();
    await importing.close();
  });

  /** In the scratch base no table refuses anything, and every table has a copy to put back. */
  async function makeScratch(): Promise<void> {
    await query(`
    do $$
    declare
      found record;
    begin
      create schema saved;
      for found in
        select c.oid, c.oid::regclass as name, n.nspname || '_' || c.relname as copy
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and not c.relispartition
          and (n.nspname in ('journeys', 'imports') or n.nspname = 'app_private' and c.relname like 'import\\_%')
      loop
        execute format('create table saved.%I as select * from %s', found.copy, found.name);
      end loop;
      for found in
        select k.conrelid::regclass as name, k.conname from pg_constraint k join pg_namespace n on n.oid = k.connamespace
        where k.contype in ('c', 'u') and n.nspname = 'journeys'
      loop
        execute format('alter table %s drop constraint %I cascade', found.name, found.conname);
      end loop;
      for found in
        select a.attrelid::regclass as name, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'journeys' and c.relkind = 'r' and a.attnum > 0 and a.attnotnull and not a.attisdropped
          and a.attname not in ('id', 'tenant_id')
      loop
        execute format('alter table %s alter column %I drop not null', found.name, found.attname);
      end loop;
    end
    $$`);
  }

  /** Plants an error, verifies, and puts everything back. */
  async function plant({ table, sql }: PlantedError): Promise<{ planted: boolean; found: boolean; by: string[] }> {
    const copy = `saved.${table.replace(".", "_")}`;
    const unguarded = (statement: string) =>
      query(`do $body$ begin set local session_replication_role = replica; ${statement}; end $body$`);
    await unguarded(sql).catch((error) => {
      throw new Error(`Cannot plant: ${sql}`, { cause: error });
    });
    try {
      const [difference] = await query<{ rows: number }>(
        `select count(*)::integer as rows from (
         (select t::text from ${table} t except all select c::text from ${copy} c)
         union all (select c::text from ${copy} c except all select t::text from ${table} t)
       ) difference`,
      );
      if (difference?.rows === 0) return { planted: false, found: false, by: [] };
      const found = !(await verify(batch, ledger));
      const by = await query<{ layer: string }>(
        "select distinct layer::text as layer from imports.checks where batch_id = $1 and not is_passed",
        [batch.id],
      );
      return { planted: true, found, by: by.map(({ layer }) => layer) };
    } finally {
      await unguarded(`delete from ${table}; insert into ${table} select * from ${copy}`);
    }
  }

  test("can pass the base as it was imported", async () => {
    expect(await verify(batch, ledger)).toBe(true);
  });

  test(
    `can find every planted error, ${plantsAll ? "all of them" : "a part of them"}`,
    async () => {
      const errors = await plantableErrors(importing, batch.id);
      const step = plantsAll ? 1 : errors.length / partSize;
      const chosen = plantsAll
        ? errors
        : Array.from({ length: partSize }, (_, index) => errors[Math.floor((index + 0.5) * step)] as PlantedError);
      const missed: string[] = [];
      const kinds = new Set<string>();
      const layers = new Map<string, number>();
      let planted = 0;
      for (const error of chosen) {
        const result = await plant(error);
        if (!result.planted) continue;
        planted += 1;
        kinds.add(error.kind);
        for (const layer of result.by) layers.set(layer, (layers.get(layer) ?? 0) + 1);
        if (!result.found) missed.push(`${error.kind} in ${error.place}`);
      }
      const byLayer = [...layers].map(([layer, count]) => `${layer} ${count}`).join(", ");
      process.stdout.write(
        `planted errors in an import ${what}: ${planted - missed.length} of ${planted} found, ${kinds.size} kinds (found by ${byLayer})\n`,
      );
      expect(missed).toEqual([]);
      // Nothing was left behind by which the later ones could have been found.
      expect(await verify(batch, ledger)).toBe(true);
      expect(planted).toBeGreaterThanOrEqual(plantsAll ? 200 : 5);
    },
    plantsAll ? 1_800_000 : 120_000,
  );
});
