/** Work on an import in a process of its own, as a worker does it: what it says of itself goes to stdout as JSON. */
import { createPool } from "../../src/database/pools.ts";
import { proveAgain } from "../../src/imports/prove_again.ts";
import { followBatch, type ImportRequest, planImport, runImport } from "../../src/imports/run_import.ts";
import { beginRollback } from "../../src/imports/steer_batch.ts";

/** What to do; in the environment as JSON. */
export interface Order {
  work: "run" | "plan" | "verify" | "roll back";
  /** Of which import, to verify it or take it back. */
  batchId?: string;
  workerUrl: string;
  tenantId: string;
  mapping: string;
  from: string;
  apiKey?: string;
  endpointUrl?: string;
}

export interface Told {
  batchId: string;
  /** `verified` where it was only that. */
  status: string;
  message: string | null;
  records: number;
  /** Milliseconds since 1970: when it began, when the last page had landed, when the first row came in, when all was over. */
  begunAt: number;
  landedAt: number;
  loadingAt: number;
  endedAt: number;
  cpuSeconds: number;
  peakMegabytes: number;
}

async function doWork({ work, batchId = "" }: Order, request: ImportRequest) {
  const { pool, tenantId } = request;
  switch (work) {
    case "run":
      return await runImport(request);
    case "plan": {
      const { batchId: planned, collections } = await planImport(request);
      return { batchId: planned, status: "planned", message: null, collections };
    }
    case "verify": {
      const failed = (await proveAgain(pool, tenantId, batchId)).filter(({ expected, actual }) => expected !== actual);
      const message = failed.map(({ collection, name }) => `${collection}: ${name}`).join(", ");
      return { batchId, status: failed.length === 0 ? "verified" : "failed", message, collections: [] };
    }
    case "roll back":
      await beginRollback(pool, tenantId, batchId);
      return await followBatch(request, batchId);
  }
}

if (process.env.BENCH_ORDER !== undefined) {
  const order: Order = JSON.parse(process.env.BENCH_ORDER);
  const pool = createPool(order.workerUrl, { applicationName: "bench", max: 8 });
  const begunAt = Date.now();
  const at = { land: begunAt, load: 0 };
  const request: ImportRequest = {
    pool,
    tenantId: order.tenantId,
    mapping: order.mapping,
    from: order.from,
    access: { airtable: { apiKey: order.apiKey, endpointUrl: order.endpointUrl ?? "http://127.0.0.1:9" } },
    onProgress: (step) => {
      if (step === "land") at.land = Date.now();
      if (step === "load" && at.load === 0) at.load = Date.now();
    },
  };
  const report = await doWork(order, request);
  const { user, system } = process.cpuUsage();
  const told: Told = {
    batchId: report.batchId,
    status: report.status,
    message: report.message,
    records: report.collections.reduce((sum, { landed }) => sum + landed, 0),
    begunAt,
    landedAt: at.land,
    loadingAt: at.load,
    endedAt: Date.now(),
    cpuSeconds: (user + system) / 1e6,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
  };
  process.stdout.write(JSON.stringify(told));
  await pool.end();
}
