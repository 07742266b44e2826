/** A batch that has ended, verified once more: as it is, or after something was planted in it. */
import { findMapping } from "../../src/imports/mappings/find_mapping.ts";
import type { Mapping } from "../../src/imports/mappings/mapping.ts";
import { type Batch, takeBatch } from "../../src/imports/pipeline/batch.ts";
import { openSource } from "../../src/imports/sources/open_source.ts";
import type { Importing } from "./importing.ts";

/** Takes a batch of the `bloom` mapping up again, as a process does that is about to verify it. */
export async function reopenBatch(
  { pool, tenantId, database }: Importing,
  batchId: string,
  folder: string,
  mapping: Mapping = findMapping("bloom"),
): Promise<Batch> {
  await database.query(
    `with leave as (select set_config('session_replication_role', 'replica', true))
     update imports.batches set status = 'verifying' from leave where id = $1`,
    [batchId],
  );
  const taken = await takeBatch(pool, tenantId, batchId);
  const [source] = await database.query<{ source_id: string }>("select source_id from imports.batches where id = $1", [
    batchId,
  ]);
  return {
    id: batchId,
    tenantId,
    pool,
    leaseToken: taken?.leaseToken as string,
    sourceId: source?.source_id as string,
    mapping,
    source: await openSource(folder, { airtable: { apiKey: undefined, endpointUrl: "" } }),
  };
}
