/** Links with which a client's reviewer decides one approval, without an account. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let editor: string;
beforeAll(async () => {
  api = await startTestApi({ change: () => ({ appUrl: "https://app.example.test" }) });
  editor = await api.signIn("editor@harbour.test");
});
afterAll(() => api.close());

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

/** A journey of a client of its own, submitted; gives the approval's id. */
async function submitted(name = "Welcome"): Promise<string> {
  const ask = async (query: string, variables: Record<string, unknown>) =>
    (await api.ask(query, variables, editor)).data;
  const client = await ask("mutation ($c: ClientInput!) { createClient(input: { client: $c }) { client { id } } }", {
    c: { name: "Rosewood", slug: `c-${randomUUID()}` },
  });
  const journey = await ask(
    "mutation ($j: JourneyInput!) { createJourney(input: { journey: $j }) { journey { id } } }",
    {
      j: { clientId: client.createClient.client.id, name, slug: `j-${randomUUID()}` },
    },
  );
  const journeyId = journey.createJourney.journey.id;
  await ask("mutation ($t: TouchpointInput!) { createTouchpoint(input: { touchpoint: $t }) { touchpoint { id } } }", {
    t: { journeyId, name: "Hello", type: "email", orderIndex: 0 },
  });
  const sent = await ask("mutation ($id: UUID!) { submitJourney(input: { journeyId: $id }) { approval { id } } }", {
    id: journeyId,
  });
  return sent.submitJourney.approval.id;
}

const create = (approvalId: string, token = editor, change: Record<string, unknown> = {}) =>
  api.ask(
    `mutation ($input: CreateReviewLinkInput!) {
       createReviewLink(input: $input) { token url reviewLink { id expiresAt reviewer { email } creator { email } approval { id } } }
     }`,
    {
      input: {
        approvalId,
        reviewerEmail: "Rosa@Rosewood.test",
        reviewerName: "Rosa",
        expiresAt: inAnHour(),
        ...change,
      },
    },
    token,
  );
const made = async (approvalId: string) =>
  (await create(approvalId)).data.createReviewLink as { token: string; reviewLink: { id: string } };
const review = (token: string) =>
  api.ask(
    "query ($token: String!) { reviewByLink(token: $token) { reviewerName status comments version snapshot reviewedAt } }",
    { token },
  );
const decide = (token: string, decision = "approve", comments: string | null = null) =>
  api.ask(
    `mutation ($token: String!, $decision: ReviewDecision!, $comments: String) {
       decideByLink(input: { token: $token, decision: $decision, comments: $comments }) { review { status comments } }
     }`,
    { token, decision, comments },
  );

test("can be made by an editor, opened and decided by a reviewer without an account, whom the audit names", async () => {
  const approvalId = await submitted();
  const { data } = await create(approvalId);
  const { token, url, reviewLink } = data.createReviewLink;
  expect(url).toBe(`https://app.example.test/review?token=${token}`);
  expect(reviewLink).toMatchObject({
    reviewer: { email: "rosa@rosewood.test" },
    creator: { email: "editor@harbour.test" },
    approval: { id: approvalId },
  });
  const shown = (await review(token)).data.reviewByLink;
  expect(shown).toMatchObject({ reviewerName: "Rosa", status: "pending", version: 1 });
  expect(shown.snapshot).toMatchObject({ journey: { name: "Welcome" }, touchpoints: [{ name: "Hello" }] });
  expect(codeOf(await decide(token, "reject"))).toBe("LF107");
  expect((await decide(token, "request_changes", "Shorter")).data.decideByLink.review).toEqual({
    status: "changes_requested",
    comments: "Shorter",
  });
  expect(codeOf(await decide(token))).toBe("LF101");
  expect((await review(token)).data.reviewByLink).toMatchObject({ status: "changes_requested" });
  const [decided] = await api.database.query(
    `select u.email, (select count(*)::integer from audit.changes c where c.row_id = a.id and c.user_id = u.id) as changes
     from journeys.approvals a join tenancy.users u on u.id = a.reviewer_id where a.id = $1`,
    [approvalId],
  );
  expect(decided).toEqual({ email: "rosa@rosewood.test", changes: 1 });
});

test("cannot open or decide another approval, of the same client neither, nor sign anybody in", async () => {
  const [mine, other] = [await submitted("Mine"), await submitted("Other")];
  const { token } = await made(mine);
  expect((await review(token)).data.reviewByLink.snapshot.journey.name).toBe("Mine");
  await decide(token);
  const states = await api.database.query("select status from journeys.approvals where id = any($1) order by id", [
    [mine, other],
  ]);
  expect(states).toEqual([{ status: "approved" }, { status: "pending" }]);
  for (const bearer of [token, `x.${token}.y`]) {
    expect(codeOf(await api.ask("{ currentUser { role } }", {}, bearer))).toBe("LF044");
  }
});

test("cannot be found in the database: it keeps a hash", async () => {
  const { token } = await made(await submitted());
  const [row] = await api.database.query<{ all: string }>(
    `select concat((select string_agg(l::text, ' ') from journeys.review_links l), (select string_agg(h::text, ' ') from app_private.review_link_hashes h),
       (select string_agg(c::text, ' ') from audit.changes c)) as all`,
  );
  expect(row?.all).not.toContain(token);
});

test.each<[string, (linkId: string) => Promise<unknown>]>([
  [
    "revoked",
    (id) => api.ask(`mutation { revokeReviewLink(input: { id: "${id}" }) { reviewLink { id } } }`, {}, editor),
  ],
  [
    "over",
    (id) =>
      api.database.query(
        "update tenancy.sessions s set expires_at = now() from journeys.review_links l where l.session_id = s.id and l.id = $1",
        [id],
      ),
  ],
  [
    "of a reviewer who is disabled",
    () => api.database.query("update tenancy.users set is_active = false where email = 'rosa@rosewood.test'"),
  ],
  [
    "of a tenant that is suspended",
    () => api.database.query("update tenancy.tenants set is_active = false where slug = 'harbour'"),
  ],
])("cannot be used when it is %s: LF084, and nothing is decided", async (_what, end) => {
  await api.database.query("update tenancy.users set is_active = true");
  await api.database.query("update tenancy.tenants set is_active = true");
  const approvalId = await submitted();
  const { token, reviewLink } = await made(approvalId);
  await end(reviewLink.id);
  expect(codeOf(await review(token))).toBe("LF084");
  expect(codeOf(await decide(token))).toBe("LF084");
  await api.database.query("update tenancy.users set is_active = true");
  await api.database.query("update tenancy.tenants set is_active = true");
  expect(await api.database.query("select status from journeys.approvals where id = $1", [approvalId])).toEqual([
    { status: "pending" },
  ]);
});

test("cannot be guessed: LF084", async () => {
  expect(codeOf(await review("a guess"))).toBe("LF084");
});

test("cannot be made of what is decided, is another tenant's, or for somebody who works here", async () => {
  const approvalId = await submitted();
  const stranger = await api.signIn("admin@meadow.test");
  expect(codeOf(await create(approvalId, stranger))).toBe("LF006");
  expect(codeOf(await create(approvalId, editor, { reviewerEmail: "viewer@harbour.test" }))).toBe("LF009");
  expect(codeOf(await create(approvalId, editor, { expiresAt: "2999-01-01T00:00:00Z" }))).toBe("LF009");
  expect(codeOf(await create(approvalId, editor, { reviewerEmail: "nobody" }))).toBe("LF022");
  const { token } = await made(approvalId);
  await decide(token);
  expect(codeOf(await create(approvalId))).toBe("LF101");
});

test.each(["viewer", "client"])("cannot be made, seen or revoked by a %s: LF024", async (who) => {
  const approvalId = await submitted();
  const { reviewLink } = await made(approvalId);
  const token = await api.signIn(`${who}@harbour.test`);
  expect(codeOf(await create(approvalId, token))).toBe("LF024");
  expect(
    codeOf(
      await api.ask(
        `mutation { revokeReviewLink(input: { id: "${reviewLink.id}" }) { reviewLink { id } } }`,
        {},
        token,
      ),
    ),
  ).toBe("LF024");
  expect((await api.ask("{ reviewLinks { totalCount } }", {}, token)).errors).not.toEqual([]);
});
