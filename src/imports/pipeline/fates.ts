import type pg from "pg";
import type { CellFate } from "../decode.ts";

/** The fates that the cells of one record met, by field. */
export type Fates = Map<string, CellFate>;

/**
 * The patterns of fates that a collection's records have: a number for each. There are few of them, so that a record keeps its fates in
 * four bytes.
 */
export interface FateBook {
  idOf: Map<string, number>;
  patterns: Map<number, Fates>;
}

/** Fields that are filled at random make ever new patterns; beyond so many the others go without. */
const mostPatterns = 10_000;

export async function readFateBook(client: pg.ClientBase, batchId: string, collectionId: string): Promise<FateBook> {
  const { rows } = await client.query<{ id: number; fates: string }>(
    `select id, fates::text as fates from app_private.import_fates where batch_id = $1 and collection_id = $2`,
    [batchId, collectionId],
  );
  const patterns = new Map(
    rows.map(({ id, fates }): [number, Fates] => [id, new Map(Object.entries(JSON.parse(fates)))]),
  );
  return { patterns, idOf: new Map([...patterns].map(([id, fates]) => [keyOf(fates), id])) };
}

/**
 * The number of each record's pattern, null for those that go without.
 *
 * @param book grows by what is new
 */
export async function writeFates(
  client: pg.ClientBase,
  batchId: string,
  collectionId: string,
  book: FateBook,
  records: Fates[],
): Promise<(number | null)[]> {
  const fresh = new Map<number, Fates>();
  const ids = records.map((fates) => {
    const key = keyOf(fates);
    const known = book.idOf.get(key);
    if (known !== undefined) return known;
    if (book.idOf.size === mostPatterns) return null;
    const id = book.idOf.size + 1;
    book.idOf.set(key, id);
    book.patterns.set(id, fates);
    fresh.set(id, fates);
    return id;
  });
  if (fresh.size > 0) {
    await client.query(
      `insert into app_private.import_fates (batch_id, collection_id, id, fates)
       select $1, $2, * from unnest($3::integer[], $4::jsonb[])
       on conflict (batch_id, collection_id, id) do nothing`,
      [
        batchId,
        collectionId,
        [...fresh.keys()],
        [...fresh.values()].map((fates) => JSON.stringify(Object.fromEntries(fates))),
      ],
    );
  }
  return ids;
}

/** In the order in which the record has them: records of one kind have the same, and two numbers for one pattern do no harm. */
function keyOf(fates: Fates): string {
  let key = "";
  for (const [field, fate] of fates) key += `${field}\n${fate}\n`;
  return key;
}
