/**
 * Writes migrations: graphile-migrate on the development database (the embedded one, or DATABASE_URL's), as the owner and with a shadow
 * database beside it.
 *
 *   npm run db -- watch             runs current.sql again whenever it or a fixture changes
 *   npm run db -- commit "message"  keeps current.sql as the next migration
 *   npm run db -- uncommit          takes the newest one back into current.sql
 */
import { Command } from "commander";
import { commit, type Settings, uncommit, watch } from "graphile-migrate";
import { migrateAsAdmin } from "../src/cli/migrate.ts";
import { explainError } from "../src/cli/output.ts";
import { loadConfig } from "../src/config.ts";
import { openDatabase, requireAdmin } from "../src/database/connections.ts";
import { migrationSettings } from "../src/database/migrate.ts";
import { deriveUrls } from "../src/database/urls.ts";

async function withDatabase(work: (settings: Settings) => Promise<void>): Promise<void> {
  const config = loadConfig();
  const database = await openDatabase(config);
  try {
    const admin = requireAdmin(database);
    await migrateAsAdmin(admin, config);
    const { owner } = deriveUrls(admin, config.secretKey, config.rolePrefix);
    const shadow = new URL(owner);
    shadow.pathname += "_shadow";
    await work({
      ...(await migrationSettings(config.rolePrefix)),
      connectionString: owner,
      shadowConnectionString: shadow.toString().replaceAll("+", "%20"),
      rootConnectionString: admin,
      databaseOwner: `${config.rolePrefix}_owner`,
    });
  } finally {
    await database.close();
  }
}

const program = new Command("npm run db --").description("Write migrations.").exitOverride();
program
  .command("watch")
  .description("Run current.sql again whenever it or a fixture changes.")
  .option("--once", "run it once")
  .action((options: { once?: boolean }) => withDatabase((settings) => watch(settings, options.once ?? false)));
program
  .command("commit")
  .description(
    "Keep current.sql as the next migration, after trying everything from the beginning on the shadow database.",
  )
  .argument("<message>", "imperative, at most 50 characters")
  .action((message: string) => withDatabase((settings) => commit(settings, message)));
program
  .command("uncommit")
  .description("Take the newest migration back into current.sql. For those that nobody else has run.")
  .action(() => withDatabase(uncommit));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explainError(error, false);
}
