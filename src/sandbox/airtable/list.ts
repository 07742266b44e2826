import { z } from "zod";
import { type Answer, refuse } from "./answers.ts";
import { type Base, type Field, type Fields, findField, type Record_, readRecord, type Table } from "./base.ts";
import { cellText } from "./field_types.ts";
import { compare, FormulaError, parseFormula, type Value } from "./formula.ts";

const whole = z.coerce.number().int();
const sortSchema = z.array(z.object({ field: z.string(), direction: z.enum(["asc", "desc"]).optional() }));

/** What a list may be asked for; in the query of a GET and in the body of a POST to listRecords alike. */
export const listSchema = z.looseObject({
  pageSize: whole.min(1).max(100).default(100),
  maxRecords: whole.min(1).optional(),
  offset: z.string().optional(),
  view: z.string().optional(),
  fields: z.array(z.string()).optional(),
  sort: sortSchema.optional(),
  filterByFormula: z.string().optional(),
  cellFormat: z.enum(["json", "string"]).default("json"),
  timeZone: z.string().optional(),
  userLocale: z.string().optional(),
  returnFieldsByFieldId: z.union([z.boolean(), z.stringbool()]).default(false),
  recordMetadata: z.array(z.literal("commentCount")).optional(),
});

export type ListRequest = z.infer<typeof listSchema>;

/** The parameters of a query: `fields[]=A`, `fields[0]=A` and `sort[0][field]=A` are lists. */
export function readQuery(query: URLSearchParams): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  for (const [name, value] of query) {
    const [, list, index, member] = /^(\w+)\[(\d*)\](?:\[(\w+)\])?$/.exec(name) ?? [];
    if (list === undefined) {
      read[name] = value;
      continue;
    }
    read[list] ??= [];
    const items = read[list] as unknown[];
    const place = index === "" ? items.length : Number(index);
    if (member === undefined) items[place] = value;
    else items[place] = { ...(items[place] as object | undefined), [member]: value };
  }
  return read;
}

/** A list that is being read: the order is frozen with its first page, the values are read as they are. */
export interface Iterator {
  tableId: string;
  recordIds: string[];
  touchedAt: number;
}

/** The records that a request asks for, in their order. */
export function selectRecords(base: Base, table: Table, request: ListRequest): string[] {
  const view = request.view === undefined ? undefined : findView(table, request.view);
  let ids = [...table.records.keys()];
  for (const formula of [view?.filterByFormula, request.filterByFormula]) {
    if (formula) ids = filterRecords(base, table, ids, formula);
  }
  const sort = request.sort ?? view?.sort ?? [];
  if (sort.length > 0) ids = sortRecords(base, table, ids, sort);
  return request.maxRecords === undefined ? ids : ids.slice(0, request.maxRecords);
}

/**
 * A page's records as JSON text. What nothing asks to be changed goes out byte for byte as it is kept.
 *
 * @param finish changes a record on its way out: fresh addresses of attachments
 */
export function renderRecord(
  base: Base,
  table: Table,
  id: string,
  request: ListRequest,
  finish: ((record: Record_) => Record_) | null,
): string | undefined {
  const text = table.records.get(id);
  const isAsKept =
    request.fields === undefined &&
    request.cellFormat === "json" &&
    !request.returnFieldsByFieldId &&
    request.recordMetadata === undefined &&
    finish === null;
  if (text === undefined || isAsKept) return text;
  const record = readRecord(table, id) as Record_;
  const { fields, ...rest } = finish === null ? record : finish(record);
  const comments = request.recordMetadata === undefined ? {} : { commentCount: 0 };
  return JSON.stringify({ ...rest, ...comments, fields: renderFields(base, table, fields, request) });
}

function renderFields(base: Base, table: Table, fields: Fields, request: ListRequest): Fields {
  const wanted = request.fields?.map((name) => requireField(table, name).name);
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => {
      if (wanted !== undefined && !wanted.includes(name)) return [];
      const field = findField(table, name);
      const key = request.returnFieldsByFieldId ? (field?.id ?? name) : name;
      return [[key, request.cellFormat === "string" && field !== undefined ? cellText(base, field, value) : value]];
    }),
  );
}

/** Checks a request; what Airtable refuses is refused in its words. */
export function checkList(table: Table, input: unknown): ListRequest {
  const parsed = listSchema.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse(
      422,
      "INVALID_REQUEST_UNKNOWN",
      `Invalid request: parameter validation failed. Check your request data. (${issue?.path.join(".")})`,
    );
  }
  const request = parsed.data;
  if (request.cellFormat === "string" && (request.timeZone === undefined || request.userLocale === undefined)) {
    refuse(422, "INVALID_REQUEST_UNKNOWN", "timeZone and userLocale are required when cellFormat is string");
  }
  for (const name of request.fields ?? []) requireField(table, name);
  for (const { field } of request.sort ?? []) requireField(table, field);
  return request;
}

export function requireField(table: Table, nameOrId: string): Field {
  return findField(table, nameOrId) ?? refuse(422, "UNKNOWN_FIELD_NAME", `Unknown field name: "${nameOrId}"`);
}

function findView(table: Table, nameOrId: string) {
  return (
    table.schema.views?.find(({ id, name }) => id === nameOrId || name === nameOrId) ??
    refuse(422, "VIEW_NAME_NOT_FOUND", `View name "${nameOrId}" not found`)
  );
}

function filterRecords(base: Base, table: Table, ids: string[], formula: string): string[] {
  try {
    const passes = parseFormula(formula);
    return ids.filter((id) => {
      const record = readRecord(table, id) as Record_;
      return passes({
        recordId: id,
        createdTime: record.createdTime,
        lastModifiedTime: table.modifiedAt.get(id) ?? record.createdTime,
        field: (name) => {
          const field = findField(table, name);
          if (field === undefined) throw new FormulaError(`Unknown field names: ${name.toLowerCase()}`);
          return formulaValue(base, field, record.fields[field.name]);
        },
      });
    });
  } catch (error) {
    if (!(error instanceof FormulaError)) throw error;
    return refuse(422, "INVALID_FILTER_BY_FORMULA", `The formula for filtering records is invalid: ${error.message}`);
  }
}

function sortRecords(base: Base, table: Table, ids: string[], sort: z.infer<typeof sortSchema>): string[] {
  const keyed = ids.map((id) => {
    const record = readRecord(table, id) as Record_;
    return {
      id,
      keys: sort.map(({ field: name }) => {
        const field = requireField(table, name);
        return formulaValue(base, field, record.fields[field.name]);
      }),
    };
  });
  keyed.sort((one, other) => {
    for (const [index, { direction }] of sort.entries()) {
      const order = compare(one.keys[index] ?? null, other.keys[index] ?? null);
      if (order !== 0) return direction === "desc" ? -order : order;
    }
    return 0;
  });
  return keyed.map(({ id }) => id);
}

/** A cell as formulas see it: numbers and truth as they are, everything else as its text. A link is the names it points to. */
function formulaValue(base: Base, field: Field, value: unknown): Value {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" || typeof value === "boolean") return value;
  return cellText(base, field, value);
}

/** One page of an iterator, and the offset of the next. */
export function renderPage(
  base: Base,
  table: Table,
  { iteratorId, iterator, start }: { iteratorId: string; iterator: Iterator; start: number },
  request: ListRequest,
  finish: ((record: Record_) => Record_) | null,
): Answer {
  const ids = iterator.recordIds.slice(start, start + request.pageSize);
  const records = ids.flatMap((id) => renderRecord(base, table, id, request, finish) ?? []);
  const next = iterator.recordIds[start + request.pageSize];
  const offset = next === undefined ? "" : `,"offset":${JSON.stringify(`${iteratorId}/${next}`)}`;
  return { status: 200, body: `{"records":[${records.join(",")}]${offset}}` };
}
