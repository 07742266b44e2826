/** How a run ends, as far as sending decides it. */
export type Outcome = {
  /** `queued` is a run that let others go first. */
  status: "synced" | "partial" | "blocked" | "deferred" | "failed" | "superseded" | "queued";
  lastError: string | null;
  /** For a deferred one: milliseconds until it goes on. */
  runInMs: number | null;
};

/** Ends a run before everything had its turn. */
export class Stop extends Error {
  readonly ending: Outcome;

  constructor(ending: Outcome) {
    super(ending.lastError ?? ending.status);
    this.ending = ending;
  }
}
