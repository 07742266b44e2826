import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";

const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The bytes of a file, unpacked where its name ends in `.gz`, without a byte order mark.
 *
 * @throws Error of zlib where the packed file is cut short or damaged
 */
export async function* readBytes(file: string): AsyncIterable<Buffer> {
  const stream = createReadStream(file);
  const unpacked = file.endsWith(".gz") ? stream.pipe(createGunzip()) : stream;
  stream.on("error", (error) => unpacked.destroy(error));
  let isFirst = true;
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      yield isFirst && chunk.subarray(0, 3).equals(byteOrderMark) ? chunk.subarray(3) : chunk;
      isFirst = false;
    }
  } finally {
    stream.destroy();
  }
}

/** The lines of a file that hold something, without their ends. */
export async function* readLines(file: string): AsyncIterable<Buffer> {
  let pieces: Buffer[] = [];
  for await (const chunk of readBytes(file)) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const line = withoutCarriageReturn(joined(pieces, chunk.subarray(start, end)));
      if (line.length > 0) yield line;
      pieces = [];
      start = end + 1;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
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
