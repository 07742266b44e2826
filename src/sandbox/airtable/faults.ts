/** What can go wrong on the way to Airtable, to be ordered by a test: the next requests meet the faults in the order given. */
export type Fault = "reset" | "unavailable" | "quota" | "html" | "truncated";

export interface Faults {
  /** From now on the token is refused. */
  isTokenRevoked: boolean;
  /** Orders faults for the requests to come. */
  order(...faults: (Fault | "none")[]): void;
  /** The next request that brings an offset finds it expired. */
  expireNextOffset(): void;
  /** The fault that this request meets. */
  take(): Fault | undefined;
  takeExpiry(): boolean;
}

export function makeFaults(): Faults {
  const ordered: (Fault | "none")[] = [];
  let expiries = 0;
  return {
    isTokenRevoked: false,
    order: (...faults) => {
      ordered.push(...faults);
    },
    expireNextOffset: () => {
      expiries += 1;
    },
    take: () => {
      const fault = ordered.shift();
      return fault === "none" ? undefined : fault;
    },
    takeExpiry: () => {
      if (expiries === 0) return false;
      expiries -= 1;
      return true;
    },
  };
}
