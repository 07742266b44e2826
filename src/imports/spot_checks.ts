import type pg from "pg";
import { isJsonObject, parseExact } from "./exact_json.ts";

/** One field of a record beside what became of it. */
export interface ComparedField {
  field: string;
  /** JSON text of the cell, cut short where it is long; null where the source gives none. */
  cell: string | null;
  /** The column, or `column.member`. */
  column: string;
  /** JSON text of the value as it stands now, cut short where it is long. */
  value: string | null;
}

/** A record that came in, side by side with its row: for a person's own eyes, where the proof has been over all of them. */
export interface SpotCheck {
  collection: string;
  /** `imports.records.id`: the line of the ledger. */
  ledgerId: string;
  recordId: string;
  table: string;
  rowId: string;
  outcome: string;
  fields: ComparedField[];
}

const perCollection = 2;
const charactersShown = 300;

/**
 * Chooses a few records of every collection, the same ones whenever the report is read, and sets them beside their rows.
 *
 * @param client in a transaction of whoever may see the batch: its rows are read under the policies
 */
export async function readSpotChecks(client: pg.ClientBase, tenantId: string, batchId: string): Promise<SpotCheck[]> {
  const { rows } = await client.query<{ collection: string; id: string; table: string }>(
    `select chosen.id, collection.name as collection, collection.table_name as table
     from imports.collections collection
     cross join lateral (
       select record.id
       from imports.records record
       where record.tenant_id = collection.tenant_id and record.collection_id = collection.id
         and record.outcome in ('inserted', 'updated', 'unchanged')
       order by record.outcome, md5(record.record_id)
       limit ${perCollection}
     ) chosen
     where collection.tenant_id = $1 and collection.batch_id = $2 and collection.table_name is not null
     order by collection.place, chosen.id`,
    [tenantId, batchId],
  );
  const checks: SpotCheck[] = [];
  for (const { id } of rows) {
    const check = await readSpotCheck(client, tenantId, batchId, id);
    if (check !== null) checks.push(check);
  }
  return checks;
}

/**
 * One record and its row.
 *
 * @param ledgerId imports.records.id
 * @returns null where the batch has no such record, or its row is gone
 */
export async function readSpotCheck(
  client: pg.ClientBase,
  tenantId: string,
  batchId: string,
  ledgerId: string,
): Promise<SpotCheck | null> {
  const found = await client.query<Omit<SpotCheck, "fields"> & { collectionId: string; source: string | null }>(
    `select collection.name as collection, collection.id as "collectionId", record.id as "ledgerId", record.record_id as "recordId",
            collection.table_name as table, record.row_id as "rowId", record.outcome, imports.records_source_text(record) as source
     from imports.records record
     join imports.collections collection on collection.tenant_id = record.tenant_id and collection.id = record.collection_id
     where record.tenant_id = $1 and record.batch_id = $2 and record.id::text = $3 and collection.table_name is not null`,
    [tenantId, batchId, ledgerId],
  );
  const record = found.rows[0];
  // The name comes out of the ledger and goes into a statement: it must look like a table's.
  if (record === undefined || !/^[a-z_]+\.[a-z_]+$/.test(record.table)) return null;
  const rows = await client.query<{ row: Record<string, unknown> }>(
    `select to_jsonb(row) as row from ${record.table} row where row.tenant_id = $1 and row.id = $2`,
    [tenantId, record.rowId],
  );
  const row = rows.rows[0]?.row;
  if (row === undefined) return null;
  const fields = await client.query<{ name: string; column: string }>(
    `select name, column_name as column from imports.fields
     where tenant_id = $1 and collection_id = $2 and column_name is not null order by id`,
    [tenantId, record.collectionId],
  );
  const { source, collectionId: _, ...shown } = record;
  const cells = readCells(source);
  return {
    ...shown,
    fields: fields.rows
      .map(({ name, column }) => {
        const [columnName = "", member] = column.split(".");
        const value = row[columnName];
        const own = member === undefined ? value : (value as Record<string, unknown> | null)?.[member];
        return { field: name, cell: shorten(cells[name]), column, value: shorten(own) };
      })
      .filter(({ cell, value }) => cell !== null || value !== null),
  };
}

/** Cells by their names, those beside the others included; nothing where the texts were forgotten or hold no JSON. */
function readCells(source: string | null): Record<string, unknown> {
  try {
    const record = parseExact(source ?? "{}") as Record<string, unknown>;
    const inner = Object.values(record).filter(isJsonObject);
    return Object.assign({}, record, ...inner);
  } catch {
    return {};
  }
}

function shorten(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  const text = JSON.stringify(value);
  return text.length <= charactersShown ? text : `${text.slice(0, charactersShown - 1)}…`;
}
