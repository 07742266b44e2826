import { execFile } from "node:child_process";
import { join } from "node:path";
import { projectDir, sandboxToken } from "../../src/config.ts";
import { beginStory, type Story } from "./story.ts";

const email = { name: "Welcome", type: "email", content: { subject: "Hello", body: "Thank you." } };

let story: Story;
let tenant: string;

beforeAll(async () => {
  story = await beginStory();
  const [row] = await story.database.query<{ slug: string }>("select slug from tenancy.tenants where id = $1", [
    story.tenantId,
  ]);
  tenant = row?.slug ?? "";
});

afterAll(() => story.end());

/** `landfall publish …` as people call it. */
function landfall(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { database, sandbox } = story;
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: "test",
    LOG_LEVEL: "silent",
    DATABASE_URL: database.urls.admin,
    LANDFALL_SECRET_KEY: database.secretKey,
    LANDFALL_ROLE_PREFIX: database.rolePrefix,
    JWT_SECRET: "a secret of the tests alone, long enough to be one",
    GHL_BASE_URL: sandbox.url,
    GHL_API_KEY: sandboxToken,
  };
  return new Promise((resolve) => {
    const command = [join(projectDir, "scripts", "landfall.js"), "publish", ...args, "--tenant", tenant];
    execFile(process.execPath, command, { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

test("can plan, run, tell, compare and retry, for people and for machines", async () => {
  const journeyId = await story.writeJourney("Inquiry", [email]);
  const planned = await landfall("plan", journeyId, "--look", "--json");
  expect(planned).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(planned.stdout).items).toMatchObject([{ action: "create" }, { action: "create", name: "Welcome" }]);

  const publicationId = await story.publish(journeyId);
  await story.fault({
    kind: "status",
    status: 422,
    body: '{"message":["name is odd"]}',
    method: "POST",
    path: "templates$",
  });
  const run = await landfall("run");
  expect(run).toMatchObject({ code: 1, stdout: expect.stringContaining("name is odd") });
  expect(run.stdout).toContain(`${publicationId}  partial  Inquiry, version 1: 1 of 2 synced`);

  expect((await landfall("retry", publicationId)).stdout).toContain("queued");
  const again = await landfall("run", publicationId, "--json");
  expect(JSON.parse(again.stdout)).toMatchObject([{ status: "synced", itemsSynced: 2 }]);

  await story.fake("people", { deed: "edit", name: "Welcome", subjectLine: "Theirs" });
  const [client] = await story.database.query<{ slug: string }>("select slug from journeys.clients where id = $1", [
    story.clientId,
  ]);
  const compared = await landfall("reconcile", client?.slug ?? "");
  expect(compared).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/drifted +Inquiry · 00 Welcome .*\n +subject: "Hello" here, "Theirs" there/),
  });
  expect(JSON.parse((await landfall("status", "--json")).stdout)).toMatchObject([
    { id: publicationId, itemsFailed: 1 },
  ]);

  const unknown = await landfall("plan", "nothing-of-this-name", "--json");
  expect(unknown.code).toBe(1);
  expect(JSON.parse(unknown.stdout).error).toMatchObject({ code: "LF308" });

  for (const name of ["nonsense", "00000000-0000-4000-8000-000000000000"]) {
    for (const command of ["status", "run", "retry"]) {
      const refused = await landfall(command, name, "--json");
      expect([command, refused.code, JSON.parse(refused.stdout).error.code]).toEqual([command, 1, "LF308"]);
    }
  }

  // The views say the same in psql.
  const [status] = await story.database.query("select * from reporting.publication_status where publication_id = $1", [
    publicationId,
  ]);
  expect(status).toMatchObject({
    journey_or_template: "Inquiry",
    version: 1,
    status: "synced",
    items: 2,
    synced: 1,
    failed: 1,
    steps_to_do: 3,
    asked_by: "Ada",
  });
  const [health] = await story.database.query("select * from reporting.sync_health where ghl_location_id = $1", [
    story.ghlLocationId,
  ]);
  expect(health).toMatchObject({
    status: "active",
    objects: 2,
    drifted: 1,
    missing: 0,
    compared_at: expect.any(Date),
    calls_too_many: 0,
  });
});
