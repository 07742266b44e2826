import type pg from "pg";
import { findApiKey, looksLikeApiKey } from "./api_keys.ts";
import type { Caller } from "./request.ts";
import type { TokenClaims, Tokens } from "./tokens.ts";

/** What somebody is in their session. */
export type SessionRole = Extract<Caller, { kind: "user" }>["role"] | "operator";

type SignedIn = Exclude<Caller, { kind: "visitor" }>;

/** What it takes to find out who asks. */
export interface IdentitySources {
  /** Connections as the authenticator. */
  pool: pg.Pool;
  tokens: Tokens;
  rolePrefix: string;
}

/** The code of an error (see docs/errors.md) for whoever shows a token that does not count, and what it is about. */
export interface Refusal {
  refusal: string;
  particulars: string[];
  /** With LF049: who may choose a password, and nothing else. */
  newcomer?: SignedIn;
}

/**
 * Finds out who asks. The token, or the API key, names a session; which role that session has is asked of the database, for every request anew.
 *
 * @param authorization the header, undefined where there is none: a visitor
 * @param requestId goes into the audit log with whatever the caller changes
 */
export async function identifyCaller(
  authorization: string | undefined,
  requestId: string,
  { pool, tokens, rolePrefix }: IdentitySources,
): Promise<Caller | Refusal> {
  if (authorization === undefined) return { kind: "visitor", rolePrefix };
  const bearer = /^Bearer ([\w.-]+)$/i.exec(authorization)?.[1];
  if (bearer === undefined) return refuse("LF044");
  const claims = looksLikeApiKey(bearer) ? await findApiKey(pool, bearer) : await tokens.verify(bearer);
  if (claims === null) return refuse("LF044");
  if (claims === "expired") return refuse("LF045");
  if (claims === "invalid") return refuse("LF044");
  const role = await authorizeSession(pool, claims);
  if (role !== null) return callerOf(claims, role, rolePrefix, requestId);
  const { refusal, particulars } = await explainRefusal(pool, claims);
  if (refusal !== "LF049") return { refusal, particulars };
  const newcomer = callerOf(claims, particulars[0] as SessionRole, rolePrefix, requestId);
  return { refusal, particulars: [], newcomer };
}

function callerOf(
  { sessionId, userId, tenantId }: TokenClaims,
  role: SessionRole,
  rolePrefix: string,
  requestId: string,
): SignedIn {
  if (tenantId === null || role === "operator") return { kind: "operator", rolePrefix, userId, sessionId, requestId };
  return { kind: "user", rolePrefix, role, userId, tenantId, sessionId, requestId };
}

function refuse(refusal: string, particular?: string | null): Refusal {
  return { refusal, particulars: particular ? [particular] : [] };
}

/**
 * Why a session has no role: it has ended, its tenant is suspended, or its person must choose a password.
 *
 * @param pool connections as the authenticator
 */
export async function explainRefusal(pool: pg.Pool, claims: TokenClaims): Promise<Refusal> {
  const { rows } = await pool.query<{ error_code: string; particular: string | null }>({
    name: "explain_refusal",
    text: "select error_code, particular from app.explain_refusal($1, $2, $3)",
    values: [claims.sessionId, claims.userId, claims.tenantId],
  });
  return refuse(rows[0]?.error_code ?? "LF046", rows[0]?.particular);
}

/**
 * Which role a session has now; null where it has ended, was revoked, or its tenant is suspended.
 *
 * @param pool connections as the authenticator
 */
export async function authorizeSession(pool: pg.Pool, claims: TokenClaims): Promise<SessionRole | null> {
  const { rows } = await pool.query<{ role: SessionRole | null }>({
    name: "authorize_session",
    text: "select app.authorize_session($1, $2, $3) as role",
    values: [claims.sessionId, claims.userId, claims.tenantId],
  });
  return rows[0]?.role ?? null;
}
