import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  CreateClientDocument,
  CreateJourneyDocument,
  CreateTouchpointDocument,
  DuplicateJourneyDocument,
  JourneyDocument,
  JourneysDocument,
  PendingApprovalsDocument,
  PublicationDocument,
  PublishJourneyDocument,
  ReorderTouchpointsDocument,
  ReviewJourneyDocument,
  SearchTouchpointsDocument,
  SubmitJourneyDocument,
} from "../../src/generated/documents/graphql.ts";
import { startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

/** The story of the product as far as the API tells it; with imports, worker and sandbox it is test/story. */
test("can write a journey, submit it, have it approved by the client, and publish it", async () => {
  const editor = await api.signIn("editor@harbour.test");
  const admin = await api.signIn("admin@harbour.test");
  const { createClient } = await api.run(
    CreateClientDocument,
    { client: { slug: "villa", name: "Villa", ghlLocationId: "loc-1" } },
    admin,
  );
  const clientId = createClient?.client?.id ?? "";
  await api.database.query(
    `insert into tenancy.client_users (tenant_id, client_id, user_id)
     select c.tenant_id, c.id, u.id from journeys.clients c, tenancy.users u where c.id = $1 and u.email = 'client@harbour.test'`,
    [clientId],
  );
  const client = await api.signIn("client@harbour.test");

  const { createJourney } = await api.run(
    CreateJourneyDocument,
    { journey: { clientId, slug: "welcome", name: "Welcome" } },
    editor,
  );
  const journeyId = createJourney?.journey?.id ?? "";
  const touchpointIds: string[] = [];
  for (const [orderIndex, name] of ["Second", "First"].entries()) {
    const content = { subject: name, body: "We look forward to the wedding" };
    const answer = await api.run(
      CreateTouchpointDocument,
      { touchpoint: { journeyId, name, type: "email", orderIndex, dayOffset: orderIndex, content } },
      editor,
    );
    touchpointIds.unshift(answer.createTouchpoint?.touchpoint?.id ?? "");
  }
  const { reorderTouchpoints } = await api.run(ReorderTouchpointsDocument, { journeyId, touchpointIds }, editor);
  expect(reorderTouchpoints?.touchpoints?.map(({ id }) => id)).toEqual(touchpointIds);

  const { searchTouchpoints } = await api.run(SearchTouchpointsDocument, { query: "wedding" }, editor);
  expect(searchTouchpoints?.nodes).toHaveLength(2);

  const { journey } = await api.run(JourneyDocument, { id: journeyId }, editor);
  expect(journey).toMatchObject({
    status: "draft",
    client: { slug: "villa" },
    allowedTransitions: expect.arrayContaining(["client_review"]),
  });
  expect(journey?.touchpoints.nodes.map(({ name }) => name)).toEqual(["First", "Second"]);

  const { submitJourney } = await api.run(
    SubmitJourneyDocument,
    { journeyId, changeLog: "First draft", version: journey?.version },
    editor,
  );
  expect(submitJourney?.approval).toMatchObject({
    status: "pending",
    journeyVersion: { version: 1 },
    journey: { status: "client_review" },
  });

  const { approvals } = await api.run(PendingApprovalsDocument, {}, client);
  expect(approvals?.nodes).toMatchObject([{ id: submitJourney?.approval?.id, journeyVersion: { snapshot: {} } }]);
  const approvalId = approvals?.nodes[0]?.id ?? "";
  const { reviewJourney } = await api.run(ReviewJourneyDocument, { approvalId, decision: "approve" }, client);
  expect(reviewJourney?.approval).toMatchObject({ status: "approved" });

  await expect(api.run(PublishJourneyDocument, { journeyId }, editor)).rejects.toThrow(/\[LF0(02|24)\]/);
  const { publishJourney } = await api.run(PublishJourneyDocument, { journeyId }, admin);
  expect(publishJourney?.publication).toMatchObject({ status: "queued", journey: { status: "published" } });
  const { publication } = await api.run(PublicationDocument, { id: publishJourney?.publication?.id ?? "" }, editor);
  expect(publication?.status).toBe("queued");

  const { duplicateJourney } = await api.run(DuplicateJourneyDocument, { journeyId, name: "Welcome again" }, editor);
  expect(duplicateJourney?.journey?.status).toBe("draft");
  const { journeys } = await api.run(
    JourneysDocument,
    { filter: { status: { equalTo: "draft" } }, orderBy: ["NAME_ASC"] },
    editor,
  );
  expect(journeys).toMatchObject({ totalCount: 1, nodes: [{ name: "Welcome again", client: { slug: "villa" } }] });
});

test("can see as a client's person only what was submitted", async () => {
  const client = await api.signIn("client@harbour.test");
  const { data } = await api.ask(
    "{ journeys { nodes { id } } touchpoints { nodes { id } } journeyVersions { nodes { version } } }",
    {},
    client,
  );
  expect(data.touchpoints?.nodes ?? []).toEqual([]);
  expect(data.journeyVersions.nodes).toHaveLength(1);
});
