/** A file on its way into the store: on disk, since what it is called and whether it is kept are known only at its end. */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorMessage, fail } from "../../errors.ts";
import type { StoredFile } from "./file_store.ts";

/** The first bytes tell what kind of file it is. */
const beginningBytes = 16;

/** Nobody writes on a draft for so long: whoever left it was killed. */
const abandonedMs = 24 * 3_600_000;

const folderOf = (store: string) => join(store, "incoming");
const doNothing = () => undefined;

/**
 * Writes a file to the disk, to be taken from there; afterwards the draft is gone.
 *
 * @param folder of the store
 * @param check throws what is wrong with the file
 * @param take keeps the file that lies at the path; it may take it away
 * @throws what the body, the check and `take` throw, and LandfallError `file_store_unusable` where it cannot be written
 */
export async function withDraft(
  folder: string,
  body: AsyncIterable<Buffer>,
  check: (file: StoredFile, beginning: Buffer) => void,
  take: (path: string, file: StoredFile) => Promise<void> | void,
): Promise<StoredFile> {
  await onDisk(folder, mkdir(folderOf(folder), { recursive: true, mode: 0o700 }));
  const path = join(folderOf(folder), randomUUID());
  try {
    const { file, beginning } = await write(folder, path, body);
    check(file, beginning);
    await take(path, file);
    return file;
  } finally {
    await onDisk(folder, rm(path, { force: true }));
  }
}

/**
 * Finds out whether drafts can be written, and clears away what killed processes left.
 *
 * @throws LandfallError `file_store_unusable`
 */
export async function tryDrafts(folder: string): Promise<void> {
  const none = (async function* () {})();
  await withDraft(folder, none, doNothing, doNothing);
  await onDisk(folder, clearAbandoned(folderOf(folder)));
}

/** @throws LandfallError `file_store_unusable` where the work on a store's folder fails */
export async function onDisk<T>(folder: string, work: Promise<T>): Promise<T> {
  return await work.catch((error) =>
    fail(
      "file_store_unusable",
      `The files in ${folder} cannot be reached or written: ${errorMessage(error)}.`,
      "Check LANDFALL_FILES_DIR, the space that is left and your rights there.",
      error,
    ),
  );
}

async function clearAbandoned(drafts: string): Promise<void> {
  const before = Date.now() - abandonedMs;
  for (const name of await readdir(drafts)) {
    const path = join(drafts, name);
    // Whoever writes it may have ended meanwhile.
    const isAbandoned = await stat(path).then(
      ({ mtimeMs }) => mtimeMs < before,
      () => false,
    );
    if (isAbandoned) await rm(path, { force: true });
  }
}

async function write(
  folder: string,
  path: string,
  body: AsyncIterable<Buffer>,
): Promise<{ file: StoredFile; beginning: Buffer }> {
  const handle = await onDisk(folder, open(path, "wx", 0o600));
  const hash = createHash("sha256");
  let bytes = 0;
  let beginning = Buffer.alloc(0);
  try {
    for await (const chunk of body) {
      if (beginning.length < beginningBytes) {
        beginning = Buffer.concat([beginning, chunk.subarray(0, beginningBytes - beginning.length)]);
      }
      hash.update(chunk);
      bytes += chunk.length;
      await onDisk(folder, handle.writeFile(chunk));
    }
    await onDisk(folder, handle.sync());
  } finally {
    await handle.close();
  }
  return { file: { sha256: hash.digest(), bytes }, beginning };
}
