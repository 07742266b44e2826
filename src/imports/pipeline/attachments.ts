import type pg from "pg";
import { withIdentity } from "../../database/with_identity.ts";
import type { FileStore } from "../files/file_store.ts";
import { mayBe } from "../files/file_types.ts";
import { rowId } from "../identity.ts";
import { reasons } from "../reasons.ts";
import { AttachmentFault, type SourceAttachment, type SourceRecord } from "../sources/source.ts";
import type { Batch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";

/** A file of a record, copied or not. */
export interface LandedAttachment {
  rowId: string;
  recordId: string;
  attachment: SourceAttachment;
  bytes: number | null;
  sha256: Buffer | null;
  fault: AttachmentFault | null;
}

/** How many files are copied at a time. */
const atOnce = 4;

/**
 * Copies the files of a page's records into the file store, before the page is written down: whoever is killed in between is followed by
 * another who reads the page again and finds the files there. One that was copied in an earlier batch is not fetched again.
 *
 * @returns nothing where the batch only plans
 */
export async function copyAttachments(
  batch: Batch,
  ledger: LedgerCollection,
  records: SourceRecord[],
): Promise<LandedAttachment[]> {
  const { files } = batch;
  if (files === undefined) return [];
  const wanted = records.flatMap((record) =>
    batch.source.attachments(ledger.source, record).map((attachment) => ({ record, attachment })),
  );
  if (wanted.length === 0) return [];
  const known = await findCopied(
    batch,
    files,
    wanted.map(({ attachment }) => attachment.id),
  );
  const landed: LandedAttachment[] = [];
  const waiting = [...wanted].reverse();
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { record, attachment } = next;
      const copied = known.get(attachment.id) ?? (await copy(batch, files, ledger, record, attachment));
      landed.push({
        rowId: rowId(batch.sourceId, ledger.collection.name, record.id),
        recordId: record.id,
        attachment,
        ...(copied instanceof AttachmentFault
          ? { bytes: attachment.byteSize, sha256: null, fault: copied }
          : { ...copied, fault: null }),
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return landed;
}

async function copy(
  batch: Batch,
  files: FileStore,
  ledger: LedgerCollection,
  record: SourceRecord,
  attachment: SourceAttachment,
): Promise<{ sha256: Buffer; bytes: number } | AttachmentFault> {
  try {
    const { body, mediaType } = await batch.source.openAttachment(ledger.source, record, attachment);
    return await files.put(body, (file, beginning) => {
      if (attachment.byteSize !== null && file.bytes !== attachment.byteSize) {
        throw new AttachmentFault(
          "attachment_differs",
          `It has ${file.bytes} bytes, and the source says ${attachment.byteSize}.`,
        );
      }
      if (!mayBe(mediaType, beginning)) {
        throw new AttachmentFault("attachment_differs", `It is no ${mediaType}, which the source says it is.`);
      }
    });
  } catch (error) {
    if (error instanceof AttachmentFault) return error;
    throw error;
  }
}

/** The files of an earlier batch that the store still has, by the source's ids; an id never gets another file. */
async function findCopied(
  batch: Batch,
  files: FileStore,
  ids: string[],
): Promise<Map<string, { sha256: Buffer; bytes: number }>> {
  const { rows } = await withIdentity(batch.pool, { kind: "worker", tenantId: batch.tenantId }, (client) =>
    client.query<{ id: string; sha256: Buffer; bytes: string }>(
      `select distinct on (attachment.file_id)
         attachment.file_id as id, attachment.sha256, attachment.byte_size as bytes
       from imports.attachments attachment
       join imports.batches batch on batch.tenant_id = attachment.tenant_id and batch.id = attachment.batch_id
       where attachment.tenant_id = $1 and batch.source_id = $2 and attachment.file_id = any ($3) and attachment.sha256 is not null
       order by attachment.file_id, attachment.id desc`,
      [batch.tenantId, batch.sourceId, ids],
    ),
  );
  const known = new Map<string, { sha256: Buffer; bytes: number }>();
  for (const { id, sha256, bytes } of rows) {
    if (await files.has(sha256)) known.set(id, { sha256, bytes: Number(bytes) });
  }
  return known;
}

/** Writes down what became of a page's files; what could not be copied is an issue. */
export async function keepAttachments(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  landed: LandedAttachment[],
): Promise<void> {
  if (landed.length === 0) return;
  await client.query(
    `insert into imports.attachments
       (batch_id, collection_id, row_id, record_id, field, file_id, file_name, media_type, byte_size, sha256, problem)
     select $1, $2, *
     from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bytea[], $11::text[])
     on conflict (tenant_id, batch_id, row_id, field, file_id) do nothing`,
    [
      batch.id,
      ledger.id,
      landed.map((file) => file.rowId),
      landed.map((file) => file.recordId),
      landed.map(({ attachment }) => attachment.field),
      landed.map(({ attachment }) => attachment.id),
      landed.map(({ attachment }) => storable(attachment.fileName)),
      landed.map(({ attachment }) => attachment.mediaType && storable(attachment.mediaType)),
      landed.map((file) => file.bytes),
      landed.map((file) => file.sha256),
      landed.map(({ fault }) => fault && storable(fault.message)),
    ],
  );
  const lost = landed.flatMap(({ fault, ...file }) => (fault === null ? [] : [{ ...file, fault }]));
  await client.query(
    `insert into imports.issues (batch_id, collection_id, row_id, record_id, field, fate, reason, original, detail, way_out)
     select $1, $2, row_id, record_id, field, 'quarantined', reason, original, detail, way_out
     from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
       as lost (row_id, record_id, field, reason, original, detail, way_out)`,
    [
      batch.id,
      ledger.id,
      lost.map((file) => file.rowId),
      lost.map((file) => file.recordId),
      lost.map(({ attachment }) => attachment.field),
      lost.map(({ fault }) => fault.reason),
      lost.map(({ attachment }) => JSON.stringify(storable(attachment.fileName))),
      lost.map(({ fault }) => storable(fault.message)),
      lost.map(({ fault }) => reasons[fault.reason]),
    ],
  );
}

/** A file's name may hold anything; PostgreSQL's text holds no NUL and no half of a character. */
function storable(text: string): string {
  return text.replaceAll("\u0000", "\uFFFD").toWellFormed();
}
