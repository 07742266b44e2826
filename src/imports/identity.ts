import { hash } from "node:crypto";

/**
 * The id that belongs to a name in a namespace (RFC 9562, version 5), as app.uuidv5 makes it in the database.
 *
 * @param namespace a UUID
 */
export function uuidv5(namespace: string, name: string): string {
  const bytes = hash("sha1", Buffer.concat([namespaceBytes(namespace), Buffer.from(name, "utf8")]), "buffer");
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString("hex", 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Almost always the same one as before: a source is the namespace of all its records. */
let latestNamespace = { text: "", bytes: Buffer.alloc(0) };

function namespaceBytes(text: string): Buffer {
  if (text !== latestNamespace.text) {
    latestNamespace = { text, bytes: Buffer.from(text.replaceAll("-", ""), "hex") };
  }
  return latestNamespace.bytes;
}

/**
 * The id of the row that a record becomes: the same whenever and from wherever the record comes, so links need no lookup.
 *
 * @param sourceId imports.sources.id, which is per tenant
 * @param collection the collection's name in the mapping
 */
export function rowId(sourceId: string, collection: string, recordId: string): string {
  const name = `${collection}/${recordId}`;
  const key = `${sourceId}/${name}`;
  const known = recent.get(key);
  if (known !== undefined) return known;
  if (recent.size === mostRecent) recent.clear();
  const id = uuidv5(sourceId, name);
  recent.set(key, id);
  return id;
}

/** Ids that were asked for lately: siblings link to the same parent, and to each other. */
const recent = new Map<string, string>();
const mostRecent = 2_000;
