import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { projectDir } from "../config.ts";
import { withIdentity } from "../database/with_identity.ts";
import { LandfallError } from "../errors.ts";
import { compareSchema } from "./compare_schema.ts";
import { findMapping } from "./mappings/find_mapping.ts";
import { type BatchOptions, type BatchStatus, createBatch, defaultOptions, mappingHash } from "./pipeline/batch.ts";
import type { Plan } from "./pipeline/plans.ts";
import { planBatch, runBatch } from "./pipeline/run_batch.ts";
import { readLatestSchema } from "./pipeline/schema_changes.ts";
import type { Progress } from "./pipeline/steps.ts";
import { type BatchReport, type CollectionReport, type PlanReport, readReport } from "./report.ts";
import { openSource, type SourceAccess } from "./sources/open_source.ts";

/** What an import is asked for. */
export interface ImportRequest {
  /** Connections as the worker's login. */
  pool: pg.Pool;
  tenantId: string;
  /** Name of a mapping: `bloom`. */
  mapping: string;
  /** A snapshot folder, or `airtable:<base id>`. */
  from: string;
  access: SourceAccess;
  /** What is not said is by default. */
  options?: Partial<BatchOptions>;
  onProgress?: Progress;
}

/** What it takes to stay with a batch. */
export type Following = Pick<ImportRequest, "pool" | "tenantId" | "access" | "onProgress">;

const pollMs = 300;
const ended: BatchStatus[] = ["completed", "incomplete", "failed", "cancelled", "rolled_back"];

/**
 * Imports a source to its end. The batch is queued, so that any worker may take it; where none does, this process works on it itself.
 *
 * @returns the report out of the ledger
 * @throws LandfallError where the source cannot be read, lacks a collection, or the batch was paused: with what to do
 */
export async function runImport(request: ImportRequest): Promise<BatchReport> {
  const { pool, tenantId, access, onProgress } = request;
  const mapping = findMapping(request.mapping);
  const source = await openSource(request.from, access, pool);
  compareSchema(mapping, await source.schema());
  const batchId = await createBatch(pool, tenantId, mapping, source, "queued", {
    ...defaultOptions,
    ...request.options,
  });
  return await followBatch({ pool, tenantId, access, onProgress }, batchId);
}

/**
 * Stays with a batch until it ends, whoever works on it; where no worker does, this process works on it itself.
 *
 * @returns the report out of the ledger
 * @throws LandfallError `import_paused` where it was paused, by a person or by what it met: with what to do
 */
export async function followBatch(
  { pool, tenantId, access, onProgress }: Following,
  batchId: string,
): Promise<BatchReport> {
  for (;;) {
    await runBatch(pool, access, tenantId, batchId, onProgress);
    const report = await readReport(pool, tenantId, batchId);
    if (ended.includes(report.status)) return report;
    if (report.status === "paused") {
      throw new LandfallError(
        "import_paused",
        report.message ?? "The import was paused.",
        report.wayOut ?? "Run it again: it goes on where it stopped.",
      );
    }
    for (const { name, landed } of report.collections) onProgress?.("land", name, landed);
    await sleep(pollMs);
  }
}

/**
 * Stays with a plan until it is ready, whoever makes it; where no worker does, this process makes it.
 *
 * @returns the report of the planned batch, whose plan is there
 * @throws LandfallError `import_paused` where no plan could be made: with what to do
 */
export async function followPlan(
  { pool, tenantId, access, onProgress }: Following,
  batchId: string,
): Promise<BatchReport & { plan: PlanReport }> {
  // What an earlier try met does not count.
  await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query(
      `update imports.batches set message = null, way_out = null
       where tenant_id = $1 and id = $2 and status = 'planned' and message is not null`,
      [tenantId, batchId],
    ),
  );
  for (;;) {
    await runBatch(pool, access, tenantId, batchId, onProgress);
    const report = await readReport(pool, tenantId, batchId);
    if (report.plan !== null) return { ...report, plan: report.plan };
    if (report.message !== null) {
      throw new LandfallError("import_paused", report.message, report.wayOut ?? "Ask for the plan again.");
    }
    await sleep(pollMs);
  }
}

/** A plan as it was made: what a run would do and take. */
export interface ImportPlan extends Omit<Plan, "predictions"> {
  batchId: string;
  /** Predicted. */
  collections: CollectionReport[];
  report: BatchReport;
}

/**
 * Reads a source to its end and says what a run would do, without changing a row.
 *
 * @throws LandfallError as `runImport`
 */
export async function planImport(request: ImportRequest): Promise<ImportPlan> {
  const { pool, tenantId } = request;
  const mapping = findMapping(request.mapping);
  const source = await openSource(request.from, request.access, pool);
  const schema = await source.schema();
  compareSchema(mapping, schema, await readLatestSchema(pool, tenantId, mapping.name, source.key));
  const batchId = await createBatch(pool, tenantId, mapping, source, "planned", {
    ...defaultOptions,
    ...request.options,
  });
  const { predictions, ...plan } = await planBatch(request, source, schema, batchId);
  const report = await readReport(pool, tenantId, batchId);
  const collections = report.collections.map((collection) => ({ ...collection, ...predictions.get(collection.name) }));
  return { batchId, collections, ...plan, report };
}

/** The sample base of a mapping: one ships with Landfall for each. */
export function sampleFolderOf(mapping: string): string {
  return join(projectDir, "src", "imports", "samples", mapping);
}

/** The journey builder's. */
export const sampleFolder = sampleFolderOf("bloom");

/**
 * Imports the sample base of a mapping into a tenant, once: where a batch of it has ended under the mapping as it is now, nothing is read again; one
 * that a killed process left under way is brought to its end.
 *
 * @returns the report of that batch
 */
export async function importSample(request: Omit<ImportRequest, "from">): Promise<BatchReport> {
  const { pool, tenantId, access } = request;
  const mapping = findMapping(request.mapping);
  const from = sampleFolderOf(mapping.name);
  const source = await openSource(from, access);
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<{ id: string }>(
      `select batch.id
       from imports.batches batch
       join imports.sources source on source.tenant_id = batch.tenant_id and source.id = batch.source_id
       where batch.tenant_id = $1 and source.mapping = $2 and source.key = $3 and batch.mapping_hash = $4
         and batch.status = any ($5::imports.batch_status[])
       order by batch.created_at desc
       limit 1`,
      [tenantId, mapping.name, source.key, mappingHash(mapping), ended],
    ),
  );
  if (rows[0] !== undefined) return await readReport(pool, tenantId, rows[0].id);
  return await runImport({ ...request, from });
}
