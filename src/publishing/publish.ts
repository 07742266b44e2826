/**
 * Brings one approved version of a journey into GoHighLevel: takes the publication up under a lease, writes its items down,
 * has them sent one after the other, and ends in a state that says how it went.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";
import { z } from "zod";
import type { Logger } from "../log.ts";
import { type Credentials, isUnreadable, openCredentials } from "./credentials.ts";
import * as ledger from "./ledger.ts";
import { type MeteredClient, meteredClient } from "./metered.ts";
import { renderFolder, renderTouchpoint } from "./render.ts";
import { locationSecretContext } from "./secrets.ts";
import { sendItem } from "./send_item.ts";
import { obstacleOf, type Sending, stopLocation } from "./sending.ts";
import { type Snapshot, snapshotSchema } from "./snapshot.ts";
import { type Outcome, Stop } from "./stop.ts";
import type { Timing } from "./timing.ts";
import { publishToken } from "./token.ts";

export type PublishOptions = {
  /** Connections as the worker's login. */
  pool: Pool;
  log: Logger;
  /** Opens the stored tokens. */
  secretKey: string;
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
export type RunResult = ledger.Ending["status"] | "lease_lost" | null;

/**
 * Takes a publication up and goes on with it as far as it can. Safe to call twice, at once or after a crash: only one caller
 * gets the publication, and what an earlier one began is found again.
 *
 * @throws what the database throws, LF048 where the tenant is suspended: the publication stays as it is, and reactivation wakes it;
 *   everything that GoHighLevel does ends as a state of an item, a publication or a location
 */
export async function publishJourney(options: PublishOptions, job: PublishJob): Promise<RunResult> {
  const { pool, timing } = options;
  const run: ledger.Run = { pool, ...job, leaseToken: randomUUID(), leaseMs: timing.leaseMs };
  const log = options.log.child({ publicationId: job.publicationId });
  const startedAt = new Date();
  const claim = await ledger.claim(run);
  if (claim === null) {
    log.info("nothing to publish: it is done, waits, or another run has it");
    return null;
  }
  const metadata: Record<string, unknown> = { journeyVersionId: claim.journey_version_id };
  let ending: Outcome;
  try {
    ending = await send(options, run, claim, log, metadata);
  } catch (error) {
    if (error instanceof ledger.LeaseLost) return leaseLost(log);
    if (error instanceof Stop) ending = error.ending;
    else if (error instanceof ledger.Overtaken) ending = { status: "superseded", lastError: null, runInMs: null };
    else if (options.signal.aborted) ending = { status: "deferred", lastError: "The worker was stopped.", runInMs: 0 };
    else throw error;
  }
  try {
    await ledger.finish(run, claim.client_id, { ...ending, startedAt, metadata });
  } catch (error) {
    if (error instanceof ledger.LeaseLost) return leaseLost(log);
    throw error;
  }
  log.info({ outcome: ending.status, ...metadata }, "published as far as possible");
  return ending.status;
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
  const { locationId, ghlLocationId, credentials } = await openLocation(options, run, claim);
  const parsed = snapshotSchema.safeParse(claim.snapshot);
  if (!parsed.success) {
    const lastError = `The version cannot be read: ${z.prettifyError(parsed.error)} Submit the journey again.`;
    return { status: "failed", lastError, runInMs: null };
  }
  const { pool, secretKey, baseUrl, userAgent, timing, signal } = options;
  const meter = meteredClient({
    pool,
    log,
    secretKey,
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
  });
  const sending = describeSending(options, run, claim, locationId, parsed.data, meter, log);
  await ledger.addItems(run, newItems(sending));
  try {
    return await sendItems(sending, options.signal);
  } finally {
    metadata.calls = meter.callCount();
    metadata.duplicatesArchived = sending.duplicatesArchived;
  }
}

/** The location's token, where it may be written to at all. */
async function openLocation(options: PublishOptions, run: ledger.Run, claim: ledger.Claim) {
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
    const credentials = credentialsOf(options, own, context);
    if (credentials !== null) return { locationId, ghlLocationId, credentials };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    await stopLocation(run, locationId, "needs_reauth", `${error.message} ${error.wayOut}`, null);
  }
  const reason = "The location has no private integration token. Set one with setLocationToken.";
  return stopLocation(run, locationId, "needs_reauth", reason, null);
}

/** A location's own credentials, else the installation's token, else null. */
function credentialsOf(
  { secretKey, defaultToken }: PublishOptions,
  ciphertext: string | null,
  context: string,
): Credentials | null {
  if (ciphertext !== null) return openCredentials(secretKey, ciphertext, context);
  return defaultToken === null ? null : { kind: "pit", token: defaultToken };
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
  const tokenOf = (touchpointId: string | null) =>
    publishToken(claim.installation_id, snapshot.journey.id, touchpointId);
  return {
    run,
    claim,
    locationId,
    snapshot,
    folderToken: tokenOf(null),
    touchpoints: new Map(snapshot.touchpoints.map((touchpoint) => [tokenOf(touchpoint.id), touchpoint])),
    client: meter.client,
    meter,
    timing: options.timing,
    log,
    duplicatesArchived: 0,
  };
}

/** What a version consists of: its folder where it has emails, and one thing for each touchpoint. */
function newItems({ snapshot, folderToken, touchpoints }: Sending): ledger.NewItem[] {
  const items = [...touchpoints].map(([token, touchpoint]): ledger.NewItem => {
    const rendered = renderTouchpoint(snapshot, touchpoint, token);
    const obstacle = obstacleOf(rendered);
    return {
      touchpointId: touchpoint.id,
      assetKind: rendered.kind,
      orderIndex: touchpoint.order_index,
      name: touchpoint.name,
      token,
      desiredHash: rendered.hash,
      findings: rendered.findings,
      status: rendered.kind === "manual" ? "manual" : obstacle === null ? "pending" : "blocked",
      lastError: obstacle,
    };
  });
  if (!items.some((item) => item.assetKind === "template")) return items;
  const folder = renderFolder(snapshot, folderToken);
  return [
    {
      touchpointId: null,
      assetKind: "folder",
      orderIndex: null,
      name: snapshot.journey.name,
      token: folderToken,
      desiredHash: folder.hash,
      findings: folder.findings,
      status: "pending",
      lastError: null,
    },
    ...items,
  ];
}

async function sendItems(sending: Sending, signal: AbortSignal): Promise<Outcome> {
  const { run, timing, locationId } = sending;
  for (;;) {
    signal.throwIfAborted();
    const open = await ledger.openItems(run, locationId, timing.maxAttempts);
    // Templates wait for their folder, even where it has to wait itself.
    const isFolderOpen = open.some((candidate) => candidate.asset_kind === "folder");
    const item = open.find((candidate) => !isFolderOpen || candidate.asset_kind !== "template");
    if (item === undefined) return endingOf(await ledger.countOutcomes(run));
    if (item.due_in_ms > timing.longestWaitMs) {
      const lastError = "GoHighLevel has not answered for everything yet. It goes on by itself.";
      return { status: "deferred", lastError, runInMs: item.due_in_ms };
    }
    if (item.due_in_ms > 0) await sleep(item.due_in_ms, undefined, { signal });
    else await sendItem(sending, item);
  }
}

function endingOf({ synced, failed, first_error }: ledger.Counts): Outcome {
  if (failed === 0) return { status: "synced", lastError: null, runInMs: null };
  return { status: synced === 0 ? "failed" : "partial", lastError: first_error, runInMs: null };
}
