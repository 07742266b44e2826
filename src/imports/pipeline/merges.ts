import type pg from "pg";
import { mappedFields } from "../mappings/mapping.ts";
import { reasons } from "../reasons.ts";
import type { Batch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { join, run, type Sql, sql } from "./sql.ts";

/*
 * Records that people have decided to be one row (imports.merges). A merge holds where the batch has both records: the one makes no row,
 * what links to it links to the other's, and a row that it had goes, with all that belongs to it moved over.
 */

/** `merging`: the merges of the batch's source that hold in it, of one collection or of all. */
export function holdingMerges(batch: Batch, collection: string | null): Sql {
  return sql`
    select merge.row_id, merge.into_row_id, merge.into_record_id, merge.collection
    from imports.merges merge
    where merge.tenant_id = ${batch.tenantId} and merge.source_id = ${batch.sourceId}
      and (${collection}::text is null or merge.collection = ${collection}::text)
      and exists (select from app_private.import_payloads one where one.batch_id = ${batch.id} and one.row_id = merge.row_id)
      and exists (select from app_private.import_payloads other where other.batch_id = ${batch.id} and other.row_id = merge.into_row_id)`;
}

/** Whether people have said of any records of the source that they are one. */
export async function hasMerges(
  client: pg.ClientBase,
  batch: Batch,
  collection: string | null = null,
): Promise<boolean> {
  const { rows } = await client.query(
    `select from imports.merges where tenant_id = $1 and source_id = $2 and ($3::text is null or collection = $3) limit 1`,
    [batch.tenantId, batch.sourceId, collection],
  );
  return rows.length > 0;
}

/**
 * Gives the records of a collection that are merged into others their outcome, before anything else is asked of them. Each of their cells
 * that says something else than the other record's is dropped, and told with both values.
 */
export async function mergeRecords(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<void> {
  const { cellsIn } = batch.mapping;
  if (!(await hasMerges(client, batch, line.collection.name))) return;
  await run(
    client,
    sql`
    with merging as materialized (
      select payload.row_id, payload.record_id, payload.sha256, merge.into_row_id, merge.into_record_id,
             app_private.readable_json(coalesce(payload.fixed_text, payload.source_text)) -> ${cellsIn}::text as cells,
             app_private.readable_json(coalesce(other.fixed_text, other.source_text)) -> ${cellsIn}::text as other_cells
      from (${holdingMerges(batch, line.collection.name)}) merge
      join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = merge.row_id
      join app_private.import_payloads other on other.batch_id = ${batch.id} and other.row_id = merge.into_row_id
      where not exists (
        select from imports.records known
        where known.tenant_id = ${batch.tenantId} and known.batch_id = ${batch.id} and known.row_id = payload.row_id
      )
    ),
    told_before as materialized (
      select issue.id, issue.row_id, issue.field, issue.fate, issue.original
      from imports.issues issue
      where issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.settled_at is null
        and issue.fate in ('quarantined', 'converted') and issue.row_id in (select merging.row_id from merging)
    ),
    cells as materialized (
      select merging.row_id, merging.record_id, field.name, field.column_name, cell.value::text as original,
             (merging.other_cells -> field.name)::text as existing, coalesce(before.fate, 'exact') as fate, before.id as issue_id
      from merging
      cross join lateral jsonb_each(case jsonb_typeof(merging.cells) when 'object' then merging.cells end) as cell
      join imports.fields field on field.tenant_id = ${batch.tenantId} and field.collection_id = ${line.id} and field.name = cell.key
        and field.fate = 'mapped'
      left join lateral (
        select told_before.id, told_before.fate from told_before
        where told_before.row_id = merging.row_id and told_before.field = field.name
        order by told_before.fate = 'quarantined' desc, told_before.id desc
        limit 1
      ) before on true
      where cell.value <> 'null' and (before.fate = 'quarantined' or cell.value is distinct from merging.other_cells -> field.name)
    ),
    settled as (
      update imports.issues issue
      set settled_at = now()
      where issue.tenant_id = ${batch.tenantId}
        and (issue.id in (select told_before.id from told_before where told_before.fate = 'quarantined') or issue.id in (select issue_id from cells))
    ),
    moved as (
      select name, sum(exact) as exact, sum(converted) as converted, sum(quarantined) as quarantined, sum(dropped) as dropped
      from (
        select name, (fate = 'exact')::integer as exact, (fate = 'converted')::integer as converted,
               (fate = 'quarantined')::integer as quarantined, 1 as dropped
        from cells
        union all
        -- A required cell that is not there has no value to drop.
        select field, 0, 0, 1, 0 from told_before
        where fate = 'quarantined' and field is not null and id not in (select issue_id from cells where issue_id is not null)
      ) each_cell
      group by name
    ),
    counted as (
      update imports.fields field
      set exact = field.exact - moved.exact, converted = field.converted - moved.converted,
          quarantined = field.quarantined - moved.quarantined, dropped = field.dropped + moved.dropped
      from moved
      where field.tenant_id = ${batch.tenantId} and field.collection_id = ${line.id} and field.name = moved.name
    ),
    told as (
      insert into imports.issues
        (batch_id, collection_id, row_id, record_id, field, column_name, fate, reason, original, existing_value, detail, way_out)
      select ${batch.id}::uuid, ${line.id}::uuid, cells.row_id, cells.record_id, cells.name, cells.column_name, 'dropped'::imports.cell_fate,
             'merged_cell', cells.original, cells.existing, null, ${reasons.merged_cell}::text
      from cells
      union all
      select ${batch.id}::uuid, ${line.id}::uuid, merging.row_id, merging.record_id, null, null, null, 'merged', null, null,
             ${`It is the same as ${line.collection.name}/`} || merging.into_record_id || '.', ${reasons.merged}::text
      from merging
    )
    insert into imports.records (batch_id, collection_id, row_id, record_id, sha256, outcome, reason, into_row_id)
    select ${batch.id}, ${line.id}, row_id, record_id, sha256, 'skipped', 'merged', into_row_id from merging`,
  );
}

/** Makes what links to a merged record link to the other one, in the rows that the mapping has made. */
export async function moveLinks(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<void> {
  const { table } = line.collection;
  for (const [, { column, codec }] of mappedFields(line.collection)) {
    if (codec.linksTo === undefined || !(await hasMerges(client, batch, codec.linksTo))) continue;
    await run(
      client,
      sql`
      update app_private.import_payloads payload
      set rows = jsonb_set(payload.rows, array[${table}::text, '0', ${column}::text], to_jsonb(merging.into_row_id))
      from (${holdingMerges(batch, codec.linksTo)}) merging
      where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} and payload.rows is not null
        and payload.rows -> ${table}::text -> 0 ->> ${column}::text = merging.row_id::text`,
    );
  }
}

/** The rows of records that link to a merged one: a replay takes them up. Gives row_id. */
export function linkingRows(batch: Batch, line: LedgerCollection): Sql {
  const { table } = line.collection;
  const links = mappedFields(line.collection).flatMap(([, { column, codec }]) =>
    codec.linksTo === undefined ? [] : [{ column, target: codec.linksTo }],
  );
  return links.length === 0
    ? sql`select null::uuid where false`
    : join(
        links.map(
          ({ column, target }) => sql`
            select linking.row_id
            from (${holdingMerges(batch, target)}) merging
            join app_private.import_payloads linking
              on linking.batch_id = ${batch.id} and linking.collection_id = ${line.id}
              and linking.rows -> ${table}::text -> 0 ->> ${column}::text = merging.row_id::text`,
        ),
        " union ",
      );
}

/** Which rows a batch merged into which: what a link should hold is looked up in it. */
export interface MergedRows {
  ids: string[];
  intoIds: string[];
}

export async function readMergedRows(
  client: pg.ClientBase,
  batch: Pick<Batch, "id" | "tenantId">,
): Promise<MergedRows> {
  const { rows } = await client.query<{ row_id: string; into_row_id: string }>(
    `select row_id, into_row_id from imports.records where tenant_id = $1 and batch_id = $2 and into_row_id is not null order by id`,
    [batch.tenantId, batch.id],
  );
  return { ids: rows.map(({ row_id }) => row_id), intoIds: rows.map(({ into_row_id }) => into_row_id) };
}

/** The row that a link leads to, where it is the one of `id` itself that was merged into another. */
export function afterMerges(id: Sql, { ids, intoIds }: MergedRows): Sql {
  if (ids.length === 0) return id;
  return sql`coalesce((${intoIds}::uuid[])[array_position(${ids}::uuid[], ${id})], ${id})`;
}
