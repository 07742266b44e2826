/** How files of some kinds begin. Others say nothing that could be held against their name. */
const beginnings: Record<string, (bytes: Buffer) => boolean> = {
  "application/pdf": (bytes) => bytes.toString("latin1").includes("%PDF-"),
  "image/gif": (bytes) => /^GIF8[79]a/.test(bytes.toString("latin1")),
  "image/jpeg": (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff,
  "image/png": (bytes) => bytes.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])),
  "image/webp": (bytes) => /^RIFF....WEBP/s.test(bytes.toString("latin1")),
};

/** Whether a file may be what it is said to be, by its first bytes. */
export function mayBe(mediaType: string | null, beginning: Buffer): boolean {
  return beginnings[(mediaType ?? "").toLowerCase()]?.(beginning) ?? true;
}
