/** What a reader is asked for. Everything outside sources/ and mappings/ speaks these words and knows no legacy system. */

/** A field as the source declares it. */
export interface SourceField {
  id: string;
  name: string;
  /** The source's own word for the type, as the schema gives it: `singleSelect`. */
  kind: string;
  /** The options of a select field; null for every other kind. */
  options: string[] | null;
  /** The source works it out itself: another cell of it says nothing of an edit. */
  isComputed?: true;
}

/** A collection (table, list of documents) as the source declares it. */
export interface SourceCollection {
  id: string;
  name: string;
  fields: SourceField[];
}

export interface SourceSchema {
  collections: SourceCollection[];
}

/** A schema as it was read. */
export interface DeclaredSchema extends SourceSchema {
  /** JSON text: the schema in the source's own words, which a snapshot keeps. */
  text: string;
}

/** One record, byte for byte as the source gave it. */
export interface SourceRecord {
  /** The record's own id: `rec…`. */
  id: string;
  /** The record's JSON text. Bytes and not a string: what PostgreSQL or UTF-8 would refuse must still be kept. */
  bytes: Buffer;
}

/** What one call gave. */
export interface SourcePage {
  /** 1 for the first page of a collection. */
  number: number;
  records: SourceRecord[];
  /** Where the next page begins; null after the last one. Given back to `pages`, reading goes on there. */
  next: string | null;
}

/** A file that hangs on a record. */
export interface SourceAttachment {
  /** The field that it hangs on. */
  field: string;
  /** Its own id in the source; it never gets another content. */
  id: string;
  url: string;
  /** A word for people, never a path. */
  fileName: string;
  /** What the source says of it; null where it says nothing. */
  byteSize: number | null;
  mediaType: string | null;
}

export interface AttachmentBody {
  /** Ends in an AttachmentFault where the file breaks off. */
  body: AsyncIterable<Buffer>;
  mediaType: string | null;
}

/** Why a file was not copied: a word of the ledger, and what happened. */
export class AttachmentFault extends Error {
  readonly reason: "attachment_lost" | "attachment_differs" | "attachment_refused";
  constructor(reason: AttachmentFault["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** One call to a source's API, for the ledger of calls. Never holds a secret. */
export interface SourceCall {
  at: Date;
  /** `GET /v0/appX/Clients` */
  request: string;
  /** The HTTP status, or null where no answer came. */
  status: number | null;
  milliseconds: number;
  /** What went wrong, in the source's word; null when the answer was good. */
  problem: string | null;
}

/** What reading a store live takes, so that a plan can say how long it will be. */
export interface Pace {
  recordsPerCall: number;
  callsPerSecond: number;
}

export interface Source {
  /** The same for a live store and for a snapshot of it, so that both give the same ids: `airtable:appBloom`. */
  readonly key: string;
  /** Where it is read from, as `openSource` takes it: an absolute path, or `airtable:<base id>`. */
  readonly location: string;
  /** Known to lack records that the store has: what it does not bring is not gone. */
  readonly isPartial?: boolean;
  /** Of the live store, also where a snapshot of it is read; absent where there is none. */
  readonly pace?: Pace;
  /** @throws LandfallError when the source cannot be reached, refuses us, or is not what it should be */
  schema(): Promise<DeclaredSchema>;
  /**
   * Reads a collection page by page.
   *
   * @param from a page's `next`, to go on after that page; null for the beginning. Where the source no longer honours it, reading
   *   begins again at the first page: whoever listens meets records twice and keeps the first.
   * @throws LandfallError as `schema` does
   */
  pages(collection: SourceCollection, from: string | null): AsyncIterable<SourcePage>;
  /** The files that hang on a record. */
  attachments(collection: SourceCollection, record: SourceRecord): SourceAttachment[];
  /**
   * Opens a file. An address that has expired is refreshed by reading the record again.
   *
   * @throws AttachmentFault
   */
  openAttachment(
    collection: SourceCollection,
    record: SourceRecord,
    attachment: SourceAttachment,
  ): Promise<AttachmentBody>;
  /** The calls made since this was last asked. A folder makes none. */
  takeCalls(): SourceCall[];
}
