/** Reading a tar file as PostgreSQL writes it: plain ustar, files and folders alone. */

export interface TarEntry {
  path: string;
  isFolder: boolean;
  bytes: number;
  /** What the file holds; what is not read of it is passed over. */
  content(): AsyncGenerator<Buffer>;
}

const blockSize = 512;

/** What is wrong with a file that is no whole tar file. */
export class DamagedTar extends Error {}

/**
 * The entries of a tar file, one after the other.
 *
 * @throws DamagedTar where it is cut off, or an entry's head is not what it was
 */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const take = taking(source);
  for (;;) {
    const head = await exactly(take, blockSize);
    // The end is two blocks of nothing.
    if (head.every((byte) => byte === 0)) return;
    const entry = readHead(head);
    let left = entry.bytes;
    async function* content(): AsyncGenerator<Buffer> {
      while (left > 0) {
        const chunk = await take(left);
        if (chunk.length === 0) throw new DamagedTar("it is cut off");
        left -= chunk.length;
        yield chunk;
      }
    }
    yield { ...entry, content };
    for await (const _passedOver of content());
    await exactly(take, (blockSize - (entry.bytes % blockSize)) % blockSize);
  }
}

/** Gives up to so many bytes, none at the end. */
function taking(source: AsyncIterable<Buffer>): (most: number) => Promise<Buffer> {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  return async (most) => {
    while (rest.length === 0) {
      const { value, done } = await chunks.next();
      if (done) return rest;
      rest = value;
    }
    const taken = rest.subarray(0, most);
    rest = rest.subarray(taken.length);
    return taken;
  };
}

async function exactly(take: (most: number) => Promise<Buffer>, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let left = bytes; left > 0; ) {
    const part = await take(left);
    if (part.length === 0) throw new DamagedTar("it is cut off");
    parts.push(part);
    left -= part.length;
  }
  return Buffer.concat(parts);
}

function readHead(head: Buffer): Omit<TarEntry, "content"> {
  const text = (from: number, to: number) => head.toString("utf8", from, to).replace(/\0.*$/s, "");
  const octal = (from: number, to: number) => Number.parseInt(text(from, to).trim() || "0", 8);
  // The sum of all bytes, its own eight counted as blanks.
  const sum = head.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (sum !== octal(148, 156)) throw new DamagedTar("the head of an entry is not what it was");
  const kind = text(156, 157);
  if (!["", "0", "5"].includes(kind)) throw new DamagedTar(`it holds an entry of the kind ${kind}`);
  const prefix = text(345, 500);
  const path = `${prefix === "" ? "" : `${prefix}/`}${text(0, 100)}`.replace(/^\.\//, "").replace(/\/$/, "");
  if (path.split("/").includes("..") || path.startsWith("/"))
    throw new DamagedTar(`it leads out of its folder: ${path}`);
  return { path, isFolder: kind === "5", bytes: kind === "5" ? 0 : octal(124, 136) };
}
