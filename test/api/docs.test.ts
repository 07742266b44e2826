import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { buildSchema, parse, validate } from "postgraphile/graphql";
import { projectDir } from "../../src/config.ts";

const schema = buildSchema(readFileSync(join(projectDir, "src/generated/schema.graphql"), "utf8"));
const text = readFileSync(join(projectDir, "docs/api.md"), "utf8");

const blocks = [...text.matchAll(/```graphql\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
const inline = [...text.matchAll(/`((?:query|mutation|\{) [^`]*\})`/g)].map(([, operation = ""]) => operation);

describe("docs/api.md", () => {
  test.each([...blocks, ...inline])("can be asked: %s", (operation) => {
    expect(validate(schema, parse(operation)).map(String)).toEqual([]);
  });

  test.each(
    // The seed's §4.3; `PUT /:id/order` and the like are rows of the table.
    [
      ["clients", 6],
      ["journeys", 10],
      ["touchpoints", 6],
      ["templates", 6],
    ] as const,
  )("answers every endpoint of /api/%s", (name, count) => {
    const endpoints = new Set(
      [...text.matchAll(/^\| `((?:GET|POST|PUT|DELETE) \/api\/(\w+)[^`]*)`/gm)]
        .filter(([, , resource]) => resource === name)
        .map(([, endpoint]) => endpoint),
    );
    expect(endpoints.size).toBe(count);
  });
});
