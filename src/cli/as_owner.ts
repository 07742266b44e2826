import pg from "pg";
import { type Config, loadConfig } from "../config.ts";
import { openDatabase, requireAdmin } from "../database/connections.ts";
import type { LoginServer } from "../database/sql_logins.ts";
import { deriveUrls } from "../database/urls.ts";

/**
 * Runs one transaction as the owner of the database's objects, on the embedded server or the one that DATABASE_URL names: for what
 * belongs to nobody's tenant yet.
 *
 * @throws LandfallError `unusable_configuration` where only the API's login is known
 */
export async function asOwner<T>(run: (client: pg.Client, config: Config) => Promise<T>): Promise<T> {
  const config = loadConfig();
  const database = await openDatabase(config);
  try {
    return await inOwnerTransaction(requireAdmin(database), config, (client) => run(client, config));
  } finally {
    await database.close();
  }
}

/**
 * One transaction as the owner.
 *
 * @param adminUrl connection string of the owner or an administrator
 */
export async function inOwnerTransaction<T>(
  adminUrl: string,
  config: Config,
  run: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const { owner } = deriveUrls(adminUrl, config.secretKey, config.rolePrefix);
  const client = new pg.Client({
    connectionString: owner,
    application_name: "landfall",
    connectionTimeoutMillis: 10_000,
  });
  await client.connect();
  try {
    await client.query("begin");
    const result = await run(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    await client.end();
  }
}

/** What a command that works on the server itself, and not in one transaction, is given. */
export interface ServerCommand {
  server: LoginServer;
  config: Config;
  /** One transaction as the owner. */
  owner<T>(run: (client: pg.Client) => Promise<T>): Promise<T>;
}

/** Runs a command that needs an administrator of the server: to make and drop roles, or to work in many transactions. */
export async function withServer<T>(run: (command: ServerCommand) => Promise<T>): Promise<T> {
  const config = loadConfig();
  const database = await openDatabase(config);
  try {
    const adminUrl = requireAdmin(database);
    const { secretKey, rolePrefix } = config;
    const server = { adminUrl, secretKey, rolePrefix, isEmbedded: database.isEmbedded };
    return await run({ server, config, owner: (step) => inOwnerTransaction(adminUrl, config, step) });
  } finally {
    await database.close();
  }
}
