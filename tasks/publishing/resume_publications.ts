import type { JobHelpers } from "graphile-worker";
import { scheduledPayload } from "../../src/worker/payloads.ts";

/** Wakes what is due or was left behind by a dead worker; every minute, by the crontab. */
export default async function resumePublications(payload: unknown, { query, logger }: JobHelpers): Promise<void> {
  scheduledPayload.parse(payload);
  const { rows } = await query<{ resumed: number }>("select publishing.resume_publications() as resumed");
  const resumed = rows[0]?.resumed ?? 0;
  await query("select app_private.resume_reconciliations()");
  if (resumed > 0) logger.info(`woke ${resumed} publications`);
}
