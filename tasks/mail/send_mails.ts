import { sendMails } from "../../src/mail/send_mails.ts";
import { workerContext } from "../../src/worker/context.ts";
import { scheduledPayload } from "../../src/worker/payloads.ts";

/** Sends what is in the outbox; woken by whatever puts something into it, and every minute by the crontab. */
export default async function sendWaitingMails(payload: unknown): Promise<void> {
  scheduledPayload.parse(payload);
  const { config, pool } = workerContext();
  await sendMails(pool, config);
}
