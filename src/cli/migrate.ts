import type { Command } from "commander";
import { type Config, loadConfig } from "../config.ts";
import { openDatabase, requireAdmin } from "../database/connections.ts";
import { migrate } from "../database/migrate.ts";
import type { SecretKeys } from "../keys.ts";
import { childLogger } from "../log.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";

/** `landfall migrate`: roles, schemas, queue and every committed migration. */
export function registerMigrate(program: Command): void {
  program
    .command("migrate")
    .description("Bring the database to the newest migration: roles, schemas, the queue. Safe to repeat.")
    .option(...jsonOption)
    .addHelpText(
      "after",
      "\nNeeds the owner's or an administrator's connection string: DATABASE_OWNER_URL, or DATABASE_URL alone.",
    )
    .action(async (options: AnswerOptions) => {
      const config = loadConfig();
      const database = await openDatabase(config);
      try {
        const lines = await migrateAsAdmin(requireAdmin(database), config);
        answer(options, { migrated: true, log: lines }, [...lines, "The database is at the newest migration."]);
      } finally {
        await database.close();
      }
    });
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
