/** How often somebody may ask: counted in the database, so that it holds however many processes answer. */
import { isIPv6 } from "node:net";
import type pg from "pg";
import type { RateLimits } from "../config.ts";
import { retryTransaction } from "../database/retry.ts";
import type { ErrorCatalog, WordedError } from "./errors.ts";
import type { RequestKind } from "./operations.ts";
import type { Caller } from "./request.ts";

/** Whoever asks, as far as is known. */
export interface Asker {
  caller: Caller;
  ipAddress: string | undefined;
}

/** Somebody has asked too often. */
export interface Refused {
  error: WordedError;
  retryAfterSeconds: number;
}

export interface Allowances {
  /**
   * Takes one request off the allowances of whoever asks, and what it costs off those of its kinds; a request whose token does not count
   * is a visitor's.
   */
  spend(asker: Asker, costs?: ReadonlyMap<RequestKind, number>): Promise<Refused | null>;
}

const whose: Record<keyof RateLimits, string> = {
  address: "requests from your address",
  user: "requests from you",
  tenant: "requests from your tenant",
  sign_in: "sign-ins from your address",
  search: "searches",
  aggregates: "requests for aggregates",
};

/**
 * @param pool connections as the authenticator
 * @param limits requests a minute
 * @param errors where LF911 (too_many_requests) is worded
 */
export function makeAllowances(pool: pg.Pool, limits: RateLimits, errors: ErrorCatalog): Allowances {
  return {
    async spend({ caller, ipAddress }, costs = new Map()) {
      const address = networkOf(ipAddress ?? "unknown");
      const asker = caller.kind === "visitor" ? address : caller.userId;
      const spent: { name: keyof RateLimits; of: string; cost: number }[] = [{ name: "address", of: address, cost: 1 }];
      if (caller.kind !== "visitor") spent.push({ name: "user", of: caller.userId, cost: 1 });
      if (caller.kind === "user") spent.push({ name: "tenant", of: caller.tenantId, cost: 1 });
      for (const [name, cost] of costs) spent.push({ name, of: name === "sign_in" ? address : asker, cost });
      const { rows } = await retryTransaction(() =>
        pool.query<{ bucket: string | null; seconds: number }>({
          name: "spend_allowances",
          text: "select refused_bucket as bucket, retry_after_seconds as seconds from app.spend_allowances($1, $2, $3)",
          values: [
            spent.map(({ name, of }) => `${name}:${of}`),
            spent.map(({ name }) => limits[name]),
            spent.map(({ cost }) => cost),
          ],
        }),
      );
      const [refused] = rows;
      if (!refused?.bucket) return null;
      const name = refused.bucket.slice(0, refused.bucket.indexOf(":")) as keyof RateLimits;
      return {
        error: errors.word("LF911", whose[name], String(refused.seconds)),
        retryAfterSeconds: refused.seconds,
      };
    },
  };
}

/** Whoever has one IPv6 address has the 2^64 beside it too. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (v4 !== undefined) return v4;
  const [head = "", tail] = address.toLowerCase().replace(/%.*$/, "").split("::");
  const first = head.split(":").filter(Boolean);
  const last = (tail ?? "").split(":").filter(Boolean);
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  return `${[...first, ...Array.from({ length: zeros }, () => "0"), ...last].slice(0, 4).join(":")}::/64`;
}
