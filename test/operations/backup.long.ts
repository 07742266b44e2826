/** Backups and restores under what happens to them: `npm run test:operations`. Some minutes on two cores. */
import { chmodSync, chownSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import pg from "pg";
import { backUpBeforeMigrating } from "../../src/cli/migrate.ts";
import { loadConfig, sandboxToken } from "../../src/config.ts";
import { listBackups } from "../../src/database/backups/backup_folder.ts";
import { embeddedPlaces, takeBackupOf } from "../../src/database/backups/embedded_backups.ts";
import { planRestore, type RestoreRequest, restore } from "../../src/database/backups/restore.ts";
import {
  archiveFolder,
  isSegment,
  isWritten,
  listWal,
  placeOf,
  waitForArchive,
} from "../../src/database/backups/wal_archive.ts";
import { openDatabase } from "../../src/database/connections.ts";
import { beginStory } from "../publishing/story.ts";
import { openTestDatabase, type TestDatabase } from "../support/database.ts";
import { landfall, startLandfall } from "../support/processes.ts";
import { doctorsLine, type Installation, makeInstallation } from "./installation.ts";

let installation: Installation;
beforeEach(async () => {
  installation = await makeInstallation("migrated");
});
afterEach(() => installation.remove());

const say = () => undefined;

async function back(request: RestoreRequest) {
  await installation.stop();
  const plan = await planRestore(installation.config, request);
  const restored = await restore(installation.config, plan, say);
  await installation.start();
  return { plan, ...restored };
}

const take = () => takeBackupOf(installation.server().adminUrl, installation.config, "asked");

test("can be taken while people write, and go back to any moment among their writes", async () => {
  const written: { slug: string; moment: string }[] = [];
  let isWriting = true;
  const writing = Promise.all(
    [1, 2].map(async (writer) => {
      for (let number = 0; isWriting; number++) {
        const slug = `w${writer}-${number}`;
        await installation.write(slug);
        written.push({ slug, moment: await installation.moment() });
      }
    }),
  );
  await sleep(300);
  const { backup } = await take();
  await sleep(1_500);
  isWriting = false;
  await writing;
  const since = written.filter(({ moment }) => moment > backup.finishedAt);
  expect(written.length - since.length).toBeGreaterThan(2);
  expect(since.length).toBeGreaterThan(6);
  for (const share of [0.9, 0.5, 0.1]) {
    const { moment } = since[Math.floor(since.length * share)] as { moment: string };
    await back({ to: moment });
    // What was confirmed before the moment is there, and what was begun after it is not; one writer may have been between the two.
    const before = written.filter((write) => write.moment <= moment).map(({ slug }) => slug);
    const slugs = await installation.slugs();
    expect(slugs).toEqual(expect.arrayContaining(before));
    expect(slugs.length - before.length).toBeLessThanOrEqual(1);
  }
});

test("can go to a moment that an earlier restore undid", async () => {
  await take();
  await installation.write("first");
  const first = await installation.moment();
  await installation.write("second");
  const second = await installation.moment();
  await installation.write("third");
  expect((await back({ to: first })).plan.timeline).toBe(1);
  await installation.write("instead");
  const instead = await installation.moment();
  expect((await back({ to: second })).plan.timeline).toBe(1);
  expect(await installation.slugs()).toEqual(["first", "second"]);
  expect((await back({ to: instead })).plan.timeline).toBe(2);
  expect(await installation.slugs()).toEqual(["first", "instead"]);
  // And on it goes, from a backup of the line that it is on now.
  await take();
  await installation.write("last");
  await back({ to: null });
  expect(await installation.slugs()).toEqual(["first", "instead", "last"]);
});

test("can go to a moment after the last change, and to the newest state after a crash that archived nothing", async () => {
  await take();
  await installation.write("before-the-crash");
  await installation.stop();
  const quiet = new Date().toISOString();
  await back({ to: quiet });
  expect(await installation.slugs()).toEqual(["before-the-crash"]);
  await installation.write("unarchived");
  process.kill(installation.server().pid(), "SIGKILL");
  await back({ to: null });
  expect(await installation.slugs()).toEqual(["before-the-crash", "unarchived"]);
});

test("can begin again from the folder of backups and the secrets alone", async () => {
  const { config, variables } = installation;
  const elsewhere = join(config.dataDir, "elsewhere");
  mkdirSync(elsewhere, { mode: 0o711 });
  const kept = { ...variables, LANDFALL_BACKUPS_DIR: join(elsewhere, "backups") };
  await installation.write("first");
  const taken = await landfall(["backup", "--json"], kept);
  expect(taken.code).toBe(0);
  const { backup } = JSON.parse(taken.stdout);
  await installation.write("archived");
  const [segment] = await installation.query<{ name: string }>("select pg_walfile_name(pg_switch_wal()) as name");
  const archive = archiveFolder(kept.LANDFALL_BACKUPS_DIR, backup.systemIdentifier);
  await waitForArchive(installation.server().adminUrl, archive, segment?.name ?? "");
  const { pgData } = installation.server();
  await installation.stop();
  rmSync(pgData, { recursive: true });
  const lost = await landfall(
    ["restore", "--to", new Date(Date.now() + 60_000).toISOString(), "--yes", "--json"],
    kept,
  );
  expect(JSON.parse(lost.stdout)).toMatchObject({
    error: { code: "LF454", message: expect.stringMatching(/^The log ends at/) },
  });
  const restored = await landfall(["restore", "--yes", "--json"], kept);
  expect(JSON.parse(restored.stdout)).toMatchObject({ content: { tenants: 2 }, keptAs: null });
  await installation.start();
  expect(await installation.slugs()).toEqual(["first", "archived"]);
});

test("can be killed at any moment of a restore, with the old state or the new one at the next start", async () => {
  await take();
  await installation.write("before");
  const moment = await installation.moment();
  await installation.write("after");
  await installation.stop();
  const seen = new Set<string>();
  for (const point of ["Unpacking", "Replaying", "Examining"]) {
    const running = startLandfall(["restore", "--to", moment, "--yes"], installation.variables);
    await running.waitFor(point);
    running.child.kill("SIGKILL");
    await running.ended;
    await installation.start();
    const slugs = await installation.slugs();
    expect([["before", "after"], ["before"]]).toContainEqual(slugs);
    seen.add(slugs.join());
    await installation.stop();
  }
  expect(seen).toContain("before,after");
  await back({ to: moment });
  expect(await installation.slugs()).toEqual(["before"]);
});

test("cannot start a server while a restore is under way, nor restore twice at once [LF053]", async () => {
  await take();
  await installation.stop();
  const running = startLandfall(["restore", "--yes"], installation.variables);
  await running.waitFor("Unpacking");
  await expect(installation.start()).rejects.toMatchObject({
    reason: "already_running",
    message: expect.stringMatching(/^A restore is under way/),
  });
  const plan = await planRestore(installation.config, { to: null });
  await expect(restore(installation.config, plan, say)).rejects.toMatchObject({ reason: "already_running" });
  expect((await running.ended).code).toBe(0);
  await installation.start();
});

test("cannot take a damaged cluster for a backup [LF452]", async () => {
  const [table] = await installation.query<{ path: string }>(
    "select pg_relation_filepath('journeys.journeys_pkey'::regclass) as path",
  );
  const { pgData } = installation.server();
  await installation.stop();
  const file = openSync(join(pgData, table?.path ?? ""), "r+");
  writeSync(file, "landfall", 4_000);
  closeSync(file);
  await installation.start();
  await expect(take()).rejects.toMatchObject({
    reason: "backup_damaged",
    message: expect.stringMatching(/^The cluster/),
  });
  const { dir } = embeddedPlaces(installation.config);
  expect(await listBackups(dir)).toEqual([]);
});

test("can tell that the log cannot be archived [LF456], and end the archive", async () => {
  const { backup } = await take();
  const archive = archiveFolder(embeddedPlaces(installation.config).dir, backup.systemIdentifier);
  await waitForArchive(installation.server().adminUrl, archive, backup.lastSegment);
  chmodSync(archive, 0o500);
  if (process.getuid?.() === 0) chownSync(archive, 0, 0);
  const failing = await landfall(["backup", "--json"], installation.variables);
  expect({ code: failing.code, ...JSON.parse(failing.stdout) }).toMatchObject({
    code: 1,
    error: { code: "LF456", message: expect.stringContaining(archive) },
  });
  expect(await doctorsLine(installation)).toMatch(/^failed +backups +The log cannot be archived: [0-9A-F]{24} at /);
  // The backup is whole all the same.
  expect(await listBackups(embeddedPlaces(installation.config).dir)).toHaveLength(2);
  expect((await landfall(["backup", "stop"], installation.variables)).code).toBe(0);
  expect(await installation.query("show archive_library")).toEqual([{ archive_library: "" }]);
});

test("can keep as many as are asked for, and the log that they need", async () => {
  const { adminUrl } = installation.server();
  const { dir } = embeddedPlaces(installation.config);
  const names: string[] = [];
  for (const kept of [5, 5, 2]) {
    const { backup } = await takeBackupOf(adminUrl, installation.config, "asked", kept);
    await waitForArchive(adminUrl, archiveFolder(dir, backup.systemIdentifier), backup.lastSegment);
    names.push(backup.name);
  }
  const left = await listBackups(dir);
  expect(left.map(({ name }) => name)).toEqual(names.slice(1));
  const segments = await listWal(archiveFolder(dir, left[0]?.systemIdentifier ?? ""));
  expect(segments[0]?.name).toBe(left[0]?.firstSegment);
});

test("can take a backup by itself before migrations change what is there, and none where nothing is to be migrated", async () => {
  const { config } = installation;
  const { dir } = embeddedPlaces(config);
  const database = await openDatabase(config);
  await backUpBeforeMigrating(database, config);
  expect(await listBackups(dir)).toEqual([]);
  const [newest] = await installation.query<{ filename: string; hash: string; previous_hash: string }>(
    `delete from graphile_migrate.migrations
     where filename = (select max(filename) from graphile_migrate.migrations) returning filename, hash, previous_hash`,
  );
  await backUpBeforeMigrating(database, { ...config, backups: { ...config.backups, beforeMigrations: false } });
  expect(await listBackups(dir)).toEqual([]);
  await backUpBeforeMigrating(database, config);
  expect(await listBackups(dir)).toMatchObject([{ reason: "migration", isArchived: false }]);
  await installation.query(
    "insert into graphile_migrate.migrations (hash, previous_hash, filename) values ($1, $2, $3)",
    [newest?.hash, newest?.previous_hash, newest?.filename],
  );
  await installation.write("later");
  await installation.query("select pg_switch_wal()");
  await installation.write("last");
  await installation.stop();
  const [backup] = await listBackups(dir);
  // The server lets go of what nobody has archived, now or later: where it has not, it is done for it.
  const log = await listWal(join(embeddedPlaces(config).pgData, "pg_wal"));
  const isLater = await Promise.all(
    log.map(
      async (file) =>
        isSegment(file.name) && placeOf(file.name) > placeOf(backup?.lastSegment as string) && (await isWritten(file)),
    ),
  );
  const [next, ...others] = log.filter((_, place) => isLater[place]);
  if (others.length > 0) rmSync(next?.path as string);
  await expect(planRestore(config, { to: null })).rejects.toMatchObject({ reason: "time_not_covered" });
  await installation.start();
  await back({ to: backup?.finishedAt as string });
  expect(await installation.slugs()).toEqual([]);
});

test("can find what was published after the moment, by its token, and make nothing twice", async () => {
  const { adminUrl } = installation.server();
  const open = openTestDatabase(adminUrl, installation.config.secretKey);
  const database: TestDatabase = { ...open, drop: () => open.close() };
  const story = await beginStory({}, { database, token: sandboxToken });
  try {
    const journeyId = await story.writeJourney("Published since", [
      { name: "Welcome", type: "email", content: { subject: "Hello", body: "Thank you." } },
      { name: "Nudge", type: "sms", content: { body: "Hi" } },
    ]);
    const approvalId = await story.call("select id from journeys.submit_journey($1)", journeyId);
    await story.call("select id from journeys.review_journey($1, 'approve')", approvalId);
    await take();
    const moment = await installation.moment();
    const publish = async () => story.run(await story.call("select id from journeys.publish_journey($1)", journeyId));
    expect(await publish()).toBe("synced");
    const published = await story.state();
    await back({ to: moment });
    expect(await database.query("select from publishing.remote_objects")).toEqual([]);
    const { findings } = await story.reconcile();
    expect(findings.map(({ kind, asset_kind }) => `${kind} ${asset_kind}`).sort()).toEqual([
      "orphaned custom_value",
      "orphaned folder",
      "orphaned template",
    ]);
    expect(await publish()).toBe("synced");
    const now = await story.state();
    expect(now.templates.map(({ id }) => id)).toEqual(published.templates.map(({ id }) => id));
    expect((await story.reconcile()).findings).toEqual([]);
  } finally {
    await story.end();
  }
});

test("cannot dump as the owner without --enable-row-security, and can with it: every row, no other's", async () => {
  await installation.write("one");
  await installation.write("two");
  const client = new pg.Client({ connectionString: installation.server().adminUrl });
  await client.connect();
  try {
    await client.query(`set role ${loadConfig({}).rolePrefix}_owner`);
    // What pg_dump says first, without the flag and with it.
    await client.query("set row_security = off");
    await expect(client.query("select from tenancy.tenants")).rejects.toMatchObject({ code: "42501" });
    await client.query("set row_security = on");
    expect((await client.query("select from tenancy.tenants")).rowCount).toBe(2);
  } finally {
    await client.end();
  }
});
