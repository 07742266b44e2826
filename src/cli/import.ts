import type { Command } from "commander";
import { proveAgain } from "../imports/prove_again.ts";
import {
  beginReplay,
  fixIssue,
  listIssues,
  listMerges,
  type Merge,
  mergeRecords,
  withdrawMerge,
} from "../imports/quarantine.ts";
import {
  type BatchReport,
  planLines,
  readReport,
  reportAsMarkdown,
  summarise,
  sumsAsLines,
} from "../imports/report.ts";
import { followBatch, type ImportRequest, planImport, runImport } from "../imports/run_import.ts";
import {
  beginRollback,
  cancelBatch,
  pauseBatch,
  previewRollback,
  type RollbackLine,
  readRollback,
  resumeBatch,
} from "../imports/steer_batch.ts";
import { withTenant } from "./find_tenant.ts";
import { type SourceOptions, type TenantOptions, takeSource, tenantOption, withFollowing } from "./following.ts";
import { registerReport } from "./import_report.ts";
import { type AnswerOptions, answer, jsonOption, tell } from "./output.ts";

interface RunOptions extends SourceOptions {
  afterCutover?: boolean;
}

interface StatusOptions extends TenantOptions {
  markdown?: boolean;
}

interface IssuesOptions extends TenantOptions {
  all?: boolean;
  limit: number;
}

interface FixOptions extends TenantOptions {
  field?: string;
}

interface MergeOptions extends TenantOptions {
  into: string;
}

interface RollbackOptions extends TenantOptions {
  dryRun?: boolean;
}

/** `landfall import …`: bring a legacy store in, and account for every record. */
export function registerImport(program: Command): void {
  const command = program.command("import").description("Bring a legacy store in, and account for every record of it.");
  const withSource = (name: string, description: string) => takeSource(command.command(name).description(description));

  withSource("plan", "Read a source to its end and say what a run would do, without changing a row.").action(
    async (options: SourceOptions) => {
      const { plan } = await withRequest(options, async (request) => ({ plan: await planImport(request) }));
      const lines = [
        ...plan.findings.map((finding) => `${finding.collection}: ${finding.message} ${finding.wayOut}`),
        ...sumsAsLines({ ...plan.report, collections: plan.collections }),
        ...issueLines(plan.report),
        ...(plan.calls === null
          ? []
          : [`Reading the live base takes ${plan.calls} calls: ${asMinutes(plan.readingMinutes ?? 0)}.`]),
        `The database works on a run for about ${asMinutes(plan.workingMinutes)}.`,
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
          readingMinutes: plan.readingMinutes,
          workingMinutes: plan.workingMinutes,
          stops: plan.stops,
        },
        lines,
      );
    },
  );

  withSource("run", "Import a source. An import that was stopped goes on where it stopped.")
    .option("--after-cutover", "import although the source was left behind by a cut-over; that is kept on record")
    .action(async (options: RunOptions) => {
      const report = await withRequest(options, runImport, options.afterCutover === true);
      tellReport(options, report);
      if (report.status === "failed" || report.status === "cancelled") process.exitCode = 1;
    });

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

  registerReport(command);
  const withBatch = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .argument("<batch>", "the batch's id, as landfall import status tells it")
      .requiredOption(...tenantOption)
      .option(...jsonOption);

  withBatch("pause", "Stop an import after the chunk in hand; it keeps its place.").action(
    async (batchId: string, options: TenantOptions) => {
      tellReport(options, await withTenant(options.tenant, (pool, tenantId) => pauseBatch(pool, tenantId, batchId)));
    },
  );

  withBatch(
    "cancel",
    "Give an import up after the chunk in hand; what it brought stays until it is rolled back.",
  ).action(async (batchId: string, options: TenantOptions) => {
    tellReport(options, await withTenant(options.tenant, (pool, tenantId) => cancelBatch(pool, tenantId, batchId)));
  });

  withBatch("resume", "Let a paused import go on at its last checkpoint, to its end.").action(
    async (batchId: string, options: TenantOptions) => {
      const report = await withFollowing(options, async (following) => {
        await resumeBatch(following.pool, following.tenantId, batchId);
        return await followBatch(following, batchId);
      });
      tellReport(options, report);
      if (report.status === "failed") process.exitCode = 1;
    },
  );

  command
    .command("issues")
    .description("List what waits in quarantine and what was converted, with the originals.")
    .argument("[batch]", "the batch's id; the latest one where nothing is given")
    .requiredOption(...tenantOption)
    .option("--all", "those too that a replay has settled")
    .option("--limit <count>", "how many at most", Number, 1_000)
    .option(...jsonOption)
    .action(async (batchId: string | undefined, options: IssuesOptions) => {
      const { report, issues } = await withTenant(options.tenant, (pool, tenantId) =>
        listIssues(pool, tenantId, batchId, { isWhole: options.all === true, limit: options.limit }),
      );
      answer(options, { batchId: report.batchId, issues, issueCount: report.issueCount }, [
        `Import ${report.batchId}: ${report.issueCount} to look at.`,
        ...issues.flatMap((issue) => [
          `${issue.id}  ${[issue.collection, issue.recordId, issue.field].filter((part) => part !== null).join(" / ")}: ${issue.reason}${issue.settledAt === null ? "" : ", settled"}`,
          ...(issue.original === null ? [] : [`  has ${issue.original}`]),
          ...(issue.existing === null ? [] : [`  here ${issue.existing}`]),
          `  ${[issue.detail, issue.wayOut].filter((text) => text !== null).join(" ")}`,
        ]),
      ]);
    });

  command
    .command("fix")
    .description("Give a cell the value that counts instead of the source's; the original stays in the ledger.")
    .argument("<issue>", "the issue's id, as landfall import issues tells it")
    .argument("<value>", "as the source would write it, in JSON; what is no JSON is a text; null empties the cell")
    .option("--field <name>", "the field, where the issue is about the whole record")
    .requiredOption(...tenantOption)
    .option(...jsonOption)
    .action(async (issueId: string, value: string, options: FixOptions) => {
      const fixed = await withTenant(options.tenant, (pool, tenantId) =>
        fixIssue(pool, tenantId, issueId, readValue(value), options.field),
      );
      answer(options, fixed, [
        `${fixed.collection} / ${fixed.recordId} / ${fixed.field} is fixed. It takes effect with: landfall import replay <batch>.`,
      ]);
    });

  command
    .command("merge")
    .description("Say that a record that waits is the same thing as another one: it makes no row of its own.")
    .argument("<issue>", "an issue of that record, as landfall import issues tells it")
    .requiredOption("--into <record>", "the other record's id in the source")
    .requiredOption(...tenantOption)
    .option(...jsonOption)
    .action(async (issueId: string, options: MergeOptions) => {
      const merge = await withTenant(options.tenant, (pool, tenantId) =>
        mergeRecords(pool, tenantId, issueId, options.into),
      );
      answer(options, merge, [
        `${mergeLine(merge)} It takes effect with: landfall import replay <batch>; to take it back: landfall import unmerge ${merge.id}.`,
      ]);
    });

  command
    .command("merges")
    .description("List the records that are merged into others.")
    .requiredOption(...tenantOption)
    .option(...jsonOption)
    .action(async (options: TenantOptions) => {
      const merges = await withTenant(options.tenant, listMerges);
      answer(
        options,
        { merges },
        merges.length === 0
          ? ["Every record stands by itself."]
          : merges.map((merge) => `${merge.id}  ${mergeLine(merge)}`),
      );
    });

  command
    .command("unmerge")
    .description("Take back that two records are one; with the next import the record comes in by itself again.")
    .argument("<merge>", "the merge's id, as landfall import merges tells it")
    .requiredOption(...tenantOption)
    .option(...jsonOption)
    .action(async (mergeId: string, options: TenantOptions) => {
      const merge = await withTenant(options.tenant, (pool, tenantId) => withdrawMerge(pool, tenantId, mergeId));
      answer(options, merge, [
        `${merge.collection}/${merge.recordId} stands by itself again. It comes in with the next import of its source.`,
      ]);
    });

  withBatch("replay", "Take up what waits in quarantine again, without a call to the source.").action(
    async (batchId: string, options: TenantOptions) => {
      const report = await withFollowing(options, async (following) => {
        await beginReplay(following.pool, following.tenantId, batchId);
        return await followBatch(following, batchId);
      });
      tellReport(options, report);
      if (report.status === "failed") process.exitCode = 1;
    },
  );

  withBatch("verify", "Prove once more what an import brought, as the database stands now; writes nothing.").action(
    async (batchId: string, options: TenantOptions) => {
      const checks = await withTenant(options.tenant, (pool, tenantId) => proveAgain(pool, tenantId, batchId));
      const failed = checks.filter(({ expected, actual }) => expected !== actual);
      answer(options, { batchId, checks }, [
        ...failed.map(checkLine),
        `${checks.length - failed.length} of ${checks.length} checks passed.`,
      ]);
      if (failed.length > 0) process.exitCode = 1;
    },
  );

  withBatch("rollback", "Take back what an import brought, and prove it; what people edited since is kept and named.")
    .option("--dry-run", "only say what would go, what would be kept, and why")
    .action(async (batchId: string, options: RollbackOptions) => {
      const preview = await withTenant(options.tenant, (pool, tenantId) => previewRollback(pool, tenantId, batchId));
      const outlook = [`Taking back the import ${batchId} would do this:`, ...rollbackLines(preview)];
      if (options.dryRun) {
        answer(options, { batchId, rollback: preview }, [
          ...outlook,
          "Nothing was changed. To do it: the same without --dry-run.",
        ]);
        return;
      }
      for (const line of outlook) tell(line);
      const { report, rollback } = await withFollowing(options, async (following) => {
        const { pool, tenantId } = following;
        await beginRollback(pool, tenantId, batchId);
        const report = await followBatch(following, batchId);
        return { report, rollback: await readRollback(pool, tenantId, batchId) };
      });
      answer(options, { ...summarise(report), rollback }, [
        [`Import ${batchId}: ${report.status}.`, report.message, report.wayOut]
          .filter((text) => text !== null)
          .join(" "),
        ...rollbackLines(rollback),
        report.verified === true ? "Proved: every table holds what it held before." : "Not proved: see the checks.",
      ]);
      if (report.verified !== true) process.exitCode = 1;
    });
}

function mergeLine({ collection, recordId, intoRecordId }: Merge): string {
  return `${collection}/${recordId} is the same as ${collection}/${intoRecordId}.`;
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function rollbackLines(rollback: RollbackLine[]): string[] {
  if (rollback.length === 0) return ["  It wrote no rows: there is nothing to take back."];
  return rollback.map(({ collection, fate, reason, rows, examples }) => {
    const why = reason === null ? "" : ` because ${reason}: ${examples.join("; ")}`;
    return `  ${collection}: ${rows} ${fate}${why}`;
  });
}

function tellReport(options: AnswerOptions, report: BatchReport): void {
  const failed = report.checks.filter(({ expected, actual }) => expected !== actual);
  answer(options, summarise(report), [
    [`Import ${report.batchId}: ${report.status}.`, report.message, report.wayOut]
      .filter((text) => text !== null)
      .join(" "),
    ...sumsAsLines(report),
    ...planLines(report),
    ...issueLines(report),
    ...failed.map(checkLine),
    report.verified === null
      ? "Not verified yet."
      : `${report.checks.length - failed.length} of ${report.checks.length} checks passed.`,
  ]);
}

function checkLine(check: BatchReport["checks"][number]): string {
  const { layer, name, expected, actual, offending } = check;
  return `${check.collection ?? "the batch"}, ${layer}, ${name}: ${expected} expected, ${actual} found (${offending.join(", ")})`;
}

function issueLines(report: BatchReport): string[] {
  const lines = report.issues.map((issue) => {
    const place = [issue.collection, issue.recordId, issue.field].filter((part) => part !== null).join(" / ");
    return `  ${place}: ${issue.reason}${issue.detail === null ? "" : ` (${issue.detail})`} → ${issue.wayOut}`;
  });
  if (lines.length === 0) return [];
  return [`${report.issueCount} to look at:`, ...lines];
}

function asMinutes(minutes: number): string {
  return `${Math.max(minutes, 0.1).toFixed(1)} minutes`;
}

async function withRequest<Result>(
  options: SourceOptions,
  work: (request: ImportRequest) => Promise<Result>,
  isAfterCutover = false,
): Promise<Result> {
  const { mapping, from, onConflict, deleteThreshold } = options;
  return await withFollowing(options, (following) =>
    work({ ...following, mapping, from, options: { onConflict, deleteThreshold, isAfterCutover } }),
  );
}
