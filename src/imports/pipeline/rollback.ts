import type pg from "pg";
import { errorCode, errorMessage } from "../../errors.ts";
import { inBatch, type Lease, setStatus } from "./batch.ts";
import { rowHash } from "./row_hash.ts";
import { expectLookups, join, listed, raw, run, type Sql, sql } from "./sql.ts";

/*
 * Taking back what a batch brought. It needs neither the source nor the mapping: the ledger knows the columns that were filled, the
 * before-images what stood there. What becomes of every row is decided first (app_private.plan_import_rollback), then done.
 */

/** How many rows a chunk takes; rows of one table that link to each other go together, so it may take more. */
const chunkSize = 1_000;

/** A collection as the ledger tells it; and a table that no record goes to, of which rows went with those of the collection. */
interface Line {
  id: string;
  name: string;
  table: string;
  columns: string[];
  /** The columns that a row is made of again: all but those that the table makes itself. */
  ownColumns: string[];
  /** By which rows of the table link to each other: the column with the other's id, and what else both share then. */
  selfLinks: { column: string; shared: { own: string; target: string }[] }[];
  /** Sets of columns that no two rows of the tenant share. */
  uniqueKeys: string[][];
}

/** A row that is ahead. */
interface Pending {
  id: string;
  row_id: string;
}

/**
 * Brings a batch that rolls back to `rolled_back`, from wherever it stands. Rows and checkpoint of a chunk are one transaction.
 *
 * @param onProgress told after every chunk how many rows of the collection are done
 */
export async function rollBack(batch: Lease, onProgress: (collection: string, done: number) => void): Promise<void> {
  const lines = await decide(batch);
  const done = new Map<string, number>();
  const told = (line: Line, rows: number) => {
    done.set(line.id, (done.get(line.id) ?? 0) + rows);
    onProgress(line.name, done.get(line.id) as number);
  };
  // Deleted rows first, since restored ones may link to them; where a value is still taken, they have another turn at the end.
  for (let made = 1; made > 0; ) {
    made = 0;
    for (const line of lines) made += await makeAgain(batch, line, false, told);
  }
  for (const line of lines.toReversed()) await takeBack(batch, line, told);
  for (const line of lines) await makeAgain(batch, line, true, told);
  await conclude(batch, lines);
}

/** Writes down what becomes of every row, once. */
async function decide(batch: Lease): Promise<Line[]> {
  return await inBatch(batch, async (client) => {
    await client.query(
      `insert into imports.undoings (batch_id, collection_id, row_id, record_id, table_name, fate, reason, detail, done_at)
       select $1, plan.collection_id, plan.row_id, plan.record_id, plan.table_name, plan.fate, plan.reason, plan.detail,
              case when plan.fate = 'kept' then now() end
       from app_private.plan_import_rollback($1) plan
       where not exists (select from imports.undoings known where known.tenant_id = $2 and known.batch_id = $1)`,
      [batch.id, batch.tenantId],
    );
    await client.query(`select app_private.analyze_imports($1)`, [batch.id]);
    const { rows } = await client.query<Line>(
      `with line as (
         select id, name, place, table_name, column_names
         from imports.collections where tenant_id = $1 and batch_id = $2 and table_name is not null
         union all
         select distinct collection.id, collection.name, collection.place, undoing.table_name, (
             select array_agg(own.attname::text order by own.attnum)
             from pg_attribute own
             where own.attrelid = to_regclass(undoing.table_name) and own.attnum > 0 and not own.attisdropped
               and own.attgenerated = '' and own.attname not in ('version', 'updated_at')
           )
         from imports.undoings undoing
         join imports.collections collection on collection.tenant_id = undoing.tenant_id and collection.id = undoing.collection_id
         where undoing.tenant_id = $1 and undoing.batch_id = $2 and not exists (
           select from imports.collections known
           where known.tenant_id = $1 and known.batch_id = $2 and known.table_name = undoing.table_name
         )
       )
       select collection.id, collection.name, collection.table_name as table, collection.column_names as columns,
              array(
                select own.attname::text
                from pg_attribute own
                where own.attrelid = to_regclass(collection.table_name) and own.attnum > 0 and not own.attisdropped and own.attgenerated = ''
                order by own.attnum
              ) as "ownColumns",
              (
                select coalesce(jsonb_agg(link.pairs), '[]')
                from (
                  select jsonb_build_object(
                    'column', min(own.attname) filter (where target.attname = 'id'),
                    'shared', jsonb_agg(jsonb_build_object('own', own.attname, 'target', target.attname)) filter (where target.attname <> 'id')
                  ) as pairs
                  from pg_constraint link
                  cross join lateral unnest(link.conkey, link.confkey) as pair (own, target)
                  join pg_attribute own on own.attrelid = link.conrelid and own.attnum = pair.own
                  join pg_attribute target on target.attrelid = link.confrelid and target.attnum = pair.target
                  where link.contype = 'f' and link.conrelid = to_regclass(collection.table_name) and link.confrelid = link.conrelid
                  group by link.oid
                  having bool_or(target.attname = 'id')
                ) link
              ) as "selfLinks",
              (
                select coalesce(jsonb_agg(key.columns), '[]')
                from (
                  select array_agg(own.attname::text order by own.attnum) filter (where own.attname <> 'tenant_id') as columns
                  from pg_index indexed
                  join pg_attribute own on own.attrelid = indexed.indrelid and own.attnum = any (indexed.indkey)
                  where indexed.indrelid = to_regclass(collection.table_name) and indexed.indisunique and indexed.indexprs is null
                  group by indexed.indexrelid
                  having bool_and(own.attname <> 'id')
                ) key
              ) as "uniqueKeys"
       from line collection
       order by collection.place, collection.table_name`,
      [batch.tenantId, batch.id],
    );
    return rows;
  });
}

/** Removes the rows of a collection that the batch had inserted, and gives those that it had changed their values back. */
async function takeBack(batch: Lease, line: Line, told: (line: Line, rows: number) => void): Promise<void> {
  await eachChunk(batch, line, sql`effect.effect in ('inserted', 'updated')`, told, async (client, pending) => {
    const whole = [...pending, ...(await findCompany(client, batch, line, pending))];
    const taken = await keepEdited(client, batch, line, whole);
    const exchange = async (ids: string[]) => {
      await keepNeeded(client, batch, line, ids);
      await exchangeRows(client, batch, line, ids);
    };
    await oneByOneIfRefused(client, batch, line, taken, exchange);
    await markDone(client, batch, line, taken);
  });
}

/**
 * Makes the rows again that the batch had deleted, and gives those their links back that lost them with these.
 *
 * @returns how many
 */
async function makeAgain(
  batch: Lease,
  line: Line,
  isLastTurn: boolean,
  told: (line: Line, rows: number) => void,
): Promise<number> {
  let made = 0;
  const condition = sql`effect.effect in ('deleted', 'unlinked')`;
  await eachChunk(batch, line, condition, told, async (client, pending) => {
    const restore = (ids: string[]) =>
      client.query(`select app_private.restore_deleted_rows($1, $2, $3::uuid[])`, [batch.id, line.table, ids]);
    const ids = pending.map(({ row_id }) => row_id);
    const refused = await oneByOneIfRefused(client, batch, line, ids, restore, isLastTurn);
    made += ids.length - refused.length;
    await markDone(
      client,
      batch,
      line,
      ids.filter((id) => !refused.includes(id)),
    );
  });
  return made;
}

/** Goes through what is ahead of a collection, a transaction for each chunk. */
async function eachChunk(
  batch: Lease,
  line: Line,
  condition: Sql,
  told: (line: Line, rows: number) => void,
  work: (client: pg.PoolClient, pending: Pending[]) => Promise<void>,
): Promise<void> {
  let last = "00000000-0000-0000-0000-000000000000";
  for (;;) {
    const pending = await inBatch(batch, async (client) => {
      await expectLookups(client);
      const rows = await run<Pending>(
        client,
        sql`
          select undoing.id, undoing.row_id
          from imports.undoings undoing
          join imports.effects effect
            on effect.tenant_id = undoing.tenant_id and effect.batch_id = undoing.batch_id and effect.row_id = undoing.row_id
            and effect.table_name = undoing.table_name
          where ${isAhead(batch, line, "undoing")} and undoing.id > ${last} and ${condition}
          order by undoing.id
          limit ${chunkSize}`,
      );
      if (rows.length > 0) await work(client, rows);
      return rows;
    });
    if (pending.length === 0) return;
    last = (pending.at(-1) as Pending).id;
    told(line, pending.length);
  }
}

function isAhead(batch: Lease, line: Line, alias: string): Sql {
  const undoing = raw(alias);
  return sql`${undoing}.tenant_id = ${batch.tenantId} and ${undoing}.batch_id = ${batch.id} and ${undoing}.collection_id = ${line.id}
    and ${undoing}.table_name = ${line.table} and ${undoing}.done_at is null`;
}

/**
 * The rows ahead that must go along with these, in one statement: those that link to one of them, which its removal alone would change,
 * those that hold a unique value which one of them gets back, and deleted ones that one of them gets its link back to.
 */
async function findCompany(client: pg.ClientBase, batch: Lease, line: Line, pending: Pending[]): Promise<Pending[]> {
  const known = new Set(pending.map(({ row_id }) => row_id));
  const company: Pending[] = [];
  const needsCompany = line.selfLinks.length > 0 || line.uniqueKeys.length > 0;
  for (let edge = [...known]; edge.length > 0 && needsCompany; ) {
    const links = line.selfLinks.map(({ column, shared }) => {
      // All that the key holds, so that its index finds them.
      const same = raw(shared.map(({ own, target }) => `row.${own} = target.${target}`).join(" and "));
      return sql`select row.id from ${raw(line.table)} target
        join ${raw(line.table)} row on ${same} and row.${raw(column)} = target.id
        where target.tenant_id = ${batch.tenantId} and target.id = any (${edge}::uuid[])`;
    });
    const holders = line.uniqueKeys.map((columns) => {
      const same = raw(columns.map((column) => `row.${column} = (was.row).${column}`).join(" and "));
      return sql`select row.id from (${formerRows(batch, line, edge)}) was
        join ${raw(line.table)} row on row.tenant_id = ${batch.tenantId} and ${same}`;
    });
    const targets = line.selfLinks.map(
      ({ column }) => sql`select (was.row).${raw(column)} from (${formerRows(batch, line, edge)}) was`,
    );
    const found = await run<Pending>(
      client,
      sql`
        with wanted (row_id) as materialized (${join([...links, ...holders, ...targets], " union ")})
        select undoing.id, undoing.row_id
        from wanted
        join imports.undoings undoing on undoing.row_id = wanted.row_id
        where ${isAhead(batch, line, "undoing")}`,
    );
    const fresh = found.filter(({ row_id }) => !known.has(row_id));
    for (const { row_id } of fresh) known.add(row_id);
    company.push(...fresh);
    edge = fresh.map(({ row_id }) => row_id);
  }
  return company;
}

/** Locks the rows, and keeps those that somebody edited after it was decided; gives the others. */
async function keepEdited(client: pg.ClientBase, batch: Lease, line: Line, rows: Pending[]): Promise<string[]> {
  const ids = rows.map(({ row_id }) => row_id);
  const edited = await run<{ id: string }>(
    client,
    sql`
      with locked as (
        select row.id, ${rowHash(line, "row")} as hash
        from ${raw(line.table)} row
        where row.tenant_id = ${batch.tenantId} and row.id = any (${ids}::uuid[])
        order by row.id
        for update
      )
      select locked.id
      from locked
      join imports.effects effect
        on effect.tenant_id = ${batch.tenantId} and effect.batch_id = ${batch.id} and effect.row_id = locked.id
        and effect.table_name = ${line.table}
      where effect.row_hash <> locked.hash`,
  );
  await keep(
    client,
    batch,
    line,
    edited.map(({ id }) => ({ rowId: id, reason: "edited_since", detail: null })),
  );
  const kept = new Set(edited.map(({ id }) => id));
  return ids.filter((id) => !kept.has(id));
}

/** Takes those out of `taken` that others have come to depend on after it was decided. */
async function keepNeeded(client: pg.ClientBase, batch: Lease, line: Line, taken: string[]): Promise<void> {
  for (;;) {
    const needed = await run<{ row_id: string; detail: string }>(
      client,
      sql`
        select dependant.row_id, string_agg(distinct dependant.dependant_table, ', ') as detail
        from app_private.import_dependants(
          ${batch.id}, ${line.table},
          array(
            select undoing.row_id from imports.undoings undoing
            where ${isAhead(batch, line, "undoing")} and undoing.fate = 'removed' and undoing.row_id = any (${taken}::uuid[])
          ),
          array(
            select undoing.row_id from imports.undoings undoing
            where undoing.tenant_id = ${batch.tenantId} and undoing.batch_id = ${batch.id} and undoing.fate = 'kept'
          )
        ) dependant
        group by dependant.row_id`,
    );
    if (needed.length === 0) return;
    await keep(
      client,
      batch,
      line,
      needed.map(({ row_id, detail }) => ({ rowId: row_id, reason: "has_dependants", detail: `Rows of ${detail}.` })),
    );
    for (const { row_id } of needed) taken.splice(taken.indexOf(row_id), 1);
  }
}

/** Rows as they were before the batch changed them: `row_id` and `row`. */
function formerRows(batch: Lease, line: Line, ids: string[]): Sql {
  return sql`
    select image.row_id, jsonb_populate_record(null::${raw(line.table)}, image.image) as row
    from app_private.import_before_images image
    join imports.undoings undoing on ${isAhead(batch, line, "undoing")} and undoing.row_id = image.row_id and undoing.fate = 'restored'
    where image.batch_id = ${batch.id} and image.table_name = ${line.table} and image.row_id = any (${ids}::uuid[])`;
}

/**
 * Removes, restores and makes again in one statement: first the removals, so that their unique values are free, last what is made again;
 * links are looked at when all is done.
 */
async function exchangeRows(client: pg.ClientBase, batch: Lease, line: Line, ids: string[]): Promise<void> {
  const assignments = raw(line.columns.map((column) => `${column} = (was.row).${column}`).join(", "));
  await run(
    client,
    sql`
      with removed as (
        delete from ${raw(line.table)} row
        using imports.undoings undoing
        where ${isAhead(batch, line, "undoing")} and undoing.fate = 'removed' and undoing.row_id = any (${ids}::uuid[])
          and row.tenant_id = ${batch.tenantId} and row.id = undoing.row_id
        returning row.id
      ),
      former as materialized (${formerRows(batch, line, ids)}),
      restored as (
        update ${raw(line.table)} row
        set ${assignments}
        from former was
        where row.tenant_id = ${batch.tenantId} and row.id = was.row_id and (select count(*) from removed) >= 0
        returning row.id
      )
      insert into ${raw(line.table)} (${listed(line.ownColumns)})
      select ${listed(line.ownColumns, "(was.row)")}
      from former was
      where (select count(*) from restored) >= 0
        and not exists (select from ${raw(line.table)} row where row.tenant_id = ${batch.tenantId} and row.id = was.row_id)`,
  );
}

/** What a table says to a row: a value out of range, a constraint. */
function isRefusal(error: unknown): boolean {
  return /^2[23]/.test(errorCode(error) ?? "");
}

/**
 * Does something with rows at once; where the table refuses that, with each by itself.
 *
 * @param isFinal whether a refused row is kept, and named; else it has another turn
 * @returns the rows that were refused
 */
async function oneByOneIfRefused(
  client: pg.ClientBase,
  batch: Lease,
  line: Line,
  ids: string[],
  work: (ids: string[]) => Promise<unknown>,
  isFinal = true,
): Promise<string[]> {
  const attempt = async (some: string[]) => {
    await client.query("savepoint attempt; set constraints all deferred");
    try {
      await work([...some]);
      await client.query("set constraints all immediate");
      return null;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await client.query("rollback to savepoint attempt; set constraints all immediate");
      return errorMessage(error);
    }
  };
  if ((await attempt(ids)) === null) return [];
  const refused: { rowId: string; reason: string; detail: string }[] = [];
  for (const id of ids) {
    const said = await attempt([id]);
    if (said !== null) refused.push({ rowId: id, reason: "refused_by_table", detail: `${said}.` });
  }
  if (isFinal) await keep(client, batch, line, refused);
  return refused.map(({ rowId }) => rowId);
}

async function keep(
  client: pg.ClientBase,
  batch: Lease,
  line: Line,
  rows: { rowId: string; reason: string; detail: string | null }[],
): Promise<void> {
  await client.query(
    `update imports.undoings undoing
     set fate = 'kept', reason = kept.reason, detail = kept.detail, done_at = now()
     from unnest($3::uuid[], $4::text[], $5::text[]) as kept (row_id, reason, detail)
     where undoing.tenant_id = $1 and undoing.batch_id = $7 and undoing.collection_id = $2 and undoing.row_id = kept.row_id
       and undoing.done_at is null and undoing.table_name = $6`,
    [
      batch.tenantId,
      line.id,
      rows.map(({ rowId }) => rowId),
      rows.map(({ reason }) => reason),
      rows.map(({ detail }) => detail),
      line.table,
      batch.id,
    ],
  );
}

async function markDone(client: pg.ClientBase, batch: Lease, line: Line, ids: string[]): Promise<void> {
  await client.query(
    `update imports.undoings set done_at = now()
     where tenant_id = $1 and batch_id = $5 and collection_id = $2 and row_id = any ($3::uuid[]) and table_name = $4 and done_at is null`,
    [batch.tenantId, line.id, ids, line.table, batch.id],
  );
}

/** Proves it, and says how it ended. */
async function conclude(batch: Lease, lines: Line[]): Promise<void> {
  const { isVerified, kept } = await inBatch(batch, async (client) => {
    await client.query(`delete from imports.checks where tenant_id = $1 and batch_id = $2 and layer = 'rollback'`, [
      batch.tenantId,
      batch.id,
    ]);
    for (const line of lines) await checkTable(client, batch, line);
    const [found] = await run<{ is_verified: boolean; kept: string }>(
      client,
      sql`
        select
          (select coalesce(bool_and(is_passed), true) from imports.checks
           where tenant_id = ${batch.tenantId} and batch_id = ${batch.id} and layer = 'rollback') as is_verified,
          (select count(*) from imports.undoings
           where tenant_id = ${batch.tenantId} and batch_id = ${batch.id} and fate = 'kept') as kept`,
    );
    return { isVerified: found?.is_verified ?? false, kept: Number(found?.kept) };
  });
  const seeKept = `See which and why: landfall import status ${batch.id}, or imports.undoings where fate = 'kept'.`;
  if (!isVerified) {
    await setStatus(batch, "rolled_back", {
      isVerified,
      message: "What was taken back is not what was there before.",
      wayOut: `See what differs: imports.checks where batch_id = '${batch.id}' and layer = 'rollback'.`,
    });
  } else if (kept > 0) {
    await setStatus(batch, "rolled_back", { isVerified, message: `${kept} rows were kept.`, wayOut: seeKept });
  } else {
    await setStatus(batch, "rolled_back", { isVerified });
  }
}

/**
 * Holds a table against what it was before the batch: as it stands, less the inserted rows, with the before-images in place of the
 * changed ones. Rows that are kept, and columns that the batch does not fill, count as they stand; so do `version` and `updated_at`, which
 * never go back. The two are compared as a hash of the whole content, and row by row, to name what differs.
 */
async function checkTable(client: pg.ClientBase, batch: Lease, line: Line): Promise<void> {
  const uncounted = raw(
    `'{${["version", "updated_at"].filter((column) => !line.columns.includes(column)).join(",")}}'::text[]`,
  );
  const hash = (row: string) => sql`coalesce(bit_xor(hashtextextended((${raw(row)} - ${uncounted})::text, 0)), 0)`;
  const before = sql`
    select coalesce(row.id, undoing.row_id) as id,
      case
        when undoing.fate is null then to_jsonb(row)
        when row.id is null then image.image
        else to_jsonb(row) || (
          select jsonb_object_agg(filled.column_name, image.image -> filled.column_name) from unnest(${line.columns}::text[]) as filled (column_name)
        )
      end as content
    from (select * from ${raw(line.table)} row where row.tenant_id = ${batch.tenantId}) row
    full join (
      select * from imports.undoings undoing
      where undoing.tenant_id = ${batch.tenantId} and undoing.collection_id = ${line.id} and undoing.table_name = ${line.table}
        and undoing.fate <> 'kept'
    ) undoing on undoing.row_id = row.id
    left join app_private.import_before_images image
      on image.batch_id = ${batch.id} and image.table_name = ${line.table} and image.row_id = undoing.row_id
    where undoing.fate is distinct from 'removed'`;
  await run(
    client,
    sql`
      with before as materialized (${before}),
      after as materialized (
        select row.id, to_jsonb(row) as content from ${raw(line.table)} row where row.tenant_id = ${batch.tenantId}
      ),
      differing as (
        select coalesce(before.id, after.id) as id
        from before
        full join after on after.id = before.id
        where (before.content - ${uncounted}) is distinct from (after.content - ${uncounted})
      ),
      offending as (
        select coalesce(jsonb_agg(coalesce(undoing.record_id, differing.id::text)), '[]') as records
        from (select * from differing limit 20) differing
        left join imports.undoings undoing
          on undoing.tenant_id = ${batch.tenantId} and undoing.collection_id = ${line.id} and undoing.table_name = ${line.table}
          and undoing.row_id = differing.id
      )
      insert into imports.checks (batch_id, collection_id, layer, name, expected, actual, offending)
      select ${batch.id}::uuid, ${line.id}::uuid, 'rollback'::imports.check_layer, 'rows of ' || ${line.table}::text, (select count(*) from before), (select count(*) from after), offending.records
      from offending
      union all
      select ${batch.id}::uuid, ${line.id}::uuid, 'rollback'::imports.check_layer, 'content hash of ' || ${line.table}::text,
             (select ${hash("before.content")} from before), (select ${hash("after.content")} from after), offending.records
      from offending`,
  );
}
