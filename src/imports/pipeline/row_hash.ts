import type { Batch } from "./batch.ts";
import { listed, raw, type Shape, type Sql, sql } from "./sql.ts";

/** SHA-256 of a row's imported columns: a row with another hash than the one that was written was edited since. */
export function rowHash(shape: Pick<Shape, "columns">, alias: string): Sql {
  return sql`sha256(convert_to(jsonb_build_array(${listed(shape.columns, alias)})::text, 'UTF8'))`;
}

/** The hash that the latest import wrote of a row, passing over what was rolled back. */
export function latestHash(batch: Batch, shape: Shape, alias: string): Sql {
  return sql`
    select effect.row_hash
    from imports.effects effect
    where effect.tenant_id = ${batch.tenantId} and effect.row_id = ${raw(alias)}.id and effect.table_name = ${shape.table}
      and not ${isUndone("effect")}
    order by effect.id desc
    limit 1`;
}

/** Whether a rollback has taken back what a batch did to a row; `alias` is an effect or a record of the ledger. */
export function isUndone(alias: string): Sql {
  const known = raw(alias);
  return sql`exists (
    select from imports.undoings undoing
    where undoing.tenant_id = ${known}.tenant_id and undoing.batch_id = ${known}.batch_id and undoing.row_id = ${known}.row_id
      and undoing.fate <> 'kept'
  )`;
}
