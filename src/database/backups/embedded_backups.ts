/** The backups of the server that an installation runs itself. */
import type { Config } from "../../config.ts";
import { fail } from "../../errors.ts";
import { readPlace } from "../embedded.ts";
import { type BackupReason, backupsDir } from "./backup_folder.ts";
import { type TakenBackup, takeBackup } from "./take_backup.ts";

/**
 * The cluster of the embedded server, and the folder of its backups.
 *
 * @throws LandfallError `server_not_ours` where DATABASE_URL is set, `backup_unknown` where there never was an embedded server
 */
export function embeddedPlaces(config: Config): { pgData: string; dir: string } {
  if (config.database.url !== undefined) {
    return fail(
      "server_not_ours",
      "DATABASE_URL names a server that Landfall does not run.",
      "Use the backups of its provider, or pg_dump; docs/operations.md says how.",
    );
  }
  const place = readPlace(config.dataDir);
  if (place === undefined && config.backups.dir === undefined) {
    return fail(
      "backup_unknown",
      `No server has run in the data folder ${config.dataDir} yet.`,
      "Start it with `npm start`, or set LANDFALL_BACKUPS_DIR to the folder of its backups.",
    );
  }
  const pgData = place?.pgData ?? `${config.dataDir}/postgres`;
  return { pgData, dir: backupsDir(config, pgData) };
}

/**
 * Takes a backup of the embedded server, which runs.
 *
 * @param kept how many of this kind are kept; LANDFALL_BACKUPS_KEPT where nothing is said
 * @throws as takeBackup
 */
export function takeBackupOf(
  adminUrl: string,
  config: Config,
  reason: BackupReason,
  kept = config.backups.kept,
): Promise<TakenBackup> {
  return takeBackup({ adminUrl, dir: embeddedPlaces(config).dir, reason, kept });
}
