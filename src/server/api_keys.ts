/** Keys with which machines call the API: `lfk_` and 43 characters, sent where people send their token. */
import { createHash, randomBytes } from "node:crypto";
import type pg from "pg";
import type { TokenClaims } from "./tokens.ts";

const PREFIX = "lfk_";
const KEY = /^lfk_[\w-]{43}$/;

/** A key as it is shown, once; what the database keeps of it; and what it is known by. */
export interface NewApiKey {
  key: string;
  hash: Buffer;
  hint: string;
}

export function newApiKey(): NewApiKey {
  const key = PREFIX + randomBytes(32).toString("base64url");
  return { key, hash: hashOf(key), hint: key.slice(0, PREFIX.length + 6) };
}

function hashOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

/** Whether a bearer token means to be a key. */
export function looksLikeApiKey(bearer: string): boolean {
  return bearer.startsWith(PREFIX);
}

/**
 * The sign-in that a key stands for; null where there is no such key. Whether it still holds is asked as for every sign-in.
 *
 * @param pool connections as the authenticator
 */
export async function findApiKey(pool: pg.Pool, key: string): Promise<TokenClaims | null> {
  if (!KEY.test(key)) return null;
  const { rows } = await pool.query<{ session_id: string | null; user_id: string; tenant_id: string }>({
    name: "find_api_key",
    text: "select session_id, user_id, tenant_id from app.find_api_key($1)",
    values: [hashOf(key)],
  });
  const [found] = rows;
  if (!found?.session_id) return null;
  return { sessionId: found.session_id, userId: found.user_id, tenantId: found.tenant_id };
}
