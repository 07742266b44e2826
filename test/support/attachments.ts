import { createPool } from "../../src/database/pools.ts";
import { withIdentity } from "../../src/database/with_identity.ts";
import type { TestDatabase } from "./database.ts";

/**
 * A row that names a file, of an import of its own.
 *
 * @returns its id
 */
export async function addAttachment(
  database: TestDatabase,
  tenantSlug: string,
  file: { fileName: string; mediaType: string; byteSize: number; sha256: Buffer },
): Promise<string> {
  const [tenant] = await database.query<{ id: string }>("select id from tenancy.tenants where slug = $1", [tenantSlug]);
  const pool = createPool(database.urls.worker, { applicationName: "landfall tests", max: 1 });
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId: tenant?.id as string }, (client) =>
    client.query<{ id: string }>(
      `with source as (insert into imports.sources (mapping, key) values ('bloom', encode($1, 'hex')) returning *),
       batch as (
         insert into imports.batches (source_id, status, location, mapping_hash) select id, 'planned', 'x', '' from source returning *
       ),
       collection as (
         insert into imports.collections (batch_id, name, source_name, place) select id, 'C', 'C', 0 from batch returning *
       )
       insert into imports.attachments (batch_id, collection_id, row_id, record_id, field, file_id, file_name, media_type, byte_size, sha256)
       select batch_id, id, id, 'rec', 'Files', 'att', $2, $3, $4, $1 from collection
       returning id`,
      [file.sha256, file.fileName, file.mediaType, file.byteSize],
    ),
  );
  await pool.end();
  return rows[0]?.id as string;
}
