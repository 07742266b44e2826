/**
 * Bringing the embedded server back to a moment: a cluster is made beside the one in use, from a backup and the log since, started, examined,
 * and only then put in its place. The former cluster is kept.
 */
import { constants, createWriteStream, existsSync } from "node:fs";
import { chmod, chown, copyFile, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import type { Config } from "../../config.ts";
import { needRoom } from "../../disk.ts";
import { fail } from "../../errors.ts";
import { childLogger } from "../../log.ts";
import { syncFolder } from "../../new_folder.ts";
import { localSecrets } from "../../secrets.ts";
import { type HeldFolder, holdFolder } from "../maintenance.ts";
import { explainFailure, freePort, launchServer, liveServer, stopServer, urlOf } from "../server_process.ts";
import { serverPrograms } from "../server_programs.ts";
import { ownerOf } from "../server_user.ts";
import { type Backup, basesDir, listBackups, readBackup } from "./backup_folder.ts";
import { embeddedPlaces } from "./embedded_backups.ts";
import { examineContent, type FoundContent } from "./examine_content.ts";
import { readWholeBackup } from "./read_backup.ts";
import { ancestry, historyName, readRestores, recordRestore, timelineAt } from "./timelines.ts";
import {
  archiveFolder,
  beginArchive,
  isSegment,
  isWritten,
  listWal,
  placeOf,
  timelineOf,
  type WalFile,
} from "./wal_archive.ts";

const log = childLogger({ area: "backups" });

export interface RestoreRequest {
  /** The moment, as PostgreSQL reads it with its zone; null for the newest there is. */
  to: string | null;
  /** The name of a backup to begin from; where it is left out, the newest one before the moment. */
  backup?: string | undefined;
}

/** What a restore would do. */
export interface RestorePlan {
  backup: Backup;
  to: string | null;
  /** The moment as a Date, to compare with. */
  moment: Date | null;
  /** The line of the log that was the database at that moment. */
  timeline: number;
  /** The log since the backup, in order. */
  log: WalFile[];
  /** When the newest of it was written. */
  logEndsAt: Date;
  /** The cluster that is replaced, and the name under which it is kept; it may be gone already. */
  pgData: string;
  keptAs: string;
  dir: string;
  /** Disk space that it takes, in bytes. */
  bytes: number;
}

export interface Restored {
  /** When the last change was made that is in it; null where nothing was ever changed. */
  lastChangeAt: Date | null;
  content: FoundContent;
  /** Where the former cluster is; null where there was none. */
  keptAs: string | null;
}

/** A copy that shares its blocks with the original, where the file system can. */
const copyMode = constants.COPYFILE_FICLONE;

/**
 * Finds out what a restore would do, and changes nothing.
 *
 * @throws LandfallError `server_not_ours`, `backup_unknown`, `time_not_covered` where no backup and log lead to the moment
 */
export async function planRestore(config: Config, { to, backup: name }: RestoreRequest): Promise<RestorePlan> {
  const { pgData, dir } = embeddedPlaces(config);
  const moment = to === null ? null : new Date(to);
  const backup = name === undefined ? await newestBefore(dir, moment) : await readBackup(dir, name);
  if (moment !== null && moment < new Date(backup.finishedAt)) {
    fail(
      "time_not_covered",
      `The backup ${backup.name} was finished at ${backup.finishedAt}, after ${to}.`,
      "Name an older backup, or a later moment.",
    );
  }
  const sources = [archiveFolder(dir, backup.systemIdentifier)];
  if ((await systemIdentifierOf(pgData)) === backup.systemIdentifier) sources.push(join(pgData, "pg_wal"));
  const found = (await Promise.all(sources.map(listWal))).flat();
  const files = new Map(found.toReversed().map((file) => [file.name, file]));
  // A restore that was cut off before it took over left no timeline.
  const restores = (await readRestores(dir)).filter((done) => files.has(historyName(done.timeline)));
  const timeline = timelineAt(restores, backup.systemIdentifier, moment ?? new Date(), backup.timeline);
  const line = await ancestry(timeline, async (history) => {
    const file = files.get(history);
    return file && (await readFile(file.path, "utf8"));
  });
  if (line === undefined || !line.some((part) => part.timeline === backup.timeline)) {
    return fail(
      "time_not_covered",
      `The backup ${backup.name} does not lead to ${to ?? "the newest state"}: it lies on another line of restores.`,
      "Name another backup (`landfall backup list`).",
    );
  }
  const since = await chain(
    files,
    line.map((part) => part.timeline),
    backup,
  );
  const histories = [...files.values()].filter((file) => file.name.endsWith(".history"));
  const bytes = since.reduce((sum, file) => sum + file.bytes, 0) + backup.clusterBytes;
  const last = since.at(-1);
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const plan: RestorePlan = {
    backup,
    to,
    moment,
    timeline,
    log: [...since, ...histories],
    logEndsAt: last ? await modifiedAt(last.path) : new Date(backup.finishedAt),
    pgData,
    keptAs: `${pgData}.before-restore-${stamp}`,
    dir,
    bytes,
  };
  if (moment === null && (await isLogBroken(plan))) {
    fail(
      "time_not_covered",
      `The log between the backup ${backup.name} and the newest state is not whole: the server lets go of what it need not archive.`,
      `The newest state is in the cluster as it is; \`--to ${plan.logEndsAt.toISOString()}\` is as far as the log leads.`,
    );
  }
  return plan;
}

/**
 * Restores as planned. The cluster in use is untouched until the restored one has been started and examined.
 *
 * @param say is told what goes on
 * @throws LandfallError `already_running` while the server runs, `disk_full`, `backup_damaged`, `time_not_covered` where the log ends before the
 *   moment, `restored_unsound`
 */
export async function restore(config: Config, plan: RestorePlan, say: (line: string) => void): Promise<Restored> {
  const { backup, pgData } = plan;
  const held = await holdFolder(config.dataDir, pgData, "a restore");
  const made = `${pgData}.restoring`;
  try {
    await rm(made, { recursive: true, force: true });
    await needRoom(dirname(pgData), plan.bytes, "The restored cluster", "Free some space there.");
    say(`Unpacking and checking the backup ${backup.name} ...`);
    await unpack(plan, made);
    say(plan.to === null ? "Replaying the log to its end ..." : `Replaying the log to ${plan.to} ...`);
    const { content, lastChangeAt } = await startAndExamine(config, plan, made, say);
    await keepRestOfLog(plan);
    const hadCluster = existsSync(pgData);
    await takeOver(plan, held, made);
    return { content, lastChangeAt, keptAs: hadCluster ? plan.keptAs : null };
  } finally {
    await rm(made, { recursive: true, force: true });
    held.release();
  }
}

async function newestBefore(dir: string, moment: Date | null): Promise<Backup> {
  const all = await listBackups(dir);
  const backup = all.findLast(({ finishedAt }) => moment === null || new Date(finishedAt) <= moment);
  if (backup !== undefined) return backup;
  const [first] = all;
  return first === undefined
    ? fail(
        "backup_unknown",
        `There is no backup in ${dir}.`,
        "`landfall backup` takes one; LANDFALL_BACKUPS_DIR says where.",
      )
    : fail(
        "time_not_covered",
        `The oldest backup was finished at ${first.finishedAt}, after the moment that you ask for.`,
        "Choose a later moment.",
      );
}

/** Of a cluster's folder; undefined where there is none. Its control file begins with it. */
async function systemIdentifierOf(pgData: string): Promise<string | undefined> {
  const file = join(pgData, "global", "pg_control");
  if (!existsSync(file)) return undefined;
  return (await readFile(file)).readBigUInt64LE(0).toString();
}

/** What a segment that was not archived whole is called in an archive: as a restore kept it, and as the server itself does. */
const remainders = [".rest", ".partial"];

/** The segments from the backup's first on, as far as none is missing; those that the backup holds itself may be. */
async function chain(files: Map<string, WalFile>, line: number[], backup: Backup): Promise<WalFile[]> {
  const byPlace = new Map<string, WalFile[]>();
  for (const file of files.values()) {
    const stem = file.name.slice(0, 24);
    const first = ["", ...remainders]
      .map((ending) => files.get(stem + ending))
      .find((candidate) => candidate !== undefined);
    if (first !== file || !isSegment(stem) || !line.includes(timelineOf(stem))) continue;
    if (placeOf(stem) < placeOf(backup.firstSegment) || !(await isWritten(file))) continue;
    byPlace.set(placeOf(stem), [...(byPlace.get(placeOf(stem)) ?? []), file]);
  }
  const found: WalFile[] = [];
  for (let place = placeOf(backup.firstSegment); ; place = placeAfter(place, backup.segmentBytes)) {
    const here = byPlace.get(place) ?? [];
    if (here.length === 0 && place > placeOf(backup.lastSegment)) return found;
    found.push(...here);
  }
}

/** The next place in the log, where segments are so large. */
function placeAfter(place: string, segmentBytes: number): string {
  const perFile = Math.floor(2 ** 32 / segmentBytes);
  const [high, low] = [Number.parseInt(place.slice(0, 8), 16), Number.parseInt(place.slice(8), 16)];
  const [nextHigh, nextLow] = low + 1 === perFile ? [high + 1, 0] : [high, low + 1];
  return [nextHigh, nextLow].map((part) => part.toString(16).toUpperCase().padStart(8, "0")).join("");
}

async function modifiedAt(path: string): Promise<Date> {
  const handle = await open(path, "r");
  try {
    return (await handle.stat()).mtime;
  } finally {
    await handle.close();
  }
}

/** Brings nothing to disk: the server does so with everything before it replays the log. */
async function unpack(plan: RestorePlan, made: string): Promise<void> {
  const { backup, dir } = plan;
  // The user who ran the server when the backup was taken owns it.
  const user = ownerOf(join(basesDir(dir), backup.name));
  const give = async (path: string) => {
    if (user) await chown(path, user.uid, user.gid);
  };
  await mkdir(made, { mode: 0o700 });
  await give(made);
  await readWholeBackup(join(basesDir(dir), backup.name), backup.files, async (entry, content) => {
    const path = join(made, entry.path);
    if (entry.isFolder) {
      await mkdir(path, { recursive: true, mode: 0o700 });
    } else {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await pipeline(content, createWriteStream(path, { mode: 0o600 }));
    }
    await give(path);
  });
  for (const file of plan.log) {
    const path = join(made, "pg_wal", isSegment(file.name.slice(0, 24)) ? file.name.slice(0, 24) : file.name);
    await copyFile(file.path, path, copyMode);
    await chmod(path, 0o600);
    await give(path);
  }
  const signal = join(made, "recovery.signal");
  await (await open(signal, "w", 0o600)).close();
  await give(signal);
}

/** Starts the restored cluster on a port that nobody knows, lets it replay the log, looks at what is in it, and stops it again. */
async function startAndExamine(
  config: Config,
  plan: RestorePlan,
  made: string,
  say: (line: string) => void,
): Promise<Omit<Restored, "keptAs">> {
  const { backup } = plan;
  const { postgresPassword } = localSecrets(config.dataDir);
  const user = ownerOf(made);
  const launch = async (settings: Record<string, string>) => {
    const url = urlOf(await freePort(), postgresPassword);
    const logFile = join(config.dataDir, "postgres.log");
    const programs = serverPrograms(backup.major, user);
    const started = await launchServer({
      programs,
      user,
      pgData: made,
      logFile,
      url,
      settings: { ...recovery, ...settings },
    });
    return { url, started };
  };
  // While it reads its settings the server knows no abbreviation of a zone yet.
  const target: Record<string, string> =
    plan.to === null ? {} : { recovery_target_time: plan.to.replace("T", " ").replace(/Z$/, "+00") };
  let { url, started } = await launch({ recovery_target_timeline: String(plan.timeline), ...target });
  if (
    typeof started !== "number" &&
    /recovery ended before configured recovery target was reached/.test(started.problem)
  ) {
    // Nothing was committed after the moment. That is what was asked for, provided that the log goes on until then.
    if (plan.moment !== null && plan.moment > plan.logEndsAt && !(await isWholeLog(plan))) {
      fail(
        "time_not_covered",
        `The log ends at ${plan.logEndsAt.toISOString()}, before ${plan.to}.`,
        `Restore to that moment or an earlier one, or leave --to out for the newest state that there is.`,
      );
    }
    ({ url, started } = await launch({ recovery_target_timeline: String(plan.timeline) }));
  }
  if (typeof started !== "number") return explainFailure(started.problem, made);
  const pid = started;
  try {
    say("Examining what was restored ...");
    const { content, lastChangeAt } = await examineContent(url, config.rolePrefix);
    const archive = archiveFolder(plan.dir, backup.systemIdentifier);
    if (existsSync(archive)) await goOnArchiving(url, archive);
    return { content, lastChangeAt };
  } finally {
    await stopServer(pid);
  }
}

/** The log is in place already. What the new timeline writes waits to be archived until the server starts as usual. */
const recovery = {
  restore_command: "exit 1",
  recovery_target_inclusive: "on",
  recovery_target_action: "promote",
  hot_standby: "off",
  archive_mode: "on",
  archive_library: "",
  archive_command: "",
};

/** Whether the log is known to its very end: the cluster that wrote it is here. */
async function isWholeLog(plan: RestorePlan): Promise<boolean> {
  return (await isOfBackup(plan)) && !(await isLogBroken(plan));
}

/** Whether the cluster in use is the one that the backup was taken of. */
async function isOfBackup({ pgData, backup }: RestorePlan): Promise<boolean> {
  return (await systemIdentifierOf(pgData)) === backup.systemIdentifier;
}

/** Whether the cluster that wrote the log is here, and holds segments that the found ones do not lead to. */
async function isLogBroken(plan: RestorePlan): Promise<boolean> {
  if (!(await isOfBackup(plan))) return false;
  const { pgData, backup, log: files } = plan;
  const names = new Set(files.map(({ name }) => name));
  const written = await Promise.all(
    (await listWal(join(pgData, "pg_wal")))
      .filter(({ name }) => isSegment(name))
      .map(async (file) => ({ name: file.name, isWritten: await isWritten(file) })),
  );
  return written.some(
    (file) => file.isWritten && !names.has(file.name) && placeOf(file.name) >= placeOf(backup.firstSegment),
  );
}

async function goOnArchiving(url: string, folder: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: "landfall restore" });
  await client.connect();
  try {
    await beginArchive(client, folder);
  } finally {
    await client.end();
  }
}

/** What the former cluster wrote and had not archived yet: with it, a later restore can go to a moment that this one undoes. */
async function keepRestOfLog({ dir, backup, pgData }: RestorePlan): Promise<void> {
  const archive = archiveFolder(dir, backup.systemIdentifier);
  if (!existsSync(archive) || (await systemIdentifierOf(pgData)) !== backup.systemIdentifier) return;
  const user = ownerOf(archive);
  for (const file of await listWal(join(pgData, "pg_wal"))) {
    if (!isSegment(file.name) || existsSync(join(archive, file.name)) || !(await isWritten(file))) continue;
    const isWhole = existsSync(join(pgData, "pg_wal", "archive_status", `${file.name}.ready`));
    const target = join(archive, isWhole ? file.name : `${file.name}.rest`);
    const draft = `${target}.${process.pid}.new`;
    await copyFile(file.path, draft, copyMode);
    if (user) await chown(draft, user.uid, user.gid);
    await rename(draft, target);
  }
  await syncFolder(archive);
}

async function takeOver(plan: RestorePlan, held: HeldFolder, made: string): Promise<void> {
  const { backup, dir, pgData, keptAs, to } = plan;
  if (liveServer(pgData)) fail("already_running", "The server was started meanwhile.", "Stop it, then restore again.");
  const timelines = (await listWal(join(made, "pg_wal"))).map(({ name }) => timelineOf(name));
  await recordRestore(dir, {
    systemIdentifier: backup.systemIdentifier,
    at: new Date().toISOString(),
    to,
    backup: backup.name,
    timeline: Math.max(...timelines),
  });
  await held.exchange(made, pgData, keptAs);
  log.info({ backup: backup.name, to, keptAs }, "restored the cluster");
}
