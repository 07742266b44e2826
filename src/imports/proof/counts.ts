import { mappedFields } from "../mappings/mapping.ts";
import { raw, run, shapeOf, sql } from "../pipeline/sql.ts";
import { type Check, offendersShown, type Proving } from "./check.ts";
import { carriedCells, exceptCarried, landedJson, withAccounts } from "./source_cells.ts";

/*
 * That nothing is missing and nothing is there twice: records, outcomes, cells, rows, and what the batch kept of the rows it changed.
 */

/** What a count query answers; bigint comes as text. */
interface Counted {
  expected: string;
  actual: string;
  offending: string[] | null;
}

/** Checks the sums of one collection. */
export async function checkCounts(proving: Proving): Promise<Check[]> {
  const checks = [...(await recordsAreKept(proving)), await sumsAreRight(proving), ...(await cellsHaveFates(proving))];
  if (proving.line.collection.table === null) return checks;
  return [
    ...checks,
    await waitingCellsAreTold(proving),
    await waitingRecordsAreTold(proving),
    await recordsHaveRows(proving),
    await effectsAreKept(proving),
    await beforeImagesAreKept(proving),
    ...(await rowsAreOnRecord(proving)),
  ];
}

function check({ line }: Proving, name: string, found: Counted | undefined): Check {
  return {
    collectionId: line.id,
    layer: "counts",
    name,
    expected: Number(found?.expected),
    actual: Number(found?.actual),
    offending: found?.offending ?? [],
  };
}

/**
 * Every record that was read is kept and has its outcome; the hash of the text that was kept is that of the text that came, and the outcome
 * has it too. Where secrets were blanked, or a person was erased, only the latter.
 */
async function recordsAreKept(proving: Proving): Promise<Check[]> {
  const { client, batch, line } = proving;
  const hasSecrets = Object.values(line.collection.fields).some(({ fate }) => fate === "secret");
  const isAsItCame = hasSecrets
    ? sql`record.sha256 = payload.sha256`
    : sql`record.sha256 = payload.sha256 and (
        payload.sha256 = sha256(coalesce(convert_to(payload.source_text, 'UTF8'), payload.source_bytes))
        or payload.refusal is not distinct from 'person_erased'
      )`;
  const [found] = await run<{
    landed: string;
    kept: string;
    settled: string;
    right: string;
    waiting: string[] | null;
    wrong: string[] | null;
  }>(
    client,
    sql`
      with judged as materialized (
        select payload.record_id, record.id is not null as has_outcome,
               coalesce(${isAsItCame} and record.record_id = payload.record_id, false) as is_right
        from app_private.import_payloads payload
        left join imports.records record
          on record.tenant_id = ${batch.tenantId} and record.batch_id = ${batch.id} and record.row_id = payload.row_id
        where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id}
      )
      select
        (select landed from imports.collections where tenant_id = ${batch.tenantId} and id = ${line.id}) as landed,
        count(*) as kept,
        (
          select count(*) from imports.records
          where tenant_id = ${batch.tenantId} and collection_id = ${line.id} and outcome <> 'deleted'
        ) as settled,
        count(*) filter (where is_right) as right,
        (array_agg(record_id) filter (where not has_outcome))[1:${offendersShown}::integer] as waiting,
        (array_agg(record_id) filter (where not is_right))[1:${offendersShown}::integer] as wrong
      from judged`,
  );
  const { landed = "0", kept = "0", settled = "0", right = "0", waiting = null, wrong = null } = found ?? {};
  return [
    check(proving, "records read and records kept", { expected: landed, actual: kept, offending: null }),
    check(proving, "records kept and outcomes", { expected: kept, actual: settled, offending: waiting }),
    check(proving, "texts as they came", { expected: kept, actual: right, offending: wrong }),
  ];
}

/** The six sums of the ledger's line, each against the outcomes it counts. */
async function sumsAreRight(proving: Proving): Promise<Check> {
  const { client, batch, line } = proving;
  const [found] = await run<Counted>(
    client,
    sql`
      select count(*) as expected, count(*) filter (where sums.counted = sums.written) as actual,
             array_agg(sums.outcome) filter (where sums.counted <> sums.written) as offending
      from (
        select sum.outcome, sum.written,
               count(record.id) as counted
        from imports.collections collection
        cross join lateral (
          values ('inserted', collection.inserted), ('updated', collection.updated), ('unchanged', collection.unchanged),
                 ('quarantined', collection.quarantined), ('skipped', collection.skipped), ('deleted', collection.deleted)
        ) as sum (outcome, written)
        left join imports.records record
          on record.tenant_id = ${batch.tenantId} and record.collection_id = collection.id and record.outcome::text = sum.outcome
        where collection.tenant_id = ${batch.tenantId} and collection.id = ${line.id}
        group by sum.outcome, sum.written
      ) sums`,
  );
  return check(proving, "sums and outcomes", found);
}

/**
 * Every cell that the source or a person gives has one fate, though the person emptied it; a required cell that it does not give has one as
 * well. A record of which nothing is told has exactly the cells of its pattern of fates: a later batch that carries it over counts them by it.
 */
async function cellsHaveFates(proving: Proving): Promise<Check[]> {
  const { client, batch, line, derivesAll } = proving;
  const beside = mappedFields(line.collection).flatMap(([name, field]) => (field.isBeside ? [name] : []));
  const isLeftOut = line.collection.table === null;
  const [found] = await run<Counted & { patterned: string; kept: string; broken: string[] | null }>(
    client,
    sql`
      with told as materialized (
        select distinct issue.row_id from imports.issues issue
        where issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.row_id is not null
      ),
      landed_records as materialized (
        select payload.row_id, case when told.row_id is null and payload.fixed_text is null then payload.fates_id end as fates_id
        from app_private.import_payloads payload
        left join told on told.row_id = payload.row_id
        where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} ${exceptCarried(proving, "payload")}
      ),
      read as materialized (
        select landed_record.fates_id, cell.key as name, count(*) as cells
        from landed_records landed_record
        join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = landed_record.row_id
        cross join lateral (select ${landedJson} as json offset 0) landed
        cross join lateral (
          select given.key, given.value
          from jsonb_each(
            case jsonb_typeof(landed.json -> ${batch.mapping.cellsIn}::text)
              when 'object' then landed.json -> ${batch.mapping.cellsIn}::text else '{}'
            end
          ) as given
          where given.key <> all (${beside}::text[]) or not landed.json ? given.key
          union all
          select beside.name, landed.json -> beside.name
          from unnest(${beside}::text[]) as beside (name)
          where landed.json ? beside.name
        ) cell
        where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} ${exceptCarried(proving, "payload")}
          and (
            cell.value <> 'null' or ${isLeftOut} or cell.key = any (${beside}::text[])
            or payload.fixed_text is not null and exists (
              select from imports.issues fixed
              where fixed.tenant_id = ${batch.tenantId} and fixed.batch_id = ${batch.id} and fixed.row_id = payload.row_id
                and fixed.field = cell.key and fixed.reason = 'fixed_by_hand' and fixed.settled_at is null
            )
          )
        group by landed_record.fates_id, cell.key
      ),
      given as (
        select read.name, read.cells from read
        ${derivesAll ? raw("") : sql`union all ${carriedCells(batch, line)}`}
      ),
      patterned as (
        select pattern.id, fate.name, records.count as cells
        from (
          select landed_record.fates_id, count(*) as count from landed_records landed_record
          where landed_record.fates_id is not null group by landed_record.fates_id
        ) records
        join app_private.import_fates pattern
          on pattern.batch_id = ${batch.id} and pattern.collection_id = ${line.id} and pattern.id = records.fates_id
        cross join lateral jsonb_object_keys(pattern.fates) as fate (name)
      ),
      met as (
        select coalesce(patterned.name, read.name) as name, coalesce(patterned.cells, 0) as expected, coalesce(read.cells, 0) as actual
        from patterned
        full join (select * from read where read.fates_id is not null) read on read.fates_id = patterned.id and read.name = patterned.name
      ),
      missing as (
        select issue.field as name, count(*) as cells
        from imports.issues issue
        where issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.collection_id = ${line.id}
          and issue.reason = 'missing_required' and issue.original is null and issue.settled_at is null
        group by issue.field
      ),
      fated as (
        select field.name, field.exact + field.converted + field.quarantined + field.dropped as cells
        from imports.fields field
        where field.tenant_id = ${batch.tenantId} and field.collection_id = ${line.id}
      ),
      compared as (
        select name, sum(expected) as expected, sum(actual) as actual
        from (
          select name, cells as expected, 0 as actual from given
          union all select name, cells, 0 from missing
          union all select name, 0, cells from fated
        ) both_sides
        group by name
      )
      select coalesce(sum(expected), 0) as expected, coalesce(sum(actual), 0) as actual,
             array_agg(name) filter (where expected <> actual) as offending,
             (select coalesce(sum(expected), 0) from met) as patterned,
             (select coalesce(sum(case when expected = actual then actual else -1 end), 0) from met) as kept,
             (select array_agg(distinct name) filter (where expected <> actual) from met) as broken
      from compared`,
  );
  return [
    check(proving, "cells and fates", found),
    check(proving, "cells and the patterns of their fates", {
      expected: found?.patterned ?? "0",
      actual: found?.kept ?? "0",
      offending: found?.broken ?? null,
    }),
  ];
}

/** A cell that waits is told: field by field, the count and the issues agree. */
async function waitingCellsAreTold(proving: Proving): Promise<Check> {
  const { client, batch, line } = proving;
  const [found] = await run<Counted>(
    client,
    sql`
      with compared as (
        select field.name, field.quarantined as expected, count(issue.id) as actual
        from imports.fields field
        left join imports.issues issue
          on issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.collection_id = ${line.id}
          and issue.row_id is not null and issue.fate = 'quarantined' and issue.field = field.name and issue.settled_at is null
        where field.tenant_id = ${batch.tenantId} and field.collection_id = ${line.id} and field.fate <> 'unknown'
        group by field.name, field.quarantined
      )
      select coalesce(sum(expected), 0) as expected, coalesce(sum(actual), 0) as actual,
             array_agg(name) filter (where expected <> actual) as offending
      from compared`,
  );
  return check(proving, "cells that wait and what is told of them", found);
}

async function waitingRecordsAreTold(proving: Proving): Promise<Check> {
  const { client, batch, line } = proving;
  const [found] = await run<Counted>(
    client,
    sql`
      with judged as (
        select record.record_id, exists (
          select from imports.issues issue
          where issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.row_id = record.row_id
            and issue.settled_at is null
        ) as is_told
        from imports.records record
        where record.tenant_id = ${batch.tenantId} and record.collection_id = ${line.id} and record.outcome = 'quarantined'
      )
      select count(*) as expected, count(*) filter (where is_told) as actual,
             (array_agg(record_id) filter (where not is_told))[1:${offendersShown}::integer] as offending
      from judged`,
  );
  return check(proving, "records that wait and what is told of them", found);
}

/** Every record that came in has its row, but for those that people deleted since. */
async function recordsHaveRows(proving: Proving): Promise<Check> {
  const { client, batch, line } = proving;
  const { table } = shapeOf(line.collection);
  const [found] = await run<Counted>(
    client,
    sql`
      with lost as materialized (
        select record.record_id
        from imports.records record
        where record.tenant_id = ${batch.tenantId} and record.collection_id = ${line.id}
          and record.outcome in ('inserted', 'updated', 'unchanged')
          and not exists (select from ${raw(table)} row where row.tenant_id = ${batch.tenantId} and row.id = record.row_id)
          and not exists (
            select from app_private.recorded_changes(${table}, null) recorded
            where recorded.row_id = record.row_id and recorded.action = 'delete' and recorded.change_id > record.id
          )
      ),
      present as (
        select count(*) as records
        from imports.records record
        where record.tenant_id = ${batch.tenantId} and record.collection_id = ${line.id}
          and record.outcome in ('inserted', 'updated', 'unchanged')
      )
      select present.records as expected, present.records - (select count(*) from lost) as actual,
             (select (array_agg(record_id))[1:${offendersShown}::integer] from lost) as offending
      from present`,
  );
  return check(proving, "records brought in and rows", found);
}

/** The batch claims to have written as many rows as its records say; what a replay met and left alone, it had written before. */
async function effectsAreKept(proving: Proving): Promise<Check> {
  const { client, batch, line, ledger } = proving;
  const { table } = shapeOf(line.collection);
  const siblings = ledger.filter(({ collection }) => collection.table === table).map(({ id }) => id);
  const leftAlone = sql`
    and not exists (
      select from imports.records record
      where record.tenant_id = ${batch.tenantId} and record.batch_id = ${batch.id} and record.row_id = effect.row_id
        and record.outcome not in ('inserted', 'updated')
    )`;
  const [found] = await run<Counted>(
    client,
    sql`
      select
        (
          select count(*) from imports.records record
          where record.tenant_id = ${batch.tenantId} and record.collection_id = any (${siblings}::uuid[])
            and record.outcome in ('inserted', 'updated')
        ) as expected,
        (
          select count(*) from imports.effects effect
          where effect.tenant_id = ${batch.tenantId} and effect.batch_id = ${batch.id} and effect.table_name = ${table}
            and effect.effect in ('inserted', 'updated')
            ${batch.replayedAt ? leftAlone : raw("")}
        ) as actual,
        null as offending`,
  );
  return check(proving, "records written and effects", found);
}

/**
 * What a row was before: the row as it stands, with what the audit says was changed first put back. Of a version the audit keeps none. A
 * row that a person deleted and a replay made again has another history.
 */
async function beforeImagesAreKept(proving: Proving): Promise<Check> {
  const { client, batch, line } = proving;
  const { table, columns } = shapeOf(line.collection);
  const [found] = await run<Counted>(
    client,
    sql`
      with ${withAccounts(batch, line)},
      changed as (
        select recorded.row_id, jsonb_object_agg(change.key, change.value -> 0 order by recorded.change_id desc) as values
        from app_private.recorded_changes(${table}, ${batch.id}) recorded
        cross join lateral jsonb_each(recorded.changes) as change
        where recorded.action = 'update'
        group by recorded.row_id
      ),
      judged as (
        select record.record_id, coalesce((
          select bool_and(image.image -> name is not distinct from (to_jsonb(row) || coalesce(changed.values, '{}')) -> name)
          from unnest(${["id", "tenant_id", ...columns.filter((column) => column !== "version")]}::text[]) as name
        ), false) as is_right
        from imports.records record
        join ${raw(table)} row on row.tenant_id = ${batch.tenantId} and row.id = record.row_id
        left join app_private.import_before_images image
          on image.batch_id = ${batch.id} and image.row_id = record.row_id and image.table_name = ${table}
        left join changed on changed.row_id = record.row_id
        where record.tenant_id = ${batch.tenantId} and record.collection_id = ${line.id} and record.outcome = 'updated'
          and not exists (select from theirs where theirs.row_id = record.row_id)
          and not exists (select from touched where touched.row_id = record.row_id and touched.action = 'delete')
      )
      select count(*) as expected, count(*) filter (where is_right) as actual,
             (array_agg(record_id) filter (where not is_right))[1:${offendersShown}::integer] as offending
      from judged`,
  );
  return check(proving, "rows updated and what they were before", found);
}

/** Every row of the table was made by somebody: by an import, or by people whose deed is on record. Asked once of a table. */
async function rowsAreOnRecord(proving: Proving): Promise<Check[]> {
  const { client, batch, line, ledger } = proving;
  const { table } = shapeOf(line.collection);
  if (ledger.find(({ collection }) => collection.table === table) !== line) return [];
  const [found] = await run<Counted>(
    client,
    sql`
      with stray as materialized (
        select row.id
        from ${raw(table)} row
        where row.tenant_id = ${batch.tenantId}
          and not exists (
            select from imports.effects effect
            where effect.tenant_id = ${batch.tenantId} and effect.row_id = row.id and effect.table_name = ${table}
          )
          and not exists (
            select from app_private.recorded_changes(${table}, null) recorded
            where recorded.row_id = row.id and recorded.action = 'insert'
          )
      ),
      present as (select count(*) as rows from ${raw(table)} row where row.tenant_id = ${batch.tenantId})
      select present.rows as expected, present.rows - (select count(*) from stray) as actual,
             (select (array_agg(id::text))[1:${offendersShown}::integer] from stray) as offending
      from present`,
  );
  return [check(proving, "rows in the table and rows that somebody made", found)];
}
