import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { withIdentity } from "../../../src/database/with_identity.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../../support/database.ts";
import { addPeople, type Logins, openLogins, type People, type Person } from "../../support/people.ts";

interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  "Rows Removed by Filter"?: number;
  Plans?: PlanNode[];
}

let database: TestDatabase;
let logins: Logins;
let people: People;
let clientPeople: Person;
beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  clientPeople = people.reviewer;
  const others = [await addPeople(database, logins.speak, "meadow"), await addPeople(database, logins.speak, "valley")];
  const tenants = [people, ...others].map(({ tenantId }) => tenantId);
  // Thousands of rows, written behind the triggers: what is asked here is how they are found.
  const silent = new pg.Client({ connectionString: database.urls.admin });
  await silent.connect();
  await silent.query("set session_replication_role = replica");
  await silent.query(
    `insert into journeys.clients (tenant_id, slug, name)
     select t.id, 'client-' || n, 'Client ' || n from unnest($1::uuid[]) t (id), generate_series(1, 400) n`,
    [tenants],
  );
  await silent.query(
    `insert into journeys.journeys (tenant_id, client_id, slug, name, status, updated_at)
     select c.tenant_id, c.id, c.slug || '-' || n, c.name || ' ' || n,
            (array['draft', 'draft', 'draft', 'published', 'published', 'archived', 'approved', 'client_review'])[1 + (random() * 6.6)::integer]::journeys.journey_status,
            now() - random() * interval '90 days'
       from journeys.clients c, generate_series(1, case c.slug when 'rosewood-manor' then 300 else 5 end) n`,
  );
  await silent.query(
    `insert into journeys.touchpoints (tenant_id, journey_id, name, type, order_index)
     select j.tenant_id, j.id, 'Step ' || n, 'email', n from journeys.journeys j, generate_series(0, 2) n`,
  );
  await silent.query(
    `insert into journeys.journey_versions (tenant_id, journey_id, client_id, version, snapshot, snapshot_hash, submitted_at)
     select j.tenant_id, j.id, j.client_id, 1, '{"journey": {}, "touchpoints": []}', '', now() from journeys.journeys j`,
  );
  await silent.query(
    `insert into journeys.approvals (tenant_id, client_id, journey_id, journey_version_id, status, reviewer_id, reviewed_at, created_at)
     select v.tenant_id, v.client_id, v.journey_id, v.id, case when random() < 0.1 then 'pending' else 'approved' end::journeys.approval_status,
            $1, now(), now() - random() * interval '90 days'
       from journeys.journey_versions v`,
    [people.admin.userId],
  );
  await silent.query("analyze");
  await silent.end();
});
afterAll(async () => {
  await logins.close();
  await database.drop();
});

async function plan(client: { query: pg.ClientBase["query"] }, sql: string, values: unknown[]): Promise<PlanNode[]> {
  const { rows } = await client.query(
    `explain (format json, analyze, costs off, timing off, summary off) ${sql}`,
    values,
  );
  return flatten(rows[0]["QUERY PLAN"][0].Plan);
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}

/** The indexes that a plan uses on tables of journeys, and how. */
function indexes(nodes: PlanNode[]): string[] {
  return nodes
    .filter((node) => node["Index Name"]?.includes("_tenant_id_") || node["Index Name"]?.endsWith("_pkey"))
    .map((node) => node["Index Name"] ?? "");
}

const lists: {
  name: string;
  table: string;
  condition: string;
  order: string;
  values: () => unknown[];
  index: string;
}[] = [
  {
    name: "journeys of a client, latest first",
    table: "journeys.journeys",
    condition: "client_id = $1",
    order: "updated_at desc",
    values: () => [people.clientId],
    index: "journeys_tenant_id_client_id_updated_at_idx",
  },
  {
    name: "journeys, latest first",
    table: "journeys.journeys",
    condition: "true",
    order: "updated_at desc",
    values: () => [],
    index: "journeys_tenant_id_updated_at_idx",
  },
  {
    name: "journeys by name",
    table: "journeys.journeys",
    condition: "true",
    order: "name",
    values: () => [],
    index: "journeys_tenant_id_name_idx",
  },
  {
    name: "journeys in review",
    table: "journeys.journeys",
    condition: "status = 'client_review'",
    order: "updated_at desc",
    values: () => [],
    index: "journeys_tenant_id_client_review_idx",
  },
  {
    name: "journeys to be published",
    table: "journeys.journeys",
    condition: "status = 'approved'",
    order: "updated_at desc",
    values: () => [],
    index: "journeys_tenant_id_approved_idx",
  },
  {
    name: "approvals that wait",
    table: "journeys.approvals",
    condition: "status = 'pending'",
    order: "created_at",
    values: () => [],
    index: "approvals_tenant_id_pending_idx",
  },
  {
    name: "touchpoints of a journey",
    table: "journeys.touchpoints",
    condition: "journey_id = $1",
    order: "order_index",
    values: () => [journeyId],
    index: "touchpoints_tenant_id_journey_id_order_index_key",
  },
  {
    name: "clients by name",
    table: "journeys.clients",
    condition: "true",
    order: "name",
    values: () => [],
    index: "clients_tenant_id_name_idx",
  },
  {
    name: "a journey by its id",
    table: "journeys.journeys",
    condition: "id = $1",
    order: "id",
    values: () => [journeyId],
    index: "journeys_pkey",
  },
];
let journeyId: string;
beforeAll(async () => {
  const [row] = await database.query<{ id: string }>(
    "select id from journeys.journeys where tenant_id = $1 and status = 'draft' order by id limit 1",
    [people.tenantId],
  );
  journeyId = row?.id ?? "";
});

describe.each(lists)("the list of $name", ({ table, condition, order, values, index }) => {
  test("can be read under row security by the same index as when the tenant is named by hand", async () => {
    const given = values();
    const select = `select * from ${table} where ${condition}`;
    const end = `order by ${order} limit 25`;
    // The administrator passes every policy: what the planner does when nothing stands between it and the index.
    const byHand = await rolledBack(database.urls.admin, (client) =>
      plan(client, `${select} and tenant_id = $${given.length + 1} ${end}`, [...given, people.tenantId]),
    );
    const underPolicies = await withIdentity(logins.authenticator, people.viewer, (client) =>
      plan(client, `${select} ${end}`, given),
    );
    expect(indexes(byHand)).toEqual([index]);
    expect(indexes(underPolicies)).toEqual([index]);
    const kinds = underPolicies.filter((node) => node["Relation Name"] === table.replace(/^.*\./, ""));
    expect(kinds.map((node) => node["Node Type"])).toEqual(["Index Scan"]);
    // No row was read in vain, of this tenant or another.
    expect(kinds[0]?.["Index Cond"]).toContain("tenant_id");
    expect(kinds[0]?.["Rows Removed by Filter"] ?? 0).toBe(0);
    expect(underPolicies.some((node) => node["Node Type"] === "Sort")).toBe(false);
  });
});

describe("people of a client", () => {
  test("can be shown the approvals of their client without reading anybody else's", async () => {
    const nodes = await withIdentity(logins.authenticator, clientPeople, (client) =>
      plan(client, "select * from journeys.approvals where client_id = $1 order by created_at desc limit 25", [
        people.clientId,
      ]),
    );
    const scan = nodes.find((node) => node["Relation Name"] === "approvals");
    expect(scan).toMatchObject({ "Node Type": "Index Scan", "Index Name": "approvals_tenant_id_client_id_idx" });
    expect(scan?.["Rows Removed by Filter"] ?? 0).toBe(0);
  });
});

describe("the search", () => {
  test("can use its indexes inside the definer, words and parts of words alike", async () => {
    await database.query(
      'update journeys.touchpoints set content = \'{"body": "The lanterns are lit"}\' where id = (select id from journeys.touchpoints where tenant_id = $1 and journey_id = $2 limit 1)',
      [people.tenantId, journeyId],
    );
    await rolledBack(database.urls.owner, async (client) => {
      const nodes = await plan(
        client,
        `select t.id from journeys.touchpoints t where t.tenant_id = $1 and (
           to_tsvector('simple', app.searchable_text(t.name, t.content)) @@ websearch_to_tsquery('simple', 'lanterns')
           or app.searchable_text(t.name, t.content) ilike '%antern%')`,
        [people.tenantId],
      );
      const used = nodes.map((node) => node["Index Name"]).filter((name) => name?.includes("searchable_text"));
      expect(used.sort()).toEqual(["touchpoints_searchable_text_trgm_idx", "touchpoints_searchable_text_words_idx"]);
    });
    expect(await logins.speak(people.viewer, "select name from journeys.search_touchpoints('antern')")).toHaveLength(1);
  });
});
