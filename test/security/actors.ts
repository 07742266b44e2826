/** Everybody who may ask: each role in one of two tenants, and sessions whose claim does not hold. */
import { randomUUID } from "node:crypto";
import type { TestDatabase } from "../support/database.ts";
import type { Table } from "./catalog.ts";
import type { Asker, Word } from "./expectations.ts";
import {
  addOneTimer,
  addOperator,
  addPerson,
  createLogin,
  createTenant,
  fillTenants,
  type Login,
  type Person,
  recordHistory,
  rowOf,
  type Tenant,
} from "./world.ts";

export interface Actor extends Asker {
  name: string;
  /** The role whose grants the session has. */
  word: Word;
  /** Whether the database takes the session for what it claims; where not, it has the grants and reaches no tenant's row. */
  isConfirmed: boolean;
  /** The login that the administrator becomes, so that one connection plays everybody; null stays the administrator. */
  login: string | null;
  settings: Record<string, string>;
  /** Whether its tenant is suspended, which every statement is told. */
  isSuspended?: boolean;
  /** Whether it writes the effects of an import, which may be born in any state. */
  isImport?: boolean;
}

export interface World {
  database: TestDatabase;
  tables: Table[];
  ours: Tenant;
  theirs: Tenant;
  /** Whoever is of `ours`, or claims to be. */
  actors: Actor[];
  drop(): Promise<void>;
}

/** Whoever is tried, by name. */
export const actorNames = [
  "viewer",
  "editor",
  "admin",
  "client",
  "client of another client, and elsewhere",
  "editor who is one elsewhere",
  "worker",
  "worker under an import",
  "reporter",
  "automation",
  "operator",
  "operator who speaks SQL",
  "owner",
  "visitor",
  "the API's login itself",
  "viewer with a one-time password",
  "admin without a tenant",
  "admin with a tenant that is no uuid",
  "admin with a tenant that is not there",
  "admin who claims the other tenant",
  "viewer who claims to be an admin",
  "client who claims to be an editor",
  "deactivated admin",
  "admin without membership",
  "admin signed out",
  "admin of yesterday",
  "admin of a suspended tenant",
  "worker without a tenant",
  "worker with a tenant that is not there",
  "reporter whom nobody pinned",
  "reporter with an admin's settings",
] as const;

/** Two tenants, harbour and meadow, with rows in every table, and everybody who may ask for them. */
export async function createWorld(database: TestDatabase): Promise<World> {
  const logins: Login[] = [];
  const login = async (group: string, tenantId?: string) => {
    const made = await createLogin(database, group, tenantId);
    logins.push(made);
    return made.name;
  };
  const ours = await createTenant(database, "harbour");
  const theirs = await createTenant(database, "meadow");
  const both = await addPerson(database, ours.id, "editor", "both@shared.test");
  // An editor and a reviewer of ours are theirs, too: what is their own over there is not theirs over here.
  theirs.people.editor = await addPerson(database, theirs.id, "editor", "both@shared.test");
  theirs.secondReviewer = await addPerson(database, theirs.id, "client", "second-client@harbour.test");
  // Their addresses are of ours, so that they are among its people; neither is of a tenant.
  const oneTimer = await addOneTimer(database, ours.id, "viewer", "one-timer@harbour.test");
  const operator = await addOperator(database, "operator@harbour.test");
  const fallen = await addTheFallen(database, ours);
  const [reporter, automation] = [await login("reporter", ours.id), await login("automation", ours.id)];
  const tables = await fillTenants(database, [ours, theirs]);
  for (const tenant of [ours, theirs]) await recordHistory(database, tenant, tables);

  const named = (word: string) => `${database.rolePrefix}_${word}`;
  const nobody: Asker = { tenantId: null, userId: null, clientIds: [], rowsOf: () => [] };
  const rowsOf = (table: string) => ours.rows.get(table) ?? [];
  const person = (name: string, word: Word, { userId, sessionId }: Person, tenant = ours): Actor => ({
    name,
    word,
    isConfirmed: true,
    login: named("authenticator"),
    settings: {
      role: named(word),
      "app.tenant_id": tenant.id,
      "app.user_id": userId,
      "app.session_id": sessionId,
    },
    tenantId: tenant.id,
    userId,
    clientIds: rowsOf("tenancy.client_users")
      .filter((row) => row.user_id === userId)
      .map((row) => row.client_id as string),
    rowsOf,
  });
  const machine = (name: string, word: Word, login: string | null, settings: Record<string, string> = {}): Actor => ({
    ...{ name, word, isConfirmed: true, login, settings, rowsOf },
    ...{ tenantId: ours.id, userId: null, clientIds: [] },
  });
  /** Confirmed in its role, which has no tenant. */
  const outside = (actor: Actor): Actor => ({ ...actor, ...nobody });
  /** Known, and of no tenant: what is theirs alone is all that they reach. */
  const alone = (actor: Actor): Actor => ({ ...actor, ...nobody, userId: actor.userId });
  const unheld = (name: string, actor: Actor, settings: Record<string, string> = {}): Actor => ({
    ...outside(actor),
    name,
    isConfirmed: false,
    settings: { ...actor.settings, ...settings },
  });
  const admin = person("admin", "admin", ours.people.admin);
  const worker = machine("worker", "worker", named("worker"), { "app.tenant_id": ours.id });
  const unpinned = machine("reporter", "reporter", await login("reporter"));
  const batchId = rowOf(ours, "imports.batches").id;
  return {
    database,
    tables,
    ours,
    theirs,
    actors: [
      person("viewer", "viewer", ours.people.viewer),
      person("editor", "editor", ours.people.editor),
      admin,
      person("client", "client", ours.people.client),
      person("client of another client, and elsewhere", "client", ours.secondReviewer),
      person("editor who is one elsewhere", "editor", both),
      worker,
      {
        ...machine("worker under an import", "worker", named("worker"), {
          "app.tenant_id": ours.id,
          "app.import_batch_id": batchId,
        }),
        isImport: true,
      },
      machine("reporter", "reporter", reporter),
      machine("automation", "automation", automation),
      alone(person("operator", "operator", operator)),
      outside(machine("operator who speaks SQL", "operator", await login("operator"), { role: named("operator") })),
      outside(machine("owner", "owner", null, { role: named("owner") })),
      outside(machine("visitor", "visitor", named("authenticator"), { role: named("visitor") })),
      outside(machine("the API's login itself", "authenticator", named("authenticator"))),
      {
        ...alone(person("viewer with a one-time password", "viewer", oneTimer)),
        isConfirmed: false,
      },
      unheld("admin without a tenant", admin, { "app.tenant_id": "" }),
      unheld("admin with a tenant that is no uuid", admin, { "app.tenant_id": "' or true --" }),
      unheld("admin with a tenant that is not there", admin, { "app.tenant_id": randomUUID() }),
      unheld("admin who claims the other tenant", admin, { "app.tenant_id": theirs.id }),
      unheld("viewer who claims to be an admin", person("viewer", "admin", ours.people.viewer)),
      unheld("client who claims to be an editor", person("client", "editor", ours.people.client)),
      ...fallen.map(({ name, member, tenant }) => ({
        ...unheld(name, person(name, "admin", member, tenant)),
        isSuspended: tenant !== ours,
      })),
      unheld("worker without a tenant", worker, { "app.tenant_id": "" }),
      unheld("worker with a tenant that is not there", worker, { "app.tenant_id": randomUUID() }),
      unheld("reporter whom nobody pinned", unpinned, { "app.tenant_id": ours.id }),
      unheld("reporter with an admin's settings", unpinned, { ...admin.settings, role: "none" }),
    ],
    async drop() {
      for (const { drop } of logins) await drop();
      await database.drop();
    },
  };
}

/** Admins who were: each signed in while it lasted. */
async function addTheFallen(database: TestDatabase, ours: Tenant) {
  const suspended = await createTenant(database, "suspended");
  const fall = async (name: string, tenant: Tenant, sql: string, of: "userId" | "sessionId" | "tenant") => {
    const member = await addPerson(database, tenant.id, "admin", `${name.replaceAll(" ", "-")}@${tenant.slug}.test`);
    await database.query(sql, [of === "tenant" ? tenant.id : member[of]]);
    return { name, tenant, member };
  };
  return [
    await fall("deactivated admin", ours, "update tenancy.users set is_active = false where id = $1", "userId"),
    await fall("admin without membership", ours, "delete from tenancy.memberships where user_id = $1", "userId"),
    await fall("admin signed out", ours, "update tenancy.sessions set revoked_at = now() where id = $1", "sessionId"),
    await fall(
      "admin of yesterday",
      ours,
      "update tenancy.sessions set expires_at = now() - interval '1 day' where id = $1",
      "sessionId",
    ),
    await fall(
      "admin of a suspended tenant",
      suspended,
      "update tenancy.tenants set is_active = false where id = $1",
      "tenant",
    ),
  ];
}
