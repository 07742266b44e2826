import { z } from "zod";
import { decryptSecret, encryptSecret } from "../encryption.ts";
import { LandfallError } from "../errors.ts";
import type { SecretKeys } from "../keys.ts";

/** What a location's token is bound to, so that its ciphertext opens in no other row. */
export function locationSecretContext(tenantId: string, clientId: string): string {
  return `location-token:${tenantId}:${clientId}`;
}

const oauthSchema = z.object({
  oauthClientId: z.string().min(1),
  oauthClientSecret: z.string().min(1),
  accessToken: z.string(),
  refreshToken: z.string().min(1),
  /** Milliseconds since 1970; 0 before the first refresh. */
  expiresAt: z.number(),
});

export type OauthPair = z.infer<typeof oauthSchema>;

/** With what a location is called: a token that stays, or a pair that is renewed. */
export type Credentials = { kind: "pit"; token: string } | { kind: "oauth"; pair: OauthPair };

const oauthPrefix = "oauth:";

/** Closes a pair for storage, as `encryptSecret` does a token. */
export function sealPair(secretKey: string, pair: OauthPair, context: string): string {
  return encryptSecret(secretKey, oauthPrefix + JSON.stringify(pair), context);
}

/**
 * Opens what a location is stored with.
 *
 * @throws LandfallError `secret_unreadable` where the key or the context is another
 */
export function openCredentials(keys: SecretKeys, ciphertext: string, context: string): Credentials {
  const secret = decryptSecret(keys, ciphertext, context);
  if (!secret.startsWith(oauthPrefix)) return { kind: "pit", token: secret };
  return { kind: "oauth", pair: oauthSchema.parse(JSON.parse(secret.slice(oauthPrefix.length))) };
}

/**
 * A location's own credentials, else the installation's token, else null.
 *
 * @throws LandfallError `secret_unreadable` where its own do not open with this key
 */
export function credentialsOf(
  keys: SecretKeys,
  ciphertext: string | null,
  context: string,
  defaultToken: string | null,
): Credentials | null {
  if (ciphertext !== null) return openCredentials(keys, ciphertext, context);
  return defaultToken === null ? null : { kind: "pit", token: defaultToken };
}

export type Refreshed =
  | { class: "done"; pair: OauthPair; status: number; ms: number }
  | { class: "refused" | "unanswered"; message: string; status: number | null; ms: number };

const grantSchema = z.object({
  accessToken: z.string().min(1),
  refreshToken: z.string().min(1),
  expiresIn: z.number().positive(),
});

const grantErrorSchema = z.object({ error: z.string(), error_description: z.string().optional() });

/** Where tokens are renewed; the path is the same in every version. */
export const tokenPath = "/oauth/token";

/**
 * Asks once for a new pair. The refresh token is used up by it, so the new pair must be kept before it is used. Nothing is
 * thrown for what GoHighLevel or the network does.
 */
export async function refreshPair(
  { baseUrl, userAgent, timeoutMs }: { baseUrl: string; userAgent: string; timeoutMs: number },
  pair: OauthPair,
  now: () => number = Date.now,
): Promise<Refreshed> {
  const started = performance.now();
  const elapsed = () => Math.round(performance.now() - started);
  let response: Response;
  let json: unknown;
  try {
    response = await fetch(baseUrl + tokenPath, {
      method: "POST",
      headers: {
        Version: "v3",
        Accept: "application/json",
        "Content-Type": "application/json",
        "User-Agent": userAgent,
      },
      body: JSON.stringify({
        clientId: pair.oauthClientId,
        clientSecret: pair.oauthClientSecret,
        grantType: "refresh_token",
        refreshToken: pair.refreshToken,
      }),
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    json = await response.json();
  } catch {
    return { class: "unanswered", message: "No answer came to the renewal of the token.", status: null, ms: elapsed() };
  }
  const { status } = response;
  const grant = grantSchema.safeParse(json).data;
  if (response.ok && grant !== undefined) {
    const { accessToken, refreshToken, expiresIn } = grant;
    const expiresAt = now() + expiresIn * 1_000;
    return { class: "done", pair: { ...pair, accessToken, refreshToken, expiresAt }, status, ms: elapsed() };
  }
  if (response.ok || status >= 500 || status === 429) {
    return {
      class: "unanswered",
      message: `The renewal of the token was answered with ${status}.`,
      status,
      ms: elapsed(),
    };
  }
  // The code alone: a description might repeat what was sent.
  const refusal = grantErrorSchema.safeParse(json).data?.error ?? `status ${status}`;
  return { class: "refused", message: `GoHighLevel does not renew the token: ${refusal}.`, status, ms: elapsed() };
}

/** Whether an error says that a stored secret does not open with this key. */
export function isUnreadable(error: unknown): error is LandfallError {
  return error instanceof LandfallError && error.reason === "secret_unreadable";
}
