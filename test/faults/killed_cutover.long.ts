import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFolder, type Store } from "../imports/clean_base.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { landfall, startLandfall } from "../support/processes.ts";

/** The command that leaves a source behind: stopped for want of a person, killed, walked again, and taken back. */

let database: TestDatabase;
let store: Store;
let dataDir: string;
let variables: Record<string, string>;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "landfall-cutover-"));
  database = await createTestDatabase();
  store = await openFolder();
  variables = {
    DATABASE_URL: database.urls.admin,
    LANDFALL_SECRET_KEY: database.secretKey,
    JWT_SECRET: "a secret of the tests alone, long enough to be one",
    LANDFALL_DATA_DIR: dataDir,
  };
  await database.query("insert into tenancy.tenants (name, slug) values ('Harbour', 'harbour')");
});

afterAll(async () => {
  await store.close();
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

const cutover = (...args: string[]) => ["cutover", ...args, "--tenant", "harbour"];
const walk = (...args: string[]) => cutover("--mapping", "bloom", "--from", store.from, "--until", "200", ...args);

test("can stop for want of a person, be killed in the last pass, go on to the switch, and be taken back", async () => {
  const waiting = await landfall(walk(), variables);
  expect(waiting).toMatchObject({ code: 0, stdout: expect.stringContaining("the same command with --yes") });
  expect(waiting.stdout).toMatch(/Cut-over .*: ready\.\n.*\n {2}Pass 1, delta: 108 changes/);

  const killed = startLandfall(walk("--yes"), variables);
  await killed.waitFor("Cut-over: final pass.");
  killed.child.kill("SIGKILL");
  expect(await killed.ended).toMatchObject({ signal: "SIGKILL" });
  expect(await database.query("select status from imports.cutovers")).toEqual([{ status: "final_pass" }]);
  // Who waits for a dead process's lease to run out, waits twenty seconds; here they have passed.
  await database.query("update app_private.import_leases set heartbeat_at = '-infinity'");
  const report = join(dataDir, "parity.html");
  const gone = await landfall(walk("--yes", "--json", "--out", report), variables);
  expect(gone.code).toBe(0);
  const switched = JSON.parse(gone.stdout);
  expect(switched).toMatchObject({ status: "switched", startedBy: expect.stringContaining("@") });
  expect(switched.passes.map(({ kind, changes }: { kind: string; changes: number }) => [kind, changes])).toEqual([
    ["delta", 108],
    ["delta", 0],
    ["final", 0],
  ]);
  expect(await readFile(report, "utf8")).toContain(`The last pass of the cut-over ${switched.id}, which is switched.`);

  const changed = await store.edit("Journeys", "Journey Name", "Inquiry to Tour", { Goal: "Still here" });
  const checked = await landfall(cutover("check"), variables);
  expect(checked.code).toBe(1);
  expect(checked.stdout.split("\n")[0]).toBe(`Journeys/${changed}: changed (Goal)`);

  await database.query("update journeys.journeys set goal = 'Ours' where name = 'Inquiry to Tour'");
  const reopened = await landfall(cutover("reopen"), variables);
  expect(reopened.code).toBe(0);
  expect(reopened.stdout).toMatch(/journeys\.journeys \S+: update of goal/);
  expect(reopened.stdout).toContain("landfall import rollback");
  const status = await landfall(cutover("status", "--json"), variables);
  expect(JSON.parse(status.stdout).cutovers).toMatchObject([{ status: "reopened" }]);
});
