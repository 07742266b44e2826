/** Sends what is in the outbox. */
import type pg from "pg";
import type { Config } from "../config.ts";
import { decryptSecret } from "../encryption.ts";
import { errorMessage } from "../errors.ts";
import { childLogger } from "../log.ts";
import { type MailTransport, openTransport } from "./transport.ts";

const log = childLogger({ area: "mail" });

/** How many mails are taken in hand at once; their lease is long enough for all of them. */
const AT_ONCE = 20;

interface OutboxMail {
  id: string;
  recipient: string;
  subject: string;
  body: string | null;
  sealed_body: string | null;
}

/** What a sealed mail is bound to: its ciphertext opens as nothing else. */
export const mailSecretContext = "mail";

/**
 * Sends every mail that is due. A mail whose process died between sending and settling is sent again, under the same Message-ID.
 *
 * @param pool connections as the worker
 */
export async function sendMails(pool: pg.Pool, config: Config): Promise<void> {
  const transport = openTransport(config);
  if (transport === null) {
    log.warn("mails wait: MAIL_URL is not set");
    return;
  }
  try {
    for (;;) {
      const { rows } = await pool.query<OutboxMail>(
        "select id, recipient, subject, body, sealed_body from app_private.claim_mails($1)",
        [AT_ONCE],
      );
      if (rows.length === 0) return;
      for (const mail of rows) {
        const problem = await send(transport, mail, config).then(
          () => null,
          (error: unknown) => errorMessage(error),
        );
        if (problem !== null) log.warn({ mailId: mail.id, problem }, "a mail was not sent; it is tried again");
        await pool.query("select app_private.settle_mail($1, $2)", [mail.id, problem]);
      }
    }
  } finally {
    transport.close();
  }
}

async function send(transport: MailTransport, mail: OutboxMail, config: Config): Promise<void> {
  await transport.send(mail.id, mail.recipient, mail.subject, textOf(mail, config));
}

function textOf({ body, sealed_body: sealed }: OutboxMail, config: Config): string {
  return sealed === null ? (body ?? "") : decryptSecret(config, sealed, mailSecretContext);
}
