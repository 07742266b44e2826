/** A tenant with something of everything that a tenant can have, beside another one: for its export and its end. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import { ensureSqlLogin, type LoginServer } from "../../src/database/sql_logins.ts";
import type { FileStore } from "../../src/imports/files/file_store.ts";
import { runImport, sampleFolder } from "../../src/imports/run_import.ts";
import { countHoldings, type Holding, readHoldings } from "../../src/tenants/holdings.ts";
import { readTables } from "../security/catalog.ts";
import { insertRow, type Values } from "../security/rows.ts";
import { addPerson, createTenant, fillTenants, rowOf, type Tenant } from "../security/world.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { makeEveryStore } from "../support/file_stores.ts";

export interface Leaving {
  database: TestDatabase;
  server: LoginServer;
  /** Connected as the owner. */
  owner: pg.Client;
  /** Leaves. */
  ours: Tenant;
  /** Stays. */
  theirs: Tenant;
  holdings: Holding[];
  folder: string;
  /** Of every kind at once. */
  files: FileStore;
  /** Puts something else in the place of a file. */
  damage(sha256: Buffer, content: Buffer): Promise<void>;
  /** Files that only ours has, and one that both have. */
  ownFile: Buffer;
  sharedFile: Buffer;
  loginName: string;
  close(): Promise<void>;
}

export async function prepareLeaving(): Promise<Leaving> {
  const database = await createTestDatabase();
  const { urls, secretKey, rolePrefix } = database;
  const server = { adminUrl: urls.admin, secretKey, rolePrefix, isEmbedded: true };
  const ours = await createTenant(database, "harbour");
  const theirs = await createTenant(database, "meadow");
  await fillTenants(database, [ours, theirs]);
  // Neither is leaving yet, and nobody of them is above the tenants.
  await database.query("delete from app_private.tenant_deletions");
  await database.query("delete from tenancy.operators");
  const pool = createPool(urls.worker, { applicationName: "landfall tests", max: 4 });
  const access = { airtable: { apiKey: undefined, endpointUrl: "" } };
  await runImport({ pool, tenantId: ours.id, mapping: "bloom", from: sampleFolder, access });
  await pool.end();
  const owner = new pg.Client({ connectionString: urls.owner });
  await owner.connect();
  const holdings = await readHoldings(owner);
  for (const tenant of [ours, theirs]) await fillRest(database, owner, holdings, tenant);
  const folder = await mkdtemp(join(tmpdir(), "landfall-leaving-"));
  const store = await makeEveryStore();
  const { files } = store;
  const put = async (text: string) => (await files.put(Readable.from([Buffer.from(text)]), () => undefined)).sha256;
  const [ownFile, sharedFile] = [await put("only ours"), await put("of both")];
  await keepFile(database, ours, ownFile);
  for (const tenant of [ours, theirs]) await keepFile(database, tenant, sharedFile);
  for (const { id } of [ours, theirs]) {
    await database.query(
      "select graphile_worker.add_job('imports/run_batch', json_build_object('tenantId', $1::text))",
      [id],
    );
  }
  const makePassword = () => "a password of the tests";
  const { loginName } = await ensureSqlLogin(server, {
    tenantId: ours.id,
    kind: "reporter",
    name: "n8n",
    makePassword,
  });
  return {
    database,
    server,
    owner,
    ours,
    theirs,
    holdings,
    folder,
    files,
    damage: store.damage,
    ownFile,
    sharedFile,
    loginName,
    async close() {
      await owner.end();
      await database.query(`drop role if exists ${loginName}`);
      await database.drop();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A row in every table that may hold something of a tenant and says so by another column; a new one asks to be filled here. */
async function fillRest(database: TestDatabase, owner: pg.Client, holdings: Holding[], tenant: Tenant): Promise<void> {
  const batch_id = rowOf(tenant, "imports.batches").id;
  const text = (table: string, column: string) => String(rowOf(tenant, table)[column]);
  const whose: Record<string, Values> = {
    "app_private.allowances": { bucket: `tenant:${tenant.id}` },
    "app_private.import_before_images": { batch_id },
    "app_private.import_gone_rows": { batch_id },
    "app_private.import_places": { batch_id },
    "app_private.import_predicted_records": { batch_id },
    "app_private.source_budgets": { key: text("imports.sources", "key") },
    "app_private.webhook_events": { ghl_location_id: text("publishing.locations", "ghl_location_id") },
  };
  const counts = await countHoldings(owner, holdings, tenant.id);
  const tables = await readTables(database);
  const client = new pg.Client({ connectionString: database.urls.admin });
  await client.connect();
  try {
    await client.query("begin; set local session_replication_role = replica");
    for (const { table: name } of holdings.filter(({ table }) => !(table in counts))) {
      const table = tables.find((candidate) => candidate.name === name);
      if (table === undefined) throw new Error(`${name} is no table`);
      const fixed = whose[name] ?? {};
      const targets = (target: string) => tenant.rows.get(target) ?? [];
      await insertRow(client, table, { canary: `canary-${tenant.slug}`, isFull: true, fixed, targets });
    }
    await client.query("commit");
  } finally {
    await client.end();
  }
}

/** One more attachment like the one that is there, with a file. */
async function keepFile(database: TestDatabase, tenant: Tenant, sha256: Buffer): Promise<void> {
  await database.query(
    `insert into imports.attachments (tenant_id, batch_id, collection_id, row_id, record_id, field, file_id, file_name, sha256)
     select tenant_id, batch_id, collection_id, row_id, record_id, field, encode($2, 'hex'), 'canary-' || $3, $2
     from imports.attachments where tenant_id = $1 limit 1`,
    [tenant.id, sha256, tenant.slug],
  );
}

/** One more person of the tenant that leaves. */
export async function addSharedPerson(leaving: Leaving, email: string): Promise<string> {
  const { userId } = await addPerson(leaving.database, leaving.ours.id, "editor", email);
  return userId;
}

/** A hash of everything that a tenant has. */
export async function hashOf({ owner, holdings }: Leaving, tenant: Tenant): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const { table, condition } of holdings) {
    const { rows } = await owner.query<{ hash: string }>(
      `select count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as hash from ${table} t where ${condition}`,
      [tenant.id],
    );
    hashes[table] = rows[0]?.hash as string;
  }
  return hashes;
}
