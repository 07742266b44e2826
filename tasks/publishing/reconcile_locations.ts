import type { JobHelpers } from "graphile-worker";
import { scheduledPayload } from "../../src/worker/payloads.ts";

/** Has every location compared; every night, by the crontab. */
export default async function reconcileLocations(payload: unknown, { query, logger }: JobHelpers): Promise<void> {
  scheduledPayload.parse(payload);
  const { rows } = await query<{ queued: number }>("select app_private.queue_reconciliations() as queued");
  logger.info(`asked for ${rows[0]?.queued ?? 0} comparisons`);
}
