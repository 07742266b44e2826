import type { JobHelpers } from "graphile-worker";
import { handleWebhookPayload } from "../../src/worker/payloads.ts";

/** Does what follows from a webhook of GoHighLevel. */
export default async function handleWebhook(payload: unknown, { query, logger }: JobHelpers): Promise<void> {
  const { webhookId } = handleWebhookPayload.parse(payload);
  const { rows } = await query<{ deed: string }>("select app_private.handle_webhook($1) as deed", [webhookId]);
  logger.info(`a webhook was handled: ${rows[0]?.deed ?? "nothing"}`);
}
