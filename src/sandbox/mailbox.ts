/** Everybody's mailbox: a page that shows the mails that were written into a folder instead of being sent. */
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import PostalMime from "postal-mime";
import { escapeHtml, pageStyle } from "./html.ts";

export interface Mailbox {
  url: string;
  close(): Promise<void>;
}

/** How many of the newest mails are shown. */
const most = 200;

/**
 * Shows the mails of a folder on a port of this machine's own address, to this machine alone: they hold links that open accounts.
 *
 * @param port 0 takes a free one
 * @param folder where the mails are, each a file `….eml`; it may come later
 */
export async function startMailbox({ port, folder }: { port: number; folder: string }): Promise<Mailbox> {
  const server = createServer((request, response) => {
    answer(request, response, folder).catch((error: unknown) => send(response, 500, String(error)));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, folder: string): Promise<void> {
  // A page elsewhere whose name leads here would read along.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? "")) {
    return send(response, 403, "Mails are shown on this machine alone: open them at 127.0.0.1.");
  }
  if (request.method !== "GET" || request.url !== "/") return send(response, 404, "There is one page, and it is /.");
  response.writeHead(200, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
  });
  response.end(renderMails(await readMails(folder)));
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(text);
}

interface Mail {
  to: string;
  subject: string;
  text: string;
  at: Date;
}

/** The newest first. */
async function readMails(folder: string): Promise<Mail[]> {
  if (!existsSync(folder)) return [];
  const files = await Promise.all(
    (await readdir(folder))
      .filter((name) => name.endsWith(".eml"))
      .map(async (name) => {
        const path = join(folder, name);
        return { path, at: (await stat(path)).mtime };
      }),
  );
  const newest = files.toSorted((one, other) => other.at.getTime() - one.at.getTime()).slice(0, most);
  return await Promise.all(
    newest.map(async ({ path, at }) => {
      const { to = [], subject = "", text = "" } = await PostalMime.parse(await readFile(path));
      return { to: to.map(({ address }) => address).join(", "), subject, text, at };
    }),
  );
}

function renderMails(mails: Mail[]): string {
  const shown = mails.map(
    ({ to, subject, text, at }, index) => `<details${index === 0 ? " open" : ""}>
<summary><b>${escapeHtml(subject)}</b> <span class="quiet">to ${escapeHtml(to)}, <time>${at.toISOString().replace("T", " ").slice(0, 19)} UTC</time></span></summary>
<pre>${withLinks(text)}</pre></details>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Mails</title>
<style>${pageStyle} pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }</style></head>
<body><h1>Mails</h1>
<p class="quiet">What would have been sent, the newest first. With <code>MAIL_URL</code> mails go to their recipients, and none comes here.</p>
${shown.join("\n") || "<p>No mail yet: ask for a new password, or submit a journey for approval.</p>"}
</body></html>
`;
}

function withLinks(text: string): string {
  return escapeHtml(text).replace(/https?:\/\/[^\s<>]+/g, (address) => `<a href="${address}">${address}</a>`);
}
