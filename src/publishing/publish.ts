/**
 * Brings one approved version of a journey into GoHighLevel: each thing once, whatever crashes on the way. The protocol, for
 * each item: intent is committed before a call; what may be there already is looked for before anything is made; an id is
 * kept the moment it is known; nothing counts as synced until it was read back. No call is made inside a transaction.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";
import { z } from "zod";
import { LandfallError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type Asset, customValueAsset, folderAsset, type RemoteObject, templateAsset } from "./assets.ts";
import { type Client, createClient, type Failure } from "./client.ts";
import * as ledger from "./ledger.ts";
import { decisions } from "./outcomes.ts";
import { pace } from "./pace.ts";
import { type Rendered, renderFolder, renderTouchpoint } from "./render.ts";
import { decryptSecret, locationSecretContext } from "./secrets.ts";
import { type Snapshot, snapshotSchema } from "./snapshot.ts";
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

/** Everything that stays the same through a run. */
type Sending = {
  run: ledger.Run;
  claim: ledger.Claim;
  locationId: string;
  snapshot: Snapshot;
  folderToken: string;
  touchpoints: Map<string, Snapshot["touchpoints"][number]>;
  client: Client;
  timing: Timing;
  log: Logger;
  duplicatesArchived: number;
};

/** Ends a run before all items had their turn. */
class Stop extends Error {
  readonly ending: Pick<ledger.Ending, "status" | "lastError" | "runInMs">;

  constructor(ending: Stop["ending"]) {
    super(ending.lastError ?? ending.status);
    this.ending = ending;
  }
}

/**
 * Takes a publication up and goes on with it as far as it can. Safe to call twice, at once or after a crash: only one caller
 * gets the publication, and what an earlier one began is found again.
 *
 * @throws what the database throws; everything that GoHighLevel does ends as a state of an item, a publication or a location
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
  let ending: Pick<ledger.Ending, "status" | "lastError" | "runInMs">;
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
): Promise<Stop["ending"]> {
  const { locationId, ghlLocationId, token } = await openLocation(options, run, claim);
  const parsed = snapshotSchema.safeParse(claim.snapshot);
  if (!parsed.success) {
    const lastError = `The version cannot be read: ${z.prettifyError(parsed.error)} Submit the journey again.`;
    return { status: "failed", lastError, runInMs: null };
  }
  const paced = pace(
    createClient({
      baseUrl: options.baseUrl,
      token,
      locationId: ghlLocationId,
      userAgent: options.userAgent,
      timeoutMs: options.timing.callTimeoutMs,
    }),
    options.signal,
  );
  const sending = describeSending(options, run, claim, locationId, parsed.data, paced.client, log);
  await ledger.addItems(run, newItems(sending));
  try {
    return await sendItems(sending, options.signal);
  } finally {
    metadata.calls = paced.callCount();
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
    const token = own === null ? options.defaultToken : decryptSecret(options.secretKey, own, context);
    if (token !== null) return { locationId, ghlLocationId, token };
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error;
    await stopLocation(run, locationId, "needs_reauth", `${error.message} ${error.wayOut}`, null);
  }
  const reason = "The location has no private integration token. Set one with setLocationToken.";
  return stopLocation(run, locationId, "needs_reauth", reason, null);
}

async function stopLocation(
  run: ledger.Run,
  locationId: string,
  status: "paused" | "needs_reauth" | "blocked",
  reason: string,
  pausedForMs: number | null,
): Promise<never> {
  await ledger.stopLocation(run, locationId, status, reason, pausedForMs);
  throw new Stop({ status: status === "paused" ? "deferred" : "blocked", lastError: reason, runInMs: pausedForMs });
}

function describeSending(
  options: PublishOptions,
  run: ledger.Run,
  claim: ledger.Claim,
  locationId: string,
  snapshot: Snapshot,
  client: Client,
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
    client,
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

/** Why a thing is not sent at all, or null. */
function obstacleOf(rendered: Rendered): string | null {
  const empty = rendered.findings.find((finding) => finding.kind === "empty_content");
  return empty === undefined ? null : `${empty.detail} Write it, have the journey approved, and publish again.`;
}

async function sendItems(sending: Sending, signal: AbortSignal): Promise<Stop["ending"]> {
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

function endingOf({ synced, failed, first_error }: ledger.Counts): Stop["ending"] {
  if (failed === 0) return { status: "synced", lastError: null, runInMs: null };
  return { status: synced === 0 ? "failed" : "partial", lastError: first_error, runInMs: null };
}

/** One item, from where it stands to synced or to the state that says why not. */
async function sendItem(sending: Sending, item: ledger.Item): Promise<void> {
  const { run, locationId, claim } = sending;
  let rendered = render(sending, item, item.remote_name);
  const obstacle = obstacleOf(rendered);
  if (obstacle !== null) return settle(sending, item, "blocked", obstacle, null);

  let remote: RemoteObject | null = null;
  if (item.remote_id !== null) {
    remote = { id: item.remote_id, name: item.remote_name ?? "", createdAt: "", isArchived: false };
    if (item.synced_hash === rendered.hash) return synced(sending, item, rendered, remote, null);
  }

  const parentId = await folderFor(sending, item);
  if (parentId === undefined) {
    return settle(sending, item, "blocked", "Its folder could not be made. Retry the publication.", null);
  }
  let asset = assetOf(sending.client, rendered, item.token, parentId);
  const isInDoubt = item.create_age_ms !== null;
  let attempts = item.attempts;
  let isNew = false;

  if (remote === null) {
    const found = await asset.find(isInDoubt);
    if (found.class !== "done") return fail(sending, item, found, false);
    const [adopted, ...surplus] = found.data;
    if (adopted !== undefined) {
      await ledger.bind(run, locationId, item, adopted.id, adopted.name);
      await archiveSurplus(sending, asset, surplus);
      remote = adopted;
      // A custom value keeps the name that it bears already.
      rendered = render(sending, item, adopted.name);
      asset = assetOf(sending.client, rendered, item.token, parentId);
    } else {
      const nextLook = nextSettle(sending.timing, item.create_age_ms);
      if (nextLook !== null) return waitForReply(sending, item, nextLook);
      attempts = item.attempts + 1;
      await ledger.intend(run, locationId, item, attempts, true);
      const made = await asset.create();
      if (made.class !== "done") return failCreate(sending, item, asset, made);
      await ledger.bind(run, locationId, item, made.data.id, made.data.name);
      remote = made.data;
      isNew = true;
    }
  }

  if (!isNew && asset.update !== null) {
    const outcome = await change(sending, item, asset.update, remote);
    if (outcome !== null) return;
  }
  const checked = await asset.verify(remote.id);
  if (checked.class !== "done") return fail(sending, item, checked, true);
  if (checked.data.length > 0) {
    if (asset.update !== null) {
      const outcome = await change(sending, item, asset.update, remote);
      if (outcome !== null) return;
    }
    const again = await asset.verify(remote.id);
    if (again.class !== "done") return fail(sending, item, again, true);
    if (again.data.length > 0) {
      const lastError = `GoHighLevel does not hold what was sent: ${again.data.join(", ")}. Look at it there, then retry.`;
      return settle(sending, item, "unverified", lastError, again.traceId);
    }
  }
  if (isNew && isInDoubt) await repairDuplicates(sending, item, asset, remote.id);
  const name = rendered.kind === "custom_value" ? rendered.fields.name : remote.name;
  await synced(sending, item, rendered, { ...remote, name }, checked.traceId);
  sending.log.debug({ itemId: item.id, journeyVersionId: claim.journey_version_id }, "synced an item");
}

function render(sending: Sending, item: ledger.Item, remoteName: string | null): Rendered {
  const touchpoint = sending.touchpoints.get(item.token);
  return touchpoint === undefined
    ? renderFolder(sending.snapshot, item.token)
    : renderTouchpoint(sending.snapshot, touchpoint, item.token, remoteName);
}

function assetOf(client: Client, rendered: Rendered, token: string, folderId: string | null): Asset {
  switch (rendered.kind) {
    case "folder":
      return folderAsset(client, rendered, token);
    case "template":
      return templateAsset(client, rendered, token, folderId);
    case "custom_value":
      return customValueAsset(client, rendered, token);
    case "manual":
      throw new Error("a step that a person sets up is never sent");
  }
}

/** The folder that a new template goes into; null for what goes into none, undefined where it should have one and has not. */
async function folderFor({ run, locationId, folderToken }: Sending, item: ledger.Item) {
  if (item.asset_kind !== "template") return null;
  return (await ledger.folderId(run, locationId, folderToken)) ?? undefined;
}

/** When to look again for what a call without a reply may have made; null when there is no doubt left, or never was. */
function nextSettle(timing: Timing, createAgeMs: number | null): number | null {
  if (createAgeMs === null) return null;
  const next = timing.settleDelaysMs.find((delay) => delay > createAgeMs);
  return next === undefined ? null : next - createAgeMs;
}

async function waitForReply(sending: Sending, item: ledger.Item, retryInMs: number): Promise<void> {
  await ledger.setItem(sending.run, item, {
    status: "unknown",
    attempts: item.attempts,
    lastError: `The reply to its creation was lost. ${decisions.ambiguous.wayOut}`,
    errorClass: "ambiguous",
    traceId: null,
    retryInMs,
  });
}

/** Sends every field of what is there already. Null when that went well; else the item's state is written. */
async function change(
  sending: Sending,
  item: ledger.Item,
  update: NonNullable<Asset["update"]>,
  remote: RemoteObject,
): Promise<"failed" | null> {
  await ledger.intend(sending.run, sending.locationId, item, item.attempts + 1, false);
  const outcome = await update(remote);
  if (outcome.class === "done") {
    remote.name = outcome.data.name;
    return null;
  }
  await fail(sending, item, outcome, true);
  return "failed";
}

/** What follows from a creation that did not go through, or of which nobody knows. */
async function failCreate(sending: Sending, item: ledger.Item, asset: Asset, failure: Failure): Promise<void> {
  const { run, locationId } = sending;
  if (failure.class === "ambiguous") {
    const [firstLook = 0] = sending.timing.settleDelaysMs;
    return setFailed(sending, item, failure, "unknown", firstLook);
  }
  if (failure.class === "rejected") {
    // GoHighLevel has been seen to refuse and to create all the same: what it made is ours from now on.
    const found = await asset.find(true);
    if (found.class !== "done") return setFailed(sending, item, failure, "unknown", sending.timing.backoffMs);
    const [adopted, ...surplus] = found.data;
    if (adopted === undefined) await ledger.withdrawCreate(run, locationId, item);
    else {
      await ledger.bind(run, locationId, item, adopted.id, adopted.name);
      await archiveSurplus(sending, asset, surplus);
    }
    return setFailed(sending, item, failure, "rejected", null);
  }
  await ledger.withdrawCreate(run, locationId, item);
  if (failure.class === "gone") {
    // Not the template is gone, which is not there yet, but the folder that it should go into.
    await ledger.unbind(run, locationId, "folder", sending.folderToken);
  }
  return fail(sending, item, failure, true);
}

/** What follows from a call that did not go through and made nothing. */
async function fail(sending: Sending, item: ledger.Item, failure: Failure, wasIntended: boolean): Promise<void> {
  const { run, locationId, timing } = sending;
  const decision = decisions[failure.class];
  if (failure.class === "gone" && item.remote_id !== null) {
    await ledger.unbind(run, locationId, item.asset_kind, item.token);
  }
  if (decision.stops === "item") {
    const status = failure.class === "gone" ? "remote_missing" : wasIntended ? "rejected" : "blocked";
    return setFailed(sending, item, failure, status, null);
  }
  if (decision.stops === "location") {
    await setFailed(sending, item, failure, "pending", null);
    const isDaily = failure.class === "rate_daily";
    const status = isDaily ? "paused" : failure.class === "auth" ? "needs_reauth" : "blocked";
    const pausedForMs = isDaily ? Math.max(1_000, failure.rate.dailyResetMs ?? 3_600_000) : null;
    return stopLocation(run, locationId, status, describe(failure), pausedForMs);
  }
  const askedWait = failure.rate.retryAfterMs ?? 0;
  const wait = failure.class === "rate_burst" ? 0 : backoff(timing, item.attempts);
  await setFailed(sending, item, failure, "pending", Math.max(wait, askedWait));
  if (askedWait > timing.longestWaitMs) {
    throw new Stop({ status: "deferred", lastError: describe(failure), runInMs: askedWait });
  }
}

async function setFailed(
  sending: Sending,
  item: ledger.Item,
  failure: Failure,
  status: ledger.ItemStatus,
  retryInMs: number | null,
): Promise<void> {
  const { endpoint, status: httpStatus, traceId, ms } = failure;
  sending.log.warn(
    { itemId: item.id, errorClass: failure.class, endpoint, httpStatus, traceId, ms },
    "a call to GoHighLevel failed",
  );
  await ledger.setItem(sending.run, item, {
    status,
    attempts: item.attempts + (decisions[failure.class].countsAttempt ? 1 : 0),
    lastError: describe(failure),
    errorClass: failure.class,
    traceId,
    retryInMs,
  });
}

function describe(failure: Failure): string {
  const said = failure.messages.join("; ").trim();
  const answer = failure.status === null ? "" : ` (${failure.status})`;
  return `GoHighLevel${answer}: ${said === "" ? "no message" : said}. ${decisions[failure.class].wayOut}`;
}

function backoff({ backoffMs, longestBackoffMs }: Timing, attempts: number): number {
  return Math.min(longestBackoffMs, backoffMs * 2 ** attempts) * (0.75 + Math.random() / 4);
}

async function settle(
  sending: Sending,
  item: ledger.Item,
  status: ledger.ItemStatus,
  lastError: string,
  traceId: string | null,
): Promise<void> {
  await ledger.setItem(sending.run, item, {
    status,
    attempts: item.attempts,
    lastError,
    errorClass: status,
    traceId,
    retryInMs: null,
  });
}

async function synced(
  { run, locationId, claim }: Sending,
  item: ledger.Item,
  rendered: Rendered,
  remote: RemoteObject,
  traceId: string | null,
): Promise<void> {
  await ledger.syncItem(run, locationId, item, {
    id: remote.id,
    name: remote.name,
    hash: rendered.hash,
    journeyVersionId: claim.journey_version_id,
    traceId,
  });
}

/** After a second creation the first one may have come through late: the one that is bound stays, others are put away. */
async function repairDuplicates(sending: Sending, item: ledger.Item, asset: Asset, boundId: string): Promise<void> {
  const found = await asset.find(true);
  if (found.class !== "done") {
    sending.log.warn({ itemId: item.id, errorClass: found.class }, "could not look for a late duplicate");
    return;
  }
  await archiveSurplus(
    sending,
    asset,
    found.data.filter((remote) => remote.id !== boundId),
  );
}

/** Puts surplus objects that bear our token away. Nothing is ever deleted. */
async function archiveSurplus(sending: Sending, asset: Asset, surplus: RemoteObject[]): Promise<void> {
  for (const { id, isArchived } of surplus) {
    if (isArchived || asset.archive === null) continue;
    const outcome = await asset.archive(id);
    if (outcome.class === "done") sending.duplicatesArchived += 1;
    sending.log.warn({ remoteId: id, outcome: outcome.class }, "a duplicate was put away");
  }
}
