import type { Answer } from "./answers.ts";
import type { Clock } from "./clock.ts";
import type { Store } from "./store.ts";
import type { Switches } from "./switches.ts";

/** What a handler is given beside the request: the store, the time, and how this call's fault bends what it does. */
export type Context = {
  store: Store;
  clock: Clock;
  switches: Switches;
  /** The stand-in's own address, for the URLs that it hands out. */
  url: string;
  params: Record<string, string>;
  query: URLSearchParams;
  body: unknown;
  traceId: string;
  /** Keep the object but lose what is in it, as GoHighLevel has been seen to do. */
  dropContent: boolean;
  /** Milliseconds for which lists do not show what this call makes. */
  listLagMs: number;
};

export type Operation = {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** A path with `:name` for its parameters. */
  path: string;
  /** The versions under which the gateway knows this path; under any other it answers 404. */
  versions: readonly string[];
  scope: string;
  handle(context: Context): Answer;
};

export type Route = { operation: Operation; params: Record<string, string> };

/** Finds the operation for a method, path and version; null where the gateway would say `Cannot GET …`. */
export function findRoute(
  operations: readonly Operation[],
  method: string,
  path: string,
  version: string,
): Route | null {
  for (const operation of operations) {
    if (operation.method !== method || !operation.versions.includes(version)) continue;
    const params = matchPath(operation.path, path);
    if (params !== null) return { operation, params };
  }
  return null;
}

function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? "";
    if (part.startsWith(":")) params[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return null;
  }
  return params;
}
