/** A suspended tenant is out with the next statement, whoever speaks for it; reactivated, it goes on where it stood. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type pg from "pg";
import { withIdentity } from "../../src/database/with_identity.ts";
import { findMapping } from "../../src/imports/mappings/find_mapping.ts";
import { createBatch } from "../../src/imports/pipeline/batch.ts";
import { runBatch } from "../../src/imports/pipeline/run_batch.ts";
import { readReport } from "../../src/imports/report.ts";
import { runImport, sampleFolder } from "../../src/imports/run_import.ts";
import { openSource } from "../../src/imports/sources/open_source.ts";
import { readRows } from "../imports/importing.ts";
import { beginStory } from "../publishing/story.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../support/database.ts";
import { addPeople, addSqlLogin, type Logins, openLogins, type People, refusal } from "../support/people.ts";
import { workQueue } from "../support/queue.ts";

const access = { airtable: { apiKey: undefined, endpointUrl: "" } };
const suspended = {
  code: "LF048",
  message: "This tenant is suspended: The ours (unpaid since May).",
  hint: expect.stringContaining("Ask the operator"),
};

let database: TestDatabase;
let logins: Logins;
let ours: People;
let theirs: People;

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  ours = await addPeople(database, logins.speak, "ours");
  theirs = await addPeople(database, logins.speak, "theirs");
});
afterEach(() => reactivate());
afterAll(async () => {
  await logins.close();
  await database.drop();
});

const suspend = () => database.query("select tenancy.suspend_tenant('ours', 'unpaid since May.')");
const reactivate = () => database.query("select tenancy.reactivate_tenant('ours')");
const countClients = "select count(*)::integer as clients from journeys.clients";

describe("a person", () => {
  test("cannot go on in the middle of a transaction, and can once it is reactivated: LF048", async () => {
    expect(await logins.speak(ours.editor, countClients)).toEqual([{ clients: 2 }]);
    const cutOff = withIdentity(logins.authenticator, ours.editor, async (client) => {
      await client.query(countClients);
      await suspend();
      await client.query(countClients);
    });
    expect(await refusal(cutOff)).toEqual(suspended);
    expect(await refusal(logins.speak(ours.viewer, "select from journeys.journeys"))).toEqual(suspended);
    expect(
      await refusal(logins.speak(ours.admin, "insert into journeys.clients (name, slug) values ('Late', 'late')")),
    ).toEqual(suspended);
    expect(await logins.speak(theirs.editor, countClients)).toEqual([{ clients: 2 }]);
    await reactivate();
    expect(await logins.speak(ours.editor, countClients)).toEqual([{ clients: 2 }]);
  });

  test("cannot hear of another tenant's suspension as somebody whose session does not hold", async () => {
    await suspend();
    const stranger = { ...ours.viewer, sessionId: theirs.viewer.sessionId };
    expect(await logins.speak(stranger, countClients)).toEqual([{ clients: 0 }]);
  });
});

test.each(["reporter", "automation"] as const)("cannot go on as an SQL login, a %s: LF048", async (kind) => {
  const login = await addSqlLogin(database, ours.tenantId, kind);
  try {
    await rolledBack(login.url, async (client) => {
      await client.query("select app.current_tenant_id()");
      await suspend();
      expect(await refusal(client.query("select app.current_tenant_id()"))).toEqual(suspended);
      await client.query("rollback");
      await reactivate();
      const { rows } = await client.query("select app.current_tenant_id() as tenant");
      expect(rows).toEqual([{ tenant: ours.tenantId }]);
    });
  } finally {
    await login.drop();
  }
});

test("cannot act for it as the worker: LF048; and can for others", async () => {
  await suspend();
  expect(await refusal(logins.speak(ours.worker, countClients))).toEqual(suspended);
  expect(await logins.speak(theirs.worker, countClients)).toEqual([{ clients: 2 }]);
});

test("can be suspended by hand, too, and everything that belongs to it happens", async () => {
  await database.query("update tenancy.tenants set is_active = false where slug = 'ours'");
  expect(
    await database.query("select suspended_at is null as is_null from tenancy.tenants where slug = 'ours'"),
  ).toEqual([{ is_null: false }]);
  await database.query("update tenancy.tenants set is_active = true where slug = 'ours'");
  expect(
    await database.query("select suspended_at, suspension_reason from tenancy.tenants where slug = 'ours'"),
  ).toEqual([{ suspended_at: null, suspension_reason: null }]);
});

describe("the record", () => {
  test("can say who did it, why, and outlives it", async () => {
    await suspend();
    await suspend();
    await reactivate();
    const deeds = await database.query(
      `select deed, tenant_slug, details, source, login_name = session_user as is_this_login
       from audit.operator_deeds where tenant_id = $1 order by id desc limit 2`,
      [ours.tenantId],
    );
    expect(deeds).toEqual([
      { deed: "tenant_reactivated", tenant_slug: "ours", details: {}, source: "sql", is_this_login: true },
      {
        deed: "tenant_suspended",
        tenant_slug: "ours",
        details: { reason: "unpaid since May." },
        source: "sql",
        is_this_login: true,
      },
    ]);
  });

  test.each([
    "update audit.operator_deeds set details = '{}'",
    "delete from audit.operator_deeds",
    "truncate audit.operator_deeds",
  ])("cannot be altered, by the owner neither: %s: LF007", async (statement) => {
    await rolledBack(database.urls.owner, async (client) => {
      await expect(client.query(statement)).rejects.toMatchObject({ code: "LF007" });
    });
  });

  test.each(["viewer", "admin"] as const)("cannot be read as a %s: 42501", async (who) => {
    await expect(logins.speak(ours[who], "select from audit.operator_deeds")).rejects.toMatchObject({ code: "42501" });
  });
});

test.each(["suspend", "reactivate"])("cannot %s a tenant as an admin: 42501", async (verb) => {
  await expect(logins.speak(ours.admin, `select tenancy.${verb}_tenant('theirs')`)).rejects.toMatchObject({
    code: "42501",
  });
});

describe("an import", () => {
  test.each([3, 9, 14])("can stand still at step %i and go on to the same rows, without a call", async (step) => {
    const tenantId = ours.tenantId;
    await database.query("delete from imports.sources where tenant_id = $1", [tenantId]);
    await database.query("delete from journeys.clients where tenant_id = $1 and id <> all ($2)", [
      tenantId,
      [ours.clientId, ours.otherClientId],
    ]);
    const batchId = await createBatch(
      logins.worker,
      tenantId,
      findMapping("bloom"),
      await openSource(sampleFolder, access),
      "queued",
    );
    await takeJobs();
    let told = 0;
    let done: Promise<unknown> = Promise.resolve();
    const stopped = refusal(
      runBatch(logins.worker, access, tenantId, batchId, () => {
        told += 1;
        if (told === step) done = suspend();
      }).then(() => done),
    );
    expect(await stopped).toMatchObject({ code: "LF048" });
    expect(await database.query("select from app_private.import_leases")).toEqual([]);
    expect(await database.query("select status from imports.batches where id = $1", [batchId])).toMatchObject([
      { status: expect.stringMatching(/^(running|verifying)$/) },
    ]);
    // The minute's look for what was left behind passes it over.
    await database.query("update imports.batches set updated_at = updated_at where id = $1", [batchId]);
    expect(await database.query("select app_private.requeue_import_batches('-1 hour')")).toEqual([]);
    await workQueue(database, logins.worker);
    expect(await database.query("select status from imports.batches where id = $1", [batchId])).not.toMatchObject([
      { status: "incomplete" },
    ]);

    await reactivate();
    await workQueue(database, logins.worker);
    expect(await readReport(logins.worker, tenantId, batchId)).toMatchObject({ status: "incomplete", verified: true });
    const again = await runImport({ pool: logins.worker, tenantId, mapping: "bloom", from: sampleFolder, access });
    expect(again.collections.map(({ inserted, updated }) => inserted + updated)).toEqual(
      again.collections.map(() => 0),
    );
    expect((await readRows(database)).length).toBeGreaterThan(100);
  });

  test("cannot be begun, nor woken by a job that was there: LF048, and the job ends without a failure", async () => {
    const source = await openSource(sampleFolder, access);
    const batchId = await createBatch(logins.worker, theirs.tenantId, findMapping("bloom"), source, "queued");
    await database.query("select tenancy.suspend_tenant('theirs')");
    await workQueue(database, logins.worker);
    expect(await database.query("select key, last_error from graphile_worker.jobs")).toEqual([]);
    const begun = createBatch(logins.worker, theirs.tenantId, findMapping("bloom"), source, "queued");
    expect(await refusal(begun)).toMatchObject({ code: "LF048" });
    await database.query("select tenancy.reactivate_tenant('theirs')");
    expect(await database.query("select key from graphile_worker.jobs")).toEqual([
      { key: `imports/run_batch:${batchId}` },
    ]);
    await workQueue(database, logins.worker);
    expect(await readReport(logins.worker, theirs.tenantId, batchId)).toMatchObject({ verified: true });
  });
});

test("can publish the rest after a suspension in the middle, and makes nothing twice", async () => {
  const story = await beginStory();
  try {
    const { slug } = (await story.database.query<{ slug: string }>("select slug from tenancy.tenants"))[0] as {
      slug: string;
    };
    const journeyId = await story.writeJourney("Inquiry", [
      { name: "Welcome", type: "email", content: { subject: "Hello", body: "Thank you." } },
      { name: "Nudge", type: "sms", content: { body: "Hi" } },
      { name: "Later", type: "email", content: { subject: "Again", body: "Still here." } },
    ]);
    const publicationId = await story.publish(journeyId);
    // Once GoHighLevel has made the folder, and before we know its id.
    const pool = interceptAfter(story.worker, /insert into publishing\.remote_objects/, () =>
      story.database.query("select tenancy.suspend_tenant($1)", [slug]),
    );
    expect(await refusal(story.run(publicationId, { pool }))).toMatchObject({ code: "LF048" });
    expect(await story.publication(publicationId)).toMatchObject({ status: "running" });
    await story.database.query("update publishing.publications set lease_expires_at = now() - interval '1 second'");
    expect(await story.database.query("select publishing.resume_publications() as resumed")).toEqual([{ resumed: 0 }]);

    await story.database.query("select tenancy.reactivate_tenant($1)", [slug]);
    expect(await story.database.query("select key from graphile_worker.jobs")).toEqual([
      { key: `publishing/publish_journey:${publicationId}` },
    ]);
    expect(await story.run(publicationId)).toBe("synced");
    const state = await story.state();
    expect(state.templates).toHaveLength(3);
  } finally {
    await story.end();
  }
});

/** A pool that does something once, after the first statement of this kind. */
function interceptAfter(pool: pg.Pool, statement: RegExp, deed: () => Promise<unknown>): pg.Pool {
  let isDone = false;
  const connect = async () => {
    const client = await pool.connect();
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    return new Proxy(client, {
      get(target, name) {
        if (name !== "query") {
          const value = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        }
        return async (...args: [string | pg.QueryConfig, ...unknown[]]) => {
          const result = await query(...args);
          const [asked] = args;
          if (!isDone && statement.test(typeof asked === "string" ? asked : asked.text)) {
            isDone = true;
            await deed();
          }
          return result;
        };
      },
    });
  };
  return new Proxy(pool, { get: (target, name) => (name === "connect" ? connect : Reflect.get(target, name)) });
}

/** Takes the jobs away, as a worker would that has them in hand. */
async function takeJobs(): Promise<void> {
  await database.query("delete from graphile_worker._private_jobs");
}
