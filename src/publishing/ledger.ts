/**
 * Everything that publishing remembers, one short transaction a step. Each step of a run first proves that the run still
 * holds its lease, and most that no later publication of the journey has come: what fails that proof commits nothing. The
 * calls that led to a step are written down with it.
 */
import type { Pool, PoolClient } from "pg";
import { z } from "zod";
import { prepared } from "../database/prepared.ts";
import { withIdentity } from "../database/with_identity.ts";
import { errorCode } from "../errors.ts";
import type { Arrived, HandoffStep } from "./handoff.ts";
import type { Finding } from "./render.ts";
import type { Outcome } from "./stop.ts";
import type { UnwrittenCalls } from "./unwritten_calls.ts";

/** Thrown inside a run whose lease another worker has taken: this one is believed dead and must not write. */
export class LeaseLost extends Error {}

/** Thrown inside a run of a version that a later publication has overtaken. */
export class Overtaken extends Error {}

export type Run = {
  pool: Pool;
  tenantId: string;
  publicationId: string;
  leaseToken: string;
  leaseMs: number;
  /** What the run is for; a publication that is taken back under way is another run's. */
  purpose: "running" | "unpublishing";
  unwritten: UnwrittenCalls;
  /** When its items were last counted, on this process's clock. */
  countedAt: number;
};

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

const claimSchema = z.object({
  status: z.enum(["running", "unpublishing"]),
  journey_id: z.uuid().nullable(),
  journey_version_id: z.uuid().nullable(),
  client_id: z.uuid(),
  snapshot: z.unknown(),
  location_id: z.uuid().nullable(),
  ghl_location_id: z.string().nullable(),
  location_status: z.enum(["active", "paused", "needs_reauth", "blocked"]).nullable(),
  status_reason: z.string().nullable(),
  paused_for_ms: z.number().nullable(),
  token_ciphertext: z.string().nullable(),
  installation_id: z.uuid(),
  has_items: z.boolean(),
});

export type Claim = z.infer<typeof claimSchema>;

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

export type Ending = Outcome & {
  startedAt: Date;
  /** What the run's line in the history says besides. */
  metadata: Record<string, unknown>;
};

const historyStatuses = {
  synced: "success",
  partial: "partial",
  deferred: "partial",
  superseded: "partial",
  blocked: "failed",
  failed: "failed",
} satisfies Record<Exclude<Ending["status"], "queued">, string>;

function asWorker<T>(run: Run, step: (client: PoolClient) => Promise<T>): Promise<T> {
  return withIdentity(run.pool, { kind: "worker", tenantId: run.tenantId }, step);
}

function besideCalls<T>(run: Run, step: (client: PoolClient) => Promise<T>): Promise<T> {
  return run.unwritten.beside((transaction) => asWorker(run, transaction), step);
}

/** Proves that the run still has its lease, renews it when half of it is gone, and says whether a later publication has come. */
async function holdLease(client: PoolClient, run: Run, purposes: string[]): Promise<{ isOvertaken: boolean }> {
  const { rows } = await client.query<{ is_overtaken: boolean; left_ms: number }>(
    prepared(
      `select extract(epoch from p.lease_expires_at - now())::float8 * 1000 as left_ms,
       exists (
         select from publishing.publications later
         where later.tenant_id = p.tenant_id and (later.journey_id = p.journey_id or later.template_id = p.template_id) and later.id > p.id
           and later.status <> 'superseded'
       ) as is_overtaken
     from publishing.publications p
     where p.tenant_id = $1 and p.id = $2 and p.lease_token = $3 and p.status::text = any ($4)
     for no key update`,
      [run.tenantId, run.publicationId, run.leaseToken, purposes],
    ),
  );
  const [held] = rows;
  if (held === undefined) throw new LeaseLost("another worker has taken this publication over");
  if (held.left_ms <= run.leaseMs / 2) {
    await client.query(
      prepared(
        `update publishing.publications p set lease_expires_at = now() + make_interval(secs => $3::float8 / 1000)
       where p.tenant_id = $1 and p.id = $2`,
        [run.tenantId, run.publicationId, run.leaseMs],
      ),
    );
  }
  return { isOvertaken: held.is_overtaken };
}

/** A step that only the run with the lease may take, and only while no later publication has come. */
function guarded<T>(run: Run, step: (client: PoolClient) => Promise<T>): Promise<T> {
  return besideCalls(run, async (client) => {
    const { isOvertaken } = await holdLease(client, run, [run.purpose]);
    if (isOvertaken) throw new Overtaken("a later publication of the journey has come");
    return step(client);
  });
}

/** A step that writes down what has happened in GoHighLevel already: it is true for a later publication, and for one taken back, too. */
function leased<T>(run: Run, step: (client: PoolClient) => Promise<T>): Promise<T> {
  return besideCalls(run, async (client) => {
    await holdLease(client, run, ["running", "unpublishing"]);
    return step(client);
  });
}

/** Writes the run's calls down that no step has taken along. */
export async function writeCalls(run: Run): Promise<void> {
  await run.unwritten.write((step) => asWorker(run, step));
}

/**
 * Takes a publication up: one that is queued, or whose run has been silent for longer than its lease. Null where there is
 * nothing to take up, or where another publication is being sent to the same location.
 */
export async function claim(run: Run): Promise<Claim | null> {
  try {
    return await claimOnce(run);
  } catch (error) {
    // Another run got into the location between our look and our step.
    if (errorCode(error) === "23505") return null;
    throw error;
  }
}

function claimOnce(run: Run): Promise<Claim | null> {
  return asWorker(run, async (client) => {
    const { rows } = await client.query(
      `with claimed as (
         update publishing.publications p
         set status = case when p.status = 'unpublishing' then p.status else 'running' end,
           lease_token = $3, lease_expires_at = now() + make_interval(secs => $4::float8 / 1000),
           run_count = p.run_count + 1, run_after = null, last_error = null, finished_at = null,
           started_at = coalesce(p.started_at, now())
         where p.tenant_id = $1 and p.id = $2
           and (
             p.status = 'queued' or (p.status = 'running' and p.lease_expires_at < now())
             or (p.status = 'unpublishing' and coalesce(p.lease_expires_at < now(), true))
           )
           and not exists (
             select from publishing.publications other
             where other.tenant_id = p.tenant_id and other.location_id = p.location_id and other.id <> p.id
               and other.lease_token is not null
           )
         returning p.*
       )
       select c.status, c.journey_id, c.journey_version_id, coalesce(v.client_id, l.client_id) as client_id,
         coalesce(v.snapshot, c.snapshot) as snapshot, c.location_id, l.ghl_location_id,
         l.status as location_status, l.status_reason,
         extract(epoch from l.paused_until - now())::float8 * 1000 as paused_for_ms,
         publishing.location_token(l.id) as token_ciphertext,
         publishing.installation_id() as installation_id,
         c.items_total > 0 as has_items
       from claimed c
       left join journeys.journey_versions v on v.tenant_id = c.tenant_id and v.id = c.journey_version_id
       left join publishing.locations l on l.tenant_id = c.tenant_id and l.id = c.location_id`,
      [run.tenantId, run.publicationId, run.leaseToken, run.leaseMs],
    );
    return rows[0] === undefined ? null : claimSchema.parse(rows[0]);
  });
}

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
async function countItems(client: PoolClient, run: Run): Promise<void> {
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

/** Where the journey's folder stands: its id in GoHighLevel, or null while it has none. */
export async function folderId(run: Run, locationId: string, token: string): Promise<string | null> {
  const rows = await guarded(run, async (client) => {
    const result = await client.query<{ remote_id: string | null }>(
      prepared(
        `select r.remote_id from publishing.remote_objects r
       where r.tenant_id = $1 and r.location_id = $2 and r.asset_kind = 'folder' and r.token = $3`,
        [run.tenantId, locationId, token],
      ),
    );
    return result.rows;
  });
  return rows[0]?.remote_id ?? null;
}

/**
 * Commits the intention to call, before the call. For a call that makes something new, the moment is kept with the remote
 * object, so that whoever comes after a crash knows to look for it first.
 */
export async function intend(run: Run, locationId: string, item: Item, attempts: number, isCreate: boolean) {
  await guarded(run, async (client) => {
    await client.query(
      prepared(
        `update publishing.publication_items i set status = 'intent', attempts = $3, retry_at = null
       where i.tenant_id = $1 and i.id = $2`,
        [run.tenantId, item.id, attempts],
      ),
    );
    if (!isCreate) return;
    await client.query(
      prepared(
        `insert into publishing.remote_objects as r (tenant_id, location_id, touchpoint_id, asset_kind, token, create_sent_at)
       select $1, $3, i.touchpoint_id, i.asset_kind, i.token, now()
       from publishing.publication_items i
       where i.tenant_id = $1 and i.id = $2
       on conflict (tenant_id, location_id, asset_kind, token) do update set create_sent_at = now()`,
        [run.tenantId, item.id, locationId],
      ),
    );
  });
}

/** Binds an object of GoHighLevel to the item's token for ever, right after the answer that named it. */
export async function bind(run: Run, locationId: string, item: Item, remoteId: string, remoteName: string) {
  await leased(run, async (client) => {
    await client.query(
      prepared(
        `insert into publishing.remote_objects as r (tenant_id, location_id, touchpoint_id, asset_kind, token, remote_id, remote_name)
       select $1, $3, i.touchpoint_id, i.asset_kind, i.token, $4, $5
       from publishing.publication_items i
       where i.tenant_id = $1 and i.id = $2
       on conflict (tenant_id, location_id, asset_kind, token) do update
         set remote_id = excluded.remote_id, remote_name = excluded.remote_name, create_sent_at = null, synced_hash = null,
           touchpoint_id = coalesce(excluded.touchpoint_id, r.touchpoint_id)`,
        [run.tenantId, item.id, locationId, remoteId, remoteName],
      ),
    );
  });
}

/** Takes back the intention to make something: it is known that nothing was made. */
export async function withdrawCreate(run: Run, locationId: string, item: Item): Promise<void> {
  await leased(run, async (client) => {
    await client.query(
      `update publishing.remote_objects r set create_sent_at = null
       where r.tenant_id = $1 and r.location_id = $2 and r.asset_kind = $3 and r.token = $4`,
      [run.tenantId, locationId, item.asset_kind, item.token],
    );
  });
}

/** Unbinds an object that GoHighLevel no longer has. The items keep its id, and so the history does. */
export async function unbind(
  run: Run,
  locationId: string,
  assetKind: Item["asset_kind"],
  token: string,
): Promise<void> {
  await leased(run, async (client) => {
    await client.query(
      `update publishing.remote_objects r set remote_id = null, synced_hash = null, create_sent_at = null
       where r.tenant_id = $1 and r.location_id = $2 and r.asset_kind = $3 and r.token = $4`,
      [run.tenantId, locationId, assetKind, token],
    );
    await client.query(
      `update publishing.publication_items i
       set status = 'remote_missing', last_error = 'It was deleted in GoHighLevel: retry the publication to make it anew.'
       where i.tenant_id = $1 and i.publication_id = $2 and i.token = $3 and i.status = 'synced'`,
      [run.tenantId, run.publicationId, token],
    );
  });
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

/** Puts a location aside: until a time, or until a person has done something. */
export async function stopLocation(
  run: Run,
  locationId: string,
  status: "paused" | "needs_reauth" | "blocked",
  reason: string,
  pausedForMs: number | null,
): Promise<void> {
  await guarded(run, async (client) => {
    await client.query(
      `update publishing.locations l
       set status = $3, status_reason = $4, paused_until = now() + make_interval(secs => $5::float8 / 1000)
       where l.tenant_id = $1 and l.id = $2`,
      [run.tenantId, locationId, status, reason, pausedForMs],
    );
  });
}

/** Brings a location back whose pause is over. */
export async function activateLocation(run: Run, locationId: string): Promise<void> {
  await guarded(run, async (client) => {
    await client.query(
      `update publishing.locations l set status = 'active', status_reason = null, paused_until = null
       where l.tenant_id = $1 and l.id = $2`,
      [run.tenantId, locationId],
    );
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

/** The ids of what has arrived, on the touchpoints; whoever ends the run does it, so that a crash leaves it to the next one. */
async function markTouchpoints(client: PoolClient, run: Run): Promise<void> {
  await client.query(
    `update journeys.touchpoints t
     set ghl_template_id = i.remote_id, status = case when t.status = 'approved' then 'published' else t.status end
     from publishing.publication_items i
     where i.tenant_id = $1 and i.publication_id = $2 and i.status = 'synced' and i.asset_kind <> 'link'
       and t.tenant_id = i.tenant_id and t.id = i.touchpoint_id
       and (t.ghl_template_id is distinct from i.remote_id or t.status = 'approved')`,
    [run.tenantId, run.publicationId],
  );
}

/**
 * Ends a run: gives the lease back, lets the touchpoints know what has arrived, writes the run's line in the client's history,
 * and puts earlier publications of the same into this location aside once this one has arrived. A run that lost its lease
 * ends nothing.
 */
export async function finish(run: Run, clientId: string, ending: Ending): Promise<void> {
  await besideCalls(run, async (client) => {
    await countItems(client, run);
    const { rows } = await client.query<Ended>(
      `update publishing.publications p
       set status = $4::text::publishing.publication_status, last_error = $5, lease_token = null, lease_expires_at = null,
         run_after = now() + make_interval(secs => $6::float8 / 1000),
         finished_at = case when $4::text in ('deferred', 'queued') then null else now() end
       where p.tenant_id = $1 and p.id = $2 and p.lease_token = $3 and p.status = 'running'
       returning p.journey_id, p.template_id, p.items_synced`,
      [run.tenantId, run.publicationId, run.leaseToken, ending.status, ending.lastError, ending.runInMs],
    );
    const [ended] = rows;
    if (ended === undefined) throw new LeaseLost("another worker has taken this publication over");
    // What is overtaken says nothing about the version that the touchpoints are at.
    if (ending.status !== "superseded") await markTouchpoints(client, run);
    // A run that only let others go first has nothing to tell.
    if (ending.status === "queued") return;
    const operation = ended.template_id === null ? "journey_publish" : "template_update";
    await writeHistory(
      client,
      run,
      clientId,
      operation,
      historyStatuses[ending.status],
      ended,
      ending.lastError,
      {
        outcome: ending.status,
        ...ending.metadata,
      },
      ending.startedAt,
    );
    if (ended.template_id !== null) await noteTemplate(client, run, ending.status);
    if (ending.status !== "synced" && ending.status !== "partial") return;
    await client.query(
      `update publishing.publications earlier
       set status = 'superseded'
       from publishing.publications p
       where p.tenant_id = $1 and p.id = $2
         and earlier.tenant_id = p.tenant_id
         and (earlier.journey_id = p.journey_id or earlier.template_id = p.template_id)
         and earlier.location_id is not distinct from p.location_id and earlier.id < p.id and earlier.status in ('synced', 'partial')`,
      [run.tenantId, run.publicationId],
    );
  });
}

type Ended = { journey_id: string | null; template_id: string | null; items_synced: number };

async function writeHistory(
  client: PoolClient,
  run: Run,
  clientId: string,
  operation: "journey_publish" | "journey_unpublish" | "template_update",
  status: string,
  ended: Ended,
  errors: string | null,
  metadata: Record<string, unknown>,
  startedAt: Date,
): Promise<void> {
  await client.query(
    `insert into journeys.sync_history (tenant_id, client_id, operation, status, items_synced, errors, metadata, started_at, completed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())`,
    [
      run.tenantId,
      clientId,
      operation,
      status,
      ended.items_synced,
      errors,
      JSON.stringify({
        publicationId: run.publicationId,
        journeyId: ended.journey_id,
        templateId: ended.template_id,
        ...metadata,
      }),
      startedAt,
    ],
  );
}

/** What became of a template on its own, on the template. */
async function noteTemplate(client: PoolClient, run: Run, outcome: Ending["status"]): Promise<void> {
  const syncStatus = outcome === "synced" ? "synced" : outcome === "deferred" ? "pending" : "failed";
  await client.query(
    `update journeys.templates t
     set sync_status = $3::text::journeys.template_sync_status, ghl_template_id = coalesce(i.remote_id, t.ghl_template_id),
       last_synced_at = case when $3::text = 'synced' then now() else t.last_synced_at end,
       status = case when $3::text = 'synced' and t.status = 'approved' then 'published' else t.status end
     from publishing.publications p
     join publishing.publication_items i on i.tenant_id = p.tenant_id and i.publication_id = p.id
     where p.tenant_id = $1 and p.id = $2 and t.tenant_id = p.tenant_id and t.id = p.template_id`,
    [run.tenantId, run.publicationId, syncStatus],
  );
}

/** Whether any publication waits for a worker, in whatever tenant. */
export async function othersWait(run: Run): Promise<boolean> {
  const rows = await guarded(run, async (client) => {
    const result = await client.query<{ wait: boolean }>("select app_private.publications_wait() as wait");
    return result.rows;
  });
  return rows[0]?.wait === true;
}

/** Lets a publication go that is taken back while this run held it, so that the taking back begins. */
export async function letGo(run: Run): Promise<void> {
  await asWorker(run, async (client) => {
    await client.query(
      `update publishing.publications p set lease_token = null, lease_expires_at = null
       where p.tenant_id = $1 and p.id = $2 and p.lease_token = $3 and p.status = 'unpublishing'`,
      [run.tenantId, run.publicationId, run.leaseToken],
    );
  });
}

const ownObjectSchema = z.object({
  id: z.uuid(),
  asset_kind: z.enum(["folder", "template", "custom_value", "tag", "link", "manual"]),
  token: z.string(),
  /** Null where its creation was begun and nobody knows how it ended. */
  remote_id: z.string().nullable(),
  remote_name: z.string().nullable(),
  create_age_ms: z.number().nullable(),
});

export type OwnObject = z.infer<typeof ownObjectSchema>;

/** What a journey has in the location and was not put away yet, whichever of its versions it came with. */
export async function ownObjects(run: Run, locationId: string): Promise<OwnObject[]> {
  const rows = await guarded(run, async (client) => {
    const result = await client.query(
      `select r.id, r.asset_kind, r.token, r.remote_id, r.remote_name,
         extract(epoch from now() - r.create_sent_at)::float8 * 1000 as create_age_ms
       from publishing.remote_objects r
       where r.tenant_id = $1 and r.location_id = $3 and (r.remote_id is not null or r.create_sent_at is not null) and r.archived_at is null
         and exists (
           select from publishing.publication_items i
           join publishing.publications p on p.tenant_id = i.tenant_id and p.id = i.publication_id
           join publishing.publications this on this.tenant_id = $1 and this.id = $2 and this.journey_id = p.journey_id
           where i.tenant_id = $1 and i.token = r.token
         )
       order by r.id`,
      [run.tenantId, run.publicationId, locationId],
    );
    return result.rows;
  });
  return z.array(ownObjectSchema).parse(rows);
}

/** Notes that an object was put away. What it holds is no longer known to be what was approved. */
export async function noteArchived(run: Run, objectId: string): Promise<void> {
  await leased(run, async (client) => {
    await client.query(
      `update publishing.remote_objects r set archived_at = now(), synced_hash = null, create_sent_at = null where r.tenant_id = $1 and r.id = $2`,
      [run.tenantId, objectId],
    );
  });
}

/** Ends a run that takes a publication back, or leaves it to go on later. */
export async function finishUnpublishing(
  run: Run,
  clientId: string,
  ending: {
    isDone: boolean;
    lastError: string | null;
    runInMs: number | null;
    startedAt: Date;
    metadata: Record<string, unknown>;
  },
): Promise<void> {
  await asWorker(run, async (client) => {
    const { isDone, lastError, runInMs } = ending;
    const { rows } = await client.query<Ended>(
      `update publishing.publications p
       set status = case when $4 then 'unpublished'::publishing.publication_status else p.status end, last_error = $5,
         lease_token = null, lease_expires_at = null, run_after = now() + make_interval(secs => $6::float8 / 1000),
         finished_at = case when $4 then now() end
       where p.tenant_id = $1 and p.id = $2 and p.lease_token = $3 and p.status = 'unpublishing'
       returning p.journey_id, p.template_id, p.items_synced`,
      [run.tenantId, run.publicationId, run.leaseToken, isDone, lastError, runInMs],
    );
    const [ended] = rows;
    if (ended === undefined) throw new LeaseLost("another worker has taken this publication over");
    const status = !isDone ? "failed" : lastError === null ? "success" : "partial";
    await writeHistory(
      client,
      run,
      clientId,
      "journey_unpublish",
      status,
      ended,
      lastError,
      ending.metadata,
      ending.startedAt,
    );
  });
}

/** Puts a publication aside that was to be taken back when a later one came. */
export async function supersedeUnpublishing(run: Run): Promise<void> {
  await asWorker(run, async (client) => {
    await client.query(
      `update publishing.publications p
       set status = 'superseded', lease_token = null, lease_expires_at = null, run_after = null, finished_at = now()
       where p.tenant_id = $1 and p.id = $2 and p.lease_token = $3 and p.status = 'unpublishing'`,
      [run.tenantId, run.publicationId, run.leaseToken],
    );
  });
}

const arrivedSchema = z.object({
  token: z.string(),
  name: z.string().nullable(),
  key: z.string().nullable(),
  is_there: z.boolean(),
});

/** What of a publication has arrived, by token. */
export async function readArrived(run: Run): Promise<Map<string, Arrived>> {
  const rows = await guarded(run, async (client) => {
    const result = await client.query(
      `select i.token, i.remote_name as name, r.remote_key as key, i.status in ('synced', 'manual') as is_there
       from publishing.publication_items i
       join publishing.publications p on p.tenant_id = i.tenant_id and p.id = i.publication_id
       left join publishing.remote_objects r
         on r.tenant_id = i.tenant_id and r.location_id = p.location_id and r.asset_kind = i.asset_kind and r.token = i.token
       where i.tenant_id = $1 and i.publication_id = $2`,
      [run.tenantId, run.publicationId],
    );
    return result.rows;
  });
  const arrived = z.array(arrivedSchema).parse(rows);
  return new Map(arrived.map(({ token, name, key, is_there }) => [token, { name, key, isThere: is_there }]));
}

/** Writes the hand-off down: new steps, changed ones with their ticks taken away, and those that are no longer part of it. */
export async function writeHandoff(
  run: Run,
  journeyId: string,
  locationId: string,
  steps: HandoffStep[],
): Promise<void> {
  const rows = steps.map((step, index) => ({ ...step, orderIndex: index }));
  await guarded(run, async (client) => {
    const { rows: changed } = await client.query<{ id: string }>(
      `select s.id
       from publishing.handoff_steps s
       left join jsonb_to_recordset($4) as n (key text, title text, instruction text, reference text) on n.key = s.step_key
       where s.tenant_id = $1 and s.journey_id = $2 and s.location_id = $3 and s.retired_at is null
         and (s.title, s.instruction, s.reference) is distinct from (n.title, n.instruction, n.reference)`,
      [run.tenantId, journeyId, locationId, JSON.stringify(rows)],
    );
    await client.query("delete from publishing.handoff_ticks t where t.tenant_id = $1 and t.step_id = any ($2)", [
      run.tenantId,
      changed.map((row) => row.id),
    ]);
    await client.query(
      `insert into publishing.handoff_steps as s (
         tenant_id, journey_id, location_id, publication_id, touchpoint_id, step_key, order_index, title, instruction, reference
       )
       select $1, $2, $3, $5, t.id, n.key, n."orderIndex", n.title, n.instruction, n.reference
       from jsonb_to_recordset($4) as n (key text, "touchpointId" uuid, "orderIndex" integer, title text, instruction text, reference text)
       left join journeys.touchpoints t on t.tenant_id = $1 and t.id = n."touchpointId"
       on conflict (tenant_id, journey_id, location_id, step_key) do update
         set publication_id = excluded.publication_id, touchpoint_id = excluded.touchpoint_id, order_index = excluded.order_index,
           title = excluded.title, instruction = excluded.instruction, reference = excluded.reference, retired_at = null`,
      [run.tenantId, journeyId, locationId, JSON.stringify(rows), run.publicationId],
    );
    await client.query(
      `update publishing.handoff_steps s set retired_at = now()
       where s.tenant_id = $1 and s.journey_id = $2 and s.location_id = $3 and s.retired_at is null and s.step_key <> all ($4)`,
      [run.tenantId, journeyId, locationId, steps.map((step) => step.key)],
    );
  });
}
