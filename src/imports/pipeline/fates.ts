import type pg from "pg";
import type { CellFate } from "../decode.ts";

/** The fates that the cells of one record met, by field. */
export type Fates = Map<string, CellFate>;

/**
 * The patterns of fates that a collection's records have: a number for each. There are few of them, so that a record keeps its fates in
 * four bytes.
 */
export interface FateBook {
  /** By the pattern's key, and by the key in the order in which a record has its fields. */
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
  return { patterns, idOf: new Map([...patterns].map(([id, fates]) => [keyOf(sorted(fates)), id])) };
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
  const used = new Set<number>();
  const ids = records.map((fates) => {
    const key = keyOf(fates);
    const id = book.idOf.get(key) ?? findOrAdd(book, fates);
    if (id === null) return null;
    book.idOf.set(key, id);
    used.add(id);
    return id;
  });
  // Known ones, too: the transaction that wrote them may have been undone.
  const patterns = [...used].map((id) => JSON.stringify(Object.fromEntries(book.patterns.get(id) as Fates)));
  await client.query(
    `insert into app_private.import_fates (batch_id, collection_id, id, fates)
     select $1, $2, * from unnest($3::integer[], $4::jsonb[])
     on conflict (batch_id, collection_id, id) do nothing`,
    [batchId, collectionId, [...used], patterns],
  );
  return ids;
}

/** Records of one kind have their fields in the same order, so that hardly one of them needs sorting. */
function findOrAdd(book: FateBook, fates: Fates): number | null {
  const key = keyOf(sorted(fates));
  const known = book.idOf.get(key);
  if (known !== undefined) return known;
  if (book.patterns.size === mostPatterns) return null;
  const id = book.patterns.size + 1;
  book.patterns.set(id, fates);
  book.idOf.set(key, id);
  return id;
}

function sorted(fates: Fates): Fates {
  return new Map([...fates].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function keyOf(fates: Fates): string {
  let key = "";
  for (const [field, fate] of fates) key += `${field}\n${fate}\n`;
  return key;
}
