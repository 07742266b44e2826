/** The end of a tenant: nothing of it is left in any table, file, role or job, and nobody else has lost or gained a thing. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { deleteTenant } from "../../src/tenants/delete_tenant.ts";
import { rolledBack } from "../support/database.ts";
import { refusal } from "../support/people.ts";
import { addSharedPerson, hashOf, type Leaving, prepareLeaving } from "./leaving.ts";

let leaving: Leaving;
beforeAll(async () => {
  leaving = await prepareLeaving();
});
afterAll(() => leaving.close());

test("can find a row of each tenant in every table that may hold one", async () => {
  const { owner, holdings, ours, theirs } = leaving;
  for (const { table, condition } of holdings) {
    for (const { id, slug } of [ours, theirs]) {
      const { rowCount } = await owner.query(`select from ${table} where ${condition} limit 1`, [id]);
      expect({ table, slug, rowCount }).toEqual({ table, slug, rowCount: 1 });
    }
  }
  expect(holdings.length).toBeGreaterThan(70);
});

test("cannot delete an active tenant: LF036", async () => {
  const { server, ours, files } = leaving;
  expect(await refusal(deleteTenant({ server, tenant: ours, files, by: "a test" }))).toMatchObject({
    code: "LF036",
    hint: "Suspend it first: landfall tenant suspend harbour.",
  });
});

describe("once it is suspended", () => {
  /** What could tell of the tenant: its id, its batches, its people; and what its own rows are filled with. */
  let traces: string[];
  let before: Awaited<ReturnType<typeof hashOf>>;
  let kept: { shared: string; author: string; operator: string };

  beforeAll(async () => {
    const { database, ours, theirs } = leaving;
    kept = {
      shared: await addSharedPerson(leaving, "both@shared.test"),
      author: await addSharedPerson(leaving, "former@shared.test"),
      operator: await addSharedPerson(leaving, "ops@shared.test"),
    };
    await database.query("insert into tenancy.memberships (tenant_id, user_id, role) values ($1, $2, 'viewer')", [
      theirs.id,
      kept.shared,
    ]);
    await database.query("update journeys.comments set author_id = $2 where tenant_id = $1", [theirs.id, kept.author]);
    await database.query("insert into tenancy.operators (user_id) values ($1)", [kept.operator]);
    const batches = await database.query<{ id: string }>("select id from imports.batches where tenant_id = $1", [
      ours.id,
    ]);
    traces = [ours.id, ...batches.map(({ id }) => id), ...Object.values(ours.people).map(({ userId }) => userId)];
    await database.query("select tenancy.suspend_tenant('harbour')");
    before = await hashOf(leaving, theirs);
  });

  /** Tables of every schema but the server's own, in which something tells of the tenant. */
  async function findTraces(): Promise<string[]> {
    const tables = await leaving.database.query<{ name: string; is_tenants: boolean }>(
      `select c.oid::regclass::text as name, coalesce(obj_description(c.oid, 'pg_class') ~ '@class tenant', false) as is_tenants
       from pg_class c
       where c.relkind in ('r', 'p', 'm') and not c.relispartition and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)' order by 1`,
    );
    const found: string[] = [];
    const canaries = ["canary-harbour", Buffer.from("canary-harbour").toString("hex")];
    for (const { name, is_tenants } of tables) {
      const words = [...traces, ...(is_tenants ? canaries : [])];
      const rows = await leaving.database.query(`select from ${name} t where t::text ~ $1 limit 1`, [words.join("|")]);
      if (rows.length > 0) found.push(name);
    }
    return found;
  }

  test("can be broken off anywhere and go on, and leaves nothing behind", async () => {
    const { database, server, ours, theirs, files, ownFile, sharedFile, loginName, holdings } = leaving;
    expect((await findTraces()).length).toBeGreaterThan(70);
    const [{ count: expectedFiles = 0 } = {}] = await database.query<{ count: number }>(
      "select count(distinct sha256)::integer as count from imports.attachments where tenant_id = $1",
      [ours.id],
    );
    let goal = 1;
    for (let isDone = false; !isDone; goal += 9) {
      let steps = 0;
      const onProgress = () => {
        steps += 1;
        if (steps === goal) throw new Error("broken off");
      };
      try {
        const summary = await deleteTenant({ server, tenant: ours, files, by: "a test", onProgress });
        isDone = true;
        expect(summary.rows).toMatchObject({
          "journeys.clients": expect.any(Number),
          "audit.changes": expect.any(Number),
        });
        expect(summary.files).toBe(expectedFiles);
      } catch (error) {
        expect(error).toMatchObject({ message: "broken off" });
        expect(await refusal(database.query("select tenancy.reactivate_tenant('harbour')"))).toMatchObject({
          code: "LF037",
        });
      }
    }
    expect(goal).toBeGreaterThan(60);

    expect(await findTraces()).toEqual(["audit.operator_deeds"]);
    expect(await database.query("select from pg_roles where rolname = $1", [loginName])).toEqual([]);
    expect(
      await database.query("select relname from pg_class where relname ~ $1", [
        traces.map((trace) => trace.replaceAll("-", "")).join("|"),
      ]),
    ).toEqual([]);
    expect({ own: await files.has(ownFile), shared: await files.has(sharedFile) }).toEqual({
      own: false,
      shared: true,
    });
    expect(await files.hasAside()).toBe(false);

    // Nobody else has lost or gained a thing.
    expect(await hashOf(leaving, theirs)).toEqual(before);
    expect(Object.keys(before)).toHaveLength(holdings.length);
    const jobs = await database.query("select from graphile_worker._private_jobs where payload ->> 'tenantId' = $1", [
      theirs.id,
    ]);
    expect(jobs.length).toBeGreaterThan(0);
    const people = await database.query<{ id: string }>(
      "select id from tenancy.users where email ~ '@shared.test$' order by email",
    );
    expect(people.map(({ id }) => id)).toEqual([kept.shared, kept.author, kept.operator]);
    expect(await database.query("select role from tenancy.memberships where user_id = $1", [kept.shared])).toEqual([
      { role: "viewer" },
    ]);
  });

  test("can be told from the record, which holds who, when and how much", async () => {
    const deeds = await leaving.database.query<{ deed: string; details: Record<string, unknown> }>(
      "select deed, details from audit.operator_deeds where tenant_slug = 'harbour' order by id",
    );
    expect(deeds.map(({ deed }) => deed)).toEqual([
      "tenant_created",
      "tenant_suspended",
      "tenant_deletion_begun",
      "tenant_deleted",
    ]);
    expect(deeds.at(-1)?.details).toMatchObject({ by: "a test", people: expect.any(Number), rows: expect.any(Object) });
  });

  test("can make a tenant of the same name, which begins empty", async () => {
    const [tenant] = await leaving.database.query<{ id: string }>(
      "select id from app_private.make_tenant('harbour', 'Harbour again')",
    );
    expect(tenant?.id).not.toBe(leaving.ours.id);
  });
});

describe("the door in the record of changes", () => {
  const remove = (tenantId: string) => `delete from audit.changes where tenant_id = '${tenantId}'`;

  test("cannot be opened while no tenant leaves: LF007", async () => {
    for (const url of [leaving.database.urls.owner, leaving.database.urls.admin]) {
      await rolledBack(url, async (client) => {
        await expect(client.query(remove(leaving.theirs.id))).rejects.toMatchObject({ code: "LF007" });
      });
    }
  });

  test("cannot let anything of a tenant that stays through while another leaves; LF007 for those whom no policy binds", async () => {
    const { database, theirs } = leaving;
    const begin = async (client: { query(sql: string): Promise<unknown> }) => {
      await client.query("update tenancy.tenants set is_active = false where slug = 'harbour'");
      await client.query("update tenancy.tenants set deletion_begun_at = now() where slug = 'harbour'");
    };
    await rolledBack(database.urls.owner, async (client) => {
      await begin(client);
      expect((await client.query(remove(theirs.id))).rowCount).toBe(0);
      await expect(client.query("update audit.changes set row_count = 1")).rejects.toMatchObject({ code: "LF007" });
    });
    await rolledBack(database.urls.admin, async (client) => {
      await begin(client);
      await expect(client.query(remove(theirs.id))).rejects.toMatchObject({ code: "LF007" });
    });
    expect(await database.query("select from audit.changes where tenant_id = $1 limit 1", [theirs.id])).toHaveLength(1);
  });
});
