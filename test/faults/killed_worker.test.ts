/**
 * A worker is killed by SIGKILL at every boundary of an import, a rollback and a replay; its successor must end in what an undisturbed run ends
 * in, to the last byte of the ledger. `npm test` goes to a part of the boundaries, `npm run test:crashes` to all.
 */
import { cloneTestDatabase, type TestDatabase } from "../support/database.ts";
import type { RunningProcess } from "../support/processes.ts";
import { declareDead, kill, startWorker } from "../support/workers.ts";
import { boundaries, type Phase, standAt } from "./boundaries.ts";
import { type Base, findHalves, makeBase, type Prepared, prepareAll, readContent, untilEnded } from "./crashing.ts";

const goesEverywhere = process.env.LANDFALL_TEST_CRASHES === "all";

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

test.each(boundaries.filter(({ isInPart }) => goesEverywhere || isInPart))(
  "can lose the worker $name ($phase), and end in the same content",
  async (boundary) => {
    const phase = prepared[boundary.phase];
    database = await cloneTestDatabase(phase.database);
    const standing = await standAt(database, boundary);
    const killed = start();
    await standing.reached(killed);
    await kill(killed);
    await standing.release();
    expect(await findHalves(database)).toEqual([]);

    expect(await declareDead(database)).toEqual([phase.batchId]);
    await untilEnded(database, phase.batchId, boundary.phase, start());
    expect(await readContent(database)).toEqual(phase.content);
    expect(await database.query("select from app_private.import_leases")).toEqual([]);
  },
);
