import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadConfig } from "../../src/config.ts";
import { mailsFolder, openTransport } from "../../src/mail/transport.ts";
import { type Mailbox, startMailbox } from "../../src/sandbox/mailbox.ts";

let dataDir: string;
let mailbox: Mailbox;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "landfall-mailbox-"));
  mailbox = await startMailbox({ port: 0, folder: mailsFolder(dataDir) });
});

afterEach(async () => {
  await mailbox.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Mails as the worker sends them where no mail server is named. */
async function send(...mails: { id: string; to: string; subject: string; text: string }[]): Promise<void> {
  const transport = openTransport(loadConfig({ LANDFALL_DATA_DIR: dataDir }));
  for (const { id, to, subject, text } of mails) {
    await transport?.send(id, to, subject, text);
    await sleep(10);
  }
  transport?.close();
}

function ask(path: string, headers: Record<string, string> = {}, method = "GET") {
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const { hostname, port } = new URL(mailbox.url);
    request({ hostname, port, path, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString(),
          headers: response.headers,
        }),
      );
    })
      .once("error", reject)
      .end();
  });
}

test("shows the mails, the newest first, as they were written, with links that can be followed", async () => {
  await send(
    {
      id: "first",
      to: "ada@harbour.test",
      subject: "Ein neues Paßwort",
      text: "Für dich:\nhttps://app.test/reset?token=a&b=1\n",
    },
    {
      id: "second",
      to: "ben@harbour.test",
      subject: "<b>Spring</b> awaits you",
      text: `${"A long line. ".repeat(20)}\n<script>alert(1)</script>`,
    },
  );
  const { status, text, headers } = await ask("/");
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    "cache-control": "no-store",
    "content-security-policy": expect.stringMatching(/^default-src 'none'/),
  });
  expect(text.indexOf("Spring")).toBeLessThan(text.indexOf("Ein neues Paßwort"));
  expect(text).toContain("to ada@harbour.test");
  expect(text).toContain('<a href="https://app.test/reset?token=a&amp;b=1">https://app.test/reset?token=a&amp;b=1</a>');
  expect(text).toContain("Für dich:");
  expect(text).toContain("A long line. ".repeat(20).trim());
  expect(text).not.toContain("<script>");
  expect(text).not.toContain("<b>Spring</b>");
});

test("says what to do where there is no mail yet", async () => {
  expect((await ask("/")).text).toContain("No mail yet");
});

test.each([["mails.evil.test"], ["127.0.0.1.evil.test:3003"]])(
  "shows nothing to a page that calls it %s",
  async (host) => {
    await send({ id: "first", to: "ada@harbour.test", subject: "A new password", text: "secret" });
    const { status, text } = await ask("/", { Host: host });
    expect(status).toBe(403);
    expect(text).not.toContain("secret");
  },
);

test("has one page alone", async () => {
  expect((await ask("/first.eml")).status).toBe(404);
  expect((await ask("/../secrets.json")).status).toBe(404);
  expect((await ask("/", {}, "POST")).status).toBe(404);
});
