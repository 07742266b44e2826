import { createHash } from "node:crypto";

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const length = 12;

/** A token, wherever it stands in a name. */
export const tokenPattern = /\bpp[a-z2-7]{12}\b/;

/**
 * The word by which a thing of ours is found again in GoHighLevel, whose API knows no idempotency key and lets names be
 * doubled: `pp` and twelve letters and digits, so that a search has no punctuation to stumble over. It is made of what
 * never changes about the thing, and not of its version: a new version updates the same remote object.
 *
 * @param installationId keeps two installations that publish into one location apart
 * @param journeyId the journey
 * @param touchpointId the touchpoint, or null for what belongs to the whole journey, which is its folder
 */
export function publishToken(installationId: string, journeyId: string, touchpointId: string | null): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([installationId, journeyId, touchpointId]))
    .digest();
  return `pp${Array.from(digest.subarray(0, length), (byte) => alphabet[byte % alphabet.length]).join("")}`;
}
