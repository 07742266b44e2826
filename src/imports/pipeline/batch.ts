import { createHash, randomUUID } from "node:crypto";
import type pg from "pg";
import { withIdentity } from "../../database/with_identity.ts";
import { type Disk, keepReserve } from "../../disk.ts";
import { fail } from "../../errors.ts";
import type { FileStore } from "../files/file_store.ts";
import type { ConflictPolicy, Mapping } from "../mappings/mapping.ts";
import type { Source } from "../sources/source.ts";

export type BatchStatus =
  | "planned"
  | "queued"
  | "running"
  | "verifying"
  | "paused"
  | "completed"
  | "incomplete"
  | "failed"
  | "cancelled"
  | "rolling_back"
  | "rolled_back";

/** The right to work on a batch. A heartbeat renews it; whoever takes the batch over has another token. */
export interface Lease {
  id: string;
  tenantId: string;
  pool: pg.Pool;
  leaseToken: string;
  /** The database's, which is not to be filled; what gives rows back and takes none has none to mind. */
  disk?: Disk | undefined;
}

/** A batch that this process works on. */
export interface Batch extends Lease {
  sourceId: string;
  mapping: Mapping;
  source: Source;
  /** Where the files of its records go; a plan has none, and copies none. */
  files?: FileStore | undefined;
  /** When what waited in quarantine was last taken up again; null where it never was. */
  replayedAt?: Date | null;
}

/** What a batch was told about rows that are here already. */
export interface BatchOptions {
  /** Whose value stays where the source and people both changed a column. */
  onConflict: ConflictPolicy;
  /** How many percent of a collection's rows may be gone from the source, and be deleted. */
  deleteThreshold: number;
  /** Whether it is asked for although the source was left behind by a cut-over. */
  isAfterCutover: boolean;
}

/** A batch on its way into the tables. */
export interface LoadingBatch extends Batch, Omit<BatchOptions, "isAfterCutover"> {}

export const defaultOptions: BatchOptions = {
  onConflict: "hold",
  deleteThreshold: 5,
  isAfterCutover: false,
};

/** The batch was paused, cancelled or taken over: let go of it, and leave no trace. */
export class LeaseLost extends Error {}

/** The statuses in which a process works on a batch. */
function isUnderWay(status: BatchStatus): boolean {
  return status === "planned" || status === "running" || status === "verifying" || status === "rolling_back";
}

const makeRoom =
  "Free some space there, or set LANDFALL_DISK_RESERVE; then let the import go on (landfall import resume), or ask for its plan again.";

/** A lease that was not renewed for this long belongs to a dead process. */
export const leaseSeconds = 20;

/**
 * Makes a batch: `queued`, which wakes the worker, or `planned`, which does not.
 *
 * @returns the batch's id; where a batch of this source is paused or under way already, that one's
 */
export async function createBatch(
  pool: pg.Pool,
  tenantId: string,
  mapping: Mapping,
  source: Pick<Source, "key" | "location">,
  status: "planned" | "queued",
  options: BatchOptions = defaultOptions,
): Promise<string> {
  for (;;) {
    // Somebody else may have made one in between: then that one is found.
    const batchId = await findOrMakeBatch(pool, tenantId, mapping, source, status, options);
    if (batchId !== null) return batchId;
  }
}

async function findOrMakeBatch(
  pool: pg.Pool,
  tenantId: string,
  mapping: Mapping,
  source: Pick<Source, "key" | "location">,
  status: "planned" | "queued",
  options: BatchOptions,
): Promise<string | null> {
  return await withIdentity(pool, { kind: "worker", tenantId }, async (client) => {
    const sourceId = await findOrMakeSource(client, tenantId, mapping, source);
    const open = await client.query<{ id: string; status: BatchStatus; location: string }>(
      `select id, status, location from imports.batches
       where tenant_id = $1 and source_id = $2 and status in ('queued', 'running', 'verifying', 'paused', 'rolling_back')`,
      [tenantId, sourceId],
    );
    const found = open.rows[0];
    if (status === "queued" && found !== undefined) {
      if (found.location !== source.location) {
        fail(
          "import_busy",
          `Another import of this source is ${found.status}: it reads ${found.location}.`,
          `Finish that one first: landfall import run --from ${found.location}.`,
        );
      }
      if (found.status === "paused") {
        await client.query(
          `update imports.batches
           set status = 'queued', message = null, way_out = null, on_conflict = $3, delete_threshold = $4,
               is_after_cutover = is_after_cutover or $5
           where tenant_id = $1 and id = $2`,
          [tenantId, found.id, options.onConflict, options.deleteThreshold, options.isAfterCutover],
        );
      }
      return found.id;
    }
    const made = await client.query<{ id: string }>(
      `insert into imports.batches (source_id, status, location, mapping_hash, on_conflict, delete_threshold, is_after_cutover)
       values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (tenant_id, source_id) where status in ('queued', 'running', 'verifying', 'paused', 'rolling_back') do nothing
       returning id`,
      [
        sourceId,
        status,
        source.location,
        mappingHash(mapping),
        options.onConflict,
        options.deleteThreshold,
        options.isAfterCutover,
      ],
    );
    return made.rows[0]?.id ?? null;
  });
}

/** The source's row, which is made when it is first met. */
export async function findOrMakeSource(
  client: pg.ClientBase,
  tenantId: string,
  mapping: Mapping,
  source: Pick<Source, "key">,
): Promise<string> {
  await client.query(
    `insert into imports.sources (mapping, key) values ($1, $2) on conflict (tenant_id, mapping, key) do nothing`,
    [mapping.name, source.key],
  );
  const { rows } = await client.query<{ id: string }>(
    `select id from imports.sources where tenant_id = $1 and mapping = $2 and key = $3`,
    [tenantId, mapping.name, source.key],
  );
  return (rows[0] as { id: string }).id;
}

/** SHA-256 of everything that a mapping says: a record that has not changed means the same row only under the same mapping. */
export function mappingHash(mapping: Mapping): Buffer {
  // A codec's zod schema is left out, for zod fills in its insides on first use; the codec's name and SQL say the same.
  const text = JSON.stringify(mapping, (key, value) =>
    key === "cell" ? undefined : typeof value === "function" ? String(value) : value,
  );
  return createHash("sha256").update(text).digest();
}

/**
 * Takes a batch over: one that waits, or one whose process has died.
 *
 * @returns the lease's token and the batch's status; null where somebody works on it, or there is nothing to do
 */
export async function takeBatch(
  pool: pg.Pool,
  tenantId: string,
  batchId: string,
): Promise<{ leaseToken: string; status: BatchStatus } | null> {
  return await withIdentity(pool, { kind: "worker", tenantId }, async (client) => {
    const { rows } = await client.query<{ status: BatchStatus; is_planned: boolean }>(
      `select batch.status, batch.status = 'planned' and exists (
         select from imports.plans plan where plan.tenant_id = batch.tenant_id and plan.batch_id = batch.id
       ) as is_planned
       from imports.batches batch
       where batch.tenant_id = $1 and batch.id = $2
       for no key update of batch`,
      [tenantId, batchId],
    );
    const { status, is_planned } = rows[0] ?? {};
    if (status === undefined || is_planned || (status !== "queued" && !isUnderWay(status))) return null;
    // A transaction holds the lease, perhaps one that a dead process has left: nobody waits for its end, for there is another turn soon.
    const held = await client.query<{ is_at_work: boolean }>(
      `select free.batch_id is null as is_at_work
       from app_private.import_leases lease
       left join lateral (
         select batch_id from app_private.import_leases where batch_id = lease.batch_id for update skip locked
       ) free on true
       where lease.batch_id = $1`,
      [batchId],
    );
    if (held.rows[0]?.is_at_work) return null;
    const leaseToken = randomUUID();
    const taken = await client.query(
      `insert into app_private.import_leases as lease (batch_id, tenant_id, token, heartbeat_at)
       values ($1, $2, $3, clock_timestamp())
       on conflict (batch_id) do update set token = excluded.token, heartbeat_at = excluded.heartbeat_at
       where lease.heartbeat_at < clock_timestamp() - make_interval(secs => $4)`,
      [batchId, tenantId, leaseToken, leaseSeconds],
    );
    if (taken.rowCount === 0) return null;
    if (status !== "queued") return { leaseToken, status };
    await client.query(
      `update imports.batches set status = 'running', started_at = coalesce(started_at, now()) where tenant_id = $1 and id = $2`,
      [tenantId, batchId],
    );
    return { leaseToken, status: "running" };
  });
}

/**
 * One transaction of a batch's work. It holds the lease's row until it commits, and leaves it to others of the same process to hold it as
 * well: whoever was taken over cannot commit any more, and nobody takes over what is at work.
 *
 * @throws LeaseLost where the batch belongs to somebody else by now, or was paused or cancelled
 * @throws LandfallError `disk_full` where it would fill the database's disk
 */
export async function inBatch<Result>(batch: Lease, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
  if (batch.disk !== undefined) await keepReserve(batch.disk, "Imports", makeRoom);
  const identity = { kind: "worker", tenantId: batch.tenantId, importBatchId: batch.id } as const;
  return await withIdentity(batch.pool, identity, async (client) => {
    await holdLease(batch, client);
    // A statement whose process was killed holds the lease until it has run out, unless the server looks who is left to be told (Windows cannot).
    await client.query(
      `select set_config('timezone', 'UTC', true),
              case when version() !~ 'windows|Visual' then set_config('client_connection_check_interval', '5s', true) end`,
    );
    return await work(client);
  });
}

/**
 * Moves the batch on, as an ordinary step: not as an effect of the batch, for which every step would be allowed.
 *
 * @param end lets the lease go
 */
export async function setStatus(
  batch: Lease,
  status: BatchStatus,
  news: { isVerified?: boolean; message?: string; wayOut?: string } = {},
): Promise<void> {
  await withIdentity(batch.pool, { kind: "worker", tenantId: batch.tenantId }, async (client) => {
    // Nobody pauses it between the look at its status and the step.
    await client.query(`select from imports.batches where tenant_id = $1 and id = $2 for no key update`, [
      batch.tenantId,
      batch.id,
    ]);
    await holdLease(batch, client);
    const hasEnded = status !== "verifying";
    await client.query(
      `update imports.batches
       set status = $3::imports.batch_status, is_verified = coalesce($4, is_verified), message = $5, way_out = $6,
           finished_at = case when $7 then now() end
       where tenant_id = $1 and id = $2`,
      [
        batch.tenantId,
        batch.id,
        status,
        news.isVerified ?? null,
        news.message ?? null,
        news.wayOut ?? null,
        hasEnded && status !== "paused",
      ],
    );
    if (hasEnded) await client.query(`delete from app_private.import_leases where batch_id = $1`, [batch.id]);
  });
}

/**
 * Lets a batch go without a step of its status: a plan that was made, a process that stops, a pause.
 *
 * @returns whether the lease was still this one
 */
export async function releaseLease(batch: Lease): Promise<boolean> {
  return await withIdentity(batch.pool, { kind: "worker", tenantId: batch.tenantId }, async (client) => {
    const { rowCount } = await client.query(
      `delete from app_private.import_leases where batch_id = $1 and token = $2`,
      [batch.id, batch.leaseToken],
    );
    return rowCount === 1;
  });
}

/** Keeps the lease alive. */
export async function beat(batch: Lease): Promise<void> {
  await withIdentity(batch.pool, { kind: "worker", tenantId: batch.tenantId }, (client) =>
    client.query(
      `update app_private.import_leases set heartbeat_at = clock_timestamp() where batch_id = $1 and token = $2`,
      [batch.id, batch.leaseToken],
    ),
  );
}

/**
 * A key share: a takeover must do without, a heartbeat need not. The look at the status and the claim to the batch's effects are one statement: a
 * pause that came in between would make them a person's.
 */
async function holdLease(batch: Lease, client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ status: BatchStatus }>(
    `select batch.status, app.current_import_batch_id() as claimed_batch_id
     from app_private.import_leases lease
     join imports.batches batch on batch.tenant_id = lease.tenant_id and batch.id = lease.batch_id
     where lease.batch_id = $1 and lease.token = $2
     for key share of lease`,
    [batch.id, batch.leaseToken],
  );
  const status = rows[0]?.status;
  if (status === undefined || !isUnderWay(status)) {
    throw new LeaseLost(`batch ${batch.id} is ${status ?? "somebody else's"}`);
  }
}
