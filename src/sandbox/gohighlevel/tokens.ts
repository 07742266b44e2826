import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Clock } from "./clock.ts";

/** A token that the stand-in accepts: a private integration token, or one of an OAuth app with its refresh token. */
export const tokenSchema = z.object({
  token: z.string().min(1),
  /** The locations it opens; `*` opens every one and makes it on first use, for trying the product without an account. */
  locationIds: z.union([z.literal("*"), z.array(z.string())]).default("*"),
  scopes: z.union([z.literal("*"), z.array(z.string())]).default("*"),
  class: z.enum(["location", "agency"]).default("location"),
  kind: z.enum(["pit", "oauth"]).default("pit"),
  state: z.enum(["active", "revoked"]).default("active"),
  /** Gives a new pair, once: it rotates. */
  refreshToken: z.string().optional(),
  /** Milliseconds since 1970, by the stand-in's clock. */
  expiresAt: z.number().optional(),
});

export type Token = z.infer<typeof tokenSchema>;
export type TokenInput = z.input<typeof tokenSchema>;

/** An OAuth app that may refresh tokens. */
export type OauthApp = { clientId: string; clientSecret: string };

/** GoHighLevel's access tokens live for a second less than a day. */
export const accessLifeMs = 86_399_000;

export type Tokens = {
  /** Accepts one more, in place of one of the same text. */
  accept(token: Token): void;
  /** The token as it stands, revoked and expired ones included. */
  find(token: string): Token | undefined;
  findRefresh(refreshToken: string): Token | undefined;
  isValid(token: Token): boolean;
  isApp(app: OauthApp): boolean;
  /** Puts a new pair in the place of one whose refresh token was used. */
  rotate(old: Token): Token;
  /** A token of the same scopes for one location of an agency. */
  mint(agency: Token, locationId: string): Token;
  change(token: string, change: Partial<Token>): Token | undefined;
};

/** The account's tokens. They are kept in memory alone: a file of the stand-in never holds a secret. */
export function createTokens(clock: Clock, inputs: readonly TokenInput[], apps: readonly OauthApp[]): Tokens {
  const rows = inputs.map((input) => tokenSchema.parse(input));
  const made = () => `eyJ-${randomBytes(18).toString("base64url")}`;
  const tokens: Tokens = {
    accept(token) {
      const known = rows.findIndex((row) => row.token === token.token);
      if (known === -1) rows.push(token);
      else rows[known] = token;
    },
    find: (token) => rows.find((row) => row.token === token),
    findRefresh: (refreshToken) => rows.find((row) => row.refreshToken === refreshToken),
    isValid: (row) => row.state === "active" && (row.expiresAt === undefined || row.expiresAt > clock.now()),
    isApp: ({ clientId, clientSecret }) =>
      apps.some((app) => app.clientId === clientId && app.clientSecret === clientSecret),
    rotate(old) {
      const next = { ...old, token: made(), refreshToken: made(), expiresAt: clock.now() + accessLifeMs };
      // The access token that is out lives on until its time; the refresh token is used up.
      delete old.refreshToken;
      rows.push(next);
      return next;
    },
    mint(agency, locationId) {
      const row: Token = {
        ...agency,
        token: made(),
        refreshToken: made(),
        locationIds: [locationId],
        class: "location",
        expiresAt: clock.now() + accessLifeMs,
      };
      rows.push(row);
      return row;
    },
    change(token, change) {
      const row = tokens.find(token);
      if (row !== undefined) Object.assign(row, change);
      return row;
    },
  };
  return tokens;
}
