/**
 * The embedded server's data, moved from one major version to the next: `npm run test:operations`, which installs the programs of the old versions
 * (`PG_MAJOR=17 npm run bootstrap`).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import pg from "pg";
import { listBackups } from "../../src/database/backups/backup_folder.ts";
import { embeddedPlaces } from "../../src/database/backups/embedded_backups.ts";
import { allRules } from "../../src/database/rules/all_rules.ts";
import { findOffenders } from "../../src/database/rules/rule.ts";
import { upgradeServer } from "../../src/database/upgrade_server.ts";
import { landfall, startLandfall } from "../support/processes.ts";
import { type Installation, makeInstallation } from "./installation.ts";

let installation: Installation | undefined;
afterEach(async () => {
  await installation?.remove();
  installation = undefined;
});

/** What roles may do and what tables hold. What the owner may do with its own has more letters in 17 than in 16. */
const state = `
  select 'table' as kind, c.oid::regclass::text as name, concat_ws(' ', c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner),
      pg_get_expr(c.relpartbound, c.oid), obj_description(c.oid, 'pg_class'), (select string_agg(acl::text, ',' order by acl::text) from unnest(c.relacl) acl where acl::text !~ '^landfall_owner='),
      (select string_agg(concat_ws(' ', p.policyname, p.permissive, p.cmd, p.roles, p.qual, p.with_check), ';' order by p.policyname)
       from pg_policies p where p.schemaname = n.nspname and p.tablename = c.relname),
      (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %s', c.oid::regclass), false, true, '')))[1]) as value
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and n.nspname !~ '^(pg_|information_schema$)'
  union all
  select 'role', r.rolname, concat_ws(' ', r.rolcanlogin, r.rolinherit, r.rolsuper, r.rolbypassrls, r.rolconnlimit, r.rolpassword is not null,
      (select string_agg(concat_ws(' ', g.rolname, m.inherit_option, m.set_option), ',' order by g.rolname)
       from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid),
      (select string_agg(s::text, ',' order by s::text) from pg_db_role_setting d, unnest(d.setconfig) s
       where d.setrole = r.oid and s !~ '^transaction_timeout'))
  from pg_authid r where r.rolname !~ '^pg_'
  union all
  select 'sequence', schemaname || '.' || sequencename, coalesce(last_value::text, 'none') from pg_sequences
  order by 1, 2`;

test.each([[17], [16]] as const)(
  "can move a whole installation from %s to 18, with everything and everybody",
  async (from) => {
    installation = await makeInstallation("empty", from);
    const { config, variables } = installation;
    await installation.stop();
    const running = startLandfall(["start"], variables);
    await running.waitFor("Landfall is ready.");
    const login = await landfall(
      ["login", "create", "--tenant", "sample", "--role", "reporter", "--name", "bi", "--password-stdin", "--json"],
      variables,
      "a harbour without any ships",
    );
    const { loginName } = JSON.parse(login.stdout);
    running.child.kill("SIGTERM");
    await running.ended;

    await installation.start(from);
    // A partition of a month long gone, as an old installation has.
    await installation.query(
      `set role landfall_owner;
     create table audit.changes_2020_01 partition of audit.changes for values from ('2020-01-01') to ('2020-02-01');
     alter table audit.changes_2020_01 enable row level security, force row level security;
     create policy select_owner on audit.changes_2020_01 for select to landfall_owner using (true);
     create policy insert_owner on audit.changes_2020_01 for insert to landfall_owner with check (true);
     comment on table audit.changes_2020_01 is e'@class private\\nThe entries of one month; read them through audit.changes.'`,
    );
    const before = await installation.query(state);
    await installation.stop();

    const newer = { ...variables, PG_MAJOR: "18" };
    const refused = await landfall(["migrate", "--json"], newer);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      error: { code: "LF055", wayOut: expect.stringContaining("landfall upgrade-server") },
    });
    const upgraded = await landfall(["upgrade-server", "--yes", "--json"], newer);
    expect({ code: upgraded.code, stderr: upgraded.code === 0 ? "" : upgraded.stderr }).toEqual({
      code: 0,
      stderr: "",
    });
    const { rows, keptAs } = JSON.parse(upgraded.stdout);
    expect(rows).toBeGreaterThan(1_000);
    expect(existsSync(join(keptAs, "PG_VERSION"))).toBe(true);

    await installation.start(18);
    expect(await installation.query("select current_setting('server_version_num')::integer / 10000 as major")).toEqual([
      { major: 18 },
    ]);
    expect(await installation.query(state)).toEqual(before);
    const client = new pg.Client({ connectionString: installation.server().adminUrl });
    await client.connect();
    expect(await findOffenders(client, allRules, { rolePrefix: config.rolePrefix })).toEqual([]);
    await client.end();
    // Whoever had a login has it still, with its password and its tenant alone.
    const url = new URL(installation.server().adminUrl);
    url.username = loginName;
    url.password = "a harbour without any ships";
    const reporter = new pg.Client({ connectionString: url.toString() });
    await reporter.connect();
    expect((await reporter.query("select from journeys.journeys")).rowCount).toBeGreaterThan(0);
    await reporter.end();
    expect((await listBackups(embeddedPlaces(config).dir)).map(({ reason, major }) => [reason, major])).toEqual([
      ["upgrade", from],
    ]);
    await installation.stop();
    const again = startLandfall(["start"], newer);
    await again.waitFor("Landfall is ready.");
    again.child.kill("SIGTERM");
    expect((await again.ended).code).toBe(0);
  },
);

test("cannot move what no migration made [LF457], and leaves everything as it was", async () => {
  installation = await makeInstallation("migrated", 17);
  await installation.write("kept");
  await installation.query("create table journeys.notes (text text)");
  await installation.query("create function tenancy.mine() returns integer language sql as 'select 1'");
  await installation.stop();
  const newer = { ...installation.config, postgresMajor: 18 as const };
  const say = () => undefined;
  await expect(upgradeServer(newer, say)).rejects.toMatchObject({
    reason: "upgrade_refused",
    message: expect.stringContaining('"journeys"."notes"'),
  });
  await installation.start();
  await installation.query("drop table journeys.notes");
  await installation.stop();
  await expect(upgradeServer(newer, say)).rejects.toMatchObject({
    reason: "upgrade_refused",
    message: expect.stringContaining("function tenancy.mine()"),
  });
  await installation.start();
  await installation.query("drop function tenancy.mine()");
  expect(await installation.slugs()).toEqual(["kept"]);
  await installation.stop();
  await expect(upgradeServer({ ...newer, postgresMajor: 17 }, say)).rejects.toMatchObject({
    reason: "upgrade_refused",
  });
});
