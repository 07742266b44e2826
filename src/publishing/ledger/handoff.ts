/** The hand-off that a publication leaves to people, as it is written down. */
import { z } from "zod";
import type { Arrived, HandoffStep } from "../handoff.ts";
import { guarded, type Run } from "./run.ts";

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
