import type pg from "pg";
import { type BatchReport, readReportIn, reportAsMarkdown } from "./report.ts";
import { type LedgerLink, reportAsPage } from "./report_page.ts";
import { readSpotChecks } from "./spot_checks.ts";

/** For people on a terminal or in a chat, for people in a browser, for machines. */
export const reportFormats = ["md", "html", "json"] as const;
export type ReportFormat = (typeof reportFormats)[number];

/**
 * A batch's report, out of the ledger, in one of its three forms.
 *
 * @param client in a transaction of whoever may see the batch
 * @param batchId the tenant's latest batch where nothing is given
 * @param ledgerLink addresses of the records' pages, for the page that a server shows
 * @throws LandfallError `import_unknown`
 */
export async function renderReport(
  client: pg.ClientBase,
  tenantId: string,
  batchId: string | undefined,
  format: ReportFormat,
  ledgerLink: LedgerLink | null = null,
): Promise<{ report: BatchReport; text: string }> {
  const report = await readReportIn(client, tenantId, batchId);
  if (format === "md") return { report, text: reportAsMarkdown(report) };
  const spotChecks = await readSpotChecks(client, tenantId, report.batchId);
  const text =
    format === "html"
      ? reportAsPage(report, spotChecks, ledgerLink)
      : `${JSON.stringify({ ...report, spotChecks }, null, 2)}\n`;
  return { report, text };
}
