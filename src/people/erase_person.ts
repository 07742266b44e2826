/** The end of what there is about a person. */
import type pg from "pg";
import type { FileStore } from "../imports/files/file_store.ts";
import { findMentions, type Mention } from "./mentions.ts";
import { type Subject, wordsOf } from "./person.ts";

export interface Erasure {
  /** What went, as the database counted it: rows by table, texts, entries of the record that lost their values. */
  erased: Record<string, unknown>;
  /** Where the person is still spoken of, in what belongs to others. */
  mentions: Mention[];
}

export interface ErasureRequest {
  /** Connected as the owner of the tables. */
  client: pg.Client;
  tenantId: string;
  subject: Subject;
  /** Address of the admin of the tenant at whose word it is done. */
  admin: string;
  files: FileStore;
}

/**
 * Erases a person in one transaction, then the files that nobody else has.
 *
 * @param isForReal where false, all of it is done and taken back, so that what is said is what would go
 * @throws what the database raises: LF464 to LF469
 */
export async function erasePerson(request: ErasureRequest, isForReal: boolean): Promise<Erasure> {
  const { client, tenantId, subject, files } = request;
  let hashes: string[] = [];
  let erasure: Erasure;
  await client.query("begin");
  try {
    const words = await wordsOf(client, tenantId, subject);
    const { rows } = await client.query<{ erased: { fileHashes?: string[] } }>(
      subject.kind === "contact"
        ? "select app_private.erase_contact($1, $2, app_private.find_admin($1, $3)) as erased"
        : "select app_private.erase_user($1, $2, app_private.find_admin($1, $3)) as erased",
      [tenantId, subject.kind === "contact" ? subject.id : subject.email, request.admin],
    );
    const { fileHashes = [], ...erased } = rows[0]?.erased ?? {};
    hashes = fileHashes;
    erasure = { erased, mentions: await findMentions(client, tenantId, words) };
    await client.query(isForReal ? "commit" : "rollback");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
  if (isForReal) await removeFiles(client, files, hashes);
  return erasure;
}

/** A file whose hash another row names is somebody else's, too. */
async function removeFiles(client: pg.Client, files: FileStore, hashes: readonly string[]): Promise<void> {
  for (const name of hashes) {
    const sha256 = Buffer.from(name, "hex");
    const { rows } = await client.query("select from imports.attachments where sha256 = $1 limit 1", [sha256]);
    if (rows.length === 0) await files.remove(sha256);
  }
}
