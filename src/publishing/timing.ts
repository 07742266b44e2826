/** How patient publishing is. All in milliseconds; tests make it hasty. */
export type Timing = {
  /** How long a call may take. */
  callTimeoutMs: number;
  /** How long a run that says nothing counts as alive. Longer than a call, so that no call of a dead run is still to come. */
  leaseMs: number;
  /**
   * When to look again for what a call without a reply may have made, counted from that call. Only after the last of them is
   * the call made a second time.
   */
  settleDelaysMs: readonly number[];
  /** The first wait after a failure that passes by itself; each further one is twice as long, up to the longest. */
  backoffMs: number;
  longestBackoffMs: number;
  /** Attempts of one item before it waits for a person. With these waits they span more than two hours. */
  maxAttempts: number;
  /** A run waits this long in place; for longer waits it ends, and is woken when the time has come. */
  longestWaitMs: number;
  /** After how long a run lets others go first, where any wait for a worker. */
  turnMs: number;
  /** Calls in a row without an answer after which a location is left alone, how long at first, and at most. */
  breakerFailures: number;
  breakerOpenMs: number;
  breakerLongestMs: number;
  /** After how long without any answer the log says so as an error. */
  alarmAfterMs: number;
};

export const defaultTiming: Timing = {
  callTimeoutMs: 20_000,
  leaseMs: 60_000,
  settleDelaysMs: [5_000, 30_000, 120_000],
  backoffMs: 1_000,
  longestBackoffMs: 900_000,
  maxAttempts: 20,
  longestWaitMs: 20_000,
  turnMs: 15_000,
  breakerFailures: 5,
  breakerOpenMs: 30_000,
  breakerLongestMs: 900_000,
  alarmAfterMs: 900_000,
};
