import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { errorCode } from "../../errors.ts";

/** What a file turned out to be. */
export interface StoredFile {
  sha256: Buffer;
  bytes: number;
}

/** Files by the hash of what they hold: the same file is kept once, and no name from outside ever becomes a path. */
export interface FileStore {
  /**
   * Keeps a file.
   *
   * @param check looks at the whole before it is kept, and throws what is wrong with it
   * @throws what the body or the check throws; then nothing is kept
   */
  put(body: AsyncIterable<Buffer>, check: (file: StoredFile, beginning: Buffer) => void): Promise<StoredFile>;
  has(sha256: Buffer): Promise<boolean>;
  read(sha256: Buffer): Readable;
  /** Moves the files of a tenant that is being deleted to where nobody finds them; those that are not there are passed over. */
  setAside(tenantId: string, sha256: readonly Buffer[]): Promise<void>;
  /**
   * Deletes what was set aside for a tenant, and brings back what somebody speaks of after all.
   *
   * @returns how many were deleted
   */
  settleAside(tenantId: string, isSpokenOf: (sha256: Buffer) => Promise<boolean>): Promise<number>;
}

/** The first bytes tell what kind of file it is. */
const beginningBytes = 16;

/**
 * A file store in a folder.
 *
 * @param folder absolute; made where it is missing, closed to others
 */
export function openFolderStore(folder: string): FileStore {
  const pathOf = (sha256: Buffer) => {
    const name = sha256.toString("hex");
    return join(folder, name.slice(0, 2), name);
  };
  return {
    async put(body, check) {
      const incoming = join(folder, "incoming");
      await mkdir(incoming, { recursive: true, mode: 0o700 });
      const draft = join(incoming, randomUUID());
      try {
        const { file, beginning } = await write(draft, body);
        check(file, beginning);
        const path = pathOf(file.sha256);
        await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
        await rename(draft, path);
        return file;
      } finally {
        await rm(draft, { force: true });
      }
    },
    has: async (sha256) => {
      try {
        return (await stat(pathOf(sha256))).isFile();
      } catch (error) {
        if (errorCode(error) === "ENOENT") return false;
        throw error;
      }
    },
    read: (sha256) => createReadStream(pathOf(sha256)),
    async setAside(tenantId, all) {
      const aside = join(folder, "leaving", tenantId);
      await mkdir(aside, { recursive: true, mode: 0o700 });
      for (const sha256 of all) await moveWhereThere(pathOf(sha256), join(aside, sha256.toString("hex")));
    },
    async settleAside(tenantId, isSpokenOf) {
      const aside = join(folder, "leaving", tenantId);
      let deleted = 0;
      for (const name of await namesIn(aside)) {
        const sha256 = Buffer.from(name, "hex");
        if (await isSpokenOf(sha256)) {
          await mkdir(join(pathOf(sha256), ".."), { recursive: true, mode: 0o700 });
          await rename(join(aside, name), pathOf(sha256));
        } else {
          await rm(join(aside, name));
          deleted += 1;
        }
      }
      await rm(aside, { recursive: true, force: true });
      return deleted;
    },
  };
}

async function moveWhereThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error) => {
    if (errorCode(error) !== "ENOENT") throw error;
  });
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error) => {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  });
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
