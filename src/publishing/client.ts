import { z } from "zod";
import { errorCode } from "../errors.ts";
import { type AnswerOf, type EndpointName, endpoints } from "./endpoints.ts";
import { classifyRejection, type FailureClass } from "./outcomes.ts";

export type ClientOptions = {
  /** The API's address without a slash at the end. */
  baseUrl: string;
  /** The location's token: a private integration's, or an OAuth app's access token. */
  token: string;
  /** GoHighLevel's id of the location; every call is made for it. */
  locationId: string;
  userAgent: string;
  /** Milliseconds after which an answer is no longer waited for. */
  timeoutMs: number;
  /** Gives up the call that is under way; it counts as one without an answer. */
  signal?: AbortSignal;
};

/** What the rate headers of an answer said; null where one was missing or no number. */
export type RateLimit = {
  max: number | null;
  remaining: number | null;
  intervalMs: number | null;
  dailyLimit: number | null;
  dailyRemaining: number | null;
  /** Milliseconds until the day's count starts anew, between 0 and 24 hours. */
  dailyResetMs: number | null;
  retryAfterMs: number | null;
};

/** One call and its end, without what was sent. */
export type Exchange = {
  endpoint: EndpointName | "content";
  method: string;
  /** Without its query. */
  path: string;
  status: number | null;
  traceId: string | null;
  rate: RateLimit;
  ms: number;
};

export type Success<T> = Exchange & { class: "done"; data: T };
export type Failure = Exchange & { class: FailureClass; messages: string[] };
export type Outcome<T> = Success<T> | Failure;

export type TemplateFields = {
  name: string;
  subjectLine: string;
  previewText: string;
  editorType: "html";
  editorContent: string;
};

export type CustomValueFields = { name: string; value: string };

type TemplateFilter = {
  offset: number;
  archived: boolean;
  include: "all" | "templates" | "folders";
  search?: string;
  folderId?: string;
};

export type Client = {
  listTemplates(filter: TemplateFilter): Promise<Outcome<AnswerOf<"listTemplates">>>;
  createFolder(name: string): Promise<Outcome<AnswerOf<"createFolder">>>;
  createTemplate(fields: TemplateFields, folderId: string | null): Promise<Outcome<AnswerOf<"createTemplate">>>;
  getTemplate(id: string): Promise<Outcome<AnswerOf<"getTemplate">>>;
  /** Always all fields in one call: a partial update has been seen to reset the others. */
  updateTemplate(
    id: string,
    fields: TemplateFields & { archived?: false },
  ): Promise<Outcome<AnswerOf<"updateTemplate">>>;
  archiveTemplate(id: string): Promise<Outcome<AnswerOf<"updateTemplate">>>;
  /** Fetches a template's stored HTML from the storage host that GoHighLevel named; no token goes there. */
  getContent(url: string): Promise<Outcome<string>>;
  listCustomValues(): Promise<Outcome<AnswerOf<"listCustomValues">>>;
  createCustomValue(fields: CustomValueFields): Promise<Outcome<AnswerOf<"createCustomValue">>>;
  getCustomValue(id: string): Promise<Outcome<AnswerOf<"getCustomValue">>>;
  updateCustomValue(id: string, fields: CustomValueFields): Promise<Outcome<AnswerOf<"updateCustomValue">>>;
  listTags(): Promise<Outcome<AnswerOf<"listTags">>>;
  createTag(name: string): Promise<Outcome<AnswerOf<"createTag">>>;
  /** At most fifty of the location's forms, from the `skip`th on. */
  listForms(skip: number): Promise<Outcome<AnswerOf<"listForms">>>;
  listWorkflows(): Promise<Outcome<AnswerOf<"listWorkflows">>>;
  listPipelines(): Promise<Outcome<AnswerOf<"listPipelines">>>;
};

/** The most rows that a list of templates gives at once. */
export const listPageSize = 20;

/** The most rows that a list of forms gives at once. */
export const formPageSize = 50;

const dayMs = 86_400_000;
const snippetLength = 200;

const errorShapes = z.union([
  z.object({ message: z.union([z.string(), z.array(z.string())]), traceId: z.string().optional() }),
  z.object({ error: z.object({ message: z.string() }), traceId: z.string().optional() }),
  z.object({ error: z.string(), error_description: z.string().optional(), traceId: z.string().optional() }),
]);

function numberIn(headers: Headers, name: string): number | null {
  const value = Number(headers.get(name) ?? Number.NaN);
  return Number.isFinite(value) ? value : null;
}

/** The daily reset comes as an epoch or as a duration, documented as neither; what makes no sense is held to 24 hours. */
function dailyReset(value: number | null, now: number): number | null {
  if (value === null) return null;
  const duration = value > 1e12 ? value - now : value;
  return Math.min(dayMs, Math.max(0, duration));
}

const unknownRate: RateLimit = {
  max: null,
  remaining: null,
  intervalMs: null,
  dailyLimit: null,
  dailyRemaining: null,
  dailyResetMs: null,
  retryAfterMs: null,
};

function rateOf(headers: Headers): RateLimit {
  const retryAfter = numberIn(headers, "retry-after");
  return {
    max: numberIn(headers, "x-ratelimit-max"),
    remaining: numberIn(headers, "x-ratelimit-remaining"),
    intervalMs: numberIn(headers, "x-ratelimit-interval-milliseconds"),
    dailyLimit: numberIn(headers, "x-ratelimit-limit-daily"),
    dailyRemaining: numberIn(headers, "x-ratelimit-daily-remaining"),
    dailyResetMs: dailyReset(numberIn(headers, "x-ratelimit-daily-reset"), Date.now()),
    retryAfterMs: retryAfter === null ? null : Math.min(dayMs, Math.max(0, retryAfter * 1000)),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The messages of any of GoHighLevel's error shapes; of a page that is no JSON, its beginning. */
function messagesOf(json: unknown, text: string): string[] {
  const shape = errorShapes.safeParse(json).data;
  if (shape === undefined) return text === "" ? [] : [text.slice(0, snippetLength)];
  if ("message" in shape) return [shape.message].flat();
  if (typeof shape.error !== "string") return [shape.error.message];
  return "error_description" in shape && shape.error_description !== undefined
    ? [shape.error, shape.error_description]
    : [shape.error];
}

function traceIdOf(json: unknown): string | null {
  return z.object({ traceId: z.string() }).safeParse(json).data?.traceId ?? null;
}

const failureSchema = z.object({ name: z.string().optional(), cause: z.unknown().optional() });

/** Why a request got no answer, without what was sent. */
function networkMessage(error: unknown): string {
  const { name, cause } = failureSchema.safeParse(error).data ?? {};
  if (name === "TimeoutError") return "no answer within the time limit";
  if (name === "AbortError") return "the worker was stopped before an answer came";
  const code = errorCode(cause) ?? errorCode(error);
  return code === undefined ? "the connection failed" : `the connection failed: ${code}`;
}

/**
 * The part of GoHighLevel's API that publishing needs, for one location. No call throws for what GoHighLevel or the network
 * does: every end of a call is an outcome of one of the classes of `decisions`. Nothing is repeated here.
 */
export function createClient(options: ClientOptions): Client {
  const { baseUrl, locationId, token, userAgent, timeoutMs, signal: stopped } = options;
  const patience = () => {
    const timeout = AbortSignal.timeout(timeoutMs);
    return stopped === undefined ? timeout : AbortSignal.any([timeout, stopped]);
  };
  const templates = `/emails/locations/${encodeURIComponent(locationId)}/templates`;
  const tags = `/locations/${encodeURIComponent(locationId)}/tags`;
  const customValues = `/locations/${encodeURIComponent(locationId)}/customValues`;

  async function send<N extends EndpointName>(name: N, path: string, body?: object): Promise<Outcome<AnswerOf<N>>> {
    const endpoint = endpoints[name];
    const started = performance.now();
    const unanswered = endpoint.isCreate ? "ambiguous" : "transient";
    const exchange = (status: number | null, rate: RateLimit, traceId: string | null): Exchange => ({
      endpoint: name,
      method: endpoint.method,
      path: path.replace(/\?.*/, ""),
      status,
      traceId,
      rate,
      ms: Math.round(performance.now() - started),
    });
    let response: Response;
    let text: string;
    try {
      response = await fetch(baseUrl + path, {
        method: endpoint.method,
        headers: {
          Authorization: `Bearer ${token}`,
          Version: endpoint.version,
          Accept: "application/json",
          "User-Agent": userAgent,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        redirect: "manual",
        signal: patience(),
      });
      text = await response.text();
    } catch (error) {
      return { class: unanswered, messages: [networkMessage(error)], ...exchange(null, unknownRate, null) };
    }
    const json = parseJson(text);
    const done = exchange(response.status, rateOf(response.headers), traceIdOf(json));
    if (!response.ok) {
      // What comes back may repeat what was sent.
      const messages = messagesOf(json, text).map((message) => message.replaceAll(token, "[token]"));
      const { dailyRemaining } = done.rate;
      const rejection = { status: response.status, messages, isJson: json !== undefined, dailyRemaining };
      return { class: classifyRejection(rejection, endpoint.isCreate), messages, ...done };
    }
    const answer = endpoint.answer.safeParse(json);
    if (!answer.success) return { class: unanswered, messages: ["the answer is not of the expected form"], ...done };
    return { class: "done", data: answer.data as AnswerOf<N>, ...done };
  }

  async function getContent(url: string): Promise<Outcome<string>> {
    const started = performance.now();
    const isSafe = URL.canParse(url) && (url.startsWith("https://") || new URL(url).origin === new URL(baseUrl).origin);
    const exchange = (status: number | null): Exchange => ({
      endpoint: "content",
      method: "GET",
      path: "content",
      status,
      traceId: null,
      rate: unknownRate,
      ms: Math.round(performance.now() - started),
    });
    if (!isSafe) return { class: "rejected", messages: ["the stored content has no https address"], ...exchange(null) };
    try {
      const response = await fetch(url, {
        headers: { "User-Agent": userAgent },
        signal: patience(),
      });
      const text = await response.text();
      if (response.ok) return { class: "done", data: text, ...exchange(response.status) };
      return {
        class: "transient",
        messages: ["the stored content could not be fetched"],
        ...exchange(response.status),
      };
    } catch (error) {
      return { class: "transient", messages: [networkMessage(error)], ...exchange(null) };
    }
  }

  return {
    getContent,
    listTemplates: ({ search, folderId, ...filter }) => {
      const query = new URLSearchParams({
        limit: String(listPageSize),
        offset: String(filter.offset),
        archived: String(filter.archived),
        include: filter.include,
        sortOrder: "asc",
        ...(search === undefined ? {} : { search }),
        ...(folderId === undefined ? {} : { folderId }),
      });
      return send("listTemplates", `${templates}?${query}`);
    },
    createFolder: (name) => send("createFolder", `${templates}/folders`, { name }),
    createTemplate: (fields, folderId) =>
      send("createTemplate", templates, folderId === null ? fields : { ...fields, parentFolderId: folderId }),
    getTemplate: (id) => send("getTemplate", `${templates}/${encodeURIComponent(id)}`),
    updateTemplate: (id, fields) => send("updateTemplate", `${templates}/${encodeURIComponent(id)}`, fields),
    archiveTemplate: (id) => send("updateTemplate", `${templates}/${encodeURIComponent(id)}`, { archived: true }),
    listCustomValues: () => send("listCustomValues", customValues),
    createCustomValue: (fields) => send("createCustomValue", customValues, fields),
    getCustomValue: (id) => send("getCustomValue", `${customValues}/${encodeURIComponent(id)}`),
    updateCustomValue: (id, fields) => send("updateCustomValue", `${customValues}/${encodeURIComponent(id)}`, fields),
    listTags: () => send("listTags", tags),
    createTag: (name) => send("createTag", tags, { name }),
    listForms: (skip) =>
      send(
        "listForms",
        `/forms/?${new URLSearchParams({ locationId, skip: String(skip), limit: String(formPageSize) })}`,
      ),
    // The slash at the end belongs to it.
    listWorkflows: () => send("listWorkflows", `/workflows/?${new URLSearchParams({ locationId })}`),
    listPipelines: () => send("listPipelines", `/opportunities/pipelines?${new URLSearchParams({ locationId })}`),
  };
}
