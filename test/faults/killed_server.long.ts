/** The server is killed, whole or one process of it, at every boundary of an import, a rollback and a replay; the worker lives on and goes on by itself. */
import { startTestCluster, type TestCluster } from "../support/cluster.ts";
import { cloneTestDatabase, type TestDatabase } from "../support/database.ts";
import type { RunningProcess } from "../support/processes.ts";
import { declareDead, kill, startWorker, until } from "../support/workers.ts";
import { boundaries, type Phase, standAt } from "./boundaries.ts";
import { type Base, findHalves, makeBase, type Prepared, prepareAll, readContent, untilEnded } from "./crashing.ts";

let base: Base;
let cluster: TestCluster;
let prepared: Record<Phase, Prepared>;
let database: TestDatabase;
let worker: RunningProcess;

beforeAll(async () => {
  base = await makeBase();
  cluster = await startTestCluster(true);
  prepared = await prepareAll(base, cluster);
});

afterAll(async () => {
  for (const phase of Object.values(prepared)) await phase.database.drop();
  await cluster.stop();
  await base.remove();
});

afterEach(async () => {
  await kill(worker);
  await until(() => database.drop().then(() => true));
});

const runs = boundaries.map((boundary, place) => ({
  ...boundary,
  victim: place % 2 === 0 ? "the server" : "its process",
}));

test.each(runs)("can lose $victim $name ($phase), and end in the same content", async ({ victim, ...boundary }) => {
  const phase = prepared[boundary.phase];
  database = await cloneTestDatabase(phase.database);
  const standing = await standAt(database, boundary);
  worker = startWorker(database);
  const pid = await standing.reached(worker);
  process.kill(victim === "the server" ? cluster.pid() : pid, "SIGKILL");
  await standing.release();
  expect(await until(() => findHalves(database), worker)).toEqual([]);

  await until(() => declareDead(database), worker);
  await untilEnded(database, phase.batchId, boundary.phase, worker);
  expect(await readContent(database)).toEqual(phase.content);
  expect(await database.query("select from app_private.import_leases")).toEqual([]);
});
