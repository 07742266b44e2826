/** A PostgreSQL of our own: made, started, adopted, watched, restarted and stopped from the binaries that npm installed. */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { z } from "zod";
import type { Config, PostgresMajor } from "../config.ts";
import type { Disk } from "../disk.ts";
import { errorCode, errorMessage, fail, LandfallError } from "../errors.ts";
import { childLogger } from "../log.ts";
import { localSecrets } from "../secrets.ts";
import { settleArchive } from "./backups/wal_archive.ts";
import { giveUpBallast, holdBallast } from "./ballast.ts";
import { settleMaintenance } from "./maintenance.ts";
import { makeCluster } from "./new_cluster.ts";
import {
  explainFailure,
  freePort,
  isAlive,
  killIfAlive,
  type Launch,
  lacksRoom,
  launchServer,
  liveServer,
  maintenanceUrl,
  removeMisleadingLock,
  stopServer,
  urlOf,
  waitUntilReady,
} from "./server_process.ts";
import { serverPrograms } from "./server_programs.ts";
import { canReach, ownerOf, reachableFolder, type ServerUser, serverUser } from "./server_user.ts";

const log = childLogger({ area: "embedded server" });

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

/** Where the cluster of a data folder is, and the port that its server has. */
const placeSchema = z.object({ pgData: z.string(), port: z.number().int() });
export type Place = z.infer<typeof placeSchema>;

/**
 * Starts the embedded server and keeps it running: makes the cluster where there is none, adopts a live server whose parent was
 * killed, survives a stale lock file, restarts a server that dies.
 *
 * @throws LandfallError `already_running` where another process keeps this server, `other_major_version` where the data was written by
 *   another major version, `disk_full`, `no_permission`, `server_start` where it does not come up: each with the reason
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const secrets = localSecrets(options.dataDir);
  await settleMaintenance(options.dataDir);
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

/** Where the cluster was when its server was last started; undefined where there never was one. */
export function readPlace(dataDir: string): Place | undefined {
  const file = placeFile(dataDir);
  if (!existsSync(file)) return undefined;
  const parsed = placeSchema.safeParse(JSON.parse(readFileSync(file, "utf8")));
  return parsed.success ? parsed.data : undefined;
}

/** The disk of the embedded server's cluster; undefined where the database is a server of somebody else's. */
export function databaseDisk({
  database,
  dataDir,
  diskReserve,
}: Pick<Config, "database" | "dataDir" | "diskReserve">): Disk | undefined {
  if (database.url !== undefined) return undefined;
  return { folder: readPlace(dataDir)?.pgData ?? dataDir, reserve: diskReserve };
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
    if (!existsSync(pgData) || readdirSync(pgData).length === 0) return;
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
      Number(found) < major
        ? `Run \`landfall upgrade-server\`, which moves them, go on with PG_MAJOR=${found}, or set LANDFALL_DATA_DIR to another folder for a new beginning.`
        : `Run with PG_MAJOR=${found}, or set LANDFALL_DATA_DIR to another folder for a new beginning.`,
    );
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
  const endHolding = options.isDurable === false ? undefined : await holdBallast(place.pgData);
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
      await endHolding?.();
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
    const started = await launchServer(launchOf(keeping));
    if (typeof started === "number") return started;
    const { problem } = started;
    if (lacksRoom(problem) && (await giveUpBallast(place.pgData))) continue;
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

function launchOf({ options, place, user, programs, password }: Keeping): Launch {
  return {
    programs,
    user,
    pgData: place.pgData,
    logFile: join(options.dataDir, "postgres.log"),
    url: urlOf(place.port, password),
    settings:
      options.isDurable === false
        ? { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }
        : {
            archive_mode: "on",
            archive_timeout: "30min",
            shared_buffers: `${sharedBuffersMegabytes()}MB`,
            max_wal_size: "2GB",
          },
  };
}

/** An eighth of the memory that we may use, which is taken as it is needed: from 128 MB, PostgreSQL's own, to 1 GB. */
function sharedBuffersMegabytes(): number {
  const bytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.min(1_024, Math.max(128, Math.floor(bytes / 8 / 2 ** 20)));
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
    if (rows[0]?.taken) {
      await settleArchive(client);
      return client;
    }
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
