/** A worker that runs one publication and can be killed at any moment: the real run in a process of its own, started quickly. */
import { pino } from "pino";
import { createPool } from "../../src/database/pools.ts";
import { publishJourney } from "../../src/publishing/publish.ts";
import type { Timing } from "../../src/publishing/timing.ts";

export type WorkerProcessInput = {
  workerUrl: string;
  secretKey: string;
  baseUrl: string;
  token: string;
  timing: Timing;
  tenantId: string;
  publicationId: string;
};

const input = JSON.parse(process.argv[2] ?? "{}") as WorkerProcessInput;
const pool = createPool(input.workerUrl, { applicationName: "killed worker", max: 2 });
const { secretKey, baseUrl, token, timing, tenantId, publicationId } = input;
const result = await publishJourney(
  {
    pool,
    log: pino({ level: "silent" }),
    secretKey,
    baseUrl,
    defaultToken: token,
    userAgent: "Landfall-test/1",
    timing,
    signal: new AbortController().signal,
  },
  { tenantId, publicationId },
);
process.stdout.write(`${JSON.stringify(result)}\n`);
await pool.end();
