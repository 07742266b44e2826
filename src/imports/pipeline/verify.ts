import type pg from "pg";
import { columnsOf, type Derivation, type MappedField, type Mapping, mappedFields } from "../mappings/mapping.ts";
import { type Batch, inBatch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { latestHash, rowHash } from "./row_hash.ts";
import { expectWholeCollections, join, raw, run, type Sql, shapeOf, sql } from "./sql.ts";

/*
 * The proof. Everything here starts from the text that landed and from the tables as they stand; it reads neither the typed rows of the
 * payload nor anything of the loader's. What it compares a column with are the codecs' SQL expressions, which are not their decoders.
 */

export interface Check {
  collectionId: string | null;
  layer: "counts" | "fields" | "references" | "types" | "computed";
  name: string;
  expected: number;
  actual: number;
  /** Record ids, the first twenty. */
  offending: string[];
}

const offendersShown = 20;

/**
 * Verifies a batch, over everything that it brought, and writes the checks into the ledger in place of earlier ones.
 *
 * @returns whether all of them passed
 */
export async function verify(batch: Batch, ledger: LedgerCollection[]): Promise<boolean> {
  return await inBatch(batch, async (client) => {
    await expectWholeCollections(client);
    const checks: Check[] = [];
    for (const line of ledger) {
      checks.push(...(await checkCounts(client, batch, line)));
      if (line.collection.table === null) continue;
      checks.push(...(await checkFields(client, batch, line)));
      checks.push(...(await checkReferences(client, batch, line, ledger)));
      checks.push(...(await checkDerived(client, batch, line)));
    }
    await writeChecks(client, batch, checks);
    return checks.every(({ expected, actual }) => expected === actual);
  });
}

async function writeChecks(client: pg.ClientBase, batch: Batch, checks: Check[]): Promise<void> {
  await client.query(`delete from imports.checks where tenant_id = $1 and batch_id = $2`, [batch.tenantId, batch.id]);
  await client.query(
    `insert into imports.checks (batch_id, collection_id, layer, name, expected, actual, offending)
     select $1, * from unnest($2::uuid[], $3::imports.check_layer[], $4::text[], $5::bigint[], $6::bigint[], $7::jsonb[])`,
    [
      batch.id,
      checks.map((check) => check.collectionId),
      checks.map((check) => check.layer),
      checks.map((check) => check.name),
      checks.map((check) => check.expected),
      checks.map((check) => check.actual),
      checks.map((check) => JSON.stringify(check.offending)),
    ],
  );
}

/** Every record that landed has one outcome, and every one that came in has its row. */
async function checkCounts(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<Check[]> {
  const rows =
    line.collection.table === null
      ? sql`0`
      : sql`(
          select count(*)
          from imports.records record
          join ${raw(line.collection.table)} row on row.tenant_id = ${batch.tenantId} and row.id = record.row_id
          where record.tenant_id = ${batch.tenantId} and record.collection_id = ${line.id}
            and record.outcome in ('inserted', 'updated', 'unchanged')
        )`;
  const [found] = await run<{
    landed: string;
    payloads: string;
    outcomes: string;
    present: string;
    rows: string;
    lost: string[] | null;
  }>(
    client,
    sql`
      select
        (select landed from imports.collections where tenant_id = ${batch.tenantId} and id = ${line.id}) as landed,
        (select count(*) from app_private.import_payloads where batch_id = ${batch.id} and collection_id = ${line.id}) as payloads,
        count(*) filter (where record.outcome <> 'deleted') as outcomes,
        count(*) filter (where record.outcome in ('inserted', 'updated', 'unchanged')) as present,
        ${rows} as rows,
        (select (array_agg(payload.record_id order by payload.position))[1:${offendersShown}::integer]
         from app_private.import_payloads payload
         where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} and not exists (
           select from imports.records known
           where known.tenant_id = ${batch.tenantId} and known.batch_id = ${batch.id} and known.row_id = payload.row_id
         )) as lost
      from imports.records record
      where record.tenant_id = ${batch.tenantId} and record.collection_id = ${line.id}`,
  );
  if (found === undefined) return [];
  const check = (name: string, expected: string, actual: string, offending: string[] = []): Check => ({
    collectionId: line.id,
    layer: "counts",
    name,
    expected: Number(expected),
    actual: Number(actual),
    offending,
  });
  return [
    check("records read and records kept", found.landed, found.payloads),
    check("records kept and outcomes", found.payloads, found.outcomes, found.lost ?? []),
    ...(line.collection.table === null ? [] : [check("records brought in and rows", found.present, found.rows)]),
  ];
}

/** The text that landed; what PostgreSQL's text refuses is replaced, for those few that hold it. */
export const landedJson = raw(
  "(case when payload.holds_refused_text then app_private.readable_json(payload.source_text) else payload.source_text::jsonb end)",
);

/**
 * The records of a collection that came in, read anew from their text: `source`. What people edited since the last import is theirs: the
 * columns in `kept` are not compared, nor is what Landfall works out for a row that anybody touched.
 */
function rereadRecords(batch: Batch, line: LedgerCollection, which: "all" | "untouched" = "all"): Sql {
  const shape = shapeOf(line.collection);
  const table = raw(shape.table);
  const condition =
    which === "all"
      ? sql`record.outcome in ('inserted', 'updated', 'unchanged')`
      : sql`record.kept_columns is null
          and (record.outcome in ('inserted', 'updated')
            or record.outcome = 'unchanged' and ${rowHash(shape, "row")} = (${latestHash(batch, shape, "row")}))`;
  return sql`
    source as materialized (
      select
        payload.row_id,
        payload.record_id,
        record.outcome,
        coalesce(record.kept_columns, '{}') as kept,
        ${landedJson} as json,
        (
          select coalesce(array_agg(issue.field), '{}')
          from imports.issues issue
          where issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.row_id = payload.row_id
            and issue.fate = 'quarantined' and issue.field is not null
        ) as waiting
      from imports.records record
      join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = record.row_id
      join ${table} row on row.tenant_id = ${batch.tenantId} and row.id = record.row_id
      where record.tenant_id = ${batch.tenantId}
        and record.collection_id = ${line.id}
        and ${condition}
    )`;
}

/** Every column of every row against what its record says. */
async function checkFields(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<Check[]> {
  const mapped = mappedFields(line.collection);
  // Each cell is taken out of the record once; `offset 0` keeps the planner from repeating it wherever it is used.
  const cells = raw(
    mapped.map(([name, field], index) => `${cellOf(batch.mapping, name, field)} as cell_${index}`).join(",\n"),
  );
  const columns = columnsOf(line.collection).map(({ column, fields }) => ({
    column,
    expected: expectedColumn(mapped, fields, batch.sourceId),
  }));
  const comparisons = join(
    columns.map(
      ({ column, expected }, index) =>
        sql`(${column}::text = any (source.kept) or (${expected}) is not distinct from row.${raw(column)}) as ${raw(`same_${index}`)}`,
    ),
    ",\n",
  );
  const counts = join(
    columns.map(
      (_column, index) => sql`
        count(*) filter (where ${raw(`same_${index}`)}) as ${raw(`same_${index}`)},
        (array_agg(record_id) filter (where not ${raw(`same_${index}`)}))[1:${offendersShown}::integer] as ${raw(`other_${index}`)}`,
    ),
    ",",
  );
  const [found] = await run<Record<string, string | string[] | null>>(
    client,
    sql`
      with ${rereadRecords(batch, line)},
      compared as (
        select source.record_id, ${comparisons}
        from source
        cross join lateral (select ${cells} offset 0) cell
        join ${raw(line.collection.table as string)} row on row.tenant_id = ${batch.tenantId} and row.id = source.row_id
      )
      select count(*) as records, ${counts} from compared`,
  );
  if (found === undefined) return [];
  return columns.map(({ column }, index) => ({
    collectionId: line.id,
    layer: "fields",
    name: column,
    expected: Number(found.records),
    actual: Number(found[`same_${index}`]),
    offending: (found[`other_${index}`] as string[] | null) ?? [],
  }));
}

/** What a column should hold, out of the raw cells: the field that fills it whole, and the members that are laid over it. */
export function expectedColumn(
  mapped: [string, MappedField][],
  fields: [string, MappedField][],
  sourceId: string,
): Sql {
  const valueSql = ([name, field]: [string, MappedField]): Sql => {
    const values = [name, ...field.orFrom].map((cellName) => {
      const cell = `cell.cell_${mapped.findIndex(([known]) => known === cellName)}`;
      const isKept = field.key !== null && field.codec.isKeptInJson;
      return raw(isKept ? cell : field.codec.sql(cell, `'${sourceId}'::uuid`));
    });
    return values.length === 1 ? (values[0] as Sql) : sql`coalesce(${join(values, ", ")})`;
  };
  const whole = fields.find(([, field]) => field.key === null);
  const members = fields.filter(([, field]) => field.key !== null);
  if (whole !== undefined && members.length === 0 && whole[1].codec.isSpread !== true) return valueSql(whole);
  const base = whole === undefined ? sql`'{}'::jsonb` : valueSql(whole);
  const filled = whole?.[1].codec.isSpread === true ? sql`coalesce(${base}, '{}')` : base;
  if (members.length === 0) return filled;
  const given = members.map((member) => {
    const key = sql`${member[1].key}::text`;
    return sql`coalesce(nullif(jsonb_build_object(${key}, ${valueSql(member)}), jsonb_build_object(${key}, null)), '{}')`;
  });
  const overlay = join(given, " || ");
  return sql`case when (${overlay}) = '{}' then ${filled} else coalesce(${filled}, '{}') || ${overlay} end`;
}

/** The raw cell of a field under whichever of its names the record has; null where it is empty, or waits in quarantine. */
export function cellOf(mapping: Mapping, name: string, field: MappedField): string {
  const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
  if (field.isBeside) return `nullif(source.json -> ${text(name)}, 'null')`;
  const cells = [name, ...field.aliases].map(
    (known) =>
      `case when ${text(known)} <> all (source.waiting) then nullif(source.json -> ${text(mapping.cellsIn)} -> ${text(known)}, 'null') end`,
  );
  return `coalesce(${cells.join(", ")})`;
}

/** Links, counted from both ends, and the reverse fields that the source keeps of them. */
async function checkReferences(
  client: pg.ClientBase,
  batch: Batch,
  line: LedgerCollection,
  ledger: LedgerCollection[],
): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [name, field] of mappedFields(line.collection)) {
    if (field.codec.linksTo === undefined) continue;
    const target = ledger.find(({ collection }) => collection.name === field.codec.linksTo)?.collection;
    if (target === undefined) continue;
    const column = raw(field.column);
    const [found] = await run<{ linked: string; pointing: string; arriving: string; astray: string[] | null }>(
      client,
      sql`
        with ${rereadRecords(batch, line)},
        links as (
          select source.row_id, source.record_id, ${raw(cellOf(batch.mapping, name, field))} ->> 0 as target_record
          from source
          where ${field.column}::text <> all (source.kept)
        ),
        rows as (
          select links.*, row.${column} as target_id, target.id as arrived_id
          from links
          join ${raw(line.collection.table as string)} row on row.tenant_id = ${batch.tenantId} and row.id = links.row_id
          left join ${raw(target.table as string)} target on target.tenant_id = ${batch.tenantId} and target.id = row.${column}
        )
        select
          count(target_record) as linked,
          count(target_id) as pointing,
          count(*) filter (where arrived_id = app.uuidv5(${batch.sourceId}::uuid, ${`${target.name}/`} || target_record)) as arriving,
          (array_agg(record_id) filter (
            where target_id is distinct from app.uuidv5(${batch.sourceId}::uuid, ${`${target.name}/`} || target_record)
          ))[1:${offendersShown}::integer] as astray
        from rows`,
    );
    if (found === undefined) continue;
    const offending = found.astray ?? [];
    const check = (what: string, expected: string, actual: string): Check => ({
      collectionId: line.id,
      layer: "references",
      name: `${name} → ${target.name}, ${what}`,
      expected: Number(expected),
      actual: Number(actual),
      offending,
    });
    checks.push(check("from the record to the row", found.linked, found.arriving));
    checks.push(check("from the row to the record", found.pointing, found.arriving));
  }
  checks.push(...(await checkReverseFields(client, batch, line, ledger)));
  return checks;
}

/** What a reverse field lists is what the records of the other side link to. */
async function checkReverseFields(
  client: pg.ClientBase,
  batch: Batch,
  line: LedgerCollection,
  ledger: LedgerCollection[],
): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [name, field] of Object.entries(line.collection.fields)) {
    if (field.fate === "mapped" || field.reverseOf === null) continue;
    const { collection: otherName, field: linkName } = field.reverseOf;
    const other = ledger.find(({ collection }) => collection.name === otherName);
    const link = other?.collection.fields[linkName];
    if (other === undefined || link?.fate !== "mapped") continue;
    if (!line.source.fields.some((declared) => declared.name === name)) continue;
    const names = [linkName, ...link.aliases];
    const ids = raw("case jsonb_typeof(cell.value) when 'array' then cell.value else '[]' end");
    const [found] = await run<{ listed: string; mirrored: string; astray: string[] | null }>(
      client,
      sql`
        with listed as (
          select payload.record_id, element.value as other_record
          from app_private.import_payloads payload
          cross join lateral (select ${landedJson} -> ${batch.mapping.cellsIn}::text -> ${name}::text as value) cell
          cross join lateral jsonb_array_elements_text(${ids}) as element (value)
          where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id}
        ),
        linking as (
          select element.value as record_id, payload.record_id as other_record
          from app_private.import_payloads payload
          cross join lateral unnest(${names}::text[]) as names (name)
          cross join lateral (select ${landedJson} -> ${batch.mapping.cellsIn}::text -> names.name as value) cell
          cross join lateral jsonb_array_elements_text(${ids}) as element (value)
          where payload.batch_id = ${batch.id} and payload.collection_id = ${other.id}
        )
        select
          count(*) as listed,
          count(linking.record_id) as mirrored,
          (array_agg(listed.record_id) filter (where linking.record_id is null))[1:${offendersShown}::integer] as astray
        from listed
        left join linking on linking.record_id = listed.record_id and linking.other_record = listed.other_record`,
    );
    if (found === undefined) continue;
    checks.push({
      collectionId: line.id,
      layer: "references",
      name: `${name}, the other side of ${otherName}.${linkName}`,
      expected: Number(found.listed),
      actual: Number(found.mirrored),
      offending: found.astray ?? [],
    });
  }
  return checks;
}

/** Columns that no field gives, each by what must be true of it. */
async function checkDerived(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [column, derivation] of Object.entries(line.collection.derived)) {
    const [found] = await run<{ records: string; right: string; wrong: string[] | null }>(
      client,
      sql`
        with ${rereadRecords(batch, line, "untouched")},
        judged as (${judgeDerived(batch, line, column, derivation)})
        select count(*) as records, count(*) filter (where is_right) as right,
               (array_agg(record_id) filter (where is_right is not true))[1:${offendersShown}::integer] as wrong
        from judged`,
    );
    if (found === undefined) continue;
    checks.push({
      collectionId: line.id,
      layer: "computed",
      name: column,
      expected: Number(found.records),
      actual: Number(found.right),
      offending: found.wrong ?? [],
    });
  }
  return checks;
}

function judgeDerived(batch: Batch, line: LedgerCollection, column: string, derivation: Derivation): Sql {
  const table = raw(line.collection.table as string);
  const rows = sql`from source join ${table} row on row.tenant_id = ${batch.tenantId} and row.id = source.row_id`;
  const own = raw(`row.${column}`);
  switch (derivation.kind) {
    case "slug":
      // Given once: a row that was renamed later keeps it.
      return sql`
        select source.record_id,
               source.outcome <> 'inserted'
               or ${own} in (expected.slug, expected.slug || '-' || left(row.id::text, 8)) as is_right
        ${rows}
        cross join lateral (
          select coalesce(
            nullif(regexp_replace(regexp_replace(lower(row.${raw(derivation.from)}), '[^a-z0-9]+', '-', 'g'), '^-|-$', '', 'g'), ''), 'untitled'
          ) as slug
        ) expected`;
    case "rank": {
      const by = raw([...derivation.by.map((name) => `row.${name}`), "row.id"].join(", "));
      const within = raw(`row.${derivation.within}`);
      return sql`
        select source.record_id,
               row_number() over (partition by ${within} order by ${by})
               = row_number() over (partition by ${within} order by ${own}) as is_right
        ${rows}`;
    }
    case "through":
      return sql`
        select source.record_id, ${own} = through.${raw(derivation.column)} as is_right
        ${rows}
        left join ${raw(derivation.table)} through
          on through.tenant_id = ${batch.tenantId} and through.id = row.${raw(derivation.link)}`;
    case "constant":
      return sql`select source.record_id, ${own} = ${derivation.value}::${raw(derivation.type)} as is_right ${rows}`;
  }
}
