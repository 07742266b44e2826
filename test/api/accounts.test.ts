/** The way back in, and the mails that lead there: through the outbox, the worker's task, and a real mail server. */
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type pg from "pg";
import { SMTPServer } from "smtp-server";
import type { Config } from "../../src/config.ts";
import { createPool } from "../../src/database/pools.ts";
import { withIdentity } from "../../src/database/with_identity.ts";
import { CurrentUserDocument } from "../../src/generated/documents/graphql.ts";
import { sendMails } from "../../src/mail/send_mails.ts";
import { codeOf, PASSWORD, startTestApi, type TestApi } from "./api.ts";

const own = "a password that nobody else knows";

let api: TestApi;
let worker: pg.Pool;
let smtp: SMTPServer;
let config: Config;
/** What the mail server took, and whether it takes anything. */
const received: { from: string; to: string[]; text: string }[] = [];
let refusal: string | undefined;

beforeAll(async () => {
  api = await startTestApi({ change: () => ({ appUrl: "https://app.example.test" }) });
  worker = createPool(api.database.urls.worker, { applicationName: "landfall tests", max: 2 });
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData(stream, session, done) {
      let text = "";
      stream.on("data", (chunk) => {
        text += chunk;
      });
      stream.on("end", () => {
        if (refusal !== undefined) return done(new Error(refusal));
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text,
        });
        done();
      });
    },
  });
  const listening = smtp.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as AddressInfo;
  config = {
    ...api.database.config,
    mail: { ...api.database.config.mail, url: `smtp://127.0.0.1:${port}`, from: "Landfall <landfall@example.test>" },
  };
});
afterAll(async () => {
  await new Promise<void>((resolve) => smtp.close(() => resolve()));
  await worker.end();
  await api.close();
});
beforeEach(async () => {
  received.length = 0;
  refusal = undefined;
  await api.database.query("delete from app_private.mails");
  await api.database.query("delete from app_private.password_resets");
});

const request = (email: string) =>
  api.ask("mutation ($email: String!) { requestPasswordReset(input: { email: $email }) { isRequested } }", { email });
const reset = (token: string, newPassword = own) =>
  api.ask(
    "mutation ($token: String!, $newPassword: String!) { resetPassword(input: { token: $token, newPassword: $newPassword }) { isReset } }",
    { token, newPassword },
  );
const signIn = (email: string, password: string) =>
  api.ask(
    "mutation ($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) { token } }",
    {
      email,
      password,
    },
  );
/** The text as it was before it was made fit for mail servers. */
const plain = (text: string) => text.replace(/=\r?\n/g, "").replace(/=3D/g, "=");
const tokenIn = (text: string) => /token=([\w-]{43})/.exec(plain(text))?.[1] ?? "";

async function mailedToken(email: string): Promise<string> {
  await request(email);
  await sendMails(worker, config);
  return tokenIn(received.at(-1)?.text ?? "");
}

describe("a forgotten password", () => {
  test("can be replaced by the token of a mail, which ends every session and every lock-out", async () => {
    await api.addPerson("harbour", "forgetful@harbour.test", "editor");
    const before = await api.signIn("forgetful@harbour.test");
    for (let attempt = 1; attempt <= 5; attempt++) await signIn("forgetful@harbour.test", "a guess");
    expect(codeOf(await signIn("forgetful@harbour.test", PASSWORD))).toBe("LF042");

    const token = await mailedToken(" Forgetful@Harbour.test");
    expect(received).toMatchObject([{ from: "landfall@example.test", to: ["forgetful@harbour.test"] }]);
    expect(plain(received[0]?.text ?? "")).toContain(`https://app.example.test/reset-password?token=${token}`);

    expect((await reset(token)).data).toEqual({ resetPassword: { isReset: true } });
    expect(codeOf(await api.ask("{ currentUser { role } }", {}, before))).toBe("LF046");
    expect(codeOf(await signIn("forgetful@harbour.test", PASSWORD))).toBe("LF040");
    const { data } = await signIn("forgetful@harbour.test", own);
    expect(await api.run(CurrentUserDocument, {}, data.signIn.token)).toMatchObject({
      currentUser: { role: "editor" },
    });
  });

  test("cannot be replaced twice by one token, nor by an older one that lies about: LF080", async () => {
    await api.addPerson("harbour", "careless@harbour.test", "viewer");
    const [older, token] = [await mailedToken("careless@harbour.test"), await mailedToken("careless@harbour.test")];
    expect((await reset(token)).errors).toEqual([]);
    expect(codeOf(await reset(token))).toBe("LF080");
    expect(codeOf(await reset(older))).toBe("LF080");
  });

  test.each<[string, string]>([
    ["after an hour", "update app_private.password_resets set expires_at = now()"],
    ["once the person is disabled", "update tenancy.users set is_active = false where email = 'late@harbour.test'"],
  ])("cannot be replaced %s: LF080", async (_when, sql) => {
    await api.database.query("delete from tenancy.users where email = 'late@harbour.test'").catch(() => undefined);
    await api.database.query("update tenancy.users set is_active = true");
    if ((await api.database.query("select from tenancy.users where email = 'late@harbour.test'")).length === 0) {
      await api.addPerson("harbour", "late@harbour.test", "viewer");
    }
    const token = await mailedToken("late@harbour.test");
    await api.database.query(sql);
    expect(codeOf(await reset(token))).toBe("LF080");
  });

  test("cannot be replaced by a made-up token: LF080; nor by a short password: LF047", async () => {
    expect(codeOf(await reset("a guess"))).toBe("LF080");
    expect(codeOf(await reset("a guess", "short"))).toBe("LF047");
  });

  test("cannot tell whether an address is known: the same answer and the same work, and no mail", async () => {
    const known = await request("viewer@harbour.test");
    const unknown = await request("nobody@harbour.test");
    expect(unknown.data).toEqual(known.data);
    const kept = await api.database.query<{ status: string; has_secret: boolean }>(
      "select status, sealed_body is not null as has_secret from app_private.mails order by created_at",
    );
    expect(kept).toEqual([
      { status: "pending", has_secret: true },
      { status: "dropped", has_secret: false },
    ]);
    expect(await api.database.query("select from app_private.password_resets")).toHaveLength(2);
    await sendMails(worker, config);
    expect(received.map(({ to }) => to)).toEqual([["viewer@harbour.test"]]);
  });

  test("cannot be asked for without end: after three in an hour nothing is mailed", async () => {
    for (let time = 1; time <= 4; time++) await request("editor@harbour.test");
    await sendMails(worker, config);
    expect(received).toHaveLength(3);
  });

  test("cannot be read from the database: no token is there in the clear, and none in the queue", async () => {
    const token = await mailedToken("client@harbour.test");
    const [row] = await api.database.query<{ all: string }>(
      `select concat((select string_agg(m::text, ' ') from app_private.mails m),
         (select string_agg(r::text, ' ') from app_private.password_resets r),
         (select string_agg(j::text, ' ') from graphile_worker._private_jobs j)) as all`,
    );
    expect(token).toHaveLength(43);
    expect(row?.all).not.toContain(token);
    expect(await api.database.query("select from app_private.mails where sealed_body is not null")).toEqual([]);
  });
});

describe("the outbox", () => {
  const status = () =>
    api.database.query<{ status: string; attempts: number; last_error: string | null }>(
      "select status, attempts, last_error from app_private.mails",
    );
  const makeDue = () => api.database.query("update app_private.mails set due_at = now()");

  test("can be tried again where the mail server refuses, and is given up after eight times", async () => {
    await request("viewer@harbour.test");
    refusal = "no room";
    await sendMails(worker, config);
    expect(await status()).toMatchObject([
      { status: "pending", attempts: 1, last_error: expect.stringMatching(/no room/) },
    ]);
    await sendMails(worker, config);
    expect(await status()).toMatchObject([{ attempts: 1 }]);
    for (let time = 2; time <= 8; time++) {
      await makeDue();
      await sendMails(worker, config);
    }
    expect(await status()).toMatchObject([{ status: "failed", attempts: 8 }]);
    refusal = undefined;
    await makeDue();
    await sendMails(worker, config);
    expect(received).toEqual([]);
  });

  test("cannot send a mail twice when two workers look at once", async () => {
    for (let time = 1; time <= 3; time++) await request("viewer@harbour.test");
    await Promise.all([sendMails(worker, config), sendMails(worker, config)]);
    expect(received).toHaveLength(3);
    expect(new Set(received.map(({ text }) => /Message-ID: (\S+)/i.exec(text)?.[1])).size).toBe(3);
  });

  test("can take up what a dead worker had in hand, once its lease is over", async () => {
    await request("viewer@harbour.test");
    await worker.query("select app_private.claim_mails(1)");
    await sendMails(worker, config);
    expect(received).toEqual([]);
    await api.database.query("update app_private.mails set leased_until = now()");
    await sendMails(worker, config);
    expect(received).toHaveLength(1);
  });

  test("can be looked at in a folder where no mail server is set, closed to others; waits in production", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "landfall-mails-"));
    const local = { ...config, dataDir, mail: { ...config.mail, url: undefined } };
    await request("viewer@harbour.test");
    await sendMails(worker, { ...local, environment: "production" });
    expect(await status()).toMatchObject([{ status: "pending", attempts: 0 }]);
    await sendMails(worker, local);
    const [file = ""] = readdirSync(join(dataDir, "mails"));
    expect(readFileSync(join(dataDir, "mails", file), "utf8")).toContain("Subject: A new password");
    expect(statSync(join(dataDir, "mails", file)).mode & 0o077).toBe(0);
    rmSync(dataDir, { recursive: true });
  });

  test("cannot be read or filled by anybody through the API's login: 42501", async () => {
    const pool = createPool(api.database.urls.authenticator, { applicationName: "landfall tests", max: 1 });
    for (const statement of [
      "table app_private.mails",
      "select app_private.claim_mails(1)",
      "select app_private.queue_mail(null, null, 'x', 'x@y.test', 'x', 'x', null)",
    ]) {
      await expect(pool.query(statement)).rejects.toMatchObject({ code: "42501" });
    }
    await pool.end();
  });
});

describe("notifications", () => {
  let editor: string;
  let reviewer: string;
  let journeyId: string;
  const submit = () =>
    api.ask(
      "mutation ($id: UUID!) { submitJourney(input: { journeyId: $id }) { approval { id } } }",
      { id: journeyId },
      editor,
    );

  beforeAll(async () => {
    editor = await api.signIn("editor@harbour.test");
    reviewer = await api.signIn("client@harbour.test");
    const made = await api.ask(
      'mutation { createClient(input: { client: { name: "Rosewood", slug: "rosewood" } }) { client { id } } }',
      {},
      editor,
    );
    const clientId = made.data.createClient.client.id;
    await api.database.query(
      `insert into tenancy.client_users (tenant_id, client_id, user_id)
       select m.tenant_id, $1, m.user_id from tenancy.memberships m join tenancy.users u on u.id = m.user_id where u.email = 'client@harbour.test'`,
      [clientId],
    );
    const journey = await api.ask(
      "mutation ($j: JourneyInput!) { createJourney(input: { journey: $j }) { journey { id } } }",
      { j: { clientId, name: "Welcome\r\nBcc: evil@evil.test", slug: "welcome" } },
      editor,
    );
    journeyId = journey.data.createJourney.journey.id;
    await api.ask(
      "mutation ($t: TouchpointInput!) { createTouchpoint(input: { touchpoint: $t }) { touchpoint { id } } }",
      { t: { journeyId, name: "Hello", type: "email", orderIndex: 0 } },
      editor,
    );
  });

  test("tell the reviewer what awaits them and the requester what was decided; no heading can be smuggled in", async () => {
    const { data } = await submit();
    await sendMails(worker, config);
    expect(received.map(({ to }) => to)).toEqual([["client@harbour.test"]]);
    const [headers] = received[0]?.text.split(/\r?\n\r?\n/) ?? [];
    expect(headers).not.toMatch(/^Bcc:/m);
    received.length = 0;
    await api.ask(
      'mutation ($id: UUID!) { reviewJourney(input: { approvalId: $id, decision: request_changes, comments: "Too long" }) { approval { id } } }',
      { id: data.submitJourney.approval.id },
      reviewer,
    );
    await sendMails(worker, config);
    expect(received.map(({ to }) => to)).toEqual([["editor@harbour.test"]]);
    expect(plain(received[0]?.text ?? "")).toMatch(/changes requested[\s\S]*Too long/);
  });

  test("tell nobody who does not want to hear", async () => {
    const [user] = await api.database.query<{ id: string }>(
      "select id from tenancy.users where email = 'client@harbour.test'",
    );
    const muted = await api.ask(
      "mutation ($id: UUID!) { updateUser(input: { id: $id, patch: { mutedNotifications: [approval_requested] } }) { user { mutedNotifications } } }",
      { id: user?.id },
      reviewer,
    );
    expect(muted.data.updateUser.user).toEqual({ mutedNotifications: ["approval_requested"] });
    await submit();
    expect(await api.database.query("select from app_private.mails")).toEqual([]);
  });

  test("leave nothing behind for a change that rolled back", async () => {
    await api.database.query("update tenancy.users set muted_notifications = '{}'");
    await api.ask(
      "mutation ($id: UUID!) { withdrawJourney(input: { journeyId: $id }) { clientMutationId } }",
      { id: journeyId },
      editor,
    );
    const claims = JSON.parse(Buffer.from(editor.split(".")[1] ?? "", "base64url").toString());
    const caller = {
      kind: "user",
      rolePrefix: "landfall",
      role: "editor",
      userId: claims.sub,
      tenantId: claims.tid,
      sessionId: claims.sid,
    } as const;
    const pool = createPool(api.database.urls.authenticator, { applicationName: "landfall tests", max: 1 });
    const mails = () => api.database.query("select from app_private.mails");
    const submitAnd = (after: () => void) =>
      withIdentity(pool, caller, async (client) => {
        await client.query("select journeys.submit_journey($1)", [journeyId]);
        after();
      });
    const interrupted = submitAnd(() => {
      throw new Error("interrupted");
    });
    await expect(interrupted).rejects.toThrow("interrupted");
    expect(await mails()).toEqual([]);
    await submitAnd(() => undefined);
    expect(await mails()).toHaveLength(1);
    await pool.end();
  });

  test("tell the admins what was not published", async () => {
    await api.database.query(
      `begin; set local session_replication_role = replica;
       insert into publishing.publications (tenant_id, journey_id, journey_version_id, status)
       select tenant_id, journey_id, journey_version_id, 'queued' from journeys.approvals where journey_version_id is not null limit 1;
       commit`,
    );
    await api.database.query(
      `begin; alter table publishing.publications disable trigger _300_check_transition;
       update publishing.publications set status = 'failed', last_error = 'The location is gone.';
       alter table publishing.publications enable trigger _300_check_transition; commit`,
    );
    await sendMails(worker, config);
    expect(received.map(({ to }) => to)).toEqual([["admin@harbour.test"]]);
    expect(plain(received[0]?.text ?? "")).toContain("The location is gone.");
  });
});
