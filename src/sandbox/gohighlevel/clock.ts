export type Clock = { now(): number; advance(ms: number): void };

/** A clock that runs with the machine's and can be put forward by a test, so that windows and lags pass without waiting. */
export function createClock(): Clock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    advance: (ms) => {
      ahead += ms;
    },
  };
}
