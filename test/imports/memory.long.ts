import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateBase } from "../../scripts/generate_base.ts";
import { findMapping } from "../../src/imports/mappings/find_mapping.ts";
import { createBatch } from "../../src/imports/pipeline/batch.ts";
import { readReport } from "../../src/imports/report.ts";
import { sampleFolder } from "../../src/imports/run_import.ts";
import { openSource } from "../../src/imports/sources/open_source.ts";
import { prepareImporting } from "./importing.ts";

const touchpoints = Number(process.env.LANDFALL_TEST_RECORDS ?? 200_000);
const access = { airtable: { apiKey: undefined, endpointUrl: "" } };

/** A worker's process that brings one batch to its end and tells the most memory that it ever had, in kilobytes. */
const script = `
  const { createPool } = await import(${JSON.stringify(new URL("../../src/database/pools.ts", import.meta.url).href)});
  const { runBatch } = await import(${JSON.stringify(new URL("../../src/imports/pipeline/run_batch.ts", import.meta.url).href)});
  const pool = createPool(process.env.WORKER_URL, { applicationName: "worker", max: 4 });
  await runBatch(pool, { airtable: { endpointUrl: "" } }, process.env.TENANT_ID, process.env.BATCH_ID);
  await pool.end();
  console.log(process.resourceUsage().maxRSS);`;

test("can import a large base with less than 300 MB of memory", async () => {
  const parent = await mkdtemp(join(tmpdir(), "landfall-large-"));
  const importing = await prepareImporting();
  try {
    const folder = join(parent, "large");
    await generateBase(folder, touchpoints, sampleFolder);
    const { pool, tenantId, database } = importing;
    const batchId = await createBatch(pool, tenantId, findMapping("bloom"), await openSource(folder, access), "queued");
    const worker = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      env: { ...process.env, WORKER_URL: database.urls.worker, TENANT_ID: tenantId, BATCH_ID: batchId },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let told = "";
    worker.stdout.on("data", (chunk) => {
      told += chunk;
    });
    expect(await once(worker, "exit")).toEqual([0, null]);
    const megabytes = Math.round(Number(told.trim().split("\n").at(-1)) / 1_024);
    process.stdout.write(`${touchpoints} touchpoints: ${megabytes} MB at most\n`);
    const report = await readReport(pool, tenantId, batchId);
    expect(report).toMatchObject({ status: "completed", verified: true });
    expect(report.collections.find(({ name }) => name === "Touchpoints")).toMatchObject({ inserted: touchpoints });
    expect(megabytes).toBeLessThan(300);
  } finally {
    await importing.close();
    await rm(parent, { recursive: true, force: true });
  }
}, 1_800_000);
