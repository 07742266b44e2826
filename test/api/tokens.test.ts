import { createHmac, generateKeyPairSync, randomUUID, sign as signBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { makeTokens } from "../../src/server/tokens.ts";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

type Part = Record<string, unknown>;

let api: TestApi;
let header: Part;
let payload: Part;
let token: string;
let secret: string;

beforeAll(async () => {
  api = await startTestApi();
  secret = api.database.config.jwt.secret;
  token = await api.signIn("editor@harbour.test");
  const [first = "", second = ""] = token.split(".");
  header = JSON.parse(Buffer.from(first, "base64url").toString());
  payload = JSON.parse(Buffer.from(second, "base64url").toString());
});
afterAll(() => api.close());

const encode = (part: Part | string) =>
  Buffer.from(typeof part === "string" ? part : JSON.stringify(part)).toString("base64url");

/** A token of any content, under our key or another. */
function forge(head: Part, body: Part | string, key = secret, hash = "sha256"): string {
  const text = `${encode(head)}.${encode(body)}`;
  return `${text}.${createHmac(hash, key).update(text).digest("base64url")}`;
}

const seconds = () => Math.floor(Date.now() / 1000);

test("can forge a token that counts, given the key: the forgeries below fail for their own reasons", async () => {
  expect((await api.ask("{ currentUser { role } }", {}, forge(header, payload))).data).toEqual({
    currentUser: { role: "editor" },
  });
});

test("can read nothing of the person in a token but ids", () => {
  expect(Object.keys(payload).sort()).toEqual(["aud", "exp", "iat", "iss", "sid", "sub", "tid"]);
});

const forgeries: [string, () => string][] = [
  ["alg none", () => `${encode({ ...header, alg: "none" })}.${encode(payload)}.`],
  ["alg none with a signature", () => forge({ ...header, alg: "none" }, payload)],
  ["HS512 under our key", () => forge({ ...header, alg: "HS512" }, payload, secret, "sha512")],
  [
    "RS256 by a key of the attacker",
    () => {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const text = `${encode({ ...header, alg: "RS256" })}.${encode(payload)}`;
      return `${text}.${signBytes("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
    },
  ],
  ["another key", () => forge(header, payload, "another secret of at least thirty-two characters")],
  ["another audience", () => forge(header, { ...payload, aud: "somebody-else" })],
  ["another issuer", () => forge(header, { ...payload, iss: "somebody-else" })],
  ["no expiry", () => forge(header, { ...payload, exp: undefined })],
  ["a time to come", () => forge(header, { ...payload, nbf: seconds() + 3_600 })],
  ["an unknown key id", () => forge({ ...header, kid: "unknown" }, payload)],
  ["a path as key id", () => forge({ ...header, kid: "../../../../dev/null" }, payload, "")],
  [
    "a key set of the attacker",
    () => forge({ ...header, jku: "https://attacker.test/jwks.json" }, payload, "the attacker's own key, long enough"),
  ],
  [
    "a key in the header",
    () =>
      forge({ ...header, jwk: { kty: "oct", k: encode("the attacker's own key") } }, payload, "the attacker's own key"),
  ],
  ["a critical extension", () => forge({ ...header, crit: ["landfall"], landfall: true }, payload)],
  ["claims twice", () => forge(header, `{"sub":"${payload.sub}",${JSON.stringify({ ...payload, sub: "x" }).slice(1)}`)],
  ["a cut signature", () => token.slice(0, -4)],
  ["changed claims", () => `${token.split(".")[0]}.${encode({ ...payload, sub: payload.sid })}.${token.split(".")[2]}`],
  ["no ids", () => forge(header, { ...payload, tid: "harbour" })],
  ["no token at all", () => "Bearer"],
];

test.each(forgeries)("cannot use a token with %s: LF044", async (_name, make) => {
  const answer = await api.ask("{ currentUser { role } }", {}, make());
  expect(answer.status).toBe(401);
  expect(codeOf(answer)).toBe("LF044");
  expect(answer.data).toBeUndefined();
});

test("cannot use a token that has expired: LF045; thirty seconds of leeway are given", async () => {
  const expired = forge(header, { ...payload, exp: seconds() - 31 });
  const answer = await api.ask("{ currentUser { role } }", {}, expired);
  expect(answer.status).toBe(401);
  expect(codeOf(answer)).toBe("LF045");
  const justNow = forge(header, { ...payload, exp: seconds() - 5 });
  expect(codeOf(await api.ask("{ currentUser { role } }", {}, justNow))).toBeUndefined();
});

test("cannot carry a session into another tenant, even with the key: LF046", async () => {
  const [meadow] = await api.database.query<{ id: string }>("select id from tenancy.tenants where slug = 'meadow'");
  const answer = await api.ask("{ currentUser { role } }", {}, forge(header, { ...payload, tid: meadow?.id }));
  expect(codeOf(answer)).toBe("LF046");
});

test("cannot claim a role, even with the key: it is not read", async () => {
  const answer = await api.ask("{ currentUser { role } }", {}, forge(header, { ...payload, role: "admin" }));
  expect(answer.data).toEqual({ currentUser: { role: "editor" } });
});

describe("a new key", () => {
  const [old, fresh] = ["the old secret, which signed until today", "the new secret, which signs from today on"];
  const claims = { sessionId: randomUUID(), userId: randomUUID(), tenantId: randomUUID() };
  const later = new Date(Date.now() + 3_600_000);

  test("can overlap with the one before: what that signed counts, and nothing more is signed with it", async () => {
    const [before, during, after] = [makeTokens(old), makeTokens(fresh, old), makeTokens(fresh)];
    const signedBefore = await before.sign(claims, later);
    const signedNow = await during.sign(claims, later);
    expect(await during.verify(signedBefore)).toEqual(claims);
    expect(await during.verify(signedNow)).toEqual(claims);
    expect(await after.verify(signedNow)).toEqual(claims);
    expect(await after.verify(signedBefore)).toBe("invalid");
    expect(await before.verify(signedNow)).toBe("invalid");
  });

  test("cannot be taken for the other one: a token under one key with the other's id does not count", async () => {
    const during = makeTokens(fresh, old);
    const [signedNow, signedBefore] = [await during.sign(claims, later), await makeTokens(old).sign(claims, later)];
    const [head] = signedBefore.split(".");
    const [, body, signature] = signedNow.split(".");
    expect(await during.verify(`${head}.${body}.${signature}`)).toBe("invalid");
  });
});
