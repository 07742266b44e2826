/** What a person does with a batch at the command line; the API's mutations are the same functions of the database. */
import type pg from "pg";
import { withIdentity } from "../database/with_identity.ts";
import { type BatchReport, readReport } from "./report.ts";

/**
 * Stops a batch after the chunk in hand.
 *
 * @throws the database's own error: LF003 where it is neither running nor verifying, LF006 where there is no such batch
 */
export function pauseBatch(pool: pg.Pool, tenantId: string, batchId: string): Promise<BatchReport> {
  return step(pool, tenantId, batchId, "select imports.pause_import_batch($1)");
}

/**
 * Queues a paused batch: whoever takes it goes on at its last checkpoint.
 *
 * @throws the database's own error: LF003 where it is not paused, LF006 where there is no such batch
 */
export function resumeBatch(pool: pg.Pool, tenantId: string, batchId: string): Promise<BatchReport> {
  return step(pool, tenantId, batchId, "select imports.resume_import_batch($1)");
}

/**
 * Gives a batch up after the chunk in hand; what it brought stays until it is rolled back.
 *
 * @throws the database's own error: LF003 where it has ended or verifies, LF006 where there is no such batch
 */
export function cancelBatch(pool: pg.Pool, tenantId: string, batchId: string): Promise<BatchReport> {
  return step(pool, tenantId, batchId, "select imports.cancel_import_batch($1)");
}

/** What a rollback does, or did, with rows of one collection. */
export interface RollbackLine {
  collection: string;
  table: string;
  fate: "removed" | "restored" | "kept";
  /** Why rows are kept: `edited_since`, `has_dependants`, …; null for the others. */
  reason: string | null;
  rows: number;
  /** The first twenty records, with what keeps them. */
  examples: string[];
}

/**
 * Says what a rollback would do, without doing it: dependants included.
 *
 * @throws the database's own error: LF240 where a later import stands on this one, LF006 where there is no such batch
 */
export async function previewRollback(pool: pg.Pool, tenantId: string, batchId: string): Promise<RollbackLine[]> {
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<RollbackLine>(
      `select collection, table_name as table, fate, reason, row_count as rows, examples from imports.preview_import_rollback($1)`,
      [batchId],
    ),
  );
  return rows;
}

/**
 * Begins to take back what a batch brought; whoever takes the batch brings that to its end.
 *
 * @throws the database's own error: LF003 where it has not ended, LF240 where a later import stands on this one, LF006 where there is
 *   no such batch
 */
export function beginRollback(pool: pg.Pool, tenantId: string, batchId: string): Promise<BatchReport> {
  return step(pool, tenantId, batchId, "select imports.rollback_import_batch($1)");
}

/** What became of the rows that a rollback took back or kept. */
export async function readRollback(pool: pg.Pool, tenantId: string, batchId: string): Promise<RollbackLine[]> {
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<RollbackLine>(
      `select collection.name as collection, undoing.table_name as table, undoing.fate, undoing.reason, count(*)::integer as rows,
              (array_agg(
                coalesce(undoing.record_id, undoing.row_id::text) || coalesce(': ' || undoing.detail, '') order by undoing.record_id
              ))[1:20] as examples
       from imports.undoings undoing
       join imports.collections collection on collection.tenant_id = undoing.tenant_id and collection.id = undoing.collection_id
       where undoing.tenant_id = $1 and undoing.batch_id = $2
       group by collection.place, collection.name, undoing.table_name, undoing.fate, undoing.reason
       order by collection.place, undoing.fate, undoing.reason`,
      [tenantId, batchId],
    ),
  );
  return rows;
}

async function step(pool: pg.Pool, tenantId: string, batchId: string, statement: string): Promise<BatchReport> {
  await withIdentity(pool, { kind: "worker", tenantId }, (client) => client.query(statement, [batchId]));
  return await readReport(pool, tenantId, batchId);
}
