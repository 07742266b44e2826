import type { JobHelpers } from "graphile-worker";
import { LandfallError } from "../../src/errors.ts";
import { verifyAgain } from "../../src/imports/prove_again.ts";
import { workerContext } from "../../src/worker/context.ts";
import { verifyImportBatchPayload } from "../../src/worker/payloads.ts";
import { whileActive } from "../../src/worker/suspension.ts";

/** Proves an import once more, as the database stands now, and keeps what it finds. */
export default async function verifyImportBatch(payload: unknown, { logger }: JobHelpers): Promise<void> {
  const { tenantId, batchId } = verifyImportBatchPayload.parse(payload);
  const { pool } = workerContext();
  await whileActive(logger, async () => {
    try {
      const { made, failed } = await verifyAgain(pool, tenantId, batchId);
      logger.info(`verified the import batch ${batchId}: ${made - failed} of ${made} checks passed`);
    } catch (error) {
      // It was overtaken or taken back since it was asked for: nothing is left to prove.
      if (!(error instanceof LandfallError) || error.reason === "tenant_suspended") throw error;
      logger.info(`the import batch ${batchId} is not verified: ${error.message}`);
    }
  });
}
