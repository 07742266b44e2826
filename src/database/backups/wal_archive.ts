/**
 * The write-ahead log of the embedded server, kept beside its backups: with a backup and the log since, the server can be brought back to any
 * moment. PostgreSQL's own module `basic_archive` copies each segment: it writes a file of another name, brings it to disk and renames it, and it
 * needs neither a shell nor a program of ours, which the server's user might not even reach.
 */
import { existsSync } from "node:fs";
import { chown, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { fail } from "../../errors.ts";
import { ownerOf } from "../server_user.ts";

/** A segment's name: timeline, and place in the log, each in hexadecimal. */
const segmentName = /^[0-9A-F]{24}$/;

/** What is archived before the first backup goes nowhere: without a backup to begin from it is worth nothing. */
const nowhere = "exit 0";

/** How long the archive may take for its first segment, in milliseconds. */
const patience = 60_000;

/** A file of the log, wherever it is kept. */
export interface WalFile {
  name: string;
  path: string;
  bytes: number;
}

/** Where a cluster's log is archived; another cluster's has the same names, and must never meet it. */
export function archiveFolder(backupsDir: string, systemIdentifier: string): string {
  return join(backupsDir, "wal", systemIdentifier);
}

/**
 * Called when the server has started: where nobody has asked for an archive its log is let go, and where somebody has, its folder is there.
 *
 * @param client connected as the administrator
 */
export async function settleArchive(client: pg.Client): Promise<void> {
  const { mode, library, command, folder, pg_data } = await readSettings(client);
  if (mode !== "on") return;
  if (library !== "") {
    if (folder !== null && !existsSync(folder)) await makeFolder(folder, pg_data);
  } else if (command === "") {
    await client.query(`alter system set archive_command = ${pg.escapeLiteral(nowhere)}`);
    await client.query("select pg_reload_conf()");
  }
}

/**
 * Has the log archived from now on. Safe to repeat.
 *
 * @param client connected as the administrator
 * @param folder where to
 * @returns false where this server was started without the means (one of the tests); nothing is archived then
 */
export async function beginArchive(client: pg.Client, folder: string): Promise<boolean> {
  const settings = await readSettings(client);
  if (settings.mode !== "on") return false;
  if (!existsSync(folder)) await makeFolder(folder, settings.pg_data);
  if (settings.library !== "" && settings.folder === folder) return true;
  // A setting of a module can be written once the module is known.
  await client.query("load 'basic_archive'");
  await client.query("alter system set archive_command = ''");
  await client.query("alter system set archive_library = 'basic_archive'");
  await client.query(`alter system set basic_archive.archive_directory = ${pg.escapeLiteral(folder)}`);
  await client.query("select pg_reload_conf()");
  return true;
}

/** Ends the archive: what is there stays, and what is written from now on is let go. */
export async function endArchive(client: pg.Client): Promise<void> {
  if ((await readSettings(client)).mode !== "on") return;
  await client.query("alter system reset archive_library");
  await client.query(`alter system set archive_command = ${pg.escapeLiteral(nowhere)}`);
  await client.query("select pg_reload_conf()");
}

/**
 * Waits until a segment is archived. A server that was started a moment ago may take twenty seconds for the first one: it begins its archiver
 * anew at most every ten.
 *
 * @param adminUrl connection string of the administrator
 * @throws LandfallError `archive_failing` with what the server says where it cannot
 */
export async function waitForArchive(adminUrl: string, folder: string, segment: string): Promise<void> {
  for (let waited = 0; !existsSync(join(folder, segment)); waited += 100) {
    if (waited >= patience) await explainArchive(adminUrl, folder);
    await sleep(100);
  }
}

async function explainArchive(adminUrl: string, folder: string): Promise<never> {
  const client = new pg.Client({ connectionString: adminUrl, application_name: "landfall backup" });
  await client.connect();
  try {
    const { rows } = await client.query<{ wal: string | null; at: Date | null }>(
      "select last_failed_wal as wal, last_failed_time as at from pg_stat_archiver",
    );
    const failed = rows[0]?.wal ? ` (${rows[0].wal} failed at ${rows[0].at?.toISOString()})` : "";
    return fail(
      "archive_failing",
      `The write-ahead log does not arrive in ${folder}${failed}.`,
      "Check that there is room and that the server's user may write there; postgres.log in the data folder says what happened.",
    );
  } finally {
    await client.end();
  }
}

/** The segments and the files beside them (`….history`, `….partial`) of a folder, in the log's order. */
export async function listWal(folder: string): Promise<WalFile[]> {
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => /^[0-9A-F]{8}/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { name, path, bytes: (await stat(path)).size };
    }),
  );
}

/** Removes from an archive what no backup needs that begins with this segment or a later one. */
export async function pruneWal(folder: string, firstSegment: string): Promise<number> {
  let removed = 0;
  for (const name of existsSync(folder) ? await readdir(folder) : []) {
    const isOld = segmentName.test(name.slice(0, 24)) && placeOf(name) < placeOf(firstSegment);
    if (!isOld && !(await isAbandoned(join(folder, name)))) continue;
    await rm(join(folder, name));
    removed += 1;
  }
  return removed;
}

/** The place of a segment in the log, whichever timeline it belongs to. */
export function placeOf(segment: string): string {
  return segment.slice(8, 24);
}

/** The timeline of a segment or of a `….history`. */
export function timelineOf(name: string): number {
  return Number.parseInt(name.slice(0, 8), 16);
}

/** Whether a file is a whole segment by its name. */
export function isSegment(name: string): boolean {
  return segmentName.test(name);
}

/**
 * Whether a file holds the segment that its name says. The server names files ahead of time that still hold what an earlier segment said.
 */
export async function isWritten({ name, path, bytes }: WalFile): Promise<boolean> {
  const handle = await open(path, "r");
  try {
    const header = Buffer.alloc(16);
    await handle.read(header, 0, 16, 0);
    const number =
      BigInt(`0x${name.slice(8, 16)}`) * (0x1_0000_0000n / BigInt(bytes)) + BigInt(`0x${name.slice(16, 24)}`);
    // The first segment of a timeline begins as a copy of its parent's.
    return header.readUInt32LE(4) <= timelineOf(name) && header.readBigUInt64LE(8) === number * BigInt(bytes);
  } finally {
    await handle.close();
  }
}

/** What a server that was killed while it copied a segment leaves. */
async function isAbandoned(path: string): Promise<boolean> {
  return /archtemp\./.test(path) && (await stat(path)).mtimeMs < Date.now() - 3_600_000;
}

/** Every folder that is made on the way belongs to the server's user, who must pass through them. */
async function makeFolder(folder: string, pgData: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  const user = ownerOf(pgData);
  if (user === undefined || first === undefined) return;
  for (let path = folder; path.length >= first.length; path = dirname(path)) await chown(path, user.uid, user.gid);
}

interface ArchiveSettings {
  mode: string;
  library: string;
  command: string;
  folder: string | null;
  pg_data: string;
}

async function readSettings(client: pg.Client): Promise<ArchiveSettings> {
  const { rows } = await client.query<ArchiveSettings>(
    `select current_setting('archive_mode') as mode, current_setting('archive_library') as library,
       coalesce((select s.reset_val from pg_settings s where s.name = 'archive_command'), '') as command,
       current_setting('basic_archive.archive_directory', true) as folder, current_setting('data_directory') as pg_data`,
  );
  return rows[0] as ArchiveSettings;
}
