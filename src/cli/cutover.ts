/** `landfall cutover`: leave a source behind, see what is still edited there, and go back where it must be. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { withIdentity } from "../database/with_identity.ts";
import { type CutoverEdit, checkCutover } from "../imports/cutovers/check.ts";
import {
  abandonCutover,
  type Cutover,
  type EditSinceSwitch,
  listCutovers,
  previewReopening,
  readCutover,
  reopenCutover,
  startCutover,
  switchCutover,
} from "../imports/cutovers/cutover.ts";
import { followCutover, type WalkProgress } from "../imports/cutovers/walk.ts";
import { renderReport } from "../imports/render_report.ts";
import type { Following } from "../imports/run_import.ts";
import { withTenant } from "./find_tenant.ts";
import { type SourceOptions, type TenantOptions, takeSource, tenantOption, withFollowing } from "./following.ts";
import { formatOf } from "./import_report.ts";
import { answer, ask, jsonOption, tell } from "./output.ts";
import { whoIsThis } from "./who_is_this.ts";

interface WalkOptions extends SourceOptions {
  until: number;
  passes: number;
  yes?: boolean;
  out?: string;
}

interface CheckOptions extends TenantOptions {
  from?: string;
}

interface ReopenOptions extends TenantOptions {
  dryRun?: boolean;
}

/** How many rows or records are listed; `--json` and psql have all of them. */
const shown = 100;

export function registerCutover(program: Command): void {
  const command = program
    .command("cutover")
    .description("Leave a source behind: delta passes, a last pass, parity, the switch; and what comes after.")
    .addHelpText(
      "after",
      "\nThe runbook is docs/cutover.md. Without a sub-command it walks; its options: landfall cutover walk --help.",
    );

  takeSource(
    command
      .command("walk", { isDefault: true })
      .description("Walk the runbook to the switch. Walked again, it goes on from where it stands."),
  )
    .option("--until <changes>", "with how many changes or fewer a delta pass is the last of its kind", parseCount, 10)
    .option("--passes <count>", "how many delta passes at most", parseCount, 5)
    .option("--yes", "nobody edits the source any more: do not ask")
    .option("--out <file>", "write the parity report to this file: .md, .html or .json")
    .action(walk);

  const withCutover = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .argument(
        "[cutover]",
        "the cut-over's id, as landfall cutover status tells it; the latest where nothing is given",
      )
      .requiredOption(...tenantOption)
      .option(...jsonOption);

  withCutover("status", "Tell how the cut-overs are, or how they ended.").action(
    async (cutoverId: string | undefined, options: TenantOptions) => {
      const cutovers = await withTenant(options.tenant, async (pool, tenantId) =>
        cutoverId === undefined ? await listCutovers(pool, tenantId) : [await readCutover(pool, tenantId, cutoverId)],
      );
      answer(
        options,
        { cutovers },
        cutovers.length === 0 ? ["Nothing was cut over yet."] : cutovers.flatMap((cutover) => statusLines(cutover)),
      );
    },
  );

  withCutover("check", "Read the source once more after the switch, and name the records that are still edited there.")
    .option("--from <source>", "another place to read it from: a snapshot folder, or airtable:<base id>")
    .action(async (cutoverId: string | undefined, options: CheckOptions) => {
      const check = await withFollowing(options, async (following) => {
        const { id } = await readCutover(following.pool, following.tenantId, cutoverId);
        return await checkCutover(following, id, { operator: whoIsThis(), from: options.from });
      });
      const found = check.created + check.changed + check.deleted;
      answer(options, check, [
        ...check.edits.map(editLine),
        ...(found > check.edits.length ? [`${found - check.edits.length} more in reporting.cutover_edits.`] : []),
        found === 0
          ? "Nothing was edited in the source since it was last imported."
          : `${found} edited in the source since it was last imported: ${check.created} created, ${check.changed} changed, ${check.deleted} deleted. Make the edits in Landfall; or bring them with landfall import run --after-cutover.`,
      ]);
      if (found > 0) process.exitCode = 1;
    });

  withCutover("reopen", "Take the switch back: both systems are in use again. No row is touched.")
    .option("--dry-run", "only say what was edited here since the switch, and what becomes of it")
    .action(async (cutoverId: string | undefined, options: ReopenOptions) => {
      await withTenant(options.tenant, async (pool, tenantId) => {
        const { id } = await readCutover(pool, tenantId, cutoverId);
        const edits = await previewReopening({ pool, tenantId }, id);
        if (!options.dryRun) await reopenCutover({ pool, tenantId }, id, { operator: whoIsThis() });
        const cutover = await readCutover(pool, tenantId, id);
        answer(options, { ...cutover, editedSinceSwitch: edits }, [
          ...editedHereLines(edits),
          options.dryRun
            ? "Nothing was changed. To do it: the same without --dry-run."
            : `The switch of ${cutover.location} is taken back; it can be imported again. To take back what the last pass brought, too: landfall import rollback ${cutover.finalBatchId}.`,
        ]);
      });
    });

  withCutover("abandon", "Give a cut-over up before its switch. What its passes brought stays.").action(
    async (cutoverId: string | undefined, options: TenantOptions) => {
      const cutover = await withTenant(options.tenant, async (pool, tenantId) => {
        const { id } = await readCutover(pool, tenantId, cutoverId);
        await abandonCutover({ pool, tenantId }, id, { operator: whoIsThis() });
        return await readCutover(pool, tenantId, id);
      });
      answer(options, cutover, statusLines(cutover));
    },
  );
}

async function walk(options: WalkOptions): Promise<void> {
  const operator = whoIsThis();
  const { mapping, from, onConflict, deleteThreshold, until, passes } = options;
  const request = { mapping, from, onConflict, deleteThreshold, changesAllowed: until, passes, operator };
  let cutover = await withFollowing(options, async (following, tellAbove) => {
    const id = await startCutover(following, request);
    const walked = await followCutover(following, id, tellWalk(tellAbove));
    await writeReport(following, walked, options.out);
    return walked;
  });
  // No bars are drawn while somebody is asked.
  if (cutover.status === "ready" && (options.yes || (await isFrozen()))) {
    const { id } = cutover;
    cutover = await withFollowing(options, async (following, tellAbove) => {
      await switchCutover(following, id, { operator });
      const switched = await followCutover(following, id, tellWalk(tellAbove));
      await writeReport(following, switched, options.out);
      return switched;
    });
  }
  answer(options, cutover, statusLines(cutover));
}

/** The parity report, where it is asked for. */
async function writeReport({ pool, tenantId }: Following, cutover: Cutover, out: string | undefined): Promise<void> {
  const batchId = cutover.finalBatchId;
  if (cutover.status !== "switched" || batchId === null || out === undefined) return;
  const { text } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    renderReport(client, tenantId, batchId, formatOf(out) ?? "md"),
  );
  await writeFile(out, text, { mode: 0o600 });
  tell(`The parity report is in ${resolve(out)}.`);
}

const tellWalk =
  (tellAbove: (line: string) => void): WalkProgress =>
  (news) => {
    if ("pass" in news) {
      const { number, kind, changes, batchId } = news.pass;
      const which = kind === "delta" ? `Delta pass ${number}` : `Last pass, as pass ${number}`;
      tellAbove(`${which}: ${changes} changes (import ${batchId}).`);
    } else {
      tellAbove(`Cut-over: ${news.status.replaceAll("_", " ")}.`);
    }
  };

/** Asks the operator at the terminal; without one nobody can say so. */
async function isFrozen(): Promise<boolean> {
  const typed = await ask(
    "Few enough changes are left. Ask everybody to stop editing the source now, and make it read-only where it can be.\nDoes nobody edit it any more? [y/N] ",
  );
  return /^y(es)?$/i.test(typed ?? "");
}

function statusLines(cutover: Cutover): string[] {
  const at = (date: Date | null) => date?.toISOString() ?? "";
  return [
    `Cut-over ${cutover.id} of ${cutover.location}: ${cutover.status.replaceAll("_", " ")}.`,
    `  Begun by ${cutover.startedBy}, ${at(cutover.startedAt)}.`,
    ...cutover.passes.map(
      ({ number, kind, changes, batchId }) =>
        `  Pass ${number}, ${kind}: ${changes === null ? "not ended" : `${changes} changes`}${batchId === null ? "" : `, import ${batchId}`}.`,
    ),
    ...(cutover.frozenAt === null
      ? []
      : [`  The source left alone, says ${cutover.frozenBy}: ${at(cutover.frozenAt)}.`]),
    ...(cutover.switchedAt === null
      ? []
      : [`  Switched ${at(cutover.switchedAt)}, by the parity of the import ${cutover.finalBatchId}.`]),
    ...(cutover.endedAt === null ? [] : [`  Ended by ${cutover.endedBy}, ${at(cutover.endedAt)}.`]),
    ...(cutover.message === null ? [] : [`  It stopped: ${cutover.message} ${cutover.wayOut ?? ""}`.trimEnd()]),
    ...nextLines(cutover),
  ];
}

/** What to do next, where there is something. */
function nextLines({ status, finalBatchId }: Cutover): string[] {
  if (status === "ready") {
    return ["  Next: have everybody stop editing the source, then the same command with --yes."];
  }
  if (status === "switched") {
    return [
      `  The parity report: landfall import report ${finalBatchId} --format html --out parity.html.`,
      "  Next: landfall cutover check, every morning for a while. To go back: landfall cutover reopen.",
    ];
  }
  return [];
}

function editLine({ collection, recordId, kind, fields }: CutoverEdit): string {
  return `${collection}/${recordId}: ${kind}${fields === null ? "" : ` (${fields.join(", ")})`}`;
}

function editedHereLines(edits: EditSinceSwitch[]): string[] {
  if (edits.length === 0) return ["No row was edited here since the switch."];
  return [
    `${edits.length} rows were edited here since the switch. They stay as they are; where the source changes the same column, the next import meets a conflict:`,
    ...edits
      .slice(0, shown)
      .map(
        ({ table, rowId, action, columns, at, by, through }) =>
          `  ${table} ${rowId}: ${action}${columns === null ? "" : ` of ${columns.join(", ")}`}, ${new Date(at).toISOString()}, ${by ?? "nobody named"} (${through})`,
      ),
    ...(edits.length > shown ? [`  ${edits.length - shown} more: --json lists all of them.`] : []),
  ];
}

function parseCount(text: string): number {
  const count = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(count) || count < 0) {
    throw new InvalidArgumentError("Give a whole number from 0.");
  }
  return count;
}
