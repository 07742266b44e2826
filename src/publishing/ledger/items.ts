/** The items of a publication, and how far each is. */
import type { PoolClient } from "pg";
import { z } from "zod";
import { prepared } from "../../database/prepared.ts";
import type { Finding } from "../render.ts";
import { guarded, type Run } from "./run.ts";

const itemStatuses = z.enum([
  "pending",
  "intent",
  "unknown",
  "synced",
  "unverified",
  "rejected",
  "conflict",
  "drifted",
  "remote_missing",
  "manual",
  "blocked",
]);

export type ItemStatus = z.infer<typeof itemStatuses>;

const itemSchema = z.object({
  id: z.uuid(),
  asset_kind: z.enum(["folder", "template", "custom_value", "tag", "link", "manual"]),
  token: z.string(),
  status: itemStatuses,
  attempts: z.number(),
  remote_id: z.string().nullable(),
  remote_name: z.string().nullable(),
  is_archived: z.boolean(),
  synced_hash: z.string().nullable(),
  create_age_ms: z.number().nullable(),
  due_in_ms: z.number(),
});

/** An item with what is known of its remote object, however many publications ago that was learnt. */
export type Item = Omit<z.infer<typeof itemSchema>, "create_age_ms"> & {
  /** When its creation was asked for without an answer that is known, on this process's clock; null where it was not. */
  createSentAt: number | null;
};

export type NewItem = {
  touchpointId: string | null;
  assetKind: Item["asset_kind"];
  orderIndex: number | null;
  name: string;
  token: string;
  desiredHash: string;
  findings: Finding[];
  status: "pending" | "manual" | "blocked";
  lastError: string | null;
};

/** How an item stands after a step that did not sync it. */
export type ItemState = {
  status: ItemStatus;
  attempts: number;
  lastError: string | null;
  errorClass: string | null;
  traceId: string | null;
  retryInMs: number | null;
};

/** Writes the items of a publication down, those that are not there yet. */
export async function addItems(run: Run, items: NewItem[]): Promise<void> {
  await guarded(run, async (client) => {
    await client.query(
      `insert into publishing.publication_items (
         tenant_id, publication_id, touchpoint_id, asset_kind, order_index, name, token, desired_hash, findings, status, last_error
       )
       select $1, $2, t.id, i."assetKind", i."orderIndex", i.name, i.token, i."desiredHash", i.findings, i.status, i."lastError"
       from jsonb_to_recordset($3) as i (
         "touchpointId" uuid, "assetKind" publishing.asset_kind, "orderIndex" integer, name text, token text,
         "desiredHash" text, findings jsonb, status publishing.item_status, "lastError" text
       )
       left join journeys.touchpoints t on t.tenant_id = $1 and t.id = i."touchpointId"
       on conflict (tenant_id, publication_id, token) do nothing`,
      [run.tenantId, run.publicationId, JSON.stringify(items)],
    );
    await countItems(client, run);
  });
}

/** How far the publication is: counted when items are read, when one fails, at the end, and now and then while they arrive. */
export async function countItems(client: PoolClient, run: Run): Promise<void> {
  run.countedAt = performance.now();
  await client.query(
    prepared(
      `update publishing.publications p
     set items_total = c.total, items_synced = c.synced, items_manual = c.manual, items_failed = c.failed
     from (
       select count(*) as total,
         count(*) filter (where i.status = 'synced') as synced,
         count(*) filter (where i.status = 'manual') as manual,
         count(*) filter (where i.status in ('unverified', 'rejected', 'conflict', 'drifted', 'remote_missing', 'blocked')) as failed
       from publishing.publication_items i
       where i.tenant_id = $1 and i.publication_id = $2
     ) c
     where p.tenant_id = $1 and p.id = $2
       and (p.items_total, p.items_synced, p.items_manual, p.items_failed) is distinct from (c.total, c.synced, c.manual, c.failed)`,
      [run.tenantId, run.publicationId],
    ),
  );
}

const countEveryMs = 500;

/** How many items are read at once: often enough that what people decide meanwhile is seen, and not for each of a thousand. */
const openItemsAtOnce = 20;

/** The next items that are still to be sent, the one that is due first ahead; the folder before what goes into it. */
export async function openItems(run: Run, locationId: string, maxAttempts: number): Promise<Item[]> {
  const rows = await guarded(run, async (client) => {
    await countItems(client, run);
    const result = await client.query(
      prepared(
        `select i.id, i.asset_kind, i.token, i.status, i.attempts, r.remote_id, r.remote_name, r.synced_hash,
         r.archived_at is not null as is_archived,
         extract(epoch from now() - r.create_sent_at)::float8 * 1000 as create_age_ms,
         greatest(0, coalesce(extract(epoch from i.retry_at - now())::float8 * 1000, 0)) as due_in_ms
       from publishing.publication_items i
       left join publishing.remote_objects r
         on r.tenant_id = i.tenant_id and r.location_id = $3 and r.asset_kind = i.asset_kind and r.token = i.token
       where i.tenant_id = $1 and i.publication_id = $2 and i.status in ('pending', 'intent', 'unknown') and i.attempts < $4
         -- Templates wait for their folder, even where it has to wait itself.
         and (
           i.asset_kind <> 'template'
           or not exists (
             select from publishing.publication_items folder
             where folder.tenant_id = i.tenant_id and folder.publication_id = i.publication_id and folder.asset_kind = 'folder'
               and folder.status in ('pending', 'intent', 'unknown') and folder.attempts < $4
           )
         )
       order by due_in_ms, i.asset_kind <> 'folder', i.order_index, i.id
       limit $5`,
        [run.tenantId, run.publicationId, locationId, maxAttempts, openItemsAtOnce],
      ),
    );
    return result.rows;
  });
  const readAt = performance.now();
  return z
    .array(itemSchema)
    .parse(rows)
    .map(({ create_age_ms: age, ...item }) => ({ ...item, createSentAt: age === null ? null : readAt - age }));
}

/** Records that an item did not get through this time, and why; with the object that it is bound to, where there is one. */
export async function setItem(run: Run, locationId: string, item: Item, state: ItemState): Promise<void> {
  await guarded(run, async (client) => {
    await client.query(
      `update publishing.publication_items i
       set status = $3, attempts = $4, last_error = $5, error_class = $6, trace_id = coalesce($7, i.trace_id),
         retry_at = now() + make_interval(secs => $8::float8 / 1000),
         remote_id = coalesce(r.remote_id, i.remote_id), remote_name = coalesce(r.remote_name, i.remote_name)
       from publishing.publication_items this
       left join publishing.remote_objects r
         on r.tenant_id = this.tenant_id and r.location_id = $9 and r.asset_kind = this.asset_kind and r.token = this.token
       where this.tenant_id = $1 and this.id = $2 and i.tenant_id = this.tenant_id and i.id = this.id`,
      [
        run.tenantId,
        item.id,
        state.status,
        state.attempts,
        state.lastError,
        state.errorClass,
        state.traceId,
        state.retryInMs,
        locationId,
      ],
    );
    await countItems(client, run);
  });
}

/** Records that GoHighLevel holds an item as it was approved. */
export async function syncItem(
  run: Run,
  locationId: string,
  item: Item,
  remote: {
    id: string;
    name: string;
    hash: string;
    journeyVersionId: string | null;
    traceId: string | null;
    /** What was read back; null where nothing was, for it is held already. */
    remoteHash: string | null;
    remoteUpdatedAt: string | null;
    remoteKey: string | null;
  },
): Promise<void> {
  await guarded(run, async (client) => {
    await client.query(
      prepared(
        `update publishing.publication_items i
       set status = 'synced', remote_id = $3, remote_name = $4, desired_hash = $5, synced_hash = $5, synced_at = now(),
         last_error = null, error_class = null, retry_at = null, trace_id = coalesce($6, i.trace_id)
       where i.tenant_id = $1 and i.id = $2`,
        [run.tenantId, item.id, remote.id, remote.name, remote.hash, remote.traceId],
      ),
    );
    await client.query(
      prepared(
        `update publishing.remote_objects r
       set synced_hash = $5, synced_at = now(), journey_version_id = $6, remote_name = $7, archived_at = null,
         forgotten_at = null, remote_hash = coalesce($8, r.remote_hash),
         remote_key = coalesce($10, r.remote_key),
         remote_updated_at = case when $8::text is null then r.remote_updated_at else $9::timestamptz end
       where r.tenant_id = $1 and r.location_id = $2 and r.asset_kind = $3 and r.token = $4`,
        [
          run.tenantId,
          locationId,
          item.asset_kind,
          item.token,
          remote.hash,
          remote.journeyVersionId,
          remote.name,
          remote.remoteHash,
          remote.remoteUpdatedAt,
          remote.remoteKey,
        ],
      ),
    );
    if (performance.now() - run.countedAt > countEveryMs) await countItems(client, run);
  });
}

const countsSchema = z.object({
  synced: z.number(),
  manual: z.number(),
  failed: z.number(),
  first_error: z.string().nullable(),
});

export type Counts = z.infer<typeof countsSchema>;

/** How the items of a publication stand; what nobody will try again by itself has failed. */
export async function countOutcomes(run: Run): Promise<Counts> {
  const rows = await guarded(run, async (client) => {
    const result = await client.query(
      `select count(*) filter (where i.status = 'synced')::integer as synced,
         count(*) filter (where i.status = 'manual')::integer as manual,
         count(*) filter (where i.status not in ('synced', 'manual'))::integer as failed,
         (array_agg(i.name || ': ' || i.last_error order by i.order_index) filter (where i.status not in ('synced', 'manual')))[1] as first_error
       from publishing.publication_items i
       where i.tenant_id = $1 and i.publication_id = $2`,
      [run.tenantId, run.publicationId],
    );
    return result.rows;
  });
  return countsSchema.parse(rows[0]);
}
