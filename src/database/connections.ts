/** Which connection string serves what, from the few that are given. */
import type { Config, SslMode } from "../config.ts";
import { fail } from "../errors.ts";
import { attachEmbedded, type EmbeddedOptions, startEmbedded } from "./embedded.ts";
import { deriveUrls } from "./urls.ts";

export interface ConnectionUrls {
  /** Of an administrator or the owner, for migrations and the operator's commands; undefined where only the API's login was given. */
  admin: string | undefined;
  /** The API's login, through a pooler where there is one. */
  api: string;
  /** The API's login on a read replica; the same as `api` where there is none. */
  read: string;
  /** The API's login on a direct connection, for LISTEN; the same as `api` where nothing is said. */
  listen: string;
  /** The queue's login, on a direct connection. */
  worker: string;
}

export interface OpenDatabase extends ConnectionUrls {
  /** Whether the server is our own; then `postgres.log` in the data folder is its log. */
  isEmbedded: boolean;
  /** Stops the embedded server where this call started it; else does nothing. */
  close(): Promise<void>;
}

/**
 * Every connection string, derived from the ones that are given: DATABASE_URL alone suffices. It is an administrator's unless its
 * user is the authenticator or DATABASE_OWNER_URL is given too; then it is the API's, and may leave its password out.
 *
 * @throws LandfallError `unusable_configuration` where DATABASE_URL is missing
 */
export function connectionUrls(config: Config): ConnectionUrls {
  const { url, readUrl, listenUrl, workerUrl, ownerUrl, sslMode } = config.database;
  if (url === undefined) {
    return fail(
      "unusable_configuration",
      "DATABASE_URL is not set.",
      "Set it, or let `landfall start` run a server of its own.",
    );
  }
  const { username, password } = new URL(url);
  const isAuthenticator = username === `${config.rolePrefix}_authenticator`;
  const isApiLogin = ownerUrl !== undefined || isAuthenticator;
  const admin = ownerUrl ?? (isApiLogin ? undefined : url);
  const derived = deriveUrls(admin ?? url, config.secretKey, config.rolePrefix);
  // An authenticator without a password is given the one that `landfall migrate` set.
  const api = isApiLogin && !(isAuthenticator && password === "") ? url : derived.authenticator;
  return {
    admin: admin && withSslMode(admin, sslMode),
    api: withSslMode(api, sslMode),
    read: withSslMode(readUrl ?? api, sslMode),
    listen: withSslMode(listenUrl ?? api, sslMode),
    worker: withSslMode(workerUrl ?? derived.worker, sslMode),
  };
}

/**
 * The database to work on: the server that DATABASE_URL names, else the embedded one, started where it does not run yet.
 * Close it when done.
 *
 * @param onLost called when an embedded server that this call started died and cannot be brought back
 */
export async function openDatabase(config: Config, onLost?: EmbeddedOptions["onLost"]): Promise<OpenDatabase> {
  if (config.database.url !== undefined) {
    return { ...connectionUrls(config), isEmbedded: false, close: async () => undefined };
  }
  const running = await attachEmbedded(config.dataDir);
  if (running) return { ...embeddedUrls(config, running.adminUrl), isEmbedded: true, close: async () => undefined };
  return startDatabase(config, onLost);
}

/**
 * As openDatabase, and takes charge of the embedded server: one that was left running by a killed process is adopted.
 *
 * @throws LandfallError `already_running` where another process is in charge of it
 */
export async function startDatabase(config: Config, onLost?: EmbeddedOptions["onLost"]): Promise<OpenDatabase> {
  if (config.database.url !== undefined) return openDatabase(config);
  const server = await startEmbedded({ dataDir: config.dataDir, major: config.postgresMajor, onLost });
  return { ...embeddedUrls(config, server.adminUrl), isEmbedded: true, close: () => server.stop() };
}

/** The administrator's connection string, for what only migrations and the operator's commands do. */
export function requireAdmin(urls: ConnectionUrls): string {
  return (
    urls.admin ??
    fail(
      "unusable_configuration",
      "DATABASE_URL is the API's login, which cannot do this.",
      "Set DATABASE_OWNER_URL to the connection string of the database's owner or administrator.",
    )
  );
}

/**
 * The connection strings of the embedded server.
 *
 * @param adminUrl its administrator's
 */
export function embeddedUrls(config: Config, adminUrl: string): ConnectionUrls {
  const derived = deriveUrls(adminUrl, config.secretKey, config.rolePrefix);
  const { authenticator: api, worker } = derived;
  return { admin: adminUrl, api, read: api, listen: api, worker };
}

/** DATABASE_SSL_MODE with libpq's meanings, where the connection string says nothing itself. */
function withSslMode(url: string, sslMode: SslMode | undefined): string {
  const parsed = new URL(url);
  if (sslMode === undefined || parsed.searchParams.has("sslmode")) return url;
  parsed.searchParams.set("sslmode", sslMode);
  parsed.searchParams.set("uselibpqcompat", "true");
  return parsed.toString();
}
