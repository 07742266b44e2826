import { isDeepStrictEqual } from "node:util";
import type { Codec } from "./codecs.ts";
import { isJsonObject, parseExact } from "./exact_json.ts";
import { rowId } from "./identity.ts";
import {
  type Collection,
  columnsOf,
  type Field,
  type MappedField,
  type Mapping,
  type PartField,
} from "./mappings/mapping.ts";
import { isReason, type Reason } from "./reasons.ts";

/** What became of a cell. */
export type CellFate = "exact" | "converted" | "quarantined" | "dropped";

/** Something that a person should know about a cell, or about a whole record (no field). */
export interface Issue {
  field: string | null;
  column: string | null;
  fate: CellFate;
  reason: Reason;
  /** JSON text of what the source has; null where there is nothing, or where it is a secret. */
  original: string | null;
}

export interface DecodedRecord {
  /** The row of the collection's table, or null where the record cannot come in. */
  row: Record<string, unknown> | null;
  /** Why it cannot. */
  refusal: Reason | null;
  issues: Issue[];
  /** The fate of every cell that the source gave, by its field. */
  fates: Map<string, CellFate>;
}

/** Makes a record's row; one pass over its cells. */
export type Decoder = (recordId: string, text: string) => DecodedRecord;

/** NUL and lone surrogates: JSON can say them, PostgreSQL's text cannot. */
const mayBeRefused = /\\u(?:0000|[dD][89a-fA-F])/;
const isRefused = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** Whether PostgreSQL would refuse the text in a record: the verifier then reads a repaired copy. */
export function holdsRefusedText(text: string): boolean {
  return mayBeRefused.test(text);
}

/** Whether PostgreSQL would refuse a text in a value. */
export function isRefusedByPostgres(value: unknown): boolean {
  return isRefused.test(JSON.stringify(value));
}

/**
 * Makes the decoder of a collection.
 *
 * @param sourceId imports.sources.id, the namespace of all ids
 */
export function makeDecoder(mapping: Mapping, collection: Collection, sourceId: string): Decoder {
  const places = new Map<string, { name: string; field: Field }>();
  for (const [name, field] of Object.entries(collection.fields)) {
    for (const known of [name, ...field.aliases]) places.set(known, { name, field });
  }
  const columns = columnsOf(collection);

  return (recordId, text) => {
    const record = parseExact(text) as Record<string, unknown>;
    const cells = (record[mapping.cellsIn] ?? {}) as Record<string, unknown>;
    const decoded: DecodedRecord = { row: null, refusal: null, issues: [], fates: new Map() };
    if (collection.table === null) {
      decoded.refusal = Object.keys(cells).length === 0 ? "empty_default_table" : "unknown_collection";
      for (const name of Object.keys(cells)) decoded.fates.set(name, "quarantined");
      return decoded;
    }

    const given = new Map<string, { source: string; cell: unknown }>();
    for (const [source, cell] of Object.entries(cells)) {
      const place = places.get(source);
      if (cell === null) continue;
      if (place === undefined) decoded.fates.set(source, "quarantined");
      else if (place.field.fate !== "mapped" && place.field.fate !== "part") decoded.fates.set(source, "dropped");
      else if (given.has(place.name)) {
        const column = place.field.fate === "mapped" ? place.field.column : null;
        tell(decoded, source, column, "quarantined", "doubled_field", cell);
      } else {
        given.set(place.name, { source, cell });
        if (place.field.fate === "part") takePartCell(decoded, source, place.field, cell);
      }
    }

    const needsCare = mayBeRefused.test(text);
    const values = new Map<string, unknown>();
    for (const { fields } of columns) {
      for (const [name, field] of fields) {
        const from = field.isBeside ? { source: name, cell: record[name] } : given.get(name);
        if (from === undefined || from.cell === undefined) continue;
        const value = decodeCell(decoded, from.source, field, from.cell, needsCare);
        if (value === undefined) continue;
        values.set(name, field.key !== null && field.codec.isKeptInJson ? from.cell : value);
      }
    }

    const row: Record<string, unknown> = { id: rowId(sourceId, collection.name, recordId) };
    for (const { column, fields } of columns) {
      row[column] = compose(decoded, fields, values, (codec, value) => toColumnValue(codec, value, sourceId));
      const [name] = fields.find(([, field]) => field.isRequired) ?? [];
      if (name === undefined) continue;
      const waiting = decoded.issues.find((issue) => issue.column === column && issue.fate === "quarantined");
      if (waiting !== undefined) decoded.refusal ??= waiting.reason;
      else if (isMissing(row[column])) {
        decoded.refusal ??= "missing_required";
        tell(decoded, name, column, "quarantined", "missing_required", given.get(name)?.cell);
      }
    }
    if (decoded.refusal === null) decoded.row = row;
    return decoded;
  };
}

/** A cell that becomes records of a part goes there whole, unless it is not what the part takes. */
function takePartCell(decoded: DecodedRecord, source: string, { takes }: PartField, cell: unknown): void {
  const elements = takes === "names" && typeof cell === "string" ? [cell] : cell;
  const isTaken = Array.isArray(elements) && elements.every((element) => typeof element === "string");
  if (takes === "anything") decoded.fates.set(source, "exact");
  else if (!isTaken) tell(decoded, source, null, "quarantined", "wrong_type", cell);
  else if (isRefusedByPostgres(cell)) tell(decoded, source, null, "quarantined", "refused_text", cell);
  else decoded.fates.set(source, "exact");
}

/** The decoded value; undefined where the cell waits in quarantine, which is then told. */
function decodeCell(
  decoded: DecodedRecord,
  source: string,
  field: MappedField,
  cell: unknown,
  needsCare: boolean,
): unknown {
  const { codec, column } = field;
  const result = codec.cell.safeDecode(cell);
  if (!result.success) {
    const reason = result.error.issues[0]?.message ?? "";
    tell(decoded, source, column, "quarantined", isReason(reason) ? reason : "wrong_type", cell);
    return undefined;
  }
  if (needsCare && isRefusedByPostgres(result.data)) {
    tell(decoded, source, column, "quarantined", "refused_text", cell);
    return undefined;
  }
  const back = codec.cell.safeEncode(result.data);
  const isExact = back.success && isDeepStrictEqual(back.data, cell);
  if (!isExact && codec.lossy !== undefined) tell(decoded, source, column, "converted", codec.lossy, cell);
  else decoded.fates.set(source, isExact ? "exact" : "converted");
  return result.data;
}

/**
 * A column's value out of its fields: the one that fills it whole (or spreads into it) first, members over it, and what nobody gives
 * is what the codec says of an absent cell.
 */
function compose(
  decoded: DecodedRecord,
  fields: [string, MappedField][],
  values: Map<string, unknown>,
  convert: (codec: Codec, value: unknown) => unknown,
): unknown {
  const given = ([name, field]: [string, MappedField]): unknown => {
    const standIn = [name, ...field.orFrom].find((candidate) => values.has(candidate));
    return standIn === undefined ? undefined : convert(field.codec, values.get(standIn));
  };
  const whole = fields.find(([, field]) => field.key === null);
  const base = whole === undefined ? {} : (given(whole) ?? (whole[1].codec.isSpread ? {} : whole[1].codec.absent));
  const members = fields
    .filter(([, field]) => field.key !== null)
    .map((entry) => [entry, given(entry) ?? entry[1].codec.absent] as const)
    .filter(([, value]) => value !== null);
  if (members.length === 0) return base;
  const composed = { ...(base as Record<string, unknown> | null) };
  for (const [[name, field], value] of members) {
    const key = field.key as string;
    if (Object.hasOwn(composed, key) && !isDeepStrictEqual(composed[key], value)) {
      tell(decoded, whole?.[0] ?? name, field.column, "converted", "overridden_member", { [key]: composed[key] });
    }
    composed[key] = value;
  }
  return composed;
}

function toColumnValue(codec: Codec, value: unknown, sourceId: string): unknown {
  return codec.linksTo === undefined || value === null ? value : rowId(sourceId, codec.linksTo, String(value));
}

function isMissing(value: unknown): boolean {
  return (
    value === null ||
    (typeof value === "string" && value.trim() === "") ||
    (isJsonObject(value) && Object.keys(value).length === 0)
  );
}

function tell(
  decoded: DecodedRecord,
  field: string,
  column: string | null,
  fate: CellFate,
  reason: Reason,
  original: unknown,
): void {
  decoded.fates.set(field, fate);
  decoded.issues.push({
    field,
    column,
    fate,
    reason,
    original: original === undefined ? null : JSON.stringify(original),
  });
}
