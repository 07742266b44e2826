import { createServer } from "node:net";
import { join } from "node:path";
import type { Command } from "commander";
import { type Config, loadConfig } from "../config.ts";
import { type OpenDatabase, requireAdmin, startDatabase } from "../database/connections.ts";
import { refuseUnsafeProduction } from "../database/production.ts";
import { errorCode, fail } from "../errors.ts";
import { openFileStore } from "../imports/files/open_file_store.ts";
import { childLogger } from "../log.ts";
import { mailsFolder } from "../mail/transport.ts";
import type { OfferedPipeline } from "../sandbox/gohighlevel/pipelines.ts";
import { type Sandbox, startGohighlevelSandbox } from "../sandbox/gohighlevel/server.ts";
import { type Mailbox, startMailbox } from "../sandbox/mailbox.ts";
import { startServer } from "../server/start.ts";
import { startWorker } from "../worker/worker.ts";
import { inOwnerTransaction } from "./as_owner.ts";
import { backUpBeforeMigrating, migrateAsAdmin } from "./migrate.ts";
import { tell } from "./output.ts";
import { type Running, runUntilStopped } from "./running.ts";
import { aboutSample, ensureSample, fromHere, type Sample } from "./sample.ts";
import { type SampleReport, writeSampleReport } from "./sample_report.ts";

/** `landfall start`: everything in one process, to try the product and to develop on it. */
export function registerStart(program: Command): void {
  program
    .command("start")
    .description(
      "Start everything: a PostgreSQL of its own (or DATABASE_URL's), migrations, sample data, API, worker, sandbox.",
    )
    .option("--no-sample", "do not make the sample tenant (production never does)")
    .option("--no-backup", "take no backup of the embedded server before migrations change it")
    .addHelpText(
      "after",
      "\nCtrl-C stops everything. Data, secrets and sample passwords are in LANDFALL_DATA_DIR (.data).",
    )
    .action(async (wants: StartOptions) => {
      await runUntilStopped((running) => startEverything(running, wants));
    });
}

interface StartOptions {
  sample: boolean;
  backup: boolean;
}

async function startEverything({ keep, goOn, giveUp }: Running, wants: StartOptions): Promise<void> {
  const config = loadConfig();
  await (await openFileStore(config.files)).tryOut("change");
  const database = await startDatabase(config, giveUp);
  await keep("database", database.close);
  await refuseTakenPort(config.api.host, config.api.port, "API_PORT");
  tell("The database runs; bringing it up to date ...");
  if (wants.backup) await backUpBeforeMigrating(database, config);
  await migrateAsAdmin(requireAdmin(database), config);
  goOn();
  await refuseUnsafeProduction(config, [database.api, database.worker]);
  const sandbox = await startSandbox(config, keep);
  const sandboxUrl = sandbox?.url;
  const settled = sandboxUrl ? { ...config, gohighlevel: { ...config.gohighlevel, baseUrl: sandboxUrl } } : config;
  const mailbox = await openMailbox(config, keep);
  const sample = wants.sample && config.environment !== "production" ? await ensureSample(config, database) : undefined;
  if (sandbox) sandbox.offerPipelines(await readPipelines(requireAdmin(database), config));
  const report = sample && (await writeSampleReport(config, database, sample));
  const worker = await startWorker({ config: settled, url: database.worker });
  await keep("worker", worker.stop);
  const api = await startServer({
    config: settled,
    databaseUrl: database.api,
    listenUrl: database.listen,
    log: childLogger({ area: "api" }),
  });
  await keep("api", api.close);
  process.stdout.write(
    `${welcome({ config, database, sandboxUrl, mailbox, sample, report, apiPort: api.port }).join("\n")}\n`,
  );
}

async function startSandbox(config: Config, keep: Running["keep"]): Promise<Sandbox | undefined> {
  const { isSandbox, sandboxPort } = config.gohighlevel;
  if (!isSandbox) return undefined;
  await refuseTakenPort("127.0.0.1", sandboxPort, "GHL_SANDBOX_PORT");
  const dataFile = join(config.dataDir, "gohighlevel_sandbox.json");
  const sandbox = await startGohighlevelSandbox({ port: sandboxPort, host: "127.0.0.1", dataFile });
  await keep("sandbox", sandbox.close);
  return sandbox;
}

/** Shows mails that go nowhere. */
async function openMailbox(config: Config, keep: Running["keep"]): Promise<Mailbox | undefined> {
  const { url, sandboxPort } = config.mail;
  if (url !== undefined || config.environment === "production") return undefined;
  await refuseTakenPort("127.0.0.1", sandboxPort, "MAIL_SANDBOX_PORT");
  const mailbox = await startMailbox({ port: sandboxPort, folder: mailsFolder(config.dataDir) });
  await keep("mailbox", mailbox.close);
  return mailbox;
}

/** The pipelines that journeys name, which in an account people would have made: the stand-in has nobody to make them. */
function readPipelines(adminUrl: string, config: Config): Promise<OfferedPipeline[]> {
  return inOwnerTransaction(adminUrl, config, async (client) => {
    const { rows } = await client.query<OfferedPipeline>(
      `select p.ghl_pipeline_id as id, c.ghl_location_id as "locationId", p.name
       from journeys.pipelines p
       join journeys.clients c on c.tenant_id = p.tenant_id and c.id = p.client_id
       where p.ghl_pipeline_id is not null and c.ghl_location_id is not null`,
    );
    return rows;
  });
}

/** Asked before the long work, so that a port in use is known at once. */
async function refuseTakenPort(host: string, port: number, variable: string): Promise<void> {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => probe.once("error", reject).listen(port, host, resolve));
  } catch (error) {
    const isTaken = errorCode(error) === "EADDRINUSE";
    fail(
      "port_in_use",
      isTaken ? `Port ${port} is in use.` : `Port ${port} of ${host} cannot be used: ${errorCode(error)}.`,
      `Stop what uses it, or set ${variable} to another one (0 takes any free port).`,
      error,
    );
  } finally {
    await new Promise((resolve) => probe.close(resolve));
  }
}

interface Started {
  config: Config;
  database: OpenDatabase;
  sandboxUrl: string | undefined;
  mailbox: Mailbox | undefined;
  sample: Sample | undefined;
  report: SampleReport | undefined;
  apiPort: number;
}

/** Where to go, and how to sign in. */
function welcome({ config, database, sandboxUrl, mailbox, sample, report, apiPort }: Started): string[] {
  const baseUrl = config.api.port === 0 ? `http://localhost:${apiPort}` : config.api.baseUrl;
  const lines = ["", "Landfall is ready.", "", `  GraphQL API    ${baseUrl}/graphql`];
  if (config.environment === "development") lines.push(`  GraphiQL       ${baseUrl}/`);
  if (sandboxUrl) lines.push(`  GoHighLevel    ${sandboxUrl}/ (a stand-in, for no token is set)`);
  if (mailbox) lines.push(`  Mails          ${mailbox.url}/ (none is sent, for MAIL_URL is not set)`);
  if (database.isEmbedded) lines.push(`  PostgreSQL     ${database.admin}`);
  lines.push("  psql           npm run landfall -- psql");
  if (sample) lines.push("", ...aboutSample(sample));
  if (report) lines.push("", ...aboutReport(report, baseUrl));
  lines.push("", "Ctrl-C stops everything; the data stay.");
  return lines;
}

function aboutReport({ file, path }: SampleReport, baseUrl: string): string[] {
  return [`  Its report is in ${fromHere(file)}, and for an hour at`, `    ${baseUrl}${path}`];
}
