/** A table, a function and a view that somebody added without care: each fails, and the failure says what to write. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { allRules } from "../../src/database/rules/all_rules.ts";
import { findOffenders, wordFinding } from "../../src/database/rules/rule.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../support/database.ts";
import { readTables } from "./catalog.ts";
import { undeclaredCallers, undeclaredTables } from "./declared.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** What `npm run check` and the declaration say of the database once this has been added by its owner. */
function saidOf(sql: string): Promise<string[]> {
  return rolledBack(database.urls.owner, async (client) => {
    await client.query(sql);
    const reader = { query: async <Row extends object>(text: string) => (await client.query(text)).rows as Row[] };
    const { rolePrefix } = database;
    const findings = await findOffenders(client, allRules, { rolePrefix });
    return [
      ...findings.map(wordFinding),
      ...(await undeclaredTables(reader, database, await readTables({ ...database, query: reader.query }))),
      ...(await undeclaredCallers(reader, database)),
    ];
  });
}

const additions: [what: string, sql: string, expected: RegExp[]][] = [
  [
    "a table without policies",
    `create table journeys.notes (id uuid primary key, tenant_id uuid, body text);
     grant select, insert on table journeys.notes to landfall_editor`,
    [
      /^tables_force_row_security: journeys\.notes\. Without row security a grant opens every tenant's rows.* Write: alter table … enable row level security; alter table … force row level security/,
      /^tables_declare_a_class: .*journeys\.notes.*each says in its comment.* Write: comment on table … is E'@class tenant/,
      /^people_write_by_column: journeys\.notes insert.* Write: grant insert \(name, …\) on table …/,
      /^journeys\.notes is not in test\/security\/expectations\.ts: say what each role may do.*editor: \{ insert: "\*", select: every \}/,
    ],
  ],
  [
    "a tenant's table with row security and no policies",
    `create table journeys.memos (id uuid not null, tenant_id uuid not null default app.current_tenant_id() references tenancy.tenants, primary key (tenant_id, id));
     comment on table journeys.memos is E'@class tenant\\nNotes.';
     alter table journeys.memos enable row level security;
     alter table journeys.memos force row level security;
     grant select on table journeys.memos to landfall_viewer`,
    [
      /^tenant_tables_have_one_restrictive_policy: journeys\.memos\. One restrictive policy, all_tenant.* Write: create policy all_tenant on … as restrictive/,
      /^tables_have_policies_for_the_owner: journeys\.memos delete, .* Write: create policy select_owner on … for select to :OWNER/,
      /^grants_have_policies: journeys\.memos select landfall_viewer.* Write: create policy <command>_<who> on …/,
      /^tenant_tables_are_audited: journeys\.memos.* Write: create trigger _700_audit_insert/,
    ],
  ],
  [
    "a definer without a search path",
    `create function journeys.peek() returns bigint language sql security definer as 'select count(*) from journeys.journeys';
     grant execute on function journeys.peek() to landfall_viewer`,
    [
      /^functions_pin_their_search_path: journeys\.peek\(\)\. Whoever can choose the search path of a definer.* Write: set search_path = pg_catalog, pg_temp/,
      /^definers_say_why: journeys\.peek\(\)\. .*its comment says Definer, and why.* Write: comment on function … is/,
      /^journeys\.peek\(\) is called by viewer, and is not in test\/security\/expectations\.ts: take the grant back, or write "journeys\.peek\(\)": "viewer"/,
    ],
  ],
  [
    "a function for everybody",
    `create function journeys.glance() returns integer language sql set search_path = pg_catalog, pg_temp as 'select 1';
     grant execute on function journeys.glance() to public`,
    [
      /^functions_are_not_for_everybody: journeys\.glance\(\)\. .*for the roles that a grant names.* Write: grant execute on function … to :VIEWER/,
      /^journeys\.glance\(\) is called by public/,
    ],
  ],
  [
    "a view that runs as its owner",
    `create view reporting.everything as select * from journeys.journeys;
     grant select on table reporting.everything to landfall_viewer`,
    [
      /^views_run_as_whoever_asks: reporting\.everything\. A view without security_invoker reads with its owner's rights.* Write: create view … with \(security_invoker = true\)/,
      /^reporting\.everything is read by viewer, and is not in test\/security\/expectations\.ts/,
    ],
  ],
];

let said: string[];
beforeAll(async () => {
  said = await saidOf(additions.map(([, sql]) => sql).join(";\n"));
});

test.each(additions)("cannot be added: %s", (_what, _sql, expected) => {
  for (const pattern of expected) expect(said).toEqual(expect.arrayContaining([expect.stringMatching(pattern)]));
});
