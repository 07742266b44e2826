/** Reading a backup, each file held against the server's manifest: nothing is believed because it is there. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { z } from "zod";
import { errorCode, errorMessage, fail, LandfallError } from "../../errors.ts";
import { DamagedTar, readTar, type TarEntry } from "./tar.ts";
import { isSegment } from "./wal_archive.ts";

const manifestSchema = z.object({
  Files: z.array(
    z.object({
      Path: z.string(),
      Size: z.number().int(),
      "Checksum-Algorithm": z.literal("SHA256"),
      Checksum: z.string(),
    }),
  ),
  "WAL-Ranges": z.tuple([z.object({ Timeline: z.number().int(), "Start-LSN": z.string(), "End-LSN": z.string() })]),
  "Manifest-Checksum": z.string(),
});

/** What to do with each file and folder of a backup as it is read. */
export type Receive = (entry: TarEntry, content: AsyncIterable<Buffer>) => Promise<void>;

/** What was found in a backup that is whole. */
export interface ReadBackup {
  /** Of the two files that a backup is made of, in hexadecimal. */
  files: { "base.tar.gz": string; backup_manifest: string };
  timeline: number;
  /** Size of the packed file, and of everything in it, in bytes. */
  bytes: number;
  clusterBytes: number;
}

/**
 * Reads a backup to its end: every file that the server listed must be there with its size and SHA-256, and nothing else but the segments of
 * the log that belong to it; both files must be those that were written.
 *
 * @param folder the backup's
 * @param expected what `backup.json` says of the two files; undefined while there is none yet
 * @param receive is given every entry; where it is left out the files are only checked
 * @throws LandfallError `backup_damaged` saying what is wrong
 */
export async function readWholeBackup(
  folder: string,
  expected: ReadBackup["files"] | undefined,
  receive: Receive = passOver,
): Promise<ReadBackup> {
  const damaged = (what: string, cause?: unknown): never =>
    fail(
      "backup_damaged",
      `The backup in ${folder} is damaged: ${what}.`,
      "Use another one (`landfall backup list`), and find out what changed its files or its disk.",
      cause,
    );
  try {
    const text = await readFile(join(folder, "backup_manifest"));
    const manifest = readManifest(text) ?? damaged("the server's manifest is not what it was");
    const manifestHash = createHash("sha256").update(text).digest("hex");
    if (expected && manifestHash !== expected.backup_manifest) damaged("another manifest was put in its place");
    const missing = new Map(manifest.Files.map((file) => [file.Path, file]));
    const whole = { hash: createHash("sha256"), bytes: 0 };
    let clusterBytes = 0;
    let segments = 0;
    const packed = hashing(createReadStream(join(folder, "base.tar.gz")), whole);
    for await (const entry of readTar(unpacked(packed))) {
      const read = { hash: createHash("sha256"), bytes: 0 };
      await receive(entry, hashing(entry.content(), read));
      for await (const _rest of hashing(entry.content(), read));
      if (entry.isFolder) continue;
      clusterBytes += read.bytes;
      const listed = missing.get(entry.path);
      missing.delete(entry.path);
      if (listed) {
        if (listed.Size !== read.bytes || listed.Checksum !== read.hash.digest("hex"))
          damaged(`${entry.path} is not what it was`);
      } else if (/^pg_wal\/[0-9A-F]{24}$/.test(entry.path) && isSegment(entry.path.slice(7))) segments += 1;
      else damaged(`${entry.path} does not belong to it`);
    }
    const [absent] = missing.keys();
    if (absent !== undefined) damaged(`${absent} is missing`);
    if (segments === 0) damaged("the log that belongs to it is missing");
    const hash = whole.hash.digest("hex");
    if (expected && hash !== expected["base.tar.gz"]) damaged("base.tar.gz is not what it was");
    const [range] = manifest["WAL-Ranges"];
    return {
      files: { "base.tar.gz": hash, backup_manifest: manifestHash },
      timeline: range.Timeline,
      bytes: whole.bytes,
      clusterBytes,
    };
  } catch (error) {
    if (error instanceof LandfallError) throw error;
    const isUnreadable = error instanceof DamagedTar || /^Z_|^ENOENT$|^EIO$/.test(errorCode(error) ?? "");
    if (isUnreadable) return damaged(errorMessage(error), error);
    throw error;
  }
}

async function passOver(): Promise<void> {}

/** The last line is the SHA-256 of all before it. */
function readManifest(text: Buffer): z.infer<typeof manifestSchema> | undefined {
  const end = text.lastIndexOf('"Manifest-Checksum"');
  if (end < 0) return undefined;
  const hash = createHash("sha256").update(text.subarray(0, end)).digest("hex");
  try {
    const parsed = manifestSchema.safeParse(JSON.parse(text.toString("utf8")));
    return parsed.success && parsed.data["Manifest-Checksum"] === hash ? parsed.data : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function* hashing(source: AsyncIterable<Buffer>, sum: { hash: Hash; bytes: number }): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    sum.hash.update(chunk);
    sum.bytes += chunk.length;
    yield chunk;
  }
}

/** What a gzip file holds. A failure of the packed source ends it, too. */
async function* unpacked(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  // It tells of a failure by the reading below, which then fails in the same way.
  const feeding = pipeline(packed, gunzip).catch((error: Error) => error);
  yield* gunzip as AsyncIterable<Buffer>;
  const failure = await feeding;
  if (failure) throw failure;
}
