import type pg from "pg";
import { errorCode, errorMessage } from "../../errors.ts";
import { type Derivation, mappedFields } from "../mappings/mapping.ts";
import { reasons } from "../reasons.ts";
import { type Batch, inBatch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { isUndone, latestHash, rowHash } from "./row_hash.ts";
import { expectChunk, incomingRows, join, listed, raw, run, type Shape, type Sql, shapeOf, sql } from "./sql.ts";
import { checkSiblingLink, siblingLinks } from "./validate.ts";

/** How many records a chunk takes, where no groups must stay together. */
const chunkSize = 1_000;

/** PostgreSQL's code for a foreign key that finds nothing. */
const missingReference = "23503";

/** What a batch makes of records: the counts of the ledger. */
export type Outcome = "inserted" | "updated" | "unchanged" | "skipped";

/**
 * Brings a collection's rows into their table, chunk by chunk. Rows, ledger and checkpoint of a chunk are one statement in one
 * transaction: after a crash a chunk is in, or it is not.
 *
 * @param onProgress told after every chunk how many records have their outcome
 */
export async function load(batch: Batch, ledger: LedgerCollection, onProgress: (done: number) => void): Promise<void> {
  if (ledger.collection.table !== null) {
    const shape = shapeOf(ledger.collection);
    const chunks = await countChunks(batch, ledger, shape);
    let done = 0;
    for (let chunk = ledger.chunksLoaded; chunk < chunks; chunk += 1) {
      done += await loadChunk(batch, ledger, shape, chunk);
      ledger.chunksLoaded = chunk + 1;
      onProgress(done);
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

/** What the load would do, without doing it: outcomes and their counts. */
export async function predict(batch: Batch, ledger: LedgerCollection): Promise<Record<Outcome, number>> {
  const predicted = { inserted: 0, updated: 0, unchanged: 0, skipped: 0 };
  if (ledger.collection.table === null) return predicted;
  const shape = shapeOf(ledger.collection);
  await inBatch(batch, async (client) => {
    const rows = await run<{ outcome: Outcome; records: string }>(
      client,
      sql`
        with ${judgedRows(batch, ledger, shape, sql`true`)}
        select judged.outcome, count(*) as records from judged group by judged.outcome`,
    );
    for (const { outcome, records } of rows) predicted[outcome] = Number(records);
  });
  return predicted;
}

function isRanked(ledger: LedgerCollection): boolean {
  return Object.values(ledger.collection.derived).some(({ kind }) => kind === "rank");
}

async function countChunks(batch: Batch, ledger: LedgerCollection, shape: Shape): Promise<number> {
  const chunk = isRanked(ledger)
    ? sql`select max(chunk) + 1 as chunks from app_private.import_places where batch_id = ${batch.id} and collection_id = ${ledger.id}`
    : sql`
        select (max(position) - 1) / ${chunkSize} + 1 as chunks from app_private.import_payloads
        where batch_id = ${batch.id} and collection_id = ${ledger.id} and rows ? ${shape.table}`;
  return await inBatch(batch, async (client) =>
    Number((await run<{ chunks: string | null }>(client, chunk))[0]?.chunks ?? 0),
  );
}

/**
 * One chunk, in one transaction. A record that the table refuses, by a rule that the mapping does not know, is set aside, and the others
 * come in without it.
 *
 * @returns how many records have their outcome now
 */
async function loadChunk(batch: Batch, ledger: LedgerCollection, shape: Shape, chunk: number): Promise<number> {
  const inChunk = isRanked(ledger)
    ? sql`place.collection_id = ${ledger.id} and place.chunk = ${chunk}`
    : sql`incoming.source_position between ${chunk * chunkSize + 1} and ${(chunk + 1) * chunkSize}`;
  const attempt = () =>
    inBatch(batch, async (client) => {
      await expectChunk(client);
      const records = await run(client, loadRows(batch, ledger, shape, inChunk));
      await client.query(`update imports.collections set chunks_loaded = $3 where tenant_id = $1 and id = $2`, [
        batch.tenantId,
        ledger.id,
        chunk + 1,
      ]);
      return records.length;
    });
  try {
    return await attempt();
  } catch (error) {
    if (!isRefusal(error) || !(await setAside(batch, ledger, shape, inChunk))) throw error;
    return await attempt();
  }
}

/** What a table says to a row: a value out of range, a constraint. */
function isRefusal(error: unknown): boolean {
  return /^2[23]/.test(errorCode(error) ?? "");
}

/**
 * Tries the records of a chunk one by one, and quarantines those that the table refuses. A missing sibling is no refusal: it comes with
 * the others.
 *
 * @returns whether there were any
 */
async function setAside(batch: Batch, ledger: LedgerCollection, shape: Shape, inChunk: Sql): Promise<boolean> {
  return await inBatch(batch, async (client) => {
    const rows = await run<{ row_id: string }>(
      client,
      sql`with ${judgedRows(batch, ledger, shape, inChunk)} select judged.row_id from judged`,
    );
    const refused: { rowId: string; detail: string }[] = [];
    for (const { row_id } of rows) {
      await client.query("savepoint trial");
      try {
        await run(client, loadRows(batch, ledger, shape, sql`${inChunk} and incoming.row_id = ${row_id}`));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        if (errorCode(error) !== missingReference) refused.push({ rowId: row_id, detail: `${errorMessage(error)}.` });
      }
      await client.query("rollback to savepoint trial");
    }
    await quarantineRefused(client, batch, ledger, refused);
    for (const [name, field] of siblingLinks(ledger.collection)) {
      await checkSiblingLink(client, batch, ledger, shape, name, field);
    }
    return refused.length > 0;
  });
}

async function quarantineRefused(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  refused: { rowId: string; detail: string }[],
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

/** What is to be done with the rows that meet a condition, in one statement: rows, before-images, effects, issues and outcomes. */
function loadRows(batch: Batch, ledger: LedgerCollection, shape: Shape, condition: Sql): Sql {
  const table = raw(shape.table);
  const assignments = raw(shape.columns.map((name) => `${name} = judged.${name}`).join(", "));
  return sql`
    with ${judgedRows(batch, ledger, shape, condition)},
    images as (
      insert into app_private.import_before_images (batch_id, row_id, table_name, image)
      select ${batch.id}, existing.id, ${shape.table}, to_jsonb(existing)
      from judged
      join ${table} existing on existing.tenant_id = ${batch.tenantId} and existing.id = judged.row_id
      where judged.outcome = 'updated'
      on conflict (batch_id, row_id, table_name) do nothing
    ),
    inserted as (
      insert into ${table} (id, ${listed(shape.columns)})
      select judged.row_id, ${listed(shape.columns, "judged")}
      from judged
      where judged.outcome = 'inserted'
      order by judged.source_position
    ),
    updated as (
      update ${table} existing
      set ${assignments}
      from judged
      where existing.tenant_id = ${batch.tenantId} and existing.id = judged.row_id and judged.outcome = 'updated'
    ),
    effects as (
      insert into imports.effects (batch_id, row_id, table_name, effect, row_hash)
      select ${batch.id}, judged.row_id, ${shape.table}, judged.outcome::text::imports.row_effect, ${rowHash(shape, "judged")}
      from judged
      where judged.outcome in ('inserted', 'updated')
      on conflict (tenant_id, batch_id, row_id, table_name) do update set row_hash = excluded.row_hash
    ),
    conflicts as (
      insert into imports.issues (batch_id, collection_id, row_id, record_id, reason, way_out)
      select ${batch.id}, ${ledger.id}, judged.row_id, judged.record_id, 'edited_since_import', ${reasons.edited_since_import}
      from judged
      where judged.outcome = 'skipped'
    )
    insert into imports.records (batch_id, collection_id, row_id, record_id, sha256, outcome, reason)
    select ${batch.id}, ${ledger.id}, judged.row_id, judged.record_id, judged.sha256, ${outcomeOf(batch, shape)}::imports.record_outcome,
           case judged.outcome when 'skipped' then 'edited_since_import' end
    from judged
    order by judged.source_position
    returning id`;
}

/** What became of a record in this batch: a row that a replay met again was inserted or updated by the batch all the same. */
function outcomeOf(batch: Batch, shape: Shape): Sql {
  if (!batch.replayedAt) return sql`judged.outcome`;
  return sql`case when judged.outcome = 'updated' or judged.is_same then coalesce((
    select effect.effect::text from imports.effects effect
    where effect.tenant_id = ${batch.tenantId} and effect.batch_id = ${batch.id} and effect.row_id = judged.row_id
      and effect.table_name = ${shape.table}
  ), judged.outcome) else judged.outcome end`;
}

/**
 * `judged`: the rows as they will be, each with what is to be done. A row that a person edited since the last import is left alone; where
 * its record changed as well, that is a conflict, and held.
 */
function judgedRows(batch: Batch, ledger: LedgerCollection, shape: Shape, condition: Sql): Sql {
  const { collection } = ledger;
  const table = raw(shape.table);
  // Cells that validation found wanting, though they could be decoded.
  const checked = new Set([
    ...collection.rules.map(({ column }) => column),
    ...collection.unique.map((columns) => columns.at(-1) as string),
    ...mappedFields(collection).flatMap(([, field]) => (field.codec.linksTo === undefined ? [] : [field.column])),
  ]);
  const given = shape.given.map(({ name }) =>
    checked.has(name)
      ? raw(`case when ${quote(name)} = any (waiting.columns) then null else incoming.${name} end as ${name}`)
      : raw(`incoming.${name}`),
  );
  const derived = Object.entries(collection.derived).map(([column, derivation]) =>
    deriveColumn(batch, table, column, derivation),
  );
  const isSame = sql`(${listed(shape.columns, "existing")}) is not distinct from (${listed(shape.columns, "incoming")})`;
  return sql`
    incoming as materialized (
      select incoming.row_id, incoming.record_id, incoming.sha256, incoming.source_position,
             existing.id as existing_id, ${join([...given, ...derived], ", ")}
      from (${incomingRows(batch, ledger.id, shape)}) incoming
      left join ${table} existing on existing.tenant_id = ${batch.tenantId} and existing.id = incoming.row_id
      left join app_private.import_places place on place.batch_id = ${batch.id} and place.row_id = incoming.row_id
      left join lateral (
        select array_agg(issue.column_name) as columns
        from imports.issues issue
        where issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.row_id = incoming.row_id
          and issue.fate = 'quarantined' and issue.settled_at is null
      ) waiting on true
      where ${condition}
    ),
    judged as materialized (
      select incoming.*,
        case
          when incoming.existing_id is null then 'inserted'
          when ${isSame} then 'unchanged'
          when latest.row_hash = ${rowHash(shape, "existing")} then 'updated'
          when known.sha256 = incoming.sha256 then 'unchanged'
          else 'skipped'
        end as outcome,
        ${batch.replayedAt ? isSame : raw("false")} as is_same
      from incoming
      left join ${table} existing on existing.tenant_id = ${batch.tenantId} and existing.id = incoming.existing_id
      left join lateral (${latestHash(batch, shape, "existing")}) latest on true
      left join lateral (
        select record.sha256
        from imports.records record
        where record.tenant_id = ${batch.tenantId} and record.row_id = incoming.existing_id
          and record.outcome in ('inserted', 'updated', 'unchanged')
          and not ${isUndone("record")}
        order by record.id desc
        limit 1
      ) known on true
    )`;
}

/** A column that no field gives, worked out in SQL beside the incoming row. */
function deriveColumn(batch: Batch, table: Sql, column: string, derivation: Derivation): Sql {
  switch (derivation.kind) {
    case "slug": {
      const slug = sql`app_private.slugify(incoming.${raw(derivation.from)})`;
      return sql`coalesce(existing.${raw(column)}, case
        when row_number() over (partition by ${slug} order by incoming.source_position) = 1 and not exists (
          select from ${table} other where other.tenant_id = ${batch.tenantId} and other.${raw(column)} = ${slug}
        ) then ${slug}
        else ${slug} || '-' || left(incoming.row_id::text, 8)
      end) as ${raw(column)}`;
    }
    case "rank":
      return sql`place.place as ${raw(column)}`;
    case "through":
      return sql`(
        select through.${raw(derivation.column)} from ${raw(derivation.table)} through
        where through.tenant_id = ${batch.tenantId} and through.id = incoming.${raw(derivation.link)}
      ) as ${raw(column)}`;
    case "constant":
      return sql`${derivation.value}::${raw(derivation.type)} as ${raw(column)}`;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The outcome of every record of a collection, counted in the ledger; where the sums balance the collection is settled. */
export async function settle(client: pg.ClientBase, batch: Batch): Promise<void> {
  await client.query(
    `update imports.collections collection
     set inserted = counted.inserted, updated = counted.updated, unchanged = counted.unchanged, quarantined = counted.quarantined,
         skipped = counted.skipped, deleted = counted.deleted,
         is_settled = collection.landed = counted.inserted + counted.updated + counted.unchanged + counted.quarantined + counted.skipped
     from (
       select collection.id,
              count(*) filter (where record.outcome = 'inserted') as inserted,
              count(*) filter (where record.outcome = 'updated') as updated,
              count(*) filter (where record.outcome = 'unchanged') as unchanged,
              count(*) filter (where record.outcome = 'quarantined') as quarantined,
              count(*) filter (where record.outcome = 'skipped') as skipped,
              count(*) filter (where record.outcome = 'deleted') as deleted
       from imports.collections collection
       left join imports.records record on record.tenant_id = collection.tenant_id and record.collection_id = collection.id
       where collection.tenant_id = $1 and collection.batch_id = $2
       group by collection.id
     ) counted
     where collection.tenant_id = $1 and collection.batch_id = $2 and collection.id = counted.id`,
    [batch.tenantId, batch.id],
  );
}
