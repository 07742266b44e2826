import type pg from "pg";
import { errorCode, errorMessage } from "../../errors.ts";
import { reasons } from "../reasons.ts";
import { connectionsAtOnce, eachAtOnce } from "./at_once.ts";
import { type Batch, inBatch, type LoadingBatch } from "./batch.ts";
import { eachCarriedChunk } from "./carry_over.ts";
import type { LedgerCollection } from "./collections.ts";
import { makeRoom } from "./gone.ts";
import { judgedRows } from "./judge.ts";
import { lostColumns } from "./lost_fields.ts";
import { columnHash, outcomeOf, quote, rowHash } from "./row_hash.ts";
import { expectChunk, join, listed, raw, run, type Shape, type Sql, shapeOf, sql } from "./sql.ts";
import { checkSiblingLink, siblingLinks } from "./validate.ts";

/** How many records a chunk takes, where no groups must stay together. */
const chunkSize = 1_000;

/** PostgreSQL's code for a foreign key that finds nothing. */
const missingReference = "23503";

/** And for a value that must be unique and is there already. */
const takenValue = "23505";

/** And for a lock that did not come free in time, or never would. */
const lockNotFree = /^(55P03|40P01)$/;

/** Somebody edited a row between reading and writing it: the chunk is judged anew. */
class EditedMeanwhile extends Error {}

/** How often, before the batch is paused. */
const judgements = 5;

/**
 * Brings a collection's rows into their table, chunk by chunk. Rows, ledger and checkpoint of a chunk are one statement in one
 * transaction: after a crash a chunk is in, or it is not.
 *
 * @param onProgress told after every chunk how many records have their outcome
 */
export async function load(
  batch: LoadingBatch,
  ledger: LedgerCollection,
  onProgress: (done: number) => void,
): Promise<void> {
  if (ledger.collection.table !== null) {
    const shape = shapeOf(ledger.collection);
    let done = 0;
    const tell = (records: number) => {
      done += records;
      onProgress(done);
    };
    if (!batch.replayedAt) await loadCarried(batch, ledger, tell);
    if (ledger.chunksLoaded === 0) await makeRoom(batch, ledger, shape);
    const lost = await lostColumns(batch, ledger);
    const chunks = await countChunks(batch, ledger, shape);
    while (ledger.chunksLoaded < chunks) {
      await loadTogether(batch, ledger, shape, lost, chunks, tell);
      if (ledger.chunksLoaded < chunks) tell(await loadChunk(batch, ledger, shape, lost, ledger.chunksLoaded));
    }
  }
  await inBatch(batch, async (client) => {
    await client.query(`update imports.collections set step = 'loaded' where tenant_id = $1 and id = $2`, [
      batch.tenantId,
      ledger.id,
    ]);
  });
  ledger.step = "loaded";
}

/** Gives the records that are carried over their outcome; their rows stay as they are. Done again, it changes nothing. */
async function loadCarried(batch: Batch, ledger: LedgerCollection, tell: (records: number) => void): Promise<void> {
  await eachCarriedChunk(batch, ledger, async (client, after, upTo) => {
    const { rowCount } = await client.query(
      `insert into imports.records (tenant_id, batch_id, collection_id, row_id, record_id, sha256, outcome, row_hash, is_carried)
       select $1, $2, $3, payload.row_id, payload.record_id, payload.sha256, 'unchanged', payload.row_hash, true
       from app_private.import_payloads payload
       where payload.batch_id = $2 and payload.collection_id = $3 and payload.is_carried and payload.position > $4 and payload.position <= $5
       order by payload.row_id
       on conflict (tenant_id, batch_id, row_id) do nothing`,
      [batch.tenantId, batch.id, ledger.id, after, upTo],
    );
    tell(rowCount ?? 0);
  });
}

function isRanked(ledger: LedgerCollection): boolean {
  return Object.values(ledger.collection.derived).some(({ kind }) => kind === "rank");
}

async function countChunks(batch: Batch, ledger: LedgerCollection, shape: Shape): Promise<number> {
  const chunk = isRanked(ledger)
    ? sql`select max(chunk) + 1 as chunks from app_private.import_places where batch_id = ${batch.id} and collection_id = ${ledger.id}`
    : sql`
        select (max(position) - 1) / ${chunkSize} + 1 as chunks from app_private.import_payloads
        where batch_id = ${batch.id} and collection_id = ${ledger.id} and rows ? ${shape.table}
          ${raw(batch.replayedAt ? "" : "and not is_carried")}`;
  return await inBatch(batch, async (client) =>
    Number((await run<{ chunks: string | null }>(client, chunk))[0]?.chunks ?? 0),
  );
}

/**
 * Loads several chunks at once, each in a transaction of its own, and commits them in their order, so that the checkpoint always says how
 * far the collection is. Where something goes wrong it leaves off: the next chunk is for `loadChunk`, by itself.
 */
async function loadTogether(
  batch: LoadingBatch,
  ledger: LedgerCollection,
  shape: Shape,
  lost: string[],
  chunks: number,
  tell: (records: number) => void,
): Promise<void> {
  // A slug is free or taken by what came in before it.
  const isInTurn = Object.values(ledger.collection.derived).some(({ kind }) => kind === "slug");
  const waiting = Array.from({ length: chunks - ledger.chunksLoaded }, (_, index) => ledger.chunksLoaded + index);
  let before: Promise<unknown> = Promise.resolve();
  try {
    await eachAtOnce(waiting, isInTurn ? 1 : connectionsAtOnce(batch), async (chunk) => {
      const attempt = attemptChunk(batch, ledger, shape, lost, chunk, before);
      before = attempt;
      tell(await attempt);
    });
  } catch (error) {
    const isForOneAlone =
      error instanceof EditedMeanwhile || isRefusal(error) || lockNotFree.test(errorCode(error) ?? "");
    if (!isForOneAlone) throw error;
  }
}

/**
 * One chunk, in one transaction. A record that the table refuses, by a rule that the mapping does not know, is set aside, and the others
 * come in without it.
 *
 * @returns how many records have their outcome now
 */
async function loadChunk(
  batch: LoadingBatch,
  ledger: LedgerCollection,
  shape: Shape,
  lost: string[],
  chunk: number,
): Promise<number> {
  for (let judgement = 1; ; judgement += 1) {
    try {
      return await attemptChunk(batch, ledger, shape, lost, chunk);
    } catch (error) {
      // A value that somebody else took in this moment may be free to choose: a slug.
      const isAnotherTry =
        error instanceof EditedMeanwhile ||
        (errorCode(error) === takenValue && judgement === 1) ||
        (isRefusal(error) && (await setAside(batch, ledger, shape, lost, inChunk(ledger, chunk))));
      if (!isAnotherTry || judgement === judgements) throw error;
    }
  }
}

/**
 * Rows, ledger and checkpoint of a chunk, in one transaction.
 *
 * @param turn the chunk before, where it is not in yet: this one waits for it with its checkpoint, and fails with it
 * @returns how many records have their outcome now
 */
async function attemptChunk(
  batch: LoadingBatch,
  ledger: LedgerCollection,
  shape: Shape,
  lost: string[],
  chunk: number,
  turn: Promise<unknown> | null = null,
): Promise<number> {
  const records = await inBatch(batch, async (client) => {
    await expectChunk(client);
    // Whoever comes later may hold what this one needs, and wait for it.
    if (turn !== null) await client.query("set local lock_timeout = '3s'");
    const [loaded] = await run<Loaded>(client, loadRows(batch, ledger, shape, lost, inChunk(ledger, chunk)));
    if (loaded?.written !== loaded?.meant) throw new EditedMeanwhile("rows were edited while they were loaded");
    await turn;
    await client.query(`update imports.collections set chunks_loaded = $3 where tenant_id = $1 and id = $2`, [
      batch.tenantId,
      ledger.id,
      chunk + 1,
    ]);
    return Number(loaded?.records ?? 0);
  });
  ledger.chunksLoaded = chunk + 1;
  return records;
}

function inChunk(ledger: LedgerCollection, chunk: number): Sql {
  return isRanked(ledger)
    ? sql`place.collection_id = ${ledger.id} and place.chunk = ${chunk}`
    : sql`incoming.source_position between ${chunk * chunkSize + 1} and ${(chunk + 1) * chunkSize}`;
}

/** What a table says to a row: a value out of range, a constraint. */
function isRefusal(error: unknown): boolean {
  return /^2[23]/.test(errorCode(error) ?? "");
}

/** A record that the table refuses, and its words. */
interface Refusal {
  rowId: string;
  detail: string;
}

/**
 * Tries the records of a chunk, in ever smaller parts, and quarantines those that the table refuses.
 *
 * @returns whether there were any
 */
async function setAside(
  batch: LoadingBatch,
  ledger: LedgerCollection,
  shape: Shape,
  lost: string[],
  inChunk: Sql,
): Promise<boolean> {
  return await inBatch(batch, async (client) => {
    const rank = Object.values(ledger.collection.derived).find((derivation) => derivation.kind === "rank");
    const rows = await run<{ siblings: string[] }>(
      client,
      sql`
        with ${judgedRows(batch, ledger, shape, lost, inChunk)}
        select array_agg(judged.row_id) as siblings from judged
        group by judged.${raw(rank === undefined ? "row_id" : rank.within)}
        order by min(judged.source_position)`,
    );
    const refused = await findRefused(
      rows.map(({ siblings }) => siblings),
      (rowIds) =>
        refusalOf(
          client,
          loadRows(batch, ledger, shape, lost, sql`${inChunk} and incoming.row_id = any (${rowIds}::uuid[])`),
        ),
    );
    await quarantineRefused(client, batch, ledger, refused);
    for (const [name, field] of siblingLinks(ledger.collection)) {
      await checkSiblingLink(client, batch, ledger, shape, name, field);
    }
    return refused.length > 0;
  });
}

/**
 * Which records a table refuses: halves are halved again until they come in, or are one record. Siblings link to each other and are parted
 * last.
 *
 * @param refusalOf tries records, and gives the table's error
 */
async function findRefused(groups: string[][], refusalOf: (rowIds: string[]) => Promise<unknown>): Promise<Refusal[]> {
  const rowIds = groups.flat();
  const error = rowIds.length === 0 ? null : await refusalOf(rowIds);
  if (error === null) return [];
  if (rowIds.length === 1) {
    // A missing sibling is no refusal: it comes with the others.
    return errorCode(error) === missingReference
      ? []
      : [{ rowId: rowIds[0] as string, detail: `${errorMessage(error)}.` }];
  }
  const parts = groups.length === 1 ? rowIds.map((rowId) => [rowId]) : groups;
  const half = Math.ceil(parts.length / 2);
  return [
    ...(await findRefused(parts.slice(0, half), refusalOf)),
    ...(await findRefused(parts.slice(half), refusalOf)),
  ];
}

/** What a table says to rows, which are taken back at once; null where it takes them. */
async function refusalOf(client: pg.ClientBase, rows: Sql): Promise<unknown> {
  await client.query("savepoint trial");
  try {
    await run(client, rows);
    return null;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return error;
  } finally {
    await client.query("rollback to savepoint trial");
  }
}

async function quarantineRefused(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  refused: Refusal[],
): Promise<void> {
  await client.query(
    `with refused as (
       select payload.row_id, payload.record_id, payload.sha256, refused.detail
       from unnest($3::uuid[], $4::text[]) as refused (row_id, detail)
       join app_private.import_payloads payload on payload.batch_id = $1 and payload.row_id = refused.row_id
     ),
     told as (
       insert into imports.issues (batch_id, collection_id, row_id, record_id, fate, reason, detail, way_out)
       select $1, $2, row_id, record_id, 'quarantined', 'refused_by_table', detail, $5 from refused
     )
     insert into imports.records (batch_id, collection_id, row_id, record_id, sha256, outcome, reason)
     select $1, $2, row_id, record_id, sha256, 'quarantined', 'refused_by_table' from refused`,
    [
      batch.id,
      ledger.id,
      refused.map(({ rowId }) => rowId),
      refused.map(({ detail }) => detail),
      reasons.refused_by_table,
    ],
  );
}

/** How many records a statement gave their outcome, how many rows it meant to update, and how many it did. */
interface Loaded {
  records: string;
  meant: string;
  written: string;
}

/**
 * What is to be done with the rows that meet a condition, in one statement: rows, before-images, effects, issues and outcomes. The tenant
 * is named, though it is the default: a default asks who asks for every row.
 */
function loadRows(batch: LoadingBatch, ledger: LedgerCollection, shape: Shape, lost: string[], condition: Sql): Sql {
  const table = raw(shape.table);
  const assignments = raw(shape.columns.map((name) => `${name} = judged.${name}`).join(", "));
  const hashes = join(
    shape.columns.map(
      (column) =>
        sql`coalesce((judged.column_bases ->> ${raw(quote(column))})::bigint, ${columnHash(`judged.${column}`)})`,
    ),
    ", ",
  );
  return sql`
    with ${judgedRows(batch, ledger, shape, lost, condition)},
    -- Effects and outcomes both keep it: it is made once.
    hashed as materialized (select judged.*, ${rowHash(shape, "judged")} as row_hash from judged),
    images as (
      insert into app_private.import_before_images (batch_id, row_id, table_name, image)
      select ${batch.id}, existing.id, ${shape.table}, to_jsonb(existing)
      from judged
      join ${table} existing on existing.tenant_id = ${batch.tenantId} and existing.id = judged.row_id
      where judged.row_outcome = 'updated'
      on conflict (batch_id, row_id, table_name) do nothing
    ),
    inserted as (
      insert into ${table} (tenant_id, id, ${listed(shape.columns)})
      select ${batch.tenantId}, judged.row_id, ${listed(shape.columns, "judged")}
      from judged
      where judged.row_outcome = 'inserted'
      order by judged.source_position
    ),
    updated as (
      update ${table} existing
      set ${assignments}
      from judged
      where existing.tenant_id = ${batch.tenantId} and existing.id = judged.row_id and existing.xmin = judged.row_version
        and judged.row_outcome = 'updated'
      returning existing.id
    ),
    effects as (
      insert into imports.effects as known (tenant_id, batch_id, row_id, table_name, effect, row_hash, column_hashes)
      select ${batch.tenantId}, ${batch.id}, judged.row_id, ${shape.table}, judged.row_outcome::text::imports.row_effect, judged.row_hash,
             array[${hashes}]
      from hashed judged
      where judged.row_outcome in ('inserted', 'updated')
      on conflict (tenant_id, batch_id, row_id, table_name) do update
        set effect = case known.effect when 'inserted' then known.effect else 'updated' end,
            row_hash = excluded.row_hash, column_hashes = excluded.column_hashes
    ),
    conflicts as (
      insert into imports.issues
        (batch_id, collection_id, row_id, record_id, field, column_name, reason, original, existing_value, way_out)
      select ${batch.id}, ${ledger.id}, judged.row_id, judged.record_id, nullif(conflict.cell ->> 1, ''), conflict.cell ->> 0, ways.reason,
             conflict.cell ->> 3, conflict.cell ->> 4, ways.out
      from judged
      cross join lateral jsonb_array_elements(judged.column_conflicts) as conflict (cell)
      join (values
        ('hold', 'edited_since_import', ${reasons.edited_since_import}),
        ('database_wins', 'kept_over_source', ${reasons.kept_over_source}),
        ('source_wins', 'overwritten_by_source', ${reasons.overwritten_by_source})
      ) as ways (policy, reason, out) on ways.policy = conflict.cell ->> 2
    ),
    recorded as (
      insert into imports.records
        (tenant_id, batch_id, collection_id, row_id, record_id, sha256, outcome, reason, row_hash, kept_columns, has_conflict)
      select ${batch.tenantId}, ${batch.id}, ${ledger.id}, judged.row_id, judged.record_id, judged.sha256, ${outcomeOf(batch, shape, "judged", "row_outcome")}::imports.record_outcome,
             case judged.row_outcome when 'skipped' then 'edited_since_import' end,
             case when judged.row_outcome <> 'skipped' then judged.row_hash end, judged.kept_columns, judged.column_conflicts is not null
      from hashed judged
      order by judged.source_position
      returning id
    )
    select (select count(*) from recorded) as records,
           (select count(*) from judged where judged.row_outcome = 'updated') as meant,
           (select count(*) from updated) as written`;
}

/** The outcome of every record of a collection, counted in the ledger; where the sums balance the collection is settled. */
export async function settle(client: pg.ClientBase, batch: Batch): Promise<void> {
  await client.query(
    `update imports.collections collection
     set inserted = counted.inserted, updated = counted.updated, unchanged = counted.unchanged, quarantined = counted.quarantined,
         skipped = counted.skipped, deleted = counted.deleted, conflicts = counted.conflicts,
         is_settled = collection.landed = counted.inserted + counted.updated + counted.unchanged + counted.quarantined + counted.skipped
     from (
       select collection.id,
              count(*) filter (where record.outcome = 'inserted') as inserted,
              count(*) filter (where record.outcome = 'updated') as updated,
              count(*) filter (where record.outcome = 'unchanged') as unchanged,
              count(*) filter (where record.outcome = 'quarantined') as quarantined,
              count(*) filter (where record.outcome = 'skipped') as skipped,
              count(*) filter (where record.outcome = 'deleted') as deleted,
              count(*) filter (where record.has_conflict) as conflicts
       from imports.collections collection
       left join imports.records record on record.tenant_id = collection.tenant_id and record.collection_id = collection.id
       where collection.tenant_id = $1 and collection.batch_id = $2
       group by collection.id
     ) counted
     where collection.tenant_id = $1 and collection.batch_id = $2 and collection.id = counted.id`,
    [batch.tenantId, batch.id],
  );
}
