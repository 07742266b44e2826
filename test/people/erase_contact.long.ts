/** A contact leaves: nothing that was known about them is left anywhere, the sums stand, and the next import does not bring them back. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import pg from "pg";
import type { FileStore } from "../../src/imports/files/file_store.ts";
import { openFolderStore } from "../../src/imports/files/folder_store.ts";
import { proveAgain } from "../../src/imports/prove_again.ts";
import { runImport } from "../../src/imports/run_import.ts";
import { erasePerson } from "../../src/people/erase_person.ts";
import { exportPerson, type PersonManifest } from "../../src/people/export_person.ts";
import { copySample, type Importing, prepareImporting, type SampleRecord } from "../imports/importing.ts";
import { addPerson, openLogins, type Person } from "../support/people.ts";

const canary = "zzcanary";
const record = "recjZfBJccIT6yHMt";
const admin = "admin@harbour.test";

let importing: Importing;
let sample: Awaited<ReturnType<typeof copySample>>;
let owner: pg.Client;
let folder: string;
let files: FileStore;
let contactId: string;
let batchIds: string[];
let ownFile: Buffer;
let sharedFile: Buffer;
/** Entries of the record of changes that are about others. */
let recordedOfOthers: string[];

const subject = () => ({ kind: "contact", id: contactId }) as const;
const query = <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
  importing.database.query<Row>(sql, values);

beforeAll(async () => {
  importing = await prepareImporting("leadgen");
  sample = await copySample("leadgen");
  const mark = (table: string, changes: (fields: Record<string, unknown>) => Record<string, unknown>) =>
    sample.change(table, (records) => {
      for (const { id, fields } of records) {
        const isTheirs = id === record || JSON.stringify(fields).includes(record);
        if (isTheirs) Object.assign(fields, changes(fields));
      }
    });
  await mark("Contacts", () => ({
    "Full Name": `Daan ${canary}`,
    "Email Address": `${canary}@daan.example`,
    "Person Summary": `${canary} summary`,
    Notes: `${canary} notes`,
  }));
  await mark("Messages", () => ({ body: `Dear ${canary}` }));
  await mark("Activity", () => ({ external_id: `${canary}-${Math.random()}` }));
  await mark("research_directory", () => ({ research_data: `${canary} research` }));
  const alone = (fields: Record<string, unknown>, list: string) => (fields[list] as string[] | undefined)?.length === 1;
  await mark("Tasks", (fields) => (alone(fields, "Contacts") ? { "Task Name": `Call ${canary}` } : {}));
  await mark("CRM Events", (fields) => (alone(fields, "Participants") ? { Summary: `${canary} came` } : {}));
  await sample.change("audit_log", (records) => [
    ...records,
    {
      ...(records[0] as SampleRecord),
      id: "recCanaryHistory1",
      fields: { ...records[0]?.fields, entity_id: record, old_value: canary },
    },
  ]);
  batchIds = [(await importing.run(sample.folder)).batchId];
  // A second one, which keeps what the row was before.
  await mark("Contacts", () => ({ "Phone Number": `+31 ${canary}` }));
  batchIds.push((await importing.run(sample.folder)).batchId);
  const [row] = await query<{ id: string }>("select id from leadgen.contacts where email like $1", [`${canary}%`]);
  contactId = row?.id ?? "";

  const logins = openLogins(importing.database);
  const person = await addPerson(importing.database, importing.tenantId, admin, "admin");
  await addPerson(importing.database, importing.tenantId, "editor@harbour.test", "editor");
  await workOnThem((sql, values) => logins.speak(person, sql, values), person);
  await logins.close();

  folder = await mkdtemp(join(tmpdir(), "landfall-person-"));
  files = openFolderStore(join(folder, "files"));
  const put = async (text: string) => (await files.put(Readable.from([Buffer.from(text)]), () => undefined)).sha256;
  [ownFile, sharedFile] = [await put(`${canary} picture`), await put("a picture of two")];
  const other = await idOf("Astrid Lunde");
  await hang(contactId, ownFile, `${canary}.png`);
  await hang(contactId, sharedFile, "two.png");
  await hang(other, sharedFile, "two.png");
  const recorded = await query<{ id: string }>(
    `select c.id from audit.changes c
     where c.changes is not null and c::text !~ $2 and not exists (
       select from app_private.contact_rows($3, $1) t where c.row_id = any (t.row_ids)
     )`,
    [contactId, canary, importing.tenantId],
  );
  recordedOfOthers = recorded.map(({ id }) => id);
  owner = new pg.Client({ connectionString: importing.database.urls.owner });
  await owner.connect();
});

afterAll(async () => {
  await owner.end();
  await rm(folder, { recursive: true, force: true });
  await sample.remove();
  await importing.close();
});

async function idOf(name: string): Promise<string> {
  const [row] = await query<{ id: string }>("select id from leadgen.contacts where full_name = $1", [name]);
  return row?.id ?? "";
}

/** What people do with a contact, so that the record of changes is full of them. */
async function workOnThem(
  speak: (sql: string, values: unknown[]) => Promise<unknown>,
  { userId }: Person,
): Promise<void> {
  await speak("update leadgen.contacts set notes = $2 where id = $1", [contactId, `${canary} called`]);
  await speak("update leadgen.contacts set notes = $2 where id = $1", [contactId, "called"]);
  await speak("insert into leadgen.activities (contact_id, name, detail) values ($1, 'noted', $2)", [
    contactId,
    canary,
  ]);
  await speak("delete from leadgen.activities where contact_id = $1 and name = 'noted'", [contactId]);
  await query("update leadgen.contacts set duplicity_detail = $1 where full_name = 'Astrid Lunde'", [
    `Looks like Daan ${canary}.`,
  ]);
  await query(
    `insert into app_private.idempotency_keys (tenant_id, user_id, key, request_hash, results, answer)
     values ($1, $2, 'once', '\\x00', '[]', $3)`,
    [importing.tenantId, userId, `{"fullName": "Daan ${canary}"}`],
  );
}

async function hang(rowId: string, sha256: Buffer, name: string): Promise<void> {
  await query(
    `insert into imports.attachments (tenant_id, batch_id, collection_id, row_id, record_id, field, file_id, file_name, byte_size, sha256)
     select r.tenant_id, r.batch_id, r.collection_id, r.row_id, r.record_id, 'Files', $3, $4, 1, $2
     from imports.records r where r.row_id = $1 and r.batch_id = $5`,
    [rowId, sha256, name + rowId, name, batchIds[0]],
  );
}

/** Every table of every schema in which the canary is, in whatever column, and as bytes too. */
async function search(): Promise<string[]> {
  const tables = await query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c
     where c.relkind in ('r', 'm') and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
       and c.relnamespace::regnamespace::text !~ '^pg_'`,
  );
  const found: string[] = [];
  const hex = Buffer.from(canary).toString("hex");
  for (const { name } of tables) {
    const [row] = await query<{ count: number }>(
      `select count(*)::integer as count from ${name} t where t::text ~* $1`,
      [`${canary}|${hex}`],
    );
    if ((row?.count ?? 0) > 0) found.push(name.replace(/import_payloads_\w+/, "import_payloads"));
  }
  return [...new Set(found)].sort();
}

/** What others have, and what the ledger adds up to: as text, to be compared. */
async function everythingElse(): Promise<unknown[]> {
  const others = await query(
    `select to_jsonb(t)::text as row from leadgen.contacts t where t.id <> $1 and t.full_name <> 'Astrid Lunde'
     union all select to_jsonb(t)::text from leadgen.companies t
     union all select to_jsonb(t)::text from leadgen.messages t where t.contact_id <> $1
     union all select to_jsonb(t)::text from leadgen.activities t where t.contact_id is distinct from $1
     union all select to_jsonb(t)::text from imports.collections t
     union all select to_jsonb(t)::text from imports.fields t
     union all select to_jsonb(t)::text from imports.records t
     union all select to_jsonb(t)::text from imports.effects t
     union all select to_jsonb(t)::text from imports.predictions t
     union all select to_jsonb(t)::text from audit.changes t where t.id = any ($2)
     order by 1`,
    [contactId, recordedOfOthers],
  );
  return others;
}

const request = (by = admin) => ({ client: owner, tenantId: importing.tenantId, subject: subject(), admin: by, files });

test("a contact can be exported whole: rows, record, imported texts and files, and nobody else", async () => {
  const out = join(folder, "export");
  const tenant = { id: importing.tenantId, slug: "harbour" };
  const manifest = await exportPerson({ ...request(), tenant, out });
  const written = JSON.parse(await readFile(join(out, "manifest.json"), "utf8")) as PersonManifest;
  expect(written.tables).toEqual(manifest.tables);
  const found = (await search()).filter((name) => !/^audit|idempotency|^imports.plans/.test(name));
  const tables = manifest.tables.map(({ table }) => table);
  expect(tables).toEqual(expect.arrayContaining(found));
  expect(tables).toEqual(
    expect.arrayContaining(["audit.changes", "imports.records", "leadgen.tasks", "leadgen.crm_events"]),
  );
  expect(manifest.files.map(({ sha256 }) => sha256).sort()).toEqual(
    [ownFile, sharedFile].map((sha256) => sha256.toString("hex")).sort(),
  );
  for (const name of await readdir(join(out, "rows"))) {
    expect(await readFile(join(out, "rows", name), "utf8")).not.toContain("astrid.lunde@");
  }
});

test("nothing goes at the word of somebody who is no admin, nor of a contact that is not there: LF464, LF465", async () => {
  await expect(erasePerson(request("editor@harbour.test"), true)).rejects.toMatchObject({ code: "LF464" });
  const unknown = { ...request(), subject: { kind: "contact", id: importing.tenantId } as const };
  await expect(erasePerson(unknown, true)).rejects.toMatchObject({ code: "LF465" });
});

test("a rehearsal says what would go, and changes nothing", async () => {
  const before = [await search(), await everythingElse()];
  const { erased, mentions } = await erasePerson(request(), false);
  expect(erased).toMatchObject({ rows: { "leadgen.contacts": 1, "leadgen.history": 1 }, files: 2 });
  expect(mentions).toEqual([]);
  expect([await search(), await everythingElse()]).toEqual(before);
  expect(before[0]).toEqual(
    expect.arrayContaining(["app_private.import_before_images", "app_private.import_payloads", "leadgen.contacts"]),
  );
});

test("a contact can be erased: nothing in the database or the file store says anything of them, and others stay as they are", async () => {
  const before = await everythingElse();
  const told = await erasePerson(request(), true);
  expect(await search()).toEqual([]);
  expect(await everythingElse()).toEqual(before);
  expect(await files.has(ownFile)).toBe(false);
  expect(await files.has(sharedFile)).toBe(true);
  const [deed] = await query("select details from audit.operator_deeds where deed = 'person_erased'");
  expect(deed?.details).toMatchObject({ kind: "contact", id: contactId, ...told.erased });
});

test("an import whose texts went with them cannot be proved again, and says so: import_texts_erased", async () => {
  await expect(proveAgain(importing.pool, importing.tenantId, batchIds[1] ?? "")).rejects.toMatchObject({
    reason: "import_texts_erased",
  });
});

test("who did what to which columns of theirs, and when, stays in the record", async () => {
  const entries = await query(
    "select action, changes from audit.changes where row_id = $1 and source <> 'import' order by id",
    [contactId],
  );
  expect(entries).toMatchObject([
    { action: "update", changes: { notes: null } },
    { action: "update", changes: { notes: null } },
    { action: "delete", changes: { full_name: null, email: null } },
  ]);
});

test("the record cannot be rewritten through the door that values leave by: LF007", async () => {
  await owner.query("begin");
  await owner.query("set local app.blanks_changes = 'on'");
  await expect(
    owner.query('update audit.changes set changes = \'{"name": ["a", "b"]}\' where changes is not null'),
  ).rejects.toMatchObject({ code: "LF007" });
  await owner.query("rollback");
});

test("an import of the same source does not bring them back, accounts for their records, and keeps nothing of them", async () => {
  const before = await query("select id, full_name from leadgen.contacts order by id");
  const report = await runImport(importing.request(sample.folder));
  expect(report.status).toMatch(/^(completed|incomplete)$/);
  expect(await query("select id, full_name from leadgen.contacts order by id")).toEqual(before);
  expect(await search()).toEqual([]);
  const left = await query<{ outcome: string; reason: string }>(
    "select outcome, reason from imports.records where batch_id = $1 and row_id = $2",
    [report.batchId, contactId],
  );
  expect(left).toEqual([{ outcome: "skipped", reason: "person_erased" }]);
  for (const { landed, inserted, updated, unchanged, quarantined, skipped } of report.collections) {
    expect(inserted + updated + unchanged + quarantined + skipped).toBe(landed);
  }
  // And what this one proved can be proved again.
  const proof = await proveAgain(importing.pool, importing.tenantId, report.batchId);
  expect(proof.filter(({ expected, actual }) => expected !== actual)).toEqual([]);
});
