import type { JobHelpers } from "graphile-worker";
import { importAccess } from "../../src/imports/import_access.ts";
import { runBatch } from "../../src/imports/pipeline/run_batch.ts";
import { workerContext } from "../../src/worker/context.ts";
import { runImportBatchPayload } from "../../src/worker/payloads.ts";
import { whileActive } from "../../src/worker/suspension.ts";

/** Brings an import batch to its end, from wherever it stands. */
export default async function runImportBatch(payload: unknown, { logger }: JobHelpers): Promise<void> {
  const { tenantId, batchId } = runImportBatchPayload.parse(payload);
  const { config, pool, files } = workerContext();
  await whileActive(logger, async () => {
    const worked = await runBatch(pool, importAccess(config, files), tenantId, batchId);
    logger.info(
      worked ? `worked on the import batch ${batchId}` : `the import batch ${batchId} needs no work from here`,
    );
  });
}
