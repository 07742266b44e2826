import { runImport, sampleFolder } from "../../src/imports/run_import.ts";
import { addPeople, type Logins, openLogins, type People } from "../support/people.ts";
import { type Importing, prepareImporting } from "./importing.ts";

let importing: Importing;
let logins: Logins;
let ours: People;
let theirs: People;

beforeAll(async () => {
  importing = await prepareImporting();
  logins = openLogins(importing.database);
  ours = await addPeople(importing.database, logins.speak, "ours");
  theirs = await addPeople(importing.database, logins.speak, "theirs");
  await runImport(importing.request(sampleFolder, { tenantId: ours.tenantId }));
});

afterAll(async () => {
  await logins.close();
  await importing.close();
});

const ledger = [
  "sources",
  "batches",
  "collections",
  "fields",
  "predictions",
  "records",
  "effects",
  "issues",
  "checks",
  "crosswalk",
];

test.each(ledger)("can read imports.%s of the own tenant, and none of another's", async (table) => {
  const count = `select count(*)::integer as count from imports.${table}`;
  const [behind] = await importing.database.query<{ count: number }>(count);
  expect(behind?.count).toBeGreaterThan(0);
  expect(await logins.speak(ours.viewer, count)).toEqual([behind]);
  expect(await logins.speak(theirs.admin, count)).toEqual([{ count: 0 }]);
});

test("can see what the source said of a record, through a function that checks", async () => {
  const [record] = await logins.speak<{ text: string }>(
    ours.viewer,
    "select imports.records_source_text(r) as text from imports.records r where r.outcome = 'inserted' order by r.id limit 1",
  );
  expect(JSON.parse(record?.text ?? "")).toMatchObject({ id: expect.stringMatching(/^rec/) });
  const [row] = await importing.database.query<{ record: string }>(
    "select r::text as record from imports.records r limit 1",
  );
  expect(
    await logins.speak(theirs.admin, "select imports.records_source_text($1::imports.records) as text", [row?.record]),
  ).toEqual([{ text: null }]);
});

test.each([
  "select from app_private.import_payloads",
  "select app_private.make_import_partition(gen_random_uuid())",
  "update imports.batches set status = 'queued'",
  "delete from imports.records",
  "insert into imports.issues (batch_id, collection_id, reason, way_out) select batch_id, id, 'x', 'x' from imports.collections",
])("cannot do as an admin: %s: 42501", async (statement) => {
  await expect(logins.speak(ours.admin, statement)).rejects.toMatchObject({ code: "42501" });
});

test("cannot see the ledger as a client's reviewer: 42501", async () => {
  await expect(logins.speak(ours.reviewer, "select from imports.batches")).rejects.toMatchObject({ code: "42501" });
});

test("cannot take a batch back to a step that is not listed: LF003", async () => {
  await expect(logins.speak(ours.worker, "update imports.batches set status = 'planned'")).rejects.toMatchObject({
    code: "LF003",
  });
});

test("cannot call a batch complete without its proof, nor settle sums that do not balance: 23514", async () => {
  const { database } = importing;
  await expect(database.query("update imports.batches set is_verified = false")).rejects.toMatchObject({
    code: "23514",
  });
  await expect(database.query("update imports.collections set landed = landed + 1")).rejects.toMatchObject({
    code: "23514",
  });
});
