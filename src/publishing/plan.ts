/**
 * What a publication would do, before it does it: computed from the version and from what is known of the location, without a
 * write and, unless it is asked to look, without a call.
 */
import { z } from "zod";
import { fail } from "../errors.ts";
import { customValueAsset, templateAsset } from "./assets.ts";
import type { Client } from "./client.ts";
import { type Element, elementsOf } from "./elements.ts";
import { type LinkFinder, linkFinder, linkObstacle } from "./links.ts";
import { type Listings, listingsOf } from "./listings.ts";
import { type Finding, type Rendered, readableFields } from "./render.ts";
import { obstacleOf } from "./sending.ts";
import { type Snapshot, snapshotSchema } from "./snapshot.ts";

/** What becomes of one thing. `by_hand` is what a person sets up in GoHighLevel. */
export type PlanAction = "create" | "update" | "adopt" | "unchanged" | "link" | "by_hand" | "blocked";

/** One field that a reader sees, as it is published now and as it would be. */
export type Change = { field: string; before: string | null; after: string | null };

export type PlanItem = {
  touchpointId: string | null;
  name: string;
  assetKind: Rendered["kind"];
  action: PlanAction;
  /** Why it is blocked, or what a person should know. */
  reason: string | null;
  remoteId: string | null;
  remoteName: string | null;
  findings: Finding[];
  /** Against what is published now; none for what is not published yet. */
  changes: Change[];
  estimatedCalls: number;
};

export type Plan = {
  journeyId: string;
  clientName: string;
  ghlLocationId: string | null;
  /** What the plan is of: the version under review, the approved one, or the rows as they are. */
  source: "review" | "approved" | "draft";
  version: number | null;
  /** The version that is published now. */
  publishedVersion: number | null;
  /** Why nothing of it would go now, or null. */
  obstacle: string | null;
  items: PlanItem[];
  /** Touchpoints that are published and no longer part of the version: their objects stay. */
  removed: { name: string; remoteName: string | null }[];
  estimatedCalls: number;
};

const sourceSchema = z.object({
  installation_id: z.uuid(),
  client: z.object({ id: z.uuid(), name: z.string(), ghl_location_id: z.string().nullable() }),
  location: z.object({ id: z.uuid(), status: z.string(), status_reason: z.string().nullable() }).nullable(),
  source: z.enum(["review", "approved", "draft"]),
  version: z.number().nullable(),
  snapshot: z.unknown(),
  published: z.object({ version: z.number(), snapshot: z.unknown() }).nullable(),
  objects: z.array(
    z.object({
      token: z.string(),
      asset_kind: z.string(),
      remote_id: z.string().nullable(),
      remote_name: z.string().nullable(),
      synced_hash: z.string().nullable(),
      is_begun: z.boolean(),
      is_archived: z.boolean(),
    }),
  ),
});

export type PlanSource = z.infer<typeof sourceSchema>;
type KnownObject = PlanSource["objects"][number];

/** A transaction, of whatever pool. */
type Queries = {
  query(statement: { text: string; values: unknown[] }): Promise<{ rows: readonly Record<string, unknown>[] }>;
};

/**
 * Reads what a plan is made of.
 *
 * @param client a transaction of whoever asks; the database decides what they may see
 * @throws the database's `not_found` (LF006)
 */
export async function readPlanSource(client: Queries, journeyId: string): Promise<PlanSource> {
  const { rows } = await client.query({ text: "select app.plan_source($1) as source", values: [journeyId] });
  return sourceSchema.parse(rows[0]?.source);
}

/** Calls that each thing costs: the step itself and reading back; a folder and a tag are looked for one by one before and after. */
const costs = {
  folder: { create: 5, update: 0 },
  template: { create: 2, update: 2 },
  custom_value: { create: 2, update: 2 },
  tag: { create: 3, update: 0 },
};

/** Calls by which is looked, once for all of a kind, for what is there already. */
const lookingCosts = { template: 3, custom_value: 1 };

/**
 * Makes the plan.
 *
 * @throws LandfallError `unreadable_version` where the version has no form that can be published
 */
export function makePlan(source: PlanSource): Plan {
  const snapshot = readSnapshot(source.snapshot);
  const { all } = elementsOf(source.installation_id, snapshot);
  const published = source.published === null ? null : snapshotSchema.safeParse(source.published.snapshot).data;
  const before = new Map(
    published === null || published === undefined
      ? []
      : elementsOf(source.installation_id, published).all.map((element) => [element.token, element]),
  );
  const objects = new Map(source.objects.map((object) => [object.token, object]));
  const items = all.map((element) => planItem(element, objects.get(element.token), before.get(element.token)));
  const tokens = new Set(all.map((element) => element.token));
  const removed = [...before.values()]
    .filter((element) => element.touchpointId !== null && !tokens.has(element.token) && element.kind !== "manual")
    .map((element) => ({ name: element.name, remoteName: objects.get(element.token)?.remote_name ?? null }));
  const obstacle = obstacleOfLocation(source);
  return {
    journeyId: snapshot.journey.id,
    clientName: source.client.name,
    ghlLocationId: source.client.ghl_location_id,
    source: source.source,
    version: source.version,
    publishedVersion: source.published?.version ?? null,
    obstacle,
    items: obstacle === null ? items : items.map((item) => block(item, obstacle)),
    removed,
    estimatedCalls: obstacle === null ? estimateCalls(items) : 0,
  };
}

function estimateCalls(items: PlanItem[]): number {
  const isLookedFor = (kind: PlanItem["assetKind"]) =>
    items.some(({ assetKind, action }) => assetKind === kind && (action === "create" || action === "adopt"));
  return (
    items.reduce((sum, item) => sum + item.estimatedCalls, 0) +
    (isLookedFor("template") ? lookingCosts.template : 0) +
    (isLookedFor("custom_value") ? lookingCosts.custom_value : 0)
  );
}

function readSnapshot(snapshot: unknown): Snapshot {
  const parsed = snapshotSchema.safeParse(snapshot);
  if (parsed.success) return parsed.data;
  return fail(
    "unreadable_version",
    `The version cannot be read: ${z.prettifyError(parsed.error)}`,
    "Mend what the message names and submit the journey again.",
  );
}

function obstacleOfLocation({ client, location }: PlanSource): string | null {
  if (client.ghl_location_id === null)
    return `The client "${client.name}" has no GoHighLevel location. Set ghlLocationId on it.`;
  if (location === null || location.status === "active" || location.status === "paused") return null;
  return location.status_reason;
}

function block(item: PlanItem, reason: string): PlanItem {
  return item.action === "by_hand" || item.action === "unchanged"
    ? item
    : { ...item, action: "blocked", reason, estimatedCalls: 0 };
}

function planItem(element: Element, object: KnownObject | undefined, before: Element | undefined): PlanItem {
  const rendered = element.render(object?.remote_name ?? null);
  const planned = {
    touchpointId: element.touchpointId,
    name: element.name,
    assetKind: rendered.kind,
    remoteId: object?.remote_id ?? null,
    remoteName: object?.remote_name ?? null,
    findings: rendered.findings,
    changes: before === undefined ? [] : changesBetween(before.render(object?.remote_name ?? null), rendered),
  };
  const step = (action: PlanAction, estimatedCalls: number, reason: string | null = null): PlanItem => ({
    ...planned,
    action,
    reason,
    estimatedCalls,
  });
  if (rendered.kind === "manual") return step("by_hand", 0);
  const obstacle = obstacleOf(rendered);
  if (obstacle !== null) return step("blocked", 0, obstacle);
  if (rendered.kind === "link")
    return step("link", 1, `The ${rendered.target} ${rendered.id} must be there; it is never changed.`);
  const cost = costs[rendered.kind];
  if (object === undefined || (object.remote_id === null && !object.is_begun)) return step("create", cost.create);
  if (object.remote_id === null)
    return step("adopt", cost.create, "Its creation was begun and its reply lost: it is looked for first.");
  if (object.is_archived) return step("update", cost.update, "It was put away, and comes back into use.");
  return object.synced_hash === rendered.hash ? step("unchanged", 0) : step("update", cost.update);
}

function changesBetween(before: Rendered, after: Rendered): Change[] {
  const [old, next] = [readableFields(before), readableFields(after)];
  return [...new Set([...Object.keys(old), ...Object.keys(next)])]
    .map((field) => ({ field, before: old[field] ?? null, after: next[field] ?? null }))
    .filter((change) => change.before !== change.after);
}

/**
 * Looks in GoHighLevel for what the plan does not know: objects that bear our token already, and links that do not hold. It
 * reads and changes nothing.
 *
 * @param client a client whose calls are counted and written down
 * @returns the plan with what was found; what could not be looked up stays as it was, with the reason
 */
export async function lookForPlan(plan: Plan, source: PlanSource, client: Client): Promise<Plan> {
  const { all } = elementsOf(source.installation_id, readSnapshot(source.snapshot));
  const findLink = linkFinder(client);
  const listings = listingsOf(client);
  const items: PlanItem[] = [];
  for (const [index, item] of plan.items.entries()) {
    const element = all[index];
    items.push(element === undefined ? item : await lookForItem(item, element, client, findLink, listings));
  }
  return { ...plan, items };
}

async function lookForItem(
  item: PlanItem,
  element: Element,
  client: Client,
  findLink: LinkFinder,
  listings: Listings,
): Promise<PlanItem> {
  const rendered = element.render(item.remoteName);
  if (item.action === "link" && rendered.kind === "link") {
    const found = await findLink(rendered.target, rendered.id);
    if (found.class !== "done") return { ...item, reason: found.messages.join("; ") };
    const obstacle = linkObstacle(rendered.target, rendered.id, found.data);
    return obstacle === null
      ? { ...item, remoteId: rendered.id, remoteName: found.data?.name ?? null }
      : { ...item, action: "blocked", reason: obstacle };
  }
  if (item.action !== "create" || (rendered.kind !== "template" && rendered.kind !== "custom_value")) return item;
  const asset =
    rendered.kind === "template"
      ? templateAsset(client, listings, rendered, element.token, null)
      : customValueAsset(client, listings, rendered, element.token);
  const found = await asset.find(false);
  if (found.class !== "done") return { ...item, reason: found.messages.join("; ") };
  const [first] = found.data;
  if (first === undefined) return item;
  if (first.conflict !== undefined) return { ...item, action: "blocked", reason: first.conflict };
  return {
    ...item,
    action: "adopt",
    remoteId: first.id,
    remoteName: first.name,
    reason: "It is there already, with our token.",
  };
}
