import type { Readable } from "node:stream";

/** What a file turned out to be. */
export interface StoredFile {
  sha256: Buffer;
  bytes: number;
}

/**
 * Files by the hash of what they hold: the same file is kept once, and no name from outside ever becomes a path. Where they are is the
 * store's own affair, and nobody outside of it is told an address.
 *
 * Every function throws LandfallError `file_store_unusable` where the store cannot be used as configured.
 */
export interface FileStore {
  /** Where the files are, for whoever runs Landfall: a folder, or `s3://bucket/prefix`. */
  place: string;
  /** Finds out whether the store can be used: to read alone, or to change it, too. Called before there is work that needs it. */
  tryOut(use: "read" | "change"): Promise<void>;
  /**
   * Keeps a file. Whoever keeps the same one at the same time does no harm.
   *
   * @param check looks at the whole before it is kept, and throws what is wrong with it
   * @throws what the body or the check throws; then nothing is kept
   */
  put(body: AsyncIterable<Buffer>, check: (file: StoredFile, beginning: Buffer) => void): Promise<StoredFile>;
  has(sha256: Buffer): Promise<boolean>;
  /**
   * A file, held against its hash while it is read: one that is not what it should be never comes whole, and its stream ends in
   * `file_damaged`.
   *
   * @returns null where there is no such file
   */
  read(sha256: Buffer): Promise<Readable | null>;
  /** The hashes of all files, but for those that are set aside. */
  all(): AsyncIterable<Buffer>;
  /** Deletes a file; does nothing where it is not there. */
  remove(sha256: Buffer): Promise<void>;
  /** Moves the files of a tenant that is being deleted to where nobody finds them; those that are not there are passed over. */
  setAside(tenantId: string, sha256: readonly Buffer[]): Promise<void>;
  /**
   * Deletes what was set aside for a tenant, and brings back what somebody speaks of after all.
   *
   * @returns how many were deleted
   */
  settleAside(tenantId: string, isSpokenOf: (sha256: Buffer) => Promise<boolean>): Promise<number>;
  /** Whether files of any tenant are set aside. */
  hasAside(): Promise<boolean>;
}

/** Where a file is, from the store's root: folders of a bearable size. Every store has it so, and one can be copied into another by any tool. */
export function pathOf(sha256: Buffer): string {
  const name = sha256.toString("hex");
  return `${name.slice(0, 2)}/${name}`;
}

/** The hash in a path that `pathOf` gave; null for every other one. */
export function hashIn(path: string): Buffer | null {
  const [, folder = "", rest = ""] = /^([0-9a-f]{2})\/([0-9a-f]{64})$/.exec(path) ?? [];
  return rest.startsWith(folder) && rest !== "" ? Buffer.from(rest, "hex") : null;
}

/** Where the files of a tenant that is being deleted wait; without a tenant, where those of all do. */
export function asidePath(tenantId?: string): string {
  return tenantId === undefined ? "leaving" : `leaving/${tenantId}`;
}
