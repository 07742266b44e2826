/** Room that an embedded server holds and gives up where its disk is full, so that it can start again and people can work while they make room. */
import { chown, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freeSpace } from "../disk.ts";
import { errorCode, errorMessage } from "../errors.ts";
import { childLogger } from "../log.ts";
import { ownerOf } from "./server_user.ts";

const log = childLogger({ area: "embedded server" });

/** In bytes: a server that recovers writes a checkpoint and some segments of its log, of 16 MB each. */
const most = 128_000_000;
const least = 32_000_000;

/** No more is held than this share of the room that is left. */
const share = 0.025;

/** Base backups leave out what begins like this; a server that starts removes such files elsewhere only. */
function ballastOf(pgData: string): string {
  return join(pgData, "pgsql_tmp.ballast");
}

/** Takes the room where it is not held yet and plenty is left. A server works without as well. */
export async function takeBallast(pgData: string): Promise<void> {
  const file = ballastOf(pgData);
  try {
    const size = Math.min(most, share * (await freeSpace(pgData)));
    if (size < least) return;
    // Random, so that no file system packs it.
    const chunk = crypto.getRandomValues(new Uint8Array(64_000));
    await writeFile(file, Array(Math.floor(size / chunk.length)).fill(chunk), { flag: "wx", mode: 0o600 });
    const user = ownerOf(pgData);
    if (user !== undefined) await chown(file, user.uid, user.gid);
  } catch (error) {
    if (errorCode(error) === "EEXIST") return;
    log.warn({ error: errorMessage(error) }, "no room is held for a full disk");
    await rm(file, { force: true });
  }
}

/** @returns whether room was held, which is free now */
export async function giveUpBallast(pgData: string): Promise<boolean> {
  try {
    await rm(ballastOf(pgData));
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}
