/** What each task is given: one schema a task, under the task's name. A task parses its payload with it before anything else. */
import { z } from "zod";

/** Jobs that the crontab adds carry what cron says of them and nothing else. */
export const scheduledPayload = z.object({ _cron: z.object({ ts: z.iso.datetime() }).optional() });

export const publishJourneyPayload = z.object({ tenantId: z.uuid(), publicationId: z.uuid() });

export const reconcileLocationPayload = z.object({ tenantId: z.uuid(), reconciliationId: z.uuid() });

export const cutOffLoginsPayload = z.object({ tenantId: z.uuid() });

export const handleWebhookPayload = z.object({ webhookId: z.string().min(1) });

export const runImportBatchPayload = z.object({ tenantId: z.uuid(), batchId: z.uuid() });

export const verifyImportBatchPayload = z.object({ tenantId: z.uuid(), batchId: z.uuid() });

export const walkCutoverPayload = z.object({ tenantId: z.uuid(), cutoverId: z.uuid() });

export const checkCutoverPayload = z.object({ tenantId: z.uuid(), checkId: z.uuid() });
