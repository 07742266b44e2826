/** A tenant that is suspended loses its open sockets at once; what comes through another way is refused by the next statement. */
import type pg from "pg";
import type { Logger } from "pino";
import type { ErrorCatalog } from "./errors.ts";
import { authorizeSession, explainRefusal, type Refusal } from "./identity.ts";
import type { Listener } from "./listening.ts";
import type { Caller } from "./request.ts";

/** What this needs of a WebSocket. */
export interface ClosableSocket {
  close(code: number, reason: string): void;
  once(event: "close", listener: () => void): unknown;
}

type User = Extract<Caller, { kind: "user" }>;

/** `4403: Forbidden`, as graphql-ws has it. */
const FORBIDDEN = 4403;

/** The longest reason that a close frame carries, in bytes. */
const MAX_REASON_BYTES = 123;

export interface Suspensions {
  /** Closes a socket when the tenant of whoever speaks on it is suspended. Asked again for every operation, it watches each socket once. */
  watch(socket: ClosableSocket, caller: Caller): Promise<void>;
}

/**
 * @param listener hears the database
 * @param pool connections as the authenticator
 * @param errors where LF048 (tenant_suspended) is worded
 */
export function watchSuspensions(listener: Listener, pool: pg.Pool, errors: ErrorCatalog, log: Logger): Suspensions {
  const watched = new WeakMap<ClosableSocket, Set<string>>();

  async function watch(socket: ClosableSocket, caller: User): Promise<void> {
    let isClosed = false;
    let events: AsyncIterableIterator<string> | undefined;
    socket.once("close", () => {
      isClosed = true;
      void events?.return?.();
    });
    events = await listener.subscribe(`tenant:${caller.tenantId}`, "watched");
    if (isClosed) void events.return?.();
    // It may have happened before anybody listened.
    const refused = await refusalOf(caller);
    if (refused) throw errors.safe(refused.refusal, ...refused.particulars);
    closeWhenSuspended(events, socket, caller)
      .catch((error: Error) => log.warn({ err: error }, "a socket is no longer told of suspensions"))
      // Closed already, or unheard from here on: whoever connects again is watched again.
      .finally(() => socket.close(FORBIDDEN, "Connect again."));
  }

  async function closeWhenSuspended(
    events: AsyncIterable<string>,
    socket: ClosableSocket,
    caller: User,
  ): Promise<void> {
    for await (const event of events) {
      // Anybody with a login may notify: a notification is a reason to look, and nothing more.
      const refused = event === "suspended" ? await refusalOf(caller) : null;
      if (refused === null) continue;
      const { message } = errors.word(refused.refusal, ...refused.particulars);
      socket.close(FORBIDDEN, shorten(message));
      return;
    }
  }

  async function refusalOf(caller: User): Promise<Refusal | null> {
    return (await authorizeSession(pool, caller)) === null ? await explainRefusal(pool, caller) : null;
  }

  return {
    async watch(socket, caller) {
      if (caller.kind !== "user") return;
      const tenants = watched.get(socket) ?? new Set();
      if (tenants.has(caller.tenantId)) return;
      watched.set(socket, tenants.add(caller.tenantId));
      try {
        await watch(socket, caller);
      } catch (error) {
        tenants.delete(caller.tenantId);
        throw error;
      }
    },
  };
}

function shorten(text: string): string {
  let short = text;
  while (Buffer.byteLength(short) > MAX_REASON_BYTES) short = short.slice(0, -1);
  return short;
}
