/** A tenant to try the product with: a sample base and people of every role. Never made in production. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { z } from "zod";
import type { Config } from "../config.ts";
import type { OpenDatabase } from "../database/connections.ts";
import { requireAdmin } from "../database/connections.ts";
import { createPool } from "../database/pools.ts";
import type { BatchReport } from "../imports/report.ts";
import { importSample } from "../imports/run_import.ts";
import { oneTimePassword } from "../server/passwords.ts";
import { inOwnerTransaction } from "./as_owner.ts";
import { createTenant, type Tenant } from "./tenant.ts";
import { addPerson, type MembershipRole } from "./user.ts";

const sampleTenant = { slug: "sample", name: "Sample Agency" };

interface SamplePerson {
  email: string;
  name: string;
  role: MembershipRole;
  /** Slugs of clients of the sample base. */
  clients: string[];
}

const people: SamplePerson[] = [
  { email: "admin@sample.example", name: "Ada Admin", role: "admin", clients: [] },
  { email: "editor@sample.example", name: "Eli Editor", role: "editor", clients: [] },
  { email: "viewer@sample.example", name: "Vera Viewer", role: "viewer", clients: [] },
  { email: "reviewer@harbourlight.example", name: "Rosa Reviewer", role: "client", clients: ["harbourlight-weddings"] },
];

const credentialsSchema = z.object({
  tenant: z.string(),
  users: z.array(z.object({ email: z.string(), role: z.string(), password: z.string() })),
});
type Credentials = z.infer<typeof credentialsSchema>;

export interface Sample {
  tenant: Tenant;
  people: SamplePerson[];
  /** Where the passwords are; closed to others (mode 600). */
  credentialsFile: string;
  report: BatchReport;
}

/** Makes the sample tenant, imports the sample base and adds its people, each where it is missing; nothing is done twice. */
export async function ensureSample(config: Config, database: OpenDatabase): Promise<Sample> {
  const admin = requireAdmin(database);
  const tenant = await inOwnerTransaction(admin, config, ensureTenant);
  const report = await ensureImport(config, database.worker, tenant);
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

async function ensureTenant(client: pg.Client): Promise<Tenant> {
  const { rows } = await client.query<Tenant>("select id, slug, name from tenancy.tenants where slug = $1", [
    sampleTenant.slug,
  ]);
  return rows[0] ?? createTenant(client, sampleTenant);
}

async function ensureImport(config: Config, workerUrl: string, tenant: Tenant): Promise<BatchReport> {
  const pool = createPool(workerUrl, { applicationName: "landfall sample", max: 4 });
  try {
    return await importSample({
      pool,
      tenantId: tenant.id,
      access: { airtable: config.airtable, filesFolder: config.filesDir },
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
  if (!known) credentials.users.push({ email, role, password });
  await addPerson(client, tenant, { email, name, role, clients, password, isOneTime: false, secretKey });
}

function readCredentials(file: string): Credentials {
  if (!existsSync(file)) return { tenant: sampleTenant.slug, users: [] };
  const parsed = credentialsSchema.safeParse(JSON.parse(readFileSync(file, "utf8")));
  return parsed.success ? parsed.data : { tenant: sampleTenant.slug, users: [] };
}
