import { fail } from "../../errors.ts";
import { type AirtableOptions, openAirtable } from "./airtable.ts";
import { openSnapshot } from "./snapshot.ts";
import type { Source } from "./source.ts";

/** What reading a live source takes besides its address; the configuration's `airtable`. */
export interface SourceAccess {
  airtable: { apiKey: string | undefined; endpointUrl: string };
  clock?: AirtableOptions["clock"];
  retryDelayMs?: AirtableOptions["retryDelayMs"];
}

/**
 * Opens what `--from` names.
 *
 * @param from a snapshot folder, or `airtable:<base id>`
 * @throws LandfallError where it is neither, where a token is missing, and as the readers do
 */
export async function openSource(from: string, access: SourceAccess): Promise<Source> {
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
  return openAirtable({ baseId, apiKey, endpointUrl, clock: access.clock, retryDelayMs: access.retryDelayMs });
}
