/** Runs of one publication in processes of their own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { projectDir } from "../../src/config.ts";
import type { WorkerProcessInput } from "./worker_process.ts";

export type WorkerProcess = {
  /** Whether it has ended, by itself or not. */
  hasEnded(): boolean;
  /** Sends a signal, unless it has ended, and waits until it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  ended: Promise<unknown>;
};

/** Starts `worker_process.ts` with this input. */
export function startWorkerProcess(input: WorkerProcessInput): WorkerProcess {
  const child = spawn(
    process.execPath,
    [join(projectDir, "test", "publishing", "worker_process.ts"), JSON.stringify(input)],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const ended = once(child, "exit");
  return {
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    async kill(signal) {
      child.kill(signal);
      await ended;
    },
    ended,
  };
}
