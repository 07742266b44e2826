import type { Batch } from "./batch.ts";
import { listed, raw, type Shape, type Sql, sql } from "./sql.ts";

/** SHA-256 of a row's imported columns: a row with another hash than the one that was written was edited since. */
export function rowHash(shape: Shape, alias: string): Sql {
  return sql`sha256(convert_to(jsonb_build_array(${listed(shape.columns, alias)})::text, 'UTF8'))`;
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
