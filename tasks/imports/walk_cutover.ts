import type { JobHelpers } from "graphile-worker";
import { LandfallError } from "../../src/errors.ts";
import { walkCutover } from "../../src/imports/cutovers/walk.ts";
import { importAccess } from "../../src/imports/import_access.ts";
import { workerContext } from "../../src/worker/context.ts";
import { walkCutoverPayload } from "../../src/worker/payloads.ts";
import { whileActive } from "../../src/worker/suspension.ts";

/** Walks a cut-over as far as it goes without a person, from wherever it stands. Why it stops, the cut-over says itself. */
export default async function walkImportCutover(payload: unknown, { logger }: JobHelpers): Promise<void> {
  const { tenantId, cutoverId } = walkCutoverPayload.parse(payload);
  const { config, pool, files } = workerContext();
  const access = importAccess(config, files);
  await whileActive(logger, async () => {
    try {
      const walked = await walkCutover({ pool, tenantId, access }, cutoverId);
      logger.info(walked ? `walked the cut-over ${cutoverId}` : `the cut-over ${cutoverId} is walked by somebody else`);
    } catch (error) {
      if (!(error instanceof LandfallError) || error.reason === "tenant_suspended") throw error;
      logger.info(`the cut-over ${cutoverId} stopped: ${error.message}`);
    }
  });
}
