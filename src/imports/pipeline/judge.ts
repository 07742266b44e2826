import {
  type Collection,
  type ConflictPolicy,
  columnsOf,
  type Derivation,
  type MappedField,
  mappedFields,
} from "../mappings/mapping.ts";
import type { Batch, LoadingBatch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { columnHash, isUndone, latestBase, quote, rowHash } from "./row_hash.ts";
import { incomingRows, join, listed, raw, type Shape, type Sql, sql } from "./sql.ts";

/** Stands for what the source said when nobody knows it any more: equal to no value's hash. */
const unknownHash = 1;

/**
 * `judged`: the rows as they will be, each with what is to be done (`row_outcome`; a table may have a column `outcome`). A row that differs from its record is taken apart column by column:
 * what the source changed is written, what people edited stays, and what both changed is a conflict, which the policy decides.
 *
 * @param lost columns that stay as they are, for their fields are lost
 * @param condition over `incoming` and `place`, which rows
 */
export function judgedRows(
  batch: LoadingBatch,
  ledger: LedgerCollection,
  shape: Shape,
  lost: string[],
  condition: Sql,
): Sql {
  const table = raw(shape.table);
  const written = shape.columns.map((column) =>
    raw(
      `case when existing.id is null or ${quote(column)} = any (verdict.changed) then incoming.${column} else existing.${column} end as ${column}`,
    ),
  );
  return sql`
    ${incomingBeside(batch, ledger, shape, condition)},
    judged as materialized (
      select
        incoming.row_id, incoming.record_id, incoming.sha256, incoming.source_position, existing.xmin as row_version,
        case
          when existing.id is null then 'inserted'
          when verdict.changed is not null then 'updated'
          when verdict.held is not null then 'skipped'
          else 'unchanged'
        end as row_outcome,
        verdict.kept as kept_columns, verdict.bases as column_bases, verdict.conflicts as column_conflicts,
        ${join(written, ", ")}
      from incoming
      left join ${table} existing on existing.tenant_id = ${batch.tenantId} and existing.id = incoming.row_id
      left join lateral (${verdicts(batch, ledger, shape, lost)}) verdict on true
    )`;
}

/** `incoming`: the rows that the mapping makes, without the cells that wait, and with the columns that no field gives. */
function incomingBeside(batch: LoadingBatch, ledger: LedgerCollection, shape: Shape, condition: Sql): Sql {
  const { collection } = ledger;
  const table = raw(shape.table);
  const given = givenColumns(collection);
  const derived = Object.entries(collection.derived).map(
    ([column, derivation]) => sql`${deriveColumn(batch, collection, shape, column, derivation)} as ${raw(column)}`,
  );
  return sql`
    incoming as materialized (
      select incoming.row_id, incoming.record_id, incoming.sha256, incoming.source_position, ${join([...given, ...derived], ", ")}
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
    )`;
}

/**
 * For a row that differs from its record: the columns to write (`changed`), those that stay as people have them (`kept`) with the hashes
 * of what the source says of them (`bases`), those that nobody has decided on (`held`), and the `conflicts` with both values.
 */
function verdicts(batch: LoadingBatch, ledger: LedgerCollection, shape: Shape, lost: string[]): Sql {
  const origins = new Map(columnsOf(ledger.collection).map(({ column, fields }) => [column, fields]));
  const cells = shape.columns.map((column) => {
    const fields = origins.get(column) ?? [];
    const policy: ConflictPolicy =
      fields.find(([, field]) => field.onConflict !== null)?.[1].onConflict ?? batch.onConflict;
    // A place that people chose is not in the way of any other, so that row and record agree on it; it is theirs all the same.
    const isRank = ledger.collection.derived[column]?.kind === "rank";
    const isLookedAt = isRank ? "true" : `existing.${column} is distinct from incoming.${column}`;
    return sql`(${quoted(column)}, ${quoted(fields.map(([name]) => name).join(", "))}, ${quoted(policy)}, ${raw(isLookedAt)},
      ${columnHash(`existing.${column}`)}, ${columnHash(`incoming.${column}`)},
      ${raw(`to_jsonb(existing.${column})::text, to_jsonb(incoming.${column})::text`)})`;
  });
  return sql`
    select
      array_agg(cell.name) filter (where cell.verdict = 'changed' or cell.verdict = 'conflict' and cell.policy = 'source_wins') as changed,
      array_agg(cell.name) filter (where cell.verdict = 'kept' or cell.verdict = 'conflict' and cell.policy <> 'source_wins') as kept,
      array_agg(cell.name) filter (where cell.verdict = 'conflict' and cell.policy = 'hold') as held,
      jsonb_object_agg(cell.name, case when cell.verdict = 'conflict' and cell.policy = 'database_wins' then cell.incoming_hash else cell.base_hash end)
        filter (where cell.verdict = 'kept' or cell.verdict = 'conflict' and cell.policy <> 'source_wins') as bases,
      jsonb_agg(jsonb_build_array(cell.name, cell.field, cell.policy, cell.incoming_text, cell.existing_text))
        filter (where cell.verdict = 'conflict') as conflicts
    from (
      select cell.*,
        case
          when cell.name = any (${lost}::text[]) then 'kept'
          when cell.existing_hash = cell.incoming_hash and cell.existing_hash = cell.base_hash then 'same'
          when cell.base_hash = cell.existing_hash then 'changed'
          when cell.base_hash = cell.incoming_hash then 'kept'
          when cell.existing_hash = cell.incoming_hash then 'kept'
          else 'conflict'
        end as verdict
      from (
        select cell.*,
          case
            when latest.column_hashes is not null then
              coalesce(latest.column_hashes[array_position(latest.columns, cell.name)], case when cell.existing_text is null then 0 else ${unknownHash}::integer end)
            when latest.row_hash = ${rowHash(shape, "existing")} then cell.existing_hash
            when known.sha256 = incoming.sha256 then cell.incoming_hash
            else ${unknownHash}::integer
          end as base_hash
        from (values ${join(cells, ", ")})
          as cell (name, field, policy, is_looked_at, existing_hash, incoming_hash, existing_text, incoming_text)
        left join lateral (${latestBase(batch, shape, "existing")}) latest on true
        left join lateral (
          select record.sha256
          from imports.records record
          where record.tenant_id = ${batch.tenantId} and record.row_id = existing.id
            and record.outcome in ('inserted', 'updated', 'unchanged')
            and not ${isUndone("record")}
          order by record.id desc
          limit 1
        ) known on true
        where cell.is_looked_at
          and existing.id is not null
          and (${listed(shape.columns, "existing")}) is distinct from (${listed(shape.columns, "incoming")})
      ) cell
    ) cell`;
}

/** A column that no field gives, worked out in SQL beside the incoming row. */
function deriveColumn(
  batch: LoadingBatch,
  collection: Collection,
  shape: Shape,
  column: string,
  derivation: Derivation,
): Sql {
  const table = raw(shape.table);
  switch (derivation.kind) {
    case "slug": {
      const slug = sql`app_private.slugify(incoming.${raw(derivation.from)})`;
      return sql`coalesce(existing.${raw(column)}, case
        when row_number() over (partition by ${slug} order by incoming.source_position) = 1 and not exists (
          select from ${table} other where other.tenant_id = ${batch.tenantId} and other.${raw(column)} = ${slug}
        ) then ${slug}
        else ${slug} || '-' || left(incoming.row_id::text, 8)
      end)`;
    }
    case "rank":
      return sql`place.place`;
    case "through": {
      const { link } = derivation;
      const linkedBy = collection.derived[link];
      return sql`(
        select through.${raw(derivation.column)} from ${raw(derivation.table)} through
        where through.tenant_id = ${batch.tenantId}
          and through.id = ${linkedBy === undefined ? raw(`incoming.${link}`) : deriveColumn(batch, collection, shape, link, linkedBy)}
      )`;
    }
    case "byName":
      return resolvedName(batch, shape, column, "incoming");
    case "constant":
      return sql`${derivation.value}::${raw(derivation.type)}`;
  }
}

/** The given columns of `incoming`, without the cells that validation found wanting, though they could be decoded: `waiting.columns`. */
export function givenColumns(collection: Collection): Sql[] {
  const checked = new Set([
    ...collection.rules.map(({ column }) => column),
    ...collection.unique.map((columns) => columns.at(-1) as string),
    ...Object.values(collection.derived).flatMap((derivation) =>
      derivation.kind === "byName" ? [derivation.from] : [],
    ),
    ...mappedFields(collection).flatMap(([, field]) => (field.codec.linksTo === undefined ? [] : [field.column])),
  ]);
  return columnsOf(collection).map(({ column, type, fields }) =>
    checked.has(column)
      ? raw(
          `case when ${quote(column)} = any (waiting.columns) then ${absentValue(fields, type)} else incoming.${column} end as ${column}`,
        )
      : raw(`incoming.${column}`),
  );
}

/** What a column holds whose cell waits: what an empty cell would mean. */
function absentValue(fields: [string, MappedField][], type: string): string {
  const absent = fields.find(([, field]) => field.key === null)?.[1].codec.absent;
  return absent === null || absent === undefined ? "null" : `${quote(String(absent))}::${type}`;
}

/** The row that a name stands for, as validation has found it. */
export function resolvedName(batch: Batch, shape: Shape, column: string, alias: string): Sql {
  return sql`(
    select (payload.rows -> ${shape.table} -> 0 ->> ${column})::uuid
    from app_private.import_payloads payload
    where payload.batch_id = ${batch.id} and payload.row_id = ${raw(alias)}.row_id
  )`;
}

function quoted(text: string): Sql {
  return raw(`${quote(text)}::text`);
}
