import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { fixturesInOrder, rerunFixtures, unusedFixtures } from "../../../src/database/rules/fixtures.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test("cannot find a fixture that no migration includes", async () => {
  expect((await fixturesInOrder(database.rolePrefix)).length).toBeGreaterThan(50);
  expect(await unusedFixtures(database.rolePrefix)).toEqual([]);
});

test("can run every fixture again without changing a definition", async () => {
  expect(await rerunFixtures(database.urls.owner, database.rolePrefix)).toEqual([]);
});
