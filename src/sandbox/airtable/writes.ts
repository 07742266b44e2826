import { randomBytes } from "node:crypto";
import { z } from "zod";
import { refuse } from "./answers.ts";
import {
  type Base,
  type Field,
  type Fields,
  findField,
  primaryField,
  type Record_,
  readRecord,
  type Table,
  writeRecord,
} from "./base.ts";
import { cellText, typeOf } from "./field_types.ts";
import { requireField } from "./list.ts";

const fieldsSchema = z.record(z.string(), z.unknown());
const optionsSchema = z.looseObject({
  typecast: z.boolean().default(false),
  returnFieldsByFieldId: z.boolean().default(false),
});
const oneSchema = optionsSchema.extend({ fields: fieldsSchema });
const manySchema = optionsSchema.extend({
  records: z.array(z.looseObject({ id: z.string().optional(), fields: fieldsSchema })).min(1),
  performUpsert: z.object({ fieldsToMergeOn: z.array(z.string()).min(1).max(3) }).optional(),
});

/** Airtable takes this many records with one request. */
const recordsPerRequest = 10;

export interface WriteContext {
  base: Base;
  table: Table;
  now: () => number;
}

/** What a write answers: the records as they are now; with an upsert, which of them are new. */
export interface Written {
  records: Record_[];
  isSingle: boolean;
  returnFieldsByFieldId: boolean;
  createdRecords?: string[];
  updatedRecords?: string[];
}

/** `POST`: new records. */
export function createRecords(context: WriteContext, body: unknown): Written {
  const { records, isSingle, options } = readBody(body);
  const checked = records.map(({ fields }) => checkFields(context, fields, options.typecast));
  return {
    records: checked.map((fields) => insert(context, fields)),
    isSingle,
    returnFieldsByFieldId: options.returnFieldsByFieldId,
  };
}

/**
 * `PATCH` and `PUT`: changed records.
 *
 * @param recordId the record of a single update
 * @param isReplacing whether fields that are not named are cleared
 */
export function updateRecords(
  context: WriteContext,
  body: unknown,
  recordId: string | undefined,
  isReplacing: boolean,
): Written {
  const { records, options, upsertOn } = readBody(body);
  const { table } = context;
  const checked = records.map((record) => ({
    id: recordId ?? record.id,
    fields: checkFields(context, record.fields, options.typecast),
  }));
  const targets = checked.map(({ id, fields }) => ({ id: id ?? findToMerge(context, fields, upsertOn), fields }));
  for (const { id } of targets) {
    if (id === null && upsertOn !== undefined) continue;
    if (id === null) refuse(422, "INVALID_REQUEST_UNKNOWN", "Invalid request: each record must have an id.");
    if (!table.records.has(id)) refuseRecord(id, recordId !== undefined);
  }
  const created: string[] = [];
  const updated: string[] = [];
  const written = targets.map(({ id, fields }) => {
    const record = id === null ? insert(context, fields) : change(context, id, fields, isReplacing);
    (id === null ? created : updated).push(record.id);
    return record;
  });
  return {
    // A later record of the same request may have changed an earlier one through a link.
    records: written.map(({ id }) => readRecord(table, id) as Record_),
    isSingle: recordId !== undefined,
    returnFieldsByFieldId: options.returnFieldsByFieldId,
    ...(upsertOn === undefined ? {} : { createdRecords: created, updatedRecords: updated }),
  };
}

/** `DELETE`: records that go, and the links to them. */
export function deleteRecords({ base, table, now }: WriteContext, ids: string[], isSingle: boolean): void {
  if (ids.length > recordsPerRequest) refuseTooMany();
  for (const id of ids) if (!table.records.has(id)) refuseRecord(id, isSingle);
  for (const id of ids) {
    const record = readRecord(table, id) as Record_;
    for (const field of table.schema.fields.filter(({ type }) => type === "multipleRecordLinks")) {
      mirrorLinks({ base, table, now }, field, id, asIds(record.fields[field.name]), []);
    }
    table.records.delete(id);
    for (const other of base.tables) removeLinks(other, table.id, id);
  }
}

function readBody(body: unknown): {
  records: { id?: string; fields: Fields }[];
  isSingle: boolean;
  options: z.infer<typeof optionsSchema>;
  upsertOn?: string[];
} {
  const many = manySchema.safeParse(body);
  if (many.success) {
    if (many.data.records.length > recordsPerRequest) refuseTooMany();
    const upsertOn = many.data.performUpsert?.fieldsToMergeOn;
    return { records: many.data.records, isSingle: false, options: many.data, ...(upsertOn ? { upsertOn } : {}) };
  }
  const one = oneSchema.safeParse(body);
  if (one.success) return { records: [{ fields: one.data.fields }], isSingle: true, options: one.data };
  return refuse(422, "INVALID_REQUEST_MISSING_FIELDS", 'Could not find field "fields" in the request body');
}

function refuseTooMany(): never {
  return refuse(422, "INVALID_REQUEST_UNKNOWN", "Invalid request: only 10 records may be written with one request.");
}

function refuseRecord(id: string, isSingle: boolean): never {
  return isSingle ? refuse(404, "NOT_FOUND") : refuse(422, "ROW_DOES_NOT_EXIST", `Record ID ${id} does not exist`);
}

/** The cells by their fields' names, each as it will be kept. */
function checkFields(context: WriteContext, fields: Fields, isTypecast: boolean): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const field = requireField(context.table, name);
      return [field.name, value === null ? null : checkCell(context, field, value, isTypecast)];
    }),
  );
}

function checkCell(context: WriteContext, field: Field, value: unknown, isTypecast: boolean): unknown {
  const { accepts, cast } = typeOf(field);
  if (accepts === null) {
    refuse(
      422,
      "INVALID_VALUE_FOR_COLUMN",
      `Field "${field.name}" cannot accept a value because the field is computed`,
    );
  }
  const given = isTypecast && typeof value === "string" && !accepts.safeParse(value).success ? cast?.(value) : value;
  if (given === undefined || !accepts.safeParse(given).success) {
    if (field.type === "multipleAttachments") refuseAttachments();
    refuse(422, "INVALID_VALUE_FOR_COLUMN", `Field "${field.name}" cannot accept the provided value`);
  }
  switch (field.type) {
    case "singleSelect":
      return given === "" ? null : checkOption(field, given as string, isTypecast);
    case "multipleSelects":
      return (given as string[]).map((name) => checkOption(field, name, isTypecast));
    case "multipleRecordLinks":
      return (given as string[]).map((id) => checkLink(context, field, id, isTypecast));
    case "multipleAttachments":
      return (given as Fields[]).map((attachment) => checkAttachment(attachment));
    case "dateTime":
      return new Date(given as string).toISOString();
    default:
      return given;
  }
}

function checkOption(field: Field, name: string, isTypecast: boolean): string {
  const choices = field.options?.choices ?? [];
  if (choices.some((choice) => choice.name === name)) return name;
  if (!isTypecast) {
    refuse(
      422,
      "INVALID_MULTIPLE_CHOICE_OPTIONS",
      `Insufficient permissions to create new select option "${JSON.stringify(name)}"`,
    );
  }
  field.options = { ...field.options, choices: [...choices, { id: makeId("sel"), name, color: "blueLight2" }] };
  return name;
}

function checkLink(context: WriteContext, field: Field, id: string, isTypecast: boolean): string {
  const table = context.base.tables.find((candidate) => candidate.id === field.options?.linkedTableId);
  if (table?.records.has(id)) return id;
  const primary = table && primaryField(table);
  if (!isTypecast || table === undefined || primary === undefined) {
    return refuse(422, "ROW_DOES_NOT_EXIST", `Record ID ${id} does not exist`);
  }
  const found = [...table.records.keys()].find((key) => readRecord(table, key)?.fields[primary.name] === id);
  return found ?? insert({ ...context, table }, { [primary.name]: id }).id;
}

function checkAttachment(attachment: Fields): Fields {
  if (typeof attachment.id === "string") return attachment;
  const address = String(attachment.url);
  if (!URL.canParse(address)) refuseAttachments();
  const filename =
    attachment.filename ?? (decodeURIComponent(new URL(address).pathname.split("/").at(-1) ?? "") || "file");
  return { id: makeId("att"), url: address, filename, size: 0, type: "application/octet-stream" };
}

function refuseAttachments(): never {
  return refuse(
    422,
    "ATTACHMENTS_FAILED_UPLOADING",
    "One or more attachments have failed to upload. Check that the URLs are publicly accessible and that the files are no larger than 5GB.",
  );
}

function insert(context: WriteContext, fields: Fields): Record_ {
  const { table, now } = context;
  const createdTime = new Date(now()).toISOString();
  const record: Record_ = { id: makeId("rec"), createdTime, fields: {} };
  for (const field of table.schema.fields) {
    if (field.type === "autoNumber") record.fields[field.name] = nextNumber(table, field);
    if (field.type === "createdTime") record.fields[field.name] = createdTime;
  }
  writeRecord(table, record);
  return change(context, record.id, fields, false);
}

function change(context: WriteContext, id: string, fields: Fields, isReplacing: boolean): Record_ {
  const { table, now } = context;
  const record = readRecord(table, id) as Record_;
  const cleared = isReplacing
    ? table.schema.fields.filter((field) => typeOf(field).accepts !== null).map(({ name }) => [name, null] as const)
    : [];
  const changes: Fields = { ...Object.fromEntries(cleared), ...fields };
  for (const [name, value] of Object.entries(changes)) {
    const field = findField(table, name) as Field;
    const before = asIds(record.fields[name]);
    record.fields[name] = value;
    if (field.type === "multipleRecordLinks") mirrorLinks(context, field, id, before, asIds(value));
  }
  const at = new Date(now()).toISOString();
  table.modifiedAt.set(id, at);
  for (const field of table.schema.fields) {
    if (field.type === "lastModifiedTime") record.fields[field.name] = at;
    const counted =
      field.type === "count" && table.schema.fields.find((link) => link.id === field.options?.recordLinkFieldId);
    if (counted) record.fields[field.name] = asIds(record.fields[counted.name]).length;
  }
  // A link to itself has been mirrored into the very record.
  const mirrored = readRecord(table, id) as Record_;
  for (const field of table.schema.fields) {
    const isMirror = field.options?.linkedTableId === table.id && !(field.name in changes);
    if (isMirror) record.fields[field.name] = mirrored.fields[field.name];
  }
  writeRecord(table, record);
  return readRecord(table, id) as Record_;
}

/** The other side of a link follows. */
function mirrorLinks({ base }: WriteContext, field: Field, id: string, before: string[], after: string[]): void {
  const other = base.tables.find((table) => table.id === field.options?.linkedTableId);
  const inverse = other?.schema.fields.find((candidate) => candidate.id === field.options?.inverseLinkFieldId);
  if (other === undefined || inverse === undefined) return;
  for (const target of new Set([...before, ...after])) {
    const record = readRecord(other, target);
    if (record === undefined) continue;
    const links = asIds(record.fields[inverse.name]).filter((link) => link !== id);
    record.fields[inverse.name] = after.includes(target) ? [...links, id] : links;
    writeRecord(other, record);
  }
}

function removeLinks(table: Table, linkedTableId: string, id: string): void {
  const links = table.schema.fields.filter(
    ({ type, options }) => type === "multipleRecordLinks" && options?.linkedTableId === linkedTableId,
  );
  for (const [key, text] of links.length === 0 ? [] : table.records) {
    if (!text.includes(id)) continue;
    const record = readRecord(table, key) as Record_;
    for (const { name } of links) record.fields[name] = asIds(record.fields[name]).filter((link) => link !== id);
    writeRecord(table, record);
  }
}

/** @returns null where no record has these values; more than one is refused */
function findToMerge({ base, table }: WriteContext, fields: Fields, upsertOn: string[] | undefined): string | null {
  if (upsertOn === undefined) return null;
  const keys = upsertOn.map((name) => requireField(table, name));
  const matches = [...table.records.keys()].filter((id) => {
    const record = readRecord(table, id) as Record_;
    return keys.every((key) => cellText(base, key, record.fields[key.name]) === cellText(base, key, fields[key.name]));
  });
  if (matches.length > 1) {
    refuse(422, "INVALID_RECORDS", "Cannot upsert: more than one record matches the fields to merge on.");
  }
  return matches[0] ?? null;
}

function nextNumber(table: Table, field: Field): number {
  const numbers = [...table.records.keys()].map((id) => Number(readRecord(table, id)?.fields[field.name] ?? 0));
  return Math.max(0, ...numbers) + 1;
}

function asIds(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

function makeId(prefix: string): string {
  return prefix + randomBytes(7).toString("hex");
}
