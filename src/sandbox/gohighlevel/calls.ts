import type { IncomingHttpHeaders } from "node:http";

/** One request as the stand-in sees it, its body read. */
export type Call = {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  rawBody: string;
};

/** The location that a call speaks of, wherever its endpoint carries it: path, query or body. */
export function locationOf(call: Call): string | null {
  const inPath = /^\/(?:emails\/)?locations\/([^/]+)/.exec(call.path)?.[1];
  if (inPath !== undefined) return decodeURIComponent(inPath);
  return call.query.get("locationId");
}
