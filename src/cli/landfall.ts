/** The `landfall` command: its sub-commands, and how errors and exit codes come out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { projectDir } from "../config.ts";
import { explainError } from "./output.ts";

type Register = (program: Command) => void;

/** By the word that asks for it: a command loads what it needs, which for most is no server; the list of all loads all. */
const commands = new Map<string | undefined, () => Promise<Register>>([
  ["start", async () => (await import("./start.ts")).registerStart],
  ["migrate", async () => (await import("./migrate.ts")).registerMigrate],
  ["api", async () => (await import("./api.ts")).registerApi],
  ["worker", async () => (await import("./worker.ts")).registerWorker],
  ["tenant", async () => (await import("./tenant.ts")).registerTenant],
  ["user", async () => (await import("./user.ts")).registerUser],
  ["login", async () => (await import("./login.ts")).registerLogin],
  ["person", async () => (await import("./person.ts")).registerPerson],
  ["key", async () => (await import("./key.ts")).registerKey],
  ["operator", async () => (await import("./operator.ts")).registerOperator],
  ["import", async () => (await import("./import.ts")).registerImport],
  ["cutover", async () => (await import("./cutover.ts")).registerCutover],
  ["sample", async () => (await import("./sample.ts")).registerSample],
  ["files", async () => (await import("./files.ts")).registerFiles],
  ["snapshot", async () => (await import("./snapshot.ts")).registerSnapshot],
  ["publish", async () => (await import("./publish.ts")).registerPublish],
  ["documents", async () => (await import("./documents.ts")).registerDocuments],
  ["backup", async () => (await import("./backup.ts")).registerBackup],
  ["restore", async () => (await import("./restore.ts")).registerRestore],
  ["upgrade-server", async () => (await import("./upgrade_server.ts")).registerUpgradeServer],
  ["psql", async () => (await import("./psql.ts")).registerPsql],
  ["doctor", async () => (await import("./doctor.ts")).registerDoctor],
]);

const { version } = JSON.parse(readFileSync(join(projectDir, "package.json"), "utf8")) as { version: string };

const program = new Command("landfall")
  .description("Brings a business ashore: out of Airtable and other stores, into a PostgreSQL database that it owns.")
  .version(version)
  .showHelpAfterError("(add --help to see how it is used)")
  .exitOverride()
  .configureHelp({ showGlobalOptions: true })
  .addHelpText("after", "\nConfiguration is by environment; .env.example explains every variable.");

const asked = commands.get(process.argv[2]);
for (const load of asked ? [asked] : commands.values()) {
  const register = await load();
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
