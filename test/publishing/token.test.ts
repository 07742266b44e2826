import { publishToken } from "../../src/publishing/token.ts";

const installation = "0199aa00-0000-7000-8000-000000000000";
const journey = "0199aa00-0000-7000-8000-000000000001";
const touchpoint = "0199aa00-0000-7000-8000-000000000002";

test("a token is pp and twelve letters and digits", () => {
  expect(publishToken(installation, journey, touchpoint)).toMatch(/^pp[a-z2-7]{12}$/);
});

test("a token is the same for the same thing and another for every other", () => {
  const tokens = [
    publishToken(installation, journey, touchpoint),
    publishToken(installation, journey, null),
    publishToken(installation, touchpoint, journey),
    publishToken(journey, journey, touchpoint),
  ];
  expect(new Set(tokens).size).toBe(4);
  expect(publishToken(installation, journey, touchpoint)).toBe(tokens[0]);
});
