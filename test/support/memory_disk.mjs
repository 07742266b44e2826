// Where the machine has a disk in memory with room, temporary files go there: a run makes and drops hundreds of small databases.
import { accessSync, constants, existsSync, statfsSync } from "node:fs";

const memoryDisk = "/dev/shm";
/** What a run takes at most, write-ahead log included, and as much again; containers often have 64 MB. */
const leastBytes = 4e9;

/** Points `os.tmpdir()` of this process and of those that it starts there. */
export function useMemoryDisk() {
  if (!existsSync(memoryDisk)) return;
  const { bavail, bsize } = statfsSync(memoryDisk);
  if (bavail * bsize < leastBytes) return;
  accessSync(memoryDisk, constants.W_OK);
  process.env.TMPDIR = memoryDisk;
}
