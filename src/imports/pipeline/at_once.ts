import { availableParallelism } from "node:os";
import type { Lease } from "./batch.ts";

const most = 4;

/** How many transactions a batch works on at once, each on a connection of its own: PostgreSQL gives every connection one processor. */
export function connectionsAtOnce({ pool }: Lease): number {
  // One stays for the heartbeat, one for whoever else asks something of the pool.
  return Math.max(1, Math.min(most, availableParallelism(), (pool.options.max ?? 0) - 2));
}

/**
 * What work makes of items, in their order. While somebody uses what was made of one, so many of the next are asked for and worked on.
 *
 * @throws what an item or its work threw, when its turn has come
 */
export async function* workAhead<Item, Result>(
  items: AsyncIterable<Item>,
  ahead: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const iterator = items[Symbol.asyncIterator]();
  const begun: Promise<{ result: Result } | null>[] = [];
  const begin = () => {
    const working = iterator
      .next()
      .then(async ({ done, value }) => (done === true ? null : { result: await work(value) }));
    working.catch(() => {});
    begun.push(working);
  };
  try {
    for (let count = 0; count < ahead; count += 1) begin();
    for (let next = await begun.shift(); next; next = await begun.shift()) {
      begin();
      yield next.result;
    }
  } finally {
    await Promise.allSettled(begun);
    await iterator.return?.();
  }
}

/**
 * Works through tasks, so many at once, in their order. After the first that fails no other begins.
 *
 * @returns what became of each task, in their order
 * @throws what the first one threw, when those that had begun have ended
 */
export async function eachAtOnce<Task, Result>(
  tasks: Task[],
  atOnce: number,
  work: (task: Task) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = tasks.entries();
  const failures: unknown[] = [];
  const workThrough = async () => {
    for (const [index, task] of waiting) {
      if (failures.length > 0) return;
      try {
        results[index] = await work(task);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, workThrough));
  if (failures.length > 0) throw failures[0];
  return results;
}
