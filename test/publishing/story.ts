/** What tests of publishing begin with: a tenant whose admin writes, approves and publishes journeys of one client. */
import { randomUUID } from "node:crypto";
import type { Pool, PoolClient } from "pg";
import { sandboxToken } from "../../src/config.ts";
import { createPool } from "../../src/database/pools.ts";
import { type Identity, withIdentity } from "../../src/database/with_identity.ts";
import { logger } from "../../src/log.ts";
import { makePlan, type Plan, readPlanSource } from "../../src/publishing/plan.ts";
import { type PublishOptions, publishJourney, type RunResult } from "../../src/publishing/publish.ts";
import { publishBeside } from "../../src/publishing/publish_beside.ts";
import { type ReconcileResult, reconcileLocation } from "../../src/publishing/reconcile.ts";
import { defaultTiming, type Timing } from "../../src/publishing/timing.ts";
import { publishToken } from "../../src/publishing/token.ts";
import type { FaultInput } from "../../src/sandbox/gohighlevel/faults.ts";
import type { JournalEntry } from "../../src/sandbox/gohighlevel/journal.ts";
import { type Sandbox, startGohighlevelSandbox } from "../../src/sandbox/gohighlevel/server.ts";
import type { State } from "../../src/sandbox/gohighlevel/state.ts";
import type { TokenInput } from "../../src/sandbox/gohighlevel/tokens.ts";
import { runSql } from "../support/cluster.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

export type Step = { name: string; type: string; content?: object; config?: object };

export type ItemRow = {
  name: string;
  asset_kind: string;
  status: string;
  attempts: number;
  remote_id: string | null;
  last_error: string | null;
  error_class: string | null;
};

export type FindingRow = {
  id: string;
  kind: string;
  asset_kind: string;
  remote_id: string;
  remote_name: string | null;
  differences: { field: string; ours: string | null; theirs: string | null }[];
};

/** Patience for tests: the same order of waits, in milliseconds that nobody notices. */
export const hasty: Timing = {
  ...defaultTiming,
  callTimeoutMs: 300,
  settleDelaysMs: [30, 60, 500],
  backoffMs: 5,
  longestBackoffMs: 20,
  maxAttempts: 4,
  longestWaitMs: 2_000,
};

export type Story = {
  database: TestDatabase;
  sandbox: Sandbox;
  worker: Pool;
  tenantId: string;
  /** The client whose journeys are written, and its location; `newClient` makes others in their place. */
  clientId: string;
  ghlLocationId: string;
  newClient(): Promise<void>;
  admin: Identity;
  /** One transaction as the admin. */
  asAdmin<T>(step: (client: PoolClient) => Promise<T>): Promise<T>;
  /** A journey with these steps, in draft. */
  writeJourney(name: string, steps: Step[]): Promise<string>;
  /** Submits, approves and publishes a journey; gives the publication's id. */
  publish(journeyId: string): Promise<string>;
  /** Runs the publication in this process, as the task does. */
  run(publicationId: string, options?: Partial<PublishOptions>): Promise<RunResult>;
  /** Runs the publication as the worker's job does: beside it what else waits. */
  runBeside(publicationId: string): Promise<void>;
  /** The plan of a journey, as whoever reviews it gets it. */
  plan(journeyId: string): Promise<Plan>;
  /** Compares the client's location, as the admin asks and the worker does; gives the comparison and its open findings. */
  reconcile(
    options?: Partial<PublishOptions>,
  ): Promise<{ result: ReconcileResult; findings: FindingRow[]; row: Record<string, unknown> }>;
  /** Leaves the database as a restore to a moment before everything was published does. */
  forgetPublications(): Promise<void>;
  /** The tokens of a journey's touchpoints of this name. */
  tokens(journeyId: string, name: string): Promise<string[]>;
  /** One value of a statement run by the admin. */
  call(sql: string, ...values: unknown[]): Promise<string>;
  publication(publicationId: string): Promise<Record<string, unknown>>;
  items(publicationId: string): Promise<ItemRow[]>;
  location(): Promise<Record<string, unknown>>;
  /** The calls that a publication made, first to last. */
  calls(publicationId: string): Promise<Record<string, unknown>[]>;
  /** Lets the time pass that a deferred publication and its location wait for. */
  wake(publicationId: string): Promise<void>;
  /** Makes the stand-in accept a token. */
  token(token: TokenInput): Promise<void>;
  history(): Promise<Record<string, unknown>[]>;
  state(): Promise<State>;
  journal(): Promise<JournalEntry[]>;
  fault(...faults: FaultInput[]): Promise<void>;
  fake(path: string, body?: unknown): Promise<unknown>;
  end(): Promise<void>;
};

export type StoryOptions = {
  /** What the log says, line by line. */
  log?: PublishOptions["log"];
  /** The token that the worker calls with. */
  token?: string;
  /** Where it plays; a database of its own, where nothing is said. It is dropped at the end. */
  database?: TestDatabase;
};

export async function beginStory(
  sandboxOptions: Parameters<typeof startGohighlevelSandbox>[0] = {},
  { log = logger, token: workerToken = sandboxToken, database: given }: StoryOptions = {},
): Promise<Story> {
  const database = given ?? (await createTestDatabase());
  const sandbox = await startGohighlevelSandbox({
    limits: { max: 100_000, intervalMs: 10_000, daily: 1_000_000 },
    ...sandboxOptions,
  });
  const worker = createPool(database.urls.worker, { applicationName: "test worker", max: 3 });
  const api = createPool(database.urls.authenticator, { applicationName: "test api", max: 2 });
  const admin = await makeAdmin(database);
  const asAdmin = <T>(step: (client: PoolClient) => Promise<T>) => withIdentity(api, admin, step);

  async function fake(path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${sandbox.url}/__fake/${path}`, {
      method: body === undefined ? "GET" : "POST",
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  const publishOptions = (changes: Partial<PublishOptions>): PublishOptions => ({
    pool: worker,
    log,
    secretKey: database.secretKey,
    baseUrl: sandbox.url,
    defaultToken: workerToken,
    userAgent: "Landfall-test/1",
    timing: hasty,
    signal: new AbortController().signal,
    ...changes,
  });

  const story: Story = {
    database,
    sandbox,
    worker,
    tenantId: admin.tenantId,
    clientId: "",
    ghlLocationId: "",
    admin,
    asAdmin,
    async newClient() {
      const slug = `c-${randomUUID().slice(0, 8)}`;
      story.ghlLocationId = `loc${slug.slice(2)}`;
      story.clientId = await asAdmin(async (client) => {
        const { rows } = await client.query<{ id: string }>(
          "insert into journeys.clients (slug, name, status, ghl_location_id) values ($1, 'Rosewood Manor', 'active', $2) returning id",
          [slug, story.ghlLocationId],
        );
        return rows[0]?.id ?? "";
      });
    },
    writeJourney: (name, steps) =>
      asAdmin(async (client) => {
        const { rows } = await client.query(
          "insert into journeys.journeys (client_id, name, slug) values ($1, $2, $3) returning id",
          [story.clientId, name, `j-${randomUUID().slice(0, 8)}`],
        );
        const journeyId = rows[0].id as string;
        for (const [index, step] of steps.entries()) {
          await client.query(
            "insert into journeys.touchpoints (journey_id, name, type, order_index, content, config) values ($1, $2, $3, $4, $5, $6)",
            [
              journeyId,
              step.name,
              step.type,
              index,
              JSON.stringify(step.content ?? {}),
              JSON.stringify(step.config ?? {}),
            ],
          );
        }
        return journeyId;
      }),
    async publish(journeyId) {
      const approvalId = await story.call("select id from journeys.submit_journey($1)", journeyId);
      await story.call("select id from journeys.review_journey($1, 'approve')", approvalId);
      return story.call("select id from journeys.publish_journey($1)", journeyId);
    },
    plan: (journeyId) => asAdmin(async (client) => makePlan(await readPlanSource(client, journeyId))),
    async tokens(journeyId, name) {
      const rows = await database.query<{ id: string; installation_id: string }>(
        `select t.id, i.id as installation_id from journeys.touchpoints t, app_private.installations i
         where t.journey_id = $1 and t.name = $2`,
        [journeyId, name],
      );
      return rows.map((row) => publishToken(row.installation_id, journeyId, row.id));
    },
    async forgetPublications() {
      await runSql(
        database.urls.admin,
        `begin;
         set local session_replication_role = replica;
         delete from publishing.remote_findings where tenant_id = '${admin.tenantId}';
         delete from publishing.reconciliations where tenant_id = '${admin.tenantId}';
         delete from publishing.publication_items where tenant_id = '${admin.tenantId}';
         delete from publishing.remote_objects where tenant_id = '${admin.tenantId}';
         delete from publishing.publications where tenant_id = '${admin.tenantId}';
         update journeys.journeys set status = 'approved' where tenant_id = '${admin.tenantId}' and status = 'published';
         commit`,
      );
    },
    call: (sql, ...values) =>
      asAdmin(async (client) => (await client.query<{ id: string }>(sql, values)).rows[0]?.id ?? ""),
    run: (publicationId, options = {}) =>
      publishJourney(publishOptions(options), { tenantId: admin.tenantId, publicationId }),
    runBeside: (publicationId) => publishBeside(publishOptions({}), { tenantId: admin.tenantId, publicationId }),
    async reconcile(options = {}) {
      const reconciliationId = await story.call("select id from publishing.reconcile_location($1)", story.clientId);
      const result = await reconcileLocation(publishOptions(options), { tenantId: admin.tenantId, reconciliationId });
      const [row = {}] = await database.query("select * from publishing.reconciliations where id = $1", [
        reconciliationId,
      ]);
      const findings = await database.query<FindingRow>(
        `select f.id, f.kind, f.asset_kind, f.remote_id, f.remote_name, f.differences from publishing.remote_findings f
         join publishing.locations l on l.id = f.location_id
         where l.ghl_location_id = $1 and f.status = 'open' order by f.kind, f.asset_kind, f.remote_name`,
        [story.ghlLocationId],
      );
      return { result, findings, row };
    },
    async publication(publicationId) {
      const [row] = await database.query("select * from publishing.publications where id = $1", [publicationId]);
      return row ?? {};
    },
    items: (publicationId) =>
      database.query<ItemRow>(
        `select name, asset_kind, status, attempts, remote_id, last_error, error_class
         from publishing.publication_items where publication_id = $1 order by order_index nulls first`,
        [publicationId],
      ),
    async location() {
      const [row] = await database.query("select * from publishing.locations where ghl_location_id = $1", [
        story.ghlLocationId,
      ]);
      return row ?? {};
    },
    calls: (publicationId) =>
      database.query("select * from publishing.api_calls where publication_id = $1 order by id", [publicationId]),
    async wake(publicationId) {
      await database.query(
        "update publishing.publications set run_after = now() where id = $1 and status = 'deferred'",
        [publicationId],
      );
      await database.query(
        `update publishing.locations set retry_at = null,
           paused_until = case when status = 'paused' then now() - interval '1 s' end where ghl_location_id = $1`,
        [story.ghlLocationId],
      );
      await worker.query("select publishing.resume_publications()");
    },
    async token(token) {
      await fake("tokens", token);
    },
    history: () =>
      database.query("select * from journeys.sync_history where tenant_id = $1 order by created_at, id", [
        admin.tenantId,
      ]),
    state: async () => (await fake("state")) as State,
    journal: async () => (await fake("journal")) as JournalEntry[],
    async fault(...faults) {
      await fake("faults", faults);
    },
    fake,
    async end() {
      await worker.end();
      await api.end();
      await sandbox.close();
      await database.drop();
    },
  };
  await story.newClient();
  return story;
}

async function makeAdmin(database: TestDatabase): Promise<Extract<Identity, { kind: "user" }>> {
  const slug = `t-${randomUUID().slice(0, 8)}`;
  const [tenant] = await database.query<{ id: string }>(
    `insert into tenancy.tenants (name, slug, settings) values ('Bloom', $1, '{"allow_self_approval": true}') returning id`,
    [slug],
  );
  const tenantId = tenant?.id ?? "";
  const [user] = await database.query<{ id: string }>(
    "insert into tenancy.users (email, name) values ($1, 'Ada') returning id",
    [`${slug}@example.com`],
  );
  const userId = user?.id ?? "";
  await database.query("insert into tenancy.memberships (tenant_id, user_id, role) values ($1, $2, 'admin')", [
    tenantId,
    userId,
  ]);
  const [session] = await database.query<{ id: string }>(
    "insert into tenancy.sessions (tenant_id, user_id, expires_at) values ($1, $2, now() + interval '1 day') returning id",
    [tenantId, userId],
  );
  return {
    kind: "user",
    rolePrefix: database.rolePrefix,
    role: "admin",
    userId,
    tenantId,
    sessionId: session?.id ?? "",
  };
}

/** Every write that the stand-in was asked for. */
export function writesOf(journal: JournalEntry[]): string[] {
  return journal
    .filter((entry) => entry.method !== "GET")
    .map((entry) => `${entry.method} ${entry.path.replace(/[0-9a-f]{24}/, ":id")}`);
}
