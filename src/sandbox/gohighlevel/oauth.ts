import { z } from "zod";
import type { Answer } from "./answers.ts";
import { Refusal, refuse } from "./answers.ts";
import type { Call } from "./calls.ts";
import { check, parseBody, requiredText } from "./schemas.ts";
import type { Token, Tokens } from "./tokens.ts";

const grantTypes = ["authorization_code", "refresh_token", "client_credentials"] as const;

const tokenBody = z.object({
  clientId: requiredText,
  clientSecret: requiredText,
  grantType: z.enum(grantTypes),
  code: z.string().optional(),
  refreshToken: z.string().optional(),
});

const locationBody = z.object({ companyId: requiredText, locationId: requiredText });

const snakeNames: Record<string, string> = {
  client_id: "clientId",
  client_secret: "clientSecret",
  grant_type: "grantType",
  refresh_token: "refreshToken",
};

/** The body as a form or as JSON, under the names of version 3. */
function bodyOf(call: Call): Record<string, unknown> {
  const isForm = call.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") ?? false;
  const raw = isForm ? Object.fromEntries(new URLSearchParams(call.rawBody)) : parseBody(call.rawBody);
  return Object.fromEntries(Object.entries(raw as object).map(([name, value]) => [snakeNames[name] ?? name, value]));
}

/** OAuth refuses in a form of its own. */
function refuseGrant(status: number, error: string, description: string): never {
  throw new Refusal({ status, body: { error, error_description: description } });
}

function tokenAnswer(token: Token, version: string | null, locationId: string | undefined): Answer {
  const scope = token.scopes === "*" ? "*" : token.scopes.join(" ");
  const place = locationId === undefined ? {} : { locationId };
  const userType = token.class === "agency" ? "Company" : "Location";
  const body =
    version === "v3"
      ? {
          accessToken: token.token,
          tokenType: "Bearer",
          expiresIn: 86_399,
          refreshToken: token.refreshToken,
          scope,
          userType,
          userId: "user",
          ...place,
        }
      : {
          access_token: token.token,
          token_type: "Bearer",
          expires_in: 86_399,
          refresh_token: token.refreshToken,
          scope,
          userType,
          userId: "user",
          ...place,
        };
  return { status: 200, body };
}

/** `POST /oauth/token`: the app is known by its credentials and by nothing else, so none of the usual checks precedes it. */
function grantToken(call: Call, tokens: Tokens): Answer {
  const body = check(tokenBody, bodyOf(call));
  if (body.grantType !== "refresh_token") {
    // A code is made by a person in a browser; here there is none, and it is looked at before the credentials.
    refuseGrant(401, "UnAuthorized!", "Authorization code not found");
  }
  const old = tokens.findRefresh(body.refreshToken ?? "");
  if (!tokens.isApp(body)) refuseGrant(401, "invalid_client", "Invalid client credentials");
  if (old === undefined || old.state === "revoked") refuseGrant(400, "invalid_grant", "This refresh token is invalid");
  const next = tokens.rotate(old);
  const [locationId] = next.locationIds === "*" ? [] : next.locationIds;
  return tokenAnswer(next, call.headers.version?.toString() ?? null, locationId);
}

/** A token of one location, for an agency's own. */
function grantLocationToken(call: Call, tokens: Tokens): Answer {
  const sent = /^Bearer (.+)$/.exec(call.headers.authorization ?? "")?.[1] ?? "";
  const agency = tokens.find(sent);
  if (agency === undefined || !tokens.isValid(agency)) refuse(401, "Invalid token: access token is invalid");
  if (agency.class !== "agency" || agency.kind !== "oauth") refuse(401, "Token's user type mismatch!");
  const { locationId } = check(locationBody, bodyOf(call));
  if (agency.locationIds !== "*" && !agency.locationIds.includes(locationId)) {
    refuse(403, "The token does not have access to this location.");
  }
  return tokenAnswer(tokens.mint(agency, locationId), call.headers.version?.toString() ?? null, locationId);
}

/** Answers what OAuth is asked; null where the call is none of it. */
export function answerOauth(call: Call, tokens: Tokens): Answer | null {
  if (call.method !== "POST") return null;
  const version = call.headers.version?.toString() ?? null;
  switch (call.path) {
    case "/oauth/token":
      return grantToken(call, tokens);
    case "/oauth/locationToken":
      return grantLocationToken(call, tokens);
    case "/oauth/location-token":
      // This spelling is of version 3 alone.
      return version === "v3" ? grantLocationToken(call, tokens) : null;
    default:
      return null;
  }
}
