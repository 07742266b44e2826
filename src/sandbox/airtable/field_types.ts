import { z } from "zod";
import type { Base, Field } from "./base.ts";
import { primaryField, readRecord } from "./base.ts";

/** How a type of field behaves: what may be written into it, what `typecast` makes of text, and how it reads with `cellFormat=string`. */
export interface FieldType {
  /** Null for a field that Airtable computes, which takes no value. */
  accepts: z.ZodType | null;
  /** The value that text becomes; undefined where it becomes none. */
  cast?: (text: string) => unknown;
  text: (value: unknown, field: Field, base: Base) => string;
}

const plain: FieldType["text"] = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
const joined: FieldType["text"] = (value, field, base) =>
  Array.isArray(value) ? value.map((item) => plainItem(item, field, base)).join(", ") : plainItem(value, field, base);
const plainItem: FieldType["text"] = (value) =>
  typeof value === "object" && value !== null && "name" in value
    ? String(value.name)
    : plain(value, {} as Field, {} as Base);
const number = (text: string) => (/^\s*-?\d+(\.\d+)?\s*$/.test(text) ? Number(text) : undefined);

const collaborator = z.looseObject({ id: z.string().optional(), email: z.string().optional() });
const text: FieldType = { accepts: z.string(), cast: (value) => value, text: plain };
const numeric: FieldType = { accepts: z.number(), cast: number, text: plain };
const computed: FieldType = { accepts: null, text: joined };

/** Every type that Airtable documents, and `manualSort`, which it answers all the same. */
export const fieldTypes: Record<string, FieldType> = {
  aiText: { accepts: null, text: (value) => String((value as { value?: unknown }).value ?? "") },
  autoNumber: computed,
  barcode: {
    accepts: z.looseObject({ text: z.string(), type: z.string().optional() }),
    cast: (value) => ({ text: value }),
    text: (value) => String((value as { text?: unknown }).text ?? ""),
  },
  button: { accepts: null, text: (value) => String((value as { label?: unknown }).label ?? "") },
  checkbox: {
    accepts: z.boolean(),
    cast: (value) => /^(true|checked|yes|1)$/i.test(value),
    text: (value) => (value === true ? "checked" : ""),
  },
  count: computed,
  createdBy: computed,
  createdTime: computed,
  currency: {
    ...numeric,
    text: (value, { options }) => `${options?.symbol ?? "$"}${Number(value).toFixed(options?.precision ?? 2)}`,
  },
  date: { accepts: z.iso.date(), cast: (value) => date(value)?.slice(0, 10), text: plain },
  dateTime: { accepts: z.iso.datetime({ offset: true }), cast: date, text: plain },
  duration: numeric,
  email: text,
  externalSyncSource: computed,
  formula: computed,
  lastModifiedBy: computed,
  lastModifiedTime: computed,
  manualSort: computed,
  multilineText: text,
  multipleAttachments: {
    accepts: z.array(z.union([z.looseObject({ id: z.string() }), z.looseObject({ url: z.string() })])),
    text: (value) =>
      (value as { filename: string; url: string }[]).map(({ filename, url }) => `${filename} (${url})`).join(","),
  },
  multipleCollaborators: { accepts: z.array(collaborator), text: joined },
  multipleLookupValues: computed,
  multipleRecordLinks: {
    accepts: z.array(z.string()),
    cast: (value) => value.split(",").map((item) => item.trim()),
    text: (value, field, base) => (value as string[]).map((id) => nameOf(base, field, id)).join(", "),
  },
  multipleSelects: {
    accepts: z.array(z.string()),
    cast: (value) => value.split(",").map((item) => item.trim()),
    text: joined,
  },
  number: { ...numeric, text: (value, { options }) => Number(value).toFixed(options?.precision ?? 0) },
  percent: { ...numeric, text: (value, { options }) => `${(Number(value) * 100).toFixed(options?.precision ?? 0)}%` },
  phoneNumber: text,
  rating: { accepts: z.number().int().min(1), cast: number, text: plain },
  richText: text,
  rollup: computed,
  singleCollaborator: { accepts: collaborator, text: joined },
  singleLineText: text,
  singleSelect: text,
  url: text,
};

/** The behaviour of a field; a type that is not known is read as it is, and cannot be written. */
export function typeOf(field: Field): FieldType {
  return fieldTypes[field.type] ?? computed;
}

/** A cell as `cellFormat=string` and formulas see it. */
export function cellText(base: Base, field: Field, value: unknown): string {
  return value === undefined || value === null ? "" : typeOf(field).text(value, field, base);
}

/** What a linked record is called: the value of its table's primary field. */
function nameOf(base: Base, field: Field, recordId: string): string {
  const table = base.tables.find(({ id }) => id === field.options?.linkedTableId);
  const primary = table && primaryField(table);
  const value = primary && table && readRecord(table, recordId)?.fields[primary.name];
  return value === undefined ? "" : String(value);
}

function date(value: string): string | undefined {
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
