import pg from "pg";
import { errorCode, errorMessage } from "../errors.ts";
import { childLogger } from "../log.ts";
import { waysIn } from "./urls.ts";

const log = childLogger({ area: "database" });

export interface PoolOptions {
  /** What pg_stat_activity shows: "landfall api", "landfall worker". */
  applicationName: string;
  /** Most connections at once; 10 where nothing is said. */
  max?: number;
  /** How long to wait for a connection, in milliseconds; 5,000 where nothing is said. */
  connectionTimeoutMillis?: number;
  /** LANDFALL_SECRET_KEY_PREVIOUS: where the server refuses the password, the one that comes out of this key is tried. */
  previousSecretKey?: string | undefined;
}

/**
 * A pool of connections that outlives the server's restarts: an idle connection that the server closes is logged and replaced.
 * Statement, lock and idle timeouts belong to the login roles, where a pooler and `set role` cannot lose them.
 *
 * @param url a PostgreSQL connection string
 */
export function createPool(
  url: string,
  { applicationName, max = 10, connectionTimeoutMillis = 5_000, previousSecretKey }: PoolOptions,
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
  tryInTurn(pool, waysIn(url, previousSecretKey));
  return pool;
}

/**
 * A client of its own, connected.
 *
 * @param url a PostgreSQL connection string
 * @param previousSecretKey LANDFALL_SECRET_KEY_PREVIOUS: where the server refuses the password, the one that comes out of it is tried
 */
export async function connectClient(
  url: string,
  { previousSecretKey, ...options }: Omit<pg.ClientConfig, "connectionString"> & Pick<PoolOptions, "previousSecretKey">,
): Promise<pg.Client> {
  const [way, ...others] = waysIn(url, previousSecretKey);
  const connect = async (connectionString: string) => {
    const client = new pg.Client({ ...options, connectionString });
    await client.connect();
    return client;
  };
  const [other] = others;
  if (other === undefined) return connect(way);
  return connect(way).catch((error: unknown) => (isPasswordRefused(error) ? connect(other) : Promise.reject(error)));
}

/** Lets a pool connect another way where the server refuses the password of the one before; it stays with what went well. */
function tryInTurn(pool: pg.Pool, ways: readonly string[]): void {
  if (ways.length === 1) return;
  let turn = 0;
  const connectOnce: () => Promise<pg.PoolClient> = pool.connect.bind(pool);
  const connect = async () => {
    for (let tries = 1; ; tries++) {
      const asked = turn;
      try {
        return await connectOnce();
      } catch (error) {
        if (!isPasswordRefused(error) || tries > ways.length) throw error;
        // Of many that are refused at once the first goes on to the next way, for all.
        if (turn === asked) {
          turn += 1;
          pool.options.connectionString = ways[turn % ways.length];
        }
      }
    }
  };
  type Taken = Parameters<Parameters<typeof pool.connect>[0]>;
  pool.connect = ((taken?: (...args: Taken) => void) => {
    const connecting = connect();
    if (taken === undefined) return connecting;
    return connecting.then(
      (client) => process.nextTick(taken, undefined, client, client.release),
      (error) => process.nextTick(taken, error, undefined, () => undefined),
    );
  }) as typeof pool.connect;
}

function isPasswordRefused(error: unknown): boolean {
  return errorCode(error) === "28P01";
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
