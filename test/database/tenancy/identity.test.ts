/** A claim counts only as far as the tables confirm it, and only as long. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import {
  addPerson,
  claim,
  createLogin,
  createTenant,
  fillTenants,
  type Login,
  type Person,
  rowOf,
  settingsFor,
  type Tenant,
} from "../../security/world.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../../support/database.ts";

let database: TestDatabase;
let ours: Tenant;
let theirs: Tenant;

beforeAll(async () => {
  database = await createTestDatabase();
  ours = await createTenant(database, "harbour");
  theirs = await createTenant(database, "meadow");
  await fillTenants(database, [ours, theirs]);
});
afterAll(() => database.drop());

const role = (word: string) => `${database.rolePrefix}_${word}`;

/** What the database makes of a claim: its own word for who asks, and the clients that are seen. */
async function confirmed(client: pg.Client) {
  const { rows } = await client.query<{ tenant: string | null; word: string | null; clients: string[] }>(
    `select app.current_tenant_id() as tenant, app.current_app_role() as word,
       array(select distinct c.tenant_id::text from journeys.clients c) as clients`,
  );
  return rows[0];
}

const nobody = { tenant: null, word: null, clients: [] };

function asApi<T>(settings: Record<string, string>, run: (client: pg.Client) => Promise<T>): Promise<T> {
  return rolledBack(database.urls.authenticator, async (client) => {
    await claim(client, settings);
    return run(client);
  });
}

test("can see the own tenant's rows when every claim holds", async () => {
  await asApi(settingsFor(database, ours, "viewer"), async (client) =>
    expect(await confirmed(client)).toEqual({ tenant: ours.id, word: "viewer", clients: [ours.id] }),
  );
});

describe("a claim", () => {
  test.each([
    ["an empty tenant", () => ({ "app.tenant_id": "" })],
    ["a tenant that is no uuid", () => ({ "app.tenant_id": "' or true --" })],
    ["a tenant that is not there", () => ({ "app.tenant_id": randomUUID() })],
    ["another tenant", () => ({ "app.tenant_id": theirs.id })],
    ["an empty session", () => ({ "app.session_id": "" })],
    ["a session that is no uuid", () => ({ "app.session_id": "1" })],
    ["a session that is not there", () => ({ "app.session_id": randomUUID() })],
    ["somebody else's session", () => ({ "app.session_id": ours.people.admin.sessionId })],
    ["a session of another tenant", () => ({ "app.session_id": theirs.people.viewer.sessionId })],
    ["an empty user", () => ({ "app.user_id": "" })],
    ["somebody else", () => ({ "app.user_id": ours.people.admin.userId })],
    ["a higher role than the membership's", () => ({ role: role("admin") })],
    ["a lower role than the membership's", () => ({ ...settingsFor(database, ours, "admin"), role: role("viewer") })],
    ["the operator's role", () => ({ role: role("operator") })],
  ] as const)("cannot hold with %s", async (_what, wrong) => {
    await asApi({ ...settingsFor(database, ours, "viewer"), ...wrong() }, async (client) => {
      if ((wrong() as Record<string, string>).role === role("operator")) {
        expect(
          (await client.query("select app.current_tenant_id() as tenant, app.current_app_role() as word")).rows,
        ).toEqual([{ tenant: null, word: null }]);
      } else {
        expect(await confirmed(client)).toEqual(nobody);
      }
    });
    expect(await database.query("select from journeys.clients where tenant_id = $1", [ours.id])).not.toHaveLength(0);
  });

  test.each(["app.tenant_id", "app.user_id", "app.session_id"])("cannot hold without %s", async (missing) => {
    const { [missing]: _left, ...settings } = settingsFor(database, ours, "viewer");
    await asApi(settings, async (client) => expect(await confirmed(client)).toEqual(nobody));
  });

  test("cannot outlive its transaction", async () => {
    const client = new pg.Client({ connectionString: database.urls.authenticator });
    await client.connect();
    try {
      await client.query("begin");
      await claim(client, settingsFor(database, ours, "viewer"));
      expect((await confirmed(client))?.tenant).toBe(ours.id);
      await client.query("commit");
      const { rows } = await client.query("select app.current_tenant_id() as tenant, app.current_app_role() as word");
      expect(rows).toEqual([{ tenant: null, word: "visitor" }]);
    } finally {
      await client.end();
    }
  });

  test.each([
    ["the session is revoked", "update tenancy.sessions set revoked_at = now() where id = $1", "sessionId"],
    [
      "the session expires",
      "update tenancy.sessions set expires_at = now() - interval '1 day' where id = $1",
      "sessionId",
    ],
    ["the membership is removed", "delete from tenancy.memberships where user_id = $1", "userId"],
    ["the role is changed", "update tenancy.memberships set role = 'viewer' where user_id = $1", "userId"],
    ["the person is deactivated", "update tenancy.users set is_active = false where id = $1", "userId"],
  ] as const)("cannot hold for the next statement once %s", async (_what, sql, key) => {
    const slug = `passing-${randomUUID()}`;
    const tenant = await createTenant(database, slug);
    await fillTenants(database, [tenant]);
    await asApi(settingsFor(database, tenant, "editor"), async (client) => {
      expect(await confirmed(client)).toEqual({ tenant: tenant.id, word: "editor", clients: [tenant.id] });
      await database.query(sql, [tenant.people.editor[key]]);
      expect(await confirmed(client)).toEqual(nobody);
      await expect(
        client.query("insert into journeys.pipelines (client_id, name) values ($1, 'Late')", [
          rowOf(tenant, "journeys.clients").id,
        ]),
      ).rejects.toMatchObject({ code: "42501" });
    });
  });
});

describe("an operator's claim", () => {
  let person: Person;
  let sessionId: string;
  beforeAll(async () => {
    person = await addPerson(database, ours.id, "admin", "ops@harbour.test");
    await database.query("insert into tenancy.operators (user_id) values ($1)", [person.userId]);
    sessionId = await openSession("now() + interval '1 hour'", "null");
  });
  async function openSession(expiresAt: string, revokedAt: string): Promise<string> {
    const [row] = await database.query<{ id: string }>(
      `insert into tenancy.operator_sessions (user_id, expires_at, revoked_at) values ($1, ${expiresAt}, ${revokedAt}) returning id`,
      [person.userId],
    );
    return row?.id as string;
  }
  const asOperator = (settings: Record<string, string>) =>
    asApi(
      { role: role("operator"), "app.user_id": person.userId, "app.session_id": sessionId, ...settings },
      async (client) =>
        (
          await client.query<Record<string, string | null>>(
            "select app.current_app_role() as word, app.current_user_id() as person, app.current_tenant_id() as tenant",
          )
        ).rows[0],
    );
  const noOne = { word: null, person: null, tenant: null };

  test("can hold, and is never in a tenant, whichever it names", async () => {
    const confirmed = { word: "operator", person: person.userId, tenant: null };
    expect(await asOperator({})).toEqual(confirmed);
    expect(await asOperator({ "app.tenant_id": ours.id })).toEqual(confirmed);
  });

  const strangers: [string, () => Record<string, string> | Promise<Record<string, string>>][] = [
    ["a session in a tenant", () => ({ "app.session_id": person.sessionId, "app.tenant_id": ours.id })],
    ["a session that is not there", () => ({ "app.session_id": randomUUID() })],
    ["no session", () => ({ "app.session_id": "" })],
    ["somebody else", () => ({ "app.user_id": ours.people.admin.userId })],
    [
      "a session that is over",
      async () => ({ "app.session_id": await openSession("now() - interval '1 day'", "null") }),
    ],
    ["a revoked session", async () => ({ "app.session_id": await openSession("now() + interval '1 hour'", "now()") })],
  ];
  test.each(strangers)("cannot hold with %s", async (_what, wrong) => {
    expect(await asOperator(await wrong())).toEqual(noOne);
  });

  test("cannot make an admin of an operator's session", async () => {
    const settings = { "app.user_id": person.userId, "app.session_id": sessionId, "app.tenant_id": ours.id };
    await asApi({ role: role("admin"), ...settings }, async (client) =>
      expect(await confirmed(client)).toEqual(nobody),
    );
  });
});

describe("people", () => {
  test("can see those of their tenant alone, and never another tenant's membership", async () => {
    const shared = await addPerson(database, ours.id, "editor", "both@shared.test");
    await database.query("insert into tenancy.memberships (tenant_id, user_id, role) values ($1, $2, 'admin')", [
      theirs.id,
      shared.userId,
    ]);
    await asApi(settingsFor(database, ours, "admin"), async (client) => {
      const { rows } = await client.query<{ email: string }>("select email from tenancy.users");
      const emails = rows.map(({ email }) => email);
      expect(emails).toContain("both@shared.test");
      expect(emails).toContain("viewer@harbour.test");
      expect(emails.filter((email) => email.includes("meadow"))).toEqual([]);
      const memberships = await client.query("select role from tenancy.memberships where user_id = $1", [
        shared.userId,
      ]);
      expect(memberships.rows).toEqual([{ role: "editor" }]);
    });
    expect(await database.query("select from tenancy.users where email like '%meadow%'")).not.toHaveLength(0);
  });

  test("cannot see anybody but themselves as a client's reviewer", async () => {
    await asApi(settingsFor(database, ours, "client"), async (client) => {
      const { rows } = await client.query("select email from tenancy.users");
      expect(rows).toEqual([{ email: "client@harbour.test" }]);
    });
  });

  test("cannot see another person's session", async () => {
    await asApi(settingsFor(database, ours, "admin"), async (client) => {
      const { rows } = await client.query("select id from tenancy.sessions");
      expect(rows).toEqual([{ id: ours.people.admin.sessionId }]);
    });
    expect(
      (await database.query("select from tenancy.sessions where tenant_id = $1", [ours.id])).length,
    ).toBeGreaterThan(3);
  });

  const join = "insert into tenancy.memberships (user_id, role) values ($1, 'editor') returning tenant_id, role";
  async function newPerson(email: string): Promise<string> {
    const rows = await database.query<{ id: string }>(
      "insert into tenancy.users (email, name) values ($1, 'New') returning id",
      [email],
    );
    return rows[0]?.id as string;
  }

  test("can be taken back by an admin, in the admin's tenant, once they were a member", async () => {
    const id = await newPerson("back@harbour.test");
    await database.query("insert into tenancy.memberships (tenant_id, user_id, role) values ($1, $2, 'viewer')", [
      ours.id,
      id,
    ]);
    await asApi(settingsFor(database, ours, "admin"), async (client) => {
      expect((await client.query("delete from tenancy.memberships where user_id = $1", [id])).rowCount).toBe(1);
      expect((await client.query(join, [id])).rows).toEqual([{ tenant_id: ours.id, role: "editor" }]);
      // Told by the key, and not that nobody knows them.
      await expect(client.query(join, [id])).rejects.toMatchObject({ code: "23505" });
    });
  });

  test("cannot be made a member by their id LF440, in the same words whether they are anybody or not", async () => {
    const id = await newPerson("elsewhere@meadow.test");
    const words: string[] = [];
    for (const guessed of [id, theirs.people.editor.userId, randomUUID()]) {
      await asApi(settingsFor(database, ours, "admin"), async (client) => {
        const refused = await client.query(join, [guessed]).catch((error) => error);
        expect(refused).toMatchObject({ code: "LF440" });
        words.push(refused.message.replace(guessed, "…"));
      });
    }
    expect(new Set(words).size).toBe(1);
  });

  test("cannot be given a role by an editor 42501", async () => {
    await asApi(settingsFor(database, ours, "editor"), async (client) => {
      await expect(
        client.query("update tenancy.memberships set role = 'admin' where user_id = $1", [ours.people.editor.userId]),
      ).rejects.toMatchObject({ code: "42501" });
    });
  });

  test("cannot read a password's remains 42501", async () => {
    for (const word of ["viewer", "admin"] as const) {
      await asApi(settingsFor(database, ours, word), async (client) => {
        await expect(client.query("select * from app_private.passwords")).rejects.toMatchObject({ code: "42501" });
      });
    }
  });
});

test("cannot become anything but an application role as the API's login 42501", async () => {
  for (const name of [
    "postgres",
    role("owner"),
    role("worker"),
    role("reporter"),
    role("automation"),
    "pg_read_all_data",
  ]) {
    await asApi({}, async (client) => {
      await expect(client.query(`set role ${name}`)).rejects.toMatchObject({ code: "42501" });
    });
  }
});

describe("the worker", () => {
  const asWorker = <T>(settings: Record<string, string>, run: (client: pg.Client) => Promise<T>) =>
    rolledBack(database.urls.worker, async (client) => {
      await claim(client, settings);
      return run(client);
    });

  test("can act for the tenant that it names", async () => {
    await asWorker({ "app.tenant_id": theirs.id }, async (client) =>
      expect(await confirmed(client)).toEqual({ tenant: theirs.id, word: "worker", clients: [theirs.id] }),
    );
  });

  test.each([
    ["no tenant", {}],
    ["an empty tenant", { "app.tenant_id": "" }],
    ["a tenant that is no uuid", { "app.tenant_id": "%" }],
    ["a tenant that is not there", { "app.tenant_id": randomUUID() }],
  ])("cannot see a row with %s", async (_what, settings) => {
    await asWorker(settings, async (client) =>
      expect(await confirmed(client)).toEqual({ tenant: null, word: "worker", clients: [] }),
    );
  });

  test("cannot become a person 42501", async () => {
    for (const word of ["viewer", "admin", "owner", "operator"]) {
      await asWorker({ "app.tenant_id": ours.id }, async (client) => {
        await expect(client.query(`set role ${role(word)}`)).rejects.toMatchObject({ code: "42501" });
      });
    }
  });

  test("cannot be taken for the person whose id it sets", async () => {
    await asWorker({ ...settingsFor(database, ours, "admin"), role: "none" }, async (client) => {
      const { rows } = await client.query(
        "select app.current_user_id() as person, app.current_session_id() as session",
      );
      expect(rows).toEqual([{ person: null, session: null }]);
    });
  });
});

describe("an import batch", () => {
  const batchOf = (tenant: Tenant) => rowOf(tenant, "imports.batches").id;
  const claimedBatch = async (client: pg.Client) =>
    (await client.query<{ batch: string | null }>("select app.current_import_batch_id() as batch")).rows[0]?.batch;

  test("can be claimed by the worker while it runs", async () => {
    await rolledBack(database.urls.worker, async (client) => {
      await claim(client, { "app.tenant_id": ours.id, "app.import_batch_id": batchOf(ours) });
      expect(await claimedBatch(client)).toBe(batchOf(ours));
    });
  });

  test.each(["planned", "queued", "paused", "completed", "failed", "cancelled", "rolled_back"])(
    "cannot be claimed while it is %s",
    async (status) => {
      await rolledBack(database.urls.admin, async (client) => {
        await client.query("set local session_replication_role = replica");
        await client.query("update imports.batches set status = $1, is_verified = true where id = $2", [
          status,
          batchOf(ours),
        ]);
        await client.query("set local session_replication_role = origin");
        await client.query(`set local session authorization ${role("worker")}`);
        await claim(client, { "app.tenant_id": ours.id, "app.import_batch_id": batchOf(ours) });
        expect(await claimedBatch(client)).toBeNull();
      });
    },
  );

  const strangers: [string, () => string][] = [
    ["of another tenant", () => batchOf(theirs)],
    ["that is not there", () => randomUUID()],
    ["that is no uuid", () => "running"],
    ["that is empty", () => ""],
  ];
  test.each(strangers)("cannot be claimed by the worker %s", async (_what, batch) => {
    await rolledBack(database.urls.worker, async (client) => {
      await claim(client, { "app.tenant_id": ours.id, "app.import_batch_id": batch() });
      expect(await claimedBatch(client)).toBeNull();
    });
  });

  test("cannot be claimed by an admin, the owner or a workflow, nor by setting that it was confirmed", async () => {
    const forged = {
      "app.tenant_id": ours.id,
      "app.import_batch_id": batchOf(ours),
      "app.confirmed_import_batch": `${ours.id}/${batchOf(ours)}`,
    };
    await asApi({ ...settingsFor(database, ours, "admin"), ...forged }, async (client) =>
      expect(await claimedBatch(client)).toBeNull(),
    );
    const automation = await createLogin(database, "automation", ours.id);
    for (const url of [database.urls.owner, automation.url]) {
      await rolledBack(url, async (client) => {
        await claim(client, forged);
        expect(await claimedBatch(client)).toBeNull();
      });
    }
    await automation.drop();
  });

  test("can be believed without asking by the worker's login alone, which may begin one of its own and reaches no other tenant by it", async () => {
    await rolledBack(database.urls.worker, async (client) => {
      await claim(client, { "app.tenant_id": ours.id });
      // What its rights are for: so the setting gives it nothing.
      const made = await client.query<{ id: string }>(
        `with source as (insert into imports.sources (mapping, key) values ('bloom', 'its own') returning id)
         insert into imports.batches (source_id, location, mapping_hash, status)
         select id, '/snapshot', sha256('mapping'), 'queued' from source returning id`,
      );
      await client.query("update imports.batches set status = 'running' where id = $1", [made.rows[0]?.id]);
      await claim(client, { "app.import_batch_id": made.rows[0]?.id as string });
      expect(await claimedBatch(client)).toBe(made.rows[0]?.id);
    });
    await rolledBack(database.urls.worker, async (client) => {
      const foreign = batchOf(theirs);
      await claim(client, {
        "app.tenant_id": ours.id,
        "app.import_batch_id": foreign,
        "app.confirmed_import_batch": `${ours.id}/${foreign}`,
      });
      expect(await claimedBatch(client)).toBe(foreign);
      expect((await client.query("select from leadgen.companies where tenant_id = $1", [theirs.id])).rowCount).toBe(0);
      expect(
        (await client.query("update leadgen.companies set status = 'synced' where tenant_id = $1", [theirs.id]))
          .rowCount,
      ).toBe(0);
    });
  });
});

describe("a login that speaks SQL", () => {
  const logins: Login[] = [];
  afterAll(async () => {
    for (const login of logins) await login.drop();
  });
  async function loginTo(group: string, tenantId?: string): Promise<Login> {
    const login = await createLogin(database, group, tenantId);
    logins.push(login);
    return login;
  }

  test("can read its tenant and gains nothing by any setting or role", async () => {
    const login = await loginTo("reporter", ours.id);
    await rolledBack(login.url, async (client) => {
      const expected = { tenant: ours.id, word: "reporter", clients: [ours.id] };
      expect(await confirmed(client)).toEqual(expected);
      const { role: _role, ...settings } = settingsFor(database, theirs, "admin");
      await claim(client, { ...settings, "app.import_batch_id": rowOf(theirs, "imports.batches").id });
      expect(await confirmed(client)).toEqual(expected);
      const { rows } = await client.query(
        "select app.current_user_id() as person, app.current_session_id() as session, app.current_import_batch_id() as batch",
      );
      expect(rows).toEqual([{ person: null, session: null, batch: null }]);
      await client.query(`set local role ${role("reporter")}`);
      expect(await confirmed(client)).toEqual(expected);
      for (const word of ["viewer", "editor", "admin", "client", "operator", "worker", "authenticator", "owner"]) {
        await client.query("savepoint before");
        await expect(client.query(`set local role ${role(word)}`)).rejects.toMatchObject({ code: "42501" });
        await client.query("rollback to savepoint before");
      }
    });
  });

  test("cannot write as a reporter 42501", async () => {
    const login = await loginTo("reporter", ours.id);
    for (const sql of [
      "insert into journeys.clients (name, slug) values ('Mine', 'mine')",
      "update journeys.clients set name = 'Mine'",
      "delete from journeys.clients",
    ]) {
      await rolledBack(login.url, async (client) => {
        await expect(client.query(sql)).rejects.toMatchObject({ code: "42501" });
      });
    }
  });

  test("cannot see a row before it is pinned to a tenant, nor once it is switched off", async () => {
    const login = await loginTo("reporter");
    await rolledBack(login.url, async (client) => expect(await confirmed(client)).toEqual(nobody));
    await database.query(
      "insert into tenancy.sql_logins (tenant_id, login_name, kind, is_active) values ($1, $2, 'reporter', false)",
      [ours.id, login.name],
    );
    await rolledBack(login.url, async (client) => expect(await confirmed(client)).toEqual(nobody));
    await database.query("update tenancy.sql_logins set is_active = true where login_name = $1", [login.name]);
    await rolledBack(login.url, async (client) => expect((await confirmed(client))?.clients).toEqual([ours.id]));
  });

  test("cannot be pinned twice 23505", async () => {
    const login = await loginTo("reporter", ours.id);
    await expect(
      database.query("insert into tenancy.sql_logins (tenant_id, login_name, kind) values ($1, $2, 'reporter')", [
        theirs.id,
        login.name,
      ]),
    ).rejects.toMatchObject({ code: "23505" });
  });

  test("can make and list tenants as an operator, and reads no row of any", async () => {
    const login = await loginTo("operator");
    await rolledBack(login.url, async (client) => {
      await client.query(`set local role ${role("operator")}`);
      const made = await client.query(
        "select is_new_user from app.create_tenant(' New-One ', 'New one', null, 'Ada@New.test', null, '', '{}', '')",
      );
      expect(made.rows).toEqual([{ is_new_user: true }]);
      const { rows } = await client.query<{ slug: string }>("select slug from tenancy.tenants");
      expect(rows.map(({ slug }) => slug)).toEqual(expect.arrayContaining(["harbour", "meadow", "new-one"]));
      expect((await client.query("select from tenancy.users")).rowCount).toBe(0);
      for (const table of ["tenancy.memberships", "journeys.clients", "audit.changes", "audit.operator_deeds"]) {
        await client.query("savepoint before");
        await expect(client.query(`select from ${table}`)).rejects.toMatchObject({ code: "42501" });
        await client.query("rollback to savepoint before");
      }
    });
    expect(await database.query("select from tenancy.memberships")).not.toHaveLength(0);
  });

  test("cannot make a tenant as an operator whom nobody confirms LF002", async () => {
    await asApi({ role: role("operator") }, async (client) => {
      for (const deed of [
        "app.create_tenant('false', 'False', null, 'a@b.test', null, '', '{}', '')",
        "tenancy.suspend_tenant('harbour')",
        "tenancy.reactivate_tenant('harbour')",
      ]) {
        await client.query("savepoint before");
        await expect(client.query(`select ${deed}`)).rejects.toMatchObject({ code: "LF002" });
        await client.query("rollback to savepoint before");
      }
    });
  });
});
