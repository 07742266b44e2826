import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Base, readBase } from "./base.ts";
import { type Faults, makeFaults } from "./faults.ts";

/** Stand-in for Airtable's reading side, as far as an importer can tell them apart: pages, limits, penalties, expiring offsets. */

export interface AirtableSandboxOptions {
  /** A snapshot folder: schema.json and records/. */
  folder: string;
  /** The one token that is accepted. */
  apiKey: string;
  /** 0 takes any free port. */
  port?: number;
  /** The stand-in's time in milliseconds; a test moves it. */
  now?: () => number;
  /** How long an offset lives. Airtable says "minutes". */
  offsetLifetimeMs?: number;
}

export interface AirtableSandbox {
  /** `http://127.0.0.1:<port>` */
  url: string;
  baseId: string;
  /** Every request that came: when, by the stand-in's clock, what, and what was answered. */
  requests: { at: number; path: string; status: number }[];
  faults: Faults;
  /** What it holds, to be changed by a test. */
  base: Base;
  close(): Promise<void>;
}

/** Status 0: the connection is cut without an answer. */
interface Answer {
  status: number;
  body: string;
}

interface Iterator {
  recordIds: string[];
  tableId: string;
  touchedAt: number;
}

const requestsPerSecond = 5;
const penaltyMs = 30_000;

/** Starts the stand-in, serving the base that a snapshot holds. */
export async function startAirtableSandbox(options: AirtableSandboxOptions): Promise<AirtableSandbox> {
  const now = options.now ?? Date.now;
  const offsetLifetimeMs = options.offsetLifetimeMs ?? 10 * 60_000;
  const base = await readBase(options.folder);
  const faults = makeFaults();
  const requests: AirtableSandbox["requests"] = [];
  const iterators = new Map<string, Iterator>();
  const recent: number[] = [];
  let punishedUntil = 0;

  const isTooFast = (at: number): boolean => {
    if (at < punishedUntil) return true;
    while (recent.length > 0 && (recent[0] as number) <= at - 1_000) recent.shift();
    recent.push(at);
    if (recent.length <= requestsPerSecond) return false;
    punishedUntil = at + penaltyMs;
    recent.length = 0;
    return true;
  };

  const answer = (path: string[], query: URLSearchParams, authorization: string | undefined, at: number): Answer => {
    const token = /^Bearer (.+)$/.exec(authorization ?? "")?.[1];
    if (token === undefined) return refusal(401, "AUTHENTICATION_REQUIRED", "Authentication required");
    if (token !== options.apiKey || faults.isTokenRevoked) {
      return refusal(401, "UNAUTHORIZED", "Invalid authentication token");
    }
    if (path[0] !== "v0") return { status: 404, body: '{"error":"NOT_FOUND"}' };
    if (isTooFast(at)) return refusal(429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later");
    switch (faults.take()) {
      case "reset":
        return { status: 0, body: "" };
      case "unavailable":
        return refusal(503, "RETRIABLE_ERROR", "The service is temporarily unavailable");
      case "quota":
        return refusal(429, "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "You have exceeded the API billing limit");
      case "html":
        return { status: 200, body: "<!doctype html><title>Airtable</title>" };
      case "truncated": {
        const whole = read(path, query);
        return { ...whole, body: whole.body.slice(0, whole.body.length / 2) };
      }
      default:
        return read(path, query);
    }
  };

  const read = (path: string[], query: URLSearchParams): Answer => {
    if (path[1] === "meta" && path[2] === "bases" && path[4] === "tables") {
      if (path[3] !== base.id) return unknownModel;
      return { status: 200, body: JSON.stringify({ tables: base.tables.map(({ schema }) => schema) }) };
    }
    const table = base.tables.find(({ id, name }) => id === path[2] || name === path[2]);
    if (path[1] !== base.id || table === undefined) return unknownModel;
    if (path[3] === undefined) return listRecords(table, query);
    const record = table.records.get(path[3]);
    return record === undefined ? refusal(404, "NOT_FOUND") : { status: 200, body: record };
  };

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? "/", "http://sandbox");
    const at = now();
    const path = url.pathname.split("/").slice(1).map(decodeURIComponent);
    const { status, body } = answer(path, url.searchParams, request.headers.authorization, at);
    requests.push({ at, path: `${url.pathname}${url.search}`, status });
    if (status === 0) {
      request.socket.destroy();
      return;
    }
    response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
    response.end(body);
  };

  const listRecords = (table: Base["tables"][number], query: URLSearchParams): Answer => {
    const pageSize = Number(query.get("pageSize") ?? "100");
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 100) {
      return refusal(422, "INVALID_REQUEST_UNKNOWN", "Invalid request: parameter validation failed.");
    }
    const offset = query.get("offset");
    let iteratorId: string;
    let start = 0;
    if (offset === null) {
      iteratorId = `itr${String(iterators.size + 1).padStart(14, "0")}`;
      iterators.set(iteratorId, { recordIds: [...table.records.keys()], tableId: table.id, touchedAt: now() });
    } else {
      const parts = /^(itr\w{14})\/(rec\w+)$/.exec(offset);
      if (parts === null) return refusal(422, "INVALID_OFFSET_VALUE", `The value of offset ${offset} is invalid`);
      iteratorId = parts[1] as string;
      const known = iterators.get(iteratorId);
      if (
        known === undefined ||
        known.tableId !== table.id ||
        now() - known.touchedAt > offsetLifetimeMs ||
        faults.takeExpiry()
      ) {
        return refusal(422, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE");
      }
      start = known.recordIds.indexOf(parts[2] as string);
    }
    const iterator = iterators.get(iteratorId) as Iterator;
    iterator.touchedAt = now();
    const ids = iterator.recordIds.slice(start, start + pageSize);
    const records = ids.map((id) => table.records.get(id)).filter((record) => record !== undefined);
    const nextId = iterator.recordIds[start + pageSize];
    const next = nextId === undefined ? "" : `,"offset":${JSON.stringify(`${iteratorId}/${nextId}`)}`;
    return { status: 200, body: `{"records":[${records.join(",")}]${next}}` };
  };

  const server = createServer(handle);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    baseId: base.id,
    requests,
    faults,
    base,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function refusal(status: number, type: string, message?: string): Answer {
  return { status, body: JSON.stringify({ error: { type, message } }) };
}

const unknownModel = refusal(
  403,
  "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
  "Invalid permissions, or the requested model was not found. Check that both your user and your token have the required permissions, and that the model names and/or ids are correct.",
);
