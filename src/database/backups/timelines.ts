/**
 * After every restore the log goes on in a timeline of its own, so that what was written before and is undone now stays readable. Which timeline
 * was the database at a moment, is written down here at each restore.
 */
import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { syncFolder } from "../../new_folder.ts";

const restoreSchema = z.object({
  systemIdentifier: z.string(),
  /** When the restored cluster took over. */
  at: z.iso.datetime(),
  /** The moment that it was restored to, as it was asked for; null for the newest there was. */
  to: z.string().nullable(),
  backup: z.string(),
  timeline: z.number().int().min(2),
});

/** A restore that was made. */
export type Restore = z.infer<typeof restoreSchema>;

function restoresFile(dir: string): string {
  return join(dir, "restores.json");
}

/** The restores of a folder of backups, the oldest first. */
export async function readRestores(dir: string): Promise<Restore[]> {
  const file = restoresFile(dir);
  return existsSync(file) ? z.array(restoreSchema).parse(JSON.parse(await readFile(file, "utf8"))) : [];
}

/** Writes a restore down. What was written of a restore that did not come to its end, and whose timeline this one has, goes. */
export async function recordRestore(dir: string, restore: Restore): Promise<void> {
  const file = restoresFile(dir);
  const { systemIdentifier, timeline } = restore;
  const others = (await readRestores(dir)).filter(
    (other) => other.systemIdentifier !== systemIdentifier || other.timeline !== timeline,
  );
  const all = [...others, restoreSchema.parse(restore)];
  await writeFile(`${file}.new`, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
  await syncFolder(dirname(file));
}

/**
 * The timeline in which a cluster lived at a moment.
 *
 * @param first the one before any restore that is written down
 */
export function timelineAt(restores: Restore[], systemIdentifier: string, moment: Date, first: number): number {
  const before = restores.filter(
    (restore) => restore.systemIdentifier === systemIdentifier && new Date(restore.at) <= moment,
  );
  return before.at(-1)?.timeline ?? first;
}

/**
 * A timeline and those it comes from, the newest first, with the place in the log where each begins.
 *
 * @param read gives the text of a `….history`, or undefined where nobody has it; the first timeline has none
 */
export async function ancestry(
  timeline: number,
  read: (name: string) => Promise<string | undefined>,
): Promise<{ timeline: number; begins: bigint }[] | undefined> {
  if (timeline === 1) return [{ timeline: 1, begins: 0n }];
  const text = await read(historyName(timeline));
  if (text === undefined) return undefined;
  // Each line: a parent, the place where it was left, and why.
  const lines = text.split("\n").filter((line) => /^\d/.test(line));
  let begins = 0n;
  const parents = lines.map((line) => {
    const [parent = "", left = ""] = line.split("\t");
    const entry = { timeline: Number(parent), begins };
    begins = placeInLog(left);
    return entry;
  });
  return [{ timeline, begins }, ...parents.reverse()];
}

/** The file in which a timeline's origin is told. */
export function historyName(timeline: number): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, "0")}.history`;
}

/** `16/B374D848` as a number of bytes. */
export function placeInLog(text: string): bigint {
  const [high = "0", low = "0"] = text.split("/");
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}
