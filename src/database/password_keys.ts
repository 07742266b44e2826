import type pg from "pg";
import { keyIdOf } from "../keys.ts";

/**
 * Writes the key's id beside people's passwords that were derived before keys had ids.
 *
 * @param client connected as the owner of the tables
 * @param secretKey the key under which they were derived
 */
export async function namePasswordKeys(client: pg.ClientBase, secretKey: string): Promise<void> {
  await client.query(
    `update app_private.passwords set parameters = parameters || jsonb_build_object('keyId', $1::text)
     where not parameters ? 'keyId'`,
    [keyIdOf(secretKey)],
  );
}
