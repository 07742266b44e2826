import type pg from "pg";
import { withIdentity } from "../../database/with_identity.ts";
import { fail } from "../../errors.ts";
import { reasons } from "../reasons.ts";
import type { SourceCollection, SourceField, SourceSchema } from "../sources/source.ts";
import { type Batch, inBatch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";

/** What became different in a source's schema. */
export interface SchemaChange {
  /** The collection as it was called; of a new one, its name. */
  collection: string;
  field: string | null;
  /** What happened, in a sentence. */
  message: string;
  /** Whether records that were read before and after it cannot be put together: cells would look empty, or mean something else. */
  isBreaking: boolean;
}

/**
 * What changed from one schema to the other. Collections and fields are known by their ids, so a new name is a new name, and neither a
 * loss nor an addition.
 */
export function compareSchemas(before: SourceSchema, after: SourceSchema): SchemaChange[] {
  const known = new Set(before.collections.map(({ id }) => id));
  return [
    ...before.collections.flatMap((was) => compareCollections(was, byId(after.collections, was.id))),
    ...after.collections.filter(({ id }) => !known.has(id)).map(({ name }) => added(name, null)),
  ];
}

function compareCollections(was: SourceCollection, is: SourceCollection | undefined): SchemaChange[] {
  if (is === undefined) return [broken(was.name, null, "is gone")];
  const known = new Set(was.fields.map(({ id }) => id));
  return [
    ...(was.name === is.name ? [] : [broken(was.name, null, `is called ${is.name} now`)]),
    ...was.fields.flatMap((field) => compareFields(was.name, field, byId(is.fields, field.id))),
    ...is.fields.filter(({ id }) => !known.has(id)).map(({ name }) => added(was.name, name)),
  ];
}

function compareFields(collection: string, was: SourceField, is: SourceField | undefined): SchemaChange[] {
  if (is === undefined) return [broken(collection, was.name, "is gone")];
  return [
    ...(was.name === is.name ? [] : [broken(collection, was.name, `is called ${is.name} now`)]),
    ...(was.kind === is.kind ? [] : [broken(collection, was.name, `is ${is.kind} now and was ${was.kind}`)]),
    ...(is.options ?? [])
      .filter((option) => !was.options?.includes(option))
      .map((option) => ({
        ...added(collection, was.name),
        message: `${collection}.${was.name} has a new option: ${option}.`,
      })),
  ];
}

const byId = <Item extends { id: string }>(items: Item[], id: string) => items.find((item) => item.id === id);

function broken(collection: string, field: string | null, what: string): SchemaChange {
  const name = field === null ? collection : `${collection}.${field}`;
  return { collection, field, message: `${name} ${what}.`, isBreaking: true };
}

function added(collection: string, field: string | null): SchemaChange {
  const name = field === null ? collection : `${collection}.${field}`;
  return { collection, field, message: `${name} is new.`, isBreaking: false };
}

/**
 * Keeps the schema that a batch began with; for one that goes on, and at the end of reading, holds the source against it. What came in
 * beside is told as an issue.
 *
 * @throws LandfallError `import_schema_changed` where what was read no longer fits together
 */
export async function watchSchema(batch: Batch, ledger: LedgerCollection[], schema: SourceSchema): Promise<void> {
  const { collections } = schema;
  const changes = await inBatch(batch, async (client) => {
    const { rows } = await client.query<{ source_schema: SourceSchema | null }>(
      `select source_schema from imports.batches where tenant_id = $1 and id = $2`,
      [batch.tenantId, batch.id],
    );
    const before = rows[0]?.source_schema ?? null;
    if (before !== null) return compareSchemas(before, schema);
    await client.query(`update imports.batches set source_schema = $3 where tenant_id = $1 and id = $2`, [
      batch.tenantId,
      batch.id,
      JSON.stringify({ collections }),
    ]);
    return [];
  });
  const breaking = changes.filter(({ isBreaking }) => isBreaking);
  if (breaking.length > 0) {
    fail(
      "import_schema_changed",
      `The source changed while it was read: ${breaking.map(({ message }) => message).join(" ")}`,
      "Nothing was loaded. See what the mapping says to it (landfall import plan), then run the import again: it begins anew.",
    );
  }
  await inBatch(batch, async (client) => {
    for (const change of changes) await tellChange(client, batch, ledger, change);
  });
}

async function tellChange(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection[],
  { collection, field, message }: SchemaChange,
): Promise<void> {
  const line = ledger.find(({ source }) => source.name === collection) ?? ledger[0];
  await client.query(
    `insert into imports.issues (batch_id, collection_id, field, reason, detail, way_out)
     select $1, $2, $3, 'schema_changed', $4, $5
     where not exists (
       select from imports.issues issue where issue.tenant_id = $6 and issue.collection_id = $2 and issue.reason = 'schema_changed' and issue.detail = $4
     )`,
    [batch.id, line?.id, field, message, reasons.schema_changed, batch.tenantId],
  );
}

/** The schema of the latest batch of a source, by which a renamed field is known; null where it was never read. */
export async function readLatestSchema(
  pool: pg.Pool,
  tenantId: string,
  mapping: string,
  sourceKey: string,
): Promise<SourceSchema | null> {
  return await withIdentity(pool, { kind: "worker", tenantId }, async (client) => {
    const { rows } = await client.query<{ source_schema: SourceSchema }>(
      `select batch.source_schema
       from imports.batches batch
       join imports.sources source on source.tenant_id = batch.tenant_id and source.id = batch.source_id
       where batch.tenant_id = $1 and source.mapping = $2 and source.key = $3 and batch.source_schema is not null
         and batch.status in ('completed', 'incomplete')
       order by batch.created_at desc
       limit 1`,
      [tenantId, mapping, sourceKey],
    );
    return rows[0]?.source_schema ?? null;
  });
}
