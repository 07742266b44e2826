import { setTimeout as sleep } from "node:timers/promises";
import type { Client, Outcome, RateLimit } from "./client.ts";

/** The share of a window that publishing leaves to the account's other programs. */
const reserve = 0.2;

const usualIntervalMs = 10_000;

/** How long a location's next call has to wait after an answer with these headers; 0 for no wait. */
export function waitAfter(rate: RateLimit, isRefused: boolean): number {
  const interval = rate.retryAfterMs ?? rate.intervalMs ?? usualIntervalMs;
  if (isRefused) return interval;
  if (rate.max === null || rate.remaining === null) return 0;
  return rate.remaining <= rate.max * reserve ? interval : 0;
}

export type PacedClient = { client: Client; callCount(): number };

/**
 * The same client, holding each call back until the location's window has room: what the rate headers of one answer say
 * decides when the next call may go.
 */
export function pace(client: Client, signal: AbortSignal): PacedClient {
  let readyAt = 0;
  let calls = 0;

  async function paced<T>(call: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const wait = readyAt - Date.now();
    if (wait > 0) await sleep(wait, undefined, { signal });
    calls += 1;
    const outcome = await call();
    const pause = waitAfter(outcome.rate, outcome.class === "rate_burst");
    if (pause > 0) readyAt = Date.now() + pause;
    return outcome;
  }

  return {
    callCount: () => calls,
    client: {
      listTemplates: (filter) => paced(() => client.listTemplates(filter)),
      createFolder: (name) => paced(() => client.createFolder(name)),
      createTemplate: (fields, folderId) => paced(() => client.createTemplate(fields, folderId)),
      getTemplate: (id) => paced(() => client.getTemplate(id)),
      updateTemplate: (id, fields) => paced(() => client.updateTemplate(id, fields)),
      archiveTemplate: (id) => paced(() => client.archiveTemplate(id)),
      // Content comes from a storage host, which is not counted.
      getContent: (url) => client.getContent(url),
      listCustomValues: () => paced(() => client.listCustomValues()),
      createCustomValue: (fields) => paced(() => client.createCustomValue(fields)),
      getCustomValue: (id) => paced(() => client.getCustomValue(id)),
      updateCustomValue: (id, fields) => paced(() => client.updateCustomValue(id, fields)),
    },
  };
}
