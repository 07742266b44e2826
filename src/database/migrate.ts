/** Brings a database to the newest migration: roles, extensions, the queue's schema, then every committed migration. */
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Logger } from "@graphile/logger";
import { migrate as runMigrations, type Settings } from "graphile-migrate";
import JSON5 from "json5";
import pg from "pg";
import { errorCode, fail } from "../errors.ts";
import { childLogger } from "../log.ts";
import { type LockWatch, watchLocks } from "./lock_watch.ts";
import { setLoginPasswords } from "./login_passwords.ts";
import { namePasswordKeys } from "./password_keys.ts";
import { deriveUrls } from "./urls.ts";

const log = childLogger({ area: "migrations" });

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The version whose `--!include` our migrations need; an older one takes the line for a comment and says nothing. */
const graphileMigrateVersion = "2.0.0-rc.3";

/**
 * How long a migration waits for a lock. Everybody who wants the table waits behind it, and the API's requests wait for two seconds at most: so it
 * lets go before, and tries again.
 */
const LOCK_PATIENCE = "1s";

/** How often, where nothing is said: somewhat more than two minutes. */
const LOCK_TRIES = 40;

export type MigrateOptions = {
  /** An administrator of the database: CREATEROLE, and CREATE on the database. */
  adminUrl: string;
  /** Start of every role's name, `landfall` unless two installations share a server. */
  rolePrefix: string;
  /** The installation's secret, from which the logins' passwords come. */
  secretKey: string;
  /** The other one, while the key is changed: then it is `landfall key rotate` that says what was derived under which. */
  previousSecretKey?: string | undefined;
  /** Receives one line per migration and hook. */
  log?: (line: string) => void;
  /** Where the migrations are; the project's own where nothing is said. */
  folder?: string;
  /** How often a lock that somebody else holds is tried for. */
  lockTries?: number;
};

/**
 * Runs every committed migration that the database has not had, roles before and queue access after, and sets the logins' passwords.
 * Safe to repeat; two runs at once wait for each other. A lock that somebody else holds is waited for a second at a time, and the migration that
 * wants it begins anew.
 * Throws LF030 when the installed graphile-migrate is another one, LF031 when the login may not make roles or schemas, LF490 when a lock is not to
 * be had.
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  assertGraphileMigrateVersion();
  const settings = await migrationSettings(options.rolePrefix);
  await prepareRoles(options, settings.placeholders);
  // The hook's commands must find this Node and this installation's programs, however the process was started.
  process.env.PATH = [dirname(process.execPath), join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
  const logger = new Logger(() => (level, message) => {
    if (level !== "debug") options.log?.(message.trimEnd());
  });
  const applicationName = `landfall migrate ${process.pid}`;
  const owner = deriveUrls(options.adminUrl, options.secretKey, options.rolePrefix).owner;
  const parsed = {
    ...settings,
    migrationsFolder: options.folder ?? settings.migrationsFolder,
    connectionString: withPatience(owner, applicationName),
    databaseOwner: `${options.rolePrefix}_owner`,
    logger,
  };
  const locks = await watchLocks(options.adminUrl, applicationName, LOCK_PATIENCE);
  try {
    await persist(options, locks, () =>
      withRetry(
        () => runMigrations(parsed, false, true),
        (error) => /Failed to get exclusive lock|tuple concurrently updated/.test(error.message),
      ),
    );
  } finally {
    await locks.stop();
    // graphile-migrate keeps its connection for 200 ms more, and ends the process should the server go away in that time.
    await sleep(300);
  }
  if (options.previousSecretKey === undefined)
    await withOwner(owner, (client) => namePasswordKeys(client, options.secretKey));
}

async function withOwner(url: string, run: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: "landfall migrate" });
  await client.connect();
  try {
    await run(client);
  } finally {
    await client.end();
  }
}

/** A connection that is known by its name, and waits for no lock for long. */
function withPatience(url: string, applicationName: string): string {
  const patient = new URL(url);
  patient.searchParams.set("application_name", applicationName);
  patient.searchParams.set("options", `${patient.searchParams.get("options")} -c lock_timeout=${LOCK_PATIENCE}`);
  // pg decodes %20 and not "+", which is how URLSearchParams writes a blank.
  return patient.toString().replace(/\+/g, "%20");
}

/** Goes on as long as what keeps it is a lock of somebody else: each migration is a transaction, and what was committed is not run again. */
async function persist(
  { log: tell, lockTries = LOCK_TRIES }: MigrateOptions,
  locks: LockWatch,
  run: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      // graphile-worker's own migrations run in a process of theirs, which leaves nothing but its words.
      const isWaiting =
        errorCode(error) === "55P03" || locks.hasEnded() || /due to lock timeout/.test((error as Error).message);
      if (!isWaiting) throw error;
      const waits = `The migration waits for a lock that is held by ${locks.blocker() ?? "another session"}`;
      if (attempt >= lockTries) {
        fail(
          "migration_blocked",
          `${waits}, and gave up after ${attempt} tries.`,
          "Wait until that session is done, or end it with pg_terminate_backend, then run `landfall migrate` again: it goes on where it stopped.",
          error,
        );
      }
      const line = `${waits}. Nobody else is kept waiting by it; trying again (${attempt} of ${lockTries}).`;
      log.warn(line);
      tell?.(line);
      await sleep(Math.min(250 * attempt, 3_000) + Math.random() * 250);
    }
  }
}

/** The settings of `.gmrc` with every role renamed to the given prefix. */
export async function migrationSettings(
  rolePrefix: string,
): Promise<Settings & { placeholders: Record<string, string> }> {
  const settings = JSON5.parse(await readFile(join(root, ".gmrc"), "utf8"));
  const placeholders = Object.fromEntries(
    Object.entries(settings.placeholders as Record<string, string>).map(([name, role]) => [
      name,
      role.replace(/^landfall/, rolePrefix),
    ]),
  );
  return { ...settings, placeholders, migrationsFolder: join(root, "migrations") };
}

/** The names of the committed migrations as the database keeps them, `000001.sql`, the oldest first. */
export async function committedMigrations(): Promise<string[]> {
  const names = await readdir(join(root, "migrations", "committed"));
  return names
    .filter((name) => /^\d{6}.*\.sql$/.test(name))
    .map((name) => `${name.slice(0, 6)}.sql`)
    .sort();
}

/** Puts roles into SQL in place of `:VIEWER` and its like, as graphile-migrate does. */
export function compilePlaceholders(sql: string, placeholders: Record<string, string>): string {
  return sql.replace(/:[A-Z][A-Z0-9_]+\b/g, (name) => placeholders[name] ?? name);
}

async function prepareRoles(options: MigrateOptions, placeholders: Record<string, string>): Promise<void> {
  const sql = compilePlaceholders(await readFile(join(root, "migrations", "hooks", "roles.sql"), "utf8"), placeholders);
  const client = new pg.Client({ connectionString: options.adminUrl, application_name: "landfall migrate" });
  await client.connect();
  try {
    await withRetry(
      async () => {
        await client.query(sql);
        await setLoginPasswords(client, options);
        const database = pg.escapeIdentifier(client.database as string);
        const owner = pg.escapeIdentifier(placeholders[":OWNER"] as string);
        await client.query(`grant connect, create, temporary on database ${database} to ${owner}`);
        const logins = [":AUTHENTICATOR", ":WORKER", ":REPORTER", ":AUTOMATION"].map((name) =>
          pg.escapeIdentifier(placeholders[name] as string),
        );
        await client.query(`revoke all on database ${database} from public`);
        await client.query(`grant connect on database ${database} to ${logins.join(", ")}`);
      },
      // Roles are shared by every database of the server, so two migrations elsewhere can collide on them.
      (error) => /tuple concurrently (updated|deleted)|deadlock detected|duplicate key value/.test(error.message),
    );
  } catch (error) {
    if ((error as { code?: string }).code === "42501") {
      const login = new URL(options.adminUrl).username || "this login";
      fail(
        "cannot_migrate",
        `${login} may not set up the database: ${(error as Error).message}.`,
        "Migrate with a login that owns the database and has CREATEROLE, for example: alter role NAME createrole; alter database NAME owner to NAME.",
      );
    }
    throw error;
  } finally {
    await client.end();
  }
}

function assertGraphileMigrateVersion(): void {
  const { version } = createRequire(import.meta.url)("graphile-migrate/package.json") as { version: string };
  if (version !== graphileMigrateVersion) {
    fail(
      "wrong_tool_version",
      `graphile-migrate ${version} is installed, and the migrations need ${graphileMigrateVersion}.`,
      "Run `npm install` in the project folder: package.json pins the right one.",
    );
  }
}

async function withRetry<T>(run: () => Promise<T>, isTransient: (error: Error) => boolean): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt >= 40 || !isTransient(error as Error)) throw error;
      await sleep(50 * Math.min(attempt, 20) + Math.random() * 50);
    }
  }
}
