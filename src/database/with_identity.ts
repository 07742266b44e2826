/** Transactions that say who they act for. */
import { escapeLiteral, type Pool, type PoolClient } from "pg";
import { retryTransaction } from "./retry.ts";

/** Who a transaction acts for; the database confirms it and believes nothing else. */
export type Identity =
  | { kind: "visitor"; rolePrefix: string }
  | {
      kind: "user";
      rolePrefix: string;
      role: "viewer" | "client" | "editor" | "admin";
      userId: string;
      tenantId: string;
      sessionId: string;
      requestId?: string;
    }
  | { kind: "operator"; rolePrefix: string; userId: string; sessionId: string; requestId?: string }
  | { kind: "worker"; tenantId: string; importBatchId?: string; jobId?: string };

/**
 * Runs one transaction under an identity: commits what `run` resolves to, rolls back what it throws. Settings end with the transaction,
 * so a pooled connection never carries them on. Where a deadlock or a failed serialisation ended it, it runs again (three times in all);
 * `run` must therefore do nothing outside the database.
 */
export function withIdentity<T>(pool: Pool, identity: Identity, run: (client: PoolClient) => Promise<T>): Promise<T> {
  return retryTransaction(() => inTransaction(pool, settingsOf(identity), run));
}

/** The settings that say to the database who asks, for `set_config` and for PostGraphile's pgSettings. */
export function settingsOf(identity: Identity): Record<string, string> {
  switch (identity.kind) {
    case "visitor":
      return { role: `${identity.rolePrefix}_visitor` };
    case "user":
      return {
        role: `${identity.rolePrefix}_${identity.role}`,
        "app.user_id": identity.userId,
        "app.tenant_id": identity.tenantId,
        "app.session_id": identity.sessionId,
        ...(identity.requestId === undefined ? {} : { "app.request_id": identity.requestId }),
      };
    case "operator":
      return {
        role: `${identity.rolePrefix}_operator`,
        "app.user_id": identity.userId,
        "app.session_id": identity.sessionId,
        ...(identity.requestId === undefined ? {} : { "app.request_id": identity.requestId }),
      };
    case "worker":
      return {
        "app.tenant_id": identity.tenantId,
        ...(identity.importBatchId === undefined ? {} : { "app.import_batch_id": identity.importBatchId }),
        ...(identity.jobId === undefined ? {} : { "app.job_id": identity.jobId }),
      };
  }
}

/** Text and no parameters, for a message of several statements has none. */
function settingCalls(settings: Record<string, string>): string[] {
  return Object.entries(settings).map(
    ([name, value]) => `set_config(${escapeLiteral(name)}, ${escapeLiteral(value)}, true)`,
  );
}

async function inTransaction<T>(
  pool: Pool,
  settings: Record<string, string>,
  run: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    // Both in one message: what a short transaction costs are its round trips.
    await client.query(`begin; select ${settingCalls(settings).join(", ")}`);
    const result = await run(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch((rollbackError: Error) => {
      // The connection is gone, and the transaction with it: the pool must not hand this client out again.
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
