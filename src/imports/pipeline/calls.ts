import type pg from "pg";
import { withIdentity } from "../../database/with_identity.ts";
import type { Source } from "../sources/source.ts";

/** Writes the calls that a source has made since this was last asked into the ledger. */
export async function writeCalls(client: pg.ClientBase, batchId: string, source: Source): Promise<void> {
  const calls = source.takeCalls();
  if (calls.length === 0) return;
  await client.query(
    `insert into imports.api_calls (batch_id, called_at, request, http_status, milliseconds, problem)
     select $1, * from unnest($2::timestamptz[], $3::text[], $4::integer[], $5::integer[], $6::text[])`,
    [
      batchId,
      calls.map((call) => call.at),
      calls.map((call) => call.request),
      calls.map((call) => call.status),
      calls.map((call) => call.milliseconds),
      calls.map((call) => call.problem),
    ],
  );
}

/** The same outside of a batch's transactions: the calls that led to a stop were made, whoever has the batch now. */
export async function keepCalls(pool: pg.Pool, tenantId: string, batchId: string, source: Source): Promise<void> {
  await withIdentity(pool, { kind: "worker", tenantId }, (client) => writeCalls(client, batchId, source));
}
