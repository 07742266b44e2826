/** A folder that is there whole, or not at all. */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, mkdir, mkdtemp, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { createGzip, type Gzip } from "node:zlib";
import { errorCode } from "./errors.ts";

/** What to say where the folder cannot be written; both throw. */
export interface FolderProblems {
  exists(folder: string): never;
  unwritable(folder: string, error: unknown): never;
}

/** What a file that was written holds. */
export interface WrittenFile {
  bytes: number;
  /** In hexadecimal. */
  sha256: string;
}

/**
 * Writes a folder that others have no access to. It gets its name when everything is on disk; what a killed process leaves is called
 * `<folder>.partial-…`.
 *
 * @param out the folder; it must not be there, or be empty
 * @param write fills the draft, whose path it is given
 * @returns what `write` gives, and the folder's absolute path
 * @throws what the problems throw, and what `write` throws
 */
export async function writeNewFolder<T>(
  out: string,
  problems: FolderProblems,
  write: (draft: string) => Promise<T>,
): Promise<{ folder: string; written: T }> {
  const folder = resolve(out);
  const unwritable = (error: unknown) => problems.unwritable(folder, error);
  const names = await readdir(folder).catch((error) => (errorCode(error) === "ENOENT" ? [] : unwritable(error)));
  if (names.length > 0) problems.exists(folder);
  await mkdir(dirname(folder), { recursive: true }).catch(unwritable);
  const draft = await mkdtemp(`${folder}.partial-`).catch(unwritable);
  try {
    const written = await write(draft);
    await syncFolder(draft);
    await rename(draft, folder);
    await syncFolder(dirname(folder));
    return { folder, written };
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // PostgreSQL's codes begin with digits, and ours with LF.
    return /^E[A-Z]+$/.test(errorCode(error) ?? "") ? unwritable(error) : Promise.reject(error);
  }
}

/** A folder's own entry in its parent is on disk only when the parent is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Windows keeps folders by itself and refuses to be asked.
    if (errorCode(error) !== "EPERM") throw error;
  } finally {
    await handle.close();
  }
}

/** Writes a text as a file of the folder. */
export async function writeWhole(folder: string, path: string, text: string): Promise<WrittenFile> {
  const bytes = Buffer.from(text);
  const handle = await open(join(folder, path), "w", 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** A file that is being written, a quarter of a megabyte at a time. */
export interface GrowingFile {
  write(bytes: Buffer): Promise<void>;
  close(): Promise<WrittenFile>;
}

/** Begins a file; it is packed where its name ends in `.gz`. */
export async function openGrowingFile(path: string): Promise<GrowingFile> {
  const handle = await open(path, "w", 0o600);
  const hash = createHash("sha256");
  const sum = { bytes: 0 };
  const keep = (chunk: Buffer) => append(handle, hash, sum, chunk);
  const gzip = path.endsWith(".gz") ? createGzip() : null;
  const packing = gzip && drain(gzip, keep);
  let waiting: Buffer[] = [];
  let size = 0;
  const flush = async () => {
    const chunk = Buffer.concat(waiting);
    waiting = [];
    size = 0;
    if (gzip === null) await keep(chunk);
    else await new Promise<void>((done, failed) => gzip.write(chunk, (error) => (error ? failed(error) : done())));
  };
  return {
    async write(bytes) {
      waiting.push(bytes);
      size += bytes.length;
      if (size >= 1 << 18) await flush();
    },
    async close() {
      try {
        if (size > 0) await flush();
        gzip?.end();
        await packing;
        await handle.sync();
      } finally {
        await handle.close();
      }
      return { bytes: sum.bytes, sha256: hash.digest("hex") };
    },
  };
}

async function drain(gzip: Gzip, keep: (chunk: Buffer) => Promise<void>): Promise<void> {
  for await (const chunk of gzip as AsyncIterable<Buffer>) await keep(chunk);
}

async function append(handle: FileHandle, hash: Hash, sum: { bytes: number }, chunk: Buffer): Promise<void> {
  hash.update(chunk);
  sum.bytes += chunk.length;
  await handle.writeFile(chunk);
}
