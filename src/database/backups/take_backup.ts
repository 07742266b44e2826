/** Taking a backup of the embedded server while it works, by the server's own BASE_BACKUP. */
import { existsSync } from "node:fs";
import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import pg from "pg";
import { needRoom } from "../../disk.ts";
import { errorCode, errorMessage, fail } from "../../errors.ts";
import { childLogger } from "../../log.ts";
import { syncFolder } from "../../new_folder.ts";
import { maintenanceUrl } from "../server_process.ts";
import {
  type Backup,
  type BackupReason,
  basesDir,
  describe,
  listBackups,
  makeBackupsDir,
  newName,
  removeDrafts,
  removeOldBackups,
} from "./backup_folder.ts";
import { readWholeBackup } from "./read_backup.ts";
import { archiveFolder, beginArchive, pruneWal } from "./wal_archive.ts";

const log = childLogger({ area: "backups" });

/** The process that holds this advisory lock in the database `postgres` is the one that takes a backup. */
const backupLock = 7_613_002;

export interface BackupRequest {
  /** Connection string of the embedded server's administrator. */
  adminUrl: string;
  /** The folder of backups, absolute. */
  dir: string;
  reason: BackupReason;
  /** How many of this kind are kept, this one included. */
  kept: number;
}

export interface TakenBackup {
  backup: Backup;
  /** Names of the backups that were removed, for there are enough newer ones. */
  removed: string[];
}

interface Facts {
  pg_data: string;
  version: string;
  version_number: number;
  system_identifier: string;
  bytes: string;
  segment_bytes: string;
}

/**
 * Takes a backup while the server works: the server writes it, checking its pages on the way, with the log that belongs to it; then it is read
 * once, every file held against the server's list, and gets its name. One that is asked for also begins the archive of the log, by which the server
 * can be brought back to any later moment.
 *
 * @throws LandfallError `backup_running` where another one is being taken, `disk_full` where there is no room, `no_permission`,
 *   `backup_damaged` where it cannot be read back or a page of the cluster is damaged
 */
export async function takeBackup({ adminUrl, dir, reason, kept }: BackupRequest): Promise<TakenBackup> {
  const url = maintenanceUrl(adminUrl);
  const client = new pg.Client({ connectionString: url, application_name: "landfall backup" });
  await client.connect();
  try {
    const { rows: locks } = await client.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [
      backupLock,
    ]);
    if (!locks[0]?.taken) fail("backup_running", "Another backup is being taken.", "Wait until it is done.");
    const facts = await readFacts(client);
    await makeBackupsDir(dir, facts.pg_data);
    await removeDrafts(dir);
    // Packed it is smaller, by how much nobody knows beforehand.
    await needRoom(
      dir,
      Number(facts.bytes) + 4 * Number(facts.segment_bytes),
      "The backup",
      "Free some space there, or set LANDFALL_BACKUPS_DIR to a folder on another disk.",
    );
    const archive = archiveFolder(dir, facts.system_identifier);
    const isArchived = reason === "asked" ? await beginArchive(client, archive) : await isArchiving(client, archive);
    const startedAt = await now(client);
    const name = newName(dir, startedAt);
    const draft = join(basesDir(dir), `.${name}.partial`);
    const start = await writeBase(url, draft, name);
    const read = await readWholeBackup(draft, undefined);
    const { rows } = await client.query<{ segment: string; last: string }>(
      `select lpad(upper(to_hex($1::integer)), 8, '0') || substr(pg_walfile_name($2), 9) as segment,
         lpad(upper(to_hex($1::integer)), 8, '0') || substr(pg_walfile_name($3), 9) as last`,
      [read.timeline, start.first, start.last],
    );
    const segments = rows[0] as { segment: string; last: string };
    const backup: Backup = {
      format: 1,
      name,
      reason,
      startedAt: startedAt.toISOString(),
      finishedAt: start.finishedAt.toISOString(),
      major: Math.floor(facts.version_number / 10_000) as Backup["major"],
      serverVersion: facts.version,
      systemIdentifier: facts.system_identifier,
      timeline: read.timeline,
      firstSegment: segments.segment,
      lastSegment: segments.last,
      segmentBytes: Number(facts.segment_bytes),
      isArchived,
      migration: await newestMigration(adminUrl),
      bytes: read.bytes,
      clusterBytes: read.clusterBytes,
      files: read.files,
    };
    await writeFile(join(draft, "backup.json"), describe(backup), { mode: 0o600, flush: true });
    await syncFolder(draft);
    await rename(draft, join(basesDir(dir), name));
    await syncFolder(basesDir(dir));
    const removed = await removeOldBackups(dir, reason, kept);
    await letOldLogGo(dir, archive, facts.system_identifier);
    log.info({ name, reason, bytes: read.bytes }, "took a backup");
    return { backup, removed };
  } finally {
    await client.end();
  }
}

/** The log before the oldest backup that was asked for leads to nothing that somebody wants to go back to. */
async function letOldLogGo(dir: string, archive: string, systemIdentifier: string): Promise<void> {
  const backups = await listBackups(dir);
  await removeForeignLogs(
    dir,
    backups.map((backup) => backup.systemIdentifier),
  );
  const [oldest] = backups
    .filter((backup) => backup.systemIdentifier === systemIdentifier && backup.reason === "asked" && backup.isArchived)
    .map(({ firstSegment }) => firstSegment)
    .sort((one, other) => one.slice(8).localeCompare(other.slice(8)));
  if (oldest !== undefined) await pruneWal(archive, oldest);
}

/** The log of a cluster from before an upgrade goes with the last of its backups. */
async function removeForeignLogs(dir: string, known: string[]): Promise<void> {
  const logs = dirname(archiveFolder(dir, "0"));
  for (const name of existsSync(logs) ? await readdir(logs) : []) {
    if (/^\d+$/.test(name) && !known.includes(name)) await rm(join(logs, name), { recursive: true });
  }
}

/** Has the server write its files, packed, into a folder of the machine; the log that they need is among them. */
async function writeBase(
  url: string,
  folder: string,
  label: string,
): Promise<{ first: string; last: string; finishedAt: Date }> {
  const options = { connectionString: url, application_name: "landfall backup", replication: "true" };
  const client = new pg.Client(options);
  await client.connect();
  try {
    const answers = (await client.query(
      `BASE_BACKUP (LABEL ${pg.escapeLiteral(label)}, TARGET 'server', TARGET_DETAIL ${pg.escapeLiteral(folder)},
         COMPRESSION 'gzip', COMPRESSION_DETAIL '1', CHECKPOINT 'fast', WAL true, WAIT false,
         MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')`,
    )) as unknown as pg.QueryResult<{ recptr?: string }>[];
    const [first, last] = answers.flatMap(({ rows }) => rows.flatMap(({ recptr }) => recptr ?? []));
    if (first === undefined || last === undefined)
      throw new Error("The server did not say where the backup begins and ends.");
    return { first, last, finishedAt: new Date() };
  } catch (error) {
    if (errorCode(error) === "XX001") {
      fail(
        "backup_damaged",
        `The cluster itself is damaged: ${errorMessage(error)}. postgres.log in the data folder names the pages.`,
        "Keep the backups that there are: restore one (`landfall restore`), and have the disk examined.",
        error,
      );
    }
    if (errorCode(error) === "53100") {
      fail("disk_full", `No space is left for the backup in ${folder}.`, "Free some space there.", error);
    }
    throw error;
  } finally {
    await client.end();
  }
}

async function readFacts(client: pg.Client): Promise<Facts> {
  const { rows } = await client.query<Facts>(
    `select current_setting('data_directory') as pg_data, current_setting('server_version') as version,
       current_setting('server_version_num')::integer as version_number,
       (select system_identifier::text from pg_control_system()) as system_identifier,
       (select sum(pg_database_size(oid)) from pg_database)::text as bytes,
       (select setting from pg_settings where name = 'wal_segment_size') as segment_bytes`,
  );
  return rows[0] as Facts;
}

async function isArchiving(client: pg.Client, folder: string): Promise<boolean> {
  const { rows } = await client.query<{ is_on: boolean }>(
    `select current_setting('archive_mode') = 'on' and current_setting('archive_library') <> ''
       and current_setting('basic_archive.archive_directory', true) is not distinct from $1 as is_on`,
    [folder],
  );
  return rows[0]?.is_on ?? false;
}

async function now(client: pg.Client): Promise<Date> {
  const { rows } = await client.query<{ moment: Date }>("select clock_timestamp() as moment");
  return (rows[0] as { moment: Date }).moment;
}

/** The newest migration that a database has had; null where it has had none. */
export async function newestMigration(adminUrl: string): Promise<string | null> {
  const client = new pg.Client({ connectionString: adminUrl, application_name: "landfall backup" });
  await client.connect();
  try {
    const { rows: tables } = await client.query("select where to_regclass('graphile_migrate.migrations') is not null");
    if (tables.length === 0) return null;
    const { rows } = await client.query<{ name: string }>(
      "select filename as name from graphile_migrate.migrations order by filename desc limit 1",
    );
    return rows[0]?.name ?? null;
  } finally {
    await client.end();
  }
}
