import { context, type FieldArgs, lambda, type Step } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";
import { LandfallError } from "../../errors.ts";
import { makePlan, type Plan, type PlanItem, readPlanSource } from "../../publishing/plan.ts";
import type { ErrorCatalog } from "../errors.ts";

/**
 * publicationPlan: what publishing a journey would do, for whoever decides on it. It is computed from what is known; nothing is
 * written and GoHighLevel is not called.
 *
 * @param errors where the errors are worded
 */
export function publicationPlanPlugin(errors: ErrorCatalog): GraphileConfig.Plugin {
  async function plan([journeyId, ctx]: readonly [string, Grafast.Context]) {
    if (ctx.request.caller.kind !== "user") throw errors.safe("LF001");
    const source = await ctx.withPgClient(ctx.pgSettings, (client) => readPlanSource(client, journeyId));
    try {
      return shown(makePlan(source));
    } catch (error) {
      if (error instanceof LandfallError) throw errors.safe(error.code, error.message);
      throw error;
    }
  }

  return extendSchema(
    {
      typeDefs: gql`
      """What becomes of a thing when a journey is published."""
      enum PublicationPlanAction {
        "It is made in GoHighLevel."
        CREATE
        "It is there and gets the new text."
        UPDATE
        "It is there with our token, and is taken over."
        ADOPT
        "It is there as approved; nothing is sent."
        UNCHANGED
        "It is there, made by people; it is checked and nothing else."
        LINK
        "GoHighLevel's API cannot make it; a person does."
        BY_HAND
        "It cannot go; the reason says why."
        BLOCKED
      }

      """One field that a reader sees, as it is published and as it would be."""
      type PublicationPlanChange {
        field: String!
        before: String
        after: String
      }

      """Something that a person should know before it goes out."""
      type PublicationPlanFinding {
        kind: String!
        detail: String!
      }

      """What becomes of one thing of a journey."""
      type PublicationPlanItem {
        """The touchpoint; null for what belongs to the whole journey."""
        touchpointId: UUID
        name: String!
        assetKind: AssetKind!
        action: PublicationPlanAction!
        """Why it is blocked, or what a person should know."""
        reason: String
        remoteId: String
        remoteName: String
        findings: [PublicationPlanFinding!]!
        """Against what is published now."""
        changes: [PublicationPlanChange!]!
        estimatedCalls: Int!
      }

      """A touchpoint that is published and no longer part of the version: its object stays."""
      type PublicationPlanRemoval {
        name: String!
        remoteName: String
      }

      """What publishing a journey would do. Nothing is written for it."""
      type PublicationPlan {
        clientName: String!
        ghlLocationId: String
        """What it is of: the version under review, else the approved one, else the journey as it is."""
        source: String!
        """The version's number; null for the journey as it is."""
        version: Int
        """The number of the version that is published now."""
        publishedVersion: Int
        """Why nothing would go now."""
        obstacle: String
        items: [PublicationPlanItem!]!
        removed: [PublicationPlanRemoval!]!
        """How many calls of GoHighLevel's API it would take, about."""
        estimatedCalls: Int!
      }

      extend type Query {
        """What publishing this journey would do: for whoever reviews or publishes it."""
        publicationPlan(journeyId: UUID!): PublicationPlan
      }
    `,
      objects: {
        Query: {
          plans: {
            publicationPlan: (_$root: Step, fieldArgs: FieldArgs) =>
              lambda([fieldArgs.getRaw("journeyId"), context()], plan as never),
          },
        },
      },
    },
    "PublicationPlanPlugin",
  );
}

/** The plan with its enums as GraphQL has them. */
function shown(plan: Plan) {
  return { ...plan, items: plan.items.map(shownItem) };
}

function shownItem(item: PlanItem) {
  return { ...item, action: item.action.toUpperCase() };
}
