import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { planImport, runImport } from "../../src/imports/run_import.ts";
import { copySample, type Importing, prepareImporting, readRows, recordOf } from "./importing.ts";

/** The same source again, after people and the source went on: column by column, who keeps what. */

let importing: Importing;
let sample: Awaited<ReturnType<typeof copySample>>;

beforeEach(async () => {
  importing = await prepareImporting();
  sample = await copySample();
  await importing.run(sample.folder);
});

afterEach(async () => {
  await sample.remove();
  await importing.close();
});

const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

const changeInSource = (name: string, fields: Record<string, unknown>) =>
  sample.change("Journeys", (records) => {
    Object.assign(recordOf(records, "Journey Name", name).fields, fields);
    return undefined;
  });

const runAgain = (options: Parameters<typeof importing.request>[1] = {}) =>
  runImport(importing.request(sample.folder, options));

const journeyNow = async () =>
  (await query("select goal, description from journeys.journeys where name = 'Inquiry to Tour'"))[0];

test("can bring a change of one column beside a person's edit of another: no conflict", async () => {
  await query("update journeys.journeys set goal = 'Ours' where name = 'Inquiry to Tour'");
  await changeInSource("Inquiry to Tour", { Description: "Theirs" });
  const report = await runAgain();
  expect(report).toMatchObject({ verified: true });
  expect(report.collections.find(({ name }) => name === "Journeys")).toMatchObject({ updated: 1, conflicts: 0 });
  expect(await journeyNow()).toEqual({ goal: "Ours", description: "Theirs" });
  const [audited] = await query(
    "select changes from audit.changes where table_name = 'journeys.journeys' and action = 'update' and source = 'import'",
  );
  expect(Object.keys(audited?.changes as object)).toEqual(["description"]);

  // What a person wrote stays a person's in every later run too.
  await changeInSource("Inquiry to Tour", { Description: "Theirs again" });
  expect(await runAgain()).toMatchObject({ verified: true });
  expect(await journeyNow()).toEqual({ goal: "Ours", description: "Theirs again" });
});

test("can hold a conflict until a person decides, and tells it with both values, each time", async () => {
  await query("update journeys.journeys set goal = 'Ours' where name = 'Inquiry to Tour'");
  await changeInSource("Inquiry to Tour", { Goal: "Theirs", Description: "Theirs" });
  for (const updated of [1, 0]) {
    const report = await runAgain();
    expect(report).toMatchObject({ status: "incomplete", verified: true });
    expect(report.collections.find(({ name }) => name === "Journeys")).toMatchObject({ updated, conflicts: 1 });
    expect(report.issues.filter(({ reason }) => reason === "edited_since_import")).toMatchObject([
      { collection: "Journeys", field: "Goal", original: '"Theirs"', existing: '"Ours"' },
    ]);
    expect(await journeyNow()).toEqual({ goal: "Ours", description: "Theirs" });
  }
  // Decided by hand: the row takes what the source says.
  await query("update journeys.journeys set goal = 'Theirs' where name = 'Inquiry to Tour'");
  expect((await runAgain()).collections.every(({ conflicts }) => conflicts === 0)).toBe(true);
});

test.each([
  ["source_wins", "overwritten_by_source", { goal: "Theirs", description: "Kept" }, { updated: 1 }],
  ["database_wins", "kept_over_source", { goal: "Ours", description: "Kept" }, { updated: 0 }],
] as const)("can settle conflicts by the policy %s, and lists them", async (onConflict, reason, row, counts) => {
  await query("update journeys.journeys set goal = 'Ours', description = 'Kept' where name = 'Inquiry to Tour'");
  await changeInSource("Inquiry to Tour", { Goal: "Theirs" });
  const report = await runAgain({ options: { onConflict } });
  expect(report).toMatchObject({ verified: true });
  expect(report.collections.find(({ name }) => name === "Journeys")).toMatchObject({ ...counts, conflicts: 1 });
  expect(report.issues.filter((issue) => issue.reason === reason)).toMatchObject([
    { field: "Goal", original: '"Theirs"', existing: '"Ours"' },
  ]);
  expect(await journeyNow()).toEqual(row);
});

test("cannot write anything for what has not changed, nor for what only people changed", async () => {
  await query("update journeys.journeys set goal = 'Ours' where name = 'Inquiry to Tour'");
  const before = await readRows(importing.database);
  const [audited] = await query("select count(*) from audit.changes where table_name like 'journeys.%'");
  const report = await runAgain();
  expect(report).toMatchObject({ verified: true });
  expect(report.collections.every(({ inserted, updated, conflicts }) => inserted + updated + conflicts === 0)).toBe(
    true,
  );
  expect(await readRows(importing.database)).toEqual(before);
  expect(await query("select count(*) from audit.changes where table_name like 'journeys.%'")).toEqual([audited]);
});

test("can keep the place that a person gave a touchpoint while its text is changed by the source", async () => {
  await query("update journeys.touchpoints set order_index = 100 where name = 'Inquiry received'");
  for (const text of ["First", "Second"]) {
    await sample.change("Touchpoints", (records) => {
      recordOf(records, "Internal Name", "Inquiry received").fields.Subject = text;
      return undefined;
    });
    expect(await runAgain()).toMatchObject({ verified: true });
    expect(
      await query(
        "select order_index, content ->> 'subject' as subject from journeys.touchpoints where name = 'Inquiry received'",
      ),
    ).toEqual([{ order_index: 100, subject: text }]);
  }
});

test("can follow a link that people moved, in the columns that come through it", async () => {
  const [journey] = await query(
    "select j.id, j.name from journeys.journeys j join journeys.approvals a on a.journey_id = j.id order by j.name limit 1",
  );
  const clients = async () => [
    (await query("select client_id from journeys.journeys where id = $1", [journey?.id]))[0]?.client_id,
    ...(await query("select distinct client_id from journeys.approvals where journey_id = $1", [journey?.id])).map(
      ({ client_id }) => client_id,
    ),
  ];
  const [, , old, mill] = (await query("select id, name from journeys.clients order by name")).map(({ id }) => id);
  await query("update journeys.journeys set client_id = $2, pipeline_id = null where id = $1", [journey?.id, mill]);
  const plan = await planImport(importing.request(sample.folder));
  const report = await runAgain();
  expect(report).toMatchObject({ verified: true });
  expect(plan.collections).toEqual(report.collections);
  expect(await clients()).toEqual([mill, mill]);
  // The source moves it too, and somewhere else: held, nothing follows; where the source wins, all of it does.
  await changeInSource(journey?.name as string, { Client: ["recl0byDaX02uFvS4"] });
  const [record] = await query("select record_id from imports.crosswalk where row_id = $1", [journey?.id]);
  await sample.change("Clients", (records) => {
    for (const { id, fields } of records) {
      const others = (fields.Journeys as string[]).filter((known) => known !== record?.record_id);
      fields.Journeys = id === "recl0byDaX02uFvS4" ? [...others, record?.record_id] : others;
    }
    return undefined;
  });
  expect(await runAgain()).toMatchObject({ verified: true });
  expect(await clients()).toEqual([mill, mill]);
  expect(await runAgain({ options: { onConflict: "source_wins" } })).toMatchObject({ verified: true });
  expect(await clients()).toEqual([old, old]);
});

test("cannot bring back what people deleted, unless the source has changed it and wins", async () => {
  await query("delete from journeys.journeys where name = 'Winter Tasting' or name = 'Inquiry to Tour'");
  await changeInSource("Inquiry to Tour", { Goal: "Theirs" });
  const count = async () =>
    (await query("select count(*)::integer as count from journeys.journeys where name = 'Inquiry to Tour'"))[0]?.count;
  const plan = await planImport(importing.request(sample.folder));
  const held = await runAgain();
  expect(held).toMatchObject({ status: "incomplete", verified: true });
  expect(plan.collections).toEqual(held.collections);
  expect(held.collections.find(({ name }) => name === "Journeys")).toMatchObject({ inserted: 0, conflicts: 1 });
  expect(held.issues.filter(({ reason }) => reason === "edited_since_import")).toMatchObject([
    { collection: "Journeys", original: expect.stringContaining("Theirs"), detail: "The row was deleted here." },
  ]);
  expect(await count()).toBe(0);
  const kept = await runAgain({ options: { onConflict: "database_wins" } });
  expect(kept).toMatchObject({ verified: true });
  expect(kept.issues.filter(({ reason }) => reason === "kept_over_source")).toHaveLength(1);
  expect(await count()).toBe(0);
  const taken = await runAgain({ options: { onConflict: "source_wins" } });
  expect(taken).toMatchObject({ verified: true });
  expect(taken.collections.find(({ name }) => name === "Journeys")).toMatchObject({ inserted: 1 });
  expect(await count()).toBe(1);
});

test("can tell that a link leads to what people deleted, and waits", async () => {
  await query("delete from journeys.touchpoints where name = 'Welcome and brochure'");
  const report = await runAgain();
  expect(report).toMatchObject({ verified: true });
  const waiting = report.issues.filter(({ reason }) => reason === "link_deleted_here");
  expect(waiting).toContainEqual(
    expect.objectContaining({ fate: "quarantined", detail: expect.stringMatching(/ was deleted here\.$/) }),
  );
  const before = await readRows(importing.database);
  expect(await runAgain()).toMatchObject({ verified: true });
  expect(await readRows(importing.database)).toEqual(before);
});

test("can tell edits from changes where an earlier import kept no hashes of the columns", async () => {
  await query(
    "set session_replication_role = replica; update imports.effects set column_hashes = null; set session_replication_role = origin",
  );
  await query("update journeys.pipelines set name = 'Ours' where name = 'Wedding enquiries'");
  await changeInSource("Inquiry to Tour", { Goal: "Theirs" });
  const report = await runAgain();
  expect(report).toMatchObject({ verified: true });
  expect(report.collections.find(({ name }) => name === "Journeys")).toMatchObject({ updated: 1, conflicts: 0 });
  expect(await query("select count(*)::integer as count from journeys.pipelines where name = 'Ours'")).toEqual([
    { count: 1 },
  ]);
});

test("cannot empty a column because its field is gone or has another name: rows keep it, and it is told", async () => {
  const file = join(sample.folder, "schema.json");
  const schema = JSON.parse(await readFile(file, "utf8"));
  const journeys = schema.tables.find(({ name }: { name: string }) => name === "Journeys");
  const goal = journeys.fields.find(({ name }: { name: string }) => name === "Goal");
  goal.name = "Purpose";
  await writeFile(file, JSON.stringify(schema));
  await sample.change("Journeys", (records) => {
    for (const { fields } of records) {
      fields.Purpose = fields.Goal;
      delete fields.Goal;
    }
    recordOf(records, "Journey Name", "Inquiry to Tour").fields.Description = "Theirs";
    return undefined;
  });
  const before = await query("select id, goal from journeys.journeys order by id");
  const plan = await planImport(importing.request(sample.folder));
  for (const updated of [1, 0]) {
    const report = await runAgain();
    expect(report).toMatchObject({ verified: true });
    if (updated === 1) expect(plan.collections).toEqual(report.collections);
    expect(report.collections.find(({ name }) => name === "Journeys")).toMatchObject({ updated, conflicts: 0 });
    expect(report.issues.filter(({ reason }) => reason === "lost_field")).toMatchObject([
      { collection: "Journeys", field: "Goal", wayOut: expect.stringContaining("alias") },
    ]);
    expect(await query("select id, goal from journeys.journeys order by id")).toEqual(before);
  }
});
