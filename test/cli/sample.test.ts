import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { landfall } from "../support/processes.ts";

let dataDir: string;
let database: TestDatabase;
let variables: Record<string, string>;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "landfall-sample-"));
  database = await createTestDatabase();
  variables = {
    DATABASE_URL: database.urls.admin,
    LANDFALL_SECRET_KEY: database.secretKey,
    JWT_SECRET: "a secret of the tests alone, long enough to be one",
    LANDFALL_DATA_DIR: dataDir,
  };
});

afterAll(async () => {
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

test("can make a tenant with the sample base of a mapping, once", async () => {
  const first = await landfall(["sample", "leadgen", "--json"], variables);
  expect(first).toMatchObject({ code: 0 });
  expect(JSON.parse(first.stdout)).toMatchObject({
    tenant: { slug: "sample-leadgen" },
    import: { status: "incomplete", verified: true },
  });
  const passwords = readFileSync(join(dataDir, "credentials.json"), "utf8");
  expect(JSON.parse(passwords).users).toMatchObject([
    { tenant: "sample-leadgen", email: "admin@harbourline.example", role: "admin" },
    { tenant: "sample-leadgen", email: "editor@harbourline.example", role: "editor" },
    { tenant: "sample-leadgen", email: "viewer@harbourline.example", role: "viewer" },
  ]);
  for (const { password } of JSON.parse(passwords).users) expect(first.stdout).not.toContain(password);

  const second = await landfall(["sample", "leadgen"], variables);
  expect(second).toMatchObject({ code: 0 });
  expect(second.stdout).toContain('Sign in to the tenant "sample-leadgen"');
  expect(second.stdout).toMatch(/The sample base was imported: \d+ records, 45 findings, verified\./);
  expect(readFileSync(join(dataDir, "credentials.json"), "utf8")).toBe(passwords);
  expect(await database.query("select count(*)::integer as batches from imports.batches")).toEqual([{ batches: 1 }]);
});

test("cannot make a sample in production [exit code 2]", async () => {
  const production = { ...variables, NODE_ENV: "production" };
  expect(await landfall(["sample", "bloom"], production)).toMatchObject({ code: 2, stdout: "" });
});
