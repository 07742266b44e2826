import pg from "pg";
import { readHoldings } from "../tenants/holdings.ts";

/** Rows of a tenant that say one of the words somewhere. */
export interface Mention {
  table: string;
  column: string;
  rows: number;
}

const textual = /^(text|jsonb?|text\[\])$/;

/**
 * Looks for words in every text that a tenant has, upper and lower case alike: what somebody wrote about a person where it belongs to
 * somebody else is for people to judge.
 *
 * @param client connected as the owner of the tables
 */
export async function findMentions(
  client: pg.ClientBase,
  tenantId: string,
  words: readonly string[],
): Promise<Mention[]> {
  if (words.length === 0) return [];
  const patterns = words.map((word) => `%${word.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`);
  const mentions: Mention[] = [];
  for (const { table, condition, columns } of await readHoldings(client)) {
    const texts = columns.filter(({ type, isSecret }) => textual.test(type) && !isSecret).map(({ name }) => name);
    if (texts.length === 0) continue;
    const counts = texts.map(
      (name, index) => `count(*) filter (where lower(t.${pg.escapeIdentifier(name)}::text) like any ($2)) as c${index}`,
    );
    const { rows } = await client.query<Record<string, string>>(
      `select ${counts.join(", ")} from ${table} t where ${condition}`,
      [tenantId, patterns],
    );
    for (const [index, column] of texts.entries()) {
      const count = Number(rows[0]?.[`c${index}`]);
      if (count > 0) mentions.push({ table, column, rows: count });
    }
  }
  return mentions;
}
