import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { projectDir } from "../../src/config.ts";
import { sandboxToken } from "../../src/sandbox/gohighlevel/tokens.ts";
import { beginStory, type Story } from "./story.ts";

const steps = [
  { name: "Welcome", type: "email", content: { subject: "Hello", body: "Thank you." } },
  { name: "Nudge", type: "sms", content: { body: "Hi" } },
];

let story: Story;
let workers: ChildProcess[] = [];
/** What the newest worker has said. */
let said = "";

beforeAll(async () => {
  story = await beginStory();
});

afterAll(() => story.end());

beforeEach(async () => {
  await story.fake("reset", {});
  await story.newClient();
});

afterEach(async () => {
  for (const worker of workers) await kill(worker);
  workers = [];
});

/** A worker as in production: a process of its own, started by the command. */
function startWorker(): ChildProcess {
  const { database, sandbox } = story;
  const worker = spawn(process.execPath, [join(projectDir, "scripts", "landfall.js"), "worker"], {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: "test",
      LOG_LEVEL: "silent",
      DATABASE_URL: database.urls.admin,
      LANDFALL_SECRET_KEY: database.secretKey,
      LANDFALL_ROLE_PREFIX: database.rolePrefix,
      JWT_SECRET: "a secret of the tests alone, long enough to be one",
      GHL_BASE_URL: sandbox.url,
      GHL_API_KEY: sandboxToken,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  said = "";
  worker.stderr?.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  workers.push(worker);
  return worker;
}

async function kill(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const gone = once(worker, "exit");
  worker.kill("SIGKILL");
  await gone;
}

/** Waits until it is so, as long as the worker lives that is to bring it about. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    if (workers.at(-1)?.exitCode != null) throw new Error(`the worker ended by itself: ${said}`);
    await sleep(50);
  }
}

/** Lets the time pass after which a worker counts as dead, and does what the others then do every minute. */
async function declareDead(): Promise<void> {
  await story.database.query("update app_private.worker_heartbeats set beat_at = beat_at - interval '1 hour'");
  await story.database.query(
    "update graphile_worker._private_jobs set locked_at = locked_at - interval '1 hour' where locked_at is not null",
  );
  await story.database.query(
    "update publishing.publications set lease_expires_at = lease_expires_at - interval '1 hour' where status = 'running'",
  );
  await story.worker.query("select app.sweep_workers()");
  await story.worker.query("select publishing.resume_publications()");
}

async function hasCommitted(path: RegExp): Promise<boolean> {
  return (await story.journal()).some((entry) => entry.method === "POST" && path.test(entry.path) && entry.committed);
}

test.each([
  ["the folder", /folders$/],
  ["a template", /templates$/],
  ["a custom value", /customValues$/],
])("a worker killed after GoHighLevel made %s and before we knew leaves one of each", async (_, path) => {
  const journeyId = await story.writeJourney("Killed", steps);
  await story.fault({ kind: "commit-then-hang", method: "POST", path: path.source });
  const publicationId = await story.publish(journeyId);
  const first = startWorker();
  await until(() => hasCommitted(path));
  await kill(first);
  expect(await story.publication(publicationId)).toMatchObject({ status: "running", items_failed: 0 });

  await declareDead();
  startWorker();
  await until(async () => (await story.publication(publicationId)).status === "synced");
  const { templates, customValues } = await story.state();
  expect(templates.map((template) => [template.type, template.archived]).sort()).toEqual([
    ["folder", false],
    ["template", false],
  ]);
  expect(customValues).toHaveLength(1);
  expect((await story.items(publicationId)).map((item) => item.remote_id)).toEqual([
    ...templates.toSorted((one) => (one.type === "folder" ? -1 : 1)).map((template) => template.id),
    customValues[0]?.id,
  ]);
  const creations = (await story.journal()).filter((entry) => entry.method === "POST" && entry.committed);
  expect(creations).toHaveLength(3);
  expect(await story.publication(publicationId)).toMatchObject({ run_count: 2, items_synced: 3, items_failed: 0 });
});

test("a worker killed between the id and the reading back makes nothing twice", async () => {
  const journeyId = await story.writeJourney("Killed later", steps);
  await story.fault({ kind: "hang-before-commit", method: "GET", path: "templates/[0-9a-f]{24}$" });
  const publicationId = await story.publish(journeyId);
  const first = startWorker();
  await until(async () => (await story.journal()).some((entry) => /templates\/[0-9a-f]{24}$/.test(entry.path)));
  await kill(first);
  await declareDead();
  startWorker();
  await until(async () => (await story.publication(publicationId)).status === "synced");
  expect((await story.journal()).filter((entry) => entry.method === "POST")).toHaveLength(3);
});
