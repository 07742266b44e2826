import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { derivePassword, passwordParametersSchema } from "../../src/server/passwords.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { landfall, startLandfall } from "../support/processes.ts";

let dataDir: string;
let database: TestDatabase;
let variables: Record<string, string>;

/** What a command needs to know of a database: an administrator's connection string and the secrets. */
function variablesOf({ urls, secretKey }: TestDatabase): Record<string, string> {
  return {
    DATABASE_URL: urls.admin,
    LANDFALL_SECRET_KEY: secretKey,
    JWT_SECRET: "a secret of the tests alone, long enough to be one",
    LANDFALL_DATA_DIR: dataDir,
    API_PORT: "0",
    GHL_SANDBOX_PORT: "0",
    MAIL_SANDBOX_PORT: "0",
  };
}

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "landfall-cli-"));
  database = await createTestDatabase();
  variables = variablesOf(database);
});

afterAll(async () => {
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

describe("every command", () => {
  const commands = [
    "start",
    "migrate",
    "api",
    "worker",
    "tenant create",
    "tenant suspend",
    "user create",
    "operator create",
    "login create",
    "login rotate",
    "key rotate",
    "person export",
    "person erase",
    "import plan",
    "import run",
    "import status",
    "cutover walk",
    "cutover check",
    "publish plan",
    "publish status",
    "sample",
    "files move",
    "psql",
    "doctor",
  ];

  test.each(commands)("can tell how it is used: %s", async (command) => {
    const { code, stdout, stderr } = await landfall([...command.split(" "), "--help"], {});
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Usage: landfall ${command}`);
  });

  test("can be listed, with the version", async () => {
    const { code, stdout } = await landfall(["--help"], {});
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toContain(command.split(" ")[0]);
    expect((await landfall(["--version"], {})).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    ["no command", []],
    ["an unknown command", ["sail"]],
    ["an unknown option", ["migrate", "--fast"]],
    ["a missing option", ["tenant", "create", "x"]],
    ["a wrong choice", ["user", "create", "a@b.test", "--tenant", "x", "--role", "boss"]],
  ])("cannot be used with %s, and says how [exit code 2]", async (_case, args) => {
    const { code, stdout, stderr } = await landfall(args, variables);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/--help|Usage/);
  });

  test("cannot run on a wrong environment, and names every variable [LF050]", async () => {
    const { code, stdout, stderr } = await landfall(["migrate", "--json"], {
      ...variables,
      API_PORT: "high",
      PG_MAJOR: "9",
    });
    expect(code).toBe(1);
    expect(stderr).toContain("API_PORT must be a port number");
    expect(stderr).toContain("PG_MAJOR must be 16, 17, 18");
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "LF050",
        name: "unusable_configuration",
        message: expect.any(String),
        wayOut: expect.stringContaining(".env.example"),
      },
    });
  });

  test("cannot reach a database that is not there, and says what to check [LF071]", async () => {
    const { code, stderr } = await landfall(["migrate"], {
      ...variables,
      DATABASE_URL: "postgres://a:b@127.0.0.1:9/x",
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot be reached.*DATABASE_URL/);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test("cannot sign in with a wrong password, and never prints it [LF072]", async () => {
    const url = new URL(database.urls.admin);
    url.password = "not-this-one";
    const { code, stderr } = await landfall(["migrate"], { ...variables, DATABASE_URL: url.toString() });
    expect(code).toBe(1);
    expect(stderr).toContain("refuses the login");
    expect(stderr).not.toContain("not-this-one");
  });
});

describe("landfall migrate", () => {
  test("can set up an empty database as its owner, without a superuser, and do it again", async () => {
    const empty = await createEmptyDatabase();
    try {
      const owner = `migrator_${empty.name}`;
      await empty.query(`create role ${owner} login createrole password 'of-the-tests'`);
      await empty.query(`alter database ${empty.name} owner to ${owner}`);
      // On this server the roles are there already, made by somebody else: whoever comes next must be given them.
      const { rolePrefix } = empty;
      const prefix = `m${empty.name.slice(5, 13)}`;
      const url = new URL(empty.urls.admin);
      url.username = owner;
      url.password = "of-the-tests";
      const own = { ...variablesOf(empty), DATABASE_URL: url.toString(), LANDFALL_ROLE_PREFIX: prefix };
      expect(prefix).not.toBe(rolePrefix);

      const first = await landfall(["migrate", "--json"], own);
      expect(first.stderr).toBe("");
      expect(first.code).toBe(0);
      expect(JSON.parse(first.stdout).migrated).toBe(true);
      expect((await landfall(["migrate"], own)).stdout).toContain("The database is at the newest migration.");

      const { stdout } = await landfall(["doctor", "--json"], own);
      const { findings } = JSON.parse(stdout) as { findings: { check: string; status: string }[] };
      for (const check of ["version", "roles", "api login", "worker login", "migrations", "queue"]) {
        expect(findings).toContainEqual(expect.objectContaining({ check, status: "ok" }));
      }
    } finally {
      await empty.drop();
    }
  });
});

describe("landfall tenant create and user create", () => {
  test("can make a tenant and a person whose one-time password opens the account", async () => {
    const tenant = await landfall(["tenant", "create", "harbour", "--name", "Harbour", "--json"], variables);
    expect(tenant.stderr).toBe("");
    expect(JSON.parse(tenant.stdout)).toEqual({ id: expect.any(String), slug: "harbour", name: "Harbour" });

    const user = await landfall(
      ["user", "create", "Ada@Harbour.test", "--tenant", "harbour", "--role", "admin", "--json"],
      variables,
    );
    const made = JSON.parse(user.stdout) as { oneTimePassword: string };
    expect(made).toMatchObject({
      email: "ada@harbour.test",
      role: "admin",
      oneTimePassword: expect.stringMatching(/^(\w{5}-){3}\w{5}$/),
    });

    const authenticator = new pg.Client({ connectionString: database.urls.authenticator });
    await authenticator.connect();
    const { rows } = await authenticator.query("select * from app.password_parameters($1, '', '{}')", [
      "ada@harbour.test",
    ]);
    const derived = await derivePassword(
      made.oneTimePassword,
      rows[0].salt,
      passwordParametersSchema.parse(rows[0].parameters),
      database.config,
    );
    const signedIn = await authenticator.query(
      "select role, must_change_password from app.sign_in($1, $2, null, '1 hour', null, null)",
      ["ada@harbour.test", derived],
    );
    await authenticator.end();
    expect(signedIn.rows).toEqual([{ role: "admin", must_change_password: true }]);
  });

  test("can add somebody who is known to another tenant, who keeps their password", async () => {
    await landfall(["tenant", "create", "meadow", "--name", "Meadow"], variables);
    const { code, stdout } = await landfall(
      ["user", "create", "ada@harbour.test", "--tenant", "meadow", "--role", "viewer"],
      variables,
    );
    expect(code).toBe(0);
    expect(stdout).toContain("known already");
    expect(stdout).not.toContain("One-time");
  });

  test.each([
    ["a slug that is taken", "LF064", "tenant create harbour --name Again"],
    ["a slug of the wrong form", "LF065", "tenant create Har.bour --name Again"],
    ["a tenant that is not there", "LF066", "user create x@y.test --tenant nowhere --role admin"],
    ["an address of the wrong form", "LF067", "user create xy.test --tenant harbour --role admin"],
    ["a person who is there", "LF068", "user create ada@harbour.test --tenant harbour --role admin"],
    ["a client that is not there", "LF069", "user create x@y.test --tenant harbour --role client --client nobody"],
  ])("cannot take %s, and leaves nothing behind [%s]", async (_case, code, command) => {
    const before = await database.query(
      "select (select count(*) from tenancy.users), (select count(*) from tenancy.tenants) as tenants",
    );
    const result = await landfall([...command.split(" "), "--json"], variables);
    expect(result.code).toBe(1);
    expect(JSON.parse(result.stdout)).toMatchObject({ error: { code, wayOut: expect.stringMatching(/\S/) } });
    expect(
      await database.query(
        "select (select count(*) from tenancy.users), (select count(*) from tenancy.tenants) as tenants",
      ),
    ).toEqual(before);
  });

  test("cannot make a client's person without a client [exit code 2]", async () => {
    const result = await landfall(["user", "create", "x@y.test", "--tenant", "harbour", "--role", "client"], variables);
    expect(result.code).toBe(2);
  });
});

describe("landfall psql", () => {
  test("can read one tenant's rows and change none", async () => {
    const sql = "select current_user, (select string_agg(slug, ',') from tenancy.tenants)";
    const { code, stdout, stderr } = await landfall(
      ["psql", "--tenant", "harbour", "--", "-AtX", "-c", sql],
      variables,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^landfall_reporter_[0-9a-f]{10}\|harbour\n$/);

    const refused = await landfall(
      [
        "psql",
        "--tenant",
        "harbour",
        "--",
        "-AtX",
        "-c",
        "set default_transaction_read_only = off",
        "-c",
        "delete from journeys.journeys",
      ],
      variables,
    );
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("permission denied");
  });

  test("cannot choose between tenants by itself [LF051]", async () => {
    const { code, stderr } = await landfall(["psql"], variables);
    expect(code).toBe(2);
    expect(stderr).toContain("harbour, meadow");
  });

  test("cannot run where psql is missing, and says how to install it [LF075]", async () => {
    const { code, stderr } = await landfall(["psql", "--tenant", "harbour"], { ...variables, PATH: dataDir });
    expect(code).toBe(1);
    expect(stderr).toMatch(/psql is not installed.*Install/);
  });
});

describe("landfall doctor", () => {
  test("can find everything well, a line each, and miss the worker and the API that do not run", async () => {
    const { code, stdout } = await landfall(["doctor"], { ...variables, API_BASE_URL: "http://127.0.0.1:9" });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok +migrations +All \d+ are applied\.$/m);
    expect(stdout).toMatch(/^ok +queue/m);
    expect(stdout).toMatch(/^warning +worker .*landfall worker/m);
    expect(stdout).toMatch(/^warning +api .*landfall api/m);
  });

  test("can see the worker, and say so to a health check", async () => {
    expect((await landfall(["doctor", "--only", "worker"], variables)).code).toBe(1);
    const worker = startLandfall(["worker"], variables);
    await worker.waitFor("The worker is ready.");
    expect((await landfall(["doctor", "--only", "worker"], variables)).code).toBe(0);
    worker.child.kill("SIGTERM");
    expect((await worker.ended).code).toBe(0);
  });

  test("cannot pass over what is missing, and says what to do [exit code 1]", async () => {
    const empty = await createEmptyDatabase();
    const { code, stdout } = await landfall(["doctor"], variablesOf(empty));
    await empty.drop();
    expect(code).toBe(1);
    expect(stdout).toMatch(/^failed +migrations .*Run `landfall migrate`\.$/m);
  });

  test("cannot look into a server that does not run, and says how to start it [exit code 1]", async () => {
    const { DATABASE_URL: _none, ...embedded } = variables;
    const { code, stdout } = await landfall(["doctor"], embedded);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^failed +database .*npm start/m);
  });
});
