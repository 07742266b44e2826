/** Files that were made to do harm. */
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { sampleFolder } from "../../src/imports/run_import.ts";
import { LONGEST_LINE, readLines } from "../../src/imports/sources/lines.ts";
import { verifySnapshot } from "../../src/imports/sources/snapshot_manifest.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "landfall-hostile-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function readAll(name: string, bytes: Buffer): Promise<number> {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  let lines = 0;
  for await (const _line of readLines(file)) lines += 1;
  return lines;
}

test("cannot unpack a bomb: file_refused, long before its end", async () => {
  const bomb = gzipSync(Buffer.alloc(96 * 1_024 * 1_024, `{"id":"recA","name":"${"a".repeat(1_000)}"}\n`));
  expect(bomb.length).toBeLessThan(400_000);
  await expect(readAll("bomb.ndjson.gz", bomb)).rejects.toMatchObject({ reason: "file_refused" });
});

test("cannot read a line without end, packed or not: file_refused", async () => {
  const line = Buffer.alloc(LONGEST_LINE + 1, "x");
  await expect(readAll("line.ndjson", line)).rejects.toMatchObject({ reason: "file_refused" });
});

test("can read what is repetitive and small", async () => {
  expect(await readAll("same.ndjson.gz", gzipSync('{"id":"recA"}\n'.repeat(100_000)))).toBe(100_000);
});

test.each(["../outside.txt", "records/../../outside.txt", "/etc/hostname", "records\\..\\..\\outside.txt"])(
  "cannot lead out of its folder by a manifest that names %s: snapshot_foreign",
  async (path) => {
    const snapshot = join(folder, "snapshot");
    cpSync(sampleFolder, snapshot, { recursive: true });
    writeFileSync(join(folder, "outside.txt"), "outside");
    const sha256 = createHash("sha256").update("outside").digest("hex");
    const now = new Date().toISOString();
    writeFileSync(
      join(snapshot, "manifest.json"),
      JSON.stringify({
        format: "landfall-snapshot/1",
        source: "airtable:appX",
        startedAt: now,
        finishedAt: now,
        calls: 1,
        files: [{ path, bytes: 7, sha256, records: null }],
      }),
    );
    expect(readFileSync(join(folder, "outside.txt"), "utf8")).toBe("outside");
    await expect(verifySnapshot(snapshot)).rejects.toMatchObject({ reason: "snapshot_foreign" });
  },
);
