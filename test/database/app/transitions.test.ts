import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { claim, createTenant, fillTenants, rowOf, settingsFor, type Tenant } from "../../security/world.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../../support/database.ts";

let database: TestDatabase;
let ours: Tenant;
beforeAll(async () => {
  database = await createTestDatabase();
  ours = await createTenant(database, "harbour");
  await fillTenants(database, [ours]);
});
afterAll(() => database.drop());

describe("a diagram", () => {
  test("can be written a step a line, and replaces what was there", async () => {
    await rolledBack(database.urls.owner, async (client) => {
      const steps = async () =>
        (
          await client.query(
            "select from_state, to_state, roles from app.transitions where machine = 'lamp' order by id",
          )
        ).rows;
      await client.query("select app_private.define_machine('lamp', $1)", [
        "\n  -> off: editor\n  off -> on: editor, admin\n",
      ]);
      expect(await steps()).toEqual([
        { from_state: null, to_state: "off", roles: ["editor"] },
        { from_state: "off", to_state: "on", roles: ["editor", "admin"] },
      ]);
      await client.query("select app_private.define_machine('lamp', '-> off: admin')");
      expect(await steps()).toEqual([{ from_state: null, to_state: "off", roles: ["admin"] }]);
    });
  });

  test.each([
    "off on: editor",
    "off -> on",
    "off -> : editor",
    "off -> On: editor",
    "-> off: editor\n\noff -> on: editor",
  ])("cannot be misread: %j P0001", async (diagram) => {
    await rolledBack(database.urls.owner, async (client) => {
      await expect(client.query("select app_private.define_machine('lamp', $1)", [diagram])).rejects.toMatchObject({
        code: "P0001",
        message: expect.stringContaining("a step of lamp reads"),
        hint: "Write it as: from_state -> to_state: role, role",
      });
    });
  });

  test("cannot give a step to a role that does not exist 23514", async () => {
    await rolledBack(database.urls.owner, async (client) => {
      await expect(client.query("select app_private.define_machine('lamp', '-> off: wizard')")).rejects.toMatchObject({
        code: "23514",
      });
    });
  });

  test("cannot be changed by a person or the worker 42501", async () => {
    const sql =
      "insert into app.transitions (machine, from_state, to_state, roles) values ('journey', 'draft', 'published', '{editor}')";
    await rolledBack(database.urls.authenticator, async (client) => {
      await claim(client, settingsFor(database, ours, "admin"));
      await expect(client.query(sql)).rejects.toMatchObject({ code: "42501" });
    });
    await rolledBack(database.urls.worker, async (client) => {
      await expect(client.query(sql)).rejects.toMatchObject({ code: "42501" });
    });
  });
});

describe("a step", () => {
  test("cannot be taken by the owner where the diagram has none for it LF003", async () => {
    await rolledBack(database.urls.owner, async (client) => {
      await expect(
        client.query("update journeys.clients set status = 'archived' where tenant_id = $1", [ours.id]),
      ).rejects.toMatchObject({ code: "LF003", message: "This client cannot go from onboarding to archived." });
    });
  });

  test("cannot be taken by a superuser either LF003", async () => {
    await expect(
      database.query("update journeys.clients set status = 'archived' where tenant_id = $1", [ours.id]),
    ).rejects.toMatchObject({ code: "LF003" });
  });

  test("cannot begin a row in a state that is no birth LF004", async () => {
    await rolledBack(database.urls.authenticator, async (client) => {
      await claim(client, settingsFor(database, ours, "editor"));
      await expect(
        client.query("insert into journeys.clients (name, slug, status) values ('Old', 'old', 'archived')"),
      ).rejects.toMatchObject({
        code: "LF004",
        message: "No client begins as archived.",
        hint: "It may begin as: onboarding, active.",
      });
    });
  });

  test("can be seen in advance by whoever may take it, and says so when another is tried LF003", async () => {
    await rolledBack(database.urls.authenticator, async (client) => {
      await claim(client, settingsFor(database, ours, "editor"));
      const { rows } = await client.query("select app.allowed_transitions('client', 'archived') as steps");
      expect(rows).toEqual([{ steps: ["active"] }]);
      await client.query("update journeys.clients set status = 'archived'");
      await expect(client.query("update journeys.clients set status = 'onboarding'")).rejects.toMatchObject({
        code: "LF003",
        hint: "Allowed from here for you: active.",
      });
    });
  });

  test("can be any at all as the recorded effect of a running import", async () => {
    await rolledBack(database.urls.worker, async (client) => {
      await claim(client, {
        "app.tenant_id": ours.id,
        "app.import_batch_id": rowOf(ours, "imports.batches").id,
      });
      const { rows } = await client.query(
        "insert into journeys.clients (name, slug, status) values ('Old', 'old', 'archived') returning status",
      );
      expect(rows).toEqual([{ status: "archived" }]);
    });
  });
});
