import type { JobHelpers } from "graphile-worker";
import { scheduledPayload } from "../../src/worker/payloads.ts";

/** Adds up the differences that the counts of companies, contacts and messages are kept as; every ten minutes, by the crontab. */
export default async function compactCounts(payload: unknown, { query, logger }: JobHelpers): Promise<void> {
  scheduledPayload.parse(payload);
  const { rows } = await query<{ tenants: number }>("select app_private.compact_leadgen_counts() as tenants");
  if (rows[0]?.tenants) logger.info(`added up the counts of ${rows[0].tenants} tenants`);
}
