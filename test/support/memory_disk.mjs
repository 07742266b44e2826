// Where the machine has a disk in memory with room, temporary files go there: a run makes and drops hundreds of small databases.
import { accessSync, constants, statfsSync } from "node:fs";

const memoryDisk = "/dev/shm";
/** What a run takes at most, write-ahead log included, and as much again; containers often have 64 MB. */
const leastBytes = 4e9;

/** Points `os.tmpdir()` of this process and of those that it starts there. */
export function useMemoryDisk() {
  if (hasRoom()) process.env.TMPDIR = memoryDisk;
}

function hasRoom() {
  try {
    accessSync(memoryDisk, constants.W_OK);
    const { bavail, bsize } = statfsSync(memoryDisk);
    return bavail * bsize >= leastBytes;
  } catch {
    return false; // Not a machine that has one.
  }
}
