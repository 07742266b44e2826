import type pg from "pg";
import { type Config, loadConfig } from "../config.ts";
import { openDatabase } from "../database/connections.ts";
import { createPool } from "../database/pools.ts";
import { fail } from "../errors.ts";
import { asOwner } from "./as_owner.ts";

export interface Tenant {
  id: string;
  slug: string;
  name: string;
}

/**
 * The tenant with this slug, as the owner.
 *
 * @throws LandfallError `tenant_unknown` naming those there are
 */
export async function findTenant(client: pg.ClientBase, slug: string): Promise<Tenant> {
  const { rows } = await client.query<Tenant>("select id, slug, name from tenancy.tenants order by slug");
  const found = rows.find((tenant) => tenant.slug === slug);
  if (found) return found;
  const known =
    rows.length === 0 ? "There is none yet." : `There are: ${rows.map((tenant) => tenant.slug).join(", ")}.`;
  return fail(
    "tenant_unknown",
    `There is no tenant with the slug ${slug}. ${known}`,
    "Make it with `landfall tenant create`.",
  );
}

/** Runs `work` for a tenant, with connections as the worker's login. */
export async function withTenant<Result>(
  slug: string,
  work: (pool: pg.Pool, tenantId: string, config: Config) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig();
  const database = await openDatabase(config);
  try {
    const tenant = await asOwner((client) => findTenant(client, slug));
    const pool = createPool(database.worker, {
      applicationName: "landfall import",
      max: 4,
      previousSecretKey: config.previousSecretKey,
    });
    try {
      return await work(pool, tenant.id, config);
    } finally {
      await pool.end();
    }
  } finally {
    await database.close();
  }
}
