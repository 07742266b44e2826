import { createHash } from "node:crypto";
import type { QueryConfig } from "pg";

const names = new Map<string, string>();

/**
 * A statement that each connection parses and plans once, for the few that a machine repeats all day: planning one under the
 * policies can take longer than running it. Not for a pooler that hands out a server's connection for each transaction.
 */
export function prepared(text: string, values: unknown[]): QueryConfig {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash("sha256").update(text).digest("hex").slice(0, 32);
    names.set(text, name);
  }
  return { name, text, values };
}
