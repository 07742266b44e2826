import type { JobHelpers } from "graphile-worker";
import { workerContext } from "../../src/worker/context.ts";
import { scheduledPayload } from "../../src/worker/payloads.ts";

/** Drops the texts of imports that ended longer ago than LANDFALL_TEXTS_KEPT_FOR says; every night, by the crontab. */
export default async function forgetPayloads(payload: unknown, { query, logger }: JobHelpers): Promise<void> {
  scheduledPayload.parse(payload);
  const { config } = workerContext();
  const { rows } = await query<{ batch_id: string }>(
    "select batch_id from app_private.forget_import_payloads(make_interval(secs => $1))",
    [config.keptFor.texts],
  );
  for (const { batch_id } of rows) logger.info(`forgot the texts of the import batch ${batch_id}`);
}
