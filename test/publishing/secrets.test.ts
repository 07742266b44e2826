import { decryptSecret, encryptSecret, locationSecretContext } from "../../src/publishing/secrets.ts";

const key = "a secret key of at least thirty-two characters";
const context = locationSecretContext("tenant", "client");
const secret = "pit-12345678-aaaa-bbbb-cccc-1234567890ab";

test("a secret can be opened again, and its ciphertext says nothing of it", () => {
  const sealed = encryptSecret(key, secret, context);
  expect(sealed).toMatch(/^v1:[A-Za-z0-9+/]+=*$/);
  expect(sealed).not.toContain(secret);
  expect(Buffer.from(sealed.slice(3), "base64").toString("latin1")).not.toContain("pit-");
  expect(decryptSecret(key, sealed, context)).toBe(secret);
  expect(encryptSecret(key, secret, context)).not.toBe(sealed);
});

test.each([
  ["another key", (sealed: string) => () => decryptSecret(`${key}!`, sealed, context)],
  ["another client", (sealed: string) => () => decryptSecret(key, sealed, locationSecretContext("tenant", "other"))],
  ["a changed byte", (sealed: string) => () => decryptSecret(key, `${sealed.slice(0, -6)}AAAAA=`, context)],
  ["no ciphertext", () => () => decryptSecret(key, "pit-plain", context)],
  ["an empty one", () => () => decryptSecret(key, "v1:", context)],
])("a secret cannot be opened with %s: secret_unreadable", (_, attempt) => {
  const open = attempt(encryptSecret(key, secret, context));
  expect(open).toThrow(expect.objectContaining({ reason: "secret_unreadable" }));
  expect(open).not.toThrow(secret);
});
