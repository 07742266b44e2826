import type pg from "pg";
import { withIdentity } from "../database/with_identity.ts";
import { fail } from "../errors.ts";
import type { BatchStatus } from "./pipeline/batch.ts";

/** What became of one collection; `landed = inserted + updated + unchanged + quarantined + skipped`. */
export interface CollectionReport {
  name: string;
  landed: number;
  inserted: number;
  updated: number;
  unchanged: number;
  quarantined: number;
  skipped: number;
  deleted: number;
  /** Records of which the source and people both changed something, whichever outcome they have. */
  conflicts: number;
}

export interface IssueReport {
  collection: string;
  recordId: string | null;
  field: string | null;
  fate: string | null;
  reason: string;
  original: string | null;
  /** What the row holds, of a conflict. */
  existing: string | null;
  detail: string | null;
  wayOut: string;
}

/** What was foreseen of a batch, beside its outcomes, and what it took. */
export interface PlanReport {
  /** The plan that the batch was held to; null where it was foreseen by itself. */
  plannedBatchId: string | null;
  /** Why a plan that was made before did not count. */
  passedOver: string | null;
  /** Calls that reading the live store takes, and the minutes at the pace that it allows; null where there is no live store. */
  calls: number | null;
  readingMinutes: number | null;
  workingMinutes: number | null;
  /** Why a run stops; null where it does not. */
  stops: string | null;
  actualCalls: number | null;
  actualMinutes: number | null;
}

/** The cut-over that a batch is a pass of. */
export interface CutoverReport {
  cutoverId: string;
  status: string;
  /** Which pass, from 1, and of how many so far. */
  number: number;
  passes: number;
  isFinal: boolean;
  frozenBy: string | null;
  frozenAt: Date | null;
  switchedAt: Date | null;
}

/** A batch as its ledger tells it. */
export interface BatchReport {
  batchId: string;
  status: BatchStatus;
  mapping: string;
  location: string;
  message: string | null;
  wayOut: string | null;
  startedAt: Date | null;
  finishedAt: Date | null;
  collections: CollectionReport[];
  /** The first thousand. */
  issues: IssueReport[];
  issueCount: number;
  fields: {
    collection: string;
    name: string;
    fate: string;
    column: string | null;
    because: string | null;
    exact: number;
    converted: number;
    quarantined: number;
    dropped: number;
  }[];
  checks: {
    collection: string | null;
    layer: string;
    name: string;
    expected: number;
    actual: number;
    offending: string[];
  }[];
  /** When the texts that it read were forgotten; null while they are kept. */
  textsForgottenAt: Date | null;
  /** Rows that were deleted because their records are gone, and what went with them by the foreign keys. */
  removed: { table: string; rows: number }[];
  /** Calls to the source's API. */
  calls: number;
  /** What was foreseen of it; null where nothing was yet. */
  plan: PlanReport | null;
  /** The cut-over that it is a pass of: the report of the last one is the parity report. Null for every other import. */
  cutover: CutoverReport | null;
  /** Whether every check passed; null before verification. */
  verified: boolean | null;
}

const issuesShown = 1_000;

/**
 * Reads a batch's report out of the ledger.
 *
 * @param batchId the latest batch of the tenant where nothing is given
 * @throws LandfallError `import_unknown`
 */
export async function readReport(pool: pg.Pool, tenantId: string, batchId?: string): Promise<BatchReport> {
  return await withIdentity(pool, { kind: "worker", tenantId }, (client) => readReportIn(client, tenantId, batchId));
}

/**
 * The same in a transaction of whoever may see the batch.
 *
 * @throws LandfallError `import_unknown`
 */
export async function readReportIn(client: pg.ClientBase, tenantId: string, batchId?: string): Promise<BatchReport> {
  const batches = await client.query<
    Pick<
      BatchReport,
      | "batchId"
      | "status"
      | "mapping"
      | "location"
      | "message"
      | "wayOut"
      | "startedAt"
      | "finishedAt"
      | "verified"
      | "textsForgottenAt"
    >
  >(
    `select batch.id as "batchId", batch.status, source.mapping, batch.location, batch.message, batch.way_out as "wayOut",
            batch.started_at as "startedAt", batch.finished_at as "finishedAt", batch.is_verified as verified,
            batch.payloads_forgotten_at as "textsForgottenAt"
     from imports.batches batch
     join imports.sources source on source.tenant_id = batch.tenant_id and source.id = batch.source_id
     where batch.tenant_id = $1 and ($2::text is null or batch.id::text = $2)
     order by batch.created_at desc, batch.id desc
     limit 1`,
    [tenantId, batchId ?? null],
  );
  const batch = batches.rows[0];
  if (batch === undefined) {
    return fail(
      "import_unknown",
      batchId === undefined ? "This tenant has no imports yet." : `There is no import batch ${batchId}.`,
      "Start one: landfall import run --mapping bloom --from <folder or airtable:app…> --tenant <slug>.",
    );
  }
  const values = [tenantId, batch.batchId];
  const collections = await client.query<CollectionReport>(
    `select name, landed::float8, inserted::float8, updated::float8, unchanged::float8, quarantined::float8, skipped::float8,
            deleted::float8, conflicts::float8
     from imports.collections where tenant_id = $1 and batch_id = $2 order by place`,
    values,
  );
  const issues = await client.query<IssueReport>(
    `select collection.name as collection, issue.record_id as "recordId", issue.field, issue.fate, issue.reason, issue.original,
            issue.existing_value as existing, issue.detail, issue.way_out as "wayOut"
     from imports.issues issue
     join imports.collections collection on collection.tenant_id = issue.tenant_id and collection.id = issue.collection_id
     where issue.tenant_id = $1 and issue.batch_id = $2 and issue.settled_at is null
     order by collection.place, issue.id
     limit ${issuesShown}`,
    values,
  );
  const counts = await client.query<{ issues: number; calls: number }>(
    `select (select count(*) from imports.issues where tenant_id = $1 and batch_id = $2 and settled_at is null)::float8 as issues,
            (select count(*) from imports.api_calls where tenant_id = $1 and batch_id = $2)::float8 as calls`,
    values,
  );
  const fields = await client.query<BatchReport["fields"][number]>(
    `select collection.name as collection, field.name, field.fate, field.column_name as column, field.because,
            field.exact::float8, field.converted::float8, field.quarantined::float8, field.dropped::float8
     from imports.fields field
     join imports.collections collection on collection.tenant_id = field.tenant_id and collection.id = field.collection_id
     where collection.tenant_id = $1 and collection.batch_id = $2
     order by collection.place, field.id`,
    values,
  );
  const checks = await client.query<BatchReport["checks"][number]>(
    `select collection.name as collection, checked.layer, checked.name, checked.expected::float8, checked.actual::float8,
            checked.offending
     from imports.checks checked
     left join imports.collections collection on collection.tenant_id = checked.tenant_id and collection.id = checked.collection_id
     where checked.tenant_id = $1 and checked.batch_id = $2
     order by collection.place, checked.layer, checked.id`,
    values,
  );
  const removed = await client.query<BatchReport["removed"][number]>(
    `select table_name as "table", count(*)::float8 as rows
     from imports.effects where tenant_id = $1 and batch_id = $2 and effect = 'deleted'
     group by table_name order by table_name`,
    values,
  );
  const plans = await client.query<PlanReport>(
    `select origin.batch_id as "plannedBatchId", plan.passed_over as "passedOver", plan.calls, plan.reading_minutes::float8 as "readingMinutes",
            plan.working_minutes::float8 as "workingMinutes", plan.stops, plan.actual_calls as "actualCalls",
            plan.actual_minutes::float8 as "actualMinutes"
     from imports.plans plan
     left join imports.plans origin on origin.tenant_id = plan.tenant_id and origin.id = plan.origin_id
     where plan.tenant_id = $1 and plan.batch_id = $2`,
    values,
  );
  const cutovers = await client.query<CutoverReport>(
    `select cutover.id as "cutoverId", cutover.status, pass.number, pass.kind = 'final' as "isFinal", cutover.frozen_by as "frozenBy",
            cutover.frozen_at as "frozenAt", cutover.switched_at as "switchedAt",
            (
              select count(*)::integer from imports.cutover_passes any_pass
              where any_pass.tenant_id = pass.tenant_id and any_pass.cutover_id = pass.cutover_id
            ) as passes
     from imports.cutover_passes pass
     join imports.cutovers cutover on cutover.tenant_id = pass.tenant_id and cutover.id = pass.cutover_id
     where pass.tenant_id = $1 and pass.batch_id = $2
     order by pass.number
     limit 1`,
    values,
  );
  return {
    ...batch,
    plan: plans.rows[0] ?? null,
    cutover: cutovers.rows[0] ?? null,
    removed: removed.rows,
    collections: collections.rows,
    issues: issues.rows,
    issueCount: counts.rows[0]?.issues ?? 0,
    calls: counts.rows[0]?.calls ?? 0,
    fields: fields.rows,
    checks: checks.rows,
  };
}

/** What machines get: `landfall import run --json`. */
export function summarise(report: BatchReport) {
  const { batchId, status, collections, issues, issueCount, verified, message, wayOut } = report;
  return { batchId, status, collections, issues, issueCount, verified, message, wayOut };
}

const outcomes = [
  "landed",
  "inserted",
  "updated",
  "unchanged",
  "quarantined",
  "skipped",
  "deleted",
  "conflicts",
] as const;

/** The sums, as aligned lines for a terminal. */
export function sumsAsLines(report: BatchReport): string[] {
  const rows = [
    ["", ...outcomes],
    ...report.collections.map((collection) => [
      collection.name,
      ...outcomes.map((outcome) => String(collection[outcome])),
    ]),
    ["total", ...outcomes.map((outcome) => String(total(report, outcome)))],
  ];
  const widths = rows[0]?.map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 2)))
      .join("")
      .trimEnd(),
  );
}

function total(report: BatchReport, outcome: (typeof outcomes)[number]): number {
  return report.collections.reduce((sum, collection) => sum + collection[outcome], 0);
}

/** What was foreseen and what it took, in sentences. */
export function planLines({ plan }: BatchReport): string[] {
  if (plan === null) return [];
  const { plannedBatchId, passedOver, calls, actualCalls, workingMinutes, actualMinutes } = plan;
  const took = (what: string, foreseen: number | null, actual: number | null) =>
    foreseen === null || actual === null ? [] : [`${what}: ${foreseen} foreseen, ${actual} taken.`];
  return [
    ...(plannedBatchId === null ? [] : [`Held to the plan ${plannedBatchId}.`]),
    ...(passedOver === null ? [] : [passedOver]),
    ...(actualCalls === 0 ? [] : took("Calls", calls, actualCalls)),
    ...(workingMinutes === null
      ? []
      : took(
          "Minutes",
          actualCalls === 0 ? workingMinutes : workingMinutes + (plan.readingMinutes ?? 0),
          actualMinutes,
        )),
  ];
}

/** Which pass of which cut-over it is, in a sentence; nothing for every other import. */
export function cutoverLines({ cutover }: BatchReport): string[] {
  if (cutover === null) return [];
  const { cutoverId, status, number, passes, isFinal, frozenBy, frozenAt, switchedAt } = cutover;
  return [
    `${isFinal ? "The last pass" : `Pass ${number} of ${passes}`} of the cut-over ${cutoverId}, which is ${status.replaceAll("_", " ")}.`,
    ...(isFinal && frozenAt !== null ? [`The source left alone, says ${frozenBy}: ${frozenAt.toISOString()}.`] : []),
    ...(isFinal && switchedAt !== null ? [`Parity held, and the switch was marked: ${switchedAt.toISOString()}.`] : []),
  ];
}

/** The whole report as Markdown: figures first, then what needs a person, then every field's fate and every check. */
export function reportAsMarkdown(report: BatchReport): string {
  const failed = report.checks.filter(({ expected, actual }) => expected !== actual);
  const sections = [
    `# Import ${report.batchId}`,
    [
      `- Status: **${report.status}**${report.message === null ? "" : `. ${report.message} ${report.wayOut ?? ""}`}`,
      `- Read from ${report.location} by the mapping \`${report.mapping}\`${report.calls === 0 ? "" : `, in ${report.calls} calls`}`,
      `- Began ${report.startedAt?.toISOString() ?? "not yet"}, ended ${report.finishedAt?.toISOString() ?? "not yet"}`,
      `- Checks: ${report.checks.length - failed.length} of ${report.checks.length} passed`,
      ...planLines(report).map((line) => `- ${line}`),
      ...cutoverLines(report).map((line) => `- ${line}`),
      ...(report.textsForgottenAt === null
        ? []
        : [
            `- The texts that it read were forgotten ${report.textsForgottenAt.toISOString()}; hashes, outcomes and issues stay`,
          ]),
    ].join("\n"),
    "## Records",
    "Every record that landed has one outcome: landed = inserted + updated + unchanged + quarantined + skipped.",
    table(
      ["collection", ...outcomes],
      [
        ...report.collections.map((collection) => [collection.name, ...outcomes.map((outcome) => collection[outcome])]),
        ["**total**", ...outcomes.map((outcome) => total(report, outcome))],
      ],
    ),
    ...(report.removed.length === 0
      ? []
      : [
          `Deleted, because gone from the source or belonging to what is: ${report.removed
            .map(({ table: name, rows }) => `${rows} of ${name}`)
            .join(", ")}.`,
        ]),
    "## What needs a person",
    report.issues.length === 0
      ? "Nothing."
      : table(
          ["collection", "record", "field", "fate", "reason", "original", "what to do"],
          report.issues.map((issue) => [
            issue.collection,
            issue.recordId ?? "",
            issue.field ?? "",
            issue.fate ?? "",
            issue.reason,
            shorten([issue.original ?? "", ...(issue.existing === null ? [] : [`here: ${issue.existing}`])].join(" ")),
            [issue.detail, issue.wayOut].filter((text) => text !== null).join(" "),
          ]),
        ),
    ...(report.issueCount > report.issues.length
      ? [`${report.issueCount - report.issues.length} more in imports.issues.`]
      : []),
    "## Fields",
    table(
      ["collection", "field", "fate", "column", "exact", "converted", "quarantined", "dropped"],
      report.fields.map((field) => [
        field.collection,
        field.name,
        field.because === null ? field.fate : `${field.fate}: ${field.because}`,
        field.column ?? "",
        field.exact,
        field.converted,
        field.quarantined,
        field.dropped,
      ]),
    ),
    "## Checks",
    report.checks.length === 0
      ? "None yet."
      : table(
          ["collection", "layer", "compared", "expected", "actual", "offending"],
          report.checks.map((check) => [
            check.collection ?? "",
            check.layer,
            check.name,
            check.expected,
            check.expected === check.actual ? check.actual : `**${check.actual}**`,
            check.offending.join(", "),
          ]),
        ),
  ];
  return `${sections.join("\n\n")}\n`;
}

function table(head: string[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
