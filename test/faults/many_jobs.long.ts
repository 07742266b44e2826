/**
 * Workers are killed at random times while they work through many jobs, some of them in queues: each does what it is for once, and in its queue's
 * order. LANDFALL_TEST_JOBS says how many jobs, LANDFALL_TEST_SEED repeats the waits and the victims of a seed that was printed.
 */
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import type { RunningProcess } from "../support/processes.ts";
import { kill, startWorker, until } from "../support/workers.ts";

const jobs = Number(process.env.LANDFALL_TEST_JOBS ?? 20_000);
const seed = process.env.LANDFALL_TEST_SEED ?? randomBytes(4).toString("hex");
const kills = 6;

let database: TestDatabase;
let workers: RunningProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const worker of workers) await kill(worker);
  workers = [];
  await database.drop();
});

/** A number from 0 to 1 that hangs on the seed and on these words alone. */
function chance(...words: unknown[]): number {
  const hash = createHash("sha256").update([seed, ...words].join(" "));
  return hash.digest().readUInt32BE() / 2 ** 32;
}

async function start(): Promise<RunningProcess> {
  const worker = startWorker(database);
  await worker.waitFor("The worker is ready.");
  return worker;
}

/** Webhooks that wait, one of ten in one of four queues; a trigger writes down each time that one is handled. */
async function addJobs(): Promise<void> {
  await database.query(`
    create table public.effects (place bigint generated always as identity, webhook_id text);
    create function public.note_effect() returns trigger language plpgsql security definer as $$
      begin
        insert into public.effects (webhook_id) values (new.id);
        return null;
      end
    $$;
    create trigger zzz_note_effect after update of handled_at on app_private.webhook_events for each row execute function public.note_effect()`);
  await database.query(
    "insert into app_private.webhook_events (id, kind) select 'webhook ' || n, 'ContactCreate' from generate_series(1, $1::integer) n",
    [jobs],
  );
  await database.query(
    `select count(*) from graphile_worker.add_jobs(array(
       select row(
         'publishing/handle_webhook', json_build_object('webhookId', 'webhook ' || n),
         case when n % 10 = 0 then 'lane ' || n / 10 % 4 end, null, 10, null, null, null
       )::graphile_worker.job_spec
       from generate_series(1, $1::integer) n order by n
     ))`,
    [jobs],
  );
}

const handled = async () =>
  Number((await database.query<{ count: string }>("select count(*) from public.effects"))[0]?.count);
const left = async () =>
  Number(
    (
      await database.query<{ count: string }>(
        "select count(*) from graphile_worker._private_jobs where task_id = (select id from graphile_worker._private_tasks where identifier = 'publishing/handle_webhook')",
      )
    )[0]?.count,
  );

test("can lose workers at random under many jobs: each has its effect once, and in the order of its queue", async () => {
  process.stdout.write(`the same kills again: LANDFALL_TEST_SEED=${seed} npm run test:crashes\n`);
  await addJobs();
  workers = [await start(), await start(), await start()];
  for (let turn = 1; turn <= kills; turn++) {
    const goal = Math.floor(((turn - 1 + chance(turn, "when")) * jobs) / kills / 1.2);
    await until(async () => (await handled()) >= goal);
    await sleep(chance(turn, "wait") * 500);
    const victim = Math.floor(chance(turn, "victim") * workers.length);
    await kill(workers[victim] as RunningProcess);
    workers[victim] = await start();
  }
  await until(async () => (await left()) === 0);

  const [once] = await database.query(
    "select count(*)::integer as effects, count(distinct webhook_id)::integer as webhooks from public.effects",
  );
  expect(once).toEqual({ effects: jobs, webhooks: jobs });
  const disorder = await database.query(
    `select from (
       select n, lag(n) over (partition by n / 10 % 4 order by place) as before
       from (select place, split_part(webhook_id, ' ', 2)::integer as n from public.effects) effect where n % 10 = 0
     ) queued where before > n`,
  );
  expect(disorder).toEqual([]);
}, 900_000);
