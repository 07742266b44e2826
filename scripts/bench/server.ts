/** The server that is measured: its databases, its write-ahead log, and the time that its processes worked. */
import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";
import type { EmbeddedServer } from "../../src/database/embedded.ts";

export const rolePrefix = "bench";
export const templateName = "template_bench";

export interface Server {
  embedded: EmbeddedServer;
  secretKey: string;
}

/** Seconds of the clock, seconds of processors, and bytes of write-ahead log: what a piece of work took. */
export interface Cost {
  seconds: number;
  /** Of the server's processes and of this or the child process; null where the system does not tell. */
  cpuSeconds: number | null;
  walBytes: number;
}

export function databaseUrl({ embedded }: Server, name: string): string {
  return embedded.adminUrl.replace(/\/[^/]*$/, `/${name}`);
}

/** A migrated database of that name, all that was there before forgotten. */
export async function makeDatabase(server: Server, name: string): Promise<string> {
  await dropDatabase(server, name);
  await runSql(databaseUrl(server, "landfall"), `create database ${name} template ${templateName}`);
  const url = databaseUrl(server, name);
  await runSql(url, "checkpoint");
  return url;
}

export async function dropDatabase(server: Server, name: string): Promise<void> {
  await runSql(databaseUrl(server, "landfall"), `drop database if exists ${name} with (force)`);
}

/**
 * What a piece of work costs. Large ones take long: each is told on stderr when it is done.
 *
 * @param clientCpu how long processes other than this one worked for it, told when it is done
 */
export async function measure<Result>(
  server: Server,
  name: string,
  work: () => Promise<Result>,
  clientCpu: (result: Result) => number = () => 0,
): Promise<Cost & { result: Result }> {
  const url = databaseUrl(server, "landfall");
  const [before] = await runSql<{ lsn: string }>(url, "select pg_current_wal_insert_lsn() as lsn");
  const cpuBefore = cpuSeconds(server);
  const begun = performance.now();
  const result = await work();
  const seconds = (performance.now() - begun) / 1_000;
  process.stderr.write(`  ${name}: ${seconds.toFixed(1)} s\n`);
  const cpuAfter = cpuSeconds(server);
  const [after] = await runSql<{ bytes: string }>(
    url,
    `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '${before?.lsn}') as bytes`,
  );
  return {
    result,
    seconds,
    cpuSeconds: cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore + clientCpu(result),
    walBytes: Number(after?.bytes),
  };
}

/** How long the server's processes and this one have worked so far. */
function cpuSeconds(server: Server): number | null {
  const ofServer = serverCpuSeconds(server);
  const { user, system } = process.cpuUsage();
  return ofServer === null ? null : ofServer + (user + system) / 1e6;
}

/** How long the server's processes, those that have ended included, have worked so far. Linux tells, in hundredths of seconds. */
export function serverCpuSeconds({ embedded }: Server): number | null {
  const postmaster = embedded.pid();
  for (;;) {
    const times = readTimes(postmaster);
    if (times === null) return null;
    const children = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((name) => readTimes(Number(name)))
      .filter((child) => child?.parent === postmaster);
    // One that ended meanwhile is in neither number.
    if (readTimes(postmaster)?.ofEnded !== times.ofEnded) continue;
    return children.reduce((sum, child) => sum + (child?.own ?? 0), times.own + times.ofEnded) / 100;
  }
}

function readTimes(processId: number): { parent: number; own: number; ofEnded: number } | null {
  try {
    const text = readFileSync(`/proc/${processId}/stat`, "utf8");
    const [, parent, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [user = 0, system = 0, userOfEnded = 0, systemOfEnded = 0] = rest.slice(9, 13).map(Number);
    return { parent: Number(parent), own: user + system, ofEnded: userOfEnded + systemOfEnded };
  } catch {
    // It has ended, or this is no Linux.
    return null;
  }
}

export async function runSql<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
