import "postgraphile/adaptors/pg";
import type { PgResource } from "postgraphile/@dataplan/pg";
import { constant, context, type FieldArgs, get, type Step, sideEffect } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";
import { newApiKey } from "../api_keys.ts";
import type { ErrorCatalog } from "../errors.ts";

interface CreateInput {
  name: string;
  role: string;
  expiresAt: string;
}

/**
 * createApiKey: the key is made here and shown once; the database gets and keeps its hash.
 *
 * @param errors where the errors are worded
 */
export function apiKeysPlugin(errors: ErrorCatalog): GraphileConfig.Plugin {
  async function createApiKey({ name, role, expiresAt }: CreateInput, ctx: Grafast.Context) {
    if (ctx.request.caller.kind !== "user") throw errors.safe("LF001");
    const { key, hash, hint } = newApiKey();
    const { rows } = await ctx.withPgClient(ctx.pgSettings, (client) =>
      client.query<{ id: string }>({
        text: "select app.create_api_key($1, $2, $3, $4, $5) as id",
        values: [name, role, expiresAt, hash, hint],
      }),
    );
    return { key, apiKeyId: rows[0]?.id };
  }

  return extendSchema((build) => {
    const apiKeys = (build.pgResources as Record<string, PgResource | undefined>).api_keys;
    if (!apiKeys) throw new Error("tenancy.api_keys must be exposed");
    return {
      typeDefs: gql`
        input CreateApiKeyInput {
          """What it is for: the audit names it so."""
          name: String!
          """What the machine may do: what a viewer, an editor or an admin may."""
          role: MembershipRole!
          """When it ends by itself, within two years."""
          expiresAt: Datetime!
        }

        type CreateApiKeyPayload {
          """Send it as "Authorization: Bearer <key>". It is shown here and never again."""
          key: String!
          apiKey: ApiKey
          query: Query
        }

        extend type Mutation {
          """Makes a key with which a machine calls the API in this tenant."""
          createApiKey(input: CreateApiKeyInput!): CreateApiKeyPayload
        }
      `,
      objects: {
        Mutation: {
          plans: {
            createApiKey: (_$root: Step, fieldArgs: FieldArgs) =>
              sideEffect([fieldArgs.getRaw("input"), context()], ([input, ctx]) =>
                createApiKey(input as CreateInput, ctx),
              ),
          },
        },
        CreateApiKeyPayload: {
          plans: {
            apiKey: ($result: Step) => apiKeys.get({ id: get($result, "apiKeyId") as never }),
            query: () => constant({}),
          },
        },
      },
    };
  }, "ApiKeysPlugin");
}
