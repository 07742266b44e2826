import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { isConnectionLost } from "../../database/pools.ts";
import { withIdentity } from "../../database/with_identity.ts";
import { errorCode, errorMessage, fail, LandfallError } from "../../errors.ts";
import { errorCodes } from "../../generated/error_codes.ts";
import { childLogger } from "../../log.ts";
import { findMapping } from "../mappings/find_mapping.ts";
import type { ConflictPolicy } from "../mappings/mapping.ts";
import { openLedgerSource } from "../sources/ledger.ts";
import { openSource, type SourceAccess } from "../sources/open_source.ts";
import type { Source, SourceSchema } from "../sources/source.ts";
import {
  type Batch,
  type BatchStatus,
  beat,
  inBatch,
  type Lease,
  LeaseLost,
  type LoadingBatch,
  releaseLease,
  setStatus,
  takeBatch,
} from "./batch.ts";
import { keepCalls } from "./calls.ts";
import { openLedger } from "./collections.ts";
import { findGone, refuseDeletions, removeGone, tryDeletions } from "./gone.ts";
import { load, settle } from "./load.ts";
import { adoptPlan, giveUpPlan, makePlan, type Plan, writeActualPace } from "./plans.ts";
import { comparePrediction } from "./predict.ts";
import { prepareReplay } from "./replay.ts";
import { rollBack } from "./rollback.ts";
import { analyze, landAll, type Progress, predictAll, validateAll } from "./steps.ts";
import { holdChildren } from "./validate.ts";
import { verify } from "./verify.ts";

const log = childLogger({ area: "imports" });

/** How often a process says that it still works on a batch. */
export const heartbeatMs = 5_000;

/** Faults of the moment: the server has no room, is stopped or cancels, or two transactions were in each other's way. */
const passing = /^(53|57|58|40|55P03)/;

/** Whether the batch is left as it stands: for another try, or until its tenant is reactivated. */
function letsGo(error: unknown): boolean {
  const code = errorCode(error) ?? "";
  return isConnectionLost(error) || passing.test(code) || code === errorCodes.tenant_suspended;
}

/**
 * Brings a batch to its end, from wherever it stands: land → validate → load → verify, the plan, or the rollback. Every step commits as it goes, so whoever is
 * killed is followed by another who goes on at the last commit.
 *
 * @returns false where somebody else works on it, or there is nothing to do
 * @throws the database's or the network's own error where the fault may pass: let the queue try again; LF048 where the tenant is suspended:
 *   reactivation queues the batch
 */
export async function runBatch(
  pool: pg.Pool,
  access: SourceAccess,
  tenantId: string,
  batchId: string,
  onProgress: Progress = () => {},
): Promise<boolean> {
  const taken = await takeBatch(pool, tenantId, batchId);
  if (taken === null) return false;
  const lease: Lease = { id: batchId, tenantId, pool, leaseToken: taken.leaseToken };
  let source: Source | undefined;
  // Paused and resumed while a chunk was in hand: its job found the batch taken, so it is ours to go on with.
  const letGo = async (reason: unknown): Promise<boolean> => {
    if (!(reason instanceof LeaseLost)) throw reason;
    log.info({ batchId, reason: reason.message }, "let go of an import batch");
    return (await releaseLease(lease)) ? await runBatch(pool, access, tenantId, batchId, onProgress) : false;
  };
  try {
    if (taken.status === "rolling_back") {
      await withHeartbeat(lease, () => rollBack(lease, (name, done) => onProgress("undo", name, done)));
      return true;
    }
    const { location, isReplayDue, ...known } = await readBatch(pool, tenantId, batchId);
    source = await (known.replayedAt === null
      ? openSource(location, access, pool)
      : openLedgerSource(pool, tenantId, batchId, location));
    const batch: LoadingBatch = { ...lease, ...known, source, files: access.files, disk: access.disk };
    if (taken.status === "planned") {
      const schema = await source.schema();
      await withHeartbeat(batch, () => makePlan({ ...batch, files: undefined }, schema, onProgress));
      await keepCalls(pool, tenantId, batchId, source);
      await releaseLease(lease);
      return true;
    }
    await withHeartbeat(batch, async () => {
      if (isReplayDue) await prepareReplay(batch, await openLedger(batch));
      await finish(batch, taken.status, onProgress);
    });
  } catch (error) {
    if (error instanceof LeaseLost) return await letGo(error);
    if (taken.status === "rolling_back" || letsGo(error)) {
      await releaseLease(lease).catch((later) =>
        log.debug({ batchId, error: errorMessage(later) }, "the lease expires by itself"),
      );
      throw error;
    }
    if (source !== undefined) await keepCalls(pool, tenantId, batchId, source);
    if (taken.status === "planned") {
      log.warn({ batchId, err: error }, "no plan could be made");
      return await giveUpPlan(lease, newsOf(error, "Look into the log; then ask for the plan again.")).then(
        () => true,
        letGo,
      );
    }
    if (error instanceof LandfallError && error.reason === "import_schema_changed") {
      log.warn({ batchId, reason: error.message }, "an import batch was cancelled");
      return await setStatus(lease, "cancelled", { message: error.message, wayOut: error.wayOut }).then(
        () => true,
        letGo,
      );
    }
    log.error({ batchId, err: error }, "an import batch was paused");
    return await pause(lease, error).then(() => true, letGo);
  }
  return true;
}

interface PlanRequest {
  pool: pg.Pool;
  tenantId: string;
  access: SourceAccess;
  onProgress?: Progress;
}

/**
 * Makes the plan of a planned batch. Nothing is written but the ledger.
 *
 * @param source already open: at the command line a plan is made where it is asked for
 * @param schema its schema, as it was read just now
 * @throws LandfallError `import_busy` where somebody makes it already, and what the source throws
 */
export async function planBatch(
  { pool, tenantId, access: { disk }, onProgress = () => {} }: PlanRequest,
  source: Source,
  schema: SourceSchema,
  batchId: string,
): Promise<Plan> {
  const taken = await takeBatch(pool, tenantId, batchId);
  if (taken === null) fail("import_busy", "The plan is being made already.", "Wait for it, or start another one.");
  const { location: _location, isReplayDue: _isReplayDue, ...known } = await readBatch(pool, tenantId, batchId);
  const batch: LoadingBatch = { ...known, id: batchId, tenantId, source, pool, disk, leaseToken: taken.leaseToken };
  try {
    return await withHeartbeat(batch, () => makePlan(batch, schema, onProgress));
  } finally {
    await keepCalls(pool, tenantId, batchId, source);
    await releaseLease(batch);
  }
}

/** The steps, and between the second and the third the prediction that they are held to. */
async function finish(batch: LoadingBatch, status: BatchStatus, onProgress: Progress): Promise<void> {
  const ledger = await landAll(batch, onProgress);
  const tooMany = await findGone(batch, ledger);
  if (tooMany !== null) refuseDeletions(tooMany);
  await tryDeletions(batch, ledger);
  await validateAll(batch, ledger);
  await adoptPlan(batch, ledger);
  await predictAll(batch, ledger);
  for (const line of ledger) {
    if (line.step !== "validated") continue;
    await holdChildren(batch, line);
    await load(batch, line, (done) => onProgress("load", line.collection.name, done));
  }
  await removeGone(batch, ledger);
  if (status === "running") await setStatus(batch, "verifying");
  await analyze(batch);
  await inBatch(batch, (client) => settle(client, batch));
  const isVerified = await verify(batch, ledger);
  const isPredicted = await comparePrediction(batch, ledger);
  await writeActualPace(batch);
  await conclude(batch, isVerified && isPredicted);
}

/** How it ended is read off the ledger. */
async function conclude(batch: Batch, isVerified: boolean): Promise<void> {
  const [found] = await inBatch(batch, async (client) => {
    const { rows } = await client.query<{ is_settled: boolean; waiting: string; differences: string }>(
      `select
         (select bool_and(is_settled) from imports.collections where tenant_id = $1 and batch_id = $2) as is_settled,
         (select count(*) from imports.issues
          where tenant_id = $1 and batch_id = $2 and (fate = 'quarantined' or reason = 'edited_since_import') and settled_at is null)
         + (select count(*) from imports.records where tenant_id = $1 and batch_id = $2 and outcome = 'quarantined') as waiting,
         (select count(*) from imports.checks where tenant_id = $1 and batch_id = $2 and not is_passed) as differences`,
      [batch.tenantId, batch.id],
    );
    return rows;
  });
  if (found === undefined) return;
  if (!isVerified || !found.is_settled) {
    await setStatus(batch, "failed", {
      isVerified,
      message: found.is_settled ? `${found.differences} checks failed.` : "The outcomes do not add up to what landed.",
      wayOut: `See what differs: landfall import status ${batch.id} --tenant <slug>.`,
    });
  } else if (Number(found.waiting) > 0) {
    await setStatus(batch, "incomplete", {
      isVerified,
      message: "Everything is accounted for, and something waits in quarantine.",
      wayOut: `See what waits and why: landfall import issues ${batch.id}; put cells right with landfall import fix, then landfall import replay ${batch.id}.`,
    });
  } else {
    await setStatus(batch, "completed", { isVerified });
  }
}

/** Something that a person must settle first: the batch waits for that, and says what it is. */
async function pause(lease: Lease, error: unknown): Promise<void> {
  const wayOut = `Look into the log; then let it go on where it stopped: landfall import resume ${lease.id}.`;
  await setStatus(lease, "paused", newsOf(error, wayOut));
}

/** What a batch says of an error; `wayOut` is for one that is not ours. Where files are kept is nothing that its readers are told. */
function newsOf(error: unknown, wayOut: string): { message: string; wayOut: string } {
  if (error instanceof LandfallError && error.reason === "file_store_unusable") {
    return {
      message: "The file store cannot be used.",
      wayOut: `landfall doctor says why, and what to do. ${wayOut}`,
    };
  }
  return error instanceof LandfallError
    ? { message: error.message, wayOut: error.wayOut }
    : { message: `It stopped at an error: ${errorMessage(error)}.`, wayOut };
}

async function withHeartbeat<Result>(batch: Lease, work: () => Promise<Result>): Promise<Result> {
  const stop = new AbortController();
  const beating = (async () => {
    while (!stop.signal.aborted) {
      await sleep(heartbeatMs, undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) return;
      await beat(batch).catch((error) =>
        log.debug({ batchId: batch.id, error: errorMessage(error) }, "a heartbeat was missed"),
      );
    }
  })();
  try {
    return await work();
  } finally {
    stop.abort();
    await beating;
  }
}

/** What a batch is about. */
export async function readBatch(pool: pg.Pool, tenantId: string, batchId: string) {
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<{
      source_id: string;
      mapping: string;
      location: string;
      on_conflict: ConflictPolicy;
      delete_threshold: string;
      is_replay_due: boolean;
      replayed_at: Date | null;
    }>(
      `select batch.source_id, source.mapping, batch.location, batch.on_conflict, batch.delete_threshold, batch.is_replay_due,
              batch.replayed_at
       from imports.batches batch
       join imports.sources source on source.tenant_id = batch.tenant_id and source.id = batch.source_id
       where batch.tenant_id = $1 and batch.id = $2`,
      [tenantId, batchId],
    ),
  );
  const row = rows[0];
  if (row === undefined) {
    return fail("import_unknown", `There is no import batch ${batchId}.`, "landfall import status lists the batches.");
  }
  return {
    sourceId: row.source_id,
    mapping: findMapping(row.mapping),
    location: row.location,
    isReplayDue: row.is_replay_due,
    replayedAt: row.replayed_at,
    onConflict: row.on_conflict,
    deleteThreshold: Number(row.delete_threshold),
  };
}
