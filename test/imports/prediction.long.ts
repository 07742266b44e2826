import { planImport, runImport, sampleFolder } from "../../src/imports/run_import.ts";
import { startAirtableSandbox } from "../../src/sandbox/airtable/server.ts";
import { copySample, type Importing, prepareImporting, recordOf } from "./importing.ts";

/** A run is held to what was predicted of it; here the prediction, and faults that are planted to make it wrong. */

let importing: Importing;
let sample: Awaited<ReturnType<typeof copySample>>;

beforeEach(async () => {
  importing = await prepareImporting();
  sample = await copySample();
});

afterEach(async () => {
  await sample.remove();
  await importing.close();
});

const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);

/** Something of everything: new, changed, edited, both, untouched, quarantined. */
async function goOn(): Promise<void> {
  await importing.run(sample.folder);
  await query("update journeys.pipelines set name = 'Ours' where name in ('Wedding enquiries', 'Corporate leads')");
  await sample.change("Pipelines", (records) => {
    recordOf(records, "Pipeline Name", "Corporate leads").fields["Pipeline Name"] = "Conference leads";
    return undefined;
  });
  await sample.change("Journeys", (records) => {
    recordOf(records, "Journey Name", "Inquiry to Tour").fields.Goal = "Another";
    recordOf(records, "Journey Name", "Winter Tasting").fields.Client = recordOf(
      records,
      "Journey Name",
      "Inquiry to Tour",
    ).fields.Client;
    return undefined;
  });
}

test("can predict every outcome of a second import, and then meets it", async () => {
  await goOn();
  const plan = await planImport(importing.request(sample.folder));
  const report = await importing.run(sample.folder);
  expect(report).toMatchObject({ verified: true });
  expect(plan.collections).toEqual(report.collections);
  expect(plan.collections.find(({ name }) => name === "Pipelines")).toMatchObject({
    unchanged: 4,
    skipped: 1,
    conflicts: 1,
  });
  expect(plan.collections.find(({ name }) => name === "Journeys")).toMatchObject({ inserted: 1, updated: 1 });
  const predictions = (batchId: string) =>
    query(
      `select c.name, p.field, p.fate, p.predicted from imports.predictions p
       join imports.collections c on c.tenant_id = p.tenant_id and c.id = p.collection_id
       where c.batch_id = $1 order by c.name, p.field, p.fate`,
      [batchId],
    );
  expect(await predictions(plan.batchId)).toEqual(await predictions(report.batchId));
  expect(await query("select from imports.predictions where actual <> predicted")).toEqual([]);
});

test("can say how many calls a live base takes and how long, and then makes as many", async () => {
  const apiKey = "patTest.of.the.sandbox";
  const sandbox = await startAirtableSandbox({ folder: sampleFolder, apiKey, limits: { perBase: 1_000 } });
  const from = `airtable:${sandbox.baseId}`;
  const clock = { now: Date.now, sleep: async () => {} };
  const access = { airtable: { apiKey, endpointUrl: sandbox.url }, clock };
  try {
    const plan = await planImport(importing.request(from, { access }));
    // One for the schema at either end, one for each of nine tables of at most a hundred records.
    expect(plan).toMatchObject({ calls: 11, readingMinutes: 0.04, workingMinutes: expect.any(Number) });
    expect(await planImport(importing.request(sampleFolder, { access }))).toMatchObject({ calls: 11 });
    const report = await runImport(importing.request(from, { access }));
    expect(await query("select calls, actual_calls from imports.plans where batch_id = $1", [report.batchId])).toEqual([
      { calls: 11, actual_calls: 11 },
    ]);
  } finally {
    await sandbox.close();
  }
});

const planOf = async (batchId: string) =>
  (
    await query(
      `select origin.batch_id as origin, plan.passed_over from imports.plans plan
       left join imports.plans origin on origin.tenant_id = plan.tenant_id and origin.id = plan.origin_id
       where plan.batch_id = $1`,
      [batchId],
    )
  )[0];

test("can be held to the plan that was made before, as long as nothing has changed since", async () => {
  await goOn();
  const plan = await planImport(importing.request(sample.folder));
  const held = await importing.run(sample.folder);
  expect(held).toMatchObject({ verified: true });
  expect(await planOf(held.batchId)).toEqual({ origin: plan.batchId, passed_over: null });
  // It counts once: the next import was not planned.
  expect(await planOf((await importing.run(sample.folder)).batchId)).toEqual({ origin: null, passed_over: null });
});

test("can pass a plan over once the source, the rows or the options are others, and says why", async () => {
  await goOn();
  await planImport(importing.request(sample.folder));
  await sample.change("Pipelines", (records) => {
    recordOf(records, "Pipeline Name", "Conference leads").fields["Pipeline Name"] = "Congress leads";
    return undefined;
  });
  await query("update journeys.journeys set goal = 'Ours' where name = 'Inquiry to Tour'");
  const report = await runImport(importing.request(sample.folder, { options: { onConflict: "database_wins" } }));
  expect(report).toMatchObject({ verified: true });
  expect(await planOf(report.batchId)).toEqual({
    origin: null,
    passed_over:
      "The plan that was made before no longer counts: it was made with other options, records that have changed: 1, people have changed rows or merges here.",
  });
});

test("can foresee that something will hold on to what is gone", async () => {
  await importing.run(sample.folder);
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
  const plan = await planImport(importing.request(sample.folder, { options: { deleteThreshold: 100 } }));
  expect(plan.report).toMatchObject({ status: "planned" });
  expect(plan.report.issues.filter(({ reason }) => reason === "gone_but_held")).toHaveLength(1);
  const report = await runImport(importing.request(sample.folder, { options: { deleteThreshold: 100 } }));
  expect(plan.collections).toEqual(report.collections);
  expect(await planOf(report.batchId)).toMatchObject({ origin: plan.batchId });
});

test("can foresee what the table itself refuses, children and all", async () => {
  await query(
    "alter table journeys.touchpoints add constraint touchpoints_no_calls_check check (name <> 'Thank you' and name <> 'Inquiry received')",
  );
  const plan = await planImport(importing.request(sampleFolder));
  const report = await importing.run(sampleFolder);
  expect(report).toMatchObject({ status: "incomplete", verified: true });
  expect(plan.collections).toEqual(report.collections);
});

const faults = {
  "a decoder that bends a value": {
    plant: `create function public.fault() returns trigger language plpgsql as $$ begin
        new.rows := jsonb_set(new.rows, '{journeys.journeys,0,goal}', '"bent"'); return new; end $$;
      create trigger fault before insert on app_private.import_payloads for each row
        when (new.rows ? 'journeys.journeys' and new.source_text like '%Open Day in May%') execute function public.fault()`,
    name: "records that ended as predicted",
  },
  "a loader that counts wrongly": {
    plant: `create function public.fault() returns trigger language plpgsql as $$ begin new.outcome := 'unchanged'; return new; end $$;
      create trigger fault before insert on imports.records for each row when (new.outcome = 'updated') execute function public.fault()`,
    name: "records that ended as predicted",
  },
  "a loader that loses a record's outcome": {
    plant: `create function public.fault() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger fault before insert on imports.records for each row when (new.outcome = 'inserted') execute function public.fault()`,
    name: "records that ended as predicted",
  },
  "a fate that is counted twice": {
    plant: `create function public.fault() returns trigger language plpgsql as $$ begin new.exact := new.exact + 1; return new; end $$;
      create trigger fault before update on imports.fields for each row when (old.name = 'Touchpoint' and new.quarantined > old.quarantined) execute function public.fault()`,
    name: "fields whose cells ended as predicted",
  },
};

test.each(Object.entries(faults))(
  "cannot pass off %s: the batch fails and names it",
  async (_name, { plant, name }) => {
    await goOn();
    // As if it were by other code, so that nothing is carried over.
    await query("update imports.batches set verifier_hash = null");
    const plan = await planImport(importing.request(sample.folder));
    await query(plant);
    const report = await runImport(importing.request(sample.folder));
    expect(await planOf(report.batchId)).toMatchObject({ origin: plan.batchId });
    expect(report).toMatchObject({ status: "failed", verified: false });
    const differing = report.checks.filter((check) => check.name === name && check.expected !== check.actual);
    expect(differing).not.toEqual([]);
    for (const { offending } of differing) expect(offending.length).toBeGreaterThan(0);
  },
);
