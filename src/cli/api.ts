import type { Command } from "commander";
import { loadConfig } from "../config.ts";
import { openDatabase } from "../database/connections.ts";
import { refuseUnsafeProduction } from "../database/production.ts";
import { childLogger } from "../log.ts";
import { startServer } from "../server/start.ts";
import { tell } from "./output.ts";
import { runUntilStopped } from "./running.ts";

/** `landfall api`: the API alone, any number of times. */
export function registerApi(program: Command): void {
  program
    .command("api")
    .description("Run the API until it is stopped. Any number of them may run on one database.")
    .action(() =>
      runUntilStopped(async ({ keep, giveUp }) => {
        const config = loadConfig();
        const database = await openDatabase(config, giveUp);
        await keep("database", database.close);
        await refuseUnsafeProduction(config, [database.api, database.listen]);
        const api = await startServer({
          config,
          databaseUrl: database.api,
          listenUrl: database.listen,
          log: childLogger({ area: "api" }),
        });
        await keep("api", api.close);
        tell(`The API is ready: ${api.url}/graphql`);
      }),
    );
}
