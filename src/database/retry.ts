/** Transactions that another one got in the way of. */
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode } from "../errors.ts";

/** How often a transaction is tried in all. */
const TRIES = 3;

/** A failed serialisation and a deadlock: the transaction left no trace and may simply run again. */
const passing = new Set(["40001", "40P01"]);

/**
 * Runs a transaction, and again where a deadlock or a failed serialisation ended it: three times in all, after a wait that differs from the
 * other's.
 *
 * @param run a whole transaction, which does nothing outside the database
 */
export async function retryTransaction<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt === TRIES || !passing.has(errorCode(error) ?? "")) throw error;
      await sleep(attempt * 20 + Math.random() * 30);
    }
  }
}
