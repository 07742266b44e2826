import type pg from "pg";
import type { Config } from "../config.ts";
import { fail } from "../errors.ts";
import type { FileStore } from "../imports/files/file_store.ts";

/** What every task may use besides its payload. */
export interface WorkerContext {
  config: Config;
  /** Connections as the worker's login; rows are reached through withIdentity. */
  pool: pg.Pool;
  /** Where the files are that imports bring along. */
  files: FileStore;
}

let current: WorkerContext | undefined;

/** Called once by the worker's start-up, before the first job. */
export function provideContext(context: WorkerContext): void {
  current = context;
}

/** The configuration and connections of the worker that runs this task. */
export function workerContext(): WorkerContext {
  return current ?? fail("no_worker", "A task ran outside of a worker.", "Start it through `landfall worker`.");
}
