import type pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import { sampleFolder } from "../../src/imports/run_import.ts";
import { airtableLimits, openAirtable } from "../../src/imports/sources/airtable.ts";
import { type Budget, localBudget, sharedBudget, waitForTurn } from "../../src/imports/sources/budget.ts";
import { startAirtableSandbox } from "../../src/sandbox/airtable/server.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const limits = { turns: 5, spanMs: 30_000 };
const apiKey = "patTest.of.the.sandbox";
let database: TestDatabase;
let pools: pg.Pool[];
let key: string;

beforeAll(async () => {
  database = await createTestDatabase();
  pools = [1, 2].map(() => createPool(database.urls.worker, { applicationName: "landfall tests", max: 4 }));
});

afterAll(async () => {
  for (const pool of pools) await pool.end();
  await database.drop();
});

beforeEach(() => {
  key = `airtable:app${Math.random().toString(36).slice(2)}`;
});

const shared = () => pools.map((pool) => sharedBudget(pool, key, limits));

test("can give all processes together five turns in any second, counted from their answers", async () => {
  const [one, other] = shared() as [Budget, Budget];
  const turns = [];
  for (let index = 0; index < 5; index += 1) turns.push(await (index % 2 === 0 ? one : other).take());
  expect(turns.map(({ waitMs }) => waitMs)).toEqual([0, 0, 0, 0, 0]);
  const { waitMs } = await other.take();
  expect(waitMs).toBeGreaterThan(0);
  expect(waitMs).toBeLessThanOrEqual(limits.spanMs);
  await database.query(
    "update app_private.source_budgets set turns = array(select t - interval '1 hour' from unnest(turns) t) where key = $1",
    [key],
  );
  const again = [];
  for (let index = 0; index < 5; index += 1) again.push(await other.take());
  expect(again.map((turn) => turn.waitMs)).toEqual([0, 0, 0, 0, 0]);

  // When exactly the first of these requests arrived, nobody knows: its answer is there just now.
  const turnsOf = async () =>
    (
      await database.query<{ turns: Date[] }>("select turns from app_private.source_budgets where key = $1", [key])
    )[0]?.turns.map((turn) => turn.getTime()) as number[];
  const before = await turnsOf();
  await again[0]?.end();
  const after = await turnsOf();
  expect(after.slice(0, 4)).toEqual(before.slice(1));
  expect(after[4]).toBeGreaterThanOrEqual(before[4] as number);
});

test("can keep everybody from asking while a base is frozen", async () => {
  const [one, other] = shared() as [Budget, Budget];
  await one.freeze(30_000);
  await other.freeze(1_000);
  const { waitMs } = await other.take();
  expect(waitMs).toBeGreaterThan(25_000);
  expect(waitMs).toBeLessThanOrEqual(30_000);
  expect((await sharedBudget(pools[0] as pg.Pool, `${key}Other`, limits).take()).waitMs).toBe(0);
});

test("can be waited for, and somebody impatient is told how long it takes", async () => {
  let now = 0;
  const clock = {
    now: () => now,
    sleep: async (milliseconds: number) => {
      now += milliseconds;
    },
  };
  const budget = localBudget(clock, { turns: 2, spanMs: 1_000 });
  await waitForTurn(budget, clock);
  const second = await waitForTurn(budget, clock);
  now = 400;
  await second.end();
  await waitForTurn(budget, clock);
  expect(now).toBe(1_000);
  await waitForTurn(budget, clock);
  expect(now).toBe(1_400);
  await budget.freeze(30_000);
  expect((await waitForTurn(budget, clock, 2_000)).waitMs).toBe(30_000);
  await waitForTurn(budget, clock);
  expect(now).toBe(31_400);
});

test("can read a base from two processes' connections at once without a single 429", async () => {
  const sandbox = await startAirtableSandbox({ folder: sampleFolder, apiKey });
  try {
    const readers = pools.map((pool) => {
      const budget = sharedBudget(pool, key, airtableLimits);
      return openAirtable({ baseId: sandbox.baseId, apiKey, endpointUrl: sandbox.url, budget, retryDelayMs: 1 });
    });
    await Promise.all(
      readers.map(async (reader) => {
        for (const collection of (await reader.schema()).collections.slice(0, 7)) {
          for await (const page of reader.pages(collection, null)) expect(page.number).toBe(1);
        }
      }),
    );
    expect(sandbox.requests).toHaveLength(16);
    expect(sandbox.requests.every(({ status }) => status === 200)).toBe(true);
  } finally {
    await sandbox.close();
  }
});

test("cannot be reached by anybody but the worker", async () => {
  const api = createPool(database.urls.authenticator, { applicationName: "landfall tests", max: 1 });
  try {
    await expect(api.query("select * from app_private.take_source_turn('x', 5, '1 second')")).rejects.toMatchObject({
      code: "42501",
    });
    await expect(pools[0]?.query("select * from app_private.source_budgets")).rejects.toMatchObject({ code: "42501" });
  } finally {
    await api.end();
  }
});
