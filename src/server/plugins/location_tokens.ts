import "postgraphile/adaptors/pg";
import type { PgResource } from "postgraphile/@dataplan/pg";
import { constant, context, type FieldArgs, get, type Step, sideEffect } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";
import { encryptSecret } from "../../encryption.ts";
import { locationSecretContext, sealPair } from "../../publishing/credentials.ts";
import type { ErrorCatalog } from "../errors.ts";

/** Longest token that is taken, in characters; GoHighLevel's have 40. */
const MAX_TOKEN_LENGTH = 500;

/** The same for each part of an OAuth app; refresh tokens are JSON web tokens of about 1,500. */
const MAX_OAUTH_LENGTH = 8_000;

/**
 * setLocationToken and setLocationOauth: with what a client's location is called. It is encrypted here, where the key is; the database gets
 * and keeps the ciphertext, and nobody ever reads it back through the API.
 *
 * @param errors where the errors are worded
 * @param secretKey LANDFALL_SECRET_KEY
 */
export function locationTokensPlugin(errors: ErrorCatalog, secretKey: string): GraphileConfig.Plugin {
  async function setLocationToken(input: { clientId: string; token: string }, ctx: Grafast.Context) {
    const { caller } = ctx.request;
    if (caller.kind !== "user") throw errors.safe(caller.kind === "operator" ? "LF008" : "LF001");
    const token = input.token.trim();
    if (token === "" || token.length > MAX_TOKEN_LENGTH || /\s/.test(token)) {
      throw errors.safe(
        "LF009",
        "This cannot be a private integration token.",
        "Copy it from GoHighLevel: Settings, Private Integrations. It begins with pit-.",
      );
    }
    const context = locationSecretContext(caller.tenantId, input.clientId.toLowerCase());
    return keep(input.clientId, encryptSecret(secretKey, token, context), "pit", ctx);
  }

  async function setLocationOauth(
    input: { clientId: string; oauthClientId: string; oauthClientSecret: string; refreshToken: string },
    ctx: Grafast.Context,
  ) {
    const { caller } = ctx.request;
    if (caller.kind !== "user") throw errors.safe("LF001");
    const { clientId, oauthClientId, oauthClientSecret, refreshToken } = input;
    if (
      [oauthClientId, oauthClientSecret, refreshToken].some((text) => text === "" || text.length > MAX_OAUTH_LENGTH)
    ) {
      throw errors.safe(
        "LF009",
        "These cannot be an OAuth app's id, secret and refresh token.",
        "Copy id and secret from the app in GoHighLevel's Marketplace, and the refresh token from its installation.",
      );
    }
    const context = locationSecretContext(caller.tenantId, clientId.toLowerCase());
    // The first call finds the pair at its end, and renews it.
    const pair = { oauthClientId, oauthClientSecret, refreshToken, accessToken: "", expiresAt: 0 };
    return keep(clientId, sealPair(secretKey, pair, context), "oauth", ctx);
  }

  async function keep(clientId: string, ciphertext: string, kind: "pit" | "oauth", ctx: Grafast.Context) {
    const { rows } = await ctx.withPgClient(ctx.pgSettings, (client) =>
      client.query<{ id: string }>({
        text: "select (app.set_location_token($1, $2, $3)).id",
        values: [clientId, ciphertext, kind],
      }),
    );
    return { locationId: rows[0]?.id };
  }

  return extendSchema((build) => {
    const { locations } = build.pgResources as Record<string, PgResource | undefined>;
    if (!locations) throw new Error("publishing.locations must be exposed");
    const payloadPlans = {
      location: ($result: Step) => locations.get({ id: get($result, "locationId") as never }),
      query: () => constant({}),
    };
    return {
      typeDefs: gql`
        input SetLocationTokenInput {
          """The client whose location it opens; the client must have a GoHighLevel location id."""
          clientId: UUID!
          """The private integration token. It is stored encrypted and never shown again."""
          token: String!
        }

        type SetLocationTokenPayload {
          location: Location
          query: Query
        }

        input SetLocationOauthInput {
          """The client whose location it opens; the client must have a GoHighLevel location id."""
          clientId: UUID!
          """The id of your app in GoHighLevel's Marketplace."""
          oauthClientId: String!
          """The app's secret. It is stored encrypted and never shown again."""
          oauthClientSecret: String!
          """The refresh token of the app's installation in the location. It is used up at once and renewed by itself from then on."""
          refreshToken: String!
        }

        type SetLocationOauthPayload {
          location: Location
          query: Query
        }

        extend type Mutation {
          """Stores the private integration token with which a client's journeys are published, in place of the one before."""
          setLocationToken(input: SetLocationTokenInput!): SetLocationTokenPayload
          """Connects a client's location through an OAuth app, whose tokens are renewed by themselves."""
          setLocationOauth(input: SetLocationOauthInput!): SetLocationOauthPayload
        }
      `,
      objects: {
        Mutation: {
          plans: {
            setLocationToken: (_$root: Step, fieldArgs: FieldArgs) =>
              sideEffect([fieldArgs.getRaw("input"), context()], ([input, ctx]) => setLocationToken(input, ctx)),
            setLocationOauth: (_$root: Step, fieldArgs: FieldArgs) =>
              sideEffect([fieldArgs.getRaw("input"), context()], ([input, ctx]) => setLocationOauth(input, ctx)),
          },
        },
        SetLocationTokenPayload: { plans: payloadPlans },
        SetLocationOauthPayload: { plans: payloadPlans },
      },
    };
  }, "LocationTokensPlugin");
}
