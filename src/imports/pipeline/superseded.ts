import { type Collection, mappedFields, type Superseded, type UnmappedField } from "../mappings/mapping.ts";
import type { Batch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { incomingRows, join, raw, type Shape, type Sql, sql } from "./sql.ts";

/** The fields of a collection that are dropped because the source says the same elsewhere. */
export function supersededFields(collection: Collection): [string, UnmappedField, Superseded][] {
  return Object.entries(collection.fields).flatMap(([name, field]): [string, UnmappedField, Superseded][] =>
    field.fate === "mapped" || field.fate === "part" || field.supersededBy === null
      ? []
      : [[name, field, field.supersededBy]],
  );
}

/** A text as two places of the source are compared: without regard to case, and to how its words are parted. */
export function sameText(expression: string): Sql {
  return raw(`lower(btrim(regexp_replace(${expression}, '\\s+', ' ', 'g')))`);
}

/** The column that a field of a collection fills. */
export function columnOf(collection: Collection, name: string): string {
  const field = mappedFields(collection).find(([own]) => own === name)?.[1];
  if (field === undefined) throw new Error(`${collection.name}.${name} fills no column`);
  return field.column;
}

/**
 * The cells of a field that nothing else in the source says, and no row that is here: `row_id`, `record_id`, `reason` and `detail`. It looks
 * at the typed rows that the decoders made, whether they come in or wait.
 */
export function findUnproven(
  batch: Batch,
  ledger: LedgerCollection,
  shape: Shape,
  name: string,
  field: UnmappedField,
  supersededBy: Superseded,
): Sql {
  const collectionOf = (wanted: string) =>
    batch.mapping.collections.find((candidate) => candidate.name === wanted) as Collection;
  const json = sql`app_private.readable_json(coalesce(payload.fixed_text, payload.source_text)) -> ${batch.mapping.cellsIn}::text`;
  const named = join(
    [name, ...field.aliases].map((known) => sql`nullif(cells.json -> ${known}::text, 'null')`),
    ", ",
  );
  const elements = sql`
    incoming as materialized (${incomingRows(batch, ledger.id, shape)}),
    cell as materialized (
      select incoming.*, element.value as text
      from incoming
      join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = incoming.row_id
      cross join lateral (select ${json} as json offset 0) cells
      cross join lateral (select coalesce(${named}) as json offset 0) given
      cross join lateral jsonb_array_elements_text(
        case jsonb_typeof(given.json) when 'array' then given.json else jsonb_build_array(given.json) end
      ) as element (value)
      where given.json is not null and given.json <> 'false' and element.value ~ '\\S'
    )`;
  const unproven = (isProven: Sql, detail: string, before = raw("")) => sql`
    with ${elements}${before}
    select distinct on (cell.row_id) cell.row_id, cell.record_id, 'found_nowhere_else' as reason, ${detail}::text as detail
    from cell
    where not coalesce(${isProven}, false)`;

  switch (supersededBy.kind) {
    case "agreeing": {
      const conditions = Object.entries(supersededBy.options).map(
        ([option, condition]) => sql`when ${option} then (${raw(condition)})`,
      );
      return unproven(
        sql`case cell.text ${join(conditions, " ")} end`,
        "The other fields of the record say something else.",
      );
    }
    case "linked": {
      const link = mappedFields(ledger.collection).find(([own]) => own === supersededBy.link)?.[1];
      if (link?.codec.linksTo === undefined) throw new Error(`${supersededBy.link} is no link`);
      const target = collectionOf(link.codec.linksTo);
      const column = columnOf(target, supersededBy.field);
      const ownLink = raw(link.column);
      return unproven(
        sql`exists (
          select from app_private.import_payloads payload
          where payload.batch_id = ${batch.id} and payload.row_id = cell.${ownLink}
            and ${sameText(`payload.rows -> '${target.table}' -> 0 ->> '${column}'`)} = ${sameText("cell.text")}
        ) or exists (
          select from ${raw(shape.table)} existing
          join ${raw(target.table as string)} linked on linked.tenant_id = existing.tenant_id and linked.id = existing.${ownLink}
          where existing.tenant_id = ${batch.tenantId} and existing.id = cell.row_id
            and ${sameText(`linked.${column}`)} = ${sameText("cell.text")}
        )`,
        `${supersededBy.link} links to another, or to none.`,
      );
    }
    case "linking": {
      const other = collectionOf(supersededBy.collection);
      const table = other.table as string;
      const link = columnOf(other, supersededBy.link);
      const columns = supersededBy.fields.map((wanted) => columnOf(other, wanted));
      const typed = raw(columns.map((column) => `(payload.rows -> '${table}' -> 0 ->> '${column}')`).join(", "));
      const here = raw(columns.map((column) => `(existing.${column}::text)`).join(", "));
      const said = sql`,
        said as materialized (
          select (payload.rows -> ${table} -> 0 ->> ${link})::uuid as linked_id, ${sameText("said.text")} as text
          from app_private.import_payloads payload
          join imports.collections line on line.tenant_id = ${batch.tenantId} and line.id = payload.collection_id
          cross join lateral (values ${typed}) as said (text)
          where payload.batch_id = ${batch.id} and line.name = ${other.name} and payload.rows is not null
          union
          select existing.${raw(link)}, ${sameText("said.text")}
          from ${raw(table)} existing
          cross join lateral (values ${here}) as said (text)
          where existing.tenant_id = ${batch.tenantId}
        )`;
      const isSame =
        supersededBy.values === null
          ? sql`said.text = ${sameText("cell.text")}`
          : sql`said.text = any (${supersededBy.values}::text[])`;
      return unproven(
        sql`exists (select from said where said.linked_id = cell.row_id and ${isSame})`,
        `No record of ${other.name} that belongs to it says the same.`,
        said,
      );
    }
  }
}
