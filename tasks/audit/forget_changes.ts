import type { JobHelpers } from "graphile-worker";
import { workerContext } from "../../src/worker/context.ts";
import { scheduledPayload } from "../../src/worker/payloads.ts";

/** Drops the months of the record of changes that are older than LANDFALL_AUDIT_KEPT_FOR says; every night, by the crontab. */
export default async function forgetChanges(payload: unknown, { query, logger }: JobHelpers): Promise<void> {
  scheduledPayload.parse(payload);
  const { audit } = workerContext().config.keptFor;
  if (audit === undefined) return;
  const { rows } = await query<{ partition_name: string; entries: string }>(
    "select partition_name, entries from audit.forget_changes(make_interval(secs => $1))",
    [audit],
  );
  for (const { partition_name, entries } of rows) logger.info(`forgot ${entries} changes of audit.${partition_name}`);
}
