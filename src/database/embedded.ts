/** A PostgreSQL of our own: made, started, adopted, watched, restarted and stopped from the binaries that npm installed. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { z } from "zod";
import type { PostgresMajor } from "../config.ts";
import { errorCode, errorMessage, fail, LandfallError } from "../errors.ts";
import { childLogger } from "../log.ts";
import { localSecrets } from "../secrets.ts";
import { serverPrograms } from "./server_programs.ts";
import { canReach, ownerOf, reachableFolder, type ServerUser, serverUser } from "./server_user.ts";

const log = childLogger({ area: "embedded server" });

const administrator = "postgres";
const databaseName = "landfall";

/** The process that holds this advisory lock in the database `postgres` is the one that stops the server. */
const keeperLock = 7_613_001;

export interface EmbeddedOptions {
  /** The data folder, absolute. The cluster lives in its `postgres`, or where the server's user can reach it. */
  dataDir: string;
  major: PostgresMajor;
  /** Port to listen on; where nothing is said the one of last time, or a free one. */
  port?: number;
  /** For tests: give up safety against a power cut for speed. */
  isDurable?: boolean;
  /** Called when the server died and could not be brought back. */
  onLost?: (error: LandfallError) => void;
}

export interface EmbeddedServer {
  /** Connection string of the administrator, database `landfall`. */
  adminUrl: string;
  major: PostgresMajor;
  /** Folder of the cluster. */
  pgData: string;
  /** Process id of the postmaster; another one after a restart. */
  pid(): number;
  /** Stops the server, open transactions rolled back, and waits until it is gone. */
  stop(): Promise<void>;
}

const placeSchema = z.object({ pgData: z.string(), port: z.number().int() });
type Place = z.infer<typeof placeSchema>;

/**
 * Starts the embedded server and keeps it running: makes the cluster where there is none, adopts a live server whose parent was
 * killed, survives a stale lock file, restarts a server that dies.
 *
 * @throws LandfallError `already_running` where another process keeps this server, `other_major_version` where the data was written by
 *   another major version, `disk_full`, `no_permission`, `server_start` where it does not come up: each with the reason
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const secrets = localSecrets(options.dataDir);
  const place = await findPlace(options);
  refuseOtherMajor(place.pgData, options.major);
  if (!existsSync(join(place.pgData, "PG_VERSION"))) makeCluster(place.pgData, secrets.postgresPassword, options);
  const user = ownerOf(place.pgData);
  const programs = serverPrograms(options.major, user);
  const keeper = await keepRunning({ options, place, user, programs, password: secrets.postgresPassword });
  rememberPlace(options.dataDir, place);
  return keeper;
}

/**
 * The server that another process runs from this data folder, without taking charge of it.
 *
 * @param dataDir the data folder, absolute
 * @returns the administrator's connection string, or undefined where no server runs
 */
export async function attachEmbedded(dataDir: string): Promise<{ adminUrl: string } | undefined> {
  const place = readPlace(dataDir);
  const live = place && liveServer(place.pgData);
  if (!live) return undefined;
  const url = urlOf(live.port, localSecrets(dataDir).postgresPassword);
  await waitUntilReady(url, place.pgData, () => isAlive(live.pid));
  return { adminUrl: url };
}

// --- Where the cluster is ------------------------------------------------------------------------------------------------------

function placeFile(dataDir: string): string {
  return join(dataDir, "server.json");
}

function readPlace(dataDir: string): Place | undefined {
  const file = placeFile(dataDir);
  if (!existsSync(file)) return undefined;
  const parsed = placeSchema.safeParse(JSON.parse(readFileSync(file, "utf8")));
  return parsed.success ? parsed.data : undefined;
}

function rememberPlace(dataDir: string, place: Place): void {
  writeFileSync(placeFile(dataDir), `${JSON.stringify(place, null, 2)}\n`, { mode: 0o600 });
}

/** The cluster belongs into the data folder; as root below a closed folder it goes where the server's user can reach it. */
async function findPlace(options: EmbeddedOptions): Promise<Place> {
  const known = readPlace(options.dataDir);
  if (known && existsSync(known.pgData)) return { ...known, port: options.port ?? known.port };
  const inside = join(realpathSync(options.dataDir), "postgres");
  const port = options.port ?? (await freePort());
  const user = existsSync(inside) ? ownerOf(inside) : serverUser();
  if (user === undefined) return { pgData: inside, port };
  if (canReach(options.dataDir, user)) {
    // Its files are closed each by itself (mode 600); the server's user may pass through the folder.
    chmodSync(options.dataDir, 0o711);
    return { pgData: inside, port };
  }
  const name = createHash("sha256").update(inside).digest("hex").slice(0, 16);
  return { pgData: join(reachableFolder(user), name), port };
}

function refuseOtherMajor(pgData: string, major: PostgresMajor): void {
  const file = join(pgData, "PG_VERSION");
  let found = "";
  try {
    if (!existsSync(file) && readdirOf(pgData).length === 0) return;
    found = readFileSync(file, "utf8").trim();
  } catch (error) {
    if (errorCode(error) === "ENOENT") {
      fail(
        "not_a_cluster",
        `${pgData} holds something that is not a PostgreSQL data folder.`,
        "Move it away, or set LANDFALL_DATA_DIR to another folder.",
      );
    }
    fail(
      "no_permission",
      `${pgData} cannot be read by this user: ${errorMessage(error)}.`,
      "Start Landfall as the user who started it first, or set LANDFALL_DATA_DIR to another folder.",
      error,
    );
  }
  if (found !== String(major)) {
    fail(
      "other_major_version",
      `The data in ${pgData} was written by PostgreSQL ${found}, and this is PostgreSQL ${major}.`,
      `Run with PG_MAJOR=${found}, or set LANDFALL_DATA_DIR to another folder for a new beginning.`,
    );
  }
}

function readdirOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** A port of the loopback interface that nobody listens on. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

// --- Making a cluster ----------------------------------------------------------------------------------------------------------

/** Runs initdb beside the final place and moves the result there, so that a cluster is whole or not there at all. */
function makeCluster(pgData: string, password: string, options: EmbeddedOptions): void {
  const draft = `${pgData}.${process.pid}`;
  try {
    removeAbandonedDrafts(pgData);
    renameSync(draftCluster(draft, password, options), pgData);
  } catch (error) {
    if (error instanceof LandfallError) throw error;
    // Another process may have made the same cluster meanwhile: its one counts.
    if (!existsSync(join(pgData, "PG_VERSION"))) explainFailure(errorMessage(error), pgData);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Tries the locales in turn, for a system may lack one; gives the new cluster's folder. */
function draftCluster(draft: string, password: string, options: EmbeddedOptions): string {
  const user = serverUser();
  const programs = serverPrograms(options.major, user);
  const cluster = join(draft, "cluster");
  const passwordFile = join(draft, "password");
  let problem = "";
  for (const locale of localesOf(options.major)) {
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(cluster, { recursive: true, mode: 0o700 });
    writeFileSync(passwordFile, password, { mode: 0o600 });
    if (user) for (const path of [draft, cluster, passwordFile]) chownSync(path, user.uid, user.gid);
    const complaint = runInitdb(programs, cluster, passwordFile, locale, user, options);
    if (complaint === undefined) return cluster;
    problem = complaint;
    if (!/invalid locale/i.test(problem)) break;
  }
  return explainFailure(problem, draft);
}

/**
 * The same order of text on every machine: the server's own C.UTF-8 where it has one (17 and later), else the system's, else
 * plain C. The embedded ICU is old, so it is never the default.
 */
function localesOf(major: PostgresMajor): string[][] {
  if (major >= 17) return [["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]];
  return [["--locale=C.UTF-8"], ["--locale=en_US.UTF-8"], ["--locale=C"]];
}

/** What initdb complained of, or undefined where it succeeded. */
function runInitdb(
  programs: string,
  cluster: string,
  passwordFile: string,
  locale: string[],
  user: ServerUser | undefined,
  options: EmbeddedOptions,
): string | undefined {
  const args = [
    `--pgdata=${cluster}`,
    `--username=${administrator}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--data-checksums",
    "--no-instructions",
    ...locale,
    ...(options.isDurable === false ? ["--no-sync"] : []),
  ];
  const { status, error, stderr } = spawnSync(join(programs, "bin", "initdb"), args, {
    ...user,
    cwd: "/",
    env: serverEnvironment(),
    encoding: "utf8",
  });
  if (status === 0) return undefined;
  return error ? errorMessage(error) : stderr.trim();
}

function removeAbandonedDrafts(pgData: string): void {
  for (const name of readdirOf(dirname(pgData))) {
    const [, pid] = new RegExp(`^${basename(pgData)}\\.(\\d+)$`).exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) {
      rmSync(join(dirname(pgData), name), { recursive: true, force: true });
    }
  }
}

/** Nothing of the caller's environment reaches the server: PGDATA, PGPORT, LC_ALL and their like would bend it. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };
}

/** Turns what initdb or the server complained of into one line and a way out. */
function explainFailure(problem: string, pgData: string): never {
  const reason =
    problem.split("\n").findLast((line) => /FATAL|PANIC|error|could not|ENOSPC|EACCES/.test(line)) ?? problem;
  if (/No space left|ENOSPC/.test(problem)) {
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

// --- Finding a live server -----------------------------------------------------------------------------------------------------

interface LiveServer {
  pid: number;
  port: number;
}

/** What postmaster.pid says, where that process is alive and is a server over this folder. */
function liveServer(pgData: string): LiveServer | undefined {
  const lock = readLock(pgData);
  return lock && isAlive(lock.pid) && commandOf(lock.pid).includes(pgData) ? lock : undefined;
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
function removeMisleadingLock(pgData: string): void {
  const lock = readLock(pgData);
  if (lock && isAlive(lock.pid) && !commandOf(lock.pid).includes(pgData)) {
    log.warn({ pid: lock.pid }, "the lock file names another program's process; removing it");
    rmSync(join(pgData, "postmaster.pid"), { force: true });
  }
}

/** Whether the process runs; one that has ended and waits for its parent to notice does not. */
function isAlive(pid: number): boolean {
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

function commandOf(pid: number): string {
  try {
    return existsSync("/proc/self/cmdline")
      ? readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
      : execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" });
  } catch (error) {
    log.debug({ pid, error: errorMessage(error) }, "the process is gone");
    return "";
  }
}

// --- Keeping it running --------------------------------------------------------------------------------------------------------

interface Keeping {
  options: EmbeddedOptions;
  place: Place;
  user: ServerUser | undefined;
  programs: string;
  password: string;
}

async function keepRunning(keeping: Keeping): Promise<EmbeddedServer> {
  const { options, place } = keeping;
  let pid = await bringUp(keeping);
  let keeper = await takeCharge(keeping);
  let isStopping = false;

  const killOnExit = () => killIfAlive(pid, "SIGINT");
  process.once("exit", killOnExit);

  const watching = (async () => {
    for (;;) {
      await waitUntilGone(pid, () => isStopping);
      if (isStopping) return;
      log.warn({ pid }, "the server died; starting it again");
      await keeper
        .end()
        .catch((error) => log.debug({ error: errorMessage(error) }, "the keeper's connection was gone"));
      try {
        pid = await bringUp(keeping);
        keeper = await takeCharge(keeping);
        log.info({ pid, port: place.port }, "the server is back");
      } catch (error) {
        const lost =
          error instanceof LandfallError
            ? error
            : new LandfallError("server_start_failed", errorMessage(error), "See postgres.log in the data folder.");
        log.error({ error: lost.message }, "the server cannot be brought back");
        options.onLost?.(lost);
        return;
      }
    }
  })();

  return {
    adminUrl: urlOf(place.port, keeping.password),
    major: options.major,
    pgData: place.pgData,
    pid: () => pid,
    async stop() {
      isStopping = true;
      await watching;
      await keeper
        .end()
        .catch((error) => log.debug({ error: errorMessage(error) }, "the keeper's connection was gone"));
      await stopServer(pid);
      process.off("exit", killOnExit);
    },
  };
}

/** Adopts the live server, or starts one; tries again where a port was taken or a dead server's remains are still going away. */
async function bringUp(keeping: Keeping): Promise<number> {
  const { place } = keeping;
  for (let attempt = 1; ; attempt++) {
    const live = liveServer(place.pgData);
    if (live) {
      place.port = live.port;
      await waitUntilReady(urlOf(live.port, keeping.password), place.pgData, () => isAlive(live.pid));
      if (isAlive(live.pid)) return live.pid;
      continue;
    }
    removeMisleadingLock(place.pgData);
    const started = await launch(keeping);
    if (typeof started === "number") return started;
    const { problem } = started;
    const isPassing =
      /could not bind|Address already in use|pre-existing shared memory|postmaster\.pid" already exists/.test(problem);
    if (attempt >= 20 || !isPassing) return explainFailure(problem, place.pgData);
    if (/could not bind|Address already in use/.test(problem)) {
      if (keeping.options.port !== undefined) {
        fail(
          "port_in_use",
          `Port ${place.port} is taken by another program.`,
          "Stop that program, or choose another port for the server.",
        );
      }
      const taken = place.port;
      place.port = await freePort();
      log.warn(
        { taken, port: place.port },
        "the server's port of last time is taken by another program; using a new one",
      );
    } else {
      await sleep(Math.min(100 * attempt, 1_000));
    }
  }
}

/** Starts the server and waits until it answers: its process id, or what it complained of. */
async function launch({ options, place, user, programs, password }: Keeping): Promise<number | { problem: string }> {
  const logFile = join(options.dataDir, "postgres.log");
  if (existsSync(logFile) && statSync(logFile).size > 10_000_000) truncateSync(logFile);
  const output = openSync(logFile, "a", 0o600);
  const begin = statSync(logFile).size;
  const settings: Record<string, string | number> = {
    port: place.port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: 200,
    timezone: "UTC",
    log_timezone: "UTC",
    ...(options.isDurable === false ? { fsync: "off", synchronous_commit: "off", full_page_writes: "off" } : {}),
  };
  const args = ["-D", place.pgData, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
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
  await waitUntilReady(urlOf(place.port, password), place.pgData, () => !hasExited());
  if (!hasExited()) return server.pid as number;
  return { problem: readFileSync(logFile).subarray(begin).toString("utf8") };
}

/** Waits until the server answers with this cluster, or is no longer there. */
async function waitUntilReady(url: string, pgData: string, isThere: () => boolean): Promise<void> {
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

/** Whoever holds this connection's lock stops the server; it is lost with the process, however that ends. */
async function takeCharge({ options, place, password }: Keeping): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: maintenanceUrl(urlOf(place.port, password)),
    application_name: "landfall keeper",
  });
  client.on("error", (error) => log.debug({ error: error.message }, "the keeper's connection was lost"));
  await client.connect();
  // A keeper that was just killed is forgotten by the server within a moment.
  for (let attempt = 1; attempt <= 20; attempt++) {
    const { rows } = await client.query<{ taken: boolean }>("select pg_catalog.pg_try_advisory_lock($1) as taken", [
      keeperLock,
    ]);
    if (rows[0]?.taken) return client;
    await sleep(50);
  }
  await client.end();
  return fail(
    "already_running",
    `Landfall is already running on the data folder ${options.dataDir}.`,
    "Use that one, stop it first, or set LANDFALL_DATA_DIR to another folder.",
  );
}

async function waitUntilGone(pid: number, isStopping: () => boolean): Promise<void> {
  while (!isStopping() && isAlive(pid)) await sleep(200);
}

async function stopServer(pid: number): Promise<void> {
  killIfAlive(pid, "SIGINT");
  for (let waited = 0; isAlive(pid); waited += 50) {
    if (waited === 60_000) {
      log.warn({ pid }, "the server does not stop; forcing it");
      killIfAlive(pid, "SIGQUIT");
    }
    await sleep(50);
  }
}

function killIfAlive(pid: number, signal: NodeJS.Signals): void {
  if (isAlive(pid)) process.kill(pid, signal);
}

function urlOf(port: number, password: string): string {
  return `postgres://${administrator}:${password}@127.0.0.1:${port}/${databaseName}`;
}

function maintenanceUrl(url: string): string {
  return url.replace(/\/[^/]*$/, "/postgres");
}
