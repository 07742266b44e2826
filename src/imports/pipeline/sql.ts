import type pg from "pg";
import { type Collection, columnsOf } from "../mappings/mapping.ts";

/** A piece of SQL with its bound parameters. */
export interface Sql {
  texts: string[];
  values: unknown[];
}

/**
 * SQL with bound parameters: what stands in `${}` is bound, unless it is SQL itself. The pipeline's statements are put together out of
 * a mapping's columns, and stay readable this way.
 */
export function sql(strings: TemplateStringsArray, ...parts: unknown[]): Sql {
  const whole: Sql = { texts: [strings[0] as string], values: [] };
  const append = (text: string) => {
    whole.texts[whole.texts.length - 1] += text;
  };
  parts.forEach((part, index) => {
    if (isSql(part)) {
      append(part.texts[0] as string);
      whole.texts.push(...part.texts.slice(1));
      whole.values.push(...part.values);
    } else {
      whole.texts.push("");
      whole.values.push(part);
    }
    append(strings[index + 1] as string);
  });
  return whole;
}

/** SQL as such: names and expressions that come from a mapping, which is code of ours. */
export function raw(text: string): Sql {
  return { texts: [text], values: [] };
}

/** Several pieces, one after the other. */
export function join(pieces: Sql[], separator: string): Sql {
  return pieces.length === 0
    ? raw("")
    : pieces.slice(1).reduce((joined, piece) => sql`${joined}${raw(separator)}${piece}`, pieces[0] as Sql);
}

export async function run<Row extends pg.QueryResultRow>(client: pg.ClientBase, statement: Sql): Promise<Row[]> {
  const text = statement.texts.reduce((joined, part, index) => `${joined}$${index}${part}`);
  return (await client.query<Row>(text, statement.values)).rows;
}

/**
 * For a transaction whose statements go over whole collections: rows that were just written are not in the planner's statistics, and it
 * would go through them once for each row of the other side. Every record is met once, so there is nothing to remember; and a side that is
 * looked up should fit into memory.
 */
export async function expectWholeCollections(client: pg.ClientBase): Promise<void> {
  await client.query(
    "set local enable_nestloop = off; set local enable_memoize = off; set local jit = off; set local work_mem = '64MB'",
  );
}

/**
 * For a transaction whose statements go over a chunk: the table that it goes into grows with every chunk, its statistics do not, and the
 * planner would go through the whole of it each time. By the index a chunk costs the same, however much is there.
 */
export async function expectChunk(client: pg.ClientBase): Promise<void> {
  await client.query(
    "set local enable_hashjoin = off; set local enable_mergejoin = off; set local jit = off; set local work_mem = '32MB'",
  );
}

/**
 * For a transaction whose statements look rows up by their keys: by index, in the order in which the tables are named, whatever the
 * statistics say of rows that were just written.
 */
export async function expectLookups(client: pg.ClientBase): Promise<void> {
  await client.query(
    `set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off; set local enable_material = off;
     set local join_collapse_limit = 1; set local jit = off; set local work_mem = '32MB'`,
  );
}

/** What a collection's rows consist of: columns that its fields fill, then derived ones. */
export interface Shape {
  table: string;
  /** Columns in the payload's rows. */
  given: { name: string; type: string }[];
  derived: string[];
  /** All of them. */
  columns: string[];
}

export function shapeOf(collection: Collection): Shape {
  const given = columnsOf(collection).map(({ column, type }) => ({ name: column, type }));
  const derived = Object.keys(collection.derived);
  return {
    table: collection.table as string,
    given,
    derived,
    columns: [...given.map(({ name }) => name), ...derived],
  };
}

/** Names in a list, each behind an alias: `incoming.name, incoming.status`. */
export function listed(names: string[], alias?: string): Sql {
  return raw(names.map((name) => (alias === undefined ? name : `${alias}.${name}`)).join(", "));
}

/**
 * The rows of a collection that are judged and that nothing keeps out, as the mapping made them: `incoming`, with `row_id`, `record_id`,
 * `sha256` and `source_position`. In a replay, those that have no outcome.
 *
 * @param columns which of the columns in the payload's rows are looked at; taking out all of them costs most of the pass
 */
export function incomingRows(
  batch: { id: string; tenantId: string; replayedAt?: Date | null },
  collectionId: string,
  shape: Shape,
  columns: string[] = shape.columns,
): Sql {
  const wanted = shape.given.filter(({ name }) => columns.includes(name));
  const types = raw(wanted.map(({ name, type }) => `${name} ${type}`).join(", "));
  return sql`
    select payload.row_id, payload.record_id, payload.sha256, payload.position as source_position, typed.*
    from app_private.import_payloads payload
    cross join lateral jsonb_to_recordset(payload.rows -> ${shape.table}) as typed (${types})
    where payload.batch_id = ${batch.id}
      and payload.collection_id = ${collectionId}
      and payload.rows is not null
      ${raw(batch.replayedAt ? "" : "and not payload.is_carried")}
      and not exists (
        select from imports.records record
        where record.tenant_id = ${batch.tenantId} and record.batch_id = ${batch.id} and record.row_id = payload.row_id
          ${raw(batch.replayedAt ? "" : "and record.reason is not null")}
      )`;
}

function isSql(part: unknown): part is Sql {
  return typeof part === "object" && part !== null && "texts" in part && "values" in part;
}
