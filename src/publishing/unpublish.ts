import type { Client } from "./client.ts";
import * as ledger from "./ledger.ts";
import { decisions } from "./outcomes.ts";
import { Stop } from "./stop.ts";

/** What was put away, and what stays because GoHighLevel's API cannot archive it or a person has taken it over. */
export type TakenBack = { archived: number; missing: number; left: { name: string; why: string }[] };

const cannotArchive = {
  folder: "GoHighLevel's API cannot archive a folder",
  custom_value: "GoHighLevel's API cannot archive a custom value; delete it there once no workflow uses it",
  tag: "GoHighLevel's API cannot archive a tag; delete it there once no workflow waits for it",
};

/**
 * Archives what a journey has in the location, as far as it still carries our token. Nothing is deleted.
 *
 * @throws Stop where GoHighLevel does not let it go on now
 */
export async function takeBack(run: ledger.Run, locationId: string, client: Client): Promise<TakenBack> {
  const taken: TakenBack = { archived: 0, missing: 0, left: [] };
  for (const object of await ledger.ownObjects(run, locationId)) {
    const name = object.remote_name ?? object.token;
    if (object.asset_kind !== "template") {
      if (object.asset_kind in cannotArchive) {
        taken.left.push({ name, why: cannotArchive[object.asset_kind as keyof typeof cannotArchive] });
      }
      continue;
    }
    const read = await client.getTemplate(object.remote_id);
    if (read.class === "done" && !read.data.name.includes(object.token)) {
      taken.left.push({ name: read.data.name, why: "a person gave it another name, without our token" });
      continue;
    }
    const outcome = read.class === "done" ? await client.archiveTemplate(object.remote_id) : read;
    if (outcome.class === "done") {
      await ledger.noteArchived(run, object.id);
      taken.archived += 1;
    } else if (outcome.class === "gone") {
      await ledger.noteArchived(run, object.id);
      taken.missing += 1;
    } else if (decisions[outcome.class].stops === "item") {
      taken.left.push({ name, why: outcome.messages.join("; ") });
    } else {
      const lastError = `GoHighLevel: ${outcome.messages.join("; ")}. ${decisions[outcome.class].wayOut}`;
      const runInMs = outcome.rate.retryAfterMs ?? outcome.rate.dailyResetMs ?? 60_000;
      const isDue = decisions[outcome.class].stops === "location" && outcome.class !== "rate_daily";
      throw new Stop({ status: isDue ? "blocked" : "deferred", lastError, runInMs });
    }
  }
  return taken;
}
