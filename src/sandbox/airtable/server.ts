import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import { type Answer, json, Refusal, refuse, refuseModel, unknownAddress } from "./answers.ts";
import { type Base, type Record_, readBase, type Table } from "./base.ts";
import { type Fault, type Faults, faultSchema, makeFaults } from "./faults.ts";
import { type Limits, makeLimiter, usualLimits } from "./limits.ts";
import { checkList, type Iterator, listSchema, readQuery, renderPage, renderRecord, selectRecords } from "./list.ts";
import { createRecords, deleteRecords, updateRecords, type WriteContext, type Written } from "./writes.ts";

/*
 * A stand-in for Airtable, as far as a client can tell them apart: signing in, limits and penalties, lists with everything that they can be
 * asked for, expiring iterators and attachments, metadata, writes, and whatever goes wrong. It holds a base in memory, read from a snapshot.
 * Formulas, rollups and lookups keep the values that the snapshot has; counts, numbers and times follow what is written. Comments and
 * webhooks are not there.
 */

export interface AirtableSandboxOptions {
  /** A snapshot folder: schema.json and records/. */
  folder: string;
  /** A token that may do everything. */
  apiKey: string;
  /** Further tokens, with what they may do. */
  tokens?: { token: string; scopes: Scope[] }[];
  /** 0 takes any free port. */
  port?: number;
  /** The stand-in's time in milliseconds; a test moves it. */
  now?: () => number;
  /** How long an iterator lives without being asked. Airtable does not tell. */
  offsetLifetimeMs?: number;
  /** How long an attachment's address is good. */
  attachmentLifetimeMs?: number;
  limits?: Partial<Limits>;
}

export type Scope = "data.records:read" | "data.records:write" | "schema.bases:read";

export interface AirtableSandbox {
  /** `http://127.0.0.1:<port>` */
  url: string;
  baseId: string;
  /** Every request that came: when, by the stand-in's clock, what, and what was answered; 0 where nothing was. */
  requests: { at: number; method: string; path: string; status: number }[];
  faults: Faults;
  /** What it holds, to be changed by a test. */
  base: Base;
  /** Forgets every iterator, as a restart of Airtable's servers does. */
  restart(): void;
  /** Moves the stand-in's time on. */
  advance(milliseconds: number): void;
  close(): Promise<void>;
}

interface Call {
  method: string;
  path: string[];
  query: URLSearchParams;
  body: unknown;
  at: number;
  url: string;
}

const scopes: Scope[] = ["data.records:read", "data.records:write", "schema.bases:read"];
const maxUrlLength = 16_000;
const maxBodyBytes = 1_000_000;
const basesPerPage = 1_000;
const page = "<!doctype html><title>Airtable</title><p>Something went wrong.</p>";

/** Starts the stand-in, serving the base that a snapshot holds. */
export async function startAirtableSandbox(options: AirtableSandboxOptions): Promise<AirtableSandbox> {
  let advanced = 0;
  const now = () => (options.now ?? Date.now)() + advanced;
  const offsetLifetimeMs = options.offsetLifetimeMs ?? 10 * 60_000;
  const attachmentLifetimeMs = options.attachmentLifetimeMs ?? 2 * 3_600_000;
  const base = await readBase(options.folder);
  const faults = makeFaults();
  const limits = { ...usualLimits, ...options.limits };
  const limiter = makeLimiter(limits);
  const tokens = new Map([
    [options.apiKey, scopes],
    ...(options.tokens ?? []).map((each) => [each.token, each.scopes] as const),
  ]);
  const requests: AirtableSandbox["requests"] = [];
  const iterators = new Map<string, Iterator>();
  let iteratorCount = 0;
  let url = "";

  /** Who asks; the fault that the request meets comes after that, and after the limits. */
  function checkToken(request: IncomingMessage): { token: string; scopes: readonly Scope[] } {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined) refuse(401, "AUTHENTICATION_REQUIRED", "Authentication required");
    const known = tokens.get(token);
    if (known === undefined || faults.isTokenRevoked) refuse(401, "UNAUTHORIZED", "Invalid authentication token");
    return { token, scopes: known };
  }

  function checkLimits(call: Call, token: string): void {
    const isMeta = call.path[1] === "meta";
    const baseId = (isMeta ? call.path[3] : call.path[1]) ?? null;
    if (!isMeta || limits.isMetaCounted) {
      if (limiter.isTooFast(baseId, token, call.at)) {
        refuse(429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later");
      }
    }
    if (faults.isQuotaUsedUp && !isMeta) refuseQuota();
  }

  function answer(call: Call, granted: readonly Scope[]): Answer {
    const [, first, second, third] = call.path;
    if (first === "meta") return answerMeta(call, granted);
    const isRead = call.method === "GET" || third === "listRecords";
    requireScope(granted, isRead ? "data.records:read" : "data.records:write");
    const table = base.tables.find(({ id, schema }) => id === second || schema.name === second);
    if (first !== base.id || table === undefined) return refuseModel();
    const context: WriteContext = { base, table, now };
    switch (call.method) {
      case "GET":
        return third === undefined ? listRecords(table, readQuery(call.query)) : findRecord(table, third, call.query);
      case "POST":
        if (third === "listRecords") {
          return listRecords(table, { ...(call.body as object), ...readQuery(call.query) });
        }
        return third === undefined ? written(createRecords(context, call.body), table) : unknownAddress;
      case "PATCH":
      case "PUT":
        return written(updateRecords(context, call.body, third, call.method === "PUT"), table);
      case "DELETE": {
        const ids = third === undefined ? ((readQuery(call.query).records as string[] | undefined) ?? []) : [third];
        deleteRecords(context, ids, third !== undefined);
        const deleted = ids.map((id) => ({ id, deleted: true }));
        return json(third === undefined ? { records: deleted } : deleted[0]);
      }
      default:
        return unknownAddress;
    }
  }

  function answerMeta({ method, path, query }: Call, granted: readonly Scope[]): Answer {
    if (method !== "GET") return unknownAddress;
    if (path[2] === "whoami") return json({ id: "usrStandIn0000000", scopes: granted });
    if (path[2] !== "bases") return unknownAddress;
    requireScope(granted, "schema.bases:read");
    if (path[3] === undefined) {
      const start = Number(query.get("offset") ?? 0);
      const bases = [{ id: base.id, name: "Stand-in", permissionLevel: "create" }].slice(start, start + basesPerPage);
      return json({ bases });
    }
    if (path[4] !== "tables") return unknownAddress;
    if (path[3] !== base.id) return refuseModel();
    const include = (readQuery(query).include as string[] | undefined) ?? [];
    return json({ tables: base.tables.map(({ schema }) => renderTable(schema, include.includes("visibleFieldIds"))) });
  }

  function findRecord(table: Table, id: string, query: URLSearchParams): Answer {
    const request = checkList(table, readQuery(query));
    // An id of another table of the base is found all the same.
    const home = table.records.has(id) ? table : base.tables.find(({ records }) => records.has(id));
    const text = home && renderRecord(base, home, id, { ...request, fields: undefined }, finisher(home));
    return text === undefined ? refuse(404, "NOT_FOUND") : { status: 200, body: text };
  }

  function listRecords(table: Table, input: unknown): Answer {
    const request = checkList(table, input);
    const { iteratorId, iterator, start } = findIterator(table, request);
    iterator.touchedAt = now();
    faults.onPage?.({ table: table.schema.name, page: Math.floor(start / request.pageSize) + 1 });
    return renderPage(base, table, { iteratorId, iterator, start }, request, finisher(table));
  }

  function findIterator(table: Table, request: ReturnType<typeof checkList>) {
    if (request.offset === undefined) {
      iteratorCount += 1;
      const iteratorId = `itr${String(iteratorCount).padStart(14, "0")}`;
      const iterator = { recordIds: selectRecords(base, table, request), tableId: table.id, touchedAt: now() };
      iterators.set(iteratorId, iterator);
      return { iteratorId, iterator, start: 0 };
    }
    const [, iteratorId, recordId] = /^(itr\w{14})\/(rec\w+)$/.exec(request.offset) ?? [];
    if (iteratorId === undefined || recordId === undefined) {
      return refuse(422, "INVALID_OFFSET_VALUE", `The value of offset ${request.offset} is invalid`);
    }
    const iterator = iterators.get(iteratorId);
    const isGone = iterator === undefined || now() - iterator.touchedAt > offsetLifetimeMs || faults.takeExpiry();
    if (isGone || iterator.tableId !== table.id) {
      if (faults.hasBareIteratorError) throw new BareRefusal("LIST_RECORDS_ITERATOR_NOT_AVAILABLE");
      return refuse(422, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE");
    }
    return { iteratorId, iterator, start: iterator.recordIds.indexOf(recordId) };
  }

  /** Gives attachments whose bytes are here an address that is good for two hours. */
  function finisher(table: Table): ((record: Record_) => Record_) | null {
    const fields = table.schema.fields.filter(({ type }) => type === "multipleAttachments");
    if (fields.length === 0 || base.attachments.size === 0) return null;
    return (record) => {
      for (const { name } of fields) {
        const attachments = record.fields[name] as Record<string, unknown>[] | undefined;
        if (attachments === undefined) continue;
        record.fields[name] = attachments.map((attachment) =>
          base.attachments.has(String(attachment.id))
            ? { ...attachment, url: `${url}/v0/attachments/${attachment.id}?expires=${now() + attachmentLifetimeMs}` }
            : attachment,
        );
      }
      return record;
    };
  }

  function serveAttachment({ path, query, at }: Call): Answer {
    const bytes = base.attachments.get(path[2] ?? "");
    if (bytes === undefined) return unknownAddress;
    if (at > Number(query.get("expires")) || faults.takeAttachmentExpiry()) {
      return { status: faults.expiredAttachmentStatus, body: page, headers: { "content-type": "text/html" } };
    }
    return { status: 200, body: bytes, headers: { "content-type": "application/octet-stream" } };
  }

  function written({ records, isSingle, returnFieldsByFieldId, ...upserted }: Written, table: Table): Answer {
    const request = listSchema.parse({ returnFieldsByFieldId });
    const texts = records.map(({ id }) => renderRecord(base, table, id, request, finisher(table)));
    if (isSingle) return { status: 200, body: texts[0] ?? "{}" };
    return {
      status: 200,
      body: `{"records":[${texts.join(",")}],${JSON.stringify(upserted).slice(1)}`.replace(/,}$/, "}"),
    };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const whole = request.url ?? "/";
    const address = new URL(whole, "http://sandbox");
    const entry = { at: now(), method: request.method ?? "GET", path: whole, status: 0 };
    const send = (reply: Answer) => {
      entry.status = reply.status;
      sendAnswer(request, response, reply);
    };
    if (address.pathname.startsWith("/__fake/")) {
      return sendAnswer(request, response, administer(entry.method, address.pathname, await readJson(request)));
    }
    requests.push(entry);
    try {
      const path = address.pathname.replace(/\/$/, "").split("/").slice(1).map(decodeURIComponent);
      const call: Call = { method: entry.method, path, query: address.searchParams, body: null, at: entry.at, url };
      if (path[0] === "v0" && path[1] === "attachments") return send(serveAttachment(call));
      const { token, scopes: granted } = checkToken(request);
      if (path[0] !== "v0") return send(unknownAddress);
      if (whole.length > maxUrlLength) refuse(414, "REQUEST_URI_TOO_LONG", "The request's address is too long");
      checkLimits(call, token);
      const fault = faults.take();
      if (fault === "rate") limiter.punish(path[1] === "meta" ? (path[3] ?? "") : (path[1] ?? ""), call.at);
      const refused = faultAnswer(fault);
      if (refused !== null) return send(refused);
      if (fault === "reset") return void request.socket.destroy();
      if (fault === "stall") return;
      call.body = await readJson(request);
      const reply = answer(call, granted);
      if (fault === "none") return send(reply);
      entry.status = reply.status;
      spoil(fault, reply, request, response);
    } catch (error) {
      if (error instanceof BareRefusal) return send({ status: 422, body: JSON.stringify({ error: error.message }) });
      if (!(error instanceof Refusal)) throw error;
      send(error.answer);
    }
  }

  /** What tests and curious people do to the stand-in itself; Airtable has nothing like it. */
  function administer(method: string, path: string, body: unknown): Answer {
    switch (`${method} ${path}`) {
      case "GET /__fake/requests":
        return json(requests);
      case "POST /__fake/faults":
        faults.order(...z.array(faultSchema).parse(body));
        return json({});
      case "POST /__fake/clock":
        advanced += z.object({ advanceMs: z.number().min(0) }).parse(body).advanceMs;
        return json({ now: new Date(now()).toISOString() });
      default:
        return unknownAddress;
    }
  }

  const server = createServer({ maxHeaderSize: 64 * 1024 }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else
        sendAnswer(request, response, {
          status: 500,
          body: JSON.stringify({ error: { type: "SERVER_ERROR", message: String(error) } }),
        });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    baseId: base.id,
    requests,
    faults,
    base,
    restart: () => iterators.clear(),
    advance: (milliseconds) => {
      advanced += milliseconds;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Some refusals are a bare string. */
class BareRefusal extends Error {}

function requireScope(granted: readonly Scope[], scope: Scope): void {
  if (granted.includes(scope)) return;
  refuse(403, "INVALID_PERMISSIONS", "You are not permitted to perform this operation");
}

function refuseQuota(): never {
  return refuse(
    429,
    "PUBLIC_API_BILLING_LIMIT_EXCEEDED",
    "Your team has exceeded the maximum number of requests allowed for this month",
  );
}

/** A table as the metadata gives it; which records a view shows is not in it. */
function renderTable(schema: Table["schema"], hasVisibleFields: boolean): object {
  return {
    ...schema,
    views: (schema.views ?? []).map(({ filterByFormula: _filter, sort: _sort, ...view }) =>
      hasVisibleFields ? { visibleFieldIds: schema.fields.map(({ id }) => id), ...view } : view,
    ),
  };
}

/** The faults that are answers of their own. */
function faultAnswer(fault: Fault): Answer | null {
  const html = { "content-type": "text/html" };
  const unavailable = { error: { type: "RETRIABLE_ERROR", message: "The service is temporarily unavailable" } };
  switch (fault) {
    case "rate":
      return new Refusal(429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later").answer;
    case "quota":
      return new Refusal(429, "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "You have exceeded the API billing limit").answer;
    case "html":
      return { status: 200, body: page, headers: html };
    case "bad-gateway":
      return { status: 502, body: page, headers: html };
    case "server-error":
      return { status: 500, body: '{"error":{"type":"SERVER_ERROR"}}' };
    case "unavailable":
      return { status: 503, body: JSON.stringify(unavailable) };
    case "unavailable-for-a-second":
      return { status: 503, body: JSON.stringify(unavailable), headers: { "retry-after": "1" } };
    default:
      return null;
  }
}

/** The faults of a good answer on its way. */
function spoil(fault: Fault, reply: Answer, request: IncomingMessage, response: ServerResponse): void {
  const body = Buffer.from(reply.body);
  const half = Math.floor(body.length / 2);
  if (fault === "gzip-cut") {
    const packed = gzipSync(body);
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    response.end(packed.subarray(0, Math.floor(packed.length / 2)));
  } else if (fault === "reset-within") {
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.write(body.subarray(0, half), () => request.socket.destroy());
  } else {
    const spoilt = fault === "truncated" ? body.subarray(0, half) : repeatFirst(body.toString("utf8"));
    sendAnswer(request, response, { ...reply, body: spoilt });
  }
}

/** A page that brings its first record twice. */
function repeatFirst(text: string): string {
  const { records, ...rest } = JSON.parse(text) as { records?: unknown[] };
  return records === undefined ? text : JSON.stringify({ records: [records[0], ...records], ...rest });
}

function sendAnswer(request: IncomingMessage, response: ServerResponse, { status, body, headers }: Answer): void {
  const bytes = Buffer.from(body);
  const isPacked = bytes.length > 1_024 && /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    ...(isPacked ? { "content-encoding": "gzip" } : {}),
    ...headers,
  });
  response.end(isPacked ? gzipSync(bytes, { level: 1 }) : bytes);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBodyBytes) chunks.push(chunk);
  }
  if (size > maxBodyBytes) refuse(413, "REQUEST_TOO_LARGE", "Request body is too large");
  if (size === 0) return {};
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return refuse(400, "INVALID_REQUEST_BODY", "Could not parse request body");
  }
}
