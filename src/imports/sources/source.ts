/** What a reader is asked for. Everything outside sources/ and mappings/ speaks these words and knows no legacy system. */

/** A field as the source declares it. */
export interface SourceField {
  id: string;
  name: string;
  /** The source's own word for the type, as the schema gives it: `singleSelect`. */
  kind: string;
  /** The options of a select field; null for every other kind. */
  options: string[] | null;
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
  schema(): Promise<SourceSchema>;
  /**
   * Reads a collection page by page.
   *
   * @param from a page's `next`, to go on after that page; null for the beginning. Where the source no longer honours it, reading
   *   begins again at the first page: whoever listens meets records twice and keeps the first.
   * @throws LandfallError as `schema` does
   */
  pages(collection: SourceCollection, from: string | null): AsyncIterable<SourcePage>;
  /** The calls made since this was last asked. A folder makes none. */
  takeCalls(): SourceCall[];
}
