/**
 * Random scripts of faults with workers killed by SIGKILL at random moments, each made from a seed. `LANDFALL_TEST_SEEDS` says how
 * many (300 where nothing is said), `LANDFALL_TEST_FIRST_SEED` where they begin. A seed that ever failed is kept below. Odd and even
 * ones are files of their own, so that two run at once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultInput } from "../../src/sandbox/gohighlevel/faults.ts";
import { createRandom } from "../../src/sandbox/gohighlevel/random.ts";
import { audit } from "./audit.ts";
import { beginStory, hasty, type Step, type Story } from "./story.ts";
import type { WorkerProcessInput } from "./worker_process.ts";
import { startWorkerProcess } from "./worker_processes.ts";

const token = "pit-canary-random-1f3a";
const first = Number(process.env.LANDFALL_TEST_FIRST_SEED ?? 1);
const count = Math.max(2, Number(process.env.LANDFALL_TEST_SEEDS ?? 300));
const kept: number[] = [];
const seeds = [...new Set([...kept, ...Array.from({ length: count }, (_, index) => first + index)])];

/** Doubt lasts longer than any reply of these scripts is late, as it does in earnest. */
const timing = {
  ...hasty,
  callTimeoutMs: 250,
  settleDelaysMs: [30, 80, 700],
  leaseMs: 60_000,
  maxAttempts: 50,
  breakerFailures: 1_000,
};

let story: Story;

type Random = ReturnType<typeof createRandom>;

const pick = <T>(random: Random, choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;

const kinds: readonly ((random: Random) => FaultInput)[] = [
  () => ({ kind: "commit-then-reset" }),
  () => ({ kind: "commit-then-hang" }),
  () => ({ kind: "commit-then-status", status: 500 }),
  () => ({ kind: "commit-then-status", status: 504, dropsContent: true }),
  () => ({ kind: "422-but-created", method: "POST" }),
  () => ({ kind: "content-dropped" }),
  () => ({ kind: "invalid-json" }),
  () => ({ kind: "without-id" }),
  () => ({ kind: "reset-before-commit" }),
  () => ({ kind: "hang-before-commit" }),
  () => ({ kind: "maintenance" }),
  (random) => ({ kind: "late-commit", ms: 260 + Math.floor(random() * 200) }),
  (random) => ({ kind: "list-lag", ms: Math.floor(random() * 400) }),
  (random) => ({ kind: "delay", ms: Math.floor(random() * 300) }),
  (random) => ({ kind: "slow-drip", ms: Math.floor(random() * 300) }),
  () => ({ kind: "status", status: 502, body: "<html>bad gateway</html>", contentType: "text/html" }),
  () => ({
    kind: "status",
    status: 429,
    headers: { "X-RateLimit-Interval-Milliseconds": "30", "X-RateLimit-Daily-Remaining": "9000" },
  }),
];

function scriptOf(random: Random): FaultInput[] {
  return Array.from({ length: 1 + Math.floor(random() * 7) }, () => ({
    method: pick(random, ["POST", "POST", "GET", "PATCH", "PUT"]),
    skip: Math.floor(random() * 4),
    count: 1 + Math.floor(random() * 2),
    ...pick(random, kinds)(random),
  }));
}

function stepsOf(random: Random): Step[] {
  return Array.from({ length: 1 + Math.floor(random() * 4) }, (_, number): Step => {
    const name = `Step ${number}`;
    const text = `Text ${Math.floor(random() * 1_000)} {{first_name}}`;
    return random() < 0.6
      ? { name, type: "email", content: { subject: `S ${number}`, body: text } }
      : { name, type: pick(random, ["sms", "task", "note"]), content: { body: text } };
  });
}

/** Runs the publication in a process of its own, and kills it after so many milliseconds where a number is given. */
async function runProcess(publicationId: string, killAfterMs: number | null): Promise<void> {
  const { database, sandbox, tenantId } = story;
  const input: WorkerProcessInput = {
    workerUrl: database.urls.worker,
    secretKey: database.secretKey,
    baseUrl: sandbox.url,
    token,
    timing,
    tenantId,
    publicationId,
  };
  const child = startWorkerProcess(input);
  if (killAfterMs !== null) {
    // Counted from its first call, for a process that has done nothing proves nothing.
    const before = (await story.journal()).length;
    while (!child.hasEnded() && (await story.journal()).length === before) await sleep(5);
    await sleep(killAfterMs);
    await child.kill("SIGKILL");
  }
  await child.ended;
}

/** What every minute does for a worker that died, without the minute. */
async function declareDead(publicationId: string): Promise<void> {
  await story.database.query(
    "update publishing.publications set lease_expires_at = now() - interval '1 s' where id = $1 and status = 'running'",
    [publicationId],
  );
}

/** Runs the seeds with this remainder by two. */
export function testSeeds(remainder: 0 | 1): void {
  beforeAll(async () => {
    story = await beginStory({ tokens: [{ token }] }, { token });
  });

  afterAll(() => story.end());

  beforeEach(async () => {
    await story.fake("reset", {});
    await story.newClient();
  });

  const chosen = seeds.filter((seed) => seed % 2 === remainder);
  test.each(chosen.map((seed) => [seed]))("seed %i ends with one of each, as approved", async (seed) => {
    const random = createRandom(seed);
    const journeyId = await story.writeJourney(`Seed ${seed}`, stepsOf(random));
    const publicationId = await story.publish(journeyId);
    await story.fault(...scriptOf(random));
    const kills = Math.floor(random() * 3);
    for (let kill = 0; kill < kills; kill += 1) {
      await runProcess(publicationId, Math.floor(random() * 250));
      await declareDead(publicationId);
    }
    // What is left of the script meets a worker that lives; then people retry what is left, as they would.
    for (let round = 0; round < 8; round += 1) {
      await story.run(publicationId, { timing });
      const { status } = await story.publication(publicationId);
      if (status === "synced") break;
      if (status === "deferred") await story.wake(publicationId);
      else await story.call("select id from publishing.retry_publication($1)", publicationId);
    }
    expect(await story.publication(publicationId)).toMatchObject({ status: "synced", items_failed: 0 });
    await audit(story, { canaries: [token] });
  });
}
