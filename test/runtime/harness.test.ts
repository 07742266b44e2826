import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createTestDatabase, rolledBack, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test("can clone the migrated template for a test file", async () => {
  const [row] = await database.query<{ count: string }>("select count(*) from graphile_migrate.migrations");
  expect(Number(row?.count)).toBeGreaterThan(0);
});

test("can undo what a test wrote", async () => {
  await rolledBack(database.urls.owner, (client) => client.query("create table app.leftover ()"));
  expect(await database.query("select to_regclass('app.leftover') as oid")).toEqual([{ oid: null }]);
});
