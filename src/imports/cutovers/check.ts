import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type pg from "pg";
import { withIdentity } from "../../database/with_identity.ts";
import { fail, LandfallError } from "../../errors.ts";
import { parseExact } from "../exact_json.ts";
import { findMapping } from "../mappings/find_mapping.ts";
import type { Collection, Mapping } from "../mappings/mapping.ts";
import { createBatch, defaultOptions } from "../pipeline/batch.ts";
import { keepCalls } from "../pipeline/calls.ts";
import { placeCollections, placeField } from "../pipeline/collections.ts";
import { type Following, followPlan } from "../run_import.ts";
import { memberSpans, sliceText } from "../sources/json_spans.ts";
import { openSource } from "../sources/open_source.ts";
import type { Source, SourceCollection } from "../sources/source.ts";
import { type Operator, requireWhole } from "./cutover.ts";
import { oneAtATime } from "./one_at_a_time.ts";

/** A record that was still edited in the source after the switch. */
export interface CutoverEdit {
  collection: string;
  recordId: string;
  rowId: string;
  kind: "created" | "changed" | "deleted";
  /** The fields that say something else; null where that cannot be told. */
  fields: string[] | null;
}

/** A check that has ended. */
export interface CutoverCheck {
  id: string;
  cutoverId: string;
  /** The import that the source was compared with. */
  baseBatchId: string | null;
  /** The plan that read the source, with what an import would do now. */
  batchId: string | null;
  location: string;
  created: number;
  changed: number;
  deleted: number;
  /** The first thousand. */
  edits: CutoverEdit[];
}

const pollMs = 300;
const editsShown = 1_000;
/** How many pairs of texts are looked at together. */
const pairsAtOnce = 200;

/**
 * Reads the source of a cut-over once more, by a plan, and names the records that were edited there since the last import: no row of the business is
 * written. The finding is kept.
 *
 * @param from another place to read it from; the cut-over's own where nothing is given
 * @throws LandfallError where the source cannot be read: with what to do; the database's own error: LF251 where nothing was switched
 */
export async function checkCutover(
  following: Following,
  cutoverId: string,
  { operator, from }: Operator & { from?: string | undefined },
): Promise<CutoverCheck> {
  const { pool, tenantId, access } = following;
  const location = from === undefined ? null : (await openSource(from, access, pool)).location;
  const checkId = await withIdentity(pool, { kind: "worker", tenantId }, async (client) => {
    const { rows } = await client.query<{ id: string }>(`select id from imports.check_import_cutover($1, $2)`, [
      cutoverId,
      location,
    ]);
    const { id } = rows[0] as { id: string };
    await client.query(`update imports.cutover_checks set asked_by = $3 where tenant_id = $1 and id = $2`, [
      tenantId,
      id,
      operator,
    ]);
    return id;
  });
  for (;;) {
    await makeCheck(following, checkId);
    const check = await readCheck(pool, tenantId, checkId);
    if (check !== null) return check;
    await sleep(pollMs);
  }
}

/**
 * Makes a check that was asked for, where nobody else does. One that a killed process left goes on.
 *
 * @throws LandfallError where it cannot be made, which is recorded
 */
export async function makeCheck(following: Following, checkId: string): Promise<void> {
  const { pool, tenantId } = following;
  await oneAtATime(pool, checkId, async () => {
    const asked = await readAsked(pool, tenantId, checkId);
    if (asked === null) return;
    try {
      await compare(following, asked);
    } catch (error) {
      if (error instanceof LandfallError) await giveUp(pool, tenantId, checkId, error);
      throw error;
    }
  });
}

interface Asked {
  id: string;
  mapping: Mapping;
  location: string;
  baseBatchId: string;
  batchId: string | null;
}

/** What is asked for; null where the check has ended. */
async function readAsked(pool: pg.Pool, tenantId: string, checkId: string): Promise<Asked | null> {
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<Omit<Asked, "mapping"> & { mapping: string }>(
      `select checked.id, source.mapping, checked.location, checked.base_batch_id as "baseBatchId", checked.batch_id as "batchId"
       from imports.cutover_checks checked
       join imports.cutovers cutover on cutover.tenant_id = checked.tenant_id and cutover.id = checked.cutover_id
       join imports.sources source on source.tenant_id = cutover.tenant_id and source.id = cutover.source_id
       where checked.tenant_id = $1 and checked.id = $2 and checked.finished_at is null`,
      [tenantId, checkId],
    ),
  );
  return rows[0] === undefined ? null : { ...rows[0], mapping: findMapping(rows[0].mapping) };
}

async function compare(following: Following, asked: Asked): Promise<void> {
  const { pool, tenantId, access } = following;
  const source = await openSource(asked.location, access, pool);
  requireWhole(source);
  const batchId = asked.batchId ?? (await planFor(following, asked, source));
  await followPlan(following, batchId);
  const placed = placeCollections(asked.mapping.collections, await source.schema());
  await keepCalls(pool, tenantId, batchId, source);
  await withIdentity(pool, { kind: "worker", tenantId }, async (client) => {
    const comparison: Comparison = {
      client,
      tenantId,
      checkId: asked.id,
      batchId,
      baseId: asked.baseBatchId,
      // What parts make of a record is not a record of the source.
      partNames: asked.mapping.collections.filter(({ partOf }) => partOf !== null).map(({ name }) => name),
    };
    // The sums of a check and the records that it names commit together, so one that is made again names none twice.
    await nameComeAndGone(comparison);
    await nameChanged(comparison, (name, pair) => {
      const { collection, source: declared } = placed.find((entry) => entry.collection.name === name) as Placed;
      return changedFields(pair, { source, declared, collection, cellsIn: asked.mapping.cellsIn });
    });
    await client.query(
      `update imports.cutover_checks checked
       set finished_at = clock_timestamp(), created = counted.created, changed = counted.changed, deleted = counted.deleted
       from (
         select count(*) filter (where kind = 'created') as created, count(*) filter (where kind = 'changed') as changed,
                count(*) filter (where kind = 'deleted') as deleted
         from imports.cutover_edits where tenant_id = $1 and cutover_check_id = $2
       ) counted
       where checked.tenant_id = $1 and checked.id = $2`,
      [tenantId, asked.id],
    );
  });
}

async function planFor({ pool, tenantId }: Following, asked: Asked, source: Source): Promise<string> {
  const batchId = await createBatch(pool, tenantId, asked.mapping, source, "planned", defaultOptions);
  await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query(`update imports.cutover_checks set batch_id = $3 where tenant_id = $1 and id = $2`, [
      tenantId,
      asked.id,
      batchId,
    ]),
  );
  return batchId;
}

type Placed = ReturnType<typeof placeCollections>[number];

interface Comparison {
  client: pg.ClientBase;
  tenantId: string;
  checkId: string;
  /** The plan that has just read the source. */
  batchId: string;
  /** The latest import of it. */
  baseId: string;
  partNames: string[];
}

/** `now` are the records that were just read, `before` those of the import. */
const bothReadings = `
  with now as (
    select payload.row_id, payload.record_id, payload.sha256, payload.source_text, collection.name as collection
    from app_private.import_payloads payload
    join imports.collections collection on collection.tenant_id = $1 and collection.id = payload.collection_id
    where payload.batch_id = $2 and collection.name <> all ($4::text[])
  ),
  before as (
    select record.row_id, record.record_id, record.sha256, collection.name as collection
    from imports.records record
    join imports.collections collection on collection.tenant_id = record.tenant_id and collection.id = record.collection_id
    where record.tenant_id = $1 and record.batch_id = $3 and record.outcome <> 'deleted' and collection.name <> all ($4::text[])
  )`;

async function nameComeAndGone({ client, tenantId, checkId, batchId, baseId, partNames }: Comparison): Promise<void> {
  await client.query(
    `${bothReadings}
     insert into imports.cutover_edits (cutover_check_id, collection, record_id, row_id, kind)
     select $5, coalesce(now.collection, before.collection), coalesce(now.record_id, before.record_id), coalesce(now.row_id, before.row_id),
            case when before.row_id is null then 'created' else 'deleted' end::imports.cutover_edit_kind
     from now
     full join before on before.row_id = now.row_id
     where before.row_id is null or now.row_id is null
     order by 2, 3`,
    [tenantId, batchId, baseId, partNames, checkId],
  );
}

/** A record whose hash is another one: its text at the import, where it is kept, and as it was just read. */
export interface Pair {
  recordId: string;
  before: string | null;
  now: string | null;
}

/** Looks into the records whose hash is another one: whether somebody edited them, or the source worked something out anew. */
async function nameChanged(
  { client, tenantId, checkId, batchId, baseId, partNames }: Comparison,
  differ: (collection: string, pair: Pair) => string[] | null,
): Promise<void> {
  await client.query(
    `declare changed_records cursor for ${bothReadings}
     select now.collection, now.row_id as "rowId", now.record_id as "recordId", now.source_text as now, known.source_text as before
     from now
     join before on before.row_id = now.row_id and before.sha256 <> now.sha256
     left join app_private.import_payloads known on known.batch_id = $3 and known.row_id = now.row_id`,
    [tenantId, batchId, baseId, partNames],
  );
  for (;;) {
    const { rows } = await client.query<Pair & { collection: string; rowId: string }>(
      `fetch ${pairsAtOnce} from changed_records`,
    );
    if (rows.length === 0) return;
    const edited = rows.flatMap(({ collection, rowId, ...pair }) => {
      const fields = differ(collection, pair);
      return fields?.length === 0 ? [] : [{ collection, recordId: pair.recordId, rowId, fields }];
    });
    await client.query(
      `insert into imports.cutover_edits (cutover_check_id, collection, record_id, row_id, kind, fields)
       select $1, edited.collection, edited.record_id, edited.row_id, 'changed',
              case when edited.fields <> 'null' then array(select jsonb_array_elements_text(edited.fields)) end
       from unnest($2::text[], $3::text[], $4::uuid[], $5::jsonb[]) as edited (collection, record_id, row_id, fields)`,
      [
        checkId,
        edited.map(({ collection }) => collection),
        edited.map(({ recordId }) => recordId),
        edited.map(({ rowId }) => rowId),
        edited.map(({ fields }) =>
          JSON.stringify(fields?.map((name) => name.toWellFormed().replaceAll("\0", "\ufffd")) ?? null),
        ),
      ],
    );
  }
}

/** What the fields of a record mean. */
export interface Meaning {
  source: Source;
  declared: SourceCollection;
  collection: Collection;
  cellsIn: string;
}

/**
 * The fields of a record that somebody edited. What the source works out or mirrors follows from an edit elsewhere; a file is known by its id, since
 * its address expires.
 *
 * @returns null where the record differs and no field can be named
 */
export function changedFields({ recordId, before, now }: Pair, meaning: Meaning): string[] | null {
  if (before === null || now === null) return null;
  const { source, declared, collection, cellsIn } = meaning;
  const [known, met] = [cellsOf(before, cellsIn), cellsOf(now, cellsIn)];
  const differing = [...new Set([...known.keys(), ...met.keys()])].filter(
    (field) => !isDeepStrictEqual(parseCell(known.get(field)), parseCell(met.get(field))),
  );
  // The hash is that of the text with its secrets, which are not kept.
  if (differing.length === 0) return null;
  const computed = new Set(declared.fields.filter(({ isComputed }) => isComputed).map(({ name }) => name));
  const filesIn = (text: string, field: string) =>
    source
      .attachments(declared, { id: recordId, bytes: Buffer.from(text) })
      .filter((file) => file.field === field)
      .map((file) => file.id);
  return differing.filter((field) => {
    if (computed.has(field) || placeField(collection, field).fate === "derived") return false;
    const [earlier, later] = [filesIn(before, field), filesIn(now, field)];
    return earlier.length + later.length === 0 || !isDeepStrictEqual(earlier, later);
  });
}

/** The cells of a record, each in its own text. */
function cellsOf(text: string, cellsIn: string): Map<string, string> {
  const bytes = Buffer.from(text);
  const cells = memberSpans(bytes).findLast(({ key }) => key === cellsIn);
  if (cells === undefined) return new Map();
  const inner = bytes.subarray(cells.value.start, cells.value.end);
  return new Map(memberSpans(inner).map(({ key, value }) => [key, sliceText(inner, value)]));
}

function parseCell(text: string | undefined): unknown {
  return text === undefined ? undefined : parseExact(text);
}

async function giveUp(pool: pg.Pool, tenantId: string, checkId: string, error: LandfallError): Promise<void> {
  await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query(
      `update imports.cutover_checks set finished_at = clock_timestamp(), message = $3, way_out = $4 where tenant_id = $1 and id = $2`,
      [tenantId, checkId, error.message, error.wayOut],
    ),
  );
}

/**
 * @returns null while the check is being made
 * @throws LandfallError `cutover_stopped` where it could not be made
 */
async function readCheck(pool: pg.Pool, tenantId: string, checkId: string): Promise<CutoverCheck | null> {
  return await withIdentity(pool, { kind: "worker", tenantId }, async (client) => {
    const { rows } = await client.query<
      Omit<CutoverCheck, "edits"> & { finishedAt: Date | null; message: string | null; wayOut: string | null }
    >(
      `select id, cutover_id as "cutoverId", base_batch_id as "baseBatchId", batch_id as "batchId", location, created::float8, changed::float8,
              deleted::float8, message, way_out as "wayOut", finished_at as "finishedAt"
       from imports.cutover_checks where tenant_id = $1 and id = $2`,
      [tenantId, checkId],
    );
    const { finishedAt, message, wayOut, ...check } = rows[0] as (typeof rows)[number];
    if (finishedAt === null) return null;
    if (message !== null) fail("cutover_stopped", message, wayOut ?? "Ask for the check again.");
    const edits = await client.query<CutoverEdit>(
      `select collection, record_id as "recordId", row_id as "rowId", kind, fields
       from imports.cutover_edits where tenant_id = $1 and cutover_check_id = $2
       order by collection, kind, record_id limit ${editsShown}`,
      [tenantId, checkId],
    );
    return { ...check, edits: edits.rows };
  });
}
