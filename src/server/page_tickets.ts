import { jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import type { TokenClaims } from "./tokens.ts";

const ISSUER = "landfall";
/** Not the API's: a ticket opens one page, and no token opens as a ticket. */
const AUDIENCE = "landfall-report";
const ALGORITHM = "HS256";

const ticketSchema = z.object({ sub: z.uuid(), tid: z.uuid(), sid: z.uuid(), bid: z.uuid() });

/** Whose session a ticket speaks for, and the one thing that its page shows: an import batch, or a publication. */
export interface Ticket extends TokenClaims {
  tenantId: string;
  shownId: string;
}

/** A link that a browser can follow has no Authorization header: a ticket in it stands for the session that asked for the link. */
export interface PageTickets {
  /** @param seconds how long the link works; never longer than its session */
  sign(ticket: Ticket, seconds: number): Promise<string>;
  /** Checks signature, audience and time; null where it does not count. */
  verify(text: string): Promise<Ticket | null>;
}

/** @param secret JWT_SECRET */
export function makePageTickets(secret: string): PageTickets {
  const key = new TextEncoder().encode(secret);
  return {
    sign: ({ sessionId, userId, tenantId, shownId }, seconds) =>
      new SignJWT({ tid: tenantId, sid: sessionId, bid: shownId })
        .setProtectedHeader({ alg: ALGORITHM, typ: "ticket" })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(userId)
        .setIssuedAt()
        .setExpirationTime(`${seconds}s`)
        .sign(key),
    async verify(text) {
      try {
        const { payload } = await jwtVerify(text, key, {
          algorithms: [ALGORITHM],
          issuer: ISSUER,
          audience: AUDIENCE,
          requiredClaims: ["exp", "sub"],
          typ: "ticket",
        });
        const { sid, sub, tid, bid } = ticketSchema.parse(payload);
        return { sessionId: sid, userId: sub, tenantId: tid, shownId: bid };
      } catch {
        // Whatever is wrong with it, it opens nothing; which of the reasons it was is nobody's business.
        return null;
      }
    },
  };
}
