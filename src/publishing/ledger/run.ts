/**
 * The run of a publication, one short transaction a step. Each step first proves that the run still holds its lease, and most that no later
 * publication of the journey has come: what fails that proof commits nothing. The calls that led to a step are written down with it.
 */
import type { Pool, PoolClient } from "pg";
import { z } from "zod";
import { prepared } from "../../database/prepared.ts";
import { withIdentity } from "../../database/with_identity.ts";
import { errorCode } from "../../errors.ts";
import type { UnwrittenCalls } from "../unwritten_calls.ts";

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

export function asWorker<T>(run: Run, step: (client: PoolClient) => Promise<T>): Promise<T> {
  return withIdentity(run.pool, { kind: "worker", tenantId: run.tenantId }, step);
}

export function besideCalls<T>(run: Run, step: (client: PoolClient) => Promise<T>): Promise<T> {
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
export function guarded<T>(run: Run, step: (client: PoolClient) => Promise<T>): Promise<T> {
  return besideCalls(run, async (client) => {
    const { isOvertaken } = await holdLease(client, run, [run.purpose]);
    if (isOvertaken) throw new Overtaken("a later publication of the journey has come");
    return step(client);
  });
}

/** A step that writes down what has happened in GoHighLevel already: it is true for a later publication, and for one taken back, too. */
export function leased<T>(run: Run, step: (client: PoolClient) => Promise<T>): Promise<T> {
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
