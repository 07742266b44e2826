import { decryptSecret, encryptSecret } from "../../src/encryption.ts";
import { locationSecretContext } from "../../src/publishing/credentials.ts";

const key = "a secret key of at least thirty-two characters";
const keys = { secretKey: key };
const context = locationSecretContext("tenant", "client");
const secret = "pit-12345678-aaaa-bbbb-cccc-1234567890ab";

test("a secret can be opened again, and its ciphertext says nothing of it", () => {
  const sealed = encryptSecret(key, secret, context);
  expect(sealed).toMatch(/^v2:[\w-]{12}:[A-Za-z0-9+/]+=*$/);
  expect(sealed).not.toContain(secret);
  expect(Buffer.from(sealed.slice(16), "base64").toString("latin1")).not.toContain("pit-");
  expect(decryptSecret(keys, sealed, context)).toBe(secret);
  expect(encryptSecret(key, secret, context)).not.toBe(sealed);
});

test.each([
  ["another key", (sealed: string) => () => decryptSecret({ secretKey: `${key}!` }, sealed, context)],
  ["another client", (sealed: string) => () => decryptSecret(keys, sealed, locationSecretContext("tenant", "other"))],
  ["a changed byte", (sealed: string) => () => decryptSecret(keys, `${sealed.slice(0, -6)}AAAAA=`, context)],
  ["no ciphertext", () => () => decryptSecret(keys, "pit-plain", context)],
  ["an empty one", () => () => decryptSecret(keys, "v2:", context)],
])("a secret cannot be opened with %s: secret_unreadable", (_, attempt) => {
  const open = attempt(encryptSecret(key, secret, context));
  expect(open).toThrow(expect.objectContaining({ reason: "secret_unreadable" }));
  expect(open).not.toThrow(secret);
});
