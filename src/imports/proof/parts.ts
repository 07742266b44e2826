import { mappedFields, type Part, parentsOf } from "../mappings/mapping.ts";
import { join, raw, run, type Sql, sql } from "../pipeline/sql.ts";
import { type Check, offendersShown, type Proving, quoted } from "./check.ts";
import { cellsIn, landedJson } from "./source_cells.ts";

/**
 * That the records of a part are those that its parents' cells make, no more and no fewer, and say what these say: worked out again from
 * the text of the parents. Where all of them are carried over, and nothing of the part is gone, they were proved together.
 */
export async function checkParts(proving: Proving): Promise<Check[]> {
  const { client, batch, line } = proving;
  const { partOf } = line.collection;
  if (partOf === null || (await areCarriedTogether(proving, partOf))) return [];
  const [found] = await run<{ expected: string; actual: string; offending: string[] | null }>(
    client,
    sql`
      with expected as materialized (${expectedRecords(proving, partOf)}),
      made as materialized (
        select payload.record_id, ${cameAs} -> ${batch.mapping.cellsIn}::text as cells
        from app_private.import_payloads payload
        where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id}
      ),
      compared as (
        select coalesce(expected.record_id, made.record_id) as record_id, expected.record_id is not null as is_expected,
               coalesce(expected.cells = made.cells, false) as is_right
        from expected
        full join made on made.record_id = expected.record_id
      )
      select count(*) filter (where is_expected) as expected, count(*) filter (where is_right) - count(*) filter (where not is_expected) as actual,
             (array_agg(record_id order by record_id) filter (where not is_right))[1:${offendersShown}::integer] as offending
      from compared`,
  );
  return [
    {
      collectionId: line.id,
      layer: "counts",
      name: "cells and the records made of them",
      expected: Number(found?.expected),
      actual: Number(found?.actual),
      offending: found?.offending ?? [],
    },
  ];
}

async function areCarriedTogether(
  { client, batch, line, ledger, derivesAll }: Proving,
  partOf: Part,
): Promise<boolean> {
  if (derivesAll) return false;
  const together = [line, ...ledger.filter(({ collection }) => parentsOf(partOf).includes(collection.name))].map(
    ({ id }) => id,
  );
  const { rows } = await client.query<{ are_carried: boolean }>(
    `select not exists (
       select from app_private.import_payloads payload
       where payload.batch_id = $2 and payload.collection_id = any ($4::uuid[]) and not payload.is_carried
     ) and (
       select own.landed = known.landed
       from imports.collections own
       join imports.batches batch on batch.tenant_id = own.tenant_id and batch.id = own.batch_id
       join imports.collections known
         on known.tenant_id = own.tenant_id and known.batch_id = batch.carried_from_id and known.name = own.name
       where own.tenant_id = $1 and own.id = $3
     ) is true as are_carried`,
    [batch.tenantId, batch.id, line.id, together],
  );
  return rows[0]?.are_carried ?? false;
}

/** A part's record as it was made, without what people put right in it. */
const cameAs = raw(
  "(case when payload.holds_refused_text then app_private.readable_json(payload.source_text) else payload.source_text::jsonb end)",
);

/** `record_id` and `cells` of the records that should be there. */
function expectedRecords(proving: Proving, partOf: Part): Sql {
  switch (partOf.kind) {
    case "split": {
      const own = mappedFields(proving.line.collection).flatMap(([name, { isBeside }]) =>
        isBeside || name === partOf.owner
          ? []
          : [sql`(${name}::text, ${cellOfParent(proving, partOf.collection, name)})`],
      );
      return sql`
        select record_id, cells || jsonb_build_object(${partOf.owner}::text, jsonb_build_array(record_id)) as cells
        from (
          select parent.record_id, jsonb_object_agg(own.name, own.cell) filter (where own.cell <> 'null') as cells
          from (${parentRecords(proving, partOf.collection)}) parent
          cross join lateral (values ${join(own, ", ")}) as own (name, cell)
          group by parent.record_id
        ) parents
        where cells is not null`;
    }
    case "elements": {
      const fields = partOf.fields.map((name) => {
        const takes = takesOf(proving, partOf.collection, name);
        const element = takes === "links" ? sql`jsonb_build_array(element.value)` : sql`to_jsonb(element.value)`;
        const field =
          partOf.field === null ? sql`'{}'::jsonb` : sql`jsonb_build_object(${partOf.field}::text, ${name}::text)`;
        const id = sql`parent.record_id || '/' || ${partOf.field === null ? "" : `${name}/`}::text || element.value`;
        return sql`
          select ${id} as record_id,
                 jsonb_build_object(${partOf.owner}::text, jsonb_build_array(parent.record_id), ${partOf.element}::text, ${element}) || ${field} as cells
          from (${parentRecords(proving, partOf.collection)}) parent
          cross join lateral (${elementsOf(proving, partOf.collection, name, takes === "names")}) as element`;
      });
      return sql`select distinct record_id, cells from (${join(fields, " union all ")}) made`;
    }
    case "names": {
      const cells = partOf.cells
        .filter(({ collection }) => proving.ledger.some((line) => line.collection.name === collection))
        .map(
          ({ collection, field }) => sql`
            select element.value
            from (${parentRecords(proving, collection)}) parent
            cross join lateral (${elementsOf(proving, collection, field, true)}) as element`,
        );
      return sql`
        select distinct value as record_id, jsonb_build_object(${partOf.element}::text, value) as cells
        from (${join(cells, " union all ")}) named`;
    }
  }
}

function takesOf({ ledger }: Proving, collection: string, name: string): string {
  const field = ledger.find((line) => line.collection.name === collection)?.collection.fields[name];
  return field?.fate === "part" ? field.takes : "options";
}

/** `row_id`, `record_id` and `json` of the parents, as they landed or were put right. */
function parentRecords({ batch, ledger }: Proving, collection: string): Sql {
  const line = ledger.find((candidate) => candidate.collection.name === collection);
  return sql`
    select payload.row_id, payload.record_id, ${landedJson} as json
    from app_private.import_payloads payload
    where payload.batch_id = ${batch.id} and payload.collection_id = ${line?.id ?? null} and payload.source_text is not null`;
}

/** The cell of a parent under whichever of the field's names it has. */
function cellOfParent({ batch, ledger }: Proving, collection: string, name: string): Sql {
  const field = ledger.find((line) => line.collection.name === collection)?.collection.fields[name];
  const cells = [name, ...(field?.aliases ?? [])].map(
    (known) => `nullif(${cellsIn(batch.mapping, "parent.json")} -> ${quoted(known)}, 'null')`,
  );
  return raw(`coalesce(${cells.join(", ")}, 'null')`);
}

/** Why a cell is no list of texts, or not one that PostgreSQL takes: it waits with the parent. */
const unusable = ["wrong_type", "refused_text", "doubled_field"];

/** `value`: the elements of a cell that is a list of texts; of names also a text, and each without the blanks around it. */
function elementsOf(proving: Proving, collection: string, name: string, areNames: boolean): Sql {
  const { batch } = proving;
  const cell = cellOfParent(proving, collection, name);
  const list = areNames
    ? sql`case jsonb_typeof(${cell}) when 'array' then ${cell} when 'string' then jsonb_build_array(${cell}) else '[]' end`
    : sql`case jsonb_typeof(${cell}) when 'array' then ${cell} else '[]' end`;
  const value = areNames ? raw("btrim(item.value, E' \\t\\r\\n')") : raw("item.value");
  return sql`
    select ${value} as value
    from jsonb_array_elements_text(${list}) as item (value)
    where not exists (select from jsonb_array_elements(${list}) other (value) where jsonb_typeof(other.value) <> 'string')
      ${areNames ? raw("and btrim(item.value, E' \\t\\r\\n') <> ''") : raw("")}
      and not exists (
        select from imports.issues issue
        where issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.row_id = parent.row_id
          and issue.field = ${name} and issue.reason = any (${unusable}::text[]) and issue.settled_at is null
      )`;
}
