import { mkdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errorMessage, fail } from "../../errors.ts";
import { type FolderProblems, openGrowingFile, syncFolder, writeNewFolder, writeWhole } from "../../new_folder.ts";
import { manifestFormat, manifestName, type SnapshotFile, type SnapshotManifest } from "./snapshot_manifest.ts";
import type { Source, SourceCollection } from "./source.ts";

export interface SnapshotRequest {
  source: Source;
  /** The folder to write; it must not be there, or be empty. */
  out: string;
  /** Whether the records are packed. */
  isPacked: boolean;
  /** Whether the schema is all that is wanted. */
  isSchemaOnly: boolean;
  /** Told after every page how many records of a collection are written. */
  onProgress?: (collection: string, records: number) => void;
}

export interface WrittenSnapshot extends SnapshotManifest {
  folder: string;
}

/**
 * Writes a source to a folder: `schema.json`, `records/<table name or id>.ndjson` with one record a line, as the source gave it, and a
 * manifest with counts and hashes. The folder gets its name when everything is on disk: it is there whole, or not at all. What it
 * holds is the source's own, secrets included, so others have no access to it.
 *
 * @throws LandfallError `snapshot_exists`, `snapshot_unwritable`, and as the source's reader does
 */
export async function writeSnapshot(request: SnapshotRequest): Promise<WrittenSnapshot> {
  const { folder, written } = await writeNewFolder(request.out, problems, (draft) => writeDraft(request, draft));
  return { ...written, folder };
}

const problems: FolderProblems = {
  exists: (folder) =>
    fail("snapshot_exists", `${folder} is not empty.`, "Name another folder, or delete that one first."),
  unwritable: (folder, error) =>
    fail(
      "snapshot_unwritable",
      `${basename(folder)} cannot be written to ${dirname(folder)}: ${errorMessage(error)}.`,
      "Check the path given to --out, the space that is left and your rights there.",
      error,
    ),
};

async function writeDraft(
  { source, isPacked, isSchemaOnly, onProgress }: SnapshotRequest,
  draft: string,
): Promise<SnapshotManifest> {
  const manifest: SnapshotManifest = {
    format: manifestFormat,
    source: source.key,
    startedAt: new Date().toISOString(),
    finishedAt: null,
    calls: 0,
    files: [],
  };
  await writeWhole(draft, manifestName, asText(manifest));
  await mkdir(join(draft, "records"), { mode: 0o700 });
  const { collections, text } = await source.schema();
  manifest.files.push({
    path: "schema.json",
    ...(await writeWhole(draft, "schema.json", withBaseId(text, source.key))),
    records: null,
  });
  const names = new Set<string>();
  for (const collection of isSchemaOnly ? [] : collections) {
    const name = fileName(collection, names);
    names.add(name.toLowerCase());
    const path = `records/${name}.ndjson${isPacked ? ".gz" : ""}`;
    const told = (records: number) => onProgress?.(collection.name, records);
    manifest.files.push(await writeRecords(source, collection, draft, path, told));
    manifest.calls += source.takeCalls().length;
  }
  manifest.calls += source.takeCalls().length;
  manifest.finishedAt = new Date().toISOString();
  if (isSchemaOnly) await rm(join(draft, manifestName));
  else await writeWhole(draft, manifestName, asText(manifest));
  await syncFolder(join(draft, "records"));
  return manifest;
}

/** Where the source begins a collection again, so does the file. */
async function writeRecords(
  source: Source,
  collection: SourceCollection,
  draft: string,
  path: string,
  onProgress: (records: number) => void,
): Promise<SnapshotFile> {
  let file = await openGrowingFile(join(draft, path));
  let records = 0;
  let lastPage = 0;
  try {
    for await (const page of source.pages(collection, null)) {
      if (page.number <= lastPage) {
        await file.close();
        file = await openGrowingFile(join(draft, path));
        records = 0;
      }
      lastPage = page.number;
      for (const { bytes } of page.records) await file.write(oneLine(bytes));
      records += page.records.length;
      onProgress(records);
    }
    return { path, records, ...(await file.close()) };
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}

/** A record that was written over several lines becomes one; between the values of JSON a line end means nothing. */
function oneLine(bytes: Buffer): Buffer {
  const line = Buffer.concat([bytes, Buffer.from("\n")]);
  for (let at = line.indexOf(0x0a); at < line.length - 1; at = line.indexOf(0x0a, at)) line[at] = 0x20;
  for (let at = line.indexOf(0x0d); at !== -1; at = line.indexOf(0x0d, at)) line[at] = 0x20;
  return line;
}

const asText = (json: unknown) => `${JSON.stringify(json, null, 2)}\n`;

/** The schema as the source gave it; a base's names its base, so that the folder and the live base are known to be one source. */
function withBaseId(text: string, key: string): string {
  const schema = JSON.parse(text) as Record<string, unknown>;
  const baseId = /^airtable:(\w+)$/.exec(key)?.[1];
  return asText(baseId === undefined ? schema : { baseId, ...schema });
}

/** The table's name where every file system takes it for a file's name, and no other table has it but for the case; else its id. */
function fileName({ id, name }: SourceCollection, taken: Set<string>): string {
  const isSafe =
    !/[<>:"/\\|?*\p{Cc}]|^[. ]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/iu.test(name) &&
    Buffer.byteLength(name) <= 200 &&
    name.normalize("NFC") === name;
  return isSafe && name !== "" && !taken.has(name.toLowerCase()) ? name : id;
}
