/** The test run's own PostgreSQL: made in a temporary folder, gone without a trace afterwards. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { loadConfig } from "../../src/config.ts";
import { startEmbedded } from "../../src/database/embedded.ts";
import { migrate } from "../../src/database/migrate.ts";
import { errorCode, errorMessage } from "../../src/errors.ts";
import { localSecrets } from "../../src/secrets.ts";

export const templateDatabase = "landfall_template";
export const rolePrefix = "landfall";
const folderPrefix = "landfall-test-";

export interface TestCluster {
  /** Connection string of the administrator, database `landfall`, which is empty. */
  adminUrl: string;
  secretKey: string;
  /** Process id of the postmaster; another one after it was killed. */
  pid(): number;
  stop(): Promise<void>;
}

/**
 * Starts a cluster of the version that PG_MAJOR names, and migrates the template database in it.
 *
 * @param isDurable whether what was committed must survive the server's being killed
 */
export async function startTestCluster(isDurable = false): Promise<TestCluster> {
  removeAbandonedClusters();
  const { postgresMajor } = loadConfig();
  const dataDir = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  const server = await startEmbedded({ dataDir, major: postgresMajor, isDurable });
  const { secretKey } = localSecrets(dataDir);
  await runSql(server.adminUrl, `create database ${templateDatabase}`);
  const templateUrl = server.adminUrl.replace(/\/[^/]*$/, `/${templateDatabase}`);
  const said: string[] = [];
  try {
    await migrate({ adminUrl: templateUrl, rolePrefix, secretKey, log: (line: string) => said.push(line) });
  } catch (error) {
    await server.stop();
    throw new Error(`The template database cannot be migrated: ${errorMessage(error)}\n${said.join("\n")}`, {
      cause: error,
    });
  }
  return {
    adminUrl: server.adminUrl,
    secretKey,
    pid: server.pid,
    async stop() {
      await server.stop();
      rmSync(server.pgData, { recursive: true, force: true });
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A run that was killed leaves its server and folder behind; the next run clears them away. */
function removeAbandonedClusters(): void {
  for (const name of readdirSync(tmpdir())) {
    const [, owner] = new RegExp(`^${folderPrefix}(\\d+)-`).exec(name) ?? [];
    if (owner === undefined || signal(Number(owner), 0)) continue;
    const dataDir = join(tmpdir(), name);
    try {
      const { pgData } = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as { pgData: string };
      const [pid] = readFileSync(join(pgData, "postmaster.pid"), "utf8").split("\n");
      signal(Number(pid), "SIGQUIT");
      rmSync(pgData, { recursive: true, force: true });
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
    }
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Whether there was a process of ours to signal. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/** Runs a statement over a connection of its own. */
export async function runSql(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  // Of a server that is killed the statement tells.
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
