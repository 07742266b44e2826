import type { JobHelpers } from "graphile-worker";
import { scheduledPayload } from "../../src/worker/payloads.ts";

/** Makes the audit's partitions of the coming months; every night, by the crontab. */
export default async function makePartitions(payload: unknown, { query, logger }: JobHelpers): Promise<void> {
  scheduledPayload.parse(payload);
  const { rows } = await query<{ partition: string }>("select audit.make_partitions() as partition");
  for (const { partition } of rows) logger.info(`made the partition ${partition}`);
}
