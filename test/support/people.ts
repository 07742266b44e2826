/** A tenant with people in it, and ways to speak as one of them: through the API's login, as the database expects it. */
import pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import { type Identity, settingsOf, withIdentity } from "../../src/database/with_identity.ts";
import type { TestDatabase } from "./database.ts";

export type Person = Extract<Identity, { kind: "user" }>;

/** Runs one statement as somebody and gives its rows. */
export type Speak = <Row extends pg.QueryResultRow = pg.QueryResultRow>(
  who: Identity,
  sql: string,
  values?: unknown[],
) => Promise<Row[]>;

export interface People {
  tenantId: string;
  slug: string;
  /** A client of the tenant, whom `reviewer` and `secondReviewer` belong to. */
  clientId: string;
  /** Another client of the tenant, whom `stranger` belongs to. */
  otherClientId: string;
  admin: Person;
  secondAdmin: Person;
  editor: Person;
  secondEditor: Person;
  viewer: Person;
  reviewer: Person;
  secondReviewer: Person;
  stranger: Person;
  worker: Identity;
}

export interface Logins {
  /** Every statement in a transaction of its own, committed. */
  speak: Speak;
  /** The pools of the two logins, for what takes more than one statement. */
  authenticator: pg.Pool;
  worker: pg.Pool;
  close(): Promise<void>;
}

/** Opens the API's login and the worker's on a test database. Close them before the database is dropped. */
export function openLogins(database: TestDatabase): Logins {
  const authenticator = createPool(database.urls.authenticator, { applicationName: "landfall tests", max: 4 });
  const worker = createPool(database.urls.worker, { applicationName: "landfall tests", max: 2 });
  return {
    authenticator,
    worker,
    async speak<Row extends pg.QueryResultRow>(who: Identity, sql: string, values: unknown[] = []) {
      const pool = who.kind === "worker" ? worker : authenticator;
      return withIdentity(pool, who, async (client) => (await client.query<Row>(sql, values)).rows);
    },
    async close() {
      await authenticator.end();
      await worker.end();
    },
  };
}

/**
 * Plays a scene in which several people speak, each statement under its own identity, all in one transaction of the API's login that is
 * rolled back at the end. A statement that is refused leaves no trace and the scene goes on. `now()` stands still throughout.
 */
export async function rehearse<T>(database: TestDatabase, play: (speak: Speak) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: database.urls.authenticator });
  await client.connect();
  const nobody = { "app.user_id": "", "app.tenant_id": "", "app.session_id": "" };
  try {
    await client.query("begin");
    return await play(async <Row extends pg.QueryResultRow>(who: Identity, sql: string, values: unknown[] = []) => {
      if (who.kind === "worker") throw new Error("The worker has a login of its own: use openLogins.");
      const settings = { ...nobody, ...settingsOf(who) };
      await client.query("savepoint statement");
      try {
        await client.query("select set_config(name, value, true) from unnest($1::text[], $2::text[]) s (name, value)", [
          Object.keys(settings),
          Object.values(settings),
        ]);
        return (await client.query<Row>(sql, values)).rows;
      } catch (error) {
        await client.query("rollback to savepoint statement");
        throw error;
      } finally {
        await client.query("release savepoint statement");
      }
    });
  } finally {
    await client.query("rollback");
    await client.end();
  }
}

/** Makes a tenant with two clients and one or two people of every role, each with a session. */
export async function addPeople(database: TestDatabase, speak: Speak, slug: string): Promise<People> {
  const tenantId = idOf(
    await database.query("insert into tenancy.tenants (slug, name) values ($1, $2) returning id", [
      slug,
      `The ${slug}`,
    ]),
  );
  const person = (name: string, role: Person["role"]) => addPerson(database, tenantId, `${name}@${slug}.test`, role);
  const editor = await person("editor", "editor");
  const client = async (name: string) =>
    idOf(
      await speak(editor, "insert into journeys.clients (name, slug) values ($1, $2) returning id", [
        name,
        name.toLowerCase().replaceAll(" ", "-"),
      ]),
    );
  const clientId = await client("Rosewood Manor");
  const otherClientId = await client("Harbour Hall");
  const people: People = {
    tenantId,
    slug,
    clientId,
    otherClientId,
    editor,
    secondEditor: await person("second-editor", "editor"),
    admin: await person("admin", "admin"),
    secondAdmin: await person("second-admin", "admin"),
    viewer: await person("viewer", "viewer"),
    reviewer: await person("reviewer", "client"),
    secondReviewer: await person("second-reviewer", "client"),
    stranger: await person("stranger", "client"),
    worker: { kind: "worker", tenantId },
  };
  await database.query(
    "insert into tenancy.client_users (tenant_id, client_id, user_id) values ($1, $2, $3), ($1, $2, $4), ($1, $5, $6)",
    [tenantId, clientId, people.reviewer.userId, people.secondReviewer.userId, otherClientId, people.stranger.userId],
  );
  return people;
}

/** Makes a person with a role in a tenant, signed in for an hour. */
export async function addPerson(
  database: TestDatabase,
  tenantId: string,
  email: string,
  role: Person["role"],
): Promise<Person> {
  const [row] = await database.query<{ user_id: string; session_id: string }>(
    `with person as (
       insert into tenancy.users (email, name) values ($2, split_part($2, '@', 1)) returning id
     ), member as (
       insert into tenancy.memberships (tenant_id, user_id, role) select $1, p.id, $3::tenancy.membership_role from person p
     )
     insert into tenancy.sessions (tenant_id, user_id, expires_at) select $1, p.id, now() + interval '1 hour' from person p
     returning user_id, id as session_id`,
    [tenantId, email, role],
  );
  if (row === undefined) throw new Error(`${email} was not made.`);
  return {
    kind: "user",
    rolePrefix: database.rolePrefix,
    role,
    tenantId,
    userId: row.user_id,
    sessionId: row.session_id,
  };
}

/** The id of the one row that a statement returned. */
export function idOf(rows: pg.QueryResultRow[]): string {
  const [row] = rows;
  if (row === undefined) throw new Error("No row came back.");
  return row.id as string;
}

/** What refused a statement: its code, message and way out; `passed` where nothing did. */
export async function refusal(
  attempt: Promise<unknown>,
): Promise<{ code: string; message: string; hint?: string; constraint?: string }> {
  try {
    await attempt;
    return { code: "passed", message: "Nothing refused this." };
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    const { code = "", message, hint, constraint } = error;
    return {
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(constraint === undefined ? {} : { constraint }),
    };
  }
}

export interface SqlLogin {
  url: string;
  name: string;
  drop(): Promise<void>;
}

/** Makes a login that speaks SQL for one tenant, one of each kind. Drop it before the database, once its connections are closed. */
export async function addSqlLogin(
  database: TestDatabase,
  tenantId: string,
  kind: "reporter" | "automation",
): Promise<SqlLogin> {
  const name = `${kind}_${tenantId.slice(-6)}_of_${database.name}`;
  await database.query(`create role ${name} login password '${name}' in role ${database.rolePrefix}_${kind}`);
  await database.query("insert into tenancy.sql_logins (tenant_id, login_name, kind) values ($1, $2, $3)", [
    tenantId,
    name,
    kind,
  ]);
  const url = new URL(database.urls.admin);
  url.username = name;
  url.password = name;
  return {
    url: url.toString(),
    name,
    async drop() {
      await database.query(`drop role ${name}`);
    },
  };
}
