import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import pg from "pg";
import { loadConfig } from "../../src/config.ts";
import {
  attachEmbedded,
  type EmbeddedOptions,
  type EmbeddedServer,
  startEmbedded,
} from "../../src/database/embedded.ts";
import { errorCode } from "../../src/errors.ts";
import { environment, startNode } from "../support/processes.ts";

const { postgresMajor: major } = loadConfig();
let dataDir: string;
let servers: EmbeddedServer[];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "landfall-embedded-"));
  servers = [];
});

afterEach(async () => {
  for (const server of servers) {
    await server.stop();
    rmSync(server.pgData, { recursive: true, force: true });
  }
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(change: Partial<EmbeddedOptions> = {}): Promise<EmbeddedServer> {
  const server = await startEmbedded({ dataDir, major, isDurable: false, ...change });
  servers.push(server);
  return server;
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => client.removeAllListeners());
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Asks until there is an answer: a server that comes back refuses connections for a moment. */
async function askPatiently(url: string, sql: string): Promise<Record<string, unknown>[]> {
  for (;;) {
    try {
      return await ask(url, sql);
    } catch (error) {
      const code = errorCode(error) ?? "";
      if (!["ECONNREFUSED", "ECONNRESET", "57P01", "57P02", "57P03", ""].includes(code)) throw error;
      await sleep(100);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "");
  } catch {
    return false;
  }
}

/** Of a program that hangs up on whoever speaks PostgreSQL to it, as most do. */
async function portOfSomebodyElse(): Promise<{ port: number; close: () => void }> {
  const other = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  return { port: (other.address() as { port: number }).port, close: () => other.close() };
}

test("can start a server that listens on the loopback interface alone, with checksums, scram and an order of text of its own", async () => {
  const server = await start();
  expect(
    await ask(
      server.adminUrl,
      `select current_setting('listen_addresses') as addresses, current_setting('data_checksums') as checksums,
              current_setting('password_encryption') as passwords, current_setting('TimeZone') as zone,
              current_setting('server_encoding') as encoding, 'ä' < 'z' as is_by_dictionary, lower('Ä') as lower,
              current_setting('server_version_num')::integer / 10000 as major, current_database() as database`,
    ),
  ).toEqual([
    {
      addresses: "127.0.0.1",
      checksums: "on",
      passwords: "scram-sha-256",
      zone: "UTC",
      encoding: "UTF8",
      is_by_dictionary: false,
      lower: "ä",
      major,
      database: "landfall",
    },
  ]);
  expect(await ask(server.adminUrl, "select distinct auth_method from pg_hba_file_rules")).toEqual([
    { auth_method: "scram-sha-256" },
  ]);
});

test("takes no more of the memory than an eighth and a gigabyte, and archives as a real one", async () => {
  const { adminUrl } = await start({ isDurable: true });
  const [settings] = await ask(
    adminUrl,
    `select pg_size_bytes(current_setting('shared_buffers')) as buffers, current_setting('archive_mode') as archives,
            current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes`,
  );
  const { buffers, ...others } = settings as { buffers: string };
  expect(Number(buffers)).toBeGreaterThanOrEqual(2 ** 27);
  expect(Number(buffers)).toBeLessThanOrEqual(Math.max(2 ** 27, Math.min(2 ** 30, totalmem() / 8)));
  expect(others).toEqual({ archives: "on", fsync: "on", full_page_writes: "on" });
});

test("can keep data, port and password over a restart", async () => {
  const first = await start();
  await ask(first.adminUrl, "create table kept as select 1 as one");
  await first.stop();
  expect(isAlive(first.pid())).toBe(false);
  const second = await start();
  expect(second.adminUrl).toBe(first.adminUrl);
  expect(await ask(second.adminUrl, "select * from kept")).toEqual([{ one: 1 }]);
});

test("can keep its secrets from other users", async () => {
  const server = await start();
  for (const name of ["secrets.json", "server.json", "postgres.log"]) {
    expect(statSync(join(dataDir, name)).mode & 0o077).toBe(0);
  }
  expect(statSync(server.pgData).mode & 0o077).toBe(0);
});

test("can adopt the server of a parent that was killed", async () => {
  const script = `
    import { startEmbedded } from ${JSON.stringify(new URL("../../src/database/embedded.ts", import.meta.url).pathname)};
    const server = await startEmbedded(${JSON.stringify({ dataDir, major, isDurable: false })});
    process.stdout.write("server " + server.pid() + "\\n");
    setInterval(() => {}, 1000);`;
  const parent = startNode(["--input-type=module", "--eval", script], environment());
  await parent.waitFor(/server \d+\n/);
  const pid = Number(/server (\d+)/.exec(parent.output())?.[1]);
  parent.child.kill("SIGKILL");
  await parent.ended;
  expect(isAlive(pid)).toBe(true);

  const adopted = await start();
  expect(adopted.pid()).toBe(pid);
  await adopted.stop();
  expect(isAlive(pid)).toBe(false);
});

test("can restart a server that dies, with everything that was committed", async () => {
  const server = await start({ isDurable: true });
  await ask(server.adminUrl, "create table kept as select 1 as one");
  const died = server.pid();
  process.kill(died, "SIGKILL");
  while (server.pid() === died) await sleep(50);
  expect(await askPatiently(server.adminUrl, "select * from kept")).toEqual([{ one: 1 }]);
  await server.stop();
  expect(isAlive(server.pid())).toBe(false);
});

test("can survive the kill of a single connection's process", async () => {
  const server = await start();
  const client = new pg.Client({ connectionString: server.adminUrl });
  client.on("error", () => client.removeAllListeners());
  await client.connect();
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  process.kill(rows[0]?.pid as number, "SIGKILL");
  expect(await askPatiently(server.adminUrl, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("can start over a lock file that names another program's process", async () => {
  const first = await start();
  await first.stop();
  writeFileSync(join(first.pgData, "postmaster.pid"), `${process.pid}\n${first.pgData}\n0\n5432\n\n127.0.0.1\n`);
  const second = await start();
  expect(await ask(second.adminUrl, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("can start over a lock file whose process is gone", async () => {
  const first = await start();
  const gone = first.pid();
  await first.stop();
  writeFileSync(join(first.pgData, "postmaster.pid"), `${gone}\n${first.pgData}\n0\n5432\n\n127.0.0.1\n`);
  const second = await start();
  expect(await ask(second.adminUrl, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("can be attached to without being taken over", async () => {
  expect(await attachEmbedded(dataDir)).toBeUndefined();
  const server = await start();
  expect(await attachEmbedded(dataDir)).toEqual({ adminUrl: server.adminUrl });
});

test("can take another port where somebody else has that of last time", async () => {
  const first = await start();
  await first.stop();
  const other = await portOfSomebodyElse();
  const memory = join(dataDir, "server.json");
  writeFileSync(memory, JSON.stringify({ ...JSON.parse(readFileSync(memory, "utf8")), port: other.port }));
  const second = await start();
  expect(new URL(second.adminUrl).port).not.toBe(String(other.port));
  expect(JSON.parse(readFileSync(memory, "utf8")).port).toBe(Number(new URL(second.adminUrl).port));
  other.close();
});

test("can start below a folder that is closed to others", async () => {
  const closed = join(dataDir, "closed");
  mkdirSync(closed, { mode: 0o700 });
  chmodSync(dataDir, 0o700);
  const server = await start({ dataDir: join(closed, "data") });
  expect(await ask(server.adminUrl, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("cannot take a port that somebody else has [LF052]", async () => {
  const other = await portOfSomebodyElse();
  await expect(start({ port: other.port })).rejects.toMatchObject({
    reason: "port_in_use",
    message: `Port ${other.port} is taken by another program.`,
  });
  other.close();
});

test("cannot start twice on one data folder [LF053]", async () => {
  const first = await start();
  await expect(startEmbedded({ dataDir, major, isDurable: false })).rejects.toMatchObject({
    reason: "already_running",
  });
  expect(await ask(first.adminUrl, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("cannot open the data of another major version [LF055]", async () => {
  mkdirSync(join(dataDir, "postgres"));
  writeFileSync(join(dataDir, "postgres", "PG_VERSION"), "15\n");
  await expect(start()).rejects.toMatchObject({
    reason: "other_major_version",
    message: expect.stringContaining("was written by PostgreSQL 15"),
    wayOut: expect.stringContaining("LANDFALL_DATA_DIR"),
  });
});

test("cannot take somebody's folder for a cluster [LF056]", async () => {
  mkdirSync(join(dataDir, "postgres"));
  writeFileSync(join(dataDir, "postgres", "holiday.jpg"), "");
  await expect(start()).rejects.toMatchObject({ reason: "not_a_cluster" });
  expect(existsSync(join(dataDir, "postgres", "holiday.jpg"))).toBe(true);
});

test("cannot use a data folder that is a file [LF054]", async () => {
  const file = join(dataDir, "file");
  writeFileSync(file, "");
  await expect(start({ dataDir: file })).rejects.toMatchObject({ reason: "data_folder_unusable" });
});

test("cannot go on with secrets of another cluster [LF063]", async () => {
  const first = await start();
  await first.stop();
  rmSync(join(dataDir, "secrets.json"));
  await expect(startEmbedded({ dataDir, major, isDurable: false })).rejects.toMatchObject({
    reason: "password_lost",
  });
});
