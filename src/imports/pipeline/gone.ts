import type pg from "pg";
import { errorCode, errorMessage, fail } from "../../errors.ts";
import { mappedFields } from "../mappings/mapping.ts";
import { reasons } from "../reasons.ts";
import { inBatch, type LoadingBatch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { hasMerges, holdingMerges } from "./merges.ts";
import { columnHash, isUndone, latestBase, quote, rowHash } from "./row_hash.ts";
import { expectLookups, expectWholeCollections, join, raw, run, type Shape, type Sql, shapeOf, sql } from "./sql.ts";

/** How many rows are deleted in one transaction. */
const chunkSize = 500;

/** PostgreSQL's code for a second batch of a source under way, among others. */
const underWay = "23505";

/**
 * Finds the rows of earlier imports whose record the source no longer has, and decides which of them stay: those that people edited, unless
 * the source wins, those that such a row belongs to, and those that something else holds on to. A source that is known to be partial
 * lacks nothing. Rows that were merged into others go as well, whoever edited them.
 *
 * @returns why the batch must stop, where more is gone than may be; null else
 */
export async function findGone(batch: LoadingBatch, ledger: LedgerCollection[]): Promise<string | null> {
  const lines = ledger.filter(({ collection, step }) => collection.table !== null && step === "landed");
  const tooMany =
    batch.source.isPartial === true ? [] : await inBatch(batch, (client) => markGone(client, batch, lines));
  if (tooMany.length > 0) {
    return `Gone from the source: ${tooMany.join(", ")}; at most ${batch.deleteThreshold} % may be. Nothing was deleted.`;
  }
  return await inBatch(batch, async (client) => {
    await expectWholeCollections(client);
    for (const line of lines) await keepEdited(client, batch, line);
    if (await hasMerges(client, batch)) for (const line of lines) await markMerged(client, batch, line);
    for (const line of lines.toReversed()) await keepParents(client, batch, line, ledger);
    return null;
  });
}

/**
 * Stops a batch that would delete too much.
 *
 * @param message what `findGone` says
 * @throws LandfallError `import_deletes_too_much`
 */
export function refuseDeletions(message: string): never {
  return fail(
    "import_deletes_too_much",
    message,
    "Check that the source is whole. If they are meant to be gone, run the import again with a higher --delete-threshold (percent).",
  );
}

/** Marks the rows that are gone; tells of every collection of which too many are. */
async function markGone(client: pg.ClientBase, batch: LoadingBatch, lines: LedgerCollection[]): Promise<string[]> {
  // Whatever the size of a table, what it costs is its own rows, and not all that has landed.
  await expectLookups(client);
  const tooMany: string[] = [];
  for (const line of lines) {
    const gone = await markGoneOf(client, batch, line);
    if (gone === 0) continue;
    const known = gone + (await countKnown(client, batch, line));
    if (gone * 100 <= batch.deleteThreshold * known) continue;
    tooMany.push(`${gone} of ${known} ${line.collection.name} (${((gone * 100) / known).toFixed(1)} %)`);
  }
  return tooMany;
}

async function markGoneOf(client: pg.ClientBase, batch: LoadingBatch, line: LedgerCollection): Promise<number> {
  const [found] = await run<{ gone: string }>(
    client,
    sql`
    with strays as materialized (
      select existing.id
      from ${raw(line.collection.table as string)} existing
      where existing.tenant_id = ${batch.tenantId} and not exists (
        select from app_private.import_payloads payload where payload.batch_id = ${batch.id} and payload.row_id = existing.id
      )
    ),
    -- Only of these the history is looked at.
    gone as materialized (
      select strays.id as row_id, latest.record_id, latest.sha256
      from strays
      cross join lateral (
        select record.record_id, record.sha256, record.outcome, record.into_row_id, record.collection_id
        from imports.records record
        where record.tenant_id = ${batch.tenantId} and record.row_id = strays.id
          and (record.outcome in ('inserted', 'updated', 'unchanged', 'deleted') or record.into_row_id is not null)
          and not ${isUndone("record")}
        order by record.id desc
        limit 1
      ) latest
      join imports.collections collection on collection.tenant_id = ${batch.tenantId} and collection.id = latest.collection_id
      join imports.batches origin on origin.tenant_id = ${batch.tenantId} and origin.id = collection.batch_id
      where latest.outcome <> 'deleted' and latest.into_row_id is null
        and origin.source_id = ${batch.sourceId} and collection.name = ${line.collection.name}
    ),
    marked as (
      insert into app_private.import_gone_rows (batch_id, row_id, collection_id, record_id, sha256)
      select ${batch.id}, gone.row_id, ${line.id}, gone.record_id, gone.sha256 from gone
      on conflict do nothing
    )
    select count(*) as gone from gone`,
  );
  return Number(found?.gone ?? 0);
}

/** How many of a collection's rows are here and in the source. */
async function countKnown(client: pg.ClientBase, batch: LoadingBatch, line: LedgerCollection): Promise<number> {
  const [found] = await run<{ known: string }>(
    client,
    sql`
    select count(*) as known
    from app_private.import_payloads payload
    join ${raw(line.collection.table as string)} existing on existing.tenant_id = ${batch.tenantId} and existing.id = payload.row_id
    where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id}`,
  );
  return Number(found?.known ?? 0);
}

/** The rows that merged records had before. */
async function markMerged(client: pg.ClientBase, batch: LoadingBatch, line: LedgerCollection): Promise<void> {
  await run(
    client,
    sql`
    insert into app_private.import_gone_rows (batch_id, row_id, collection_id, record_id, sha256, into_row_id)
    select ${batch.id}, payload.row_id, ${line.id}, payload.record_id, payload.sha256, merging.into_row_id
    from (${holdingMerges(batch, line.collection.name)}) merging
    join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = merging.row_id
    join ${raw(line.collection.table as string)} existing on existing.tenant_id = ${batch.tenantId} and existing.id = payload.row_id
    on conflict (batch_id, row_id) do nothing`,
  );
}

async function keepEdited(client: pg.ClientBase, batch: LoadingBatch, line: LedgerCollection): Promise<void> {
  if (batch.onConflict === "source_wins") return;
  const shape = shapeOf(line.collection);
  const columns = join(
    shape.columns.map((column) => sql`(${raw(quote(column))}, ${columnHash(`existing.${column}`)})`),
    ", ",
  );
  await keep(
    client,
    batch,
    line,
    "gone_but_edited",
    sql`
    select gone.row_id, null::text as detail
    from app_private.import_gone_rows gone
    join ${raw(shape.table)} existing on existing.tenant_id = ${batch.tenantId} and existing.id = gone.row_id
    left join lateral (${latestBase(batch, shape, "existing")}) latest on true
    where gone.batch_id = ${batch.id} and gone.collection_id = ${line.id} and not gone.is_kept
      and case
        when latest.column_hashes is null then latest.row_hash is distinct from ${rowHash(shape, "existing")}
        else exists (
          select from (values ${columns}) as now (name, hash)
          where latest.column_hashes[array_position(latest.columns, now.name)] <> now.hash
        )
      end`,
  );
}

/** What a kept row links to cannot go either. */
async function keepParents(
  client: pg.ClientBase,
  batch: LoadingBatch,
  line: LedgerCollection,
  ledger: LedgerCollection[],
): Promise<void> {
  for (const [, field] of mappedFields(line.collection)) {
    const parent = ledger.find(({ collection }) => collection.name === field.codec.linksTo);
    if (parent === undefined || parent === line) continue;
    await keep(
      client,
      batch,
      parent,
      "gone_but_edited",
      sql`
      select distinct on (gone.row_id) gone.row_id, ${`${line.collection.name}/`} || child.record_id || ' belongs to it and stays.' as detail
      from app_private.import_gone_rows child
      join ${raw(line.collection.table as string)} existing on existing.tenant_id = ${batch.tenantId} and existing.id = child.row_id
      join app_private.import_gone_rows gone on gone.batch_id = child.batch_id and gone.row_id = existing.${raw(field.column)}
        and gone.into_row_id is null
      where child.batch_id = ${batch.id} and child.collection_id = ${line.id} and child.is_kept and not gone.is_kept
      order by gone.row_id, child.record_id`,
    );
  }
}

/** `rows` gives row_id and detail of gone rows that stay. */
async function keep(
  client: pg.ClientBase,
  batch: LoadingBatch,
  line: LedgerCollection,
  reason: "gone_but_edited" | "gone_but_held",
  rows: Sql,
): Promise<void> {
  await run(
    client,
    sql`
    with kept as (
      update app_private.import_gone_rows gone
      set is_kept = true
      from (${rows}) staying
      where gone.batch_id = ${batch.id} and gone.row_id = staying.row_id and not gone.is_kept
      returning gone.row_id, gone.record_id, staying.detail
    )
    insert into imports.issues (batch_id, collection_id, row_id, record_id, reason, detail, way_out)
    select ${batch.id}, ${line.id}, kept.row_id, kept.record_id, ${reason}, kept.detail, ${reasons[reason]}
    from kept`,
  );
}

/**
 * Tries the deletions and takes them back at once: what cannot be deleted, because something else holds on to it, stays and is told, and
 * is no surprise at the end.
 */
export async function tryDeletions(batch: LoadingBatch, ledger: LedgerCollection[]): Promise<void> {
  for (const line of ledger.toReversed()) {
    if (line.collection.table === null || line.step !== "landed") continue;
    await inBatch(batch, async (client) => {
      await keepHeld(client, batch, line, await findObstacles(client, batch, line));
    });
  }
}

/**
 * The same for a plan, which deletes nothing: for the length of a savepoint it runs. Where another import of the source is under way it
 * cannot, and does not need to, since that one changes what the plan was made of.
 */
export async function foreseeObstacles(batch: LoadingBatch, ledger: LedgerCollection[]): Promise<void> {
  await inBatch(batch, async (client) => {
    const held: { line: LedgerCollection; obstacles: Obstacle[] }[] = [];
    await client.query("savepoint rehearsal");
    try {
      for (const status of ["queued", "running"]) {
        await client.query(
          `update imports.batches set status = $3::imports.batch_status where tenant_id = $1 and id = $2`,
          [batch.tenantId, batch.id, status],
        );
      }
      for (const line of ledger.toReversed()) {
        if (line.collection.table === null || line.step !== "landed") continue;
        held.push({ line, obstacles: await findObstacles(client, batch, line) });
      }
    } catch (error) {
      if (errorCode(error) !== underWay) throw error;
    }
    await client.query("rollback to savepoint rehearsal");
    for (const { line, obstacles } of held) await keepHeld(client, batch, line, obstacles);
  });
}

/** A row that cannot be deleted, and why. */
interface Obstacle {
  rowId: string;
  detail: string;
}

async function findObstacles(client: pg.ClientBase, batch: LoadingBatch, line: LedgerCollection): Promise<Obstacle[]> {
  const obstacles: Obstacle[] = [];
  const rows = await goingRows(client, batch, line, null);
  for (let start = 0; start < rows.length; start += chunkSize) {
    const chunk = rows.slice(start, start + chunkSize);
    if ((await tryToDelete(client, batch, line, chunk)) === null) continue;
    for (const row of chunk) {
      const detail = await tryToDelete(client, batch, line, [row]);
      if (detail !== null) obstacles.push({ rowId: row.rowId, detail });
    }
  }
  return obstacles;
}

async function keepHeld(
  client: pg.ClientBase,
  batch: LoadingBatch,
  line: LedgerCollection,
  obstacles: Obstacle[],
): Promise<void> {
  await keep(
    client,
    batch,
    line,
    "gone_but_held",
    sql`
      select * from unnest(${obstacles.map(({ rowId }) => rowId)}::uuid[], ${obstacles.map(({ detail }) => detail)}::text[])
        as held (row_id, detail)`,
  );
}

/** @returns what stands in the way, or null */
async function tryToDelete(
  client: pg.ClientBase,
  batch: LoadingBatch,
  line: LedgerCollection,
  rows: GoingRow[],
): Promise<string | null> {
  await client.query("savepoint deletion");
  try {
    await deleteRows(client, batch, line, rows);
    await client.query("rollback to savepoint deletion");
    return null;
  } catch (error) {
    // A refusal: a constraint, or a trigger's own word.
    if (!/^(23|LF)/.test(errorCode(error) ?? "")) throw error;
    await client.query("rollback to savepoint deletion");
    return `${errorMessage(error).replace(/\.$/, "")}.`;
  }
}

/**
 * Makes room for what comes in: rows that will be deleted go behind all others where they are ranked, and give up the values that no two
 * rows may have, as far as their columns can be empty. Their images are kept first. Done again, it changes nothing that counts.
 */
export async function makeRoom(batch: LoadingBatch, line: LedgerCollection, shape: Shape): Promise<void> {
  const ranked = Object.entries(line.collection.derived).find(([, { kind }]) => kind === "rank");
  await inBatch(batch, async (client) => {
    const freed = await nullableColumns(
      client,
      shape,
      line.collection.unique.map((columns) => columns.at(-1) as string),
    );
    const changes = new Map(freed.map((column) => [column, sql`null`]));
    if (ranked !== undefined && ranked[1].kind === "rank") {
      const place = raw(ranked[0]);
      const within = raw(ranked[1].within);
      changes.set(
        ranked[0],
        sql`row_number() over (partition by existing.${within} order by existing.${place})
            + (select greatest(max(other.${place}), (
                 select max(place.place) from app_private.import_places place
                 where place.batch_id = ${batch.id} and place.collection_id = ${line.id}
               ))
               from ${raw(shape.table)} other
               where other.tenant_id = ${batch.tenantId} and other.${within} = existing.${within})`,
      );
    }
    if (changes.size === 0) return;
    const columns = [...changes.keys()];
    const moved = raw(
      `sha256(convert_to(jsonb_build_array(${shape.columns.map((column) => (changes.has(column) ? `moving.new_${column}` : `row.${column}`)).join(", ")})::text, 'UTF8'))`,
    );
    await run(
      client,
      sql`
      with moving as materialized (
        select existing.id, to_jsonb(existing) as image,
               ${join(
                 columns.map(
                   (column) => sql`(${changes.get(column)})::${raw(typeIn(shape, column))} as ${raw(`new_${column}`)}`,
                 ),
                 ", ",
               )}
        from app_private.import_gone_rows gone
        join ${raw(shape.table)} existing on existing.tenant_id = ${batch.tenantId} and existing.id = gone.row_id
        where gone.batch_id = ${batch.id} and gone.collection_id = ${line.id} and not gone.is_kept
      ),
      images as (
        insert into app_private.import_before_images (batch_id, row_id, table_name, image)
        select ${batch.id}, moving.id, ${shape.table}, moving.image from moving
        on conflict do nothing
      ),
      effects as (
        insert into imports.effects (batch_id, row_id, table_name, effect, row_hash)
        select ${batch.id}, moving.id, ${shape.table}, 'updated', ${moved} from moving
        join ${raw(shape.table)} row on row.tenant_id = ${batch.tenantId} and row.id = moving.id
        on conflict (tenant_id, batch_id, row_id, table_name) do update set row_hash = excluded.row_hash
      )
      update ${raw(shape.table)} existing
      set ${raw(columns.map((column) => `${column} = moving.new_${column}`).join(", "))}
      from moving
      where existing.tenant_id = ${batch.tenantId} and existing.id = moving.id`,
    );
  });
}

function typeIn(shape: Shape, column: string): string {
  return shape.given.find(({ name }) => name === column)?.type ?? "integer";
}

async function nullableColumns(client: pg.ClientBase, { table }: Shape, columns: string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select attname as name from pg_attribute
     where attrelid = $1::regclass and not attnotnull and not attisdropped and attname = any ($2::text[])
     order by attnum`,
    [table, columns],
  );
  return rows.map(({ name }) => name);
}

/**
 * Deletes what is gone and does not stay, children before their parents, and what was merged into another row, when that one has got what
 * belongs to it; rows and outcomes of a chunk in one transaction.
 */
export async function removeGone(batch: LoadingBatch, ledger: LedgerCollection[]): Promise<void> {
  for (const line of ledger.toReversed()) {
    if (line.collection.table === null) continue;
    for (let remain = true; remain; ) {
      remain = await inBatch(batch, async (client) => {
        const rows = await goingRows(client, batch, line, chunkSize);
        if (rows.length === 0) return false;
        await deleteRows(client, batch, line, rows);
        await client.query(
          `insert into imports.records (batch_id, collection_id, row_id, record_id, sha256, outcome, reason)
           select batch_id, collection_id, row_id, record_id, sha256, 'deleted', 'gone_from_source'
           from app_private.import_gone_rows where batch_id = $1 and row_id = any ($2::uuid[]) and into_row_id is null`,
          [batch.id, rows.map(({ rowId }) => rowId)],
        );
        return true;
      });
    }
  }
}

/** A row that will be deleted; one that was merged goes into another. */
interface GoingRow {
  rowId: string;
  intoRowId: string | null;
}

async function goingRows(
  client: pg.ClientBase,
  batch: LoadingBatch,
  line: LedgerCollection,
  limit: number | null,
): Promise<GoingRow[]> {
  return await run<GoingRow & pg.QueryResultRow>(
    client,
    sql`
    select gone.row_id as "rowId", gone.into_row_id as "intoRowId"
    from app_private.import_gone_rows gone
    join ${raw(line.collection.table as string)} existing on existing.tenant_id = ${batch.tenantId} and existing.id = gone.row_id
    where gone.batch_id = ${batch.id} and gone.collection_id = ${line.id} and not gone.is_kept
    order by gone.row_id
    limit ${limit}`,
  );
}

async function deleteRows(
  client: pg.ClientBase,
  batch: LoadingBatch,
  line: LedgerCollection,
  rows: GoingRow[],
): Promise<void> {
  for (const { rowId, intoRowId } of rows) {
    if (intoRowId === null) continue;
    await client.query(`select app_private.merge_imported_rows($1, $2, $3, $4)`, [
      batch.id,
      line.collection.table,
      rowId,
      intoRowId,
    ]);
  }
  await client.query(`select app_private.delete_imported_rows($1, $2, $3::uuid[])`, [
    batch.id,
    line.collection.table,
    rows.flatMap(({ rowId, intoRowId }) => (intoRowId === null ? [rowId] : [])),
  ]);
}
