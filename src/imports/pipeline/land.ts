import { hash } from "node:crypto";
import type pg from "pg";
import { binaryArray } from "../../database/binary_array.ts";
import { type CellFate, type DecodedRecord, type Decoder, holdsRefusedText, makeDecoder } from "../decode.ts";
import { decodeFixed, type Fix, readFixes } from "../fixes.ts";
import { rowId } from "../identity.ts";
import { type Collection, type Mapping, mappedFields } from "../mappings/mapping.ts";
import { makePartMaker } from "../parts.ts";
import { reasons } from "../reasons.ts";
import { memberSpans } from "../sources/json_spans.ts";
import type { SourcePage, SourceRecord } from "../sources/source.ts";
import { workAhead } from "./at_once.ts";
import { copyAttachments, keepAttachments, type LandedAttachment } from "./attachments.ts";
import { type Batch, inBatch } from "./batch.ts";
import { writeCalls } from "./calls.ts";
import { findKnown, type Known, type KnownRecord, openKnown } from "./carry_over.ts";
import { type LedgerCollection, placeField } from "./collections.ts";
import { type FateBook, readFateBook, writeFates } from "./fates.ts";
import { expectLookups } from "./sql.ts";

/** A record on its way into the ledger. */
interface Landing {
  rowId: string;
  record: SourceRecord;
  sha256: Buffer;
  text: string | null;
  bytes: Buffer | null;
  /** The text with the values that people gave its cells; null where they gave none. */
  fixedText: string | null;
  /** What an earlier import has proved of the text: what was made of it is taken over from there. Null where it is decoded. */
  known: KnownRecord | null;
  decoded: DecodedRecord;
}

/** How the records of a collection are made ready. */
interface Reader {
  decode: Decoder;
  fixes: Map<string, Fix[]>;
  /** What the earlier import made of the collection; null where every record is decoded. */
  known: Known | null;
  fates: FateBook;
  /** Rows of people who were erased. */
  erased: ReadonlySet<string>;
}

/** How many pages are made ready while one is written. */
const pagesAhead = 2;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a collection to its end and keeps every record as it came, with the row that the mapping makes of it. A page and the place where
 * the next one begins commit together, so that a killed worker's successor goes on there. What parts make of the page lands with it.
 *
 * @param parts the collections whose records are made of this one's
 * @param onProgress told after every page how many records have landed
 */
export async function land(
  batch: Batch,
  ledger: LedgerCollection,
  parts: LedgerCollection[],
  onProgress: (landed: number) => void,
): Promise<void> {
  const readers = await inBatch(batch, async (client) => {
    const opened = new Map<LedgerCollection, Reader>();
    for (const line of [ledger, ...parts]) opened.set(line, await openReader(client, batch, line));
    return opened;
  });
  const reader = readers.get(ledger) as Reader;
  const prepare = async (page: SourcePage) => {
    const landings = await prepareAlone(batch, ledger, reader, page.records);
    const isErased = ({ id }: SourceRecord) => reader.erased.has(rowId(batch.sourceId, ledger.collection.name, id));
    const attachments = await copyAttachments(
      batch,
      ledger,
      page.records.filter((record) => !isErased(record)),
    );
    return { page, landings, attachments };
  };
  let lastPage = 0;
  let hasRestarted = false;
  // While a page is being written, the next ones are read and decoded.
  let writing: Promise<void> = Promise.resolve();
  try {
    const pages = batch.source.pages(ledger.source, ledger.nextPage);
    for await (const { page, landings, attachments } of workAhead(pages, pagesAhead, prepare)) {
      // Met again after a restart, a record is no repetition of the source's.
      hasRestarted ||= page.number <= lastPage;
      lastPage = page.number;
      await writing;
      writing = writePage(batch, ledger, readers, page, { landings, attachments, hasRestarted }).then(() =>
        onProgress(ledger.landed),
      );
      // Whether it went well is asked when the next page is there, which may be long after it went wrong.
      writing.catch(() => {});
    }
  } finally {
    await writing;
  }
  ledger.step = "landed";
}

/** What a page brought, made ready to be written. */
interface Brought {
  landings: Landing[];
  attachments: LandedAttachment[];
  hasRestarted: boolean;
}

/** A page, with all that it brought and the place where the next one begins, in one transaction. */
async function writePage(
  batch: Batch,
  ledger: LedgerCollection,
  readers: Map<LedgerCollection, Reader>,
  page: SourcePage,
  brought: Brought,
): Promise<void> {
  const { landings, attachments, hasRestarted } = brought;
  ledger.landed += await inBatch(batch, async (client) => {
    await expectLookups(client);
    const kept = await keep(client, batch, ledger, readers.get(ledger) as Reader, page.number, landings);
    if (!hasRestarted) await tellRepeated(client, batch, ledger, landings, kept);
    await countCells(client, ledger, kept);
    for (const [part, reader] of readers) {
      if (part !== ledger) await landPart(client, batch, part, reader, ledger.collection, page.number, kept);
    }
    const keptRows = new Set(kept.map((landing) => landing.rowId));
    await keepAttachments(
      client,
      batch,
      ledger,
      attachments.filter((file) => keptRows.has(file.rowId)),
    );
    await writeCalls(client, batch.id, batch.source);
    await client.query(
      `update imports.collections
       set step = case when $3::text is null then 'landed'::imports.collection_step else 'landing' end, next_page = $3,
           landed = landed + $4
       where tenant_id = $1 and id = $2`,
      [batch.tenantId, ledger.id, page.next, kept.length],
    );
    return kept.length;
  });
}

/** A record that a part's records are made of: as it landed, or as people put it right. */
export type Parent = Pick<Landing, "text" | "fixedText"> & { record: Pick<SourceRecord, "id"> };

/**
 * Lands what a part makes of its parents' records. A name that is there already is no repetition of the source's, nor is what a replay
 * makes once more.
 *
 * @returns how many are new
 */
export async function landPart(
  client: pg.ClientBase,
  batch: Batch,
  part: LedgerCollection,
  reader: Reader,
  parent: Collection,
  page: number,
  parents: Parent[],
  isFirstReading = true,
): Promise<number> {
  const { collection } = part;
  if (collection.partOf === null) throw new Error(`${collection.name} is no part`);
  const make = makePartMaker(collection, collection.partOf, parent, batch.mapping.cellsIn);
  const records = parents.flatMap(({ record, text, fixedText }) => {
    const made = fixedText ?? text;
    if (made === null) return [];
    return make(record.id, made).map(({ id, text: own }) => ({ id, bytes: Buffer.from(own) }));
  });
  const landings = await prepare(client, batch, collection, reader, records);
  const kept = await keep(client, batch, part, reader, page, landings);
  if (isFirstReading && collection.partOf.kind === "elements") await tellRepeated(client, batch, part, landings, kept);
  await countCells(client, part, kept);
  if (kept.length > 0) {
    await client.query(
      `update imports.collections set landed = landed + $3, is_settled = false where tenant_id = $1 and id = $2`,
      [batch.tenantId, part.id, kept.length],
    );
  }
  part.landed += kept.length;
  return kept.length;
}

/** Parts have landed when all others have. */
export async function finishParts(batch: Batch, parts: LedgerCollection[]): Promise<void> {
  await inBatch(batch, (client) =>
    client.query(`update imports.collections set step = 'landed' where tenant_id = $1 and id = any ($2::uuid[])`, [
      batch.tenantId,
      parts.map(({ id }) => id),
    ]),
  );
  for (const part of parts) part.step = "landed";
}

/** @throws LandfallError as readFixes does */
export async function openReader(client: pg.ClientBase, batch: Batch, line: LedgerCollection): Promise<Reader> {
  return {
    decode: makeDecoder(batch.mapping, line.collection, batch.sourceId),
    fixes: await readFixes(client, batch, line.collection.name),
    known: await openKnown(client, batch, line),
    fates: await readFateBook(client, batch.id, line.id),
    erased: await readErasedRows(client),
  };
}

/** Asks what is known of a page while the one before is being written. */
async function prepareAlone(
  batch: Batch,
  { collection }: LedgerCollection,
  reader: Reader,
  records: SourceRecord[],
): Promise<Landing[]> {
  return reader.known === null
    ? await prepare(null, batch, collection, reader, records)
    : await inBatch(batch, async (client) => {
        await expectLookups(client);
        return await prepare(client, batch, collection, reader, records);
      });
}

async function prepare(
  client: pg.ClientBase | null,
  batch: Batch,
  collection: Collection,
  reader: Reader,
  records: SourceRecord[],
): Promise<Landing[]> {
  const hashed = records.map((record) => ({
    record,
    rowId: rowId(batch.sourceId, collection.name, record.id),
    sha256: hash("sha256", record.bytes, "buffer"),
  }));
  const known =
    client === null || reader.known === null
      ? new Map<string, KnownRecord>()
      : await findKnown(
          client,
          batch,
          reader.known,
          hashed.filter(({ record, rowId }) => !reader.fixes.has(record.id) && !reader.erased.has(rowId)),
        );
  return hashed.map(({ record, rowId, sha256 }) => {
    if (reader.erased.has(rowId)) {
      return {
        rowId,
        record,
        sha256,
        bytes: null,
        fixedText: null,
        known: null,
        ...linksAlone(batch, collection, record),
      };
    }
    const bytes = blankSecrets(record.bytes, batch.mapping, collection);
    const text = decodeUtf8(bytes);
    const landing = {
      rowId,
      record,
      sha256,
      text,
      bytes: text === null ? bytes : null,
      fixedText: null,
      known: null,
    };
    const knownRecord = known.get(rowId);
    if (text === null) return { ...landing, decoded: notUtf8() };
    if (knownRecord !== undefined) {
      const { fates } = knownRecord;
      return { ...landing, known: knownRecord, decoded: { row: null, refusal: null, issues: [], fates } };
    }
    return {
      ...landing,
      ...decodeFixed(reader.decode, record.id, text, batch.mapping.cellsIn, reader.fixes.get(record.id) ?? []),
    };
  });
}

/** Puts `"[secret]"` where a secret stands, doubled keys included; every other byte stays. */
export function blankSecrets(bytes: Buffer, mapping: Mapping, collection: Collection): Buffer {
  const names = Object.entries(collection.fields).flatMap(([name, field]) =>
    field.fate === "secret" ? [name, ...field.aliases] : [],
  );
  if (names.length === 0) return bytes;
  const pieces: Buffer[] = [];
  let kept = 0;
  for (const { key, value: cells } of memberSpans(bytes)) {
    if (key !== mapping.cellsIn || bytes[cells.start] !== 0x7b) continue;
    for (const { key: name, value } of memberSpans(bytes.subarray(cells.start, cells.end))) {
      if (!names.includes(name)) continue;
      pieces.push(bytes.subarray(kept, cells.start + value.start), Buffer.from('"[secret]"'));
      kept = cells.start + value.end;
    }
  }
  return Buffer.concat([...pieces, bytes.subarray(kept)]);
}

function decodeUtf8(bytes: Buffer): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/** Rows of people who were erased: what they come from is accounted for, and nothing of it is kept. */
async function readErasedRows(client: pg.ClientBase): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ id: string }>("select id from app_private.erased_row_ids() id");
  return new Set(rows.map(({ id }) => id));
}

/**
 * What is kept of a record of somebody who was erased: to which records of others it links, so that theirs can still be proved. It makes no
 * row.
 */
function linksAlone(
  { mapping }: Batch,
  collection: Collection,
  record: SourceRecord,
): { text: string; decoded: DecodedRecord } {
  const text = decodeUtf8(record.bytes);
  const links = new Set(
    mappedFields(collection).flatMap(([name, { codec, aliases }]) => (codec.linksTo ? [name, ...aliases] : [])),
  );
  const kept: Record<string, unknown> = {};
  const parsed: unknown = text === null ? null : JSON.parse(text);
  const cells = (parsed as Record<string, Record<string, unknown>> | null)?.[mapping.cellsIn] ?? {};
  for (const [name, value] of Object.entries(cells)) if (links.has(name)) kept[name] = value;
  const fates = new Map(Object.keys(kept).map((name): [string, CellFate] => [name, "exact"]));
  return {
    text: JSON.stringify({ [mapping.cellsIn]: kept }),
    decoded: { row: null, refusal: "person_erased", issues: [], fates },
  };
}

function notUtf8(): DecodedRecord {
  return {
    row: null,
    refusal: "invalid_utf8",
    issues: [{ field: null, column: null, fate: "quarantined", reason: "invalid_utf8", original: null }],
    fates: new Map(),
  };
}

/** Writes what is new, and its issues. What was made of a known text is taken over from where it was made. */
async function keep(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  reader: Reader,
  page: number,
  landings: Landing[],
): Promise<Landing[]> {
  const { table, derived } = ledger.collection;
  const fates = landings.map(({ decoded }) => decoded.fates);
  // What a name stands for is looked up by every batch.
  const resolved = Object.entries(derived).flatMap(([column, { kind }]) => (kind === "byName" ? [column] : []));
  const takenOver = resolved.reduce((row, column) => `${row} #- '{${table},0,${column}}'`, "known.rows");
  const { rows } = await client.query<{ row_id: string }>(
    `insert into app_private.import_payloads
       (batch_id, collection_id, row_id, record_id, position, page, sha256, source_text, source_bytes, fixed_text, holds_refused_text, rows,
        refusal, fates_id, row_hash, is_carried)
     select $1, $2, page.row_id, page.record_id, $3 + page.place, $4, page.sha256, coalesce(page.source_text, known.source_text),
            page.source_bytes, page.fixed_text, coalesce(page.holds_refused_text, known.holds_refused_text),
            coalesce(page.rows, ${takenOver}), page.refusal, page.fates_id, page.row_hash,
            page.row_hash is not null
     from unnest($5::uuid[], $6::text[], $7::bytea[], $8::text[], $9::bytea[], $10::text[], $11::boolean[], $12::jsonb[], $13::text[],
                 $14::integer[], $15::bytea[])
       with ordinality as page (row_id, record_id, sha256, source_text, source_bytes, fixed_text, holds_refused_text, rows, refusal, fates_id,
                                row_hash, place)
     left join app_private.import_payloads known on page.row_hash is not null and known.batch_id = $16 and known.row_id = page.row_id
     on conflict (batch_id, row_id) do nothing
     returning row_id`,
    [
      batch.id,
      ledger.id,
      ledger.landed,
      page,
      landings.map((landing) => landing.rowId),
      landings.map((landing) => landing.record.id),
      binaryArray(
        "bytea",
        landings.map((landing) => landing.sha256),
      ),
      binaryArray(
        "text",
        landings.map(({ known, text }) => (known === null ? text : null)),
      ),
      binaryArray(
        "bytea",
        landings.map((landing) => landing.bytes),
      ),
      binaryArray(
        "text",
        landings.map((landing) => landing.fixedText),
      ),
      landings.map(({ known, text, fixedText }) =>
        known === null ? holdsRefusedText(text ?? "") || holdsRefusedText(fixedText ?? "") : null,
      ),
      binaryArray(
        "jsonb",
        landings.map(({ decoded: { row } }) => row && JSON.stringify({ [table as string]: [row] })),
      ),
      landings.map((landing) => landing.decoded.refusal),
      await writeFates(client, batch.id, ledger.id, reader.fates, fates),
      binaryArray(
        "bytea",
        landings.map(({ known }) => known?.rowHash ?? null),
      ),
      reader.known?.batchId ?? null,
    ],
  );
  const fresh = new Set(rows.map((row) => row.row_id));
  // Of a record that a page brings twice only the first was written.
  const kept = landings.filter((landing) => fresh.delete(landing.rowId));
  const issues = kept.flatMap((landing) => landing.decoded.issues.map((issue) => ({ landing, issue })));
  if (issues.length === 0) return kept;
  await client.query(
    `insert into imports.issues (batch_id, collection_id, row_id, record_id, field, column_name, fate, reason, original, way_out)
     select $1, $2, *
     from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::imports.cell_fate[], $8::text[], $9::text[], $10::text[])`,
    [
      batch.id,
      ledger.id,
      issues.map(({ landing }) => landing.rowId),
      issues.map(({ landing }) => landing.record.id),
      issues.map(({ issue }) => issue.field),
      issues.map(({ issue }) => issue.column),
      issues.map(({ issue }) => issue.fate),
      issues.map(({ issue }) => issue.reason),
      issues.map(({ issue }) => issue.original),
      issues.map(({ issue }) => reasons[issue.reason]),
    ],
  );
  return kept;
}

async function tellRepeated(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  landings: Landing[],
  kept: Landing[],
): Promise<void> {
  if (kept.length === landings.length) return;
  const repeated = landings.filter((landing) => !kept.includes(landing));
  await client.query(
    `insert into imports.issues (batch_id, collection_id, row_id, record_id, reason, way_out)
     select $1, $2, row_id, record_id, 'repeated_record', $5
     from unnest($3::uuid[], $4::text[]) as repeated (row_id, record_id)`,
    [
      batch.id,
      ledger.id,
      repeated.map((landing) => landing.rowId),
      repeated.map((landing) => landing.record.id),
      reasons.repeated_record,
    ],
  );
}

/** Adds up the fates of the cells, field by field, those that only the records know and the schema does not among them. */
async function countCells(client: pg.ClientBase, ledger: LedgerCollection, kept: Landing[]): Promise<void> {
  const counts = new Map<string, Record<CellFate, number>>();
  for (const { decoded } of kept) {
    for (const [field, fate] of decoded.fates) {
      const count = counts.get(field) ?? { exact: 0, converted: 0, quarantined: 0, dropped: 0 };
      count[fate] += 1;
      counts.set(field, count);
    }
  }
  const placed = [...counts.keys()].map((name) => placeField(ledger.collection, name));
  const countsOf = (fate: CellFate) => [...counts.values()].map((count) => count[fate]);
  await client.query(
    `insert into imports.fields as field (collection_id, name, fate, column_name, because, exact, converted, quarantined, dropped)
     select $1, *
     from unnest($2::text[], $3::imports.field_fate[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
     on conflict (tenant_id, collection_id, name) do update
       set exact = field.exact + excluded.exact,
           converted = field.converted + excluded.converted,
           quarantined = field.quarantined + excluded.quarantined,
           dropped = field.dropped + excluded.dropped`,
    [
      ledger.id,
      placed.map(({ name }) => name),
      placed.map(({ fate }) => fate),
      placed.map(({ column }) => column),
      placed.map(({ because }) => because),
      countsOf("exact"),
      countsOf("converted"),
      countsOf("quarantined"),
      countsOf("dropped"),
    ],
  );
}
