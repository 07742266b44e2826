import type { AirtableField } from "./airtable_schema.ts";
import { splitCell } from "./csv.ts";

/**
 * What a cell of Airtable's CSV export says, as JSON text in the shape of its API. A CSV shows what the view shows; where that is not
 * plainly one value, the text stays as it is, and the mapping's codec sends it into quarantine. Nothing is guessed.
 *
 * @param resolve a linked record's id by its name; null where no record, or more than one, has it
 * @returns null for an empty cell, which the API leaves out too
 */
export function csvCell(
  field: AirtableField | undefined,
  cell: string,
  resolve: (tableId: string, name: string) => string | null,
): string | null {
  if (cell === "") return null;
  const asText = JSON.stringify(cell);
  const options = field?.options ?? {};
  switch (field?.type) {
    case "number":
    case "count":
    case "rating":
    case "autoNumber":
      return plainNumber(cell) ?? asText;
    case "currency":
      return plainNumber(cell.replace(options.symbol ?? "$", "")) ?? asText;
    case "percent":
      return cell.endsWith("%") ? (hundredth(plainNumber(cell.slice(0, -1))) ?? asText) : asText;
    case "duration":
      return seconds(cell) ?? asText;
    case "checkbox":
      return cell === "checked" ? "true" : asText;
    case "date":
      return text(readDate(cell, options.dateFormat?.name)) ?? asText;
    case "dateTime":
      return text(readTime(cell, options)) ?? asText;
    case "createdTime":
    case "lastModifiedTime":
      return text(readTime(cell, options.result?.options ?? {})) ?? asText;
    case "multipleSelects":
      return JSON.stringify(splitCell(cell));
    case "multipleRecordLinks":
      return JSON.stringify(splitCell(cell).map((name) => resolve(options.linkedTableId ?? "", name) ?? name));
    case "multipleAttachments":
      return attachments(cell) ?? asText;
    case "singleCollaborator":
    case "createdBy":
    case "lastModifiedBy":
      return JSON.stringify({ name: cell });
    case "multipleCollaborators":
      return JSON.stringify(splitCell(cell).map((name) => ({ name })));
    default:
      return asText;
  }
}

/** The moment that a cell of a time field shows, where its format and UTC make it one moment. */
export function csvTime(field: AirtableField, cell: string): string | null {
  return readTime(cell, field.options?.result?.options ?? {});
}

const text = (value: string | null) => (value === null ? null : JSON.stringify(value));

/** A decimal number's own digits, without separators of thousands. */
function plainNumber(cell: string): string | null {
  const grouped = /^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(cell) ? cell.replaceAll(",", "") : cell;
  return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(grouped) ? grouped : null;
}

/** Moves the point by two digits, so that no digit is lost. */
function hundredth(number: string | null): string | null {
  if (number === null) return null;
  const [, sign = "", whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(number) ?? [];
  const digits = whole.padStart(3, "0");
  const moved = `${digits.slice(0, -2)}.${digits.slice(-2)}${fraction}`.replace(/\.?0+$/, "");
  return sign + moved.replace(/^0+(?=\d)/, "");
}

/** `1:30` is hours and minutes, `1:30:15.5` has seconds too. */
function seconds(cell: string): string | null {
  const parts = /^(-?)(\d+):([0-5]\d)(?::([0-5]\d)(\.\d+)?)?$/.exec(cell);
  if (parts === null) return null;
  const [, sign, hours, minutes, rest = "0", fraction = ""] = parts;
  return `${sign}${Number(hours) * 3_600 + Number(minutes) * 60 + Number(rest)}${fraction}`;
}

function readDate(cell: string, format: string | undefined): string | null {
  const [, first = "", second = "", third = ""] = /^(\d+)[-/](\d+)[-/](\d+)$/.exec(cell) ?? [];
  const order = { iso: [first, second, third], us: [third, first, second], european: [third, second, first] };
  const [year = "", month = "", day = ""] = order[format as keyof typeof order] ?? [];
  const date = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  return /^\d{4}-\d{2}-\d{2}$/.test(date) ? date : null;
}

/** Only a field that is shown in UTC shows a moment; everywhere else the hour depends on who exported it. */
function readTime(cell: string, options: NonNullable<AirtableField["options"]>): string | null {
  if (options.timeZone !== "utc") return null;
  const [, date = "", hour = "", minute = "", half = ""] = /^(\S+)\s+(\d{1,2}):(\d{2})\s*([ap]m)?$/i.exec(cell) ?? [];
  const day = readDate(date, options.dateFormat?.name);
  if (day === null) return null;
  const hours = half === "" ? Number(hour) : (Number(hour) % 12) + (half.toLowerCase() === "pm" ? 12 : 0);
  return hours > 23 ? null : `${day}T${String(hours).padStart(2, "0")}:${minute}:00.000Z`;
}

/** `plan.pdf (https://…)`, separated by commas. */
function attachments(cell: string): string | null {
  const items = [...cell.matchAll(/(?:^|,)\s*(.+?) \((https?:\/\/[^\s)]+)\)(?=,|$)/g)];
  const length = items.reduce((sum, [whole]) => sum + whole.length, 0);
  return length === cell.length ? JSON.stringify(items.map(([, filename, url]) => ({ filename, url }))) : null;
}
