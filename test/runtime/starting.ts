/** `landfall start` as people run it: real processes on a data folder of their own, everything asked over HTTP and SQL. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { loadConfig } from "../../src/config.ts";
import { type RunningProcess, startByNpm, startLandfall } from "../support/processes.ts";

/** What `start` says last. */
export const lastLine = "Ctrl-C stops everything";

export interface Starting {
  dataDir: string;
  /** The environment of every start: free ports, the data folder. */
  variables: Record<string, string>;
  start(args?: string[]): RunningProcess;
  startByNpm(args: string[]): RunningProcess;
  /** Process id of the postmaster. */
  postmaster(): number;
  /** Where a test failed half way, the next one finds nothing running. */
  stopAll(): Promise<void>;
  remove(): void;
}

/** Makes the data folder. Call `stopAll()` in `afterEach`, and `remove()` in `afterAll`. */
export function prepareStarting(): Starting {
  const dataDir = mkdtempSync(join(tmpdir(), "landfall-start-"));
  const variables = {
    LANDFALL_DATA_DIR: dataDir,
    API_PORT: "0",
    GHL_SANDBOX_PORT: "0",
    MAIL_SANDBOX_PORT: "0",
    PG_MAJOR: String(loadConfig().postgresMajor),
  };
  const folder = () => (JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as { pgData: string }).pgData;
  let started: RunningProcess[] = [];
  const watched = (running: RunningProcess) => {
    started.push(running);
    return running;
  };
  return {
    dataDir,
    variables,
    start: (args = []) => watched(startLandfall(["start", ...args], variables)),
    startByNpm: (args) => watched(startByNpm(["start", ...args], variables)),
    postmaster: () => Number.parseInt(readFileSync(join(folder(), "postmaster.pid"), "utf8"), 10),
    async stopAll() {
      for (const { child, ended } of started) {
        child.kill("SIGTERM");
        await ended;
      }
      started = [];
    },
    remove() {
      rmSync(folder(), { recursive: true, force: true });
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** An address that `start` printed beside this name. */
export function printed(running: RunningProcess, name: string): string {
  const [, address] = new RegExp(`^ +${name} +(\\S+)`, "m").exec(running.output()) ?? [];
  if (address === undefined) throw new Error(`${name} was not printed:\n${running.output()}`);
  return address;
}

/** Rows of a statement over a connection of its own. */
export async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Whether a process runs; one that has ended and that nobody has asked about does not. */
export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) ? !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")) : false;
}
