/** What every table that people edit does by itself: stamps, counts, refuses what is stale. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type pg from "pg";
import { claim, createTenant, fillTenants, rowOf, settingsFor, type Tenant } from "../../security/world.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../../support/database.ts";

let database: TestDatabase;
let ours: Tenant;
let clientId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  ours = await createTenant(database, "harbour");
  await fillTenants(database, [ours]);
  clientId = rowOf(ours, "journeys.clients").id;
});
afterAll(() => database.drop());

const asEditor = <T>(run: (client: pg.Client) => Promise<T>) =>
  rolledBack(database.urls.authenticator, async (client) => {
    await claim(client, settingsFor(database, ours, "editor"));
    return run(client);
  });

const asImport = <T>(run: (client: pg.Client) => Promise<T>) =>
  rolledBack(database.urls.worker, async (client) => {
    const batch = rowOf(ours, "imports.batches").id;
    await claim(client, { "app.tenant_id": ours.id, "app.import_batch_id": batch });
    return run(client);
  });

describe("a version", () => {
  test("can be sent along, and counts up with a change", async () => {
    await asEditor(async (client) => {
      const { rows } = await client.query(
        `update journeys.clients set name = 'New', version = 1 where id = '${clientId}' returning version`,
      );
      expect(rows).toEqual([{ version: 2 }]);
    });
  });

  test("can be left out by whoever does not mind", async () => {
    await asEditor(async (client) => {
      const { rows } = await client.query(
        `update journeys.clients set name = 'New' where id = '${clientId}' returning version`,
      );
      expect(rows).toEqual([{ version: 2 }]);
    });
  });

  test("cannot count an update that changes nothing", async () => {
    await asEditor(async (client) => {
      const { rows } = await client.query(
        `update journeys.clients set name = name where id = '${clientId}' returning version`,
      );
      expect(rows).toEqual([{ version: 1 }]);
    });
  });

  test.each([0, 2, 17])("cannot be another than the current one: %i LF005", async (version) => {
    await asEditor(async (client) => {
      await expect(
        client.query("update journeys.clients set name = 'New', version = $1", [version]),
      ).rejects.toMatchObject({
        code: "LF005",
        message: `Somebody changed this client: you sent version ${version}, the current one is 1.`,
        hint: "Read it again, apply your change to what is there now, and send version 1.",
      });
    });
  });

  test("cannot be moved by what machines write", async () => {
    await rolledBack(database.urls.worker, async (client) => {
      await claim(client, { "app.tenant_id": ours.id });
      const { rows } = await client.query(
        "update journeys.templates set ghl_template_id = 'tpl_1', sync_status = 'synced', last_synced_at = now() where id = $1 returning version",
        [rowOf(ours, "journeys.templates").id],
      );
      expect(rows).toEqual([{ version: 1 }]);
    });
  });
});

describe("times", () => {
  test("can show when a row was last changed, and keep when it was made", async () => {
    await rolledBack(database.urls.owner, async (client) => {
      const { rows } = await client.query(
        `update journeys.clients set name = 'New', created_at = '2001-01-01', updated_at = '2001-01-01' where id = '${clientId}'
         returning created_at > '2020-01-01' as is_kept, updated_at = now() as is_stamped`,
      );
      expect(rows).toEqual([{ is_kept: true, is_stamped: true }]);
    });
  });

  test("can be given by an import, which knows when the row was made", async () => {
    await asImport(async (client) => {
      const { rows } = await client.query(
        `update journeys.clients set created_at = '2001-01-01T00:00:00Z' where id = '${clientId}'
         returning created_at = '2001-01-01T00:00:00Z' as is_given`,
      );
      expect(rows).toEqual([{ is_given: true }]);
    });
  });
});

describe("a row that is never changed", () => {
  test("cannot be updated, by the owner either LF007", async () => {
    await rolledBack(database.urls.owner, async (client) => {
      await expect(client.query("update journeys.journey_versions set change_log = 'Other'")).rejects.toMatchObject({
        code: "LF007",
      });
    });
  });

  test("can be corrected by the import that brought it", async () => {
    await asImport(async (client) => {
      const { rowCount } = await client.query("update journeys.journey_versions set change_log = 'Other'");
      expect(rowCount).toBe(ours.rows.get("journeys.journey_versions")?.length);
    });
  });
});
