import type { Command } from "commander";
import { loadConfig } from "../config.ts";
import { openDatabase } from "../database/connections.ts";
import { refuseUnsafeProduction } from "../database/production.ts";
import { startWorker } from "../worker/worker.ts";
import { tell } from "./output.ts";
import { runUntilStopped } from "./running.ts";

/** `landfall worker`: the queue's worker alone, any number of times. */
export function registerWorker(program: Command): void {
  program
    .command("worker")
    .description("Run a worker until it is stopped. Any number of them may run on one database.")
    .action(() =>
      runUntilStopped(async ({ keep, giveUp }) => {
        const config = loadConfig();
        const database = await openDatabase(config, giveUp);
        await keep("database", database.close);
        await refuseUnsafeProduction(config, [database.worker]);
        const worker = await startWorker({ config, url: database.worker });
        await keep("worker", worker.stop);
        tell("The worker is ready.");
      }),
    );
}
