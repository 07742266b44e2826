/** Everything that a tenant has about a person, in a folder: rows, texts, files, and a manifest. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { fail } from "../errors.ts";
import type { FileStore } from "../imports/files/file_store.ts";
import { openGrowingFile, syncFolder, writeNewFolder, writeWhole } from "../new_folder.ts";
import { exportProblems } from "../tenants/export_tenant.ts";
import type { Subject } from "./person.ts";

export const personFormat = "landfall-person/1";

export interface PersonExportRequest {
  /** Connected as the owner of the tables. */
  client: pg.Client;
  tenant: { id: string; slug: string };
  subject: Subject;
  /** Address of the admin of the tenant at whose word it is done. */
  admin: string;
  /** The folder to write; it must not be there, or be empty. */
  out: string;
  files: FileStore;
}

export interface PersonManifest {
  format: typeof personFormat;
  tenant: string;
  subject: { kind: Subject["kind"]; id: string };
  takenAt: string;
  /** A line of each file is a row, an object by the names of the columns. */
  tables: { table: string; path: string; rows: number; bytes: number; sha256: string }[];
  files: { path: string; bytes: number; sha256: string }[];
  /** SHA-256 of files that rows speak of and the file store does not have. */
  missingFiles: string[];
}

/** A table, and which of its rows are about the person. */
interface Part {
  table: string;
  condition: string;
  values: unknown[];
}

/** What is left out of a row: it is the sign-in's and not the person's. */
const secrets = ["sealed_body"];

/**
 * Writes what there is about a person, as it is at one moment, and the deed into the record.
 *
 * @throws LandfallError `export_exists`, `export_unwritable`, `user_unknown`; what the database raises: LF464 to LF466
 */
export async function exportPerson(request: PersonExportRequest): Promise<PersonManifest & { folder: string }> {
  const { client, tenant, admin, out } = request;
  const { folder, written } = await writeNewFolder(out, exportProblems, async (draft) => {
    await client.query("begin transaction isolation level repeatable read");
    try {
      await client.query("set local timezone = 'UTC'");
      const { rows } = await client.query<{ admin: string }>("select app_private.find_admin($1, $2) as admin", [
        tenant.id,
        admin,
      ]);
      const manifest = await writeDraft(request, draft);
      const counts = {
        rows: manifest.tables.reduce((sum, table) => sum + table.rows, 0),
        files: manifest.files.length,
      };
      await client.query("select app_private.record_deed('person_exported', $1, $2, $3)", [
        tenant.id,
        tenant.slug,
        { ...manifest.subject, admin: rows[0]?.admin, ...counts },
      ]);
      await client.query("commit");
      return manifest;
    } catch (error) {
      await client.query("rollback");
      throw error;
    }
  });
  return { ...written, folder };
}

async function writeDraft(request: PersonExportRequest, draft: string): Promise<PersonManifest> {
  const { client, tenant, subject, files } = request;
  const { id, parts } =
    subject.kind === "contact" ? await aboutContact(request, subject.id) : await aboutUser(request, subject.email);
  const manifest: PersonManifest = {
    format: personFormat,
    tenant: tenant.slug,
    subject: { kind: subject.kind, id },
    takenAt: new Date().toISOString(),
    tables: [],
    files: [],
    missingFiles: [],
  };
  await mkdir(join(draft, "rows"), { mode: 0o700 });
  for (const { table, condition, values } of parts) {
    const { rows } = await client.query<{ line: string }>(
      `select (to_jsonb(t) - $${values.length + 1}::text[])::text as line from ${table} t where ${condition} order by 1`,
      [...values, secrets],
    );
    if (rows.length === 0) continue;
    const path = `rows/${table}.ndjson`;
    const text = rows.map(({ line }) => `${line}\n`).join("");
    manifest.tables.push({ table, path, rows: rows.length, ...(await writeWhole(draft, path, text)) });
  }
  await syncFolder(join(draft, "rows"));
  const hung = parts.find(({ table }) => table === "imports.attachments");
  if (hung !== undefined) await writeFiles(client, files, hung, draft, manifest);
  await writeWhole(draft, "manifest.json", `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

async function aboutContact(
  { client, tenant }: PersonExportRequest,
  id: string,
): Promise<{ id: string; parts: Part[] }> {
  const { rows } = await client.query<{ tables: string[]; ids: string[] }>(
    "select table_names as tables, row_ids as ids from app_private.contact_rows($1, $2)",
    [tenant.id, id],
  );
  const { tables = [], ids = [] } = rows[0] ?? {};
  const own = [...new Set(tables)].sort().map((table) => ({
    table,
    condition: "t.tenant_id = $1 and t.id = any ($2)",
    values: [tenant.id, ids.filter((_, index) => tables[index] === table)],
  }));
  const ofBatches = "t.batch_id in (select b.id from imports.batches b where b.tenant_id = $1) and t.row_id = any ($2)";
  const ledger = ["imports.records", "imports.issues", "imports.attachments", "imports.effects"];
  return {
    id,
    parts: [
      ...own,
      {
        table: "audit.changes",
        condition: "t.tenant_id = $1 and (t.table_name, t.row_id) in (select * from unnest($2::text[], $3::uuid[]))",
        values: [tenant.id, tables, ids],
      },
      ...ledger.map((table) => ({
        table,
        condition: "t.tenant_id = $1 and t.row_id = any ($2)",
        values: [tenant.id, ids],
      })),
      ...["app_private.import_payloads", "app_private.import_before_images"].map((table) => ({
        table,
        condition: ofBatches,
        values: [tenant.id, ids],
      })),
    ],
  };
}

/** Whatever names them by a foreign key is theirs or their deed. */
async function aboutUser(
  { client, tenant }: PersonExportRequest,
  email: string,
): Promise<{ id: string; parts: Part[] }> {
  const { rows: found } = await client.query<{ id: string }>(
    `select u.id from tenancy.users u join tenancy.memberships m on m.user_id = u.id and m.tenant_id = $1
     where u.email = lower(trim($2))`,
    [tenant.id, email],
  );
  const id =
    found[0]?.id ??
    fail(
      "user_unknown",
      `Nobody who belongs to ${tenant.slug} has the address ${email}.`,
      "Give the address that the person signs in with.",
    );
  const { rows } = await client.query<{ table: string; columns: string[] }>(
    `select k.conrelid::regclass::text as table, array_agg(a.attname::text order by a.attname) as columns
     from pg_constraint k
     join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
     join pg_attribute t on t.attrelid = k.conrelid and t.attname = 'tenant_id'
     where k.contype = 'f' and k.confrelid = 'tenancy.users'::regclass and k.connamespace <> 'app_private'::regnamespace
     group by 1 order by 1`,
  );
  const named = rows.map(({ table, columns }) => ({
    table,
    condition: `t.tenant_id = $1 and $2 in (${columns.map((name) => `t.${pg.escapeIdentifier(name)}`).join(", ")})`,
    values: [tenant.id, id],
  }));
  return {
    id,
    parts: [
      { table: "tenancy.users", condition: "t.id = $1", values: [id] },
      ...named,
      { table: "tenancy.client_users", condition: "t.tenant_id = $1 and t.user_id = $2", values: [tenant.id, id] },
      { table: "audit.changes", condition: "t.tenant_id = $1 and t.user_id = $2", values: [tenant.id, id] },
      { table: "app_private.mails", condition: "t.user_id = $1", values: [id] },
    ],
  };
}

async function writeFiles(
  client: pg.Client,
  files: FileStore,
  { condition, values }: Part,
  draft: string,
  manifest: PersonManifest,
): Promise<void> {
  const { rows } = await client.query<{ sha256: Buffer }>(
    `select distinct t.sha256 from imports.attachments t where ${condition} and t.sha256 is not null order by 1`,
    values,
  );
  if (rows.length === 0) return;
  await mkdir(join(draft, "files"), { mode: 0o700 });
  for (const { sha256 } of rows) {
    const name = sha256.toString("hex");
    const body = await files.read(sha256);
    if (body === null) {
      manifest.missingFiles.push(name);
      continue;
    }
    const path = `files/${name}`;
    const copy = await openGrowingFile(join(draft, path));
    for await (const chunk of body as AsyncIterable<Buffer>) await copy.write(chunk);
    manifest.files.push({ path, ...(await copy.close()) });
  }
  await syncFolder(join(draft, "files"));
}
