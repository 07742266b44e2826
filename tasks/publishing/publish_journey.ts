import type { JobHelpers } from "graphile-worker";
import { publishOptions } from "../../src/publishing/options.ts";
import { publishJourney } from "../../src/publishing/publish.ts";
import { workerContext } from "../../src/worker/context.ts";
import { publishJourneyPayload } from "../../src/worker/payloads.ts";
import { whileActive } from "../../src/worker/suspension.ts";

/** Brings a publication into GoHighLevel as far as it can go now. */
export default async function publishJourneyTask(payload: unknown, { abortSignal, logger }: JobHelpers): Promise<void> {
  const job = publishJourneyPayload.parse(payload);
  await whileActive(logger, async () => {
    await publishJourney(publishOptions(workerContext(), abortSignal), job);
  });
}
