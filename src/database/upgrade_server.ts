/**
 * Moving the embedded server's data to another major version. npm's package has neither pg_upgrade nor pg_dump, so the data are copied: the old
 * server and a new one stand side by side, the new one is migrated from nothing, and takes over roles, rows and sequences. Row by row it is
 * proved that both hold the same; only then does the new cluster take the place of the old one, which is kept.
 */
import { chown, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import pg from "pg";
import type { Config, PostgresMajor } from "../config.ts";
import { needRoom } from "../disk.ts";
import { fail } from "../errors.ts";
import { childLogger } from "../log.ts";
import { localSecrets } from "../secrets.ts";
import { takeBackupOf } from "./backups/embedded_backups.ts";
import { newestMigration } from "./backups/take_backup.ts";
import { readPlace, startEmbedded } from "./embedded.ts";
import { holdFolder } from "./maintenance.ts";
import { committedMigrations, migrate } from "./migrate.ts";
import { makeCluster } from "./new_cluster.ts";
import {
  explainFailure,
  freePort,
  launchServer,
  maintenanceUrl,
  majorOf,
  stopServer,
  urlOf,
} from "./server_process.ts";
import { serverPrograms } from "./server_programs.ts";
import { ownerOf } from "./server_user.ts";

const log = childLogger({ area: "upgrade" });

export interface Upgraded {
  from: number;
  to: PostgresMajor;
  tables: number;
  rows: number;
  /** Where the old cluster is. */
  keptAs: string;
}

/** The major version of the embedded server's data, or undefined where there are none. */
export function embeddedMajor(config: Config): number | undefined {
  if (config.database.url !== undefined) {
    return fail(
      "server_not_ours",
      "DATABASE_URL names a server that Landfall does not run.",
      "Upgrade it by its provider's means; Landfall runs on PostgreSQL 16, 17 and 18.",
    );
  }
  const place = readPlace(config.dataDir);
  return place && majorOf(place.pgData);
}

/**
 * Moves the data to the major version that the configuration asks for. The server must stand still.
 *
 * @param say is told what goes on
 * @throws LandfallError `upgrade_refused` where the data are of no older version, not at the newest migration, or hold what no migration made;
 *   `upgrade_differs` where the copy is not the same; `already_running`, `disk_full`, `no_server_programs`: nothing was changed
 */
export async function upgradeServer(config: Config, say: (line: string) => void): Promise<Upgraded> {
  const from = embeddedMajor(config);
  const to = config.postgresMajor;
  const place = readPlace(config.dataDir);
  if (from === undefined || place === undefined || from >= to) {
    return fail(
      "upgrade_refused",
      from === undefined
        ? "There are no data yet."
        : `The data are of PostgreSQL ${from}, and this is PostgreSQL ${to}.`,
      from === undefined ? "Start Landfall with `npm start`." : "There is nothing to do.",
    );
  }
  const { pgData } = place;
  const user = ownerOf(pgData);
  const programs = { old: serverPrograms(from as PostgresMajor, user), made: serverPrograms(to, user) };
  const made = `${pgData}.upgrading`;
  const exchangeDir = `${pgData}.upgrading.rows`;
  say(`Taking a backup of the data of PostgreSQL ${from} ...`);
  const wasArchived = await backUp(config, from as PostgresMajor, "upgrade");
  const held = await holdFolder(config.dataDir, pgData, "an upgrade");
  const { postgresPassword } = localSecrets(config.dataDir);
  const running: number[] = [];
  // What the old one still writes waits to be archived; it is kept as it is.
  const launch = async (major: number, folder: string, bin: string) => {
    const url = urlOf(await freePort(), postgresPassword);
    const logFile = join(config.dataDir, "postgres.log");
    const settings = { archive_mode: major === from ? "on" : "off", archive_library: "", archive_command: "" };
    const started = await launchServer({ programs: bin, user, pgData: folder, logFile, url, settings });
    if (typeof started !== "number") return explainFailure(started.problem, folder);
    running.push(started);
    return url;
  };
  const upgrade = async (): Promise<Upgraded> => {
    for (const folder of [made, exchangeDir]) await rm(folder, { recursive: true, force: true });
    const oldUrl = await launch(from, pgData, programs.old);
    await refuseUnready(oldUrl);
    await needRoom(dirname(pgData), 3 * (await sizeOf(oldUrl)), "The upgrade", "Free some space there.");
    say(`Making a cluster of PostgreSQL ${to} ...`);
    makeCluster(made, postgresPassword, { major: to });
    const newUrl = await launch(to, made, programs.made);
    await migrate({ adminUrl: newUrl, rolePrefix: config.rolePrefix, secretKey: config.secretKey });
    await mkdir(exchangeDir, { mode: 0o700 });
    if (user) await chown(exchangeDir, user.uid, user.gid);
    const copied = await copyEverything(oldUrl, newUrl, exchangeDir, say);
    for (let pid = running.pop(); pid !== undefined; pid = running.pop()) await stopServer(pid);
    const keptAs = `${pgData}.of-postgresql-${from}-${new Date().toISOString().replace(/[-:]|\.\d+/g, "")}`;
    await held.exchange(made, pgData, keptAs);
    log.info({ from, to, keptAs }, "moved the data to another major version");
    return { from, to, ...copied, keptAs };
  };
  let upgraded: Upgraded;
  try {
    upgraded = await upgrade();
  } finally {
    for (const pid of running) await stopServer(pid);
    for (const folder of [made, exchangeDir]) await rm(folder, { recursive: true, force: true });
    held.release();
  }
  if (wasArchived) {
    say("Taking the first backup of the new cluster ...");
    await backUp(config, to, "asked");
  }
  return upgraded;
}

/** A backup can be restored with the version alone that it was taken of. Gives whether the log is archived. */
async function backUp(config: Config, major: PostgresMajor, reason: "upgrade" | "asked"): Promise<boolean> {
  const server = await startEmbedded({ dataDir: config.dataDir, major });
  try {
    const { backup } = await takeBackupOf(server.adminUrl, config, reason);
    return backup.isArchived;
  } finally {
    await server.stop();
  }
}

async function refuseUnready(url: string): Promise<void> {
  const newest = await newestMigration(url);
  const wanted = (await committedMigrations()).at(-1);
  if (newest !== wanted) {
    fail(
      "upgrade_refused",
      `The database is at ${newest ?? "no migration"}, and this Landfall at ${wanted}.`,
      "Start Landfall once with the PG_MAJOR that the data have, which brings them up to date; then upgrade.",
    );
  }
  await withClient(maintenanceUrl(url), async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select datname as name from pg_database where not datistemplate and datname <> all (array['postgres', $1])`,
      [new URL(url).pathname.slice(1)],
    );
    if (rows.length > 0) {
      fail(
        "upgrade_refused",
        `The server has databases that are not Landfall's: ${rows.map(({ name }) => name).join(", ")}.`,
        "Move them by pg_dump, or drop them; then upgrade.",
      );
    }
  });
}

async function sizeOf(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ bytes: string }>(
      "select pg_database_size(current_database())::text as bytes",
    );
    return Number(rows[0]?.bytes ?? 0);
  });
}

interface Table {
  schema: string;
  name: string;
  columns: string[];
  generated: string[];
  /** The table that it is a part of, however many steps away; itself where it is none. */
  root: string;
  /** What makes a partition what it is: how it is attached, and who may do what with it, as statements. */
  making: string[];
  isPartition: boolean;
  hasRows: boolean;
}

async function copyEverything(
  oldUrl: string,
  newUrl: string,
  folder: string,
  say: (line: string) => void,
): Promise<{ tables: number; rows: number }> {
  return withClient(oldUrl, (old) =>
    withClient(newUrl, async (made) => {
      await copyRoles(old, made);
      const tables = await readTables(old);
      const filled = tables.filter(({ hasRows }) => hasRows);
      const before = await readTables(made);
      await made.query("begin");
      // No trigger fires, foreign keys' among them: the rows have passed them all.
      await made.query("set local session_replication_role = replica");
      await made.query(`truncate ${before.map(nameOf).join(", ")} cascade`);
      await makePartitions(made, tables, before);
      refuseUnknown(tables, await readTables(made));
      await refuseUnknownObjects(old, made);
      say(`Copying ${filled.length} tables ...`);
      for (const [index, table] of filled.entries()) await copyRows(old, made, table, join(folder, `${index}.rows`));
      await copySequences(old, made);
      await made.query("commit");
      say("Proving that both hold the same, row for row ...");
      let rows = 0;
      for (const table of tables.filter(({ isPartition }) => !isPartition)) rows += await compare(old, made, table);
      await made.query("analyze");
      return { tables: filled.length, rows };
    }),
  );
}

/** Logins that were made for tenants, and all that roles may: what `migrate` made is there already, and is brought up to date. */
async function copyRoles(old: pg.Client, made: pg.Client): Promise<void> {
  const { rows: roles } = await old.query<{ statement: string }>(
    `select format('%s role %I %s %s %s %s %s %s connection limit %s %s %s',
         case when exists (select from unnest($1::text[]) known where known = rolname) then 'alter' else 'create' end, rolname,
         case when rolsuper then 'superuser' else 'nosuperuser' end, case when rolinherit then 'inherit' else 'noinherit' end,
         case when rolcreaterole then 'createrole' else 'nocreaterole' end, case when rolcreatedb then 'createdb' else 'nocreatedb' end,
         case when rolcanlogin then 'login' else 'nologin' end, case when rolbypassrls then 'bypassrls' else 'nobypassrls' end, rolconnlimit,
         case when rolpassword is null then '' else format('password %L', rolpassword) end,
         case when rolvaliduntil is null then '' else format('valid until %L', rolvaliduntil) end) as statement
     from pg_authid where rolname !~ '^pg_' and rolname <> current_user order by rolname`,
    [(await made.query<{ name: string }>("select rolname as name from pg_roles")).rows.map(({ name }) => name)],
  );
  const { rows: members } = await old.query<{ statement: string }>(
    `select format('grant %I to %I with admin %s, inherit %s, set %s', g.rolname, m.rolname, a.admin_option::text, a.inherit_option::text, a.set_option::text) as statement
     from pg_auth_members a join pg_roles g on g.oid = a.roleid join pg_roles m on m.oid = a.member
     where m.rolname !~ '^pg_'`,
  );
  const { rows: settings } = await old.query<{ statement: string }>(
    `select format('alter role %I %s set %s = %L', r.rolname,
         case when s.setdatabase = 0 then '' else 'in database ' || quote_ident(current_database()) end,
         split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)) as statement
     from pg_db_role_setting s join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) as setting
     where s.setdatabase = 0 or s.setdatabase = (select oid from pg_database where datname = current_database())`,
  );
  const { rows: databases } = await old.query<{ statement: string }>(
    `select format('revoke all on database %I from public', d.datname) as statement
     from pg_database d
     where d.datname in ('postgres', 'template1')
       and not exists (select from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl where acl.grantee = 0)`,
  );
  for (const { statement } of [...roles, ...members, ...settings, ...databases]) await made.query(statement);
}

async function readTables(client: pg.Client): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `select n.nspname as schema, c.relname as name, c.relkind = 'r' as "hasRows", c.relispartition as "isPartition",
       array(select quote_ident(a.attname) from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attname) as columns,
       array(select quote_ident(a.attname) from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated <> '' order by a.attname) as generated,
       case when c.relispartition then (
         select format('%I.%I', rn.nspname, r.relname) from pg_class r join pg_namespace rn on rn.oid = r.relnamespace
         where r.oid = pg_partition_root(c.oid)
       ) else format('%I.%I', n.nspname, c.relname) end as root,
       case when not c.relispartition then '{}' else array[
         format('create table %I.%I partition of %s %s', n.nspname, c.relname,
           (select format('%I.%I', pn.nspname, p.relname) from pg_inherits i join pg_class p on p.oid = i.inhparent
            join pg_namespace pn on pn.oid = p.relnamespace where i.inhrelid = c.oid),
           pg_get_expr(c.relpartbound, c.oid)),
         format('alter table %I.%I owner to %I', n.nspname, c.relname, pg_get_userbyid(c.relowner)),
         format('comment on table %I.%I is %L', n.nspname, c.relname, obj_description(c.oid, 'pg_class'))
       ] || case when c.relrowsecurity then array[format('alter table %I.%I enable row level security', n.nspname, c.relname)] else '{}' end
         || case when c.relforcerowsecurity then array[format('alter table %I.%I force row level security', n.nspname, c.relname)] else '{}' end
         || array(
           select format('create policy %I on %I.%I as %s for %s to %s%s%s', p.policyname, n.nspname, c.relname, p.permissive, p.cmd,
             array_to_string(array(select quote_ident(role) from unnest(p.roles) as role), ', '),
             ' using (' || p.qual || ')', ' with check (' || p.with_check || ')')
           from pg_policies p where p.schemaname = n.nspname and p.tablename = c.relname
         ) || array(
           select format('grant %s on table %I.%I to %I', acl.privilege_type, n.nspname, c.relname, pg_get_userbyid(acl.grantee))
           from aclexplode(c.relacl) acl where acl.grantee <> 0 and acl.grantee <> c.relowner
         ) end as making
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname !~ '^(pg_|information_schema$)'
     order by c.oid`,
  );
  return rows;
}

/** Partitions are made as time goes by and as imports run: those that no migration made are made as they were. */
async function makePartitions(made: pg.Client, tables: Table[], before: Table[]): Promise<void> {
  const known = new Set(before.map(nameOf));
  for (const table of tables) {
    if (!table.isPartition || known.has(nameOf(table))) continue;
    for (const statement of table.making) await made.query(statement);
  }
}

function refuseUnknown(tables: Table[], known: Table[]): void {
  const columnsOf = (table: Table) => [...table.columns, ...table.generated].join();
  const made = new Map(known.map((table) => [nameOf(table), columnsOf(table)]));
  const unknown = tables.filter((table) => made.get(nameOf(table)) !== columnsOf(table)).map(nameOf);
  if (unknown.length === 0) return;
  fail(
    "upgrade_refused",
    `The database has tables, or columns, that no migration made: ${unknown.join(", ")}.`,
    "Move them to a database of their own, or make them by a migration; then upgrade.",
  );
}

/** What somebody made beside the migrations would be lost without a word. */
async function refuseUnknownObjects(old: pg.Client, made: pg.Client): Promise<void> {
  const sql = `select format('%s %I.%I%s', kind, n.nspname, o.name, o.more) as name
    from (
      select p.oid, 'pg_proc'::regclass as class, 'function' as kind, p.pronamespace as space, p.proname as name,
        '(' || pg_get_function_identity_arguments(p.oid) || ')' as more from pg_proc p
      union all
      select c.oid, 'pg_class'::regclass, 'view', c.relnamespace, c.relname, '' from pg_class c where c.relkind in ('v', 'm')
      union all
      select t.oid, 'pg_trigger'::regclass, 'trigger', c.relnamespace, t.tgname, ' on ' || c.relname
      from pg_trigger t join pg_class c on c.oid = t.tgrelid where not t.tgisinternal and t.tgparentid = 0
    ) o join pg_namespace n on n.oid = o.space
    where n.nspname !~ '^(pg_|information_schema$)'
      and not exists (select from pg_depend d where d.classid = o.class and d.objid = o.oid and d.deptype = 'e')`;
  const known = new Set((await made.query<{ name: string }>(sql)).rows.map(({ name }) => name));
  const unknown = (await old.query<{ name: string }>(sql)).rows
    .map(({ name }) => name)
    .filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  fail(
    "upgrade_refused",
    `The database has what no migration made: ${unknown.join(", ")}.`,
    "Drop it, or make it by a migration; then upgrade.",
  );
}

/** By way of a file that both servers reach, for they run as one user on one machine. */
async function copyRows(old: pg.Client, made: pg.Client, table: Table, file: string): Promise<void> {
  const columns = `(${table.columns.join(", ")})`;
  const path = pg.escapeLiteral(file);
  await old.query(`copy ${nameOf(table)} ${columns} to ${path}`);
  await made.query(`copy ${table.root} ${columns} from ${path}`);
  await rm(file);
}

async function copySequences(old: pg.Client, made: pg.Client): Promise<void> {
  const { rows } = await old.query<{ name: string }>(
    `select format('%I.%I', schemaname, sequencename) as name from pg_sequences`,
  );
  for (const { name } of rows) {
    const { rows: values } = await old.query<{ last_value: string; is_called: boolean }>(
      `select last_value, is_called from ${name}`,
    );
    await made.query("select setval($1::regclass, $2, $3)", [name, values[0]?.last_value, values[0]?.is_called]);
  }
}

/** Both sides count their rows and add up their hashes, in whatever order; what is computed is compared, too. */
async function compare(old: pg.Client, made: pg.Client, table: Table): Promise<number> {
  const sql = `select count(*)::text as rows, coalesce(sum(('x' || left(h, 16))::bit(64)::bigint), 0)::text || ' ' ||
      coalesce(sum(('x' || right(h, 16))::bit(64)::bigint), 0)::text as hash
    from (select md5(row(${[...table.columns, ...table.generated].join(", ")})::text) as h from ${nameOf(table)}) hashed`;
  const [before, after] = await Promise.all(
    [old, made].map(async (client) => (await client.query<{ rows: string; hash: string }>(sql)).rows[0]),
  );
  if (before?.rows !== after?.rows || before?.hash !== after?.hash) {
    fail(
      "upgrade_differs",
      `${nameOf(table)} had ${before?.rows} rows, and has ${after?.rows} in the new version, or they are not the same.`,
      "Nothing was changed: go on with the version that you have, and report it.",
    );
  }
  return Number(after?.rows);
}

const quoted = (name: string) => pg.escapeIdentifier(name);

function nameOf({ schema, name }: Pick<Table, "schema" | "name">): string {
  return `${quoted(schema)}.${quoted(name)}`;
}

/** Both sides write every value in one way, whoever's settings they begin with. */
async function withClient<T>(url: string, run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "landfall upgrade",
    options:
      "-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=1 -c bytea_output=hex -c statement_timeout=0",
  });
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}
