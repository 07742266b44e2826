import { z } from "zod";

/** What can go wrong on the way to Airtable: the next requests meet the faults in the order in which they were ordered. */
export const faultSchema = z.enum([
  /** Nothing goes wrong. */
  "none",
  /** The connection is cut before an answer. */
  "reset",
  /** It is cut within the answer. */
  "reset-within",
  /** Nothing comes, ever. */
  "stall",
  /** 200, and half of the JSON. */
  "truncated",
  /** 200, packed, and half of it. */
  "gzip-cut",
  /** 200, and a page for people. */
  "html",
  /** 500. */
  "server-error",
  /** 502, and a page for people: safe to ask again. */
  "bad-gateway",
  /** 503. */
  "unavailable",
  /** 503 with `Retry-After: 1`. */
  "unavailable-for-a-second",
  /** 429, with the penalty. */
  "rate",
  /** 429, the month's calls are used up. */
  "quota",
  /** The page brings its first record twice. */
  "repeat",
]);

export type Fault = z.infer<typeof faultSchema>;

/** A page that is about to be answered. */
export interface PageEvent {
  table: string;
  /** 1 for the first page of an iterator. */
  page: number;
}

export interface Faults {
  /** From now on the token is refused. */
  isTokenRevoked: boolean;
  /** From now on the month's calls are used up; the metadata still answers. */
  isQuotaUsedUp: boolean;
  /** What an attachment's address answers when it has expired: 410, as a page for people, is what people have seen. */
  expiredAttachmentStatus: 410 | 403 | 200;
  /** An expired iterator is told by a bare string, as older clients have met it. */
  hasBareIteratorError: boolean;
  /** Orders faults for the requests to come. */
  order(...faults: Fault[]): void;
  /** The next request that brings an offset finds it expired. */
  expireNextOffset(): void;
  /** The next attachment that is asked for has an address that has expired. */
  expireNextAttachment(): void;
  /** Called before every page of a list: a test edits, deletes and adds records, or renames a field, between two pages. */
  onPage: ((event: PageEvent) => void) | null;
  /** The fault that this request meets. */
  take(): Fault;
  takeExpiry(): boolean;
  takeAttachmentExpiry(): boolean;
}

export function makeFaults(): Faults {
  const ordered: Fault[] = [];
  let expiries = 0;
  let attachmentExpiries = 0;
  return {
    isTokenRevoked: false,
    isQuotaUsedUp: false,
    expiredAttachmentStatus: 410,
    hasBareIteratorError: false,
    onPage: null,
    order: (...faults) => {
      ordered.push(...faults);
    },
    expireNextOffset: () => {
      expiries += 1;
    },
    expireNextAttachment: () => {
      attachmentExpiries += 1;
    },
    take: () => ordered.shift() ?? "none",
    takeExpiry: () => {
      if (expiries === 0) return false;
      expiries -= 1;
      return true;
    },
    takeAttachmentExpiry: () => {
      if (attachmentExpiries === 0) return false;
      attachmentExpiries -= 1;
      return true;
    },
  };
}
