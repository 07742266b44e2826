import { writeFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { type Command, Option } from "commander";
import { withIdentity } from "../database/with_identity.ts";
import { type ReportFormat, renderReport, reportFormats } from "../imports/render_report.ts";
import { withTenant } from "./find_tenant.ts";
import { tell } from "./output.ts";

interface ReportOptions {
  tenant: string;
  format?: ReportFormat;
  out?: string;
}

/** `landfall import report`: the whole report of a batch, to be read, sent or kept. */
export function registerReport(command: Command): void {
  command
    .command("report")
    .description(
      "Write the whole report of an import: figures, what needs a person, spot checks, every check and field.",
    )
    .argument("[batch]", "the batch's id; the latest one where nothing is given")
    .requiredOption("--tenant <slug>", "the tenant that the rows belong to")
    .addOption(
      new Option(
        "--format <format>",
        "Markdown, a self-contained page, or JSON; else as FILE's name ends, or md",
      ).choices(reportFormats),
    )
    .option("--out <file>", "write it to this file instead of stdout")
    .action(async (batchId: string | undefined, { tenant, format, out }: ReportOptions) => {
      const { text } = await withTenant(tenant, (pool, tenantId) =>
        withIdentity(pool, { kind: "worker", tenantId }, (client) =>
          renderReport(client, tenantId, batchId, format ?? formatOf(out) ?? "md"),
        ),
      );
      if (out === undefined) {
        process.stdout.write(text);
        return;
      }
      await writeFile(out, text, { mode: 0o600 });
      tell(`The report is in ${resolve(out)}.`);
    });
}

/** The format that a file's name asks for. */
export function formatOf(file: string | undefined): ReportFormat | undefined {
  return reportFormats.find((format) => file !== undefined && extname(file).toLowerCase() === `.${format}`);
}
