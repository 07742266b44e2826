import pRetry from "p-retry";
import { z } from "zod";
import { errorMessage, fail, LandfallError } from "../../errors.ts";
import { listAttachments, openAttachment } from "./airtable_attachments.ts";
import { airtablePace, readAirtableSchema } from "./airtable_schema.ts";
import { type Budget, type BudgetLimits, localBudget, type Turn, waitForTurn } from "./budget.ts";
import { type Clock, systemClock } from "./clock.ts";
import { httpGet, readWhole, TooLong } from "./http.ts";
import { elementSpans, memberSpan, sliceText } from "./json_spans.ts";
import type { DeclaredSchema, Source, SourceCall, SourceCollection, SourcePage, SourceRecord } from "./source.ts";

/*
 * The live reader does its own asking. The `airtable` package would do for its makeRequest, but that hands out parsed
 * JSON: the record's exact text would be gone, and with it the proof. Its own paging never settles on a cut answer and retries
 * for ever on a 429 (measured on 0.12.2).
 */

export interface AirtableOptions {
  baseId: string;
  apiKey: string;
  /** `https://api.airtable.com`, or a stand-in's address. */
  endpointUrl: string;
  clock?: Clock;
  /** The base's requests, shared with everybody who asks it; this process's own where nothing is passed. */
  budget?: Budget;
  /** How long the first retry after a fault of the transport waits; each further one waits twice as long, up to 30 s. */
  retryDelayMs?: number;
  /** Time limits of the connection and of silence, in milliseconds. */
  timeouts?: { connectMs: number; idleMs: number };
}

/** Airtable allows five requests a second per base. The span is a little longer: clocks differ. */
export const airtableLimits: BudgetLimits = { turns: 5, spanMs: 1_005 };

/** Whoever asks a sixth time within a second is answered nothing but 429 for 30 s, as is everybody else at that base. */
const penaltyMs = 30_000;
/** After ten minutes of penalties somebody else uses the base up, and waiting does not help. */
const maxPenalties = 20;
const retries = 7;
const maxRetryAfterMs = 60_000;
/** A turn further away than this is waited for without a connection. */
const patienceMs = 2_000;
const usualTimeouts = { connectMs: 5_000, idleMs: 15_000 };
const answerTimeoutMs = 120_000;
/** A hundred records; their longest texts have 100,000 characters each. */
const maxAnswerBytes = 256 * 1024 * 1024;
/** An iterator that expires this often in one collection is not worth restarting again. */
const restarts = 5;

const errorBody = z.union([
  z.object({ error: z.string() }).transform((body) => ({ type: body.error })),
  z.object({ error: z.object({ type: z.string() }) }).transform((body) => ({ type: body.error.type })),
  z.object({ errors: z.array(z.object({ error: z.string() })).min(1) }).transform((body) => ({
    type: body.errors[0]?.error ?? "UNKNOWN",
  })),
]);

/** A fault that may pass: a cut answer, a server's bad moment. */
class TransientFault extends Error {
  /** How long the source asks us to wait. */
  retryAfterMs = 0;
}
/** The base is frozen, by this reader's own penalty or another's: nothing was asked. */
class Frozen extends Error {
  readonly waitMs: number;
  constructor(waitMs: number) {
    super("the base is frozen");
    this.waitMs = waitMs;
  }
}
/** The five requests a second were exceeded: wait, and do not count it as a failed attempt. */
class PenaltyFault extends TransientFault {}
/** The offset is no longer honoured: the collection begins again. */
class ExpiredOffset extends Error {}

const ownErrors = [LandfallError, TransientFault, ExpiredOffset, Frozen];

/**
 * A live Airtable base.
 *
 * @throws LandfallError, on reading: `airtable_token_refused`, `airtable_forbidden`, `airtable_quota`,
 *   `airtable_unreachable` or `airtable_answer`
 */
export function openAirtable(options: AirtableOptions): Source {
  const clock = options.clock ?? systemClock;
  const budget = options.budget ?? localBudget(clock, airtableLimits);
  const calls: SourceCall[] = [];

  async function get<Answer>(path: string, read: (body: Buffer) => Answer): Promise<Answer> {
    let penalties = 0;
    const attempt = async (): Promise<Answer> => {
      const call: SourceCall = { at: new Date(), request: `GET ${path}`, status: null, milliseconds: 0, problem: null };
      calls.push(call);
      let begun = performance.now();
      let turn: Turn | undefined;
      // A turn is taken when the connection stands: what is sent arrives then, and not after a handshake, together with later ones.
      const beforeSend = async () => {
        const given = await waitForTurn(budget, clock, patienceMs);
        if (given.waitMs > 0) throw new Frozen(given.waitMs);
        turn = given;
        begun = performance.now();
        call.at = new Date();
      };
      try {
        return read(await answerTo(path, call, beforeSend));
      } catch (error) {
        if (error instanceof Frozen) calls.splice(calls.indexOf(call), 1);
        call.problem ??= errorMessage(error);
        throw error;
      } finally {
        call.milliseconds = Math.round(performance.now() - begun);
        await turn?.end();
      }
    };
    const patientAttempt = async (): Promise<Answer> => {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof Frozen) {
          await clock.sleep(error.waitMs);
          return await patientAttempt();
        }
        if (error instanceof PenaltyFault) {
          penalties += 1;
          await budget.freeze(penaltyMs);
        } else if (error instanceof TransientFault && error.retryAfterMs > 0) {
          await clock.sleep(Math.min(error.retryAfterMs, maxRetryAfterMs));
        }
        throw error;
      }
    };
    try {
      return await pRetry(patientAttempt, {
        retries,
        minTimeout: options.retryDelayMs ?? 500,
        maxTimeout: 30_000,
        randomize: true,
        shouldRetry: ({ error }) => error instanceof TransientFault && penalties < maxPenalties,
        shouldConsumeRetry: ({ error }) => !(error instanceof PenaltyFault),
      });
    } catch (error) {
      if (!(error instanceof TransientFault)) throw error;
      if (error instanceof PenaltyFault) {
        fail(
          "airtable_unreachable",
          `Somebody else uses up the five requests a second of ${options.baseId}: Airtable refused ${path} for ${(penalties * penaltyMs) / 60_000} minutes.`,
          "Stop the other programs that read this base, then run the import again: it goes on where it stopped.",
          error,
        );
      }
      return fail(
        "airtable_unreachable",
        `Airtable gave no good answer to ${path}, ${retries + 1} times: ${error.message}.`,
        "Check the network, any proxy and https://status.airtable.com, then run the import again: it goes on where it stopped.",
        error,
      );
    }
  }

  async function answerTo(path: string, call: SourceCall, beforeSend: () => Promise<void>): Promise<Buffer> {
    try {
      const answer = await httpGet(new URL(`${options.endpointUrl}${path}`), {
        headers: { authorization: `Bearer ${options.apiKey}`, "user-agent": "landfall" },
        ...(options.timeouts ?? usualTimeouts),
        totalMs: answerTimeoutMs,
        beforeSend,
        maxBytes: maxAnswerBytes,
      });
      call.status = answer.status;
      const body = await readWhole(answer.body);
      if (answer.status === 200) return body;
      call.problem = readErrorType(body);
      return refuse(answer.status, call.problem, path, options.baseId, answer.headers["retry-after"]);
    } catch (error) {
      if (ownErrors.some((kind) => error instanceof kind)) throw error;
      if (error instanceof TooLong) {
        fail(
          "airtable_answer_unexpected",
          `Airtable's answer to ${path} is too long: ${error.message}.`,
          "Check AIRTABLE_ENDPOINT_URL; if it is right, report this with Landfall's version.",
          error,
        );
      }
      throw new TransientFault(errorMessage(error), { cause: error });
    }
  }

  async function readPage(collection: SourceCollection, offset: string | null, number: number): Promise<SourcePage> {
    const query = new URLSearchParams({ pageSize: "100" });
    if (offset !== null) query.set("offset", offset);
    const path = `/v0/${options.baseId}/${encodeURIComponent(collection.id)}?${query}`;
    return await get(path, (body) => cutPage(body, number));
  }

  /** A record as it is now; null where it is gone. */
  async function readRecord(collection: SourceCollection, recordId: string): Promise<string | null> {
    const path = `/v0/${options.baseId}/${encodeURIComponent(collection.id)}/${encodeURIComponent(recordId)}`;
    try {
      return await get(path, (body) => {
        if (parseJson(body) === undefined) throw new TransientFault("the answer is cut short or no JSON");
        return body.toString("utf8");
      });
    } catch (error) {
      if (error instanceof LandfallError && error.reason === "airtable_forbidden") return null;
      throw error;
    }
  }

  async function* pages(collection: SourceCollection, from: string | null): AsyncIterable<SourcePage> {
    let restarted = 0;
    const readOn = async (next: string | null): Promise<SourcePage> => {
      const { offset, number } = readCursor(next);
      try {
        return await readPage(collection, offset, number);
      } catch (error) {
        if (!(error instanceof ExpiredOffset)) throw error;
        restarted += 1;
        if (restarted > restarts) {
          fail(
            "airtable_answer_unexpected",
            `Airtable ended the reading of ${collection.name} ${restarted} times.`,
            "Run the import again at a quieter hour: it goes on where it stopped.",
            error,
          );
        }
        return await readOn(null);
      }
    };
    let coming = readOn(from);
    for (;;) {
      const page = await coming;
      // The next page is on its way while this one is worked on; where that fails, it is told when it is that page's turn.
      if (page.next !== null) {
        coming = readOn(page.next);
        coming.catch(() => undefined);
      }
      yield page;
      if (page.next === null) return;
    }
  }

  return {
    key: `airtable:${options.baseId}`,
    pace: airtablePace,
    location: `airtable:${options.baseId}`,
    schema: () => get(`/v0/meta/bases/${options.baseId}/tables`, readSchema),
    pages,
    attachments: (collection, { bytes }) => listAttachments(collection, bytes.toString("utf8")),
    openAttachment: (collection, { id }, attachment) =>
      openAttachment(attachment, new URL(options.endpointUrl).origin, async () => {
        const text = await readRecord(collection, id);
        const again = text === null ? [] : listAttachments(collection, text);
        return again.find((other) => other.id === attachment.id) ?? null;
      }),
    takeCalls: () => calls.splice(0),
  };
}

function readSchema(body: Buffer): DeclaredSchema {
  const json = parseJson(body);
  if (json === undefined) throw new TransientFault("the answer is cut short or no JSON");
  const schema =
    readAirtableSchema(json) ??
    fail(
      "airtable_answer_unexpected",
      "Airtable's answer about the base's tables has another shape than documented.",
      "Check AIRTABLE_ENDPOINT_URL; if it is right, report this with Landfall's version.",
    );
  return { ...schema, text: body.toString("utf8") };
}

/** The page number travels with the offset, so that a batch that goes on elsewhere counts on. */
function readCursor(from: string | null): { offset: string | null; number: number } {
  if (from === null) return { offset: null, number: 1 };
  const space = from.indexOf(" ");
  return { number: Number(from.slice(0, space)), offset: from.slice(space + 1) };
}

function cutPage(body: Buffer, number: number): SourcePage {
  try {
    const list = memberSpan(body, "records");
    if (list === undefined) throw new SyntaxError("it has no records");
    const offset = memberSpan(body, "offset");
    const records = elementSpans(body, list).map((span): SourceRecord => {
      const bytes = Buffer.from(body.subarray(span.start, span.end));
      return { id: z.object({ id: z.string().min(1) }).parse(JSON.parse(bytes.toString("utf8"))).id, bytes };
    });
    return {
      number,
      records,
      next: offset === undefined ? null : `${number + 1} ${JSON.parse(sliceText(body, offset))}`,
    };
  } catch (error) {
    throw new TransientFault(errorMessage(error), { cause: error });
  }
}

/** Says what a refusal means, by its class. */
function refuse(status: number, type: string, path: string, baseId: string, retryAfter: string | undefined): never {
  if (status === 401) {
    fail(
      "airtable_token_refused",
      "Airtable does not accept the token.",
      "Set AIRTABLE_API_KEY to a personal access token with the scopes data.records:read and schema.bases:read.",
    );
  }
  if (status === 403 || status === 404) {
    fail(
      "airtable_forbidden",
      `Airtable has no ${baseId} for this token, or it may not read it (${type}, ${path}).`,
      "Check the base's id, and that the token was given this base and the scopes data.records:read and schema.bases:read.",
    );
  }
  if (status === 429 && type === "PUBLIC_API_BILLING_LIMIT_EXCEEDED") {
    fail(
      "airtable_quota",
      "The workspace has used up its API calls of this month.",
      "Import from a snapshot or a CSV export, upgrade the plan, or go on next month: what was read is kept.",
    );
  }
  if (status === 429) throw new PenaltyFault(type);
  if (type === "LIST_RECORDS_ITERATOR_NOT_AVAILABLE" || type === "INVALID_OFFSET_VALUE") throw new ExpiredOffset(type);
  if (status >= 500) {
    const fault = new TransientFault(`${status} ${type}`);
    fault.retryAfterMs = Number(retryAfter ?? 0) * 1_000 || 0;
    throw fault;
  }
  return fail(
    "airtable_answer_unexpected",
    `Airtable refused ${path}: ${status} ${type}.`,
    "Check AIRTABLE_ENDPOINT_URL and the base's id; if they are right, report this with Landfall's version.",
  );
}

function readErrorType(body: Buffer): string {
  const parsed = errorBody.safeParse(parseJson(body));
  return parsed.success ? parsed.data.type : "UNKNOWN";
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
