import { type NextFunction, type Request, type Response, Router } from "express";
import type pg from "pg";
import { z } from "zod";
import { type Identity, withIdentity } from "../database/with_identity.ts";
import { errorCode, LandfallError } from "../errors.ts";
import { renderReport, reportFormats } from "../imports/render_report.ts";
import { readReportIn } from "../imports/report.ts";
import { recordAsPage } from "../imports/report_page.ts";
import { readSpotCheck } from "../imports/spot_checks.ts";
import type { MountedRouter } from "./app.ts";
import type { ErrorCatalog } from "./errors.ts";
import { authorizeSession } from "./identity.ts";
import type { PageTickets } from "./page_tickets.ts";
import { currentRequest } from "./request.ts";

/** PostgreSQL's code for what a role may not do: clients read no imports. */
const noPrivilege = "42501";

/** How long a link works that somebody asked for, in seconds. */
const LINK_SECONDS = 15 * 60;

const contentTypes = { md: "text/markdown", html: "text/html", json: "application/json" } as const;
const formatSchema = z.enum(reportFormats).catch("html");

/** What the reports of imports are made of. */
export interface ImportReportSources {
  /** Connections as the authenticator. */
  pool: pg.Pool;
  tickets: PageTickets;
  errors: ErrorCatalog;
  rolePrefix: string;
}

/** Where reports are; the path of `startServer`'s own router. */
export const reportsPath = "/reports/imports";

/**
 * The reports of imports, for those who may see the batch, and read under their policies: by the Authorization header, or by a link with
 * a ticket that speaks for the session that asked for it, for one batch and a quarter of an hour.
 *
 * `GET /<batch>?format=html|md|json`, `GET /<batch>/records/<id>`, `POST /<batch>/link`
 */
export function importReports(sources: ImportReportSources): MountedRouter {
  const { pool, tickets, errors } = sources;
  const router = Router();

  router.get("/:batch", async (req, res) => {
    const reader = await findReader(sources, req, res);
    if (reader === null) return;
    const format = formatSchema.parse(req.query.format);
    await answer(errors, res, async () => {
      const { text } = await withIdentity(pool, reader.identity, (client) =>
        renderReport(client, reader.identity.tenantId, req.params.batch, format, (id) => reader.link(`/records/${id}`)),
      );
      send(res, contentTypes[format], text);
    });
  });

  router.get("/:batch/records/:record", async (req, res, next: NextFunction) => {
    const reader = await findReader(sources, req, res);
    if (reader === null) return;
    const { tenantId } = reader.identity;
    const { batch, record } = req.params;
    await answer(errors, res, async () => {
      const page = await withIdentity(pool, reader.identity, async (client) => {
        const check = await readSpotCheck(client, tenantId, batch, record);
        if (check === null) return null;
        const { rows } = await client.query<{ source: string | null }>(
          "select imports.records_source_text(record) as source from imports.records record where tenant_id = $1 and id = $2",
          [tenantId, check.ledgerId],
        );
        const { issues } = await readReportIn(client, tenantId, batch);
        const own = issues.filter(
          ({ collection, recordId }) => collection === check.collection && recordId === check.recordId,
        );
        return recordAsPage(check, rows[0]?.source ?? null, own, reader.link(""));
      });
      if (page === null) next();
      else send(res, contentTypes.html, page);
    });
  });

  router.post("/:batch/link", async (req, res) => {
    const caller = currentRequest()?.caller;
    if (caller?.kind !== "user") return refuse(errors, res, caller?.kind === "operator" ? "LF008" : "LF001");
    const { batch } = req.params;
    await answer(errors, res, async () => {
      await withIdentity(pool, caller, (client) => readReportIn(client, caller.tenantId, batch));
      const ticket = await tickets.sign({ ...caller, shownId: batch }, LINK_SECONDS);
      const expiresAt = new Date(Date.now() + LINK_SECONDS * 1_000).toISOString();
      res.setHeader("cache-control", "no-store");
      res.json({ path: `${reportsPath}/${batch}?ticket=${ticket}`, expiresAt });
    });
  });

  return { path: reportsPath, router };
}

/** Whom a report is read for, and how pages lead to each other. */
interface Reader {
  identity: Extract<Identity, { kind: "user" }>;
  link(rest: string): string;
}

/** Answers itself where nobody may read. */
async function findReader(
  sources: ImportReportSources,
  req: Request<{ batch: string }>,
  res: Response,
): Promise<Reader | null> {
  const { pool, tickets, errors, rolePrefix } = sources;
  const { batch } = req.params;
  const path = `${req.baseUrl}/${encodeURIComponent(batch)}`;
  const caller = currentRequest()?.caller;
  if (caller?.kind === "user") return { identity: caller, link: (rest) => `${path}${rest}` };
  const { ticket: text } = req.query;
  if (typeof text !== "string") {
    refuse(errors, res, "LF280");
    return null;
  }
  const ticket = await tickets.verify(text);
  const role = ticket === null || ticket.shownId !== batch ? null : await authorizeSession(pool, ticket);
  if (ticket === null || role === null || role === "operator") {
    refuse(errors, res, "LF281");
    return null;
  }
  const { shownId: _, ...claims } = ticket;
  return {
    identity: { kind: "user", rolePrefix, role, ...claims, requestId: String(req.id) },
    link: (rest) => `${path}${rest}?ticket=${encodeURIComponent(text)}`,
  };
}

/** A batch that is not there, and one that is another tenant's, are the same to whoever asks. */
async function answer(errors: ErrorCatalog, res: Response, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof LandfallError) refuse(errors, res, error.code, { message: error.message, hint: error.wayOut });
    else if (errorCode(error) === noPrivilege) refuse(errors, res, "LF024", errors.word("LF024", "this report"));
    else throw error;
  }
}

/** @param said other words than the code has in general */
function refuse(errors: ErrorCatalog, res: Response, code: string, said?: { message: string; hint?: string }): void {
  const worded = errors.word(code);
  const { message, hint } = { message: worded.message, hint: worded.extensions.hint, ...said };
  res.status(errors.httpStatus(code)).json({ errors: [{ message, extensions: { ...worded.extensions, hint } }] });
}

/** Nothing runs in a report, nothing is loaded into it, nobody frames it, and no one keeps it on the way. */
function send(res: Response, type: string, text: string): void {
  res.setHeader(
    "content-security-policy",
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  res.setHeader("cache-control", "no-store");
  res.setHeader("referrer-policy", "no-referrer");
  res.type(type).send(text);
}
