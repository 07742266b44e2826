import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { addPeople, type Logins, openLogins, type People, refusal, rehearse } from "../../support/people.ts";
import { addDraft, submit } from "./drafts.ts";

let database: TestDatabase;
let logins: Logins;
let people: People;
let foreign: People;
beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  foreign = await addPeople(database, logins.speak, "meadow");
});
afterAll(async () => {
  await logins.close();
  await database.drop();
});

/** What people of a client may read, in the whole database; whatever else is readable is a leak. */
const readable = [
  "app.errors",
  "app.transitions",
  "journeys.approvals",
  "journeys.change_requests",
  "journeys.comment_threads",
  "journeys.comments",
  "journeys.journey_versions",
  "tenancy.client_users",
  "tenancy.memberships",
  "tenancy.sessions",
  "tenancy.tenants",
  "tenancy.users",
];

describe("people of a client", () => {
  test("can read these tables and views, and no others", async () => {
    const rows = await database.query<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^(pg_|information_schema)'
          and has_schema_privilege('landfall_client', n.oid, 'usage') and has_any_column_privilege('landfall_client', c.oid, 'select')
        order by 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual(readable);
  });

  test("can change their own comments and their own name, and nothing else directly", async () => {
    const rows = await database.query<{ right: string }>(
      `select g.table_schema || '.' || g.table_name || ' ' || lower(g.privilege_type) as right
         from (
           select table_schema, table_name, privilege_type, grantee from information_schema.role_table_grants
           union select table_schema, table_name, privilege_type, grantee from information_schema.role_column_grants
         ) g
        where g.grantee = 'landfall_client' and g.privilege_type <> 'SELECT' order by 1`,
    );
    expect(rows.map(({ right }) => right)).toEqual([
      "journeys.comments delete",
      "journeys.comments update",
      "tenancy.users update",
    ]);
  });

  test.each([
    "clients",
    "pipelines",
    "journeys",
    "touchpoints",
    "touchpoint_versions",
    "templates",
    "workflows",
    "workflow_actions",
    "sync_history",
  ])("cannot read the working rows of journeys.%s (42501)", (table) =>
    rehearse(database, async (speak) => {
      await addDraft(speak, people);
      expect(await refusal(speak(people.reviewer, `select from journeys.${table}`))).toMatchObject({ code: "42501" });
      expect(await refusal(speak(people.viewer, `select from journeys.${table}`))).toMatchObject({ code: "passed" });
    }),
  );

  test("can read the versions of their client that were submitted, and the approvals of those", () =>
    rehearse(database, async (speak) => {
      const own = await addDraft(speak, people, "Own");
      const others = await addDraft(speak, people, "Another's", people.otherClientId);
      await speak(people.editor, "select journeys.save_journey_version($1, 'saved')", [own.id]);
      await submit(speak, people, own.id);
      await submit(speak, people, others.id);
      const versions = "select journey_id, version from journeys.journey_versions order by version";
      expect(await speak(people.reviewer, versions)).toEqual([{ journey_id: own.id, version: 2 }]);
      expect(await speak(people.stranger, versions)).toEqual([{ journey_id: others.id, version: 1 }]);
      expect(await speak(foreign.reviewer, versions)).toEqual([]);
      expect(await speak(people.viewer, versions)).toHaveLength(3);
      expect(await speak(people.reviewer, "select journey_id, status from journeys.approvals")).toEqual([
        { journey_id: own.id, status: "pending" },
      ]);
      expect(await speak(people.stranger, "select journey_id from journeys.approvals")).toEqual([
        { journey_id: others.id },
      ]);
    }));

  test("can read no more than themselves and their tenant of who there is", () =>
    rehearse(database, async (speak) => {
      expect(await speak(people.reviewer, "select id from tenancy.users")).toEqual([{ id: people.reviewer.userId }]);
      expect(await speak(people.reviewer, "select user_id from tenancy.memberships")).toEqual([
        { user_id: people.reviewer.userId },
      ]);
      expect(await speak(people.reviewer, "select client_id from tenancy.client_users")).toEqual([
        { client_id: people.clientId },
      ]);
      expect(await speak(people.reviewer, "select id from tenancy.tenants")).toEqual([{ id: people.tenantId }]);
      expect((await speak(people.viewer, "select from tenancy.users")).length).toBe(8);
    }));

  test("cannot see an imported approval of a touchpoint, which the tenant's people see", async () => {
    const { id, steps } = await addDraft(logins.speak, people, "From a base");
    await database.query(
      `begin;
       set local session_replication_role = replica;
       insert into journeys.approvals (tenant_id, client_id, journey_id, touchpoint_id, status, is_imported)
       values ('${people.tenantId}', '${people.clientId}', '${id}', '${steps[0]}', 'approved', true);
       commit`,
    );
    const approvals = "select from journeys.approvals where journey_id = $1";
    expect(await logins.speak(people.viewer, approvals, [id])).toHaveLength(1);
    expect(await logins.speak(people.reviewer, approvals, [id])).toEqual([]);
  });

  test("cannot see anything of a client any more once they are taken off it", async () => {
    const { id } = await addDraft(logins.speak, people, "Seen for a while");
    await submit(logins.speak, people, id);
    const versions = "select from journeys.journey_versions where journey_id = $1";
    expect(await logins.speak(people.secondReviewer, versions, [id])).toHaveLength(1);
    await logins.speak(people.admin, "delete from tenancy.client_users where user_id = $1", [
      people.secondReviewer.userId,
    ]);
    expect(await logins.speak(people.secondReviewer, versions, [id])).toEqual([]);
    expect(await logins.speak(people.reviewer, versions, [id])).toHaveLength(1);
  });

  test.each([
    "save_journey_version",
    "withdraw_journey",
    "archive_journey",
    "duplicate_journey",
    "publish_journey",
    "submit_journey",
  ])("cannot call journeys.%s (42501)", (name) =>
    rehearse(database, async (speak) => {
      const { id } = await addDraft(speak, people);
      expect(await refusal(speak(people.reviewer, `select journeys.${name}($1)`, [id]))).toMatchObject({
        code: "42501",
      });
    }),
  );
});
