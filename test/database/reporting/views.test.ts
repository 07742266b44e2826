import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import {
  addPeople,
  addSqlLogin,
  idOf,
  type Logins,
  openLogins,
  type People,
  refusal,
  type SqlLogin,
} from "../../support/people.ts";
import { addDraft, approve, type Draft, publish, submit } from "../journeys/drafts.ts";

const views = [
  "changes_since_publication",
  "cutover_edits",
  "cutovers",
  "import_issues",
  "import_outcomes",
  "import_progress",
  "journey_statuses",
  "lead_times",
  "publication_status",
  "sync_health",
  "template_uses",
  "waiting_approvals",
];

/** What leadgen.test.ts looks at. */
const viewsOfLeads = ["batch_funnels", "duplicates", "qualified_lead_costs", "reply_rates", "stale_contacts"];

let database: TestDatabase;
let logins: Logins;
let people: People;
let foreign: People;
let login: SqlLogin;
let reporter: pg.Client;
let published: Draft;

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  foreign = await addPeople(database, logins.speak, "meadow");
  login = await addSqlLogin(database, people.tenantId, "reporter");
  reporter = new pg.Client({ connectionString: login.url });
  await reporter.connect();

  await addDraft(logins.speak, people, "Draft");
  await addDraft(logins.speak, people, "Second draft");
  await submit(logins.speak, people, (await addDraft(logins.speak, people, "Waiting")).id);
  published = await addDraft(logins.speak, people, "Published");
  await publish(logins.speak, people, published.id);
  await logins.speak(
    people.editor,
    "insert into journeys.templates (client_id, touchpoint_id, name, type) values ($1, $2, 'Letter', 'email')",
    [people.clientId, published.steps[0]],
  );
  await addImport(people, "Own");
  await addCutover(people, "Own");
  // The other tenant has something to show in every view.
  const theirs = await addDraft(logins.speak, foreign, "Foreign");
  await publish(logins.speak, foreign, theirs.id);
  await logins.speak(foreign.editor, "update journeys.touchpoints set name = 'Changed' where id = $1", [
    theirs.steps[0],
  ]);
  await logins.speak(
    foreign.editor,
    "insert into journeys.templates (client_id, name, type) values ($1, 'Foreign letter', 'email')",
    [foreign.clientId],
  );
  await submit(logins.speak, foreign, (await addDraft(logins.speak, foreign, "Foreign and waiting")).id);
  await addImport(foreign, "Foreign");
  await addCutover(foreign, "Foreign");
});
afterAll(async () => {
  await reporter.end();
  await logins.close();
  await login.drop();
  await database.drop();
});

/** A cut-over with a check, behind the triggers: how one comes about is seen in test/imports/cutover.test.ts. */
async function addCutover({ tenantId }: People, name: string): Promise<void> {
  const admin = new pg.Client({ connectionString: database.urls.admin });
  await admin.connect();
  await admin.query("set session_replication_role = replica");
  await admin.query(
    `with source as (
       select id from imports.sources where tenant_id = $1
     ),
     cutover as (
       insert into imports.cutovers (tenant_id, source_id, location, started_by) select $1, id, '/snapshot', $2 from source returning id
     ),
     checked as (
       insert into imports.cutover_checks (tenant_id, cutover_id, location, asked_by, created, changed, deleted, finished_at)
       select $1, id, '/snapshot', $2, 1, 0, 0, now() from cutover returning id
     )
     insert into imports.cutover_edits (tenant_id, cutover_check_id, collection, record_id, row_id, kind)
     select $1, id, $2, 'rec1', app.uuidv7(), 'created' from checked`,
    [tenantId, name],
  );
  await admin.end();
}

/** An import with an issue, as the worker would note them. */
async function addImport({ worker }: People, name: string): Promise<void> {
  await logins.speak(
    worker,
    `with source as (
       insert into imports.sources (mapping, key) values ('bloom', $1) returning id
     ),
     batch as (
       insert into imports.batches (source_id, location, mapping_hash, status)
       select id, '/snapshot', sha256('mapping'), 'planned' from source returning id
     ),
     collection as (
       insert into imports.collections (batch_id, name, source_name, place) select id, 'Journeys', 'Journeys', 0 from batch
       returning id, batch_id
     )
     insert into imports.issues (batch_id, collection_id, reason, way_out)
     select batch_id, id, 'unknown_field', 'Add it to the mapping.' from collection`,
    [name],
  );
}

const report = async (sql: string) => (await reporter.query(sql)).rows;

describe("a reporter", () => {
  test("can read every view of the schema, and finds each explained", async () => {
    expect(
      await report(
        `select c.relname as view from pg_class c where c.relnamespace = 'reporting'::regnamespace and c.relkind = 'v'
            and 'security_invoker=true' = any (c.reloptions) and obj_description(c.oid) ~ '\\S' order by 1`,
      ),
    ).toEqual([...views, ...viewsOfLeads].sort().map((view) => ({ view })));
    for (const view of views) await report(`select * from reporting.${view}`);
  });

  test.each(views)("cannot see a row of another tenant in %s, though there is one", async (view) => {
    await logins.speak(people.editor, "update journeys.touchpoints set name = 'Hello' where id = $1", [
      published.steps[0],
    ]);
    const foreignRows = `select from reporting.${view} v where to_jsonb(v)::text ~ 'Foreign'`;
    expect(await report(foreignRows)).toEqual([]);
    expect(
      ["journey_statuses", "sync_health"].includes(view) ||
        (await logins.speak(foreign.viewer, foreignRows)).length > 0,
    ).toBe(true);
    expect((await report(`select from reporting.${view}`)).length).toBeGreaterThan(0);
    expect((await logins.speak(foreign.viewer, `select from reporting.${view}`)).length).toBeGreaterThan(0);
    const all = await database.query<{ count: number }>(`select count(*)::integer as count from reporting.${view}`);
    const own =
      (await report(`select from reporting.${view}`)).length +
      (await logins.speak(foreign.viewer, `select from reporting.${view}`)).length;
    expect(all[0]?.count).toBe(own);
  });

  test("cannot choose its tenant by a setting", async () => {
    await reporter.query("select set_config('app.tenant_id', $1, false)", [foreign.tenantId]);
    expect(await report("select distinct tenant_id from journeys.journeys")).toEqual([{ tenant_id: people.tenantId }]);
    await reporter.query("reset app.tenant_id");
  });

  test("can search and compare versions as a viewer can", async () => {
    expect((await report("select name from journeys.search_touchpoints('date')")).length).toBeGreaterThan(0);
    expect(
      await refusal(reporter.query("select journeys.diff_journey_versions(id) from journeys.journey_versions")),
    ).toMatchObject({ code: "passed" });
  });

  test("cannot write anything (42501)", async () => {
    for (const sql of [
      "update journeys.journeys set name = 'x'",
      "delete from journeys.touchpoints",
      "insert into journeys.clients (name, slug) values ('x', 'x')",
      `select journeys.submit_journey('${published.id}')`,
    ]) {
      expect({ sql, ...(await refusal(reporter.query(sql))) }).toMatchObject({ sql, code: "42501" });
    }
  });

  test("cannot see anything once its login is put out of use", async () => {
    await database.query("update tenancy.sql_logins set is_active = false where login_name = $1", [login.name]);
    for (const view of views) expect(await report(`select * from reporting.${view}`)).toEqual([]);
    await database.query("update tenancy.sql_logins set is_active = true where login_name = $1", [login.name]);
    expect(await report("select * from reporting.journey_statuses")).not.toEqual([]);
  });
});

describe("reporting.journey_statuses", () => {
  test("can count journeys by client and status, two clients of one name apart", async () => {
    const twin = idOf(
      await logins.speak(
        people.editor,
        "insert into journeys.clients (name, slug) values ('Rosewood Manor', 'rosewood-manor-west') returning id",
      ),
    );
    const { id } = await addDraft(logins.speak, people, "Of the twin", twin);
    const rows = await report(
      "select client, status, journeys from reporting.journey_statuses where status <> 'published' and client = 'Rosewood Manor' order by status, journeys",
    );
    expect(rows.filter(({ status }) => status === "client_review")).toEqual([
      { client: "Rosewood Manor", status: "client_review", journeys: 1 },
    ]);
    expect(rows.filter(({ status }) => status === "draft").map(({ journeys }) => journeys)[0]).toBe(1);
    expect(rows.filter(({ status }) => status === "draft")).toHaveLength(2);
    await logins.speak(people.editor, "delete from journeys.journeys where id = $1", [id]);
  });

  test("can tell how long they have been left alone, their touchpoints included", async () => {
    await database.query(
      `begin;
       set local session_replication_role = replica;
       update journeys.journeys set updated_at = now() - interval '10 days' where tenant_id = '${people.tenantId}' and name = 'Waiting';
       update journeys.touchpoints t set updated_at = now() - interval '12 days' + t.order_index * interval '4 days'
         from journeys.journeys j where j.id = t.journey_id and j.tenant_id = '${people.tenantId}' and j.name = 'Waiting';
       commit`,
    );
    const [row] = await report(
      "select average_days_unchanged, oldest_change = newest_change as same, now()::date - oldest_change as days from reporting.journey_statuses where status = 'client_review'",
    );
    expect(row).toEqual({ average_days_unchanged: "4.0", same: true, days: 4 });
  });
});

describe("reporting.waiting_approvals", () => {
  test("can tell what waits, since when, for whom", async () => {
    await database.query(
      `begin;
       set local session_replication_role = replica;
       update journeys.approvals set created_at = now() - interval '3 days 2 hours 5 seconds' where tenant_id = '${people.tenantId}' and status = 'pending';
       commit`,
    );
    expect(
      await report(
        "select client, journey, version, requested_by, waiting_for::text, reviewers from reporting.waiting_approvals",
      ),
    ).toEqual([
      {
        client: "Rosewood Manor",
        journey: "Waiting",
        version: 1,
        requested_by: "editor",
        waiting_for: "3 days 02:00:00",
        reviewers: "reviewer, second-reviewer",
      },
    ]);
  });
});

describe("reporting.lead_times", () => {
  test("can tell how long a journey took from draft to publication, and how long in review", async () => {
    const at = (days: number) => new Date(Date.UTC(2026, 4, 1 + days)).toISOString();
    const steps: [string, number][] = [
      ["client_review", 2],
      ["rejected", 3],
      ["draft", 4],
      ["client_review", 5],
      ["approved", 7],
      ["published", 8],
      ["draft", 9],
      ["published", 12],
    ];
    const { id } = await addDraft(logins.speak, people, "Long on its way");
    await database.query(
      `begin; set local session_replication_role = replica; update journeys.journeys set created_at = '${at(0)}' where id = '${id}'; commit`,
    );
    for (const [status, day] of steps) {
      await database.query(
        `insert into audit.changes (tenant_id, changed_at, table_name, action, row_id, changes, source, login_name, transaction_id)
         values ($1, $2, 'journeys.journeys', 'update', $3, jsonb_build_object('status', jsonb_build_array('x', $4::text)), 'api', 'x', pg_current_xact_id())`,
        [people.tenantId, at(day), id, status],
      );
    }
    const rows = await report(
      "select client, draft_to_published::text, in_review::text, submitted_at, approved_at, published_at from reporting.lead_times where journey = 'Long on its way'",
    );
    expect(rows).toEqual([
      {
        client: "Rosewood Manor",
        draft_to_published: "8 days",
        in_review: "2 days",
        submitted_at: new Date(at(5)),
        approved_at: new Date(at(7)),
        published_at: new Date(at(8)),
      },
    ]);
  });

  test("can be read from what really happened", async () => {
    const [row] = await report(
      "select submitted_at <= approved_at and approved_at <= published_at as in_order from reporting.lead_times where journey = 'Published'",
    );
    expect(row).toEqual({ in_order: true });
    expect(await report("select from reporting.lead_times where journey = 'Waiting'")).toEqual([]);
  });
});

describe("reporting.template_uses", () => {
  test("can count the touchpoints and journeys that use a template, linked by hand or by its GoHighLevel id", async () => {
    const other = await addDraft(logins.speak, people, "Uses it too");
    await logins.speak(
      people.worker,
      "update journeys.templates set ghl_template_id = 'ghl-1', sync_status = 'synced' where name = 'Letter'",
    );
    await logins.speak(people.worker, "update journeys.touchpoints set ghl_template_id = 'ghl-1' where id = any ($1)", [
      [published.steps[0], published.steps[2], other.steps[0]],
    ]);
    await logins.speak(people.editor, "insert into journeys.templates (name, type) values ('Unused', 'sms')");
    expect(
      await report("select client, template, type, sync_status, touchpoints, journeys from reporting.template_uses"),
    ).toEqual([
      {
        client: "Rosewood Manor",
        template: "Letter",
        type: "email",
        sync_status: "synced",
        touchpoints: 3,
        journeys: 2,
      },
      { client: null, template: "Unused", type: "sms", sync_status: null, touchpoints: 0, journeys: 0 },
    ]);
  });
});

describe("reporting.changes_since_publication", () => {
  const changes = (journey: string) =>
    report(
      `select table_name, action, what, columns, changed_by from reporting.changes_since_publication where journey = '${journey}' order by what`,
    );

  test("can list what a reader would see changed, by whom, and nothing else", async () => {
    const { id, steps } = await addDraft(logins.speak, people, "Goes on");
    await approve(logins.speak, people, id);
    await logins.speak(people.admin, "select journeys.publish_journey($1)", [id]);
    expect(await changes("Goes on")).toEqual([]);
    await logins.speak(
      people.worker,
      "update journeys.touchpoints set status = 'published', ghl_template_id = id::text where journey_id = $1",
      [id],
    );
    await logins.speak(people.editor, `update journeys.touchpoints set position = '{"x": 1}' where id = $1`, [
      steps[0],
    ]);
    expect(await changes("Goes on")).toEqual([]);
    await logins.speak(
      people.editor,
      `update journeys.touchpoints set content = '{"text": "Hi"}', position = null where id = $1`,
      [steps[0]],
    );
    await logins.speak(people.secondEditor, "delete from journeys.touchpoints where id = $1", [steps[2]]);
    await logins.speak(
      people.secondEditor,
      "insert into journeys.touchpoints (journey_id, name, type) values ($1, 'More', 'note')",
      [id],
    );
    await logins.speak(people.editor, "update journeys.journeys set name = 'Went on', slug = 'went-on' where id = $1", [
      id,
    ]);
    expect(await changes("Went on")).toEqual([
      {
        table_name: "journeys.touchpoints",
        action: "insert",
        what: "More",
        columns: null,
        changed_by: "second-editor",
      },
      {
        table_name: "journeys.touchpoints",
        action: "update",
        what: "Pause",
        columns: "next_touchpoint_id",
        changed_by: "second-editor",
      },
      {
        table_name: "journeys.touchpoints",
        action: "delete",
        what: "Reminder",
        columns: null,
        changed_by: "second-editor",
      },
      {
        table_name: "journeys.touchpoints",
        action: "update",
        what: "Welcome",
        columns: "content",
        changed_by: "editor",
      },
      { table_name: "journeys.journeys", action: "update", what: "Went on", columns: "name", changed_by: "editor" },
    ]);
  });

  test("can list what was edited during the review, which the published version does not hold", async () => {
    const { id, steps } = await addDraft(logins.speak, people, "Edited in review");
    const approvalId = await submit(logins.speak, people, id);
    await logins.speak(people.editor, "update journeys.touchpoints set day_offset = 9 where id = $1", [steps[0]]);
    await logins.speak(people.reviewer, "select journeys.review_journey($1, 'approve')", [approvalId]);
    await logins.speak(people.admin, "select journeys.publish_journey($1)", [id]);
    expect(await changes("Edited in review")).toEqual([
      {
        table_name: "journeys.touchpoints",
        action: "update",
        what: "Welcome",
        columns: "day_offset",
        changed_by: "editor",
      },
    ]);
  });
});
