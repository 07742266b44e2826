import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { fixturesInOrder, rerunFixtures, unusedFixtures } from "../../../src/database/rules/fixtures.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test("can run every fixture again without changing a definition", async () => {
  expect((await fixturesInOrder(database.rolePrefix)).length).toBeGreaterThan(50);
  expect(await rerunFixtures(database.urls.owner, database.rolePrefix)).toEqual([]);
});

test.each([
  [
    "a function",
    "create or replace function app.uuidv5(namespace uuid, name text) returns uuid language sql as 'select namespace'",
  ],
  ["a policy", "alter policy select_everybody on app.errors to landfall_viewer"],
  ["a grant", "revoke select on table app.errors from landfall_viewer"],
  ["a comment", "comment on column app.errors.code is null"],
  ["a trigger", "drop trigger _700_audit_insert on tenancy.sessions"],
  ["a row", "update app.errors set way_out = 'Give up.' where code = 'LF001'"],
])("cannot miss that %s has drifted from its fixture", async (_what, sql) => {
  const drifted = await createTestDatabase();
  try {
    const statement = sql.replaceAll("landfall_", `${drifted.rolePrefix}_`);
    await drifted.query(`set role ${drifted.rolePrefix}_owner; ${statement}; reset role`);
    expect(await rerunFixtures(drifted.urls.owner, drifted.rolePrefix)).not.toEqual([]);
  } finally {
    await drifted.drop();
  }
});

test("cannot find a fixture that no migration includes", async () => {
  expect(await unusedFixtures(database.rolePrefix)).toEqual([]);
});
