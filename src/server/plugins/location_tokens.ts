import "postgraphile/adaptors/pg";
import type { PgResource } from "postgraphile/@dataplan/pg";
import { constant, context, type FieldArgs, get, type Step, sideEffect } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";
import { encryptSecret, locationSecretContext } from "../../publishing/secrets.ts";
import type { ErrorCatalog } from "../errors.ts";

/** Longest token that is taken, in characters; GoHighLevel's have 40. */
const MAX_TOKEN_LENGTH = 500;

/**
 * setLocationToken: the private integration token of a client's location. It is encrypted here, where the key is; the database gets
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
    const ciphertext = encryptSecret(
      secretKey,
      token,
      locationSecretContext(caller.tenantId, input.clientId.toLowerCase()),
    );
    const { rows } = await ctx.withPgClient(ctx.pgSettings, (client) =>
      client.query<{ id: string }>({
        text: "select (app.set_location_token($1, $2)).id",
        values: [input.clientId, ciphertext],
      }),
    );
    return { locationId: rows[0]?.id };
  }

  return extendSchema((build) => {
    const { locations } = build.pgResources as Record<string, PgResource | undefined>;
    if (!locations) throw new Error("publishing.locations must be exposed");
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

        extend type Mutation {
          """Stores the private integration token with which a client's journeys are published."""
          setLocationToken(input: SetLocationTokenInput!): SetLocationTokenPayload
        }
      `,
      objects: {
        Mutation: {
          plans: {
            setLocationToken: (_$root: Step, fieldArgs: FieldArgs) =>
              sideEffect([fieldArgs.getRaw("input"), context()], ([input, ctx]) => setLocationToken(input, ctx)),
          },
        },
        SetLocationTokenPayload: {
          plans: {
            location: ($result: Step) => locations.get({ id: get($result, "locationId") as never }),
            query: () => constant({}),
          },
        },
      },
    };
  }, "LocationTokensPlugin");
}
