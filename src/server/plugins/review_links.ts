import "postgraphile/adaptors/pg";
import { createHash, randomBytes } from "node:crypto";
import type pg from "pg";
import type { PgResource } from "postgraphile/@dataplan/pg";
import { constant, context, type FieldArgs, get, lambda, type Step, sideEffect } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";
import { settingsOf } from "../../database/with_identity.ts";
import type { ErrorCatalog } from "../errors.ts";
import { authorizeSession } from "../identity.ts";
import type { Caller } from "../request.ts";

export interface ReviewLinkOptions {
  errors: ErrorCatalog;
  /** Connections as the authenticator. */
  pool: pg.Pool;
  rolePrefix: string;
  /** Where people open the frontend. */
  appUrl: string | undefined;
}

interface CreateInput {
  approvalId: string;
  reviewerEmail: string;
  reviewerName: string;
  expiresAt: string;
}

/** Whom a link speaks for, and what it opens. */
interface Link {
  reviewer: Extract<Caller, { kind: "user" }>;
  approvalId: string;
}

const hashOf = (token: string) => createHash("sha256").update(token).digest();

/**
 * createReviewLink, and what the client's reviewer does with the link: reviewByLink reads the one version that it opens, decideByLink
 * decides it. The sign-in behind a link never leaves this process, so the link does nothing else.
 */
export function reviewLinksPlugin({ errors, pool, rolePrefix, appUrl }: ReviewLinkOptions): GraphileConfig.Plugin {
  async function createReviewLink(input: CreateInput, ctx: Grafast.Context) {
    if (ctx.request.caller.kind !== "user") throw errors.safe("LF001");
    const token = randomBytes(32).toString("base64url");
    const { rows } = await ctx.withPgClient(ctx.pgSettings, (client) =>
      client.query<{ id: string }>({
        text: "select app.create_review_link($1, $2, $3, $4, $5) as id",
        values: [input.approvalId, input.reviewerEmail, input.reviewerName, input.expiresAt, hashOf(token)],
      }),
    );
    return { token, url: appUrl === undefined ? null : `${appUrl}/review?token=${token}`, linkId: rows[0]?.id };
  }

  /** What holds for every sign-in is asked for a link too; whatever it is that ended it, it has ended. */
  async function open(token: string, ctx: Grafast.Context): Promise<Link> {
    const { rows } = await pool.query<{
      session_id: string | null;
      user_id: string;
      tenant_id: string;
      approval_id: string;
    }>({
      name: "find_review_link",
      text: "select session_id, user_id, tenant_id, approval_id from app.find_review_link($1)",
      values: [hashOf(token)],
    });
    const [found] = rows;
    if (!found?.session_id) throw errors.safe("LF084");
    const claims = { sessionId: found.session_id, userId: found.user_id, tenantId: found.tenant_id };
    if ((await authorizeSession(pool, claims)) !== "client") throw errors.safe("LF084");
    return {
      reviewer: { kind: "user", rolePrefix, role: "client", ...claims, requestId: ctx.request.id },
      approvalId: found.approval_id,
    };
  }

  async function read({ reviewer, approvalId }: Link, ctx: Grafast.Context) {
    const { rows } = await ctx.withPgClient(settingsOf(reviewer), (client) =>
      client.query<Record<string, unknown>>({
        text: `select a.status, a.comments, a.reviewed_at as "reviewedAt", v.version, v.snapshot, u.name as "reviewerName"
               from journeys.approvals a
               join journeys.journey_versions v on v.tenant_id = a.tenant_id and v.id = a.journey_version_id
               join tenancy.users u on u.id = $2
               where a.id = $1`,
        values: [approvalId, reviewer.userId],
      }),
    );
    const [review] = rows;
    if (review === undefined) throw errors.safe("LF084");
    const reviewedAt = review.reviewedAt instanceof Date ? review.reviewedAt.toISOString() : null;
    return { ...review, reviewedAt };
  }

  async function reviewByLink([token, ctx]: readonly [string, Grafast.Context]) {
    return read(await open(token, ctx), ctx);
  }

  async function decideByLink(
    input: { token: string; decision: string; comments?: string | null },
    ctx: Grafast.Context,
  ) {
    const link = await open(input.token, ctx);
    await ctx.withPgClient(settingsOf(link.reviewer), (client) =>
      client.query({
        text: "select (journeys.review_journey($1, $2, $3)).id",
        values: [link.approvalId, input.decision, input.comments ?? null],
      }),
    );
    return { review: await read(link, ctx) };
  }

  const mutation =
    <Input, Output>(run: (input: Input, ctx: Grafast.Context) => Promise<Output>) =>
    (_$root: Step, fieldArgs: FieldArgs) =>
      sideEffect([fieldArgs.getRaw("input"), context()], ([input, ctx]) => run(input as Input, ctx));

  return extendSchema((build) => {
    const links = (build.pgResources as Record<string, PgResource | undefined>).review_links;
    if (!links) throw new Error("journeys.review_links must be exposed");
    const nothing = () => constant({});
    return {
      typeDefs: gql`
        """What a link to a review opens: one version of a journey, and its review."""
        type ReviewByLink {
          """Who decides by this link."""
          reviewerName: String!
          status: ApprovalStatus!
          comments: String
          reviewedAt: Datetime
          version: Int!
          """The journey, its client and its touchpoints in order, as they were submitted."""
          snapshot: JSON!
        }

        extend type Query {
          """What a link to a review opens, for whoever holds its token."""
          reviewByLink(token: String!): ReviewByLink
        }

        input CreateReviewLinkInput {
          """A pending approval."""
          approvalId: UUID!
          """The reviewer at the client; the audit names them for what is decided."""
          reviewerEmail: String!
          reviewerName: String!
          """When the link ends by itself, within sixty days."""
          expiresAt: Datetime!
        }

        type CreateReviewLinkPayload {
          """Shown here and never again."""
          token: String!
          """Where the reviewer opens it; null where APP_URL is not set."""
          url: String
          reviewLink: ReviewLink
          query: Query
        }

        input DecideByLinkInput {
          token: String!
          decision: ReviewDecision!
          """Needed with every decision but approve."""
          comments: String
        }

        type DecideByLinkPayload {
          review: ReviewByLink
          query: Query
        }

        extend type Mutation {
          """Makes a link with which a client's reviewer decides one approval, without an account."""
          createReviewLink(input: CreateReviewLinkInput!): CreateReviewLinkPayload
          """Decides what a link to a review opens."""
          decideByLink(input: DecideByLinkInput!): DecideByLinkPayload
        }
      `,
      objects: {
        Query: {
          plans: {
            reviewByLink: (_$root: Step, fieldArgs: FieldArgs) =>
              lambda([fieldArgs.getRaw("token"), context()], reviewByLink as never),
          },
        },
        Mutation: {
          plans: { createReviewLink: mutation(createReviewLink), decideByLink: mutation(decideByLink) },
        },
        CreateReviewLinkPayload: {
          plans: {
            reviewLink: ($result: Step) => links.get({ id: get($result, "linkId") as never }),
            query: nothing,
          },
        },
        DecideByLinkPayload: { plans: { query: nothing } },
      },
    };
  }, "ReviewLinksPlugin");
}
