/** How PostGraphile reaches the database. */
import type pg from "pg";
import type { WithPgClient } from "postgraphile/@dataplan/pg";
import { createWithPgClient, makePgService, type NodePostgresPgClient } from "postgraphile/adaptors/pg";
import { retryTransaction } from "../database/retry.ts";

type PgService = ReturnType<typeof makePgService>;

/**
 * A service whose transactions are tried again where a deadlock or a failed serialisation ended them: PostGraphile would give the error to whoever
 * asked. What has no settings is not repeated, for it is in no transaction.
 *
 * @param pool connections as the authenticator
 */
export function makeRetryingPgService(pool: pg.Pool, schemas: string[]): PgService {
  const service = makePgService({ pool, schemas, pubsub: false });
  return { ...service, adaptor: { ...service.adaptor, createWithPgClient: (settings) => retrying(settings) } };
}

function retrying(settings: Parameters<typeof createWithPgClient>[0]): WithPgClient<NodePostgresPgClient> {
  const withPgClient = createWithPgClient(settings);
  const again: WithPgClient<NodePostgresPgClient> = (pgSettings, run) =>
    pgSettings === null ? withPgClient(null, run) : retryTransaction(() => withPgClient(pgSettings, run));
  return Object.assign(again, { release: withPgClient.release });
}
