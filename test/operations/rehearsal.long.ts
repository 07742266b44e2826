/** The rehearsal: a backup, writes before and after a moment, and the server back at that moment with exactly the first ones. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { basesDir, listBackups } from "../../src/database/backups/backup_folder.ts";
import { embeddedPlaces, takeBackupOf } from "../../src/database/backups/embedded_backups.ts";
import { readWholeBackup } from "../../src/database/backups/read_backup.ts";
import { planRestore, restore } from "../../src/database/backups/restore.ts";
import { landfall } from "../support/processes.ts";
import { doctorsLine, type Installation, makeInstallation } from "./installation.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await makeInstallation("migrated");
});
afterAll(() => installation.remove());

const say = () => undefined;

test("is missed by the doctor as long as there is none", async () => {
  expect(await doctorsLine(installation)).toMatch(/^warning +backups +There is none yet\. Run `landfall backup`/);
});

test("can go back to a moment, with exactly what was written before it, and keep what was there", async () => {
  const { config } = installation;
  await installation.write("in-the-backup");
  const { backup } = await takeBackupOf(installation.server().adminUrl, config, "asked");
  expect(backup).toMatchObject({ reason: "asked", isArchived: true, major: config.postgresMajor });
  expect(backup.migration).toMatch(/^\d{6}\.sql$/);
  await installation.write("before");
  const moment = await installation.moment();
  await installation.write("after");
  await installation.stop();

  const plan = await planRestore(config, { to: moment });
  const { content, keptAs } = await restore(config, plan, say);
  expect(content).toMatchObject({ tenants: 2, pendingMigrations: 0 });
  await installation.start();
  expect(await installation.slugs()).toEqual(["in-the-backup", "before"]);
  expect(existsSync(join(keptAs ?? "", "PG_VERSION"))).toBe(true);
  expect(readdirSync(config.dataDir).filter((name) => /restoring|maintenance/.test(name))).toEqual([]);
  expect(await listBackups(embeddedPlaces(config).dir)).toEqual([backup]);
  await installation.write("life-goes-on");
});

test("can list backups and say what a restore would do, and refuses to restore under a running server [LF053]", async () => {
  const { config, variables } = installation;
  const [backup] = await listBackups(embeddedPlaces(config).dir);
  expect(await doctorsLine(installation)).toBe(`ok       backups        The newest, ${backup?.name}, is 0 hours old.`);
  const listed = await landfall(["backup", "list", "--json"], variables);
  expect(JSON.parse(listed.stdout)).toMatchObject({ backups: [backup], logs: [{ segments: expect.any(Number) }] });
  const refused = await landfall(["restore", "--yes", "--json"], variables);
  expect({ code: refused.code, ...JSON.parse(refused.stdout) }).toMatchObject({
    code: 1,
    error: { code: "LF053", wayOut: expect.stringMatching(/^Stop Landfall/) },
  });

  await installation.stop();
  const moment = backup?.finishedAt ?? "";
  const planned = await landfall(["restore", "--to", moment, "--dry-run", "--json"], variables);
  expect(JSON.parse(planned.stdout)).toMatchObject({ backup: backup?.name, to: moment, timeline: 1 });
  const unasked = await landfall(["restore", "--to", moment, "--json"], variables);
  expect({ code: unasked.code, ...JSON.parse(unasked.stdout) }).toMatchObject({ code: 2, error: { code: "LF051" } });
  await installation.start();
  expect(await installation.slugs()).toEqual(["in-the-backup", "before", "life-goes-on"]);
});

test("cannot go back to a moment before the oldest backup [LF454], nor from a backup that is not there [LF453]", async () => {
  const { config } = installation;
  await expect(planRestore(config, { to: "2020-01-01T00:00:00Z" })).rejects.toMatchObject({
    reason: "time_not_covered",
  });
  await expect(planRestore(config, { to: null, backup: "20200101T000000Z" })).rejects.toMatchObject({
    reason: "backup_unknown",
  });
});

test.each([
  [
    "a byte in the middle",
    (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 1_000_000), Buffer.from("?"), bytes.subarray(1_000_001)]),
  ],
  ["its end", (bytes: Buffer) => bytes.subarray(0, bytes.length - 100_000)],
] as const)("cannot take a backup for whole that lost %s [LF452]", async (_what, damage) => {
  const { dir } = embeddedPlaces(installation.config);
  const [backup] = await listBackups(dir);
  if (backup === undefined) throw new Error("There is no backup.");
  const copy = join(installation.config.dataDir, "copy");
  cpSync(join(basesDir(dir), backup.name), copy, { recursive: true });
  await expect(readWholeBackup(copy, backup.files)).resolves.toMatchObject({ files: backup.files });
  writeFileSync(join(copy, "base.tar.gz"), damage(readFileSync(join(copy, "base.tar.gz"))));
  await expect(readWholeBackup(copy, backup.files)).rejects.toMatchObject({ reason: "backup_damaged" });
  rmSync(copy, { recursive: true });
});

test("can end at its next start what a restore began that was cut off between its two renames", async () => {
  const { config } = installation;
  const { pgData } = installation.server();
  await installation.stop();
  const exchange = { made: `${pgData}.restoring`, place: pgData, kept: `${pgData}.kept` };
  renameSync(pgData, exchange.made);
  mkdirSync(exchange.kept);
  const note = join(config.dataDir, "maintenance.json");
  // No process has a number like this.
  writeFileSync(note, JSON.stringify({ pid: 2 ** 30, deed: "a restore", exchange }));
  await installation.start();
  expect(await installation.slugs()).toEqual(["in-the-backup", "before", "life-goes-on"]);
  expect(existsSync(note)).toBe(false);
});
