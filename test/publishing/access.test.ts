import { encryptSecret } from "../../src/encryption.ts";
import { locationSecretContext } from "../../src/publishing/credentials.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { addPeople, type Logins, openLogins, type People, type Person } from "../support/people.ts";

let database: TestDatabase;
let logins: Logins;
let people: People;
let others: People;
let publicationId: string;

const canary = "pit-canary-7c1d2e";

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "bloom");
  others = await addPeople(database, logins.speak, "harbour");
  publicationId = await publish(people);
});

afterAll(async () => {
  await logins.close();
  await database.drop();
});

async function one(who: Person, sql: string, values: unknown[]): Promise<string> {
  const [row] = await logins.speak<{ id: string }>(who, sql, values);
  return row?.id ?? "";
}

async function publish({ editor, admin, clientId, slug }: People): Promise<string> {
  await one(editor, "update journeys.clients set ghl_location_id = $2 where id = $1", [clientId, `loc-${slug}`]);
  const journeyId = await one(
    editor,
    "insert into journeys.journeys (client_id, name, slug) values ($1, 'Inquiry', 'inquiry') returning id",
    [clientId],
  );
  await one(
    editor,
    `insert into journeys.touchpoints (journey_id, name, type, order_index, content) values ($1, 'Hi', 'sms', 0, '{"body": "Hi"}')`,
    [journeyId],
  );
  const approvalId = await one(editor, "select id from journeys.submit_journey($1)", [journeyId]);
  await one(admin, "select id from journeys.review_journey($1, 'approve')", [approvalId]);
  return one(admin, "select id from journeys.publish_journey($1)", [journeyId]);
}

function sealed({ tenantId, clientId }: People): string {
  return encryptSecret(database.secretKey, canary, locationSecretContext(tenantId, clientId));
}

async function refusalOf(attempt: Promise<unknown>): Promise<string | undefined> {
  return attempt.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
}

const publications = "select id from publishing.publications";

test("a viewer can see the tenant's publications; people of a client, and other tenants, cannot: none or 42501", async () => {
  expect(await logins.speak(people.viewer, publications)).toEqual([{ id: publicationId }]);
  expect(await logins.speak(others.viewer, publications)).toEqual([]);
  expect(await logins.speak(others.worker, publications)).toEqual([]);
  expect(await refusalOf(logins.speak(people.reviewer, publications))).toBe("42501");
});

test.each(["locations", "publications", "publication_items", "remote_objects"])(
  "an admin cannot write publishing.%s by hand: 42501",
  async (table) => {
    for (const sql of [`delete from publishing.${table}`, `update publishing.${table} set created_at = now()`]) {
      expect(await refusalOf(logins.speak(people.admin, sql))).toBe("42501");
    }
  },
);

test("an admin can set a location's token, and nobody can read it back: 42501", async () => {
  const ciphertext = sealed(people);
  await logins.speak(people.admin, "select app.set_location_token($1, $2)", [people.clientId, ciphertext]);
  const [location] = await logins.speak(
    people.viewer,
    "select ghl_location_id, token_set_at from publishing.locations",
  );
  expect(location).toEqual({ ghl_location_id: "loc-bloom", token_set_at: expect.any(Date) });
  const [stored] = await database.query<{ token_ciphertext: string }>(
    "select token_ciphertext from app_private.location_secrets",
  );
  expect(stored?.token_ciphertext).toBe(ciphertext);
  for (const who of [people.admin, people.viewer, people.worker]) {
    expect(await refusalOf(logins.speak(who, "select * from app_private.location_secrets"))).toBe("42501");
  }
  const read = "select publishing.location_token(id) as token from publishing.locations";
  expect(await refusalOf(logins.speak(people.admin, read))).toBe("42501");
  expect(await logins.speak(people.worker, read)).toEqual([{ token: ciphertext }]);
  const changes = await database.query("select changes from audit.changes");
  expect(JSON.stringify(changes)).not.toContain("v1:");
});

test("a token that was not encrypted cannot be kept, nor is it repeated: LF009", async () => {
  const attempt = logins.speak(people.admin, "select app.set_location_token($1, $2)", [people.clientId, canary]);
  const error = await attempt.catch((refusal: unknown) => refusal);
  expect(error).toMatchObject({ code: "LF009" });
  expect(JSON.stringify(error) + String(error)).not.toContain(canary);
});

test.each([
  ["an editor", () => people.editor, "LF002"],
  ["an admin of another tenant", () => others.admin, "LF006"],
] as const)("%s cannot set a token or retry a publication", async (_, who, code) => {
  const token = logins.speak(who(), "select app.set_location_token($1, $2)", [people.clientId, sealed(people)]);
  const retry = logins.speak(who(), "select publishing.retry_publication($1)", [publicationId]);
  const codes = await Promise.all([refusalOf(token), refusalOf(retry)]);
  // What the role has no right to execute is refused before its own words are said.
  expect(codes.every((given) => given === code || (code === "LF002" && given === "42501"))).toBe(true);
});

test("a client without a location cannot have a token: LF106", async () => {
  const attempt = logins.speak(people.admin, "select app.set_location_token($1, $2)", [
    people.otherClientId,
    sealed(people),
  ]);
  expect(await refusalOf(attempt)).toBe("LF106");
});

test("a location that moves to another client loses the token of the first", async () => {
  const { admin, editor, clientId, otherClientId, tenantId } = await addPeople(database, logins.speak, "moving");
  const setToken = (client: string) => {
    const ciphertext = encryptSecret(database.secretKey, canary, locationSecretContext(tenantId, client));
    return logins.speak(admin, "select app.set_location_token($1, $2)", [client, ciphertext]);
  };
  const setLocation = (client: string, location: string | null) =>
    logins.speak(editor, "update journeys.clients set ghl_location_id = $2 where id = $1", [client, location]);
  await setLocation(clientId, "loc-moving");
  await setToken(clientId);
  await setLocation(clientId, null);
  await setLocation(otherClientId, "loc-moving");
  await publish({ ...people, admin, editor, clientId: otherClientId, slug: "moving" });
  const [location] = await logins.speak(admin, "select client_id, token_set_at from publishing.locations");
  expect(location).toEqual({ client_id: otherClientId, token_set_at: null });
  const secrets = "select token_ciphertext from app_private.location_secrets where tenant_id = $1";
  expect(await database.query(secrets, [tenantId])).toEqual([]);
});

test("what is in no diagram cannot happen, whoever tries: LF003, LF004", async () => {
  const step = (to: string) =>
    logins.speak(people.worker, "update publishing.publications set status = $1 where id = $2", [to, publicationId]);
  for (const to of ["synced", "partial", "unpublished", "deferred"]) expect(await refusalOf(step(to))).toBe("LF003");
  const byOwner = database.query("update publishing.publications set status = 'synced' where id = $1", [publicationId]);
  expect(await refusalOf(byOwner)).toBe("LF003");
});

test("two publications cannot run in one location at once: 23505", async () => {
  const { admin, editor, clientId, worker } = await addPeople(database, logins.speak, "twins");
  const first = await publish({ ...people, admin, editor, clientId, slug: "twins" });
  await logins.speak(editor, "update journeys.journeys set slug = 'first' where client_id = $1", [clientId]);
  const second = await publish({ ...people, admin, editor, clientId, slug: "twins" });
  const run = (id: string) =>
    logins.speak(
      worker,
      "update publishing.publications set status = 'running', lease_token = gen_random_uuid(), lease_expires_at = now() where id = $1",
      [id],
    );
  await run(first);
  expect(await refusalOf(run(second))).toBe("23505");
});

test("a retry of what is queued changes nothing; what is running cannot be retried: LF003", async () => {
  const { admin, editor, clientId, worker } = await addPeople(database, logins.speak, "retrying");
  const id = await publish({ ...people, admin, editor, clientId, slug: "retrying" });
  const retry = () => logins.speak(admin, "select status from publishing.retry_publication($1)", [id]);
  expect(await retry()).toEqual([{ status: "queued" }]);
  await logins.speak(
    worker,
    "update publishing.publications set status = 'running', lease_token = gen_random_uuid(), lease_expires_at = now() where id = $1",
    [id],
  );
  expect(await refusalOf(retry())).toBe("LF003");
});
