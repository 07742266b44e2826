import { fail, LandfallError } from "../../errors.ts";
import type { FileStore } from "./file_store.ts";

export interface MoveOptions {
  from: FileStore;
  to: FileStore;
  /** Whether a row names a file. One that none does may be of a tenant that was deleted, and stays where it is. */
  isSpokenOf: (sha256: Buffer) => Promise<boolean>;
  /** Whether the files stay where they were, too. */
  isCopy: boolean;
  /** Told how many files have come over. */
  onProgress?: (files: number) => void;
}

export interface MovedFiles {
  files: number;
  bytes: number;
  /** SHA-256 of those that did not come over, because one of the stores has something else under their name. */
  damaged: string[];
  /** SHA-256 of those that no row names. */
  unclaimed: string[];
}

/** How many files are on their way at a time. */
const atOnce = 4;

/**
 * Moves every file of a store into another one. Each is read back from there, and goes from here only then; broken off, it is called again.
 *
 * @throws LandfallError `files_leaving` where files of a tenant are set aside, and what the stores throw
 */
export async function moveFiles(options: MoveOptions): Promise<MovedFiles> {
  const { from, onProgress = () => undefined } = options;
  if (await from.hasAside()) {
    fail(
      "files_leaving",
      `In ${from.place} files are set aside for a tenant that is being deleted.`,
      "Finish that first: landfall tenant delete <slug>.",
    );
  }
  const moved: MovedFiles = { files: 0, bytes: 0, damaged: [], unclaimed: [] };
  const all = from.all();
  const work = async () => {
    for await (const sha256 of all) {
      const bytes = await moveFile(options, sha256);
      if (typeof bytes === "string") {
        moved[bytes].push(sha256.toString("hex"));
        continue;
      }
      moved.files += 1;
      moved.bytes += bytes;
      onProgress(moved.files);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return moved;
}

/** @returns its size, or why it stays */
async function moveFile(
  { from, to, isSpokenOf, isCopy }: MoveOptions,
  sha256: Buffer,
): Promise<number | "damaged" | "unclaimed"> {
  if (!(await isSpokenOf(sha256))) return "unclaimed";
  try {
    const body = await from.read(sha256);
    if (body === null) return "damaged";
    const { bytes } = await to.put(body, () => undefined);
    const copy = await to.read(sha256);
    if (copy === null) return "damaged";
    for await (const _chunk of copy);
    if (!isCopy) await from.remove(sha256);
    return bytes;
  } catch (error) {
    if (error instanceof LandfallError && error.reason === "file_damaged") return "damaged";
    throw error;
  }
}
