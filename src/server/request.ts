import { AsyncLocalStorage } from "node:async_hooks";
import type { Identity } from "../database/with_identity.ts";
import type { Tally } from "./metrics.ts";

/** Who asks, signed in or not; the worker never comes through the API. */
export type Caller = Exclude<Identity, { kind: "worker" }>;

/** The change that a request makes under a key. */
export interface KeyedChange {
  key: string;
  /** SHA-256 of document, operation's name and variables. */
  requestHash: Buffer;
  /** Whether the change was made, now or before: then its answer may be kept. */
  isMade: boolean;
}

/** What is known of the request that is being answered. */
export interface CurrentRequest {
  /** The x-request-id, taken from the caller where it is a sensible one. */
  id: string;
  caller: Caller;
  ipAddress: string | undefined;
  userAgent: string | undefined;
  /** Whether the caller may choose a password, and nothing else. */
  isNewcomer?: boolean;
  /** The change that is made under an idempotency key. */
  change?: KeyedChange;
  /** How the request is counted; a socket's are not. */
  tally?: Tally;
}

const storage = new AsyncLocalStorage<CurrentRequest>();

/** Runs `answer` so that whatever it calls finds the request by `currentRequest`. */
export function withRequest<T>(request: CurrentRequest, answer: () => T): T {
  return storage.run(request, answer);
}

/** The request that is being answered, undefined outside of one. */
export function currentRequest(): CurrentRequest | undefined {
  return storage.getStore();
}
