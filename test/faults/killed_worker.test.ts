/** A worker is killed by SIGKILL in the middle of an import; killed_worker.long.ts does it everywhere. */
import { declareDead, kill, startWorker } from "../support/workers.ts";
import { boundary, standAt } from "./boundaries.ts";
import { type Base, findHalves, makeBase, type Prepared, prepareImport, readContent, untilEnded } from "./crashing.ts";

let base: Base;
let prepared: Prepared;

beforeAll(async () => {
  base = await makeBase();
  prepared = await prepareImport(base);
});

afterAll(async () => {
  await prepared.database.drop();
  await base.remove();
});

test("can lose the worker between the commits of two chunks, and end in the same content", async () => {
  const { database, batchId, content } = prepared;
  const standing = await standAt(database, boundary("between the commits of two chunks"));
  const killed = startWorker(database);
  await standing.reached(killed);
  await kill(killed);
  await standing.release();
  expect(await findHalves(database)).toEqual([]);
  expect(await declareDead(database)).toEqual([batchId]);
  const successor = startWorker(database);
  await untilEnded(database, batchId, "import", successor);
  await kill(successor);
  expect(await readContent(database)).toEqual(content);
});
