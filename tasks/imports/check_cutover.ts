import type { JobHelpers } from "graphile-worker";
import { LandfallError } from "../../src/errors.ts";
import { makeCheck } from "../../src/imports/cutovers/check.ts";
import { importAccess } from "../../src/imports/import_access.ts";
import { workerContext } from "../../src/worker/context.ts";
import { checkCutoverPayload } from "../../src/worker/payloads.ts";
import { whileActive } from "../../src/worker/suspension.ts";

/** Looks what was still edited in a source after its switch. Why it cannot, the check says itself. */
export default async function checkImportCutover(payload: unknown, { logger }: JobHelpers): Promise<void> {
  const { tenantId, checkId } = checkCutoverPayload.parse(payload);
  const { config, pool, files } = workerContext();
  await whileActive(logger, async () => {
    try {
      await makeCheck({ pool, tenantId, access: importAccess(config, files) }, checkId);
      logger.info(`made the check ${checkId}`);
    } catch (error) {
      if (!(error instanceof LandfallError) || error.reason === "tenant_suspended") throw error;
      logger.info(`the check ${checkId} could not be made: ${error.message}`);
    }
  });
}
