import { randomBytes } from "node:crypto";
import pg from "pg";
import { namePasswordKeys } from "../../src/database/password_keys.ts";
import { decryptSecret, encryptSecret } from "../../src/encryption.ts";
import { keyIdOf } from "../../src/keys.ts";
import { mailSecretContext } from "../../src/mail/send_mails.ts";
import { locationSecretContext } from "../../src/publishing/credentials.ts";
import { readKeyUse, refuseUnknownKeys, reseal } from "../../src/rotation/rotate_keys.ts";
import { newPassword } from "../../src/server/passwords.ts";
import { codeOf, PASSWORD, startTestApi, type TestApi } from "../api/api.ts";

const fresh = randomBytes(48).toString("base64url");
const token = "pit-canary-of-the-rotation";

let api: TestApi;
let owner: pg.Client;
let old: string;
let editor: string;
let admin: string;

beforeAll(async () => {
  api = await startTestApi({ change: ({ secretKey }) => ({ secretKey: fresh, previousSecretKey: secretKey }) });
  old = api.database.secretKey;
  owner = new pg.Client({ connectionString: api.database.urls.owner });
  await owner.connect();
  editor = await api.signIn("editor@harbour.test");
  admin = await api.signIn("admin@harbour.test");
});

afterAll(async () => {
  await owner.end();
  await api.close();
});

/** A client with a location, whose token is kept as said. */
async function addLocation(slug: string, seal: (context: string) => string): Promise<void> {
  const { data } = await api.ask(
    "mutation ($slug: String!) { createClient(input: { client: { name: $slug, slug: $slug } }) { client { id } } }",
    { slug },
    editor,
  );
  const [ids] = await api.database.query<{ tenantId: string; clientId: string }>(
    `update journeys.clients set ghl_location_id = 'loc-' || slug where id = $1 returning tenant_id as "tenantId", id as "clientId"`,
    [data.createClient.client.id],
  );
  const { tenantId = "", clientId = "" } = ids ?? {};
  const kept = await api.ask(
    'mutation ($clientId: UUID!) { setLocationToken(input: { clientId: $clientId, token: "pit-first" }) { location { id } } }',
    { clientId },
    admin,
  );
  await api.database.query("update app_private.location_secrets set token_ciphertext = $2 where location_id = $1", [
    kept.data.setLocationToken.location.id,
    seal(locationSecretContext(tenantId, clientId)),
  ]);
}

async function addMails(count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    await api.database.query(
      `insert into app_private.mails (kind, recipient, subject, sealed_body, status, due_at)
       values ('password_reset', 'ada@harbour.test', 'A new password', $1, 'pending', 'infinity')`,
      [encryptSecret(old, `${token} ${number}`, mailSecretContext)],
    );
  }
}

/** Everything that is sealed, with what it is bound to. */
async function everySealed(): Promise<{ sealed: string; context: string }[]> {
  const locations = await api.database.query<{ tenantId: string; clientId: string; sealed: string }>(
    `select l.tenant_id as "tenantId", l.client_id as "clientId", s.token_ciphertext as sealed
     from app_private.location_secrets s join publishing.locations l on l.tenant_id = s.tenant_id and l.id = s.location_id`,
  );
  const mails = await api.database.query<{ sealed: string }>(
    "select sealed_body as sealed from app_private.mails where sealed_body is not null",
  );
  return [
    ...locations.map(({ tenantId, clientId, sealed }) => ({
      sealed,
      context: locationSecretContext(tenantId, clientId),
    })),
    ...mails.map(({ sealed }) => ({ sealed, context: mailSecretContext })),
  ];
}

/** A person of the harbour whose password was derived under this key, before keys had ids or since. */
async function addPersonUnder(key: string, email: string, isNamed = true): Promise<void> {
  const id = await api.addPerson("harbour", email, "viewer");
  const { salt, parameters, derived } = await newPassword(PASSWORD, key);
  const { keyId: _, ...unnamed } = parameters;
  await api.database.query("select app_private.set_password($1, $2, $3, $4, false)", [
    id,
    salt,
    isNamed ? parameters : unnamed,
    derived,
  ]);
}

async function keyIdOfPassword(email: string): Promise<string | undefined> {
  const [row] = await api.database.query<{ keyId: string }>(
    `select p.parameters ->> 'keyId' as "keyId" from app_private.passwords p join tenancy.users u on u.id = p.user_id where u.email = $1`,
    [email],
  );
  return row?.keyId;
}

const signIn = (email: string) =>
  api.ask(
    `mutation ($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) { token } }`,
    {
      email,
      password: PASSWORD,
    },
  );

describe("what is sealed", () => {
  beforeAll(async () => {
    await addLocation("named", (context) => encryptSecret(old, token, context));
    // As it was kept before keys had ids.
    await addLocation("unnamed", (context) => encryptSecret(old, token, context).replace(/^v2:[^:]+:/, "v1:"));
    await addLocation("renewing", (context) => encryptSecret(old, token, context));
    await owner.query(
      `update app_private.location_secrets s set refreshing_until = now() + interval '1 hour' from publishing.locations l
       where l.id = s.location_id and l.ghl_location_id = 'loc-renewing'`,
    );
    await addMails(130);
  });

  const use = async (what: string, keys = { secretKey: fresh, previousSecretKey: old }) =>
    (await readKeyUse(owner, keys)).find((kind) => kind.what === what);

  test("cannot be brought along without the key that sealed it: key_unknown", async () => {
    const wrong = { secretKey: fresh, previousSecretKey: `${old}!` };
    const uses = await readKeyUse(owner, wrong);
    expect(() => refuseUnknownKeys(uses, true)).toThrow(expect.objectContaining({ reason: "key_unknown" }));
    expect(() => refuseUnknownKeys(uses, true)).toThrow("2 location tokens and 130 mails are kept under a key");
    await expect(reseal(owner, wrong)).rejects.toMatchObject({ reason: "secret_unreadable" });
    expect(await use("location tokens")).toMatchObject({ current: 0, previous: 2, unnamed: 1, other: 0 });
  });

  test("can be brought along in batches, and goes on where it was broken off", async () => {
    const breaking = reseal(owner, { secretKey: fresh, previousSecretKey: old }, (what, done) => {
      if (what === "mails" && done === 100) throw new Error("broken off");
    });
    await expect(breaking).rejects.toThrow("broken off");
    expect(await use("mails")).toMatchObject({ current: 100, previous: 30 });
    expect(await reseal(owner, { secretKey: fresh, previousSecretKey: old })).toEqual({
      "location tokens": 0,
      mails: 30,
    });
  });

  test("stays under the key before while its pair is being renewed, and comes along later", async () => {
    expect(await use("location tokens")).toMatchObject({ current: 2, previous: 1, unnamed: 0 });
    await owner.query("update app_private.location_secrets set refreshing_until = null");
    expect((await reseal(owner, { secretKey: fresh, previousSecretKey: old }))["location tokens"]).toBe(1);
  });

  test("cannot be opened by the key before any more, and can by the new one alone", async () => {
    const all = await everySealed();
    expect(all).toHaveLength(133);
    for (const { sealed, context } of all) {
      expect(() => decryptSecret({ secretKey: old }, sealed, context)).toThrow(
        expect.objectContaining({ reason: "secret_unreadable" }),
      );
      expect(() => decryptSecret({ secretKey: old }, sealed.replace(/^v2:[^:]+:/, "v1:"), context)).toThrow();
      expect(decryptSecret({ secretKey: fresh }, sealed, context)).toContain(token);
    }
  });
});

describe("passwords", () => {
  test("can be used under the key before, and are derived under the new one at the next sign-in", async () => {
    await addPersonUnder(old, "old@harbour.test");
    expect(await keyIdOfPassword("old@harbour.test")).toBe(keyIdOf(old));
    expect((await signIn("old@harbour.test")).errors).toEqual([]);
    expect(await keyIdOfPassword("old@harbour.test")).toBe(keyIdOf(fresh));
    expect((await signIn("old@harbour.test")).errors).toEqual([]);
  });

  test("can be used where they were derived before keys had ids, once they are named", async () => {
    await addPersonUnder(old, "unnamed@harbour.test", false);
    await namePasswordKeys(owner, old);
    expect(await keyIdOfPassword("unnamed@harbour.test")).toBe(keyIdOf(old));
    expect((await signIn("unnamed@harbour.test")).errors).toEqual([]);
  });

  test("stay as they are where the one given is wrong: LF040", async () => {
    await addPersonUnder(old, "wrong@harbour.test");
    const { errors } = await api.ask(
      `mutation { signIn(input: { email: "wrong@harbour.test", password: "not the harbour" }) { token } }`,
    );
    expect(errors[0]?.extensions.code).toBe("LF040");
    expect(await keyIdOfPassword("wrong@harbour.test")).toBe(keyIdOf(old));
  });

  test("cannot be used under a key that is not given: LF040; changing the key again leaves them behind only when told to", async () => {
    await addPersonUnder(`${old}!`, "lost@harbour.test");
    expect(codeOf(await signIn("lost@harbour.test"))).toBe("LF040");
    const uses = await readKeyUse(owner, { secretKey: fresh, previousSecretKey: old });
    expect(uses.find(({ what }) => what === "passwords")).toMatchObject({ previous: 1, other: 1 });
    expect(() => refuseUnknownKeys(uses, false)).toThrow("1 passwords are kept under a key");
    expect(() => refuseUnknownKeys(uses, true)).not.toThrow();
  });
});
