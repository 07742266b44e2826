import { type Call, locationOf } from "./calls.ts";
import type { Clock } from "./clock.ts";

export type JournalEntry = {
  seq: number;
  at: string;
  method: string;
  path: string;
  query: string;
  version: string | null;
  userAgent: string | null;
  /** Whether a token came along; the token itself is never kept. */
  authorized: boolean;
  locationId: string | null;
  /** Milliseconds since 1970 by the stand-in's clock, for counting calls in a window. */
  arrivedAt: number;
  body: string;
  fault: string | null;
  /** Null while the call hangs, or where its socket was cut. */
  status: number | null;
  /** Whether the account changed. */
  committed: boolean;
  traceId: string;
};

const kept = 2_000;
const bodyLimit = 20_000;

export type Journal = {
  open(call: Call, traceId: string, fault: string | null): JournalEntry;
  entries(): JournalEntry[];
  clear(): void;
};

/** The last two thousand requests, without their secrets. */
export function createJournal(clock: Clock): Journal {
  let entries: JournalEntry[] = [];
  let seq = 0;
  return {
    open(call, traceId, fault) {
      seq += 1;
      const arrivedAt = clock.now();
      const entry: JournalEntry = {
        seq,
        at: new Date(arrivedAt).toISOString(),
        arrivedAt,
        method: call.method,
        path: call.path,
        query: call.query.toString(),
        version: call.headers.version?.toString() ?? null,
        userAgent: call.headers["user-agent"] ?? null,
        authorized: call.headers.authorization !== undefined,
        locationId: locationOf(call),
        // What is sent for a token is a secret itself.
        body: call.path.startsWith("/oauth/") ? "" : call.rawBody.slice(0, bodyLimit),
        fault,
        status: null,
        committed: false,
        traceId,
      };
      entries.push(entry);
      if (entries.length > kept) entries = entries.slice(-kept);
      return entry;
    },
    entries: () => entries,
    clear() {
      entries = [];
      seq = 0;
    },
  };
}
