import type pg from "pg";
import { createPool } from "../../src/database/pools.ts";
import * as codecs from "../../src/imports/codecs.ts";
import { parseExact } from "../../src/imports/exact_json.ts";
import { rowId } from "../../src/imports/identity.ts";
import { isReason } from "../../src/imports/reasons.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

/** Each codec says everything twice: here the two hold each other to it, over clean cells and dirty ones. */

const sourceId = "0198f3a1-0000-7000-8000-000000000001";

const cases: Record<string, { codec: codecs.Codec; good: string[]; refused: Record<string, string> }> = {
  text: {
    codec: codecs.text(),
    good: ['"Day 0"', '""', '" padded "', '"2026"', '"é e\\u0301"', '"a\\r\\nb"', '"🎈"', '"\\\\u0000 is no NUL"'],
    refused: { "5": "wrong_type", '["a"]': "wrong_type", '{"error":"#ERROR!"}': "wrong_type" },
  },
  "text with a placeholder": {
    codec: codecs.text({ nothing: ["PENDING"] }),
    good: ['"PENDING"', '"pending"', '""'],
    refused: { "0": "wrong_type" },
  },
  integer: {
    codec: codecs.integer(),
    good: ["0", "-7", "2147483647", "1.0", "1e3"],
    refused: {
      "1.5": "not_an_integer",
      "2147483648": "not_an_integer",
      '"5"': "not_a_number",
      '{"specialValue":"NaN"}': "not_a_number",
    },
  },
  "integer that is 1 where nothing is": {
    codec: codecs.integer(1),
    good: ["0", "3"],
    refused: { '"1"': "not_a_number" },
  },
  decimal: {
    codec: codecs.decimal(),
    good: ["0", "0.1", "9007199254740993", "123456789012345678.90123456789", "1e-7", "-0.0", "0.1e400"],
    refused: { '"12"': "not_a_number", true: "not_a_number" },
  },
  "decimal that is 0 where nothing is": {
    codec: codecs.decimal("0"),
    good: ["0.000412", "-0.5"],
    refused: {
      '"€12.5M"': "not_a_number",
      '"1.2 billion"': "not_a_number",
      '"1,500+"': "not_a_number",
      '"50-200"': "not_a_number",
      '"+40"': "not_a_number",
    },
  },
  boolean: { codec: codecs.boolean(), good: ["true", "false"], refused: { '"true"': "wrong_type", "1": "wrong_type" } },
  date: {
    codec: codecs.date(),
    good: ['"2026-02-28"', '"2024-02-29"', '"0999-01-01"'],
    refused: {
      '"2026-02-30"': "not_a_date",
      '"0000-01-01"': "not_a_date",
      '"28.2.2026"': "not_a_date",
      "0": "not_a_date",
    },
  },
  timestamp: {
    codec: codecs.timestamp(),
    good: ['"2026-03-14T10:12:00.123Z"', '"2026-03-14T10:12:00Z"', '"2026-03-14T10:12:00.123456+05:30"'],
    refused: {
      '"2026-03-14"': "not_a_time",
      '"+020230-01-01T00:00:00.000Z"': "not_a_time",
      '"0000-01-01T00:00:00Z"': "not_a_time",
    },
  },
  select: {
    codec: codecs.select(
      "journeys.journey_status",
      { draft: ["Draft"], archived: ["Archived", "Paused"], published: ["Active"] },
      "draft",
    ),
    good: ['"Draft"', '"Paused"', '"Active"'],
    refused: { '"draft"': "unknown_option", '"Draft "': "unknown_option", '""': "unknown_option" },
  },
  options: {
    codec: codecs.options(),
    good: ['["a","b"]', '["b","a","a"]', "[]"],
    refused: { '"a"': "wrong_type", "[1]": "wrong_type" },
  },
  link: {
    codec: codecs.link("Clients"),
    good: ['["recA"]', "[]"],
    refused: { '["recA","recB"]': "too_many_links", '"recA"': "wrong_type" },
  },
  name: {
    codec: codecs.named("Batches"),
    good: ['"batch-2-NL-NORDICS[OPS/FIN]"', '" batch-1\\t"', '"  "', '""', '"Batch-1"'],
    refused: { '["batch-1"]': "wrong_type", "1": "wrong_type" },
  },
  "JSON between fences": {
    codec: codecs.fencedJson(),
    good: [
      '"```json\\n[{\\"win\\": 1}]\\n```"',
      '"  ```\\n{\\"a\\": 9007199254740993}```  "',
      '"```JSON [1]```\\n"',
      '"{\\"a\\": \\"```\\"}"',
      '"[]"',
    ],
    refused: {
      '"```json\\n{\\"a\\": }\\n```"': "bad_json",
      '"```json\\n{}"': "bad_json",
      '"plain"': "bad_json",
      '"2026"': "bad_json",
      "[1]": "wrong_type",
    },
  },
  "JSON object": {
    codec: codecs.json("object", {}),
    good: ['"{\\"a\\": 9007199254740993}"', '{"a":[1,null]}', '"{}"', '"{\\"a\\":1,\\"a\\":2}"'],
    refused: { '"{\\"a\\": "': "bad_json", '"2026"': "bad_json", '"[]"': "bad_json", '""': "bad_json" },
  },
  "JSON array": {
    codec: codecs.json("array", []),
    good: ['"[1, 2]"', "[]"],
    refused: { '"{}"': "bad_json", '"null"': "bad_json" },
  },
  "JSON or text": {
    codec: codecs.jsonOrText("body"),
    good: [
      '"2026"',
      '"true"',
      '"null"',
      '"[1]"',
      '"\\"quoted\\""',
      '"{\\"subject\\":\\"S\\",\\"body\\":\\"B\\"}"',
      '" {\\"a\\":1} "',
      '"{not json}"',
      '""',
      '"<p>x</p>"',
    ],
    refused: { "5": "wrong_type" },
  },
  "list of names": {
    codec: codecs.nameList(),
    good: ['"a, b ,, c"', '"a\\r\\nb\\n"', '"[\\"a\\",\\"b\\"]"', '""', '"[broken"', '"one"'],
    refused: { "[1]": "wrong_type" },
  },
};

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.urls.worker, { applicationName: "landfall tests", max: 1 });
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** The value that SQL makes of a cell, and whether it is the one that TypeScript makes of it. */
async function isSame(codec: codecs.Codec, cell: string | null, value: unknown): Promise<boolean | undefined> {
  const { rows } = await pool.query<{ same: boolean }>(
    `select (${codec.sql("cell.raw", `'${sourceId}'::uuid`)}) is not distinct from typed.value as same
     from unnest($1::jsonb[]) as cell (raw), jsonb_to_record($2::jsonb) as typed (value ${codec.type})`,
    [[cell], JSON.stringify({ value })],
  );
  return rows[0]?.same;
}

describe.each(Object.entries(cases))("%s", (_name, { codec, good, refused }) => {
  const target = (value: unknown) =>
    codec.linksTo === undefined || value === null ? value : rowId(sourceId, codec.linksTo, String(value));

  test.each(good)("can read %s alike in TypeScript and in SQL", async (cell) => {
    const value = codec.cell.decode(parseExact(cell));
    expect(await isSame(codec, cell, target(value))).toBe(true);
  });

  test("can read an absent cell alike", async () => {
    const absent = codec.isSpread ? null : codec.absent;
    expect(await isSame(codec, null, absent)).toBe(true);
  });

  test.each(Object.entries(refused))("cannot read %s: %s", (cell, reason) => {
    const result = codec.cell.safeDecode(parseExact(cell));
    expect(result.success).toBe(false);
    const message = result.error?.issues[0]?.message ?? "";
    expect(isReason(message) ? message : "wrong_type").toBe(reason);
  });
});

test("can read in SQL what PostgreSQL's text refuses, and leaves the rest alone", async () => {
  const cells = ['"a\\u0000b"', '"a\\ud800b"', '"a\\udc00b"', '"\\ud83c\\udf88"', '"\\\\u0000"', '"\\\\\\u0000"'];
  const { rows } = await pool.query<{ text: string }>(
    "select app_private.readable_json(cell.text) #>> '{}' as text from unnest($1::text[]) with ordinality as cell (text, place) order by place",
    [cells],
  );
  expect(rows.map(({ text }) => text)).toEqual(["a\ufffdb", "a\ufffdb", "a\ufffdb", "🎈", "\\u0000", "\\\ufffd"]);
});

test("can make the same ids as the database", async () => {
  const { rows } = await pool.query<{ id: string }>("select app.uuidv5($1, 'Clients/recÄ') as id", [sourceId]);
  expect(rows[0]?.id).toBe(rowId(sourceId, "Clients", "recÄ"));
});
