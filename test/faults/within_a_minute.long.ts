/** Nothing is hurried here: what dies or stands still is followed by another within a minute of the server's clock. */
import { startTestCluster, type TestCluster } from "../support/cluster.ts";
import { cloneTestDatabase, type TestDatabase } from "../support/database.ts";
import type { RunningProcess } from "../support/processes.ts";
import { kill, startWorker, until } from "../support/workers.ts";
import { boundary, standAt } from "./boundaries.ts";
import { type Base, makeBase, type Prepared, prepareImport, readContent, untilEnded } from "./crashing.ts";

let base: Base;
let cluster: TestCluster;
let prepared: Prepared;
let database: TestDatabase;
let workers: RunningProcess[] = [];

beforeAll(async () => {
  base = await makeBase();
  cluster = await startTestCluster(true);
  prepared = await prepareImport(base, cluster);
});

afterAll(async () => {
  await prepared.database.drop();
  await cluster.stop();
  await base.remove();
});

beforeEach(async () => {
  database = await cloneTestDatabase(prepared.database);
});

afterEach(async () => {
  for (const worker of workers) await kill(worker);
  workers = [];
  await database.drop();
});

function start(): RunningProcess {
  const worker = startWorker(database);
  workers.push(worker);
  return worker;
}

const token = async () =>
  (await database.query<{ token: string }>("select token from app_private.import_leases"))[0]?.token;
const clock = async () => (await database.query<{ now: Date }>("select clock_timestamp() as now"))[0]?.now as Date;

/** Waits until somebody else has the batch in hand; gives the seconds since. */
async function untilTakenOver(since: Date, from: string | undefined, worker: RunningProcess): Promise<number> {
  await until(async () => {
    const now = await token();
    return now !== undefined && now !== from;
  }, worker);
  const seconds = ((await until(clock)).getTime() - since.getTime()) / 1_000;
  process.stdout.write(`taken over after ${Math.round(seconds)} s\n`);
  return seconds;
}

test("can replace a worker that was killed", async () => {
  const standing = await standAt(database, boundary("between the commits of two chunks"));
  const killed = start();
  await standing.reached(killed);
  const other = start();
  await other.waitFor("The worker is ready.");
  const [since, lease] = [await clock(), await token()];
  await kill(killed);
  await standing.release();
  expect(await untilTakenOver(since, lease, other)).toBeLessThan(60);
  await untilEnded(database, prepared.batchId, "import", other);
  expect(await readContent(database)).toEqual(prepared.content);
});

test("can replace a worker that stands still in the middle of a transaction, which commits nothing when it wakes up", async () => {
  const standing = await standAt(database, boundary("between the commits of two chunks"));
  const stopped = start();
  await standing.reached(stopped);
  const other = start();
  await other.waitFor("The worker is ready.");
  const [since, lease] = [await clock(), await token()];
  stopped.child.kill("SIGSTOP");
  await standing.release();
  expect(await untilTakenOver(since, lease, other)).toBeLessThan(60);
  await untilEnded(database, prepared.batchId, "import", other);
  stopped.child.kill("SIGCONT");
  await stopped.waitFor(/lost|terminat/);
  expect(await readContent(database)).toEqual(prepared.content);
  expect(stopped.child.exitCode).toBeNull();
});

test("can go on by itself when the server was killed under it", async () => {
  const standing = await standAt(database, boundary("between the commits of two chunks"));
  const worker = start();
  await standing.reached(worker);
  const [since, lease] = [await clock(), await token()];
  process.kill(cluster.pid(), "SIGKILL");
  await standing.release();
  expect(await untilTakenOver(since, lease, worker)).toBeLessThan(60);
  await untilEnded(database, prepared.batchId, "import", worker);
  expect(await readContent(database)).toEqual(prepared.content);
});
