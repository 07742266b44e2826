/** The API on a clone of the template, with people in two tenants, asked over HTTP. */
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { Logger } from "pino";
import { print } from "postgraphile/graphql";
import type { Config } from "../../src/config.ts";
import { logger } from "../../src/log.ts";
import type { MountedRouter } from "../../src/server/app.ts";
import { newPassword } from "../../src/server/passwords.ts";
import type { SocketTiming } from "../../src/server/sockets.ts";
import { startServer } from "../../src/server/start.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

export const PASSWORD = "a harbour without ships";

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers are read by tests that know what they asked for
  data: any;
  errors: { message: string; path?: string[]; extensions: Record<string, unknown> }[];
}

export interface TestApi {
  url: string;
  database: TestDatabase;
  /** Sends a GraphQL operation as the holder of the token, or as a visitor. */
  ask(query: string, variables?: Record<string, unknown>, token?: string): Promise<Answer>;
  /** Sends one of the documents of src/documents and gives its data; an error of the API is thrown with its code. */
  run<Data, Variables>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
    token?: string,
  ): Promise<Data>;
  /** Signs in with the password of the tests and gives the token. */
  signIn(email: string, tenantSlug?: string): Promise<string>;
  /** Makes a person with a role in a tenant and gives their id. */
  addPerson(tenantSlug: string, email: string, role: string): Promise<string>;
  close(): Promise<void>;
}

export interface TestApiOptions {
  /** What is different in the configuration. */
  change?: (config: Config) => Partial<Config>;
  routers?: MountedRouter[];
  log?: Logger;
  /** How often open sockets are looked at; hardly ever where nothing is said. */
  timing?: SocketTiming;
  /** Changes the database before the API looks at it. */
  prepare?: (database: TestDatabase) => Promise<unknown>;
  /** Connections to the database at most. */
  connections?: number;
}

/** The code of the first error, or undefined where there is none: what most tests ask about a refusal. */
export function codeOf(answer: Answer): unknown {
  return answer.errors[0]?.extensions.code;
}

/** Starts an API; `harbour` has one person of each role (viewer@harbour.test …), `meadow` an admin. */
export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const database = await createTestDatabase();
  await options.prepare?.(database);
  const { routers = [], log = logger, timing = { checkEvery: 600_000, pingEvery: 600_000 } } = options;
  const config = { ...database.config, ...options.change?.(database.config) };
  const server = await startServer({
    config,
    databaseUrl: database.urls.authenticator,
    log,
    routers,
    timing,
    ...(options.connections === undefined ? {} : { connections: options.connections }),
  });
  const api: TestApi = {
    url: server.url,
    database,
    async ask(query, variables = {}, token = undefined) {
      const response = await fetch(`${server.url}/graphql`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json",
          ...(token ? { authorization: `Bearer ${token}` } : {}),
        },
        body: JSON.stringify({ query, variables }),
      });
      const { data, errors = [] } = (await response.json()) as Partial<Answer>;
      return { status: response.status, headers: response.headers, data, errors };
    },
    async run(document, variables, token) {
      const { data, errors } = await api.ask(print(document), variables as Record<string, unknown>, token);
      const [error] = errors;
      if (error) throw new Error(`${error.message} [${String(error.extensions.code)}]`);
      return data;
    },
    async signIn(email, tenantSlug) {
      const { data, errors } = await api.ask(
        `mutation ($email: String!, $password: String!, $tenantSlug: String) {
           signIn(input: { email: $email, password: $password, tenantSlug: $tenantSlug }) { token }
         }`,
        { email, password: PASSWORD, tenantSlug },
      );
      if (!data?.signIn) throw new Error(`${email} cannot sign in: ${errors[0]?.message}`);
      return data.signIn.token as string;
    },
    async addPerson(tenantSlug, email, role) {
      const { salt, parameters, derived } = await newPassword(PASSWORD, config.secretKey);
      const rows = await database.query<{ id: string }>(
        `with person as (
           insert into tenancy.users (email, name) values ($2, $2)
           on conflict (email) do update set name = excluded.name returning id
         ), member as (
           insert into tenancy.memberships (tenant_id, user_id, role)
           select t.id, p.id, $3::tenancy.membership_role from tenancy.tenants t, person p where t.slug = $1
         ) select id from person`,
        [tenantSlug, email, role],
      );
      const id = rows[0]?.id ?? "";
      await database.query("select app_private.set_password($1, $2, $3, $4, false)", [id, salt, parameters, derived]);
      return id;
    },
    async close() {
      await server.close();
      await database.drop();
    },
  };
  await database.query("insert into tenancy.tenants (slug, name) values ('harbour', 'Harbour'), ('meadow', 'Meadow')");
  for (const role of ["viewer", "editor", "admin", "client"]) {
    await api.addPerson("harbour", `${role}@harbour.test`, role);
  }
  await api.addPerson("meadow", "admin@meadow.test", "admin");
  return api;
}
