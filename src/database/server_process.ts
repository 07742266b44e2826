/** A server's process: finding it, launching it, waiting for it, stopping it, and what it may have complained of. */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, realpathSync, rmSync, statSync, truncateSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { errorCode, errorMessage, fail } from "../errors.ts";
import { childLogger } from "../log.ts";
import type { ServerUser } from "./server_user.ts";

const log = childLogger({ area: "embedded server" });

/** The role that initdb makes. */
export const administrator = "postgres";
const databaseName = "landfall";

/** Nothing of the caller's environment reaches the server: PGDATA, PGPORT, LC_ALL and their like would bend it. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };
}

export interface LiveServer {
  pid: number;
  port: number;
}

/** What postmaster.pid says, where that process is alive and is a server over this folder. */
export function liveServer(pgData: string): LiveServer | undefined {
  const lock = readLock(pgData);
  return lock && isAlive(lock.pid) && commandOf(lock.pid).includes(pgData) ? lock : undefined;
}

/** The major version that wrote a cluster; undefined where there is none. */
export function majorOf(pgData: string): number | undefined {
  const file = join(pgData, "PG_VERSION");
  return existsSync(file) ? Number.parseInt(readFileSync(file, "utf8"), 10) : undefined;
}

/** Line 1 of postmaster.pid is the process, line 4 the port; a server that is just starting has not written all of them. */
function readLock(pgData: string): LiveServer | undefined {
  const file = join(pgData, "postmaster.pid");
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, "utf8").split("\n");
  const pid = Number.parseInt(lines[0] ?? "", 10);
  const port = Number.parseInt(lines[3] ?? "", 10);
  return Number.isInteger(pid) && Number.isInteger(port) ? { pid, port } : undefined;
}

/**
 * PostgreSQL sees by itself that the process of a lock file is dead. Where the number went to another program since, it takes that one for a
 * server and refuses to start: such a file is removed here.
 */
export function removeMisleadingLock(pgData: string): void {
  const lock = readLock(pgData);
  if (lock && isAlive(lock.pid) && !commandOf(lock.pid).includes(pgData)) {
    log.warn({ pid: lock.pid }, "the lock file names another program's process; removing it");
    rmSync(join(pgData, "postmaster.pid"), { force: true });
  }
}

/** Whether the process runs; one that has ended and waits for its parent to notice does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== "EPERM") return false;
  }
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    return errorCode(error) === "ENOENT" && !existsSync("/proc/self/stat");
  }
}

export function commandOf(pid: number): string {
  try {
    return existsSync("/proc/self/cmdline")
      ? readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
      : execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" });
  } catch (error) {
    log.debug({ pid, error: errorMessage(error) }, "the process is gone");
    return "";
  }
}

/** A port of the loopback interface that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** A server that is to be started. */
export interface Launch {
  /** The folder with `bin/postgres`. */
  programs: string;
  /** Who runs it; undefined for whoever we are. */
  user: ServerUser | undefined;
  pgData: string;
  /** Where it writes what it has to say. */
  logFile: string;
  /** The administrator's connection string, whose port it listens on. */
  url: string;
  /** Settings besides those that every server of ours has. */
  settings?: Record<string, string | number>;
}

/** Starts the server and waits until it answers: its process id, or what it complained of. */
export async function launchServer(launch: Launch): Promise<number | { problem: string }> {
  const { programs, user, pgData, logFile, url } = launch;
  if (existsSync(logFile) && statSync(logFile).size > 10_000_000) truncateSync(logFile);
  const output = openSync(logFile, "a", 0o600);
  const begin = statSync(logFile).size;
  const settings: Record<string, string | number> = {
    port: new URL(url).port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: 200,
    timezone: "UTC",
    log_timezone: "UTC",
    ...launch.settings,
  };
  const args = ["-D", pgData, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  // A process group of its own: Ctrl-C reaches us alone, and the server stops last.
  const server = spawn(join(programs, "bin", "postgres"), args, {
    ...user,
    cwd: "/",
    env: serverEnvironment(),
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  const spawnError = await new Promise<Error | undefined>((resolve) =>
    server.once("spawn", () => resolve(undefined)).once("error", resolve),
  );
  if (spawnError) return { problem: spawnError.message };
  server.unref();
  const hasExited = () => server.exitCode !== null || server.signalCode !== null;
  await waitUntilReady(url, pgData, () => !hasExited());
  if (!hasExited()) return server.pid as number;
  return { problem: readFileSync(logFile).subarray(begin).toString("utf8") };
}

/** Waits until the server answers with this cluster, or is no longer there. */
export async function waitUntilReady(url: string, pgData: string, isThere: () => boolean): Promise<void> {
  const maintenance = maintenanceUrl(url);
  for (let waited = 0; isThere(); waited += 50) {
    const client = new pg.Client({ connectionString: maintenance, connectionTimeoutMillis: 5_000 });
    client.on("error", (error) => log.debug({ error: error.message }, "the server went away while it was asked"));
    try {
      await client.connect();
      const { rows } = await client.query<{ folder: string }>(
        "select pg_catalog.current_setting('data_directory') as folder",
      );
      if (rows[0] && realpathSync(rows[0].folder) === realpathSync(pgData)) {
        await makeDatabase(client);
        return;
      }
    } catch (error) {
      if (errorCode(error) === "28P01") {
        // Where our server did not get its port, this was another one, and ours is about to end.
        await sleep(500);
        if (!isThere()) return;
        fail(
          "password_lost",
          "The embedded server does not accept the password in secrets.json of the data folder.",
          "Restore that file, or delete the whole data folder to begin again.",
          error,
        );
      }
      if (waited > 0 && waited % 10_000 === 0) log.info({ error: errorMessage(error) }, "waiting for the server");
    } finally {
      await client.end().catch((error) => log.debug({ error: errorMessage(error) }, "the connection was gone"));
    }
    await sleep(50);
  }
}

async function makeDatabase(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query("select from pg_catalog.pg_database where datname = $1", [databaseName]);
  if (rowCount === 0) await client.query(`create database ${databaseName}`);
}

export async function stopServer(pid: number): Promise<void> {
  killIfAlive(pid, "SIGINT");
  for (let waited = 0; isAlive(pid); waited += 50) {
    if (waited === 60_000) {
      log.warn({ pid }, "the server does not stop; forcing it");
      killIfAlive(pid, "SIGQUIT");
    }
    await sleep(50);
  }
}

export function killIfAlive(pid: number, signal: NodeJS.Signals): void {
  if (isAlive(pid)) process.kill(pid, signal);
}

export function urlOf(port: number, password: string): string {
  return `postgres://${administrator}:${password}@127.0.0.1:${port}/${databaseName}`;
}

export function maintenanceUrl(url: string): string {
  return url.replace(/\/[^/]*$/, "/postgres");
}

/** Whether a full disk is what initdb or the server complained of. */
export function lacksRoom(problem: string): boolean {
  return /No space left|ENOSPC/.test(problem);
}

/** Turns what initdb or the server complained of into one line and a way out. */
export function explainFailure(problem: string, pgData: string): never {
  const reason =
    problem.split("\n").findLast((line) => /FATAL|PANIC|error|could not|ENOSPC|EACCES/.test(line)) ?? problem;
  if (lacksRoom(problem)) {
    fail("disk_full", `No space is left on the disk of ${pgData}.`, "Free some space there, then start again.");
  }
  if (/Permission denied|EACCES|EPERM|EROFS|Read-only file system/.test(problem)) {
    fail(
      "no_permission",
      `PostgreSQL may not write to ${pgData}: ${reason.trim()}.`,
      "Give your user access to that folder, or set LANDFALL_DATA_DIR to another one.",
    );
  }
  return fail(
    "server_start_failed",
    `PostgreSQL does not start: ${reason.trim() || "it said nothing"}.`,
    "Its log is postgres.log in the data folder; `landfall doctor` checks the rest.",
  );
}
