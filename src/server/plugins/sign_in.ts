import "postgraphile/adaptors/pg";
import { createHmac } from "node:crypto";
import type { PgResource } from "postgraphile/@dataplan/pg";
import { constant, context, type FieldArgs, get, lambda, type Step, sideEffect } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";
import { settingsOf } from "../../database/with_identity.ts";
import type { SecretKeys } from "../../keys.ts";
import type { ErrorCatalog } from "../errors.ts";
import type { ExternalTokens } from "../external_tokens.ts";
import {
  CURRENT_PARAMETERS,
  derivePassword,
  isOutdated,
  MAX_PASSWORD_LENGTH,
  MIN_PASSWORD_LENGTH,
  newPassword,
  type PasswordParameters,
  passwordParametersSchema,
} from "../passwords.ts";
import type { Caller, CurrentRequest } from "../request.ts";
import type { Tokens } from "../tokens.ts";

declare global {
  namespace Grafast {
    interface Context {
      /** The request; its caller changes when somebody signs in or out, for the rest of the operation too. */
      request: CurrentRequest;
    }
  }
}

export interface SignInOptions {
  errors: ErrorCatalog;
  tokens: Tokens;
  rolePrefix: string;
  /** Pepper of the passwords. */
  keys: SecretKeys;
  /** How long a session lasts, in seconds. */
  sessionSeconds: number;
  /** Of the identity provider, where there is one. */
  externalTokens?: ExternalTokens | undefined;
}

type Member = Extract<Caller, { kind: "user" }>;
type SignedIn = Exclude<Caller, { kind: "visitor" }>;

interface Opened {
  error_code: string | null;
  particular: string | null;
  session_id: string;
  user_id: string;
  expires_at: Date;
  must_change_password?: boolean;
}

/** A session in a tenant. */
interface OpenedSession extends Opened {
  tenant_id: string;
  role: Member["role"];
}

const openedColumns = "error_code, particular, session_id, user_id, expires_at";

/** What came of a password, and how. */
interface Derived {
  key: Buffer;
  parameters: PasswordParameters;
}

interface SignInInput {
  email: string;
  password: string;
  tenantSlug?: string | null;
  asOperator?: boolean | null;
}

/**
 * signIn, signOut, switchTenant, changePassword and currentUser. They are functions of the database behind plans of ours, because
 * the password has to be derived here: neither it nor its hash ever crosses the line.
 */
export function signInPlugin(options: SignInOptions): GraphileConfig.Plugin {
  const { errors, tokens, rolePrefix, keys, sessionSeconds, externalTokens } = options;
  const { secretKey } = keys;

  /** One row of a function that the authenticator itself may call. */
  async function asNobody<Row>(ctx: Grafast.Context, text: string, values: unknown[]): Promise<Row> {
    return firstRow<Row>(await ctx.withPgClient(null, (client) => client.query({ text, values })));
  }

  /** One row of a function that is called as whoever asks. */
  async function asCaller<Row>(ctx: Grafast.Context, text: string, values: unknown[]): Promise<Row> {
    return firstRow<Row>(await ctx.withPgClient(ctx.pgSettings ?? null, (client) => client.query({ text, values })));
  }

  /** Derives the key that this address would have; an unknown one costs the same and gets parameters that never change. */
  async function deriveKey(ctx: Grafast.Context, email: string, password: string): Promise<Derived> {
    const address = email.trim().toLowerCase();
    const fallbackSalt = createHmac("sha256", secretKey).update(`salt of nobody ${address}`).digest().subarray(0, 16);
    const known = await asNobody<{ salt: Buffer; parameters: unknown }>(
      ctx,
      "select salt, parameters from app.password_parameters($1, $2, $3)",
      [email, fallbackSalt, CURRENT_PARAMETERS],
    );
    const parameters = passwordParametersSchema.parse(known.parameters);
    return { key: await derivePassword(password, known.salt, parameters, keys), parameters };
  }

  /** Derives a password that was right anew, where the key or the cost has changed since. */
  async function bringUpToDate(ctx: Grafast.Context, { email, password }: SignInInput, derived: Derived) {
    if (!isOutdated(derived.parameters, secretKey)) return;
    const fresh = await newPassword(password, secretKey);
    await asNobody(ctx, "select app.rederive_password($1, $2, $3, $4, $5)", [
      email,
      derived.key,
      fresh.salt,
      fresh.parameters,
      fresh.derived,
    ]);
  }

  function signedIn(ctx: Grafast.Context): SignedIn {
    if (ctx.request.caller.kind === "visitor") throw errors.safe("LF001");
    return ctx.request.caller;
  }

  /** From here on the operation runs as this caller: the payload may ask for their user, their tenant, anything of theirs. */
  function become(ctx: Grafast.Context, caller: Caller): void {
    ctx.request.caller = caller;
    const settings = ctx.pgSettings ?? {};
    for (const name of Object.keys(settings)) delete settings[name];
    Object.assign(settings, settingsOf(caller));
  }

  async function enter(ctx: Grafast.Context, opened: Opened | OpenedSession) {
    if (opened.error_code !== null) throw errors.safe(opened.error_code, opened.particular ?? "");
    const whose = { rolePrefix, userId: opened.user_id, sessionId: opened.session_id, requestId: ctx.request.id };
    const caller: SignedIn =
      "tenant_id" in opened
        ? { kind: "user", role: opened.role, tenantId: opened.tenant_id, ...whose }
        : { kind: "operator", ...whose };
    become(ctx, caller);
    const session = describe(caller);
    return {
      ...session,
      token: await tokens.sign({ ...session, sessionId: caller.sessionId }, opened.expires_at),
      expiresAt: opened.expires_at.toISOString(),
      mustChangePassword: opened.must_change_password ?? false,
    };
  }

  async function signIn(input: SignInInput, ctx: Grafast.Context) {
    if (input.asOperator && input.tenantSlug) {
      throw errors.safe("LF009", "An operator belongs to no tenant.", "Send tenantSlug or asOperator, not both.");
    }
    const password = input.password.slice(0, MAX_PASSWORD_LENGTH);
    const derived = await deriveKey(ctx, input.email, password);
    const from = [sessionSeconds, ctx.request.userAgent ?? null, ctx.request.ipAddress ?? null];
    const opened = input.asOperator
      ? await asNobody<Opened>(
          ctx,
          `select ${openedColumns}, must_change_password from app.sign_in_operator($1, $2, make_interval(secs => $3), $4, $5)`,
          [input.email, derived.key, ...from],
        )
      : await asNobody<OpenedSession>(
          ctx,
          `select ${openedColumns}, tenant_id, role, must_change_password
           from app.sign_in($1, $2, $3, make_interval(secs => $4), $5, $6)`,
          [input.email, derived.key, input.tenantSlug ?? null, ...from],
        );
    if (opened.error_code === null) await bringUpToDate(ctx, { ...input, password }, derived);
    return enter(ctx, opened);
  }

  async function signInWithToken(input: { idToken: string; tenantSlug?: string | null }, ctx: Grafast.Context) {
    if (externalTokens === undefined) throw errors.safe("LF082");
    const vouched = await externalTokens.verify(input.idToken);
    if ("problem" in vouched) throw errors.safe("LF081", vouched.problem);
    const opened = await asNobody<OpenedSession>(
      ctx,
      `select ${openedColumns}, tenant_id, role from app.sign_in_external($1, $2, make_interval(secs => $3), $4, $5)`,
      [
        vouched.email,
        input.tenantSlug ?? null,
        sessionSeconds,
        ctx.request.userAgent ?? null,
        ctx.request.ipAddress ?? null,
      ],
    );
    return enter(ctx, opened);
  }

  async function signOut(input: { everywhere?: boolean | null }, ctx: Grafast.Context) {
    signedIn(ctx);
    const { ended } = await asCaller<{ ended: number }>(ctx, "select app.sign_out($1) as ended", [
      input.everywhere ?? false,
    ]);
    become(ctx, { kind: "visitor", rolePrefix });
    return { endedSessions: ended };
  }

  async function switchTenant(input: { tenantSlug: string }, ctx: Grafast.Context) {
    if (signedIn(ctx).kind === "operator") throw errors.safe("LF008");
    const opened = await asCaller<OpenedSession>(
      ctx,
      `select ${openedColumns}, tenant_id, role from app.switch_tenant($1, $2, $3)`,
      [input.tenantSlug, ctx.request.userAgent ?? null, ctx.request.ipAddress ?? null],
    );
    return enter(ctx, opened);
  }

  async function changePassword(input: { currentPassword: string; newPassword: string }, ctx: Grafast.Context) {
    const { userId } = signedIn(ctx);
    if (input.newPassword.length < MIN_PASSWORD_LENGTH || input.newPassword.length > MAX_PASSWORD_LENGTH) {
      throw errors.safe("LF047", String(MIN_PASSWORD_LENGTH), String(MAX_PASSWORD_LENGTH));
    }
    const { email } = await asCaller<{ email: string }>(ctx, "select u.email from tenancy.users u where u.id = $1", [
      userId,
    ]);
    const { key: currentKey } = await deriveKey(ctx, email, input.currentPassword.slice(0, MAX_PASSWORD_LENGTH));
    const { salt, parameters, derived } = await newPassword(input.newPassword, secretKey);
    const answer = await asCaller<Pick<Opened, "error_code" | "particular">>(
      ctx,
      "select error_code, particular from app.change_password($1, $2, $3, $4)",
      [currentKey, salt, parameters, derived],
    );
    if (answer.error_code !== null) throw errors.safe(answer.error_code, answer.particular ?? "");
    return { userId };
  }

  async function memberships(ctx: Grafast.Context) {
    if (ctx.request.caller.kind !== "user") return [];
    const { rows } = await ctx.withPgClient(ctx.pgSettings ?? null, (client) =>
      client.query<{ tenantSlug: string; tenantName: string; role: string }>({
        text: `select tenant_slug as "tenantSlug", tenant_name as "tenantName", role from app.current_memberships()`,
      }),
    );
    return rows;
  }

  const mutation =
    <Input, Output>(run: (input: Input, ctx: Grafast.Context) => Promise<Output>) =>
    (_$root: Step, fieldArgs: FieldArgs) =>
      sideEffect([fieldArgs.getRaw("input"), context()], ([input, ctx]) => run((input ?? {}) as Input, ctx));

  return extendSchema((build) => {
    const { users, tenants } = build.pgResources as Record<string, PgResource | undefined>;
    if (!users || !tenants) throw new Error("tenancy.users and tenancy.tenants must be exposed");
    const user = ($result: Step) => users.get({ id: get($result, "userId") as never });
    const tenant = ($result: Step) => tenants.get({ id: get($result, "tenantId") as never });
    const nothing = () => constant({});
    return {
      typeDefs: gql`
        """Who is signed in, where, and as what."""
        type CurrentUser {
          user: User
          """The tenant of this session; null for an operator, who is above the tenants."""
          tenant: Tenant
          """What the person is in this session."""
          role: SessionRole!
          """Every tenant that switchTenant can lead to, this one included."""
          memberships: [CurrentUserMembership!]!
        }

        """What somebody is in their session: what they are in its tenant, or an operator, who makes and suspends tenants and sees no row of any."""
        enum SessionRole {
          viewer
          client
          editor
          admin
          operator
        }

        """A tenant that the person belongs to."""
        type CurrentUserMembership {
          tenantSlug: String!
          tenantName: String!
          role: MembershipRole!
        }

        extend type Query {
          """Whoever is signed in; null for a visitor."""
          currentUser: CurrentUser
        }

        input SignInInput {
          email: String!
          password: String!
          """Needed only by people who belong to several tenants."""
          tenantSlug: String
          """Opens a session above the tenants, for people who are operators."""
          asOperator: Boolean = false
        }

        type SignInPayload {
          """Send it as "Authorization: Bearer <token>" with every request."""
          token: String!
          """When the session ends by itself."""
          expiresAt: Datetime!
          """True while the password is the one that somebody else made: ask for a new one and call changePassword."""
          mustChangePassword: Boolean!
          user: User
          tenant: Tenant
          role: SessionRole!
          query: Query
        }

        input SignInWithTokenInput {
          """The identity provider's ID token, ten minutes old at most."""
          idToken: String!
          """Needed only by people who belong to several tenants."""
          tenantSlug: String
        }

        input SignOutInput {
          """End every session of this person, on every device."""
          everywhere: Boolean = false
        }

        type SignOutPayload {
          """How many sessions ended."""
          endedSessions: Int!
          query: Query
        }

        input SwitchTenantInput {
          """One of currentUser.memberships."""
          tenantSlug: String!
        }

        type SwitchTenantPayload {
          """Replaces the old token, which no longer counts."""
          token: String!
          """When the session ends by itself: switching does not prolong it."""
          expiresAt: Datetime!
          user: User
          tenant: Tenant
          role: SessionRole!
          query: Query
        }

        input ChangePasswordInput {
          currentPassword: String!
          """Twelve characters or more."""
          newPassword: String!
        }

        type ChangePasswordPayload {
          user: User
          query: Query
        }

        extend type Mutation {
          """Opens a session and gives its token."""
          signIn(input: SignInInput!): SignInPayload
          """Opens a session for whoever the identity provider vouches for, where they are known here."""
          signInWithToken(input: SignInWithTokenInput!): SignInPayload
          """Ends this session, or all of them."""
          signOut(input: SignOutInput): SignOutPayload
          """Ends this session and opens one in another tenant."""
          switchTenant(input: SwitchTenantInput!): SwitchTenantPayload
          """Replaces the password and ends the other sessions of this person."""
          changePassword(input: ChangePasswordInput!): ChangePasswordPayload
        }
      `,
      objects: {
        Query: {
          plans: {
            currentUser() {
              return lambda(context(), ({ request: { caller } }) =>
                caller.kind === "visitor" ? null : describe(caller),
              );
            },
          },
        },
        CurrentUser: {
          plans: {
            user,
            tenant,
            memberships: () => lambda(context(), memberships),
          },
        },
        Mutation: {
          plans: {
            signIn: mutation(signIn),
            signInWithToken: mutation(signInWithToken),
            signOut: mutation(signOut),
            switchTenant: mutation(switchTenant),
            changePassword: mutation(changePassword),
          },
        },
        SignInPayload: { plans: { user, tenant, query: nothing } },
        SignOutPayload: { plans: { query: nothing } },
        SwitchTenantPayload: { plans: { user, tenant, query: nothing } },
        ChangePasswordPayload: { plans: { user, query: nothing } },
      },
    };
  }, "SignInPlugin");
}

/** What a payload says of whoever is signed in. */
function describe(caller: SignedIn) {
  const { userId } = caller;
  return caller.kind === "user"
    ? { userId, tenantId: caller.tenantId, role: caller.role }
    : { userId, tenantId: null, role: "operator" as const };
}

function firstRow<Row>(result: { rows: readonly unknown[] }): Row {
  if (result.rows.length === 0) throw new Error("a function that always answers gave no row");
  return result.rows[0] as Row;
}
