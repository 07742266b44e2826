/**
 * Measures imports: `npm run bench:import`. On one machine, in one run, on the same rows: bare COPY into the same tables with their indexes
 * and foreign keys, row by row, our whole pipeline from a snapshot, the same source once more, and with every hundredth record changed; then a
 * plan, another proof of everything, and the rollback. `-- --million` adds the largest size, `-- --sizes 10000` chooses others, `-- --bases
 * bloom` one of the bases, `-- --rounds 3` takes turns and gives the medians, `-- --live` reads from the stand-in for Airtable
 * instead. A server of its own is started for it, as durable as a real one, and thrown away.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { loadConfig } from "../src/config.ts";
import { startEmbedded } from "../src/database/embedded.ts";
import { migrate } from "../src/database/migrate.ts";
import { localSecrets } from "../src/secrets.ts";
import { type Base, bases } from "./bench/bases.ts";
import { measureLive } from "./bench/live.ts";
import {
  databaseUrl,
  dropDatabase,
  makeDatabase,
  rolePrefix,
  runSql,
  type Server,
  templateName,
} from "./bench/server.ts";
import { copyRows, exportRows, type Imported, importOnce, insertRows, type Measured, workOn } from "./bench/ways.ts";

const options = new Command("npm run bench:import --")
  .description("Measure imports against COPY and against inserting row by row.")
  .option("--sizes <numbers>", "how many records of the largest table, separated by commas", "10000,100000")
  .option("--million", "a million touchpoints, too")
  .option("--bases <mappings>", "the bases to import, separated by commas", "bloom,leadgen")
  .option("--rounds <number>", "how often everything is measured, in turns", Number, 1)
  .option(
    "--live",
    "read 100,000 records from the stand-in for Airtable instead, at its limit of five requests a second",
  )
  .option("--keep <folder>", "keep the generated bases here, and use those that are there")
  .parse()
  .opts<{ sizes: string; million?: boolean; bases: string; rounds: number; live?: boolean; keep?: string }>();

const folder = mkdtempSync(join(tmpdir(), "landfall-bench-"));
/** Written and read by the server, which runs as a user of its own. */
const rowsFolder = join(folder, "rows");
chmodSync(folder, 0o755);
mkdirSync(rowsFolder);
chmodSync(rowsFolder, 0o777);
const { postgresMajor } = loadConfig();
const embedded = await startEmbedded({ dataDir: join(folder, "server"), major: postgresMajor });
try {
  const server: Server = { embedded, secretKey: localSecrets(join(folder, "server")).secretKey };
  await runSql(databaseUrl(server, "landfall"), `create database ${templateName}`);
  const adminUrl = databaseUrl(server, templateName);
  await migrate({ adminUrl, rolePrefix, secretKey: server.secretKey, log: () => {} });
  const chosen = options.bases.split(",");
  for (const base of bases.filter(({ mapping }) => chosen.includes(mapping))) {
    const sizes = options.sizes.split(",").map(Number);
    if (options.million && base === bases[0]) sizes.push(1_000_000);
    if (options.live) await tellLive(server, base, 100_000);
    else tellGrowth(await inTurn(sizes, (size) => compare(server, base, size)));
  }
} finally {
  await embedded.stop();
  rmSync(embedded.pgData, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}

async function inTurn<Item, Result>(items: Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

async function generate(base: Base, size: number): Promise<string> {
  const from = join(options.keep ?? folder, `${base.name}-${size}`);
  await base.generate(from, size);
  return from;
}

/** All ways, in turns. */
async function compare(server: Server, base: Base, size: number): Promise<{ size: number; seconds: number }> {
  const from = await generate(base, size);
  const edited = `${from}-edited`;
  await base.edit(from, edited);
  tell(`\n${size.toLocaleString("en")} ${base.name}`);
  const found = { copied: [], inserted: [], asPeople: [], first: [], again: [], changed: [], beside: [] } as {
    copied: Measured[];
    inserted: Measured[];
    asPeople: Measured[];
    first: Imported[];
    again: Imported[];
    changed: Imported[];
    beside: Beside[];
  };
  for (let round = 1; round <= options.rounds; round += 1) {
    const ours = await makeDatabase(server, "ours");
    const tenantId = await makeTenant(ours);
    const order = { tenantId, mapping: base.mapping, from };
    found.first.push(await importOnce(server, ours, order));
    const rows = await exportRows(ours, base, rowsFolder);
    found.copied.push(await copyRows(server, "copied", tenantId, rows));
    found.again.push(await importOnce(server, ours, order));
    found.inserted.push(await insertRows(server, "inserted", tenantId, base, rows, ours, false));
    found.asPeople.push(await insertRows(server, "as_people", tenantId, base, rows, ours, true));
    const changed = await importOnce(server, ours, { ...order, from: edited });
    found.changed.push(changed);
    const { batchId, rows: records } = changed;
    const work = (what: "plan" | "verify" | "roll back") =>
      workOn(server, ours, { ...order, from: edited, work: what, batchId }, records);
    found.beside.push({
      planned: await work("plan"),
      verified: await work("verify"),
      takenBack: await work("roll back"),
      allTakenBack: await takeAllBack(server, ours, order, found),
    });
  }
  for (const name of ["ours", "copied", "inserted", "as_people"]) await dropDatabase(server, name);
  tellComparison(found);
  return { size, seconds: median(found.first.map(({ seconds }) => seconds)) };
}

/** What is done besides bringing rows in. */
interface Beside {
  planned: Measured & { peakMegabytes: number };
  verified: Measured & { peakMegabytes: number };
  takenBack: Measured & { peakMegabytes: number };
  allTakenBack: Measured & { peakMegabytes: number };
}

/** The import of the unchanged source, which wrote nothing, and then the first one: every row. */
async function takeAllBack(
  server: Server,
  url: string,
  order: Parameters<typeof importOnce>[2],
  { first, again }: { first: Imported[]; again: Imported[] },
): Promise<Beside["allTakenBack"]> {
  const unchanged = again.at(-1) as Imported;
  const { batchId, rows } = first.at(-1) as Imported;
  await workOn(server, url, { ...order, work: "roll back", batchId: unchanged.batchId }, unchanged.rows);
  return await workOn(server, url, { ...order, work: "roll back", batchId }, rows);
}

/** How the time grows with the records. */
function tellGrowth(measured: { size: number; seconds: number }[]): void {
  for (const [index, { size, seconds }] of measured.entries()) {
    const before = measured[index - 1];
    if (before === undefined) continue;
    tell(
      `  ${size.toLocaleString("en")} take ${(seconds / before.seconds).toFixed(1)} times as long as ${before.size.toLocaleString("en")}`,
    );
  }
}

async function makeTenant(url: string): Promise<string> {
  const [tenant] = await runSql<{ id: string }>(
    url,
    "insert into tenancy.tenants (name, slug) values ('Bench', 'bench') returning id",
  );
  return tenant?.id as string;
}

function tellComparison(found: {
  copied: Measured[];
  inserted: Measured[];
  asPeople: Measured[];
  first: Imported[];
  again: Imported[];
  changed: Imported[];
  beside: Beside[];
}): void {
  tell(`${" ".repeat(32)}rows/s         s    CPU s    MB WAL`);
  const rate = (each: Measured) => each.rows / each.seconds;
  const ofCpu = (each: Measured) => each.rows / (each.cpuSeconds ?? Number.NaN);
  const line = (name: string, measured: Measured[]) => {
    const typical = (value: (each: Measured) => number) => median(measured.map(value));
    tell(
      `  ${name.padEnd(24)} ${count(typical(rate)).padStart(9)} ${typical(({ seconds }) => seconds)
        .toFixed(1)
        .padStart(11)} ${typical(({ cpuSeconds }) => cpuSeconds ?? Number.NaN)
        .toFixed(1)
        .padStart(8)} ${count(typical(({ walBytes }) => walBytes) / 1e6).padStart(9)}`,
    );
  };
  const steps = (imported: Imported[]) => {
    for (const name of Object.keys(imported[0]?.steps ?? {})) {
      const seconds = median(imported.map((each) => each.steps[name] as number));
      const share = median(imported.map((each) => (each.steps[name] as number) / each.seconds));
      tell(`    ${name.padEnd(32)} ${seconds.toFixed(1).padStart(11)} ${`${(100 * share).toFixed(0)} %`.padStart(8)}`);
    }
  };
  line("bare COPY", found.copied);
  line(`row by row (${count(found.inserted[0]?.rows ?? 0)})`, found.inserted);
  line("  with audit and policies", found.asPeople);
  line("whole pipeline", found.first);
  steps(found.first);
  line("unchanged, once more", found.again);
  steps(found.again);
  line("every hundredth changed", found.changed);
  steps(found.changed);
  const beside = (what: keyof Beside) => found.beside.map((each) => each[what]);
  line("a plan of that", beside("planned"));
  line("all of it proved anew", beside("verified"));
  line("the changes taken back", beside("takenBack"));
  line("everything taken back", beside("allTakenBack"));
  const ratio = (one: Measured[], other: Measured[], value: (each: Measured) => number) =>
    median(one.map((each, round) => value(each) / value(other[round] as Measured)));
  const ratios = (name: string, one: Measured[], other: Measured[], value = rate, cpuValue = ofCpu) =>
    tell(
      `  ${name.padEnd(44)} ${ratio(one, other, value).toFixed(2).padStart(6)} by the clock ${ratio(one, other, cpuValue).toFixed(2).padStart(6)} by the processors`,
    );
  ratios("whole pipeline / bare COPY", found.first, found.copied);
  ratios("whole pipeline / row by row", found.first, found.inserted);
  ratios("whole pipeline / row by row, audit, policies", found.first, found.asPeople);
  ratios("bare COPY / row by row", found.copied, found.inserted);
  ratios("once more / whole pipeline", found.again, found.first);
  ratios("a hundredth changed / whole pipeline", found.changed, found.first);
  const processes = [
    found.first,
    found.again,
    found.changed,
    ...found.beside.map((each) => Object.values(each)),
  ].flat();
  const peak = Math.max(...processes.map(({ peakMegabytes }) => peakMegabytes));
  tell(`  peak memory of the importing process: ${peak.toFixed(0)} MB`);
}

async function tellLive(server: Server, base: Base, size: number): Promise<void> {
  const from = await generate(base, size);
  const url = await makeDatabase(server, "live");
  const live = await measureLive(server, url, await makeTenant(url), base, from);
  await dropDatabase(server, "live");
  tell(`\n${count(live.records)} records read live, five requests a second`);
  tell(
    `  requests                 ${count(live.requests).padStart(9)}, of these refused for being too fast: ${live.refused}`,
  );
  tell(`  the limit allows         ${live.allowedSeconds.toFixed(1).padStart(9)} s`);
  tell(
    `  reading and landing took ${live.landSeconds.toFixed(1).padStart(9)} s, ${(100 * (live.landSeconds / live.allowedSeconds - 1)).toFixed(1)} % more`,
  );
  tell(`  from the last answer until it had landed: ${live.behindSeconds.toFixed(2)} s`);
  tell(`  whole import             ${live.seconds.toFixed(1).padStart(9)} s`);
}

function median(values: number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}
