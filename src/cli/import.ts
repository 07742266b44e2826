import { MultiBar, type SingleBar } from "cli-progress";
import { type Command, InvalidArgumentError, Option } from "commander";
import type pg from "pg";
import { type Config, loadConfig } from "../config.ts";
import { openDatabase } from "../database/connections.ts";
import { createPool } from "../database/pools.ts";
import { type ConflictPolicy, conflictPolicies } from "../imports/mappings/mapping.ts";
import type { Progress } from "../imports/pipeline/run_batch.ts";
import { type BatchReport, readReport, reportAsMarkdown, summarise, sumsAsLines } from "../imports/report.ts";
import { type ImportRequest, planImport, runImport } from "../imports/run_import.ts";
import { asOwner } from "./as_owner.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";
import { findTenant } from "./tenant.ts";

interface SourceOptions extends AnswerOptions {
  mapping: string;
  from: string;
  tenant: string;
  onConflict: ConflictPolicy;
  deleteThreshold: number;
}

interface StatusOptions extends AnswerOptions {
  tenant: string;
  markdown?: boolean;
}

const tenantOption = ["--tenant <slug>", "the tenant that the rows belong to"] as const;

/** `landfall import …`: bring a legacy store in, and account for every record. */
export function registerImport(program: Command): void {
  const command = program.command("import").description("Bring a legacy store in, and account for every record of it.");
  const withSource = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .requiredOption("--mapping <name>", "how to read it: bloom")
      .requiredOption("--from <source>", "a snapshot folder, or airtable:<base id>")
      .requiredOption(...tenantOption)
      .addOption(
        new Option("--on-conflict <policy>", "whose value stays where the source and people both changed a column")
          .choices(conflictPolicies)
          .default("hold"),
      )
      .option(
        "--delete-threshold <percent>",
        "how many percent of a collection may be gone from the source, and be deleted here",
        parsePercent,
        5,
      )
      .option(...jsonOption);

  withSource("plan", "Read a source to its end and say what a run would do, without changing a row.").action(
    async (options: SourceOptions) => {
      const { plan } = await withRequest(options, async (request) => ({ plan: await planImport(request) }));
      const lines = [
        ...plan.findings.map((finding) => `${finding.collection}: ${finding.message} ${finding.wayOut}`),
        ...sumsAsLines({ ...plan.report, collections: plan.collections }),
        ...issueLines(plan.report),
        ...(plan.calls === null
          ? []
          : [`Reading it live takes ${plan.calls} calls: ${Math.max(plan.minutes ?? 0, 0.1).toFixed(1)} minutes.`]),
        ...(plan.stops === null ? [] : [`A run would stop: ${plan.stops}`]),
        "Nothing was changed. To import: landfall import run with the same options.",
      ];
      answer(
        options,
        {
          ...summarise(plan.report),
          collections: plan.collections,
          findings: plan.findings,
          calls: plan.calls,
          minutes: plan.minutes,
          stops: plan.stops,
        },
        lines,
      );
    },
  );

  withSource("run", "Import a source. An import that was stopped goes on where it stopped.").action(
    async (options: SourceOptions) => {
      const report = await withRequest(options, runImport);
      tellReport(options, report);
      if (report.status === "failed") process.exitCode = 1;
    },
  );

  command
    .command("status")
    .description("Tell how an import is, or how it ended, from its ledger.")
    .argument("[batch]", "the batch's id; the latest one where nothing is given")
    .requiredOption(...tenantOption)
    .option("--markdown", "the whole report, with every field's fate and every check")
    .option(...jsonOption)
    .action(async (batchId: string | undefined, options: StatusOptions) => {
      const report = await withTenant(options.tenant, (pool, tenantId) => readReport(pool, tenantId, batchId));
      if (options.markdown) answer(options, summarise(report), [reportAsMarkdown(report).trimEnd()]);
      else tellReport(options, report);
    });
}

function tellReport(options: AnswerOptions, report: BatchReport): void {
  const failed = report.checks.filter(({ expected, actual }) => expected !== actual);
  answer(options, summarise(report), [
    `Import ${report.batchId}: ${report.status}.${report.message === null ? "" : ` ${report.message}`}`,
    ...sumsAsLines(report),
    ...issueLines(report),
    ...failed.map(
      (check) =>
        `${check.collection}, ${check.layer}, ${check.name}: ${check.expected} expected, ${check.actual} found (${check.offending.join(", ")})`,
    ),
    report.verified === null
      ? "Not verified yet."
      : `${report.checks.length - failed.length} of ${report.checks.length} checks passed.`,
  ]);
}

function issueLines(report: BatchReport): string[] {
  const lines = report.issues.map((issue) => {
    const place = [issue.collection, issue.recordId, issue.field].filter((part) => part !== null).join(" / ");
    return `  ${place}: ${issue.reason}${issue.detail === null ? "" : ` (${issue.detail})`} → ${issue.wayOut}`;
  });
  if (lines.length === 0) return [];
  return [`${report.issueCount} to look at:`, ...lines];
}

function parsePercent(text: string): number {
  const percent = Number(text);
  if (text.trim() === "" || !(percent >= 0 && percent <= 100)) {
    throw new InvalidArgumentError("Give a number from 0 to 100.");
  }
  return percent;
}

async function withRequest<Result>(
  options: SourceOptions,
  work: (request: ImportRequest) => Promise<Result>,
): Promise<Result> {
  const progress = makeProgress();
  try {
    return await withTenant(options.tenant, (pool, tenantId, config) =>
      work({
        pool,
        tenantId,
        mapping: options.mapping,
        from: options.from,
        access: { airtable: config.airtable },
        options: { onConflict: options.onConflict, deleteThreshold: options.deleteThreshold },
        onProgress: progress.show,
      }),
    );
  } finally {
    progress.stop();
  }
}

async function withTenant<Result>(
  slug: string,
  work: (pool: pg.Pool, tenantId: string, config: Config) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig();
  const database = await openDatabase(config);
  try {
    const tenant = await asOwner((client) => findTenant(client, slug));
    const pool = createPool(database.worker, { applicationName: "landfall import", max: 4 });
    try {
      return await work(pool, tenant.id, config);
    } finally {
      await pool.end();
    }
  } finally {
    await database.close();
  }
}

/** One bar for each collection, on stderr, and only on a terminal. How many records a source has is known when all are read. */
function makeProgress(): { show: Progress; stop(): void } {
  if (!process.stderr.isTTY) return { show: () => {}, stop: () => {} };
  const bars = new MultiBar({
    format: "{collection} [{bar}] {value} {step}",
    hideCursor: true,
    stream: process.stderr,
  });
  const known = new Map<string, SingleBar>();
  const landed = new Map<string, number>();
  return {
    show: (step, collection, done) => {
      if (step === "land") landed.set(collection, done);
      const total = landed.get(collection) ?? done;
      const bar = known.get(collection) ?? bars.create(total, 0, { collection: collection.padEnd(16), step: "" });
      known.set(collection, bar);
      bar.setTotal(Math.max(total, 1));
      bar.update(step === "land" ? 0 : done, { step: step === "land" ? `${done} read` : "in" });
    },
    stop: () => bars.stop(),
  };
}
