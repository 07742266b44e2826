import type { JobHelpers } from "graphile-worker";
import { publishOptions } from "../../src/publishing/options.ts";
import { publishBeside } from "../../src/publishing/publish_beside.ts";
import { workerContext } from "../../src/worker/context.ts";
import { publishJourneyPayload } from "../../src/worker/payloads.ts";
import { whileActive } from "../../src/worker/suspension.ts";

/** Brings a publication into GoHighLevel as far as it can go now, and beside it what else waits. */
export default async function publishJourneyTask(payload: unknown, { abortSignal, logger }: JobHelpers): Promise<void> {
  const job = publishJourneyPayload.parse(payload);
  await whileActive(logger, () => publishBeside(publishOptions(workerContext(), abortSignal), job));
}
