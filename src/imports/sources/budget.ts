import type pg from "pg";
import type { Clock } from "./clock.ts";

/** How often a source may be asked: so many turns within any span of time. */
export interface BudgetLimits {
  turns: number;
  spanMs: number;
}

/** The right to ask a source once. */
export interface Turn {
  /** 0 where it may be used now; else it is none, and another one may be had after so many milliseconds. */
  waitMs: number;
  /**
   * To be told when the answer is there: the request reached the source at some moment before, and only from now on is it known to lie a
   * span back. Counted from when it was sent, requests that arrive late meet those that arrive early.
   */
  end(): Promise<void>;
}

/** A source's budget of requests, shared by all who ask it. */
export interface Budget {
  take(): Promise<Turn>;
  /** Nobody asks for so many milliseconds. */
  freeze(milliseconds: number): Promise<void>;
}

/**
 * Waits until it is this caller's turn.
 *
 * @param patienceMs where it takes longer, the caller gets no turn but how long to do something else
 */
export async function waitForTurn(budget: Budget, clock: Clock, patienceMs = Number.POSITIVE_INFINITY): Promise<Turn> {
  for (;;) {
    const turn = await budget.take();
    if (turn.waitMs === 0 || turn.waitMs > patienceMs) return turn;
    await clock.sleep(turn.waitMs);
  }
}

/**
 * The budget that all processes share, in the database. Taking a turn is one statement: no lock is held while anybody waits or asks.
 *
 * @param pool connections as the worker's login
 * @param key the source's: `airtable:appX`
 */
export function sharedBudget(pool: pg.Pool, key: string, { turns, spanMs }: BudgetLimits): Budget {
  return {
    take: async () => {
      const { rows } = await pool.query<{ turn: string | null; wait_ms: number }>(
        "select turn::text, wait_ms from app_private.take_source_turn($1, $2, make_interval(secs => $3))",
        [key, turns, spanMs / 1_000],
      );
      const { turn, wait_ms } = rows[0] as { turn: string | null; wait_ms: number };
      return {
        waitMs: wait_ms,
        end: async () => {
          await pool.query("select app_private.end_source_turn($1, $2)", [key, turn]);
        },
      };
    },
    freeze: async (milliseconds) => {
      await pool.query("select app_private.freeze_source($1, make_interval(secs => $2))", [key, milliseconds / 1_000]);
    },
  };
}

/** The budget of a process that has no database, or a time of its own. */
export function localBudget(clock: Clock, { turns, spanMs }: BudgetLimits): Budget {
  let taken: { at: number }[] = [];
  let frozenUntil = 0;
  return {
    take: async () => {
      const now = clock.now();
      taken.sort((one, other) => one.at - other.at);
      const oldest = taken.at(-turns)?.at ?? Number.NEGATIVE_INFINITY;
      const waitMs = Math.max(0, frozenUntil - now, oldest + spanMs - now);
      const turn = { at: now };
      if (waitMs === 0) taken = [...taken.slice(1 - turns), turn];
      return {
        waitMs,
        end: async () => {
          turn.at = clock.now();
        },
      };
    },
    freeze: async (milliseconds) => {
      frozenUntil = Math.max(frozenUntil, clock.now() + milliseconds);
    },
  };
}
