/** What the command line tells of publishing. */
import type { Pool, PoolClient } from "pg";
import { z } from "zod";
import { withIdentity } from "../database/with_identity.ts";
import { fail } from "../errors.ts";
import { credentialsOf, locationSecretContext } from "./credentials.ts";
import { meteredClient } from "./metered.ts";
import { lookForPlan, makePlan, type Plan, readPlanSource } from "./plan.ts";
import type { PublishOptions } from "./publish.ts";
import { unwrittenCalls } from "./unwritten_calls.ts";

const overviewSchema = z.object({
  id: z.uuid(),
  name: z.string().nullable(),
  version: z.number().nullable(),
  status: z.string(),
  itemsTotal: z.number(),
  itemsSynced: z.number(),
  itemsManual: z.number(),
  itemsFailed: z.number(),
  lastError: z.string().nullable(),
  items: z.array(
    z.object({ name: z.string(), assetKind: z.string(), status: z.string(), lastError: z.string().nullable() }),
  ),
});

export type Overview = z.infer<typeof overviewSchema>;

const inTenant = <T>(pool: Pool, tenantId: string, step: (client: PoolClient) => Promise<T>) =>
  withIdentity(pool, { kind: "worker", tenantId }, step);

/**
 * The publications of a tenant that count, newest first, with the items that need somebody.
 *
 * @param publicationId one alone, with all its items
 */
export async function readOverviews(pool: Pool, tenantId: string, publicationId: string | null): Promise<Overview[]> {
  const rows = await inTenant(pool, tenantId, async (client) => {
    const result = await client.query(
      `select p.id, coalesce(j.name, t.name) as name, v.version, p.status, p.items_total as "itemsTotal", p.items_synced as "itemsSynced", p.items_manual as "itemsManual", p.items_failed as "itemsFailed",
         p.last_error as "lastError",
         (
           select coalesce(jsonb_agg(jsonb_build_object(
             'name', i.name, 'assetKind', i.asset_kind, 'status', i.status, 'lastError', i.last_error
           ) order by i.order_index nulls first), '[]')
           from publishing.publication_items i
           where i.tenant_id = p.tenant_id and i.publication_id = p.id and ($2::uuid is not null or i.last_error is not null)
         ) as items
       from publishing.publications p
       left join journeys.journeys j on j.tenant_id = p.tenant_id and j.id = p.journey_id
       left join journeys.templates t on t.tenant_id = p.tenant_id and t.id = p.template_id
       left join journeys.journey_versions v on v.tenant_id = p.tenant_id and v.id = p.journey_version_id
       where p.tenant_id = $1 and (p.id = $2 or ($2::uuid is null and p.status <> 'superseded'))
       order by p.id desc
       limit 100`,
      [tenantId, publicationId],
    );
    return result.rows;
  });
  return z.array(overviewSchema).parse(rows);
}

/** The publications of a tenant that a worker would take up now, oldest first. */
export async function readyPublications(pool: Pool, tenantId: string): Promise<string[]> {
  const rows = await inTenant(pool, tenantId, async (client) => {
    const result = await client.query<{ id: string }>(
      `select p.id from publishing.publications p
       where p.tenant_id = $1 and (p.status = 'queued' or (p.status = 'unpublishing' and p.lease_token is null)) order by p.id`,
      [tenantId],
    );
    return result.rows;
  });
  return rows.map((row) => row.id);
}

/**
 * The id of a row that a person named by its id or its slug.
 *
 * @throws LandfallError `publishing_unknown`
 */
export async function findByName(
  pool: Pool,
  tenantId: string,
  table: "journeys" | "clients",
  name: string,
): Promise<string> {
  const rows = await inTenant(pool, tenantId, async (client) => {
    const result = await client.query<{ id: string }>(
      table === "journeys"
        ? "select j.id from journeys.journeys j where j.tenant_id = $1 and (j.id::text = $2 or j.slug = $2) order by j.id limit 1"
        : "select c.id from journeys.clients c where c.tenant_id = $1 and (c.id::text = $2 or c.slug = $2) order by c.id limit 1",
      [tenantId, name],
    );
    return result.rows;
  });
  const [found] = rows;
  if (found !== undefined) return found.id;
  return fail("publishing_unknown", `There is no ${table.slice(0, -1)} called ${name}.`, "Give its slug or its id.");
}

/**
 * A publication of the tenant, by the id that a person gave.
 *
 * @throws LandfallError `publishing_unknown`
 */
export async function findPublication(pool: Pool, tenantId: string, publicationId: string): Promise<string> {
  const rows = await inTenant(pool, tenantId, async (client) => {
    const result = await client.query<{ id: string }>(
      "select p.id from publishing.publications p where p.tenant_id = $1 and p.id::text = $2",
      [tenantId, publicationId],
    );
    return result.rows;
  });
  const wayOut = "Give an id that landfall publish status tells.";
  return rows[0]?.id ?? fail("publishing_unknown", `There is no publication ${publicationId}.`, wayOut);
}

/** Asks for a deed of the database's as the worker's login; gives the id of the row that it answers with. */
export async function ask(
  pool: Pool,
  tenantId: string,
  deed: "retry_publication" | "reconcile_location",
  id: string,
): Promise<string> {
  const rows = await inTenant(pool, tenantId, async (client) => {
    const result = await client.query<{ id: string }>(
      deed === "retry_publication"
        ? "select id from publishing.retry_publication($1)"
        : "select id from publishing.reconcile_location($1)",
      [id],
    );
    return result.rows;
  });
  return rows[0]?.id ?? "";
}

/** How a comparison ended, with what waits for a person in the location. */
export async function readComparison(pool: Pool, tenantId: string, reconciliationId: string) {
  return inTenant(pool, tenantId, async (client) => {
    const { rows } = await client.query<{
      status: string;
      objects: number;
      lastError: string | null;
      findings: {
        id: string;
        kind: string;
        name: string | null;
        differences: { field: string; ours: string | null; theirs: string | null }[];
      }[];
    }>(
      `select r.status, r.objects_total as objects, r.last_error as "lastError",
         (
           select coalesce(jsonb_agg(jsonb_build_object(
             'id', f.id, 'kind', f.kind, 'name', f.remote_name,
             'differences', f.differences
           ) order by f.kind, f.remote_name), '[]')
           from publishing.remote_findings f
           where f.tenant_id = r.tenant_id and f.location_id = r.location_id and f.status = 'open'
         ) as findings
       from publishing.reconciliations r
       where r.tenant_id = $1 and r.id = $2`,
      [tenantId, reconciliationId],
    );
    return rows[0];
  });
}

/** The plan of a journey; with `isLooking`, GoHighLevel is read for what is not known, and nothing is changed there either. */
export async function planJourney(
  options: PublishOptions,
  tenantId: string,
  journeyId: string,
  isLooking: boolean,
): Promise<Plan> {
  const { source, ciphertext } = await inTenant(options.pool, tenantId, async (client) => {
    const read = await readPlanSource(client, journeyId);
    if (read.location === null) return { source: read, ciphertext: null };
    const { rows } = await client.query<{ sealed: string | null }>("select publishing.location_token($1) as sealed", [
      read.location.id,
    ]);
    return { source: read, ciphertext: rows[0]?.sealed ?? null };
  });
  const plan = makePlan(source);
  const { location, client } = source;
  if (!isLooking || plan.obstacle !== null || location === null || client.ghl_location_id === null) return plan;
  const secretContext = locationSecretContext(tenantId, client.id);
  const credentials = credentialsOf(options, ciphertext, secretContext, options.defaultToken);
  if (credentials === null) return plan;
  const { pool, log, secretKey, previousSecretKey, baseUrl, userAgent, timing, signal } = options;
  const unwritten = unwrittenCalls();
  const metered = meteredClient({
    pool,
    log,
    secretKey,
    previousSecretKey,
    baseUrl,
    userAgent,
    timing,
    signal,
    tenantId,
    locationId: location.id,
    ghlLocationId: client.ghl_location_id,
    credentials,
    ciphertext,
    secretContext,
    publicationId: null,
    unwritten,
    phase: "plan",
  });
  try {
    return await lookForPlan(plan, source, metered.client);
  } finally {
    await unwritten.write((step) => inTenant(pool, tenantId, step));
  }
}
