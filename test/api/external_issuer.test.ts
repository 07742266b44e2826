/** Signing in by an identity provider: its word says who somebody is, and ours what they may do. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { logger } from "../../src/log.ts";
import { type RunningServer, startServer } from "../../src/server/start.ts";
import { codeOf, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let provider: Server;
let issuer: string;
let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let plain: RunningServer;

beforeAll(async () => {
  keys = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: "key-1", alg: "RS256", use: "sig" };
  provider = createServer((req, res) => {
    res.setHeader("content-type", "application/json");
    if (req.url === "/.well-known/openid-configuration")
      res.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }));
    else if (req.url === "/keys") res.end(JSON.stringify({ keys: [jwk] }));
    else res.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await once(provider, "listening");
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  api = await startTestApi({
    change: () => ({ externalIssuer: { issuer, audience: "landfall-app", keysUrl: undefined } }),
  });
  const { config, urls } = api.database;
  plain = await startServer({ config, databaseUrl: urls.authenticator, log: logger });
});
afterAll(async () => {
  await plain.close();
  await api.close();
  await new Promise((resolve) => provider.close(resolve));
});

interface Change {
  claims?: JWTPayload;
  header?: { alg: string; kid?: string; jku?: string };
  issuer?: string;
  audience?: string;
  issuedAt?: number;
  expires?: string | number;
  key?: Parameters<SignJWT["sign"]>[0];
}

function idToken({ claims, header, ...change }: Change = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ email: "editor@harbour.test", email_verified: true, ...claims })
    .setProtectedHeader(header ?? { alg: "RS256", kid: "key-1" })
    .setSubject("somebody")
    .setIssuer(change.issuer ?? issuer)
    .setAudience(change.audience ?? "landfall-app")
    .setIssuedAt(change.issuedAt ?? now)
    .setExpirationTime(change.expires ?? now + 300)
    .sign(change.key ?? keys.privateKey);
}

const signIn = (token: string) =>
  api.ask(
    "mutation ($idToken: String!) { signInWithToken(input: { idToken: $idToken }) { token role user { email } } }",
    {
      idToken: token,
    },
  );

test("can sign in as who the provider vouches for, with the role that they have here", async () => {
  const { data } = await signIn(await idToken({ claims: { role: "admin", email: "Editor@Harbour.test" } }));
  expect(data.signInWithToken).toMatchObject({ role: "editor", user: { email: "editor@harbour.test" } });
  expect((await api.ask("{ currentUser { role } }", {}, data.signInWithToken.token)).data).toEqual({
    currentUser: { role: "editor" },
  });
});

test("can sign in with a password that somebody else made still waiting: the address is proved", async () => {
  const id = await api.addPerson("harbour", "fresh@harbour.test", "viewer");
  await api.database.query("update app_private.passwords set is_one_time = true where user_id = $1", [id]);
  const { data } = await signIn(await idToken({ claims: { email: "fresh@harbour.test" } }));
  expect((await api.ask("{ currentUser { role } }", {}, data.signInWithToken.token)).data).toEqual({
    currentUser: { role: "viewer" },
  });
});

const forgeries: [string, () => Promise<string>][] = [
  ["of another issuer", () => idToken({ issuer: "https://evil.test" })],
  ["for somebody else", () => idToken({ audience: "another-app" })],
  ["that has expired", () => idToken({ expires: 1 })],
  ["that is old", () => idToken({ issuedAt: Math.floor(Date.now() / 1_000) - 700 })],
  ["of another key", async () => idToken({ key: (await generateKeyPair("RS256")).privateKey })],
  ["of a key that the provider does not have", () => idToken({ header: { alg: "RS256", kid: "key-2" } })],
  [
    "under a shared secret",
    () => idToken({ header: { alg: "HS256", kid: "key-1" }, key: new TextEncoder().encode("x".repeat(32)) }),
  ],
  ["with an address that was not verified", () => idToken({ claims: { email_verified: false } })],
  ["without an address", () => idToken({ claims: { email: undefined } })],
  ["of somebody who is not known here", () => idToken({ claims: { email: "stranger@harbour.test" } })],
  ["that is one of ours", () => api.signIn("viewer@harbour.test")],
  ["that is none", async () => "nonsense"],
];

test.each(forgeries)("cannot sign in by a token %s: LF081", async (_what, make) => {
  const answer = await signIn(await make());
  expect(codeOf(answer)).toBe("LF081");
  expect(answer.data.signInWithToken).toBeNull();
});

test("cannot use the provider's token in place of ours: LF044", async () => {
  expect(codeOf(await api.ask("{ currentUser { role } }", {}, await idToken()))).toBe("LF044");
});

test("cannot sign in where the person is disabled: LF081", async () => {
  await api.addPerson("harbour", "gone@harbour.test", "viewer");
  await api.database.query("update tenancy.users set is_active = false where email = 'gone@harbour.test'");
  expect(codeOf(await signIn(await idToken({ claims: { email: "gone@harbour.test" } })))).toBe("LF081");
});

test("cannot sign in where no provider is set up: LF082", async () => {
  const response = await fetch(`${plain.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: 'mutation { signInWithToken(input: { idToken: "x" }) { token } }' }),
  });
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "LF082" } }] });
});
