import { sandboxToken } from "../../src/config.ts";
import type { RunningProcess } from "../support/processes.ts";
import { declareDead, kill, startWorker, until } from "../support/workers.ts";
import { beginStory, type Story } from "./story.ts";

const steps = [
  { name: "Welcome", type: "email", content: { subject: "Hello", body: "Thank you." } },
  { name: "Nudge", type: "sms", content: { body: "Hi" } },
];

let story: Story;
let workers: RunningProcess[] = [];

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

/** A worker as in production, which speaks to the stand-in. */
function start(): RunningProcess {
  const worker = startWorker(story.database, { GHL_BASE_URL: story.sandbox.url, GHL_API_KEY: sandboxToken });
  workers.push(worker);
  return worker;
}

const isSynced = async (publicationId: string) => (await story.publication(publicationId)).status === "synced";

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
  const first = start();
  await until(() => hasCommitted(path), first);
  await kill(first);
  expect(await story.publication(publicationId)).toMatchObject({ status: "running", items_failed: 0 });

  await declareDead(story.database);
  await until(() => isSynced(publicationId), start());
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
  const first = start();
  await until(async () => (await story.journal()).some((entry) => /templates\/[0-9a-f]{24}$/.test(entry.path)), first);
  await kill(first);
  await declareDead(story.database);
  await until(() => isSynced(publicationId), start());
  expect((await story.journal()).filter((entry) => entry.method === "POST")).toHaveLength(3);
});
