import type { Command } from "commander";
import { loadConfig } from "../config.ts";
import { embeddedMajor, upgradeServer } from "../database/upgrade_server.ts";
import { type AnswerOptions, answer, confirm, jsonOption, tell } from "./output.ts";
import { refuseRunning } from "./restore.ts";

interface UpgradeOptions extends AnswerOptions {
  yes?: boolean;
}

/** `landfall upgrade-server`: the embedded server's data, in the next major version. */
export function registerUpgradeServer(program: Command): void {
  program
    .command("upgrade-server")
    .description("Move the embedded server's data to the major version that PG_MAJOR names (18). It must stand still.")
    .option("--yes", "do it without asking")
    .option(...jsonOption)
    .addHelpText(
      "after",
      "\nThe old version's programs must be there: PG_MAJOR=<old> npm run bootstrap installs them. The old cluster is kept.",
    )
    .action(async (options: UpgradeOptions) => {
      const config = loadConfig();
      await refuseRunning(config);
      const from = embeddedMajor(config);
      tell(`Move the data in ${config.dataDir} from PostgreSQL ${from ?? "(none)"} to ${config.postgresMajor}.`);
      tell(
        "A backup is taken, everything is copied and compared, and the old cluster is kept: three times its size is needed.",
      );
      if (!options.yes) await confirm("Upgrade?");
      const upgraded = await upgradeServer(config, tell);
      answer(options, upgraded, [
        `PostgreSQL ${upgraded.to} holds the same ${upgraded.rows} rows of ${upgraded.tables} tables as PostgreSQL ${upgraded.from} did.`,
        `The old cluster is in ${upgraded.keptAs}. Delete it once nothing of it is missed.`,
        "Next: npm start, and `landfall backup`: what was backed up before can be restored with the old version alone.",
      ]);
    });
}
