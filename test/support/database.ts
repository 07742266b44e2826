/** A database for a test file: a clone of the migrated template, dropped at the end. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { type Config, loadConfig } from "../../src/config.ts";
import { createPool } from "../../src/database/pools.ts";
import { type DatabaseUrls, deriveUrls } from "../../src/database/urls.ts";
import { rolePrefix, runSql, type TestCluster, templateDatabase } from "./cluster.ts";

export interface OpenDatabase {
  name: string;
  /** Connection strings of the administrator, the owner and the logins for this database. */
  urls: DatabaseUrls;
  secretKey: string;
  rolePrefix: string;
  /** A configuration that points at this database, with free ports. */
  config: Config;
  /** Rows of a statement run by the administrator: for setting up and looking behind the policies. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
}

export interface TestDatabase extends OpenDatabase {
  /** Drops the database; whoever is still connected is cut off. */
  drop(): Promise<void>;
}

/** A server with a migrated template: the run's own, where nothing else is said. */
export type Cluster = Pick<TestCluster, "adminUrl" | "secretKey">;

/** Clones the migrated template. Call it in `beforeAll`, and `drop()` in `afterAll`. */
export function createTestDatabase(cluster = clusterOfTheRun()): Promise<TestDatabase> {
  return makeDatabase(cluster, templateDatabase);
}

/** A database without anything of Landfall's in it. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return makeDatabase(clusterOfTheRun(), "template1");
}

/** Clones a database as it stands; whoever is connected to it is cut off. */
export async function cloneTestDatabase({ name, urls, secretKey }: TestDatabase): Promise<TestDatabase> {
  const adminUrl = urls.admin.replace(/\/[^/]*$/, "/postgres");
  await runSql(adminUrl, `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${name}'`);
  return makeDatabase({ adminUrl, secretKey }, name);
}

/** Runs a test's statements in a transaction that is rolled back, as the login of the given connection string. */
export async function rolledBack<T>(url: string, run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("begin");
    return await run(client);
  } finally {
    await client.query("rollback");
    await client.end();
  }
}

function clusterOfTheRun(): Cluster {
  return { adminUrl: variable("LANDFALL_TEST_ADMIN_URL"), secretKey: variable("LANDFALL_TEST_SECRET_KEY") };
}

async function makeDatabase({ adminUrl: serverUrl, secretKey }: Cluster, template: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  const server = new pg.Client({ connectionString: serverUrl });
  await server.connect();
  try {
    await server.query(`create database ${name} template ${template}`);
    await copyGrants(server, template, name);
  } finally {
    await server.end();
  }
  const database = openTestDatabase(serverUrl.replace(/\/[^/]*$/, `/${name}`), secretKey);
  return {
    ...database,
    async drop() {
      await database.close();
      await runSql(serverUrl, `drop database if exists ${name} with (force)`);
    },
  };
}

/** A database that is there already, such as that of an installation which a test started. `close()` leaves it there. */
export function openTestDatabase(adminUrl: string, secretKey: string): OpenDatabase & { close(): Promise<void> } {
  const pool = createPool(adminUrl, { applicationName: "landfall tests", max: 2 });
  return {
    name: new URL(adminUrl).pathname.slice(1),
    urls: deriveUrls(adminUrl, secretKey, rolePrefix),
    secretKey,
    rolePrefix,
    config: testConfig(adminUrl, secretKey),
    async query<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) {
      return (await pool.query<Row>(sql, values)).rows;
    },
    close: () => pool.end(),
  };
}

/** What a clone does not bring along: the privileges on the database itself. */
async function copyGrants(server: pg.Client, from: string, to: string): Promise<void> {
  const { rows } = await server.query<{ statement: string }>(
    `select format('grant %s on database %I to %s', lower(acl.privilege_type), $2::text,
            case acl.grantee when 0 then 'public' else acl.grantee::regrole::text end) as statement
       from pg_database database, aclexplode(database.datacl) acl
      where database.datname = $1`,
    [from, to],
  );
  if (rows.length > 0) await server.query(`revoke all on database ${to} from public`);
  for (const { statement } of rows) await server.query(statement);
}

function testConfig(databaseUrl: string, secretKey: string): Config {
  return loadConfig({
    NODE_ENV: "test",
    DATABASE_URL: databaseUrl,
    LANDFALL_SECRET_KEY: secretKey,
    JWT_SECRET: "a secret of the tests alone, long enough to be one",
    LANDFALL_ROLE_PREFIX: rolePrefix,
    API_PORT: "0",
    API_RATE_LIMITS: "address=1000000,user=1000000,tenant=1000000,sign_in=1000000,search=1000000,aggregates=1000000",
    GHL_SANDBOX_PORT: "0",
    MAIL_SANDBOX_PORT: "0",
  });
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run the tests by \`npm test\`.`);
  return value;
}
