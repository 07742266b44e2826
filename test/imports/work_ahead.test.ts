import { setTimeout as sleep } from "node:timers/promises";
import { workAhead } from "../../src/imports/pipeline/at_once.ts";

/** Numbers from 0, each asked for by itself; `log` says what went on. */
async function* numbers(count: number, log: string[]): AsyncGenerator<number> {
  try {
    for (let number = 0; number < count; number += 1) {
      log.push(`read ${number}`);
      yield number;
    }
  } finally {
    log.push("closed");
  }
}

async function collect<Result>(results: AsyncIterable<Result>): Promise<Result[]> {
  const collected: Result[] = [];
  for await (const result of results) collected.push(result);
  return collected;
}

test("gives results in the order of the items, whichever was ready first", async () => {
  const results = workAhead(numbers(5, []), 3, async (number) => {
    await sleep(10 * (5 - number));
    return number * number;
  });
  expect(await collect(results)).toEqual([0, 1, 4, 9, 16]);
});

test("reads as many ahead as it may, and no more", async () => {
  const log: string[] = [];
  const results = workAhead(numbers(10, log), 2, async (number) => number);
  expect((await results.next()).value).toBe(0);
  await sleep(10);
  expect(log).toEqual(["read 0", "read 1", "read 2"]);
  await results.return(undefined);
  expect(log.at(-1)).toBe("closed");
});

test("tells what goes wrong when its turn has come, and closes the source", async () => {
  const log: string[] = [];
  const met: number[] = [];
  const working = (async () => {
    const results = workAhead(numbers(10, log), 2, async (number) => {
      if (number === 2) throw new Error("the third is broken");
      return number;
    });
    for await (const result of results) met.push(result);
  })();
  await expect(working).rejects.toThrow("the third is broken");
  expect(met).toEqual([0, 1]);
  expect(log.at(-1)).toBe("closed");
});

test("tells what the source throws, after all that came before", async () => {
  async function* broken() {
    yield 1;
    throw new Error("the source is gone");
  }
  const met: number[] = [];
  const working = (async () => {
    for await (const result of workAhead(broken(), 2, async (number) => number)) met.push(result);
  })();
  await expect(working).rejects.toThrow("the source is gone");
  expect(met).toEqual([1]);
});
