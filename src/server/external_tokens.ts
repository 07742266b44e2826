/** Tokens of an identity provider (OpenID Connect), by its published keys. */
import { createRemoteJWKSet, customFetch, errors as joseErrors, jwtVerify } from "jose";
import { z } from "zod";

export interface ExternalIssuer {
  /** Its name for itself, which is the URL below which it tells of itself. */
  issuer: string;
  /** What it calls us. */
  audience: string;
  /** Where its keys are; asked of the issuer where nothing is said. */
  keysUrl: string | undefined;
}

/** Who it says somebody is, or why that does not count. */
export type Vouched = { email: string } | { problem: string };

export interface ExternalTokens {
  verify(idToken: string): Promise<Vouched>;
}

const PATIENCE = 5_000;
/** No token is taken that is older: it is for signing in now. */
const OLDEST = "10m";

const claimsSchema = z.object({ email: z.email(), email_verified: z.literal(true) });
const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

/** Asymmetric ones alone: with a shared secret, whoever checks could sign. */
const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/**
 * Checks tokens of one issuer: its keys are asked for once, and again when a token names one that is new.
 *
 * @throws nothing; a provider that cannot be reached is thrown as its network's error
 */
export function makeExternalTokens({ issuer, audience, keysUrl }: ExternalIssuer): ExternalTokens {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined;
  const findKeys = async () => {
    keys ??= createRemoteJWKSet(new URL(keysUrl ?? (await discoverKeys(issuer))), {
      timeoutDuration: PATIENCE,
      cooldownDuration: 30_000,
      [customFetch]: (url, options) => fetch(url, { ...options, redirect: "error" }),
    });
    return keys;
  };
  return {
    async verify(idToken) {
      try {
        const { payload } = await jwtVerify(idToken, await findKeys(), {
          algorithms,
          issuer,
          audience,
          requiredClaims: ["exp", "iat", "sub"],
          clockTolerance: "30 s",
          maxTokenAge: OLDEST,
        });
        const claims = claimsSchema.safeParse(payload);
        return claims.success ? { email: claims.data.email } : { problem: "it holds no address that was verified" };
      } catch (error) {
        if (error instanceof joseErrors.JWTExpired) return { problem: "it has expired" };
        if (error instanceof joseErrors.JWKSTimeout || !(error instanceof joseErrors.JOSEError)) throw error;
        return { problem: "it is not for us, or not signed by the provider" };
      }
    },
  };
}

async function discoverKeys(issuer: string): Promise<string> {
  const response = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, {
    redirect: "error",
    signal: AbortSignal.timeout(PATIENCE),
  });
  const told = discoverySchema.parse(await response.json());
  if (told.issuer !== issuer) throw new Error(`${issuer} calls itself ${told.issuer}`);
  return told.jwks_uri;
}
