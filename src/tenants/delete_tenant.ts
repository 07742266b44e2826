/** The end of a tenant: everything that it has goes, step by step, and whoever is interrupted goes on where they stopped. */
import pg from "pg";
import { dropRole, type LoginServer } from "../database/sql_logins.ts";
import { deriveUrls } from "../database/urls.ts";
import type { FileStore } from "../imports/files/file_store.ts";
import { isSpokenOf } from "../imports/files/is_spoken_of.ts";
import { countHoldings, type Holding, readHoldings } from "./holdings.ts";

export interface LeavingTenant {
  id: string;
  slug: string;
}

/** What goes, or went. */
export interface DeletionSummary {
  /** Rows by table, those without any left out. */
  rows: Record<string, number>;
  /** Roles of the server that speak for it. */
  logins: number;
  jobs: number;
  /** Files that it speaks of; those that others speak of, too, stay. */
  files: number;
  /** Objects that were made in GoHighLevel for it, and stay there. */
  remoteObjects: number;
  /** Files that went; known when they have. */
  filesDeleted?: number;
  /** People whom nobody else names; known when they have gone. */
  people?: number;
}

export interface DeletionRequest {
  server: LoginServer;
  tenant: LeavingTenant;
  files: FileStore;
  /** Who does it, for the record. */
  by: string;
  /** Told before each step, and what it works on. */
  onProgress?: (step: string) => void;
}

/** So many rows go in one transaction. */
const chunkRows = 5_000;

/** What a deletion would take away, as the owner. */
export async function previewDeletion(client: pg.ClientBase, tenantId: string): Promise<DeletionSummary> {
  const rows = await countHoldings(client, await readHoldings(client), tenantId);
  const { rows: others } = await client.query<{ logins: string; jobs: string; files: string; remote: string }>(
    `select
       (select count(*) from tenancy.sql_logins where tenant_id = $1) as logins,
       (select count(*) from graphile_worker._private_jobs where payload ->> 'tenantId' = $1::text) as jobs,
       (select count(distinct sha256) from imports.attachments where tenant_id = $1) as files,
       (select count(remote_id) from publishing.remote_objects where tenant_id = $1) as remote`,
    [tenantId],
  );
  const [other] = others;
  return {
    rows,
    logins: Number(other?.logins),
    jobs: Number(other?.jobs),
    files: Number(other?.files),
    remoteObjects: Number(other?.remote),
  };
}

/**
 * Deletes a suspended tenant and everything that it has: SQL logins, jobs, payloads, rows, the record of its changes, files that no
 * other tenant has, and people whom no other row names. Every step commits; called again, it goes on.
 *
 * @throws the database's own error: LF036 where it is active, LF066 where there is no such tenant
 */
export async function deleteTenant(request: DeletionRequest): Promise<DeletionSummary> {
  const { server, tenant, files, by, onProgress = () => undefined } = request;
  const { owner } = deriveUrls(server.adminUrl, server.secretKey, server.rolePrefix);
  const client = new pg.Client({ connectionString: owner, application_name: "landfall tenant delete" });
  await client.connect();
  try {
    const holdings = (await readHoldings(client)).reverse();
    const preview = await previewDeletion(client, tenant.id);
    await client.query("select app_private.begin_tenant_deletion($1, $2, $3)", [
      tenant.slug,
      await peopleOf(client, holdings, tenant.id),
      { ...preview, by },
    ]);
    onProgress("logins");
    await dropLogins(client, server, tenant.id);
    onProgress("jobs");
    await deleteJobs(client, tenant.id);
    onProgress("files");
    await files.setAside(tenant.id, await ownFiles(client, tenant.id));
    onProgress("payloads");
    await dropPartitions(client, tenant.id);
    // What is found by way of other rows goes before those; the record of changes goes when nothing is left to change.
    const byOthers = ({ condition }: Holding) => condition !== "tenant_id = $1";
    const isRecord = ({ table }: Holding) => table === "audit.changes";
    const rest = holdings.filter(({ table }) => table !== "tenancy.tenants" && table !== "tenancy.users");
    for (const holding of [
      ...rest.filter(byOthers),
      ...rest.filter((holding) => !byOthers(holding) && !isRecord(holding)),
      ...rest.filter(isRecord),
    ]) {
      onProgress(holding.table);
      await deleteRows(client, holding, tenant.id);
    }
    onProgress("files");
    const filesDeleted = await files.settleAside(tenant.id, (sha256) => isSpokenOf(client, sha256));
    onProgress("tenant");
    const { rows } = await client.query<{ summary: DeletionSummary }>(
      "select app_private.finish_tenant_deletion($1, $2) as summary",
      [tenant.id, { filesDeleted }],
    );
    return rows[0]?.summary as DeletionSummary;
  } finally {
    await client.end();
  }
}

/** Everybody whom a row of the tenant names. */
async function peopleOf(client: pg.Client, holdings: readonly Holding[], tenantId: string): Promise<string[]> {
  const people = holdings.find(({ table }) => table === "tenancy.users");
  if (people === undefined) throw new Error("tenancy.users must be among what a tenant has");
  const { rows } = await client.query<{ id: string }>(`select id from ${people.table} where ${people.condition}`, [
    tenantId,
  ]);
  return rows.map(({ id }) => id);
}

/** The rows stay till the end of their turn, so that whoever goes on knows which roles there were. */
async function dropLogins(client: pg.Client, server: LoginServer, tenantId: string): Promise<void> {
  const { rows } = await client.query<{ login_name: string }>(
    "select login_name from tenancy.sql_logins where tenant_id = $1",
    [tenantId],
  );
  for (const { login_name } of rows) await dropRole(server, login_name);
}

/** Jobs name their tenant in their payload. Lanes that nothing is queued in any more may be named for something of the tenant's. */
async function deleteJobs(client: pg.Client, tenantId: string): Promise<void> {
  await client.query("delete from graphile_worker._private_jobs where payload ->> 'tenantId' = $1", [tenantId]);
  await client.query(
    `delete from graphile_worker._private_job_queues q
     where q.locked_at is null and not exists (select from graphile_worker._private_jobs j where j.job_queue_id = q.id)`,
  );
}

/** The files of the tenant that no row of another speaks of. */
async function ownFiles(client: pg.Client, tenantId: string): Promise<Buffer[]> {
  const { rows } = await client.query<{ sha256: Buffer }>(
    `select distinct own.sha256
     from imports.attachments own
     where own.tenant_id = $1 and own.sha256 is not null
       and not exists (select from imports.attachments other where other.sha256 = own.sha256 and other.tenant_id <> own.tenant_id)`,
    [tenantId],
  );
  return rows.map(({ sha256 }) => sha256);
}

/**
 * Payloads are in a partition for each batch, which goes whole. It is detached first, concurrently: dropping it at once would lock out
 * every other tenant's imports until whoever reads payloads has ended.
 */
async function dropPartitions(client: pg.Client, tenantId: string): Promise<void> {
  const { rows } = await client.query<{ name: string; is_attached: boolean; is_pending: boolean }>(
    `select c.oid::regclass::text as name, i.inhrelid is not null as is_attached, coalesce(i.inhdetachpending, false) as is_pending
     from imports.batches b
     join pg_catalog.pg_class c on c.oid = to_regclass('app_private.import_payloads_' || replace(b.id::text, '-', ''))
     left join pg_catalog.pg_inherits i on i.inhrelid = c.oid
     where b.tenant_id = $1`,
    [tenantId],
  );
  for (const { name, is_attached, is_pending } of rows) {
    if (is_attached) {
      const how = is_pending ? "finalize" : "concurrently";
      await client.query(`alter table app_private.import_payloads detach partition ${name} ${how}`);
    }
    await client.query(`drop table ${name}`);
  }
}

async function deleteRows(client: pg.Client, holding: Holding, tenantId: string): Promise<void> {
  const { table, condition, key, references } = holding;
  // Rows that refer to one another go at once: one after the other each would be changed by the going of the next.
  if (references.includes(table)) {
    await client.query(`delete from ${table} where ${condition}`, [tenantId]);
    return;
  }
  const columns = key.join(", ");
  for (;;) {
    const { rowCount } = await client.query(
      `delete from ${table} t using (select ${columns} from ${table} where ${condition} order by ${columns} limit ${chunkRows}) chunk
       where ${key.map((name) => `t.${name} = chunk.${name}`).join(" and ")}`,
      [tenantId],
    );
    if ((rowCount ?? 0) < chunkRows) return;
  }
}
