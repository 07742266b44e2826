/** Looks at a session that wants locks: who is in its way, and that nobody waits behind it for long. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { errorMessage } from "../errors.ts";
import { childLogger } from "../log.ts";

const log = childLogger({ area: "database" });

/** How often it looks, in milliseconds. */
const LOOK_EVERY = 200;

export interface LockWatch {
  /** Who held what was waited for last, in words. */
  blocker(): string | undefined;
  /** Whether a wait was ended since this was asked last. */
  hasEnded(): boolean;
  stop(): Promise<void>;
}

interface Wait {
  pid: number;
  is_too_long: boolean;
  blocker: string;
}

/**
 * Watches the sessions of one name in one database. Whoever waits for a strong lock keeps everybody waiting who comes after it, so a wait that
 * lasts longer than it may is ended, whatever the session's own lock_timeout says.
 *
 * @param adminUrl connection string of the login whose sessions they are
 * @param applicationName what pg_stat_activity calls them
 * @param longest how long one may wait, an interval
 */
export async function watchLocks(adminUrl: string, applicationName: string, longest: string): Promise<LockWatch> {
  const client = new pg.Client({ connectionString: adminUrl, application_name: "landfall, watching locks" });
  client.on("error", (error) => log.warn({ error: error.message }, "locks are no longer watched"));
  await client.connect();
  let isStopping = false;
  let blocker: string | undefined;
  let hasEnded = false;
  const look = async () => {
    const { rows } = await client.query<Wait>(
      `select waiting.pid,
         pg_catalog.clock_timestamp() - l.waitstart > $2::pg_catalog.interval as is_too_long,
         pg_catalog.format('process %s (%s%s%s)', other.pid, other.usename,
           case when other.application_name <> '' then ', ' || other.application_name end,
           ', in a transaction since ' || pg_catalog.to_char(other.xact_start at time zone 'UTC', 'HH24:MI:SS "UTC"')) as blocker
       from pg_catalog.pg_stat_activity waiting
       join pg_catalog.pg_locks l on l.pid = waiting.pid and not l.granted
       cross join unnest(pg_catalog.pg_blocking_pids(waiting.pid)) blocking (pid)
       join pg_catalog.pg_stat_activity other on other.pid = blocking.pid
       where waiting.application_name = $1 and waiting.datname = pg_catalog.current_database()`,
      [applicationName, longest],
    );
    for (const wait of rows) {
      blocker = wait.blocker;
      if (!wait.is_too_long) continue;
      hasEnded = true;
      await client.query("select pg_catalog.pg_cancel_backend($1)", [wait.pid]);
    }
  };
  const watching = (async () => {
    while (!isStopping) {
      await look();
      await sleep(LOOK_EVERY);
    }
  })().catch((error: unknown) => log.warn({ error: errorMessage(error) }, "locks are no longer watched"));
  return {
    blocker: () => blocker,
    hasEnded() {
      const answer = hasEnded;
      hasEnded = false;
      return answer;
    },
    async stop() {
      isStopping = true;
      await watching;
      await client.end();
    },
  };
}
