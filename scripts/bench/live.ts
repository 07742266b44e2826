import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Base } from "./bases.ts";
import type { Server } from "./server.ts";
import { importOnce } from "./ways.ts";

/** How an import from a live base kept to the limit of its requests. */
export interface Live {
  records: number;
  requests: number;
  /** Answered with 429. */
  refused: number;
  /** What so many requests take at five a second. */
  allowedSeconds: number;
  /** From the first request until the last page had landed. */
  landSeconds: number;
  /** From the last answer until it had landed: what the database's work adds to the reading. */
  behindSeconds: number;
  seconds: number;
}

const requestsPerSecond = 5;

/** Imports a base from the stand-in for Airtable, which holds it to its limits. */
export async function measureLive(
  server: Server,
  url: string,
  tenantId: string,
  base: Base,
  folder: string,
): Promise<Live> {
  const apiKey = "patBench.0000000000000000";
  const standIn = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "stand_in.ts"), folder, apiKey],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const lines = createInterface({ input: standIn.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? "null");
  const { url: endpointUrl, baseId } = await next();
  const imported = await importOnce(server, url, {
    tenantId,
    mapping: base.mapping,
    from: `airtable:${baseId}`,
    apiKey,
    endpointUrl,
  });
  standIn.stdin.end();
  const requests: { at: number; status: number }[] = await next();
  await once(standIn, "exit");
  const landed = imported.landedAt;
  const first = requests[0]?.at ?? landed;
  const last = requests.at(-1)?.at ?? landed;
  return {
    records: imported.rows,
    requests: requests.length,
    refused: requests.filter(({ status }) => status === 429).length,
    allowedSeconds: requests.length / requestsPerSecond,
    landSeconds: (landed - first) / 1_000,
    behindSeconds: (landed - last) / 1_000,
    seconds: imported.seconds,
  };
}
