/** The worker of `landfall worker` in a process of its own that tells, for each line on stdin, what it has used so far; it stops when its parent hangs up. */
import { createInterface } from "node:readline";
import { loadConfig } from "../../src/config.ts";
import { startWorker } from "../../src/worker/worker.ts";

/** What the process has used since its start, or holds. */
export interface Used {
  cpuSeconds: number;
  heapMegabytes: number;
  peakMegabytes: number;
}

function used(): Used {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    heapMegabytes: process.memoryUsage().heapUsed / 1e6,
    peakMegabytes: process.resourceUsage().maxRSS / 1_024,
  };
}

if (process.env.BENCH_WORKER_URL !== undefined) {
  const worker = await startWorker({ config: loadConfig(), url: process.env.BENCH_WORKER_URL });
  for await (const _ of createInterface(process.stdin)) process.stdout.write(`${JSON.stringify(used())}\n`);
  await worker.stop();
}
