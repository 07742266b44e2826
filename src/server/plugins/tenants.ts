import "postgraphile/adaptors/pg";
import type { PgResource } from "postgraphile/@dataplan/pg";
import { constant, context, type FieldArgs, get, type Step, sideEffect } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";
import type { ErrorCatalog } from "../errors.ts";
import { newPassword, oneTimePassword } from "../passwords.ts";

interface CreateTenantInput {
  slug: string;
  name: string;
  domain?: string | null;
  adminEmail: string;
  adminName?: string | null;
}

/**
 * createTenant: a tenant with its first admin. The password is derived here, as for signing in: the database gets what became of it.
 *
 * @param errors where LF001 (not_signed_in) is worded
 * @param secretKey LANDFALL_SECRET_KEY: pepper of the passwords
 */
export function tenantsPlugin(errors: ErrorCatalog, secretKey: string): GraphileConfig.Plugin {
  async function createTenant(input: CreateTenantInput, ctx: Grafast.Context) {
    if (ctx.request.caller.kind === "visitor") throw errors.safe("LF001");
    const password = oneTimePassword();
    const { salt, parameters, derived } = await newPassword(password, secretKey);
    const { rows } = await ctx.withPgClient(ctx.pgSettings, (client) =>
      client.query<{ tenant_id: string; is_new_user: boolean }>({
        text: "select tenant_id, is_new_user from app.create_tenant($1, $2, $3, $4, $5, $6, $7, $8)",
        values: [
          input.slug,
          input.name,
          input.domain ?? null,
          input.adminEmail,
          input.adminName ?? null,
          salt,
          parameters,
          derived,
        ],
      }),
    );
    const [made] = rows;
    return { tenantId: made?.tenant_id, oneTimePassword: made?.is_new_user ? password : null };
  }

  return extendSchema((build) => {
    const { tenants } = build.pgResources as Record<string, PgResource | undefined>;
    if (!tenants) throw new Error("tenancy.tenants must be exposed");
    return {
      typeDefs: gql`
        input CreateTenantInput {
          """Its short name in commands and addresses: lower-case words joined by hyphens."""
          slug: String!
          """What people call it."""
          name: String!
          """The internet domain that belongs to it."""
          domain: String
          """The first admin, who lets everybody else in."""
          adminEmail: String!
          """What people call the admin; the address where nothing is said, or the person is known already."""
          adminName: String
        }

        type CreateTenantPayload {
          tenant: Tenant
          """For the admin to sign in with once, shown here and never again; null where the person is known already and keeps their password."""
          oneTimePassword: String
          query: Query
        }

        extend type Mutation {
          """Makes a tenant with its first admin. For operators."""
          createTenant(input: CreateTenantInput!): CreateTenantPayload
        }
      `,
      objects: {
        Mutation: {
          plans: {
            createTenant: (_$root: Step, fieldArgs: FieldArgs) =>
              sideEffect([fieldArgs.getRaw("input"), context()], ([input, ctx]) => createTenant(input, ctx)),
          },
        },
        CreateTenantPayload: {
          plans: {
            tenant: ($result: Step) => tenants.get({ id: get($result, "tenantId") as never }),
            query: () => constant({}),
          },
        },
      },
    };
  }, "TenantsPlugin");
}
