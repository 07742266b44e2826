/** How the lists of leads are read: by indexes that begin with the tenant, and no more of it than a filter leaves. Never how long it takes. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  findWrongScans,
  type LeadReads,
  type LeadTenant,
  leadReads,
  openLeadReads,
  randomFrom,
  readTenants,
} from "../../scripts/bench/lead_reads.ts";
import { makeLeads } from "../../scripts/bench/leads.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let reads: LeadReads;
let tenants: LeadTenant[];

beforeAll(async () => {
  database = await createTestDatabase();
  await makeLeads(database.urls.admin, { companies: 1_000, tenants: [0.6, 0.25, 0.15], batches: 20 });
  tenants = await readTenants(database.urls.admin, database.rolePrefix);
  reads = await openLeadReads({
    adminUrl: database.urls.admin,
    authenticatorUrl: database.urls.authenticator,
    rolePrefix: database.rolePrefix,
    isExplained: true,
  });
});

afterAll(async () => {
  await reads.close();
  await database.drop();
});

test.each(leadReads)("$name can be read without another tenant's rows, and without the whole tenant", async (read) => {
  const random = randomFrom(7);
  for (let number = 0; number < 25; number += 1) {
    const tenant = tenants[number % tenants.length] as LeadTenant;
    const variables = read.variables(tenant, random);
    const asked = await reads.ask(read.document, tenant, variables);
    expect(asked.scans.length).toBeGreaterThan(0);
    expect({ variables, wrong: findWrongScans(asked, tenant, true) }).toEqual({ variables, wrong: [] });
  }
});

test("can tell a plan that reads what it should not", async () => {
  const tenant = tenants[0] as LeadTenant;
  const asked = (node: string, condition: string, rows: number) => ({
    milliseconds: 0,
    cpuMilliseconds: null,
    buffers: 0,
    scans: [{ table: "contacts", node, condition, rows }],
  });
  const large = { ...tenant, rows: { contacts: 100_000 } };
  expect(findWrongScans(asked("Seq Scan", "", 1), large, false)).toHaveLength(1);
  expect(findWrongScans(asked("Index Scan", "(contact_score = 1)", 1), large, false)).toHaveLength(1);
  expect(findWrongScans(asked("Index Scan", "(tenant_id = 'x')", 90_000), large, true)).toHaveLength(1);
  expect(findWrongScans(asked("Index Scan", "(tenant_id = 'x')", 90_000), large, false)).toEqual([]);
  expect(findWrongScans(asked("Index Scan", "(tenant_id = 'x')", 9_000), large, true)).toEqual([]);
});

test("can keep beside the rows exactly what the bench fills in", async () => {
  const differences = await database.query(
    `select to_jsonb(d) from app_private.leadgen_count_differences() d union all select to_jsonb(d) from app_private.leadgen_rank_differences() d
     union all select to_jsonb(d) from app_private.leadgen_batch_contact_differences() d`,
  );
  expect(differences).toEqual([]);
});
