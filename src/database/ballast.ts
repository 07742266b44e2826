/** Room that an embedded server holds and gives up where its disk is full, so that people can go on working while they make room. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chown, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freeSpace, sizeInWords } from "../disk.ts";
import { errorCode, errorMessage } from "../errors.ts";
import { childLogger } from "../log.ts";
import { ownerOf } from "./server_user.ts";

const log = childLogger({ area: "embedded server" });

/** In bytes: a server that recovers writes a checkpoint and some segments of its log, of 16 MB each. */
const most = 128_000_000;
const least = 32_000_000;

/** No more is held than this share of the room that is left. */
const share = 0.025;

/** With less room than two segments of the log the server is about to stop. */
const fullBelow = 32_000_000;

const lookEveryMs = 1_000;

/** Base backups leave out what begins like this; a server that starts removes such files elsewhere only. */
function ballastOf(pgData: string): string {
  return join(pgData, "pgsql_tmp.ballast");
}

/**
 * Holds room for as long as there is plenty, and gives it up where the disk is nearly full. A server works without as well.
 *
 * @returns once the room is held, where it can be: what ends the holding
 */
export async function holdBallast(pgData: string): Promise<() => Promise<void>> {
  await takeBallast(pgData);
  const end = new AbortController();
  const minding = (async () => {
    while (!end.signal.aborted) {
      await sleep(lookEveryMs, undefined, { signal: end.signal, ref: false }).catch(() => {});
      if (end.signal.aborted) return;
      await mindBallast(pgData).catch((error) =>
        log.debug({ error: errorMessage(error) }, "nobody could look how full the disk is"),
      );
    }
  })();
  return async () => {
    end.abort();
    await minding;
  };
}

async function mindBallast(pgData: string): Promise<void> {
  if (!existsSync(ballastOf(pgData))) await takeBallast(pgData);
  else if ((await freeSpace(pgData)) < fullBelow) await giveUpBallast(pgData);
}

async function takeBallast(pgData: string): Promise<void> {
  const file = ballastOf(pgData);
  const size = Math.min(most, share * (await freeSpace(pgData)));
  if (size < least || existsSync(file)) return;
  try {
    await reserve(file, Math.floor(size));
    const user = ownerOf(pgData);
    if (user !== undefined) await chown(file, user.uid, user.gid);
  } catch (error) {
    log.warn({ error: errorMessage(error) }, "no room is held for a full disk");
    await rm(file, { force: true });
  }
}

/** Linux takes room without writing it; elsewhere it is written. */
async function reserve(file: string, size: number): Promise<void> {
  await writeFile(file, "", { flag: "wx", mode: 0o600 });
  try {
    await promisify(execFile)("fallocate", ["--length", String(size), file]);
  } catch (error) {
    log.debug({ error: errorMessage(error) }, "room is taken by writing it");
    // Random, so that no file system packs it.
    const chunk = crypto.getRandomValues(new Uint8Array(64_000));
    await writeFile(file, Array(Math.floor(size / chunk.length)).fill(chunk));
  }
}

/** @returns whether room was held, which is free now */
export async function giveUpBallast(pgData: string): Promise<boolean> {
  try {
    await rm(ballastOf(pgData));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
  const free = sizeInWords(await freeSpace(pgData));
  log.error({ pgData, free }, "the disk is full; gave up the room that was held for this: make more now");
  return true;
}
