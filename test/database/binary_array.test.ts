import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { binaryArray } from "../../src/database/binary_array.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const texts = ["", "plain", 'quotes " and \\ and {braces}, commas', "line\nbreak", "ümlaut 🌊", "NULL", null];

test("texts arrive as they were sent, and nulls as nulls", async () => {
  const rows = await database.query("select unnest($1::text[]) as value", [binaryArray("text", texts)]);
  expect(rows).toEqual(texts.map((value) => ({ value })));
});

test("bytes arrive as they were sent", async () => {
  const bytes = [Buffer.alloc(0), Buffer.from([0, 1, 0xff, 0x5c]), null];
  const rows = await database.query("select unnest($1::bytea[]) as value", [binaryArray("bytea", bytes)]);
  expect(rows).toEqual(bytes.map((value) => ({ value })));
});

test("JSON arrives as what it says", async () => {
  const values = [{ text: 'a "quoted" one', numbers: [1, 2.5] }, [], "text", null];
  const rows = await database.query("select unnest($1::jsonb[]) as value", [
    binaryArray(
      "jsonb",
      values.map((value) => value && JSON.stringify(value)),
    ),
  ]);
  expect(rows).toEqual(values.map((value) => ({ value })));
});

test("an array of nothing is an array", async () => {
  expect(await database.query("select cardinality($1::text[]) as size", [binaryArray("text", [])])).toEqual([
    { size: 0 },
  ]);
});
