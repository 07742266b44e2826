import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { planImport, runImport } from "../../src/imports/run_import.ts";
import { copySample, type Importing, prepareImporting, readRows, recordOf } from "./importing.ts";

/** Records that are gone from the source: what is deleted with them, what stays, and what is too much. */

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

const runAgain = (options: Parameters<typeof importing.request>[1] = {}) =>
  runImport(importing.request(sample.folder, options));

/** Takes a touchpoint out of the base, as Airtable does: links to it go too. */
async function takeOut(name: string): Promise<string> {
  let id = "";
  await sample.change("Touchpoints", (records) => {
    id = recordOf(records, "Internal Name", name).id;
    return records.filter((record) => record.id !== id);
  });
  for (const table of ["Touchpoints", "Journeys", "Versions", "Approvals", "Templates"]) {
    await sample.change(table, (records) => {
      for (const { fields } of records) {
        for (const [field, cell] of Object.entries(fields)) {
          if (!Array.isArray(cell) || !cell.includes(id)) continue;
          const rest = cell.filter((linked) => linked !== id);
          if (rest.length === 0) delete fields[field];
          else fields[field] = rest;
        }
      }
      return undefined;
    });
  }
  return id;
}

const countOf = async (name: string) =>
  (await query("select count(*)::integer as count from journeys.touchpoints where name = $1", [name]))[0]?.count;

test("can delete what is gone, with an image of it and of all that goes or loses a link with it", async () => {
  const [touchpoint] = await query(
    "select id, to_jsonb(t) as row from journeys.touchpoints t where name = 'Inquiry received'",
  );
  await query(
    `insert into journeys.touchpoint_versions (tenant_id, touchpoint_id, version, subject) values ($1, $2, 99, 'By hand')`,
    [importing.tenantId, touchpoint?.id],
  );
  const children = await query(
    `select to_jsonb(v) as row from journeys.touchpoint_versions v where touchpoint_id = $1
     union all select to_jsonb(a) from journeys.approvals a where touchpoint_id = $1`,
    [touchpoint?.id],
  );
  const before = await query("select t.id, to_jsonb(t) as row from journeys.touchpoints t");
  await takeOut("Inquiry received");
  const plan = await planImport(importing.request(sample.folder));
  const report = await runAgain();
  expect(report).toMatchObject({ verified: true });
  expect(plan.collections).toEqual(report.collections);
  expect(report.collections.find(({ name }) => name === "Touchpoints")).toMatchObject({ deleted: 1 });
  expect(await countOf("Inquiry received")).toBe(0);

  const images = await query(
    `select e.effect, i.image from imports.effects e
     join app_private.import_before_images i on i.batch_id = e.batch_id and i.row_id = e.row_id and i.table_name = e.table_name
     where e.batch_id = $1 and e.effect = 'deleted'`,
    [report.batchId],
  );
  expect(images).toHaveLength(1 + children.length);
  expect(images.map(({ image }) => image)).toEqual(
    expect.arrayContaining([touchpoint?.row, ...children.map(({ row }) => row)]),
  );
  expect(report.removed).toEqual(expect.arrayContaining([{ table: "journeys.touchpoints", rows: 1 }]));
  // Every row that is not as it was has an image of what it was.
  const after = new Map(
    (await query("select t.id, to_jsonb(t) as row from journeys.touchpoints t")).map(({ id, row }) => [id, row]),
  );
  for (const { id, row } of before) {
    if (JSON.stringify(after.get(id)) === JSON.stringify(row)) continue;
    expect(
      await query("select image from app_private.import_before_images where batch_id = $1 and row_id = $2", [
        report.batchId,
        id,
      ]),
    ).toEqual([{ image: row }]);
  }
  // And every effect on a row that is still there knows the row as it is now.
  expect(
    await query(
      `select e.effect from imports.effects e join journeys.touchpoints t on t.id = e.row_id
       join imports.collections c on c.batch_id = e.batch_id and c.table_name = e.table_name
       where e.batch_id = $1 and e.row_hash <> sha256(convert_to(
         (select jsonb_agg(to_jsonb(t) -> name.word order by name.place) from unnest(c.column_names) with ordinality as name (word, place))::text, 'UTF8'))`,
      [report.batchId],
    ),
  ).toEqual([]);
  expect(await query("select from imports.crosswalk where row_id = $1", [touchpoint?.id])).toEqual([]);

  // Then there is nothing left to do.
  const rows = await readRows(importing.database);
  const again = await runAgain();
  expect(again.collections.every(({ inserted, updated, deleted }) => inserted + updated + deleted === 0)).toBe(true);
  expect(await readRows(importing.database)).toEqual(rows);
});

test("can let the places of what is gone be taken, in order", async () => {
  await takeOut("Welcome and brochure");
  expect(await runAgain()).toMatchObject({ verified: true });
  const places = await query(
    `select t.order_index from journeys.touchpoints t join journeys.journeys j on j.id = t.journey_id
     where j.name = 'Inquiry to Tour' order by t.order_index`,
  );
  expect(places.map(({ order_index }) => order_index)).toEqual(places.map((_place, index) => index));
});

test("cannot delete more than the threshold: the batch stops, says so, and deletes nothing: import_paused", async () => {
  const before = await readRows(importing.database);
  for (const name of ["Inquiry received", "Welcome and brochure", "On the day", "Wait two days"]) await takeOut(name);
  const plan = await planImport(importing.request(sample.folder));
  expect(plan.stops).toContain("4 of 58 Touchpoints (6.9 %)");
  await expect(runAgain()).rejects.toMatchObject({
    reason: "import_paused",
    message: expect.stringContaining("4 of 58 Touchpoints (6.9 %)"),
    wayOut: expect.stringContaining("--delete-threshold"),
  });
  expect(await readRows(importing.database)).toEqual(before);
  expect(await runAgain({ options: { deleteThreshold: 10 } })).toMatchObject({ verified: true });
  expect(await countOf("On the day")).toBe(0);
});

test("cannot delete what people edited, nor what it belongs to, unless the source wins", async () => {
  await query("update journeys.touchpoints set name = 'Ours' where name = 'Inquiry received'");
  await takeOut("Inquiry received");
  const report = await runAgain();
  expect(report).toMatchObject({ verified: true });
  expect(report.collections.every(({ deleted }) => deleted === 0)).toBe(true);
  expect(report.issues.filter(({ reason }) => reason === "gone_but_edited")).toMatchObject([
    { collection: "Touchpoints" },
  ]);
  expect(await countOf("Ours")).toBe(1);
  expect(await runAgain({ options: { onConflict: "source_wins" } })).toMatchObject({ verified: true });
  expect(await countOf("Ours")).toBe(0);
});

test("cannot delete anything because a partial snapshot lacks it", async () => {
  await takeOut("Inquiry received");
  await writeFile(join(sample.folder, "manifest.json"), JSON.stringify({ isPartial: true }));
  const report = await runAgain();
  expect(report.collections.every(({ deleted }) => deleted === 0)).toBe(true);
  expect(await countOf("Inquiry received")).toBe(1);
});

test("cannot delete a client whose location keeps a secret; it stays and is told", async () => {
  await query(
    `set session_replication_role = replica;
     with location as (
       insert into publishing.locations (tenant_id, client_id, ghl_location_id)
       select tenant_id, id, 'loc_gone' from journeys.clients where name = 'Fernwick Estate' returning tenant_id, id
     )
     insert into app_private.location_secrets (tenant_id, location_id, token_ciphertext)
     select tenant_id, id, 'v1:' || repeat('A', 40) from location;
     set session_replication_role = origin`,
  );
  await sample.change("Clients", (records) => records.filter(({ fields }) => fields.Name !== "Fernwick Estate"));
  const report = await runAgain({ options: { deleteThreshold: 100 } });
  expect(report.issues.filter(({ reason }) => reason === "gone_but_held")).toMatchObject([
    { collection: "Clients", detail: expect.stringContaining("secret") },
  ]);
  expect(await query("select count(*)::integer as count from journeys.clients where name = 'Fernwick Estate'")).toEqual(
    [{ count: 1 }],
  );
});

test("can bring a record back that the source has again", async () => {
  const [record] = await query(
    "select record_id from imports.crosswalk c join journeys.touchpoints t on t.id = c.row_id where t.name = 'Note for the crew'",
  );
  let kept: unknown;
  await sample.change("Touchpoints", (records) => {
    kept = records.find(({ id }) => id === record?.record_id);
    return records.filter(({ id }) => id !== record?.record_id);
  });
  await sample.change("Journeys", (records) => {
    for (const { fields } of records)
      fields.Touchpoints = (fields.Touchpoints as string[] | undefined)?.filter((id) => id !== record?.record_id);
    return undefined;
  });
  await runAgain();
  expect(await countOf("Note for the crew")).toBe(0);
  await sample.change("Touchpoints", (records) => [...records, kept as (typeof records)[number]]);
  const report = await runAgain();
  expect(report).toMatchObject({ verified: true });
  expect(report.collections.find(({ name }) => name === "Touchpoints")).toMatchObject({ inserted: 1 });
  expect(await countOf("Note for the crew")).toBe(1);
});
