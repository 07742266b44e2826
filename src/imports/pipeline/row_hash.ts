import type { Batch } from "./batch.ts";
import { listed, raw, type Shape, type Sql, sql } from "./sql.ts";

/** SHA-256 of a row's imported columns: a row with another hash than the one that was written was edited since. */
export function rowHash(shape: Pick<Shape, "columns">, alias: string): Sql {
  return sql`sha256(convert_to(jsonb_build_array(${listed(shape.columns, alias)})::text, 'UTF8'))`;
}

/** Hash of one column's value, as effects keep it; null has one too. */
export function columnHash(expression: string): Sql {
  return raw(`coalesce(hashtextextended(${expression}::text, 0), 0)`);
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

/**
 * What the latest import that wrote a row knew of it: `row_hash` of what it wrote, and `column_hashes` of what the source said, in the
 * order of `columns`. What was rolled back is passed over. A record that is replayed has no outcome meanwhile; its payload stays. A row that
 * lost a link with a deleted one may have had no record in that batch.
 */
export function latestBase(batch: Batch, shape: Shape, alias: string): Sql {
  return sql`
    select effect.row_hash, effect.column_hashes, collection.column_names as columns
    from imports.effects effect
    left join imports.records record
      on record.tenant_id = effect.tenant_id and record.batch_id = effect.batch_id and record.row_id = effect.row_id
    left join imports.collections collection
      on collection.tenant_id = effect.tenant_id
      and collection.id = coalesce(record.collection_id, (
        select payload.collection_id from app_private.import_payloads payload
        where payload.batch_id = effect.batch_id and payload.row_id = effect.row_id
      ), (
        select known.id from imports.collections known
        where known.tenant_id = effect.tenant_id and known.batch_id = effect.batch_id and known.table_name = effect.table_name
        order by known.place
        limit 1
      ))
    where effect.tenant_id = ${batch.tenantId} and effect.row_id = ${raw(alias)}.id and effect.table_name = ${shape.table}
      and not ${isUndone("effect")}
    order by effect.id desc
    limit 1`;
}

/**
 * What became of a record in this batch, against what was there before it: a row that a replay meets again was inserted or updated by the
 * batch all the same, and one that it makes again, because a person had deleted it meanwhile, was there before where the batch knew it.
 *
 * @param alias has `row_id`
 * @param outcomeColumn and the outcome that the row would have by itself
 */
export function outcomeOf(batch: Batch, shape: Shape, alias: string, outcomeColumn: string): Sql {
  const judged = raw(alias);
  const outcome = raw(`${alias}.${outcomeColumn}`);
  if (!batch.replayedAt) return sql`${outcome}`;
  return sql`case when ${outcome} in ('inserted', 'updated', 'unchanged') then coalesce((
    select case
        when effect.effect = 'inserted' then 'inserted'
        when effect.effect = 'unlinked' and ${outcome} = 'unchanged' then 'unchanged'
        else 'updated'
      end
    from imports.effects effect
    where effect.tenant_id = ${batch.tenantId} and effect.batch_id = ${batch.id} and effect.row_id = ${judged}.row_id
      and effect.table_name = ${shape.table}
  ), ${outcome}) else ${outcome} end`;
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
