import { defaultTiming } from "../../src/publishing/timing.ts";

test("the waits fit together: nobody takes over during a call, and nothing is made again while one may be under way", () => {
  const { callTimeoutMs, leaseMs, settleDelaysMs, longestWaitMs } = defaultTiming;
  expect(leaseMs).toBeGreaterThan(2 * callTimeoutMs);
  expect(leaseMs).toBeGreaterThan(longestWaitMs);
  expect(settleDelaysMs.at(-1)).toBeGreaterThan(leaseMs);
  expect(settleDelaysMs).toEqual([...settleDelaysMs].sort((one, other) => one - other));
});
