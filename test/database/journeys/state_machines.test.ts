import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { settingsOf } from "../../../src/database/with_identity.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import {
  addPeople,
  addSqlLogin,
  type Logins,
  openLogins,
  type People,
  refusal,
  type SqlLogin,
} from "../../support/people.ts";

interface Machine {
  name: string;
  table: string;
  /** The column that holds the state. */
  column: string;
  states: string[];
  steps: { from: string | null; to: string; roles: string[] }[];
  /** One row in every state. */
  rows: Record<string, string>;
  /** A row as JSON, out of which the others are made. */
  original: Record<string, unknown>;
}

interface Outcome {
  outcome: string;
  hint: string | null;
}

const roles = [
  "visitor",
  "viewer",
  "client",
  "editor",
  "admin",
  "operator",
  "worker",
  "reporter",
  "automation",
  "owner",
];

let database: TestDatabase;
let logins: Logins;
let people: People;
let sqlLogins: SqlLogin[] = [];
const voices: Record<string, pg.Client> = {};
const machines: Record<string, Machine> = {};

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  const reporter = await addSqlLogin(database, people.tenantId, "reporter");
  const automation = await addSqlLogin(database, people.tenantId, "automation");
  sqlLogins = [reporter, automation];

  await database.query(`
    create function public.try_steps(statements text[]) returns table (outcome text, hint text) language plpgsql as $$
    declare
      statement text;
      touched integer;
    begin
      foreach statement in array statements loop
        begin
          execute statement;
          get diagnostics touched = row_count;
          assert touched = 1, 'it touched ' || touched || ' rows';
          raise exception using errcode = 'ZZ000';
        exception when others then
          get stacked diagnostics outcome = returned_sqlstate, hint = pg_exception_hint;
          if outcome = 'ZZ000' then
            outcome := 'passed';
          elsif outcome not like 'LF%' then
            outcome := outcome || ' ' || sqlerrm || ' ' || statement;
          end if;
        end;
        return next;
      end loop;
    end
    $$`);
  await readMachines();
  await revealTriggers();

  await addVoice("visitor", database.urls.authenticator, { role: "landfall_visitor" });
  await addVoice("viewer", database.urls.authenticator, settingsOf(people.viewer));
  await addVoice("client", database.urls.authenticator, settingsOf(people.reviewer));
  await addVoice("editor", database.urls.authenticator, settingsOf(people.editor));
  await addVoice("admin", database.urls.authenticator, settingsOf(people.admin));
  await addVoice("operator", database.urls.admin, { role: "landfall_operator" });
  await addVoice("worker", database.urls.worker, settingsOf(people.worker));
  await addVoice("reporter", reporter.url, {});
  await addVoice("automation", automation.url, {});
  await addVoice("owner", database.urls.owner, {});
});

afterAll(async () => {
  for (const voice of Object.values(voices)) await voice.end();
  for (const login of sqlLogins) await login.drop();
  await logins.close();
  await database.drop();
});

/** Every machine, as the triggers and the catalog know them, with a row in every state. */
async function readMachines(): Promise<void> {
  const found = await database.query<Omit<Machine, "rows" | "original">>(`
    select
      args[1] as name, t.tgrelid::regclass::text as table, a.attname as column,
      (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e where e.enumtypid = a.atttypid) as states,
      (
        select json_agg(json_build_object('from', s.from_state, 'to', s.to_state, 'roles', s.roles) order by s.id)
        from app.transitions s where s.machine = args[1]
      ) as steps
    from pg_trigger t
    cross join lateral (select string_to_array(encode(t.tgargs, 'escape'), '\\000') as args) arguments
    join pg_attribute a on a.attrelid = t.tgrelid and a.attname = args[2]
    where t.tgfoid = 'app_private.tg__check_transition'::regproc and t.tgname = '_300_check_transition' and not t.tgisinternal`);
  for (const machine of found) machines[machine.name] = { ...machine, rows: {}, original: {} };

  // Rows in states that nobody may put them into: written behind the triggers.
  const silent = new pg.Client({ connectionString: database.urls.admin });
  await silent.connect();
  await silent.query("set session_replication_role = replica");
  // Here one in every state lies beside the others; elsewhere a location has one that is under way.
  await silent.query("drop index publishing.reconciliations_tenant_id_location_id_open_key");
  // What a switch rests on besides its step is seen in test/imports/cutover.test.ts.
  await silent.query("drop trigger _310_require_parity on imports.cutovers");
  const insert = async (table: string, values: Record<string, unknown>) => {
    const { rows } = await silent.query(
      `insert into ${table} (${Object.keys(values).join(", ")}) values (${Object.keys(values)
        .map((_, at) => `$${at + 1}`)
        .join(", ")})
       returning to_jsonb(${table.replace(/^.*\./, "")}.*) as row`,
      Object.values(values),
    );
    return rows[0].row as Record<string, unknown>;
  };
  const tenant = { tenant_id: people.tenantId };
  const client = { ...tenant, client_id: people.clientId };
  const client_row = (
    await silent.query("select to_jsonb(c) as row from journeys.clients c where id = $1", [people.clientId])
  ).rows[0].row;
  const journey = await insert("journeys.journeys", { ...client, name: "Original", slug: "original" });
  const touchpoint = await insert("journeys.touchpoints", {
    ...tenant,
    journey_id: journey.id,
    name: "Original",
    type: "email",
    order_index: 0,
  });
  const version = await insert("journeys.journey_versions", {
    ...client,
    journey_id: journey.id,
    version: 1,
    snapshot: { journey: {}, touchpoints: [] },
    snapshot_hash: Buffer.from("00"),
  });
  const location = await insert("publishing.locations", { ...client, ghl_location_id: "original" });
  const publication = await insert("publishing.publications", {
    ...tenant,
    journey_id: journey.id,
    journey_version_id: version.id,
  });
  const source = await insert("imports.sources", { ...tenant, mapping: "bloom", key: "original" });
  const contact = await insert("leadgen.contacts", { ...tenant, full_name: "Original" });
  const originals: Record<string, Record<string, unknown>> = {
    "journeys.clients": client_row,
    "journeys.journeys": journey,
    "journeys.touchpoints": touchpoint,
    "journeys.approvals": await insert("journeys.approvals", {
      ...client,
      journey_id: journey.id,
      journey_version_id: version.id,
      is_imported: true,
    }),
    "journeys.comment_threads": await insert("journeys.comment_threads", { ...client, journey_id: journey.id }),
    "journeys.change_requests": await insert("journeys.change_requests", {
      ...client,
      type: "other",
      title: "Original",
    }),
    "journeys.templates": await insert("journeys.templates", { ...client, name: "Original", type: "email" }),
    "journeys.workflows": await insert("journeys.workflows", { ...client, name: "Original" }),
    "imports.batches": await insert("imports.batches", {
      ...tenant,
      source_id: source.id,
      status: "planned",
      location: "a folder",
      mapping_hash: Buffer.from("00"),
      is_verified: true,
    }),
    "imports.cutovers": await insert("imports.cutovers", {
      ...tenant,
      source_id: source.id,
      location: "a folder",
      started_by: "Original",
      frozen_at: "2026-01-01",
      switched_at: "2026-01-02",
    }),
    "leadgen.companies": await insert("leadgen.companies", { ...tenant, name: "Original" }),
    "leadgen.contacts": contact,
    "leadgen.messages": await insert("leadgen.messages", {
      ...tenant,
      contact_id: contact.id,
      channel: "email",
      body: "Original",
    }),
    "leadgen.pipeline_runs": await insert("leadgen.pipeline_runs", { ...tenant, started_at: "2026-01-01" }),
    "publishing.locations": location,
    "publishing.publications": publication,
    "publishing.reconciliations": await insert("publishing.reconciliations", { ...tenant, location_id: location.id }),
    "publishing.remote_findings": await insert("publishing.remote_findings", {
      ...tenant,
      location_id: location.id,
      kind: "drifted",
      asset_kind: "template",
      token: "original",
      remote_id: "original",
    }),
    "publishing.publication_items": await insert("publishing.publication_items", {
      ...tenant,
      publication_id: publication.id,
      touchpoint_id: touchpoint.id,
      asset_kind: "template",
      name: "Original",
      token: "original",
      status: "pending",
      desired_hash: "00",
      synced_hash: "00",
      synced_at: "2026-01-01",
    }),
  };
  for (const machine of Object.values(machines)) {
    const original = originals[machine.table];
    if (original === undefined)
      throw new Error(`Write an original row of ${machine.table}, which has the machine ${machine.name}.`);
    machine.original = original;
    for (const [at, state] of machine.states.entries()) {
      const { rows } = await silent.query<{ id: string }>(`${birth(machine, state, at + 1)} returning id`);
      machine.rows[state] = rows[0]?.id ?? "";
    }
  }
  await silent.end();
}

/** What a row of the table must also say in this state, and what must differ between two of its rows. */
function particulars(machine: Machine, state: string): Record<string, unknown> {
  switch (machine.table) {
    case "leadgen.pipeline_runs":
      return { completed_at: state === "running" ? null : "2026-01-02" };
    case "journeys.comment_threads":
      return { resolved_at: state === "resolved" ? "2026-01-01" : null };
    case "publishing.locations":
      return { paused_until: state === "paused" ? "2026-01-01" : null };
    case "publishing.reconciliations":
      return {
        lease_token: state === "running" ? people.tenantId : null,
        lease_expires_at: state === "running" ? "2026-01-01" : null,
      };
    case "publishing.remote_findings":
      return { decided_at: state === "open" ? null : "2026-01-01" };
    case "publishing.publications":
      return {
        lease_token: state === "running" ? people.tenantId : null,
        lease_expires_at: state === "running" ? "2026-01-01" : null,
        run_after: state === "deferred" ? "2026-01-01" : null,
      };
    default:
      return {};
  }
}

const idOf = (number: number) => `00000000-0000-7000-8000-${String(number).padStart(12, "0")}`;

function birth(machine: Machine, state: string, number: number): string {
  const own: Record<string, unknown> = {
    id: idOf(number),
    [machine.column]: state,
  };
  for (const column of ["slug", "ghl_location_id", "token"]) {
    if (column in machine.original) own[column] = `number-${number}`;
  }
  if ("order_index" in machine.original) own.order_index = number;
  if (machine.table === "imports.batches") own.source_id = own.id;
  // Batches of a source that was left behind are refused: not of theirs.
  if (machine.table === "imports.cutovers") own.source_id = idOf(100 + number);
  const row = { ...machine.original, ...own, ...particulars(machine, state) };
  const columns = Object.keys(row)
    .filter((column) => !/_normalized$/.test(column))
    .join(", ");
  return `insert into ${machine.table} (${columns}) select ${columns} from jsonb_populate_record(null::${machine.table}, ${pg.escapeLiteral(JSON.stringify(row))})`;
}

function step(machine: Machine, from: string, to: string): string {
  const changes = Object.entries({ [machine.column]: to, ...particulars(machine, to) })
    .map(([column, value]) => `${column} = ${value === null ? "null" : pg.escapeLiteral(String(value))}`)
    .join(", ");
  return `update ${machine.table} set ${changes} where tenant_id = '${people.tenantId}' and id = '${machine.rows[from]}'`;
}

/** In this database alone every role may write these tables, so that nothing hides the trigger. */
async function revealTriggers(): Promise<void> {
  const everybody = roles.map((role) => `landfall_${role}`).join(", ");
  await database.query(`grant usage on schema public, app, journeys, imports, publishing, leadgen to ${everybody}`);
  await database.query(`grant execute on function public.try_steps(text[]) to ${everybody}`);
  await database.query(`grant execute on all functions in schema app to ${everybody}`);
  for (const { table } of Object.values(machines)) {
    await database.query(`alter table ${table} disable row level security`);
    await database.query(`grant select, insert, update on ${table} to ${everybody}`);
  }
  // A source has one open batch and one open cut-over, so every row needs a source of its own.
  await database.query(
    `insert into imports.sources (tenant_id, id, mapping, key)
     select $1, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'bloom', n::text from generate_series(1, 200) n`,
    [people.tenantId],
  );
}

async function addVoice(role: string, url: string, settings: Record<string, string>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const [name, value] of Object.entries(settings))
    await client.query("select set_config($1, $2, false)", [name, value]);
  voices[role] = client;
}

async function attempt(role: string, statements: string[]): Promise<Outcome[]> {
  const { rows } = (await voices[role]?.query<Outcome>("select * from public.try_steps($1)", [statements])) ?? {
    rows: [],
  };
  expect(rows).toHaveLength(statements.length);
  return rows;
}

/** What app.transitions says should happen. */
function expected(machine: Machine, role: string, from: string | null, to: string): string {
  const allowed = machine.steps
    .filter((known) => known.from === from && known.roles.includes(role))
    .map((known) => known.to);
  if (allowed.includes(to)) return "passed";
  const list = allowed.join(", ");
  return from === null
    ? `LF004 It may begin as: ${list === "" ? "nothing, for you" : list}.`
    : `LF003 Allowed from here for you: ${list === "" ? "nothing" : list}.`;
}

function said({ outcome, hint }: Outcome): string {
  return outcome.startsWith("LF") ? `${outcome} ${hint}` : outcome;
}

const names = [
  "journey",
  "touchpoint",
  "approval",
  "comment_thread",
  "change_request",
  "client",
  "template",
  "workflow",
  "import_batch",
  "import_cutover",
  "location",
  "publication",
  "publication_item",
  "reconciliation",
  "remote_finding",
  "leadgen_company",
  "leadgen_contact",
  "leadgen_message",
  "pipeline_run",
];

test("can name every state machine of the database", () => {
  expect(Object.keys(machines).sort()).toEqual([...names].sort());
});

test("can read the machine of a journey as it was designed", () => {
  const steps =
    machines.journey?.steps.map(({ from, to, roles }) => `${from ?? ""} -> ${to}: ${[...roles].sort().join(", ")}`) ??
    [];
  expect(steps.sort()).toEqual(
    [
      " -> draft: admin, editor",
      "draft -> client_review: admin, editor",
      "client_review -> approved: admin, client",
      "client_review -> rejected: admin, client",
      "client_review -> draft: admin, client, editor",
      "approved -> published: admin",
      "approved -> draft: admin, editor",
      "published -> draft: admin, editor",
      "rejected -> draft: admin, editor",
      ...["draft", "client_review", "approved", "published", "rejected"].map(
        (from) => `${from} -> archived: admin, editor`,
      ),
      "archived -> draft: admin, editor",
    ].sort(),
  );
});

describe.each(names)("the machine of %s", (name) => {
  test.each(roles)("cannot be moved by %s except as app.transitions lists (LF003)", async (role) => {
    const machine = machines[name] as Machine;
    const pairs = machine.states.flatMap((from) =>
      machine.states.filter((to) => to !== from).map((to) => ({ from, to })),
    );
    expect(pairs.length).toBe(machine.states.length * (machine.states.length - 1));
    const outcomes = await attempt(
      role,
      pairs.map(({ from, to }) => step(machine, from, to)),
    );
    const seen = pairs.map(({ from, to }, at) => `${from} -> ${to}: ${said(outcomes[at] as Outcome)}`);
    expect(seen).toEqual(pairs.map(({ from, to }) => `${from} -> ${to}: ${expected(machine, role, from, to)}`));
  });

  test.each(roles)("cannot be born by %s except as app.transitions lists (LF004)", async (role) => {
    const machine = machines[name] as Machine;
    const outcomes = await attempt(
      role,
      machine.states.map((state) => birth(machine, state, 99)),
    );
    expect(machine.states.map((state, at) => `${state}: ${said(outcomes[at] as Outcome)}`)).toEqual(
      machine.states.map((state) => `${state}: ${expected(machine, role, null, state)}`),
    );
  });

  test("cannot reach a state that it does not have, nor leave one that nobody can reach", () => {
    const { states, steps } = machines[name] as Machine;
    for (const { from, to } of steps) {
      expect(states).toContain(to);
      if (from !== null) expect(states).toContain(from);
    }
    const reached = new Set(steps.filter(({ from }) => from === null).map(({ to }) => to));
    for (let size = -1; size !== reached.size; ) {
      size = reached.size;
      for (const { from, to } of steps) if (from !== null && reached.has(from)) reached.add(to);
    }
    expect([...reached].sort()).toEqual([...states].sort());
  });
});

describe("an import batch", () => {
  const batch = async (status: string) => {
    const statement = birth(machines.import_batch as Machine, status, 98);
    const client = new pg.Client({ connectionString: database.urls.admin });
    await client.connect();
    await client.query("set session_replication_role = replica");
    await client.query("delete from imports.batches where source_id = '00000000-0000-7000-8000-000000000098'");
    await client.query(statement);
    await client.end();
    return "00000000-0000-7000-8000-000000000098";
  };
  const jump = (importBatchId: string, tenantId = people.tenantId) =>
    refusal(
      logins.speak(
        { kind: "worker", tenantId, importBatchId },
        "update journeys.journeys set status = 'published' where id = $1",
        [machines.journey?.rows.archived],
      ),
    );

  test.each(["running", "verifying", "rolling_back"])("can set any state while it is %s", async (status) => {
    const row = machines.journey?.rows.archived;
    expect(await jump(await batch(status))).toMatchObject({ code: "passed" });
    expect(await database.query("select status from journeys.journeys where id = $1", [row])).toEqual([
      { status: "published" },
    ]);
    const again = { kind: "worker" as const, tenantId: people.tenantId, importBatchId: await batch(status) };
    await logins.speak(again, "update journeys.journeys set status = 'archived' where id = $1", [row]);
  });

  test.each(["planned", "queued", "paused", "completed", "cancelled", "rolled_back"])(
    "cannot set any state while it is %s (LF003)",
    async (status) => {
      expect(await jump(await batch(status))).toMatchObject({ code: "LF003" });
    },
  );

  test("cannot be claimed by anybody but the worker (LF003)", async () => {
    const importBatchId = await batch("running");
    const client = voices.owner as pg.Client;
    await client.query("select set_config('app.import_batch_id', $1, false)", [importBatchId]);
    const [outcome] = await attempt("owner", [step(machines.journey as Machine, "archived", "published")]);
    await client.query("reset app.import_batch_id");
    expect(outcome).toMatchObject({ outcome: "LF003" });
  });
});
