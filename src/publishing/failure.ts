import type { Failure } from "./client.ts";
import { endpoints } from "./endpoints.ts";
import { decisions, isMissingScope } from "./outcomes.ts";

/** What GoHighLevel said to a call, and what to do about it, for people. */
export function describeFailure(failure: Failure): string {
  const said = failure.messages.join("; ").trim().replace(/\.$/, "");
  const answer = failure.status === null ? "" : ` (${failure.status})`;
  const lacks = isMissingScope(said) ? scopeOf(failure) : "";
  return `GoHighLevel${answer}: ${said === "" ? "no message" : said}. ${lacks}${decisions[failure.class].wayOut}`;
}

/** GoHighLevel does not say which scope it misses. */
function scopeOf({ endpoint }: Failure): string {
  return endpoint === "content" ? "" : `It needs the scope ${endpoints[endpoint].scope}. `;
}
