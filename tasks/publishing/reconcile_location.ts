import type { JobHelpers } from "graphile-worker";
import { publishOptions } from "../../src/publishing/options.ts";
import { reconcileLocation } from "../../src/publishing/reconcile.ts";
import { workerContext } from "../../src/worker/context.ts";
import { reconcileLocationPayload } from "../../src/worker/payloads.ts";

/** Compares what a location holds of ours with what was approved. */
export default async function reconcileLocationTask(payload: unknown, { abortSignal }: JobHelpers): Promise<void> {
  await reconcileLocation(publishOptions(workerContext(), abortSignal), reconcileLocationPayload.parse(payload));
}
