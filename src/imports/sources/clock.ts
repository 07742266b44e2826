import { setTimeout as sleep } from "node:timers/promises";

/** Time as a reader meets it; a test brings its own. */
export interface Clock {
  now(): number;
  sleep(milliseconds: number): Promise<unknown>;
}

export const systemClock: Clock = { now: Date.now, sleep };
