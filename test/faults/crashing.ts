/** An import, a rollback and a replay that wait for a worker, each in a database that can be cloned; and what they must end in. */
import type pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import { findMapping } from "../../src/imports/mappings/find_mapping.ts";
import { createBatch } from "../../src/imports/pipeline/batch.ts";
import { runBatch } from "../../src/imports/pipeline/run_batch.ts";
import { beginReplay, fixIssue, listIssues } from "../../src/imports/quarantine.ts";
import { sampleFolder } from "../../src/imports/run_import.ts";
import { openSource } from "../../src/imports/sources/open_source.ts";
import { beginRollback } from "../../src/imports/steer_batch.ts";
import { copySample, recordOf } from "../imports/importing.ts";
import {
  type Cluster,
  cloneTestDatabase,
  createTestDatabase,
  type OpenDatabase,
  type TestDatabase,
} from "../support/database.ts";
import type { RunningProcess } from "../support/processes.ts";
import { until } from "../support/workers.ts";
import type { Phase } from "./boundaries.ts";

const access = { airtable: { apiKey: undefined, endpointUrl: "" } };
/** Given and not made up by the database, so that the same rows get the same ids everywhere: they can be compared. */
const tenantId = "0195b7a0-0000-7000-8000-000000000001";
const sourceId = "0195b7a0-0000-7000-8000-000000000002";

/** How a batch of each phase ends. */
export const ends: Record<Phase, string> = { import: "incomplete", rollback: "rolled_back", replay: "incomplete" };

export interface Base {
  folder: string;
  remove(): Promise<void>;
}

/** The sample's records, dirt and all, some of them changed, and so many more that a collection has several pages and chunks. */
export async function makeBase(): Promise<Base> {
  const sample = await copySample();
  const runs = Array.from({ length: 1_300 }, (_, index) => `recRun${String(index).padStart(11, "0")}`);
  let clientId = "";
  await sample.change("Clients", (records) => {
    const client = recordOf(records, "Name", "Fernwick Estate");
    client.fields.Name = "Fernwick Park";
    client.fields["Sync History"] = [...((client.fields["Sync History"] as string[]) ?? []), ...runs];
    clientId = client.id;
    return undefined;
  });
  await sample.change("Touchpoints", (records) => {
    recordOf(records, "Internal Name", "Inquiry received").fields.Day = 3;
    return undefined;
  });
  await sample.change("Sync History", (records) => [
    ...records,
    ...runs.map((id, index) => ({
      id,
      createdTime: new Date(Date.UTC(2026, 0, 1) + index * 60_000).toISOString(),
      fields: { Operation: "Full Sync", Status: "Success", "Items Synced": index, Client: [clientId] },
    })),
  ]);
  return { folder: sample.folder, remove: sample.remove };
}

/** Queues the import of a folder; gives the batch. */
export async function queueImport(database: OpenDatabase, folder: string): Promise<string> {
  const { query } = database;
  const source = await openSource(folder, access);
  await query(
    `with tenant as (
       insert into tenancy.tenants (id, name, slug) values ($1, 'Harbour', 'harbour') on conflict (id) do nothing
     )
     insert into imports.sources (id, tenant_id, mapping, key) values ($2, $1, 'bloom', $3) on conflict (tenant_id, id) do nothing`,
    [tenantId, sourceId, source.key],
  );
  return await withPool(database, (pool) => createBatch(pool, tenantId, findMapping("bloom"), source, "queued"));
}

/** A batch at the beginning of a phase, queued; and what it ends in where nobody disturbs it. */
export interface Prepared {
  database: TestDatabase;
  batchId: string;
  content: Content;
}

/** An import that waits for a worker; the sample as it was is there already, so that rows are inserted, updated and left alone. */
export async function prepareImport(base: Base, cluster?: Cluster): Promise<Prepared> {
  const database = await createTestDatabase(cluster);
  await runUndisturbed(database, await queueImport(database, sampleFolder));
  return await prepared(database, await queueImport(database, base.folder));
}

/** An import, its rollback, and its replay with some cells fixed, each waiting for a worker. */
export async function prepareAll(base: Base, cluster?: Cluster): Promise<Record<Phase, Prepared>> {
  const queued = await prepareImport(base, cluster);
  const { batchId } = queued;
  const rollback = await cloneTestDatabase(queued.database);
  await runUndisturbed(rollback, batchId);
  const replay = await cloneTestDatabase(rollback);
  await withPool(rollback, (pool) => beginRollback(pool, tenantId, batchId));
  await withPool(replay, async (pool) => {
    const { issues } = await listIssues(pool, tenantId, batchId, { isWhole: false, limit: 100 });
    for (const { id, reason } of issues) {
      if (reason in fixes) await fixIssue(pool, tenantId, id, fixes[reason]);
    }
    await beginReplay(pool, tenantId, batchId);
  });
  return { import: queued, rollback: await prepared(rollback, batchId), replay: await prepared(replay, batchId) };
}

/** What a person gives cells of the sample by hand, by what was wrong with them. */
const fixes: Record<string, unknown> = {
  missing_required: "Named at last",
  unknown_option: "Draft",
  bad_json: "[]",
};

async function prepared(database: TestDatabase, batchId: string): Promise<Prepared> {
  const undisturbed = await cloneTestDatabase(database);
  try {
    await runUndisturbed(undisturbed, batchId);
    return { database, batchId, content: await readContent(undisturbed) };
  } finally {
    await undisturbed.drop();
  }
}

async function runUndisturbed(database: OpenDatabase, batchId: string): Promise<void> {
  await withPool(database, (pool) => runBatch(pool, access, tenantId, batchId));
}

async function withPool<T>({ urls }: OpenDatabase, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = createPool(urls.worker, { applicationName: "landfall tests", max: 4 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

/** A hash of every table that an import writes, the ledger included. */
export type Content = Record<string, string>;

/** Columns that differ between two runs though nothing else does: ids that are made up on the way, and times. */
const passing: Record<string, string[]> = {
  "journeys.clients": ["updated_at"],
  "journeys.pipelines": ["updated_at"],
  "journeys.journeys": ["updated_at"],
  "journeys.touchpoints": ["updated_at"],
  "journeys.touchpoint_versions": [],
  "journeys.approvals": ["updated_at"],
  "journeys.templates": ["updated_at"],
  "journeys.sync_history": ["updated_at"],
  "imports.batches": [
    "id",
    "started_at",
    "finished_at",
    "replayed_at",
    "carried_from_id",
    "created_at",
    "updated_at",
    "location",
    "way_out",
  ],
  "imports.collections": ["id", "batch_id", "updated_at", "created_at"],
  "imports.fields": ["id", "collection_id"],
  "imports.records": ["id", "batch_id", "collection_id", "created_at"],
  "imports.issues": ["id", "batch_id", "collection_id", "created_at", "settled_at"],
  "imports.effects": ["id", "batch_id", "created_at"],
  "imports.checks": ["id", "batch_id", "collection_id", "created_at"],
  "imports.undoings": ["id", "batch_id", "collection_id", "created_at", "done_at"],
  "app_private.import_payloads": ["batch_id", "collection_id", "landed_at"],
  "app_private.import_before_images": ["batch_id"],
};

export async function readContent({ query }: OpenDatabase): Promise<Content> {
  const selects = Object.entries(passing).map(
    ([table, columns]) =>
      // A check's name may tell the batch that it carries on from.
      `select '${table}' as name, count(*) || ' rows, ' || coalesce(md5(string_agg(t.content, E'\\n' order by t.content)), '') as hash
       from (select regexp_replace(((to_jsonb(t) #- '{image,updated_at}') - '{${columns.join(",")}}'::text[])::text, 'carried over from [0-9a-f-]{36}', 'carried over') as content from ${table} t) t`,
  );
  const rows = await query<{ name: string; hash: string }>(selects.join(" union all "));
  return Object.fromEntries(rows.map(({ name, hash }) => [name, hash]));
}

/** What must hold at every moment, also right after a crash: what landed and what was loaded is whole. */
export async function findHalves({ query }: OpenDatabase): Promise<Record<string, unknown>[]> {
  return await query(
    `select collection.name, 'landed' as what
     from imports.collections collection
     where collection.landed <> (select count(*) from app_private.import_payloads payload where payload.collection_id = collection.id)
     union all
     select loaded.name, 'loaded'
     from (
       select 'journeys.touchpoints', count(*) from journeys.touchpoints
       union all
       select 'journeys.sync_history', count(*) from journeys.sync_history
     ) loaded (name, rows)
     where loaded.rows <>
       (select count(*) from imports.effects effect where effect.table_name = loaded.name and effect.effect = 'inserted')
       - (select count(*) from imports.undoings undoing
          where undoing.table_name = loaded.name and undoing.fate = 'removed' and undoing.done_at is not null)`,
  );
}

/** Waits until the batch has ended in the status of its phase; fails at once where it ends in another, or where it waits for a person. */
export async function untilEnded(
  { query }: OpenDatabase,
  batchId: string,
  phase: Phase,
  worker: RunningProcess,
): Promise<void> {
  const underWay = ["queued", "running", "verifying", "rolling_back"];
  const status = await until(async () => {
    const [batch] = await query<{ status: string; message: string | null }>(
      "select status, message from imports.batches where id = $1",
      [batchId],
    );
    return batch !== undefined && !underWay.includes(batch.status) && `${batch.status}: ${batch.message}`;
  }, worker);
  if (!status.startsWith(`${ends[phase]}:`)) throw new Error(`The batch ended as ${status}\n${worker.output()}`);
}
