import type { IncomingHttpHeaders } from "node:http";
import { z } from "zod";

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
  const inPath = /^\/(?:(?:emails\/)?locations|emails\/builder(?=\/[^/]+\/[^/]+$))\/([^/]+)/.exec(call.path)?.[1];
  if (inPath !== undefined) return decodeURIComponent(inPath);
  return call.query.get("locationId") ?? (call.path.startsWith("/emails/builder") ? inBody(call.rawBody) : null);
}

const bodyWithLocation = z.object({ locationId: z.string() });

function inBody(rawBody: string): string | null {
  try {
    return bodyWithLocation.safeParse(JSON.parse(rawBody)).data?.locationId ?? null;
  } catch {
    // What cannot be read names no location; the check of the body says so to the caller.
    return null;
  }
}
