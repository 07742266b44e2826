import type pg from "pg";
import {
  type ConflictPolicy,
  columnsOf,
  type Derivation,
  type MappedField,
  mappedFields,
} from "../mappings/mapping.ts";
import { expectedColumn } from "../proof/records.ts";
import { carriedCells, landedCells, landedJson, waitingCells } from "../proof/source_cells.ts";
import { type Batch, inBatch, type LoadingBatch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { resolvedName } from "./judge.ts";
import { findLostFields } from "./lost_fields.ts";
import { type MergedRows, readMergedRows } from "./merges.ts";
import { columnHash, isUndone, latestBase, outcomeOf, rowHash } from "./row_hash.ts";
import { expectWholeCollections, join, raw, run, type Sql, shapeOf, sql } from "./sql.ts";

/*
 * What a load will do, said before it does it. The loader compares the typed rows that the decoders made; this compares the text that
 * landed, by the codecs' SQL, with the rows that are there, and counts by itself. Where the two disagree, one of them is wrong.
 */

export const outcomes = ["inserted", "updated", "unchanged", "quarantined", "skipped", "deleted"] as const;

export type Outcome = (typeof outcomes)[number];

/** How many records of a collection will end in each way, and in how many both sides changed something. */
export type Prediction = Record<Outcome | "conflicts", number>;

const offendersShown = 20;

/**
 * Predicts what will become of a validated collection, once, before any of the batch is loaded.
 *
 * @returns the prediction, also where it was made before
 */
export async function predict(batch: LoadingBatch, line: LedgerCollection): Promise<Prediction> {
  return await inBatch(batch, async (client) => {
    const known = await readPrediction(client, batch, line);
    if (known !== null) return known;
    await expectWholeCollections(client);
    await client.query(
      `insert into app_private.import_predicted_records (batch_id, row_id, collection_id, outcome, has_conflict)
       select batch_id, row_id, collection_id, outcome, has_conflict from imports.records where tenant_id = $1 and collection_id = $2`,
      [batch.tenantId, line.id],
    );
    await client.query(
      `insert into app_private.import_predicted_records (batch_id, row_id, collection_id, outcome, has_conflict)
       select batch_id, row_id, collection_id, 'deleted', false from app_private.import_gone_rows
       where batch_id = $1 and collection_id = $2 and not is_kept and into_row_id is null
       on conflict do nothing`,
      [batch.id, line.id],
    );
    if (line.collection.table !== null) {
      const lost = await findLostFields(client, batch, line);
      const merged = await readMergedRows(client, batch);
      await run(client, predictRows(batch, line, new Set(lost.map(({ column }) => column)), merged));
    }
    await countRecords(client, batch, line);
    await countCells(client, batch, line);
    return (await readPrediction(client, batch, line)) as Prediction;
  });
}

/** Predicts every record that validation lets through; only those that differ from the usual are listed. */
function predictRows(batch: LoadingBatch, line: LedgerCollection, lost: Set<string>, merged: MergedRows): Sql {
  return sql`
    with ${comparedRows(batch, line, lost, merged)},
    ahead as materialized (
      select payload.row_id,
             case when existing.id is null then 'inserted' else coalesce(compared.outcome, 'unchanged') end as outcome,
             coalesce(compared.has_conflict, false) as has_conflict
      from app_private.import_payloads payload
      left join ${raw(line.collection.table as string)} existing on existing.tenant_id = ${batch.tenantId} and existing.id = payload.row_id
      left join compared on compared.row_id = payload.row_id
      where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id}
        and not exists (
          select from app_private.import_predicted_records decided where decided.batch_id = ${batch.id} and decided.row_id = payload.row_id
        )
    ),
    predicted as materialized (
      select ahead.row_id, ${outcomeOf(batch, shapeOf(line.collection), "ahead", "outcome")}::imports.record_outcome as outcome, ahead.has_conflict
      from ahead
    ),
    counted as (select outcome, count(*) as records from predicted group by outcome),
    usual as (select outcome, records from counted order by records desc, outcome limit 1),
    listed as (
      insert into app_private.import_predicted_records (batch_id, row_id, collection_id, outcome, has_conflict)
      select ${batch.id}, predicted.row_id, ${line.id}, predicted.outcome, predicted.has_conflict
      from predicted
      cross join usual
      where predicted.outcome <> usual.outcome or predicted.has_conflict
    )
    insert into imports.predictions (collection_id, fate, predicted, is_usual)
    select ${line.id}, usual.outcome::text, usual.records - (select count(*) from predicted where predicted.outcome = usual.outcome and has_conflict), true
    from usual`;
}

/** `compared`: the rows that are there and differ from what their record says, each with what must become of it. */
function comparedRows(batch: LoadingBatch, line: LedgerCollection, lost: Set<string>, merged: MergedRows): Sql {
  const { collection } = line;
  const table = raw(collection.table as string);
  const given = columnsOf(collection).map(({ column, type, fields }) => ({
    column,
    expected: sql`(${expectedColumn(line, fields, batch.sourceId, merged)})::${raw(type)}`,
    policy: policyOf(fields, batch.onConflict),
  }));
  const expected = given.map(({ column, expected: value }) => sql`${value} as ${raw(column)}`);
  const derived = Object.entries(collection.derived)
    .map(([column, derivation]) => ({ column, value: expectDerived(batch, line, column, derivation) }))
    .filter((entry): entry is { column: string; value: Sql } => entry.value !== null);
  const compared = [
    ...given.map(({ column, policy }) => ({ column, policy, value: sql`said.${raw(column)}` })),
    ...derived.map(({ column, value }) => ({ column, policy: batch.onConflict, value })),
  ].filter(({ column }) => !lost.has(column));
  const differences = compared.map(
    ({ column, policy, value }) => sql`(
      ${column}::text, ${policy}::text, ${raw(`row.${column}`)} is distinct from ${value}, ${columnHash(`row.${column}`)},
      coalesce(hashtextextended(${value}::text, 0), 0)
    )`,
  );
  return sql`
    ${waitingCells(batch, line)},
    said as materialized (
      select payload.row_id, payload.sha256, ${join(expected, ",\n")}
      from app_private.import_payloads payload
      join ${table} row on row.tenant_id = ${batch.tenantId} and row.id = payload.row_id
      left join waiting on waiting.row_id = payload.row_id
      ${landedCells(batch, line)}
      where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} ${raw(batch.replayedAt ? "" : "and not payload.is_carried")}
        and not exists (
          select from app_private.import_predicted_records decided where decided.batch_id = ${batch.id} and decided.row_id = payload.row_id
        )
    ),
    different as materialized (
      select said.*
      from said
      join ${table} row on row.tenant_id = ${batch.tenantId} and row.id = said.row_id
      left join app_private.import_places place on place.batch_id = ${batch.id} and place.row_id = said.row_id
      where not (${join(
        compared.map(({ column, value }) => sql`${raw(`row.${column}`)} is not distinct from ${value}`),
        " and ",
      )})
    ),
    sides as (
      select said.row_id, difference.policy,
        base.hash is distinct from difference.row_hash as is_edited,
        base.hash is distinct from difference.said_hash as is_changed
      from different said
      join ${table} row on row.tenant_id = ${batch.tenantId} and row.id = said.row_id
      left join app_private.import_places place on place.batch_id = ${batch.id} and place.row_id = said.row_id
      left join lateral (${latestBase(batch, shapeOf(collection), "row")}) latest on true
      left join lateral (
        select record.sha256 from imports.records record
        where record.tenant_id = ${batch.tenantId} and record.row_id = row.id and record.outcome in ('inserted', 'updated', 'unchanged')
          and not ${isUndone("record")}
        order by record.id desc limit 1
      ) known on true
      cross join lateral (values ${join(differences, ", ")}) as difference (name, policy, differs, row_hash, said_hash)
      cross join lateral (
        select case
          when latest.column_hashes is null and latest.row_hash = ${rowHash(shapeOf(collection), "row")} then difference.row_hash
          when latest.column_hashes is null and known.sha256 = said.sha256 then difference.said_hash
          else coalesce(latest.column_hashes[array_position(latest.columns, difference.name)], case when difference.row_hash = 0 then 0 end)
        end as hash
      ) base
      where difference.differs
    ),
    compared as (
      select sides.row_id,
        case
          when bool_or(not is_edited or is_changed and policy = 'source_wins') then 'updated'
          when bool_or(is_edited and is_changed and policy = 'hold') then 'skipped'
          else 'unchanged'
        end as outcome,
        bool_or(is_edited and is_changed) as has_conflict
      from sides
      group by sides.row_id
    )`;
}

function policyOf(fields: [string, MappedField][], otherwise: ConflictPolicy): ConflictPolicy {
  return fields.map(([, field]) => field.onConflict).find((policy) => policy !== null) ?? otherwise;
}

/** What a column should hold that no field gives; null where it is given once and kept. */
function expectDerived(
  batch: LoadingBatch,
  line: LedgerCollection,
  column: string,
  derivation: Derivation,
): Sql | null {
  switch (derivation.kind) {
    case "slug":
      return null;
    case "rank":
      return sql`place.place`;
    case "through": {
      const linkedBy = line.collection.derived[derivation.link];
      const link =
        linkedBy === undefined ? raw(`said.${derivation.link}`) : expectDerived(batch, line, derivation.link, linkedBy);
      return sql`(
        select ${expectThrough(batch, derivation)}
        from (select ${link} as id) wanted
        left join ${raw(derivation.table)} target on target.tenant_id = ${batch.tenantId} and target.id = wanted.id
        left join lateral (
          select (jsonb_populate_record(target, jsonb_build_object(
            ${derivation.column}::text, payload.rows -> ${derivation.table} -> 0 -> ${derivation.column}::text
          ))).${raw(derivation.column)} as value
          from app_private.import_payloads payload
          where payload.batch_id = ${batch.id} and payload.row_id = wanted.id and payload.rows is not null
        ) coming on true
      )`;
    }
    case "byName":
      return resolvedName(batch, shapeOf(line.collection), column, "said");
    case "constant":
      return sql`${derivation.value}::${raw(derivation.type)}`;
    default:
      throw new Error(`${line.collection.name}.${column} is derived in a way that cannot be predicted`);
  }
}

/** What a column of the row that a link points to will be, out of `target` as it is and `coming` as the source has it: that is judged as well. */
function expectThrough(batch: LoadingBatch, { table, column }: Extract<Derivation, { kind: "through" }>): Sql {
  const parent = batch.mapping.collections.find(
    (candidate) => candidate.table === table && columnsOf(candidate).some((filled) => filled.column === column),
  );
  if (parent === undefined) return raw(`target.${column}`);
  const fields = columnsOf(parent).find((filled) => filled.column === column)?.fields ?? [];
  const base = sql`(
    select latest.column_hashes[array_position(latest.columns, ${column}::text)]
    from (${latestBase(batch, shapeOf(parent), "target")}) latest
  )`;
  return sql`case
    when target.id is null then coming.value
    when coming.value is null or coming.value is not distinct from target.${raw(column)} then target.${raw(column)}
    when ${base} is distinct from ${columnHash(`target.${column}`)}
      and (${base} = ${columnHash("coming.value")} or ${policyOf(fields, batch.onConflict) !== "source_wins"}) then target.${raw(column)}
    else coming.value
  end`;
}

/** Outcomes: those that were decided or listed, and the usual one. */
async function countRecords(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<void> {
  await client.query(
    `insert into imports.predictions as prediction (collection_id, fate, predicted)
     select $2, fate.name, count(decided.row_id)
     from unnest($3::text[]) as fate (name)
     left join app_private.import_predicted_records decided
       on decided.batch_id = $1 and decided.collection_id = $2
      and (decided.outcome::text = fate.name or fate.name = 'conflicts' and decided.has_conflict)
     group by fate.name
     on conflict (tenant_id, collection_id, field, fate) do update set predicted = prediction.predicted + excluded.predicted`,
    [batch.id, line.id, [...outcomes, "conflicts"]],
  );
}

/**
 * Fates: the cells are counted in the text that landed, those that wait among the issues. Only which of them were converted is the
 * decoder's own word. Of records that are carried over the cells were counted when they were proved.
 */
async function countCells(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<void> {
  await run(
    client,
    sql`
    with record as (
      select ${landedJson} as json,
        case when payload.fixed_text is not null then array(
          select fix.field from imports.fixes fix
          where fix.tenant_id = ${batch.tenantId} and fix.source_id = ${batch.sourceId} and fix.collection = ${line.collection.name}
            and fix.record_id = payload.record_id
        ) end as fixed
      from app_private.import_payloads payload
      where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} and payload.source_text is not null
        ${raw(batch.replayedAt ? "" : "and not payload.is_carried")}
    ),
    read as (
      select cell.key as name, count(*) as cells
      from record
      cross join lateral jsonb_each(
        case jsonb_typeof(record.json -> ${batch.mapping.cellsIn}::text) when 'object' then record.json -> ${batch.mapping.cellsIn}::text end
      ) as cell
      where cell.value <> 'null' or cell.key = any (record.fixed) or ${line.collection.table === null}::boolean
      group by cell.key
      union all
      select beside.name, count(*)
      from record
      join unnest(${mappedFields(line.collection).flatMap(([name, field]) => (field.isBeside ? [name] : []))}::text[]) as beside (name)
        on record.json ? beside.name
      group by beside.name
      ${batch.replayedAt ? raw("") : sql`union all ${carriedCells(batch, line)}`}
    ),
    given as (select read.name, sum(read.cells) as cells from read group by read.name),
    waiting as (
      select issue.field as name, count(*) as told, count(issue.original) as cells
      from imports.issues issue
      where issue.tenant_id = ${batch.tenantId} and issue.collection_id = ${line.id} and issue.fate = 'quarantined'
        and issue.row_id is not null and issue.field is not null and issue.settled_at is null
      group by issue.field
    ),
    merged as (
      select issue.field as name, count(*) as cells
      from imports.issues issue
      where issue.tenant_id = ${batch.tenantId} and issue.collection_id = ${line.id} and issue.reason = 'merged_cell' and issue.settled_at is null
      group by issue.field
    ),
    cells as (
      select field.name, field.fate, field.converted, coalesce(given.cells, 0) as given, coalesce(waiting.told, 0) as told,
             coalesce(waiting.cells, 0) as waiting, coalesce(merged.cells, 0) as merged
      from imports.fields field
      left join given on given.name = field.name
      left join waiting on waiting.name = field.name
      left join merged on merged.name = field.name
      where field.tenant_id = ${batch.tenantId} and field.collection_id = ${line.id}
    )
    insert into imports.predictions (collection_id, field, fate, predicted)
    select ${line.id}, cells.name, fate.name, fate.predicted
    from cells
    cross join lateral (values
      ('exact', case when cells.fate = 'mapped' then cells.given - cells.waiting - cells.merged - cells.converted else 0 end),
      ('converted', case when cells.fate = 'mapped' then cells.converted else 0 end),
      ('quarantined', case cells.fate when 'unknown' then cells.given else cells.told end),
      ('dropped', case when cells.fate in ('dropped', 'derived', 'secret') then cells.given - cells.waiting else cells.merged end)
    ) as fate (name, predicted)`,
  );
}

async function readPrediction(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<Prediction | null> {
  const { rows } = await client.query<{ fate: keyof Prediction; predicted: string }>(
    `select fate, predicted from imports.predictions where tenant_id = $1 and collection_id = $2 and field is null`,
    [batch.tenantId, line.id],
  );
  if (rows.length === 0) return null;
  return Object.fromEntries(rows.map(({ fate, predicted }) => [fate, Number(predicted)])) as Prediction;
}

/**
 * Holds a finished batch against its prediction, record by record and cell by cell, and writes what it finds beside the other checks.
 *
 * @returns whether everything ended as predicted
 */
export async function comparePrediction(batch: Batch, ledger: LedgerCollection[]): Promise<boolean> {
  return await inBatch(batch, async (client) => {
    await expectWholeCollections(client);
    let isMet = true;
    for (const line of ledger) {
      await writeActual(client, batch, line);
      const checks = [await compareRecords(client, batch, line), await compareCells(client, batch, line)];
      for (const { layer, name, expected, actual, offending } of checks) {
        isMet &&= expected === actual;
        await client.query(
          `insert into imports.checks (batch_id, collection_id, layer, name, expected, actual, offending)
           values ($1, $2, $3, $4, $5, $6, $7)
           on conflict (tenant_id, batch_id, collection_id, layer, name) do nothing`,
          [batch.id, line.id, layer, name, expected, actual, JSON.stringify(offending)],
        );
      }
    }
    return isMet;
  });
}

async function writeActual(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<void> {
  await client.query(
    `update imports.predictions prediction
     set actual = counted.actual
     from (
       select null as field, fate.name as fate, fate.actual
       from imports.collections collection
       cross join lateral (values
         ('inserted', collection.inserted), ('updated', collection.updated), ('unchanged', collection.unchanged),
         ('quarantined', collection.quarantined), ('skipped', collection.skipped), ('deleted', collection.deleted),
         ('conflicts', collection.conflicts)
       ) as fate (name, actual)
       where collection.tenant_id = $1 and collection.id = $2
       union all
       select field.name, fate.name, fate.actual
       from imports.fields field
       cross join lateral (values
         ('exact', field.exact), ('converted', field.converted), ('quarantined', field.quarantined), ('dropped', field.dropped)
       ) as fate (name, actual)
       where field.tenant_id = $1 and field.collection_id = $2
     ) counted
     where prediction.tenant_id = $1 and prediction.collection_id = $2
       and prediction.field is not distinct from counted.field and prediction.fate = counted.fate`,
    [batch.tenantId, line.id],
  );
}

/** The checks that hold a batch to its prediction; another proof of what it brought says nothing of them. */
export const predictionChecks = ["records that ended as predicted", "fields whose cells ended as predicted"] as const;

interface Comparison {
  layer: "counts" | "fields";
  name: string;
  expected: number;
  actual: number;
  offending: string[];
}

async function compareRecords(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<Comparison> {
  const [found] = await run<{ records: string; met: string; other: string[] | null }>(
    client,
    sql`
      with met as (
        select coalesce(record.record_id, predicted.row_id::text) as name,
          record.outcome is not distinct from coalesce(predicted.outcome::text, usual.fate)::imports.record_outcome
          and record.has_conflict = coalesce(predicted.has_conflict, false) as is_met
        from (select * from imports.records where tenant_id = ${batch.tenantId} and collection_id = ${line.id}) record
        full join (
          select * from app_private.import_predicted_records where batch_id = ${batch.id} and collection_id = ${line.id}
        ) predicted on predicted.row_id = record.row_id
        left join imports.predictions usual
          on usual.tenant_id = ${batch.tenantId} and usual.collection_id = ${line.id} and usual.is_usual
      )
      select greatest(count(*), (
               select sum(predicted) from imports.predictions
               where tenant_id = ${batch.tenantId} and collection_id = ${line.id} and field is null and fate <> 'conflicts'
             )) as records,
             count(*) filter (where is_met) as met,
             (array_agg(name order by name) filter (where is_met is not true))[1:${offendersShown}::integer] as other
      from met`,
  );
  return {
    layer: "counts",
    name: predictionChecks[0],
    expected: Number(found?.records ?? 0),
    actual: Number(found?.met ?? 0),
    offending: found?.other ?? [],
  };
}

async function compareCells(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<Comparison> {
  const [found] = await run<{ fields: string; met: string; other: string[] | null }>(
    client,
    sql`
      with met as (
        select field, bool_and(predicted is not distinct from actual) as is_met
        from imports.predictions
        where tenant_id = ${batch.tenantId} and collection_id = ${line.id} and field is not null
        group by field
      )
      select count(*) as fields, count(*) filter (where is_met) as met,
             (array_agg(field order by field) filter (where not is_met))[1:${offendersShown}::integer] as other
      from met`,
  );
  return {
    layer: "fields",
    name: predictionChecks[1],
    expected: Number(found?.fields ?? 0),
    actual: Number(found?.met ?? 0),
    offending: found?.other ?? [],
  };
}
