/** What lists and counts are read from: kept right by whoever changes rows, and read for one tenant alone. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { settingsOf } from "../../../src/database/with_identity.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import {
  addPeople,
  addSqlLogin,
  type Logins,
  openLogins,
  type People,
  type Person,
  refusal,
} from "../../support/people.ts";
import { addLead, putIn } from "./leads.ts";

let database: TestDatabase;
let logins: Logins;
let people: People;
let others: People;

beforeAll(async () => {
  database = await createTestDatabase();
  logins = openLogins(database);
  people = await addPeople(database, logins.speak, "harbour");
  others = await addPeople(database, logins.speak, "meadow");
});

afterAll(async () => {
  await logins.close();
  await database.drop();
});

beforeEach(async () => {
  for (const table of ["companies", "contacts", "batches"]) await database.query(`delete from leadgen.${table}`);
});

interface Lead {
  batchId: string;
  companyId: string;
  contactId: string;
  messageId: string;
}

async function addAll(who = people.editor, score = 50): Promise<Lead> {
  const add = (table: string, values: Record<string, unknown>) => addLead(logins.speak, who, table, values);
  const batchId = await add("batches", { name: `batch ${Math.random()}` });
  const companyId = await add("companies", { name: "Fjordkran", batch_id: batchId, tier: "tier_2_gold" });
  const contactId = await add("contacts", { full_name: "Jane Doe", company_id: companyId, contact_score: score });
  await add("contact_batches", { contact_id: contactId, batch_id: batchId });
  const messageId = await add("messages", {
    contact_id: contactId,
    batch_id: batchId,
    channel: "email",
    body: "Hello.",
  });
  return { batchId, companyId, contactId, messageId };
}

const differences = () =>
  database.query(
    `select 'counts' as kept, to_jsonb(d) as difference from app_private.leadgen_count_differences() d
     union all select 'ranks', to_jsonb(d) from app_private.leadgen_rank_differences() d
     union all select 'batch contacts', to_jsonb(d) from app_private.leadgen_batch_contact_differences() d`,
  );

async function messageIds(who: Person, condition = ""): Promise<string[]> {
  const rows = await logins.speak<{ id: string }>(
    who,
    `select (m).id from leadgen.find_messages(${condition}) p, unnest(p.messages) m`,
  );
  return rows.map(({ id }) => id);
}

async function counted(who: Person): Promise<Record<string, number>> {
  const rows = await logins.speak<{ name: string; count: number }>(
    who,
    "select concat_ws(' ', subject, facet, value) as name, count from leadgen.count_rows()",
  );
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

/** A connection with a transaction open as somebody. */
async function begin(who: Person): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.urls.authenticator });
  await client.connect();
  await client.query("begin");
  const settings = settingsOf(who);
  await client.query("select set_config(name, value, true) from unnest($1::text[], $2::text[]) s (name, value)", [
    Object.keys(settings),
    Object.values(settings),
  ]);
  return client;
}

async function end(client: pg.Client): Promise<void> {
  await client.query("commit");
  await client.end();
}

describe("what is kept beside the rows", () => {
  test("can follow every change: of score, status, owner, tier, company, batch, cost, merges and deletions", async () => {
    const { companyId, contactId, messageId, batchId } = await addAll();
    const other = await addAll(people.editor, 80);
    const owner = await addLead(logins.speak, people.admin, "owners", { name: "Mila" });
    const change = (sql: string, ...values: unknown[]) => logins.speak(people.editor, sql, values);
    const steps = [
      () => change("update leadgen.contacts set contact_score = 90 where id = $1", contactId),
      () => change("update leadgen.contacts set contact_score = null, owner_id = $2 where id = $1", contactId, owner),
      () =>
        change(
          "update leadgen.companies set tier = null, owner_id = $2, batch_id = null where id = $1",
          companyId,
          owner,
        ),
      () => change("update leadgen.contacts set company_id = $2 where id = $1", contactId, other.companyId),
      () => change("update leadgen.contacts set company_id = null where id = $1", contactId),
      () => change("select leadgen.approve_message($1)", messageId),
      () => change("update leadgen.messages set owner_id = $2, variant = 'b' where id = $1", messageId, owner),
      () =>
        change("insert into leadgen.contact_batches (contact_id, batch_id) values ($1, $2)", contactId, other.batchId),
      () => change("delete from leadgen.contact_batches where contact_id = $1 and batch_id = $2", contactId, batchId),
      () => database.query("update leadgen.companies set enrichment_cost_usd = 0.123456"),
      () => database.query("update leadgen.contacts set is_enriched = true, enrichment_cost_usd = 0.5"),
      () => change("select leadgen.merge_contacts($1, $2)", other.contactId, contactId),
      () => change("select leadgen.merge_companies($1, $2)", other.companyId, companyId),
      () => database.query("delete from leadgen.owners"),
      () => database.query("select app_private.compact_leadgen_counts()"),
      () => database.query("delete from leadgen.contacts where id = $1", [other.contactId]),
      () => database.query("delete from leadgen.companies"),
    ];
    for (const step of steps) {
      await step();
      expect(await differences()).toEqual([]);
    }
  });

  test("can be seen to differ where triggers were passed over", async () => {
    const { messageId, companyId } = await addAll();
    await putIn(database, "messages", messageId, { status: "approved" });
    await putIn(database, "companies", companyId, { tier: "tier_1_platinum" });
    expect([...new Set((await differences()).map(({ kept }) => kept))].sort()).toEqual([
      "batch contacts",
      "counts",
      "ranks",
    ]);
    await putIn(database, "messages", messageId, { status: "draft" });
    await putIn(database, "companies", companyId, { tier: "tier_2_gold" });
  });

  test("can be added up, and says the same before and after", async () => {
    await addAll();
    const before = await counted(people.viewer);
    expect(before).toMatchObject({ "companies total": 1, "contacts status not_started": 1, "messages total": 1 });
    await database.query(
      `insert into app_private.leadgen_counts (tenant_id, subject, grain, status, row_count, cost_usd)
       select $1, 'messages', 'owner', 'draft', n, 0 from unnest(array[1, -1]) n, generate_series(1, 300)`,
      [people.tenantId],
    );
    const worker = await logins.worker.query("select app_private.compact_leadgen_counts() as tenants");
    expect(worker.rows).toEqual([{ tenants: 1 }]);
    expect(await counted(people.viewer)).toEqual(before);
    expect(
      await database.query("select from app_private.leadgen_counts where not is_compact and tenant_id = $1", [
        people.tenantId,
      ]),
    ).toEqual([]);
    expect(await differences()).toEqual([]);
  });

  test("cannot miss a score that changes while a message is written, whichever is first", async () => {
    const { contactId } = await addAll();
    const write = "insert into leadgen.messages (contact_id, channel, body) values ($1, 'email', 'Meanwhile.')";
    const score = "update leadgen.contacts set contact_score = contact_score + 1 where id = $1";
    for (const [first, second] of [
      [write, score],
      [score, write],
    ] as const) {
      const one = await begin(people.editor);
      const two = await begin(people.secondEditor);
      await one.query(first, [contactId]);
      const waiting = two.query(second, [contactId]);
      await end(one);
      await waiting;
      await end(two);
      expect(await differences()).toEqual([]);
    }
  });

  test("cannot miss a company that changes while a contact comes to it, whichever is first", async () => {
    const { contactId } = await addAll();
    const { companyId } = await addAll();
    const come = ["update leadgen.contacts set company_id = $2 where id = $1", [contactId, companyId]] as const;
    const leave = ["update leadgen.contacts set company_id = null where id = $1", [contactId]] as const;
    const change = ["update leadgen.companies set tier = $2 where id = $1", [companyId, "tier_1_platinum"]] as const;
    const back = ["update leadgen.companies set tier = $2 where id = $1", [companyId, "tier_3_silver"]] as const;
    for (const [first, second] of [
      [come, change],
      [back, come],
    ] as const) {
      await logins.speak(people.editor, leave[0], [...leave[1]]);
      const one = await begin(people.editor);
      const two = await begin(people.secondEditor);
      await one.query(first[0], [...first[1]]);
      const waiting = two.query(second[0], [...second[1]]);
      await end(one);
      await waiting;
      await end(two);
      expect(await differences()).toEqual([]);
    }
  });

  test("can be counted by many at once, nobody waiting for anybody", async () => {
    const rows = await Promise.all(Array.from({ length: 4 }, () => addAll()));
    const open = await Promise.all(rows.map(() => begin(people.editor)));
    // All of them change what is counted in the same place, and none has committed when the last one does.
    for (const [at, client] of open.entries()) {
      await client.query("update leadgen.companies set tier = 'tier_5_copper' where id = $1", [rows[at]?.companyId]);
    }
    expect((await counted(people.viewer))["companies tier tier_2_gold"]).toBe(4);
    for (const client of open) await end(client);
    expect((await counted(people.viewer))["companies tier tier_5_copper"]).toBe(4);
    expect(await differences()).toEqual([]);
  });
});

describe("lists", () => {
  test("can be read page by page without a gap, while rows come and go in front of the page", async () => {
    const ids: string[] = [];
    for (const score of [90, 70, 50, 30]) ids.push((await addAll(people.editor, score)).messageId);
    const [page] = await logins.speak<{ ids: string[]; end_cursor: string }>(
      people.editor,
      "select array(select (m).id from unnest(p.messages) m) as ids, p.end_cursor from leadgen.find_messages(first => 2) p",
    );
    expect(page?.ids).toEqual(ids.slice(0, 2));
    await addAll(people.editor, 95);
    await logins.speak(people.admin, "delete from leadgen.messages where id = $1", [ids[1]]);
    expect(await messageIds(people.editor, `after => '${page?.end_cursor}'`)).toEqual(ids.slice(2));
  });

  test.each<[string, string]>([
    ["find_messages(first => 101)", "LF009"],
    ["find_messages(after => 'nonsense')", "LF009"],
    ["find_companies(after => 'WyJhIl0=')", "LF009"],
    ["find_companies(search => 'ab')", "LF009"],
    ["find_contacts(first => 0)", "LF009"],
  ])("cannot be asked what makes no sense: %s: %s", async (call, code) => {
    expect(await refusal(logins.speak(people.viewer, `select * from leadgen.${call}`))).toMatchObject({ code });
  });

  test("cannot be continued in another order: LF009", async () => {
    await addAll();
    const [page] = await logins.speak(people.viewer, "select end_cursor from leadgen.find_companies()");
    const other = logins.speak(
      people.viewer,
      "select * from leadgen.find_companies(order_by => 'updated_at', after => $1)",
      [page?.end_cursor],
    );
    expect(await refusal(other)).toMatchObject({ code: "LF009" });
  });

  test("cannot be read by an automation login of another tenant, which reads its own", async () => {
    const ours = await addAll();
    const theirs = await addAll(others.editor);
    const login = await addSqlLogin(database, others.tenantId, "automation");
    const client = new pg.Client({ connectionString: login.url });
    await client.connect();
    const read = async (call: string, value: string) => (await client.query(call, [value])).rows;
    const page = (list: string, argument = "") =>
      `select (r).id from leadgen.find_${list}(${argument}) p, unnest(p.${list}) r where $1::uuid is not null`;
    try {
      expect(await read("select * from leadgen.summarize_batch($1)", ours.batchId)).toEqual([]);
      expect(await read("select * from leadgen.summarize_batch($1)", theirs.batchId)).toHaveLength(1);
      expect(await read("select * from leadgen.count_rows($1)", ours.batchId)).toEqual([]);
      expect(await read(page("companies", "batch_id => $1"), ours.batchId)).toEqual([]);
      expect(await read(page("contacts", "company_id => $1"), ours.companyId)).toEqual([]);
      expect(await read(page("companies"), ours.batchId)).toEqual([{ id: theirs.companyId }]);
      expect(await read(page("contacts"), ours.batchId)).toEqual([{ id: theirs.contactId }]);
      expect(await read(page("messages"), ours.batchId)).toEqual([{ id: theirs.messageId }]);
    } finally {
      await client.end();
      await login.drop();
    }
  });
});
