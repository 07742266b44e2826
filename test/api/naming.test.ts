import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  buildSchema,
  type GraphQLInputObjectType,
  type GraphQLObjectType,
  isEnumType,
  isInputObjectType,
  isObjectType,
} from "postgraphile/graphql";
import { projectDir } from "../../src/config.ts";
import { logger } from "../../src/log.ts";
import { printApiSchema } from "../../src/server/schema.ts";
import { createTestDatabase } from "../support/database.ts";

const text = readFileSync(join(projectDir, "src/generated/schema.graphql"), "utf8");
const schema = buildSchema(text);
const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith("__"));

function signature(path: string): string | undefined {
  const [typeName = "", fieldName = ""] = path.split(".");
  const field = (schema.getType(typeName) as GraphQLObjectType | undefined)?.getFields()[fieldName];
  if (!field) return undefined;
  const args = field.args.map((arg) => `${arg.name}: ${arg.type}`);
  return `${args.length > 0 ? `(${args.join(", ")})` : ""}: ${field.type}`;
}

describe("names that a frontend developer would guess", () => {
  test.each([
    ["Query.journey", "(id: UUID!): Journey"],
    ["Query.client", "(id: UUID!): Client"],
    ["Query.clientBySlug", "(slug: String!): Client"],
    ["Query.userByEmail", "(email: String!): User"],
    ["Query.importBatch", "(id: UUID!): ImportBatch"],
    ["Query.publication", "(id: UUID!): Publication"],
    ["Query.leadgenCompany", "(id: UUID!): LeadgenCompany"],
    ["Query.leadgenBatchByName", "(name: String!): LeadgenBatch"],
    ["Query.node", "(nodeId: ID!): Node"],
    ["Query.currentUser", ": CurrentUser"],
    ["Journey.id", ": UUID!"],
    ["Journey.nodeId", ": ID!"],
    ["Journey.client", ": Client"],
    ["Journey.pipeline", ": Pipeline"],
    ["Journey.status", ": JourneyStatus!"],
    ["Journey.allowedTransitions", ": [JourneyStatus]"],
    ["Touchpoint.journey", ": Journey"],
    ["Touchpoint.nextTouchpoint", ": Touchpoint"],
    ["Approval.reviewer", ": User"],
    ["Approval.requester", ": User"],
    ["Approval.journeyVersion", ": JourneyVersion"],
    ["ImportIssue.batch", ": ImportBatch"],
    ["ImportBatch.source", ": ImportSource"],
    ["PublicationItem.publication", ": Publication"],
    ["LeadgenCompany.owner", ": LeadgenOwner"],
    ["LeadgenCompany.status", ": LeadgenCompanyStatus!"],
    ["LeadgenCompany.companyEnrichmentL2", ": LeadgenCompanyEnrichmentL2"],
    ["LeadgenContact.company", ": LeadgenCompany"],
    ["LeadgenContact.contactEnrichment", ": LeadgenContactEnrichment"],
    ["LeadgenMessage.contact", ": LeadgenContact"],
    ["LeadgenOwner.membership", ": Membership"],
    ["Mutation.createJourney", "(input: CreateJourneyInput!): CreateJourneyPayload"],
    ["Mutation.updateJourney", "(input: UpdateJourneyInput!): UpdateJourneyPayload"],
    ["Mutation.deleteJourney", "(input: DeleteJourneyInput!): DeleteJourneyPayload"],
    ["Mutation.submitJourney", "(input: SubmitJourneyInput!): SubmitJourneyPayload"],
    ["UpdateJourneyInput.id", ": UUID!"],
    ["UpdateJourneyInput.patch", ": JourneyPatch!"],
    ["DeleteJourneyInput.id", ": UUID!"],
    ["CreateJourneyInput.journey", ": JourneyInput!"],
    ["UpdateJourneyPayload.journey", ": Journey"],
    ["DeleteJourneyPayload.journey", ": Journey"],
    ["ReorderTouchpointsPayload.touchpoints", ": [Touchpoint!]"],
    ["SubmitJourneyPayload.approval", ": Approval"],
    ["SubmitJourneyInput.journeyId", ": UUID!"],
    ["PublishJourneyPayload.publication", ": Publication"],
    ["Mutation.approveLeadgenMessage", "(input: ApproveLeadgenMessageInput!): ApproveLeadgenMessagePayload"],
    ["ApproveLeadgenMessagePayload.leadgenMessage", ": LeadgenMessage"],
    ["ApproveLeadgenMessagesPayload.leadgenMessages", ": [LeadgenMessage!]"],
    ["LeadgenMessage.allowedTransitions", ": [LeadgenMessageStatus]"],
    ["JourneyConnection.nodes", ": [Journey!]!"],
    ["JourneyConnection.totalCount", ": Int!"],
  ])("can find %s", (path, expected) => {
    const typeName = path.split(".")[0] ?? "";
    const type = schema.getType(typeName);
    const found = isInputObjectType(type)
      ? `: ${(type as GraphQLInputObjectType).getFields()[path.split(".")[1] ?? ""]?.type}`
      : signature(path);
    expect(found).toBe(expected);
  });

  test.each([
    ["Query.journeys", "JourneyConnection"],
    ["Query.touchpoints", "TouchpointConnection"],
    ["Query.importBatches", "ImportBatchConnection"],
    ["Client.journeys", "JourneyConnection!"],
    ["Client.templates", "TemplateConnection!"],
    ["Journey.touchpoints", "TouchpointConnection!"],
    ["Journey.journeyVersions", "JourneyVersionConnection!"],
    ["Journey.approvals", "ApprovalConnection!"],
    ["Workflow.workflowActions", "WorkflowActionConnection!"],
    ["CommentThread.comments", "CommentConnection!"],
    ["ImportBatch.issues", "ImportIssueConnection!"],
    ["Publication.publicationItems", "PublicationItemConnection!"],
    ["Query.leadgenCompanies", "LeadgenCompanyConnection"],
    ["LeadgenCompany.contacts", "LeadgenContactConnection!"],
    ["LeadgenCompany.companyTags", "LeadgenCompanyTagConnection!"],
    ["LeadgenContact.messages", "LeadgenMessageConnection!"],
    ["User.approvalsByReviewer", "ApprovalConnection!"],
  ])("can page through %s", (path, type) => {
    expect(signature(path)?.endsWith(`: ${type}`)).toBe(true);
    for (const arg of ["first: Int", "after: Cursor", "orderBy:", "filter:"]) expect(signature(path)).toContain(arg);
  });
});

describe("what the schema never shows", () => {
  const fields = types.flatMap((type) =>
    isObjectType(type) || isInputObjectType(type)
      ? Object.keys(type.getFields()).map((field) => `${type.name}.${field}`)
      : isEnumType(type)
        ? type.getValues().map(({ name }) => `${type.name}.${name}`)
        : [],
  );

  test.each([
    ["the tenant as a column, a filter, an order or an input", /\.tenantId|TENANT_ID|ByTenantId/],
    ["the tenant's half of a key", /AndId\b|IdAndId/],
    // The ledger of an import has a row_id of its own: the row that a record became.
    ["rowId for id", /^(?!Import|PreviewImport)\w+\.rowId\b/],
    ["the module before a name", /\.(?:tenancy|journeys|imports|publishing)[A-Z]/],
    ["the module before a name within the module", /^Leadgen\w+\.leadgen[A-Z]/],
    ["ways to change a row other than by its id", /Mutation\.(?:update|delete)\w+By[A-Z]/],
    ["accessors by node id", /ByNodeId/],
    ["secrets", /password(?:Hash|Parameters)|derivedKey|ciphertext|salt\b/i],
    ["condition beside filter", /Condition\b/],
  ])("has no %s", (_name, pattern) => {
    expect(fields.filter((field) => pattern.test(field))).toEqual([]);
  });

  test("has no type or column without a description", () => {
    const nameless = types
      .filter(isObjectType)
      .filter((type) => type.getInterfaces().some(({ name }) => name === "Node") && type.name !== "Query")
      .flatMap((type) => [
        ...(type.description ? [] : [type.name]),
        ...Object.values(type.getFields())
          .filter(
            (field) => !field.description && !isObjectType(schema.getType(String(field.type).replace(/[[\]!]/g, ""))),
          )
          .map((field) => `${type.name}.${field.name}`),
      ]);
    expect(nameless).toEqual([]);
  });
});

test("is what the migrated database makes of it: npm run generate", async () => {
  const database = await createTestDatabase();
  try {
    expect(await printApiSchema(database.urls.authenticator, database.rolePrefix, logger)).toBe(text);
  } finally {
    await database.drop();
  }
});
