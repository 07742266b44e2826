import { setTimeout as sleep } from "node:timers/promises";
import pRetry from "p-retry";
import { z } from "zod";
import { errorMessage, fail } from "../../errors.ts";
import { airtablePace, readAirtableSchema } from "./airtable_schema.ts";
import { elementSpans, memberSpan, sliceText } from "./json_spans.ts";
import type { Source, SourceCall, SourceCollection, SourcePage, SourceRecord, SourceSchema } from "./source.ts";

/*
 * The live reader speaks to Airtable by fetch. The `airtable` package would do for its makeRequest, but that hands out parsed
 * JSON: the record's exact text would be gone, and with it the proof. Its own paging never settles on a cut answer and retries
 * for ever on a 429 (measured on 0.12.2).
 */

/** Time as the reader meets it; a test brings its own. */
export interface Clock {
  now(): number;
  sleep(milliseconds: number): Promise<unknown>;
}

const systemClock: Clock = { now: Date.now, sleep };

export interface AirtableOptions {
  baseId: string;
  apiKey: string;
  /** `https://api.airtable.com`, or a stand-in's address. */
  endpointUrl: string;
  clock?: Clock;
  /** How long the first retry after a fault of the transport waits; each further one waits twice as long, up to 30 s. */
  retryDelayMs?: number;
}

/** Airtable allows five requests a second per base, and answers nothing but 429 for 30 s to whoever asks a sixth time. */
const requestsPerWindow = 5;
const windowMs = 1_050;
const penaltyMs = 30_000;
const retries = 7;
const answerTimeoutMs = 60_000;
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
class TransientFault extends Error {}
/** The five requests a second were exceeded: wait, and do not count it as a failed attempt. */
class PenaltyFault extends TransientFault {}
/** The offset is no longer honoured: the collection begins again. */
class ExpiredOffset extends Error {}

/**
 * A live Airtable base.
 *
 * @throws LandfallError, on reading: `airtable_token_refused`, `airtable_forbidden`, `airtable_quota`,
 *   `airtable_unreachable` or `airtable_answer`
 */
export function openAirtable(options: AirtableOptions): Source {
  const clock = options.clock ?? systemClock;
  const takeTurn = rateLimit(clock);
  const calls: SourceCall[] = [];

  async function get<Answer>(path: string, read: (body: Buffer) => Answer): Promise<Answer> {
    const attempt = async () => {
      await takeTurn.wait();
      const call: SourceCall = { at: new Date(), request: `GET ${path}`, status: null, milliseconds: 0, problem: null };
      calls.push(call);
      const begun = performance.now();
      try {
        return read(await answerTo(path, call));
      } catch (error) {
        call.problem ??= errorMessage(error);
        if (error instanceof PenaltyFault) takeTurn.freeze();
        throw error;
      } finally {
        call.milliseconds = Math.round(performance.now() - begun);
      }
    };
    try {
      return await pRetry(attempt, {
        retries,
        minTimeout: options.retryDelayMs ?? 500,
        maxTimeout: 30_000,
        randomize: true,
        shouldRetry: ({ error }) => error instanceof TransientFault,
        shouldConsumeRetry: ({ error }) => !(error instanceof PenaltyFault),
      });
    } catch (error) {
      if (!(error instanceof TransientFault)) throw error;
      return fail(
        "airtable_unreachable",
        `Airtable gave no good answer to ${path}, ${retries + 1} times: ${error.message}.`,
        "Check the network, any proxy and https://status.airtable.com, then run the import again: it goes on where it stopped.",
        error,
      );
    }
  }

  async function answerTo(path: string, call: SourceCall): Promise<Buffer> {
    let response: Response;
    let body: Buffer;
    try {
      response = await fetch(`${options.endpointUrl}${path}`, {
        headers: { authorization: `Bearer ${options.apiKey}`, "user-agent": "landfall" },
        signal: AbortSignal.timeout(answerTimeoutMs),
      });
      call.status = response.status;
      body = Buffer.from(await response.arrayBuffer());
    } catch (error) {
      throw new TransientFault(networkProblem(error), { cause: error });
    }
    if (response.ok) return body;
    const type = readErrorType(body);
    call.problem = type;
    return refuse(response.status, type, path, options.baseId);
  }

  async function readPage(collection: SourceCollection, offset: string | null, number: number): Promise<SourcePage> {
    const query = new URLSearchParams({ pageSize: "100" });
    if (offset !== null) query.set("offset", offset);
    const path = `/v0/${options.baseId}/${encodeURIComponent(collection.id)}?${query}`;
    return await get(path, (body) => cutPage(body, number));
  }

  async function* pages(collection: SourceCollection, from: string | null): AsyncIterable<SourcePage> {
    let { offset, number } = readCursor(from);
    let restarted = 0;
    for (;;) {
      let page: SourcePage;
      try {
        page = await readPage(collection, offset, number);
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
        offset = null;
        number = 1;
        continue;
      }
      yield page;
      if (page.next === null) return;
      ({ offset, number } = readCursor(page.next));
    }
  }

  return {
    key: `airtable:${options.baseId}`,
    pace: airtablePace,
    location: `airtable:${options.baseId}`,
    schema: () => get(`/v0/meta/bases/${options.baseId}/tables`, readSchema),
    pages,
    takeCalls: () => calls.splice(0),
  };
}

function readSchema(body: Buffer): SourceSchema {
  const json = parseJson(body);
  if (json === undefined) throw new TransientFault("the answer is cut short or no JSON");
  return (
    readAirtableSchema(json) ??
    fail(
      "airtable_answer_unexpected",
      "Airtable's answer about the base's tables has another shape than documented.",
      "Check AIRTABLE_ENDPOINT_URL; if it is right, report this with Landfall's version.",
    )
  );
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
function refuse(status: number, type: string, path: string, baseId: string): never {
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
  if (status >= 500) throw new TransientFault(`${status} ${type}`);
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

function networkProblem(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? errorMessage(error.cause) : errorMessage(error);
}

/** At most five requests in any window of a little over a second; after a penalty, none for 30 s. */
function rateLimit(clock: Clock) {
  const taken: number[] = [];
  let frozenUntil = 0;
  let queue: Promise<unknown> = Promise.resolve();
  const turn = async () => {
    const oldest = taken.length < requestsPerWindow ? Number.NEGATIVE_INFINITY : (taken.shift() as number);
    const pause = Math.max(oldest + windowMs, frozenUntil) - clock.now();
    if (pause > 0) await clock.sleep(pause);
    taken.push(clock.now());
  };
  return {
    wait: () => {
      queue = queue.then(turn);
      return queue;
    },
    freeze: () => {
      frozenUntil = clock.now() + penaltyMs;
    },
  };
}
