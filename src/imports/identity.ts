import { createHash } from "node:crypto";

/**
 * The id that belongs to a name in a namespace (RFC 9562, version 5), as app.uuidv5 makes it in the database.
 *
 * @param namespace a UUID
 */
export function uuidv5(namespace: string, name: string): string {
  const hash = createHash("sha1")
    .update(Buffer.from(namespace.replaceAll("-", ""), "hex"))
    .update(name, "utf8")
    .digest();
  hash[6] = ((hash[6] as number) & 0x0f) | 0x50;
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80;
  const hex = hash.toString("hex", 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * The id of the row that a record becomes: the same whenever and from wherever the record comes, so links need no lookup.
 *
 * @param sourceId imports.sources.id, which is per tenant
 * @param collection the collection's name in the mapping
 */
export function rowId(sourceId: string, collection: string, recordId: string): string {
  return uuidv5(sourceId, `${collection}/${recordId}`);
}
