import type pg from "pg";
import { errorCode, errorMessage } from "../../errors.ts";
import type { Check, Proving } from "../proof/check.ts";
import { checkComputed } from "../proof/computed.ts";
import { checkCounts } from "../proof/counts.ts";
import { checkParts } from "../proof/parts.ts";
import { checkRecords } from "../proof/records.ts";
import { checkReverseFields } from "../proof/references.ts";
import { checkSuperseded } from "../proof/superseded.ts";
import { type Batch, inBatch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { expectWholeCollections } from "./sql.ts";

/**
 * The proof, in five layers over the whole population. Everything in it starts from the text that landed and from the tables as they
 * stand; it reads none of the typed rows of the payload and nothing of the loader's. What it compares a column with are the codecs' SQL
 * expressions, which are not their decoders. The checks are written into the ledger in place of earlier ones.
 *
 * @returns whether all of them passed
 */
export async function verify(batch: Batch, ledger: LedgerCollection[]): Promise<boolean> {
  return await inBatch(batch, async (client) => {
    await expectWholeCollections(client);
    const checks: Check[] = [];
    for (const line of ledger) {
      const parts =
        line.collection.table === null
          ? [checkCounts]
          : [checkCounts, checkParts, checkRecords, checkReverseFields, checkSuperseded, checkComputed];
      for (const part of parts) checks.push(...(await readable({ client, batch, line, ledger }, part)));
    }
    await writeChecks(client, batch, checks);
    return checks.every(({ expected, actual }) => expected === actual);
  });
}

/** A text that cannot be read any more, or a cell that no codec reads and of which no issue tells, is a difference and no accident. */
async function readable(proving: Proving, part: (proving: Proving) => Promise<Check[]>): Promise<Check[]> {
  const { client, line } = proving;
  await client.query("savepoint part");
  try {
    return await part(proving);
  } catch (error) {
    if (!errorCode(error)?.startsWith("22")) throw error;
    await client.query("rollback to savepoint part");
    const name = `what ${part.name} reads`;
    return [{ collectionId: line.id, layer: "counts", name, expected: 1, actual: 0, offending: [errorMessage(error)] }];
  }
}

async function writeChecks(client: pg.ClientBase, batch: Batch, checks: Check[]): Promise<void> {
  await client.query(`delete from imports.checks where tenant_id = $1 and batch_id = $2`, [batch.tenantId, batch.id]);
  await client.query(
    `insert into imports.checks (batch_id, collection_id, layer, name, expected, actual, offending)
     select $1, * from unnest($2::uuid[], $3::imports.check_layer[], $4::text[], $5::bigint[], $6::bigint[], $7::jsonb[])`,
    [
      batch.id,
      checks.map((check) => check.collectionId),
      checks.map((check) => check.layer),
      checks.map((check) => check.name),
      checks.map((check) => check.expected),
      checks.map((check) => check.actual),
      checks.map((check) => JSON.stringify(check.offending)),
    ],
  );
}
