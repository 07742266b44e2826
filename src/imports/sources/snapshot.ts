import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { errorCode, errorMessage, fail } from "../../errors.ts";
import { type AirtableSchema, airtablePace, readAirtableSchema } from "./airtable_schema.ts";
import { memberSpan, sliceText } from "./json_spans.ts";
import type { Source, SourceCollection, SourcePage, SourceRecord, SourceSchema } from "./source.ts";

const recordsPerPage = 500;
const partialManifest = z.object({ isPartial: z.literal(true) });
const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * A snapshot folder: `schema.json` in Airtable's metadata shape, `records/<table name or id>.ndjson` with one record a line, as
 * the API gave it.
 *
 * @param folder absolute, or relative to the working directory
 * @throws LandfallError `snapshot_missing`, `snapshot_empty`, `snapshot_foreign` or `snapshot_incomplete`, here and on reading
 */
export async function openSnapshot(folder: string): Promise<Source> {
  const location = resolve(folder);
  const schema = await readSchema(location);
  const files = await findRecordFiles(location, schema);
  return {
    key: schema.baseId === null ? `snapshot:${basename(location)}` : `airtable:${schema.baseId}`,
    isPartial: await saysPartial(location),
    pace: schema.baseId === null ? undefined : airtablePace,
    location,
    schema: async () => schema,
    pages: (collection, from) => readPages(recordFile(files, collection), from),
    takeCalls: () => [],
  };
}

/** Whether the folder says of itself, in manifest.json, that it holds a part of the store only: `"isPartial": true`. */
async function saysPartial(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, "manifest.json"), "utf8").catch((error) =>
    errorCode(error) === "ENOENT" ? "{}" : Promise.reject(error),
  );
  return partialManifest.safeParse(parseJson(text)).success;
}

async function readSchema(folder: string): Promise<AirtableSchema> {
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
      "Point --from at a folder that holds schema.json and records/<table name>.ndjson.",
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
  return schema;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The file of every table in the schema, by the table's id. A table without its file means a snapshot that broke off. */
async function findRecordFiles(folder: string, schema: SourceSchema): Promise<Map<string, string>> {
  const names = new Set(await readdir(join(folder, "records")).catch(() => []));
  const files = new Map<string, string>();
  const missing: string[] = [];
  for (const { id, name } of schema.collections) {
    const file = [`${name}.ndjson`, `${id}.ndjson`].find((candidate) => names.has(candidate));
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

/** `from` counts the lines that were read before. */
async function* readPages(file: string, from: string | null): AsyncIterable<SourcePage> {
  const skipped = from === null ? 0 : Number(from);
  let line = 0;
  let number = Math.floor(skipped / recordsPerPage) + 1;
  let records: SourceRecord[] = [];
  for await (const bytes of readLines(file)) {
    line += 1;
    if (line <= skipped) continue;
    if (records.length === recordsPerPage) {
      yield { number, records, next: String(line - 1) };
      number += 1;
      records = [];
    }
    records.push({ id: readRecordId(bytes, file, line), bytes });
  }
  yield { number, records, next: null };
}

async function* readLines(file: string): AsyncIterable<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let isFirst = true;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let text = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (isFirst && text.subarray(0, 3).equals(byteOrderMark)) text = text.subarray(3);
    isFirst = false;
    let start = 0;
    for (let end = text.indexOf(newline, start); end !== -1; end = text.indexOf(newline, start)) {
      const line = withoutCarriageReturn(text.subarray(start, end));
      if (line.length > 0) yield Buffer.from(line);
      start = end + 1;
    }
    rest = text.subarray(start);
  }
  const last = withoutCarriageReturn(rest);
  if (last.length > 0) yield Buffer.from(last);
}

function withoutCarriageReturn(line: Buffer): Buffer {
  return line[line.length - 1] === carriageReturn ? line.subarray(0, -1) : line;
}

function readRecordId(bytes: Buffer, file: string, line: number): string {
  try {
    const span = memberSpan(bytes, "id");
    const id: unknown = span === undefined ? undefined : JSON.parse(sliceText(bytes, span));
    JSON.parse(bytes.toString("utf8"));
    if (typeof id === "string" && id !== "") return id;
  } catch (error) {
    fail(
      "snapshot_incomplete",
      `Line ${line} of ${file} is cut short or no JSON: ${errorMessage(error)}.`,
      "Write the snapshot again, or repair that line.",
      error,
    );
  }
  return fail(
    "snapshot_foreign",
    `Line ${line} of ${file} has no record id.`,
    'Each line must be {"id": "rec…", "createdTime": …, "fields": {…}}.',
  );
}
