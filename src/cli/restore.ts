import { type Command, InvalidArgumentError } from "commander";
import { type Config, loadConfig } from "../config.ts";
import { planRestore, type Restored, type RestorePlan, restore } from "../database/backups/restore.ts";
import { attachEmbedded } from "../database/embedded.ts";
import { sizeInWords } from "../disk.ts";
import { fail } from "../errors.ts";
import { type AnswerOptions, answer, confirm, jsonOption, tell } from "./output.ts";

interface RestoreOptions extends AnswerOptions {
  to?: string;
  backup?: string;
  dryRun?: boolean;
  yes?: boolean;
}

/** `landfall restore`: the embedded server, back at a moment. */
export function registerRestore(program: Command): void {
  program
    .command("restore")
    .description("Bring the embedded server back to a moment. It must stand still; what it holds now is kept aside.")
    .option(
      "--to <time>",
      "the moment, such as 2026-11-20T13:00:00Z; without a zone it is this machine's (default: the newest there is)",
      readMoment,
    )
    .option("--backup <name>", "the backup to begin from (default: the newest one before that moment)")
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--yes", "do it without asking")
    .option(...jsonOption)
    .addHelpText("after", "\nAfterwards: npm start, then `landfall publish reconcile` for what was published since.")
    .action(async (options: RestoreOptions) => {
      const config = loadConfig();
      await refuseRunning(config);
      const plan = await planRestore(config, { to: options.to ?? null, backup: options.backup });
      const lines = describePlan(plan);
      if (options.dryRun) {
        answer(options, planForMachines(plan), lines);
        return;
      }
      for (const line of lines) tell(line);
      if (!options.yes) await confirm("Restore?");
      const restored = await restore(config, plan, tell);
      answer(options, { ...planForMachines(plan), ...restored }, describeRestored(restored));
    });
}

/** Asked before anything else, so that nobody reads a plan that cannot be carried out. */
export async function refuseRunning({ database, dataDir }: Config): Promise<void> {
  if (database.url !== undefined || !(await attachEmbedded(dataDir))) return;
  fail(
    "already_running",
    `The server of the data folder ${dataDir} is running.`,
    "Stop Landfall (Ctrl-C where `npm start` runs, and every `landfall api` and `landfall worker`), then do this again.",
  );
}

/** A moment as PostgreSQL reads it: to the microsecond, and with a zone. */
function readMoment(text: string): string {
  const hasShape = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)?$/.test(text);
  const spelt = text.replace(" ", "T").replace(/([+-]\d{2})$/, "$1:00");
  if (!hasShape || Number.isNaN(new Date(spelt).getTime())) {
    throw new InvalidArgumentError("It must be a moment such as 2026-11-20T13:00:00Z.");
  }
  return /(Z|[+-]\d{2}:?\d{2})$/.test(spelt) ? spelt : new Date(spelt).toISOString();
}

function describePlan({ backup, to, log, logEndsAt, pgData, keptAs, bytes, timeline }: RestorePlan): string[] {
  return [
    `Restore ${pgData}`,
    `  to       ${to ?? `the newest state there is, about ${logEndsAt.toISOString()}`}`,
    `  from     the backup ${backup.name} (${backup.reason}, finished ${backup.finishedAt}, PostgreSQL ${backup.serverVersion})`,
    `  and      ${log.length} files of the log, timeline ${timeline}, the last written ${logEndsAt.toISOString()}`,
    `  room     up to ${sizeInWords(bytes)}`,
    `  kept     what is there now, as ${keptAs}`,
    "What was taken away after that moment is back: look through sessions, API keys, memberships and logins.",
  ];
}

function planForMachines({ backup, to, log, logEndsAt, pgData, keptAs, bytes, timeline }: RestorePlan) {
  return { backup: backup.name, to, segments: log.length, logEndsAt, pgData, keptAs, bytes, timeline };
}

function describeRestored({ content, lastChangeAt, keptAs }: Restored): string[] {
  return [
    `Restored: ${content.tenants} tenants, ${content.users} users, ${content.journeys} journeys, ${content.approvals} approvals, ${content.importBatches} imports, ${content.publications} publications, ${content.auditEntries} entries of the audit.`,
    `The last change in it was made ${lastChangeAt?.toISOString() ?? "never"}.`,
    ...(content.pendingMigrations > 0 ? [`${content.pendingMigrations} migrations follow at the next start.`] : []),
    ...(keptAs === null ? [] : [`What was there before is in ${keptAs}. Delete it once nothing of it is missed.`]),
    "Next: npm start, then `landfall publish reconcile` for every tenant: it finds what was published since.",
  ];
}
