/**
 * The server is killed under an import, whole or one process of it, and so is the parent of both: what `landfall start` started comes back by itself,
 * or is taken over by the next start, and the import ends as if nothing had been.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config.ts";
import { sampleFolder } from "../../src/imports/run_import.ts";
import { localSecrets } from "../../src/secrets.ts";
import { openTestDatabase } from "../support/database.ts";
import { startLandfall } from "../support/processes.ts";
import { declareDead, kill, until } from "../support/workers.ts";
import { boundary, standAt } from "./boundaries.ts";
import {
  type Base,
  findHalves,
  makeBase,
  type Prepared,
  prepareImport,
  queueImport,
  readContent,
  untilEnded,
} from "./crashing.ts";

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

test("can lose its server, then one process of it, then its parent, all in one import, and end in the same content", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "landfall-crashes-"));
  const start = async () => {
    const running = startLandfall(["start", "--no-sample"], {
      LANDFALL_DATA_DIR: dataDir,
      API_PORT: "0",
      GHL_SANDBOX_PORT: "0",
      MAIL_SANDBOX_PORT: "0",
      PG_MAJOR: String(loadConfig().postgresMajor),
    });
    await running.waitFor("Ctrl-C stops everything");
    return running;
  };
  const postmaster = () => {
    const { pgData } = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as { pgData: string };
    return Number.parseInt(readFileSync(join(pgData, "postmaster.pid"), "utf8"), 10);
  };
  let running = await start();
  const [, adminUrl = ""] = /PostgreSQL +(\S+)/.exec(running.output()) ?? [];
  const database = openTestDatabase(adminUrl, localSecrets(dataDir).secretKey);
  try {
    await untilEnded(database, await queueImport(database, sampleFolder), "import", running);
    let standing = await standAt(database, boundary("in the middle of writing a page"));
    const batchId = await queueImport(database, base.folder);
    await standing.reached(running);
    const died = postmaster();
    process.kill(died, "SIGKILL");
    standing = await until(() => standAt(database, boundary("between the commits of two chunks")), running);
    expect(postmaster()).not.toBe(died);
    expect(await findHalves(database)).toEqual([]);

    await declareDead(database);
    process.kill(await standing.reached(running), "SIGKILL");
    standing = await until(() => standAt(database, boundary("before the proof is written down")), running);
    expect(await findHalves(database)).toEqual([]);

    await declareDead(database);
    await standing.reached(running);
    await kill(running);
    await standing.release();
    const survived = postmaster();
    running = await start();
    expect(postmaster()).toBe(survived);
    await declareDead(database);
    await untilEnded(database, batchId, "import", running);
    expect(await readContent(database)).toEqual(prepared.content);
  } finally {
    await database.close();
    running.child.kill("SIGTERM");
    await running.ended;
    if (existsSync(join(dataDir, "server.json"))) {
      const { pgData } = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as { pgData: string };
      rmSync(pgData, { recursive: true, force: true });
    }
    rmSync(dataDir, { recursive: true, force: true });
  }
});
