import { readReport } from "../../src/imports/report.ts";
import { followBatch, runImport } from "../../src/imports/run_import.ts";
import { resumeBatch } from "../../src/imports/steer_batch.ts";
import { copySample, type Importing, prepareImporting } from "./importing.ts";

/** Chunks take a thousand records where nothing keeps them together: four of these. */
const pipelines = 3_500;
const unlucky = "Pipeline 2750";

let importing: Importing;
let sample: Awaited<ReturnType<typeof copySample>>;

beforeEach(async () => {
  importing = await prepareImporting();
  sample = await copySample();
  await sample.change("Pipelines", ([first]) =>
    Array.from({ length: pipelines }, (_, index) => ({
      id: `recPip${String(index).padStart(11, "0")}`,
      createdTime: first?.createdTime as string,
      fields: { "Pipeline Name": `Pipeline ${index}`, Client: first?.fields.Client },
    })),
  );
  for (const table of ["Journeys", "Touchpoints", "Versions", "Approvals", "Templates", "Sync History"]) {
    await sample.change(table, () => []);
  }
  await sample.change("Clients", (clients) =>
    clients.map((client) => ({ ...client, fields: { Name: client.fields.Name } })),
  );
});

afterEach(async () => {
  await sample.remove();
  await importing.close();
});

/** Something that no mapping and no catalog knows of refuses one pipeline. */
async function refuseOne(sqlState: string): Promise<void> {
  await importing.database.query(`
    create function public.refuse_one() returns trigger language plpgsql as $$
    begin
      if new.name = '${unlucky}' then raise exception 'not this one' using errcode = '${sqlState}'; end if;
      return new;
    end $$;
    create trigger _999_refuse_one before insert on journeys.pipelines for each row execute function public.refuse_one()`);
}

async function loaded(): Promise<{ chunks: number; rows: number }> {
  const [found] = await importing.database.query<{ chunks: number; rows: number }>(
    `select chunks_loaded as chunks, (select count(*)::integer from journeys.pipelines) as rows
     from imports.collections where name = 'Pipelines'`,
  );
  return found as { chunks: number; rows: number };
}

test("can bring in all others where the table refuses one of them", async () => {
  await refuseOne("23514");
  const report = await importing.run(sample.folder);
  // Nobody could foresee it, and a run that ends otherwise than predicted fails.
  expect(report.checks.filter(({ expected, actual }) => expected !== actual)).toMatchObject([
    { collection: "Pipelines", name: "records that ended as predicted", expected: pipelines, actual: pipelines - 1 },
  ]);
  expect(report.collections.find(({ name }) => name === "Pipelines")).toMatchObject({
    inserted: pipelines - 1,
    quarantined: 1,
  });
  expect(await loaded()).toEqual({ chunks: 4, rows: pipelines - 1 });
});

test("can go on where it stopped: what is in are the first chunks, and all of them", async () => {
  await refuseOne("XX000");
  await expect(runImport(importing.request(sample.folder))).rejects.toMatchObject({ reason: "import_paused" });
  const { chunks, rows } = await loaded();
  expect(chunks).toBeLessThanOrEqual(2);
  expect(rows).toBe(chunks * 1_000);

  await importing.database.query("drop function public.refuse_one() cascade");
  const { pool, tenantId } = importing;
  const [batch] = await importing.database.query<{ id: string }>("select id from imports.batches");
  await resumeBatch(pool, tenantId, batch?.id as string);
  await followBatch({ pool, tenantId, access: importing.request(sample.folder).access }, batch?.id as string);
  expect(await readReport(pool, tenantId, batch?.id as string)).toMatchObject({ status: "completed", verified: true });
  expect(await loaded()).toEqual({ chunks: 4, rows: pipelines });
});

test("can load one chunk after the other where one holds what another needs", async () => {
  // The first row of each chunk takes the same lock and keeps it: whoever comes later in the order may have it first.
  await importing.database.query(`
    create table public.bottleneck (id integer primary key);
    insert into public.bottleneck values (1);
    grant all on public.bottleneck to public;
    create function public.take_turns() returns trigger language plpgsql as $$
    begin
      if new.name in ('Pipeline 900', 'Pipeline 1000') then perform from public.bottleneck for update; end if;
      return new;
    end $$;
    create trigger _999_take_turns before insert on journeys.pipelines for each row execute function public.take_turns()`);
  expect(await importing.run(sample.folder)).toMatchObject({ status: "completed", verified: true });
  expect(await loaded()).toEqual({ chunks: 4, rows: pipelines });
});
