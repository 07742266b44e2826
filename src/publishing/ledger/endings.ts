/** How runs end, and what is told of it. */
import type { PoolClient } from "pg";
import type { Outcome } from "../stop.ts";
import { countItems } from "./items.ts";
import { asWorker, besideCalls, LeaseLost, type Run } from "./run.ts";

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
