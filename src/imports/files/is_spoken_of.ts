import type pg from "pg";

/**
 * Whether a row of any tenant names a file.
 *
 * @param client connected as the owner
 */
export async function isSpokenOf(client: pg.Client, sha256: Buffer): Promise<boolean> {
  const { rows } = await client.query<{ is_spoken_of: boolean }>(
    "select exists (select from imports.attachments where sha256 = $1) as is_spoken_of",
    [sha256],
  );
  return rows[0]?.is_spoken_of === true;
}
