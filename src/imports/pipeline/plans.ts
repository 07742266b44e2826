import type pg from "pg";
import { withIdentity } from "../../database/with_identity.ts";
import { compareSchema, type Finding } from "../compare_schema.ts";
import type { SourceSchema } from "../sources/source.ts";
import { type Batch, inBatch, type Lease, type LoadingBatch, mappingHash, releaseLease } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { findGone, foreseeObstacles } from "./gone.ts";
import { settle } from "./load.ts";
import type { Prediction } from "./predict.ts";
import { readLatestSchema } from "./schema_changes.ts";
import { raw, run, sql } from "./sql.ts";
import { landAll, type Progress, predictAll, validateAll } from "./steps.ts";

/*
 * What is foreseen of a batch: what it takes, and which earlier plan it is held to. The outcomes themselves are in the predictions.
 */

/** What a plan says of a run. */
export interface Plan {
  /** Outcomes, by collection. */
  predictions: Map<string, Prediction>;
  /** Where source and mapping differ. */
  findings: Finding[];
  /** Calls that reading the live store takes: its schema at the beginning and at the end, and every page; null where there is no live store. */
  calls: number | null;
  /** How long they take at the pace that the store allows. */
  readingMinutes: number | null;
  /** How long the database works on a run, about. */
  workingMinutes: number;
  /** Why a run would stop before it changes anything; null where it would not. */
  stops: string | null;
}

/**
 * Does everything but the load, and says what a run would do. The plan is ready when its row is there.
 *
 * @param schema the source's, as it was read just now
 */
export async function makePlan(batch: LoadingBatch, schema: SourceSchema, onProgress: Progress): Promise<Plan> {
  const known = await readLatestSchema(batch.pool, batch.tenantId, batch.mapping.name, batch.source.key);
  const findings = compareSchema(batch.mapping, schema, known);
  const begun = performance.now();
  const ledger = await landAll(batch, onProgress, schema);
  const landed = performance.now();
  const stops = await findGone(batch, ledger);
  if (stops === null) await foreseeObstacles(batch, ledger);
  await validateAll(batch, ledger);
  const predictions = await predictAll(batch, ledger);
  const worked = performance.now() - (isLive(batch) ? landed : begun);
  return await inBatch(batch, async (client) => {
    await settle(client, batch);
    const reading = estimateReading(batch, ledger);
    const plan = { ...reading, workingMinutes: await estimateWork(client, batch, ledger, worked), stops };
    await client.query(
      `insert into imports.plans (batch_id, calls, reading_minutes, working_minutes, stops, findings) values ($1, $2, $3, $4, $5, $6)`,
      [batch.id, plan.calls, plan.readingMinutes, plan.workingMinutes, stops, JSON.stringify(findings)],
    );
    return { predictions, findings, ...plan };
  });
}

/** Whether reading the source takes calls. */
function isLive({ source }: Batch): boolean {
  return source.pace !== undefined && source.location === source.key;
}

function estimateReading(
  { source: { pace } }: Batch,
  ledger: LedgerCollection[],
): Pick<Plan, "calls" | "readingMinutes"> {
  if (pace === undefined) return { calls: null, readingMinutes: null };
  const pages = ledger.map(({ landed }) => Math.max(1, Math.ceil(landed / pace.recordsPerCall)));
  const calls = 2 + pages.reduce((sum, count) => sum + count, 0);
  return { calls, readingMinutes: inMinutes((calls / pace.callsPerSecond) * 1_000) };
}

/** As long as the last run of this source worked on each record; where there was none, twice as long as the plan has worked. */
async function estimateWork(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection[],
  workedMs: number,
): Promise<number> {
  const { rows } = await client.query<{ minutes_each: string | null }>(
    `select greatest(plan.actual_minutes - plan.actual_calls / (60 * $4::numeric), 0) / nullif(counted.records, 0) as minutes_each
     from imports.plans plan
     join imports.batches known on known.tenant_id = plan.tenant_id and known.id = plan.batch_id
     cross join lateral (
       select sum(collection.landed) as records from imports.collections collection
       where collection.tenant_id = known.tenant_id and collection.batch_id = known.id
     ) counted
     where plan.tenant_id = $1 and known.source_id = $2 and known.id <> $3 and plan.actual_minutes is not null
     order by known.created_at desc
     limit 1`,
    [batch.tenantId, batch.sourceId, batch.id, batch.source.pace?.callsPerSecond ?? 1],
  );
  const minutesEach = rows[0]?.minutes_each;
  if (minutesEach === undefined || minutesEach === null) return inMinutes(2 * workedMs);
  return Math.round(Number(minutesEach) * ledger.reduce((sum, { landed }) => sum + landed, 0) * 100) / 100;
}

function inMinutes(milliseconds: number): number {
  return Math.round(milliseconds / 600) / 100;
}

/** Says on a planned batch why there is no plan, and lets it go. */
export async function giveUpPlan(batch: Lease, news: { message: string; wayOut: string }): Promise<void> {
  await withIdentity(batch.pool, { kind: "worker", tenantId: batch.tenantId }, (client) =>
    client.query(`update imports.batches set message = $3, way_out = $4 where tenant_id = $1 and id = $2`, [
      batch.tenantId,
      batch.id,
      news.message,
      news.wayOut,
    ]),
  );
  await releaseLease(batch);
}

/** A plan of the same source that was made since its last import. */
interface EarlierPlan {
  id: string;
  batchId: string;
  /** What became different since: the plan no longer counts. Null where nothing did. */
  passedOver: string | null;
}

/**
 * Holds a run to the newest plan that was made since the last import of its source, where the plan still counts: the same records under the
 * same mapping, with the same options, over rows that nobody has changed. Else the run is predicted anew, and says why.
 */
export async function adoptPlan(batch: LoadingBatch, ledger: LedgerCollection[]): Promise<void> {
  await inBatch(batch, async (client) => {
    const { rows } = await client.query(`select from imports.plans where tenant_id = $1 and batch_id = $2`, [
      batch.tenantId,
      batch.id,
    ]);
    if (rows.length > 0) return;
    const plan = batch.replayedAt ? null : await findPlan(client, batch, ledger);
    const counts = plan !== null && plan.passedOver === null;
    if (counts) await copyPredictions(client, batch, plan);
    await client.query(
      `insert into imports.plans (batch_id, origin_id, passed_over, calls, reading_minutes, working_minutes)
       select $2, $3, $4, origin.calls, origin.reading_minutes, origin.working_minutes
       from (select) batch
       left join imports.plans origin on origin.tenant_id = $1 and origin.id = $5`,
      [batch.tenantId, batch.id, counts ? plan.id : null, plan?.passedOver ?? null, plan?.id ?? null],
    );
  });
}

async function findPlan(
  client: pg.ClientBase,
  batch: LoadingBatch,
  ledger: LedgerCollection[],
): Promise<EarlierPlan | null> {
  const { rows } = await client.query<{
    id: string;
    batch_id: string;
    is_same_mapping: boolean;
    is_same_schema: boolean;
    has_same_options: boolean;
    is_forgotten: boolean;
  }>(
    `select plan.id, planned.id as batch_id,
            planned.mapping_hash = $4 as is_same_mapping,
            planned.source_schema is not distinct from (
              select own.source_schema from imports.batches own where own.tenant_id = $1 and own.id = $3
            ) as is_same_schema,
            planned.on_conflict = $5 and planned.delete_threshold = $6 as has_same_options,
            planned.payloads_forgotten_at is not null as is_forgotten
     from imports.plans plan
     join imports.batches planned on planned.tenant_id = plan.tenant_id and planned.id = plan.batch_id
     where plan.tenant_id = $1 and planned.source_id = $2 and planned.status = 'planned' and plan.stops is null
       and not exists (
         select from imports.batches later
         where later.tenant_id = $1 and later.source_id = $2 and later.status <> 'planned' and later.id <> $3
           and later.created_at > planned.created_at
       )
     order by planned.created_at desc
     limit 1`,
    [
      batch.tenantId,
      batch.sourceId,
      batch.id,
      mappingHash(batch.mapping),
      batch.onConflict,
      batch.deleteThreshold.toString(),
    ],
  );
  const [plan] = rows;
  if (plan === undefined) return null;
  const reasons = [
    ...(plan.is_same_mapping ? [] : ["the mapping has changed"]),
    ...(plan.is_same_schema ? [] : ["the source's schema has changed"]),
    ...(plan.has_same_options ? [] : ["it was made with other options"]),
    ...(plan.is_forgotten ? ["its texts were forgotten"] : await compareRecords(client, batch, plan.batch_id)),
    ...(await findChangesHere(client, batch, ledger, plan.batch_id)),
  ];
  return {
    id: plan.id,
    batchId: plan.batch_id,
    passedOver: reasons.length === 0 ? null : `The plan that was made before no longer counts: ${reasons.join(", ")}.`,
  };
}

/** Records that are not what they were at the plan. */
async function compareRecords(client: pg.ClientBase, batch: Batch, plannedId: string): Promise<string[]> {
  const [found] = await run<Record<"changed" | "come" | "gone", string>>(
    client,
    sql`
      select count(*) filter (where mine.sha256 <> planned.sha256 or mine.fixed_text is distinct from planned.fixed_text) as changed,
             count(*) filter (where planned.row_id is null) as come,
             count(*) filter (where mine.row_id is null) as gone
      from (select row_id, sha256, fixed_text from app_private.import_payloads where batch_id = ${batch.id}) mine
      full join (
        select row_id, sha256, fixed_text from app_private.import_payloads where batch_id = ${plannedId}
      ) planned on planned.row_id = mine.row_id`,
  );
  return (
    [
      [found?.changed, "have changed"],
      [found?.come, "have come"],
      [found?.gone, "are gone"],
    ] as const
  ).flatMap(([count, what]) => (Number(count ?? 0) === 0 ? [] : [`records that ${what}: ${count}`]));
}

/** Whether anybody has written a row, or taken one back, since the plan was begun: its predictions were about other rows. */
async function findChangesHere(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection[],
  plannedId: string,
): Promise<string[]> {
  const tables = [...new Set(ledger.flatMap(({ collection }) => collection.table ?? []))];
  const [found] = await run<{ has_edits: boolean; has_imports: boolean }>(
    client,
    sql`
      select
        exists (
          select from unnest(${[...tables, "imports.merges"]}::text[]) as touched (name)
          cross join lateral app_private.recorded_changes(touched.name, null) recorded
          where recorded.change_id > ${plannedId}
        ) as has_edits,
        exists (
          select from imports.effects effect
          where effect.tenant_id = ${batch.tenantId} and effect.table_name = any (${tables}::text[]) and effect.id > ${plannedId}
        ) or exists (
          select from imports.undoings undoing
          where undoing.tenant_id = ${batch.tenantId} and undoing.table_name = any (${tables}::text[]) and undoing.id > ${plannedId}
        ) as has_imports`,
  );
  return [
    ...(found?.has_edits ? ["people have changed rows or merges here"] : []),
    ...(found?.has_imports ? ["another import has written rows"] : []),
  ];
}

async function copyPredictions(client: pg.ClientBase, batch: Batch, plan: EarlierPlan): Promise<void> {
  const bothLines = raw(`
    from imports.collections mine
    join imports.collections planned on planned.tenant_id = mine.tenant_id and planned.name = mine.name`);
  await run(
    client,
    sql`
      insert into imports.predictions (collection_id, field, fate, predicted, is_usual)
      select mine.id, prediction.field, prediction.fate, prediction.predicted, prediction.is_usual
      ${bothLines}
      join imports.predictions prediction on prediction.tenant_id = planned.tenant_id and prediction.collection_id = planned.id
      where mine.tenant_id = ${batch.tenantId} and mine.batch_id = ${batch.id} and planned.batch_id = ${plan.batchId}`,
  );
  await run(
    client,
    sql`
      insert into app_private.import_predicted_records (batch_id, row_id, collection_id, outcome, has_conflict)
      select ${batch.id}, predicted.row_id, mine.id, predicted.outcome, predicted.has_conflict
      ${bothLines}
      join app_private.import_predicted_records predicted on predicted.batch_id = planned.batch_id and predicted.collection_id = planned.id
      where mine.tenant_id = ${batch.tenantId} and mine.batch_id = ${batch.id} and planned.batch_id = ${plan.batchId}`,
  );
}

/** Writes what the run took beside what was foreseen. */
export async function writeActualPace(batch: Batch): Promise<void> {
  await inBatch(batch, (client) =>
    client.query(
      `update imports.plans plan
       set actual_calls = (
             select count(*) from imports.api_calls made where made.tenant_id = plan.tenant_id and made.batch_id = plan.batch_id
           ),
           actual_minutes = round(extract(epoch from clock_timestamp() - batch.started_at) / 60, 2)
       from imports.batches batch
       where plan.tenant_id = $1 and plan.batch_id = $2 and batch.tenant_id = plan.tenant_id and batch.id = plan.batch_id
         and batch.replayed_at is null`,
      [batch.tenantId, batch.id],
    ),
  );
}
