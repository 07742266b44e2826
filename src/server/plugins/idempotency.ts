import "postgraphile/adaptors/pg";
import { createHash } from "node:crypto";
import type pg from "pg";
import type { Logger } from "pino";
import type { PgClient, PgClientQuery, PgClientResult, WithPgClient } from "postgraphile/@dataplan/pg";
import type { ErrorCatalog } from "../errors.ts";
import { keepAnswer } from "../idempotency.ts";
import type { KeyedChange } from "../request.ts";
import { currentRequest } from "../request.ts";

/** What one statement of a change gave. */
interface Recorded {
  /** SHA-256 of the statement: another release may ask for other columns. */
  statement: string;
  rows: readonly unknown[];
  rowCount: number | null;
}

/**
 * Makes a change under its key. The first transaction of a mutation is the change; in it the key is claimed, and what its statements gave
 * is kept. Where the key was claimed before, those results stand in for the statements, and only the payload is read anew. So the change
 * is made once even where the process died between making it and answering.
 *
 * @param pool connections as the authenticator, for keeping answers
 * @param errors where LF914 (idempotency_key_unusable) is worded
 */
export function idempotencyPlugin(pool: pg.Pool, errors: ErrorCatalog, log: Logger): GraphileConfig.Plugin {
  /** The same client, whose statements are recorded, or answered from what was recorded. */
  function listening(
    client: PgClient,
    answer: (query: PgClientQuery, ask: () => Promise<unknown>) => Promise<unknown>,
  ) {
    const other: PgClient = {
      ...client,
      query: (query) => answer(query, () => client.query(query as never) as Promise<unknown>) as never,
      withTransaction: (run) => client.withTransaction((inner) => run(listening(inner, answer))),
    };
    return other;
  }

  function makeOnce(withPgClient: WithPgClient, change: KeyedChange): WithPgClient {
    let isFirst = true;
    const once = (settings: Record<string, string | undefined> | null, run: (client: PgClient) => Promise<unknown>) => {
      if (!isFirst) return withPgClient(settings, run);
      isFirst = false;
      return withPgClient(settings, async (client) => {
        const { rows } = await client.query<{ is_new: boolean; results: Recorded[] | null }>({
          text: "select is_new, results from app.claim_key($1, $2)",
          values: [change.key, change.requestHash],
        });
        const claim = rows[0];
        if (claim === undefined) throw new Error("app.claim_key gave no row");
        const results: Recorded[] = claim.is_new ? [] : [...(claim.results ?? [])];
        const value = await run(
          listening(client, async (query, ask) => {
            const statement = createHash("sha256").update(query.text).digest("base64");
            if (!claim.is_new) return repeat(results.shift(), statement);
            const { rows: given, rowCount } = (await ask()) as PgClientResult<unknown>;
            results.push({ statement, rows: given, rowCount });
            return { rows: given, rowCount, notices: [] };
          }),
        );
        if (claim.is_new) {
          await client.query({
            text: "select app.keep_results($1, $2)",
            values: [change.key, JSON.stringify(results)],
          });
        }
        change.isMade = true;
        return value;
      });
    };
    return Object.assign(once, { release: withPgClient.release }) as WithPgClient;
  }

  function repeat(recorded: Recorded | undefined, statement: string): PgClientResult<unknown> {
    if (recorded?.statement !== statement) {
      const wayOut = "Read what you changed; it is there.";
      throw errors.safe("LF914", "the change was made by another release of the API, which answered it", wayOut);
    }
    return { rows: recorded.rows, rowCount: recorded.rowCount, notices: [] };
  }

  return {
    name: "IdempotencyPlugin",
    version: "1.0.0",
    grafast: {
      middleware: {
        async prepareArgs(next, event) {
          const args = await next();
          const change = currentRequest()?.change;
          if (change === undefined) return args;
          const context = event.args.contextValue as Grafast.Context;
          context.withPgClient = makeOnce(context.withPgClient as WithPgClient, change) as typeof context.withPgClient;
          return args;
        },
      },
    },
    grafserv: {
      middleware: {
        async processRequest(next) {
          const result = await next();
          const request = currentRequest();
          // An answer with an error is not kept: what was changed is, and the rest may go better the next time.
          if (!request?.change?.isMade || result?.type !== "buffer" || hasErrors(result.buffer)) return result;
          await keepAnswer(pool, request.caller, request.change, result.buffer).catch((error: Error) => {
            log.warn({ err: error, requestId: request.id }, "an answer was not kept; it can be made again");
          });
          return result;
        },
      },
    },
  };
}

function hasErrors(answer: Buffer): boolean {
  return (JSON.parse(answer.toString("utf8")) as { errors?: unknown }).errors !== undefined;
}
