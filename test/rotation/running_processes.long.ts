/** The keys change while an API and a worker run: nothing fails, and afterwards the key before opens nothing. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type Config, loadConfig } from "../../src/config.ts";
import { deriveUrls } from "../../src/database/urls.ts";
import { logger } from "../../src/log.ts";
import { newPassword } from "../../src/server/passwords.ts";
import { type RunningServer, startServer } from "../../src/server/start.ts";
import { type RunningWorker, startWorker } from "../../src/worker/worker.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { landfall } from "../support/processes.ts";

const [old, fresh] = [randomBytes(48).toString("base64url"), randomBytes(48).toString("base64url")];
const PASSWORD = "a harbour without ships";

let empty: TestDatabase;
let variables: Record<string, string>;
let prefix: string;
let server: RunningServer | undefined;
let worker: RunningWorker | undefined;

beforeAll(async () => {
  empty = await createEmptyDatabase();
  prefix = `r${empty.name.slice(5, 13)}`;
  variables = {
    NODE_ENV: "test",
    DATABASE_URL: empty.urls.admin,
    LANDFALL_ROLE_PREFIX: prefix,
    JWT_SECRET: "a secret of the tests alone, long enough to be one",
    API_PORT: "0",
    API_RATE_LIMITS: "address=1000000,user=1000000,tenant=1000000,sign_in=1000000,search=1000000,aggregates=1000000",
    GHL_SANDBOX_PORT: "0",
    MAIL_SANDBOX_PORT: "0",
  };
  const migrated = await landfall(["migrate"], { ...variables, LANDFALL_SECRET_KEY: old });
  expect(migrated.stderr).toBe("");
  const { salt, parameters, derived } = await newPassword(PASSWORD, old);
  await empty.query("insert into tenancy.tenants (slug, name) values ('harbour', 'Harbour')");
  await empty.query(
    `with person as (insert into tenancy.users (email, name) values ('ada@harbour.test', 'Ada') returning id),
     member as (insert into tenancy.memberships (tenant_id, user_id, role) select t.id, p.id, 'admin' from tenancy.tenants t, person p)
     select app_private.set_password(p.id, $1, $2, $3, false) from person p`,
    [salt, parameters, derived],
  );
});

afterAll(async () => {
  await worker?.stop();
  await server?.close();
  await empty.drop();
});

/** What a process is told while the new key is on its way, and after. */
const both = (): Config => loadConfig({ ...variables, LANDFALL_SECRET_KEY: fresh, LANDFALL_SECRET_KEY_PREVIOUS: old });

async function ask(query: string, token?: string): Promise<Record<string, { token?: string }>> {
  const response = await fetch(`${server?.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify({ query }),
  });
  const answer = (await response.json()) as { data: Record<string, { token?: string }>; errors?: unknown };
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

const openConnections = async (name: string): Promise<number> => {
  const [row] = await empty.query<{ count: number }>(
    "select count(*)::integer as count from pg_stat_activity where datname = current_database() and application_name = $1",
    [name],
  );
  return row?.count ?? 0;
};

test("no request fails, and no job is lost, while the passwords and the key change under them", async () => {
  const config = both();
  const urls = deriveUrls(empty.urls.admin, fresh, prefix);
  server = await startServer({ config, databaseUrl: urls.authenticator, log: logger });
  worker = await startWorker({ config, url: urls.worker });
  const signIn = `mutation { signIn(input: { email: "ada@harbour.test", password: "${PASSWORD}" }) { token } }`;
  const token = (await ask(signIn)).signIn?.token;

  let isDone = false;
  let answered = 0;
  const failures: unknown[] = [];
  const callers: Promise<void>[] = [];
  const call = async () => {
    while (!isDone) {
      await ask("{ currentUser { role user { email } } allTenants: tenants { nodes { slug } } }", token).then(
        () => {
          answered += 1;
        },
        (error: unknown) => failures.push(error),
      );
    }
  };
  const add = (count: number) => callers.push(...Array.from({ length: count }, call));
  add(1);
  while (answered < 5) await sleep(20);
  const before = await openConnections("landfall api");

  const told = { ...variables, LANDFALL_SECRET_KEY: fresh, LANDFALL_SECRET_KEY_PREVIOUS: old };
  const rotated = await landfall(["login", "rotate", "--json"], told);
  expect(JSON.parse(rotated.stdout)).toEqual({
    logins: [
      { login: `${prefix}_authenticator`, before: "previous" },
      { login: `${prefix}_worker`, before: "previous" },
    ],
  });
  // More callers than connections: new ones must be let in.
  add(12);
  const then = answered;
  while (answered < then + 60) await sleep(20);
  expect(await openConnections("landfall api")).toBeGreaterThan(before);
  const keys = await landfall(["key", "rotate", "--json"], told);
  expect(keys.stderr).toBe("");
  expect(JSON.parse(keys.stdout)).toMatchObject({
    uses: [{ what: "location tokens" }, { what: "mails" }, { what: "passwords", current: 1, previous: 0 }],
  });
  await ask(signIn);
  isDone = true;
  await Promise.all(callers);
  expect(failures).toEqual([]);

  // The worker's connections are cut, too: it comes back by itself, and does what waited.
  await empty.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'landfall worker'",
  );
  await empty.query(
    `insert into app_private.mails (kind, recipient, subject, body, status) values ('approval_requested', 'ada@harbour.test', 'Hi', 'Hi', 'pending')`,
  );
  await empty.query("select graphile_worker.add_job('mail/send_mails', '{}'::json)");
  for (;;) {
    const [mail] = await empty.query<{ status: string }>("select status from app_private.mails");
    if (mail?.status === "sent") break;
    await sleep(100);
  }
});

test("the passwords of the key before let nobody in any more: 28P01", async () => {
  for (const kind of ["authenticator", "worker"] as const) {
    const client = new pg.Client({ connectionString: deriveUrls(empty.urls.admin, old, prefix)[kind] });
    await expect(client.connect()).rejects.toMatchObject({ code: "28P01" });
  }
});

test("the logins cannot be changed without the key that they have, nor with a wrong one: previous_key_missing, login_key_unknown", async () => {
  const third = randomBytes(48).toString("base64url");
  const alone = await landfall(["login", "rotate", "--json"], { ...variables, LANDFALL_SECRET_KEY: third });
  expect(JSON.parse(alone.stdout).error.name).toBe("previous_key_missing");
  const wrong = { ...variables, LANDFALL_SECRET_KEY: third, LANDFALL_SECRET_KEY_PREVIOUS: old };
  expect(JSON.parse((await landfall(["login", "rotate", "--json"], wrong)).stdout).error.name).toBe(
    "login_key_unknown",
  );
  expect(JSON.parse((await landfall(["key", "rotate", "--json"], wrong)).stdout).error.name).toBe("key_unknown");
});
