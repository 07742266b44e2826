import type { Batch } from "./batch.ts";
import { listed, raw, type Shape, type Sql, sql } from "./sql.ts";

/** SHA-256 of a row's imported columns: a row with another hash than the one that was written was edited since. */
export function rowHash(shape: Shape, alias: string): Sql {
  return sql`sha256(convert_to(jsonb_build_array(${listed(shape.columns, alias)})::text, 'UTF8'))`;
}

/** Hash of one column's value, as effects keep it; null has one too. */
export function columnHash(expression: string): Sql {
  return raw(`coalesce(hashtextextended(${expression}::text, 0), 0)`);
}

/** The hash that the latest import wrote of a row. */
export function latestHash(batch: Batch, shape: Shape, alias: string): Sql {
  return sql`
    select effect.row_hash
    from imports.effects effect
    where effect.tenant_id = ${batch.tenantId} and effect.row_id = ${raw(alias)}.id and effect.table_name = ${shape.table}
    order by effect.id desc
    limit 1`;
}

/**
 * What the latest import that wrote a row knew of it: `row_hash` of what it wrote, and `column_hashes` of what the source said, in the
 * order of `columns`. What was rolled back is no import any more, and a link that went with a deleted row is nothing that the source said.
 */
export function latestBase(batch: Batch, shape: Shape, alias: string): Sql {
  return sql`
    select effect.row_hash, effect.column_hashes, collection.columns
    from imports.effects effect
    join imports.batches origin on origin.tenant_id = effect.tenant_id and origin.id = effect.batch_id
    join imports.records record
      on record.tenant_id = effect.tenant_id and record.batch_id = effect.batch_id and record.row_id = effect.row_id
      and record.outcome in ('inserted', 'updated')
    join imports.collections collection on collection.tenant_id = record.tenant_id and collection.id = record.collection_id
    where effect.tenant_id = ${batch.tenantId} and effect.row_id = ${raw(alias)}.id and effect.table_name = ${shape.table}
      and origin.status <> 'rolled_back'
    order by effect.id desc
    limit 1`;
}

/** Whether people edited a column since the last import wrote it; `latest` is what `latestBase` gives. */
export function isEdited(shape: Shape, alias: string, column: string): Sql {
  return sql`(case
    when latest.column_hashes is null then latest.row_hash is distinct from ${rowHash(shape, alias)}
    else latest.column_hashes[array_position(latest.columns, ${raw(quote(column))})] is distinct from ${columnHash(`${alias}.${column}`)}
  end)`;
}

/** A word of ours as an SQL literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
