import { Refusal, refuse } from "./answers.ts";
import type { Call } from "./calls.ts";
import { locationOf } from "./calls.ts";
import type { Switches } from "./switches.ts";
import type { Token, Tokens } from "./tokens.ts";

/** The versions that GoHighLevel's gateway knows. */
const knownVersions = new Set(["v3", "2023-02-21", "2021-07-28", "2021-04-15"]);

const libraryAgents = /^(node|undici|axios|node-fetch|got|python|go-http|java|okhttp)\b/i;

/** 1: the edge turns away callers that do not say who they are, with a page of its own. */
export function checkUserAgent(call: Call, { strictUserAgent }: Switches): void {
  if (!strictUserAgent) return;
  const agent = call.headers["user-agent"];
  if (agent !== undefined && !libraryAgents.test(agent)) return;
  throw new Refusal({ status: 403, body: "<html><body>error code: 1010</body></html>", contentType: "text/html" });
}

/** 2: every call names its version. */
export function checkVersion(call: Call, { unknownVersion }: Switches): string {
  const version = call.headers.version?.toString();
  if (version === undefined) refuse(401, "version header was not found.");
  if (!knownVersions.has(version)) {
    refuse(
      unknownVersion,
      unknownVersion === 400 ? `Invalid API version segment '${version}' at position 0` : "version header is invalid",
    );
  }
  return version;
}

/** 3: a token that is known, neither revoked nor expired. */
export function checkToken(call: Call, tokens: Tokens): Token {
  const sent = /^Bearer (.+)$/.exec(call.headers.authorization ?? "")?.[1];
  const token = tokens.find(sent ?? "");
  if (token === undefined || !tokens.isValid(token)) refuse(401, "Invalid token: access token is invalid");
  return token;
}

/** Snippets cannot be written, for this scope is not among those that can be asked for. */
const unobtainableScope = "locations/templates.write";

/** 4 and 5: the class of the token and its scopes, where the endpoint is one that the stand-in knows. */
export function checkScope(token: Token, scope: string | null): void {
  if (scope === null) return;
  if (token.class === "agency" && token.kind === "pit") refuse(401, "Token's user type mismatch!");
  if (token.class === "agency") refuse(401, "This authClass type is not allowed to access this scope.");
  if (scope === unobtainableScope) refuse(401, "The token is not authorized for this scope.");
  if (token.scopes !== "*" && !token.scopes.includes(scope)) {
    refuse(401, "The token is not authorized for this scope.");
  }
}

/** 6: the location must be one that the token opens. Gives the location's id, or null where the call names none. */
export function checkLocation(call: Call, token: Token): string | null {
  const locationId = locationOf(call);
  if (locationId === null) return null;
  if (token.locationIds !== "*" && !token.locationIds.includes(locationId)) {
    refuse(403, "The token does not have access to this location.");
  }
  return locationId;
}
