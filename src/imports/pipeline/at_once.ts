import { availableParallelism } from "node:os";
import type { Lease } from "./batch.ts";

const most = 4;

/** How many transactions a batch works on at once, each on a connection of its own: PostgreSQL gives every connection one processor. */
export function connectionsAtOnce({ pool }: Lease): number {
  // One stays for the heartbeat, one for whoever else asks something of the pool.
  return Math.max(1, Math.min(most, availableParallelism(), (pool.options.max ?? 0) - 2));
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
