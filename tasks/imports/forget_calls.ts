import type { JobHelpers } from "graphile-worker";
import { forgetCalls } from "../../src/worker/forget_calls.ts";
import { scheduledPayload } from "../../src/worker/payloads.ts";

/** Deletes calls to sources that are older than LANDFALL_CALLS_KEPT_FOR says; every night, by the crontab. */
export default async function forgetImportCalls(payload: unknown, helpers: JobHelpers): Promise<void> {
  scheduledPayload.parse(payload);
  await forgetCalls("imports", helpers);
}
