import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const fieldSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  type: z.string(),
  options: z
    .looseObject({
      choices: z.array(z.looseObject({ id: z.string().optional(), name: z.string() })).optional(),
      linkedTableId: z.string().optional(),
      inverseLinkFieldId: z.string().optional(),
      recordLinkFieldId: z.string().optional(),
      precision: z.number().optional(),
      symbol: z.string().optional(),
    })
    .nullish(),
});

const viewSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  /** The stand-in's own: which records the view shows, and in which order. Airtable's metadata does not tell. */
  filterByFormula: z.string().optional(),
  sort: z.array(z.object({ field: z.string(), direction: z.enum(["asc", "desc"]).optional() })).optional(),
});

const tableSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  primaryFieldId: z.string().optional(),
  fields: z.array(fieldSchema),
  views: z.array(viewSchema).optional(),
});

const schemaFile = z.object({ baseId: z.string(), tables: z.array(tableSchema) });

export type Field = z.infer<typeof fieldSchema>;
export type View = z.infer<typeof viewSchema>;
export type TableSchema = z.infer<typeof tableSchema>;
export type Fields = Record<string, unknown>;

export interface Record_ {
  id: string;
  createdTime: string;
  fields: Fields;
}

export interface Table {
  id: string;
  name: string;
  schema: TableSchema;
  /** Every record as the text that will be sent, by its id. */
  records: Map<string, string>;
  /** When a record was last written to here, by its id. */
  modifiedAt: Map<string, string>;
}

/** A base in memory. */
export interface Base {
  id: string;
  tables: Table[];
  /** The bytes of attachments, by their ids. */
  attachments: Map<string, Buffer>;
}

/** Reads a snapshot folder into memory; what lies in `attachments/<id>` are the bytes of its attachments. */
export async function readBase(folder: string): Promise<Base> {
  const { baseId, tables } = schemaFile.parse(JSON.parse(await readFile(join(folder, "schema.json"), "utf8")));
  return {
    id: baseId,
    tables: await Promise.all(
      tables.map(async (schema) => {
        const text = await readRecords(folder, schema);
        const lines = text.split("\n").filter((line) => line.trim() !== "");
        return {
          id: schema.id,
          name: schema.name,
          schema,
          records: new Map(lines.map((line) => [z.object({ id: z.string() }).parse(JSON.parse(line)).id, line])),
          modifiedAt: new Map<string, string>(),
        };
      }),
    ),
    attachments: await readAttachments(join(folder, "attachments")),
  };
}

/** A record of a table, to be read and changed; `writeRecord` puts it back. */
export function readRecord(table: Table, id: string): Record_ | undefined {
  const text = table.records.get(id);
  if (text === undefined) return undefined;
  const { fields, ...rest } = JSON.parse(text) as Record_;
  return { ...rest, fields: fields ?? {} };
}

/** Keeps a record; empty cells are left out, as Airtable leaves them out. */
export function writeRecord(table: Table, record: Record_): void {
  const fields = Object.fromEntries(Object.entries(record.fields).filter(([, value]) => !isEmpty(value)));
  table.records.set(record.id, JSON.stringify({ id: record.id, createdTime: record.createdTime, fields }));
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === "" || value === false || isEmptyList(value);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** A field by its name or id. */
export function findField(table: Table, nameOrId: string): Field | undefined {
  return table.schema.fields.find(({ id, name }) => name === nameOrId || id === nameOrId);
}

export function primaryField(table: Table): Field | undefined {
  return table.schema.fields.find(({ id }) => id === table.schema.primaryFieldId) ?? table.schema.fields[0];
}

/** By the table's name, or by its id where the name is no file's. */
async function readRecords(folder: string, { id, name }: { id: string; name: string }): Promise<string> {
  const names = await readdir(join(folder, "records"));
  return await readFile(
    join(folder, "records", names.includes(`${name}.ndjson`) ? `${name}.ndjson` : `${id}.ndjson`),
    "utf8",
  );
}

async function readAttachments(folder: string): Promise<Map<string, Buffer>> {
  const names = await readdir(folder).catch(() => []);
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)));
}
