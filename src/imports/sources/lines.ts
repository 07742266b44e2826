import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { fail } from "../../errors.ts";

const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** Longest line, in bytes: a record with every cell full has a few megabytes. */
export const LONGEST_LINE = 64 * 1_024 * 1_024;

/** How many times larger a packed file may become. Records pack to a twentieth; what packs to a thousandth was made to do harm. */
export const MOST_UNPACKED = 200;

/** Small files may be as repetitive as they like, in bytes. */
const UNPACKED_ANYWAY = 64 * 1_024 * 1_024;

/**
 * The bytes of a file, unpacked where its name ends in `.gz`, without a byte order mark.
 *
 * @throws Error of zlib where the packed file is cut short or damaged
 * @throws LandfallError `file_refused` where it unpacks to far more than records do
 */
export async function* readBytes(file: string): AsyncIterable<Buffer> {
  const stream = createReadStream(file);
  const unpacked = file.endsWith(".gz") ? stream.pipe(createGunzip()) : stream;
  stream.on("error", (error) => unpacked.destroy(error));
  let isFirst = true;
  let bytes = 0;
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (unpacked !== stream && bytes > Math.max(UNPACKED_ANYWAY, stream.bytesRead * MOST_UNPACKED)) {
        fail(
          "file_refused",
          `${file} unpacks to more than ${MOST_UNPACKED} times its size, which records do not.`,
          "Take the snapshot again; do not import a file whose origin you do not know.",
        );
      }
      yield isFirst && chunk.subarray(0, 3).equals(byteOrderMark) ? chunk.subarray(3) : chunk;
      isFirst = false;
    }
  } finally {
    stream.destroy();
  }
}

/**
 * The lines of a file that hold something, without their ends.
 *
 * @throws LandfallError `file_refused` where a line is longer than any record
 */
export async function* readLines(file: string): AsyncIterable<Buffer> {
  let pieces: Buffer[] = [];
  let held = 0;
  for await (const chunk of readBytes(file)) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const line = withoutCarriageReturn(joined(pieces, chunk.subarray(start, end)));
      if (line.length > 0) yield line;
      pieces = [];
      start = end + 1;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
    held = start === 0 ? held + chunk.length : chunk.length - start;
    if (held > LONGEST_LINE) {
      fail(
        "file_refused",
        `${file} has a line of more than ${LONGEST_LINE / 1_024 / 1_024} MB.`,
        "A snapshot has one record a line: take it again.",
      );
    }
  }
  const last = withoutCarriageReturn(joined(pieces, Buffer.alloc(0)));
  if (last.length > 0) yield last;
}

/** A copy, so that a line does not keep the whole chunk that it came in. */
function joined(pieces: Buffer[], end: Buffer): Buffer {
  return Buffer.concat([...pieces, end]);
}

function withoutCarriageReturn(line: Buffer): Buffer {
  return line[line.length - 1] === carriageReturn ? line.subarray(0, -1) : line;
}
