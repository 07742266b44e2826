/**
 * The protocol by which one thing reaches GoHighLevel once, whatever crashes on the way: intent is committed before a call;
 * what may be there already is looked for before anything is made; an id is kept the moment it is known; nothing counts as
 * synced until it was read back. No call is made inside a transaction.
 */
import {
  type Asset,
  customValueAsset,
  folderAsset,
  type Held,
  type RemoteObject,
  tagAsset,
  templateAsset,
} from "./assets.ts";
import type { Failure } from "./client.ts";
import { describeFailure } from "./failure.ts";
import * as ledger from "./ledger.ts";
import { linkObstacle } from "./links.ts";
import { decisions } from "./outcomes.ts";
import type { Rendered } from "./render.ts";
import { obstacleOf, type Sending, stopLocation } from "./sending.ts";
import { Stop } from "./stop.ts";
import type { Timing } from "./timing.ts";

type Obtained = { remote: RemoteObject; isNew: boolean };

/** One item, from where it stands to synced or to the state that says why not. */
export async function sendItem(sending: Sending, item: ledger.Item): Promise<void> {
  sending.meter.about(item.id);
  const wanted = render(sending, item, item.remote_name);
  const obstacle = obstacleOf(wanted);
  if (obstacle !== null) return setAside(sending, item, "blocked", obstacle, null);

  if (wanted.kind === "link") return checkLink(sending, item, wanted);

  const known = knownRemote(item);
  if (known !== null && item.synced_hash === wanted.hash && !known.isArchived)
    return synced(sending, item, wanted, known, null, null);

  const parentId = await folderFor(sending, item);
  if (parentId === undefined) {
    return setAside(sending, item, "blocked", "Its folder could not be made. Retry the publication.", null);
  }
  const obtained =
    known === null
      ? await obtain(sending, item, assetOf(sending, wanted, item.token, parentId), nameOf(wanted))
      : { remote: known, isNew: false };
  if (obtained === null) return;

  // What a run sent that ended before it read it back is read back first: it may be all that is left to do.
  const isSent = obtained.isNew || (known !== null && item.status === "intent" && !known.isArchived);
  // A custom value keeps the name that it bears already.
  const { remote, isNew } = obtained;
  const rendered = render(sending, item, remote.name);
  const asset = assetOf(sending, rendered, item.token, parentId);
  if (!isSent && asset.update !== null && !(await sendChange(sending, item, asset.update, remote))) return;
  const checked = await readBack(sending, item, asset, remote);
  if (checked === null) return;
  if (isNew && item.createSentAt !== null) await repairDuplicates(sending, item, asset, remote.id);
  await synced(sending, item, rendered, { ...remote, name: nameOf(rendered) }, checked.traceId, checked.held);
}

function knownRemote(item: ledger.Item): RemoteObject | null {
  if (item.remote_id === null) return null;
  return { id: item.remote_id, name: item.remote_name ?? "", createdAt: "", isArchived: item.is_archived };
}

/** What is there already is only looked up: it must be there, and in use. */
async function checkLink(
  sending: Sending,
  item: ledger.Item,
  wanted: Extract<Rendered, { kind: "link" }>,
): Promise<void> {
  const found = await sending.findLink(wanted.target, wanted.id);
  if (found.class !== "done") return recordFailure(sending, item, found, false);
  const obstacle = linkObstacle(wanted.target, wanted.id, found.data);
  if (obstacle !== null) return setAside(sending, item, "blocked", obstacle, found.traceId);
  const remote = { id: wanted.id, name: found.data?.name ?? "", createdAt: "", isArchived: false };
  return synced(sending, item, wanted, remote, found.traceId, null);
}

/** Finds what bears the item's token, or makes it. Null where neither went through; the item's state says why. */
async function obtain(sending: Sending, item: ledger.Item, asset: Asset, name: string): Promise<Obtained | null> {
  const { run, locationId } = sending;
  const found = await asset.find(item.createSentAt !== null);
  if (found.class !== "done") {
    await recordFailure(sending, item, found, false);
    return null;
  }
  const conflict = found.data.find((remote) => remote.conflict !== undefined);
  if (conflict?.conflict !== undefined) {
    await setAside(sending, item, "conflict", conflict.conflict, found.traceId);
    return null;
  }
  const [adopted, ...surplus] = found.data;
  if (adopted !== undefined) {
    await ledger.bind(run, locationId, item, adopted.id, adopted.name);
    await archiveSurplus(sending, asset, surplus);
    return { remote: adopted, isNew: false };
  }
  const nextLook = nextSettle(sending.timing, item.createSentAt);
  if (nextLook !== null) {
    await waitForReply(sending, item, nextLook);
    return null;
  }
  await ledger.intend(run, locationId, item, item.attempts + 1, true);
  const made = await asset.create();
  if (made.class !== "done") {
    await recordFailedCreation(sending, item, asset, made);
    return null;
  }
  await ledger.bind(run, locationId, item, made.data.id, name);
  return { remote: { ...made.data, name }, isNew: true };
}

/** Reads back what was sent, and sends it once more where something is missing. Null where it is not held all the same. */
async function readBack(
  sending: Sending,
  item: ledger.Item,
  asset: Asset,
  remote: RemoteObject,
): Promise<{ traceId: string | null; held: Held } | null> {
  for (let isSecondTime = false; ; isSecondTime = true) {
    const checked = await asset.verify(remote.id);
    if (checked.class !== "done") {
      await recordFailure(sending, item, checked, true);
      return null;
    }
    const { wrong, held } = checked.data;
    if (wrong.length === 0) return { traceId: checked.traceId, held };
    if (isSecondTime || asset.update === null) {
      const lastError = `GoHighLevel does not hold what was sent: ${wrong.join(", ")}. Look at it there, then retry.`;
      await setAside(sending, item, "unverified", lastError, checked.traceId);
      return null;
    }
    if (!(await sendChange(sending, item, asset.update, remote))) return null;
  }
}

function nameOf(rendered: Rendered): string {
  switch (rendered.kind) {
    case "folder":
      return rendered.name;
    case "template":
    case "custom_value":
      return rendered.fields.name;
    case "tag":
      return rendered.name;
    case "link":
    case "manual":
      return "";
  }
}

function render(sending: Sending, item: ledger.Item, remoteName: string | null): Rendered {
  const element = sending.elements.get(item.token);
  if (element === undefined) throw new Error(`no part of the version has the token ${item.token}`);
  return element.render(remoteName);
}

function assetOf({ client, listings }: Sending, rendered: Rendered, token: string, folderId: string | null): Asset {
  switch (rendered.kind) {
    case "folder":
      return folderAsset(client, rendered, token);
    case "template":
      return templateAsset(client, listings, rendered, token, folderId);
    case "custom_value":
      return customValueAsset(client, listings, rendered, token);
    case "tag":
      return tagAsset(client, rendered);
    case "link":
    case "manual":
      throw new Error("what a person sets up is never sent");
  }
}

/** The folder that a new template goes into; null for what goes into none, undefined where it should have one and has not. */
async function folderFor(sending: Sending, item: ledger.Item) {
  const { run, locationId, folderToken } = sending;
  if (item.asset_kind !== "template" || !sending.elements.has(folderToken)) return null;
  sending.folderId ??= await ledger.folderId(run, locationId, folderToken);
  return sending.folderId ?? undefined;
}

/** When to look again for what a call without a reply may have made; null when there is no doubt left, or never was. */
function nextSettle(timing: Timing, createSentAt: number | null): number | null {
  if (createSentAt === null) return null;
  const createAgeMs = performance.now() - createSentAt;
  const next = timing.settleDelaysMs.find((delay) => delay > createAgeMs);
  return next === undefined ? null : next - createAgeMs;
}

async function waitForReply(sending: Sending, item: ledger.Item, retryInMs: number): Promise<void> {
  await ledger.setItem(sending.run, sending.locationId, item, {
    status: "unknown",
    attempts: item.attempts,
    lastError: `The reply to its creation was lost. ${decisions.ambiguous.wayOut}`,
    errorClass: "ambiguous",
    traceId: null,
    retryInMs,
  });
}

/** Sends every field of what is there already. False where that did not go through; the item's state says why. */
async function sendChange(
  sending: Sending,
  item: ledger.Item,
  update: NonNullable<Asset["update"]>,
  remote: RemoteObject,
): Promise<boolean> {
  await ledger.intend(sending.run, sending.locationId, item, item.attempts + 1, false);
  const outcome = await update(remote);
  if (outcome.class === "done") return true;
  await recordFailure(sending, item, outcome, true);
  return false;
}

/** What follows from a creation that did not go through, or of which nobody knows. */
async function recordFailedCreation(
  sending: Sending,
  item: ledger.Item,
  asset: Asset,
  failure: Failure,
): Promise<void> {
  const { run, locationId } = sending;
  if (failure.class === "ambiguous") {
    const [firstLook = 0] = sending.timing.settleDelaysMs;
    await setFailed(sending, item, failure, "unknown", firstLook);
    return stopWhileUnanswered(sending, failure);
  }
  if (failure.class === "rejected") {
    // GoHighLevel has been seen to refuse and to create all the same: what it made is ours from now on.
    const found = await asset.find(true);
    if (found.class !== "done") return setFailed(sending, item, failure, "unknown", sending.timing.backoffMs);
    const conflict = found.data.find((remote) => remote.conflict !== undefined);
    if (conflict?.conflict !== undefined) {
      await ledger.withdrawCreate(run, locationId, item);
      return setAside(sending, item, "conflict", conflict.conflict, found.traceId);
    }
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
    sending.folderId = null;
  }
  return recordFailure(sending, item, failure, true);
}

/** What follows from a call that did not go through and made nothing. */
async function recordFailure(
  sending: Sending,
  item: ledger.Item,
  failure: Failure,
  wasIntended: boolean,
): Promise<void> {
  const { run, locationId, timing } = sending;
  const decision = decisions[failure.class];
  if (failure.class === "gone") await ledger.unbind(run, locationId, item.asset_kind, item.token);
  if (decision.stops === "item") {
    const status = failure.class === "gone" ? "remote_missing" : wasIntended ? "rejected" : "blocked";
    return setFailed(sending, item, failure, status, null);
  }
  if (decision.stops === "location") {
    await setFailed(sending, item, failure, "pending", null);
    const isDaily = failure.class === "rate_daily";
    const status = isDaily ? "paused" : failure.class === "auth" ? "needs_reauth" : "blocked";
    const pausedForMs = isDaily ? Math.max(1_000, failure.rate.dailyResetMs ?? 3_600_000) : null;
    return stopLocation(run, locationId, status, describeFailure(failure), pausedForMs);
  }
  const askedWait = failure.rate.retryAfterMs ?? 0;
  const wait = failure.class === "rate_burst" ? 0 : backoff(timing, item.attempts);
  await setFailed(sending, item, failure, "pending", Math.max(wait, askedWait));
  stopWhileUnanswered(sending, failure);
  if (askedWait > timing.longestWaitMs) {
    throw new Stop({ status: "deferred", lastError: describeFailure(failure), runInMs: askedWait });
  }
}

/** Ends the run while the location is left alone because it does not answer. */
function stopWhileUnanswered({ meter }: Sending, failure: Failure): void {
  const runInMs = meter.circuitWaitMs();
  if (runInMs !== null) throw new Stop({ status: "deferred", lastError: describeFailure(failure), runInMs });
}

async function setFailed(
  sending: Sending,
  item: ledger.Item,
  failure: Failure,
  status: ledger.ItemStatus,
  retryInMs: number | null,
): Promise<void> {
  const { endpoint, status: httpStatus, traceId, ms } = failure;
  // What a person has to put right is an alarm; what passes by itself is not.
  const needsPerson = decisions[failure.class].stops === "location" && failure.class !== "rate_daily";
  sending.log[needsPerson ? "error" : "warn"](
    { itemId: item.id, errorClass: failure.class, endpoint, httpStatus, traceId, ms },
    needsPerson ? "GoHighLevel stops a location until a person looks" : "a call to GoHighLevel failed",
  );
  sending.setBack += 1;
  await ledger.setItem(sending.run, sending.locationId, item, {
    status,
    // While GoHighLevel answers nobody, nothing is learnt about this item.
    attempts:
      item.attempts + (decisions[failure.class].countsAttempt && sending.meter.circuitWaitMs() === null ? 1 : 0),
    lastError: describeFailure(failure),
    errorClass: failure.class,
    traceId,
    retryInMs,
  });
}

function backoff({ backoffMs, longestBackoffMs }: Timing, attempts: number): number {
  return Math.min(longestBackoffMs, backoffMs * 2 ** attempts) * (0.75 + Math.random() / 4);
}

async function setAside(
  sending: Sending,
  item: ledger.Item,
  status: ledger.ItemStatus,
  lastError: string,
  traceId: string | null,
): Promise<void> {
  await ledger.setItem(sending.run, sending.locationId, item, {
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
  held: Held | null,
): Promise<void> {
  await ledger.syncItem(run, locationId, item, {
    id: remote.id,
    name: remote.name,
    hash: rendered.hash,
    journeyVersionId: claim.journey_version_id,
    traceId,
    remoteHash: held?.hash ?? null,
    remoteUpdatedAt: held?.updatedAt ?? null,
    remoteKey: held?.key ?? null,
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
