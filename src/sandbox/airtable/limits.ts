/** Airtable's two limits: five requests a second for a base, fifty for a person's tokens. */
export interface Limits {
  perBase: number;
  perToken: number;
  penaltyMs: number;
  /** Whether asking during the penalty prolongs it. Not documented. */
  isPenaltyExtended: boolean;
  /** Whether the metadata counts. Not documented. */
  isMetaCounted: boolean;
}

export const usualLimits: Limits = {
  perBase: 5,
  perToken: 50,
  penaltyMs: 30_000,
  isPenaltyExtended: false,
  isMetaCounted: true,
};

export interface Limiter {
  /** Whether a request at this moment, to this base, is one too many; then nothing is answered for the penalty. */
  isTooFast(baseId: string | null, token: string, at: number): boolean;
  /** The penalty begins now. */
  punish(baseId: string, at: number): void;
}

export function makeLimiter(limits: Limits): Limiter {
  const recent = new Map<string, number[]>();
  const punishedUntil = new Map<string, number>();
  const count = (key: string, at: number) => {
    const times = (recent.get(key) ?? []).filter((time) => time > at - 1_000);
    times.push(at);
    recent.set(key, times);
    return times.length;
  };
  const punish = (key: string, at: number) => {
    punishedUntil.set(key, at + limits.penaltyMs);
    recent.delete(key);
  };
  return {
    isTooFast: (baseId, token, at) => {
      if (baseId !== null && at < (punishedUntil.get(baseId) ?? 0)) {
        if (limits.isPenaltyExtended) punish(baseId, at);
        return true;
      }
      const isTokenTooFast = count(`token ${token}`, at) > limits.perToken;
      if (baseId === null || count(baseId, at) <= limits.perBase) return isTokenTooFast;
      punish(baseId, at);
      return true;
    },
    punish,
  };
}
