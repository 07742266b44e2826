/** How mails leave: by SMTP where MAIL_URL says so, else into a folder, to be looked at. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import type { Config } from "../config.ts";

export interface MailTransport {
  /** Sends a plain text; the id makes the Message-ID, so that a second one is known for the first. */
  send(id: string, recipient: string, subject: string, text: string): Promise<void>;
  close(): void;
}

/** How long a mail server may take for each step, in milliseconds. */
const PATIENCE = 15_000;

/**
 * The way out for mails; null in production where MAIL_URL is not set.
 *
 * @throws whatever nodemailer says of a MAIL_URL that it does not understand
 */
export function openTransport({ mail, dataDir, environment }: Config): MailTransport | null {
  if (mail.url === undefined && environment === "production") return null;
  const { port } = mail.url === undefined ? { port: "" } : new URL(mail.url);
  const smtp =
    mail.url === undefined
      ? createTransport({ streamTransport: true, buffer: true, newline: "unix" })
      : createTransport({
          url: mail.url,
          connectionTimeout: PATIENCE,
          greetingTimeout: PATIENCE,
          socketTimeout: PATIENCE,
          // A password goes over no open line: where the server is not spoken to in TLS from the start, it must offer it.
          requireTLS: environment === "production" && port !== "465",
        } as Parameters<typeof createTransport>[0]);
  return {
    async send(id, recipient, subject, text) {
      const sent = (await smtp.sendMail({
        from: mail.from,
        // As an object, so that nothing in an address is taken for a second one.
        to: { name: "", address: recipient },
        subject,
        text,
        messageId: `<${id}@${addressDomain(mail.from)}>`,
        disableFileAccess: true,
        disableUrlAccess: true,
      })) as { message?: Buffer };
      if (mail.url === undefined && sent.message) {
        const folder = mailsFolder(dataDir);
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        writeFileSync(join(folder, `${id}.eml`), sent.message, { mode: 0o600 });
      }
    },
    close: () => smtp.close(),
  };
}

/** Where mails are written that are not sent. */
export function mailsFolder(dataDir: string): string {
  return join(dataDir, "mails");
}

function addressDomain(from: string): string {
  return /@([^\s>]+)/.exec(from)?.[1] ?? "localhost";
}
