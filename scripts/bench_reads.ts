/**
 * Measures what the lists of leads cost: `npm run bench:reads`. 100,000 companies, 200,000 contacts and 400,000 messages of five tenants, on a
 * server of their own that is thrown away. Every document is asked through the API's schema, as an editor under the policies, with filters
 * that change each time; then again with the plans told. Fails where a plan reads other tenants' rows, or a whole tenant in spite of a
 * filter, and where p95 is over the budget: of the time that the server's process worked, where the system tells it, else of the clock's.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { loadConfig } from "../src/config.ts";
import { startEmbedded } from "../src/database/embedded.ts";
import { migrate } from "../src/database/migrate.ts";
import { deriveUrls } from "../src/database/urls.ts";
import { localSecrets } from "../src/secrets.ts";
import {
  findWrongScans,
  type LeadReads,
  type LeadTenant,
  leadReads,
  openLeadReads,
  type Random,
  randomFrom,
  readTenants,
} from "./bench/lead_reads.ts";
import { largeSizes, makeLeads } from "./bench/leads.ts";
import { databaseUrl, rolePrefix, runSql, type Server } from "./bench/server.ts";

const { runs, plans, companies, budget } = new Command("npm run bench:reads --")
  .description("Measure the lists and counts of leads, and look at their plans.")
  .option("--runs <number>", "how often each document is asked", Number, 300)
  .option("--plans <number>", "for how many of them the plans are looked at", Number, 100)
  .option(
    "--companies <number>",
    "how many companies there are; twice as many contacts, four times as many messages",
    Number,
    largeSizes.companies,
  )
  .option("--budget <milliseconds>", "p95 at most", Number, 20)
  .parse()
  .opts<{ runs: number; plans: number; companies: number; budget: number }>();

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Mostly the largest tenant, which is the one that is slow. */
function anyTenant(tenants: LeadTenant[], random: Random): LeadTenant {
  return (random() < 0.7 ? tenants[0] : tenants[Math.floor(random() * tenants.length)]) as LeadTenant;
}

const folder = mkdtempSync(join(tmpdir(), "landfall-bench-"));
const embedded = await startEmbedded({ dataDir: join(folder, "server"), major: loadConfig().postgresMajor });
try {
  const server: Server = { embedded, secretKey: localSecrets(join(folder, "server")).secretKey };
  const adminUrl = databaseUrl(server, "reads");
  await runSql(databaseUrl(server, "landfall"), "create database reads");
  await migrate({ adminUrl, rolePrefix, secretKey: server.secretKey, log: () => {} });
  const begun = performance.now();
  await makeLeads(adminUrl, { ...largeSizes, companies });
  const tenants = await readTenants(adminUrl, rolePrefix);
  say(
    `${companies} companies of ${tenants.length} tenants made in ${Math.round((performance.now() - begun) / 1_000)} s.`,
  );
  const authenticatorUrl = deriveUrls(adminUrl, server.secretKey, rolePrefix).authenticator;
  const open = (isExplained: boolean) => openLeadReads({ adminUrl, authenticatorUrl, rolePrefix, isExplained });

  const clock = new Map<string, number[]>();
  const worked = new Map<string, number[]>();
  const timed = await open(false);
  await askAll(timed, tenants, runs, 1, (name, { milliseconds, cpuMilliseconds }, count) => {
    // The first tenth warms up plans and buffers.
    if (count < runs / 10) return;
    clock.set(name, [...(clock.get(name) ?? []), milliseconds]);
    worked.set(name, [...(worked.get(name) ?? []), cpuMilliseconds ?? milliseconds]);
  });
  await timed.close();

  const wrong = new Set<string>();
  const read = new Map<string, { rows: number[]; buffers: number[] }>();
  const explained = await open(true);
  await askAll(explained, tenants, plans, 2, (name, asked, _count, tenant, variables) => {
    const hasFilter = Object.entries(variables).some(([key, value]) => key !== "orderBy" && value !== undefined);
    for (const finding of findWrongScans(asked, tenant, hasFilter))
      wrong.add(`${name} ${JSON.stringify(variables)}: ${finding}`);
    const seen = read.get(name) ?? { rows: [], buffers: [] };
    seen.rows.push(asked.scans.reduce((sum, scan) => sum + scan.rows, 0));
    seen.buffers.push(asked.buffers);
    read.set(name, seen);
  });
  await explained.close();

  say("| document | clock p50 | p95 | processor p50 | p95 | rows looked at, p50 | p95 | buffers, p95 |");
  say("|---|---:|---:|---:|---:|---:|---:|---:|");
  for (const { name } of leadReads) {
    const { rows = [], buffers = [] } = read.get(name) ?? {};
    const figures = [clock, worked].flatMap((times) =>
      [0.5, 0.95].map((share) => percentile(times.get(name) ?? [], share).toFixed(1)),
    );
    const counts = [percentile(rows, 0.5), percentile(rows, 0.95), percentile(buffers, 0.95)].map((count) =>
      count.toLocaleString("en"),
    );
    say(`| \`${name}\` | ${[...figures, ...counts].join(" | ")} |`);
    if (percentile(worked.get(name) ?? [], 0.95) > budget) wrong.add(`${name}: p95 is over ${budget} ms`);
  }
  for (const finding of wrong) say(`WRONG ${finding}`);
  process.exitCode = wrong.size === 0 ? 0 : 1;
} finally {
  await embedded.stop();
  rmSync(embedded.pgData, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}

async function askAll(
  reads: LeadReads,
  tenants: LeadTenant[],
  count: number,
  seed: number,
  tell: (
    name: string,
    asked: Awaited<ReturnType<LeadReads["ask"]>>,
    count: number,
    tenant: LeadTenant,
    variables: Record<string, unknown>,
  ) => void,
): Promise<void> {
  const random = randomFrom(seed);
  for (let number = 0; number < count; number += 1) {
    for (const { name, document, variables } of leadReads) {
      const tenant = anyTenant(tenants, random);
      const values = variables(tenant, random);
      tell(name, await reads.ask(document, tenant, values), number, tenant, values);
    }
  }
}

function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
