import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { projectDir } from "../../../src/config.ts";
import { createTestDatabase, rolledBack, type TestDatabase } from "../../support/database.ts";

const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe("time-ordered ids", () => {
  test("can be told from any other by version and variant", async () => {
    const rows = await database.query<{ id: string }>("select app.uuidv7()::text as id from generate_series(1, 1000)");
    for (const { id } of rows) expect(id).toMatch(form);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(1000);
  });

  test("can say when they were made, to the millisecond", async () => {
    const [row] = await database.query<{ off_by: number }>(`
      select abs(('x' || left(replace(app.uuidv7()::text, '-', ''), 12))::bit(48)::bigint - extract(epoch from clock_timestamp()) * 1000)::float as off_by`);
    expect(row?.off_by).toBeLessThan(60_000);
  });

  test("can be sorted by when they were made, statement by statement", async () => {
    const ids: string[] = [];
    for (let count = 0; count < 50; count++) {
      const [row] = await database.query<{ id: string }>("select app.uuidv7()::text as id, pg_sleep(0.001)");
      ids.push(row?.id as string);
    }
    expect(ids).toEqual([...ids].sort());
  });

  test("cannot come out the same from two sessions at once", async () => {
    const both = await Promise.all(
      [1, 2].map(() => database.query<{ id: string }>("select app.uuidv7()::text as id from generate_series(1, 5000)")),
    );
    expect(new Set(both.flat().map(({ id }) => id)).size).toBe(10_000);
  });

  test("can be made in SQL, for servers that have no function for them, in the same form and order", async () => {
    const fixture = readFileSync(join(projectDir, "migrations/fixtures/app/ids.sql"), "utf8");
    const [, body] = /as \$f\$([\s\S]*?)\$f\$/.exec(fixture) ?? [];
    await rolledBack(database.urls.owner, async (client) => {
      await client.query(`create function app.uuidv7_in_sql() returns uuid language sql volatile as $f$${body}$f$`);
      const ids: string[] = [];
      for (let count = 0; count < 50; count++) {
        const { rows } = await client.query<{ ours: string; native: string }>(
          "select app.uuidv7_in_sql()::text as ours, app.uuidv7()::text as native, pg_sleep(0.001)",
        );
        const [row] = rows;
        expect(row?.ours).toMatch(form);
        // The first 32 bits change every minute or so: two clocks that agree differ there by one at most.
        const minutes = [row?.ours, row?.native].map((id) => Number.parseInt(id?.slice(0, 8) as string, 16));
        expect(Math.abs((minutes[0] as number) - (minutes[1] as number))).toBeLessThanOrEqual(1);
        ids.push(row?.ours as string);
      }
      expect(ids).toEqual([...ids].sort());
    });
  });
});

describe("ids of names", () => {
  // RFC 9562, appendix A.4, and the others as `uuidgen --sha1` makes them.
  test.each([
    ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com", "2ed6657d-e927-568b-95e1-2665a8aea6a2"],
    ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "python.org", "886313e1-3b8a-5372-9b90-0c9aee199e5d"],
    ["6ba7b811-9dad-11d1-80b4-00c04fd430c8", "http://python.org/", "4c565f0d-3f5a-5890-b41b-20cf47701c5e"],
  ])("can be known in advance: %s %s", async (namespace, name, expected) => {
    expect(await database.query("select app.uuidv5($1, $2)::text as id", [namespace, name])).toEqual([
      { id: expected },
    ]);
  });

  test("cannot depend on anything but namespace and name", async () => {
    const [row] = await database.query<{ same: boolean; other: boolean }>(`
      select app.uuidv5(n, 'Clients/rec1') = app.uuidv5(n, 'Clients/rec1') as same, app.uuidv5(n, 'Clients/rec1') = app.uuidv5(n, 'Clients/rec2') as other
      from (select app.uuidv7() as n) x`);
    expect(row).toEqual({ same: true, other: false });
  });
});
