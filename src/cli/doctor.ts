import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import pg from "pg";
import { type Config, loadConfig, projectDir } from "../config.ts";
import { listBackups } from "../database/backups/backup_folder.ts";
import { embeddedPlaces } from "../database/backups/embedded_backups.ts";
import { type ConnectionUrls, connectionUrls, embeddedUrls } from "../database/connections.ts";
import { attachEmbedded, databaseDisk } from "../database/embedded.ts";
import { connectClient } from "../database/pools.ts";
import { freeSpace, sizeInWords } from "../disk.ts";
import { errorMessage, LandfallError } from "../errors.ts";
import { openFileStore } from "../imports/files/open_file_store.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";

interface DoctorOptions extends AnswerOptions {
  only?: string;
}

interface Finding {
  check: string;
  status: "ok" | "warning" | "failed";
  detail: string;
  /** What to do; empty where all is well. */
  wayOut: string;
}

/** What the checks after the first ones look at. */
interface Patient {
  config: Config;
  urls: ConnectionUrls;
  /** Connected as the administrator, or as the API's login where nothing else is known. */
  client: pg.Client;
}

/** `landfall doctor`: what is well, what is not, and what to do about it. */
export function registerDoctor(program: Command): void {
  program
    .command("doctor")
    .description(
      "Check configuration, disk, files, database, versions, roles, migrations, queue and backups: a line each, with what to do.",
    )
    .option("--only <check>", "tell of one check, and exit with 1 unless it is ok: for health checks of containers")
    .option(...jsonOption)
    .action(async (options: DoctorOptions) => {
      const findings = (await examine()).filter(({ check }) => options.only === undefined || check === options.only);
      const isHealthy = options.only
        ? findings.length > 0 && findings.every(({ status }) => status === "ok")
        : findings.every(({ status }) => status !== "failed");
      answer(options, { isHealthy, findings }, findings.map(lineOf));
      if (!isHealthy) process.exitCode = 1;
    });
}

function lineOf({ check, status, detail, wayOut }: Finding): string {
  return `${status.padEnd(7)}  ${check.padEnd(13)}  ${[detail, wayOut].filter(Boolean).join(" ")}`;
}

const ok = (check: string, detail: string): Finding => ({ check, status: "ok", detail, wayOut: "" });
const warning = (check: string, detail: string, wayOut: string): Finding => ({
  check,
  status: "warning",
  detail,
  wayOut,
});
const failed = (check: string, detail: string, wayOut: string): Finding => ({
  check,
  status: "failed",
  detail,
  wayOut,
});

/** Every finding; what hangs on a check that failed is left out. */
async function examine(): Promise<Finding[]> {
  let config: Config;
  try {
    config = loadConfig();
  } catch (error) {
    return [failed("configuration", errorMessage(error), error instanceof LandfallError ? error.wayOut : "")];
  }
  const findings = [
    ok("configuration", `Valid for ${config.environment}.`),
    await checkDisk(config),
    await checkFiles(config),
    checkPsql(),
  ];
  const urls = await findDatabase(config);
  if (urls === undefined) {
    return [
      ...findings,
      failed(
        "database",
        "The embedded server does not run.",
        "Start it with `npm start`, or set DATABASE_URL to a server of yours.",
      ),
    ];
  }
  const { previousSecretKey } = config;
  let client: pg.Client;
  try {
    client = await connectClient(urls.admin ?? urls.api, { previousSecretKey, connectionTimeoutMillis: 5_000 });
  } catch (error) {
    const target = new URL(urls.admin ?? urls.api);
    const detail = `${target.hostname}:${target.port || 5432} does not let us in: ${errorMessage(error)}.`;
    return [
      ...findings,
      failed("database", detail, "Check that it runs, and user, password and host in DATABASE_URL."),
    ];
  }
  client.on("error", () =>
    findings.push(failed("database", "The connection was lost.", "Look into the server's log.")),
  );
  try {
    const patient = { config, urls, client };
    findings.push(await checkVersion(patient), await checkRoles(patient), ...(await checkLogins(patient)));
    const migrations = await checkMigrations(patient);
    findings.push(migrations);
    if (migrations.status !== "failed") findings.push(await checkQueue(patient), await checkWorkers(patient));
    if (config.database.url === undefined) findings.push(await checkBackups(patient));
    findings.push(await checkApi(patient));
    return findings;
  } finally {
    await client.end();
  }
}

async function findDatabase(config: Config): Promise<ConnectionUrls | undefined> {
  if (config.database.url !== undefined) return connectionUrls(config);
  const running = await attachEmbedded(config.dataDir);
  return running && embeddedUrls(config, running.adminUrl);
}

async function checkDisk(config: Config): Promise<Finding> {
  const { folder, reserve } = databaseDisk(config) ?? { folder: config.dataDir, reserve: config.diskReserve };
  const free = await freeSpace(existsSync(folder) ? folder : projectDir);
  const detail = `${sizeInWords(free)} are free on the disk of the data folder.`;
  return free >= reserve
    ? ok("disk", detail)
    : warning("disk", detail, `Free some space: imports leave ${sizeInWords(reserve)} and wait.`);
}

async function checkFiles({ files }: Config): Promise<Finding> {
  const store = await openFileStore(files);
  try {
    await store.tryOut("change");
    return ok("files", `Files of imports are in ${store.place}.`);
  } catch (error) {
    return failed("files", errorMessage(error), error instanceof LandfallError ? error.wayOut : "");
  }
}

function checkPsql(): Finding {
  const { status, stdout } = spawnSync("psql", ["--version"], { encoding: "utf8" });
  return status === 0
    ? ok("psql", `${stdout.trim()}.`)
    : warning(
        "psql",
        "psql is not installed, so `landfall psql` does not work.",
        "Install PostgreSQL's client programs.",
      );
}

/** The first minor release of each major with the fixes of CVE-2025-8713 and all before it (row security reads through statistics). */
const leastMinors = new Map([
  [16, 10],
  [17, 6],
  [18, 0],
]);

async function checkVersion({ client }: Patient): Promise<Finding> {
  const { rows } = await client.query<{ version: number }>(
    "select pg_catalog.current_setting('server_version_num')::integer as version",
  );
  const version = rows[0]?.version ?? 0;
  const [major, minor] = [Math.floor(version / 10_000), version % 10_000];
  const name = `PostgreSQL ${major}.${minor}`;
  const leastMinor = leastMinors.get(major);
  if (leastMinor === undefined) {
    return major > 18
      ? warning("version", `${name} is newer than what Landfall is tested on.`, "Use 16, 17 or 18 where you can.")
      : failed("version", `${name} is too old.`, "Landfall needs PostgreSQL 16, 17 or 18.");
  }
  return minor >= leastMinor
    ? ok("version", `${name}.`)
    : failed(
        "version",
        `${name} lacks fixes for known holes in row-level security.`,
        `Update it to ${major}.${leastMinor} or later.`,
      );
}

const roleNames = [
  "owner",
  "authenticator",
  "visitor",
  "viewer",
  "editor",
  "admin",
  "client",
  "operator",
  "worker",
  "reporter",
  "automation",
];

async function checkRoles({ client, config }: Patient): Promise<Finding> {
  const wanted = roleNames.map((name) => `${config.rolePrefix}_${name}`);
  const { rows } = await client.query<{ name: string; is_dangerous: boolean }>(
    "select rolname as name, rolsuper or rolbypassrls as is_dangerous from pg_catalog.pg_roles where rolname = any($1)",
    [wanted],
  );
  const missing = wanted.filter((name) => !rows.some((row) => row.name === name));
  if (missing.length > 0) return failed("roles", `Missing: ${missing.join(", ")}.`, "Run `landfall migrate`.");
  const dangerous = rows.filter((row) => row.is_dangerous).map((row) => row.name);
  if (dangerous.length > 0) {
    return failed(
      "roles",
      `${dangerous.join(", ")} may pass over row-level security.`,
      "Run: alter role … nosuperuser nobypassrls.",
    );
  }
  return ok("roles", `All ${wanted.length} are there; none passes over row-level security.`);
}

async function checkLogins({ config: { previousSecretKey }, urls }: Patient): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [check, url, variable] of [
    ["api login", urls.api, "DATABASE_URL"],
    ["worker login", urls.worker, "DATABASE_WORKER_URL"],
  ] as const) {
    try {
      const client = await connectClient(url, { previousSecretKey, connectionTimeoutMillis: 5_000 });
      findings.push(ok(check, `${new URL(url).username} can sign in.`));
      await client.end();
    } catch (error) {
      const wayOut = `Run \`landfall migrate\`, which sets its password from LANDFALL_SECRET_KEY, or correct ${variable}.`;
      findings.push(failed(check, `${new URL(url).username} cannot sign in: ${errorMessage(error)}.`, wayOut));
    }
  }
  return findings;
}

async function checkMigrations({ client, urls }: Patient): Promise<Finding> {
  if (urls.admin === undefined) {
    return warning("migrations", "The API's login cannot see them.", "Set DATABASE_OWNER_URL to have them checked.");
  }
  const files = (await readdir(join(projectDir, "migrations", "committed"))).filter((name) => name.endsWith(".sql"));
  const { rows: found } = await client.query<{ owner: string }>(
    `select pg_get_userbyid(c.relowner) as owner
       from pg_class c
      where c.relname = 'migrations' and c.relnamespace = (select oid from pg_namespace where nspname = 'graphile_migrate')`,
  );
  // An administrator may become the owner, and has no rights of the owner's until then.
  const rows = found[0] ? await readAsOwner(client, found[0].owner) : [];
  // The table keeps the number alone, and a file's name also says what it does.
  const numberOf = (name: string) => Number.parseInt(name, 10);
  const applied = new Set(rows.map(({ filename }) => numberOf(filename)));
  const pending = files.filter((name) => !applied.has(numberOf(name)));
  if (pending.length > 0) {
    return failed("migrations", `${pending.length} of ${files.length} are not applied.`, "Run `landfall migrate`.");
  }
  if (applied.size > files.length) {
    return failed("migrations", "The database is newer than this version of Landfall.", "Update Landfall (git pull).");
  }
  return ok("migrations", `All ${files.length} are applied.`);
}

async function readAsOwner(client: pg.Client, owner: string): Promise<{ filename: string }[]> {
  await client.query(`set role ${pg.escapeIdentifier(owner)}`);
  const { rows } = await client.query<{ filename: string }>("select filename from graphile_migrate.migrations");
  await client.query("reset role");
  return rows;
}

async function checkQueue({ config: { previousSecretKey }, urls }: Patient): Promise<Finding> {
  let client: pg.Client | undefined;
  try {
    client = await connectClient(urls.worker, { previousSecretKey, connectionTimeoutMillis: 5_000 });
    const { rows } = await client.query<{ waiting: number; failed: number }>(
      `select count(*) filter (where attempts < max_attempts and run_at <= now() and locked_at is null)::integer as waiting,
              count(*) filter (where attempts >= max_attempts)::integer as failed
         from graphile_worker.jobs`,
    );
    const { waiting = 0, failed: given = 0 } = rows[0] ?? {};
    return given === 0
      ? ok("queue", `${waiting} jobs wait.`)
      : warning("queue", `${waiting} jobs wait, ${given} were given up.`, "See last_error in graphile_worker.jobs.");
  } catch (error) {
    return failed("queue", `The queue cannot be read: ${errorMessage(error)}.`, "Run `landfall migrate`.");
  } finally {
    await client?.end();
  }
}

/** Asked as the worker's login, which sees its own sessions without being an administrator. */
async function checkWorkers({ config: { previousSecretKey }, urls }: Patient): Promise<Finding> {
  let client: pg.Client | undefined;
  try {
    client = await connectClient(urls.worker, { previousSecretKey, connectionTimeoutMillis: 5_000 });
    const { rowCount } = await client.query(
      `select from pg_catalog.pg_stat_activity
        where application_name = 'landfall worker' and usename = current_user and datname = current_database() limit 1`,
    );
    return rowCount
      ? ok("worker", "At least one is connected.")
      : warning("worker", "None is connected: jobs wait.", "Start one: `landfall worker`.");
  } catch (error) {
    return failed("worker", `Nobody can look: ${errorMessage(error)}.`, "See the line of the worker login.");
  } finally {
    await client?.end();
  }
}

/** A backup a day, with half a day for a cron job that was late. */
const oldestBackupHours = 36;

/** Of the embedded server; a server of somebody else's has its provider's. */
async function checkBackups({ client, config }: Patient): Promise<Finding> {
  const { dir } = embeddedPlaces(config);
  const wayOut = "Run `landfall backup`, once a day by cron.";
  try {
    const { rows } = await client.query<{ problem: string }>(
      `select pg_catalog.concat(last_failed_wal, ' at ', last_failed_time) as problem
         from pg_catalog.pg_stat_archiver
        where last_failed_time > coalesce(last_archived_time, '-infinity')`,
    );
    if (rows[0] !== undefined) {
      const detail = `The log cannot be archived: ${rows[0].problem}.`;
      return failed(
        "backups",
        detail,
        "Make room where `landfall backup list` says the archive is; never delete from pg_wal.",
      );
    }
    const newest = (await listBackups(dir)).at(-1);
    if (newest === undefined) return warning("backups", "There is none yet.", wayOut);
    const hours = (Date.now() - Date.parse(newest.finishedAt)) / 3_600_000;
    const detail = `The newest, ${newest.name}, is ${Math.round(hours)} hours old.`;
    return hours <= oldestBackupHours ? ok("backups", detail) : warning("backups", detail, wayOut);
  } catch (error) {
    return failed("backups", errorMessage(error), error instanceof LandfallError ? error.wayOut : wayOut);
  }
}

async function checkApi({ config }: Patient): Promise<Finding> {
  const url = `${config.api.baseUrl}/readyz`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    return response.ok
      ? ok("api", `${url} says that it is ready.`)
      : warning("api", `${url} answers ${response.status}.`, "See its log.");
  } catch (error) {
    const reason = error instanceof Error && error.cause ? errorMessage(error.cause) : errorMessage(error);
    return warning(
      "api",
      `${url} does not answer: ${reason}.`,
      "Start it: `landfall api`, or `npm start` for everything.",
    );
  }
}
