import type { Clock } from "./clock.ts";
import type { Switches } from "./switches.ts";

export type LimitSettings = {
  max: number;
  intervalMs: number;
  daily: number;
  /** Whether a token's locations are counted one by one, or together as those of a trial account are. */
  counted?: "location" | "account";
};

/** The documented limits of a Marketplace app per location: 100 calls in 10 seconds, 200,000 a day. */
export const defaultLimits: LimitSettings = { max: 100, intervalMs: 10_000, daily: 200_000 };

/** The limits of a sandbox or trial account, shared by everything in it. */
export const trialLimits: LimitSettings = { max: 25, intervalMs: 10_000, daily: 10_000, counted: "account" };

const dayMs = 86_400_000;

type Window = { startedAt: number; used: number; dayStartedAt: number; usedToday: number };

export type Verdict = { allowed: boolean; headers: Record<string, string> };

export type Limiter = {
  settings: LimitSettings;
  /** Counts one call of a token in a location; a refused call is not counted. */
  take(token: string, locationId: string | null): Verdict;
  /** The headers as they stand, without counting: for what is refused before its caller is known. */
  peek(key: string): Record<string, string>;
  reset(): void;
};

/** Fixed windows per (token, location), with the headers that GoHighLevel puts on every response. */
export function createLimiter(clock: Clock, settings: LimitSettings, switches: Switches): Limiter {
  const windows = new Map<string, Window>();
  const limiter: Limiter = {
    settings,
    take(token, locationId) {
      const key = limiter.settings.counted === "account" ? "account" : `${token} ${locationId ?? ""}`;
      const window = current(key);
      const allowed = window.used < limiter.settings.max && window.usedToday < limiter.settings.daily;
      if (allowed) {
        window.used += 1;
        window.usedToday += 1;
      }
      return { allowed, headers: headersOf(window) };
    },
    peek: (key) => headersOf(current(key)),
    reset: () => windows.clear(),
  };

  function current(key: string): Window {
    const now = clock.now();
    const window = windows.get(key) ?? { startedAt: now, used: 0, dayStartedAt: now, usedToday: 0 };
    if (now - window.startedAt >= limiter.settings.intervalMs) {
      window.startedAt = now;
      window.used = 0;
    }
    if (now - window.dayStartedAt >= dayMs) {
      window.dayStartedAt = now;
      window.usedToday = 0;
    }
    windows.set(key, window);
    return window;
  }

  function dailyReset({ dayStartedAt }: Window): string {
    switch (switches.dailyReset) {
      case "duration":
        return String(Math.max(0, dayStartedAt + dayMs - clock.now()));
      case "epoch":
        return String(dayStartedAt + dayMs);
      case "nonsense":
        return "-99999999999";
    }
  }

  function headersOf(window: Window): Record<string, string> {
    const { max, intervalMs, daily } = limiter.settings;
    return {
      "X-RateLimit-Limit-Daily": String(daily),
      "X-RateLimit-Daily-Remaining": String(Math.max(0, daily - window.usedToday)),
      "X-RateLimit-Daily-Reset": dailyReset(window),
      "X-RateLimit-Interval-Milliseconds": String(intervalMs),
      "X-RateLimit-Max": String(max),
      "X-RateLimit-Remaining": String(Math.max(0, max - window.used)),
    };
  }

  return limiter;
}
