/**
 * Compares what a location holds of ours with what was read back when it was approved. It reads and never writes there: what
 * differs becomes a finding, and a person decides.
 */
import { randomUUID } from "node:crypto";
import { type Held, readTemplate, readValue } from "./assets.ts";
import type { Client, Failure, Outcome } from "./client.ts";
import type { ComparedObject, Comparison, Confirmed, FoundDifference } from "./comparison.ts";
import * as comparisons from "./comparison.ts";
import { credentialsOf, isUnreadable, locationSecretContext } from "./credentials.ts";
import { elementsOf } from "./elements.ts";
import type { ListedTemplate } from "./endpoints.ts";
import { describeFailure } from "./failure.ts";
import { type Walk, walkTemplates } from "./listings.ts";
import { meteredClient } from "./metered.ts";
import { decisions } from "./outcomes.ts";
import type { PublishOptions } from "./publish.ts";
import { readableFields } from "./render.ts";
import { snapshotSchema } from "./snapshot.ts";
import { Stop } from "./stop.ts";
import { tokenPattern } from "./token.ts";
import { type UnwrittenCalls, unwrittenCalls } from "./unwritten_calls.ts";

export type ReconcileJob = { tenantId: string; reconciliationId: string };

/** How a comparison ended; null where there was nothing to take up. */
export type ReconcileResult = "completed" | "deferred" | "failed" | "lease_lost" | null;

/** A call that did not go through. */
class CallFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.messages.join("; "));
    this.failure = failure;
  }
}

function need<T>(outcome: Outcome<T>): T {
  if (outcome.class !== "done") throw new CallFailed(outcome);
  return outcome.data;
}

/**
 * Takes a comparison up and brings it to its end.
 *
 * @throws what the database throws; everything that GoHighLevel does ends as a state of the comparison
 */
export async function reconcileLocation(options: PublishOptions, job: ReconcileJob): Promise<ReconcileResult> {
  const { pool, timing } = options;
  const comparison: Comparison = { pool, ...job, leaseToken: randomUUID(), leaseMs: timing.leaseMs };
  const log = options.log.child({ reconciliationId: job.reconciliationId });
  const claim = await comparisons.claimComparison(comparison);
  if (claim === null) return null;
  const unwritten = unwrittenCalls();
  try {
    const client = openClient(options, comparison, claim, unwritten);
    const objects = await comparisons.readObjects(comparison, claim.location_id);
    const result = await compare(comparison, claim.installation_id, client, objects);
    if (result === null) return "lease_lost";
    const total = objects.filter((object) => object.is_compared).length;
    const isOurs = await comparisons.finishComparison(comparison, claim, result.found, result.confirmed, total);
    if (!isOurs) return "lease_lost";
    const level = result.found.length === 0 ? "info" : "warn";
    log[level]({ objects: total, findings: result.found.length }, "compared a location");
    return "completed";
  } catch (error) {
    const ending = await endingOf(error, comparison, claim, options);
    await comparisons.interruptComparison(comparison, ending);
    log.warn({ outcome: ending.status }, "a comparison stopped");
    return ending.status;
  } finally {
    await comparisons.writeCalls(comparison, unwritten);
  }
}

function openClient(
  options: PublishOptions,
  comparison: Comparison,
  claim: comparisons.ComparisonClaim,
  unwritten: UnwrittenCalls,
): Client {
  const { location_status: status, status_reason: reason, location_id: locationId } = claim;
  const pausedForMs = claim.paused_for_ms ?? 0;
  if (status === "needs_reauth" || status === "blocked") {
    throw new Stop({ status: "blocked", lastError: reason, runInMs: null });
  }
  if (status === "paused" && pausedForMs > 0)
    throw new Stop({ status: "deferred", lastError: reason, runInMs: pausedForMs });
  const context = locationSecretContext(comparison.tenantId, claim.client_id);
  const credentials = credentialsOf(options, claim.token_ciphertext, context, options.defaultToken);
  if (credentials === null) {
    const lastError = "The location has no private integration token. Set one with setLocationToken.";
    throw new Stop({ status: "blocked", lastError, runInMs: null });
  }
  const { pool, log, secretKey, previousSecretKey, baseUrl, userAgent, timing, signal } = options;
  return meteredClient({
    pool,
    log,
    secretKey,
    previousSecretKey,
    baseUrl,
    userAgent,
    timing,
    signal,
    tenantId: comparison.tenantId,
    locationId,
    ghlLocationId: claim.ghl_location_id,
    credentials,
    ciphertext: claim.token_ciphertext,
    secretContext: context,
    publicationId: null,
    unwritten,
    phase: "reconcile",
  }).client;
}

/** What a comparison ends in that could not go on. */
async function endingOf(
  error: unknown,
  comparison: Comparison,
  claim: comparisons.ComparisonClaim,
  { signal, timing }: PublishOptions,
): Promise<comparisons.ComparisonEnding> {
  if (error instanceof Stop) {
    const { status, lastError, runInMs } = error.ending;
    return { status: status === "deferred" ? "deferred" : "failed", lastError, runInMs };
  }
  if (signal.aborted) return { status: "deferred", lastError: "The worker was stopped.", runInMs: 0 };
  if (isUnreadable(error)) return { status: "failed", lastError: `${error.message} ${error.wayOut}`, runInMs: null };
  if (!(error instanceof CallFailed)) throw error;
  const { failure } = error;
  const decision = decisions[failure.class];
  const lastError = describeFailure(failure);
  if (decision.stops !== "location") {
    const runInMs = failure.rate.retryAfterMs ?? timing.breakerOpenMs;
    return { status: "deferred", lastError, runInMs };
  }
  const isDaily = failure.class === "rate_daily";
  const pausedForMs = isDaily ? Math.max(1_000, failure.rate.dailyResetMs ?? 3_600_000) : null;
  const status = isDaily ? "paused" : failure.class === "auth" ? "needs_reauth" : "blocked";
  await comparisons.stopComparedLocation(comparison, claim.location_id, status, lastError, pausedForMs);
  return { status: isDaily ? "deferred" : "failed", lastError, runInMs: pausedForMs };
}

type Compared = { found: FoundDifference[]; confirmed: Confirmed[] };

/** Null where another run has taken the comparison over. */
async function compare(
  comparison: Comparison,
  installationId: string,
  client: Client,
  objects: ComparedObject[],
): Promise<Compared | null> {
  const held = await listHeld(client, objects);
  const compared: Compared = { found: findStrangers(objects, held), confirmed: [] };
  for (const object of objects) {
    if (!object.is_compared || object.remote_id === null) continue;
    if (!(await comparisons.holdComparison(comparison))) return null;
    const now = await look(client, object, object.remote_id, held);
    const base = {
      objectId: object.id,
      assetKind: object.asset_kind,
      token: object.token,
      remoteId: object.remote_id,
      remoteName: object.remote_name,
    };
    if (now === "missing") {
      compared.found.push({ ...base, kind: "missing", differences: [] });
      continue;
    }
    const differences =
      now === "unchanged" || now.hash === object.remote_hash
        ? []
        : await differencesOf(comparison, installationId, object, now);
    if (now !== "unchanged" && now.isArchived) {
      differences.push({ field: "archived", ours: "false", theirs: "true" });
    }
    if (differences.length > 0) compared.found.push({ ...base, kind: "drifted", differences });
    else {
      const [hash, updatedAt] = now === "unchanged" ? [null, null] : [now.hash, now.updatedAt];
      compared.confirmed.push({ objectId: object.id, seen: object.seen, hash, updatedAt });
    }
  }
  return compared;
}

/** What a location's lists show. */
type HeldLists = {
  folders: ListedTemplate[];
  templates: ListedTemplate[];
  archivedIds: ReadonlySet<string>;
  values: { id: string; name: string; value?: string | null | undefined }[];
  tags: { id: string; name: string }[];
};

/**
 * Lists what may be ours: the root, every folder that is ours or bears a token, the archive, custom values and tags. What bears a token is looked for
 * where we know of nothing, too: after a restore of the database there may be more than it knows. Tags bear none.
 */
async function listHeld(client: Client, objects: ComparedObject[]): Promise<HeldLists> {
  const compared = objects.filter((object) => object.is_compared);
  const has = (kind: ComparedObject["asset_kind"]) => compared.some((object) => object.asset_kind === kind);
  const walk = async (filter: Walk) => need(await walkTemplates(client, filter));
  const templates = await walk({ archived: false, include: "templates" });
  const folders = await walk({ archived: false, include: "folders" });
  const ourFolders = new Set(
    compared.filter((object) => object.asset_kind === "folder").map((object) => object.remote_id),
  );
  for (const { id, name } of folders) {
    if (!ourFolders.has(id) && !tokenPattern.test(name)) continue;
    templates.push(...(await walk({ archived: false, include: "templates", folderId: id })));
  }
  const shown = new Set(templates.map((template) => template.id));
  const isMissing = compared.some((object) => object.asset_kind === "template" && !shown.has(object.remote_id ?? ""));
  const archived = isMissing ? await walk({ archived: true, include: "templates", search: "pp" }) : [];
  return {
    folders,
    templates,
    archivedIds: new Set(archived.map((template) => template.id)),
    values: need(await client.listCustomValues()).customValues,
    tags: has("tag") ? need(await client.listTags()).tags : [],
  };
}

/** What bears a token and is not the object that we know by it. Whose token is not known here, is left alone and only shown. */
function findStrangers(objects: ComparedObject[], { folders, templates, values }: HeldLists): FoundDifference[] {
  const known = new Map(objects.map((object) => [`${object.asset_kind} ${object.token}`, object]));
  const strangers = (kind: ComparedObject["asset_kind"], rows: { id: string; name: string }[]) =>
    rows.flatMap(({ id, name }): FoundDifference[] => {
      const token = tokenPattern.exec(name)?.[0];
      if (token === undefined) return [];
      const object = known.get(`${kind} ${token}`);
      const base = { assetKind: kind, token, remoteId: id, remoteName: name, differences: [] };
      if (object === undefined) return [{ ...base, kind: "orphaned", objectId: null }];
      if (object.remote_id === null || object.remote_id === id) return [];
      return [{ ...base, kind: "duplicated", objectId: object.id }];
    });
  return [...strangers("folder", folders), ...strangers("template", templates), ...strangers("custom_value", values)];
}

type Seen = Held & { isArchived: boolean };

/** How an object is now. A template that no list shows changed since it was read back is not fetched again. */
async function look(
  client: Client,
  object: ComparedObject,
  remoteId: string,
  held: HeldLists,
): Promise<Seen | "unchanged" | "missing"> {
  switch (object.asset_kind) {
    case "template": {
      const listed = held.templates.find((template) => template.id === remoteId);
      const changedAt = Date.parse(listed?.updatedAt ?? "");
      const isSame = listed?.name === object.remote_name && changedAt === object.remote_updated_at?.getTime();
      if (isSame && object.remote_hash !== null) return "unchanged";
      const read = await readTemplate(client, remoteId);
      if (read.class === "gone") return "missing";
      const { deleted, ...now } = need(read);
      return deleted ? "missing" : { ...now, isArchived: held.archivedIds.has(remoteId) };
    }
    case "custom_value": {
      const value = held.values.find((candidate) => candidate.id === remoteId);
      return value === undefined ? "missing" : { ...readValue(value), isArchived: false };
    }
    case "folder": {
      const folder = held.folders.find((candidate) => candidate.id === remoteId);
      return folder === undefined ? "missing" : "unchanged";
    }
    case "tag":
      return held.tags.some((tag) => tag.id === remoteId) ? "unchanged" : "missing";
    case "link":
    case "manual":
      return "unchanged";
  }
}

/** Field by field, what was approved and what is held. */
async function differencesOf(
  comparison: Comparison,
  installationId: string,
  object: ComparedObject,
  now: Held,
): Promise<FoundDifference["differences"]> {
  const snapshot = snapshotSchema.safeParse(await comparisons.readSource(comparison, object)).data;
  const element =
    snapshot === undefined
      ? undefined
      : elementsOf(installationId, snapshot).all.find((candidate) => candidate.token === object.token);
  const ours = element === undefined ? {} : readableFields(element.render(object.remote_name));
  const theirs: Record<string, string | undefined> = { ...now.fields };
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
    .map((field) => ({ field, ours: ours[field] ?? null, theirs: theirs[field] ?? null }))
    .filter((difference) => difference.ours !== difference.theirs);
}
