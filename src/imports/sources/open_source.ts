import type pg from "pg";
import type { Disk } from "../../disk.ts";
import { fail } from "../../errors.ts";
import type { FileStore } from "../files/file_store.ts";
import { type AirtableOptions, airtableLimits, openAirtable } from "./airtable.ts";
import { sharedBudget } from "./budget.ts";
import { openSnapshot } from "./snapshot.ts";
import type { Source } from "./source.ts";

/** What an import may use besides the database. */
export interface SourceAccess {
  airtable: { apiKey: string | undefined; endpointUrl: string };
  /** Where files that hang on records are kept; without it none are copied. */
  files?: FileStore;
  /** The database's own, where it is one of this machine: imports do not fill it. */
  disk?: Disk | undefined;
  clock?: AirtableOptions["clock"];
  retryDelayMs?: AirtableOptions["retryDelayMs"];
}

/**
 * Opens what `--from` names.
 *
 * @param from a snapshot folder, or `airtable:<base id>`
 * @param pool connections as the worker's login, through which all who read a base share its five requests a second; without, or with
 *   a clock of a test, this process counts for itself
 * @throws LandfallError where it is neither, where a token is missing, and as the readers do
 */
export async function openSource(from: string, access: SourceAccess, pool?: pg.Pool): Promise<Source> {
  if (!from.startsWith("airtable:")) return await openSnapshot(from);
  const baseId = from.slice("airtable:".length);
  if (!/^app\w+$/.test(baseId)) {
    fail(
      "airtable_base_invalid",
      `"${baseId}" is no base's id.`,
      "Write airtable:app…: the id stands in the base's URL.",
    );
  }
  const { apiKey, endpointUrl } = access.airtable;
  if (!apiKey) {
    fail(
      "airtable_token_refused",
      "No token for Airtable is set.",
      "Set AIRTABLE_API_KEY to a personal access token with the scopes data.records:read and schema.bases:read.",
    );
  }
  const { clock, retryDelayMs } = access;
  const isShared = pool !== undefined && clock === undefined;
  const budget = isShared ? sharedBudget(pool, from, airtableLimits) : undefined;
  return openAirtable({ baseId, apiKey, endpointUrl, clock, budget, retryDelayMs });
}
