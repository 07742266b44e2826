import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Airtable from "airtable";
import { runImport, sampleFolder } from "../../src/imports/run_import.ts";
import { openAirtable } from "../../src/imports/sources/airtable.ts";
import type { SourceRecord } from "../../src/imports/sources/source.ts";
import { type AirtableSandbox, startAirtableSandbox } from "../../src/sandbox/airtable/server.ts";
import { type Importing, prepareImporting } from "./importing.ts";

const apiKey = "patTest.of.the.sandbox";
const many = 512;

/** Time that passes only when somebody sleeps: thirty seconds of penalty take none. */
function makeClock() {
  let now = Date.UTC(2026, 10, 20);
  return {
    now: () => now,
    sleep: async (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

let folder: string;
let sandbox: AirtableSandbox;
let clock: ReturnType<typeof makeClock>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "landfall-base-"));
  await mkdir(join(folder, "records"));
  const table = {
    id: "tblMany",
    name: "Many / of them",
    fields: [{ id: "fldName", name: "Name", type: "singleLineText" }],
  };
  await writeFile(join(folder, "schema.json"), JSON.stringify({ baseId: "appMany", tables: [table] }));
  const lines = Array.from(
    { length: many },
    (_, index) =>
      `{"id":"rec${String(index).padStart(14, "0")}", "createdTime":"2026-01-01T00:00:00.000Z","fields":{"Name":"${index}", "Big":9007199254740993}}`,
  );
  await writeFile(join(folder, "records", `${table.id}.ndjson`), lines.join("\n"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  clock = makeClock();
  sandbox = await startAirtableSandbox({ folder, apiKey, now: clock.now });
});

afterEach(() => sandbox.close());

const open = (changes: Partial<Parameters<typeof openAirtable>[0]> = {}) =>
  openAirtable({ baseId: sandbox.baseId, apiKey, endpointUrl: sandbox.url, clock, retryDelayMs: 1, ...changes });

async function readAll(
  source = open(),
  from: string | null = null,
): Promise<{ records: SourceRecord[]; pages: number }> {
  const [collection] = (await source.schema()).collections;
  const records: SourceRecord[] = [];
  let pages = 0;
  for await (const page of source.pages(collection as NonNullable<typeof collection>, from)) {
    records.push(...page.records);
    pages += 1;
  }
  return { records, pages };
}

test("can read every page, each record byte for byte", async () => {
  const { records, pages } = await readAll();
  expect([records.length, pages]).toEqual([many, 6]);
  expect(new Set(records.map(({ id }) => id)).size).toBe(many);
  expect(records[7]?.bytes.toString()).toBe(
    '{"id":"rec00000000000007", "createdTime":"2026-01-01T00:00:00.000Z","fields":{"Name":"7", "Big":9007199254740993}}',
  );
});

test("cannot exceed five requests a second", async () => {
  const source = open();
  await readAll(source);
  await readAll(source);
  expect(sandbox.requests.every(({ status }) => status === 200)).toBe(true);
  for (const { at } of sandbox.requests) {
    expect(sandbox.requests.filter((other) => other.at >= at && other.at < at + 1_000).length).toBeLessThanOrEqual(5);
  }
});

test("can sit out the penalty of thirty seconds without asking once", async () => {
  // Somebody else uses up the base's budget.
  for (let index = 0; index < 6; index += 1) {
    await fetch(`${sandbox.url}/v0/meta/bases/appMany/tables`, { headers: { authorization: `Bearer ${apiKey}` } });
  }
  const punishedAt = sandbox.requests.find(({ status }) => status === 429)?.at as number;
  const before = sandbox.requests.length;
  const source = open();
  const { records } = await readAll(source);
  expect(records).toHaveLength(many);
  const [refused, next] = sandbox.requests.slice(before);
  expect(refused?.status).toBe(429);
  expect(next?.status).toBe(200);
  expect((next?.at ?? 0) - punishedAt).toBeGreaterThanOrEqual(30_000);
  expect(source.takeCalls()[0]).toMatchObject({ status: 429, problem: "RATE_LIMIT_REACHED" });
});

test("can begin a collection again when its offset has expired", async () => {
  sandbox.faults.expireNextOffset();
  const { records, pages } = await readAll();
  expect(pages).toBe(7);
  expect(new Set(records.map(({ id }) => id)).size).toBe(many);
});

test("can get over cut connections, bad gateways, HTML and cut answers", async () => {
  sandbox.faults.order("none", "reset", "unavailable", "html", "truncated", "none", "truncated");
  const source = open();
  expect((await readAll(source)).records).toHaveLength(many);
  expect(source.takeCalls().filter(({ problem }) => problem !== null)).toHaveLength(5);
});

test("can get over connections cut within an answer, packed answers cut short, a record told twice and every kind of 5xx", async () => {
  sandbox.faults.order("none", "reset-within", "gzip-cut", "bad-gateway", "server-error", "none", "repeat");
  const source = open();
  const { records } = await readAll(source);
  expect(records).toHaveLength(many + 1);
  expect(new Set(records.map(({ id }) => id)).size).toBe(many);
  expect(
    source
      .takeCalls()
      .map(({ status }) => status)
      .slice(0, 6),
  ).toEqual([200, 200, 200, 502, 500, 200]);
});

test("can wait as long as Retry-After says", async () => {
  sandbox.faults.order("unavailable-for-a-second");
  const before = clock.now();
  await open().schema();
  expect(clock.now() - before).toBeGreaterThanOrEqual(1_000);
});

test("can leave a connection that falls silent, or is never made", async () => {
  sandbox.faults.order("stall", "stall");
  const timeouts = { connectMs: 5_000, idleMs: 50 };
  const source = open({ timeouts });
  expect((await readAll(source)).records).toHaveLength(many);
  expect(
    source
      .takeCalls()
      .slice(0, 2)
      .map(({ status, problem }) => [status, problem]),
  ).toEqual([
    [null, "nothing came for 0.05 s"],
    [null, "nothing came for 0.05 s"],
  ]);
});

test("cannot wait for ever when somebody else uses the base up: airtable_unreachable", async () => {
  sandbox.faults.order(...Array.from({ length: 30 }, () => "rate" as const));
  await expect(open().schema()).rejects.toMatchObject({
    reason: "airtable_unreachable",
    message: expect.stringContaining("10 minutes"),
  });
});

test("cannot read with a wrong token, and says what to set: airtable_token", async () => {
  await expect(open({ apiKey: "patWrong" }).schema()).rejects.toMatchObject({
    reason: "airtable_token_refused",
    wayOut: expect.stringContaining("AIRTABLE_API_KEY"),
  });
});

test("cannot read a base that is not there: airtable_forbidden", async () => {
  await expect(open({ baseId: "appOther" }).schema()).rejects.toMatchObject({ reason: "airtable_forbidden" });
});

test("cannot go on when the month's calls are used up: airtable_quota", async () => {
  sandbox.faults.order("quota");
  await expect(open().schema()).rejects.toMatchObject({ reason: "airtable_quota" });
  expect(sandbox.requests).toHaveLength(1);
});

test("cannot read without a network: airtable_unreachable", async () => {
  const { url } = sandbox;
  await sandbox.close();
  await expect(open({ endpointUrl: url }).schema()).rejects.toMatchObject({ reason: "airtable_unreachable" });
});

test("can serve the unmodified airtable package", async () => {
  const Client = createRequire(import.meta.url)("airtable") as typeof Airtable;
  const table = new Client({ apiKey, endpointUrl: sandbox.url }).base("appMany")("tblMany");
  const [first] = await table.select({ maxRecords: 100 }).firstPage();
  expect(first?.get("Name")).toBe("0");
  expect((await table.find("rec00000000000009")).get("Name")).toBe("9");
});

describe("a base imported live", () => {
  let importing: Importing;

  beforeEach(async () => {
    importing = await prepareImporting();
    await sandbox.close();
    sandbox = await startAirtableSandbox({ folder: sampleFolder, apiKey, now: clock.now });
  });

  afterEach(() => importing.close());

  const access = () => ({ airtable: { apiKey, endpointUrl: sandbox.url }, clock, retryDelayMs: 1 });

  test("can meet the rows that a snapshot of it made", async () => {
    await importing.run(sampleFolder);
    const report = await runImport(importing.request(`airtable:${sandbox.baseId}`, { access: access() }));
    expect(report).toMatchObject({ status: "incomplete", verified: true });
    expect(report.collections.map(({ inserted, updated }) => inserted + updated)).toEqual(
      report.collections.map(() => 0),
    );
    expect(report.calls).toBeGreaterThanOrEqual(9);
  });

  test("can be paused by a revoked token, and goes on where it stopped", async () => {
    const request = importing.request(`airtable:${sandbox.baseId}`, {
      access: access(),
      onProgress: (_step, collection) => {
        if (collection === "Journeys") sandbox.faults.isTokenRevoked = true;
      },
    });
    await expect(runImport(request)).rejects.toMatchObject({
      reason: "import_paused",
      wayOut: expect.stringContaining("AIRTABLE_API_KEY"),
    });
    sandbox.faults.isTokenRevoked = false;
    const before = sandbox.requests.length;
    expect(await runImport({ ...request, onProgress: undefined })).toMatchObject({
      status: "incomplete",
      verified: true,
    });
    expect(sandbox.requests.slice(before).some(({ path }) => path.includes("Clients"))).toBe(false);
  });
});
