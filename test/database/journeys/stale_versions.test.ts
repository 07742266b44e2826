import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type pg from "pg";
import { type Identity, withIdentity } from "../../../src/database/with_identity.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../../support/database.ts";
import { addPeople, idOf, type Logins, openLogins, type People, refusal } from "../../support/people.ts";
import { addDraft, approve, publish, submit } from "./drafts.ts";

/** The tables whose version counts what people change; journey_versions and touchpoint_versions are numbered and never change. */
const tables = [
  "journeys.change_requests",
  "journeys.clients",
  "journeys.comment_threads",
  "journeys.comments",
  "journeys.journeys",
  "journeys.pipelines",
  "journeys.templates",
  "journeys.touchpoints",
  "journeys.workflow_actions",
  "journeys.workflows",
  "leadgen.activities",
  "leadgen.batches",
  "leadgen.campaigns",
  "leadgen.companies",
  "leadgen.company_enrichment_l2",
  "leadgen.contact_enrichment",
  "leadgen.contacts",
  "leadgen.crm_events",
  "leadgen.messages",
  "leadgen.owners",
  "leadgen.pipeline_runs",
  "leadgen.research_assets",
  "leadgen.tasks",
  "tenancy.memberships",
  "tenancy.tenants",
  "tenancy.users",
];

let database: TestDatabase;
let logins: Logins;
let people: People;
beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  const { id } = await addDraft(logins.speak, people);
  await logins.speak(people.editor, "select journeys.start_comment_thread($1, 'Hm')", [id]);
  await logins.speak(people.editor, "select journeys.create_change_request($1, 'other', 'Please')", [people.clientId]);
  await logins.speak(people.editor, "insert into journeys.pipelines (client_id, name) values ($1, 'Sales')", [
    people.clientId,
  ]);
  await logins.speak(
    people.editor,
    "insert into journeys.templates (client_id, name, type) values ($1, 'Letter', 'email')",
    [people.clientId],
  );
  const workflowId = idOf(
    await logins.speak(
      people.editor,
      "insert into journeys.workflows (client_id, name) values ($1, 'Flow') returning id",
      [people.clientId],
    ),
  );
  await logins.speak(
    people.editor,
    "insert into journeys.workflow_actions (workflow_id, action_type, order_index) values ($1, 'wait', 0)",
    [workflowId],
  );
  await addLeads();
});
/** A company, a contact, and one of everything around them. */
async function addLeads(): Promise<void> {
  const add = async (table: string, values: Record<string, unknown>, who: Identity = people.editor) => {
    const names = Object.keys(values);
    return idOf(
      await logins.speak(
        who,
        `insert into leadgen.${table} (${names.join(", ")}) values (${names.map((_, at) => `$${at + 1}`).join(", ")}) returning id`,
        Object.values(values),
      ),
    );
  };
  const companyId = await add("companies", { name: "Acme" });
  const contactId = await add("contacts", { full_name: "Jane", company_id: companyId });
  await add("owners", { name: "Olga" }, people.admin);
  await add("company_enrichment_l2", { company_id: companyId, tech_stack: "Java" });
  await add("contact_enrichment", { contact_id: contactId, person_summary: "An engineer" });
  await add("messages", { contact_id: contactId, channel: "email", body: "Hello" });
  await add("research_assets", { contact_id: contactId, name: "Who is she?" });
  for (const table of ["batches", "campaigns", "activities", "crm_events", "tasks"]) await add(table, { name: "One" });
  // Workflows alone begin a run.
  await database.query(
    "do $$ begin set local session_replication_role = replica; insert into leadgen.pipeline_runs (tenant_id, started_at) select id, '2025-01-01' from tenancy.tenants; end $$",
  );
}

afterAll(async () => {
  await logins.close();
  await database.drop();
});

/** A change of one column that people may change: what stands right of "set". */
const changes: Record<string, string> = {
  "journeys.change_requests": "title = title || ' again'",
  "journeys.comment_threads": "is_visible_to_client = not is_visible_to_client",
  "journeys.comments": "body = body || ' again'",
  "journeys.workflow_actions": "delay_minutes = delay_minutes + 5",
  "leadgen.company_enrichment_l2": "tech_stack = tech_stack || ' again'",
  "leadgen.contact_enrichment": "person_summary = person_summary || ' again'",
  "leadgen.contacts": "full_name = full_name || ' again'",
  "leadgen.messages": "body = body || ' again'",
  "leadgen.pipeline_runs": "started_at = started_at - interval '1 day'",
  "tenancy.memberships": "role = case role when 'viewer' then 'editor' else 'viewer' end::tenancy.membership_role",
};
const changeOf = (table: string) => changes[table] ?? "name = name || ' again'";

/** Works on one row of a table as the owner of all tables, and leaves no trace. */
function onRowOf<T>(table: string, run: (client: pg.Client, id: string, version: number) => Promise<T>): Promise<T> {
  return rolledBack(database.urls.owner, async (client) => {
    const { rows } = await client.query<{ id: string; version: number }>(
      `select id, version from ${table} limit 1 for update`,
    );
    if (rows[0] === undefined) throw new Error(`${table} is empty.`);
    return run(client, rows[0].id, rows[0].version);
  });
}

test("can say of every table with a version whether it counts or never changes", async () => {
  const found = await database.query<{ name: string; triggers: string }>(
    `select c.oid::regclass::text as name,
            (select string_agg(t.tgname, ' ' order by t.tgname) from pg_trigger t
              where t.tgrelid = c.oid and t.tgname in ('_200_count_version', '_200_refuse_change')) as triggers
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'version' and not a.attisdropped
      where c.relkind = 'r' and c.relnamespace::regnamespace::text not in ('graphile_worker', 'graphile_migrate', 'pg_catalog', 'information_schema')
      order by 1`,
  );
  expect(found.filter(({ triggers }) => triggers !== "_200_refuse_change")).toEqual(
    tables.map((name) => ({ name, triggers: "_200_count_version" })),
  );
  expect(found.filter(({ triggers }) => triggers === "_200_refuse_change").map(({ name }) => name)).toEqual([
    "journeys.journey_versions",
    "journeys.touchpoint_versions",
  ]);
});

test("can name the version wherever one may update a row that counts it", async () => {
  const without = await database.query(
    `select distinct p.table_schema || '.' || p.table_name as table, p.grantee
       from information_schema.role_column_grants p
       join information_schema.columns c using (table_schema, table_name)
      where c.column_name = 'version' and p.privilege_type = 'UPDATE' and p.grantee like 'landfall%'
        and p.table_schema || '.' || p.table_name = any ($1)
        and not exists (
          select from information_schema.role_column_grants v
          where v.table_schema = p.table_schema and v.table_name = p.table_name and v.grantee = p.grantee
            and v.privilege_type = 'UPDATE' and v.column_name = 'version'
        )`,
    [tables],
  );
  expect(without).toEqual([]);
});

describe.each(tables)("%s", (table) => {
  const update = (client: pg.Client, id: string, set: string) =>
    client.query<{ version: number }>(`update ${table} set ${set} where id = $1 returning version, updated_at`, [id]);

  test.each([-1, 1])("cannot be changed under a version that is off by %i (LF005)", (difference) =>
    onRowOf(table, async (client, id, version) => {
      const thing = table
        .replace(/^.*\./, "")
        .replaceAll("_", " ")
        .replace(/ies$/, "y")
        .replace(/ches$/, "ch")
        .replace(/s$/, "");
      expect(await refusal(update(client, id, `${changeOf(table)}, version = ${version + difference}`))).toMatchObject({
        code: "LF005",
        message: `Somebody changed this ${thing}: you sent version ${version + difference}, the current one is ${version}.`,
        hint: expect.stringContaining(`send version ${version}.`),
      });
    }),
  );

  test("can be changed under the current version, which counts up", () =>
    onRowOf(table, async (client, id, version) => {
      expect((await update(client, id, `${changeOf(table)}, version = ${version}`)).rows[0]?.version).toBe(version + 1);
      expect((await update(client, id, `${changeOf(table)}, version = ${version + 1}`)).rows[0]?.version).toBe(
        version + 2,
      );
    }));

  test("can be changed without naming a version, which counts up", () =>
    onRowOf(table, async (client, id, version) => {
      expect((await update(client, id, changeOf(table))).rows[0]?.version).toBe(version + 1);
    }));

  test("can be written as it is without counting", () =>
    onRowOf(table, async (client, id, version) => {
      const before = (await client.query(`select updated_at from ${table} where id = $1`, [id])).rows[0].updated_at;
      const same = changeOf(table).replace(/^(\w+) = .*$/, "$1 = $1");
      expect((await update(client, id, `${same}, version = ${version}`)).rows[0]).toEqual({
        version,
        updated_at: before,
      });
    }));
});

describe("what machines write", () => {
  test("can be written without counting", async () => {
    const columns = await database.query<{ table: string; column: string; type: string; label: string | null }>(
      `select t.tgrelid::regclass::text as table, argument.name as column, format_type(a.atttypid, null) as type,
              (select e.enumlabel from pg_enum e where e.enumtypid = a.atttypid order by e.enumsortorder desc limit 1) as label
         from pg_trigger t
         cross join unnest(string_to_array(encode(t.tgargs, 'escape'), '\\000')) argument (name)
         join pg_attribute a on a.attrelid = t.tgrelid and a.attname = argument.name and a.attgenerated = ''
        where t.tgname = '_200_count_version' order by 1, 2`,
    );
    expect(columns.map(({ table, column }) => `${table}.${column}`)).toEqual([
      "journeys.journeys.approved_at",
      "journeys.journeys.published_at",
      "journeys.journeys.status",
      "journeys.templates.ghl_template_id",
      "journeys.templates.last_synced_at",
      "journeys.templates.sync_status",
      "journeys.touchpoints.ghl_template_id",
      "journeys.touchpoints.status",
      "leadgen.activities.cost_usd",
      "leadgen.activities.is_processed",
      "leadgen.companies.enrichment_cost_usd",
      "leadgen.companies.error_message",
      "leadgen.companies.is_synced_to_lemlist",
      "leadgen.companies.merged_into_id",
      "leadgen.companies.status",
      "leadgen.company_enrichment_l2.enriched_at",
      "leadgen.company_enrichment_l2.enrichment_cost_usd",
      "leadgen.contact_enrichment.enriched_at",
      "leadgen.contact_enrichment.enrichment_cost_usd",
      "leadgen.contacts.duplicity_detail",
      "leadgen.contacts.enrichment_cost_usd",
      "leadgen.contacts.error_message",
      "leadgen.contacts.has_duplicity_conflict",
      "leadgen.contacts.is_duplicity_checked",
      "leadgen.contacts.is_email_looked_up",
      "leadgen.contacts.is_enriched",
      "leadgen.contacts.merged_into_id",
      "leadgen.contacts.message_status",
      "leadgen.messages.approved_at",
      "leadgen.messages.delivered_at",
      "leadgen.messages.generation_cost_usd",
      "leadgen.messages.replied_at",
      "leadgen.messages.review_notes",
      "leadgen.messages.reviewer_id",
      "leadgen.messages.sent_at",
      "leadgen.messages.status",
      "leadgen.pipeline_runs.completed_at",
      "leadgen.pipeline_runs.config",
      "leadgen.pipeline_runs.cost_usd",
      "leadgen.pipeline_runs.error_message",
      "leadgen.pipeline_runs.l1_done",
      "leadgen.pipeline_runs.l1_total",
      "leadgen.pipeline_runs.l2_done",
      "leadgen.pipeline_runs.l2_total",
      "leadgen.pipeline_runs.person_done",
      "leadgen.pipeline_runs.person_total",
      "leadgen.pipeline_runs.status",
      "leadgen.pipeline_runs.total_companies",
      "leadgen.pipeline_runs.total_contacts",
    ]);
    const values: Record<string, string> = {
      text: "an id",
      boolean: "true",
      numeric: "12.5",
      integer: "12",
      jsonb: '{"a": 1}',
      uuid: people.editor.userId,
      "timestamp with time zone": "2026-01-01",
    };
    for (const { table, column, type, label } of columns) {
      await onRowOf(table, async (client, id, version) => {
        // A state that no step leads to: what is asked here is only whether it counts.
        await client.query("reset role");
        await client.query(`alter table ${table} disable trigger user`);
        await client.query(`alter table ${table} enable trigger _200_count_version`);
        if (table === "leadgen.pipeline_runs") {
          await client.query("alter table leadgen.pipeline_runs drop constraint pipeline_runs_ended_has_time_check");
        }
        if (column === "merged_into_id") {
          await client.query(`alter table ${table} drop constraint ${table.replace(/^.*\./, "")}_merged_into_id_fkey`);
        }
        const value = label ?? (values[type] as string);
        const { rows } = await client.query(
          `update ${table} set ${column} = $2 where id = $1 returning version, ${column}::text as value`,
          [id, value],
        );
        expect({ column, version: rows[0].version }).toEqual({ column, version });
        expect(rows[0].value).toContain(value);
      });
    }
  });
});

describe("named mutations", () => {
  test("cannot be done under a stale version, any of those that take one (LF005)", async () => {
    const { id, steps } = await addDraft(logins.speak, people, "Moved on");
    const given: Record<string, [string, unknown]> = {
      journey_id: ["uuid", id],
      journey_version_id: [
        "uuid",
        idOf(await logins.speak(people.editor, "select * from journeys.save_journey_version($1)", [id])),
      ],
      change_request_id: [
        "uuid",
        idOf(
          await logins.speak(people.editor, "select * from journeys.create_change_request($1, 'other', 'Please')", [
            people.clientId,
          ]),
        ),
      ],
      touchpoint_ids: ["uuid[]", steps],
      status: ["journeys.change_request_status", "in_review"],
    };
    const found = await database.query<{ name: string; arguments: string[] }>(
      `select p.oid::regproc::text as name, p.proargnames[1:p.pronargs - p.pronargdefaults] as arguments
         from pg_proc p where p.pronamespace = 'journeys'::regnamespace and 'version' = any (p.proargnames) order by 1`,
    );
    expect(found.map(({ name }) => name)).toEqual([
      "journeys.archive_journey",
      "journeys.move_change_request",
      "journeys.publish_journey",
      "journeys.reorder_touchpoints",
      "journeys.restore_journey",
      "journeys.restore_journey_version",
      "journeys.save_journey_version",
      "journeys.submit_journey",
      "journeys.withdraw_journey",
    ]);
    for (const { name, arguments: required } of found) {
      const passed = required.map((argument, at) => `${argument} => $${at + 1}::${given[argument]?.[0]}`).join(", ");
      const values = required.map((argument) => given[argument]?.[1]);
      expect({
        name,
        ...(await refusal(logins.speak(people.admin, `select ${name}(${passed}, version => 99)`, values))),
      }).toMatchObject({
        name,
        code: "LF005",
        message: expect.stringContaining("you sent version 99, the current one is 1"),
      });
    }
  });

  test("can be done under the current version, and do not count it", async () => {
    const { id } = await addDraft(logins.speak, people, "Still open in a form");
    await submit(logins.speak, people, id);
    await logins.speak(people.editor, "select journeys.withdraw_journey($1, 1)", [id]);
    await approve(logins.speak, people, id);
    expect(await logins.speak(people.editor, "select version from journeys.journeys where id = $1", [id])).toEqual([
      { version: 1 },
    ]);
  });

  test("can publish without making an editor's open form stale", async () => {
    const { id, steps } = await addDraft(logins.speak, people, "Open while it goes out");
    const read = await logins.speak(people.editor, "select version from journeys.touchpoints where id = $1", [
      steps[0],
    ]);
    await publish(logins.speak, people, id);
    await logins.speak(
      people.worker,
      "update journeys.touchpoints set status = 'published', ghl_template_id = 'ghl' where id = $1",
      [steps[0]],
    );
    await logins.speak(people.editor, "update journeys.touchpoints set name = 'Hello', version = $2 where id = $1", [
      steps[0],
      read[0]?.version,
    ]);
  });
});

test("cannot both save what they read when two do at once (LF005)", async () => {
  const { steps } = await addDraft(logins.speak, people, "Open twice");
  const save = "update journeys.touchpoints set name = $2, version = 2 where id = $1";
  let second: ReturnType<typeof refusal> | undefined;
  await withIdentity(logins.authenticator, people.editor, async (client) => {
    await client.query(save, [steps[0], "First"]);
    second = refusal(logins.speak(people.secondEditor, save, [steps[0], "Second"]));
    for (;;) {
      const waiting = await database.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      if (waiting.length > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  expect(await second).toMatchObject({ code: "LF005", hint: expect.stringContaining("send version 3") });
  expect(await logins.speak(people.viewer, "select name from journeys.touchpoints where id = $1", [steps[0]])).toEqual([
    { name: "First" },
  ]);
});
