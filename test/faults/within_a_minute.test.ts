/** What dies is followed by another within a minute: by the settings, here. `npm run test:crashes` waits for it. */

import { leaseSeconds } from "../../src/imports/pipeline/batch.ts";
import { heartbeatMs } from "../../src/imports/pipeline/run_batch.ts";
import { beatEvery, sweepEvery } from "../../src/worker/heartbeat.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

/** How long something must be silent until this function takes it for dead, in milliseconds. */
async function silenceOf(name: string): Promise<number> {
  const [row] = await database.query<{ ms: number }>(
    `select (extract(epoch from (regexp_match(pg_get_expr(proargdefaults, 0), '''([^'']+)'''))[1]::interval) * 1000)::integer as ms
     from pg_proc where oid = $1::regproc`,
    [name],
  );
  return row?.ms as number;
}

test("can notice in time that a worker is dead, and not that a living one is", async () => {
  const silence = await silenceOf("app.sweep_workers");
  expect(silence + sweepEvery).toBeLessThan(60_000);
  expect(2 * beatEvery).toBeLessThan(silence);
});

test("can notice in time that nobody works on an import, and whoever is woken then may take it", async () => {
  const silence = await silenceOf("app_private.requeue_import_batches");
  expect(silence + sweepEvery).toBeLessThan(60_000);
  expect(leaseSeconds * 1_000).toBeLessThanOrEqual(silence);
  expect(2 * heartbeatMs).toBeLessThan(leaseSeconds * 1_000);
});

test("cannot be kept waiting by whoever falls silent in the middle of a transaction", async () => {
  const [row] = await database.query<{ seconds: number }>(
    `select extract(epoch from split_part(setting, '=', 2)::interval)::integer as seconds
     from pg_roles role, unnest(role.rolconfig) setting
     where role.rolname = $1 and setting like 'idle_in_transaction_session_timeout=%'`,
    [`${database.rolePrefix}_worker`],
  );
  expect(row?.seconds).toBeLessThanOrEqual(leaseSeconds);
});
