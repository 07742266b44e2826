/** Whether a database is what it must be: its migrations are ours, its indexes agree with their tables, and it can be counted. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { projectDir } from "../../config.ts";
import { errorMessage, fail } from "../../errors.ts";

/** How much there is of what people would miss first. */
export interface FoundContent {
  tenants: number;
  users: number;
  journeys: number;
  approvals: number;
  importBatches: number;
  publications: number;
  auditEntries: number;
  migrations: number;
  /** Migrations that this Landfall has and the database has not had yet. */
  pendingMigrations: number;
}

/**
 * @param adminUrl connection string of a superuser
 * @throws LandfallError `restored_unsound` saying what is wrong
 */
export async function examineContent(
  adminUrl: string,
  rolePrefix: string,
): Promise<{ content: FoundContent; lastChangeAt: Date | null }> {
  const client = new pg.Client({ connectionString: adminUrl, application_name: "landfall restore" });
  await client.connect();
  try {
    const { migrations, pending } = await compareMigrations(client);
    if (migrations === 0) return { content: { ...nothing, pendingMigrations: pending }, lastChangeAt: null };
    await checkRoles(client, rolePrefix);
    await checkIndexes(client);
    const { rows } = await client.query<Omit<FoundContent, "migrations" | "pendingMigrations"> & { last: Date | null }>(
      `select (select count(*) from tenancy.tenants)::integer as tenants, (select count(*) from tenancy.users)::integer as users,
         (select count(*) from journeys.journeys)::integer as journeys, (select count(*) from journeys.approvals)::integer as approvals,
         (select count(*) from imports.batches)::integer as "importBatches",
         (select count(*) from publishing.publications)::integer as publications,
         (select count(*) from audit.changes)::integer as "auditEntries", (select max(changed_at) from audit.changes) as last`,
    );
    const [{ last, ...counts } = { ...nothing, last: null }] = rows;
    return { content: { ...counts, migrations, pendingMigrations: pending }, lastChangeAt: last };
  } finally {
    await client.end();
  }
}

const nothing: FoundContent = {
  tenants: 0,
  users: 0,
  journeys: 0,
  approvals: 0,
  importBatches: 0,
  publications: 0,
  auditEntries: 0,
  migrations: 0,
  pendingMigrations: 0,
};

/** Every migration that the database has had must be one of ours, text for text. */
async function compareMigrations(client: pg.Client): Promise<{ migrations: number; pending: number }> {
  const committed = join(projectDir, "migrations", "committed");
  const names = (await readdir(committed)).filter((name) => name.endsWith(".sql"));
  const ours = new Set(
    await Promise.all(
      names.map(async (name) => /^--! Hash: (\S+)/m.exec(await readFile(join(committed, name), "utf8"))?.[1] ?? name),
    ),
  );
  const { rows: tables } = await client.query("select where to_regclass('graphile_migrate.migrations') is not null");
  if (tables.length === 0) return { migrations: 0, pending: ours.size };
  const { rows } = await client.query<{ hash: string; filename: string }>(
    "select hash, filename from graphile_migrate.migrations order by filename",
  );
  const unknown = rows.filter(({ hash }) => !ours.has(hash)).map(({ filename }) => filename);
  if (unknown.length > 0) {
    fail(
      "restored_unsound",
      `The restored database has had migrations that this Landfall does not know: ${unknown.join(", ")}.`,
      "Restore with the version of Landfall that wrote it, or a later one. Nothing was changed.",
    );
  }
  return { migrations: rows.length, pending: ours.size - rows.length };
}

async function checkRoles(client: pg.Client, rolePrefix: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select wanted as name from unnest($1::text[]) as wanted
     where not exists (select from pg_roles r where r.rolname = wanted and not r.rolsuper and not r.rolbypassrls)`,
    [["owner", "authenticator", "worker"].map((name) => `${rolePrefix}_${name}`)],
  );
  if (rows.length === 0) return;
  fail(
    "restored_unsound",
    `The restored server lacks ${rows.map(({ name }) => name).join(", ")}, or they may pass over row-level security.`,
    "Restore from another backup, or with the LANDFALL_ROLE_PREFIX that it was made with. Nothing was changed.",
  );
}

/** By PostgreSQL's own amcheck, of which no trace is left. */
async function checkIndexes(client: pg.Client): Promise<void> {
  await client.query("begin");
  try {
    await client.query("create extension if not exists amcheck with schema pg_catalog");
    await client.query(
      `select pg_catalog.bt_index_check(i.indexrelid)
       from pg_index i
       join pg_class c on c.oid = i.indexrelid and c.relkind = 'i'
       join pg_am a on a.oid = c.relam and a.amname = 'btree'
       where i.indisvalid and c.relpersistence <> 't'`,
    );
  } catch (error) {
    fail(
      "restored_unsound",
      `An index of the restored database does not agree with its table: ${errorMessage(error)}.`,
      "Restore from another backup. Nothing was changed.",
      error,
    );
  } finally {
    await client.query("rollback");
  }
}
