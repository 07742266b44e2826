import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { landfall } from "../support/processes.ts";

let dataDir: string;
let database: TestDatabase;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "landfall-tenants-"));
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

const variables = () => ({
  DATABASE_URL: database.urls.admin,
  LANDFALL_SECRET_KEY: database.secretKey,
  LANDFALL_DATA_DIR: dataDir,
});
const run = (...args: string[]) => landfall(args, variables());

test("can suspend, list and reactivate a tenant", async () => {
  await database.query(
    "insert into tenancy.tenants (slug, name) values ('harbour', 'Harbour'), ('meadow-inn', 'Meadow Inn')",
  );
  const suspended = await run("tenant", "suspend", "harbour", "--reason", "unpaid", "--json");
  expect(suspended).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(suspended.stdout)).toMatchObject({ slug: "harbour", isActive: false, suspensionReason: "unpaid" });

  const { stdout } = await run("tenant", "list");
  expect(stdout).toMatch(
    /^harbour {5}suspended since \d{4}-\d\d-\d\d \(unpaid\) {2}Harbour\nmeadow-inn {2}active {2}Meadow Inn\n$/,
  );
  const status = await run("import", "status", "--tenant", "harbour", "--json");
  expect(status.code).toBe(1);
  expect(JSON.parse(status.stdout)).toMatchObject({
    error: { code: "LF048", name: "tenant_suspended", wayOut: expect.stringMatching(/operator/) },
  });

  expect(await run("tenant", "reactivate", "harbour")).toMatchObject({ code: 0, stdout: "harbour is active.\n" });
  expect(await database.query("select is_active from tenancy.tenants")).toEqual([
    { is_active: true },
    { is_active: true },
  ]);
});

test("cannot suspend a tenant that is not there, and names those that are: LF066", async () => {
  const { code, stderr } = await run("tenant", "suspend", "nowhere");
  expect(code).toBe(1);
  expect(stderr).toMatch(/no tenant with the slug nowhere.*harbour, meadow-inn/);
});

test("can make a tenant with its first admin, and an operator, who is one until removed", async () => {
  const made = await run("tenant", "create", "lagoon", "--name", "Lagoon", "--admin", "Ada@Lagoon.test", "--json");
  expect(made).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(made.stdout)).toEqual({
    id: expect.any(String),
    slug: "lagoon",
    name: "Lagoon",
    admin: { email: "ada@lagoon.test", oneTimePassword: expect.stringMatching(/^(\w{5}-){3}\w{5}$/) },
  });
  expect(
    await database.query(
      `select u.email, u.name, m.role, p.is_one_time
       from tenancy.memberships m join tenancy.users u on u.id = m.user_id join app_private.passwords p on p.user_id = u.id`,
    ),
  ).toEqual([{ email: "ada@lagoon.test", name: "ada@lagoon.test", role: "admin", is_one_time: true }]);

  expect((await run("operator", "create", "ada@lagoon.test")).stdout).toMatch(
    /is an operator.*\n.*keeps their password/,
  );
  expect((await run("operator", "list")).stdout).toMatch(/^ada@lagoon\.test {2}since \S+ {2}ada@lagoon\.test\n$/);
  expect(await run("operator", "remove", "ada@lagoon.test")).toMatchObject({ code: 0 });
  expect(await database.query("select from tenancy.operators")).toEqual([]);
  const again = await run("operator", "remove", "ada@lagoon.test", "--json");
  expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: "LF032" } });
  expect(
    await database.query("select deed, details ->> 'email' as email from audit.operator_deeds where tenant_id is null"),
  ).toEqual([
    { deed: "operator_made", email: "ada@lagoon.test" },
    { deed: "operator_removed", email: "ada@lagoon.test" },
  ]);
});

test("can make a login that is pinned to a tenant, list and revoke it", async () => {
  const create = ["login", "create", "--tenant", "harbour", "--role", "reporter", "--name", "reports"];
  const made = await run(...create, "--json");
  expect(made).toMatchObject({ code: 0, stderr: "" });
  const login = JSON.parse(made.stdout) as { loginName: string; password: string; url: string };
  expect(login).toMatchObject({ tenant: "harbour", name: "reports", role: "reporter", isNew: true });
  expect(login.password).toMatch(/^(\w{5}-){3}\w{5}$/);
  expect(await askWho(login.url)).toEqual([{ login: login.loginName, tenants: "harbour" }]);

  const again = await run(...create);
  expect(again.stdout).toMatch(/^There is the login .*\nIts password stays as it is/);
  expect(again.stdout).not.toContain(login.password);
  const given = await landfall([...create, "--password-stdin"], variables(), "a password of one's own\n");
  expect(given.stdout).not.toContain("of one's own");
  await expect(askWho(login.url)).rejects.toMatchObject({ code: "28P01" });
  const url = new URL(login.url);
  url.password = "a password of one's own";
  expect(await askWho(url.toString())).toHaveLength(1);

  expect((await run("login", "list")).stdout).toBe(`harbour  reports  reporter  ${login.loginName}\n`);
  expect(await run("login", "revoke", "reports", "--tenant", "harbour")).toMatchObject({
    code: 0,
    stdout: `The login ${login.loginName} of harbour is gone.\n`,
  });
  await expect(askWho(url.toString())).rejects.toMatchObject({ code: "28P01" });
  const gone = await run("login", "revoke", "reports", "--tenant", "harbour", "--json");
  expect(JSON.parse(gone.stdout)).toMatchObject({ error: { code: "LF033" } });
});

test.each([
  ["a name that needs quotes", ["--name", "Ada's"], undefined, 2],
  ["a short password", ["--name", "short", "--password-stdin"], "short\n", 1],
])("cannot make a login with %s, and nothing is left behind", async (_case, args, input, code) => {
  const create = ["login", "create", "--tenant", "harbour", "--role", "automation", ...args];
  expect((await landfall(create, variables(), input)).code).toBe(code);
  expect(await database.query("select from tenancy.sql_logins")).toEqual([]);
});

async function askWho(url: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(
      "select session_user::text as login, string_agg(slug, ',') as tenants from tenancy.tenants",
    );
    return rows;
  } finally {
    await client.end();
  }
}

test("can export and delete a tenant, which is suspended before and nobody is asked about by accident", async () => {
  const out = join(dataDir, "harbour");
  const active = await run("tenant", "delete", "harbour", "--yes", "--json");
  expect(JSON.parse(active.stdout)).toMatchObject({ error: { code: "LF036" } });
  await database.query("select tenancy.suspend_tenant('harbour')");
  const unasked = await run("tenant", "delete", "harbour");
  expect(unasked.code).toBe(2);
  expect(unasked.stderr).toMatch(
    /deletes Harbour \(harbour\) for ever[\s\S]*landfall tenant export harbour[\s\S]*--yes/,
  );

  const exported = await run("tenant", "export", "harbour", "--out", out);
  expect(exported).toMatchObject({ code: 0, stderr: "" });
  expect(exported.stdout).toMatch(/^Wrote \d+ rows of \d+ tables and 0 files to /);
  expect(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"))).toMatchObject({ tenant: { slug: "harbour" } });

  const deleted = await run("tenant", "delete", "harbour", "--yes");
  expect(deleted.stderr).toContain("It was exported at ");
  expect(deleted.stdout).toMatch(/^harbour is gone: \d+ rows, 0 files, 0 logins, 0 people\.\n$/);
  expect(await database.query("select from tenancy.tenants where slug = 'harbour'")).toEqual([]);
});
