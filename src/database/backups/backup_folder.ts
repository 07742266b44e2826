/** Where backups are, what each says of itself, and which are kept. */
import { existsSync, realpathSync } from "node:fs";
import { chown, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Config } from "../../config.ts";
import { errorMessage, fail } from "../../errors.ts";
import { childLogger } from "../../log.ts";
import { canReach, ownerOf } from "../server_user.ts";

const log = childLogger({ area: "backups" });

/** Why a backup was taken: somebody asked, migrations were about to change the database, or another major version took it over. */
export const backupReasons = ["asked", "migration", "upgrade"] as const;

export type BackupReason = (typeof backupReasons)[number];

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const backupSchema = z.object({
  format: z.literal(1),
  name: z.string(),
  reason: z.enum(backupReasons),
  /** By the server's clock; what was committed before the start is in it, and it can be restored to any moment from the end on. */
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  /** Major version of the server. */
  major: z.union([z.literal(16), z.literal(17), z.literal(18)]),
  serverVersion: z.string(),
  /** Of the cluster: the log of another one does not belong to it. */
  systemIdentifier: z.string().regex(/^\d+$/),
  timeline: z.number().int().min(1),
  /** The segment of the log where it begins. */
  firstSegment: z.string().regex(/^[0-9A-F]{24}$/),
  /** The segment where it ends; what lies between is in it. */
  lastSegment: z.string().regex(/^[0-9A-F]{24}$/),
  segmentBytes: z.number().int(),
  /** Whether the log is archived from it on; without, it can be restored to its own end alone. */
  isArchived: z.boolean(),
  /** The newest migration in it; null where there was none. */
  migration: z.string().nullable(),
  /** What it takes on disk, and what the cluster took. */
  bytes: z.number().int(),
  clusterBytes: z.number().int(),
  files: z.object({ "base.tar.gz": sha256, backup_manifest: sha256 }),
});

/** What a backup says of itself, in its `backup.json`. */
export type Backup = z.infer<typeof backupSchema>;

/** Names are moments: `20261120T123300Z`, and `…Z-2` for the second one of a second. */
const backupName = /^\d{8}T\d{6}Z(-\d+)?$/;

/**
 * The folder of a cluster's backups: the configured one, else one in the data folder, or beside a cluster that could not be there.
 *
 * @param pgData the cluster's folder
 */
export function backupsDir(config: Pick<Config, "dataDir" | "backups">, pgData: string): string {
  if (config.backups.dir !== undefined) return config.backups.dir;
  const isInside = existsSync(config.dataDir) && dirname(pgData) === realpathSync(config.dataDir);
  return isInside ? join(dirname(pgData), "backups") : `${pgData}.backups`;
}

export function basesDir(dir: string): string {
  return join(dir, "base");
}

/** Makes the folder where it is missing, and the server's user its owner: the server itself writes backups. */
export async function makeBackupsDir(dir: string, pgData: string): Promise<void> {
  const user = ownerOf(pgData);
  try {
    await mkdir(basesDir(dir), { recursive: true, mode: 0o700 });
    if (user) for (const folder of [dir, basesDir(dir)]) await chown(folder, user.uid, user.gid);
  } catch (error) {
    fail(
      "no_permission",
      `Backups cannot be written to ${dir}: ${errorMessage(error)}.`,
      "Give your user access to that folder, or set LANDFALL_BACKUPS_DIR to another one.",
      error,
    );
  }
  if (!canReach(basesDir(dir), user)) {
    fail(
      "no_permission",
      `The user who runs PostgreSQL cannot reach ${dir}.`,
      "Set LANDFALL_BACKUPS_DIR to a folder that others may pass through (chmod o+x on the folders above it).",
    );
  }
}

/** Every backup that is whole, the oldest first. */
export async function listBackups(dir: string): Promise<Backup[]> {
  const bases = basesDir(dir);
  const names = existsSync(bases) ? (await readdir(bases)).filter((name) => backupName.test(name)).sort() : [];
  const backups = await Promise.all(names.map((name) => readBackup(dir, name)));
  return backups.sort((one, other) => one.finishedAt.localeCompare(other.finishedAt));
}

/**
 * @throws LandfallError `backup_unknown` where there is none of this name, `backup_damaged` where it does not say what it is
 */
export async function readBackup(dir: string, name: string): Promise<Backup> {
  const file = join(basesDir(dir), name, "backup.json");
  if (!backupName.test(name) || !existsSync(file)) {
    return fail(
      "backup_unknown",
      `There is no backup ${name} in ${dir}.`,
      "`landfall backup list` names those there are.",
    );
  }
  const parsed = backupSchema.safeParse(parseJson(await readFile(file, "utf8")));
  if (parsed.success) return parsed.data;
  return fail(
    "backup_damaged",
    `${file} does not say what the backup is: ${parsed.error.issues.map(({ path }) => path.join(".")).join(", ")}.`,
    "Use another backup; move this one away.",
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    log.debug({ error: errorMessage(error) }, "no JSON");
    return undefined;
  }
}

/** Writes a backup's description; the folder's name is the last thing that it gets. */
export function describe(backup: Backup): string {
  return `${JSON.stringify(backupSchema.parse(backup), null, 2)}\n`;
}

/** A name that no backup has yet. */
export function newName(dir: string, at: Date): string {
  const stem = at.toISOString().replace(/[-:]|\.\d+/g, "");
  for (let number = 1; ; number++) {
    const name = number === 1 ? stem : `${stem}-${number}`;
    if (!existsSync(join(basesDir(dir), name))) return name;
  }
}

/**
 * Removes the backups of a kind that are more than so many, the oldest first.
 *
 * @returns their names
 */
export async function removeOldBackups(dir: string, reason: BackupReason, kept: number): Promise<string[]> {
  const names = (await listBackups(dir)).filter((backup) => backup.reason === reason).map(({ name }) => name);
  const old = names.slice(0, Math.max(0, names.length - kept));
  for (const name of old) await rm(join(basesDir(dir), name), { recursive: true, force: true });
  return old;
}

/** Removes what was killed while it was written. Nobody else may be writing. */
export async function removeDrafts(dir: string): Promise<void> {
  for (const name of await readdir(basesDir(dir))) {
    if (/^\.\d{8}T\d{6}Z.*\.partial$/.test(name)) await rm(join(basesDir(dir), name), { recursive: true, force: true });
  }
}
