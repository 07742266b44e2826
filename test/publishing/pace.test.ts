import type { RateLimit } from "../../src/publishing/client.ts";
import { waitAfter } from "../../src/publishing/pace.ts";
import { defaultTiming } from "../../src/publishing/timing.ts";

const rate: RateLimit = {
  max: 100,
  remaining: 60,
  intervalMs: 10_000,
  dailyRemaining: 5_000,
  dailyResetMs: null,
  retryAfterMs: null,
};

test.each<[string, Partial<RateLimit>, boolean, number]>([
  ["goes on while there is room", {}, false, 0],
  ["leaves a fifth of the window to others", { remaining: 20 }, false, 10_000],
  ["learns a smaller window from the headers", { max: 25, remaining: 6 }, false, 0],
  ["and its end", { max: 25, remaining: 5, intervalMs: 5_000 }, false, 5_000],
  ["waits for the interval when refused", { remaining: 0 }, true, 10_000],
  ["waits as long as it is asked to", { remaining: 0, retryAfterMs: 30_000 }, true, 30_000],
  ["waits the usual interval where none is named", { max: null, remaining: null, intervalMs: null }, true, 10_000],
  ["goes on where nothing is said", { max: null, remaining: null, intervalMs: null }, false, 0],
])("publishing %s", (_, headers, isRefused, expected) => {
  expect(waitAfter({ ...rate, ...headers }, isRefused)).toBe(expected);
});

test("the waits fit together: nobody takes over during a call, and nothing is made again while one may be under way", () => {
  const { callTimeoutMs, leaseMs, settleDelaysMs, longestWaitMs } = defaultTiming;
  expect(leaseMs).toBeGreaterThan(2 * callTimeoutMs);
  expect(leaseMs).toBeGreaterThan(longestWaitMs);
  expect(settleDelaysMs.at(-1)).toBeGreaterThan(leaseMs);
  expect(settleDelaysMs).toEqual([...settleDelaysMs].sort((one, other) => one - other));
});
