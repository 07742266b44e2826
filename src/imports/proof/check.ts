import type pg from "pg";
import type { Batch } from "../pipeline/batch.ts";
import type { LedgerCollection } from "../pipeline/collections.ts";
import type { MergedRows } from "../pipeline/merges.ts";

/** One comparison over a whole population: a line of imports.checks. */
export interface Check {
  /** Null where it is about the whole batch. */
  collectionId: string | null;
  layer: "counts" | "fields" | "references" | "types" | "computed";
  name: string;
  expected: number;
  actual: number;
  /** Record ids, the first twenty; row ids where no record is behind a row, field names where cells are counted. */
  offending: string[];
}

/** What every part of the proof works with. */
export interface Proving {
  client: pg.ClientBase;
  batch: Batch;
  line: LedgerCollection;
  /** The other collections of the batch. */
  ledger: LedgerCollection[];
  /** Whether nothing is carried over from an earlier batch's proof, whatever the import did. */
  derivesAll: boolean;
  /** The rows of records that were merged into others. */
  merged: MergedRows;
}

/** How many offenders a check names. */
export const offendersShown = 20;

/** Quotes a text for SQL that a mapping makes. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
