import type pg from "pg";
import { withIdentity } from "../database/with_identity.ts";
import { fail } from "../errors.ts";
import { type Batch, mappingHash } from "./pipeline/batch.ts";
import { placeCollections, readLedger } from "./pipeline/collections.ts";
import { predictionChecks } from "./pipeline/predict.ts";
import { readBatch } from "./pipeline/run_batch.ts";
import { prove, writeChecks } from "./pipeline/verify.ts";
import type { Check } from "./proof/check.ts";
import { openLedgerSource } from "./sources/ledger.ts";

/** A check with its collection's name; null where it is about the whole batch. */
export type NamedCheck = Omit<Check, "collectionId"> & { collection: string | null };

/**
 * Proves once more what an import brought, all of it derived anew, as the database stands now, and writes nothing: what people have changed since is theirs, what
 * changed without a trace is a difference.
 *
 * @throws LandfallError `import_unknown`, `import_not_ended` where the import has not ended, `import_payloads_forgotten`, `import_texts_erased` where
 *   people were erased since whose texts the proof needs, `import_outdated`
 *   where a later import of the source was made, `import_mapping_changed`
 */
export async function proveAgain(pool: pg.Pool, tenantId: string, batchId: string): Promise<NamedCheck[]> {
  const { checks, names } = await proveEnded(pool, tenantId, batchId);
  return checks.map(({ collectionId, ...check }) => ({
    ...check,
    collection: collectionId === null ? null : (names.get(collectionId) ?? null),
  }));
}

/**
 * The same, and keeps what it finds: the import's checks are made anew, and the batch says when, and how many failed.
 *
 * @returns how many checks were made and failed
 * @throws as `proveAgain`
 */
export async function verifyAgain(
  pool: pg.Pool,
  tenantId: string,
  batchId: string,
): Promise<{ made: number; failed: number }> {
  const { checks } = await proveEnded(pool, tenantId, batchId);
  const failed = checks.filter(({ expected, actual }) => expected !== actual).length;
  await withIdentity(pool, { kind: "worker", tenantId }, async (client) => {
    // Two that verify at once write one after the other.
    await client.query(`select from imports.batches where tenant_id = $1 and id = $2 for no key update`, [
      tenantId,
      batchId,
    ]);
    await writeChecks(client, { id: batchId, tenantId }, checks, predictionChecks);
    await client.query(
      `update imports.batches
       set checked_at = clock_timestamp(),
           message = case when $3::integer > 0 then $3 || ' checks failed when it was verified again.' when status = 'completed' then null else message end,
           way_out = case
             when $3 > 0 then 'See what differs: landfall import status ' || id || ' --tenant <slug>.' when status = 'completed' then null else way_out
           end
       where tenant_id = $1 and id = $2`,
      [tenantId, batchId, failed],
    );
  });
  return { made: checks.length, failed };
}

async function proveEnded(pool: pg.Pool, tenantId: string, batchId: string) {
  const { location, isReplayDue: _isReplayDue, ...known } = await readBatch(pool, tenantId, batchId);
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<{
      has_ended: boolean;
      status: string;
      forgotten_on: string | null;
      has_erased: boolean;
      later_id: string | null;
      is_same_mapping: boolean;
    }>(
      `select batch.status in ('completed', 'incomplete', 'failed') as has_ended, batch.status,
              to_char(batch.payloads_forgotten_at, 'YYYY-MM-DD') as forgotten_on, batch.mapping_hash = $3 as is_same_mapping,
              exists (
                select from app_private.import_payloads payload
                join imports.records record
                  on record.tenant_id = batch.tenant_id and record.batch_id = batch.id and record.row_id = payload.row_id
                where payload.batch_id = batch.id and payload.refusal = 'person_erased' and record.reason is distinct from 'person_erased'
              ) as has_erased,
              (
                select later.id from imports.batches later
                where later.tenant_id = batch.tenant_id and later.source_id = batch.source_id
                  and later.status not in ('planned', 'rolled_back') and later.created_at > batch.created_at
                order by later.created_at desc
                limit 1
              ) as later_id
       from imports.batches batch
       where batch.tenant_id = $1 and batch.id = $2`,
      [tenantId, batchId, mappingHash(known.mapping)],
    ),
  );
  const state = rows[0];
  if (state === undefined || !state.has_ended) {
    fail("import_not_ended", `The import ${batchId} is ${state?.status}.`, "Verify it when it has ended.");
  }
  if (state.forgotten_on !== null) {
    fail(
      "import_payloads_forgotten",
      `The texts of the import ${batchId} were forgotten on ${state.forgotten_on}: they are kept as long as LANDFALL_TEXTS_KEPT_FOR says.`,
      "What was proved then is in its report. To prove what is there now, import the source again.",
    );
  }
  if (state.has_erased) {
    fail(
      "import_texts_erased",
      `People were erased since the import ${batchId}, and the texts of their records with them.`,
      "What was proved then is in its report. To prove what is there now, import the source again.",
    );
  }
  if (state.later_id !== null) {
    fail(
      "import_outdated",
      `A later import of this source was made: ${state.later_id}.`,
      `Prove that one: landfall import verify ${state.later_id}.`,
    );
  }
  if (!state.is_same_mapping) {
    fail(
      "import_mapping_changed",
      `The mapping has changed since the import ${batchId}.`,
      "Import the source again: that is proved by the mapping as it is now.",
    );
  }
  const source = await openLedgerSource(pool, tenantId, batchId, location);
  const placed = placeCollections(known.mapping.collections, await source.schema());
  const batch: Batch = { ...known, id: batchId, tenantId, pool, source, leaseToken: "" };
  const transact = <Result>(work: (client: pg.PoolClient) => Promise<Result>) =>
    withIdentity(pool, { kind: "worker", tenantId }, async (client) => {
      await client.query("set local timezone = 'UTC'");
      return await work(client);
    });
  const ledger = await transact((client) => readLedger(batch, client, placed));
  const names = new Map(ledger.map(({ id, collection }) => [id, collection.name]));
  const checks = await prove(batch, ledger, true, transact);
  return { checks, names };
}
