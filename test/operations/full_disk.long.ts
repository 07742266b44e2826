/** A disk that is really full: a small one in memory, which only root can mount. */
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { errorCode, type LandfallError } from "../../src/errors.ts";
import { type Installation, makeInstallation } from "./installation.ts";

let disk: string;
let installation: Installation;
const losses: LandfallError[] = [];
/** The numbers whose commit was confirmed. */
const kept: number[] = [];

beforeAll(async () => {
  disk = mkdtempSync(join(tmpdir(), "landfall-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1700m,mode=755", "none", disk]);
  installation = await makeInstallation("migrated", undefined, disk);
  await installation.query("create table kept (number integer)");
  await installation.stop();
  await installation.start(undefined, (error) => losses.push(error));
});

afterAll(async () => {
  await installation.remove();
  execFileSync("umount", [disk]);
  rmSync(disk, { recursive: true });
});

const filler = () => join(disk, "filler");
const ballast = () => join(installation.server().pgData, "pgsql_tmp.ballast");

function fillDisk(): void {
  for (const bytes of [10_000_000, 4_096]) {
    try {
      for (;;) appendFileSync(filler(), Buffer.alloc(bytes));
    } catch (error) {
      if (errorCode(error) !== "ENOSPC") throw error;
    }
  }
}

/** Commits one number after the other, each in a segment of the log of its own, until so many are in or the server refuses. */
async function commit(most: number): Promise<void> {
  const client = new pg.Client({ connectionString: installation.server().adminUrl });
  client.on("error", () => {});
  try {
    await client.connect();
    for (let count = 0; count < most; count += 1) {
      await client.query("insert into kept values ($1)", [kept.length]);
      kept.push(kept.length);
      await client.query("select pg_switch_wal()");
    }
  } catch (error) {
    if (error instanceof TypeError) throw error;
  } finally {
    await client.end();
  }
}

/** What the server has, of what it said was kept. */
async function readKept(): Promise<number[]> {
  const rows = await installation.query<{ number: number }>("select number from kept order by number");
  return rows.map(({ number }) => number).filter((number) => number < kept.length);
}

async function untilItAnswers(): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 200) {
    const answers = await installation.query("select 1").catch(() => undefined);
    if (answers) return;
    await sleep(200);
  }
  throw new Error("the server did not come back");
}

test("goes on with the room that is held for it, comes back by itself, and has every row that it said was kept", async () => {
  expect(existsSync(ballast())).toBe(true);
  fillDisk();
  while (existsSync(ballast())) {
    await commit(1);
    await sleep(100);
  }
  await untilItAnswers();
  expect(losses).toEqual([]);
  const before = kept.length;
  await commit(1);
  expect(kept).toHaveLength(before + 1);
  expect(await readKept()).toEqual(kept);
});

test("says what is wrong where no room is left at all, and loses nothing: once there is some, it starts [LF057]", async () => {
  while (losses.length === 0) {
    fillDisk();
    await commit(100);
    await sleep(100);
  }
  expect(losses[0]).toMatchObject({
    code: "LF057",
    message: expect.stringContaining("No space is left on the disk"),
    wayOut: "Free some space there, then start again.",
  });
  await expect(installation.start()).rejects.toMatchObject({ code: "LF057" });

  rmSync(filler());
  await installation.start();
  expect(existsSync(ballast())).toBe(true);
  expect(await readKept()).toEqual(kept);
});
