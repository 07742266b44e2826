/** An embedded server with a database of ours in it, for what is done to a whole installation: backups, restores, upgrades. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { type Config, loadConfig, type PostgresMajor } from "../../src/config.ts";
import { type EmbeddedOptions, type EmbeddedServer, startEmbedded } from "../../src/database/embedded.ts";
import { migrate } from "../../src/database/migrate.ts";
import { landfall } from "../support/processes.ts";

export interface Installation {
  config: Config;
  /** What its commands are told. */
  variables: Record<string, string>;
  server(): EmbeddedServer;
  /** @param onLost told where the server died and cannot be brought back */
  start(major?: PostgresMajor, onLost?: EmbeddedOptions["onLost"]): Promise<EmbeddedServer>;
  stop(): Promise<void>;
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Makes a tenant, whose slug tells later whether it is there. */
  write(slug: string): Promise<void>;
  /** The tenants that are there. */
  slugs(): Promise<string[]>;
  /** The server's own clock, to the microsecond, with its zone. */
  moment(): Promise<string>;
  remove(): Promise<void>;
}

/** What `landfall doctor` says of the backups. */
export async function doctorsLine({ variables }: Installation): Promise<string | undefined> {
  return /^\w+ +backups .*$/m.exec((await landfall(["doctor"], variables)).stdout)?.[0];
}

/** Makes a data folder in `parent` and starts its server, which survives a kill; with `migrated` its database has every migration. */
export async function makeInstallation(
  migrated: "migrated" | "empty",
  major?: PostgresMajor,
  parent = tmpdir(),
): Promise<Installation> {
  const dataDir = mkdtempSync(join(parent, "landfall-installation-"));
  const variables = {
    LANDFALL_DATA_DIR: dataDir,
    API_PORT: "0",
    GHL_SANDBOX_PORT: "0",
    MAIL_SANDBOX_PORT: "0",
    ...(major === undefined && process.env.PG_MAJOR === undefined
      ? {}
      : { PG_MAJOR: String(major ?? process.env.PG_MAJOR) }),
  };
  const config = loadConfig(variables);
  let running: EmbeddedServer | undefined;
  const server = () => {
    if (running === undefined) throw new Error("The server does not run.");
    return running;
  };
  const installation: Installation = {
    config,
    variables,
    server,
    async start(asked = config.postgresMajor, onLost) {
      running = await startEmbedded({ dataDir, major: asked, ...(onLost && { onLost }) });
      return running;
    },
    async stop() {
      await running?.stop();
      running = undefined;
    },
    async query<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) {
      const client = new pg.Client({ connectionString: server().adminUrl });
      await client.connect();
      try {
        return (await client.query<Row>(sql, values)).rows;
      } finally {
        await client.end();
      }
    },
    async write(slug) {
      await installation.query("insert into tenancy.tenants (slug, name) values ($1, $1)", [slug]);
    },
    async slugs() {
      const rows = await installation.query<{ slug: string }>("select slug from tenancy.tenants order by created_at");
      return rows.map(({ slug }) => slug);
    },
    async moment() {
      const [row] = await installation.query<{ moment: string }>(
        `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as moment`,
      );
      return row?.moment ?? "";
    },
    async remove() {
      await installation.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  const { adminUrl } = await installation.start();
  const { rolePrefix, secretKey } = config;
  if (migrated === "migrated") await migrate({ adminUrl, rolePrefix, secretKey });
  return installation;
}
