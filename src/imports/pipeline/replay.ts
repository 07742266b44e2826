import type pg from "pg";
import { type CellFate, type DecodedRecord, holdsRefusedText, makeDecoder } from "../decode.ts";
import { decodeFixed, readFixes } from "../fixes.ts";
import { reasons } from "../reasons.ts";
import { type Batch, inBatch, mappingHash } from "./batch.ts";
import { type LedgerCollection, partsOf } from "./collections.ts";
import { landPart, openReader } from "./land.ts";
import { linkingRows, moveLinks } from "./merges.ts";
import { latestHash, rowHash } from "./row_hash.ts";
import { raw, run, shapeOf, sql } from "./sql.ts";

const pageSize = 1_000;

/** A record that waits, as it landed. */
interface Waiting {
  position: string;
  row_id: string;
  record_id: string;
  source_text: string | null;
}

/**
 * Takes up what waits: records that were kept out, those that came in without a cell, conflicts that nobody has decided, and what links to a
 * record that is merged into another now. They are decoded anew, by the mapping and with the fixes as they are now, and lose their outcome;
 * the load gives them another. Ranked siblings of theirs do too, since their places follow. All in one transaction: a replay is prepared,
 * or it is not.
 */
export async function prepareReplay(batch: Batch, ledger: LedgerCollection[]): Promise<void> {
  await inBatch(batch, async (client) => {
    const takenUp = new Set<LedgerCollection>();
    for (const line of ledger) {
      if (line.collection.table === null) continue;
      const grown = await decodeWaiting(client, batch, line, partsOf(line, ledger));
      if (grown === null) continue;
      await moveLinks(client, batch, line);
      await takeUpSiblings(client, batch, line);
      for (const taken of [line, ...grown]) takenUp.add(taken);
    }
    for (const line of takenUp) {
      // What is about the collection is told anew.
      await client.query(
        `update imports.issues set settled_at = now()
         where tenant_id = $1 and collection_id = $2 and settled_at is null and reason = 'unknown_field'`,
        [batch.tenantId, line.id],
      );
      // What it is expected to do is said anew as well.
      await client.query(`delete from imports.predictions where tenant_id = $1 and collection_id = $2`, [
        batch.tenantId,
        line.id,
      ]);
      await client.query(
        `delete from app_private.import_predicted_records where batch_id = $1 and collection_id = $2`,
        [batch.id, line.id],
      );
      await client.query(`delete from app_private.import_places where batch_id = $1 and collection_id = $2`, [
        batch.id,
        line.id,
      ]);
      await client.query(
        `update imports.collections set step = 'landed', chunks_loaded = 0, carried = 0, is_settled = false
         where tenant_id = $1 and id = $2`,
        [batch.tenantId, line.id],
      );
    }
    await client.query(
      `update imports.batches set is_replay_due = false, mapping_hash = $3 where tenant_id = $1 and id = $2`,
      [batch.tenantId, batch.id, mappingHash(batch.mapping)],
    );
  });
}

/** @returns the parts that have new records by what people put right; null where nothing was taken up */
async function decodeWaiting(
  client: pg.ClientBase,
  batch: Batch,
  line: LedgerCollection,
  parts: LedgerCollection[],
): Promise<LedgerCollection[] | null> {
  const decode = makeDecoder(batch.mapping, line.collection, batch.sourceId);
  const fixes = await readFixes(client, batch, line.collection.name);
  const grown = new Set<LedgerCollection>();
  for (let last: string | null = null; ; ) {
    const waiting = await readWaiting(client, batch, line, last ?? "0");
    if (waiting.length === 0) return last === null ? null : [...grown];
    last = (waiting.at(-1) as Waiting).position;
    const decoded = waiting.flatMap(({ row_id, record_id, source_text }) =>
      source_text === null
        ? []
        : [
            {
              rowId: row_id,
              recordId: record_id,
              text: source_text,
              ...decodeFixed(decode, record_id, source_text, batch.mapping.cellsIn, fixes.get(record_id) ?? []),
            },
          ],
    );
    await countAnew(client, batch, line, decoded);
    await client.query(
      `with settled as (
         update imports.issues set settled_at = now()
         where tenant_id = $1 and batch_id = $2 and row_id = any ($3::uuid[]) and settled_at is null and reason <> 'repeated_record'
       )
       delete from imports.records where tenant_id = $1 and batch_id = $2 and row_id = any ($3::uuid[])`,
      [batch.tenantId, batch.id, decoded.map(({ rowId }) => rowId)],
    );
    await client.query(
      `update app_private.import_payloads payload
       set fixed_text = anew.fixed_text, holds_refused_text = anew.holds_refused_text, rows = anew.rows, refusal = anew.refusal, fates_id = null
       from unnest($2::uuid[], $3::text[], $4::boolean[], $5::jsonb[], $6::text[])
         as anew (row_id, fixed_text, holds_refused_text, rows, refusal)
       where payload.batch_id = $1 and payload.row_id = anew.row_id`,
      [
        batch.id,
        decoded.map(({ rowId }) => rowId),
        decoded.map(({ fixedText }) => fixedText),
        decoded.map(({ text, fixedText }) => holdsRefusedText(text) || holdsRefusedText(fixedText ?? "")),
        decoded.map(({ decoded: { row } }) => row && JSON.stringify({ [line.collection.table as string]: [row] })),
        decoded.map(({ decoded: { refusal } }) => refusal),
      ],
    );
    await tellIssues(client, batch, line, decoded);
    const putRight = decoded.flatMap(({ recordId, text, fixedText }) =>
      fixedText === null ? [] : [{ record: { id: recordId }, text, fixedText }],
    );
    for (const part of parts) {
      const reader = await openReader(client, batch, part);
      if ((await landPart(client, batch, part, reader, line.collection, 1, putRight, false)) > 0) grown.add(part);
    }
  }
}

async function readWaiting(
  client: pg.ClientBase,
  batch: Batch,
  line: LedgerCollection,
  last: string,
): Promise<Waiting[]> {
  return await run<Waiting>(
    client,
    sql`
      select payload.position, payload.row_id, payload.record_id, payload.source_text
      from app_private.import_payloads payload
      where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} and payload.position > ${last}
        and payload.row_id in (
          select record.row_id from imports.records record
          where record.tenant_id = ${batch.tenantId} and record.batch_id = ${batch.id} and record.collection_id = ${line.id}
            and record.outcome = 'quarantined'
          union
          select issue.row_id from imports.issues issue
          where issue.tenant_id = ${batch.tenantId} and issue.collection_id = ${line.id}
            and (issue.fate = 'quarantined' or issue.reason = 'edited_since_import') and issue.settled_at is null
          union
          (${linkingRows(batch, line)})
        )
      order by payload.position
      limit ${pageSize}`,
  );
}

/** A record that was decoded anew. */
interface Anew {
  rowId: string;
  recordId: string;
  decoded: DecodedRecord;
}

/** Moves the cells whose fate has changed from one count of their field to the other. A cell without an issue has kept its fate. */
async function countAnew(client: pg.ClientBase, batch: Batch, line: LedgerCollection, decoded: Anew[]): Promise<void> {
  const { rows } = await client.query<{ row_id: string; field: string; fate: CellFate }>(
    `select row_id, field, fate from imports.issues
     where tenant_id = $1 and batch_id = $2 and row_id = any ($3::uuid[]) and settled_at is null and fate is not null and field is not null
     order by id`,
    [batch.tenantId, batch.id, decoded.map(({ rowId }) => rowId)],
  );
  const before = new Map(rows.map(({ row_id, field, fate }) => [`${row_id} ${field}`, fate]));
  const moves: { field: string; fate: CellFate; by: number }[] = [];
  for (const { rowId, decoded: record } of decoded) {
    const told = new Set(record.issues.map(({ field }) => field));
    for (const [field, fate] of record.fates) {
      const was = before.get(`${rowId} ${field}`) ?? (told.has(field) ? "exact" : fate);
      if (was !== fate) moves.push({ field, fate: was, by: -1 }, { field, fate, by: 1 });
    }
  }
  await client.query(
    `insert into imports.fields as field (collection_id, name, fate, exact, converted, quarantined, dropped)
     select $1, moved.field, 'mapped',
            coalesce(sum(moved.by) filter (where moved.fate = 'exact'), 0), coalesce(sum(moved.by) filter (where moved.fate = 'converted'), 0),
            coalesce(sum(moved.by) filter (where moved.fate = 'quarantined'), 0), coalesce(sum(moved.by) filter (where moved.fate = 'dropped'), 0)
     from unnest($2::text[], $3::text[], $4::integer[]) as moved (field, fate, by)
     group by moved.field
     on conflict (tenant_id, collection_id, name) do update
       set exact = field.exact + excluded.exact,
           converted = field.converted + excluded.converted,
           quarantined = field.quarantined + excluded.quarantined,
           dropped = field.dropped + excluded.dropped`,
    [line.id, moves.map(({ field }) => field), moves.map(({ fate }) => fate), moves.map(({ by }) => by)],
  );
}

async function tellIssues(client: pg.ClientBase, batch: Batch, line: LedgerCollection, decoded: Anew[]): Promise<void> {
  const issues = decoded.flatMap((record) => record.decoded.issues.map((issue) => ({ record, issue })));
  await client.query(
    `insert into imports.issues (batch_id, collection_id, row_id, record_id, field, column_name, fate, reason, original, way_out)
     select $1, $2, *
     from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::imports.cell_fate[], $8::text[], $9::text[], $10::text[])`,
    [
      batch.id,
      line.id,
      issues.map(({ record }) => record.rowId),
      issues.map(({ record }) => record.recordId),
      issues.map(({ issue }) => issue.field),
      issues.map(({ issue }) => issue.column),
      issues.map(({ issue }) => issue.fate),
      issues.map(({ issue }) => issue.reason),
      issues.map(({ issue }) => issue.original),
      issues.map(({ issue }) => reasons[issue.reason]),
    ],
  );
}

/** Takes the outcome from the rows of a ranked group that a record may join, unless somebody edited them: those keep their places. */
async function takeUpSiblings(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<void> {
  const rank = Object.values(line.collection.derived).find((derivation) => derivation.kind === "rank");
  if (rank === undefined) return;
  const shape = shapeOf(line.collection);
  const groupOf = (alias: string) => sql`${raw(alias)}.rows -> ${shape.table} -> 0 ->> ${rank.within}`;
  await run(
    client,
    sql`
      delete from imports.records record
      using app_private.import_payloads payload, ${raw(shape.table)} existing
      where record.tenant_id = ${batch.tenantId} and record.batch_id = ${batch.id} and record.collection_id = ${line.id}
        and record.outcome in ('inserted', 'updated', 'unchanged')
        and payload.batch_id = ${batch.id} and payload.row_id = record.row_id
        and existing.tenant_id = ${batch.tenantId} and existing.id = record.row_id
        and ${rowHash(shape, "existing")} = (${latestHash(batch, shape, "existing")})
        and ${groupOf("payload")} in (
          select ${groupOf("joining")}
          from app_private.import_payloads joining
          where joining.batch_id = ${batch.id} and joining.collection_id = ${line.id} and joining.rows is not null
            and not exists (
              select from imports.records known
              where known.tenant_id = ${batch.tenantId} and known.batch_id = ${batch.id} and known.row_id = joining.row_id
            )
        )`,
  );
}
