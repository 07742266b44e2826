import { basename } from "node:path";
import { errorCode, errorMessage, fail } from "../../errors.ts";
import type { AirtableField, AirtableTable } from "./airtable_schema.ts";
import { type CsvRow, readCsv } from "./csv.ts";
import { csvCell, csvTime } from "./csv_cells.ts";

/** A table that was exported as CSV, with what its rows need to know of each other. */
export interface CsvTable {
  file: string;
  table: AirtableTable;
  header: string[];
  /**
   * Whether the rows bring their record ids, in the column of a field whose formula is RECORD_ID(). Without, a row is known by its
   * primary field, as the cells that link to it know it.
   */
  hasRecordIds: boolean;
  /** Record ids by the primary field's value; null where several rows share it. */
  idsByName: Map<string, string | null>;
}

/**
 * Looks through a CSV export once: its columns must be the table's fields, and its rows must be told apart.
 *
 * @throws LandfallError `csv_broken`, `csv_columns_differ` or `csv_unidentified`
 */
export async function openCsvTable(file: string, table: AirtableTable): Promise<CsvTable> {
  let header: string[] | undefined;
  let recordIdAt = -1;
  let nameAt = 0;
  const idsByName = new Map<string, string | null>();
  const ids = new Set<string>();
  for await (const { line, cells } of rowsOf(file)) {
    if (header === undefined) {
      header = cells;
      compareColumns(file, table, header);
      recordIdAt = header.indexOf(table.fields.find(isRecordId)?.name ?? "");
      const primary = table.fields.find(({ id }) => id === table.primaryFieldId)?.name;
      nameAt = Math.max(0, primary === undefined ? 0 : header.indexOf(primary));
      continue;
    }
    if (cells.length !== header.length) {
      broken(file, `line ${line} has ${cells.length} cells, and the first one ${header.length}`);
    }
    const name = cells[nameAt] as string;
    const id = recordIdAt === -1 ? name : (cells[recordIdAt] as string);
    if (id === "" || ids.has(id)) {
      const problem = id === "" ? "has an empty" : "repeats the";
      fail(
        "csv_unidentified",
        `Line ${line} of ${basename(file)} ${problem} ${header[recordIdAt === -1 ? nameAt : recordIdAt]}: its rows cannot be told apart.`,
        "CSV holds no record ids. Add a formula field RECORD_ID() to the table and export it again, or take a snapshot.",
      );
    }
    ids.add(id);
    idsByName.set(name, idsByName.has(name) ? null : id);
  }
  if (header === undefined) return broken(file, "it is empty");
  return { file, table, header, hasRecordIds: recordIdAt !== -1, idsByName };
}

/**
 * The records of a CSV export in the shape of Airtable's API, as JSON text.
 *
 * @param tables every table that is read from CSV, by its id: links are looked up in them
 */
export async function* readCsvTable(csv: CsvTable, tables: Map<string, CsvTable>): AsyncIterable<Buffer> {
  const fields = csv.header.map((name) => csv.table.fields.find((field) => field.name === name));
  const recordIdAt = csv.hasRecordIds ? fields.findIndex(isRecordId) : -1;
  const primary = csv.table.fields.find(({ id }) => id === csv.table.primaryFieldId);
  const nameAt = Math.max(0, primary === undefined ? 0 : csv.header.indexOf(primary.name));
  const createdAt = fields.findIndex((field) => field?.type === "createdTime");
  const resolve = (tableId: string, name: string) => tables.get(tableId)?.idsByName.get(name) ?? null;
  let isHeader = true;
  for await (const { cells } of rowsOf(csv.file)) {
    if (isHeader) {
      isHeader = false;
      continue;
    }
    const members = csv.header.flatMap((name, index) => {
      const value = csvCell(fields[index], cells[index] as string, resolve);
      return value === null ? [] : [`${JSON.stringify(name)}:${value}`];
    });
    const id = cells[recordIdAt === -1 ? nameAt : recordIdAt] as string;
    const created = createdAt === -1 ? null : csvTime(fields[createdAt] as AirtableField, cells[createdAt] as string);
    const time = created === null ? "" : `"createdTime":${JSON.stringify(created)},`;
    yield Buffer.from(`{"id":${JSON.stringify(id)},${time}"fields":{${members.join(",")}}}`);
  }
}

function isRecordId(field: AirtableField | undefined): boolean {
  return field?.type === "formula" && /^\s*RECORD_ID\(\)\s*$/i.test(field.options?.formula ?? "");
}

/** A view may hide fields. What it hides would look empty, so nothing is read before somebody has said that it is meant. */
function compareColumns(file: string, table: AirtableTable, header: string[]): void {
  // A button has nothing to export.
  const expected = table.fields.filter(({ type }) => type !== "button").map(({ name }) => name);
  const missing = expected.filter((name) => !header.includes(name));
  const unknown = header.filter((name) => !table.fields.some((field) => field.name === name));
  if (missing.length + unknown.length === 0) return;
  const problems = [
    ...(missing.length > 0 ? [`lacks ${missing.join(", ")}`] : []),
    ...(unknown.length > 0 ? [`has ${unknown.join(", ")}, which schema.json does not know`] : []),
  ];
  fail(
    "csv_columns_differ",
    `${basename(file)} ${problems.join(" and ")}.`,
    "A CSV holds what its view shows: export a view that hides no field. Where a field is left out on purpose, take it out of schema.json.",
  );
}

async function* rowsOf(file: string): AsyncIterable<CsvRow> {
  try {
    yield* readCsv(file);
  } catch (error) {
    if (!(error instanceof SyntaxError) && errorCode(error) !== "ERR_ENCODING_INVALID_ENCODED_DATA") throw error;
    broken(file, errorMessage(error), error);
  }
}

function broken(file: string, problem: string, cause?: unknown): never {
  return fail(
    "csv_broken",
    `${basename(file)} is no whole CSV export: ${problem}.`,
    "Export the table again: grid view, download CSV.",
    cause,
  );
}
