/** Limits belong to the logins, so that they hold whatever role a transaction takes. */
import { expect, test } from "@jest/globals";
import { createTestDatabase, rolledBack } from "../../support/database.ts";

/** Milliseconds, and kilobytes. */
const limits = {
  idle_in_transaction_session_timeout: "15000",
  lock_timeout: "2000",
  statement_timeout: "3000",
  temp_file_limit: "262144",
  transaction_timeout: "30000",
  work_mem: "16384",
};

test("can be counted on under set role: statements, locks and idle transactions end", async () => {
  const database = await createTestDatabase();
  try {
    await rolledBack(database.urls.authenticator, async (client) => {
      await client.query(`set local role ${database.rolePrefix}_viewer`);
      const { rows } = await client.query<{ name: string; setting: string }>(
        "select name, setting from pg_settings where name = any($1) order by name",
        [Object.keys(limits)],
      );
      const hasTransactionTimeout = rows.some(({ name }) => name === "transaction_timeout");
      const { transaction_timeout: ofNewerServers, ...everywhere } = limits;
      expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
        ...everywhere,
        ...(hasTransactionTimeout ? { transaction_timeout: ofNewerServers } : {}),
      });
      await client.query("set local statement_timeout = '50ms'");
      await expect(client.query("select pg_sleep(60)")).rejects.toMatchObject({ code: "57014" });
    });
  } finally {
    await database.drop();
  }
});
