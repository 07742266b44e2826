/** Whether a location may be called. */
import { guarded, type Run } from "./run.ts";

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
