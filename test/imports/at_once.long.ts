import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withIdentity } from "../../src/database/with_identity.ts";
import { copySample, type Importing, prepareImporting } from "./importing.ts";

/** Imports of several processes at the same time. */

let importing: Importing;
let sample: Awaited<ReturnType<typeof copySample>>;

beforeEach(async () => {
  importing = await prepareImporting();
  sample = await copySample();
});

afterEach(async () => {
  await sample.remove();
  await importing.close();
});

/** A process that imports a folder, and tells its batch and its status. */
function startImport(folder: string): ChildProcess {
  const module = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
  const script = `
    const { createPool } = await import(${module("database/pools.ts")});
    const { runImport } = await import(${module("imports/run_import.ts")});
    const pool = createPool(process.env.WORKER_URL, { applicationName: "at once", max: 2 });
    const access = { airtable: { endpointUrl: "" } };
    const request = { pool, tenantId: process.env.TENANT_ID, mapping: "bloom", from: process.env.FOLDER, access };
    const { batchId, status } = await runImport(request).catch((error) => ({ batchId: null, status: error.reason }));
    console.log(JSON.stringify({ batchId, status }));
    await pool.end();`;
  return spawn(process.execPath, ["--input-type=module", "--eval", script], {
    env: { ...process.env, WORKER_URL: importing.database.urls.worker, TENANT_ID: importing.tenantId, FOLDER: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function answerOf(process: ChildProcess): Promise<{ batchId: string | null; status: string }> {
  let text = "";
  process.stdout?.on("data", (chunk) => {
    text += chunk;
  });
  await once(process, "close");
  return JSON.parse(text.trim().split("\n").at(-1) as string);
}

const batches = () =>
  importing.database.query<{ id: string; status: string }>(
    "select id, status from imports.batches order by created_at",
  );

test("cannot run twice on one source at once: both processes end with one and the same batch", async () => {
  const [first, second] = await Promise.all(
    [sample.folder, sample.folder].map((folder) => answerOf(startImport(folder))),
  );
  expect(first).toEqual(second);
  expect(await batches()).toEqual([{ id: first?.batchId, status: "incomplete" }]);
  // Nothing was done twice.
  const [counts] = await importing.database.query(
    "select count(*)::integer as records, count(distinct row_id)::integer as rows from imports.records",
  );
  expect(counts).toEqual({ records: 111, rows: 111 });
});

test("cannot read one source from two places at once: import_busy", async () => {
  const elsewhere = join(sample.folder, "..", "copy");
  await cp(sample.folder, elsewhere, { recursive: true });
  const answers = await Promise.all([sample.folder, elsewhere].map((folder) => answerOf(startImport(folder))));
  // Either the second met the first at work, or came after it and found nothing to do.
  const made = await batches();
  for (const { status } of answers) expect(["incomplete", "import_busy"]).toContain(status);
  expect(answers.filter(({ batchId }) => batchId !== null)).toHaveLength(made.length);
  const overlapping = await importing.database.query(
    `select from imports.batches a join imports.batches b on a.source_id = b.source_id and a.id < b.id
     where (a.started_at, a.finished_at) overlaps (b.started_at, b.finished_at)`,
  );
  expect(overlapping).toEqual([]);
});

test("cannot be told to work on one source twice, whatever made the second batch: 23505", async () => {
  await importing.run(sample.folder);
  const queueAnother = () =>
    withIdentity(importing.pool, { kind: "worker", tenantId: importing.tenantId }, (client) =>
      client.query(
        `insert into imports.batches (source_id, status, location, mapping_hash)
         select source_id, 'queued', location, mapping_hash from imports.batches limit 1`,
      ),
    );
  await queueAnother();
  await expect(queueAnother()).rejects.toMatchObject({
    code: "23505",
    constraint: "batches_tenant_id_source_id_open_key",
  });
});

test("can run on two sources at once", async () => {
  const other = join(sample.folder, "..", "other");
  await cp(sample.folder, other, { recursive: true });
  const file = join(other, "schema.json");
  const schema = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...schema, baseId: "appOtherBase000001" }));
  // Names may be alike, and get slugs of their own; what must be unique in GoHighLevel belongs to one of the two.
  for (const table of ["Clients", "Templates"]) {
    const records = join(other, "records", `${table}.ndjson`);
    const text = await readFile(records, "utf8");
    await writeFile(records, text.replaceAll(/"(Location ID|GHL Template ID)":"[^"]*",?/g, ""));
  }
  const answers = await Promise.all([sample.folder, other].map((folder) => answerOf(startImport(folder))));
  expect(answers.map(({ status }) => status)).toEqual(["incomplete", "incomplete"]);
  expect(new Set(answers.map(({ batchId }) => batchId)).size).toBe(2);
  expect(await importing.database.query("select from imports.sources")).toHaveLength(2);
});
