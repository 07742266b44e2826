import { Router } from "express";
import type pg from "pg";
import { z } from "zod";
import { type Identity, withIdentity } from "../database/with_identity.ts";
import { type HandoffPage, renderHandoffPage } from "../publishing/handoff_page.ts";
import type { MountedRouter } from "./app.ts";
import type { ErrorCatalog } from "./errors.ts";
import { authorizeSession } from "./identity.ts";
import type { PageTickets } from "./page_tickets.ts";
import { currentRequest } from "./request.ts";

/** How long a link works that somebody asked for, in seconds. */
const LINK_SECONDS = 15 * 60;

export interface HandoffSources {
  /** Connections as the authenticator. */
  pool: pg.Pool;
  tickets: PageTickets;
  errors: ErrorCatalog;
  rolePrefix: string;
}

/** Where hand-offs are. */
const handoffPath = "/handoff";

const pageSchema = z.object({
  journeyName: z.string(),
  clientName: z.string(),
  ghlLocationId: z.string().nullable(),
  version: z.number(),
  publishedAt: z.string().nullable(),
  steps: z.array(
    z.object({
      title: z.string(),
      instruction: z.string(),
      reference: z.string().nullable(),
      ticks: z.array(z.object({ name: z.string(), at: z.string() })),
    }),
  ),
});

/**
 * The hand-off of a publication as a page to be printed, for those who may see the publication and read under their policies:
 * `GET /<publication>`, by the Authorization header or by a link of a quarter of an hour that `POST /<publication>/link` gives.
 */
export function handoffPages({ pool, tickets, errors, rolePrefix }: HandoffSources): MountedRouter {
  const router = Router();
  const refuse = (code: string, ...particulars: string[]) => {
    const { message, extensions } = errors.word(code, ...particulars);
    return { status: errors.httpStatus(code), body: { errors: [{ message, extensions }] } };
  };

  async function readerOf(
    publicationId: string,
    ticketText: unknown,
  ): Promise<Extract<Identity, { kind: "user" }> | null> {
    const caller = currentRequest()?.caller;
    if (caller?.kind === "user") return caller;
    const ticket = typeof ticketText === "string" ? await tickets.verify(ticketText) : null;
    // A ticket names the one thing that it shows; ids of publications and of imports are never the same.
    if (ticket === null || ticket.shownId !== publicationId) return null;
    const role = await authorizeSession(pool, ticket);
    if (role === null || role === "operator") return null;
    const { shownId: _, ...claims } = ticket;
    return { kind: "user", rolePrefix, role, ...claims };
  }

  router.get("/:publication", async (req, res) => {
    const { publication } = req.params;
    const reader = await readerOf(publication, req.query.ticket);
    const page = reader === null ? null : await readPage(pool, reader, publication);
    if (page === null) {
      const refusal = reader === null ? refuse("LF320") : refuse("LF006", "publication", publication);
      res.status(refusal.status).json(refusal.body);
      return;
    }
    res.setHeader(
      "content-security-policy",
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    res.setHeader("cache-control", "no-store");
    res.setHeader("referrer-policy", "no-referrer");
    res.type("text/html").send(renderHandoffPage(page));
  });

  router.post("/:publication/link", async (req, res) => {
    const caller = currentRequest()?.caller;
    const { publication } = req.params;
    const page = caller?.kind === "user" ? await readPage(pool, caller, publication) : null;
    if (caller?.kind !== "user" || page === null) {
      const refusal = caller?.kind === "user" ? refuse("LF006", "publication", publication) : refuse("LF001");
      res.status(refusal.status).json(refusal.body);
      return;
    }
    const ticket = await tickets.sign({ ...caller, shownId: publication }, LINK_SECONDS);
    const expiresAt = new Date(Date.now() + LINK_SECONDS * 1_000).toISOString();
    res.setHeader("cache-control", "no-store");
    res.json({ path: `${handoffPath}/${publication}?ticket=${ticket}`, expiresAt });
  });

  return { path: handoffPath, router };
}

/** The page's content as this person may see it; null where there is none for them. Clients' people see no hand-off. */
async function readPage(pool: pg.Pool, identity: Identity, publicationId: string): Promise<HandoffPage | null> {
  if (!z.uuid().safeParse(publicationId).success) return null;
  if (identity.kind !== "user" || identity.role === "client") return null;
  const rows = await withIdentity(pool, identity, async (client) => {
    const result = await client.query<{ page: unknown }>(
      `select jsonb_build_object(
         'journeyName', v.snapshot -> 'journey' ->> 'name', 'clientName', v.snapshot -> 'client' ->> 'name',
         'ghlLocationId', l.ghl_location_id, 'version', v.version, 'publishedAt', to_char(p.finished_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'),
         'steps', (
           select coalesce(jsonb_agg(jsonb_build_object(
             'title', s.title, 'instruction', s.instruction, 'reference', s.reference,
             'ticks', (
               select coalesce(jsonb_agg(jsonb_build_object('name', u.name, 'at', to_char(t.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')) order by t.id), '[]')
               from publishing.handoff_ticks t join tenancy.users u on u.id = t.user_id
               where t.tenant_id = s.tenant_id and t.step_id = s.id
             )
           ) order by s.order_index), '[]')
           from publishing.handoff_steps s
           where s.tenant_id = p.tenant_id and s.journey_id = p.journey_id and s.location_id = p.location_id and s.retired_at is null
         )
       ) as page
       from publishing.publications p
       join journeys.journey_versions v on v.tenant_id = p.tenant_id and v.id = p.journey_version_id
       left join publishing.locations l on l.tenant_id = p.tenant_id and l.id = p.location_id
       where p.id = $1`,
      [publicationId],
    );
    return result.rows;
  });
  return rows[0] === undefined ? null : pageSchema.parse(rows[0].page);
}
