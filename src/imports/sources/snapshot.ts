import { readdir, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { errorCode, errorMessage, fail } from "../../errors.ts";
import { listAttachments, openAttachment } from "./airtable_attachments.ts";
import { type AirtableSchema, airtablePace, readAirtableSchema } from "./airtable_schema.ts";
import { type CsvTable, openCsvTable, readCsvTable } from "./csv_table.ts";
import { PartialList, readJsonList } from "./json_list.ts";
import { memberSpan, sliceText } from "./json_spans.ts";
import { readLines } from "./lines.ts";
import { verifySnapshot } from "./snapshot_manifest.ts";
import type { DeclaredSchema, Source, SourceCollection, SourcePage, SourceRecord } from "./source.ts";

const recordsPerPage = 500;
/** A page is held whole, several times over while it lands: long texts make short pages. */
const bytesPerPage = 2 * 1024 * 1024;

/** In the order in which they are looked for. */
const endings = [".ndjson", ".ndjson.gz", ".json", ".csv"] as const;

/**
 * A snapshot folder: `schema.json` in Airtable's metadata shape, and in `records/` a file for each table, named for it or its id: `.ndjson`
 * with one record a line, as the API gave it, packed as `.ndjson.gz`, `.json` with `{"records": […]}`, or `.csv` as Airtable exports it. Where
 * a manifest says what was written, every file is held against it first.
 *
 * @param folder absolute, or relative to the working directory
 * @throws LandfallError `snapshot_missing`, `snapshot_empty`, `snapshot_foreign`, `snapshot_incomplete`, `snapshot_changed`, here and on
 *   reading, and `csv_broken`, `csv_columns_differ` or `csv_unidentified`
 */
export async function openSnapshot(folder: string): Promise<Source> {
  const location = resolve(folder);
  const schema = await readSchema(location);
  const { isPartial } = await verifySnapshot(location);
  const files = await findRecordFiles(location, schema);
  const exports = await openExports(files, schema);
  const records = (collection: SourceCollection): AsyncIterable<Buffer> => {
    const csv = exports.get(collection.id);
    if (csv !== undefined) return readCsvTable(csv, exports);
    const file = recordFile(files, collection);
    return file.endsWith(".json") ? readList(file) : readUnpacked(file);
  };
  return {
    key: keyOf(location, schema, [...exports.values()]),
    // A CSV holds what a view shows, and a view may hide rows.
    isPartial: isPartial || exports.size > 0,
    pace: schema.baseId === null ? undefined : airtablePace,
    location,
    schema: async () => schema,
    pages: (collection, from) => readPages(records(collection), recordFile(files, collection), from),
    attachments: (collection, { bytes }) => listAttachments(collection, bytes.toString("utf8")),
    openAttachment: (_collection, _record, attachment) => openAttachment(attachment, null, async () => null),
    takeCalls: () => [],
  };
}

/** Rows of a CSV without record ids are known by other ids than the live base's records: they are another source. */
function keyOf(location: string, { baseId }: AirtableSchema, exports: CsvTable[]): string {
  const name = baseId ?? basename(location);
  if (exports.some(({ hasRecordIds }) => !hasRecordIds)) return `csv:${name}`;
  return baseId === null ? `snapshot:${name}` : `airtable:${name}`;
}

async function openExports(files: Map<string, string>, { tables }: AirtableSchema): Promise<Map<string, CsvTable>> {
  const exports = new Map<string, CsvTable>();
  for (const table of tables) {
    const file = files.get(table.id);
    if (file?.endsWith(".csv")) exports.set(table.id, await openCsvTable(file, table));
  }
  return exports;
}

async function readSchema(folder: string): Promise<AirtableSchema & DeclaredSchema> {
  const names = await readdir(folder).catch((error) =>
    errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR"
      ? fail("snapshot_missing", `There is no folder ${folder}.`, "Check the path given to --from.")
      : fail(
          "snapshot_missing",
          `${folder} cannot be read: ${errorMessage(error)}.`,
          "Give your user access to it.",
          error,
        ),
  );
  if (names.length === 0) {
    fail("snapshot_empty", `${folder} is empty.`, "Point --from at a folder that holds schema.json and records/.");
  }
  if (!names.includes("schema.json")) {
    fail(
      "snapshot_foreign",
      `${folder} is no snapshot: it has no schema.json.`,
      "Point --from at a folder that holds schema.json and records/<table name>.ndjson. For lists and CSV exports `landfall snapshot airtable:app… --schema-only` writes it.",
    );
  }
  const text = (await readFile(join(folder, "schema.json"), "utf8")).replace(/^\uFEFF/, "");
  const schema = readAirtableSchema(parseJson(text));
  if (schema === null) {
    return fail(
      "snapshot_foreign",
      `${join(folder, "schema.json")} is not in the shape of Airtable's metadata.`,
      'It must hold {"tables": [{"id", "name", "fields": [{"id", "name", "type"}]}]}; write the snapshot again if it was cut short.',
    );
  }
  return { ...schema, text };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The file of every table in the schema, by the table's id. A table without its file means a snapshot that broke off. */
async function findRecordFiles(folder: string, schema: AirtableSchema): Promise<Map<string, string>> {
  const names = new Set(await readdir(join(folder, "records")).catch(() => []));
  const files = new Map<string, string>();
  const missing: string[] = [];
  for (const { id, name } of schema.collections) {
    const candidates = [name, id].flatMap((word) => endings.map((ending) => `${word}${ending}`));
    const file = candidates.find((candidate) => names.has(candidate));
    if (file === undefined) missing.push(name);
    else files.set(id, join(folder, "records", file));
  }
  if (missing.length > 0) {
    fail(
      "snapshot_incomplete",
      `${folder} is half-written: schema.json names ${missing.join(", ")}, but records/ has no such file.`,
      "Write the snapshot again. A table without records has an empty file.",
    );
  }
  return files;
}

function recordFile(files: Map<string, string>, collection: SourceCollection): string {
  return (
    files.get(collection.id) ??
    fail("snapshot_incomplete", `The snapshot has no table ${collection.name}.`, "Write the snapshot again.")
  );
}

/** `from` counts the records that were read before. */
async function* readPages(source: AsyncIterable<Buffer>, file: string, from: string | null): AsyncIterable<SourcePage> {
  const skipped = from === null ? 0 : Number(from);
  let position = 0;
  let number = Math.floor(skipped / recordsPerPage) + 1;
  let records: SourceRecord[] = [];
  let size = 0;
  for await (const bytes of source) {
    position += 1;
    if (position <= skipped) continue;
    if (records.length === recordsPerPage || size >= bytesPerPage) {
      yield { number, records, next: String(position - 1) };
      number += 1;
      records = [];
      size = 0;
    }
    size += bytes.length;
    records.push({ id: readRecordId(bytes, file, position), bytes });
  }
  yield { number, records, next: null };
}

async function* readUnpacked(file: string): AsyncIterable<Buffer> {
  try {
    yield* readLines(file);
  } catch (error) {
    if (!errorCode(error)?.startsWith("Z_")) throw error;
    incomplete(file, error);
  }
}

async function* readList(file: string): AsyncIterable<Buffer> {
  try {
    yield* readJsonList(file);
  } catch (error) {
    if (error instanceof PartialList) {
      fail(
        "snapshot_page_only",
        `${file} holds one page of a longer list. ${error.message}.`,
        "Save every page of the list into it, or let `landfall snapshot` read the base to its end.",
        error,
      );
    }
    if (!(error instanceof SyntaxError)) throw error;
    incomplete(file, error);
  }
}

function incomplete(file: string, error: unknown): never {
  fail(
    "snapshot_incomplete",
    `${file} is cut short or damaged: ${errorMessage(error)}.`,
    "Take the snapshot again, or bring the whole file back.",
    error,
  );
}

function readRecordId(bytes: Buffer, file: string, position: number): string {
  try {
    const span = memberSpan(bytes, "id");
    const id: unknown = span === undefined ? undefined : JSON.parse(sliceText(bytes, span));
    JSON.parse(bytes.toString("utf8"));
    if (typeof id === "string" && id !== "") return id;
  } catch (error) {
    fail(
      "snapshot_incomplete",
      `Record ${position} of ${file} is cut short or no JSON: ${errorMessage(error)}.`,
      "Write the snapshot again, or repair that record.",
      error,
    );
  }
  return fail(
    "snapshot_foreign",
    `Record ${position} of ${file} has no record id.`,
    'Each one must be {"id": "rec…", "createdTime": …, "fields": {…}}.',
  );
}
