import type { JobHelpers } from "graphile-worker";
import { workerContext } from "./context.ts";

/** So many lines go in one transaction. */
const chunkRows = 5_000;

/** The ledgers of calls, by the function that forgets what is due in one. */
const ledgers = {
  imports: "app_private.forget_import_calls",
  publishing: "app_private.forget_publishing_calls",
};

/** Deletes the calls of a ledger that are older than LANDFALL_CALLS_KEPT_FOR says. */
export async function forgetCalls(ledger: keyof typeof ledgers, { query, logger }: JobHelpers): Promise<void> {
  const { config } = workerContext();
  let forgotten = 0;
  for (let last = chunkRows; last === chunkRows; forgotten += last) {
    const { rows } = await query<{ count: string }>(
      `select ${ledgers[ledger]}(make_interval(secs => $1), $2) as count`,
      [config.keptFor.calls, chunkRows],
    );
    last = Number(rows[0]?.count);
  }
  if (forgotten > 0) logger.info(`forgot ${forgotten} calls of ${ledger}`);
}
