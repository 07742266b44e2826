/** What waits in quarantine, at the command line; the API's importIssues, fixImportIssue and replayImportBatch are the same. */
import type pg from "pg";
import { withIdentity } from "../database/with_identity.ts";
import { type BatchReport, type IssueReport, readReport } from "./report.ts";

export interface ListedIssue extends IssueReport {
  id: string;
  /** When a replay took it up; null while it stands. */
  settledAt: Date | null;
}

/**
 * The issues of a batch in the order of its collections, with their originals.
 *
 * @param options `isWhole` gives those too that a replay has settled; `limit` is how many at most
 * @throws LandfallError `import_unknown`
 */
export async function listIssues(
  pool: pg.Pool,
  tenantId: string,
  batchId: string | undefined,
  options: { isWhole: boolean; limit: number },
): Promise<{ report: BatchReport; issues: ListedIssue[] }> {
  const report = await readReport(pool, tenantId, batchId);
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<ListedIssue>(
      `select issue.id, collection.name as collection, issue.record_id as "recordId", issue.field, issue.fate, issue.reason, issue.original,
              issue.existing_value as existing, issue.detail, issue.way_out as "wayOut", issue.settled_at as "settledAt"
       from imports.issues issue
       join imports.collections collection on collection.tenant_id = issue.tenant_id and collection.id = issue.collection_id
       where issue.tenant_id = $1 and issue.batch_id = $2 and ($3 or issue.settled_at is null)
       order by collection.place, issue.id
       limit $4`,
      [tenantId, report.batchId, options.isWhole, options.limit],
    ),
  );
  return { report, issues: rows };
}

/**
 * Gives a cell the value that counts instead of the source's. It takes effect with a replay, and holds for later imports as long as the
 * source says there what it says now.
 *
 * @param value as the source would write it: a text, a number, a list of record ids; null empties the cell
 * @param field needed where the issue is about the whole record
 * @throws the database's own error: LF242 where there is no such cell, LF243 where a replay took the issue up already
 */
export async function fixIssue(
  pool: pg.Pool,
  tenantId: string,
  issueId: string,
  value: unknown,
  field?: string,
): Promise<{ collection: string; recordId: string; field: string }> {
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<{ collection: string; recordId: string; field: string }>(
      `select collection, record_id as "recordId", field from imports.fix_import_issue($1, $2::jsonb, $3)`,
      [issueId, JSON.stringify(value), field ?? null],
    ),
  );
  return rows[0] as { collection: string; recordId: string; field: string };
}

/** A record that makes no row of its own. */
export interface Merge {
  id: string;
  collection: string;
  recordId: string;
  intoRecordId: string;
}

/**
 * Says that a record that waits is the same thing as another one of its collection. It takes effect with a replay, and holds for later
 * imports as long as the source has both.
 *
 * @param issueId an issue of the record that makes no row of its own
 * @param intoRecordId the other record's id in the source
 * @throws the database's own error: LF264 where the issue is not about a record that waits, LF265 where the other one has no row
 */
export async function mergeRecords(
  pool: pg.Pool,
  tenantId: string,
  issueId: string,
  intoRecordId: string,
): Promise<Merge> {
  return await oneMerge(pool, tenantId, "imports.merge_import_records($1, $2)", [issueId, intoRecordId]);
}

/**
 * Takes back that two records are one: with the next import the record comes in by itself again.
 *
 * @throws the database's own error: LF006 where there is no such merge
 */
export async function withdrawMerge(pool: pg.Pool, tenantId: string, mergeId: string): Promise<Merge> {
  return await oneMerge(pool, tenantId, "imports.withdraw_import_merge($1)", [mergeId]);
}

/** The records that are merged into others, of all sources of a tenant. */
export async function listMerges(pool: pg.Pool, tenantId: string): Promise<Merge[]> {
  return await readMerges(pool, tenantId, "imports.merges where tenant_id = $1 order by collection, id", [tenantId]);
}

async function oneMerge(pool: pg.Pool, tenantId: string, from: string, values: unknown[]): Promise<Merge> {
  return (await readMerges(pool, tenantId, from, values))[0] as Merge;
}

async function readMerges(pool: pg.Pool, tenantId: string, from: string, values: unknown[]): Promise<Merge[]> {
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<Merge>(
      `select id, collection, record_id as "recordId", into_record_id as "intoRecordId" from ${from}`,
      values,
    ),
  );
  return rows;
}

/**
 * Takes up what waits in a batch again; whoever takes the batch brings that to its end.
 *
 * @throws the database's own error: LF003 where nothing waits, LF244 where a later import of the source was made
 */
export async function beginReplay(pool: pg.Pool, tenantId: string, batchId: string): Promise<BatchReport> {
  await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query("select imports.replay_import_batch($1)", [batchId]),
  );
  return await readReport(pool, tenantId, batchId);
}
