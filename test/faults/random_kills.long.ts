/**
 * Whatever takes part is killed at random times, up to three times a run. LANDFALL_TEST_RUNS says how many runs, LANDFALL_TEST_SEED repeats those of
 * a seed that was printed: the same victims after the same waits.
 */
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { startTestCluster, type TestCluster } from "../support/cluster.ts";
import { cloneTestDatabase, type TestDatabase } from "../support/database.ts";
import type { RunningProcess } from "../support/processes.ts";
import { declareDead, kill, startWorker, until } from "../support/workers.ts";
import type { Phase } from "./boundaries.ts";
import { type Base, findHalves, makeBase, type Prepared, prepareAll, readContent, untilEnded } from "./crashing.ts";

const seed = process.env.LANDFALL_TEST_SEED ?? randomBytes(4).toString("hex");
const runs = Number(process.env.LANDFALL_TEST_RUNS ?? 12);
const phases: Phase[] = ["import", "rollback", "replay"];
const victims = ["the worker", "the server", "a process of the server"] as const;

let base: Base;
let cluster: TestCluster;
let prepared: Record<Phase, Prepared>;
/** How long each phase takes where nobody disturbs it, in milliseconds, about. */
const lasts = {} as Record<Phase, number>;
let database: TestDatabase;
let worker: RunningProcess;

/** A number from 0 to 1 that hangs on the seed and on these words alone. */
function chance(...words: unknown[]): number {
  return (
    createHash("sha256")
      .update([seed, ...words].join(" "))
      .digest()
      .readUInt32BE() /
    2 ** 32
  );
}

function choose<T>(from: readonly T[], ...words: unknown[]): T {
  return from[Math.floor(chance(...words) * from.length)] as T;
}

beforeAll(async () => {
  process.stdout.write(`the same kills again: LANDFALL_TEST_SEED=${seed} npm run test:crashes\n`);
  base = await makeBase();
  cluster = await startTestCluster(true);
  prepared = await prepareAll(base, cluster);
  for (const phase of phases) {
    database = await cloneTestDatabase(prepared[phase].database);
    worker = startWorker(database);
    await untilTaken();
    const begun = performance.now();
    await untilEnded(database, prepared[phase].batchId, phase, worker);
    lasts[phase] = performance.now() - begun;
    await clearAway();
  }
});

afterAll(async () => {
  for (const phase of phases) await prepared[phase].database.drop();
  await cluster.stop();
  await base.remove();
});

afterEach(clearAway);

async function clearAway(): Promise<void> {
  await kill(worker);
  await until(() => database.drop().then(() => true));
}

/** Waits until somebody has the batch in hand, or has brought it to its end. */
async function untilTaken(): Promise<void> {
  await until(async () => {
    const rows = await database.query(
      "select from app_private.import_leases union all select from imports.batches where finished_at > created_at and status not in ('queued', 'rolling_back')",
    );
    return rows.length > 0;
  }, worker);
}

/** A worker that finds no server when it starts ends, and says so; whoever runs it starts it again. One that has started once stays. */
async function startAgain(): Promise<void> {
  for (let isReady = false; !isReady; ) {
    worker = startWorker(database);
    isReady = await worker.waitFor("The worker is ready.").then(
      () => true,
      () => false,
    );
  }
}

async function killOne(victim: (typeof victims)[number], run: number, turn: number): Promise<void> {
  if (victim === "the worker") return await kill(worker);
  if (victim === "the server") {
    process.kill(cluster.pid(), "SIGKILL");
    return;
  }
  const sessions = await database.query<{ pid: number }>(
    "select pid from pg_stat_activity where application_name = 'landfall worker' and datname = current_database() order by state, pid",
  );
  if (sessions.length > 0) process.kill(choose(sessions, run, turn, "session").pid, "SIGKILL");
}

test.each(Array.from({ length: runs }, (_, run) => [run + 1] as const))(
  "can survive random kills, run %i",
  async (run) => {
    const phase = choose(phases, run, "phase");
    const { batchId, content, database: source } = prepared[phase];
    database = await cloneTestDatabase(source);
    await startAgain();
    const turns = 1 + Math.floor(chance(run, "turns") * 3);
    const story: string[] = [phase];
    for (let turn = 1; turn <= turns; turn += 1) {
      await untilTaken();
      const wait = chance(run, turn, "wait") * lasts[phase];
      const victim = choose(victims, run, turn, "victim");
      story.push(`${victim} after ${Math.round(wait)} ms`);
      await sleep(wait);
      await killOne(victim, run, turn);
      expect(await until(() => findHalves(database))).toEqual([]);
      await until(() => declareDead(database));
      if (victim === "the worker") await startAgain();
    }
    process.stdout.write(`run ${run}: ${story.join(", ")}\n`);
    await untilEnded(database, batchId, phase, worker);
    expect(await readContent(database)).toEqual(content);
  },
);
