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
  close(): Promise<void>;
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

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? "/", "http://sandbox");
    const at = now();
    const answer = (status: number, body: unknown): void => {
      requests.push({ at, path: `${url.pathname}${url.search}`, status });
      response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    };
    const refuse = (status: number, type: string, message?: string): void =>
      answer(status, { error: { type, message } });

    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined) return refuse(401, "AUTHENTICATION_REQUIRED", "Authentication required");
    if (token !== options.apiKey || faults.isTokenRevoked)
      return refuse(401, "UNAUTHORIZED", "Invalid authentication token");

    const path = url.pathname.split("/").slice(1).map(decodeURIComponent);
    if (path[0] !== "v0") return answer(404, { error: "NOT_FOUND" });
    if (isTooFast(at)) {
      return refuse(429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later");
    }
    const fault = faults.take();
    if (fault === "reset") {
      requests.push({ at, path: `${url.pathname}${url.search}`, status: 0 });
      request.socket.destroy();
      return;
    }
    if (fault === "unavailable") return refuse(503, "RETRIABLE_ERROR", "The service is temporarily unavailable");
    if (fault === "quota")
      return refuse(429, "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "You have exceeded the API billing limit");
    if (fault === "html") return answer(200, "<!doctype html><title>Airtable</title>");
    const send =
      fault === "truncated"
        ? (body: string) => answer(200, body.slice(0, body.length / 2))
        : (body: string) => answer(200, body);

    if (path[1] === "meta" && path[2] === "bases" && path[4] === "tables") {
      if (path[3] !== base.id) return refuseModel(refuse);
      return send(JSON.stringify({ tables: base.tables.map(({ schema }) => schema) }));
    }
    const table = base.tables.find(({ id, name }) => id === path[2] || name === path[2]);
    if (path[1] !== base.id || table === undefined) return refuseModel(refuse);
    if (path[3] !== undefined) {
      const record = table.records.get(path[3]);
      return record === undefined ? refuse(404, "NOT_FOUND") : send(record);
    }
    const page = listRecords(table, url.searchParams);
    if (typeof page === "string") return send(page);
    return refuse(422, page.type, page.message);
  };

  const listRecords = (
    table: Base["tables"][number],
    query: URLSearchParams,
  ): string | { type: string; message?: string } => {
    const pageSize = Number(query.get("pageSize") ?? "100");
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 100) {
      return { type: "INVALID_REQUEST_UNKNOWN", message: "Invalid request: parameter validation failed." };
    }
    const offset = query.get("offset");
    let iteratorId: string;
    let start = 0;
    if (offset === null) {
      iteratorId = `itr${String(iterators.size + 1).padStart(14, "0")}`;
      iterators.set(iteratorId, { recordIds: [...table.records.keys()], tableId: table.id, touchedAt: now() });
    } else {
      const parts = /^(itr\w{14})\/(rec\w+)$/.exec(offset);
      if (parts === null) return { type: "INVALID_OFFSET_VALUE", message: `The value of offset ${offset} is invalid` };
      iteratorId = parts[1] as string;
      const known = iterators.get(iteratorId);
      if (
        known === undefined ||
        known.tableId !== table.id ||
        now() - known.touchedAt > offsetLifetimeMs ||
        faults.takeExpiry()
      ) {
        return { type: "LIST_RECORDS_ITERATOR_NOT_AVAILABLE" };
      }
      start = known.recordIds.indexOf(parts[2] as string);
    }
    const iterator = iterators.get(iteratorId) as Iterator;
    iterator.touchedAt = now();
    const ids = iterator.recordIds.slice(start, start + pageSize);
    const records = ids.map((id) => table.records.get(id)).filter((record) => record !== undefined);
    const nextId = iterator.recordIds[start + pageSize];
    const next = nextId === undefined ? "" : `,"offset":${JSON.stringify(`${iteratorId}/${nextId}`)}`;
    return `{"records":[${records.join(",")}]${next}}`;
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
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function refuseModel(refuse: (status: number, type: string, message?: string) => void): void {
  refuse(
    403,
    "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
    "Invalid permissions, or the requested model was not found. Check that both your user and your token have the required permissions, and that the model names and/or ids are correct.",
  );
}
