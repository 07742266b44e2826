/** What a production process refuses to start with. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Config, loadConfig } from "../../src/config.ts";
import { isWeak, refuseUnsafeProduction } from "../../src/database/production.ts";
import { sampleFolder } from "../../src/imports/run_import.ts";
import { startWorker } from "../../src/worker/worker.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { makeStore, type TestStore } from "../support/file_stores.ts";
import { landfall } from "../support/processes.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const strong = () => randomBytes(48).toString("base64url");

/** A configuration for production on the test's database: the API's login, as the commands are given it. */
function production(variables: Record<string, string> = {}): Config {
  return loadConfig({
    NODE_ENV: "production",
    DATABASE_URL: database.urls.authenticator,
    JWT_SECRET: strong(),
    LANDFALL_SECRET_KEY: strong(),
    ...variables,
  });
}

const start = (config: Config, logins = [database.urls.authenticator, database.urls.worker]) =>
  refuseUnsafeProduction(config, logins);

test("can start with secrets that nobody guesses and logins that are bound by the policies", async () => {
  await expect(start(production())).resolves.toBeUndefined();
});

test.each<[string, () => Config, RegExp]>([
  [
    "a JWT_SECRET that is a word",
    () => production({ JWT_SECRET: `my-secret-${strong()}` }),
    /JWT_SECRET can be guessed/,
  ],
  ["a JWT_SECRET of few characters", () => production({ JWT_SECRET: "ab".repeat(40) }), /JWT_SECRET can be guessed/],
  [
    "a LANDFALL_SECRET_KEY of one",
    () => production({ LANDFALL_SECRET_KEY: "x".repeat(64) }),
    /LANDFALL_SECRET_KEY can be/,
  ],
  [
    "one secret for both",
    () => {
      const secret = strong();
      return production({ JWT_SECRET: secret, LANDFALL_SECRET_KEY: secret });
    },
    /are the same/,
  ],
  ["the sandbox", () => production({ GHL_BASE_URL: "http://127.0.0.1:3002" }), /GHL_BASE_URL leads to a stand-in/],
  [
    "an Airtable of its own",
    () => production({ AIRTABLE_ENDPOINT_URL: "http://localhost:1" }),
    /AIRTABLE_ENDPOINT_URL leads/,
  ],
  ["a GoHighLevel without TLS", () => production({ GHL_BASE_URL: "http://ghl.test" }), /GHL_BASE_URL has no TLS/],
  [
    "a superuser as DATABASE_URL",
    () => production({ DATABASE_URL: database.urls.admin }),
    /passes over row-level security/,
  ],
])("cannot start with %s, and says so: unsafe_production", async (_name, config, reason) => {
  await expect(start(config())).rejects.toMatchObject({
    reason: "unsafe_production",
    message: expect.stringMatching(reason),
  });
});

test("cannot start with a login that passes over the policies, whichever it is", async () => {
  await expect(start(production(), [database.urls.admin])).rejects.toMatchObject({ reason: "unsafe_production" });
});

test("cannot start while a sample person can sign in; can when they are disabled, or have no password", async () => {
  const [person] = await database.query<{ id: string }>(
    "insert into tenancy.users (email, name) values ('admin@sample.example', 'Ada') returning id",
  );
  await expect(start(production())).resolves.toBeUndefined();
  await database.query("select app_private.set_password($1, '\\x00', '{}', '\\x00', false)", [person?.id]);
  await expect(start(production())).rejects.toMatchObject({ message: expect.stringMatching(/sample people/) });
  await database.query("update tenancy.users set is_active = false where id = $1", [person?.id]);
  await expect(start(production())).resolves.toBeUndefined();
});

test("can start with anything elsewhere", async () => {
  const config = loadConfig({
    DATABASE_URL: database.urls.admin,
    JWT_SECRET: "x".repeat(32),
    LANDFALL_SECRET_KEY: "x".repeat(32),
  });
  await expect(start(config, [database.urls.admin])).resolves.toBeUndefined();
});

describe("the commands", () => {
  test.each(["api", "worker"])("landfall %s cannot start, and says everything that is wrong", async (command) => {
    const ended = await landfall([command], {
      NODE_ENV: "production",
      DATABASE_URL: database.urls.admin,
      JWT_SECRET: "change-me-change-me-change-me-change-me",
      LANDFALL_SECRET_KEY: database.secretKey,
    });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/JWT_SECRET can be guessed.*passes over row-level security/);
  });
});

describe("with a bucket that is not there", () => {
  let store: TestStore;
  let variables: Record<string, string>;
  beforeAll(async () => {
    store = await makeStore("bucket");
    const { endpointUrl = "", credentials } = store.config.bucket ?? {};
    variables = {
      LANDFALL_DATA_DIR: join(store.config.folder, "data"),
      LANDFALL_FILES_URL: "s3://no-such-bucket/files",
      AWS_ENDPOINT_URL_S3: endpointUrl,
      AWS_ACCESS_KEY_ID: credentials?.accessKeyId ?? "",
      AWS_SECRET_ACCESS_KEY: credentials?.secretAccessKey ?? "",
    };
  });
  afterAll(() => store.close());

  const connected = () => ({
    DATABASE_URL: database.urls.admin,
    LANDFALL_SECRET_KEY: database.secretKey,
    LANDFALL_ROLE_PREFIX: database.rolePrefix,
  });

  test.each([
    ["development", () => ({})],
    ["production", () => ({ ...connected(), NODE_ENV: "production", JWT_SECRET: strong() })],
  ])("landfall start cannot begin in %s, makes no server, and says what to do: LF416", async (_environment, more) => {
    const ended = await landfall(["start"], { ...variables, ...more() });
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(/no bucket no-such-bucket.*Make it there/)]);
    expect(ended.stdout + ended.stderr).not.toContain(variables.AWS_SECRET_ACCESS_KEY);
    expect(existsSync(join(variables.LANDFALL_DATA_DIR as string, "postgres"))).toBe(false);
  });

  test("landfall import run cannot begin: LF416, and there is no batch", async () => {
    await database.query("select app_private.make_tenant('harbour', 'Harbour')");
    const run = ["import", "run", "--mapping", "bloom", "--from", sampleFolder, "--tenant", "harbour", "--json"];
    const ended = await landfall(run, { ...variables, ...connected() });
    expect([ended.code, JSON.parse(ended.stdout).error]).toMatchObject([1, { code: "LF416" }]);
    expect(await database.query("select from imports.batches")).toEqual([]);
  });

  test("a worker cannot begin: LF416", async () => {
    const config = loadConfig({ ...variables, ...connected() });
    await expect(startWorker({ config, url: database.urls.worker })).rejects.toMatchObject({ code: "LF416" });
  });

  test("landfall doctor can tell", async () => {
    const ended = await landfall(["doctor", "--only", "files", "--json"], { ...variables, ...connected() });
    expect([ended.code, JSON.parse(ended.stdout).findings]).toEqual([
      1,
      [expect.objectContaining({ check: "files", status: "failed", detail: expect.stringMatching(/no bucket/) })],
    ]);
  });
});

test.each(["base64", "base64url", "hex"] as const)(
  "can take what openssl makes for a strong secret (%s)",
  (encoding) => {
    for (let count = 0; count < 200; count++) expect(isWeak(randomBytes(32).toString(encoding))).toBe(false);
  },
);
