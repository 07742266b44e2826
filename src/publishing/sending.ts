import type { Logger } from "../log.ts";
import type { Element } from "./elements.ts";
import * as ledger from "./ledger.ts";
import type { LinkFinder } from "./links.ts";
import type { Listings } from "./listings.ts";
import type { MeteredClient } from "./metered.ts";
import type { Rendered } from "./render.ts";
import type { Snapshot } from "./snapshot.ts";
import { Stop } from "./stop.ts";
import type { Timing } from "./timing.ts";

/** Everything that stays the same through a run. */
export type Sending = {
  run: ledger.Run;
  claim: ledger.Claim;
  locationId: string;
  snapshot: Snapshot;
  folderToken: string;
  elements: Map<string, Element>;
  findLink: LinkFinder;
  listings: Listings;
  /** The journey's folder in GoHighLevel, once it is known. */
  folderId: string | null;
  client: MeteredClient["client"];
  meter: MeteredClient;
  timing: Timing;
  log: Logger;
  duplicatesArchived: number;
  /** How often an item was put back or aside because a call failed. */
  setBack: number;
};

/** Puts a location aside, and ends the run with it. */
export async function stopLocation(
  run: ledger.Run,
  locationId: string,
  status: "paused" | "needs_reauth" | "blocked",
  reason: string,
  pausedForMs: number | null,
): Promise<never> {
  await ledger.stopLocation(run, locationId, status, reason, pausedForMs);
  throw new Stop({ status: status === "paused" ? "deferred" : "blocked", lastError: reason, runInMs: pausedForMs });
}

/** Why a thing is not sent at all, or null. */
export function obstacleOf(rendered: Rendered): string | null {
  const empty = rendered.findings.find((finding) => finding.kind === "empty_content");
  return empty === undefined ? null : `${empty.detail} Write it, have the journey approved, and publish again.`;
}
