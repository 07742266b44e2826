/**
 * The API, the server, or one process of the server is killed while fifty people change things: what was answered is there, what was not is there
 * once or not at all, and the same change sent again is answered and not made again.
 */
import { startTestCluster, type TestCluster } from "../support/cluster.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { kill, until } from "../support/workers.ts";
import { type ApiProcess, sendChange, startApi, startCrowd } from "./api_process.ts";
import { addCrowd, passingCodes } from "./crowd.ts";

let cluster: TestCluster;
let database: TestDatabase;
let api: ApiProcess;

beforeAll(async () => {
  cluster = await startTestCluster(true);
});
afterAll(() => cluster.stop());

beforeEach(async () => {
  database = await createTestDatabase(cluster);
  await database.query("insert into tenancy.tenants (slug, name) values ('harbour', 'Harbour')");
  api = await startApi(database);
});
afterEach(async () => {
  await kill(api);
  await until(() => database.drop().then(() => true));
});

const connections = async () =>
  (
    await database.query<{ pid: number }>(
      "select pid from pg_stat_activity where datname = current_database() and application_name like 'landfall api%' order by state, pid",
    )
  ).map(({ pid }) => pid);

const victims = {
  async "the API"() {
    await kill(api);
    // Nothing is left behind of it.
    await until(async () => (await connections()).length === 0);
    api = await startApi(database);
  },
  async "the server"() {
    process.kill(cluster.pid(), "SIGKILL");
  },
  async "a process of the server"() {
    const [pid] = await until(connections);
    process.kill(pid as number, "SIGKILL");
  },
};

test.each(Object.keys(victims) as (keyof typeof victims)[])(
  "can lose %s under fifty people, three times, and nothing that it answered; nothing is made twice",
  async (victim) => {
    const tokens = await addCrowd(database, "harbour", "editor", 50);
    const first = api.child.pid;
    const crowd = startCrowd(() => api.url, tokens);
    for (let turn = 1; turn <= 3; turn++) {
      const before = crowd.made.length;
      await until(async () => crowd.made.length >= before + 100, victim === "the API" ? undefined : api);
      await victims[victim]();
    }
    const last = crowd.made.length;
    await until(async () => crowd.made.length >= last + 100, api);
    await crowd.stop();

    // Whoever was refused was told to come again, by a code and nothing from inside; whoever lives on was not restarted.
    expect([...crowd.codes].filter((code) => !passingCodes.includes(code))).toEqual([]);
    if (victim !== "the API") expect([api.child.pid, api.child.exitCode]).toEqual([first, null]);
    const rows = await until(() =>
      database.query<{ slug: string; made: string }>(
        `select c.slug, count(a.id) as made from journeys.clients c
         left join audit.changes a on a.table_name = 'journeys.clients' and a.row_id = c.id and a.action = 'insert'
         group by c.slug`,
      ),
    );
    expect(rows.filter(({ made }) => made !== "1")).toEqual([]);
    expect(new Set(rows.map(({ slug }) => slug))).toEqual(new Set(crowd.made.map(({ slug }) => slug)));
    expect(rows).toHaveLength(crowd.made.length);

    // A key is the person's own, so it is tried with each token until it is known: no other makes the change, for its slug is taken.
    for (const change of crowd.made.slice(0, 5)) {
      const answers = await Promise.all(tokens.map((token) => sendChange(api.url, token, change)));
      expect(answers.filter((answer) => answer === change.answer)).toHaveLength(1);
    }
  },
);

test("can say that it is not ready while the server stands still or is gone, takes an error for no sign of health, and is ready again by itself", async () => {
  const status = async (path: string) => (await fetch(`${api.url}${path}`)).status;
  const change = { key: "health", slug: "health" };
  const [token = ""] = await addCrowd(database, "harbour", "editor", 1);
  expect(await status("/readyz")).toBe(200);
  const first = api.child.pid;
  const pids = await connections();
  const postmaster = cluster.pid();
  // It takes connections, and answers none of them.
  process.kill(postmaster, "SIGSTOP");
  for (const pid of pids) process.kill(pid, "SIGKILL");
  expect([await status("/readyz"), await status("/healthz")]).toEqual([503, 200]);
  const { errors } = JSON.parse((await sendChange(api.url, token, change)) ?? "{}") as {
    errors: { extensions: { code: string } }[];
  };
  expect(errors.map(({ extensions }) => extensions.code)).toEqual(["LF908"]);
  process.kill(postmaster, "SIGKILL");
  expect(await status("/readyz")).toBe(503);
  await until(async () => (await status("/readyz")) === 200, api);
  await until(async () => ((await sendChange(api.url, token, change)) ?? "").includes('"slug":"health"'), api);
  expect([api.child.pid, api.child.exitCode]).toEqual([first, null]);
});
