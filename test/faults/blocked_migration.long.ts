/** A migration that wants a table which somebody else uses, and would make everybody wait behind it. */
import pg from "pg";
import { migrate } from "../../src/database/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { until } from "../support/workers.ts";
import { addMigration, type MigrationsFolder } from "./migrations_folder.ts";

let migrations: MigrationsFolder;
let database: TestDatabase;
let holder: pg.Client;

beforeAll(() => {
  // As many before it, it would wait for three seconds.
  migrations = addMigration("set local lock_timeout = '3s';\nalter table journeys.clients add column nickname text;\n");
});
afterAll(() => migrations.remove());

beforeEach(async () => {
  database = await createTestDatabase();
  holder = new pg.Client({ connectionString: database.urls.admin, application_name: "a long report" });
  await holder.connect();
  await holder.query("begin; select from journeys.clients");
});
afterEach(async () => {
  await holder.end();
  await database.drop();
});

function begin(said: string[], lockTries?: number): Promise<void> {
  const { urls, rolePrefix, secretKey } = database;
  return migrate({
    adminUrl: urls.admin,
    rolePrefix,
    secretKey,
    folder: migrations.folder,
    log: (line) => said.push(line),
    ...(lockTries === undefined ? {} : { lockTries }),
  });
}

const hasNickname = async () =>
  (
    await database.query(
      "select from pg_attribute where attrelid = 'journeys.clients'::regclass and attname = 'nickname'",
    )
  ).length > 0;

test("can wait for a long transaction without keeping anybody, say who it is, and go on when that is over", async () => {
  const said: string[] = [];
  let isOver = false;
  const reader = new pg.Client({ connectionString: database.urls.admin });
  await reader.connect();
  // Nobody may wait longer than a request of the API does.
  await reader.query("set lock_timeout = '2s'");
  const reading = (async () => {
    let reads = 0;
    for (; !isOver; reads++) await reader.query("select from journeys.clients");
    return reads;
  })();
  const migrating = begin(said);
  await until(async () => said.filter((line) => line.includes("waits for a lock")).length >= 2);
  expect(said.find((line) => line.includes("waits for a lock"))).toMatch(
    /held by process \d+ \(postgres, a long report, in a transaction since .* UTC\).*trying again \(1 of 40\)/,
  );
  await holder.query("commit");
  await migrating;
  isOver = true;
  expect(await reading).toBeGreaterThan(0);
  await reader.end();
  expect(await hasNickname()).toBe(true);
});

test("can give up, with everything as it was (LF490)", async () => {
  await expect(begin([], 1)).rejects.toMatchObject({
    code: "LF490",
    message: expect.stringContaining("a long report"),
  });
  expect(await hasNickname()).toBe(false);
});
