/** One table of errors: what is raised is in it, what is in it is raised, and every message gets its particulars. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { projectDir } from "../../../src/config.ts";
import { createPool } from "../../../src/database/pools.ts";
import type { ErrorName } from "../../../src/errors.ts";
import { errorCodes } from "../../../src/generated/error_codes.ts";
import { readErrorCatalog } from "../../../src/server/errors.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../../support/database.ts";

interface ErrorRow {
  code: string;
  message: string;
  way_out: string;
}

let database: TestDatabase;
let errors: Map<string, ErrorRow>;
beforeAll(async () => {
  database = await createTestDatabase();
  const rows = await database.query<ErrorRow & Record<string, unknown>>("select * from app.errors");
  errors = new Map(rows.map((row) => [row.code, row]));
});
afterAll(() => database.drop());

/** Every file that raises errors, with the comments that speak of whole ranges left out. */
const sources = ["src", "tasks", "migrations/fixtures", "migrations/hooks"]
  .flatMap((folder) =>
    readdirSync(join(projectDir, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  )
  .filter((name) => /\.(ts|sql)$/.test(name) && !/errors\.sql$|generated/.test(name))
  .map((name) => ({ name, text: readFileSync(join(projectDir, name), "utf8") }))
  .map(({ name, text }) => ({ name, text: text.replace(/^\s*(\/\/|--|\*|\/\*\*).*$/gm, "") }))
  .filter(({ name }) => !name.endsWith("document_errors.ts"));

const used = new Map<string, string>();
for (const { name, text } of sources) {
  for (const [code] of text.matchAll(/\bLF\d{3}\b/g)) used.set(code, name);
  // TypeScript names its errors; the type checker knows the names, and the generated map their codes.
  for (const [, reason] of text.matchAll(/(?:\bfail|LandfallError)\(\s*"([a-z_]+)"/g)) {
    used.set(errorCodes[reason as ErrorName], name);
  }
}

const marks = ({ message, way_out }: ErrorRow) => (message + way_out).split("%s").length - 1;

test("cannot raise a code that app.errors does not have", () => {
  expect([...used].filter(([code]) => !errors.has(code))).toEqual([]);
});

test("cannot keep a code that nothing raises", () => {
  expect([...errors.keys()].filter((code) => !used.has(code))).toEqual([]);
});

test("can be told apart by name too", async () => {
  expect(await database.query("select name from app.errors group by name having count(*) > 1")).toEqual([]);
  expect(await database.query("select code from app.errors where name !~ '^[a-z]+(_[a-z]+)*$'")).toEqual([]);
});

test("can say in every row what to do next, in a sentence", () => {
  const silent = [...errors.values()].filter(
    ({ way_out }) => way_out !== "%s" && !/^[A-Z"].*[.:!?]$|%s\.?$/.test(way_out),
  );
  expect(silent).toEqual([]);
});

test("can be raised with as many particulars as the words have places for", async () => {
  await rolledBack(database.urls.owner, async (client) => {
    for (const error of errors.values()) {
      const particulars = Array.from({ length: marks(error) }, (_, place) => `<${place}>`);
      await client.query("savepoint before");
      const raised = await client
        .query("select app_private.raise_error($1, variadic $2::text[])", [error.code, particulars])
        .catch((reason: { code: string; message: string; hint: string }) => reason);
      await client.query("rollback to savepoint before");
      expect(raised).toMatchObject({ code: error.code });
      const { message, hint } = raised as { message: string; hint: string };
      expect(`${message} ${hint}`).not.toContain("%s");
      for (const particular of particulars) expect(`${message} ${hint}`).toContain(particular);
    }
  });
});

test("cannot be raised without a row for it P0001", async () => {
  await rolledBack(database.urls.owner, async (client) => {
    await expect(client.query("select app_private.raise_error('LF998')")).rejects.toMatchObject({ code: "P0001" });
  });
});

test("can put into words what every constraint and unique index of the API's tables refuses", async () => {
  const pool = createPool(database.urls.authenticator, { applicationName: "landfall tests", max: 1 });
  try {
    const catalog = await readErrorCatalog(pool);
    const refusing = await database.query<{ schema: string; table: string; name: string }>(`
      select n.nspname as schema, c.relname as table, r.name
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      cross join lateral (
        select k.conname::text from pg_constraint k where k.conrelid = c.oid and k.contype in ('u', 'f', 'c')
        union
        select x.relname from pg_index i join pg_class x on x.oid = i.indexrelid
        where i.indrelid = c.oid and i.indisunique and not i.indisprimary
      ) r (name)
      where n.nspname in ('tenancy', 'journeys', 'imports', 'publishing') and c.relkind = 'r'
        and r.name !~ '_id_id_key$'`);
    expect(refusing.length).toBeGreaterThan(100);
    const silent = refusing.filter(({ schema, table, name }) => !catalog.constraintMessage(schema, table, name));
    expect(silent).toEqual([]);
  } finally {
    await pool.end();
  }
});

describe("every call", () => {
  const calls = sources.flatMap(({ name, text }) =>
    [...text.matchAll(/\b(?:raise_error|word|safe)\(\s*(['"])(LF\d{3})\1/g)].map((match) => ({
      name,
      code: match[2] as string,
      count: countArguments(text.slice((match.index ?? 0) + match[0].length)),
    })),
  );

  test("can be found in SQL and in TypeScript", () => {
    expect(calls.filter(({ name }) => name.endsWith(".sql")).length).toBeGreaterThan(20);
  });

  test("cannot give fewer or more particulars than its error has places for", () => {
    const wrong = calls.filter(
      ({ code, count }) => count !== undefined && count !== marks(errors.get(code) as ErrorRow),
    );
    expect(wrong).toEqual([]);
  });
});

/** Arguments that follow, up to the closing parenthesis; undefined where a list is spread into them. */
function countArguments(text: string): number | undefined {
  let depth = 0;
  let count = 0;
  let quote = "";
  for (const [place, sign] of [...text].entries()) {
    if (quote !== "") {
      if (sign === quote) quote = "";
    } else if (/['"`]/.test(sign)) {
      quote = sign;
    } else if (/[([{]/.test(sign)) {
      depth++;
    } else if (/[)\]}]/.test(sign)) {
      if (depth === 0) return /\.\.\.|variadic/.test(text.slice(0, place)) ? undefined : count;
      depth--;
    } else if (sign === "," && depth === 0 && !/^\s*\)/.test(text.slice(place + 1))) {
      count++;
    }
  }
  return undefined;
}
