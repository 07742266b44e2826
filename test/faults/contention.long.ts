/** Many who want the same at once: deadlocks, failed serialisations, too few connections. */
import pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import { withIdentity } from "../../src/database/with_identity.ts";
import { makeTokens } from "../../src/server/tokens.ts";
import { codeOf, startTestApi, type TestApi } from "../api/api.ts";
import type { TestDatabase } from "../support/database.ts";
import { until } from "../support/workers.ts";
import { addClient, addCrowd, insist, submitJourney } from "./crowd.ts";

const review =
  'mutation ($id: UUID!, $decision: ReviewDecision!) { reviewJourney(input: { approvalId: $id, decision: $decision, comments: "So be it" }) { approval { status } } }';
const publish = "mutation ($id: UUID!) { publishJourney(input: { journeyId: $id }) { publication { id } } }";
const rename =
  'mutation ($id: UUID!) { updateClient(input: { id: $id, patch: { name: "Renamed", version: 1 } }) { client { name } } }';

let api: TestApi;
let admin: string;
let editor: string;

/** Any number does. */
const lockKey = 4_712;

/** Sets something for every connection of the API, and ends those that it has. */
async function setForApi(setting: string): Promise<void> {
  const { query, name, rolePrefix } = api.database;
  await query(`alter role ${rolePrefix}_authenticator in database ${name} ${setting}`);
  await query(
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and application_name like 'landfall api%'",
  );
}

/** How many connections of the API wait for a lock. */
async function waiting({ query }: TestDatabase): Promise<number> {
  const rows = await query(
    "select from pg_stat_activity where datname = current_database() and application_name = 'landfall api' and wait_event_type = 'Lock'",
  );
  return rows.length;
}

/** How many connections of the API are in the middle of a change. */
async function busy({ query }: TestDatabase): Promise<number> {
  const rows = await query(
    "select from pg_stat_activity where datname = current_database() and application_name = 'landfall api' and wait_event = 'PgSleep'",
  );
  return rows.length;
}

/** What the rename of a client meets, once it holds the row. */
async function meet(statement: string): Promise<void> {
  await api.database.query(`
    drop schema if exists meeting cascade;
    create schema meeting;
    grant usage on schema meeting to public;
    create sequence meeting.times;
    create function meeting.meet() returns trigger language plpgsql security definer as $$
      begin
        ${statement};
        return null;
      end
    $$;
    create trigger zzz_meet after update on journeys.clients for each row when (new.name = 'Renamed') execute function meeting.meet()`);
}

const timesMet = async () =>
  Number((await api.database.query<{ last_value: string }>("select last_value from meeting.times"))[0]?.last_value);

beforeAll(async () => {
  api = await startTestApi();
  [admin = ""] = await addCrowd(api.database, "harbour", "admin", 1);
  [editor = ""] = await addCrowd(api.database, "harbour", "editor", 1);
});
afterAll(() => api.close());

afterEach(() => setForApi("reset all"));

describe.each(["read committed", "serializable"])("at %s", (isolation) => {
  beforeEach(() => setForApi(`set default_transaction_isolation = '${isolation}'`));

  test("can be decided by one of fifty at once: one wins, the others are told", async () => {
    const { query } = api.database;
    const { journeyId, approvalId } = await submitJourney(api, editor);
    const reviewers = await addCrowd(api.database, "harbour", "admin", 50);
    const decisions = ["approve", "approve", "reject", "request_changes"];
    const holder = new pg.Client({ connectionString: api.database.urls.admin });
    await holder.connect();
    await holder.query("begin");
    await holder.query("select from journeys.touchpoints where journey_id = $1 for update", [journeyId]);
    const answers = reviewers.map((token, place) =>
      insist(api, token, review, { id: approvalId, decision: decisions[place % decisions.length] }),
    );
    await until(async () => (await waiting(api.database)) >= 10);
    await holder.end();
    const codes = (await Promise.all(answers)).map(codeOf);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(codes.filter((code) => code === "LF101")).toHaveLength(49);
    const [decided] = await query<{ approval: string; journey: string; history: string; approvals: string }>(
      `select a.status as approval, j.status as journey,
         (select count(*) from audit.changes c where c.table_name = 'journeys.approvals' and c.row_id = a.id and c.action = 'update') as history,
         (select count(*) from journeys.approvals o where o.journey_id = j.id) as approvals
       from journeys.approvals a join journeys.journeys j on j.id = a.journey_id where a.id = $1`,
      [approvalId],
    );
    const follows: Record<string, string> = { approved: "approved", rejected: "rejected", changes_requested: "draft" };
    expect(decided).toEqual({
      approval: expect.any(String),
      journey: follows[String(decided?.approval)],
      history: "1",
      approvals: "1",
    });
  });

  test("can be published by one of ten at once: one publication, one job", async () => {
    const { query } = api.database;
    const { journeyId, approvalId } = await submitJourney(api, editor);
    expect(codeOf(await insist(api, admin, review, { id: approvalId, decision: "approve" }))).toBeUndefined();
    const publishers = await addCrowd(api.database, "harbour", "admin", 10);
    const answers = await Promise.all(publishers.map((token) => insist(api, token, publish, { id: journeyId })));
    const codes = answers.map(codeOf);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(codes.filter((code) => code === "LF003")).toHaveLength(9);
    const publications = await query<{ id: string }>("select id from publishing.publications where journey_id = $1", [
      journeyId,
    ]);
    expect(publications).toHaveLength(1);
    expect(
      await query("select from graphile_worker._private_jobs where payload->>'publicationId' = $1", [
        publications[0]?.id,
      ]),
    ).toHaveLength(1);
  });
});

describe("a transaction that another one got in the way of", () => {
  test("can meet a deadlock: the change is tried again, and whoever asked sees nothing of it", async () => {
    const id = await addClient(api, editor);
    await meet(`perform nextval('meeting.times'); perform pg_advisory_xact_lock(${lockKey})`);
    const holder = new pg.Client({ connectionString: api.database.urls.admin });
    await holder.connect();
    // So that it is the API's session that the server ends.
    await holder.query("set deadlock_timeout = '1h'");
    await holder.query("begin");
    await holder.query("select pg_advisory_xact_lock($1)", [lockKey]);
    const answer = api.ask(rename, { id }, editor);
    await until(async () => (await waiting(api.database)) > 0);
    await holder.query("select from journeys.clients where id = $1 for update", [id]);
    await holder.query("rollback");
    await holder.end();
    expect(await answer).toMatchObject({
      status: 200,
      errors: [],
      data: { updateClient: { client: { name: "Renamed" } } },
    });
    expect(await timesMet()).toBe(2);
  });

  test.each([
    ["twice, and succeed", 2, undefined],
    ["three times, which is told: LF907", 3, "LF907"],
  ])("can fail to serialise %s", async (_what, failures, code) => {
    const id = await addClient(api, editor);
    await meet(
      `if nextval('meeting.times') <= ${failures} then raise exception using errcode = 'serialization_failure'; end if`,
    );
    expect(codeOf(await api.ask(rename, { id }, editor))).toBe(code);
    expect(await timesMet()).toBe(3);
    const history = await api.database.query("select from audit.changes where row_id = $1 and action = 'update'", [id]);
    expect(history).toHaveLength(code === undefined ? 1 : 0);
  });
});

test("can be rolled back: its job was never there, and nobody is told of one", async () => {
  const { config, urls, rolePrefix, query } = api.database;
  const { journeyId, approvalId } = await submitJourney(api, editor);
  await insist(api, admin, review, { id: approvalId, decision: "approve" });
  const heard: string[] = [];
  const listener = new pg.Client({ connectionString: urls.admin });
  await listener.connect();
  listener.on("notification", ({ channel }) => heard.push(channel));
  await listener.query('listen "jobs:insert"');
  const claims = await makeTokens(config.jwt.secret).verify(admin);
  if (typeof claims === "string" || claims.tenantId === null) throw new Error("This is nobody in a tenant.");
  const identity = { kind: "user", rolePrefix, role: "admin", ...claims, tenantId: claims.tenantId } as const;
  const pool = createPool(urls.authenticator, { applicationName: "landfall tests", max: 1 });
  const jobs = () => query("select from graphile_worker._private_jobs where payload->>'publicationId' is not null");
  const before = (await jobs()).length;
  await expect(
    withIdentity(pool, identity, async (client) => {
      await client.query("select journeys.publish_journey($1)", [journeyId]);
      throw new Error("not after all");
    }),
  ).rejects.toThrow("not after all");
  expect(await jobs()).toHaveLength(before);
  // What is told is told in the order of commits: the first that is heard is this one.
  await withIdentity(pool, identity, (client) => client.query("select journeys.publish_journey($1)", [journeyId]));
  await until(async () => heard.length > 0);
  expect([heard, (await jobs()).length]).toEqual([["jobs:insert"], before + 1]);
  await pool.end();
  await listener.end();
});

test("can meet a full disk: whoever asks is told to come back and nothing from inside, and nothing is changed", async () => {
  const id = await addClient(api, editor);
  await meet("raise exception using errcode = 'disk_full', message = 'could not extend file \"base/5/1259\"'");
  const answer = await api.ask(rename, { id }, editor);
  expect(codeOf(answer)).toBe("LF908");
  expect(JSON.stringify(answer)).not.toContain("base/5");
  await meet("null");
  expect((await api.ask(rename, { id }, editor)).errors).toEqual([]);
});

test("can run out of connections: whoever comes is told within a moment when to come back, and is served afterwards", async () => {
  await setForApi("set statement_timeout = 0");
  const id = await addClient(api, editor);
  await meet(`while not pg_try_advisory_xact_lock_shared(${lockKey}) loop perform pg_sleep(0.02); end loop`);
  const holder = new pg.Client({ connectionString: api.database.urls.admin });
  await holder.connect();
  await holder.query("select pg_advisory_lock($1)", [lockKey]);
  const holding = [];
  for (const connection of Array.from({ length: 15 }, (_, place) => place)) {
    holding.push(api.ask(rename, { id: connection === 0 ? id : await addClient(api, editor) }, editor));
    await until(async () => (await busy(api.database)) === connection + 1);
  }
  const refused = await Promise.all([1, 2, 3].map(() => api.ask("{ currentUser { role } }", {}, editor)));
  for (const answer of refused) {
    expect([answer.status, codeOf(answer), answer.headers.get("retry-after")]).toEqual([503, "LF908", "2"]);
  }
  expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
  await holder.end();
  for (const answer of await Promise.all(holding)) expect(answer.errors).toEqual([]);
  expect(await api.ask("{ currentUser { role } }", {}, editor)).toMatchObject({ status: 200, errors: [] });
});
