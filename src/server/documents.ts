/** Trusted documents: what frontends were built with, stored beforehand, is all that is answered. */
import type pg from "pg";
import type { ErrorCatalog, WordedError } from "./errors.ts";

/** A request as it was sent, by whatever way. */
export interface SentDocument {
  query?: unknown;
  documentId?: unknown;
  extensions?: unknown;
}

export interface Documents {
  /** The text that a request means, or why there is none. Where it has an id and a text, the id counts. */
  find(sent: SentDocument): Promise<string | WordedError>;
}

/** How long an id is remembered, in milliseconds: one that is taken away is refused a minute later. */
const REMEMBERED_FOR = 60_000;
const MOST_REMEMBERED = 1_000;

/**
 * @param pool connections as the authenticator
 * @param errors where LF900 (invalid_request) and LF912 (unknown_document) are worded
 * @param onlyTrusted whether a text is refused that was not stored beforehand
 */
export function makeDocuments(pool: pg.Pool, errors: ErrorCatalog, onlyTrusted: boolean): Documents {
  const remembered = new Map<string, { text: string; until: number }>();

  async function read(id: string): Promise<string | null> {
    const known = remembered.get(id);
    if (known && known.until > Date.now()) return known.text;
    const { rows } = await pool.query<{ text: string | null }>({
      name: "trusted_document",
      text: "select app.trusted_document($1) as text",
      values: [id],
    });
    const text = rows[0]?.text ?? null;
    remembered.delete(id);
    if (text === null) return null;
    const [oldest] = remembered.keys();
    if (remembered.size >= MOST_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    remembered.set(id, { text, until: Date.now() + REMEMBERED_FOR });
    return text;
  }

  return {
    async find(sent) {
      const id = idOf(sent);
      if (id !== undefined) return (await read(id)) ?? errors.word("LF912", `"${id.slice(0, 100)}"`);
      if (typeof sent.query !== "string") return errors.word("LF900", 'the body has no text called "query".');
      return onlyTrusted ? errors.word("LF912", "a text without an id") : sent.query;
    },
  };
}

/** The id of the document that a request means. As the GraphQL-over-HTTP draft has it, and as Apollo's link sends it. */
export function idOf({ documentId, extensions }: SentDocument): string | undefined {
  if (typeof documentId === "string") return documentId;
  const persisted = property(extensions, "persistedQuery");
  const hash = property(persisted, "sha256Hash");
  return typeof hash === "string" ? hash : undefined;
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
