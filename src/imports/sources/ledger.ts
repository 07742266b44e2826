import type pg from "pg";
import { withIdentity } from "../../database/with_identity.ts";
import type { Source } from "./source.ts";

/**
 * The source as the ledger of a batch remembers it: for whoever goes on with a batch in which everything has landed, without a call to
 * where it came from.
 */
export async function openLedgerSource(
  pool: pg.Pool,
  tenantId: string,
  batchId: string,
  location: string,
): Promise<Source> {
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<{ id: string; name: string; fields: string[] }>(
      `select collection.id, collection.source_name as name,
              array(
                select field.name from imports.fields field
                where field.tenant_id = collection.tenant_id and field.collection_id = collection.id order by field.id
              ) as fields
       from imports.collections collection
       where collection.tenant_id = $1 and collection.batch_id = $2
       order by collection.place`,
      [tenantId, batchId],
    ),
  );
  const collections = rows.map(({ id, name, fields }) => ({
    id,
    name,
    fields: fields.map((field) => ({ id: field, name: field, kind: "unknown", options: null })),
  }));
  return {
    key: location,
    location,
    // What is gone from the source was looked for when it was read.
    isPartial: true,
    schema: async () => ({ collections, text: JSON.stringify({ collections }) }),
    // biome-ignore lint/correctness/useYield: there is nothing to read.
    async *pages(collection) {
      throw new Error(`${collection.name} has landed; its ledger is not read again.`);
    },
    attachments: () => [],
    openAttachment: async (collection) => {
      throw new Error(`${collection.name} has landed; its files are not copied again.`);
    },
    takeCalls: () => [],
  };
}
