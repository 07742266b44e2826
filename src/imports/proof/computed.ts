import { type Computation, type Derivation, type MappedField, mappedFields } from "../mappings/mapping.ts";
import { isEdited, latestBase, latestHash, rowHash } from "../pipeline/row_hash.ts";
import { join, raw, run, type Sql, shapeOf, sql } from "../pipeline/sql.ts";
import { sameName } from "../pipeline/validate.ts";
import { type Check, offendersShown, type Proving, quoted } from "./check.ts";
import {
  cameIn,
  cellsIn,
  exceptCarried,
  isDerivedAnew,
  isOfSource,
  landedJson,
  rereadRecords,
  withAccounts,
} from "./source_cells.ts";

/*
 * What is worked out: by Landfall, of rows that no field gives, and by the source, of its own records. Both are worked out once more.
 */

/** Checks derived columns, and the fields that the source computes, as far as it has them. */
export async function checkComputed(proving: Proving): Promise<Check[]> {
  const { batch, line } = proving;
  const { derived } = line.collection;
  const checks: Check[] = [];
  for (const [column, derivation] of Object.entries(derived)) {
    checks.push(await judge(proving, column, judgeDerived(proving, column, derivation)));
  }
  const names = new Set(line.source.fields.map(({ name }) => name));
  for (const [name, field] of Object.entries(line.collection.fields)) {
    if (field.fate === "mapped" || field.fate === "part" || field.computed === null) continue;
    const known = [name, ...field.aliases].filter((candidate) => names.has(candidate));
    if (known.length === 0) continue;
    const cell = (cells: string) =>
      `nullif(coalesce(${known.map((own) => `${cells} -> ${quoted(own)}`).join(", ")}), 'null')`;
    const { over } = field.computed;
    const judged =
      over === null
        ? sql`with ${withAccounts(batch, line)}, judged as (${judgeFormula(proving, field.computed, cell("landed.cells"))})`
        : judgeRollup(proving, field.computed, over, cell);
    if (judged !== null) checks.push(await judge(proving, `${name}, as the source has it`, judged));
  }
  return checks;
}

/** `judged` gives record_id and is_right; null is_right where there is nothing to judge. */
async function judge({ client, line }: Proving, name: string, judged: Sql): Promise<Check> {
  const [found] = await run<{ expected: string; actual: string; offending: string[] | null }>(
    client,
    sql`
      ${judged}
      select count(is_right) as expected, count(*) filter (where is_right) as actual,
             (array_agg(record_id) filter (where not is_right))[1:${offendersShown}::integer] as offending
      from judged`,
  );
  return {
    collectionId: line.id,
    layer: "computed",
    name,
    expected: Number(found?.expected),
    actual: Number(found?.actual),
    offending: found?.offending ?? [],
  };
}

/** What people wrote into a column, or into one that it is made of, is not Landfall's. */
function judgeDerived(proving: Proving, column: string, derivation: Derivation): Sql {
  const { batch, line, ledger } = proving;
  const shape = shapeOf(line.collection);
  const table = raw(shape.table);
  const own = raw(`row.${column}`);
  const rows = sql`
    from imports.records record
    join ${table} row on row.tenant_id = ${batch.tenantId} and row.id = record.row_id`;
  const judged = (isRight: Sql, joins: Sql = raw("")) => sql`
    with ${withAccounts(batch, line)},
    judged as (
      select record.record_id, coalesce(${isRight}, false) as is_right
      ${rows}
      ${joins}
      where ${isDerivedAnew(proving)} and ${isOfSource([column, ...sourcesOf(derivation)])}
    )`;
  switch (derivation.kind) {
    case "slug":
      // Given once: a row that was renamed later, by another import or a replay, keeps it, just as it was written.
      return judged(
        sql`
          case when record.outcome = 'inserted' and not exists (
              select from app_private.import_before_images image
              where image.batch_id = ${batch.id} and image.row_id = record.row_id and image.table_name = ${shape.table}
            )
            then ${own} in (expected.slug, expected.slug || '-' || left(row.id::text, 8))
            else not ${isEdited(shape, "row", column)} end`,
        sql`
          left join lateral (${latestBase(batch, shape, "row")}) latest on true
          cross join lateral (
            select coalesce(
              nullif(regexp_replace(regexp_replace(lower(row.${raw(derivation.from)}), '[^a-z0-9]+', '-', 'g'), '^-|-$', '', 'g'), ''),
              'untitled'
            ) as slug
          ) expected`,
      );
    case "rank": {
      // In the source's order; from 0 without a gap, where nobody but the source put rows into the group, and the table refused none.
      const by = raw([...derivation.by.map((name) => `row.${name}`), "row.id"].join(", "));
      const within = raw(`row.${derivation.within}`);
      return judged(
        sql`
          row_number() over (partition by ${within} order by ${by}) = row_number() over (partition by ${within} order by ${own})
          and (
            count(*) over (partition by ${within}) < whole.rows
            or exists (
              select from imports.records refused
              where refused.tenant_id = ${batch.tenantId} and refused.collection_id = ${line.id} and refused.reason = 'refused_by_table'
            )
            or ${own} = row_number() over (partition by ${within} order by ${by}) - 1
          )`,
        sql`
          join (
            select row.${raw(derivation.within)} as group_id, count(*) as rows
            from ${table} row
            where row.tenant_id = ${batch.tenantId}
            group by row.${raw(derivation.within)}
          ) whole on whole.group_id = ${within}`,
      );
    }
    case "through":
      return judged(
        sql`${own} = through.${raw(derivation.column)}`,
        sql`
          left join ${raw(derivation.table)} through
            on through.tenant_id = ${batch.tenantId} and through.id = row.${raw(derivation.link)}`,
      );
    case "byName": {
      // By the row, or by its record where people have given it another name since.
      const target = ledger.find(({ collection }) => collection.name === derivation.collection)?.collection;
      const isSame = (name: string) => sql`${sameName(name)} = ${sameName(`row.${derivation.from}`)}`;
      if (target === undefined) return judged(sql`${own} is null`);
      const [name, field] = mappedFields(target).find(([, { column: filled }]) => filled === derivation.column) ?? [];
      const cells = [name ?? "", ...(field?.aliases ?? [])].map(
        (known) => `${cellsIn(batch.mapping, "landed.json")} ->> ${quoted(known)}`,
      );
      return judged(sql`
        case when coalesce(row.${raw(derivation.from)}, '') !~ '\\S' then ${own} is null
          else exists (
            select from ${raw(target.table as string)} named
            where named.tenant_id = ${batch.tenantId} and named.id = ${own} and ${isSame(`named.${derivation.column}`)}
          ) or exists (
            select from app_private.import_payloads payload
            cross join lateral (select ${landedJson} as json offset 0) landed
            where payload.batch_id = ${batch.id} and payload.row_id = ${own} and ${isSame(`coalesce(${cells.join(", ")})`)}
          )
        end`);
    }
    case "constant":
      return judged(sql`${own} = ${derivation.value}::${raw(derivation.type)}`);
  }
}

/** The columns of the row that a derived one is made of. */
function sourcesOf(derivation: Derivation): string[] {
  switch (derivation.kind) {
    case "slug":
      return [derivation.from];
    case "rank":
      return [derivation.within, ...derivation.by];
    case "through":
      return [derivation.link];
    case "byName":
      return [derivation.from];
    case "constant":
      return [];
  }
}

/** Whether a cell holds a value: where the source could not work one out, it says so by an object. */
const isValue = (cell: string) => `jsonb_typeof(${cell}) is distinct from 'object'`;

/**
 * A formula of the record alone, or of the record that it links to; where a cell of either waits or was edited here, the row is not what the
 * source worked on.
 */
function judgeFormula(proving: Proving, { codec, through, sql: expression }: Computation, cell: string): Sql {
  const { batch } = proving;
  const told = codec.sql(cell, `'${batch.sourceId}'::uuid`);
  const linked = through === null ? null : linkedRow(proving, through);
  return sql`
    select record.record_id,
           case when waiting.fields is null and record.kept_columns is null and ${raw(isValue(cell))} ${linked?.isSettled ?? raw("")}
             then ${raw(told)} is not distinct from (${raw(expression)})::${raw(codec.type)}
           end as is_right
    ${rereadRecords(proving, linked?.joins)}`;
}

/** `linked`: the row that a link points to, and whether it is as its record says. */
function linkedRow({ batch, line, ledger }: Proving, name: string): { joins: Sql; isSettled: Sql } {
  const link = mappedFields(line.collection).find(([own]) => own === name)?.[1];
  const other = ledger.find(({ collection }) => collection.name === link?.codec.linksTo);
  if (link === undefined || other === undefined) throw new Error(`${line.collection.name}.${name} links to nothing`);
  const shape = shapeOf(other.collection);
  return {
    joins: sql`
      left join ${raw(shape.table)} linked on linked.tenant_id = ${batch.tenantId} and linked.id = row.${raw(link.column)}
      left join imports.records known
        on known.tenant_id = ${batch.tenantId} and known.batch_id = ${batch.id} and known.row_id = linked.id`,
    isSettled: sql`
      and (linked.id is null or (
        known.outcome in ('inserted', 'updated', 'unchanged') and known.kept_columns is null
        and ${rowHash(shape, "linked")} = (${latestHash(batch, shape, "linked")})
        and not exists (
          select from imports.issues issue
          where issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.row_id = linked.id
            and issue.fate = 'quarantined' and issue.settled_at is null
        )
      ))`,
  };
}

/**
 * A count or another aggregate over the records that link to this one, worked out over their rows. Where one of those records waits, was
 * held, was edited here or is a row of theirs, or where another record was merged into this one, the rows are not what the source worked on.
 */
function judgeRollup(
  proving: Proving,
  { codec, sql: aggregate }: Computation,
  over: { collection: string; link: string },
  cellIn: (cells: string) => string,
): Sql | null {
  const { batch, line, ledger, merged } = proving;
  const other = ledger.find(({ collection }) => collection.name === over.collection);
  const link = mappedFields(other?.collection ?? line.collection).find(([name]) => name === over.link)?.[1];
  if (other === undefined || link === undefined || other.collection.table === null) return null;
  const table = raw(other.collection.table);
  const cells = raw(cellsIn(batch.mapping, "landed.json"));
  const cell = cellIn(`(${cellsIn(batch.mapping, "landed.json")})`);
  const told = codec.sql("told.cell", `'${batch.sourceId}'::uuid`);
  return sql`
    with ${withAccounts(batch, other)},
    unsettled as (
      select distinct linked.record_id
      from app_private.import_payloads payload
      left join imports.records record
        on record.tenant_id = ${batch.tenantId} and record.batch_id = ${batch.id} and record.row_id = payload.row_id
      cross join lateral (select ${landedJson} as json offset 0) landed
      ${linkedRecords(over.link, link, cells)}
      where payload.batch_id = ${batch.id} and payload.collection_id = ${other.id}
        and (
          record.outcome is null or record.outcome not in ('inserted', 'updated', 'unchanged') or record.kept_columns is not null
          or exists (select from theirs where theirs.row_id = payload.row_id)
          or exists (select from waiting where waiting.row_id = payload.row_id)
        )
    ),
    worked_out as (
      select row.${raw(link.column)} as parent_id, (${raw(aggregate)})::${raw(codec.type)} as value
      from imports.records record
      join ${table} row on row.tenant_id = ${batch.tenantId} and row.id = record.row_id
      where ${cameIn(batch, other)}
      group by row.${raw(link.column)}
    ),
    told as (
      select record.row_id, record.record_id, ${raw(cell)} as cell
      from imports.records record
      join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = record.row_id
      cross join lateral (select ${landedJson} as json offset 0) landed
      where record.tenant_id = ${batch.tenantId} and record.collection_id = ${line.id}
        and record.outcome in ('inserted', 'updated', 'unchanged')
        ${exceptCarried(proving, "record")}
        and not exists (select from unsettled where unsettled.record_id = record.record_id)
        and record.row_id <> all (${merged.intoIds}::uuid[])
    ),
    judged as (
      select told.record_id,
             case when ${raw(isValue("told.cell"))} then
               ${raw(told)} is not distinct from case when worked_out.parent_id is null
                 then (select (${raw(aggregate)})::${raw(codec.type)} from ${table} row where false)
                 else worked_out.value
               end
             end as is_right
      from told
      left join worked_out on worked_out.parent_id = told.row_id
    )`;
}

/** The records that a link cell names, under whichever of the field's names. */
function linkedRecords(name: string, link: MappedField, cells: Sql): Sql {
  const named = join(
    [name, ...link.aliases].map((known) => sql`${cells} -> ${known}::text`),
    ", ",
  );
  return sql`
    cross join lateral jsonb_array_elements_text(
      case jsonb_typeof(coalesce(${named})) when 'array' then coalesce(${named}) else '[]' end
    ) as linked (record_id)`;
}
