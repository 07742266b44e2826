/**
 * The client that publishing calls with: each call takes its turn in the budget that all processes share, is written down with
 * its end, and renews an OAuth token that is at its end. What a location may not be called for now ends the run.
 *
 * A call that went wrong is written down at once, in a transaction of its own, so that nothing that follows takes the line
 * back. One that went well is written down with what follows from it, or with the next turn, whichever comes first: a
 * transaction less for each call.
 */
import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import { z } from "zod";
import { prepared } from "../database/prepared.ts";
import { withIdentity } from "../database/with_identity.ts";
import type { Logger } from "../log.ts";
import { type Client, createClient, type Exchange, type Outcome, type RateLimit } from "./client.ts";
import { type Credentials, openCredentials, refreshPair, sealPair, tokenPath } from "./credentials.ts";
import { Stop } from "./stop.ts";
import type { Timing } from "./timing.ts";
import type { UnwrittenCalls } from "./unwritten_calls.ts";

export type CallPhase =
  | "search"
  | "create"
  | "update"
  | "verify"
  | "archive"
  | "link"
  | "reconcile"
  | "plan"
  | "authorize";

export type MeterOptions = {
  pool: Pool;
  log: Logger;
  secretKey: string;
  previousSecretKey?: string | undefined;
  baseUrl: string;
  userAgent: string;
  timing: Timing;
  signal: AbortSignal;
  tenantId: string;
  /** Our id of the location and GoHighLevel's. */
  locationId: string;
  ghlLocationId: string;
  credentials: Credentials;
  /** The ciphertext that the credentials were opened from; null for a token of the configuration. */
  ciphertext: string | null;
  /** What ciphertexts of this location are bound to. */
  secretContext: string;
  publicationId: string | null;
  /** Where calls that went well wait to be written down. */
  unwritten: UnwrittenCalls;
  /** What all calls are for, where that is not told by what is called. */
  phase?: CallPhase;
};

export type MeteredClient = {
  client: Client;
  /** Says which item the next calls serve. */
  about(itemId: string | null): void;
  callCount(): number;
  /** Milliseconds for which the location is left alone because it does not answer; null while it answers. */
  circuitWaitMs(): number | null;
};

const turnSchema = z.object({
  obstacle: z.string().nullable(),
  reason: z.string().nullable(),
  wait_ms: z.number().nullable(),
});
const refreshSchema = z.object({ step: z.enum(["renewed", "wait", "refresh"]), token_ciphertext: z.string() });

/** A token is renewed when less than this is left of its life. */
const renewBeforeMs = 600_000;
const refreshPollMs = 100;
const noRate: RateLimit = {
  max: null,
  remaining: null,
  intervalMs: null,
  dailyLimit: null,
  dailyRemaining: null,
  dailyResetMs: null,
  retryAfterMs: null,
};

/** Whoever reads the budgets learns nothing of the token. */
function budgetKey(secretKey: string, token: string, ghlLocationId: string): string {
  return createHmac("sha256", secretKey)
    .update(JSON.stringify([token, ghlLocationId]))
    .digest("hex");
}

/** @throws Stop, from any call, where the location may not be called now, or the database's errors */
export function meteredClient(options: MeterOptions): MeteredClient {
  const { pool, tenantId, locationId, timing, signal, log, unwritten } = options;
  let { credentials, ciphertext } = options;
  let itemId: string | null = null;
  let calls = 0;
  let circuitWaitMs: number | null = null;
  let plain: { token: string; client: Client } | null = null;

  const asWorker = <T>(step: (client: PoolClient) => Promise<T>) =>
    withIdentity(pool, { kind: "worker", tenantId }, step);

  async function ask<S extends z.ZodType>(schema: S, sql: string, values: unknown[]): Promise<z.output<S>> {
    const { rows } = await unwritten.beside(asWorker, (client) => client.query(prepared(sql, values)));
    return schema.parse(rows[0]);
  }

  function tokenNow(): string {
    return credentials.kind === "pit" ? credentials.token : credentials.pair.accessToken;
  }

  // One budget for all tokens of an OAuth app in a location: GoHighLevel counts the app.
  const keyed = credentials.kind === "pit" ? credentials.token : credentials.pair.oauthClientId;
  const budget = budgetKey(options.secretKey, keyed, options.ghlLocationId);

  function currentClient(): Client {
    const token = tokenNow();
    if (plain?.token !== token) {
      const { baseUrl, userAgent, ghlLocationId } = options;
      const client = createClient({
        baseUrl,
        token,
        locationId: ghlLocationId,
        userAgent,
        timeoutMs: timing.callTimeoutMs,
        signal,
      });
      plain = { token, client };
    }
    return plain.client;
  }

  /** Waits for the next turn, or ends the run where it would take too long. */
  async function takeTurn(): Promise<void> {
    for (;;) {
      const turn = await ask(turnSchema, "select * from app_private.take_call($1, $2, $3)", [
        locationId,
        budget,
        timing.longestWaitMs,
      ]);
      const waitMs = turn.wait_ms;
      if (waitMs === null) throw new Stop({ status: "blocked", lastError: turn.reason, runInMs: null });
      if (waitMs > timing.longestWaitMs)
        throw new Stop({ status: "deferred", lastError: turn.reason, runInMs: waitMs });
      if (waitMs > 0) await sleep(waitMs, undefined, { signal });
      if (turn.obstacle === null) return;
    }
  }

  async function record(
    phase: CallPhase,
    exchange: Pick<Exchange, "method" | "path" | "status" | "traceId" | "ms" | "rate">,
    errorClass: string | null,
  ) {
    const { publicationId } = options;
    const { method, path, status, traceId, ms, rate } = exchange;
    unwritten.add({
      locationId,
      budget,
      call: { publicationId, itemId, phase, method, path, status, traceId, ms, rate, errorClass },
      breaker: { failures: timing.breakerFailures, openMs: timing.breakerOpenMs, longestMs: timing.breakerLongestMs },
    });
    if (errorClass === null) {
      circuitWaitMs = null;
      return;
    }
    const recorded = await unwritten.write(asWorker);
    circuitWaitMs = recorded.circuitWaitMs;
    const { failingForMs } = recorded;
    if (failingForMs !== null && failingForMs > timing.alarmAfterMs) {
      log.error({ locationId, failingForMs }, "GoHighLevel has not answered for a location for long");
    }
  }

  /** A pair that is good for the next call. Of all workers one refreshes, the others wait and take its pair. */
  async function renew(isRefused: boolean): Promise<"renewed" | "refused"> {
    if (credentials.kind !== "oauth" || ciphertext === null) return "refused";
    if (!isRefused && credentials.pair.expiresAt - Date.now() > renewBeforeMs) return "renewed";
    for (;;) {
      const leaseMs = timing.callTimeoutMs + 5_000;
      const answer: z.output<typeof refreshSchema> = await ask(
        refreshSchema,
        "select * from app_private.begin_token_refresh($1, $2, make_interval(secs => $3::float8 / 1000))",
        [locationId, ciphertext, leaseMs],
      );
      if (answer.step === "renewed") {
        credentials = openCredentials(options, answer.token_ciphertext, options.secretContext);
        ciphertext = answer.token_ciphertext;
        return "renewed";
      }
      if (answer.step === "refresh") return refresh(credentials, ciphertext);
      await sleep(refreshPollMs, undefined, { signal });
    }
  }

  async function refresh(old: Extract<Credentials, { kind: "oauth" }>, seen: string): Promise<"renewed" | "refused"> {
    const { baseUrl, userAgent, secretKey, secretContext } = options;
    const refreshed = await refreshPair({ baseUrl, userAgent, timeoutMs: timing.callTimeoutMs }, old.pair);
    const next = refreshed.class === "done" ? sealPair(secretKey, refreshed.pair, secretContext) : null;
    // Kept before its first use: the old pair is dead.
    await asWorker((client) =>
      client.query("select app_private.end_token_refresh($1, $2, $3)", [locationId, seen, next]),
    );
    const { status, ms } = refreshed;
    const errorClass = refreshed.class === "done" ? null : refreshed.class === "refused" ? "auth" : "transient";
    await record("authorize", { method: "POST", path: tokenPath, status, traceId: null, ms, rate: noRate }, errorClass);
    if (refreshed.class === "done") {
      credentials = { kind: "oauth", pair: refreshed.pair };
      ciphertext = next;
      return "renewed";
    }
    if (refreshed.class === "refused") return "refused";
    const runInMs = Math.max(timing.backoffMs, circuitWaitMs ?? 0);
    throw new Stop({ status: "deferred", lastError: `${refreshed.message} It goes on by itself.`, runInMs });
  }

  async function metered<T>(usual: CallPhase, call: (client: Client) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const phase = options.phase ?? usual;
    if ((await renew(false)) === "refused" && credentials.kind === "oauth") await refuseAuthorization();
    for (let isSecond = false; ; isSecond = true) {
      signal.throwIfAborted();
      await takeTurn();
      calls += 1;
      const outcome = await call(currentClient());
      await record(phase, outcome, outcome.class === "done" ? null : outcome.class);
      if (outcome.class !== "auth" || isSecond || credentials.kind !== "oauth") return outcome;
      if ((await renew(true)) === "refused") return outcome;
    }
  }

  /** The refresh token is dead: nothing can be called until a person has connected the location anew. */
  async function refuseAuthorization(): Promise<never> {
    const lastError =
      "GoHighLevel does not renew the location's token. Connect it anew with setLocationOauth, then retry.";
    await asWorker((client) =>
      client.query(
        `update publishing.locations l set status = 'needs_reauth', status_reason = $3, paused_until = null
         where l.tenant_id = $1 and l.id = $2 and l.status <> 'needs_reauth'`,
        [tenantId, locationId, lastError],
      ),
    );
    throw new Stop({ status: "blocked", lastError, runInMs: null });
  }

  return {
    about(id) {
      itemId = id;
    },
    callCount: () => calls,
    circuitWaitMs: () => circuitWaitMs,
    client: {
      listTemplates: (filter) => metered("search", (client) => client.listTemplates(filter)),
      createFolder: (name) => metered("create", (client) => client.createFolder(name)),
      createTemplate: (fields, folderId) => metered("create", (client) => client.createTemplate(fields, folderId)),
      getTemplate: (id) => metered("verify", (client) => client.getTemplate(id)),
      updateTemplate: (id, fields) => metered("update", (client) => client.updateTemplate(id, fields)),
      archiveTemplate: (id) => metered("archive", (client) => client.archiveTemplate(id)),
      // Content comes from a storage host, which neither counts calls nor wants a token.
      getContent: (url) => currentClient().getContent(url),
      listCustomValues: () => metered("search", (client) => client.listCustomValues()),
      createCustomValue: (fields) => metered("create", (client) => client.createCustomValue(fields)),
      getCustomValue: (id) => metered("verify", (client) => client.getCustomValue(id)),
      updateCustomValue: (id, fields) => metered("update", (client) => client.updateCustomValue(id, fields)),
      listTags: () => metered("search", (client) => client.listTags()),
      createTag: (name) => metered("create", (client) => client.createTag(name)),
      listForms: (skip) => metered("link", (client) => client.listForms(skip)),
      listWorkflows: () => metered("link", (client) => client.listWorkflows()),
      listPipelines: () => metered("link", (client) => client.listPipelines()),
    },
  };
}
