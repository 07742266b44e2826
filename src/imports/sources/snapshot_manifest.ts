import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import { errorCode, errorMessage, fail } from "../../errors.ts";

export const manifestName = "manifest.json";
export const manifestFormat = "landfall-snapshot/1";

const fileSchema = z.object({
  /** Relative to the folder, with slashes, and never out of it. */
  path: z.string().refine((path) => !isAbsolute(path) && !path.split(/[/\\]/).includes(".."), {
    error: "leads out of the folder",
  }),
  bytes: z.number().int(),
  sha256: z.string(),
  /** How many records it holds; null for schema.json. */
  records: z.number().int().nullable(),
});

/** What a snapshot says of itself: written last, so that a folder whose manifest has no end was broken off. */
export const manifestSchema = z.object({
  format: z.literal(manifestFormat),
  /** The source's own name for itself: `airtable:appX`. */
  source: z.string(),
  startedAt: z.iso.datetime(),
  /** Null while it is being written. */
  finishedAt: z.iso.datetime().nullable(),
  /** How many calls it took. */
  calls: z.number().int(),
  /** Whether it holds a part of the store only: what it lacks is not gone. */
  isPartial: z.boolean().optional(),
  files: z.array(fileSchema),
});

/** What a person writes beside a part of a store that was put together by hand. */
const partSchema = z.strictObject({ isPartial: z.literal(true) });

export type SnapshotManifest = z.infer<typeof manifestSchema>;
export type SnapshotFile = z.infer<typeof fileSchema>;

/**
 * Holds a folder against its manifest: every file is there, and is what was written. A folder without one was put together by hand,
 * and is taken as it is.
 *
 * @returns whether the folder says of itself that it holds a part of the store only
 * @throws LandfallError `snapshot_incomplete`, `snapshot_changed` or `snapshot_foreign`
 */
export async function verifySnapshot(folder: string): Promise<{ isPartial: boolean }> {
  const manifest = await readManifest(folder);
  if (manifest === null) return { isPartial: false };
  if (!("files" in manifest)) return manifest;
  if (manifest.finishedAt === null) {
    fail(
      "snapshot_incomplete",
      `${folder} is half-written: the snapshot that began at ${manifest.startedAt} was broken off.`,
      "Delete the folder and take the snapshot again.",
    );
  }
  for (const file of manifest.files) await verifyFile(folder, file);
  return { isPartial: manifest.isPartial === true };
}

async function readManifest(folder: string): Promise<SnapshotManifest | z.infer<typeof partSchema> | null> {
  const text = await readFile(join(folder, manifestName), "utf8").catch((error) => {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  });
  if (text === null) return null;
  try {
    const json = JSON.parse(text);
    const part = partSchema.safeParse(json);
    return part.success ? part.data : manifestSchema.parse(json);
  } catch (error) {
    return fail(
      "snapshot_foreign",
      `${join(folder, manifestName)} is no manifest of ours: ${errorMessage(error)}.`,
      "Take the snapshot again. A folder that was put together by hand has no manifest.",
      error,
    );
  }
}

async function verifyFile(folder: string, file: SnapshotFile): Promise<void> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(join(folder, file.path)) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    fail(
      "snapshot_incomplete",
      `${folder} has no ${file.path}, which its manifest names.`,
      "Bring the file back, or take the snapshot again.",
    );
  }
  if (hash.digest("hex") === file.sha256) return;
  fail(
    "snapshot_changed",
    bytes === file.bytes
      ? `${join(folder, file.path)} has been changed since the snapshot was taken.`
      : `${join(folder, file.path)} has been changed since the snapshot was taken: ${bytes} bytes instead of ${file.bytes}.`,
    "Bring back the file as it was. To import what was edited by hand, delete manifest.json first.",
  );
}
