import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { compilePlaceholders, migrationSettings } from "../../../src/database/migrate.ts";
import { allRules } from "../../../src/database/rules/all_rules.ts";
import { findOffenders, matchesWhole, type Rule } from "../../../src/database/rules/rule.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../../support/database.ts";
import { breakers, specimen } from "./specimen.ts";

let database: TestDatabase;
let placeholders: Record<string, string>;
beforeAll(async () => {
  database = await createTestDatabase();
  ({ placeholders } = await migrationSettings(database.rolePrefix));
});
afterAll(() => database.drop());

const readable = (rule: Rule) => rule.name.replaceAll("_", " ");

/** Offenders by rule, of the whole database unless the options name schemas. */
async function offenders(client: pg.ClientBase, rules = allRules, options = {}): Promise<Record<string, string[]>> {
  const findings = await findOffenders(client, rules, { rolePrefix: database.rolePrefix, ...options });
  return Object.fromEntries(findings.map((finding) => [finding.rule.name, finding.offenders]));
}

describe("the schema", () => {
  test.each(allRules.map((rule) => [readable(rule), rule] as const))("can show that %s", async (_name, rule) => {
    await rolledBack(database.urls.admin, async (client) => expect(await offenders(client, [rule])).toEqual({}));
  });

  test("cannot list an exception that nothing needs", async () => {
    await rolledBack(database.urls.admin, async (client) => {
      const found = await offenders(client, allRules, { ignoreExceptions: true });
      const unused = allRules.flatMap((rule) =>
        (rule.exceptions ?? [])
          .filter(({ offender }) => !(found[rule.name] ?? []).some((name) => matchesWhole(offender, name)))
          .map(({ offender }) => `${rule.name}: ${offender.source}`),
      );
      expect(unused).toEqual([]);
    });
  });
});

describe("the rules", () => {
  const specimenAlone = { schemas: ["specimen", "tenancy", "app_private"] };
  let client: pg.Client;

  beforeAll(async () => {
    client = new pg.Client({ connectionString: database.urls.owner });
    await client.connect();
    await client.query("begin");
    await client.query(compilePlaceholders(specimen, placeholders));
  });
  afterAll(async () => {
    await client.query("rollback");
    await client.end();
  });

  test("can each be broken, and no breaker is without its rule", () => {
    expect(Object.keys(breakers).sort()).toEqual(allRules.map(({ name }) => name).sort());
  });

  test("can be obeyed all at once", async () => {
    expect(await offenders(client, allRules, specimenAlone)).toEqual({});
  });

  test.each(Object.entries(breakers))("cannot be broken unseen: %s", async (name, breaker) => {
    const rule = allRules.find((candidate) => candidate.name === name) as Rule;
    await client.query("savepoint unbroken");
    try {
      let asked = rule;
      if (typeof breaker === "string") await client.query(compilePlaceholders(breaker, placeholders));
      else asked = { ...rule, sql: rule.sql.replace(...breaker.pretending) };
      expect(Object.keys(await offenders(client, [asked], specimenAlone))).toEqual([name]);
    } finally {
      await client.query("rollback to savepoint unbroken");
    }
  });
});

test("can be asked of the rules by whoever may connect, with the same answer", async () => {
  await rolledBack(database.urls.worker, async (client) => expect(await offenders(client)).toEqual({}));
});

test("cannot be reached but from this machine, and by SCRAM", async () => {
  expect(
    await database.query(
      "select current_setting('listen_addresses') as addresses, current_setting('password_encryption') as passwords",
    ),
  ).toEqual([{ addresses: "127.0.0.1", passwords: "scram-sha-256" }]);
});
