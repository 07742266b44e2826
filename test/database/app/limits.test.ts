/** Limits belong to the logins, so that they hold whatever role a transaction takes. */
import { expect, test } from "@jest/globals";
import { createTestDatabase, rolledBack } from "../../support/database.ts";

test("can be counted on under set role: statements, locks and idle transactions end", async () => {
  const database = await createTestDatabase();
  try {
    await rolledBack(database.urls.authenticator, async (client) => {
      await client.query(`set local role ${database.rolePrefix}_viewer`);
      const { rows } = await client.query<{ name: string; setting: string }>(
        `select name, setting from pg_settings
          where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') order by name`,
      );
      expect(rows).toEqual([
        { name: "idle_in_transaction_session_timeout", setting: "15000" },
        { name: "lock_timeout", setting: "3000" },
        { name: "statement_timeout", setting: "10000" },
      ]);
      await client.query("set local statement_timeout = '50ms'");
      await expect(client.query("select pg_sleep(60)")).rejects.toMatchObject({ code: "57014" });
    });
  } finally {
    await database.drop();
  }
});
