import { isDeepStrictEqual } from "node:util";
import type pg from "pg";
import type { DecodedRecord, Decoder } from "./decode.ts";
import { parseExact } from "./exact_json.ts";
import { memberSpans, sliceText } from "./sources/json_spans.ts";

/** A value that a person gave a cell. */
export interface Fix {
  field: string;
  /** JSON text of what the source had there; `null` in words for an empty cell, null where nobody looked yet. */
  original: string | null;
  /** JSON text of what counts instead. */
  value: string;
}

/** The fixes of a collection's records, by record id. */
export async function readFixes(
  client: pg.ClientBase,
  batch: { tenantId: string; sourceId: string },
  collection: string,
): Promise<Map<string, Fix[]>> {
  const { rows } = await client.query<Fix & { recordId: string }>(
    `select record_id as "recordId", field, original, value::text
     from imports.fixes where tenant_id = $1 and source_id = $2 and collection = $3 order by id`,
    [batch.tenantId, batch.sourceId, collection],
  );
  const fixes = new Map<string, Fix[]>();
  for (const { recordId, ...fix } of rows) fixes.set(recordId, [...(fixes.get(recordId) ?? []), fix]);
  return fixes;
}

/**
 * Decodes a record with its fixes laid over it. A fix whose cell says something else by now is passed over: the source has moved on.
 *
 * @param cellsIn where the record keeps its cells
 * @returns what was decoded, and the text that it was decoded from where that is not the source's own
 */
export function decodeFixed(
  decode: Decoder,
  recordId: string,
  text: string,
  cellsIn: string,
  fixes: Fix[],
): { decoded: DecodedRecord; fixedText: string | null } {
  let fixedText = text;
  const applied: { fix: Fix; original: string }[] = [];
  for (const fix of fixes) {
    const original = cellText(text, cellsIn, fix.field);
    if (fix.original !== null && !isDeepStrictEqual(parseExact(fix.original), parseExact(original))) continue;
    fixedText = replaceCell(fixedText, cellsIn, fix);
    applied.push({ fix, original });
  }
  if (applied.length === 0) return { decoded: decode(recordId, text), fixedText: null };
  const decoded = decode(recordId, fixedText);
  for (const { fix, original } of applied) {
    if (decoded.fates.get(fix.field) === "quarantined") continue;
    decoded.fates.set(fix.field, "converted");
    decoded.issues.push({ field: fix.field, column: null, fate: "converted", reason: "fixed_by_hand", original });
  }
  return { decoded, fixedText };
}

function cellText(text: string, cellsIn: string, field: string): string {
  const bytes = Buffer.from(text);
  const cells = memberSpans(bytes).findLast(({ key }) => key === cellsIn)?.value;
  if (cells === undefined) return "null";
  const inner = bytes.subarray(cells.start, cells.end);
  const cell = memberSpans(inner).findLast(({ key }) => key === field)?.value;
  return cell === undefined ? "null" : sliceText(inner, cell);
}

/** Puts the value where the cell stands, or in front of the others where the record has no such cell; every other byte stays. */
function replaceCell(text: string, cellsIn: string, { field, value }: Fix): string {
  const bytes = Buffer.from(text);
  const cells = memberSpans(bytes).findLast(({ key }) => key === cellsIn)?.value;
  if (cells === undefined) {
    const members = text.trimStart().slice(1);
    const comma = members.trimStart().startsWith("}") ? "" : ",";
    return `{${JSON.stringify(cellsIn)}:{${JSON.stringify(field)}:${value}}${comma}${members}`;
  }
  const members = memberSpans(bytes.subarray(cells.start, cells.end));
  const standing = members.filter(({ key }) => key === field);
  if (standing.length === 0) {
    const member = `${JSON.stringify(field)}:${value}${members.length === 0 ? "" : ","}`;
    return splice(bytes, cells.start + 1, cells.start + 1, member).toString("utf8");
  }
  return standing
    .toReversed()
    .reduce<Buffer>((whole, { value: at }) => splice(whole, cells.start + at.start, cells.start + at.end, value), bytes)
    .toString("utf8");
}

function splice(bytes: Buffer, start: number, end: number, text: string): Buffer {
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(text), bytes.subarray(end)]);
}
