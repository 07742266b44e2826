import type { Config } from "../../config.ts";
import type { FileStore } from "./file_store.ts";
import { openFolderStore } from "./folder_store.ts";

/** The file store that the configuration names: a bucket where there is one, else a folder. Nothing is asked yet. */
export async function openFileStore({ folder, bucket }: Config["files"]): Promise<FileStore> {
  if (bucket === undefined) return openFolderStore(folder);
  // Loaded by those who need it alone: the SDK costs a third of a second and 35 MB.
  const { openBucketStore } = await import("./bucket_store.ts");
  return openBucketStore(bucket, folder);
}
