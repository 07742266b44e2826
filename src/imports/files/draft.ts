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
 * @throws what the body, the check and `take` throw
 */
export async function withDraft(
  folder: string,
  body: AsyncIterable<Buffer>,
  check: (file: StoredFile, beginning: Buffer) => void,
  take: (path: string, file: StoredFile) => Promise<void> | void,
): Promise<StoredFile> {
  await mkdir(folderOf(folder), { recursive: true, mode: 0o700 });
  const path = join(folderOf(folder), randomUUID());
  try {
    const { file, beginning } = await write(path, body);
    check(file, beginning);
    await take(path, file);
    return file;
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * Finds out whether drafts can be written, and clears away what killed processes left.
 *
 * @throws LandfallError `file_store_unusable`
 */
export async function tryDrafts(folder: string): Promise<void> {
  const none = (async function* () {})();
  try {
    await withDraft(folder, none, doNothing, doNothing);
    await clearAbandoned(folderOf(folder));
  } catch (error) {
    fail(
      "file_store_unusable",
      `No files can be written to ${folder}: ${errorMessage(error)}.`,
      "Check LANDFALL_FILES_DIR, the space that is left and your rights there.",
      error,
    );
  }
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

async function write(path: string, body: AsyncIterable<Buffer>): Promise<{ file: StoredFile; beginning: Buffer }> {
  const handle = await open(path, "wx", 0o600);
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
      await handle.writeFile(chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { file: { sha256: hash.digest(), bytes }, beginning };
}
