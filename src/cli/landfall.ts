/** The `landfall` command: its sub-commands, and how errors and exit codes come out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { projectDir } from "../config.ts";
import { registerApi } from "./api.ts";
import { registerDoctor } from "./doctor.ts";
import { registerImport } from "./import.ts";
import { registerMigrate } from "./migrate.ts";
import { registerOperator } from "./operator.ts";
import { explainError } from "./output.ts";
import { registerPsql } from "./psql.ts";
import { registerSnapshot } from "./snapshot.ts";
import { registerStart } from "./start.ts";
import { registerTenant } from "./tenant.ts";
import { registerUser } from "./user.ts";
import { registerWorker } from "./worker.ts";

const { version } = JSON.parse(readFileSync(join(projectDir, "package.json"), "utf8")) as { version: string };

const program = new Command("landfall")
  .description("Brings a business ashore: out of Airtable and other stores, into a PostgreSQL database that it owns.")
  .version(version)
  .showHelpAfterError("(add --help to see how it is used)")
  .exitOverride()
  .configureHelp({ showGlobalOptions: true })
  .addHelpText("after", "\nConfiguration is by environment; .env.example explains every variable.");

for (const register of [
  registerStart,
  registerMigrate,
  registerApi,
  registerWorker,
  registerTenant,
  registerUser,
  registerOperator,
  registerImport,
  registerSnapshot,
  registerPsql,
  registerDoctor,
]) {
  register(program);
}

// Sub-commands were made before this line and take none of it over by themselves.
const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];
for (const command of everyCommand(program)) {
  command.exitOverride().showHelpAfterError("(add --help to see how it is used)");
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explainError(error, process.argv.includes("--json"));
}
