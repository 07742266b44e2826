/** Processes whose clocks are ten minutes off, one ahead and one behind: what counts is the database's clock. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectDir } from "../../src/config.ts";
import { makeTokens, type TokenClaims } from "../../src/server/tokens.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import type { RunningProcess } from "../support/processes.ts";
import { kill, startWorker, until } from "../support/workers.ts";
import { type ApiProcess, startApi } from "./api_process.ts";
import { addCrowd } from "./crowd.ts";

let database: TestDatabase;
let running: RunningProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  await database.query("insert into tenancy.tenants (slug, name) values ('harbour', 'Harbour')");
});
afterEach(async () => {
  for (const process of running) await kill(process);
  running = [];
  await database.drop();
});

/** The environment of a process whose clock is off by so many seconds. */
function skewed(seconds: number): Record<string, string> {
  const clock = pathToFileURL(join(projectDir, "test", "faults", "skewed_clock.mjs")).href;
  return { NODE_OPTIONS: `--import ${clock}`, LANDFALL_TEST_SKEW: String(seconds) };
}

async function api(seconds: number): Promise<ApiProcess> {
  const started = await startApi(database, skewed(seconds));
  running.push(started);
  return started;
}

async function worker(seconds: number): Promise<RunningProcess> {
  const started = startWorker(database, skewed(seconds));
  running.push(started);
  await started.waitFor("The worker is ready.");
  return started;
}

/** Who somebody is, or the code of what refuses them. */
async function roleOf({ url }: ApiProcess, token: string): Promise<string> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: "{ currentUser { role } }" }),
  });
  const { data, errors } = (await response.json()) as {
    data?: { currentUser: { role: string } };
    errors?: { extensions: { code: string } }[];
  };
  return errors?.[0]?.extensions.code ?? data?.currentUser.role ?? "";
}

test("can sign people in and out by the database's clock: nobody is let in for longer, nor kept out for less than their last minutes", async () => {
  const [ahead, behind] = [await api(600), await api(-600)];
  const [token = ""] = await addCrowd(database, "harbour", "editor", 1);
  expect([await roleOf(ahead, token), await roleOf(behind, token)]).toEqual(["editor", "editor"]);

  // The token says one day still, as each clock sees it; the session is over.
  await database.query("update tenancy.sessions set expires_at = now() - interval '1 second'");
  expect([await roleOf(ahead, token), await roleOf(behind, token)]).toEqual(["LF046", "LF046"]);

  // A token that ends in five minutes has ended for a clock that is ten minutes ahead, and for no other.
  await database.query("update tenancy.sessions set expires_at = now() + interval '5 minutes'");
  const tokens = makeTokens(database.config.jwt.secret);
  const claims = (await tokens.verify(token)) as TokenClaims;
  const short = await tokens.sign(claims, new Date(Date.now() + 300_000));
  expect([await roleOf(ahead, short), await roleOf(behind, short)]).toEqual(["LF045", "editor"]);
});

test("can run what is due by the database's clock, and nothing before, or twice", async () => {
  await database.query(`
    create table public.fired (task text, ts text);
    grant insert on public.fired to public;
    create function public.note_firing() returns trigger language plpgsql as $$
      begin
        insert into public.fired select t.identifier, new.payload->'_cron'->>'ts' from graphile_worker._private_tasks t where t.id = new.task_id;
        return null;
      end
    $$;
    create trigger zzz_note_firing after insert on graphile_worker._private_jobs
      for each row when (new.payload::jsonb ? '_cron') execute function public.note_firing()`);
  const addJob = (key: string, priority: number, wait: string) =>
    database.query(
      "select graphile_worker.add_job('audit/make_partitions', '{}', job_key => $1, priority => $2, run_at => now() + $3::interval)",
      [key, priority, wait],
    );
  const isDone = async (key: string) =>
    (await database.query("select from graphile_worker._private_jobs where key = $1", [key])).length === 0;

  // Whoever took it for due would take it first.
  await addJob("not yet", -100, "5 minutes");
  await addJob("now", 100, "0");
  const ahead = await worker(600);
  await until(() => isDone("now"), ahead);
  expect(
    await database.query("select attempts, locked_at from graphile_worker._private_jobs where key = 'not yet'"),
  ).toEqual([{ attempts: 0, locked_at: null }]);

  const behind = await worker(-600);
  // Two minutes of the crontab, as both see it.
  await until(async () => (await database.query("select distinct ts from public.fired")).length >= 2, behind);
  expect(await database.query("select task, ts from public.fired group by task, ts having count(*) > 1")).toEqual([]);
  expect((await database.query("select from public.fired where ts::timestamptz > now()")).length).toBeGreaterThan(0);
  // Each is alive for the other.
  const swept = await database.query("select freed from app.sweep_workers() as freed");
  expect(swept).toEqual([]);
  await kill(ahead);
  await addJob("later", 0, "0");
  await until(() => isDone("later"), behind);
});
