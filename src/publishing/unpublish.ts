import { findTemplates } from "./assets.ts";
import type { Client, Failure } from "./client.ts";
import { describeFailure } from "./failure.ts";
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
export async function takeBack(
  run: ledger.Run,
  locationId: string,
  client: Client,
  settleDelaysMs: readonly number[],
): Promise<TakenBack> {
  const taken: TakenBack = { archived: 0, missing: 0, left: [] };
  const objects = await ledger.ownObjects(run, locationId);
  const folderId = objects.find((object) => object.asset_kind === "folder")?.remote_id ?? null;
  for (const object of objects) {
    const name = object.remote_name ?? object.token;
    if (object.asset_kind !== "template") {
      if (object.asset_kind in cannotArchive) {
        taken.left.push({ name, why: cannotArchive[object.asset_kind as keyof typeof cannotArchive] });
      }
      continue;
    }
    if (object.remote_id === null) {
      const found = await findTemplates(client, object.token, folderId);
      if (found.class !== "done") throw stopFor(found);
      for (const { id, isArchived } of found.data) {
        const outcome = isArchived ? found : await client.archiveTemplate(id);
        if (outcome.class !== "done") throw stopFor(outcome);
        taken.archived += 1;
      }
      const nextLook = settleDelaysMs.find((delay) => delay > (object.create_age_ms ?? 0));
      if (found.data.length === 0 && nextLook !== undefined) {
        const lastError =
          "The reply to a creation was lost: whether something was made is being found out. It goes on by itself.";
        throw new Stop({ status: "deferred", lastError, runInMs: nextLook - (object.create_age_ms ?? 0) });
      }
      await ledger.noteArchived(run, object.id);
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
      throw stopFor(outcome);
    }
  }
  return taken;
}

/** When it goes on after a call that did not go through. */
function stopFor(failure: Failure): Stop {
  const { stops } = decisions[failure.class];
  const runInMs = failure.rate.retryAfterMs ?? failure.rate.dailyResetMs ?? 60_000;
  const needsPerson = stops === "location" && failure.class !== "rate_daily";
  return new Stop({ status: needsPerson ? "blocked" : "deferred", lastError: describeFailure(failure), runInMs });
}
