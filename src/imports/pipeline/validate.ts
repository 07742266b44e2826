import type pg from "pg";
import { type Collection, columnsOf, type MappedField, mappedFields } from "../mappings/mapping.ts";
import { reasons } from "../reasons.ts";
import { type Batch, inBatch, type LoadingBatch } from "./batch.ts";
import { isJudged } from "./carry_over.ts";
import type { LedgerCollection } from "./collections.ts";
import { tellLost } from "./lost_fields.ts";
import { mergeRecords, moveLinks } from "./merges.ts";
import { isEdited, isUndone, latestBase } from "./row_hash.ts";
import { expectWholeCollections, incomingRows, listed, raw, run, type Shape, type Sql, shapeOf, sql } from "./sql.ts";
import { checkSuperseded } from "./superseded.ts";
import { checkTableRules } from "./table_rules.ts";

/** How many ranked rows a chunk takes; siblings are never divided, so it may take a few more. */
const rankedChunkSize = 4_000;

/**
 * Finds what cannot come in as it is, for a whole collection at once and knowing everything that landed: links to nothing, children of
 * a quarantined parent, values that two records claim. Records that wait get their outcome here; a cell that waits is told as an issue
 * and left out by the load. Then every ranked row gets its place. Records that are carried over are asked nothing.
 *
 * @returns whether there are others
 */
export async function validate(batch: LoadingBatch, ledger: LedgerCollection): Promise<boolean> {
  const { collection } = ledger;
  const hasJudged = await inBatch(batch, async (client) => {
    await expectWholeCollections(client);
    const isAsked = await isJudged(client, batch, ledger);
    await mergeRecords(client, batch, ledger);
    await refuse(client, batch, ledger);
    await tellUnknown(client, batch, ledger);
    await tellLost(client, batch, ledger);
    if (collection.table !== null && isAsked) {
      const shape = shapeOf(collection);
      await moveLinks(client, batch, ledger);
      await leaveDeleted(client, batch, ledger, shape);
      await checkLinks(client, batch, ledger, shape);
      await resolveNames(client, batch, ledger, shape);
      for (const rule of collection.rules) {
        await leaveCells(
          client,
          batch,
          ledger,
          rule.column,
          sql`
          select incoming.row_id, incoming.record_id, ${rule.reason}::text as reason, null::text as detail
          from (${incomingRows(batch, ledger.id, shape)}) incoming
          where (${raw(rule.holds)}) is false`,
        );
      }
      for (const columns of collection.unique) await checkUnique(client, batch, ledger, shape, columns);
      await checkTableRules(client, batch, ledger, shape);
      await checkSuperseded(client, batch, ledger, shape);
      for (const [name, field] of siblingLinks(collection)) {
        await checkSiblingLink(client, batch, ledger, shape, name, field);
      }
      await placeRows(client, batch, ledger, shape);
    }
    await client.query(`update imports.collections set step = 'validated' where tenant_id = $1 and id = $2`, [
      batch.tenantId,
      ledger.id,
    ]);
    return isAsked;
  });
  ledger.step = "validated";
  return hasJudged;
}

/**
 * Quarantines what belongs to records that a table has refused since validation, by a rule that nobody could foresee. Only then is there
 * anything to do.
 */
export async function holdChildren(batch: Batch, ledger: LedgerCollection): Promise<void> {
  if (ledger.collection.table === null || ledger.chunksLoaded > 0) return;
  await inBatch(batch, async (client) => {
    const { rows } = await client.query(
      `select from imports.records record
       join imports.collections collection on collection.tenant_id = record.tenant_id and collection.id = record.collection_id
       where record.tenant_id = $1 and record.batch_id = $2 and record.reason = 'refused_by_table' and collection.chunks_loaded > 0
       limit 1`,
      [batch.tenantId, batch.id],
    );
    if (rows.length > 0) await checkLinks(client, batch, ledger, shapeOf(ledger.collection));
  });
}

/**
 * Rows that earlier imports wrote and that people deleted here stay deleted: like an edit, their deletion counts as long as the source says
 * what it said, and is a conflict once it says something else. Only where the source wins that, they come in again.
 */
async function leaveDeleted(
  client: pg.ClientBase,
  batch: LoadingBatch,
  ledger: LedgerCollection,
  shape: Shape,
): Promise<void> {
  const conflict = {
    hold: "edited_since_import",
    database_wins: "kept_over_source",
    source_wins: "overwritten_by_source",
  } as const;
  const reason = conflict[batch.onConflict];
  await run(
    client,
    sql`
    with latest as (
      select distinct on (effect.row_id) effect.row_id, effect.effect
      from imports.effects effect
      where effect.tenant_id = ${batch.tenantId} and effect.table_name = ${shape.table}
        and not exists (
          select from ${raw(shape.table)} existing where existing.tenant_id = ${batch.tenantId} and existing.id = effect.row_id
        )
        and not ${isUndone("effect")}
      order by effect.row_id, effect.id desc
    ),
    deleted as materialized (
      select payload.row_id, payload.record_id, payload.sha256, payload.source_text,
             coalesce(known.sha256 <> payload.sha256, false) as has_conflict
      from latest
      join app_private.import_payloads payload
        on payload.batch_id = ${batch.id} and payload.collection_id = ${ledger.id} and payload.row_id = latest.row_id
        and payload.rows is not null
      left join lateral (
        select record.sha256
        from imports.records record
        where record.tenant_id = ${batch.tenantId} and record.row_id = payload.row_id
          and record.outcome in ('inserted', 'updated', 'unchanged') and not ${isUndone("record")}
        order by record.id desc
        limit 1
      ) known on true
      where latest.effect <> 'deleted'
        and not exists (
          select from imports.records judged
          where judged.tenant_id = ${batch.tenantId} and judged.batch_id = ${batch.id} and judged.row_id = payload.row_id
        )
    ),
    told as (
      insert into imports.issues (batch_id, collection_id, row_id, record_id, reason, original, detail, way_out)
      select ${batch.id}, ${ledger.id}, row_id, record_id, ${reason}, source_text, 'The row was deleted here.', ${reasons[reason]}
      from deleted
      where has_conflict
    )
    insert into imports.records (batch_id, collection_id, row_id, record_id, sha256, outcome, reason, has_conflict)
    select ${batch.id}, ${ledger.id}, row_id, record_id, sha256, 'skipped', 'deleted_here', has_conflict
    from deleted
    where not (has_conflict and ${batch.onConflict === "source_wins"})`,
  );
}

async function checkLinks(client: pg.ClientBase, batch: Batch, ledger: LedgerCollection, shape: Shape): Promise<void> {
  for (const [name, field] of mappedFields(ledger.collection)) {
    const { linksTo } = field.codec;
    if (linksTo !== undefined && linksTo !== ledger.collection.name) {
      await checkLink(client, batch, ledger, shape, name, field);
    }
  }
}

/**
 * Finds the rows that names stand for, and keeps their ids with the typed rows. What a name stands for is by the records of this import,
 * and where a row has none there, by the row.
 */
async function resolveNames(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  shape: Shape,
): Promise<void> {
  for (const [column, derivation] of Object.entries(ledger.collection.derived)) {
    if (derivation.kind !== "byName") continue;
    const target = batch.mapping.collections.find(({ name }) => name === derivation.collection) as Collection;
    const table = target.table as string;
    const named = sql`
      named as materialized (
        select ${sameName("bearer.name")} as name, array_agg(bearer.id) as ids
        from (
          select payload.row_id as id, payload.rows -> ${table} -> 0 ->> ${derivation.column} as name
          from app_private.import_payloads payload
          join imports.collections line on line.tenant_id = ${batch.tenantId} and line.id = payload.collection_id
          left join imports.records record
            on record.tenant_id = ${batch.tenantId} and record.batch_id = ${batch.id} and record.row_id = payload.row_id
          where payload.batch_id = ${batch.id} and line.name = ${target.name} and payload.rows is not null
            and (record.outcome is null or record.outcome not in ('quarantined', 'skipped'))
          union all
          select existing.id, existing.${raw(derivation.column)}
          from ${raw(table)} existing
          where existing.tenant_id = ${batch.tenantId} and not exists (${going(batch)})
            and not exists (
              select from app_private.import_payloads payload where payload.batch_id = ${batch.id} and payload.row_id = existing.id
            )
        ) bearer
        group by 1
      ),
      asked as materialized (
        select incoming.row_id, incoming.record_id, coalesce(named.ids, '{}') as ids
        from (${incomingRows(batch, ledger.id, shape)}) incoming
        left join named on named.name = ${sameName(`incoming.${derivation.from}`)}
        where incoming.${raw(derivation.from)} ~ '\\S'
      )`;
    await leaveCells(
      client,
      batch,
      ledger,
      derivation.from,
      sql`
      with ${named}
      select asked.row_id, asked.record_id, case cardinality(asked.ids) when 0 then 'unknown_name' else 'ambiguous_name' end as reason,
             cardinality(asked.ids) || ${` of ${target.name} have it.`} as detail
      from asked
      where cardinality(asked.ids) <> 1`,
    );
    await run(
      client,
      sql`
      with ${named}
      update app_private.import_payloads payload
      set rows = jsonb_set(payload.rows, array[${shape.table}, '0', ${column}], to_jsonb(asked.ids[1]))
      from asked
      where payload.batch_id = ${batch.id} and payload.row_id = asked.row_id and cardinality(asked.ids) = 1`,
    );
  }
}

/** A name as it is compared. */
export function sameName(expression: string): Sql {
  return raw(`lower(btrim(${expression}, E' \\t\\r\\n'))`);
}

/** Records that the decoder refused. */
async function refuse(client: pg.ClientBase, batch: Batch, ledger: LedgerCollection): Promise<void> {
  await client.query(
    `insert into imports.records (batch_id, collection_id, row_id, record_id, sha256, outcome, reason)
     select batch_id, collection_id, row_id, record_id, sha256,
            case when refusal in ('empty_default_table', 'person_erased') then 'skipped' else 'quarantined' end::imports.record_outcome, refusal
     from app_private.import_payloads
     where batch_id = $1 and collection_id = $2 and refusal is not null
     on conflict (tenant_id, batch_id, row_id) do nothing`,
    [batch.id, ledger.id],
  );
}

/** What the mapping does not know is told once, with its extent; the cells are in the payloads. */
async function tellUnknown(client: pg.ClientBase, batch: Batch, ledger: LedgerCollection): Promise<void> {
  const reason = ledger.collection.table === null ? "unknown_collection" : "unknown_field";
  await client.query(
    `insert into imports.issues (batch_id, collection_id, field, fate, reason, detail, way_out)
     select $1, collection_id, name, 'quarantined', $4, quarantined || ' cells hold a value.', $5
     from imports.fields
     where tenant_id = $2 and collection_id = $3 and fate = 'unknown' and quarantined > 0`,
    [batch.id, batch.tenantId, ledger.id, reason, reasons[reason]],
  );
}

/** A link must point to a row that is there or comes in with this batch. What was told before is not told again. */
async function checkLink(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  shape: Shape,
  name: string,
  field: MappedField,
): Promise<void> {
  const target = batch.mapping.collections.find((candidate) => candidate.name === field.codec.linksTo) as Collection;
  const column = raw(`incoming.${field.column}`);
  const bad = sql`
    select
      incoming.row_id,
      incoming.record_id,
      case when parent.row_id is null then 'dangling_link' when parent.reason = 'deleted_here' then 'link_deleted_here'
           else 'parent_quarantined' end as reason,
      case when parent.row_id is null then ${`${target.name} has no such record.`}
           when parent.reason = 'deleted_here' then ${`${target.name}/`} || parent.record_id || ' was deleted here.'
           else ${`${target.name}/`} || parent.record_id || ' waits in quarantine.' end as detail
    from (${incomingRows(batch, ledger.id, shape, [field.column])}) incoming
    left join imports.records parent
      on parent.tenant_id = ${batch.tenantId} and parent.batch_id = ${batch.id} and parent.row_id = ${column}
    where ${column} is not null
      and (parent.row_id is not null or not exists (
        select from app_private.import_payloads payload where payload.batch_id = ${batch.id} and payload.row_id = ${column}
      ))
      and not exists (
        select from ${raw(target.table as string)} existing where existing.tenant_id = ${batch.tenantId} and existing.id = ${column}
          and not exists (${going(batch)})
      )
      and not exists (
        select from imports.issues issue
        where issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.row_id = incoming.row_id
          and issue.column_name = ${field.column} and issue.fate = 'quarantined' and issue.settled_at is null
      )`;
  if (field.isRequired) await quarantineRecords(client, batch, ledger, name, field, bad);
  else await leaveCells(client, batch, ledger, field.column, bad);
}

/** A link within the collection must point to a sibling: another row of the same group. What was told before is not told again. */
export async function checkSiblingLink(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  shape: Shape,
  name: string,
  field: MappedField,
): Promise<void> {
  const rank = Object.values(ledger.collection.derived).find((derivation) => derivation.kind === "rank");
  if (rank === undefined) throw new Error(`${name} links within ${ledger.collection.name}, which has no ranked groups`);
  const column = raw(field.column);
  const within = raw(rank.within);
  await leaveCells(
    client,
    batch,
    ledger,
    field.column,
    sql`
    with incoming as materialized (${incomingRows(batch, ledger.id, shape, [field.column, rank.within])}),
    targets as (
      select incoming.row_id, incoming.${within} as group_id from incoming
      union
      select existing.id, existing.${within} from ${raw(shape.table)} existing where existing.tenant_id = ${batch.tenantId}
        and existing.id in (select incoming.${column} from incoming)
        and not exists (select from incoming where incoming.row_id = existing.id)
        and not exists (${going(batch)})
    )
    select
      incoming.row_id,
      incoming.record_id,
      case
        when incoming.${column} = incoming.row_id then 'link_elsewhere'
        when target.row_id is not null then 'link_elsewhere'
        when parent.reason = 'deleted_here' then 'link_deleted_here'
        when parent.row_id is not null then 'parent_quarantined'
        else 'dangling_link'
      end as reason,
      case
        when incoming.${column} = incoming.row_id then 'It links to itself.'
        when target.row_id is not null then 'The record that it links to belongs to another group.'
        when parent.reason = 'deleted_here' then ${`${ledger.collection.name}/`} || parent.record_id || ' was deleted here.'
        when parent.row_id is not null then ${`${ledger.collection.name}/`} || parent.record_id || ' waits in quarantine.'
        else ${`${ledger.collection.name} has no such record.`}
      end as detail
    from incoming
    left join targets target on target.row_id = incoming.${column}
    left join imports.records parent
      on parent.tenant_id = ${batch.tenantId} and parent.batch_id = ${batch.id} and parent.row_id = incoming.${column}
    where incoming.${column} is not null
      and (target.row_id is null or target.group_id <> incoming.${within} or incoming.${column} = incoming.row_id)
      and not exists (
        select from imports.issues issue
        where issue.tenant_id = ${batch.tenantId} and issue.batch_id = ${batch.id} and issue.row_id = incoming.row_id
          and issue.column_name = ${field.column} and issue.fate = 'quarantined' and issue.settled_at is null
      )`,
  );
}

/** Of several records with one value the first keeps it; a row that is there already and does not come from this batch goes before them. */
async function checkUnique(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  shape: Shape,
  columns: string[],
): Promise<void> {
  const { collection } = ledger;
  const value = listed(columns, "incoming");
  const bad = sql`
    with incoming as materialized (
      select incoming.*, row_number() over (partition by ${value} order by incoming.source_position) as turn
      from (${incomingRows(batch, ledger.id, shape, columns)}) incoming
      where num_nulls(${value}) = 0
    )
    select incoming.row_id, incoming.record_id, 'duplicate_value' as reason,
           ${collection.name} || '/' || coalesce(first.record_id, 'a row of another origin') || ' has it.' as detail
    from incoming
    left join incoming first on (${listed(columns, "first")}) = (${value}) and first.turn = 1
    where incoming.turn > 1
       or exists (
         select from ${raw(shape.table)} existing
         where existing.tenant_id = ${batch.tenantId}
           and (${listed(columns, "existing")}) = (${value})
           and existing.id <> incoming.row_id
           and not exists (${going(batch)})
           and not exists (
             select from app_private.import_payloads payload
             where payload.batch_id = ${batch.id} and payload.row_id = existing.id
               ${batch.replayedAt ? sql`and not ${hasOutcome(batch, "payload")}` : raw("")}
           )
       )`;
  const last = columns.at(-1) as string;
  const [name, field] = fieldOf(collection, last);
  if (field.isRequired) await quarantineRecords(client, batch, ledger, name, field, bad);
  else await leaveCells(client, batch, ledger, last, bad);
}

/** Whether a payload has its outcome in this batch already. */
function hasOutcome(batch: Batch, alias: string): Sql {
  return sql`exists (
    select from imports.records known
    where known.tenant_id = ${batch.tenantId} and known.batch_id = ${batch.id} and known.row_id = ${raw(alias)}.row_id
  )`;
}

/** `bad` gives row_id, record_id, reason and detail of records that must wait. */
async function quarantineRecords(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  name: string,
  field: MappedField,
  bad: Sql,
): Promise<void> {
  await run(
    client,
    sql`
    with bad as materialized (${bad}),
    ${tellCells(batch, ledger, name, field, sql`bad`)}
    insert into imports.records (batch_id, collection_id, row_id, record_id, sha256, outcome, reason)
    select ${batch.id}, ${ledger.id}, payload.row_id, payload.record_id, payload.sha256, 'quarantined', bad.reason
    from bad
    join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = bad.row_id`,
  );
}

/** `bad` gives row_id, record_id, reason and detail of records that come in without this column. */
async function leaveCells(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  column: string,
  bad: Sql,
): Promise<void> {
  const [name, field] = fieldOf(ledger.collection, column);
  await run(
    client,
    sql`
    with bad as materialized (${bad}),
    ${tellCells(batch, ledger, name, field, sql`bad`)}
    select count(*) from told`,
  );
}

/** Writes an issue for each of the bad cells, with the original as it landed, and moves it from one count to the other. */
function tellCells(
  batch: Batch,
  ledger: LedgerCollection,
  name: string,
  { aliases, column }: MappedField,
  bad: Sql,
): Sql {
  const names = [name, ...aliases];
  return sql`
    told as (
      insert into imports.issues
        (batch_id, collection_id, row_id, record_id, field, column_name, fate, reason, original, detail, way_out)
      select ${batch.id}, ${ledger.id}, bad.row_id, bad.record_id, cell.name, ${column}, 'quarantined', bad.reason,
             cell.value::text, bad.detail, ways.out
      from ${bad}
      join app_private.import_payloads payload on payload.batch_id = ${batch.id} and payload.row_id = bad.row_id
      join unnest(${Object.keys(reasons)}::text[], ${Object.values(reasons)}::text[]) as ways (reason, out) on ways.reason = bad.reason
      left join lateral (
        select names.name, app_private.readable_json(payload.source_text) #> array[${batch.mapping.cellsIn}, names.name] as value
        from unnest(${names}::text[]) with ordinality as names (name, place)
        where app_private.readable_json(payload.source_text) #> array[${batch.mapping.cellsIn}, names.name] is not null
        order by names.place
        limit 1
      ) cell on true
      returning field
    ),
    counted as (
      update imports.fields counts
      set exact = counts.exact - moved.cells, quarantined = counts.quarantined + moved.cells
      from (select field, count(*) as cells from told group by field) moved
      where counts.tenant_id = ${batch.tenantId} and counts.collection_id = ${ledger.id} and counts.name = moved.field
    )`;
}

/**
 * Gives every ranked row its place in its group, counted over all that landed and not over a chunk. Places taken by rows that people
 * added, or moved since the last import, stay theirs: the r-th row takes the r-th free place.
 */
async function placeRows(client: pg.ClientBase, batch: Batch, ledger: LedgerCollection, shape: Shape): Promise<void> {
  for (const [column, derivation] of Object.entries(ledger.collection.derived)) {
    if (derivation.kind !== "rank") continue;
    const within = raw(derivation.within);
    const by = listed([...derivation.by, "row_id"], "incoming");
    await run(
      client,
      sql`
      with incoming as materialized (${incomingRows(batch, ledger.id, shape, [derivation.within, ...derivation.by])}),
      kept as (
        select existing.id, existing.${within} as group_id, existing.${raw(column)} as place
        from ${raw(shape.table)} existing
        left join incoming on incoming.row_id = existing.id
        left join lateral (${latestBase(batch, shape, "existing")}) latest on true
        where existing.tenant_id = ${batch.tenantId}
          and existing.${within} in (select incoming.${within} from incoming)
          and not exists (${going(batch)})
          and (incoming.row_id is null or ${isEdited(shape, "existing", column)})
      ),
      ranked as (
        select incoming.row_id, incoming.${within} as group_id,
               row_number() over (partition by incoming.${within} order by ${by}) - 1 as rank
        from incoming
        where not exists (select from kept where kept.id = incoming.row_id)
      ),
      taken as (
        select place.group_id, array_agg(place.free_before) as free_before
        from (
          select kept.group_id, kept.place - row_number() over (partition by kept.group_id order by kept.place) + 1 as free_before
          from kept
        ) place
        group by place.group_id
      ),
      -- As the source has them: what is read together is written together.
      groups as (
        select incoming.${within} as group_id,
               (sum(count(*)) over (order by min(incoming.source_position)) - 1) / ${rankedChunkSize} as chunk
        from incoming
        group by incoming.${within}
      )
      insert into app_private.import_places (batch_id, collection_id, row_id, chunk, place)
      select ${batch.id}, ${ledger.id}, incoming.row_id, groups.chunk,
             coalesce(kept.place, ranked.rank + (
               select count(*) from unnest(taken.free_before) as before (places) where before.places <= ranked.rank
             ))
      from incoming
      join groups on groups.group_id = incoming.${within}
      left join taken on taken.group_id = incoming.${within}
      left join ranked on ranked.row_id = incoming.row_id
      left join kept on kept.id = incoming.row_id`,
    );
  }
}

/** Whether an `existing` row will be deleted, because its record is gone. */
function going(batch: Batch): Sql {
  return sql`
    select from app_private.import_gone_rows gone
    where gone.batch_id = ${batch.id} and gone.row_id = existing.id and not gone.is_kept`;
}

/** The links of a collection into itself. */
export function siblingLinks(collection: Collection): [string, MappedField][] {
  return mappedFields(collection).filter(([, field]) => field.codec.linksTo === collection.name);
}

/** The field that fills a column. */
function fieldOf(collection: Collection, column: string): [string, MappedField] {
  const entry = columnsOf(collection).find((candidate) => candidate.column === column)?.fields[0];
  if (entry === undefined) throw new Error(`No field of ${collection.name} fills ${column}`);
  return entry;
}
