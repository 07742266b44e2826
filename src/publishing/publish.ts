/**
 * Brings one approved version of a journey into GoHighLevel: takes the publication up under a lease, writes its items down,
 * has them sent one after the other, and ends in a state that says how it went.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";
import { z } from "zod";
import type { Logger } from "../log.ts";
import { type Credentials, credentialsOf, isUnreadable, locationSecretContext } from "./credentials.ts";
import { elementsOf } from "./elements.ts";
import { handoffSteps } from "./handoff.ts";
import * as ledger from "./ledger.ts";
import { linkFinder } from "./links.ts";
import { listingsOf } from "./listings.ts";
import { type MeteredClient, meteredClient } from "./metered.ts";
import { customValueKeys, type Finding } from "./render.ts";
import { sendItem } from "./send_item.ts";
import { obstacleOf, type Sending, stopLocation } from "./sending.ts";
import { type Snapshot, snapshotSchema } from "./snapshot.ts";
import { type Outcome, Stop } from "./stop.ts";
import type { Timing } from "./timing.ts";
import { takeBack } from "./unpublish.ts";
import { unwrittenCalls } from "./unwritten_calls.ts";

/** How often a run whose turn is over looks whether anybody waits by now. */
const turnLookMs = 1_000;

/** When a taking back that a person must help along is looked at again. */
const blockedRetryMs = 600_000;

export type PublishOptions = {
  /** Connections as the worker's login. */
  pool: Pool;
  log: Logger;
  /** Opens the stored tokens, as the one below does. */
  secretKey: string;
  previousSecretKey?: string | undefined;
  /** GoHighLevel's API, without a slash at the end. */
  baseUrl: string;
  /** The token for locations that have none of their own, or null. */
  defaultToken: string | null;
  userAgent: string;
  timing: Timing;
  /** Ends a run between two calls; it goes on later. */
  signal: AbortSignal;
};

export type PublishJob = { tenantId: string; publicationId: string };

/** How a run ended; null where there was nothing to take up. */
export type RunResult = ledger.Ending["status"] | "unpublished" | "unpublishing" | "lease_lost" | null;

/**
 * Takes a publication up and goes on with it as far as it can, or takes it back where that was asked for. Safe to call twice,
 * at once or after a crash: only one caller gets the publication, and what an earlier one began is found again.
 *
 * @throws what the database throws, LF048 where the tenant is suspended: the publication stays as it is, and reactivation wakes it;
 *   everything that GoHighLevel does ends as a state of an item, a publication or a location
 */
export async function publishJourney(options: PublishOptions, job: PublishJob): Promise<RunResult> {
  const { pool, timing } = options;
  const claimed = {
    pool,
    ...job,
    leaseToken: randomUUID(),
    leaseMs: timing.leaseMs,
    unwritten: unwrittenCalls(),
    countedAt: 0,
  };
  const log = options.log.child({ publicationId: job.publicationId });
  const startedAt = new Date();
  const claim = await ledger.claim({ ...claimed, purpose: "running" });
  if (claim === null) {
    log.info("nothing to publish: it is done, waits, or another run has it");
    return null;
  }
  const run: ledger.Run = { ...claimed, purpose: claim.status };
  try {
    return await (run.purpose === "running" ? goOn : undo)(options, run, claim, log, startedAt);
  } catch (error) {
    if (!(error instanceof ledger.LeaseLost)) throw error;
    await ledger.letGo(run);
    return leaseLost(log);
  } finally {
    await ledger.writeCalls(run);
  }
}

async function goOn(
  options: PublishOptions,
  run: ledger.Run,
  claim: ledger.Claim,
  log: Logger,
  startedAt: Date,
): Promise<RunResult> {
  const metadata: Record<string, unknown> = { journeyVersionId: claim.journey_version_id };
  let ending: Outcome;
  try {
    ending = await send(options, run, claim, log, metadata);
  } catch (error) {
    if (error instanceof ledger.LeaseLost) throw error;
    if (error instanceof Stop) ending = error.ending;
    else if (error instanceof ledger.Overtaken) ending = { status: "superseded", lastError: null, runInMs: null };
    else if (options.signal.aborted) ending = { status: "deferred", lastError: "The worker was stopped.", runInMs: 0 };
    else throw error;
  }
  await ledger.finish(run, claim.client_id, { ...ending, startedAt, metadata });
  log.info({ outcome: ending.status, ...metadata }, "published as far as possible");
  return ending.status;
}

/** Takes a publication back. What GoHighLevel does not let go now goes on later. */
async function undo(
  options: PublishOptions,
  run: ledger.Run,
  claim: ledger.Claim,
  log: Logger,
  startedAt: Date,
): Promise<RunResult> {
  try {
    const place = await openLocation(options, run, claim);
    const meter = openMeter(options, run, claim, place, log);
    const taken = await takeBack(run, place.locationId, meter.client, options.timing.settleDelaysMs);
    const lastError = taken.left.length === 0 ? null : taken.left.map(({ name, why }) => `${name}: ${why}`).join(". ");
    const ending = { isDone: true, lastError, runInMs: null, startedAt, metadata: { ...taken } };
    await ledger.finishUnpublishing(run, claim.client_id, ending);
    log.info({ archived: taken.archived, left: taken.left.length }, "taken back");
    return "unpublished";
  } catch (error) {
    if (error instanceof ledger.Overtaken) {
      await ledger.supersedeUnpublishing(run);
      return "superseded";
    }
    const isStopped = options.signal.aborted;
    if (!(error instanceof Stop) && !isStopped) throw error;
    const stopped = error instanceof Stop ? error.ending : { lastError: "The worker was stopped.", runInMs: 0 };
    const { lastError, runInMs } = stopped;
    const ending = { isDone: false, lastError, runInMs: runInMs ?? blockedRetryMs, startedAt, metadata: {} };
    await ledger.finishUnpublishing(run, claim.client_id, ending);
    return "unpublishing";
  }
}

function leaseLost(log: Logger): RunResult {
  log.warn("another worker has taken this publication over");
  return "lease_lost";
}

async function send(
  options: PublishOptions,
  run: ledger.Run,
  claim: ledger.Claim,
  log: Logger,
  metadata: Record<string, unknown>,
): Promise<Outcome> {
  const place = await openLocation(options, run, claim);
  const parsed = snapshotSchema.safeParse(claim.snapshot);
  if (!parsed.success) {
    const lastError = `The version cannot be read: ${z.prettifyError(parsed.error)} Submit the journey again.`;
    return { status: "failed", lastError, runInMs: null };
  }
  const meter = openMeter(options, run, claim, place, log);
  const sending = describeSending(options, run, claim, place.locationId, parsed.data, meter, log);
  if (!claim.has_items) await ledger.addItems(run, newItems(sending, await findMissingKeys(sending)));
  try {
    const outcome = await sendItems(sending, options.signal);
    if (outcome.status === "synced" || outcome.status === "partial") await handOver(sending);
    return outcome;
  } finally {
    metadata.calls = meter.callCount();
    metadata.duplicatesArchived = sending.duplicatesArchived;
  }
}

/** Writes down what a person wires up. A template on its own needs none of it. */
async function handOver({ run, claim, locationId, snapshot }: Sending): Promise<void> {
  if (claim.journey_id === null) return;
  const elements = elementsOf(claim.installation_id, snapshot);
  const steps = handoffSteps(snapshot, elements, await ledger.readArrived(run));
  await ledger.writeHandoff(run, claim.journey_id, locationId, steps);
}

type Place = { locationId: string; ghlLocationId: string; credentials: Credentials };

function openMeter(
  options: PublishOptions,
  run: ledger.Run,
  claim: ledger.Claim,
  { locationId, ghlLocationId, credentials }: Place,
  log: Logger,
): MeteredClient {
  const { pool, secretKey, previousSecretKey, baseUrl, userAgent, timing, signal } = options;
  return meteredClient({
    pool,
    log,
    secretKey,
    previousSecretKey,
    baseUrl,
    userAgent,
    timing,
    signal,
    tenantId: run.tenantId,
    locationId,
    ghlLocationId,
    credentials,
    ciphertext: claim.token_ciphertext,
    secretContext: locationSecretContext(run.tenantId, claim.client_id),
    publicationId: run.publicationId,
    unwritten: run.unwritten,
  });
}

/** The location's token, where it may be written to at all. */
async function openLocation(options: PublishOptions, run: ledger.Run, claim: ledger.Claim): Promise<Place> {
  const { location_id: locationId, ghl_location_id: ghlLocationId } = claim;
  if (locationId === null || ghlLocationId === null) {
    const lastError = "The client has no GoHighLevel location. Set ghlLocationId on the client, then retry.";
    throw new Stop({ status: "blocked", lastError, runInMs: null });
  }
  if (claim.location_status === "needs_reauth" || claim.location_status === "blocked") {
    throw new Stop({ status: "blocked", lastError: claim.status_reason, runInMs: null });
  }
  if (claim.location_status === "paused") {
    const pausedForMs = claim.paused_for_ms ?? 0;
    if (pausedForMs > 0) throw new Stop({ status: "deferred", lastError: claim.status_reason, runInMs: pausedForMs });
    await ledger.activateLocation(run, locationId);
  }
  try {
    const context = locationSecretContext(run.tenantId, claim.client_id);
    const own = claim.token_ciphertext;
    const credentials = credentialsOf(options, own, context, options.defaultToken);
    if (credentials !== null) return { locationId, ghlLocationId, credentials };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    await stopLocation(run, locationId, "needs_reauth", `${error.message} ${error.wayOut}`, null);
  }
  const reason = "The location has no private integration token. Set one with setLocationToken.";
  return stopLocation(run, locationId, "needs_reauth", reason, null);
}

function describeSending(
  options: PublishOptions,
  run: ledger.Run,
  claim: ledger.Claim,
  locationId: string,
  snapshot: Snapshot,
  meter: MeteredClient,
  log: Logger,
): Sending {
  const { all, folderToken } = elementsOf(claim.installation_id, snapshot);
  return {
    run,
    claim,
    locationId,
    snapshot,
    folderToken,
    elements: new Map(all.map((element) => [element.token, element])),
    findLink: linkFinder(meter.client),
    listings: listingsOf(meter.client),
    folderId: null,
    client: meter.client,
    meter,
    timing: options.timing,
    log,
    duplicatesArchived: 0,
    setBack: 0,
  };
}

/** What a version consists of, as items; `missingKeys` are the custom values that it merges and the location has not. */
function newItems({ elements }: Sending, missingKeys: ReadonlySet<string>): ledger.NewItem[] {
  return [...elements.values()].map((element): ledger.NewItem => {
    const rendered = element.render(null);
    const obstacle = obstacleOf(rendered);
    const missing = customValueKeys(rendered).filter((key) => missingKeys.has(key));
    const findings = missing.map(
      (key): Finding => ({ kind: "unknown_custom_value", detail: `{{custom_values.${key}}}` }),
    );
    return {
      touchpointId: element.touchpointId,
      assetKind: rendered.kind,
      orderIndex: element.orderIndex,
      name: element.name,
      token: element.token,
      desiredHash: rendered.hash,
      findings: [...rendered.findings, ...findings],
      status: rendered.kind === "manual" ? "manual" : obstacle === null ? "pending" : "blocked",
      lastError: obstacle,
    };
  });
}

/** The custom values that a version merges and the location does not have: GoHighLevel would print nothing there. */
async function findMissingKeys({ elements, listings, log }: Sending): Promise<ReadonlySet<string>> {
  const keys = new Set([...elements.values()].flatMap((element) => customValueKeys(element.render(null))));
  if (keys.size === 0) return keys;
  const list = await listings.customValues();
  if (list.class !== "done") {
    log.warn({ errorClass: list.class }, "could not look for the custom values that the texts merge");
    return new Set();
  }
  for (const { fieldKey } of list.data.customValues) {
    const key = /custom_values\.([^{}\s]+)/.exec(fieldKey ?? "")?.[1];
    if (key !== undefined) keys.delete(key);
  }
  return keys;
}

async function sendItems(sending: Sending, signal: AbortSignal): Promise<Outcome> {
  const { run, timing, locationId } = sending;
  let turnEndsAt = performance.now() + timing.turnMs;
  for (;;) {
    signal.throwIfAborted();
    if (performance.now() > turnEndsAt) {
      if (await ledger.othersWait(run)) return { status: "queued", lastError: null, runInMs: null };
      turnEndsAt = performance.now() + turnLookMs;
    }
    const open = await ledger.openItems(run, locationId, timing.maxAttempts);
    const [next] = open;
    if (next === undefined) return endingOf(await ledger.countOutcomes(run));
    if (next.due_in_ms > timing.longestWaitMs) {
      const lastError = "GoHighLevel has not answered for everything yet. It goes on by itself.";
      return { status: "deferred", lastError, runInMs: next.due_in_ms };
    }
    if (next.due_in_ms > 0) await sleep(next.due_in_ms, undefined, { signal });
    for (const item of open) {
      if (item.due_in_ms > 0 || signal.aborted || performance.now() > turnEndsAt) break;
      const { setBack } = sending;
      await sendItem(sending, item);
      // What waited for the folder comes now; and what was put back may come before the others again.
      if (item.asset_kind === "folder" || sending.setBack > setBack) break;
    }
  }
}

function endingOf({ synced, failed, first_error }: ledger.Counts): Outcome {
  if (failed === 0) return { status: "synced", lastError: null, runInMs: null };
  return { status: synced === 0 ? "failed" : "partial", lastError: first_error, runInMs: null };
}
