import type pg from "pg";
import { mappedFields } from "../mappings/mapping.ts";
import { reasons } from "../reasons.ts";
import { type Batch, inBatch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";

/** A mapped field that earlier imports of the source have read, and that this one does not find: renamed, deleted, or hidden from the token. */
export interface LostField {
  name: string;
  column: string;
}

/** The fields of a landed collection that are lost. A cell that is empty is one thing, a field that is not there another. */
export async function findLostFields(
  client: pg.ClientBase,
  batch: Batch,
  line: LedgerCollection,
): Promise<LostField[]> {
  const { rows } = await client.query<{ name: string; is_read: boolean }>(
    `select field.name, bool_or(collection.id = $4) as is_read
     from imports.batches batch
     join imports.collections collection on collection.tenant_id = batch.tenant_id and collection.batch_id = batch.id
     join imports.fields field on field.tenant_id = collection.tenant_id and field.collection_id = collection.id
     where batch.tenant_id = $1 and batch.source_id = $2 and collection.name = $3 and (collection.step = 'loaded' or collection.id = $4)
     group by field.name`,
    [batch.tenantId, batch.sourceId, line.collection.name, line.id],
  );
  return mappedFields(line.collection).flatMap(([name, field]) => {
    const known = rows.filter((row) => [name, ...field.aliases].includes(row.name));
    return known.length > 0 && known.every(({ is_read }) => !is_read) ? [{ name, column: field.column }] : [];
  });
}

/** The columns that stay as they are because a field of theirs is lost. */
export async function lostColumns(batch: Batch, line: LedgerCollection): Promise<string[]> {
  const lost = await inBatch(batch, (client) => findLostFields(client, batch, line));
  return lost.map(({ column }) => column);
}

/** Tells of every lost field once. */
export async function tellLost(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<void> {
  const lost = await findLostFields(client, batch, line);
  await client.query(
    `insert into imports.issues (batch_id, collection_id, field, column_name, reason, detail, way_out)
     select $1, $2, name, column_name, 'lost_field', 'Rows that are here keep what they have in ' || column_name || '.', $5
     from unnest($3::text[], $4::text[]) as lost (name, column_name)`,
    [batch.id, line.id, lost.map(({ name }) => name), lost.map(({ column }) => column), reasons.lost_field],
  );
}
