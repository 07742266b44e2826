/** Tenants to try the product with: a sample base and people of every role. Never made in production. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Argument, type Command } from "commander";
import type pg from "pg";
import { z } from "zod";
import { type Config, loadConfig } from "../config.ts";
import type { OpenDatabase } from "../database/connections.ts";
import { openDatabase, requireAdmin } from "../database/connections.ts";
import { createPool } from "../database/pools.ts";
import { fail } from "../errors.ts";
import { openFileStore } from "../imports/files/open_file_store.ts";
import { importAccess } from "../imports/import_access.ts";
import type { BatchReport } from "../imports/report.ts";
import { importSample } from "../imports/run_import.ts";
import { oneTimePassword } from "../server/passwords.ts";
import { inOwnerTransaction } from "./as_owner.ts";
import type { Tenant } from "./find_tenant.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";
import { createTenant } from "./tenant.ts";
import { addPerson, type MembershipRole } from "./user.ts";

interface SamplePerson {
  email: string;
  name: string;
  role: MembershipRole;
  /** Slugs of clients of the sample base. */
  clients: string[];
}

/** By mapping: the tenant that its sample base is for, and who works there. */
const samples = {
  bloom: {
    tenant: { slug: "sample", name: "Sample Agency" },
    people: [
      { email: "admin@sample.example", name: "Ada Admin", role: "admin", clients: [] },
      { email: "editor@sample.example", name: "Eli Editor", role: "editor", clients: [] },
      { email: "viewer@sample.example", name: "Vera Viewer", role: "viewer", clients: [] },
      {
        email: "reviewer@harbourlight.example",
        name: "Rosa Reviewer",
        role: "client",
        clients: ["harbourlight-weddings"],
      },
    ],
  },
  leadgen: {
    tenant: { slug: "sample-leadgen", name: "Sample Outreach" },
    people: [
      { email: "admin@harbourline.example", name: "Alma Admin", role: "admin", clients: [] },
      { email: "editor@harbourline.example", name: "Edda Editor", role: "editor", clients: [] },
      { email: "viewer@harbourline.example", name: "Vito Viewer", role: "viewer", clients: [] },
    ],
  },
} satisfies Record<string, { tenant: { slug: string; name: string }; people: SamplePerson[] }>;

export type SampleName = keyof typeof samples;

/** `landfall sample …`: one more tenant to try things with. */
export function registerSample(program: Command): void {
  program
    .command("sample")
    .description("Make a tenant with a sample base and people of every role, where it is missing. Never in production.")
    .addArgument(new Argument("<mapping>", "whose sample base").choices(Object.keys(samples)))
    .option(...jsonOption)
    .action(async (mapping: SampleName, options: AnswerOptions) => {
      const config = loadConfig();
      if (config.environment === "production") {
        fail("wrong_usage", "A sample is not for production.", "Run it where NODE_ENV is not production.");
      }
      const database = await openDatabase(config);
      try {
        const sample = await ensureSample(config, database, mapping);
        const { tenant, people, credentialsFile, report } = sample;
        const { batchId, status, verified, issueCount } = report;
        answer(
          options,
          { tenant, people, credentialsFile, import: { batchId, status, verified, issueCount } },
          aboutSample(sample),
        );
      } finally {
        await database.close();
      }
    });
}

const credentialsSchema = z.object({
  /** The tenant of those users who name none. */
  tenant: z.string(),
  users: z.array(
    z.object({ tenant: z.string().optional(), email: z.string(), role: z.string(), password: z.string() }),
  ),
});
type Credentials = z.infer<typeof credentialsSchema>;

export interface Sample {
  tenant: Tenant;
  people: SamplePerson[];
  /** Where the passwords are; closed to others (mode 600). */
  credentialsFile: string;
  report: BatchReport;
}

/** Makes a sample's tenant, imports its base and adds its people, each where it is missing; nothing is done twice. */
export async function ensureSample(
  config: Config,
  database: OpenDatabase,
  mapping: SampleName = "bloom",
): Promise<Sample> {
  const admin = requireAdmin(database);
  const { people } = samples[mapping];
  const tenant = await inOwnerTransaction(admin, config, (client) => ensureTenant(client, mapping));
  const report = await ensureImport(config, database.worker, tenant, mapping);
  const credentialsFile = join(config.dataDir, "credentials.json");
  const credentials = readCredentials(credentialsFile);
  await inOwnerTransaction(admin, config, async (client) => {
    for (const person of people) await ensurePerson(client, config, tenant, person, credentials);
    // Before the commit: whoever is in the database has a password in the file.
    writeFileSync(credentialsFile, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
    chmodSync(credentialsFile, 0o600);
  });
  return { tenant, people, credentialsFile, report };
}

/** How to sign in, and what came in, in lines. */
export function aboutSample({ tenant, people, credentialsFile, report }: Sample): string[] {
  const landed = report.collections.reduce((sum, collection) => sum + collection.landed, 0);
  const width = Math.max(...people.map(({ email }) => email.length));
  return [
    `  Sign in to the tenant "${tenant.slug}"; the passwords are in ${fromHere(credentialsFile)}:`,
    ...people.map(({ email, role, clients }) => `    ${email.padEnd(width)}  ${[role, ...clients].join(" of ")}`),
    "",
    `  The sample base was imported: ${landed} records, ${report.issueCount} findings, ${report.verified ? "verified" : report.status}.`,
    `    npm run landfall -- import status --tenant ${tenant.slug}`,
  ];
}

/** A file as one would type it, where it is below the working directory. */
export function fromHere(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith("..") ? file : path;
}

async function ensureTenant(client: pg.Client, mapping: SampleName): Promise<Tenant> {
  const { tenant } = samples[mapping];
  const { rows } = await client.query<Tenant>("select id, slug, name from tenancy.tenants where slug = $1", [
    tenant.slug,
  ]);
  return rows[0] ?? createTenant(client, tenant);
}

async function ensureImport(
  config: Config,
  workerUrl: string,
  tenant: Tenant,
  mapping: SampleName,
): Promise<BatchReport> {
  const files = await openFileStore(config.files);
  await files.tryOut("change");
  const pool = createPool(workerUrl, {
    applicationName: "landfall sample",
    max: 4,
    previousSecretKey: config.previousSecretKey,
  });
  try {
    return await importSample({
      mapping,
      pool,
      tenantId: tenant.id,
      access: importAccess(config, files),
    });
  } finally {
    await pool.end();
  }
}

async function ensurePerson(
  client: pg.Client,
  { secretKey }: Config,
  tenant: Tenant,
  { email, name, role, clients }: SamplePerson,
  credentials: Credentials,
): Promise<void> {
  const { rowCount } = await client.query("select from tenancy.users where email = $1", [email]);
  if (rowCount !== 0) return;
  // Another database may have been tried with the same data folder before: its passwords stay good for this one, too.
  const known = credentials.users.find((user) => user.email === email);
  const password = known?.password ?? oneTimePassword();
  if (!known) {
    const isFirst = tenant.slug === credentials.tenant;
    credentials.users.push({ ...(isFirst ? {} : { tenant: tenant.slug }), email, role, password });
  }
  await addPerson(client, tenant, { email, name, role, clients, password, isOneTime: false, secretKey });
}

function readCredentials(file: string): Credentials {
  const none = { tenant: samples.bloom.tenant.slug, users: [] };
  if (!existsSync(file)) return none;
  const parsed = credentialsSchema.safeParse(JSON.parse(readFileSync(file, "utf8")));
  return parsed.success ? parsed.data : none;
}
