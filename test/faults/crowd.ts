/** Many people of one tenant who act at once, through the API. */
import { randomUUID } from "node:crypto";
import { makeTokens } from "../../src/server/tokens.ts";
import { type Answer, codeOf, type TestApi } from "../api/api.ts";
import type { OpenDatabase } from "../support/database.ts";

type Asking = Pick<TestApi, "ask">;

/** What the API says to whoever should send the same again: too slow, busy, away. */
export const passingCodes = ["LF906", "LF907", "LF908"];

/** Signs in so many new people of a role in a tenant, without passwords; gives their tokens. */
export async function addCrowd(
  { query, config }: OpenDatabase,
  tenantSlug: string,
  role: string,
  count: number,
): Promise<string[]> {
  const people = await query<{ tenantId: string; userId: string; sessionId: string; expiresAt: Date }>(
    `with person as (
       insert into tenancy.users (email, name)
       select gen_random_uuid() || '@crowd.test', 'One of many' from generate_series(1, $3) returning id
     ), member as (
       insert into tenancy.memberships (tenant_id, user_id, role)
       select t.id, p.id, $2::tenancy.membership_role from tenancy.tenants t, person p where t.slug = $1
     )
     insert into tenancy.sessions (tenant_id, user_id, expires_at)
     select t.id, p.id, now() + interval '1 day' from tenancy.tenants t, person p where t.slug = $1
     returning tenant_id as "tenantId", user_id as "userId", id as "sessionId", expires_at as "expiresAt"`,
    [tenantSlug, role, count],
  );
  const tokens = makeTokens(config.jwt.secret);
  return await Promise.all(people.map(({ expiresAt, ...claims }) => tokens.sign(claims, expiresAt)));
}

/** Sends an operation, and again as long as the API says that this may help; gives the last answer. */
export async function insist(
  api: Asking,
  token: string,
  query: string,
  variables: Record<string, unknown>,
): Promise<Answer> {
  for (;;) {
    const answer = await api.ask(query, variables, token);
    if (!passingCodes.includes(String(codeOf(answer)))) return answer;
  }
}

/** Insists on what must go well, and gives its data. */
async function must(api: Asking, token: string, query: string, variables: Record<string, unknown>) {
  const { data, errors } = await insist(api, token, query, variables);
  if (errors[0]) throw new Error(errors[0].message);
  return data;
}

/** A client with a location, made by an editor; gives its id. */
export async function addClient(api: Asking, editor: string): Promise<string> {
  const slug = `crowded-${randomUUID()}`;
  const data = await must(
    api,
    editor,
    "mutation ($client: ClientInput!) { createClient(input: { client: $client }) { client { id } } }",
    { client: { name: "Crowded", slug, ghlLocationId: slug } },
  );
  return data.createClient.client.id;
}

/** A journey with one text, under review, whose client has a location: journey and approval. */
export async function submitJourney(api: Asking, editor: string): Promise<{ journeyId: string; approvalId: string }> {
  const made = await must(
    api,
    editor,
    "mutation ($journey: JourneyInput!) { createJourney(input: { journey: $journey }) { journey { id } } }",
    { journey: { clientId: await addClient(api, editor), name: "Wanted by many", slug: `wanted-${randomUUID()}` } },
  );
  const journeyId = made.createJourney.journey.id;
  const content = { subject: "Hello", body: "Thank you." };
  await must(
    api,
    editor,
    "mutation ($touchpoint: TouchpointInput!) { createTouchpoint(input: { touchpoint: $touchpoint }) { clientMutationId } }",
    { touchpoint: { journeyId, name: "Welcome", type: "email", orderIndex: 0, dayOffset: 0, content } },
  );
  const submitted = await must(
    api,
    editor,
    "mutation ($id: UUID!) { submitJourney(input: { journeyId: $id }) { approval { id } } }",
    { id: journeyId },
  );
  return { journeyId, approvalId: submitted.submitJourney.approval.id };
}
