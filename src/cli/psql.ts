import { spawn } from "node:child_process";
import type { Command } from "commander";
import pg from "pg";
import { type Config, loadConfig } from "../config.ts";
import { type OpenDatabase, openDatabase, requireAdmin } from "../database/connections.ts";
import { ensureSqlLogin, psqlLogin, sqlLoginName } from "../database/sql_logins.ts";
import { loginPassword } from "../database/urls.ts";
import { errorCode, fail, LandfallError } from "../errors.ts";
import { inOwnerTransaction } from "./as_owner.ts";
import { findTenant, type Tenant } from "./find_tenant.ts";
import { tell } from "./output.ts";

interface PsqlOptions {
  tenant?: string;
}

interface Report {
  name: string;
  description: string;
}

/** `landfall psql`: psql as a reporter, who reads one tenant under its policies. */
export function registerPsql(program: Command): void {
  program
    .command("psql")
    .description("Open psql on the database as a reporter: reads everything of one tenant, changes nothing.")
    .argument("[arguments...]", "passed on to psql, after --")
    .option("--tenant <slug>", "the tenant to read (may be left out where there is one only)")
    .addHelpText("after", "\nExample: landfall psql --tenant harbour -- -c 'table reporting.journey_statuses'")
    .action(async (psqlArguments: string[], options: PsqlOptions) => {
      const config = loadConfig();
      const database = await openDatabase(config);
      try {
        const { url, tenant } = await openReporter(database, config, options.tenant);
        const reports = await readReports(url);
        if (process.stdin.isTTY && psqlArguments.length === 0) introduce(tenant, reports);
        process.exitCode = await runPsql(url, reports, psqlArguments);
      } finally {
        await database.close();
      }
    });
}

/**
 * A login that reads one tenant: made where it is missing, its password derived from the secret key.
 *
 * @param database open, with an administrator who may make roles
 * @param slug the tenant's; where it is left out there must be one tenant only
 */
async function openReporter(
  database: OpenDatabase,
  config: Config,
  slug: string | undefined,
): Promise<{ url: string; tenant: Tenant }> {
  const adminUrl = requireAdmin(database);
  const { secretKey, rolePrefix } = config;
  const tenant = await inOwnerTransaction(adminUrl, config, async (client) =>
    findTenant(client, slug ?? (await onlySlug(client))),
  );
  const login = { tenantId: tenant.id, ...psqlLogin };
  const password = loginPassword(secretKey, sqlLoginName(rolePrefix, login));
  const { loginName } = await ensureSqlLogin(
    { adminUrl, secretKey, rolePrefix, isEmbedded: database.isEmbedded },
    { ...login, description: "landfall psql", password, makePassword: () => password },
  );
  const url = new URL(adminUrl);
  url.username = loginName;
  url.password = password;
  return { url: url.toString(), tenant };
}

async function onlySlug(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ slug: string }>("select slug from tenancy.tenants order by slug");
  if (rows.length === 1 && rows[0]) return rows[0].slug;
  if (rows.length === 0)
    return fail("tenant_unknown", "There is no tenant yet.", "Make one with `landfall tenant create`.");
  return fail(
    "wrong_usage",
    `There are several tenants: ${rows.map((row) => row.slug).join(", ")}.`,
    "Name one with --tenant.",
  );
}

async function readReports(url: string): Promise<Report[]> {
  const client = new pg.Client({ connectionString: url, application_name: "landfall psql" });
  await client.connect();
  try {
    const { rows } = await client.query<Report>(
      `select relname as name, coalesce(split_part(pg_catalog.obj_description(oid, 'pg_class'), e'\\n', 1), '') as description
         from pg_catalog.pg_class
        where relnamespace = to_regnamespace('reporting') and relkind = 'v'
        order by relname`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

function introduce(tenant: Tenant, reports: Report[]): void {
  const width = Math.max(0, ...reports.map(({ name }) => name.length));
  tell(`You read ${tenant.name} (${tenant.slug}) and can change nothing. Reports, each by a colon and its name:\n`);
  for (const { name, description } of reports) tell(`  :${name.padEnd(width)}  ${description}`);
  tell(`\n  :${"help".padEnd(width)}  this list    \\d journeys.*  the tables    \\?  psql's own help    \\q  leave\n`);
}

/** Every report is a psql variable that holds its query, so that `:journey_statuses` at the prompt runs it. */
async function runPsql(url: string, reports: Report[], psqlArguments: string[]): Promise<number> {
  const help = `select relname as report, pg_catalog.obj_description(oid, 'pg_class') as what from pg_catalog.pg_class
    where relnamespace = 'reporting'::regnamespace and relkind = 'v' order by 1;`;
  const variables = [
    ...reports.map(({ name }) => [name, `table reporting.${name};`]),
    ["help", help.replace(/\s+/g, " ")],
  ];
  const child = spawn("psql", [...variables.flatMap(([name, value]) => ["-v", `${name}=${value}`]), ...psqlArguments], {
    stdio: "inherit",
    env: { ...process.env, ...libpqVariables(url) },
  });
  // Ctrl-C belongs to psql, where it ends a query.
  const ignore = () => undefined;
  process.on("SIGINT", ignore);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", (error) => reject(errorCode(error) === "ENOENT" ? noPsql() : error));
      child.once("exit", (code) => resolve(code ?? 1));
    });
  } finally {
    process.off("SIGINT", ignore);
  }
}

/** The environment and not the command line, which every user of the machine can read. */
function libpqVariables(url: string): Record<string, string> {
  const parsed = new URL(url);
  const sslMode = parsed.searchParams.get("sslmode");
  return {
    PGHOST: parsed.hostname.replace(/^\[|\]$/g, ""),
    PGPORT: parsed.port || "5432",
    PGUSER: decodeURIComponent(parsed.username),
    PGPASSWORD: decodeURIComponent(parsed.password),
    PGDATABASE: decodeURIComponent(parsed.pathname.slice(1)),
    ...(sslMode === null ? {} : { PGSSLMODE: sslMode }),
  };
}

function noPsql(): LandfallError {
  const wayOut: Partial<Record<NodeJS.Platform, string>> = {
    linux:
      "Install it: apt install postgresql-client (Debian, Ubuntu), dnf install postgresql (Fedora), apk add postgresql-client (Alpine).",
    darwin: "Install it: brew install libpq && brew link --force libpq.",
    win32: "Install it with PostgreSQL's command line tools from postgresql.org/download/windows.",
  };
  return new LandfallError(
    "program_missing",
    "psql is not installed.",
    wayOut[process.platform] ?? "Install PostgreSQL's client programs.",
  );
}
