/** Everything that a comparison of a location reads and writes here, one short transaction a step. */
import type { Pool, PoolClient } from "pg";
import { z } from "zod";
import { withIdentity } from "../database/with_identity.ts";
import type { Change } from "./plan.ts";
import type { UnwrittenCalls } from "./unwritten_calls.ts";

export type Comparison = {
  pool: Pool;
  tenantId: string;
  reconciliationId: string;
  leaseToken: string;
  leaseMs: number;
};

const claimSchema = z.object({
  location_id: z.uuid(),
  ghl_location_id: z.string(),
  client_id: z.uuid(),
  location_status: z.enum(["active", "paused", "needs_reauth", "blocked"]),
  status_reason: z.string().nullable(),
  paused_for_ms: z.number().nullable(),
  token_ciphertext: z.string().nullable(),
  installation_id: z.uuid(),
});

export type ComparisonClaim = z.infer<typeof claimSchema>;

const objectSchema = z.object({
  id: z.uuid(),
  asset_kind: z.enum(["folder", "template", "custom_value", "tag", "link", "manual"]),
  token: z.string(),
  remote_id: z.string().nullable(),
  remote_name: z.string().nullable(),
  remote_hash: z.string().nullable(),
  remote_updated_at: z.date().nullable(),
  touchpoint_id: z.uuid().nullable(),
  journey_version_id: z.uuid().nullable(),
  /** Whether it is compared: not what was put away, forgotten, or never arrived. */
  is_compared: z.boolean(),
  /** How the row stood when it was read; one that changed since is judged by the next comparison. */
  seen: z.string(),
});

export type ComparedObject = z.infer<typeof objectSchema>;

export type FoundDifference = {
  kind: "drifted" | "missing" | "orphaned" | "duplicated";
  objectId: string | null;
  assetKind: ComparedObject["asset_kind"];
  token: string;
  remoteId: string;
  remoteName: string | null;
  differences: { field: Change["field"]; ours: string | null; theirs: string | null }[];
};

/** An object that holds what was approved, with what GoHighLevel says of it now. */
export type Confirmed = { objectId: string; seen: string; hash: string | null; updatedAt: string | null };

export type ComparisonEnding = {
  status: "completed" | "deferred" | "failed";
  lastError: string | null;
  runInMs: number | null;
};

function asWorker<T>({ pool, tenantId }: Comparison, step: (client: PoolClient) => Promise<T>): Promise<T> {
  return withIdentity(pool, { kind: "worker", tenantId }, step);
}

/** Writes the calls down that no later turn has taken along. */
export async function writeCalls(comparison: Comparison, unwritten: UnwrittenCalls): Promise<void> {
  await unwritten.write((step) => asWorker(comparison, step));
}

/** Takes a comparison up; null where it is done, waits, or another run has it. */
export function claimComparison(comparison: Comparison): Promise<ComparisonClaim | null> {
  return asWorker(comparison, async (client) => {
    const { rows } = await client.query(
      `with claimed as (
         update publishing.reconciliations r
         set status = 'running', lease_token = $3, lease_expires_at = now() + make_interval(secs => $4::float8 / 1000), run_after = null,
           last_error = null, started_at = coalesce(r.started_at, now())
         where r.tenant_id = $1 and r.id = $2 and (r.status = 'queued' or (r.status = 'running' and r.lease_expires_at < now()))
         returning r.*
       )
       select l.id as location_id, l.ghl_location_id, l.client_id, l.status as location_status, l.status_reason,
         extract(epoch from l.paused_until - now())::float8 * 1000 as paused_for_ms,
         publishing.location_token(l.id) as token_ciphertext, publishing.installation_id() as installation_id
       from claimed c
       join publishing.locations l on l.tenant_id = c.tenant_id and l.id = c.location_id`,
      [comparison.tenantId, comparison.reconciliationId, comparison.leaseToken, comparison.leaseMs],
    );
    return rows[0] === undefined ? null : claimSchema.parse(rows[0]);
  });
}

/** All that is or was ours in the location. */
export function readObjects(comparison: Comparison, locationId: string): Promise<ComparedObject[]> {
  return asWorker(comparison, async (client) => {
    const { rows } = await client.query(
      `select o.id, o.asset_kind, o.token, o.remote_id, o.remote_name, o.remote_hash, o.remote_updated_at, o.touchpoint_id,
         o.journey_version_id, o.updated_at::text as seen,
         o.remote_id is not null and o.archived_at is null and o.forgotten_at is null as is_compared
       from publishing.remote_objects o
       where o.tenant_id = $1 and o.location_id = $2
       order by o.journey_version_id, o.id`,
      [comparison.tenantId, locationId],
    );
    return z.array(objectSchema).parse(rows);
  });
}

/** The text that an object was last given: its version's, or its template's. Null where that is gone. */
export function readSource(comparison: Comparison, object: ComparedObject): Promise<unknown> {
  return asWorker(comparison, async (client) => {
    const { rows } = await client.query<{ snapshot: unknown }>(
      `select v.snapshot from journeys.journey_versions v where v.tenant_id = $1 and v.id = $2
       union all
       (select p.snapshot
        from publishing.publications p
        join publishing.publication_items i on i.tenant_id = p.tenant_id and i.publication_id = p.id
        where p.tenant_id = $1 and $2::uuid is null and i.token = $3 and p.template_id is not null and i.status <> 'pending'
        order by p.id desc
        limit 1)`,
      [comparison.tenantId, object.journey_version_id, object.token],
    );
    return rows[0]?.snapshot ?? null;
  });
}

/** Says that the run is alive. False where another has taken it over. */
export function holdComparison(comparison: Comparison): Promise<boolean> {
  return asWorker(comparison, async (client) => {
    const { rowCount } = await client.query(
      `update publishing.reconciliations r set lease_expires_at = now() + make_interval(secs => $4::float8 / 1000)
       where r.tenant_id = $1 and r.id = $2 and r.lease_token = $3`,
      [comparison.tenantId, comparison.reconciliationId, comparison.leaseToken, comparison.leaseMs],
    );
    return rowCount === 1;
  });
}

/** Puts a location aside that may not be called. */
export async function stopComparedLocation(
  comparison: Comparison,
  locationId: string,
  status: "paused" | "needs_reauth" | "blocked",
  reason: string,
  pausedForMs: number | null,
): Promise<void> {
  await asWorker(comparison, async (client) => {
    await client.query(
      `update publishing.locations l
       set status = $3, status_reason = $4, paused_until = now() + make_interval(secs => $5::float8 / 1000)
       where l.tenant_id = $1 and l.id = $2 and l.status <> $3`,
      [comparison.tenantId, locationId, status, reason, pausedForMs],
    );
  });
}

/**
 * Writes down what was found, in one transaction: new findings, those that are over by themselves, and what the items of the
 * published versions are now. Only a run with its lease does; false where another has it.
 */
export function finishComparison(
  comparison: Comparison,
  claim: ComparisonClaim,
  found: FoundDifference[],
  confirmed: Confirmed[],
  objectsTotal: number,
): Promise<boolean> {
  const { tenantId, reconciliationId, leaseToken } = comparison;
  const locationId = claim.location_id;
  const count = (kind: FoundDifference["kind"]) => found.filter((finding) => finding.kind === kind).length;
  return asWorker(comparison, async (client) => {
    const { rowCount } = await client.query(
      `update publishing.reconciliations r
       set status = 'completed', lease_token = null, lease_expires_at = null, finished_at = now(), objects_total = $4, drifted_total = $5,
         missing_total = $6, orphaned_total = $7, duplicated_total = $8
       where r.tenant_id = $1 and r.id = $2 and r.lease_token = $3`,
      [
        tenantId,
        reconciliationId,
        leaseToken,
        objectsTotal,
        count("drifted"),
        count("missing"),
        count("orphaned"),
        count("duplicated"),
      ],
    );
    if (rowCount !== 1) return false;
    await writeFindings(client, comparison, locationId, found);
    await client.query(
      `update publishing.remote_objects o
       set remote_hash = coalesce(c.hash, o.remote_hash), remote_updated_at = coalesce(c."updatedAt", o.remote_updated_at)
       from jsonb_to_recordset($2) as c ("objectId" uuid, seen text, hash text, "updatedAt" timestamptz)
       where o.tenant_id = $1 and o.id = c."objectId" and o.updated_at::text = c.seen
         and (o.remote_hash, o.remote_updated_at) is distinct from (coalesce(c.hash, o.remote_hash), coalesce(c."updatedAt", o.remote_updated_at))`,
      [tenantId, JSON.stringify(confirmed)],
    );
    await moveItems(client, comparison, locationId, confirmed);
    await client.query(
      `insert into journeys.sync_history (tenant_id, client_id, operation, status, errors, metadata, started_at, completed_at)
       select r.tenant_id, $3, 'full_sync', case when $4 = 0 then 'success' else 'partial' end::journeys.sync_status,
         case when $4 > 0 then $4 || ' findings wait for a person.' end,
         jsonb_build_object('reconciliationId', r.id, 'objects', r.objects_total, 'drifted', r.drifted_total, 'missing', r.missing_total,
           'orphaned', r.orphaned_total, 'duplicated', r.duplicated_total),
         r.started_at, clock_timestamp()
       from publishing.reconciliations r
       where r.tenant_id = $1 and r.id = $2`,
      [tenantId, reconciliationId, claim.client_id, found.length],
    );
    return true;
  });
}

async function writeFindings(
  client: PoolClient,
  { tenantId, reconciliationId }: Comparison,
  locationId: string,
  found: FoundDifference[],
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `insert into publishing.remote_findings as f (
       tenant_id, location_id, reconciliation_id, remote_object_id, touchpoint_id, kind, asset_kind, token, remote_id, remote_name, differences
     )
     select $1, $2, $3, o.id, o.touchpoint_id, n.kind, n."assetKind", n.token, n."remoteId", n."remoteName", n.differences
     from jsonb_to_recordset($4) as n (
       kind publishing.finding_kind, "objectId" uuid, seen text, "assetKind" publishing.asset_kind, token text, "remoteId" text,
       "remoteName" text, differences jsonb
     )
     left join publishing.remote_objects o on o.tenant_id = $1 and o.id = n."objectId"
     -- What a person has decided on already, and is still so, is not asked again.
     where not exists (
       select from publishing.remote_findings decided
       where decided.tenant_id = $1 and decided.location_id = $2 and decided.kind = n.kind and decided.token = n.token
         and decided.remote_id = n."remoteId" and decided.status in ('accepted', 'forgotten') and decided.differences = n.differences
         and decided.decided_at > coalesce(o.synced_at, '-infinity')
     )
     on conflict (tenant_id, location_id, kind, remote_id, token) where status = 'open' do update
       set reconciliation_id = excluded.reconciliation_id, remote_name = excluded.remote_name, differences = excluded.differences
     returning f.id`,
    [tenantId, locationId, reconciliationId, JSON.stringify(found)],
  );
  await client.query(
    `update publishing.remote_findings f
     set status = 'settled', decided_at = now()
     where f.tenant_id = $1 and f.location_id = $2 and f.status = 'open' and f.id <> all ($3::uuid[])`,
    [tenantId, locationId, rows.map((row) => row.id)],
  );
}

/** What the items of what is published say: drifted or missing where a finding is open, synced where it is over. */
async function moveItems(
  client: PoolClient,
  { tenantId }: Comparison,
  locationId: string,
  confirmed: Confirmed[],
): Promise<void> {
  const { rows } = await client.query<{ publication_id: string }>(
    `with live as (
       select i.tenant_id, i.id, i.publication_id, i.status,
         f.kind, o.id = any ($3::uuid[]) and f.id is null as is_confirmed
       from publishing.publications p
       join publishing.publication_items i on i.tenant_id = p.tenant_id and i.publication_id = p.id
       join publishing.remote_objects o
         on o.tenant_id = i.tenant_id and o.location_id = p.location_id and o.asset_kind = i.asset_kind and o.token = i.token
       left join publishing.remote_findings f
         on f.tenant_id = o.tenant_id and f.remote_object_id = o.id and f.status = 'open' and f.kind in ('drifted', 'missing')
       where p.tenant_id = $1 and p.location_id = $2 and p.status in ('synced', 'partial')
     )
     update publishing.publication_items i
     set
       status = case
         when live.is_confirmed then 'synced'
         when live.kind = 'missing' then 'remote_missing'
         else 'drifted'
       end::publishing.item_status,
       last_error = case
         when live.is_confirmed then null
         when live.kind = 'missing' then 'It was deleted in GoHighLevel. Push it again, or forget it.'
         else 'It was changed in GoHighLevel. Accept the change, push it again, or forget it.'
       end
     from live
     where i.tenant_id = live.tenant_id and i.id = live.id
       and (
         (live.status = 'synced' and live.kind is not null)
         or (live.status in ('drifted', 'remote_missing') and live.is_confirmed)
       )
     returning i.publication_id`,
    [tenantId, locationId, confirmed.map((object) => object.objectId)],
  );
  const moved = [...new Set(rows.map((row) => row.publication_id))];
  await client.query(
    `update publishing.publications p
     set items_synced = c.synced, items_failed = c.failed
     from (
       select i.publication_id, count(*) filter (where i.status = 'synced') as synced,
         count(*) filter (where i.status in ('unverified', 'rejected', 'conflict', 'drifted', 'remote_missing', 'blocked')) as failed
       from publishing.publication_items i
       where i.tenant_id = $1 and i.publication_id = any ($2)
       group by i.publication_id
     ) c
     where p.tenant_id = $1 and p.id = c.publication_id`,
    [tenantId, moved],
  );
  await client.query(
    `update journeys.templates t
     set sync_status = case when p.items_failed > 0 then 'modified_in_ghl' else 'synced' end::journeys.template_sync_status
     from publishing.publications p
     where p.tenant_id = $1 and p.id = any ($2) and t.tenant_id = p.tenant_id and t.id = p.template_id`,
    [tenantId, moved],
  );
}

/** Ends a run that did not come to its end. */
export async function interruptComparison(comparison: Comparison, ending: ComparisonEnding): Promise<void> {
  await asWorker(comparison, async (client) => {
    await client.query(
      `update publishing.reconciliations r
       set status = $4::text::publishing.reconciliation_status, last_error = $5,
         run_after = now() + make_interval(secs => $6::float8 / 1000), lease_token = null,
         lease_expires_at = null, finished_at = case when $4::text = 'failed' then now() end
       where r.tenant_id = $1 and r.id = $2 and r.lease_token = $3`,
      [
        comparison.tenantId,
        comparison.reconciliationId,
        comparison.leaseToken,
        ending.status,
        ending.lastError,
        ending.runInMs,
      ],
    );
  });
}
