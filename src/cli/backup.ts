import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import pg from "pg";
import { loadConfig } from "../config.ts";
import { type Backup, basesDir, listBackups, readBackup } from "../database/backups/backup_folder.ts";
import { embeddedPlaces, takeBackupOf } from "../database/backups/embedded_backups.ts";
import { readWholeBackup } from "../database/backups/read_backup.ts";
import { archiveFolder, endArchive, listWal, waitForArchive } from "../database/backups/wal_archive.ts";
import { openDatabase, requireAdmin } from "../database/connections.ts";
import { sizeInWords } from "../disk.ts";
import { type AnswerOptions, answer, jsonOption, tell } from "./output.ts";

interface TakeOptions extends AnswerOptions {
  keep?: number;
}

/** `landfall backup …`: backups of the embedded server. */
export function registerBackup(program: Command): void {
  const backup = program
    .command("backup")
    .description("Take, list and verify backups of the embedded server, with the log of what was changed since.");
  backup
    .command("take", { isDefault: true })
    .description("Take a backup while the server works, and archive its log from then on. `landfall backup` does this.")
    .option("--keep <n>", "how many backups of this kind are kept (default: LANDFALL_BACKUPS_KEPT, 7)", wholeNumber)
    .option(...jsonOption)
    .addHelpText(
      "after",
      "\nWith a backup and the archived log `landfall restore --to <time>` brings the server back to any moment since.",
    )
    .action(async (options: TakeOptions) => {
      const config = loadConfig();
      embeddedPlaces(config);
      const database = await openDatabase(config);
      try {
        tell("Taking the backup, and reading it back ...");
        const { backup: taken, removed } = await takeBackupOf(requireAdmin(database), config, "asked", options.keep);
        const { dir } = embeddedPlaces(config);
        if (taken.isArchived) {
          tell("Waiting until its log has arrived in the archive ...");
          await waitForArchive(requireAdmin(database), archiveFolder(dir, taken.systemIdentifier), taken.lastSegment);
        }
        const folder = join(basesDir(dir), taken.name);
        answer(options, { backup: taken, folder, removed }, [
          `The backup ${taken.name} is whole: ${sizeInWords(taken.bytes)} in ${folder}.`,
          taken.isArchived
            ? "From now on the log is archived: `landfall restore --to <time>` goes to any moment since."
            : "The log is not archived: this backup can be restored to its own moment alone. Stop the server and start it again.",
          ...removed.map((name) => `Removed ${name}, for there are enough newer ones.`),
        ]);
      } finally {
        await database.close();
      }
    });
  backup
    .command("list")
    .description("List the backups, and what each can be restored to.")
    .option(...jsonOption)
    .action(async (options: AnswerOptions) => {
      const { dir } = embeddedPlaces(loadConfig());
      const backups = await listBackups(dir);
      const logs = await Promise.all(
        [...new Set(backups.map((one) => one.systemIdentifier))].map((id) => logOf(dir, id)),
      );
      answer(
        options,
        { folder: dir, backups, logs },
        backups.length === 0
          ? [`There is none in ${dir}. Take one: landfall backup`]
          : [
              `In ${dir}:`,
              ...backups.map(describe),
              ...logs
                .filter(({ segments }) => segments > 0)
                .map(({ segments, bytes }) => `The archived log: ${segments} segments, ${sizeInWords(bytes)}.`),
            ],
      );
    });
  backup
    .command("verify")
    .description("Read a backup from its first byte to its last, and hold every file against the server's list.")
    .argument("[name]", "the backup (default: the newest)")
    .option(...jsonOption)
    .action(async (name: string | undefined, options: AnswerOptions) => {
      const { dir } = embeddedPlaces(loadConfig());
      const asked = await readBackup(dir, name ?? (await listBackups(dir)).at(-1)?.name ?? "");
      await readWholeBackup(join(basesDir(dir), asked.name), asked.files);
      answer(options, { backup: asked, isWhole: true }, [`The backup ${asked.name} is whole.`]);
    });
  backup
    .command("stop")
    .description("Stop archiving the log, until the next backup: what is changed from then on cannot be restored.")
    .option(...jsonOption)
    .action(async (options: AnswerOptions) => {
      const config = loadConfig();
      embeddedPlaces(config);
      const database = await openDatabase(config);
      const client = new pg.Client({ connectionString: requireAdmin(database), application_name: "landfall backup" });
      try {
        await client.connect();
        await endArchive(client);
        answer(options, { isArchived: false }, ["The log is no longer archived. The backups stay."]);
      } finally {
        await client.end();
        await database.close();
      }
    });
}

function describe({ name, reason, finishedAt, serverVersion, bytes, isArchived }: Backup): string {
  const range = isArchived ? "to any moment since" : "to this moment";
  return [name, reason.padEnd(9), finishedAt, `PostgreSQL ${serverVersion}`, sizeInWords(bytes), range].join("  ");
}

async function logOf(
  dir: string,
  systemIdentifier: string,
): Promise<{ systemIdentifier: string; segments: number; bytes: number }> {
  const files = await listWal(archiveFolder(dir, systemIdentifier));
  return { systemIdentifier, segments: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 on.");
  return Number.parseInt(text, 10);
}
