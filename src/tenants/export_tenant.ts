/** Everything that a tenant has, in a folder: rows as PostgreSQL writes them, files, and a manifest that says what there is. */
import { mkdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import type pg from "pg";
import { errorMessage, fail, LandfallError } from "../errors.ts";
import type { FileStore } from "../imports/files/file_store.ts";
import {
  type FolderProblems,
  openGrowingFile,
  syncFolder,
  type WrittenFile,
  writeNewFolder,
  writeWhole,
} from "../new_folder.ts";
import { type Holding, readHoldings } from "./holdings.ts";

export const exportFormat = "landfall-tenant/1";

export interface ExportRequest {
  /** Connected as the owner of the tables. */
  client: pg.Client;
  tenant: { id: string; slug: string; name: string };
  /** The folder to write; it must not be there, or be empty. */
  out: string;
  /** Whether the rows are packed. */
  isPacked: boolean;
  /** Where imports keep files. */
  files: FileStore;
  /** Told how many rows of a table are written. */
  onProgress?: (table: string, rows: number) => void;
}

/** A table of the export; a line of its file is a row, an object by the names of the columns. */
export interface ExportedTable {
  table: string;
  path: string;
  rows: number;
  bytes: number;
  sha256: string;
  /** In the order of the table; secret ones are named and not in the rows. */
  columns: { name: string; type: string; isSecret?: true }[];
}

export interface ExportManifest {
  format: typeof exportFormat;
  tenant: { id: string; slug: string; name: string };
  takenAt: string;
  /** Of the database, by its newest migration. */
  schemaVersion: string;
  postgres: string;
  tables: ExportedTable[];
  files: { path: string; bytes: number; sha256: string }[];
  /** SHA-256 of files that rows speak of and the file store does not have, or not as they should be. */
  missingFiles: string[];
  /** Columns that hold secrets, and how many rows have one. People's passwords and those of SQL logins are not a tenant's, and not here either. */
  secrets: { table: string; column: string; rows: number }[];
}

/** So many bytes are fetched at a time, about, and never more rows than this. */
const chunkBytes = 1 << 21;
const chunkRows = 500;

/** Types that JSON holds as they are; everything else is text, in PostgreSQL's own words. */
const plainTypes = /^(smallint|integer|boolean|jsonb?)$/;

/**
 * Writes a tenant to a folder, as it is at one moment: one transaction reads it all. Memory does not grow with the tenant.
 *
 * @throws LandfallError `export_exists`, `export_unwritable`
 */
export async function exportTenant(request: ExportRequest): Promise<ExportManifest & { folder: string }> {
  const { client, out } = request;
  const { folder, written } = await writeNewFolder(out, exportProblems, async (draft) => {
    await client.query("begin transaction isolation level repeatable read read only");
    try {
      // What the text of a value depends on.
      await client.query(
        `set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres';
         set local bytea_output = 'hex'; set local extra_float_digits = 1; set local statement_timeout = 0`,
      );
      return await writeDraft(request, draft);
    } finally {
      await client.query("rollback");
    }
  });
  return { ...written, folder };
}

/** What to say where an export cannot be written. */
export const exportProblems: FolderProblems = {
  exists: (folder) =>
    fail("export_exists", `${folder} is not empty.`, "Name another folder, or delete that one first."),
  unwritable: (folder, error) =>
    fail(
      "export_unwritable",
      `${basename(folder)} cannot be written to ${dirname(folder)}: ${errorMessage(error)}.`,
      "Check the path given to --out, the space that is left and your rights there.",
      error,
    ),
};

async function writeDraft(request: ExportRequest, draft: string): Promise<ExportManifest> {
  const { client, tenant } = request;
  const { rows } = await client.query<{ takenAt: Date; schemaVersion: string; postgres: string }>(
    `select now() as "takenAt", current_setting('server_version') as postgres,
       (select max(regexp_replace(filename, '\\D.*', '')) from graphile_migrate.migrations) as "schemaVersion"`,
  );
  const { takenAt, schemaVersion, postgres } = rows[0] as { takenAt: Date; schemaVersion: string; postgres: string };
  const manifest: ExportManifest = {
    format: exportFormat,
    tenant,
    takenAt: takenAt.toISOString(),
    schemaVersion,
    postgres,
    tables: [],
    files: [],
    missingFiles: [],
    secrets: [],
  };
  await mkdir(join(draft, "rows"), { mode: 0o700 });
  for (const holding of await readHoldings(client)) {
    manifest.tables.push(await writeTable(request, holding, draft));
    manifest.secrets.push(...(await nameSecrets(client, holding, tenant.id)));
  }
  await writeFiles(request, draft, manifest);
  await writeWhole(draft, "manifest.json", `${JSON.stringify(manifest, null, 2)}\n`);
  await syncFolder(join(draft, "rows"));
  return manifest;
}

async function writeTable(
  { client, tenant, isPacked, onProgress }: ExportRequest,
  { table, condition, columns, key }: Holding,
  draft: string,
): Promise<ExportedTable> {
  const path = `rows/${table}.ndjson${isPacked ? ".gz" : ""}`;
  const file = await openGrowingFile(join(draft, path));
  let rows = 0;
  try {
    const values = columns
      .filter(({ isSecret }) => !isSecret)
      .map(({ name, type }) => (plainTypes.test(type) ? `t.${name}` : `t.${name}::text as ${name}`));
    await client.query(
      `declare export_rows no scroll cursor for
       select row_to_json(r)::text as line
       from (select ${values.join(", ")} from ${table} t where ${condition.replaceAll("$1", literal(tenant.id))}
             order by ${key.map((name) => `t.${name}`).join(", ")}) r`,
    );
    for (let size = 1; ; ) {
      const chunk = (await client.query<{ line: string }>(`fetch ${size} from export_rows`)).rows;
      let bytes = 0;
      for (const { line } of chunk) {
        const text = Buffer.from(`${line}\n`);
        bytes += text.length;
        await file.write(text);
      }
      rows += chunk.length;
      onProgress?.(table, rows);
      if (chunk.length < size) break;
      size = Math.max(1, Math.min(chunkRows, size * 4, Math.floor(chunkBytes / (bytes / chunk.length))));
    }
    await client.query("close export_rows");
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
  return {
    table,
    path,
    rows,
    ...(await file.close()),
    columns: columns.map(({ name, type, isSecret }) => ({ name, type, ...(isSecret ? { isSecret } : {}) })),
  };
}

/** A cursor takes no parameters; an id of ours has no quote in it, and what is none is no uuid. */
function literal(id: string): string {
  return `'${id.replaceAll("'", "''")}'::uuid`;
}

async function nameSecrets(client: pg.Client, { table, condition, columns }: Holding, tenantId: string) {
  const secrets: ExportManifest["secrets"] = [];
  for (const { name } of columns.filter(({ isSecret }) => isSecret)) {
    const { rows } = await client.query<{ count: string }>(`select count(${name}) from ${table} where ${condition}`, [
      tenantId,
    ]);
    const count = Number(rows[0]?.count);
    if (count > 0) secrets.push({ table, column: name, rows: count });
  }
  return secrets;
}

async function writeFiles({ client, tenant, files }: ExportRequest, draft: string, manifest: ExportManifest) {
  const { rows } = await client.query<{ sha256: Buffer }>(
    "select distinct sha256 from imports.attachments where tenant_id = $1 and sha256 is not null order by sha256",
    [tenant.id],
  );
  if (rows.length === 0) return;
  await mkdir(join(draft, "files"), { mode: 0o700 });
  for (const { sha256 } of rows) {
    const name = sha256.toString("hex");
    const path = `files/${name}`;
    const written = await writeFile(await files.read(sha256), join(draft, path));
    if (written === null) manifest.missingFiles.push(name);
    else manifest.files.push({ path, ...written });
  }
  await syncFolder(join(draft, "files"));
}

/** @returns null where there is no such file, or it is damaged */
async function writeFile(body: Readable | null, path: string): Promise<WrittenFile | null> {
  if (body === null) return null;
  const copy = await openGrowingFile(path);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) await copy.write(chunk);
  } catch (error) {
    await copy.close();
    if (!(error instanceof LandfallError && error.reason === "file_damaged")) throw error;
    await rm(path);
    return null;
  }
  return await copy.close();
}
