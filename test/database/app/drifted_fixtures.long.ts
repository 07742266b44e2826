import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { rerunFixtures } from "../../../src/database/rules/fixtures.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test("cannot miss what has drifted from its fixture", async () => {
  const viewer = `${database.rolePrefix}_viewer`;
  const drifts: [sql: string, effect: string][] = [
    ["alter function app.uuidv5(uuid, text) volatile", "app/ids.sql changes function app.uuidv5(uuid,text)"],
    [
      `alter policy select_everybody on app.errors to ${viewer}`,
      "app/errors.sql changes policy select_everybody on app.errors",
    ],
    [`revoke select on table app.transitions from ${viewer}`, "app/transitions.sql changes relation app.transitions"],
    ["comment on column app.errors.code is null", "app/errors.sql changes comment on table column app.errors.code"],
    [
      "drop trigger _700_audit_insert on tenancy.sessions",
      "audit/tenancy.sql changes trigger _700_audit_insert on tenancy.sessions",
    ],
    ["update app.errors set way_out = 'Give up.' where code = 'LF001'", "app/errors.sql changes error LF001"],
    [
      "delete from app.transitions where machine = 'journey' and from_state = 'draft' and to_state = 'archived'",
      "journeys/transitions.sql changes step of journey draft -> archived",
    ],
  ];
  for (const [sql] of drifts) await database.query(sql);
  const effects = await rerunFixtures(database.urls.owner, database.rolePrefix);
  expect(effects).toEqual(expect.arrayContaining(drifts.map(([, effect]) => `migrations/fixtures/${effect}`)));
});
