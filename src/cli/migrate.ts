import type { Command } from "commander";
import { type Config, loadConfig } from "../config.ts";
import { takeBackupOf } from "../database/backups/embedded_backups.ts";
import { newestMigration } from "../database/backups/take_backup.ts";
import { type OpenDatabase, openDatabase, requireAdmin } from "../database/connections.ts";
import { committedMigrations, migrate } from "../database/migrate.ts";
import type { SecretKeys } from "../keys.ts";
import { childLogger } from "../log.ts";
import { type AnswerOptions, answer, jsonOption, tell } from "./output.ts";

interface MigrateOptions extends AnswerOptions {
  backup: boolean;
}

/** `landfall migrate`: roles, schemas, queue and every committed migration. */
export function registerMigrate(program: Command): void {
  program
    .command("migrate")
    .description("Bring the database to the newest migration: roles, schemas, the queue. Safe to repeat.")
    .option("--no-backup", "take no backup of the embedded server before it is changed")
    .option(...jsonOption)
    .addHelpText(
      "after",
      "\nNeeds the owner's or an administrator's connection string: DATABASE_OWNER_URL, or DATABASE_URL alone.",
    )
    .action(async (options: MigrateOptions) => {
      const config = loadConfig();
      const database = await openDatabase(config);
      try {
        if (options.backup) await backUpBeforeMigrating(database, config);
        const lines = await migrateAsAdmin(requireAdmin(database), config);
        answer(options, { migrated: true, log: lines }, [...lines, "The database is at the newest migration."]);
      } finally {
        await database.close();
      }
    });
}

/**
 * Takes a backup of the embedded server where migrations are about to change what is in it. A new database needs none, and a server of
 * somebody else's has its own.
 */
export async function backUpBeforeMigrating(database: OpenDatabase, config: Config): Promise<void> {
  if (!database.isEmbedded || !config.backups.beforeMigrations) return;
  const adminUrl = requireAdmin(database);
  const newest = await newestMigration(adminUrl);
  if (newest === null || newest >= ((await committedMigrations()).at(-1) ?? "")) return;
  tell("Taking a backup before the migrations ...");
  const { backup } = await takeBackupOf(adminUrl, config, "migration");
  tell(`The backup is ${backup.name}.`);
}

/**
 * Runs the migrations and gives what they said.
 *
 * @param adminUrl connection string of the owner or an administrator
 */
export async function migrateAsAdmin(
  adminUrl: string,
  { rolePrefix, secretKey, previousSecretKey }: Pick<Config, "rolePrefix" | keyof SecretKeys>,
): Promise<string[]> {
  const lines: string[] = [];
  const log = childLogger({ area: "migrations" });
  await migrate({
    adminUrl,
    rolePrefix,
    secretKey,
    previousSecretKey,
    log: (line) => {
      log.debug(line);
      lines.push(line);
    },
  });
  return lines;
}
