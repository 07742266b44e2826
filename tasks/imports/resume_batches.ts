import type { JobHelpers } from "graphile-worker";
import { scheduledPayload } from "../../src/worker/payloads.ts";

/** Queues the import batches that nobody works on any more; every minute, by the crontab. */
export default async function resumeBatches(payload: unknown, { query, logger }: JobHelpers): Promise<void> {
  scheduledPayload.parse(payload);
  const { rows } = await query<{ batch_id: string }>("select app_private.requeue_import_batches() as batch_id");
  for (const { batch_id } of rows) logger.info(`queued the import batch ${batch_id} again`);
}
