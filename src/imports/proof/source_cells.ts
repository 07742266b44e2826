import { type MappedField, type Mapping, mappedFields } from "../mappings/mapping.ts";
import type { Batch } from "../pipeline/batch.ts";
import type { LedgerCollection } from "../pipeline/collections.ts";
import { isUndone, rowHash } from "../pipeline/row_hash.ts";
import { raw, type Sql, shapeOf, sql } from "../pipeline/sql.ts";
import { type Proving, quoted } from "./check.ts";

/** The text that landed, with what people put right in it; what PostgreSQL's text refuses is replaced, for those few that hold it. */
export const landedJson = raw(
  "(case when payload.holds_refused_text then app_private.readable_json(coalesce(payload.fixed_text, payload.source_text)) else coalesce(payload.fixed_text, payload.source_text)::jsonb end)",
);

/** A record's cells, out of `json`. */
export function cellsIn(mapping: Mapping, json: string): string {
  return `(${json} -> ${quoted(mapping.cellsIn)})`;
}

/**
 * The raw cell of a field under whichever of its names the record has, out of `landed.json` and `landed.cells`; null where it is empty,
 * or waits in quarantine by `waiting.fields`.
 */
export function cellOf(name: string, field: MappedField): string {
  if (field.isBeside) return `nullif(landed.json -> ${quoted(name)}, 'null')`;
  const cells = [name, ...field.aliases].map(
    (known) =>
      `case when waiting.fields is null or ${quoted(known)} <> all (waiting.fields) then nullif(landed.cells -> ${quoted(known)}, 'null') end`,
  );
  return cells.length === 1 ? (cells[0] as string) : `coalesce(${cells.join(", ")})`;
}

/** The place of a field among `cell.cell_0`, `cell.cell_1`, … */
export function cellName(line: LedgerCollection, fieldName: string): string {
  return `cell.cell_${mappedFields(line.collection).findIndex(([name]) => name === fieldName)}`;
}

/**
 * `touched`, `theirs` and `waiting`: which rows people changed since this import wrote them, and which cells wait in quarantine. A row of
 * theirs is no longer compared; one that changed without a trace is no row of theirs.
 */
export function withAccounts(batch: Batch, line: LedgerCollection): Sql {
  const shape = shapeOf(line.collection);
  return sql`
    touched as materialized (
      select recorded.row_id, recorded.change_id, recorded.action
      from app_private.recorded_changes(${shape.table}, null) recorded
    ),
    theirs as materialized (
      select distinct touched.row_id
      from touched
      join ${raw(shape.table)} row on row.tenant_id = ${batch.tenantId} and row.id = touched.row_id
      cross join lateral (
        select effect.id, effect.row_hash
        from imports.effects effect
        where effect.tenant_id = ${batch.tenantId} and effect.row_id = touched.row_id and effect.table_name = ${shape.table}
          and not ${isUndone("effect")}
        order by effect.id desc
        limit 1
      ) effect
      where touched.change_id > effect.id and effect.row_hash <> ${rowHash(shape, "row")}
    ),
    ${waitingCells(batch, line)}`;
}

/** `waiting`: which cells of each record wait in quarantine. */
export function waitingCells(batch: Batch, line: LedgerCollection): Sql {
  return sql`
    waiting as materialized (
      select issue.row_id, array_agg(issue.field) as fields
      from imports.issues issue
      where issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.collection_id = ${line.id}
        and issue.fate = 'quarantined' and issue.settled_at is null and issue.field is not null and issue.row_id is not null
      group by issue.row_id
    )`;
}

/** `name` and `cells`: how many cells the records of a collection have that are carried over, by the patterns of their fates. */
export function carriedCells(batch: Batch, line: LedgerCollection): Sql {
  return sql`
    select fate.name, sum(carried.records) as cells
    from (
      select payload.fates_id, count(*) as records
      from app_private.import_payloads payload
      where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} and payload.is_carried
      group by payload.fates_id
    ) carried
    join app_private.import_fates pattern
      on pattern.batch_id = ${batch.id} and pattern.collection_id = ${line.id} and pattern.id = carried.fates_id
    cross join lateral jsonb_object_keys(pattern.fates) as fate (name)
    group by fate.name`;
}

/** `landed` and `cell`, beside `payload` and `waiting`: the text that landed read anew, and its cells taken out once each. */
export function landedCells(batch: Batch, line: LedgerCollection): Sql {
  // `offset 0` keeps the planner from repeating an expression wherever it is used.
  const cells = raw(
    mappedFields(line.collection)
      .map(([name, field], index) => `${cellOf(name, field)} as cell_${index}`)
      .join(",\n"),
  );
  return sql`
    cross join lateral (select ${landedJson} as json offset 0) parsed
    cross join lateral (select parsed.json, ${raw(cellsIn(batch.mapping, "parsed.json"))} as cells offset 0) landed
    cross join lateral (select ${cells} offset 0) cell`;
}

/**
 * `record`, `payload`, `row`, `landed` and `cell`, one line for each record of the collection that is derived anew: its outcome, the text
 * that landed read anew, its cells taken out once each, and the row beside them. Needs `withAccounts`.
 *
 * @param joins what else stands beside them
 */
export function rereadRecords(proving: Proving, joins: Sql = raw("")): Sql {
  const { batch, line } = proving;
  return sql`
    from imports.records record
    join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = record.row_id
    join ${raw(line.collection.table as string)} row on row.tenant_id = ${batch.tenantId} and row.id = record.row_id
    left join waiting on waiting.row_id = record.row_id
    ${landedCells(batch, line)}
    ${joins}
    where ${isDerivedAnew(proving)}`;
}

/** Of `record`: none of these columns holds what people wrote since an earlier import. */
export function isOfSource(columns: string[]): Sql {
  return sql`(record.kept_columns is null or not record.kept_columns && ${columns}::text[])`;
}

/** Of `record`: it came in with this batch, is not theirs, and is not carried over. */
export function isDerivedAnew(proving: Proving): Sql {
  const { batch, line } = proving;
  return sql`${cameIn(batch, line)} ${exceptCarried(proving, "record")}`;
}

/** Of `record` or `payload`: it is not carried over; a condition to put behind others. */
export function exceptCarried({ derivesAll }: Proving, alias: string): Sql {
  return raw(derivesAll ? "" : `and not ${alias}.is_carried`);
}

/** Of `record`: it came in with this batch, and is not theirs. */
export function cameIn(batch: Batch, line: LedgerCollection): Sql {
  return sql`
    record.tenant_id = ${batch.tenantId}
    and record.collection_id = ${line.id}
    and record.outcome in ('inserted', 'updated', 'unchanged')
    and not exists (select from theirs where theirs.row_id = record.row_id)`;
}
