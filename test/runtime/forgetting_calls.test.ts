/** The ledgers of calls, to sources and to GoHighLevel, are kept as long as LANDFALL_CALLS_KEPT_FOR says. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { workQueue } from "../support/queue.ts";

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.urls.worker, { applicationName: "landfall tests", max: 4 });
  await database.query("insert into tenancy.tenants (slug, name) values ('harbour', 'Harbour'), ('meadow', 'Meadow')");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** The nightly tasks, run by hand. */
async function forget(keptFor: { texts: number; calls: number }): Promise<void> {
  for (const task of ["imports/forget_calls", "publishing/forget_calls"]) {
    await database.query("select graphile_worker.add_job($1)", [task]);
  }
  const kept = { ...database.config.keptFor, ...keptFor };
  await workQueue({ ...database, config: { ...database.config, keptFor: kept } }, pool);
}

const days = 86_400;
const left = (ledger: string, time: string) =>
  database.query(
    `select t.slug, (extract(epoch from now() - c.${time}) / ${days})::integer as age, count(*)::integer as calls
     from ${ledger} c join tenancy.tenants t on t.id = c.tenant_id group by 1, 2 order by 1, 2`,
  );

test("can forget calls to GoHighLevel that are older than that, of every tenant, however many", async () => {
  await database.query(
    `set session_replication_role = replica;
     insert into journeys.clients (tenant_id, name, slug) select id, name, slug from tenancy.tenants;
     insert into publishing.locations (tenant_id, client_id, ghl_location_id) select tenant_id, id, 'loc-' || slug from journeys.clients;
     insert into publishing.api_calls (tenant_id, location_id, phase, method, path, milliseconds, created_at)
     select l.tenant_id, l.id, 'plan', 'GET', '/', 1, now() - make_interval(days => age)
     from publishing.locations l, (values (1, 2), (89, 3), (91, 5001)) as made (age, calls), generate_series(1, calls);
     set session_replication_role = origin`,
  );
  await forget(database.config.keptFor);
  expect(database.config.keptFor.calls).toBe(90 * days);
  const kept = (slug: string) => [
    { slug, age: 1, calls: 2 },
    { slug, age: 89, calls: 3 },
  ];
  expect(await left("publishing.api_calls", "created_at")).toEqual([...kept("harbour"), ...kept("meadow")]);
  await forget({ texts: 0, calls: 10 * days });
  expect(await left("publishing.api_calls", "created_at")).toEqual([
    { slug: "harbour", age: 1, calls: 2 },
    { slug: "meadow", age: 1, calls: 2 },
  ]);
});

test("can forget calls to a source that are older than that, and none of an import that has not ended", async () => {
  await database.query(
    `set session_replication_role = replica;
     insert into imports.sources (tenant_id, mapping, key) select id, 'bloom', state from tenancy.tenants, (values ('planned'), ('queued')) as s (state);
     insert into imports.batches (tenant_id, source_id, status, location, mapping_hash)
     select tenant_id, id, key::imports.batch_status, key, '' from imports.sources;
     insert into imports.api_calls (tenant_id, batch_id, called_at, request, milliseconds)
     select b.tenant_id, b.id, now() - make_interval(days => age), b.location, 1 from imports.batches b, (values (1), (91)) as made (age);
     set session_replication_role = origin`,
  );
  await forget(database.config.keptFor);
  expect(
    await database.query(
      `select t.slug, c.request, count(*)::integer as calls
       from imports.api_calls c join tenancy.tenants t on t.id = c.tenant_id group by 1, 2 order by 1, 2`,
    ),
  ).toEqual([
    { slug: "harbour", request: "planned", calls: 1 },
    { slug: "harbour", request: "queued", calls: 2 },
    { slug: "meadow", request: "planned", calls: 1 },
    { slug: "meadow", request: "queued", calls: 2 },
  ]);
});
