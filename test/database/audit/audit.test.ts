/** The record of changes: what it says, that it is never rewritten, and that it keeps up. */
import { randomUUID } from "node:crypto";
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

interface Entry {
  table_name: string;
  action: string;
  row_id: string | null;
  row_count: number;
  changes: Record<string, unknown> | null;
  source: string;
  user_id: string | null;
  app_role: string | null;
  login_name: string;
  session_id: string | null;
  import_batch_id: string | null;
  job_id: string | null;
  request_id: string | null;
}

const asEditor = <T>(run: (client: pg.Client) => Promise<T>, settings: Record<string, string> = {}) =>
  rolledBack(database.urls.authenticator, async (client) => {
    await claim(client, { ...settingsFor(database, ours, "editor"), ...settings });
    return run(client);
  });

const asWorker = <T>(settings: Record<string, string>, run: (client: pg.Client) => Promise<T>) =>
  rolledBack(database.urls.worker, async (client) => {
    await claim(client, { "app.tenant_id": ours.id, ...settings });
    return run(client);
  });

/** What this transaction wrote to the record so far. */
async function entries(client: pg.Client): Promise<Entry[]> {
  const { rows } = await client.query<Entry>(
    "select * from audit.changes where transaction_id = pg_current_xact_id() order by id",
  );
  return rows;
}

describe("an entry", () => {
  test("can name the columns that an update changed, from what to what, and no others", async () => {
    const { name, industry } = rowOf(ours, "journeys.clients");
    await asEditor(async (client) => {
      await client.query("update journeys.clients set name = 'Harbour House', industry = 'Weddings' where id = $1", [
        clientId,
      ]);
      expect(await entries(client)).toMatchObject([
        {
          table_name: "journeys.clients",
          action: "update",
          row_id: clientId,
          row_count: 1,
          changes: { name: [name, "Harbour House"], industry: [industry, "Weddings"] },
        },
      ]);
      const [entry] = await entries(client);
      expect(Object.keys(entry?.changes ?? {}).sort()).toEqual(["industry", "name"]);
    });
  });

  test("cannot come from an update that changes nothing", async () => {
    await asEditor(async (client) => {
      await client.query("update journeys.clients set name = name where id = $1", [clientId]);
      expect(await entries(client)).toEqual([]);
    });
  });

  test("can keep the whole row that a delete removed", async () => {
    await asEditor(async (client) => {
      const { rows } = await client.query<{ id: string; row: Record<string, unknown> }>(
        "insert into journeys.pipelines as p (client_id, name) values ($1, 'Sales') returning id, to_jsonb(p) as row",
        [clientId],
      );
      await client.query("delete from journeys.pipelines where id = $1", [rows[0]?.id]);
      const [, deleted] = await entries(client);
      expect(deleted).toMatchObject({ action: "delete", row_id: rows[0]?.id, changes: rows[0]?.row });
    });
  });

  test("cannot hold the values of an insert", async () => {
    await asEditor(async (client) => {
      await client.query("insert into journeys.pipelines (client_id, name) values ($1, 'Sales'), ($1, 'Events')", [
        clientId,
      ]);
      expect(await entries(client)).toMatchObject([
        { action: "insert", changes: null, row_count: 1 },
        { action: "insert", changes: null, row_count: 1 },
      ]);
    });
  });

  test("can say who, through the API, in which session and request", async () => {
    const { userId, sessionId } = ours.people.editor;
    const requestId = randomUUID();
    await asEditor(
      async (client) => {
        await client.query("update journeys.clients set name = 'Seen' where id = $1", [clientId]);
        expect(await entries(client)).toMatchObject([
          {
            source: "api",
            user_id: userId,
            session_id: sessionId,
            request_id: requestId,
            app_role: "editor",
            login_name: `${database.rolePrefix}_authenticator`,
            import_batch_id: null,
          },
        ]);
      },
      { "app.request_id": requestId },
    );
  });

  test("can say which job, and that nobody was signed in", async () => {
    await asWorker({ "app.job_id": "4711" }, async (client) => {
      await client.query("update journeys.clients set website = 'https://harbour.test' where id = $1", [clientId]);
      await expectEntryOfWorker(client, { source: "job", job_id: "4711", user_id: null, import_batch_id: null });
    });
  });

  test("can say which import, with one entry for all the rows that a statement inserted", async () => {
    const batchId = rowOf(ours, "imports.batches").id;
    await asWorker({ "app.import_batch_id": batchId }, async (client) => {
      await client.query(
        "insert into journeys.pipelines (client_id, name) select $1, 'Pipeline ' || n from generate_series(1, 250) n",
        [clientId],
      );
      await expectEntryOfWorker(client, {
        source: "import",
        action: "insert",
        import_batch_id: batchId,
        row_id: null,
        row_count: 250,
        changes: null,
      });
    });
  });

  test("can say that it came from SQL at a prompt", async () => {
    await rolledBack(database.urls.owner, async (client) => {
      await client.query("update journeys.clients set name = 'At the prompt' where id = $1", [clientId]);
      expect(await entries(client)).toMatchObject([
        { source: "sql", login_name: "postgres", user_id: null, app_role: "owner" },
      ]);
    });
  });

  /** The worker cannot read the record: the owner looks, in the same transaction. */
  async function expectEntryOfWorker(client: pg.Client, expected: Partial<Entry>): Promise<void> {
    await client.query("savepoint before");
    await expect(client.query("select from audit.changes")).rejects.toMatchObject({ code: "42501" });
    await client.query("rollback to savepoint before");
    const { rows } = await client.query<{ id: string }>("select pg_current_xact_id()::text as id");
    await client.query("commit");
    const found = await database.query<Entry & pg.QueryResultRow>(
      "select * from audit.changes where transaction_id = $1::xid8 order by id",
      [rows[0]?.id],
    );
    expect(found).toMatchObject([expected]);
    await client.query("begin");
  }
});

test("can record a statement over many rows by one insert", async () => {
  await rolledBack(database.urls.owner, async (client) => {
    await client.query(`
      create table audit.statements (number integer generated always as identity);
      create function audit.count_statement() returns trigger language plpgsql as
        $$ begin insert into audit.statements default values; return null; end $$;
      create trigger _999_count_statement after insert on audit.changes for each statement execute function audit.count_statement()`);
    await client.query(
      "insert into journeys.pipelines (tenant_id, client_id, name) select $1, $2, 'Pipeline ' || n from generate_series(1, 300) n",
      [ours.id, clientId],
    );
    await client.query("update journeys.pipelines set name = name || '!' where client_id = $1 and tenant_id = $2", [
      clientId,
      ours.id,
    ]);
    const { rows } = await client.query(
      `select (select count(*)::integer from audit.statements) as statements,
         (select count(*)::integer from audit.changes where transaction_id = pg_current_xact_id()) as entries`,
    );
    expect(rows[0].statements).toBe(2);
    expect(rows[0].entries).toBeGreaterThanOrEqual(600);
  });
});

describe("the record", () => {
  test.each([
    ["updated", "update audit.changes set changes = null"],
    ["deleted from", "delete from audit.changes"],
    ["emptied", "truncate audit.changes"],
  ])("cannot be %s by its owner LF007", async (_what, sql) => {
    await rolledBack(database.urls.owner, async (client) => {
      await expect(client.query(sql)).rejects.toMatchObject({ code: "LF007" });
    });
  });

  test.each(["update % set changes = null", "delete from %", "truncate %"])(
    "cannot be altered by its owner under the name of a partition: %p LF007",
    async (sql) => {
      const partitions = await database.query<{ name: string }>(
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit.changes'::regclass",
      );
      expect(partitions.length).toBeGreaterThan(3);
      for (const { name } of partitions) {
        await rolledBack(database.urls.owner, async (client) => {
          await expect(client.query(sql.replace("%", name))).rejects.toMatchObject({ code: "LF007" });
        });
      }
    },
  );

  test.each(["updated", "deleted", "emptied", "written"])(
    "cannot be %s by an admin or the worker 42501",
    async (what) => {
      const sql = {
        updated: "update audit.changes set changes = null",
        deleted: "delete from audit.changes",
        emptied: "truncate audit.changes",
        written: `insert into audit.changes (tenant_id, table_name, action, row_id, source, login_name, transaction_id)
        values (app.current_tenant_id(), 'journeys.clients', 'update', app.uuidv7(), 'api', 'me', '1')`,
      }[what] as string;
      await rolledBack(database.urls.authenticator, async (client) => {
        await claim(client, settingsFor(database, ours, "admin"));
        await expect(client.query(sql)).rejects.toMatchObject({ code: "42501" });
      });
      await asWorker({}, async (client) => {
        await expect(client.query(sql)).rejects.toMatchObject({ code: "42501" });
      });
    },
  );

  test("cannot be read around its policies by naming a partition 42501", async () => {
    const partitions = await database.query<{ name: string }>(
      "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit.changes'::regclass",
    );
    expect(partitions.length).toBeGreaterThan(3);
    for (const { name } of partitions) {
      await rolledBack(database.urls.authenticator, async (client) => {
        await claim(client, settingsFor(database, ours, "admin"));
        await expect(client.query(`select from ${name}`)).rejects.toMatchObject({ code: "42501" });
      });
    }
  });

  test("can be read by the tenant's own people", async () => {
    await rolledBack(database.urls.authenticator, async (client) => {
      await claim(client, settingsFor(database, ours, "viewer"));
      const { rows } = await client.query<{ tenant_id: string }>("select distinct tenant_id from audit.changes");
      expect(rows).toEqual([{ tenant_id: ours.id }]);
    });
  });

  test("cannot tell a viewer where others sign in from, and can tell an admin", async () => {
    const { userId } = ours.people.editor;
    const seen = async (role: "viewer" | "admin") =>
      rolledBack(database.urls.authenticator, async (client) => {
        await claim(client, settingsFor(database, ours, role));
        return (await client.query("select from audit.changes where table_name = 'tenancy.sessions'")).rowCount;
      });
    await database.query("update tenancy.sessions set ip_address = '192.0.2.1' where user_id = $1", [userId]);
    expect(await seen("viewer")).toBe(0);
    expect(await seen("admin")).toBeGreaterThan(0);
  });

  test("cannot hold what is secret", async () => {
    // The tables that secrets are in have no audit trigger, and no audited table has a column for one.
    expect(
      await database.query(`
        select g.tgrelid::regclass::text as name from pg_trigger g join pg_class c on c.oid = g.tgrelid
        where g.tgname ~ 'audit' and c.relnamespace = 'app_private'::regnamespace`),
    ).toEqual([]);
    expect(
      await database.query(`
        select g.tgrelid::regclass::text || '.' || a.attname as name
        from pg_trigger g join pg_attribute a on a.attrelid = g.tgrelid
        where g.tgname = '_700_audit_update' and a.attname ~ '(password|secret|ciphertext|salt|derived_key|api_key)'`),
    ).toEqual([]);
  });
});

describe("partitions", () => {
  test("can be found for this month and the next three", async () => {
    const rows = await database.query<{ month: string }>(
      `select to_char(m, 'YYYY_MM') as month
       from generate_series(date_trunc('month', now() at time zone 'UTC'), date_trunc('month', now() at time zone 'UTC') + interval '3 months', '1 month') m
       where to_regclass('audit.changes_' || to_char(m, 'YYYY_MM')) is null`,
    );
    expect(rows).toEqual([]);
  });

  test("can take over what the default partition caught, as the worker asks, and nothing is lost", async () => {
    const later = "date_trunc('month', now() at time zone 'UTC') + interval '5 months 3 days'";
    await database.query(
      `insert into audit.changes (tenant_id, changed_at, table_name, action, row_id, source, login_name, transaction_id)
       select $1, (${later}) at time zone 'UTC', 'journeys.clients', 'update', app.uuidv7(), 'sql', 'postgres', '3' from generate_series(1, 5)`,
      [ours.id],
    );
    expect(await database.query("select count(*)::integer as caught from audit.changes_default")).toEqual([
      { caught: 5 },
    ]);
    const [name] = await database.query<{ partition: string }>(
      `select 'changes_' || to_char(${later}, 'YYYY_MM') as partition`,
    );
    await rolledBack(database.urls.worker, async (client) => {
      const { rows } = await client.query<{ made: string }>("select audit.make_partitions(5) as made");
      expect(rows.map(({ made }) => made)).toContain(name?.partition);
      expect((await client.query("select audit.make_partitions(5)")).rows).toEqual([]);
      await client.query("commit");
    });
    expect(await database.query("select count(*)::integer as caught from audit.changes_default")).toEqual([
      { caught: 0 },
    ]);
    expect(
      await database.query(`select count(*)::integer as kept from audit.${name?.partition} where tenant_id = $1`, [
        ours.id,
      ]),
    ).toEqual([{ kept: 5 }]);
    expect(
      await database.query(
        "select relrowsecurity and relforcerowsecurity as is_forced from pg_class where oid = ('audit.' || $1)::regclass",
        [name?.partition],
      ),
    ).toEqual([{ is_forced: true }]);
  });

  test("can be forgotten when their last entry is old enough, as the worker asks, and that is written down", async () => {
    const months = ["2001_01", "2001_02"];
    for (const month of months) {
      const [year, number] = month.split("_");
      await database.query(
        `create table audit.changes_${month} (like audit.changes including defaults including constraints)`,
      );
      await database.query(
        `alter table audit.changes_${month} owner to ${database.rolePrefix}_owner;
         alter table audit.changes attach partition audit.changes_${month}
         for values from ('${year}-${number}-01Z') to ('${year}-0${Number(number) + 1}-01Z')`,
      );
    }
    // Two of a month, one of the next, one that fell into no month at all.
    await database.query(
      `insert into audit.changes (tenant_id, changed_at, table_name, action, row_id, source, login_name, transaction_id)
       select $1, at, 'journeys.clients', 'update', app.uuidv7(), 'sql', 'postgres', '3'
       from unnest(array['2001-01-03Z', '2001-01-31T23:59Z', '2001-02-02Z', '1999-05-05Z']::timestamptz[]) at`,
      [ours.id],
    );
    const before = await database.query("select id from audit.changes where changed_at > '2002-01-01Z' order by id");
    await rolledBack(database.urls.worker, async (client) => {
      await expect(client.query("select audit.forget_changes('29 days')")).rejects.toMatchObject({ code: "LF463" });
    });
    const forget = (keptUntil: string) =>
      rolledBack(database.urls.worker, async (client) => {
        const { rows } = await client.query("select * from audit.forget_changes(now() - $1::timestamptz)", [keptUntil]);
        await client.query("commit");
        return rows;
      });
    // The last entry of January is a minute from the end of it.
    expect(await forget("2001-01-31T23:59:30Z")).toEqual([{ partition_name: "changes_default", entries: "1" }]);
    expect(await forget("2001-02-01T00:01Z")).toEqual([{ partition_name: "changes_2001_01", entries: "2" }]);
    expect(await forget("2001-06-01Z")).toEqual([{ partition_name: "changes_2001_02", entries: "1" }]);
    expect(await database.query("select id from audit.changes order by id")).toEqual(before);
    expect(
      await database.query("select details from audit.operator_deeds where deed = 'changes_forgotten' order by id"),
    ).toEqual([
      { details: { before: expect.any(String), entries: 1 } },
      { details: { month: "2001-01", entries: 2 } },
      { details: { month: "2001-02", entries: 1 } },
    ]);
  });

  test("cannot be forgotten by a person 42501", async () => {
    await rolledBack(database.urls.authenticator, async (client) => {
      await claim(client, settingsFor(database, ours, "admin"));
      await expect(client.query("select audit.forget_changes('1 year')")).rejects.toMatchObject({ code: "42501" });
    });
  });

  test("cannot be made by a person 42501", async () => {
    await rolledBack(database.urls.authenticator, async (client) => {
      await claim(client, settingsFor(database, ours, "admin"));
      await expect(client.query("select audit.make_partitions()")).rejects.toMatchObject({ code: "42501" });
    });
  });
});
