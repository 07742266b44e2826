/** The main job, end to end: a base goes in, an approved journey comes out. */
import { setTimeout as sleep } from "node:timers/promises";
import { sandboxToken } from "../../src/config.ts";
import { startGohighlevelSandbox } from "../../src/sandbox/gohighlevel/server.ts";
import { createTestDatabase } from "../support/database.ts";
import { declareDead } from "../support/workers.ts";
import { type Installation, makeDataDir, removeDataDir, startInstallation } from "./installation.ts";

const clientSlug = "harbourlight-weddings";
const journeyName = "Inquiry to Tour";

interface Touchpoint {
  id: string;
  name: string;
  type: string;
  status: string;
  ghlTemplateId: string | null;
}

/** Editor submits, the client's reviewer approves, an admin publishes; gives the journey and the publication. */
async function publishOverHttp({
  ask,
  signIn,
}: Installation): Promise<{ journeyId: string; publicationId: string; admin: string }> {
  const editor = await signIn("editor@sample.example");
  const reviewer = await signIn("reviewer@harbourlight.example");
  const admin = await signIn("admin@sample.example");

  const found = await ask(
    `query ($slug: String!) { clientBySlug(slug: $slug) { journeys { nodes { id name status allowedTransitions } } } }`,
    { slug: clientSlug },
    editor,
  );
  const journey = found.data.clientBySlug.journeys.nodes.find(({ name }: { name: string }) => name === journeyName);
  expect(journey).toMatchObject({ status: "draft", allowedTransitions: ["client_review", "archived"] });

  const early = await ask(publish, { journeyId: journey.id }, admin);
  expect(early.code).toBe("LF003");

  const submitted = await ask(
    `mutation ($journeyId: UUID!) {
       submitJourney(input: { journeyId: $journeyId, changeLog: "Ready for the season" }) {
         approval { id status journey { status } journeyVersion { version } }
       }
     }`,
    { journeyId: journey.id },
    editor,
  );
  const { approval } = submitted.data.submitJourney;
  expect(approval).toMatchObject({ status: "pending", journey: { status: "client_review" } });

  expect((await ask(review, { approvalId: approval.id, decision: "approve" }, editor)).code).toBe("LF024");

  const waiting = await ask(
    `{ approvals(filter: { status: { equalTo: pending } }) { nodes { id journeyVersion { snapshot } } } }`,
    {},
    reviewer,
  );
  const seen = waiting.data.approvals.nodes.find(({ id }: { id: string }) => id === approval.id);
  expect(seen.journeyVersion.snapshot.journey.name).toBe(journeyName);
  expect((await ask("{ touchpoints { nodes { id } } }", {}, reviewer)).code).toBe("LF024");

  const planned = await ask(
    `query ($journeyId: UUID!) {
       publicationPlan(journeyId: $journeyId) { source version obstacle estimatedCalls items { name assetKind action } }
     }`,
    { journeyId: journey.id },
    reviewer,
  );
  const { items, ...plan } = planned.data.publicationPlan;
  expect(plan).toMatchObject({ source: "review", version: 1, obstacle: null });
  const actions = new Set(items.map(({ action }: { action: string }) => action));
  expect([...actions].toSorted()).toEqual(["BY_HAND", "CREATE", "LINK"]);

  const reviewed = await ask(review, { approvalId: approval.id, decision: "approve" }, reviewer);
  expect(reviewed.data.reviewJourney.approval.status).toBe("approved");

  expect((await ask(publish, { journeyId: journey.id }, editor)).code).toBe("LF024");
  const published = await ask(publish, { journeyId: journey.id }, admin);
  expect(published.data.publishJourney.publication).toMatchObject({ journey: { status: "published" } });
  return { journeyId: journey.id, publicationId: published.data.publishJourney.publication.id, admin };
}

const review = `mutation ($approvalId: UUID!, $decision: ReviewDecision!) {
  reviewJourney(input: { approvalId: $approvalId, decision: $decision }) { approval { status } }
}`;
const publish = `mutation ($journeyId: UUID!) {
  publishJourney(input: { journeyId: $journeyId }) { publication { id status journey { status } } }
}`;

async function waitUntilSynced({ ask }: Installation, publicationId: string, admin: string): Promise<void> {
  for (;;) {
    const { data } = await ask(
      `query ($id: UUID!) { publication(id: $id) { status lastError } }`,
      { id: publicationId },
      admin,
    );
    const { status, lastError } = data.publication;
    if (status === "synced") return;
    if (!["queued", "running"].includes(status)) throw new Error(`the publication is ${status}: ${lastError}`);
    await sleep(100);
  }
}

async function touchpointsOf({ ask }: Installation, journeyId: string, admin: string): Promise<Touchpoint[]> {
  const { data } = await ask(
    `query ($id: UUID!) {
       journey(id: $id) { touchpoints(orderBy: ORDER_INDEX_ASC, first: 100) { nodes { id name type status ghlTemplateId } } }
     }`,
    { id: journeyId },
    admin,
  );
  return data.journey.touchpoints.nodes;
}

interface Held {
  templates: { id: string; name: string; type: string; archived: boolean }[];
  customValues: { id: string }[];
}

async function stateOf(sandboxUrl: string): Promise<Held> {
  return (await (await fetch(`${sandboxUrl}/__fake/state`)).json()) as Held;
}

function expectHeldOnce(touchpoints: Touchpoint[], { templates, customValues }: Held): void {
  const emails = touchpoints.filter(({ type }) => type === "email");
  expect(emails.length).toBeGreaterThan(1);
  const held = templates.filter(({ type, archived }) => type === "template" && !archived).map(({ id }) => id);
  expect(held.toSorted()).toEqual(emails.map(({ ghlTemplateId }) => ghlTemplateId).toSorted());
  const texts = touchpoints.filter(({ type }) => ["sms", "call", "task", "note"].includes(type));
  expect(customValues.map(({ id }) => id).toSorted()).toEqual(
    texts.map(({ ghlTemplateId }) => ghlTemplateId).toSorted(),
  );
  expect(templates.filter(({ type }) => type === "folder")).toHaveLength(1);
  for (const touchpoint of [...emails, ...texts]) expect(touchpoint.status).toBe("published");
}

/** What nobody but a person can do in GoHighLevel: the checklist, a tick, and the page to print. */
async function tickHandoff({ ask, apiUrl }: Installation, publicationId: string, admin: string): Promise<void> {
  const { data } = await ask(
    "{ handoffSteps(orderBy: ORDER_INDEX_ASC, first: 100) { nodes { id title instruction reference } } }",
    {},
    admin,
  );
  const steps: { id: string; title: string; reference: string | null }[] = data.handoffSteps.nodes;
  expect(steps[0]?.title).toBe("Create the workflow");
  expect(steps.at(-1)?.title).toBe("Publish the workflow and try it");
  const ticked = await ask(
    "mutation ($stepId: UUID!) { tickHandoffStep(input: { stepId: $stepId }) { handoffStep { id } } }",
    { stepId: steps[0]?.id },
    admin,
  );
  expect(ticked.data.tickHandoffStep.handoffStep.id).toBe(steps[0]?.id);
  const page = await fetch(new URL(`/handoff/${publicationId}`, apiUrl), {
    headers: { authorization: `Bearer ${admin}` },
  });
  expect(await page.text()).toContain(`these ${steps.length} steps there; ticked so far: 1.`);
}

/** A person changes a template in GoHighLevel: the comparison shows it, with both texts, and changes nothing. */
async function findDrift({ ask, sandboxUrl }: Installation, admin: string): Promise<void> {
  const subjectLine = "Their own words";
  await fetch(`${sandboxUrl}/__fake/people`, {
    method: "POST",
    body: JSON.stringify({ deed: "edit", name: "Welcome", subjectLine }),
  });
  const client = await ask("query ($slug: String!) { clientBySlug(slug: $slug) { id } }", { slug: clientSlug }, admin);
  const compared = await ask(
    "mutation ($id: UUID!) { reconcileLocation(input: { clientId: $id }) { reconciliation { id } } }",
    { id: client.data.clientBySlug.id },
    admin,
  );
  const { id } = compared.data.reconcileLocation.reconciliation;
  for (;;) {
    const { data } = await ask("query ($id: UUID!) { reconciliation(id: $id) { status } }", { id }, admin);
    if (data.reconciliation.status === "completed") break;
    expect(["queued", "running"]).toContain(data.reconciliation.status);
    await sleep(100);
  }
  const { data } = await ask("{ remoteFindings { nodes { kind status differences } } }", {}, admin);
  expect(data.remoteFindings.nodes).toMatchObject([
    { kind: "drifted", status: "open", differences: [{ field: "subject", theirs: subjectLine }] },
  ]);
}

test("can start from nothing, submit, review and publish a journey, and start again with all of it there", async () => {
  const dataDir = makeDataDir();
  try {
    const first = await startInstallation(dataDir);
    expect(first.welcome).toMatch(/GraphiQL\s+http/);
    expect(first.welcome).toMatch(/PostgreSQL\s+postgres:\/\//);
    expect(first.welcome).toContain("verified");
    const { journeyId, publicationId, admin } = await publishOverHttp(first);
    await waitUntilSynced(first, publicationId, admin);
    const touchpoints = await touchpointsOf(first, journeyId, admin);
    expectHeldOnce(touchpoints, await stateOf(first.sandboxUrl as string));
    await tickHandoff(first, publicationId, admin);
    await findDrift(first, admin);
    expect(await first.end("SIGTERM")).toBe(0);

    const second = await startInstallation(dataDir);
    const again = await second.signIn("admin@sample.example");
    expect(await touchpointsOf(second, journeyId, again)).toEqual(touchpoints);
    expectHeldOnce(touchpoints, await stateOf(second.sandboxUrl as string));
    const { data } = await second.ask("{ importBatches { totalCount } }", {}, again);
    expect(data.importBatches.totalCount).toBe(1);
    expect(await second.end("SIGINT")).toBe(0);
  } finally {
    removeDataDir(dataDir);
  }
});

test("can lose the worker between GoHighLevel's commit and ours, and still make one template", async () => {
  const dataDir = makeDataDir();
  const database = await createTestDatabase();
  const sandbox = await startGohighlevelSandbox({});
  const environment = {
    DATABASE_URL: database.urls.admin,
    LANDFALL_SECRET_KEY: database.secretKey,
    LANDFALL_ROLE_PREFIX: database.rolePrefix,
    GHL_BASE_URL: sandbox.url,
    GHL_API_KEY: sandboxToken,
  };
  // What the sample's journey names, and people would have made there.
  sandbox.offerPipelines([{ id: "pl_harbour_enquiries", locationId: "hLq8ZtV2nRw5KcYx7PdM", name: "Enquiries" }]);
  try {
    await fetch(`${sandbox.url}/__fake/faults`, {
      method: "POST",
      body: JSON.stringify([{ kind: "commit-then-hang", method: "POST", path: "templates$" }]),
    });
    const first = await startInstallation(dataDir, environment);
    const { journeyId, publicationId } = await publishOverHttp(first);
    while ((await stateOf(sandbox.url)).templates.every(({ type }) => type === "folder")) await sleep(50);
    await first.end("SIGKILL");

    await declareDead(database);

    const second = await startInstallation(dataDir, environment);
    const admin = await second.signIn("admin@sample.example");
    await waitUntilSynced(second, publicationId, admin);
    expectHeldOnce(await touchpointsOf(second, journeyId, admin), await stateOf(sandbox.url));
    expect(await second.end()).toBe(0);
  } finally {
    await sandbox.close();
    await database.drop();
    removeDataDir(dataDir);
  }
});
