import type { SourceSchema } from "../sources/source.ts";
import { type Batch, inBatch, type LoadingBatch, mappingHash } from "./batch.ts";
import { keepCalls } from "./calls.ts";
import { findCarriedFrom, settleCarried } from "./carry_over.ts";
import { type LedgerCollection, openLedger, partsOf } from "./collections.ts";
import { finishParts, land } from "./land.ts";
import { keepGarbageSmall } from "./memory.ts";
import { type Prediction, predict } from "./predict.ts";
import { watchSchema } from "./schema_changes.ts";
import { validate } from "./validate.ts";

/* The steps that a plan and a run have in common: land, validate, predict. */

/** From how many records on a collection changes what the planner should know. */
const worthAnalyzing = 1_000;

/** What a step tells of a collection while it goes on. */
export type Progress = (step: "land" | "load" | "undo", collection: string, done: number) => void;

/** One collection after the other: what waits of the first, the second must know. */
export async function validateAll(batch: LoadingBatch, ledger: LedgerCollection[]): Promise<void> {
  await analyze(batch);
  await settleCarried(batch, ledger);
  for (const line of ledger) {
    if (line.step !== "landed") continue;
    const hasJudged = await validate(batch, line);
    // Of a few rows the statistics say little.
    if (line.landed >= worthAnalyzing && hasJudged) await analyze(batch);
  }
}

/** What will become of every collection, predicted once. */
export async function predictAll(batch: LoadingBatch, ledger: LedgerCollection[]): Promise<Map<string, Prediction>> {
  const predictions = new Map<string, Prediction>();
  for (const line of ledger) predictions.set(line.collection.name, await predict(batch, line));
  return predictions;
}

/**
 * Reads the source to its end, from wherever the batch stands.
 *
 * @param known the source's schema, where it was read just now
 */
export async function landAll(batch: Batch, onProgress: Progress, known?: SourceSchema): Promise<LedgerCollection[]> {
  keepGarbageSmall();
  const schema = known ?? (await batch.source.schema());
  const ledger = await openLedger(batch, schema);
  const unread = ledger.filter(({ step }) => step === "waiting" || step === "landing");
  if (unread.length === 0) return ledger;
  await watchSchema(batch, ledger, schema);
  await inBatch(batch, async (client) => {
    await client.query(`select app_private.make_import_partition($1)`, [batch.id]);
    await client.query(
      `update imports.batches set mapping_hash = $3 where tenant_id = $1 and id = $2 and mapping_hash <> $3`,
      [batch.tenantId, batch.id, mappingHash(batch.mapping)],
    );
    await findCarriedFrom(client, batch);
  });
  for (const line of unread) {
    if (line.collection.partOf !== null) continue;
    await land(batch, line, partsOf(line, ledger), (landed) => onProgress("land", line.collection.name, landed));
  }
  await finishParts(
    batch,
    unread.filter(({ collection }) => collection.partOf !== null),
  );
  await watchSchema(batch, ledger, await batch.source.schema());
  await keepCalls(batch.pool, batch.tenantId, batch.id, batch.source);
  return ledger;
}

/** Tells the planner what the step before has written: a new partition has no statistics, and plans made without are quadratic. */
export async function analyze(batch: Batch): Promise<void> {
  await inBatch(batch, (client) => client.query(`select app_private.analyze_imports($1)`, [batch.id]));
}
