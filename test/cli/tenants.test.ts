import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { landfall } from "../support/processes.ts";

let dataDir: string;
let database: TestDatabase;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "landfall-tenants-"));
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

const run = (...args: string[]) =>
  landfall(args, {
    DATABASE_URL: database.urls.admin,
    LANDFALL_SECRET_KEY: database.secretKey,
    LANDFALL_DATA_DIR: dataDir,
  });

test("can suspend, list and reactivate a tenant", async () => {
  await database.query(
    "insert into tenancy.tenants (slug, name) values ('harbour', 'Harbour'), ('meadow-inn', 'Meadow Inn')",
  );
  const suspended = await run("tenant", "suspend", "harbour", "--reason", "unpaid", "--json");
  expect(suspended).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(suspended.stdout)).toMatchObject({ slug: "harbour", isActive: false, suspensionReason: "unpaid" });

  const { stdout } = await run("tenant", "list");
  expect(stdout).toMatch(
    /^harbour {5}suspended since \d{4}-\d\d-\d\d \(unpaid\) {2}Harbour\nmeadow-inn {2}active {2}Meadow Inn\n$/,
  );
  const status = await run("import", "status", "--tenant", "harbour", "--json");
  expect(status.code).toBe(1);
  expect(JSON.parse(status.stdout)).toMatchObject({
    error: { code: "LF048", name: "tenant_suspended", wayOut: expect.stringMatching(/operator/) },
  });

  expect(await run("tenant", "reactivate", "harbour")).toMatchObject({ code: 0, stdout: "harbour is active.\n" });
  expect(await database.query("select is_active from tenancy.tenants")).toEqual([
    { is_active: true },
    { is_active: true },
  ]);
});

test("cannot suspend a tenant that is not there, and names those that are: LF066", async () => {
  const { code, stderr } = await run("tenant", "suspend", "nowhere");
  expect(code).toBe(1);
  expect(stderr).toMatch(/no tenant with the slug nowhere.*harbour, meadow-inn/);
});
