import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createTestDatabase, rolledBack, type TestDatabase } from "../../support/database.ts";
import {
  addPeople,
  idOf,
  type Logins,
  openLogins,
  type People,
  refusal,
  rehearse,
  type Speak,
} from "../../support/people.ts";
import { addDraft, type Draft, submit } from "./drafts.ts";

let database: TestDatabase;
let logins: Logins;
let people: People;
let foreign: People;
let draft: Draft;
let foreignDraft: Draft;
beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  foreign = await addPeople(database, logins.speak, "meadow");
  draft = await addDraft(logins.speak, people);
  foreignDraft = await addDraft(logins.speak, foreign);
});
afterAll(async () => {
  await logins.close();
  await database.drop();
});

/** What the constraint says to people: its comment, or that of its index. */
async function messageOf(constraint: string | undefined): Promise<string | null> {
  const [row] = await database.query<{ message: string | null }>(
    `select coalesce(
       (select obj_description(c.oid, 'pg_constraint') from pg_constraint c where c.conname = $1 and c.conparentid = 0 limit 1),
       (select obj_description(i.oid, 'pg_class') from pg_class i where i.relname = $1 and i.relkind = 'i')
     ) as message`,
    [constraint],
  );
  return row?.message ?? null;
}

async function refused(attempt: Promise<unknown>, code: string, constraint: string): Promise<void> {
  const seen = await refusal(attempt);
  expect(seen).toMatchObject({ code, constraint });
  expect(await messageOf(seen.constraint)).toMatch(/\S/);
}

describe("names and slugs", () => {
  test("can be the same in two tenants, as those of the two here are", async () => {
    const rows = await database.query(
      "select slug, count(*)::integer as journeys from journeys.journeys group by slug",
    );
    expect(rows).toEqual([{ slug: "wedding-inquiry", journeys: 2 }]);
  });

  test("can be made of a name that has no letter of the alphabet", () =>
    rehearse(database, async (speak) => {
      const slug = async (name: string) =>
        (
          await speak(people.editor, "insert into journeys.journeys (client_id, name) values ($1, $2) returning slug", [
            people.clientId,
            name,
          ])
        )[0]?.slug;
      expect(await slug("Hochzeit: Anfrage & Nachfrage!")).toBe("hochzeit-anfrage-nachfrage");
      expect(await slug("喜")).toBe("untitled");
      expect(await slug("---")).toBe("untitled-2");
      expect(await slug("Wedding inquiry")).toBe("wedding-inquiry-2");
    }));

  test("cannot be taken twice in a tenant (23505)", () =>
    rehearse(database, async (speak) => {
      await refused(
        speak(
          people.editor,
          "insert into journeys.journeys (client_id, name, slug) values ($1, 'x', 'wedding-inquiry')",
          [people.clientId],
        ),
        "23505",
        "journeys_tenant_id_slug_key",
      );
      await refused(
        speak(people.editor, "insert into journeys.clients (name, slug) values ('x', 'rosewood-manor')"),
        "23505",
        "clients_tenant_id_slug_key",
      );
      await speak(people.editor, "update journeys.clients set ghl_location_id = 'here' where id = $1", [
        people.clientId,
      ]);
      await refused(
        speak(people.editor, "update journeys.clients set ghl_location_id = 'here' where id = $1", [
          people.otherClientId,
        ]),
        "23505",
        "clients_tenant_id_ghl_location_id_key",
      );
    }));

  test.each(["Upper", "two words", "-edge", "edge-", "two--hyphens", "ünder", ""])(
    "cannot be the slug %j (23514)",
    (slug) =>
      rehearse(database, async (speak) => {
        await refused(
          speak(people.editor, "update journeys.journeys set slug = $2 where id = $1", [draft.id, slug]),
          "23514",
          "journeys_slug_check",
        );
        await refused(
          speak(people.editor, "update journeys.clients set slug = $2 where id = $1", [people.clientId, slug]),
          "23514",
          "clients_slug_check",
        );
      }),
  );

  test.each(["", "  ", "\n"])("cannot be the name %j (23514)", (name) =>
    rehearse(database, async (speak) => {
      await refused(
        speak(people.editor, "update journeys.journeys set name = $2 where id = $1", [draft.id, name]),
        "23514",
        "journeys_name_check",
      );
      await refused(
        speak(people.editor, "update journeys.clients set name = $2 where id = $1", [people.clientId, name]),
        "23514",
        "clients_name_check",
      );
      await refused(
        speak(people.editor, "update journeys.touchpoints set name = $2 where id = $1", [draft.steps[0], name]),
        "23514",
        "touchpoints_name_check",
      );
    }),
  );
});

describe("the order of touchpoints", () => {
  test("can be left out: a step without a place comes last", () =>
    rehearse(database, async (speak) => {
      const add =
        "insert into journeys.touchpoints (journey_id, name, type) values ($1, 'More', 'note') returning order_index";
      expect(await speak(people.editor, add, [draft.id])).toEqual([{ order_index: 3 }]);
      expect(await speak(people.editor, add, [draft.id])).toEqual([{ order_index: 4 }]);
    }));

  test("can be left out by several steps of one statement", () =>
    rehearse(database, async (speak) => {
      const rows = await speak(
        people.editor,
        "insert into journeys.touchpoints (journey_id, name, type) values ($1, 'One', 'note'), ($1, 'Two', 'note') returning order_index",
        [draft.id],
      );
      expect(rows).toEqual([{ order_index: 3 }, { order_index: 4 }]);
    }));

  test("cannot have two steps in one place (23505)", () =>
    rehearse(database, async (speak) => {
      await refused(
        speak(people.editor, "update journeys.touchpoints set order_index = 1 where id = $1", [draft.steps[0]]),
        "23505",
        "touchpoints_tenant_id_journey_id_order_index_key",
      );
      await refused(
        speak(people.editor, "update journeys.touchpoints set order_index = -1 where id = $1", [draft.steps[0]]),
        "23514",
        "touchpoints_order_index_check",
      );
    }));

  test("can exchange two places in one statement, or deferred in two", () =>
    rehearse(database, async (speak) => {
      const [a, b] = draft.steps;
      await speak(people.editor, "update journeys.touchpoints set order_index = 1 - order_index where id in ($1, $2)", [
        a,
        b,
      ]);
      await speak(people.editor, "set constraints journeys.touchpoints_tenant_id_journey_id_order_index_key deferred");
      await speak(people.editor, "update journeys.touchpoints set order_index = 1 where id = $1", [b]);
      await speak(people.editor, "update journeys.touchpoints set order_index = 0 where id = $1", [a]);
      await speak(people.editor, "update journeys.touchpoints set order_index = 1 where id = $1", [b]);
      await speak(people.editor, "set constraints journeys.touchpoints_tenant_id_journey_id_order_index_key immediate");
    }));

  test("cannot hide a doubled place behind a deferral (23505)", () =>
    rehearse(database, async (speak) => {
      await speak(people.editor, "set constraints journeys.touchpoints_tenant_id_journey_id_order_index_key deferred");
      await speak(people.editor, "update journeys.touchpoints set order_index = 1 where id = $1", [draft.steps[0]]);
      expect(
        await refusal(
          speak(people.editor, "set constraints journeys.touchpoints_tenant_id_journey_id_order_index_key immediate"),
        ),
      ).toMatchObject({ code: "23505", constraint: "touchpoints_tenant_id_journey_id_order_index_key" });
    }));
});

describe("the next touchpoint", () => {
  test("cannot be the touchpoint itself (23514)", () =>
    rehearse(database, async (speak) => {
      await refused(
        speak(people.editor, "update journeys.touchpoints set next_touchpoint_id = id where id = $1", [draft.steps[0]]),
        "23514",
        "touchpoints_next_is_another_check",
      );
    }));

  test("cannot be one of another journey (23503)", () =>
    rehearse(database, async (speak) => {
      const other = await addDraft(speak, people);
      for (const next of [other.steps[0], foreignDraft.steps[0]]) {
        await refused(
          speak(people.editor, "update journeys.touchpoints set next_touchpoint_id = $2 where id = $1", [
            draft.steps[0],
            next,
          ]),
          "23503",
          "touchpoints_next_touchpoint_id_fkey",
        );
      }
    }));

  test("can be deleted, which leaves the one before without a next, and in its journey", () =>
    rehearse(database, async (speak) => {
      await speak(people.editor, "delete from journeys.touchpoints where id = $1", [draft.steps[1]]);
      expect(
        await speak(people.viewer, "select journey_id, next_touchpoint_id from journeys.touchpoints where id = $1", [
          draft.steps[0],
        ]),
      ).toEqual([{ journey_id: draft.id, next_touchpoint_id: null }]);
    }));
});

describe("JSON", () => {
  test.each([
    ["clients", "settings", "[]"],
    ["clients", "config", '"x"'],
    ["journeys", "trigger_config", "[]"],
    ["journeys", "metadata", "1"],
    ["touchpoints", "content", '"text"'],
    ["touchpoints", "config", "null"],
    ["touchpoints", "position", "[1, 2]"],
  ])("cannot be of another shape in %s.%s (23514)", (table, column, value) =>
    rehearse(database, async (speak) => {
      const id = { clients: people.clientId, journeys: draft.id, touchpoints: draft.steps[0] }[table];
      await refused(
        speak(people.editor, `update journeys.${table} set ${column} = $2 where id = $1`, [id, value]),
        "23514",
        `${table}_${column}_check`,
      );
    }),
  );

  test.each([
    ["pipelines", "name, client_id, stages", "'x', $1, '{}'", "pipelines_stages_check"],
    ["templates", "name, client_id, type, content", "'x', $1, 'email', '[]'", "templates_content_check"],
    ["templates", "name, client_id, type, variables", "'x', $1, 'email', '{}'", "templates_variables_check"],
    ["workflows", "name, client_id, trigger", "'x', $1, '[]'", "workflows_trigger_check"],
    ["workflows", "name, client_id, actions", "'x', $1, '{}'", "workflows_actions_check"],
    ["workflows", "name, client_id, notes", `'x', $1, '"x"'`, "workflows_notes_check"],
  ])("cannot be of another shape when a row of %s is made with %s (23514)", (table, columns, values, constraint) =>
    rehearse(database, (speak) =>
      refused(
        speak(people.editor, `insert into journeys.${table} (${columns}) values (${values})`, [people.clientId]),
        "23514",
        constraint,
      ),
    ),
  );
});

describe("an approval", () => {
  /** With the machine out of the way: what the table itself says. */
  const insert = (columns: Record<string, unknown>) =>
    rolledBack(database.urls.admin, async (client) => {
      await client.query("alter table journeys.approvals disable trigger _300_check_birth");
      const all = { tenant_id: people.tenantId, client_id: people.clientId, journey_id: draft.id, ...columns };
      const places = Object.keys(all).map((_, at) => `$${at + 1}`);
      return refusal(
        client.query(
          `insert into journeys.approvals (${Object.keys(all).join(", ")}) values (${places.join(", ")})`,
          Object.values(all),
        ),
      );
    });
  let versionId: string;
  let otherVersionId: string;
  beforeAll(async () => {
    const save = async (id: string) =>
      idOf(await logins.speak(people.editor, "select * from journeys.save_journey_version($1)", [id]));
    versionId = await save(draft.id);
    otherVersionId = await save((await addDraft(logins.speak, people, "Another")).id);
  });

  test("can be on a version, or on a touchpoint when it was imported", async () => {
    expect(await insert({ journey_version_id: versionId })).toMatchObject({ code: "passed" });
    expect(await insert({ touchpoint_id: draft.steps[0], is_imported: true, status: "rejected" })).toMatchObject({
      code: "passed",
    });
  });

  test("cannot be on both or on neither (23514)", async () => {
    const constraint = "approvals_on_version_or_touchpoint_check";
    expect(await insert({ is_imported: true })).toMatchObject({ code: "23514", constraint });
    expect(
      await insert({ journey_version_id: versionId, touchpoint_id: draft.steps[0], is_imported: true }),
    ).toMatchObject({ code: "23514", constraint });
  });

  test("cannot be on a touchpoint unless it was imported (23514)", async () => {
    expect(await insert({ touchpoint_id: draft.steps[0] })).toMatchObject({
      code: "23514",
      constraint: "approvals_on_touchpoint_is_imported_check",
    });
  });

  test("cannot be on a version or touchpoint of another journey (23503)", async () => {
    expect(await insert({ journey_version_id: otherVersionId })).toMatchObject({
      code: "23503",
      constraint: "approvals_journey_version_id_fkey",
    });
    expect(await insert({ touchpoint_id: foreignDraft.steps[0], is_imported: true })).toMatchObject({
      code: "23503",
      constraint: "approvals_touchpoint_id_fkey",
    });
  });

  test("cannot be decided by nobody, nor refused without a word (23514)", async () => {
    const decided = { journey_version_id: versionId, reviewer_id: people.reviewer.userId, reviewed_at: "2026-01-01" };
    expect(await insert({ journey_version_id: versionId, status: "approved" })).toMatchObject({
      code: "23514",
      constraint: "approvals_decided_has_reviewer_check",
    });
    expect(await insert({ ...decided, status: "rejected" })).toMatchObject({
      code: "23514",
      constraint: "approvals_refused_has_comments_check",
    });
    expect(await insert({ ...decided, status: "changes_requested", comments: " " })).toMatchObject({
      code: "23514",
      constraint: "approvals_refused_has_comments_check",
    });
    expect(await insert({ ...decided, status: "rejected", comments: "No" })).toMatchObject({ code: "passed" });
  });

  test("cannot be on a version without the journey or the touchpoints in its snapshot (23514)", async () => {
    for (const snapshot of [{}, { journey: {} }, { touchpoints: [] }, { journey: {}, touchpoints: {} }, []]) {
      expect({
        snapshot,
        ...(await refusal(
          logins.speak(
            people.worker,
            "insert into journeys.journey_versions (journey_id, version, snapshot, snapshot_hash) values ($1, 9, $2, '')",
            [draft.id, JSON.stringify(snapshot)],
          ),
        )),
      }).toMatchObject({ snapshot, code: "23514", constraint: "journey_versions_snapshot_check" });
    }
  });

  test("cannot wait twice for one journey (23505)", async () => {
    const { id } = await addDraft(logins.speak, people, "Asked twice");
    await submit(logins.speak, people, id);
    const [waiting] = await database.query("select journey_version_id from journeys.approvals where journey_id = $1", [
      id,
    ]);
    expect(await insert({ journey_id: id, journey_version_id: waiting?.journey_version_id })).toMatchObject({
      code: "23505",
      constraint: "approvals_tenant_id_journey_id_pending_key",
    });
    expect(await messageOf("approvals_tenant_id_journey_id_pending_key")).toMatch(/waits already/);
  });
});

describe("links across tenants", () => {
  test("cannot be made by anybody, the administrator included (23503)", async () => {
    // Every foreign key between tenant tables is tried with a row of one tenant and the id of a row of the other.
    const keys = await database.query<{ table: string; name: string; column: string; target: string }>(
      `select c.conrelid::regclass::text as table, c.conname as name, c.confrelid::regclass::text as target,
              (select a.attname from pg_attribute a where a.attrelid = c.conrelid and a.attnum = c.conkey[cardinality(c.conkey)]) as column
         from pg_constraint c
        where c.contype = 'f' and c.connamespace = 'journeys'::regnamespace and cardinality(c.conkey) > 1
        order by 1, 2`,
    );
    expect(keys.length).toBeGreaterThan(25);
    await fill(logins.speak, foreign, foreignDraft);
    await fill(logins.speak, people, draft);
    await rolledBack(database.urls.admin, async (client) => {
      await client.query(
        `insert into journeys.review_links (tenant_id, approval_id, reviewer_id, session_id, creator_id, expires_at)
         select approval.tenant_id, approval.id, session.user_id, session.id, session.user_id, now() + interval '1 hour'
         from journeys.approvals approval join tenancy.sessions session on session.tenant_id = approval.tenant_id
         where approval.tenant_id = $1 limit 1`,
        [people.tenantId],
      );
      for (const { table, name, column, target } of keys) {
        const {
          rows: [own],
        } = await client.query(`select id from ${table} where tenant_id = $1 order by id limit 1`, [people.tenantId]);
        const {
          rows: [other],
        } = await client.query(`select id from ${target} where tenant_id = $1 limit 1`, [foreign.tenantId]);
        expect({ name, own: own?.id !== undefined, other: other?.id !== undefined }).toEqual({
          name,
          own: true,
          other: true,
        });
        // An approval is on one thing alone, so a touchpoint takes the place of the version.
        const instead =
          name === "approvals_touchpoint_id_fkey" ? ", journey_version_id = null, is_imported = true" : "";
        await client.query("savepoint attempt");
        await client.query(`alter table ${table} disable trigger user`);
        const attempt = refusal(
          client.query(`update ${table} set ${column} = $2${instead} where tenant_id = $1 and id = $3`, [
            people.tenantId,
            other.id,
            own.id,
          ]),
        );
        expect({ name, refused: await attempt }).toMatchObject({ name, refused: { code: "23503", constraint: name } });
        await client.query("rollback to savepoint attempt");
      }
    });
  });

  test("cannot move a row to another tenant (42501)", () =>
    rehearse(database, async (speak) => {
      expect(
        await refusal(
          speak(people.admin, "update journeys.touchpoints set tenant_id = $2 where id = $1", [
            draft.steps[0],
            foreign.tenantId,
          ]),
        ),
      ).toMatchObject({
        code: "42501",
      });
      expect(
        await refusal(
          speak(people.admin, "insert into journeys.journeys (tenant_id, client_id, name) values ($1, $2, 'x')", [
            foreign.tenantId,
            foreign.clientId,
          ]),
        ),
      ).toMatchObject({
        code: "42501",
      });
    }));

  test("cannot be made by the worker, who acts for one tenant at a time (42501)", async () => {
    const insert =
      "insert into journeys.sync_history (tenant_id, client_id, operation, status) values ($1, $2, 'full_sync', 'success')";
    expect(await refusal(logins.speak(people.worker, insert, [foreign.tenantId, foreign.clientId]))).toMatchObject({
      code: "42501",
    });
    expect(await refusal(logins.speak(people.worker, insert, [people.tenantId, foreign.clientId]))).toMatchObject({
      code: "23503",
    });
    expect(await refusal(logins.speak(people.worker, insert, [people.tenantId, people.clientId]))).toMatchObject({
      code: "passed",
    });
  });
});

describe("deleting a client", () => {
  test("can be done by an admin, with everything that is the client's and nothing else", () =>
    rehearse(database, async (speak) => {
      const own = await addDraft(speak, people, "Archived with it");
      await speak(people.editor, "select journeys.archive_journey($1)", [own.id]);
      await addDraft(speak, people, "Stays", people.otherClientId);
      await speak(people.admin, "delete from journeys.clients where id = $1", [people.clientId]);
      for (const table of [
        "journeys",
        "touchpoints",
        "approvals",
        "journey_versions",
        "comment_threads",
        "change_requests",
        "pipelines",
        "workflows",
      ]) {
        const rows = await speak(
          people.viewer,
          `select to_jsonb(t) ->> 'client_id' as client_id from journeys.${table} t`,
        );
        expect({ table, left: rows.filter(({ client_id }) => client_id === people.clientId) }).toEqual({
          table,
          left: [],
        });
      }
      expect(await speak(people.viewer, "select name from journeys.journeys")).toEqual([{ name: "Stays" }]);
      expect(await speak(people.viewer, "select from journeys.touchpoints")).toHaveLength(3);
      expect(await speak(foreign.viewer, "select name from journeys.journeys")).toEqual([{ name: "Wedding inquiry" }]);
    }));

  test("cannot be done by an editor (42501)", () =>
    rehearse(database, async (speak) => {
      expect(
        await refusal(speak(people.editor, "delete from journeys.clients where id = $1", [people.clientId])),
      ).toMatchObject({ code: "42501" });
    }));
});

describe("every rule of the tables", () => {
  test("can say in words what it asks for", async () => {
    const silent = await database.query(
      `select c.conrelid::regclass::text as table, c.conname as name
         from pg_constraint c
        where c.connamespace = 'journeys'::regnamespace and c.conrelid <> 0 and c.contype in ('u', 'f', 'c')
          and coalesce(obj_description(c.oid, 'pg_constraint'), '') = ''
          and c.conname not in (
            'journey_versions_tenant_id_journey_id_id_key', 'touchpoints_tenant_id_journey_id_id_key'  -- only targets of foreign keys
          )`,
    );
    expect(silent).toEqual([]);
  });
});

/** A row in every table of the module, for a tenant. */
async function fill(speak: Speak, who: People, { id, steps }: Draft): Promise<void> {
  const one = async (sql: string, values: unknown[]) => idOf(await speak(who.editor, sql, values));
  await submit(speak, who, id);
  const pipelineId = await one("insert into journeys.pipelines (client_id, name) values ($1, 'Sales') returning id", [
    who.clientId,
  ]);
  await speak(who.editor, "update journeys.journeys set pipeline_id = $2 where id = $1", [id, pipelineId]);
  await one(
    "insert into journeys.templates (client_id, touchpoint_id, name, type) values ($1, $2, 'Letter', 'email') returning id",
    [who.clientId, steps[0]],
  );
  const workflowId = await one("insert into journeys.workflows (client_id, name) values ($1, 'Flow') returning id", [
    who.clientId,
  ]);
  await one(
    "insert into journeys.workflow_actions (workflow_id, action_type, order_index) values ($1, 'wait', 0) returning id",
    [workflowId],
  );
  await one("select * from journeys.start_comment_thread($1, 'Hm')", [id]);
  await one("select * from journeys.create_change_request($1, 'other', 'Please', null, 'low', $2, $3)", [
    who.clientId,
    id,
    steps[0],
  ]);
  await speak(
    who.worker,
    "insert into journeys.sync_history (client_id, operation, status) values ($1, 'full_sync', 'success')",
    [who.clientId],
  );
  await speak(who.worker, "insert into journeys.touchpoint_versions (touchpoint_id, version) values ($1, 1)", [
    steps[0],
  ]);
}
