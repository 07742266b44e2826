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

async function step(pool: pg.Pool, tenantId: string, batchId: string, statement: string): Promise<BatchReport> {
  await withIdentity(pool, { kind: "worker", tenantId }, (client) => client.query(statement, [batchId]));
  return await readReport(pool, tenantId, batchId);
}
