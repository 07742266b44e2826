import type { Config } from "../config.ts";
import { databaseDisk } from "../database/embedded.ts";
import type { FileStore } from "./files/file_store.ts";
import type { SourceAccess } from "./sources/open_source.ts";

/** What imports of this installation may use. */
export function importAccess(config: Config, files: FileStore): SourceAccess {
  return { airtable: config.airtable, files, disk: databaseDisk(config) };
}
