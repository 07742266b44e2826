import { type Collection, mappedFields, type Superseded } from "../mappings/mapping.ts";
import { join, raw, run, type Sql, sql } from "../pipeline/sql.ts";
import { columnOf, sameText, supersededFields } from "../pipeline/superseded.ts";
import { type Check, offendersShown, type Proving, quoted } from "./check.ts";
import { cellsIn, isDerivedAnew, landedJson, withAccounts } from "./source_cells.ts";

/**
 * That no cell was dropped of which the source, or a row that is here, does not say the same elsewhere: looked for in the texts that landed
 * and in the tables, not in the typed rows.
 */
export async function checkSuperseded(proving: Proving): Promise<Check[]> {
  const { client, batch, line } = proving;
  const declared = new Set(line.source.fields.map(({ name }) => name));
  const checks: Check[] = [];
  for (const [name, field, supersededBy] of supersededFields(line.collection)) {
    const names = [name, ...field.aliases];
    if (!names.some((known) => declared.has(known))) continue;
    const cell = raw(names.map((known) => `nullif(cells.json -> ${quoted(known)}, 'null')`).join(", "));
    const [found] = await run<{ expected: string; actual: string; offending: string[] | null }>(
      client,
      sql`
        with ${withAccounts(batch, line)},
        dropped as materialized (
          select record.record_id, row.id, element.value as text
          from imports.records record
          join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = record.row_id
          join ${raw(line.collection.table as string)} row on row.tenant_id = ${batch.tenantId} and row.id = record.row_id
          left join waiting on waiting.row_id = record.row_id
          cross join lateral (select ${landedJson} -> ${batch.mapping.cellsIn}::text as json offset 0) cells
          cross join lateral (select coalesce(${cell}) as json offset 0) given
          cross join lateral jsonb_array_elements_text(
            case jsonb_typeof(given.json) when 'array' then given.json else jsonb_build_array(given.json) end
          ) as element (value)
          where ${isDerivedAnew(proving)} and given.json is not null and given.json <> 'false' and element.value ~ '\\S'
            and record.kept_columns is null and (waiting.fields is null or not waiting.fields && ${names}::text[])
        ),
        judged as (
          select dropped.record_id, coalesce(${isSaidElsewhere(proving, supersededBy)}, false) as is_right
          from dropped
          join ${raw(line.collection.table as string)} row on row.tenant_id = ${batch.tenantId} and row.id = dropped.id
        )
        select count(*) as expected, count(*) filter (where is_right) as actual,
               (array_agg(distinct record_id) filter (where not is_right))[1:${offendersShown}::integer] as offending
        from judged`,
    );
    checks.push({
      collectionId: line.id,
      layer: "references",
      name: `${name}, dropped, and where it is said`,
      expected: Number(found?.expected),
      actual: Number(found?.actual),
      offending: found?.offending ?? [],
    });
  }
  return checks;
}

function isSaidElsewhere(proving: Proving, supersededBy: Superseded): Sql {
  const { batch, line, ledger } = proving;
  switch (supersededBy.kind) {
    case "agreeing": {
      const conditions = Object.entries(supersededBy.options).map(
        ([option, condition]) => sql`when ${option} then (${raw(condition)})`,
      );
      return sql`case dropped.text ${join(conditions, " ")} end`;
    }
    case "linked": {
      const link = mappedFields(line.collection).find(([own]) => own === supersededBy.link)?.[1];
      const target = ledger.find(({ collection }) => collection.name === link?.codec.linksTo)?.collection;
      if (link === undefined || target === undefined) return raw("false");
      return sql`exists (
        select from ${raw(target.table as string)} linked
        where linked.tenant_id = ${batch.tenantId} and linked.id = row.${raw(link.column)}
          and ${sameText(`linked.${columnOf(target, supersededBy.field)}`)} = ${sameText("dropped.text")}
      ) or exists (
        select from app_private.import_payloads payload
        cross join lateral (select ${landedJson} as json offset 0) landed
        where payload.batch_id = ${batch.id} and payload.row_id = row.${raw(link.column)}
          and ${sameText(textOf(proving, target, supersededBy.field))} = ${sameText("dropped.text")}
      )`;
    }
    case "linking": {
      const other = ledger.find(({ collection }) => collection.name === supersededBy.collection);
      if (other === undefined) return raw("false");
      const link = columnOf(other.collection, supersededBy.link);
      const isSame = (text: string) =>
        supersededBy.values === null
          ? sql`${sameText(text)} = ${sameText("dropped.text")}`
          : sql`${sameText(text)} = any (${supersededBy.values}::text[])`;
      const here = supersededBy.fields.map((wanted) => isSame(`said.${columnOf(other.collection, wanted)}::text`));
      // Of a record that waits there is no row, but its text is in the ledger.
      const waiting = supersededBy.fields.map((wanted) => isSame(textOf(proving, other.collection, wanted)));
      const linkCells = namesOf(other.collection, supersededBy.link).map(
        (known) => `${cellsIn(batch.mapping, "landed.json")} -> ${quoted(known)}`,
      );
      return sql`exists (
        select from ${raw(other.collection.table as string)} said
        where said.tenant_id = ${batch.tenantId} and said.${raw(link)} = dropped.id and (${join(here, " or ")})
      ) or exists (
        select from imports.records held
        join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = held.row_id
        cross join lateral (select ${landedJson} as json offset 0) landed
        where held.tenant_id = ${batch.tenantId} and held.collection_id = ${other.id}
          and (held.outcome not in ('inserted', 'updated', 'unchanged') or held.kept_columns is not null)
          and coalesce(${raw(linkCells.join(", "))}) @> to_jsonb(dropped.record_id)
          and (${join(waiting, " or ")})
      )`;
    }
  }
}

function namesOf(collection: Collection, name: string): string[] {
  return [name, ...(collection.fields[name]?.aliases ?? [])];
}

/** The text of a cell in `landed.json`; of a select the value, for values are compared. */
function textOf({ batch }: Proving, collection: Collection, name: string): string {
  const cells = namesOf(collection, name).map(
    (known) => `${cellsIn(batch.mapping, "landed.json")} -> ${quoted(known)}`,
  );
  const field = mappedFields(collection).find(([own]) => own === name)?.[1];
  const cell = `coalesce(${cells.join(", ")})`;
  return field === undefined ? `${cell} #>> '{}'` : `(${field.codec.sql(cell, `'${batch.sourceId}'::uuid`)})::text`;
}
