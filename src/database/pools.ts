import pg from "pg";
import { errorCode, errorMessage } from "../errors.ts";
import { childLogger } from "../log.ts";

const log = childLogger({ area: "database" });

export interface PoolOptions {
  /** What pg_stat_activity shows: "landfall api", "landfall worker". */
  applicationName: string;
  /** Most connections at once; 10 where nothing is said. */
  max?: number;
  /** How long to wait for a connection, in milliseconds; 5,000 where nothing is said. */
  connectionTimeoutMillis?: number;
}

/**
 * A pool of connections that outlives the server's restarts: an idle connection that the server closes is logged and replaced.
 * Statement, lock and idle timeouts belong to the login roles, where a pooler and `set role` cannot lose them.
 *
 * @param url a PostgreSQL connection string
 */
export function createPool(
  url: string,
  { applicationName, max = 10, connectionTimeoutMillis = 5_000 }: PoolOptions,
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: applicationName,
    max,
    connectionTimeoutMillis,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
  });
  pool.on("error", (error) => log.warn({ applicationName, error: error.message }, "lost an idle connection"));
  pool.on("connect", (client) => {
    client.on("error", (error) => log.warn({ applicationName, error: error.message }, "lost a connection in use"));
  });
  return pool;
}

/** SQLSTATEs by which a server ends a connection, and what the operating system says of one. */
const lostCodes = /^(08|57P|25P03)|^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND)$/;
/** `pg` has no code for these: the server was killed, or no connection was to be had. */
const lostMessages =
  /Connection terminated|connection error and is not queryable|timeout exceeded when trying to connect/;

/** Whether a connection was cut, refused or not to be had. What was under way has left no trace, unless it was the commit itself. */
export function isConnectionLost(error: unknown): boolean {
  return lostCodes.test(errorCode(error) ?? "") || lostMessages.test(errorMessage(error));
}
