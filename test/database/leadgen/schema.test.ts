import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { addPeople, addSqlLogin, idOf, type Logins, openLogins, type People, refusal } from "../../support/people.ts";

const nobody = "00000000-0000-7000-8000-000000000001";

let database: TestDatabase;
let logins: Logins;
let people: People;

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
});

afterAll(async () => {
  await logins.close();
  await database.drop();
});

async function normalized(what: string, value: string): Promise<string | null> {
  const [row] = await database.query<{ value: string | null }>(`select app.normalized_${what}($1) as value`, [value]);
  return row?.value ?? null;
}

test.each([
  ["domain", "https://www.Acme.example/about?x=1", "acme.example"],
  ["domain", " ACME.example. ", "acme.example"],
  ["domain", "http://user:secret@shop.acme.example:8080/", "shop.acme.example"],
  ["domain", "www2.acme.example", "acme.example"],
  ["domain", "//acme.example#top", "acme.example"],
  ["domain", "info@acme.example", "acme.example"],
  ["domain", "münchen.example", "münchen.example"],
  ["domain", "n/a", null],
  ["domain", "not known", null],
  ["domain", "", null],
  ["email", "Jane.Doe@Acme.Example", "jane.doe@acme.example"],
  ["email", "Doe, Jane <jane.doe@acme.example>", "jane.doe@acme.example"],
  ["email", "mailto:jane@acme.example\t", "jane@acme.example"],
  ["email", "jane+news@acme.example", "jane+news@acme.example"],
  ["email", "jane@localhost", null],
  ["email", "jane at acme.example", null],
  ["linkedin_url", "https://www.linkedin.com/in/Jane-Doe-123/?trk=x", "linkedin.com/in/jane-doe-123"],
  ["linkedin_url", "de.linkedin.com/in/jane-doe-123/en", "linkedin.com/in/jane-doe-123"],
  ["linkedin_url", "http://linkedin.com//company/Acme#about", "linkedin.com/company/acme"],
  ["linkedin_url", "https://www.linkedin.com/sales/lead/ABC,NAME_SEARCH", "linkedin.com/sales/lead/abc"],
  ["linkedin_url", "https://www.linkedin.com/in/", null],
  ["linkedin_url", "https://notlinkedin.com/in/jane", null],
])("can find what two spellings of a %s have in common: %s", async (what, value, expected) => {
  expect(await normalized(what, value)).toBe(expected);
});

test("can normalise what is normal already without a change", async () => {
  for (const [what, value] of [
    ["domain", "acme.example"],
    ["email", "jane@acme.example"],
    ["linkedin_url", "linkedin.com/in/jane"],
  ] as const) {
    expect(await normalized(what, (await normalized(what, value)) as string)).toBe(value);
  }
});

test("can name every value of every enum in people's words, in the order of the enum", async () => {
  const labels = await database.query(
    "select enum_type, array_agg(value order by place) as labels from leadgen.labels group by enum_type order by enum_type",
  );
  const enums = await database.query(`
    select t.typname::text as enum_type, array_agg(e.enumlabel::text order by e.enumsortorder) as labels
    from pg_type t join pg_enum e on e.enumtypid = t.oid
    -- How a list is ordered and what is counted are words of whoever asks, and nothing that people read.
    where t.typnamespace = 'leadgen'::regnamespace and t.typname !~ '_order$|^count_'
    group by t.typname order by t.typname`);
  expect(labels).toEqual(enums);
  expect(labels.length).toBeGreaterThan(25);
});

describe("a company", () => {
  const add = async (values: Record<string, unknown>) => {
    const names = Object.keys(values);
    return logins.speak<{ id: string; version: number; updated_at: Date; domain_normalized: string | null }>(
      people.editor,
      `insert into leadgen.companies (${names.join(", ")}) values (${names.map((_, at) => `$${at + 1}`).join(", ")}) returning *`,
      Object.values(values),
    );
  };

  test("can be added by an editor, with its domain in both spellings", async () => {
    const [row] = await add({ name: "Acme", domain: "https://www.Acme.example/" });
    expect(row).toMatchObject({
      domain: "https://www.Acme.example/",
      domain_normalized: "acme.example",
      status: "new",
    });
  });

  test("can be written twice alike without a change", async () => {
    const [before] = await add({ name: "Quiet", domain: "quiet.example" });
    const [after] = await logins.speak(
      people.editor,
      "update leadgen.companies set name = name where id = $1 returning *",
      [before?.id],
    );
    expect(after).toEqual(before);
  });

  test("can count what people see and not what machines note", async () => {
    const id = idOf(await add({ name: "Counted" }));
    await logins.speak(people.worker, "update leadgen.companies set enrichment_cost_usd = 0.00012 where id = $1", [id]);
    const [noted] = await logins.speak(people.viewer, "select * from leadgen.companies where id = $1", [id]);
    expect(noted).toMatchObject({ version: 1, enrichment_cost_usd: "0.00012" });
    const [edited] = await logins.speak(
      people.editor,
      "update leadgen.companies set domain = 'a.example' where id = $1 returning *",
      [id],
    );
    expect(edited).toMatchObject({ version: 2, domain_normalized: "a.example" });
  });

  test("cannot be given a status by hand 42501", async () => {
    const id = idOf(await add({ name: "By hand" }));
    expect(
      await refusal(logins.speak(people.admin, "update leadgen.companies set status = 'synced' where id = $1", [id])),
    ).toMatchObject({ code: "42501" });
  });

  test("cannot be deleted by an editor 42501, but by an admin", async () => {
    const id = idOf(await add({ name: "Gone" }));
    const remove = "delete from leadgen.companies where id = $1 returning id";
    expect(await refusal(logins.speak(people.editor, remove, [id]))).toMatchObject({ code: "42501" });
    expect(await logins.speak(people.admin, remove, [id])).toHaveLength(1);
  });

  test("cannot be seen once it was merged into another, though imports still meet it", async () => {
    const [kept, merged] = [idOf(await add({ name: "Kept" })), idOf(await add({ name: "Merged" }))];
    await database.query("update leadgen.companies set merged_into_id = $1 where id = $2", [kept, merged]);
    const look = "select id from leadgen.companies where id = $1";
    expect(await logins.speak(people.admin, look, [merged])).toEqual([]);
    expect(
      await logins.speak(people.admin, "update leadgen.companies set notes = 'x' where id = $1 returning id", [merged]),
    ).toEqual([]);
    expect(await logins.speak(people.worker, look, [merged])).toHaveLength(1);
  });
});

describe("a workflow's login", () => {
  test("can add a contact with a message, and cannot approve it, delete it, or see another tenant", async () => {
    const other = await addPeople(database, logins.speak, "meadow");
    const theirs = idOf(
      await logins.speak(other.editor, "insert into leadgen.contacts (full_name) values ('Theirs') returning id"),
    );
    const login = await addSqlLogin(database, people.tenantId, "automation");
    const client = new pg.Client({ connectionString: login.url });
    await client.connect();
    try {
      const contact = await client.query<{ id: string }>(
        "insert into leadgen.contacts (full_name, email) values ('Jane', 'Jane <JANE@acme.example>') returning id, email_normalized",
      );
      expect(contact.rows).toMatchObject([{ email_normalized: "jane@acme.example" }]);
      const message = await client.query<{ id: string }>(
        "insert into leadgen.messages (contact_id, channel, body) values ($1, 'email', 'Hello') returning id, status",
        [contact.rows[0]?.id],
      );
      expect(message.rows).toMatchObject([{ status: "draft" }]);
      const attempt = (sql: string, values: unknown[] = []) => refusal(client.query(sql, values));
      const id = message.rows[0]?.id;
      expect(await attempt("update leadgen.messages set status = 'approved' where id = $1", [id])).toMatchObject({
        code: "42501",
      });
      expect(await attempt("delete from leadgen.messages where id = $1", [id])).toMatchObject({ code: "42501" });
      expect(await attempt("update leadgen.owners set name = 'Other'")).toMatchObject({ code: "42501" });
      expect((await client.query("select id from leadgen.contacts where id = $1", [theirs])).rows).toEqual([]);
      expect(
        await attempt("insert into leadgen.messages (contact_id, channel, body) values ($1, 'email', 'Hello')", [
          theirs,
        ]),
      ).toMatchObject({ code: "23503" });
    } finally {
      await client.end();
      await login.drop();
    }
  });
});

describe("a table", () => {
  let unguarded: pg.Client;

  beforeAll(async () => {
    unguarded = new pg.Client({ connectionString: database.urls.admin });
    await unguarded.connect();
    await unguarded.query("set session_replication_role = replica");
  });

  afterAll(() => unguarded.end());

  test.each([
    ["contacts", "a score out of its range", { full_name: "Jane", contact_score: 101 }],
    ["contacts", "a cost below zero", { full_name: "Jane", enrichment_cost_usd: -0.1 }],
    ["messages", "a step before the first", { contact_id: nobody, channel: "email", body: "x", sequence_step: 0 }],
    ["messages", "an empty text", { contact_id: nobody, channel: "email", body: " " }],
    ["research_assets", "an answer about nobody", { name: "Who?" }],
    ["research_assets", "an answer about two", { name: "Who?", company_id: nobody, contact_id: nobody }],
    ["pipeline_runs", "a run that has ended and does not say when", { status: "completed" }],
    ["companies", "a company merged into itself", { id: nobody, name: "Acme", merged_into_id: nobody }],
  ])("of %s cannot hold %s 23514", async (table, _what, values) => {
    const row = { tenant_id: people.tenantId, ...values };
    const places = Object.keys(row).map((_, at) => `$${at + 1}`);
    const insert = `insert into leadgen.${table} (${Object.keys(row).join(", ")}) values (${places.join(", ")})`;
    expect(await refusal(unguarded.query(insert, Object.values(row)))).toMatchObject({ code: "23514" });
  });
});
