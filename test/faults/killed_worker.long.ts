/**
 * A worker is killed by SIGKILL at every boundary of an import, a rollback and a replay; its successor must end in what an undisturbed run ends
 * in, to the last byte of the ledger.
 */
import pg from "pg";
import { cloneTestDatabase, type TestDatabase } from "../support/database.ts";
import type { RunningProcess } from "../support/processes.ts";
import { declareDead, kill, startWorker, until } from "../support/workers.ts";
import { boundaries, boundary, type Phase, standAt } from "./boundaries.ts";
import { type Base, findHalves, makeBase, type Prepared, prepareAll, readContent, untilEnded } from "./crashing.ts";

let base: Base;
let prepared: Record<Phase, Prepared>;
let database: TestDatabase;
let workers: RunningProcess[] = [];

beforeAll(async () => {
  base = await makeBase();
  prepared = await prepareAll(base);
});

afterAll(async () => {
  for (const phase of Object.values(prepared)) await phase.database.drop();
  await base.remove();
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

/** What follows the death of the only worker: nothing is half done, its successor goes on, and it ends as if nothing had been. */
async function expectSameEnd(phase: Phase): Promise<void> {
  const { batchId, content } = prepared[phase];
  expect(await findHalves(database)).toEqual([]);
  expect(await declareDead(database)).toEqual([batchId]);
  await untilEnded(database, batchId, phase, start());
  expect(await readContent(database)).toEqual(content);
  expect(await database.query("select from app_private.import_leases")).toEqual([]);
}

test.each(boundaries)(
  "can lose the worker $name ($phase), and end in the same content",
  async ({ phase, ...place }) => {
    database = await cloneTestDatabase(prepared[phase].database);
    const standing = await standAt(database, place);
    const killed = start();
    await standing.reached(killed);
    await kill(killed);
    await standing.release();
    await expectSameEnd(phase);
  },
);

test("can lose the worker in the middle of the proof, which nothing writes in, and end in the same content", async () => {
  database = await cloneTestDatabase(prepared.import.database);
  const standing = await standAt(database, boundary("before it goes over to verifying"));
  const killed = start();
  await standing.reached(killed);
  const holder = new pg.Client({ connectionString: database.urls.admin });
  await holder.connect();
  await holder.query("begin; lock table journeys.templates in access exclusive mode");
  await standing.release();
  await until(async () => {
    const waiting = await database.query(
      "select from pg_locks where not granted and relation = 'journeys.templates'::regclass",
    );
    return waiting.length > 0;
  }, killed);
  await kill(killed);
  await holder.end();
  await expectSameEnd("import");
});
