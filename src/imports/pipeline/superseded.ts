import type pg from "pg";
import { type Collection, mappedFields, type Superseded, type UnmappedField } from "../mappings/mapping.ts";
import { landedJson } from "../proof/source_cells.ts";
import { reasons } from "../reasons.ts";
import type { Batch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { incomingRows, join, raw, run, type Shape, type Sql, sql } from "./sql.ts";

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

/** What shows that a cell says nothing new: common tables, and the condition that a `given` cell meets. */
interface Proof {
  tables: Sql[];
  isProven: Sql;
  /** What is told where it does not. */
  detail: string;
}

/**
 * Quarantines the cells that were dropped because the source says the same elsewhere, and for which that does not hold: neither in the typed
 * rows that the decoders made, whether they come in or wait, nor in the rows that are here.
 */
export async function checkSuperseded(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  shape: Shape,
): Promise<void> {
  const fields = supersededFields(ledger.collection);
  if (fields.length === 0) return;
  const proofs = fields.map(([name, , supersededBy], index) => ({
    name,
    ...proveBy(batch, ledger, shape, supersededBy, String(index)),
  }));
  const tables = new Map(proofs.flatMap(({ tables: needed }) => needed.map((table) => [table.texts.join("$"), table])));
  const known = fields.flatMap(([name, { aliases }]) => [name, ...aliases].map((source) => ({ name, source })));
  const unproven = proofs.map(
    ({ name, isProven, detail }) => sql`
      select given.row_id, given.record_id, given.source, given.original, ${detail}::text as detail
      from given
      join incoming on incoming.row_id = given.row_id
      where given.field = ${name} and not ${isProven}`,
  );
  await run(
    client,
    sql`
    with incoming as materialized (${incomingRows(batch, ledger.id, shape)}),
    given as materialized (
      select incoming.row_id, incoming.record_id, known.field, known.source, cell.value::text as original, element.value as word,
             ${sameText("element.value")} as text
      from incoming
      join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = incoming.row_id
      cross join lateral (select ${landedJson} -> ${batch.mapping.cellsIn}::text as json offset 0) cells
      cross join unnest(${known.map(({ name }) => name)}::text[], ${known.map(({ source }) => source)}::text[]) as known (field, source)
      cross join lateral (select cells.json -> known.source as value offset 0) cell
      cross join lateral jsonb_array_elements_text(
        case jsonb_typeof(cell.value) when 'array' then cell.value else jsonb_build_array(cell.value) end
      ) as element (value)
      where cell.value is not null and cell.value not in ('null', 'false') and element.value ~ '\\S'
    ),
    ${join([...tables.values(), sql`bad as materialized (${join(unproven, " union all ")})`], ",\n")},
    told as (
      insert into imports.issues (batch_id, collection_id, row_id, record_id, field, fate, reason, original, detail, way_out)
      select distinct on (bad.row_id, bad.source) ${batch.id}::uuid, ${ledger.id}::uuid, bad.row_id, bad.record_id, bad.source,
             'quarantined'::imports.cell_fate, 'found_nowhere_else', bad.original, bad.detail, ${reasons.found_nowhere_else}
      from bad
      returning field
    )
    update imports.fields counts
    set dropped = counts.dropped - moved.cells, quarantined = counts.quarantined + moved.cells
    from (select field, count(*) as cells from told group by field) moved
    where counts.tenant_id = ${batch.tenantId} and counts.collection_id = ${ledger.id} and counts.name = moved.field`,
  );
}

function proveBy(
  batch: Batch,
  ledger: LedgerCollection,
  shape: Shape,
  supersededBy: Superseded,
  suffix: string,
): Proof {
  const collectionOf = (wanted: string) =>
    batch.mapping.collections.find((candidate) => candidate.name === wanted) as Collection;
  const landedOf = (collection: Collection) => sql`
    from app_private.import_payloads payload
    join imports.collections line on line.tenant_id = ${batch.tenantId} and line.id = payload.collection_id
    where payload.batch_id = ${batch.id} and line.name = ${collection.name} and payload.rows is not null`;
  switch (supersededBy.kind) {
    case "agreeing": {
      const conditions = Object.entries(supersededBy.options).map(
        ([option, condition]) => sql`when ${option} then (${raw(condition)})`,
      );
      return {
        tables: [],
        isProven: sql`coalesce(case given.word ${join(conditions, " ")} end, false)`,
        detail: "The other fields of the record say something else.",
      };
    }
    case "linked": {
      const link = mappedFields(ledger.collection).find(([own]) => own === supersededBy.link)?.[1];
      if (link?.codec.linksTo === undefined) throw new Error(`${supersededBy.link} is no link`);
      const target = collectionOf(link.codec.linksTo);
      const column = columnOf(target, supersededBy.field);
      const name = raw(`linked_${suffix}`);
      // Of a row that people have linked since, its own link counts as well.
      const table = sql`
        ${name} as materialized (
          select links.row_id, said.text
          from (
            select incoming.row_id, incoming.${raw(link.column)} as linked_id from incoming
            union
            select existing.id, existing.${raw(link.column)}
            from ${raw(shape.table)} existing
            join incoming on incoming.row_id = existing.id
            where existing.tenant_id = ${batch.tenantId}
          ) links
          join (
            select payload.row_id as id, ${sameText(`payload.rows -> '${target.table}' -> 0 ->> '${column}'`)} as text
            ${landedOf(target)}
            union
            select existing.id, ${sameText(`existing.${column}::text`)}
            from ${raw(target.table as string)} existing
            where existing.tenant_id = ${batch.tenantId}
          ) said on said.id = links.linked_id
        )`;
      return {
        tables: [table],
        isProven: sql`exists (select from ${name} linked where linked.row_id = given.row_id and linked.text = given.text)`,
        detail: `${supersededBy.link} links to another, or to none.`,
      };
    }
    case "linking": {
      const other = collectionOf(supersededBy.collection);
      const link = columnOf(other, supersededBy.link);
      const columns = mappedFields(other).flatMap(([name, field]) =>
        supersededFields(ledger.collection).some(
          ([, , by]) => by.kind === "linking" && by.collection === other.name && by.fields.includes(name),
        )
          ? [{ name, column: field.column }]
          : [],
      );
      const name = raw(`said_by_${batch.mapping.collections.indexOf(other)}_${link}`);
      const typed = columns.map(
        (own) => sql`(${own.name}::text, ${raw(`payload.rows -> '${other.table}' -> 0 ->> '${own.column}'`)})`,
      );
      const here = columns.map((own) => sql`(${own.name}::text, ${raw(`existing.${own.column}::text`)})`);
      const table = sql`
        ${name} as materialized (
          select said.linked_id, said.field, ${sameText("said.text")} as text
          from (
            select (payload.row ->> ${link})::uuid as linked_id, cell.field, cell.text
            from (select payload.rows, payload.rows -> ${other.table} -> 0 as row ${landedOf(other)}) payload
            cross join lateral (values ${join(typed, ", ")}) as cell (field, text)
            union all
            select existing.${raw(link)}, cell.field, cell.text
            from ${raw(other.table as string)} existing
            cross join lateral (values ${join(here, ", ")}) as cell (field, text)
            where existing.tenant_id = ${batch.tenantId}
          ) said
        )`;
      const isSame =
        supersededBy.values === null
          ? raw("said.text = given.text")
          : sql`said.text = any (${supersededBy.values}::text[])`;
      return {
        tables: [table],
        isProven: sql`exists (
          select from ${name} said where said.linked_id = given.row_id and said.field = any (${supersededBy.fields}::text[]) and ${isSame}
        )`,
        detail: `No record of ${other.name} that belongs to it says the same.`,
      };
    }
  }
}
