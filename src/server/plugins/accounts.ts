import "postgraphile/adaptors/pg";
import { createHash, randomBytes } from "node:crypto";
import { constant, context, type FieldArgs, type Step, sideEffect } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";
import { encryptSecret } from "../../encryption.ts";
import { mailSecretContext } from "../../mail/send_mails.ts";
import type { ErrorCatalog } from "../errors.ts";
import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, newPassword } from "../passwords.ts";

export interface AccountOptions {
  errors: ErrorCatalog;
  /** LANDFALL_SECRET_KEY: pepper of the passwords, and what mails with a secret are sealed with. */
  secretKey: string;
  /** Where people open the frontend; without it a mail holds the token alone. */
  appUrl: string | undefined;
}

const hashOf = (token: string) => createHash("sha256").update(token).digest();

/** requestPasswordReset and resetPassword: the way back in for whoever forgot their password. */
export function accountsPlugin({ errors, secretKey, appUrl }: AccountOptions): GraphileConfig.Plugin {
  async function requestPasswordReset({ email }: { email: string }, ctx: Grafast.Context) {
    const token = randomBytes(32).toString("base64url");
    const way = appUrl === undefined ? `Your token is:\n\n  ${token}` : `${appUrl}/reset-password?token=${token}`;
    const text = [
      "Somebody, probably you, asked for a new password.",
      "",
      appUrl === undefined ? way : `Choose it here within an hour:\n\n  ${way}`,
      "",
      "If it was not you, do nothing: your password stays as it is.",
      "",
    ].join("\n");
    await ctx.withPgClient(null, (client) =>
      client.query({
        text: "select app.request_password_reset($1, $2, $3, $4)",
        values: [email, hashOf(token), "A new password", encryptSecret(secretKey, text, mailSecretContext)],
      }),
    );
    return { isRequested: true };
  }

  async function resetPassword(input: { token: string; newPassword: string }, ctx: Grafast.Context) {
    if (input.newPassword.length < MIN_PASSWORD_LENGTH || input.newPassword.length > MAX_PASSWORD_LENGTH) {
      throw errors.safe("LF047", String(MIN_PASSWORD_LENGTH), String(MAX_PASSWORD_LENGTH));
    }
    const { salt, parameters, derived } = await newPassword(input.newPassword, secretKey);
    const { rows } = await ctx.withPgClient(null, (client) =>
      client.query<{ refused: string | null }>({
        text: "select app.reset_password($1, $2, $3, $4) as refused",
        values: [hashOf(input.token), salt, parameters, derived],
      }),
    );
    const refused = rows[0]?.refused;
    if (refused) throw errors.safe(refused);
    return { isReset: true };
  }

  const mutation =
    <Input, Output>(run: (input: Input, ctx: Grafast.Context) => Promise<Output>) =>
    (_$root: Step, fieldArgs: FieldArgs) =>
      sideEffect([fieldArgs.getRaw("input"), context()], ([input, ctx]) => run(input as Input, ctx));

  return extendSchema(
    () => ({
      typeDefs: gql`
      input RequestPasswordResetInput {
        email: String!
      }

      type RequestPasswordResetPayload {
        """Always true: whether somebody has this address is not told."""
        isRequested: Boolean!
        query: Query
      }

      input ResetPasswordInput {
        """The token of the mail. It works once, for an hour."""
        token: String!
        """Twelve characters or more."""
        newPassword: String!
      }

      type ResetPasswordPayload {
        """Sign in with it now; every session that there was has ended."""
        isReset: Boolean!
        query: Query
      }

      extend type Mutation {
        """Mails a token for choosing a new password to whoever has this address."""
        requestPasswordReset(input: RequestPasswordResetInput!): RequestPasswordResetPayload
        """Chooses a new password with the token of the mail."""
        resetPassword(input: ResetPasswordInput!): ResetPasswordPayload
      }
    `,
      objects: {
        Mutation: {
          plans: { requestPasswordReset: mutation(requestPasswordReset), resetPassword: mutation(resetPassword) },
        },
        RequestPasswordResetPayload: { plans: { query: () => constant({}) } },
        ResetPasswordPayload: { plans: { query: () => constant({}) } },
      },
    }),
    "AccountsPlugin",
  );
}
