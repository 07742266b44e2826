/** Forced policies bind the owner too: a check of what is there must see what is there. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createTenant, fillTenants, type Tenant } from "../../security/world.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../../support/database.ts";

let database: TestDatabase;
let ours: Tenant;
beforeAll(async () => {
  database = await createTestDatabase();
  ours = await createTenant(database, "harbour");
  await fillTenants(database, [ours]);
  // A row that dangles, planted past the foreign key.
  await database.query(`
    begin;
    set local session_replication_role = replica;
    insert into journeys.pipelines (tenant_id, client_id, name) values ('${ours.id}', '${randomUUID()}', 'Dangling');
    commit`);
});
afterAll(() => database.drop());

const addForeignKey = `
  alter table journeys.pipelines add constraint pipelines_planted_fkey
    foreign key (tenant_id, client_id) references journeys.clients (tenant_id, id) not valid`;
const validate = "alter table journeys.pipelines validate constraint pipelines_planted_fkey";

test("cannot be validated by the owner over a row that dangles 23503", async () => {
  await rolledBack(database.urls.owner, async (client) => {
    await client.query(addForeignKey);
    await expect(client.query(validate)).rejects.toMatchObject({ code: "23503" });
  });
});

test("cannot be trusted without the owner's own policies: validation would pass over the row", async () => {
  await rolledBack(database.urls.owner, async (client) => {
    await client.query(addForeignKey);
    await client.query("drop policy select_owner on journeys.pipelines");
    await client.query(validate);
  });
});

test("can be validated once the row is gone", async () => {
  await rolledBack(database.urls.owner, async (client) => {
    await client.query("delete from journeys.pipelines where name = 'Dangling'");
    await client.query(addForeignKey);
    await client.query(validate);
  });
});

test("can be counted on in a backfill: the owner reaches every tenant's rows", async () => {
  const other = await createTenant(database, "meadow");
  await fillTenants(database, [other]);
  await rolledBack(database.urls.owner, async (client) => {
    await client.query("update journeys.clients set industry = 'Weddings'");
    const { rows } = await client.query("select distinct tenant_id from journeys.clients where industry = 'Weddings'");
    expect(rows).toHaveLength(2);
  });
});
