import type { PoolClient } from "pg";
import { z } from "zod";
import { prepared } from "../database/prepared.ts";

/** A call to GoHighLevel as it is written down, and what its end does to the location's budget and circuit. */
export type RecordedCall = { locationId: string; budget: string; call: object; breaker: object };

/** For how long a location that does not answer is left alone, and for how long it has not answered; null while it does. */
export type Circuit = { circuitWaitMs: number | null; failingForMs: number | null };

type Transaction = <T>(step: (client: PoolClient) => Promise<T>) => Promise<T>;

/** Calls that have ended and are not written down yet, first to last. */
export type UnwrittenCalls = {
  add(call: RecordedCall): void;
  /** Runs a step with the waiting calls written down in its transaction, before it; they wait on where it is rolled back. */
  beside<T>(transaction: Transaction, step: (client: PoolClient) => Promise<T>): Promise<T>;
  /** Writes them down in a transaction of their own; tells how the location stands after the last of them. */
  write(transaction: Transaction): Promise<Circuit>;
};

const circuitSchema = z.object({ circuit_wait_ms: z.number().nullable(), failing_for_ms: z.number().nullable() });
const closed: Circuit = { circuitWaitMs: null, failingForMs: null };

async function record(client: PoolClient, { locationId, budget, call, breaker }: RecordedCall): Promise<Circuit> {
  const values = [locationId, budget, JSON.stringify(call), JSON.stringify(breaker)];
  const { rows } = await client.query(prepared("select * from app_private.record_call($1, $2, $3, $4)", values));
  const { circuit_wait_ms: circuitWaitMs, failing_for_ms: failingForMs } = circuitSchema.parse(rows[0]);
  return { circuitWaitMs, failingForMs };
}

/** Where the calls of one run wait. */
export function unwrittenCalls(): UnwrittenCalls {
  const waiting: RecordedCall[] = [];

  async function beside<T>(
    transaction: Transaction,
    step: (client: PoolClient, circuit: Circuit) => Promise<T>,
  ): Promise<T> {
    const calls = [...waiting];
    const result = await transaction(async (client) => {
      let circuit = closed;
      for (const call of calls) circuit = await record(client, call);
      return step(client, circuit);
    });
    waiting.splice(0, calls.length);
    return result;
  }

  return {
    add: (call) => waiting.push(call),
    beside,
    write: (transaction) =>
      waiting.length === 0 ? Promise.resolve(closed) : beside(transaction, async (_, circuit) => circuit),
  };
}
