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

interface SigningKey {
  id: string;
  bytes: Uint8Array;
}

function signingKey(secret: string): SigningKey {
  const bytes = new TextEncoder().encode(secret);
  const id = createHash("sha256").update("landfall jwt key id").update(bytes).digest("base64url").slice(0, 12);
  return { id, bytes };
}

/**
 * Tokens under our keys: HS256 alone, issuer and audience fixed, expiry demanded, and a key id that must be one of ours.
 *
 * @param secret JWT_SECRET, which signs
 * @param previousSecret JWT_SECRET_PREVIOUS: what it signed counts, and nothing more is signed with it
 */
export function makeTokens(secret: string, previousSecret?: string): Tokens {
  const current = signingKey(secret);
  const keys = [current, ...(previousSecret === undefined ? [] : [signingKey(previousSecret)])];
  const keyOf = ({ kid }: { kid?: string }): Uint8Array => {
    const key = keys.find(({ id }) => id === kid);
    if (key === undefined) throw new errors.JWKSNoMatchingKey();
    return key.bytes;
  };
  return {
    sign({ sessionId, userId, tenantId }, expiresAt) {
      return new SignJWT({ ...(tenantId === null ? {} : { tid: tenantId }), sid: sessionId })
        .setProtectedHeader({ alg: ALGORITHM, kid: current.id, typ: "JWT" })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(userId)
        .setIssuedAt()
        .setExpirationTime(expiresAt)
        .sign(current.bytes);
    },
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, keyOf, {
          algorithms: [ALGORITHM],
          issuer: ISSUER,
          audience: AUDIENCE,
          requiredClaims: ["exp", "iat", "sub"],
          clockTolerance: "30 s",
          typ: "JWT",
        });
        const claims = claimsSchema.safeParse(payload);
        if (!claims.success) return "invalid";
        return { sessionId: claims.data.sid, userId: claims.data.sub, tenantId: claims.data.tid ?? null };
      } catch (error) {
        if (error instanceof errors.JWTExpired) return "expired";
        if (error instanceof errors.JOSEError) return "invalid";
        throw error;
      }
    },
  };
}
