import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join as joinPath } from "node:path";
import type pg from "pg";
import { type Collection, mappedFields } from "../mappings/mapping.ts";
import { connectionsAtOnce, eachAtOnce } from "./at_once.ts";
import { type Batch, inBatch, mappingHash } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { type FateBook, type Fates, readFateBook } from "./fates.ts";
import { readMergedRows } from "./merges.ts";
import { rowHash } from "./row_hash.ts";
import {
  expectLookups,
  expectWholeCollections,
  incomingRows,
  listed,
  raw,
  run,
  type Sql,
  shapeOf,
  sql,
} from "./sql.ts";
import { supersededFields } from "./superseded.ts";

/*
 * What an earlier import of the source has made of the same text, and has proved of it and its row, still holds as long as nothing that it
 * depends on has changed: the text, the row, the mapping, the verifier, and the records that it was held against. Such a record is carried
 * over; every other one is judged and proved in full.
 */

/**
 * Finds the import whose proof may still hold for records of this one, and keeps its id with the batch: the last of the source, where it was
 * verified by the same code, under the same mapping and of the same fields. Where another one came in between, or a replay, nothing is
 * carried over.
 *
 * @returns its id; null where everything is derived anew
 */
export async function findCarriedFrom(client: pg.ClientBase, batch: Batch): Promise<string | null> {
  const { rows } = await client.query<{ id: string | null }>(
    `update imports.batches own
     set carried_from_id = (
       select last.id
       from (
         select known.*
         from imports.batches known
         where known.tenant_id = own.tenant_id and known.source_id = own.source_id and known.id <> own.id and known.status <> 'planned'
         order by known.created_at desc, known.id desc
         limit 1
       ) last
       where last.created_at <= own.created_at and last.status in ('completed', 'incomplete') and last.is_verified and last.replayed_at is null
         and last.payloads_forgotten_at is null and last.mapping_hash = $3 and last.verifier_hash = $4
         and last.source_schema = own.source_schema
     )
     where own.tenant_id = $1 and own.id = $2
     returning own.carried_from_id as id`,
    [batch.tenantId, batch.id, mappingHash(batch.mapping), await verifierHash(client)],
  );
  return rows[0]?.id ?? null;
}

/** The import that a batch carries on from; null where everything is derived anew. */
export async function readCarriedFrom(
  client: pg.ClientBase,
  batch: Pick<Batch, "id" | "tenantId">,
): Promise<string | null> {
  const { rows } = await client.query<{ id: string | null }>(
    `select carried_from_id as id from imports.batches where tenant_id = $1 and id = $2`,
    [batch.tenantId, batch.id],
  );
  return rows[0]?.id ?? null;
}

let codeHash: Buffer | undefined;

/** SHA-256 of all code that makes and proves rows: that of the imports, and the functions in the database that it may call. */
export async function verifierHash(client: pg.ClientBase): Promise<Buffer> {
  codeHash ??= hash("sha256", Buffer.concat(readSources(joinPath(import.meta.dirname, ".."))), "buffer");
  const { rows } = await client.query<{ hash: Buffer }>(
    `select sha256($1::bytea || convert_to(string_agg(function.oid::regprocedure::text || function.prosrc, '' order by function.oid), 'UTF8')) as hash
     from pg_proc function
     where function.pronamespace in ('app'::regnamespace, 'app_private'::regnamespace)`,
    [codeHash],
  );
  return (rows[0] as { hash: Buffer }).hash;
}

function readSources(folder: string): Buffer[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .toSorted()
    .map((name) => readFileSync(joinPath(folder, name)));
}

/** What an earlier import made of a collection. */
export interface Known {
  batchId: string;
  table: string;
  /** The fates that its records' cells met. */
  fates: FateBook;
  /** The rows that others were merged into: what links to them may have had another link. */
  mergedInto: string[];
}

/** A record that an earlier import has proved: the hash of its row, and what became of its cells. */
export interface KnownRecord {
  rowHash: Buffer;
  fates: Fates;
}

/** @returns null where every record of the collection is decoded */
export async function openKnown(
  client: pg.ClientBase,
  batch: Batch,
  { collection }: LedgerCollection,
): Promise<Known | null> {
  const batchId = batch.replayedAt ? null : await readCarriedFrom(client, batch);
  if (batchId === null || collection.table === null) return null;
  const { rows } = await client.query<{ id: string }>(
    `select id from imports.collections where tenant_id = $1 and batch_id = $2 and name = $3 and step = 'loaded'`,
    [batch.tenantId, batchId, collection.name],
  );
  if (rows[0] === undefined) return null;
  const { intoIds } = await readMergedRows(client, { tenantId: batch.tenantId, id: batchId });
  return {
    batchId,
    table: collection.table,
    fates: await readFateBook(client, batchId, rows[0].id),
    mergedInto: intoIds,
  };
}

/**
 * Which of some records were known with the same text, and came in whole: without an issue, a fix, or a column that people have edited.
 *
 * @returns by row id
 */
export async function findKnown(
  client: pg.ClientBase,
  batch: Batch,
  known: Known,
  records: { rowId: string; sha256: Buffer }[],
): Promise<Map<string, KnownRecord>> {
  const { rows } = await client.query<{ row_id: string; row_hash: Buffer; fates_id: number }>(
    `select payload.row_id, record.row_hash, payload.fates_id
     from unnest($3::uuid[], $4::bytea[]) as wanted (row_id, sha256)
     join app_private.import_payloads payload
       on payload.batch_id = $2 and payload.row_id = wanted.row_id and payload.sha256 = wanted.sha256
     join imports.records record on record.tenant_id = $1 and record.batch_id = $2 and record.row_id = wanted.row_id
     where payload.fates_id is not null and payload.fixed_text is null and record.row_hash is not null
       and record.outcome in ('inserted', 'updated', 'unchanged') and record.kept_columns is null and not record.has_conflict
       and not exists (
         select from imports.issues issue where issue.tenant_id = $1 and issue.batch_id = $2 and issue.row_id = wanted.row_id
       )
       -- A row that was written once more after its record had its outcome: its parent was merged into another.
       and not exists (
         select from imports.effects effect
         where effect.tenant_id = $1 and effect.batch_id = $2 and effect.row_id = wanted.row_id and effect.row_hash <> record.row_hash
       )
       and (cardinality($5::text[]) = 0 or not exists (
         select from jsonb_each_text(payload.rows -> $6 -> 0) as cell where cell.value = any ($5::text[])
       ))`,
    [
      batch.tenantId,
      known.batchId,
      records.map(({ rowId }) => rowId),
      records.map(({ sha256 }) => sha256),
      known.mergedInto,
      known.table,
    ],
  );
  return new Map(
    rows.flatMap(({ row_id, row_hash, fates_id }): [string, KnownRecord][] => {
      const fates = known.fates.patterns.get(fates_id);
      return fates === undefined ? [] : [[row_id, { rowHash: row_hash, fates }]];
    }),
  );
}

/** Whether there are records of a collection that are not carried over. */
export async function isJudged(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<boolean> {
  const { rows } = await client.query<{ is_judged: boolean }>(
    `select exists (select from app_private.import_payloads where batch_id = $1 and collection_id = $2 and not (is_carried and $3)) as is_judged`,
    [batch.id, line.id, !batch.replayedAt],
  );
  return rows[0]?.is_judged ?? true;
}

/** A batch that has landed, while it is found out what is carried over. */
interface Settling {
  client: pg.ClientBase;
  batch: Batch;
  knownId: string;
  ledger: LedgerCollection[];
}

/**
 * Decides which of the records with a known text are carried over, when all has landed and what is gone is known: those whose row is now as
 * it was proved, and for which nothing else has changed that they were held against. The others are judged in full.
 */
export async function settleCarried(batch: Batch, ledger: LedgerCollection[]): Promise<void> {
  if (batch.replayedAt) return;
  const lines = ledger.filter(({ collection }) => collection.table !== null);
  // Taken up by another process, a batch may have gone on already: then all of it is decided.
  if (lines.some(({ step }) => step !== "landed")) return;
  const knownId = await inBatch(batch, async (client) => {
    const id = await readCarriedFrom(client, batch);
    // What a killed process has decided is decided anew from the beginning: half of it would lead further than the whole.
    await client.query(
      `update app_private.import_payloads set is_carried = $2
       where batch_id = $1 and is_carried = not $2 and (not $2 or row_hash is not null)`,
      [batch.id, id !== null],
    );
    return id;
  });
  if (knownId === null) return;
  for (const line of lines) await judgeOtherRows(batch, knownId, line);
  await inBatch(batch, async (client) => {
    await expectWholeCollections(client);
    const settling: Settling = { client, batch, knownId, ledger };
    for (const line of lines) {
      await judgeSameValues(settling, line);
      await judgeSiblings(settling, line);
      await judgeNamed(settling, line);
    }
    // Parents first: a column that follows one link may be followed by another.
    for (const line of lines) await judgeLinking(settling, line);
    for (const line of lines) await judgeLinked(settling, line);
    await client.query(
      `update imports.collections collection
       set carried = landed - (
         select count(*) from app_private.import_payloads payload
         where payload.batch_id = $2 and payload.collection_id = collection.id and not payload.is_carried
       )
       where collection.tenant_id = $1 and collection.batch_id = $2 and collection.id = any ($3::uuid[])`,
      [batch.tenantId, batch.id, lines.map(({ id }) => id)],
    );
  });
}

/** Has the records of a collection judged for whose `existing` row a condition holds. */
async function judge(
  { client, batch }: Settling,
  line: LedgerCollection,
  condition: Sql,
  tables: Sql = raw(""),
): Promise<void> {
  await run(
    client,
    sql`
      ${tables}
      update app_private.import_payloads payload
      set is_carried = false
      from ${raw(line.collection.table as string)} existing
      where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} and payload.is_carried
        and existing.tenant_id = ${batch.tenantId} and existing.id = payload.row_id and (${condition})`,
  );
}

/** Those whose row is not there, is not as it was proved, or was touched by people since; and those that a merge is about, or was. */
async function judgeOtherRows(batch: Batch, knownId: string, line: LedgerCollection): Promise<void> {
  const shape = shapeOf(line.collection);
  const others = await inBatch(batch, async (client) => {
    const rows = await run<{ row_id: string }>(
      client,
      sql`
        select touched.row_id from (${touchedRows(knownId, shape.table)}) touched
        union ${mergingRows(batch, knownId)}`,
    );
    return rows.map(({ row_id }) => row_id);
  });
  await eachCarriedChunk(batch, line, async (client, after, upTo) => {
    const chunk = sql`
      payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} and payload.is_carried
      and payload.position > ${after} and payload.position <= ${upTo}`;
    await run(
      client,
      sql`
        with same as materialized (
          select payload.row_id
          from app_private.import_payloads payload
          join ${raw(shape.table)} existing on existing.tenant_id = ${batch.tenantId} and existing.id = payload.row_id
          where ${chunk} and payload.row_hash = ${rowHash(shape, "existing")} and payload.row_id <> all (${others}::uuid[])
        )
        update app_private.import_payloads payload
        set is_carried = false
        where ${chunk} and payload.row_id not in (select same.row_id from same)`,
    );
  });
}

/** How many records that are carried over a transaction takes. */
const carriedChunkSize = 20_000;

/**
 * Goes through the records of a collection that are carried over, several chunks at once, each in a transaction that looks rows up.
 *
 * @param work on the records whose position is after the first number, and not after the second
 */
export async function eachCarriedChunk(
  batch: Batch,
  line: LedgerCollection,
  work: (client: pg.PoolClient, after: number, upTo: number) => Promise<void>,
): Promise<void> {
  const last = await inBatch(batch, async (client) => {
    const { rows } = await client.query<{ last: string | null }>(
      `select max(position) as last from app_private.import_payloads where batch_id = $1 and collection_id = $2 and is_carried`,
      [batch.id, line.id],
    );
    return Number(rows[0]?.last ?? 0);
  });
  const begins = Array.from({ length: Math.ceil(last / carriedChunkSize) }, (_, chunk) => chunk * carriedChunkSize);
  await eachAtOnce(begins, connectionsAtOnce(batch), (after) =>
    inBatch(batch, async (client) => {
      await expectLookups(client);
      await work(client, after, after + carriedChunkSize);
    }),
  );
}

/** What people and jobs did to rows of a table since the earlier import began. */
function touchedRows(knownId: string, table: string): Sql {
  return sql`
    select recorded.row_id, recorded.changes
    from app_private.recorded_changes(${table}, null) recorded
    where recorded.change_id > ${knownId}`;
}

/** The rows that merges are about, those of the earlier import and those that hold now. */
function mergingRows(batch: Batch, knownId: string): Sql {
  return sql`
    select merging.row_id
    from imports.merges merge
    cross join lateral (values (merge.row_id), (merge.into_row_id)) as merging (row_id)
    where merge.tenant_id = ${batch.tenantId} and merge.source_id = ${batch.sourceId}
    union
    select merging.row_id
    from imports.records merged
    cross join lateral (values (merged.row_id), (merged.into_row_id)) as merging (row_id)
    where merged.tenant_id = ${batch.tenantId} and merged.batch_id = ${knownId} and merged.reason = 'merged'`;
}

/** Those that have a value that no two rows may share and that a judged record has as well. */
async function judgeSameValues(settling: Settling, line: LedgerCollection): Promise<void> {
  if (!(await hasChanged(settling, line))) return;
  const shape = shapeOf(line.collection);
  for (const columns of line.collection.unique) {
    await judge(
      settling,
      line,
      sql`exists (
        select from judged where (${listed(columns, "judged")}) = (${listed(columns, "existing")})
      )`,
      sql`with judged as materialized (${incomingRows(settling.batch, line.id, shape, columns)})`,
    );
  }
}

/** Those of a ranked group in which anything has changed: their places follow, and they may link to each other. */
async function judgeSiblings(settling: Settling, line: LedgerCollection): Promise<void> {
  const rank = Object.values(line.collection.derived).find((derivation) => derivation.kind === "rank");
  if (rank === undefined || !(await hasChanged(settling, line))) return;
  const { batch, knownId } = settling;
  const shape = shapeOf(line.collection);
  const within = raw(`existing.${rank.within}`);
  await judge(
    settling,
    line,
    sql`${within}::text in (select changed.group_id from changed)`,
    sql`
      with touched as materialized (${touchedRows(knownId, shape.table)}),
      changed as materialized (
        select ${within}::text as group_id
        from ${raw(shape.table)} existing
        where existing.tenant_id = ${batch.tenantId} and (
          existing.id in (
            select payload.row_id from app_private.import_payloads payload
            where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} and not payload.is_carried
          )
          or existing.id in (select gone.row_id from app_private.import_gone_rows gone where gone.batch_id = ${batch.id})
          or existing.id in (select touched.row_id from touched)
        )
        union
        select judged.${raw(rank.within)}::text from (${incomingRows(batch, line.id, shape, [rank.within])}) judged
        union
        -- Of a row that people have moved or deleted: where it was.
        select place.group_id
        from touched
        cross join lateral (values
          (touched.changes ->> ${rank.within}::text), (touched.changes -> ${rank.within}::text ->> 0), (touched.changes -> ${rank.within}::text ->> 1)
        ) as place (group_id)
      )`,
  );
}

/** Those that are held against rows of other collections which no link names, where anything has changed there. */
async function judgeNamed(settling: Settling, line: LedgerCollection): Promise<void> {
  const columns = Object.entries(line.collection.derived).flatMap(([column, derivation]) =>
    derivation.kind === "byName"
      ? [{ column: derivation.from, resolved: column, collection: derivation.collection }]
      : [],
  );
  for (const { column, collection } of columns) {
    const target = lineOf(settling, collection);
    if (target !== undefined && !(await hasChanged(settling, target))) continue;
    await judge(settling, line, sql`existing.${raw(column)} is not null`);
  }
}

/** Those that link to a row that goes, or that a merge is about; and those that follow a link to a judged record. */
async function judgeLinking(settling: Settling, line: LedgerCollection): Promise<void> {
  const { batch, knownId } = settling;
  const links = linksOf(line.collection);
  for (const { column, target } of links) {
    const other = lineOf(settling, target);
    if (other === undefined) continue;
    const isFollowed = followedLinks(line.collection).has(column);
    const moving = sql`
      select gone.row_id from app_private.import_gone_rows gone where gone.batch_id = ${batch.id} and gone.collection_id = ${other.id}
      union ${mergingRows(batch, knownId)}`;
    const judged = sql`
      union select payload.row_id from app_private.import_payloads payload
      where payload.batch_id = ${batch.id} and payload.collection_id = ${other.id} and not payload.is_carried`;
    await judge(settling, line, sql`existing.${raw(column)} in (${moving} ${isFollowed ? judged : raw("")})`);
  }
  for (const derivation of Object.values(line.collection.derived)) {
    if (derivation.kind !== "through" || links.some(({ column }) => column === derivation.link)) continue;
    // The link is itself a column that no field gives.
    for (const other of settling.ledger.filter(({ collection }) => collection.table === derivation.table)) {
      await judge(
        settling,
        line,
        sql`existing.${raw(derivation.link)} in (
          select payload.row_id from app_private.import_payloads payload
          where payload.batch_id = ${batch.id} and payload.collection_id = ${other.id} and not payload.is_carried
        )`,
      );
    }
  }
}

/** Those whose cells are held against the records that link to them, where one of these is judged, is gone, or was changed here. */
async function judgeLinked(settling: Settling, line: LedgerCollection): Promise<void> {
  const { batch, knownId } = settling;
  for (const { collection, field } of heldAgainst(line.collection)) {
    const other = lineOf(settling, collection);
    if (other === undefined || other.collection.table === null || !(await hasChanged(settling, other))) continue;
    const link = mappedFields(other.collection).find(([name]) => name === field)?.[1].column;
    if (link === undefined) {
      // The cells of parts are no links of a row.
      await judge(settling, line, raw("true"));
      continue;
    }
    const table = other.collection.table;
    await judge(
      settling,
      line,
      raw("existing.id::text in (select linked.row_id from linked)"),
      sql`
        with touched as materialized (${touchedRows(knownId, table)}),
        linked as materialized (
          select row.${raw(link)}::text as row_id
          from ${raw(table)} row
          where row.tenant_id = ${batch.tenantId} and (
            row.id in (
              select payload.row_id from app_private.import_payloads payload
              where payload.batch_id = ${batch.id} and payload.collection_id = ${other.id} and not payload.is_carried
            )
            or row.id in (select gone.row_id from app_private.import_gone_rows gone where gone.batch_id = ${batch.id})
            or row.id in (select touched.row_id from touched)
          )
          union
          select payload.rows -> ${table}::text -> 0 ->> ${link}::text
          from app_private.import_payloads payload
          where payload.batch_id = ${batch.id} and payload.collection_id = ${other.id} and not payload.is_carried
          union
          -- What it was when it was proved, where the row has changed since.
          select payload.rows -> ${table}::text -> 0 ->> ${link}::text
          from app_private.import_payloads payload
          where payload.batch_id = ${knownId} and payload.row_id in (
            select judged.row_id from app_private.import_payloads judged
            where judged.batch_id = ${batch.id} and judged.collection_id = ${other.id} and not judged.is_carried
            union all
            select gone.row_id from app_private.import_gone_rows gone where gone.batch_id = ${batch.id} and gone.collection_id = ${other.id}
            union all
            select touched.row_id from touched
          )
          union
          select place.row_id
          from touched
          cross join lateral (values
            (touched.changes ->> ${link}::text), (touched.changes -> ${link}::text ->> 0), (touched.changes -> ${link}::text ->> 1)
          ) as place (row_id)
        )`,
    );
  }
}

/** Whether a record of a collection is judged, a row of it is gone, or anybody else has changed its table since: people, or another import. */
async function hasChanged({ client, batch, knownId }: Settling, line: LedgerCollection): Promise<boolean> {
  const [found] = await run<{ has_changed: boolean }>(
    client,
    sql`
      select exists (
        select from app_private.import_payloads payload
        where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} and not payload.is_carried
      ) or exists (
        select from app_private.import_gone_rows gone where gone.batch_id = ${batch.id} and gone.collection_id = ${line.id}
      ) or exists (${touchedRows(knownId, line.collection.table as string)}) or exists (
        select from imports.batches other
        where other.tenant_id = ${batch.tenantId} and other.id <> all (${[batch.id, knownId]}::uuid[]) and other.status <> 'planned'
          and other.updated_at >= (
            select known.created_at from imports.batches known where known.tenant_id = ${batch.tenantId} and known.id = ${knownId}
          )
          and exists (
            select from imports.effects effect
            where effect.tenant_id = other.tenant_id and effect.batch_id = other.id and effect.table_name = ${line.collection.table}
          )
      ) as has_changed`,
  );
  return found?.has_changed ?? true;
}

function lineOf({ ledger }: Settling, name: string): LedgerCollection | undefined {
  return ledger.find(({ collection }) => collection.name === name);
}

function linksOf(collection: Collection): { column: string; target: string }[] {
  return mappedFields(collection).flatMap(([, { column, codec }]) =>
    codec.linksTo === undefined ? [] : [{ column, target: codec.linksTo }],
  );
}

/** The link columns at whose other end something is looked at: a column that follows them, a formula, what says the same. */
function followedLinks(collection: Collection): Set<string> {
  const columnOf = (name: string | null) => mappedFields(collection).find(([own]) => own === name)?.[1].column;
  const columns = [
    ...Object.values(collection.derived).map((derivation) =>
      derivation.kind === "through" ? derivation.link : undefined,
    ),
    ...Object.values(collection.fields).map((field) =>
      field.fate === "mapped" || field.fate === "part" ? undefined : columnOf(field.computed?.through ?? null),
    ),
    ...supersededFields(collection).map(([, , by]) => (by.kind === "linked" ? columnOf(by.link) : undefined)),
  ];
  return new Set(columns.filter((column) => column !== undefined));
}

/** The links to a collection against which its own cells are held: what they mirror, count or say as well. */
function heldAgainst(collection: Collection): { collection: string; field: string }[] {
  return Object.values(collection.fields).flatMap((field) => {
    if (field.fate === "mapped" || field.fate === "part") return [];
    return [
      ...(field.reverseOf === null ? [] : [field.reverseOf]),
      ...(field.computed?.over
        ? [{ collection: field.computed.over.collection, field: field.computed.over.link }]
        : []),
      ...(field.supersededBy?.kind === "linking"
        ? [{ collection: field.supersededBy.collection, field: field.supersededBy.link }]
        : []),
    ];
  });
}
