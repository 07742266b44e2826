import { readCarriedFrom } from "../pipeline/carry_over.ts";
import { rowHash } from "../pipeline/row_hash.ts";
import { join, raw, run, shapeOf, sql } from "../pipeline/sql.ts";
import { type Check, offendersShown, type Proving } from "./check.ts";
import { columnsThatNothingFills } from "./records.ts";
import { exceptCarried, withAccounts } from "./source_cells.ts";

/**
 * That what was carried over may be: for every such record, text and row are now what an earlier batch has proved of each other. And how many
 * records there are of which everything was derived anew.
 */
export async function checkCarried(proving: Proving): Promise<Check[]> {
  const { client, batch, line } = proving;
  const [anew] = await run<{ expected: string; actual: string }>(
    client,
    sql`
      select
        (
          select collection.landed - ${proving.derivesAll ? raw("0") : raw("collection.carried")} from imports.collections collection
          where collection.tenant_id = ${batch.tenantId} and collection.id = ${line.id}
        ) as expected,
        (
          select count(*) from imports.records record
          where record.tenant_id = ${batch.tenantId} and record.collection_id = ${line.id} and record.outcome <> 'deleted'
            ${exceptCarried(proving, "record")}
        ) as actual`,
  );
  const checks: Check[] = [
    {
      collectionId: line.id,
      layer: "counts",
      name: "records derived anew",
      expected: Number(anew?.expected),
      actual: Number(anew?.actual),
      offending: [],
    },
  ];
  const knownId = proving.derivesAll ? null : await readCarriedFrom(client, batch);
  return knownId === null ? checks : [...checks, await compareCarried(proving, knownId)];
}

async function compareCarried(proving: Proving, knownId: string): Promise<Check> {
  const { client, batch, line } = proving;
  const shape = shapeOf(line.collection);
  // A version counts every update, and was looked at when the row came in.
  const untouched = (await columnsThatNothingFills(client, shape)).filter(({ column }) => column !== "version");
  const asMade = untouched.map(({ column, expression }) => raw(`row.${column} is not distinct from (${expression})`));
  // Of a text with secrets the hash is not that of what is kept.
  const hasSecrets = Object.values(line.collection.fields).some(({ fate }) => fate === "secret");
  const [found] = await run<{ expected: string; actual: string; offending: string[] | null }>(
    client,
    sql`
      with ${withAccounts(batch, line)},
      judged as materialized (
        select payload.record_id,
               coalesce(
                 record.is_carried and record.outcome = 'unchanged' and record.record_id = payload.record_id
                 and known.record_id = payload.record_id and known.sha256 = payload.sha256
                 and known.outcome in ('inserted', 'updated', 'unchanged') and known.kept_columns is null and not known.has_conflict
                 and record.row_hash = known.row_hash
                 ${hasSecrets ? raw("and (proved.row_id is null or proved.source_text = payload.source_text)") : raw("")}
                 and (
                   theirs.row_id is not null or row.id is null and touch.row_id is not null
                   or known.row_hash = ${rowHash(shape, "row")}
                   and (touch.row_id is not null or ${join([raw("true"), ...asMade], " and ")})
                 ),
                 false
               ) as is_right
        from app_private.import_payloads payload
        left join imports.records record
          on record.tenant_id = ${batch.tenantId} and record.batch_id = ${batch.id} and record.row_id = payload.row_id
        left join imports.records known
          on known.tenant_id = ${batch.tenantId} and known.batch_id = ${knownId} and known.row_id = payload.row_id
        left join ${raw(shape.table)} row on row.tenant_id = ${batch.tenantId} and row.id = payload.row_id
        left join theirs on theirs.row_id = payload.row_id
        -- A row that people have touched, or deleted.
        left join (select distinct touched.row_id from touched) touch on touch.row_id = payload.row_id
        ${
          hasSecrets
            ? sql`left join app_private.import_payloads proved on proved.batch_id = ${knownId} and proved.row_id = payload.row_id`
            : raw("")
        }
        where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} and payload.is_carried
      )
      select count(*) as expected, count(*) filter (where is_right) as actual,
             (array_agg(record_id) filter (where not is_right))[1:${offendersShown}::integer] as offending
      from judged`,
  );
  return {
    collectionId: line.id,
    layer: "fields",
    name: `carried over from ${knownId}: texts and rows as they were proved`,
    expected: Number(found?.expected),
    actual: Number(found?.actual),
    offending: found?.offending ?? [],
  };
}
