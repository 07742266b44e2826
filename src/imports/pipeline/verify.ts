import type pg from "pg";
import { errorCode, errorMessage } from "../../errors.ts";
import { checkCarried } from "../proof/carried.ts";
import type { Check, Proving } from "../proof/check.ts";
import { checkComputed } from "../proof/computed.ts";
import { checkCounts } from "../proof/counts.ts";
import { checkParts } from "../proof/parts.ts";
import { checkRecords } from "../proof/records.ts";
import { checkReverseFields } from "../proof/references.ts";
import { checkSuperseded } from "../proof/superseded.ts";
import { connectionsAtOnce, eachAtOnce } from "./at_once.ts";
import { type Batch, inBatch } from "./batch.ts";
import { verifierHash } from "./carry_over.ts";
import type { LedgerCollection } from "./collections.ts";
import { readMergedRows } from "./merges.ts";
import { expectWholeCollections } from "./sql.ts";

type Proof = (proving: Proving) => Promise<Check[]>;

const proofs: Proof[] = [
  checkCounts,
  checkCarried,
  checkParts,
  checkRecords,
  checkReverseFields,
  checkSuperseded,
  checkComputed,
];

/**
 * The proof, in five layers over the whole population. Everything in it starts from the text that landed and from the tables as they
 * stand; it reads none of the typed rows of the payload and nothing of the loader's. What it compares a column with are the codecs' SQL
 * expressions, which are not their decoders. The checks are written into the ledger in place of earlier ones. Of records that are carried over
 * it shows that texts and rows are as they were proved; a replay carries nothing over.
 *
 * @returns whether all of them passed
 */
export async function verify(batch: Batch, ledger: LedgerCollection[]): Promise<boolean> {
  const checks = await prove(batch, ledger, Boolean(batch.replayedAt), (work) => inBatch(batch, work));
  return await inBatch(batch, async (client) => {
    await writeChecks(client, batch, checks);
    await client.query(`update imports.batches set verifier_hash = $3 where tenant_id = $1 and id = $2`, [
      batch.tenantId,
      batch.id,
      await verifierHash(client),
    ]);
    return checks.every(({ expected, actual }) => expected === actual);
  });
}

/** A transaction as the worker, for the batch's tenant. */
type Transact = <Result>(work: (client: pg.PoolClient) => Promise<Result>) => Promise<Result>;

/**
 * Makes the checks, without writing them.
 *
 * @param derivesAll also of what the import has carried over
 */
export async function prove(
  batch: Batch,
  ledger: LedgerCollection[],
  derivesAll: boolean,
  transact: Transact,
): Promise<Check[]> {
  // The largest collections first: at the end nobody waits for one that began late.
  const tasks = ledger
    .flatMap((line) => (line.collection.table === null ? [checkCounts] : proofs).map((proof) => ({ line, proof })))
    .toSorted((one, other) => other.line.landed - one.line.landed);
  const merged = await transact((client) => readMergedRows(client, batch));
  const checks = await eachAtOnce(tasks, connectionsAtOnce(batch), ({ line, proof }) =>
    proveOne({ batch, line, ledger, derivesAll, merged }, proof, transact),
  );
  return checks.flat();
}

/**
 * One of the proofs of one collection. A text that cannot be read any more, or a cell that no codec reads and of which no issue tells,
 * is a difference and no accident.
 */
async function proveOne(proving: Omit<Proving, "client">, proof: Proof, transact: Transact): Promise<Check[]> {
  const { line } = proving;
  try {
    return await transact(async (client) => {
      await expectWholeCollections(client);
      return await proof({ client, ...proving });
    });
  } catch (error) {
    if (!errorCode(error)?.startsWith("22")) throw error;
    const name = `what ${proof.name} reads`;
    return [{ collectionId: line.id, layer: "counts", name, expected: 1, actual: 0, offending: [errorMessage(error)] }];
  }
}

/**
 * Writes checks in place of the earlier ones.
 *
 * @param kept names of checks that stay as they are
 */
export async function writeChecks(
  client: pg.ClientBase,
  batch: Pick<Batch, "id" | "tenantId">,
  checks: Check[],
  kept: readonly string[] = [],
): Promise<void> {
  await client.query(`delete from imports.checks where tenant_id = $1 and batch_id = $2 and name <> all ($3::text[])`, [
    batch.tenantId,
    batch.id,
    kept,
  ]);
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
