import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { withIdentity } from "../../database/with_identity.ts";
import { errorMessage, errorReason, fail, LandfallError } from "../../errors.ts";
import { childLogger } from "../../log.ts";
import { findMapping } from "../mappings/find_mapping.ts";
import { type BatchStatus, createBatch } from "../pipeline/batch.ts";
import { refuseDeletions } from "../pipeline/gone.ts";
import { verifyAgain } from "../prove_again.ts";
import type { BatchReport } from "../report.ts";
import { type Following, followBatch, followPlan } from "../run_import.ts";
import { openSource } from "../sources/open_source.ts";
import type { Source } from "../sources/source.ts";
import { type Cutover, type CutoverPass, type CutoverStatus, readCutover, requireWhole } from "./cutover.ts";
import { oneAtATime } from "./one_at_a_time.ts";

const log = childLogger({ area: "imports" });

const pollMs = 300;

/** What is told of a walk: the status that it is in, and the pass that has ended. */
export type WalkProgress = (news: { status: CutoverStatus } | { pass: CutoverPass }) => void;

/** Somebody moved the cut-over elsewhere, such as abandoned it: the walk ends and leaves no trace. */
class WalkLost extends Error {}

/** Where a walk ends: a person is asked for, or nothing is left to do. */
const resting: CutoverStatus[] = ["ready", "switched", "reopened", "abandoned"];

/**
 * Walks a cut-over as far as it goes without a person: from `preparing` to `ready` by delta passes, from `final_pass` by the last pass and its
 * verification to `switched`. Every step is recorded before the next, so whoever comes after a killed walker goes on from there. Why it stops is
 * recorded as well.
 *
 * @returns false where somebody else walks it
 * @throws LandfallError where it stops: `cutover_not_ready`, `cutover_source_busy`, `cutover_source_partial`, `cutover_without_parity`, and
 *   as `runImport`
 */
export async function walkCutover(
  following: Following,
  cutoverId: string,
  onWalk: WalkProgress = () => {},
): Promise<boolean> {
  const { pool, tenantId } = following;
  const walked = await oneAtATime(pool, cutoverId, async (stillOurs) => {
    try {
      for (;;) {
        stillOurs();
        const cutover = await readCutover(pool, tenantId, cutoverId);
        onWalk({ status: cutover.status });
        if (resting.includes(cutover.status)) return true;
        const walk: Walk = { ...following, cutover, onWalk };
        if (cutover.status === "preparing") await prepare(walk);
        else if (cutover.status === "final_pass") await passFinally(walk);
        else await verifyAndSwitch(walk);
      }
    } catch (error) {
      if (error instanceof WalkLost) return true;
      const known = asOurs(error);
      if (known === null) throw error;
      log.warn({ cutoverId, reason: known.message }, "a cut-over stopped");
      await tellStop(following, cutoverId, known);
      throw known;
    }
  });
  return walked ?? false;
}

/**
 * Stays with a cut-over until it rests, whoever walks it; where no worker does, this process walks it itself.
 *
 * @throws LandfallError as `walkCutover`; `cutover_stopped` where somebody else walked it and it stopped
 */
export async function followCutover(
  following: Following,
  cutoverId: string,
  onWalk: WalkProgress = () => {},
): Promise<Cutover> {
  for (;;) {
    await walkCutover(following, cutoverId, onWalk);
    const cutover = await readCutover(following.pool, following.tenantId, cutoverId);
    if (resting.includes(cutover.status)) return cutover;
    if (cutover.message !== null) {
      fail("cutover_stopped", cutover.message, cutover.wayOut ?? "Walk it again: landfall cutover.");
    }
    await sleep(pollMs);
  }
}

interface Walk extends Following {
  cutover: Cutover;
  onWalk: WalkProgress;
}

/** A delta pass; when it brings few enough changes, a person may freeze the source. */
async function prepare(walk: Walk): Promise<void> {
  const { cutover } = walk;
  await checkReadiness(walk);
  const { pass, report } = await makePass(walk, "delta");
  await refuseUnsettled(walk, report);
  if (pass.changes <= cutover.changesAllowed) await step(walk, "ready");
  else if (pass.number >= cutover.passLimit) {
    fail(
      "cutover_source_busy",
      `The delta pass ${pass.number} still brought ${pass.changes} changes; at most ${cutover.changesAllowed} are to remain.`,
      "Walk the cut-over again at a quieter time, with more --passes, or with a higher --until.",
    );
  }
}

/** The last pass: it reads everything after the source was left alone, and deletes what is gone. */
async function passFinally(walk: Walk): Promise<void> {
  const { report } = await makePass(walk, "final");
  try {
    await refuseUnsettled(walk, report);
  } catch (error) {
    // Nothing is final about it any more: it is mended, and passed over anew.
    await step(walk, "preparing", { finalBatchId: null });
    throw error;
  }
  await step(walk, "verifying", { finalBatchId: report.batchId });
}

/** All layers once more, as the database stands now; the switch rests on nothing that was true earlier. */
async function verifyAndSwitch(walk: Walk): Promise<void> {
  const { pool, tenantId, cutover } = walk;
  const batchId = cutover.finalBatchId;
  try {
    if (batchId === null) fail("cutover_without_parity", "The last pass has not been made.", parityWayOut(null));
    const { made, failed } = await verifyAgain(pool, tenantId, batchId);
    if (failed > 0) {
      fail(
        "cutover_without_parity",
        `Parity does not hold: ${failed} of ${made} checks failed.`,
        parityWayOut(batchId),
      );
    }
    // The database looks for itself before it marks the switch.
    await step(walk, "switched");
  } catch (error) {
    if (asOurs(error) !== null) await step(walk, "preparing", { finalBatchId: null });
    throw error;
  }
}

function parityWayOut(batchId: string | null): string {
  return `See what differs: landfall import report ${batchId ?? "<batch>"}. Mend it, then walk the cut-over again.`;
}

/** What must be settled before a pass: what waits of the latest import, and a batch that stands in the way. */
async function checkReadiness(walk: Walk): Promise<void> {
  const { pool, tenantId, cutover } = walk;
  requireWhole(await openSource(cutover.location, walk.access, pool));
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<{ id: string; status: BatchStatus }>(
      `select batch.id, batch.status
       from imports.batches batch
       where batch.tenant_id = $1 and batch.source_id = $2
         and batch.status in ('paused', 'completed', 'incomplete', 'failed')
         and not exists (
           select from imports.cutover_passes pass
           where pass.tenant_id = batch.tenant_id and pass.batch_id = batch.id and pass.cutover_id = $3 and pass.finished_at is null
         )
       order by batch.status = 'paused' desc, batch.created_at desc, batch.id desc
       limit 1`,
      [tenantId, cutover.sourceId, cutover.id],
    ),
  );
  const latest = rows[0];
  if (latest?.status === "paused") {
    fail(
      "cutover_not_ready",
      `The import ${latest.id} of this source is paused.`,
      `Let it go on, or give it up: landfall import resume ${latest.id}, or landfall import cancel ${latest.id}; then walk the cut-over again.`,
    );
  }
  if (latest?.status === "incomplete") await refuseWaiting(walk, latest.id);
}

/** Names what waits of an import that is incomplete. */
async function refuseWaiting({ pool, tenantId }: Walk, batchId: string): Promise<never> {
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<{ quarantined: number; conflicts: number }>(
      `select count(distinct row_id) filter (where is_quarantined)::float8 as quarantined,
              count(distinct row_id) filter (where not is_quarantined)::float8 as conflicts
       from (
         select row_id, fate is not null as is_quarantined from imports.issues
         where tenant_id = $1 and batch_id = $2 and (fate = 'quarantined' or reason = 'edited_since_import') and settled_at is null
         union all
         select row_id, true from imports.records where tenant_id = $1 and batch_id = $2 and outcome = 'quarantined'
       ) waiting`,
      [tenantId, batchId],
    ),
  );
  const { quarantined = 0, conflicts = 0 } = rows[0] ?? {};
  const told = [
    ...(quarantined === 0 ? [] : [`records with something in quarantine: ${quarantined}`]),
    ...(conflicts === 0 ? [] : [`records with a conflict that nobody has decided: ${conflicts}`]),
  ];
  return fail(
    "cutover_not_ready",
    `Something of the import ${batchId} waits (${told.join("; ")}).`,
    `See them: landfall import issues ${batchId}. Put cells right with landfall import fix, decide conflicts in the row or by --on-conflict, then landfall import replay ${batchId}; or correct the source and import it again. Then walk the cut-over again.`,
  );
}

/** A cut-over goes on from an import that brought everything, and proved it. */
async function refuseUnsettled(walk: Walk, report: BatchReport): Promise<void> {
  if (report.status === "completed") return;
  if (report.status === "incomplete") await refuseWaiting(walk, report.batchId);
  const failed = report.checks.filter(({ expected, actual }) => expected !== actual).length;
  fail(
    "cutover_without_parity",
    `The import ${report.batchId} is ${report.status}${failed === 0 ? "" : `: ${failed} of ${report.checks.length} checks failed`}.`,
    parityWayOut(report.batchId),
  );
}

/** A pass that has ended. */
interface EndedPass {
  pass: CutoverPass & { changes: number };
  report: BatchReport;
}

/** An ordinary import, planned and then run: the one that was begun, or the next. */
async function makePass(walk: Walk, kind: CutoverPass["kind"]): Promise<EndedPass> {
  const { pool, tenantId, cutover, access, onWalk } = walk;
  const source = await openSource(cutover.location, access, pool);
  const pass = await openPass(walk, kind);
  const batchId = pass.batchId ?? (await planAndQueue(walk, pass, source));
  const report = await runPass(walk, source, batchId);
  const changes = report.collections.reduce((sum, line) => sum + line.inserted + line.updated + line.deleted, 0);
  const finishedAt = await withIdentity(pool, { kind: "worker", tenantId }, async (client) => {
    const { rows } = await client.query<{ finished_at: Date }>(
      `update imports.cutover_passes set changes = $3, finished_at = clock_timestamp() where tenant_id = $1 and id = $2
       returning finished_at`,
      [tenantId, pass.id, changes],
    );
    return rows[0]?.finished_at ?? null;
  });
  const ended = { ...pass, batchId, changes, finishedAt };
  onWalk({ pass: ended });
  return { pass: ended, report };
}

async function openPass({ pool, tenantId, cutover }: Walk, kind: CutoverPass["kind"]): Promise<CutoverPass> {
  const begun = cutover.passes.find((pass) => pass.kind === kind && pass.finishedAt === null);
  if (begun !== undefined) return begun;
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<CutoverPass>(
      `insert into imports.cutover_passes (cutover_id, number, kind) values ($1, $2, $3)
       returning id, number, kind, plan_batch_id as "planBatchId", batch_id as "batchId", changes::float8, created_at as "createdAt",
                 finished_at as "finishedAt"`,
      [cutover.id, cutover.passes.length + 1, kind],
    ),
  );
  return rows[0] as CutoverPass;
}

async function planAndQueue(walk: Walk, pass: CutoverPass, source: Source): Promise<string> {
  const { pool, tenantId, cutover } = walk;
  const mapping = findMapping(cutover.mapping);
  const options = { onConflict: cutover.onConflict, deleteThreshold: cutover.deleteThreshold, isAfterCutover: false };
  await awaitEarlier(walk, pass);
  let planId = pass.planBatchId;
  if (planId === null) {
    planId = await createBatch(pool, tenantId, mapping, source, "planned", options);
    await keepInPass(walk, pass, { plan_batch_id: planId });
  }
  const { plan } = await followPlan(walk, planId);
  if (plan.stops !== null) {
    // The next walk plans anew: with another threshold, or of another source.
    await keepInPass(walk, pass, { plan_batch_id: null });
    refuseDeletions(plan.stops);
  }
  const batchId = await createBatch(pool, tenantId, mapping, source, "queued", options);
  await keepInPass(walk, pass, { batch_id: batchId });
  return batchId;
}

/** An import that somebody began before the pass has not read what the pass must: its end is waited for. */
async function awaitEarlier(walk: Walk, pass: CutoverPass): Promise<void> {
  const { pool, tenantId, cutover } = walk;
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<{ id: string }>(
      `select id from imports.batches
       where tenant_id = $1 and source_id = $2 and created_at < $3
         and status in ('queued', 'running', 'verifying', 'paused', 'rolling_back')`,
      [tenantId, cutover.sourceId, pass.createdAt],
    ),
  );
  for (const { id } of rows) await followBatch(walk, id);
}

async function keepInPass(
  { pool, tenantId }: Walk,
  pass: CutoverPass,
  batches: Partial<Record<"plan_batch_id" | "batch_id", string | null>>,
): Promise<void> {
  const set = Object.keys(batches).map((column, at) => `${column} = $${at + 3}`);
  await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query(`update imports.cutover_passes set ${set.join(", ")} where tenant_id = $1 and id = $2`, [
      tenantId,
      pass.id,
      ...Object.values(batches),
    ]),
  );
}

/** Runs the batch of a pass to its end; one that was paused goes on, with the options as they are now. */
async function runPass(walk: Walk, source: Source, batchId: string): Promise<BatchReport> {
  const { pool, tenantId, cutover } = walk;
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<{ status: BatchStatus }>(`select status from imports.batches where tenant_id = $1 and id = $2`, [
      tenantId,
      batchId,
    ]),
  );
  if (rows[0]?.status === "paused") {
    const { onConflict, deleteThreshold } = cutover;
    const options = { onConflict, deleteThreshold, isAfterCutover: false };
    await createBatch(pool, tenantId, findMapping(cutover.mapping), source, "queued", options);
  }
  return await followBatch(walk, batchId);
}

/** One step, where the cut-over is still where this walk knows it. */
async function step(
  { pool, tenantId, cutover }: Walk,
  to: CutoverStatus,
  { finalBatchId = cutover.finalBatchId }: { finalBatchId?: string | null } = {},
): Promise<void> {
  const { rowCount } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query(
      `update imports.cutovers
       set status = $4::imports.cutover_status, final_batch_id = $5, message = null, way_out = null,
           switched_at = case when $4::text = 'switched' then clock_timestamp() else switched_at end
       where tenant_id = $1 and id = $2 and status = $3`,
      [tenantId, cutover.id, cutover.status, to, finalBatchId],
    ),
  );
  if (rowCount === 0) throw new WalkLost(`the cut-over ${cutover.id} is no longer ${cutover.status}`);
}

async function tellStop({ pool, tenantId }: Following, cutoverId: string, error: LandfallError): Promise<void> {
  await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query(
      `update imports.cutovers set message = $3, way_out = $4
       where tenant_id = $1 and id = $2 and status in ('preparing', 'final_pass', 'verifying')`,
      [tenantId, cutoverId, error.message, error.wayOut],
    ),
  );
}

/** What a person is told: our own errors, and those that the database raises by their codes; null for every other. */
function asOurs(error: unknown): LandfallError | null {
  if (error instanceof LandfallError) return error;
  const reason = errorReason(error);
  if (reason === undefined || reason === "tenant_suspended") return null;
  const { hint } = error as pg.DatabaseError;
  return new LandfallError(reason, errorMessage(error), hint ?? "Walk the cut-over again.", { cause: error });
}
