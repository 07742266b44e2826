import { createHash } from "node:crypto";
import { errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";

const ISSUER = "landfall";
const AUDIENCE = "landfall-api";
const ALGORITHM = "HS256";

const claimsSchema = z.object({ sub: z.uuid(), tid: z.uuid().optional(), sid: z.uuid() });

/** Whom a token speaks for. What they may do is not in it: that is asked of the database for every request. */
export interface TokenClaims {
  sessionId: string;
  userId: string;
  /** Null for an operator, who is above the tenants. */
  tenantId: string | null;
}

/** Why a token does not count. */
export type TokenProblem = "expired" | "invalid";

export interface Tokens {
  /** Signs a token that ends when its session does. */
  sign(claims: TokenClaims, expiresAt: Date): Promise<string>;
  /** Checks signature, algorithm, issuer, audience and times (30 s of leeway); never throws. */
  verify(token: string): Promise<TokenClaims | TokenProblem>;
}

/**
 * Tokens under one key: HS256 alone, issuer and audience fixed, expiry demanded, and a key id that must be ours.
 *
 * @param secret JWT_SECRET
 */
export function makeTokens(secret: string): Tokens {
  const key = new TextEncoder().encode(secret);
  const keyId = createHash("sha256").update("landfall jwt key id").update(key).digest("base64url").slice(0, 12);
  return {
    sign({ sessionId, userId, tenantId }, expiresAt) {
      return new SignJWT({ ...(tenantId === null ? {} : { tid: tenantId }), sid: sessionId })
        .setProtectedHeader({ alg: ALGORITHM, kid: keyId, typ: "JWT" })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(userId)
        .setIssuedAt()
        .setExpirationTime(expiresAt)
        .sign(key);
    },
    async verify(token) {
      try {
        const { payload, protectedHeader } = await jwtVerify(token, key, {
          algorithms: [ALGORITHM],
          issuer: ISSUER,
          audience: AUDIENCE,
          requiredClaims: ["exp", "iat", "sub"],
          clockTolerance: "30 s",
          typ: "JWT",
        });
        const claims = claimsSchema.safeParse(payload);
        if (protectedHeader.kid !== keyId || !claims.success) return "invalid";
        return { sessionId: claims.data.sid, userId: claims.data.sub, tenantId: claims.data.tid ?? null };
      } catch (error) {
        if (error instanceof errors.JWTExpired) return "expired";
        if (error instanceof errors.JOSEError) return "invalid";
        throw error;
      }
    },
  };
}
